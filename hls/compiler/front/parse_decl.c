// SPDX-License-Identifier: Apache-2.0
// Declaration specifiers, declarators, structs and enums. What only headers of the system use
// becomes the type `foreign` there and is an error in a kernel.
#include "front.h"
#include <string.h>

// ---- what is skipped

void skip_balanced(struct front *f) {
    int depth = 0;
    do {
        const struct token *t = next_token(f);
        if (t->kind == TOK_END)
            fail(f->cc, t->loc, "the file ends inside brackets; close them");
        if (token_is(t, "(") || token_is(t, "[") || token_is(t, "{"))
            depth++;
        else if (token_is(t, ")") || token_is(t, "]") || token_is(t, "}"))
            depth--;
    } while (depth > 0);
}

static bool accept_any(struct front *f, const char *const *names) {
    for (; *names; names++)
        if (accept(f, *names))
            return true;
    return false;
}

void skip_attributes(struct front *f) {
    static const char *const names[] = {"__attribute__", "__attribute", "__asm__",
                                        "__asm",         "asm",         NULL};
    for (;;) {
        if (accept(f, "__extension__"))
            continue;
        if (!accept_any(f, names))
            return;
        if (!token_is(peek(f), "("))
            fail(f->cc, peek(f)->loc, "\"(\" is expected after an attribute");
        skip_balanced(f);
    }
}

void static_assertion(struct front *f) {
    struct location loc = next_token(f)->loc;
    expect(f, "(", "after _Static_assert");
    int64_t value = parse_constant(f, "the condition of _Static_assert");
    const char *message = "";
    if (accept(f, ",")) {
        const struct token *t = next_token(f);
        if (t->kind != TOK_STRING)
            fail(f->cc, t->loc, "_Static_assert wants a string as its message");
        message = t->text;
        while (peek(f)->kind == TOK_STRING)
            next_token(f);
    }
    expect(f, ")", "after _Static_assert");
    expect(f, ";", "after _Static_assert");
    if (!value)
        fail(f->cc, loc, "static assertion failed: %s", message);
}

// ---- enums and structs

// Gives whether any of them is negative.
static bool parse_enumerators(struct front *f) {
    bool negative = false;
    int64_t value = 0;
    while (!accept(f, "}")) {
        struct location loc = peek(f)->loc;
        const char *name = expect_name(f, "the name of an enum constant");
        skip_attributes(f);
        if (accept(f, "="))
            value = parse_constant(f, "the value of an enum constant");
        if (!peek(f)->is_system && value != wrap_value(int_type(f, 32, true), value))
            fail(f->cc, loc, "enum constant %s does not fit in int; use a static const int64_t",
                 name);
        declare(f, name, SYM_ENUM_CONSTANT, loc)->value = value;
        negative = negative || value < 0;
        value = (int64_t)((uint64_t)value + 1);
        if (!accept(f, ",")) {
            expect(f, "}", "after the constants of an enum");
            break;
        }
    }
    return negative;
}

static const struct type *parse_enum(struct front *f) {
    // Its constants are int; its variables are unsigned where none is negative, as in gcc and
    // clang.
    const struct type *type = int_type(f, 32, true);
    struct location loc = peek(f)->loc;
    skip_attributes(f);
    const char *tag = token_is(peek(f), "{") ? NULL : expect_name(f, "the name of an enum");
    if (accept(f, "{")) {
        type = int_type(f, 32, parse_enumerators(f));
        if (tag)
            declare(f, tag, SYM_TAG, loc)->type = type;
    } else {
        struct symbol *s = lookup(f, tag, true);
        type = s ? s->type : NULL;
        if (!type || type->kind != TYPE_INT)
            fail(f->cc, loc, "enum %s is not declared; declare it before its use", tag);
    }
    skip_attributes(f);
    return type;
}

static void check_field(struct front *f, const struct declarator *d) {
    const struct type *base = d->type;
    check_variable_type(f, d->type, d->name, false, d->loc);
    while (base->kind == TYPE_ARRAY)
        base = base->elem;
    if (d->is_function || d->open_array || !is_number(base))
        fail(f->cc, d->loc,
             "field %s: a struct holds numbers and arrays of numbers of fixed size; flatten it or "
             "use "
             "separate variables",
             d->name);
}

