// SPDX-License-Identifier: Apache-2.0
// The terms and quotients of a softmax: exponentials of what is not above 0, and a term over their
// sum. heads/softmax.h says how exact they are.
#ifndef MR_EXPONENTIAL_H
#define MR_EXPONENTIAL_H

#include "activation_tables.h"
#include "reciprocal.h"

// exp(-distance 2^-frac) as m 2^-n: m, Q25, 1/2 to 1 or 0, in bits 6 to 31, and n in bits 0 to 5.
// The masks change nothing: they tell how many bits there are.
static inline uint32_t mr_softmax_exp(uint32_t distance, int frac) {
    const bool far = (uint64_t)distance >> (frac > -5 ? frac + 5 : 0) != 0; // 32 or more
    const int up = frac < 24 ? 24 - frac : 0, down = frac > 24 ? frac - 24 : 0;
    const uint64_t d = (uint64_t)distance << up >> down & 0x1fffffff; // Q24
    const uint64_t power = d * 48408813 >> 25; // n and f, Q24; log2(e) is Q25
    const uint32_t segment = (uint32_t)(power >> 14) & 1023;
    const uint64_t fall = (uint64_t)(mr_exp_slope[segment] * ((int32_t)power & 16383));
    const uint32_t m = (uint32_t)(((uint64_t)mr_exp_base[segment] * 16384 - fall) >> 15);
    return far ? 0 : m << 6 | (uint32_t)(power >> 24 & 63);
}

// Rounded to nearest, ties up.
static inline int32_t mr_softmax_quotient(uint32_t power, reciprocal_t reciprocal) {
    const uint64_t product = (uint64_t)(power >> 6) * reciprocal.mantissa >> 20; // Q35
    const uint64_t cut = product >> ((power & 63) + reciprocal.shift);
    return (int32_t)(((cut >> 10) + 1) >> 1);
}

#endif
