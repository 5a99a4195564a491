// SPDX-License-Identifier: Apache-2.0
// The GRU cell whose reset gate works on the state (linear_before_reset = 0; Cho et al. 2014,
// ONNX's default):
//   n = tanh(W x + R (r h) + b),  h' = (1 - z) n + z h,  r and z sigmoids
// Gates r, z, n. The columns of n's second phase are r h.
#ifndef MR_CELLS_GRU_RESET_FIRST_H
#define MR_CELLS_GRU_RESET_FIRST_H

#include "activation.h"
#include "cells/gru.h"
#include "frame/pace.h"
#include "frame/state.h"

#define gru_reset_first_GATES 3
#define gru_reset_first_SPLIT 0
#define gru_reset_first_SECOND 1 // n
#define gru_reset_first_HAS_CELL 0
#define gru_reset_first_COUNTS 0

// Reading h 1, to the tiles 1, operands and product 2, accumulator and bias 1, shift 1, saturation
// and table 2, interpolation 3, then n + z (h - n) 2 and writing h 1; or r h 3 and writing it 1.
#define gru_reset_first_LATENCY(LC) (14 + MR_SUM_LATENCY(LC))
#define gru_reset_first_SECOND_LATENCY(LC) (15 + MR_SUM_LATENCY(LC))

// r h: Q15, and no further from 0 than h. sum[0]: Q15.
static inline int16_t gru_reset_first_columns_of(bool hard, const int64_t sum[2],
                                                 unit_state_t old) {
    return (int16_t)((mr_gate(hard, sum[0]) * old.h + 16384) >> 15);
}

static inline int16_t gru_reset_first_columns(const int64_t sum[2], unit_state_t old) {
    return gru_reset_first_columns_of(false, sum, old);
}

// sum: Q15 for z, Q16 for n.
static inline unit_state_t gru_reset_first_unit_of(bool hard,
                                                   const int64_t sum[gru_reset_first_GATES],
                                                   unit_state_t old, int exponent, uint32_t *past) {
    const int32_t z = mr_gate(hard, sum[1]);
    const int32_t n = mr_tanh(mr_argument(sum[2]));
    unit_state_t unit;
    unit.h = gru_mix(z, n, old.h);
    unit.cell = 0;
    (void)exponent;
    *past = 0;
    return unit;
}

static inline unit_state_t gru_reset_first_unit(const int64_t sum[gru_reset_first_GATES],
                                                unit_state_t old, int exponent, uint32_t *past) {
    return gru_reset_first_unit_of(false, sum, old, exponent, past);
}

// With hard gates, as in lstm.h.
static inline int16_t gru_reset_first_columns_hard(const int64_t sum[2], unit_state_t old) {
    return gru_reset_first_columns_of(true, sum, old);
}

static inline unit_state_t gru_reset_first_unit_hard(const int64_t sum[gru_reset_first_GATES],
                                                     unit_state_t old, int exponent,
                                                     uint32_t *past) {
    return gru_reset_first_unit_of(true, sum, old, exponent, past);
}

#endif
