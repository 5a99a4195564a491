// SPDX-License-Identifier: Apache-2.0
// Files appear whole or not at all (file.h): what a path leads to, and writing it.
#define _GNU_SOURCE
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { MAX_LINKS = 40, MAX_TRIES = 1000 };

// Where a path leads.
struct place {
    int descriptor;   // of this process, to be written as it stands; else -1
    bool exists;      // `info` is that of what is there
    bool direct;      // something that is no regular file
    struct stat info; // of the file behind all links
    char path[PATH_MAX];
};

// The number of the descriptor that /proc/self/fd/N, or a link to it, stands for; -1: it is none.
static int own_descriptor(const char *path) {
    char folder[PATH_MAX], real[PATH_MAX], own[64];
    struct statfs system;
    const char *name = strrchr(path, '/');
    char *end;

    if (!name || name[1] < '0' || name[1] > '9')
        return -1;
    snprintf(folder, sizeof folder, "%.*s", (int)(name - path), path);
    snprintf(own, sizeof own, "/proc/%ld/fd", (long)getpid());
    if (statfs(folder, &system) != 0 || system.f_type != PROC_SUPER_MAGIC ||
        !realpath(folder, real))
        return -1;
    // A thread has a folder of its own, /proc/PID/task/TID/fd.
    if (strcmp(real, own) != 0 && strncmp(real, own, strlen(own) - 2) != 0)
        return -1;
    const long number = strtol(name + 1, &end, 10);
    return *end || number > INT_MAX ? -1 : (int)number;
}

// Puts what the link leads to into place->path. 0, or an errno value.
static int follow(struct place *place) {
    char target[PATH_MAX], folder[PATH_MAX], joined[PATH_MAX];
    const ssize_t length = readlink(place->path, target, sizeof target - 1);

    if (length < 0)
        return errno;
    target[length] = 0;
    strcpy(folder, place->path);
    const int used = *target == '/'
                         ? snprintf(joined, sizeof joined, "%s", target)
                         : snprintf(joined, sizeof joined, "%s/%s", dirname(folder), target);
    if (used < 0 || (size_t)used >= sizeof joined)
        return ENAMETOOLONG;
    strcpy(place->path, joined);
    return 0;
}

// 0, or an errno value.
static int find_place(const char *path, struct place *place) {
    *place = (struct place){.descriptor = -1};
    if (strcmp(path, "-") == 0)
        place->descriptor = STDOUT_FILENO;
    else if (snprintf(place->path, sizeof place->path, "%s", path) >= (int)sizeof place->path)
        return ENAMETOOLONG;
    for (int links = 0; place->descriptor < 0; links++) {
        if (lstat(place->path, &place->info) != 0)
            return errno == ENOENT ? 0 : errno;
        if (!S_ISLNK(place->info.st_mode))
            break;
        place->descriptor = own_descriptor(place->path);
        if (place->descriptor >= 0)
            break;
        const int problem = links == MAX_LINKS ? ELOOP : follow(place);
        if (problem)
            return problem;
    }
    if (place->descriptor >= 0 && fstat(place->descriptor, &place->info) != 0)
        return errno;
    place->exists = true;
    place->direct = place->descriptor >= 0 || !S_ISREG(place->info.st_mode);
    return S_ISDIR(place->info.st_mode) ? EISDIR : 0;
}

