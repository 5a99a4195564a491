// SPDX-License-Identifier: Apache-2.0
// What the files of the ONNX import share: the graph is executed once with abstract values, so
// that sizes are folded and the data can be followed through its changes of shape. Operators that
// compute make layers; those that the outputs need become operators of the network.
#ifndef MR_ONNX_PARTS_H
#define MR_ONNX_PARTS_H

#include "graph.h"
#include "onnx_cell.h"
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
    ONNX_FLOW,     // what flows from the input to the outputs
    ONNX_INPUT,    // an input of the graph that is not the sequence
    ONNX_MASK,     // found from x: which of its steps count, or how many do (onnx_mask.c)
    ONNX_ORDER,    // places of sequences (onnx_order.c)
};

// The place of each sequence among all: as they come, when they are sorted by their lengths, and of
// those sorted where they were; of their first steps, and of their own last ones, among all steps.
enum onnx_order { ONNX_AS_IS, ONNX_BY_LENGTH, ONNX_FROM_LENGTH, ONNX_BY_STEPS, ONNX_LAST_STEPS };

// What a mask has put behind the ends of sequences, for an operator along the steps.
enum onnx_blank { ONNX_NO_BLANK, ONNX_ZERO, ONNX_LEAST };

// What an axis of the flow is. The axes of the input are time, batch and features, or some of them;
// the features are known at the first operator that has numbers for them, the others at the first
// recurrent layer.
enum onnx_axis {
    AXIS_INPUT_0,
    AXIS_INPUT_1,
    AXIS_INPUT_2,
    AXIS_FEATURE,
    AXIS_ONE,
    AXIS_STACK,    // layers
    AXIS_SUBSTACK, // where these have two axes, the inner one
    AXIS_ROWS      // two axes of the input as one: rows of all sequences and steps
};
enum { INPUT_RANK = 3 };

enum { ONNX_X = -1 }; // in the place of a layer: the network's input

// What has been made of the rows of a layer on the way to their normalisation (onnx_norm.c).
enum onnx_moment {
    ONNX_MOMENT_NONE,
    ONNX_MOMENT_MEAN,     // of the features
    ONNX_MOMENT_CENTRED,  // less the mean
    ONNX_MOMENT_SQUARES,  // of that
    ONNX_MOMENT_VARIANCE, // and epsilon
    ONNX_MOMENT_DEVIATION,
    ONNX_MOMENT_INVERSE, // of the deviation
};

// Of each number of x, or of each step, whether it counts; or how many steps of a sequence do.
struct onnx_mask {
    struct mr_mask of; // which do
    bool truth;        // it is 0 or 1, else 0 or something above
    bool masked;       // it is 0 where it counts
    bool steps;        // of each step
    bool lengths;      // how many of a sequence
    int time;          // the axis along which these were counted
};

struct onnx_value {
    enum onnx_kind kind;
    int rank;
    struct onnx_size dims[ONNX_RANK]; // of FILL and FLOW
    int count;                        // of SIZES, or of layers stacked along AXIS_STACK
    struct onnx_size ints[ONNX_INTS];
    double fill;
    bool fills_size; // of FILL: every element is the size ints[0]
    struct onnx_mask mask;
    enum onnx_order order; // of ORDER
    bool sorted;           // its sequences stand in the order of their lengths
    bool minus;            // of lengths: one less
    bool sum;              // of the steps of each sequence, which are still to be divided
    bool flat;             // the first axis is that of sequences and of their `batch` steps
    enum onnx_blank blank;
    bool merged;            // the axis of a stack is that of layers and of sequences, the layers
    struct onnx_size batch; // slower; so many are these
    enum onnx_axis axis[ONNX_RANK];
    enum onnx_axis row_axis[2];   // those that have become AXIS_ROWS, its first,
    struct onnx_size row_dims[2]; // and their sizes
    bool split;     // behind what it has as its last axis, the features, there are more of these
    int layer;      // whose rows it holds, or ONNX_X, as of MASK; of INPUT the input's value
    int only;       // of x the feature, counted from 1, that it holds alone; 0: all
    bool last;      // only the row of the last step
    bool tail;      // only those of the last steps, as many as the axis has
    bool quantised; // a QuantizeLinear stands behind it, of this scale and zero point
    const struct onnx_tensor *scale, *zero;
    bool whole;          // its element type is no float
    bool log_softmax;    // it is the logarithm of its softmax
    struct mr_cast cast; // what casts have done to it
    enum onnx_moment moment;
    double epsilon; // what was added to the variance
};

