// SPDX-License-Identifier: Apache-2.0
// A broker's process as the library sees it (broker_start.h).
#define _GNU_SOURCE
#include "broker_start.h"
#include "emulation.h"
#include "failure.h"
#include "millrace_error.h"
#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LOOK_MS = 50,     // between two looks for signs of life
    START_MS = 30000, // for the first of them, on a machine that is busy
    LEAST_MS = 10000  // between two of them
};

void mr_broker_version(char *text, size_t size) {
    snprintf(text, size, "%s/%zu/%zu", MR_VERSION, sizeof(struct mr_xrt_place),
             sizeof(struct mr_broker_memory));
}

// ---- Start -------------------------------------------------------------------------------------

// Descriptors 0 to 2 may be closed here, and 3 and 4 are the broker's.
static int move_up(int fd) {
    const int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, MR_BROKER_MEMORY + 1);
    const int reason = errno;
    if (fd >= 0)
        close(fd);
    errno = reason;
    return moved;
}

static int spawn(const char *program, int socket, int memory) {
    char version[100];
    mr_broker_version(version, sizeof version);
    char *const words[] = {(char *)(uintptr_t)program, version, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t process;
    if (posix_spawn_file_actions_init(&actions))
        return ENOMEM;
    if (posix_spawnattr_init(&attributes)) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    int failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0) ||
                         posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO) ||
                         posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDERR_FILENO) ||
                         posix_spawn_file_actions_adddup2(&actions, socket, MR_BROKER_SOCKET) ||
                         posix_spawn_file_actions_adddup2(&actions, memory, MR_BROKER_MEMORY) ||
                         posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID)
                     ? ENOMEM
                     : 0;
    if (!failed)
        failed = posix_spawn(&process, program, &actions, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    // What was started ends at once and leaves the broker behind, which is nobody's child: a
    // program that waits for all of its children shall not wait for it.
    while (!failed && waitpid(process, NULL, 0) < 0 && errno == EINTR)
        ;
    return failed;
}

static int make_pipes(struct mr_broker *broker, const char *program, struct mr_error *error) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return mr_failure(error, MR_ERROR_DEVICE, "no socket for the emulated card (%s)",
                          strerror(errno));
    broker->socket = move_up(pair[0]);
    const int end = move_up(pair[1]);
    broker->memory_file = move_up(memfd_create("millrace", MFD_CLOEXEC));
    int failed = 0;
    if (broker->socket < 0 || end < 0 || broker->memory_file < 0)
        failed = mr_failure(error, MR_ERROR_DEVICE, "no descriptors for the emulated card (%s)",
                            strerror(errno));
    if (!failed)
        failed = mr_broker_reserve(broker, MR_BROKER_DATA + sizeof(struct mr_xrt_place), error);
    if (!failed) {
        const int reason = spawn(program, end, broker->memory_file);
        if (reason)
            failed = mr_failure(error, MR_ERROR_DEVICE, "%s: cannot be started (%s)", program,
                                strerror(reason));
    }
    if (end >= 0)
        close(end);
    return failed;
}

// ---- Signs of life -----------------------------------------------------------------------------

static void lose(struct mr_broker *broker, const char *reason) {
    char line[300] = "";
    if (broker->process > 0) {
        kill(-broker->process, SIGKILL); // with the card, if they are still there
        mr_emulation_last_words(broker->process, line, sizeof line);
        mr_emulation_sweep(broker->process);
    }
    snprintf(broker->reason, sizeof broker->reason,
             "the process that holds XRT for the card %s%s%s", reason, *line ? ": " : "", line);
    broker->lost = true;
}

// Whole messages of the broker; false when it is lost. Looks are counted, not time, so that a stop
// of this process, or of the machine, is none of the broker.
static bool receive(struct mr_broker *broker, void *message, size_t size, unsigned limit_ms) {
    struct mr_broker_memory *memory = (void *)broker->memory;
    uint_fast64_t beats = 0;
    for (unsigned quiet = 0; quiet <= limit_ms / LOOK_MS;) {
        struct pollfd wait = {.fd = broker->socket, .events = POLLIN};
        const int ready = poll(&wait, 1, LOOK_MS);
        if (ready > 0) {
            const ssize_t got = recv(broker->socket, message, size, 0);
            if (got == (ssize_t)size)
                return true;
            if (got < 0 && errno == EINTR)
                continue;
            lose(broker, "ended");
            return false;
        }
        const uint_fast64_t now = atomic_load(&memory->beats);
        quiet = now == beats ? quiet + (ready == 0) : 0;
        beats = now;
    }
    char reason[100];
    snprintf(reason, sizeof reason, "gave no sign of life for %.1f s", limit_ms / 1000.0);
    lose(broker, reason);
    return false;
}

