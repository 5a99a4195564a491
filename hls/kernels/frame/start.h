// SPDX-License-Identifier: Apache-2.0
// A number of a stream as a state from which a layer goes on (layer.h).
#ifndef MR_START_H
#define MR_START_H

#include "hls.h"

// Shifted left by so many bits, or below zero right and rounded.
static inline int64_t mr_shifted(int64_t number, int shift) {
    const int left = shift > 0 ? shift : 0, right = shift < 0 ? -shift : 0;

    return (number * ((int64_t)1 << left) + (((int64_t)1 << right) >> 1)) >> right;
}

// The same, cut to a signed number of `bits`. beyond: by how much it was outside of these, 0 where
// it was not.
static inline int64_t mr_start(int32_t number, int shift, int bits, uint32_t *beyond) {
    const int64_t wide = mr_shifted(number, shift);
    const int64_t least = -((int64_t)1 << (bits - 1)), most = -least - 1;
    const int64_t cut = wide < least ? least : wide > most ? most : wide;
    const int64_t off = wide < least ? least - wide : wide > most ? wide - most : 0;

    *beyond = (uint32_t)off;
    return cut;
}

#endif
