// SPDX-License-Identifier: Apache-2.0
// For tests of the planner: repeatable random numbers and random shapes.
#ifndef PLAN_FIXTURE_H
#define PLAN_FIXTURE_H

#include "plan.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// xorshift64*
static inline uint32_t fixture_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * UINT64_C(2685821657736338717) >> 32);
}

// From low to high, both included.
static inline int fixture_between(uint64_t *state, int low, int high) {
    return low + (int)(fixture_random(state) % (uint32_t)(high - low + 1));
}

static inline void fixture_shape(uint64_t *state, int most, struct mr_shape *shape,
                                 int lc[MR_MAX_LAYERS]) {
    memset(shape, 0, sizeof *shape);
    shape->layer_count = fixture_between(state, 1, 3);
    int inputs = fixture_between(state, 1, most);
    for (int l = 0; l < shape->layer_count; l++) {
        shape->layers[l].inputs = inputs;
        inputs = shape->layers[l].hidden = fixture_between(state, 1, most);
        lc[l] = fixture_between(state, 1, inputs < 12 ? inputs : 12);
    }
    shape->outputs = fixture_between(state, 1, 3);
    shape->sigmoid = fixture_random(state) & 1;
}

#endif
