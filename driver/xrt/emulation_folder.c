// SPDX-License-Identifier: Apache-2.0
// The private folder and the environment of XRT's hardware emulation (emulation.h).
#define _GNU_SOURCE
#include "emulation.h"
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// XRT's sockets lie in /tmp/$USER, by names of at most 106 bytes, and its emulation hands the paths
// of its folder to a shell. So the folder has a short and plain name there, whatever TMPDIR says,
// and is what USER names: nobody else can have made it or look into it.
#define PARENT "/tmp"

// XRT reads its environment once, so a process has one, made at first use and kept until it ends.
static struct {
    pthread_mutex_t lock;
    bool ready;
    char folder[64];
    pid_t owner;
} own = {.lock = PTHREAD_MUTEX_INITIALIZER};

// The sleeps of XRT 2.13's close and wait are off with system_dpa and kds. Its buffer for messages
// must not grow, so the first message is the largest: every key of Emulation and Debug is in it.
// cdma: a buffer in the wrong bank would be copied to the right one by an engine that is not there.
enum { PACKET = 0x10000, PAD = PACKET + 1024 };

static int write_text(const char *name, const char *text, char *error, size_t error_size) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", own.folder, name);
    const struct mr_piece piece = {text, strlen(text)};
    return mr_file_write(path, &piece, 1, error, error_size);
}

static int write_ini(bool xrt_starts, char *error, size_t error_size) {
    char *text = NULL;
    size_t size = 0;
    FILE *ini = open_memstream(&text, &size);
    if (!ini)
        return mr_fail(error, error_size, "not enough memory to set up emulation");
    fprintf(ini,
            "[Runtime]\nkds=false\ncdma=false\nruntime_log=console\n[Emulation]\npacket_size=0x%"
            "x\ndont_run=%s\nsystem_dpa=false\n"
            "print_infos_in_console=false\nprint_warnings_in_console=false\n"
            "print_errors_in_console=false\n[Debug]\nrpc_pad=",
            PACKET, xrt_starts ? "false" : "true");
    for (int i = 0; i < PAD; i++)
        fputc('x', ini);
    fputc('\n', ini);
    fclose(ini);
    const int result = text ? write_text("xrt.ini", text, error, error_size)
                            : mr_fail(error, error_size, "not enough memory to set up emulation");
    free(text);
    return result;
}

static const char device_list[] =
    "{\"Version\": {\"FileVersion\": \"2.0\", \"ToolVersion\": \"2022.1\"},\n"
    " \"Platform\": {\"Boards\": [{\"NumBoards\": \"1\", \"Devices\": [{\n"
    "  \"Name\": \"millrace_emulated\", \"NumDevices\": \"16\",\n"
    "  \"HalMajorVersion\": \"1\", \"HalMinorVersion\": \"0\", \"VendorId\": \"4334\",\n"
    "  \"DdrBanks\": [{\"Name\": \"bank0\", \"Size\": \"64GB\"}]}]}]}}\n";

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status, (void)type, (void)ftw;
    (void)remove(path);
    return 0; // go on with the others
}

void mr_emulation_remove_tree(const char *path) {
    // Processes that are just ending may still write there.
    for (int tries = 0; tries < 50; tries++) {
        (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        if (access(path, F_OK))
            return;
        usleep(10000);
    }
}

// The process in a name like "millrace-77-Ab12cd"; 0: none.
static long process_in(const char *name) {
    static const char begin[] = "millrace-";
    if (strncmp(name, begin, sizeof begin - 1) != 0)
        return 0;
    char *end;
    const long process = strtol(name + sizeof begin - 1, &end, 10);
    return *end == '-' && process > 0 && process < LONG_MAX ? process : 0;
}

static bool is_own_folder(const char *path) {
    struct stat status;
    return !lstat(path, &status) && S_ISDIR(status.st_mode) && status.st_uid == getuid();
}

// A folder is in use while its process holds the lock in it, which is there at once.
static bool is_left(const char *path, long process) {
    enum { AT_ONCE = 60 }; // seconds
    char lock[PATH_MAX];
    struct stat status;
    if (!kill((pid_t)process, 0) || errno != ESRCH)
        return false;
    snprintf(lock, sizeof lock, "%s/lock", path);
    const int fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    const bool left = fd >= 0 ? !flock(fd, LOCK_EX | LOCK_NB)
                              : !lstat(path, &status) && status.st_mtime + AT_ONCE < time(NULL);
    if (fd >= 0)
        close(fd);
    return left;
}

// Calls the function for each of the folders in PARENT that this user's processes have, or had.
static void each_folder(void (*use)(const char *path, long process, void *context), void *context) {
    char path[PATH_MAX];
    DIR *entries = opendir(PARENT);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        const long process = process_in(entry->d_name);
        if (process > 0 &&
            snprintf(path, sizeof path, PARENT "/%s", entry->d_name) < (int)sizeof path &&
            is_own_folder(path))
            use(path, process, context);
    }
    if (entries)
        closedir(entries);
}