// Is it the data, as its layer or the input gave it: not whole, and by no cast or end changed?
static inline bool onnx_is_plain(const struct onnx_value *value) {
    const struct mr_cast *cast = &value->cast;

    return value->kind == ONNX_FLOW && !value->whole && !value->quantised && !value->sum &&
           !value->flat && !value->blank && !value->log_softmax && !cast->whole && !cast->truth &&
           !cast->side && !cast->clips;
}

// The states that the sequences of a recurrent operator start from: h, then c.
struct onnx_start {
    const struct onnx_tensor *tensor[2]; // of the file; NULL: each number is `fill`
    double fill[2];
    int rows[2];                   // sequences with a state of their own; 1: all have the same
    int batch;                     // the tensors' axis of these
    int input[2];                  // of a decoder: the input that gives it, from 1 on; 0: none does
    int given[2][ONNX_DIRECTIONS]; // the layer whose row it is, from 1 on; 0: none
};

struct onnx_cell;
struct onnx_layer;
struct onnx_reader;

// Gives an operator of the network the layer's numbers. 0, or -1 with a sentence.
typedef int onnx_fill_op(struct onnx_reader *r, const struct onnx_layer *layer, struct mr_op *op);

// A layer, which never changes: a bias or an activation that follows makes another one.
struct onnx_layer {
    size_t node; // that made it, for messages
    const char *kind;
    int input;  // layer, or ONNX_X
    bool joins; // it reads the rows of input, and behind them those of `other`
    int other;
    int inputs, units;
    bool recurrent, per_step;
    enum mr_activation activation;
    struct mr_cast cast; // of the input, where that is ONNX_X
    onnx_fill_op *fill;  // NULL: it has no numbers
    // Numbers of the file; all but bias belong to the graph.
    const struct onnx_cell *cell;
    const struct onnx_tensor *w, *h, *b;
    const struct onnx_tensor *p;          // peepholes, where its cell has them
    const struct onnx_tensor *projection; // of its h, [directions, width, units], or NULL
    int directions, direction;            // of w, h and b, and which of them
    struct onnx_start start;
    struct onnx_in_place in[MR_PLACES]; // by its places
    bool coupled;                       // an LSTM whose forget gate is one minus the input gate
    bool outputs_first;                 // w is (units, inputs)
    double scale;                       // of w
    double epsilon;                     // of a normalisation
    bool clipped;                       // its argument is, first of all: it is not linear then
    double range;  // what it gives is within +-range, where the file says so, else 0
    int entries;   // of a table
    int steps;     // of one that repeats a row: at so many steps, or 0: at those of the input
    bool diagonal; // of each input one number, its factor: w is NULL
    int skip;      // and of inputs from this one on, as many as it has units; of a layer with a w
                   // that is not diagonal, rows of w that it does not have
    // One number for all units, or one for each; type 0 where there is none.
    struct onnx_tensor factor; // of the weights of a unit
    struct onnx_tensor bias;
    // Set when it is added.
    int scaled;      // a diagonal layer, in whose place w takes its input, or -1; then w may have
                     // fewer columns than there are inputs
    int depth;       // layers up to it
    int first, last; // the layers that give its first row, and its last one, or -1
    bool needed;
    int stream; // of the network, -1 before it is there
};

// Is it linear, so that it may take in what comes behind it?
static inline bool onnx_is_linear(const struct onnx_layer *layer) {
    return layer->activation == MR_ACTIVATION_LINEAR && !layer->clipped;
}

// How an output of the file is laid out.
struct onnx_result {
    char order[4]; // its axes before the features, slowest first, of N, T and L; L: layers
    size_t layers; // whose rows are one in the network; 0: one
    bool chosen;   // a place among numbers: of two that are nearly the same it may be either
};

struct onnx_reader {
    struct onnx_graph *graph;
    struct onnx_eval fold; // computes constants
    struct onnx_value *values;
    bool *noted; // of the values: the user was told
    bool told_quantised, told_static;
    double input_range; // x is within +-this, where the file says so
    bool has_lengths;   // the sequences, of their own: constants, an input or x gives them
    bool runs_whole;    // there is a layer for which they have none
    const struct onnx_tensor *lengths; // the constants
    struct mr_mask mask;               // of x
    bool of_input;                     // an input gives them,
    int lengths_input;                 // this value
    bool blanked;                      // masked steps were made zero
    size_t flipped;                    // the first node that turns whole sequences, and 1
    struct mr_network *network;
    struct onnx_result *results; // of the outputs
    struct onnx_layer *layers;   // [layer_count]
    int layer_count, layer_limit;
    int first_of_x, last_of_x; // the layers that give these rows of the input, or -1
    int input_rank;
    // Axes of the input, or AXIS_ONE where it has none for it: the features', -1 until they are
    // known, and the others', -1 before the first recurrent layer.
    int feature_axis, time_axis, batch_axis;
    int turned_axis;        // along which the input is turned round, or -1
    int sorted_axis;        // along which sequences were sorted, or -1
    struct onnx_size steps; // of the time axis
};

