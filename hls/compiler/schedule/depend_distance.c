// SPDX-License-Identifier: Apache-2.0
// How many iterations lie between two accesses of one word at least, whatever the scalars are:
// guards and addresses are evaluated for every iteration of a round, and what is not known counts
// as the nearest possible. A round is one of the innermost loop, or of several loops whose bounds
// are constant. Where addresses depend on scalars that change from round to round,
// depend_states.c knows more.
#include "depend_parts.h"
#include "evaluate.h"

#include <stdlib.h>

enum {
    NOTHING_IS_KNOWN = -1, // accesses.count
    NOT_ASKED_YET = 0
};

struct accesses { // of one operation, in the iterations of a round
    int32_t *word;
    int64_t count; // behind them the access does not happen, or NOTHING_IS_KNOWN
};

// ---- values of expressions

bool cone_add(struct distances *d, const struct op *op) {
    const int from = d->cone_count;
    if (!op || d->in_cone[op->id])
        return true;
    if (from == MAX_CONE)
        return false;
    d->in_cone[op->id] = true;
    d->cone[d->cone_count++] = op;
    for (int at = from; at < d->cone_count; at++) {
        const struct op *o = d->cone[at];
        if (o->low == o->high || o == d->index || !ir_is_plain(o->code))
            continue;
        for (int k = 0; k < o->in_count; k++) {
            const struct op *in = o->in[k];
            if (d->in_cone[in->id])
                continue;
            if (d->cone_count == MAX_CONE)
                return false;
            d->in_cone[in->id] = true;
            d->cone[d->cone_count++] = in;
        }
    }
    return true;
}

static int by_number(const void *x, const void *y) {
    const struct op *a = *(const struct op *const *)x, *b = *(const struct op *const *)y;
    return (a->id > b->id) - (a->id < b->id);
}

void cone_sort(struct distances *d) {
    qsort(d->cone, (size_t)d->cone_count, sizeof *d->cone, by_number);
}

void cone_clear(struct distances *d) {
    for (int i = 0; i < d->cone_count; i++)
        d->in_cone[d->cone[i]->id] = false;
    d->cone_count = 0;
}

bool known_value(const struct distances *d, const struct op *op, wide *value) {
    *value = op->low == op->high ? op->low : d->value[op->id];
    return op->low == op->high || d->known[op->id];
}

// Is `op` an index of the round? Gives its value in the nth iteration.
static bool index_in_round(const struct distances *d, const struct op *op, int64_t n, wide *value) {
    const struct region *r = d->a->r;
    for (int i = 1; i <= d->levels; i++) {
        const struct level *level = &r->level[r->levels - i];
        const int64_t at = i < d->levels ? n % level->trips : n;
        if (op == level->index) {
            *value = level->start + at * level->step;
            return true;
        }
        n = i < d->levels ? n / level->trips : 0;
    }
    return false;
}

void cone_evaluate(struct distances *d, int64_t n, const bool *kept) {
    for (int i = 0; i < d->cone_count; i++) {
        const struct op *op = d->cone[i];
        if (index_in_round(d, op, n, &d->value[op->id])) {
            d->known[op->id] = true;
            continue;
        }
        if (kept && kept[op->id])
            continue;
        wide x[EVALUATE_OPERANDS] = {0};
        bool known[EVALUATE_OPERANDS] = {false};
        if (op->code >= IR_CAST && op->code <= IR_SELECT)
            for (int k = 0; k < op->in_count && k < EVALUATE_OPERANDS; k++)
                known[k] = known_value(d, op->in[k], &x[k]);
        d->known[op->id] = evaluate_op(op, known, x, &d->value[op->id]);
    }
    d->work -= d->cone_count;
}

