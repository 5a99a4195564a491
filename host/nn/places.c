// SPDX-License-Identifier: Apache-2.0
// Activations at the places of recurrent cells (places.h).
#include "places.h"

#include "activation_tables.h"
#include "arithmetic.h"

#include <math.h>
#include <stdlib.h>

struct mr_place mr_place_plain(enum mr_activation kind) {
    return (struct mr_place){
        .kind = kind, .scale = 1, .low = -INFINITY, .high = INFINITY, .factor = 1, .frac = 15};
}

struct mr_place mr_place_own(enum mr_place_of_cell place) {
    return mr_place_plain(place == MR_PLACE_GATE ? MR_ACTIVATION_SIGMOID : MR_ACTIVATION_TANH);
}

// ---- float

static double of_kind(const struct mr_place *place, double x) {
    switch (place->kind) {
    case MR_ACTIVATION_SIGMOID:
        return mr_sigmoid_float(x);
    case MR_ACTIVATION_TANH:
        return tanh(x);
    case MR_ACTIVATION_RELU:
        return fmax(x, 0);
    case MR_ACTIVATION_HARD:
        return fmin(fmax(x, 0), 1);
    case MR_ACTIVATION_LEAKY:
        return x < 0 ? place->alpha * x : x;
    case MR_ACTIVATION_THRESHOLDED:
        return x > place->alpha ? x : 0;
    case MR_ACTIVATION_SOFTSIGN:
        return x / (1 + fabs(x));
    case MR_ACTIVATION_SOFTPLUS:
        return fmax(x, 0) + log1p(exp(-fabs(x)));
    case MR_ACTIVATION_ELU:
        return x < 0 ? place->alpha * expm1(x) : x;
    case MR_ACTIVATION_SWISH:
        return x * mr_sigmoid_float(x);
    case MR_ACTIVATION_GELU:
        return x * erfc(-x * sqrt(0.5)) / 2;
    case MR_ACTIVATION_GELU_TANH:
        return x * mr_sigmoid_float(2 * sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x));
    case MR_ACTIVATION_HARD_SWISH:
        return x * fmin(fmax(x / 6 + 0.5, 0), 1);
    case MR_ACTIVATION_MISH:
        return x * tanh(fmax(x, 0) + log1p(exp(-fabs(x))));
    case MR_ACTIVATION_LINEAR:
    case MR_ACTIVATIONS:
        break;
    }
    return x;
}

double mr_place_float(const struct mr_place *place, double x) {
    const double argument = place->factor * x + place->offset;

    return place->scale * of_kind(place, fmin(fmax(argument, place->low), place->high));
}

// ---- constants

int mr_place_frac(const struct mr_place *place, double seen, int least) {
    int frac = 15;

    if (MR_IS_OPEN(place->kind))
        return seen > 0 ? mr_frac_of(2 * seen, least, 15) : 12;
    while (frac > least && ldexp(fabs(place->scale), frac) > 32768)
        frac--;
    return frac;
}

int mr_place_argument_frac(const struct mr_place *place) {
    return MR_ARGUMENT_FRAC(place->kind, place->frac);
}

// A number as a factor of 16 bits and a shift from 1 on, the factor as small as it can be.
static void split(double number, int32_t *factor, int *shift) {
    int exponent;

    frexp(number, &exponent);
    *shift = 15 - exponent < 1 ? 1 : 15 - exponent > 45 ? 45 : 15 - exponent;
    *factor = (int32_t)floor(ldexp(number, *shift) + 0.5);
    while (*shift > 1 && (*factor % 2 == 0 || *factor > INT16_MAX)) {
        *factor = (int32_t)floor(*factor / 2.0);
        --*shift;
    }
}

static int32_t in_units(double number, int frac) {
    return (int32_t)fmin(fmax(floor(ldexp(number, frac) + 0.5), INT32_MIN), INT32_MAX);
}

// Does a clip change what an activation gives? Not beyond its ends.
static bool clips(const struct mr_place *place) {
    double low = -32768, high = 32768;

    if (place->kind == MR_ACTIVATION_TANH)
        low = -8, high = 8;
    else if (place->kind == MR_ACTIVATION_SIGMOID)
        low = -16, high = 16;
    else if (place->kind == MR_ACTIVATION_HARD)
        low = 0, high = 1;
    else if (place->kind == MR_ACTIVATION_RELU)
        low = 0;
    return place->low > low || place->high < high;
}

