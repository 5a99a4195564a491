// SPDX-License-Identifier: Apache-2.0
// Wide designs: elements and memory words of more than 8,192 bits, more instances than Verilator
// takes in one loop, banks whose number is no power of two, an address for each lane.
#include "hls.h"

enum { WORD = 520, BANKS = 200 };

typedef struct {
    int16_t v[WORD];
} word_t;
HLS_STREAM_OF(word_t)
HLS_STREAM_OF(int16_t)

static void words(hls_stream(word_t) *in, hls_stream(word_t) *out, uint32_t n) {
    static int16_t old[4][WORD];
    HLS(array_partition variable = old complete dim = 2)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        const word_t x = hls_read(word_t, in);
        word_t y;
        for (int k = 0; k < WORD; k++) {
            HLS(unroll)
            y.v[k] = (int16_t)(x.v[k] + old[i & 3][k]);
            old[i & 3][k] = x.v[k];
        }
        hls_write(word_t, out, y);
    }
}

// Two writes to banks named in different ways; each lane reads its own bank at an address of its
// own.
static void banks(hls_stream(int16_t) *in, hls_stream(int16_t) *out, uint32_t n) {
    static int16_t m[16][BANKS];
    HLS(array_partition variable = m complete dim = 2)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        const int16_t x = hls_read(int16_t, in);
        m[i & 15][(x & 127) + 60] = x;
        m[i & 15][5] = (int16_t)(x + 1);
        int16_t sum = 0;
        for (int k = 0; k < BANKS; k++) {
            HLS(unroll)
            sum ^= m[(i + (uint32_t)k) & 15][k];
        }
        hls_write(int16_t, out, sum);
    }
}

void thousands(hls_stream(word_t) *a, hls_stream(word_t) *sums, hls_stream(int16_t) *b,
               hls_stream(int16_t) *parities, uint32_t n) {
    HLS(dataflow)
    words(a, sums, n);
    banks(b, parities, n);
}
