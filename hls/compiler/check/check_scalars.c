// SPDX-License-Identifier: Apache-2.0
// hlsc check: values for the scalars that --set does not give. Faults of control hide at the edges:
// a loop of no round, of one or two, and the neighbours of what a bound is compared with. So these
// come often; a scalar that is data only, and decides nothing, has all its bits at random.
#define _POSIX_C_SOURCE 200809L // PATH_MAX
#include "check_parts.h"

#include <stdlib.h>

struct finder { // of what each scalar of the top meets in one process
    const struct network *net;
    const struct process *p;
    struct edges *edges; // [MAX_PORTS]
    uint64_t *args;      // [op_count] which of the top's parameters an operation is computed from
    bool *seen;          // [op_count] something that matters is computed from it
    bool *memory;        // [memory_count] ... from its words
    bool places;         // what matters: where something happens. Else: whether and how often
};

static void add_edge(struct edges *e, wide value) {
    if (value < 0 || value > INT32_MAX)
        return;
    for (int i = 0; i < e->count; i++)
        if (e->value[i] == (int64_t)value)
            return;
    if (e->count < MAX_EDGES)
        e->value[e->count++] = (int64_t)value;
}

static void add_edges(struct finder *f, uint64_t args, wide value) {
    for (int port = 0; port < MAX_PORTS; port++)
        if (args >> port & 1)
            add_edge(&f->edges[port], value);
}

// What an operation with a constant says of the scalars behind its other operand.
static void note_constant(struct finder *f, const struct op *op) {
    for (int i = 0; i < op->in_count && i < 2; i++) {
        const struct op *other = op->in[1 - i] ? ir_resolve(op->in[1 - i]) : NULL;
        int64_t value;
        if (op->in_count < 2 || !other || !op->in[i] || !ir_is_const(ir_resolve(op->in[i]), &value))
            continue;
        const bool shifts = op->code == IR_SHL || op->code == IR_SHR;
        if (shifts && (i == 0 || value < 0 || value > 30))
            continue;
        add_edges(f, f->args[other->id], shifts ? (wide)1 << value : (wide)value);
        if (op->code == IR_AND)
            add_edges(f, f->args[other->id], (wide)value + 1);
    }
}

static void find_args(struct finder *f) {
    for (int pass = 0; pass < 2; pass++) // constants may stand behind their users
        for (int i = 0; i < f->p->op_count; i++) {
            const struct op *op = f->p->ops[i];
            if (op->alias)
                continue;
            if (op->code == IR_ARG && f->p->arg_port[op->imm] < MAX_PORTS)
                f->args[i] = (uint64_t)1 << f->p->arg_port[op->imm];
            for (int k = 0; k < op->in_count; k++)
                if (op->in[k])
                    f->args[i] |= f->args[ir_resolve(op->in[k])->id];
        }
    for (int i = 0; i < f->p->op_count; i++)
        if (!f->p->ops[i]->alias && f->p->ops[i]->code < IR_LOAD)
            note_constant(f, f->p->ops[i]);
}

static void mark(struct finder *f, const struct op *op);

static void mark_state(struct finder *f, int state) {
    for (int r = 0; r < f->p->region_count; r++) {
        const struct region *region = f->p->regions[r];
        for (int c = 0; c < region->carried_count; c++) {
            if (region->carried[c].state != state)
                continue;
            mark(f, region->enable);
            mark(f, region->carried[c].init);
            mark(f, region->carried[c].next);
        }
    }
}

static void mark_memory(struct finder *f, int memory) {
    if (f->memory[memory])
        return;
    f->memory[memory] = true;
    for (int i = 0; i < f->p->op_count; i++) {
        const struct op *op = f->p->ops[i];
        for (int k = 0; !op->alias && op->code == IR_STORE && op->imm == memory && k < op->in_count;
             k++)
            mark(f, op->in[k]);
    }
}

// Marks what `op` is computed from, through registers and memories too.
static void mark(struct finder *f, const struct op *op) {
    if (!op)
        return;
    op = ir_resolve((struct op *)op);
    if (f->seen[op->id])
        return;
    f->seen[op->id] = true;
    if (op->code == IR_ARG && f->p->arg_port[op->imm] < MAX_PORTS) {
        struct edges *e = &f->edges[f->p->arg_port[op->imm]];
        *(f->places ? &e->places : &e->decides) = true;
    }
    if (op->code == IR_PHI || op->code == IR_STATE)
        mark_state(f, (int)op->imm);
    if (op->code == IR_LOAD)
        mark_memory(f, (int)op->imm);
    for (int i = 0; i < op->in_count; i++)
        mark(f, op->in[i]);
}

