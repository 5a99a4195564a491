// SPDX-License-Identifier: Apache-2.0
// Follows the control of a process without its data: loops, branches and registers that depend on
// indices, scalars and constants alone give the order in which it reads and writes its streams.
// `if (i & 1) hls_write(...)` is known for each i; `if (v > 0)` with a v that was read is not, and
// what happens from there on is told as unknown and never guessed.
#include "control.h"
#include "depth_parts.h"
#include "evaluate.h"

#include <stdlib.h>

enum { TRACE_ISSUES = 400000, IDLE_STEPS = 100000 };

struct tracer {
    const struct process *p;
    const struct run *run;
    struct trace *trace;
    int64_t *work;
    // Values of the operations in this iteration, where `stamp` is that of now.
    wide *value;
    bool *known;
    int64_t *stamp, now;
    wide *state;
    bool *state_known;
    bool *relevant; // states that decide
    bool *steady;   // the same at the start of each run, as far as is known
    wide index[MAX_LEVELS];
    const struct watch *watch;
    // The run before: nothing else than these parameters of the top was looked at.
    bool *used;
    int64_t *value_used;
    int port_count;
    bool is_same;
    int64_t gap;              // since the last issue that was noted
    int64_t cycle;            // of the run
    int64_t changed[ORIGINS]; // cycle from which on scalars, and registers, have not changed
    bool over;                // lost, or capped
    int64_t issues;           // that are noted at most
    bool keeps_rows, cut;     // the next iteration begins a row
};

// ---- values

static bool get(struct tracer *t, const struct op *op, wide *value);

static int64_t use_port(struct tracer *t, int port) {
    t->used[port] = true;
    return t->value_used[port] = t->run->port[port];
}

static bool load_table(struct tracer *t, const struct op *op, wide *value) {
    const struct memory *m = &t->p->memories[op->imm];
    wide at = 0;
    if (m->kind != MEMORY_ROM || m->banks != 1 ||
        (op->in_count && op->in[0] && !get(t, op->in[0], &at)))
        return false;
    if (at < 0 || at >= m->words)
        return false;
    *value = at < m->value_count ? m->values[(int64_t)at] : 0;
    return true;
}

static bool compute(struct tracer *t, const struct op *op, wide *value) {
    wide x[EVALUATE_OPERANDS] = {0};
    bool known[EVALUATE_OPERANDS] = {false};
    if (op->space)
        return false;
    switch (op->code) {
    case IR_CONST:
        *value = op->imm;
        return true;
    case IR_ARG:
        *value = ir_wrap(use_port(t, t->p->arg_port[op->imm]), op->bits, op->is_signed);
        return true;
    case IR_INDEX:
        *value = t->index[op->imm];
        return true;
    case IR_PHI:
    case IR_STATE:
        *value = t->state[op->imm];
        return t->state_known[op->imm];
    case IR_LOAD:
        return load_table(t, op, value);
    default:
        break;
    }
    if (!ir_is_plain(op->code) || op->in_count > EVALUATE_OPERANDS)
        return false;
    known[0] = get(t, op->in[0], &x[0]);
    if (op->code == IR_SELECT && !known[0])
        return false;
    for (int i = 1; i < op->in_count; i++)
        if (op->code != IR_SELECT || (x[0] != 0) == (i == 1))
            known[i] = get(t, op->in[i], &x[i]);
    return evaluate_op(op, known, x, value);
}

// The value of an operation in this iteration, each computed once.
static bool get(struct tracer *t, const struct op *op, wide *value) {
    op = resolved_op(op);
    if (t->stamp[op->id] != t->now) {
        t->stamp[op->id] = t->now;
        t->known[op->id] = compute(t, op, &t->value[op->id]);
        --*t->work;
    }
    *value = t->value[op->id];
    return t->known[op->id];
}

static void lose(struct tracer *t, struct location loc, struct location fallback) {
    t->trace->lost = t->over = true;
    t->trace->lost_at = loc.file ? loc : fallback;
}

// A condition; NULL holds. Where it depends on data, the process is lost.
static bool holds(struct tracer *t, const struct op *op, struct location fallback) {
    wide value = 1;
    if (op && !get(t, op, &value))
        lose(t, op->loc, fallback);
    return value != 0;
}

// ---- a run

static void note_issue(struct tracer *t, const struct issue *issue) {
    struct trace *trace = t->trace;
    if (trace->count == trace->room) {
        const int64_t room = trace->room ? 2 * trace->room : 256;
        struct issue *grown = realloc(trace->issues, (size_t)room * sizeof *grown);
        if (!grown) {
            trace->capped = t->over = true;
            return;
        }
        trace->issues = grown;
        trace->room = room;
    }
    trace->issues[trace->count++] = *issue;
    t->gap = 0;
    if (trace->count >= t->issues)
        trace->capped = t->over = true;
}

