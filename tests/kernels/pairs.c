// SPDX-License-Identifier: Apache-2.0
// Sums of products of 8 bits: two rows share a multiplier where they share their columns. Five rows
// of nine columns (two whole cascades and a late one), then three and three rows with columns of
// their own, and three rows of one column, whose sums grow from iteration to iteration.
#include "hls.h"

typedef struct {
    int8_t w[5][9], x[9], u[2][3][6], v[2][6];
} operands_t;
typedef struct {
    int32_t y[5], z[2][3], grown[3];
} sums_t;
HLS_STREAM_OF(operands_t)
HLS_STREAM_OF(sums_t)

void pairs(hls_stream(operands_t) * in, hls_stream(sums_t) * out, uint32_t n) {
    static int32_t grown[3];
    HLS(array_partition variable = grown complete)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const operands_t o = hls_read(operands_t, in);
        sums_t sums;
        for (int r = 0; r < 5; r++) {
            HLS(unroll)
            int32_t sum = 0;
            for (int k = 0; k < 9; k++) {
                HLS(unroll)
                sum += o.w[r][k] * o.x[k];
            }
            sums.y[r] = sum;
        }
        for (int g = 0; g < 2; g++) {
            HLS(unroll)
            for (int r = 0; r < 3; r++) {
                HLS(unroll)
                int32_t sum = 0;
                for (int k = 0; k < 6; k++) {
                    HLS(unroll)
                    sum += o.u[g][r][k] * o.v[g][k];
                }
                sums.z[g][r] = sum;
            }
        }
        for (int r = 0; r < 3; r++) {
            HLS(unroll)
            const int32_t before = o.v[0][0] < 0 ? 0 : grown[r];
            grown[r] = (int32_t)hls_wrap(before + o.w[r][0] * o.x[0], 20);
            sums.grown[r] = grown[r];
        }
        hls_write(sums_t, out, sums);
    }
}
