// SPDX-License-Identifier: Apache-2.0
// The arithmetic of the float32 trainer for any processor.
#include <math.h>
#include <stdint.h>

#define NAME mr_float32_plain
#define NAME_TEXT "plain"
#define ON
#define LANES 4
#define ROWS 12
#define OUTER_ROWS 3
#define OUTER_COLUMNS 4

typedef float vec __attribute__((vector_size(16)));
typedef int32_t ivec __attribute__((vector_size(16)));

#define EACH_OUTER_ROW(X) X(0) X(1) X(2)
#define EACH_OUTER_COLUMN(X) X(0) X(1) X(2) X(3)
#define EACH_SUM(X)                                                                                \
    X(0, 0) X(0, 1) X(0, 2) X(0, 3) X(1, 0) X(1, 1) X(1, 2) X(1, 3) X(2, 0) X(2, 1) X(2, 2) X(2, 3)

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

#include "float32_kernels.h"
