// SPDX-License-Identifier: Apache-2.0
// Processes that are connected: a chain, a split whose branches meet again, channels of given
// depth, and with -D CROSSING=N channels that lead from die to die.
#include "hls.h"

typedef struct {
    int16_t v[3];
    bool last;
} word_t;
HLS_STREAM_OF(word_t)
HLS_STREAM_OF(int32_t)

static void split(hls_stream(word_t) *in, hls_stream(int32_t) *left, hls_stream(word_t) *right,
                  uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const word_t x = hls_read(word_t, in);
        if (i % 4 == 0)
            hls_write(int32_t, left, x.v[0] * 5);
        hls_write(word_t, right, x);
    }
}

static void scale(hls_stream(int32_t) *in, hls_stream(int32_t) *out, uint32_t n, int32_t factor) {
    for (uint32_t i = 0; i < n; i += 4) {
        HLS(pipeline II=1)
        hls_write(int32_t, out, (hls_read(int32_t, in) >> 3) * factor);
    }
}

static void join(hls_stream(int32_t) *left, hls_stream(word_t) *right, hls_stream(int32_t) *out,
                 uint32_t n, uint32_t offset) {
    int32_t base = 0;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        if (i % 4 == 0)
            base = hls_read(int32_t, left);
        const word_t x = hls_read(word_t, right);
        hls_write(int32_t, out,
                  (int32_t)((uint32_t)base + (uint32_t)(x.last ? x.v[1] : x.v[2]) + offset));
    }
}

void flow(hls_stream(word_t) *in, hls_stream(int32_t) *out, uint32_t n, uint32_t offset) {
    HLS(dataflow)
    HLS_CHANNEL(int32_t, left);
    HLS_CHANNEL(int32_t, scaled);
    HLS_CHANNEL(word_t, right);
    HLS(stream variable=right depth=40)
    HLS(stream variable=scaled depth=2)
#ifdef CROSSING
    HLS(stream variable=left crossing=CROSSING)
    HLS(stream variable=scaled crossing=4)
    HLS(stream variable=right crossing=6)
#endif
    split(in, &left, &right, n);
    scale(&left, &scaled, n, -7);
    join(&scaled, &right, out, n, offset);
}
