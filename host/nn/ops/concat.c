// SPDX-License-Identifier: Apache-2.0
// The rows of two streams as one row: the numbers of the first, and behind them those of the other.
// Where an operator behind it compares them, those with more fraction bits are cut to the format of
// the others.
#include "file.h"
#include "op.h"
#include "plain_rows.h"

enum { SHIFT_MAX = 30 }; // of 16 bits nothing is left from 16 on

static void describe(const struct mr_network *network, struct mr_op *op, struct mr_stream *out) {
    op->units = op->inputs + network->streams[op->other].width;
    out->width = op->units;
    out->bits = 16;
}

// Of number i of a row, as it comes in.
static int32_t frac_of(const struct mr_network *network, const struct mr_op *op, int i) {
    return i < op->inputs ? network->streams[op->input].frac[i]
                          : network->streams[op->other].frac[i - op->inputs];
}

// And as it goes out.
static int32_t due_of(const struct mr_network *network, const struct mr_op *op, int i) {
    const int32_t a = frac_of(network, op, 0), b = frac_of(network, op, op->inputs);

    if (!network->streams[op->output].uniform)
        return frac_of(network, op, i);
    return a < b ? a : b;
}

// Bits by which the numbers of the side of number i are cut.
static int shift_of(const struct mr_network *network, const struct mr_op *op, int i) {
    const int apart = frac_of(network, op, i) - due_of(network, op, i);

    return apart < SHIFT_MAX ? apart : SHIFT_MAX;
}

static int quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac, int *column,
                    char *error, size_t error_size) {
    (void)column;
    for (int i = 0; i < op->units; i++) {
        const int side = i < op->inputs ? 0 : op->inputs;
        if (network->streams[op->output].uniform &&
            frac_of(network, op, i) != frac_of(network, op, side))
            return mr_fail(error, error_size,
                           "'%s' joins rows that an operator behind it compares, and numbers %d "
                           "and %d, which come from one stream, have different formats; put a "
                           "linear layer between them",
                           op->name, side, i);
        frac[i] = due_of(network, op, i);
    }
    return 0;
}

static int check(const struct mr_network *network, const struct mr_op *op, char *error,
                 size_t error_size) {
    for (int i = 0; i < op->units; i++)
        if (mr_pass_check_at(network, op, i, due_of(network, op, i), error, error_size) != 0)
            return -1;
    return 0;
}

static void integer_row(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out, struct mr_cuts *cuts) {
    (void)state, (void)cuts;
    for (int i = 0; i < op->units; i++) {
        const int shift = shift_of(network, op, i);
        out[i] = shift ? (in[i] + (1 << (shift - 1))) >> shift : in[i];
    }
}

static void cost(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost) {
    cost->row_cycles = (uint32_t)mr_ceil_div(op->units, layout->lc);
}

static void emit(const struct mr_network *network, const struct mr_op *op,
                 const struct mr_op_layout *layout, struct mr_text *text) {
    const int a = shift_of(network, op, 0), b = shift_of(network, op, op->inputs);

    mr_text_add(text,
                "#define CONCAT %s\n#define CONCAT_A %d\n#define CONCAT_B %d\n"
                "#define CONCAT_LC %d\n",
                op->name, op->inputs, op->units - op->inputs, layout->lc);
    if (a)
        mr_text_add(text, "#define CONCAT_A_SHIFT %d\n", a);
    if (b)
        mr_text_add(text, "#define CONCAT_B_SHIFT %d\n", b);
    mr_text_add(text, "#include \"glue/concat.h\"\n");
}

const struct mr_op_kind mr_op_concat = {
    .name = "concat",
    .process = "concat",
    .passes = true,
    .joins = true,
    .describe = describe,
    .float_row = mr_pass_float,
    .integer_row = integer_row,
    .quantise = quantise,
    .check = check,
    .cost = cost,
    .emit = emit,
    .scalars = "command, rows",
};
