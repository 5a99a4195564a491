// SPDX-License-Identifier: Apache-2.0
// Statements but loops (parse_loop.c): local declarations, assignments, switch with closed arms.
#include "front.h"
#include <string.h>

struct stmt *new_stmt(struct front *f, enum stmt_kind kind, struct location loc) {
    struct stmt *s = arena_alloc(f->cc, sizeof *s);
    s->kind = kind;
    s->loc = loc;
    return s;
}

void add_item(struct front *f, struct items *items, struct stmt *s) {
    if (!s)
        return;
    items->list = grow_list(f, items->list, items->count, &items->capacity, sizeof *items->list);
    items->list[items->count++] = s;
}

struct stmt *block_of(struct front *f, const struct items *items, struct location loc) {
    struct stmt *s = new_stmt(f, STMT_BLOCK, loc);
    s->body = items->list;
    s->count = items->count;
    return s;
}

bool contains_jump(const struct stmt *s, enum stmt_kind kind) {
    if (!s)
        return false;
    switch (s->kind) {
    case STMT_BLOCK:
        for (int i = 0; i < s->count; i++)
            if (contains_jump(s->body[i], kind))
                return true;
        return false;
    case STMT_IF:
        return contains_jump(s->then, kind) || contains_jump(s->otherwise, kind);
    case STMT_SWITCH:
        for (int i = 0; i < s->case_count; i++)
            if (contains_jump(s->cases[i].body, kind))
                return true;
        return false;
    case STMT_FOR:
    case STMT_WHILE:
        return kind == STMT_RETURN && contains_jump(s->loop->body, kind);
    default:
        return s->kind == kind;
    }
}

static bool always_returns(const struct stmt *s) {
    if (s->kind == STMT_BLOCK)
        return s->count > 0 && always_returns(s->body[s->count - 1]);
    if (s->kind == STMT_IF)
        return s->otherwise && always_returns(s->then) && always_returns(s->otherwise);
    if (s->kind == STMT_SWITCH) {
        bool has_default = false;
        for (int i = 0; i < s->case_count; i++) {
            has_default |= s->cases[i].is_default;
            if (!always_returns(s->cases[i].body))
                return false;
        }
        return has_default;
    }
    if (s->kind == STMT_WHILE)
        return !s->loop->limit && !contains_jump(s->loop->body, STMT_BREAK);
    return s->kind == STMT_RETURN;
}

// Nothing runs on behind the statement.
static bool always_leaves(const struct stmt *s) {
    if (s->kind == STMT_BLOCK)
        return s->count > 0 && always_leaves(s->body[s->count - 1]);
    if (s->kind == STMT_IF)
        return s->otherwise && always_leaves(s->then) && always_leaves(s->otherwise);
    return s->kind == STMT_CONTINUE || always_returns(s);
}

// ---- declarations

static void parse_local_init(struct front *f, struct stmt *s, bool open_array) {
    struct variable *var = s->var;
    if (var->is_static || open_array || var->type->kind == TYPE_ARRAY || token_is(peek(f), "{")) {
        parse_constant_init(f, var, open_array);
        return;
    }
    struct expr *e = convert(f, parse_expr(f), var->type);
    if (e->kind != EXPR_CONST) {
        s->init = e;
        if (var->is_const && is_number(var->type)) {
            const struct bounds bounds = bounds_of(e);
            var->bounds = arena_copy(f->cc, &bounds, sizeof bounds);
        }
        return;
    }
    var->values = arena_copy(f->cc, &e->value, sizeof e->value);
    var->value_count = 1;
}

