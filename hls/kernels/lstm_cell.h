// SPDX-License-Identifier: Apache-2.0
// One LSTM unit: from the four gate arguments and the old cell state to the new cell and hidden
// state.
//   c' = sigmoid(f) c + sigmoid(i) tanh(g),  h' = sigmoid(o) tanh(c')
// (Hochreiter and Schmidhuber 1997 with the forget gate of Gers 2000, as in torch.nn.LSTM.)
#ifndef MR_LSTM_CELL_H
#define MR_LSTM_CELL_H

#include "activation.h"

enum { LSTM_I, LSTM_F, LSTM_G, LSTM_O, LSTM_GATES };

// arg[gate]: from mr_gate_argument, 20 bits. c_old, *c_new: 24 bits, `fraction` (0 to 16) of them
// behind the point, saturating. *past: by how many units c' was beyond them, 0 where it was not.
// *h_new: Q15.
static inline void lstm_cell(const int32_t arg[4], int fraction, int32_t c_old, int32_t *c_new,
                             uint32_t *past, int16_t *h_new) {
    const int32_t i = mr_sigmoid(arg[LSTM_I]);
    const int32_t f = mr_sigmoid(arg[LSTM_F]);
    const int32_t g = mr_tanh(arg[LSTM_G]);
    const int32_t o = mr_sigmoid(arg[LSTM_O]);
    // Q31, and the half that rounds; then as many bits as f c has. The floor of a floor is the
    // floor, so c' is the exact sum, rounded once.
    const int64_t written = (int64_t)(2 * i) * g + ((int64_t)16384 << (16 - fraction));
    const int64_t c = ((written >> (16 - fraction)) + (int64_t)f * c_old) >> 15;
    // tanh has reached its end at +-8, the end of its argument.
    const int32_t squashed =
        mr_tanh((int32_t)hls_saturate(c, 4 + fraction) * (1 << (16 - fraction)));
    const int64_t high = ((int64_t)1 << 23) - 1;
    const bool above = c > high, below = c < -high - 1;
    *c_new = (int32_t)(above ? high : below ? -high - 1 : c);
    // As the gates are at most 1, c' is at most 1 beyond.
    const uint32_t beyond = (uint32_t)(below ? ~c : c) & ((2u << fraction) - 1);
    *past = above || below ? beyond + 1 : 0;
    *h_new = (int16_t)((16384 + o * squashed) >> 15);
}

#endif
