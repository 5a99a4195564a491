// SPDX-License-Identifier: Apache-2.0
// What each operation means. Numbers are kept as their C type has them in 64 bits; sums and
// products wrap there, which the low bits do not see.
#include "interp_flat.h"

#include <string.h>

static int64_t wrap64(uint64_t value, int shift, bool is_signed) {
    value <<= shift;
    return is_signed ? (int64_t)value >> shift : (int64_t)(value >> shift);
}

struct operand {
    const int64_t *value;
    const uint32_t *map;
    size_t step;
};

static struct operand operand_at(const struct ref *r, const int64_t *fixed, const int64_t *values) {
    return (struct operand){(r->fixed ? fixed : values) + r->at, r->map, r->step};
}

static inline size_t place(const struct operand *o, size_t i) {
    return o->map ? o->map[i] : i * o->step;
}

static inline int64_t get(const struct operand *o, size_t i) {
    return o->value[place(o, i)];
}

int64_t ref_scalar(const struct ref *r, const int64_t *fixed, const int64_t *values,
                   int64_t missing) {
    return r->op ? (r->fixed ? fixed : values)[r->at] : missing;
}

wide ref_wide(const struct ref *r, int64_t value) {
    return r->is_u64 ? (wide)(uint64_t)value : (wide)value;
}

void load_phi(const struct flat *f, const struct code *c, const struct storage *s,
              int64_t *values) {
    const struct ref *map = &f->state_value[c->op->id];
    const int64_t *state = s->state[c->op->imm];
    int64_t *out = values + c->at;
    if (!map->map && map->step) {
        memcpy(out, state, c->count * sizeof *out);
        return;
    }
    for (size_t i = 0; i < c->count; i++)
        out[i] = state[map->map ? map->map[i] : 0];
}

// As in the RTL: the low bits of the index, and element 0 instead of one behind the end.
static size_t dynamic_index(const struct dynamic_index *d, const int64_t *fixed,
                            const int64_t *values, size_t i) {
    const struct operand o = operand_at(&d->index, fixed, values);
    const uint64_t index = (uint64_t)get(&o, i) & (((uint64_t)1 << ir_index_bits(d->size)) - 1);
    return index < (uint64_t)d->size ? (size_t)index * (size_t)d->stride : 0;
}

static size_t picked(const struct code *c, const int64_t *fixed, const int64_t *values, size_t i) {
    size_t at = c->pick[i];
    for (int k = 0; k < c->dynamic_count; k++)
        at += dynamic_index(&c->dynamic[k], fixed, values, i);
    return at;
}

// Word that an address names; c->words: none.
static size_t address(const struct code *c, const int64_t *fixed, const int64_t *values, size_t i) {
    if (!c->ref[0].op || c->words == 1)
        return 0;
    const struct operand o = operand_at(&c->ref[0], fixed, values);
    const uint64_t mask = ((uint64_t)1 << ir_index_bits((int64_t)c->words)) - 1;
    const uint64_t at = (uint64_t)get(&o, i) & mask;
    return at < c->words ? (size_t)at : c->words;
}

static void evaluate_load(const struct code *c, const struct storage *s, const int64_t *fixed,
                          int64_t *values) {
    const int64_t *memory = s->memory[c->op->imm];
    for (size_t i = 0; i < c->count; i++) {
        const size_t word = address(c, fixed, values, i);
        values[c->at + i] =
            word < c->words ? memory[word * c->banks + picked(c, fixed, values, i)] : 0;
    }
}

