// SPDX-License-Identifier: Apache-2.0
// Statements, calls and loops to operations. The top function becomes one process, or, with a
// dataflow pragma, one process per call. Branches are computed on both sides and merged
// (if-conversion).
//
// A variable is a slot of an environment, which holds the operation that is its value at this
// place: `if (c) x = a;` makes `x = select(c, a, x)`, whether or not c holds. `return`, `break` and
// `continue` raise flags of one bit, and what stands behind them is done unless a flag is up. So an
// iteration has no jumps, and the schedule may put each operation where it fits.
#include "lower.h"

#include <string.h>

static void note_work(struct lowering *lo, int amount) {
    lo->work += amount;
    if (lo->work > MAX_LOWERING)
        fail(lo->cc, lo->loc,
             "process '%s' becomes too large for hlsc when the code comes here: each call and each "
             "iteration of an unrolled loop that is expanded is hardware of its own; unroll less, "
             "by a factor, or split the process",
             lo->p->name);
}

struct value *copy_env(struct lowering *lo) {
    note_work(lo, lo->slot_count / 16);
    return arena_copy(lo->cc, lo->env, (size_t)lo->slot_count * sizeof *lo->env);
}

void add_effect(struct lowering *lo, struct op *op, struct location loc) {
    struct region *r = lo->region;
    if (!r)
        fail(lo->cc, loc,
             "this statement writes a memory or a stream and calls a function that holds a loop; "
             "put what the function returns into a variable first");
    r->effects = arena_room(lo->cc, r->effects, r->effect_count, sizeof *r->effects);
    r->effects[r->effect_count++] = op;
}

// Elements named by constant indices that `op` replaces: the indices by dimension, -1: all.
static bool names_element(const struct slot *s, const int *lane, const struct op *op,
                          int64_t *index) {
    if (op->code != IR_SELECT)
        return false;
    int64_t at[MAX_LANES];
    memset(at, -1, sizeof at);
    if (!lane_constants(op->in[0], at))
        return false;
    for (int d = 0; d < s->dims; d++) {
        index[d] = at[lane[d]];
        at[lane[d]] = -1;
    }
    for (int l = 0; l < MAX_LANES; l++)
        if (at[l] >= 0)
            return false;
    return true;
}

static struct op *element_of(struct lowering *lo, const struct slot *s, const int *lane,
                             struct op *array, const int64_t *index) {
    struct op *at[MAX_DIMS];
    struct value v = {.op = array};
    for (int d = 0; d < s->dims; d++) {
        v.lane[d] = lane[d];
        at[d] = index[d] < 0 ? ir_lane(&lo->b, lane[d]) : ir_const(&lo->b, 32, true, index[d]);
    }
    return view_at(lo, v, s->dims, s->size, at, lo->loc);
}

enum { MAX_ELEMENTS = 256 };

struct elements { // that were assigned one by one, the newest first
    const struct op *select[MAX_ELEMENTS];
    int64_t index[MAX_ELEMENTS][MAX_DIMS];
    int count;
};

static bool same_dims(const struct slot *s, const int64_t *x, const int64_t *y) {
    for (int d = 0; d < s->dims; d++)
        if ((x[d] < 0) != (y[d] < 0))
            return false;
    return true;
}

// Adds the elements that `array` assigns; gives what lies below them, or NULL where indices name
// pieces of different shape.
static struct op *collect_elements(const struct slot *s, const int *lane, struct op *array,
                                   struct elements *list) {
    int64_t index[MAX_DIMS];
    for (array = ir_resolve(array); names_element(s, lane, array, index);
         array = ir_resolve(array->in[2])) {
        if (list->count == MAX_ELEMENTS || (list->count && !same_dims(s, index, list->index[0])))
            return NULL;
        bool known = false;
        for (int i = 0; i < list->count; i++)
            known = known || memcmp(index, list->index[i], (size_t)s->dims * sizeof *index) == 0;
        if (known)
            continue;
        list->select[list->count] = array;
        memcpy(list->index[list->count++], index, sizeof index);
    }
    return array;
}

