// SPDX-License-Identifier: Apache-2.0
// The cells of hls/kernels/train, of 16 units and two sequences at a time, equal to the bit
// (int_lanes.h).
#ifndef MR_INT_CELLS_H
#define MR_INT_CELLS_H

#include "int_lanes.h"

LANES_BEGIN

// c' of lstm_train_cell: (f c 2^4 + i g + 2^19) >> 20
static inline pairs_t pairs_lstm_cell(pairs_t i, pairs_t f, pairs_t g, pairs_t cell) {
    const pairs_t held = pairs_low(f, cell), written = pairs_low(i, g);
    const pairs_t lower = _mm512_slli_epi16(held, 4), sum = pairs_add(lower, written);
    const pairs_t carry = pairs_add(_mm512_srli_epi16(held, 12), pairs_carry(lower, written, sum));
    // (i g >> 16) + carry + 8, with 2^15 more and halved
    const pairs_t half =
        _mm512_avg_epu16(pairs_less(pairs_high(i, g)), pairs_add(carry, pairs_all(7)));
    return _mm512_adds_epi16(pairs_high(f, cell),
                             pairs_sub(_mm512_srli_epi16(half, 3), pairs_all(2048)));
}

// (a b + 2^15) >> 16; a has no sign.
static inline pairs_t pairs_round16(pairs_t a, pairs_t b) {
    return pairs_add(pairs_high(a, b), pairs_top(pairs_low(a, b)));
}

// Gives h; kept: i, f, g, o, c before, tanh of c'.
static inline pairs_t pairs_lstm(const struct lanes_curves *curves, const pairs_t argument[4],
                                 int16_t *cell, int16_t *kept) {
    const pairs_t i = pairs_sigmoid(curves, argument[0]), f = pairs_sigmoid(curves, argument[1]);
    const pairs_t g = pairs_tanh(curves, argument[2]), o = pairs_sigmoid(curves, argument[3]);
    const pairs_t before = pairs_load(cell), next = pairs_lstm_cell(i, f, g, before);
    const pairs_t squash = pairs_tanh(curves, _mm512_adds_epi16(next, next));
    pairs_store(kept, i);
    pairs_store(kept + PAIRS, f);
    pairs_store(kept + 2 * PAIRS, g);
    pairs_store(kept + 3 * PAIRS, o);
    pairs_store(kept + 4 * PAIRS, before);
    pairs_store(kept + 5 * PAIRS, squash);
    pairs_store(cell, next);
    return pairs_round16(o, squash);
}

// Gives dc of the step before.
static inline twice_t pairs_lstm_back(const int16_t *kept, twice_t dh, twice_t dc,
                                      lanes_back_t *back, pairs_t delta[4]) {
    const pairs_t i = pairs_load(kept), f = pairs_load(kept + PAIRS);
    const pairs_t g = pairs_load(kept + 2 * PAIRS), o = pairs_load(kept + 3 * PAIRS);
    const pairs_t cell = pairs_load(kept + 4 * PAIRS), squash = pairs_load(kept + 5 * PAIRS);
    const split_t dh_cut = twice_cut(dh, &back->state);
    const split_t dc_cut =
        twice_cut(twice_add(split_round16(&dh_cut, pairs_by_tanh(o, squash)), dc), &back->state);
    delta[3] =
        lanes_back_delta(&dh_cut, pairs_by_rise(squash, pairs_sigmoid_rise(o)), 0, true, back);
    delta[0] = lanes_back_delta(&dc_cut, pairs_by_rise(g, pairs_sigmoid_rise(i)), 0, true, back);
    delta[1] =
        lanes_back_delta(&dc_cut, pairs_by_rise_twice(cell, pairs_sigmoid_rise(f)), 3, true, back);
    delta[2] = lanes_back_delta(&dc_cut, pairs_by_tanh(i, g), 0, false, back);
    return split_round16(&dc_cut, f);
}

