// SPDX-License-Identifier: Apache-2.0
// Which sums of products share multipliers: a DSP48E2 multiplies two numbers of 8 bits by a third
// one (hw/rtl/mr_dot_pair.sv).
#include "schedule.h"

_Static_assert(DOT_CHAIN <= 7, "a sum of 8 products of 8 bits does not fit beside another one");

// Elements of `space`, `size` of them along `lane`.
static int64_t count_in(const struct process *p, uint32_t space, int lane, int64_t size) {
    int64_t count = 1;
    for (int l = 0; l < p->lane_count; l++)
        if (space >> l & 1)
            count *= l == lane ? size : p->lanes[l].count;
    return count;
}

// Multipliers of a column.
static int64_t of_column(const struct process *p, const struct op *op, uint32_t along, int lane,
                         int64_t size) {
    const int64_t apart = count_in(p, op->space & ~along, lane, size);
    const int64_t rows = count_in(p, along, lane, size);
    return apart * (along ? (rows + 1) / 2 : 1);
}

struct pairing find_pairing(const struct process *p, const struct op *op) {
    struct pairing found = {0};
    if (!p->target->pairs_products || op->code != IR_DOT || ir_adds(op) ||
        op->in[0]->width > DOT_PAIR_BITS || op->in[1]->width > DOT_PAIR_BITS)
        return found;
    for (int rows = 0; rows < 2; rows++) {
        const uint32_t along = op->space & ~op->in[!rows]->space;
        if (along && count_in(p, along, NO_LANE, 0) > 1 &&
            (!found.along ||
             of_column(p, op, along, NO_LANE, 0) < of_column(p, op, found.along, NO_LANE, 0)))
            found = (struct pairing){rows, along};
    }
    return found;
}

bool pairs_in_even_tiles(const struct process *p, const struct op *op, int lane) {
    const uint32_t along = find_pairing(p, op).along;
    return along >> lane & 1 && count_in(p, along, lane, 1) % 2 != 0;
}

int64_t dot_multipliers(const struct process *p, const struct tile *tile, bool in_tile,
                        const struct op *op) {
    const int64_t columns = p->lanes[op->imm].count;
    const uint32_t along = find_pairing(p, op).along;
    if (!in_tile)
        return columns * of_column(p, op, along, NO_LANE, 0);
    const int64_t count = p->lanes[tile->lane].count, rest = count % tile->per_tile;
    return columns * (count / tile->per_tile * of_column(p, op, along, tile->lane, tile->per_tile) +
                      of_column(p, op, along, tile->lane, rest));
}
