// SPDX-License-Identifier: Apache-2.0
// Straight code between loops makes expressions over registers, which are computed when they are
// used. Before a loop changes those registers, and before a run ends, the values are put into
// registers of their own.
#include "lower.h"

// `seen` has a byte per operation.
static bool depends_on_state(const struct op *op, bool *seen) {
    if (op->code == IR_STATE)
        return true;
    if (seen[op->id])
        return false;
    seen[op->id] = true;
    for (int i = 0; i < op->in_count; i++) {
        struct op *in = ir_resolve(op->in[i]);
        if (in && depends_on_state(in, seen))
            return true;
    }
    return false;
}

static bool is_unsettled(struct lowering *lo, int slot, bool at_end) {
    const struct slot *s = &lo->slots[slot];
    const struct op *op =
        s->kind == SLOT_VALUE && s->state >= 0 ? ir_resolve(lo->env[slot].op) : NULL;
    const struct state *state = op ? &lo->p->states[s->state] : NULL;
    bool moved = false; // the register itself, but with other lanes
    for (int d = 0; state && d < state->dims; d++)
        moved = moved || lo->env[slot].lane[d] != state->lane[d];
    if (!op || (op == state->read && !moved))
        return false;
    if (at_end)
        return s->is_static;
    return depends_on_state(op, arena_alloc(lo->cc, (size_t)lo->p->op_count));
}

void settle(struct lowering *lo, struct location loc, bool at_end) {
    const int slots = lo->slot_count;
    bool *keep = arena_alloc(lo->cc, (size_t)slots + 1), any = false;
    for (int i = 0; i < slots; i++) {
        keep[i] = is_unsettled(lo, i, at_end);
        any = any || keep[i];
    }
    if (!any)
        return;
    struct op *guard = lo->guard;
    struct region *r = begin_region(lo, loc);
    r->name = arena_printf(lo->cc, "line_%d", loc.line);
    end_region(lo, r, guard, slots, keep);
}

struct op *settled(struct lowering *lo, struct op *op, struct location loc) {
    op = ir_resolve(op);
    if (!depends_on_state(op, arena_alloc(lo->cc, (size_t)lo->p->op_count)))
        return op;
    struct type *type = arena_alloc(lo->cc, sizeof *type);
    struct variable *var = arena_alloc(lo->cc, sizeof *var);
    *type = (struct type){
        .kind = op->bits == 1 ? TYPE_BOOL : TYPE_INT, .bits = op->bits, .is_signed = op->is_signed};
    *var = (struct variable){
        .name = "condition", .type = type, .loc = loc, .storage_latency = -1, .stream_depth = -1};
    const int slot = new_slots(lo, var);
    lo->env[slot].op = op;
    settle(lo, loc, false);
    return lo->env[slot].op;
}

// ---- statics exist before the first loop, wherever they are declared

static void declare_static(struct lowering *lo, struct variable *var) {
    if (var && var->is_static && !var->is_const && !binding_of(lo, var))
        bind(lo, var, new_slots(lo, var), -1);
}

static void statics_of_expr(struct lowering *lo, const struct expr *e) {
    if (!e)
        return;
    if (e->kind == EXPR_VAR)
        declare_static(lo, e->var);
    statics_of_expr(lo, e->a);
    statics_of_expr(lo, e->b);
    statics_of_expr(lo, e->c);
    for (int i = 0; i < e->arg_count; i++)
        statics_of_expr(lo, e->args[i]);
    if (e->kind == EXPR_CALL)
        declare_statics(lo, e->callee->body);
}

void declare_statics(struct lowering *lo, const struct stmt *s) {
    if (!s)
        return;
    if (s->kind == STMT_DECL)
        declare_static(lo, s->var);
    statics_of_expr(lo, s->a);
    statics_of_expr(lo, s->b);
    statics_of_expr(lo, s->init);
    declare_statics(lo, s->then);
    declare_statics(lo, s->otherwise);
    if (s->kind == STMT_FOR) {
        statics_of_expr(lo, s->loop->limit);
        declare_statics(lo, s->loop->body);
    }
    for (int i = 0; i < s->count; i++)
        declare_statics(lo, s->body[i]);
    for (int i = 0; i < s->case_count; i++)
        declare_statics(lo, s->cases[i].body);
}
