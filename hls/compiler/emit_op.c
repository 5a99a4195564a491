// SPDX-License-Identifier: Apache-2.0
// Operations to SystemVerilog: combinational ones by an assignment in their stage, multipliers and memories
// with their registers, and a register for every stage in which a value only waits.
#include "emit.h"

#include <string.h>

static bool here(const struct emit *e, const struct op *op) {
    const struct op_time *t = &e->s->time[op->id];
    return t->needed && !op->alias && t->in_tile == e->in_tile;
}

// Does C wrap this operation at an unsigned type's width? Then the RTL shows it as that many bits and a zero.
static bool wraps_unsigned(const struct op *op) {
    return !op->is_signed && op->bits > 1 && !op->modular && op->width == op->bits + 1;
}

static const char *arithmetic(struct emit *e, const struct op *op, int stage, const char *form) {
    const int width = wraps_unsigned(op) ? op->bits : op->width;
    const char *a = operand(e, op->in[0], stage, width);
    const char *b = op->in_count > 1 ? operand(e, op->in[1], stage, width) : "";
    const char *text = strcmp(form, "-u") == 0 ? arena_printf(e->cc, "-(%s)", a)
                       : strcmp(form, "~") == 0 ? arena_printf(e->cc, "~(%s)", a)
                       : strcmp(form, "=") == 0 ? a
                                                : arena_printf(e->cc, "%s %s %s", a, form, b);
    return wraps_unsigned(op) ? arena_printf(e->cc, "$signed({1'b0, %s})", text) : text;
}

static const char *shift(struct emit *e, const struct op *op, int stage) {
    const struct op *x = op->in[0], *n = op->in[1];
    const char *amount = n->code == IR_CONST ? arena_printf(e->cc, "%lld", (long long)n->low)
                                             : value_at(e, n, stage);
    if (op->code == IR_SHL) {
        const int width = wraps_unsigned(op) ? op->bits : op->width;
        const char *text = arena_printf(e->cc, "%s <<< %s", operand(e, x, stage, width), amount);
        return wraps_unsigned(op) ? arena_printf(e->cc, "$signed({1'b0, %s})", text) : text;
    }
    const int width = x->width < 2 ? 2 : x->width;
    return arena_printf(e->cc, "%d'(%s >>> %s)", op->width, operand(e, x, stage, width), amount);
}

static const char *compare(struct emit *e, const struct op *op, int stage, const char *form) {
    const struct op *a = op->in[0], *b = op->in[1];
    int width = a->width > b->width ? a->width : b->width;
    if (width == 1 && op->code != IR_EQ)
        width = 2;
    return arena_printf(e->cc, "%s %s %s", operand(e, a, stage, width), form, operand(e, b, stage, width));
}

static const char *field(struct emit *e, const struct op *op) {
    const struct stream *s = &e->p->streams[op->in[0]->imm];
    const char *at = arena_printf(e->cc, "%lld", (long long)op->imm);
    for (int i = 0; i < op->view_count; i++)
        at = arena_printf(e->cc, "%s+i%d*%lld", at, op->view[i].lane, (long long)op->view[i].base);
    const char *bits;
    if (s->bits == 1)
        bits = arena_printf(e->cc, "%s_data_i", safe_name(e, s->name));
    else
        bits = arena_printf(e->cc, "%s_data_i[%s +: %d]", safe_name(e, s->name), at, op->bits);
    if (op->bits == 1)
        return bits;
    return op->is_signed ? arena_printf(e->cc, "$signed(%s)", bits)
                         : arena_printf(e->cc, "$signed({1'b0, %s})", bits);
}

