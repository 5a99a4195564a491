// SPDX-License-Identifier: Apache-2.0
// Elements of register arrays: indices that are affine in lanes, and what a constant index selects.
#include "lower.h"

#include <string.h>

static bool add_term(struct view_index *out, int lane, int64_t coef) {
    for (int i = 0; i < out->terms; i++) {
        if (out->term_lane[i] == lane) {
            out->term_coef[i] += coef;
            return true;
        }
    }
    if (out->terms == MAX_DIMS)
        return false;
    out->term_lane[out->terms] = lane;
    out->term_coef[out->terms++] = coef;
    return true;
}

bool keeps_index(const struct op *cast) {
    const struct op *in = ir_resolve(cast->in[0]);
    return cast->bits >= 32 || cast->bits > in->bits ||
           (cast->bits == in->bits && cast->is_signed == in->is_signed);
}

static bool add_affine(struct op *op, int64_t scale, struct view_index *out) {
    op = ir_resolve(op);
    int64_t constant;
    switch (op->code) {
    case IR_CONST:
        out->base += scale * op->imm;
        return true;
    case IR_LANE:
        return add_term(out, (int)op->imm, scale);
    case IR_CAST:
        return keeps_index(op) && add_affine(op->in[0], scale, out);
    case IR_ADD:
        return add_affine(op->in[0], scale, out) && add_affine(op->in[1], scale, out);
    case IR_SUB:
        return add_affine(op->in[0], scale, out) && add_affine(op->in[1], -scale, out);
    case IR_SHL:
        return ir_is_const(ir_resolve(op->in[1]), &constant) && constant < 32 &&
               add_affine(op->in[0], scale * ((int64_t)1 << constant), out);
    case IR_MUL:
        for (int i = 0; i < 2; i++)
            if (ir_is_const(ir_resolve(op->in[i]), &constant))
                return add_affine(op->in[1 - i], scale * constant, out);
        return false;
    default:
        return false;
    }
}

bool index_of(struct op *op, struct view_index *out) {
    *out = (struct view_index){.lane = NO_LANE};
    if (!add_affine(op, 1, out))
        return false;
    int kept = 0;
    for (int i = 0; i < out->terms; i++) {
        if (out->term_coef[i]) {
            out->term_lane[kept] = out->term_lane[i];
            out->term_coef[kept++] = out->term_coef[i];
        }
    }
    out->terms = kept;
    return true;
}

bool is_lane(const struct view_index *index, int *lane) {
    *lane = index->terms == 1 ? index->term_lane[0] : NO_LANE;
    return index->terms == 1 && index->term_coef[0] == 1 && index->base == 0;
}

// Adds one dimension of an access: affine if it is, else with the operation as a dynamic index.
void add_index(struct lowering *lo, struct view_index *entry, int lane, int64_t size,
               struct op *index, struct op **in, int *in_count) {
    if (index_of(index, entry) == false) {
        *entry = (struct view_index){.dynamic = *in_count};
        in[(*in_count)++] = index;
    }
    entry->lane = lane;
    entry->size = size;
    (void)lo;
}

// Truth of a condition on lanes of which some have known values: 0, 1, or -1.
static int truth_at(const struct op *c, const int64_t *at) {
    c = ir_resolve((struct op *)(uintptr_t)c);
    if (c->code == IR_AND && c->bits == 1) {
        const int x = truth_at(c->in[0], at), y = truth_at(c->in[1], at);
        return x == 0 || y == 0 ? 0 : x == 1 && y == 1 ? 1 : -1;
    }
    int64_t wanted;
    const struct op *lane = c->code == IR_EQ ? ir_resolve(c->in[0]) : NULL;
    if (!lane || lane->code != IR_LANE || at[lane->imm] < 0 ||
        !ir_is_const(ir_resolve(c->in[1]), &wanted))
        return -1;
    return at[lane->imm] == wanted;
}

bool lane_constants(const struct op *c, int64_t *at) {
    c = ir_resolve((struct op *)(uintptr_t)c);
    if (c->code == IR_AND && c->bits == 1)
        return lane_constants(c->in[0], at) && lane_constants(c->in[1], at);
    const struct op *lane = c->code == IR_EQ ? ir_resolve(c->in[0]) : NULL;
    return lane && lane->code == IR_LANE && at[lane->imm] < 0 &&
           ir_is_const(ir_resolve(c->in[1]), &at[lane->imm]) && at[lane->imm] >= 0;
}

// An element with a constant index: what was assigned to it, without the selections by which other
// elements were assigned.
static struct op *element_at(struct op *op, const int64_t *at) {
    for (;;) {
        op = ir_resolve(op);
        const int truth = op->code == IR_SELECT ? truth_at(op->in[0], at) : -1;
        if (truth < 0)
            return op;
        op = op->in[truth ? 1 : 2];
    }
}

struct op *view_at(struct lowering *lo, struct value v, int dims, const int64_t *size,
                   struct op *const *index, struct location loc) {
    struct op *in[1 + MAX_DIMS] = {ir_resolve(v.op)};
    struct view_index view[MAX_DIMS];
    int in_count = 1, count = 0;
    bool same = true;
    int64_t at[MAX_LANES], value;
    memset(at, -1, sizeof at);
    for (int d = 0; d < dims; d++)
        if (in[0]->space >> v.lane[d] & 1 && ir_is_const(ir_resolve(index[d]), &value))
            at[v.lane[d]] = value;
    in[0] = element_at(in[0], at);
    for (int d = 0; d < dims; d++) {
        if (!(in[0]->space >> v.lane[d] & 1))
            continue; // all elements are equal
        add_index(lo, &view[count], v.lane[d], size[d], index[d], in, &in_count);
        if (!view[count].dynamic && !view[count].terms &&
            (view[count].base < 0 || view[count].base >= size[d]))
            return ir_const(&lo->b, in[0]->bits, in[0]->is_signed,
                            0); // beyond the end: C leaves it open
        int lane;
        if (view[count].dynamic || !is_lane(&view[count], &lane) || lane != v.lane[d])
            same = false;
        count++;
    }
    if (same)
        return in[0];
    return ir_op(&lo->b, IR_VIEW, in[0]->bits, in[0]->is_signed, loc, in_count, in, 0, view, count);
}
