// SPDX-License-Identifier: Apache-2.0
// One row for each sequence from those of its steps: the last, the first, the greatest or the
// least of each number, the mean or the sum. In whole numbers as hls/kernels/heads/pool.h derives
// it, written after the formulas.
#include "arithmetic.h"
#include "file.h"
#include "fold.h"
#include "formats.h"
#include "frame/slots.h"
#include "op.h"
#include "plain_rows.h"
#include "quantise.h"

#include <math.h>
#include <string.h>

static void describe(const struct mr_network *network, struct mr_op *op, struct mr_stream *out) {
    mr_same_describe(network, op, out);
    out->rate = MR_PER_SEQUENCE;
}

// State of all but the last: steps so far, then a number for each unit.
static void float_first(const struct mr_op *op, const double *in, double *state, double *out) {
    if (state[0]++ == 0)
        memcpy(out, in, (size_t)op->units * sizeof *out);
}

static void float_max(const struct mr_op *op, const double *in, double *state, double *out) {
    for (int i = 0; i < op->units; i++)
        out[i] = state[0] == 0 ? in[i] : fmax(in[i], out[i]);
    state[0]++;
}

static void float_min(const struct mr_op *op, const double *in, double *state, double *out) {
    for (int i = 0; i < op->units; i++)
        out[i] = state[0] == 0 ? in[i] : fmin(in[i], out[i]);
    state[0]++;
}

static void float_mean(const struct mr_op *op, const double *in, double *state, double *out) {
    state[0]++;
    for (int i = 0; i < op->units; i++) {
        state[1 + i] += in[i];
        out[i] = state[1 + i] / state[0];
    }
}

static void float_sum(const struct mr_op *op, const double *in, double *state, double *out) {
    state[0]++;
    for (int i = 0; i < op->units; i++)
        out[i] = state[0] == 1 ? in[i] : out[i] + in[i];
}

static void integer_first(const struct mr_network *network, const struct mr_op *op,
                          const int32_t *in, int32_t *state, int32_t *out, struct mr_cuts *cuts) {
    (void)network, (void)cuts;
    if (state[0]++ == 0)
        memcpy(out, in, (size_t)op->units * sizeof *out);
}

static void integer_max(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out, struct mr_cuts *cuts) {
    (void)network, (void)cuts;
    for (int i = 0; i < op->units; i++)
        out[i] = state[0] == 0 || in[i] > out[i] ? in[i] : out[i];
    state[0]++;
}

static void integer_min(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out, struct mr_cuts *cuts) {
    (void)network, (void)cuts;
    for (int i = 0; i < op->units; i++)
        out[i] = state[0] == 0 || in[i] < out[i] ? in[i] : out[i];
    state[0]++;
}

// A sum is two numbers of the state.
static void integer_mean(const struct mr_network *network, const struct mr_op *op,
                         const int32_t *in, int32_t *state, int32_t *out, struct mr_cuts *cuts) {
    int shift;

    (void)network, (void)cuts;
    const uint64_t steps = (uint64_t)++state[0];
    const int64_t factor = (int64_t)(mr_reciprocal_near(steps << 40, &shift) + 8192) >> 14; // Q16
    for (int i = 0; i < op->units; i++) {
        int64_t sum;
        memcpy(&sum, state + 1 + 2 * i, sizeof sum);
        sum += in[i];
        memcpy(state + 1 + 2 * i, &sum, sizeof sum);
        out[i] = (int32_t)(((sum * 256 >> shift) * factor + (1 << 23)) >> 24);
    }
}

// ---- A sum, of numbers of one format

static int sum_frac(const struct mr_network *network, const struct mr_op *op) {
    return network->streams[op->input].frac[0];
}

static int least_sum_frac(const struct mr_network *network, const struct mr_op *op) {
    const int least = sum_frac(network, op) - MR_POOL_BITS;

    return least > MR_FRAC_MIN ? least : MR_FRAC_MIN;
}

// Such that what calibration saw fits with as much head-room again; without calibration 2^4 numbers
// do, whatever they are.
static int quantise_sum(const struct mr_network *network, struct mr_op *op, int32_t *frac,
                        int *column, char *error, size_t error_size) {
    const double seen =
        network->streams[op->output].greatest[mr_stream_precision(network, op->output)];
    const double most = ldexp(1, 15 - sum_frac(network, op));

    (void)column, (void)error, (void)error_size;
    mr_one_format(op,
                  mr_frac_of(seen > 0 ? fmin(2 * seen, ldexp(most, MR_POOL_BITS)) : 16 * most,
                             least_sum_frac(network, op), sum_frac(network, op)),
                  frac);
    return 0;
}

static int check_sum(const struct mr_network *network, const struct mr_op *op, char *error,
                     size_t error_size) {
    return mr_one_format_check(network, op, least_sum_frac(network, op), sum_frac(network, op),
                               error, error_size);
}

static int sum_shift(const struct mr_network *network, const struct mr_op *op) {
    return sum_frac(network, op) - network->streams[op->output].frac[0];
}

// A sum is two numbers of the state. Of the sums so far the one behind the last step counts: until
// then the row takes back what it counted of the step before.
static void integer_sum(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out, struct mr_cuts *cuts) {
    const int shift = sum_shift(network, op);
    const int64_t half = shift > 0 ? INT64_C(1) << (shift - 1) : 0;

    for (int i = 0; i < op->units; i++) {
        int64_t sum;
        struct mr_cuts before = {0}, now = {0};
        memcpy(&sum, state + 1 + 2 * i, sizeof sum);
        if (state[0])
            mr_clamp_counted((sum + half) >> shift, 16, &before);
        sum += in[i];
        memcpy(state + 1 + 2 * i, &sum, sizeof sum);
        out[i] = (int32_t)mr_clamp_counted((sum + half) >> shift, 16, &now);
        if (cuts) {
            cuts->count += now.count - before.count;
            cuts->past += now.past - before.past;
        }
    }
    state[0] = 1;
}

