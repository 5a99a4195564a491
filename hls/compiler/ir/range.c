// SPDX-License-Identifier: Apache-2.0
// Ranges of all values by interval analysis, and from them and from what is asked of a value its
// width in the RTL. C computes in 32 or 64 bits; the hardware computes in what can differ from
// zero.
//
// `(x & 7) * 3` is from 0 to 21 and has 6 bits with its sign, although its type has 32. Where only
// the low bits are looked at, as of a sum that is cast to 16 bits, no more are computed (modular).
#include "ir.h"

#include <string.h>

static void type_range(int bits, bool is_signed, wide *low, wide *high) {
    *low = is_signed ? -((wide)1 << (bits - 1)) : 0;
    *high = ((wide)1 << (is_signed ? bits - 1 : bits)) - 1;
}

struct range {
    wide low, high;
};

enum { MAX_ASSUMPTIONS = 6 };

struct assumptions { // facts that a condition gives about values
    int count;
    const struct op *op[MAX_ASSUMPTIONS];
    struct range range[MAX_ASSUMPTIONS];
};

static wide min_wide(wide a, wide b) {
    return a < b ? a : b;
}

static wide max_wide(wide a, wide b) {
    return a > b ? a : b;
}

static struct range merge(struct range a, struct range b) {
    return (struct range){min_wide(a.low, b.low), max_wide(a.high, b.high)};
}

static struct range of(const struct op *op) {
    return (struct range){op->low, op->high};
}

static wide all_ones(wide value) { // the smallest 2^n - 1 that is not below value
    wide ones = 1;
    while (ones < value)
        ones = ones * 2 + 1;
    return value <= 0 ? 0 : ones;
}

static void assume(struct assumptions *known, const struct op *op, struct range range) {
    while (op->code == IR_CAST && of(op->in[0]).low >= op->low && of(op->in[0]).high <= op->high)
        op = op->in[0];
    if (known->count == MAX_ASSUMPTIONS || op->code == IR_CONST)
        return;
    known->op[known->count] = op;
    known->range[known->count++] = range;
}

// What `condition` being `truth` says.
static void learn(struct assumptions *known, const struct op *c, bool truth) {
    const wide huge = (wide)1 << 80;
    if (c->code == IR_NOT) {
        learn(known, c->in[0], !truth);
    } else if (c->code == IR_AND && c->bits == 1 && truth) {
        learn(known, c->in[0], true);
        learn(known, c->in[1], true);
    } else if (c->code == IR_OR && c->bits == 1 && !truth) {
        learn(known, c->in[0], false);
        learn(known, c->in[1], false);
    } else if (c->code == IR_LT || c->code == IR_LE) {
        const struct op *x = truth ? c->in[0] : c->in[1], *y = truth ? c->in[1] : c->in[0];
        const wide gap = (c->code == IR_LT) == truth ? 1 : 0; // x < y or x <= y
        assume(known, x, (struct range){-huge, y->high - gap});
        assume(known, y, (struct range){x->low + gap, huge});
    } else if (c->code == IR_EQ && truth) {
        assume(known, c->in[0], of(c->in[1]));
        assume(known, c->in[1], of(c->in[0]));
    }
}

static struct range range_under(const struct op *op, const struct assumptions *known, int depth) {
    struct range r = of(op);
    if (depth > 6)
        return r;
    for (int i = 0; i < known->count; i++) {
        if (known->op[i] == op) {
            r.low = max_wide(r.low, known->range[i].low);
            r.high = min_wide(r.high, known->range[i].high);
        }
    }
    struct range tighter = r;
    if (op->code == IR_CAST || op->code == IR_VIEW) {
        tighter = range_under(op->in[0], known, depth + 1);
        wide low, high;
        type_range(op->bits, op->is_signed, &low, &high);
        if (tighter.low < low || tighter.high > high)
            return r;
    } else if (op->code == IR_SELECT) {
        struct assumptions yes = *known, no = *known;
        learn(&yes, op->in[0], true);
        learn(&no, op->in[0], false);
        tighter =
            merge(range_under(op->in[1], &yes, depth + 1), range_under(op->in[2], &no, depth + 1));
    } else if (op->code == IR_SHR && op->in[1]->code == IR_CONST && op->in[1]->imm >= 0 &&
               op->in[1]->imm < 64) {
        tighter = range_under(op->in[0], known, depth + 1);
        tighter = (struct range){tighter.low >> op->in[1]->imm, tighter.high >> op->in[1]->imm};
    } else if (op->code == IR_ADD || op->code == IR_SUB) {
        const struct range a = range_under(op->in[0], known, depth + 1),
                           b = range_under(op->in[1], known, depth + 1);
        if (op->code == IR_ADD)
            tighter = (struct range){a.low + b.low, a.high + b.high};
        else
            tighter = (struct range){a.low - b.high, a.high - b.low};
        wide low, high;
        type_range(op->bits, op->is_signed, &low, &high);
        if (tighter.low < low || tighter.high > high)
            return r;
    } else {
        return r;
    }
    r.low = max_wide(r.low, tighter.low);
    r.high = min_wide(r.high, tighter.high);
    return r.low <= r.high ? r : of(op); // a branch that is never taken
}