static void parse_fields(struct front *f, struct struct_type *def) {
    int capacity = 0;
    while (!accept(f, "}")) {
        if (token_is(peek(f), "_Static_assert")) {
            static_assertion(f);
            continue;
        }
        struct specifiers s;
        parse_specifiers(f, &s);
        do {
            struct declarator d;
            if (token_is(peek(f), ":"))
                fail(f->cc, peek(f)->loc, "a bit-field; use a field of a full type and hls_wrap");
            parse_declarator(f, &s, &d, false);
            if (token_is(peek(f), ":"))
                fail(f->cc, d.loc, "%s is a bit-field; use a field of a full type and hls_wrap",
                     d.name ? d.name : "a member");
            if (!d.name)
                fail(f->cc, d.loc, "a field without a name; name it");
            check_field(f, &d);
            for (int i = 0; i < def->field_count; i++)
                if (strcmp(def->fields[i].name, d.name) == 0)
                    fail(f->cc, d.loc, "field %s is declared a second time; rename one", d.name);
            def->fields =
                grow_list(f, def->fields, def->field_count, &capacity, sizeof *def->fields);
            def->fields[def->field_count++] = (struct field){d.name, d.type, d.loc};
        } while (accept(f, ","));
        expect(f, ";", "after a field");
    }
}

static const struct type *parse_struct(struct front *f, bool is_system) {
    skip_attributes(f);
    const struct token *t = peek(f);
    struct location loc = t->loc;
    const char *tag = token_is(t, "{") ? NULL : expect_name(f, "the name of a struct");
    skip_attributes(f);
    bool has_body = token_is(peek(f), "{");
    if (is_system) {
        if (has_body)
            skip_balanced(f);
        skip_attributes(f);
        return f->foreign;
    }
    struct symbol *s = tag ? lookup(f, tag, true) : NULL;
    if (s && has_body && s->scope != f->scope)
        s = NULL;
    if (s && s->type->kind != TYPE_STRUCT)
        fail(f->cc, loc, "%s is not the name of a struct; use another name", tag);
    if (!s) {
        struct type *type = arena_alloc(f->cc, sizeof *type);
        type->kind = TYPE_STRUCT;
        type->def = arena_alloc(f->cc, sizeof *type->def);
        type->def->name = tag;
        if (!tag) {
            if (!has_body)
                fail(f->cc, loc, "a struct without name and members; give it one of them");
        } else {
            s = declare(f, tag, SYM_TAG, loc);
            s->type = type;
        }
        if (!has_body)
            return type;
        struct struct_type *def = type->def;
        next_token(f);
        parse_fields(f, def);
        if (!def->field_count)
            fail(f->cc, loc, "struct %s has no members; give it one", tag ? tag : "without name");
        skip_attributes(f);
        struct program *p = f->program;
        p->structs = grow_list(f, p->structs, p->struct_count, &f->struct_capacity, sizeof(void *));
        p->structs[p->struct_count++] = def;
        return type;
    }
    if (has_body) {
        if (s->type->def->field_count)
            fail(f->cc, loc, "struct %s is declared a second time; rename one", tag);
        fail(f->cc, loc, "struct %s is declared before its members; put the members first", tag);
    }
    return s->type;
}

// ---- specifiers

enum word {
    WORD_NONE,
    WORD_IGNORED,
    WORD_CONST,
    WORD_VOLATILE,
    WORD_STATIC,
    WORD_EXTERN,
    WORD_TYPEDEF,
    WORD_SIGNED,
    WORD_UNSIGNED,
    WORD_CHAR,
    WORD_SHORT,
    WORD_INT,
    WORD_LONG,
    WORD_BOOL,
    WORD_VOID,
    WORD_FLOAT,
    WORD_FOREIGN,
    WORD_STRUCT,
    WORD_UNION,
    WORD_ENUM,
    WORD_STREAM,
    WORD_MEMORY
};

