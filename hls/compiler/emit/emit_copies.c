// SPDX-License-Identifier: Apache-2.0
// Copies of a register that would drive too many loads: each operation over lanes, register array
// and wide memory that looks at it has some of its own. They take what the register takes, so
// nothing comes later. In simulators there is the register alone (mr_copy.sv).
#include "emit.h"

const char *register_input(struct emit *e, const struct op *op, int stage) {
    const struct op_time *t = &e->s->time[op->id];
    if (op->code == IR_CONST || op->code == IR_LANE || t->invariant || e->behind < BY_PIPELINE ||
        !t->needed || op->space)
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

// The copies `many` of the register that takes d, for the elements of `space`, each of so many
// loads; gives the copy of an element, as a text for MR_COPY_OF.
static const char *put_copies(struct emit *e, const char *many, int width, const char *d,
                              uint32_t space, int64_t loads) {
    const int64_t per = loads < LOADS_MAX ? LOADS_MAX / loads : 1;
    const char *count = "1";
    for (int l = 0; l < e->p->lane_count; l++)
        if (space >> l & 1)
            count = join(e, count, "*", lane_size(e, l));
    put(&e->m->logic, "  `MR_COPIES(%s, (%s+%lld)/%lld, %d, logic %s, %s)\n", many, count,
        (long long)per - 1, (long long)per, width, range_text(e, width), d);
    return per == 1
               ? arena_printf(e->cc, "%s[%s]", many, flat_index(e, space))
               : arena_printf(e->cc, "%s[(%s)/%lld]", many, flat_index(e, space), (long long)per);
}

void copy_operands(struct emit *e, const struct op *user, int stage) {
    e->copied_count = 0;
    for (int k = 0; user->space && k < user->in_count; k++) {
        const struct op *in = user->in[k];
        const char *d = in ? register_input(e, in, stage) : NULL;
        const int64_t loads = d ? loads_in_element(user, in) : 0;
        bool done = !d || loads * space_count(e, user->space) < LOADS_FEW ||
                    loads_of(e->p, e->tile, e->s, e->in_tile, in, stage) <= LOADS_MAX;
        for (int i = 0; i < e->copied_count; i++)
            done = done || e->copied[i].op == in;
        if (done || e->copied_count == COPIED_MAX)
            continue;
        const char *many = arena_printf(e->cc, "%s_of_%d", stage_name(e, in, stage), user->id);
        e->copied[e->copied_count++] =
            (struct copied){in, put_copies(e, many, in->width, d, user->space, loads)};
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
                        put_copies(e, many, 1, d, space, bits / space_count(e, space)));
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
    return arena_printf(e->cc, "`MR_COPY_OF(%s, %s)", one,
                        put_copies(e, many, 1, enter, space, bits / space_count(e, space)));
}

bool crosses_early(const struct emit *e, int region, int stage) {
    return stage > tile_entry(e->p, e->tile) &&
           update_loads(e->p, e->tile, region, true, stage) > LOADS_MAX;
}
