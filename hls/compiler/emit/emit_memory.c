// SPDX-License-Identifier: Apache-2.0
// Memories and their read ports. Banks lie side by side in one wide word, those that are written
// one at a time outermost. `w[64][8]` with a second dimension that is partitioned has 64 words of 8
// elements.
#include "emit.h"

static const char *memory_name(struct emit *e, const struct op *load) {
    return name_of(e, e->p->memories[load->imm].name, load);
}

const char *word_address(struct emit *e, const struct memory *m, const struct op *op, int stage) {
    if (!op || m->words == 1)
        return arena_printf(e->cc, "%d'd0", ir_index_bits(m->words));
    if (op->code == IR_CONST)
        return arena_printf(e->cc, "%d'd%lld", ir_index_bits(m->words), (long long)op->low);
    return arena_printf(e->cc, "%d'(%s)", ir_index_bits(m->words), value_at(e, op, stage));
}

const char *bank_position(struct emit *e, const struct op *op, const bool *alone, int which) {
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
                lane_dim ? "N" : arena_printf(e->cc, "%lld", (long long)m->bank_size[dim[k]]);
            text = text ? arena_printf(e->cc, "(%s*%s+%s)", text, size, index) : index;
        }
    }
    return text ? text : "0";
}

// ---- memories whose banks are written apart

const char *bank_number(struct emit *e, const struct op *op, int stage) {
    const struct memory *m = &e->p->memories[op->imm];
    int dim[MAX_DIMS];
    const int count = bank_dims(m, dim);
    const char *text = NULL;
    for (int k = 0; k < count; k++) {
        const struct view_index *v = &op->view[k];
        const long long size = (long long)m->bank_size[dim[k]];
        const char *index;
        if (v->dynamic && stage < 0) {
            index = arena_printf(e->cc, "d%d", k);
        } else if (v->dynamic) {
            const int bits = ir_index_bits(size);
            const struct op *at = op->in[v->dynamic];
            index = arena_printf(e->cc, "$unsigned(%d'(%s))", bits, value_at(e, at, stage));
            if (size != (int64_t)1 << bits) // beyond the end is C's undefined behaviour
                index = arena_printf(e->cc, "(%s < %d'd%lld ? 32'(%s) : 32'd0)", index, bits, size,
                                     index);
            else
                index = arena_printf(e->cc, "32'(%s)", index);
        } else {
            index = arena_printf(e->cc, "%lld", (long long)v->base);
            for (int n = 0; n < v->terms; n++)
                index = arena_printf(e->cc, "%s+i%d*%lld", index, v->term_lane[n],
                                     (long long)v->term_coef[n]);
            if (v->terms)
                index = arena_printf(e->cc, "(%s)", index);
        }
        text = text ? arena_printf(e->cc, "(%s*%lld+%s)", text, size, index) : index;
    }
    return text ? text : "0";
}

// ---- ports that both write and read

// The port that a read has, at lane indices i0, i1, ...
static const char *port_text(struct emit *e, const struct op_time *t) {
    return t->port_lane == NO_LANE ? arena_printf(e->cc, "%d", t->port)
                                   : arena_printf(e->cc, "i%d", t->port_lane);
}

// The addresses that a loop's reads have for the ports: of each bank, or (split: false) of the one
// word.
static void emit_addresses(struct emit *e, int memory, bool split) {
    const struct memory *m = &e->p->memories[memory];
    const char *name = safe_name(e, m->name);
    const long long banks = split ? (long long)m->banks : 1;
    struct text *logic = &e->m->logic;
    for (int n = 0; n < e->s->op_count; n++) {
        const struct op *op = e->s->ops[n];
        if (op->code != IR_LOAD || op->imm != memory)
            continue;
        const uint32_t space = split && op->in[0] ? op->in[0]->space : 0;
        const char *bank = split ? bank_number(e, op, 0) : "0", *at = "";
        if (split)
            at = arena_printf(e->cc, "[%s]", flat_index(e, space));
        open_loops(e, logic, space, "      ");
        if (split && !reads_one_bank(op)) {
            put(logic, "      for (int b = 0; b < %lld; b++)\n", banks);
            bank = "b";
        }
        put(logic, "      %s_raddr[%s*%lld+%s] = %s_address%s;\n", name,
            port_text(e, &e->s->time[op->id]), banks, bank, memory_name(e, op), at);
    }
}

