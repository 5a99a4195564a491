// SPDX-License-Identifier: Apache-2.0
// What the files of the ONNX import share: the graph is executed once with abstract values, so
// that constants are folded and the sequence can be followed through its changes of shape.
#ifndef MR_ONNX_PARTS_H
#define MR_ONNX_PARTS_H

#include "network.h"
#include "onnx.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ONNX_RANK = 8, ONNX_INTS = 16 };

// A size or index: k, plus the size of input axis (symbol - 1) when symbol is not 0.
struct onnx_size {
    int64_t k;
    int symbol;
};

enum { SYMBOL_NONE = 0, SYMBOL_UNKNOWN = 99 };

enum onnx_kind {
    ONNX_NONE,   // not computed
    ONNX_VECTOR, // whole numbers, rank 0 or 1, such as shapes
    ONNX_FILL,   // a constant of any shape, every element the same
    ONNX_TENSOR, // a constant in float
    ONNX_OPAQUE, // exists, but its content is not followed
    ONNX_FLOW,   // what flows from the input to the output
};

// What an axis of the flow is. The first two axes of the input are time and batch; which is which
// is known at the first LSTM.
enum onnx_axis { AXIS_INPUT_0, AXIS_INPUT_1, AXIS_FEATURE, AXIS_ONE, AXIS_STACK };

struct onnx_value {
    const char *name;
    enum onnx_kind kind;
    bool needed;
    int rank;
    struct onnx_size dims[ONNX_RANK]; // of FILL, TENSOR and FLOW
    int count;                        // of VECTOR, or of layers stacked along AXIS_STACK
    struct onnx_size ints[ONNX_INTS];
    double fill;
    float *data; // of TENSOR, C order
    enum onnx_axis axis[ONNX_RANK];
    int layer;          // the LSTM it comes from, -1 for the input
    bool last;          // the last step has been selected
    bool dense, squash; // the head's product, its sigmoid
};

struct onnx_chunk;

struct onnx_reader {
    const char *file;
    char *error;
    size_t error_size;
    struct onnx_chunk *chunks; // everything that is freed at the end
    size_t budget;             // bytes that may still be allocated
    struct onnx_value *values;
    size_t value_count, value_limit;
    int32_t *slots; // hash of names: index into values, or -1
    size_t slot_count;
    const Onnx__NodeProto *node; // the one being executed
    struct mr_network *network;
    int time_axis; // AXIS_INPUT_0 or AXIS_INPUT_1, -1 before the first LSTM
};

// Memory that lives until the reading ends; NULL beyond the budget.
void *onnx_allocate(struct onnx_reader *r, size_t count, size_t size);

// A sentence that begins with the current node.
int onnx_fail(struct onnx_reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Input or output of the current node; NULL when it is left out.
const struct onnx_value *onnx_input(struct onnx_reader *r, size_t index);
struct onnx_value *onnx_output(struct onnx_reader *r, size_t index);

// Makes an output of the current node a copy of another value; the output keeps its name.
void onnx_copy(struct onnx_value *to, const struct onnx_value *from);

// Attributes of the current node; fallback when absent or of another type.
const Onnx__AttributeProto *onnx_attribute(struct onnx_reader *r, const char *name);
int64_t onnx_int(struct onnx_reader *r, const char *name, int64_t fallback);
float onnx_float(struct onnx_reader *r, const char *name, float fallback);

// A list of known numbers from an input or, in older files, from the attribute. *count is -1 when
// neither is there.
int onnx_list(struct onnx_reader *r, const char *name, size_t input, int64_t *list, int *count);

// Turns a negative axis into a positive one and checks it.
int onnx_axis(struct onnx_reader *r, int64_t axis, int rank, int *result);

// onnx_tensor.c
int onnx_decode(struct onnx_reader *r, const Onnx__TensorProto *tensor, struct onnx_value *value);
size_t onnx_count(const struct onnx_value *tensor);
bool onnx_all_zero(const struct onnx_value *value);

// onnx_fold.c: operators on anything but the flow
int onnx_constant(struct onnx_reader *r);
int onnx_shape(struct onnx_reader *r);
int onnx_constant_of_shape(struct onnx_reader *r);
int onnx_expand(struct onnx_reader *r);
int onnx_fold_gather(struct onnx_reader *r);
int onnx_fold_concat(struct onnx_reader *r);
int onnx_fold_slice(struct onnx_reader *r);
int onnx_fold_squeeze(struct onnx_reader *r);
int onnx_fold_unsqueeze(struct onnx_reader *r);
int onnx_fold_reshape(struct onnx_reader *r);
int onnx_fold_transpose(struct onnx_reader *r);
int onnx_arithmetic(struct onnx_reader *r);

// onnx_flow.c: operators that move the flow's axes
int onnx_gather(struct onnx_reader *r);
int onnx_concat(struct onnx_reader *r);
int onnx_slice(struct onnx_reader *r);
int onnx_squeeze(struct onnx_reader *r);
int onnx_unsqueeze(struct onnx_reader *r);
int onnx_reshape(struct onnx_reader *r);
int onnx_flatten(struct onnx_reader *r);
int onnx_transpose(struct onnx_reader *r);

// onnx_layers.c: operators that compute
int onnx_lstm(struct onnx_reader *r);
int onnx_gemm(struct onnx_reader *r);
int onnx_matmul(struct onnx_reader *r);
int onnx_add(struct onnx_reader *r);
int onnx_sigmoid(struct onnx_reader *r);

#endif