// Saturates far beyond every type.
static wide times(wide a, wide b) {
    const wide most = (wide)1 << 125;
    wide p;
    if (__builtin_mul_overflow(a, b, &p) || p > most || p < -most)
        return (a < 0) == (b < 0) ? most : -most;
    return p;
}

static struct range product(struct range a, struct range b) {
    const wide p[4] = {times(a.low, b.low), times(a.low, b.high), times(a.high, b.low),
                       times(a.high, b.high)};
    struct range r = {p[0], p[0]};
    for (int i = 1; i < 4; i++)
        r = merge(r, (struct range){p[i], p[i]});
    return r;
}

static struct range rom_range(const struct memory *m) {
    struct range r = {0, 0};
    const bool full = m->value_count == m->words * m->banks;
    for (int64_t i = 0; i < m->value_count; i++) {
        const wide value = ir_number(m->values[i], m->is_signed);
        r = full && i == 0 ? (struct range){value, value} : merge(r, (struct range){value, value});
    }
    return r;
}

static struct range transfer(const struct process *p, const struct region *region,
                             const struct op *op) {
    struct range t, r;
    type_range(op->bits, op->is_signed, &t.low, &t.high);
    const struct range a = op->in_count > 0 && op->in[0] ? of(op->in[0]) : t;
    const struct range b = op->in_count > 1 && op->in[1] ? of(op->in[1]) : t;
    switch (op->code) {
    case IR_CONST:
        r.low = r.high = ir_number(op->imm, op->is_signed);
        return r;
    case IR_INDEX: {
        const struct level *level = &region->level[op->imm];
        r.low = level->start;
        r.high = level->trips >= 0 ? level->start + (level->trips - 1) * level->step
                                   : level->limit->high - (level->inclusive ? 0 : 1);
        r.high = max_wide(r.low, r.high);
        break;
    }
    case IR_LANE:
        return (struct range){0, p->lanes[op->imm].count - 1};
    case IR_PHI:
    case IR_STATE:
        return (struct range){p->states[op->imm].low, p->states[op->imm].high};
    case IR_VIEW:
        return a;
    case IR_CAST:
        r = a;
        break;
    case IR_TRUNC:
        type_range((int)op->imm, true, &t.low, &t.high);
        r = a;
        break;
    case IR_ADD:
        r = (struct range){a.low + b.low, a.high + b.high};
        break;
    case IR_SUB:
        r = (struct range){a.low - b.high, a.high - b.low};
        break;
    case IR_MUL:
        r = product(a, b);
        break;
    case IR_NEG:
        r = (struct range){-a.high, -a.low};
        break;
    case IR_NOT:
        r = op->bits == 1 ? (struct range){1 - a.high, 1 - a.low}
                          : (struct range){-1 - a.high, -1 - a.low};
        break;
    case IR_AND:
        if (a.low >= 0 && b.low >= 0)
            return (struct range){0, min_wide(a.high, b.high)};
        if (a.low >= 0 || b.low >= 0)
            return (struct range){0, a.low >= 0 ? a.high : b.high};
        r = merge(a, b);
        r.low = -all_ones(-r.low) - 1;
        break;
    case IR_OR:
    case IR_XOR:
        if (a.low >= 0 && b.low >= 0) {
            const wide top = all_ones(max_wide(a.high, b.high));
            const wide bottom = op->code == IR_OR ? max_wide(a.low, b.low) : 0;
            if (op->bits > 1 || top <= 1)
                return (struct range){bottom, min_wide(top, t.high)};
        }
        r = merge(a, b);
        r.high = all_ones(max_wide(r.high, -r.low - 1));
        r.low = -r.high - 1;
        break;
    case IR_SHL: {
        if (b.low < 0 || b.high > 63)
            return t;
        r = merge(product(a, (struct range){(wide)1 << b.low, (wide)1 << b.low}),
                  product(a, (struct range){(wide)1 << b.high, (wide)1 << b.high}));
        break;
    }
    case IR_SHR: { // by amounts that have a meaning
        const wide least = min_wide(max_wide(b.low, 0), 63);
        const wide most = min_wide(max_wide(b.high, 0), 63);
        r = merge((struct range){a.low >> least, a.high >> least},
                  (struct range){a.low >> most, a.high >> most});
        break;
    }
    case IR_EQ:
        if (a.high < b.low || a.low > b.high)
            return (struct range){0, 0};
        if (a.low == a.high && b.low == b.high)
            return (struct range){1, 1};
        return (struct range){0, 1};
    case IR_LT:
        return (struct range){a.high < b.low, a.low < b.high};
    case IR_LE:
        return (struct range){a.high <= b.low, a.low <= b.high};
    case IR_SELECT: {
        const struct assumptions nothing = {.count = 0};
        if (a.low == a.high)
            return a.low ? b : of(op->in[2]);
        struct assumptions yes = nothing, no = nothing;
        learn(&yes, op->in[0], true);
        learn(&no, op->in[0], false);
        return merge(range_under(op->in[1], &yes, 0), range_under(op->in[2], &no, 0));
    }
    case IR_SUM: {
        const wide n = p->lanes[op->imm].count;
        r = (struct range){a.low * n, a.high * n};
        break;
    }
    case IR_MIN:
    case IR_MAX:
        return a;
    case IR_ALL:
    case IR_ANY:
    case IR_PARITY:
        if (a.low < 0)
            return (struct range){-all_ones(max_wide(a.high, -a.low - 1)) - 1,
                                  all_ones(max_wide(a.high, -a.low - 1))};
        return (struct range){0, op->code == IR_ALL ? a.high : min_wide(all_ones(a.high), t.high)};
    case IR_LOAD:
        return (struct range){p->memories[op->imm].low, p->memories[op->imm].high};
    default:
        return t;
    }
    return r.low < t.low || r.high > t.high ? t : r;
}

