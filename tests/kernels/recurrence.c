// SPDX-License-Identifier: Apache-2.0
// What iterations hand on to the next one: arrays that are taken apart.
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

void recurrence(hls_stream(int32_t) * in, hls_stream(four_t) * out, hls_stream(four_t) * in2,
                hls_stream(four_t) * out2, hls_stream(int32_t) * in3, hls_stream(int32_t) * out3,
                uint32_t n) {
    HLS(dataflow)
    cascade(in, out, n);
    channels(in2, out2, n);
    picked(in3, out3, n);
}