// `condition ? x : y`. In arrays of which single elements were assigned only those are chosen, so
// that the others do not wait for the condition.
static struct op *merge_arrays(struct lowering *lo, const struct slot *s, const int *lane,
                               struct op *condition, struct op *x, struct op *y) {
    struct builder *b = &lo->b;
    struct elements *list = s->dims ? arena_alloc(lo->cc, sizeof *list) : NULL;
    struct op *base_x = list ? collect_elements(s, lane, x, list) : NULL;
    struct op *base_y = base_x ? collect_elements(s, lane, y, list) : NULL;
    if (!base_y || !list->count)
        return ir_select(b, lo->loc, condition, x, y);
    struct op *merged = ir_select(b, lo->loc, condition, base_x, base_y);
    for (int i = list->count; i-- > 0;) {
        struct op *element =
            ir_select(b, lo->loc, condition, element_of(lo, s, lane, x, list->index[i]),
                      element_of(lo, s, lane, y, list->index[i]));
        merged = ir_select(b, lo->loc, list->select[i]->in[0], element, merged);
    }
    return merged;
}

// `condition ? x : y` of values of this slot's shape.
struct value merge_values(struct lowering *lo, const struct slot *s, struct op *condition,
                          struct value mine, struct value other) {
    struct op *x = ir_resolve(mine.op), *y = ir_resolve(other.op);
    if (x == y || !y)
        return mine; // unchanged, or not assigned before
    if (!x)
        return other;
    uint32_t taken = lo->lanes_in_use | x->space | y->space | ir_resolve(condition)->space;
    struct value merged;
    bool aligned = true;
    for (int d = 0; d < s->dims; d++)
        aligned = aligned && mine.lane[d] == other.lane[d];
    if (aligned || y->code == IR_CONST)
        memcpy(merged.lane, mine.lane, sizeof merged.lane);
    else if (x->code == IR_CONST)
        memcpy(merged.lane, other.lane, sizeof merged.lane);
    else
        choose_lanes(lo, s->dims, s->size, taken, merged.lane);
    struct op *at[MAX_DIMS];
    for (int d = 0; d < s->dims; d++)
        at[d] = ir_lane(&lo->b, merged.lane[d]);
    merged.op = merge_arrays(lo, s, merged.lane, condition,
                             view_at(lo, mine, s->dims, s->size, at, lo->loc),
                             view_at(lo, other, s->dims, s->size, at, lo->loc));
    if (!merged.op->name && merged.op->code != IR_CONST)
        merged.op->name = s->name;
    return merged;
}

// The environment becomes `condition ? environment : otherwise`.
void merge_env(struct lowering *lo, struct op *condition, const struct value *otherwise,
               int count) {
    for (int i = 0; i < count; i++)
        lo->env[i] = merge_values(lo, &lo->slots[i], condition, lo->env[i], otherwise[i]);
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
    if (!lo->region &&
        (needs_steps(then) || needs_steps(otherwise) || has_read(then) || has_read(otherwise)))
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
    if (!lo->region && needs_steps(s))
        on = settled(lo, on, s->loc);
    for (int i = 0; i < s->case_count; i++) {
        const struct switch_case *c = &s->cases[i];
        struct op *hit = NULL;
        if (c->is_default) { // covers its own labels too
            fallback = c;
            continue;
        }
        for (int k = 0; k < c->value_count; k++) {
            struct op *equal =
                ir_binary(b, IR_EQ, 1, false, s->loc, on,
                          ir_const(b, s->a->type->bits, s->a->type->is_signed, c->values[k]));
            hit = hit ? ir_binary(b, IR_OR, 1, false, s->loc, hit, equal) : equal;
        }
        if (!hit)
            continue;
        any = any ? ir_binary(b, IR_OR, 1, false, s->loc, any, hit) : hit;
        lower_branch(lo, hit, c->body, NULL);
    }
    if (fallback && any)
        lower_branch(lo, ir_not(b, any), fallback->body, NULL);
    else if (fallback)
        lower_stmt(lo, fallback->body);
}

// ---- statements

int new_hidden(struct lowering *lo, const char *name, const struct type *type,
               struct location loc) {
    struct variable *var = arena_alloc(lo->cc, sizeof *var);
    *var = (struct variable){
        .name = name, .type = type, .loc = loc, .storage_latency = -1, .stream_depth = -1};
    return new_slots(lo, var);
}

