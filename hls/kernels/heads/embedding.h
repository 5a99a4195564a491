// SPDX-License-Identifier: Apache-2.0
// Rows of a table, looked up by their number. Included with
//   EMBED          the process's name
//   EMBED_ENTRIES  rows of the table, 1 to 32768
//   EMBED_COUNT    numbers of a row
//   EMBED_LC       numbers per vector, in and out; the last one of a row is padded with zeros
// A row takes ceil(count/LC) cycles.
//
// The first number of an input vector is a row's number i; one below zero counts from the table's
// end, as in ONNX. The host sends none that the table does not have (quantise.h); here such a one
// reads row 0.
#include "frame/lane.h"
#include "frame/words.h"
#include "mr_command.h"

#define WORDS MR_CEIL_DIV(EMBED_COUNT, EMBED_LC)
#define VEC MR_VEC(EMBED_LC)

// command MR_COMMAND_LOAD: takes the table, row after row, as lane words (load_lanes.h) of
// EMBED_LC numbers. command MR_COMMAND_RUN: takes `rows` vectors and gives as many rows.
static void EMBED(hls_stream(beat_t) * weights, hls_stream(VEC) * x, hls_stream(VEC) * y,
                  uint32_t command, uint32_t rows) {
    static int16_t w[1][1][EMBED_ENTRIES * WORDS][EMBED_LC];
    HLS(array_partition variable = w dim = 4 complete)

    if (command == MR_COMMAND_LOAD) {
#define LANE_GATES 1
#define LANE_UNITS (EMBED_ENTRIES * WORDS)
#define LANE_WORDS 1
#define LANE_LC EMBED_LC
#define LANE_WEIGHT_BITS 16
#include "frame/load_lanes.h"
#undef LANE_GATES
#undef LANE_UNITS
#undef LANE_WORDS
#undef LANE_LC
#undef LANE_WEIGHT_BITS
    } else if (command == RUN_COMMAND) {
        uint32_t next = 0; // word of the table
    run_rows:
        for (uint32_t n = 0; n < rows; n++) {
            for (uint32_t k = 0; k < WORDS; k++) {
                HLS(pipeline II = 1)
                uint32_t at = next;
                if (k == 0) {
                    const VEC index = hls_read(VEC, x);
                    const int32_t i = index.v[0];
                    const int32_t row = i < 0 ? i + EMBED_ENTRIES : i;
                    at = (uint32_t)(row < 0 || row >= EMBED_ENTRIES ? 0 : row) * WORDS;
                }
                VEC found;
                for (int c = 0; c < EMBED_LC; c++) {
                    HLS(unroll)
                    found.v[c] = w[0][0][at][c];
                }
                hls_write(VEC, y, found);
                next = at + 1;
            }
        }
    }
}

#undef WORDS
#undef VEC
#undef EMBED
#undef EMBED_ENTRIES
#undef EMBED_COUNT
#undef EMBED_LC
