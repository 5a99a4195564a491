// SPDX-License-Identifier: Apache-2.0
// Expressions and assignments to operations, with C's types as sema left them.
#include "lower.h"

#include <string.h>

// Follows an lvalue to its slot and indices. Returns the type of what it names.
static const struct type *path(struct lowering *lo, const struct expr *e, int *slot, int *dims,
                               struct op **index) {
    switch (e->kind) {
    case EXPR_VAR: {
        const struct binding *bound = binding_of(lo, e->var);
        if (!bound && e->var->is_static) { // file scope
            bind(lo, e->var, new_slots(lo, e->var), -1);
            bound = binding_of(lo, e->var);
        }
        if (!bound || bound->slot < 0)
            fail(lo->cc, e->loc,
                 "'%s' has no value in process '%s'; declare it there, or pass it as an argument",
                 e->var->name, lo->p->name);
        *slot = bound->slot;
        *dims = 0;
        return e->var->type->kind == TYPE_POINTER ? e->var->type->elem : e->var->type;
    }
    case EXPR_DEREF:
        if (e->a->kind != EXPR_VAR)
            fail(lo->cc, e->loc,
                 "only a pointer parameter can be dereferenced; use the variable itself, or an "
                 "index");
        return path(lo, e->a, slot, dims, index);
    case EXPR_FIELD: {
        path(lo, e->a, slot, dims, index);
        if (*dims)
            fail(lo->cc, e->loc, "an array of structs is used; write a struct of arrays");
        *slot += e->field;
        return e->type;
    }
    case EXPR_INDEX: {
        path(lo, e->a, slot, dims, index);
        struct op *at = lower_expr(lo, e->b);
        if (*dims == MAX_DIMS)
            fail(lo->cc, e->loc, "an array has at most %d dimensions; merge two of them into one",
                 MAX_DIMS);
        index[(*dims)++] = at;
        return e->type;
    }
    default:
        fail(lo->cc, e->loc, "this expression is no variable; put its value into one first");
    }
}

int lowered_stream(struct lowering *lo, const struct expr *e) {
    if (e->kind == EXPR_ADDR)
        e = e->a;
    const struct binding *bound = e->kind == EXPR_VAR ? binding_of(lo, e->var) : NULL;
    if (!bound || bound->stream < 0)
        fail(lo->cc, e->loc,
             "this is no stream of process '%s'; make it a parameter of the process, or a channel "
             "that the process declares",
             lo->p->name);
    return bound->stream;
}

static struct op *divide(struct lowering *lo, const struct expr *e, struct op *x, struct op *y) {
    struct builder *b = &lo->b;
    const int bits = e->type->bits;
    const bool sgn = e->type->is_signed;
    int64_t divisor;
    int shift = -1;
    if (ir_is_const(ir_resolve(y), &divisor))
        for (int i = 0; i < 62; i++)
            if (divisor == (int64_t)1 << i)
                shift = i;
    if (shift < 0)
        fail(lo->cc, e->loc,
             "division by anything but a constant power of two; multiply by a reciprocal "
             "and shift, or use a table");
    struct op *n = ir_const(b, 32, true, shift), *mask = ir_const(b, bits, sgn, divisor - 1);
    struct op *quotient;
    if (!sgn) {
        if (e->op == OP_MOD)
            return ir_binary(b, IR_AND, bits, sgn, e->loc, x, mask);
        return ir_binary(b, IR_SHR, bits, sgn, e->loc, x, n);
    }
    struct op *zero = ir_const(b, bits, sgn, 0); // C truncates towards zero
    struct op *bias =
        ir_select(b, e->loc, ir_binary(b, IR_LT, 1, false, e->loc, x, zero), mask, zero);
    quotient = ir_binary(b, IR_SHR, bits, sgn, e->loc,
                         ir_binary(b, IR_ADD, bits, sgn, e->loc, x, bias), n);
    if (e->op == OP_DIV)
        return quotient;
    return ir_binary(b, IR_SUB, bits, sgn, e->loc, x,
                     ir_binary(b, IR_SHL, bits, sgn, e->loc, quotient, n));
}