int new_flag(struct lowering *lo, const char *name, struct location loc) {
    static const struct type flag = {.kind = TYPE_BOOL, .bits = 1};
    const int slot = new_hidden(lo, name, &flag, loc);
    lo->env[slot].op = ir_const(&lo->b, 1, false, 0);
    return slot;
}

// The condition under which what follows is not executed; NULL: it is.
static struct op *skipped(struct lowering *lo) {
    const int flag[3] = {lo->returned, lo->broke, lo->continued};
    struct op *any = NULL;
    int64_t known;
    for (int i = 0; i < 3; i++) {
        struct op *op = flag[i] < 0 ? NULL : ir_resolve(lo->env[flag[i]].op);
        if (op && !(ir_is_const(op, &known) && !known))
            any = any ? ir_binary(&lo->b, IR_OR, 1, false, lo->loc, any, op) : op;
    }
    return any;
}

// Statements that have to be executed unless a flag is set.
static void lower_unless(struct lowering *lo, struct op *skip, const struct stmt *s) {
    const int flag[3] = {lo->returned, lo->broke, lo->continued};
    struct op *guard = lo->guard, *was[3];
    for (int i = 0; i < 3; i++)
        was[i] = flag[i] < 0 ? NULL : ir_resolve(lo->env[flag[i]].op);
    struct op *go_on = ir_not(&lo->b, skip);
    struct value *before = copy_env(lo);
    const int count = lo->slot_count, regions = lo->p->region_count;
    lo->guard = ir_and(&lo->b, guard, go_on);
    lower_stmt(lo, s);
    struct value *after = copy_env(lo);
    merge_env(lo, go_on, before, count);
    // A flag only ever goes up, so it is what it is behind the statement; but not where that is in
    // a register, which a region that is skipped leaves as an earlier run did.
    for (int i = 0; i < 3; i++)
        if (was[i] == skip && lo->p->region_count == regions)
            lo->env[flag[i]] = after[flag[i]];
    lo->guard = guard;
}

static void lower_block(struct lowering *lo, const struct stmt *s) {
    struct op *guard = lo->guard;
    for (int i = 0; i < s->count; i++) {
        struct op *skip = skipped(lo);
        int64_t known;
        if (skip && ir_is_const(skip, &known))
            break;
        if (skip) {
            if (!lo->region && (needs_steps(s->body[i]) || has_effect(s->body[i])))
                skip = settled(lo, skip, s->body[i]->loc);
            lower_unless(lo, skip, s->body[i]);
            continue;
        }
        if (!lo->region && !lo->unrolled_count && !needs_steps(s->body[i]) &&
            has_effect(s->body[i])) {
            const int n = straight_count(&s->body[i], s->count - i);
            lower_straight(lo, &s->body[i], n);
            i += n - 1;
            continue;
        }
        lower_stmt(lo, s->body[i]);
    }
    lo->guard = guard;
}

void lower_iteration(struct lowering *lo, const struct stmt *body) {
    const int continued = lo->continued;
    lo->continued = has_leave(body, STMT_CONTINUE) ? new_flag(lo, "continued", body->loc) : -1;
    struct op *skip = skipped(lo); // of a loop that is expanded
    int64_t known;
    if (!skip)
        lower_stmt(lo, body);
    else if (!ir_is_const(skip, &known))
        lower_unless(lo, skip, body);
    lo->continued = continued;
}

struct op *lower_loop_body(struct lowering *lo, const struct for_loop *loop) {
    const int broke = lo->broke;
    lo->broke = has_leave(loop->body, STMT_BREAK) ? new_flag(lo, "broke", loop->body->loc) : -1;
    lower_iteration(lo, loop->body);
    if (loop->next) {
        struct op *skip = skipped(lo);
        int64_t known;
        if (!skip)
            lower_stmt(lo, loop->next);
        else if (!ir_is_const(skip, &known))
            lower_unless(lo, skip, loop->next);
    }
    struct op *ends = skipped(lo);
    lo->broke = broke;
    return ends;
}

