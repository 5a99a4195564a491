// SPDX-License-Identifier: Apache-2.0
// The last step of each sequence: from a row per step to a row per sequence.
#include "file.h"
#include "op.h"

#include <string.h>

static void describe(const struct mr_network *network, struct mr_op *op, struct mr_stream *out) {
    (void)network;
    op->units = op->inputs;
    out->width = op->inputs;
    out->rate = MR_PER_SEQUENCE;
    out->bits = 16;
}

static void float_row(const struct mr_op *op, const double *in, double *state, double *out) {
    (void)state;
    memcpy(out, in, (size_t)op->inputs * sizeof *out);
}

static void integer_row(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out) {
    (void)network, (void)state;
    memcpy(out, in, (size_t)op->inputs * sizeof *out);
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

static void cost(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost) {
    cost->row_cycles = (uint32_t)mr_ceil_div(op->inputs, layout->lc);
}

static void emit(const struct mr_network *network, const struct mr_op *op,
                 const struct mr_op_layout *layout, struct mr_text *text) {
    (void)network;
    mr_text_add(text, "#define LAST %s\n#define LAST_COUNT %d\n#define LAST_LC %d\n", op->name,
                op->inputs, layout->lc);
    if (layout->slots > 1)
        mr_text_add(text, "#define LAST_SLOTS %d\n", layout->slots);
    mr_text_add(text, "#include \"glue/last_step.h\"\n");
}

const struct mr_op_kind mr_op_last = {
    .name = "last",
    .process = "last",
    .passes = true,
    .describe = describe,
    .float_row = float_row,
    .integer_row = integer_row,
    .quantise = quantise,
    .check = check,
    .cost = cost,
    .emit = emit,
    .scalars = "command, steps, total",
};