static void note_row(struct tracer *t) {
    struct trace *trace = t->trace;
    t->cut = false;
    if (trace->row_count == trace->row_room) {
        const int64_t room = trace->row_room ? 2 * trace->row_room : 64;
        int64_t *grown =
            room > INT32_MAX ? NULL : realloc(trace->row_start, (size_t)room * sizeof *grown);
        if (!grown) {
            trace->capped = t->over = true;
            return;
        }
        trace->row_start = grown;
        trace->row_room = room;
    }
    trace->row_start[trace->row_count++] = t->cycle;
}

static void spend(struct tracer *t, int64_t cycles) {
    t->gap += cycles;
    t->cycle += cycles;
}

// Waits until what stands still has settled.
static void wait_for(struct tracer *t, const int *cycles) {
    for (int i = 0; i < ORIGINS; i++)
        if (t->changed[i] + cycles[i] > t->cycle)
            spend(t, t->changed[i] + cycles[i] - t->cycle);
}

// What is left of an unknown condition without the parts of it that are known to hold.
static const struct op *unknown_part(struct tracer *t, const struct op *op) {
    for (;;) {
        wide value;
        op = resolved_op(op);
        if (op->code != IR_AND || op->bits != 1)
            return op;
        if (get(t, op->in[0], &value))
            op = op->in[1];
        else if (get(t, op->in[1], &value))
            op = op->in[0];
        else
            return op;
    }
}

static bool is_opposite(const struct op *x, const struct op *y) {
    return x->code == IR_NOT && resolved_op(x->in[0]) == y;
}

// The access of the same kind that happens exactly if this one, of unknown condition, does not; -1.
static int twin_of(struct tracer *t, int region, int which) {
    const struct access *list = t->watch->access[region];
    const struct op *mine = unknown_part(t, list[which].op->in[0]);
    for (int i = 0; i < t->watch->access_count[region]; i++) {
        wide value;
        if (i == which || list[i].number != list[which].number || !list[i].op->in[0] ||
            get(t, list[i].op->in[0], &value))
            continue;
        const struct op *other = unknown_part(t, list[i].op->in[0]);
        if (is_opposite(mine, other) || is_opposite(other, mine))
            return i;
    }
    return -1;
}

static void follow_accesses(struct tracer *t, int region) {
    struct issue issue = {.region = region, .row = (int)t->trace->row_count - 1};
    for (int i = 0; i < t->watch->access_count[region]; i++) {
        const struct access *access = &t->watch->access[region][i];
        const struct op *op = access->op;
        wide guard = 1;
        if (op->in[0] && !get(t, op->in[0], &guard)) {
            const int twin = twin_of(t, region, i);
            if (twin < 0)
                t->trace->unknown[access->number] = op;
            guard = twin < 0 || twin > i; // one of two happens
        }
        if (op->code == IR_WRITE && (guard || access->waits_anyway))
            issue.rooms |= 1u << access->number;
        if (!guard)
            continue;
        issue.happens |= (uint64_t)1 << i;
        t->trace->words[access->number]++;
    }
    if (!issue.happens && !issue.rooms)
        return;
    issue.gap = (uint32_t)(t->gap > UINT32_MAX ? UINT32_MAX : t->gap);
    note_issue(t, &issue);
}

// Registers take their next values, all at once.
static void advance_states(struct tracer *t, const struct region *r) {
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < r->carried_count; i++) {
            const struct carried *c = &r->carried[i];
            wide value;
            if (!t->relevant[c->state])
                continue;
            const bool known = get(t, c->next, &value); // computed before any of them changes
            if (pass == 0)
                continue;
            t->state[c->state] = value;
            t->state_known[c->state] = known;
        }
    }
}

static void enter_states(struct tracer *t, const struct region *r) {
    t->now++;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < r->carried_count; i++) {
            const struct carried *c = &r->carried[i];
            wide value;
            if (!t->relevant[c->state] || !c->init)
                continue;
            const bool known = get(t, c->init, &value);
            if (pass == 0)
                continue;
            t->state[c->state] = value;
            t->state_known[c->state] = known;
        }
    }
}

static int interval(const struct region *r) {
    return r->schedule->ii > 0 ? r->schedule->ii : 1;
}

