// SPDX-License-Identifier: Apache-2.0
// Sigmoid, tanh and others by table and linear interpolation: 1,024 segments, at most one unit in
// the last place of the Q15 result (tests/tables_test.c tries every argument).
#ifndef MR_ACTIVATION_H
#define MR_ACTIVATION_H

#include "activation_tables.h"
#include "formats.h"
#include "hls.h"

// The argument of sigmoid or tanh from a scaled sum: 20 bits, Q15 (range ±16) for sigmoid, Q16
// (range ±8) for tanh. Both have reached their ends in Q15 where it ends.
static inline int32_t mr_argument(int64_t sum) {
    return (int32_t)hls_saturate(sum, 20);
}

// The same from an accumulator plus its bias, which holds the half that rounds the shift.
static inline int32_t mr_gate_argument(int64_t acc, int64_t bias, uint8_t shift) {
    return mr_argument((acc + bias) >> shift);
}

// arg: 20 bits signed. base: Q17 at the start of a segment; slope: Q17 over the segment. Returns
// Q15.
static inline int32_t mr_interpolate(int32_t base, int16_t slope, int32_t arg) {
    const int32_t fraction = arg & 1023;
    return ((base * 1024 + 2048) + slope * fraction) >> 12;
}

// Segments are in rising order of the argument; the sign bit is flipped instead of adding 512.
static inline int32_t mr_segment(int32_t arg) {
    return ((arg >> 10) & 1023) ^ 512;
}

static inline int32_t mr_sigmoid(int32_t arg) {
    const int32_t segment = mr_segment(arg);
    return mr_interpolate(mr_sigmoid_base[segment], mr_sigmoid_slope[segment], arg);
}

static inline int32_t mr_tanh(int32_t arg) {
    const int32_t segment = mr_segment(arg);
    return mr_interpolate(mr_tanh_base[segment], mr_tanh_slope[segment], arg);
}

// A table whose segments widen: from 0 to 2^18 512 of 2^9, then from 2^(16 + 2 r) to four times
// that 3 2^(7 - r) of 2^(9 + 3 r).
typedef struct {
    uint32_t segment;
    int32_t fraction; // 10 bits
} wide_segment_t;

// arg: Q16. It is in range r, or one behind it, or else `before` is right.
static inline wide_segment_t mr_wider(wide_segment_t before, uint32_t arg, int r) {
    const bool in = arg >> (16 + 2 * r) != 0;
    wide_segment_t at;
    at.segment = in ? ((arg >> (9 + 3 * r)) + 896 - 7 * (128 >> r)) & 1023 : before.segment;
    at.fraction = in ? (int32_t)((arg >> (3 * r - 1)) & 1023) : before.fraction;
    return at;
}

// Of an argument below 16, and of any.
static inline wide_segment_t mr_near_segment(uint32_t arg) {
    wide_segment_t first;
    first.segment = (arg >> 9) & 1023;
    first.fraction = (int32_t)(arg & 511) * 2;
    return mr_wider(first, arg, 1);
}

static inline wide_segment_t mr_far_segment(uint32_t arg) {
    const wide_segment_t at = mr_wider(mr_wider(mr_near_segment(arg), arg, 2), arg, 3);
    return mr_wider(mr_wider(mr_wider(mr_wider(at, arg, 4), arg, 5), arg, 6), arg, 7);
}

// The magnitude of an argument, Q16, of so many bits.
static inline uint32_t mr_size(int64_t arg, int bits) {
    const uint64_t size = (uint64_t)(arg < 0 ? -arg : arg), most = ((uint64_t)1 << bits) - 1;
    return (uint32_t)(size > most ? most : size);
}

// x / (1 + |x|), Q15.
static inline int32_t mr_softsign(int64_t arg) {
    const wide_segment_t at = mr_far_segment(mr_size(arg, 32));
    const int32_t value =
        mr_interpolate(mr_softsign_base[at.segment], mr_softsign_slope[at.segment], at.fraction);
    return arg < 0 ? -value : value;
}

// 1 - e^-|x| and log(1 + e^-|x|), Q15: at their ends from 16 on.
static inline int32_t mr_less_exp(int64_t arg) {
    const wide_segment_t at = mr_near_segment(mr_size(arg, 20));
    return mr_interpolate(mr_less_exp_base[at.segment], mr_less_exp_slope[at.segment], at.fraction);
}

static inline int32_t mr_log_exp(int64_t arg) {
    const wide_segment_t at = mr_near_segment(mr_size(arg, 20));
    return mr_interpolate(mr_log_exp_base[at.segment], mr_log_exp_slope[at.segment], at.fraction);
}

// What a smooth ReLU is less than a ReLU, Q15: 0 from 16 on.
static inline int32_t mr_dip(uint8_t kind, int64_t arg) {
    const wide_segment_t at = mr_near_segment(mr_size(arg, 20));
    if (kind == MR_SWISH)
        return mr_interpolate(mr_swish_base[at.segment], mr_swish_slope[at.segment], at.fraction);
    if (kind == MR_GELU)
        return mr_interpolate(mr_gelu_base[at.segment], mr_gelu_slope[at.segment], at.fraction);
    if (kind == MR_GELU_TANH)
        return mr_interpolate(mr_gelu_tanh_base[at.segment], mr_gelu_tanh_slope[at.segment],
                              at.fraction);
    if (kind == MR_HARD_SWISH)
        return mr_interpolate(mr_hard_swish_base[at.segment], mr_hard_swish_slope[at.segment],
                              at.fraction);
    // One product for both tables.
    const bool below = arg < 0;
    return mr_interpolate(below ? mr_mish_below_base[at.segment] : mr_mish_base[at.segment],
                          below ? mr_mish_below_slope[at.segment] : mr_mish_slope[at.segment],
                          at.fraction);
}

#endif
