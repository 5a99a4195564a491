// SPDX-License-Identifier: Apache-2.0
// Pipelined loop nests, and what stands between them: each becomes a region of the process, with
// the variables that it carries from iteration to iteration in registers.
//
// `for (t < n) for (k < 50) { ... }` with nothing between the two is one region of two levels,
// which never drains in between. A loop around several loops, or around straight code with effects,
// is none: it becomes steps, and a jump back to the first of them.
#include "lower.h"

#include <string.h>

// The region finds the registers of a slot as the iteration before left them.
static void carry(struct lowering *lo, struct region *r, int slot, struct location loc) {
    const struct slot *s = &lo->slots[slot];
    struct op **parts = arena_alloc(lo->cc, (size_t)s->states * sizeof *parts);
    for (int k = 0; k < s->states; k++) {
        r->carried = arena_room(lo->cc, r->carried, r->carried_count, sizeof *r->carried);
        const struct state *st = &lo->p->states[s->state + k];
        struct op *phi =
            ir_op(&lo->b, IR_PHI, st->bits, st->is_signed, st->loc, 0, NULL, s->state + k, NULL, 0);
        phi->name = st->name;
        for (int d = 0; d < st->dims; d++)
            phi->space |= 1u << st->lane[d];
        struct carried *c = &r->carried[r->carried_count++];
        *c = (struct carried){.state = s->state + k, .phi = phi};
        if (lo->env[slot].op) // the value before the loop
            c->init = part_of(lo, slot, k, lo->env[slot], loc);
        parts[k] = phi;
    }
    lo->env[slot] = put_together(lo, slot, parts);
}

struct region *begin_region(struct lowering *lo, struct location loc) {
    struct process *p = lo->p;
    struct region *r = arena_alloc(lo->cc, sizeof *r);
    r->loc = loc;
    r->enable = lo->guard;
    r->first_op = p->op_count;
    p->regions = arena_room(lo->cc, p->regions, p->region_count, sizeof *p->regions);
    p->regions[p->region_count++] = r;
    p->steps = arena_room(lo->cc, p->steps, p->step_count, sizeof *p->steps);
    p->steps[p->step_count++] =
        (struct step){.kind = STEP_REGION, .region = p->region_count - 1, .loc = loc};
    r->more = -1;
    for (int i = 0; i < lo->slot_count; i++)
        if (lo->slots[i].kind == SLOT_VALUE && lo->slots[i].state >= 0)
            carry(lo, r, i, loc);
    // What is executed at all is executed with all flags down.
    const int flag[3] = {lo->returned, lo->broke, lo->continued};
    for (int i = 0; i < 3; i++)
        if (flag[i] >= 0 && lo->slots[flag[i]].state >= 0)
            lo->env[flag[i]].op = ir_const(&lo->b, 1, false, 0);
    lo->region = r;
    lo->guard = NULL;
    return r;
}

void end_region(struct lowering *lo, struct region *r, struct op *guard, int slots,
                const bool *keep) {
    struct process *p = lo->p;
    const int flag[3] = {lo->returned, lo->broke, lo->continued};
    int kept = 0;
    for (int i = 0, c = 0; i < slots; i++) {
        const struct slot *slot = &lo->slots[i];
        if (slot->kind != SLOT_VALUE || slot->state < 0)
            continue;
        int64_t value;
        if ((i == flag[0] || i == flag[1] || i == flag[2]) &&
            ir_is_const(ir_resolve(lo->env[i].op), &value) && !value)
            lo->env[i].op = r->carried[c].phi;
        struct op **parts = arena_alloc(lo->cc, (size_t)slot->states * sizeof *parts);
        bool known = false;
        for (int k = 0; k < slot->states; k++) {
            struct carried carried = r->carried[c++];
            const struct state *st = &p->states[carried.state];
            struct op *next = part_of(lo, i, k, lo->env[i], r->loc);
            if (ir_resolve(next) == carried.phi && !(keep && keep[i])) { // the loop only reads it
                known = known || carried.init;
                parts[k] = carried.init ? ir_resolve(carried.init)
                                        : ir_const(&lo->b, st->bits, st->is_signed, 0);
                carried.phi->alias = parts[k];
                continue;
            }
            known = true;
            carried.next = next;
            if (ir_resolve(carried.init) == st->read)
                carried.init = NULL;
            r->carried[kept++] = carried;
            parts[k] = st->read;
        }
        lo->env[i] = known ? put_together(lo, i, parts) : (struct value){0};
    }
    r->carried_count = kept;
    lo->region = NULL;
    lo->guard = guard;
}

static const struct stmt *only_statement(const struct stmt *s) {
    while (s && s->kind == STMT_BLOCK && s->count == 1)
        s = s->body[0];
    return s;
}

// ---- loop nests that become one pipeline

