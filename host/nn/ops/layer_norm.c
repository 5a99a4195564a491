// SPDX-License-Identifier: Apache-2.0
// Normalises each row by itself: (x - mean) / sqrt(variance + epsilon), over the numbers of the
// row. In whole numbers as hls/kernels/heads/layer_norm.h derives it, written after the formulas.
#include "activation_tables.h"
#include "arithmetic.h"
#include "file.h"
#include "op.h"
#include "plain_rows.h"

#include <inttypes.h>
#include <math.h>

enum { EPSILON_BITS = 60, FRAC_MAX = 15 };

static void float_row(const struct mr_op *op, const double *in, double *state, double *out) {
    double mean = 0, variance = 0;

    (void)state;
    for (int i = 0; i < op->units; i++)
        mean += in[i] / op->units;
    for (int i = 0; i < op->units; i++)
        variance += (in[i] - mean) * (in[i] - mean) / op->units;
    for (int i = 0; i < op->units; i++)
        out[i] = (in[i] - mean) / sqrt(variance + op->epsilon);
}

// epsilon n^2 in the squared units of the input.
static double scaled_epsilon(const struct mr_network *network, const struct mr_op *op) {
    const int frac = network->streams[op->input].frac[0];
    const double exact = ldexp(op->epsilon * op->units * op->units, 2 * frac);

    return fmax(floor(exact + 0.5), 1);
}

// No number of a row is further from its mean than sqrt(n - 1) times the deviation.
static int quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac, int *column,
                    char *error, size_t error_size) {
    const double bound = sqrt(op->units - 1);
    const double seen =
        network->streams[op->output].greatest[mr_stream_precision(network, op->output)];
    const int shared = mr_frac_of(seen > 0 ? fmin(2 * seen, bound) : bound, 0, FRAC_MAX);

    (void)column;
    if (!(scaled_epsilon(network, op) <= ldexp(1, EPSILON_BITS)))
        return mr_fail(error, error_size,
                       "the %s has an epsilon of %g, which is too large for rows of %d numbers "
                       "with %d fraction bits; give it larger numbers",
                       op->name, op->epsilon, op->units, (int)network->streams[op->input].frac[0]);
    mr_one_format(op, shared, frac);
    return 0;
}

static int check(const struct mr_network *network, const struct mr_op *op, char *error,
                 size_t error_size) {
    if (!(op->epsilon >= 0) || !(scaled_epsilon(network, op) <= ldexp(1, EPSILON_BITS)))
        return mr_fail(error, error_size, "the %s has an epsilon of %g, which is not possible",
                       op->name, op->epsilon);
    return mr_one_format_check(network, op, 0, FRAC_MAX, error, error_size);
}

// 1 / sqrt(v) is the result / 2^(47 - shift).
static int64_t root_of(uint64_t v, int *shift) {
    *shift = 0;
    while (v >> (60 - 2 * *shift) == 0)
        ++*shift;
    const uint64_t x = v << (2 * *shift) >> 36; // 1 to 4, Q24
    const uint64_t segment = x / 65536, within = x % 65536;
    const uint64_t line = mr_root_base[segment] * UINT64_C(65536) - mr_root_slope[segment] * within;
    const uint64_t rounded = (line + (1 << 22)) >> 23;
    return rounded < 131071 ? (int64_t)rounded : 131071;
}

static void integer_row(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out, struct mr_cuts *cuts) {
    const int frac = network->streams[op->output].frac[0];
    const int64_t n = op->units;
    int64_t sum = 0, squares = 0;
    int shift;

    (void)state;
    for (int i = 0; i < op->units; i++) {
        sum += in[i];
        squares += (int64_t)in[i] * in[i];
    }
    const int64_t variance = n * squares - sum * sum; // n^2 times it
    const int64_t root =
        root_of((uint64_t)variance + (uint64_t)scaled_epsilon(network, op), &shift);
    for (int i = 0; i < op->units; i++) {
        const int64_t scaled = (n * in[i] - sum) * root, half = INT64_C(1) << (46 - shift - frac);
        out[i] = (int32_t)mr_clamp_counted((scaled + half) >> (47 - shift - frac), 16, cuts);
    }
}

static void cost(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost) {
    const int words = mr_ceil_div(op->units, layout->lc);
    const uint64_t lc = (uint64_t)layout->lc;
    const bool shifts = (op->units & (op->units - 1)) == 0; // n times a number
    // Numbers of a vector that leave it: of one of padding nothing is calculated.
    const uint64_t out = words == 1 ? (uint64_t)op->units : lc;

    cost->row_cycles = 2 * (uint32_t)words;
    // Squares and quotients, the table, the square of the sum: of more than 18 bits it takes two.
    cost->products = cost->multipliers = lc + (shifts ? 1 : 2) * out + 1 + (op->units > 4 ? 2 : 1);
    if (op->units > 1024) // the quotients' distances have more than 27 bits
        cost->products = cost->multipliers += lc + 2;
    mr_memory_expect(&cost->memory, (uint64_t)words, 16, lc);
    mr_memory_table(&cost->memory, 1024, 25 + 15, 1);
}

static void emit(const struct mr_network *network, const struct mr_op *op,
                 const struct mr_op_layout *layout, struct mr_text *text) {
    mr_text_add(text, "#define NORM %s\n#define NORM_COUNT %d\n#define NORM_LC %d\n", op->name,
                op->units, layout->lc);
    mr_text_add(text, "#define NORM_EPSILON UINT64_C(%" PRIu64 ")\n",
                (uint64_t)scaled_epsilon(network, op));
    mr_text_add(text, "#define NORM_FRAC %d\n#include \"heads/layer_norm.h\"\n",
                (int)network->streams[op->output].frac[0]);
}

const struct mr_op_kind mr_op_layer_norm = {
    .name = "layer_norm",
    .process = "norm",
    .lag = 1,
    .compares = true,
    .has_epsilon = true,
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
