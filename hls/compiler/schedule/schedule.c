// SPDX-License-Identifier: Apache-2.0
// Scheduling of a region: which operations it needs, the least initiation interval that is
// possible, or the one that was asked for, and in which stages each value is looked at. For an
// interval operations are placed (place.c), and accesses that must keep an order move until they
// do.
#include "schedule.h"
#include "control.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

bool op_in_tile(const struct process *p, const struct tile *tile, int region, const struct op *op) {
    if (tile->lane == NO_LANE)
        return false;
    if (op->code == IR_STORE)
        return tile->memory[op->imm];
    if (region != tile->region || op->code == IR_LANE || op->code == IR_CONST)
        return false;
    (void)p;
    return op->space >> tile->lane & 1;
}

// ---- which operations a region needs

// Counts, then lists who looks at what.
static void find_users(struct pass *a) {
    const struct schedule *s = a->s;
    const size_t count = (size_t)a->p->op_count + 2;
    int *first = arena_alloc(a->cc, count * sizeof *first), total = 0;
    for (int n = 0; n < s->op_count; n++)
        for (int k = 0; k < s->ops[n]->in_count; k++)
            if (s->ops[n]->in[k])
                first[s->ops[n]->in[k]->id + 1]++;
    for (int i = 0; i <= a->p->op_count; i++) {
        total += first[i];
        first[i] = total;
    }
    a->users = arena_alloc(a->cc, ((size_t)total + 1) * sizeof *a->users);
    int *next = arena_copy(a->cc, first, count * sizeof *next);
    for (int n = 0; n < s->op_count; n++)
        for (int k = 0; k < s->ops[n]->in_count; k++)
            if (s->ops[n]->in[k])
                a->users[next[s->ops[n]->in[k]->id]++] = s->ops[n];
    a->first_user = first;
}

// Its only user is an addition in the same place (a fused one would be MULADD).
static bool is_direct(const struct pass *a, const struct op *op) {
    const int first = a->first_user[op->id];
    return a->first_user[op->id + 1] - first == 1 && a->users[first]->code == IR_ADD;
}

static bool repeats(const struct region *r) {
    return r->levels > 0 || r->repeats;
}

// In straight code what takes time is pipelined like anything else.
static void mark_invariants(const struct process *p, const struct region *r, struct schedule *s) {
    for (int i = 0; i < p->op_count; i++) {
        const struct invariant *v = &p->invariants[i];
        if (v->is_one && (repeats(r) || v->arrival == p->target->register_out))
            s->time[i].invariant = true;
    }
}

// ---- uses, for the pipeline registers

static void use(struct pass *a, const struct op *op, int stage, bool by_tile) {
    struct op_time *t = &a->s->time[op->id];
    if (t->invariant)
        return;
    if (stage > a->s->depth - 1)
        a->s->depth = stage + 1;
    if (!by_tile) {
        if (stage > t->last_use)
            t->last_use = stage;
        return;
    }
    if (t->tile_first < 0 || stage < t->tile_first)
        t->tile_first = stage;
    if (stage > t->tile_last)
        t->tile_last = stage;
}

