// SPDX-License-Identifier: Apache-2.0
// One LSTM layer as one process. Included once per layer, with
//   LAYER         the process's name
//   LAYER_INPUTS  I, LAYER_HIDDEN  H, LAYER_LC  columns per cycle, 1 <= LC <= H
//   LAYER_CELL_EXPONENT  0 to 16: the cell states are within +-2^(7 + exponent), as cells/lstm.h
//                        has them; 0 where not given
//
// 4H lanes, one per gate row, take LC columns of [x_t ; h_(t-1)] a cycle. While the columns of x_t
// go through the lanes, the units of step t-1 pass through the cell, LC a cycle, and h_(t-1) is
// there when its columns are due. A step takes max(ceil(I/LC), D) + ceil(H/LC) cycles; D is
// lstm_LATENCY, which hlsc checks against its schedule (the dependence of h below).
#include "frame/state.h"
#include "frame/words.h"
#include "mr_command.h"

#ifndef LSTM_SUM_BITS
#    define LSTM_SUM_BITS 40 // of a gate row's sum; the importer keeps every one below 2^39
#endif

#ifndef LAYER_CELL_EXPONENT
#    define LAYER_CELL_EXPONENT 0
#endif

#define X_WORDS MR_CEIL_DIV(LAYER_INPUTS, LAYER_LC)
#define H_WORDS MR_CEIL_DIV(LAYER_HIDDEN, LAYER_LC)
#define X_PHASE MR_MAX(X_WORDS, lstm_LATENCY(LAYER_LC))
#define VEC MR_VEC(LAYER_LC)