static const char *expression(struct emit *e, const struct op *op, int stage) {
    switch (op->code) {
    case IR_ADD: return arithmetic(e, op, stage, "+");
    case IR_SUB: return arithmetic(e, op, stage, "-");
    case IR_MUL: return arithmetic(e, op, stage, "*");
    case IR_NEG: return arithmetic(e, op, stage, "-u");
    case IR_AND: return arithmetic(e, op, stage, "&");
    case IR_OR: return arithmetic(e, op, stage, "|");
    case IR_XOR: return arithmetic(e, op, stage, "^");
    case IR_NOT: return arithmetic(e, op, stage, "~");
    case IR_CAST: return arithmetic(e, op, stage, "=");
    case IR_TRUNC: return operand(e, op->in[0], stage, op->width);
    case IR_SHL: case IR_SHR: return shift(e, op, stage);
    case IR_EQ: return compare(e, op, stage, "==");
    case IR_LT: return compare(e, op, stage, "<");
    case IR_LE: return compare(e, op, stage, "<=");
    case IR_SELECT:
        return arena_printf(e->cc, "%s ? %s : %s", operand(e, op->in[0], stage, 1),
                            operand(e, op->in[1], stage, op->width), operand(e, op->in[2], stage, op->width));
    case IR_VIEW: {
        const char *text = element(e, op, stage);
        const int from = op->in[0]->width;
        if (from == op->width)
            return text;
        return from == 1 ? arena_printf(e->cc, "%d'($signed({1'b0, %s}))", op->width, text)
                         : arena_printf(e->cc, "%d'(%s)", op->width, text);
    }
    case IR_FIELD: return field(e, op);
    case IR_INDEX:
        return arena_printf(e->cc, "%s_%d_%s_q", safe_name(e, e->r->name), e->region,
                            safe_name(e, e->r->level[op->imm].name));
    default: fail(e->cc, op->loc, "operation %s cannot be printed", ir_opcode_name(op->code));
    }
}

static const char *stage_name(struct emit *e, const struct op *op, int stage) {
    return arena_printf(e->cc, "%s_s%d", value_name(e, op), stage);
}

static int product_width(const struct op *a, const struct op *b) {
    const int wa = a->width < 2 ? 2 : a->width, wb = b->width < 2 ? 2 : b->width;
    return wa + wb;
}

// m <= a * b, of operands that were registered in stage `stage`.
static void multiply(struct emit *e, const char *m, int width, uint32_t space, const struct op *a,
                     const struct op *b, int stage) {
    declare_value(e, m, width, space);
    const char *d = arena_printf(e->cc, "%s_d", m);
    declare_value(e, d, width, space);
    assign_value(e, d, space, arena_printf(e->cc, "%s * %s", operand(e, a, stage, width),
                                           operand(e, b, stage, width)));
    register_value(e, m, d, space);
}

static void emit_multiplication(struct emit *e, const struct op *op) {
    const struct op_time *t = &e->s->time[op->id];
    const char *result = stage_name(e, op, t->ready);
    int width = product_width(op->in[0], op->in[1]);
    if (op->code == IR_MUL && width > op->width)
        width = op->width;
    if (op->code == IR_MUL && t->ready == t->start + 2) {
        multiply(e, result, op->width, op->space, op->in[0], op->in[1], t->start + 1);
        return;
    }
    const uint32_t space = op->code == IR_MUL ? op->space : op->in[0]->space | op->in[1]->space;
    const char *m = arena_printf(e->cc, "%s_m", value_name(e, op));
    multiply(e, m, width, space, op->in[0], op->in[1], t->start + 1);
    const char *d = arena_printf(e->cc, "%s_d", value_name(e, op));
    declare_value(e, d, op->width, op->space);
    declare_value(e, result, op->width, op->space);
    const char *product = arena_printf(e->cc, "%s%s", m, subscripts(e, space));
    if (width != op->width)
        product = arena_printf(e->cc, "%d'(%s)", op->width, product);
    if (op->code == IR_MULADD)
        product = arena_printf(e->cc, "%s + %s", product, operand(e, op->in[2], t->start + 2, op->width));
    if (wraps_unsigned(op))
        product = arena_printf(e->cc, "$signed({1'b0, %d'(%s)})", op->bits, product);
    assign_value(e, d, op->space, product);
    register_value(e, result, d, op->space);
}