static struct op *binary(struct lowering *lo, const struct expr *e) {
    struct builder *b = &lo->b;
    struct op *x = lower_expr(lo, e->a);
    int64_t known;
    if (e->op == OP_LAND && ir_is_const(ir_resolve(x), &known) && !known)
        return x;
    if (e->op == OP_LOR && ir_is_const(ir_resolve(x), &known) && known)
        return x;
    struct op *y = lower_expr(lo, e->b);
    const int bits = e->type->bits;
    const bool sgn = e->type->is_signed;
    const bool is_shift = e->op == OP_SHL || e->op == OP_SHR;
    if (b->line.file && is_shift && ir_is_const(ir_resolve(y), &known) &&
        (known < 0 || known >= bits))
        fail(lo->cc, b->line,
             "the number of bits that this function of hls.h is given is out of its range (it "
             "shifts a %d-bit number by %lld); give hls_wrap and hls_saturate 1 to 64, and "
             "hls_round_shift 1 to 62",
             bits, (long long)known);
    switch (e->op) {
    case OP_ADD:
        return ir_binary(b, IR_ADD, bits, sgn, e->loc, x, y);
    case OP_SUB:
        return ir_binary(b, IR_SUB, bits, sgn, e->loc, x, y);
    case OP_MUL:
        return ir_binary(b, IR_MUL, bits, sgn, e->loc, x, y);
    case OP_DIV:
    case OP_MOD:
        return divide(lo, e, x, y);
    case OP_SHL:
        return ir_binary(b, IR_SHL, bits, sgn, e->loc, x, y);
    case OP_SHR:
        return ir_binary(b, IR_SHR, bits, sgn, e->loc, x, y);
    case OP_AND:
        return ir_binary(b, IR_AND, bits, sgn, e->loc, x, y);
    case OP_OR:
        return ir_binary(b, IR_OR, bits, sgn, e->loc, x, y);
    case OP_XOR:
        return ir_binary(b, IR_XOR, bits, sgn, e->loc, x, y);
    case OP_LAND:
        return ir_binary(b, IR_AND, 1, false, e->loc, x, y);
    case OP_LOR:
        return ir_binary(b, IR_OR, 1, false, e->loc, x, y);
    case OP_EQ:
        return ir_binary(b, IR_EQ, 1, false, e->loc, x, y);
    case OP_NE:
        return ir_not(b, ir_binary(b, IR_EQ, 1, false, e->loc, x, y));
    case OP_LT:
        return ir_binary(b, IR_LT, 1, false, e->loc, x, y);
    case OP_LE:
        return ir_binary(b, IR_LE, 1, false, e->loc, x, y);
    case OP_GT:
        return ir_binary(b, IR_LT, 1, false, e->loc, y, x);
    case OP_GE:
        return ir_binary(b, IR_LE, 1, false, e->loc, y, x);
    default:
        fail(lo->cc, e->loc,
             "this operator is no hardware; write it with + - * & | ^ << >> and comparisons");
    }
}

