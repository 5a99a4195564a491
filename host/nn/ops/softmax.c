// SPDX-License-Identifier: Apache-2.0
// Softmax over a row of numbers of one format: exp(x - greatest) / sum. In whole numbers as
// hls/kernels/heads/softmax.h derives it, written after the formulas.
#include "activation_tables.h"
#include "arithmetic.h"
#include "file.h"
#include "formats.h"
#include "op.h"
#include "quantise.h"

#include <math.h>

static void describe(const struct mr_network *network, struct mr_op *op, struct mr_stream *out) {
    (void)network;
    op->units = op->inputs;
    out->width = op->inputs;
    out->bits = 32;
}

static void float_row(const struct mr_op *op, const double *in, double *state, double *out) {
    double top = in[0], sum = 0;

    (void)state;
    for (int i = 1; i < op->units; i++)
        top = fmax(top, in[i]);
    for (int i = 0; i < op->units; i++)
        sum += exp(in[i] - top);
    for (int i = 0; i < op->units; i++)
        out[i] = exp(in[i] - top) / sum;
}

static int frac_of(const struct mr_network *network, const struct mr_op *op) {
    return network->streams[op->input].frac[0];
}

static int quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac, int *column,
                    char *error, size_t error_size) {
    (void)network, (void)column, (void)error, (void)error_size;
    for (int i = 0; i < op->units; i++)
        frac[i] = MR_SOFTMAX_FRAC;
    return 0;
}

static int check(const struct mr_network *network, const struct mr_op *op, char *error,
                 size_t error_size) {
    const struct mr_stream *out = &network->streams[op->output];

    if (frac_of(network, op) < MR_FRAC_MIN || frac_of(network, op) > MR_FRAC_MAX)
        return mr_fail(error, error_size, "the %s reads %d fraction bits; %d to %d are possible",
                       op->name, frac_of(network, op), MR_FRAC_MIN, MR_FRAC_MAX);
    for (int i = 0; i < op->units; i++)
        if (out->frac[i] != MR_SOFTMAX_FRAC)
            return mr_fail(error, error_size, "the %s gives %d fraction bits; it must be %d",
                           op->name, (int)out->frac[i], MR_SOFTMAX_FRAC);
    return 0;
}

// exp(-distance 2^-frac) is m / 2^(25 + n); both 0 from a distance of 32 on.
struct power {
    uint64_t m;
    int n;
};

static struct power power_of(int64_t distance, int frac) {
    if (distance >= (frac >= -5 ? (int64_t)1 << (frac + 5) : 1))
        return (struct power){0, 0};
    const int64_t d = frac <= 24 ? distance * ((int64_t)1 << (24 - frac)) : distance >> (frac - 24);
    const int64_t exponent = d * 48408813 >> 25; // log2(e) 2^25 is 48408812.65
    const int64_t fraction = exponent % (1 << 24);
    const int64_t segment = fraction / 16384, within = fraction % 16384;
    const int64_t line = mr_exp_base[segment] * INT64_C(16384) - mr_exp_slope[segment] * within;
    return (struct power){(uint64_t)(line / 32768), (int)(exponent >> 24)};
}

static void integer_row(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out, struct mr_cuts *cuts) {
    const int frac = frac_of(network, op);
    int32_t top = in[0];
    uint64_t sum = 0; // Q40
    int shift;

    (void)state, (void)cuts;
    for (int i = 1; i < op->units; i++)
        top = in[i] > top ? in[i] : top;
    for (int i = 0; i < op->units; i++) {
        const struct power p = power_of((int64_t)top - in[i], frac);
        sum += p.m * 32768 >> p.n;
    }
    const uint64_t reciprocal = mr_reciprocal_near(sum, &shift);
    for (int i = 0; i < op->units; i++) {
        const struct power p = power_of((int64_t)top - in[i], frac);
        const int bits = p.n + shift + 10; // beside the bit that rounds
        const uint64_t product = p.m * reciprocal >> 20;
        out[i] = bits > 63 ? 0 : (int32_t)(((product >> bits) + 1) >> 1);
    }
}

static void cost(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost) {
    (void)layout;
    cost->row_cycles = 3 * (uint32_t)op->units; // greatest, exponentials, quotients
    cost->products = cost->multipliers = 8;     // of exponential, reciprocal and quotient, in DSPs
    mr_memory_expect(&cost->memory, op->units, 32, 2);
    mr_memory_table(&cost->memory, 1024, 27 + 18, 1);
    mr_memory_table(&cost->memory, 1024, 16, 1);
}

static void emit(const struct mr_network *network, const struct mr_op *op,
                 const struct mr_op_layout *layout, struct mr_text *text) {
    (void)layout;
    mr_text_add(text, "#define SOFTMAX %s\n#define SOFTMAX_COUNT %d\n", op->name, op->units);
    mr_text_add(text, "#define SOFTMAX_FRAC %d\n#include \"heads/softmax.h\"\n",
                frac_of(network, op));
}

const struct mr_op_kind mr_op_softmax = {
    .name = "softmax",
    .process = "softmax",
    .reads_numbers = true,
    .compares = true,
    .gives_numbers = true,
    .describe = describe,
    .float_row = float_row,
    .quantise = quantise,
    .check = check,
    .integer_row = integer_row,
    .cost = cost,
    .emit = emit,
    .scalars = "command, rows",
};
