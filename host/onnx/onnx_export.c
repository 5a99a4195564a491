// SPDX-License-Identifier: Apache-2.0
// Writes a network with float weights as an ONNX file (onnx_export.h): an operator of ONNX for each
// of the graph, or two. Rows of every step are [T, N, width] inside of it and [N, T, width]
// outside, as PyTorch has them with batch_first; rows of a sequence are [N, width].
#include "onnx_export.h"

#include "file.h"
#include "onnx_build.h"
#include "onnx_cell.h"
#include "op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// A file while it is written.
struct writing {
    const struct mr_network *network;
    struct onnx_build build;
    // Names of the streams' values, as they are and with the steps from the last one to the first;
    // NULL: not yet.
    const char *value[MR_MAX_STREAMS], *back[MR_MAX_STREAMS];
    char *error;
    size_t error_size;
};

// What is missing is told at the end.
static int no_memory(struct writing *w) {
    w->build.failed = true;
    return 0;
}

static void give_axis(struct writing *w, Onnx__NodeProto *node, int64_t axis) {
    onnx_build_int(&w->build, node, "axis", axis);
}

// A node of one or two inputs, and its name for attributes.
static const char *put(struct writing *w, const char *type, const char *first, const char *second,
                       Onnx__NodeProto **node) {
    const char *output = onnx_build_value(&w->build);

    *node = onnx_build_node(&w->build, type, (const char *const[]){first, second, NULL}, output);
    return output;
}

// [T, N, width] to [N, T, width], and back; without the last axis where there is none.
static const char *turned(struct writing *w, const char *value, int axes) {
    Onnx__NodeProto *node;
    const char *output = put(w, "Transpose", value, NULL, &node);

    onnx_build_ints(&w->build, node, "perm", (size_t)axes, (const int64_t[]){1, 0, 2});
    return output;
}

// The same steps from the last one to the first.
static const char *from_the_end(struct writing *w, const char *value) {
    struct onnx_build *b = &w->build;
    const char *output = onnx_build_value(b);
    const char *const inputs[] = {value,
                                  onnx_build_wholes(b, 1, &(int64_t){-1}),
                                  onnx_build_wholes(b, 1, &(int64_t){-INT64_MAX}),
                                  onnx_build_wholes(b, 1, &(int64_t){0}),
                                  onnx_build_wholes(b, 1, &(int64_t){-1}),
                                  NULL};

    onnx_build_node(b, "Slice", inputs, output);
    return output;
}

static const char *value_of(struct writing *w, int stream) {
    if (!w->value[stream])
        w->value[stream] = from_the_end(w, w->back[stream]);
    return w->value[stream];
}

// ---- recurrent operators

// Rows of the network, gate by gate, as ONNX has the gates; from: NULL: 0.
static void order_gates(const struct onnx_cell *cell, int units, size_t columns, const float *from,
                        float *to) {
    const size_t block = (size_t)units * columns;

    for (int g = 0; g < cell->gates; g++)
        memcpy(to + (size_t)cell->order[g] * block, from + (size_t)g * block, block * sizeof *to);
}

// (1, gates * units, columns)
static const char *put_rows(struct writing *w, const struct onnx_cell *cell, const struct mr_op *op,
                            int columns, const float *from) {
    const int64_t dims[] = {1, (int64_t)cell->gates * op->units, columns};
    float *rows = malloc((size_t)dims[1] * (size_t)columns * sizeof *rows);
    const char *name = "";

    if (rows) {
        order_gates(cell, op->units, (size_t)columns, from, rows);
        name = onnx_build_tensor(&w->build, 3, dims, rows);
    } else {
        w->build.failed = true;
    }
    free(rows);
    return name;
}

