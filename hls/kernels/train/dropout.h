// SPDX-License-Identifier: Apache-2.0
// Dropout between layers: which values are kept is a function of the value's place and a key, so
// that forwards and backwards, in any order, have the same. The kept ones are multiplied by
// 1/(1 - p), of which `factor` is Q16 without a power of two, that belongs to the next layer's unit
// of weights: values stay within 16 bits.
#ifndef MR_TRAIN_DROPOUT_H
#define MR_TRAIN_DROPOUT_H

#include "hls.h"

// 16 bits of a place: 8 rounds of addition, rotation and exclusive or, as Speck32 has them
// (Beaulieu et al. 2013).
static inline uint16_t mr_train_random(uint32_t place, uint64_t key) {
    uint16_t x = (uint16_t)(place >> 16), y = (uint16_t)place;
    for (int i = 0; i < 8; i++) {
        HLS(unroll)
        const uint16_t round = (uint16_t)((key >> (i % 4 * 16)) + (uint64_t)i);
        x = (uint16_t)(((x >> 7 | x << 9) + y) ^ round);
        y = (uint16_t)((y << 2 | y >> 14) ^ x);
    }
    return (uint16_t)(x ^ y);
}

// keep: (1 - p) 65536.
static inline bool mr_train_keeps(uint32_t place, uint64_t key, uint32_t keep) {
    return mr_train_random(place, key) < keep;
}

// h of the layer below as a column, and its derivative. factor: Q16, above 1/2, at most 1.
static inline int16_t mr_train_dropped(int16_t h, bool kept, uint32_t factor) {
    return (int16_t)(kept ? ((int64_t)h * factor + 32768) >> 16 : 0);
}

static inline int32_t mr_train_dropped_back(int32_t dh, bool kept, uint32_t factor) {
    return (int32_t)(kept ? ((int64_t)dh * factor + 32768) >> 16 : 0);
}

#endif
