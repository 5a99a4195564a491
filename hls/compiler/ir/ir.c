// SPDX-License-Identifier: Apache-2.0
// Building the graph: every operation is folded, simplified and shared as it is made.
// `x + 0` is x, `3 * 4` is 12, and an `a + b` that was made before is found again; so no later pass
// looks for these. An operation that turns out to be another one later gets an alias (ir_resolve).
#include "ir.h"

#include <stdlib.h>
#include <string.h>

const char *ir_opcode_name(enum opcode code) {
    static const char *const names[] = {
        "const", "arg",    "index", "lane",   "phi",  "state", "mark", "view", "cast", "trunc",
        "add",   "sub",    "mul",   "and",    "or",   "xor",   "not",  "neg",  "shl",  "shr",
        "eq",    "lt",     "le",    "select", "sum",  "min",   "max",  "all",  "any",  "parity",
        "dot",   "muladd", "load",  "store",  "read", "field", "write"};
    return names[code];
}

bool ir_adds(const struct op *op) {
    return op->code == IR_MULADD || (op->code == IR_DOT && op->in_count > 2);
}

bool ir_is_plain(enum opcode code) {
    return code >= IR_CAST && code <= IR_SELECT;
}

bool ir_is_reduction(enum opcode code) {
    return code >= IR_SUM && code <= IR_PARITY;
}

int ir_index_bits(int64_t count) {
    int bits = 1;
    while (bits < 62 && ((int64_t)1 << bits) < count)
        bits++;
    return bits;
}

struct op *ir_resolve(struct op *op) {
    while (op && op->alias)
        op = op->alias;
    return op;
}

wide ir_wrap(wide value, int bits, bool is_signed) {
    const wide size = (wide)1 << bits;
    value %= size;
    if (value < 0)
        value += size;
    if (is_signed && value >= size / 2)
        value -= size;
    return value;
}

bool ir_is_const(const struct op *op, int64_t *value) {
    if (!op || op->code != IR_CONST)
        return false;
    if (value)
        *value = op->imm;
    return true;
}

wide ir_number(int64_t bits, bool is_signed) {
    return is_signed ? (wide)bits : (wide)(uint64_t)bits;
}

static wide const_value(const struct op *op) {
    return ir_number(op->imm, op->is_signed);
}

struct op *ir_const(struct builder *b, int bits, bool is_signed, int64_t value) {
    return ir_op(b, IR_CONST, bits, is_signed, (struct location){NULL, 0}, 0, NULL,
                 (int64_t)ir_wrap(value, bits, is_signed), NULL, 0);
}

struct op *ir_lane(struct builder *b, int lane) {
    if (b->process->lanes[lane].count == 1)
        return ir_const(b, 32, true, 0);
    return ir_op(b, IR_LANE, 32, true, (struct location){NULL, 0}, 0, NULL, lane, NULL, 0);
}

struct op *ir_binary(struct builder *b, enum opcode code, int bits, bool is_signed,
                     struct location loc, struct op *x, struct op *y) {
    return ir_op(b, code, bits, is_signed, loc, 2, (struct op *[]){x, y}, 0, NULL, 0);
}

struct op *ir_cast(struct builder *b, int bits, bool is_signed, struct location loc, struct op *x) {
    return ir_op(b, IR_CAST, bits, is_signed, loc, 1, &x, 0, NULL, 0);
}

struct op *ir_select(struct builder *b, struct location loc, struct op *c, struct op *x,
                     struct op *y) {
    x = ir_resolve(x);
    return ir_op(b, IR_SELECT, x->bits, x->is_signed, loc, 3, (struct op *[]){c, x, y}, 0, NULL, 0);
}

struct op *ir_not(struct builder *b, struct op *x) {
    return ir_op(b, IR_NOT, 1, false, x->loc, 1, &x, 0, NULL, 0);
}

struct op *ir_and(struct builder *b, struct op *x, struct op *y) {
    if (!x || !y)
        return x ? x : y;
    return ir_binary(b, IR_AND, 1, false, y->loc, x, y);
}

struct literals { // of a conjunction
    const struct op *op[32];
    bool holds[32];
    int count;
};

