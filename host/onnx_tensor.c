// SPDX-License-Identifier: Apache-2.0
// Constants of an ONNX file: raw or typed data of a tensor, checked against its shape.
#include "file.h"
#include "onnx_parts.h"

#include <math.h>
#include <string.h>

static int bad(struct onnx_reader *r, const Onnx__TensorProto *t, const char *what) {
    return mr_fail(r->error, r->error_size, "%s: tensor '%.100s' %s", r->file,
                   t->name ? t->name : "", what);
}

size_t onnx_count(const struct onnx_value *tensor) {
    size_t count = 1;

    for (int i = 0; i < tensor->rank; i++)
        count *= (size_t)tensor->dims[i].k;
    return count;
}

bool onnx_all_zero(const struct onnx_value *value) {
    if (value->kind == ONNX_FILL)
        return value->fill == 0;
    if (value->kind != ONNX_TENSOR)
        return false;
    for (size_t i = 0, count = onnx_count(value); i < count; i++) {
        if (value->data[i] != 0)
            return false;
    }
    return true;
}

// The bytes of one element in raw_data, and how many elements the typed field holds.
static int element_size(struct onnx_reader *r, const Onnx__TensorProto *t, size_t *size,
                        size_t *typed) {
    switch (t->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
        *size = 4;
        *typed = t->n_float_data;
        return 0;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
        *size = 8;
        *typed = t->n_double_data;
        return 0;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
        *size = 4;
        *typed = t->n_int32_data;
        return 0;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        *size = 8;
        *typed = t->n_int64_data;
        return 0;
    default:
        return mr_fail(r->error, r->error_size,
                       "%s: tensor '%.100s' has element type %d; float32, float64, int32 and int64 "
                       "are supported, so export the model in float32",
                       r->file, t->name ? t->name : "", t->data_type);
    }
}

static double real_element(const Onnx__TensorProto *t, size_t i) {
    float f4;
    double f8;

    if (t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT) {
        if (!t->has_raw_data)
            return t->float_data[i];
        memcpy(&f4, t->raw_data.data + 4 * i, 4);
        return f4;
    }
    if (!t->has_raw_data)
        return t->double_data[i];
    memcpy(&f8, t->raw_data.data + 8 * i, 8);
    return f8;
}

static int64_t whole_element(const Onnx__TensorProto *t, size_t i) {
    int32_t i4;
    int64_t i8;

    if (t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__INT32) {
        if (!t->has_raw_data)
            return t->int32_data[i];
        memcpy(&i4, t->raw_data.data + 4 * i, 4);
        return i4;
    }
    if (!t->has_raw_data)
        return t->int64_data[i];
    memcpy(&i8, t->raw_data.data + 8 * i, 8);
    return i8;
}

int onnx_decode(struct onnx_reader *r, const Onnx__TensorProto *t, struct onnx_value *value) {
    size_t count = 1, size = 1, typed = 0, bytes;

    if (t->n_external_data > 0 ||
        (t->has_data_location && t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL))
        return bad(r, t, "is kept in another file; export the model into one file");
    if (t->segment)
        return bad(r, t, "is split into segments, which this version does not read");
    if (t->n_dims > ONNX_RANK)
        return bad(r, t, "has more than 8 dimensions");
    for (size_t i = 0; i < t->n_dims; i++) {
        if (t->dims[i] < 0 || (uint64_t)t->dims[i] > SIZE_MAX / 8 ||
            !mr_multiply(count, (size_t)t->dims[i], &count))
            return bad(r, t, "has a dimension that is no possible size");
        value->dims[i] = (struct onnx_size){t->dims[i], SYMBOL_NONE};
    }
    value->rank = (int)t->n_dims;
    if (element_size(r, t, &size, &typed) != 0)
        return -1;
    if (!mr_multiply(count, size, &bytes) ||
        (t->has_raw_data ? t->raw_data.len != bytes : typed != count))
        return mr_fail(r->error, r->error_size,
                       "%s: tensor '%.100s' should hold %zu numbers by its shape and holds %zu",
                       r->file, t->name ? t->name : "", count,
                       t->has_raw_data ? t->raw_data.len / size : typed);

    bool whole = t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__INT32 ||
                 t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
    if (whole && (value->rank > 1 || count > ONNX_INTS)) {
        value->kind = ONNX_OPAQUE;
        return 0;
    }
    if (whole) {
        value->kind = ONNX_VECTOR;
        value->count = (int)count;
        for (size_t i = 0; i < count; i++)
            value->ints[i] = (struct onnx_size){whole_element(t, i), SYMBOL_NONE};
        return 0;
    }
    value->kind = ONNX_TENSOR;
    value->data = onnx_allocate(r, count, sizeof *value->data);
    if (!value->data)
        return bad(r, t, "needs more memory than there is");
    for (size_t i = 0; i < count; i++)
        value->data[i] = (float)real_element(t, i);
    return 0;
}
