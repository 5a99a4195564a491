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