// Is `op` a multiple of the index and a constant, as far as 32 bits tell? It leaves a memory then
// and does not come back.
static bool is_even(const struct distances *d, const struct op *op, wide *step, int depth) {
    wide x = 0, y = 0;
    const bool wraps_late = op->bits >= 32;
    *step = op == d->index;
    if (op == d->index || op->low == op->high)
        return true;
    if (depth > 32 || (op->in_count > 1 && !wraps_late) || !ir_is_plain(op->code) ||
        !is_even(d, op->in[0], &x, depth + 1) ||
        (op->in_count > 1 && !is_even(d, op->in[1], &y, depth + 1)))
        return false;
    const struct op *a = op->in[0], *b = op->in_count > 1 ? op->in[1] : NULL;
    switch (op->code) {
    case IR_CAST:
        *step = x;
        return wraps_late || (a->low >= op->low && a->high <= op->high);
    case IR_ADD:
        *step = x + y;
        break;
    case IR_SUB:
        *step = x - y;
        break;
    case IR_MUL:
        if (a->low != a->high && b->low != b->high)
            return false;
        *step = a->low == a->high ? a->low * y : b->low * x;
        break;
    case IR_SHL:
        if (b->low != b->high || b->low < 0 || b->low > 16)
            return false;
        *step = x << (int)b->low;
        break;
    default:
        return false;
    }
    return *step >= -MAX_ROUND && *step <= MAX_ROUND;
}

// ---- accesses

struct reasons find_reasons(const struct distances *d, const struct op *op) {
    struct reasons found = {.count = 0};
    if (op->code == IR_STORE) {
        if (op->in[2])
            found.all[found.count++] = (struct reason){op->in[2], true};
        return found;
    }
    for (const struct op *at = op, *user; (user = d->user[at->id]) && found.count < MAX_REASONS;
         at = user) {
        if (user->code == IR_STORE) {
            if (user->in[1] == at && user->in[2])
                found.all[found.count++] = (struct reason){user->in[2], true};
            break;
        }
        if (user->code == IR_SELECT && user->in[0] != at)
            found.all[found.count++] = (struct reason){user->in[0], user->in[1] == at};
        else if (user->code < IR_VIEW || user->code > IR_SELECT)
            break;
    }
    return found;
}

int32_t word_now(const struct distances *d, const struct op *op, const struct reasons *reasons) {
    wide value = 0;
    for (int i = 0; i < reasons->count; i++)
        if (known_value(d, reasons->all[i].guard, &value) && (value != 0) != reasons->all[i].when)
            return DOES_NOT_HAPPEN;
    value = 0;
    if (op->in[0] && !known_value(d, op->in[0], &value))
        return UNKNOWN_ADDRESS;
    // In no program that has a meaning.
    if (value < 0 || value >= d->a->p->memories[op->imm].words)
        return DOES_NOT_HAPPEN;
    return (int32_t)value;
}

// Iterations of a round that have to be looked at, or NOTHING_IS_KNOWN.
static int64_t round_of(struct distances *d, const struct op *op) {
    const struct region *r = d->a->r;
    if (!r->levels)
        return NOTHING_IS_KNOWN;
    if (d->levels > 1)
        return d->round;
    const struct level *inner = &r->level[r->levels - 1];
    const wide most =
        inner->trips >= 0 ? inner->trips : (inner->index->high - inner->start) / inner->step + 1;
    if (most <= MAX_ROUND)
        return (int64_t)most;
    // An address that steps on with the index leaves the memory in the end.
    wide step, address;
    if (!op->in[0] || !is_even(d, op->in[0], &step, 0))
        return NOTHING_IS_KNOWN;
    step *= inner->step;
    cone_evaluate(d, 0, NULL);
    if (!step || step > MAX_ROUND || step < -MAX_ROUND || !known_value(d, op->in[0], &address))
        return NOTHING_IS_KNOWN;
    // It may begin outside, where a guard keeps it from happening.
    const int64_t words = d->a->p->memories[op->imm].words;
    const wide leaves = step > 0 ? (words - address) / step : address / -step;
    return leaves > MAX_ROUND ? NOTHING_IS_KNOWN : leaves < 0 ? 0 : (int64_t)leaves + 2;
}

static void find_accesses(struct distances *d, const struct op *op, struct accesses *found) {
    const struct reasons reasons = find_reasons(d, op);
    found->count = NOTHING_IS_KNOWN;
    bool fits = cone_add(d, op->in[0]);
    for (int i = 0; i < reasons.count; i++)
        fits = fits && cone_add(d, reasons.all[i].guard);
    cone_sort(d);
    const int64_t rounds = fits ? round_of(d, op) : NOTHING_IS_KNOWN;
    if (rounds > 0 && rounds * d->cone_count <= d->work)
        found->word = malloc((size_t)rounds * sizeof *found->word);
    if (!found->word) {
        cone_clear(d);
        return;
    }
    found->count = rounds;
    for (int64_t n = 0; n < rounds; n++) {
        cone_evaluate(d, n, NULL);
        found->word[n] = word_now(d, op, &reasons);
    }
    cone_clear(d);
}

