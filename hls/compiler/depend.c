// SPDX-License-Identifier: Apache-2.0
// Dependences through memories: how many iterations lie between a write and a read of one word,
// found by evaluating guards and addresses for every value of the innermost index, and whether the
// schedule keeps them.
#include "evaluate.h"
#include "schedule.h"

#include <stdlib.h>
#include <string.h>

// `work`: operations that may still be looked at; an expression that takes more is not known.
static bool evaluate_within(const struct region *r, const struct op *op, int64_t k, int *work,
                            wide *value) {
    wide x[EVALUATE_OPERANDS] = {0};
    if (--*work < 0)
        return false;
    if (op->low == op->high) {
        *value = op->low;
        return true;
    }
    if (r->levels && op == r->level[r->levels - 1].index) {
        *value = k;
        return true;
    }
    if (op->code < IR_CAST || op->code > IR_SELECT)
        return false;
    bool known[EVALUATE_OPERANDS] = {false};
    for (int i = 0; i < op->in_count && i < EVALUATE_OPERANDS; i++)
        known[i] = evaluate_within(r, op->in[i], k, work, &x[i]);
    return evaluate_op(op, known, x, value);
}

// Value of an expression of the innermost index alone, for index value `k`.
static bool evaluate(const struct region *r, const struct op *op, int64_t k, wide *value) {
    int work = 2000;
    return evaluate_within(r, op, k, &work, value);
}

struct access_at { // what is known of an access in the iteration with inner index number n
    bool may_happen, address_known;
    wide address;
};

static struct access_at access_in(const struct region *r, const struct op *op, int64_t n) {
    const struct level *inner = &r->level[r->levels - 1];
    const int64_t k = inner->start + n * inner->step;
    struct access_at at = {.may_happen = true};
    wide value;
    if (op->code == IR_STORE && op->in[2] && evaluate(r, op->in[2], k, &value) && !value)
        at.may_happen = false;
    at.address_known = op->in[0] == NULL || evaluate(r, op->in[0], k, &at.address);
    if (!op->in[0])
        at.address = 0;
    return at;
}

// A load whose value is thrown away by a selection on the index does not happen: find the guard.
static const struct op *load_guard(const struct process *p, const struct schedule *s,
                                   const struct op *load, bool *when) {
    const struct op *user = NULL;
    for (int i = 0; i < p->op_count; i++) {
        const struct op *u = p->ops[i];
        if (u->alias || !s->time[i].needed)
            continue;
        for (int k = 0; k < u->in_count; k++) {
            if (u->in[k] == load) {
                if (user)
                    return NULL;
                user = u;
            }
        }
    }
    if (!user)
        return NULL;
    if (user->code == IR_VIEW || user->code == IR_CAST || user->code == IR_TRUNC)
        return load_guard(p, s, user, when);
    if (user->code != IR_SELECT || user->in[0] == load)
        return NULL;
    if (user->in[1] == load && user->in[2] == load)
        return NULL;
    // Its own condition, or the one of a selection further on.
    *when = user->in[1] == load;
    return user->in[0];
}

static bool load_happens(const struct pass *a, const struct op *load, int64_t n) {
    const struct level *inner = &a->r->level[a->r->levels - 1];
    const int64_t k = inner->start + n * inner->step;
    const struct op *at = load;
    for (int depth = 0; depth < 8; depth++) {
        bool when = true;
        const struct op *guard = load_guard(a->p, a->s, at, &when);
        if (!guard)
            return true;
        wide value;
        if (evaluate(a->r, guard, k, &value) && (value != 0) != when)
            return false;
        for (int i = 0; i < a->p->op_count; i++) { // on to that selection
            const struct op *u = a->p->ops[i];
            if (!u->alias && a->s->time[i].needed && u->code == IR_SELECT && u->in[0] == guard &&
                (u->in[1] == at || u->in[2] == at ||
                 ((u->in[1]->code == IR_VIEW || u->in[1]->code == IR_CAST) &&
                  u->in[1]->in[0] == at) ||
                 ((u->in[2]->code == IR_VIEW || u->in[2]->code == IR_CAST) &&
                  u->in[2]->in[0] == at))) {
                at = u;
                break;
            }
        }
    }
    return true;
}

// Does `condition` say that index equals limit?
static bool says_equal(const struct op *condition, const struct op *index, const struct op *limit) {
    if (condition->code == IR_AND && condition->bits == 1)
        return says_equal(condition->in[0], index, limit) ||
               says_equal(condition->in[1], index, limit);
    return condition->code == IR_EQ && ((condition->in[0] == index && condition->in[1] == limit) ||
                                        (condition->in[1] == index && condition->in[0] == limit));
}

// A break that only happens in the last round of all outer loops leaves no round to come.
static bool break_ends_all(const struct region *r) {
    for (int i = 0; i < r->levels - 1; i++)
        if (!r->level[i].inclusive || r->level[i].step != 1 ||
            !says_equal(r->break_if, r->level[i].index, r->level[i].limit))
            return false;
    return true;
}

