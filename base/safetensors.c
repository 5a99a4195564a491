// SPDX-License-Identifier: Apache-2.0
// Reader and writer of the safetensors container.
#include "safetensors.h"

#include "half.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A model of the 2 GiB that an ONNX file may have, its float and its integer weights.
static const size_t max_file = (size_t)1 << 32;
static const size_t max_header = 100000000;

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [MR_F32] = {"F32", 4},   [MR_I8] = {"I8", 1},           [MR_I16] = {"I16", 2},
    [MR_I32] = {"I32", 4},   [MR_I64] = {"I64", 8},         [MR_F64] = {"F64", 8},
    [MR_F16] = {"F16", 2},   [MR_BF16] = {"BF16", 2},       [MR_U8] = {"U8", 1},
    [MR_U16] = {"U16", 2},   [MR_U32] = {"U32", 4},         [MR_U64] = {"U64", 8},
    [MR_BOOL] = {"BOOL", 1}, [MR_F8_E4M3] = {"F8_E4M3", 1}, [MR_F8_E5M2] = {"F8_E5M2", 1},
};

struct reader {
    const char *name; // of the file, for messages
    const unsigned char *data;
    size_t data_size;
    char *error;
    size_t error_size;
};

const char *mr_dtype_name(enum mr_dtype dtype) {
    return dtypes[dtype].name;
}

size_t mr_dtype_size(enum mr_dtype dtype) {
    return dtypes[dtype].size;
}

bool mr_dtype_is_weight(enum mr_dtype dtype) {
    return dtype == MR_F64 || dtype == MR_F32 || dtype == MR_F16 || dtype == MR_BF16;
}

double mr_tensor_weight(const struct mr_tensor *tensor, size_t index) {
    const size_t size = mr_dtype_size(tensor->dtype);
    union {
        double f8;
        float f4;
        uint16_t u2;
    } v;

    memcpy(&v, (const unsigned char *)tensor->data + index * size, size);
    switch (tensor->dtype) {
    case MR_F64:
        return v.f8;
    case MR_F16:
        return mr_half(v.u2);
    case MR_BF16:
        return mr_brain(v.u2);
    default:
        return v.f4;
    }
}

static bool natural(const json_t *value, size_t *result) {
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *result = (size_t)json_integer_value(value);
    return true;
}

static int bad(const struct reader *r, const char *tensor, const char *what) {
    return mr_fail(r->error, r->error_size, "%s: tensor '%.100s' %s", r->name, tensor, what);
}

static int read_dtype(const struct reader *r, struct mr_tensor *t, const json_t *entry) {
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));

    if (!dtype)
        return bad(r, t->name, "has no \"dtype\"");
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        if (strcmp(dtype, dtypes[i].name) == 0) {
            t->dtype = (enum mr_dtype)i;
            return 0;
        }
    }
    return mr_fail(r->error, r->error_size,
                   "%s: tensor '%.100s' has type %.20s, which this version does not know; keep "
                   "weights as F32, F64, F16 or BF16",
                   r->name, t->name, dtype);
}

static int read_tensor(const struct reader *r, struct mr_tensor *t, const json_t *entry) {
    const json_t *shape = json_object_get(entry, "shape");
    const json_t *offsets = json_object_get(entry, "data_offsets");
    size_t begin, end, bytes;

    if (!json_is_object(entry) || json_object_size(entry) != 3)
        return bad(r, t->name, "is not described by exactly dtype, shape and data_offsets");
    if (read_dtype(r, t, entry) != 0)
        return -1;
    if (!json_is_array(shape) || json_array_size(shape) > MR_TENSOR_RANK)
        return bad(r, t->name, "has no shape of at most 8 dimensions");
    t->rank = (int)json_array_size(shape);
    t->count = 1;
    for (int i = 0; i < t->rank; i++) {
        if (!natural(json_array_get(shape, (size_t)i), &t->shape[i]) ||
            !mr_multiply(t->count, t->shape[i], &t->count))
            return bad(r, t->name, "has a dimension that is no possible size");
    }
    if (json_array_size(offsets) != 2 || !natural(json_array_get(offsets, 0), &begin) ||
        !natural(json_array_get(offsets, 1), &end) || begin > end || end > r->data_size)
        return bad(r, t->name, "has data_offsets outside of the file");
    if (!mr_multiply(t->count, mr_dtype_size(t->dtype), &bytes) || bytes != end - begin)
        return bad(r, t->name, "has data_offsets that do not agree with its shape");
    t->data = r->data + begin;
    return 0;
}

