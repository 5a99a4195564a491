// SPDX-License-Identifier: Apache-2.0
// Iterations in the pipelines of the interpreter by cycles: issued, in each stage computed and
// compared with the order of the program, and ended.
#include "interp_cycle.h"

#include <string.h>

struct flight *take_flight(struct cycle_process *p) {
    struct flight *fl = p->free;
    if (fl) {
        p->free = fl->next;
    } else {
        fl = arena_alloc(p->f->cc, sizeof *fl);
        fl->values = arena_alloc(p->f->cc, (p->f->size + 1) * sizeof *fl->values);
        fl->expect = arena_alloc(p->f->cc, (p->f->size + 1) * sizeof *fl->expect);
    }
    fl->next = NULL;
    fl->is_judged = false;
    return fl;
}

// ---- comparing

static noreturn void fail_value(struct cycle_process *p, const struct flight *fl,
                                const struct code *c, int stage, size_t i) {
    const char *name = c->op->name ? c->op->name : ir_opcode_name(c->op->code);
    const char *element = c->count > 1 ? arena_printf(p->f->cc, ", element %zu", i) : "";
    fail(p->f->cc, c->op->loc,
         "schedule and program differ in operation %s_%d%s of process '%s', loop '%s', iteration "
         "%llu: in cycle %llu, stage %d, it is 0x%llx, and in the order of the program 0x%llx",
         name, c->op->id, element, p->f->p->name, p->f->p->regions[fl->region]->name,
         (unsigned long long)fl->iteration, (unsigned long long)p->interp->cycle, stage,
         (unsigned long long)fl->values[c->at + i], (unsigned long long)fl->expect[c->at + i]);
}

static void compare(struct cycle_process *p, struct flight *fl, const struct code *c) {
    const int64_t *values = fl->values + c->at, *expect = fl->expect + c->at;
    if (memcmp(values, expect, c->count * sizeof *values) == 0)
        return;
    if (!fl->is_judged) {
        if (!fl->wanted)
            fl->wanted = arena_alloc(p->f->cc, 2 * p->f->size + 1);
        find_wanted(p->f, fl->region, p->m.fixed, fl->expect, fl->wanted);
        fl->is_judged = true;
    }
    for (size_t i = 0; i < c->count; i++)
        if (values[i] != expect[i] && fl->wanted[c->at + i])
            fail_value(p, fl, c, fl->stage, i);
}

// ---- an iteration

static void run_event(struct cycle_process *p, struct flight *fl, const struct event *e) {
    const struct code *c = &p->f->code[e->op];
    switch (e->kind) {
    case EVENT_PHI:
        load_phi(p->f, c, &p->s, fl->values);
        break;
    case EVENT_EVALUATE:
        evaluate_code(p->f, c, &p->s, p->fixed, fl->values, PART_ALL);
        break;
    case EVENT_PRODUCT:
        evaluate_code(p->f, c, &p->s, p->fixed, fl->values, PART_PRODUCT);
        break;
    case EVENT_ADD:
        evaluate_code(p->f, c, &p->s, p->fixed, fl->values, PART_SUM);
        break;
    default:
        break;
    }
}

static void push(struct cycle_process *p, struct flight *fl, const struct code *c) {
    struct fifo *fifo = &p->out[c->op->imm];
    if (!ref_scalar(&c->ref[0], p->fixed, fl->values, 1))
        return;
    write_word(p->f, c, p->fixed, fl->values, p->interp->word);
    queue_push(p->f->cc, &fifo->q, p->interp->word);
    fifo->pushed++;
    if (fifo->q.count > (size_t)fifo->depth + fifo->is_valid)
        fail(p->f->cc, c->op->loc, "process '%s', cycle %llu: stream '%s' has no room for a word",
             p->f->p->name, (unsigned long long)p->interp->cycle,
             p->f->p->streams[c->op->imm].name);
}