// gru_train_mix: n + ((z (h - n) + 2^15) >> 16)
static inline pairs_t pairs_mix(pairs_t z, pairs_t n, pairs_t h) {
    const pairs_t over_h = pairs_less(h), over_n = pairs_less(n); // without a sign
    const pairs_t low_h = pairs_low(z, over_h), low_n = pairs_low(z, over_n);
    const pairs_t low = pairs_sub(low_h, low_n);
    const pairs_t high = pairs_sub(_mm512_mulhi_epu16(z, over_h), _mm512_mulhi_epu16(z, over_n));
    return pairs_add(pairs_add(n, high),
                     pairs_sub(pairs_top(low), pairs_borrow(low_h, low_n, low)));
}

// n: its sum over x, Q20, with 128 more. kept: r, z, n, n's sum over h, h before.
static inline pairs_t pairs_gru(const struct lanes_curves *curves, pairs_t r_argument,
                                pairs_t z_argument, twice_t n_sum, pairs_t over, pairs_t h,
                                int16_t *kept) {
    const pairs_t r = pairs_sigmoid(curves, r_argument), z = pairs_sigmoid(curves, z_argument);
    const pairs_t less = pairs_less(r);
    // (r over) >> 8
    const lanes_t reset_a =
        _mm512_add_epi32(_mm512_srai_epi32(_mm512_madd_epi16(less, pairs_first(over)), 8),
                         _mm512_srai_epi32(_mm512_slli_epi32(over, 16), 9));
    const lanes_t reset_b =
        _mm512_add_epi32(_mm512_srai_epi32(_mm512_madd_epi16(less, pairs_second(over)), 8),
                         _mm512_srai_epi32(pairs_second(over), 9));
    const pairs_t n =
        pairs_tanh(curves, pairs_of(_mm512_srai_epi32(_mm512_add_epi32(n_sum.a, reset_a), 8),
                                    _mm512_srai_epi32(_mm512_add_epi32(n_sum.b, reset_b), 8)));
    pairs_store(kept, r);
    pairs_store(kept + PAIRS, z);
    pairs_store(kept + 2 * PAIRS, n);
    pairs_store(kept + 3 * PAIRS, over);
    pairs_store(kept + 4 * PAIRS, h);
    return pairs_mix(z, n, h);
}

// (h - n) z (1 - z): in the halves that sequences have, with something in the others.
static inline twice_t twice_by_z(pairs_t z, pairs_t n, pairs_t h) {
    const pairs_t rise = pairs_sigmoid_rise(z);
    const pairs_t first = pairs_first(rise), second = pairs_second(rise);
    const lanes_t half = lanes_all(16384);
    const twice_t by = {
        _mm512_srai_epi32(
            _mm512_sub_epi32(_mm512_dpwssd_epi32(half, h, first), _mm512_madd_epi16(n, first)), 15),
        _mm512_slli_epi32(
            _mm512_sub_epi32(_mm512_dpwssd_epi32(half, h, second), _mm512_madd_epi16(n, second)),
            1)};
    return by;
}

static inline pairs_t pairs_by_z(pairs_t z, pairs_t n, pairs_t h) {
    const twice_t by = twice_by_z(z, n, h);
    return _mm512_mask_blend_epi16(0xaaaaaaaa, by.a, by.b);
}

// (1 - z) (1 - n^2), Q16: below 2^16, for no sigmoid is 0.
static inline pairs_t pairs_by_n(pairs_t z, pairs_t n) {
    const pairs_t square = pairs_square(n);
    const pairs_t both = pairs_add(_mm512_mulhi_epu16(z, square), pairs_top(pairs_low(z, square)));
    return pairs_sub(both, pairs_add(z, square));
}

// r's delta of a GRU where n's sum over h is beyond 4: its factor has more than 16 bits.
static __attribute__((noinline)) twice_t wide_reset(twice_t dn, pairs_t over, pairs_t rise,
                                                    __m128i drop) {
    const lanes_t half = lanes_all(4096);
    const twice_t by = {
        _mm512_slli_epi32(_mm512_srai_epi32(_mm512_dpwssd_epi32(half, over, pairs_first(rise)), 13),
                          1),
        _mm512_slli_epi32(
            _mm512_srai_epi32(_mm512_dpwssd_epi32(half, over, pairs_second(rise)), 13), 1)};
    return twice_delta(dn, by, drop);
}

