// SPDX-License-Identifier: Apache-2.0
// What the steps of a process wait for, and how long the paths of its control take: the way from
// registers through the picking of a step, or the decision whether an iteration is issued, to all
// that it moves; the ends of loops; the credits. A signal that comes late passes as few
// p->target->luts as its place permits; what else a function looks at is there early.
#include "control.h"

#include <string.h>

// Of a function of so many bits.
static double luts(const struct target *t, int inputs) {
    int levels = 0;
    for (; inputs > 1; inputs = (inputs + t->lut_inputs - 1) / t->lut_inputs)
        levels++;
    return t->lut * levels;
}

struct gate { // a function in the making
    const struct target *target;
    double late;
    int inputs, late_inputs;
};

static void join(struct gate *g, double arrival) {
    g->late = arrival > g->late ? arrival : g->late;
    g->late_inputs += arrival > g->target->register_out + g->target->lut;
    g->inputs++;
}

// Bits that come late, as many as a LUT takes to pick by, choose between functions of the others.
static double out_of(const struct gate *g) {
    const struct target *t = g->target;
    const int last = (g->late_inputs + t->pick_bits - 1) / t->pick_bits;
    const double early = t->register_out + luts(t, g->inputs),
                 late = g->late + t->lut + luts(t, last);
    return late > early ? late : early;
}

// ---- steps

const struct region *step_region(const struct process *p, int step) {
    return p->steps[step].kind == STEP_REGION ? p->regions[p->steps[step].region] : NULL;
}

const struct op *step_condition(const struct process *p, int step) {
    const struct region *r = step_region(p, step);
    const struct op *condition = r ? r->enable : p->steps[step].condition;
    int64_t value;
    while (condition && condition->alias)
        condition = condition->alias;
    return condition && ir_is_const(condition, &value) && value ? NULL : condition;
}

bool level_may_be_empty(const struct level *level) {
    if (level->trips >= 0)
        return level->trips == 0;
    return level->inclusive ? level->limit->low < level->start : level->limit->low <= level->start;
}

bool is_never_run(const struct region *r) {
    for (int i = 0; i < r->levels; i++)
        if (r->level[i].trips == 0)
            return true;
    return ir_only_enters(r);
}

bool may_be_empty(const struct region *r) {
    for (int i = 0; i < r->levels; i++)
        if (level_may_be_empty(&r->level[i]))
            return !is_never_run(r);
    return false;
}

double behind_limit(const struct target *t, const struct level *level) {
    const int limit = level->limit->width, index = level->index->width;
    const int width = (limit > index ? limit : index) + 2;
    const double adds = sum_delay(t, width), compares = magnitude_delay(t, width) + t->lut;
    return adds > compares ? adds : compares;
}

double behind_empty(const struct target *t, const struct region *r) {
    int width = 1, count = 0;
    for (int i = 0; i < r->levels; i++) {
        const struct level *level = &r->level[i];
        if (level->trips >= 0 || !level_may_be_empty(level))
            continue;
        width = level->limit->width > width ? level->limit->width : width;
        count++;
    }
    return magnitude_delay(t, width) + luts(t, count);
}

bool is_told_empty(const struct process *p, const struct region *r) {
    for (int i = 0; may_be_empty(r) && i < r->levels; i++) {
        const struct level *level = &r->level[i];
        if (level->trips >= 0 || !level_may_be_empty(level))
            continue;
        if (!p->invariants[level->limit->id].starts ||
            invariant_by_register(p, level->limit, behind_empty(p->target, r)))
            return false;
    }
    return may_be_empty(r);
}

// ---- the step picker

static int waits_of(const int *cycles) {
    return (cycles[FROM_SCALARS] > 0) + (cycles[FROM_REGISTERS] > 0);
}

static bool has_waits(const struct process *p) {
    for (int i = 0; i < p->step_count; i++)
        if (waits_of(p->steps[i].settles))
            return true;
    return false;
}

// What decides whether the steps from the nearest one on that is always taken let `step` be looked
// at, and over `step` itself.
static int pick_inputs(const struct process *p, int step) {
    int inputs = 1 + waits_of(p->steps[step].settles) + (step_condition(p, step) != NULL);
    for (int i = step - 1; i >= 0 && step_condition(p, i); i--)
        inputs += 2 + waits_of(p->steps[i].knows);
    return inputs;
}

static double found_delay(const struct process *p) {
    int most = 1;
    for (int i = 0; i < p->step_count; i++) {
        const int inputs = pick_inputs(p, i) + (i == p->step_count - 1); // the end of the steps
        most = inputs > most ? inputs : most;
    }
    return p->target->register_out + luts(p->target, most);
}

