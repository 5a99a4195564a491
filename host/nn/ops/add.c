// SPDX-License-Identifier: Apache-2.0
// The sum of the rows of two streams of one width, number by number: a residual link.
#include "arithmetic.h"
#include "file.h"
#include "op.h"
#include "plain_rows.h"
#include "quantise.h"

#include <math.h>

enum { APART = 31 }; // fraction bits by which both may differ

static void float_row(const struct mr_op *op, const double *in, double *state, double *out) {
    (void)state;
    for (int i = 0; i < op->units; i++)
        out[i] = in[i] + in[op->units + i];
}

static int frac_of(const struct mr_network *network, int stream) {
    return network->streams[stream].frac[0];
}

// Of both, before the sum is cut.
static int common_frac(const struct mr_network *network, const struct mr_op *op) {
    const int a = frac_of(network, op->input), b = frac_of(network, op->other);

    return a > b ? a : b;
}

static int check_formats(const struct mr_network *network, const struct mr_op *op, char *error,
                         size_t error_size) {
    const int apart = frac_of(network, op->input) - frac_of(network, op->other);

    if (network->streams[op->other].width != op->inputs)
        return mr_fail(error, error_size, "'%s' adds rows of %d and %d numbers", op->name,
                       op->inputs, network->streams[op->other].width);
    if (apart > APART || apart < -APART)
        return mr_fail(error, error_size,
                       "'%s' adds numbers with %d and %d fraction bits, which are too far apart",
                       op->name, frac_of(network, op->input), frac_of(network, op->other));
    return 0;
}

// One format for all, such that what calibration saw fits with as much head-room again, or whatever
// comes in where that is less.
static int quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac, int *column,
                    char *error, size_t error_size) {
    const double seen =
        network->streams[op->output].greatest[mr_stream_precision(network, op->output)];
    const double bound =
        ldexp(1, 15 - frac_of(network, op->input)) + ldexp(1, 15 - frac_of(network, op->other));

    (void)column;
    if (check_formats(network, op, error, error_size) != 0)
        return -1;
    const int most = common_frac(network, op);
    const int shared = mr_frac_of(seen > 0 ? fmin(2 * seen, bound) : bound,
                                  most - APART > MR_FRAC_MIN ? most - APART : MR_FRAC_MIN, most);
    mr_one_format(op, shared, frac);
    return 0;
}

static int check(const struct mr_network *network, const struct mr_op *op, char *error,
                 size_t error_size) {
    const int most = common_frac(network, op);

    if (check_formats(network, op, error, error_size) != 0)
        return -1;
    return mr_one_format_check(network, op, most - APART, most, error, error_size);
}

static void integer_row(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out, struct mr_cuts *cuts) {
    const int most = common_frac(network, op), shift = most - frac_of(network, op->output);
    const int64_t half = shift > 0 ? INT64_C(1) << (shift - 1) : 0;
    const int64_t a = INT64_C(1) << (most - frac_of(network, op->input));
    const int64_t b = INT64_C(1) << (most - frac_of(network, op->other));

    (void)state;
    for (int i = 0; i < op->units; i++)
        out[i] = (int32_t)mr_clamp_counted((in[i] * a + in[op->units + i] * b + half) >> shift, 16,
                                           cuts);
}

static void cost(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost) {
    cost->row_cycles = (uint32_t)mr_ceil_div(op->units, layout->lc);
}

static void emit(const struct mr_network *network, const struct mr_op *op,
                 const struct mr_op_layout *layout, struct mr_text *text) {
    const int most = common_frac(network, op);

    mr_text_add(text, "#define ADD %s\n#define ADD_COUNT %d\n#define ADD_LC %d\n", op->name,
                op->units, layout->lc);
    mr_text_add(text, "#define ADD_A %d\n#define ADD_B %d\n#define ADD_SHIFT %d\n",
                most - frac_of(network, op->input), most - frac_of(network, op->other),
                most - frac_of(network, op->output));
    mr_text_add(text, "#include \"heads/add.h\"\n");
}

const struct mr_op_kind mr_op_add = {
    .name = "add",
    .process = "add",
    .joins = true,
    .compares = true,
    .describe = mr_same_describe,
    .float_row = float_row,
    .quantise = quantise,
    .check = check,
    .integer_row = integer_row,
    .limit = mr_one_format_limit,
    .cost = cost,
    .emit = emit,
    .scalars = "command, rows",
};
