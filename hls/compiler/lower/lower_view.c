// SPDX-License-Identifier: Apache-2.0
// Elements of register arrays: indices that are affine in lanes, and what a constant index selects.
// `a[k + 1]` over an unrolled k looks at a from another place (a VIEW) and costs nothing. `a[2]`
// behind `a[2] = x;` is x, and what was assigned to other elements does not count. `a[i]` with an i
// that is known at run time only is picked by LUTs, in several steps where a is long.
#include "lower.h"

#include <string.h>

bool index_of(struct op *op, struct view_index *out) {
    struct linear e;
    *out = (struct view_index){.lane = NO_LANE};
    if (!linear_of(op, 0, &e))
        return false;
    out->base = e.base;
    for (int i = 0; i < e.lanes; i++) {
        if (e.lane_coef[i]) {
            out->term_lane[out->terms] = e.lane[i];
            out->term_coef[out->terms++] = e.lane_coef[i];
        }
    }
    return true;
}

bool is_lane(const struct view_index *index, int *lane) {
    *lane = index->terms == 1 ? index->term_lane[0] : NO_LANE;
    return index->terms == 1 && index->term_coef[0] == 1 && index->base == 0;
}

// Adds one dimension of an access: affine if it is, else with the operation as a dynamic index.
void add_index(struct lowering *lo, struct view_index *entry, int lane, int64_t size,
               struct op *index, struct op **in, int *in_count) {
    if (index_of(index, entry) == false) {
        *entry = (struct view_index){.dynamic = *in_count};
        in[(*in_count)++] = index;
    }
    entry->lane = lane;
    entry->size = size;
    (void)lo;
}

// Truth of a condition on lanes of which some have known values: 0, 1, or -1.
static int truth_at(const struct op *c, const int64_t *at) {
    c = ir_resolve((struct op *)(uintptr_t)c);
    if (c->code == IR_AND && c->bits == 1) {
        const int x = truth_at(c->in[0], at), y = truth_at(c->in[1], at);
        return x == 0 || y == 0 ? 0 : x == 1 && y == 1 ? 1 : -1;
    }
    int64_t wanted;
    const struct op *lane = c->code == IR_EQ ? ir_resolve(c->in[0]) : NULL;
    if (!lane || lane->code != IR_LANE || at[lane->imm] < 0 ||
        !ir_is_const(ir_resolve(c->in[1]), &wanted))
        return -1;
    return at[lane->imm] == wanted;
}

bool lane_constants(const struct op *c, int64_t *at) {
    c = ir_resolve((struct op *)(uintptr_t)c);
    if (c->code == IR_AND && c->bits == 1)
        return lane_constants(c->in[0], at) && lane_constants(c->in[1], at);
    const struct op *lane = c->code == IR_EQ ? ir_resolve(c->in[0]) : NULL;
    return lane && lane->code == IR_LANE && at[lane->imm] < 0 &&
           ir_is_const(ir_resolve(c->in[1]), &at[lane->imm]) && at[lane->imm] >= 0;
}

// An element with a constant index: what was assigned to it, without the selections by which other
// elements were assigned.
static struct op *element_at(struct op *op, const int64_t *at) {
    for (;;) {
        op = ir_resolve(op);
        const int truth = op->code == IR_SELECT ? truth_at(op->in[0], at) : -1;
        if (truth < 0)
            return op;
        op = op->in[truth ? 1 : 2];
    }
}

// ---- elements picked at run time

// Levels of LUTs, which pick one of four, that a cycle has time for, and indices in the first step
// of a longer pick.
enum { PICK_LEVELS = 4, PICK_FIRST = 64 };

static int pick_levels(int64_t size) {
    int levels = 0;
    for (; size > 1; size = (size + 3) / 4)
        levels++;
    return levels;
}

struct steps { // of a long pick
    struct lowering *lo;
    struct location loc;
    struct op *op; // what is left to pick from
    uint32_t taken;
};

static int new_lane(struct steps *s, int64_t size) {
    const int lane = ir_find_lane(&s->lo->b, size, s->taken);
    s->taken |= 1u << lane;
    return lane;
}

static void step(struct steps *s, struct op *index, const struct view_index *view, int count) {
    s->op = ir_op(&s->lo->b, IR_VIEW, s->op->bits, s->op->is_signed, s->loc, index ? 2 : 1,
                  (struct op *[]){s->op, index}, 0, view, count);
}

