// SPDX-License-Identifier: Apache-2.0
// Random numbers, variables and expressions.
#include "generate.h"
#include "random.h"

uint64_t draw(struct generator *g) {
    return random_bits(&g->random);
}

int below(struct generator *g, int count) {
    return (int)(draw(g) % (uint64_t)count);
}

int between(struct generator *g, int a, int b) {
    return a + below(g, b - a + 1);
}

bool chance(struct generator *g, int percent) {
    return below(g, 100) < percent;
}

bool may(const struct generator *g, enum feature_bit feature) {
    return g->features >> feature & 1;
}

enum base any_base(struct generator *g) {
    static const enum base often[] = {B_I16, B_I32, B_U32, B_I8, B_U8, B_U16};
    if (chance(g, 70))
        return often[below(g, 6)];
    const enum base base = (enum base)below(g, B_NUMBERS);
    return bits_of(base) == 64 && !may(g, FEATURE_WIDE) ? B_I32 : base;
}

int64_t any_value(struct generator *g, enum base base) {
    static const int64_t special[] = {0, 1, 2, 3, 5, 7, 8, 15, 16, 100, 127, 128, 255, 256, 1000};
    const int bits = bits_of(base);
    int64_t value = special[below(g, 15)];
    if (chance(g, 30))
        value = (int64_t)draw(g);
    if (is_signed(base) && chance(g, 30))
        value = -value;
    if (chance(g, 5))
        value = is_signed(base) ? -(int64_t)((uint64_t)1 << (bits - 1)) : -1;
    if (base == B_ENUM)
        return value & 1;
    if (bits < 64) {
        value = (int64_t)((uint64_t)value & (((uint64_t)1 << bits) - 1));
        if (is_signed(base) && value >> (bits - 1))
            value -= (int64_t)1 << bits;
    }
    return value;
}

struct var *new_var(struct generator *g, enum var_kind kind, enum base base) {
    struct var *var = take(g->p, sizeof *var);
    var->id = g->p->next_id++;
    var->kind = kind;
    var->base = base;
    return var;
}

void show(struct generator *g, struct var *var) {
    if (g->scope_count < 256)
        g->scope[g->scope_count++] = var;
}

struct node *number(struct generator *g, enum base base, int64_t value) {
    struct node *e = new_node(g->p, E_CONST);
    e->base = base;
    e->value = value;
    return e;
}

struct node *use(struct generator *g, struct var *var) {
    struct node *e = new_node(g->p, E_VAR);
    e->var = var;
    return e;
}

struct node *binary_of(struct generator *g, int op, struct node *a, struct node *b) {
    struct node *e = new_node(g->p, E_BINARY);
    e->op = op;
    e->e[0] = a;
    e->e[1] = b;
    return e;
}

// An index into `size` elements: of a loop where there is one, or any value, which is masked.
static struct node *index_into(struct generator *g, int size) {
    struct var *fits[16];
    int count = 0;
    for (int i = g->scope_count; i-- > 0 && count < 16;)
        if (g->scope[i]->kind == V_INDEX && g->scope[i]->low >= 0)
            fits[count++] = g->scope[i];
    if (count && chance(g, 75)) {
        struct node *e = use(g, fits[below(g, count < 3 ? count : 3)]);
        if (chance(g, 20))
            e = binary_of(g, O_ADD, e, number(g, B_I32, between(g, 1, 2)));
        return e;
    }
    if (chance(g, 30))
        return number(g, B_I32, below(g, size));
    return expression_of(g, 1);
}

struct node *element_of(struct generator *g, struct var *var) {
    struct node *e = new_node(g->p, var->base == B_RECORD    ? E_FIELD
                                    : var->dims              ? E_INDEX
                                    : var->kind == V_POINTER ? E_DEREF
                                                             : E_VAR);
    e->var = var;
    if (var->base == B_RECORD) {
        e->value = below(g, var->record->fields);
        const int size = var->record->size[e->value];
        if (size) // tiles look at elements that can be named
            e->e[0] = g->lanes && g->lane ? number(g, B_I32, below(g, size)) : index_into(g, size);
        return e;
    }
    for (int i = 0; i < var->dims; i++)
        e->e[i] = i < 1 || !var->has_banks   ? index_into(g, var->size[i])
                  : g->lane && chance(g, 80) ? use(g, g->lane)
                                             : number(g, B_I32, below(g, var->size[i]));
    return e;
}

// An index that is known in each lane.
static struct node *fixed_index(struct generator *g, int size) {
    if (!g->lane || chance(g, 40))
        return number(g, B_I32, below(g, size));
    struct node *e = use(g, g->lane);
    if (chance(g, 50))
        e = binary_of(g, O_MUL, e, number(g, B_I32, between(g, 2, 7)));
    return chance(g, 50) ? binary_of(g, O_SHR, e, number(g, B_I32, between(g, 1, 3))) : e;
}

// Of an array of the tiles: the one of the lane, or outside of the lanes one that can be named.
struct node *lane_element(struct generator *g, struct var *var) {
    struct node *e = new_node(g->p, E_INDEX);
    e->var = var;
    for (int i = 0; i < var->dims; i++)
        e->e[i] = i == 0 && g->lane && var->size[0] == g->lanes ? use(g, g->lane)
                  : i == 0 && var->size[0] != g->lanes          ? fixed_index(g, var->size[0])
                                                       : number(g, B_I32, below(g, var->size[i]));
    return e;
}

