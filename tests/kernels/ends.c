// SPDX-License-Identifier: Apache-2.0
// Processes that end with their input (hls_more), and a FIFO that leads back into its process.
#include "hls.h"

HLS_STREAM_OF(int16_t)
HLS_STREAM_OF(int32_t)
typedef struct {
    int16_t value;
    uint16_t count;
} run_t;
HLS_STREAM_OF(run_t)
static void rle(hls_stream(int16_t) * in, hls_stream(run_t) * out) {
    int16_t value = 0;
    uint16_t count = 0;
    while (hls_more(int16_t, in)) {
        HLS(pipeline)
        int16_t x = (int16_t)(hls_read(int16_t, in) & 1);
        run_t r;
        r.value = value;
        r.count = count;
        const bool change = count != 0 && (x != value || count == 65535);
        if (change)
            hls_write(run_t, out, r);
        count = change || count == 0 ? 1 : count + 1;
        value = x;
    }
    run_t r;
    r.value = value;
    r.count = count;
    if (count)
        hls_write(run_t, out, r);
}
static void expand(hls_stream(run_t) * in, hls_stream(int32_t) * out) {
    while (hls_more(run_t, in)) {
        run_t r = hls_read(run_t, in);
        hls_write(int32_t, out, r.value * 1000 + r.count);
    }
}
static void decay(hls_stream(int16_t) * in, hls_stream(int32_t) * out, uint8_t n) {
    HLS_CHANNEL(int32_t, back);
    HLS(stream variable = back depth = 8)
    for (int i = 0; i < 4; i++)
        hls_write(int32_t, &back, i * 100);
    for (uint32_t i = 0; i < n; i++) {
        int32_t old = hls_read(int32_t, &back);
        int32_t now = old * 3 + hls_read(int16_t, in);
        hls_write(int32_t, &back, now);
        hls_write(int32_t, out, now);
    }
}
void ends(hls_stream(int16_t) * in, hls_stream(int32_t) * out, hls_stream(int16_t) * in2,
          hls_stream(int32_t) * out2, uint8_t n) {
    HLS(dataflow)
    HLS_CHANNEL(run_t, c);
    rle(in, &c);
    expand(&c, out);
    decay(in2, out2, n);
}
