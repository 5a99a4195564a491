// SPDX-License-Identifier: Apache-2.0
// Floating point numbers of 16 bits.
#ifndef MR_HALF_H
#define MR_HALF_H

#include <math.h>
#include <stdint.h>
#include <string.h>

// float16: a sign, 5 bits of exponent, 10 of mantissa.
static inline double mr_half(uint16_t bits) {
    int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    double v = exponent == 31  ? (mantissa ? NAN : INFINITY)
               : exponent == 0 ? ldexp(mantissa, -24)
                               : ldexp(1024 + mantissa, exponent - 25);

    return bits >> 15 ? -v : v;
}

// bfloat16: the upper half of a float32.
static inline double mr_brain(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float f;

    memcpy(&f, &wide, 4);
    return f;
}

#endif
