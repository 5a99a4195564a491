// SPDX-License-Identifier: Apache-2.0
// Copies of a register that would drive too many loads: each operation over lanes, register array
// and wide memory that looks at it has some of its own. They take what the register takes, so
// nothing comes later. In simulators there is the register alone (mr_copy.sv).
#include "emit.h"

const char *register_input(struct emit *e, const struct op *op, int stage) {
    const struct op_time *t = &e->s->time[op->id];
    if (op->code == IR_CONST || op->code == IR_LANE || t->invariant ||
        e->behind < BY_PIPELINE(e->p) || !t->needed || op->space)
        return NULL;
    if (e->in_tile && !t->in_tile) {
        if (t->tile_first < 0 || stage < t->tile_first || stage > t->tile_last)
            return NULL;
        const char *before = stage_name(e, op, stage - 1);
        return stage == t->tile_first ? arena_printf(e->cc, "%s_in", before) : before;
    }
    if (t->in_tile != e->in_tile || stage <= t->ready)
        return NULL;
    return op->code == IR_PHI && stage == t->ready + 1
               ? arena_printf(e->cc, "%s_phi", stage_name(e, op, stage))
               : stage_name(e, op, stage - 1);
}

// The copies `many` of the register that takes d, or the BRANCHES of the value d, for the elements
// of `space`, each of so many loads; gives the copy of an element, as a text for MR_COPY_OF.
static const char *put_copies(struct emit *e, const char *kind, const char *many, int width,
                              const char *d, uint32_t space, int64_t loads) {
    const int64_t per = loads < LOADS_MAX ? LOADS_MAX / loads : 1;
    const char *count = "1";
    for (int l = 0; l < e->p->lane_count; l++)
        if (space >> l & 1)
            count = join(e, count, "*", lane_size(e, l));
    put(&e->m->logic, "  `MR_%s(%s, (%s+%lld)/%lld, %d, logic %s, %s)\n", kind, many, count,
        (long long)per - 1, (long long)per, width, range_text(e, width), d);
    return per == 1
               ? arena_printf(e->cc, "%s[%s]", many, flat_index(e, space))
               : arena_printf(e->cc, "%s[(%s)/%lld]", many, flat_index(e, space), (long long)per);
}

// What makes copies of the value that an operation of this stage looks at: what its register takes,
// or, of one that no register holds, itself. NULL: it has none.
static const char *copy_input(struct emit *e, const struct op *op, int stage, const char **kind) {
    const struct op_time *t = &e->s->time[op->id];
    const char *d = register_input(e, op, stage);
    *kind = d ? "COPIES" : "BRANCHES";
    const bool here = t->invariant || (t->needed && t->in_tile == e->in_tile && stage == t->ready);
    if (d || !here || op->code == IR_CONST || op->code == IR_LANE ||
        e->behind < BY_PIPELINE(e->p) || op->space)
        return d;
    return value_at(e, op, stage);
}

int copy_indices(struct emit *e, const struct op *view, int stage) {
    int64_t all = 0, own = 0;
    e->copied_count = 0;
    if (view->code != IR_VIEW || view->space || e->in_tile)
        return 0;
    // Of constants and lane numbers no bits are parted, nor of one bit.
    const struct op *from = view->in[0];
    if (from->code == IR_CONST || from->code == IR_LANE || from->width < 2 ||
        e->s->time[from->id].in_tile)
        return 0;
    for (int n = 0; n < e->s->op_count; n++) { // of indices that several look at
        const struct op *user = e->s->ops[n];
        bool together = false;
        for (int k = 1; k < user->in_count; k++)
            for (int i = 1; i < view->in_count; i++)
                together = together || user->in[k] == view->in[i];
        if (user->code != IR_VIEW || user->space || !together ||
            e->s->time[user->id].start != stage)
            continue;
        all += pick_loads(user);
        own = user == view ? pick_loads(user) : own;
    }
    if (all <= LOADS_MAX || !own)
        return 0;
    const int64_t pieces = (own + LOADS_MAX - 1) / LOADS_MAX;
    for (int k = 1; k < view->in_count && e->copied_count < COPIED_MAX; k++) {
        const char *kind, *d = copy_input(e, view->in[k], stage, &kind);
        if (!d)
            continue;
        const char *many =
            arena_printf(e->cc, "%s_of_%d", stage_name(e, view->in[k], stage), view->id);
        put(&e->m->logic, "  `MR_%s(%s, %lld, %d, logic %s, %s)\n", kind, many, (long long)pieces,
            view->in[k]->width, range_text(e, view->in[k]->width), d);
        e->copied[e->copied_count++] = (struct copied){view->in[k], many};
    }
    return e->copied_count ? (int)pieces : 0;
}

