// SPDX-License-Identifier: Apache-2.0
// Sums of products over a lane: cascades of up to DOT_CHAIN DSPs, each one cycle behind the one
// before, and a registered tree over the cascades. A cascade that is not full starts late. Where
// two rows of 8 bits share a DSP (schedule.h), the synthesis takes mr_dot_pair, and simulators the
// same loops as for any other rows: instances are slow there.
#include "emit.h"

struct dot {
    const struct op *op;
    const char *base, *at; // its name, and the subscripts of its lanes
    int width;             // of the sum
    long long n;           // products
    int chains, chain;     // cascades, and DSPs in a full one
    long long missing;     // in the last one, which holds the products from `whole` on
    long long whole;
};

static struct dot shape_of(struct emit *e, const struct op *op) {
    struct dot d = {.op = op,
                    .base = value_name(e, op),
                    .at = subscripts(e, op->space),
                    .width = op->width,
                    .n = (long long)e->p->lanes[op->imm].count};
    d.chains = (int)((d.n + DOT_CHAIN - 1) / DOT_CHAIN);
    d.chain = d.n < DOT_CHAIN ? (int)d.n : DOT_CHAIN;
    d.missing = (long long)d.chains * d.chain - d.n;
    d.whole = d.missing ? (d.chains - 1LL) * d.chain : d.n;
    return d;
}

// The last product of a cascade.
static long long end_of(const struct dot *d, long long cascade) {
    const long long end = cascade * d->chain + d->chain - 1;
    return end < d->n - 1 ? end : d->n - 1;
}

// m = a * b, registered. The position in the cascade decides the stage of the operands.
static void emit_products(struct emit *e, const struct dot *d) {
    const struct op *op = d->op;
    const int lane = (int)op->imm;
    int mw = product_width(op->in[0], op->in[1]);
    mw = mw > d->width ? d->width : mw;
    struct text *logic = &e->m->logic;
    put(logic, "  logic signed [%d:0] %s_m%s [%lld];\n%s  logic signed [%d:0] %s_md%s [%lld];\n",
        mw - 1, d->base, dimensions(e, op->space), d->n, kept_product(e), mw - 1, d->base,
        dimensions(e, op->space), d->n);
    for (int position = 0; position < d->chain; position++) {
        put(logic, "  always_comb\n");
        open_loops(e, logic, op->space, "    ");
        put(logic, "      begin\n");
        const int stage = e->s->time[op->id].start + 1 + position;
        const char *product = arena_printf(e->cc, "%s * %s", operand(e, op->in[0], stage, mw),
                                           operand(e, op->in[1], stage, mw));
        if (d->whole > 0)
            put(logic,
                "        for (int i%d = %d; i%d < %lld; i%d += %d)\n          %s_md%s[i%d] = "
                "%s;\n",
                lane, position, lane, d->whole, lane, d->chain, d->base, d->at, lane, product);
        if (d->missing && position >= d->missing) // the last cascade, moved to its end
            put(logic,
                "        for (int i%d = %lld; i%d < %lld; i%d++)\n          %s_md%s[i%d] = %s;\n",
                lane, d->whole + position - d->missing, lane, d->whole + position - d->missing + 1,
                lane, d->base, d->at, lane, product);
        put(logic, "      end\n");
    }
    register_array(e, logic, arena_printf(e->cc, "%s_m", d->base),
                   arena_printf(e->cc, "%s_md", d->base), op->space, d->n);
}

// Sums along the cascades: p[c] = p[c-1] + m[c], registered.
static void emit_cascades(struct emit *e, const struct dot *d) {
    const char *base = d->base, *at = d->at;
    struct text *logic = &e->m->logic;
    put(logic, "  logic signed [%d:0] %s_pd%s [%lld];\n", d->width - 1, base,
        dimensions(e, d->op->space), d->n);
    put(logic, "  always_comb\n");
    open_loops(e, logic, d->op->space, "    ");
    // The first one of the one cascade adds to what comes from outside.
    const char *first = arena_printf(e->cc, "%d'(%s_m%s[c])", d->width, base, at);
    if (ir_adds(d->op))
        first = arena_printf(e->cc, "%s + %s",
                             operand(e, d->op->in[2], e->s->time[d->op->id].start + 2, d->width),
                             first);
    put(logic,
        "      for (int c = 0; c < %lld; c++)\n"
        "        %s_pd%s[c] = (c %% %d == 0 || c == %lld) ? %s\n"
        "          : %s_p%s[c > 0 ? c - 1 : 0] + %d'(%s_m%s[c]);\n",
        d->n, base, at, d->chain, d->whole, first, base, at, d->width, base, at);
    register_array(e, logic, arena_printf(e->cc, "%s_p", base), arena_printf(e->cc, "%s_pd", base),
                   d->op->space, d->n);
}

