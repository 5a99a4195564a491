// SPDX-License-Identifier: Apache-2.0
// The build cache (cache.h). SHA256SUMS is what `sha256sum -c` reads.
#define _GNU_SOURCE
#include "cache.h"
#include "file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUMS "SHA256SUMS"
enum { HEX = 64, SUMS_MAX = 1 << 20 };
static const size_t max_file = (size_t)1 << 31;

static int fail(const char *path, const char *what, char *error, size_t error_size) {
    return mr_fail(error, error_size, "%s: %s (%s)", path, what, strerror(errno));
}

// ---- whose it is

// 0, or -1 with a sentence when others may have changed what is there.
static int check_owner(const char *path, const struct stat *status, char *error,
                       size_t error_size) {
    const unsigned mode = (unsigned)status->st_mode & 07777;
    if (status->st_uid != geteuid())
        return mr_fail(error, error_size,
                       "%s belongs to another user (%lu), and what the build cache holds is run as "
                       "code; remove it, or set MILLRACE_CACHE to a directory of your own",
                       path, (unsigned long)status->st_uid);
    if (mode & (S_IWGRP | S_IWOTH))
        return mr_fail(error, error_size,
                       "%s may be written by other users (mode %o), and what the build cache holds "
                       "is run as code; empty it and take the right away (chmod go-w), or set "
                       "MILLRACE_CACHE to a directory of your own",
                       path, mode);
    return 0;
}

// Makes a directory and those above it, for the user alone.
static int make_directories(const char *path) {
    char part[PATH_MAX];
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (char *slash = part; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (mkdir(part, 0700) && errno != EEXIST)
            return -1;
        *slash = '/';
    }
    if (mkdir(part, 0700) && errno != EEXIST)
        return -1;
    return 0;
}

int mr_cache_use(const char *path, char *error, size_t error_size) {
    struct stat status;
    bool good = !make_directories(path) && !stat(path, &status);
    if (good && !S_ISDIR(status.st_mode)) {
        errno = ENOTDIR;
        good = false;
    }
    if (good && check_owner(path, &status, error, error_size))
        return -1;
    if (good && !access(path, W_OK | X_OK))
        return 0;
    return mr_fail(error, error_size,
                   "%s: cannot be used as the build cache (%s); set MILLRACE_CACHE to a directory "
                   "that can be written",
                   path, strerror(errno));
}

int mr_cache_dir(char *path, size_t path_size, char *error, size_t error_size) {
    const char *own = getenv("MILLRACE_CACHE"), *xdg = getenv("XDG_CACHE_HOME"),
               *home = getenv("HOME");
    int length;
    if (own && *own)
        length = snprintf(path, path_size, "%s", own);
    else if (xdg && *xdg)
        length = snprintf(path, path_size, "%s/millrace", xdg);
    else if (home && *home)
        length = snprintf(path, path_size, "%s/.cache/millrace", home);
    else
        return mr_fail(error, error_size,
                       "no place for the build cache: set MILLRACE_CACHE to a directory");
    if (length < 0 || (size_t)length >= path_size)
        return mr_fail(error, error_size,
                       "the path of the build cache is too long; set MILLRACE_CACHE");
    return mr_cache_use(path, error, error_size);
}

// ---- whether it is sound

// The checksum as text; false when the file cannot be read.
static bool checksum(const char *path, char hex[HEX + 1]) {
    unsigned char digest[EVP_MAX_MD_SIZE], *data;
    size_t size;
    char error[600];
    if (mr_file_read(path, max_file, &data, &size, error, sizeof error))
        return false;
    const bool good = EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL) == 1;
    for (int i = 0; good && i < HEX / 2; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    free(data);
    return good;
}

enum state { SOUND, ABSENT, DAMAGED, REFUSED };

