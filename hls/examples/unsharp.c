// SPDX-License-Identifier: Apache-2.0
// Unsharp mask on images of 64 columns of bytes: y = x + 3/4 (x - blurred x), saturated, where blurring
// is 3 x 3 (1 2 1, 2 4 2, 1 2 1) / 16 with zeros outside. Three processes whose paths meet again: the
// pixels go to the blur and past it, where they wait for a row and a pixel (hlsc derives how deep the
// channel must be). Rate: a pixel a cycle, and one more for each row and for the row behind the last.
#include "streams.h"

enum { UNSHARP_COLUMNS = 64 };

static void unsharp_split(hls_stream(uint8_t) *in, hls_stream(uint8_t) *to_blur,
                          hls_stream(uint8_t) *past, uint32_t rows) {
split:
    for (uint32_t r = 0; r < rows; r++) {
        for (int c = 0; c < UNSHARP_COLUMNS; c++) {
            HLS(pipeline II=1)
            const uint8_t x = hls_read(uint8_t, in);
            hls_write(uint8_t, to_blur, x);
            hls_write(uint8_t, past, x);
        }
    }
}

// Takes the pixel of row r and column c and gives the blurred one of row r - 1 and column c - 1.
static void unsharp_blur(hls_stream(uint8_t) *in, hls_stream(uint8_t) *out, uint32_t rows) {
    static uint8_t lines[2][UNSHARP_COLUMNS]; // the row before the last, the last row
    HLS(array_partition variable=lines complete dim=1)
    uint8_t window[3][3];
    HLS(array_partition variable=window complete dim=0)
    for (int i = 0; i < 3; i++) {
        HLS(unroll)
        for (int j = 0; j < 3; j++) {
            HLS(unroll)
            window[i][j] = 0;
        }
    }
blur:
    for (uint32_t r = 0; r <= rows; r++) {
        for (int c = 0; c <= UNSHARP_COLUMNS; c++) {
            HLS(pipeline II=1)
            uint8_t column[3] = {0, 0, 0};
            if (c < UNSHARP_COLUMNS) {
                column[0] = r > 1 ? lines[0][c] : 0;
                column[1] = r > 0 ? lines[1][c] : 0;
                if (r < rows)
                    column[2] = hls_read(uint8_t, in);
                lines[0][c] = column[1];
                lines[1][c] = column[2];
            }
            uint16_t sum = 0;
            for (int i = 0; i < 3; i++) {
                HLS(unroll)
                window[i][0] = c == 0 ? 0 : window[i][1];
                window[i][1] = c == 0 ? 0 : window[i][2];
                window[i][2] = column[i];
                const uint16_t across = window[i][0] + 2 * window[i][1] + window[i][2];
                sum += i == 1 ? 2 * across : across;
            }
            if (r > 0 && c > 0)
                hls_write(uint8_t, out, (uint8_t)(sum >> 4));
        }
    }
}

static void unsharp_join(hls_stream(uint8_t) *past, hls_stream(uint8_t) *blurred,
                         hls_stream(uint8_t) *out, uint32_t rows) {
join:
    for (uint32_t r = 0; r < rows; r++) {
        for (int c = 0; c < UNSHARP_COLUMNS; c++) {
            HLS(pipeline II=1)
            const int x = hls_read(uint8_t, past);
            const int detail = x - hls_read(uint8_t, blurred);
            const int y = x + ((2 * detail + detail) >> 2);
            hls_write(uint8_t, out, (uint8_t)(y < 0 ? 0 : y > 255 ? 255 : y));
        }
    }
}

void unsharp(hls_stream(uint8_t) *in, hls_stream(uint8_t) *out, uint32_t rows) {
    HLS(dataflow)
    HLS_CHANNEL(uint8_t, to_blur);
    HLS_CHANNEL(uint8_t, past);
    HLS_CHANNEL(uint8_t, blurred);
    unsharp_split(in, &to_blur, &past, rows);
    unsharp_blur(&to_blur, &blurred, rows);
    unsharp_join(&past, &blurred, out, rows);
}