// onnx_read.c: the network that a graph means. results: [MR_MAX_OUTPUTS]
int onnx_read(struct onnx_graph *graph, struct mr_network *network, struct onnx_result *results);

// Input or output of the current node; NULL when it is left out, or when nobody wants the output.
const struct onnx_value *onnx_input(const struct onnx_reader *r, size_t index);
struct onnx_value *onnx_output(const struct onnx_reader *r, size_t index);
const char *onnx_name(const struct onnx_reader *r, const struct onnx_value *value);
// The numbers of an input that is a constant, else NULL; the same of real numbers.
const struct onnx_tensor *onnx_constant(const struct onnx_reader *r, size_t index);
const struct onnx_tensor *onnx_real_constant(const struct onnx_reader *r, size_t index);
// Are all numbers of a constant input finite as float32?
int onnx_check_finite(struct onnx_reader *r, size_t input);
// The sentence for what computes with an input of the graph that is not the sequence.
int onnx_refuse_input(struct onnx_reader *r, const struct onnx_value *in);
// The whole numbers of an input, rank 0 or 1, known or not; false when it is something else.
bool onnx_sizes(const struct onnx_reader *r, size_t index, struct onnx_value *sizes);
// A list of known numbers from an input or an attribute. *count is -1 when neither is there.
int onnx_list(struct onnx_reader *r, const char *name, size_t input, int64_t *list, int *count);

// onnx_fold.c: the current node on sizes and on values of unknown shape
int onnx_fold(struct onnx_reader *r);
int onnx_fold_arithmetic(struct onnx_reader *r);
int onnx_fold_cast(struct onnx_reader *r);
int onnx_fold_concat(struct onnx_reader *r);
int onnx_fold_constant_of_shape(struct onnx_reader *r);
int onnx_fold_equal(struct onnx_reader *r);
int onnx_fold_expand(struct onnx_reader *r);
int onnx_fold_gather(struct onnx_reader *r);
int onnx_fold_identity(struct onnx_reader *r);
int onnx_fold_places(struct onnx_reader *r);
int onnx_fold_product(struct onnx_reader *r);
int onnx_fold_range(struct onnx_reader *r);
int onnx_fold_reshape(struct onnx_reader *r);
int onnx_fold_shape(struct onnx_reader *r);
int onnx_fold_slice(struct onnx_reader *r);
int onnx_fold_split(struct onnx_reader *r);
int onnx_fold_squeeze(struct onnx_reader *r);
int onnx_fold_tile(struct onnx_reader *r);
int onnx_fold_unsqueeze(struct onnx_reader *r);
int onnx_fold_where(struct onnx_reader *r);

// onnx_flow.c: the current node works along this axis of the data, or has numbers along it, so it
// must be that of the features. -1 with a sentence.
int onnx_claim_features(struct onnx_reader *r, const struct onnx_value *x, int axis);
// Is it that of the features, or may it be, for the data are the input as it came, and it the last?
bool onnx_is_features(const struct onnx_reader *r, const struct onnx_value *x, int axis);
// Is it the axis of the steps?
bool onnx_is_time(const struct onnx_reader *r, const struct onnx_value *flow, int axis);
// The same, also of the input, whose axes the layers beside have told.
bool onnx_is_steps(const struct onnx_reader *r, const struct onnx_value *flow, int axis);
// Operators that move the flow's axes
int onnx_cast(struct onnx_reader *r);
int onnx_compare(struct onnx_reader *r);
int onnx_gather(struct onnx_reader *r);
int onnx_identity(struct onnx_reader *r);
int onnx_slice(struct onnx_reader *r);
int onnx_squeeze(struct onnx_reader *r);
int onnx_transpose(struct onnx_reader *r);
int onnx_unsqueeze(struct onnx_reader *r);

// ---- onnx_reshape.c