// A sum of products: cascades of up to DOT_CHAIN multipliers, each one cycle behind the one before, and a
// registered tree over the cascades. A cascade that is not full starts late.
static void emit_dot(struct emit *e, const struct op *op) {
    const struct op_time *t = &e->s->time[op->id];
    const int lane = (int)op->imm;
    const int64_t n = e->p->lanes[lane].count;
    const int chains = (int)((n + DOT_CHAIN - 1) / DOT_CHAIN), chain = n < DOT_CHAIN ? (int)n : DOT_CHAIN;
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
        const int64_t full = n - (chain - missing % chain) % chain; // products in full chains
        (void)full;
        put(logic, "      begin\n");
        const int stage = t->start + 1 + position;
        const char *product = arena_printf(e->cc, "%s * %s", operand(e, op->in[0], stage, mw),
                                           operand(e, op->in[1], stage, mw));
        const int64_t whole = missing ? (chains - 1) * (int64_t)chain : n;
        if (position < whole || whole == 0) {
            if (whole > 0)
                put(logic, "        for (int i%d = %d; i%d < %lld; i%d += %d)\n          %s_md%s[i%d] = %s;\n",
                    lane, position, lane, (long long)whole, lane, chain, base, at, lane, product);
        }
        if (missing && position >= missing) // the last chain, moved to its end
            put(logic, "        for (int i%d = %lld; i%d < %lld; i%d++)\n          %s_md%s[i%d] = %s;\n", lane,
                (long long)(whole + position - missing), lane, (long long)(whole + position - missing + 1), lane,
                base, at, lane, product);
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
    put(&e->m->registers, "    `MR_REG%d(%s_m, %s_md, %s%lld)\n", dims, base, base, sizes, (long long)n);
    // Sums along the chains: p[c] = p[c-1] + m[c], registered, but for the last of a single chain.
    const bool tree = chains > 1;
    const int64_t sums = tree ? n : n - 1;
    if (sums > 0) {
        put(&e->m->declarations, "  logic signed [%d:0] %s_p%s [%lld], %s_pd%s [%lld];\n", w - 1, base,
            dimensions(e, space), (long long)sums, base, dimensions(e, space), (long long)sums);
        const int64_t whole = missing ? (chains - 1) * (int64_t)chain : n;
        put(logic, "  always_comb\n");
        open_loops(e, logic, space, "    ");
        put(logic,
            "      for (int c = 0; c < %lld; c++)\n"
            "        %s_pd%s[c] = (c %% %d == 0 || c == %lld) ? %d'(%s_m%s[c])\n"
            "          : %s_p%s[c > 0 ? c - 1 : 0] + %d'(%s_m%s[c]);\n",
            (long long)sums, base, at, chain, (long long)whole, w, base, at, base, at, w, base, at);
        put(&e->m->registers, "    `MR_REG%d(%s_p, %s_pd, %s%lld)\n", dims, base, base, sizes,
            (long long)sums);
    }
    const char *total;
    if (!tree) {
        total = n == 1 ? arena_printf(e->cc, "%d'(%s_m%s[0])", w, base, at)
                       : arena_printf(e->cc, "%s_p%s[%lld] + %d'(%s_m%s[%lld])", base, at, (long long)(n - 2), w,
                                      base, at, (long long)(n - 1));
    } else {
        // Level 0 are the ends of the chains.
        const char *from = arena_printf(e->cc, "%s_p", base);
        int count = chains, level = 0;
        bool ends = true;
        while (count > 1) {
            const int half = (count + 1) / 2;
            level++;
            put(&e->m->declarations, "  logic signed [%d:0] %s_t%d%s [%d], %s_td%d%s [%d];\n", w - 1, base,
                level, dimensions(e, space), half, base, level, dimensions(e, space), half);
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
                    put(logic, "        %s_td%d%s[%d] = %s%s[%lld] + %s%s[%lld];\n", base, level, at, i, from,
                        at, x, from, at, y);
                else
                    put(logic, "        %s_td%d%s[%d] = %s%s[%lld];\n", base, level, at, i, from, at, x);
            }
            put(logic, "      end\n");
            put(&e->m->registers, "    `MR_REG%d(%s_t%d, %s_td%d, %s%d)\n", dims, base, level, base, level,
                sizes, half);
            from = arena_printf(e->cc, "%s_t%d", base, level);
            ends = false;
            count = half;
        }
        total = arena_printf(e->cc, "%s%s[0]", from, at);
    }
    const int direct = t->start + MULTIPLIER_CYCLES - 1 + dot_extra_cycles(n);
    const char *result = stage_name(e, op, direct);
    declare_value(e, result, w, space);
    assign_value(e, result, space, total);
    if (t->ready > direct) {
        const char *registered = stage_name(e, op, t->ready);
        declare_value(e, registered, w, space);
        register_value(e, registered, result, space);
    }
}

