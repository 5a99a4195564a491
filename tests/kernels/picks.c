// SPDX-License-Identifier: Apache-2.0
// Elements that are picked by numbers known at run time only, up to the last one: of banks of two
// dimensions that two writes share, and of registers.
#include "hls.h"

HLS_STREAM_OF(int32_t)

static void banks(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint16_t n) {
    static int32_t m[4][3][8];
    HLS(array_partition variable = m dim = 1 complete)
    HLS(array_partition variable = m dim = 2 complete)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        const int32_t x = hls_read(int32_t, in);
        const int b = (x >> 2 & 3) == 3 ? 0 : x >> 2 & 3, c = (x >> 9 & 3) == 3 ? 1 : x >> 9 & 3;
        m[x & 3][b][x >> 4 & 7] = x;
        m[x >> 7 & 3][c][x >> 11 & 7] = x + 1;
        hls_write(int32_t, out, m[x >> 7 & 3][c][x >> 4 & 7]);
        hls_write(int32_t, out, m[2][1][x >> 4 & 7]);
    }
}

static void registers(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint16_t n) {
    static int32_t r[8], s[4][2];
    HLS(array_partition variable = r complete)
    HLS(array_partition variable = s complete dim = 0)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        const int32_t x = hls_read(int32_t, in);
        r[x & 7] = x;
        s[x >> 3 & 3][x >> 5 & 1] += x;
        hls_write(int32_t, out, r[x >> 6 & 7] ^ s[x >> 9 & 3][x >> 2 & 1]);
    }
}

void picks(hls_stream(int32_t) * in0, hls_stream(int32_t) * out0, hls_stream(int32_t) * in1,
           hls_stream(int32_t) * out1, uint16_t n) {
    HLS(dataflow)
    banks(in0, out0, n);
    registers(in1, out1, n);
}
