// SPDX-License-Identifier: Apache-2.0
// Whole files in memory, atomic replacement of files, and the error sentence all readers share.
#ifndef MR_FILE_H
#define MR_FILE_H

#include <stdbool.h>
#include <stddef.h>

// Writes the sentence to error (cut to error_size, which may be 0) and returns -1.
int mr_fail(char *error, size_t error_size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// *product = a * b; false when that does not fit.
bool mr_multiply(size_t a, size_t b, size_t *product);

// ---- reading (file.c)

// What messages call a file that is read.
const char *mr_input_name(const char *path);

// Looks at the first bytes of a file (at most 64 KiB, which is all of a smaller file) before the
// rest is read. `size` is that of the file, SIZE_MAX where it is not known. 0, or -1 with a
// sentence.
typedef int mr_file_check(const unsigned char *head, size_t head_size, size_t size,
                          const char *name, char *error, size_t error_size);

// Reads a whole file of at most max_size bytes: a regular file, or a pipe until its end ("-" is
// standard input). Folders and devices are refused. check may be NULL. *data is to be freed; a zero
// byte follows it.
int mr_file_read_checked(const char *path, size_t max_size, mr_file_check *check,
                         unsigned char **data, size_t *size, char *error, size_t error_size);
int mr_file_read(const char *path, size_t max_size, unsigned char **data, size_t *size, char *error,
                 size_t error_size);

// ---- writing (file_write.c)

struct mr_piece {
    const void *data;
    size_t size;
};

// Writes the pieces one after the other. A regular file is written beside its place and renamed, so
// that nobody ever sees half of it and a failure leaves the old one; links are followed, mode and
// owner of an old file are kept. A pipe, a device and a descriptor of this process (/dev/stdout,
// /dev/fd/N) are written directly; "-" is standard output.
int mr_file_write(const char *path, const struct mr_piece *pieces, size_t count, char *error,
                  size_t error_size);

// Tries whether mr_file_write could write the path, without leaving a trace.
int mr_file_check_output(const char *path, char *error, size_t error_size);

// True when both paths name one regular file, which need not be there yet.
bool mr_file_is_same(const char *a, const char *b);

// True when what is written to the path goes where descriptor 1 leads.
bool mr_file_is_stdout(const char *path);

#endif
