// SPDX-License-Identifier: Apache-2.0
// A unit of an RNN layer with tanh in training.
#ifndef MR_TRAIN_RNN_H
#define MR_TRAIN_RNN_H

#include "train/fixed_point.h"

#define rnn_TRAIN_GATES 1
#define rnn_TRAIN_SUMS 1

// The new h is all that the backward function needs.
static inline int16_t rnn_train_forward(int64_t sum, int32_t bias) {
    return (int16_t)mr_train_tanh(mr_train_argument(sum, bias));
}

// h: of this step. dh, shift: as in lstm.h.
static inline train_back_t rnn_train_backward(int16_t h, int32_t dh, uint32_t shift) {
    train_back_t back;
    uint32_t seen_state = 0;
    uint32_t seen_delta = 0;
    const int32_t cut = mr_train_cut(dh, &seen_state);
    back.delta[0] = mr_train_delta((int64_t)cut * mr_tanh_rise(h), shift, &seen_delta);
    back.delta[1] = 0;
    back.delta[2] = 0;
    back.delta[3] = 0;
    back.before = 0;
    back.seen_state = seen_state;
    back.seen_delta = seen_delta;
    return back;
}

#endif