static const struct accesses *accesses_of(struct distances *d, const struct op *op) {
    struct accesses *found = &d->accesses[op->id];
    if (found->count == NOT_ASKED_YET)
        find_accesses(d, op, found);
    return found;
}

// ---- distances

// Banks that are named by constants and differ in one of them.
bool other_bank(const struct op *x, const struct op *y) {
    for (int i = 0; i < x->view_count && i < y->view_count; i++) {
        const struct view_index *a = &x->view[i], *b = &y->view[i];
        if (!a->dynamic && !b->dynamic && !a->terms && !b->terms && a->base != b->base)
            return true;
    }
    return false;
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
    if (r->breaks_all)
        return true;
    for (int i = 0; i < r->levels - 1; i++)
        if (!r->level[i].inclusive || r->level[i].step != 1 ||
            !says_equal(r->break_if, r->level[i].index, r->level[i].limit))
            return false;
    return true;
}

bool may_break_off(const struct region *r) {
    return r->break_if && !break_ends_all(r);
}

// Iterations of a round that another round follows, at least.
static int64_t least_round(const struct distances *d) {
    const struct region *r = d->a->r;
    const struct level *inner = &r->level[r->levels - 1];
    if (may_break_off(r))
        return 1;
    if (inner->trips >= 0)
        return d->round;
    const wide last = inner->limit->low - !inner->inclusive;
    const wide least = last < inner->start ? 1 : (last - inner->start) / inner->step + 1;
    return least > MAX_ROUND ? MAX_ROUND : (int64_t)least;
}

static void improve(struct nearest *best, int64_t distance, int64_t round) {
    if (best->distance < 0 || distance < best->distance)
        *best = (struct nearest){distance, round};
}

static int32_t word_in(const struct accesses *accesses, int64_t n) {
    return n < accesses->count ? accesses->word[n] : DOES_NOT_HAPPEN;
}

// Both in one round.
static void search_round(struct distances *d, const struct accesses *x, const struct accesses *y,
                         bool same_iteration, struct nearest *best) {
    const int64_t rounds = x->count > y->count ? x->count : y->count;
    int64_t any = -1, unknown = -1; // the latest access of any word, and of an unknown one
    for (int64_t n = 0; n < rounds; n++) {
        for (int part = 0; part < 2; part++) {
            const bool is_first = (part == 0) == same_iteration;
            const int32_t word = word_in(is_first ? x : y, n);
            if (word == DOES_NOT_HAPPEN)
                continue;
            if (is_first) {
                any = n;
                if (word == UNKNOWN_ADDRESS)
                    unknown = n;
                else
                    d->mark[word] = (int32_t)n;
                continue;
            }
            int64_t before = any;
            if (word != UNKNOWN_ADDRESS)
                before = d->mark[word] > unknown ? d->mark[word] : unknown;
            if (before >= 0)
                improve(best, n - before, 0);
        }
    }
    for (int64_t n = 0; n < x->count; n++)
        if (x->word[n] >= 0)
            d->mark[x->word[n]] = -1;
}

// The second one in the round that comes next. The first one's may end behind it, but not before
// `least` iterations.
static void search_next_round(struct distances *d, const struct accesses *x,
                              const struct accesses *y, int64_t least, struct nearest *best) {
    int64_t any = -1, unknown = -1; // the earliest ones
    for (int64_t n = y->count - 1; n >= 0; n--) {
        if (y->word[n] == DOES_NOT_HAPPEN)
            continue;
        any = n;
        if (y->word[n] == UNKNOWN_ADDRESS)
            unknown = n;
        else
            d->mark[y->word[n]] = (int32_t)n;
    }
    for (int64_t n = 0; n < x->count; n++) {
        if (x->word[n] == DOES_NOT_HAPPEN)
            continue;
        int64_t next = any;
        if (x->word[n] != UNKNOWN_ADDRESS) {
            next = d->mark[x->word[n]];
            if (next < 0 || (unknown >= 0 && unknown < next))
                next = unknown;
        }
        const int64_t round = n + 1 > least ? n + 1 : least;
        if (next >= 0)
            improve(best, round - n + next, round);
    }
    for (int64_t n = 0; n < y->count; n++)
        if (y->word[n] >= 0)
            d->mark[y->word[n]] = -1;
}

