// SPDX-License-Identifier: Apache-2.0
// A process's module: the control that runs its loops one after another, the counters that issue
// iterations, the streams, and, through emit_op.c and emit_tile.c, the pipelines.
//
// An iteration is issued when every stream that it reads offers a word and every FIFO that it
// writes has room for it. From then on it only moves on: nothing in the pipelines ever waits.
#include "emit.h"

#include "depth.h"

static const char *join(struct emit *e, const char *all, const char *between, const char *one) {
    return all ? arena_printf(e->cc, "%s%s%s", all, between, one) : one;
}

static const char *region_name(struct emit *e, int r) {
    return arena_printf(e->cc, "%s_%d", safe_name(e, e->p->regions[r]->name), r);
}

static int step_of(const struct emit *e, int r) {
    for (int i = 0; i < e->p->step_count; i++)
        if (e->p->steps[i].kind == STEP_REGION && e->p->steps[i].region == r)
            return i;
    return -1;
}

static void at_region(struct emit *e, int r) {
    e->region = r;
    e->r = e->p->regions[r];
    e->s = e->r->schedule;
}

int output_depth(const struct network *net, const struct process *p, int stream) {
    const struct stream *s = &p->streams[stream];
    const int asked = base_depth(p, stream, asked_depth(net, s), crossing_of(net, s));
    return s->needed > asked ? s->needed : asked;
}

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

static const char *flag(struct emit *e, const struct op *op) {
    return operand(e, op, 0, 1);
}

// What the control looks at between the pipelines.
static const char *between(struct emit *e, const struct op *op, int width) {
    struct emit at = *e;
    at.behind = behind_condition(e->p, op);
    return operand(&at, op, 0, width);
}

// ---- control

static void emit_counters(struct emit *e, int r) {
    struct text *t = &e->m->logic, *ff = &e->m->registers;
    const char *name = region_name(e, r);
    const struct region *region = e->r;
    const char *all = NULL;
    for (int i = region->levels - 1; i >= 0; i--) {
        const struct level *level = &region->level[i];
        const struct op *index = level->index;
        const char *q = arena_printf(e->cc, "%s_%s_q", name, safe_name(e, level->name));
        const char *end = arena_printf(e->cc, "%s_%s_last", name, safe_name(e, level->name));
        declare_value(e, q, index->width, 0);
        put(&e->m->declarations, "  logic %s;\n", end);
        const char *last;
        if (level->trips >= 0) {
            const wide value =
                level->start + (level->trips > 0 ? level->trips - 1 : 0) * level->step;
            last = level->trips <= 1
                       ? "1'b1"
                       : arena_printf(e->cc, "%s == %s", q, literal(e, value, index->width));
        } else {
            const int w =
                (index->width > level->limit->width ? index->width : level->limit->width) + 2;
            const char *sum =
                arena_printf(e->cc, "%d'(%s) + %s", w,
                             index->width == 1 ? arena_printf(e->cc, "$signed({1'b0, %s})", q) : q,
                             literal(e, level->step, w));
            last = arena_printf(e->cc, "%s %s %s", sum,
                                level->inclusive ? ">" : ">=", operand(e, level->limit, 0, w));
        }
        if (i == region->levels - 1 && region->break_if)
            last = arena_printf(e->cc, "%s || %s", last,
                                operand(e, region->break_if, e->s->break_stage, 1));
        put(t, "  assign %s = %s;\n", end, last);
        put(ff, "    if (%s_enter) %s <= %s;\n", name, q, literal(e, level->start, index->width));
        const char *advance = valid_at(e, r, e->s->break_stage);
        const char *condition = all ? arena_printf(e->cc, "%s && %s", advance, all) : advance;
        if (index->width == 1)
            put(ff, "    else if (%s) %s <= %s ? %s : 1'b1;\n", condition, q, end,
                literal(e, level->start, 1));
        else
            put(ff, "    else if (%s) %s <= %s ? %s : %s + %s;\n", condition, q, end,
                literal(e, level->start, index->width), q, literal(e, level->step, index->width));
        all = all ? arena_printf(e->cc, "%s && %s", all, end) : end;
    }
    put(&e->m->declarations, "  logic %s_end;\n", name);
    if (region->repeats)
        all = region->break_if ? operand(e, region->break_if, e->s->break_stage, 1) : "1'b0";
    put(t, "  assign %s_end = %s;\n", name, all ? all : "1'b1");
}