static void lower_write(struct lowering *lo, const struct stmt *s) {
    const int stream = lowered_stream(lo, s->a);
    const struct type *type = lo->p->streams[stream].payload;
    if (lo->unrolled_count)
        fail(lo->cc, s->loc,
             "a stream is written in an unrolled loop inside of a pipeline, one word a cycle; put "
             "the words side by side into one struct, or leave the pipeline pragma of the loop "
             "around it out");
    struct value leaves[MAX_MEMBERS];
    lower_leaves(lo, s->b, leaves);
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
    }
    struct stream *sink = &lo->p->streams[stream];
    if (sink->is_used && !sink->is_output)
        fail(lo->cc, s->loc,
             "stream '%s' is both read and written by process '%s'; declare another stream, for "
             "one has a writer and a reader that differ",
             sink->name, lo->p->name);
    sink->is_used = sink->is_output = true;
    struct op *op = ir_op(&lo->b, IR_WRITE, 1, false, s->loc, 1 + count, in, stream, NULL, 0);
    op->name = lo->p->streams[stream].name;
    add_effect(lo, op, s->loc);
}

static struct expr *new_expr_at(struct lowering *lo, enum expr_kind kind, const struct type *type,
                                struct location loc) {
    struct expr *e = arena_alloc(lo->cc, sizeof *e);
    e->kind = kind;
    e->type = type;
    e->loc = loc;
    return e;
}

// A local array in a memory that is initialised: `for (i = 0; i < N; i++) a[i] = 0;`, each time.
static void clear_memory(struct lowering *lo, struct variable *var) {
    static const struct type number = {.kind = TYPE_INT, .bits = 32, .is_signed = true};
    const struct binding *bound = binding_of(lo, var);
    if (var->is_static || !var->values || !bound || bound->slot < 0 ||
        lo->slots[bound->slot].kind != SLOT_MEMORY)
        return;
    if (lo->region)
        fail(lo->cc, var->loc,
             "memory '%s' is initialised in each iteration, which takes many cycles; partition it "
             "completely, or declare it before the loop",
             var->name);
    struct expr *element = new_expr_at(lo, EXPR_VAR, var->type, var->loc);
    element->var = var;
    struct for_loop *loops[MAX_DIMS];
    int dims = 0;
    for (const struct type *t = var->type; t->kind == TYPE_ARRAY; t = t->elem) {
        struct for_loop *loop = loops[dims] = arena_alloc(lo->cc, sizeof *loop);
        loop->var = arena_alloc(lo->cc, sizeof *loop->var);
        *loop->var = (struct variable){.name = arena_printf(lo->cc, "clear%d", dims),
                                       .type = &number,
                                       .loc = var->loc,
                                       .storage_latency = -1,
                                       .stream_depth = -1};
        loop->limit = new_expr_at(lo, EXPR_CONST, &number, var->loc);
        loop->limit->value = t->count;
        loop->step = 1;
        loop->unroll = var->partition[dims] == PARTITION_COMPLETE;
        struct expr *at = new_expr_at(lo, EXPR_INDEX, t->elem, var->loc);
        at->a = element;
        at->b = new_expr_at(lo, EXPR_VAR, &number, var->loc);
        at->b->var = loop->var;
        element = at;
        dims++;
    }
    struct stmt *s = arena_alloc(lo->cc, sizeof *s);
    *s = (struct stmt){.kind = STMT_ASSIGN, .loc = var->loc, .a = element};
    s->b = new_expr_at(lo, EXPR_CONST, element->type, var->loc);
    for (int unrolled = 1; unrolled >= 0; unrolled--) { // outermost what is not unrolled
        for (int d = dims; d-- > 0;) {
            if (loops[d]->unroll != unrolled)
                continue;
            struct stmt *outer = arena_alloc(lo->cc, sizeof *outer);
            *outer = (struct stmt){.kind = STMT_FOR, .loc = var->loc, .loop = loops[d]};
            loops[d]->body = s;
            s = outer;
        }
    }
    lower_stmt(lo, s);
}

