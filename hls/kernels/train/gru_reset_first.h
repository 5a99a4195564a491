// SPDX-License-Identifier: Apache-2.0
// A unit of a GRU layer in training whose reset gate works on the state (cells/gru_reset_first.h
// has the formula): gates r, z, n. The columns of n's second phase are r h, forwards; backwards dh
// comes of n's row first, then with it the delta of r.
#ifndef MR_TRAIN_GRU_RESET_FIRST_H
#define MR_TRAIN_GRU_RESET_FIRST_H

#include "train/gru.h"

#define gru_reset_first_TRAIN_GATES 3 // rows of weights for a unit
#define gru_reset_first_TRAIN_SUMS 3  // sums and biases

// What the backward functions need: 64 bits of a unit and step.
typedef struct {
    uint16_t r, z; // Q16
    int16_t n;     // Q15
    int16_t h;     // of the step before, Q15
} gru_reset_first_kept_t;

// r h, Q15: a column of n's row, forwards and of its weights' gradient.
static inline int16_t gru_reset_first_train_column(int32_t r, int32_t h) {
    return (int16_t)(((int64_t)r * h + 32768) >> 16);
}

// First phase, before n's sum over h is there: r and z. Returns r h.
static inline int16_t gru_reset_first_train_gates(const int64_t sum[3], const int32_t bias[3],
                                                  int16_t h, gru_reset_first_kept_t *kept) {
    kept->r = (uint16_t)mr_train_sigmoid(mr_train_argument(sum[0], bias[0]));
    kept->z = (uint16_t)mr_train_sigmoid(mr_train_argument(sum[1], bias[1]));
    kept->n = 0;
    kept->h = h;
    return gru_reset_first_train_column(kept->r, h);
}

// Second phase: sum over the columns of x and r h. Returns h'.
static inline int16_t gru_reset_first_train_forward(int64_t sum, int32_t bias,
                                                    gru_reset_first_kept_t *kept) {
    const int16_t n = (int16_t)mr_train_tanh(mr_train_argument(sum, bias));
    kept->n = n;
    return gru_train_mix(kept->z, n, kept->h);
}

// Deltas 1 and 2 (z, n) and what goes back directly; delta 0 comes of the second function.
static inline train_back_t gru_reset_first_train_backward(gru_reset_first_kept_t kept, int32_t dh,
                                                          uint32_t shift) {
    train_back_t back;
    uint32_t seen_state = 0;
    uint32_t seen_delta = 0;
    const int32_t cut = mr_train_cut(dh, &seen_state);
    const int32_t n_slope = mr_tanh_rise(kept.n);
    const int32_t by_z =
        (int32_t)(((int64_t)(kept.h - kept.n) * mr_sigmoid_rise(kept.z) + 16384) >> 15); // Q16
    const int32_t by_n = (int32_t)(((int64_t)(65536 - kept.z) * n_slope + 32768) >> 16); // Q16
    back.delta[0] = 0;
    back.delta[1] = mr_train_delta((int64_t)cut * by_z, shift, &seen_delta);
    back.delta[2] = mr_train_delta((int64_t)cut * by_n, shift, &seen_delta);
    back.delta[3] = 0;
    back.before = (int32_t)(((int64_t)cut * kept.z + 32768) >> 16);
    back.seen_state = seen_state;
    back.seen_delta = seen_delta;
    return back;
}

// over: the derivative by r h, of n's deltas (mr_train_gradient). Delta 0 and more of `before`,
// which stays below 25 bits.
static inline train_back_t gru_reset_first_train_reset(gru_reset_first_kept_t kept,
                                                       train_back_t back, int32_t over,
                                                       uint32_t shift) {
    train_back_t all = back;
    uint32_t seen_delta = 0;
    const int32_t by_r =
        (int32_t)(((int64_t)kept.h * mr_sigmoid_rise(kept.r) + 16384) >> 15); // Q16
    all.delta[0] = mr_train_delta((int64_t)over * by_r, shift, &seen_delta);
    all.before = back.before + (int32_t)(((int64_t)over * kept.r + 32768) >> 16);
    all.seen_delta = back.seen_delta | seen_delta;
    return all;
}

#endif
