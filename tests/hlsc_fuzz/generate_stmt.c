// SPDX-License-Identifier: Apache-2.0
// Statements that are one iteration of a pipeline or straight code, and helper functions.
#include "generate.h"

struct node *pragma(struct generator *g, const char *text) {
    struct node *s = new_node(g->p, N_PRAGMA);
    s->text = text;
    s->tail = "";
    return s;
}

struct node *declare(struct generator *g, struct var *var, struct node *value) {
    struct node *s = new_node(g->p, N_DECL);
    s->var = var;
    s->e[0] = value;
    return s;
}

struct node *assign(struct generator *g, int op, struct node *target, struct node *value) {
    struct node *s = new_node(g->p, N_ASSIGN);
    s->op = op;
    s->e[0] = target;
    s->e[1] = value;
    return s;
}

struct node *guard_of(struct generator *g, struct node *condition) {
    struct node *s = new_node(g->p, N_IF);
    s->e[0] = condition;
    return s;
}

static bool is_assignable(const struct var *var) {
    return (var->kind == V_LOCAL || var->kind == V_STATIC || var->kind == V_POINTER ||
            var->kind == V_PARAM) &&
           !var->is_const && !var->is_memory;
}

static struct var *any_target(struct generator *g) {
    for (int tries = 0; tries < 12 && g->scope_count; tries++) {
        struct var *var = g->scope[below(g, g->scope_count)];
        if (is_assignable(var))
            return var;
    }
    return NULL;
}

static void one_declaration(struct generator *g, struct list *into) {
    struct var *var = new_var(g, V_LOCAL, any_base(g));
    var->is_const = chance(g, 30);
    append(g->p, &into[0], declare(g, var, expression_of(g, 3)));
    show(g, var);
}

// An array of the iteration, which an unrolled loop or some assignments fill.
static void array_declaration(struct generator *g, struct list *into) {
    struct var *var = new_var(g, V_LOCAL, any_base(g));
    var->dims = 1;
    var->size[0] = between(g, 2, 8);
    append(g->p, into, declare(g, var, NULL));
    show(g, var);
}

static void one_assignment(struct generator *g, struct list *into) {
    static const int ops[] = {O_SET, O_SET, O_SET, O_ADD, O_ADD, O_SUB,
                              O_XOR, O_OR,  O_AND, O_SHL, O_SHR, O_MUL};
    struct var *var = any_target(g);
    if (!var) {
        one_declaration(g, into);
        return;
    }
    int op = ops[below(g, 12)];
    if (op == O_MUL && g->products-- <= 0)
        op = O_ADD;
    struct node *target = element_of(g, var);
    append(g->p, into, assign(g, op, target, expression_of(g, 2)));
}

static void branch(struct generator *g, struct list *into) {
    const int mark = g->scope_count;
    struct node *s = guard_of(g, condition_of(g, 2));
    statements_of(g, &s->kids, between(g, 1, 2));
    g->scope_count = mark;
    if (chance(g, 40)) {
        statements_of(g, &s->other, between(g, 1, 2));
        g->scope_count = mark;
    }
    append(g->p, into, s);
}

static void choice(struct generator *g, struct list *into) {
    const int mark = g->scope_count, arms = between(g, 2, 4);
    struct node *s = new_node(g->p, N_SWITCH);
    s->e[0] = expression_of(g, 1);
    for (int i = 0; i < arms; i++) {
        struct node *arm = new_node(g->p, N_CASE);
        arm->value = i + 1 == arms ? -1 : i;
        statements_of(g, &arm->kids, 1);
        g->scope_count = mark;
        append(g->p, &s->kids, arm);
    }
    append(g->p, into, s);
}

static struct node *unrolled(struct generator *g, int trips) {
    struct node *s = new_node(g->p, N_FOR);
    s->var = new_var(g, V_INDEX, B_I32);
    s->var->low = s->value = chance(g, 80) ? 0 : between(g, 1, 2);
    s->op = chance(g, 85) ? 1 : 2;
    s->var->high = trips - 1;
    s->e[0] = number(g, B_I32, trips);
    append(g->p, &s->kids, pragma(g, "unroll"));
    show(g, s->var);
    return s;
}

static struct var *any_array(struct generator *g) {
    for (int tries = 0; tries < 16 && g->scope_count; tries++) {
        struct var *var = g->scope[below(g, g->scope_count)];
        if (var->dims == 1 && !var->is_memory && var->kind != V_TABLE)
            return var;
    }
    return NULL;
}

static void unrolled_loop(struct generator *g, struct list *into) {
    const int mark = g->scope_count;
    struct var *array = any_array(g);
    struct node *s = unrolled(g, array ? array->size[0] : between(g, 2, 6));
    const int loads = g->loads;
    g->lane = s->var;
    g->loads = chance(g, 20) && loads > 0;
    g->in_wide = s->e[0]->value > 16;
    if (array && is_assignable(array)) {
        struct node *target = new_node(g->p, E_INDEX);
        target->var = array;
        target->e[0] = use(g, s->var);
        append(g->p, &s->kids, assign(g, O_SET, target, expression_of(g, 2)));
    }
    if (!g->in_wide) // an expansion of thousands of operations is no test
        statements_of(g, &s->kids, between(g, array ? 0 : 1, 2));
    g->in_wide = false;
    g->loads = loads;
    g->lane = NULL;
    g->scope_count = mark;
    append(g->p, into, s);
}

