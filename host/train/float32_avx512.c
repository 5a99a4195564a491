// SPDX-License-Identifier: Apache-2.0
// The arithmetic of the float32 trainer for x86 processors with AVX-512.
#ifdef __x86_64__
#    include <immintrin.h>
#    include <math.h>
#    include <stdint.h>

#    define NAME mr_float32_avx512
#    define NAME_TEXT "AVX-512"
#    define ON __attribute__((target("avx512f,avx512dq,avx2,fma")))
#    define LANES 16
#    define ROWS 25
#    define STEPS_ROWS 6
#    define OUTER_SUMS 24
#    define OUTER_VECTORS 4

typedef float vec __attribute__((vector_size(64)));
typedef int32_t ivec __attribute__((vector_size(64)));

// 16 rows of 16: pairs of rows, of pairs, and then blocks of 4 change places.
ON static inline void turn_block(const float *from, float *to, size_t to_pitch) {
    __m512 row[16], pair[16];

#    pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        row[i] = _mm512_loadu_ps(from + 16 * i);
#    pragma GCC unroll 16
    for (int i = 0; i < 16; i += 2) {
        pair[i] = _mm512_unpacklo_ps(row[i], row[i + 1]);
        pair[i + 1] = _mm512_unpackhi_ps(row[i], row[i + 1]);
    }
#    pragma GCC unroll 16
    for (int i = 0; i < 16; i += 4)
#    pragma GCC unroll 2
        for (int k = 0; k < 2; k++) {
            const __m512d low = _mm512_castps_pd(pair[i + k]),
                          high = _mm512_castps_pd(pair[i + 2 + k]);
            row[i + 2 * k] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            row[i + 2 * k + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
        // row[4 i + k] has of each block b column 4 b + k of the rows 4 i to 4 i + 3.
#    pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
        const __m512 a = _mm512_shuffle_f32x4(row[k], row[4 + k], 0x88),
                     b = _mm512_shuffle_f32x4(row[8 + k], row[12 + k], 0x88),
                     c = _mm512_shuffle_f32x4(row[k], row[4 + k], 0xdd),
                     d = _mm512_shuffle_f32x4(row[8 + k], row[12 + k], 0xdd);
        _mm512_storeu_ps(to + (size_t)k * to_pitch, _mm512_shuffle_f32x4(a, b, 0x88));
        _mm512_storeu_ps(to + (size_t)(4 + k) * to_pitch, _mm512_shuffle_f32x4(c, d, 0x88));
        _mm512_storeu_ps(to + (size_t)(8 + k) * to_pitch, _mm512_shuffle_f32x4(a, b, 0xdd));
        _mm512_storeu_ps(to + (size_t)(12 + k) * to_pitch, _mm512_shuffle_f32x4(c, d, 0xdd));
    }
}

#    define MULTIPLY_ADD(a, b, c) ((vec)_mm512_fmadd_ps(a, b, c))
#    define LEAST(a, b) ((vec)_mm512_min_ps(a, b))
#    define GREATEST(a, b) ((vec)_mm512_max_ps(a, b))
#    define DIVIDE(a, b) ((a) / (b))
#    define ROOT(a) ((vec)_mm512_sqrt_ps(a))
#    define SUM_OF(a) _mm512_reduce_add_ps(a)
#    define PART(count) ((__mmask16)((1U << (count)) - 1))
#    define LOAD_PART(at, count) ((vec)_mm512_maskz_loadu_ps(PART(count), at))
#    define STORE_PART(at, v, count) _mm512_mask_storeu_ps(at, PART(count), v)

#    include "float32_kernels.h"
#endif
