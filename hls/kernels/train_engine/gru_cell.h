// SPDX-License-Identifier: Apache-2.0
// What a training engine asks of a cell (lstm_cell.h), of a GRU whose reset gate works on the
// state's sum: the state is h, `before` is what goes back to it directly.
#ifndef MR_TRAIN_GRU_CELL_H
#define MR_TRAIN_GRU_CELL_H

#include "train/gru.h"

#define gru_TRAIN_KEPT 5
#define gru_TRAIN_HAS_STATE 1
#define gru_TRAIN_RESET 0

static inline int16_t gru_engine_forward(const int64_t sum[4], const int32_t bias[4], int16_t state,
                                         uint16_t kept[5], int16_t *next) {
    int16_t h = 0;
    const gru_kept_t k = gru_train_forward(sum, bias, state, &h);
    kept[0] = k.r;
    kept[1] = k.z;
    kept[2] = (uint16_t)k.n;
    kept[3] = (uint16_t)k.over;
    kept[4] = (uint16_t)k.h;
    *next = h;
    return h;
}

static inline train_back_t gru_engine_backward(const uint16_t kept[5], int16_t state, int32_t dh,
                                               int32_t before, uint32_t shift) {
    (void)state;
    gru_kept_t k;
    k.r = kept[0];
    k.z = kept[1];
    k.n = (int16_t)kept[2];
    k.over = (int16_t)kept[3];
    k.h = (int16_t)kept[4];
    return gru_train_backward(k, dh + before, shift);
}

static inline int16_t gru_engine_state(const uint16_t kept[5]) {
    return (int16_t)kept[4];
}

#endif
