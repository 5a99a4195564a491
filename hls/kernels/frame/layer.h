// SPDX-License-Identifier: Apache-2.0
// One recurrent layer as one process: lanes, columns, loading and state, around a cell. Included
// once per layer, behind the header of its cell, with
//   LAYER         the process's name
//   LAYER_CELL    the cell's name, as lstm
//   LAYER_INPUTS  I, LAYER_HIDDEN  H, LAYER_LC  columns per cycle, 1 <= LC <= H
//   LAYER_GATE, LAYER_G, LAYER_H  the activations at the places of the cell (place.h), all three
//                 or, where they are its own, none; then LAYER_LATENCY is D, and
//                 LAYER_SECOND_LATENCY D2
//   LAYER_COUNTS  1: values may be cut because of them; 0 where not given
//   LAYER_CELL_EXPONENT  0 to 16: the units of the cell states, as the cell has them; 0 where not
//                        given
//   LAYER_CONSTANT_FRAC  of a cell with constants: their fraction bits, as the cell has them
//   LAYER_GIVES_CELL  bits: where it is given, the layer gives its cell states in place of h,
//                     shifted right by so many bits, rounded, and cut to 16, which is counted
//   LAYER_START   in a network with an encoder's part, of a layer that decodes: which streams of
//                 that part give the state that the next run goes on from, 1: h, 2: the cell state,
//                 3: both, 0: none. The state that none gives is 0
//   LAYER_START_H, LAYER_START_CELL  of such a stream: by how many bits its numbers are shifted
//                 left, or below zero right, rounded, to be that state; 0 where not given
//   LAYER_START_PAST  the same of what such an h is beyond its range, to count in the units of the
//                 cell state where there is one
//   LAYER_FOLLOWS 1: the streams of LAYER_START, 1 to 3, are of the layer's own run, of which each
//                 sequence starts from a row of them, whatever the state is; 0 where not given
//   LAYER_WEIGHT_BITS, LAYER_COLUMN_BITS  of the lanes' multipliers: 16 and 16 where not given, 8
//                        and 16, or 8 and 8. Streams and states have 16 bits in any case
//   LAYER_PASSES  R: units that a lane serves in turn, 1 where not given; no pass is empty:
//                 (R - 1) ceil(ceil(H/LC) / R) < ceil(H/LC)
//   LAYER_PADS    1: numbers of padding behind the units, whose cells may come to something, are 0
//                 in what the layer gives, and not counted; 0 where not given: the cell gives 0 for
//                 sums of 0, or H is a multiple of LC
//   LAYER_SLOTS   S: sequences that have their turns in the layer: 1, 2, 4, 8 or 16; 1 where not
//                 given
//   LAYER_H_FIRST  1: the columns of h go before those of x (order.h), in a layer of one slot; 0
//                 where not given
//   LAYER_PORTS   1 or 2 that read the weights, 1 where not given; 2 need LC >= 2
//   LAYER_MEMORY  of the weights: lutram, bram or uram (not lutram with 2 ports); hlsc's choice
//                 where not given
//   LAYER_CROSSING  registers on the way of columns to the lanes, where these lie in several dies
//                 (pragma tiles); 0 where not given
//   LAYER_REST_FROM, LAYER_REST_MEMORY  lanes of a gate from this one on have their weights in
//                 another kind of memory; none where not given
//
// G H lanes, one per gate row, take LC columns of [x_t ; h_(t-1)] a cycle. While the columns of x_t
// go through the lanes, the units of step t-1 pass through the cell, LC a cycle, and h_(t-1) is
// there when its columns are due. A step takes max(ceil(I/LC), D) + ceil(H/LC) cycles. What D takes
// beyond the columns of x, a layer of one pass waits at the end of its step, while its units pass
// through the cell: so it never waits between x_t and h_t, nor for x_(t+1) to give h_t. Where the
// cell has a second phase, the columns of h go through the lanes of its first gates alone, the
// units of step t through _columns, and what comes from there through the lanes of the other gates,
// which takes D2 + ceil(H/LC) cycles more.
//
// With R passes there are lanes for 1/R of the units, and all columns go through them R times, each
// time with the weights of other units. A step takes R times as long, but the new h of all units
// but the last pass's are there long before the next step, so D hardly ever counts. The row of x is
// kept for the later passes, and h twice: as the step finds it, and as it leaves it.
//
// With h first the columns of h_(t-1), which are there before x_t is, go through the lanes in all
// passes before those of x_t do. So h_t comes D cycles and R - 1 passes, of
// max(ceil(I/LC), ceil(H/LC)) cycles each, after x_t, and the next step's columns of h come D
// later. One copy of h is enough.
//
// With 2 ports a lane's memory is half as wide and twice as deep: the first ceil(LC/2) of the LC
// columns lie in its first half, the others behind them, and both are read in one cycle. Nobody
// writes then. D is the same: weights are asked for by k, which is known before the columns are.
//
// With S slots (slots.h) the columns of x_t come from one sequence while the units of another one's
// last step pass through the cell. A sequence's h is due S - 1 turns later, so a row takes
// max(ceil(I/LC), (D - (S-1) ceil(H/LC)) / S) + ceil(H/LC) cycles. Where there are few sequences,
// turns without a row make up for what D takes beyond theirs. Each slot has a state. With R passes
// a turn is R times as long, and each slot knows in which copy its h is, for the last group may
// leave some of them alone.
//
// A cell is cells/NAME.h, which says (NAME in front of each, so that cells lie side by side)
//   _GATES        G: rows of lanes per unit
//   _SPLIT        of how many gates, from the last on, the sums over x and over h are kept apart
//   _SECOND       how many gates, from the last on, take no columns of h: their columns come in a
//                 second phase, from _columns
//   _HAS_CELL     0 or 1: whether a unit has a state beside h
//   _COUNTS       0 or 1: whether values that count are cut, and counted
//   _CONSTANTS    where there is a LAYER_CONSTANT_FRAC: how many numbers of 18 bits each unit has
//                 beside its weights, which _unit takes
//   _LATENCY(LC)  D: cycles from a step's last column to its first new h, which hlsc checks against
//                 its schedule (the dependence of h below); the way to the lanes adds
//                 MR_WAY_LATENCY
//   _SECOND_LATENCY(LC)  D2: the same from the last column of h to the first of the second phase,
//                 where there is one (the dependence of second)
//   unit_state_t _unit(const int64_t sum[], unit_state_t old, int exponent, uint32_t *past)
//                 the new state. sum: (sum of the row + bias) >> shift of each gate, then those
//                 over h of the split gates, whose first are over x alone. past: by how much a
//                 value was beyond its range, 0 where it was not. With constants it is
//                 _unit(sum, constant, frac, old, exponent, past).
//   int16_t _columns(const int64_t sum[], unit_state_t old)
//                 what the unit gives the second phase, from the gates of the first
//   _unit_of, _columns_of
//                 the same with other activations in front, where the cell takes them
#include "frame/lane.h"
#include "frame/pace.h"
#include "frame/slots.h"
#include "frame/start.h"
#include "frame/state.h"
#include "frame/words.h"
#include "mr_command.h"

