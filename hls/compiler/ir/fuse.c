// SPDX-License-Identifier: Apache-2.0
// Joins multiplications with the additions behind them, as a DSP does: sums of products over a lane
// become IR_DOT, a product plus a number becomes IR_MULADD, and a short sum of products behind
// another one goes on with its cascade. Sums on a recurrence stay additions, for the schedule puts
// them into one cycle.
#include "ir.h"

#include <stdlib.h>
#include <string.h>

static int by_number(const void *x, const void *y) {
    return *(const int *)x - *(const int *)y;
}

// Operations between a state's value in an iteration and its value for the next one.
static bool *find_recurrences(struct compiler *cc, const struct process *p) {
    const size_t count = (size_t)p->op_count + 1;
    bool *on = arena_alloc(cc, count * sizeof *on);
    bool *from = arena_alloc(cc, count * sizeof *from), *seen = arena_alloc(cc, count);
    int *cone = arena_alloc(cc, count * sizeof *cone); // what a state's next value is made of
    for (int r = 0; r < p->region_count; r++) {
        for (int c = 0; c < p->regions[r]->carried_count; c++) {
            const struct carried *carried = &p->regions[r]->carried[c];
            int size = 0;
            cone[size++] = carried->next->id;
            seen[carried->next->id] = true;
            for (int at = 0; at < size; at++) {
                const struct op *op = p->ops[cone[at]];
                for (int k = 0; k < op->in_count; k++)
                    if (op->in[k] && !seen[op->in[k]->id]) {
                        seen[op->in[k]->id] = true;
                        cone[size++] = op->in[k]->id;
                    }
            }
            const bool recurs = seen[carried->phi->id];
            if (recurs)
                qsort(cone, (size_t)size, sizeof *cone, by_number);
            from[carried->phi->id] = true;
            for (int at = 0; at < size; at++) {
                const struct op *op = p->ops[cone[at]];
                for (int k = 0; recurs && k < op->in_count; k++)
                    if (op->in[k] && from[op->in[k]->id])
                        from[op->id] = true;
                on[op->id] = on[op->id] || from[op->id];
            }
            from[carried->phi->id] = false;
            for (int at = 0; at < size; at++)
                from[cone[at]] = seen[cone[at]] = false;
        }
    }
    return on;
}

// Looks through conversions that change no value.
static struct op *through_casts(struct op *op) {
    while (op->code == IR_CAST && op->low == op->in[0]->low && op->high == op->in[0]->high)
        op = op->in[0];
    return op;
}

// After the ranges are known C's types matter no more, but for operations that wrap.
void bypass_casts(struct process *p) {
    for (int i = 0; i < p->op_count; i++)
        for (int k = 0; k < p->ops[i]->in_count; k++)
            if (p->ops[i]->in[k])
                p->ops[i]->in[k] = through_casts(p->ops[i]->in[k]);
    for (int i = 0; i < p->step_count; i++)
        if (p->steps[i].condition)
            p->steps[i].condition = through_casts(p->steps[i].condition);
    for (int i = 0; i < p->region_count; i++) {
        struct region *r = p->regions[i];
        r->enable = r->enable ? through_casts(r->enable) : NULL;
        r->break_if = r->break_if ? through_casts(r->break_if) : NULL;
        r->go_on = r->go_on ? through_casts(r->go_on) : NULL;
        for (int k = 0; k < r->levels; k++)
            r->level[k].limit = through_casts(r->level[k].limit);
        for (int k = 0; k < r->carried_count; k++) {
            r->carried[k].init = r->carried[k].init ? through_casts(r->carried[k].init) : NULL;
            r->carried[k].next = through_casts(r->carried[k].next);
        }
    }
}

static bool is_product(const struct op *op, const int *users) {
    return op->code == IR_MUL && users[op->id] == 1 && op->in[0]->code != IR_CONST &&
           op->in[1]->code != IR_CONST;
}

static bool exact_product(const struct op *op) { // does not wrap in its C type
    const struct op *a = op->in[0], *b = op->in[1];
    wide worst = a->low * b->low;
    const wide others[3] = {a->low * b->high, a->high * b->low, a->high * b->high};
    wide high = worst, low = worst;
    for (int i = 0; i < 3; i++) {
        high = others[i] > high ? others[i] : high;
        low = others[i] < low ? others[i] : low;
    }
    return op->low <= low && op->high >= high;
}

// Does a sum of products not wrap in its C type?
static bool exact_dot(const struct process *p, const struct op *op) {
    const struct op *a = op->in[0], *b = op->in[1];
    const wide n = p->lanes[op->imm].count;
    const wide ends[4] = {a->low * b->low, a->low * b->high, a->high * b->low, a->high * b->high};
    for (int i = 0; i < 4; i++)
        if (n * ends[i] < op->low || n * ends[i] > op->high)
            return false;
    return true;
}

// Products of the cascade that ends with op; 0: op is none.
static int64_t cascade(const struct process *p, const struct op *op) {
    if (op->code != IR_DOT)
        return 0;
    return p->lanes[op->imm].count + (op->in_count > 2 ? cascade(p, op->in[2]) : 0);
}

// Is the path of single users from `op` through casts down to `product` private to op?
static bool private_path(const struct op *op, const struct op *product, const int *users) {
    while (op != product) {
        if (users[op->id] != 1)
            return false;
        op = op->in[0];
    }
    return true;
}

// Products that may share DSPs with those of another row (pairs.c), which leaves no way into the
// cascade.
static bool may_pair(const struct op *op) {
    return ir_range_bits(op->in[0]) <= DOT_PAIR_BITS && ir_range_bits(op->in[1]) <= DOT_PAIR_BITS;
}

