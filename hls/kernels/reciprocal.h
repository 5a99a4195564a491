// SPDX-License-Identifier: Apache-2.0
// The reciprocal of a whole number or sum.
#ifndef MR_RECIPROCAL_H
#define MR_RECIPROCAL_H

#include "activation_tables.h"
#include "hls.h"

typedef struct {
    uint32_t mantissa; // Q30, above 1/2, at most 1
    uint8_t shift;
} reciprocal_t;

// 1/sum = mantissa 2^-shift. sum: Q40, 1 to 2^most. For a number s from 1 to 2 the table has r,
// which is not above 1/s; with e = 1 - s r, below 1/990, 1/s is r (1 + e + e^2), short of e^3.
// The masks change nothing: they tell how many bits there are.
static inline reciprocal_t mr_reciprocal_of(uint64_t sum, int most) {
    uint8_t shift = 0;
    for (int bit = 1; bit <= most; bit++) {
        HLS(unroll)
        shift = sum >> (40 + bit) != 0 ? bit : shift;
    }
    const uint32_t s = (uint32_t)(sum >> shift >> 14) & 0x3ffffff; // Q26, without the 1
    const uint32_t r = mr_reciprocal[s >> 16];                     // Q15
    const uint64_t e = ((uint64_t)1 << 41) - ((uint64_t)r << 26) - (uint64_t)s * r; // Q41
    const uint32_t near = (uint32_t)(e >> 9) & 0x7fffff;                            // Q32
    const uint64_t square = (uint64_t)(near >> 6) * (near >> 6);                    // Q52
    const uint32_t series = (near + (uint32_t)(square >> 20)) & 0x7fffff;
    reciprocal_t reciprocal;
    reciprocal.mantissa = (r << 15) + (uint32_t)((uint64_t)r * series >> 17);
    reciprocal.shift = shift;
    return reciprocal;
}

#endif
