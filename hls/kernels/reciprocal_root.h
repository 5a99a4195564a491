// SPDX-License-Identifier: Apache-2.0
// The reciprocal of the square root of a whole number.
#ifndef MR_RECIPROCAL_ROOT_H
#define MR_RECIPROCAL_ROOT_H

#include "activation_tables.h"
#include "hls.h"

typedef struct {
    int32_t mantissa; // Q17, above 1/2, below 1
    uint8_t shift;    // 0 to 30
} root_t;

// 1/sqrt(v) = mantissa 2^(shift - 30). v: 1 to 2^62 - 1. v 4^shift is a number from 1 to 4 in Q60,
// which is looked up. The mantissa is right up to a factor between 1 - 2^-16.6 and 1 + 2^-16.8:
//   The table's chords lie above the curve, by less than 2^-19 of it, and their ends are rounded to
//   Q24; what is looked up is cut to Q24 (up by 2^-25); rounding to Q17 is 2^-17 of the least
//   mantissa, and 1 itself becomes 1 - 2^-17.
static inline root_t mr_root_of(uint64_t v) {
    root_t root;
    uint64_t x = v;
    root.shift = 0;
    for (int step = 16; step > 0; step /= 2) {
        HLS(unroll)
        const bool small = x >> (62 - 2 * step) == 0;
        x = small ? x << (2 * step) : x;
        root.shift = small ? root.shift + step : root.shift;
    }
    const uint32_t cut = (uint32_t)(x >> 36) & 0x3ffffff; // Q24
    const uint32_t segment = cut >> 16;
    const uint64_t fall = (uint64_t)mr_root_slope[segment] * (cut & 0xffff);
    const uint64_t line = ((uint64_t)mr_root_base[segment] << 16) - fall; // Q40
    const uint32_t rounded = (uint32_t)((line + (1 << 22)) >> 23);
    root.mantissa = (int32_t)(rounded > 131071 ? 131071 : rounded);
    return root;
}

#endif