void perform_store(const struct flat *f, const struct code *c, const struct storage *s,
                   const int64_t *fixed, const int64_t *values) {
    int64_t *memory = s->memory[c->op->imm];
    const struct operand value = operand_at(&c->ref[1], fixed, values);
    struct operand guard = {0};
    (void)f;
    if (c->ref[2].op)
        guard = operand_at(&c->ref[2], fixed, values);
    for (size_t i = 0; i < c->count; i++) {
        if (c->ref[2].op && !get(&guard, i))
            continue;
        size_t at = c->pick[i];
        bool inside = true;
        for (int k = 0; k < c->dynamic_count; k++) { // a bank that is not there takes nothing
            const struct operand o = operand_at(&c->dynamic[k].index, fixed, values);
            const int64_t index = get(&o, i);
            inside = inside && index >= 0 && index < c->dynamic[k].size;
            at += inside ? (size_t)(index * c->dynamic[k].stride) : 0;
        }
        const size_t word = address(c, fixed, values, i);
        if (inside && word < c->words)
            memory[word * c->banks + at] = get(&value, i);
    }
}

static uint64_t bits_at(const uint64_t *word, size_t at, int bits) {
    uint64_t value = word[at / 64] >> (at % 64);
    if (at % 64 && at % 64 + (size_t)bits > 64)
        value |= word[at / 64 + 1] << (64 - at % 64);
    return bits < 64 ? value & (((uint64_t)1 << bits) - 1) : value;
}

static void put_bits(uint64_t *word, size_t at, int bits, uint64_t value) {
    if (bits < 64)
        value &= ((uint64_t)1 << bits) - 1;
    word[at / 64] |= value << (at % 64);
    if (at % 64 && at % 64 + (size_t)bits > 64)
        word[at / 64 + 1] |= value >> (64 - at % 64);
}

void write_word(const struct flat *f, const struct code *c, const int64_t *fixed,
                const int64_t *values, uint64_t *word) {
    const struct type *type = f->p->streams[c->op->imm].payload;
    const bool is_struct = type->kind == TYPE_STRUCT;
    size_t at = 0;
    memset(word, 0, ((size_t)f->p->streams[c->op->imm].bits + 63) / 64 * sizeof *word);
    for (int i = 0; i < (is_struct ? type->def->field_count : 1); i++) {
        const struct type *leaf = is_struct ? type->def->fields[i].type : type;
        while (leaf->kind == TYPE_ARRAY)
            leaf = leaf->elem;
        const struct ref *r = &c->ref[1 + i];
        const int64_t *value = (r->fixed ? fixed : values) + r->at;
        for (size_t k = 0; k < c->leaf_count[i]; k++, at += (size_t)leaf->bits)
            put_bits(word, at, leaf->bits, (uint64_t)value[c->leaf[i][k]]);
    }
}

// ---- sums and the like over a lane

static int64_t fold(const struct code *c, enum opcode code, int64_t so_far, int64_t next) {
    const wide a = ref_wide(&c->ref[0], so_far), b = ref_wide(&c->ref[0], next);
    switch (code) {
    case IR_MIN:
        return b < a ? next : so_far;
    case IR_MAX:
        return b > a ? next : so_far;
    case IR_ALL:
        return so_far & next;
    case IR_ANY:
        return so_far | next;
    case IR_PARITY:
        return so_far ^ next;
    default:
        return (int64_t)((uint64_t)so_far + (uint64_t)next);
    }
}

static void evaluate_fold(const struct code *c, const int64_t *fixed, int64_t *values, int shift) {
    const struct operand x = operand_at(&c->ref[0], fixed, values);
    for (size_t i = 0; i < c->count; i++) {
        const int64_t *from = x.value + place(&x, i);
        int64_t sum = from[0];
        if (c->op->code == IR_SUM)
            for (size_t k = 1; k < c->lane_count; k++)
                sum = (int64_t)((uint64_t)sum + (uint64_t)from[k * c->lane_step[0]]);
        else
            for (size_t k = 1; k < c->lane_count; k++)
                sum = fold(c, c->op->code, sum, from[k * c->lane_step[0]]);
        values[c->at + i] = wrap64((uint64_t)sum, shift, c->op->is_signed);
    }
}

