// SPDX-License-Identifier: Apache-2.0
// Invariants: values that stand still while a loop runs. They are in no pipeline, but computed all
// the time from scalars and from registers between loops. Where a chain of them is longer than the
// period it is cut by registers that take a new value every cycle, and the step that looks at the
// end of the chain is entered as many cycles after its start has come to rest. What hangs on
// scalars alone, within a cycle, is computed from the ports as a run starts: its register is right
// from the first cycle on.
#include "control.h"

static bool is_leaf(const struct op *op) {
    return op->code == IR_CONST || op->code == IR_ARG || op->code == IR_STATE ||
           op->code == IR_LANE;
}

static bool stands_still(const struct process *p, const struct op *op) {
    if (is_leaf(op))
        return true;
    const bool simple = op->code == IR_VIEW || (op->code >= IR_CAST && op->code <= IR_SELECT);
    // A product is always in a pipeline, but for what lanes and constants determine.
    if (!simple || (op->code == IR_MUL && !is_fixed(op)))
        return false;
    for (int k = 0; k < op->in_count; k++)
        if (op->in[k] && !p->invariants[op->in[k]->id].is_one)
            return false;
    return true;
}

bool invariant_by_register(const struct process *p, const struct op *op, double behind) {
    const struct invariant *v = &p->invariants[op->id];
    return v->arrival > p->target->register_out && v->arrival + behind > p->target->budget;
}

double invariant_arrival(const struct process *p, const struct op *op, double behind) {
    return invariant_by_register(p, op, behind) ? p->target->register_out
                                                : p->invariants[op->id].arrival;
}

static void place(const struct process *p, const struct tile *tile, const struct op *op) {
    struct invariant *v = &p->invariants[op->id];
    const double delay = op_delay(p, op);
    v->arrival = p->target->register_out;
    v->starts = !op_in_tile(p, tile, tile->region, op);
    for (int k = 0; k < op->in_count; k++) {
        if (!op->in[k])
            continue;
        const struct invariant *in = &p->invariants[op->in[k]->id];
        const bool late = invariant_by_register(p, op->in[k], delay);
        if (!late && in->arrival > v->arrival)
            v->arrival = in->arrival;
        for (int i = 0; i < ORIGINS; i++)
            if (in->settles[i] >= 0 && in->settles[i] + (late && !in->starts) > v->settles[i])
                v->settles[i] = in->settles[i] + (late && !in->starts);
        if (in->settles[FROM_SCALARS] >= 0 && (late || !in->starts))
            v->starts = false;
    }
    v->starts = v->starts && v->settles[FROM_REGISTERS] < 0 && v->settles[FROM_SCALARS] == 0;
    v->arrival += delay;
}

void find_invariants(struct compiler *cc, struct process *p, const struct tile *tile) {
    p->invariants = arena_alloc(cc, (size_t)(p->op_count + 1) * sizeof *p->invariants);
    for (int i = 0; i < p->op_count; i++) {
        struct invariant *v = &p->invariants[i];
        for (int k = 0; k < ORIGINS; k++)
            v->settles[k] = -1;
        v->arrival = p->target->register_out;
        v->is_one = !p->ops[i]->alias && is_leaf(p->ops[i]);
        if (p->ops[i]->code == IR_ARG) {
            v->settles[FROM_SCALARS] = 0;
            v->starts = true;
        }
        if (p->ops[i]->code == IR_STATE)
            v->settles[FROM_REGISTERS] = 0;
    }
    for (int i = 0; i < p->op_count; i++) {
        const struct op *op = p->ops[i];
        if (op->alias || is_leaf(op) || !stands_still(p, op))
            continue;
        p->invariants[i].is_one = true;
        place(p, tile, op);
    }
}

// ---- who looks at them

struct uses {
    struct process *p;
    const struct tile *tile;
    struct step *step;
};

static bool is_tiled(const struct uses *u, const struct op *op) {
    return op_in_tile(u->p, u->tile, u->tile->region, op);
}

static void make(const struct uses *u, const struct op *op, bool by_tile, double behind) {
    struct invariant *v = &u->p->invariants[op->id];
    const bool in_tile = by_tile && is_tiled(u, op);
    const bool kept = invariant_by_register(u->p, op, behind);
    if (kept && v->starts) {
        v->is_told = v->is_started = true;
        return;
    }
    v->is_made[in_tile] = true;
    v->is_kept[in_tile] = v->is_kept[in_tile] || kept;
}

