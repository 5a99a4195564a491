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
#    define STEPS_ROWS 3
#    define OUTER_SUMS 12
#    define OUTER_VECTORS 3

typedef float vec __attribute__((vector_size(32)));
typedef int32_t ivec __attribute__((vector_size(32)));

// 8 rows of 8, of which the halves are turned by themselves and then change places.
ON static inline void turn_block(const float *from, float *to, size_t to_pitch) {
    __m256 row[8], pair[8];

#    pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        row[i] = _mm256_loadu_ps(from + 16 * i);
#    pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm256_unpacklo_ps(row[i], row[i + 1]);
        pair[i + 1] = _mm256_unpackhi_ps(row[i], row[i + 1]);
    }
#    pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4)
#    pragma GCC unroll 2
        for (int k = 0; k < 2; k++) {
            row[i + 2 * k] = _mm256_shuffle_ps(pair[i + k], pair[i + 2 + k], 0x44);
            row[i + 2 * k + 1] = _mm256_shuffle_ps(pair[i + k], pair[i + 2 + k], 0xee);
        }
#    pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
        _mm256_storeu_ps(to + (size_t)k * to_pitch,
                         _mm256_permute2f128_ps(row[k], row[4 + k], 0x20));
        _mm256_storeu_ps(to + (size_t)(4 + k) * to_pitch,
                         _mm256_permute2f128_ps(row[k], row[4 + k], 0x31));
    }
}

// All ones in the first so many.
ON static inline __m256i part(int count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

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
#    define LOAD_PART(at, count) ((vec)_mm256_maskload_ps(at, part(count)))
#    define STORE_PART(at, v, count) _mm256_maskstore_ps(at, part(count), v)

#    include "float32_kernels.h"
#endif
