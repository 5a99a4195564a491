// SPDX-License-Identifier: Apache-2.0
// What is written to memories: each has one write port, which the loops take in turn.
// `w[64][8]` with a second dimension that is partitioned has 64 words of 8 elements; if `w[i][j]`
// writes one of them, each element has an enable of its own.
#include "emit.h"

// The stores to a memory, of all regions: each as its region emits it.
struct store_walk {
    struct emit at;
    int memory, effect; // effect: the next one of the region
    const struct op *op;
    int stage;
};

static struct store_walk first_store(const struct emit *e, int memory) {
    struct store_walk w = {.at = *e, .memory = memory};
    w.at.region = -1;
    w.at.r = NULL;
    return w;
}

static bool next_store(struct store_walk *w) {
    for (;;) {
        if (!w->at.r || w->effect == w->at.r->effect_count) {
            if (++w->at.region == w->at.p->region_count)
                return false;
            w->at.r = w->at.p->regions[w->at.region];
            w->at.s = w->at.r->schedule;
            w->effect = 0;
            continue;
        }
        w->op = w->at.r->effects[w->effect++];
        if (w->op->code == IR_STORE && w->op->imm == w->memory) {
            w->stage = w->at.s->time[w->op->id].start;
            return true;
        }
    }
}

// The regions of the stores to a memory, where there are several, each with one at one address;
// else 0.
static int storing_regions(const struct emit *e, int memory, int *regions) {
    int count = 0;
    struct store_walk w = first_store(e, memory);
    while (next_store(&w)) {
        if ((count && regions[count - 1] == w.at.region) || (w.op->in[0] && w.op->in[0]->space))
            return 0;
        regions[count++] = w.at.region;
    }
    return count > 1 ? count : 0;
}

// Words of so many bits that several loops write are those of the loop which was entered last: what
// chooses them is known long before, in copies of a register. The loop before has drained by then.
static void emit_wide_writes(struct emit *e, int memory, const int *regions, int count) {
    const struct memory *m = &e->p->memories[memory];
    const char *name = safe_name(e, m->name), *data = "", *at = "";
    const int bits = ir_index_bits(m->words);
    const long long banks = (long long)m->banks;
    // Banks that share a copy of what chooses.
    const long long per = m->width + bits < LOADS_MAX ? LOADS_MAX / (m->width + bits) : 1;
    struct text *logic = &e->m->logic;
    put(logic, "  always_comb begin\n    `MR_FILL1(%s_we, 1'b0, %lld)\n", name, banks);
    struct store_walk w = first_store(e, memory);
    while (next_store(&w)) {
        const struct op *op = w.op;
        const char *guard = op->in[2] ? operand(&w.at, op->in[2], w.stage, 1) : "1'b1";
        put(logic, "    if (%s) begin\n", valid_at(&w.at, w.at.region, w.stage));
        open_loops(&w.at, logic, view_lanes(op), "      ");
        put(logic, "      %s_we[%s] = %s;\n    end\n", name, bank_number(&w.at, op, w.stage),
            guard);
    }
    put(logic, "  end\n");
    w = first_store(e, memory);
    for (int i = 0; next_store(&w); i++) {
        const struct op *op = w.op;
        const char *one = arena_printf(e->cc, "%s_wdata_r%d", name, w.at.region),
                   *own = arena_printf(e->cc, "%s[b]", one),
                   *word = arena_printf(e->cc, "%s_waddr_r%d", name, w.at.region);
        put(&e->m->declarations, "  logic [%d:0] %s [%lld];\n  logic [%d:0] %s;\n", m->width - 1,
            one, banks, bits - 1, word);
        put(logic, "  assign %s = %s;\n  always_comb begin\n    `MR_FILL1(%s, '0, %lld)\n", word,
            word_address(&w.at, m, op->in[0], w.stage), one, banks);
        open_loops(&w.at, logic, view_lanes(op), "    ");
        for (int k = 0; k < op->view_count; k++)
            if (op->view[k].dynamic)
                put(logic, "    for (int d%d = 0; d%d < %lld; d%d++)\n", k, k,
                    (long long)op->view[k].size, k);
        put(logic, "    %s[%s] = %s;\n  end\n", one, bank_number(&w.at, op, -1),
            operand(&w.at, op->in[1], w.stage, m->width));
        if (i == 0) {
            data = own;
            at = word;
            continue;
        }
        const char *chosen = entered_last(e, name, regions, count, i, (banks + per - 1) / per,
                                          arena_printf(e->cc, "b/%lld", per));
        data = arena_printf(e->cc, "%s ? %s : %s", chosen, own, data);
        at = arena_printf(e->cc, "%s ? %s : %s", chosen, word, at);
    }
    put(logic,
        "  always_comb\n    for (int b = 0; b < %lld; b++) begin\n      %s_wdata[b] = %s;\n      "
        "%s_waddr[b] = %s;\n    end\n",
        banks, name, data, name, at);
}