mr_place_t mr_place_constants(const struct mr_place *place, int exponent) {
    const bool of_state = exponent >= 0, is_open = MR_IS_OPEN(place->kind);
    const int to = of_state && is_open ? 16 - exponent : place->frac;
    const int frac =
        of_state && is_open ? to : MR_ARGUMENT_FRAC(place->kind, of_state ? 15 : place->frac);
    const bool is_clipped = clips(place);
    int32_t factor = 0, in_factor = 0;
    int shift = 0, in_shift = 0;
    double by = 1; // what the factor is

    if (place->kind == MR_ACTIVATION_LEAKY)
        by = place->alpha;
    else if (place->kind == MR_ACTIVATION_ELU)
        by = ldexp(place->alpha, to - 15);
    else if (!is_open)
        by = ldexp(place->scale, of_state ? 0 : place->frac - 15);
    if (by != 1)
        split(by, &factor, &shift);
    if (of_state && !is_open && (place->factor != 1 || place->offset != 0))
        split(ldexp(place->factor, frac - 16 + exponent), &in_factor, &in_shift);
    const double half = in_shift > 0 ? ldexp(1, in_shift - 1) : 0;
    return (mr_place_t){
        .kind = (uint8_t)place->kind,
        .frac = (uint8_t)place->frac,
        .clips = is_clipped,
        .low = is_clipped ? in_units(place->low, frac) : 0,
        .high = is_clipped ? in_units(place->high, frac) : 0,
        .factor = factor,
        .shift = (uint8_t)shift,
        .than = place->kind == MR_ACTIVATION_THRESHOLDED
                    ? (int32_t)fmin(fmax(floor(ldexp(place->alpha, frac)), INT32_MIN), INT32_MAX)
                    : 0,
        .in_factor = in_factor,
        .in_offset =
            in_shift > 0 ? (int64_t)(floor(ldexp(place->offset, frac + in_shift) + 0.5) + half) : 0,
        .in_shift = (uint8_t)in_shift};
}

bool mr_place_is_possible(const struct mr_place *place, enum mr_place_of_cell where) {
    const bool has_alpha = place->kind == MR_ACTIVATION_LEAKY ||
                           place->kind == MR_ACTIVATION_THRESHOLDED ||
                           place->kind == MR_ACTIVATION_ELU;
    const bool has_factor = where == MR_PLACE_H && !MR_IS_OPEN(place->kind);

    return isfinite(place->alpha) && fabs(place->alpha) <= (has_alpha ? 256 : 0) &&
           isfinite(place->scale) && fabs(place->scale) <= 256 && place->scale != 0 &&
           (place->scale == 1 || place->kind == MR_ACTIVATION_TANH) && place->low <= place->high &&
           (has_factor ? fabs(place->factor) <= 256 && fabs(place->offset) <= 256
                       : place->factor == 1 && place->offset == 0) &&
           place->frac >= (where == MR_PLACE_GATE) && place->frac <= 15 &&
           (MR_IS_OPEN(place->kind) || where == MR_PLACE_H ||
            place->frac <= mr_place_frac(place, 0, 0));
}

// ---- whole numbers

static int64_t rounded(int64_t product, int shift) {
    return shift == 0 ? product : (product + (INT64_C(1) << (shift - 1))) >> shift;
}

static int64_t scaled(const mr_place_t *at, int64_t x) {
    return at->shift == 0 ? x : rounded(x * at->factor, at->shift);
}

// A table whose segments widen: 1/128 below 4, then from each power of 4 on eight times as wide as
// before.
struct table {
    const int32_t *base;
    const int16_t *slope;
};

// x: Q16, not below 0.
static int64_t widening(struct table of, int64_t x) {
    int64_t segment = 0, begin = 0, end = 4 << 16;
    int width = 9;

    while (x >= end) {
        segment += (end - begin) >> width;
        width += 3;
        begin = end;
        end *= 4;
    }
    segment += (x - begin) >> width;
    const int64_t rest = (x - begin) & ((INT64_C(1) << width) - 1);
    const int64_t fraction = width < 10 ? rest << (10 - width) : rest >> (width - 10);
    return (of.base[segment] * INT64_C(1024) + of.slope[segment] * fraction + (1 << 11)) >> 12;
}

