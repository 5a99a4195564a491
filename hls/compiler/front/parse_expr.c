// SPDX-License-Identifier: Apache-2.0
// Token access and the expression grammar. Assignments, ++, -- and the comma operator exist only as
// statements (parse_stmt.c).
#include "front.h"
#include <limits.h>
#include <string.h>

enum { MAX_NESTING = 200 };

const struct token *peek_at(const struct front *f, int ahead) {
    const struct token *t = &f->tokens[f->at];
    while (ahead-- > 0 && t->kind != TOK_END)
        t++;
    return t;
}

const struct token *peek(const struct front *f) {
    return &f->tokens[f->at];
}

const struct token *next_token(struct front *f) {
    const struct token *t = &f->tokens[f->at];
    if (t->kind != TOK_END)
        f->at++;
    return t;
}

bool token_is(const struct token *t, const char *text) {
    return (t->kind == TOK_NAME || t->kind == TOK_PUNCT) && strcmp(t->text, text) == 0;
}

bool accept(struct front *f, const char *text) {
    if (!token_is(peek(f), text))
        return false;
    f->at++;
    return true;
}

static const char *shown(const struct token *t) {
    return t->kind == TOK_PRAGMA ? "#pragma HLS" : t->kind == TOK_STRING ? "a string" : t->text;
}

void expect(struct front *f, const char *text, const char *where) {
    if (accept(f, text))
        return;
    if (token_is(peek(f), ","))
        fail(f->cc, peek(f)->loc,
             "\",\" where \"%s\" is expected %s: the comma operator is not supported, so write two "
             "statements",
             text, where);
    fail(f->cc, peek(f)->loc, "\"%s\" is expected %s, not \"%.60s\"", text, where, shown(peek(f)));
}

static bool is_keyword(const char *name) {
    static const char *const keywords[] = {
        "break",  "case",    "char",   "const",    "continue", "default",  "do",           "double",
        "else",   "enum",    "extern", "float",    "for",      "goto",     "if",           "inline",
        "int",    "long",    "return", "short",    "signed",   "sizeof",   "static",       "struct",
        "switch", "union",   "void",   "typedef",  "unsigned", "volatile", "while",        "_Bool",
        "auto",   "_Atomic", "asm",    "register", "restrict", "__asm__",  "__attribute__"};
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strcmp(keywords[i], name) == 0)
            return true;
    return false;
}

const char *expect_name(struct front *f, const char *what) {
    const struct token *t = next_token(f);
    if (t->kind != TOK_NAME || is_keyword(t->text))
        fail(f->cc, t->loc, "%s is expected, not \"%.60s\"", what, shown(t));
    return t->text;
}

void enter_nesting(struct front *f) {
    if (++f->nesting > MAX_NESTING)
        fail(f->cc, peek(f)->loc,
             "the source nests more than %d levels deep; split it into functions", MAX_NESTING);
}

void leave_nesting(struct front *f) {
    f->nesting--;
}

void *grow_list(struct front *f, void *items, int count, int *capacity, size_t item_size) {
    if (count < *capacity)
        return items;
    if (*capacity > INT_MAX / 4)
        fail(f->cc, peek(f)->loc, "the file is too long; split the kernel");
    int wanted = *capacity ? *capacity * 2 : 8;
    items = arena_grow(f->cc, items, (size_t)count * item_size, (size_t)wanted * item_size);
    *capacity = wanted;
    return items;
}

// ---- operators

static const struct {
    const char *text;
    enum op_kind op;
    int precedence;
} binary_operators[] = {
    {"||", OP_LOR, 1}, {"&&", OP_LAND, 2}, {"|", OP_OR, 3},   {"^", OP_XOR, 4}, {"&", OP_AND, 5},
    {"==", OP_EQ, 6},  {"!=", OP_NE, 6},   {"<", OP_LT, 7},   {"<=", OP_LE, 7}, {">", OP_GT, 7},
    {">=", OP_GE, 7},  {"<<", OP_SHL, 8},  {">>", OP_SHR, 8}, {"+", OP_ADD, 9}, {"-", OP_SUB, 9},
    {"*", OP_MUL, 10}, {"/", OP_DIV, 10},  {"%", OP_MOD, 10},
};