// vector[element] = the operand, of all lanes in `space` and all columns. A column behind the first
// of its cascade is there a cycle earlier than its product needs it (mr_dot_pair.sv).
static void gather(struct emit *e, const struct dot *d, const char *vector, const char *index,
                   const struct op *operand_op, uint32_t space) {
    const int lane = (int)d->op->imm, start = e->s->time[d->op->id].start;
    struct text *logic = &e->m->logic;
    for (int late = 0; late < 2; late++) // the full cascades, and the last one if it starts late
        for (int position = 0; position < d->chain; position++) {
            const long long skipped = late ? d->missing : 0, k = position - skipped;
            if (k < 0 || (late ? !d->missing : !d->whole))
                continue;
            const int stage = start + (int)skipped + (k > 0 ? (int)k - 1 : 0);
            open_loops(e, logic, space, "    ");
            put(logic, "      for (int i%d = %lld; i%d < %lld; i%d += %d)\n", lane,
                late ? d->whole + k : k, lane, late ? d->whole + k + 1 : d->whole, lane, d->chain);
            put(logic, "        %s[(%s*%lld+i%d)*8 +: 8] = %s;\n", vector, index, d->n, lane,
                operand(e, operand_op, stage, 8));
        }
}

static void emit_pair_instances(struct emit *e, const struct dot *d, const char *groups) {
    const char *base = d->base;
    struct text *logic = &e->m->logic;
    put(logic,
        "  for (genvar g = 0; g < %s; g++) begin : gen_%s\n"
        "    for (genvar r = 0; r < %s_pairs; r++) begin : gen_pair\n",
        groups, base, base);
    for (int c = 0; c < d->chains; c++) {
        const long long first = (long long)c * d->chain, columns = end_of(d, c) - first + 1;
        put(logic,
            "      mr_dot_pair #(.COLUMNS(%lld)) i_%d (.clk_i,\n"
            "        .weights_i({%s_rows[(((g*%s_pairs+r)*2+1)*%lld+%lld)*8 +: %lld], "
            "%s_rows[((g*%s_pairs+r)*2*%lld+%lld)*8 +: %lld]}),\n"
            "        .columns_i(%s_columns[(g*%lld+%lld)*8 +: %lld]),\n"
            "        .sums_o(%s_sums[((g*%s_pairs+r)*%d+%d)*36 +: 36]));\n",
            columns, c, base, base, d->n, first, columns * 8, base, base, d->n, first, columns * 8,
            base, d->n, first, columns * 8, base, base, d->chains, c);
    }
    put(logic, "    end\n  end\n");
}

// The ends of the cascades from mr_dot_pair. Rows of the lanes that share columns lie side by side,
// an odd last one with zeros beside it.
static void emit_pairs(struct emit *e, const struct dot *d, const struct pairing *pairing) {
    const uint32_t apart = d->op->space & ~pairing->along; // lanes with columns of their own
    const char *base = d->base, *groups = size_text(e, apart);
    const char *group = flat_index(e, apart), *row = flat_index(e, pairing->along);
    struct text *logic = &e->m->logic;
    put(logic, "  localparam int %s_pairs = (%s + 1) / 2;\n", base, size_text(e, pairing->along));
    put(logic, "  logic [%s*%s_pairs*2*%lld*8-1:0] %s_rows;\n", groups, base, d->n, base);
    put(logic, "  logic [%s*%lld*8-1:0] %s_columns;\n", groups, d->n, base);
    put(logic, "  logic [%s*%s_pairs*%d*36-1:0] %s_sums;\n", groups, base, d->chains, base);
    put(logic, "  always_comb begin\n    %s_rows = '0;\n", base);
    gather(e, d, arena_printf(e->cc, "%s_rows", base),
           arena_printf(e->cc, "(%s*%s_pairs*2+%s)", group, base, row), d->op->in[pairing->rows],
           d->op->space);
    put(logic, "  end\n  always_comb begin\n");
    gather(e, d, arena_printf(e->cc, "%s_columns", base), group, d->op->in[!pairing->rows], apart);
    put(logic, "  end\n");
    emit_pair_instances(e, d, groups);
    put(logic, "  always_comb\n");
    open_loops(e, logic, d->op->space, "    ");
    put(logic, "      begin\n");
    for (int c = 0; c < d->chains; c++)
        put(logic,
            "        %s_p%s[%lld] = %d'($signed(%s_sums[((%s*%s_pairs+%s/2)*%d+%d)*36+%s%%2*18 +: "
            "18]));\n",
            base, d->at, end_of(d, c), d->width, base, group, base, row, d->chains, c, row);
    put(logic, "      end\n");
}

