// SPDX-License-Identifier: Apache-2.0
// A process's module: the streams and, through emit_control.c, emit_op.c and emit_tile.c, the
// control and the pipelines.
//
// An iteration is issued when every stream that it reads offers a word and every FIFO that it
// writes has room for it. From then on it only moves on: nothing in the pipelines ever waits.
#include "emit.h"

#include "depth.h"

enum { MAX_TAKEN = 128 }; // words of a stream in an iteration: no more than its greatest interval

// The ends of a FIFO that leads back into the process are no ports.
static void emit_feedback(struct emit *e, const struct stream *s) {
    const char *name = safe_name(e, s->name);
    const char in = s->is_output ? 'o' : 'i', out = s->is_output ? 'i' : 'o';
    put(&e->m->declarations, "  logic %s_valid_%c, %s_ready_%c;\n  logic [%d:0] %s_data_%c;\n",
        name, in, name, out, s->bits - 1, name, in);
    if (s->is_output)
        return;
    const char *from = safe_name(e, e->p->streams[s->partner].name);
    put(&e->m->logic,
        "  assign %s_valid_i = %s_valid_o;\n  assign %s_data_i = %s_data_o;\n  assign %s_ready_i = "
        "%s_ready_o;\n",
        name, from, name, from, from, name);
}

static void emit_ports(struct emit *e) {
    struct text *t = &e->m->ports;
    put(t,
        "  /// Clock, rising edge.\n  input  logic clk_i,\n  /// Synchronous reset, active low.\n"
        "  input  logic rst_ni,\n  /// Starts a run; a pulse, while no run is going on.\n"
        "  input  logic start_i,\n  /// A pulse at the end of the run: all outputs have been "
        "taken.\n"
        "  output logic done_o,\n");
    for (int i = 0; i < e->p->arg_count; i++) {
        const struct variable *arg = e->net->top->params[e->p->arg_port[i]];
        put(t, "  input  logic [%d:0] %s_i,\n", arg->type->bits - 1, safe_name(e, arg->name));
        put(&e->m->declarations, "  logic [%d:0] %s_q;\n", arg->type->bits - 1,
            safe_name(e, arg->name));
        put(&e->m->registers, "    if (start_i) %s_q <= %s_i;\n", safe_name(e, arg->name),
            safe_name(e, arg->name));
    }
    for (int i = 0; i < e->p->stream_count; i++) {
        const struct stream *s = &e->p->streams[i];
        if (s->partner >= 0) {
            emit_feedback(e, s);
            continue;
        }
        const char *name = safe_name(e, s->name), *in = s->is_output ? "o" : "i",
                   *out = s->is_output ? "i" : "o";
        if (s->is_output && crossing_of(e->net, s))
            put(t, "  /// A word is pushed, whatever %s_ready_i says; that gives a credit back.\n",
                name);
        put(t, "  %s logic %s_valid_%s,\n  %s logic %s_ready_%s,\n  %s logic [%d:0] %s_data_%s,\n",
            s->is_output ? "output" : "input ", name, in, s->is_output ? "input " : "output", name,
            out, s->is_output ? "output" : "input ", s->bits - 1, name, in);
        if (s->asks_more)
            put(t,
                "  /// In this run no word comes behind the one on offer.\n  input  logic "
                "%s_end_i,\n",
                name);
    }
    for (int i = 0; i < e->p->state_count; i++) {
        const struct state *state = &e->p->states[i];
        if (!state->is_probe)
            continue;
        const char *name = safe_name(e, state->name);
        put(t,
            "  /// The register %s, as a number of 64 bits.\n  output logic [63:0] %s_probe_o,\n",
            state->name, name);
        put(&e->m->logic, "  assign %s_probe_o = %s;\n", name, operand(e, state->read, 0, 64));
    }
    put(t, "  /// This cycle: an iteration is issued; one waits for input; one waits for room.\n"
           "  output logic busy_o,\n  output logic starved_o,\n  output logic blocked_o\n");
}

