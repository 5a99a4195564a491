// SPDX-License-Identifier: Apache-2.0
// Indices as sums. Where an element lies, and in which bank, is known beforehand as far as its
// index is a sum of multiples of lanes and a constant; what else there is in it is a *leaf*, a
// value that is known at run time only. `4 * k + c + 2` of an unrolled c and a loop's k is 2 + 1 *
// lane c + 4 * leaf k. Indices are of 32 bits, and assumed not to wrap, which in C would be out of
// the array.
#include "lower.h"

bool keeps_index(const struct op *cast) {
    const struct op *in = ir_resolve(cast->in[0]);
    return cast->bits >= 32 || cast->bits > in->bits ||
           (cast->bits == in->bits && cast->is_signed == in->is_signed);
}

static bool add_lane(struct linear *out, int lane, int64_t coef) {
    for (int i = 0; i < out->lanes; i++) {
        if (out->lane[i] == lane) {
            out->lane_coef[i] += coef;
            return true;
        }
    }
    if (out->lanes == MAX_DIMS)
        return false;
    out->lane[out->lanes] = lane;
    out->lane_coef[out->lanes++] = coef;
    return true;
}

static bool decompose(struct op *op, int64_t scale, int most, struct linear *out) {
    op = ir_resolve(op);
    int64_t constant;
    switch (op->code) {
    case IR_CONST:
        out->base += scale * op->imm;
        return true;
    case IR_LANE:
        return add_lane(out, (int)op->imm, scale);
    case IR_CAST:
        if (keeps_index(op))
            return decompose(op->in[0], scale, most, out);
        break;
    case IR_ADD:
    case IR_SUB:
        return decompose(op->in[0], scale, most, out) &&
               decompose(op->in[1], op->code == IR_ADD ? scale : -scale, most, out);
    case IR_SHL:
        if (ir_is_const(ir_resolve(op->in[1]), &constant) && constant < 24)
            return decompose(op->in[0], scale * ((int64_t)1 << constant), most, out);
        break;
    case IR_MUL:
        for (int i = 0; i < 2; i++)
            if (ir_is_const(ir_resolve(op->in[i]), &constant) && constant > -(1 << 24) &&
                constant < 1 << 24)
                return decompose(op->in[1 - i], scale * constant, most, out);
        break;
    default:
        break;
    }
    if (op->space || out->leaves == most)
        return false;
    out->leaf[out->leaves] = op;
    out->leaf_coef[out->leaves++] = scale;
    return true;
}

bool linear_of(struct op *op, int most, struct linear *out) {
    *out = (struct linear){.base = 0};
    return decompose(op, 1, most, out);
}
