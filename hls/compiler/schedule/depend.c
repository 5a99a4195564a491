// SPDX-License-Identifier: Apache-2.0
// Dependences through memories: which accesses of a region must keep their order, what the user
// claims of them, and whether the schedule keeps them.
//
// `m[a] += x;` in each iteration: its read may find the word that the iteration before has written.
// It must then come behind that write, which makes the interval longer, unless the addresses show
// that iterations so close never meet in a word, or the read follows the writes (forwarding).
#include "depend.h"

#include <string.h>

static void add_dependence(struct pass *a, const struct op *from, const struct op *to,
                           struct nearest nearest) {
    struct schedule *s = a->s;
    s->dependences = arena_room(a->cc, s->dependences, s->dependence_count, sizeof *s->dependences);
    s->dependences[s->dependence_count++] = (struct found_dependence){.memory = (int)from->imm,
                                                                      .from = from,
                                                                      .to = to,
                                                                      .distance = nearest.distance,
                                                                      .round = nearest.round};
}

static bool is_read_after_write(const struct found_dependence *d) {
    return d->from->code == IR_STORE && d->to->code == IR_LOAD;
}

// How it comes that they are so near, where that is not to be told from the program alone.
static const char *why_near(const struct pass *a, const struct found_dependence *d) {
    const bool breaks = may_break_off(a->r);
    if (!d->round || (a->r->level[a->r->levels - 1].trips >= 0 && !breaks))
        return "";
    return arena_printf(a->cc,
                        breaks ? " where a break ends the loop of line %d after %lld iteration%s"
                               : " where the loop of line %d runs for %lld iteration%s only",
                        a->r->innermost.line, (long long)d->round, d->round == 1 ? "" : "s");
}

static void apply_claim(struct pass *a, struct found_dependence *d,
                        const struct dependence *claim) {
    d->claimed = true;
    d->loc = claim->loc;
    if (d->distance < 0 || d->distance >= claim->distance)
        return;
    if (!claim->is_asserted)
        fail(a->cc, claim->loc,
             "dependence claims a distance of %lld for '%s'; the nearest write (line %d) and read "
             "(line %d) of one word are %lld iteration%s apart%s; claim that, or add the option "
             "assert to have it checked in simulation instead of proved",
             (long long)claim->distance, claim->var->name, d->from->loc.line, d->to->loc.line,
             (long long)d->distance, d->distance == 1 ? "" : "s", why_near(a, d));
    d->asserted = true;
    d->distance = claim->distance;
    d->round = 0;
}

static void apply_claims(struct pass *a) {
    const struct process *p = a->p;
    struct schedule *s = a->s;
    for (int c = 0; c < a->r->claim_count; c++) {
        const struct dependence *claim = &a->r->claims[c];
        bool both = false;
        for (int i = 0; i < s->dependence_count; i++) {
            struct found_dependence *d = &s->dependences[i];
            if (!is_read_after_write(d) ||
                strcmp(claim->var->name, p->memories[d->memory].name) != 0)
                continue;
            both = true;
            apply_claim(a, d, claim);
        }
        for (int m = 0; m < p->memory_count && !both; m++)
            if (strcmp(claim->var->name, p->memories[m].name) == 0)
                fail(a->cc, claim->loc,
                     "dependence names '%s', which this loop does not both write and read; remove "
                     "the pragma",
                     claim->var->name);
    }
}

struct access_list { // of one memory in a region
    const struct op **ops;
    int count;
};

static void add_access(struct compiler *cc, struct access_list *list, const struct op *op) {
    list->ops = arena_room(cc, list->ops, list->count, sizeof *list->ops);
    list->ops[list->count++] = op;
}

enum { MAX_PAIRS = 200000 }; // of accesses of one memory in a region

static void find_pairs(struct pass *a, struct distances *d, const struct access_list *stores,
                       const struct access_list *loads) {
    const int64_t pairs = (int64_t)stores->count * (2 * loads->count + stores->count);
    if (pairs > MAX_PAIRS)
        fail(a->cc, stores->ops[0]->loc,
             "memory '%s' is written at %d and read at %d places of an iteration, and hlsc keeps "
             "the order of %d pairs of accesses at most; choose address and value first, then "
             "write once and read once",
             a->p->memories[stores->ops[0]->imm].name, stores->count, loads->count, MAX_PAIRS);
    for (int i = 0; i < stores->count; i++) {
        const struct op *store = stores->ops[i];
        for (int k = 0; k < loads->count; k++) {
            const struct op *load = loads->ops[k];
            // Operations are numbered in program order.
            const bool store_first = store->id < load->id;
            add_dependence(a, store, load, find_nearest(d, store, load, store_first));
            const struct nearest back = find_nearest(d, load, store, !store_first);
            if (back.distance >= 0)
                add_dependence(a, load, store, back);
        }
        for (int k = 0; k < stores->count; k++) {
            if (k == i)
                continue;
            struct nearest nearest = find_nearest(d, store, stores->ops[k], i < k);
            if (nearest.distance == 0 && never_both(store, stores->ops[k]))
                nearest.distance = 1;
            if (nearest.distance >= 0)
                add_dependence(a, store, stores->ops[k], nearest);
        }
    }
}