static enum word specifier_word(const struct token *t) {
    static const struct {
        const char *text;
        enum word word;
    } words[] = {{"int", WORD_INT},
                 {"const", WORD_CONST},
                 {"static", WORD_STATIC},
                 {"unsigned", WORD_UNSIGNED},
                 {"struct", WORD_STRUCT},
                 {"void", WORD_VOID},
                 {"char", WORD_CHAR},
                 {"short", WORD_SHORT},
                 {"long", WORD_LONG},
                 {"signed", WORD_SIGNED},
                 {"__signed__", WORD_SIGNED},
                 {"__signed", WORD_SIGNED},
                 {"_Bool", WORD_BOOL},
                 {"enum", WORD_ENUM},
                 {"typedef", WORD_TYPEDEF},
                 {"extern", WORD_EXTERN},
                 {"inline", WORD_IGNORED},
                 {"__inline", WORD_IGNORED},
                 {"__inline__", WORD_IGNORED},
                 {"register", WORD_IGNORED},
                 {"auto", WORD_IGNORED},
                 {"_Noreturn", WORD_IGNORED},
                 {"__extension__", WORD_IGNORED},
                 {"__const", WORD_CONST},
                 {"restrict", WORD_IGNORED},
                 {"__restrict", WORD_IGNORED},
                 {"__restrict__", WORD_IGNORED},
                 {"volatile", WORD_VOLATILE},
                 {"__volatile__", WORD_VOLATILE},
                 {"float", WORD_FLOAT},
                 {"double", WORD_FLOAT},
                 {"_Complex", WORD_FLOAT},
                 {"_Float16", WORD_FLOAT},
                 {"_Float32", WORD_FLOAT},
                 {"_Float64", WORD_FLOAT},
                 {"_Float128", WORD_FLOAT},
                 {"_Float32x", WORD_FLOAT},
                 {"_Float64x", WORD_FLOAT},
                 {"__float128", WORD_FLOAT},
                 {"__int128", WORD_FOREIGN},
                 {"__builtin_va_list", WORD_FOREIGN},
                 {"_Atomic", WORD_FOREIGN},
                 {"_Thread_local", WORD_FOREIGN},
                 {"__thread", WORD_FOREIGN},
                 {"union", WORD_UNION},
                 {"__hls_stream", WORD_STREAM},
                 {"__hls_memory", WORD_MEMORY}};
    if (t->kind == TOK_NAME)
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (strcmp(words[i].text, t->text) == 0)
                return words[i].word;
    return WORD_NONE;
}

bool starts_type(struct front *f) {
    const struct token *t = peek(f);
    if (t->kind != TOK_NAME)
        return false;
    if (specifier_word(t) != WORD_NONE)
        return true;
    struct symbol *s = lookup(f, t->text, false);
    return s && s->kind == SYM_TYPEDEF;
}

static const struct type *reject_or_foreign(struct front *f, const struct token *t,
                                            const char *reason) {
    if (!t->is_system)
        fail(f->cc, t->loc, "%s: %s", t->text, reason);
    return f->foreign;
}

static const struct type *parse_payload(struct front *f, const char *what) {
    expect(f, "(", "after hls_stream or hls_memory");
    struct location loc = peek(f)->loc;
    const struct type *payload = parse_type_name(f);
    expect(f, ")", "after the type in hls_stream or hls_memory");
    if (!is_number(payload) && payload->kind != TYPE_STRUCT)
        fail(f->cc, loc, "a %s of %s; a %s carries a number or a struct", what,
             type_text(f, payload), what);
    return payload;
}