void parse_local(struct front *f, struct items *items) {
    struct specifiers s;
    parse_specifiers(f, &s);
    if (accept(f, ";"))
        return;
    do {
        struct declarator d;
        parse_declarator(f, &s, &d, false);
        if (!d.name)
            fail(f->cc, d.loc, "a declaration without a name; name the variable");
        if (s.is_typedef) {
            if (d.type->kind == TYPE_STRUCT && !d.type->def->name)
                d.type->def->name = d.name;
            declare(f, d.name, SYM_TYPEDEF, d.loc)->type = d.type;
            continue;
        }
        if (d.is_function || s.is_extern)
            fail(f->cc, d.loc,
                 "%s is declared extern or as a function inside a function; do it at file scope",
                 d.name);
        check_variable_type(f, d.type, d.name, false, d.loc);
        if (d.type->kind == TYPE_STREAM && f->loops)
            fail(f->cc, d.loc,
                 "channel %s is declared in a loop; declare it at the top of its function", d.name);
        if (d.type->kind == TYPE_STREAM && s.is_static)
            fail(f->cc, d.loc, "channel %s is static; make it local to its dataflow function",
                 d.name);
        struct stmt *decl = new_stmt(f, STMT_DECL, d.loc);
        decl->var = new_variable(f, d.name, d.type, d.loc);
        decl->var->is_static = s.is_static;
        decl->var->is_const = s.is_const;
        if (accept(f, "="))
            parse_local_init(f, decl, d.open_array);
        else if (d.open_array)
            fail(f->cc, d.loc, "array %s has neither size nor initialiser; write its size", d.name);
        if (d.type->kind != TYPE_STREAM)
            type_size(f, decl->var->type, d.loc);
        declare(f, d.name, SYM_VARIABLE, d.loc)->var = decl->var;
        add_item(f, items, decl);
    } while (accept(f, ","));
    expect(f, ";", "after a declaration");
}

// ---- switch

static void add_case_value(struct front *f, const struct stmt *s, struct switch_case *arm,
                           int *capacity, int64_t value, struct location loc) {
    for (int i = 0; i < s->case_count; i++)
        for (int k = 0; k < s->cases[i].value_count; k++)
            if (s->cases[i].values[k] == value)
                fail(f->cc, loc, "case %lld appears twice; remove one", (long long)value);
    for (int k = 0; k < arm->value_count; k++)
        if (arm->values[k] == value)
            fail(f->cc, loc, "case %lld appears twice; remove one", (long long)value);
    arm->values = grow_list(f, arm->values, arm->value_count, capacity, sizeof *arm->values);
    arm->values[arm->value_count++] = value;
}

static bool at_case(const struct front *f) {
    return token_is(peek(f), "case") || token_is(peek(f), "default");
}

static void parse_arm(struct front *f, struct stmt *s, int *case_capacity) {
    struct switch_case arm = {0};
    int capacity = 0;
    struct location loc = peek(f)->loc;
    while (at_case(f)) {
        struct location at = peek(f)->loc;
        if (accept(f, "default")) {
            for (int i = 0; i < s->case_count; i++)
                arm.is_default |= s->cases[i].is_default;
            if (arm.is_default)
                fail(f->cc, at, "a second default in a switch; keep one");
            arm.is_default = true;
        } else {
            next_token(f);
            int64_t value = parse_constant(f, "the value of a case");
            add_case_value(f, s, &arm, &capacity, wrap_value(s->a->type, value), at);
        }
        expect(f, ":", "after a case");
    }
    struct items items = {0};
    bool ended = false;
    struct holder holder = {.is_arm = true};
    push_scope(f);
    parse_items(f, &items, &holder, &ended);
    pop_scope(f);
    arm.body = block_of(f, &items, loc);
    if (!ended && !token_is(peek(f), "}") && !always_leaves(arm.body))
        fail(f->cc, peek(f)->loc,
             "the case above falls through into this one; end it with break, or repeat its "
             "statements");
    if (arm.is_default)
        arm.value_count = 0;
    s->cases = grow_list(f, s->cases, s->case_count, case_capacity, sizeof *s->cases);
    s->cases[s->case_count++] = arm;
}

