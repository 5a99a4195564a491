// SPDX-License-Identifier: Apache-2.0
// An embedding: the row of a table whose number comes in; one below zero counts from the end.
#include "arithmetic.h"
#include "file.h"
#include "op.h"
#include "plain_rows.h"
#include "quantise.h"

#include <math.h>
#include <string.h>

enum { FRAC_MAX = 24 };

static void describe(const struct mr_network *network, struct mr_op *op, struct mr_stream *out) {
    (void)network;
    out->width = op->units;
    out->bits = 16;
}

// A number that the table does not have reads its first row.
static size_t row_of(const struct mr_op *op, double index) {
    const double row = index < 0 ? index + op->entries : index;

    return row >= 0 && row < op->entries ? (size_t)row : 0;
}

static void float_row(const struct mr_op *op, const double *in, double *state, double *out) {
    const float *row = op->w_x + row_of(op, in[0]) * (size_t)op->units;

    (void)state;
    for (int i = 0; i < op->units; i++)
        out[i] = (double)row[i];
}

static void integer_row(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out, struct mr_cuts *cuts) {
    const int16_t *row = op->rows.weight + row_of(op, in[0]) * (size_t)op->units;

    (void)network, (void)state, (void)cuts;
    for (int i = 0; i < op->units; i++)
        out[i] = row[i];
}

// One format for all, such that the largest number of the table fits.
static int quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac, int *column,
                    char *error, size_t error_size) {
    const size_t count = (size_t)op->entries * (size_t)op->units;
    double greatest = 0;

    (void)network, (void)column;
    if (mr_rows_create(&op->rows, op->entries, op->units, 0) != 0)
        return mr_fail(error, error_size, "not enough memory for the table of the %s", op->name);
    for (size_t i = 0; i < count; i++)
        greatest = fmax(greatest, fabs((double)op->w_x[i]));
    const int shared = mr_frac_of(greatest, MR_FRAC_MIN, FRAC_MAX);
    if (ldexp(greatest, shared) > INT16_MAX)
        return mr_fail(error, error_size, "the table of the %s reaches %g, which is too large",
                       op->name, greatest);
    for (size_t i = 0; i < count; i++)
        op->rows.weight[i] = (int16_t)floor(ldexp((double)op->w_x[i], shared) + 0.5);
    mr_one_format(op, shared, frac);
    return 0;
}

static int check(const struct mr_network *network, const struct mr_op *op, char *error,
                 size_t error_size) {
    if (op->inputs != 1 || network->streams[op->input].frac[0] != 0)
        return mr_fail(error, error_size, "the %s does not read whole numbers, one of a row",
                       op->name);
    return mr_one_format_check(network, op, MR_FRAC_MIN, FRAC_MAX, error, error_size);
}

static void cost(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost) {
    const int words = mr_ceil_div(op->units, layout->lc);

    cost->row_cycles = (uint32_t)words;
    if ((words & (words - 1)) != 0) // a row's number times its words
        cost->products = cost->multipliers = 1;
    mr_memory_expect(&cost->memory, (uint64_t)op->entries * (uint64_t)words,
                     16 * (uint64_t)layout->lc, 1);
}

static void emit(const struct mr_network *network, const struct mr_op *op,
                 const struct mr_op_layout *layout, struct mr_text *text) {
    (void)network;
    mr_text_add(text, "#define EMBED %s\n#define EMBED_ENTRIES %d\n", op->name, op->entries);
    mr_text_add(text,
                "#define EMBED_COUNT %d\n#define EMBED_LC %d\n#include \"heads/embedding.h\"\n",
                op->units, layout->lc);
}

const struct mr_op_kind mr_op_embedding = {
    .name = "embedding",
    .process = "embed",
    .looks_up = true,
    .describe = describe,
    .float_row = float_row,
    .quantise = quantise,
    .check = check,
    .integer_row = integer_row,
    .cost = cost,
    .emit = emit,
    .scalars = "command, rows",
};