// A plain sum over a lane: a registered binary tree.
static void emit_sum(struct emit *e, const struct op *op) {
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
    put(&e->m->declarations, "  logic signed [%d:0] %s_t0%s [%lld];\n", w - 1, base, dimensions(e, op->space),
        (long long)count);
    put(logic, "  always_comb\n");
    open_loops(e, logic, op->space, "    ");
    put(logic, "      for (int i%d = 0; i%d < %lld; i%d++)\n        %s_t0%s[i%d] = %s;\n", lane, lane,
        (long long)count, lane, base, at, lane, operand(e, op->in[0], t->start, w));
    while (count > 1) {
        const int64_t half = (count + 1) / 2;
        level++;
        put(&e->m->declarations, "  logic signed [%d:0] %s_t%d%s [%lld], %s_td%d%s [%lld];\n", w - 1, base, level,
            dimensions(e, op->space), (long long)half, base, level, dimensions(e, op->space), (long long)half);
        put(logic, "  always_comb\n");
        open_loops(e, logic, op->space, "    ");
        put(logic,
            "      for (int c = 0; c < %lld; c++)\n"
            "        %s_td%d%s[c] = 2*c+1 < %lld ? %s_t%d%s[2*c] + %s_t%d%s[2*c+1 < %lld ? 2*c+1 : 0]\n"
            "          : %s_t%d%s[2*c];\n",
            (long long)half, base, level, at, (long long)count, base, level - 1, at, base, level - 1, at,
            (long long)count, base, level - 1, at);
        put(&e->m->registers, "    `MR_REG%d(%s_t%d, %s_td%d, %s%lld)\n", dims, base, level, base, level, sizes,
            (long long)half);
        count = half;
    }
    const char *result = stage_name(e, op, t->ready);
    declare_value(e, result, w, op->space);
    assign_value(e, result, op->space, arena_printf(e->cc, "%s_t%d%s[0]", base, level, at));
}

static const char *memory_name(struct emit *e, const struct op *load) {
    return arena_printf(e->cc, "%s_%d", safe_name(e, e->p->memories[load->imm].name), load->id);
}

static int address_bits(const struct memory *m) {
    int bits = 1;
    while (((int64_t)1 << bits) < m->words)
        bits++;
    return bits;
}

static const char *address(struct emit *e, const struct memory *m, const struct op *op, int stage) {
    if (!op || m->words == 1)
        return arena_printf(e->cc, "%d'd0", address_bits(m));
    if (op->code == IR_CONST)
        return arena_printf(e->cc, "%d'd%lld", address_bits(m), (long long)op->low);
    if (op->width == 1)
        return arena_printf(e->cc, "%d'(%s)", address_bits(m), value_at(e, op, stage));
    return arena_printf(e->cc, "%d'(%s)", address_bits(m), value_at(e, op, stage));
}

// Which bank dimensions are written one at a time (by a run-time or constant index)?
static void written_alone(const struct process *p, int memory, bool *alone) {
    for (int i = 0; i < p->op_count; i++) {
        const struct op *op = p->ops[i];
        if (op->alias || op->code != IR_STORE || op->imm != memory)
            continue;
        for (int k = 0; k < op->view_count; k++)
            alone[k] = alone[k] || op->view[k].dynamic || !op->view[k].terms;
    }
}

static int bank_dims(const struct memory *m, int *dim) {
    int count = 0;
    for (int d = 0; d < m->dims; d++)
        if (m->is_bank[d])
            dim[count++] = d;
    return count;
}

// Position of a bank in the packed word: the dimensions written alone outermost.
static const char *bank_position(struct emit *e, const struct op *op, const bool *alone, int which) {
    const struct memory *m = &e->p->memories[op->imm];
    int dim[MAX_DIMS];
    const int count = bank_dims(m, dim);
    const char *text = NULL;
    for (int pass = 0; pass < 2; pass++) {
        for (int k = 0; k < count; k++) {
            if (alone[k] != (pass == 0) || (which >= 0 && pass != which))
                continue;
            const struct view_index *v = &op->view[k];
            const char *index = v->terms == 1 && !v->base && v->term_coef[0] == 1
                                    ? arena_printf(e->cc, "i%d", v->term_lane[0])
                                    : NULL;
            if (!index && !v->dynamic) {
                index = arena_printf(e->cc, "%lld", (long long)v->base);
                for (int n = 0; n < v->terms; n++)
                    index = arena_printf(e->cc, "(%s+i%d*%lld)", index, v->term_lane[n],
                                         (long long)v->term_coef[n]);
            }
            const bool lane_dim = e->in_tile && v->terms && v->term_lane[0] == e->tile->lane;
            const char *size = lane_dim ? "N" : arena_printf(e->cc, "%lld", (long long)m->size[dim[k]]);
            text = text ? arena_printf(e->cc, "(%s*%s+%s)", text, size, index) : index;
        }
    }
    return text ? text : "0";
}

