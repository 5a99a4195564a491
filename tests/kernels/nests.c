// SPDX-License-Identifier: Apache-2.0
// Nests whose inner bounds are known at run time only, around memories that their rounds read and
// write: the next round may begin after one iteration. Run with small scalars. And unrolled loops
// whose iterations meet in a memory. One process for each shape.
#include "hls.h"

HLS_STREAM_OF(int32_t)

// Each word again in every round; the bound is small, wide, or has a minimum.
static void again(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint8_t n, uint8_t k,
                  uint16_t wide) {
    static int32_t a[64], b[64], c[64];
    const uint8_t small = k & 63, least = (k & 63) < 5 ? 5 : k & 63;
    for (uint8_t i = 0; i < n; i++) {
        for (uint8_t j = 0; j < small; j++) {
            HLS(pipeline)
            const int32_t y = a[j] * 5 + hls_read(int32_t, in);
            a[j] = y;
            hls_write(int32_t, out, y);
        }
    }
    for (uint8_t i = 0; i < n; i++) {
        for (uint8_t j = 0; j < least; j++) {
            HLS(pipeline)
            const int32_t y = b[j] * 5 + hls_read(int32_t, in);
            b[j] = y;
            hls_write(int32_t, out, y);
        }
    }
    for (uint8_t i = 0; i < n; i++) {
        for (uint16_t j = 0; j < wide; j++) {
            HLS(pipeline)
            const int32_t x = hls_read(int32_t, in);
            int32_t y = 0;
            if (j < 64) {
                y = c[j] * 5 + x;
                c[j] = y;
            }
            hls_write(int32_t, out, y);
        }
    }
}

// What one round writes last the next one reads first; strides, bounds that belong to the loop.
static void neighbours(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint8_t n, uint8_t k) {
    static int32_t a[80], b[80];
    const uint8_t last = k & 31;
    for (uint8_t i = 0; i < n; i++) {
        for (uint8_t j = 2; j <= last; j += 3) {
            HLS(pipeline)
            const int32_t x = hls_read(int32_t, in);
            a[j] = a[j] * 3 + x;
            hls_write(int32_t, out, a[(j + 3) & 63] + a[5]);
        }
    }
    for (uint8_t i = 0; i < n; i++) {
        for (uint8_t j = 0; j < last; j++) {
            HLS(pipeline)
            const int32_t x = hls_read(int32_t, in);
            b[j + 1] = (x ^ i) * (x + 1) * x;
            if (j < 2)
                hls_write(int32_t, out, b[j + 2]);
        }
    }
}

// Rounds of a middle loop of one or no iteration, and rounds that break off.
static void middle(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint8_t n, uint8_t k,
                   uint8_t m) {
    static int32_t a[64], b[16];
    const uint8_t columns = k & 7, rows = m & 3;
    for (uint8_t i = 0; i < n; i++) {
        for (uint8_t j = 0; j < rows; j++) {
            for (uint8_t c = 0; c < columns; c++) {
                HLS(pipeline)
                const int32_t x = hls_read(int32_t, in);
                if ((x & 15) == 0)
                    continue;
                a[c + 16] = a[c + 16] * 7 + x;
                if ((x & 3) == 1)
                    break;
                hls_write(int32_t, out, a[c + 16]);
            }
        }
    }
    for (uint8_t i = 0; i < n; i++) {
        for (uint8_t j = 0; j < rows; j++) {
            for (uint8_t c = 0; c < 16; c++) {
                HLS(pipeline)
                const int32_t x = hls_read(int32_t, in);
                b[c] = b[c] * 3 + x;
                hls_write(int32_t, out, b[c]);
                if (c >= columns)
                    break;
            }
        }
    }
}

