// SPDX-License-Identifier: Apache-2.0
// The lanes, cells and update of a training engine: one loop, a word of the sequencer a cycle, so
// that all phases have the same multipliers and memories. Its instance defines what shape.h lists,
// includes NAME_cell.h and this, and has the top function TRAIN_TOP.
//
// The lanes multiply, by phase, w v, w delta or delta v. Weights are updated where they live: each
// lane has its own. What cells form is kept for the way back (stash). The head (head.h) has loops
// of its own between forward and back.
#ifndef MR_TRAIN_ENGINE_H
#define MR_TRAIN_ENGINE_H

#include "train/dropout.h"
#include "train/loss.h"
#include "train/update.h"
#include "train_engine/memory_ports.h"
#include "train_engine/ports.h"
#include "train_engine/sequencer.h"

#define TRAIN_SUM_BITS 44      // of products of a row, or of a column: up to 2^13 of them
#define TRAIN_GRADIENT_BITS 48 // of a weight's gradient
// And of its sum over a step, a product of up to 2^30 of each sequence.
#define TRAIN_STEP_BITS (63 - __builtin_clz(TRAIN_BATCH))
#define TRAIN_HEAD_BITS 56 // and of one of the head, up to 2^16 of them
// Where the last gate's sums over x and h are apart, the latter have registers of their own.
#define TRAIN_SPLIT (TRAIN_SUMS > TRAIN_GATES)
#if TRAIN_SPLIT
#    define TRAIN_ACC (g < TRAIN_GATES ? acc[n][u][g < TRAIN_GATES ? g : 0] : over_h[n][u])
#else
#    define TRAIN_ACC acc[n][u][g]
#endif
// A column as a gate has it.
#if TRAIN_RESET
#    define TRAIN_COLUMN(n) (g == TRAIN_GATES - 1 ? last_v[n][c] : v[n][c])
#else
#    define TRAIN_COLUMN(n) v[n][c]
#endif
// The value of a layer.
static inline int32_t train_of_layer(const int32_t of[TRAIN_PLACES], uint8_t layer) {
    int32_t value = of[TRAIN_PLACES - 1];
    for (int i = TRAIN_PLACES - 2; i >= 0; i--) {
        HLS(unroll)
        value = layer == i ? of[i] : value;
    }
    return value;
}

