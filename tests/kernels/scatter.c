// SPDX-License-Identifier: Apache-2.0
// Unrolled loops that write memories by strides, backwards, in several dimensions as one, and under
// conditions of their own: read once for all iterations, not copied.
#include "hls.h"

#ifndef H
#    define H 6
#endif
typedef struct {
    int16_t v[16];
    uint8_t at;
    bool on;
} vector_t;
HLS_STREAM_OF(int16_t)
HLS_STREAM_OF(vector_t)
HLS_STREAM_OF(int32_t)

// A row of weights is found by comparison with every row's number.
static void rows(hls_stream(int16_t) * in, hls_stream(int32_t) * out) {
    static int16_t w[4][H][8];
    HLS(array_partition variable = w complete dim = 1)
    HLS(array_partition variable = w complete dim = 2)
    for (int row = 0; row < 4 * H; row++)
        for (int k = 0; k < 8; k++) {
            HLS(pipeline II = 1)
            const int16_t v = hls_read(int16_t, in);
            for (int g = 0; g < 4; g++) {
                HLS(unroll)
                for (int j = 0; j < H; j++) {
                    HLS(unroll)
                    if (g * H + j == row)
                        w[g][j][k] = v;
                }
            }
        }
    for (int k = 0; k < 8; k++) {
        HLS(pipeline II = 1)
        int32_t s = 0;
        for (int g = 0; g < 4; g++) {
            HLS(unroll)
            for (int j = 0; j < H; j++) {
                HLS(unroll)
                s += w[g][j][k] * (g * 5 + j + 1);
            }
        }
        hls_write(int32_t, out, s);
    }
}

// Strides, forwards and backwards, two loops as one index, single banks beside.
static void strides(hls_stream(vector_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    static int16_t t[64][4], u[16][4], z[16];
    HLS(array_partition variable = t complete dim = 1)
    HLS(array_partition variable = u complete dim = 1)
    HLS(array_partition variable = z cyclic factor = 8)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        const vector_t x = hls_read(vector_t, in);
        for (int k = 0; k < 16; k++) {
            HLS(unroll)
            if (x.v[k] > 0 && x.on)
                t[4 * k + 3][i & 3] = x.v[k];
        }
        for (int k = 0; k < 4; k++) {
            HLS(unroll)
            for (int c = 0; c < 4; c++) {
                HLS(unroll)
                if ((k ^ c) != (x.at & 3))
                    u[15 - 4 * k - c][(x.at >> 2) & 3] = (int16_t)(x.v[c] - k);
            }
        }
        for (int k = 0; k < 4; k++) {
            HLS(unroll)
            z[2 * k + 8 * (i & 1)] = x.v[k];
        }
        int32_t s = z[x.at & 15];
        for (int k = 0; k < 16; k++) {
            HLS(unroll)
            s += t[4 * k + 3][(i + 1) & 3] ^ t[4 * k][i & 3] ^ u[k][x.at & 3] * (k + 1);
        }
        hls_write(int32_t, out, s);
    }
}

// Odd banks are written 3 or 4 iterations ahead, even ones are read anywhere: the claim holds.
static void claimed(hls_stream(vector_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    static int16_t m[16][8];
    HLS(array_partition variable = m complete dim = 1)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        HLS(dependence variable = m type = inter direction = RAW distance = 3 true assert)
        const vector_t x = hls_read(vector_t, in);
        int32_t s = 0;
        for (int k = 0; k < 8; k++) {
            HLS(unroll)
            s += m[2 * k + 1][i & 7] * m[2 * k][x.at & 7] + m[x.at & 14][x.v[k] & 7];
        }
        for (int k = 0; k < 8; k++) {
            HLS(unroll)
            if (x.v[k] > (s & 1) && x.on)
                m[2 * k + 1][(i + (x.at & 1) + 3) & 7] = (int16_t)(x.v[k] * 3);
        }
        hls_write(int32_t, out, s);
    }
}

void scatter(hls_stream(int16_t) * a, hls_stream(int32_t) * rows_out, hls_stream(vector_t) * b,
             hls_stream(int32_t) * strides_out, hls_stream(vector_t) * c,
             hls_stream(int32_t) * claimed_out, uint32_t n) {
    HLS(dataflow)
    rows(a, rows_out);
    strides(b, strides_out, n);
    claimed(c, claimed_out, n);
}
