// SPDX-License-Identifier: Apache-2.0
// A dense head as one process: y = W x + b for one x per sequence, one lane per output row, LC
// columns a cycle. Included with HEAD (name), HEAD_INPUTS, HEAD_OUTPUTS, HEAD_LC and HEAD_SIGMOID
// (0 or 1). A sequence takes ceil(inputs/LC) cycles of columns and one cycle per output.
#include "activation.h"
#include "frame/words.h"
#include "mr_command.h"

#define X_WORDS MR_CEIL_DIV(HEAD_INPUTS, HEAD_LC)
#define VEC MR_VEC(HEAD_LC)

// command MR_COMMAND_LOAD: takes the head's part of the weight image: lane words (load_lanes.h),
// then one beat per output with bias (three 16-bit parts, low first) and shift. command
// MR_COMMAND_RUN: takes one x, X_WORDS vectors, and gives HEAD_OUTPUTS numbers per sequence.
static void HEAD(hls_stream(beat_t) * weights, hls_stream(VEC) * x, hls_stream(int32_t) * y,
                 uint32_t command, uint32_t sequences) {
    static int16_t w[X_WORDS][1][HEAD_OUTPUTS][HEAD_LC];
    HLS(array_partition variable = w dim = 2 complete)
    HLS(array_partition variable = w dim = 3 complete)
    HLS(array_partition variable = w dim = 4 complete)
    static int64_t bias[HEAD_OUTPUTS];
    static uint8_t shift[HEAD_OUTPUTS];
    static int64_t acc[HEAD_OUTPUTS];
    HLS(array_partition variable = acc complete dim = 0)

    if (command == MR_COMMAND_LOAD) {
#define LANE_GATES 1
#define LANE_UNITS HEAD_OUTPUTS
#define LANE_WORDS X_WORDS
#define LANE_LC HEAD_LC
#include "frame/load_lanes.h"
#undef LANE_GATES
#undef LANE_UNITS
#undef LANE_WORDS
#undef LANE_LC
    load_bias:
        for (uint32_t o = 0; o < HEAD_OUTPUTS; o++) {
            HLS(pipeline II = 1)
            const beat_t beat = hls_read(beat_t, weights);
            const int64_t high = (int64_t)beat.v[2] * 65536 * 65536;
            const int64_t middle = (int64_t)(uint16_t)beat.v[1] * 65536;
            bias[o] = high + (middle + (uint16_t)beat.v[0]);
            shift[o] = (uint8_t)(beat.v[3] & 31);
        }
    } else if (command == MR_COMMAND_RUN) {
    run_sequences:
        for (uint32_t n = 0; n < sequences; n++) {
            for (uint32_t k = 0; k < X_WORDS + HEAD_OUTPUTS; k++) {
                HLS(pipeline II = 1)
                VEC column = {{0}};
                if (k < X_WORDS)
                    column = hls_read(VEC, x);
                const int64_t first = acc[0];
                for (int o = 0; o < HEAD_OUTPUTS; o++) {
                    HLS(unroll)
                    int64_t sum = 0;
                    for (int c = 0; c < HEAD_LC; c++) {
                        HLS(unroll)
                        sum += w[k < X_WORDS ? k : 0][0][o][c] * column.v[c];
                    }
                    const int64_t next = o + 1 < HEAD_OUTPUTS ? acc[o + 1] : 0;
                    acc[o] = k >= X_WORDS ? next : hls_wrap((k == 0 ? 0 : acc[o]) + sum, 48);
                }
                if (k >= X_WORDS) {
                    const uint32_t o = k - X_WORDS;
#if HEAD_SIGMOID
                    hls_write(int32_t, y, mr_sigmoid(mr_gate_argument(first, bias[o], shift[o])));
#else
                    hls_write(int32_t, y, (int32_t)hls_saturate((first + bias[o]) >> shift[o], 32));
#endif
                }
            }
        }
    }
}

#undef X_WORDS
#undef VEC
#undef HEAD
#undef HEAD_INPUTS
#undef HEAD_OUTPUTS
#undef HEAD_LC
#undef HEAD_SIGMOID
