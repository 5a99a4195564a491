// SPDX-License-Identifier: Apache-2.0
// Computes nodes of an ONNX graph as the ONNX standard says, in double precision: the constant
// parts of a graph when it is read, and the whole graph as the reference of its accuracy.
#ifndef MR_ONNX_EVAL_H
#define MR_ONNX_EVAL_H

#include "onnx_graph.h"

struct onnx_symbols;

// As many nodes are computed at most, those of loops each time anew.
enum { ONNX_WORK = 1 << 20 };

struct onnx_eval {
    struct onnx_graph *graph;
    struct onnx_tensor *values; // computed so far, one for each value of the graph
    size_t *budget;
    const struct onnx_eval *outer; // of the node whose body it computes, or NULL
    size_t *work;                  // nodes that may still be computed; NULL: all
    // Where values may be symbols, what these stand for; NULL: they may not.
    struct onnx_symbols *symbols;
    const struct onnx_tensor
        *lifted; // [n_input] in the place of the current node's inputs, or NULL
    // The small float types are as exact as double: what the file means, not how they round.
    bool wide;
};

// Computes the current node. All of its inputs must be known: values or constants of the graph.
int onnx_eval_node(struct onnx_eval *e);

// Computes the graph's outputs from its input, a batch of so many sequences, within so many bytes
// of memory; inputs for states are zero, sequences have all of their steps. y: [output_count], to
// be freed, also after a failure.
int onnx_eval_graph(struct onnx_graph *graph, const struct onnx_tensor *x, int64_t batch,
                    int64_t steps, struct onnx_tensor *y, size_t *budget);

// A value by its name, also of the graph around this one; NULL when it is not computed.
const struct onnx_tensor *onnx_eval_find(const struct onnx_eval *e, const char *name);
// An input of the current node, NULL when it is left out; where an output is to be put, NULL when
// nobody wants it.
const struct onnx_tensor *onnx_eval_input(const struct onnx_eval *e, size_t index);
struct onnx_tensor *onnx_eval_output(const struct onnx_eval *e, size_t index);
// Creates an output.
int onnx_eval_create(struct onnx_eval *e, struct onnx_tensor *out, int type, int rank,
                     const int64_t *dims);
// A list of whole numbers from an input or, in older files, from the attribute. *count is -1 when
// neither is there.
int onnx_eval_list(const struct onnx_eval *e, const char *name, size_t input, int64_t *list,
                   int *count);
int onnx_eval_unsupported(const struct onnx_eval *e);
// The tensor itself, or, where symbols are wanted, its numbers as symbols. To be freed.
int onnx_eval_lift(struct onnx_eval *e, const struct onnx_tensor *from, bool symbols,
                   struct onnx_tensor *to);
// Computes the nodes of the graph, as far as they are needed.
int onnx_eval_nodes(struct onnx_eval *e);

// onnx_nested.c: Loop, Scan and If
int onnx_eval_if(struct onnx_eval *e);
int onnx_eval_loop(struct onnx_eval *e);
int onnx_eval_scan(struct onnx_eval *e);

// onnx_eval_cells.c
int onnx_eval_extreme(struct onnx_eval *e);
int onnx_eval_logic(struct onnx_eval *e);
int onnx_eval_sum(struct onnx_eval *e);

// onnx_functions.c
int onnx_eval_function(struct onnx_eval *e);

// onnx_sequence.c
int onnx_eval_sequence(struct onnx_eval *e);
int onnx_eval_sequence_at(struct onnx_eval *e);
int onnx_eval_sequence_concat(struct onnx_eval *e);
int onnx_eval_sequence_erase(struct onnx_eval *e);
int onnx_eval_sequence_insert(struct onnx_eval *e);
int onnx_eval_sequence_length(struct onnx_eval *e);
int onnx_eval_sequence_split(struct onnx_eval *e);

// Which part of a shape a Shape node takes.
void onnx_shape_part(const struct onnx_graph *graph, int rank, int *start, int *end);
// The order of axes of a Transpose.
int onnx_perm(struct onnx_graph *graph, int rank, int *perm);
// Which axes of the result an Unsqueeze adds.
int onnx_added_axes(struct onnx_graph *graph, const int64_t *axes, int count, int rank,
                    bool *added);
// The shape of two values that are stretched to each other; false when they do not fit.
bool onnx_broadcast(const int64_t *a, int a_rank, const int64_t *b, int b_rank, int64_t *dims,
                    int *rank);
// The strides at which a value is read when it is stretched to a shape.
void onnx_stretch(const struct onnx_tensor *in, int rank, const int64_t *dims, int64_t *stride);
// A Dropout that drops nothing.
int onnx_check_dropout(struct onnx_graph *graph);

