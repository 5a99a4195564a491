// SPDX-License-Identifier: Apache-2.0
// What operations take: the delays of the target, and the whole cycles of multipliers, memories and
// trees.
#include "memory.h"

static int bits_for(wide value) {
    int bits = 0;
    while (value > 0) {
        bits++;
        value >>= 1;
    }
    return bits;
}

int tree_levels(int64_t count) {
    int levels = 0;
    for (int64_t n = count; n > 1; n = (n + 1) / 2)
        levels++;
    return levels;
}

double bitwise_delay(const struct target *t, int64_t count) {
    double delay = 0;
    for (int64_t n = count; n > 1; n = (n + t->lut_inputs - 1) / t->lut_inputs)
        delay += t->pick;
    return delay;
}

int dot_extra_cycles(int64_t count) {
    if (count <= DOT_CHAIN)
        return (int)count; // every sum of the chain is registered
    return DOT_CHAIN + tree_levels((count + DOT_CHAIN - 1) / DOT_CHAIN);
}

static int memory_latency(const struct memory *m) {
    return m->latency;
}

double sum_delay(const struct target *t, int width) {
    return t->sum + t->sum_bit * width;
}

double magnitude_delay(const struct target *t, int width) {
    return t->magnitude + t->magnitude_bit * width;
}

// What picks one of many by so many bits.
static double pick_delay(const struct target *t, int bits) {
    const int levels = (bits + t->pick_bits - 1) / t->pick_bits;
    return t->pick * levels;
}

// Tables of as many words as LUTs hold, and what picks one of them.
static double lut_read(const struct process *p, const struct op *load) {
    const struct memory *m = &p->memories[load->imm];
    return (has_branches(p, load) ? p->target->lut : 0) + p->target->table +
           pick_delay(p->target, bits_for((m->words - 1) >> p->target->table_bits));
}

int shift_bits(const struct op *shift) {
    const int bits = bits_for(shift->in[1]->high), most = ir_index_bits(shift->bits);
    return bits < 1 ? 1 : bits < most ? bits : most;
}

double op_delay(const struct process *p, const struct op *op) {
    if (op->fixed || (op->code == IR_SELECT && is_fixed(op->in[0])))
        return 0;
    switch (op->code) {
    case IR_ADD:
    case IR_SUB:
    case IR_NEG:
        return sum_delay(p->target, op->width);
    case IR_EQ:
    case IR_LT:
    case IR_LE:
        return compare_delay(p->target, op);
    case IR_SELECT:
        return p->target->pick;
    case IR_AND:
    case IR_OR:
    case IR_XOR:
        return is_fixed(op->in[0]) || is_fixed(op->in[1]) ? 0 : p->target->lut;
    case IR_SHL:
    case IR_SHR:
        return is_fixed(op->in[1]) ? 0 : pick_delay(p->target, shift_bits(op));
    case IR_VIEW: {
        double delay = 0;
        for (int i = 0; i < op->view_count; i++)
            if (op->view[i].dynamic && !is_fixed(op->in[op->view[i].dynamic]))
                delay += pick_delay(p->target, bits_for(op->view[i].size - 1));
        return delay;
    }
    case IR_SUM:
        return sum_delay(p->target, op->width);
    case IR_ALL:
    case IR_ANY:
    case IR_PARITY:
        return bitwise_delay(p->target, p->lanes[op->imm].count);
    case IR_LOAD: {
        const struct memory *m = &p->memories[op->imm];
        if (memory_latency(m))
            return p->target->register_out;
        return lut_read(p, op);
    }
    case IR_FIELD:
        return p->target->field;
    default:
        return 0;
    }
}

double entry_delay(const struct process *p, const struct op *op) {
    switch (op->code) {
    case IR_SUM:
        return op_delay(p, op);
    case IR_MIN:
    case IR_MAX:
        return magnitude_delay(p->target, op->width) + p->target->pick;
    case IR_LOAD: {
        const struct memory *m = &p->memories[op->imm];
        if (m->shared_ports) // that also write
            return p->target->lut;
        if (m->last_from && m->rest != STORAGE_LUTRAM) // which have address registers of their own
            return p->target->lut;
        return memory_has_lutram(m) ? lut_read(p, op) : 0;
    }
    default:
        return 0;
    }
}

// Cycles from looking at the inputs to a usable result. `direct`: the sum behind a product takes
// its register M, for it is itself the register P.
int op_latency(const struct process *p, const struct op *op, bool direct) {
    switch (op->code) {
    case IR_MUL: {
        int64_t unused;
        if (op->fixed)
            return 0;
        if (ir_is_const(op->in[0], &unused) || ir_is_const(op->in[1], &unused))
            return MULTIPLIER_CYCLES;
        return direct ? MULTIPLIER_CYCLES - 1 : MULTIPLIER_CYCLES;
    }
    case IR_DOT:
        return MULTIPLIER_CYCLES - 1 + dot_extra_cycles(p->lanes[op->imm].count);
    case IR_MULADD:
        return MULTIPLIER_CYCLES;
    case IR_LOAD:
        return memory_latency(&p->memories[op->imm]);
    case IR_SUM:
    case IR_MIN:
    case IR_MAX: // a registered tree, one level a cycle
        return tree_levels(p->lanes[op->imm].count);
    default:
        return 0;
    }
}

void check_delay(struct compiler *cc, const struct process *p, const struct op *op) {
    const double ns =
        p->target->register_out + (op_latency(p, op, false) ? entry_delay : op_delay)(p, op);
    const char *what = ir_opcode_name(op->code), *help = "write it as several smaller steps";
    if (ns <= p->target->budget)
        return;
    if (op->code == IR_LOAD) {
        const struct memory *m = &p->memories[op->imm];
        what =
            arena_printf(cc, "a read of '%s' in %lld words of LUTs", m->name, (long long)m->words);
        help = "bind it to bram or uram, or leave its bind_storage pragma out";
    } else if (op->code == IR_VIEW) {
        what = "picking one of so many registers";
        help = "leave out the array_partition pragma, so that it becomes a memory, or partition it "
               "by a factor";
    } else if (ir_is_reduction(op->code)) {
        what = arena_printf(cc, "this over %lld lanes", (long long)p->lanes[op->imm].count);
        help = "unroll by a factor";
    }
    fail(cc, op_location(op, p->function->loc),
         "%s takes %.2f ns, and nothing of a cycle may take more than %.2f (without routing); %s",
         what, ns, p->target->budget, help);
}

void operand_stages(const struct process *p, const struct op *op, int input, int *first,
                    int *last) {
    *first = *last = 0;
    if (op->fixed)
        return; // no multiplier
    if (ir_adds(op) && input == 2) {
        *first = *last = 2;
    } else if (op->code == IR_MUL || op->code == IR_MULADD) {
        *first = *last = 1;
    } else if (op->code == IR_DOT) {
        const int64_t n = p->lanes[op->imm].count;
        *first = 1;
        *last = (int)(n < DOT_CHAIN ? n : DOT_CHAIN);
    }
}
