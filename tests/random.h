// SPDX-License-Identifier: Apache-2.0
// Repeatable random numbers for tests: the same seed gives the same ones everywhere.
#ifndef RANDOM_H
#define RANDOM_H

#include <stddef.h>
#include <stdint.h>

// 64 bits (splitmix64).
static inline uint64_t random_bits(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

// From low to high, both included.
static inline int64_t random_wide(uint64_t *state, int64_t low, int64_t high) {
    return low + (int64_t)(random_bits(state) % (uint64_t)(high - low + 1));
}

static inline int random_between(uint64_t *state, int low, int high) {
    return (int)random_wide(state, low, high);
}

// Within +-range.
static inline float random_number(uint64_t *state, double range) {
    return (float)(((double)(random_bits(state) >> 11) / 4503599627370496.0 - 1.0) * range);
}

static inline void random_numbers(uint64_t *state, float *list, size_t count, double range) {
    for (size_t i = 0; i < count; i++)
        list[i] = random_number(state, range);
}

#endif
