// SPDX-License-Identifier: Apache-2.0
// What C programs say in passing: bounds that are small by their operators, ?: between structs,
// scalars that are calculated on the way to a process, and the bit counts that gcc has built in.
#include "hls.h"
typedef struct {
    int32_t key;
    uint16_t id;
    int8_t v[5];
    bool ok;
} item_t;
HLS_STREAM_OF(item_t)
HLS_STREAM_OF(int32_t)
HLS_STREAM_OF(uint64_t)

static item_t larger(item_t a, item_t b) {
    return a.key >= b.key ? a : b;
}

static void choose(hls_stream(item_t) * in, hls_stream(item_t) * out, uint32_t n) {
    static item_t best, last;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        const item_t x = hls_read(item_t, in);
        item_t z = x.ok ? (last.ok ? larger(x, last) : x) : i & 1 ? last : best;
        z.id = (uint16_t)(z.id + (x.ok ? x : last).key);
        last = x;
        z.v[i % 4] = (x.key & 2 ? x : i & 3 ? last : best).v[(i + 1) % 4];
        best = best.key < z.key || (i & 7) == 0 ? z : best;
        hls_write(item_t, out, (x.key & 1) ? best : z);
    }
}

// Each of these variables is narrower than the type of its limit.
static void bounds(hls_stream(int32_t) * out, uint32_t n, uint16_t m, int32_t s, bool on) {
    const uint32_t most = n > 20 ? 20 : n;
    const int few = (int)(m >> 11) - 7;
    for (uint8_t i = 0; i < (n & 7); i++)
        for (uint8_t j = 0; j < m % 8; j++) {
            HLS(pipeline)
            hls_write(int32_t, out, i * 16 + j);
        }
    for (uint8_t i = 0; i < most; i++) {
        HLS(pipeline)
        hls_write(int32_t, out, i);
    }
    for (int8_t i = 0; i <= few; i++) {
        HLS(pipeline)
        hls_write(int32_t, out, i);
    }
    for (int8_t i = (int8_t)(m & 31); i < (s < 40 ? s : 40); i += 3) {
        HLS(pipeline)
        hls_write(int32_t, out, i);
    }
    for (uint8_t i = (uint8_t)n; i > (m & 3) + 4; i -= 5) {
        HLS(pipeline)
        hls_write(int32_t, out, i);
    }
    for (uint16_t i = 0; i != (n & 3); i++)
        for (uint8_t j = m & 7; j; j--) {
            HLS(pipeline)
            hls_write(int32_t, out, i * 8 + j);
        }
    for (int j = (int)(m & 7) - 3; j != -4; j--) {
        HLS(pipeline)
        hls_write(int32_t, out, j);
    }
    for (uint8_t i = 0; i < (on ? (n | 8) & 15 : 3); i += 2) {
        HLS(pipeline)
        hls_write(int32_t, out, i);
    }
}

// Of constants they are constants.
_Static_assert(__builtin_clz(1u << 30) == 1 && __builtin_clzll(1) == 63 && __builtin_ctz(40) == 3 &&
                   __builtin_ctzl(1ul << 40) == 40 && __builtin_clz((uint8_t)257) == 31,
               "first and last set bit");
_Static_assert(__builtin_popcount(-1) == 32 && __builtin_popcountll(0xffff00000001ull) == 17 &&
                   __builtin_parity(7) == 1 && __builtin_parityll(1ull << 63 | 1) == 0,
               "set bits");

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

// So are these, as more than the operators of their limits tells.
static void ranges(hls_stream(int32_t) * out, uint32_t n, uint16_t m, int32_t s) {
    static const uint16_t ends[1 << (31 - __builtin_clz(11))] = {0, 1, 2, 0, 3, 30, 255, 4};
    static uint32_t sum;
    uint32_t few = n, some = n & 3;
    if (few > 9)
        few = 9;
    for (uint8_t i = 0; i < few; i++) {
        HLS(pipeline)
        hls_write(int32_t, out, i);
    }
    for (uint8_t i = 0; i < least(n >> 2, (m & 3u) + 4); i++) {
        hls_write(int32_t, out, i);
        for (int8_t k = 1; k <= (int)some; k++) {
            HLS(pipeline)
            hls_write(int32_t, out, i + k);
        }
    }
    if (s >= -5 && s < 40)
        for (int8_t i = -9; i < s; i += 7) {
            HLS(pipeline)
            hls_write(int32_t, out, i);
        }
    for (uint8_t i = 0; i < ends[m & 7]; i++) {
        HLS(pipeline)
        hls_write(int32_t, out, i);
    }
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        sum = (sum * 5 + i) & 1023;
    }
    sum = sum > 1000 ? 300 : sum / 4;
    if (sum > 200)
        sum -= 120;
    for (uint8_t i = 0; i < sum; i++) {
        HLS(pipeline)
        hls_write(int32_t, out, i);
    }
    for (uint8_t i = (uint8_t)(m & 15); i <= __builtin_popcount(n); i++) {
        HLS(pipeline)
        hls_write(int32_t, out, i);
    }
}

static void scalars(hls_stream(int32_t) * out, uint32_t n, int16_t k, bool on, uint8_t m) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        hls_write(int32_t, out, (int32_t)i * k + (on ? 7 : 0) - m);
    }
}

static void counts(hls_stream(uint64_t) * in, hls_stream(uint64_t) * out, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const uint64_t x = hls_read(uint64_t, in);
        const uint32_t w = (uint32_t)(x >> (x & 31));
        uint64_t y = (uint64_t)(x ? __builtin_clzll(x) : 64);
        y = y << 6 | (uint64_t)__builtin_ctzl(x | 1ULL << 63);
        y = y << 6 | (uint64_t)(31 - __builtin_clz(w | 1)); // the last set bit
        y = y << 6 | (uint64_t)(w ? __builtin_ctz(w) : 32);
        y = y << 8 | (uint64_t)__builtin_popcountll(x);
        y = y << 8 | (uint64_t)(__builtin_popcount(w) + __builtin_parity(w) * 64);
        hls_write(uint64_t, out, y);
    }
}

void idioms(hls_stream(item_t) * i1, hls_stream(item_t) * o1, hls_stream(int32_t) * o2,
            hls_stream(int32_t) * o3, hls_stream(int32_t) * o4, hls_stream(uint64_t) * i5,
            hls_stream(uint64_t) * o5, hls_stream(int32_t) * o6, uint16_t a, uint16_t b,
            int32_t g) {
    HLS(dataflow)
    const uint32_t both = a + b;
    uint32_t half = both >> 1, seven = 7;
    choose(i1, o1, (uint8_t)both); // the low bits alone
    bounds(o2, both, b, g, a);
    scalars(o3, half & 63, (int16_t)hls_saturate(g, 9), b & 4, (uint8_t)(g >> (a & seven)));
    scalars(o4, a > 3 ? a & 15u : b & 15u, (int16_t)g, b, (uint8_t)a);
    counts(i5, o5, half);
    ranges(o6, both, b, g);
}
