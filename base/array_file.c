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

static bool is_npy(const char *path, const unsigned char *head, size_t size) {
    return ends_with(path, ".npy") || (size >= 6 && memcmp(head, "\x93NUMPY", 6) == 0);
}

static int check(const unsigned char *head, size_t head_size, size_t size, const char *name,
                 char *error, size_t error_size) {
    if (mr_check_array_file(head, head_size, size, name, error, error_size) != 0)
        return -1;
    return is_npy(name, head, head_size) ? 0
                                         : mr_csv_check(head, head_size, name, error, error_size);
}

int mr_array_read(const char *path, struct mr_array *array, char *note, size_t note_size,
                  char *error, size_t error_size) {
    const char *name = mr_input_name(path);
    unsigned char *data;
    size_t size;

    memset(array, 0, sizeof *array);
    if (note_size > 0)
        *note = 0;
    if (mr_file_read_checked(path, max_file, check, &data, &size, error, error_size) != 0)
        return -1;
    const int result =
        is_npy(path, data, size)
            ? mr_npy_parse(data, size, name, array, error, error_size)
            : mr_csv_parse(data, size, name, array, note, note_size, error, error_size);
    free(data);
    return result;
}

int mr_array_write(const char *path, const struct mr_array *array, char *error, size_t error_size) {
    return (ends_with(path, ".csv") ? mr_csv_write : mr_npy_write)(path, array, error, error_size);
}
