// SPDX-License-Identifier: Apache-2.0
// Median of the last 7 samples of 16 bits; before the first sample stand zeros. The window is a shift
// register, its median the middle of a sorting network (odd-even transposition). Rate: a sample a
// cycle.
#include "streams.h"

enum { MEDIAN_WINDOW = 7 };

void moving_median(hls_stream(int16_t) *in, hls_stream(int16_t) *out, uint32_t samples) {
    static int16_t window[MEDIAN_WINDOW];
    HLS(array_partition variable=window complete)
slide:
    for (uint32_t i = 0; i < samples; i++) {
        HLS(pipeline II=1)
        for (int k = MEDIAN_WINDOW - 1; k > 0; k--) {
            HLS(unroll)
            window[k] = window[k - 1];
        }
        window[0] = hls_read(int16_t, in);
        int16_t sorted[MEDIAN_WINDOW];
        for (int k = 0; k < MEDIAN_WINDOW; k++) {
            HLS(unroll)
            sorted[k] = window[k];
        }
        for (int row = 0; row < MEDIAN_WINDOW; row++) {
            HLS(unroll)
            for (int k = row & 1; k + 1 < MEDIAN_WINDOW; k += 2) {
                HLS(unroll)
                const int16_t a = sorted[k], b = sorted[k + 1];
                sorted[k] = a < b ? a : b;
                sorted[k + 1] = a < b ? b : a;
            }
        }
        hls_write(int16_t, out, sorted[MEDIAN_WINDOW / 2]);
    }
}
