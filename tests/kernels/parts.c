// SPDX-License-Identifier: Apache-2.0
// Arrays in several kinds of memory at once: the last words in LUTs and the others in block RAM or UltraRAM, some of
// them the rest of the lanes in a third kind; of one word for all banks, and of tiles' lanes.
#include "hls.h"

typedef struct {
    int16_t v[2];
} v2_t;
HLS_STREAM_OF(v2_t)
HLS_STREAM_OF(int16_t)
HLS_STREAM_OF(int32_t)
HLS_STREAM_OF(int64_t)

// Written while it is read, at any word of both parts.
static void turns(hls_stream(v2_t) * in, hls_stream(int32_t) * out, uint8_t n) {
    static int16_t m[4][11][3];
    HLS(array_partition variable = m complete dim = 3)
    HLS(bind_storage variable = m impl = bram)
    HLS(bind_storage variable = m impl = lutram dim = 1 from = 3)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const v2_t x = hls_read(v2_t, in);
        int32_t s = 0;
        for (int b = 0; b < 3; b++) {
            HLS(unroll)
            s += m[i & 3][x.v[0] & 7][b] * (b + 1);
        }
        hls_write(int32_t, out, s);
        if (x.v[0] & 64)
            m[(i & 3) ^ 2][8 + (x.v[1] & 1)][(x.v[1] & 2) >> 1] = x.v[1];
    }
    for (uint32_t i = 0; i < 44; i++) {
        HLS(pipeline II = 1)
        hls_write(int32_t, out, m[i >> 4 & 3][i & 7][0] - m[i >> 4 & 3][(i & 3) + 7][1]);
    }
    for (uint32_t i = 0; i < 44; i++) {
        HLS(pipeline II = 1)
        m[i & 3][(i & 7) + (i >> 4)][i >> 5] = (int16_t)(i * 77);
    }
}

// Rows of weights in tiles, of which those from 11 on lie in UltraRAM.
static void product(hls_stream(int16_t) * weights, hls_stream(v2_t) * in,
                    hls_stream(int64_t) * out, uint8_t n) {
    static int16_t w[37][18][2];
    static int64_t acc[18];
    static int64_t chain[18];
    HLS(array_partition variable = w complete dim = 2)
    HLS(array_partition variable = w complete dim = 3)
    HLS(bind_storage variable = w impl = bram)
    HLS(bind_storage variable = w impl = lutram dim = 1 from = 32)
    HLS(bind_storage variable = w impl = uram dim = 2 from = 11)
    HLS(array_partition variable = acc complete)
    HLS(array_partition variable = chain complete)
    for (uint32_t k = 0; k < 37; k++) {
        for (uint32_t r = 0; r < 18; r++) {
            HLS(pipeline II = 1)
            const int16_t x = hls_read(int16_t, weights);
            for (int c = 0; c < 2; c++) {
                HLS(unroll)
                w[k][r][c] = (int16_t)(x * (c + 1));
            }
        }
    }
    for (uint32_t t = 0; t < n; t++) {
        for (uint32_t k = 0; k < 37; k++) {
            HLS(pipeline II = 1)
            const v2_t x = hls_read(v2_t, in);
            int64_t now[18];
            for (int r = 0; r < 18; r++) {
                HLS(unroll)
                now[r] = k == 0 ? acc[r] : r + 1 < 18 ? chain[r + 1] : 0;
                chain[r] = now[r];
            }
            for (int r = 0; r < 18; r++) {
                HLS(unroll)
                int64_t sum = 0;
                for (int c = 0; c < 2; c++) {
                    HLS(unroll)
                    sum += w[k][r][c] * x.v[c];
                }
                acc[r] = hls_wrap((k == 0 ? 0 : acc[r]) + sum, 48);
            }
            hls_write(int64_t, out, now[0]);
        }
    }
}

void parts(hls_stream(v2_t) * turns_in, hls_stream(int32_t) * turns_out,
           hls_stream(int16_t) * weights, hls_stream(v2_t) * in, hls_stream(int64_t) * out,
           uint8_t n) {
    HLS(dataflow)
    turns(turns_in, turns_out, n);
    product(weights, in, out, n & 7);
}
