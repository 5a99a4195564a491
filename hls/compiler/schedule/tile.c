// SPDX-License-Identifier: Apache-2.0
// Finds the lane over which a process's multipliers lie side by side, if its operations can be cut
// into equal tiles along it: modules with narrow ports, each with its own share of the lane
// memories and accumulators, and of the sums over all lanes a part (join.c).
#include "memory.h"

#include <string.h>

// The cut of a process along a lane that is being tried.
struct cut {
    struct compiler *cc;
    const struct process *p;
    struct tile *tile;
    uint32_t bit;     // of the lane
    const bool *mine; // [op_count] operations of the region
    int64_t reach;    // elements that a tile, or the process, looks at from a tile's first one on
};

static bool is_along(const struct cut *c, const struct op *op) {
    return op && op->space & c->bit;
}

// Is it another value in each iteration? What stands still has no stage.
static bool is_moving(const struct cut *c, const struct op *op) {
    struct reach made_of = ir_reach_none(c->cc, c->p);
    ir_reach(&made_of, op);
    for (int i = 0; i < c->p->op_count; i++)
        if (made_of.seen[i] && (c->p->ops[i]->code == IR_PHI || c->p->ops[i]->code == IR_INDEX ||
                                c->p->ops[i]->code == IR_LOAD || c->p->ops[i]->code == IR_READ))
            return true;
    return false;
}

// Does op's value reach a tile as a whole, or only elements that can be named?
static bool cut_view(struct cut *c, const struct op *op) {
    for (int i = 0; i < op->view_count; i++) {
        const struct view_index *v = &op->view[i];
        if (v->lane != c->tile->lane)
            continue;
        if (v->dynamic)
            return false;
        bool along = false;
        int64_t last = v->base;
        for (int k = 0; k < v->terms; k++) {
            if (v->term_lane[k] == c->tile->lane) {
                if (v->term_coef[k] != 1)
                    return false;
                along = true;
            } else if (v->term_coef[k] < 0) {
                return false;
            }
            last +=
                is_along(c, op) ? 0 : v->term_coef[k] * (c->p->lanes[v->term_lane[k]].count - 1);
        }
        if (v->base < 0 || (along && v->terms > 1))
            return false;
        if (along && v->base > 0 && !is_moving(c, op->in[0]))
            return false;
        last += !is_along(c, op); // of the process: elements from 0 on
        if (last > c->reach)
            c->reach = last;
        return true;
    }
    return true;
}

// Do other loops, or what stands between them, look at a register array of the tile?
static bool is_read_elsewhere(const struct cut *c) {
    struct reach r = ir_reach_none(c->cc, c->p);
    ir_reach_all(&r, c->p);
    for (int i = 0; i < c->p->op_count; i++)
        if (r.seen[i] && c->p->ops[i]->code == IR_STATE && c->tile->state[c->p->ops[i]->imm])
            return true;
    return false;
}

static bool is_whole(const struct process *p, const struct view_index *v) {
    return v->terms == 1 && v->base == 0 && v->term_coef[0] == 1 &&
           p->lanes[v->term_lane[0]].count == v->size;
}

// The one dimension of an access that is indexed by the lane, as it is; -1: none, -2: others are.
static int lane_dim(const struct cut *c, const struct op *access) {
    int found = -1;
    for (int k = 0; k < access->view_count; k++) {
        const struct view_index *v = &access->view[k];
        for (int n = 0; n < v->terms; n++)
            if (v->term_lane[n] == c->tile->lane)
                found = found == -1 && is_whole(c->p, v) ? k : -2;
    }
    return found;
}

static bool load_fits(struct cut *c, const struct op *op) {
    int *dim = &c->tile->dim[op->imm];
    const int own = lane_dim(c, op);
    if (!c->mine[op->id] || c->p->memories[op->imm].kind == MEMORY_ROM || is_along(c, op->in[0]) ||
        own < 0 || (*dim >= 0 && *dim != own))
        return false;
    *dim = own;
    return true;
}

