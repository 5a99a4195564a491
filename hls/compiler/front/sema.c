// SPDX-License-Identifier: Apache-2.0
// Constructors of typed expressions: conversions of C made explicit, constants folded, and
// everything rejected that has no meaning in hardware.
#include "front.h"
#include <string.h>

enum { MAX_EXPR_DEPTH = 1000 };

static struct expr *new_expr(struct front *f, enum expr_kind kind, const struct type *type,
                             struct location loc) {
    struct expr *e = arena_alloc(f->cc, sizeof *e);
    e->kind = kind;
    e->type = type;
    e->loc = loc;
    return e;
}

// Puts the children in place and adds up what is known of them.
static struct expr *with_children(struct front *f, struct expr *e, struct expr *a, struct expr *b,
                                  struct expr *c) {
    struct expr *children[] = {a, b, c};
    e->a = a;
    e->b = b;
    e->c = c;
    for (int i = 0; i < 3; i++) {
        if (!children[i])
            continue;
        e->has_effects |= children[i]->has_effects;
        if (children[i]->depth >= e->depth)
            e->depth = children[i]->depth + 1;
    }
    if (e->depth > MAX_EXPR_DEPTH)
        fail(f->cc, e->loc, "an expression with more than %d levels; split it over variables",
             MAX_EXPR_DEPTH);
    return e;
}

struct expr *expr_const(struct front *f, const struct type *type, int64_t value,
                        struct location loc) {
    struct expr *e = new_expr(f, EXPR_CONST, type, loc);
    e->value = wrap_value(type, value);
    return e;
}

struct expr *expr_variable(struct front *f, struct variable *var, struct location loc) {
    // A constant scalar with a known value is its value.
    if (var->is_const && !var->is_param && is_number(var->type) && (var->values || var->is_static))
        return expr_const(f, var->type, var->values ? var->values[0] : 0, loc);
    struct expr *e = new_expr(f, EXPR_VAR, var->type, loc);
    e->var = var;
    return e;
}

static void need_number(struct front *f, const struct expr *e, const char *what,
                        struct location loc) {
    if (is_number(e->type))
        return;
    if (e->type->kind == TYPE_POINTER || e->type->kind == TYPE_ARRAY)
        fail(f->cc, loc, "pointer arithmetic: %s is used on %s; use an array and an index", what,
             type_text(f, e->type));
    fail(f->cc, loc, "%s wants a number and gets %s; use a field or an element of it", what,
         type_text(f, e->type));
}

void reject_effects(struct front *f, const struct expr *e, const char *where) {
    if (e->has_effects)
        fail(f->cc, e->loc,
             "a stream read or a call with side effects inside %s; put it into a variable in a "
             "statement before",
             where);
}

struct expr *convert(struct front *f, struct expr *e, const struct type *type) {
    if (same_type(e->type, type) && is_number(type))
        return e;
    if (is_number(e->type) && is_number(type)) {
        if (type->kind == TYPE_BOOL)
            return condition(f, e);
        if (e->kind == EXPR_CONST)
            return expr_const(f, type, e->value, e->loc);
        return with_children(f, new_expr(f, EXPR_CAST, type, e->loc), e, NULL, NULL);
    }
    if (e->type->kind == TYPE_STRUCT && e->type == type)
        return e;
    fail(f->cc, e->loc, "%s cannot become %s; use a value of the same type", type_text(f, e->type),
         type_text(f, type));
}

struct expr *promote(struct front *f, struct expr *e) {
    need_number(f, e, "an operator", e->loc);
    if (e->type->kind == TYPE_BOOL || e->type->bits < 32)
        return convert(f, e, int_type(f, 32, true));
    return e;
}

static bool is_widened_bool(const struct expr *e) {
    return (e->kind == EXPR_CAST && e->a->type->kind == TYPE_BOOL) ||
           (e->kind == EXPR_CONST && (e->value == 0 || e->value == 1));
}

struct expr *condition(struct front *f, struct expr *e) {
    if (e->type->kind == TYPE_BOOL)
        return e;
    need_number(f, e, "a condition", e->loc);
    if (e->kind == EXPR_CONST)
        return expr_const(f, f->bool_type, e->value != 0, e->loc);
    if (e->kind == EXPR_CAST && e->a->type->kind == TYPE_BOOL)
        return e->a;
    if (e->kind == EXPR_SELECT && is_widened_bool(e->b) && is_widened_bool(e->c)) {
        struct expr *s = new_expr(f, EXPR_SELECT, f->bool_type, e->loc);
        return with_children(f, s, e->a, condition(f, e->b), condition(f, e->c));
    }
    struct expr *ne = new_expr(f, EXPR_BINARY, f->bool_type, e->loc);
    ne->op = OP_NE;
    return with_children(f, ne, e, expr_const(f, e->type, 0, e->loc), NULL);
}

