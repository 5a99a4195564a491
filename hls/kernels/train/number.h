// SPDX-License-Identifier: Apache-2.0
// Small floats of the optimisers: 16 bits of mantissa, the highest of which is set and not stored.
// Packed they have 24 bits: sign (bit 23), exponent + 126 (15 to 22), mantissa; 0 is 0, and what is
// below 2^-125.
#ifndef MR_TRAIN_NUMBER_H
#define MR_TRAIN_NUMBER_H

#include "hls.h"

// mantissa 2^(exponent - 15); the mantissa is 0 or at least 2^15.
typedef struct {
    bool negative;
    int16_t exponent;
    uint16_t mantissa;
} number_t;

static inline number_t mr_number_unpack(uint32_t packed) {
    number_t n;
    const bool zero = (packed & 0x7f8000) == 0;
    n.negative = (packed >> 23 & 1) != 0;
    n.exponent = (int16_t)((int32_t)(packed >> 15 & 255) - 126);
    n.mantissa = (uint16_t)(zero ? 0 : 0x8000 | (packed & 0x7fff));
    return n;
}

static inline uint32_t mr_number_pack(number_t n) {
    const bool zero = n.exponent <= -126 || n.mantissa == 0;
    const bool beyond = n.exponent > 127; // becomes the greatest one
    const uint32_t exponent = beyond ? 253 : (uint32_t)(n.exponent + 126) & 255;
    const uint32_t mantissa = beyond ? 0x7fff : n.mantissa & 0x7fff;
    return zero ? 0 : (uint32_t)n.negative << 23 | exponent << 15 | mantissa;
}

// m 2^(exponent - 31) to 16 bits, to nearest, ties away from 0. m: 0 or at least 2^31.
static inline number_t mr_number_round(bool negative, uint32_t m, int32_t exponent) {
    number_t n;
    const uint32_t rounded = (m >> 16) + (m >> 15 & 1);
    const bool carry = rounded >> 16 != 0;
    n.negative = negative;
    n.mantissa = (uint16_t)(carry ? 0x8000 : rounded);
    n.exponent = (int16_t)(m == 0 ? -126 : exponent + carry);
    return n;
}

// x 2^exponent; what is below its 32 highest bits is cut. x is not the least of all.
static inline number_t mr_number_of(int64_t x, int32_t exponent) {
    uint64_t m = (uint64_t)(x < 0 ? -x : x);
    int32_t top = 63;
    for (int i = 5; i >= 0; i--) {
        HLS(unroll)
        const int by = 1 << i;
        const bool high = m >> (64 - by) != 0;
        m = high ? m : m << by;
        top = high ? top : top - by;
    }
    return mr_number_round(x < 0, (uint32_t)(m >> 32), exponent + top);
}

static inline number_t mr_number_times(number_t a, number_t b) {
    const uint32_t p = (uint32_t)a.mantissa * b.mantissa;
    const bool high = p >> 31 != 0;
    return mr_number_round(a.negative != b.negative, high ? p : p << 1,
                           a.exponent + b.exponent + high);
}

// The lesser one has 8 bits more for the sum, what is below them is cut.
static inline number_t mr_number_plus(number_t a, number_t b) {
    const bool swap = a.mantissa == 0 || (b.mantissa != 0 && b.exponent > a.exponent) ||
                      (b.exponent == a.exponent && b.mantissa > a.mantissa);
    const uint32_t x = (uint32_t)(swap ? b.mantissa : a.mantissa) << 8;
    const int32_t exponent = swap ? b.exponent : a.exponent;
    const int32_t distance = swap ? b.exponent - a.exponent : a.exponent - b.exponent;
    const bool negative = swap ? b.negative : a.negative;
    const uint32_t by = (uint32_t)distance & 31;
    uint32_t y = (uint32_t)(swap ? a.mantissa : b.mantissa) << 8;
    y = by & 16 ? y >> 16 : y;
    y = by & 8 ? y >> 8 : y;
    y = by & 4 ? y >> 4 : y;
    y = by & 2 ? y >> 2 : y;
    y = by & 1 ? y >> 1 : y;
    y = distance < 0 || distance > 31 ? 0 : y;                    // below 0: the other one is 0
    uint32_t m = (a.negative == b.negative ? x + y : x - y) << 7; // 25 bits to 32
    int32_t top = 1;
    for (int i = 4; i >= 0; i--) {
        HLS(unroll)
        const int step = 1 << i;
        const bool high = m >> (32 - step) != 0;
        m = high ? m : m << step;
        top = high ? top : top - step;
    }
    return mr_number_round(negative, m, exponent + top);
}

#endif
