// SPDX-License-Identifier: Apache-2.0
// What ends a network in training: outputs, and the derivatives of the loss by them before their
// activation, which are output less target for all three: mean squared error of linear outputs
// (half of it), binary cross-entropy of sigmoids, categorical of a softmax. Outputs, targets and
// errors are Q20, 24 bits.
#ifndef MR_TRAIN_LOSS_H
#define MR_TRAIN_LOSS_H

#include "exponential.h"
#include "train/fixed_point.h"

// An output before its activation: sum of weight times h, Q27, and bias.
static inline int32_t mr_train_output(int64_t sum, int32_t bias) {
    return (int32_t)hls_saturate(hls_round_shift(sum + (int64_t)bias * 128, 7), 24);
}

// Q20, 0 to 2^20 - 16.
static inline int32_t mr_train_probability(int32_t output) {
    return mr_train_sigmoid((int32_t)hls_saturate(hls_round_shift(output, 8), 16)) * 16;
}

static inline int32_t mr_train_error(int32_t value, int32_t target) {
    return (int32_t)hls_saturate((int64_t)value - target, 24);
}

// A softmax: terms by the distance to the row's greatest output, their sum (Q40; of up to 65,536),
// and a probability, Q20.
static inline uint32_t mr_train_term(int32_t greatest, int32_t output) {
    return mr_softmax_exp((uint32_t)(greatest - output), 20);
}

static inline uint64_t mr_train_term_q40(uint32_t term) {
    return ((uint64_t)(term >> 6) << 15) >> (term & 63);
}

static inline int32_t mr_train_share(uint32_t term, reciprocal_t reciprocal) {
    return (mr_softmax_quotient(term, reciprocal) + 8) >> 4;
}

// dh of the last layer: the sum over the outputs of weight (Q12) times error (Q20).
static inline int32_t mr_train_head_gradient(int64_t sum, int32_t state_scale) {
    return (int32_t)hls_saturate(mr_scale_down(sum, (uint32_t)(32 - state_scale)), 24);
}

#endif
