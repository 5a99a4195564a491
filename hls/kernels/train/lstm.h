// SPDX-License-Identifier: Apache-2.0
// A unit of an LSTM layer in training (cells/lstm.h has the formula): gates i, f, g, o.
#ifndef MR_TRAIN_LSTM_H
#define MR_TRAIN_LSTM_H

#include "train/fixed_point.h"

#define lstm_TRAIN_GATES 4 // rows of weights for a unit
#define lstm_TRAIN_SUMS 4  // sums and biases

// What the backward function needs: 80 bits of a unit and step; c' is the one of the next step.
typedef struct {
    uint16_t i, f, o; // Q16
    int16_t g;        // Q15
    int16_t cell;     // of the step before, Q11
} lstm_kept_t;

// The tanh of the new cell state, which both functions take, so that they may share it.
static inline int32_t lstm_train_squash(int32_t cell) {
    return mr_train_tanh((int32_t)hls_saturate(cell * 2, 16));
}

// c' of gates and cell state.
static inline int16_t lstm_train_cell(lstm_kept_t kept) {
    const int64_t written = (int64_t)kept.i * kept.g; // Q31
    const int64_t held = (int64_t)kept.f * kept.cell; // Q27
    return (int16_t)hls_saturate((written + held * 16 + (1 << 19)) >> 20, 16);
}

// sum: of the gates' products, Q27; bias: Q20. *next: c'; returns what is to be kept.
static inline lstm_kept_t lstm_train_forward(const int64_t sum[4], const int32_t bias[4],
                                             int16_t cell, int16_t *next, int16_t *h) {
    lstm_kept_t kept;
    kept.i = (uint16_t)mr_train_sigmoid(mr_train_argument(sum[0], bias[0]));
    kept.f = (uint16_t)mr_train_sigmoid(mr_train_argument(sum[1], bias[1]));
    kept.g = (int16_t)mr_train_tanh(mr_train_argument(sum[2], bias[2]));
    kept.o = (uint16_t)mr_train_sigmoid(mr_train_argument(sum[3], bias[3]));
    kept.cell = cell;
    const int16_t fresh = lstm_train_cell(kept);
    *next = fresh;
    // o is below 1: no saturation.
    *h = (int16_t)(((int64_t)kept.o * lstm_train_squash(fresh) + 32768) >> 16);
    return kept;
}

// dh: what comes from above and from the step behind, 26 bits; dc: from the step behind, 24.
// squash: lstm_train_squash of c'. shift: mr_train_cell_shift.
static inline train_back_t lstm_train_backward(lstm_kept_t kept, int32_t squash, int32_t dh,
                                               int32_t dc, uint32_t shift) {
    train_back_t back;
    uint32_t seen_state = 0;
    uint32_t seen_delta = 0;
    const int32_t i_slope = mr_sigmoid_rise(kept.i), f_slope = mr_sigmoid_rise(kept.f);
    const int32_t o_slope = mr_sigmoid_rise(kept.o), g_slope = mr_tanh_rise(kept.g);
    // Derivatives by the arguments, as factors of dc and dh.
    const int32_t by_i = (kept.g * i_slope + 16384) >> 15;                     // Q16
    const int32_t by_f = (kept.cell * f_slope + 8192) >> 14;                   // Q13
    const int32_t by_g = (int32_t)(((int64_t)kept.i * g_slope + 32768) >> 16); // Q16
    const int32_t by_o = (squash * o_slope + 16384) >> 15;                     // Q16
    const int32_t by_c = (int32_t)(((int64_t)kept.o * mr_tanh_rise(squash) + 32768) >> 16);
    const int32_t dh_cut = mr_train_cut(dh, &seen_state);
    const int32_t dc_cut =
        mr_train_cut((int32_t)(((int64_t)dh_cut * by_c + 32768) >> 16) + dc, &seen_state);
    back.delta[0] = mr_train_delta((int64_t)dc_cut * by_i, shift, &seen_delta);
    back.delta[1] = mr_train_delta((int64_t)dc_cut * by_f * 8, shift, &seen_delta);
    back.delta[2] = mr_train_delta((int64_t)dc_cut * by_g, shift, &seen_delta);
    back.delta[3] = mr_train_delta((int64_t)dh_cut * by_o, shift, &seen_delta);
    back.before = (int32_t)(((int64_t)dc_cut * kept.f + 32768) >> 16); // f is below 1
    back.seen_state = seen_state;
    back.seen_delta = seen_delta;
    return back;
}

#endif
