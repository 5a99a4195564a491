// SPDX-License-Identifier: Apache-2.0
// Straight code between loops makes expressions over registers, which are computed when they are
// used. Before a loop changes those registers, and before a run ends, the values are put into
// registers of their own.
//
// `x = a + 1;` between two loops takes no cycle, for x is computed from the register of a wherever
// it is looked at. If the second loop changes a, x becomes a register, set before that loop. What
// takes multipliers, memories or many operations is not computed all the time: a region of one
// iteration does it once.
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

// Cheap enough to be computed from registers whenever it is looked at.
static bool is_simple(const struct op *op, int *budget) {
    op = op->alias ? ir_resolve((struct op *)(uintptr_t)op) : op;
    switch (op->code) {
    case IR_CONST:
    case IR_ARG:
    case IR_STATE:
    case IR_LANE:
        return true;
    case IR_CAST:
    case IR_TRUNC:
        break;
    case IR_VIEW:
        for (int i = 0; i < op->view_count; i++)
            if (op->view[i].dynamic)
                return false;
        break;
    default:
        if (!ir_is_plain(op->code) || op->code == IR_MUL || --*budget < 0)
            return false;
    }
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] && !is_simple(op->in[i], budget))
            return false;
    return true;
}

static bool is_cheap(const struct op *op) {
    int budget = 8;
    return is_simple(op, &budget);
}

static bool is_unsettled(struct lowering *lo, int slot, bool at_end, bool also) {
    const struct slot *s = &lo->slots[slot];
    const struct op *op =
        s->kind == SLOT_VALUE && s->state >= 0 ? ir_resolve(lo->env[slot].op) : NULL;
    bool moved = false; // the register itself, but with other lanes
    for (int d = 0; op && d < s->dims; d++)
        moved = moved || lo->env[slot].lane[d] != s->held.lane[d];
    if (!op || (op == s->held.op && !moved))
        return false;
    if (at_end)
        return s->is_static;
    return also || !is_cheap(op) ||
           depends_on_state(op, arena_alloc(lo->cc, (size_t)lo->p->op_count));
}

// Values that take multipliers, memories or many operations are computed by a region into hidden
// registers.
static void compute_costly(struct lowering *lo, const bool *keep, int slots, struct location loc) {
    int *hidden = arena_alloc(lo->cc, (size_t)(slots + 1) * sizeof *hidden);
    struct op **value = arena_alloc(lo->cc, (size_t)(slots + 1) * sizeof *value);
    bool any = false;
    for (int i = 0; i < slots; i++) {
        struct op *op = keep[i] ? ir_resolve(lo->env[i].op) : NULL;
        if (!op || is_cheap(op) || lo->slots[i].dims)
            continue;
        any = true;
        value[i] = op;
        hidden[i] = new_hidden(lo, lo->slots[i].name, lo->slots[i].scalar, loc);
    }
    if (!any)
        return;
    struct op *guard = lo->guard;
    const int count = lo->slot_count;
    struct region *r = begin_region(lo, loc);
    r->name = arena_printf(lo->cc, "line_%d", loc.line);
    for (int i = 0; i < slots; i++)
        if (value[i])
            lo->env[hidden[i]].op = value[i];
    end_region(lo, r, guard, count, NULL);
    for (int i = 0; i < slots; i++)
        if (value[i])
            lo->env[i] = lo->env[hidden[i]];
}

void settle(struct lowering *lo, struct location loc, bool at_end, const bool *also) {
    const int slots = lo->slot_count;
    bool *keep = arena_alloc(lo->cc, (size_t)slots + 1), any = false;
    for (int i = 0; i < slots; i++) {
        keep[i] = is_unsettled(lo, i, at_end, also && also[i]);
        any = any || keep[i];
    }
    if (!any)
        return;
    compute_costly(lo, keep, slots, loc);
    const int count = lo->slot_count;
    keep = arena_grow(lo->cc, keep, (size_t)slots, (size_t)count + 1);
    struct op *guard = lo->guard;
    struct region *r = begin_region(lo, loc);
    r->name = arena_printf(lo->cc, "line_%d", loc.line);
    end_region(lo, r, guard, count, keep);
}

struct op *settled(struct lowering *lo, struct op *op, struct location loc) {
    op = ir_resolve(op);
    if (is_cheap(op) && !depends_on_state(op, arena_alloc(lo->cc, (size_t)lo->p->op_count)))
        return op;
    struct type *type = arena_alloc(lo->cc, sizeof *type);
    *type = (struct type){
        .kind = op->bits == 1 ? TYPE_BOOL : TYPE_INT, .bits = op->bits, .is_signed = op->is_signed};
    const int slot = new_hidden(lo, "condition", type, loc);
    lo->env[slot].op = op;
    settle(lo, loc, false, NULL);
    return lo->env[slot].op;
}

// As it is looked at before any loop changes what it depends on.
struct op *settled_if_costly(struct lowering *lo, struct op *op, struct location loc) {
    return is_cheap(op) ? op : settled(lo, op, loc);
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
    if (e->kind == EXPR_CALL) {
        const struct function *f = e->callee;
        if (f->probe_count)
            fail(lo->cc, f->probes[0].loc,
                 "HLS_PROBE(%s) stands in '%s', which process '%s' calls; put variable and probe "
                 "into the process's own function",
                 f->probes[0].var->name, f->name, lo->p->name);
        declare_statics(lo, f->body);
    }
}

void declare_probes(struct lowering *lo, const struct function *f) {
    for (int i = 0; i < f->probe_count; i++) {
        declare_static(lo, f->probes[i].var);
        const struct binding *bound = binding_of(lo, f->probes[i].var);
        lo->p->states[lo->slots[bound->slot].state].is_probe = true;
    }
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
    if (s->loop) {
        statics_of_expr(lo, s->loop->limit);
        declare_statics(lo, s->loop->body);
        declare_statics(lo, s->loop->next);
    }
    for (int i = 0; i < s->count; i++)
        declare_statics(lo, s->body[i]);
    for (int i = 0; i < s->case_count; i++)
        declare_statics(lo, s->cases[i].body);
}
