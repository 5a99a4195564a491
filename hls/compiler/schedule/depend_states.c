// SPDX-License-Identifier: Apache-2.0
// Distances (depend.h) where addresses depend on scalars that a loop hands on, such as the number
// of a slot that goes round: what a round of iterations does follows from what these scalars are as
// it begins, its state. All states are followed that can be reached, from what is known before the
// loop; what is not known of a scalar as a round ends may be any value of its range. The way from
// an access to the next one of its word is then the shortest over the rounds.
#include "depend_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_SCALARS = 16,
    MAX_CHOICE = 64, // values that an unknown scalar may have
    MAX_DEPTH = 8,   // of selections that are looked into
    MAX_STATES = 4096,
    MAX_WORDS = 1 << 24, // accesses x states x iterations of a round, and states x words
    FAR = INT32_MAX / 4
};

struct machine {
    bool is_known; // all states were followed
    const struct carried *scalar[MAX_SCALARS];
    int scalar_count;
    bool *is_scalar; // [op_count] the operation is a scalar's value as an iteration finds it
    const struct op **access;
    struct reasons *reasons; // [access_count]
    int access_count;
    int64_t (*value)[MAX_SCALARS]; // [state_count]
    int state_count, state_room;
    int32_t *word;  // [state_count][access_count][round]
    int *next;      // the states of the rounds that may follow, state after state
    int64_t *first; // [state_count + 1] of each in `next`
    int64_t next_room;
};

// ---- what is followed

static const struct carried *carried_of(const struct region *r, const struct op *phi) {
    for (int i = 0; i < r->carried_count; i++)
        if (r->carried[i].phi == phi)
            return &r->carried[i];
    return NULL;
}

static bool is_tracked(const struct machine *m, const struct carried *scalar) {
    for (int i = 0; i < m->scalar_count; i++)
        if (m->scalar[i] == scalar)
            return true;
    return false;
}

static bool is_dropped(const bool *dropped, const struct region *r, const struct carried *scalar) {
    return dropped[scalar - r->carried];
}

// The scalars on which addresses depend, and those on which these depend, into the cone. False:
// there are none, or too many.
static bool find_scalars(struct distances *d, struct machine *m, const bool *dropped) {
    const struct region *r = d->a->r;
    bool fits = true;
    m->scalar_count = 0;
    for (int i = 0; i < m->access_count; i++)
        fits = fits && cone_add(d, m->access[i]->in[0]);
    for (int at = 0; at < d->cone_count && fits; at++) {
        const struct op *op = d->cone[at];
        const struct carried *scalar = op->code == IR_PHI && !op->space ? carried_of(r, op) : NULL;
        if (!scalar || is_dropped(dropped, r, scalar) || is_tracked(m, scalar))
            continue;
        if (m->scalar_count == MAX_SCALARS)
            return false;
        m->scalar[m->scalar_count++] = scalar;
        m->is_scalar[op->id] = true;
        fits = cone_add(d, scalar->next);
    }
    for (int i = 0; i < m->access_count; i++)
        for (int k = 0; k < m->reasons[i].count; k++)
            fits = fits && cone_add(d, m->reasons[i].all[k].guard);
    cone_sort(d);
    return fits && m->scalar_count > 0;
}

// Accesses of the memories that the region writes.
static void find_accesses(struct distances *d, struct machine *m) {
    const struct pass *a = d->a;
    const size_t room = (size_t)a->s->op_count + (size_t)a->r->effect_count + 1;
    bool *written = arena_alloc(a->cc, (size_t)a->p->memory_count + 1);
    m->access = arena_alloc(a->cc, room * sizeof *m->access);
    m->reasons = arena_alloc(a->cc, room * sizeof *m->reasons);
    for (int i = 0; i < a->r->effect_count; i++)
        if (a->r->effects[i]->code == IR_STORE) {
            m->access[m->access_count++] = a->r->effects[i];
            written[a->r->effects[i]->imm] = true;
        }
    for (int n = 0; n < a->s->op_count; n++)
        if (a->s->ops[n]->code == IR_LOAD && written[a->s->ops[n]->imm])
            m->access[m->access_count++] = a->s->ops[n];
    for (int i = 0; i < m->access_count; i++)
        m->reasons[i] = find_reasons(d, m->access[i]);
}

