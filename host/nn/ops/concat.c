// SPDX-License-Identifier: Apache-2.0
// The rows of two streams as one row: the numbers of the first, and behind them those of the other.
#include "file.h"
#include "op.h"

#include <string.h>

static void describe(const struct mr_network *network, struct mr_op *op, struct mr_stream *out) {
    op->units = op->inputs + network->streams[op->other].width;
    out->width = op->units;
    out->bits = 16;
}

static void float_row(const struct mr_op *op, const double *in, double *state, double *out) {
    (void)state;
    memcpy(out, in, (size_t)op->units * sizeof *out);
}

static void integer_row(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out) {
    (void)network, (void)state;
    memcpy(out, in, (size_t)op->units * sizeof *out);
}

// Of number i of what it gives.
static int32_t frac_of(const struct mr_network *network, const struct mr_op *op, int i) {
    return i < op->inputs ? network->streams[op->input].frac[i]
                          : network->streams[op->other].frac[i - op->inputs];
}

static int quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac, int *column,
                    char *error, size_t error_size) {
    (void)column;
    for (int i = 0; i < op->units; i++) {
        frac[i] = frac_of(network, op, i);
        if (network->streams[op->output].uniform && frac[i] != frac[0])
            return mr_fail(error, error_size,
                           "'%s' joins numbers of different formats, which an operator behind it "
                           "compares; put a linear layer between them",
                           op->name);
    }
    return 0;
}

static int check(const struct mr_network *network, const struct mr_op *op, char *error,
                 size_t error_size) {
    const int32_t *out = network->streams[op->output].frac;

    for (int i = 0; i < op->units; i++)
        if (out[i] != frac_of(network, op, i))
            return mr_fail(error, error_size,
                           "the %s reads %d fraction bits in column %d and gives %d", op->name,
                           (int)frac_of(network, op, i), i, (int)out[i]);
    return 0;
}

static void cost(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost) {
    cost->row_cycles = (uint32_t)mr_ceil_div(op->units, layout->lc);
}

static void emit(const struct mr_network *network, const struct mr_op *op,
                 const struct mr_op_layout *layout, struct mr_text *text) {
    (void)network;
    mr_text_add(text,
                "#define CONCAT %s\n#define CONCAT_A %d\n#define CONCAT_B %d\n"
                "#define CONCAT_LC %d\n#include \"glue/concat.h\"\n",
                op->name, op->inputs, op->units - op->inputs, layout->lc);
}

const struct mr_op_kind mr_op_concat = {
    .name = "concat",
    .process = "concat",
    .passes = true,
    .joins = true,
    .describe = describe,
    .float_row = float_row,
    .integer_row = integer_row,
    .quantise = quantise,
    .check = check,
    .cost = cost,
    .emit = emit,
    .scalars = "command, rows",
};