// acc = acc op x[k] over all k, in the many ways in which it is written.
static void reduction(struct generator *g, struct list *into) {
    const int mark = g->scope_count;
    struct var *array = any_array(g), *acc = new_var(g, V_LOCAL, any_base(g));
    const enum base base = acc->base == B_BOOL ? B_I32 : acc->base;
    acc->base = base;
    append(
        g->p, into,
        declare(g, acc, chance(g, 60) ? number(g, base, any_value(g, base)) : expression_of(g, 1)));
    struct node *s = unrolled(g, array ? array->size[0] : between(g, 2, 9)), *x;
    if (array) {
        x = new_node(g->p, E_INDEX);
        x->var = array;
        x->e[0] = use(g, s->var);
        if (chance(g, 25) && g->products-- > 0)
            x = binary_of(g, O_MUL, x, expression_of(g, 1));
    } else {
        x = binary_of(g, O_XOR, expression_of(g, 2), use(g, s->var));
    }
    static const int ops[] = {O_ADD, O_ADD, O_SUB, O_AND, O_OR, O_XOR, O_LT, O_GT, O_LT, O_GT};
    const int op = ops[below(g, 10)];
    struct node *step;
    if (op == O_LT || op == O_GT) {
        struct var *item = new_var(g, V_LOCAL, array && chance(g, 70) ? array->base : base);
        item->is_const = true;
        append(g->p, &s->kids, declare(g, item, x));
        if (chance(g, 50)) {
            step = guard_of(g, binary_of(g, op + below(g, 2), use(g, item), use(g, acc)));
            append(g->p, &step->kids, assign(g, O_SET, use(g, acc), use(g, item)));
        } else {
            struct node *pick = new_node(g->p, E_COND);
            pick->e[0] = binary_of(g, op, use(g, item), use(g, acc));
            pick->e[1] = use(g, item);
            pick->e[2] = use(g, acc);
            step = assign(g, O_SET, use(g, acc), pick);
        }
    } else {
        step = assign(g, op, use(g, acc), x);
    }
    if (chance(g, 15)) {
        struct node *some = guard_of(g, condition_of(g, 1));
        append(g->p, &some->kids, step);
        step = some;
    }
    append(g->p, &s->kids, step);
    append(g->p, into, s);
    g->scope_count = mark;
    show(g, acc);
}

static struct var *any_store(struct generator *g) {
    struct var *fits[8];
    int count = 0;
    for (int i = 0; i < g->scope_count && count < 8; i++)
        if (g->scope[i]->may_store)
            fits[count++] = g->scope[i];
    return count ? fits[below(g, count)] : NULL;
}

void store(struct generator *g, struct list *into) {
    static const int changes[] = {O_ADD, O_ADD, O_XOR, O_SUB};
    struct var *var = any_store(g);
    if (!var) {
        one_assignment(g, into);
        return;
    }
    var->may_store = false;
    struct node *target = element_of(g, var);
    // The word of an earlier iteration, changed: m[k] += x.
    const bool reads = var->may_load && var->base != B_BOOL && g->loads > 0 && chance(g, 60);
    g->loads -= reads;
    const int op = reads ? changes[below(g, 4)] : O_SET;
    append(g->p, into, assign(g, op, target, expression_of(g, 2)));
}

// An expression of many operations, into something that outlives it.
void deep_statement(struct generator *g, struct list *into) {
    struct var *var = any_target(g);
    if (!var) {
        one_declaration(g, into);
        return;
    }
    g->nodes += 40;
    struct node *target = element_of(g, var);
    append(g->p, into, assign(g, O_SET, target, expression_of(g, 7)));
}

// What is computed in many steps, each from the one before; at times from a memory and back to it.
static void long_chain(struct generator *g, struct list *into) {
    static const int ops[] = {O_ADD, O_ADD, O_SUB, O_XOR, O_AND, O_OR, O_SHR, O_SHL};
    struct var *var = new_var(g, V_LOCAL, chance(g, 70) ? B_U32 : any_base(g));
    const int steps = between(g, 8, 40);
    if (var->base == B_BOOL)
        var->base = B_I32;
    append(g->p, into, declare(g, var, expression_of(g, 1)));
    for (int i = 0; i < steps; i++) {
        const int op = ops[below(g, 8)];
        const bool shifts = op == O_SHR || op == O_SHL;
        append(g->p, into,
               assign(g, op, use(g, var),
                      shifts || chance(g, 40) ? number(g, B_I32, between(g, 1, 7))
                                              : expression_of(g, 1)));
    }
    show(g, var);
    if (chance(g, 60))
        store(g, into);
}