// One whole unit at a time, by an index; or all lanes in an iteration of the tiles' loop, each what
// it has, on its own condition.
static bool store_fits(const struct cut *c, const struct op *op) {
    const struct memory *m = &c->p->memories[op->imm];
    const struct region *r = c->p->regions[c->tile->region];
    const int own = lane_dim(c, op);
    int stores = 0;
    if (is_along(c, op->in[0]))
        return false;
    for (int k = 0; own == -1 && k < op->in_count; k++)
        if (is_along(c, op->in[k]))
            return false;
    if (own == -1 && !(op->in[2] && op->in[2]->space))
        return true;
    for (int i = 0; i < r->effect_count; i++)
        stores += r->effects[i]->code == IR_STORE && r->effects[i]->imm == op->imm;
    if ((own != -1 && own != c->tile->dim[op->imm]) || !c->mine[op->id] || stores > 1 ||
        m->shared_ports || m->rest_from || c->p->target->large_has_one_port)
        return false;
    uint32_t whole = 0;
    for (int k = 0; k < op->view_count; k++)
        whole |= is_whole(c->p, &op->view[k]) ? 1u << op->view[k].term_lane[0] : 0;
    return !op->in[2] || !(op->in[2]->space & ~whole);
}

static bool memories_fit(struct cut *c) {
    for (int i = 0; i < c->p->op_count; i++) { // that the lanes read
        const struct op *op = c->p->ops[i];
        if (op->alias || op->code != IR_LOAD || !is_along(c, op))
            continue;
        c->tile->memory[op->imm] = true;
        if (!load_fits(c, op))
            return false;
    }
    for (int i = 0; i < c->p->op_count; i++) {
        const struct op *op = c->p->ops[i];
        if (!op->alias && op->code == IR_LOAD && c->tile->memory[op->imm] && !is_along(c, op))
            return false;
        if (!op->alias && op->code == IR_STORE && c->tile->memory[op->imm] && !store_fits(c, op))
            return false;
    }
    return true;
}

static bool registers_fit(struct cut *c) {
    struct tile *t = c->tile;
    const struct region *r = c->p->regions[t->region];
    for (int k = 0; k < r->carried_count; k++) { // along the lane
        const struct carried *carried = &r->carried[k];
        const struct state *st = &c->p->states[carried->state];
        for (int d = 0; d < st->dims; d++)
            t->state[carried->state] = t->state[carried->state] || st->lane[d] == t->lane;
        if (t->state[carried->state] &&
            ((carried->init && carried->init->code != IR_CONST) || st->reset))
            return false;
    }
    for (int i = 0; i < c->p->region_count; i++) // that no other loop changes
        for (int k = 0; k < c->p->regions[i]->carried_count; k++)
            if (i != t->region && t->state[c->p->regions[i]->carried[k].state])
                return false;
    return !is_read_elsewhere(c);
}

// What crosses a tile's edge must be a sum or the like over the lane, or an element that can be
// named.
static bool operand_fits(struct cut *c, const struct op *op, int k) {
    const struct op *in = op->in[k];
    if (!is_along(c, in) || in->code == IR_LANE)
        return true;
    if (op->code == IR_WRITE)
        return false;
    if ((ir_is_reduction(op->code) || op->code == IR_DOT) && op->imm == c->tile->lane) {
        c->tile->joins = true;
        return is_moving(c, op);
    }
    if (op->code != IR_VIEW)
        return true;
    if (k > 0) // an index that differs by lane: where synthesis knows it
        return in->fixed && !is_along(c, op->in[0]);
    return cut_view(c, op);
}

static bool fits(struct cut *c) {
    const struct region *r = c->p->regions[c->tile->region];
    struct reach operations = ir_reach_none(c->cc, c->p);
    c->mine = operations.seen;
    for (int i = 0; i < r->effect_count; i++)
        ir_reach(&operations, r->effects[i]);
    for (int i = 0; i < r->carried_count; i++)
        ir_reach(&operations, r->carried[i].next);
    if (!memories_fit(c) || !registers_fit(c))
        return false;
    for (int i = 0; i < c->p->op_count; i++) {
        const struct op *op = c->p->ops[i];
        if (op->alias || !c->mine[i])
            continue;
        if (is_along(c, op) && (op->code == IR_FIELD || op->code == IR_STATE))
            return false;
        for (int k = 0; k < op->in_count; k++)
            if (!operand_fits(c, op, k))
                return false;
    }
    return !c->tile->joins || !stays_whole(c->cc, c->p->function->loc);
}

