// SPDX-License-Identifier: Apache-2.0
// Histogram of bytes in a block RAM: counts `samples` bytes, then gives the 256 counts and clears
// them. Rate: a sample a cycle, also where equal samples follow one another: a count that is still on
// its way into the memory is taken from there.
#include "streams.h"

enum { HISTOGRAM_BINS = 256 };

void histogram(hls_stream(uint8_t) *in, hls_stream(uint32_t) *out, uint32_t samples) {
    static uint32_t bins[HISTOGRAM_BINS];
    HLS(bind_storage variable=bins type=ram_2p impl=bram)
count:
    for (uint32_t i = 0; i < samples; i++) {
        HLS(pipeline II=1)
        const uint8_t bin = hls_read(uint8_t, in);
        bins[bin]++;
    }
give:
    for (int b = 0; b < HISTOGRAM_BINS; b++) {
        HLS(pipeline II=1)
        hls_write(uint32_t, out, bins[b]);
        bins[b] = 0;
    }
}