static void evaluate_dot(const struct code *c, const int64_t *fixed, int64_t *values, int shift,
                         enum part part) {
    const struct operand x = operand_at(&c->ref[0], fixed, values),
                         y = operand_at(&c->ref[1], fixed, values);
    for (size_t i = 0; i < c->count; i++) {
        const int64_t *a = x.value + place(&x, i), *b = y.value + place(&y, i);
        uint64_t sum = part == PART_SUM ? (uint64_t)values[c->at + i] : 0;
        for (size_t k = 0; part != PART_SUM && k < c->lane_count; k++)
            sum += (uint64_t)a[k * c->lane_step[0]] * (uint64_t)b[k * c->lane_step[1]];
        if (part != PART_PRODUCT && c->ref_count > 2) {
            const struct operand z = operand_at(&c->ref[2], fixed, values);
            sum += (uint64_t)get(&z, i);
        }
        values[c->at + i] = wrap64(sum, shift, c->op->is_signed);
    }
}

static void evaluate_muladd(const struct code *c, const int64_t *fixed, int64_t *values, int shift,
                            enum part part) {
    const struct operand x = operand_at(&c->ref[0], fixed, values),
                         y = operand_at(&c->ref[1], fixed, values),
                         z = operand_at(&c->ref[2], fixed, values);
    int64_t *out = values + c->at;
    for (size_t i = 0; i < c->count; i++) {
        uint64_t sum =
            part == PART_SUM ? (uint64_t)out[i] : (uint64_t)get(&x, i) * (uint64_t)get(&y, i);
        if (part != PART_PRODUCT)
            sum += (uint64_t)get(&z, i);
        out[i] = wrap64(sum, shift, c->op->is_signed);
    }
}

// ---- the others

static void compare(const struct code *c, const int64_t *fixed, int64_t *values) {
    const struct operand x = operand_at(&c->ref[0], fixed, values),
                         y = operand_at(&c->ref[1], fixed, values);
    int64_t *out = values + c->at;
    const bool is_plain = c->ref[0].is_u64 == c->ref[1].is_u64;
    const uint64_t flip = is_plain && c->ref[0].is_u64 ? (uint64_t)1 << 63 : 0;
    for (size_t i = 0; i < c->count; i++) {
        const int64_t a = get(&x, i), b = get(&y, i);
        int order;
        if (is_plain) {
            const int64_t p = (int64_t)((uint64_t)a ^ flip), q = (int64_t)((uint64_t)b ^ flip);
            order = (p > q) - (p < q);
        } else {
            const wide p = ref_wide(&c->ref[0], a), q = ref_wide(&c->ref[1], b);
            order = (p > q) - (p < q);
        }
        out[i] = c->op->code == IR_EQ ? order == 0 : c->op->code == IR_LT ? order < 0 : order <= 0;
    }
}

#define FOR_EACH(expression)                                                                       \
    for (size_t i = 0; i < c->count; i++) {                                                        \
        const uint64_t a = (uint64_t)get(&x, i);                                                   \
        out[i] = wrap64((uint64_t)(expression), shift, op->is_signed);                             \
    }                                                                                              \
    break
#define FOR_PAIRS(expression)                                                                      \
    for (size_t i = 0; i < c->count; i++) {                                                        \
        const uint64_t a = (uint64_t)get(&x, i), b = (uint64_t)get(&y, i);                         \
        out[i] = wrap64((uint64_t)(expression), shift, op->is_signed);                             \
    }                                                                                              \
    break