static inline twice_t pairs_gru_back(const int16_t *kept, twice_t dh, lanes_back_t *back,
                                     pairs_t delta[4]) {
    const pairs_t r = pairs_load(kept), z = pairs_load(kept + PAIRS);
    const pairs_t n = pairs_load(kept + 2 * PAIRS), over = pairs_load(kept + 3 * PAIRS);
    const pairs_t h = pairs_load(kept + 4 * PAIRS), rise = pairs_sigmoid_rise(r);
    const split_t cut = twice_cut(dh, &back->state);
    const pairs_t by_n = pairs_by_n(z, n);
    const split_t dn = split_of(split_round16(&cut, by_n));
    if (__builtin_expect(_mm512_cmpgt_epu16_mask(_mm512_abs_epi16(over), pairs_all(16383)) == 0, 1))
        delta[0] = lanes_back_delta(&dn, pairs_by_rise_twice(_mm512_slli_epi16(over, 1), rise), 1,
                                    true, back);
    else
        delta[0] = deltas_of(wide_reset(dn.whole, over, rise, back->drop), back);
    delta[1] = lanes_back_delta(&cut, pairs_by_z(z, n, h), 0, true, back);
    delta[2] = lanes_back_delta(&cut, by_n, 0, false, back);
    delta[3] = lanes_back_delta(&dn, r, 0, false, back);
    return split_round16(&cut, z);
}

// gru_reset_first_train_gates: gives r h. kept: r, z, n, -, h before.
static inline pairs_t pairs_first_gates(const struct lanes_curves *curves, pairs_t r_argument,
                                        pairs_t z_argument, pairs_t h, int16_t *kept) {
    const pairs_t r = pairs_sigmoid(curves, r_argument);
    pairs_store(kept, r);
    pairs_store(kept + PAIRS, pairs_sigmoid(curves, z_argument));
    pairs_store(kept + 4 * PAIRS, h);
    return pairs_round16(r, h);
}

static inline pairs_t pairs_first_state(const struct lanes_curves *curves, pairs_t argument,
                                        int16_t *kept) {
    const pairs_t n = pairs_tanh(curves, argument);
    pairs_store(kept + 2 * PAIRS, n);
    return pairs_mix(pairs_load(kept + PAIRS), n, pairs_load(kept + 4 * PAIRS));
}

static inline twice_t pairs_first_back(const int16_t *kept, twice_t dh, lanes_back_t *back,
                                       pairs_t delta[4]) {
    const pairs_t z = pairs_load(kept + PAIRS), n = pairs_load(kept + 2 * PAIRS);
    const pairs_t h = pairs_load(kept + 4 * PAIRS);
    const split_t cut = twice_cut(dh, &back->state);
    delta[1] = lanes_back_delta(&cut, pairs_by_z(z, n, h), 0, true, back);
    delta[2] = lanes_back_delta(&cut, pairs_by_n(z, n), 0, false, back);
    return split_round16(&cut, z);
}

// gru_reset_first_train_reset: gives delta 0 and adds to before.
static inline pairs_t pairs_first_reset(const int16_t *kept, twice_t over, twice_t *before,
                                        lanes_back_t *back) {
    const pairs_t r = pairs_load(kept), h = pairs_load(kept + 4 * PAIRS);
    const split_t by = split_of(over);
    *before = twice_add(*before, split_round16(&by, r));
    return lanes_back_delta(&by, pairs_by_rise(h, pairs_sigmoid_rise(r)), 0, true, back);
}

// kept: h.
static inline pairs_t pairs_rnn(const struct lanes_curves *curves, pairs_t argument,
                                int16_t *kept) {
    const pairs_t h = pairs_tanh(curves, argument);
    pairs_store(kept, h);
    return h;
}

static inline pairs_t pairs_rnn_back(const int16_t *kept, twice_t dh, lanes_back_t *back) {
    const split_t cut = twice_cut(dh, &back->state);
    const twice_t square = twice_of(pairs_square(pairs_load(kept)), false);
    const twice_t rise = {_mm512_sub_epi32(lanes_all(65536), square.a),
                          _mm512_sub_epi32(lanes_all(65536), square.b)};
    return deltas_of(twice_delta(cut.whole, rise, back->drop), back);
}

LANES_END

#endif
