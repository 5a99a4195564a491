// SPDX-License-Identifier: Apache-2.0
// The top of the front end: declarations at file scope, functions, and what can be checked only
// when the whole file is known (calls without a body, recursion).
#include "front.h"
#include <string.h>

// ---- headers of the system

// Skips one declaration or function definition.
static void skip_external(struct front *f) {
    bool after_params = false;
    for (;;) {
        const struct token *t = peek(f);
        if (t->kind == TOK_END)
            return;
        if (token_is(t, "(") || token_is(t, "[") || token_is(t, "{")) {
            bool is_body = token_is(t, "{") && after_params;
            skip_balanced(f);
            if (is_body)
                return;
            after_params = token_is(t, "(");
            continue;
        }
        next_token(f);
        if (token_is(t, ";"))
            return;
        after_params = false;
    }
}

static void system_declaration(struct front *f) {
    int ahead = 0;
    while (token_is(peek_at(f, ahead), "__extension__"))
        ahead++;
    const struct token *t = peek_at(f, ahead);
    bool is_enum = token_is(t, "enum") &&
                   (token_is(peek_at(f, ahead + 1), "{") || token_is(peek_at(f, ahead + 2), "{"));
    if (!token_is(t, "typedef") && !is_enum) {
        skip_external(f);
        return;
    }
    struct specifiers s;
    parse_specifiers(f, &s);
    while (s.is_typedef && !token_is(peek(f), ";") && peek(f)->kind != TOK_END) {
        struct declarator d;
        parse_declarator(f, &s, &d, false);
        const struct type *type = d.is_function || d.open_array ? f->foreign : d.type;
        // Headers repeat typedefs; the first one counts.
        if (d.name && !lookup(f, d.name, false))
            declare(f, d.name, SYM_TYPEDEF, d.loc)->type = type;
        if (!accept(f, ","))
            break;
    }
    while (peek(f)->kind != TOK_END && !token_is(peek(f), ";"))
        next_token(f);
    accept(f, ";");
}

// ---- functions

static struct function *declare_function(struct front *f, const struct specifiers *s,
                                         const struct declarator *d) {
    if (!is_number(d->type) && d->type->kind != TYPE_STRUCT &&
        (d->type->kind != TYPE_VOID || d->type == f->foreign))
        fail(f->cc, s->loc, "%s returns %s; return void, a number or a struct", d->name,
             type_text(f, d->type));
    struct symbol *symbol = lookup(f, d->name, false);
    if (symbol && symbol->kind == SYM_FUNCTION) {
        struct function *known = symbol->function;
        bool same = known->param_count == d->param_count && same_type(known->result, d->type);
        for (int i = 0; same && i < d->param_count; i++)
            same = same_type(known->params[i]->type, d->params[i]->type);
        if (!same)
            fail(f->cc, d->loc, "%s is declared with other types at line %d; make them equal",
                 d->name, symbol->loc.line);
        return known;
    }
    struct function *function = arena_alloc(f->cc, sizeof *function);
    function->name = d->name;
    function->result = d->type;
    function->params = d->params;
    function->param_count = d->param_count;
    function->loc = d->loc;
    declare(f, d->name, SYM_FUNCTION, d->loc)->function = function;
    return function;
}

static void define_function(struct front *f, struct function *function,
                            const struct declarator *d) {
    if (function->body)
        fail(f->cc, d->loc, "%s has a second body; remove one", d->name);
    function->params = d->params;
    function->loc = d->loc;
    push_scope(f);
    f->function = function;
    for (int i = 0; i < d->param_count; i++) {
        struct variable *param = d->params[i];
        if (!param->name)
            fail(f->cc, param->loc, "parameter %d of %s has no name; name it", i + 1, d->name);
        declare(f, param->name, SYM_VARIABLE, param->loc)->var = param;
        if (param->memory && param == param->memory->part[0])
            declare(f, param->memory->name, SYM_VARIABLE, param->loc)->var = param->memory;
    }
    function->body = parse_function_body(f);
    f->function = NULL;
    pop_scope(f);
    struct program *p = f->program;
    p->functions =
        grow_list(f, p->functions, p->function_count, &f->function_capacity, sizeof(void *));
    function->number = p->function_count;
    p->functions[p->function_count++] = function;
}

// ---- variables and types

static void define_global(struct front *f, const struct specifiers *s, const struct declarator *d) {
    if (s->is_extern)
        fail(f->cc, d->loc, "%s is extern; define it in this file as static", d->name);
    check_variable_type(f, d->type, d->name, false, d->loc);
    struct variable *var = new_variable(f, d->name, d->type, d->loc);
    var->is_static = true;
    var->is_const = s->is_const;
    if (accept(f, "="))
        parse_constant_init(f, var, d->open_array);
    else if (d->open_array)
        fail(f->cc, d->loc, "array %s has neither size nor initialiser; write its size", d->name);
    type_size(f, var->type, d->loc);
    declare(f, d->name, SYM_VARIABLE, d->loc)->var = var;
    struct program *p = f->program;
    p->globals = grow_list(f, p->globals, p->global_count, &f->global_capacity, sizeof(void *));
    p->globals[p->global_count++] = var;
}

