// SPDX-License-Identifier: Apache-2.0
// The control of a process: conditions that are told in registers, the step that is picked, the
// counters that issue iterations. What an issue moves lies one function behind it.
#include "control.h"
#include "depth.h"
#include "emit.h"

#include <string.h>

const char *join(struct emit *e, const char *all, const char *between, const char *one) {
    return all ? arena_printf(e->cc, "%s%s%s", all, between, one) : one;
}

const char *region_name(struct emit *e, int r) {
    return arena_printf(e->cc, "%s_%d", safe_name(e, e->p->regions[r]->name), r);
}

void at_region(struct emit *e, int r) {
    e->region = r;
    e->r = e->p->regions[r];
    e->s = e->r->schedule;
}

const char *flag_text(struct emit *e, const struct op *op) {
    return operand(e, op, 0, 1);
}

int writes_of(const struct emit *e, int stream) {
    int writes;
    most_words(e->r, stream, &writes);
    return writes;
}

static int step_of(const struct emit *e, int r) {
    for (int i = 0; i < e->p->step_count; i++)
        if (e->p->steps[i].kind == STEP_REGION && e->p->steps[i].region == r)
            return i;
    return -1;
}

// ---- conditions

// The register in which the condition of a step stands; NULL: it is always taken.
static const char *condition_of(struct emit *e, int step) {
    const struct op *condition = step_condition(e->p, step);
    int64_t value;
    if (!condition)
        return NULL;
    return ir_is_const(condition, &value)
               ? "1'b0"
               : invariant_name(e, condition,
                                invariant_by_register(e->p, condition, BY_PIPELINE(e->p)));
}

// Does one of the loops have no round?
static const char *no_rounds(struct emit *e, const struct region *r, bool at_ports) {
    struct emit at = *e;
    at.at_ports = at_ports;
    at.behind = behind_empty(e->p->target, r);
    const char *zero = NULL;
    for (int i = 0; i < r->levels; i++) {
        const struct level *level = &r->level[i];
        if (level->trips >= 0 || !level_may_be_empty(level))
            continue;
        const int start = ir_signed_width(level->start, level->start);
        const int w = (level->limit->width > start ? level->limit->width : start) + 1;
        zero = join(e, zero, " || ",
                    arena_printf(e->cc, "%s %s %s", literal(e, level->start, w),
                                 level->inclusive ? ">" : ">=", operand(&at, level->limit, 0, w)));
    }
    return zero;
}

// Whether a loop has no round is told in a register, as a run starts or in each cycle.
static void emit_empty(struct emit *e, int r) {
    const struct region *region = e->p->regions[r];
    const bool told = is_told_empty(e->p, region);
    const char *name = region_name(e, r);
    put(&e->m->declarations, "  logic %s_empty_q;\n", name);
    put(&e->m->registers, "    %s%s_empty_q <= %s;\n", told ? "if (start_i) " : "", name,
        no_rounds(e, region, told));
}

// ---- loops

// The last iteration of each level is known in a register as it begins. For a limit that is known
// at run time only, from how far on the next index is the last one is computed as the loop is
// picked.
static const char *emit_last(struct emit *e, const struct level *level, const char *q,
                             const char *last, const char **first) {
    const struct op *index = level->index;
    if (level->trips >= 0) {
        *first = "1'b0";
        const wide before = level->start + (wide)(level->trips - 2) * level->step;
        return arena_printf(e->cc, "%s == %s", q, literal(e, before, index->width));
    }
    const struct op *limit = level->limit;
    struct emit at = *e;
    at.behind = behind_limit(e->p->target, level);
    const wide next = (wide)level->start + level->step;
    int w = ir_signed_width(next, next);
    w = (limit->width > w ? limit->width : w) + 1;
    *first = arena_printf(e->cc, "(%s %s %s)", literal(e, next, w),
                          level->inclusive ? ">" : ">=", operand(&at, limit, 0, w));
    w = ir_signed_width(limit->low - 2 * (wide)level->step, limit->high);
    w = limit->width > w ? limit->width : w;
    w = index->width >= w ? index->width + 1 : w;
    const char *from = arena_printf(e->cc, "%.*s_from_q", (int)(strlen(last) - 7), last);
    declare_value(e, from, w, 0);
    put(&e->m->registers, "    %s <= %s - %s;\n", from, operand(&at, limit, 0, w),
        literal(e, 2 * (wide)level->step, w));
    const char *now = index->width == 1 ? arena_printf(e->cc, "$signed({1'b0, %s})", q) : q;
    return arena_printf(e->cc, "%d'(%s) %s %s", w, now, level->inclusive ? ">" : ">=", from);
}