// Addresses, indices and shifts.
static void mark_places(struct finder *f) {
    f->places = true;
    for (int i = 0; i < f->p->op_count; i++) {
        const struct op *op = f->p->ops[i];
        if (op->alias)
            continue;
        if (op->code == IR_LOAD || op->code == IR_STORE)
            mark(f, op->in[0]);
        if (op->code == IR_SHL || op->code == IR_SHR)
            mark(f, op->in[1]);
        for (int k = 0; k < op->view_count; k++)
            if (op->view[k].dynamic && op->code != IR_FIELD)
                mark(f, op->in[op->view[k].dynamic]);
    }
}

// Bounds, conditions and guards.
static void mark_deciders(struct finder *f) {
    for (int r = 0; r < f->p->region_count; r++) {
        const struct region *region = f->p->regions[r];
        mark(f, region->enable);
        mark(f, region->go_on);
        mark(f, region->break_if);
        for (int i = 0; i < region->levels; i++)
            mark(f, region->level[i].limit);
    }
    for (int i = 0; i < f->p->step_count; i++)
        mark(f, f->p->steps[i].condition);
    for (int i = 0; i < f->p->op_count; i++) {
        const struct op *op = f->p->ops[i];
        if (!op->alias && (op->code == IR_READ || op->code == IR_WRITE))
            mark(f, op->in[0]);
    }
}

// What goes to another process may matter there.
static void mark_channels(struct finder *f) {
    for (int i = 0; i < f->p->op_count; i++) {
        const struct op *op = f->p->ops[i];
        for (int k = 1; !op->alias && op->code == IR_WRITE && f->p->streams[op->imm].channel >= 0 &&
                        k < op->in_count;
             k++)
            mark(f, op->in[k]);
    }
}

// Sizes that a bound may run into: of memories, lanes, and loops of constant length.
static void add_sizes(struct finder *f) {
    uint64_t all = 0;
    for (int i = 0; i < f->p->arg_count; i++)
        if (f->p->arg_port[i] < MAX_PORTS)
            all |= (uint64_t)1 << f->p->arg_port[i];
    for (int i = 0; i < f->p->lane_count; i++)
        add_edges(f, all, f->p->lanes[i].count);
    for (int i = 0; i < f->p->memory_count; i++)
        add_edges(f, all, f->p->memories[i].words);
    for (int r = 0; r < f->p->region_count; r++)
        for (int i = 0; i < f->p->regions[r]->levels; i++)
            add_edges(f, all, f->p->regions[r]->level[i].trips);
}

static bool look_at(struct finder *f) {
    const size_t ops = (size_t)f->p->op_count + 1, memories = (size_t)f->p->memory_count + 1;
    f->args = calloc(ops, sizeof *f->args);
    f->seen = calloc(2 * ops, sizeof *f->seen);
    f->memory = calloc(2 * memories, sizeof *f->memory);
    bool *seen = f->seen, *memory = f->memory;
    const bool is_there = f->args && seen && memory;
    if (is_there) {
        find_args(f);
        add_sizes(f);
        mark_places(f);
        mark_channels(f);
        f->places = false;
        f->seen = seen + ops;
        f->memory = memory + memories;
        mark_deciders(f);
    }
    free(f->args);
    free(seen);
    free(memory);
    return is_there;
}

int find_edges(struct checking *c) {
    const struct network *net = c->made.net;
    for (int i = 0; i < net->process_count; i++) {
        struct finder f = {.net = net, .p = net->processes[i], .edges = c->edges};
        if (!look_at(&f))
            return FAIL(c, "hlsc: error: out of memory");
    }
    return 0;
}

static uint64_t draw_scalar(const struct edges *e, bool is_signed, uint64_t most,
                            uint64_t *random) {
    const uint64_t kind = draw(random) % 16, pick = draw(random), drawn = draw(random);
    if (!e->decides && !e->places)
        return kind < 4   ? drawn % 3
               : kind < 8 ? ~(drawn % 3)
                          : drawn >> (kind < 12 ? pick & 63 : 0);
    if (kind == 15 && is_signed && !e->places)
        return (uint64_t)-1 - drawn % 3;
    uint64_t value = drawn % (most + 1);
    if (kind < 5)
        value = drawn % 3;
    else if (kind < 11 && e->count)
        value = (uint64_t)(e->value[pick % (uint64_t)e->count] + (int64_t)(drawn % 3) - 1);
    return value > most ? drawn % (most + 1) : value; // -1 too
}

int draw_scalars(struct checking *c, uint64_t n, uint64_t *random) {
    struct check_run *r = &c->runs[n];
    for (uint32_t i = 0; i < c->scalars; i++) {
        const ptrdiff_t port = c->scalar[i] - c->port;
        const uint64_t drawn =
            draw_scalar(&c->edges[port], c->made.net->top->params[port]->type->is_signed,
                        c->options->vectors, random);
        const int found = find_set(c, c->scalar[i], n, &r->scalars[i]);
        if (found == -2)
            return -1;
        if (found == -1)
            r->scalars[i] = drawn;
        if (c->scalar[i]->bits < 64)
            r->scalars[i] &= ((uint64_t)1 << c->scalar[i]->bits) - 1;
    }
    return 0;
}