int onnx_flatten(struct onnx_reader *r);
int onnx_reshape(struct onnx_reader *r);
// Of two whose first axis is that of rows: are these in the same order?
bool onnx_same_rows(const struct onnx_value *a, const struct onnx_value *b);

// ---- onnx_repeat.c: an Expand or a Tile

int onnx_repeat(struct onnx_reader *r);
// The axis of the value, the one row of each sequence, becomes that of so many steps, at each of
// which there is that row. -1 with a sentence.
int onnx_repeat_row(struct onnx_reader *r, struct onnx_value *value, int axis,
                    struct onnx_size steps);

// ---- onnx_clip.c

int onnx_clip(struct onnx_reader *r);
// Layers clip what the current node reads behind a Clip, unless it only moves it on.
int onnx_take_clips(struct onnx_reader *r);

// The value between these becomes the current node's output.
int onnx_clip_value(struct onnx_reader *r, const struct onnx_value *x, double low, double high);

// onnx_pairs.c
int onnx_pairs(struct onnx_reader *r);

// ---- onnx_stack.c

// Makes an axis of the value that of `count` layers; of one layer its size is 1.
void onnx_stack(struct onnx_value *value, int axis, const int *layers, int count);
bool onnx_is_stack(const struct onnx_value *value);
// Keeps some of the layers along one of the axes of a stack. -1 with a sentence.
int onnx_unstack(struct onnx_reader *r, struct onnx_value *value, int axis, int64_t from,
                 int64_t end);
// The axis of a stack becomes two.
void onnx_split_stack(struct onnx_value *value, int axis, struct onnx_size outer,
                      struct onnx_size inner);
// The rows of a stack become one, along the features. -1 with a sentence.
int onnx_join_stack(struct onnx_reader *r, struct onnx_value *value, int feature);
// Two values that both depend on the input become one, number by number, by an operator of that
// kind, the current node's output. Rows of one number are as many such numbers.
int onnx_join_rows(struct onnx_reader *r, const char *kind, const struct onnx_value *a,
                   const struct onnx_value *b);
// Keeps some numbers of rows that were joined: those of whole layers. -1 with a sentence.
int onnx_take_joined(struct onnx_reader *r, struct onnx_value *value, int axis, int64_t from,
                     int64_t end);
int onnx_concat(struct onnx_reader *r);
int onnx_split(struct onnx_reader *r);

// The numbers of rows that were joined become those of so many layers, one behind the other.
bool onnx_splits_joined(const struct onnx_reader *r, const struct onnx_value *value, int64_t outer,
                        int64_t inner);
void onnx_split_joined(const struct onnx_reader *r, struct onnx_value *value, int axis);

// ---- onnx_each_layer.c

// Does the current node compute with a stack? Then it is applied to each of the layers.
bool onnx_reads_stack(const struct onnx_reader *r);
// Layer k of a stack alone.
struct onnx_value onnx_layer_of(const struct onnx_reader *r, const struct onnx_value *stack, int k);
int onnx_each_layer(struct onnx_reader *r);

// ---- onnx_lengths.c

// The lengths that the current node takes at an input, of so many sequences of so many steps, which
// are along this axis of x. -1 with a sentence.
int onnx_read_lengths(struct onnx_reader *r, size_t input, enum onnx_axis time,
                      const struct onnx_size *steps, const struct onnx_size *sequences);
// At the end: do all parts of the file agree on them?
int onnx_check_lengths(struct onnx_reader *r);
// What the current node does is wrong where sequences have padding behind them: -1 with a sentence
// where they may have.
int onnx_check_padding(struct onnx_reader *r, const char *what);

// ---- onnx_mask.c

// Does the current node read one?
bool onnx_reads_mask(const struct onnx_reader *r);
int onnx_mask(struct onnx_reader *r);
int onnx_compare_input(struct onnx_reader *r);
int onnx_magnitude(struct onnx_reader *r);

// ---- onnx_order.c

// Does the current node read one, or make one?
bool onnx_reads_order(const struct onnx_reader *r);
int onnx_order(struct onnx_reader *r);

// ---- onnx_steps.c

// Does the current node compute with the lengths of sequences?
bool onnx_reads_lengths(const struct onnx_reader *r);
int onnx_take_steps(struct onnx_reader *r);
// Does the current node, a Flatten, put all steps of all sequences behind each other?
bool onnx_flattens_steps(const struct onnx_reader *r);
int onnx_flatten_steps(struct onnx_reader *r);
// The current node, a Mul, of an order; -1 without a sentence where it does something else.
int onnx_begin_steps(struct onnx_reader *r);
bool onnx_ends_with_zeros(const struct onnx_reader *r, int layer);
// The steps of x are added. -1 with a sentence.
int onnx_add_steps(struct onnx_reader *r, const struct onnx_value *x, struct onnx_value *out);