static bool early_guard(const struct emit *e, const struct op *guard) {
    return told_at_issue(e->s, guard);
}

static int writes_of(const struct emit *e, int stream) {
    int writes;
    most_words(e->r, stream, &writes);
    return writes;
}

static void emit_issue(struct emit *e, int r) {
    const char *name = region_name(e, r), *inputs = NULL, *room = NULL;
    for (int i = 0; i < e->r->effect_count; i++) {
        const struct op *op = e->r->effects[i];
        if (op->code != IR_READ && op->code != IR_WRITE)
            continue;
        const char *stream = safe_name(e, e->p->streams[op->imm].name);
        const char *ok =
            arena_printf(e->cc, op->code == IR_READ ? "%s_valid_i" : "%s_room", stream);
        // One of several writes takes its credit whatever its guard says.
        const bool alone = op->code == IR_READ || writes_of(e, (int)op->imm) == 1;
        if (op->in[0] && alone && early_guard(e, op->in[0]))
            ok = arena_printf(e->cc, "(!%s || %s)", flag(e, op->in[0]), ok);
        const char **all = op->code == IR_READ ? &inputs : &room;
        *all = *all ? arena_printf(e->cc, "%s && %s", *all, ok) : ok;
    }
    const char *asked = e->r->more < 0 ? NULL : safe_name(e, e->p->streams[e->r->more].name);
    if (asked)
        inputs = join(e, inputs, " && ", arena_printf(e->cc, "%s_valid_i", asked));
    put(&e->m->declarations, "  logic %s_inputs, %s_rooms, %s_issue, %s_enter;\n", name, name, name,
        name);
    put(&e->m->logic, "  assign %s_inputs = %s;\n  assign %s_rooms = %s;\n", name,
        inputs ? inputs : "1'b1", name, room ? room : "1'b1");
    const char *more = ""; // what else an iteration waits for
    if (e->s->ii > 1) {
        const int bits = ir_index_bits(e->s->ii);
        put(&e->m->declarations, "  logic [%d:0] %s_wait_q;\n", bits - 1, name);
        put(&e->m->registers,
            "    %s_wait_q <= %s_enter ? '0 : %s_issue ? %d'd%d : %s_wait_q - %d'(%s_wait_q != "
            "'0);\n",
            name, name, name, bits, e->s->ii - 1, name, bits, name);
        more = arena_printf(e->cc, " && %s_wait_q == '0", name);
    }
    if (e->r->go_on)
        more = arena_printf(e->cc, "%s && %s", more, flag(e, e->r->go_on));
    put(&e->m->logic, "  assign %s_issue = run_q[%d] && %s_inputs && %s_rooms%s;\n", name,
        step_of(e, r), name, name, more);
    put(&e->m->logic, "  assign %s_enter = phase_q == PICK && pick[%d];\n", name, step_of(e, r));
    if (asked) {
        put(&e->m->declarations, "  logic %s_stop;\n", name);
        put(&e->m->logic, "  assign %s_stop = run_q[%d]%s && %s_end_i && !%s_valid_i;\n", name,
            step_of(e, r), e->s->ii > 1 ? arena_printf(e->cc, " && %s_wait_q == '0", name) : "",
            asked, asked);
    }
    if (e->r->go_on) {
        put(&e->m->declarations, "  logic %s_stop;\n", name);
        put(&e->m->logic, "  assign %s_stop = run_q[%d]%s && !%s;\n", name, step_of(e, r),
            e->s->ii > 1 ? arena_printf(e->cc, " && %s_wait_q == '0", name) : "",
            flag(e, e->r->go_on));
    }
    const int last = e->s->depth > 1 ? e->s->depth - 1 : 1;
    put(&e->m->declarations, "  logic [%d:1] %s_valid_q;\n", last, name);
    if (last > 1)
        put(&e->m->registers, "    %s_valid_q <= rst_ni ? {%s_valid_q[%d:1], %s_issue} : '0;\n",
            name, name, last - 1, name);
    else
        put(&e->m->registers, "    %s_valid_q <= rst_ni ? %s_issue : 1'b0;\n", name, name);
}

