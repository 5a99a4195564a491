// SPDX-License-Identifier: Apache-2.0
// The update of 16 parameters at a time: hls/kernels/train/number.h and update.h, equal to the bit.
#ifdef __x86_64__

#    include "int_fast.h"
#    include "int_lanes.h"

LANES_BEGIN

typedef struct {
    __mmask16 negative;
    lanes_t exponent, mantissa;
} numbers_t;

static inline numbers_t rounded(__mmask16 negative, lanes_t m, lanes_t exponent) {
    const lanes_t up = _mm512_and_si512(_mm512_srli_epi32(m, 15), lanes_all(1));
    const lanes_t sum = _mm512_add_epi32(_mm512_srli_epi32(m, 16), up);
    const lanes_t carry = _mm512_srli_epi32(sum, 16);
    const __mmask16 zero = _mm512_testn_epi32_mask(m, m);
    const __mmask16 carries = _mm512_test_epi32_mask(carry, carry);
    const numbers_t n = {
        negative,
        _mm512_mask_mov_epi32(_mm512_add_epi32(exponent, carry), zero, lanes_all(-126)),
        _mm512_mask_mov_epi32(sum, carries, lanes_all(0x8000)),
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

// mr_train_step
static inline lanes_t step(numbers_t m, numbers_t v, numbers_t rate, bool adam, int32_t unit) {
    const numbers_t forward = times(m, rate);
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
    bool adam;
    int32_t exponent, unit;
};

static inline void update(const struct rule *rule, const int64_t *sum, int32_t *w, uint32_t *m,
                          uint32_t *v, __mmask16 there) {
    const lanes_t w_old = _mm512_maskz_loadu_epi32(there, w);
    const lanes_t m_old = _mm512_maskz_loadu_epi32(there, m);
    const lanes_t v_old = _mm512_maskz_loadu_epi32(there, v);
    const numbers_t raw = times(numbers_of(sum, rule->exponent), rule->scale);
    const numbers_t decay = times(numbers_of_weights(w_old, rule->unit - 20), rule->l2);
    const numbers_t g = plus(raw, decay);
    const numbers_t m_next = plus(times(unpacked(m_old), rule->keep_m), times(g, rule->take_m));
    const numbers_t v_next =
        plus(times(unpacked(v_old), rule->keep_v), times(times(g, g), rule->take_v));
    const lanes_t by = step(m_next, plus(v_next, rule->floor), rule->rate, rule->adam, rule->unit);
    _mm512_mask_storeu_epi32(w, there, lanes_clamp(_mm512_sub_epi32(w_old, by), -8388608, 8388607));
    _mm512_mask_storeu_epi32(m, there, packed(m_next));
    if (rule->adam)
        _mm512_mask_storeu_epi32(v, there, packed(v_next));
}

void mr_fast_update(const struct mr_int_job *job, size_t first, size_t end) {
    const struct mr_int_tensor *tensor = job->tensor;
    const struct rule rule = {
        all(job->rule.scale),  all(job->rule.l2),     all(job->rule.keep_m), all(job->rule.take_m),
        all(job->rule.keep_v), all(job->rule.take_v), all(job->rule.floor),  all(job->rule.rate),
        job->rule.adam,        job->exponent,         tensor->unit,
    };

    for (size_t k = first; k < end; k += LANES) {
        const size_t left = end - k;
        int64_t last[LANES] = {0};
        const int64_t *sum = tensor->sum + k;

        if (left < LANES) {
            for (size_t i = 0; i < left; i++)
                last[i] = sum[i];
            sum = last;
        }
        update(&rule, sum, tensor->w + k, tensor->m + k, tensor->v + k,
               (__mmask16)(left < LANES ? (1u << left) - 1 : 0xffff));
    }
}

LANES_END

#endif