static struct stmt *parse_switch(struct front *f) {
    struct stmt *s = new_stmt(f, STMT_SWITCH, next_token(f)->loc);
    expect(f, "(", "after switch");
    s->a = promote(f, parse_expr(f));
    reject_effects(f, s->a, "the head of a switch");
    expect(f, ")", "after the value of a switch");
    expect(f, "{", "after the head of a switch");
    enum break_target outer = f->break_target;
    f->break_target = BREAK_SWITCH;
    int capacity = 0;
    while (!accept(f, "}")) {
        if (!at_case(f))
            fail(f->cc, peek(f)->loc,
                 "a statement of a switch before its first case; begin with case");
        parse_arm(f, s, &capacity);
    }
    f->break_target = outer;
    return s;
}

// ---- simple statements

// ++ and op= become plain assignments. The lvalue has no side effects, so it may be evaluated
// twice.
static struct stmt *assign_operation(struct front *f, struct expr *lvalue, enum op_kind op,
                                     struct expr *value, struct location loc) {
    if (!is_lvalue(lvalue))
        fail(f->cc, loc, "the left side of an assignment is not a variable; assign to one");
    return make_assign(f, lvalue, expr_binary(f, op, copy_expr(f, lvalue), value, loc), loc);
}

static struct stmt *effect_statement(struct front *f, struct expr *e, bool is_void,
                                     struct location loc) {
    if (e->kind != EXPR_CALL && !e->has_effects) {
        if (is_void)
            return NULL;
        fail(f->cc, loc, "this statement has no effect; assign its value or remove it");
    }
    if (e->kind != EXPR_CALL && e->kind != EXPR_READ)
        fail(f->cc, loc, "the result of an operator is dropped; keep only the call or the read");
    struct stmt *s = new_stmt(f, STMT_EXPR, loc);
    s->a = e;
    return s;
}

struct stmt *parse_simple(struct front *f) {
    struct location loc = peek(f)->loc;
    bool up = token_is(peek(f), "++");
    if (up || token_is(peek(f), "--")) {
        next_token(f);
        struct expr *one = expr_const(f, int_type(f, 32, true), 1, loc);
        return assign_operation(f, parse_unary(f), up ? OP_ADD : OP_SUB, one, loc);
    }
    if (token_is(peek(f), "(") && token_is(peek_at(f, 1), "void") && token_is(peek_at(f, 2), ")")) {
        f->at += 3;
        return effect_statement(f, parse_expr(f), true, loc);
    }
    struct expr *e = parse_conditional(f);
    const struct token *t = peek(f);
    enum op_kind op = OP_ADD;
    bool is_plain;
    up = token_is(t, "++");
    if (up || token_is(t, "--")) {
        next_token(f);
        struct expr *one = expr_const(f, int_type(f, 32, true), 1, loc);
        return assign_operation(f, e, up ? OP_ADD : OP_SUB, one, loc);
    }
    if (!assignment_operator(t, &op, &is_plain))
        return effect_statement(f, e, false, loc);
    next_token(f);
    // A constant scalar is folded on sight; say why it cannot be assigned.
    if (e->kind == EXPR_CONST)
        fail(f->cc, loc,
             "a constant is assigned; remove the const of the variable or the assignment");
    struct expr *value = parse_expr(f);
    if (is_plain)
        return make_assign(f, e, value, loc);
    return assign_operation(f, e, op, value, loc);
}

static struct stmt *parse_write(struct front *f) {
    struct stmt *s = new_stmt(f, STMT_WRITE, next_token(f)->loc);
    expect(f, "(", "after hls_write");
    s->a = parse_expr(f);
    check_stream(f, s->a, "hls_write");
    expect(f, ",", "between the stream and the value of hls_write");
    s->b = convert(f, parse_expr(f), s->a->type->elem->elem);
    expect(f, ")", "after the value of hls_write");
    f->function->has_effects = true;
    return s;
}

static struct stmt *parse_if(struct front *f) {
    struct stmt *s = new_stmt(f, STMT_IF, next_token(f)->loc);
    expect(f, "(", "after if");
    s->a = parse_expr(f);
    reject_effects(f, s->a, "the condition of an if");
    s->a = condition(f, s->a);
    expect(f, ")", "after the condition of an if");
    s->then = parse_statement(f);
    if (!s->then)
        s->then = new_stmt(f, STMT_BLOCK, s->loc);
    if (accept(f, "else"))
        s->otherwise = parse_statement(f);
    return s;
}