static void collect_literals(const struct op *op, bool holds, struct literals *list) {
    op = ir_resolve((struct op *)(uintptr_t)op);
    while (op->code == IR_CAST && op->bits == 1 && ir_resolve(op->in[0])->bits == 1)
        op = ir_resolve(op->in[0]);
    if (op->bits == 1 && op->code == IR_NOT) {
        collect_literals(op->in[0], !holds, list);
    } else if (op->bits == 1 && op->code == (holds ? IR_AND : IR_OR)) {
        collect_literals(op->in[0], holds, list);
        collect_literals(op->in[1], holds, list);
    } else if (list->count < 32) {
        list->op[list->count] = op;
        list->holds[list->count++] = holds;
    }
}

static bool contradict(const struct op *x, bool x_holds, const struct op *y, bool y_holds) {
    if (x == y)
        return x_holds != y_holds;
    if (!x_holds || !y_holds || x->code != IR_EQ || y->code != IR_EQ)
        return false;
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++) {
            const struct op *a = ir_resolve(x->in[1 - i]), *b = ir_resolve(y->in[1 - k]);
            if (ir_resolve(x->in[i]) == ir_resolve(y->in[k]) && a->code == IR_CONST &&
                b->code == IR_CONST && a->imm != b->imm)
                return true;
        }
    return false;
}

bool ir_exclusive(const struct op *a, const struct op *b) {
    if (!a || !b)
        return false;
    struct literals x = {.count = 0}, y = {.count = 0};
    collect_literals(a, true, &x);
    collect_literals(b, true, &y);
    for (int i = 0; i < x.count; i++)
        for (int k = 0; k < y.count; k++)
            if (contradict(x.op[i], x.holds[i], y.op[k], y.holds[k]))
                return true;
    return false;
}

int ir_find_lane(struct builder *b, int64_t count, uint32_t taken) {
    struct process *p = b->process;
    int nth = 0;
    for (int i = 0; i < p->lane_count; i++) {
        if (p->lanes[i].count != count)
            continue;
        if (!(taken >> i & 1))
            return i;
        nth++;
    }
    if (p->lane_count == MAX_LANES)
        fail(b->cc, p->function->loc,
             "function '%s' has more than %d differing unrolled loops; split it into processes",
             p->name, MAX_LANES);
    p->lanes[p->lane_count] = (struct lane){count, nth};
    return p->lane_count++;
}

static wide evaluate(enum opcode code, const struct op *x, const struct op *y) {
    const wide a = const_value(x), c = y ? const_value(y) : 0;
    switch (code) {
    case IR_ADD:
        return a + c;
    case IR_SUB:
        return a - c;
    case IR_MUL:
        return a * c;
    case IR_AND:
        return a & c;
    case IR_OR:
        return a | c;
    case IR_XOR:
        return a ^ c;
    case IR_SHL:
        return a * ((wide)1 << (c & 63));
    case IR_SHR:
        return a >> (c & 63);
    case IR_EQ:
        return a == c;
    case IR_LT:
        return a < c;
    case IR_LE:
        return a <= c;
    default:
        return 0;
    }
}

static bool is_value(const struct op *op, wide value) {
    return op->code == IR_CONST && const_value(op) == value;
}

static bool same_type(const struct op *op, int bits, bool is_signed) {
    return op->bits == bits && op->is_signed == is_signed;
}

// Has the result of a conversion the value of what is converted, whatever that is?
static bool keeps_value(const struct op *cast) {
    const struct op *in = ir_resolve(cast->in[0]);
    return cast->is_signed == in->is_signed ? cast->bits >= in->bits
                                            : cast->is_signed && cast->bits > in->bits;
}

static int log2_exact(wide value) {
    for (int i = 0; i < 63; i++)
        if (value == (wide)1 << i)
            return i;
    return -1;
}

// (x & 2^n) == 0 or 2^n, as is a test of a flag or of a sign: the bit, or its opposite.
static struct op *match_bit_test(struct builder *b, struct location loc, struct op *x,
                                 struct op *y) {
    if (x->code == IR_CONST) {
        struct op *t = x;
        x = y;
        y = t;
    }
    while (x->code == IR_CAST && keeps_value(x))
        x = ir_resolve(x->in[0]);
    if (x->code != IR_AND || x->bits == 1 || y->code != IR_CONST)
        return NULL;
    for (int side = 0; side < 2; side++) {
        const struct op *mask = ir_resolve(x->in[side]);
        struct op *of = ir_resolve(x->in[1 - side]);
        const int n = mask->code == IR_CONST ? log2_exact(const_value(mask)) : -1;
        if (n < 0 || n >= of->bits || (const_value(y) != 0 && const_value(y) != const_value(mask)))
            continue;
        struct op *bit = ir_cast(
            b, 1, false, loc,
            ir_binary(b, IR_SHR, of->bits, of->is_signed, loc, of, ir_const(b, 32, true, n)));
        return const_value(y) == 0 ? ir_not(b, bit) : bit;
    }
    return NULL;
}