// Banks that are named by constants and differ in one of them.
bool other_bank(const struct op *x, const struct op *y) {
    for (int i = 0; i < x->view_count && i < y->view_count; i++) {
        const struct view_index *a = &x->view[i], *b = &y->view[i];
        if (!a->dynamic && !b->dynamic && !a->terms && !b->terms && a->base != b->base)
            return true;
    }
    return false;
}

// How many values of the innermost index have to be looked at? -1: not to be told. Where the bound
// is known at run time only, addresses that step on with the index leave the memory in the end.
static int64_t rounds_of(const struct pass *a, const struct op *first, const struct op *second) {
    const struct region *r = a->r;
    if (!r->levels)
        return -1;
    const struct level *inner = &r->level[r->levels - 1];
    if (inner->trips >= 0)
        return inner->trips <= 65536 ? inner->trips : -1;
    const wide most = (inner->index->high - inner->start) / inner->step + 1;
    if (most <= 4096)
        return (int64_t)most;
    const int64_t words = a->p->memories[first->imm].words;
    if (words > 16384 || r->levels > 1)
        return -1;
    int64_t rounds = 0;
    for (int side = 0; side < 2; side++) {
        const struct op *op = side ? second : first;
        const struct access_at at = access_in(r, op, 0), next = access_in(r, op, 1);
        const wide step = next.address - at.address;
        if (!at.address_known || !next.address_known || step == 0)
            return -1;
        // It may begin outside, where a guard keeps it from happening.
        const wide leaves = step > 0 ? (words - at.address) / step : at.address / -step;
        if (leaves > 32768)
            return -1;
        for (int64_t n = 2; n <= leaves + 1; n++) {
            const struct access_at later = access_in(r, op, n);
            if (!later.address_known || later.address != at.address + n * step)
                return -1;
        }
        rounds = leaves + 2 > rounds ? (int64_t)leaves + 2 : rounds;
    }
    return rounds;
}

// Least number of iterations from `first` to a later access `second` of the same word; -1: never.
static int64_t least_distance(const struct pass *a, const struct op *first, const struct op *second,
                              bool same_iteration) {
    const struct region *r = a->r;
    if (other_bank(first, second))
        return -1;
    const int64_t unknown = same_iteration ? 0 : 1;
    const int64_t trips = rounds_of(a, first, second);
    if (trips < 0)
        return unknown;
    const bool outer = r->levels > 1;
    struct access_at *x = calloc((size_t)trips + 1, sizeof *x),
                     *y = calloc((size_t)trips + 1, sizeof *y);
    int64_t *last = NULL, best = -1;
    const int64_t words = a->p->memories[first->imm].words;
    if (!x || !y)
        goto give_up;
    bool all_known = true;
    for (int64_t n = 0; n < trips; n++) {
        x[n] = access_in(r, first, n);
        y[n] = access_in(r, second, n);
        if (first->code == IR_LOAD)
            x[n].may_happen = load_happens(a, first, n);
        if (second->code == IR_LOAD)
            y[n].may_happen = load_happens(a, second, n);
        all_known = all_known && (x[n].address_known || !x[n].may_happen) &&
                    (y[n].address_known || !y[n].may_happen);
    }
    if (!all_known && trips > 512)
        goto give_up;
    const bool cut = r->break_if && !break_ends_all(r);
    if (all_known && !cut) { // iteration by iteration, two rounds
        last = malloc((size_t)words * sizeof *last);
        if (!last)
            goto give_up;
        for (int64_t w = 0; w < words; w++)
            last[w] = -1;
        for (int64_t n = 0; n < trips * (outer ? 2 : 1); n++) {
            const struct access_at *mine = &x[n % trips], *other = &y[n % trips];
            const bool counts = mine->may_happen && mine->address >= 0 && mine->address < words;
            if (counts && same_iteration)
                last[mine->address] = n;
            if (other->may_happen && other->address >= 0 && other->address < words &&
                last[other->address] >= 0 && (best < 0 || n - last[other->address] < best))
                best = n - last[other->address];
            if (counts)
                last[mine->address] = n;
        }
    } else {
        for (int64_t n = 0; n < trips; n++) {
            if (!x[n].may_happen)
                continue;
            for (int64_t m = 0; m < trips; m++) {
                if (!y[m].may_happen ||
                    (x[n].address_known && y[m].address_known && x[n].address != y[m].address))
                    continue;
                int64_t distance = m - n;
                if (distance < 0 || (distance == 0 && !same_iteration)) {
                    if (!outer)
                        continue;
                    // The next round of the outer loop; a break may end this one early.
                    distance = cut ? m + 1 : trips - n + m;
                }
                if (best < 0 || distance < best)
                    best = distance;
            }
        }
    }
    free(x);
    free(y);
    free(last);
    return best;
give_up:
    free(x);
    free(y);
    free(last);
    return unknown;
}