// ---- streams

static void emit_input(struct emit *e, int stream) {
    const char *name = safe_name(e, e->p->streams[stream].name), *take = NULL;
    for (int r = 0; r < e->p->region_count; r++) {
        at_region(e, r);
        for (int i = 0; i < e->r->effect_count; i++) {
            const struct op *op = e->r->effects[i];
            if (op->code != IR_READ || op->imm != stream)
                continue;
            const char *now = arena_printf(e->cc, "%s_issue", region_name(e, r));
            if (op->in[0])
                now = arena_printf(e->cc, "(%s && %s)", now, flag_text(e, op->in[0]));
            take = take ? arena_printf(e->cc, "%s || %s", take, now) : now;
        }
    }
    put(&e->m->logic, "  assign %s_ready_o = %s;\n", name, take);
}

static int lane_of_size(const struct process *p, int64_t size, uint32_t taken) {
    for (int l = 0; l < p->lane_count; l++)
        if (p->lanes[l].count == size && !(taken >> l & 1))
            return l;
    return NO_LANE;
}

static void emit_payload(struct emit *e, const struct op *op, int stage, const char *data) {
    const struct type *type = e->p->streams[op->imm].payload;
    struct text *t = &e->m->logic;
    int64_t at = 0;
    const bool is_struct = type->kind == TYPE_STRUCT;
    for (int i = 0; i < (is_struct ? type->def->field_count : 1); i++) {
        const struct type *leaf = is_struct ? type->def->fields[i].type : type;
        int lane[MAX_DIMS], dims = 0;
        int64_t size[MAX_DIMS], stride[MAX_DIMS + 1];
        uint32_t taken = 0;
        for (; leaf->kind == TYPE_ARRAY; leaf = leaf->elem) {
            size[dims] = leaf->count;
            lane[dims] = lane_of_size(e->p, leaf->count, taken);
            taken |= 1u << lane[dims++];
        }
        stride[dims] = leaf->bits;
        for (int d = dims - 1; d >= 0; d--)
            stride[d] = stride[d + 1] * size[d];
        const char *where = arena_printf(e->cc, "%lld", (long long)at);
        for (int d = 0; d < dims; d++)
            where = arena_printf(e->cc, "%s+i%d*%lld", where, lane[d], (long long)stride[d + 1]);
        open_loops(e, t, taken, "      ");
        const char *value = operand(e, op->in[1 + i], stage, leaf->bits);
        if (e->p->streams[op->imm].bits == 1)
            put(t, "      %s = %s;\n", data, value);
        else
            put(t, "      %s[%s +: %d] = %s;\n", data, where, leaf->bits, value);
        at += stride[0];
    }
}

// What changes the credits of a stream.
struct credits {
    int bits;
    const char *take[MAX_TAKEN + 1]; // by words: when they are taken
    const char *cancelled;           // a sum: those of words that turned out not to be written
};

// Credits that an iteration of e->r takes as it is issued and those that it gives back for words
// that it turns out not to write.
static void count_credits(struct emit *e, int r, int stream, struct credits *c) {
    int writes;
    const int bits = c->bits, words = most_words(e->r, stream, &writes);
    const int last = e->s->write_stage[stream];
    const char *written = NULL, *issue = arena_printf(e->cc, "%s_issue", region_name(e, r));
    const struct op *guard = NULL;
    bool always = false;
    for (int i = 0; i < e->r->effect_count; i++) {
        const struct op *op = e->r->effects[i];
        if (op->code != IR_WRITE || op->imm != stream)
            continue;
        guard = op->in[0];
        always = always || !guard;
        if (guard && words > 1)
            c->cancelled = join(e, c->cancelled, " + ",
                                arena_printf(e->cc, "%d'(%s && !%s)", bits, valid_at(e, r, last),
                                             operand(e, guard, last, 1)));
        else if (guard)
            written = join(e, written, " || ", operand(e, guard, last, 1));
    }
    if (!writes)
        return;
    if (words == 1 && !always && writes == 1 && told_at_issue(e->p, e->s, guard))
        issue = arena_printf(e->cc, "(%s && %s)", issue, flag_text(e, guard));
    else if (words == 1 && !always) // reserved although it may write nothing: given back later
        c->cancelled =
            join(e, c->cancelled, " + ",
                 arena_printf(e->cc, "%d'(%s && !(%s))", bits, valid_at(e, r, last), written));
    c->take[words] = join(e, c->take[words], " || ", issue);
}