static void emit_counters(struct emit *e, int r) {
    struct text *t = &e->m->logic, *ff = &e->m->registers;
    const char *name = region_name(e, r);
    const struct region *region = e->r;
    const char *all = NULL, *breaks = NULL;
    if (region->break_if)
        breaks = operand(e, region->break_if, e->s->break_stage, 1);
    for (int i = region->levels - 1; i >= 0; i--) {
        const struct level *level = &region->level[i];
        const int width = level->index->width;
        const char *level_name = arena_printf(e->cc, "%s_%s", name, safe_name(e, level->name));
        const char *q = arena_printf(e->cc, "%s_q", level_name);
        const char *start = literal(e, level->start, width), *end;
        const char *broken = region->breaks_all || i == region->levels - 1 ? breaks : NULL;
        declare_value(e, q, width, 0);
        if (level->trips >= 0 && level->trips < 2) {
            put(t, "  assign %s = %s;\n", q, start);
            end = "1'b1";
        } else {
            const char *last = arena_printf(e->cc, "%s_last_q", level_name), *first;
            const char *next = emit_last(e, level, q, last, &first);
            end = arena_printf(e->cc, "%s_end", level_name);
            put(&e->m->declarations, "  logic %s, %s;\n", last, end);
            put(t, "  assign %s = %s%s%s;\n", end, last, broken ? " || " : "",
                broken ? broken : "");
            const char *advance = valid_at(e, r, e->s->break_stage);
            put(ff,
                "    if (!run_q[%d]) begin\n      %s <= %s;\n      %s <= %s;\n"
                "    end else if (%s) begin\n      %s <= %s ? %s : ",
                r, q, start, last, first, join(e, all, " && ", advance), q, end, start);
            if (width == 1)
                put(ff, "1'b1");
            else
                put(ff, "%s + %s", q, literal(e, level->step, width));
            put(ff, ";\n      %s <= %s ? %s : %s;\n    end\n", last, end, first, next);
        }
        all = join(e, all, " && ", end);
    }
    put(&e->m->declarations, "  logic %s_end;\n", name);
    if (region->repeats)
        all = breaks ? breaks : "1'b0";
    put(t, "  assign %s_end = %s;\n", name, all ? all : "1'b1");
}

