// SPDX-License-Identifier: Apache-2.0
// Walks over the graph of a process: what operations are made of, how often they are used, and
// their numbers. The graph may be as deep as it has operations, so that the walks keep their own
// stack.
#include "ir.h"

#include <stdlib.h>

struct reach ir_reach_none(struct compiler *cc, const struct process *p) {
    const size_t count = (size_t)p->op_count + 1;
    return (struct reach){arena_alloc(cc, count),
                          arena_alloc(cc, count * sizeof(const struct op *))};
}

void ir_reach(struct reach *r, const struct op *op) {
    int depth = 0; // operations on the stack, whose operands have not been seen yet
    if (!op || r->seen[op->id])
        return;
    r->seen[op->id] = true;
    r->stack[depth++] = op;
    while (depth) {
        const struct op *at = r->stack[--depth];
        for (int k = 0; k < at->in_count; k++) {
            if (!at->in[k] || r->seen[at->in[k]->id])
                continue;
            r->seen[at->in[k]->id] = true;
            r->stack[depth++] = at->in[k];
        }
    }
}

typedef void visit_root(void *context, const struct op *op); // op may be NULL

// What regions and steps look at; of a register that is handed on its value and its next one.
static void visit_roots(const struct process *p, visit_root *visit, void *context) {
    for (int i = 0; i < p->region_count; i++) {
        const struct region *r = p->regions[i];
        for (int k = 0; k < r->effect_count; k++)
            visit(context, r->effects[k]);
        for (int k = 0; k < r->carried_count; k++) {
            visit(context, r->carried[k].next);
            visit(context, r->carried[k].init);
        }
        for (int k = 0; k < r->levels; k++)
            visit(context, r->level[k].limit);
        visit(context, r->enable);
        visit(context, r->break_if);
        visit(context, r->go_on);
    }
    for (int i = 0; i < p->step_count; i++)
        visit(context, p->steps[i].condition);
}

static void reach_root(void *context, const struct op *op) {
    ir_reach(context, op);
}

void ir_reach_all(struct reach *r, const struct process *p) {
    visit_roots(p, reach_root, r);
}

static void count_root(void *context, const struct op *op) {
    int *users = context;
    if (op)
        users[op->id]++;
}

int *ir_count_users(struct compiler *cc, const struct process *p) {
    int *users = arena_alloc(cc, (size_t)(p->op_count + 1) * sizeof *users);
    struct reach r = ir_reach_none(cc, p);
    ir_reach_all(&r, p);
    visit_roots(p, count_root, users);
    for (int i = 0; i < p->op_count; i++)
        for (int k = 0; r.seen[i] && k < p->ops[i]->in_count; k++)
            count_root(users, p->ops[i]->in[k]);
    return users;
}

void ir_drop_unused(struct compiler *cc, struct process *p) {
    struct reach r = ir_reach_none(cc, p);
    ir_reach_all(&r, p);
    for (int i = 0; i < p->region_count; i++) {
        for (int k = 0; k < p->regions[i]->levels; k++)
            ir_reach(&r, p->regions[i]->level[k].index);
        for (int k = 0; k < p->regions[i]->carried_count; k++)
            ir_reach(&r, p->regions[i]->carried[k].phi);
    }
    for (int i = 0; i < p->state_count; i++)
        ir_reach(&r, p->states[i].read);
    int count = 0;
    for (int i = 0; i < p->op_count; i++) {
        if (!r.seen[i])
            continue;
        p->ops[count] = p->ops[i];
        p->ops[count]->id = count;
        count++;
    }
    p->op_count = count;
}

struct position { // right behind the operation numbered `behind`; `nth` of all that are
    struct op *op;
    int behind, nth;
};

struct ranking {
    struct position *at; // [op_count]
    bool *is_placed;     // [op_count]
    struct op **order;
    int made, found, placed;
};

// Accesses keep their order.
static bool is_access(const struct op *op) {
    return op->code == IR_LOAD || op->code == IR_STORE || op->code == IR_READ ||
           op->code == IR_WRITE;
}

static void find_position(struct ranking *r, struct op *op) {
    struct position *at = &r->at[op->id];
    if (at->op)
        return;
    at->op = op;
    at->behind = op->id < r->made ? op->id : 0;
    for (int k = 0; !op->alias && k < op->in_count; k++) {
        if (!op->in[k] || op->in[k]->code == IR_CONST) // constants stand anywhere
            continue;
        find_position(r, op->in[k]);
        if (r->at[op->in[k]->id].behind > at->behind && !is_access(op))
            at->behind = r->at[op->in[k]->id].behind;
    }
    at->nth = r->found++;
}

static int by_position(const void *x, const void *y) {
    const struct position *a = x, *b = y;
    return a->behind != b->behind ? (a->behind > b->behind) - (a->behind < b->behind)
                                  : (a->nth > b->nth) - (a->nth < b->nth);
}

// Operands first, also those that an access looks at before their turn.
static void put_in_order(struct ranking *r, struct op *op) {
    if (r->is_placed[op->id])
        return;
    r->is_placed[op->id] = true;
    for (int k = 0; !op->alias && k < op->in_count; k++)
        if (op->in[k] && op->in[k]->code != IR_CONST)
            put_in_order(r, op->in[k]);
    r->order[r->placed++] = op;
}

void ir_renumber(struct compiler *cc, struct process *p, int made) {
    const size_t count = (size_t)p->op_count + 1;
    struct ranking r = {.at = arena_alloc(cc, count * sizeof *r.at),
                        .is_placed = arena_alloc(cc, count),
                        .order = arena_alloc(cc, count * sizeof(struct op *)),
                        .made = made};
    for (int i = 0; i < p->op_count; i++)
        find_position(&r, p->ops[i]);
    qsort(r.at, (size_t)p->op_count, sizeof *r.at, by_position);
    for (int i = 0; i < p->op_count; i++)
        put_in_order(&r, r.at[i].op);
    for (int i = 0; i < p->op_count; i++) {
        p->ops[i] = r.order[i];
        p->ops[i]->id = i;
    }
}
