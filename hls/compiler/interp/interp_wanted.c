// SPDX-License-Identifier: Apache-2.0
// Which values of an iteration count: those that reach its effects and registers, through the
// branches that are taken. Others may lie outside the ranges that the compiler has found, and may
// differ between the schedule and the program, without any harm.
#include "interp_flat.h"

#include <string.h>

struct wanting {
    const struct flat *f;
    const int64_t *fixed, *values;
    bool *wanted;
    bool *real; // comes of nothing that a read gave which did not happen
};

// What is done with the elements that decide another: they are marked as wanted, or it is found
// whether all are real.
struct visit {
    const struct wanting *w;
    bool marks, real;
};

static size_t place_of(const struct ref *r, size_t i) {
    return r->at + (r->map ? r->map[i] : i * r->step);
}

static int64_t value_of(const struct wanting *w, const struct ref *r, size_t i) {
    return (r->fixed ? w->fixed : w->values)[place_of(r, i)];
}

static bool is_real(const struct wanting *w, const struct ref *r, size_t i) {
    return !r->op || r->fixed || w->real[place_of(r, i)];
}

static void want(const struct wanting *w, const struct ref *r, size_t i) {
    if (r->op && !r->fixed)
        w->wanted[place_of(r, i)] = true;
}

static void visit_place(struct visit *v, size_t place) {
    if (v->marks)
        v->w->wanted[place] = true;
    else
        v->real = v->real && v->w->real[place];
}

static void visit(struct visit *v, const struct ref *r, size_t i) {
    if (r->op && !r->fixed)
        visit_place(v, place_of(r, i));
}

static void visit_all(struct visit *v, const struct code *c, size_t i) {
    for (int k = 0; k < c->ref_count; k++)
        visit(v, &c->ref[k], i);
}

static void visit_picked(struct visit *v, const struct code *c, size_t i) {
    size_t at = c->pick[i];
    for (int k = 0; k < c->dynamic_count; k++) {
        const struct dynamic_index *d = &c->dynamic[k];
        const uint64_t mask = ((uint64_t)1 << ir_index_bits(d->size)) - 1;
        const uint64_t index = (uint64_t)value_of(v->w, &d->index, i) & mask;
        visit(v, &d->index, i);
        at += index < (uint64_t)d->size ? (size_t)index * (size_t)d->stride : 0;
    }
    if (!c->ref[0].fixed)
        visit_place(v, c->ref[0].at + at);
}

static void visit_folded(struct visit *v, const struct code *c, size_t i, int operand) {
    const struct ref *r = &c->ref[operand];
    for (size_t k = 0; !r->fixed && k < c->lane_count; k++)
        visit_place(v, place_of(r, i) + k * c->lane_step[operand]);
}

// Of a conjunction that fails one side is enough, of a disjunction that holds too.
static void visit_sides(struct visit *v, const struct code *c, size_t i) {
    const bool decides = c->op->code == IR_OR;
    for (int k = 0; k < 2; k++) {
        if (is_real(v->w, &c->ref[k], i) && (value_of(v->w, &c->ref[k], i) != 0) == decides) {
            visit(v, &c->ref[k], i);
            return;
        }
    }
    visit_all(v, c, i);
}

// Where the sides are equal, it is as good what chooses between them.
static void visit_choice(struct visit *v, const struct code *c, size_t i) {
    const bool equal = value_of(v->w, &c->ref[1], i) == value_of(v->w, &c->ref[2], i);
    if (equal && !is_real(v->w, &c->ref[0], i)) {
        visit(v, &c->ref[1], i);
        visit(v, &c->ref[2], i);
        return;
    }
    visit(v, &c->ref[0], i);
    visit(v, &c->ref[value_of(v->w, &c->ref[0], i) ? 1 : 2], i);
}

static void visit_inputs(struct visit *v, const struct code *c, size_t i) {
    switch (c->op->code) {
    case IR_PHI:
    case IR_INDEX:
        break;
    case IR_READ:
        v->real =
            is_real(v->w, &c->ref[0], 0) && (!c->ref[0].op || value_of(v->w, &c->ref[0], 0) != 0);
        break;
    case IR_FIELD:
        v->real = v->w->real[v->w->f->code[c->op->in[0]->id].at];
        break;
    case IR_SELECT:
        visit_choice(v, c, i);
        break;
    case IR_VIEW:
        visit_picked(v, c, i);
        break;
    case IR_SUM:
    case IR_MIN:
    case IR_MAX:
    case IR_ALL:
    case IR_ANY:
    case IR_PARITY:
        visit_folded(v, c, i, 0);
        break;
    case IR_DOT:
        visit_folded(v, c, i, 0);
        visit_folded(v, c, i, 1);
        if (c->ref_count > 2)
            visit(v, &c->ref[2], i);
        break;
    case IR_AND:
    case IR_OR:
        if (c->op->bits == 1) {
            visit_sides(v, c, i);
            break;
        }
        visit_all(v, c, i);
        break;
    default:
        visit_all(v, c, i);
    }
}

