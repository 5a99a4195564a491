// SPDX-License-Identifier: Apache-2.0
// FIR filter: a low-pass of 16 taps on samples of 16 bits (Q15), rounded and saturated.
// The delay line is state: it goes on where the last run ended. Rate: a sample a cycle.
#include "streams.h"

enum { FIR_TAPS = 16 };

static const int16_t fir_taps[FIR_TAPS] = {
    0, 183, 259, -541, -1665, 0, 6025, 12123,
    12123, 6025, 0, -1665, -541, 259, 183, 0};

void fir(hls_stream(int16_t) *in, hls_stream(int16_t) *out, uint32_t samples) {
    static int16_t line[FIR_TAPS]; // the newest sample first
    HLS(array_partition variable=line complete)
filter:
    for (uint32_t i = 0; i < samples; i++) {
        HLS(pipeline II=1)
        for (int k = FIR_TAPS - 1; k > 0; k--) {
            HLS(unroll)
            line[k] = line[k - 1];
        }
        line[0] = hls_read(int16_t, in);
        int32_t sum = 0;
        for (int k = 0; k < FIR_TAPS; k++) {
            HLS(unroll)
            sum += line[k] * fir_taps[k];
        }
        hls_write(int16_t, out, (int16_t)hls_saturate(hls_round_shift(sum, 15), 16));
    }
}