// What an iteration needs, beside room and words.
static const char *emit_interval(struct emit *e, const char *name, int r) {
    if (e->s->ii <= 1)
        return "";
    const int bits = ir_index_bits(e->s->ii);
    put(&e->m->declarations, "  logic [%d:0] %s_wait_q;\n", bits - 1, name);
    put(&e->m->registers,
        "    %s_wait_q <= !run_q[%d] ? '0 : %s_issue ? %d'd%d : %s_wait_q - %d'(%s_wait_q != "
        "'0);\n",
        name, r, name, bits, e->s->ii - 1, name, bits, name);
    return arena_printf(e->cc, " && %s_wait_q == '0", name);
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
        const bool asks = op->code == IR_READ ||
                          (writes_of(e, (int)op->imm) == 1 && told_at_issue(e->p, e->s, op->in[0]));
        if (op->in[0] && asks)
            ok = arena_printf(e->cc, "(!%s || %s)", flag_text(e, op->in[0]), ok);
        const char **all = op->code == IR_READ ? &inputs : &room;
        *all = join(e, *all, " && ", ok);
    }
    const char *asked = e->r->more < 0 ? NULL : safe_name(e, e->p->streams[e->r->more].name);
    if (asked)
        inputs = join(e, inputs, " && ", arena_printf(e->cc, "%s_valid_i", asked));
    put(&e->m->declarations, "  logic %s_inputs, %s_rooms, %s_issue, %s_enter;\n", name, name, name,
        name);
    put(&e->m->logic, "  assign %s_inputs = %s;\n  assign %s_rooms = %s;\n", name,
        inputs ? inputs : "1'b1", name, room ? room : "1'b1");
    const char *more = emit_interval(e, name, r);
    const char *stops = NULL;
    if (asked)
        stops = arena_printf(e->cc, "%s && %s_end_i && !%s_valid_i", more, asked, asked);
    if (e->r->go_on) {
        stops = arena_printf(e->cc, "%s && !%s", more, flag_text(e, e->r->go_on));
        more = arena_printf(e->cc, "%s && %s", more, flag_text(e, e->r->go_on));
    }
    put(&e->m->logic, "  assign %s_issue = run_q[%d] && %s_inputs && %s_rooms%s;\n", name, r, name,
        name, more);
    put(&e->m->logic, "  assign %s_enter = phase_q == PICK && pick[%d];\n", name, step_of(e, r));
    const int last = e->s->depth > 1 ? e->s->depth - 1 : 1;
    put(&e->m->declarations, "  logic [%d:1] %s_valid_q;\n", last, name);
    if (last > 1)
        put(&e->m->registers, "    %s_valid_q <= rst_ni ? {%s_valid_q[%d:1], %s_issue} : '0;\n",
            name, name, last - 1, name);
    else
        put(&e->m->registers, "    %s_valid_q <= rst_ni ? %s_issue : 1'b0;\n", name, name);
    // The loop runs until its last iteration has been issued.
    const bool is_once = !e->r->levels && !e->r->repeats;
    const char *ends =
        is_once ? arena_printf(e->cc, "%s_issue", name)
                : arena_printf(e->cc, "(%s && %s_end)", valid_at(e, r, e->s->break_stage), name);
    if (stops) {
        put(&e->m->declarations, "  logic %s_stop;\n", name);
        put(&e->m->logic, "  assign %s_stop = run_q[%d]%s;\n", name, r, stops);
        ends = arena_printf(e->cc, "%s || %s_stop", ends, name);
    }
    if (is_never_run(e->r)) {
        put(&e->m->registers, "    run_q[%d] <= 1'b0;\n", r);
        return;
    }
    const char *runs = arena_printf(e->cc, "%s_enter", name);
    if (may_be_empty(e->r)) {
        emit_empty(e, r);
        runs = arena_printf(e->cc, "%s && !%s_empty_q", runs, name);
    }
    put(&e->m->registers, "    run_q[%d] <= rst_ni && (%s || (run_q[%d] && !(%s)));\n", r, runs, r,
        ends);
}

void emit_loop_control(struct emit *e, int r) {
    declare_of(e, e->r->loc);
    emit_counters(e, r);
    emit_issue(e, r);
}

// ---- waiting until what stands still has settled

static const char *const still[ORIGINS] = {"scalars_still_q", "registers_still_q"};

// Text that holds when scalars and registers have stood still for so many cycles; NULL: always.
static const char *have_settled(struct emit *e, const int *cycles) {
    const char *all = NULL;
    for (int k = 0; k < ORIGINS; k++)
        if (cycles[k] > 0)
            all = join(e, all, " && ", arena_printf(e->cc, "%s[%d]", still[k], cycles[k]));
    return all;
}