static const struct table softsign = {mr_softsign_base, mr_softsign_slope},
                          less_exp = {mr_less_exp_base, mr_less_exp_slope},
                          log_exp = {mr_log_exp_base, mr_log_exp_slope};

// What a smooth ReLU is less than a ReLU, on either side of 0.
static struct table dip(const mr_place_t *at, bool below) {
    switch (at->kind) {
    case MR_SWISH:
        return (struct table){mr_swish_base, mr_swish_slope};
    case MR_GELU:
        return (struct table){mr_gelu_base, mr_gelu_slope};
    case MR_GELU_TANH:
        return (struct table){mr_gelu_tanh_base, mr_gelu_tanh_slope};
    case MR_HARD_SWISH:
        return (struct table){mr_hard_swish_base, mr_hard_swish_slope};
    default:
        return below ? (struct table){mr_mish_below_base, mr_mish_below_slope}
                     : (struct table){mr_mish_base, mr_mish_slope};
    }
}

static int64_t at_most(int64_t x, int64_t most) {
    return x < most ? x : most;
}

static int64_t ended(const mr_place_t *at, int64_t x) {
    int64_t value;

    switch (at->kind) {
    case MR_HARD_SIGMOID:
        value = x < 0 ? 0 : at_most(x, INT16_MAX);
        break;
    case MR_SOFTSIGN:
        value = widening(softsign, at_most(llabs(x), UINT32_MAX));
        value = x < 0 ? -value : value;
        break;
    case MR_TANH:
        value = mr_table_tanh(x);
        break;
    default:
        value = mr_table_sigmoid(x);
    }
    return scaled(at, value);
}

// Of a function without end; x has `from` fraction bits and what it gives `to`.
static int64_t unended(const mr_place_t *at, int64_t x, int from, int to) {
    const int64_t q16 = x * (INT64_C(1) << (16 - from)), size = at_most(llabs(q16), (1 << 20) - 1);

    switch (at->kind) {
    case MR_RELU:
        return x < 0 ? 0 : x;
    case MR_LEAKY_RELU:
        return x < 0 ? scaled(at, x) : x;
    case MR_THRESHOLDED_RELU:
        return x > at->than ? x : 0;
    case MR_ELU:
        return x < 0 ? scaled(at, -widening(less_exp, size)) : rounded(x, from - to);
    case MR_SOFTPLUS:
        return rounded((q16 < 0 ? 0 : q16) + 2 * widening(log_exp, size), 16 - to);
    case MR_SWISH:
    case MR_GELU:
    case MR_GELU_TANH:
    case MR_HARD_SWISH:
    case MR_MISH:
        return rounded((q16 < 0 ? 0 : q16) - 2 * widening(dip(at, x < 0), size), 16 - to);
    default:
        return x;
    }
}

static int64_t clipped(const mr_place_t *at, int64_t x) {
    return !at->clips ? x : x < at->low ? at->low : x > at->high ? at->high : x;
}

int64_t mr_place_fixed(const mr_place_t *at, int64_t sum, int64_t *past) {
    const int64_t x = clipped(at, sum);

    if (!MR_IS_OPEN(at->kind))
        return ended(at, x);
    const int bits = MR_HAS_FINE_PART(at->kind) ? 33 : 27;
    // Far below 0 it is as good as at its end, if it has one there.
    const bool ends_below =
        at->kind == MR_RELU || at->kind == MR_THRESHOLDED_RELU || MR_HAS_FINE_PART(at->kind);
    int64_t far = 0;
    const int64_t near = mr_clamp_past(x, bits, &far);
    *past += x < 0 && ends_below ? 0 : far;
    return mr_clamp_past(unended(at, near, MR_ARGUMENT_FRAC(at->kind, at->frac), at->frac), 16,
                         past);
}

int64_t mr_place_state_fixed(const mr_place_t *at, int64_t c, int exponent) {
    const int64_t cut = mr_clamp(c, MR_CELL_BITS);

    if (MR_IS_OPEN(at->kind))
        return unended(at, clipped(at, cut), 16 - exponent, 16 - exponent);
    if (at->in_shift)
        return ended(at, clipped(at, (cut * at->in_factor + at->in_offset) >> at->in_shift));
    const int64_t q16 = mr_clamp(c, 40) * (INT64_C(1) << exponent);
    return ended(at, clipped(at, MR_ARGUMENT_FRAC(at->kind, 15) == 16 ? q16 : rounded(q16, 1)));
}