static void evaluate_simple(const struct flat *f, const struct code *c, const int64_t *fixed,
                            int64_t *values, int shift) {
    const struct op *op = c->op;
    struct operand x = {0}, y = {0}, z = {0};
    int64_t *out = values + c->at;
    if (c->ref_count > 0)
        x = operand_at(&c->ref[0], fixed, values);
    if (c->ref_count > 1)
        y = operand_at(&c->ref[1], fixed, values);
    if (c->ref_count > 2)
        z = operand_at(&c->ref[2], fixed, values);
    switch (op->code) {
    case IR_CAST:
        FOR_EACH(a);
    case IR_TRUNC:
        FOR_EACH(wrap64(a, 64 - (int)op->imm, true));
    case IR_NOT:
        if (op->bits == 1) {
            FOR_EACH(!a);
        }
        FOR_EACH(~a);
    case IR_NEG:
        FOR_EACH(-a);
    case IR_ADD:
        FOR_PAIRS(a + b);
    case IR_SUB:
        FOR_PAIRS(a - b);
    case IR_MUL:
        FOR_PAIRS(a * b);
    case IR_AND:
        FOR_PAIRS(a & b);
    case IR_OR:
        FOR_PAIRS(a | b);
    case IR_XOR:
        FOR_PAIRS(a ^ b);
    case IR_SHL:
        FOR_PAIRS(a << (b & 63));
    case IR_SHR:
        if (c->ref[0].is_u64) {
            FOR_PAIRS(a >> (b & 63));
        }
        FOR_PAIRS((int64_t)a >> (b & 63));
    case IR_SELECT:
        for (size_t i = 0; i < c->count; i++)
            out[i] = get(&x, i) ? get(&y, i) : get(&z, i);
        break;
    default:
        fail(f->cc, op->loc, "operation %s cannot be interpreted", ir_opcode_name(op->code));
    }
}

static void evaluate_leaf(const struct flat *f, const struct code *c, const struct storage *s,
                          int64_t *values, int shift) {
    const struct op *op = c->op;
    int64_t *out = values + c->at;
    for (size_t i = 0; i < c->count; i++)
        out[i] = op->code == IR_CONST  ? op->imm
                 : op->code == IR_LANE ? (int64_t)i
                                       : wrap64((uint64_t)s->args[op->imm], shift, op->is_signed);
    (void)f;
}

void evaluate_code(const struct flat *f, const struct code *c, const struct storage *s,
                   const int64_t *fixed, int64_t *values, enum part part) {
    const struct op *op = c->op;
    const int shift = 64 - op->bits;
    switch (op->code) {
    case IR_CONST:
    case IR_LANE:
    case IR_ARG:
        evaluate_leaf(f, c, s, values, shift);
        break;
    case IR_PHI:
    case IR_STATE:
        load_phi(f, c, s, values);
        break;
    case IR_VIEW: {
        const int64_t *from = (c->ref[0].fixed ? fixed : values) + c->ref[0].at;
        for (size_t i = 0; i < c->count; i++)
            values[c->at + i] = from[picked(c, fixed, values, i)];
        break;
    }
    case IR_FIELD: {
        const uint64_t *word = (const uint64_t *)(values + c->ref[0].at);
        for (size_t i = 0; i < c->count; i++)
            values[c->at + i] = wrap64(bits_at(word, c->pick[i], op->bits), shift, op->is_signed);
        break;
    }
    case IR_LOAD:
        evaluate_load(c, s, fixed, values);
        break;
    case IR_SUM:
    case IR_MIN:
    case IR_MAX:
    case IR_ALL:
    case IR_ANY:
    case IR_PARITY:
        evaluate_fold(c, fixed, values, shift);
        break;
    case IR_DOT:
        evaluate_dot(c, fixed, values, shift, part);
        break;
    case IR_MULADD:
        evaluate_muladd(c, fixed, values, shift, part);
        break;
    case IR_EQ:
    case IR_LT:
    case IR_LE:
        compare(c, fixed, values);
        break;
    default:
        evaluate_simple(f, c, fixed, values, shift);
    }
}

void evaluate_fixed(const struct flat *f, const struct storage *s, int64_t *fixed) {
    for (int pass = 0; pass < 2; pass++) // constants may stand behind their users
        for (int i = 0; i < f->fixed_count; i++) {
            const struct code *c = &f->code[f->fixed[i]];
            if ((c->op->code == IR_CONST) == (pass == 0))
                evaluate_code(f, c, s, fixed, fixed, PART_ALL);
        }
}
