// SPDX-License-Identifier: Apache-2.0
// Reductions over a lane: registered trees of sums, minima and maxima, and bitwise ones, which
// lookup tables do within a cycle. Over the lane of tiles: a part of each tile, and the whole in
// the process's module. Sums of products: emit_dot.c.
#include "emit.h"

// Elements 2c and 2c+1 of a level of the tree, as one; the last one may be alone.
static const char *both(struct emit *e, const struct op *op, const char *base, int level,
                        const char *at, int64_t count) {
    const char *x = arena_printf(e->cc, "%s_t%d%s[2*c]", base, level, at);
    const char *y = arena_printf(e->cc, "%s_t%d%s[2*c+1 < %lld ? 2*c+1 : 0]", base, level, at,
                                 (long long)count);
    if (op->code == IR_SUM)
        return arena_printf(e->cc, "2*c+1 < %lld ? %s + %s\n          : %s", (long long)count, x, y,
                            x);
    return arena_printf(e->cc, "2*c+1 < %lld && %s %s %s ? %s\n          : %s", (long long)count, y,
                        op->code == IR_MIN ? "<" : ">", x, y, x);
}

// Elements that are to be one: `count` places, of which those up to `bound` (a text) have the value
// at index i of the lane, and others, if there are any, what changes nothing.
struct elements {
    int64_t count;
    const char *bound, *value;
};

static const char *nothing(struct emit *e, const struct op *op) {
    const wide high = op->width == 1 ? 1 : ((wide)1 << (op->width - 1)) - 1;
    const wide low = op->width == 1 ? 0 : -high - 1;
    return literal(e, op->code == IR_SUM ? 0 : op->code == IR_MIN ? high : low, op->width);
}

// A sum, the least or the greatest: a registered binary tree. Gives the result.
static const char *emit_tree(struct emit *e, const struct op *op, const struct elements *of) {
    const int lane = (int)op->imm, w = op->width;
    const char *base = value_name(e, op), *at = subscripts(e, op->space);
    struct text *logic = &e->m->logic;
    int64_t count = of->count;
    int level = 0;
    // A flag has no sign: one bit is 0 or 1.
    put(&e->m->declarations, "  logic %s%s_t0%s [%lld];\n", range_text(e, w), base,
        dimensions(e, op->space), (long long)count);
    put(logic, "  always_comb\n");
    open_loops(e, logic, op->space, "    ");
    const bool fills = e->in_tile && lane == e->tile->lane;
    if (fills)
        put(logic, "      begin\n        for (int i%d = 0; i%d < %lld; i%d++) %s_t0%s[i%d] = %s;\n",
            lane, lane, (long long)count, lane, base, at, lane, nothing(e, op));
    put(logic, "      for (int i%d = 0; i%d < %s; i%d++)\n        %s_t0%s[i%d] = %s;\n%s", lane,
        lane, of->bound, lane, base, at, lane, of->value, fills ? "      end\n" : "");
    while (count > 1) {
        const int64_t half = (count + 1) / 2;
        level++;
        put(&e->m->declarations, "  logic %s%s_t%d%s [%lld], %s_td%d%s [%lld];\n", range_text(e, w),
            base, level, dimensions(e, op->space), (long long)half, base, level,
            dimensions(e, op->space), (long long)half);
        put(logic, "  always_comb\n");
        open_loops(e, logic, op->space, "    ");
        put(logic,
            "      for (int c = 0; c < %lld; c++)\n"
            "        %s_td%d%s[c] = %s;\n",
            (long long)half, base, level, at, both(e, op, base, level - 1, at, count));
        register_array(e, &e->m->declarations, arena_printf(e->cc, "%s_t%d", base, level),
                       arena_printf(e->cc, "%s_td%d", base, level), op->space, half);
        count = half;
    }
    return arena_printf(e->cc, "%s_t%d%s[0]", base, level, at);
}