// Where several loops read, the one that was entered last has the ports: the one before it has
// drained.
static void emit_read_addresses(struct emit *e, int memory, bool split) {
    const struct memory *m = &e->p->memories[memory];
    const char *name = safe_name(e, m->name);
    const long long ports = m->shared_ports * (split ? (long long)m->banks : 1);
    struct text *logic = &e->m->logic;
    int readers = 0, reader = 0;
    for (int r = 0; r < e->p->region_count; r++)
        readers += region_reads(e->p->regions[r], memory);
    const int bits = ir_index_bits(readers);
    put(&e->m->declarations, "  logic [%d:0] %s_raddr [%lld];\n", ir_index_bits(m->words) - 1, name,
        ports);
    if (readers > 1)
        put(&e->m->declarations, "  logic [%d:0] %s_reader_q;\n", bits - 1, name);
    put(logic, "  always_comb begin\n    `MR_FILL1(%s_raddr, '0, %lld)\n", name, ports);
    for (int r = 0; r < e->p->region_count; r++) {
        struct emit at = *e;
        if (!region_reads(e->p->regions[r], memory))
            continue;
        at_region(&at, r);
        if (readers > 1) {
            put(&e->m->registers, "    if (%s_enter) %s_reader_q <= %d'd%d;\n", region_name(e, r),
                name, bits, reader);
            put(logic, "    if (%s_reader_q == %d'd%d) begin\n", name, bits, reader++);
        }
        emit_addresses(&at, memory, split);
        put(logic, readers > 1 ? "    end\n" : "");
    }
    put(logic, "  end\n");
}

static void emit_split_ports(struct emit *e, int memory) {
    const struct memory *m = &e->p->memories[memory];
    const char *name = safe_name(e, m->name);
    const struct instances loop = {"b", 0, m->banks};
    const struct part bank = {m->storage, "1", NULL, ""};
    emit_read_addresses(e, memory, true);
    put(&e->m->declarations, "  logic [%d:0] %s_word [%lld];\n", m->width - 1, name,
        (long long)(m->shared_ports * m->banks));
    put_instances(e, &e->m->instances, &loop, 1, name,
                  shared_ports(e, m, &bank, m->width, "[b]",
                               arena_printf(e->cc, "%lld+b", (long long)m->banks)));
}

// ---- reads

// Do the last words of what lies in this kind lie in LUTs?
static bool is_parted(const struct memory *m, enum storage_impl storage) {
    return m->last_from && storage == m->storage;
}

// The parameters of a RAM that say how it is read.
static const char *reading_text(struct emit *e, const struct memory *m, enum storage_impl storage) {
    if (!is_parted(m, storage))
        return arena_printf(e->cc, ".LATENCY(%d)", m->latency);
    const int64_t deep = (m->words - m->last_from + 63) / 64, most = LOADS_MAX * 3 / 4;
    return arena_printf(e->cc, ".FIRST(%lld), .PIECE(%lld)", (long long)m->last_from,
                        (long long)(most > deep ? most / deep : 1));
}

// The address that bank b of the memories behind a read takes.
static const char *bank_address(struct emit *e, const struct op *op, const char *at) {
    const struct memory *m = &e->p->memories[op->imm];
    const char *name = memory_name(e, op), *one = arena_printf(e->cc, "%s_address[%s]", name, at);
    if (!has_branches(e->p, op))
        return one;
    const long long per = m->bank_loads < LOADS_MAX ? LOADS_MAX / (long long)m->bank_loads : 1;
    put(&e->m->logic, "  `MR_BRANCHES(%s_branch, %lld, %d, logic [%d:0], %s)\n", name,
        ((long long)m->banks + per - 1) / per, ir_index_bits(m->words), ir_index_bits(m->words) - 1,
        one);
    return arena_printf(e->cc, "`MR_COPY_OF(%s, %s_branch[b/%lld])", one, name, per);
}

