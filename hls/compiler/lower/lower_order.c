// SPDX-License-Identifier: Apache-2.0
// Memories in an unrolled loop that is read once for all its iterations: each access happens for
// all of them before the next one does. That is what the iterations in turn do, unless an iteration
// comes after another one to an element and before it in that order.
#include "lower.h"

struct range { // of an index of a bank, without the lane that is looked at
    int64_t low, high, step;
};

static struct range range_of(const struct lowering *lo, const struct view_index *v, int lane) {
    struct range r = {v->base, v->base, 0};
    for (int i = 0; i < v->terms; i++) {
        const int64_t way = v->term_coef[i] * (lo->p->lanes[v->term_lane[i]].count - 1);
        if (v->term_lane[i] == lane) {
            r.step += v->term_coef[i];
        } else {
            r.low += way < 0 ? way : 0;
            r.high += way > 0 ? way : 0;
        }
    }
    return r;
}

static bool same_view(const struct op *x, const struct op *y, int lane) {
    bool along = false;
    for (int k = 0; k < x->view_count; k++) {
        const struct view_index *a = &x->view[k], *b = &y->view[k];
        if (a->dynamic || b->dynamic || a->base != b->base || a->terms != b->terms)
            return false;
        for (int i = 0; i < a->terms; i++) {
            if (a->term_lane[i] != b->term_lane[i] || a->term_coef[i] != b->term_coef[i])
                return false;
            along = along || a->term_lane[i] == lane;
        }
    }
    return along;
}

// May `first` in an iteration have a bank that `second` has in an earlier one?
static bool meet_in_turn(const struct lowering *lo, const struct op *first, const struct op *second,
                         int lane) {
    struct range x[MAX_DIMS], y[MAX_DIMS];
    int dims = 0;
    // Writes of different iterations go to banks of their own.
    if (same_view(first, second, lane))
        return false;
    for (int k = 0; k < first->view_count; k++) {
        if (first->view[k].dynamic || second->view[k].dynamic)
            continue;
        x[dims] = range_of(lo, &first->view[k], lane);
        y[dims++] = range_of(lo, &second->view[k], lane);
    }
    for (int64_t late = 1; late < lo->p->lanes[lane].count; late++) {
        for (int64_t early = 0; early < late; early++) {
            bool meet = true;
            for (int k = 0; k < dims && meet; k++)
                meet = x[k].low + late * x[k].step <= y[k].high + early * y[k].step &&
                       x[k].high + late * x[k].step >= y[k].low + early * y[k].step;
            if (meet)
                return true;
        }
    }
    return false;
}

static bool agree(const struct lowering *lo, const struct op *first, const struct op *second,
                  int lane) {
    int64_t x, y;
    if (first->imm != second->imm || (first->code == IR_LOAD && second->code == IR_LOAD))
        return true;
    if (ir_is_const(first->in[0], &x) && ir_is_const(second->in[0], &y) && x != y)
        return true;
    // The same in all iterations: what is written first is written again, and read as it was.
    if (first->code == IR_STORE && !((first->space | second->space) >> lane & 1))
        return true;
    return !meet_in_turn(lo, first, second, lane);
}

bool memories_agree(const struct lowering *lo, int lane, int first_op, int first_effect,
                    int first_reused) {
    const struct region *r = lo->region;
    for (int i = first_effect; r && i < r->effect_count; i++) {
        const struct op *store = r->effects[i];
        if (store->code != IR_STORE)
            continue;
        for (int k = first_effect; k < i; k++)
            if (r->effects[k]->code == IR_STORE && !agree(lo, r->effects[k], store, lane))
                return false;
        for (int k = first_reused; k < lo->reused_count; k++)
            if (lo->reused[k]->id < first_op && !agree(lo, lo->reused[k], store, lane))
                return false;
        for (int k = first_op; k < lo->p->op_count; k++) {
            const struct op *load = lo->p->ops[k];
            if (load->code != IR_LOAD || load->alias)
                continue;
            if (load->id < store->id ? !agree(lo, load, store, lane)
                                     : !agree(lo, store, load, lane))
                return false;
        }
    }
    return true;
}
