// SPDX-License-Identifier: Apache-2.0
// Numbers that training draws, each from a key and its place, so that they do not depend on the
// order in which they are asked for.
#ifndef MR_TRAIN_DRAW_H
#define MR_TRAIN_DRAW_H

#include <stdint.h>

// 32 bits that follow from both (the finaliser of MurmurHash3, twice).
static inline uint32_t mr_draw(uint32_t key, uint32_t place) {
    uint32_t bits = place ^ key;

    for (int i = 0; i < 2; i++) {
        bits ^= bits >> 16;
        bits *= 0x85ebca6bU;
        bits ^= bits >> 13;
        bits *= 0xc2b2ae35U;
        bits ^= bits >> 16;
        bits += key * 0x9e3779b9U;
    }
    return bits;
}

// 64 bits of a counter (splitmix64, Steele 2014), which moves on.
static inline uint64_t mr_draw_next(uint64_t *counter) {
    uint64_t bits = *counter += 0x9e3779b97f4a7c15U;

    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
    return bits ^ (bits >> 31);
}

#endif
