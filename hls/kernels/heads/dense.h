// SPDX-License-Identifier: Apache-2.0
// A dense layer (Gemm) as one process: y = activation(W x + b), one lane per output, LC columns a
// cycle. Included with
//   DENSE             the process's name
//   DENSE_INPUTS, DENSE_OUTPUTS, DENSE_LC  columns per cycle
//   DENSE_OUT_LC      0: gives numbers (int32_t), one per output. n: gives vectors of n activations
//                     for a layer that follows, the last one of a row padded with zeros
//   DENSE_ACTIVATION  as formats.h has them
//   DENSE_PLACE       of others than MR_LINEAR, MR_SIGMOID, MR_TANH and MR_RELU, and of what is
//                     clipped first: the activation as a cell has it at its place (place.h)
//   DENSE_COUNTS      where an output can be cut in a way that the network's scales should have
//   kept
//                     from happening
// A row takes ceil(inputs/LC) cycles of columns and one cycle per number or vector that it gives.
//
// Sigmoid and tanh give Q15 (activation.h), what is at a place 16 bits; the others the sum in the
// scale that the shift leaves, saturated to 32 bits as a number and to 16 bits in a vector.
#include "activation.h"
#include "formats.h"
#include "frame/lane.h"
#include "frame/words.h"
#include "mr_command.h"
#include "place.h"

#define X_WORDS MR_CEIL_DIV(DENSE_INPUTS, DENSE_LC)
#define VEC MR_VEC(DENSE_LC)
#if DENSE_OUT_LC
#    define OUT_STEP DENSE_OUT_LC // outputs a cycle
#    define OUT_BITS 16
#    define OUT MR_VEC(DENSE_OUT_LC)
#else
#    define OUT_STEP 1
#    define OUT_BITS 32
#    define OUT int32_t
#endif
#define OUT_WORDS MR_CEIL_DIV(DENSE_OUTPUTS, OUT_STEP)
#define IN_LAST (DENSE_OUTPUTS - (OUT_WORDS - 1) * OUT_STEP) // outputs in a row's last vector

