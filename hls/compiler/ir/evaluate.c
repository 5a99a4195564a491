// SPDX-License-Identifier: Apache-2.0
// The value of one operation where some of its operands are known.
#include "evaluate.h"

// What a logical and, a logical or, or a selection gives although an operand is unknown.
static bool evaluate_partly(const struct op *op, const bool *known, const wide *x, wide *value) {
    if (op->code == IR_SELECT) {
        *value = known[0] && x[0] ? x[1] : x[2];
        return known[0] && (x[0] ? known[1] : known[2]);
    }
    if ((op->code != IR_AND && op->code != IR_OR) || op->bits != 1)
        return false;
    const bool decides = op->code == IR_OR;
    for (int i = 0; i < 2; i++) {
        if (known[i] && (x[i] != 0) == decides) {
            *value = decides;
            return true;
        }
    }
    return false;
}

bool evaluate_op(const struct op *op, const bool *known, const wide *x, wide *value) {
    if (!ir_is_plain(op->code) || op->in_count > EVALUATE_OPERANDS)
        return false;
    if (evaluate_partly(op, known, x, value))
        return true;
    for (int i = 0; i < op->in_count; i++)
        if (!known[i])
            return false;
    if ((op->code == IR_SHL || op->code == IR_SHR) && (x[1] < 0 || x[1] > 63))
        return false;
    switch (op->code) {
    case IR_CAST:
        *value = x[0];
        break;
    case IR_TRUNC:
        *value = ir_wrap(x[0], (int)op->imm, true);
        break;
    case IR_ADD:
        *value = x[0] + x[1];
        break;
    case IR_SUB:
        *value = x[0] - x[1];
        break;
    case IR_MUL:
        *value = x[0] * x[1];
        break;
    case IR_AND:
        *value = x[0] & x[1];
        break;
    case IR_OR:
        *value = x[0] | x[1];
        break;
    case IR_XOR:
        *value = x[0] ^ x[1];
        break;
    case IR_NOT:
        *value = op->bits == 1 ? !x[0] : ~x[0];
        break;
    case IR_NEG:
        *value = -x[0];
        break;
    case IR_SHL:
        *value = x[0] * ((wide)1 << (int)x[1]);
        break;
    case IR_SHR:
        *value = x[0] >> (int)x[1];
        break;
    case IR_EQ:
        *value = x[0] == x[1];
        break;
    case IR_LT:
        *value = x[0] < x[1];
        break;
    case IR_LE:
        *value = x[0] <= x[1];
        break;
    default: // a selection of an unknown value
        return false;
    }
    *value = ir_wrap(*value, op->bits, op->is_signed);
    return true;
}