static void collect_uses(struct pass *a) {
    struct schedule *s = a->s;
    for (int n = 0; n < s->op_count; n++) {
        struct op_time *t = &s->time[s->ops[n]->id];
        t->last_use = t->ready;
        t->tile_first = t->tile_last = -1;
    }
    for (int n = 0; n < s->op_count; n++) {
        const struct op *op = s->ops[n];
        const struct op_time *t = &s->time[op->id];
        if (t->invariant)
            continue;
        if (t->ready + 1 > s->depth)
            s->depth = t->ready + 1;
        for (int k = 0; k < op->in_count; k++) {
            if (!op->in[k])
                continue;
            int first, last;
            operand_stages(a->p, op, k, &first, &last);
            if (t->in_tile && !s->time[op->in[k]->id].in_tile && !(ir_adds(op) && k == 2))
                first = 0; // through a register of the tile, then the multiplier's own
            for (int at = first; at <= last; at++)
                use(a, op->in[k], t->start + at, t->in_tile || t->joined);
        }
    }
    for (int c = 0; c < a->r->carried_count; c++)
        if (s->time[a->r->carried[c].phi->id].needed || a->p->states[a->r->carried[c].state].live)
            use(a, a->r->carried[c].next, s->state_stage[c],
                op_in_tile(a->p, a->tile, a->region, a->r->carried[c].phi));
    // What waits anyway enters the tiles a stage sooner where it has copies there.
    for (int n = 0; n < s->op_count; n++) {
        const struct op *op = s->ops[n];
        struct op_time *t = &s->time[op->id];
        if (!t->in_tile && t->tile_first - tile_entry(a->p, a->tile) > t->ready && !op->space &&
            op->code != IR_PHI && loads_of(a->p, a->tile, s, true, op, t->tile_first) > LOADS_MAX)
            t->tile_first--;
    }
    // Loads that watch the writes compare addresses until their value is taken.
    for (int n = 0; n < s->op_count; n++) {
        const struct op_time *t = &s->time[s->ops[n]->id];
        for (int at = t->start; t->follows && at < t->ready; at++)
            use(a, s->ops[n]->in[0], at, false);
    }
    for (int i = 0; i < s->dependence_count; i++) { // an assertion looks back at the reads
        const struct found_dependence *d = &s->dependences[i];
        const int last = s->time[d->from->id].start;
        const bool by_tile = d->asserted && has_own_data(a->p, a->tile, d->memory);
        for (int k = 0; d->asserted && k < d->to->in_count; k++)
            for (int at = s->time[d->to->id].start; d->to->in[k] && at < last; at++)
                use(a, d->to->in[k], at, by_tile);
        for (int k = 0; d->asserted && k < d->from->in_count; k++)
            if (d->from->in[k] && k != 1)
                use(a, d->from->in[k], last, by_tile);
    }
    // A write gives back the credits of those that turn out not to happen.
    for (int i = 0; i < a->r->effect_count; i++)
        if (a->r->effects[i]->code == IR_WRITE && a->r->effects[i]->in[0])
            use(a, a->r->effects[i]->in[0], s->write_stage[a->r->effects[i]->imm], false);
    if (a->r->break_if)
        use(a, a->r->break_if, s->break_stage, false);
}

enum { MAX_II = 128 };

static bool try_interval(struct pass *a) {
    struct schedule *s = a->s;
    for (int n = 0; n < s->op_count; n++) {
        const int i = s->ops[n]->id;
        a->earliest[i] = a->ready[i] = 0;
        a->latest[i] = -1;
        s->time[i].start = s->time[i].ready = 0;
        s->time[i].arrival = 0;
    }
    for (int c = 0; c < a->r->carried_count; c++) {
        // A tile knows of an iteration one cycle after its issue.
        s->state_stage[c] = first_update(a, &a->r->carried[c]);
        s->time[a->r->carried[c].phi->id].start = s->state_stage[c];
    }
    a->reason = NULL;
    a->too_near.from = NULL;
    if (!has_turns(a))
        return false;
    for (int round = 0; round < 500; round++) {
        if (!settle_states(a))
            return false;
        sink_loads(a);
        sink_guards(a);
        if (!decides_in_time(a))
            return false;
        const bool moved = keep_dependences(a);
        if (!take_turns(a) && !moved)
            return true;
        for (int n = 0; n < s->op_count; n++)
            if (a->earliest[s->ops[n]->id] > MAX_STAGES || a->ready[s->ops[n]->id] > MAX_STAGES)
                return false;
    }
    return false;
}

// A memory that each iteration reads, changes and writes back (a histogram): its loads may watch
// the writes while they wait, which takes the memory's latency out of the recurrence.
static bool let_follow(struct pass *a) {
    const struct region *r = a->r;
    const struct found_dependence *d = &a->too_near;
    const int memory = d->memory;
    if (!d->from || d->from->code != IR_STORE || d->to->code != IR_LOAD || a->follows[memory] ||
        a->p->memories[memory].banks != 1 || !repeats(r) ||
        (a->tile->lane != NO_LANE && a->tile->memory[memory]))
        return false;
    int stores = 0;
    for (int i = 0; i < r->effect_count; i++)
        stores += r->effects[i]->code == IR_STORE && r->effects[i]->imm == memory;
    for (int n = 0; n < a->s->op_count; n++) {
        const struct op *op = a->s->ops[n];
        if (op->code == IR_LOAD && op->imm == memory && op->space)
            return false;
    }
    return a->follows[memory] = stores == 1;
}

static bool fits(struct pass *a, int64_t ii) {
    a->ii = ii;
    for (a->spreads = true; a->spreads; a->spreads = false)
        if (try_interval(a))
            return true;
    return try_interval(a) || (let_follow(a) && try_interval(a));
}

// Why the interval that was tried last does not fit.
static const char *why_not(struct pass *a, struct location *loc) {
    *loc = a->reason || a->too_near.from ? a->reason_loc : a->r->loc;
    return a->reason          ? a->reason
           : a->too_near.from ? explain_dependence(a)
                              : "its operations cannot be put into an order";
}