static int refuse(const char *path, int reason, char *error, size_t error_size) {
    return mr_fail(error, error_size, "%s cannot be written: %s",
                   strcmp(path, "-") == 0 ? "standard output" : path,
                   reason == EISDIR ? "it is a folder" : strerror(reason));
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

static int write_pieces(int fd, const struct mr_piece *pieces, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (write_all(fd, pieces[i].data, pieces[i].size) != 0)
            return -1;
    return 0;
}

// Opens a new file beside the place, of which nobody else has the name. -1 and errno.
static int open_beside(const struct place *place, char *name, size_t size) {
    for (unsigned try = 0; try < MAX_TRIES; try++) {
        if (snprintf(name, size, "%s.%ld-%u.tmp", place->path, (long)getpid(), try) >= (int)size) {
            errno = ENAMETOOLONG;
            return -1;
        }
        const int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

// Gives the new file the owner, where that is allowed, and the mode of the old one.
static int take_after(int fd, const struct stat *old) {
    if (fchown(fd, old->st_uid, old->st_gid) != 0 && fchown(fd, (uid_t)-1, old->st_gid) != 0)
        errno = 0; // it stays with the caller
    return fchmod(fd, old->st_mode & 07777);
}

// 0, or an errno value.
static int replace(const struct place *place, const struct mr_piece *pieces, size_t count) {
    char temporary[PATH_MAX + 48];
    int reason = 0;

    // A file that must not be written must not be replaced either.
    if (place->exists && faccessat(AT_FDCWD, place->path, W_OK, AT_EACCESS) != 0)
        return errno;
    const int fd = open_beside(place, temporary, sizeof temporary);
    if (fd < 0)
        return errno;
    if (write_pieces(fd, pieces, count) != 0 ||
        (place->exists && take_after(fd, &place->info) != 0) || fsync(fd) != 0)
        reason = errno;
    if (close(fd) != 0 && !reason)
        reason = errno;
    if (!reason && rename(temporary, place->path) != 0)
        reason = errno;
    if (reason)
        unlink(temporary);
    return reason;
}

// 0, or an errno value.
static int write_direct(const struct place *place, const struct mr_piece *pieces, size_t count) {
    const int fd = place->descriptor >= 0 ? fcntl(place->descriptor, F_DUPFD_CLOEXEC, 0)
                                          : open(place->path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int reason = write_pieces(fd, pieces, count) != 0 ? errno : 0;
    if (close(fd) != 0 && !reason)
        reason = errno;
    return reason;
}

int mr_file_write(const char *path, const struct mr_piece *pieces, size_t count, char *error,
                  size_t error_size) {
    struct place place;
    int reason = find_place(path, &place);

    if (!reason)
        reason = (place.direct ? write_direct : replace)(&place, pieces, count);
    return reason ? refuse(path, reason, error, error_size) : 0;
}

int mr_file_check_output(const char *path, char *error, size_t error_size) {
    char probe[PATH_MAX + 48];
    struct place place;
    int reason = find_place(path, &place);

    if (!reason && place.descriptor >= 0) {
        const int flags = fcntl(place.descriptor, F_GETFL);
        reason = flags < 0 ? errno : (flags & O_ACCMODE) == O_RDONLY ? EBADF : 0;
    } else if (!reason && place.exists && faccessat(AT_FDCWD, place.path, W_OK, AT_EACCESS) != 0) {
        reason = errno;
    }
    if (!reason && !place.direct) {
        const int fd = open_beside(&place, probe, sizeof probe);
        if (fd < 0) {
            reason = errno;
        } else {
            close(fd);
            unlink(probe);
        }
    }
    return reason ? refuse(path, reason, error, error_size) : 0;
}

// The folder that the file will be in.
static bool folder_of(const struct place *place, struct stat *info) {
    char copy[PATH_MAX];

    strcpy(copy, place->path);
    return stat(dirname(copy), info) == 0;
}

static const char *last_name(const struct place *place) {
    const char *slash = strrchr(place->path, '/');

    return slash ? slash + 1 : place->path;
}

bool mr_file_is_same(const char *a, const char *b) {
    struct place left, right;
    struct stat of_left, of_right;

    if (find_place(a, &left) != 0 || find_place(b, &right) != 0 || left.exists != right.exists)
        return false;
    if (left.exists)
        return S_ISREG(left.info.st_mode) && left.info.st_dev == right.info.st_dev &&
               left.info.st_ino == right.info.st_ino;
    return folder_of(&left, &of_left) && folder_of(&right, &of_right) &&
           of_left.st_dev == of_right.st_dev && of_left.st_ino == of_right.st_ino &&
           strcmp(last_name(&left), last_name(&right)) == 0;
}

bool mr_file_is_stdout(const char *path) {
    struct place place;
    struct stat own;

    if (find_place(path, &place) != 0 || !place.exists || fstat(STDOUT_FILENO, &own) != 0)
        return false;
    if (place.descriptor == STDOUT_FILENO)
        return true;
    const bool shared = S_ISREG(own.st_mode) || S_ISFIFO(own.st_mode) || isatty(STDOUT_FILENO);
    return shared && own.st_dev == place.info.st_dev && own.st_ino == place.info.st_ino;
}
