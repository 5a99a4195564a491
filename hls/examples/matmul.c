// SPDX-License-Identifier: Apache-2.0
// Matrix products C = A B of 16 x 16 matrices of 16-bit integers, sums of 36 bits. For each product
// B comes first, a row a word, then A, an element at a time; C leaves a row a word. One element of A
// meets a whole row of B a cycle, so a product takes 16 cycles for B and 256 for A.
#include "streams.h"

enum { MATMUL_N = 16 };

typedef struct {
    int16_t v[MATMUL_N];
} matmul_row_t;
HLS_STREAM_OF(matmul_row_t)
typedef struct {
    int64_t v[MATMUL_N];
} matmul_sums_t;
HLS_STREAM_OF(matmul_sums_t)

void matmul(hls_stream(matmul_row_t) *b_rows, hls_stream(int16_t) *a, hls_stream(matmul_sums_t) *c,
            uint32_t products) {
    int16_t b[MATMUL_N][MATMUL_N];
    HLS(array_partition variable=b complete dim=2)
    int64_t sum[MATMUL_N];
    HLS(array_partition variable=sum complete)
    for (uint32_t n = 0; n < products; n++) {
    load:
        for (int k = 0; k < MATMUL_N; k++) {
            HLS(pipeline II=1)
            const matmul_row_t row = hls_read(matmul_row_t, b_rows);
            for (int j = 0; j < MATMUL_N; j++) {
                HLS(unroll)
                b[k][j] = row.v[j];
            }
        }
    multiply:
        for (int i = 0; i < MATMUL_N; i++) {
            for (int k = 0; k < MATMUL_N; k++) {
                HLS(pipeline II=1)
                const int16_t x = hls_read(int16_t, a);
                matmul_sums_t row;
                for (int j = 0; j < MATMUL_N; j++) {
                    HLS(unroll)
                    sum[j] = hls_wrap((k == 0 ? 0 : sum[j]) + x * b[k][j], 36);
                    row.v[j] = sum[j];
                }
                if (k == MATMUL_N - 1)
                    hls_write(matmul_sums_t, c, row);
            }
        }
    }
}
