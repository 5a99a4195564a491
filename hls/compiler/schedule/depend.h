// SPDX-License-Identifier: Apache-2.0
// How near accesses of one word of a memory may come in the iterations of a region.
#ifndef HLSC_DEPEND_H
#define HLSC_DEPEND_H

#include "schedule.h"

struct nearest {
    int64_t distance; // iterations from the one to the other, at least; -1: they never meet
    // Iterations of the innermost loop's round in which the first one happens, where the second one
    // comes in the next round; 0: it comes in the same one, or nothing is known of them.
    int64_t round;
};

struct distances;

struct distances *distances_open(const struct pass *a);
// From `first` to a later access `second`; the same iteration is later if `same_iteration`.
struct nearest find_nearest(struct distances *d, const struct op *first, const struct op *second,
                            bool same_iteration);
void distances_close(struct distances *d);
// May a break end a round of the innermost loop where another one follows?
bool may_break_off(const struct region *r);

#endif
