// SPDX-License-Identifier: Apache-2.0
// Whole files in memory, atomic replacement of files, and the error sentence all readers share.
#define _POSIX_C_SOURCE 200809L
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

// The first allocation fits the file when its size is known; otherwise the buffer grows.
static size_t first_capacity(int fd, size_t max_size) {
    struct stat info;

    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size >= 0 &&
        (uintmax_t)info.st_size < max_size)
        return (size_t)info.st_size + 1;
    return max_size < 65536 ? max_size + 1 : 65536;
}

int mr_file_read(const char *path, size_t max_size, unsigned char **data, size_t *size, char *error,
                 size_t error_size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return mr_fail(error, error_size, "%s cannot be opened: %s", path, strerror(errno));
    size_t capacity = first_capacity(fd, max_size), used = 0;
    unsigned char *buffer = malloc(capacity + 1);
    const char *problem = buffer ? NULL : "not enough memory";

    while (!problem) {
        ssize_t got = read(fd, buffer + used, capacity - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            problem = strerror(errno);
        if (got <= 0)
            break;
        used += (size_t)got;
        if (used > max_size) {
            problem = "the file is larger than this program accepts";
        } else if (used == capacity) {
            size_t larger = capacity > max_size / 2 ? max_size + 1 : capacity * 2;
            unsigned char *grown = realloc(buffer, larger + 1);
            if (!grown)
                problem = "not enough memory";
            else
                buffer = grown;
            capacity = larger;
        }
    }
    close(fd);
    if (problem) {
        free(buffer);
        return mr_fail(error, error_size, "%s cannot be read: %s", path, problem);
    }
    buffer[used] = 0;
    *data = buffer;
    *size = used;
    return 0;
}

static int write_all(int fd, const unsigned char *data, size_t size) {
    while (size > 0) {
        ssize_t done = write(fd, data, size < 1 << 30 ? size : 1 << 30);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        data += done;
        size -= (size_t)done;
    }
    return 0;
}

int mr_file_write(const char *path, const struct mr_piece *pieces, size_t count, char *error,
                  size_t error_size) {
    struct stat info;
    bool direct = stat(path, &info) == 0 && !S_ISREG(info.st_mode);
    size_t length = strlen(path) + 48;
    char *temporary = malloc(length);
    int fd = -1;

    if (!temporary)
        return mr_fail(error, error_size, "%s cannot be written: not enough memory", path);
    if (direct) {
        fd = open(path, O_WRONLY | O_CLOEXEC);
    } else {
        for (unsigned try = 0; try < 1000; try++) {
            snprintf(temporary, length, "%s.%ld-%u.tmp", path, (long)getpid(), try);
            fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
            if (fd >= 0 || errno != EEXIST)
                break;
        }
    }
    bool opened = fd >= 0, good = opened;
    int reason = errno;

    for (size_t i = 0; good && i < count; i++)
        good = write_all(fd, pieces[i].data, pieces[i].size) == 0;
    if (good && !direct)
        good = fsync(fd) == 0;
    if (opened) {
        if (!good)
            reason = errno;
        if (close(fd) != 0 && good) {
            good = false;
            reason = errno;
        }
    }
    if (good && !direct && rename(temporary, path) != 0) {
        good = false;
        reason = errno;
    }
    if (!good && opened && !direct)
        unlink(temporary);
    free(temporary);
    if (!good)
        return mr_fail(error, error_size, "%s cannot be written: %s", path, strerror(reason));
    return 0;
}
