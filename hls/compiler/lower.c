// SPDX-License-Identifier: Apache-2.0
// Statements, calls and loops to operations. The top function becomes one process, or, with a
// dataflow pragma, one process per call. Branches are computed on both sides and merged
// (if-conversion).
#include "lower.h"

#include <string.h>

struct value *copy_env(struct lowering *lo) {
    return arena_copy(lo->cc, lo->env, (size_t)lo->slot_count * sizeof *lo->env);
}

void add_effect(struct lowering *lo, struct op *op, struct location loc) {
    struct region *r = lo->region;
    if (!r)
        fail(lo->cc, loc, "a memory or a stream is used outside of a loop");
    r->effects = arena_grow(lo->cc, r->effects, (size_t)r->effect_count * sizeof *r->effects,
                            (size_t)(r->effect_count + 1) * sizeof *r->effects);
    r->effects[r->effect_count++] = op;
}

// The environment becomes `condition ? environment : otherwise`.
void merge_env(struct lowering *lo, struct op *condition, const struct value *otherwise,
               int count) {
    for (int i = 0; i < count; i++) {
        struct value *mine = &lo->env[i];
        const struct value *other = &otherwise[i];
        struct op *x = ir_resolve(mine->op), *y = ir_resolve(other->op);
        if (x == y || !y)
            continue; // unchanged, or not assigned before
        if (!x) {
            *mine = *other;
            continue;
        }
        const struct slot *s = &lo->slots[i];
        uint32_t taken = lo->lanes_in_use | x->space | y->space | ir_resolve(condition)->space;
        int lane[MAX_DIMS];
        bool aligned = true;
        for (int d = 0; d < s->dims; d++)
            aligned = aligned && mine->lane[d] == other->lane[d];
        if (aligned)
            memcpy(lane, mine->lane, sizeof lane);
        else if (x->code == IR_CONST)
            memcpy(lane, other->lane, sizeof lane);
        else if (y->code == IR_CONST)
            memcpy(lane, mine->lane, sizeof lane);
        else
            choose_lanes(lo, s->dims, s->size, taken, lane);
        struct op *at[MAX_DIMS];
        for (int d = 0; d < s->dims; d++)
            at[d] = ir_lane(&lo->b, lane[d]);
        struct op *merged =
            ir_select(&lo->b, lo->loc, condition, view_at(lo, *mine, s->dims, s->size, at, lo->loc),
                      view_at(lo, *other, s->dims, s->size, at, lo->loc));
        if (!merged->name && merged->code != IR_CONST)
            merged->name = s->name;
        mine->op = merged;
        memcpy(mine->lane, lane, sizeof lane);
    }
}

static void lower_branch(struct lowering *lo, struct op *condition, const struct stmt *then,
                         const struct stmt *otherwise) {
    int64_t known;
    condition = ir_resolve(condition);
    if (ir_is_const(condition, &known)) {
        if (known && then)
            lower_stmt(lo, then);
        else if (!known && otherwise)
            lower_stmt(lo, otherwise);
        return;
    }
    if (!lo->region && (has_loop(then) || has_loop(otherwise)))
        condition = settled(lo, condition, lo->loc);
    struct op *guard = lo->guard;
    struct value *before = copy_env(lo);
    const int count = lo->slot_count;
    lo->guard = ir_and(&lo->b, guard, condition);
    if (then)
        lower_stmt(lo, then);
    struct value *after_then = copy_env(lo);
    memcpy(lo->env, before, (size_t)count * sizeof *before);
    if (otherwise) {
        lo->guard = ir_and(&lo->b, guard, ir_not(&lo->b, condition));
        lower_stmt(lo, otherwise);
    }
    lo->guard = guard;
    merge_env(lo, ir_not(&lo->b, condition), after_then, count);
}

static void lower_switch(struct lowering *lo, const struct stmt *s) {
    struct builder *b = &lo->b;
    struct op *on = lower_expr(lo, s->a), *any = NULL;
    const struct switch_case *fallback = NULL;
    if (!lo->region && has_loop(s))
        on = settled(lo, on, s->loc);
    for (int i = 0; i < s->case_count; i++) {
        const struct switch_case *c = &s->cases[i];
        struct op *hit = NULL;
        for (int k = 0; k < c->value_count; k++) {
            struct op *equal =
                ir_binary(b, IR_EQ, 1, false, s->loc, on,
                          ir_const(b, s->a->type->bits, s->a->type->is_signed, c->values[k]));
            hit = hit ? ir_binary(b, IR_OR, 1, false, s->loc, hit, equal) : equal;
        }
        if (c->is_default)
            fallback = c;
        if (!hit)
            continue;
        any = any ? ir_binary(b, IR_OR, 1, false, s->loc, any, hit) : hit;
        if (!c->is_default)
            lower_branch(lo, hit, c->body, NULL);
    }
    if (fallback && any && fallback->value_count == 0)
        lower_branch(lo, ir_not(b, any), fallback->body, NULL);
    else if (fallback && fallback->value_count == 0)
        lower_stmt(lo, fallback->body);
    else if (fallback)
        fail(lo->cc, s->loc, "'default' shares an arm with 'case'; give it an arm of its own");
}

