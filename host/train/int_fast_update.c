// SPDX-License-Identifier: Apache-2.0
// The update of 16 parameters at a time: hls/kernels/train/number.h and update.h, equal to the bit.
#ifdef __x86_64__

#    include "int_fast.h"
#    include "int_lanes.h"

#    include <string.h>

LANES_BEGIN

typedef struct {
    __mmask16 negative;
    lanes_t exponent, mantissa;
} numbers_t;

static inline numbers_t rounded(__mmask16 negative, lanes_t m, lanes_t exponent) {
    const lanes_t up = _mm512_add_epi32(m, lanes_all(0x8000));
    const __mmask16 zero = _mm512_testn_epi32_mask(m, m), carries = _mm512_cmplt_epu32_mask(up, m);
    const lanes_t more = _mm512_mask_add_epi32(exponent, carries, exponent, lanes_all(1));
    const numbers_t n = {
        negative,
        _mm512_mask_mov_epi32(more, zero, lanes_all(-126)),
        _mm512_mask_mov_epi32(_mm512_srli_epi32(up, 16), carries, lanes_all(0x8000)),
    };
    return n;
}

static inline numbers_t all(uint32_t packed) {
    const number_t n = mr_number_unpack(packed);
    const numbers_t same = {n.negative ? 0xffff : 0, lanes_all(n.exponent), lanes_all(n.mantissa)};
    return same;
}

static inline numbers_t unpacked(lanes_t packed) {
    const __mmask16 nonzero = _mm512_test_epi32_mask(packed, lanes_all(0x7f8000));
    const numbers_t n = {
        _mm512_test_epi32_mask(packed, lanes_all(1 << 23)),
        _mm512_sub_epi32(_mm512_and_si512(_mm512_srli_epi32(packed, 15), lanes_all(255)),
                         lanes_all(126)),
        _mm512_maskz_or_epi32(nonzero, _mm512_and_si512(packed, lanes_all(0x7fff)),
                              lanes_all(0x8000)),
    };
    return n;
}

static inline lanes_t packed(numbers_t n) {
    const __mmask16 some = _mm512_cmpgt_epi32_mask(n.exponent, lanes_all(-126)) &
                           _mm512_test_epi32_mask(n.mantissa, n.mantissa);
    const __mmask16 beyond = _mm512_cmpgt_epi32_mask(n.exponent, lanes_all(127));
    const lanes_t exponent = _mm512_mask_mov_epi32(
        _mm512_and_si512(_mm512_add_epi32(n.exponent, lanes_all(126)), lanes_all(255)), beyond,
        lanes_all(253));
    const lanes_t mantissa = _mm512_mask_mov_epi32(_mm512_and_si512(n.mantissa, lanes_all(0x7fff)),
                                                   beyond, lanes_all(0x7fff));
    const lanes_t sign = _mm512_maskz_mov_epi32(n.negative, lanes_all(1 << 23));
    return _mm512_maskz_or_epi32(some, _mm512_or_si512(sign, _mm512_slli_epi32(exponent, 15)),
                                 mantissa);
}

// Eight numbers of 64 bits: their 32 highest bits, and the zeros before them.
static inline __m256i highest(lanes_t x, __m256i *zeros) {
    const lanes_t size = _mm512_abs_epi64(x), before = _mm512_lzcnt_epi64(size);

    *zeros = _mm512_cvtepi64_epi32(before);
    return _mm512_cvtepi64_epi32(_mm512_srli_epi64(_mm512_sllv_epi64(size, before), 32));
}

static inline numbers_t numbers_of(const int64_t *from, int32_t exponent) {
    const lanes_t a = _mm512_loadu_si512(from), b = _mm512_loadu_si512(from + 8);
    __m256i zeros_a, zeros_b;
    const __m256i high_a = highest(a, &zeros_a), high_b = highest(b, &zeros_b);
    const lanes_t m = _mm512_inserti64x4(_mm512_castsi256_si512(high_a), high_b, 1);
    const lanes_t zeros = _mm512_inserti64x4(_mm512_castsi256_si512(zeros_a), zeros_b, 1);
    const __mmask16 negative =
        (__mmask16)(_mm512_movepi64_mask(a) | (unsigned)_mm512_movepi64_mask(b) << 8);
    return rounded(negative, m, _mm512_sub_epi32(lanes_all(exponent + 63), zeros));
}

