// SPDX-License-Identifier: Apache-2.0
// The card of XRT's hardware emulation (emulation.h).
#define _GNU_SOURCE
#include "emulation.h"
#include "file.h"
#include "protocol.h"
#include "xclbin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

// ---- The card and what stands between it and XRT -----------------------------------------------

// A process has one card at a time.
#define SOCKET_NAME "socket"

enum { REQUEST_HEADER = 14, REPLY_HEADER = 9, CARD_FD = 3 };

struct mr_emulation {
    char folder[PATH_MAX + 32]; // what the image holds, unpacked; and the card's log
    struct sockaddr_un addresses[2];
    int listeners[2];       // for XRT: calls of the host, and its second socket
    int stop[2];            // a pipe that ends the thread
    int card;               // the socket to the card's process
    pthread_mutex_t ending; // of these two
    pid_t process;          // 0: collected
    int status;             // how it ended
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    bool dead;
    struct mr_card stand_in; // answers for a card that is dead
};

static int listen_at(const char *prefix, struct sockaddr_un *address, char *error,
                     size_t error_size) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "%s/%s" SOCKET_NAME,
             mr_emulation_folder(), prefix);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && !bind(fd, (struct sockaddr *)address, sizeof *address) && !listen(fd, 1))
        return fd;
    mr_fail(error, error_size,
            "%s: XRT's emulation needs a socket there and it cannot be made (%s)",
            address->sun_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

// The card finds its end of the connection as descriptor 3. 0, or an errno value.
static int spawn_card(struct mr_emulation *emulation, int end) {
    char folder[PATH_MAX + 64], log[PATH_MAX + 64];
    snprintf(folder, sizeof folder, "%s/" MR_XCLBIN_SCRIPT_FOLDER, emulation->folder);
    snprintf(log, sizeof log, "%s/card.log", emulation->folder);
    char *const words[] = {"/bin/sh", "./simulate.sh", NULL};
    size_t count = 0;
    while (environ[count])
        count++;
    char **environment = calloc(count + 2, sizeof *environment);
    posix_spawn_file_actions_t actions;
    if (!environment || posix_spawn_file_actions_init(&actions)) {
        free(environment);
        return ENOMEM;
    }
    environment[0] = MR_CARD_FD_VARIABLE "=3";
    memcpy(environment + 1, environ, count * sizeof *environment);
    int failed =
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) ||
                posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log,
                                                 O_WRONLY | O_CREAT | O_APPEND, 0600) ||
                posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO) ||
                posix_spawn_file_actions_adddup2(&actions, end, CARD_FD) ||
                posix_spawn_file_actions_addchdir_np(&actions, folder)
            ? ENOMEM
            : 0;
    if (!failed)
        failed = posix_spawn(&emulation->process, words[0], &actions, NULL, words, environment);
    posix_spawn_file_actions_destroy(&actions);
    free(environment);
    return failed;
}

static int start_card(struct mr_emulation *emulation, char *error, size_t error_size) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return mr_fail(error, error_size, "no socket for the emulated card (%s)", strerror(errno));
    // Were it descriptor 3 already, it would be closed in the card.
    const int end = fcntl(pair[1], F_DUPFD_CLOEXEC, CARD_FD + 1);
    close(pair[1]);
    emulation->card = pair[0];
    const int failed = end < 0 ? errno : spawn_card(emulation, end);
    if (end >= 0)
        close(end);
    return failed ? mr_fail(error, error_size, "the emulated card's process cannot be started (%s)",
                            strerror(failed))
                  : 0;
}

static void set_dead(struct mr_emulation *emulation) {
    pthread_mutex_lock(&emulation->lock);
    emulation->dead = true;
    pthread_mutex_unlock(&emulation->lock);
}

static bool is_dead(struct mr_emulation *emulation) {
    pthread_mutex_lock(&emulation->lock);
    const bool dead = emulation->dead;
    pthread_mutex_unlock(&emulation->lock);
    return dead;
}

// The size of the message after a header, which both sides carry at the same place.
static uint64_t size_in(const unsigned char *header) {
    uint64_t size;
    memcpy(&size, header + 1, 8);
    return size;
}

// Header and message, to be freed; NULL when the sender is gone.
static unsigned char *receive_message(int fd, size_t header_size, size_t *size) {
    unsigned char header[REQUEST_HEADER];
    if (!mr_card_receive(fd, header, header_size) || size_in(header) > INT32_MAX)
        return NULL;
    *size = header_size + (size_t)size_in(header);
    unsigned char *message = malloc(*size);
    if (!message)
        return NULL;
    memcpy(message, header, header_size);
    if (mr_card_receive(fd, message + header_size, *size - header_size))
        return message;
    free(message);
    return NULL;
}

// One request of XRT and its reply. False when XRT is gone.
static bool pass_one(struct mr_emulation *emulation, int host) {
    size_t size = 0, reply_size = 0;
    unsigned char *request = receive_message(host, REQUEST_HEADER, &size);
    if (!request)
        return false;
    unsigned char *reply = NULL;
    if (!is_dead(emulation) && mr_card_send(emulation->card, request, size))
        reply = receive_message(emulation->card, REPLY_HEADER, &reply_size);
    bool good;
    uint32_t call;
    memcpy(&call, request + 10, 4);
    // XRT's second thread must hear of the end before the first one goes on.
    if (reply && call == MR_CARD_CALL_CLOSE)
        mr_card_say_goodbye(&emulation->stand_in);
    if (reply) {
        good = mr_card_send(host, reply, reply_size);
    } else {
        set_dead(emulation);
        good = mr_card_answer(&emulation->stand_in, host, call, request + REQUEST_HEADER,
                              size - REQUEST_HEADER);
    }
    free(reply);
    free(request);
    return good;
}

