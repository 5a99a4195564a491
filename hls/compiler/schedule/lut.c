// SPDX-License-Identifier: Apache-2.0
// Logic by bits in LUTs. A function of few bits is one LUT, and takes in what its
// operands compute in the same stage as long as there are inputs left: `!a && (b || c)` is one
// level, whatever the number of operators. What lanes and constants determine takes no input.
#include "schedule.h"

bool is_fixed(const struct op *op) {
    return op->fixed || op->code == IR_CONST; // constants are made at any time
}

void mark_fixed(struct process *p) {
    for (int i = 0; i < p->op_count; i++) {
        struct op *op = p->ops[i];
        if (op->alias)
            continue;
        const bool table = op->code == IR_LOAD && p->memories[op->imm].kind == MEMORY_ROM &&
                           p->memories[op->imm].latency == 0;
        op->fixed = op->code == IR_LANE || table || (op->code >= IR_VIEW && op->code <= IR_SELECT);
        for (int k = 0; k < op->in_count; k++)
            op->fixed = op->fixed && op->in[k] && is_fixed(op->in[k]);
    }
}

static bool is_comparison(const struct op *op) {
    return op->code == IR_EQ || op->code == IR_LT || op->code == IR_LE;
}

static bool is_number(const struct op *op, wide value) {
    return op->code == IR_CONST && op->low == value;
}

// x < 0 and what means the same: a bit of x.
static bool tests_sign(const struct op *op) {
    const struct op *x = op->in[0], *y = op->in[1];
    if (op->code == IR_LT)
        return is_number(y, 0) || is_number(x, -1);
    return op->code == IR_LE && (is_number(x, 0) || is_number(y, -1));
}

// Bits of an operand on which a bit of the result depends.
static int operand_bits(const struct op *op, int k) {
    if (is_fixed(op->in[k]))
        return 0;
    return is_comparison(op) && !tests_sign(op) ? op->in[k]->width : 1;
}

static int input_bits(const struct op *op) {
    int bits = 0;
    for (int k = 0; k < op->in_count; k++)
        bits += operand_bits(op, k);
    return bits;
}

double compare_delay(const struct target *t, const struct op *op) {
    const struct op *x = op->in[0], *y = op->in[1];
    const int bits = input_bits(op);
    if (bits <= 1 || tests_sign(op)) // a bit, or its opposite
        return 0;
    double tree = 0;
    for (int n = bits; n > 1; n = (n + t->lut_inputs - 1) / t->lut_inputs)
        tree += t->lut;
    const double chain = magnitude_delay(t, x->width > y->width ? x->width : y->width);
    return (op->code == IR_EQ || bits <= t->lut_inputs) && tree < chain ? tree : chain;
}

// Is each bit of the result made of so few bits of the operands that a LUT does it?
static bool is_logic(const struct target *t, const struct op *op) {
    switch (op->code) {
    case IR_EQ:
    case IR_LT:
    case IR_LE:
        return tests_sign(op) || input_bits(op) <= t->lut_inputs;
    case IR_VIEW:
        for (int i = 0; i < op->view_count; i++)
            if (op->view[i].dynamic && !is_fixed(op->in[op->view[i].dynamic]))
                return false;
        return true;
    case IR_SHL:
    case IR_SHR:
        return is_fixed(op->in[1]);
    case IR_CAST:
    case IR_TRUNC:
    case IR_AND:
    case IR_OR:
    case IR_XOR:
    case IR_NOT:
    case IR_SELECT:
        return true;
    default:
        return false;
    }
}

// An operand as it is there.
static struct lut outside(const struct pass *a, const struct op *op, int k, int stage) {
    const struct op_time *t = &a->s->time[op->in[k]->id];
    struct lut leaf = {operand_bits(op, k), a->p->target->register_out};
    if (!leaf.inputs)
        leaf.time = 0;
    else if (t->ready == stage && op->in[k]->code != IR_PHI)
        leaf.time =
            t->arrival + (t->in_tile && !a->s->time[op->id].in_tile ? a->p->target->crossing : 0);
    return leaf;
}

// The inputs of the LUTs that make the operand, if there are any in this stage and module.
static bool inside(const struct pass *a, const struct op *op, int k, int stage, struct lut *leaf) {
    const struct op_time *t = &a->s->time[op->in[k]->id];
    if (!t->lut.inputs || t->ready != stage || op->in[k]->code == IR_PHI ||
        t->in_tile != a->s->time[op->id].in_tile)
        return false;
    *leaf = (struct lut){operand_bits(op, k) * t->lut.inputs, t->lut.time};
    return leaf->inputs > 0;
}

// Wires: each bit is one of an operand's, which one may differ from lane to lane.
static struct lut of_wires(const struct pass *a, const struct op *op, int count, int stage) {
    struct lut all = {0, 0};
    bool made = false;
    for (int k = 0; k < count; k++) {
        struct lut leaf = outside(a, op, k, stage), in;
        if (inside(a, op, k, stage, &in)) {
            leaf = in;
            made = true;
        }
        all.inputs = leaf.inputs > all.inputs ? leaf.inputs : all.inputs;
        all.time = leaf.time > all.time ? leaf.time : all.time;
    }
    return made ? all : (struct lut){0, 0};
}

bool find_lut(const struct pass *a, const struct op *op, int stage, struct lut *lut) {
    *lut = (struct lut){0, 0};
    if (op->fixed || !is_logic(a->p->target, op))
        return false;
    const int count = op->code == IR_VIEW || op->in_count > 3 ? 1 : op->in_count;
    if (op_delay(a->p, op) == 0) {
        *lut = of_wires(a, op, count, stage);
        return false;
    }
    struct lut leaf[3];
    bool taken[3] = {false};
    for (int k = 0; k < count; k++) {
        leaf[k] = outside(a, op, k, stage);
        lut->inputs += leaf[k].inputs;
    }
    for (;;) { // the latest operand, until it cannot be taken in
        int latest = 0;
        for (int k = 1; k < count; k++)
            if (leaf[k].time > leaf[latest].time)
                latest = k;
        lut->time = leaf[latest].time;
        struct lut in;
        if (taken[latest] || !inside(a, op, latest, stage, &in) || in.time >= lut->time ||
            lut->inputs - leaf[latest].inputs + in.inputs > a->p->target->lut_inputs)
            return true;
        lut->inputs += in.inputs - leaf[latest].inputs;
        leaf[latest] = in;
        taken[latest] = true;
    }
}