static inline numbers_t numbers_of_weights(lanes_t w, int32_t exponent) {
    const lanes_t size = _mm512_abs_epi32(w), zeros = _mm512_lzcnt_epi32(size);
    return rounded(_mm512_movepi32_mask(w), _mm512_sllv_epi32(size, zeros),
                   _mm512_sub_epi32(lanes_all(exponent + 31), zeros));
}

static inline numbers_t times(numbers_t a, numbers_t b) {
    const lanes_t p = lanes_times(a.mantissa, b.mantissa), high = _mm512_srli_epi32(p, 31);
    const lanes_t m = _mm512_mask_slli_epi32(p, _mm512_testn_epi32_mask(high, high), p, 1);
    return rounded(a.negative ^ b.negative, m,
                   _mm512_add_epi32(_mm512_add_epi32(a.exponent, b.exponent), high));
}

static inline numbers_t plus(numbers_t a, numbers_t b) {
    const __mmask16 none_a = _mm512_testn_epi32_mask(a.mantissa, a.mantissa);
    const __mmask16 some_b = _mm512_test_epi32_mask(b.mantissa, b.mantissa);
    const __mmask16 swap = none_a | (some_b & _mm512_cmpgt_epi32_mask(b.exponent, a.exponent)) |
                           (_mm512_cmpeq_epi32_mask(b.exponent, a.exponent) &
                            _mm512_cmpgt_epi32_mask(b.mantissa, a.mantissa));
    const lanes_t x = _mm512_slli_epi32(_mm512_mask_mov_epi32(a.mantissa, swap, b.mantissa), 8);
    const lanes_t less = _mm512_slli_epi32(_mm512_mask_mov_epi32(b.mantissa, swap, a.mantissa), 8);
    const lanes_t exponent = _mm512_mask_mov_epi32(a.exponent, swap, b.exponent);
    const lanes_t distance =
        _mm512_sub_epi32(exponent, _mm512_mask_mov_epi32(b.exponent, swap, a.exponent));
    // By 32 and more, or a negative number, which is one without a sign: 0.
    const lanes_t y = _mm512_srlv_epi32(less, distance);
    const lanes_t sum =
        _mm512_mask_sub_epi32(_mm512_add_epi32(x, y), a.negative ^ b.negative, x, y);
    const lanes_t m = _mm512_slli_epi32(sum, 7), zeros = _mm512_lzcnt_epi32(m);
    const __mmask16 negative =
        (__mmask16)((a.negative & ~(unsigned)swap) | (b.negative & (unsigned)swap));
    return rounded(negative, _mm512_sllv_epi32(m, zeros),
                   _mm512_sub_epi32(_mm512_add_epi32(exponent, lanes_all(1)), zeros));
}

// mr_train_step; forward: m times the rate
static inline lanes_t step(numbers_t forward, numbers_t v, bool adam, int32_t unit) {
    const lanes_t odd = _mm512_and_si512(v.exponent, lanes_all(1));
    const lanes_t half = _mm512_srai_epi32(_mm512_sub_epi32(v.exponent, odd), 1);
    const lanes_t segment =
        _mm512_or_si512(_mm512_slli_epi32(odd, 6),
                        _mm512_and_si512(_mm512_srli_epi32(v.mantissa, 9), lanes_all(63)));
    const lanes_t line = _mm512_add_epi32(
        _mm512_slli_epi32(lanes_base(mr_train_root_base, segment), 9),
        lanes_rise(mr_train_root_slope, segment, _mm512_and_si512(v.mantissa, lanes_all(511))));
    const lanes_t root =
        adam ? _mm512_srli_epi32(_mm512_add_epi32(line, lanes_all(4096)), 13) : lanes_all(65536);
    const lanes_t u = lanes_times(forward.mantissa, root); // below 2^32
    const lanes_t shift = _mm512_add_epi32(_mm512_sub_epi32(lanes_all(11 + unit), forward.exponent),
                                           adam ? half : lanes_all(0));
    const lanes_t by = _mm512_and_si512(_mm512_sub_epi32(shift, lanes_all(13)), lanes_all(31));
    const lanes_t y = _mm512_srli_epi32(
        _mm512_add_epi32(_mm512_srlv_epi32(_mm512_srli_epi32(u, 12), by), lanes_all(1)), 1);
    __mmask16 none = _mm512_testn_epi32_mask(u, u) | _mm512_cmpgt_epi32_mask(shift, lanes_all(44));
    if (adam)
        none |= _mm512_testn_epi32_mask(v.mantissa, v.mantissa);
    const __mmask16 far = _mm512_cmplt_epi32_mask(shift, lanes_all(13)) |
                          _mm512_cmpgt_epi32_mask(y, lanes_all(0x3ffff));
    lanes_t size = _mm512_mask_mov_epi32(y, far, lanes_all(0x3ffff));
    size = _mm512_mask_mov_epi32(size, none, lanes_all(0));
    return _mm512_mask_sub_epi32(size, forward.negative, lanes_all(0), size);
}

