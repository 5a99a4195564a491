// SPDX-License-Identifier: Apache-2.0
// Lanes as a simulator runs them fastest. A memory that one sum of products alone reads is, for
// Verilator (MR_MERGED_LANES), one loop over an array of numbers that the C++ compiler vectorises,
// and a delay of the sums: the same bits in the same cycles as the memory, the registers of each
// multiplier and the cascades, none of which is a variable then.
#include "emit.h"

struct merged {
    const struct op *dot, *load, *columns;
    const struct memory *memory;
    const char *sum, *word; // names
    int stage;              // whose operands the loop takes
    int delay;              // from the address to that stage
    int edges;              // from there to the result, at least 2
    int width;              // of the numbers in the loop
};

static int regions_that_need(const struct emit *e, const struct op *op) {
    int count = 0;
    for (int r = 0; r < e->p->region_count; r++)
        count += e->p->regions[r]->schedule->time[op->id].needed;
    return count;
}

// The one operation that looks at the load; NULL: none or several.
static const struct op *only_user(const struct emit *e, const struct op *load) {
    const struct op *found = NULL;
    for (int i = 0; i < e->p->op_count; i++) {
        const struct op *user = e->p->ops[i];
        for (int k = 0; !user->alias && k < user->in_count; k++) {
            if (user->in[k] != load)
                continue;
            if (found)
                return NULL;
            found = user;
        }
    }
    for (int r = 0; r < e->p->region_count; r++)
        for (int c = 0; c < e->p->regions[r]->carried_count; c++)
            if (e->p->regions[r]->carried[c].next == load ||
                e->p->regions[r]->carried[c].init == load)
                return NULL;
    return found;
}

static const struct op *dot_of(const struct emit *e, const struct op *load) {
    const struct op *dot = only_user(e, load);
    const struct memory *m = &e->p->memories[load->imm];
    if (!dot || dot->code != IR_DOT || (dot->in[0] != load && dot->in[1] != load))
        return NULL;
    if (regions_that_need(e, dot) != 1 || regions_that_need(e, load) != 1)
        return NULL;
    if (load->space != (dot->space | 1u << dot->imm) || dot->width > 64)
        return NULL;
    if (m->width > (m->low < 0 ? 32 : 31))
        return NULL;
    return dot;
}

const struct op *merged_dot(const struct emit *e, const struct op *load) {
    if (load->code != IR_LOAD || load->alias)
        return NULL;
    const struct memory *m = &e->p->memories[load->imm];
    if (m->kind == MEMORY_ROM || memory_is_split(e->p, e->tile, (int)load->imm) ||
        has_own_data(e->p, e->tile, (int)load->imm))
        return NULL;
    // What shares the ports of a memory lies in one instance.
    for (int i = 0; i < e->p->op_count; i++) {
        const struct op *other = e->p->ops[i];
        if (other->alias || other->code != IR_LOAD || other->imm != load->imm ||
            !load_is_needed(e->p, i) || (other != load && !m->shared_ports))
            continue;
        if (!dot_of(e, other))
            return NULL;
        for (int r = 0; r < e->p->region_count; r++) {
            const struct op_time *t = &e->p->regions[r]->schedule->time[i];
            if (t->needed && (t->follows || t->invariant))
                return NULL;
        }
    }
    return dot_of(e, load);
}

const struct op *merged_load(const struct emit *e, const struct op *dot) {
    for (int k = 0; k < 2; k++)
        if (merged_dot(e, dot->in[k]) == dot)
            return dot->in[k];
    return NULL;
}

static void declare_scalars(struct emit *e, const struct merged *m) {
    struct text *logic = &e->m->logic;
    const int memory = (int)m->load->imm, lane = (int)m->dot->imm;
    const int address = ir_index_bits(m->memory->words) - 1;
    const uint32_t own = m->columns->space & m->dot->space;
    const long long count = (long long)e->p->lanes[lane].count;
    put(logic, "  logic signed [%d:0] %s_c [%lld]%s;\n  logic [%d:0] %s_raddr;\n", m->width - 1,
        m->sum, count, dimensions(e, own), address, m->word);
    for (long long c = 0; !own && c < count; c++)
        put(logic, "  logic signed [%d:0] %s_c%lld;\n", m->width - 1, m->sum, c);
    for (int k = 1; k <= m->delay; k++)
        put(logic,
            "  logic [%d:0] %s_raddr_q%d, %s_waddr_q%d;\n  logic [%s-1:0] %s_we_q%d;\n"
            "  logic [%lld:0] %s_wdata_q%d;\n",
            address, m->word, k, m->word, k, chunks_text(e, memory), m->word, k,
            (long long)memory_shape(e->p, e->tile, memory).chunk_bits - 1, m->word, k);
}

