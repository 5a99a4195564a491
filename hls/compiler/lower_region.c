// SPDX-License-Identifier: Apache-2.0
// Pipelined loop nests, and what stands between them: each becomes a region of the process, with
// the variables that it carries from iteration to iteration in registers.
#include "lower.h"

#include <string.h>

struct region *begin_region(struct lowering *lo, struct location loc) {
    struct process *p = lo->p;
    struct region *r = arena_alloc(lo->cc, sizeof *r);
    r->loc = loc;
    r->enable = lo->guard;
    r->first_op = p->op_count;
    p->regions = arena_grow(lo->cc, p->regions, (size_t)p->region_count * sizeof *p->regions,
                            (size_t)(p->region_count + 1) * sizeof *p->regions);
    p->regions[p->region_count++] = r;
    for (int i = 0; i < lo->slot_count; i++) {
        const int state = lo->slots[i].state;
        if (lo->slots[i].kind != SLOT_VALUE || state < 0)
            continue;
        r->carried = arena_grow(lo->cc, r->carried, (size_t)r->carried_count * sizeof *r->carried,
                                (size_t)(r->carried_count + 1) * sizeof *r->carried);
        const struct state *st = &p->states[state];
        struct op *phi =
            ir_op(&lo->b, IR_PHI, st->bits, st->is_signed, st->loc, 0, NULL, state, NULL, 0);
        phi->name = st->name;
        for (int d = 0; d < st->dims; d++)
            phi->space |= 1u << st->lane[d];
        struct carried *c = &r->carried[r->carried_count++];
        *c = (struct carried){.state = state, .phi = phi};
        // The value before the loop, at the state's own lanes.
        struct value v = lo->env[i];
        struct op *at[MAX_DIMS];
        for (int d = 0; d < st->dims; d++)
            at[d] = ir_lane(&lo->b, st->lane[d]);
        if (v.op)
            c->init = view_at(lo, v, st->dims, st->size, at, loc);
        lo->env[i].op = phi;
        memcpy(lo->env[i].lane, st->lane, sizeof st->lane);
    }
    lo->region = r;
    lo->guard = NULL;
    return r;
}