void lower_stmt(struct lowering *lo, const struct stmt *s) {
    lo->loc = s->loc;
    note_work(lo, 1);
    if (!lo->region && !lo->unrolled_count && s->kind != STMT_BLOCK && has_effect(s) &&
        !needs_steps(s)) {
        lower_straight(lo, (struct stmt *[]){(struct stmt *)(uintptr_t)s}, 1);
        return;
    }
    switch (s->kind) {
    case STMT_DECL: {
        declare_variable(lo, s->var);
        clear_memory(lo, s->var);
        if (s->init) {
            const struct binding *bound = binding_of(lo, s->var);
            struct value leaves[MAX_MEMBERS];
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
            struct value leaves[MAX_MEMBERS];
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
            lower_loop(lo, s);
        return;
    case STMT_WHILE:
        if (lo->region || s->loop->unroll) {
            expand_while(lo, s->loop, s->loc);
            return;
        }
        lower_loop(lo, s);
        return;
    case STMT_RETURN:
        if (s->a) {
            struct value leaves[MAX_MEMBERS];
            lower_leaves(lo, s->a, leaves);
            memcpy(&lo->env[lo->result], leaves, (size_t)leaf_count(s->a->type) * sizeof *leaves);
        }
        lo->env[lo->returned] = (struct value){.op = ir_const(&lo->b, 1, false, 1)};
        return;
    case STMT_BREAK:
        lo->env[lo->broke] = (struct value){.op = ir_const(&lo->b, 1, false, 1)};
        return;
    case STMT_CONTINUE:
        lo->env[lo->continued] = (struct value){.op = ir_const(&lo->b, 1, false, 1)};
        return;
    }
}

void forget_slots(struct lowering *lo, int first) {
    for (int i = first; i < lo->slot_count; i++) {
        lo->env[i] = (struct value){0};
        if (!lo->slots[i].is_static)
            lo->slots[i].state = -1;
    }
}

struct value *lower_call(struct lowering *lo, const struct expr *call) {
    const struct function *f = call->callee;
    const int first = lo->slot_count;
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
                fail(lo->cc, arg->loc,
                     "argument %d of '%s' must be a whole variable, array or member, for there are "
                     "no addresses in hardware; copy the element into a variable and pass that",
                     i + 1, f->name);
            if (!binding_of(lo, target->var) && target->var->is_static)
                declare_variable(lo, target->var);
            const struct binding *from = binding_of(lo, target->var);
            bound[i].slot = from->slot + field;
        } else {
            struct value leaves[MAX_MEMBERS];
            lower_leaves(lo, arg, leaves);
            bound[i].slot = new_slots(lo, param);
            for (int k = 0; k < leaf_count(type); k++)
                lo->env[bound[i].slot + k] = leaves[k];
        }
    }
    for (int i = 0; i < f->param_count; i++)
        f->params[i]->user = &bound[i];
    const struct location outer_line = lo->b.line;
    if (!outer_line.file && is_dialect(f->loc.file))
        lo->b.line = call->loc;
    struct op *guard = lo->guard;
    const int outer[5] = {lo->returned, lo->broke, lo->continued, lo->result, lo->result_leaves};
    lo->returned = has_leave(f->body, STMT_RETURN) ? new_flag(lo, "returned", call->loc) : -1;
    lo->broke = lo->continued = lo->result = -1;
    if (f->result->kind != TYPE_VOID)
        lo->result = new_hidden(lo, f->name, f->result, call->loc);
    lo->result_leaves = leaf_count(f->result);
    lower_stmt(lo, f->body);
    struct value *result = NULL;
    if (lo->result >= 0)
        result = arena_copy(lo->cc, &lo->env[lo->result],
                            (size_t)leaf_count(f->result) * sizeof *result);
    if (!lo->region)
        forget_slots(lo, first);
    lo->returned = outer[0];
    lo->broke = outer[1];
    lo->continued = outer[2];
    lo->result = outer[3];
    lo->result_leaves = outer[4];
    lo->guard = guard;
    lo->b.line = outer_line;
    if (result && !result[0].op)
        fail(lo->cc, call->loc,
             "'%s' returns no value on any way through it; end it with `return` and a value",
             f->name);
    return result;
}