static void emit_rom_load(struct emit *e, const struct op *op) {
    const struct op_time *t = &e->s->time[op->id];
    const struct memory *m = &e->p->memories[op->imm];
    const char *name = memory_name(e, op);
    const int64_t ports = space_count(e, op->space);
    const int bits = address_bits(m);
    put(&e->m->declarations, "  logic [%lld:0] %s_address;\n  logic [%lld:0] %s_data;\n",
        (long long)(ports * bits - 1), name, (long long)(ports * m->width - 1), name);
    struct text *logic = &e->m->logic;
    const char *at = flat_index(e, op->space);
    if (!op->space) {
        put(logic, "  assign %s_address = %s;\n", name, address(e, m, op->in[0], t->start));
    } else {
        put(logic, "  always_comb\n");
        open_loops(e, logic, op->space, "    ");
        put(logic, "      %s_address[%s*%d +: %d] = %s;\n", name, at, bits, bits,
            address(e, m, op->in[0], t->start));
    }
    put(&e->m->instances,
        "  %s_rom_%s #(.PORTS(%lld), .LATENCY(%d)) i_%s (\n    .clk_i, .address_i(%s_address), .data_o(%s_data));\n",
        e->net->name, safe_name(e, m->name), (long long)ports, m->latency, name, name, name);
    const char *slice = arena_printf(e->cc, "%s_data[%s*%d +: %d]", name, at, m->width, m->width);
    if (op->width > 1)
        slice = m->low >= 0 ? arena_printf(e->cc, "$signed({1'b0, %s})", slice)
                            : arena_printf(e->cc, "$signed(%s)", slice);
    const char *result = stage_name(e, op, t->ready);
    declare_value(e, result, op->width, op->space);
    assign_value(e, result, op->space, slice);
}

static void emit_load(struct emit *e, const struct op *op) {
    const struct op_time *t = &e->s->time[op->id];
    const struct memory *m = &e->p->memories[op->imm];
    if (m->kind == MEMORY_ROM) {
        emit_rom_load(e, op);
        return;
    }
    const char *name = memory_name(e, op);
    bool alone[MAX_DIMS] = {false};
    written_alone(e->p, (int)op->imm, alone);
    const char *banks = arena_printf(e->cc, "%lld", (long long)m->banks);
    if (e->in_tile)
        banks = arena_printf(e->cc, "%lld*N", (long long)(m->banks / e->p->lanes[e->tile->lane].count));
    put(&e->m->declarations, "  logic [%s*%d-1:0] %s_data;\n  logic [%d:0] %s_address;\n", banks, m->width,
        name, address_bits(m) - 1, name);
    put(&e->m->logic, "  assign %s_address = %s;\n", name, address(e, m, op->in[0], t->start));
    const char *slice = arena_printf(e->cc, "%s_data[%s*%d +: %d]", name, bank_position(e, op, alone, -1),
                                     m->width, m->width);
    if (op->width > 1)
        slice = m->low >= 0 ? arena_printf(e->cc, "$signed({1'b0, %s})", slice)
                            : arena_printf(e->cc, "$signed(%s)", slice);
    const char *result = stage_name(e, op, t->ready);
    declare_value(e, result, op->width, op->space);
    assign_value(e, result, op->space, slice);
}