static void find_real(const struct wanting *w, const struct flat_region *fr) {
    memset(w->real, true, w->f->size * sizeof *w->real);
    for (int k = 0; k < fr->op_count; k++) {
        const struct code *c = &w->f->code[fr->ops[k]];
        if (c->op->code == IR_STORE || c->op->code == IR_WRITE)
            continue;
        for (size_t i = 0; i < c->count; i++) {
            struct visit v = {.w = w, .real = true};
            visit_inputs(&v, c, i);
            w->real[c->at + i] = v.real;
        }
    }
}

static void want_effect(const struct wanting *w, const struct code *c) {
    if (c->op->code == IR_STORE) {
        for (size_t i = 0; i < c->count; i++) {
            want(w, &c->ref[2], i);
            for (int k = 0; k < 2 && (!c->ref[2].op || value_of(w, &c->ref[2], i)); k++)
                want(w, &c->ref[k], i);
        }
        return;
    }
    want(w, &c->ref[0], 0);
    if (c->op->code != IR_WRITE || (c->ref[0].op && !value_of(w, &c->ref[0], 0)))
        return;
    for (int k = 1; k < c->ref_count; k++)
        for (size_t e = 0; e < c->leaf_count[k - 1]; e++)
            if (!c->ref[k].fixed)
                w->wanted[c->ref[k].at + c->leaf[k - 1][e]] = true;
}

void find_wanted(const struct flat *f, int region, const int64_t *fixed, const int64_t *values,
                 bool *wanted) {
    const struct wanting w = {f, fixed, values, wanted, wanted + f->size};
    const struct region *r = f->p->regions[region];
    const struct flat_region *fr = &f->regions[region];
    memset(wanted, 0, f->size * sizeof *wanted);
    find_real(&w, fr);
    struct visit marking = {.w = &w, .marks = true};
    for (int i = 0; i < r->effect_count; i++)
        want_effect(&w, &f->code[r->effects[i]->id]);
    for (int c = 0; c < r->carried_count; c++)
        for (size_t i = 0; i < f->state_size[r->carried[c].state]; i++)
            want(&w, &f->carried_next[region][c], i);
    if (r->go_on && !f->code[r->go_on->id].fixed)
        wanted[f->code[r->go_on->id].at] = true;
    if (r->break_if && !f->code[r->break_if->id].fixed)
        wanted[f->code[r->break_if->id].at] = true;
    for (int k = fr->op_count - 1; k >= 0; k--) {
        const struct code *c = &f->code[fr->ops[k]];
        if (c->op->code == IR_STORE || c->op->code == IR_WRITE)
            continue;
        for (size_t i = 0; i < c->count; i++)
            if (wanted[c->at + i])
                visit_inputs(&marking, c, i);
    }
}

static bool is_number(const struct op *op) {
    return op->code != IR_STORE && op->code != IR_WRITE && op->code != IR_READ;
}

static noreturn void fail_range(const struct flat *f, int region, const struct code *c, size_t i,
                                int64_t value, uint64_t iteration) {
    fail(f->cc, c->op->loc,
         "operation %s_%d of process '%s', loop '%s', iteration %llu: element %zu is %lld (0x%llx) "
         "and the compiler took its range for %lld to %lld; this is a bug of hlsc",
         c->op->name ? c->op->name : ir_opcode_name(c->op->code), c->op->id, f->p->name,
         f->p->regions[region]->name, (unsigned long long)iteration, i, (long long)value,
         (unsigned long long)value, (long long)c->op->low, (long long)c->op->high);
}

void check_ranges(const struct flat *f, int region, const int64_t *fixed, const int64_t *values,
                  uint64_t iteration) {
    const struct flat_region *fr = &f->regions[region];
    bool *wanted = NULL;
    for (int k = 0; k < fr->op_count; k++) {
        const struct code *c = &f->code[fr->ops[k]];
        const struct op *op = c->op;
        const bool is_u64 = op->bits == 64 && !op->is_signed;
        if (!is_number(op))
            continue;
        for (size_t i = 0; i < c->count; i++) {
            const int64_t value = values[c->at + i];
            const wide exact = is_u64 ? (wide)(uint64_t)value : (wide)value;
            if (exact >= op->low && exact <= op->high)
                continue;
            if (!wanted) {
                wanted = arena_alloc(f->cc, 2 * f->size + 1);
                find_wanted(f, region, fixed, values, wanted);
            }
            if (wanted[c->at + i])
                fail_range(f, region, c, i, value, iteration);
        }
    }
}