// Would the region do nothing, for one of its loops has no round?
static const char *no_rounds(struct emit *e) {
    const char *zero = NULL;
    for (int i = 0; i < e->r->levels; i++) {
        const struct level *level = &e->r->level[i];
        const char *now = NULL;
        if (level->trips == 0)
            now = "1'b1";
        if (level->trips < 0) {
            const int w = level->limit->width + 2 > 40 ? level->limit->width + 2 : 40;
            now = arena_printf(e->cc, "%s %s %s", literal(e, level->start, w),
                               level->inclusive ? ">" : ">=", between(e, level->limit, w));
        }
        if (now)
            zero = zero ? arena_printf(e->cc, "%s || %s", zero, now) : now;
    }
    return zero ? zero : "1'b0";
}

static const char *const still[ORIGINS] = {"scalars_still_q", "registers_still_q"};

// The highest number that each counter of `still` has to reach.
static void most_settling(const struct process *p, int *most) {
    most[FROM_SCALARS] = most[FROM_REGISTERS] = 0;
    for (int i = 0; i < p->step_count; i++)
        for (int k = 0; k < ORIGINS; k++)
            if (p->steps[i].settles[k] > most[k])
                most[k] = p->steps[i].settles[k];
}

// Have scalars and registers not yet stood still for so many cycles? NULL: that takes none.
static const char *too_early(struct emit *e, const int *cycles) {
    int most[ORIGINS];
    const char *early = NULL;
    most_settling(e->p, most);
    for (int k = 0; k < ORIGINS; k++)
        if (cycles[k] > 0)
            early = join(e, early, " || ",
                         arena_printf(e->cc, "%s < %d'd%d", still[k], ir_index_bits(most[k] + 1),
                                      cycles[k]));
    return early;
}

// The counters, and the steps that have to wait for them. False: none has.
static bool emit_settling(struct emit *e) {
    struct text *d = &e->m->declarations, *t = &e->m->logic, *ff = &e->m->registers;
    const int n = e->p->step_count;
    int most[ORIGINS];
    most_settling(e->p, most);
    if (!most[FROM_SCALARS] && !most[FROM_REGISTERS])
        return false;
    const char *changes[ORIGINS] = {"start_i",
                                    "start_i || phase_q == RUN || (phase_q == DRAIN && !drained)"};
    for (int r = 0; r < e->p->region_count; r++)
        changes[FROM_REGISTERS] =
            arena_printf(e->cc, "%s || %s_enter", changes[FROM_REGISTERS], region_name(e, r));
    for (int k = 0; k < ORIGINS; k++) {
        const int bits = ir_index_bits(most[k] + 1);
        if (!most[k])
            continue;
        put(d, "  logic [%d:0] %s;\n", bits - 1, still[k]);
        put(ff, "    if (%s) %s <= '0;\n    else if (%s != %d'd%d) %s <= %s + %d'd1;\n", changes[k],
            still[k], still[k], bits, most[k], still[k], still[k], bits);
    }
    put(d, "  logic [%d:0] unsettled;\n", n - 1);
    for (int i = 0; i < n; i++) {
        const char *early = too_early(e, e->p->steps[i].settles);
        put(t, "  assign unsettled[%d] = %s;\n", i, early ? early : "1'b0");
    }
    return true;
}

// Where it is not known yet whether a step wants to run, it is waited for.
static const char *wanted(struct emit *e, int step, const struct op *condition) {
    if (!condition)
        return "";
    const char *now = between(e, condition, 1), *early = too_early(e, e->p->steps[step].knows);
    return early ? arena_printf(e->cc, " && (%s || %s)", now, early)
                 : arena_printf(e->cc, " && %s", now);
}