// The memories behind one read: a copy of the banks that it looks at, for each address that its
// lanes have.
static void emit_split_read(struct emit *e, const struct op *op) {
    const struct memory *m = &e->p->memories[op->imm];
    const char *name = memory_name(e, op), *base = safe_name(e, m->name);
    const uint32_t space = op->in[0] ? op->in[0]->space : 0;
    const bool one = reads_one_bank(op);
    const char *bank = one ? bank_number(e, op, 0) : "b", *at = flat_index(e, space);
    struct instances loops[MAX_LANES + 1];
    int count = 0;
    for (int l = 0; l < e->p->lane_count; l++)
        if (space >> l & 1)
            loops[count++] = (struct instances){arena_printf(e->cc, "i%d", l), 0, lane_count(e, l)};
    if (!one)
        loops[count++] = (struct instances){"b", 0, m->banks};
    put_instances(
        e, &e->m->instances, loops, count, name,
        arena_printf(
            e->cc,
            "  mr_ram%s #(.DEPTH(%lld), .CHUNKS(1), .CHUNK_WIDTH(%d), %s, "
            ".STYLE(\"%s\")) i_%s (\n    .clk_i, .we_i(%s_we[%s]), .waddr_i(%s_waddr[%s]), "
            ".wdata_i(%s_wdata[%s]),\n    .raddr_i(%s), "
            ".rdata_o(%s_data[%s*%lld+%s]));\n",
            is_parted(m, m->storage) ? "_parted" : "", (long long)m->words, m->width,
            reading_text(e, m, m->storage), memory_style(m->storage), name, base, bank, base, bank,
            base, bank, bank_address(e, op, at), name, at, one ? 1LL : (long long)m->banks,
            one ? "0" : "b"));
}

// What was read of the one bank, stage by stage, replaced by what is written to its word meanwhile.
// `word` is the memory's answer in the stage in which it comes.
static const char *emit_following(struct emit *e, const struct op *op, const char *word) {
    const struct op_time *t = &e->s->time[op->id];
    const struct memory *m = &e->p->memories[op->imm];
    const char *name = memory_name(e, op), *memory = safe_name(e, m->name);
    const char *bank = memory_is_split(e->p, e->tile, (int)op->imm) ? "[0]" : "";
    const int answer = t->start + m->latency, w = m->width;
    struct text *d = &e->m->declarations, *logic = &e->m->logic, *ff = &e->m->registers;
    const char *held = "'0", *fresh = "1'b0"; // the newest write so far, or what was read
    for (int stage = t->start; stage <= t->ready; stage++) {
        if (stage > t->start) {
            put(d, "  logic %s_fresh_s%d;\n  logic [%d:0] %s_held_s%d;\n", name, stage, w - 1, name,
                stage);
            put(ff, "    %s_fresh_s%d <= %s_hit_s%d || %s;\n", name, stage, name, stage - 1, fresh);
            put(ff, "    %s_held_s%d <= %s_hit_s%d ? %s_wdata%s : %s;\n", name, stage, name,
                stage - 1, memory, bank, held);
            fresh = arena_printf(e->cc, "%s_fresh_s%d", name, stage);
            held = arena_printf(e->cc, "%s_held_s%d", name, stage);
        }
        if (stage == answer) {
            held = arena_printf(e->cc, "(%s ? %s : %s)", fresh, held, word);
            fresh = "1'b1";
        }
        if (stage == t->ready)
            break;
        put(d, "  logic %s_hit_s%d;\n", name, stage);
        put(logic, "  assign %s_hit_s%d = %s_we[0] && %s_waddr%s == %s;\n", name, stage, memory,
            memory, bank, word_address(e, m, op->in[0], stage));
    }
    return held;
}