static void train_engine(hls_stream(word_t) * words, hls_stream(beat_t) * settings,
                         hls_stream(columns_t) * x, hls_stream(int32_t) * target,
                         hls_stream(train_rule_t) * rules, hls_stream(keys_t) * keys,
                         hls_stream(params_t) * params_in, hls_stream(params_t) * params_out,
                         hls_stream(int32_t) * y, TRAIN_PORTS(stash, passed, params) uint8_t job,
                         uint16_t steps, uint16_t sequences, uint32_t batches) {
#include "train_engine/memories.h"

    const bool load = job == TRAIN_LOAD, give = job == TRAIN_READ;
    const bool learn = job == TRAIN_TRAIN;
    if (job == TRAIN_SET) {
        const beat_t beat = hls_read(beat_t, settings);
        x_unit = (uint8_t)beat.v[0];
        y_unit = (uint8_t)beat.v[1];
        drop_unit = (uint8_t)beat.v[2];
#if TRAIN_CLIP
        clip = train_number_of(beat.v[4], beat.v[5]);
#endif
        keep = train_number_of(beat.v[6], beat.v[7]);
        factor = train_number_of(beat.v[8], beat.v[9]);
    }
    const uint32_t parts = train_parts(job, batches);
    const int32_t of_head_units = y_unit - 35;
    train_rule_t rule = {0};
    keys_t key = {{0}};
    uint8_t part = train_first_part(job);
    for (uint32_t p = 0; p < parts; p++) {
        const bool forward = part == FORWARD_PART;
        const uint32_t cycles = train_cycles(job, steps, part);
        if (forward && learn) {
            rule = hls_read(train_rule_t, rules);
            key = hls_read(keys_t, keys);
        }
        bool take = false;
#if TRAIN_PORT
        bool take_stash = false, take_passed = false,
             take_param = part == UPDATE_PART && (give || learn);
        bool to_kept = false;
        uint16_t window = 0;
        uint32_t outside = 0;
#endif
        int32_t shift_cell[TRAIN_PLACES];
        HLS(array_partition variable = shift_cell complete)
        int32_t shift_own[TRAIN_PLACES];
        HLS(array_partition variable = shift_own complete)
        int32_t shift_below[TRAIN_PLACES];
        HLS(array_partition variable = shift_below complete)
        int32_t exponent[TRAIN_PLACES];
        HLS(array_partition variable = exponent complete)
        for (int i = 0; i < TRAIN_PLACES; i++) {
            HLS(unroll)
            shift_cell[i] = (int32_t)mr_train_cell_shift(state_scale[i], delta_scale[i]);
            shift_own[i] = (int32_t)mr_train_shift(delta_scale[i], state_scale[i]);
            shift_below[i] =
                (int32_t)mr_train_shift(delta_scale[i], state_scale[i == 0 ? 0 : i - 1]);
            exponent[i] = 2 * y_unit - delta_scale[i];
        }
    lanes:
        for (uint32_t cycle = 0; cycle < cycles; cycle++) {
            HLS(pipeline II = 1)
            HLS(dependence variable = w type = inter direction = RAW distance = 4096 assert)
            HLS(dependence variable = gradient type = inter direction = RAW distance =
                    TRAIN_GRADIENT_CYCLES assert)
            HLS(dependence variable = x_stash type = inter direction = RAW distance =
                    TRAIN_LATENCY assert)
            HLS(dependence variable = h_stash type = inter direction = RAW distance =
                    TRAIN_LATENCY assert)
            HLS(dependence variable = kept type = inter direction = RAW distance =
                    TRAIN_LATENCY assert)
            HLS(dependence variable = rec type = inter direction = RAW distance =
                    TRAIN_LATENCY assert)
            HLS(dependence variable = deltas type = inter direction = RAW distance =
                    TRAIN_LATENCY assert)
#if TRAIN_HAS_STATE
            HLS(dependence variable = state type = inter direction = RAW distance =
                    TRAIN_LATENCY assert)
            HLS(dependence variable = before type = inter direction = RAW distance =
                    TRAIN_LATENCY assert)
#endif
#if TRAIN_RESET
            HLS(dependence variable = weighed type = inter direction = RAW distance =
                    TRAIN_LATENCY assert)
            HLS(dependence variable = over_x type = inter direction = RAW distance =
                    TRAIN_LATENCY assert)
#endif
#if TRAIN_CLIP
            HLS(dependence variable = bias_gradients type = inter direction = RAW distance =
                    2 assert)
#endif
            HLS(dependence variable = bias type = inter direction = RAW distance = 4096 assert)
#if !TRAIN_PORT
            HLS(dependence variable = above type = inter direction = RAW distance =
                    TRAIN_LATENCY assert)
            HLS(dependence variable = master type = inter direction = RAW distance = 4096 assert)
            HLS(dependence variable = moment type = inter direction = RAW distance = 4096 assert)
            HLS(dependence variable = square type = inter direction = RAW distance = 4096 assert)
#endif
            const word_t s = hls_read(word_t, words);
            const uint8_t layer = s.layer;
            const bool forwards = s.phase == FORWARD, columns = s.phase == COLUMNS;
            const bool gradients = s.phase == GRADIENT;
            // ---- columns
            columns_t fresh = {{0}};
            if (take)
                fresh = hls_read(columns_t, x);
            const bool taken = take;
            take = s.take_next;
#if TRAIN_PORT
            // ---- from outside: what the cycle before said
            stash_t fetched = {{{{0}}}, {{0}}};
            above_t to_layer;
            params_t of_param = {{0}, {0}, {0}};
            if (take_stash)
                fetched = hls_fetch(stash_t, stash, outside);
            if (take_passed)
                from_layer = hls_fetch(above_t, passed, s.cell_above);
            if (take_param)
                of_param = hls_fetch(params_t, params, s.param);
            const bool fills = take_stash && !forward, fills_kept = to_kept;
            const uint16_t fills_at = window;
            take_stash = s.stash_next;
            take_passed = s.takes_next;
            take_param = s.param_next && (give || learn);
            to_kept = s.to_kept;
            window = s.window;
            outside = s.outside;
#endif
            int16_t v[TRAIN_NB][TRAIN_LC];
            bool stays[TRAIN_NB][TRAIN_LC]; // dropout keeps it
            uint64_t layer_key = key.layer[TRAIN_PLACES - 1];
            for (int i = TRAIN_PLACES - 2; i >= 1; i--) {
                HLS(unroll)
                layer_key = layer == i ? key.layer[i] : layer_key;
            }
            for (int n = 0; n < TRAIN_NB; n++) {
                HLS(unroll)
                for (int c = 0; c < TRAIN_LC; c++) {
                    HLS(unroll)
                    if (taken)
                        x_stash[s.x][n][c] = fresh.v[n * TRAIN_LC + c];
                    int16_t h = 0, old = 0;
                    if (s.hread)
                        h = h_stash[s.h][n][c];
#if TRAIN_PORT
                    if (forwards && s.from_x)
                        h = fetched.h[n][c];
#endif
                    if (gradients && s.from_x && layer == 0)
                        old = x_stash[s.x][n][c];
                    const uint32_t place = s.drop + (n == 0 ? 0u : s.drop_next) + (uint32_t)c;
                    stays[n][c] =
                        !TRAIN_DROPOUT || mr_train_keeps(place, layer_key, keep & 0x1ffff);
                    if (TRAIN_DROPOUT && s.from_x && layer != 0)
                        h = learn ? mr_train_dropped(h, stays[n][c], factor & 0x1ffff)
                                  : (int16_t)mr_scale_down(h, drop_unit);
                    v[n][c] = !s.from_x || layer != 0 ? h
                              : forwards              ? fresh.v[n * TRAIN_LC + c]
                                                      : old;
                }
            }
#if TRAIN_RESET
            int16_t last_v[TRAIN_NB][TRAIN_LC]; // of the last gate
            for (int n = 0; n < TRAIN_NB; n++) {
                HLS(unroll)
                for (int c = 0; c < TRAIN_LC; c++) {
                    HLS(unroll)
                    int16_t one = 0;
                    if (s.weighed)
                        one = weighed[s.rec][n][c];
                    last_v[n][c] = s.from_x ? v[n][c] : one;
                }
            }
#endif
            // ---- the sums of the turn before, which go to the cells word by word
            int64_t mine[TRAIN_NB][TRAIN_LC][TRAIN_SUMS], now[TRAIN_LC][TRAIN_SUMS];
            for (int n = 0; n < TRAIN_NB; n++) {
                HLS(unroll)
                int64_t current[TRAIN_MAX_UNITS][TRAIN_SUMS];
                for (int u = 0; u < TRAIN_MAX_UNITS; u++) {
                    HLS(unroll)
                    for (int g = 0; g < TRAIN_SUMS; g++) {
                        HLS(unroll)
                        current[u][g] = !s.first ? passing[n][u][g] : TRAIN_ACC;
                    }
                }
                for (int u = 0; u < TRAIN_MAX_UNITS; u++) {
                    HLS(unroll)
                    for (int g = 0; g < TRAIN_SUMS; g++) {
                        HLS(unroll)
                        passing[n][u][g] = s.n != n ? current[u][g]
                                           : u + TRAIN_LC < TRAIN_MAX_UNITS
                                               ? current[u + TRAIN_LC][g]
                                               : 0;
                    }
                }
                for (int e = 0; e < TRAIN_LC; e++) {
                    HLS(unroll)
                    for (int g = 0; g < TRAIN_SUMS; g++) {
                        HLS(unroll)
                        mine[n][e][g] = e < TRAIN_MAX_UNITS ? current[e][g] : 0;
                    }
                }
            }
            for (int e = 0; e < TRAIN_LC; e++) {
                HLS(unroll)
                for (int g = 0; g < TRAIN_SUMS; g++) {
                    HLS(unroll)
                    now[e][g] = mine[s.n == 0 ? 0 : TRAIN_NB - 1][e][g];
                }
            }
            // ---- deltas, as gates have them
            int16_t right[TRAIN_NB][TRAIN_MAX_UNITS][TRAIN_GATES];
            int16_t turn[TRAIN_NB][TRAIN_MAX_UNITS][TRAIN_SUMS];
            for (int n = 0; n < TRAIN_NB; n++) {
                HLS(unroll)
                for (int u = 0; u < TRAIN_MAX_UNITS; u++) {
                    HLS(unroll)
                    for (int g = 0; g < TRAIN_SUMS; g++) {
                        HLS(unroll)
                        int16_t one = 0;
                        if (columns || gradients)
                            one = deltas[s.deltas][n][u][g];
                        turn[n][u][g] = one;
                    }
                }
            }
            for (int n = 0; n < TRAIN_NB; n++) {
                HLS(unroll)
                for (int u = 0; u < TRAIN_MAX_UNITS; u++) {
                    HLS(unroll)
                    for (int g = 0; g < TRAIN_GATES; g++) {
                        HLS(unroll)
                        const bool last_over_h = g == TRAIN_GATES - 1 && !s.from_x;
                        const bool left_out = TRAIN_RESET && columns && !s.from_x &&
                                              (g == TRAIN_GATES - 1) != s.second;
                        right[n][u][g] = left_out      ? 0
                                         : last_over_h ? turn[n][u][TRAIN_SUMS - 1]
                                                       : turn[n][u][g];
                    }
                }
            }
            // ---- gradients: sums that leave the lanes are added to those of the steps behind
            int64_t grown[TRAIN_GRADIENT_UNITS][TRAIN_GATES][TRAIN_LC];
            for (int d = 0; d < TRAIN_GRADIENT_UNITS; d++) {
                HLS(unroll)
                for (int g = 0; g < TRAIN_GATES; g++) {
                    HLS(unroll)
                    for (int c = 0; c < TRAIN_LC; c++) {
                        HLS(unroll)
                        int64_t old = 0;
                        if ((s.store || s.row_update) && !(s.add && s.fresh))
                            old = gradient[s.gradients][d][g][c];
                        grown[d][g][c] =
                            hls_wrap(old + (s.add ? leaving[d][g][c] : 0), TRAIN_GRADIENT_BITS);
                        if (s.store)
                            gradient[s.gradients][d][g][c] = grown[d][g][c];
                    }
                }
            }
            int64_t moved[TRAIN_MAX_UNITS][TRAIN_GATES][TRAIN_LC];
            for (int u = 0; u < TRAIN_MAX_UNITS; u++) {
                HLS(unroll)
                for (int g = 0; g < TRAIN_GATES; g++) {
                    HLS(unroll)
                    for (int c = 0; c < TRAIN_LC; c++) {
                        HLS(unroll)
                        int64_t both = 0;
                        for (int n = 0; n < TRAIN_NB; n++) {
                            HLS(unroll)
                            both += step_sum[n][u][g][c];
                        }
                        moved[u][g][c] = s.leave ? hls_wrap(both, TRAIN_STEP_BITS)
                                         : u + TRAIN_GRADIENT_UNITS < TRAIN_MAX_UNITS
                                             ? leaving[u + TRAIN_GRADIENT_UNITS][g][c]
                                             : 0;
                    }
                }
            }
            for (int u = 0; u < TRAIN_MAX_UNITS; u++) {
                HLS(unroll)
                for (int g = 0; g < TRAIN_GATES; g++) {
                    HLS(unroll)
                    for (int c = 0; c < TRAIN_LC; c++) {
                        HLS(unroll)
                        if (s.leave || s.shift)
                            leaving[u][g][c] = moved[u][g][c];
                    }
                }
            }
            // ---- lanes. Loops of their own, that hlsc keeps them loops.
            int16_t weight[TRAIN_MAX_UNITS][TRAIN_GATES][TRAIN_LC];
            int32_t product[TRAIN_NB][TRAIN_MAX_UNITS][TRAIN_GATES][TRAIN_LC];
            for (int u = 0; u < TRAIN_MAX_UNITS; u++) {
                HLS(unroll)
                for (int g = 0; g < TRAIN_GATES; g++) {
                    HLS(unroll)
                    for (int c = 0; c < TRAIN_LC; c++) {
                        HLS(unroll)
                        int16_t one = 0;
                        if (forwards || columns)
                            one = w[s.weights][u][g][c];
                        weight[u][g][c] = one;
                    }
                }
            }
            for (int n = 0; n < TRAIN_NB; n++) {
                HLS(unroll)
                for (int u = 0; u < TRAIN_MAX_UNITS; u++) {
                    HLS(unroll)
                    for (int g = 0; g < TRAIN_GATES; g++) {
                        HLS(unroll)
                        for (int c = 0; c < TRAIN_LC; c++) {
                            HLS(unroll)
                            const int16_t left = gradients ? TRAIN_COLUMN(n) : weight[u][g][c];
                            const int16_t by = forwards ? TRAIN_COLUMN(n) : right[n][u][g];
                            step_sum[n][u][g][c] =
                                hls_wrap((s.goes_on ? step_sum[n][u][g][c] : 0) + left * by,
                                         TRAIN_STEP_BITS);
                            product[n][u][g][c] = (int32_t)hls_wrap(step_sum[n][u][g][c], 32);
                        }
                    }
                }
            }
            int64_t row_sum[TRAIN_NB][TRAIN_MAX_UNITS][TRAIN_GATES];
            for (int n = 0; n < TRAIN_NB; n++) {
                HLS(unroll)
                for (int u = 0; u < TRAIN_MAX_UNITS; u++) {
                    HLS(unroll)
                    for (int g = 0; g < TRAIN_GATES; g++) {
                        HLS(unroll)
                        int64_t sum = 0;
                        for (int c = 0; c < TRAIN_LC; c++) {
                            HLS(unroll)
                            sum += product[n][u][g][c];
                        }
                        row_sum[n][u][g] = sum;
                    }
                }
            }
            for (int n = 0; n < TRAIN_NB; n++) {
                HLS(unroll)
                for (int u = 0; u < TRAIN_MAX_UNITS; u++) {
                    HLS(unroll)
                    for (int g = 0; g < TRAIN_GATES; g++) {
                        HLS(unroll)
                        const bool takes = !TRAIN_SPLIT || s.from_x || g < TRAIN_GATES - 1;
                        if (forwards)
                            acc[n][u][g] = hls_wrap((s.first ? 0 : acc[n][u][g]) +
                                                        (takes ? row_sum[n][u][g] : 0),
                                                    TRAIN_SUM_BITS);
                    }
#if TRAIN_SPLIT
                    if (forwards)
                        over_h[n][u] = hls_wrap((s.first ? 0 : over_h[n][u]) +
                                                    (s.from_x ? 0 : row_sum[n][u][TRAIN_GATES - 1]),
                                                TRAIN_SUM_BITS);
#endif
                }
            }
            const uint32_t shift = (uint32_t)(s.from_x ? train_of_layer(shift_below, layer)
                                                       : train_of_layer(shift_own, layer));
            for (int n = 0; n < TRAIN_NB; n++) {
                HLS(unroll)
                for (int c = 0; c < TRAIN_LC; c++) {
                    HLS(unroll)
                    int64_t sum = 0;
                    for (int u = 0; u < TRAIN_MAX_UNITS; u++) {
                        HLS(unroll)
                        for (int g = 0; g < TRAIN_GATES; g++) {
                            HLS(unroll)
                            sum += product[n][u][g][c];
                        }
                    }
                    const int32_t dv = mr_train_gradient(hls_wrap(sum, TRAIN_SUM_BITS), shift);
                    const int32_t dx =
                        TRAIN_DROPOUT ? mr_train_dropped_back(dv, stays[n][c], factor & 0x1ffff)
                                      : dv;
                    if (s.to_rec)
                        rec[s.rec][n][c] = dv;
#if TRAIN_PORT
                    to_layer.v[n][c] = dx;
#else
                    if (s.to_above)
                        above[s.above][n][c] = dx;
#endif
                }
            }
#include "train_engine/cells.h"
#if TRAIN_PORT
            if (s.to_above)
                hls_store(above_t, passed, s.above, to_layer);
            if (s.store_outside)
                hls_store(stash_t, stash, s.cell_outside, stored);
#endif
            // ---- update
            const bool update = s.row_update || s.bias_update || s.head_update;
            params_t given = {{0}, {0}, {0}};
            if (load)
                given = hls_read(params_t, params_in);
            params_t out, next;
            const int32_t own = train_of_layer(exponent, layer);
            const int32_t of_x = !s.row_update || !s.from_x ? 0
                                 : layer == 0               ? x_unit
                                 : TRAIN_DROPOUT            ? drop_unit
                                                            : 0;
            const int32_t units =
                s.head_update ? of_head_units : (s.bias_update ? own : own - 15) + of_x;
            const int32_t unit = s.head_update ? y_unit : -of_x;
            const bool change = update && (load || (learn && !s.squares));
#if TRAIN_CLIP
            uint64_t more_squares = 0;
#endif
            for (int c = 0; c < TRAIN_LC; c++) {
                HLS(unroll)
                int64_t of_row = 0;
                for (int d = 0; d < TRAIN_GRADIENT_UNITS; d++) {
                    HLS(unroll)
                    for (int g = 0; g < TRAIN_GATES; g++) {
                        HLS(unroll)
                        of_row |= s.pick == d * TRAIN_GATES + g ? grown[d][g][c] : 0;
                    }
                }
                int64_t of_head = 0;
                if (s.head_update)
                    of_head = head_gradient[s.head][c];
                const int64_t g = s.head_update ? of_head : s.bias_update ? bias_sum[c] : of_row;
#if TRAIN_PORT
                const int32_t w_old = of_param.w[c];
                uint32_t m = of_param.m[c], v_old = of_param.v[c];
#else
                int32_t w_old = 0;
                uint32_t m = 0, v_old = 0;
                if (update) {
                    w_old = master[s.param][c];
                    m = moment[s.param][c];
                    v_old = square[s.param][c];
                }
#endif
                out.w[c] =
                    s.scale_update ? (c == 0 ? train_of_layer(state_scale, layer) : 0) : w_old;
                out.m[c] = s.scale_update
                               ? (c == 0 ? (uint32_t)train_of_layer(delta_scale, layer) : 0)
                               : m;
                out.v[c] = v_old;
                const int32_t w_next = mr_train_update(rule, g, units, unit, w_old, &m, &v_old);
                const int32_t w_new = load ? (int32_t)hls_wrap(given.w[c], 24) : w_next;
#if TRAIN_CLIP
                more_squares += mr_train_square(rule, g, units);
#endif
                next.w[c] = w_new;
                next.m[c] = load ? given.m[c] & 0xffffff : m;
                next.v[c] = load ? given.v[c] & 0xffffff : v_old;
#if !TRAIN_PORT
                if (change) {
                    master[s.param][c] = next.w[c];
                    moment[s.param][c] = next.m[c];
                    square[s.param][c] = next.v[c];
                }
#endif
                if (s.row_update && change)
                    w[s.weights][s.unit][s.gate][c] = mr_train_weight(w_new);
                for (int k = 0; k < TRAIN_SUMS; k++) {
                    HLS(unroll)
                    if (s.bias_update && change && s.sum == k)
                        bias[s.biases][c][k] = w_new;
                }
                if (s.head_update && change)
                    head[s.head][c] = w_new;
            }
#if TRAIN_PORT
            if (change)
                hls_store(params_t, params, s.param, next);
#endif
#if TRAIN_CLIP
            if (update && s.squares)
                squares += more_squares;
#endif
            for (int i = 0; i < TRAIN_PLACES; i++) {
                HLS(unroll)
                if (s.scale_update && load && layer == i) {
                    state_scale[i] = (int32_t)hls_wrap(given.w[0], 8);
                    delta_scale[i] = (int32_t)hls_wrap(given.m[0], 8);
                }
            }
            if (give)
                hls_write(params_t, params_out, out);
        }
        if (forward) {
#include "train_engine/head.h"
        }
#if TRAIN_CLIP
        if (part == BACK_PART) {
            rule.scale = mr_train_clip(squares, clip, rule.scale);
            squares = 0;
        }
#endif
        if (learn && part == train_last_part(job)) {
            int32_t limit = 31;
            for (int i = TRAIN_PLACES - 1; i >= 0; i--) {
                HLS(unroll)
                if (i < TRAIN_LAYERS) {
                    int32_t next = mr_next_state_scale(state_scale[i], seen_state[i], limit);
                    const int32_t fine = mr_next_delta_scale(delta_scale[i], seen_delta[i], &next);
                    state_scale[i] = next;
                    delta_scale[i] = fine;
                    limit = fine + 11;
                }
                seen_state[i] = 0;
                seen_delta[i] = 0;
            }
        }
        part = part == train_last_part(job) ? train_first_part(job) : (uint8_t)(part + 1);
    }
}

