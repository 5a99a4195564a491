// SPDX-License-Identifier: Apache-2.0
// A return inside a nest ends all its loops, those around the innermost one too; a break ends one.
#include "hls.h"

HLS_STREAM_OF(int16_t)

static void one(hls_stream(int16_t) * in, hls_stream(int16_t) * out, uint32_t n, uint32_t at) {
    for (uint32_t a = 0; a < (n & 7); a++) {
        for (uint32_t p = 0; p < 3; p++) {
            for (uint32_t b = 0; b < 4; b++) {
                HLS(pipeline II = 1)
                hls_write(int16_t, out, (int16_t)(hls_read(int16_t, in) + (int16_t)(16 * a + b)));
                if (a == (at & 7) && p == 1 && b == 2)
                    return;
            }
        }
    }
}

// The same with a memory, which the last iterations write: no round follows a return.
static void kept(hls_stream(int16_t) * in, hls_stream(int16_t) * out, uint32_t n, uint32_t at) {
    static int16_t sum[12];
    for (uint32_t a = 0; a <= (n & 7); a++) {
        for (uint32_t p = 0; p < 3; p++) {
            for (uint32_t b = 0; b < 4; b++) {
                HLS(pipeline II = 1)
                sum[4 * p + b] = (int16_t)(sum[4 * p + b] * 3 + hls_read(int16_t, in));
                hls_write(int16_t, out, sum[4 * p + b]);
                if (a == (at & 7) && p == 0 && b == 1)
                    return;
            }
        }
    }
}

// Both: control steps.
static void both(hls_stream(int16_t) * in, hls_stream(int16_t) * out, uint32_t n, uint32_t at) {
    for (uint32_t a = 0; a < (n & 7); a++) {
        for (uint32_t b = 0; b < 9; b++) {
            const int16_t x = hls_read(int16_t, in);
            hls_write(int16_t, out, x);
            if (x == 7 || b == 5)
                break;
            if (a == (at & 7) && b == 2)
                return;
        }
    }
}

void leaves(hls_stream(int16_t) * in0, hls_stream(int16_t) * in1, hls_stream(int16_t) * in2,
            hls_stream(int16_t) * out0, hls_stream(int16_t) * out1, hls_stream(int16_t) * out2,
            uint32_t n, uint32_t at) {
    HLS(dataflow)
    one(in0, out0, n, at);
    kept(in1, out1, n, at);
    both(in2, out2, n, at);
}