// (1, 2 * gates * units): biases of the sums over x, and behind them those over h of the gates that
// keep these apart, the last ones.
static const char *put_bias(struct writing *w, const struct onnx_cell *cell,
                            const struct mr_op *op) {
    const size_t half = (size_t)(cell->gates * op->units);
    const int apart = op->kind->sums - op->kind->gates;
    float *both = calloc(4 * half, sizeof *both);
    const char *name = "";

    if (both) {
        float *of_h = both + 2 * half;
        order_gates(cell, op->units, 1, op->bias, both);
        memcpy(of_h + half - (size_t)(apart * op->units), op->bias + half,
               (size_t)(apart * op->units) * sizeof *both);
        order_gates(cell, op->units, 1, of_h, both + half);
        name = onnx_build_tensor(&w->build, 2, (const int64_t[]){1, 2 * (int64_t)half}, both);
    } else {
        w->build.failed = true;
    }
    free(both);
    return name;
}

// (1, 3 * units), of the gates i, o and f; the network has them of i, f and o.
static const char *put_peepholes(struct writing *w, const struct mr_op *op) {
    const size_t n = (size_t)op->units;
    float *p = malloc(3 * n * sizeof *p);
    const char *name = "";

    if (p) {
        memcpy(p, op->constants, n * sizeof *p);
        memcpy(p + n, op->constants + 2 * n, n * sizeof *p);
        memcpy(p + 2 * n, op->constants + n, n * sizeof *p);
        name = onnx_build_tensor(&w->build, 2, (const int64_t[]){1, 3 * (int64_t)n}, p);
    } else {
        w->build.failed = true;
    }
    free(p);
    return name;
}

// Functions at the places of the cell, and a clip that all of them have.
static int put_functions(struct writing *w, Onnx__NodeProto *node, const struct onnx_cell *cell,
                         const struct mr_op *op) {
    const char *names[MR_PLACES];
    double alpha[MR_PLACES], beta[MR_PLACES], clip = INFINITY;
    size_t count = 0, alphas = 0, betas = 0;

    for (; count < MR_PLACES && cell->activations[count]; count++) {
        const struct mr_place *place = &op->places[cell->places[count]];
        names[count] = onnx_function_of(place, &alpha[alphas], &beta[betas]);
        if (!names[count] || place->low != -place->high || (count > 0 && place->high != clip))
            return mr_fail(w->error, w->error_size,
                           "%s has an activation that ONNX's %s has not in that form, so the "
                           "network cannot be written as ONNX",
                           op->name, cell->type);
        clip = place->high;
        alphas += !isnan(alpha[alphas]);
        betas += !isnan(beta[betas]);
    }
    onnx_build_texts(&w->build, node, "activations", count, names);
    if (alphas > 0)
        onnx_build_floats(&w->build, node, "activation_alpha", alphas, alpha);
    if (betas > 0)
        onnx_build_floats(&w->build, node, "activation_beta", betas, beta);
    if (isfinite(clip))
        onnx_build_float(&w->build, node, "clip", clip);
    return 0;
}

static int put_recurrent(struct writing *w, const struct mr_op *op) {
    const struct onnx_cell *cell = onnx_cell_of(op->kind->name);
    struct onnx_build *b = &w->build;

    if (!cell)
        return mr_fail(w->error, w->error_size,
                       "%s is a cell ('%s') that ONNX has no operator for, so the network cannot "
                       "be written as ONNX",
                       op->name, op->kind->name);
    if (op->start || op->given[0] >= 0 || op->given[1] >= 0)
        return mr_fail(w->error, w->error_size,
                       "%s starts from states of its own; only networks that start from zero are "
                       "written as ONNX",
                       op->name);
    // From the last step to the first where its input is turned round; its rows are, too, then.
    const char **value = w->value[op->input] ? w->value : w->back;
    const char *const inputs[] = {value[op->input],
                                  put_rows(w, cell, op, op->inputs, op->w_x),
                                  put_rows(w, cell, op, op->units, op->w_h),
                                  put_bias(w, cell, op),
                                  cell->peepholes ? "" : NULL, // lengths, and states before
                                  "",
                                  "",
                                  cell->peepholes ? put_peepholes(w, op) : NULL,
                                  NULL};
    const char *y = onnx_build_value(b);
    Onnx__NodeProto *node = onnx_build_node(b, cell->type, inputs, y);
    onnx_build_int(b, node, "hidden_size", op->units);
    if (cell->linear_before_reset)
        onnx_build_int(b, node, "linear_before_reset", 1);
    if (mr_op_has_places(op) && put_functions(w, node, cell, op) != 0)
        return -1;
    if (!mr_op_has_places(op) && strcmp(op->kind->name, "rnn_relu") == 0)
        onnx_build_texts(b, node, "activations", 1, (const char *const[]){"Relu"});
    if (value == w->back)
        onnx_build_text(b, node, "direction", "reverse");
    value[op->output] = onnx_build_pair(b, "Squeeze", y, onnx_build_wholes(b, 1, &(int64_t){1}));
    return 0;
}

