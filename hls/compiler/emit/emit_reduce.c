// SPDX-License-Identifier: Apache-2.0
// Reductions over a lane: sums of products by cascades of DSPs and a tree, registered trees of
// sums, minima and maxima, and bitwise ones, which lookup tables do within a cycle.
#include "emit.h"

// A sum of products: cascades of up to DOT_CHAIN multipliers, each one cycle behind the one before,
// and a registered tree over the cascades. A cascade that is not full starts late. Another sum of
// products may stand before the one cascade.
void emit_dot(struct emit *e, const struct op *op) {
    const struct op_time *t = &e->s->time[op->id];
    const int lane = (int)op->imm;
    const int64_t n = e->p->lanes[lane].count;
    const int chains = (int)((n + DOT_CHAIN - 1) / DOT_CHAIN),
              chain = n < DOT_CHAIN ? (int)n : DOT_CHAIN;
    const int64_t missing = (int64_t)chains * chain - n;
    const char *base = value_name(e, op), *at = subscripts(e, op->space);
    int mw = product_width(op->in[0], op->in[1]);
    const int w = op->width;
    mw = mw > w ? w : mw;
    struct text *logic = &e->m->logic;
    // Products. Position in the chain decides the stage of the operands.
    put(&e->m->declarations, "  logic signed [%d:0] %s_m%s [%lld], %s_md%s [%lld];\n", mw - 1, base,
        dimensions(e, op->space), (long long)n, base, dimensions(e, op->space), (long long)n);
    for (int position = 0; position < chain; position++) {
        put(logic, "  always_comb\n");
        open_loops(e, logic, op->space, "    ");
        put(logic, "      begin\n");
        const int stage = t->start + 1 + position;
        const char *product = arena_printf(e->cc, "%s * %s", operand(e, op->in[0], stage, mw),
                                           operand(e, op->in[1], stage, mw));
        const int64_t whole = missing ? (chains - 1) * (int64_t)chain : n;
        if (position < whole || whole == 0) {
            if (whole > 0)
                put(logic,
                    "        for (int i%d = %d; i%d < %lld; i%d += %d)\n          %s_md%s[i%d] = "
                    "%s;\n",
                    lane, position, lane, (long long)whole, lane, chain, base, at, lane, product);
        }
        if (missing && position >= missing) // the last chain, moved to its end
            put(logic,
                "        for (int i%d = %lld; i%d < %lld; i%d++)\n          %s_md%s[i%d] = %s;\n",
                lane, (long long)(whole + position - missing), lane,
                (long long)(whole + position - missing + 1), lane, base, at, lane, product);
        put(logic, "      end\n");
    }
    const uint32_t space = op->space;
    int dims = 1;
    const char *sizes = "";
    for (int l = 0; l < e->p->lane_count; l++)
        if (space >> l & 1) {
            sizes = arena_printf(e->cc, "%s%s, ", sizes, lane_size(e, l));
            dims++;
        }
    put(&e->m->registers, "    `MR_REG%d(%s_m, %s_md, %s%lld)\n", dims, base, base, sizes,
        (long long)n);
    // Sums along the chains: p[c] = p[c-1] + m[c], registered.
    const bool tree = chains > 1;
    put(&e->m->declarations, "  logic signed [%d:0] %s_p%s [%lld], %s_pd%s [%lld];\n", w - 1, base,
        dimensions(e, space), (long long)n, base, dimensions(e, space), (long long)n);
    const int64_t whole = missing ? (chains - 1) * (int64_t)chain : n;
    put(logic, "  always_comb\n");
    open_loops(e, logic, space, "    ");
    // The first one of the one cascade adds to what comes from outside.
    const char *first = arena_printf(e->cc, "%d'(%s_m%s[c])", w, base, at);
    if (ir_adds(op))
        first = arena_printf(e->cc, "%s + %s", operand(e, op->in[2], t->start + 2, w), first);
    put(logic,
        "      for (int c = 0; c < %lld; c++)\n"
        "        %s_pd%s[c] = (c %% %d == 0 || c == %lld) ? %s\n"
        "          : %s_p%s[c > 0 ? c - 1 : 0] + %d'(%s_m%s[c]);\n",
        (long long)n, base, at, chain, (long long)whole, first, base, at, w, base, at);
    put(&e->m->registers, "    `MR_REG%d(%s_p, %s_pd, %s%lld)\n", dims, base, base, sizes,
        (long long)n);
    const char *total;
    if (!tree) {
        total = arena_printf(e->cc, "%s_p%s[%lld]", base, at, (long long)(n - 1));
    } else {
        // Level 0 are the ends of the chains.
        const char *from = arena_printf(e->cc, "%s_p", base);
        int count = chains, level = 0;
        bool ends = true;
        while (count > 1) {
            const int half = (count + 1) / 2;
            level++;
            put(&e->m->declarations, "  logic signed [%d:0] %s_t%d%s [%d], %s_td%d%s [%d];\n",
                w - 1, base, level, dimensions(e, space), half, base, level, dimensions(e, space),
                half);
            put(logic, "  always_comb\n");
            open_loops(e, logic, space, "    ");
            put(logic, "      begin\n");
            for (int i = 0; i < half; i++) {
                long long x = 2 * i, y = 2 * i + 1;
                if (ends) {
                    x = x * chain + chain - 1 < n - 1 ? x * chain + chain - 1 : n - 1;
                    y = y * chain + chain - 1 < n - 1 ? y * chain + chain - 1 : n - 1;
                }
                if (2 * i + 1 < count)
                    put(logic, "        %s_td%d%s[%d] = %s%s[%lld] + %s%s[%lld];\n", base, level,
                        at, i, from, at, x, from, at, y);
                else
                    put(logic, "        %s_td%d%s[%d] = %s%s[%lld];\n", base, level, at, i, from,
                        at, x);
            }
            put(logic, "      end\n");
            put(&e->m->registers, "    `MR_REG%d(%s_t%d, %s_td%d, %s%d)\n", dims, base, level, base,
                level, sizes, half);
            from = arena_printf(e->cc, "%s_t%d", base, level);
            ends = false;
            count = half;
        }
        total = arena_printf(e->cc, "%s%s[0]", from, at);
    }
    const char *result = stage_name(e, op, t->ready);
    declare_value(e, result, w, space);
    assign_value(e, result, space, wrapped(e, op, total));
}

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
    int dims = 1, level = 0;
    const char *sizes = "";
    for (int l = 0; l < e->p->lane_count; l++)
        if (op->space >> l & 1) {
            sizes = arena_printf(e->cc, "%s%s, ", sizes, lane_size(e, l));
            dims++;
        }
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
        put(&e->m->registers, "    `MR_REG%d(%s_t%d, %s_td%d, %s%lld)\n", dims, base, level, base,
            level, sizes, (long long)half);
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