// ---- statements

static void lower_block(struct lowering *lo, const struct stmt *s) {
    struct op *guard = lo->guard;
    for (int i = 0; i < s->count; i++) {
        if (lo->returned) {
            int64_t known;
            if (ir_is_const(ir_resolve(lo->returned), &known) && known)
                break;
            if (!lo->region && (has_loop(s->body[i]) || has_effect(s->body[i])))
                lo->returned = settled(lo, lo->returned, s->body[i]->loc);
            struct op *go_on = ir_not(&lo->b, lo->returned);
            struct value *before = copy_env(lo);
            const int count = lo->slot_count;
            lo->guard = ir_and(&lo->b, guard, go_on);
            lower_stmt(lo, s->body[i]);
            merge_env(lo, go_on, before, count);
            continue;
        }
        if (!lo->region && !lo->unrolled_count && !has_loop(s->body[i]) && has_effect(s->body[i])) {
            int n = 1;
            while (i + n < s->count && !has_loop(s->body[i + n]) && has_effect(s->body[i + n]))
                n++;
            lower_straight(lo, &s->body[i], n);
            i += n - 1;
            continue;
        }
        lower_stmt(lo, s->body[i]);
    }
    lo->guard = guard;
}

static void lower_write(struct lowering *lo, const struct stmt *s) {
    const int stream = lowered_stream(lo, s->a);
    const struct type *type = lo->p->streams[stream].payload;
    if (lo->unrolled_count)
        fail(lo->cc, s->loc,
             "a stream is written in an unrolled loop: one write a cycle; put the words side "
             "by side into one struct");
    struct value leaves[64];
    lower_leaves(lo, s->b, leaves);
    for (int i = 0; lo->region && i < lo->region->effect_count; i++)
        if (lo->region->effects[i]->code == IR_WRITE && lo->region->effects[i]->imm == stream)
            fail(lo->cc, s->loc,
                 "stream '%s' is written at two places of one pipelined loop (the other is "
                 "line %d): one write an iteration; choose the value first, then write once",
                 lo->p->streams[stream].name, lo->region->effects[i]->loc.line);
    struct op *in[65] = {lo->guard};
    const int count = leaf_count(type);
    for (int i = 0; i < count; i++) {
        const struct type *scalar;
        const char *name;
        int dims, lane[MAX_DIMS];
        int64_t size[MAX_DIMS];
        leaf_shape(type, i, &scalar, &dims, size, &name);
        choose_lanes(lo, dims, size, 0, lane); // in the order of the payload's dimensions
        struct op *at[MAX_DIMS];
        for (int d = 0; d < dims; d++)
            at[d] = ir_lane(&lo->b, lane[d]);
        in[1 + i] = leaves[i].op ? view_at(lo, leaves[i], dims, size, at, s->loc)
                                 : ir_const(&lo->b, scalar->bits, scalar->is_signed, 0);
        if (in[1 + i]->space & lo->lanes_in_use)
            fail(lo->cc, s->loc, "a stream is written in an unrolled loop");
    }
    struct stream *sink = &lo->p->streams[stream];
    if (sink->is_used && !sink->is_output)
        fail(lo->cc, s->loc,
             "stream '%s' is both read and written by process '%s'; a stream has one writer "
             "and another reader",
             sink->name, lo->p->name);
    sink->is_used = sink->is_output = true;
    struct op *op = ir_op(&lo->b, IR_WRITE, 1, false, s->loc, 1 + count, in, stream, NULL, 0);
    op->name = lo->p->streams[stream].name;
    add_effect(lo, op, s->loc);
}

