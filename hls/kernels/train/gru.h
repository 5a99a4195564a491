// SPDX-License-Identifier: Apache-2.0
// A unit of a GRU layer in training whose reset gate works on the state's sum (cells/gru.h has the
// formula): gates r, z, n. The row of n has a sum over the columns of x and one over those of h.
#ifndef MR_TRAIN_GRU_H
#define MR_TRAIN_GRU_H

#include "train/fixed_point.h"

#define gru_TRAIN_GATES 3 // rows of weights for a unit
#define gru_TRAIN_SUMS 4  // sums and biases: r, z, n over x, n over h

// What the backward function needs: 80 bits of a unit and step.
typedef struct {
    uint16_t r, z; // Q16
    int16_t n;     // Q15
    int16_t over;  // n's sum over h and its bias, Q12
    int16_t h;     // of the step before, Q15
} gru_kept_t;

// h' = n + z (h - n), which both GRUs have.
static inline int16_t gru_train_mix(int32_t z, int32_t n, int32_t h) {
    return (int16_t)((n * 65536LL + (int64_t)z * (h - n) + 32768) >> 16);
}

static inline gru_kept_t gru_train_forward(const int64_t sum[4], const int32_t bias[4], int16_t h,
                                           int16_t *next) {
    gru_kept_t kept;
    kept.r = (uint16_t)mr_train_sigmoid(mr_train_argument(sum[0], bias[0]));
    kept.z = (uint16_t)mr_train_sigmoid(mr_train_argument(sum[1], bias[1]));
    kept.over = (int16_t)mr_train_argument(sum[3], bias[3]);
    const int32_t reset = (int32_t)((int64_t)kept.r * kept.over >> 8); // Q20
    kept.n = (int16_t)mr_train_tanh(
        (int32_t)hls_saturate((mr_train_sum(sum[2], bias[2]) + reset + 128) >> 8, 16));
    kept.h = h;
    *next = gru_train_mix(kept.z, kept.n, h);
    return kept;
}

// dh: what comes from above and from the step behind, by the weights and directly. shift:
// mr_train_cell_shift. Deltas: r, z, n for the columns of x, n for those of h.
static inline train_back_t gru_train_backward(gru_kept_t kept, int32_t dh, uint32_t shift) {
    train_back_t back;
    uint32_t seen_state = 0;
    uint32_t seen_delta = 0;
    const int32_t cut = mr_train_cut(dh, &seen_state);
    const int32_t n_slope = mr_tanh_rise(kept.n);
    const int32_t by_z =
        (int32_t)(((int64_t)(kept.h - kept.n) * mr_sigmoid_rise(kept.z) + 16384) >> 15); // Q16
    const int32_t by_n = (int32_t)(((int64_t)(65536 - kept.z) * n_slope + 32768) >> 16); // Q16
    const int32_t by_r = (kept.over * mr_sigmoid_rise(kept.r) + 4096) >> 13;             // Q15
    const int64_t dn = (int64_t)cut * by_n;
    const int32_t dn_cut = (int32_t)((dn + 32768) >> 16); // by_n is at most 1
    back.delta[0] = mr_train_delta((int64_t)dn_cut * by_r * 2, shift, &seen_delta);
    back.delta[1] = mr_train_delta((int64_t)cut * by_z, shift, &seen_delta);
    back.delta[2] = mr_train_delta(dn, shift, &seen_delta);
    back.delta[3] = mr_train_delta((int64_t)dn_cut * kept.r, shift, &seen_delta);
    back.before = (int32_t)(((int64_t)cut * kept.z + 32768) >> 16);
    back.seen_state = seen_state;
    back.seen_delta = seen_delta;
    return back;
}

#endif