void emit_split_writes(struct emit *e, int memory) {
    const struct memory *m = &e->p->memories[memory];
    const char *name = safe_name(e, m->name);
    const int bits = ir_index_bits(m->words);
    const long long banks = (long long)m->banks;
    struct text *logic = &e->m->logic;
    put(&e->m->declarations,
        "  logic %s_we [%lld];\n  logic [%d:0] %s_waddr [%lld];\n  logic [%d:0] %s_wdata [%lld];\n",
        name, banks, bits - 1, name, banks, m->width - 1, name, banks);
    int *regions = arena_alloc(e->cc, (size_t)(e->p->region_count + 1) * sizeof *regions);
    const int count = m->banks * m->width > LOADS_MAX ? storing_regions(e, memory, regions) : 0;
    if (count) {
        emit_wide_writes(e, memory, regions, count);
        return;
    }
    put(logic,
        "  always_comb begin\n    `MR_FILL1(%s_we, 1'b0, %lld)\n    `MR_FILL1(%s_waddr, '0, %lld) "
        "// not "
        "looked at\n    `MR_FILL1(%s_wdata, '0, %lld)\n",
        name, banks, name, banks, name, banks);
    struct store_walk w = first_store(e, memory);
    while (next_store(&w)) {
        const struct op *op = w.op;
        const char *when = valid_at(&w.at, w.at.region, w.stage);
        const char *guard = op->in[2] ? operand(&w.at, op->in[2], w.stage, 1) : NULL;
        const bool each = guard && op->in[2]->space; // the banks ask one by one
        if (guard && !each)
            when = arena_printf(e->cc, "%s && %s", when, guard);
        put(logic, "    if (%s) begin\n", when);
        open_loops(&w.at, logic, view_lanes(op), "      ");
        const char *bank = bank_number(&w.at, op, w.stage);
        if (each)
            put(logic, "      if (%s)\n", guard);
        put(logic,
            "      begin\n        %s_we[%s] = 1'b1;\n        %s_waddr[%s] = %s;\n        "
            "%s_wdata[%s] = %s;\n      end\n    end\n",
            name, bank, name, bank, word_address(&w.at, m, op->in[0], w.stage), name, bank,
            operand(&w.at, op->in[1], w.stage, m->width));
    }
    put(logic, "  end\n");
}

// ---- memories of one word for all banks

static int stores_of(const struct emit *e, int memory) {
    int count = 0;
    for (int i = 0; i < e->r->effect_count; i++)
        count += e->r->effects[i]->code == IR_STORE && e->r->effects[i]->imm == memory;
    return count;
}

