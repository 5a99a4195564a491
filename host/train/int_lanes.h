// SPDX-License-Identifier: Apache-2.0
// Sixteen numbers of 32 bits at a time, by AVX-512: the functions of
// hls/kernels/train/fixed_point.h and cells, equal to the bit. Where those calculate with 64 bits,
// these show that 32 are enough, or take the even and the odd numbers one after the other.
#ifndef MR_INT_LANES_H
#define MR_INT_LANES_H

// What stands between these is compiled for such processors; int_fast.c asks before it calls it.
// A pragma takes one text.
// clang-format off
#ifdef __clang__
#    define LANES_BEGIN \
        _Pragma("clang attribute push(__attribute__((target(\"avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx512vnni\"))), apply_to = function)")
#    define LANES_END _Pragma("clang attribute pop")
#else
#    define LANES_BEGIN _Pragma("GCC push_options") \
        _Pragma("GCC target(\"avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx512vnni\")")
#    define LANES_END _Pragma("GCC pop_options")
#endif
// clang-format on

#include "train/train_tables.h"

#include <immintrin.h>
#include <stdint.h>

LANES_BEGIN

typedef __m512i lanes_t;

enum { LANES = 16 };

static inline lanes_t lanes_all(int32_t x) {
    return _mm512_set1_epi32(x);
}

static inline lanes_t lanes_clamp(lanes_t x, int32_t low, int32_t high) {
    return _mm512_min_epi32(_mm512_max_epi32(x, lanes_all(low)), lanes_all(high));
}

// 16 numbers of 16 bits, with a sign and without.
static inline lanes_t lanes_load(const int16_t *from) {
    return _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)from));
}

static inline lanes_t lanes_load_unsigned(const int16_t *from) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)from));
}

static inline void lanes_store(int16_t *to, lanes_t x) {
    _mm256_storeu_si256((__m256i *)to, _mm512_cvtepi32_epi16(x));
}

// Two rows of 16 bits side by side: a in the lower halves.
static inline lanes_t lanes_pair(lanes_t a, lanes_t b) {
    return _mm512_mask_blend_epi16(0xaaaaaaaa, a, _mm512_slli_epi32(b, 16));
}

// mr_train_argument, of the sum cut to Q20 and the bias.
static inline lanes_t lanes_argument(lanes_t sum) {
    return lanes_clamp(_mm512_srai_epi32(_mm512_add_epi32(sum, lanes_all(128)), 8), -32768, 32767);
}

// A table of 128 numbers at segments of arguments.
static inline lanes_t lanes_base(const int32_t *table, lanes_t segment) {
    const lanes_t *t = (const lanes_t *)table;
    const __mmask16 upper = _mm512_test_epi32_mask(segment, lanes_all(64));
    const __mmask16 second = _mm512_test_epi32_mask(segment, lanes_all(32));
    const lanes_t a =
        _mm512_permutex2var_epi32(_mm512_loadu_si512(t), segment, _mm512_loadu_si512(t + 1));
    const lanes_t b =
        _mm512_permutex2var_epi32(_mm512_loadu_si512(t + 2), segment, _mm512_loadu_si512(t + 3));
    const lanes_t c =
        _mm512_permutex2var_epi32(_mm512_loadu_si512(t + 4), segment, _mm512_loadu_si512(t + 5));
    const lanes_t d =
        _mm512_permutex2var_epi32(_mm512_loadu_si512(t + 6), segment, _mm512_loadu_si512(t + 7));
    return _mm512_mask_blend_epi32(upper, _mm512_mask_blend_epi32(second, a, b),
                                   _mm512_mask_blend_epi32(second, c, d));
}

// slope times fraction; the upper halves of what the permutation gives are multiplied by 0.
static inline lanes_t lanes_rise(const int16_t *table, lanes_t segment, lanes_t fraction) {
    const lanes_t *t = (const lanes_t *)table;
    const __mmask16 upper = _mm512_test_epi32_mask(segment, lanes_all(64));
    const lanes_t a =
        _mm512_permutex2var_epi16(_mm512_loadu_si512(t), segment, _mm512_loadu_si512(t + 1));
    const lanes_t b =
        _mm512_permutex2var_epi16(_mm512_loadu_si512(t + 2), segment, _mm512_loadu_si512(t + 3));
    return _mm512_madd_epi16(_mm512_mask_blend_epi32(upper, a, b), fraction);
}

static inline lanes_t lanes_line(const int32_t *base, const int16_t *slope, lanes_t argument,
                                 int32_t half) {
    const lanes_t segment = _mm512_xor_si512(
        _mm512_and_si512(_mm512_srai_epi32(argument, 9), lanes_all(127)), lanes_all(64));
    const lanes_t fraction = _mm512_and_si512(argument, lanes_all(511));
    return _mm512_add_epi32(
        _mm512_add_epi32(_mm512_slli_epi32(lanes_base(base, segment), 9), lanes_all(half)),
        lanes_rise(slope, segment, fraction));
}

