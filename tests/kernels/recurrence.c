// SPDX-License-Identifier: Apache-2.0
// What iterations hand on to the next one: arrays that are taken apart, logic of few bits, elements
// that lanes choose by more than a stride.
#include "hls.h"

typedef struct {
    int32_t v[4];
} four_t;
HLS_STREAM_OF(four_t)
HLS_STREAM_OF(int32_t)

// Initial values, conditions, and all elements at once beside the chain.
static void cascade(hls_stream(int32_t) * in, hls_stream(four_t) * out, uint32_t n) {
    static int32_t s[4] = {5, -7, 0, 9};
    HLS(array_partition variable = s complete)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        int32_t x = hls_read(int32_t, in);
        four_t w;
        for (int k = 0; k < 4; k++) {
            HLS(unroll)
            if (x & 1) {
                s[k] = x + (s[k] - (s[k] >> 4));
                x = s[k];
            }
        }
        for (int k = 0; k < 4; k++) {
            HLS(unroll)
            w.v[k] = s[k];
        }
        hls_write(four_t, out, w);
    }
}

// A second dimension over lanes; another loop fills the array, straight code adds it up.
static void channels(hls_stream(four_t) * in, hls_stream(four_t) * out, uint32_t n) {
    int32_t s[4][4];
    HLS(array_partition variable = s complete dim = 0)
    for (int k = 0; k < 4; k++) {
        HLS(pipeline II = 1)
        const four_t w = hls_read(four_t, in);
        for (int c = 0; c < 4; c++) {
            HLS(unroll)
            s[k][c] = w.v[c];
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        four_t w = hls_read(four_t, in);
        for (int k = 0; k < 4; k++) {
            HLS(unroll)
            for (int c = 0; c < 4; c++) {
                HLS(unroll)
                s[k][c] = w.v[c] + (s[k][c] - (s[k][c] >> 4));
                w.v[c] = s[k][c];
            }
        }
        hls_write(four_t, out, w);
    }
    four_t sum;
    for (int c = 0; c < 4; c++) {
        HLS(unroll)
        sum.v[c] = 0;
        for (int k = 0; k < 4; k++) {
            HLS(unroll)
            sum.v[c] += s[k][c];
        }
    }
    hls_write(four_t, out, sum);
}

// A member of a struct, and a read at an index that is known at run time only.
static void picked(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    struct {
        int32_t s[4];
        int8_t last;
    } z;
    for (int k = 0; k < 4; k++) {
        HLS(unroll)
        z.s[k] = 3 * k;
    }
    z.last = 0;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        int32_t x = hls_read(int32_t, in);
        for (int k = 0; k < 4; k++) {
            HLS(unroll)
            z.s[k] = x + (z.s[k] - (z.s[k] >> 4));
            x = z.s[k];
        }
        hls_write(int32_t, out, z.s[i & 3] + x);
        z.last = (int8_t)x;
    }
    hls_write(int32_t, out, z.s[n & 3] + z.last);
}

// Elements that are known for each lane, by tables and by what is not affine.
static void trellis(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    static const uint8_t from[8] = {3, 7, 1, 6, 0, 4, 2, 5};
    static uint16_t s[8] = {0, 9, 200, 1023, 511, 512, 3, 77};
    HLS(array_partition variable = s complete)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        const int32_t x = hls_read(int32_t, in);
        uint16_t t[8], bits = 0;
        for (int c = 0; c < 8; c++) {
            HLS(unroll)
            const uint16_t a = s[(c * 5 + 3) & 7] + ((c ^ c >> 1) & 1 ? x & 7 : 7 - (x & 7));
            const uint16_t b = s[from[c ^ 1]] + ((c ^ c >> 2) & 1 ? x & 7 : 7 - (x & 7));
            const bool takes_a = ((uint16_t)(a - b) & 0x200) != 0;
            t[c] = (takes_a ? a : b) & 0x3ff;
            bits |= (uint16_t)(takes_a << c);
        }
        for (int c = 0; c < 8; c++) {
            HLS(unroll)
            s[c] = t[c];
        }
        hls_write(int32_t, out, bits << 16 | s[2]);
    }
}

// Tests of single bits, of all types, and comparisons that look at the sign alone.
static void flags(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    static bool a, b, c;
    static int32_t s;
    static uint64_t wide;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        const int32_t x = hls_read(int32_t, in);
        const int8_t byte = (int8_t)x;
        const bool next = (a && !b && c) != (x < 0 || (x >> 9 & 1) == 1);
        if (next && (a || !c))
            s = s < 0 ? s + x : s - x;
        a = b && !c && s >= 0;
        b = c != next;
        c = (s & 4) == 0 ? next : a;
        wide = (wide << 1 ^ (uint64_t)s) + ((wide & 1ull << 63) != 0);
        const uint32_t bits = (((uint32_t)x & 0x80000000u) != 0) | ((byte & 0x40) == 0x40) << 1 |
                              ((byte & 0x80) == 0) << 2 | ((uint8_t)byte & 128) >> 4 |
                              ((wide & 1ull << 40) == 0) << 4 | (-1 < x) << 5 | (x <= -1) << 6 |
                              ((x & 3) == 2) << 7 | (((x - 3) & 256) == 256) << 8 | a << 9 |
                              b << 10;
        hls_write(int32_t, out, (int32_t)bits ^ s);
    }
}

void recurrence(hls_stream(int32_t) * in, hls_stream(four_t) * out, hls_stream(four_t) * in2,
                hls_stream(four_t) * out2, hls_stream(int32_t) * in3, hls_stream(int32_t) * out3,
                hls_stream(int32_t) * in4, hls_stream(int32_t) * out4, hls_stream(int32_t) * in5,
                hls_stream(int32_t) * out5, uint32_t n) {
    HLS(dataflow)
    cascade(in, out, n);
    channels(in2, out2, n);
    picked(in3, out3, n);
    trellis(in4, out4, n);
    flags(in5, out5, n);
}
