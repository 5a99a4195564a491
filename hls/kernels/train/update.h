// SPDX-License-Identifier: Apache-2.0
// The update of one parameter: Adam, or momentum.
//   g = gradient scale + l2 w
//   m' = keep_m m + take_m g,  v' = keep_v v + take_v g^2
//   w' = w - rate m' / sqrt(v' + floor), or w - rate m'
// (Kingma and Ba 2015, with the corrections of the first steps in rate and floor, which is eps^2.)
// Weight, m and v are 24 bits each: 72, a word of UltraRAM.
#ifndef MR_TRAIN_UPDATE_H
#define MR_TRAIN_UPDATE_H

#include "reciprocal_root.h"
#include "train/number.h"
#include "train/train_tables.h"

// Packed numbers, the same for all parameters of a step but for the scales of tensors, which
// mr_train_update has.
typedef struct {
    uint32_t scale; // of the gradients: 1 / batch, and of the clipping
    uint32_t l2, keep_m, take_m, keep_v, take_v, floor, rate;
    bool adam; // or momentum
} train_rule_t;

// 1/sqrt(x) as Q16, above 1/2, where x = mantissa 2^-15, twice that if odd.
static inline uint32_t mr_train_root(uint16_t mantissa, bool odd) {
    const uint32_t segment = (odd ? 64u : 0u) | (mantissa >> 9 & 63u);
    const int32_t line =
        mr_train_root_base[segment] * 512 + mr_train_root_slope[segment] * (mantissa & 511);
    return (uint32_t)((line + 4096) >> 13);
}

// rate m / sqrt(v) or rate m in units of 2^(unit - 20), cut to a quarter of 2^20 of them.
static inline int32_t mr_train_step(number_t m, number_t v, number_t rate, bool adam,
                                    int32_t unit) {
    const number_t forward = mr_number_times(m, rate);
    const bool odd = (v.exponent & 1) != 0;
    const int32_t half = (v.exponent - odd) >> 1;
    const uint32_t root = adam ? mr_train_root(v.mantissa, odd) : 65536;
    const uint64_t u = (uint64_t)forward.mantissa * root; // 0 or 2^30 to 2^32
    const int32_t shift = 11 - forward.exponent + (adam ? half : 0) + unit;
    const uint32_t by = (uint32_t)(shift - 13) & 31;
    uint32_t y = (uint32_t)(u >> 12) & 0x1fffff;
    y = by & 16 ? y >> 16 : y;
    y = by & 8 ? y >> 8 : y;
    y = by & 4 ? y >> 4 : y;
    y = by & 2 ? y >> 2 : y;
    y = by & 1 ? y >> 1 : y;
    y = (y + 1) >> 1;
    const bool none = u == 0 || shift > 44 || (adam && v.mantissa == 0);
    const bool far = shift < 13 || y > 0x3ffff;
    const int32_t step = none ? 0 : far ? 0x3ffff : (int32_t)y;
    return forward.negative ? -step : step;
}

// gradient: in units of 2^exponent. w: Q20 of units of 2^unit. *m, *v: packed.
static inline int32_t mr_train_update(train_rule_t rule, int64_t gradient, int32_t exponent,
                                      int32_t unit, int32_t w, uint32_t *m, uint32_t *v) {
    const number_t raw =
        mr_number_times(mr_number_of(gradient, exponent), mr_number_unpack(rule.scale));
    const number_t decay = mr_number_times(mr_number_of(w, unit - 20), mr_number_unpack(rule.l2));
    const number_t g = mr_number_plus(raw, decay);
    const number_t m_next =
        mr_number_plus(mr_number_times(mr_number_unpack(*m), mr_number_unpack(rule.keep_m)),
                       mr_number_times(g, mr_number_unpack(rule.take_m)));
    const number_t v_next =
        mr_number_plus(mr_number_times(mr_number_unpack(*v), mr_number_unpack(rule.keep_v)),
                       mr_number_times(mr_number_times(g, g), mr_number_unpack(rule.take_v)));
    const number_t under = mr_number_plus(v_next, mr_number_unpack(rule.floor));
    const int32_t step = mr_train_step(m_next, under, mr_number_unpack(rule.rate), rule.adam, unit);
    *m = mr_number_pack(m_next);
    *v = rule.adam ? mr_number_pack(v_next) : *v;
    return (int32_t)hls_saturate((int64_t)w - step, 24);
}

// ---- clipping of the norm of all gradients: sums of squares, exact, then one scale

// The square of a gradient, Q40, cut; at most 2^47.
static inline uint64_t mr_train_square(train_rule_t rule, int64_t gradient, int32_t exponent) {
    const number_t g =
        mr_number_times(mr_number_of(gradient, exponent), mr_number_unpack(rule.scale));
    const number_t s = mr_number_times(g, g);
    const int32_t shift = 22 - s.exponent;
    const uint64_t wide = (uint64_t)s.mantissa << 31; // below 2^47
    const uint64_t cut = wide >> (shift & 63);
    return s.mantissa == 0 || shift > 46 ? 0 : shift < 0 ? (uint64_t)1 << 47 : cut;
}

// A sum of squares that is greater counts as this.
#define TRAIN_MOST_SQUARES (((uint64_t)1 << 62) - 1)

// The scale that makes the norm of all gradients `limit` where it is above, packed. limit, scale:
// packed.
static inline uint32_t mr_train_clip(uint64_t squares, uint32_t limit, uint32_t scale) {
    const uint64_t held = squares > TRAIN_MOST_SQUARES ? TRAIN_MOST_SQUARES : squares;
    const root_t root = mr_root_of(held | 1);
    // limit / norm; the root, Q17 2^(shift - 30), is of units of 2^-40.
    const number_t inverse = mr_number_of(root.mantissa, root.shift - 27);
    const number_t factor = mr_number_times(mr_number_unpack(limit), inverse);
    const bool within = factor.exponent >= 0;
    return within ? scale : mr_number_pack(mr_number_times(factor, mr_number_unpack(scale)));
}

#endif