struct nest {
    const struct for_loop *loop[MAX_LEVELS];
    struct location loc[MAX_LEVELS];
    int levels;
};

static bool is_innermost(const struct lowering *lo, const struct for_loop *loop,
                         struct location loc) {
    return loop->pipeline_ii > 0 || loop->pipeline_ii == PIPELINE_LEAST ||
           (loop->pipeline_ii == PIPELINE_NONE && !has_loop(loop->body) &&
            !why_stepped(lo->cc, loc));
}

// Loops that hold nothing but the next one, down to the pipelined one. False: needs control steps.
static bool find_nest(const struct lowering *lo, const struct stmt *s, struct nest *n) {
    n->levels = 0;
    for (const struct stmt *at = s;;) {
        if (n->levels == MAX_LEVELS)
            return false;
        for (int i = 0; i < n->levels; i++)
            if (mentions(at->loop->limit, n->loop[i]->var))
                return false;
        n->loop[n->levels] = at->loop;
        n->loc[n->levels++] = at->loc;
        if (is_innermost(lo, at->loop, at->loc)) // what ends one loop and what ends all are not one
            return n->levels == 1 || !has_leave(at->loop->body, STMT_RETURN) ||
                   !has_leave(at->loop->body, STMT_BREAK);
        const struct stmt *inner = only_statement(at->loop->body);
        if (!inner || inner->kind != STMT_FOR || inner->loop->unroll ||
            at->loop->pipeline_ii == PIPELINE_OFF)
            return false;
        at = inner;
    }
}

static struct region *begin_loop(struct lowering *lo, const struct for_loop *outer,
                                 const struct for_loop *inner, struct location loc,
                                 struct location at) {
    struct region *r = begin_region(lo, loc);
    r->is_free = inner->pipeline_ii == PIPELINE_NONE;
    r->innermost = at;
    r->claims = inner->dependences;
    r->claim_count = inner->dependence_count;
    r->asked_ii = inner->pipeline_ii > 0 ? inner->pipeline_ii : 0;
    r->name = outer->label ? outer->label : inner->label;
    if (!r->name)
        r->name = arena_printf(lo->cc, "loop_%d", loc.line);
    return r;
}

void note_limit(struct lowering *lo, const struct for_loop *loop, struct op *settled) {
    struct process *p = lo->p;
    const struct limit_check *check = loop->check;
    if (!check)
        return;
    const struct expr *e = check->limit ? check->limit : loop->limit;
    const bool is_late = expr_has_effect(e);
    if (is_late != (settled != NULL) || (is_late && check->limit))
        return;
    struct op *limit = is_late ? settled : lower_expr(lo, e);
    p->bounded = arena_room(lo->cc, p->bounded, p->bounded_count, sizeof *p->bounded);
    p->bounded[p->bounded_count++] = (struct bounded){limit, lo->guard, check};
}

static void lower_nest(struct lowering *lo, const struct nest *n) {
    struct builder *b = &lo->b;
    struct op *guard = lo->guard, *limit[MAX_LEVELS];
    const struct for_loop *inner = n->loop[n->levels - 1];
    for (int i = 0; i < n->levels; i++)
        note_limit(lo, n->loop[i], NULL);
    settle(lo, n->loc[0], false, NULL);
    for (int i = 0; i < n->levels; i++) {
        limit[i] = evaluate_outside(lo, n->loop[i]->limit);
        note_limit(lo, n->loop[i], limit[i]);
    }
    const int slots = lo->slot_count;
    struct region *r = begin_loop(lo, n->loop[0], inner, n->loc[0], n->loc[n->levels - 1]);
    r->levels = n->levels;
    for (int i = 0; i < n->levels; i++) {
        const struct for_loop *loop = n->loop[i];
        struct level *level = &r->level[i];
        *level = (struct level){.name = loop->var->name,
                                .start = loop->start,
                                .step = loop->step,
                                .limit = limit[i],
                                .inclusive = loop->inclusive,
                                .trips = -1};
        int64_t value;
        if (ir_is_const(limit[i], &value)) {
            const int64_t last = loop->inclusive ? value : value - 1;
            level->trips = last < loop->start ? 0 : (last - loop->start) / loop->step + 1;
        }
        const struct type *type = loop->var->type;
        level->index =
            ir_op(b, IR_INDEX, type->bits, type->is_signed, n->loc[i], 0, NULL, i, NULL, 0);
        level->index->name = loop->var->name;
        const int slot = new_slots(lo, loop->var);
        bind(lo, loop->var, slot, -1);
        lo->env[slot].op = level->index;
    }
    lo->loc = inner->body->loc;
    r->break_if = lower_loop_body(lo, inner);
    r->breaks_all = has_leave(inner->body, STMT_RETURN);
    end_region(lo, r, guard, slots, NULL);
}

