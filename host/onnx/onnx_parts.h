// SPDX-License-Identifier: Apache-2.0
// What the files of the ONNX import share: the graph is executed once with abstract values, so
// that sizes are folded and the sequence can be followed through its changes of shape.
#ifndef MR_ONNX_PARTS_H
#define MR_ONNX_PARTS_H

#include "network.h"
#include "onnx_eval.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A size or index: k, plus the size of input axis (symbol - 1) when symbol is not 0.
struct onnx_size {
    int64_t k;
    int symbol;
};

enum { SYMBOL_NONE = 0, SYMBOL_UNKNOWN = 99, RANK_UNKNOWN = -1 };

enum onnx_kind {
    ONNX_NONE,     // not computed
    ONNX_CONSTANT, // its numbers are in the graph's constants
    ONNX_SIZES,    // whole numbers, rank 0 or 1, that depend on the size of the input
    ONNX_FILL,     // every element the same, with a shape that depends on the size of the input
    ONNX_FLOW,     // what flows from the input to the output
    ONNX_CELL,     // the cell state of an LSTM
    ONNX_INPUT,    // an input of the graph that is not the sequence
};

// What an axis of the flow is. The first two axes of the input are time and batch; which is which
// is known at the first LSTM.
enum onnx_axis { AXIS_INPUT_0, AXIS_INPUT_1, AXIS_FEATURE, AXIS_ONE, AXIS_STACK };

struct onnx_value {
    enum onnx_kind kind;
    int rank;
    struct onnx_size dims[ONNX_RANK]; // of FILL and FLOW
    int count;                        // of SIZES, or of layers stacked along AXIS_STACK
    struct onnx_size ints[ONNX_INTS];
    double fill;
    enum onnx_axis axis[ONNX_RANK];
    int layer;           // the LSTM it comes from, -1 for the input
    bool last;           // the last step has been selected
    bool dense, squash;  // the head's product, its sigmoid
    bool whole, is_bool; // its element type is no float
    struct mr_cast cast; // what casts have done to the input or the head's output
};

struct onnx_reader {
    struct onnx_graph *graph;
    struct onnx_eval fold; // computes constants
    struct onnx_value *values;
    struct mr_network *network;
    int time_axis; // AXIS_INPUT_0 or AXIS_INPUT_1, -1 before the first LSTM
};

// onnx_read.c: the network that a graph means
int onnx_read(struct onnx_graph *graph, struct mr_network *network);

// Input or output of the current node; NULL when it is left out, or when nobody wants the output.
const struct onnx_value *onnx_input(const struct onnx_reader *r, size_t index);
struct onnx_value *onnx_output(const struct onnx_reader *r, size_t index);
const char *onnx_name(const struct onnx_reader *r, const struct onnx_value *value);
// The numbers of an input that is a constant, else NULL.
const struct onnx_tensor *onnx_constant(const struct onnx_reader *r, size_t index);
// The whole numbers of an input, rank 0 or 1, known or not; false when it is something else.
bool onnx_sizes(const struct onnx_reader *r, size_t index, struct onnx_value *sizes);
// A list of known numbers from an input or an attribute. *count is -1 when neither is there.
int onnx_list(struct onnx_reader *r, const char *name, size_t input, int64_t *list, int *count);

// onnx_fold.c: the current node on sizes and on values of unknown shape
int onnx_fold(struct onnx_reader *r);

// onnx_flow.c: operators that move the flow's axes
int onnx_cast(struct onnx_reader *r);
int onnx_concat(struct onnx_reader *r);
int onnx_flatten(struct onnx_reader *r);
int onnx_gather(struct onnx_reader *r);
int onnx_identity(struct onnx_reader *r);
int onnx_reshape(struct onnx_reader *r);
int onnx_slice(struct onnx_reader *r);
int onnx_squeeze(struct onnx_reader *r);
int onnx_transpose(struct onnx_reader *r);
int onnx_unsqueeze(struct onnx_reader *r);

// onnx_layers.c: operators that compute
int onnx_lstm(struct onnx_reader *r);
int onnx_gemm(struct onnx_reader *r);
int onnx_matmul(struct onnx_reader *r);
int onnx_add(struct onnx_reader *r);
int onnx_sigmoid(struct onnx_reader *r);

#endif
