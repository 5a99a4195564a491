// SPDX-License-Identifier: Apache-2.0
// Which runs the search for FIFO depths follows. Nothing tells how the scalars of a network belong
// together (total = sequences * steps), so combinations are tried: those that do not go together
// stop, and tell nothing. A need counts as bounded where a longer run of the same kind has no
// greater one.
//
// First come the runs that the user has given, with some of their scalars multiplied; then all
// combinations of 1, a size and the constants that scalars are compared with. Where two scalars
// were greater than 1 in different runs and never in the same one, as combinations of one size
// cannot show them together, small runs with both are looked for, and multiplied.
#include "depth_parts.h"

#include <string.h>

enum {
    SIZES = 5,
    CASES_MAX = 64,             // combinations of scalars
    SEEDS_MAX = 2048,           // small combinations
    GROWN_MAX = 6,              // scalars of which any may be multiplied
    WORK_MAX = 40 * 1000 * 1000 // operations, and issues, that are followed
};
static const int64_t sizes[SIZES] = {7, 64, 200, 1000, 4000};
static const int64_t factors[SIZES] = {1, 4, 16, 64, 256};
static const int64_t small_values[] = {1, 3, 4, 12};
enum { SMALL_VALUES = sizeof small_values / sizeof *small_values };

// Runs of one kind, of growing size: a combination, or a run of which some scalars are multiplied.
struct family {
    int combination;
    const int64_t *seed;    // or NULL: the combination
    const bool *multiplied; // scalars of the seed
};

// ---- scalars

static int64_t clamp_scalar(const struct type *type, int64_t value) {
    if (type->kind != TYPE_INT && type->kind != TYPE_BOOL)
        return value; // a stream: words
    const int bits = type->bits - (type->is_signed ? 1 : 0);
    const int64_t most = bits >= 62 ? INT64_MAX : ((int64_t)1 << bits) - 1;
    return value > most ? most : value;
}

static int64_t multiply(int64_t value, int64_t factor) {
    return value > INT64_MAX / factor ? INT64_MAX : value * factor;
}

// Values of a scalar that are tried: 1 and the size, or the constants that it is compared with and
// the size; in ratios also its double and fourfold.
static int choices(const struct analysis *a, int port) {
    if (!a->deciders.port[port])
        return 1;
    return (a->deciders.counts[port] ? a->deciders.counts[port] + 1 : 2) + (a->in_ratios ? 2 : 0);
}

// Sets the scalars of a combination at a size; `sized` tells which grow with it.
static void set_combination(struct analysis *a, int which, int64_t size, bool *sized) {
    for (int i = a->net->top->param_count - 1; i >= 0; i--) { // the last changes fastest
        const int count = choices(a, i), choice = which % count, constants = a->deciders.counts[i];
        const int scale = choice - (constants ? constants : 1); // log2 of it
        which /= count;
        sized[i] = a->deciders.port[i] && scale >= 0;
        a->port[i] = sized[i]    ? clamp_scalar(a->net->top->params[i]->type, size << scale)
                     : constants ? a->deciders.constants[i][choice]
                                 : 1;
    }
}

static void set_scalars(struct analysis *a, const struct family *family, int length, bool *sized) {
    if (!family->seed) {
        set_combination(a, family->combination, sizes[length], sized);
        return;
    }
    for (int i = 0; i < a->net->top->param_count; i++) {
        const int64_t value =
            multiply(family->seed[i], family->multiplied[i] ? factors[length] : 1);
        sized[i] = family->multiplied[i];
        a->port[i] = sized[i] ? clamp_scalar(a->net->top->params[i]->type, value) : value;
    }
}

static bool is_constant(const struct analysis *a, int port, int64_t value) {
    for (int i = 0; i < a->deciders.counts[port]; i++)
        if (a->deciders.constants[port][i] == value)
            return true;
    return false;
}

// ---- what a run has shown

struct series { // the runs of one family
    int64_t size;
    const char *names, *where;
    int *safe, *fast;
};

// The scalar that tells the size of a run, its name, and those that have its value: of a
// combination the greatest one; of a seed the least, for the others may be products of it. `where`:
// the scalars of a seed that stay, in words.
static void tell_size(const struct analysis *a, const struct family *family, const bool *sized,
                      struct series *s) {
    s->size = 0;
    s->names = s->where = "";
    for (int i = 0; i < a->net->top->param_count; i++)
        if (sized[i] && (!s->size || (family->seed ? a->port[i] < s->size : a->port[i] > s->size)))
            s->size = a->port[i];
    for (int i = 0; i < a->net->top->param_count; i++) {
        const char *name = a->net->top->params[i]->name;
        if (sized[i] && a->port[i] == s->size)
            s->names = arena_printf(a->cc, "%s%s%s", s->names, *s->names ? " = " : "", name);
        if (family->seed && !sized[i] && a->deciders.port[i] && a->port[i] > 1 &&
            !is_constant(a, i, a->port[i]))
            s->where = arena_printf(a->cc, "%s %s %s = %lld", s->where, *s->where ? "and" : "where",
                                    name, (long long)a->port[i]);
    }
}

