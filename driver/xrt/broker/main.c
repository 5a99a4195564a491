// SPDX-License-Identifier: Apache-2.0
// `millrace_broker`: the process that holds XRT for one emulated card (broker.h). The library
// starts it; it drives the card by the code that drives a real one in the program's own process.
//
// It is nobody's child and has a session of its own, so that no key, signal or wait meant for the
// program reaches it, and what XRT does to a process group stays here. It ends with the program.
#define _GNU_SOURCE
#include "broker.h"
#include "emulation.h"
#include "failure.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    DESCRIPTORS = 64, // that XRT and the card need, with some to spare
    MOST_DESCRIPTORS = 65536,
    LAST_MS = 1000 // for the card to close its files when the program is gone
};

static void wait_ms(long ms) {
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

// XRT's emulation sleeps ten seconds at the first image, "for the simulator to start". The card has
// been started before. The library calls find this function before that of libc.
__attribute__((visibility("default"))) unsigned sleep(unsigned seconds) {
    (void)seconds;
    wait_ms(1);
    return 0;
}

// ---- The end -----------------------------------------------------------------------------------

// The card sees its connection closed; whatever else is still in the session is ended.
static _Noreturn void end_all(void) {
    static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER; // of both threads; for good
    pthread_mutex_lock(&once);
    mr_emulation_remove_folder();
    if (fork() == 0) {
        for (int fd = 0; fd < 1024; fd++)
            close(fd);
        wait_ms(LAST_MS);
        kill(0, SIGKILL);
    }
    _exit(0);
}

static atomic_bool closed; // in order: the program is free to go

// The process at the other end of the socket.
static pid_t program(void) {
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    return getsockopt(MR_BROKER_SOCKET, SOL_SOCKET, SO_PEERCRED, &peer, &size) ? 0 : peer.pid;
}

// Also where a child of the program holds the socket open.
static bool is_gone(pid_t process) {
    return process > 0 && kill(process, 0) && errno == ESRCH;
}

static void *watch_program(void *context) {
    struct mr_broker_memory *memory = context;
    const pid_t process = program();
    for (;;) {
        struct pollfd wait = {.fd = MR_BROKER_SOCKET, .events = POLLRDHUP};
        const bool gone = poll(&wait, 1, MR_BROKER_BEAT_MS) > 0 || is_gone(process);
        if (atomic_load(&closed))
            return NULL;
        if (gone)
            end_all();
        atomic_fetch_add(&memory->beats, 1);
    }
}

// ---- Requests ----------------------------------------------------------------------------------

struct broker {
    unsigned char *memory;
    uint64_t size;
    void *card;
    unsigned jobs; // under way
};

static bool map_memory(struct broker *broker, uint64_t size) {
    if (size <= broker->size)
        return true;
    // The first page stays: the beats go on there. So does what jobs under way point to.
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, MR_BROKER_MEMORY, 0);
    if (memory == MAP_FAILED)
        return false;
    if (broker->size > MR_BROKER_PAGE && !broker->jobs)
        munmap(broker->memory, broker->size);
    broker->memory = memory;
    broker->size = size;
    return true;
}

// XRT gets the image by a plain name.
static int open_card(struct broker *broker, struct mr_broker_reply *reply) {
    struct mr_xrt_place place =
        *(const struct mr_xrt_place *)(void *)(broker->memory + MR_BROKER_DATA);
    char plain[128];
    snprintf(plain, sizeof plain, "%s/image.xclbin", mr_emulation_folder());
    if (symlink(place.file, plain))
        return mr_failure(&reply->error, MR_ERROR_DEVICE, "%s: cannot be made (%s)", plain,
                          strerror(errno));
    snprintf(place.file, sizeof place.file, "%s", plain);
    broker->card = mr_xrt_here.open(&place, &reply->shape, &reply->error);
    return broker->card ? 0 : reply->error.code;
}

static void *at(const struct broker *broker, uint64_t place) {
    return place ? broker->memory + place : NULL;
}

// The job at this place; the program restores its own pointers.
static struct mr_job *job_at(struct broker *broker, uint64_t index) {
    struct mr_broker_memory *memory = (void *)broker->memory;
    struct mr_broker_run *run = &memory->runs[index % MR_JOBS_AHEAD];
    struct mr_timeline *timeline = run->counts ? &run->timeline : NULL;
    run->job.in->name = "x";
    run->job.out->name = "y";
    run->job.in->data = at(broker, run->x);
    run->job.out->data = at(broker, run->y);
    run->job.activity = at(broker, run->activity);
    run->job.probes = at(broker, run->probes);
    run->job.timeline = timeline;
    run->timeline.before = at(broker, run->before);
    run->timeline.cycles = at(broker, run->cycles);
    run->timeline.counts = at(broker, run->counts);
    return &run->job;
}

static int submit(struct broker *broker, uint64_t index, struct mr_error *error) {
    const int code = mr_xrt_here.submit(broker->card, job_at(broker, index), error);
    broker->jobs = code ? 0 : broker->jobs + 1;
    return code;
}

static int collect(struct broker *broker, struct mr_error *error) {
    const int code = mr_xrt_here.collect(broker->card, error);
    broker->jobs = code ? 0 : broker->jobs - 1;
    return code;
}

