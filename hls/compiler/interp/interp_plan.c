// SPDX-License-Identifier: Apache-2.0
// Puts a region's operations into the stages in which the schedule has them, and checks that each
// finds its operands there.
#include "interp_plan.h"

#include "depth.h"

#include <stdlib.h>

struct planning {
    struct flat *f;
    struct plan *plan;
    int room;
};

static const char *name_of(struct compiler *cc, const struct op *op) {
    return arena_printf(cc, "%s_%d", op->name ? op->name : ir_opcode_name(op->code), op->id);
}

static void add(struct planning *pl, int stage, const struct op *op, enum event_kind kind) {
    struct plan *p = pl->plan;
    if (p->event_count == pl->room) {
        const int room = pl->room ? pl->room * 2 : 256;
        p->events = arena_grow(pl->f->cc, p->events, (size_t)pl->room * sizeof *p->events,
                               (size_t)room * sizeof *p->events);
        pl->room = room;
    }
    p->events[p->event_count++] = (struct event){stage < 0 ? 0 : stage, op->id, kind};
}

static int by_stage(const void *a, const void *b) {
    const struct event *x = a, *y = b;
    if (x->stage != y->stage)
        return x->stage - y->stage;
    if ((x->kind == EVENT_PHI) != (y->kind == EVENT_PHI)) // registers are there first
        return x->kind == EVENT_PHI ? -1 : 1;
    return x->op != y->op ? x->op - y->op : (int)x->kind - (int)y->kind;
}

static int state_stage(const struct plan *p, const struct op *phi) {
    for (int c = 0; c < p->r->carried_count; c++)
        if (p->r->carried[c].phi == phi)
            return p->s->state_stage[c];
    return 0;
}

// `in` is looked at in `stage`: it must be there, and a register is read then.
static void look_at(struct planning *pl, const struct op *in, int stage, const struct op *by,
                    struct location loc) {
    const struct op_time *t = &pl->plan->s->time[in->id];
    if (pl->f->code[in->id].fixed || t->invariant)
        return;
    const int ready = in->code == IR_PHI ? t->start : t->ready;
    if (stage < ready)
        fail(pl->f->cc, loc,
             "schedule of process '%s', loop '%s': %s looks at %s in stage %d, and that is there "
             "in stage %d; this is a bug of hlsc",
             pl->f->p->name, pl->plan->r->name, by ? name_of(pl->f->cc, by) : "the control",
             name_of(pl->f->cc, in), stage, ready);
    if (in->code == IR_PHI) {
        const int last = state_stage(pl->plan, in);
        add(pl, stage < last ? stage : last, in, EVENT_PHI);
    }
}

static void look_at_inputs(struct planning *pl, const struct op *op) {
    const struct schedule *s = pl->plan->s;
    const struct op_time *t = &s->time[op->id];
    for (int k = 0; k < op->in_count; k++) {
        if (!op->in[k] || pl->f->code[op->in[k]->id].fixed || op->code == IR_FIELD)
            continue;
        int first, last;
        operand_stages(pl->f->p, op, k, &first, &last);
        const bool crosses = t->in_tile && !s->time[op->in[k]->id].in_tile;
        if (crosses && !(ir_adds(op) && k == 2))
            first = 0;
        look_at(pl, op->in[k], t->start + first - crosses, op, op->loc);
    }
}

static void plan_op(struct planning *pl, const struct op *op) {
    const struct op_time *t = &pl->plan->s->time[op->id];
    int first, last;
    switch (op->code) {
    case IR_PHI:
    case IR_INDEX:
        return;
    case IR_FIELD:
    case IR_READ:
        if (t->start != 0)
            fail(pl->f->cc, op->loc,
                 "schedule of loop '%s': stream word %s is looked at in stage %d and not as the "
                 "iteration starts; this is a bug of hlsc",
                 pl->plan->r->name, name_of(pl->f->cc, op), t->start);
        if (op->code == IR_FIELD)
            add(pl, 0, op, EVENT_EVALUATE);
        else
            look_at_inputs(pl, op);
        return;
    case IR_STORE:
    case IR_WRITE:
        look_at_inputs(pl, op);
        add(pl, t->start, op, op->code == IR_STORE ? EVENT_STORE : EVENT_WRITE);
        return;
    default:
        break;
    }
    look_at_inputs(pl, op);
    operand_stages(pl->f->p, op, 0, &first, &last);
    // A load that follows the writes of its word has what lies there when its value is taken.
    add(pl,
        t->invariant ? 0
        : t->follows ? t->ready
                     : t->start + first,
        op, ir_adds(op) ? EVENT_PRODUCT : EVENT_EVALUATE);
    if (!ir_adds(op))
        return;
    operand_stages(pl->f->p, op, 2, &first, &last);
    add(pl, t->start + first, op, EVENT_ADD);
}