// One iteration; false: it was the last of the innermost loop.
static bool follow_iteration(struct tracer *t, int region) {
    const struct region *r = t->p->regions[region];
    if (t->cut && t->keeps_rows)
        note_row(t);
    follow_accesses(t, region);
    const bool ends = r->break_if && holds(t, r->break_if, r->loc);
    advance_states(t, r);
    spend(t, interval(r));
    t->trace->end = t->cycle;
    if (*t->work <= 0)
        t->trace->capped = t->over = true;
    return !ends;
}

static bool has_more(struct tracer *t, const struct region *r) {
    const struct stream *s = &t->p->streams[r->more];
    const int n = t->watch->number[r->more];
    t->is_same = t->is_same && s->channel < 0;
    const int64_t taken = n == NO_STREAM ? -1 : t->trace->words[n];
    int64_t all = -1;
    if (s->port >= 0)
        all = use_port(t, s->port);
    else if (s->channel >= 0)
        all = t->run->channel[s->channel];
    else if (s->partner >= 0 && t->watch->number[s->partner] != NO_STREAM)
        all = t->trace->words[t->watch->number[s->partner]];
    if (all < 0 || taken < 0 || t->trace->unknown[n])
        lose(t, r->loc, r->loc);
    return taken < all;
}

// False: there was no iteration.
static bool follow_while(struct tracer *t, int region) {
    const struct region *r = t->p->regions[region];
    bool any = false;
    while (!t->over) {
        t->now++;
        if (!holds(t, r->go_on, r->loc) || (r->more >= 0 && !has_more(t, r)) || t->over)
            break;
        t->cut = t->cut || any;
        any = true;
        if (!follow_iteration(t, region))
            break;
    }
    return any;
}

// Number of iterations of a level, or -1.
static int64_t trips_of(struct tracer *t, const struct level *level) {
    wide limit;
    if (level->trips >= 0)
        return level->trips;
    if (!get(t, level->limit, &limit))
        return -1;
    const wide last = level->inclusive ? limit : limit - 1;
    return last < level->start ? 0 : (int64_t)((last - level->start) / level->step) + 1;
}

// Does nothing of what is watched hang on how often this region is repeated?
static bool is_aside(const struct tracer *t, int region) {
    const struct region *r = t->p->regions[region];
    if (t->watch->access_count[region])
        return false;
    for (int i = 0; i < r->carried_count; i++)
        if (t->relevant[r->carried[i].state])
            return false;
    return true;
}

// The level whose iterations are rows: the innermost one of which the run tells how often it goes
// round; -1: there is none.
static int row_level(const struct region *r) {
    int level = r->levels - 1;
    while (level >= 0 && r->level[level].trips >= 0)
        level--;
    return level;
}

// False: there was no iteration.
static bool follow_nest(struct tracer *t, int region) {
    const struct region *r = t->p->regions[region];
    int64_t trips[MAX_LEVELS], at[MAX_LEVELS] = {0};
    const int rows = row_level(r);
    for (int l = 0; l < r->levels; l++) {
        trips[l] = trips_of(t, &r->level[l]);
        if (trips[l] < 0)
            lose(t, r->loc, r->loc);
        if (trips[l] <= 0)
            return false;
        t->index[l] = r->level[l].start;
    }
    enter_states(t, r);
    while (!t->over) {
        t->now++;
        const bool goes_on = follow_iteration(t, region);
        int l = r->levels - 1;
        if (!goes_on && r->breaks_all)
            break;
        if (l >= 0 && !goes_on)
            at[l] = trips[l] - 1;
        for (; l >= 0; l--) {
            if (++at[l] < trips[l]) {
                t->index[l] += r->level[l].step;
                t->cut = t->cut || l <= rows;
                break;
            }
            at[l] = 0;
            t->index[l] = r->level[l].start;
        }
        if (l < 0)
            break;
    }
    return true;
}

static void follow_region(struct tracer *t, const struct step *step) {
    const int region = step->region;
    const struct region *r = t->p->regions[region];
    t->now++;
    if (!t->keeps_rows && is_aside(t, region))
        return;
    wait_for(t, step->knows);
    if (!holds(t, r->enable, r->loc) || t->over)
        return;
    wait_for(t, step->settles);
    spend(t, 1 + t->p->picks_late); // to pick it
    for (int i = 0; i < t->watch->access_count[region]; i++)
        t->trace->possible |= 1u << t->watch->access[region][i].number;
    if (r->repeats)
        enter_states(t, r);
    t->changed[FROM_REGISTERS] = t->cycle;
    if (ir_only_enters(r)) {
        enter_states(t, r);
        return;
    }
    if (r->repeats ? follow_while(t, region) : follow_nest(t, region))
        spend(t, (r->schedule->depth > 2 ? r->schedule->depth : 2) + 1 - interval(r));
    else if (r->repeats)
        spend(t, 2); // that there is no iteration is seen in its first cycle
    else
        return;
    t->changed[FROM_REGISTERS] = t->cycle - 1; // in the cycle in which it has drained
}

