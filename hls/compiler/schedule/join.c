// SPDX-License-Identifier: Apache-2.0
// Sums, minima, maxima and bitwise operations over the lane of the tiles: a tree in each tile, of
// its own lanes, and one over the tiles' parts in the process's module. The same values come out as
// of one tree, for they are wrapped at its end.
//
// A sum over 64 lanes in tiles of 8: 3 levels in each tile, 3 levels over the 8 parts.
#include "schedule.h"

bool op_is_joined(const struct tile *tile, int region, const struct op *op) {
    return tile->lane != NO_LANE && region == tile->region && ir_is_reduction(op->code) &&
           op->imm == tile->lane;
}

struct join join_of(const struct process *p, const struct tile *tile, const struct op *op) {
    const struct target *target = p->target;
    const int64_t tiles = tile_count(p, tile);
    const bool tree = op->code == IR_SUM || op->code == IR_MIN || op->code == IR_MAX;
    const double level = tree ? entry_delay(p, op) : bitwise_delay(target, tiles);
    struct join join = {
        // What is bitwise takes no cycle, but a register at the edge.
        .parts = tree ? tree_levels(tile->per_tile) : 1,
        .way = p->function->tiles_crossing,
        .whole = tree ? tree_levels(tiles) : 0,
        .entry = tree ? level : bitwise_delay(target, tile->per_tile),
        .arrival = target->register_out,
    };
    double late = target->register_out + (join.way ? 0 : target->crossing);
    if (tiles > 1 && late + level > target->budget) {
        join.way++;
        late = target->register_out;
    }
    if (!join.whole)
        join.arrival = late + (tree ? 0 : level);
    return join;
}
