// SPDX-License-Identifier: Apache-2.0
// Lays a process out for the interpreters: where each value lies, and for operands of other lanes
// a table of elements, which all operands of the same two spaces share.
#include "interp_flat.h"

#include "schedule.h"

#include <string.h>

struct maps { // of one process
    struct map {
        uint32_t from, to;
        const uint32_t *table;
    } * list;
    int count;
};

static size_t elements(const struct process *p, uint32_t space) {
    size_t count = 1;
    for (int l = 0; l < p->lane_count; l++)
        if (space >> l & 1)
            count *= (size_t)p->lanes[l].count;
    return count;
}

// Distance in `space` between neighbours along a lane; 0 where the lane is not in it.
static size_t step_of(const struct process *p, uint32_t space, int lane) {
    if (lane < 0 || !(space >> lane & 1))
        return 0;
    return elements(p, space & ~((2u << lane) - 1u));
}

// Lane indices of an element.
static void lanes_of(const struct process *p, uint32_t space, size_t element, int64_t *lane) {
    memset(lane, 0, MAX_LANES * sizeof *lane);
    for (int l = p->lane_count - 1; l >= 0; l--) {
        if (!(space >> l & 1))
            continue;
        lane[l] = (int64_t)(element % (size_t)p->lanes[l].count);
        element /= (size_t)p->lanes[l].count;
    }
}

static const uint32_t *map_of(struct flat *f, struct maps *maps, uint32_t space, uint32_t source) {
    for (int i = 0; i < maps->count; i++)
        if (maps->list[i].from == space && maps->list[i].to == source)
            return maps->list[i].table;
    const size_t count = elements(f->p, space);
    uint32_t *table = arena_alloc(f->cc, count * sizeof *table);
    int64_t lane[MAX_LANES];
    for (size_t i = 0; i < count; i++) {
        lanes_of(f->p, space, i, lane);
        for (int l = 0; l < f->p->lane_count; l++)
            table[i] += (uint32_t)((size_t)lane[l] * step_of(f->p, source, l));
    }
    if ((maps->count & (maps->count - 1)) == 0)
        maps->list = arena_grow(f->cc, maps->list, (size_t)maps->count * sizeof *maps->list,
                                (size_t)(maps->count ? maps->count * 2 : 1) * sizeof *maps->list);
    maps->list[maps->count++] = (struct map){space, source, table};
    return table;
}

static void set_map(struct flat *f, struct maps *maps, struct ref *r, uint32_t space,
                    uint32_t source) {
    r->step = space == source;
    r->map = space == source || !source ? NULL : map_of(f, maps, space, source);
}

static struct ref ref_in(struct flat *f, struct maps *maps, const struct op *op, uint32_t space) {
    struct ref r = {.op = op};
    if (!op)
        return r;
    r.fixed = f->code[op->id].fixed;
    r.is_u64 = op->bits == 64 && !op->is_signed;
    r.at = f->code[op->id].at;
    set_map(f, maps, &r, space, op->space);
    return r;
}

struct ref ref_to(struct flat *f, const struct op *op, uint32_t space) {
    struct maps maps = {0};
    return ref_in(f, &maps, op, space);
}

// ---- run-time and lane indices of views, loads and stores

static int bank_sizes(const struct memory *m, int64_t *size) {
    int count = 0;
    for (int d = 0; d < m->dims; d++)
        if (m->bank_size[d])
            size[count++] = m->bank_size[d];
    return count;
}

// What lies at `view` of dimensions with these sizes and strides. As in the RTL, an index outside
// that only lanes make stands for element 0.
static void lay_out_view(struct flat *f, struct maps *maps, struct code *c, const int64_t *size,
                         const size_t *stride, uint32_t kept) {
    const struct op *op = c->op;
    uint32_t *pick = arena_alloc(f->cc, c->count * sizeof *pick);
    int64_t lane[MAX_LANES];
    c->pick = pick;
    c->dynamic = arena_alloc(f->cc, (size_t)(op->view_count + 1) * sizeof *c->dynamic);
    for (int k = 0; k < op->view_count; k++)
        if (op->view[k].dynamic)
            c->dynamic[c->dynamic_count++] =
                (struct dynamic_index){ref_in(f, maps, op->in[op->view[k].dynamic], op->space),
                                       size[k], (int64_t)stride[k]};
    for (size_t i = 0; i < c->count; i++) {
        lanes_of(f->p, op->space, i, lane);
        size_t at = 0;
        for (int l = 0; l < f->p->lane_count; l++)
            if (kept >> l & 1)
                at += (size_t)lane[l] * step_of(f->p, op->in[0]->space, l);
        for (int k = 0; k < op->view_count; k++) {
            const struct view_index *v = &op->view[k];
            int64_t index = v->base;
            for (int n = 0; n < v->terms; n++)
                index += v->term_coef[n] * lane[v->term_lane[n]];
            if (!v->dynamic && index >= 0 && index < size[k])
                at += (size_t)index * stride[k];
        }
        pick[i] = (uint32_t)at;
    }
}