static inline lanes_t lanes_sigmoid(lanes_t argument) {
    return _mm512_srai_epi32(
        lanes_line(mr_train_sigmoid_base, mr_train_sigmoid_slope, argument, 512), 10);
}

static inline lanes_t lanes_tanh(lanes_t argument) {
    return _mm512_srai_epi32(lanes_line(mr_train_tanh_base, mr_train_tanh_slope, argument, 1024),
                             11);
}

static inline lanes_t lanes_times(lanes_t a, lanes_t b) {
    return _mm512_mullo_epi32(a, b);
}

// (a b + 2^15) >> 16 of products below 2^32 without a sign, and below 2^31 with one.
static inline lanes_t lanes_times_unsigned16(lanes_t a, lanes_t b) {
    return _mm512_srli_epi32(_mm512_add_epi32(lanes_times(a, b), lanes_all(32768)), 16);
}

static inline lanes_t lanes_round(lanes_t x, int shift) {
    return _mm512_srai_epi32(_mm512_add_epi32(x, lanes_all(1 << (shift - 1))), (unsigned)shift);
}

// y (1 - y) and 1 - y^2, Q16.
static inline lanes_t lanes_sigmoid_rise(lanes_t y) {
    return lanes_times_unsigned16(y, _mm512_sub_epi32(lanes_all(65536), y));
}

static inline lanes_t lanes_tanh_rise(lanes_t y) {
    return _mm512_srai_epi32(_mm512_sub_epi32(lanes_all(1 << 30), lanes_times(y, y)), 14);
}

static inline lanes_t lanes_magnitude(lanes_t x) {
    return _mm512_xor_si512(x, _mm512_srai_epi32(x, 31));
}

// Products of 64 bits, of the even lanes and of the odd ones.
typedef struct {
    lanes_t even, odd;
} lanes_wide_t;

static inline lanes_wide_t lanes_wide(lanes_t a, lanes_t b) {
    const lanes_wide_t p = {
        _mm512_mul_epi32(a, b),
        _mm512_mul_epi32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32)),
    };
    return p;
}

// (p + 2^15) >> 16 of products below 2^47.
static inline lanes_t lanes_wide_round16(lanes_wide_t p) {
    const lanes_t half = _mm512_set1_epi64(32768);
    const lanes_t even = _mm512_srli_epi64(_mm512_add_epi64(p.even, half), 16);
    const lanes_t odd = _mm512_slli_epi64(_mm512_add_epi64(p.odd, half), 16);
    return _mm512_mask_blend_epi32(0xaaaa, even, odd);
}

// p >> drop, within 32 bits.
static inline lanes_t lanes_wide_drop(lanes_wide_t p, __m128i drop) {
    const lanes_t high = _mm512_set1_epi64(INT32_MAX), low = _mm512_set1_epi64(INT32_MIN);
    const lanes_t even =
        _mm512_min_epi64(_mm512_max_epi64(_mm512_sra_epi64(p.even, drop), low), high);
    const lanes_t odd =
        _mm512_min_epi64(_mm512_max_epi64(_mm512_sra_epi64(p.odd, drop), low), high);
    return _mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32));
}

// The end of mr_scale_down, whose other shifts are done.
static inline lanes_t lanes_halve(lanes_t x) {
    return _mm512_add_epi32(_mm512_srai_epi32(x, 1), _mm512_and_si512(x, lanes_all(1)));
}

// mr_train_delta; drop: its shift - 1.
static inline lanes_t lanes_delta(lanes_wide_t p, __m128i drop, lanes_t *seen) {
    const lanes_t delta =
        _mm512_min_epi32(lanes_halve(lanes_wide_drop(p, drop)), lanes_all((1 << 30) - 1));
    *seen = _mm512_or_si512(*seen, lanes_magnitude(delta));
    return lanes_clamp(delta, -32767, 32767);
}

// mr_train_cut
static inline lanes_t lanes_cut(lanes_t x, lanes_t *seen) {
    *seen = _mm512_or_si512(*seen, lanes_magnitude(x));
    return lanes_clamp(x, -8388608, 8388607);
}

// ---- cells

// What a cell keeps of a unit and step, each 16 numbers of 16 bits side by side.
enum { KEPT = 6 };