static void define_typedef(struct front *f, const struct declarator *d) {
    if (d->is_function || d->open_array)
        fail(f->cc, d->loc, "typedef %s of a function or an open array; name a complete type",
             d->name);
    if (d->type->kind == TYPE_STRUCT && !d->type->def->name)
        d->type->def->name = d->name;
    struct symbol *old = lookup(f, d->name, false);
    if (old && old->kind == SYM_TYPEDEF && same_type(old->type, d->type))
        return; // C11 allows a typedef to be repeated
    declare(f, d->name, SYM_TYPEDEF, d->loc)->type = d->type;
}

static void external_declaration(struct front *f) {
    const struct token *t = peek(f);
    if (t->kind == TOK_PRAGMA)
        fail(f->cc, t->loc,
             "a pragma HLS outside of functions; put it into the function that uses it");
    if (accept(f, ";"))
        return;
    if (token_is(t, "_Static_assert")) {
        static_assertion(f);
        return;
    }
    if (token_is(t, "asm") || token_is(t, "__asm__"))
        fail(f->cc, t->loc, "assembler is not supported; write it in C");
    if (t->is_system) {
        system_declaration(f);
        return;
    }
    struct specifiers s;
    parse_specifiers(f, &s);
    if (accept(f, ";"))
        return;
    for (bool first = true;; first = false) {
        struct declarator d;
        parse_declarator(f, &s, &d, false);
        if (!d.name)
            fail(f->cc, d.loc, "a declaration without a name; name it");
        if (s.is_typedef) {
            define_typedef(f, &d);
        } else if (d.is_function) {
            struct function *function = declare_function(f, &s, &d);
            if (first && token_is(peek(f), "{")) {
                define_function(f, function, &d);
                return;
            }
        } else {
            define_global(f, &s, &d);
        }
        if (!accept(f, ","))
            break;
    }
    expect(f, ";", "after a declaration");
}

// ---- checks of the whole file

enum visit { VISIT_NEW, VISIT_OPEN, VISIT_DONE };

struct visiting {
    struct front *f;
    unsigned char *state; // [function_count]
    int *first_edge;      // [function_count]
};

// Depth-first over calls; the depth is at most the number of functions, which is bounded here.
static void visit_calls(const struct visiting *v, struct function *function, int depth) {
    struct front *f = v->f;
    if (depth > 1000)
        fail(f->cc, function->loc, "calls nest more than 1000 deep; make the chain shorter");
    v->state[function->number] = VISIT_OPEN;
    for (int i = v->first_edge[function->number];
         i < f->edge_count && f->edges[i].caller == function; i++) {
        struct function *callee = f->edges[i].callee;
        if (v->state[callee->number] == VISIT_OPEN)
            fail(f->cc, f->edges[i].loc,
                 "recursion: %s calls %s, which leads back to it; hardware has no call stack, so "
                 "use "
                 "a loop",
                 function->name, callee->name);
        if (v->state[callee->number] == VISIT_NEW)
            visit_calls(v, callee, depth + 1);
        if (callee->too_many)
            function->too_many = callee->too_many;
        function->calls += callee->calls + 1;
    }
    if (function->calls > MAX_CALLS && !function->too_many)
        function->too_many = function;
    if (function->calls > INT32_MAX)
        function->calls = INT32_MAX;
    v->state[function->number] = VISIT_DONE;
}

static void check_calls(struct front *f) {
    for (int i = 0; i < f->edge_count; i++)
        if (!f->edges[i].callee->body)
            fail(f->cc, f->edges[i].loc,
                 "call of %s, a function without a body here; hlsc builds hardware from bodies, so "
                 "define it",
                 f->edges[i].callee->name);
    const size_t count = (size_t)f->program->function_count + 1;
    const struct visiting v = {f, arena_alloc(f->cc, count),
                               arena_alloc(f->cc, count * sizeof *v.first_edge)};
    for (size_t i = 0; i < count; i++)
        v.first_edge[i] = f->edge_count;
    for (int i = f->edge_count - 1; i >= 0; i--)
        if (f->edges[i].caller)
            v.first_edge[f->edges[i].caller->number] = i;
    for (int i = 0; i < f->program->function_count; i++)
        if (v.state[i] == VISIT_NEW)
            visit_calls(&v, f->program->functions[i], 0);
}

struct program *parse_program(struct compiler *cc, const char *path, const char *text) {
    struct front *f = arena_alloc(cc, sizeof *f);
    f->cc = cc;
    f->program = arena_alloc(cc, sizeof *f->program);
    types_init(f);
    struct location start = {intern(cc, &f->names, path, strlen(path)), 1};
    int count;
    f->tokens = lex_text(cc, &f->names, start, text, &count);
    while (peek(f)->kind != TOK_END)
        external_declaration(f);
    check_calls(f);
    return f->program;
}