// Its one write port, which the loops take in turn: the word at an address, and which of its chunks
// take the data.
void emit_writes(struct emit *e, int memory, const char *chunks, int64_t bits) {
    const struct memory *m = &e->p->memories[memory];
    bool alone[MAX_DIMS] = {false};
    int dim[MAX_DIMS];
    const int dims = bank_dims(m, dim);
    const char *name = safe_name(e, m->name);
    written_alone(e->p, e->tile, memory, alone);
    const bool own = has_own_data(e->p, e->tile, memory);
    put(&e->m->declarations,
        "  logic [%s-1:0] %s_we;\n  logic [%d:0] %s_waddr;\n  logic [%s%lld-1:0] %s_wdata;\n",
        chunks, name, ir_index_bits(m->words) - 1, name,
        own ? arena_printf(e->cc, "%s*", chunks) : "", (long long)bits, name);
    struct text *logic = &e->m->logic;
    put(logic,
        "  always_comb begin\n    %s_we = '0;\n    %s_waddr = 'x; // not looked at\n    %s_wdata = "
        "'x;\n",
        name, name, name);
    struct store_walk w = first_store(e, memory);
    while (next_store(&w)) {
        const struct op *op = w.op;
        const char *when = valid_at(&w.at, w.at.region, w.stage);
        if (op->in[2] && stores_of(&w.at, memory) > 1) // they share the port
            when = arena_printf(e->cc, "%s && %s", when, operand(&w.at, op->in[2], w.stage, 1));
        put(logic, "    if (%s) begin\n", when);
        put(logic, "      %s_waddr = %s;\n", name, word_address(&w.at, m, op->in[0], w.stage));
        const char *data = operand(&w.at, op->in[1], w.stage, m->width);
        if (!own) {
            open_loops(&w.at, logic, view_lanes(op), "      ");
            put(logic, "      %s_wdata[%s*%d +: %d] = %s;\n", name,
                bank_position(&w.at, op, alone, 1), m->width, m->width, data);
        }
        // Chunk enables: compare every run-time index.
        const char *guard = op->in[2] ? operand(&w.at, op->in[2], w.stage, 1) : "1'b1";
        const char *position = NULL, *hit = guard;
        uint32_t looped = 0;
        struct text open = {0};
        for (int k = 0; k < dims; k++) {
            if (!alone[k])
                continue;
            const struct view_index *v = &op->view[k];
            const int64_t size = m->bank_size[dim[k]];
            const bool lane = e->in_tile && k == e->tile->dim[memory];
            const char *count = lane ? "N" : arena_printf(e->cc, "%lld", (long long)size);
            const char *at = v->terms ? arena_printf(e->cc, "i%d", v->term_lane[0])
                                      : arena_printf(e->cc, "c%d", k);
            put(&open, "      for (int %s = 0; %s < %s; %s++)\n", at, at, count, at);
            const char *self = lane ? arena_printf(e->cc, "($signed(32'(base_i)) + %s)", at) : at;
            if (v->dynamic)
                hit = arena_printf(e->cc, "%s && %s == %s", hit,
                                   operand(&w.at, op->in[v->dynamic], w.stage, 32), self);
            else if (!v->terms)
                hit = arena_printf(e->cc, "%s && %s == %lld", hit, self, (long long)v->base);
            position = position ? arena_printf(e->cc, "(%s*%s+%s)", position, count, at) : at;
            looped |= v->terms ? 1u << v->term_lane[0] : 0;
        }
        if (own) {
            put(logic, "%s", open.data);
            open_loops(&w.at, logic, view_lanes(op) & ~looped, "      ");
            put(logic, "      %s_wdata[%s*%lld+%s*%d +: %d] = %s;\n", name, position,
                (long long)bits, bank_position(&w.at, op, alone, 1), m->width, m->width, data);
        }
        put(logic, "%s      %s_we[%s] = %s;\n    end\n", open.data ? open.data : "", name,
            position ? position : "0", hit);
        text_free(&open);
    }
    put(logic, "  end\n");
}

const char *store_address_before(const struct emit *e, int memory) {
    const char *text = NULL;
    int count = 0;
    struct store_walk w = first_store(e, memory);
    for (; next_store(&w); count++)
        text = address_before(&w.at, w.op, w.stage);
    return count == 1 ? text : NULL;
}
