// SPDX-License-Identifier: Apache-2.0
// Register arrays whose elements are handed on one by one. An array is read within the stages of
// one interval and updated in the last of them, as a whole. A chain that takes its elements in turn
// (a cascade of filters) needs a longer interval for that than for any of them.
#include "schedule.h"

enum { MAX_PARTS = 256 }; // registers that an array is taken apart into

// Dimensions of a register array that the iteration looks at by constant indices.
static unsigned constant_dims(const struct pass *a, const struct carried *carried) {
    const struct state *st = &a->p->states[carried->state];
    unsigned found = 0;
    for (int i = 0; i < a->p->op_count; i++) {
        const struct op *op = a->p->ops[i];
        if (op->alias || !a->s->time[i].needed || op->code != IR_VIEW || op->in[0] != carried->phi)
            continue;
        for (int k = 0; k < op->view_count; k++)
            for (int d = 0; d < st->dims; d++)
                if (op->view[k].lane == st->lane[d] && !op->view[k].terms && !op->view[k].dynamic)
                    found |= 1u << d;
    }
    return found;
}

void take_arrays_apart(struct pass *a) {
    bool any = false;
    for (int c = 0; c < a->r->carried_count; c++) {
        const struct carried *carried = &a->r->carried[c];
        const struct state *st = &a->p->states[carried->state];
        if (!st->dims || (a->tile->lane != NO_LANE && a->tile->state[carried->state]))
            continue;
        const unsigned dims = constant_dims(a, carried);
        unsigned wanted = 0; // of the variable, which may lie apart in other dimensions already
        int64_t parts = 0;   // that there are, then those that there will be
        for (int i = 0; i < a->p->state_count; i++)
            parts += a->p->states[i].variable == st->variable;
        const unsigned apart = dims_apart(a->cc, st->loc, st->variable);
        for (int d = 0, own = 0; own < st->dims; d++) {
            if (apart >> d & 1)
                continue;
            if (dims >> own & 1) {
                wanted |= 1u << d;
                parts *= st->size[own];
            }
            own++;
        }
        if (parts <= MAX_PARTS && take_apart(a->cc, st->loc, st->variable, wanted))
            any = true;
    }
    if (any)
        restart(a->cc);
}