int binary_operator(const struct token *t, enum op_kind *op) {
    if (t->kind != TOK_PUNCT)
        return 0;
    for (size_t i = 0; i < sizeof binary_operators / sizeof *binary_operators; i++)
        if (strcmp(t->text, binary_operators[i].text) == 0) {
            *op = binary_operators[i].op;
            return binary_operators[i].precedence;
        }
    return 0;
}

bool assignment_operator(const struct token *t, enum op_kind *op, bool *is_plain) {
    static const struct {
        const char *text;
        enum op_kind op;
    } known[] = {{"+=", OP_ADD},  {"-=", OP_SUB},  {"*=", OP_MUL}, {"/=", OP_DIV}, {"%=", OP_MOD},
                 {"<<=", OP_SHL}, {">>=", OP_SHR}, {"&=", OP_AND}, {"^=", OP_XOR}, {"|=", OP_OR}};
    *is_plain = token_is(t, "=");
    if (*is_plain)
        return true;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (token_is(t, known[i].text)) {
            *op = known[i].op;
            return true;
        }
    return false;
}

// ---- primary expressions

static struct expr *number(struct front *f, const struct token *t) {
    static const struct {
        int bits;
        bool is_signed;
        uint64_t max;
    } candidates[] = {{32, true, INT32_MAX},
                      {32, false, UINT32_MAX},
                      {64, true, INT64_MAX},
                      {64, false, UINT64_MAX}};
    if (t->text[0] == 'a') // a character constant is an int
        return expr_const(f, int_type(f, 32, true), (int64_t)t->value, t->loc);
    for (int i = 0; i < 4; i++) {
        bool is_signed = candidates[i].is_signed;
        if ((t->is_long && candidates[i].bits < 64) || (t->is_unsigned && is_signed) ||
            (t->is_decimal && !t->is_unsigned && !is_signed))
            continue;
        if (t->value <= candidates[i].max)
            return expr_const(f, int_type(f, candidates[i].bits, is_signed), (int64_t)t->value,
                              t->loc);
    }
    fail(f->cc, t->loc, "the number %s does not fit in long; add the suffix u", t->text);
}

