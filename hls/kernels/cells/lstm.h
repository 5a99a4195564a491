// SPDX-License-Identifier: Apache-2.0
// The LSTM cell: gates i, f, g, o.
//   c' = sigmoid(f) c + sigmoid(i) tanh(g),  h' = sigmoid(o) tanh(c')
// (Hochreiter and Schmidhuber 1997 with the forget gate of Gers 2000, as in torch.nn.LSTM.)
#ifndef MR_CELLS_LSTM_H
#define MR_CELLS_LSTM_H

#include "frame/pace.h"
#include "frame/state.h"
#include "place.h"

#define lstm_GATES 4
#define lstm_SPLIT 0
#define lstm_SECOND 0
#define lstm_HAS_CELL 1
#define lstm_COUNTS 1 // a cell state that does not fit its 24 bits is wrong from then on

// The path through one multiplier and the cell, and what the sum over LC columns adds: reading h 1,
// to the tiles 1, operands and product 2, accumulator and bias 1, shift 1, activation (place.h; a
// sigmoid: saturation and table 2, interpolation 3), f c + i g 4, activation, o tanh(c) 3, writing
// h 1.
#define lstm_LATENCY_OF(gate, g, h, LC) (14 + MR_MAX(gate, g) + (h) + MR_SUM_LATENCY(LC))
#define lstm_LATENCY(LC) lstm_LATENCY_OF(MR_TABLE_CYCLES, MR_TABLE_CYCLES, MR_TABLE_CYCLES, LC)

// c', not cut yet, of what the gates give. exponent: 0 to 16. The cell state has 24 bits in units
// of 2^(exponent - 16), so within +-2^(exponent + 7).
static inline int64_t lstm_cell_of(mr_place_t gate, mr_place_t to_g, int32_t i, int32_t f,
                                   int32_t g, int32_t cell, int exponent) {
    // i g has half of the half that rounds in it, Q30 where both are Q15, and then as many bits as
    // f c has. The floor of a floor is the floor, so c' is the exact sum, rounded once. (Of 2 i,
    // whose lowest bit is zero, a synthesis would not leave product and rounding in one
    // multiplier.)
    const int64_t written =
        (int64_t)i * g + ((int64_t)1 << (gate.frac - 1 + to_g.frac + exponent - 16));
    const int64_t c =
        ((written * (1 << (16 - to_g.frac)) >> exponent) + (int64_t)f * cell) >> gate.frac;
    return c;
}

// What the third activation takes of the cell state, which is c before it is cut to the 24 bits of
// `cut`: a number of 24 bits with the fraction bits of the state, of a function that has no end,
// else Q15.
static inline int64_t lstm_squashed(mr_place_t h, int64_t c, int64_t cut, int exponent) {
    if (MR_IS_OPEN(h.kind))
        return mr_activate_open(h, mr_clip(h, cut), 16 - exponent, 16 - exponent);
    // A tanh has reached its end at +-8, the end of its argument, a softsign at +-2^16.
    const int bits = h.kind == MR_SOFTSIGN ? 33 : h.kind == MR_TANH ? 20 : 21;
    const int64_t fine = hls_saturate(c, bits - exponent) * ((int64_t)1 << exponent); // Q16
    const bool half = MR_ARGUMENT_FRAC(h.kind, 15) == 15;
    const int64_t arg = h.in_shift ? (cut * h.in_factor + h.in_offset) >> h.in_shift
                        : half     ? (fine + 1) >> 1
                                   : fine;
    return mr_activate_ended(h, mr_clip(h, arg));
}

// The new state, c' saturating. o: as gates are; h: Q15, or as to_h has it. *past: by how many
// units of c' it was beyond, and other values that were cut, of which it gets those of the gates
// (past_gate) and of g.
static inline unit_state_t lstm_state_of(mr_place_t gate, mr_place_t to_g, mr_place_t to_h,
                                         int64_t c, int32_t o, int exponent, uint32_t past_gate,
                                         uint32_t past_g, uint32_t *past) {
    const int frac = 16 - exponent;
    const int64_t high = ((int64_t)1 << 23) - 1;
    const bool above = c > high, below = c < -high - 1;
    const int64_t cut = above ? high : below ? -high - 1 : c;
    const int64_t squashed = lstm_squashed(to_h, c, cut, exponent);
    const int down = gate.frac + (MR_IS_OPEN(to_h.kind) ? frac : 15) - to_h.frac;
    const int64_t h = (((int64_t)1 << (down - 1)) + o * squashed) >> down;
    unit_state_t unit;
    unit.cell = (int32_t)cut;
    if (MR_IS_OPEN(gate.kind) || MR_IS_OPEN(to_g.kind) || MR_IS_OPEN(to_h.kind) ||
        gate.frac != 15 || to_g.frac != 15 || to_h.frac != 15) {
        uint32_t past_h = 0, past_c = 0;
        unit.h = (int16_t)mr_keep(h, 16, &past_h);
        (void)mr_keep(c, 24, &past_c);
        *past = past_c + mr_past_in(past_gate, gate.frac, frac) +
                mr_past_in(past_g, to_g.frac, frac) + mr_past_in(past_h, to_h.frac, frac);
    } else {
        // As the gates are at most 1, c' is at most 1 beyond.
        const uint32_t beyond = (uint32_t)(below ? ~c : c) & ((2u << (16 - exponent)) - 1);
        *past = above || below ? beyond + 1 : 0;
        unit.h = (int16_t)h;
    }
    return unit;
}

// sum: of sigmoids Q15, of g's tanh Q16, or as their activations have it (formats.h).
static inline unit_state_t lstm_unit_of(mr_place_t gate, mr_place_t to_g, mr_place_t to_h,
                                        const int64_t sum[lstm_GATES], unit_state_t old,
                                        int exponent, uint32_t *past) {
    uint32_t past_gate = 0, past_g = 0;
    const int32_t i = mr_activate(gate, sum[0], &past_gate);
    const int32_t f = mr_activate(gate, sum[1], &past_gate);
    const int32_t g = mr_activate(to_g, sum[2], &past_g);
    const int32_t o = mr_activate(gate, sum[3], &past_gate);
    const int64_t c = lstm_cell_of(gate, to_g, i, f, g, old.cell, exponent);
    return lstm_state_of(gate, to_g, to_h, c, o, exponent, past_gate, past_g, past);
}

static inline unit_state_t lstm_unit(const int64_t sum[lstm_GATES], unit_state_t old, int exponent,
                                     uint32_t *past) {
    return lstm_unit_of(mr_own_place(MR_SIGMOID), mr_own_place(MR_TANH), mr_own_place(MR_TANH), sum,
                        old, exponent, past);
}

#endif
