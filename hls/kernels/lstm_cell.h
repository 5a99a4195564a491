// SPDX-License-Identifier: Apache-2.0
// One LSTM unit: from the four gate arguments and the old cell state to the new cell and hidden
// state.
//   c' = sigmoid(f) c + sigmoid(i) tanh(g),  h' = sigmoid(o) tanh(c')
// (Hochreiter and Schmidhuber 1997 with the forget gate of Gers 2000, as in torch.nn.LSTM.)
#ifndef MR_LSTM_CELL_H
#define MR_LSTM_CELL_H

#include "activation.h"

enum { LSTM_I, LSTM_F, LSTM_G, LSTM_O, LSTM_GATES };

// arg[gate]: from mr_gate_argument, 20 bits. c_old, *c_new: Q16, 24 bits, saturating. *h_new: Q15.
static inline void lstm_cell(const int32_t arg[4], int32_t c_old, int32_t *c_new, int16_t *h_new) {
    const int32_t i = mr_sigmoid(arg[LSTM_I]);
    const int32_t f = mr_sigmoid(arg[LSTM_F]);
    const int32_t g = mr_tanh(arg[LSTM_G]);
    const int32_t o = mr_sigmoid(arg[LSTM_O]);
    const int64_t written = (int64_t)(2 * i) * g + 16384; // Q31, and the half that rounds to Q16
    const int64_t c = (written + (int64_t)f * c_old) >> 15;
    const int32_t squashed = mr_tanh((int32_t)hls_saturate(c, 20));
    *c_new = (int32_t)hls_saturate(c, 24);
    *h_new = (int16_t)((16384 + o * squashed) >> 15);
}

#endif
