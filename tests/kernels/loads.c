// SPDX-License-Identifier: Apache-2.0
// Values that drive more loads than a register should: flags that choose between hundreds of bits,
// register arrays of hundreds of bits with and without first values, words of hundreds of bits.
#include "hls.h"

enum { WIDE = 40 };

typedef struct {
    int16_t v[WIDE];
    bool anew;
    uint8_t at;
} row_t;
HLS_STREAM_OF(row_t)
HLS_STREAM_OF(int32_t)

// Rows come in parts; sums begin anew where a row says so.
static void parts(hls_stream(row_t) * in, hls_stream(row_t) * out, uint32_t n) {
    static int16_t total[WIDE]; // of all runs
    HLS(array_partition variable = total complete)
    int16_t rest[WIDE] = {0};
    HLS(array_partition variable = rest complete)
    uint8_t part = 0;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        row_t row = {{0}, 0, 0};
        if (part == 0)
            row = hls_read(row_t, in);
        row_t y;
        for (int k = 0; k < WIDE; k++) {
            HLS(unroll)
            const int16_t now = part == 0 ? row.v[k] : k + 1 < WIDE ? rest[k + 1] : 7;
            rest[k] = now;
            total[k] = (int16_t)((row.anew ? 0 : total[k]) + now);
            y.v[k] = total[k];
        }
        y.anew = part == 2;
        y.at = row.at;
        part = part == 2 ? 0 : part + 1;
        hls_write(row_t, out, y);
    }
}

// A memory of so wide words, written and read by loops of their own, and lanes that multiply.
static void words(hls_stream(row_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    static int16_t kept[48][WIDE];
    HLS(array_partition variable = kept dim = 2 complete)
    HLS(bind_storage variable = kept impl = lutram)
    static int32_t sum[WIDE];
    HLS(array_partition variable = sum complete)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const row_t row = hls_read(row_t, in);
        for (int k = 0; k < WIDE; k++) {
            HLS(unroll)
            kept[i < 48 ? i : 47][k] = row.v[k];
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        int32_t y = 0;
        for (int k = 0; k < WIDE; k++) {
            HLS(unroll)
            sum[k] = (i % 8 == 0 ? 0 : sum[k]) + kept[i < 48 ? i : 47][k] * (int16_t)(i + 3);
            y ^= sum[k];
        }
        hls_write(int32_t, out, y);
    }
}

void loads(hls_stream(row_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    HLS(dataflow)
    HLS_CHANNEL(row_t, between);
    HLS(stream variable = between depth = 4)
    parts(in, &between, n);
    words(&between, out, n);
}