// ---- others

static const char *put_number(struct writing *w, double number) {
    const float value = (float)number;

    return onnx_build_tensor(&w->build, 0, NULL, &value);
}

// x times what stands for a smooth step, as files have these functions.
static const char *put_smooth(struct writing *w, enum mr_activation kind, const char *x) {
    struct onnx_build *b = &w->build;
    const char *step, *cube;
    Onnx__NodeProto *node;

    if (kind == MR_ACTIVATION_HARD_SWISH)
        return put(w, "HardSwish", x, NULL, &node);
    if (kind == MR_ACTIVATION_SWISH)
        return onnx_build_pair(b, "Mul", x, put(w, "Sigmoid", x, NULL, &node));
    if (kind == MR_ACTIVATION_MISH)
        return onnx_build_pair(b, "Mul", x,
                               put(w, "Tanh", put(w, "Softplus", x, NULL, &node), NULL, &node));
    if (kind == MR_ACTIVATION_GELU) {
        step = onnx_build_pair(b, "Mul", x, put_number(w, sqrt(0.5)));
        step = put(w, "Erf", step, NULL, &node);
    } else {
        cube = onnx_build_pair(b, "Mul", onnx_build_pair(b, "Mul", x, x), x);
        cube = onnx_build_pair(b, "Mul", cube, put_number(w, 0.044715));
        step = onnx_build_pair(b, "Mul", onnx_build_pair(b, "Add", x, cube),
                               put_number(w, sqrt(2 / acos(-1))));
        step = put(w, "Tanh", step, NULL, &node);
    }
    step = onnx_build_pair(b, "Add", step, put_number(w, 1));
    return onnx_build_pair(b, "Mul", onnx_build_pair(b, "Mul", x, put_number(w, 0.5)), step);
}

// The activation behind a dense operator.
static int put_activation(struct writing *w, const struct mr_op *op, const char *sum) {
    const struct mr_place *place = &op->places[MR_PLACE_G];
    const bool clips = isfinite(place->low) || isfinite(place->high);
    double alpha, beta;
    const char *function = onnx_function_of(place, &alpha, &beta);
    Onnx__NodeProto *node;

    w->value[op->output] = sum;
    if (place->kind == MR_ACTIVATION_LINEAR) {
        if (!clips)
            return 0;
        const char *inputs[] = {sum, isfinite(place->low) ? put_number(w, place->low) : "",
                                isfinite(place->high) ? put_number(w, place->high) : "", NULL};
        w->value[op->output] = onnx_build_value(&w->build);
        onnx_build_node(&w->build, "Clip", inputs, w->value[op->output]);
        return 0;
    }
    if (!function || place->scale != 1 || clips)
        return mr_fail(w->error, w->error_size,
                       "%s has an activation that ONNX has not in that form, so the network cannot "
                       "be written as ONNX",
                       op->name);
    if (MR_IS_SMOOTH(place->kind)) {
        w->value[op->output] = put_smooth(w, place->kind, sum);
        return 0;
    }
    w->value[op->output] = put(w, function, sum, NULL, &node);
    if (!isnan(alpha))
        onnx_build_float(&w->build, node, "alpha", alpha);
    if (!isnan(beta))
        onnx_build_float(&w->build, node, "beta", beta);
    return 0;
}

