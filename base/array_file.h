// SPDX-License-Identifier: Apache-2.0
// Files of arrays, in the formats that commands take.
#ifndef MR_ARRAY_FILE_H
#define MR_ARRAY_FILE_H

#include "npy.h"

// Reads .npy, known by its first bytes or its name, or else a table (csv.h). note: as of
// mr_csv_parse.
int mr_array_read(const char *path, struct mr_array *array, char *note, size_t note_size,
                  char *error, size_t error_size);

// Writes .csv by that ending, else .npy.
int mr_array_write(const char *path, const struct mr_array *array, char *error, size_t error_size);

#endif
