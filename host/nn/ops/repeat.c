// SPDX-License-Identifier: Apache-2.0
// The row of each sequence at every step of a stream that has as many as the sequence, or a number
// of its own (graph.h): what a decoder reads that gives a sequence from one row.
#include "file.h"
#include "op.h"
#include "plain_rows.h"

static void describe(const struct mr_network *network, struct mr_op *op, struct mr_stream *out) {
    mr_same_describe(network, op, out);
    out->rate = MR_PER_STEP;
    op->most_steps = MR_MOST_STEPS;
}

static int check(const struct mr_network *network, const struct mr_op *op, char *error,
                 size_t error_size) {
    const int steps = network->streams[op->output].steps;

    if (steps < 0 || steps > MR_MOST_OWN_STEPS)
        return mr_fail(error, error_size, "the %s gives a row at %d steps; 1 to %d are possible",
                       op->name, steps, MR_MOST_OWN_STEPS);
    return mr_whole_check(network, op, error, error_size);
}

static void cost(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost) {
    cost->row_cycles = (uint32_t)mr_ceil_div(op->units, layout->lc);
    mr_pool_memory(op, layout, 16, cost);
}

static void emit(const struct mr_network *network, const struct mr_op *op,
                 const struct mr_op_layout *layout, struct mr_text *text) {
    (void)network;
    mr_text_add(text, "#define REPEAT %s\n#define REPEAT_COUNT %d\n#define REPEAT_LC %d\n",
                op->name, op->units, layout->lc);
    if (layout->slots > 1)
        mr_text_add(text, "#define REPEAT_SLOTS %d\n", layout->slots);
    mr_text_add(text, "#include \"glue/repeat.h\"\n");
}

const struct mr_op_kind mr_op_repeat = {
    .name = "repeat",
    .process = "repeat",
    .passes = true,
    .pool_bits = MR_MOST_STEPS_BITS + 1, // for MR_MOST_STEPS_LIMIT itself
    .repeats = true,
    .describe = describe,
    .float_row = mr_pass_float,
    .integer_row = mr_pass_integer,
    .quantise = mr_pass_quantise,
    .check = check,
    .cost = cost,
    .emit = emit,
    .scalars = "command, steps, total",
};
