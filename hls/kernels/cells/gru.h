// SPDX-License-Identifier: Apache-2.0
// The GRU cell whose reset gate works on the product (linear_before_reset = 1; torch.nn.GRU,
// cuDNN):
//   n = tanh(W x + b + r (R h + c)),  h' = (1 - z) n + z h,  r and z sigmoids
// Gates r, z, n.
#ifndef MR_CELLS_GRU_H
#define MR_CELLS_GRU_H

#include "activation.h"
#include "frame/pace.h"
#include "frame/state.h"

#define gru_GATES 3
#define gru_SPLIT 1 // n: r is between its sums
#define gru_SECOND 0
#define gru_HAS_CELL 0
#define gru_COUNTS 0

// Reading h 1, to the tiles 1, operands and product 2, accumulator and bias 1, shift 1, saturation
// and table 2, interpolation 3, x sum + r (h sum) 3, saturation and table 2, interpolation 3,
// n + z (h - n) 2, writing h 1.
#define gru_LATENCY(LC) (22 + MR_SUM_LATENCY(LC))

// h' = n + z (h - n), rounded: one product. It lies between n and h, for z is at most 32767 /
// 32768; both have 16 bits, so h' has. n, h, z: Q15.
static inline int16_t gru_mix(int32_t z, int32_t n, int32_t h) {
    return (int16_t)((n * 32768 + z * (h - n) + 16384) >> 15);
}

// sum: Q15 for r and z, Q16 for both of n.
static inline unit_state_t gru_unit_of(bool hard, const int64_t sum[gru_GATES + gru_SPLIT],
                                       unit_state_t old, int exponent, uint32_t *past) {
    const int32_t r = mr_gate(hard, sum[0]);
    const int32_t z = mr_gate(hard, sum[1]);
    // 27 bits, the wider side of a multiplier: +-1024, where tanh ends at +-8.
    const int64_t over_x = hls_saturate(sum[2], 27), over_h = hls_saturate(sum[3], 27);
    const int32_t n = mr_tanh(mr_argument((over_x * 32768 + 16384 + r * over_h) >> 15));
    unit_state_t unit;
    unit.h = gru_mix(z, n, old.h);
    unit.cell = 0;
    (void)exponent;
    *past = 0;
    return unit;
}

static inline unit_state_t gru_unit(const int64_t sum[gru_GATES + gru_SPLIT], unit_state_t old,
                                    int exponent, uint32_t *past) {
    return gru_unit_of(false, sum, old, exponent, past);
}

// With hard gates, as in lstm.h.
static inline unit_state_t gru_unit_hard(const int64_t sum[gru_GATES + gru_SPLIT], unit_state_t old,
                                         int exponent, uint32_t *past) {
    return gru_unit_of(true, sum, old, exponent, past);
}

#endif