void emit_memory(struct emit *e, int memory) {
    const struct memory *m = &e->p->memories[memory];
    if (m->kind == MEMORY_ROM)
        return;
    static const char *const styles[] = {"auto", "distributed", "block", "ultra", "auto"};
    bool alone[MAX_DIMS] = {false};
    written_alone(e->p, memory, alone);
    int dim[MAX_DIMS];
    const int dims = bank_dims(m, dim);
    int64_t chunks = 1, inner = 1;
    bool per_lane = false; // the tile's own lanes are among the chunks
    for (int k = 0; k < dims; k++) {
        if (alone[k])
            chunks *= m->size[dim[k]];
        else
            inner *= m->size[dim[k]];
    }
    const char *chunk_text = arena_printf(e->cc, "%lld", (long long)chunks);
    if (e->in_tile) {
        per_lane = true;
        chunk_text = arena_printf(e->cc, "%lld*N", (long long)(chunks / e->p->lanes[e->tile->lane].count));
    }
    const int bits = address_bits(m);
    const char *name = safe_name(e, m->name);
    bool read = false;
    for (int i = 0; i < e->p->op_count; i++)
        for (int r = 0; r < e->p->region_count; r++)
            read = read || (e->p->ops[i]->code == IR_LOAD && e->p->ops[i]->imm == memory &&
                            !e->p->ops[i]->alias && e->p->regions[r]->schedule->time[i].needed);
    if (!read)
        return;
    put(&e->m->declarations, "  logic [%s-1:0] %s_we;\n  logic [%d:0] %s_waddr;\n  logic [%lld:0] %s_wdata;\n",
        chunk_text, name, bits - 1, name, (long long)(inner * m->width - 1), name);
    struct text *logic = &e->m->logic;
    struct emit at = *e;
    put(logic, "  always_comb begin\n    %s_we = '0;\n    %s_waddr = '0;\n    %s_wdata = '0;\n", name, name, name);
    for (int r = 0; r < e->p->region_count; r++) {
        at.region = r;
        at.r = e->p->regions[r];
        at.s = at.r->schedule;
        for (int i = 0; i < at.r->effect_count; i++) {
            const struct op *op = at.r->effects[i];
            if (op->code != IR_STORE || op->imm != memory)
                continue;
            const int stage = at.s->time[op->id].start;
            put(logic, "    if (%s) begin\n", valid_at(&at, r, stage));
            put(logic, "      %s_waddr = %s;\n", name, address(&at, m, op->in[0], stage));
            uint32_t lanes = 0;
            for (int k = 0; k < op->view_count; k++)
                for (int n = 0; n < op->view[k].terms; n++)
                    lanes |= 1u << op->view[k].term_lane[n];
            struct text loops = {0};
            open_loops(&at, &loops, lanes, "      ");
            put(logic, "%s      %s_wdata[%s*%d +: %d] = %s;\n", loops.data ? loops.data : "", name,
                bank_position(&at, op, alone, 1), m->width, m->width,
                operand(&at, op->in[1], stage, m->width));
            text_free(&loops);
            // Chunk enables: compare every run-time index.
            const char *guard = op->in[2] ? operand(&at, op->in[2], stage, 1) : "1'b1";
            const char *position = NULL, *hit = guard;
            struct text open = {0};
            for (int k = 0; k < dims; k++) {
                if (!alone[k])
                    continue;
                const struct view_index *v = &op->view[k];
                const int64_t size = m->size[dim[k]];
                const bool lane = per_lane && size == e->p->lanes[e->tile->lane].count;
                const char *count = lane ? "N" : arena_printf(e->cc, "%lld", (long long)size);
                put(&open, "      for (int c%d = 0; c%d < %s; c%d++)\n", k, k, count, k);
                const char *self = lane ? arena_printf(e->cc, "($signed(32'(base_i)) + c%d)", k)
                                        : arena_printf(e->cc, "c%d", k);
                if (v->dynamic)
                    hit = arena_printf(e->cc, "%s && %s == %s", hit, operand(&at, op->in[v->dynamic], stage, 32),
                                       self);
                else if (!v->terms)
                    hit = arena_printf(e->cc, "%s && %s == %lld", hit, self, (long long)v->base);
                position = position ? arena_printf(e->cc, "(%s*%s+c%d)", position, count, k)
                                    : arena_printf(e->cc, "c%d", k);
            }
            put(logic, "%s      %s_we[%s] = %s;\n    end\n", open.data ? open.data : "", name,
                position ? position : "0", hit);
            text_free(&open);
        }
    }
    put(logic, "  end\n");
    for (int r = 0; r < e->p->region_count; r++) {
        for (int i = 0; i < e->p->op_count; i++) {
            const struct op *op = e->p->ops[i];
            if (op->alias || op->code != IR_LOAD || op->imm != memory ||
                !e->p->regions[r]->schedule->time[i].needed)
                continue;
            put(&e->m->instances,
                "  mr_ram #(.DEPTH(%lld), .CHUNKS(%s), .CHUNK_WIDTH(%lld), .LATENCY(%d), .STYLE(\"%s\")) i_%s (\n"
                "    .clk_i, .we_i(%s_we), .waddr_i(%s_waddr), .wdata_i(%s_wdata),\n"
                "    .raddr_i(%s_address), .rdata_o(%s_data));\n",
                (long long)m->words, chunk_text, (long long)(inner * m->width), m->latency,
                styles[m->storage], memory_name(e, op), name, name, name, memory_name(e, op),
                memory_name(e, op));
        }
    }
}