static void pick_along(struct steps *s, int lane, int64_t size, struct op *index) {
    struct builder *b = &s->lo->b;
    if (pick_levels(size) <= PICK_LEVELS) {
        step(s, index, &(struct view_index){.lane = lane, .size = size, .dynamic = 1}, 1);
        return;
    }
    // Rows of PICK_FIRST elements, of each of them one, and of these one.
    const int64_t rows = (size + PICK_FIRST - 1) / PICK_FIRST;
    const int row = new_lane(s, rows), column = new_lane(s, PICK_FIRST);
    step(s, NULL,
         &(struct view_index){.lane = lane,
                              .size = size,
                              .terms = 2,
                              .term_lane = {row, column},
                              .term_coef = {PICK_FIRST, 1}},
         1);
    const int bits = index->bits > 32 ? 64 : 32;
    struct op *number = ir_cast(b, bits, false, s->loc, index);
    pick_along(s, column, PICK_FIRST,
               ir_binary(b, IR_AND, bits, false, s->loc, number,
                         ir_const(b, bits, false, PICK_FIRST - 1)));
    pick_along(s, row, rows,
               ir_binary(b, IR_SHR, bits, false, s->loc, number, ir_const(b, 32, true, 6)));
}

struct op *pick(struct lowering *lo, struct location loc, int in_count, struct op **in,
                const struct view_index *view, int count) {
    int levels = 0;
    for (int i = 0; i < count; i++)
        if (view[i].dynamic)
            levels += pick_levels(view[i].size);
    if (levels <= PICK_LEVELS)
        return ir_op(&lo->b, IR_VIEW, in[0]->bits, in[0]->is_signed, loc, in_count, in, 0, view,
                     count);
    struct steps s = {lo, loc, in[0], lo->lanes_in_use};
    struct view_index fresh[MAX_DIMS], rest[MAX_DIMS];
    int left = 0;
    for (int i = 0; i < in_count; i++)
        s.taken |= ir_resolve(in[i])->space;
    for (int i = 0; i < count; i++)
        for (int k = 0; k < view[i].terms; k++)
            s.taken |= 1u << view[i].term_lane[k];
    // Lanes of its own for each dimension: those of the indices may be the same.
    for (int i = 0; i < count; i++)
        fresh[i] = (struct view_index){.lane = view[i].lane,
                                       .size = view[i].size,
                                       .terms = 1,
                                       .term_lane = {new_lane(&s, view[i].size)},
                                       .term_coef = {1}};
    step(&s, NULL, fresh, count);
    for (int i = 0; i < count; i++)
        if (view[i].dynamic)
            pick_along(&s, fresh[i].term_lane[0], view[i].size, ir_resolve(in[view[i].dynamic]));
    for (int i = 0; i < count; i++) {
        if (view[i].dynamic)
            continue;
        rest[left] = view[i];
        rest[left++].lane = fresh[i].term_lane[0];
    }
    if (left)
        step(&s, NULL, rest, left);
    return s.op;
}

struct op *view_at(struct lowering *lo, struct value v, int dims, const int64_t *size,
                   struct op *const *index, struct location loc) {
    struct op *in[1 + MAX_DIMS] = {ir_resolve(v.op)};
    struct view_index view[MAX_DIMS];
    int in_count = 1, count = 0;
    bool same = true;
    int64_t at[MAX_LANES], value;
    memset(at, -1, sizeof at);
    for (int d = 0; d < dims; d++)
        if (in[0]->space >> v.lane[d] & 1 && ir_is_const(ir_resolve(index[d]), &value))
            at[v.lane[d]] = value;
    in[0] = element_at(in[0], at);
    for (int d = 0; d < dims; d++) {
        if (!(in[0]->space >> v.lane[d] & 1))
            continue; // all elements are equal
        add_index(lo, &view[count], v.lane[d], size[d], index[d], in, &in_count);
        if (!view[count].dynamic && !view[count].terms &&
            (view[count].base < 0 || view[count].base >= size[d]))
            return ir_const(&lo->b, in[0]->bits, in[0]->is_signed,
                            0); // beyond the end: C leaves it open
        int lane;
        if (view[count].dynamic || !is_lane(&view[count], &lane) || lane != v.lane[d])
            same = false;
        count++;
    }
    if (same)
        return in[0];
    return pick(lo, loc, in_count, in, view, count);
}
