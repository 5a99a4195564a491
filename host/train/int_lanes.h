// SPDX-License-Identifier: Apache-2.0
// Sixteen numbers of 32 bits at a time, or 32 of 16 bits, by AVX-512: the functions of
// hls/kernels/train/fixed_point.h and cells, equal to the bit. Where those calculate with 64 bits,
// these show that less is enough, or take the even and the odd numbers one after the other.
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
#include <stdbool.h>
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

static inline lanes_t lanes_times(lanes_t a, lanes_t b) {
    return _mm512_mullo_epi32(a, b);
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

// ---- numbers of 16 bits, of two sequences side by side: in dword u those of unit u

typedef __m512i pairs_t;

enum { PAIRS = 32 };

static inline pairs_t pairs_all(int16_t x) {
    return _mm512_set1_epi16(x);
}

static inline pairs_t pairs_load(const int16_t *from) {
    return _mm512_loadu_si512(from);
}

static inline void pairs_store(int16_t *to, pairs_t x) {
    _mm512_storeu_si512(to, x);
}

// Of 16 units of each, saturated.
static inline pairs_t pairs_of(lanes_t a, lanes_t b) {
    const __m512i order =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
    return _mm512_shuffle_epi8(_mm512_packs_epi32(a, b), order);
}

// The rows of the two sequences.
static inline void pairs_store_rows(int16_t *a, int16_t *b, pairs_t x) {
    const __m512i order =
        _mm512_set_epi16(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1, 30, 28, 26, 24,
                         22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    const __m512i rows = _mm512_permutexvar_epi16(order, x);
    _mm256_storeu_si256((__m256i *)a, _mm512_castsi512_si256(rows));
    _mm256_storeu_si256((__m256i *)b, _mm512_extracti64x4_epi64(rows, 1));
}

static inline pairs_t pairs_of_rows(const int16_t *a, const int16_t *b) {
    const lanes_t low = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)a));
    const lanes_t high = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)b));
    return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

// One sequence's numbers alone, the other's 0.
static inline pairs_t pairs_first(pairs_t x) {
    return _mm512_and_si512(x, lanes_all(0xffff));
}

static inline pairs_t pairs_second(pairs_t x) {
    return _mm512_andnot_si512(lanes_all(0xffff), x);
}

// The greatest of numbers from 0 on.
static inline int32_t pairs_most(pairs_t x) {
    return _mm512_reduce_max_epi32(
        _mm512_max_epi32(_mm512_and_si512(x, lanes_all(0xffff)), _mm512_srli_epi32(x, 16)));
}

// What has no sign less 2^15.
static inline pairs_t pairs_less(pairs_t x) {
    return _mm512_xor_si512(x, pairs_all(INT16_MIN));
}

// The upper and the lower half of a product; a has no sign, b has one.
static inline pairs_t pairs_high(pairs_t a, pairs_t b) {
    return _mm512_mask_sub_epi16(_mm512_mulhi_epu16(a, b), _mm512_movepi16_mask(b),
                                 _mm512_mulhi_epu16(a, b), a);
}

static inline pairs_t pairs_low(pairs_t a, pairs_t b) {
    return _mm512_mullo_epi16(a, b);
}

static inline pairs_t pairs_top(pairs_t x) { // bit
    return _mm512_srli_epi16(x, 15);
}

static inline pairs_t pairs_add(pairs_t a, pairs_t b) {
    return _mm512_add_epi16(a, b);
}

static inline pairs_t pairs_sub(pairs_t a, pairs_t b) {
    return _mm512_sub_epi16(a, b);
}

// Of a sum or a difference of numbers without a sign, the bit that is carried or borrowed.
static inline pairs_t pairs_carry(pairs_t a, pairs_t b, pairs_t sum) {
    return pairs_top(_mm512_ternarylogic_epi32(a, b, sum, 0xd4));
}

