// SPDX-License-Identifier: Apache-2.0
// Memories: their read ports, and one write port that the loops take in turn. Banks lie side by
// side in one wide word, those that are written one at a time outermost.
#include "emit.h"

static const char *memory_name(struct emit *e, const struct op *load) {
    return arena_printf(e->cc, "%s_%d", safe_name(e, e->p->memories[load->imm].name), load->id);
}

static const char *address(struct emit *e, const struct memory *m, const struct op *op, int stage) {
    if (!op || m->words == 1)
        return arena_printf(e->cc, "%d'd0", ir_index_bits(m->words));
    if (op->code == IR_CONST)
        return arena_printf(e->cc, "%d'd%lld", ir_index_bits(m->words), (long long)op->low);
    return arena_printf(e->cc, "%d'(%s)", ir_index_bits(m->words), value_at(e, op, stage));
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
static const char *bank_position(struct emit *e, const struct op *op, const bool *alone,
                                 int which) {
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
            const char *size =
                lane_dim ? "N" : arena_printf(e->cc, "%lld", (long long)m->size[dim[k]]);
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
    const int bits = ir_index_bits(m->words);
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
        "  %s_rom_%s #(.PORTS(%lld), .LATENCY(%d)) i_%s (\n    .clk_i, .address_i(%s_address), "
        ".data_o(%s_data));\n",
        e->net->name, safe_name(e, m->name), (long long)ports, m->latency, name, name, name);
    const char *slice = arena_printf(e->cc, "%s_data[%s*%d +: %d]", name, at, m->width, m->width);
    if (op->width > 1)
        slice = m->low >= 0 ? arena_printf(e->cc, "$signed({1'b0, %s})", slice)
                            : arena_printf(e->cc, "$signed(%s)", slice);
    const char *result = stage_name(e, op, t->ready);
    declare_value(e, result, op->width, op->space);
    assign_value(e, result, op->space, slice);
}

void emit_load(struct emit *e, const struct op *op) {
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
        banks =
            arena_printf(e->cc, "%lld*N", (long long)(m->banks / e->p->lanes[e->tile->lane].count));
    put(&e->m->declarations, "  logic [%s*%d-1:0] %s_data;\n  logic [%d:0] %s_address;\n", banks,
        m->width, name, ir_index_bits(m->words) - 1, name);
    put(&e->m->logic, "  assign %s_address = %s;\n", name, address(e, m, op->in[0], t->start));
    const char *slice = arena_printf(e->cc, "%s_data[%s*%d +: %d]", name,
                                     bank_position(e, op, alone, -1), m->width, m->width);
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
        chunk_text =
            arena_printf(e->cc, "%lld*N", (long long)(chunks / e->p->lanes[e->tile->lane].count));
    }
    const int bits = ir_index_bits(m->words);
    const char *name = safe_name(e, m->name);
    if (!memory_is_read(e->p, memory))
        return;
    put(&e->m->declarations,
        "  logic [%s-1:0] %s_we;\n  logic [%d:0] %s_waddr;\n  logic [%lld:0] %s_wdata;\n",
        chunk_text, name, bits - 1, name, (long long)(inner * m->width - 1), name);
    struct text *logic = &e->m->logic;
    struct emit at = *e;
    put(logic,
        "  always_comb begin\n    %s_we = '0;\n    %s_waddr = 'x; // not looked at\n    %s_wdata = "
        "'x;\n",
        name, name, name);
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
                    hit = arena_printf(e->cc, "%s && %s == %s", hit,
                                       operand(&at, op->in[v->dynamic], stage, 32), self);
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
                "  mr_ram #(.DEPTH(%lld), .CHUNKS(%s), .CHUNK_WIDTH(%lld), .LATENCY(%d), "
                ".STYLE(\"%s\")) i_%s (\n"
                "    .clk_i, .we_i(%s_we), .waddr_i(%s_waddr), .wdata_i(%s_wdata),\n"
                "    .raddr_i(%s_address), .rdata_o(%s_data));\n",
                (long long)m->words, chunk_text, (long long)(inner * m->width), m->latency,
                styles[m->storage], memory_name(e, op), name, name, name, memory_name(e, op),
                memory_name(e, op));
        }
    }
}