const struct type *usual_type(struct front *f, const struct type *a, const struct type *b) {
    int bits_a = a->bits < 32 ? 32 : a->bits, bits_b = b->bits < 32 ? 32 : b->bits;
    bool unsigned_a = a->kind == TYPE_INT && a->bits >= 32 && !a->is_signed;
    bool unsigned_b = b->kind == TYPE_INT && b->bits >= 32 && !b->is_signed;
    if (bits_a == bits_b)
        return int_type(f, bits_a, !unsigned_a && !unsigned_b);
    // The wider one can hold all values of the narrower one, so its sign decides.
    return bits_a > bits_b ? int_type(f, bits_a, !unsigned_a) : int_type(f, bits_b, !unsigned_b);
}

struct expr *expr_unary(struct front *f, enum op_kind op, struct expr *a, struct location loc) {
    need_number(f, a, "a unary operator", loc);
    a = op == OP_LOGNOT ? condition(f, a) : promote(f, a);
    if (a->kind == EXPR_CONST)
        return expr_const(f, a->type, fold_unary(a->type, op, a->value), loc);
    struct expr *e = new_expr(f, EXPR_UNARY, a->type, loc);
    e->op = op;
    return with_children(f, e, a, NULL, NULL);
}

static struct expr *logical(struct front *f, enum op_kind op, struct expr *a, struct expr *b,
                            struct location loc) {
    const char *where = op == OP_LAND ? "&&" : "||";
    reject_effects(f, a, where);
    reject_effects(f, b, where);
    a = condition(f, a);
    b = condition(f, b);
    bool neutral = op == OP_LAND;
    if (a->kind == EXPR_CONST)
        return (a->value != 0) == neutral ? b : a;
    if (b->kind == EXPR_CONST)
        return (b->value != 0) == neutral ? a : b;
    struct expr *e = new_expr(f, EXPR_BINARY, f->bool_type, loc);
    e->op = op;
    return with_children(f, e, a, b, NULL);
}

static void check_divisor(struct front *f, const struct expr *a, const struct expr *b,
                          struct location loc) {
    if (a->kind == EXPR_CONST && b->kind == EXPR_CONST)
        return;
    uint64_t value = (uint64_t)b->value;
    if (b->kind != EXPR_CONST || value == 0 || (b->type->is_signed && b->value < 0) ||
        (value & (value - 1)) != 0)
        fail(f->cc, loc,
             "division or modulo by anything but a constant power of two; multiply by a reciprocal "
             "and shift, or use a table");
}

struct expr *expr_binary(struct front *f, enum op_kind op, struct expr *a, struct expr *b,
                         struct location loc) {
    need_number(f, a, "an operator", loc);
    need_number(f, b, "an operator", loc);
    if (op == OP_LAND || op == OP_LOR)
        return logical(f, op, a, b, loc);
    if (a->has_effects && b->has_effects)
        fail(f->cc, loc,
             "both sides of an operator have side effects and C leaves their order open; put one "
             "into a variable first");
    const struct type *type;
    if (op == OP_SHL || op == OP_SHR) {
        a = promote(f, a);
        b = promote(f, b);
        type = a->type;
        if (b->kind == EXPR_CONST && (b->value < 0 || b->value >= type->bits))
            fail(f->cc, loc, "a shift of a %d-bit number by %lld; shift by 0 to %d", type->bits,
                 (long long)b->value, type->bits - 1);
    } else {
        type = usual_type(f, a->type, b->type);
        a = convert(f, a, type);
        b = convert(f, b, type);
    }
    if (op == OP_DIV || op == OP_MOD)
        check_divisor(f, a, b, loc);
    const struct type *result = op >= OP_EQ && op <= OP_GE ? f->bool_type : type;
    if (a->kind == EXPR_CONST && b->kind == EXPR_CONST)
        return expr_const(f, result, fold_binary(f, type, op, a->value, b->value, loc), loc);
    struct expr *e = new_expr(f, EXPR_BINARY, result, loc);
    e->op = op;
    return with_children(f, e, a, b, NULL);
}