static void run_stage(struct cycle_process *p, struct flight *fl) {
    const struct plan *plan = p->plan[fl->region];
    for (int i = plan->first[fl->stage]; i < plan->first[fl->stage + 1]; i++) {
        const struct event *e = &plan->events[i];
        const struct code *c = &p->f->code[e->op];
        if (e->kind == EVENT_STORE)
            continue; // at the end of the cycle
        if (e->kind == EVENT_WRITE) {
            push(p, fl, c);
            continue;
        }
        if (fl->stage > 0) // stage 0 was done to see whether it can be issued
            run_event(p, fl, e);
        if (e->kind != EVENT_PRODUCT)
            compare(p, fl, c);
    }
    for (int w = 0; w < plan->write_count; w++) { // credits of words that it has not written
        const struct plan_write *use = &plan->writes[w];
        int written = 0;
        if (fl->stage != use->last || use->is_counted_early)
            continue;
        for (int i = 0; i < plan->r->effect_count; i++) {
            const struct op *op = plan->r->effects[i];
            if (op->code == IR_WRITE && op->imm == use->stream)
                written += ref_scalar(&p->f->code[op->id].ref[0], p->fixed, fl->values, 1) != 0;
        }
        p->out[use->stream].cancelled += use->words - written;
    }
}

// Ports that both write and read are those of one loop: where it is read nobody writes.
static void use_ports(struct cycle_process *p, const struct flight *fl, const struct op *op) {
    struct memory_user *user = &p->users[op->imm];
    if (!p->f->p->memories[op->imm].shared_ports)
        return;
    if (user->cycle == p->interp->cycle && user->region != fl->region)
        fail(p->f->cc, op->loc,
             "process '%s', cycle %llu: loops '%s' and '%s' use the ports of '%s' at the same time",
             p->f->p->name, (unsigned long long)p->interp->cycle,
             p->f->p->regions[user->region]->name, p->f->p->regions[fl->region]->name,
             p->f->p->memories[op->imm].name);
    *user = (struct memory_user){p->interp->cycle, fl->region};
}

// What the end of the cycle changes.
static void end_stage(struct cycle_process *p, struct flight *fl) {
    const struct plan *plan = p->plan[fl->region];
    for (int i = plan->first[fl->stage]; i < plan->first[fl->stage + 1]; i++) {
        const struct op *op = p->f->code[plan->events[i].op].op;
        if (op->code == IR_LOAD || op->code == IR_STORE)
            use_ports(p, fl, op);
        if (plan->events[i].kind == EVENT_STORE)
            perform_store(p->f, &p->f->code[plan->events[i].op], &p->s, p->fixed, fl->values);
    }
    for (int c = 0; c < plan->r->carried_count; c++) {
        if (plan->s->state_stage[c] != fl->stage || !plan->updated[c])
            continue;
        const struct ref *next = &p->f->carried_next[fl->region][c];
        const int64_t *from = (next->fixed ? p->fixed : fl->values) + next->at;
        int64_t *state = p->s.state[plan->r->carried[c].state];
        for (size_t i = 0; i < p->f->state_size[plan->r->carried[c].state]; i++)
            state[i] = from[next->map ? next->map[i] : i * next->step];
        p->is_fixed_old = true;
    }
}

// ---- issuing

static const struct queue *input(const struct cycle_process *p, int stream) {
    return p->from[stream] ? &p->from[stream]->q
                           : &p->interp->run->streams[p->f->p->streams[stream].port];
}

bool has_word(const struct cycle_process *p, int stream) {
    return p->from[stream] ? p->from[stream]->is_valid : input(p, stream)->count > 0;
}

bool flag(const struct cycle_process *p, const struct flight *fl, const struct op *op) {
    const struct code *c = op ? &p->f->code[op->id] : NULL;
    return !c || (c->fixed ? p->fixed : fl->values)[c->at] != 0;
}

bool is_waiting(const struct cycle_process *p, const struct plan *plan) {
    for (int i = 0; i < plan->r->effect_count; i++) {
        const struct op *op = plan->r->effects[i];
        if (op->code == IR_READ && !op->in[0] && !has_word(p, (int)op->imm))
            return true;
    }
    for (int w = 0; w < plan->write_count; w++)
        if (!plan->writes[w].is_counted_early &&
            p->out[plan->writes[w].stream].credit < p->out[plan->writes[w].stream].most)
            return true;
    return false;
}

