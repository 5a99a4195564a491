// SPDX-License-Identifier: Apache-2.0
// Sigmoid and tanh by table and linear interpolation: 1,024 segments, at most one unit in the last
// place of the Q15 result (tests/tables_test.c tries every argument).
#ifndef MR_ACTIVATION_H
#define MR_ACTIVATION_H

#include "activation_tables.h"
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

// A gate from its scaled sum: sigmoid, or hard, the sum itself from 0 to 1. Both Q15.
static inline int32_t mr_gate(bool hard, int64_t sum) {
    const int32_t ended = (int32_t)(sum < 0 ? 0 : sum > 32767 ? 32767 : sum);
    return hard ? ended : mr_sigmoid(mr_argument(sum));
}

#endif
