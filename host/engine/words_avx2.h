// SPDX-License-Identifier: Apache-2.0
// Words of vectors (kernels_body.h) that all kernels of AVX2 share: those but products, and how
// many sums there are registers for. TARGET is defined.
#ifndef MR_ENGINE_WORDS_AVX2_H
#define MR_ENGINE_WORDS_AVX2_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL TARGET static
#define FN __attribute__((always_inline)) TARGET static inline
#define KEEP(v) __asm__ volatile("" : "+x"(v))

enum { W = 8 };
typedef __m256i V;

FN V v_all(int32_t n) {
    return _mm256_set1_epi32(n);
}

FN V v_load(const int32_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

FN void v_store(int32_t *p, V v) {
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

FN V v_load16(const int16_t *p) {
    return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}

FN void v_store16(int16_t *p, V v) {
    const __m256i both = _mm256_packs_epi32(v, v); // in each half twice
    _mm_storeu_si128((__m128i *)(void *)p,
                     _mm256_castsi256_si128(_mm256_permute4x64_epi64(both, 0x08)));
}

FN V v_add(V a, V b) {
    return _mm256_add_epi32(a, b);
}

FN V v_sub(V a, V b) {
    return _mm256_sub_epi32(a, b);
}

FN V v_mul(V a, V b) {
    return _mm256_mullo_epi32(a, b);
}

FN V v_mul15(V a, V b) {
    return _mm256_madd_epi16(a, b);
}

FN V v_and(V a, V b) {
    return _mm256_and_si256(a, b);
}

FN V v_min(V a, V b) {
    return _mm256_min_epi32(a, b);
}

FN V v_max(V a, V b) {
    return _mm256_max_epi32(a, b);
}

FN V v_left(V v, unsigned n) {
    return _mm256_slli_epi32(v, (int)n);
}

FN V v_right(V v, unsigned n) {
    return _mm256_srai_epi32(v, (int)n);
}

FN V v_lefts(V v, V n) {
    return _mm256_sllv_epi32(v, n);
}

FN V v_rights(V v, V n) {
    return _mm256_srav_epi32(v, n);
}

FN V v_downs(V v, V n) {
    return _mm256_srlv_epi32(v, n);
}

FN V v_at(const uint32_t *table, V v) {
    return _mm256_i32gather_epi32((const int *)(const void *)table, v, 4);
}

FN bool v_differ(V a, V b) {
    return _mm256_movemask_epi8(_mm256_cmpeq_epi32(a, b)) != -1;
}

typedef V H;

FN H h_all(int16_t n) {
    return _mm256_set1_epi16(n);
}

FN H h_load(const int16_t *p) {
    return v_load((const int32_t *)(const void *)p);
}

FN void h_store(int32_t *p, H v) {
    v_store(p, v);
}

FN H h_add(H a, H b) {
    return _mm256_add_epi16(a, b);
}

FN H h_sub(H a, H b) {
    return _mm256_sub_epi16(a, b);
}

FN H h_and(H a, H b) {
    return v_and(a, b);
}

FN H h_min(H a, H b) {
    return _mm256_min_epi16(a, b);
}

FN H h_left(H v, int n) {
    return _mm256_slli_epi16(v, n);
}

FN H h_right(H v, int n) {
    return _mm256_srai_epi16(v, n);
}

FN void h_store_bytes(int32_t *p, H v) {
    const H low = h_and(v, h_all(255)), both = _mm256_packus_epi16(low, low); // as v_store16
    _mm_storeu_si128((__m128i *)(void *)p,
                     _mm256_castsi256_si128(_mm256_permute4x64_epi64(both, 0x08)));
}

#endif
