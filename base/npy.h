// SPDX-License-Identifier: Apache-2.0
// Arrays of float and NumPy's .npy files (format 1 to 3).
#ifndef MR_NPY_H
#define MR_NPY_H

#include <stddef.h>

enum { MR_ARRAY_RANK = 8 };

struct mr_array {
    int rank;                    // 0 to MR_ARRAY_RANK
    size_t shape[MR_ARRAY_RANK]; // slowest axis first
    size_t count;                // product of the shape
    float *data;                 // (shape[0], shape[1], …), C order
};

// An array of zeros of the shape.
int mr_array_create(struct mr_array *array, int rank, const size_t *shape, char *error,
                    size_t error_size);

// Frees the data; an array that is all zero is legal.
void mr_array_free(struct mr_array *array);

// "[64, 50, 25]", as much of it as there is room for; returns text.
const char *mr_shape_text(int rank, const size_t *shape, char *text, size_t size);

// The same of the place of number `index`: "[41, 2, 1]", from 0.
const char *mr_array_place_text(const struct mr_array *array, size_t index, char *text,
                                size_t size);

// 0 when every value is a finite number; else a sentence that names the first index that is not.
int mr_array_check_finite(const struct mr_array *array, const char *name, char *error,
                          size_t error_size);

// Reads an .npy file of float32, float64, int32 or int64, C or Fortran order, little endian, from
// memory; name stands for the file in messages. array_file.h reads files.
int mr_npy_parse(const void *data, size_t size, const char *name, struct mr_array *array,
                 char *error, size_t error_size);

// Writes float32, C order, version 1, atomically.
int mr_npy_write(const char *path, const struct mr_array *array, char *error, size_t error_size);

#endif
