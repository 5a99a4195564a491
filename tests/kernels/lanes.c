// SPDX-License-Identifier: Apache-2.0
// Wide unrolled loops with multipliers, which become tiles: 8, 11, 25 and 64 lanes, with weight
// memories, accumulators, neighbours and a chain of registers from lane to lane.
#include "hls.h"

typedef struct {
    int16_t x;
    bool first, last;
} column_t;
HLS_STREAM_OF(column_t)
HLS_STREAM_OF(int16_t)
HLS_STREAM_OF(int64_t)

// A matrix times a vector, one column a cycle; the sums leave through a chain.
#define PRODUCT(NAME, LANES, COLUMNS)                                                              \
    static void NAME(hls_stream(int16_t) *weights, hls_stream(int16_t) *in,                      \
                     hls_stream(int64_t) *out, uint32_t n) {                                      \
        static int16_t w[COLUMNS][LANES];                                                          \
        static int64_t acc[LANES];                                                                 \
        static int64_t chain[LANES];                                                               \
        HLS(array_partition variable=w complete dim=2)                                         \
        HLS(array_partition variable=acc complete)                                               \
        HLS(array_partition variable=chain complete)                                             \
    load_weights:                                                                                  \
        for (uint32_t k = 0; k < (COLUMNS); k++) {                                                 \
            for (uint32_t r = 0; r < (LANES); r++) {                                               \
                HLS(pipeline II=1)                                                               \
                w[k][r] = hls_read(int16_t, weights);                                              \
            }                                                                                      \
        }                                                                                          \
    multiply:                                                                                      \
        for (uint32_t t = 0; t < n; t++) {                                                         \
            for (uint32_t k = 0; k < (COLUMNS); k++) {                                             \
                HLS(pipeline II=1)                                                               \
                const int16_t x = hls_read(int16_t, in);                                           \
                int64_t now[LANES];                                                                \
                for (int r = 0; r < (LANES); r++) {                                                \
                    HLS(unroll)                                                                    \
                    now[r] = k == 0 ? acc[r] : r + 1 < (LANES) ? chain[r + 1] : 0;                 \
                    chain[r] = now[r];                                                             \
                }                                                                                  \
                for (int r = 0; r < (LANES); r++) {                                                \
                    HLS(unroll)                                                                    \
                    acc[r] = hls_wrap((k == 0 ? 0 : acc[r]) + w[k][r] * x, 48);                    \
                }                                                                                  \
                hls_write(int64_t, out, now[0]);                                                   \
            }                                                                                      \
        }                                                                                          \
    }
PRODUCT(product8, 8, 10)
PRODUCT(product11, 11, 16)
PRODUCT(product25, 25, 30)
PRODUCT(product64, 64, 65)

// Lanes that look at both neighbours.
static void smooth(hls_stream(column_t) *in, hls_stream(int64_t) *out, uint32_t n) {
    static int32_t line[16];
    HLS(array_partition variable=line complete)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const column_t c = hls_read(column_t, in);
        int32_t next[16];
        for (int r = 0; r < 16; r++) {
            HLS(unroll)
            const int32_t left = r > 0 ? line[r - 1] : c.x, right = r + 1 < 16 ? line[r + 1] : 0;
            next[r] = (int32_t)hls_wrap(c.first ? r * c.x : (left + right) >> 1, 20);
        }
        for (int r = 0; r < 16; r++) {
            HLS(unroll)
            line[r] = next[r];
        }
        int64_t sum = 0;
        for (int r = 0; r < 16; r++) {
            HLS(unroll)
            sum += next[r] * c.x;
        }
        hls_write(int64_t, out, sum);
    }
}

void lanes(hls_stream(int16_t) *wa, hls_stream(int16_t) *a, hls_stream(int64_t) *ya,
           hls_stream(int16_t) *wb, hls_stream(int16_t) *b, hls_stream(int64_t) *yb,
           hls_stream(int16_t) *wc, hls_stream(int16_t) *c, hls_stream(int64_t) *yc,
           hls_stream(int16_t) *wd, hls_stream(int16_t) *d, hls_stream(int64_t) *yd,
           hls_stream(column_t) *e, hls_stream(int64_t) *ye, uint32_t n) {
    HLS(dataflow)
    product8(wa, a, ya, n);
    product11(wb, b, yb, n);
    product25(wc, c, yc, n);
    product64(wd, d, yd, n);
    smooth(e, ye, n);
}
