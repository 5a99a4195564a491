// SPDX-License-Identifier: Apache-2.0
// Products that no multiplier of the target holds become sums of products that one does: the
// operands are cut into pieces without a sign, and a rest with one. What lies above the bits that
// are wanted is not computed.
#include "ir.h"

enum { MAX_PIECES = 5, MAX_DIGITS = 3 };

struct piece {
    struct op *op;
    int at; // its lowest bit
};

struct cutting {
    struct builder b;
    int made;   // operations from here on are new
    int ranged; // and up to here have ranges
};

static struct op *found(struct cutting *c, struct op *op) {
    struct process *p = c->b.process;
    while (c->ranged < p->op_count)
        ir_find_range(p, p->ops[c->ranged++]);
    return op;
}

static struct op *binary(struct cutting *c, enum opcode code, const struct op *type, struct op *x,
                         struct op *y) {
    return found(c, ir_binary(&c->b, code, type->bits, type->is_signed, type->loc, x, y));
}

static struct op *number(struct cutting *c, const struct op *type, int64_t value) {
    return found(c, ir_const(&c->b, type->bits, type->is_signed, value));
}

// What is wider than `most` in pieces of `bits` bits without a sign, and the rest above them.
static int cut(struct cutting *c, struct op *op, int most, int bits, struct piece *piece) {
    int count = 0, at = 0;
    for (int left = op->width; left > most && count < MAX_PIECES - 1; left -= bits) {
        struct op *low = op;
        if (at)
            low = binary(c, IR_SHR, op, op, number(c, op, at));
        piece[count++] =
            (struct piece){binary(c, IR_AND, op, low, number(c, op, ((int64_t)1 << bits) - 1)), at};
        at += bits;
    }
    piece[count++] = (struct piece){at ? binary(c, IR_SHR, op, op, number(c, op, at)) : op, at};
    return count;
}

static int pieces(int width, int most, int bits) {
    int count = 1;
    for (; width > most; width -= bits)
        count++;
    return count;
}

// Multipliers, if x is cut as the wider operand.
static int multipliers(const struct target *t, const struct op *x, const struct op *y) {
    return pieces(x->width, t->wide, t->wide_piece) * pieces(y->width, t->narrow, t->narrow_piece);
}

static bool is_zero(const struct op *op) {
    return op->low == 0 && op->high == 0;
}

// Sums terms by pairs; gives one, or none.
static struct op *add_up(struct cutting *c, const struct op *type, struct op **term, int count) {
    for (; count > 1; count = (count + 1) / 2)
        for (int i = 0; i < count; i += 2)
            term[i / 2] = i + 1 < count ? binary(c, IR_ADD, type, term[i], term[i + 1]) : term[i];
    return count ? term[0] : NULL;
}

static struct op *shifted(struct cutting *c, const struct op *type, struct op *op, int at) {
    return at ? binary(c, IR_SHL, type, op, number(c, type, at)) : op;
}

// `sum` has the product's value, and lies in its range.
static void replace(const struct cutting *c, struct op *op, struct op *sum) {
    op->alias = sum;
    if (sum->id < c->made)
        return;
    sum->low = op->low > sum->low ? op->low : sum->low;
    sum->high = op->high < sum->high ? op->high : sum->high;
    sum->name = op->name;
}

// By a constant of few digits -1 and 1: sums instead of DSPs.
static bool add_shifted(struct cutting *c, struct op *op, struct op *x, wide factor) {
    struct op *term[2][MAX_DIGITS + 1];
    int count[2] = {0};
    for (int at = 0; factor && at < op->bits; at++, factor /= 2) {
        if (!(factor & 1))
            continue;
        const int negative = (factor & 3) == 3;
        if (count[0] + count[1] == MAX_DIGITS)
            return false;
        factor += negative ? 1 : -1;
        term[negative][count[negative]++] = shifted(c, op, x, at);
    }
    struct op *plus = add_up(c, op, term[0], count[0]), *minus = add_up(c, op, term[1], count[1]);
    if (minus)
        plus = binary(c, IR_SUB, op, plus ? plus : number(c, op, 0), minus);
    replace(c, op, plus ? plus : number(c, op, 0));
    return true;
}

static void cut_product(struct cutting *c, struct op *op) {
    const struct target *t = c->b.process->target;
    struct op *x = op->in[0], *y = op->in[1];
    for (int k = 0; k < 2; k++)
        if (op->in[k]->code == IR_CONST && add_shifted(c, op, op->in[1 - k], op->in[k]->low))
            return;
    if (multipliers(t, y, x) < multipliers(t, x, y)) {
        x = op->in[1];
        y = op->in[0];
    }
    // The others come out as zeros, which is a value that the product may have.
    const bool masked =
        op->modular && op->width < 63 && op->low <= 0 && op->high >= ((wide)1 << op->width) - 1;
    const int wanted = masked ? op->width : op->bits;
    struct piece wide[MAX_PIECES], narrow[MAX_PIECES];
    struct op *sum[MAX_PIECES * MAX_PIECES];
    const int rows = cut(c, y, t->narrow, t->narrow_piece, narrow),
              columns = cut(c, x, t->wide, t->wide_piece, wide);
    int count = 0;
    for (int at = 0; at < wanted; at++) // the lowest first
        for (int i = 0; i < rows; i++)
            for (int k = 0; k < columns; k++)
                if (narrow[i].at + wide[k].at == at && !is_zero(narrow[i].op) &&
                    !is_zero(wide[k].op))
                    sum[count++] =
                        shifted(c, op, binary(c, IR_MUL, op, wide[k].op, narrow[i].op), at);
    struct op *all = add_up(c, op, sum, count);
    all = all ? all : number(c, op, 0);
    if (masked)
        all = binary(c, IR_AND, op, all, number(c, op, ((int64_t)1 << wanted) - 1));
    replace(c, op, all);
}

void cut_products(struct compiler *cc, struct process *p) {
    struct cutting c = {{.cc = cc, .process = p}, p->op_count, p->op_count};
    bool any = false;
    find_widths(cc, p);
    for (int i = 0; i < c.made; i++) {
        struct op *op = p->ops[i];
        if (op->alias || op->code != IR_MUL)
            continue;
        if (multipliers(p->target, op->in[0], op->in[1]) == 1 ||
            multipliers(p->target, op->in[1], op->in[0]) == 1)
            continue;
        cut_product(&c, op);
        any = true;
    }
    if (!any)
        return;
    ir_resolve_inputs(p);
    ir_renumber(cc, p, c.made);
}