// A value is thrown away at one place and wanted at another, and an address that leaves the memory
// comes back.
static void wanted(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint8_t n) {
    static int32_t a[8], b[2];
    int32_t before = 0;
    for (uint8_t i = 0; i < n; i++) {
        for (uint8_t k = 0; k < 4; k++) {
            HLS(pipeline)
            const int32_t x = hls_read(int32_t, in);
            const int32_t v = a[k];
            const int32_t y = k == 0 ? v : 7;
            hls_write(int32_t, out, before + y);
            before = v;
            a[k + 1] = x * x * 5 * x * (x + 1);
        }
    }
    for (uint32_t i = 0; i < n * 256u; i += 64) {
        HLS(pipeline)
        const int32_t x = hls_read(int32_t, in);
        int32_t y = 0;
        if ((i & 255) < 128) {
            y = b[(i & 255) / 64] * 3 * x + x * x * x * x;
            b[(i & 255) / 64] = y;
        }
        hls_write(int32_t, out, y);
    }
}

// Iterations of an unrolled loop write and read what other ones do.
static void meeting(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint8_t n) {
    static int32_t m[4][8];
    HLS(array_partition variable = m complete dim = 2)
    for (uint8_t i = 0; i < n; i++) {
        HLS(pipeline)
        const int32_t x = hls_read(int32_t, in);
        for (int r = 0; r < 8; r++) {
            HLS(unroll)
            if (x >> r & 1)
                m[x & 3][r] = x ^ (r * 77);
            else
                m[x >> 2 & 3][7 - r] = x + r;
        }
        for (int r = 0; r < 7; r++) {
            HLS(unroll)
            if (x >> r & 2)
                m[x & 3][r + 1] += x ^ r;
            else
                m[x >> 2 & 3][r] = x - r;
        }
        int32_t sum = 0;
        for (int r = 0; r < 8; r++) {
            HLS(unroll)
            m[x >> 4 & 3][r] = x - r;
            sum += m[x >> 1 & 3][7 - r] * (r + 1);
        }
        int32_t same = m[x & 3][3] & 1;
        for (int r = 0; r < 8; r++) {
            HLS(unroll)
            same = same ^ (m[x & 3][3] + r);
            m[x & 3][r] = x * r;
        }
        hls_write(int32_t, out, sum ^ same);
    }
}

// Rows and columns that are constant, around and around: the next round is as far as they are long.
#define GRID(name, J, K, at, from)                                                                 \
    static void name(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint16_t wide) {         \
        static int32_t a[128];                                                                     \
        for (int i = 0; i < (wide & 7); i++)                                                       \
            for (int j = 0; j < J; j++)                                                            \
                for (int k = 0; k < K; k++) {                                                      \
                    HLS(pipeline)                                                                  \
                    const int32_t x = hls_read(int32_t, in);                                       \
                    const int32_t y = (a[from] * 3 + x) >> 1;                                      \
                    a[at] = y;                                                                     \
                    hls_write(int32_t, out, y);                                                    \
                }                                                                                  \
    }
GRID(grid, 3, 5, j * 5 + k, j * 5 + k)
GRID(mirrored, 4, 3, j * 3 + k, (3 - j) * 3 + k)
GRID(turned, 2, 7, j * 64 + k, (1 - j) * 64 + 6 - k)
GRID(overlaid, 3, 2, j + k, k * 2)

void nests(hls_stream(int32_t) * in0, hls_stream(int32_t) * out0, hls_stream(int32_t) * in1,
           hls_stream(int32_t) * out1, hls_stream(int32_t) * in2, hls_stream(int32_t) * out2,
           hls_stream(int32_t) * in3, hls_stream(int32_t) * out3, hls_stream(int32_t) * in4,
           hls_stream(int32_t) * out4, hls_stream(int32_t) * in5, hls_stream(int32_t) * out5,
           hls_stream(int32_t) * in6, hls_stream(int32_t) * out6, hls_stream(int32_t) * in7,
           hls_stream(int32_t) * out7, hls_stream(int32_t) * in8, hls_stream(int32_t) * out8,
           uint8_t n, uint8_t k, uint8_t m, uint16_t wide) {
    HLS(dataflow)
    again(in0, out0, n, k, wide);
    neighbours(in1, out1, n, k);
    middle(in2, out2, n, k, m);
    wanted(in3, out3, n);
    meeting(in4, out4, n);
    grid(in5, out5, wide);
    mirrored(in6, out6, wide);
    turned(in7, out7, wide);
    overlaid(in8, out8, wide);
}