// A run goes through the steps: the first one that is left to do and wants to is picked, a loop
// runs and drains, a jump names anew what is left.
static void emit_control(struct emit *e) {
    struct text *d = &e->m->declarations, *t = &e->m->logic, *ff = &e->m->registers;
    const int n = e->p->step_count;
    put(d,
        "  localparam logic [2:0] IDLE = 0, PICK = 1, RUN = 2, DRAIN = 3, FLUSH = 4;\n"
        "  logic [2:0] phase_q;\n  logic [%d:0] run_q, todo_q, want, pick, skip;\n  logic "
        "last_issue, drained, flushed;\n",
        n - 1);
    const bool waits = emit_settling(e);
    const char *jump = "";
    const char *last = NULL, *valid = NULL, *busy = NULL, *starved = NULL, *blocked = NULL;
    for (int i = 0; i < n; i++) {
        const struct step *step = &e->p->steps[i];
        if (step->kind == STEP_JUMP) {
            comment_source(e, step->loc);
            put(t, "  assign want[%d] = todo_q[%d]%s; // jumps to step %d\n", i, i,
                wanted(e, i, step->condition), step->target);
            put(t, "  assign skip[%d] = pick[%d];\n", i, i);
            const char *left = step->target >= n
                                   ? arena_printf(e->cc, "%d'd0", n)
                                   : arena_printf(e->cc, "{%d{1'b1}} << %d", n, step->target);
            jump = arena_printf(e->cc, "%spick[%d] ? %s : ", jump, i, left);
            continue;
        }
        at_region(e, step->region);
        put(t, "  assign want[%d] = todo_q[%d]%s;\n", i, i, wanted(e, i, e->r->enable));
        put(t, "  assign skip[%d] = pick[%d] && (%s);\n", i, i,
            ir_only_enters(e->r) ? "1'b1" : no_rounds(e));
    }
    put(t, "  assign pick = want & (~want + %d'd1)%s; // the first step that wants to run\n", n,
        waits ? " & ~unsettled" : "");
    for (int r = 0; r < e->p->region_count; r++) {
        at_region(e, r);
        const char *name = region_name(e, r);
        const char *ends =
            arena_printf(e->cc, "(%s && %s_end)", valid_at(e, r, e->s->break_stage), name);
        if (e->s->break_stage > 0 && e->r->levels == 0 && !e->r->repeats)
            ends = arena_printf(e->cc, "%s_issue", name);
        last = join(e, last, " || ", ends);
        if (e->r->go_on || e->r->more >= 0)
            last = join(e, last, " || ", arena_printf(e->cc, "%s_stop", name));
        valid = join(e, valid, " || ", arena_printf(e->cc, "(|%s_valid_q)", name));
        busy = join(e, busy, " || ", arena_printf(e->cc, "%s_issue", name));
        const int i = step_of(e, r);
        starved =
            join(e, starved, " || ", arena_printf(e->cc, "(run_q[%d] && !%s_inputs)", i, name));
        blocked = join(e, blocked, " || ",
                       arena_printf(e->cc, "(run_q[%d] && %s_inputs && !%s_rooms)", i, name, name));
    }
    put(t, "  assign last_issue = %s;\n  assign drained = !(%s);\n", last, valid);
    put(t, "  assign busy_o = %s;\n  assign starved_o = %s;\n  assign blocked_o = %s;\n", busy,
        starved, blocked);
    const char *empty = NULL;
    for (int i = 0; i < e->p->stream_count; i++) {
        const struct stream *s = &e->p->streams[i];
        if (!s->is_output || s->partner >= 0)
            continue;
        const char *name = safe_name(e, s->name);
        const int depth = output_depth(e->net, e->p, i);
        empty = join(e, empty, " && ",
                     crossing_of(e->net, s) ? arena_printf(e->cc, "%s_credit_q == %d'd%d", name,
                                                           ir_index_bits(depth + 1), depth)
                                            : arena_printf(e->cc, "!%s_valid_o", name));
    }
    put(t, "  assign flushed = %s;\n  assign done_o = phase_q == FLUSH && flushed;\n",
        empty ? empty : "1'b1");
    put(ff,
        "    case (phase_q)\n"
        "      IDLE: if (start_i) begin phase_q <= PICK; todo_q <= '1; end\n"
        "      PICK: %sbegin\n"
        "        run_q <= pick & ~skip;\n"
        "        todo_q <= %stodo_q & ~(pick | (pick - %d'd1)) & {%d{|pick}};\n"
        "        phase_q <= !(|pick) ? FLUSH : (|skip) ? PICK : RUN;\n"
        "      end\n"
        "      RUN: if (last_issue) begin run_q <= '0; phase_q <= DRAIN; end\n"
        "      DRAIN: if (drained) phase_q <= PICK;\n"
        "      default: if (flushed) phase_q <= IDLE;\n"
        "    endcase\n"
        "    if (!rst_ni) begin phase_q <= IDLE; run_q <= '0; todo_q <= '0; end\n",
        waits ? "if (!(|want) || |pick) " : "", jump, n, n);
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
                now = arena_printf(e->cc, "(%s && %s)", now, flag(e, op->in[0]));
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

// Credits that an iteration of e->r takes as it is issued and those that it gives back for words
// that it turns out not to write.
static void emit_credits(struct emit *e, int r, int stream, int bits, const char **take,
                         const char **cancel) {
    int writes;
    const int words = most_words(e->r, stream, &writes);
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
        if (words > 1) {
            if (guard)
                *cancel = arena_printf(e->cc, "%s + %d'(%s && !%s)", *cancel, bits,
                                       valid_at(e, r, last), operand(e, guard, last, 1));
        } else if (guard) {
            written = join(e, written, " || ", operand(e, guard, last, 1));
        }
    }
    if (!writes)
        return;
    if (words > 1) {
        *take = arena_printf(e->cc, "%s - (%s ? %d'd%d : '0)", *take, issue, bits, words);
        return;
    }
    if (!always && writes == 1 && early_guard(e, guard))
        issue = arena_printf(e->cc, "(%s && %s)", issue, flag(e, guard));
    else if (!always) // reserved although it may write nothing: given back when that shows
        *cancel = arena_printf(e->cc, "%s + %d'(%s && !(%s))", *cancel, bits, valid_at(e, r, last),
                               written);
    *take = arena_printf(e->cc, "%s - %d'(%s)", *take, bits, issue);
}