struct expr *expr_select(struct front *f, struct expr *a, struct expr *b, struct expr *c,
                         struct location loc) {
    reject_effects(f, a, "?:");
    reject_effects(f, b, "?:");
    reject_effects(f, c, "?:");
    a = condition(f, a);
    const struct type *type = b->type;
    if (is_number(b->type) && is_number(c->type)) {
        type = usual_type(f, b->type, c->type);
        b = convert(f, b, type);
        c = convert(f, c, type);
    } else if (b->type->kind != TYPE_STRUCT || b->type != c->type) {
        fail(f->cc, loc,
             "?: chooses between %s and %s; both must be numbers or the same struct, so use if",
             type_text(f, b->type), type_text(f, c->type));
    }
    if (a->kind == EXPR_CONST)
        return a->value ? b : c;
    return with_children(f, new_expr(f, EXPR_SELECT, type, loc), a, b, c);
}

bool is_lvalue(const struct expr *e) {
    return e->kind == EXPR_VAR || e->kind == EXPR_INDEX || e->kind == EXPR_FIELD ||
           e->kind == EXPR_DEREF;
}

struct variable *root_variable(const struct expr *e) {
    while (e->kind == EXPR_INDEX || e->kind == EXPR_FIELD || e->kind == EXPR_DEREF ||
           e->kind == EXPR_ADDR)
        e = e->a;
    return e->kind == EXPR_VAR ? e->var : NULL;
}

bool mentions(const struct expr *e, const struct variable *var) {
    if (!e)
        return false;
    if (e->kind == EXPR_VAR && e->var == var)
        return true;
    for (int i = 0; i < e->arg_count; i++)
        if (mentions(e->args[i], var))
            return true;
    return mentions(e->a, var) || mentions(e->b, var) || mentions(e->c, var);
}

// A number or array of (c ? x : y), which is that of x or of y. Arrays are looked at by their
// elements only.
static struct expr *select_member(struct front *f, const struct expr *a, struct expr *of_b,
                                  struct expr *of_c, struct location loc) {
    if (is_number(of_b->type))
        return expr_select(f, a->a, of_b, of_c, loc);
    return with_children(f, new_expr(f, EXPR_SELECT, of_b->type, loc), a->a, of_b, of_c);
}

struct expr *expr_index(struct front *f, struct expr *a, struct expr *b, struct location loc) {
    if (a->type->kind == TYPE_POINTER)
        fail(f->cc, loc,
             "pointer arithmetic: an index on a pointer; declare the parameter as an array `T "
             "%s[N]`",
             a->kind == EXPR_VAR ? a->var->name : "name");
    if (a->kind == EXPR_SELECT && a->type->kind == TYPE_ARRAY) // (c ? x : y).f[b]
        return select_member(f, a, expr_index(f, a->b, copy_expr(f, b), loc),
                             expr_index(f, a->c, b, loc), loc);
    if (a->type->kind != TYPE_ARRAY || !is_lvalue(a))
        fail(f->cc, loc, "an index on %s, which is not an array variable; index an array",
             type_text(f, a->type));
    need_number(f, b, "an index", loc);
    reject_effects(f, b, "an array index");
    b = promote(f, b);
    bool is_negative = b->kind == EXPR_CONST && b->type->is_signed && b->value < 0;
    if (b->kind == EXPR_CONST && (is_negative || (uint64_t)b->value >= (uint64_t)a->type->count))
        fail(f->cc, loc, "index %lld is outside an array of %lld elements; use 0 to %lld",
             (long long)b->value, (long long)a->type->count, (long long)a->type->count - 1);
    return with_children(f, new_expr(f, EXPR_INDEX, a->type->elem, loc), a, b, NULL);
}

struct expr *expr_field(struct front *f, struct expr *a, const char *name, bool arrow,
                        struct location loc) {
    if (arrow)
        a = expr_deref(f, a, loc);
    if (a->type->kind != TYPE_STRUCT)
        fail(f->cc, loc, "field %s of %s, which is not a struct%s", name, type_text(f, a->type),
             a->type->kind == TYPE_POINTER ? "; use ->" : "; use a struct variable");
    const struct struct_type *def = a->type->def;
    for (int i = 0; i < def->field_count; i++) {
        if (strcmp(def->fields[i].name, name) != 0)
            continue;
        if (a->kind == EXPR_SELECT)
            return select_member(f, a, expr_field(f, a->b, name, false, loc),
                                 expr_field(f, a->c, name, false, loc), loc);
        if (!is_lvalue(a))
            fail(f->cc, loc,
                 "field %s of a value without a name; put the struct into a variable first", name);
        struct expr *e = new_expr(f, EXPR_FIELD, def->fields[i].type, loc);
        e->field = i;
        return with_children(f, e, a, NULL, NULL);
    }
    fail(f->cc, loc, "struct %s has no field %s; check its declaration", type_text(f, a->type),
         name);
}

