// SPDX-License-Identifier: Apache-2.0
// Sums over unrolled loops: plain, of products, of 2 to 40 terms, carried over iterations.
#include "hls.h"

typedef struct {
    int16_t a[40], b[40];
} pair_t;
typedef struct {
    int8_t a[40];
    uint8_t b[40];
} small_t;
typedef struct {
    int64_t v[8];
} total_t;
HLS_STREAM_OF(pair_t)
HLS_STREAM_OF(small_t)
HLS_STREAM_OF(total_t)

#define DOT(index, count)                                                                          \
    {                                                                                              \
        int64_t sum = 0;                                                                           \
        for (int k = 0; k < (count); k++) {                                                        \
            HLS(unroll)                                                                            \
            sum += (int64_t)x.a[k] * x.b[k];                                                       \
        }                                                                                          \
        t.v[index] = sum;                                                                          \
    }

static void dots(hls_stream(pair_t) *in, hls_stream(total_t) *out, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const pair_t x = hls_read(pair_t, in);
        total_t t;
        DOT(0, 2)
        DOT(1, 3)
        DOT(2, 4)
        DOT(3, 5)
        DOT(4, 8)
        DOT(5, 13)
        DOT(6, 1)
        DOT(7, 40)
        hls_write(total_t, out, t);
    }
}

// Products of other widths and signs, differences, squares, sums that wrap, a sum that starts with
// more.
static void sums(hls_stream(small_t) *in, hls_stream(total_t) *out, uint32_t n) {
    static int64_t all;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const small_t x = hls_read(small_t, in);
        total_t t;
        int32_t plain = 0, product = x.b[3], squares = 0, some = 0;
        uint8_t wrapped = 0;
        for (int k = 0; k < 40; k++) {
            HLS(unroll)
            plain += x.a[k];
        }
        for (int k = 0; k < 40; k++) {
            HLS(unroll)
            product += x.a[k] * x.b[k];
            squares += x.a[k] * x.a[k];
        }
        for (int k = 0; k < 40; k++) {
            HLS(unroll)
            wrapped = (uint8_t)(wrapped + x.b[k]);
        }
        for (int k = 0; k < 16; k++) {
            HLS(unroll)
            if (x.a[k] > 0)
                some += x.a[k] - x.b[k];
        }
        int32_t apart = 0;
        for (int k = 0; k < 6; k++) {
            HLS(unroll)
            apart -= x.a[k] * 5;
        }
        all += plain;
        t.v[0] = plain;
        t.v[1] = product;
        t.v[2] = squares;
        t.v[3] = wrapped;
        t.v[4] = some;
        t.v[5] = apart;
        t.v[6] = all;
        t.v[7] = x.a[0] * x.b[0] + x.a[1] * x.b[1];
        hls_write(total_t, out, t);
    }
}

// A matrix of accumulators that the iterations carry: one sum per lane.
typedef struct {
    int16_t x[4];
    bool first;
} column_t;
typedef struct {
    int64_t acc[12];
} accs_t;
HLS_STREAM_OF(column_t)
HLS_STREAM_OF(accs_t)

static void accumulate(hls_stream(column_t) *in, hls_stream(accs_t) *out, uint32_t n) {
    static int64_t acc[12];
    HLS(array_partition variable=acc complete)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const column_t x = hls_read(column_t, in);
        accs_t r;
        for (int k = 0; k < 12; k++) {
            HLS(unroll)
            const int64_t before = x.first ? 0 : acc[k];
            acc[k] = hls_wrap(before + x.x[k & 3] * x.x[(k >> 1) & 3], 48);
            r.acc[k] = acc[k];
        }
        hls_write(accs_t, out, r);
    }
}

void reduce(hls_stream(pair_t) *a, hls_stream(total_t) *dots_out, hls_stream(small_t) *b,
            hls_stream(total_t) *sums_out, hls_stream(column_t) *c,
            hls_stream(accs_t) *accumulate_out, uint32_t n) {
    HLS(dataflow)
    dots(a, dots_out, n);
    sums(b, sums_out, n);
    accumulate(c, accumulate_out, n);
}