static struct node *leaf(struct generator *g) {
    for (int tries = 0; tries < 6 && g->scope_count && !chance(g, 12); tries++) {
        // The latest are likelier.
        const int from = chance(g, 60) && g->scope_count > 8 ? g->scope_count - 8 : 0;
        struct var *var = g->scope[between(g, from, g->scope_count - 1)];
        if (g->in_wide && (var->dims || var->kind != V_SCALAR) && var != g->lane)
            continue;
        if (g->lanes && var->dims) {
            if (var->is_memory || var->kind == V_TABLE || (!g->lane && !chance(g, 30)))
                continue;
            return lane_element(g, var);
        }
        if (var->kind == V_STREAM || (g->early && (var->is_memory || var->base == B_RECORD ||
                                                   var->dims || var->kind == V_LOCAL)))
            continue;
        if (var->is_memory || var->kind == V_TABLE) {
            if (g->loads <= 0 || (var->is_memory && !var->may_load))
                continue;
            g->loads--;
        }
        return element_of(g, var);
    }
    const enum base base = any_base(g);
    return number(g, base, any_value(g, base));
}

static bool is_constant(const struct node *e) {
    for (int i = 0; i < 3 && e->e[i]; i++)
        if (!is_constant(e->e[i]))
            return false;
    return e->kind == E_CONST || (e->kind != E_VAR && e->e[0]);
}

static struct node *call_of(struct generator *g, int depth) {
    struct node *f = g->functions[below(g, g->function_count)];
    if (f->base == B_VOID || f->param[0].var->kind != V_PARAM)
        return leaf(g);
    struct node *e = new_node(g->p, E_CALL);
    e->function = f;
    for (int i = 0; i < f->params; i++)
        e->e[i] = expression_of(g, depth - 1);
    return e;
}

static struct node *operation(struct generator *g, int depth) {
    static const int operators[] = {O_ADD, O_ADD, O_ADD, O_SUB, O_SUB, O_SUB, O_MUL, O_MUL,
                                    O_DIV, O_MOD, O_AND, O_AND, O_OR,  O_XOR, O_XOR, O_SHL,
                                    O_SHL, O_SHR, O_SHR, O_SHR, O_EQ,  O_LT,  O_GE,  O_LOR};
    const int op = operators[below(g, sizeof operators / sizeof *operators)];
    struct node *a = expression_of(g, depth - 1), *b;
    if (op == O_MUL) {
        if (g->products <= 0 || g->early)
            return a;
        g->products--;
    }
    if (op == O_DIV || op == O_MOD)
        b = number(g, B_I32, between(g, 1, 7));
    else if ((op == O_SHL || op == O_SHR) && chance(g, 70))
        b = number(g, B_I32, below(g, bits_of(promote(type_of(a)))));
    else
        b = expression_of(g, depth - 1);
    struct node *e = binary_of(g, op, a, b);
    return is_constant(e) ? a : e; // gcc warns of overflows between constants
}

struct node *expression_of(struct generator *g, int depth) {
    const int kind = below(g, 100);
    if (depth <= 0 || g->nodes <= 0 || kind < 15)
        return leaf(g);
    g->nodes--;
    if (kind < 70)
        return operation(g, depth);
    if (kind < 85) {
        struct node *e = new_node(g->p, E_CAST);
        e->base = any_base(g);
        e->e[0] = expression_of(g, depth - 1);
        return is_constant(e) ? e->e[0] : e;
    }
    if (kind < 90) {
        struct node *e = new_node(g->p, E_UNARY);
        e->op = between(g, O_NEG, O_LNOT);
        e->e[0] = expression_of(g, depth - 1);
        return is_constant(e) ? e->e[0] : e;
    }
    if (kind < 96 || !g->function_count || g->early || g->in_function) {
        struct node *e = new_node(g->p, E_COND);
        e->e[0] = condition_of(g, 1);
        e->e[1] = expression_of(g, depth - 1);
        e->e[2] = expression_of(g, depth - 1);
        return e;
    }
    return call_of(g, depth);
}

struct node *condition_of(struct generator *g, int depth) {
    struct node *a = expression_of(g, depth);
    if (is_constant(a))
        a = leaf(g);
    if (chance(g, 30))
        return binary_of(g, O_NE,
                         binary_of(g, O_AND, a, number(g, B_I32, (int64_t)1 << below(g, 4))),
                         number(g, B_I32, 0));
    const int op = between(g, O_EQ, O_GE);
    struct node *b = chance(g, 50) ? number(g, B_I32, below(g, 9)) : expression_of(g, depth - 1);
    return binary_of(g, op, a, b);
}

struct node *early_condition(struct generator *g) {
    struct var *fits[24];
    int count = 0;
    for (int i = 0; i < g->scope_count && count < 24; i++)
        if (g->scope[i]->kind == V_INDEX || g->scope[i]->kind == V_SCALAR)
            fits[count++] = g->scope[i];
    struct node *a = count ? use(g, fits[below(g, count)]) : number(g, B_I32, 1);
    if (count > 1 && chance(g, 20))
        a = binary_of(g, O_ADD, a, use(g, fits[below(g, count)]));
    const bool masked = chance(g, 60);
    const int op = between(g, O_EQ, masked ? O_NE : O_GE);
    if (masked)
        a = binary_of(g, O_AND, a, number(g, B_I32, chance(g, 50) ? 1 : 3));
    return binary_of(g, op, a, number(g, B_I32, below(g, masked ? 2 : 7)));
}