// c' of lstm_train_cell: floor((f c + (i g >> 4) + 2^15) / 2^16), of whose terms halves are added.
static inline lanes_t lanes_lstm_cell(lanes_t i, lanes_t f, lanes_t g, lanes_t cell) {
    const lanes_t held = lanes_times(f, cell);
    const lanes_t written = _mm512_srai_epi32(lanes_times(i, g), 4);
    const lanes_t both = _mm512_and_si512(_mm512_and_si512(held, written), lanes_all(1));
    const lanes_t half = _mm512_add_epi32(
        _mm512_add_epi32(_mm512_srai_epi32(held, 1), _mm512_srai_epi32(written, 1)), both);
    return lanes_clamp(lanes_round(half, 15), -32768, 32767);
}

// sum: cut to Q20, with their biases. Gives h; kept: i, f, g, o, c before, tanh of c'.
static inline lanes_t lanes_lstm(const lanes_t sum[4], int16_t *cell, int16_t *kept) {
    const lanes_t i = lanes_sigmoid(lanes_argument(sum[0]));
    const lanes_t f = lanes_sigmoid(lanes_argument(sum[1]));
    const lanes_t g = lanes_tanh(lanes_argument(sum[2]));
    const lanes_t o = lanes_sigmoid(lanes_argument(sum[3]));
    const lanes_t before = lanes_load(cell);
    const lanes_t next = lanes_lstm_cell(i, f, g, before);
    const lanes_t squash = lanes_tanh(lanes_clamp(_mm512_slli_epi32(next, 1), -32768, 32767));
    lanes_store(kept, i);
    lanes_store(kept + 16, f);
    lanes_store(kept + 32, g);
    lanes_store(kept + 48, o);
    lanes_store(kept + 64, before);
    lanes_store(kept + 80, squash);
    lanes_store(cell, next);
    return lanes_round(lanes_times(o, squash), 16);
}

typedef struct {
    __m128i drop; // mr_train_cell_shift - 1
    lanes_t seen_state, seen_delta;
} lanes_back_t;

// Gives dc of the step before.
static inline lanes_t lanes_lstm_back(const int16_t *kept, lanes_t dh, lanes_t dc,
                                      lanes_back_t *back, lanes_t delta[4]) {
    const lanes_t i = lanes_load_unsigned(kept), f = lanes_load_unsigned(kept + 16);
    const lanes_t g = lanes_load(kept + 32), o = lanes_load_unsigned(kept + 48);
    const lanes_t cell = lanes_load(kept + 64), squash = lanes_load(kept + 80);
    const lanes_t by_i = lanes_round(lanes_times(g, lanes_sigmoid_rise(i)), 15);
    const lanes_t by_f =
        _mm512_slli_epi32(lanes_round(lanes_times(cell, lanes_sigmoid_rise(f)), 14), 3);
    const lanes_t by_g = lanes_times_unsigned16(i, lanes_tanh_rise(g));
    const lanes_t by_o = lanes_round(lanes_times(squash, lanes_sigmoid_rise(o)), 15);
    const lanes_t by_c = lanes_times_unsigned16(o, lanes_tanh_rise(squash));
    const lanes_t dh_cut = lanes_cut(dh, &back->seen_state);
    const lanes_t dc_cut = lanes_cut(
        _mm512_add_epi32(lanes_wide_round16(lanes_wide(dh_cut, by_c)), dc), &back->seen_state);
    delta[0] = lanes_delta(lanes_wide(dc_cut, by_i), back->drop, &back->seen_delta);
    delta[1] = lanes_delta(lanes_wide(dc_cut, by_f), back->drop, &back->seen_delta);
    delta[2] = lanes_delta(lanes_wide(dc_cut, by_g), back->drop, &back->seen_delta);
    delta[3] = lanes_delta(lanes_wide(dh_cut, by_o), back->drop, &back->seen_delta);
    return lanes_wide_round16(lanes_wide(dc_cut, f));
}

// gru_train_mix: z (h - n) is below 2^32, so the even and the odd lanes are apart.
static inline lanes_t lanes_mix(lanes_t z, lanes_t n, lanes_t h) {
    return _mm512_add_epi32(n, lanes_wide_round16(lanes_wide(z, _mm512_sub_epi32(h, n))));
}

// kept: r, z, n, n's sum over h, h before.
static inline lanes_t lanes_gru(const lanes_t sum[4], lanes_t h, int16_t *kept) {
    const lanes_t r = lanes_sigmoid(lanes_argument(sum[0]));
    const lanes_t z = lanes_sigmoid(lanes_argument(sum[1]));
    const lanes_t over = lanes_argument(sum[3]);
    const lanes_t reset = _mm512_srai_epi32(lanes_times(r, over), 8);
    const lanes_t n = lanes_tanh(lanes_argument(_mm512_add_epi32(sum[2], reset)));
    lanes_store(kept, r);
    lanes_store(kept + 16, z);
    lanes_store(kept + 32, n);
    lanes_store(kept + 48, over);
    lanes_store(kept + 64, h);
    return lanes_mix(z, n, h);
}