struct op *lower_expr(struct lowering *lo, const struct expr *e) {
    struct builder *b = &lo->b;
    switch (e->kind) {
    case EXPR_CONST:
        return ir_const(b, e->type->bits, e->type->is_signed, e->value);
    case EXPR_VAR:
    case EXPR_INDEX:
    case EXPR_FIELD:
    case EXPR_DEREF: {
        const struct binding *bound = e->kind == EXPR_VAR ? binding_of(lo, e->var) : NULL;
        if (e->kind == EXPR_VAR && !bound && e->var->is_const && e->var->value_count == 1 &&
            e->type->kind != TYPE_ARRAY)
            return ir_const(b, e->type->bits, e->type->is_signed, e->var->values[0]);
        int slot, dims;
        struct op *index[MAX_DIMS];
        const struct type *type = path(lo, e, &slot, &dims, index);
        if (type->kind != TYPE_INT && type->kind != TYPE_BOOL)
            fail(lo->cc, e->loc,
                 "a whole array or struct is used where one number is needed; name an element or a "
                 "member");
        return read_slot(lo, slot, dims, index, e->loc).op;
    }
    case EXPR_UNARY: {
        struct op *x = lower_expr(lo, e->a);
        if (e->op == OP_LOGNOT)
            return ir_not(b, x);
        return ir_op(b, e->op == OP_NEG ? IR_NEG : IR_NOT, e->type->bits, e->type->is_signed,
                     e->loc, 1, &x, 0, NULL, 0);
    }
    case EXPR_BINARY:
        return binary(lo, e);
    case EXPR_SELECT: {
        struct op *c = ir_resolve(lower_expr(lo, e->a));
        if (c->code == IR_CONST)
            return lower_expr(lo, c->imm ? e->b : e->c);
        struct op *x = lower_expr(lo, e->b);
        return ir_select(b, e->loc, c, x, lower_expr(lo, e->c));
    }
    case EXPR_CAST: {
        struct op *x = ir_resolve(lower_expr(lo, e->a));
        if (e->type->kind == TYPE_BOOL) {
            if (x->bits == 1)
                return x;
            return ir_not(
                b, ir_binary(b, IR_EQ, 1, false, e->loc, x, ir_const(b, x->bits, x->is_signed, 0)));
        }
        return ir_cast(b, e->type->bits, e->type->is_signed, e->loc, x);
    }
    case EXPR_CALL:
    case EXPR_READ: {
        struct value leaf;
        lower_leaves(lo, e, &leaf);
        return leaf.op;
    }
    case EXPR_MORE:
        fail(lo->cc, e->loc,
             "hls_more is used as a value; it is the whole condition of a loop, so write while "
             "(hls_more(T, stream))");
    case EXPR_ADDR:
        break;
    }
    fail(lo->cc, e->loc, "an address is used where a number is needed; remove the &");
}

static void read_stream(struct lowering *lo, const struct expr *e, struct value *leaves) {
    struct builder *b = &lo->b;
    int stream = lowered_stream(lo, e->a);
    if (lo->p->streams[stream].partner >= 0)
        stream = lo->p->streams[stream].partner;
    if (!lo->region)
        fail(lo->cc, e->loc,
             "this statement reads a stream and calls a function that holds a loop; read into a "
             "variable in a statement of its own first");
    if (lo->unrolled_count)
        fail(lo->cc, e->loc,
             "a stream is read in an unrolled loop inside of a pipeline, one word a cycle; put the "
             "words side by side into one struct, or leave the pipeline pragma of the loop around "
             "it out");
    for (int i = 0; i < lo->region->effect_count; i++) {
        const struct op *other = lo->region->effects[i];
        if (other->code == IR_READ && other->imm == stream &&
            !ir_exclusive(other->in[0], lo->guard))
            fail(lo->cc, e->loc,
                 "stream '%s' is read at two places of one iteration (the other is line %d) and "
                 "offers one word a cycle; read once into a variable, put the reads into different "
                 "branches of one if or switch, or leave the pipeline pragma out",
                 lo->p->streams[stream].name, other->loc.line);
    }
    struct stream *source = &lo->p->streams[stream];
    if (source->is_used && source->is_output)
        fail(lo->cc, e->loc,
             "stream '%s' is both written and read by process '%s'; declare another stream, for "
             "one has a writer and a reader that differ",
             source->name, lo->p->name);
    source->is_used = true;
    struct op *read = ir_op(b, IR_READ, 1, false, e->loc, 1, &lo->guard, stream, NULL, 0);
    read->name = lo->p->streams[stream].name;
    read->space = 0;
    add_effect(lo, read, e->loc);
    int64_t at = 0;
    for (int i = 0; i < leaf_count(e->type); i++) {
        const struct type *scalar;
        const char *name = NULL;
        int dims;
        int64_t size[MAX_DIMS], stride[MAX_DIMS + 1];
        leaf_shape(e->type, i, &scalar, &dims, size, &name);
        choose_lanes(lo, dims, size, 0, leaves[i].lane);
        struct view_index view[MAX_DIMS];
        stride[dims] = scalar->bits;
        for (int d = dims - 1; d >= 0; d--)
            stride[d] = stride[d + 1] * size[d];
        for (int d = 0; d < dims; d++)
            view[d] = (struct view_index){
                .lane = leaves[i].lane[d], .size = size[d], .base = stride[d + 1]};
        struct op *field =
            ir_op(b, IR_FIELD, scalar->bits, scalar->is_signed, e->loc, 1, &read, at, view, dims);
        field->name = name ? arena_printf(lo->cc, "%s_%s", read->name, name) : read->name;
        leaves[i].op = field;
        at += stride[0];
    }
}