void lower_stmt(struct lowering *lo, const struct stmt *s) {
    lo->loc = s->loc;
    switch (s->kind) {
    case STMT_DECL: {
        declare_variable(lo, s->var);
        if (s->init) {
            const struct binding *bound = binding_of(lo, s->var);
            struct value leaves[64];
            lower_leaves(lo, s->init, leaves);
            for (int i = 0; i < leaf_count(s->var->type); i++) {
                lo->env[bound->slot + i] = leaves[i];
                struct op *op = ir_resolve(leaves[i].op);
                if (op && !op->name && op->code != IR_CONST)
                    op->name = lo->slots[bound->slot + i].name;
            }
        }
        return;
    }
    case STMT_ASSIGN:
        lower_assign(lo, s->a, s->b, s->loc);
        return;
    case STMT_EXPR:
        if (s->a->kind == EXPR_CALL) {
            lower_call(lo, s->a);
        } else {
            struct value leaves[64];
            lower_leaves(lo, s->a, leaves);
        }
        return;
    case STMT_WRITE:
        lower_write(lo, s);
        return;
    case STMT_IF:
        lower_branch(lo, lower_expr(lo, s->a), s->then, s->otherwise);
        return;
    case STMT_SWITCH:
        lower_switch(lo, s);
        return;
    case STMT_BLOCK:
        lower_block(lo, s);
        return;
    case STMT_FOR:
        if (lo->region || s->loop->unroll)
            lower_unrolled(lo, s->loop, s->loc);
        else
            lower_region(lo, s);
        return;
    case STMT_WHILE:
    case STMT_CONTINUE:
        fail(lo->cc, s->loc, "while and continue are not lowered yet");
    case STMT_RETURN: {
        if (lo->region && lo->call_depth == 0)
            fail(lo->cc, s->loc,
                 "return inside a loop; use break on a condition of the loop's index");
        struct op *now = lo->guard ? lo->guard : ir_const(&lo->b, 1, false, 1);
        if (s->a) {
            struct value leaves[64];
            lower_leaves(lo, s->a, leaves);
            const int count = leaf_count(s->a->type);
            for (int i = 0; i < count; i++) {
                if (lo->returned && lo->result[i].op) {
                    if (s->a->type->kind == TYPE_STRUCT)
                        fail(lo->cc, s->loc, "several returns of a struct; assign to one variable");
                    leaves[i].op =
                        ir_select(&lo->b, s->loc, lo->returned, lo->result[i].op, leaves[i].op);
                }
                lo->result[i] = leaves[i];
            }
        }
        lo->returned =
            lo->returned ? ir_binary(&lo->b, IR_OR, 1, false, s->loc, lo->returned, now) : now;
        return;
    }
    case STMT_BREAK:
        if (!lo->region || lo->unrolled_count || lo->call_depth)
            fail(lo->cc, s->loc, "break is supported at the end of a pipelined loop only");
        if (lo->region->break_if)
            fail(lo->cc, s->loc, "a second break in one loop; join the conditions");
        lo->region->break_if = lo->guard ? lo->guard : ir_const(&lo->b, 1, false, 1);
        return;
    }
}

struct value *lower_call(struct lowering *lo, const struct expr *call) {
    const struct function *f = call->callee;
    struct binding *bound = arena_alloc(lo->cc, (size_t)(f->param_count + 1) * sizeof *bound);
    for (int i = 0; i < f->param_count; i++) {
        struct variable *param = f->params[i];
        const struct expr *arg = call->args[i];
        const struct type *type = param->type;
        bound[i] = (struct binding){-1, -1, lo->p};
        if (type->kind == TYPE_POINTER && type->elem->kind == TYPE_STREAM) {
            bound[i].stream = lowered_stream(lo, arg);
        } else if (type->kind == TYPE_POINTER || type->kind == TYPE_ARRAY) {
            const struct expr *target = arg->kind == EXPR_ADDR ? arg->a : arg;
            int field = 0;
            if (target->kind == EXPR_FIELD) {
                field = target->field;
                target = target->a;
            }
            if (target->kind == EXPR_DEREF)
                target = target->a;
            if (target->kind != EXPR_VAR)
                fail(lo->cc, arg->loc, "argument %d of '%s' must be a whole variable or array",
                     i + 1, f->name);
            if (!binding_of(lo, target->var) && target->var->is_static)
                declare_variable(lo, target->var);
            const struct binding *from = binding_of(lo, target->var);
            bound[i].slot = from->slot + field;
        } else {
            struct value leaves[64];
            lower_leaves(lo, arg, leaves);
            bound[i].slot = new_slots(lo, param);
            for (int k = 0; k < leaf_count(type); k++)
                lo->env[bound[i].slot + k] = leaves[k];
        }
    }
    for (int i = 0; i < f->param_count; i++)
        f->params[i]->user = &bound[i];
    struct op *returned = lo->returned, *guard = lo->guard;
    struct value *result = lo->result, mine[64] = {{0}};
    const bool in_region = lo->region != NULL;
    lo->returned = NULL;
    lo->result = mine;
    lo->call_depth += in_region;
    lower_stmt(lo, f->body);
    lo->call_depth -= in_region;
    lo->returned = returned;
    lo->result = result;
    lo->guard = guard;
    if (f->result->kind == TYPE_VOID)
        return NULL;
    if (!mine[0].op)
        fail(lo->cc, call->loc, "'%s' returns no value", f->name);
    return arena_copy(lo->cc, mine, (size_t)leaf_count(f->result) * sizeof *mine);
}
