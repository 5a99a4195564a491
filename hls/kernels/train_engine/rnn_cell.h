// SPDX-License-Identifier: Apache-2.0
// What a training engine asks of a cell (lstm_cell.h), of an RNN with tanh: it has no state beside
// h, which is all that is kept.
#ifndef MR_TRAIN_RNN_CELL_H
#define MR_TRAIN_RNN_CELL_H

#include "train/rnn.h"

#define rnn_TRAIN_KEPT 1
#define rnn_TRAIN_HAS_STATE 0
#define rnn_TRAIN_RESET 0

static inline int16_t rnn_engine_forward(const int64_t sum[1], const int32_t bias[1], int16_t state,
                                         uint16_t kept[1], int16_t *next) {
    const int16_t h = rnn_train_forward(sum[0], bias[0]);
    kept[0] = (uint16_t)h;
    *next = state;
    return h;
}

static inline train_back_t rnn_engine_backward(const uint16_t kept[1], int16_t state, int32_t dh,
                                               int32_t before, uint32_t shift) {
    (void)state;
    (void)before;
    return rnn_train_backward((int16_t)kept[0], dh, shift);
}

#endif