static bool make_marks(struct distances *d, int64_t words) {
    if (words <= d->mark_count)
        return true;
    free(d->mark);
    d->mark_count = 0;
    d->mark = words > INT32_MAX ? NULL : malloc((size_t)words * sizeof *d->mark);
    if (!d->mark)
        return false;
    d->mark_count = words;
    for (int64_t i = 0; i < words; i++)
        d->mark[i] = -1;
    return true;
}

static bool is_unknown(const struct accesses *accesses) {
    for (int64_t n = 0; n < accesses->count; n++)
        if (accesses->word[n] == UNKNOWN_ADDRESS)
            return true;
    return false;
}

struct nearest find_nearest(struct distances *d, const struct op *first, const struct op *second,
                            bool same_iteration) {
    const struct region *r = d->a->r;
    struct nearest best = {-1, 0};
    if (other_bank(first, second))
        return best;
    const struct accesses *x = accesses_of(d, first), *y = accesses_of(d, second);
    if (x->count == NOTHING_IS_KNOWN || y->count == NOTHING_IS_KNOWN ||
        !make_marks(d, d->a->p->memories[first->imm].words))
        return (struct nearest){same_iteration ? 0 : 1, 0};
    search_round(d, x, y, same_iteration, &best);
    if (r->levels > d->levels)
        search_next_round(d, x, y, least_round(d), &best);
    if (best.distance < 0 || (!is_unknown(x) && !is_unknown(y)))
        return best;
    const struct nearest known = nearest_by_states(d, first, second, same_iteration);
    return known.distance < 0 || known.distance > best.distance ? known : best;
}

// ---- the whole

static void note_user(struct distances *d, bool *seen, const struct op *op, const struct op *user) {
    if (!op)
        return;
    d->user[op->id] = seen[op->id] ? NULL : user;
    seen[op->id] = true;
}

static void find_users(struct distances *d, bool *seen) {
    const struct pass *a = d->a;
    for (int n = 0; n < a->s->op_count; n++) {
        const struct op *op = a->s->ops[n];
        for (int k = 0; k < op->in_count; k++)
            note_user(d, seen, op->in[k], op);
    }
    note_user(d, seen, a->r->break_if, NULL);
    note_user(d, seen, a->r->go_on, NULL);
    for (int i = 0; i < a->r->carried_count; i++)
        note_user(d, seen, a->r->carried[i].next, NULL);
}

// Several loops are a round where all of its iterations can be looked at.
static void find_levels(struct distances *d) {
    const struct region *r = d->a->r;
    if (!r->levels)
        return;
    d->levels = 1;
    d->round = r->level[r->levels - 1].trips > 0 ? r->level[r->levels - 1].trips : 0;
    if (!d->round || may_break_off(r))
        return;
    int64_t work = d->a->s->op_count; // of an iteration, at most
    for (int i = 0; i < r->effect_count; i++)
        work += r->effects[i]->code == IR_STORE ? d->a->s->op_count : 0;
    for (int n = 0; n < d->a->s->op_count; n++)
        work += d->a->s->ops[n]->code == IR_LOAD ? d->a->s->op_count : 0;
    while (d->levels < r->levels) {
        const int64_t trips = r->level[r->levels - 1 - d->levels].trips;
        if (trips <= 0 || trips > MAX_ROUND / d->round || trips * d->round > MAX_WORK / work)
            return;
        d->round *= trips;
        d->levels++;
    }
}

struct distances *distances_open(const struct pass *a) {
    struct compiler *cc = a->cc;
    const size_t count = (size_t)a->p->op_count + 1;
    struct distances *d = arena_alloc(cc, sizeof *d);
    d->a = a;
    d->index = a->r->levels ? a->r->level[a->r->levels - 1].index : NULL;
    d->work = MAX_WORK;
    find_levels(d);
    d->user = arena_alloc(cc, count * sizeof *d->user);
    d->accesses = arena_alloc(cc, count * sizeof *d->accesses);
    d->in_cone = arena_alloc(cc, count * sizeof *d->in_cone);
    d->value = arena_alloc(cc, count * sizeof *d->value);
    d->known = arena_alloc(cc, count * sizeof *d->known);
    find_users(d, arena_alloc(cc, count * sizeof(bool)));
    return d;
}

void distances_close(struct distances *d) {
    for (int i = 0; i < d->a->p->op_count; i++)
        free(d->accesses[i].word);
    free(d->mark);
    machine_free(d->machine);
}