static const char *less(struct emit *e, const char *name, int bits, int words) {
    return words ? arena_printf(e->cc, "%s_credits - %d'sd%d", name, bits, words)
                 : arena_printf(e->cc, "%s_credits", name);
}

// The counter stands at zero where there are just enough credits for an iteration: its sign tells
// whether there is room. What comes late, issues and the neighbour's taking, chooses between sums
// that are early.
static void emit_credits(struct emit *e, int stream) {
    const struct stream *s = &e->p->streams[stream];
    const char *name = safe_name(e, s->name);
    const int depth = output_depth(e->net, e->p, stream);
    int most = 1; // words of an iteration: with fewer credits there is no room
    for (int r = 0; r < e->p->region_count; r++) {
        int writes;
        const int words = most_words(e->p->regions[r], stream, &writes);
        most = words > most ? words : most;
    }
    const int bits = ir_signed_width(-most, depth - most);
    struct credits c = {.bits = bits};
    for (int r = 0; r < e->p->region_count; r++) {
        at_region(e, r);
        count_credits(e, r, stream, &c);
    }
    put(&e->m->declarations,
        "  logic %s_room, %s_taken;\n  logic signed [%d:0] %s_credit_q, %s_credits, %s_left;\n",
        name, name, bits - 1, name, name, name);
    // What a run leaves in a FIFO that leads back is lost with it.
    const char *keep = s->partner < 0 ? "rst_ni" : "rst_ni && !start_i";
    const char *credits = arena_printf(e->cc, "%s_credit_q", name);
    if (c.cancelled) {
        put(&e->m->declarations, "  logic [%d:0] %s_cancelled_q;\n", bits - 1, name);
        put(&e->m->registers, "    %s_cancelled_q <= %s ? %s : '0;\n", name, keep, c.cancelled);
        credits = arena_printf(e->cc, "%s + $signed(%s_cancelled_q)", credits, name);
    }
    struct text *logic = &e->m->logic;
    put(logic, "  assign %s_room = !%s_credit_q[%d];\n  assign %s_credits = %s;\n", name, name,
        bits - 1, name, credits);
    put(logic, "  assign %s_taken = %s;\n", name,
        crossing_of(e->net, s) ? arena_printf(e->cc, "%s_ready_i", name)
                               : arena_printf(e->cc, "%s_valid_o && %s_ready_i", name, name));
    put(logic, "  assign %s_left = ", name);
    for (int words = 1; words <= MAX_TAKEN; words++)
        if (c.take[words])
            put(logic, "%s ? (%s_taken ? %s : %s) : ", c.take[words], name,
                less(e, name, bits, words - 1), less(e, name, bits, words));
    put(logic, "%s_taken ? %s_credits + %d'sd1 : %s_credits;\n", name, name, bits, name);
    put(&e->m->registers, "    %s_credit_q <= %s ? %s_left : %d'sd%d;\n", name, keep, name, bits,
        depth - most);
    if (crossing_of(e->net, s)) {
        put(&e->m->declarations, "  logic %s_idle;\n", name);
        put(logic, "  assign %s_idle = %s_credit_q == %d'sd%d;\n", name, name, bits, depth - most);
    }
}