// The greatest size of which a link needs no more than so many words, by two sizes.
static int64_t size_of_need(const struct series *before, const struct series *now, int link,
                            int64_t words) {
    const int64_t rise = now->safe[link] - before->safe[link];
    const int64_t run = now->size - before->size, above = (before->safe[link] - words) * run;
    return before->size - (above > 0 ? (above + rise - 1) / rise : above / rise);
}

static void compare_sizes(struct analysis *a, const struct series *before,
                          const struct series *now) {
    for (int i = 0; i < a->link_count; i++) {
        struct finding *f = &a->found[i];
        if (a->links[i].idle)
            continue;
        f->fast_grows = f->fast_grows || now->fast[i] > before->fast[i];
        if (now->safe[i] <= before->safe[i])
            continue;
        f->safe_grows = true;
        const int64_t limit = size_of_need(before, now, i, floor_depth(a, i, f->asked));
        if (f->limit < 0 || limit < f->limit) {
            f->limit = limit;
            f->limit_names = now->names;
            f->limit_where = now->where;
        }
    }
}

static bool needs_more(const struct analysis *a, const struct series *before,
                       const struct series *now) {
    for (int i = 0; i < a->link_count; i++)
        if (!a->links[i].idle && (now->safe[i] > before->safe[i] || now->fast[i] > before->fast[i]))
            return true;
    return false;
}

// A run has shown what its links need, or a part of it has.
static void take_needs(struct analysis *a, const struct series *s, bool part) {
    for (int i = 0; i < a->link_count; i++) {
        struct finding *f = &a->found[i];
        if (a->links[i].idle)
            continue;
        f->safe = s->safe[i] > f->safe ? s->safe[i] : f->safe;
        f->fast = s->fast[i] > f->fast ? s->fast[i] : f->fast;
        f->proved = true;
        f->capped = f->capped || part;
    }
}

// Notes of the links of a run that has ended which scalars were greater than 1.
static void note_scalars(struct analysis *a) {
    uint32_t large = 0;
    for (int d = 0; d < a->mixed_count; d++)
        large |= (uint32_t)(a->port[a->mixed[d]] > 1) << d;
    for (int i = 0; i < a->link_count; i++)
        for (int d = 0; d < a->mixed_count && !a->links[i].idle; d++) {
            if (!(large >> d & 1))
                continue;
            a->found[i].alone[d] |= ~large;
            a->found[i].together[d] |= large;
        }
}

bool is_unmixed(const struct analysis *a, int link, int one, int other) {
    const struct finding *f = &a->found[link];
    return (f->alone[one] >> other & 1) && (f->alone[other] >> one & 1) &&
           !(f->together[one] >> other & 1);
}

// Has the run that has just ended two large scalars that no run before had?
static bool mixes(const struct analysis *a) {
    for (int i = 0; i < a->link_count; i++)
        for (int d = 0; d < a->mixed_count && !a->links[i].idle; d++)
            for (int e = 0; e < d; e++)
                if (a->port[a->mixed[d]] > 1 && a->port[a->mixed[e]] > 1 && is_unmixed(a, i, d, e))
                    return true;
    return false;
}

static bool any_unmixed(const struct analysis *a) {
    for (int i = 0; i < a->link_count; i++)
        for (int d = 0; d < a->mixed_count; d++)
            for (int e = 0; e < d; e++)
                if (is_unmixed(a, i, d, e))
                    return true;
    return false;
}

// ---- families

static bool has_work(const struct analysis *a) {
    return a->work > 0 && a->flow_work > 0;
}

// Gives how many runs have ended.
static int try_family(struct analysis *a, const struct family *family) {
    const size_t ports = (size_t)a->net->top->param_count, links = (size_t)a->link_count;
    struct series s[2] = {{0}};
    bool *sized = arena_alloc(a->cc, ports + 1);
    for (int i = 0; i < 2; i++) {
        s[i].safe = arena_alloc(a->cc, (links + 1) * sizeof *s[i].safe);
        s[i].fast = arena_alloc(a->cc, (links + 1) * sizeof *s[i].fast);
    }
    struct series *now = NULL, *before = NULL;
    int runs = 0, ended = 0;
    bool stuck = false; // these scalars do not belong together
    for (int n = 0; n < SIZES && !a->error && has_work(a); n++) {
        int64_t *last = arena_copy(a->cc, a->port, (ports + 1) * sizeof *last);
        set_scalars(a, family, n, sized);
        if (runs++ && memcmp(last, a->port, ports * sizeof *last) == 0)
            break; // depends on no size, or has no greater one
        struct series *mine = &s[ended & 1];
        const enum outcome outcome = try_run(a, mine->safe, mine->fast);
        stuck = stuck || outcome == RUN_STUCK;
        if (outcome == RUN_ENDED || (outcome == RUN_CAPPED && !stuck && ended < 2))
            take_needs(a, mine, outcome == RUN_CAPPED);
        if (outcome == RUN_CAPPED || (outcome == RUN_IDLE && a->is_tree))
            break;
        if (outcome != RUN_ENDED && family->seed)
            break;
        if (outcome != RUN_ENDED)
            continue;
        tell_size(a, family, sized, mine);
        before = now;
        now = mine;
        ended++;
        if (!family->seed || ended > 1)
            note_scalars(a);
        for (int i = 0; i < a->link_count && family->seed && ended > 1; i++)
            a->found[i].compared = a->found[i].compared || !a->links[i].idle;
        if (family->seed && ended > 2 && !needs_more(a, before, now))
            break;
    }
    if (before)
        compare_sizes(a, before, now);
    return ended;
}

