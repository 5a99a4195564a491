// SPDX-License-Identifier: Apache-2.0
// Finds the lane over which a process's multipliers lie side by side, if its operations can be cut into equal
// tiles along it: modules with narrow ports, each with its own share of the lane memories and accumulators.
#include "schedule.h"

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

static bool fits(const struct process *p, struct tile *t, int64_t *reach) {
    const uint32_t bit = 1u << t->lane;
    const struct region *r = p->regions[t->region];
    bool *inside = t->memory;
    for (int i = 0; i < p->op_count; i++) { // memories that the lanes read
        const struct op *op = p->ops[i];
        if (!op->alias && op->code == IR_LOAD && op->space & bit)
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
    for (int i = 0; i < p->state_count; i++)
        for (int d = 0; d < p->states[i].dims; d++)
            if (p->states[i].lane[d] == t->lane)
                t->state[i] = true;
    for (int i = 0; i < p->region_count; i++) {
        for (int k = 0; k < p->regions[i]->carried_count; k++) {
            const struct carried *c = &p->regions[i]->carried[k];
            if (!t->state[c->state])
                continue;
            if (i != t->region || (c->init && c->init->code != IR_CONST) || p->states[c->state].reset)
                return false;
        }
    }
    // Every operation along the lane: what crosses its edge must be an element that can be named.
    for (int i = 0; i < p->op_count; i++) {
        const struct op *op = p->ops[i];
        if (op->alias)
            continue;
        const bool along = op->space & bit;
        if (along && (op->code == IR_FIELD || op->code == IR_STATE)) {
            // In another region this lane number may mean something else.
            for (int k = 0; k < r->effect_count; k++)
                if (op->code == IR_FIELD && r->effects[k] == op->in[0])
                    return false;
            if (op->code == IR_STATE && t->state[op->imm]) {
                for (int u = 0; u < p->op_count; u++)
                    for (int k = 0; !p->ops[u]->alias && k < p->ops[u]->in_count; k++)
                        if (p->ops[u]->in[k] == op)
                            return false;
            }
        }
        for (int k = 0; k < op->in_count; k++) {
            const struct op *in = op->in[k];
            if (!in || !(in->space & bit) || in->code == IR_LANE)
                continue;
            if (op->code == IR_WRITE || ((op->code == IR_SUM || op->code == IR_DOT) && op->imm == t->lane)) {
                for (int e = 0; e < r->effect_count; e++)
                    if (r->effects[e] == op || op->code != IR_WRITE)
                        return false;
            }
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

struct tile *find_tile(struct compiler *cc, struct process *p) {
    struct tile *t = arena_alloc(cc, sizeof *t);
    t->memory = arena_alloc(cc, (size_t)(p->memory_count + 1) * sizeof *t->memory);
    t->state = arena_alloc(cc, (size_t)(p->state_count + 1) * sizeof *t->state);
    t->lane = NO_LANE;
    int64_t most = TILE_LANES_MIN - 1;
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
    // The region that multiplies along this lane.
    int regions = 0;
    for (int i = 0; i < p->region_count; i++)
        for (int k = 0; k < p->regions[i]->carried_count; k++) {
            const struct state *s = &p->states[p->regions[i]->carried[k].state];
            bool along = false;
            for (int d = 0; d < s->dims; d++)
                along = along || s->lane[d] == t->lane;
            if (along) {
                regions += !regions || t->region != i;
                t->region = i;
            }
        }
    int64_t reach = 1;
    if (regions != 1 || !fits(p, t, &reach)) {
        t->lane = NO_LANE;
        memset(t->memory, 0, (size_t)p->memory_count * sizeof *t->memory);
        return t;
    }
    // Some eight units a tile; equal tiles where the count permits.
    const int64_t count = p->lanes[t->lane].count;
    int64_t best = reach > 8 ? reach : 8;
    for (int64_t n = reach > 4 ? reach : 4; n <= (reach > 16 ? reach : 16); n++)
        if (count % n == 0 && (count % best != 0 || (n > 8 ? n - 8 : 8 - n) < (best > 8 ? best - 8 : 8 - best)))
            best = n;
    t->per_tile = (int)(best < count ? best : count);
    return t;
}
