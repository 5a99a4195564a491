// SPDX-License-Identifier: Apache-2.0
// Run-length encoder: bytes in, pairs of a byte and how often it follows itself (1 to 255) out, so
// fewer elements leave than come. Rate: a byte a cycle.
#include "streams.h"

typedef struct {
    uint8_t value, count;
} run_t;
HLS_STREAM_OF(run_t)

void run_length(hls_stream(uint8_t) *in, hls_stream(run_t) *out, uint32_t bytes) {
    run_t run = {0, 0};
encode:
    for (uint32_t i = 0; i < bytes; i++) {
        HLS(pipeline II=1)
        const uint8_t value = hls_read(uint8_t, in);
        const bool ends = value != run.value || run.count == 255;
        if (ends && run.count != 0)
            hls_write(run_t, out, run);
        run.value = value;
        run.count = ends ? 1 : run.count + 1;
    }
    if (run.count != 0)
        hls_write(run_t, out, run);
}