void emit_region_ops(struct emit *e) {
    for (int i = 0; i < e->p->op_count; i++) {
        const struct op *op = e->p->ops[i];
        const struct op_time *t = &e->s->time[i];
        if (!here(e, op) || t->invariant)
            continue;
        switch (op->code) {
        case IR_PHI: case IR_READ: case IR_STORE: case IR_WRITE: continue;
        default: break;
        }
        comment_source(e, op->loc);
        switch (op->code) {
        case IR_MUL: case IR_MULADD: emit_multiplication(e, op); break;
        case IR_DOT: emit_dot(e, op); break;
        case IR_SUM: emit_sum(e, op); break;
        case IR_LOAD: emit_load(e, op); break;
        default: {
            const char *name = stage_name(e, op, t->ready);
            declare_value(e, name, op->width, op->space);
            assign_value(e, name, op->space, expression(e, op, t->ready));
        }
        }
    }
}

void emit_invariants(struct emit *e) {
    bool *done = arena_alloc(e->cc, (size_t)(e->p->op_count + 1) * sizeof *done);
    bool *wanted = arena_alloc(e->cc, (size_t)(e->p->op_count + 1) * sizeof *wanted);
    // Also what the control looks at: enables, limits, first values.
    for (int r = 0; r < e->p->region_count; r++) {
        const struct region *region = e->p->regions[r];
        const struct op *roots[2 * MAX_LEVELS + 64];
        int count = 0;
        if (!e->in_tile) {
            roots[count++] = region->enable;
            for (int i = 0; i < region->levels; i++)
                roots[count++] = region->level[i].limit;
            for (int i = 0; i < region->carried_count && count < 64; i++)
                roots[count++] = region->carried[i].init;
        }
        for (int i = 0; i < count; i++)
            if (roots[i])
                wanted[roots[i]->id] = true;
    }
    for (int i = e->p->op_count - 1; i >= 0; i--)
        for (int k = 0; wanted[i] && k < e->p->ops[i]->in_count; k++)
            if (e->p->ops[i]->in[k])
                wanted[e->p->ops[i]->in[k]->id] = true;
    struct emit at = *e;
    for (int r = 0; r < e->p->region_count; r++) {
        at.region = r;
        at.r = e->p->regions[r];
        at.s = at.r->schedule;
        for (int i = 0; i < e->p->op_count; i++) {
            const struct op *op = e->p->ops[i];
            const struct op_time *t = &at.s->time[i];
            if (op->alias || done[i] || !t->invariant || !(t->needed || wanted[i]) ||
                (t->in_tile && t->needed) != e->in_tile || op->code == IR_CONST || op->code == IR_LANE ||
                op->code == IR_STATE)
                continue;
            done[i] = true;
            const char *name = arena_printf(e->cc, "%s_c", value_name(e, op));
            declare_value(e, name, op->width, op->space);
            if (op->code == IR_ARG) {
                const struct variable *arg = e->net->top->params[e->p->arg_port[op->imm]];
                const char *port = arena_printf(e->cc, "%s_q", safe_name(e, arg->name));
                put(&e->m->logic, op->bits == 1      ? "  assign %s = %s;\n"
                                  : op->is_signed ? "  assign %s = $signed(%s);\n"
                                                  : "  assign %s = $signed({1'b0, %s});\n",
                    name, port);
                continue;
            }
            assign_value(&at, name, op->space, expression(&at, op, 0));
        }
    }
}

