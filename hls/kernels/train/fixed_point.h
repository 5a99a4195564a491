// SPDX-License-Identifier: Apache-2.0
// What the forward and the backward functions of all cells share: roundings, activations, scales.
// docs/training.md defines the arithmetic.
//
// Numbers, Qn being n fraction bits:
//   weights and biases   Q20, 24 bits; the upper 16 of a weight (Q12) are multiplied
//   x, h                 Q15, 16 bits, from -32767 on; cell state: Q11, 16 bits
//   sums of a gate       Q27: weight times column, exact; cut to Q20, the unit of the biases
//   sigmoids             Q16, 0 to 65535; tanhs: Q15
//   dh, dc               24 bits, in units of 2^-state_scale of the layer
//   delta                16 bits, in units of 2^-delta_scale: derivatives by a gate's argument
//   weight gradients     Q(delta_scale + 15), exact
// A value is rounded once, to nearest with ties up, and then saturated. Factors of a derivative are
// rounded to 16 bits or so, that a product takes one multiplier.
#ifndef MR_TRAIN_FIXED_POINT_H
#define MR_TRAIN_FIXED_POINT_H

#include "hls.h"
#include "train/train_tables.h"

// What a cell's backward function tells of a unit.
typedef struct {
    int16_t delta[4];
    int32_t before;      // derivative by the state of the step before: dc, or dh on the direct way
    uint32_t seen_state; // OR of the magnitudes of dh and dc before they were cut
    uint32_t seen_delta; // and of the deltas, of 31 bits
} train_back_t;

// x / 2^shift, rounded to nearest, ties up. shift: 1 to 32. Five selects, which hlsc spreads over
// stages as it needs.
static inline int64_t mr_scale_down(int64_t x, uint32_t shift) {
    const uint32_t n = shift - 1;
    int64_t y = n & 16 ? x >> 16 : x;
    y = n & 8 ? y >> 8 : y;
    y = n & 4 ? y >> 4 : y;
    y = n & 2 ? y >> 2 : y;
    y = n & 1 ? y >> 1 : y;
    return (y + 1) >> 1;
}

// All bits of |x|, or of |x| - 1 below 0.
static inline uint32_t mr_magnitude(int32_t x) {
    return (uint32_t)(x < 0 ? ~x : x);
}

// Bits up to the highest set one; 0 of 0.
static inline int32_t mr_bits(uint32_t x) {
    int32_t n = 0;
    for (int i = 0; i < 32; i++) {
        HLS(unroll)
        const int32_t m = x >> i & 1 ? i + 1 : 0;
        n = m > n ? m : n;
    }
    return n;
}

// A weight as it is multiplied.
static inline int16_t mr_train_weight(int32_t master) {
    return (int16_t)(master >> 8);
}

// A gate's sum of products, cut to the unit of its bias, and the bias: Q20.
static inline int64_t mr_train_sum(int64_t sum, int32_t bias) {
    return (sum >> 7) + bias;
}

// The argument of an activation, Q12.
static inline int32_t mr_train_argument(int64_t sum, int32_t bias) {
    return (int32_t)hls_saturate((mr_train_sum(sum, bias) + 128) >> 8, 16);
}

// Segments are in rising order of the argument; the sign bit is flipped instead of adding 64.
static inline int32_t mr_train_segment(int32_t argument) {
    return ((argument >> 9) & 127) ^ 64;
}

static inline int32_t mr_train_sigmoid(int32_t argument) { // Q16
    const int32_t s = mr_train_segment(argument);
    return (mr_train_sigmoid_base[s] * 512 + 512 + mr_train_sigmoid_slope[s] * (argument & 511)) >>
           10;
}

static inline int32_t mr_train_tanh(int32_t argument) { // Q15
    const int32_t s = mr_train_segment(argument);
    return (mr_train_tanh_base[s] * 512 + 1024 + mr_train_tanh_slope[s] * (argument & 511)) >> 11;
}

// y (1 - y) of a sigmoid, Q16, 0 to 2^14.
static inline int32_t mr_sigmoid_rise(int32_t y) {
    return (int32_t)(((int64_t)y * (65536 - y) + 32768) >> 16);
}

// 1 - y^2 of a tanh, Q16, 0 to 2^16.
static inline int32_t mr_tanh_rise(int32_t y) {
    return ((1 << 30) - y * y) >> 14;
}

// What comes to dh: from the layer above, from the step behind through the weights (24 bits each).
static inline int32_t mr_train_cut(int32_t x, uint32_t *seen) {
    *seen |= mr_magnitude(x);
    return (int32_t)hls_saturate(x, 24);
}

// Deltas are from -32767 on, so that two products of them and weights fit 32 bits; as x and h are.
static inline int16_t mr_train_delta(int64_t product, uint32_t shift, uint32_t *seen) {
    const int32_t delta = (int32_t)hls_saturate(mr_scale_down(product, shift), 31);
    *seen |= mr_magnitude(delta);
    return (int16_t)(delta > 32767 ? 32767 : delta < -32767 ? -32767 : delta);
}

// dh and dx of the sum over a layer's rows of weight and delta. shift: of the layer whose h it is,
// mr_train_shift.
static inline int32_t mr_train_gradient(int64_t sum, uint32_t shift) {
    return (int32_t)hls_saturate(mr_scale_down(sum, shift), 24);
}

// ---- scales, 2^scale units being 1. They are chosen once a mini-batch from what the one before
// had; these functions see to it that all shifts are from 1 to 32.

// For mr_train_gradient: from the deltas of one layer to dh of the same one, or of the one below.
static inline uint32_t mr_train_shift(int32_t delta_scale, int32_t state_scale) {
    const int32_t shift = 12 + delta_scale - state_scale;
    return (uint32_t)(shift > 32 ? 32 : shift);
}

// Of a cell's backward function.
static inline uint32_t mr_train_cell_shift(int32_t state_scale, int32_t delta_scale) {
    return (uint32_t)(16 + state_scale - delta_scale);
}

// The scale of dh and dc: 22 of 23 bits for the greatest. What was cut is 8 times as great at the
// most likely. above: the delta_scale of the layer above + 11, or 31 of the last layer.
static inline int32_t mr_next_state_scale(int32_t scale, uint32_t seen, int32_t above) {
    const int32_t bits = mr_bits(seen);
    const int32_t next = bits == 0 ? scale : bits > 23 ? scale - 3 : scale + 22 - bits;
    const int32_t most = above < 60 ? above : 60;
    return next > most ? most : next < 0 ? 0 : next;
}

// The scale of deltas: 14 of 15 bits for the greatest; not finer than the products that they are
// rounded from, nor so coarse that dh would be finer than theirs. It may lower *state_scale.
static inline int32_t mr_next_delta_scale(int32_t scale, uint32_t seen, int32_t *state_scale) {
    const int32_t bits = mr_bits(seen);
    const int32_t next = bits == 0 ? scale : scale + 14 - bits;
    const int32_t most = *state_scale + 14 < 60 ? *state_scale + 14 : 60;
    const int32_t kept = next > most ? most : next < -11 ? -11 : next;
    *state_scale = *state_scale > kept + 11 ? kept + 11 : *state_scale;
    return kept;
}

#endif