static void emit_output(struct emit *e, int stream) {
    const struct stream *s = &e->p->streams[stream];
    const char *name = safe_name(e, s->name);
    const int depth = output_depth(e->net, e->p, stream);
    const int bits = ir_index_bits(depth + 1);
    const char *take = "", *cancel = "";
    // What a run leaves in a FIFO that leads back is lost with it.
    const char *keep = s->partner < 0 ? "rst_ni" : "rst_ni && !start_i";
    int most = 1;
    struct text *logic = &e->m->logic;
    put(&e->m->declarations,
        "  logic %s_push, %s_room;\n  logic [%d:0] %s_word;\n  logic [%d:0] %s_credit_q;\n", name,
        name, s->bits - 1, name, bits - 1, name);
    put(logic, "  always_comb begin\n    %s_push = 1'b0;\n    %s_word = 'x; // not looked at\n",
        name, name);
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
            emit_payload(e, op, stage, arena_printf(e->cc, "%s_word", name));
            put(logic, "    end\n");
        }
        emit_credits(e, r, stream, bits, &take, &cancel);
        int writes;
        const int words = most_words(e->r, stream, &writes);
        most = words > most ? words : most;
    }
    put(logic, "  end\n");
    if (most == 1)
        put(logic, "  assign %s_room = %s_credit_q != '0;\n", name, name);
    else
        put(logic, "  assign %s_room = %s_credit_q >= %d'd%d;\n", name, name, bits, most);
    const bool crosses = crossing_of(e->net, s) > 0;
    const char *taken = crosses ? arena_printf(e->cc, "%s_ready_i", name)
                                : arena_printf(e->cc, "%s_valid_o && %s_ready_i", name, name);
    put(&e->m->registers, "    %s_credit_q <= %s ? %s_credit_q%s + %d'(%s)%s : %d'd%d;\n", name,
        keep, name, take, bits, taken, cancel, bits, depth);
    if (crosses) { // the FIFO stands beside the reader (emit_network.c)
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
        line = arena_printf(e->cc, "run_q[%d] ? %d : %s", step_of(e, r), region->loc.line, line);
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
    e.behind = BY_PIPELINE;
    at_region(&e, 0);
    emit_ports(&e);
    emit_control(&e);
    emit_source_line(&e);
    for (int r = 0; r < p->region_count; r++) {
        at_region(&e, r);
        emit_counters(&e, r);
        emit_issue(&e, r);
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