static void lay_out_element(struct flat *f, struct maps *maps, struct code *c) {
    const struct op *op = c->op;
    const struct op *source = op->in[0];
    int64_t size[MAX_LANES];
    size_t stride[MAX_LANES];
    uint32_t kept = source->space;
    for (int k = 0; k < op->view_count; k++) {
        size[k] = op->view[k].size;
        stride[k] = step_of(f->p, source->space, op->view[k].lane);
        if (op->view[k].lane >= 0)
            kept &= ~(1u << op->view[k].lane);
    }
    lay_out_view(f, maps, c, size, stride, kept);
}

static void lay_out_access(struct flat *f, struct maps *maps, struct code *c) {
    const struct op *op = c->op;
    const struct memory *m = &f->p->memories[op->imm];
    int64_t size[MAX_DIMS];
    size_t stride[MAX_DIMS + 1];
    const int dims = bank_sizes(m, size);
    c->words = (size_t)m->words;
    c->banks = (size_t)m->banks;
    stride[dims] = 1;
    for (int d = dims - 1; d >= 0; d--)
        stride[d] = stride[d + 1] * (size_t)size[d];
    for (int d = 0; d < dims; d++)
        stride[d] = stride[d + 1];
    lay_out_view(f, maps, c, size, stride, 0);
}

// Bit position of each element of an IR_FIELD.
static void lay_out_field(struct flat *f, struct code *c) {
    const struct op *op = c->op;
    uint32_t *pick = arena_alloc(f->cc, c->count * sizeof *pick);
    int64_t lane[MAX_LANES];
    c->pick = pick;
    for (size_t i = 0; i < c->count; i++) {
        lanes_of(f->p, op->space, i, lane);
        int64_t at = op->imm;
        for (int k = 0; k < op->view_count; k++)
            at += op->view[k].lane >= 0 ? lane[op->view[k].lane] * op->view[k].base : 0;
        pick[i] = (uint32_t)at;
    }
}

// ---- payloads

static int lane_of_size(const struct process *p, int64_t size, uint32_t taken) {
    for (int l = 0; l < p->lane_count; l++)
        if (p->lanes[l].count == size && !(taken >> l & 1))
            return l;
    return NO_LANE;
}

static void lay_out_leaf(struct flat *f, struct code *c, int leaf, const struct type *type) {
    int lane[MAX_DIMS], dims = 0;
    int64_t size[MAX_DIMS];
    uint32_t taken = 0;
    size_t count = 1;
    for (; type->kind == TYPE_ARRAY; type = type->elem) {
        size[dims] = type->count;
        lane[dims] = lane_of_size(f->p, type->count, taken);
        if (lane[dims] >= 0)
            taken |= 1u << lane[dims];
        count *= (size_t)size[dims++];
    }
    uint32_t *table = arena_alloc(f->cc, count * sizeof *table);
    for (size_t i = 0; i < count; i++) {
        size_t rest = i;
        for (int d = dims - 1; d >= 0; d--) {
            const size_t index = rest % (size_t)size[d];
            rest /= (size_t)size[d];
            table[i] += (uint32_t)(index * step_of(f->p, c->op->in[1 + leaf]->space, lane[d]));
        }
    }
    c->leaf[leaf] = table;
    c->leaf_count[leaf] = count;
}

