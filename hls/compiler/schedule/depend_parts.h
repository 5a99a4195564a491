// SPDX-License-Identifier: Apache-2.0
// Inside of the search for distances (depend.h): expressions that are evaluated for the iterations
// of a round, and what an access does in one.
#ifndef HLSC_DEPEND_PARTS_H
#define HLSC_DEPEND_PARTS_H

#include "depend.h"

enum {
    MAX_ROUND = 65536,    // iterations of an innermost loop that are looked at
    MAX_CONE = 2000,      // operations of an expression that is evaluated
    MAX_WORK = 1 << 28,   // evaluations of operations for one region
    UNKNOWN_ADDRESS = -1, // of an access that may happen
    DOES_NOT_HAPPEN = -2, // in this iteration
    MAX_REASONS = 8
};

struct machine;

struct distances {
    const struct pass *a;
    const struct op *index; // of the innermost loop, or NULL
    int levels;             // innermost loops that are a round together
    int64_t round;          // iterations of these; 0: known at run time only
    // The one operation that looks at this one, or NULL: none or several.
    const struct op **user;
    struct accesses *accesses; // [op_count]
    int64_t work;
    // The expressions that are evaluated together: in the order of their numbers.
    const struct op *cone[MAX_CONE];
    int cone_count;
    bool *in_cone; // [op_count]
    wide *value;   // [op_count]
    bool *known;
    int32_t *mark; // [words of the memory that was looked at last], all -1
    int64_t mark_count;
    struct machine *machine; // NULL: not asked for yet
};

// What an access is wanted for: `guard` has this value, or it does not happen.
struct reason {
    const struct op *guard;
    bool when;
};

struct reasons {
    struct reason all[MAX_REASONS];
    int count;
};

// Adds what `op`, which may be NULL, is made of; false: too much.
bool cone_add(struct distances *d, const struct op *op);
void cone_sort(struct distances *d);
void cone_clear(struct distances *d);
// In the nth iteration of a round. Operations that are no plain ones and no indices are unknown,
// but for those that the caller set: `kept`, which may be NULL, says so by number.
void cone_evaluate(struct distances *d, int64_t n, const bool *kept);
bool known_value(const struct distances *d, const struct op *op, wide *value);
// The selections and writes behind a load that throw its value away, or the guard of a store.
struct reasons find_reasons(const struct distances *d, const struct op *op);
// The word that the access looks at in the iteration that was evaluated, or one of the two above.
int32_t word_now(const struct distances *d, const struct op *op, const struct reasons *reasons);

// ---- depend_states.c

// As find_nearest, from what the region's scalars are in each round. `never` when they leave it
// open: distance 0.
struct nearest nearest_by_states(struct distances *d, const struct op *first,
                                 const struct op *second, bool same_iteration);
void machine_free(struct machine *machine);

#endif
