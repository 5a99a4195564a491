// SPDX-License-Identifier: Apache-2.0
// Two copies of 40 banks of 16 bits, as a layer has its hidden state: a loop reads one copy at an
// address that no register holds and writes the other one, loops of their own read and write the
// banks one by one.
#include "hls.h"

enum { WIDE = 40, WORDS = 6 };

typedef struct {
    int16_t v[WIDE];
} row_t;
HLS_STREAM_OF(row_t)
HLS_STREAM_OF(int16_t)

// command 0: a number for each word and bank of the copy that is read; 1: n rows; 2: gives the
// numbers.
void many_banks(hls_stream(row_t) * in, hls_stream(row_t) * out, hls_stream(int16_t) * numbers_in,
                hls_stream(int16_t) * numbers, uint32_t command, uint32_t n) {
    static int16_t kept[2][WORDS][WIDE];
    HLS(array_partition variable = kept dim = 1 complete)
    HLS(array_partition variable = kept dim = 3 complete)
    HLS(bind_storage variable = kept type = ram_2p impl = lutram latency = 0)
    static bool found;
    if (command == 0) {
        for (uint32_t word = 0; word < WORDS; word++) {
            for (uint32_t k = 0; k < WIDE; k++) {
                HLS(pipeline II = 1)
                kept[found][word][k] = hls_read(int16_t, numbers_in);
            }
        }
    } else if (command == 1) {
        uint8_t word = 0;
        for (uint32_t i = 0; i < n; i++) {
            HLS(pipeline II = 1)
            const row_t row = hls_read(row_t, in);
            const uint32_t from = word < 2 ? word + 2 : word - 2;
            row_t y;
            for (int k = 0; k < WIDE; k++) {
                HLS(unroll)
                y.v[k] = (int16_t)(kept[found][from][k] + row.v[k]);
                kept[!found][word][k] = row.v[k];
            }
            hls_write(row_t, out, y);
            if (word == WORDS - 1)
                found = !found;
            word = word == WORDS - 1 ? 0 : word + 1;
        }
    } else {
        for (uint32_t word = 0; word < WORDS; word++) {
            for (uint32_t k = 0; k < WIDE; k++) {
                HLS(pipeline II = 1)
                hls_write(int16_t, numbers, kept[found][word][k]);
            }
        }
    }
}