// ---- states

// What a scalar may be as a round begins.
struct choice {
    wide low, high;
};

// Of an operation in the iteration that was evaluated: of a selection under an unknown condition
// one of two.
static struct choice choice_of(const struct distances *d, const struct op *op, int depth) {
    wide value;
    if (known_value(d, op, &value))
        return (struct choice){value, value};
    if (op->code != IR_SELECT || depth == 0)
        return (struct choice){op->low, op->high};
    if (known_value(d, op->in[0], &value))
        return choice_of(d, op->in[value ? 1 : 2], depth - 1);
    const struct choice x = choice_of(d, op->in[1], depth - 1),
                        y = choice_of(d, op->in[2], depth - 1);
    return (struct choice){x.low < y.low ? x.low : y.low, x.high > y.high ? x.high : y.high};
}

// The number of the state; -1: there are too many.
static int number_of(struct distances *d, struct machine *m, const int64_t value[MAX_SCALARS]) {
    const size_t size = (size_t)m->scalar_count * sizeof *value;
    for (int s = 0; s < m->state_count; s++)
        if (memcmp(m->value[s], value, size) == 0)
            return s;
    const int64_t words = (m->state_count + 1) * (int64_t)m->access_count * d->round;
    if (m->state_count == MAX_STATES || words > MAX_WORDS)
        return -1;
    if (m->state_count == m->state_room) {
        m->state_room = m->state_room ? 2 * m->state_room : 64;
        const size_t room = (size_t)m->state_room;
        void *values = realloc(m->value, room * sizeof *m->value);
        m->value = values ? values : m->value;
        void *first = realloc(m->first, (room + 1) * sizeof *m->first);
        m->first = first ? first : m->first;
        void *word =
            realloc(m->word, room * (size_t)m->access_count * (size_t)d->round * sizeof *m->word);
        m->word = word ? word : m->word;
        if (!values || !first || !word)
            return -1;
    }
    memcpy(m->value[m->state_count], value, size);
    return m->state_count++;
}

static bool add_next(struct machine *m, int64_t at, int state) {
    if (at == m->next_room) {
        m->next_room = m->next_room ? 2 * m->next_room : 256;
        int *next = realloc(m->next, (size_t)m->next_room * sizeof *next);
        if (!next)
            return false;
        m->next = next;
    }
    m->next[at] = state;
    return true;
}

// Adds all states that the choices leave; in `next` from *at on, which moves on, or NULL. False:
// too many.
static bool add_states(struct distances *d, struct machine *m,
                       const struct choice choice[MAX_SCALARS], int64_t *at) {
    int64_t value[MAX_SCALARS];
    for (int i = 0; i < m->scalar_count; i++)
        value[i] = (int64_t)choice[i].low;
    for (;;) {
        const int state = number_of(d, m, value);
        if (state < 0 || (at && !add_next(m, (*at)++, state)))
            return false;
        int i = 0;
        for (; i < m->scalar_count && value[i] == (int64_t)choice[i].high; i++)
            value[i] = (int64_t)choice[i].low;
        if (i == m->scalar_count)
            return true;
        value[i]++;
    }
}

// A scalar that may be anything is no part of a state. True: there was none.
static bool drop_wide(const struct distances *d, struct machine *m,
                      const struct choice choice[MAX_SCALARS], bool *dropped) {
    bool none = true;
    for (int i = 0; i < m->scalar_count; i++) {
        if (choice[i].high - choice[i].low < MAX_CHOICE)
            continue;
        dropped[m->scalar[i] - d->a->r->carried] = true;
        none = false;
    }
    return none;
}

