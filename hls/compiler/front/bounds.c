// SPDX-License-Identifier: Apache-2.0
// The least and the greatest value that an expression can have, as its operators tell: `n & 7` is
// from 0 to 7, whatever n is.
#include "front.h"

struct bounds type_bounds(const struct type *type) {
    const int64_t half = INT64_MAX >> (64 - type->bits);
    if (type->is_signed)
        return (struct bounds){-half - 1, half};
    return (struct bounds){0, (wide)half * 2 + 1};
}

static struct bounds join(struct bounds a, struct bounds b) {
    return (struct bounds){a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
}

// The bounds from `low` to `high` in the type, in which what lies outside wraps around.
static struct bounds within(const struct type *type, wide low, wide high) {
    const struct bounds all = type_bounds(type);
    return low < all.low || high > all.high ? all : (struct bounds){low, high};
}

static struct bounds hull(const struct type *type, const wide *of, int count) {
    wide low = of[0], high = of[0];
    for (int i = 1; i < count; i++) {
        low = of[i] < low ? of[i] : low;
        high = of[i] > high ? of[i] : high;
    }
    return within(type, low, high);
}

static wide all_ones(wide value) {
    wide ones = 0;
    while (ones < value)
        ones = ones * 2 + 1;
    return ones;
}

static struct bounds of_binary(const struct expr *e) {
    const struct bounds a = bounds_of(e->a), b = bounds_of(e->b), all = type_bounds(e->type);
    const bool positive = a.low >= 0 && b.low >= 0;
    switch (e->op) {
    case OP_ADD:
        return within(e->type, a.low + b.low, a.high + b.high);
    case OP_SUB:
        return within(e->type, a.low - b.high, a.high - b.low);
    case OP_MUL: {
        if (a.high > INT64_MAX || b.high > INT64_MAX) // the product might be beyond wide
            return all;
        const wide of[4] = {a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high};
        return hull(e->type, of, 4);
    }
    case OP_DIV:
        return b.low > 0 ? join((struct bounds){a.low / b.low, a.high / b.low},
                                (struct bounds){a.low / b.high, a.high / b.high})
                         : all;
    case OP_MOD:
        if (b.low <= 0)
            return all;
        return (struct bounds){a.low >= 0        ? 0
                               : a.low > -b.high ? a.low
                                                 : 1 - b.high,
                               a.high < 0        ? 0
                               : a.high < b.high ? a.high
                                                 : b.high - 1};
    case OP_SHL: {
        if (b.low < 0 || b.high > 62)
            return all;
        const wide of[4] = {a.low * ((wide)1 << b.low), a.low * ((wide)1 << b.high),
                            a.high * ((wide)1 << b.low), a.high * ((wide)1 << b.high)};
        return hull(e->type, of, 4);
    }
    case OP_SHR:
        if (b.low < 0 || b.high > 63)
            return all;
        return join((struct bounds){a.low >> b.low, a.high >> b.low},
                    (struct bounds){a.low >> b.high, a.high >> b.high});
    case OP_AND:
        if (a.low < 0 && b.low < 0)
            return all;
        return (struct bounds){0, a.low < 0                      ? b.high
                                  : b.low < 0 || a.high < b.high ? a.high
                                                                 : b.high};
    case OP_OR:
    case OP_XOR:
        return positive ? (struct bounds){0, all_ones(join(a, b).high)} : all;
    default:
        return all; // of a condition
    }
}

static const struct expr *without_casts(const struct expr *e) {
    while (e->kind == EXPR_CAST)
        e = e->a;
    return e;
}

// The variable whose value this is, converted to types that hold it; NULL: there is none.
static const struct variable *plain_variable(const struct expr *e) {
    const struct expr *inner = without_casts(e);
    if (inner->kind != EXPR_VAR)
        return NULL;
    const struct bounds value = bounds_of(inner);
    for (; e != inner; e = e->a) {
        const struct bounds all = type_bounds(e->type);
        if (value.low < all.low || value.high > all.high)
            return NULL;
    }
    return inner->var;
}

// Of e where `condition` is known to be `truth`: a variable that is compared with a variable or a
// constant.
static struct bounds where(const struct expr *e, const struct expr *condition, bool truth) {
    struct bounds r = bounds_of(e);
    const struct variable *var = plain_variable(e);
    if (!var || condition->kind != EXPR_BINARY || condition->op < OP_LT || condition->op > OP_GE)
        return r;
    const bool on_left = plain_variable(condition->a) == var;
    const struct expr *with = on_left ? condition->b : condition->a;
    const struct expr *inner = without_casts(with);
    if ((!on_left && plain_variable(condition->b) != var) ||
        (inner->kind != EXPR_CONST && inner->kind != EXPR_VAR))
        return r;
    const struct bounds other = bounds_of(with);
    const bool is_less = (condition->op == OP_LT || condition->op == OP_LE) == on_left;
    const bool is_equal = (condition->op == OP_LE || condition->op == OP_GE) == truth;
    struct bounds tighter = r;
    if (is_less == truth && other.high - !is_equal < r.high)
        tighter.high = other.high - !is_equal;
    if (is_less != truth && other.low + !is_equal > r.low)
        tighter.low = other.low + !is_equal;
    return tighter.low <= tighter.high ? tighter : r; // else it is never chosen
}

struct bounds bounds_of(const struct expr *e) {
    const struct bounds all = type_bounds(e->type);
    switch (e->kind) {
    case EXPR_CONST:
        return e->value < 0 && !e->type->is_signed
                   ? (struct bounds){(uint64_t)e->value, (uint64_t)e->value}
                   : (struct bounds){e->value, e->value};
    case EXPR_VAR:
        return e->var->bounds ? *e->var->bounds : all;
    case EXPR_BINARY:
        return of_binary(e);
    case EXPR_UNARY:
        if (e->op == OP_NEG) {
            const struct bounds a = bounds_of(e->a);
            return within(e->type, -a.high, -a.low);
        }
        return all;
    case EXPR_SELECT:
        return join(where(e->b, e->a, true), where(e->c, e->a, false));
    case EXPR_CAST: {
        const struct bounds a = bounds_of(e->a);
        return within(e->type, a.low, a.high);
    }
    default:
        return all;
    }
}