static int perform(struct broker *broker, const struct mr_broker_request *request,
                   struct mr_broker_reply *reply) {
    void *data = broker->memory + MR_BROKER_DATA;
    struct mr_error *error = &reply->error;
    switch (request->call) {
    case MR_BROKER_OPEN:
        return open_card(broker, reply);
    case MR_BROKER_LOAD:
        return mr_xrt_here.load_weights(broker->card, data, request->count, error);
    case MR_BROKER_RUN:
        return mr_xrt_here.run(broker->card, job_at(broker, 0), error);
    case MR_BROKER_SUBMIT:
        return submit(broker, request->count, error);
    case MR_BROKER_COLLECT:
        return collect(broker, error);
    case MR_BROKER_READ_STATE:
        return mr_xrt_here.read_state(broker->card, data, request->count, error);
    case MR_BROKER_WRITE_STATE:
        return mr_xrt_here.write_state(broker->card, data, request->count, error);
    case MR_BROKER_CLOSE:
        mr_xrt_here.close(broker->card);
        mr_emulation_remove_folder();
        atomic_store(&closed, true);
        return 0;
    }
    return mr_failure(error, MR_ERROR_DEVICE, "the request is none that is known");
}

static void serve(struct broker *broker) {
    struct mr_broker_request request;
    struct mr_broker_reply reply;
    for (;;) {
        const ssize_t got = recv(MR_BROKER_SOCKET, &request, sizeof request, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got != (ssize_t)sizeof request)
            return;
        memset(&reply, 0, sizeof reply);
        if (map_memory(broker, request.size))
            reply.error.code = perform(broker, &request, &reply);
        else
            mr_failure(&reply.error, MR_ERROR_MEMORY,
                       "not enough memory for what goes to the emulated card");
        while (send(MR_BROKER_SOCKET, &reply, sizeof reply, MSG_NOSIGNAL) < 0)
            if (errno != EINTR)
                return;
        if (request.call == MR_BROKER_CLOSE)
            _exit(0);
    }
}

// ---- Start -------------------------------------------------------------------------------------

static void close_others(rlim_t most) {
    if (syscall(SYS_close_range, MR_BROKER_MEMORY + 1, ~0u, 0))
        for (int fd = MR_BROKER_MEMORY + 1; fd < (int)most; fd++)
            close(fd);
}

// Whatever the program has set for itself is none of ours.
static void start_afresh(void) {
    static const int limits[] = {RLIMIT_NOFILE, RLIMIT_AS, RLIMIT_DATA, RLIMIT_FSIZE};
    sigset_t none;
    struct rlimit limit;
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (!getrlimit(limits[i], &limit)) {
            limit.rlim_cur = limit.rlim_max;
            if (limits[i] == RLIMIT_NOFILE && limit.rlim_cur > MOST_DESCRIPTORS)
                limit.rlim_cur = MOST_DESCRIPTORS;
            setrlimit(limits[i], &limit);
        }
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    close_others(MOST_DESCRIPTORS);
    fcntl(MR_BROKER_SOCKET, F_SETFD, FD_CLOEXEC);
    fcntl(MR_BROKER_MEMORY, F_SETFD, FD_CLOEXEC);
    umask(077);
}

// What XRT says, and what runtime libraries say when it crashes, is kept for the program.
static int set_up(char *error, size_t error_size) {
    struct rlimit limit;
    char path[128];
    if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < DESCRIPTORS) {
        snprintf(error, error_size,
                 "a process may open %llu files (ulimit -Hn) and an emulated card needs %d",
                 (unsigned long long)limit.rlim_cur, DESCRIPTORS);
        return -1;
    }
    if (mr_emulation_prepare(false, error, error_size))
        return -1;
    snprintf(path, sizeof path, "%s/" MR_EMULATION_LOG, mr_emulation_folder());
    const int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0 ||
        chdir(mr_emulation_folder())) {
        snprintf(error, error_size, "%s: cannot be written (%s)", path, strerror(errno));
        return -1;
    }
    close(log);
    return 0;
}

int main(int argc, char **argv) {
    struct mr_broker_hello hello = {0};
    char version[100];
    struct stat status;
    mr_broker_version(version, sizeof version);
    if (argc != 2 || fstat(MR_BROKER_SOCKET, &status) || !S_ISSOCK(status.st_mode)) {
        fprintf(stderr, "millrace_broker: the library of Millrace starts this program; it does "
                        "nothing by hand\n");
        return 2;
    }
    start_afresh();
    const pid_t child = fork();
    if (child)
        return child < 0;
    setsid();
    hello.process = getpid();
    struct broker broker = {.memory = mmap(NULL, MR_BROKER_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
                                           MR_BROKER_MEMORY, 0),
                            .size = MR_BROKER_PAGE};
    pthread_t watcher;
    if (strcmp(argv[1], version) != 0)
        snprintf(hello.error, sizeof hello.error,
                 "is of another version than the library (%s, not %s); install both anew", version,
                 argv[1]);
    else if (broker.memory == MAP_FAILED ||
             pthread_create(&watcher, NULL, watch_program, broker.memory))
        snprintf(hello.error, sizeof hello.error, "there is no memory or thread for it (%s)",
                 strerror(errno));
    else
        (void)set_up(hello.error, sizeof hello.error);
    if (send(MR_BROKER_SOCKET, &hello, sizeof hello, MSG_NOSIGNAL) == sizeof hello && !*hello.error)
        serve(&broker);
    end_all();
}
