// SPDX-License-Identifier: Apache-2.0
// Registers of variables that live longer than an iteration. An array is one state, or, where the
// scheduler asked for it, one for each index of some dimensions: these are updated in stages of
// their own.
#include "lower.h"

#include <string.h>

static int64_t element_count(const struct type *type) {
    return type->kind == TYPE_ARRAY ? type->count * element_count(type->elem) : 1;
}

// What the initialiser says of a member of the variable, one value per element; NULL: zeros.
static int64_t *reset_values(struct lowering *lo, const struct variable *var, int leaf) {
    const struct type *type = var->type;
    int64_t first = 0;
    if (type->kind == TYPE_STRUCT) {
        for (int i = 0; i < leaf; i++)
            first += element_count(type->def->fields[i].type);
        type = type->def->fields[leaf].type;
    }
    const int64_t count = element_count(type);
    int64_t *reset = NULL;
    for (int64_t k = 0; k < count && first + k < var->value_count; k++) {
        if (var->values[first + k] && !reset)
            reset = arena_alloc(lo->cc, (size_t)count * sizeof *reset);
        if (reset)
            reset[k] = var->values[first + k];
    }
    return reset;
}

// The indices of the slot's nth state; -1 in dimensions that lie in the state as a whole.
static void indices_of(const struct slot *s, int nth, int64_t *index) {
    for (int d = s->dims; d-- > 0;) {
        index[d] = -1;
        if (s->apart >> d & 1) {
            index[d] = nth % s->size[d];
            nth = (int)(nth / s->size[d]);
        }
    }
}

// Those of the slot's initial values that the state takes; NULL: zeros.
static int64_t *select_values(struct lowering *lo, const struct slot *s, const int64_t *index,
                              const int64_t *values) {
    int64_t count = 1, kept = 0;
    bool zero = true;
    for (int d = 0; d < s->dims; d++)
        count *= s->size[d];
    int64_t *taken = arena_alloc(lo->cc, (size_t)count * sizeof *taken);
    for (int64_t k = 0; values && k < count; k++) {
        bool mine = true;
        int64_t rest = k;
        for (int d = s->dims; d-- > 0; rest /= s->size[d])
            mine = mine && (index[d] < 0 || index[d] == rest % s->size[d]);
        if (mine) {
            zero = zero && !values[k];
            taken[kept++] = values[k];
        }
    }
    return zero ? NULL : taken;
}

static int new_state(struct lowering *lo, const struct slot *slot, const struct variable *var,
                     const int64_t *index, const int64_t *values) {
    struct process *p = lo->p;
    p->states = arena_room(lo->cc, p->states, p->state_count, sizeof *p->states);
    struct state *state = &p->states[p->state_count];
    *state = (struct state){.name = slot->name,
                            .bits = slot->scalar->bits,
                            .is_signed = slot->scalar->is_signed,

                            .variable = slot->name,
                            .reset = select_values(lo, slot, index, values),
                            .is_static = slot->is_static,
                            .loc = var->loc};
    uint32_t space = 0;
    for (int d = 0; d < slot->dims; d++) {
        if (index[d] >= 0) {
            state->name = arena_printf(lo->cc, "%s_%lld", state->name, (long long)index[d]);
            continue;
        }
        if (slot->size[d] == 1)
            continue; // as ir_lane has it, its index is 0 and no lane
        state->size[state->dims] = slot->size[d];
        state->lane[state->dims++] = slot->held.lane[d];
        space |= 1u << slot->held.lane[d];
    }
    struct op *read = ir_op(&lo->b, IR_STATE, state->bits, state->is_signed, var->loc, 0, NULL,
                            p->state_count, NULL, 0);
    read->space = space;
    read->name = state->name;
    state->read = read;
    return p->state_count++;
}

void make_states(struct lowering *lo, struct variable *var, int slot, int leaf) {
    struct slot *s = &lo->slots[slot];
    const int64_t *values = var->is_static && var->value_count ? reset_values(lo, var, leaf) : NULL;
    s->apart = dims_apart(lo->cc, var->loc, s->name);
    s->states = 1;
    for (int d = 0; d < s->dims; d++)
        if (s->apart >> d & 1)
            s->states *= (int)s->size[d];
    choose_lanes(lo, s->dims, s->size, 0, s->held.lane);
    struct op **parts = arena_alloc(lo->cc, (size_t)s->states * sizeof *parts);
    for (int k = 0; k < s->states; k++) {
        int64_t index[MAX_DIMS];
        indices_of(s, k, index);
        const int made = new_state(lo, s, var, index, values);
        if (k == 0)
            s->state = made;
        parts[k] = lo->p->states[made].read;
    }
    s->held = put_together(lo, slot, parts);
}

struct op *part_of(struct lowering *lo, int slot, int nth, struct value v, struct location loc) {
    const struct slot *s = &lo->slots[slot];
    struct op *at[MAX_DIMS];
    int64_t index[MAX_DIMS];
    indices_of(s, nth, index);
    for (int d = 0; d < s->dims; d++)
        at[d] =
            index[d] < 0 ? ir_lane(&lo->b, s->held.lane[d]) : ir_const(&lo->b, 32, true, index[d]);
    return view_at(lo, v, s->dims, s->size, at, loc);
}

struct value put_together(struct lowering *lo, int slot, struct op *const *parts) {
    const struct slot *s = &lo->slots[slot];
    struct builder *b = &lo->b;
    struct value v = s->held;
    v.op = parts[0];
    for (int k = 1; k < s->states; k++) {
        int64_t index[MAX_DIMS];
        struct op *here = NULL;
        indices_of(s, k, index);
        for (int d = 0; d < s->dims; d++)
            if (index[d] >= 0)
                here = ir_and(b, here,
                              ir_binary(b, IR_EQ, 1, false, s->loc, ir_lane(b, s->held.lane[d]),
                                        ir_const(b, 32, true, index[d])));
        v.op = ir_select(b, s->loc, here, parts[k], v.op);
    }
    return v;
}