static void emit_split_load(struct emit *e, const struct op *op) {
    const struct op_time *t = &e->s->time[op->id];
    const struct memory *m = &e->p->memories[op->imm];
    const char *name = memory_name(e, op);
    const uint32_t space = op->in[0] ? op->in[0]->space : 0;
    const long long copies = (long long)space_count(e, space),
                    banks = reads_one_bank(op) ? 1 : (long long)m->banks;
    put(&e->m->declarations, "  logic [%d:0] %s_address [%lld];\n", ir_index_bits(m->words) - 1,
        name, copies);
    if (!m->shared_ports)
        put(&e->m->declarations, "  logic [%d:0] %s_data [%lld];\n", m->width - 1, name,
            copies * banks);
    put(&e->m->logic, "  always_comb\n");
    open_loops(e, &e->m->logic, space, "    ");
    put(&e->m->logic, "      %s_address[%s] = %s;\n", name, flat_index(e, space),
        word_address(e, m, op->in[0], t->start));
    const char *word = arena_printf(e->cc, "%s_data[%s*%lld+%s]", name, flat_index(e, space), banks,
                                    banks == 1 ? "0" : bank_number(e, op, t->ready));
    if (m->shared_ports)
        word = arena_printf(e->cc, "%s_word[%s*%lld+%s]", safe_name(e, m->name), port_text(e, t),
                            (long long)m->banks, bank_number(e, op, t->ready));
    if (t->follows)
        word = emit_following(e, op, word);
    if (op->width > 1)
        word = m->low >= 0 ? arena_printf(e->cc, "$signed({1'b0, %s})", word)
                           : arena_printf(e->cc, "$signed(%s)", word);
    const char *result = stage_name(e, op, t->ready);
    declare_value(e, result, op->width, op->space);
    assign_value(e, result, op->space, word);
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
        put(logic, "  assign %s_address = %s;\n", name, word_address(e, m, op->in[0], t->start));
    } else {
        put(logic, "  always_comb\n");
        open_loops(e, logic, op->space, "    ");
        put(logic, "      %s_address[%s*%d +: %d] = %s;\n", name, at, bits, bits,
            word_address(e, m, op->in[0], t->start));
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
    if (memory_is_split(e->p, e->tile, (int)op->imm)) {
        emit_split_load(e, op);
        return;
    }
    const char *name = memory_name(e, op);
    bool alone[MAX_DIMS] = {false};
    written_alone(e->p, e->tile, (int)op->imm, alone);
    const char *banks = arena_printf(e->cc, "%lld", (long long)m->banks);
    if (e->in_tile)
        banks =
            arena_printf(e->cc, "%lld*N", (long long)(m->banks / e->p->lanes[e->tile->lane].count));
    const char *data = arena_printf(e->cc, "%s_data", name);
    if (m->shared_ports)
        data = arena_printf(e->cc, "%s_word[%d]", safe_name(e, m->name), t->port);
    else
        put(&e->m->declarations, "  logic [%s*%d-1:0] %s;\n", banks, m->width, data);
    put(&e->m->declarations, "  logic [%d:0] %s_address;\n", ir_index_bits(m->words) - 1, name);
    put(&e->m->logic, "  assign %s_address = %s;\n", name, word_address(e, m, op->in[0], t->start));
    const char *slice = arena_printf(e->cc, "%s[%s*%d +: %d]", data,
                                     bank_position(e, op, alone, -1), m->width, m->width);
    if (t->follows)
        slice = emit_following(e, op, slice);
    if (op->width > 1)
        slice = m->low >= 0 ? arena_printf(e->cc, "$signed({1'b0, %s})", slice)
                            : arena_printf(e->cc, "$signed(%s)", slice);
    const char *result = stage_name(e, op, t->ready);
    declare_value(e, result, op->width, op->space);
    const bool merged = merged_dot(e, op);
    put(&e->m->logic, merged ? "`ifndef " MERGED_LANES "\n" : "");
    assign_value(e, result, op->space, slice);
    put(&e->m->logic, merged ? "`endif\n" : "");
}

const char *chunks_text(struct emit *e, int memory) {
    const long long chunks = (long long)memory_shape(e->p, e->tile, memory).chunks;
    if (!e->in_tile)
        return arena_printf(e->cc, "%lld", chunks);
    return arena_printf(e->cc, "%lld*N", chunks / (long long)e->p->lanes[e->tile->lane].count);
}

const char *address_before(struct emit *e, const struct op *op, int stage) {
    const struct op *at = op->in[0];
    const char *d = at ? register_input(e, at, stage) : NULL;
    return d ? arena_printf(e->cc, "%d'(%s)", ir_index_bits(e->p->memories[op->imm].words), d)
             : NULL;
}

// The same of a read; NULL where several regions have it.
static const char *load_address_before(const struct emit *e, const struct op *op) {
    const char *text = NULL;
    int count = 0;
    for (int r = 0; r < e->p->region_count; r++) {
        struct emit at = *e;
        at_region(&at, r);
        const struct op_time *t = &at.s->time[op->id];
        if (!t->needed)
            continue;
        text = address_before(&at, op, t->start);
        count++;
    }
    return count == 1 ? text : NULL;
}