static void remove_left(const char *path, long process, void *context) {
    (void)context;
    if (is_left(path, process))
        mr_emulation_remove_tree(path);
}

static void remove_of(const char *path, long process, void *context) {
    if (process == *(const long *)context)
        mr_emulation_remove_tree(path);
}

void mr_emulation_sweep(long process) {
    each_folder(remove_of, &process);
}

struct words {
    long process;
    char *line;
    size_t size;
};

static void read_last_line(const char *path, long process, void *context) {
    const struct words *words = context;
    char log[PATH_MAX + 32], line[300];
    if (process != words->process)
        return;
    snprintf(log, sizeof log, "%s/" MR_EMULATION_LOG, path);
    FILE *file = fopen(log, "r");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (*line)
            snprintf(words->line, words->size, "%s", line);
    }
    if (file)
        fclose(file);
}

void mr_emulation_last_words(long process, char *line, size_t size) {
    struct words words = {process, line, size};
    *line = '\0';
    each_folder(read_last_line, &words);
}

static int make_environment(bool xrt_starts, char *error, size_t error_size) {
    char path[PATH_MAX];
    each_folder(remove_left, NULL);
    snprintf(own.folder, sizeof own.folder, PARENT "/millrace-%ld-XXXXXX", (long)getpid());
    if (!mkdtemp(own.folder)) {
        const int reason = errno;
        *own.folder = '\0';
        return mr_fail(error, error_size,
                       "no folder for the emulated card in " PARENT
                       " (%s); XRT's emulation has its "
                       "sockets there",
                       strerror(reason));
    }
    own.owner = getpid();
    atexit(mr_emulation_remove_folder);
    snprintf(path, sizeof path, "%s/lock", own.folder);
    const int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); // until the process ends
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB))
        return mr_fail(error, error_size, "%s: cannot be locked (%s)", path, strerror(errno));
    if (write_ini(xrt_starts, error, error_size) ||
        write_text("emconfig.json", device_list, error, error_size))
        return -1;
    snprintf(path, sizeof path, "%s/xrt.ini", own.folder);
    if (setenv("XCL_EMULATION_MODE", "hw_emu", 1) ||
        setenv("USER", own.folder + sizeof PARENT, 1) || setenv("XRT_INI_PATH", path, 1) ||
        setenv("EMCONFIG_PATH", own.folder, 1) || setenv("SDACCEL_EM_RUN_DIR", own.folder, 1) ||
        setenv("XILINX_VITIS", own.folder, 0))
        return mr_fail(error, error_size, "not enough memory for the environment of emulation");
    own.ready = true;
    return 0;
}

int mr_emulation_prepare(bool xrt_starts, char *error, size_t error_size) {
    pthread_mutex_lock(&own.lock);
    int result = 0;
    if (!own.ready)
        result = make_environment(xrt_starts, error, error_size);
    pthread_mutex_unlock(&own.lock);
    return result;
}

int mr_emulation_set_libraries(const char *folder, char *error, size_t error_size) {
    char home[PATH_MAX + 16], path[PATH_MAX + 64];
    if (!own.ready)
        return 0;
    snprintf(home, sizeof home, "%s/xrt", own.folder);
    snprintf(path, sizeof path, "%s/lib", home);
    if ((mkdir(home, 0700) && errno != EEXIST) || (symlink(folder, path) && errno != EEXIST) ||
        setenv("XILINX_XRT", home, 1))
        return mr_fail(error, error_size, "%s: cannot be written (%s)", path, strerror(errno));
    return 0;
}

const char *mr_emulation_folder(void) {
    return own.folder;
}

void mr_emulation_remove_folder(void) {
    if (*own.folder && own.owner == getpid())
        mr_emulation_remove_tree(own.folder);
}
