// SPDX-License-Identifier: Apache-2.0
// The GRU cell whose reset gate works on the state (linear_before_reset = 0; Cho et al. 2014,
// ONNX's default):
//   n = tanh(W x + R (r h) + b),  h' = (1 - z) n + z h,  r and z sigmoids
// Gates r, z, n. The columns of n's second phase are r h.
#ifndef MR_CELLS_GRU_RESET_FIRST_H
#define MR_CELLS_GRU_RESET_FIRST_H

#include "cells/gru.h"
#include "frame/pace.h"
#include "frame/state.h"
#include "place.h"

#define gru_reset_first_GATES 3
#define gru_reset_first_SPLIT 0
#define gru_reset_first_SECOND 1 // n
#define gru_reset_first_HAS_CELL 0
#define gru_reset_first_COUNTS 0

// Reading h 1, to the tiles 1, operands and product 2, accumulator and bias 1, shift 1, activation
// (place.h), then n + z (h - n) 2 and writing h 1; or r h 3 and writing it 1. other: as in gru.h.
#define gru_reset_first_LATENCY_OF(gate, g, other, LC)                                             \
    (9 + MR_MAX(gate, g) + (other) + MR_SUM_LATENCY(LC))
#define gru_reset_first_LATENCY(LC)                                                                \
    gru_reset_first_LATENCY_OF(MR_TABLE_CYCLES, MR_TABLE_CYCLES, 0, LC)
#define gru_reset_first_SECOND_LATENCY_OF(gate, other, LC)                                         \
    (10 + (gate) + (other) + MR_SUM_LATENCY(LC))
#define gru_reset_first_SECOND_LATENCY(LC) gru_reset_first_SECOND_LATENCY_OF(MR_TABLE_CYCLES, 0, LC)

// Is r calculated for the second phase and again, to count what was cut?
#define gru_reset_first_TWICE(kind, frac) (MR_IS_OPEN(kind) || (frac) < 15)

// r h, with h's fraction bits, and no further from 0 than h but where r has no end, or less than 15
// fraction bits: then it is saturated (-1 times -1 is beyond, too). sum: Q15.
static inline int16_t gru_reset_first_weighed(mr_place_t gate, int64_t sum, int32_t h,
                                              uint32_t *past) {
    uint32_t past_gate = 0;
    const int32_t r = mr_activate(gate, sum, &past_gate);
    int64_t weighed = ((int64_t)r * h + ((int64_t)1 << (gate.frac - 1))) >> gate.frac;
    if (gru_reset_first_TWICE(gate.kind, gate.frac))
        weighed = mr_keep(weighed, 16, past);
    return (int16_t)weighed;
}

static inline int16_t gru_reset_first_columns_of(mr_place_t gate, const int64_t sum[2],
                                                 unit_state_t old) {
    uint32_t past = 0; // _unit tells
    return gru_reset_first_weighed(gate, sum[0], old.h, &past);
}

static inline int16_t gru_reset_first_columns(const int64_t sum[2], unit_state_t old) {
    return gru_reset_first_columns_of(mr_own_place(MR_SIGMOID), sum, old);
}

// sum: Q15 for z, Q16 for n, or as their activations have it. n and h: Q15, or to_g's. *past: by
// how many units of h values were beyond.
static inline unit_state_t gru_reset_first_unit_of(mr_place_t gate, mr_place_t to_g,
                                                   mr_place_t to_h,
                                                   const int64_t sum[gru_reset_first_GATES],
                                                   unit_state_t old, int exponent, uint32_t *past) {
    uint32_t past_gate = 0, past_g = 0, past_h = 0;
    const int32_t z = mr_activate(gate, sum[1], &past_gate);
    const int32_t n = mr_activate(to_g, sum[2], &past_g);
    unit_state_t unit;
    unit.h = gru_mix(gate, z, n, old.h, &past_h);
    unit.cell = 0;
    if (gru_reset_first_TWICE(gate.kind, gate.frac)) { // what went to the second phase is told here
        (void)mr_activate(gate, sum[0], &past_gate);
        (void)gru_reset_first_weighed(gate, sum[0], old.h, &past_h);
    }
    (void)to_h;
    (void)exponent;
    *past = past_h + past_g + mr_past_in(past_gate, gate.frac, to_g.frac);
    return unit;
}

static inline unit_state_t gru_reset_first_unit(const int64_t sum[gru_reset_first_GATES],
                                                unit_state_t old, int exponent, uint32_t *past) {
    return gru_reset_first_unit_of(mr_own_place(MR_SIGMOID), mr_own_place(MR_TANH),
                                   mr_own_place(MR_TANH), sum, old, exponent, past);
}

#endif
