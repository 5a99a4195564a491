// SPDX-License-Identifier: Apache-2.0
// For --target up5k: large memories with one address, which loops and straight code take in turn,
// banks of them, products that need several multipliers of 16 bits, and sums of products.
#include "hls.h"

typedef struct {
    int16_t v[4];
} v4_t;
HLS_STREAM_OF(v4_t)
HLS_STREAM_OF(int16_t)
HLS_STREAM_OF(int64_t)

// Written and read by loops that follow each other closely; straight code reads too.
static void turns(hls_stream(int16_t) * in, hls_stream(int64_t) * out, uint8_t n) {
    static int16_t m[300];
    HLS(bind_storage variable = m impl = uram latency = 1)
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < n; i++) {
            HLS(pipeline II = 1)
            m[i + 20 * round] = hls_read(int16_t, in);
        }
        for (uint32_t i = 0; i < n; i++) {
            HLS(pipeline II = 1)
            hls_write(int64_t, out, m[i] * 3);
        }
        hls_write(int64_t, out, m[n]);
        for (int i = 0; i < 3; i++) {
            HLS(pipeline II = 1)
            hls_write(int64_t, out, m[i * 7] - n);
        }
        m[299 - round] = (int16_t)(round + 5);
    }
}

// Words of four numbers that are written one at a time, and a memory that nobody binds.
static void lanes(hls_stream(v4_t) * in, hls_stream(int64_t) * out, uint8_t n) {
    static int16_t w[64][4];
    HLS(array_partition variable = w complete dim = 2)
    HLS(bind_storage variable = w impl = uram)
    static int32_t large[4096];
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 4)
        const v4_t x = hls_read(v4_t, in);
        for (int c = 0; c < 4; c++)
            w[i & 63][c] = x.v[c];
        large[(i * 37) & 4095] = x.v[0] * x.v[1];
    }
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        int64_t sum = large[(i * 37) & 4095];
        for (int c = 0; c < 4; c++) {
            HLS(unroll)
            sum += w[i & 63][c] * (int64_t)w[i & 63][c];
        }
        hls_write(int64_t, out, sum);
    }
}

// Operands of more than 16 bits, signed and not.
static void products(hls_stream(v4_t) * in, hls_stream(int64_t) * out, uint8_t n) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const v4_t x = hls_read(v4_t, in);
        const int32_t wide = (int32_t)hls_wrap(x.v[0] * 65536 + (uint16_t)x.v[1], 24);
        const uint32_t natural = (uint32_t)(uint16_t)x.v[1] * 8 + 5;
        int64_t y = (int64_t)wide * x.v[2] + (int64_t)natural * x.v[3];
        y += (int64_t)(uint16_t)x.v[2] * (uint16_t)x.v[3] - ((int64_t)wide * wide >> 5);
        hls_write(int64_t, out, y);
    }
}

void one_address(hls_stream(int16_t) * in, hls_stream(v4_t) * vectors, hls_stream(v4_t) * numbers,
                 hls_stream(int64_t) * out, hls_stream(int64_t) * sums, hls_stream(int64_t) * parts,
                 uint8_t n) {
    HLS(dataflow)
    turns(in, out, n);
    lanes(vectors, sums, n);
    products(numbers, parts, n);
}