// ---- onnx_states.c

// What the current node says of it; x has so many sequences. -1 with a sentence.
// width: of h
int onnx_read_starts(struct onnx_reader *r, int directions, bool swapped, int64_t width,
                     int64_t units, const struct onnx_size *sequences, struct onnx_start *start);
// Lets an operator start from the rows of layers.
int onnx_give_start(struct onnx_reader *r, const struct onnx_layer *layer, struct mr_op *op);
// Where the current node, which starts from a row of a layer, reads no steps of the input but the
// same constant row at every step, or one row of a sequence as its only step: *x becomes steps that
// a layer gives. -1 with a sentence.
int onnx_own_steps(struct onnx_reader *r, bool swapped, struct onnx_value *x);
int onnx_fill_start(struct onnx_reader *r, const struct onnx_layer *layer, struct mr_op *op);

// ---- onnx_gates.c

// Gives the operator of a recurrent layer its numbers.
onnx_fill_op onnx_fill_gates;

// ---- onnx_directions.c

// How many directions the current node has, and which of them read the sequence from its end. -1
// with a sentence.
int onnx_directions(struct onnx_graph *graph, bool reverse[ONNX_DIRECTIONS]);
// Adds a layer that gives the rows of another one, or of the input, from the last one to the first.
int onnx_add_reversed(struct onnx_reader *r, int layer, int units, int *index);

int onnx_reverse_sequence(struct onnx_reader *r);

// The value's rows from the last step to the first, which are along this axis. -1 with a sentence.
int onnx_turn(struct onnx_reader *r, struct onnx_value *value, int axis);

// A recurrent layer in one direction: what gives its rows step by step, and what is in its state
// behind the last step that it takes.
struct onnx_directed {
    int steps, last; // layers
};
int onnx_add_directed(struct onnx_reader *r, const struct onnx_value *x,
                      const struct onnx_layer *layer, bool reverse, struct onnx_directed *made);

// ---- onnx_projection.c

// That of the current node, or NULL.
const struct onnx_tensor *onnx_projection(const struct onnx_reader *r);
const struct onnx_tensor *onnx_eval_projection(struct onnx_eval *e);
int onnx_check_projection(struct onnx_reader *r, int directions);
// The layer's rows over h as rows over what its units give, to be freed in either case. -1 with a
// sentence.
int onnx_projected(struct onnx_reader *r, const struct onnx_layer *layer, size_t rows,
                   float **made);
// What its units start from where h does from this. -1 with a sentence.
int onnx_project_start(struct onnx_reader *r, const struct onnx_layer *layer, const float *h,
                       float *u);
// Puts what gives h behind the layer's last one.
int onnx_add_projection(struct onnx_reader *r, const struct onnx_layer *layer, bool reverse,
                        struct onnx_directed *made);

// ---- onnx_heads.c

// A linear layer on an input of the current node: scale * weights + bias_scale * bias.
struct onnx_product {
    size_t x, weights, bias; // inputs; bias 0: there is none
    bool outputs_first;      // weights are (units, inputs)
    bool channels;           // the features are axis 1, else the last one
    double scale, bias_scale;
};
int onnx_add_product(struct onnx_reader *r, const struct onnx_product *product);

// ---- onnx_products.c

int onnx_einsum(struct onnx_reader *r);
int onnx_conv(struct onnx_reader *r);

// onnx_shrink.c
int onnx_shrink(struct onnx_reader *r);

// ---- onnx_functions.c

// The activation of a value becomes the current node's output; a plain one has no numbers.
int onnx_activate(struct onnx_reader *r, const struct onnx_value *x,
                  const struct onnx_activation *activation);
int onnx_activate_plain(struct onnx_reader *r, const struct onnx_value *x, const char *name);
int onnx_read_function(struct onnx_reader *r);

// ---- onnx_quantised.c

// The current node's weights become what they stand for.
int onnx_quantised_lstm(struct onnx_reader *r);
int onnx_matmul_integer(struct onnx_reader *r);
int onnx_dynamic_quantise(struct onnx_reader *r);
int onnx_quantise(struct onnx_reader *r);
int onnx_dequantise(struct onnx_reader *r);
// The same of a constant input: whole numbers, their scale and zero point (inputs, 0: there is
// none), one for all or one for each column, or by_row for each row. times: another factor.
int onnx_take_quantised(struct onnx_reader *r, size_t input, size_t scale, size_t zero, bool by_row,
                        double times);