// x << n, then >> n in a signed type: the low bits with their sign.
static struct op *match_sign_extension(struct builder *b, int bits, struct location loc,
                                       struct op *x, struct op *n) {
    int64_t shift, other;
    if (!ir_is_const(n, &shift) || shift < 1 || shift >= bits)
        return NULL;
    struct op *inner = x;
    while (inner->code == IR_CAST && inner->bits == bits)
        inner = ir_resolve(inner->in[0]);
    if (inner->code != IR_SHL || inner->bits != bits ||
        !ir_is_const(ir_resolve(inner->in[1]), &other) || other != shift)
        return NULL;
    struct op *source = ir_resolve(inner->in[0]);
    while (source->code == IR_CAST && source->bits == bits)
        source = ir_resolve(source->in[0]);
    return ir_op(b, IR_TRUNC, bits, true, loc, 1, &source, bits - shift, NULL, 0);
}

static struct op *simplify(struct builder *b, enum opcode code, int bits, bool is_signed,
                           struct location loc, int in_count, struct op **in, int64_t imm) {
    struct op *x = in_count > 0 ? in[0] : NULL, *y = in_count > 1 ? in[1] : NULL;
    switch (code) {
    case IR_ADD:
    case IR_SUB:
    case IR_MUL:
    case IR_AND:
    case IR_OR:
    case IR_XOR:
    case IR_SHL:
    case IR_SHR:
    case IR_EQ:
    case IR_LT:
    case IR_LE:
        if (x->code == IR_CONST && y->code == IR_CONST)
            return ir_const(b, bits, is_signed,
                            (int64_t)ir_wrap(evaluate(code, x, y), bits, is_signed));
        break;
    default:
        break;
    }
    switch (code) {
    case IR_CAST:
        if (same_type(x, bits, is_signed))
            return x;
        if (x->code == IR_CONST)
            return ir_const(b, bits, is_signed, (int64_t)ir_wrap(const_value(x), bits, is_signed));
        return NULL;
    case IR_TRUNC:
        if (imm >= bits && same_type(x, bits, is_signed))
            return x;
        if (x->code == IR_CONST)
            return ir_const(b, bits, is_signed, (int64_t)ir_wrap(const_value(x), (int)imm, true));
        return NULL;
    case IR_ADD:
        if (is_value(x, 0) && same_type(y, bits, is_signed))
            return y;
        if (is_value(y, 0) && same_type(x, bits, is_signed))
            return x;
        return NULL;
    case IR_SUB:
        return is_value(y, 0) && same_type(x, bits, is_signed) ? x : NULL;
    case IR_MUL: {
        if (x->code == IR_CONST) {
            struct op *t = x;
            x = y;
            y = t;
        }
        if (y->code != IR_CONST)
            return NULL;
        if (is_value(y, 0))
            return y;
        if (is_value(y, 1) && same_type(x, bits, is_signed))
            return x;
        const int shift = log2_exact(const_value(y));
        if (shift > 0)
            return ir_binary(b, IR_SHL, bits, is_signed, loc, x, ir_const(b, 32, true, shift));
        return NULL;
    }
    case IR_SHL:
        return is_value(y, 0) ? x : NULL;
    case IR_SHR:
        if (is_value(y, 0))
            return x;
        return is_signed ? match_sign_extension(b, bits, loc, x, y) : NULL;
    case IR_AND:
        if (x == y)
            return x;
        if (bits == 1) {
            if (is_value(x, 1) || is_value(y, 0))
                return y;
            if (is_value(y, 1) || is_value(x, 0))
                return x;
        }
        return NULL;
    case IR_OR:
        if (x == y)
            return x;
        if (is_value(x, 0) || (bits == 1 && is_value(y, 1)))
            return y;
        if (is_value(y, 0) || (bits == 1 && is_value(x, 1)))
            return x;
        return NULL;
    case IR_NOT:
        if (bits == 1) {
            if (x->code == IR_CONST)
                return ir_const(b, 1, false, !x->imm);
            if (x->code == IR_NOT)
                return ir_resolve(x->in[0]);
        } else if (x->code == IR_CONST) {
            return ir_const(b, bits, is_signed, (int64_t)ir_wrap(~const_value(x), bits, is_signed));
        }
        return NULL;
    case IR_NEG:
        return x->code == IR_CONST ? ir_const(b, bits, is_signed,
                                              (int64_t)ir_wrap(-const_value(x), bits, is_signed))
                                   : NULL;
    case IR_EQ:
        if (x == y)
            return ir_const(b, 1, false, 1);
        // A truth value compared with 0 (from `if (flag)`): itself.
        if (is_value(y, 0) && x->code == IR_CAST && ir_resolve(x->in[0])->bits == 1)
            return ir_not(b, ir_resolve(x->in[0]));
        if (x->bits == 1 && y->bits == 1 && y->code == IR_CONST)
            return y->imm ? x : ir_not(b, x);
        return is_value(y, 0) && x->bits == 1 ? ir_not(b, x) : match_bit_test(b, loc, x, y);
    case IR_SELECT:
        if (x->code == IR_CONST)
            return x->imm ? y : in[2];
        if (y == in[2])
            return y;
        if (in[2]->code == IR_SELECT && ir_resolve(in[2]->in[0]) == x)
            return ir_select(b, loc, x, y, ir_resolve(in[2]->in[2]));
        if (bits == 1 && is_value(y, 1) && is_value(in[2], 0))
            return x;
        if (bits == 1 && is_value(y, 0) && is_value(in[2], 1))
            return ir_not(b, x);
        return NULL;
    default:
        return NULL;
    }
}