static int by_position(const void *left, const void *right) {
    const struct mr_tensor *a = left, *b = right;
    uintptr_t at_a = (uintptr_t)a->data, at_b = (uintptr_t)b->data;

    if (at_a != at_b)
        return at_a < at_b ? -1 : 1;
    // An empty tensor stands before the one that begins at the same byte.
    if ((a->count == 0) != (b->count == 0))
        return a->count == 0 ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int check_cover(const struct reader *r, const struct mr_safetensors *file) {
    const unsigned char *next = r->data;

    for (size_t i = 0; i < file->tensor_count; i++) {
        const struct mr_tensor *t = &file->tensors[i];
        if (t->data != next)
            return bad(r, t->name,
                       (const unsigned char *)t->data < next ? "overlaps another tensor"
                                                             : "leaves a hole before it");
        next += t->count * mr_dtype_size(t->dtype);
    }
    if (next != r->data + r->data_size)
        return mr_fail(r->error, r->error_size, "%s: %zu bytes after the last tensor", r->name,
                       (size_t)(r->data + r->data_size - next));
    return 0;
}

static int read_metadata(const struct reader *r, struct mr_safetensors *file, json_t *object) {
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return mr_fail(r->error, r->error_size, "%s: __metadata__ is not an object", r->name);
    file->metadata = calloc(json_object_size(object) + 1, sizeof *file->metadata);
    if (!file->metadata)
        return mr_fail(r->error, r->error_size, "%s: not enough memory", r->name);
    json_object_foreach(object, key, value) {
        if (!json_is_string(value))
            return mr_fail(r->error, r->error_size, "%s: __metadata__ '%.100s' is not a string",
                           r->name, key);
        file->metadata[file->metadata_count++] = (struct mr_pair){key, json_string_value(value)};
    }
    return 0;
}

static int read_header(const struct reader *r, struct mr_safetensors *file) {
    const char *key;
    json_t *value, *root = file->header;

    file->tensors = calloc(json_object_size(root) + 1, sizeof *file->tensors);
    if (!file->tensors)
        return mr_fail(r->error, r->error_size, "%s: not enough memory", r->name);
    json_object_foreach(root, key, value) {
        if (strcmp(key, "__metadata__") == 0) {
            if (read_metadata(r, file, value) != 0)
                return -1;
            continue;
        }
        struct mr_tensor *t = &file->tensors[file->tensor_count++];
        t->name = key;
        if (read_tensor(r, t, value) != 0)
            return -1;
    }
    qsort(file->tensors, file->tensor_count, sizeof *file->tensors, by_position);
    return check_cover(r, file);
}

int mr_safetensors_parse(const void *data, size_t size, const char *name,
                         struct mr_safetensors *file, char *error, size_t error_size) {
    const unsigned char *bytes = data;
    uint64_t length = 0;

    memset(file, 0, sizeof *file);
    if (size < 8)
        return mr_fail(error, error_size, "%s is not a safetensors file: it has only %zu bytes",
                       name, size);
    for (int i = 7; i >= 0; i--)
        length = length << 8 | bytes[i];
    if (length > max_header || length > size - 8)
        return mr_fail(error, error_size,
                       "%s is not a safetensors file: it announces a header of %llu bytes, and "
                       "has %zu (the limit is %zu)",
                       name, (unsigned long long)length, size - 8, max_header);

    json_error_t where;
    json_t *root =
        json_loadb((const char *)bytes + 8, (size_t)length, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        return mr_fail(error, error_size, "%s: the header is not JSON at byte %d: %s", name,
                       where.position + 8, where.text);
    file->header = root;
    const struct reader r = {name, bytes + 8 + length, size - 8 - (size_t)length, error,
                             error_size};
    int result = json_is_object(root)
                     ? read_header(&r, file)
                     : mr_fail(error, error_size, "%s: the header is not a JSON object", name);
    if (result != 0)
        mr_safetensors_free(file);
    return result;
}

int mr_safetensors_read(const char *path, mr_file_check *check, struct mr_safetensors *file,
                        char *error, size_t error_size) {
    unsigned char *data;
    size_t size;

    memset(file, 0, sizeof *file);
    if (mr_file_read_checked(path, max_file, check, &data, &size, error, error_size) != 0)
        return -1;
    if (mr_safetensors_parse(data, size, path, file, error, error_size) != 0) {
        free(data);
        return -1;
    }
    file->buffer = data;
    return 0;
}

void mr_safetensors_free(struct mr_safetensors *file) {
    json_decref(file->header);
    free(file->tensors);
    free(file->metadata);
    free(file->buffer);
    memset(file, 0, sizeof *file);
}

const struct mr_tensor *mr_safetensors_find(const struct mr_safetensors *file, const char *name) {
    for (size_t i = 0; i < file->tensor_count; i++) {
        if (strcmp(file->tensors[i].name, name) == 0)
            return &file->tensors[i];
    }
    return NULL;
}

const char *mr_safetensors_metadata(const struct mr_safetensors *file, const char *key) {
    for (size_t i = 0; i < file->metadata_count; i++) {
        if (strcmp(file->metadata[i].key, key) == 0)
            return file->metadata[i].value;
    }
    return NULL;
}

// Adds key: value and takes the value; false when memory is short or a string is no UTF-8.
static bool put(json_t *object, const char *key, json_t *value) {
    return value && json_object_set_new(object, key, value) == 0;
}

static bool describe(json_t *root, const struct mr_tensor *t, size_t begin, size_t end) {
    json_t *entry = json_object(), *shape = json_array();
    bool good = entry && shape;

    for (int i = 0; good && i < t->rank; i++)
        good = json_array_append_new(shape, json_integer((json_int_t)t->shape[i])) == 0;
    good = good && put(entry, "dtype", json_string(mr_dtype_name(t->dtype))) &&
           json_object_set(entry, "shape", shape) == 0 &&
           put(entry, "data_offsets", json_pack("[I, I]", (json_int_t)begin, (json_int_t)end)) &&
           json_object_set(root, t->name, entry) == 0;
    json_decref(entry);
    json_decref(shape);
    return good;
}

// The JSON header, with the tensors' pieces in the order of the file; NULL when it cannot be made.
static char *make_header(const struct mr_tensor *tensors, size_t tensor_count,
                         const struct mr_pair *metadata, size_t metadata_count,
                         struct mr_piece *pieces) {
    json_t *root = json_object(), *pairs = json_object();
    bool good = root && pairs;
    size_t offset = 0, piece = 0;
    char *text = NULL;

    for (size_t i = 0; good && i < metadata_count; i++)
        good = put(pairs, metadata[i].key, json_string(metadata[i].value));
    if (good && metadata_count > 0)
        good = json_object_set(root, "__metadata__", pairs) == 0;
    for (size_t width = 8; width >= 1; width /= 2) {
        for (size_t i = 0; good && i < tensor_count; i++) {
            if (mr_dtype_size(tensors[i].dtype) != width)
                continue;
            size_t bytes = tensors[i].count * width;
            good = describe(root, &tensors[i], offset, offset + bytes);
            pieces[piece++] = (struct mr_piece){tensors[i].data, bytes};
            offset += bytes;
        }
    }
    if (good)
        text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    json_decref(pairs);
    return text;
}

int mr_safetensors_write(const char *path, const struct mr_tensor *tensors, size_t tensor_count,
                         const struct mr_pair *metadata, size_t metadata_count, char *error,
                         size_t error_size) {
    struct mr_piece *pieces = calloc(tensor_count + 3, sizeof *pieces);
    char *text =
        pieces ? make_header(tensors, tensor_count, metadata, metadata_count, pieces + 3) : NULL;

    if (!text) {
        free(pieces);
        return mr_fail(error, error_size,
                       "%s cannot be written: not enough memory, or a name that is not UTF-8",
                       path);
    }
    size_t length = strlen(text), padded = (length + 7) / 8 * 8;
    unsigned char size_bytes[8];
    for (int i = 0; i < 8; i++)
        size_bytes[i] = (unsigned char)((uint64_t)padded >> 8 * i);
    pieces[0] = (struct mr_piece){size_bytes, 8};
    pieces[1] = (struct mr_piece){text, length};
    pieces[2] = (struct mr_piece){"       ", padded - length};
    int result = mr_file_write(path, pieces, tensor_count + 3, error, error_size);
    free(text);
    free(pieces);
    return result;
}