static void select_struct(struct lowering *lo, const struct expr *e, struct value *leaves) {
    struct op *condition = ir_resolve(lower_expr(lo, e->a));
    int64_t known;
    if (ir_is_const(condition, &known)) {
        lower_leaves(lo, known ? e->b : e->c, leaves);
        return;
    }
    struct value others[MAX_MEMBERS];
    lower_leaves(lo, e->b, leaves);
    lower_leaves(lo, e->c, others);
    lo->loc = e->loc;
    for (int i = 0; i < leaf_count(e->type); i++) {
        struct slot shape = {.kind = SLOT_VALUE};
        leaf_shape(e->type, i, &shape.scalar, &shape.dims, shape.size, &shape.name);
        leaves[i] = merge_values(lo, &shape, condition, leaves[i], others[i]);
    }
}

void lower_leaves(struct lowering *lo, const struct expr *e, struct value *leaves) {
    if (leaf_count(e->type) > MAX_MEMBERS)
        fail(lo->cc, e->loc,
             "struct '%s' has %d members, and at most %d are possible; put members of one type "
             "into an array",
             e->type->def->name, leaf_count(e->type), MAX_MEMBERS);
    switch (e->kind) {
    case EXPR_READ:
        read_stream(lo, e, leaves);
        return;
    case EXPR_CALL: {
        const struct value *result = lower_call(lo, e);
        if (!result)
            fail(lo->cc, e->loc, "'%s' gives no value and is used as one; let it return a value",
                 e->callee->name);
        memcpy(leaves, result, (size_t)leaf_count(e->type) * sizeof *leaves);
        return;
    }
    default:
        break;
    }
    if (e->type->kind != TYPE_STRUCT) {
        leaves[0] = (struct value){.op = lower_expr(lo, e)};
        return;
    }
    if (e->kind == EXPR_SELECT) {
        select_struct(lo, e, leaves);
        return;
    }
    int slot, dims;
    struct op *index[MAX_DIMS];
    path(lo, e, &slot, &dims, index);
    for (int i = 0; i < leaf_count(e->type); i++)
        leaves[i] = read_slot(lo, slot + i, 0, NULL, e->loc);
}

void lower_assign(struct lowering *lo, const struct expr *target, const struct expr *source,
                  struct location loc) {
    int slot, dims;
    struct op *index[MAX_DIMS];
    lo->loc = loc;
    if (target->type->kind == TYPE_STRUCT) {
        struct value leaves[MAX_MEMBERS];
        lower_leaves(lo, source, leaves);
        path(lo, target, &slot, &dims, index);
        for (int i = 0; i < leaf_count(target->type); i++)
            lo->env[slot + i] = leaves[i];
        return;
    }
    struct op *value = lower_expr(lo, source);
    path(lo, target, &slot, &dims, index);
    write_slot(lo, slot, dims, index, value, loc);
}