static void call_statement(struct generator *g, struct list *into) {
    struct node *f = g->functions[below(g, g->function_count)];
    struct var *found = NULL;
    if (f->param[0].var->kind == V_POINTER)
        for (int tries = 0; tries < 20 && !found && g->scope_count; tries++) {
            struct var *var = g->scope[below(g, g->scope_count)];
            const struct var *param = f->param[0].var;
            if (is_assignable(var) && var->kind != V_PARAM && var->base == param->base &&
                var->dims == param->dims && var->size[0] == param->size[0])
                found = var;
        }
    if (!found) {
        one_assignment(g, into);
        return;
    }
    struct node *s = new_node(g->p, N_CALL);
    s->function = f;
    s->e[0] = found->dims ? use(g, found) : new_node(g->p, E_ADDRESS);
    s->e[0]->var = found;
    s->e[1] = expression_of(g, 1);
    append(g->p, into, s);
}

static void one_statement(struct generator *g, struct list *into) {
    const int kind = below(g, 100);
    if (kind < 3 && may(g, FEATURE_CHAIN) && !g->is_fast && !g->lane && !g->in_function)
        long_chain(g, into);
    else if (kind < 25)
        one_declaration(g, into);
    else if (kind < 50 || g->nodes <= 0)
        one_assignment(g, into);
    else if (kind < 62)
        branch(g, into);
    else if (kind < 66 && may(g, FEATURE_SWITCH))
        choice(g, into);
    else if (kind < 76 && !g->lane)
        unrolled_loop(g, into);
    else if (kind < 84 && !g->lane && may(g, FEATURE_REDUCE))
        reduction(g, into);
    else if (kind < 88)
        array_declaration(g, into);
    else if (kind < 94 && !g->lane && !g->in_function)
        store(g, into);
    else if (g->function_count && !g->in_function)
        call_statement(g, into);
    else
        one_assignment(g, into);
}

void statements_of(struct generator *g, struct list *into, int count) {
    while (count-- > 0)
        one_statement(g, into);
}

struct node *word_of(struct generator *g, struct list *into, const struct var *of) {
    if (of->base != B_RECORD)
        return expression_of(g, 2);
    const int mark = g->scope_count;
    struct var *word = new_var(g, V_LOCAL, B_RECORD);
    word->record = of->record;
    append(g->p, into, declare(g, word, NULL));
    for (int i = 0; i < word->record->fields; i++) {
        struct node *target = new_node(g->p, E_FIELD), *loop = NULL;
        target->var = word;
        target->value = i;
        if (word->record->size[i]) {
            loop = unrolled(g, word->record->size[i]);
            target->e[0] = use(g, loop->var);
        }
        const int loads = g->loads;
        if (loop)
            g->loads = 0;
        struct node *value = assign(g, O_SET, target, expression_of(g, 2));
        g->loads = loads;
        g->scope_count = mark;
        if (loop)
            append(g->p, &loop->kids, value);
        append(g->p, into, loop ? loop : value);
    }
    return use(g, word);
}

void write_stream(struct generator *g, struct list *into, int stream) {
    struct node *s = new_node(g->p, N_WRITE);
    g->is_busy[stream] = g->has_output = true;
    s->var = g->streams[stream];
    s->e[0] = word_of(g, into, s->var);
    append(g->p, into, s);
}

// A helper: of values; or one that changes what a pointer names, a number or an array.
void make_function(struct generator *g) {
    struct node *f = new_node(g->p, N_FUNCTION);
    const bool by_pointer = chance(g, 40);
    f->id = g->p->next_id++;
    f->base = by_pointer ? B_VOID : any_base(g);
    f->params = by_pointer ? 2 : between(g, 1, 3);
    g->scope_count = 0;
    g->in_function = true;
    g->products = 1;
    g->nodes = 20;
    g->loads = 0;
    for (int i = 0; i < f->params; i++) {
        struct var *var = new_var(g, by_pointer && i == 0 ? V_POINTER : V_PARAM, any_base(g));
        if (var->kind == V_POINTER && chance(g, 50)) {
            var->dims = 1;
            var->size[0] = between(g, 2, 8);
        }
        f->param[i].var = var;
        show(g, var);
    }
    statements_of(g, &f->kids, between(g, 1, 3));
    if (by_pointer) {
        struct node *target = element_of(g, f->param[0].var);
        const int op = chance(g, 50) ? O_ADD : O_SET;
        append(g->p, &f->kids, assign(g, op, target, expression_of(g, 2)));
    } else {
        struct node *end = new_node(g->p, N_RETURN);
        if (chance(g, 30)) {
            struct node *early = guard_of(g, condition_of(g, 1)), *inner = new_node(g->p, N_RETURN);
            inner->e[0] = expression_of(g, 2);
            append(g->p, &early->kids, inner);
            append(g->p, &f->kids, early);
        }
        end->e[0] = expression_of(g, 2);
        append(g->p, &f->kids, end);
    }
    g->in_function = false;
    append(g->p, &g->p->root->kids, f);
    if (g->function_count < 8)
        g->functions[g->function_count++] = f;
}