// Behind a pick: the next phase, the place where the search goes on, loops that start.
static double picked_delay(const struct process *p) {
    int skips = 4, sources = 3;
    for (int i = 0; i < p->step_count; i++) {
        const struct region *r = step_region(p, i);
        int from = 3;
        for (int k = 0; k < p->step_count; k++)
            from += p->steps[k].kind == STEP_JUMP && p->steps[k].target == i;
        sources = from > sources ? from : sources;
        skips += !r || is_never_run(r) || may_be_empty(r) || has_waits(p);
    }
    return luts(p->target, skips > sources ? skips : sources);
}

void plan_picks(struct process *p) {
    p->picks_late = found_delay(p) + picked_delay(p) > p->target->budget;
}

int first_issue(const struct process *p) {
    return FIRST_ISSUE + p->picks_late;
}

// ---- iterations

// When a condition that decides over an iteration is there in `stage`.
static double arrival_in(const struct process *p, const struct region *r, const struct op *op,
                         int stage) {
    const struct op_time *t = &r->schedule->time[op->id];
    if (t->invariant)
        return invariant_arrival(p, op, BY_PIPELINE(p));
    return op->code != IR_PHI && t->ready == stage ? t->arrival : p->target->register_out;
}

// What decides whether an iteration is issued.
static void join_issue(struct gate *g, const struct process *p, const struct region *r) {
    join(g, p->target->register_out); // the loop runs
    if (r->schedule->ii > 1)
        join(g, p->target->register_out + p->target->lut);
    if (r->go_on)
        join(g, arrival_in(p, r, r->go_on, 0));
    for (int i = 0; i < r->effect_count; i++) {
        const struct op *op = r->effects[i];
        int writes = 0;
        if (op->code != IR_READ && op->code != IR_WRITE)
            continue;
        if (op->code == IR_WRITE)
            most_words(r, (int)op->imm, &writes);
        join(g, p->target->register_out); // a word, or room
        if (op->in[0] &&
            (op->code == IR_READ || (writes == 1 && told_at_issue(p, r->schedule, op->in[0]))))
            join(g, arrival_in(p, r, op->in[0], 0));
    }
}

static bool uses(const struct region *r, enum opcode code, int stream) {
    for (int i = 0; i < r->effect_count; i++)
        if (r->effects[i]->code == code && r->effects[i]->imm == stream)
            return true;
    return false;
}

// When it is known whether an iteration that reads, or writes, a stream is issued.
static double issue_delay(const struct process *p, enum opcode code, int stream) {
    struct gate g = {.target = p->target};
    for (int k = 0; k < p->region_count; k++)
        if (uses(p->regions[k], code, stream))
            join_issue(&g, p, p->regions[k]);
    return g.inputs ? out_of(&g) : 0;
}

// ---- the slowest path

static void worse(struct control_path *worst, const char *kind, double ns, struct location loc) {
    if (ns > worst->ns)
        *worst = (struct control_path){kind, ns, loc};
}

static void look_at_picks(const struct process *p, struct control_path *worst) {
    const struct location top = p->function ? p->function->loc : (struct location){0};
    const double found = p->picks_late ? p->target->register_out : found_delay(p);
    worse(worst, "pick", found + picked_delay(p), top);
    worse(worst, "pick", found_delay(p), top);
    for (int i = 0; i < p->step_count; i++) {
        const struct region *r = step_region(p, i);
        for (int k = 0; r && k < r->levels && may_be_empty(r); k++)
            if (r->level[k].trips < 0 && level_may_be_empty(&r->level[k]))
                worse(worst, "condition",
                      invariant_arrival(p, r->level[k].limit, behind_empty(p->target, r)) +
                          behind_empty(p->target, r),
                      r->loc);
        for (int k = 0; r && k < r->carried_count; k++) {
            const struct carried *c = &r->carried[k];
            if (!c->init || (!r->schedule->time[c->phi->id].needed && !p->states[c->state].live))
                continue;
            const double value = invariant_arrival(p, c->init, BY_FIRST_VALUE(p));
            worse(worst, "first value",
                  (found + p->target->lut > value ? found + p->target->lut : value) +
                      BY_FIRST_VALUE(p),
                  r->loc);
        }
    }
    int bits = 3;
    for (int i = 0; i < p->region_count; i++)
        bits += p->regions[i]->schedule->depth > 1 ? p->regions[i]->schedule->depth : 2;
    worse(worst, "drain", p->target->register_out + luts(p->target, bits), top);
}

