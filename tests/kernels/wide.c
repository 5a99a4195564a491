// SPDX-License-Identifier: Apache-2.0
// N lanes, for figures of how hlsc and its RTL grow with them: accumulators, a sum and a maximum
// over all.
#include "hls.h"
HLS_STREAM_OF(int16_t)
HLS_STREAM_OF(int32_t)
void wide(hls_stream(int16_t) * in, hls_stream(int32_t) * out, uint16_t n) {
    static int16_t w[64][N];
    HLS(array_partition variable = w complete dim = 2)
    static int32_t acc[N];
    HLS(array_partition variable = acc complete)
    for (int u = 0; u < N; u++)
        for (int k = 0; k < 64; k++) {
            HLS(pipeline II = 1)
            w[k][u] = (int16_t)(u * 7 + k * 3);
        }
    for (uint32_t k = 0; k < n; k++) {
        HLS(pipeline II = 1)
        int16_t v = hls_read(int16_t, in);
        for (int r = 0; r < N; r++) {
            HLS(unroll)
            acc[r] += w[k & 63][r] * v;
        }
        hls_write(int32_t, out, acc[0]);
    }
    for (int u = 0; u < 1; u++) {
        int32_t sum = 0, most = -2147483647;
        for (int r = 0; r < N; r++) {
            HLS(unroll)
            sum += acc[r] >> 3;
            if (acc[r] > most)
                most = acc[r];
        }
        hls_write(int32_t, out, sum ^ most);
    }
}
