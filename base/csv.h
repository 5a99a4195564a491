// SPDX-License-Identifier: Apache-2.0
// Tables of numbers as text, one row a line.
#ifndef MR_CSV_H
#define MR_CSV_H

#include "npy.h"

// Reads a table [rows, columns] from memory; name stands for the file in messages. Fields are
// separated by ';', tabs, ',' or, where none of them is there, space, and may stand in quotes. A
// mark of the byte order, empty lines and lines that begin with '#' are skipped. The first row is a
// header when none of its fields is a number and one is a word; `note` tells that then, and is ""
// otherwise (note_size may be 0). All other rows are numbers, as many as in the rows before, or an
// error that names line and field. A first row of 0,1,2,... is an error too: it may be the header
// that pandas writes for columns without names, or data.
int mr_csv_parse(const void *data, size_t size, const char *name, struct mr_array *array,
                 char *note, size_t note_size, char *error, size_t error_size);

// Refuses what is no text of one byte a character, by its beginning or by all of it.
int mr_csv_check(const void *text, size_t size, const char *name, char *error, size_t error_size);

// Writes an array as a table: the last axis is the row, the others are counted up line by line.
// Nine digits are written, so reading it gives the same float32. The file appears atomically.
int mr_csv_write(const char *path, const struct mr_array *array, char *error, size_t error_size);

#endif