struct expr *expr_deref(struct front *f, struct expr *a, struct location loc) {
    if (a->kind == EXPR_ADDR) // *&x is x
        return a->a;
    if (a->type->kind != TYPE_POINTER || a->kind != EXPR_VAR)
        fail(f->cc, loc, "* or -> on %s; only a pointer parameter can be followed, so use an index",
             type_text(f, a->type));
    if (a->type->elem->kind == TYPE_STREAM)
        fail(f->cc, loc, "* on stream %s; use hls_read and hls_write", a->var->name);
    if (a->type->elem->kind == TYPE_MEMORY)
        fail(f->cc, loc, "* on memory %s; use hls_fetch and hls_store", a->var->name);
    return with_children(f, new_expr(f, EXPR_DEREF, a->type->elem, loc), a, NULL, NULL);
}

struct expr *expr_address(struct front *f, struct expr *a, struct location loc) {
    if (!is_lvalue(a))
        fail(f->cc, loc, "& of a value that is not a variable; put it into a variable first");
    if (a->type->kind == TYPE_ARRAY || a->type->kind == TYPE_POINTER)
        fail(f->cc, loc, "& of %s; pass it without &", type_text(f, a->type));
    if (a->kind == EXPR_DEREF) // &*p is p
        return a->a;
    const struct type *type = pointer_to(f, a->type);
    return with_children(f, new_expr(f, EXPR_ADDR, type, loc), a, NULL, NULL);
}

void check_stream(struct front *f, const struct expr *stream, const char *what) {
    if (stream->type->kind != TYPE_POINTER || stream->type->elem->kind != TYPE_STREAM)
        fail(f->cc, stream->loc, "%s on %s; give it a stream parameter or the address of a channel",
             what, type_text(f, stream->type));
}

struct expr *expr_read(struct front *f, struct expr *stream, struct location loc) {
    check_stream(f, stream, "hls_read");
    struct expr *e = new_expr(f, EXPR_READ, stream->type->elem->elem, loc);
    with_children(f, e, stream, NULL, NULL);
    e->has_effects = true;
    if (f->function && !f->in_sizeof)
        f->function->has_effects = true;
    return e;
}

struct expr *expr_more(struct front *f, struct expr *stream, struct location loc) {
    check_stream(f, stream, "hls_more");
    struct expr *e = new_expr(f, EXPR_MORE, f->bool_type, loc);
    with_children(f, e, stream, NULL, NULL);
    e->has_effects = true;
    if (f->function)
        f->function->has_effects = true;
    return e;
}

struct expr *copy_expr(struct front *f, const struct expr *e) {
    if (!e)
        return NULL;
    struct expr *copy = arena_copy(f->cc, e, sizeof *e);
    copy->a = copy_expr(f, e->a);
    copy->b = copy_expr(f, e->b);
    copy->c = copy_expr(f, e->c);
    if (e->arg_count) {
        copy->args = arena_alloc(f->cc, (size_t)e->arg_count * sizeof *copy->args);
        for (int i = 0; i < e->arg_count; i++)
            copy->args[i] = copy_expr(f, e->args[i]);
    }
    return copy;
}

// ---- changes and calls

// State that a call can change: static variables and what parameters point to.
static bool mentions_state(const struct expr *e) {
    if (!e)
        return false;
    if (e->kind == EXPR_DEREF ||
        (e->kind == EXPR_VAR && !e->var->is_const &&
         (e->var->is_static || (e->var->is_param && e->var->type->kind == TYPE_ARRAY))))
        return true;
    for (int i = 0; i < e->arg_count; i++)
        if (mentions_state(e->args[i]))
            return true;
    return e->kind == EXPR_CALL || mentions_state(e->a) || mentions_state(e->b) ||
           mentions_state(e->c);
}

// What a parameter stands for may have another name too.
static bool is_reference(const struct variable *var) {
    return var->is_param && (var->type->kind == TYPE_ARRAY || var->type->kind == TYPE_POINTER);
}

static bool mentions_reference(const struct expr *e) {
    return e && ((e->kind == EXPR_VAR && is_reference(e->var)) || mentions_reference(e->a) ||
                 mentions_reference(e->b) || mentions_reference(e->c));
}

