// SPDX-License-Identifier: Apache-2.0
// The arithmetic of the float32 trainer for x86 processors with AVX2 and FMA.
#ifdef __x86_64__
#    include <immintrin.h>
#    include <math.h>
#    include <stdint.h>

#    define NAME mr_float32_avx2
#    define NAME_TEXT "AVX2"
#    define ON __attribute__((target("avx2,fma")))
#    define LANES 8
#    define ROWS 12
#    define OUTER_ROWS 3
#    define OUTER_COLUMNS 4

typedef float vec __attribute__((vector_size(32)));
typedef int32_t ivec __attribute__((vector_size(32)));

#    define EACH_OUTER_ROW(X) X(0) X(1) X(2)
#    define EACH_OUTER_COLUMN(X) X(0) X(1) X(2) X(3)
#    define EACH_SUM(X)                                                                            \
        X(0, 0)                                                                                    \
        X(0, 1) X(0, 2) X(0, 3) X(1, 0) X(1, 1) X(1, 2) X(1, 3) X(2, 0) X(2, 1) X(2, 2) X(2, 3)

ON static inline float sum_of(vec v) {
    const __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_add_ps(half, _mm_movehl_ps(half, half));

    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

#    define MULTIPLY_ADD(a, b, c) ((vec)_mm256_fmadd_ps(a, b, c))
#    define LEAST(a, b) ((vec)_mm256_min_ps(a, b))
#    define GREATEST(a, b) ((vec)_mm256_max_ps(a, b))
#    define DIVIDE(a, b) ((a) / (b))
#    define ROOT(a) ((vec)_mm256_sqrt_ps(a))
#    define SUM_OF(a) sum_of(a)

#    include "float32_kernels.h"
#endif