// onnx_eval_shape.c
int onnx_eval_cast(struct onnx_eval *e);
int onnx_eval_concat(struct onnx_eval *e);
int onnx_eval_constant(struct onnx_eval *e);
int onnx_eval_constant_of_shape(struct onnx_eval *e);
int onnx_eval_expand(struct onnx_eval *e);
// The first input of the current node stretched to a shape, or repeated along its axes.
int onnx_eval_spread(struct onnx_eval *e, const int64_t *shape, int count);
int onnx_eval_repeat(struct onnx_eval *e, const int64_t *repeats, int count);
int onnx_eval_flatten(struct onnx_eval *e);
int onnx_eval_gather(struct onnx_eval *e);
int onnx_eval_identity(struct onnx_eval *e);
int onnx_eval_range(struct onnx_eval *e);
int onnx_eval_reshape(struct onnx_eval *e);
int onnx_eval_shape(struct onnx_eval *e);
int onnx_eval_slice(struct onnx_eval *e);
int onnx_eval_split(struct onnx_eval *e);
int onnx_eval_squeeze(struct onnx_eval *e);
int onnx_eval_tile(struct onnx_eval *e);
int onnx_eval_transpose(struct onnx_eval *e);
int onnx_eval_unsqueeze(struct onnx_eval *e);

// onnx_runtime.c
int onnx_eval_qlinear_matmul(struct onnx_eval *e);

// onnx_quantised.c
int onnx_eval_quantise(struct onnx_eval *e);
// In wide evaluation what a layer gives is quantised without rounding: it is cut where its range
// begins with 0. zero: an input
void onnx_eval_cut(struct onnx_eval *e, struct onnx_tensor *out, size_t zero);
int onnx_eval_dynamic_quantise(struct onnx_eval *e);

// onnx_mask.c
int onnx_eval_magnitude(struct onnx_eval *e);
int onnx_eval_not(struct onnx_eval *e);

// onnx_steps.c
int onnx_eval_gather_elements(struct onnx_eval *e);

// onnx_order.c
int onnx_eval_places(struct onnx_eval *e);
int onnx_eval_scatter(struct onnx_eval *e);
int onnx_eval_top(struct onnx_eval *e);

// onnx_directions.c
int onnx_eval_reverse_sequence(struct onnx_eval *e);

// onnx_pool.c
int onnx_eval_pool(struct onnx_eval *e);
// Which axes a Reduce takes together, or a global pool; keep: they stay with size 1. -1 with a
// sentence. gone: [ONNX_RANK]
int onnx_reduced_axes(struct onnx_eval *e, int rank, bool *gone, bool *keep);

// onnx_products.c
int onnx_eval_einsum(struct onnx_eval *e);
int onnx_eval_conv(struct onnx_eval *e);

// onnx_shrink.c
int onnx_eval_shrink(struct onnx_eval *e);

// onnx_affine.c
int onnx_eval_batch_norm(struct onnx_eval *e);

// onnx_norm.c
int onnx_eval_layer_norm(struct onnx_eval *e);
int onnx_eval_power(struct onnx_eval *e);

// onnx_flow.c
int onnx_eval_clip(struct onnx_eval *e);

// onnx_eval_math.c

// A product of MatMul: so many blocks of (rows, inner) times (inner, columns).
struct onnx_blocks {
    size_t rows, inner, columns, blocks;
    int rank, batch_rank; // of the result, of the axes of blocks
    int64_t dims[ONNX_RANK], a_dims[ONNX_RANK], b_dims[ONNX_RANK];
};
// False where the shapes do not fit each other.
bool onnx_matmul_shape(const struct onnx_tensor *a, const struct onnx_tensor *b,
                       struct onnx_blocks *p);
// Which blocks of a and b the result's block is the product of.
void onnx_matmul_block(const struct onnx_blocks *p, size_t block, size_t *a, size_t *b);
int onnx_eval_arithmetic(struct onnx_eval *e);
int onnx_eval_compare(struct onnx_eval *e);
int onnx_eval_dequantize(struct onnx_eval *e);
int onnx_eval_gemm(struct onnx_eval *e);
// The current node's output: alpha * a times b, which is (columns, inner) where it is turned, plus
// beta times a list, or nothing.
int onnx_eval_linear(struct onnx_eval *e, const struct onnx_tensor *a, const struct onnx_tensor *b,
                     bool turned, double alpha, const struct onnx_tensor *c, double beta);
int onnx_eval_matmul(struct onnx_eval *e);
int onnx_eval_negate(struct onnx_eval *e);
int onnx_eval_where(struct onnx_eval *e);

#endif