// command MR_COMMAND_LOAD: takes the layer's part of the weight image: lane words (load_lanes.h),
// then one beat per output with bias (three 16-bit parts, low first) and shift. command
// MR_COMMAND_RUN: takes `rows` rows of x, X_WORDS vectors each, and gives as many of y.
//
// Of vectors that are not squashed, the probe `cut` counts the outputs of the last RUN that were
// beyond 16 bits; one below zero is not cut by relu.
static void DENSE(hls_stream(beat_t) * weights, hls_stream(VEC) * x, hls_stream(OUT) * y,
                  uint32_t command, uint32_t rows) {
    static int16_t w[X_WORDS][1][DENSE_OUTPUTS][DENSE_LC];
    HLS(array_partition variable = w dim = 2 complete)
    HLS(array_partition variable = w dim = 3 complete)
    HLS(array_partition variable = w dim = 4 complete)
    static int64_t bias[OUT_WORDS][OUT_STEP];
    HLS(array_partition variable = bias dim = 2 complete)
    static uint8_t shift[OUT_WORDS][OUT_STEP];
    HLS(array_partition variable = shift dim = 2 complete)
    static int64_t acc[DENSE_OUTPUTS];
    HLS(array_partition variable = acc complete dim = 0)
    static int64_t passing[DENSE_OUTPUTS]; // sums on their way out
    HLS(array_partition variable = passing complete dim = 0)
#if DENSE_COUNTS
    static uint64_t cut;
    HLS_PROBE(cut);
#endif

    if (command == MR_COMMAND_LOAD) {
#define LANE_GATES 1
#define LANE_UNITS DENSE_OUTPUTS
#define LANE_WORDS X_WORDS
#define LANE_LC DENSE_LC
#define LANE_WEIGHT_BITS 16
#include "frame/load_lanes.h"
#undef LANE_GATES
#undef LANE_UNITS
#undef LANE_WORDS
#undef LANE_LC
#undef LANE_WEIGHT_BITS
    load_bias:
        for (uint32_t word = 0; word < OUT_WORDS; word++) {
            for (uint32_t c = 0; c < OUT_STEP; c++) {
                HLS(pipeline II = 1)
                if (word != OUT_WORDS - 1 || c < IN_LAST) {
                    const beat_t beat = hls_read(beat_t, weights);
                    const int64_t high = (int64_t)beat.v[2] * 65536 * 65536;
                    const int64_t middle = (int64_t)(uint16_t)beat.v[1] * 65536;
                    bias[word][c] = high + (middle + (uint16_t)beat.v[0]);
                    shift[word][c] = (uint8_t)(beat.v[3] & 31);
                }
            }
        }
    } else if (command == RUN_COMMAND) {
#if DENSE_COUNTS
        cut = 0;
#endif
    run_rows:
        for (uint32_t n = 0; n < rows; n++) {
            for (uint32_t k = 0; k < X_WORDS + OUT_WORDS; k++) {
                HLS(pipeline II = 1)
                VEC column = {{0}};
                if (k < X_WORDS)
                    column = hls_read(VEC, x);
                // The sums stand still in `passing`, and move on by those of a number or vector a
                // cycle.
                int64_t current[DENSE_OUTPUTS];
                for (int o = 0; o < DENSE_OUTPUTS; o++) {
                    HLS(unroll)
                    current[o] = OUT_WORDS == 1 || k == X_WORDS ? acc[o]
                                 : o + OUT_STEP < DENSE_OUTPUTS ? passing[o + OUT_STEP]
                                                                : 0;
                    passing[o] = current[o];
                }
                int64_t sums[OUT_STEP]; // of the outputs that are due
                for (int c = 0; c < OUT_STEP; c++) {
                    HLS(unroll)
                    sums[c] = c < DENSE_OUTPUTS ? current[c] : 0;
                }
                for (int o = 0; o < DENSE_OUTPUTS; o++) {
                    HLS(unroll)
                    int64_t sum = 0;
                    for (int c = 0; c < DENSE_LC; c++) {
                        HLS(unroll)
                        sum += w[k < X_WORDS ? k : 0][0][o][c] * column.v[c];
                    }
                    acc[o] = hls_wrap((k == 0 ? 0 : acc[o]) + sum, 48);
                }
                if (k >= X_WORDS) {
                    const uint32_t word = k - X_WORDS;
                    int32_t value[OUT_STEP];
#if DENSE_COUNTS
                    uint32_t cut_now = 0;
#endif
                    for (int c = 0; c < OUT_STEP; c++) {
                        HLS(unroll)
                        const int64_t b = bias[word][c];
                        const uint8_t s = shift[word][c];
#ifdef DENSE_PLACE
                        uint32_t past = 0;
                        value[c] = mr_activate(DENSE_PLACE, (sums[c] + b) >> s, &past);
#    if DENSE_COUNTS
                        cut_now += past != 0 && (word != OUT_WORDS - 1 || c < IN_LAST);
#    endif
#elif DENSE_ACTIVATION == MR_SIGMOID
                        value[c] = mr_sigmoid(mr_gate_argument(sums[c], b, s));
#elif DENSE_ACTIVATION == MR_TANH
                        value[c] = mr_tanh(mr_gate_argument(sums[c], b, s));
#else
                        const int64_t scaled = (sums[c] + b) >> s;
                        const int64_t kept = DENSE_ACTIVATION == MR_RELU && scaled < 0 ? 0 : scaled;
                        value[c] = (int32_t)hls_saturate(kept, OUT_BITS);
#    if DENSE_COUNTS
                        cut_now += value[c] != kept && (word != OUT_WORDS - 1 || c < IN_LAST);
#    endif
#endif
                    }
#if DENSE_OUT_LC
                    OUT row;
                    for (int c = 0; c < OUT_STEP; c++) {
                        HLS(unroll)
                        row.v[c] = word != OUT_WORDS - 1 || c < IN_LAST ? (int16_t)value[c] : 0;
                    }
                    hls_write(OUT, y, row);
#else
                    hls_write(int32_t, y, value[0]);
#endif
#if DENSE_COUNTS
                    cut += cut_now;
#endif
                }
            }
        }
    }
}

#undef X_WORDS
#undef VEC
#undef OUT_STEP
#undef OUT_BITS
#undef OUT
#undef OUT_WORDS
#undef IN_LAST
#undef DENSE
#undef DENSE_INPUTS
#undef DENSE_OUTPUTS
#undef DENSE_LC
#undef DENSE_OUT_LC
#undef DENSE_ACTIVATION
#undef DENSE_PLACE
#undef DENSE_COUNTS
