// SPDX-License-Identifier: Apache-2.0
// One row of those of two streams of one width, number by number: their sum (a residual link),
// product (a gate), the greater or the less of both.
#include "arithmetic.h"
#include "file.h"
#include "op.h"
#include "plain_rows.h"
#include "quantise.h"

#include <math.h>

enum {
    APART = 31,      // fraction bits by which both may differ
    SHIFT_MOST = 47, // bits by which what they make may be cut
};

extern const struct mr_op_kind mr_op_multiply, mr_op_greater, mr_op_less;

static int how(const struct mr_op *op) {
    return op->kind->multiplies         ? MR_PAIR_PRODUCT
           : op->kind == &mr_op_greater ? MR_PAIR_GREATER
           : op->kind == &mr_op_less    ? MR_PAIR_LESS
                                        : MR_PAIR_SUM;
}

static void float_row(const struct mr_op *op, const double *in, double *state, double *out) {
    const double *a = in, *b = in + op->units;

    (void)state;
    for (int i = 0; i < op->units; i++)
        out[i] = how(op) == MR_PAIR_PRODUCT   ? a[i] * b[i]
                 : how(op) == MR_PAIR_GREATER ? fmax(a[i], b[i])
                 : how(op) == MR_PAIR_LESS    ? fmin(a[i], b[i])
                                              : a[i] + b[i];
}

static int frac_of(const struct mr_network *network, int stream) {
    return network->streams[stream].frac[0];
}

// Of what they make, before it is cut.
static int made_frac(const struct mr_network *network, const struct mr_op *op) {
    const int a = frac_of(network, op->input), b = frac_of(network, op->other);

    return op->kind->multiplies ? a + b : a > b ? a : b;
}

// The fewest and the most fraction bits that may be left of it.
static int least_frac(const struct mr_network *network, const struct mr_op *op) {
    const int least = made_frac(network, op) - (op->kind->multiplies ? SHIFT_MOST : (int)APART);

    return least > MR_FRAC_MIN ? least : MR_FRAC_MIN;
}

static int most_frac(const struct mr_network *network, const struct mr_op *op) {
    const int most = made_frac(network, op);

    return most < MR_FRAC_MAX ? most : MR_FRAC_MAX;
}

static int check_formats(const struct mr_network *network, const struct mr_op *op, char *error,
                         size_t error_size) {
    const int a = frac_of(network, op->input), b = frac_of(network, op->other);
    const bool apart = !op->kind->multiplies && (a - b > APART || b - a > APART);

    if (network->streams[op->other].width != op->inputs)
        return mr_fail(error, error_size, "'%s' makes one row of rows of %d and %d numbers",
                       op->name, op->inputs, network->streams[op->other].width);
    if (apart || least_frac(network, op) > most_frac(network, op))
        return mr_fail(error, error_size,
                       "'%s' reads numbers with %d and %d fraction bits, which are too far apart",
                       op->name, a, b);
    return 0;
}

// One format for all, such that what calibration saw fits with as much head-room again, or whatever
// comes in where that is less.
static int quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac, int *column,
                    char *error, size_t error_size) {
    const double seen =
        network->streams[op->output].greatest[mr_stream_precision(network, op->output)];
    const double a = ldexp(1, 15 - frac_of(network, op->input));
    const double b = ldexp(1, 15 - frac_of(network, op->other));
    const double bound = op->kind->multiplies ? a * b : how(op) == MR_PAIR_SUM ? a + b : fmax(a, b);

    (void)column;
    if (check_formats(network, op, error, error_size) != 0)
        return -1;
    const int shared = mr_frac_of(seen > 0 ? fmin(2 * seen, bound) : bound, least_frac(network, op),
                                  most_frac(network, op));
    mr_one_format(op, shared, frac);
    return 0;
}

static int check(const struct mr_network *network, const struct mr_op *op, char *error,
                 size_t error_size) {
    if (check_formats(network, op, error, error_size) != 0)
        return -1;
    return mr_one_format_check(network, op, least_frac(network, op), most_frac(network, op), error,
                               error_size);
}

static void integer_row(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out, struct mr_cuts *cuts) {
    const int most = made_frac(network, op), shift = most - frac_of(network, op->output);
    const int64_t half = shift > 0 ? INT64_C(1) << (shift - 1) : 0;

    (void)state;
    for (int i = 0; i < op->units; i++) {
        int64_t a = in[i], b = in[op->units + i], made;
        if (op->kind->multiplies) {
            made = a * b;
        } else {
            a *= INT64_C(1) << (most - frac_of(network, op->input));
            b *= INT64_C(1) << (most - frac_of(network, op->other));
            made = how(op) == MR_PAIR_SUM ? a + b : (a > b) == (how(op) == MR_PAIR_GREATER) ? a : b;
        }
        out[i] = (int32_t)mr_clamp_counted((made + half) >> shift, 16, cuts);
    }
}

static void cost(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost) {
    cost->row_cycles = (uint32_t)mr_ceil_div(op->units, layout->lc);
    if (!op->kind->multiplies)
        return;
    cost->products = cost->multipliers = (uint64_t)layout->lc;
    cost->useful = (uint64_t)op->units;
}

static void emit(const struct mr_network *network, const struct mr_op *op,
                 const struct mr_op_layout *layout, struct mr_text *text) {
    const int most = made_frac(network, op);

    mr_text_add(text, "#define PAIR %s\n#define PAIR_OP %d\n", op->name, how(op));
    mr_text_add(text, "#define PAIR_COUNT %d\n#define PAIR_LC %d\n", op->units, layout->lc);
    if (!op->kind->multiplies)
        mr_text_add(text, "#define PAIR_A %d\n#define PAIR_B %d\n",
                    most - frac_of(network, op->input), most - frac_of(network, op->other));
    mr_text_add(text, "#define PAIR_SHIFT %d\n", most - frac_of(network, op->output));
    mr_text_add(text, "#include \"heads/pair.h\"\n");
}

#define PAIR_KIND(in_files, in_hardware, product)                                                  \
    {                                                                                              \
        .name = (in_files), .process = (in_hardware), .joins = true, .multiplies = (product),      \
        .compares = true, .describe = mr_same_describe, .float_row = float_row,                    \
        .quantise = quantise, .check = check, .integer_row = integer_row,                          \
        .limit = mr_one_format_limit, .cost = cost, .emit = emit, .scalars = "command, rows",      \
    }

const struct mr_op_kind mr_op_add = PAIR_KIND("add", "add", false);
const struct mr_op_kind mr_op_multiply = PAIR_KIND("multiply", "multiply", true);
const struct mr_op_kind mr_op_greater = PAIR_KIND("greater", "greater", false);
const struct mr_op_kind mr_op_less = PAIR_KIND("less", "less", false);
