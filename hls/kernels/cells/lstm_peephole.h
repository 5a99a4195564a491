// SPDX-License-Identifier: Apache-2.0
// The LSTM cell with peepholes (Gers and Schmidhuber 2000; the input P of ONNX's LSTM): gates i, f,
// g, o as in lstm.h, of which i and f see the cell state that they find, and o the one that they
// leave:
//   i = sigmoid(sum + p_i c),  f = sigmoid(sum + p_f c),  o = sigmoid(sum + p_o c')
#ifndef MR_CELLS_LSTM_PEEPHOLE_H
#define MR_CELLS_LSTM_PEEPHOLE_H

#include "cells/lstm.h"

#define lstm_peephole_GATES lstm_GATES
#define lstm_peephole_SPLIT 0
#define lstm_peephole_SECOND 0
#define lstm_peephole_HAS_CELL 1
#define lstm_peephole_COUNTS 1
#define lstm_peephole_CONSTANTS 3 // p_i, p_f, p_o

// That of lstm.h, and added to the sums 1; between c' and o p_o c' 3, added to the sum 1.
#define lstm_peephole_LATENCY_OF(gate, g, h, LC)                                                   \
    (15 + MR_MAX(gate, g) + MR_MAX(h, 4 + (gate)) + MR_SUM_LATENCY(LC))
#define lstm_peephole_LATENCY(LC)                                                                  \
    lstm_peephole_LATENCY_OF(MR_TABLE_CYCLES, MR_TABLE_CYCLES, MR_TABLE_CYCLES, LC)

// p c, rounded: Q15. p: 18 bits, 2^(frac + exponent) times what it is, so that the exponent of c is
// in it; frac: 0 to 30.
static inline int64_t lstm_peephole_term(int32_t p, int32_t cell, int frac) {
    return ((int64_t)p * cell + ((int64_t)1 << frac)) >> (frac + 1);
}

// sum: as of lstm.h, of gates Q15.
static inline unit_state_t lstm_peephole_unit_of(mr_place_t gate, mr_place_t to_g, mr_place_t to_h,
                                                 const int64_t sum[lstm_GATES],
                                                 const int32_t constant[lstm_peephole_CONSTANTS],
                                                 int frac, unit_state_t old, int exponent,
                                                 uint32_t *past) {
    uint32_t past_gate = 0, past_g = 0;
    const int64_t of_i = sum[0] + lstm_peephole_term(constant[0], old.cell, frac);
    const int64_t of_f = sum[1] + lstm_peephole_term(constant[1], old.cell, frac);
    const int32_t i = mr_activate(gate, of_i, &past_gate);
    const int32_t f = mr_activate(gate, of_f, &past_gate);
    const int32_t g = mr_activate(to_g, sum[2], &past_g);
    const int64_t c = lstm_cell_of(gate, to_g, i, f, g, old.cell, exponent);
    const int32_t seen = (int32_t)hls_saturate(c, 24);
    const int64_t of_o = sum[3] + lstm_peephole_term(constant[2], seen, frac);
    const int32_t o = mr_activate(gate, of_o, &past_gate);
    return lstm_state_of(gate, to_g, to_h, c, o, exponent, past_gate, past_g, past);
}

static inline unit_state_t lstm_peephole_unit(const int64_t sum[lstm_GATES],
                                              const int32_t constant[lstm_peephole_CONSTANTS],
                                              int frac, unit_state_t old, int exponent,
                                              uint32_t *past) {
    return lstm_peephole_unit_of(mr_own_place(MR_SIGMOID), mr_own_place(MR_TANH),
                                 mr_own_place(MR_TANH), sum, constant, frac, old, exponent, past);
}

#endif