void prepare_flight(struct cycle_process *p) {
    struct flight *fl = p->ahead = p->ahead ? p->ahead : take_flight(p);
    const struct plan *plan = p->plan[p->region];
    fl->region = p->region;
    fl->stage = 0;
    fl->iteration = p->iteration;
    for (int i = 0; i < plan->r->levels; i++)
        if (p->f->code[plan->r->level[i].index->id].op)
            fl->values[p->f->code[plan->r->level[i].index->id].at] = p->index[i];
    for (int i = 0; i < plan->r->effect_count; i++) {
        const struct op *op = plan->r->effects[i];
        const struct code *c = &p->f->code[op->id];
        if (op->code == IR_READ && has_word(p, (int)op->imm))
            memcpy(fl->values + c->at, queue_front(input(p, (int)op->imm)),
                   c->count * sizeof *fl->values);
    }
    for (int i = plan->first[0]; i < plan->first[1]; i++)
        run_event(p, fl, &plan->events[i]);
}

bool can_issue(const struct cycle_process *p) {
    const struct plan *plan = p->plan[p->region];
    for (int i = 0; i < plan->r->effect_count; i++) {
        const struct op *op = plan->r->effects[i];
        if (op->code == IR_READ && !has_word(p, (int)op->imm) && flag(p, p->ahead, op->in[0]))
            return false;
    }
    for (int w = 0; w < plan->write_count; w++) {
        const struct plan_write *use = &plan->writes[w];
        if (p->out[use->stream].credit < p->out[use->stream].most &&
            (!use->is_counted_early || flag(p, p->ahead, use->guard)))
            return false;
    }
    return true;
}

static void take_words(struct cycle_process *p, const struct flight *fl) {
    const struct plan *plan = p->plan[p->region];
    for (int i = 0; i < plan->r->effect_count; i++) {
        const struct op *op = plan->r->effects[i];
        if (op->code != IR_READ || !flag(p, fl, op->in[0]))
            continue;
        struct fifo *from = p->from[op->imm];
        queue_pop(from ? &from->q : &p->interp->run->streams[p->f->p->streams[op->imm].port]);
        if (from) {
            from->offered--;
            from->taken++;
        }
    }
    for (int w = 0; w < plan->write_count; w++) {
        const struct plan_write *use = &plan->writes[w];
        p->out[use->stream].change -= use->is_counted_early ? flag(p, fl, use->guard) : use->words;
    }
}

static void read_as_issued(struct machine *m, const struct code *c) {
    const struct cycle_process *p = m->context;
    memcpy(m->values + c->at, p->issued->values + c->at, c->count * sizeof *m->values);
}

// The same iteration in the order of the program.
static void follow(struct cycle_process *p, struct flight *fl) {
    const struct region *r = p->f->p->regions[p->region];
    p->issued = fl;
    p->m.values = fl->expect;
    const int region = machine_next(&p->m);
    bool same = region == p->region && p->m.iteration == p->iteration;
    for (int i = 0; i < r->levels && same; i++)
        same = p->m.index[i] == p->index[i];
    if (!same)
        fail(p->f->cc, r->loc,
             "schedule and program differ in process '%s', cycle %llu: iteration %llu of loop '%s' "
             "is issued, and in the order of the program it is iteration %llu of %s",
             p->f->p->name, (unsigned long long)p->interp->cycle, (unsigned long long)p->iteration,
             r->name, (unsigned long long)p->m.iteration,
             region < 0 ? "nothing" : p->f->p->regions[region]->name);
    machine_iterate(&p->m, read_as_issued, NULL);
}

void issue(struct cycle_process *p) {
    struct flight *fl = p->ahead, **last = &p->flights;
    p->ahead = NULL;
    take_words(p, fl);
    follow(p, fl);
    while (*last)
        last = &(*last)->next;
    *last = fl;
    p->wait = p->plan[p->region]->ii;
    p->iteration++;
    p->interp->quiet = 0;
}

void run_flights(struct cycle_process *p) {
    for (struct flight *fl = p->flights; fl; fl = fl->next)
        run_stage(p, fl);
}

void end_flights(struct cycle_process *p) {
    for (struct flight **at = &p->flights; *at;) {
        struct flight *fl = *at;
        end_stage(p, fl);
        if (++fl->stage < p->plan[fl->region]->stages) {
            at = &fl->next;
            continue;
        }
        *at = fl->next;
        fl->next = p->free;
        p->free = fl;
    }
}