// Waits for a connection, or for the end.
static int accept_one(struct mr_emulation *emulation, int which) {
    struct pollfd wait[2] = {{.fd = emulation->listeners[which], .events = POLLIN},
                             {.fd = emulation->stop[0], .events = POLLIN}};
    while (poll(wait, 2, -1) < 0 && errno == EINTR)
        ;
    return wait[1].revents ? -1 : accept4(wait[0].fd, NULL, NULL, SOCK_CLOEXEC);
}

static void *pass_messages(void *context) {
    struct mr_emulation *emulation = context;
    struct pollfd wait[3] = {{.events = POLLIN}, {.events = POLLIN}, {.events = POLLIN}};
    int host = -1;
    wait[0].fd = emulation->listeners[0];
    wait[1].fd = emulation->listeners[1];
    wait[2].fd = emulation->stop[0];
    for (;;) {
        const int ready = poll(wait, 3, -1);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0 || wait[2].revents)
            break;
        if (wait[1].revents && emulation->stand_in.event_fd < 0) {
            emulation->stand_in.event_fd = accept_one(emulation, 1);
            wait[1].fd = -1;
        }
        if (!wait[0].revents)
            continue;
        if (host < 0)
            wait[0].fd = host = accept_one(emulation, 0);
        else if (!pass_one(emulation, host))
            break;
    }
    if (host >= 0)
        close(host);
    if (emulation->stand_in.event_fd >= 0)
        close(emulation->stand_in.event_fd);
    return NULL;
}

struct mr_emulation *mr_emulation_open(const char *image, char *error, size_t error_size) {
    static const char *const prefixes[2] = {"", "D2X_unix_sock_"};
    struct mr_emulation *emulation = calloc(1, sizeof *emulation);
    if (!emulation) {
        mr_fail(error, error_size, "not enough memory for the emulated card");
        return NULL;
    }
    emulation->listeners[0] = emulation->listeners[1] = emulation->card = -1;
    emulation->stop[0] = emulation->stop[1] = emulation->stand_in.event_fd = -1;
    emulation->stand_in.failed = true;
    pthread_mutex_init(&emulation->lock, NULL);
    pthread_mutex_init(&emulation->ending, NULL);
    snprintf(emulation->folder, sizeof emulation->folder, "%s/card", mr_emulation_folder());
    if (mr_xclbin_unpack(image, emulation->folder, error, error_size))
        goto failed;
    for (int i = 0; i < 2; i++) {
        emulation->listeners[i] =
            listen_at(prefixes[i], &emulation->addresses[i], error, error_size);
        if (emulation->listeners[i] < 0)
            goto failed;
    }
    if (start_card(emulation, error, error_size))
        goto failed;
    int reason = pipe2(emulation->stop, O_CLOEXEC) || setenv("EMULATION_SOCKETID", SOCKET_NAME, 1)
                     ? errno
                     : pthread_create(&emulation->thread, NULL, pass_messages, emulation);
    if (reason) {
        mr_fail(error, error_size, "no thread for the emulated card (%s)", strerror(reason));
        goto failed;
    }
    emulation->started = true;
    return emulation;
failed:
    mr_emulation_close(emulation);
    return NULL;
}

void mr_emulation_complaint(const struct mr_emulation *emulation, char *line, size_t size) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/card.log", emulation->folder);
    FILE *log = fopen(path, "r");
    *line = '\0';
    if (log && fgets(line, (int)size, log))
        line[strcspn(line, "\n")] = '\0';
    if (log)
        fclose(log);
}

static void collect(struct mr_emulation *emulation, int tries) {
    pthread_mutex_lock(&emulation->ending);
    for (int i = 0; emulation->process > 0 && i < tries; i++) {
        if (waitpid(emulation->process, &emulation->status, WNOHANG) != 0)
            emulation->process = 0;
        else
            usleep(5000);
    }
    pthread_mutex_unlock(&emulation->ending);
}

bool mr_emulation_is_dead(struct mr_emulation *emulation, char *reason, size_t reason_size) {
    char line[300], how[60] = "ended";
    if (!is_dead(emulation))
        return false;
    collect(emulation, 100);
    if (!emulation->process && WIFSIGNALED(emulation->status))
        snprintf(how, sizeof how, "was ended by signal %d", WTERMSIG(emulation->status));
    mr_emulation_complaint(emulation, line, sizeof line);
    snprintf(reason, reason_size, "the process that emulates the card %s%s%s", how,
             *line ? ": " : "", line);
    return true;
}

void mr_emulation_kill(struct mr_emulation *emulation) {
    pthread_mutex_lock(&emulation->ending);
    if (emulation->process > 0)
        kill(emulation->process, SIGKILL);
    pthread_mutex_unlock(&emulation->ending);
    shutdown(emulation->card, SHUT_RDWR);
}

static void close_one(int fd) {
    if (fd >= 0)
        close(fd);
}

void mr_emulation_close(struct mr_emulation *emulation) {
    if (!emulation)
        return;
    close_one(emulation->stop[1]); // ends the thread
    if (emulation->started)
        pthread_join(emulation->thread, NULL);
    close_one(emulation->card); // and the process
    collect(emulation, 200);
    if (emulation->process > 0)
        kill(emulation->process, SIGKILL);
    collect(emulation, 200);
    close_one(emulation->stop[0]);
    for (int i = 0; i < 2; i++) {
        close_one(emulation->listeners[i]);
        if (*emulation->addresses[i].sun_path)
            unlink(emulation->addresses[i].sun_path);
    }
    mr_emulation_remove_tree(emulation->folder);
    pthread_mutex_destroy(&emulation->lock);
    pthread_mutex_destroy(&emulation->ending);
    free(emulation);
}