// Registers from the stage in which a value is made to the last in which this module looks at it.
void emit_pipeline(struct emit *e) {
    for (int i = 0; i < e->p->op_count; i++) {
        const struct op *op = e->p->ops[i];
        const struct op_time *t = &e->s->time[i];
        if (op->alias || !t->needed || t->invariant || op->code == IR_STORE || op->code == IR_WRITE ||
            op->code == IR_READ)
            continue;
        int first = t->ready + 1, last = t->last_use;
        if (e->in_tile && !t->in_tile) {
            first = t->tile_first;
            last = t->tile_last;
            if (first < 0)
                continue;
        } else if (t->in_tile != e->in_tile) {
            continue;
        } else if (t->in_tile) {
            last = t->tile_last > last ? t->tile_last : last;
        } else if (t->tile_first >= 0 && t->tile_first - 1 > last) {
            last = t->tile_first - 1;
        }
        for (int stage = first; stage <= last; stage++) {
            const char *q = stage_name(e, op, stage);
            declare_value(e, q, op->width, op->space);
            const char *d = stage_name(e, op, stage - 1);
            if (e->in_tile && !t->in_tile && stage == first)
                d = arena_printf(e->cc, "%s_in", d);
            if (op->code == IR_PHI && stage == t->ready + 1 && t->in_tile == e->in_tile) {
                d = arena_printf(e->cc, "%s_phi", q); // of the state's width and lanes
                declare_value(e, d, op->width, op->space);
                assign_value(e, d, op->space, value_at(e, op, stage - 1));
            }
            register_value(e, q, d, op->space);
        }
    }
}

const char *valid_at(struct emit *e, int region, int stage) {
    const char *name = safe_name(e, e->p->regions[region]->name);
    if (e->in_tile)
        return arena_printf(e->cc, "%s_%d_valid_s%d", name, region, stage);
    if (stage == 0)
        return arena_printf(e->cc, "%s_%d_issue", name, region);
    return arena_printf(e->cc, "%s_%d_valid_q[%d]", name, region, stage);
}

void emit_states(struct emit *e) {
    for (int i = 0; i < e->p->state_count; i++) {
        const struct state *st = &e->p->states[i];
        if ((e->tile->lane != NO_LANE && e->tile->state[i]) != e->in_tile)
            continue;
        uint32_t space = 0;
        for (int d = 0; d < st->dims; d++)
            space |= 1u << st->lane[d];
        const char *name = state_name(e, i), *at = subscripts(e, space);
        struct text updates = {0};
        bool used = st->live;
        for (int r = 0; r < e->p->region_count; r++) {
            struct emit here_ = *e;
            here_.region = r;
            here_.r = e->p->regions[r];
            here_.s = here_.r->schedule;
            for (int c = 0; c < here_.r->carried_count; c++) {
                const struct carried *carried = &here_.r->carried[c];
                if (carried->state != i)
                    continue;
                if (!here_.s->time[carried->phi->id].needed && !st->live)
                    continue;
                used = true;
                if (carried->init && !e->in_tile)
                    put(&updates, "      if (%s_%d_enter) %s_d%s = %s;\n", safe_name(e, here_.r->name), r, name,
                        at, operand(&here_, carried->init, 0, st->width));
                put(&updates, "      if (%s) %s_d%s = %s;\n", valid_at(&here_, r, here_.s->state_stage[c]), name,
                    at, operand(&here_, carried->next, here_.s->state_stage[c], st->width));
            }
        }
        if (used) {
            declare_value(e, arena_printf(e->cc, "%s_q", name), st->width, space);
            declare_value(e, arena_printf(e->cc, "%s_d", name), st->width, space);
            put(&e->m->logic, "  always_comb\n");
            open_loops(e, &e->m->logic, space, "    ");
            put(&e->m->logic, "    begin\n      %s_d%s = %s_q%s;\n%s    end\n", name, at, name, at,
                updates.data ? updates.data : "");
            const char *q = arena_printf(e->cc, "%s_q", name), *d = arena_printf(e->cc, "%s_d", name);
            if (!space) {
                put(&e->m->registers, "    %s <= rst_ni ? %s : %s;\n", q, d,
                    literal(e, st->reset ? st->reset[0] : 0, st->width));
            } else {
                register_value(e, q, d, space);
                int64_t flat = 0;
                put(&e->m->declarations, "  initial begin\n");
                open_loops(e, &e->m->declarations, space, "    ");
                put(&e->m->declarations, "      %s%s = '0;\n", q, at);
                for (int64_t k = 0; st->reset && st->dims == 1 && k < st->size[0]; k++, flat++)
                    if (st->reset[k])
                        put(&e->m->declarations, "    %s[%lld] = %s;\n", q, (long long)k,
                            literal(e, st->reset[k], st->width));
                put(&e->m->declarations, "  end\n");
            }
        }
        text_free(&updates);
    }
}