void ir_resolve_inputs(struct process *p) {
    for (int i = 0; i < p->step_count; i++)
        p->steps[i].condition = ir_resolve(p->steps[i].condition);
    for (int i = 0; i < p->op_count; i++)
        for (int k = 0; k < p->ops[i]->in_count; k++)
            p->ops[i]->in[k] = ir_resolve(p->ops[i]->in[k]);
    for (int i = 0; i < p->region_count; i++) {
        struct region *r = p->regions[i];
        r->enable = ir_resolve(r->enable);
        r->break_if = ir_resolve(r->break_if);
        r->go_on = ir_resolve(r->go_on);
        for (int k = 0; k < r->levels; k++)
            r->level[k].limit = ir_resolve(r->level[k].limit);
        for (int k = 0; k < r->carried_count; k++) {
            r->carried[k].init = ir_resolve(r->carried[k].init);
            r->carried[k].next = ir_resolve(r->carried[k].next);
        }
    }
}

static const struct region *region_of_index(const struct process *p, const struct op *op) {
    for (int i = 0; i < p->region_count; i++)
        for (int k = 0; k < p->regions[i]->levels; k++)
            if (p->regions[i]->level[k].index == op)
                return p->regions[i];
    return NULL;
}

static bool widen(wide *low, wide *high, struct range with, int bits, bool is_signed, int round) {
    struct range now = merge((struct range){*low, *high}, with);
    if (now.low == *low && now.high == *high)
        return false;
    if (round > 2) { // in steps of a bit, so that what wraps at some width stays below it
        now.high = now.high > 0 ? all_ones(now.high) : now.high;
        now.low = now.low < 0 ? -all_ones(-now.low - 1) - 1 : now.low;
    }
    if (round > 100)
        type_range(bits, is_signed, &now.low, &now.high);
    *low = now.low;
    *high = now.high;
    return true;
}

