// SPDX-License-Identifier: Apache-2.0
// The kernels (kernels.h) in plain C, for every processor: vectors are small arrays.
#include "kernels.h"

#include <string.h>

#define TABLE mr_kernels_plain
#define NAME "plain"
#define KERNEL static
#define FN static inline
#define HAS_BYTES 0

enum { W = 8, ROWS_MAX = 1, BLOCKS_MAX = 1 };
typedef struct {
    int32_t at[W];
} V;

// A vector of what comes of each number i.
#define EACH(value)                                                                                \
    V result;                                                                                      \
    for (int i = 0; i < W; i++)                                                                    \
        result.at[i] = (int32_t)(value);                                                           \
    return result

FN V v_all(int32_t n) {
    EACH(n);
}

FN V v_load(const int32_t *p) {
    EACH(p[i]);
}

FN void v_store(int32_t *p, V v) {
    for (int i = 0; i < W; i++)
        p[i] = v.at[i];
}

FN V v_load16(const int16_t *p) {
    EACH(p[i]);
}

FN void v_store16(int16_t *p, V v) {
    for (int i = 0; i < W; i++)
        p[i] = (int16_t)v.at[i];
}

// Without sign, as these may wrap.
FN V v_add(V a, V b) {
    EACH((uint32_t)a.at[i] + (uint32_t)b.at[i]);
}

FN V v_sub(V a, V b) {
    EACH((uint32_t)a.at[i] - (uint32_t)b.at[i]);
}

FN V v_mul(V a, V b) {
    EACH((uint32_t)a.at[i] * (uint32_t)b.at[i]);
}

FN V v_mul15(V a, V b) {
    return v_mul(a, b);
}

FN V v_and(V a, V b) {
    EACH(a.at[i] & b.at[i]);
}

FN V v_min(V a, V b) {
    EACH(a.at[i] < b.at[i] ? a.at[i] : b.at[i]);
}

FN V v_max(V a, V b) {
    EACH(a.at[i] > b.at[i] ? a.at[i] : b.at[i]);
}

FN V v_left(V v, unsigned n) {
    EACH((uint32_t)v.at[i] << n);
}

FN V v_right(V v, unsigned n) {
    EACH(v.at[i] >> n);
}

FN V v_lefts(V v, V n) {
    EACH((uint32_t)v.at[i] << n.at[i]);
}

FN V v_rights(V v, V n) {
    EACH(v.at[i] >> n.at[i]);
}

FN V v_downs(V v, V n) {
    EACH((uint32_t)v.at[i] >> n.at[i]);
}

FN V v_pairs(V sum, V weights, V columns) {
    int16_t w[2 * W], c[2];

    memcpy(w, &weights, sizeof w);
    memcpy(c, &columns.at[0], sizeof c); // all are alike
    EACH((uint32_t)sum.at[i] + (uint32_t)(w[2 * i] * c[0]) + (uint32_t)(w[2 * i + 1] * c[1]));
}

FN V v_at(const uint32_t *table, V v) {
    EACH(table[v.at[i]]);
}

FN bool v_differ(V a, V b) {
    return memcmp(&a, &b, sizeof a) != 0;
}

typedef struct {
    int16_t at[2 * W];
} H;

#define EACH_HALF(value)                                                                           \
    H result;                                                                                      \
    for (int i = 0; i < 2 * W; i++)                                                                \
        result.at[i] = (int16_t)(value);                                                           \
    return result

FN H h_all(int16_t n) {
    EACH_HALF(n);
}

FN H h_load(const int16_t *p) {
    EACH_HALF(p[i]);
}

FN void h_store(int32_t *p, H v) {
    memcpy(p, &v, sizeof v);
}

FN H h_add(H a, H b) {
    EACH_HALF(a.at[i] + b.at[i]);
}

FN H h_sub(H a, H b) {
    EACH_HALF(a.at[i] - b.at[i]);
}

FN H h_and(H a, H b) {
    EACH_HALF(a.at[i] & b.at[i]);
}

FN H h_min(H a, H b) {
    EACH_HALF(a.at[i] < b.at[i] ? a.at[i] : b.at[i]);
}

FN H h_left(H v, int n) {
    EACH_HALF((uint16_t)v.at[i] << n);
}

FN H h_right(H v, int n) {
    EACH_HALF(v.at[i] >> n);
}

#include "kernels_body.h"
