// SPDX-License-Identifier: Apache-2.0
// Dense: y = f(W x + b), f the identity, sigmoid, tanh or ReLU. What goes on to another operator
// has 16 bits, what goes to the host 32.
#include "arithmetic.h"
#include "file.h"
#include "op.h"
#include "plain_rows.h"
#include "quantise.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_squashed(const struct mr_op *op) {
    return op->activation == MR_ACTIVATION_SIGMOID || op->activation == MR_ACTIVATION_TANH;
}

static void describe(const struct mr_network *network, struct mr_op *op, struct mr_stream *out) {
    (void)network;
    out->width = op->units;
    out->bits = 32; // until another operator reads it
}

static void float_row(const struct mr_op *op, const double *in, double *state, double *out) {
    const size_t inputs = (size_t)op->inputs;

    (void)state;
    for (int o = 0; o < op->units; o++) {
        const double sum = op->bias[o] + mr_dot(op->w_x + (size_t)o * inputs, in, inputs);
        switch (op->activation) {
        case MR_ACTIVATION_LINEAR:
            out[o] = sum;
            break;
        case MR_ACTIVATION_SIGMOID:
            out[o] = mr_sigmoid_float(sum);
            break;
        case MR_ACTIVATION_TANH:
            out[o] = tanh(sum);
            break;
        case MR_ACTIVATION_RELU:
            out[o] = fmax(sum, 0);
            break;
        default: // there are no others (model_read.c, onnx_heads.c)
            break;
        }
    }
}

// ---- formats

static struct mr_float_row row_of(const struct mr_network *network, const struct mr_op *op, int o) {
    struct mr_float_row row = {
        .w = {op->w_x + (size_t)o * (size_t)op->inputs, NULL},
        .columns = {op->inputs, 0},
        .frac = {network->streams[op->input].frac, NULL},
        .bias =
            op->bias[o] + mr_network_offset(network, op, op->w_x + (size_t)o * (size_t)op->inputs),
        .ends = network->cuts_weights && is_squashed(op),
        .blame = -1,
    };

    snprintf(row.label, sizeof row.label, "%s, output %d", op->name, o);
    return row;
}

enum { SHARED_FRAC_MAX = 30 };

// Of a 16-bit output: one for all, such that what calibration saw fits, with as much head-room
// again, or whatever the input where that is less.
static int shared_frac(const struct mr_network *network, const struct mr_op *op) {
    const int precision = mr_stream_precision(network, op->output);
    const double seen = network->streams[op->output].greatest[precision];
    double bound = 0;

    for (int o = 0; o < op->units; o++) {
        const struct mr_float_row row = row_of(network, op, o);
        bound = fmax(bound, mr_row_bound(&row));
    }
    return mr_frac_of(seen > 0 ? fmin(2 * seen, bound) : bound, 0, SHARED_FRAC_MAX);
}

static int quantise_16(const struct mr_network *network, struct mr_op *op, int32_t *frac,
                       int *column, char *error, size_t error_size) {
    int shared = is_squashed(op) ? MR_HIDDEN_FRAC : shared_frac(network, op);

    for (int o = 0; o < op->units;) {
        struct mr_float_row row = row_of(network, op, o);
        const int argument = op->activation == MR_ACTIVATION_TANH ? MR_TANH_FRAC : shared;
        if (mr_row_fixed(&row, 16, argument, &op->rows, o, 0, o, error, error_size) == 0) {
            frac[o++] = shared;
        } else if (!is_squashed(op) && shared > 0) { // weights may ask for a coarser one
            shared--;
            o = 0;
        } else {
            *column = row.blame;
            return -1;
        }
    }
    return 0;
}

static int quantise_32(const struct mr_network *network, struct mr_op *op, int32_t *frac,
                       int *column, char *error, size_t error_size) {
    const bool uniform = network->streams[op->output].uniform;
    int most = uniform ? MR_FRAC_MAX : MR_SCALE_MAX;

    // Outputs may be of very different sizes, so each has a format of its own, unless a reader
    // compares them.
    for (int o = 0; o < op->units;) {
        struct mr_float_row row = row_of(network, op, o);
        const int result =
            is_squashed(op) ? mr_row_fixed(&row, 16,
                                           op->activation == MR_ACTIVATION_TANH ? MR_TANH_FRAC
                                                                                : MR_SIGMOID_FRAC,
                                           &op->rows, o, 0, o, error, error_size)
                            : mr_row_number(&row, most, &op->rows, o, &frac[o], error, error_size);
        if (result != 0) {
            *column = row.blame;
            return -1;
        }
        if (is_squashed(op))
            frac[o] = MR_HIDDEN_FRAC;
        const bool again = uniform && frac[o] < most && o > 0;
        if (uniform && frac[o] < most)
            most = frac[o];
        o = again ? 0 : o + 1;
    }
    return 0;
}