static struct op *join_or(struct lowering *lo, struct op *a, struct op *b) {
    return a && b ? ir_binary(&lo->b, IR_OR, 1, false, lo->loc, a, b) : a ? a : b;
}

static void lower_while_region(struct lowering *lo, const struct stmt *s) {
    const struct for_loop *loop = s->loop;
    struct op *guard = lo->guard;
    settle(lo, s->loc, false, NULL);
    const int slots = lo->slot_count;
    struct region *r = begin_loop(lo, loop, loop, s->loc, s->loc);
    r->repeats = true;
    r->more = -1;
    if (loop->limit && loop->limit->kind == EXPR_MORE) {
        r->more = lowered_stream(lo, loop->limit->a);
        lo->p->streams[r->more].asks_more = true;
    } else if (loop->limit && !loop->test_last) {
        r->go_on = ir_resolve(lower_expr(lo, loop->limit));
    }
    r->break_if = lower_loop_body(lo, loop);
    if (loop->limit && loop->test_last)
        r->break_if = join_or(lo, r->break_if, ir_not(&lo->b, lower_expr(lo, loop->limit)));
    end_region(lo, r, guard, slots, NULL);
}

// ---- loops around several loops: steps that jump

static int add_jump(struct lowering *lo, struct op *condition, int target, struct location loc) {
    struct process *p = lo->p;
    p->steps = arena_room(lo->cc, p->steps, p->step_count, sizeof *p->steps);
    p->steps[p->step_count] = (struct step){
        .kind = STEP_JUMP, .region = -1, .condition = condition, .target = target, .loc = loc};
    return p->step_count++;
}

// Registers hold what the loop changes, at its start and at the end of each iteration.
static void settle_loop(struct lowering *lo, const struct stmt *s, int slots, int index) {
    bool *assigned = arena_alloc(lo->cc, (size_t)lo->slot_count + 64);
    find_assigned(lo, s, assigned);
    if (index >= 0)
        assigned[index] = true;
    const int flag[3] = {lo->returned, lo->broke, lo->continued};
    for (int i = 0; i < 3; i++)
        if (flag[i] >= 0)
            assigned[flag[i]] = true;
    for (int i = 0; lo->result >= 0 && i < lo->result_leaves; i++)
        assigned[lo->result + i] = true;
    for (int i = 0; i < slots; i++) {
        const struct slot *slot = &lo->slots[i];
        assigned[i] = assigned[i] || slot->is_static;
        if (assigned[i] && slot->kind == SLOT_VALUE && slot->state >= 0 && !lo->env[i].op)
            lo->env[i] = slot->held; // not assigned before: anything
    }
    for (int i = slots; i < lo->slot_count; i++)
        assigned[i] = false;
    settle(lo, s->loc, false, assigned);
}

static void lower_steps(struct lowering *lo, const struct stmt *s) {
    struct builder *b = &lo->b;
    const struct for_loop *loop = s->loop;
    struct op *guard = lo->guard, *limit = NULL;
    int index = -1;
    const char *why = why_stepped(lo->cc, s->loc);
    if (why)
        lo->p->notes = arena_printf(lo->cc, "%s  the loop of line %d is not pipelined: %s\n",
                                    lo->p->notes ? lo->p->notes : "", s->loc.line, why);
    if (loop->limit && loop->limit->kind == EXPR_MORE)
        fail(lo->cc, s->loc,
             "hls_more is the condition of a loop that cannot be pipelined, for it holds further "
             "loops or 'pipeline off'; let the loop hold straight code only");
    note_limit(lo, loop, NULL);
    settle(lo, s->loc, false, NULL);
    if (loop->var) {
        limit = evaluate_outside(lo, loop->limit);
        note_limit(lo, loop, limit);
        index = new_slots(lo, loop->var);
        bind(lo, loop->var, index, -1);
        lo->env[index].op =
            ir_const(b, loop->var->type->bits, loop->var->type->is_signed, loop->start);
    }
    const int slots = lo->slot_count;
    settle_loop(lo, s, slots, index);
    // A guard of what stands around the loop is asked once.
    const int skip = guard ? add_jump(lo, ir_not(b, guard), 0, s->loc) : -1;
    lo->guard = NULL;
    const int head = lo->p->step_count;
    int leave = -1;
    struct op *go_on = NULL;
    if (loop->var) {
        const struct type *type = loop->limit->type;
        struct op *now = ir_cast(b, type->bits, type->is_signed, s->loc, lo->env[index].op);
        go_on = ir_binary(b, loop->inclusive ? IR_LE : IR_LT, 1, false, s->loc, now, limit);
    } else if (loop->limit && !loop->test_last) {
        go_on = evaluate_outside(lo, loop->limit);
    }
    int64_t known;
    if (go_on && !(ir_is_const(ir_resolve(go_on), &known) && known))
        leave = add_jump(lo, ir_not(b, go_on), 0, s->loc);
    struct op *ends = lower_loop_body(lo, loop);
    if (ends)
        ends = settled(lo, ends, s->loc);
    if (index >= 0)
        lo->env[index].op = ir_binary(
            b, IR_ADD, loop->var->type->bits, loop->var->type->is_signed, s->loc, lo->env[index].op,
            ir_const(b, loop->var->type->bits, loop->var->type->is_signed, loop->step));
    settle_loop(lo, s, slots, index);
    if (loop->limit && loop->test_last)
        ends = join_or(lo, ends, ir_not(b, evaluate_outside(lo, loop->limit)));
    forget_slots(lo, slots);
    add_jump(lo, ends ? ir_not(b, ends) : NULL, head, s->loc);
    if (leave >= 0)
        lo->p->steps[leave].target = lo->p->step_count;
    if (skip >= 0)
        lo->p->steps[skip].target = lo->p->step_count;
    lo->guard = guard;
}