// The sum of the cascades' ends, a level a cycle. Gives its text.
static const char *emit_join(struct emit *e, const struct dot *d) {
    const char *from = arena_printf(e->cc, "%s_p", d->base), *base = d->base, *at = d->at;
    const uint32_t space = d->op->space;
    struct text *logic = &e->m->logic;
    bool ends = true; // level 0 are the ends of the cascades
    int level = 0;
    for (int count = d->chains; count > 1; count = (count + 1) / 2) {
        const int half = (count + 1) / 2;
        level++;
        put(&e->m->declarations, "  logic signed [%d:0] %s_t%d%s [%d], %s_td%d%s [%d];\n",
            d->width - 1, base, level, dimensions(e, space), half, base, level,
            dimensions(e, space), half);
        put(logic, "  always_comb\n");
        open_loops(e, logic, space, "    ");
        put(logic, "      begin\n");
        for (int i = 0; i < half; i++) {
            const long long x = ends ? end_of(d, 2LL * i) : 2 * i;
            const long long y = ends ? end_of(d, 2LL * i + 1) : 2 * i + 1;
            put(logic, "        %s_td%d%s[%d] = %s%s[%lld]", base, level, at, i, from, at, x);
            if (2 * i + 1 < count)
                put(logic, " + %s%s[%lld]", from, at, y);
            put(logic, ";\n");
        }
        put(logic, "      end\n");
        register_array(e, logic, arena_printf(e->cc, "%s_t%d", base, level),
                       arena_printf(e->cc, "%s_td%d", base, level), space, half);
        from = arena_printf(e->cc, "%s_t%d", base, level);
        ends = false;
    }
    return ends ? arena_printf(e->cc, "%s%s[%lld]", from, at, d->n - 1)
                : arena_printf(e->cc, "%s%s[0]", from, at);
}

// The registers, cascades and tree; gives the sum's text.
static const char *emit_multipliers(struct emit *e, const struct op *op) {
    const struct dot d = shape_of(e, op);
    const struct pairing pairing = find_pairing(e->p, op);
    struct module *m = e->m;
    put(&m->declarations, "  logic signed [%d:0] %s_p%s [%lld];\n", d.width - 1, d.base,
        dimensions(e, op->space), d.n);
    if (pairing.along) {
        put(&m->logic, "`ifdef SYNTHESIS\n");
        emit_pairs(e, &d, &pairing);
        put(&m->logic, "`else\n");
        put(&m->registers, "`ifndef SYNTHESIS\n");
    }
    emit_products(e, &d);
    emit_cascades(e, &d);
    if (pairing.along) {
        put(&m->logic, "`endif\n");
        put(&m->registers, "`endif\n");
    }
    return emit_join(e, &d);
}

void emit_dot(struct emit *e, const struct op *op) {
    struct module *m = e->m;
    const char *result = stage_name(e, op, e->s->time[op->id].ready);
    declare_value(e, result, op->width, op->space);
    const bool merged = merged_load(e, op);
    if (merged) {
        put(&m->logic, "`ifdef " MERGED_LANES "\n");
        assign_value(e, result, op->space, wrapped(e, op, emit_merged(e, op)));
        put(&m->logic, "`else\n");
        put(&m->registers, "`ifndef " MERGED_LANES "\n");
    }
    assign_value(e, result, op->space, wrapped(e, op, emit_multipliers(e, op)));
    if (merged) {
        put(&m->logic, "`endif\n");
        put(&m->registers, "`endif\n");
    }
}