static int put_dense(struct writing *w, const struct mr_op *op) {
    struct onnx_build *b = &w->build;
    const size_t rows = (size_t)op->units, columns = (size_t)op->inputs;
    float *across = malloc(rows * columns * sizeof *across);

    if (!across)
        return no_memory(w);
    for (size_t i = 0; i < rows * columns; i++)
        across[i % columns * rows + i / columns] = op->w_x[i];
    const char *weight = onnx_build_tensor(b, 2, (const int64_t[]){op->inputs, op->units}, across);
    const char *bias = onnx_build_tensor(b, 1, (const int64_t[]){op->units}, op->bias);
    free(across);
    return put_activation(
        w, op,
        onnx_build_pair(b, "Add", onnx_build_pair(b, "MatMul", value_of(w, op->input), weight),
                        bias));
}

static int put_embedding(struct writing *w, const struct mr_op *op) {
    const int64_t dims[] = {op->entries, op->units};

    w->value[op->output] =
        onnx_build_pair(&w->build, "Gather", onnx_build_tensor(&w->build, 2, dims, op->w_x),
                        value_of(w, op->input));
    return 0;
}

static int put_layer_norm(struct writing *w, const struct mr_op *op) {
    float *ones = malloc((size_t)op->units * sizeof *ones);
    Onnx__NodeProto *node;

    if (!ones)
        return no_memory(w);
    for (int i = 0; i < op->units; i++)
        ones[i] = 1;
    w->value[op->output] =
        put(w, "LayerNormalization", value_of(w, op->input),
            onnx_build_tensor(&w->build, 1, (const int64_t[]){op->units}, ones), &node);
    free(ones);
    give_axis(w, node, -1);
    onnx_build_float(&w->build, node, "epsilon", op->epsilon);
    return 0;
}

// The last row of the steps, or the first one.
static void put_row(struct writing *w, const struct mr_op *op, bool last) {
    const char *value = w->value[op->input];
    Onnx__NodeProto *node;

    if (!value) {
        value = w->back[op->input];
        last = !last;
    }
    w->value[op->output] =
        put(w, "Gather", value, onnx_build_whole(&w->build, last ? -1 : 0), &node);
    give_axis(w, node, 0);
}

static int put_last(struct writing *w, const struct mr_op *op) {
    put_row(w, op, true);
    return 0;
}

static int put_first(struct writing *w, const struct mr_op *op) {
    put_row(w, op, false);
    return 0;
}

static void put_reduce(struct writing *w, const struct mr_op *op, const char *type) {
    Onnx__NodeProto *node;

    w->value[op->output] = put(w, type, value_of(w, op->input), NULL, &node);
    onnx_build_ints(&w->build, node, "axes", 1, &(int64_t){0});
    onnx_build_int(&w->build, node, "keepdims", 0);
}

static int put_mean(struct writing *w, const struct mr_op *op) {
    put_reduce(w, op, "ReduceMean");
    return 0;
}

static int put_sum(struct writing *w, const struct mr_op *op) {
    Onnx__NodeProto *node;

    w->value[op->output] = put(w, "ReduceSum", value_of(w, op->input),
                               onnx_build_wholes(&w->build, 1, &(int64_t){0}), &node);
    onnx_build_int(&w->build, node, "keepdims", 0);
    return 0;
}

static int put_max(struct writing *w, const struct mr_op *op) {
    put_reduce(w, op, "ReduceMax");
    return 0;
}

static int put_min(struct writing *w, const struct mr_op *op) {
    put_reduce(w, op, "ReduceMin");
    return 0;
}

static int put_reverse(struct writing *w, const struct mr_op *op) {
    w->back[op->output] = w->value[op->input];
    w->value[op->output] = w->back[op->input];
    return 0;
}

