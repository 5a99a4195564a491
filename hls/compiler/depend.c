// SPDX-License-Identifier: Apache-2.0
// Dependences through memories: how many iterations lie between a write and a read of one word,
// found by evaluating guards and addresses for every value of the innermost index, and whether the
// schedule keeps them.
#include "schedule.h"

#include <stdlib.h>
#include <string.h>

// Value of an expression of the innermost index alone, for index value `k`.
static bool evaluate(const struct region *r, const struct op *op, int64_t k, int depth,
                     wide *value) {
    wide x[3];
    if (depth > 24)
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
    bool known[3] = {false, false, false};
    for (int i = 0; i < op->in_count && i < 3; i++)
        known[i] = evaluate(r, op->in[i], k, depth + 1, &x[i]);
    if (op->code == IR_SELECT) {
        if (!known[0])
            return false;
        *value = x[0] ? x[1] : x[2];
        return x[0] ? known[1] : known[2];
    }
    if (op->code == IR_AND && op->bits == 1) {
        if ((known[0] && !x[0]) || (known[1] && !x[1])) {
            *value = 0;
            return true;
        }
    }
    if (op->code == IR_OR && op->bits == 1) {
        if ((known[0] && x[0]) || (known[1] && x[1])) {
            *value = 1;
            return true;
        }
    }
    for (int i = 0; i < op->in_count; i++)
        if (!known[i])
            return false;
    switch (op->code) {
    case IR_CAST:
        *value = ir_wrap(x[0], op->bits, op->is_signed);
        break;
    case IR_TRUNC:
        *value = ir_wrap(x[0], (int)op->imm, true);
        break;
    case IR_ADD:
        *value = x[0] + x[1];
        break;
    case IR_SUB:
        *value = x[0] - x[1];
        break;
    case IR_MUL:
        *value = x[0] * x[1];
        break;
    case IR_AND:
        *value = x[0] & x[1];
        break;
    case IR_OR:
        *value = x[0] | x[1];
        break;
    case IR_XOR:
        *value = x[0] ^ x[1];
        break;
    case IR_NOT:
        *value = op->bits == 1 ? !x[0] : ~x[0];
        break;
    case IR_NEG:
        *value = -x[0];
        break;
    case IR_SHL:
        *value = x[0] * ((wide)1 << (int)x[1]);
        break;
    case IR_SHR:
        *value = x[0] >> (int)x[1];
        break;
    case IR_EQ:
        *value = x[0] == x[1];
        break;
    case IR_LT:
        *value = x[0] < x[1];
        break;
    case IR_LE:
        *value = x[0] <= x[1];
        break;
    default:
        return false;
    }
    *value = ir_wrap(*value, op->bits, op->is_signed);
    return true;
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
    if (op->code == IR_STORE && op->in[2] && evaluate(r, op->in[2], k, 0, &value) && !value)
        at.may_happen = false;
    at.address_known = op->in[0] == NULL || evaluate(r, op->in[0], k, 0, &at.address);
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
        if (evaluate(a->r, guard, k, 0, &value) && (value != 0) != when)
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

// Least number of iterations from `first` to a later access `second` of the same word; -1: never.
static int64_t least_distance(const struct pass *a, const struct op *first, const struct op *second,
                              bool same_iteration) {
    const struct region *r = a->r;
    if (!r->levels || r->level[r->levels - 1].trips < 0 || r->level[r->levels - 1].trips > 65536)
        return same_iteration ? 0 : 1;
    const int64_t trips = r->level[r->levels - 1].trips;
    const bool outer = r->levels > 1;
    struct access_at *x = malloc((size_t)trips * sizeof *x), *y = malloc((size_t)trips * sizeof *y);
    if (!x || !y) {
        free(x);
        free(y);
        return same_iteration ? 0 : 1;
    }
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
    int64_t best = -1;
    if (!all_known && trips > 512) {
        best = same_iteration ? 0 : 1;
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
                    distance = r->break_if && !break_ends_all(r) ? m + 1 : trips - n + m;
                }
                if (best < 0 || distance < best)
                    best = distance;
            }
        }
    }
    free(x);
    free(y);
    return best;
}

void check_dependences(struct pass *a, int memory) {
    struct schedule *s = a->s;
    const struct memory *m = &a->p->memories[memory];
    const struct op *loads[64], *stores[64];
    int load_count = 0, store_count = 0;
    for (int i = 0; i < a->p->op_count; i++) {
        const struct op *op = a->p->ops[i];
        if (!op->alias && s->time[i].needed && op->code == IR_LOAD && op->imm == memory &&
            load_count < 64)
            loads[load_count++] = op;
    }
    for (int i = 0; i < a->r->effect_count; i++)
        if (a->r->effects[i]->code == IR_STORE && a->r->effects[i]->imm == memory &&
            store_count < 64)
            stores[store_count++] = a->r->effects[i];
    if (m->kind == MEMORY_ROM)
        return;
    if (store_count > 1)
        fail(a->cc, stores[1]->loc,
             "memory '%s' is written at two places of one pipelined loop (the other is "
             "line %d); a memory has one write port: join them, or partition it",
             m->name, stores[0]->loc.line);
    for (int i = 0; i < load_count; i++) {
        for (int k = 0; k < store_count; k++) {
            const struct op *load = loads[i], *store = stores[k];
            // Loads are numbered in program order too: compare identities within the graph.
            const bool store_first = store->id < load->id;
            const int w = s->time[store->id].start, r = s->time[load->id].start;
            const int64_t back = least_distance(a, load, store, !store_first);
            if (back >= 0 && r > w + back)
                fail(a->cc, load->loc,
                     "'%s' is overwritten %lld iterations after this read, but the schedule "
                     "reads %d stages later than it writes; read it earlier into a variable",
                     m->name, (long long)back, r - w);
            const int64_t distance = least_distance(a, store, load, store_first);
            s->dependences = arena_grow(a->cc, s->dependences,
                                        (size_t)s->dependence_count * sizeof *s->dependences,
                                        (size_t)(s->dependence_count + 1) * sizeof *s->dependences);
            struct found_dependence *found = &s->dependences[s->dependence_count++];
            *found = (struct found_dependence){memory, distance, w + 1 - r, store, load, false};
            int64_t claim = -1;
            for (int c = 0; c < a->r->claim_count; c++)
                if (strcmp(a->r->claims[c].var->name, m->name) == 0) {
                    claim = a->r->claims[c].distance;
                    found->claimed = true;
                    if (distance >= 0 && distance < claim)
                        fail(a->cc, a->r->claims[c].loc,
                             "dependence claims a distance of %lld for '%s'; the "
                             "nearest write (line %d) and read (line %d) of one word are %lld "
                             "iterations apart",
                             (long long)claim, m->name, store->loc.line, load->loc.line,
                             (long long)distance);
                }
            if (distance >= 0 && distance < w + 1 - r)
                fail(a->cc, load->loc,
                     "II=1 is impossible for loop '%s': '%s' is read %lld iteration%s after "
                     "it is written (line %d), but its new value takes %d cycles; put at least %d "
                     "iterations "
                     "between them, or declare a longer distance by a larger loop",
                     a->r->name, m->name, (long long)distance, distance == 1 ? "" : "s",
                     store->loc.line, w + 1 - r, w + 1 - r);
        }
    }
    for (int c = 0; c < a->r->claim_count; c++)
        if (strcmp(a->r->claims[c].var->name, m->name) == 0 && (!load_count || !store_count))
            fail(a->cc, a->r->claims[c].loc,
                 "dependence names '%s', which this loop does not both write and "
                 "read",
                 m->name);
}