static void add_dependence(struct pass *a, const struct op *from, const struct op *to,
                           int64_t distance) {
    struct schedule *s = a->s;
    s->dependences =
        arena_grow(a->cc, s->dependences, (size_t)s->dependence_count * sizeof *s->dependences,
                   (size_t)(s->dependence_count + 1) * sizeof *s->dependences);
    s->dependences[s->dependence_count++] = (struct found_dependence){
        .memory = (int)from->imm, .from = from, .to = to, .distance = distance};
}

static void apply_claims(struct pass *a, struct found_dependence *d) {
    const char *name = a->p->memories[d->memory].name;
    for (int c = 0; c < a->r->claim_count; c++) {
        const struct dependence *claim = &a->r->claims[c];
        if (strcmp(claim->var->name, name) != 0)
            continue;
        d->claimed = true;
        d->loc = claim->loc;
        if (d->distance < 0 || d->distance >= claim->distance)
            continue;
        if (claim->is_asserted) {
            d->asserted = true;
            d->distance = claim->distance;
            continue;
        }
        fail(
            a->cc, claim->loc,
            "dependence claims a distance of %lld for '%s'; the nearest write (line %d) and read "
            "(line %d) of one word are %lld iterations apart; claim that, or add the option assert "
            "to have it checked in simulation instead of proved",
            (long long)claim->distance, name, d->from->loc.line, d->to->loc.line,
            (long long)d->distance);
    }
}

void find_dependences(struct pass *a) {
    const struct process *p = a->p;
    bool *both = arena_alloc(a->cc, (size_t)p->memory_count + 1);
    for (int m = 0; m < p->memory_count; m++) {
        if (p->memories[m].kind == MEMORY_ROM)
            continue;
        for (int i = 0; i < a->r->effect_count; i++) {
            const struct op *store = a->r->effects[i];
            if (store->code != IR_STORE || store->imm != m)
                continue;
            for (int k = 0; k < p->op_count; k++) {
                const struct op *load = p->ops[k];
                if (load->alias || !a->s->time[k].needed || load->code != IR_LOAD || load->imm != m)
                    continue;
                both[m] = true;
                // Operations are numbered in program order.
                const bool store_first = store->id < load->id;
                add_dependence(a, store, load, least_distance(a, store, load, store_first));
                struct found_dependence *raw = &a->s->dependences[a->s->dependence_count - 1];
                apply_claims(a, raw);
                const int64_t back = least_distance(a, load, store, !store_first);
                if (back >= 0)
                    add_dependence(a, load, store, back);
            }
            for (int k = 0; k < a->r->effect_count; k++) {
                const struct op *other = a->r->effects[k];
                if (k == i || other->code != IR_STORE || other->imm != m)
                    continue;
                int64_t distance = least_distance(a, store, other, i < k);
                if (distance == 0 && ir_exclusive(store->in[2], other->in[2]))
                    distance = 1;
                if (distance >= 0)
                    add_dependence(a, store, other, distance);
            }
        }
    }
    for (int c = 0; c < a->r->claim_count; c++)
        for (int m = 0; m < p->memory_count; m++)
            if (strcmp(a->r->claims[c].var->name, p->memories[m].name) == 0 && !both[m])
                fail(a->cc, a->r->claims[c].loc,
                     "dependence names '%s', which this loop does not both write and read; remove "
                     "the pragma",
                     p->memories[m].name);
}

bool keep_dependences(struct pass *a) {
    const struct op_time *time = a->s->time;
    bool moved = false;
    for (int i = 0; i < a->s->dependence_count; i++) {
        struct found_dependence *d = &a->s->dependences[i];
        if (d->distance < 0)
            continue;
        const bool raw = d->from->code == IR_STORE && d->to->code == IR_LOAD;
        const bool follows = raw && a->follows[d->memory];
        const int from = time[d->from->id].start;
        const int to = follows ? time[d->to->id].ready : time[d->to->id].start;
        // A read may happen in the cycle of the write that follows it; it sees the old word.
        const int gap = d->from->code == IR_STORE ? 1 : 0;
        d->needed = from + gap - to;
        if (to + d->distance * a->ii >= from + gap)
            continue;
        const struct memory *m = &a->p->memories[d->memory];
        if (raw) {
            a->reason = arena_printf(
                a->cc,
                "'%s' is read %lld iteration%s after it is written (line %d), but its new value "
                "takes %d cycles; put at least %d iterations between them, or keep the value in a "
                "scalar",
                m->name, (long long)d->distance, d->distance == 1 ? "" : "s", d->from->loc.line,
                d->needed, d->needed);
        } else {
            a->reason = arena_printf(
                a->cc,
                "'%s' is written here, and read or written (line %d) in an order that allows no "
                "smaller interval; access it once in an iteration, or partition it",
                m->name, d->from->loc.line);
        }
        a->reason_loc = d->to->loc;
        a->reason_memory = raw ? d->memory : -1;
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
