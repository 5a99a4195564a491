// SPDX-License-Identifier: Apache-2.0
// The LSTM cell: gates i, f, g, o.
//   c' = sigmoid(f) c + sigmoid(i) tanh(g),  h' = sigmoid(o) tanh(c')
// (Hochreiter and Schmidhuber 1997 with the forget gate of Gers 2000, as in torch.nn.LSTM.)
#ifndef MR_CELLS_LSTM_H
#define MR_CELLS_LSTM_H

#include "activation.h"
#include "frame/pace.h"
#include "frame/state.h"

#define lstm_GATES 4
#define lstm_SPLIT 0
#define lstm_SECOND 0
#define lstm_HAS_CELL 1
#define lstm_COUNTS 1 // a cell state that does not fit its 24 bits is wrong from then on

// The path through one multiplier and the cell, and what the sum over LC columns adds: reading h 1,
// to the tiles 1, operands and product 2, accumulator and bias 1, shift 1, saturation and table 2,
// interpolation 3, f c + i g 4, saturation and table 2, interpolation 3, o tanh(c) 3, writing h 1.
#define lstm_LATENCY(LC) (24 + MR_SUM_LATENCY(LC))

// c', not cut yet, from gates of Q15. exponent: 0 to 16. The cell state has 24 bits in units of
// 2^(exponent - 16), so within +-2^(exponent + 7). As the gates are at most 1, c' is at most 1
// beyond.
static inline int64_t lstm_cell_of(int32_t i, int32_t f, int32_t g, int32_t cell, int exponent) {
    // Q30, and half of the half that rounds; then Q31, in as many bits as f c has. The floor of a
    // floor is the floor, so c' is the exact sum, rounded once. (Of 2 i, whose lowest bit is zero,
    // a synthesis would not leave product and rounding in one multiplier.)
    const int64_t written = (int64_t)i * g + ((int64_t)8192 << exponent);
    const int64_t c = ((written * 2 >> exponent) + (int64_t)f * cell) >> 15;
    return c;
}

// The new state, c' saturating; *past: by how many units it was beyond. o and h: Q15.
static inline unit_state_t lstm_state_of(int64_t c, int32_t o, int exponent, uint32_t *past) {
    // tanh has reached its end at +-8, the end of its argument.
    const int32_t squashed = mr_tanh((int32_t)hls_saturate(c, 20 - exponent) * (1 << exponent));
    const int64_t high = ((int64_t)1 << 23) - 1;
    const bool above = c > high, below = c < -high - 1;
    const uint32_t beyond = (uint32_t)(below ? ~c : c) & ((2u << (16 - exponent)) - 1);
    *past = above || below ? beyond + 1 : 0;
    unit_state_t unit;
    unit.cell = (int32_t)(above ? high : below ? -high - 1 : c);
    unit.h = (int16_t)((16384 + o * squashed) >> 15);
    return unit;
}

// sum: Q15 for the sigmoids, Q16 for g's tanh.
static inline unit_state_t lstm_unit_of(bool hard, const int64_t sum[lstm_GATES], unit_state_t old,
                                        int exponent, uint32_t *past) {
    const int32_t i = mr_gate(hard, sum[0]);
    const int32_t f = mr_gate(hard, sum[1]);
    const int32_t g = mr_tanh(mr_argument(sum[2]));
    const int32_t o = mr_gate(hard, sum[3]);
    return lstm_state_of(lstm_cell_of(i, f, g, old.cell, exponent), o, exponent, past);
}

static inline unit_state_t lstm_unit(const int64_t sum[lstm_GATES], unit_state_t old, int exponent,
                                     uint32_t *past) {
    return lstm_unit_of(false, sum, old, exponent, past);
}

// With hard gates (frame/layer.h): as HardSigmoid has it once its factor and offset stand in the
// weights.
static inline unit_state_t lstm_unit_hard(const int64_t sum[lstm_GATES], unit_state_t old,
                                          int exponent, uint32_t *past) {
    return lstm_unit_of(true, sum, old, exponent, past);
}

#endif