void lower_loop(struct lowering *lo, const struct stmt *s) {
    struct nest nest;
    if (s->kind == STMT_FOR && find_nest(lo, s, &nest))
        lower_nest(lo, &nest);
    else if (s->kind == STMT_WHILE && is_innermost(lo, s->loop, s->loc))
        lower_while_region(lo, s);
    else
        lower_steps(lo, s);
}

struct op *evaluate_outside(struct lowering *lo, const struct expr *e) {
    int slot;
    if (e->kind != EXPR_CONST && expr_has_effect(e)) {
        struct op *guard = lo->guard;
        slot = new_hidden(lo, "value", e->type, e->loc);
        settle(lo, e->loc, false, NULL);
        const int slots = lo->slot_count;
        struct region *r = begin_region(lo, e->loc);
        r->name = arena_printf(lo->cc, "line_%d", e->loc.line);
        lo->env[slot].op = lower_expr(lo, e);
        end_region(lo, r, guard, slots, NULL);
        return lo->env[slot].op;
    }
    return settled_if_costly(lo, ir_resolve(lower_expr(lo, e)), e->loc);
}

// A FIFO that leads back into the process: its end that is written, and behind it the one that is
// read.
static void declare_feedback(struct lowering *lo, struct variable *var) {
    struct process *p = lo->p;
    if (lo->region || lo->unrolled_count)
        fail(lo->cc, var->loc,
             "stream '%s' is declared inside a loop; a FIFO that leads back into its process is "
             "declared before the loops that use it",
             var->name);
    refuse_crossing(lo->cc, var);
    const int first = p->stream_count;
    p->streams = arena_grow(lo->cc, p->streams, (size_t)first * sizeof *p->streams,
                            (size_t)(first + 2) * sizeof *p->streams);
    for (int end = 0; end < 2; end++) {
        struct stream *s = &p->streams[first + end];
        *s = (struct stream){.name = end ? arena_printf(lo->cc, "%s_back", var->name) : var->name,
                             .is_output = end == 0,
                             .payload = var->type->elem,
                             .bits = payload_bits(var->type->elem),
                             .channel = -1,
                             .port = -1,
                             .partner = first + 1 - end,
                             .depth = var->stream_depth,
                             .loc = var->loc};
    }
    p->stream_count += 2;
    bind(lo, var, -1, first);
}

void declare_variable(struct lowering *lo, struct variable *var) {
    if (var->type->kind == TYPE_STREAM) {
        declare_feedback(lo, var);
        return;
    }
    if (var->is_static && binding_of(lo, var))
        return; // state of the process: made once
    bind(lo, var, new_slots(lo, var), -1);
}

// Statements of a process outside of loops that touch streams or memories: a region of one
// iteration.
void lower_straight(struct lowering *lo, struct stmt **body, int count) {
    struct op *guard = lo->guard;
    for (int i = 0; i < count; i++)
        if (body[i]->kind == STMT_DECL)
            declare_variable(lo, body[i]->var);
    settle(lo, body[0]->loc, false, NULL);
    const int slots = lo->slot_count;
    struct region *r = begin_region(lo, body[0]->loc);
    r->name = arena_printf(lo->cc, "line_%d", body[0]->loc.line);
    for (int i = 0; i < count; i++) {
        if (body[i]->kind != STMT_DECL) {
            lower_stmt(lo, body[i]);
        } else if (body[i]->init) {
            const struct binding *bound = binding_of(lo, body[i]->var);
            struct value leaves[MAX_MEMBERS];
            lower_leaves(lo, body[i]->init, leaves);
            for (int k = 0; k < leaf_count(body[i]->var->type); k++)
                lo->env[bound->slot + k] = leaves[k];
        }
    }
    end_region(lo, r, guard, slots, NULL);
}