static inline pairs_t pairs_borrow(pairs_t a, pairs_t b, pairs_t difference) {
    return pairs_top(_mm512_ternarylogic_epi32(a, b, difference, 0x8e));
}

// An activation by 128 segments, in the order of an argument's upper bits: the value at a segment's
// start with its half, cut to a whole number, and the rise with the bits that were cut above.
struct lanes_curve {
    uint16_t start[128], rise[128];
};

struct lanes_curves {
    struct lanes_curve sigmoid, tanh;
};

// cut: bits behind those of the value.
static inline void lanes_make_curve(struct lanes_curve *to, const int32_t *base,
                                    const int16_t *slope, int cut) {
    for (int s = 0; s < 128; s++) {
        const int32_t at = base[s ^ 64] + (1 << (cut - 1));
        to->start[s] = (uint16_t)(at >> cut);
        to->rise[s] = (uint16_t)(slope[s ^ 64] | (at & ((1 << cut) - 1)) << 14);
    }
}

static inline void lanes_make_curves(struct lanes_curves *curves) {
    lanes_make_curve(&curves->sigmoid, mr_train_sigmoid_base, mr_train_sigmoid_slope, 1);
    lanes_make_curve(&curves->tanh, mr_train_tanh_base, mr_train_tanh_slope, 2);
}

static inline pairs_t pairs_look_up(const uint16_t *table, pairs_t segment, __mmask32 odd,
                                    __mmask32 negative) {
    pairs_t x = _mm512_permutexvar_epi16(segment, _mm512_load_si512(table));
    x = _mm512_mask_permutexvar_epi16(x, odd, segment, _mm512_load_si512(table + 32));
    x = _mm512_mask_permutexvar_epi16(x, negative, segment, _mm512_load_si512(table + 64));
    return _mm512_mask_permutexvar_epi16(x, negative & odd, segment, _mm512_load_si512(table + 96));
}

static inline pairs_t pairs_curve(const struct lanes_curve *curve, pairs_t argument, unsigned cut) {
    const pairs_t segment = _mm512_srli_epi16(argument, 9);
    const __mmask32 negative = _mm512_movepi16_mask(argument);
    const __mmask32 odd = _mm512_test_epi16_mask(argument, pairs_all(1 << 14));
    const pairs_t start = pairs_look_up(curve->start, segment, odd, negative);
    const pairs_t both = pairs_look_up(curve->rise, segment, odd, negative);
    const pairs_t rise = _mm512_and_si512(both, pairs_all((1 << 14) - 1));
    const pairs_t risen = _mm512_mulhi_epu16(rise, _mm512_slli_epi16(argument, 7));
    return pairs_add(start, _mm512_srli_epi16(pairs_add(_mm512_srli_epi16(both, 14), risen), cut));
}

static inline pairs_t pairs_sigmoid(const struct lanes_curves *curves, pairs_t argument) {
    return pairs_curve(&curves->sigmoid, argument, 1);
}

static inline pairs_t pairs_tanh(const struct lanes_curves *curves, pairs_t argument) {
    return pairs_curve(&curves->tanh, argument, 2);
}

// y (1 - y), Q16, 2^14 at most.
static inline pairs_t pairs_sigmoid_rise(pairs_t y) {
    const pairs_t rest = pairs_sub(_mm512_setzero_si512(), y);
    return pairs_add(_mm512_mulhi_epu16(y, rest), pairs_top(pairs_low(y, rest)));
}

// y^2, Q16, rounded up: 2^16 less 1 - y^2.
static inline pairs_t pairs_square(pairs_t y) {
    const pairs_t twice = _mm512_slli_epi16(_mm512_abs_epi16(y), 1);
    const pairs_t cut = pairs_low(twice, twice), square = _mm512_mulhi_epu16(twice, twice);
    return _mm512_mask_add_epi16(square, _mm512_test_epi16_mask(cut, cut), square, pairs_all(1));
}