// At each of so many steps, or of those that the input has.
static int put_repeat(struct writing *w, const struct mr_op *op) {
    struct onnx_build *b = &w->build;
    const int steps = w->network->streams[op->output].steps;
    Onnx__NodeProto *node;
    const char *count =
        steps ? onnx_build_wholes(b, 1, &(int64_t){steps})
              : onnx_build_pair(b, "Gather", put(w, "Shape", value_of(w, 0), NULL, &node),
                                onnx_build_wholes(b, 1, &(int64_t){0}));
    const char *sizes =
        put(w, "Concat", count, onnx_build_wholes(b, 2, (const int64_t[]){1, 1}), &node);
    give_axis(w, node, 0);
    const char *row =
        put(w, "Unsqueeze", value_of(w, op->input), onnx_build_wholes(b, 1, &(int64_t){0}), &node);
    w->value[op->output] = put(w, "Expand", row, sizes, &node);
    return 0;
}

// The last steps side by side.
static int put_window(struct writing *w, const struct mr_op *op) {
    struct onnx_build *b = &w->build;
    const int64_t steps = op->units / op->inputs, sizes[] = {0, op->units};
    const char *part = onnx_build_value(b);
    const char *const inputs[] = {value_of(w, op->input),
                                  onnx_build_wholes(b, 1, &(int64_t){-steps}),
                                  onnx_build_wholes(b, 1, &(int64_t){INT64_MAX}),
                                  onnx_build_wholes(b, 1, &(int64_t){0}), NULL};

    onnx_build_node(b, "Slice", inputs, part);
    w->value[op->output] =
        onnx_build_pair(b, "Reshape", turned(w, part, 3), onnx_build_wholes(b, 2, sizes));
    return 0;
}

static int put_concat(struct writing *w, const struct mr_op *op) {
    Onnx__NodeProto *node;

    w->value[op->output] = put(w, "Concat", value_of(w, op->input), value_of(w, op->other), &node);
    give_axis(w, node, -1);
    return 0;
}

static int put_pair(struct writing *w, const struct mr_op *op) {
    const char *type = op->kind->multiplies                     ? "Mul"
                       : strcmp(op->kind->name, "greater") == 0 ? "Max"
                       : strcmp(op->kind->name, "less") == 0    ? "Min"
                                                                : "Add";

    w->value[op->output] =
        onnx_build_pair(&w->build, type, value_of(w, op->input), value_of(w, op->other));
    return 0;
}

static int put_softmax(struct writing *w, const struct mr_op *op) {
    Onnx__NodeProto *node;

    w->value[op->output] = put(w, "Softmax", value_of(w, op->input), NULL, &node);
    give_axis(w, node, -1);
    return 0;
}

static int put_argmax(struct writing *w, const struct mr_op *op) {
    Onnx__NodeProto *node;
    const char *place = put(w, "ArgMax", value_of(w, op->input), NULL, &node);

    give_axis(w, node, -1);
    onnx_build_int(&w->build, node, "keepdims", 1);
    w->value[op->output] = put(w, "Cast", place, NULL, &node);
    onnx_build_int(&w->build, node, "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    return 0;
}

static const struct {
    const char *kind;
    int (*put)(struct writing *w, const struct mr_op *op);
} rows[] = {
    {"dense", put_dense},
    {"embedding", put_embedding},
    {"layer_norm", put_layer_norm},
    {"last", put_last},
    {"first", put_first},
    {"mean", put_mean},
    {"max", put_max},
    {"sum", put_sum},
    {"reverse", put_reverse},
    {"repeat", put_repeat},
    {"window", put_window},
    {"concat", put_concat},
    {"add", put_pair},
    {"multiply", put_pair},
    {"greater", put_pair},
    {"less", put_pair},
    {"min", put_min},
    {"softmax", put_softmax},
    {"argmax", put_argmax},
};

static int put_op(struct writing *w, const struct mr_op *op) {
    w->build.path = op->name;
    if (op->kind->recurrent)
        return put_recurrent(w, op);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(op->kind->name, rows[i].kind) == 0)
            return rows[i].put(w, op);
    return mr_fail(w->error, w->error_size, "%s ('%s') is not written as ONNX", op->name,
                   op->kind->name);
}

// ---- inputs and outputs