void find_dependences(struct pass *a) {
    const struct process *p = a->p;
    const size_t memories = (size_t)p->memory_count + 1;
    struct access_list *stores = arena_alloc(a->cc, memories * sizeof *stores),
                       *loads = arena_alloc(a->cc, memories * sizeof *loads);
    bool any = false;
    for (int i = 0; i < a->r->effect_count; i++) {
        if (a->r->effects[i]->code != IR_STORE)
            continue;
        add_access(a->cc, &stores[a->r->effects[i]->imm], a->r->effects[i]);
        any = true;
    }
    for (int n = 0; n < a->s->op_count && any; n++) {
        const struct op *op = a->s->ops[n];
        if (op->code == IR_LOAD && stores[op->imm].count)
            add_access(a->cc, &loads[op->imm], op);
    }
    if (any) {
        struct distances *d = distances_open(a);
        for (int m = 0; m < p->memory_count; m++)
            find_pairs(a, d, &stores[m], &loads[m]);
        distances_close(d);
    }
    apply_claims(a);
}

// What would help where a new value comes too late.
static const char *way_out(const struct pass *a, const struct found_dependence *d) {
    const char *name = a->p->memories[d->memory].name;
    if (!*why_near(a, d))
        return arena_printf(
            a->cc, "put at least %d iterations between them, or keep the value in a scalar",
            d->needed);
    const char *claim = arena_printf(
        a->cc, "if they never come so close, claim HLS(dependence variable=%s distance=%d assert)",
        name, d->needed);
    if (may_break_off(a->r) || d->distance != d->round)
        return claim;
    return arena_printf(a->cc, "give the loop's bound a minimum (n < %d ? %d : n), or, %s",
                        d->needed, d->needed, claim);
}

const char *explain_dependence(const struct pass *a) {
    const struct found_dependence *d = &a->too_near;
    const char *name = a->p->memories[d->memory].name;
    if (!is_read_after_write(d))
        return arena_printf(
            a->cc,
            "'%s' is written here, and read or written (line %d) in an order that allows no "
            "smaller interval; access it once in an iteration, or partition it",
            name, d->from->loc.line);
    if (d->distance == 0) // it was put off, and there was no end to it
        return arena_printf(
            a->cc,
            "'%s' is read in the iteration that has written it (line %d), and its new value takes "
            "%d cycles, more than the %d of the longest iteration; shorten what lies between, or "
            "keep the value in a scalar",
            name, d->from->loc.line, d->needed, MAX_STAGES);
    return arena_printf(
        a->cc,
        "'%s' is read %lld iteration%s after it is written (line %d)%s, but its new value "
        "takes %d cycle%s; %s",
        name, (long long)d->distance, d->distance == 1 ? "" : "s", d->from->loc.line,
        why_near(a, d), d->needed, d->needed == 1 ? "" : "s", way_out(a, d));
}

bool keep_dependences(struct pass *a) {
    const struct op_time *time = a->s->time;
    bool moved = false;
    for (int i = 0; i < a->s->dependence_count; i++) {
        struct found_dependence *d = &a->s->dependences[i];
        if (d->distance < 0)
            continue;
        const bool raw = is_read_after_write(d);
        const bool follows = raw && a->follows[d->memory];
        const int from = time[d->from->id].start;
        const int to = follows ? time[d->to->id].ready : time[d->to->id].start;
        // A read may happen in the cycle of the write that follows it; it sees the old word.
        const int gap = d->from->code == IR_STORE ? 1 : 0;
        d->needed = from + gap - to;
        if (to + d->distance * a->ii >= from + gap)
            continue;
        // In one iteration all can be put off: what stands between iterations is the reason.
        if (d->distance > 0 || !a->too_near.from) {
            a->too_near = *d;
            a->reason_loc = d->to->loc;
        }
        const int64_t wanted = from + gap - d->distance * a->ii;
        if (follows) {
            a->ready[d->to->id] = (int)wanted;
            moved = true;
        } else if (d->from->code == IR_LOAD &&
                   (a->latest[d->from->id] < 0 ||
                    a->latest[d->from->id] > to + d->distance * a->ii)) {
            a->latest[d->from->id] = (int)(to + d->distance * a->ii); // not to be moved so far
            moved = true;
        } else if (wanted > a->earliest[d->to->id]) {
            a->earliest[d->to->id] = (int)wanted;
            moved = true;
        }
    }
    return moved;
}