static int quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac, int *column,
                    char *error, size_t error_size) {
    if (mr_rows_create(&op->rows, op->units, op->inputs, op->units) != 0)
        return mr_fail(error, error_size, "not enough memory for the weights of the %s", op->name);
    return network->streams[op->output].bits == 16
               ? quantise_16(network, op, frac, column, error, error_size)
               : quantise_32(network, op, frac, column, error, error_size);
}

static int check(const struct mr_network *network, const struct mr_op *op, char *error,
                 size_t error_size) {
    const struct mr_stream *out = &network->streams[op->output];

    for (int o = 0; o < op->units; o++) {
        const int frac = out->frac[o];
        if (is_squashed(op) ? frac != MR_HIDDEN_FRAC : frac < 0 || frac > MR_SCALE_MAX)
            return mr_fail(error, error_size,
                           "output %d of the %s has %d fraction bits, which is not possible", o,
                           op->name, frac);
        // The ends of a vector's numbers are told as one limit.
        if (out->bits == 16 && frac != out->frac[0])
            return mr_fail(error, error_size,
                           "outputs 0 and %d of the %s have different formats, and an operator "
                           "reads them",
                           o, op->name);
    }
    if (mr_rows_check(&op->rows, 16, op->inputs, op->name, error, error_size) != 0)
        return -1;
    for (int o = 0; o < op->units && out->bits == 32 && !is_squashed(op); o++)
        if (!mr_row_fits_number(&op->rows, o))
            return mr_fail(error, error_size,
                           "output %d of the %s may reach beyond the 32 bits of the device; import "
                           "the model again",
                           o, op->name);
    return 0;
}

// ---- whole numbers

static void integer_row(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out) {
    const int bits = network->streams[op->output].bits;

    (void)state;
    for (int o = 0; o < op->units; o++) {
        const int16_t *w = op->rows.weight + (size_t)o * (size_t)op->inputs;
        const int64_t sum =
            (op->rows.bias[o] + mr_integer_dot(w, in, op->inputs)) >> op->rows.shift[o];
        switch (op->activation) {
        case MR_ACTIVATION_LINEAR:
            out[o] = (int32_t)mr_clamp(sum, bits);
            break;
        case MR_ACTIVATION_SIGMOID:
            out[o] = (int32_t)mr_table_sigmoid(sum);
            break;
        case MR_ACTIVATION_TANH:
            out[o] = (int32_t)mr_table_tanh(sum);
            break;
        case MR_ACTIVATION_RELU:
            out[o] = sum > 0 ? (int32_t)mr_clamp(sum, bits) : 0;
            break;
        default:
            break;
        }
    }
}

// What goes on to another operator may be beyond what calibration saw.
static struct mr_op_limit limit(const struct mr_network *network, const struct mr_op *op) {
    const struct mr_stream *out = &network->streams[op->output];

    if (out->bits == 32 || is_squashed(op))
        return (struct mr_op_limit){0};
    return mr_one_format_limit(network, op);
}

// ---- hardware

static void cost(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost) {
    const uint64_t outputs = (uint64_t)op->units, inputs = (uint64_t)op->inputs;
    const int x_words = mr_ceil_div(op->inputs, layout->lc);
    const int at_once = layout->out_lc ? layout->out_lc : 1, squash = is_squashed(op) ? at_once : 0;

    cost->row_cycles = (uint32_t)(x_words + mr_ceil_div(op->units, at_once));
    cost->lanes = outputs * (uint64_t)layout->lc;
    cost->products = cost->multipliers = cost->lanes + (uint64_t)squash;
    cost->lane_useful = outputs * inputs;
    cost->useful = outputs * (inputs + (squash ? 1 : 0));
    mr_memory_expect(&cost->memory, x_words, layout->lc * 16, outputs);
    mr_memory_expect(&cost->memory, op->units, 48 + 5, 1);
    if (squash)
        mr_memory_table(&cost->memory, 1024, 18 + 16, (uint64_t)mr_ceil_div(squash, 2));
}

static void emit(const struct mr_network *network, const struct mr_op *op,
                 const struct mr_op_layout *layout, struct mr_text *text) {
    (void)network;
    mr_text_add(text, "#define DENSE %s\n#define DENSE_INPUTS %d\n#define DENSE_OUTPUTS %d\n",
                op->name, op->inputs, op->units);
    mr_text_add(text, "#define DENSE_LC %d\n#define DENSE_OUT_LC %d\n", layout->lc, layout->out_lc);
    mr_text_add(text, "#define DENSE_ACTIVATION %d\n#include \"heads/dense.h\"\n",
                (int)op->activation);
}

const struct mr_op_kind mr_op_dense = {
    .name = "dense",
    .process = "head",
    .gates = 1,
    .sums = 1,
    .has_activation = true,
    .describe = describe,
    .float_row = float_row,
    .quantise = quantise,
    .check = check,
    .integer_row = integer_row,
    .limit = limit,
    .cost = cost,
    .emit = emit,
    .scalars = "command, rows",
};
