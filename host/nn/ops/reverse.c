// SPDX-License-Identifier: Apache-2.0
// The rows of each sequence from the last step to the first: in front of a layer that reads a
// sequence backward, and behind it. Its memory holds most_steps rows of each slot, so no sequence
// is longer.
#include "file.h"
#include "op.h"
#include "plain_rows.h"

static void describe(const struct mr_network *network, struct mr_op *op, struct mr_stream *out) {
    mr_same_describe(network, op, out);
    op->most_steps = MR_MOST_STEPS;
}

static void cost(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost) {
    const uint64_t words = (uint64_t)mr_ceil_div(op->units, layout->lc);

    cost->row_cycles = (uint32_t)words;
    cost->turns = (uint32_t)layout->slots;
    mr_memory_expect(&cost->memory, words * (uint64_t)op->most_steps * (uint64_t)layout->slots,
                     16 * (uint64_t)layout->lc, 1);
}

static void emit(const struct mr_network *network, const struct mr_op *op,
                 const struct mr_op_layout *layout, struct mr_text *text) {
    (void)network;
    mr_text_add(text,
                "#define REVERSE %s\n#define REVERSE_COUNT %d\n#define REVERSE_LC %d\n"
                "#define REVERSE_STEPS %d\n",
                op->name, op->units, layout->lc, op->most_steps);
    if (layout->slots > 1)
        mr_text_add(text, "#define REVERSE_SLOTS %d\n", layout->slots);
    mr_text_add(text, "#include \"glue/reverse.h\"\n");
}

const struct mr_op_kind mr_op_reverse = {
    .name = "reverse",
    .process = "reverse",
    .passes = true,
    .pool_bits = MR_MOST_STEPS_BITS + 1, // for MR_MOST_STEPS_LIMIT itself
    .reverses = true,
    .describe = describe,
    .float_row = mr_pass_float, // which row is taken, the walker knows (op.h)
    .integer_row = mr_pass_integer,
    .quantise = mr_pass_quantise,
    .check = mr_whole_check,
    .cost = cost,
    .emit = emit,
    .scalars = "command, steps, total",
};
