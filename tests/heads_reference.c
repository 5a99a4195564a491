// SPDX-License-Identifier: Apache-2.0
// Written after the formulas, not after the kernels: rows at once, floors of exact quotients.
#include "heads_reference.h"

#include "activation_tables.h"
#include "formats.h"

static int64_t clamp(int64_t x, int bits) {
    const int64_t high = ((int64_t)1 << (bits - 1)) - 1;
    return x > high ? high : x < -high - 1 ? -high - 1 : x;
}

static int32_t squash(const int32_t *base, const int16_t *slope, int64_t x) {
    const int32_t offset = (int32_t)clamp(x, 20) + (1 << 19);
    return (base[offset / 1024] * 1024 + slope[offset / 1024] * (offset % 1024) + 2048) >> 12;
}

uint64_t dense_row(const struct dense_reference *dense, const int16_t *x, int32_t *y) {
    uint64_t cut = 0;
    for (int o = 0; o < dense->outputs; o++) {
        int64_t sum = dense->bias[o];
        for (int i = 0; i < dense->inputs; i++)
            sum += (int64_t)dense->weights[o * dense->inputs + i] * x[i];
        const int64_t scaled = sum >> dense->shift[o];
        if (dense->activation == MR_SIGMOID) {
            y[o] = squash(mr_sigmoid_base, mr_sigmoid_slope, scaled);
        } else if (dense->activation == MR_TANH) {
            y[o] = squash(mr_tanh_base, mr_tanh_slope, scaled);
        } else {
            const int64_t kept = dense->activation == MR_RELU && scaled < 0 ? 0 : scaled;
            y[o] = (int32_t)clamp(kept, dense->bits);
            cut += y[o] != kept;
        }
    }
    return cut;
}

// exp(-distance 2^-frac) is m / 2^(25 + n); both 0 from a distance of 32 on.
struct power {
    uint64_t m;
    int n;
};

static struct power power_of(int64_t distance, int frac) {
    if (distance >= (frac >= -5 ? (int64_t)1 << (frac + 5) : 1))
        return (struct power){0, 0};
    const int64_t d = frac <= 24 ? distance * ((int64_t)1 << (24 - frac)) : distance >> (frac - 24);
    const int64_t exponent = d * 48408813 >> 25; // log2(e) 2^25 is 48408812.65
    const int64_t fraction = exponent % (1 << 24);
    const int64_t segment = fraction / 16384, within = fraction % 16384;
    const int64_t line = mr_exp_base[segment] * INT64_C(16384) - mr_exp_slope[segment] * within;
    return (struct power){(uint64_t)(line / 32768), (int)(exponent >> 24)};
}

void softmax_row(const int32_t *x, int count, int frac, int32_t *y) {
    int32_t top = x[0];
    for (int i = 1; i < count; i++)
        top = x[i] > top ? x[i] : top;
    uint64_t sum = 0; // Q40
    for (int i = 0; i < count; i++) {
        const struct power p = power_of((int64_t)top - x[i], frac);
        sum += p.m * 32768 >> p.n;
    }
    // 1/sum = r (1 + e + e^2) / 2^shift, r from the table and e = 1 - r sum / 2^shift.
    int shift = 0;
    while (sum >> (shift + 41) != 0)
        shift++;
    const uint64_t s = sum >> (shift + 14); // Q26
    const uint64_t r = (uint64_t)mr_reciprocal[(s >> 16) % 1024];
    const uint64_t e = (UINT64_C(1) << 41) - s * r;                   // Q41
    const uint64_t series = (e >> 9) + ((e >> 15) * (e >> 15) >> 20); // e + e^2, Q32
    const uint64_t reciprocal = r * 32768 + (r * series >> 17);       // Q30
    for (int i = 0; i < count; i++) {
        const struct power p = power_of((int64_t)top - x[i], frac);
        const int bits = p.n + shift + 10; // beside the bit that rounds
        const uint64_t product = p.m * reciprocal >> 20;
        y[i] = bits > 63 ? 0 : (int32_t)(((product >> bits) + 1) >> 1);
    }
}

int32_t argmax_row(const int32_t *x, int count) {
    int32_t place = 0;
    for (int i = 1; i < count; i++)
        place = x[i] > x[place] ? i : place;
    return place;
}
