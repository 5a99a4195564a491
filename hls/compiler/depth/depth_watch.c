// SPDX-License-Identifier: Apache-2.0
// What of a process is looked at as its control is followed: its accesses to some streams, and the
// registers and scalars that decide over them.
#include "depth_parts.h"

static bool is_access(const struct op *op) {
    return op->code == IR_READ || op->code == IR_WRITE;
}

struct closure {
    const struct network *net;
    const struct process *p;
    bool *seen, *state;
    struct deciders *deciders; // or NULL
};

static void add_constant(struct closure *c, int port, int64_t value) {
    struct deciders *d = c->deciders;
    for (int i = 0; i < d->counts[port]; i++)
        if (d->constants[port][i] == value)
            return;
    if (d->counts[port] < CONSTANTS_MAX)
        d->constants[port][d->counts[port]++] = value;
}

// A scalar that is compared with a constant, or of which bits are taken, chooses between cases.
static void note_choice(struct closure *c, const struct op *op) {
    if (!c->deciders || op->in_count != 2 || (op->code != IR_EQ && op->code != IR_AND))
        return;
    for (int i = 0; i < 2; i++) {
        const struct op *x = resolved_op(op->in[i]);
        int64_t value;
        while (x->code == IR_CAST)
            x = resolved_op(x->in[0]);
        if (x->code == IR_ARG && ir_is_const(resolved_op(op->in[1 - i]), &value))
            add_constant(c, c->p->arg_port[x->imm], value);
    }
}

static void close_over(struct closure *c, const struct op *op) {
    if (!op)
        return;
    op = resolved_op(op);
    if (c->seen[op->id])
        return;
    c->seen[op->id] = true;
    note_choice(c, op);
    if (op->code == IR_ARG && c->deciders)
        c->deciders->port[c->p->arg_port[op->imm]] = true;
    if ((op->code == IR_PHI || op->code == IR_STATE) && !c->state[op->imm]) {
        c->state[op->imm] = true;
        for (int r = 0; r < c->p->region_count; r++) {
            const struct region *region = c->p->regions[r];
            close_over(c, region->enable);
            for (int k = 0; k < region->carried_count; k++) {
                if (region->carried[k].state != op->imm)
                    continue;
                close_over(c, region->carried[k].init);
                close_over(c, region->carried[k].next);
            }
        }
    }
    for (int i = 0; i < op->in_count; i++)
        close_over(c, op->in[i]);
}

static void close_process(struct closure *c, const struct watch *w) {
    for (int r = 0; r < c->p->region_count; r++) {
        const struct region *region = c->p->regions[r];
        close_over(c, region->enable);
        close_over(c, region->go_on);
        close_over(c, region->break_if);
        if (region->repeats && region->more >= 0 && c->deciders &&
            c->p->streams[region->more].port >= 0)
            c->deciders->port[c->p->streams[region->more].port] = true;
        for (int l = 0; l < region->levels; l++)
            close_over(c, region->level[l].limit);
        for (int i = 0; i < w->access_count[r]; i++)
            close_over(c, w->access[r][i].op->in[0]);
    }
    for (int i = 0; i < c->p->step_count; i++)
        close_over(c, c->p->steps[i].condition);
}

// A write takes room anyway where it is told late, or is one of several.
static bool waits_anyway(const struct process *p, const struct region *r, const struct op *op) {
    int writes;
    most_words(r, (int)op->imm, &writes);
    return op->code == IR_WRITE && op->in[0] &&
           (writes > 1 || !told_at_issue(p, r->schedule, op->in[0]));
}

void watch_accesses(struct compiler *cc, const struct process *p, struct watch *w) {
    const size_t regions = (size_t)p->region_count + 1;
    w->number = arena_alloc(cc, ((size_t)p->stream_count + 1) * sizeof *w->number);
    w->access = arena_alloc(cc, regions * sizeof *w->access);
    w->access_count = arena_alloc(cc, regions * sizeof *w->access_count);
    for (int i = 0; i < p->stream_count; i++)
        w->number[i] = NO_STREAM;
    for (int i = 0; i < w->count; i++)
        w->number[w->stream[i]] = i;
    for (int r = 0; r < p->region_count; r++) {
        const struct region *region = p->regions[r];
        struct access *list = arena_alloc(cc, ((size_t)region->effect_count + 1) * sizeof *list);
        int *count = &w->access_count[r], writes;
        w->access[r] = list;
        for (int i = 0; i < region->effect_count; i++) {
            const struct op *op = region->effects[i];
            if (!is_access(op) || w->number[op->imm] == NO_STREAM)
                continue;
            if (*count == ACCESSES_MAX)
                fail(cc, op->loc,
                     "an iteration of loop '%s' uses streams at more than %d places; split it",
                     region->name, ACCESSES_MAX);
            list[(*count)++] = (struct access){op, w->number[op->imm], waits_anyway(p, region, op)};
        }
        for (int i = 0; i < w->count; i++) {
            const int most = most_words(region, w->stream[i], &writes);
            w->most[i] = most > w->most[i] ? most : w->most[i];
        }
    }
}

bool *find_deciders(struct compiler *cc, const struct network *net, const struct process *p,
                    const struct watch *w, struct deciders *d) {
    struct closure c = {net, p, arena_alloc(cc, (size_t)p->op_count + 1),
                        arena_alloc(cc, (size_t)p->state_count + 1), d};
    close_process(&c, w);
    return c.state;
}