// Follows a round to what the scalars may be at its end.
static void follow_round(struct distances *d, struct machine *m, int state,
                         struct choice choice[MAX_SCALARS]) {
    int32_t *word = m->word + (int64_t)state * m->access_count * d->round;
    for (int i = 0; i < m->scalar_count; i++)
        choice[i] = (struct choice){m->value[state][i], m->value[state][i]};
    for (int64_t n = 0; n < d->round; n++) {
        for (int i = 0; i < m->scalar_count; i++) {
            d->known[m->scalar[i]->phi->id] = choice[i].low == choice[i].high;
            d->value[m->scalar[i]->phi->id] = choice[i].low;
        }
        cone_evaluate(d, n, m->is_scalar);
        for (int k = 0; k < m->access_count; k++)
            word[k * d->round + n] = word_now(d, m->access[k], &m->reasons[k]);
        for (int i = 0; i < m->scalar_count; i++)
            choice[i] = choice_of(d, m->scalar[i]->next, MAX_DEPTH);
    }
}

// Follows all states from those before the loop. False: too many, or a scalar was dropped.
static bool follow_all(struct distances *d, struct machine *m, bool *dropped) {
    const struct region *r = d->a->r;
    struct choice choice[MAX_SCALARS];
    int64_t next = 0;
    m->state_count = 0;
    for (int i = 0; i < m->scalar_count; i++) {
        const struct op *before = m->scalar[i]->init ? m->scalar[i]->init : m->scalar[i]->phi;
        choice[i] = (struct choice){before->low, before->high};
    }
    if (!drop_wide(d, m, choice, dropped) || !add_states(d, m, choice, NULL))
        return false;
    for (int s = 0; s < m->state_count; s++) {
        if (d->round * d->cone_count > d->work)
            return false;
        follow_round(d, m, s, choice);
        m->first[s] = next;
        if (!drop_wide(d, m, choice, dropped) ||
            (r->levels > d->levels && !add_states(d, m, choice, &next)))
            return false;
    }
    m->first[m->state_count] = next;
    return true;
}

static struct machine *make_machine(struct distances *d) {
    const struct pass *a = d->a;
    struct machine *m = arena_alloc(a->cc, sizeof *m);
    bool *dropped = arena_alloc(a->cc, (size_t)a->r->carried_count + 1);
    if (!d->round || may_break_off(a->r))
        return m;
    find_accesses(d, m);
    for (int tries = 0; tries <= a->r->carried_count && !m->is_known; tries++) {
        m->is_scalar = arena_alloc(a->cc, (size_t)a->p->op_count + 1);
        const bool any = find_scalars(d, m, dropped);
        int before = 0, after = 0;
        for (int i = 0; i < a->r->carried_count; i++)
            before += dropped[i];
        m->is_known = any && follow_all(d, m, dropped);
        for (int i = 0; i < a->r->carried_count; i++)
            after += dropped[i];
        cone_clear(d);
        if (after == before)
            break;
    }
    return m;
}

void machine_free(struct machine *m) {
    if (!m)
        return;
    free(m->value);
    free(m->first);
    free(m->word);
    free(m->next);
}

// ---- distances

static const int32_t *words_of(const struct distances *d, int state, const struct op *access) {
    const struct machine *m = d->machine;
    int k = 0;
    while (m->access[k] != access)
        k++;
    return m->word + ((int64_t)state * m->access_count + k) * d->round;
}

// The accesses of a round from its end to its start: where the next one of each word is, counted
// from the round's start.
struct ahead {
    int32_t *word; // [words], and behind them of any word
    int64_t words;
    int32_t unknown; // the next one of an unknown word
};

