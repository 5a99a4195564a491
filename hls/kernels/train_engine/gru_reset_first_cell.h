// SPDX-License-Identifier: Apache-2.0
// What a training engine asks of a cell (lstm_cell.h), of a GRU whose reset gate works on the
// state: the state is h, `before` is what goes back to it directly. As _TRAIN_RESET says, gate 0
// weighs the columns of h that the last gate has, so both ways have two phases: forwards the gates
// first, and backwards behind the others.
#ifndef MR_TRAIN_GRU_RESET_FIRST_CELL_H
#define MR_TRAIN_GRU_RESET_FIRST_CELL_H

#include "train/gru_reset_first.h"

#define gru_reset_first_TRAIN_KEPT 4
#define gru_reset_first_TRAIN_HAS_STATE 1
#define gru_reset_first_TRAIN_RESET 1

static inline gru_reset_first_kept_t gru_reset_first_engine_kept(const uint16_t kept[4]) {
    gru_reset_first_kept_t k;
    k.r = kept[0];
    k.z = kept[1];
    k.n = (int16_t)kept[2];
    k.h = (int16_t)kept[3];
    return k;
}

// The gates' phase forwards.
static inline void gru_reset_first_engine_gates(const int64_t sum[3], const int32_t bias[3],
                                                int16_t state, uint16_t kept[4]) {
    gru_reset_first_kept_t k;
    (void)gru_reset_first_train_gates(sum, bias, state, &k);
    kept[0] = k.r;
    kept[1] = k.z;
    kept[2] = 0;
    kept[3] = (uint16_t)k.h;
}

// A column of the last gate.
static inline int16_t gru_reset_first_engine_column(const uint16_t kept[4]) {
    return gru_reset_first_train_column(kept[0], (int16_t)kept[3]);
}

// The other phase. kept: as the gates' phase left it, and n.
static inline int16_t gru_reset_first_engine_forward(const int64_t sum[3], const int32_t bias[3],
                                                     int16_t state, uint16_t kept[4],
                                                     int16_t *next) {
    gru_reset_first_kept_t k = gru_reset_first_engine_kept(kept);
    (void)state;
    const int16_t h = gru_reset_first_train_forward(sum[2], bias[2], &k);
    kept[2] = (uint16_t)k.n;
    *next = h;
    return h;
}

static inline train_back_t gru_reset_first_engine_backward(const uint16_t kept[4], int16_t state,
                                                           int32_t dh, int32_t before,
                                                           uint32_t shift) {
    (void)state;
    return gru_reset_first_train_backward(gru_reset_first_engine_kept(kept), dh + before, shift);
}

// The gates' phase backwards, of the derivative by a column of the last gate: delta 0, and what is
// added to `before`.
static inline train_back_t gru_reset_first_engine_reset(const uint16_t kept[4], int32_t over,
                                                        int32_t before, uint32_t shift) {
    train_back_t back;
    for (int g = 0; g < 4; g++) {
        HLS(unroll)
        back.delta[g] = 0;
    }
    back.before = before;
    back.seen_state = 0;
    back.seen_delta = 0;
    return gru_reset_first_train_reset(gru_reset_first_engine_kept(kept), back, over, shift);
}

static inline int16_t gru_reset_first_engine_state(const uint16_t kept[4]) {
    return (int16_t)kept[3];
}

#endif