// The bits of all elements in one, by LUTs.
static void emit_bitwise(struct emit *e, const struct op *op, const char *name,
                         const struct elements *of) {
    const int lane = (int)op->imm;
    const char *at = subscripts(e, op->space);
    const char *sign = op->code == IR_ALL ? "&" : op->code == IR_ANY ? "|" : "^";
    struct text *logic = &e->m->logic;
    declare_value(e, name, op->width, op->space);
    put(logic, "  always_comb\n");
    open_loops(e, logic, op->space, "    ");
    put(logic, "      begin\n        %s%s = '%d;\n", name, at, op->code == IR_ALL);
    put(logic, "        for (int i%d = 0; i%d < %s; i%d++) %s%s = %s%s %s %s;\n      end\n", lane,
        lane, of->bound, lane, name, at, name, at, sign, of->value);
}

static bool is_bitwise(const struct op *op) {
    return op->code == IR_ALL || op->code == IR_ANY || op->code == IR_PARITY;
}

const char *part_name(struct emit *e, const struct op *op) {
    return arena_printf(e->cc, "%s_part", value_name(e, op));
}

// What comes of the tile at index i of the lane, behind the registers on its way.
static const char *emit_way(struct emit *e, const struct op *op) {
    const struct join join = join_of(e->p, e->tile, op);
    const int lane = (int)op->imm, w = op->width;
    const long long tiles = (long long)tile_count(e->p, e->tile);
    const char *part = part_name(e, op), *at = subscripts(e, op->space);
    const char *text = arena_printf(e->cc, "`MR_EDGE_AT(%s[i%d], %s, %d)", part, lane,
                                    flat_index(e, op->space), w);
    put(&e->m->declarations, "  `MR_EDGES(%s, %lld, %lld, %d);\n", part, tiles,
        (long long)space_count(e, op->space), w);
    text = w == 1 ? text : arena_printf(e->cc, "$signed(%s)", text);
    for (int k = 0; k < join.way; k++) {
        const char *q = arena_printf(e->cc, "%s_s%d", part, k + 1),
                   *d = arena_printf(e->cc, "%s_d%d", part, k + 1);
        put(&e->m->declarations, "  logic %s%s%s [%lld], %s%s [%lld];\n", range_text(e, w), q,
            dimensions(e, op->space), tiles, d, dimensions(e, op->space), tiles);
        put(&e->m->logic, "  always_comb\n");
        open_loops(e, &e->m->logic, op->space, "    ");
        put(&e->m->logic, "      for (int i%d = 0; i%d < %lld; i%d++) %s%s[i%d] = %s;\n", lane,
            lane, tiles, lane, d, at, lane, text);
        register_array(e, &e->m->declarations, q, d, op->space, tiles);
        text = arena_printf(e->cc, "%s%s[i%d]", q, at, lane);
    }
    return text;
}

void emit_reduction(struct emit *e, const struct op *op) {
    const struct op_time *t = &e->s->time[op->id];
    const int lane = (int)op->imm;
    const char *result = stage_name(e, op, t->ready);
    struct elements of = {e->p->lanes[lane].count, lane_size(e, lane), NULL};
    if (t->joined) {
        of = (struct elements){tile_count(e->p, e->tile), NULL, emit_way(e, op)};
        of.bound = arena_printf(e->cc, "%lld", (long long)of.count);
    } else {
        of.value = operand(e, op->in[0], t->start, op->width);
    }
    if (is_bitwise(op)) {
        emit_bitwise(e, op, result, &of);
        return;
    }
    const char *value = emit_tree(e, op, &of);
    declare_value(e, result, op->width, op->space);
    assign_value(e, result, op->space, op->code == IR_SUM ? wrapped(e, op, value) : value);
}

const char *emit_part(struct emit *e, const struct op *op) {
    const struct elements of = {e->tile->per_tile, "N",
                                operand(e, op->in[0], e->s->time[op->id].start, op->width)};
    if (!is_bitwise(op))
        return emit_tree(e, op, &of);
    const char *q = arena_printf(e->cc, "%s_q", part_name(e, op)),
               *d = arena_printf(e->cc, "%s_d", part_name(e, op));
    emit_bitwise(e, op, d, &of);
    declare_value(e, q, op->width, op->space);
    register_value(e, q, d, op->space);
    return arena_printf(e->cc, "%s%s", q, subscripts(e, op->space));
}