// What the memory is asked and told, as many cycles later as the loop runs later. Data are taken
// along only where they are written: each tile is offered those of all.
static void delay_port(struct emit *e, const struct merged *m) {
    struct text *logic = &e->m->logic;
    const char *memory = safe_name(e, m->memory->name), *word = m->word;
    put(logic,
        "    %s_raddr_q1 <= %s_address;\n    %s_waddr_q1 <= %s_waddr;\n    %s_we_q1 <= %s_we;\n"
        "    if (|%s_we) %s_wdata_q1 <= %s_wdata;\n",
        word, word, word, memory, word, memory, memory, word, memory);
    for (int k = 2; k <= m->delay; k++)
        put(logic,
            "    %s_raddr_q%d <= %s_raddr_q%d;\n    %s_waddr_q%d <= %s_waddr_q%d;\n"
            "    %s_we_q%d <= %s_we_q%d;\n    if (|%s_we_q%d) %s_wdata_q%d <= %s_wdata_q%d;\n",
            word, k, word, k - 1, word, k, word, k - 1, word, k, word, k - 1, word, k - 1, word, k,
            word, k - 1);
}

// The columns as numbers of the loop's width; a scalar each, which the C++ compiler keeps in a
// register, where all rows share them.
static const char *column_text(struct emit *e, const struct merged *m, int64_t c) {
    const uint32_t own = m->columns->space & m->dot->space;
    if (own)
        return arena_printf(e->cc, "%s_c[%lld]%s", m->sum, (long long)c, subscripts(e, own));
    return arena_printf(e->cc, "%s_c%lld", m->sum, (long long)c);
}

static void emit_columns(struct emit *e, const struct merged *m) {
    struct text *logic = &e->m->logic;
    const uint32_t own = m->columns->space & m->dot->space;
    const int lane = (int)m->dot->imm;
    const long long count = (long long)e->p->lanes[lane].count;
    open_loops(e, logic, own, "    ");
    put(logic, "    for (int i%d = 0; i%d < %lld; i%d++)\n      %s_c[i%d]%s = %s;\n", lane, lane,
        count, lane, m->sum, lane, subscripts(e, own), operand(e, m->columns, m->stage, m->width));
    for (long long c = 0; !own && c < count; c++)
        put(logic, "    %s_c%lld = %s_c[%lld];\n", m->sum, c, m->sum, c);
}

// All rows in one loop; where they have columns of their own, in one for each lane. Columns that
// are all 0, as before the first run, while weights are loaded, cost no product.
static void emit_sums(struct emit *e, const struct merged *m) {
    struct text *logic = &e->m->logic;
    const uint32_t space = m->dot->space, own = m->columns->space & space;
    const char *row = own ? flat_index(e, space) : "r", *total = NULL, *any = NULL;
    for (int64_t c = 0; c < e->p->lanes[m->dot->imm].count; c++) {
        const char *column = column_text(e, m, c);
        const char *product = arena_printf(e->cc, "%d'(%s_mem[%s_raddr][%lld][%s]) * %s", m->width,
                                           m->word, m->word, (long long)c, row, column);
        total = total ? arena_printf(e->cc, "%s\n        + %s", total, product) : product;
        any = any ? arena_printf(e->cc, "%s | %s", any, column) : column;
    }
    put(logic, "    %s_raddr = %s_raddr_q%d;\n", m->word, m->word, m->delay);
    const char *loop =
        arena_printf(e->cc, "for (int r = 0; r < %s; r++)", size_text(e, m->dot->space));
    if (own)
        open_loops(e, logic, space, "    ");
    else
        put(logic, "    if ((%s) == 0)\n      %s %s_h[%s_next][r] = 0;\n    else\n    %s\n", any,
            loop, m->sum, m->sum, loop);
    put(logic, "      %s_h[%s_next][%s] = %s;\n", m->sum, m->sum, row, total);
}