// A bit for each number of cycles up to the greatest that is waited for. False: no step waits.
static bool emit_settling(struct emit *e) {
    const struct process *p = e->p;
    bool waits = false;
    const char *changes[ORIGINS] = {"start_i", "start_i || (phase_q == RUN && !drained)"};
    for (int r = 0; r < p->region_count; r++)
        changes[FROM_REGISTERS] =
            arena_printf(e->cc, "%s || %s_enter", changes[FROM_REGISTERS], region_name(e, r));
    for (int k = 0; k < ORIGINS; k++) {
        int most = 0;
        for (int i = 0; i < p->step_count; i++)
            most = p->steps[i].settles[k] > most ? p->steps[i].settles[k] : most;
        if (!most)
            continue;
        waits = true;
        put(&e->m->declarations, "  logic [%d:1] %s;\n", most, still[k]);
        put(&e->m->registers, "    %s <= %s ? '0 : %d'({%s, 1'b1});\n", still[k], changes[k], most,
            still[k]);
    }
    return waits;
}

// ---- steps

// The first step that wants to run, from the place on where the search goes on. Where it is not
// known yet whether one wants to, it is waited for.
static void emit_search(struct emit *e, const bool *is_place) {
    const struct process *p = e->p;
    struct text *t = &e->m->logic;
    const int n = p->step_count;
    for (int i = 0; i <= n; i++) {
        const char *here = is_place[i] ? arena_printf(e->cc, "place_q[%d]", i) : NULL;
        const char *before = i > 0 ? condition_of(e, i - 1) : NULL;
        if (before) {
            const char *known = have_settled(e, p->steps[i - 1].knows);
            here = join(e, here, " || ",
                        arena_printf(e->cc, "(reach_%d && !%s%s%s)", i - 1, before,
                                     known ? " && " : "", known ? known : ""));
        }
        put(&e->m->declarations, "  logic reach_%d;\n", i);
        put(t, "  assign reach_%d = %s;\n", i, here ? here : "1'b0");
        if (i == n)
            break;
        const struct step *step = &p->steps[i];
        const char *want = condition_of(e, i), *settled = have_settled(e, step->settles);
        want = settled ? join(e, want, " && ", settled) : want;
        put(t, "  assign found[%d] = reach_%d%s%s; // line %d", i, i, want ? " && " : "",
            want ? want : "", step->loc.line);
        if (step->kind == STEP_JUMP)
            put(t, ": jumps to step %d", step->target);
        put(t, "\n");
    }
}

// Where the search goes on behind what is picked.
static void emit_places(struct emit *e, const bool *is_place, bool waits) {
    const struct process *p = e->p;
    for (int k = 0; k <= p->step_count; k++) {
        const char *from = NULL;
        for (int i = 0; i < p->step_count; i++)
            if (p->steps[i].kind == STEP_JUMP ? p->steps[i].target == k : i + 1 == k)
                from = join(e, from, " || ", arena_printf(e->cc, "pick[%d]", i));
        if (is_place[k])
            put(&e->m->registers,
                "    if (phase_q == IDLE) place_q[%d] <= 1'b%d;\n"
                "    else if (phase_q == PICK%s) place_q[%d] <= %s;\n",
                k, k == 0, waits ? " && |pick" : "", k, from ? from : "1'b0");
        else
            put(&e->m->registers, "    place_q[%d] <= 1'b0;\n", k);
    }
}

static void emit_phases(struct emit *e, const char *skips, bool waits) {
    struct text *ff = &e->m->registers;
    const bool late = e->p->picks_late;
    const char *again = late ? "LOOK" : "PICK";
    put(&e->m->declarations, "  localparam logic [2:0] IDLE = 0, PICK = 1, RUN = 2, FLUSH = 3%s;\n",
        late ? ", LOOK = 4" : "");
    put(ff,
        "    case (phase_q)\n      IDLE: if (start_i) phase_q <= %s;\n"
        "      PICK:\n        if (reach_end) phase_q <= FLUSH;\n",
        again);
    if (skips)
        put(ff, "        else if (%s) phase_q <= %s;\n", skips, again);
    put(ff, "        else %sphase_q <= RUN;\n      RUN: if (drained) phase_q <= %s;\n",
        waits ? "if (|pick) " : "", again);
    if (late)
        put(ff, "      LOOK: phase_q <= PICK;\n");
    put(ff, "      default: if (flushed) phase_q <= IDLE;\n    endcase\n"
            "    if (!rst_ni) phase_q <= IDLE;\n");
}