// Which regions write a stream, each with one word an iteration; less than two or others: 0.
static int writing_regions(struct emit *e, int stream, int *regions) {
    int count = 0;
    for (int r = 0; r < e->p->region_count; r++) {
        at_region(e, r);
        const int writes = writes_of(e, stream);
        if (writes > 1)
            return 0;
        if (writes == 1)
            regions[count++] = r;
    }
    return count < 2 ? 0 : count;
}

static const struct op *write_of(const struct emit *e, int stream) {
    for (int i = 0; i < e->r->effect_count; i++)
        if (e->r->effects[i]->code == IR_WRITE && e->r->effects[i]->imm == stream)
            return e->r->effects[i];
    return NULL;
}

// A word of so many bits that several loops write is that of the loop which was entered last: what
// chooses it is known long before, in copies of a register. The loop before has drained by then.
static void emit_wide_choice(struct emit *e, int stream, const int *regions, int count) {
    const struct stream *s = &e->p->streams[stream];
    const char *name = safe_name(e, s->name);
    const int pieces = (s->bits + LOADS_MAX - 1) / LOADS_MAX;
    struct text *logic = &e->m->logic;
    const char *chosen = "";
    for (int i = 0; i < count; i++) {
        at_region(e, regions[i]);
        const struct op *op = write_of(e, stream);
        const char *word = arena_printf(e->cc, "%s_word_r%d", name, regions[i]);
        put(&e->m->declarations, "  logic [%d:0] %s;\n", pieces * LOADS_MAX - 1, word);
        put(logic, "  always_comb begin\n    %s = '0;\n", word);
        emit_payload(e, op, e->s->time[op->id].start, word);
        put(logic, "  end\n");
        const char *own = arena_printf(e->cc, "%s[p*%d +: %d]", word, LOADS_MAX, LOADS_MAX);
        if (i == 0) {
            chosen = own;
            continue;
        }
        chosen = arena_printf(e->cc, "%s ? %s : %s",
                              entered_last(e, name, regions, count, i, pieces, "p"), own, chosen);
    }
    put(&e->m->declarations, "  logic [%d:0] %s_all;\n", pieces * LOADS_MAX - 1, name);
    put(logic, "  always_comb\n    for (int p = 0; p < %d; p++)\n      %s_all[p*%d +: %d] = %s;\n",
        pieces, name, LOADS_MAX, LOADS_MAX, chosen);
    put(logic, "  assign %s_word = %s_all[%d:0];\n", name, name, s->bits - 1);
}

