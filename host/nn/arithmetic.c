// SPDX-License-Identifier: Apache-2.0
// Arithmetic that operators share (arithmetic.h).
#include "arithmetic.h"

#include "activation_tables.h"

double mr_sigmoid_float(double x) {
    return 1.0 / (1.0 + exp(-x));
}

void mr_log_sum_add(struct mr_log_sum *of, double exponent) {
    const double top = fmax(of->top, exponent);

    of->sum = of->sum * exp(of->top - top) + exp(exponent - top);
    of->top = top;
}

double mr_log_sum(struct mr_log_sum of) {
    return of.top + log(of.sum);
}

double mr_dot(const float *w, const double *v, size_t count) {
    double sum[4] = {0};
    size_t k = 0;

    for (; k + 4 <= count; k += 4) {
        for (int j = 0; j < 4; j++)
            sum[j] += w[k + (size_t)j] * v[k + (size_t)j];
    }
    for (; k < count; k++)
        sum[0] += w[k] * v[k];
    return sum[0] + sum[1] + (sum[2] + sum[3]);
}

int64_t mr_clamp(int64_t v, int bits) {
    const int64_t limit = (int64_t)1 << (bits - 1);

    return v < -limit ? -limit : v >= limit ? limit - 1 : v;
}

int64_t mr_clamp_counted(int64_t v, int bits, struct mr_cuts *cuts) {
    const int64_t kept = mr_clamp(v, bits);

    if (cuts && kept != v)
        cuts->count++;
    return kept;
}

enum { PAST_MAX = (1 << 28) - 1 };

int64_t mr_clamp_past(int64_t v, int bits, int64_t *past) {
    const int64_t kept = mr_clamp(v, bits), off = v > kept ? v - kept : kept - v;

    *past += off < PAST_MAX ? off : PAST_MAX;
    return kept;
}

int64_t mr_past_units(int64_t past, int from, int to) {
    const int64_t moved =
        to >= from ? past << (to - from) : (past + (INT64_C(1) << (from - to)) - 1) >> (from - to);

    return moved < PAST_MAX ? moved : PAST_MAX;
}

int64_t mr_integer_dot(const int16_t *w, const int32_t *v, int count) {
    int64_t sum = 0;

    for (int k = 0; k < count; k++)
        sum += (int64_t)w[k] * v[k];
    return sum;
}

int64_t mr_integer_dot8(const int16_t *w, const int32_t *v, int count) {
    int64_t sum = 0;

    for (int k = 0; k < count; k++)
        sum += (int64_t)w[k] * mr_column8(v[k]);
    return 256 * sum;
}

static int64_t interpolate(const int32_t *base, const int16_t *slope, int64_t argument) {
    const int64_t at = mr_clamp(argument, 20), segment = (at + (1 << 19)) >> 10;

    return (base[segment] * (int64_t)1024 + slope[segment] * (at & 1023) + (1 << 11)) >> 12;
}

int64_t mr_table_sigmoid(int64_t argument) {
    return interpolate(mr_sigmoid_base, mr_sigmoid_slope, argument);
}

int64_t mr_table_tanh(int64_t argument) {
    return interpolate(mr_tanh_base, mr_tanh_slope, argument);
}

uint64_t mr_reciprocal_near(uint64_t sum, int *shift) {
    *shift = 0;
    while (sum >> *shift >> 41 != 0)
        ++*shift;
    // r (1 + e + e^2) / 2^shift, r from the table and e = 1 - r sum / 2^shift
    const uint64_t s = sum >> (*shift + 14); // Q26
    const uint64_t r = (uint64_t)mr_reciprocal[(s >> 16) % 1024];
    const uint64_t e = (UINT64_C(1) << 41) - s * r;                   // Q41
    const uint64_t series = (e >> 9) + ((e >> 15) * (e >> 15) >> 20); // e + e^2, Q32
    return r * 32768 + (r * series >> 17);                            // Q30
}

int mr_frac_of(double greatest, int least, int most) {
    int frac = most;

    while (frac > least && ldexp(greatest, frac) > INT16_MAX)
        frac--;
    return frac;
}

double mr_exponent_limit(int exponent) {
    return ldexp(1, 7 + exponent);
}

int mr_exponent_of(double greatest) {
    int exponent = 0;

    while (exponent < MR_EXPONENT_MAX && mr_exponent_limit(exponent) < 2 * greatest)
        exponent++;
    return exponent;
}