static void emit_stores(struct emit *e, const struct merged *m) {
    struct text *logic = &e->m->logic;
    bool alone[MAX_DIMS] = {false};
    written_alone(e->p, e->tile, (int)m->load->imm, alone);
    const int lane = (int)m->dot->imm, w = m->memory->width;
    put(logic, "    if (|%s_we_q%d) begin\n", m->word, m->delay);
    open_loops(e, logic, m->dot->space, "      ");
    put(logic,
        "      for (int i%d = 0; i%d < %lld; i%d++)\n        if (%s_we_q%d[%s])\n"
        "          %s_mem[%s_waddr_q%d][i%d][%s] = 32'(%s(%s_wdata_q%d[%s*%d +: %d]));\n    end\n",
        lane, lane, (long long)e->p->lanes[lane].count, lane, m->word, m->delay,
        bank_position(e, m->load, alone, 0), m->word, m->word, m->delay, lane,
        flat_index(e, m->dot->space), m->memory->low >= 0 ? "$unsigned" : "$signed", m->word,
        m->delay, bank_position(e, m->load, alone, 1), w, w);
}

// Blocking assignments, for Verilator unrolls others to arrays. The sums of the last cycles are a
// ring, so that none is moved: a delay is the distance of where they are read from where they are
// written. No other block looks at these variables but at sums that this cycle leaves alone.
const char *emit_merged(struct emit *e, const struct op *dot) {
    const struct op *load = merged_load(e, dot);
    const struct op_time *t = &e->s->time[dot->id];
    struct merged m = {.dot = dot,
                       .load = load,
                       .columns = dot->in[dot->in[0] == load],
                       .memory = &e->p->memories[load->imm],
                       .sum = value_name(e, dot),
                       .word = name_of(e, e->p->memories[load->imm].name, load),
                       .stage = t->start + 1,
                       .delay = t->start + 1 - e->s->time[load->id].start,
                       .edges = t->ready - t->start - 1,
                       .width = dot->width > 32 ? 64 : 32};
    struct text *logic = &e->m->logic;
    const int w = m.width - 1, lane = (int)dot->imm;
    declare_scalars(e, &m);
    // Whole powers of two: Verilator compares no index with the size then.
    const int ring_bits = ir_index_bits(m.edges + 1);
    put(logic,
        "  localparam int %s_room = 1 << $clog2(%s);\n  logic signed [31:0] %s_mem [%d] [%d] "
        "[%s_room];\n"
        "  logic signed [%d:0] %s_h [%d] [%s_room];\n"
        "  logic [%d:0] %s_at = '0, %s_next, %s_due;\n"
        "  assign %s_next = %s_at + %d'd1;\n  assign %s_due = %s_at - %d'd%d;\n",
        m.sum, size_text(e, dot->space), m.word, 1 << ir_index_bits(m.memory->words),
        1 << ir_index_bits(e->p->lanes[lane].count), m.sum, w, m.sum, 1 << ring_bits, m.sum,
        ring_bits - 1, m.sum, m.sum, m.sum, m.sum, m.sum, ring_bits, m.sum, m.sum, ring_bits,
        m.edges - 1);
    put(logic, "  always_ff @(posedge clk_i) begin\n    %s_at <= %s_next;\n", m.sum, m.sum);
    delay_port(e, &m);
    if (ir_adds(dot)) {
        const char *row = flat_index(e, dot->space);
        open_loops(e, logic, dot->space, "    ");
        put(logic, "      %s_h[%s_at][%s] = %s_h[%s_at][%s] + %s;\n", m.sum, m.sum, row, m.sum,
            m.sum, row, operand(e, dot->in[2], m.stage + 1, m.width));
    }
    emit_columns(e, &m);
    emit_sums(e, &m);
    emit_stores(e, &m);
    put(logic, "  end\n");
    return arena_printf(e->cc, "%d'(%s_h[%s_due][%s])", dot->width, m.sum, m.sum,
                        flat_index(e, dot->space));
}
