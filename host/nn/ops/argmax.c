// SPDX-License-Identifier: Apache-2.0
// The index of the first greatest number of a row.
#include "file.h"
#include "op.h"

static void describe(const struct mr_network *network, struct mr_op *op, struct mr_stream *out) {
    (void)network;
    op->units = op->inputs;
    out->width = 1;
    out->bits = 32;
}

static void float_row(const struct mr_op *op, const double *in, double *state, double *out) {
    int at = 0;

    (void)state;
    for (int i = 1; i < op->inputs; i++)
        at = in[i] > in[at] ? i : at;
    *out = at;
}

static int quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac, int *column,
                    char *error, size_t error_size) {
    (void)network, (void)op, (void)column, (void)error, (void)error_size;
    *frac = 0;
    return 0;
}

static int check(const struct mr_network *network, const struct mr_op *op, char *error,
                 size_t error_size) {
    return network->streams[op->output].frac[0] == 0
               ? 0
               : mr_fail(error, error_size, "the %s gives whole numbers, and %d fraction bits",
                         op->name, (int)network->streams[op->output].frac[0]);
}

static void integer_row(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out, struct mr_cuts *cuts) {
    int at = 0;

    (void)network, (void)state, (void)cuts;
    for (int i = 1; i < op->inputs; i++)
        at = in[i] > in[at] ? i : at;
    *out = at;
}

static void cost(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost) {
    (void)layout;
    cost->row_cycles = (uint32_t)op->inputs;
}

static void emit(const struct mr_network *network, const struct mr_op *op,
                 const struct mr_op_layout *layout, struct mr_text *text) {
    (void)network, (void)layout;
    mr_text_add(text, "#define ARGMAX %s\n#define ARGMAX_COUNT %d\n", op->name, op->inputs);
    mr_text_add(text, "#include \"heads/argmax.h\"\n");
}

const struct mr_op_kind mr_op_argmax = {
    .name = "argmax",
    .process = "argmax",
    .reads_numbers = true,
    .compares = true,
    .gives_place = true,
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
