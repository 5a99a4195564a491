// SPDX-License-Identifier: Apache-2.0
// A block RAM that is bound to be read in one cycle: its word passes a sum on the way to a
// register.
#include "hls.h"
HLS_STREAM_OF(int16_t)

void memory(hls_stream(int16_t) * in, hls_stream(int16_t) * out, uint32_t n) {
    static int16_t kept[1024];
    HLS(bind_storage variable = kept impl = bram latency = 1)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const int16_t x = hls_read(int16_t, in);
        hls_write(int16_t, out, (int16_t)(kept[(x + 5) & 1023] + x));
        kept[i & 1023] = x;
    }
}