static void emit_output(struct emit *e, int stream) {
    const struct stream *s = &e->p->streams[stream];
    const char *name = safe_name(e, s->name);
    const int depth = output_depth(e->net, e->p, stream);
    struct text *logic = &e->m->logic;
    declare_of(e, s->loc);
    put(&e->m->declarations, "  logic %s_push;\n  logic [%d:0] %s_word;\n", name, s->bits - 1,
        name);
    int *regions = arena_alloc(e->cc, (size_t)(e->p->region_count + 1) * sizeof *regions);
    const int choices = s->bits > LOADS_MAX ? writing_regions(e, stream, regions) : 0;
    if (choices)
        emit_wide_choice(e, stream, regions, choices);
    put(logic, "  always_comb begin\n    %s_push = 1'b0;\n", name);
    if (!choices)
        put(logic, "    %s_word = 'x; // not looked at\n", name);
    int writes_in_all = 0;
    for (int r = 0; r < e->p->region_count; r++) {
        at_region(e, r);
        writes_in_all += writes_of(e, stream);
    }
    for (int r = 0; r < e->p->region_count; r++) {
        at_region(e, r);
        for (int i = 0; i < e->r->effect_count; i++) {
            const struct op *op = e->r->effects[i];
            if (op->code != IR_WRITE || op->imm != stream)
                continue;
            const int stage = e->s->time[op->id].start;
            const char *when = valid_at(e, r, stage), *push = "1'b1";
            if (op->in[0] && writes_in_all == 1) // the word is not chosen by its guard
                push = operand(e, op->in[0], stage, 1);
            else if (op->in[0])
                when = arena_printf(e->cc, "%s && %s", when, operand(e, op->in[0], stage, 1));
            put(logic, "    if (%s) begin\n      %s_push = %s;\n", when, name, push);
            if (!choices)
                emit_payload(e, op, stage, arena_printf(e->cc, "%s_word", name));
            put(logic, "    end\n");
        }
    }
    put(logic, "  end\n");
    emit_credits(e, stream);
    if (crossing_of(e->net, s)) { // the FIFO stands beside the reader (emit_network.c)
        put(logic, "  assign %s_valid_o = %s_push;\n  assign %s_data_o = %s_word;\n", name, name,
            name, name);
        return;
    }
    put(&e->m->declarations, "  logic %s_accepts;\n", name);
    put(&e->m->instances,
        "  `MR_ASSERT(%s_fits, !%s_push || %s_accepts, \"%s: a word came without credit\")\n", name,
        name, name, name);
    put(&e->m->instances,
        "  mr_fifo #(.WIDTH(%d), .DEPTH(%d)) i_%s_fifo (\n    .clk_i, %s, "
        ".in_valid_i(%s_push), "
        ".in_ready_o(%s_accepts), .in_data_i(%s_word),\n    .out_valid_o(%s_valid_o), "
        ".out_ready_i(%s_ready_i), "
        ".out_data_o(%s_data_o));\n",
        s->bits, depth, name, s->partner < 0 ? ".rst_ni" : ".rst_ni(rst_ni && !start_i)", name,
        name, name, name, name, name);
}

// In waveforms: the C line of the loop that runs, beside the valid bits that are named after it.
static void emit_source_line(struct emit *e) {
    const char *line = "0";
    for (int r = e->p->region_count; r-- > 0;) {
        const struct region *region = e->p->regions[r];
        line = arena_printf(e->cc, "run_q[%d] ? %d : %s", r, region->loc.line, line);
    }
    put(&e->m->instances,
        "`ifndef SYNTHESIS\n  int source_line;\n  assign source_line = %s;\n`endif\n", line);
}

const char *emit_process(struct emit *net, struct process *p, const struct tile *tile, FILE *out) {
    struct module m = {0};
    struct emit e = *net;
    e.p = p;
    e.tile = tile;
    e.m = &m;
    e.behind = BY_PIPELINE(e.p);
    for (int r = 0; r < p->region_count; r++) { // before there is text that an error would lose
        at_region(&e, r);
        check_claims(&e);
    }
    at_region(&e, 0);
    emit_ports(&e);
    emit_steps(&e);
    emit_source_line(&e);
    for (int r = 0; r < p->region_count; r++) {
        at_region(&e, r);
        emit_loop_control(&e, r);
    }
    for (int i = 0; i < p->stream_count; i++) {
        if (p->streams[i].is_output)
            emit_output(&e, i);
        else
            emit_input(&e, i);
    }
    at_region(&e, 0);
    emit_invariants(&e);
    emit_states(&e);
    for (int i = 0; i < p->memory_count; i++)
        if (tile->lane == NO_LANE || !tile->memory[i])
            emit_memory(&e, i);
    for (int r = 0; r < p->region_count; r++) {
        at_region(&e, r);
        put(&m.logic, "\n  // ---- loop %s: II %d, %d stages\n", p->regions[r]->name, e.s->ii,
            e.s->depth);
        emit_region_ops(&e);
        emit_pipeline(&e);
        emit_claims(&e);
    }
    if (tile->lane != NO_LANE) {
        at_region(&e, tile->region);
        emit_tile(&e, out);
    }
    const char *name = module_print(&e, out, safe_name(&e, p->name), "",
                                    arena_printf(e.cc, "// Process %s.\n", p->name));
    module_free(&m);
    return name;
}