static void lay_out_payload(struct flat *f, struct code *c) {
    const struct type *type = f->p->streams[c->op->imm].payload;
    const bool is_struct = type->kind == TYPE_STRUCT;
    const int leaves = is_struct ? type->def->field_count : 1;
    c->leaf = arena_alloc(f->cc, (size_t)leaves * sizeof *c->leaf);
    c->leaf_count = arena_alloc(f->cc, (size_t)leaves * sizeof *c->leaf_count);
    for (int i = 0; i < leaves; i++)
        lay_out_leaf(f, c, i, is_struct ? type->def->fields[i].type : type);
}

// ---- operations

static void lay_out(struct flat *f, struct maps *maps, struct code *c) {
    const struct op *op = c->op;
    const bool folds = ir_is_reduction(op->code) || op->code == IR_DOT;
    c->ref_count = op->in_count;
    c->ref = arena_alloc(f->cc, (size_t)(op->in_count + 1) * sizeof *c->ref);
    for (int k = 0; k < op->in_count; k++) {
        c->ref[k] = ref_in(f, maps, op->in[k], op->space);
        if (folds && k < 2)
            c->lane_step[k] = step_of(f->p, op->in[k]->space, (int)op->imm);
    }
    if (folds)
        c->lane_count = (size_t)f->p->lanes[op->imm].count;
    switch (op->code) {
    case IR_VIEW:
        lay_out_element(f, maps, c);
        break;
    case IR_LOAD:
    case IR_STORE:
        lay_out_access(f, maps, c);
        break;
    case IR_FIELD:
        lay_out_field(f, c);
        break;
    case IR_WRITE:
        lay_out_payload(f, c);
        break;
    default:
        break;
    }
}

static int *list_of(struct flat *f, const bool *needed, bool fixed, int *count) {
    int *list = arena_alloc(f->cc, (size_t)(f->p->op_count + 1) * sizeof *list);
    *count = 0;
    for (int i = 0; i < f->p->op_count; i++)
        if (needed[i] && f->code[i].fixed == fixed)
            list[(*count)++] = i;
    return list;
}

static bool looks_at_carried(const struct flat *f, const struct region *r, const bool *needed) {
    for (int i = 0; i < f->p->op_count; i++)
        for (int c = 0; needed[i] && f->p->ops[i]->code == IR_STATE && c < r->carried_count; c++)
            if (r->carried[c].state == f->p->ops[i]->imm)
                return true;
    return false;
}

static void need_region(struct flat *f, int r, bool *all) {
    const struct region *region = f->p->regions[r];
    struct flat_region *fr = &f->regions[r];
    struct reach reach = ir_reach_none(f->cc, f->p);
    const bool *needed = reach.seen;
    ir_reach(&reach, region->go_on);
    fr->asked = list_of(f, needed, false, &fr->asked_count);
    ir_reach(&reach, region->break_if);
    for (int i = 0; i < region->effect_count; i++)
        ir_reach(&reach, region->effects[i]);
    for (int c = 0; c < region->carried_count; c++) {
        ir_reach(&reach, region->carried[c].phi);
        ir_reach(&reach, region->carried[c].next);
    }
    for (int k = 0; k < region->levels; k++)
        ir_reach(&reach, region->level[k].limit);
    fr->ops = list_of(f, needed, false, &fr->op_count);
    fr->stale = looks_at_carried(f, region, needed);
    ir_reach(&reach, region->enable);
    for (int c = 0; c < region->carried_count; c++)
        ir_reach(&reach, region->carried[c].init);
    for (int i = 0; i < f->p->op_count; i++)
        all[i] = all[i] || needed[i];
}