static void note_change_in_loop(struct active_loop *loop, const struct variable *var) {
    bool is_same = loop->var == var;
    bool may_alias = is_reference(var) ? mentions_state(loop->limit)
                     : var->is_static  ? mentions_reference(loop->limit)
                                       : false;
    if (is_same)
        loop->obstacle = "its body changes its variable";
    else if (may_alias || mentions(loop->limit, var))
        loop->obstacle = "its body changes what its start or limit reads";
}

void note_change(struct front *f, const struct expr *lvalue, struct location loc) {
    struct variable *var = root_variable(lvalue);
    if (!var)
        fail(f->cc, loc, "a value without a name is changed; change a variable");
    if (var->is_const)
        fail(f->cc, loc, "%s is const and is changed here; remove the const or the assignment",
             var->name);
    for (struct active_loop *l = f->loops; l; l = l->outer)
        note_change_in_loop(l, var);
    if (f->function && !f->in_sizeof && (var->is_static || is_reference(var)))
        f->function->has_effects = true;
}

static struct expr *convert_argument(struct front *f, struct function *callee, int index,
                                     struct expr *arg) {
    const struct variable *param = callee->params[index];
    const struct type *type = param->type;
    if (type->kind != TYPE_ARRAY && type->kind != TYPE_POINTER)
        return convert(f, arg, type);
    if (type->kind == TYPE_POINTER && arg->type->kind == TYPE_ARRAY)
        fail(f->cc, arg->loc,
             "array given for pointer parameter %s of %s; declare the parameter as an array `T "
             "%s[%lld]`",
             param->name, callee->name, param->name, (long long)arg->type->count);
    if (type->kind == TYPE_ARRAY && arg->kind == EXPR_SELECT)
        fail(f->cc, arg->loc,
             "argument %d of %s is an array that ?: chooses; choose in an if, with a call in each "
             "branch",
             index + 1, callee->name);
    if (!same_type(type, arg->type) || (type->kind == TYPE_ARRAY && !is_lvalue(arg)))
        fail(f->cc, arg->loc,
             "argument %d of %s is %s and its parameter is %s; pass one of that very type",
             index + 1, callee->name, type_text(f, arg->type), type_text(f, type));
    if (type->elem->kind != TYPE_STREAM && !param->is_const)
        note_change(f, arg, arg->loc);
    return arg;
}

struct expr *expr_call(struct front *f, struct function *callee, struct expr **args, int count,
                       struct location loc) {
    if (count != callee->param_count)
        fail(f->cc, loc, "%s is called with %d arguments and takes %d; pass one for each parameter",
             callee->name, count, callee->param_count);
    struct expr *e = new_expr(f, EXPR_CALL, callee->result, loc);
    e->callee = callee;
    e->args = args;
    e->arg_count = count;
    for (int i = 0; i < count; i++) {
        args[i] = convert_argument(f, callee, i, args[i]);
        if (args[i]->has_effects && e->has_effects)
            fail(
                f->cc, loc,
                "two arguments of %s have side effects and C leaves their order open; put one into "
                "a variable first",
                callee->name);
        with_children(f, e, args[i], NULL, NULL);
    }
    e->a = NULL;
    // A function whose body is not known yet may do anything.
    if (!callee->body || callee->has_effects) {
        e->has_effects = true;
        if (f->function && !f->in_sizeof)
            f->function->has_effects = true;
        for (struct active_loop *l = f->loops; l; l = l->outer)
            if (mentions_state(l->limit))
                l->obstacle =
                    "its body calls a function that may change what its start or limit reads";
    }
    if (!f->in_sizeof) {
        f->edges = grow_list(f, f->edges, f->edge_count, &f->edge_capacity, sizeof *f->edges);
        f->edges[f->edge_count++] = (struct call_edge){f->function, callee, loc};
    }
    return e;
}

struct stmt *make_assign(struct front *f, struct expr *a, struct expr *b, struct location loc) {
    if (!is_lvalue(a))
        fail(f->cc, loc, "the left side of an assignment is not a variable; assign to one");
    if (a->type->kind == TYPE_ARRAY)
        fail(f->cc, loc, "an array is assigned as a whole; copy its elements in a loop");
    if (a->type->kind == TYPE_POINTER)
        fail(f->cc, loc, "pointer variable %s is changed; pointers stay as they were passed",
             a->kind == EXPR_VAR ? a->var->name : "here");
    if (a->type->kind == TYPE_STREAM)
        fail(f->cc, loc, "a stream is assigned; use hls_read and hls_write");
    note_change(f, a, loc);
    struct stmt *s = new_stmt(f, STMT_ASSIGN, loc);
    s->a = a;
    s->b = convert(f, b, a->type);
    return s;
}