#include "frame/layer_begin.h"

// command MR_COMMAND_LOAD: takes the layer's part of the weight image: lane words (load_lanes.h),
// then one beat per unit, padded to H_WORDS * LC units, with bias (three 16-bit parts, low first)
// and shift per sum, and behind them its constants (two parts, low first). command MR_COMMAND_RUN:
// takes `total` steps of x, X_WORDS vectors each, and gives as many of h. State is kept between
// runs, and forgotten at each sequence of `steps` steps where flags has MR_FLAG_RESET or the layer
// follows others. command MR_COMMAND_READ_STATE: gives the state of its H_WORDS * LC units, slot
// after slot. command MR_COMMAND_WRITE_STATE: takes it from `weights`, a beat per unit (state.h).
// command MR_COMMAND_ENCODE, where the layer starts from streams of another part: takes a row of
// each for every sequence, H_WORDS vectors, and has the last one's state.
//
// A cell that counts has the probes `cut` and `past`: how many values of the last RUN were cut, and
// by how much they were beyond in all, in the value's own units. (Units of padding have no weights
// and stay at 0.)
static void LAYER(hls_stream(beat_t) * weights, hls_stream(VEC) * x,
#if STARTS_H
                  hls_stream(VEC) * start_h,
#endif
#if STARTS_CELL
                  hls_stream(VEC) * start_cell,
#endif
                  hls_stream(VEC) * h_out, hls_stream(unit_state_t) * state, uint32_t command,
#if LAYER_SLOTS > 1 || (defined LAYER_START && !LAYER_FOLLOWS)
                  uint32_t sequences,
#endif
                  uint32_t steps, uint32_t total, uint32_t flags) {
#if LAYER_CROSSING
    HLS(tiles crossing = LAYER_CROSSING)
#endif
    static MR_LANE_INT(LAYER_WEIGHT_BITS) w[LAYER_PORTS * PORT_WORDS][GATES][LANES][PORT_LC];
    HLS(array_partition variable = w dim = 2 complete)
    HLS(array_partition variable = w dim = 3 complete)
    HLS(array_partition variable = w dim = 4 complete)
#if LAYER_PORTS > 1
    HLS(bind_storage variable = w type = ram_t2p impl = LAYER_MEMORY)
#else
    HLS(bind_storage variable = w type = ram_2p impl = LAYER_MEMORY)
#endif
#ifdef LAYER_REST_FROM
    HLS(bind_storage variable = w impl = LAYER_REST_MEMORY dim = 3 from = LAYER_REST_FROM)
#endif
    static int64_t bias[UNITS_STORED][LAYER_LC][SUMS];
    HLS(array_partition variable = bias dim = 2 complete)
    HLS(array_partition variable = bias dim = 3 complete)
    static uint8_t shift[UNITS_STORED][LAYER_LC][SUMS];
    HLS(array_partition variable = shift dim = 2 complete)
    HLS(array_partition variable = shift dim = 3 complete)
#ifdef LAYER_CONSTANT_FRAC
    static int32_t constant[UNITS_STORED][LAYER_LC][CONSTANTS];
    HLS(array_partition variable = constant dim = 2 complete)
    HLS(array_partition variable = constant dim = 3 complete)
#endif
    static int16_t h[H_COPIES][LAYER_SLOTS * UNITS_STORED][LAYER_LC];
    HLS(array_partition variable = h dim = 1 complete)
    HLS(array_partition variable = h dim = 3 complete)
    HLS(bind_storage variable = h type = ram_2p impl = lutram latency = 0)
#if H_COPIES > 1 && LAYER_SLOTS > 1
    static bool h_found[LAYER_SLOTS];
    HLS(array_partition variable = h_found complete)
#elif H_COPIES > 1
    static bool h_found;
#endif
#if LAYER_PASSES > 1
    static int16_t x_kept[X_WORDS][LAYER_LC];
    HLS(array_partition variable = x_kept dim = 2 complete)
    HLS(bind_storage variable = x_kept type = ram_2p impl = lutram latency = 0)
#endif
#if HAS_CELL
    static int32_t cell[LAYER_SLOTS * UNITS_STORED][LAYER_LC];
    HLS(array_partition variable = cell dim = 2 complete)
#endif
    static int64_t acc[GATES][LANES];
    HLS(array_partition variable = acc complete dim = 0)
#if LAYER_H_FIRST && LAYER_PASSES > 1
    // Sums over h of the passes that are through, the oldest first, until their columns of x come.
    static int64_t of_h[LAYER_PASSES - 1][GATES][LANES];
    HLS(array_partition variable = of_h complete dim = 0)
#endif
#if SPLIT
    static int64_t aside[SPLIT][LANES]; // sums over x, while those over h grow in acc, or of h
    HLS(array_partition variable = aside complete dim = 0)
    static int64_t passing_aside[SPLIT][LANES];
    HLS(array_partition variable = passing_aside complete dim = 0)
#endif
#if LAYER_FOLLOWS && STARTS_H
    static int16_t start_of_h[H_WORDS][LAYER_LC];
    HLS(array_partition variable = start_of_h dim = 2 complete)
    HLS(bind_storage variable = start_of_h type = ram_2p impl = lutram latency = 0)
#endif
#if LAYER_FOLLOWS && STARTS_CELL
    static int32_t start_of_cell[H_WORDS][LAYER_LC];
    HLS(array_partition variable = start_of_cell dim = 2 complete)
    HLS(bind_storage variable = start_of_cell type = ram_2p impl = lutram latency = 0)
#endif
#if SECOND
    static int16_t second[H_WORDS][LAYER_LC]; // the columns of the second phase
    HLS(array_partition variable = second dim = 2 complete)
    HLS(bind_storage variable = second type = ram_2p impl = lutram latency = 0)
#endif
    static int64_t passing[GATES][LANES]; // sums on their way to the cell
    HLS(array_partition variable = passing complete dim = 0)
#if COUNTS
    static uint64_t cut, past;
    HLS_PROBE(cut);
    HLS_PROBE(past);
#endif

    if (command == MR_COMMAND_LOAD) {
#define LANE_GATES GATES
#define LANE_UNITS LANES
#define LANE_WORDS (LAYER_PORTS * PORT_WORDS)
#define LANE_LC PORT_LC
#define LANE_WEIGHT_BITS LAYER_WEIGHT_BITS
#include "frame/load_lanes.h"
#undef LANE_GATES
#undef LANE_UNITS
#undef LANE_WORDS
#undef LANE_LC
#undef LANE_WEIGHT_BITS
    load_bias:
        for (uint32_t word = 0; word < H_WORDS; word++) {
            for (uint32_t c = 0; c < LAYER_LC; c++) {
                HLS(pipeline II = 1)
                const beat_t beat = hls_read(beat_t, weights);
                for (int s = 0; s < SUMS; s++) {
                    HLS(unroll)
                    const int64_t high = (int64_t)beat.v[4 * s + 2] * 65536 * 65536;
                    const int64_t middle = (int64_t)(uint16_t)beat.v[4 * s + 1] * 65536;
                    bias[word][c][s] = high + (middle + (uint16_t)beat.v[4 * s]);
                    shift[word][c][s] = (uint8_t)(beat.v[4 * s + 3] & 31);
                }
#ifdef LAYER_CONSTANT_FRAC
                for (int n = 0; n < CONSTANTS; n++) {
                    HLS(unroll)
                    const int32_t high = (int32_t)beat.v[4 * SUMS + 2 * n + 1] * 65536;
                    constant[word][c][n] =
                        (int32_t)hls_wrap(high + (uint16_t)beat.v[4 * SUMS + 2 * n], 18);
                }
#endif
            }
        }
    } else if (command == RUN_COMMAND) {
        const bool reset = LAYER_FOLLOWS || (flags & MR_FLAG_RESET) != 0;
        uint32_t left = steps;      // steps of the sequence from step t on
        bool forget = reset;        // step t starts from zero state
        bool forget_before = reset; // step t-1 did
#if LAYER_PASSES > 1
        // The pass's first word of weights, and of the units of the pass before it.
        uint32_t pass_weights = 0;
        uint16_t pass_units = HIDDEN_BEFORE_LAST;
#endif
#if LAYER_SLOTS > 1
        const uint32_t rest = sequences % LAYER_SLOTS; // of the last group
        const uint32_t turns = total + mr_empty_turns(rest, steps, TURNS);
        uint32_t to_come = sequences; // with those of the group at hand
        bool is_whole = sequences / LAYER_SLOTS > 0;
        uint8_t rows = is_whole ? LAYER_SLOTS : rest; // of a step
        uint8_t last_slot = is_whole ? LAYER_SLOTS - 1 : MR_MAX(rest, TURNS) - 1;
        uint8_t slot = 0;
        uint16_t place = 0; // of the slot's state, and of that of turn t-1
        uint16_t place_before = (LAYER_SLOTS - 1) * H_WORDS;
        bool has_row = true;
#    if H_COPIES > 1
        bool found_before = false; // what the step behind that of turn t-1 finds
#    endif
#endif
        bool had_row = false; // in turn t-1
#if COUNTS
        cut = 0;
        past = 0;
#endif
    run_steps:
        for (uint32_t t = 0; ALL_EARLY ? t < LAST_TURN : t <= LAST_TURN; t++) {
            for (uint32_t pass = 0; pass < ROUNDS; pass++) {
                for (uint32_t k = 0; k < STEP; k++) {
                    HLS(pipeline II = 1)
                    HLS(dependence variable = h type = inter direction = RAW distance =
                            H_DISTANCE H_TERMS)
#if LAYER_H_FIRST && LAYER_PASSES > 1 && HAS_CELL
                    HLS(dependence variable = cell type = inter direction = RAW distance =
                            ROUNDS * STEP true assert)
#endif
#if SECOND
                    HLS(dependence variable = second type = inter direction = RAW distance =
                            WAIT true)
#endif
                    // The columns of this cycle.
                    VEC column = {{0}};
                    if (TAKES_X && t < LAST_TURN && HAS_ROW)
                        column = hls_read(VEC, x);
#if LAYER_PASSES > 1
                    const uint32_t x_word = HAS_X ? W_WORD : 0;
                    for (int c = 0; c < LAYER_LC; c++) {
                        HLS(unroll)
                        if (HAS_X) {
                            if (TAKES_X)
                                x_kept[x_word][c] = column.v[c];
                            else
                                column.v[c] = x_kept[x_word][c];
                        }
                    }
#endif
                    const uint32_t h_word = H_WORD;
                    uint32_t w_word = W_WORD;
                    uint64_t cut_now = 0, past_now = 0;
#if LAYER_FOLLOWS
#    include "frame/layer_follow.h"
#endif
                    MR_LANE_INT(LAYER_COLUMN_BITS) v[1 + (SECOND > 0)][LAYER_LC];
                    for (int c = 0; c < LAYER_LC; c++) {
                        HLS(unroll)
                        const int16_t number = IN_X ? column.v[c]
                                               : forget || !IN_H
                                                   ? START_COLUMN(c)
                                                   : h[H_FOUND][OF_SLOT(place, h_word)][c];
                        v[0][c] = MR_LANE_COLUMN(LAYER_COLUMN_BITS, number);
                    }
#if SECOND
                    const bool in_second = k >= COLUMNS_END + WAIT && k < UNITS_BEGIN;
                    const uint32_t second_word = in_second ? k - (COLUMNS_END + WAIT) : 0;
                    if (in_second)
                        w_word = k - (COLUMNS_END + WAIT - X_WORDS);
                    for (int c = 0; c < LAYER_LC; c++) {
                        HLS(unroll)
                        const int16_t number = IN_X        ? column.v[c]
                                               : in_second ? second[second_word][c]
                                                           : 0;
                        v[1][c] = MR_LANE_COLUMN(LAYER_COLUMN_BITS, number);
                    }
#endif
#if LAYER_H_FIRST && LAYER_PASSES > 1
                    int64_t oldest[GATES][LANES];
                    for (int g = 0; g < GATES; g++) {
                        HLS(unroll)
                        for (int j = 0; j < LANES; j++) {
                            HLS(unroll)
                            oldest[g][j] = of_h[0][g][j];
                        }
                    }
                    for (int r = 0; r < LAYER_PASSES - 1; r++) {
                        HLS(unroll)
                        for (int g = 0; g < GATES; g++) {
                            HLS(unroll)
                            for (int j = 0; j < LANES; j++) {
                                HLS(unroll)
                                const int64_t moved =
                                    r + 1 < LAYER_PASSES - 1 ? of_h[r + 1][g][j] : acc[g][j];
                                of_h[r][g][j] = PASS_BEGINS ? moved : of_h[r][g][j];
                            }
                        }
                    }
#endif
                    // The sums of step t-1 stand still in `passing` and move on by LC units a
                    // cycle; in front of the second phase so do those of step t.
                    int64_t current[GATES][LANES];
                    for (int g = 0; g < GATES; g++) {
                        HLS(unroll)
                        for (int j = 0; j < LANES; j++) {
                            HLS(unroll)
                            current[g][j] = LEAVES || (SECOND && k == COLUMNS_END) ? acc[g][j]
                                            : j + LAYER_LC < LANES ? passing[g][j + LAYER_LC]
                                                                   : 0;
                            passing[g][j] = current[g][j];
                        }
                    }
#if SPLIT
                    int64_t current_aside[SPLIT][LANES];
                    for (int s = 0; s < SPLIT; s++) {
                        HLS(unroll)
                        for (int j = 0; j < LANES; j++) {
                            HLS(unroll)
                            current_aside[s][j] = LEAVES ? aside[s][j]
                                                  : j + LAYER_LC < LANES
                                                      ? passing_aside[s][j + LAYER_LC]
                                                      : 0;
                            passing_aside[s][j] = current_aside[s][j];
                            if (PUTS_ASIDE)
                                aside[s][j] = SUM_BEFORE(WHOLE + s, j);
                        }
                    }
#endif
                    // Multiply and accumulate, all lanes.
                    for (int g = 0; g < GATES; g++) {
                        HLS(unroll)
                        for (int j = 0; j < LANES; j++) {
                            HLS(unroll)
                            int64_t sum = 0;
                            for (int c = 0; c < PORT_LC; c++) {
                                HLS(unroll)
                                sum += w[WEIGHTS_AT + w_word][g][j][c] * v[g < FIRST ? 0 : 1][c];
                            }
#if LAYER_PORTS > 1
                            for (int c = 0; c < LAYER_LC - PORT_LC; c++) {
                                HLS(unroll)
                                sum += w[PORT_WORDS + WEIGHTS_AT + w_word][g][j][c] *
                                       v[g < FIRST ? 0 : 1][PORT_LC + c];
                            }
#endif
                            const bool anew = SUMS_BEGIN || (SPLIT && g >= WHOLE && PUTS_ASIDE);
                            acc[g][j] = hls_wrap((anew ? 0 : SUM_BEFORE(g, j)) + sum, SUM_BITS);
                        }
                    }
#if SECOND
                    // What the units of step t give the second phase, LC units a cycle.
                    if (k >= COLUMNS_END && k < COLUMNS_END + H_WORDS) {
                        for (int c = 0; c < LAYER_LC; c++) {
                            HLS(unroll)
                            const uint32_t word = k - COLUMNS_END;
                            int64_t sum[FIRST];
                            for (int s = 0; s < FIRST; s++) {
                                HLS(unroll)
                                sum[s] = SCALED(current[s][c], bias[word][c][s], shift[word][c][s]);
                            }
                            unit_state_t old;
                            const uint32_t at = OF_SLOT(place, word);
                            old.h = OLD_H(NO_STATE(forget, word), word, c, h[0][at][c]);
                            old.cell = OLD_CELL(NO_STATE(forget, word), word, c, at);
#    ifdef LAYER_GATE
                            const mr_place_t gate = LAYER_GATE;
                            second[word][c] = OF_CELL(_columns_of)(gate, sum, old);
#    else
                            second[word][c] = OF_CELL(_columns)(sum, old);
#    endif
                        }
                    }
#endif
                    // The cells of the pass whose columns are through, LC units a cycle.
                    const bool of_before = OF_BEFORE; // of step t-1
                    const uint32_t unit_word = UNIT_WORD;
                    const uint32_t word = UNITS_AT + unit_word;
                    const bool forget_old = of_before ? forget_before : forget;
                    // The row behind the last one ends before it would have units of its own.
                    const bool has_units =
                        of_before ? (int32_t)k < LAST_WORDS - EARLY && had_row : HAS_OWN_UNITS;
                    if (has_units) {
                        const uint32_t at = OF_SLOT(of_before ? place_before : place, word);
                        VEC fresh;
                        for (int c = 0; c < LAYER_LC; c++) {
                            HLS(unroll)
                            int64_t sum[SUMS];
                            for (int g = 0; g < GATES; g++) {
                                HLS(unroll)
                                sum[g] = current[g][c];
                            }
#if SPLIT
                            for (int s = 0; s < SPLIT; s++) {
                                HLS(unroll)
                                sum[GATES + s] =
                                    LAYER_H_FIRST ? current_aside[s][c] : current[WHOLE + s][c];
                                sum[WHOLE + s] =
                                    LAYER_H_FIRST ? current[WHOLE + s][c] : current_aside[s][c];
                            }
#endif
                            for (int s = 0; s < SUMS; s++) {
                                HLS(unroll)
                                sum[s] = SCALED(sum[s], bias[word][c][s], shift[word][c][s]);
                            }
                            unit_state_t old;
                            old.h =
                                OLD_H(NO_STATE(forget_old, unit_word), word, c, h[H_OLD][at][c]);
                            old.cell = OLD_CELL(NO_STATE(forget_old, unit_word), word, c, at);
                            uint32_t beyond = 0;
#ifdef LAYER_CONSTANT_FRAC
                            int32_t own[CONSTANTS];
                            for (int n = 0; n < CONSTANTS; n++) {
                                HLS(unroll)
                                own[n] = constant[word][c][n];
                            }
#endif
#ifdef LAYER_GATE
                            const mr_place_t gate = LAYER_GATE, to_g = LAYER_G, to_h = LAYER_H;
#endif
                            const unit_state_t unit =
                                UNIT(PLACES sum, OWN old, LAYER_CELL_EXPONENT, &beyond);
                            const bool is_unit = !LAYER_PADS || word != H_WORDS - 1 ||
                                                 c < LAYER_HIDDEN - (H_WORDS - 1) * LAYER_LC;
                            cut_now += is_unit && beyond != 0;
                            past_now += is_unit ? beyond : 0;
                            h[H_WRITTEN][at][c] = unit.h;
#if HAS_CELL
                            cell[at][c] = unit.cell;
#endif
#ifdef LAYER_GIVES_CELL
                            const int64_t half = ((int64_t)1 << LAYER_GIVES_CELL) >> 1;
                            const int64_t given = (unit.cell + half) >> LAYER_GIVES_CELL;
                            const int16_t number = (int16_t)hls_saturate(given, 16);
                            cut_now += is_unit && beyond == 0 && number != given;
                            fresh.v[c] = is_unit ? number : 0;
#else
                            fresh.v[c] = is_unit ? unit.h : 0;
#endif
                        }
                        hls_write(VEC, h_out, fresh);
                    }
#if COUNTS
                    cut += cut_now;
                    past += past_now;
#endif
#if LAYER_PASSES > 1
                    if (k == STEP - 1) {
                        const bool last = pass == LAYER_PASSES - 1 || pass >= 2 * LAYER_PASSES - 1;
                        pass_weights = last ? 0 : pass_weights + WORDS;
#    if LAYER_H_FIRST
                        if (IN_X)
                            pass_units = pass == LAYER_PASSES ? 0 : pass_units + PASS_WORDS;
#    else
                        pass_units = last ? HIDDEN_BEFORE_LAST
                                     : of_before ? 0
                                                 : pass_units + PASS_WORDS;
#    endif
                    }
#endif
                    if (k == STEP - 1 && pass == ROUNDS - 1) {
                        const bool last = left == 1;
                        forget_before = forget;
                        had_row = HAS_ROW;
#if H_COPIES > 1
                        if (HAS_ROW)
                            FOUND = !FOUND;
#endif
#if LAYER_SLOTS > 1
#    if H_COPIES > 1
                        found_before = FOUND;
#    endif
                        const bool step_ends = slot == last_slot;
                        has_row = step_ends || slot + 1 < rows;
                        place_before = place;
                        place = step_ends ? 0 : place + H_WORDS;
                        slot = step_ends ? 0 : slot + 1;
                        if (step_ends && last) {
                            is_whole = to_come / (2 * LAYER_SLOTS) > 0;
                            rows = is_whole ? LAYER_SLOTS : rest;
                            last_slot = is_whole ? LAYER_SLOTS - 1 : MR_MAX(rest, TURNS) - 1;
                            to_come = to_come - LAYER_SLOTS;
                        }
#else
                        const bool step_ends = true;
#endif
                        if (step_ends) {
                            forget = reset && last;
                            left = last ? steps : left - 1;
                        }
                    }
                    if (t == LAST_TURN - ALL_EARLY && RUN_ENDS)
                        return;
                }
            }
        }
    } else if (command == MR_COMMAND_READ_STATE) {
        WALK_SLOTS
    read_state:
        for (uint32_t word = 0; word < LAYER_SLOTS * H_WORDS; word++) {
            for (uint32_t c = 0; c < LAYER_LC; c++) {
                HLS(pipeline II = 1)
                unit_state_t unit;
                unit.h = h[H_FOUND][word][c];
                unit.cell = OLD_CELL(false, word, c, word);
                hls_write(unit_state_t, state, unit);
                WALKED(word, c)
            }
        }
    } else if (command == MR_COMMAND_WRITE_STATE) {
        WALK_SLOTS
    write_state:
        for (uint32_t word = 0; word < LAYER_SLOTS * H_WORDS; word++) {
            for (uint32_t c = 0; c < LAYER_LC; c++) {
                HLS(pipeline II = 1)
                const unit_state_t unit = mr_state_of_beat(hls_read(beat_t, weights));
                h[H_FOUND][word][c] = unit.h;
#if HAS_CELL
                cell[word][c] = unit.cell;
#endif
                WALKED(word, c)
            }
        }
    }
#if defined LAYER_START && !LAYER_FOLLOWS
#    include "frame/layer_start.h"
#endif
}

#include "frame/layer_end.h"