void copy_operands(struct emit *e, const struct op *user, int stage) {
    e->copied_count = 0;
    for (int k = 0; user->space && k < user->in_count; k++) {
        const struct op *in = user->in[k];
        const char *kind = NULL;
        const char *d =
            in && !e->s->time[in->id].invariant ? copy_input(e, in, stage, &kind) : NULL;
        const int64_t loads = d ? loads_in_element(user, in) : 0;
        bool done = !d || loads * space_count(e, user->space) < LOADS_FEW ||
                    loads_of(e->p, e->tile, e->s, e->in_tile, in, stage) <= LOADS_MAX;
        for (int i = 0; i < e->copied_count; i++)
            done = done || e->copied[i].op == in;
        if (done || e->copied_count == COPIED_MAX)
            continue;
        const char *many = arena_printf(e->cc, "%s_of_%d", stage_name(e, in, stage), user->id);
        e->copied[e->copied_count++] =
            (struct copied){in, put_copies(e, kind, many, in->width, d, user->space, loads)};
    }
}

const char *copy_of(struct emit *e, const struct op *op, const char *name) {
    for (int i = 0; i < e->copied_count; i++)
        if (e->copied[i].op == op)
            return arena_printf(e->cc, "`MR_COPY_OF(%s, %s)", name, e->copied[i].text);
    return name;
}

const char *valid_of_state(struct emit *e, int region, int stage, int state, uint32_t space) {
    const char *valid = valid_at(e, region, stage);
    const int64_t bits = state_bits(e->p, e->tile, e->in_tile, state);
    if (stage < 1 || !space || bits < LOADS_FEW ||
        update_loads(e->p, e->tile, region, e->in_tile, stage) <= LOADS_MAX)
        return valid;
    const char *d = valid_at(e, region, stage - 1);
    if (e->in_tile && !crosses_early(e, region, stage))
        d = arena_printf(e->cc, "%s_i", d);
    else if (!e->in_tile)
        d = arena_printf(e->cc, "rst_ni && %s", d);
    const char *many =
        arena_printf(e->cc, "%s_%d_valid_s%d_of_%s", safe_name(e, e->p->regions[region]->name),
                     region, stage, state_name(e, state));
    return arena_printf(e->cc, "`MR_COPY_OF(%s, %s)", valid,
                        put_copies(e, "COPIES", many, 1, d, space, bits / space_count(e, space)));
}

const char *entry_of_state(struct emit *e, int region, int state, uint32_t space) {
    const struct schedule *s = e->p->regions[region]->schedule;
    const struct region *r = e->p->regions[region];
    const char *enter = arena_printf(e->cc, "%s_%d_enter", safe_name(e, r->name), region);
    const int64_t bits = state_bits(e->p, e->tile, e->in_tile, state);
    for (int c = 0; c < r->carried_count; c++)
        if (r->carried[c].state == state && s->state_stage[c] < 1)
            return enter;
    if (!space || bits <= LOADS_MAX || e->p->states[state].live)
        return enter;
    const char *q = arena_printf(e->cc, "%s_%d_entered_q", safe_name(e, r->name), region),
               *many = arena_printf(e->cc, "%s_%d_entered_of_%s", safe_name(e, r->name), region,
                                    state_name(e, state)),
               *one = arena_printf(e->cc, "%s_of_%s", q, state_name(e, state));
    put(&e->m->declarations, "  logic %s;\n", one);
    put(&e->m->registers, "    %s <= %s;\n", one, enter);
    return arena_printf(
        e->cc, "`MR_COPY_OF(%s, %s)", one,
        put_copies(e, "COPIES", many, 1, enter, space, bits / space_count(e, space)));
}

const char *entered_last(struct emit *e, const char *name, const int *regions, int count, int i,
                         int64_t copies, const char *copy) {
    const char *enters = NULL, *region = region_name(e, regions[i]),
               *q = arena_printf(e->cc, "%s_from_r%d_q", name, regions[i]),
               *d = arena_printf(e->cc, "%s_from_r%d_d", name, regions[i]),
               *many = arena_printf(e->cc, "%s_of_word", q);
    for (int k = 0; k < count; k++)
        enters =
            join(e, enters, " || ", arena_printf(e->cc, "%s_enter", region_name(e, regions[k])));
    put(&e->m->declarations, "  logic %s, %s;\n", q, d);
    put(&e->m->logic, "  assign %s = %s ? %s_enter : %s;\n", d, enters, region, q);
    put(&e->m->registers, "    %s <= %s;\n", q, d);
    put(&e->m->logic, "  `MR_COPIES(%s, %lld, 1, logic, %s)\n", many, (long long)copies, d);
    return arena_printf(e->cc, "`MR_COPY_OF(%s, %s[%s])", q, many, copy);
}

bool crosses_early(const struct emit *e, int region, int stage) {
    return stage > tile_entry(e->p, e->tile) &&
           update_loads(e->p, e->tile, region, true, stage) > LOADS_MAX;
}
