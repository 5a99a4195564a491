// SPDX-License-Identifier: Apache-2.0
// What hlsc_fuzz found and has since been put right: one process each.
#include "hls.h"

typedef enum { mode_idle, mode_busy } mode_t_;
HLS_STREAM_OF(int8_t)
HLS_STREAM_OF(int32_t)

// An enum without negative constants is unsigned.
static void enums(hls_stream(int32_t) * in, hls_stream(int32_t) * out) {
    for (int i = 0; i < 8; i++) {
        const int32_t x = hls_read(int32_t, in);
        const mode_t_ m = (mode_t_)x;
        hls_write(int32_t, out, (m > -5) + (x < m) * 2 + (int32_t)(m >> 4));
    }
}

// An index whose range is narrower than the array needs, and one that is a constant in the end.
static void narrow_index(hls_stream(int8_t) * out, uint16_t n) {
    int8_t v[3] = {24, -7, 92};
    HLS(array_partition variable = v complete dim = 0)
    hls_write(int8_t, out, v[n & 1]);
    for (int i = 0; i < 1; i += 2) {
        HLS(pipeline)
        hls_write(int8_t, out, (int8_t)(v[i + 2] + 1));
    }
}

void fuzz_found(hls_stream(int32_t) * a, hls_stream(int32_t) * enums_out,
                hls_stream(int8_t) * narrow_out, uint16_t n) {
    HLS(dataflow)
    enums(a, enums_out);
    narrow_index(narrow_out, n);
}