// Is the first input what a QuantizeLinear with these inputs for scale and zero point gives?
int onnx_check_quantised(struct onnx_reader *r, size_t input, size_t scale, size_t zero);
// The output, which a layer gives, as it is quantised with these inputs.
int onnx_requantise(struct onnx_reader *r, size_t scale, size_t zero);

// onnx_runtime.c
int onnx_qlinear_matmul(struct onnx_reader *r);

// onnx_pool.c
int onnx_pool(struct onnx_reader *r);

// onnx_embedding.c: a Gather whose indices are the data
int onnx_embedding(struct onnx_reader *r);

// ---- onnx_affine.c

// Number `index` of a tensor of one number for all, or one for each.
double onnx_each(const struct onnx_tensor *tensor, size_t index, double fallback);
// The layer that gave a value, when it is a linear one that may still be changed; else NULL.
const struct onnx_layer *onnx_open_layer(const struct onnx_reader *r,
                                         const struct onnx_value *value);
// Adds a diagonal layer with these units (0: as many as the value has), factor, bias and
// activation; *out becomes what it gives.
int onnx_add_diagonal(struct onnx_reader *r, const struct onnx_value *x,
                      const struct onnx_layer *numbers, struct onnx_value *out);
int onnx_arithmetic(struct onnx_reader *r);
// Adds a layer that gives these of the numbers of a value.
int onnx_take_units(struct onnx_reader *r, const struct onnx_value *x, int from, int end,
                    int *index);
// x op a constant input, 'A' to 'S' as the operators begin; data_first: x stands first.
int onnx_compute(struct onnx_reader *r, char op, const struct onnx_value *x, size_t constant,
                 bool data_first);
int onnx_batch_norm(struct onnx_reader *r);
int onnx_negative(struct onnx_reader *r);
// The value, behind which nothing reads it, times a constant input and plus another one, becomes
// the current node's output.
int onnx_scale(struct onnx_reader *r, const struct onnx_value *x, size_t factor, size_t offset);
// The value times a number, and plus another one, becomes the current node's output.
int onnx_line(struct onnx_reader *r, const struct onnx_value *x, double factor, double offset);
// Features of a value; 0 where the file leaves them open.
int onnx_features(const struct onnx_reader *r, const struct onnx_value *x);

// ---- onnx_norm.c

bool onnx_is_moment(const struct onnx_value *value);
int onnx_layer_norm(struct onnx_reader *r);
// A value normalised, times the factors of an input and plus the offsets of another one.
int onnx_normalise(struct onnx_reader *r, const struct onnx_value *x, double epsilon, size_t factor,
                   size_t offset);
int onnx_power(struct onnx_reader *r);
// A mean of the features; keep: their axis stays.
int onnx_feature_mean(struct onnx_reader *r, const struct onnx_value *x, bool keep);
// Arithmetic where an input is a part of a normalisation, or both depend on the input.
int onnx_moment_arithmetic(struct onnx_reader *r);

// ---- onnx_layers.c

// May an operator compute with this value? Casts stand at the ends of the network only.
int onnx_check_numbers(struct onnx_reader *r, const struct onnx_value *value);
// The layer that gives the rows that a value holds: a last row is taken here. -1 with a sentence.
int onnx_source(struct onnx_reader *r, const struct onnx_value *value, int *layer);
// Features of the input, 0 where nothing has read it.
int onnx_width_of_x(const struct onnx_reader *r);
// The value, the input, becomes its first row, or its last one.
int onnx_row_of_x(struct onnx_reader *r, struct onnx_value *value, bool first);
// The layer that gives the first row of a layer.
int onnx_first_row(struct onnx_reader *r, int layer, int *result);
// Adds a layer that is made: its place and its input are known.
int onnx_append_layer(struct onnx_reader *r, struct onnx_layer layer, int *index);
// Adds a layer that reads the value. *index gets its number.
int onnx_add_layer(struct onnx_reader *r, const struct onnx_value *from, struct onnx_layer layer,
                   int *index);
// Adds a layer with other numbers, or another end, in the place of that which gave the value.
int onnx_change_layer(struct onnx_reader *r, const struct onnx_value *from, struct onnx_layer layer,
                      int *index);
// Makes what the outputs need operators of the network, and the values its outputs.
int onnx_emit(struct onnx_reader *r);

#endif