static struct stmt *parse_return(struct front *f) {
    struct stmt *s = new_stmt(f, STMT_RETURN, next_token(f)->loc);
    const struct type *result = f->function->result;
    if (!token_is(peek(f), ";")) {
        if (result->kind == TYPE_VOID)
            fail(f->cc, s->loc, "%s returns void and gives a value; remove it", f->function->name);
        s->a = convert(f, parse_expr(f), result);
    } else if (result->kind != TYPE_VOID) {
        fail(f->cc, s->loc, "%s returns %s and gives no value; return one", f->function->name,
             type_text(f, result));
    }
    return s;
}

static struct stmt *parse_break(struct front *f) {
    struct stmt *s = new_stmt(f, STMT_BREAK, next_token(f)->loc);
    if (f->break_target == BREAK_SWITCH)
        fail(f->cc, s->loc,
             "break inside a statement of a case; let it be the last statement of the case");
    if (f->break_target == BREAK_NOTHING)
        fail(f->cc, s->loc, "break outside of a loop and of switch; remove it");
    return s;
}

static struct stmt *parse_continue(struct front *f) {
    struct stmt *s = new_stmt(f, STMT_CONTINUE, next_token(f)->loc);
    if (!f->loops)
        fail(f->cc, s->loc, "continue outside of a loop; remove it");
    return s;
}

static void reject_keyword(struct front *f, const struct token *t) {
    static const char *const rejected[][2] = {
        {"goto", "jumps are not supported; use if, a loop, break or continue"},
        {"case", "a case stands inside a block of a switch; put it directly into the switch"},
        {"default", "a default stands inside a block of a switch; put it directly into the switch"},
        {"asm", "assembler is not supported; write it in C"},
        {"__asm__", "assembler is not supported; write it in C"},
        {"else", "an else without if; add the if"}};
    for (size_t i = 0; i < sizeof rejected / sizeof *rejected; i++)
        if (token_is(t, rejected[i][0]))
            fail(f->cc, t->loc, "%s: %s", rejected[i][0], rejected[i][1]);
}

static struct stmt *statement(struct front *f) {
    const struct token *t = peek(f);
    if (t->kind == TOK_PRAGMA) {
        parse_pragma(f, NULL, false);
        return NULL;
    }
    if (accept(f, ";"))
        return NULL;
    if (accept(f, "{")) {
        struct items items = {0};
        struct holder holder = {0};
        push_scope(f);
        parse_items(f, &items, &holder, NULL);
        expect(f, "}", "after a block");
        pop_scope(f);
        return block_of(f, &items, t->loc);
    }
    if (t->kind == TOK_NAME) {
        if (starts_loop(t))
            return parse_loop(f, NULL);
        if (token_is(t, "if"))
            return parse_if(f);
        if (token_is(t, "switch"))
            return parse_switch(f);
        reject_keyword(f, t);
        if (token_is(peek_at(f, 1), ":")) {
            const char *label = expect_name(f, "a label");
            next_token(f);
            if (!starts_loop(peek(f)))
                fail(f->cc, t->loc,
                     "label %s is not before a loop; only loops have labels, so remove it", label);
            return parse_loop(f, label);
        }
        if (starts_type(f))
            fail(f->cc, t->loc, "a declaration where a statement is expected; put it into a block");
    }
    struct stmt *s = token_is(t, "return")        ? parse_return(f)
                     : token_is(t, "break")       ? parse_break(f)
                     : token_is(t, "continue")    ? parse_continue(f)
                     : token_is(t, "__hls_write") ? parse_write(f)
                                                  : parse_simple(f);
    expect(f, ";", "after a statement");
    return s;
}

struct stmt *parse_statement(struct front *f) {
    enter_nesting(f);
    struct stmt *s = statement(f);
    leave_nesting(f);
    return s;
}