// A product of each of several rows that have one factor in common.
static bool is_row(const struct op *op, const int *users) {
    return is_product(op, users) && exact_product(op) && may_pair(op) &&
           (op->space & ~op->in[0]->space || op->space & ~op->in[1]->space);
}

// A lane of one element that an operation does not have; NO_LANE: there is no room.
static int lane_of_one(struct process *p, uint32_t space) {
    int nth = 0;
    for (int i = 0; i < p->lane_count; i++) {
        if (p->lanes[i].count == 1 && !(space >> i & 1))
            return i;
        nth += p->lanes[i].count == 1;
    }
    if (p->lane_count == MAX_LANES)
        return NO_LANE;
    p->lanes[p->lane_count] = (struct lane){1, nth};
    return p->lane_count++;
}

// The sum of two products, or of a product and a sum of products, that may pair each: the product
// becomes a sum of one.
static bool pair_products(struct process *p, const struct op *sum, const int *users) {
    struct op *of[2];
    bool is_one[2];
    for (int side = 0; side < 2; side++) {
        of[side] = through_casts(sum->in[side]);
        is_one[side] = is_row(of[side], users) && private_path(sum->in[side], of[side], users);
    }
    for (int side = 0; side < 2; side++)
        if (!is_one[side] && !(is_one[1 - side] && of[side]->code == IR_DOT && may_pair(of[side])))
            return false;
    const int lane = lane_of_one(p, sum->space);
    for (int side = 0; side < 2 && lane != NO_LANE; side++)
        if (is_one[side]) {
            of[side]->code = IR_DOT;
            of[side]->imm = lane;
        }
    return lane != NO_LANE;
}

// A recurrent sum of one product, of rows that pair: the product becomes a sum of one, and the sum
// grows outside of the multiplier.
static void pair_single(struct process *p, const struct op *sum, const bool *recurrent,
                        const int *users) {
    for (int side = 0; side < 2 && p->target->pairs_products; side++) {
        struct op *of = through_casts(sum->in[side]);
        const int lane =
            !recurrent[of->id] && is_row(of, users) && private_path(sum->in[side], of, users)
                ? lane_of_one(p, sum->space)
                : NO_LANE;
        if (lane == NO_LANE)
            continue;
        of->code = IR_DOT;
        of->imm = lane;
    }
}

// The sum of two short sums of products: one cascade behind the other.
static bool go_on_with_cascade(struct compiler *cc, const struct process *p, struct op *op,
                               const int *users) {
    struct op *before = through_casts(op->in[0]), *dot = through_casts(op->in[1]);
    if (dot->code != IR_DOT || before->code != IR_DOT || dot->in_count > 2 ||
        op->space >> dot->imm & 1 || may_pair(dot) ||
        cascade(p, before) + cascade(p, dot) > DOT_CHAIN || !exact_dot(p, dot) ||
        !private_path(op->in[0], before, users) || !private_path(op->in[1], dot, users) ||
        users[before->id] != 1 || users[dot->id] != 1)
        return false;
    struct op *in[3] = {dot->in[0], dot->in[1], op->in[0]};
    op->code = IR_DOT;
    op->imm = dot->imm;
    op->in = arena_copy(cc, in, sizeof in);
    op->in_count = 3;
    return true;
}

void split_dots(struct compiler *cc, struct process *p, int lane, const bool *among) {
    struct builder b = {.cc = cc, .process = p};
    const int made = p->op_count;
    for (int i = 0; i < made; i++) {
        struct op *op = p->ops[i];
        if (op->alias || !among[i] || op->code != IR_DOT || op->imm != lane)
            continue;
        const int ranged = p->op_count;
        struct op *product = ir_binary(&b, IR_MUL, 64, true, op->loc, op->in[0], op->in[1]);
        for (int k = ranged; k < p->op_count; k++)
            ir_find_range(p, p->ops[k]);
        op->code = IR_SUM;
        op->in_count = 1;
        op->in = arena_copy(cc, &product, sizeof product);
    }
    if (p->op_count == made)
        return;
    ir_renumber(cc, p, made);
    find_widths(cc, p);
}

void fuse_multiplications(struct compiler *cc, struct process *p) {
    const int *users = ir_count_users(cc, p);
    const bool *recurrent = find_recurrences(cc, p);
    for (int i = 0; i < p->op_count; i++) {
        struct op *op = p->ops[i];
        if (op->alias)
            continue;
        if (op->code == IR_SUM) {
            struct op *m = through_casts(op->in[0]);
            if (is_product(m, users) && exact_product(m) && private_path(op->in[0], m, users)) {
                op->code = IR_DOT;
                op->in_count = 2;
                op->in = m->in;
            }
        } else if (op->code == IR_ADD && op->bits > 1 && recurrent[i]) {
            pair_single(p, op, recurrent, users);
        } else if (op->code == IR_ADD && op->bits > 1) {
            if (go_on_with_cascade(cc, p, op, users) || pair_products(p, op, users))
                continue;
            for (int side = 1; side >= 0; side--) {
                struct op *m = through_casts(op->in[side]), *other = op->in[1 - side];
                if (!is_product(m, users) || !exact_product(m) ||
                    !private_path(op->in[side], m, users))
                    continue;
                op->code = IR_MULADD;
                struct op *in[3] = {m->in[0], m->in[1], other};
                op->in = arena_copy(cc, in, sizeof in);
                op->in_count = 3;
                break;
            }
        }
    }
}
