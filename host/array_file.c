// SPDX-License-Identifier: Apache-2.0
// Which format a file of an array has (array_file.h).
#include "array_file.h"

#include "csv.h"
#include "file.h"
#include "file_kind.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const size_t max_file = (size_t)1 << 36;

static bool ends_with(const char *path, const char *ending) {
    const size_t length = strlen(path), tail = strlen(ending);
    return length > tail && strcmp(path + length - tail, ending) == 0;
}

int mr_array_read(const char *path, struct mr_array *array, char *note, size_t note_size,
                  char *error, size_t error_size) {
    unsigned char *data;
    size_t size;

    memset(array, 0, sizeof *array);
    if (note_size > 0)
        *note = 0;
    if (mr_file_read_checked(path, max_file, mr_check_array_file, &data, &size, error,
                             error_size) != 0)
        return -1;
    const bool npy = ends_with(path, ".npy") || (size >= 6 && memcmp(data, "\x93NUMPY", 6) == 0);
    const int result =
        npy ? mr_npy_parse(data, size, path, array, error, error_size)
            : mr_csv_parse(data, size, path, array, note, note_size, error, error_size);
    free(data);
    return result;
}

int mr_array_write(const char *path, const struct mr_array *array, char *error, size_t error_size) {
    return (ends_with(path, ".csv") ? mr_csv_write : mr_npy_write)(path, array, error, error_size);
}