static const char *all_flushed(struct emit *e) {
    const char *empty = NULL;
    for (int i = 0; i < e->p->stream_count; i++) {
        const struct stream *s = &e->p->streams[i];
        if (!s->is_output || s->partner >= 0)
            continue;
        const char *name = safe_name(e, s->name);
        empty = join(e, empty, " && ",
                     crossing_of(e->net, s) ? arena_printf(e->cc, "%s_idle", name)
                                            : arena_printf(e->cc, "!%s_valid_o", name));
    }
    return empty ? empty : "1'b1";
}

static void emit_activity(struct emit *e) {
    struct text *t = &e->m->logic;
    const char *valid = NULL, *busy = NULL, *starved = NULL, *blocked = NULL;
    for (int r = 0; r < e->p->region_count; r++) {
        const char *name = region_name(e, r);
        valid = join(e, valid, " || ", arena_printf(e->cc, "(|%s_valid_q)", name));
        busy = join(e, busy, " || ", arena_printf(e->cc, "%s_issue", name));
        starved =
            join(e, starved, " || ", arena_printf(e->cc, "(run_q[%d] && !%s_inputs)", r, name));
        blocked = join(e, blocked, " || ",
                       arena_printf(e->cc, "(run_q[%d] && %s_inputs && !%s_rooms)", r, name, name));
    }
    // One that has ended waits for its last words to be taken outside (docs/profile.md).
    for (int i = 0; i < e->p->stream_count; i++) {
        const struct stream *s = &e->p->streams[i];
        if (s->is_output && s->partner < 0 && s->channel < 0)
            blocked = join(
                e, blocked, " || ",
                arena_printf(e->cc, "(phase_q == FLUSH && %s_valid_o)", safe_name(e, s->name)));
    }
    put(t, "  assign drained = !(|run_q || %s);\n", valid);
    put(t, "  assign busy_o = %s;\n  assign starved_o = %s;\n  assign blocked_o = %s;\n", busy,
        starved, blocked);
    put(t, "  assign flushed = %s;\n  assign done_o = phase_q == FLUSH && flushed;\n",
        all_flushed(e));
}

// A run goes through the steps: the first one that wants to is picked, a loop runs and drains, a
// jump goes on elsewhere.
void emit_steps(struct emit *e) {
    const struct process *p = e->p;
    struct text *d = &e->m->declarations, *t = &e->m->logic;
    const int n = p->step_count;
    bool *is_place = arena_alloc(e->cc, (size_t)n + 2);
    const char *skips = NULL;
    if (p->function)
        declare_of(e, p->function->loc);
    put(d,
        "  logic [2:0] phase_q;\n  logic [%d:0] found, pick;\n  logic [%d:0] place_q;\n"
        "  logic [%d:0] run_q;\n  logic reach_end, drained, flushed;\n",
        n - 1, n, p->region_count - 1);
    is_place[0] = true;
    for (int i = 0; i < n; i++) {
        const struct region *r = step_region(p, i);
        is_place[r ? i + 1 : p->steps[i].target] = true;
        if (!r || is_never_run(r))
            skips = join(e, skips, " || ", arena_printf(e->cc, "pick[%d]", i));
        else if (may_be_empty(r))
            skips = join(e, skips, " || ",
                         arena_printf(e->cc, "(pick[%d] && %s_empty_q)", i,
                                      region_name(e, p->steps[i].region)));
    }
    const bool waits = emit_settling(e);
    emit_search(e, is_place);
    if (p->picks_late) {
        put(d, "  logic [%d:0] found_q;\n  logic reach_end_q;\n", n - 1);
        put(&e->m->registers, "    found_q <= found;\n    reach_end_q <= reach_%d;\n", n);
        put(t, "  assign pick = found_q;\n  assign reach_end = reach_end_q;\n");
    } else {
        put(t, "  assign pick = found;\n  assign reach_end = reach_%d;\n", n);
    }
    emit_places(e, is_place, waits);
    emit_phases(e, skips, waits);
    emit_activity(e);
}
