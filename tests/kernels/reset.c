// SPDX-License-Identifier: Apache-2.0
// Statics in registers, with and without initialisers, loops and steps: what a reset in the middle
// of a run must bring back (hlsc_reset_tb.sv).
#include "hls.h"

HLS_STREAM_OF(int32_t)

void reset(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint8_t n) {
    static int32_t total = 5;
    static int32_t last[4] = {1, -2, 0, 4};
    HLS(array_partition variable = last complete)
    static int32_t turns[3];
    HLS(array_partition variable = turns complete)
    HLS_CHANNEL(int32_t, back);
    for (int i = 0; i < 4; i++) {
        HLS(pipeline II = 1)
        hls_write(int32_t, &back, i);
    }
    for (uint8_t r = 0; r < 3; r++) {
        for (uint8_t i = 0; i < n; i++) {
            HLS(pipeline)
            const int32_t x = hls_read(int32_t, in) + last[3];
            const int32_t before = hls_read(int32_t, &back);
            for (int k = 3; k > 0; k--) {
                HLS(unroll)
                last[k] = last[k - 1];
            }
            last[0] = x;
            total += x ^ before;
            hls_write(int32_t, &back, total);
            if (total & 1)
                hls_write(int32_t, out, total);
        }
        turns[r] += n;
    }
    for (int i = 0; i < 4; i++) {
        HLS(pipeline II = 1)
        (void)hls_read(int32_t, &back);
    }
    hls_write(int32_t, out, turns[0] + turns[1] * 3 + turns[2] * 7 + total);
}