void find_ranges(struct compiler *cc, struct process *p) {
    ir_resolve_inputs(p);
    for (int i = 0; i < p->state_count; i++) {
        struct state *s = &p->states[i];
        int64_t count = 1;
        for (int d = 0; d < s->dims; d++)
            count *= s->size[d];
        for (int64_t k = 0; s->reset && k < count; k++) {
            const wide value = ir_number(s->reset[k], s->is_signed);
            s->low = min_wide(s->low, value);
            s->high = max_wide(s->high, value);
        }
    }
    for (int i = 0; i < p->memory_count; i++) {
        struct memory *m = &p->memories[i];
        if (m->kind == MEMORY_ROM) {
            const struct range r = rom_range(m);
            m->low = r.low;
            m->high = r.high;
        }
    }
    for (int round = 0, changed = 1; changed; round++) {
        changed = 0;
        for (int i = 0; i < p->op_count; i++) {
            struct op *op = p->ops[i];
            if (op->alias)
                continue;
            const struct region *region = op->code == IR_INDEX ? region_of_index(p, op) : NULL;
            if (op->code == IR_INDEX && !region)
                continue;
            const struct range r = transfer(p, region, op);
            op->low = r.low;
            op->high = r.high;
        }
        for (int i = 0; i < p->region_count; i++) {
            const struct region *r = p->regions[i];
            for (int k = 0; k < r->carried_count; k++) {
                struct state *s = &p->states[r->carried[k].state];
                const struct carried *c = &r->carried[k];
                if (c->init)
                    changed |= widen(&s->low, &s->high, of(c->init), s->bits, s->is_signed, round);
                changed |= widen(&s->low, &s->high, of(c->next), s->bits, s->is_signed, round);
            }
            for (int k = 0; k < r->effect_count; k++) {
                const struct op *e = r->effects[k];
                if (e->code != IR_STORE)
                    continue;
                struct memory *m = &p->memories[e->imm];
                changed |= widen(&m->low, &m->high, of(e->in[1]), m->bits, m->is_signed, round);
            }
        }
    }
    // A selection that always goes one way is that way; what has one value only is a constant.
    struct builder b = {.cc = cc, .process = p};
    const int count = p->op_count;
    for (int i = 0; i < count; i++) {
        struct op *op = p->ops[i];
        const bool pure = op->code >= IR_VIEW && op->code <= IR_PARITY;
        if (op->alias || !pure)
            continue;
        if (op->code == IR_SELECT && op->in[0]->low == op->in[0]->high)
            op->alias = op->in[op->in[0]->low ? 1 : 2];
        if (op->alias || op->low != op->high)
            continue;
        op->alias = ir_const(&b, op->bits, op->is_signed, (int64_t)op->low);
        op->alias->low = op->alias->high = op->low;
    }
    ir_resolve_inputs(p);
}

void ir_find_range(const struct process *p, struct op *op) {
    const struct range r = transfer(p, NULL, op);
    op->low = r.low;
    op->high = r.high;
}

wide ir_greatest_where(const struct op *op, const struct op *condition) {
    struct assumptions known = {0};
    if (condition)
        learn(&known, condition, true);
    return range_under(op, &known, 0).high;
}

bool ir_is_exact(const struct op *sum) {
    struct range t;
    type_range(sum->bits, sum->is_signed, &t.low, &t.high);
    const struct range a = of(sum->in[0]), b = of(sum->in[1]);
    return sum->code == IR_SUB ? a.low - b.high >= t.low && a.high - b.low <= t.high
                               : a.low + b.low >= t.low && a.high + b.high <= t.high;
}

// ---- widths

int ir_signed_width(wide low, wide high) {
    if (low >= 0 && high <= 1)
        return 1; // a flag, the only unsigned kind of value
    int width = 2;
    while (low < -((wide)1 << (width - 1)) || high > ((wide)1 << (width - 1)) - 1)
        width++;
    return width;
}

int ir_range_bits(const struct op *op) {
    return ir_signed_width(op->low, op->high);
}