int mr_broker_start(struct mr_broker *broker, unsigned limit_ms, struct mr_error *error) {
    char program[PATH_MAX];
    struct mr_broker_hello hello;
    *broker = (struct mr_broker){.socket = -1, .memory_file = -1, .limit_ms = limit_ms};
    char text[900];
    int failed = mr_broker_program_path(program, sizeof program, text, sizeof text)
                     ? mr_failure(error, MR_ERROR_DEVICE, "%s", text)
                     : 0;
    if (!failed)
        failed = make_pipes(broker, program, error);
    if (!failed && !receive(broker, &hello, sizeof hello, START_MS))
        failed = mr_failure(error, MR_ERROR_DEVICE,
                            "%s, which holds XRT for an emulated card, does not start", program);
    if (!failed && *hello.error) {
        hello.error[sizeof hello.error - 1] = '\0';
        failed = mr_failure(error, MR_ERROR_DEVICE, "%s: %s", program, hello.error);
    }
    if (failed)
        mr_broker_forget(broker);
    else
        broker->process = (pid_t)hello.process;
    return failed;
}

// ---- Calls -------------------------------------------------------------------------------------

int mr_broker_reserve(struct mr_broker *broker, uint64_t size, struct mr_error *error) {
    struct rlimit limit;
    if (size <= broker->size)
        return 0;
    size = (size + MR_BROKER_PAGE - 1) / MR_BROKER_PAGE * MR_BROKER_PAGE;
    // The process would be told so by a signal.
    if (!getrlimit(RLIMIT_FSIZE, &limit) && size > limit.rlim_cur)
        return mr_failure(
            error, MR_ERROR_MEMORY,
            "the emulated card needs %llu bytes of common memory and files may have %llu "
            "(ulimit -f)",
            (unsigned long long)size, (unsigned long long)limit.rlim_cur);
    int reason;
    while ((reason = posix_fallocate(broker->memory_file, 0, (off_t)size)) == EINTR)
        ;
    void *memory =
        reason ? MAP_FAILED
               : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, broker->memory_file, 0);
    if (memory == MAP_FAILED)
        return mr_failure(
            error, MR_ERROR_MEMORY,
            "no %llu bytes of memory for what goes to the emulated card (%s); run fewer "
            "sequences at a time",
            (unsigned long long)size, strerror(reason ? reason : errno));
    if (broker->memory)
        munmap(broker->memory, broker->size);
    broker->memory = memory;
    broker->size = size;
    return 0;
}

int mr_broker_ask(struct mr_broker *broker, struct mr_broker_request *request,
                  struct mr_broker_reply *reply, struct mr_error *error) {
    request->size = broker->size;
    while (!broker->lost &&
           send(broker->socket, request, sizeof *request, MSG_NOSIGNAL) != sizeof *request)
        if (errno != EINTR)
            lose(broker, "ended");
    if (broker->lost || !receive(broker, reply, sizeof *reply,
                                 broker->limit_ms > LEAST_MS ? broker->limit_ms : LEAST_MS))
        return mr_failure(error, MR_ERROR_DEVICE, "%s", broker->reason);
    reply->error.text[sizeof reply->error.text - 1] = '\0';
    return reply->error.code ? mr_failure(error, reply->error.code, "%s", reply->error.text) : 0;
}

// ---- End ---------------------------------------------------------------------------------------

void mr_broker_end(struct mr_broker *broker) {
    struct mr_broker_request request = {.call = MR_BROKER_CLOSE};
    struct mr_broker_reply reply;
    if (!broker->lost)
        (void)mr_broker_ask(broker, &request, &reply, NULL);
    // Where this process is the one that gets orphans.
    (void)waitpid(broker->process, NULL, WNOHANG);
    mr_broker_forget(broker);
}

void mr_broker_forget(struct mr_broker *broker) {
    if (broker->memory)
        munmap(broker->memory, broker->size);
    if (broker->memory_file >= 0)
        close(broker->memory_file);
    if (broker->socket >= 0)
        close(broker->socket);
    *broker = (struct mr_broker){.socket = -1, .memory_file = -1, .lost = true};
}