static uint32_t hash_op(const struct op *op) {
    uint32_t h = (uint32_t)op->code * 2654435761u ^ (uint32_t)op->bits * 97u ^
                 (uint32_t)op->is_signed ^ (uint32_t)op->imm * 40503u ^ (uint32_t)(op->imm >> 32);
    for (int i = 0; i < op->in_count; i++)
        h = h * 31u + (uint32_t)(op->in[i] ? op->in[i]->id : -1);
    for (int i = 0; i < op->view_count; i++)
        h = h * 31u + (uint32_t)op->view[i].base + (uint32_t)op->view[i].lane * 7u;
    return h;
}

static bool equal_view(const struct view_index *x, const struct view_index *y) {
    if (x->lane != y->lane || x->size != y->size || x->base != y->base || x->terms != y->terms ||
        x->dynamic != y->dynamic)
        return false;
    for (int i = 0; i < x->terms; i++)
        if (x->term_lane[i] != y->term_lane[i] || x->term_coef[i] != y->term_coef[i])
            return false;
    return true;
}

static bool equal_op(const struct op *x, const struct op *y) {
    if (x->code != y->code || x->bits != y->bits || x->is_signed != y->is_signed ||
        x->imm != y->imm || x->in_count != y->in_count || x->view_count != y->view_count)
        return false;
    for (int i = 0; i < x->in_count; i++)
        if (x->in[i] != y->in[i])
            return false;
    for (int i = 0; i < x->view_count; i++)
        if (!equal_view(&x->view[i], &y->view[i]))
            return false;
    return true;
}

static bool is_shared(enum opcode code) {
    switch (code) {
    case IR_STORE:
    case IR_READ:
    case IR_WRITE:
    case IR_PHI:
    case IR_MARK:
    case IR_LOAD:
    case IR_INDEX:
        return false;
    default:
        return true;
    }
}

// Loads are shared too where no store comes between; the lowering knows, so it asks for them once.
static uint32_t space_of(const struct op *op) {
    uint32_t space = 0;
    if (op->code == IR_LANE)
        return 1u << op->imm;
    if (op->code == IR_VIEW) {
        space = op->in[0]->space;
        for (int i = 0; i < op->view_count; i++)
            space &= ~(1u << op->view[i].lane);
        for (int i = 1; i < op->in_count; i++)
            space |= op->in[i]->space;
    } else {
        // What watches a load has no part in its value.
        for (int i = 0; i < (op->code == IR_LOAD ? 1 : op->in_count); i++)
            if (op->in[i])
                space |= op->in[i]->space;
    }
    for (int i = 0; i < op->view_count; i++) {
        for (int k = 0; k < op->view[i].terms; k++)
            space |= 1u << op->view[i].term_lane[k];
        if (op->code == IR_FIELD)
            space |= 1u << op->view[i].lane;
    }
    if (ir_is_reduction(op->code) || op->code == IR_DOT)
        space &= ~(1u << op->imm);
    return space;
}