// ---- writes

static void plan_write(struct planning *pl, int stream) {
    struct plan *p = pl->plan;
    struct plan_write w = {.stream = stream, .last = p->s->write_stage[stream]};
    int count;
    w.words = most_words(p->r, stream, &count);
    if (!count)
        return;
    for (int i = 0; i < p->r->effect_count; i++)
        if (p->r->effects[i]->code == IR_WRITE && p->r->effects[i]->imm == stream)
            w.guard = p->r->effects[i]->in[0];
    w.is_counted_early = count == 1 && w.guard && told_at_issue(pl->f->p, p->s, w.guard);
    if (w.is_counted_early)
        look_at(pl, w.guard, 0, NULL, w.guard->loc);
    p->writes[p->write_count++] = w;
}

static void plan_control(struct planning *pl) {
    struct plan *p = pl->plan;
    const struct region *r = p->r;
    p->updated = arena_alloc(pl->f->cc, (size_t)r->carried_count + 1);
    for (int c = 0; c < r->carried_count; c++) {
        const struct carried *carried = &r->carried[c];
        p->updated[c] =
            p->s->time[carried->phi->id].needed || pl->f->p->states[carried->state].live;
        if (p->updated[c])
            look_at(pl, carried->next, p->s->state_stage[c], NULL, r->loc);
    }
    if (r->go_on)
        look_at(pl, r->go_on, 0, NULL, r->loc);
    if (r->break_if)
        look_at(pl, r->break_if, p->s->break_stage, NULL, r->loc);
    p->writes = arena_alloc(pl->f->cc, ((size_t)pl->f->p->stream_count + 1) * sizeof *p->writes);
    for (int i = 0; i < pl->f->p->stream_count; i++)
        plan_write(pl, i);
}

static void sort_events(struct planning *pl) {
    struct plan *p = pl->plan;
    if (p->event_count)
        qsort(p->events, (size_t)p->event_count, sizeof *p->events, by_stage);
    int kept = 0;
    for (int i = 0; i < p->event_count; i++)
        if (!kept || by_stage(&p->events[i], &p->events[kept - 1]) != 0)
            p->events[kept++] = p->events[i];
    p->event_count = kept;
    p->last_valid = p->s->depth > 1 ? p->s->depth - 1 : 1;
    p->stages = p->last_valid + 1;
    if (kept && p->events[kept - 1].stage + 1 > p->stages)
        p->stages = p->events[kept - 1].stage + 1;
    for (int c = 0; c < p->r->carried_count; c++)
        if (p->s->state_stage[c] + 1 > p->stages)
            p->stages = p->s->state_stage[c] + 1;
    p->first = arena_alloc(pl->f->cc, ((size_t)p->stages + 1) * sizeof *p->first);
    int at = 0;
    for (int stage = 0; stage <= p->stages; stage++) {
        while (at < kept && p->events[at].stage < stage)
            at++;
        p->first[stage] = at;
    }
}

struct plan *make_plan(struct flat *f, int region) {
    struct plan *p = arena_alloc(f->cc, sizeof *p);
    struct planning pl = {.f = f, .plan = p};
    p->r = f->p->regions[region];
    p->s = p->r->schedule;
    p->ii = p->s->ii > 1 ? p->s->ii : 1;
    for (int i = 0; i < f->p->op_count; i++) {
        const struct op *op = f->p->ops[i];
        if (!op->alias && f->code[i].op && !f->code[i].fixed && p->s->time[i].needed)
            plan_op(&pl, op);
    }
    plan_control(&pl);
    sort_events(&pl);
    return p;
}
