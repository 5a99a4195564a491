// SPDX-License-Identifier: Apache-2.0
// The kernels (kernels.h) for processors with AVX-512 and its dot products of integers (VNNI), and
// those for such ones with AMX.
#include "kernels.h"

#if defined __x86_64__
#    include <immintrin.h>

#    define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#    define TABLE mr_kernels_avx512
#    define NAME "avx512"
#    define KERNEL TARGET static
#    define FN __attribute__((always_inline)) TARGET static inline
#    define HAS_BYTES 1
#    define HAS_SHORTS 0
#    define KEEP(v) __asm__("" : "+v"(v))

enum {
    W = 16,
    ROWS_MAX = 4,
    SPLIT_ROWS = 3,
    WRAPS_ROWS = 3,
    WRAPS_VECTORS = 4,
    CELL_ROWS = 4,
    BLOCKS_MAX = 2,
    SPLIT_BLOCKS = 2
};
typedef __m512i V;

FN V v_all(int32_t n) {
    return _mm512_set1_epi32(n);
}

FN V v_load(const int32_t *p) {
    return _mm512_loadu_si512(p);
}

FN void v_store(int32_t *p, V v) {
    _mm512_storeu_si512(p, v);
}

FN V v_load16(const int16_t *p) {
    return _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

FN void v_store16(int16_t *p, V v) {
    _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtepi32_epi16(v));
}

FN V v_add(V a, V b) {
    return _mm512_add_epi32(a, b);
}

FN V v_sub(V a, V b) {
    return _mm512_sub_epi32(a, b);
}

FN V v_mul(V a, V b) {
    return _mm512_mullo_epi32(a, b);
}

FN V v_mul15(V a, V b) {
    return _mm512_madd_epi16(a, b);
}

FN V v_and(V a, V b) {
    return _mm512_and_si512(a, b);
}

FN V v_min(V a, V b) {
    return _mm512_min_epi32(a, b);
}

FN V v_max(V a, V b) {
    return _mm512_max_epi32(a, b);
}

FN V v_left(V v, unsigned n) {
    return _mm512_slli_epi32(v, n);
}

FN V v_right(V v, unsigned n) {
    return _mm512_srai_epi32(v, n);
}

FN V v_lefts(V v, V n) {
    return _mm512_sllv_epi32(v, n);
}

FN V v_rights(V v, V n) {
    return _mm512_srav_epi32(v, n);
}

FN V v_downs(V v, V n) {
    return _mm512_srlv_epi32(v, n);
}

FN V v_pairs(V sum, V weights, V columns) {
    return _mm512_dpwssd_epi32(sum, weights, columns);
}

FN V v_bytes(V sum, V weights, V columns) {
    return _mm512_dpbusd_epi32(sum, columns, weights);
}

FN V v_at(const uint32_t *table, V v) {
    return _mm512_i32gather_epi32(v, table, 4);
}

FN bool v_differ(V a, V b) {
    return _mm512_cmpneq_epi32_mask(a, b) != 0;
}

typedef V H;

FN H h_all(int16_t n) {
    return _mm512_set1_epi16(n);
}

FN H h_load(const int16_t *p) {
    return v_load((const int32_t *)(const void *)p);
}

FN void h_store(int32_t *p, H v) {
    v_store(p, v);
}

FN H h_add(H a, H b) {
    return _mm512_add_epi16(a, b);
}

FN H h_sub(H a, H b) {
    return _mm512_sub_epi16(a, b);
}

FN H h_and(H a, H b) {
    return v_and(a, b);
}

FN H h_min(H a, H b) {
    return _mm512_min_epi16(a, b);
}

FN H h_left(H v, int n) {
    return _mm512_slli_epi16(v, (unsigned)n);
}

FN H h_right(H v, int n) {
    return _mm512_srai_epi16(v, (unsigned)n);
}

FN void h_store_bytes(int32_t *p, H v) {
    _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtepi16_epi8(v));
}

#    include "kernels_body.h"
#    include "kernels_tiles.h"
#else
typedef int mr_no_avx512; // no empty file
#endif