enum { SMALL_II = 16 }; // intervals up to this one are tried one by one, longer ones by halves

static void search_interval(struct pass *a) {
    struct schedule *s = a->s;
    struct compiler *cc = a->cc;
    const struct region *r = a->r;
    const char *reason = NULL;
    struct location loc = r->loc;
    // The longest interval that does not fit, and the shortest one known to do; 0: none.
    int64_t small = 0, large = 0, ii = !repeats(r) ? 1 << 20 : r->asked_ii ? r->asked_ii : 1;
    for (bool found = false; !found;) {
        if (fits(a, ii)) {
            large = ii;
        } else {
            if (a->tile->joins && a->region == a->tile->region)
                stay_whole_and_restart(cc, a->p->function->loc);
            take_arrays_apart(a);
            reason = why_not(a, &loc);
            small = ii;
            large = large > small ? large : 0;
            if (ii >= MAX_II && r->is_free)
                step_and_restart(cc, r->innermost, reason);
            if (ii >= MAX_II)
                fail(cc, loc,
                     repeats(r)
                         ? "loop '%s' cannot be pipelined: %s; or leave its pipeline pragma out"
                         : "'%s': %s",
                     r->name, reason);
        }
        found = large == ii && (!small || large - small == 1);
        if (!large) // in ever longer steps
            ii = small < SMALL_II             ? small + 1
                 : small + small / 2 < MAX_II ? small + small / 2
                                              : MAX_II;
        else if (!found)
            ii = large - small == 1 ? large : (small + large) / 2;
    }
    for (int n = 0; n < s->op_count; n++)
        s->time[s->ops[n]->id].follows = s->ops[n]->code == IR_LOAD && a->follows[s->ops[n]->imm];
    s->ii = repeats(r) ? (int)a->ii : 1;
    s->ii_reason = reason ? arena_printf(cc, "%s (line %d)", reason, loc.line) : NULL;
    if (reason && r->asked_ii)
        fail(cc, loc,
             "II=%d is impossible for loop '%s': %s. II=%d is possible: ask for that, or leave II= "
             "out to have the least",
             r->asked_ii, r->name, reason, s->ii);
}

static void find_needed(struct pass *a, struct reach *reach) {
    struct schedule *s = a->s;
    const struct region *r = a->r;
    for (int i = 0; i < r->effect_count; i++)
        ir_reach(reach, r->effects[i]);
    ir_reach(reach, r->break_if);
    ir_reach(reach, r->go_on);
    for (int changed = 1; changed;) { // states that something looks at
        changed = 0;
        for (int c = 0; c < r->carried_count; c++) {
            const struct carried *carried = &r->carried[c];
            if ((reach->seen[carried->phi->id] || a->p->states[carried->state].live) &&
                !reach->seen[carried->next->id]) {
                ir_reach(reach, carried->next);
                changed = 1;
            }
        }
    }
    for (int i = 0; i < a->p->op_count; i++)
        s->op_count += reach->seen[i];
    s->ops = arena_alloc(a->cc, ((size_t)s->op_count + 1) * sizeof *s->ops);
    for (int i = 0, n = 0; i < a->p->op_count; i++) {
        if (!reach->seen[i])
            continue;
        reach->seen[i] = false; // for the next region
        s->ops[n++] = a->p->ops[i];
        s->time[i].needed = true;
    }
}

