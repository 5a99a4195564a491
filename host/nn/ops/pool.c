// SPDX-License-Identifier: Apache-2.0
// One row for each sequence from those of its steps: the first, the greatest of each number, or the
// mean. In whole numbers as hls/kernels/heads/pool.h derives it, written after the formulas.
#include "activation_tables.h"
#include "arithmetic.h"
#include "file.h"
#include "op.h"

#include <math.h>
#include <string.h>

enum { FIRST, MAX, MEAN }; // as in pool.h

static void describe(const struct mr_network *network, struct mr_op *op, struct mr_stream *out) {
    (void)network;
    op->units = op->inputs;
    out->width = op->inputs;
    out->rate = MR_PER_SEQUENCE;
    out->bits = 16;
}

// State: steps so far, then a number for each unit.
static void float_first(const struct mr_op *op, const double *in, double *state, double *out) {
    if (state[0]++ == 0)
        memcpy(out, in, (size_t)op->units * sizeof *out);
}

static void float_max(const struct mr_op *op, const double *in, double *state, double *out) {
    for (int i = 0; i < op->units; i++)
        out[i] = state[0] == 0 ? in[i] : fmax(in[i], out[i]);
    state[0]++;
}

static void float_mean(const struct mr_op *op, const double *in, double *state, double *out) {
    state[0]++;
    for (int i = 0; i < op->units; i++) {
        state[1 + i] += in[i];
        out[i] = state[1 + i] / state[0];
    }
}

static void integer_first(const struct mr_network *network, const struct mr_op *op,
                          const int32_t *in, int32_t *state, int32_t *out) {
    (void)network;
    if (state[0]++ == 0)
        memcpy(out, in, (size_t)op->units * sizeof *out);
}

static void integer_max(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out) {
    (void)network;
    for (int i = 0; i < op->units; i++)
        out[i] = state[0] == 0 || in[i] > out[i] ? in[i] : out[i];
    state[0]++;
}

// 1 / steps is the result / 2^(16 + shift).
static int64_t reciprocal_of(int64_t steps, int *shift) {
    *shift = 0;
    while (steps >> (*shift + 1) != 0)
        ++*shift;
    // r (1 + e + e^2) of s = steps / 2^shift, as in a softmax
    const int64_t s = steps << 26 >> *shift;                         // Q26
    const int64_t r = mr_reciprocal[(s >> 16) % 1024];               // Q15
    const int64_t e = (INT64_C(1) << 41) - s * r;                    // Q41
    const int64_t series = (e >> 9) + ((e >> 15) * (e >> 15) >> 20); // Q32
    return (r * 32768 + (r * series >> 17) + 8192) >> 14;
}

// A sum is two numbers of the state.
static void integer_mean(const struct mr_network *network, const struct mr_op *op,
                         const int32_t *in, int32_t *state, int32_t *out) {
    int shift;

    (void)network;
    const int64_t factor = reciprocal_of(++state[0], &shift);
    for (int i = 0; i < op->units; i++) {
        int64_t sum;
        memcpy(&sum, state + 1 + 2 * i, sizeof sum);
        sum += in[i];
        memcpy(state + 1 + 2 * i, &sum, sizeof sum);
        out[i] = (int32_t)(((sum * 256 >> shift) * factor + (1 << 23)) >> 24);
    }
}

static int quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac, int *column,
                    char *error, size_t error_size) {
    (void)column, (void)error, (void)error_size;
    memcpy(frac, network->streams[op->input].frac, (size_t)op->inputs * sizeof *frac);
    return 0;
}

static int check(const struct mr_network *network, const struct mr_op *op, char *error,
                 size_t error_size) {
    const int32_t *in = network->streams[op->input].frac, *out = network->streams[op->output].frac;

    for (int i = 0; i < op->units; i++)
        if (out[i] != in[i])
            return mr_fail(error, error_size,
                           "the %s reads %d fraction bits in column %d and gives %d", op->name,
                           (int)in[i], i, (int)out[i]);
    return 0;
}

static void cost_of(const struct mr_op *op, const struct mr_op_layout *layout, uint64_t bits,
                    struct mr_op_cost *cost) {
    cost->row_cycles = (uint32_t)mr_ceil_div(op->inputs, layout->lc);
    mr_memory_expect(&cost->memory, cost->row_cycles, bits, (uint64_t)layout->lc);
}

static void cost(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost) {
    cost_of(op, layout, 16, cost);
}

static void cost_mean(const struct mr_op *op, const struct mr_op_layout *layout,
                      struct mr_op_cost *cost) {
    cost_of(op, layout, 40, cost);
    cost->products = cost->multipliers = 3 + (uint64_t)layout->lc; // of the reciprocal, and of it
    mr_memory_table(&cost->memory, 1024, 15, 1);
}

static void emit_kind(const struct mr_op *op, const struct mr_op_layout *layout, int kind,
                      struct mr_text *text) {
    mr_text_add(text, "#define POOL %s\n#define POOL_KIND %d\n", op->name, kind);
    mr_text_add(text, "#define POOL_COUNT %d\n#define POOL_LC %d\n#include \"heads/pool.h\"\n",
                op->inputs, layout->lc);
}

static void emit_first(const struct mr_network *network, const struct mr_op *op,
                       const struct mr_op_layout *layout, struct mr_text *text) {
    (void)network;
    emit_kind(op, layout, FIRST, text);
}

static void emit_max(const struct mr_network *network, const struct mr_op *op,
                     const struct mr_op_layout *layout, struct mr_text *text) {
    (void)network;
    emit_kind(op, layout, MAX, text);
}

static void emit_mean(const struct mr_network *network, const struct mr_op *op,
                      const struct mr_op_layout *layout, struct mr_text *text) {
    (void)network;
    emit_kind(op, layout, MEAN, text);
}

#define POOL                                                                                       \
    .process = "pool", .passes = true, .pools = true, .describe = describe, .quantise = quantise,  \
    .check = check, .scalars = "command, steps, total"

const struct mr_op_kind mr_op_first = {
    .name = "first",
    POOL,
    .float_row = float_first,
    .integer_row = integer_first,
    .cost = cost,
    .emit = emit_first,
};

const struct mr_op_kind mr_op_max = {
    .name = "max",
    POOL,
    .float_row = float_max,
    .integer_row = integer_max,
    .cost = cost,
    .emit = emit_max,
};

const struct mr_op_kind mr_op_mean = {
    .name = "mean",
    POOL,
    .float_row = float_mean,
    .integer_row = integer_mean,
    .cost = cost_mean,
    .emit = emit_mean,
};
