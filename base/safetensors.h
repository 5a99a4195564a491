// SPDX-License-Identifier: Apache-2.0
// The safetensors container: an 8-byte header length, a JSON header, then the tensors' bytes.
#ifndef MR_SAFETENSORS_H
#define MR_SAFETENSORS_H

#include "file.h"

#include <stdbool.h>
#include <stddef.h>

// Those that the container knows of and that have whole bytes.
enum mr_dtype {
    MR_F32,
    MR_I8,
    MR_I16,
    MR_I32,
    MR_I64,
    MR_F64,
    MR_F16,
    MR_BF16,
    MR_U8,
    MR_U16,
    MR_U32,
    MR_U64,
    MR_BOOL,
    MR_F8_E4M3,
    MR_F8_E5M2
};

enum { MR_TENSOR_RANK = 8 };

struct mr_tensor {
    const char *name;
    enum mr_dtype dtype;
    int rank;
    size_t shape[MR_TENSOR_RANK]; // slowest axis first
    size_t count;                 // product of the shape
    const void *data;             // count numbers, little endian; not aligned when it was read
};

struct mr_pair {
    const char *key, *value;
};

struct mr_safetensors {
    size_t tensor_count;
    struct mr_tensor *tensors; // in the order of their bytes
    size_t metadata_count;
    struct mr_pair *metadata; // "__metadata__"
    void *header;             // owns the strings
    void *buffer;             // owns the data, NULL when it was parsed from the caller's memory
};

// "F32", …; and the bytes of one number.
const char *mr_dtype_name(enum mr_dtype dtype);
size_t mr_dtype_size(enum mr_dtype dtype);
// F64, F32, F16 or BF16: what weights are kept as.
bool mr_dtype_is_weight(enum mr_dtype dtype);
// Number `index` of a tensor of one of these.
double mr_tensor_weight(const struct mr_tensor *tensor, size_t index);

// Reads and checks everything: names, shapes, sizes, that tensors neither overlap nor leave holes.
// check: of the kind of file that is expected (file_kind.h).
int mr_safetensors_read(const char *path, mr_file_check *check, struct mr_safetensors *file,
                        char *error, size_t error_size);

// The same from memory, which must stay until the free; name stands for the file in messages.
int mr_safetensors_parse(const void *data, size_t size, const char *name,
                         struct mr_safetensors *file, char *error, size_t error_size);

// A struct that is all zero is legal.
void mr_safetensors_free(struct mr_safetensors *file);

// The tensor or the metadata value of that name, or NULL.
const struct mr_tensor *mr_safetensors_find(const struct mr_safetensors *file, const char *name);
const char *mr_safetensors_metadata(const struct mr_safetensors *file, const char *key);

// Writes the tensors, those of wide numbers first so that all are aligned, atomically.
int mr_safetensors_write(const char *path, const struct mr_tensor *tensors, size_t tensor_count,
                         const struct mr_pair *metadata, size_t metadata_count, char *error,
                         size_t error_size);

#endif