static void schedule_region(struct compiler *cc, struct process *p, const struct tile *tile,
                            int region, struct reach *reach) {
    struct region *r = p->regions[region];
    struct schedule *s = arena_alloc(cc, sizeof *s);
    const size_t ops = (size_t)p->op_count + 1;
    r->schedule = s;
    s->time = arena_alloc(cc, ops * sizeof *s->time);
    s->state_stage = arena_alloc(cc, (size_t)(r->carried_count + 1) * sizeof *s->state_stage);
    s->write_stage = arena_alloc(cc, (size_t)(p->stream_count + 1) * sizeof *s->write_stage);
    s->depth = 1;
    for (int i = 0; i < p->stream_count; i++)
        s->write_stage[i] = -1;
    struct pass a = {.cc = cc,
                     .p = p,
                     .tile = tile,
                     .r = r,
                     .region = region,
                     .s = s,
                     .direct = arena_alloc(cc, ops * sizeof(bool)),
                     .earliest = arena_alloc(cc, ops * sizeof(int)),
                     .ready = arena_alloc(cc, ops * sizeof(int)),
                     .follows = arena_alloc(cc, (size_t)p->memory_count + 1),
                     .broad = arena_alloc(cc, ops * sizeof(bool)),
                     .latest = arena_alloc(cc, ops * sizeof(int))};
    find_needed(&a, reach);
    find_users(&a);
    mark_invariants(p, r, s);
    for (int i = 0; i < p->op_count && tile->lane != NO_LANE; i++) {
        s->time[i].in_tile = op_in_tile(p, tile, region, p->ops[i]);
        s->time[i].joined = op_is_joined(tile, region, p->ops[i]);
    }
    for (int n = 0; n < s->op_count; n++) {
        const struct op *op = s->ops[n];
        a.direct[op->id] = (op->code == IR_MUL || op->code == IR_DOT) && is_direct(&a, op);
        if (!s->time[op->id].invariant)
            check_delay(cc, p, op);
    }
    find_broad(&a);
    find_turns(&a);
    find_dependences(&a);
    search_interval(&a);
    for (int i = 0; i < r->effect_count; i++) {
        const struct op *e = r->effects[i];
        if (e->code == IR_WRITE && s->time[e->id].start > s->write_stage[e->imm])
            s->write_stage[e->imm] = s->time[e->id].start;
    }
    collect_uses(&a);
}

// States that are looked at between regions, by another region, or from outside.
static void find_live_states(struct process *p) {
    for (int i = 0; i < p->state_count; i++)
        p->states[i].live = p->states[i].is_probe;
    for (int i = 0; i < p->op_count; i++) {
        const struct op *op = p->ops[i];
        for (int k = 0; !op->alias && k < op->in_count; k++)
            if (op->in[k] && op->in[k]->code == IR_STATE)
                p->states[op->in[k]->imm].live = true;
    }
    for (int i = 0; i < p->region_count; i++) {
        const struct region *r = p->regions[i];
        if (r->enable && r->enable->code == IR_STATE)
            p->states[r->enable->imm].live = true;
        for (int k = 0; k < r->levels; k++)
            if (r->level[k].limit->code == IR_STATE)
                p->states[r->level[k].limit->imm].live = true;
        if (r->go_on && r->go_on->code == IR_STATE)
            p->states[r->go_on->imm].live = true;
        if (r->break_if && r->break_if->code == IR_STATE)
            p->states[r->break_if->imm].live = true;
        for (int k = 0; k < r->carried_count; k++) {
            const struct carried *c = &r->carried[k];
            if (c->init && c->init->code == IR_STATE)
                p->states[c->init->imm].live = true;
            if (c->next->code == IR_STATE)
                p->states[c->next->imm].live = true;
        }
    }
    for (int i = 0; i < p->step_count; i++)
        if (p->steps[i].condition && p->steps[i].condition->code == IR_STATE)
            p->states[p->steps[i].condition->imm].live = true;
    // A state that keeps its value from run to run is looked at by the next run.
    for (int i = 0; i < p->region_count; i++)
        for (int k = 0; k < p->regions[i]->carried_count; k++)
            if (!p->regions[i]->carried[k].init)
                p->states[p->regions[i]->carried[k].state].live = true;
}

void schedule_process(struct compiler *cc, struct process *p, const struct tile *tile) {
    find_live_states(p);
    decide_memories(cc, p, tile);
    mark_fixed(p);
    find_invariants(cc, p, tile);
    struct reach reach = ir_reach_none(cc, p);
    for (int i = 0; i < p->region_count; i++)
        schedule_region(cc, p, tile, i, &reach);
    assign_ports(cc, p, tile);
    check_rests(cc, p, tile);
    use_invariants(cc, p, tile);
    plan_picks(p);
    p->multipliers = 0;
    bool *counted = arena_alloc(cc, (size_t)(p->op_count + 1) * sizeof *counted);
    for (int i = 0; i < p->region_count; i++) {
        const struct schedule *s = p->regions[i]->schedule;
        for (int k = 0; k < s->op_count; k++) {
            const struct op *op = s->ops[k];
            if (op->fixed || counted[op->id] ||
                (op->code != IR_MUL && op->code != IR_DOT && op->code != IR_MULADD) ||
                (op->code == IR_MUL && op->width <= p->target->logic_product))
                continue;
            counted[op->id] = true;
            int64_t copies =
                op->code == IR_DOT ? dot_multipliers(p, tile, s->time[op->id].in_tile, op) : 1;
            for (int l = 0; op->code != IR_DOT && l < p->lane_count; l++)
                if (op->space >> l & 1)
                    copies *= p->lanes[l].count;
            p->multipliers += (int)copies;
        }
    }
}
