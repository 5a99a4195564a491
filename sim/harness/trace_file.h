// SPDX-License-Identifier: Apache-2.0
// The file of a waveform (FST). Verilator's writer asks nowhere whether a write succeeded, and maps
// its working files into memory, where a full disk is a SIGBUS. The linker leads its calls here
// (--wrap): working files lie in memory, and a failure is kept for the error of a run. Included by
// the one C++ file of each kind of simulator, which has `current` of rtl_context.h.
#ifndef MR_TRACE_FILE_H
#define MR_TRACE_FILE_H

#include "rtl_context.h"
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// The writer removes and opens files by the name that it is given, so it gets none that could be:
// nothing can be below /dev/null.
#define MR_TRACE_NAME "/dev/null/trace"

extern "C" {
FILE *__real_fopen(const char *path, const char *mode);
int __real_fclose(FILE *file);
void *__real_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset);
}

namespace {

// What the writer needs at the end, beside a copy of its working files.
constexpr off_t trace_tail = 1 << 16;

FILE *memory_file() {
    const int fd = memfd_create("millrace-trace", MFD_CLOEXEC);
    FILE *file = fd < 0 ? nullptr : fdopen(fd, "w+b");
    if (fd >= 0 && !file)
        close(fd);
    return file;
}

void fail_trace(rtl_context *context, int reason) {
    if (!context->trace_problem)
        context->trace_problem = reason ? reason : EIO;
}

// Opens the file that a trace goes to. 0, or -1 with a sentence in error.
int open_trace(rtl_context *context, const char *path, char *error, size_t error_size) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    context->trace_created = fd >= 0;
    if (fd < 0 && errno == EEXIST)
        fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd >= 0 && lseek(fd, 0, SEEK_END) < 0) {
        close(fd);
        snprintf(error, error_size, "%s: is not a file; a waveform needs one", path);
        return -1;
    }
    context->trace_file = fd < 0 ? nullptr : fdopen(fd, "w+b");
    if (context->trace_file) {
        snprintf(context->trace_path, sizeof context->trace_path, "%s", path);
        return 0;
    }
    snprintf(error, error_size, "%s: cannot be written (%s); choose another file for the waveform",
             path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

// The room that the writer needs at its end.
off_t room_at_end(const rtl_context *context) {
    off_t room = trace_tail;
    struct stat status;
    for (FILE *file : context->trace_working)
        if (file && !fstat(fileno(file), &status))
            room += status.st_size;
    return room;
}

// Why the file takes nothing more.
int write_problem(FILE *file) {
    clearerr(file);
    errno = 0;
    fputc(0, file);
    return fflush(file) ? errno : EIO;
}

// After the writer has flushed: keeps room for what it writes at the end, as nobody can be told
// then. 0, or -1 with a sentence in error once the trace has failed; what is there of it goes away.
int check_trace(rtl_context *context, char *error, size_t error_size) {
    FILE *file = context->trace_file;
    struct stat status;
    if (!file)
        return 0;
    if (fflush(file) || ferror(file))
        fail_trace(context, write_problem(file));
    if (!fstat(fileno(file), &status) && S_ISREG(status.st_mode) &&
        fallocate(fileno(file), FALLOC_FL_KEEP_SIZE, status.st_size, room_at_end(context)) &&
        errno != EOPNOTSUPP && errno != ENOSYS)
        fail_trace(context, errno);
    if (!context->trace_problem)
        return 0;
    if (context->trace_created)
        unlink(context->trace_path);
    context->trace_created = false;
    (void)!ftruncate(fileno(file), 0); // a device has no size
    snprintf(error, error_size, "%s: the waveform cannot be written (%s); choose another place",
             context->trace_path, strerror(context->trace_problem));
    return -1;
}

} // namespace

extern "C" {

FILE *__wrap_tmpfile() {
    FILE *file = memory_file();
    for (FILE *&working : current()->trace_working)
        if (!working) {
            working = file;
            break;
        }
    return file;
}

FILE *__wrap_fopen(const char *path, const char *mode) {
    if (!strcmp(path, MR_TRACE_NAME))
        return current()->trace_file;
    if (!strcmp(path, MR_TRACE_NAME ".hier"))
        return __wrap_tmpfile();
    return __real_fopen(path, mode);
}

// What was kept beyond the end is given back.
int __wrap_fclose(FILE *file) {
    rtl_context *context = current();
    struct stat status;
    if (!context || file != context->trace_file) {
        if (context)
            for (FILE *&working : context->trace_working)
                working = working == file ? nullptr : working;
        return __real_fclose(file);
    }
    context->trace_file = nullptr;
    int result = fflush(file) | ferror(file);
    if (!fstat(fileno(file), &status) && S_ISREG(status.st_mode))
        result |= ftruncate(fileno(file), context->trace_problem ? 0 : status.st_size);
    return __real_fclose(file) | result;
}

// A working file that is shorter than it must be, because a limit on files stopped it, is replaced
// by zeros.
void *__wrap_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    struct stat status;
    if (fd >= 0 && !fstat(fd, &status) && S_ISREG(status.st_mode) &&
        static_cast<uint64_t>(status.st_size) < static_cast<uint64_t>(offset) + length) {
        if (current())
            fail_trace(current(), EFBIG);
        return __real_mmap(address, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    return __real_mmap(address, length, protection, flags, fd, offset);
}
}

#endif