// a (1 - y^2) of a below 1, Q16: a less (a square) with ties down.
static inline pairs_t pairs_by_tanh(pairs_t a, pairs_t y) {
    const pairs_t square = pairs_square(y);
    const pairs_t tie = _mm512_avg_epu16(pairs_low(a, square), pairs_all(32766));
    return pairs_sub(pairs_sub(a, _mm512_mulhi_epu16(a, square)), pairs_top(tie));
}

// a rise, rounded; of a sigmoid's rise. With twice, the double of it.
static inline pairs_t pairs_by_rise(pairs_t a, pairs_t rise) {
    return _mm512_mulhrs_epi16(a, rise);
}

static inline pairs_t pairs_by_rise_twice(pairs_t a, pairs_t rise) {
    // 2 rise may be 2^15, so it is taken less that.
    return pairs_add(a, _mm512_mulhrs_epi16(a, pairs_less(_mm512_slli_epi16(rise, 1))));
}

// ---- derivatives: 24 bits of two sequences, in parts that 16 bits hold

typedef struct {
    lanes_t a, b;
} twice_t;

// high: >> 9, low: the rest; those of a in lower halves, of b in upper ones, the others 0.
typedef struct {
    twice_t whole, high, low;
} split_t;

static inline split_t split_of(twice_t x) {
    const lanes_t low = lanes_all(511);
    const split_t s = {
        x,
        {_mm512_srli_epi32(_mm512_slli_epi32(x.a, 7), 16), pairs_second(_mm512_slli_epi32(x.b, 7))},
        {_mm512_and_si512(x.a, low), _mm512_slli_epi32(_mm512_and_si512(x.b, low), 16)},
    };
    return s;
}

// (x by + half) >> 9; half: a multiple of 512. Of by less 2^15, x by that are `more`.
static inline lanes_t split_times(lanes_t high, lanes_t low, pairs_t by, lanes_t half,
                                  lanes_t more) {
    const lanes_t rest = _mm512_srai_epi32(_mm512_dpwssd_epi32(half, low, by), 9);
    return _mm512_dpwssd_epi32(_mm512_add_epi32(rest, more), high, by);
}

static inline twice_t split_product(const split_t *x, pairs_t by, lanes_t half) {
    const lanes_t none = _mm512_setzero_si512();
    const twice_t p = {split_times(x->high.a, x->low.a, by, half, none),
                       split_times(x->high.b, x->low.b, by, half, none)};
    return p;
}

static inline twice_t split_product_unsigned(const split_t *x, pairs_t by, lanes_t half) {
    const pairs_t less = pairs_less(by);
    const twice_t p = {
        split_times(x->high.a, x->low.a, less, half, _mm512_slli_epi32(x->whole.a, 6)),
        split_times(x->high.b, x->low.b, less, half, _mm512_slli_epi32(x->whole.b, 6))};
    return p;
}

// (x by + 2^15) >> 16 of by below 1.
static inline twice_t split_round16(const split_t *x, pairs_t by) {
    const twice_t p = split_product_unsigned(x, by, lanes_all(32768));
    const twice_t r = {_mm512_srai_epi32(p.a, 7), _mm512_srai_epi32(p.b, 7)};
    return r;
}

static inline twice_t twice_add(twice_t x, twice_t y) {
    const twice_t sum = {_mm512_add_epi32(x.a, y.a), _mm512_add_epi32(x.b, y.b)};
    return sum;
}

static inline twice_t twice_load(const int32_t *a, const int32_t *b) {
    const twice_t x = {_mm512_loadu_si512(a), _mm512_loadu_si512(b)};
    return x;
}

static inline void twice_store(int32_t *a, int32_t *b, twice_t x) {
    _mm512_storeu_si512(a, x.a);
    _mm512_storeu_si512(b, x.b);
}

// The greatest and the least that was seen.
typedef struct {
    lanes_t most, least;
} lanes_seen_t;

