// SPDX-License-Identifier: Apache-2.0
// Claims about memories that the RTL watches, where the elements of an array lie in several banks.
// Each process keeps its claim, but for the one that `broken` names, from 1 on.
#include "hls.h"

typedef struct {
    int16_t v[8];
    uint8_t on, at;
} word_t;
typedef struct {
    int32_t v[8];
} sums_t;
HLS_STREAM_OF(word_t)
HLS_STREAM_OF(sums_t)
HLS_STREAM_OF(int32_t)

// Each pass reads one half and writes the other, at the same addresses.
static void passes(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint8_t n, uint8_t broken) {
    int32_t a[2][16];
    HLS(array_partition variable = a complete dim = 1)
    for (int i = 0; i < 16; i++) {
        HLS(pipeline II = 1)
        a[0][i] = hls_read(int32_t, in);
        a[1][i] = 0; // which a broken claim has it read
    }
    for (uint8_t s = 0; s < n; s++) {
        const int from = s & 1, to = broken == 1 ? from : from ^ 1;
        for (int j = 0; j < 16; j++) {
            HLS(pipeline II = 1)
            HLS(dependence variable = a type = inter direction = RAW distance = 16 assert)
            a[to][j] = a[from][(j + 15) & 15] * 3 + j;
        }
    }
    for (uint8_t s = 0; s < n; s++) { // another loop, whose claim is about the same array
        const int from = (n + s) & 1;
        for (int j = 0; j < 16; j++) {
            HLS(pipeline II = 1)
            HLS(dependence variable = a type = inter direction = RAW distance = 16 assert)
            a[from ^ 1][j] = a[from][(j + 1) & 15] * 5 + j;
        }
    }
    for (int i = 0; i < 16; i++) {
        HLS(pipeline II = 1)
        hls_write(int32_t, out, a[0][i]);
    }
}

// Words of one bank after another: the address in the bank stays the same for a while.
static void banks(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint8_t n, uint8_t broken) {
    static int32_t m[64];
    HLS(array_partition variable = m cyclic factor = 4)
    for (uint8_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        HLS(dependence variable = m inter RAW distance = 4 assert)
        const int32_t x = hls_read(int32_t, in);
        const int at = broken == 2 ? x & 3 : (x & 60) | (i & 3);
        m[at] = m[at] * 5 + x;
    }
    for (int i = 0; i < 64; i++)
        hls_write(int32_t, out, m[i]);
}

// Lanes of which each reads under a condition of its own.
static void lanes(hls_stream(word_t) * in, hls_stream(sums_t) * out, uint8_t n, uint8_t broken) {
    static int32_t m[16][8];
    HLS(array_partition variable = m dim = 2 complete)
    for (uint8_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        HLS(dependence variable = m inter RAW distance = 8 assert)
        const word_t x = hls_read(word_t, in);
        // Words that come too early are not wanted.
        const int at = i & 7, wanted = x.at & 7;
        sums_t y = {{0}};
        for (int r = 0; r < 8; r++) {
            HLS(unroll)
            if ((x.on >> r & 1) && (broken == 3 || wanted == at))
                y.v[r] = m[wanted][r] * 3;
            m[at][r] = (y.v[r] + x.v[r]) * 7;
        }
        hls_write(sums_t, out, y);
    }
}

// The memory lies in the lanes' tiles.
static void tiles(hls_stream(int32_t) * in, hls_stream(sums_t) * out, uint8_t n, uint8_t broken) {
    static int16_t w[16][16];
    HLS(array_partition variable = w dim = 2 complete)
    static int32_t total[16];
    HLS(array_partition variable = total complete)
    for (uint8_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        HLS(dependence variable = w inter RAW distance = 4 assert)
        const int16_t x = (int16_t)hls_read(int32_t, in);
        const int at = broken == 4 ? x & 3 : (x & 12) | (i & 3);
        sums_t y;
        for (int r = 0; r < 16; r++) {
            HLS(unroll)
            total[r] += w[at][r] * x;
        }
        for (int r = 0; r < 8; r++) {
            HLS(unroll)
            y.v[r] = total[r];
        }
        w[at][x >> 4 & 15] = (int16_t)(x * x);
        hls_write(sums_t, out, y);
    }
}

// Lanes in tiles of which each writes what it has; half of them do.
static void groups(hls_stream(int32_t) * in, hls_stream(sums_t) * out, uint8_t n, uint8_t broken) {
    static int16_t m[16][16];
    HLS(array_partition variable = m dim = 2 complete)
    static int32_t total[16];
    HLS(array_partition variable = total complete)
    for (uint8_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        HLS(dependence variable = m inter RAW distance = 4 assert)
        const int16_t x = (int16_t)hls_read(int32_t, in);
        const int at = broken == 5 ? x & 3 : (x & 12) | (i & 3);
        sums_t y;
        for (int r = 0; r < 16; r++) {
            HLS(unroll)
            total[r] += m[at][r] * x;
        }
        for (int r = 0; r < 16; r++) {
            HLS(unroll)
            if ((x >> 4 & 1) == r >> 3)
                m[at][r] = (int16_t)(x * x + r);
        }
        for (int r = 0; r < 8; r++) {
            HLS(unroll)
            y.v[r] = total[r];
        }
        hls_write(sums_t, out, y);
    }
}

void claims(hls_stream(int32_t) * in0, hls_stream(int32_t) * out0, hls_stream(int32_t) * in1,
            hls_stream(int32_t) * out1, hls_stream(word_t) * in2, hls_stream(sums_t) * out2,
            hls_stream(int32_t) * in3, hls_stream(sums_t) * out3, hls_stream(int32_t) * in4,
            hls_stream(sums_t) * out4, uint8_t n, uint8_t broken) {
    HLS(dataflow)
    passes(in0, out0, n, broken);
    banks(in1, out1, n, broken);
    lanes(in2, out2, n, broken);
    tiles(in3, out3, n, broken);
    groups(in4, out4, n, broken);
}
