// SPDX-License-Identifier: Apache-2.0
// The rows of the last steps of a sequence, one behind the other, as one row: what a dense layer
// reads that has weights for each of them. Steps before the first are zeros.
#include "file.h"
#include "formats.h"
#include "op.h"
#include "plain_rows.h"

#include <string.h>

static void describe(const struct mr_network *network, struct mr_op *op, struct mr_stream *out) {
    (void)network;
    out->width = op->units;
    out->bits = 16;
    out->rate = MR_PER_SEQUENCE;
}

// The row so far, moved by a step.
static void float_row(const struct mr_op *op, const double *in, double *state, double *out) {
    const size_t width = (size_t)op->inputs, rest = (size_t)op->units - width;

    if (state[0]++ == 0)
        memset(out, 0, (size_t)op->units * sizeof *out);
    memmove(out, out + width, rest * sizeof *out);
    memcpy(out + rest, in, width * sizeof *out);
}

static void integer_row(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out, struct mr_cuts *cuts) {
    const size_t width = (size_t)op->inputs, rest = (size_t)op->units - width;

    (void)network, (void)cuts;
    if (state[0] == 0)
        memset(out, 0, (size_t)op->units * sizeof *out);
    state[0] = 1;
    memmove(out, out + width, rest * sizeof *out);
    memcpy(out + rest, in, width * sizeof *out);
}

static int quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac, int *column,
                    char *error, size_t error_size) {
    (void)column, (void)error, (void)error_size;
    mr_one_format(op, network->streams[op->input].frac[0], frac);
    return 0;
}

static int check(const struct mr_network *network, const struct mr_op *op, char *error,
                 size_t error_size) {
    const int frac = network->streams[op->input].frac[0];

    if (op->units % op->inputs != 0 || op->units / op->inputs < 2)
        return mr_fail(error, error_size,
                       "the %s makes a row of %d numbers of rows of %d; it takes 2 steps or more",
                       op->name, op->units, op->inputs);
    return mr_one_format_check(network, op, frac, frac, error, error_size);
}

static void cost(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost) {
    cost->row_cycles = (uint32_t)(op->inputs / layout->lc);
    mr_memory_expect(&cost->memory, (uint64_t)(op->units / layout->lc), 16 * (uint64_t)layout->lc,
                     1);
}

static void emit(const struct mr_network *network, const struct mr_op *op,
                 const struct mr_op_layout *layout, struct mr_text *text) {
    (void)network;
    mr_text_add(text,
                "#define WINDOW %s\n#define WINDOW_COUNT %d\n#define WINDOW_LC %d\n"
                "#define WINDOW_STEPS %d\n#include \"glue/window.h\"\n",
                op->name, op->inputs, layout->lc, op->units / op->inputs);
}

const struct mr_op_kind mr_op_window = {
    .name = "window",
    .process = "window",
    .one_slot = true,
    .pool_bits = MR_POOL_BITS,
    .compares = true,
    .whole_vectors = true,
    .describe = describe,
    .float_row = float_row,
    .integer_row = integer_row,
    .quantise = quantise,
    .check = check,
    .cost = cost,
    .emit = emit,
    .scalars = "command, steps, total",
};