void parse_specifiers(struct front *f, struct specifiers *s) {
    *s = (struct specifiers){.loc = peek(f)->loc};
    int counts[WORD_MEMORY + 1] = {0};
    enter_nesting(f);
    for (;;) {
        skip_attributes(f);
        const struct token *t = peek(f);
        enum word word = specifier_word(t);
        bool has_base = s->type || counts[WORD_CHAR] || counts[WORD_SHORT] || counts[WORD_INT] ||
                        counts[WORD_LONG] || counts[WORD_SIGNED] || counts[WORD_UNSIGNED];
        if (word == WORD_NONE) {
            struct symbol *symbol =
                t->kind == TOK_NAME && !has_base ? lookup(f, t->text, false) : NULL;
            if (!symbol || symbol->kind != SYM_TYPEDEF)
                break;
            next_token(f);
            s->type = symbol->type;
            continue;
        }
        next_token(f);
        counts[word]++;
        const struct type *type = NULL;
        switch (word) {
        case WORD_VOLATILE:
            reject_or_foreign(f, t, "volatile has no meaning for generated hardware; remove it");
            break;
        case WORD_FLOAT:
            type = reject_or_foreign(
                f, t, "there is no floating point in hardware here; use fixed point in integers");
            break;
        case WORD_FOREIGN:
            type = reject_or_foreign(f, t, "this is not part of the subset; use an integer type");
            break;
        case WORD_UNION:
            type = reject_or_foreign(f, t, "unions are not supported; use a struct and shifts");
            while (peek(f)->kind == TOK_NAME)
                next_token(f);
            if (token_is(peek(f), "{"))
                skip_balanced(f);
            break;
        case WORD_STRUCT:
            type = parse_struct(f, t->is_system);
            break;
        case WORD_ENUM:
            type = parse_enum(f);
            break;
        case WORD_STREAM:
            type = stream_of(f, parse_payload(f, "stream"));
            break;
        case WORD_MEMORY:
            type = memory_of(f, parse_payload(f, "memory"));
            break;
        case WORD_VOID:
            type = f->void_type;
            break;
        case WORD_BOOL:
            type = f->bool_type;
            break;
        default:
            break;
        }
        if (type) {
            if (has_base && type != f->foreign)
                fail(f->cc, t->loc, "two types in one declaration; keep one");
            s->type = type;
        }
    }
    leave_nesting(f);
    s->is_typedef = counts[WORD_TYPEDEF];
    s->is_static = counts[WORD_STATIC];
    s->is_extern = counts[WORD_EXTERN];
    s->is_const = counts[WORD_CONST];
    int base_words = counts[WORD_CHAR] + counts[WORD_SHORT] + counts[WORD_INT] + counts[WORD_LONG] +
                     counts[WORD_SIGNED] + counts[WORD_UNSIGNED];
    if (s->type && base_words) {
        if (s->type != f->foreign)
            fail(f->cc, s->loc, "two types in one declaration; keep one");
        return;
    }
    if (s->type)
        return;
    if (!base_words)
        fail(f->cc, s->loc, "a type is expected, not \"%.60s\"",
             peek(f)->kind == TOK_PRAGMA ? "#pragma HLS" : peek(f)->text);
    if (counts[WORD_LONG] > 2 || counts[WORD_CHAR] + counts[WORD_SHORT] > 1 ||
        (counts[WORD_LONG] && (counts[WORD_CHAR] || counts[WORD_SHORT])) ||
        (counts[WORD_CHAR] && counts[WORD_INT]) || counts[WORD_INT] > 1 ||
        counts[WORD_SIGNED] + counts[WORD_UNSIGNED] > 1)
        fail(f->cc, s->loc, "these words do not make a type of C; use one such as int32_t");
    int bits = counts[WORD_CHAR] ? 8 : counts[WORD_SHORT] ? 16 : counts[WORD_LONG] ? 64 : 32;
    s->type = int_type(f, bits, !counts[WORD_UNSIGNED]);
}

// ---- declarators

static void parse_params(struct front *f, struct declarator *d) {
    int capacity = 0;
    d->is_function = true;
    if (accept(f, ")"))
        return;
    if (token_is(peek(f), "void") && token_is(peek_at(f, 1), ")")) {
        f->at += 2;
        return;
    }
    do {
        if (token_is(peek(f), "..."))
            fail(f->cc, peek(f)->loc, "a variable number of arguments; name each parameter");
        struct specifiers s;
        struct declarator p;
        parse_specifiers(f, &s);
        parse_declarator(f, &s, &p, true);
        const char *name = p.name ? p.name : "(no name)";
        if (p.is_function)
            fail(f->cc, p.loc, "parameter %s is a function; function pointers are not supported",
                 name);
        if (p.open_array)
            fail(f->cc, p.loc, "array parameter %s has no size; write its first dimension", name);
        check_variable_type(f, p.type, name, true, p.loc);
        struct variable *var = new_variable(f, p.name, p.type, p.loc);
        var->is_param = true;
        var->is_const = s.is_const;
        if (is_memory(p.type))
            make_memory_parts(f, var);
        for (int part = 0; part < (is_memory(p.type) ? MEMORY_PARTS : 1); part++) {
            d->params = grow_list(f, d->params, d->param_count, &capacity, sizeof *d->params);
            d->params[d->param_count++] = is_memory(p.type) ? var->part[part] : var;
        }
    } while (accept(f, ","));
    expect(f, ")", "after the parameters");
}

