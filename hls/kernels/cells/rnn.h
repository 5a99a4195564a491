// SPDX-License-Identifier: Apache-2.0
// The plain recurrent cells (Elman 1990; torch.nn.RNN), of one gate:
//   rnn_tanh: h' = tanh(W x + R h + b), or another activation in tanh's place
//   rnn_relu: h' = max(0, W x + R h + b)
#ifndef MR_CELLS_RNN_H
#define MR_CELLS_RNN_H

#include "frame/pace.h"
#include "frame/state.h"
#include "place.h"

#define rnn_tanh_GATES 1
#define rnn_tanh_SPLIT 0
#define rnn_tanh_SECOND 0
#define rnn_tanh_HAS_CELL 0
#define rnn_tanh_COUNTS 0
// Reading h 1, to the tiles 1, operands and product 2, accumulator and bias 1, shift 1, activation
// (place.h; a tanh: saturation and table 2, interpolation 3), writing h 1.
#define rnn_tanh_LATENCY_OF(g, LC) (7 + (g) + MR_SUM_LATENCY(LC))
#define rnn_tanh_LATENCY(LC) rnn_tanh_LATENCY_OF(MR_TABLE_CYCLES, LC)

#define rnn_relu_GATES 1
#define rnn_relu_SPLIT 0
#define rnn_relu_SECOND 0
#define rnn_relu_HAS_CELL 0
#define rnn_relu_COUNTS 1 // relu has no end: an h that does not fit its 16 bits is wrong
// The same up to the shift, then relu and writing h 1.
#define rnn_relu_LATENCY(LC) (7 + MR_SUM_LATENCY(LC))

// sum: Q16, or as its activation has it. h: Q15, or to_g's. *past: by how many units it was beyond.
static inline unit_state_t rnn_tanh_unit_of(mr_place_t gate, mr_place_t to_g, mr_place_t to_h,
                                            const int64_t sum[rnn_tanh_GATES], unit_state_t old,
                                            int exponent, uint32_t *past) {
    unit_state_t unit;
    *past = 0;
    unit.h = (int16_t)mr_activate(to_g, sum[0], past);
    unit.cell = 0;
    (void)gate;
    (void)to_h;
    (void)old;
    (void)exponent;
    return unit;
}

static inline unit_state_t rnn_tanh_unit(const int64_t sum[rnn_tanh_GATES], unit_state_t old,
                                         int exponent, uint32_t *past) {
    return rnn_tanh_unit_of(mr_own_place(MR_SIGMOID), mr_own_place(MR_TANH), mr_own_place(MR_TANH),
                            sum, old, exponent, past);
}

// sum: in h's own units, of which h has up to 32767. *past: by how many it was beyond, at most
// 2^31 - 32768.
static inline unit_state_t rnn_relu_unit(const int64_t sum[rnn_relu_GATES], unit_state_t old,
                                         int exponent, uint32_t *past) {
    const int64_t most = 32767;
    const bool above = sum[0] > most;
    unit_state_t unit;
    unit.h = (int16_t)(above ? most : sum[0] < 0 ? 0 : sum[0]);
    unit.cell = 0;
    (void)old;
    (void)exponent;
    *past = above ? (uint32_t)(hls_saturate(sum[0], 32) - most) : 0;
    return unit;
}

#endif
