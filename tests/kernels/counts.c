// SPDX-License-Identifier: Apache-2.0
// Loops that count downwards, or from what is known at run time only: which values they take, in
// order.
#include "hls.h"

HLS_STREAM_OF(int32_t)

#define COUNT(type, start, condition, next)                                                        \
    for (type i = start; condition; next) {                                                        \
        HLS(pipeline II = 1)                                                                       \
        hls_write(int32_t, out, (int32_t)i);                                                       \
    }

static void down(hls_stream(int32_t) * out, uint8_t a, uint8_t b) {
    COUNT(int, a, i > 0, i--)
    COUNT(int, a, i >= 0, i--)
    COUNT(int, a - 1, i >= 0, i -= 2)
    COUNT(int, a, i > b, i--)
    COUNT(int, b - 3, i > -5, i -= 3)
    COUNT(int, a, i >= b, i -= 7)
    COUNT(uint8_t, a, i > 0, i--)
    COUNT(uint8_t, a, i >= 2, i -= 2)
    COUNT(uint8_t, a, i > b, i--)
    COUNT(int8_t, (int8_t)(a & 63), i > -64, i--)
    COUNT(uint16_t, (uint16_t)(a * 3), i >= 3, i -= 3)
    COUNT(uint32_t, a, i > 1, i -= 2)
    COUNT(int64_t, (int64_t)a - b, i > -9, i--)
    COUNT(int, 40, i > b, i--)
    COUNT(int, 40, i >= (int)b, i -= 5)
    COUNT(int, 9, i >= 0, i -= 4)
}

static void up(hls_stream(int32_t) * out, uint8_t a, uint8_t b) {
    COUNT(int, a, i < b, i++)
    COUNT(int, a, i <= b, i++)
    COUNT(int, -(int)a, i < 3, i += 2)
    COUNT(uint32_t, a, i < b, i += 3)
    COUNT(uint32_t, a, i <= b, i += 3)
    COUNT(uint16_t, a, i < b, i++)
    COUNT(int64_t, (int64_t)a - 5, i <= b, i++)
    COUNT(uint8_t, b, i < 77, i++)
}

// Nests that stay one pipeline, those that do not, and ways out of them.
static void nests(hls_stream(int32_t) * out, uint8_t a, uint8_t b) {
    static int16_t m[16][8];
    for (int t = 0; t < (a & 15); t++)
        for (int j = 7; j >= 0; j--) {
            HLS(pipeline II = 1)
            m[t][j] = (int16_t)(t * 9 + j);
        }
    for (uint8_t t = a & 15; t > 0; t--)
        for (uint8_t j = 0; j < 8; j++) {
            HLS(pipeline II = 1)
            hls_write(int32_t, out, m[t - 1][j]);
        }
    for (int t = (a & 7) - 1; t >= 0; t--)
        for (int j = b & 7; j >= 0; j -= 2)
            for (int k = (a & 3) + 1; k <= 3; k++) {
                HLS(pipeline II = 1)
                hls_write(int32_t, out, t * 100 + j * 10 + k);
            }
    for (int t = b & 7; t > 0; t--)
        for (int j = t; j > 0; j--) {
            HLS(pipeline II = 1)
            hls_write(int32_t, out, t * 10 + j);
        }
    for (int t = a & 31; t > 0; t--) {
        HLS(pipeline II = 1)
        if (t == (b & 15))
            break;
        if ((t & 3) == 1)
            continue;
        hls_write(int32_t, out, t);
    }
    // Each round reads what the one before wrote, at an index that falls.
    static int32_t f[33];
    f[a & 31] = 1;
    for (int t = a & 31; t > 0; t--) {
        HLS(pipeline)
        f[t - 1] = f[t] * 3 + t;
    }
    hls_write(int32_t, out, f[0]);
    // Starts that unrolled loops know.
    for (int t = 0; t < 3; t++) {
        HLS(pipeline II = 1)
        int32_t s = 0;
        for (int j = 0; j < 4; j++)
            for (int k = j; k < 4; k++)
                s = s * 3 + k + (a & 1);
        for (int j = 0; j < 4; j++)
            for (int k = j; k > 0; k--)
                s = s * 3 + k + (b & 1);
        hls_write(int32_t, out, s);
    }
}

void counts(hls_stream(int32_t) * o1, hls_stream(int32_t) * o2, hls_stream(int32_t) * o3, uint8_t a,
            uint8_t b) {
    HLS(dataflow)
    down(o1, a, b);
    up(o2, a, b);
    nests(o3, a, b);
}
