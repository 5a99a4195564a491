// SPDX-License-Identifier: Apache-2.0
// For --target up5k: what Yosys 0.23 makes wrong netlists of where it takes a register for one of
// an SB_MAC16, and again for one of the next: a product and a sum behind it, sums of products
// behind one another, by themselves and in lanes; and a memory with one address beside them.
#include "hls.h"

typedef struct {
    int32_t v[2];
} rows_t;
HLS_STREAM_OF(int16_t)
HLS_STREAM_OF(int32_t)
HLS_STREAM_OF(rows_t)

void product(hls_stream(int16_t) * in, hls_stream(int32_t) * out, hls_stream(int32_t) * sums,
             hls_stream(rows_t) * rows, uint8_t n) {
    static int16_t w[256];
    HLS(bind_storage variable = w impl = uram)
    for (uint8_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        w[i] = hls_read(int16_t, in);
    }
    for (uint8_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const int16_t x = hls_read(int16_t, in), y = w[i];
        hls_write(int32_t, out, y * x + x);
        // No sum has more bits than an adder of an SB_MAC16.
        const int16_t a = x >> 2, b = y >> 2;
        int32_t sum = (x >> 3) * (y >> 3) + a * b;
        sum += a * (y >> 4) + (x & 255) * 3;
        hls_write(int32_t, sums, sum);
        rows_t row;
        for (int r = 0; r < 2; r++) {
            HLS(unroll)
            int32_t of_row = x;
            for (int c = 0; c < 3; c++) {
                HLS(unroll)
                of_row += (a >> (r + c)) * (b >> c);
            }
            row.v[r] = of_row + (a >> r) * (b >> 5);
        }
        hls_write(rows_t, rows, row);
    }
}
