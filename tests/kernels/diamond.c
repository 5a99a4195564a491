// SPDX-License-Identifier: Apache-2.0
// Paths that meet again, through one function that is two processes.
#include "hls.h"
HLS_STREAM_OF(int32_t)
static void fork(hls_stream(int32_t) * in, hls_stream(int32_t) * a, hls_stream(int32_t) * b,
                 uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        int32_t x = hls_read(int32_t, in);
        hls_write(int32_t, a, x);
        hls_write(int32_t, b, x + 1);
    }
}
static void scale(hls_stream(int32_t) * in, hls_stream(int32_t) * out, int32_t factor, uint32_t n) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += hls_read(int32_t, in);
        hls_write(int32_t, out, sum * factor);
    }
}
static void join(hls_stream(int32_t) * a, hls_stream(int32_t) * b, hls_stream(int32_t) * out,
                 uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        int32_t x = hls_read(int32_t, a);
        hls_write(int32_t, out, x - (hls_read(int32_t, b) >> 1));
    }
}
void diamond(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    HLS(dataflow)
    HLS_CHANNEL(int32_t, a);
    HLS_CHANNEL(int32_t, b);
    HLS_CHANNEL(int32_t, c);
    HLS_CHANNEL(int32_t, d);
    fork(in, &a, &b, n);
    scale(&a, &c, 3, n);
    scale(&b, &d, 5, n);
    join(&c, &d, out, n);
}