static void come_to(struct ahead *ahead, int32_t word, int64_t n) {
    if (word == DOES_NOT_HAPPEN)
        return;
    ahead->word[ahead->words] = (int32_t)n;
    if (word == UNKNOWN_ADDRESS)
        ahead->unknown = (int32_t)n;
    else
        ahead->word[word] = (int32_t)n;
}

static int32_t next_of(const struct ahead *ahead, int64_t word) {
    const int32_t next = ahead->word[word];
    return next < ahead->unknown ? next : ahead->unknown;
}

// Makes *to what is next where a round of the state has ended.
static bool end_round(const struct distances *d, int state, const int32_t *way, int32_t *to,
                      int64_t words) {
    const struct machine *m = d->machine;
    bool changed = false;
    for (int64_t i = m->first[state]; i < m->first[state + 1]; i++) {
        const int32_t *next = way + m->next[i] * (words + 1);
        for (int64_t w = 0; w <= words; w++)
            if (next[w] + d->round < to[w]) {
                to[w] = (int32_t)(next[w] + d->round);
                changed = true;
            }
    }
    return changed;
}

// Iterations from the start of each state's round to the access of each word, and behind the words
// to that of any, at least: [state_count][words + 1]. NULL: too many.
static int32_t *find_ways(const struct distances *d, const struct op *access, int64_t words) {
    const struct machine *m = d->machine;
    const int64_t size = m->state_count * (words + 1);
    int32_t *way = size > MAX_WORDS ? NULL : malloc((size_t)size * sizeof *way);
    if (!way)
        return NULL;
    for (int64_t i = 0; i < size; i++)
        way[i] = FAR;
    for (int s = 0; s < m->state_count; s++) {
        struct ahead ahead = {way + s * (words + 1), words, FAR};
        for (int64_t n = d->round - 1; n >= 0; n--)
            come_to(&ahead, words_of(d, s, access)[n], n);
        for (int64_t w = 0; w < words; w++)
            ahead.word[w] = next_of(&ahead, w);
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (int s = 0; s < m->state_count; s++)
            changed |= end_round(d, s, way, way + s * (words + 1), words);
    }
    return way;
}

// From an access of `first` in a round of the state to the next of `second`; room: [words + 1].
static int32_t find_least(const struct distances *d, int state, const struct op *first,
                          const struct op *second, bool same_iteration, const int32_t *way,
                          int32_t *room, int64_t words) {
    const int32_t *x = words_of(d, state, first), *y = words_of(d, state, second);
    struct ahead ahead = {room, words, FAR};
    int32_t least = FAR;
    for (int64_t w = 0; w <= words; w++)
        room[w] = FAR;
    end_round(d, state, way, room, words);
    for (int64_t n = d->round - 1; n >= 0; n--) {
        if (same_iteration)
            come_to(&ahead, y[n], n);
        if (x[n] != DOES_NOT_HAPPEN) {
            const int32_t next = next_of(&ahead, x[n] == UNKNOWN_ADDRESS ? words : x[n]);
            if (next < FAR && next - n < least)
                least = (int32_t)(next - n);
        }
        if (!same_iteration)
            come_to(&ahead, y[n], n);
    }
    return least;
}

struct nearest nearest_by_states(struct distances *d, const struct op *first,
                                 const struct op *second, bool same_iteration) {
    const int64_t words = d->a->p->memories[first->imm].words;
    if (!d->machine)
        d->machine = make_machine(d);
    const struct machine *m = d->machine;
    int32_t *way = m->is_known ? find_ways(d, second, words) : NULL;
    int32_t *room = way ? malloc((size_t)(words + 1) * sizeof *room) : NULL;
    int32_t least = FAR;
    for (int s = 0; room && s < m->state_count; s++) {
        const int32_t found = find_least(d, s, first, second, same_iteration, way, room, words);
        least = found < least ? found : least;
    }
    const struct nearest nearest = {!room ? 0 : least < FAR ? least : -1, 0};
    free(way);
    free(room);
    return nearest;
}