static void cost_last(const struct mr_op *op, const struct mr_op_layout *layout,
                      struct mr_op_cost *cost) {
    cost->row_cycles = (uint32_t)mr_ceil_div(op->inputs, layout->lc);
}

// So many bits are kept of each number, in each slot. Where there are several, a row has two
// cycles.
static void cost_kept(const struct mr_op *op, const struct mr_op_layout *layout, uint64_t bits,
                      struct mr_op_cost *cost) {
    cost_last(op, layout, cost);
    mr_pool_memory(op, layout, bits, cost);
    if (layout->slots > 1 && cost->row_cycles < 2)
        cost->row_cycles = 2;
}

static void cost(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost) {
    cost_kept(op, layout, 16, cost);
}

static void cost_mean(const struct mr_op *op, const struct mr_op_layout *layout,
                      struct mr_op_cost *cost) {
    cost_kept(op, layout, 16 + MR_POOL_BITS, cost);
    cost->products = cost->multipliers = 3 + (uint64_t)layout->lc; // of the reciprocal, and of it
    mr_memory_table(&cost->memory, 1024, 15, 1);
}

static void cost_sum(const struct mr_op *op, const struct mr_op_layout *layout,
                     struct mr_op_cost *cost) {
    cost_kept(op, layout, 16 + MR_POOL_BITS, cost);
}

static void emit_last(const struct mr_network *network, const struct mr_op *op,
                      const struct mr_op_layout *layout, struct mr_text *text) {
    (void)network;
    mr_text_add(text, "#define LAST %s\n#define LAST_COUNT %d\n#define LAST_LC %d\n", op->name,
                op->inputs, layout->lc);
    if (layout->slots > 1)
        mr_text_add(text, "#define LAST_SLOTS %d\n", layout->slots);
    mr_text_add(text, "#include \"glue/last_step.h\"\n");
}

static void emit_kind(const struct mr_op *op, const struct mr_op_layout *layout, const char *kind,
                      struct mr_text *text) {
    mr_text_add(text, "#define POOL %s\n#define POOL_KIND %s\n", op->name, kind);
    mr_text_add(text, "#define POOL_COUNT %d\n#define POOL_LC %d\n", op->inputs, layout->lc);
    if (layout->slots > 1)
        mr_text_add(text, "#define POOL_SLOTS %d\n", layout->slots);
    mr_text_add(text, "#include \"heads/pool.h\"\n");
}

static void emit_first(const struct mr_network *network, const struct mr_op *op,
                       const struct mr_op_layout *layout, struct mr_text *text) {
    (void)network;
    emit_kind(op, layout, "POOL_FIRST", text);
}

static void emit_max(const struct mr_network *network, const struct mr_op *op,
                     const struct mr_op_layout *layout, struct mr_text *text) {
    (void)network;
    emit_kind(op, layout, "POOL_MAX", text);
}

static void emit_min(const struct mr_network *network, const struct mr_op *op,
                     const struct mr_op_layout *layout, struct mr_text *text) {
    (void)network;
    emit_kind(op, layout, "POOL_MIN", text);
}

static void emit_mean(const struct mr_network *network, const struct mr_op *op,
                      const struct mr_op_layout *layout, struct mr_text *text) {
    (void)network;
    emit_kind(op, layout, "POOL_MEAN", text);
}

static void emit_sum(const struct mr_network *network, const struct mr_op *op,
                     const struct mr_op_layout *layout, struct mr_text *text) {
    mr_text_add(text, "#define POOL_SHIFT %d\n", sum_shift(network, op));
    emit_kind(op, layout, "POOL_SUM", text);
}

// What each of them has.
#define OF_STEPS                                                                                   \
    .passes = true, .describe = describe, .quantise = mr_pass_quantise, .check = mr_pass_check,    \
    .scalars = "command, steps, total"
#define POOL .process = "pool", .pool_bits = MR_POOL_BITS, OF_STEPS

// What it gives is there already: its program runs behind the last step.
static void fold_last(struct mr_fold *fold, const struct mr_op *op) {
    fold->place[op->output] = fold->place[op->input];
}

const struct mr_op_kind mr_op_last = {
    .name = "last",
    .process = "last",
    OF_STEPS,
    .float_row = mr_pass_float,
    .integer_row = mr_pass_integer,
    .cost = cost_last,
    .emit = emit_last,
    .fold = fold_last,
};

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
    .by_size = true,
    POOL,
    .float_row = float_max,
    .integer_row = integer_max,
    .cost = cost,
    .emit = emit_max,
};

const struct mr_op_kind mr_op_min = {
    .name = "min",
    .by_size = true,
    POOL,
    .float_row = float_min,
    .integer_row = integer_min,
    .cost = cost,
    .emit = emit_min,
};

const struct mr_op_kind mr_op_mean = {
    .name = "mean",
    POOL,
    .float_row = float_mean,
    .integer_row = integer_mean,
    .cost = cost_mean,
    .emit = emit_mean,
};

const struct mr_op_kind mr_op_sum = {
    .name = "sum",
    .process = "pool",
    .pool_bits = MR_POOL_BITS,
    .compares = true,
    .describe = describe,
    .float_row = float_sum,
    .integer_row = integer_sum,
    .quantise = quantise_sum,
    .check = check_sum,
    .limit = mr_one_format_limit,
    .cost = cost_sum,
    .emit = emit_sum,
    .scalars = "command, steps, total",
};