void mr_place_text(struct mr_text *text, const char *macro, const mr_place_t *at) {
    mr_text_add(text, "#define %s mr_place_with(%d, %d, %d, %d, %d, %d, %d, %d, %d, ", macro,
                at->kind, at->frac, at->clips, (int)at->low, (int)at->high, (int)at->factor,
                at->shift, (int)at->than, (int)at->in_factor);
    mr_text_add(text, "%lld, %d)\n", (long long)at->in_offset, at->in_shift);
}

// ---- cost

int mr_place_cycles(const mr_place_t *at) {
    return MR_PLACE_CYCLES(at->kind, at->clips, at->shift > 0, at->in_shift > 0);
}

int mr_place_tables(const mr_place_t *at) {
    if (at->kind == MR_MISH) // one for each sign
        return 2;
    return at->kind == MR_SIGMOID || at->kind == MR_TANH || at->kind == MR_SOFTSIGN ||
           MR_HAS_FINE_PART(at->kind);
}

// What hlsc expects of a table: whatever its argument is, any entry with any slope.
struct range {
    int64_t low, high;
};

static struct range table_range(struct table of) {
    struct range base = {of.base[0], of.base[0]}, slope = {0, 0};

    for (int i = 0; i < 1024; i++) {
        base.low = of.base[i] < base.low ? of.base[i] : base.low;
        base.high = of.base[i] > base.high ? of.base[i] : base.high;
        slope.low = of.slope[i] < slope.low ? of.slope[i] : slope.low;
        slope.high = of.slope[i] > slope.high ? of.slope[i] : slope.high;
    }
    return (struct range){(base.low * 1024 + slope.low * 1023 + (1 << 11)) >> 12,
                          (base.high * 1024 + slope.high * 1023 + (1 << 11)) >> 12};
}

// A smooth ReLU is a ReLU with any dip.
static int64_t smooth_reach(const mr_place_t *at) {
    const struct range above = table_range(dip(at, false)), below = table_range(dip(at, true));
    const int64_t least = above.low < below.low ? above.low : below.low;
    const int64_t most = above.high > below.high ? above.high : below.high;
    const int64_t far = clipped(at, INT64_C(1) << 32);
    const int64_t high = rounded((far < 0 ? 0 : far) - 2 * least, 16 - at->frac);
    const int64_t low = -rounded(-2 * most, 16 - at->frac);

    return mr_clamp(high > low ? high : low, 16);
}

// A line ends where the sum is cut.
int64_t mr_place_reach(const mr_place_t *at) {
    const int64_t far = INT64_C(1) << 40;
    const bool is_line = MR_IS_OPEN(at->kind) || at->kind == MR_HARD_SIGMOID;
    mr_place_t whole = *at;
    int64_t high, low, past = 0; // which is of no interest

    if (MR_IS_SMOOTH(at->kind))
        return smooth_reach(at);
    whole.clips = false;
    high = llabs(mr_place_fixed(is_line ? at : &whole, far, &past));
    low = llabs(mr_place_fixed(is_line && at->kind != MR_ELU ? at : &whole, -far, &past));
    if (at->kind == MR_SOFTPLUS) // the sum of both
        high = mr_clamp(high + mr_place_fixed(&whole, 0, &past), 16);
    return high > low ? high : low;
}

// By a power of two is a shift.
static int is_product(int32_t factor) {
    const int32_t size = abs(factor);

    return (size & (size - 1)) != 0;
}

int mr_place_multipliers(const mr_place_t *at) {
    return (mr_place_tables(at) > 0) + is_product(at->factor) + is_product(at->in_factor);
}

bool mr_places_are_alike(const struct mr_place *a, const struct mr_place *b) {
    bool alike = true;

    for (int p = 0; p < MR_PLACES; p++) {
        const mr_place_t x = mr_place_constants(&a[p], 0), y = mr_place_constants(&b[p], 0);
        alike = alike && x.kind == y.kind && x.frac == y.frac && x.clips == y.clips &&
                mr_place_multipliers(&x) == mr_place_multipliers(&y);
    }
    return alike;
}
