// SPDX-License-Identifier: Apache-2.0
// The GRU cell whose reset gate works on the product (linear_before_reset = 1; torch.nn.GRU,
// cuDNN):
//   n = tanh(W x + b + r (R h + c)),  h' = (1 - z) n + z h,  r and z sigmoids
// Gates r, z, n.
#ifndef MR_CELLS_GRU_H
#define MR_CELLS_GRU_H

#include "frame/pace.h"
#include "frame/state.h"
#include "place.h"

#define gru_GATES 3
#define gru_SPLIT 1 // n: r is between its sums
#define gru_SECOND 0
#define gru_HAS_CELL 0
#define gru_COUNTS 0

// Reading h 1, to the tiles 1, operands and product 2, accumulator and bias 1, shift 1, activation
// (place.h; a sigmoid: saturation and table 2, interpolation 3), x sum + r (h sum) 3, activation,
// n + z (h - n) 2, writing h 1; other: 1 where h' is saturated first, n is no
// tanh, or it is a scaled one and columns have 8 bits.
#define gru_LATENCY_OF(gate, g, other, LC) (12 + (gate) + (g) + (other) + MR_SUM_LATENCY(LC))
#define gru_LATENCY(LC) gru_LATENCY_OF(MR_TABLE_CYCLES, MR_TABLE_CYCLES, 0, LC)
#define gru_CUTS(kind) ((kind) != MR_SIGMOID && (kind) != MR_HARD_SIGMOID)

// h' = n + z (h - n), rounded: one product. z has gate's fraction bits, n and h as many as each
// other. Where z is a sigmoid or hard, it is between 0 and 32767 / 32768 and h' between n and h;
// both have 16 bits, so h' has. Else it is saturated; *past: how far it was beyond is added.
static inline int16_t gru_mix(mr_place_t gate, int32_t z, int32_t n, int32_t h, uint32_t *past) {
    if (!gru_CUTS(gate.kind))
        return (int16_t)((n * 32768 + z * (h - n) + 16384) >> 15);
    const int64_t mixed =
        (n * ((int64_t)1 << gate.frac) + (int64_t)z * (h - n) + ((int64_t)1 << (gate.frac - 1))) >>
        gate.frac;
    return (int16_t)mr_keep(mixed, 16, past);
}

// sum: Q15 for r and z, Q16 for both of n, or as their activations have it. n and h: Q15, or
// to_g's. *past: by how many units of h values were beyond.
static inline unit_state_t gru_unit_of(mr_place_t gate, mr_place_t to_g, mr_place_t to_h,
                                       const int64_t sum[gru_GATES + gru_SPLIT], unit_state_t old,
                                       int exponent, uint32_t *past) {
    uint32_t past_gate = 0, past_g = 0, past_sum = 0, past_h = 0;
    const int32_t r = mr_activate(gate, sum[0], &past_gate);
    const int32_t z = mr_activate(gate, sum[1], &past_gate);
    // 27 bits, the wider side of a multiplier: +-1024, where tanh ends at +-8.
    const int64_t over_x = mr_keep(sum[2], 27, &past_sum), over_h = mr_keep(sum[3], 27, &past_sum);
    const int64_t both =
        (over_x * ((int64_t)1 << gate.frac) + ((int64_t)1 << (gate.frac - 1)) + r * over_h) >>
        gate.frac;
    const int32_t n = mr_activate(to_g, both, &past_g);
    unit_state_t unit;
    unit.h = gru_mix(gate, z, n, old.h, &past_h);
    unit.cell = 0;
    (void)to_h;
    (void)exponent;
    *past = past_h + past_g + (MR_IS_OPEN(to_g.kind) ? past_sum : 0) +
            mr_past_in(past_gate, gate.frac, to_g.frac);
    return unit;
}

static inline unit_state_t gru_unit(const int64_t sum[gru_GATES + gru_SPLIT], unit_state_t old,
                                    int exponent, uint32_t *past) {
    return gru_unit_of(mr_own_place(MR_SIGMOID), mr_own_place(MR_TANH), mr_own_place(MR_TANH), sum,
                       old, exponent, past);
}

#endif