static void look_at_loop(const struct process *p, int region, struct control_path *worst) {
    const struct region *r = p->regions[region];
    const struct schedule *s = r->schedule;
    struct gate issue = {.target = p->target};
    join_issue(&issue, p, r);
    worse(worst, "issue", out_of(&issue) + p->target->lut, r->loc);
    if (r->break_if)
        worse(worst, "loop end", arrival_in(p, r, r->break_if, s->break_stage) + BY_CONTROL(p),
              r->loc);
    for (int i = 0; i < r->levels; i++) {
        const struct level *level = &r->level[i];
        int width = level->index->width;
        if (level->trips >= 0 && level->trips < 2)
            continue;
        worse(worst, "loop end",
              p->target->register_out + sum_delay(p->target, width) + p->target->lut, r->loc);
        if (level->trips < 0) {
            const double behind = behind_limit(p->target, level);
            width = (level->limit->width > width ? level->limit->width : width) + 2;
            worse(worst, "loop end", invariant_arrival(p, level->limit, behind) + behind, r->loc);
        }
        worse(worst, "loop end",
              p->target->register_out + magnitude_delay(p->target, width) + p->target->lut, r->loc);
    }
}

static void look_at_output(const struct network *net, const struct process *p, int stream,
                           struct control_path *worst) {
    const struct stream *s = &p->streams[stream];
    int most = 1;
    bool cancels = false;
    for (int k = 0; k < p->region_count; k++) {
        const struct region *r = p->regions[k];
        int writes;
        const int words = most_words(r, stream, &writes);
        struct gate cancel = {.target = p->target};
        if (!writes)
            continue;
        most = words > most ? words : most;
        for (int i = 0; i < r->effect_count; i++) {
            const struct op *op = r->effects[i];
            if (op->code != IR_WRITE || op->imm != stream || !op->in[0])
                continue;
            const double guard = arrival_in(p, r, op->in[0], r->schedule->time[op->id].start);
            worse(worst, "push", guard + BY_CONTROL(p), op_location(op, r->loc));
            if (writes > 1 || !told_at_issue(p, r->schedule, op->in[0]))
                join(&cancel, arrival_in(p, r, op->in[0], r->schedule->write_stage[stream]));
        }
        cancels = cancels || cancel.inputs;
        if (cancel.inputs)
            worse(worst, "credit", out_of(&cancel) + (words > 1 ? sum_delay(p->target, words) : 0),
                  r->loc);
    }
    const int bits = ir_signed_width(-most, output_depth(net, p, stream) - most);
    const double taken = issue_delay(p, IR_WRITE, stream);
    double given = p->target->register_out;
    if (s->channel >= 0 && !net->channels[s->channel].crossing) {
        const struct channel *c = &net->channels[s->channel];
        given = issue_delay(net->processes[c->to_process], IR_READ, c->to_stream);
    } else if (s->partner >= 0) {
        given = issue_delay(p, IR_READ, s->partner);
    }
    worse(worst, "credit", (taken > given ? taken : given) + p->target->lut, s->loc);
    worse(worst, "credit",
          p->target->register_out + sum_delay(p->target, bits) * (1 + cancels) + p->target->lut,
          s->loc);
}

struct control_path slowest_control(const struct network *net, const struct process *p) {
    struct control_path worst = {"none", 0, {0}};
    look_at_picks(p, &worst);
    for (int i = 0; i < p->region_count; i++)
        look_at_loop(p, i, &worst);
    for (int i = 0; i < p->stream_count; i++) {
        const struct stream *s = &p->streams[i];
        if (s->is_output)
            look_at_output(net, p, i, &worst);
        else if (s->is_used)
            worse(&worst, "read", issue_delay(p, IR_READ, i) + p->target->lut, s->loc);
    }
    return worst;
}

// What makes it shorter.
static const char *help_for(const char *kind) {
    static const struct {
        const char *kind, *help;
    } helps[] = {
        {"pick", "spread loops and conditions between them over several processes"},
        {"drain", "spread loops over several processes"},
        {"read", "let fewer loops read the stream, or base the conditions of reads on loop "
                 "indices, scalars, or a bool that the iteration before has computed"},
        {"credit", "let fewer loops write the stream (one loop that computes what to write), or "
                   "base the conditions of writes on loop indices and scalars"},
    };
    for (size_t i = 0; i < sizeof helps / sizeof *helps; i++)
        if (strcmp(kind, helps[i].kind) == 0)
            return helps[i].help;
    return "base conditions of reads, while and break on loop indices, scalars, or a bool that the "
           "iteration before has computed";
}

void warn_of_control(struct compiler *cc, const struct network *net, const struct process *p) {
    const struct control_path path = slowest_control(net, p);
    if (path.ns <= p->target->budget)
        return;
    warn(cc, path.loc,
         "the control of process '%s' takes %.2f ns (%s), and nothing of a cycle should take more "
         "than %.2f (without routing); %s",
         p->name, path.ns, path.kind, p->target->budget, help_for(path.kind));
}
