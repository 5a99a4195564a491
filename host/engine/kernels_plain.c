// SPDX-License-Identifier: Apache-2.0
// The kernels (kernels.h) for every processor: vectors of 16 bytes, which a compiler makes of what
// there is. Only products of pairs have an instruction by name.
#include "kernels.h"

#include <string.h>
#ifdef __SSE2__
#    include <emmintrin.h>
#endif

#define TABLE mr_kernels_plain
#define NAME "plain"
#define KERNEL static
#define FN static inline __attribute__((always_inline))
#define HAS_BYTES 0
#define HAS_SHORTS 0
#define KEEP(v) (void)0

enum { W = 4, ROWS_MAX = 2, SPLIT_ROWS = 1, CELL_ROWS = 2, BLOCKS_MAX = 1, SPLIT_BLOCKS = 1 };
typedef int32_t V __attribute__((vector_size(4 * W)));
typedef uint32_t U __attribute__((vector_size(4 * W))); // which may wrap
typedef int16_t H __attribute__((vector_size(4 * W)));
typedef uint16_t G __attribute__((vector_size(4 * W))); // likewise
typedef int16_t half __attribute__((vector_size(2 * W)));

FN V v_all(int32_t n) {
    return (V){n, n, n, n};
}

FN V v_load(const int32_t *p) {
    V v;

    memcpy(&v, p, sizeof v);
    return v;
}

FN void v_store(int32_t *p, V v) {
    memcpy(p, &v, sizeof v);
}

FN V v_load16(const int16_t *p) {
    half v;

    memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, V);
}

FN void v_store16(int16_t *p, V v) {
    const half cut = __builtin_convertvector(v, half);

    memcpy(p, &cut, sizeof cut);
}

FN V v_add(V a, V b) {
    return (V)((U)a + (U)b);
}

FN V v_sub(V a, V b) {
    return (V)((U)a - (U)b);
}

FN V v_mul(V a, V b) {
    return (V)((U)a * (U)b);
}

FN V v_and(V a, V b) {
    return a & b;
}

FN V v_min(V a, V b) {
    const V less = a < b;

    return (a & less) | (b & ~less);
}

FN V v_max(V a, V b) {
    return v_min(b, a) ^ a ^ b; // the other one
}

FN V v_left(V v, unsigned n) {
    return (V)((U)v << n);
}

FN V v_right(V v, unsigned n) {
    return v >> (int)n;
}

FN V v_lefts(V v, V n) {
    return (V)((U)v << (U)n);
}

FN V v_rights(V v, V n) {
    return v >> n;
}

FN V v_downs(V v, V n) {
    return (V)((U)v >> (U)n);
}

FN V v_pairs(V sum, V w, V a) {
#ifdef __SSE2__
    return v_add(sum, (V)_mm_madd_epi16((__m128i)w, (__m128i)a));
#else
    const V low = v_mul(v_right(v_left(w, 16), 16), v_right(v_left(a, 16), 16));

    return v_add(sum, v_add(low, v_mul(v_right(w, 16), v_right(a, 16))));
#endif
}

// The upper halves of a are 0.
FN V v_mul15(V a, V b) {
    return v_pairs(v_all(0), a, b);
}

FN V v_at(const uint32_t *table, V v) {
    return (V){(int32_t)table[v[0]], (int32_t)table[v[1]], (int32_t)table[v[2]],
               (int32_t)table[v[3]]};
}

FN bool v_differ(V a, V b) {
    return memcmp(&a, &b, sizeof a) != 0;
}

FN H h_all(int16_t n) {
    return (H){n, n, n, n, n, n, n, n};
}

FN H h_load(const int16_t *p) {
    H v;

    memcpy(&v, p, sizeof v);
    return v;
}

FN void h_store(int32_t *p, H v) {
    memcpy(p, &v, sizeof v);
}

FN H h_add(H a, H b) {
    return (H)((G)a + (G)b);
}

FN H h_sub(H a, H b) {
    return (H)((G)a - (G)b);
}

FN H h_and(H a, H b) {
    return a & b;
}

FN H h_min(H a, H b) {
    const H less = a < b;

    return (a & less) | (b & ~less);
}

FN H h_left(H v, int n) {
    return (H)((G)v << n);
}

FN H h_right(H v, int n) {
    return v >> n;
}

#include "kernels_body.h"
