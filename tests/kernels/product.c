// SPDX-License-Identifier: Apache-2.0
// For --target up5k: a product with a register on both sides and a sum behind it, which Yosys 0.23 takes for an SB_MAC16
// with all of its registers; and a memory with one address beside it.
#include "hls.h"

HLS_STREAM_OF(int16_t)
HLS_STREAM_OF(int32_t)

void product(hls_stream(int16_t) * in, hls_stream(int32_t) * out, uint8_t n) {
    static int16_t w[256];
    HLS(bind_storage variable = w impl = uram)
    for (uint8_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        w[i] = hls_read(int16_t, in);
    }
    for (uint8_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const int16_t x = hls_read(int16_t, in);
        hls_write(int32_t, out, w[i] * x + x);
    }
}
