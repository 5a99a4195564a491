// SPDX-License-Identifier: Apache-2.0
// A flag that chooses between 640 bits, which are kept from iteration to iteration.
#include "hls.h"

enum { WIDE = 40 };

typedef struct {
    int16_t v[WIDE];
} row_t;
HLS_STREAM_OF(row_t)
HLS_STREAM_OF(int16_t)

void loads(hls_stream(row_t) * in, hls_stream(int16_t) * out, uint32_t n) {
    int16_t rest[WIDE] = {0};
    HLS(array_partition variable = rest complete)
    uint8_t part = 0;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        row_t row = {{0}};
        if (part == 0)
            row = hls_read(row_t, in);
        for (int k = 0; k < WIDE; k++) {
            HLS(unroll)
            rest[k] = part == 0 ? row.v[k] : (int16_t)(rest[k] + 1);
        }
        part = part == 2 ? 0 : part + 1;
        int16_t all = 0;
        for (int k = 0; k < WIDE; k++) {
            HLS(unroll)
            all ^= rest[k];
        }
        hls_write(int16_t, out, all);
    }
}