static inline lanes_t lanes_by_z(lanes_t z, lanes_t n, lanes_t h) {
    return lanes_round(lanes_times(_mm512_sub_epi32(h, n), lanes_sigmoid_rise(z)), 15);
}

static inline lanes_t lanes_by_n(lanes_t z, lanes_t n) {
    // (65536 - z) is at least 1, and (1 - n^2) at most 2^16 where n is 0: below 2^32 but for z 0
    // and n 0, whose factor is 2^16.
    const lanes_t rest = _mm512_sub_epi32(lanes_all(65536), z), rise = lanes_tanh_rise(n);
    return lanes_wide_round16(lanes_wide(rest, rise));
}

static inline lanes_t lanes_gru_back(const int16_t *kept, lanes_t dh, lanes_back_t *back,
                                     lanes_t delta[4]) {
    const lanes_t r = lanes_load_unsigned(kept), z = lanes_load_unsigned(kept + 16);
    const lanes_t n = lanes_load(kept + 32), over = lanes_load(kept + 48);
    const lanes_t h = lanes_load(kept + 64);
    const lanes_t cut = lanes_cut(dh, &back->seen_state);
    const lanes_t by_r = lanes_round(lanes_times(over, lanes_sigmoid_rise(r)), 13);
    const lanes_wide_t dn = lanes_wide(cut, lanes_by_n(z, n));
    const lanes_t dn_cut = lanes_wide_round16(dn);
    delta[0] =
        lanes_delta(lanes_wide(dn_cut, _mm512_slli_epi32(by_r, 1)), back->drop, &back->seen_delta);
    delta[1] = lanes_delta(lanes_wide(cut, lanes_by_z(z, n, h)), back->drop, &back->seen_delta);
    delta[2] = lanes_delta(dn, back->drop, &back->seen_delta);
    delta[3] = lanes_delta(lanes_wide(dn_cut, r), back->drop, &back->seen_delta);
    return lanes_wide_round16(lanes_wide(cut, z));
}

// gru_reset_first_train_gates: gives r h. kept: r, z, n, -, h before.
static inline lanes_t lanes_first_gates(const lanes_t sum[2], lanes_t h, int16_t *kept) {
    const lanes_t r = lanes_sigmoid(lanes_argument(sum[0]));
    lanes_store(kept, r);
    lanes_store(kept + 16, lanes_sigmoid(lanes_argument(sum[1])));
    lanes_store(kept + 64, h);
    return lanes_round(lanes_times(r, h), 16);
}

static inline lanes_t lanes_first(lanes_t sum, int16_t *kept) {
    const lanes_t n = lanes_tanh(lanes_argument(sum));
    lanes_store(kept + 32, n);
    return lanes_mix(lanes_load_unsigned(kept + 16), n, lanes_load(kept + 64));
}

static inline lanes_t lanes_first_back(const int16_t *kept, lanes_t dh, lanes_back_t *back,
                                       lanes_t delta[4]) {
    const lanes_t z = lanes_load_unsigned(kept + 16), n = lanes_load(kept + 32);
    const lanes_t h = lanes_load(kept + 64);
    const lanes_t cut = lanes_cut(dh, &back->seen_state);
    delta[1] = lanes_delta(lanes_wide(cut, lanes_by_z(z, n, h)), back->drop, &back->seen_delta);
    delta[2] = lanes_delta(lanes_wide(cut, lanes_by_n(z, n)), back->drop, &back->seen_delta);
    return lanes_wide_round16(lanes_wide(cut, z));
}

// gru_reset_first_train_reset: gives delta 0 and adds to before.
static inline lanes_t lanes_first_reset(const int16_t *kept, lanes_t over, lanes_t *before,
                                        lanes_back_t *back) {
    const lanes_t r = lanes_load_unsigned(kept), h = lanes_load(kept + 64);
    const lanes_t by_r = lanes_round(lanes_times(h, lanes_sigmoid_rise(r)), 15);
    *before = _mm512_add_epi32(*before, lanes_wide_round16(lanes_wide(over, r)));
    return lanes_delta(lanes_wide(over, by_r), back->drop, &back->seen_delta);
}

// kept: h.
static inline lanes_t lanes_rnn(lanes_t sum, int16_t *kept) {
    const lanes_t h = lanes_tanh(lanes_argument(sum));
    lanes_store(kept, h);
    return h;
}

static inline void lanes_rnn_back(const int16_t *kept, lanes_t dh, lanes_back_t *back,
                                  lanes_t delta[4]) {
    const lanes_t cut = lanes_cut(dh, &back->seen_state);
    delta[0] = lanes_delta(lanes_wide(cut, lanes_tanh_rise(lanes_load(kept))), back->drop,
                           &back->seen_delta);
}

LANES_END

#endif