// The one region whose registers along the lane take products along it; -1: none or several.
static int multiplying_region(struct compiler *cc, const struct process *p, int lane) {
    int found = -1;
    for (int i = 0; i < p->region_count; i++) {
        struct reach reach = ir_reach_none(cc, p);
        const bool *seen = reach.seen;
        bool multiplies = false;
        for (int k = 0; k < p->regions[i]->carried_count; k++)
            if (p->regions[i]->carried[k].phi->space >> lane & 1)
                ir_reach(&reach, p->regions[i]->carried[k].next);
        for (int k = 0; k < p->op_count; k++)
            multiplies = multiplies ||
                         (seen[k] && (p->ops[k]->code == IR_MUL || p->ops[k]->code == IR_DOT) &&
                          p->ops[k]->space >> lane & 1);
        if (multiplies && found >= 0)
            return -1;
        if (multiplies)
            found = i;
    }
    return found;
}

static int lanes_of_tile(struct cut *c) {
    struct compiler *cc = c->cc;
    const struct process *p = c->p;
    struct tile *t = c->tile;
    struct mr_lane_memory *memories =
        arena_alloc(cc, (size_t)(p->memory_count + 1) * sizeof *memories);
    int count = 0;
    for (int i = 0; i < p->memory_count; i++)
        if (t->memory[i])
            memories[count++] = lane_memory(p, t, i);
    bool even = false;
    for (int i = 0; i < p->op_count; i++)
        even = even || (!p->ops[i]->alias && pairs_in_even_tiles(p, p->ops[i], t->lane));
    // What a lane looks at of others may lie in several tiles. Those of networks hold it all, and
    // planners count them so.
    return (int)mr_tile_lanes((uint64_t)p->lanes[t->lane].count, t->joins ? 1 : (uint64_t)c->reach,
                              even ? 2 : 1, memories, count);
}

// The lane of the most copies over which there are products, of those not in `tried`; NO_LANE: none
// has enough.
static int longest_lane(const struct process *p, uint32_t tried) {
    int64_t most = MR_TILE_LANES_MIN - 1;
    int found = NO_LANE;
    for (int i = 0; i < p->op_count; i++) {
        const struct op *op = p->ops[i];
        if (op->alias || (op->code != IR_MUL && op->code != IR_DOT))
            continue;
        for (int l = 0; l < p->lane_count; l++) {
            if (((op->space & ~tried) >> l & 1) && p->lanes[l].count > most) {
                most = p->lanes[l].count;
                found = l;
            }
        }
    }
    return found;
}

static struct tile *choose_tile(struct compiler *cc, struct process *p) {
    struct tile *t = arena_alloc(cc, sizeof *t);
    const size_t memories = (size_t)p->memory_count + 1, states = (size_t)p->state_count + 1;
    t->memory = arena_alloc(cc, memories * sizeof *t->memory);
    t->dim = arena_alloc(cc, memories * sizeof *t->dim);
    t->state = arena_alloc(cc, states * sizeof *t->state);
    uint32_t tried = 0;
    mark_fixed(p); // but for tables, whose kind is not known yet
    while ((t->lane = longest_lane(p, tried)) != NO_LANE) {
        struct cut c = {.cc = cc, .p = p, .tile = t, .bit = 1u << t->lane, .reach = 1};
        for (int i = 0; i < p->memory_count; i++)
            t->dim[i] = -1;
        t->region = multiplying_region(cc, p, t->lane);
        if (t->region >= 0 && fits(&c)) {
            t->per_tile = lanes_of_tile(&c);
            split_dots(cc, p, t->lane, c.mine); // no cascade of DSPs leads from tile to tile
            return t;
        }
        tried |= c.bit;
        t->joins = false;
        memset(t->memory, 0, memories * sizeof *t->memory);
        memset(t->state, 0, states * sizeof *t->state);
    }
    return t;
}

struct tile *find_tile(struct compiler *cc, struct process *p) {
    struct tile *tile = choose_tile(cc, p);
    if (tile->lane == NO_LANE && p->function->tiles_crossing)
        fail(cc, p->function->loc,
             "pragma HLS tiles stands in process %s, which has no lane tiles: no loop with %d or "
             "more multiplying copies; remove it",
             p->name, MR_TILE_LANES_MIN);
    return tile;
}