// Does the jump lead back to the start of a loop of steps that stands in no other one?
static bool is_outermost(const struct process *p, int jump) {
    const int target = p->steps[jump].target;
    if (target > jump)
        return false;
    for (int i = jump + 1; i < p->step_count; i++)
        if (p->steps[i].kind == STEP_JUMP && p->steps[i].target <= target)
            return false;
    return true;
}

static void follow_steps(struct tracer *t) {
    int64_t idle = 0, before = 0;
    for (int i = 0; i < t->p->step_count && !t->over; i++) {
        const struct step *step = &t->p->steps[i];
        if (step->kind == STEP_REGION) {
            follow_region(t, step);
        } else {
            t->now++;
            wait_for(t, step->knows);
            if (holds(t, step->condition, step->loc)) {
                t->cut = t->cut || is_outermost(t->p, i);
                i = step->target - 1;
                spend(t, 1 + t->p->picks_late);
            }
        }
        idle = t->trace->count == before ? idle + 1 : 0;
        before = t->trace->count;
        if (idle > IDLE_STEPS)
            t->trace->capped = t->over = true;
    }
}

static void follow_run(struct tracer *t) {
    struct trace *trace = t->trace;
    *trace = (struct trace){.issues = trace->issues,
                            .room = trace->room,
                            .row_start = trace->row_start,
                            .row_room = trace->row_room};
    t->over = false;
    t->cut = true;
    t->changed[FROM_SCALARS] = t->changed[FROM_REGISTERS] = FIRST_PICK;
    t->gap = t->cycle = FIRST_PICK;
    follow_steps(t);
    trace->done = t->cycle + 1; // one more in which it looks whether its outputs were taken
}

struct tracer *tracer_new(struct compiler *cc, const struct network *net, const struct process *p,
                          const struct watch *w) {
    const size_t ops = (size_t)p->op_count + 1, states = (size_t)p->state_count + 1;
    struct tracer *t = arena_alloc(cc, sizeof *t);
    t->p = p;
    t->value = arena_alloc(cc, ops * sizeof *t->value);
    t->known = arena_alloc(cc, ops);
    t->stamp = arena_alloc(cc, ops * sizeof *t->stamp);
    t->state = arena_alloc(cc, states * sizeof *t->state);
    t->state_known = arena_alloc(cc, states);
    t->steady = arena_alloc(cc, states);
    t->watch = w;
    t->issues = TRACE_ISSUES;
    t->port_count = net->top->param_count;
    t->used = arena_alloc(cc, (size_t)t->port_count + 1);
    t->value_used = arena_alloc(cc, ((size_t)t->port_count + 1) * sizeof *t->value_used);
    t->relevant = find_deciders(cc, net, p, w, NULL);
    for (int i = 0; i < p->state_count; i++)
        t->steady[i] = p->states[i].dims == 0;
    return t;
}

void tracer_keep_rows(struct tracer *t, int64_t issues) {
    t->keeps_rows = true;
    t->issues = issues;
}

void trace_free(struct trace *trace) {
    free(trace->issues);
    free(trace->row_start);
    *trace = (struct trace){0};
}

static bool is_same_run(const struct tracer *t, const struct run *run) {
    for (int i = 0; i < t->port_count; i++)
        if (t->used[i] && t->value_used[i] != run->port[i])
            return false;
    return t->is_same;
}

void trace_process(struct tracer *t, const struct run *run, int64_t *work, struct trace *trace) {
    if (is_same_run(t, run))
        return;
    for (int i = 0; i < t->port_count; i++)
        t->used[i] = false;
    t->is_same = true;
    t->run = run;
    t->work = work;
    t->trace = trace;
    trace->capped = false;
    for (bool settled = false; !settled && !trace->capped;) {
        settled = true;
        for (int i = 0; i < t->p->state_count; i++) {
            const int64_t *reset = t->p->states[i].reset;
            t->state[i] = reset ? reset[0] : 0;
            t->state_known[i] = t->steady[i];
        }
        follow_run(t);
        for (int i = 0; i < t->p->state_count; i++) {
            const int64_t *reset = t->p->states[i].reset;
            if (!t->relevant[i] || !t->steady[i] ||
                (t->state_known[i] && t->state[i] == (reset ? reset[0] : 0)))
                continue;
            t->steady[i] = false; // the next run may find another value
            settled = false;
        }
    }
}
