// SPDX-License-Identifier: Apache-2.0
// The arithmetic of the float32 trainer for any processor.
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define NAME mr_float32_plain
#define NAME_TEXT "plain"
#define ON
#define LANES 4
#define ROWS 12
#define STEPS_ROWS 3
#define OUTER_SUMS 12
#define OUTER_VECTORS 3

typedef float vec __attribute__((vector_size(16)));
typedef int32_t ivec __attribute__((vector_size(16)));

static inline void turn_block(const float *from, float *to, size_t to_pitch) {
    for (size_t i = 0; i < LANES; i++)
        for (size_t k = 0; k < LANES; k++)
            to[k * to_pitch + i] = from[16 * i + k];
}

static inline vec load_part(const float *at, int count) {
    vec v = {0};
    for (int i = 0; i < count; i++)
        v[i] = at[i];
    return v;
}

static inline void store_part(float *at, vec v, int count) {
    for (int i = 0; i < count; i++)
        at[i] = v[i];
}

// a where the mask is set, else b.
static inline vec choose(ivec mask, vec a, vec b) {
    return (vec)((mask & (ivec)a) | (~mask & (ivec)b));
}

static inline vec root(vec v) {
    for (int i = 0; i < LANES; i++)
        v[i] = sqrtf(v[i]);
    return v;
}

static inline float sum_of(vec v) {
    return (v[0] + v[2]) + (v[1] + v[3]);
}

#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define LEAST(a, b) choose((a) < (b), a, b)
#define GREATEST(a, b) choose((a) > (b), a, b)
#define DIVIDE(a, b) ((a) / (b))
#define ROOT(a) root(a)
#define SUM_OF(a) sum_of(a)
#define LOAD_PART(at, count) load_part(at, count)
#define STORE_PART(at, v, count) store_part(at, v, count)

#include "float32_kernels.h"