static void grow_table(struct builder *b) {
    int size = 1024;
    while (size < b->process->op_count * 4 + 4)
        size *= 2;
    int *table = arena_alloc(b->cc, (size_t)size * sizeof *table);
    memset(table, -1, (size_t)size * sizeof *table);
    for (int i = 0; i < b->process->op_count; i++) {
        if (!is_shared(b->process->ops[i]->code))
            continue;
        uint32_t slot = hash_op(b->process->ops[i]) & (uint32_t)(size - 1);
        while (table[slot] >= 0)
            slot = (slot + 1) & (uint32_t)(size - 1);
        table[slot] = i;
    }
    b->table = table;
    b->table_size = size;
}

void ir_append(struct compiler *cc, struct process *p, struct op *op) {
    if (p->op_count == MAX_OPERATIONS)
        fail(
            cc, op->loc.file ? op->loc : p->function->loc,
            "process '%s' has %d operations when the code comes here, which is the limit: unrolled "
            "loops and calls are hardware of their own each time; unroll less, by a factor, or "
            "split the process",
            p->name, MAX_OPERATIONS);
    op->id = p->op_count;
    p->ops = arena_room(cc, p->ops, p->op_count, sizeof *p->ops);
    p->ops[p->op_count++] = op;
}

struct op *ir_op(struct builder *b, enum opcode code, int bits, bool is_signed, struct location loc,
                 int in_count, struct op **in, int64_t imm, const struct view_index *view,
                 int view_count) {
    struct op *resolved[64];
    struct op **inputs =
        in_count > 64 ? arena_alloc(b->cc, (size_t)in_count * sizeof *inputs) : resolved;
    for (int i = 0; i < in_count; i++)
        inputs[i] = ir_resolve(in[i]);
    if (b->line.file)
        loc = b->line;
    struct op *simple = simplify(b, code, bits, is_signed, loc, in_count, inputs, imm);
    if (simple)
        return simple;

    struct process *p = b->process;
    if (p->op_count * 2 >= b->table_size)
        grow_table(b);
    struct op probe = {.code = code,
                       .bits = bits,
                       .is_signed = is_signed,
                       .in_count = in_count,
                       .in = inputs,
                       .imm = imm,
                       .view_count = view_count,
                       .view = (struct view_index *)(uintptr_t)view,
                       .loc = loc};
    const uint32_t mask = (uint32_t)(b->table_size - 1);
    uint32_t slot = hash_op(&probe) & mask;
    if (is_shared(code)) {
        for (; b->table[slot] >= 0; slot = (slot + 1) & mask) {
            struct op *old = p->ops[b->table[slot]];
            if (equal_op(old, &probe) && !old->alias)
                return old;
        }
    }
    struct op *op = arena_copy(b->cc, &probe, sizeof probe);
    op->in = arena_copy(b->cc, inputs, (size_t)in_count * sizeof *inputs);
    op->view = arena_copy(b->cc, view, (size_t)view_count * sizeof *view);
    op->space = space_of(op);
    ir_append(b->cc, p, op);
    if (is_shared(code))
        b->table[slot] = op->id;
    return op;
}

bool ir_only_enters(const struct region *r) {
    for (int i = 0; i < r->carried_count; i++)
        if (r->carried[i].next != r->carried[i].phi)
            return false;
    return !r->levels && !r->repeats && !r->effect_count;
}

void ir_dump(FILE *file, const struct process *p) {
    fprintf(file, "process %s\n", p->name);
    for (int i = 0; i < p->op_count; i++) {
        const struct op *op = p->ops[i];
        if (op->alias)
            continue;
        fprintf(file, "  %%%d = %s %c%d imm=%lld space=%x", op->id, ir_opcode_name(op->code),
                op->is_signed ? 's' : 'u', op->bits, (long long)op->imm, op->space);
        for (int k = 0; k < op->in_count; k++)
            fprintf(file, " %%%d", op->in[k] ? ir_resolve(op->in[k])->id : -1);
        fprintf(file, " width=%d %s:%d\n", op->width, op->name ? op->name : "", op->loc.line);
    }
}

int ir_probes(const struct network *net, struct probed *list) {
    int count = 0;
    for (int p = 0; p < net->process_count; p++)
        for (int i = 0; i < net->processes[p]->state_count; i++) {
            if (!net->processes[p]->states[i].is_probe)
                continue;
            if (list)
                list[count] = (struct probed){p, i};
            count++;
        }
    return count;
}