// A network's ports (driver/driver.h). LOAD takes the settings, a beat: the units of x, of y and of
// dropout's columns, and from number 4 on, two halves each, the norm that gradients are clipped to,
// packed (number.h), and dropout's keep and factor (train/dropout.h). WRITE_STATE takes parameters
// and READ_STATE gives them. RUN: `sequences` mini-batches of `steps` steps, each one's x as
// train_feed says, each one's outputs in y; `flags`, from MR_FLAGS_OWN on, the sequences of a
// mini-batch, of which it learns, and of what lies behind them nothing; 0: it predicts.
void TRAIN_TOP(hls_stream(beat_t) * weights, hls_stream(beat_t) * state_in,
               hls_stream(element_t) * x, hls_stream(int32_t) * y, hls_stream(beat_t) * state_out,
               TRAIN_PORTS(stash, above, params) uint32_t command, uint32_t sequences,
               uint32_t steps, uint32_t total, uint32_t flags) {
    HLS(dataflow)
    // The engine takes them in the order in which they come.
    HLS_CHANNEL(columns_t, columns);
    HLS(stream variable = columns depth = 2)
    HLS_CHANNEL(int32_t, target);
    HLS(stream variable = target depth = 2)
    HLS_CHANNEL(train_rule_t, rules);
    HLS(stream variable = rules depth = 2)
    HLS_CHANNEL(keys_t, keys);
    HLS(stream variable = keys depth = 2)
    HLS_CHANNEL(params_t, params_in);
    HLS_CHANNEL(slot_t, slots);
    HLS_CHANNEL(word_t, words);
    HLS_CHANNEL(params_t, params_out);
    const uint8_t job = TRAIN_JOB(command, flags);
    const uint16_t learned = (uint16_t)(flags >> MR_FLAGS_OWN);
    const uint16_t of_batch = (uint16_t)steps;
    train_feed(x, &columns, &target, &rules, &keys, job, steps, sequences);
    train_take(state_in, &params_in, job);
    train_slots(&slots, job, of_batch, learned, sequences);
    train_words(&slots, &words, job, of_batch, sequences);
#if TRAIN_PORT
    train_plans(stash, above, params, job, of_batch, sequences);
#endif
    train_engine(&words, weights, &columns, &target, &rules, &keys, &params_in, &params_out, y,
                 TRAIN_PASS(stash, above, params) job, of_batch, learned, sequences);
    train_give(&params_out, state_out, job);
    (void)total;
}

#endif
