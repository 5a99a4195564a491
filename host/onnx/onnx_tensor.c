// SPDX-License-Identifier: Apache-2.0
// Tensors of an ONNX file: types, memory, and raw, typed or external data checked against the
// shape.
#include "file.h"
#include "half.h"
#include "onnx_graph.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

// The types that are read: name in ONNX, bytes of an element, name for people.
#define TYPES(X)                                                                                   \
    X(FLOAT, 4, "float32")                                                                         \
    X(DOUBLE, 8, "float64")                                                                        \
    X(FLOAT16, 2, "float16")                                                                       \
    X(BFLOAT16, 2, "bfloat16")                                                                     \
    X(INT8, 1, "int8")                                                                             \
    X(UINT8, 1, "uint8")                                                                           \
    X(INT16, 2, "int16")                                                                           \
    X(UINT16, 2, "uint16")                                                                         \
    X(INT32, 4, "int32")                                                                           \
    X(UINT32, 4, "uint32")                                                                         \
    X(INT64, 8, "int64")                                                                           \
    X(BOOL, 1, "bool")

const char *onnx_type_name(int type) {
    switch (type) {
#define NAME(type, bytes, text)                                                                    \
    case TYPE(type):                                                                               \
        return text;
        TYPES(NAME)
#undef NAME
    default:
        return NULL;
    }
}

static size_t element_size(int type) {
    switch (type) {
#define SIZE(type, bytes, text)                                                                    \
    case TYPE(type):                                                                               \
        return bytes;
        TYPES(SIZE)
#undef SIZE
    default:
        return 0;
    }
}

bool onnx_is_real(int type) {
    return type == TYPE(FLOAT) || type == TYPE(DOUBLE) || type == TYPE(FLOAT16) ||
           type == TYPE(BFLOAT16);
}

// Rounds to so many bits of mantissa, the smallest exponent being least, infinite from limit.
static double round_bits(double v, int bits, int least, double limit) {
    int exponent;

    if (v == 0 || !isfinite(v))
        return v;
    frexp(v, &exponent);
    if (exponent < least)
        exponent = least;
    double unit = ldexp(1, exponent - bits), rounded = nearbyint(v / unit) * unit;
    return fabs(rounded) >= limit ? copysign(INFINITY, v) : rounded;
}

double onnx_round(int type, double number) {
    switch (type) {
    case TYPE(FLOAT):
        return (float)number;
    case TYPE(FLOAT16):
        return round_bits(number, 11, -13, 65536);
    case TYPE(BFLOAT16):
        return round_bits(number, 8, -125, ldexp(1, 128));
    default:
        return number;
    }
}

// Also without the axes of size 0 the product must be a number, so that strides are.
bool onnx_shape_count(int rank, const int64_t *dims, size_t *count) {
    size_t all = 1;

    *count = 1;
    if (rank < 0 || rank > ONNX_RANK)
        return false;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0 || !mr_multiply(all, dims[i] > 0 ? (size_t)dims[i] : 1, &all))
            return false;
        *count *= (size_t)dims[i];
    }
    return all <= SIZE_MAX / 64;
}

int onnx_tensor_create(struct onnx_tensor *tensor, int type, int rank, const int64_t *dims,
                       size_t *budget) {
    size_t count, bytes;

    memset(tensor, 0, sizeof *tensor);
    if (!onnx_shape_count(rank, dims, &count))
        return -1;
    for (int i = 0; i < rank; i++)
        tensor->dims[i] = dims[i];
    bytes = 8 * count;
    if (bytes + sizeof(struct onnx_buffer) > *budget)
        return -1;
    struct onnx_buffer *buffer = malloc(sizeof *buffer + bytes);
    if (!buffer)
        return -1;
    buffer->uses = 1;
    buffer->bytes = sizeof *buffer + bytes;
    buffer->budget = budget;
    *budget -= buffer->bytes;
    tensor->type = type;
    tensor->rank = rank;
    tensor->count = count;
    tensor->buffer = buffer;
    tensor->real = (double *)(void *)buffer->data;
    return 0;
}

void onnx_tensor_free(struct onnx_tensor *tensor) {
    if (tensor->buffer && --tensor->buffer->uses == 0) {
        for (size_t i = 0; tensor->type == ONNX_SEQUENCE && i < tensor->count; i++)
            onnx_tensor_free(&tensor->items[i]);
        *tensor->buffer->budget += tensor->buffer->bytes;
        free(tensor->buffer);
    }
    memset(tensor, 0, sizeof *tensor);
}

struct onnx_tensor onnx_tensor_share(const struct onnx_tensor *tensor) {
    tensor->buffer->uses++;
    return *tensor;
}

double onnx_number(const struct onnx_tensor *tensor, size_t index) {
    return onnx_is_real(tensor->type) ? tensor->real[index] : (double)tensor->whole[index];
}

bool onnx_all_zero(const struct onnx_tensor *tensor) {
    for (size_t i = 0; i < tensor->count; i++) {
        if (onnx_number(tensor, i) != 0)
            return false;
    }
    return true;
}

