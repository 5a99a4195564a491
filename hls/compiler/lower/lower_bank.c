// SPDX-License-Identifier: Apache-2.0
// Partitioned arrays: an index becomes a bank, which lies beside the others, and a row behind an
// address. Cyclic: element e is row e / F of bank e mod F. Block: bank e / S, row e mod S, where a
// block has S elements.
#include "lower.h"

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

static int64_t floor_mod(int64_t a, int64_t b) {
    return a - floor_div(a, b) * b;
}

// The counter of a loop level whose start and step are known.
static const struct level *level_of(const struct lowering *lo, const struct op *leaf) {
    return leaf->code == IR_INDEX && lo->region ? &lo->region->level[leaf->imm] : NULL;
}

// What the leaves leave modulo f, if that is the same in all iterations.
static bool residue(const struct lowering *lo, const struct linear *e, int64_t f, int64_t *r) {
    *r = 0;
    for (int i = 0; i < e->leaves; i++) {
        const int64_t coef = e->leaf_coef[i];
        if (coef % f == 0)
            continue;
        const struct level *level = level_of(lo, e->leaf[i]);
        if (!level || (coef * level->step) % f != 0)
            return false;
        *r += coef * level->start;
    }
    *r = floor_mod(*r, f);
    return true;
}

static struct op *number(struct lowering *lo, int64_t value) {
    return ir_const(&lo->b, 32, true, value);
}

static struct op *add(struct lowering *lo, struct op *x, struct op *y, struct location loc) {
    return ir_binary(&lo->b, IR_ADD, 32, true, loc, x, y);
}

static struct op *scaled(struct lowering *lo, struct op *x, int64_t coef, struct location loc) {
    return ir_binary(&lo->b, IR_MUL, 32, true, loc, ir_cast(&lo->b, 32, true, loc, x),
                     number(lo, coef));
}

static struct op *sum_of_leaves(struct lowering *lo, const struct linear *e, int64_t divisor,
                                int64_t base, struct location loc) {
    struct op *sum = number(lo, base);
    for (int i = 0; i < e->leaves; i++)
        sum = add(lo, sum, scaled(lo, e->leaf[i], e->leaf_coef[i] / divisor, loc), loc);
    return sum;
}

static struct op *sum_of_lanes(struct lowering *lo, const struct linear *e, int64_t divisor,
                               int64_t base, struct location loc) {
    struct op *sum = number(lo, base);
    for (int i = 0; i < e->lanes; i++)
        sum = add(lo, sum, scaled(lo, ir_lane(&lo->b, e->lane[i]), e->lane_coef[i] / divisor, loc),
                  loc);
    return sum;
}

// x / f for 0 <= x < 2^24: a shift, or a multiplication by a reciprocal that is exact there.
static struct op *divide_by(struct lowering *lo, struct op *x, int64_t f, struct location loc) {
    struct builder *b = &lo->b;
    int bits = 0;
    while ((int64_t)1 << bits < f)
        bits++;
    if ((int64_t)1 << bits == f)
        return ir_binary(b, IR_SHR, 32, true, loc, x, number(lo, bits));
    const int shift = 24 + bits;
    const int64_t reciprocal = (((int64_t)1 << shift) + f - 1) / f;
    struct op *wide = ir_cast(b, 64, true, loc, x);
    struct op *product =
        ir_binary(b, IR_MUL, 64, true, loc, wide, ir_const(b, 64, true, reciprocal));
    return ir_cast(b, 32, true, loc,
                   ir_binary(b, IR_SHR, 64, true, loc, product, number(lo, shift)));
}

static void lane_reach(const struct lowering *lo, const struct linear *e, int64_t *low,
                       int64_t *high) {
    for (int i = 0; i < e->lanes; i++) {
        const int64_t reach = e->lane_coef[i] * (lo->p->lanes[e->lane[i]].count - 1);
        *low += reach < 0 ? reach : 0;
        *high += reach > 0 ? reach : 0;
    }
}

static bool split_cyclic(struct lowering *lo, const struct linear *e, int64_t f,
                         struct location loc, struct op **bank, struct op **row) {
    int64_t r;
    if (!residue(lo, e, f, &r))
        return false;
    int64_t low = e->base + r, high = low;
    lane_reach(lo, e, &low, &high);
    const int64_t round = floor_div(low, f);
    if (floor_div(high, f) != round)
        return false;
    *bank = sum_of_lanes(lo, e, 1, e->base + r - round * f, loc);
    bool exact = true;
    for (int i = 0; i < e->leaves; i++)
        exact = exact && e->leaf_coef[i] % f == 0;
    // What is divided is the index less its bank, so it is not negative.
    *row = exact ? sum_of_leaves(lo, e, f, round, loc)
                 : divide_by(lo, sum_of_leaves(lo, e, 1, round * f - r, loc), f, loc);
    return true;
}

static bool split_block(struct lowering *lo, const struct linear *e, int64_t size,
                        struct location loc, struct op **bank, struct op **row) {
    for (int i = 0; i < e->lanes; i++)
        if (e->lane_coef[i] % size != 0)
            return false;
    int64_t low = floor_mod(e->base, size), high = low;
    for (int i = 0; i < e->leaves; i++) {
        const struct level *level = level_of(lo, e->leaf[i]);
        if (!level || level->trips < 1)
            return false;
        const int64_t first = e->leaf_coef[i] * level->start,
                      last = first + e->leaf_coef[i] * level->step * (level->trips - 1);
        low += first < last ? first : last;
        high += first < last ? last : first;
    }
    const int64_t block = floor_div(low, size);
    if (floor_div(high, size) != block)
        return false;
    *bank = sum_of_lanes(lo, e, size, floor_div(e->base, size) + block, loc);
    *row = sum_of_leaves(lo, e, 1, floor_mod(e->base, size) - block * size, loc);
    return true;
}

void split_index(struct lowering *lo, const struct memory *m, int d, struct op *index,
                 struct location loc, struct op **bank, struct op **row) {
    struct builder *b = &lo->b;
    index = ir_cast(b, 32, true, loc, index);
    if (m->partition[d] == PARTITION_COMPLETE) {
        *bank = index;
        *row = NULL;
        return;
    }
    struct linear e;
    const bool cyclic = m->partition[d] == PARTITION_CYCLIC;
    const int64_t unit = cyclic ? m->bank_size[d] : m->rows[d];
    if (linear_of(index, LINEAR_LEAVES, &e) && (cyclic ? split_cyclic(lo, &e, unit, loc, bank, row)
                                                       : split_block(lo, &e, unit, loc, bank, row)))
        return;
    if (ir_resolve(index)->space) // iteration by iteration the banks may be known
        give_up(lo, loc,
                arena_printf(lo->cc,
                             "the bank of '%s' that an iteration looks at is not known from its "
                             "index alone",
                             m->name),
                "let the rest of the index move by multiples of the banks, or stay within one of "
                "them");
    struct op *quotient = divide_by(lo, index, unit, loc);
    struct op *rest = ir_binary(b, IR_SUB, 32, true, loc, index, scaled(lo, quotient, unit, loc));
    *bank = cyclic ? rest : quotient;
    *row = cyclic ? quotient : rest;
}
