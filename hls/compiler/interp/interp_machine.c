// SPDX-License-Identifier: Apache-2.0
// A process in the order of the program: its steps, the iterations of its loops, and in each
// iteration the operations one after another.
#include "interp_flat.h"

#include <string.h>

void machine_open(struct machine *m, const struct flat *f) {
    *m = (struct machine){.f = f, .region = -1, .is_fixed_old = true};
    m->args = arena_alloc(f->cc, ((size_t)f->p->arg_count + 1) * sizeof *m->args);
    m->fixed = arena_alloc(f->cc, (f->size + 1) * sizeof *m->fixed);
    m->values = arena_alloc(f->cc, (f->size + 1) * sizeof *m->values);
    storage_reset(f, &m->s);
    m->s.args = m->args;
}

void machine_start(struct machine *m, const uint64_t *scalars) {
    for (int i = 0; i < m->f->p->arg_count; i++)
        m->args[i] = (int64_t)scalars[m->f->p->arg_port[i]];
    m->is_fixed_old = true;
    m->step = 0;
    m->region = -1;
    m->entered = 0;
}

static void refresh(struct machine *m) {
    if (m->is_fixed_old)
        evaluate_fixed(m->f, &m->s, m->fixed);
    m->is_fixed_old = false;
}

static bool holds(const struct machine *m, const struct op *op) {
    const struct code *c = op ? &m->f->code[op->id] : NULL;
    return !c || (c->fixed ? m->fixed : m->values)[c->at] != 0;
}

bool level_is_last(const struct level *level, int64_t index, int64_t limit) {
    if (level->trips >= 0)
        return level->trips <= 1 || index == level->start + (level->trips - 1) * level->step;
    const wide next = (wide)index + level->step;
    return level->inclusive ? next > limit : next >= limit;
}

bool has_no_rounds(const struct region *r, const int64_t *limit) {
    for (int i = 0; i < r->levels; i++) {
        const struct level *level = &r->level[i];
        if (level->trips == 0)
            return true;
        if (level->trips < 0 &&
            (level->inclusive ? level->start > limit[i] : level->start >= limit[i]))
            return true;
    }
    return false;
}

static void enter(struct machine *m, int region) {
    const struct flat *f = m->f;
    const struct region *r = f->p->regions[region];
    m->entered++;
    m->iteration = 0;
    for (int i = 0; i < r->levels; i++) {
        m->index[i] = r->level[i].start;
        m->limit[i] = r->level[i].limit ? m->fixed[f->code[r->level[i].limit->id].at] : 0;
    }
    for (int c = 0; c < r->carried_count; c++) {
        const struct ref *init = &f->carried_init[region][c];
        if (!init->op)
            continue;
        if (!init->fixed)
            fail(f->cc, r->loc, "the first value of '%s' is no value between loops",
                 f->p->states[r->carried[c].state].name);
        for (size_t i = 0; i < f->state_size[r->carried[c].state]; i++)
            m->s.state[r->carried[c].state][i] =
                m->fixed[init->at + (init->map ? init->map[i] : i * init->step)];
        m->is_fixed_old = true; // for the next step: a loop sees what it found
    }
    m->region = has_no_rounds(r, m->limit) || ir_only_enters(r) ? -1 : region;
}

static bool goes_on(struct machine *m) {
    const struct flat *f = m->f;
    const struct region *r = f->p->regions[m->region];
    const struct flat_region *fr = &f->regions[m->region];
    if (!r->repeats)
        return true;
    for (int i = 0; i < fr->asked_count; i++)
        evaluate_code(f, &f->code[fr->asked[i]], &m->s, m->fixed, m->values, PART_ALL);
    return holds(m, r->go_on) && (r->more < 0 || !m->more || m->more(m->context, r->more));
}

int machine_next(struct machine *m) {
    const struct process *p = m->f->p;
    const int steps = p->step_count ? p->step_count : p->region_count;
    for (;;) {
        if (m->region >= 0) {
            if (goes_on(m))
                return m->region;
            m->region = -1;
        }
        if (m->step >= steps)
            return -1;
        refresh(m);
        const struct step *step = p->step_count ? &p->steps[m->step] : NULL;
        if (step && step->kind == STEP_JUMP) {
            m->step = holds(m, step->condition) ? step->target : m->step + 1;
            continue;
        }
        const int region = step ? step->region : m->step;
        m->step++;
        if (holds(m, p->regions[region]->enable))
            enter(m, region);
    }
}

static void step_on(struct machine *m) {
    const struct region *r = m->f->p->regions[m->region];
    const bool broken = r->break_if && holds(m, r->break_if);
    m->iteration++;
    if (r->repeats) {
        m->region = broken ? -1 : m->region;
        return;
    }
    for (int i = r->levels - 1; i >= 0; i--) {
        const bool last = level_is_last(&r->level[i], m->index[i], m->limit[i]) ||
                          (broken && (r->breaks_all || i == r->levels - 1));
        if (!last) {
            m->index[i] += r->level[i].step;
            return;
        }
        m->index[i] = r->level[i].start;
    }
    m->region = -1;
}

static void update_states(struct machine *m) {
    const struct flat *f = m->f;
    const struct region *r = f->p->regions[m->region];
    for (int c = 0; c < r->carried_count; c++) {
        const struct ref *next = &f->carried_next[m->region][c];
        const int64_t *from = (next->fixed ? m->fixed : m->values) + next->at;
        int64_t *state = m->s.state[r->carried[c].state];
        const size_t count = f->state_size[r->carried[c].state];
        for (size_t i = 0; i < count; i++)
            state[i] = from[next->map ? next->map[i] : i * next->step];
    }
    m->is_fixed_old = m->is_fixed_old || r->carried_count;
}

void machine_iterate(struct machine *m, void (*read)(struct machine *m, const struct code *c),
                     void (*write)(struct machine *m, const struct code *c)) {
    const struct flat *f = m->f;
    const struct flat_region *fr = &f->regions[m->region];
    for (int i = 0; i < fr->op_count; i++) {
        const struct code *c = &f->code[fr->ops[i]];
        switch (c->op->code) {
        case IR_INDEX:
            m->values[c->at] = m->index[c->op->imm];
            break;
        case IR_READ:
            if (read && ref_scalar(&c->ref[0], m->fixed, m->values, 1))
                read(m, c);
            break;
        case IR_WRITE:
            if (write && ref_scalar(&c->ref[0], m->fixed, m->values, 1))
                write(m, c);
            break;
        case IR_STORE:
            perform_store(f, c, &m->s, m->fixed, m->values);
            break;
        default:
            evaluate_code(f, c, &m->s, m->fixed, m->values, PART_ALL);
        }
    }
    update_states(m);
    step_on(m);
}
