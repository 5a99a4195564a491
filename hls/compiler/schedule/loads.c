// SPDX-License-Identifier: Apache-2.0
// How many loads a bit of a value has: pins of LUTs, registers and memories, as far as operations
// without cycles of their own look at it, and register arrays whose turn it is.
//
// `y[k] = c ? a[k] : b[k]` over 32 lanes of 40 bits: 1,280 loads of c, and one of each bit of a and
// b in each lane.
#include "schedule.h"

static int64_t lanes_of(const struct process *p, const struct tile *tile, bool in_tile,
                        uint32_t space) {
    int64_t count = 1;
    for (int l = 0; l < p->lane_count; l++)
        if (space >> l & 1)
            count *= in_tile && l == tile->lane ? tile->per_tile : p->lanes[l].count;
    return count;
}

int64_t loads_in_element(const struct op *user, const struct op *op) {
    int64_t loads = 0;
    for (int k = 0; k < user->in_count; k++) {
        if (user->in[k] != op)
            continue;
        if (user->code == IR_VIEW && k > 0)
            loads += 2 * (int64_t)user->width;
        else if ((user->code == IR_SELECT && k == 0) || (user->code == IR_TRUNC && user->imm == 1))
            loads += user->width;
        else
            loads++;
    }
    return loads;
}

int64_t pick_loads(const struct op *view) {
    int64_t choices = 1;
    for (int k = 0; k < view->view_count; k++)
        choices *= view->view[k].dynamic ? view->view[k].size : 1;
    return choices / 4 * view->in[0]->width;
}

int64_t loads_of(const struct process *p, const struct tile *tile, const struct schedule *s,
                 bool in_tile, const struct op *op, int stage) {
    int64_t loads = 0;
    for (int n = 0; n < s->op_count; n++) {
        const struct op *user = s->ops[n];
        const struct op_time *t = &s->time[user->id];
        if (t->invariant || t->in_tile != in_tile || t->start != stage ||
            (!ir_is_plain(user->code) && user->code != IR_VIEW))
            continue;
        loads += loads_in_element(user, op) * lanes_of(p, tile, in_tile, user->space);
    }
    return loads;
}

void find_broad(struct pass *a) {
    const struct schedule *s = a->s;
    for (int n = 0; n < s->op_count; n++) {
        const struct op *op = s->ops[n];
        int64_t loads = 0;
        for (int u = a->first_user[op->id]; u < a->first_user[op->id + 1]; u++)
            loads += broad_loads(a, a->users[u], op);
        a->broad[op->id] = loads > LOADS_MAX;
    }
}

int64_t broad_loads(const struct pass *a, const struct op *user, const struct op *op) {
    const struct op_time *t = a->s->time;
    if (op->space || !user->space || t[op->id].invariant || t[user->id].invariant ||
        t[user->id].in_tile || (!ir_is_plain(user->code) && user->code != IR_VIEW))
        return 0;
    return loads_in_element(user, op) * lanes_of(a->p, a->tile, false, user->space);
}

int64_t tile_count(const struct process *p, const struct tile *tile) {
    return tile->lane == NO_LANE
               ? 0
               : (p->lanes[tile->lane].count + tile->per_tile - 1) / tile->per_tile;
}

int64_t tiles_of_way(const struct process *p, const struct tile *tile) {
    const int64_t tiles = tile_count(p, tile);
    if (!p->function->tiles_crossing)
        return TILES_MAX;
    const int64_t of_way = (tiles + WAYS - 1) / WAYS;
    return of_way < TILES_MAX ? of_way : TILES_MAX;
}

int tile_stages(const struct process *p, const struct tile *tile) {
    const int crossing = tile->lane == NO_LANE ? 0 : p->function->tiles_crossing;
    return crossing ? crossing : tile_count(p, tile) > TILES_MAX;
}

int tile_entry(const struct process *p, const struct tile *tile) {
    return 1 + tile_stages(p, tile);
}

int first_update(const struct pass *a, const struct carried *c) {
    if (op_in_tile(a->p, a->tile, a->region, c->phi))
        return tile_entry(a->p, a->tile);
    return (a->spreads && (a->r->levels > 0 || a->r->repeats) && a->p->states[c->state].dims &&
            state_bits(a->p, a->tile, false, c->state) > LOADS_MAX);
}

int64_t state_bits(const struct process *p, const struct tile *tile, bool in_tile, int state) {
    const struct state *st = &p->states[state];
    uint32_t space = 0;
    for (int d = 0; d < st->dims; d++)
        space |= 1u << st->lane[d];
    return st->width * lanes_of(p, tile, in_tile, space);
}

int64_t update_loads(const struct process *p, const struct tile *tile, int region, bool in_tile,
                     int stage) {
    const struct region *r = p->regions[region];
    int64_t loads = 0;
    for (int c = 0; c < r->carried_count; c++) {
        const struct carried *carried = &r->carried[c];
        if (r->schedule->state_stage[c] == stage &&
            op_in_tile(p, tile, region, carried->phi) == in_tile)
            loads += state_bits(p, tile, in_tile, carried->state);
    }
    return loads;
}
