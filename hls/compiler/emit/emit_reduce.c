// SPDX-License-Identifier: Apache-2.0
// Reductions over a lane: registered trees of sums, minima and maxima, and bitwise ones, which
// lookup tables do within a cycle. Sums of products: emit_dot.c.
#include "emit.h"

// Elements 2c and 2c+1 of a level of the tree, joined; the last one may be alone.
static const char *joined(struct emit *e, const struct op *op, const char *base, int level,
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

// A sum, the least or the greatest over a lane: a registered binary tree.
void emit_tree(struct emit *e, const struct op *op) {
    const struct op_time *t = &e->s->time[op->id];
    const int lane = (int)op->imm, w = op->width;
    const char *base = value_name(e, op), *at = subscripts(e, op->space);
    struct text *logic = &e->m->logic;
    int64_t count = e->p->lanes[lane].count;
    int level = 0;
    // A flag has no sign: one bit is 0 or 1.
    put(&e->m->declarations, "  logic %s%s_t0%s [%lld];\n", range_text(e, w), base,
        dimensions(e, op->space), (long long)count);
    put(logic, "  always_comb\n");
    open_loops(e, logic, op->space, "    ");
    put(logic, "      for (int i%d = 0; i%d < %lld; i%d++)\n        %s_t0%s[i%d] = %s;\n", lane,
        lane, (long long)count, lane, base, at, lane, operand(e, op->in[0], t->start, w));
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
            (long long)half, base, level, at, joined(e, op, base, level - 1, at, count));
        register_array(e, &e->m->declarations, arena_printf(e->cc, "%s_t%d", base, level),
                       arena_printf(e->cc, "%s_td%d", base, level), op->space, half);
        count = half;
    }
    const char *result = stage_name(e, op, t->ready);
    declare_value(e, result, w, op->space);
    const char *top = arena_printf(e->cc, "%s_t%d%s[0]", base, level, at);
    assign_value(e, result, op->space, op->code == IR_SUM ? wrapped(e, op, top) : top);
}

void emit_bitwise(struct emit *e, const struct op *op) {
    const struct op_time *t = &e->s->time[op->id];
    const int lane = (int)op->imm;
    const char *name = stage_name(e, op, t->ready), *at = subscripts(e, op->space);
    const char *sign = op->code == IR_ALL ? "&" : op->code == IR_ANY ? "|" : "^";
    struct text *logic = &e->m->logic;
    declare_value(e, name, op->width, op->space);
    put(logic, "  always_comb\n");
    open_loops(e, logic, op->space, "    ");
    put(logic, "      begin\n        %s%s = '%d;\n", name, at, op->code == IR_ALL);
    put(logic, "        for (int i%d = 0; i%d < %s; i%d++) %s%s = %s%s %s %s;\n      end\n", lane,
        lane, lane_size(e, lane), lane, name, at, name, at, sign,
        operand(e, op->in[0], t->ready, op->width));
}