// A run by itself, and with all sets of its scalars multiplied.
static void try_seed(struct analysis *a, const int64_t *seed) {
    const int ports = a->net->top->param_count;
    bool *multiplied = arena_alloc(a->cc, (size_t)ports + 1);
    const struct family family = {.seed = seed, .multiplied = multiplied};
    int grown[GROWN_MAX], count = 0;
    if (!try_family(a, &family))
        return;
    for (int i = 0; i < ports && count < GROWN_MAX; i++)
        if (a->deciders.port[i] && seed[i] > 0 && !is_constant(a, i, seed[i]))
            grown[count++] = i;
    for (int set = 1; set < 1 << count && !a->error; set++) {
        for (int i = 0; i < count; i++)
            multiplied[grown[i]] = set >> i & 1;
        try_family(a, &family);
    }
}

// ---- all runs

static void try_samples(struct analysis *a, const struct sample *samples, int count) {
    for (int i = 0; i < count; i++)
        try_seed(a, samples[i].port);
    for (int i = 0; i < a->link_count; i++) {
        struct finding *f = &a->found[i];
        f->sampled = f->compared && !f->capped && has_work(a);
    }
}

// All combinations; false: not all of them.
static bool try_combinations(struct analysis *a) {
    int64_t cases = 1;
    for (int i = 0; i < a->net->top->param_count && cases <= CASES_MAX; i++)
        cases *= choices(a, i);
    for (int i = 0; i < cases && i < CASES_MAX && !a->error; i++)
        try_family(a, &(struct family){.combination = i});
    return cases <= CASES_MAX && has_work(a);
}

// Small values of a scalar, and the constants that it is compared with.
static int64_t small_value(const struct analysis *a, int port, int choice) {
    return choice < SMALL_VALUES ? small_values[choice]
                                 : a->deciders.constants[port][choice - SMALL_VALUES];
}

// Looks for runs with two large scalars that were not tried together.
static void try_small(struct analysis *a) {
    const int ports = a->net->top->param_count;
    const size_t links = (size_t)a->link_count + 1;
    int *safe = arena_alloc(a->cc, links * sizeof *safe);
    int *fast = arena_alloc(a->cc, links * sizeof *fast);
    int64_t *seed = arena_alloc(a->cc, ((size_t)ports + 1) * sizeof *seed), cases = 1;
    for (int i = 0; i < ports && cases <= SEEDS_MAX; i++)
        cases *= a->deciders.port[i] ? SMALL_VALUES + a->deciders.counts[i] : 1;
    for (int n = 0; n < cases && n < SEEDS_MAX && !a->error && has_work(a) && any_unmixed(a); n++) {
        for (int i = ports - 1, which = n; i >= 0; i--) {
            const int count = a->deciders.port[i] ? SMALL_VALUES + a->deciders.counts[i] : 1;
            seed[i] = clamp_scalar(a->net->top->params[i]->type, small_value(a, i, which % count));
            which /= count;
        }
        memcpy(a->port, seed, (size_t)ports * sizeof *seed);
        if (try_run(a, safe, fast) == RUN_ENDED && mixes(a))
            try_seed(a, seed);
    }
}

static void list_scalars(struct analysis *a) {
    for (int i = 0; i < a->net->top->param_count && a->mixed_count < MIXED_MAX; i++)
        if (a->deciders.port[i])
            a->mixed[a->mixed_count++] = i;
}

static void renew_work(struct analysis *a, int64_t work) {
    a->work = a->flow_work = work;
}

void follow_runs(struct analysis *a, const struct sample *samples, int sample_count) {
    list_scalars(a);
    renew_work(a, WORK_MAX);
    try_samples(a, samples, sample_count);
    renew_work(a, sample_count ? WORK_MAX / 4 : WORK_MAX);
    bool all = try_combinations(a);
    for (int i = 0; i < a->link_count && !a->in_ratios; i++)
        a->in_ratios = a->found[i].active && !a->found[i].proved && !a->found[i].claimed;
    if (a->in_ratios) // no run has ended
        all = try_combinations(a) && all;
    for (int i = 0; i < a->link_count; i++)
        a->found[i].capped = a->found[i].capped || !all;
    renew_work(a, WORK_MAX);
    try_small(a);
}
