// SPDX-License-Identifier: Apache-2.0
// Memories of a recurrent operator, as hlsc forms them from hls/kernels/frame/layer.h.
#include "arithmetic.h"
#include "recurrent.h"

enum { BIAS_BITS = 48, SHIFT_BITS = 5, HIDDEN_BITS = 16, TABLE_BITS = 18 + 16 };

// Columns of 8 bits are shared by two rows (mr_lane_multipliers), which then lie in one tile.
static uint64_t rows_together(const struct mr_op *op) {
    const bool pairs = op->precision.column_bits == 8;
    return pairs && (mr_cell_of(op)->late || op->kind->gates % 2 != 0) ? 2 : 1;
}

// A word for each column of each pass, in it the weights of all gates of a lane's unit.
static void add_weights(const struct mr_op *op, const struct mr_op_layout *layout,
                        struct mr_memory_use *use) {
    const uint64_t lanes = (uint64_t)mr_op_lane_units(op, layout), lc = (uint64_t)layout->lc;
    const int words =
        layout->passes * (mr_ceil_div(op->inputs, layout->lc) + mr_ceil_div(op->units, layout->lc));
    const int ports = layout->ports ? layout->ports : 1;
    const int bits = op->kind->gates * mr_op_port_lc(layout) * op->precision.weight_bits;
    struct mr_lane_memory w = {.lane = {(uint64_t)(ports * words), 1, (uint64_t)bits, ports, 0},
                               .copies = 1,
                               .from = (uint64_t)layout->rest_from,
                               .rest = layout->rest};

    w.storage =
        layout->ports ? layout->memory : mr_storage_choose(w.lane.words, lanes * (uint64_t)bits);
    // Without tiles those of all units are one memory.
    const uint64_t per_tile =
        mr_op_has_tiles(op, layout) ? mr_tile_lanes(lanes, lc, rows_together(op), &w, 1) : lanes;
    mr_tile_add(lanes, per_tile, &w, use);
}

// Of LC pieces that are written apart, of so many bits each.
static void add_chunks(uint64_t words, uint64_t lc, uint64_t bits, uint64_t copies,
                       struct mr_memory_use *use) {
    const struct mr_memory_shape shape = {words, lc, bits, 1, 0};

    mr_memory_add(mr_storage_choose(words, lc * bits), &shape, copies, use);
}

void mr_recurrent_memory(const struct mr_op *op, const struct mr_op_layout *layout,
                         struct mr_memory_use *use) {
    const struct mr_cell *cell = mr_cell_of(op);
    const int lc = layout->lc, passes = layout->passes;
    const int x_words = mr_ceil_div(op->inputs, lc), h_words = mr_ceil_div(op->units, lc);
    const uint64_t stored = (uint64_t)(passes * mr_ceil_div(h_words, passes));
    const uint64_t lanes = (uint64_t)lc, sums = (uint64_t)op->kind->sums;
    const uint64_t loops = cell->late ? 2 : 1; // phases that look at bias and shift
    const uint64_t states = (uint64_t)layout->slots * stored;

    add_weights(op, layout, use);
    add_chunks(stored, lanes, sums * BIAS_BITS, loops, use);
    add_chunks(stored, lanes, sums * SHIFT_BITS, loops, use);
    if (op->kind->constants)
        add_chunks(stored, lanes, (uint64_t)op->kind->constants * MR_CONSTANT_BITS, 1, use);
    // h, of passes as a step finds it and, unless all have read it, as it leaves it, and x for the
    // later passes.
    mr_memory_lut(use, states, HIDDEN_BITS,
                  lanes * (uint64_t)cell->h_reads * (passes > 1 && !layout->h_first ? 2 : 1));
    if (passes > 1)
        mr_memory_lut(use, (uint64_t)x_words, lanes * HIDDEN_BITS, 1);
    if (op->kind->second_field) { // read by the cell and by READ_STATE
        const struct mr_memory_shape field = {states, 1, MR_CELL_BITS, 1, 0};
        mr_memory_add(mr_storage_choose(states, lanes * MR_CELL_BITS), &field, 2 * lanes, use);
    }
    // The row that a sequence starts from.
    if (op->follows && op->given[0] >= 0)
        mr_memory_lut(use, (uint64_t)h_words, HIDDEN_BITS, lanes * (uint64_t)cell->h_reads);
    if (op->follows && op->given[1] >= 0)
        mr_memory_lut(use, (uint64_t)h_words, MR_CELL_BITS, lanes);
    if (cell->late)
        mr_memory_lut(use, (uint64_t)h_words,
                      lanes * (uint64_t)(cell->gated_bits ? cell->gated_bits(op) : HIDDEN_BITS), 1);
    mr_memory_table(use, 1024, TABLE_BITS, (uint64_t)(mr_cell_tables(op) * mr_ceil_div(lc, 2)));
}
