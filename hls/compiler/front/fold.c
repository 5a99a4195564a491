// SPDX-License-Identifier: Apache-2.0
// Arithmetic on constants, as C11 does it on a machine with 32-bit int and 64-bit long. Signed
// overflow wraps, as the generated hardware does.
#include "front.h"
#include <string.h>

int64_t wrap_value(const struct type *type, int64_t value) {
    if (type->kind == TYPE_BOOL)
        return value != 0;
    if (type->kind != TYPE_INT || type->bits == 64)
        return value;
    uint64_t mask = ((uint64_t)1 << type->bits) - 1;
    uint64_t bits = (uint64_t)value & mask;
    if (type->is_signed && bits >> (type->bits - 1))
        bits |= ~mask;
    return (int64_t)bits;
}

int64_t fold_unary(const struct type *type, enum op_kind op, int64_t a) {
    switch (op) {
    case OP_NEG:
        return wrap_value(type, (int64_t)(0 - (uint64_t)a));
    case OP_BITNOT:
        return wrap_value(type, ~a);
    default:
        return !a;
    }
}

static int64_t fold_division(struct front *f, const struct type *type, enum op_kind op, int64_t a,
                             int64_t b, struct location loc) {
    if (b == 0)
        fail(f->cc, loc, "division by zero in a constant expression; correct the divisor");
    if (!type->is_signed) {
        uint64_t q = op == OP_DIV ? (uint64_t)a / (uint64_t)b : (uint64_t)a % (uint64_t)b;
        return (int64_t)q;
    }
    if (b == -1) // the quotient of the smallest number does not fit
        return op == OP_DIV ? fold_unary(type, OP_NEG, a) : 0;
    return op == OP_DIV ? a / b : a % b;
}

static int64_t fold_shift(struct front *f, const struct type *type, enum op_kind op, int64_t a,
                          int64_t b, struct location loc) {
    if (b < 0 || b >= type->bits)
        fail(f->cc, loc, "a shift of a %d-bit number by %lld; shift by 0 to %d", type->bits,
             (long long)b, type->bits - 1);
    if (op == OP_SHL)
        return wrap_value(type, (int64_t)((uint64_t)a << b));
    return type->is_signed ? a >> b : (int64_t)((uint64_t)a >> b);
}

int64_t fold_binary(struct front *f, const struct type *type, enum op_kind op, int64_t a, int64_t b,
                    struct location loc) {
    uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
    bool less = type->is_signed ? a < b : ua < ub;
    switch (op) {
    case OP_ADD:
        return wrap_value(type, (int64_t)(ua + ub));
    case OP_SUB:
        return wrap_value(type, (int64_t)(ua - ub));
    case OP_MUL:
        return wrap_value(type, (int64_t)(ua * ub));
    case OP_DIV:
    case OP_MOD:
        return fold_division(f, type, op, a, b, loc);
    case OP_SHL:
    case OP_SHR:
        return fold_shift(f, type, op, a, b, loc);
    case OP_AND:
        return a & b;
    case OP_OR:
        return a | b;
    case OP_XOR:
        return wrap_value(type, a ^ b);
    case OP_EQ:
        return a == b;
    case OP_NE:
        return a != b;
    case OP_LT:
        return less;
    case OP_LE:
        return less || a == b;
    case OP_GT:
        return !less && a != b;
    case OP_GE:
        return !less;
    case OP_LAND:
        return a && b;
    case OP_LOR:
        return a || b;
    default:
        return 0;
    }
}

bool fold_bit_count(const char *name, int64_t value, int64_t *result) {
    static const char *const counts[] = {"clz", "ctz", "popcount", "parity"};
    static const char prefix[] = "__builtin_";
    if (strncmp(name, prefix, strlen(prefix)) != 0)
        return false;
    name += strlen(prefix);
    for (int i = 0; i < 4; i++) {
        const size_t length = strlen(counts[i]);
        const char *suffix = name + length;
        if (strncmp(name, counts[i], length) != 0 ||
            (*suffix && strcmp(suffix, "l") != 0 && strcmp(suffix, "ll") != 0))
            continue;
        const int bits = *suffix ? 64 : 32;
        int first = -1, last = -1, set = 0;
        for (int bit = 0; bit < bits; bit++) {
            if (!((uint64_t)value >> bit & 1))
                continue;
            first = first < 0 ? bit : first;
            last = bit;
            set++;
        }
        *result = i == 0 ? bits - 1 - last : i == 1 ? first : i == 2 ? set : set & 1;
        return set > 0 || i > 1; // of zero, C defines neither clz nor ctz
    }
    return false;
}
