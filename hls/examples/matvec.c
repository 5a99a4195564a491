// SPDX-License-Identifier: Apache-2.0
// Matrix-vector products y = A x of a 32 x 32 matrix in Q15 with many vectors. A run takes the
// matrix row by row, then the vectors one after another. Eight columns are multiplied a cycle, so a
// vector takes 4 cycles to come in and 128 to be multiplied.
#include "streams.h"

#define MATVEC_LANES 8
enum { MATVEC_ROWS = 32, MATVEC_COLUMNS = 32 };

typedef struct {
    int16_t v[MATVEC_LANES];
} matvec_word_t;
HLS_STREAM_OF(matvec_word_t)

void matvec(hls_stream(matvec_word_t) *in, hls_stream(int32_t) *out, uint32_t vectors) {
    static int16_t a[MATVEC_ROWS][MATVEC_COLUMNS];
    HLS(array_partition variable=a cyclic factor=MATVEC_LANES dim=2)
    int16_t x[MATVEC_COLUMNS];
    HLS(array_partition variable=x cyclic factor=MATVEC_LANES)
load_matrix:
    for (int r = 0; r < MATVEC_ROWS; r++) {
        for (int c = 0; c < MATVEC_COLUMNS; c += MATVEC_LANES) {
            HLS(pipeline II=1)
            const matvec_word_t word = hls_read(matvec_word_t, in);
            for (int k = 0; k < MATVEC_LANES; k++) {
                HLS(unroll)
                a[r][c + k] = word.v[k];
            }
        }
    }
    for (uint32_t n = 0; n < vectors; n++) {
    load_vector:
        for (int c = 0; c < MATVEC_COLUMNS; c += MATVEC_LANES) {
            HLS(pipeline II=1)
            const matvec_word_t word = hls_read(matvec_word_t, in);
            for (int k = 0; k < MATVEC_LANES; k++) {
                HLS(unroll)
                x[c + k] = word.v[k];
            }
        }
        int64_t sum = 0;
    multiply:
        for (int r = 0; r < MATVEC_ROWS; r++) {
            for (int c = 0; c < MATVEC_COLUMNS; c += MATVEC_LANES) {
                HLS(pipeline II=1)
                int64_t dot = 0;
                for (int k = 0; k < MATVEC_LANES; k++) {
                    HLS(unroll)
                    dot += a[r][c + k] * x[c + k];
                }
                sum = (c == 0 ? 0 : sum) + dot;
                if (c == MATVEC_COLUMNS - MATVEC_LANES)
                    hls_write(int32_t, out, (int32_t)hls_round_shift(sum, 15));
            }
        }
    }
}