// The dimensions are wrapped around the type from the last to the first.
static const struct type *parse_dimensions(struct front *f, const struct type *base,
                                           struct declarator *d, bool is_param) {
    int64_t sizes[MAX_DIMS + 1];
    int count = 0;
    static const char *const ignored[] = {"static", "const", "restrict", "__restrict", NULL};
    while (accept(f, "[")) {
        if (count > MAX_DIMS)
            fail(f->cc, d->loc, "%s has more than %d dimensions; merge some",
                 d->name ? d->name : "an array", MAX_DIMS);
        while (is_param && accept_any(f, ignored))
            continue;
        if (accept(f, "]")) {
            if (count)
                fail(f->cc, d->loc, "only the first dimension may be left out; write the others");
            d->open_array = true;
            sizes[count++] = 0;
            continue;
        }
        struct location loc = peek(f)->loc;
        struct expr *size = parse_expr(f);
        expect(f, "]", "after the size of an array");
        if (size->kind != EXPR_CONST)
            fail(f->cc, loc,
                 "the size of %s is not a constant: variable-length arrays are not supported, so "
                 "use "
                 "the largest size",
                 d->name ? d->name : "the array");
        if (size->value <= 0)
            fail(f->cc, loc, "the size of %s is %lld; it must be at least 1",
                 d->name ? d->name : "the array", (long long)size->value);
        sizes[count++] = size->value;
    }
    for (int i = count - 1; i >= (d->open_array ? 1 : 0); i--) {
        base = array_of(f, base, sizes[i]);
        if (base->elem->kind != TYPE_VOID && base->elem->kind != TYPE_STREAM)
            type_size(f, base, d->loc);
    }
    return base;
}

void parse_declarator(struct front *f, const struct specifiers *s, struct declarator *d,
                      bool is_param) {
    static const char *const qualifiers[] = {"const",      "__const",      "restrict",
                                             "__restrict", "__restrict__", NULL};
    *d = (struct declarator){.loc = peek(f)->loc};
    const struct type *type = s->type;
    skip_attributes(f);
    for (int depth = 0; accept(f, "*"); depth++) {
        if (depth > 8)
            fail(f->cc, d->loc, "a pointer to a pointer; use an array and an index");
        type = type == f->foreign ? type : pointer_to(f, type);
        while (accept_any(f, qualifiers))
            continue;
        if (token_is(peek(f), "volatile"))
            fail(f->cc, peek(f)->loc,
                 "volatile: volatile has no meaning for generated hardware; remove it");
        skip_attributes(f);
    }
    const struct token *t = peek(f);
    d->loc = t->loc;
    if (token_is(t, "(")) {
        if (!t->is_system)
            fail(f->cc, t->loc,
                 "a declarator in parentheses: function pointers and pointers to arrays are not "
                 "supported; call functions by name and pass arrays as `T name[N]`");
        while (peek(f)->kind != TOK_END && !token_is(peek(f), ";")) {
            if (token_is(peek(f), "("))
                for (int i = 1; token_is(peek_at(f, i), "*") || peek_at(f, i)->kind == TOK_NAME;
                     i++)
                    if (peek_at(f, i)->kind == TOK_NAME && !d->name)
                        d->name = peek_at(f, i)->text;
            next_token(f);
        }
        d->type = f->foreign;
        return;
    }
    if (t->kind == TOK_NAME && !specifier_word(t))
        d->name = expect_name(f, "a name");
    skip_attributes(f);
    d->type = type;
    if (d->name && accept(f, "(")) {
        parse_params(f, d);
    } else if (token_is(peek(f), "[")) {
        d->type = parse_dimensions(f, type, d, is_param);
    }
    skip_attributes(f);
}

const struct type *parse_type_name(struct front *f) {
    struct specifiers s;
    struct declarator d;
    parse_specifiers(f, &s);
    parse_declarator(f, &s, &d, false);
    if (d.name || d.open_array)
        fail(f->cc, d.loc, "a type without a name is expected here");
    return d.type;
}
