// SPDX-License-Identifier: Apache-2.0
// One LSTM unit: from the four gate arguments and the old cell state to the new cell and hidden
// state.
//   c' = sigmoid(f) c + sigmoid(i) tanh(g),  h' = sigmoid(o) tanh(c')
// (Hochreiter and Schmidhuber 1997 with the forget gate of Gers 2000, as in torch.nn.LSTM.)
#ifndef MR_CELLS_LSTM_H
#define MR_CELLS_LSTM_H

#include "activation.h"

// D: cycles from a step's last column to its first new h, for LC columns a cycle: the path through
// one multiplier and the cell, and what the sum over the columns adds (see hlsc's report). The
// host's planner uses it too.
#define lstm_LATENCY(LC)                                                                           \
    (24 + ((LC) == 1 ? 0 : (LC) <= 4 ? (LC) : (LC) <= 8 ? 5 : (LC) <= 16 ? 6 : 7))

enum { LSTM_I, LSTM_F, LSTM_G, LSTM_O, LSTM_GATES };

// arg[gate]: from mr_gate_argument, 20 bits. exponent: 0 to 16. c_old, *c_new: 24 bits in units of
// 2^(exponent - 16), so within +-2^(exponent + 7), saturating. *past: by how many units c' was
// beyond them, 0 where it was not. *h_new: Q15.
static inline void lstm_cell(const int32_t arg[4], int exponent, int32_t c_old, int32_t *c_new,
                             uint32_t *past, int16_t *h_new) {
    const int32_t i = mr_sigmoid(arg[LSTM_I]);
    const int32_t f = mr_sigmoid(arg[LSTM_F]);
    const int32_t g = mr_tanh(arg[LSTM_G]);
    const int32_t o = mr_sigmoid(arg[LSTM_O]);
    // Q31, and the half that rounds; then as many bits as f c has. The floor of a floor is the
    // floor, so c' is the exact sum, rounded once.
    const int64_t written = (int64_t)(2 * i) * g + ((int64_t)16384 << exponent);
    const int64_t c = ((written >> exponent) + (int64_t)f * c_old) >> 15;
    // tanh has reached its end at +-8, the end of its argument.
    const int32_t squashed = mr_tanh((int32_t)hls_saturate(c, 20 - exponent) * (1 << exponent));
    const int64_t high = ((int64_t)1 << 23) - 1;
    const bool above = c > high, below = c < -high - 1;
    *c_new = (int32_t)(above ? high : below ? -high - 1 : c);
    // As the gates are at most 1, c' is at most 1 beyond.
    const uint32_t beyond = (uint32_t)(below ? ~c : c) & ((2u << (16 - exponent)) - 1);
    *past = above || below ? beyond + 1 : 0;
    *h_new = (int16_t)((16384 + o * squashed) >> 15);
}

#endif
