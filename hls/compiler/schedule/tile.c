// SPDX-License-Identifier: Apache-2.0
// Finds the lane over which a process's multipliers lie side by side, if its operations can be cut
// into equal tiles along it: modules with narrow ports, each with its own share of the lane
// memories and accumulators.
#include "memory.h"

#include <string.h>

// Does op's value reach a tile as a whole, or only elements that can be named?
static bool cut_view(const struct op *op, int lane, int64_t *reach) {
    for (int i = 0; i < op->view_count; i++) {
        const struct view_index *v = &op->view[i];
        if (v->lane != lane)
            continue;
        if (v->dynamic)
            return false;
        bool along = false;
        int64_t last = v->base;
        for (int k = 0; k < v->terms; k++) {
            if (v->term_lane[k] == lane) {
                if (v->term_coef[k] != 1)
                    return false;
                along = true;
            } else if (v->term_coef[k] < 0) {
                return false;
            }
        }
        if (v->base < 0 || (along && v->terms > 1))
            return false;
        if (along && v->base > 0 && op->in[0]->code != IR_PHI)
            return false; // only a register's neighbours can be seen
        if (last > *reach)
            *reach = last;
        return true;
    }
    return true;
}

// Do other loops, or what stands between them, look at a register array of the tile?
static bool is_read_elsewhere(struct compiler *cc, const struct process *p, const struct tile *t) {
    struct reach r = ir_reach_none(cc, p);
    ir_reach_all(&r, p);
    for (int i = 0; i < p->op_count; i++)
        if (r.seen[i] && p->ops[i]->code == IR_STATE && t->state[p->ops[i]->imm])
            return true;
    return false;
}

static bool fits(struct compiler *cc, const struct process *p, struct tile *t, int64_t *reach) {
    const uint32_t bit = 1u << t->lane;
    const struct region *r = p->regions[t->region];
    struct reach operations = ir_reach_none(cc, p); // of the region
    const bool *mine = operations.seen;
    for (int i = 0; i < r->effect_count; i++)
        ir_reach(&operations, r->effects[i]);
    for (int i = 0; i < r->carried_count; i++)
        ir_reach(&operations, r->carried[i].next);
    bool *inside = t->memory;
    for (int i = 0; i < p->op_count; i++) { // memories that the lanes read
        const struct op *op = p->ops[i];
        if (op->alias || op->code != IR_LOAD || !(op->space & bit))
            continue;
        if (!mine[i])
            return false;
        inside[op->imm] = true;
    }
    for (int i = 0; i < p->op_count; i++) {
        const struct op *op = p->ops[i];
        if (op->alias)
            continue;
        if (op->code == IR_LOAD && inside[op->imm]) {
            if (p->memories[op->imm].kind == MEMORY_ROM || op->in[0]->space & bit)
                return false;
            int bound = 0;
            for (int k = 0; k < op->view_count; k++)
                for (int n = 0; n < op->view[k].terms; n++)
                    if (op->view[k].term_lane[n] == t->lane)
                        bound += op->view[k].terms == 1 && op->view[k].base == 0;
            if (bound != 1)
                return false;
        }
        if (op->code == IR_STORE && inside[op->imm]) {
            // One whole unit at a time: the lane's dimension is indexed by one value.
            for (int k = 0; k < op->view_count; k++)
                for (int n = 0; n < op->view[k].terms; n++)
                    if (op->view[k].term_lane[n] == t->lane)
                        return false;
            for (int k = 0; k < op->in_count; k++)
                if (op->in[k] && op->in[k]->space & bit)
                    return false;
        }
    }
    for (int k = 0; k < r->carried_count; k++) { // registers along the lane
        const struct carried *c = &r->carried[k];
        const struct state *st = &p->states[c->state];
        for (int d = 0; d < st->dims; d++)
            t->state[c->state] = t->state[c->state] || st->lane[d] == t->lane;
        if (t->state[c->state] && ((c->init && c->init->code != IR_CONST) || st->reset))
            return false;
    }
    for (int i = 0; i < p->region_count; i++) // that no other loop changes
        for (int k = 0; k < p->regions[i]->carried_count; k++)
            if (i != t->region && t->state[p->regions[i]->carried[k].state])
                return false;
    if (is_read_elsewhere(cc, p, t))
        return false;
    // Every operation along the lane: what crosses its edge must be an element that can be named.
    for (int i = 0; i < p->op_count; i++) {
        const struct op *op = p->ops[i];
        if (op->alias || !mine[i])
            continue;
        const bool along = op->space & bit;
        if (along && (op->code == IR_FIELD || op->code == IR_STATE))
            return false;
        for (int k = 0; k < op->in_count; k++) {
            const struct op *in = op->in[k];
            if (!in || !(in->space & bit) || in->code == IR_LANE)
                continue;
            if (op->code == IR_WRITE ||
                ((ir_is_reduction(op->code) || op->code == IR_DOT) && op->imm == t->lane))
                return false;
            if (op->code == IR_VIEW && k > 0 && along)
                return false; // a dynamic index that differs by lane
            if (op->code == IR_VIEW && k == 0 && !cut_view(op, t->lane, reach))
                return false;
            if (op->code == IR_VIEW && k == 0 && !along) {
                // Read by the process's module: elements from 0 on.
                for (int v = 0; v < op->view_count; v++) {
                    if (op->view[v].lane != t->lane)
                        continue;
                    int64_t last = op->view[v].base;
                    for (int n = 0; n < op->view[v].terms; n++)
                        last += op->view[v].term_coef[n] *
                                (p->lanes[op->view[v].term_lane[n]].count - 1);
                    if (last + 1 > *reach)
                        *reach = last + 1;
                }
            }
        }
    }
    return true;
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

static struct tile *choose_tile(struct compiler *cc, struct process *p) {
    struct tile *t = arena_alloc(cc, sizeof *t);
    t->memory = arena_alloc(cc, (size_t)(p->memory_count + 1) * sizeof *t->memory);
    t->state = arena_alloc(cc, (size_t)(p->state_count + 1) * sizeof *t->state);
    t->lane = NO_LANE;
    int64_t most = MR_TILE_LANES_MIN - 1;
    for (int i = 0; i < p->op_count; i++) {
        const struct op *op = p->ops[i];
        if (op->alias || (op->code != IR_MUL && op->code != IR_DOT))
            continue;
        for (int l = 0; l < p->lane_count; l++) {
            if ((op->space >> l & 1) && p->lanes[l].count > most) {
                most = p->lanes[l].count;
                t->lane = l;
            }
        }
    }
    if (t->lane == NO_LANE)
        return t;
    t->region = multiplying_region(cc, p, t->lane);
    int64_t reach = 1;
    if (t->region < 0 || !fits(cc, p, t, &reach)) {
        t->lane = NO_LANE;
        memset(t->memory, 0, (size_t)p->memory_count * sizeof *t->memory);
        memset(t->state, 0, (size_t)p->state_count * sizeof *t->state);
        return t;
    }
    struct mr_lane_memory *memories =
        arena_alloc(cc, (size_t)(p->memory_count + 1) * sizeof *memories);
    int count = 0;
    for (int i = 0; i < p->memory_count; i++)
        if (t->memory[i])
            memories[count++] = lane_memory(p, t, i);
    bool even = false;
    for (int i = 0; i < p->op_count; i++)
        even = even || (!p->ops[i]->alias && pairs_in_even_tiles(p, p->ops[i], t->lane));
    t->per_tile = (int)mr_tile_lanes((uint64_t)p->lanes[t->lane].count, (uint64_t)reach,
                                     even ? 2 : 1, memories, count);
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