static inline void twice_see(lanes_seen_t *seen, twice_t x) {
    seen->most = _mm512_max_epi32(seen->most, _mm512_max_epi32(x.a, x.b));
    seen->least = _mm512_min_epi32(seen->least, _mm512_min_epi32(x.a, x.b));
}

static inline uint32_t lanes_seen(const lanes_seen_t *seen) {
    return (uint32_t)_mm512_reduce_or_epi32(
        _mm512_or_si512(lanes_magnitude(seen->most), lanes_magnitude(seen->least)));
}

// mr_train_cut
static inline split_t twice_cut(twice_t x, lanes_seen_t *seen) {
    twice_see(seen, x);
    const twice_t cut = {lanes_clamp(x.a, -8388608, 8388607), lanes_clamp(x.b, -8388608, 8388607)};
    return split_of(cut);
}

// Deltas: by what products are rounded and shifted.
typedef struct {
    bool narrow;  // split_product does
    __m128i drop; // mr_train_cell_shift - 1
    // Of factors that count 2^-0 to 2^-3 of what others do.
    lanes_t half[4], shift[4];
    lanes_seen_t state, delta;
} lanes_back_t;

// shift: mr_train_cell_shift
static inline lanes_back_t lanes_back_of(int shift) {
    const lanes_t none = _mm512_setzero_si512();
    lanes_back_t back = {.narrow = shift >= 14 && shift <= 31,
                         .drop = _mm_cvtsi32_si128(shift - 1),
                         .state = {none, none},
                         .delta = {none, none}};

    for (int less = 0; back.narrow && less < 4; less++) {
        back.half[less] = lanes_all(1 << (shift - less - 1));
        back.shift[less] = lanes_all(shift - less - 9);
    }
    return back;
}

// mr_train_delta of products of 64 bits.
static inline lanes_t lanes_delta(lanes_wide_t p, __m128i drop) {
    return _mm512_min_epi32(lanes_halve(lanes_wide_drop(p, drop)), lanes_all((1 << 30) - 1));
}

static inline twice_t twice_delta(twice_t x, twice_t by, __m128i drop) {
    const twice_t delta = {lanes_delta(lanes_wide(x.a, by.a), drop),
                           lanes_delta(lanes_wide(x.b, by.b), drop)};
    return delta;
}

static inline pairs_t deltas_of(twice_t delta, lanes_back_t *back) {
    twice_see(&back->delta, delta);
    return _mm512_max_epi16(pairs_of(delta.a, delta.b), pairs_all(-32767));
}

// Factors of 32 bits.
static inline twice_t twice_of(pairs_t by, bool has_sign) {
    const lanes_t a = _mm512_slli_epi32(by, 16);
    const twice_t x = {has_sign ? _mm512_srai_epi32(a, 16) : _mm512_srli_epi32(a, 16),
                       has_sign ? _mm512_srai_epi32(by, 16) : _mm512_srli_epi32(by, 16)};
    return x;
}

static __attribute__((noinline)) twice_t wide_delta(twice_t x, pairs_t by, int less, bool has_sign,
                                                    __m128i drop) {
    twice_t factors = twice_of(by, has_sign);
    factors.a = _mm512_slli_epi32(factors.a, (unsigned)less);
    factors.b = _mm512_slli_epi32(factors.b, (unsigned)less);
    return twice_delta(x, factors, drop);
}

// Of x by 2^less.
static inline pairs_t lanes_back_delta(const split_t *x, pairs_t by, int less, bool has_sign,
                                       lanes_back_t *back) {
    twice_t delta;

    if (__builtin_expect(back->narrow, 1)) {
        const twice_t p = has_sign ? split_product(x, by, back->half[less])
                                   : split_product_unsigned(x, by, back->half[less]);
        delta.a = _mm512_srav_epi32(p.a, back->shift[less]);
        delta.b = _mm512_srav_epi32(p.b, back->shift[less]);
    } else {
        delta = wide_delta(x->whole, by, less, has_sign, back->drop);
    }
    return deltas_of(delta, back);
}

LANES_END

#endif