// How many low bits of input k does `op` look at, when `asked` low bits of op are wanted? 0: all.
static int asked_of_input(const struct process *p, const struct op *op, int k, int asked) {
    switch (op->code) {
    case IR_ADD:
    case IR_SUB:
    case IR_MUL:
    case IR_OR:
    case IR_XOR:
    case IR_NEG:
    case IR_SUM:
    case IR_ALL:
    case IR_ANY:
    case IR_PARITY:
        return op->bits == 1 ? 0 : asked;
    case IR_NOT:
        return op->bits == 1 ? 0 : asked;
    case IR_AND: { // a mask lets its own bits through
        int64_t mask;
        if (op->bits == 1 || !ir_is_const(op->in[1 - k], &mask) || op->in[1 - k]->low < 0)
            return op->bits == 1 ? 0 : asked;
        int most = 1;
        while (most < asked && op->in[1 - k]->low >> most)
            most++;
        return most;
    }
    case IR_VIEW:
        return k == 0 ? asked : 0;
    case IR_CAST:
        return op->bits == 1 ? 1 : op->width == 1 ? 0 : asked;
    case IR_TRUNC:
        return asked && asked < op->imm ? asked : (int)op->imm;
    case IR_SELECT:
        return k == 0 ? 0 : asked;
    case IR_SHL: {
        int64_t n;
        return k == 0 && asked && ir_is_const(op->in[1], &n) ? (asked > n ? asked - (int)n : 2) : 0;
    }
    case IR_SHR: {
        int64_t n;
        return k == 0 && op->modular && ir_is_const(op->in[1], &n) ? asked + (int)n : 0;
    }
    case IR_DOT:
        return asked;
    case IR_MULADD:
        return asked;
    case IR_LOAD:
        return k == 0 ? ir_index_bits(p->memories[op->imm].words) : 0;
    case IR_STORE:
        return k == 0   ? ir_index_bits(p->memories[op->imm].words)
               : k == 1 ? p->memories[op->imm].width
                        : 0;
    case IR_WRITE:
        return 0;
    default:
        return 0;
    }
}

void find_widths(struct compiler *cc, struct process *p) {
    int *asked =
        arena_alloc(cc, (size_t)(p->op_count + 1) * sizeof *asked); // 0: nothing yet, -1: all
    for (int i = 0; i < p->state_count; i++)
        p->states[i].width = ir_signed_width(p->states[i].low, p->states[i].high);
    for (int i = 0; i < p->memory_count; i++) {
        struct memory *m = &p->memories[i];
        // A memory of flags or numbers: numbers that are never negative lose the sign bit.
        m->width = ir_signed_width(m->low, m->high);
        if (m->low >= 0 && m->width > 1)
            m->width--;
    }
    for (int i = 0; i < p->op_count; i++) {
        p->ops[i]->width = ir_signed_width(p->ops[i]->low, p->ops[i]->high);
        p->ops[i]->modular = false;
    }
    for (int i = 0; i < p->region_count;
         i++) { // what registers, conditions and payloads take is wanted whole
        const struct region *r = p->regions[i];
        for (int k = 0; k < r->carried_count; k++) {
            asked[r->carried[k].next->id] = -1;
            if (r->carried[k].init)
                asked[r->carried[k].init->id] = -1;
        }
        if (r->enable)
            asked[r->enable->id] = -1;
        if (r->break_if)
            asked[r->break_if->id] = -1;
        if (r->go_on)
            asked[r->go_on->id] = -1;
        for (int k = 0; k < r->levels; k++)
            asked[r->level[k].limit->id] = -1;
        for (int k = 0; k < r->effect_count; k++)
            asked[r->effects[k]->id] = -1;
    }
    for (int i = 0; i < p->step_count; i++)
        if (p->steps[i].condition)
            asked[p->steps[i].condition->id] = -1;
    for (int i = p->op_count - 1; i >= 0; i--) {
        struct op *op = p->ops[i];
        if (op->alias || !asked[i])
            continue;
        if (asked[i] > 0 && asked[i] < op->width && op->width > 1 && op->code != IR_FIELD &&
            op->code != IR_CONST && op->code != IR_PHI && op->code != IR_STATE &&
            op->code != IR_LOAD && op->code != IR_ARG && op->code != IR_INDEX &&
            (op->code != IR_SHR || op->in[1]->code == IR_CONST) && op->code != IR_MIN &&
            op->code != IR_MAX) {
            op->width = asked[i] < 2 ? 2 : asked[i];
            op->modular = true;
        }
        for (int k = 0; k < op->in_count; k++) {
            if (!op->in[k])
                continue;
            int want = asked_of_input(p, op, k, op->width);
            int *input = &asked[op->in[k]->id];
            if (want == 0)
                *input = -1;
            else if (*input >= 0 && want > *input)
                *input = want;
        }
    }
}