static void lay_out_states(struct flat *f, struct maps *maps) {
    const struct process *p = f->p;
    f->state_space = arena_alloc(f->cc, ((size_t)p->state_count + 1) * sizeof *f->state_space);
    f->state_size = arena_alloc(f->cc, ((size_t)p->state_count + 1) * sizeof *f->state_size);
    f->state_value = arena_alloc(f->cc, ((size_t)p->op_count + 1) * sizeof *f->state_value);
    f->carried_next = arena_alloc(f->cc, ((size_t)p->region_count + 1) * sizeof *f->carried_next);
    f->carried_init = arena_alloc(f->cc, ((size_t)p->region_count + 1) * sizeof *f->carried_init);
    f->memory_size = arena_alloc(f->cc, ((size_t)p->memory_count + 1) * sizeof *f->memory_size);
    for (int i = 0; i < p->state_count; i++) {
        for (int d = 0; d < p->states[i].dims; d++)
            f->state_space[i] |= 1u << p->states[i].lane[d];
        f->state_size[i] = elements(p, f->state_space[i]);
    }
    for (int i = 0; i < p->op_count; i++)
        if (f->code[i].op && (p->ops[i]->code == IR_PHI || p->ops[i]->code == IR_STATE))
            set_map(f, maps, &f->state_value[i], p->ops[i]->space, f->state_space[p->ops[i]->imm]);
    for (int r = 0; r < p->region_count; r++) {
        const struct region *region = p->regions[r];
        const size_t count = (size_t)region->carried_count + 1;
        f->carried_next[r] = arena_alloc(f->cc, count * sizeof **f->carried_next);
        f->carried_init[r] = arena_alloc(f->cc, count * sizeof **f->carried_init);
        for (int c = 0; c < region->carried_count; c++) {
            const uint32_t space = f->state_space[region->carried[c].state];
            f->carried_next[r][c] = ref_in(f, maps, region->carried[c].next, space);
            f->carried_init[r][c] = ref_in(f, maps, region->carried[c].init, space);
        }
    }
    for (int i = 0; i < p->memory_count; i++)
        f->memory_size[i] = (size_t)(p->memories[i].words * p->memories[i].banks);
}

struct flat *flatten(struct compiler *cc, const struct network *net, const struct process *p) {
    struct flat *f = arena_alloc(cc, sizeof *f);
    struct maps maps = {0};
    *f = (struct flat){.cc = cc, .net = net, .p = p};
    f->code = arena_alloc(cc, ((size_t)p->op_count + 1) * sizeof *f->code);
    f->regions = arena_alloc(cc, ((size_t)p->region_count + 1) * sizeof *f->regions);
    struct reach reach = ir_reach_none(cc, p);
    bool *needed = reach.seen;
    for (int i = 0; i < p->op_count; i++)
        f->code[i].fixed = p->invariants[i].is_one;
    for (int r = 0; r < p->region_count; r++)
        need_region(f, r, needed);
    for (int i = 0; i < p->step_count; i++)
        ir_reach(&reach, p->steps[i].condition);
    f->fixed = list_of(f, needed, true, &f->fixed_count);
    for (int i = 0; i < p->op_count; i++) {
        if (!needed[i])
            continue;
        f->code[i].op = p->ops[i];
        f->code[i].at = f->size;
        f->code[i].count = p->ops[i]->code == IR_READ
                               ? ((size_t)p->streams[p->ops[i]->imm].bits + 63) / 64
                               : elements(p, p->ops[i]->space);
        f->size += f->code[i].count;
    }
    for (int i = 0; i < p->op_count; i++)
        if (needed[i])
            lay_out(f, &maps, &f->code[i]);
    lay_out_states(f, &maps);
    return f;
}

static size_t reset_element(const struct flat *f, const struct state *st, size_t flat) {
    size_t at = 0;
    uint32_t space = 0;
    for (int d = 0; d < st->dims; d++)
        space |= 1u << st->lane[d];
    for (int d = st->dims - 1; d >= 0; d--) {
        at += flat % (size_t)st->size[d] * step_of(f->p, space, st->lane[d]);
        flat /= (size_t)st->size[d];
    }
    return at;
}

void storage_reset(const struct flat *f, struct storage *s) {
    const struct process *p = f->p;
    s->state = arena_alloc(f->cc, ((size_t)p->state_count + 1) * sizeof *s->state);
    s->memory = arena_alloc(f->cc, ((size_t)p->memory_count + 1) * sizeof *s->memory);
    for (int i = 0; i < p->state_count; i++) {
        s->state[i] = arena_alloc(f->cc, f->state_size[i] * sizeof **s->state);
        for (size_t k = 0; p->states[i].reset && k < f->state_size[i]; k++)
            s->state[i][reset_element(f, &p->states[i], k)] = p->states[i].reset[k];
    }
    for (int i = 0; i < p->memory_count; i++) {
        const struct memory *m = &p->memories[i];
        s->memory[i] = arena_alloc(f->cc, f->memory_size[i] * sizeof **s->memory);
        for (size_t k = 0; m->kind == MEMORY_ROM && k < f->memory_size[i]; k++)
            s->memory[i][k] = k < (size_t)m->value_count ? m->values[k] : 0;
    }
}