// The memory behind a read, or a part of it. Where words of LUTs are so wide that one register
// would drive too much, their addresses have copies.
static const char *one_port(struct emit *e, const struct op *op, const struct part *part,
                            int64_t bits) {
    const struct memory *m = &e->p->memories[op->imm];
    const char *name = safe_name(e, m->name), *own = memory_name(e, op);
    // LUTs of 64 words for each bit; a cell of them holds 7 bits of one chunk.
    const int64_t deep = (m->words + 63) / 64;
    const int64_t width = m->banks * m->width;
    const int64_t here =
        e->in_tile ? width / e->p->lanes[e->tile->lane].count * e->tile->per_tile : width;
    const char *raddr = load_address_before(e, op), *waddr = store_address_before(e, (int)op->imm);
    const bool spread =
        part->storage == STORAGE_LUTRAM && here * deep > LOADS_MAX && raddr && waddr;
    const char *piece =
        spread ? arena_printf(e->cc, ",\n    .PIECE(%lld)", (long long)(LOADS_MAX * 3 / 4 / deep))
               : "";
    return arena_printf(e->cc,
                        "  mr_ram%s #(.DEPTH(%lld), .CHUNKS(%s), .CHUNK_WIDTH(%lld), %s, "
                        ".STYLE(\"%s\")%s%s) i_%s%s (\n"
                        "    .clk_i, .we_i(%s_we%s), .waddr%s_i(%s), .wdata_i(%s_wdata),\n"
                        "    .raddr%s_i(%s), .rdata_o(%s_data%s));\n",
                        spread                        ? "_spread"
                        : is_parted(m, part->storage) ? "_parted"
                                                      : "",
                        (long long)m->words, part->chunks, (long long)bits,
                        reading_text(e, m, part->storage), memory_style(part->storage), piece,
                        has_own_data(e->p, e->tile, (int)op->imm) ? ", .OWN_DATA(1)" : "", own,
                        part->suffix, name, slice_of(e, part, 1), spread ? "_d" : "",
                        spread ? waddr : arena_printf(e->cc, "%s_waddr", name), name,
                        spread ? "_d" : "", spread ? raddr : arena_printf(e->cc, "%s_address", own),
                        own, slice_of(e, part, bits));
}

// A memory of one word for all banks: a copy for each read, or one where they share its ports.
static void emit_words(struct emit *e, int memory) {
    const struct memory *m = &e->p->memories[memory];
    const char *name = safe_name(e, m->name), *chunks = chunks_text(e, memory);
    const int64_t bits = (int64_t)memory_shape(e->p, e->tile, memory).chunk_bits;
    struct part part[2];
    const int parts = find_parts(e, memory, part);
    emit_writes(e, memory, chunks, bits);
    if (m->shared_ports) {
        emit_read_addresses(e, memory, false);
        put(&e->m->declarations, "  logic [%s*%lld-1:0] %s_word [%d];\n", chunks, (long long)bits,
            name, m->shared_ports);
    }
    for (int i = 0, copies = 0; i < e->p->op_count; i++) {
        const struct op *op = e->p->ops[i];
        if (op->alias || op->code != IR_LOAD || op->imm != memory || !load_is_needed(e->p, i))
            continue;
        const bool merged = merged_dot(e, op);
        if (m->shared_ports && copies++)
            break;
        put(&e->m->instances, merged ? "`ifndef " MERGED_LANES "\n" : "");
        for (int k = 0; k < parts; k++)
            put_part(e, &part[k], memory_name(e, op),
                     m->shared_ports ? shared_ports(e, m, &part[k], bits, "", "1")
                                     : one_port(e, op, &part[k], bits));
        put(&e->m->instances, merged ? "`endif\n" : "");
    }
}

void emit_memory(struct emit *e, int memory) {
    const struct memory *m = &e->p->memories[memory];
    if (m->kind == MEMORY_ROM || !memory_is_read(e->p, memory))
        return;
    declare_of(e, m->loc);
    if (!memory_is_split(e->p, e->tile, memory)) {
        emit_words(e, memory);
        return;
    }
    emit_split_writes(e, memory);
    if (m->shared_ports) {
        emit_split_ports(e, memory);
        return;
    }
    for (int i = 0; i < e->p->op_count; i++)
        if (!e->p->ops[i]->alias && e->p->ops[i]->code == IR_LOAD && e->p->ops[i]->imm == memory &&
            load_is_needed(e->p, i))
            emit_split_read(e, e->p->ops[i]);
}