// The rule, unpacked.
struct rule {
    numbers_t scale, l2, keep_m, take_m, keep_v, take_v, floor, rate;
    bool decays, adam;
    int32_t exponent, unit;
};

// So many vectors go through the update stage by stage: from a gradient to its step each
// instruction waits for the one before.
enum { GROUP = 8 };

// The gradient g of 16 parameters, with what decays.
static inline numbers_t gradient(const struct rule *rule, const int64_t *sum, lanes_t w) {
    const numbers_t raw = times(numbers_of(sum, rule->exponent), rule->scale);

    // A number and 0 are that number.
    return rule->decays ? plus(raw, times(numbers_of_weights(w, rule->unit - 20), rule->l2)) : raw;
}

// The first `count` numbers from 16 i on, 16 at the most.
static inline __mmask16 there(size_t count, size_t i) {
    return (__mmask16)(count >= (i + 1) * LANES ? 0xffff : (1U << (count - i * LANES)) - 1);
}

// GROUP vectors of parameters, or fewer. sum has whole vectors.
static inline void update(const struct rule *rule, const int64_t *sum, int32_t *w, uint32_t *m,
                          uint32_t *v, size_t count) {
    const size_t vectors = (count + LANES - 1) / LANES;
    numbers_t g[GROUP], forward[GROUP], squares[GROUP];

    for (size_t i = 0; i < vectors; i++)
        g[i] = gradient(rule, sum + i * LANES,
                        _mm512_maskz_loadu_epi32(there(count, i), w + i * LANES));
    for (size_t i = 0; i < vectors; i++) {
        const numbers_t old = unpacked(_mm512_maskz_loadu_epi32(there(count, i), m + i * LANES));
        const numbers_t next = plus(times(old, rule->keep_m), times(g[i], rule->take_m));
        _mm512_mask_storeu_epi32(m + i * LANES, there(count, i), packed(next));
        forward[i] = times(next, rule->rate);
    }
    for (size_t i = 0; i < vectors; i++) {
        const numbers_t old = unpacked(_mm512_maskz_loadu_epi32(there(count, i), v + i * LANES));
        const numbers_t next =
            plus(times(old, rule->keep_v), times(times(g[i], g[i]), rule->take_v));
        if (rule->adam)
            _mm512_mask_storeu_epi32(v + i * LANES, there(count, i), packed(next));
        squares[i] = plus(next, rule->floor);
    }
    for (size_t i = 0; i < vectors; i++) {
        const lanes_t old = _mm512_maskz_loadu_epi32(there(count, i), w + i * LANES);
        const lanes_t by = step(forward[i], squares[i], rule->adam, rule->unit);
        _mm512_mask_storeu_epi32(w + i * LANES, there(count, i),
                                 lanes_clamp(_mm512_sub_epi32(old, by), -8388608, 8388607));
    }
}

void mr_fast_update(const struct mr_int_job *job, size_t first, size_t end) {
    const struct mr_int_tensor *tensor = job->tensor;
    const struct rule rule = {
        .scale = all(job->rule.scale),
        .l2 = all(job->rule.l2),
        .keep_m = all(job->rule.keep_m),
        .take_m = all(job->rule.take_m),
        .keep_v = all(job->rule.keep_v),
        .take_v = all(job->rule.take_v),
        .floor = all(job->rule.floor),
        .rate = all(job->rule.rate),
        .decays = mr_number_unpack(job->rule.l2).mantissa != 0,
        .adam = job->rule.adam,
        .exponent = job->exponent,
        .unit = tensor->unit,
    };

    for (size_t k = first; k < end; k += (size_t)(GROUP * LANES)) {
        const size_t count = end - k < GROUP * LANES ? end - k : GROUP * LANES;
        int64_t last[GROUP * LANES];
        const int64_t *sum = tensor->sum + k;

        if (count % LANES) {
            memset(last, 0, sizeof last);
            memcpy(last, sum, count * sizeof *sum);
            sum = last;
        }
        update(&rule, sum, tensor->w + k, tensor->m + k, tensor->v + k, count);
    }
}

LANES_END

#endif