// command MR_COMMAND_LOAD: takes the layer's part of the weight image: lane words (load_lanes.h),
// then one beat per unit, padded to H_WORDS * LC units, with bias (three 16-bit parts, low first)
// and shift per gate. command MR_COMMAND_RUN: takes `total` steps of x, X_WORDS vectors each, and
// gives as many of h. State is kept between runs, and forgotten at each sequence of `steps` steps
// where flags has MR_FLAG_RESET. command MR_COMMAND_READ_STATE: gives the state of its H_WORDS * LC
// units. command MR_COMMAND_WRITE_STATE: takes it from `weights`, a beat per unit (state.h).
//
// Where a value is cut: a cell state that does not fit its 24 bits is wrong from then on, so the
// probes `cut` and `past` count those of the last RUN, and by how much they were beyond in all, in
// the cell state's own units. (Units of padding have no weights and stay at 0.) A gate's
// argument that is cut changes nothing: sigmoid and tanh have reached their end in Q15 where it
// ends.
static void LAYER(hls_stream(beat_t) * weights, hls_stream(VEC) * x, hls_stream(VEC) * h_out,
                  hls_stream(unit_state_t) * state, uint32_t command, uint32_t steps,
                  uint32_t total, uint32_t flags) {
    static int16_t w[X_WORDS + H_WORDS][LSTM_GATES][LAYER_HIDDEN][LAYER_LC];
    HLS(array_partition variable = w dim = 2 complete)
    HLS(array_partition variable = w dim = 3 complete)
    HLS(array_partition variable = w dim = 4 complete)
    static int64_t bias[H_WORDS][LAYER_LC][LSTM_GATES];
    HLS(array_partition variable = bias dim = 2 complete)
    HLS(array_partition variable = bias dim = 3 complete)
    static uint8_t shift[H_WORDS][LAYER_LC][LSTM_GATES];
    HLS(array_partition variable = shift dim = 2 complete)
    HLS(array_partition variable = shift dim = 3 complete)
    static int16_t h[H_WORDS][LAYER_LC];
    HLS(array_partition variable = h dim = 2 complete)
    HLS(bind_storage variable = h type = ram_2p impl = lutram latency = 0)
    static int32_t cell[H_WORDS][LAYER_LC];
    HLS(array_partition variable = cell dim = 2 complete)
    static int64_t acc[LSTM_GATES][LAYER_HIDDEN];
    HLS(array_partition variable = acc complete dim = 0)
    static int64_t passing[LSTM_GATES]
                          [LAYER_HIDDEN]; // the sums of step t-1 on their way to the cell
    HLS(array_partition variable = passing complete dim = 0)
    static uint64_t cut, past;
    HLS_PROBE(cut);
    HLS_PROBE(past);

    if (command == MR_COMMAND_LOAD) {
#define LANE_GATES LSTM_GATES_COUNT
#define LSTM_GATES_COUNT 4
#define LANE_UNITS LAYER_HIDDEN
#define LANE_WORDS (X_WORDS + H_WORDS)
#define LANE_LC LAYER_LC
#include "frame/load_lanes.h"
#undef LANE_GATES
#undef LSTM_GATES_COUNT
#undef LANE_UNITS
#undef LANE_WORDS
#undef LANE_LC
    load_bias:
        for (uint32_t word = 0; word < H_WORDS; word++) {
            for (uint32_t c = 0; c < LAYER_LC; c++) {
                HLS(pipeline II = 1)
                const beat_t beat = hls_read(beat_t, weights);
                for (int g = 0; g < LSTM_GATES; g++) {
                    HLS(unroll)
                    const int64_t high = (int64_t)beat.v[4 * g + 2] * 65536 * 65536;
                    const int64_t middle = (int64_t)(uint16_t)beat.v[4 * g + 1] * 65536;
                    bias[word][c][g] = high + (middle + (uint16_t)beat.v[4 * g]);
                    shift[word][c][g] = (uint8_t)(beat.v[4 * g + 3] & 31);
                }
            }
        }
    } else if (command == MR_COMMAND_RUN) {
        const bool reset = (flags & MR_FLAG_RESET) != 0;
        uint32_t left = steps;      // steps of the sequence from step t on
        bool forget = reset;        // step t starts from zero state
        bool forget_before = reset; // step t-1 did
        cut = 0;
        past = 0;
    run_steps:
        for (uint32_t t = 0; t <= total; t++) {
            for (uint32_t k = 0; k < X_PHASE + H_WORDS; k++) {
                HLS(pipeline II = 1)
                HLS(dependence variable = h type = inter direction = RAW distance = X_PHASE true)
                // The columns of this cycle.
                VEC column = {{0}};
                if (k < X_WORDS && t < total)
                    column = hls_read(VEC, x);
                const uint32_t h_word = k >= X_PHASE ? k - X_PHASE : 0;
                int16_t v[LAYER_LC];
                for (int c = 0; c < LAYER_LC; c++) {
                    HLS(unroll)
                    v[c] = k < X_PHASE ? column.v[c] : forget ? 0 : h[h_word][c];
                }
                // The sums of step t-1 stand still in `passing` and move on by LC units a cycle.
                int64_t current[LSTM_GATES][LAYER_HIDDEN];
                for (int g = 0; g < LSTM_GATES; g++) {
                    HLS(unroll)
                    for (int j = 0; j < LAYER_HIDDEN; j++) {
                        HLS(unroll)
                        current[g][j] = k == 0                        ? acc[g][j]
                                        : j + LAYER_LC < LAYER_HIDDEN ? passing[g][j + LAYER_LC]
                                                                      : 0;
                        passing[g][j] = current[g][j];
                    }
                }
                // Multiply and accumulate, all lanes.
                const uint32_t w_word = k >= X_PHASE  ? k - (X_PHASE - X_WORDS)
                                        : k < X_WORDS ? k
                                                      : 0;
                for (int g = 0; g < LSTM_GATES; g++) {
                    HLS(unroll)
                    for (int j = 0; j < LAYER_HIDDEN; j++) {
                        HLS(unroll)
                        int64_t sum = 0;
                        for (int c = 0; c < LAYER_LC; c++) {
                            HLS(unroll)
                            sum += w[w_word][g][j][c] * v[c];
                        }
                        acc[g][j] = hls_wrap((k == 0 ? 0 : acc[g][j]) + sum, LSTM_SUM_BITS);
                    }
                }
                // The cells of step t-1, LC units a cycle.
                uint32_t cut_now = 0, past_now = 0;
                if (k < H_WORDS && t > 0) {
                    VEC fresh;
                    for (int c = 0; c < LAYER_LC; c++) {
                        HLS(unroll)
                        int32_t arg[LSTM_GATES];
                        for (int g = 0; g < LSTM_GATES; g++) {
                            HLS(unroll)
                            arg[g] = mr_gate_argument(current[g][c], bias[k][c][g], shift[k][c][g]);
                        }
                        int32_t c_new;
                        uint32_t c_past;
                        int16_t h_new;
                        lstm_cell(arg, LAYER_CELL_EXPONENT, forget_before ? 0 : cell[k][c], &c_new,
                                  &c_past, &h_new);
                        cut_now += c_past != 0;
                        past_now += c_past;
                        cell[k][c] = c_new;
                        h[k][c] = h_new;
                        fresh.v[c] = h_new;
                    }
                    hls_write(VEC, h_out, fresh);
                }
                cut += cut_now;
                past += past_now;
                if (k == X_PHASE + H_WORDS - 1) {
                    const bool last = left == 1;
                    forget_before = forget;
                    forget = reset && last;
                    left = last ? steps : left - 1;
                }
                if (t == total && k == H_WORDS - 1)
                    break;
            }
        }
    } else if (command == MR_COMMAND_READ_STATE) {
    read_state:
        for (uint32_t word = 0; word < H_WORDS; word++) {
            for (uint32_t c = 0; c < LAYER_LC; c++) {
                HLS(pipeline II = 1)
                unit_state_t unit;
                unit.h = h[word][c];
                unit.cell = cell[word][c];
                hls_write(unit_state_t, state, unit);
            }
        }
    } else if (command == MR_COMMAND_WRITE_STATE) {
    write_state:
        for (uint32_t word = 0; word < H_WORDS; word++) {
            for (uint32_t c = 0; c < LAYER_LC; c++) {
                HLS(pipeline II = 1)
                const unit_state_t unit = mr_state_of_beat(hls_read(beat_t, weights));
                h[word][c] = unit.h;
                cell[word][c] = unit.cell;
            }
        }
    }
}

#undef X_WORDS
#undef H_WORDS
#undef X_PHASE
#undef VEC
#undef LAYER
#undef LAYER_CELL
#undef LAYER_INPUTS
#undef LAYER_HIDDEN
#undef LAYER_LC
#undef LAYER_CELL_EXPONENT
