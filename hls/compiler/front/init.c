// SPDX-License-Identifier: Apache-2.0
// Constant initialisers: nested braces (complete or elided, as C allows) to one list of scalars.
#include "front.h"

// A table of this many scalars is larger than any on-chip memory.
static const int64_t max_values = (int64_t)1 << 24;

struct init {
    struct front *f;
    struct variable *var;
    int64_t capacity;
};

static void put(struct init *in, int64_t position, int64_t value, struct location loc) {
    struct variable *var = in->var;
    if (position >= max_values)
        fail(in->f->cc, loc, "the initialiser of %s has more than %lld values; make it smaller",
             var->name, (long long)max_values);
    if (position >= in->capacity) {
        int64_t wanted = in->capacity ? in->capacity : 8;
        while (wanted <= position)
            wanted *= 2;
        var->values = arena_grow(in->f->cc, var->values, (size_t)var->value_count * sizeof(int64_t),
                                 (size_t)wanted * sizeof(int64_t));
        in->capacity = wanted;
    }
    var->values[position] = value;
    if (position >= var->value_count)
        var->value_count = position + 1;
}

static void parse_scalar(struct init *in, const struct type *type, int64_t position) {
    struct front *f = in->f;
    struct location loc = peek(f)->loc;
    bool braced = accept(f, "{");
    if (token_is(peek(f), ".") || token_is(peek(f), "["))
        fail(f->cc, loc, "a designated initialiser; write the values in order");
    struct expr *e = parse_expr(f);
    if (e->kind != EXPR_CONST)
        fail(f->cc, e->loc,
             "the initialiser of %s is not a constant here; initialise with {0} and assign the "
             "elements",
             in->var->name);
    put(in, position, convert(f, e, type)->value, loc);
    if (braced) {
        accept(f, ",");
        expect(f, "}", "after a value in braces");
    }
}

static void parse_aggregate(struct init *in, const struct type *type, int64_t base, bool braced);

static void parse_member(struct init *in, const struct type *type, int64_t position) {
    if (is_number(type)) {
        parse_scalar(in, type, position);
        return;
    }
    enter_nesting(in->f);
    if (accept(in->f, "{")) {
        parse_aggregate(in, type, position, true);
        accept(in->f, ",");
        expect(in->f, "}", "after the values of an array or struct");
    } else {
        parse_aggregate(in, type, position, false);
    }
    leave_nesting(in->f);
}

// A comma with another value behind it is taken; a last comma is left to the closing brace.
static bool more_values(struct front *f) {
    if (!token_is(peek(f), ",") || token_is(peek_at(f, 1), "}"))
        return false;
    next_token(f);
    return true;
}

static void parse_aggregate(struct init *in, const struct type *type, int64_t base, bool braced) {
    struct front *f = in->f;
    bool is_array = type->kind == TYPE_ARRAY;
    int64_t members = is_array ? type->count : type->def->field_count;
    if (braced && token_is(peek(f), "}")) {
        put(in, base, 0, peek(f)->loc);
        return;
    }
    for (int64_t i = 0;; i++) {
        if (token_is(peek(f), ".") || token_is(peek(f), "["))
            fail(f->cc, peek(f)->loc, "a designated initialiser; write the values in order");
        if (i >= members)
            fail(f->cc, peek(f)->loc, "too many initialisers for %s; it holds %s", in->var->name,
                 type_text(f, in->var->type));
        const struct type *member = is_array ? type->elem : type->def->fields[i].type;
        parse_member(in, member, base);
        base += scalar_count(member);
        // Without own braces the comma behind the last member belongs to the outer list.
        if ((!braced && i + 1 == members) || !more_values(f))
            return;
    }
}

void parse_constant_init(struct front *f, struct variable *var, bool open_array) {
    struct init in = {.f = f, .var = var};
    struct location loc = peek(f)->loc;
    if (peek(f)->kind == TOK_STRING)
        fail(f->cc, loc, "a string literal initialises %s; use an array of numbers", var->name);
    if (is_number(var->type) && !open_array) {
        parse_scalar(&in, var->type, 0);
        return;
    }
    if (!token_is(peek(f), "{"))
        fail(f->cc, loc, "the initialiser of %s must be constants in braces", var->name);
    if (open_array) {
        const struct type *elem = var->type;
        int64_t size = scalar_count(elem);
        var->type = array_of(f, elem, max_values);
        parse_member(&in, var->type, 0);
        var->type = array_of(f, elem, (var->value_count + size - 1) / size);
        return;
    }
    parse_member(&in, var->type, 0);
}
