// SPDX-License-Identifier: Apache-2.0
// Strongly connected components of the operations (Tarjan), where a register leads on to its new
// value, and a read of a memory to what is written there.
#include "cycles.h"

struct search {
    const struct process *p;
    bool by_memories;
    const struct op **next; // [op_count] of the registers
    int *order;             // [op_count] in which they were met, from 1 on; 0: not yet
    int *low;               // [op_count] least order that is reached from there
    int *cycle;
    bool *open; // [op_count] on the stack of components
    int *edge;  // [op_count] that is to be followed next
    int *stack, *path;
    int met, stacked, length;
};

// The nth operation on which `op` depends, of an iteration before too; -2: there is none left, -1:
// go on.
static int edge(const struct search *s, const struct op *op, int n) {
    if (n < op->in_count)
        return op->in[n] ? op->in[n]->id : -1;
    n -= op->in_count;
    if (op->code == IR_PHI)
        return n == 0 && s->next[op->id] ? s->next[op->id]->id : -2;
    if (op->code != IR_LOAD || !s->by_memories)
        return -2;
    for (int r = 0; r < s->p->region_count; r++) {
        const struct region *region = s->p->regions[r];
        if (n < region->effect_count) {
            const struct op *e = region->effects[n];
            return e->code == IR_STORE && e->imm == op->imm ? e->id : -1;
        }
        n -= region->effect_count;
    }
    return -2;
}

static void enter(struct search *s, int id) {
    s->order[id] = s->low[id] = ++s->met;
    s->stack[s->stacked++] = s->path[s->length++] = id;
    s->open[id] = true;
}

static void leave(struct search *s, int id) {
    s->length--;
    if (s->length && s->low[id] < s->low[s->path[s->length - 1]])
        s->low[s->path[s->length - 1]] = s->low[id];
    if (s->low[id] != s->order[id])
        return;
    const bool alone = s->stack[s->stacked - 1] == id; // a register that keeps its value
    for (int other = -1; other != id;) {
        other = s->stack[--s->stacked];
        s->open[other] = false;
        s->cycle[other] = alone ? NO_CYCLE : id;
    }
}

static void search_from(struct search *s, int start) {
    enter(s, start);
    while (s->length) {
        const int id = s->path[s->length - 1];
        const int to = edge(s, s->p->ops[id], s->edge[id]++);
        if (to == -2)
            leave(s, id);
        else if (to >= 0 && !s->order[to])
            enter(s, to);
        else if (to >= 0 && s->open[to] && s->order[to] < s->low[id])
            s->low[id] = s->order[to];
    }
}

int *find_cycles(struct compiler *cc, const struct process *p, bool by_memories) {
    const size_t count = (size_t)p->op_count + 1;
    struct search s = {.p = p,
                       .by_memories = by_memories,
                       .next = arena_alloc(cc, count * sizeof *s.next),
                       .order = arena_alloc(cc, count * sizeof *s.order),
                       .low = arena_alloc(cc, count * sizeof *s.low),
                       .cycle = arena_alloc(cc, count * sizeof *s.cycle),
                       .open = arena_alloc(cc, count * sizeof *s.open),
                       .edge = arena_alloc(cc, count * sizeof *s.edge),
                       .stack = arena_alloc(cc, count * sizeof *s.stack),
                       .path = arena_alloc(cc, count * sizeof *s.path)};
    for (int r = 0; r < p->region_count; r++)
        for (int c = 0; c < p->regions[r]->carried_count; c++)
            s.next[p->regions[r]->carried[c].phi->id] = p->regions[r]->carried[c].next;
    for (int i = 0; i < p->op_count; i++) {
        if (!p->ops[i]->alias && !s.order[i])
            search_from(&s, i);
    }
    return s.cycle;
}
