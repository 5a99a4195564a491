// SPDX-License-Identifier: Apache-2.0
// GRU: h' = (1 - z) n + z h, with the reset gate r on the product of h (as torch.nn.GRU and cuDNN
// have it), n = tanh(W x + b + r (R h + b')), or on h before it (Cho et al. 2014, the default of
// ONNX), n = tanh(W x + R (r h) + b).
#include "cells/gru.h"
#include "arithmetic.h"
#include "cells/gru_reset_first.h"
#include "recurrent.h"

#include <math.h>

enum { R, Z, N, N_H };

static double mix(double z, double n, double h) {
    return (1 - z) * n + z * h;
}

static void float_unit(const struct mr_op *op, const double *sum, double *h, double *cell) {
    const double r = mr_gate_float(op->hard, sum[R]), z = mr_gate_float(op->hard, sum[Z]);

    (void)cell;
    *h = mix(z, tanh(sum[N] + r * sum[N_H]), *h);
}

static void float_unit_first(const struct mr_op *op, const double *sum, double *h, double *cell) {
    (void)cell;
    *h = mix(mr_gate_float(op->hard, sum[Z]), tanh(sum[N]), *h);
}

static double float_gated(const struct mr_op *op, const double *sum, double h) {
    return mr_gate_float(op->hard, sum[R]) * h;
}

static int32_t integer_mix(int64_t z, int64_t n, int64_t h) {
    return (int32_t)((n * 32768 + z * (h - n) + (1 << 14)) >> 15);
}

static void integer_unit(const struct mr_op *op, const int64_t *sum, int32_t *h, int32_t *cell) {
    const int64_t r = mr_gate_fixed(op->hard, sum[R]), z = mr_gate_fixed(op->hard, sum[Z]);
    const int64_t of_h = (r * mr_clamp(sum[N_H], 27) + (1 << 14)) >> 15;

    (void)cell;
    *h = integer_mix(z, mr_table_tanh(mr_clamp(sum[N], 27) + of_h), *h);
}

static void integer_unit_first(const struct mr_op *op, const int64_t *sum, int32_t *h,
                               int32_t *cell) {
    (void)cell;
    *h = integer_mix(mr_gate_fixed(op->hard, sum[Z]), mr_table_tanh(sum[N]), *h);
}

static int32_t integer_gated(const struct mr_op *op, const int64_t *sum, int32_t h) {
    return (int32_t)((mr_gate_fixed(op->hard, sum[R]) * h + (1 << 14)) >> 15);
}

static uint32_t latency(int lc) {
    return (uint32_t)gru_LATENCY(lc);
}

static uint32_t latency_first(int lc) {
    return (uint32_t)gru_reset_first_LATENCY(lc);
}

static uint32_t late_latency(int lc) {
    return (uint32_t)gru_reset_first_SECOND_LATENCY(lc);
}

static const char *const names[gru_GATES] = {"r", "z", "n"};
static const int frac[gru_GATES + gru_SPLIT] = {MR_SIGMOID_FRAC, MR_SIGMOID_FRAC, MR_TANH_FRAC,
                                                MR_TANH_FRAC};

const struct mr_cell mr_op_gru = {
    .kind = {.name = "gru",
             .process = "gru",
             MR_RECURRENT,
             MR_KIND_OF(gru),
             .has_hard = true,
             .gate_names = names},
    .header = "gru.h",
    MR_CELL_OF(gru),
    .squashes = true,
    .argument_frac = frac,
    .latency = latency,
    .multipliers = 5, // three interpolations, r * n, z * (h - n)
    .tables = 3,
    .sigmoids = 2,
    .h_reads = 3,
    .float_unit = float_unit,
    .integer_unit = integer_unit,
};

const struct mr_cell mr_op_gru_reset_first = {
    .kind = {.name = "gru_reset_first",
             .process = "gru",
             MR_RECURRENT,
             MR_KIND_OF(gru_reset_first),
             .has_hard = true,
             .gate_names = names},
    .header = "gru_reset_first.h",
    MR_CELL_OF(gru_reset_first),
    .squashes = true,
    .argument_frac = frac,
    .latency = latency_first,
    .late_latency = late_latency,
    .multipliers = 5, // three interpolations, r * h, z * (h - n)
    .tables = 3,
    .sigmoids = 2,
    .h_reads = 4,
    .float_unit = float_unit_first,
    .float_gated = float_gated,
    .integer_unit = integer_unit_first,
    .integer_gated = integer_gated,
};