// The block of an arm, `case 1: { ... break; }`.
static void parse_arm_block(struct front *f, struct items *items, bool *ended) {
    struct items inner = {0};
    struct holder holder = {.is_arm = true};
    struct location loc = next_token(f)->loc;
    enter_nesting(f);
    push_scope(f);
    parse_items(f, &inner, &holder, ended);
    reject_keyword(f, peek(f)); // a case
    expect(f, "}", "after a block");
    pop_scope(f);
    leave_nesting(f);
    add_item(f, items, block_of(f, &inner, loc));
}

// HLS_PROBE(name); at the top of a process.
static void parse_probe(struct front *f, const struct holder *holder) {
    struct function *function = f->function;
    const struct location loc = next_token(f)->loc;
    expect(f, "(", "after HLS_PROBE");
    const char *name = expect_name(f, "a static variable");
    expect(f, ")", "after the variable of HLS_PROBE");
    expect(f, ";", "after HLS_PROBE");
    const struct symbol *symbol = lookup(f, name, false);
    struct variable *var = symbol && symbol->kind == SYM_VARIABLE ? symbol->var : NULL;
    if (!var)
        fail(f->cc, loc, "HLS_PROBE names %.60s, which is no variable here; name a static number",
             name);
    if (!var->is_static || var->is_const)
        fail(f->cc, loc, "HLS_PROBE names %.60s, which keeps no state; make it static%s", name,
             var->is_const ? " and not const" : "");
    if (var->type->kind != TYPE_INT && var->type->kind != TYPE_BOOL)
        fail(f->cc, loc, "HLS_PROBE names %.60s, which is no number; probe a static number", name);
    if (!holder->is_function)
        fail(f->cc, loc,
             "HLS_PROBE(%.60s) stands inside a block; put it into the outermost block of the "
             "process's function",
             name);
    for (int i = 0; i < function->probe_count; i++)
        if (function->probes[i].var->name == var->name)
            fail(f->cc, loc, "there is a probe %.60s already, at line %d; remove or rename one",
                 name, function->probes[i].loc.line);
    const size_t old = (size_t)function->probe_count * sizeof *function->probes;
    function->probes = arena_grow(f->cc, function->probes, old, old + sizeof *function->probes);
    function->probes[function->probe_count++] = (struct probe){var, loc};
}

void parse_items(struct front *f, struct items *items, const struct holder *holder, bool *ended) {
    for (;;) {
        const struct token *t = peek(f);
        if (t->kind == TOK_END || token_is(t, "}"))
            return;
        if (holder->is_arm && at_case(f))
            return;
        if (ended && *ended)
            fail(f->cc, t->loc, "a statement behind break is never reached; remove it");
        if (t->kind == TOK_PRAGMA) {
            parse_pragma(f, holder->loop, holder->is_function);
        } else if (token_is(t, "__hls_probe")) {
            parse_probe(f, holder);
        } else if (token_is(t, "_Static_assert")) {
            static_assertion(f);
        } else if (holder->is_arm && token_is(t, "break")) {
            next_token(f);
            expect(f, ";", "after break");
            *ended = true;
        } else if (holder->is_arm && token_is(t, "{")) {
            parse_arm_block(f, items, ended);
        } else if (starts_type(f) && !token_is(peek_at(f, 1), ":")) {
            parse_local(f, items);
        } else {
            add_item(f, items, parse_statement(f));
        }
    }
}

struct stmt *parse_function_body(struct front *f) {
    struct items items = {0};
    struct holder holder = {.is_function = true};
    struct location loc = peek(f)->loc;
    expect(f, "{", "before the body of a function");
    parse_items(f, &items, &holder, NULL);
    struct location end = peek(f)->loc;
    expect(f, "}", "after the body of a function");
    struct stmt *body = block_of(f, &items, loc);
    if (f->function->result->kind != TYPE_VOID && !always_returns(body))
        fail(f->cc, end, "%s may end without a value; end it with return", f->function->name);
    return body;
}
