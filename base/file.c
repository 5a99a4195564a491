// SPDX-License-Identifier: Apache-2.0
// Whole files in memory, and the error sentence that all readers share (file.h).
#define _POSIX_C_SOURCE 200809L
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    HEAD = 1 << 16,       // bytes that a check sees
    MAX_STREAM = 1 << 30, // bytes of a pipe
    WAIT_MS = 20,
    WAITS = 100 // 2 s in all until a pipe has a writer
};

int mr_fail(char *error, size_t error_size, const char *format, ...) {
    va_list arguments;

    if (error_size > 0) {
        va_start(arguments, format);
        vsnprintf(error, error_size, format, arguments);
        va_end(arguments);
    }
    return -1;
}

bool mr_multiply(size_t a, size_t b, size_t *product) {
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *product = a * b;
    return true;
}

const char *mr_input_name(const char *path) {
    return strcmp(path, "-") == 0 ? "standard input" : *path ? path : "a file without a name";
}

static int refuse(const char *path, const char *problem, char *error, size_t error_size) {
    return mr_fail(error, error_size, "%s cannot be read: %s", mr_input_name(path), problem);
}

// Opens without waiting for the other end of a pipe. -1 with a sentence.
static int open_input(const char *path, struct stat *info, char *error, size_t error_size) {
    const int fd = strcmp(path, "-") == 0
                       ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                       : open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    const char *problem = NULL;

    if (fd < 0 || fstat(fd, info) != 0) {
        mr_fail(error, error_size, "%s cannot be opened: %s", mr_input_name(path), strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (S_ISDIR(info->st_mode))
        problem = "it is a folder";
    else if (!S_ISREG(info->st_mode) && !S_ISFIFO(info->st_mode) && !S_ISSOCK(info->st_mode))
        problem = "it is a device; a file or a pipe is expected";
    if (!problem)
        return fd;
    close(fd);
    return refuse(path, problem, error, error_size);
}

// What is wrong with the size of a regular file, before any of it is read; NULL when nothing is.
static const char *size_problem(const struct stat *info, size_t max_size) {
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

    if (!S_ISREG(info->st_mode) || info->st_size <= 0)
        return NULL;
    if ((uintmax_t)info->st_size > max_size)
        return "the file is larger than this program accepts";
    if (pages > 0 && page > 0 && (uintmax_t)info->st_size / (uintmax_t)page >= (uintmax_t)pages)
        return "the file is larger than this machine's memory";
    return NULL;
}

struct input {
    int fd;
    bool stream;     // no regular file, so its size is known at its end only
    size_t max_size; // a byte more is read, which tells that there is more
    unsigned char *buffer;
    size_t used, capacity;
};

static void pause_briefly(void) {
    const struct timespec time = {.tv_nsec = 1000000 * WAIT_MS};

    nanosleep(&time, NULL);
}

// Reads until the buffer is full or the input ends (*ended). What is wrong, or NULL.
static const char *fill(struct input *input, bool *ended) {
    unsigned waits = input->stream ? WAITS : 0;

    while (input->used < input->capacity) {
        ssize_t got = read(input->fd, input->buffer + input->used, input->capacity - input->used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            struct pollfd wait = {.fd = input->fd, .events = POLLIN};
            poll(&wait, 1, -1);
            continue;
        }
        if (got < 0)
            return strerror(errno);
        // Before its first writer opens it, a pipe reads like one at its end.
        if (got == 0 && input->used == 0 && waits-- > 0) {
            pause_briefly();
            continue;
        }
        *ended = got == 0;
        if (*ended)
            return NULL;
        input->used += (size_t)got;
        if (input->used > input->max_size)
            return "the file is larger than this program accepts";
    }
    return NULL;
}

static bool grow(struct input *input, size_t capacity) {
    unsigned char *grown = realloc(input->buffer, capacity + 1);

    if (!grown)
        return false;
    input->buffer = grown;
    input->capacity = capacity;
    return true;
}

// The room that is needed next: that of the whole file, or twice as much as before.
static size_t next_capacity(const struct input *input, const struct stat *info) {
    if (!input->stream && (uintmax_t)info->st_size >= input->capacity)
        return (size_t)info->st_size + 1;
    return input->capacity > input->max_size / 2 ? input->max_size + 1 : input->capacity * 2;
}

int mr_file_read_checked(const char *path, size_t max_size, mr_file_check *check,
                         unsigned char **data, size_t *size, char *error, size_t error_size) {
    struct stat info;
    struct input input = {.fd = open_input(path, &info, error, error_size)};
    bool ended = false;

    if (input.fd < 0)
        return -1;
    input.stream = !S_ISREG(info.st_mode);
    input.max_size = input.stream && max_size > MAX_STREAM ? MAX_STREAM : max_size;
    const char *problem = size_problem(&info, max_size);
    if (!problem && !grow(&input, input.max_size < HEAD ? input.max_size + 1 : HEAD))
        problem = "not enough memory";
    if (!problem)
        problem = fill(&input, &ended);
    int result = 0;
    if (!problem && check)
        result = check(input.buffer, input.used,
                       ended          ? input.used
                       : input.stream ? SIZE_MAX
                                      : (size_t)info.st_size,
                       mr_input_name(path), error, error_size);
    while (!problem && !result && !ended) {
        if (!grow(&input, next_capacity(&input, &info)))
            problem = "not enough memory";
        else
            problem = fill(&input, &ended);
    }
    close(input.fd);
    if (problem)
        result = refuse(path, problem, error, error_size);
    if (result != 0) {
        free(input.buffer);
        return -1;
    }
    input.buffer[input.used] = 0;
    *data = input.buffer;
    *size = input.used;
    return 0;
}

int mr_file_read(const char *path, size_t max_size, unsigned char **data, size_t *size, char *error,
                 size_t error_size) {
    return mr_file_read_checked(path, max_size, NULL, data, size, error, error_size);
}