// The numbers of the field that holds such a type, or how many there are.
static size_t typed_count(const Onnx__TensorProto *t) {
    switch (t->data_type) {
    case TYPE(FLOAT):
        return t->n_float_data;
    case TYPE(DOUBLE):
        return t->n_double_data;
    case TYPE(INT64):
        return t->n_int64_data;
    case TYPE(UINT32):
        return t->n_uint64_data;
    default: // smaller numbers, and the bits of 16-bit floats
        return t->n_int32_data;
    }
}

static void typed_element(const Onnx__TensorProto *t, size_t i, struct onnx_tensor *to) {
    switch (t->data_type) {
    case TYPE(FLOAT):
        to->real[i] = t->float_data[i];
        break;
    case TYPE(DOUBLE):
        to->real[i] = t->double_data[i];
        break;
    case TYPE(FLOAT16):
        to->real[i] = mr_half((uint16_t)t->int32_data[i]);
        break;
    case TYPE(BFLOAT16):
        to->real[i] = mr_brain((uint16_t)t->int32_data[i]);
        break;
    case TYPE(INT64):
        to->whole[i] = t->int64_data[i];
        break;
    case TYPE(UINT32):
        to->whole[i] = (int64_t)(t->uint64_data[i] & UINT32_MAX);
        break;
    case TYPE(BOOL):
        to->whole[i] = t->int32_data[i] != 0;
        break;
    default:
        to->whole[i] = t->int32_data[i];
    }
}

static void raw_element(int type, const uint8_t *raw, size_t i, struct onnx_tensor *to) {
    union {
        float f4;
        double f8;
        uint16_t u2;
        int16_t i2;
        int32_t i4;
        uint32_t u4;
        int64_t i8;
    } v;
    const size_t size = element_size(type);

    memcpy(&v, raw + i * size, size);
    switch (type) {
    case TYPE(FLOAT):
        to->real[i] = v.f4;
        break;
    case TYPE(DOUBLE):
        to->real[i] = v.f8;
        break;
    case TYPE(FLOAT16):
        to->real[i] = mr_half(v.u2);
        break;
    case TYPE(BFLOAT16):
        to->real[i] = mr_brain(v.u2);
        break;
    case TYPE(INT8):
        to->whole[i] = (int8_t)raw[i];
        break;
    case TYPE(UINT8):
        to->whole[i] = raw[i];
        break;
    case TYPE(BOOL):
        to->whole[i] = raw[i] != 0;
        break;
    case TYPE(INT16):
        to->whole[i] = v.i2;
        break;
    case TYPE(UINT16):
        to->whole[i] = v.u2;
        break;
    case TYPE(INT32):
        to->whole[i] = v.i4;
        break;
    case TYPE(UINT32):
        to->whole[i] = v.u4;
        break;
    default:
        to->whole[i] = v.i8;
    }
}

static int bad(struct onnx_graph *graph, const Onnx__TensorProto *t, const char *what) {
    return onnx_fail_file(graph, "tensor '%.100s' %s", t->name ? t->name : "", what);
}

int onnx_decode(struct onnx_graph *graph, const Onnx__TensorProto *t, struct onnx_tensor *to) {
    bool external =
        t->n_external_data > 0 ||
        (t->has_data_location && t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL);
    size_t count, size = element_size(t->data_type);
    unsigned char *data = NULL;

    if (t->segment)
        return bad(graph, t, "is split into segments, which this version does not read");
    if (t->n_dims > ONNX_RANK)
        return bad(graph, t, "has more than 8 dimensions");
    if (size == 0)
        return onnx_fail_file(graph,
                              "tensor '%.100s' has element type %d, which this version does not "
                              "read; export the model in float32",
                              t->name ? t->name : "", t->data_type);
    if (!onnx_shape_count((int)t->n_dims, t->dims, &count))
        return bad(graph, t, "has a dimension that is no possible size");
    const size_t bytes = count * size;
    if (external) {
        if (onnx_external(graph, t, bytes, &data) != 0)
            return -1;
    } else if (t->has_raw_data ? t->raw_data.len != bytes : typed_count(t) != count) {
        return onnx_fail_file(graph,
                              "tensor '%.100s' should hold %zu numbers by its shape and holds %zu",
                              t->name ? t->name : "", count,
                              t->has_raw_data ? t->raw_data.len / size : typed_count(t));
    }
    if (onnx_tensor_create(to, t->data_type, (int)t->n_dims, t->dims, &graph->budget) != 0) {
        free(data);
        return bad(graph, t, "needs more memory than there is");
    }
    const uint8_t *raw = external ? data : t->has_raw_data ? t->raw_data.data : NULL;
    for (size_t i = 0; i < count; i++) {
        if (raw)
            raw_element(t->data_type, raw, i, to);
        else
            typed_element(t, i, to);
    }
    free(data);
    return 0;
}
