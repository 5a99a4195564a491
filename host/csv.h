// SPDX-License-Identifier: Apache-2.0
// Comma-separated tables of numbers, one row a line.
#ifndef MR_CSV_H
#define MR_CSV_H

#include "npy.h"

// Reads a table [rows, columns]. A first line that holds a field which is no number is a header
// and is skipped. Fields are separated by ',' or ';' or tabs; empty lines are skipped.
int mr_csv_read(const char *path, struct mr_array *array, char *error, size_t error_size);

// The same from memory; name stands for the file in messages.
int mr_csv_parse(const void *data, size_t size, const char *name, struct mr_array *array,
                 char *error, size_t error_size);

// Writes an array as a table: the last axis is the row, the others are counted up line by line.
// Nine digits are written, so reading it gives the same float32. The file appears atomically.
int mr_csv_write(const char *path, const struct mr_array *array, char *error, size_t error_size);

#endif