static void wait_for(const struct uses *u, const struct op *op, double behind, int lead,
                     int *cycles) {
    const struct invariant *v = &u->p->invariants[op->id];
    for (int i = 0; i < ORIGINS; i++) {
        const bool late = !v->starts && invariant_by_register(u->p, op, behind);
        const int settles = v->settles[i] + late - lead;
        if (v->settles[i] >= 0 && settles > cycles[i])
            cycles[i] = settles;
    }
}

// `op` is looked at `lead` cycles after the step is picked, with `behind` ns to go.
static void look_at(const struct uses *u, const struct op *op, bool by_tile, double behind,
                    int lead) {
    if (!op || !u->p->invariants[op->id].is_one)
        return;
    make(u, op, by_tile, behind);
    wait_for(u, op, behind, lead, u->step->settles);
}

static void ask(const struct uses *u, const struct op *condition) {
    look_at(u, condition, false, BY_PIPELINE(u->p), 0);
    if (condition)
        wait_for(u, condition, BY_PIPELINE(u->p), 0, u->step->knows);
}

// Limits known at run time only: for the loop's end, and for whether it has a round, which is told
// in a register, too.
static void look_at_limits(const struct uses *u, const struct region *r) {
    const bool told = is_told_empty(u->p, r);
    for (int i = 0; i < r->levels; i++) {
        const struct level *level = &r->level[i];
        if (level->trips >= 0)
            continue;
        look_at(u, level->limit, false, behind_limit(u->p->target, level), 0);
        if (!level_may_be_empty(level) || is_never_run(r))
            continue;
        if (told)
            u->p->invariants[level->limit->id].is_started = true;
        else
            look_at(u, level->limit, false, behind_empty(u->p->target, r), -1);
    }
}

static void look_from_pipeline(const struct uses *u, const struct region *r) {
    const struct schedule *s = r->schedule;
    for (int i = 0; i < u->p->op_count; i++) {
        const struct op *op = u->p->ops[i];
        const struct op_time *t = &s->time[i];
        if (op->alias || !t->needed || t->invariant)
            continue;
        // Whether a stream is written may be asked as the iteration is issued.
        const int stage = op->code == IR_WRITE ? 0 : t->start;
        for (int k = 0; k < op->in_count; k++)
            if (op->in[k] && s->time[op->in[k]->id].invariant)
                look_at(u, op->in[k], t->in_tile, BY_PIPELINE(u->p), stage + 1);
    }
    for (int c = 0; c < r->carried_count; c++)
        if (s->time[r->carried[c].next->id].invariant)
            look_at(u, r->carried[c].next,
                    u->tile->lane != NO_LANE && u->tile->state[r->carried[c].state],
                    BY_PIPELINE(u->p), 1);
    if (r->break_if && s->time[r->break_if->id].invariant)
        look_at(u, r->break_if, false, BY_PIPELINE(u->p), 1);
    if (r->go_on && s->time[r->go_on->id].invariant)
        look_at(u, r->go_on, false, BY_PIPELINE(u->p), 1);
}

static void look_from_step(const struct uses *u) {
    if (u->step->kind == STEP_JUMP) {
        ask(u, u->step->condition);
        return;
    }
    const struct region *r = u->p->regions[u->step->region];
    ask(u, r->enable);
    look_at_limits(u, r);
    for (int c = 0; c < r->carried_count; c++)
        look_at(u, r->carried[c].init, false, BY_FIRST_VALUE(u->p), 0);
    look_from_pipeline(u, r);
}

void use_invariants(struct compiler *cc, struct process *p, const struct tile *tile) {
    struct uses u = {.p = p, .tile = tile};
    for (int i = 0; i < p->step_count; i++) {
        u.step = &p->steps[i];
        look_from_step(&u);
    }
    for (int i = p->op_count - 1; i >= 0; i--) {
        const struct op *op = p->ops[i];
        const struct invariant *v = &p->invariants[i];
        if (v->is_made[false] || v->is_made[true] || v->is_started)
            check_delay(cc, p, op);
        for (int k = 0; v->is_started && k < op->in_count; k++) {
            if (op->in[k] && p->invariants[op->in[k]->id].starts)
                p->invariants[op->in[k]->id].is_started = true;
            else if (op->in[k])
                make(&u, op->in[k], false, op_delay(p, op));
        }
        for (int in_tile = 0; in_tile < 2; in_tile++)
            for (int k = 0; v->is_made[in_tile] && k < op->in_count; k++)
                if (op->in[k])
                    make(&u, op->in[k], in_tile, op_delay(p, op));
    }
}