// Says in `problem` what is damaged; a file that others may have changed is refused with a sentence
// in error.
static enum state check_file(const char *entry, const char *name, const char *sum, char *problem,
                             size_t problem_size, char *error, size_t error_size) {
    char path[PATH_MAX], hex[HEX + 1];
    struct stat status;
    if (strchr(name, '/') ||
        snprintf(path, sizeof path, "%s/%s", entry, name) >= (int)sizeof path ||
        lstat(path, &status) || !S_ISREG(status.st_mode)) {
        snprintf(problem, problem_size, "it lacks %.100s", name);
        return DAMAGED;
    }
    if (check_owner(path, &status, error, error_size))
        return REFUSED;
    if (sum && (!checksum(path, hex) || strcmp(hex, sum) != 0)) {
        snprintf(problem, problem_size, "%.100s is not as it was built", name);
        return DAMAGED;
    }
    return SOUND;
}

static enum state check_sums(const char *entry, char *sums, char *problem, size_t problem_size,
                             char *error, size_t error_size) {
    char *rest = NULL;
    size_t count = 0;
    snprintf(problem, problem_size, "its " SUMS " is damaged");
    for (char *line = strtok_r(sums, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strlen(line) < HEX + 3 || memcmp(line + HEX, "  ", 2) != 0)
            return DAMAGED;
        line[HEX] = '\0';
        const enum state state =
            check_file(entry, line + HEX + 2, line, problem, problem_size, error, error_size);
        if (state != SOUND)
            return state;
        count++;
    }
    return count ? SOUND : DAMAGED;
}

static enum state check_entry(const char *entry, char *problem, size_t problem_size, char *error,
                              size_t error_size) {
    char path[PATH_MAX];
    struct stat status;
    if (lstat(entry, &status)) {
        if (errno == ENOENT)
            return ABSENT;
        fail(entry, "cannot be looked at", error, error_size);
        return REFUSED;
    }
    if (check_owner(entry, &status, error, error_size))
        return REFUSED;
    if (!S_ISDIR(status.st_mode)) {
        snprintf(problem, problem_size, "it is no directory");
        return DAMAGED;
    }
    const enum state state =
        check_file(entry, SUMS, NULL, problem, problem_size, error, error_size);
    if (state != SOUND)
        return state;
    unsigned char *sums = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/" SUMS, entry);
    if (mr_file_read(path, SUMS_MAX, &sums, &size, problem, problem_size))
        return DAMAGED;
    const enum state found =
        check_sums(entry, (char *)sums, problem, problem_size, error, error_size);
    free(sums);
    return found;
}

// ---- making it

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status, (void)type, (void)ftw;
    return remove(path);
}

