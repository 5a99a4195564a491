// SPDX-License-Identifier: Apache-2.0
// The activation at a place of a cell, which a network names for each of its layers: of the gates,
// of the candidate, and of the cell state on its way to h. All of it is constant, so that a layer
// has the hardware of its own activations and no other. formats.h says what is known of one.
#ifndef MR_KERNELS_PLACE_H
#define MR_KERNELS_PLACE_H

#include "activation.h"
#include "formats.h"

static inline mr_place_t mr_place_with(uint8_t kind, uint8_t frac, bool clips, int32_t low,
                                       int32_t high, int32_t factor, uint8_t shift, int32_t than,
                                       int32_t in_factor, int64_t in_offset, uint8_t in_shift) {
    mr_place_t place = {0};
    place.kind = kind;
    place.frac = frac;
    place.clips = clips;
    place.low = low;
    place.high = high;
    place.factor = factor;
    place.shift = shift;
    place.than = than;
    place.in_factor = in_factor;
    place.in_offset = in_offset;
    place.in_shift = in_shift;
    return place;
}

// As a cell has it by itself.
static inline mr_place_t mr_own_place(uint8_t kind) {
    return mr_place_with(kind, 15, false, 0, 0, 0, 0, 0, 0, 0, 0);
}

// v in so many bits. *past: how far it was beyond is added, at most 2^28.
static inline int64_t mr_keep(int64_t v, int bits, uint32_t *past) {
    const int64_t kept = hls_saturate(v, bits);
    *past += (uint32_t)hls_saturate(v > kept ? v - kept : kept - v, 29);
    return kept;
}

// How far a number of so many fraction bits was beyond, in units of others, 1 at least, at most
// 2^28.
static inline uint32_t mr_past_in(uint32_t past, int from, int to) {
    const int down = from > to ? from - to : 0, up = to > from ? to - from : 0;
    const int64_t moved = (((int64_t)past << up) + ((int64_t)1 << down) - 1) >> down;
    return (uint32_t)hls_saturate(moved, 29);
}

static inline int64_t mr_clip(mr_place_t p, int64_t arg) {
    return !p.clips ? arg : arg < p.low ? p.low : arg > p.high ? p.high : arg;
}

// x factor 2^-shift, rounded.
static inline int64_t mr_scale(int64_t x, int32_t factor, int shift) {
    return shift == 0 ? x : (x * factor + ((int64_t)1 << (shift - 1))) >> shift;
}

// Of a function that ends: 16 bits.
static inline int32_t mr_activate_ended(mr_place_t p, int64_t arg) {
    int32_t value;
    if (p.kind == MR_HARD_SIGMOID)
        value = (int32_t)(arg < 0 ? 0 : arg > 32767 ? 32767 : arg);
    else if (p.kind == MR_SOFTSIGN)
        value = mr_softsign(arg);
    else if (p.kind == MR_TANH)
        value = mr_tanh(mr_argument(arg));
    else
        value = mr_sigmoid(mr_argument(arg));
    return (int32_t)mr_scale(value, p.factor, p.shift);
}

// Of one that has no end: an argument of so many fraction bits gives a number of `to`.
static inline int64_t mr_activate_open(mr_place_t p, int64_t arg, int from, int to) {
    if (p.kind == MR_RELU)
        return arg < 0 ? 0 : arg;
    if (p.kind == MR_THRESHOLDED_RELU)
        return arg > p.than ? arg : 0;
    if (p.kind == MR_LEAKY_RELU)
        return arg < 0 ? mr_scale(arg, p.factor, p.shift) : arg;
    const int64_t line = arg < 0 ? 0 : arg, fine = arg * ((int64_t)1 << (16 - from));
    if (p.kind == MR_ELU)
        return arg < 0 ? mr_scale(-mr_less_exp(fine), p.factor, p.shift)
                       : (line + (((int64_t)1 << (from - to)) >> 1)) >> (from - to);
    if (p.kind == MR_SOFTPLUS)
        return (line * ((int64_t)1 << (16 - from)) + mr_log_exp(fine) * 2 +
                (((int64_t)1 << (16 - to)) >> 1)) >>
               (16 - to);
    if (MR_IS_SMOOTH(p.kind))
        return (line * ((int64_t)1 << (16 - from)) - mr_dip(p.kind, fine) * 2 +
                (((int64_t)1 << (16 - to)) >> 1)) >>
               (16 - to);
    return arg;
}

// Is it as good as at its end far below 0, so that nothing is lost there?
static inline bool mr_ends_below(uint8_t kind) {
    return kind == MR_RELU || kind == MR_THRESHOLDED_RELU || MR_HAS_FINE_PART(kind);
}

// From a sum. 16 bits; *past: by how many units it was beyond.
static inline int32_t mr_activate(mr_place_t p, int64_t sum, uint32_t *past) {
    const int64_t arg = mr_clip(p, sum);
    if (!MR_IS_OPEN(p.kind))
        return mr_activate_ended(p, arg);
    // Far beyond what 16 bits hold, and where there is a product no wider than a multiplier.
    const int bits = MR_HAS_FINE_PART(p.kind) ? 33 : 27;
    uint32_t far = 0;
    const int64_t near = mr_keep(arg, bits, &far);
    *past += arg < 0 && mr_ends_below(p.kind) ? 0 : far;
    const int64_t value = mr_activate_open(p, near, MR_ARGUMENT_FRAC(p.kind, p.frac), p.frac);
    return (int32_t)mr_keep(value, 16, past);
}

#endif
