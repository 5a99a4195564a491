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

// Reads a whole file of at most max_size bytes. *data is to be freed; a zero byte follows it.
int mr_file_read(const char *path, size_t max_size, unsigned char **data, size_t *size, char *error,
                 size_t error_size);

struct mr_piece {
    const void *data;
    size_t size;
};

// Writes the pieces one after the other into a new file beside path, then renames it to path, so
// that nobody ever sees half of it. A path that is not a regular file (a pipe) is written directly.
int mr_file_write(const char *path, const struct mr_piece *pieces, size_t count, char *error,
                  size_t error_size);

#endif