static int remove_tree(const char *path) {
    struct stat status;
    if (lstat(path, &status))
        return errno == ENOENT ? 0 : -1;
    return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int take_lock(struct mr_entry *entry, char *error, size_t error_size) {
    char path[PATH_MAX + 8];
    snprintf(path, sizeof path, "%s.lock", entry->path);
    entry->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (entry->lock < 0)
        return fail(path, "cannot be opened", error, error_size);
    while (flock(entry->lock, LOCK_EX))
        if (errno != EINTR)
            return fail(path, "cannot be locked", error, error_size);
    return 0;
}

static int is_visible(const struct dirent *entry) {
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

// Puts the file's checksum into the text, takes the rights of others away, and waits until it is on
// the disk.
static int seal_file(const char *folder, const char *name, FILE *sums, char *error,
                     size_t error_size) {
    char path[PATH_MAX + 300], hex[HEX + 1];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const bool good = fd >= 0 && !fstat(fd, &status) && S_ISREG(status.st_mode) &&
                      !fchmod(fd, status.st_mode & 0755) && !fsync(fd);
    if (!good)
        fail(path, "was not written by the build", error, error_size);
    if (fd >= 0)
        close(fd);
    if (!good)
        return -1;
    if (!checksum(path, hex))
        return mr_fail(error, error_size, "%s: not enough memory for its checksum", path);
    fprintf(sums, "%s  %s\n", hex, name);
    return 0;
}

static int seal(const char *folder, char *error, size_t error_size) {
    struct dirent **names = NULL;
    char *text = NULL, path[PATH_MAX + 300];
    size_t size = 0;
    FILE *sums = open_memstream(&text, &size);
    const int count = sums ? scandir(folder, &names, is_visible, alphasort) : -1;
    int result = 0;
    if (count <= 0)
        result = mr_fail(error, error_size, "%s: the build wrote nothing into it", folder);
    for (int i = 0; i < count; i++) {
        if (!result)
            result = seal_file(folder, names[i]->d_name, sums, error, error_size);
        free(names[i]);
    }
    free(names);
    if (sums && fclose(sums) && !result)
        result = mr_fail(error, error_size, "%s: not enough memory for its checksums", folder);
    snprintf(path, sizeof path, "%s/" SUMS, folder);
    const struct mr_piece piece = {text, size};
    if (!result)
        result = mr_file_write(path, &piece, 1, error, error_size);
    if (!result && (chmod(path, 0644) || chmod(folder, 0755)))
        result = fail(folder, "cannot be protected", error, error_size);
    free(text);
    return result;
}

static int make_entry(struct mr_entry *entry, mr_entry_make *make, void *context, char *error,
                      size_t error_size) {
    if (remove_tree(entry->place))
        return fail(entry->place, "is left from a killed build and cannot be removed", error,
                    error_size);
    if (mkdir(entry->place, 0700) || mkdir(entry->out, 0700))
        return fail(entry->place, "cannot be created", error, error_size);
    int result = make(context, entry, error, error_size);
    if (!result)
        result = seal(entry->out, error, error_size);
    if (!result && rename(entry->out, entry->path))
        result = fail(entry->path, "cannot be created", error, error_size);
    // What stays behind is removed by the next build of the same entry.
    (void)remove_tree(entry->place);
    return result;
}

static int get_locked(struct mr_entry *entry, mr_entry_make *make, void *context,
                      const struct mr_notes *notes, char *error, size_t error_size) {
    char problem[600] = "", text[PATH_MAX + 700];
    const enum state state = check_entry(entry->path, problem, sizeof problem, error, error_size);
    if (state == SOUND) // another builder was first
        return 0;
    if (state == REFUSED)
        return -1;
    if (state == DAMAGED) {
        snprintf(text, sizeof text, "%s in the build cache is damaged (%s) and is built again",
                 entry->path, problem);
        if (notes && notes->tell)
            notes->tell(notes->context, text);
        if (remove_tree(entry->path))
            return fail(entry->path, "is damaged and cannot be removed", error, error_size);
    }
    return make_entry(entry, make, context, error, error_size);
}

int mr_entry_get(const char *path, mr_entry_make *make, void *context, const struct mr_notes *notes,
                 char *error, size_t error_size) {
    char problem[600];
    const enum state state = check_entry(path, problem, sizeof problem, error, error_size);
    if (state == SOUND || state == REFUSED)
        return state == SOUND ? 0 : -1;
    struct mr_entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return mr_fail(error, error_size, "%s: not enough memory to build it", path);
    entry->lock = -1;
    int result = 0;
    if (snprintf(entry->path, sizeof entry->path, "%s", path) >= (int)sizeof entry->path - 16)
        result = mr_fail(error, error_size, "%s: the path of the build cache is too long", path);
    snprintf(entry->place, sizeof entry->place, "%s.tmp", entry->path);
    snprintf(entry->out, sizeof entry->out, "%s/out", entry->place);
    snprintf(entry->kept, sizeof entry->kept, "%s.log", entry->path);
    if (!result)
        result = take_lock(entry, error, error_size);
    if (!result)
        result = get_locked(entry, make, context, notes, error, error_size);
    if (entry->lock >= 0)
        close(entry->lock);
    free(entry);
    return result;
}