static bool is_allocation(const char *name) {
    static const char *const names[] = {"malloc", "calloc", "realloc",
                                        "free",   "alloca", "aligned_alloc"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

// __hls_part(m, fetch): the stream of that name of memory m.
static struct expr *memory_part(struct front *f) {
    static const char *const names[MEMORY_PARTS] = {"plan", "fetch", "store"};
    expect(f, "(", "after __hls_part");
    const struct expr *memory = parse_expr(f);
    expect(f, ",", "in __hls_part");
    const char *name = expect_name(f, "plan, fetch or store");
    expect(f, ")", "after __hls_part");
    if (memory->kind != EXPR_VAR || !is_memory(memory->type))
        fail(f->cc, memory->loc,
             "%s is used as a memory; give hls_fetch and its like a parameter "
             "hls_memory(T) *",
             type_text(f, memory->type));
    int part = 0;
    while (part < MEMORY_PARTS - 1 && strcmp(name, names[part]) != 0)
        part++;
    return expr_variable(f, memory->var->part[part], memory->loc);
}

static struct expr *call(struct front *f, const struct token *name, struct symbol *symbol) {
    if (is_allocation(name->text))
        fail(f->cc, name->loc,
             "%s: hardware has no heap; use a local or static array of fixed size", name->text);
    if (symbol && symbol->kind != SYM_FUNCTION)
        fail(f->cc, name->loc, "%s is called and is not a function; call functions by their name",
             name->text);
    if (!symbol && strncmp(name->text, "__builtin_", strlen("__builtin_")) == 0)
        fail(f->cc, name->loc,
             "call of %s, which hlsc does not have; it has __builtin_clz, __builtin_ctz, "
             "__builtin_popcount and __builtin_parity, also with l and ll, so write it with these "
             "or in C",
             name->text);
    if (!symbol)
        fail(f->cc, name->loc,
             "call of %s, a function without a body here; hlsc builds hardware from bodies, so "
             "define it",
             name->text);
    expect(f, "(", "in a call");
    struct expr **args = NULL;
    int count = 0, capacity = 0;
    if (!accept(f, ")")) {
        do {
            struct expr *arg = parse_expr(f);
            const bool is_parts = arg->kind == EXPR_VAR && is_memory(arg->type);
            for (int part = 0; part < (is_parts ? MEMORY_PARTS : 1); part++) {
                args = grow_list(f, args, count, &capacity, sizeof *args);
                args[count++] = is_parts ? expr_variable(f, arg->var->part[part], arg->loc) : arg;
            }
        } while (accept(f, ","));
        expect(f, ")", "after the arguments of a call");
    }
    int64_t value;
    if (count == 1 && args[0]->kind == EXPR_CONST &&
        fold_bit_count(name->text, args[0]->value, &value))
        return expr_const(f, int_type(f, 32, true), value, name->loc);
    if (!f->function)
        fail(f->cc, name->loc, "call of %s outside of a function; use a constant", name->text);
    return expr_call(f, symbol->function, args, count, name->loc);
}

static struct expr *named(struct front *f) {
    const struct token *t = next_token(f);
    if (token_is(t, "__hls_read")) {
        expect(f, "(", "after hls_read");
        struct expr *stream = parse_expr(f);
        expect(f, ")", "after the stream of hls_read");
        return expr_read(f, stream, t->loc);
    }
    if (token_is(t, "__hls_part"))
        return memory_part(f);
    if (token_is(t, "__hls_more"))
        fail(f->cc, t->loc,
             "hls_more is used as a value; it is the whole condition of a loop, so write while "
             "(hls_more(T, stream))");
    if (token_is(t, "__hls_write"))
        fail(f->cc, t->loc, "hls_write has no value; make it a statement of its own");
    if (token_is(t, "__hls_probe"))
        fail(f->cc, t->loc,
             "HLS_PROBE is a statement of its own; put it behind the variable's declaration");
    if (is_keyword(t->text))
        fail(f->cc, t->loc, "an expression is expected, not \"%s\"", t->text);
    struct symbol *symbol = lookup(f, t->text, false);
    if (token_is(peek(f), "("))
        return call(f, t, symbol);
    if (!symbol)
        fail(f->cc, t->loc, "%s is not declared; declare it before its use", t->text);
    switch (symbol->kind) {
    case SYM_ENUM_CONSTANT:
        return expr_const(f, int_type(f, 32, true), symbol->value, t->loc);
    case SYM_VARIABLE:
        return expr_variable(f, symbol->var, t->loc);
    case SYM_FUNCTION:
        fail(f->cc, t->loc,
             "function %s is used as a value: function pointers are not supported, so call it by "
             "name or use switch",
             t->text);
    default:
        fail(f->cc, t->loc, "type %s stands where an expression is expected", t->text);
    }
}

static struct expr *primary(struct front *f) {
    const struct token *t = peek(f);
    switch (t->kind) {
    case TOK_NUMBER:
        next_token(f);
        return number(f, t);
    case TOK_FLOAT:
        fail(
            f->cc, t->loc,
            "%.60s is a floating-point number and there is no floating point in hardware here; use "
            "fixed point in integers",
            t->text);
    case TOK_STRING:
        fail(f->cc, t->loc, "a string literal; use an array of numbers");
    case TOK_NAME:
        return named(f);
    case TOK_PUNCT:
        if (accept(f, "(")) {
            struct expr *e = parse_expr(f);
            expect(f, ")", "after an expression in parentheses");
            return e;
        }
        break;
    default:
        break;
    }
    fail(f->cc, t->loc, "an expression is expected, not \"%.60s\"", shown(t));
}

static struct expr *postfix(struct front *f) {
    struct expr *e = primary(f);
    for (;;) {
        struct location loc = peek(f)->loc;
        if (accept(f, "[")) {
            struct expr *index = parse_expr(f);
            expect(f, "]", "after an index");
            e = expr_index(f, e, index, loc);
        } else if (token_is(peek(f), ".") || token_is(peek(f), "->")) {
            bool arrow = token_is(next_token(f), "->");
            e = expr_field(f, e, expect_name(f, "the name of a field"), arrow, loc);
        } else if (token_is(peek(f), "(")) {
            fail(f->cc, loc,
                 "a call through a value: function pointers are not supported; call by name");
        } else {
            return e;
        }
    }
}

// ---- unary expressions

static struct expr *parse_sizeof(struct front *f, struct location loc) {
    const struct type *type;
    if (token_is(peek(f), "(")) {
        f->at++;
        if (starts_type(f)) {
            type = parse_type_name(f);
            expect(f, ")", "after the type of sizeof");
            return expr_const(f, int_type(f, 64, false), type_size(f, type, loc), loc);
        }
        f->at--;
    }
    bool outer = f->in_sizeof;
    f->in_sizeof = true;
    const struct expr *e = parse_unary(f);
    f->in_sizeof = outer;
    type = e->type;
    // In C a comparison is an int and a cast to bool is not; the tree does not tell them apart.
    if (type->kind == TYPE_BOOL && !is_lvalue(e) && e->kind != EXPR_CALL && e->kind != EXPR_READ)
        fail(f->cc, loc, "sizeof of a truth value; write sizeof(int) or sizeof(bool)");
    return expr_const(f, int_type(f, 64, false), type_size(f, type, loc), loc);
}

static struct expr *parse_cast(struct front *f, struct location loc) {
    const struct type *type = parse_type_name(f);
    expect(f, ")", "after the type of a cast");
    if (token_is(peek(f), "{"))
        fail(f->cc, loc, "a compound literal; declare a variable with this initialiser");
    struct expr *e = parse_unary(f);
    if (!is_number(type))
        fail(f->cc, loc, "a cast to %s; only casts to integers and bool are supported",
             type_text(f, type));
    if (!is_number(e->type))
        fail(f->cc, loc, "a cast of %s to a number; cast a field or an element of it",
             type_text(f, e->type));
    return convert(f, e, type);
}

static struct expr *unary(struct front *f) {
    const struct token *t = peek(f);
    if (t->kind == TOK_NAME && (accept(f, "sizeof")))
        return parse_sizeof(f, t->loc);
    if (t->kind == TOK_NAME && accept(f, "__extension__"))
        return parse_unary(f);
    if (t->kind != TOK_PUNCT)
        return postfix(f);
    if (token_is(t, "++") || token_is(t, "--"))
        fail(f->cc, t->loc,
             "%s inside an expression is a side effect; make it a statement of its own", t->text);
    if (accept(f, "-"))
        return expr_unary(f, OP_NEG, parse_unary(f), t->loc);
    if (accept(f, "~"))
        return expr_unary(f, OP_BITNOT, parse_unary(f), t->loc);
    if (accept(f, "!"))
        return expr_unary(f, OP_LOGNOT, parse_unary(f), t->loc);
    if (accept(f, "+"))
        return promote(f, parse_unary(f));
    if (accept(f, "*"))
        return expr_deref(f, parse_unary(f), t->loc);
    if (accept(f, "&"))
        return expr_address(f, parse_unary(f), t->loc);
    if (token_is(t, "(")) {
        f->at++;
        if (starts_type(f))
            return parse_cast(f, t->loc);
        f->at--;
    }
    return postfix(f);
}

struct expr *parse_unary(struct front *f) {
    enter_nesting(f);
    struct expr *e = unary(f);
    leave_nesting(f);
    return e;
}

struct expr *parse_binary(struct front *f, int lowest) {
    struct expr *a = parse_unary(f);
    enum op_kind op = OP_ADD;
    int precedence;
    while ((precedence = binary_operator(peek(f), &op)) >= lowest && precedence > 0) {
        enum op_kind this_op = op;
        struct location loc = next_token(f)->loc;
        struct expr *b = parse_binary(f, precedence + 1);
        a = expr_binary(f, this_op, a, b, loc);
    }
    return a;
}

struct expr *parse_conditional(struct front *f) {
    enter_nesting(f);
    struct expr *a = parse_binary(f, 1);
    struct location loc = peek(f)->loc;
    if (accept(f, "?")) {
        struct expr *b = parse_expr(f);
        expect(f, ":", "in ?:");
        struct expr *c = parse_conditional(f);
        a = expr_select(f, a, b, c, loc);
    }
    leave_nesting(f);
    return a;
}

struct expr *parse_expr(struct front *f) {
    struct expr *e = parse_conditional(f);
    enum op_kind op;
    bool is_plain;
    const struct token *t = peek(f);
    if (assignment_operator(t, &op, &is_plain))
        fail(f->cc, t->loc, "an assignment is used as a value; make it a statement of its own");
    if (token_is(t, "++") || token_is(t, "--"))
        fail(f->cc, t->loc,
             "%s inside an expression is a side effect; make it a statement of its own", t->text);
    return e;
}

int64_t parse_constant(struct front *f, const char *what) {
    struct location loc = peek(f)->loc;
    struct expr *e = parse_expr(f);
    if (e->kind != EXPR_CONST)
        fail(f->cc, loc, "%s is not a constant; use a number, an enum constant or a static const",
             what);
    return e->value;
}