void end_region(struct lowering *lo, struct region *r, struct op *guard, int slots,
                const bool *keep) {
    struct process *p = lo->p;
    int kept = 0;
    for (int i = 0, c = 0; i < slots; i++) {
        if (lo->slots[i].kind != SLOT_VALUE || lo->slots[i].state < 0)
            continue;
        struct carried carried = r->carried[c++];
        const struct state *st = &p->states[carried.state];
        struct op *at[MAX_DIMS];
        for (int d = 0; d < st->dims; d++)
            at[d] = ir_lane(&lo->b, st->lane[d]);
        struct op *next = view_at(lo, lo->env[i], st->dims, st->size, at, r->loc);
        if (ir_resolve(next) == carried.phi && !(keep && keep[i])) { // the loop only reads it
            if (carried.init) {
                carried.phi->alias = ir_resolve(carried.init);
                lo->env[i].op = carried.phi->alias;
            } else {
                carried.phi->alias = ir_const(&lo->b, st->bits, st->is_signed, 0);
                lo->env[i] = (struct value){0};
            }
            continue;
        }
        carried.next = next;
        if (ir_resolve(carried.init) == st->read)
            carried.init = NULL;
        r->carried[kept++] = carried;
        lo->env[i].op = st->read;
        memcpy(lo->env[i].lane, st->lane, sizeof st->lane);
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

void lower_region(struct lowering *lo, const struct stmt *s) {
    struct builder *b = &lo->b;
    struct op *guard = lo->guard;
    const int slots = lo->slot_count;
    const struct for_loop *nest[MAX_LEVELS];
    struct location where[MAX_LEVELS];
    int levels = 0;
    for (const struct stmt *at = s;;) {
        if (levels == MAX_LEVELS)
            fail(lo->cc, at->loc, "loops are nested more than %d deep around a pipelined loop",
                 MAX_LEVELS);
        nest[levels] = at->loop;
        where[levels++] = at->loc;
        if (at->loop->pipeline_ii)
            break;
        if (at->loop->unroll)
            fail(lo->cc, at->loc, "an unrolled loop outside of a pipelined loop");
        const struct stmt *inner = only_statement(at->loop->body);
        if (!inner || inner->kind != STMT_FOR)
            fail(lo->cc, at->loc,
                 "this loop is neither pipelined nor does its body consist of one inner loop; "
                 "add '#pragma HLS pipeline II=1', and move statements between loops into the "
                 "inner loop "
                 "under an if on its index");
        at = inner;
    }
    const struct for_loop *inner = nest[levels - 1];
    if (inner->pipeline_ii != 1)
        fail(lo->cc, where[levels - 1], "pipeline II=%d; this version makes loops of II=1",
             inner->pipeline_ii);
    settle(lo, s->loc, false);
    struct op *limit[MAX_LEVELS];
    for (int i = 0; i < levels; i++)
        limit[i] = ir_resolve(lower_expr(lo, nest[i]->limit));

    struct region *r = begin_region(lo, s->loc);
    r->levels = levels;
    r->claims = inner->dependences;
    r->claim_count = inner->dependence_count;
    r->name = nest[0]->label ? nest[0]->label : inner->label;
    if (!r->name)
        r->name = arena_printf(lo->cc, "loop_%d", s->loc.line);
    for (int i = 0; i < levels; i++) {
        const struct for_loop *loop = nest[i];
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
            if (level->trips == 0 && i > 0)
                fail(lo->cc, where[i], "this inner loop never runs");
        } else if (i > 0) {
            fail(lo->cc, where[i],
                 "the bound of an inner loop is not constant; only the outermost loop may "
                 "have a bound known at run time");
        }
        const struct type *type = loop->var->type;
        level->index =
            ir_op(b, IR_INDEX, type->bits, type->is_signed, where[i], 0, NULL, i, NULL, 0);
        level->index->name = loop->var->name;
        const int slot = new_slots(lo, loop->var);
        bind(lo, loop->var, slot, -1);
        lo->env[slot].op = level->index;
    }
    lower_stmt(lo, inner->body);
    end_region(lo, r, guard, slots, NULL);
}

static bool calls_loop(const struct expr *e) {
    return e && e->kind == EXPR_CALL && has_loop(e->callee->body);
}

bool has_loop(const struct stmt *s) {
    if (!s)
        return false;
    if (s->kind == STMT_FOR)
        return !s->loop->unroll;
    if (calls_loop(s->a) || calls_loop(s->b) || calls_loop(s->init) || has_loop(s->then) ||
        has_loop(s->otherwise))
        return true;
    for (int i = 0; i < s->count; i++)
        if (has_loop(s->body[i]))
            return true;
    for (int i = 0; i < s->case_count; i++)
        if (has_loop(s->cases[i].body))
            return true;
    return false;
}

static bool expr_has_effect(const struct expr *e) {
    if (!e)
        return false;
    if (e->kind == EXPR_READ || e->kind == EXPR_CALL)
        return true;
    if (e->kind == EXPR_INDEX)
        return true; // may be a memory
    return expr_has_effect(e->a) || expr_has_effect(e->b) || expr_has_effect(e->c);
}

bool has_effect(const struct stmt *s) {
    if (!s)
        return false;
    if (s->kind == STMT_WRITE || expr_has_effect(s->a) || expr_has_effect(s->b) ||
        expr_has_effect(s->init) || has_effect(s->then) || has_effect(s->otherwise))
        return true;
    if (s->kind == STMT_FOR && has_effect(s->loop->body))
        return true;
    for (int i = 0; i < s->count; i++)
        if (has_effect(s->body[i]))
            return true;
    for (int i = 0; i < s->case_count; i++)
        if (has_effect(s->cases[i].body))
            return true;
    return false;
}

void declare_variable(struct lowering *lo, struct variable *var) {
    if (var->type->kind == TYPE_STREAM)
        fail(lo->cc, var->loc,
             "stream '%s' is declared in a function that is not a dataflow region; add "
             "'#pragma HLS dataflow' to the top function and declare it there",
             var->name);
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
    settle(lo, body[0]->loc, false);
    const int slots = lo->slot_count;
    struct region *r = begin_region(lo, body[0]->loc);
    r->name = arena_printf(lo->cc, "line_%d", body[0]->loc.line);
    for (int i = 0; i < count; i++) {
        if (body[i]->kind != STMT_DECL) {
            lower_stmt(lo, body[i]);
        } else if (body[i]->init) {
            const struct binding *bound = binding_of(lo, body[i]->var);
            struct value leaves[64];
            lower_leaves(lo, body[i]->init, leaves);
            for (int k = 0; k < leaf_count(body[i]->var->type); k++)
                lo->env[bound->slot + k] = leaves[k];
        }
    }
    end_region(lo, r, guard, slots, NULL);
}