// Is the input the number of a row, for all that read it? Else it is none for any.
static int put_input(struct writing *w) {
    const struct mr_network *n = w->network;
    const bool is_token = mr_network_entries(n) > 0;
    const int64_t dims[] = {0, 0, n->streams[0].width};

    onnx_build_input(&w->build, n->input_name ? n->input_name : "x",
                     is_token ? ONNX__TENSOR_PROTO__DATA_TYPE__INT64
                              : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
                     is_token ? "NT" : "NTF", dims);
    w->build.path = "input";
    w->value[0] = turned(w, n->input_name ? n->input_name : "x", is_token ? 2 : 3);
    return 0;
}

static int put_output(struct writing *w, const struct mr_sink *sink) {
    struct onnx_build *b = &w->build;
    const struct mr_stream *stream = &w->network->streams[sink->stream];
    const bool each = stream->rate == MR_PER_STEP;
    const int64_t dims[] = {0, stream->steps, stream->width};
    const char *value = value_of(w, sink->stream);
    Onnx__NodeProto *node;

    if (sink->cast.clips || sink->cast.side || sink->cast.whole || sink->cast.truth)
        return mr_fail(w->error, w->error_size,
                       "output '%.100s' is cut or compared at its end, which is not written as "
                       "ONNX",
                       sink->name);
    b->path = sink->name;
    if (sink->log_softmax) {
        value = put(w, "LogSoftmax", value, NULL, &node);
        give_axis(w, node, -1);
    }
    if (each)
        value = turned(w, value, 3);
    onnx_build_node(b, "Identity", (const char *const[]){value, NULL}, sink->name);
    onnx_build_output(b, sink->name, each ? "NTF" : "NF", each ? dims : dims + 1);
    return 0;
}

static int check(const struct mr_network *n, char *error, size_t error_size) {
    if (n->encoder)
        return mr_fail(error, error_size, "a network with an encoder is not written as ONNX");
    if (mr_network_has_lengths(n))
        return mr_fail(error, error_size,
                       "a network that finds the lengths of its sequences is not written as ONNX");
    if (n->input_cast.whole || n->input_cast.truth)
        return mr_fail(error, error_size, "the cast of the input is not written as ONNX");
    for (int i = 0; i < n->op_count; i++)
        if (mr_op_rows(&n->ops[i]) > 0 && !n->ops[i].w_x)
            return mr_fail(error, error_size,
                           "%s has whole numbers only; a network is written as ONNX from its float "
                           "weights",
                           n->ops[i].name);
    return 0;
}

// Nodes are named after what they give, for ONNX Runtime takes no name twice.
static void name_nodes(const Onnx__GraphProto *graph) {
    for (size_t i = 0; i < graph->n_node; i++)
        graph->node[i]->name = graph->node[i]->output[0];
}

static int put_network(struct writing *w) {
    const struct mr_network *n = w->network;
    int result = put_input(w);

    for (int i = 0; result == 0 && i < n->op_count; i++)
        result = put_op(w, &n->ops[i]);
    for (int o = 0; result == 0 && o < n->output_count; o++)
        result = put_output(w, &n->outputs[o]);
    name_nodes(&w->build.graph);
    return result;
}

unsigned char *mr_onnx_export(const struct mr_network *network, size_t *size, char *error,
                              size_t error_size) {
    struct writing w = {.network = network, .error = error, .error_size = error_size};
    unsigned char *data = NULL;

    if (check(network, error, error_size) != 0)
        return NULL;
    onnx_build_start(&w.build, network->name ? network->name : "network");
    if (put_network(&w) == 0 && !(data = onnx_build_pack(&w.build, size)))
        mr_fail(error, error_size, "not enough memory to write the network as ONNX");
    onnx_build_free(&w.build);
    return data;
}

int mr_onnx_write(const struct mr_network *network, const char *path, char *error,
                  size_t error_size) {
    size_t size;
    unsigned char *data = mr_onnx_export(network, &size, error, error_size);
    const struct mr_piece piece = {data, size};
    const int result = data ? mr_file_write(path, &piece, 1, error, error_size) : -1;

    free(data);
    return result;
}
