// SPDX-License-Identifier: Apache-2.0
// More tiles than a register should lead to: what all lanes look at goes through copies of it, a
// cycle later. A column, a flag and an address go to the lanes; their sums come out one by one.
#include "hls.h"

#ifndef KERNEL
#    define KERNEL tiles
#    define LANES 524
#endif
enum { WORDS = 4 };

HLS_STREAM_OF(int16_t)
HLS_STREAM_OF(int32_t)

void KERNEL(hls_stream(int16_t) * in, hls_stream(int32_t) * out, uint32_t command, uint32_t n) {
#ifdef CROSSING
    HLS(tiles crossing = CROSSING)
#endif
    static int16_t w[WORDS][LANES];
    HLS(array_partition variable = w dim = 2 complete)
    static int32_t acc[LANES], passing[LANES];
    HLS(array_partition variable = acc complete)
    HLS(array_partition variable = passing complete)
    if (command == 1) {
        for (uint32_t j = 0; j < LANES; j++) {
            for (uint32_t k = 0; k < WORDS; k++) {
                HLS(pipeline II = 1)
                w[k][j] = hls_read(int16_t, in);
            }
        }
    } else {
        for (uint32_t i = 0; i < n; i++) {
            HLS(pipeline II = 1)
            const int16_t x = hls_read(int16_t, in);
            const bool anew = i % 8 == 0;
            int32_t current[LANES];
            for (int j = 0; j < LANES; j++) {
                HLS(unroll)
                current[j] = anew ? acc[j] : j + 1 < LANES ? passing[j + 1] : 0;
                passing[j] = current[j];
                acc[j] = (anew ? 0 : acc[j]) + w[i % WORDS][j] * x;
            }
            hls_write(int32_t, out, current[0]);
        }
    }
}
