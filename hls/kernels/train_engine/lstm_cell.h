// SPDX-License-Identifier: Apache-2.0
// What a training engine asks of a cell, of an LSTM: the state beside h is c, and `before` of
// backward functions is dc.
#ifndef MR_TRAIN_LSTM_CELL_H
#define MR_TRAIN_LSTM_CELL_H

#include "train/lstm.h"

#define lstm_TRAIN_KEPT 5 // numbers of 16 bits
#define lstm_TRAIN_HAS_STATE 1
#define lstm_TRAIN_RESET 0 // 1: two phases (gru_reset_first_cell.h)

static inline int16_t lstm_engine_forward(const int64_t sum[4], const int32_t bias[4],
                                          int16_t state, uint16_t kept[5], int16_t *next) {
    int16_t h = 0;
    const lstm_kept_t k = lstm_train_forward(sum, bias, state, next, &h);
    kept[0] = k.i;
    kept[1] = k.f;
    kept[2] = (uint16_t)k.g;
    kept[3] = k.o;
    kept[4] = (uint16_t)k.cell;
    return h;
}

// state: the one of the step's end. dh: from above and through the weights of the next step.
static inline train_back_t lstm_engine_backward(const uint16_t kept[5], int16_t state, int32_t dh,
                                                int32_t before, uint32_t shift) {
    lstm_kept_t k;
    k.i = kept[0];
    k.f = kept[1];
    k.g = (int16_t)kept[2];
    k.o = kept[3];
    k.cell = (int16_t)kept[4];
    return lstm_train_backward(k, lstm_train_squash(state), dh, before, shift);
}

// The state of the step's beginning.
static inline int16_t lstm_engine_state(const uint16_t kept[5]) {
    return (int16_t)kept[4];
}

#endif
