// SPDX-License-Identifier: Apache-2.0
// The simple recurrent cell: h' = tanh(W x + R h + b) (Elman 1990, as torch.nn.RNN has it), or with
// ReLU, whose h has a range of its own.
#include "cells/rnn.h"
#include "arithmetic.h"
#include "recurrent.h"

#include <math.h>

static void float_tanh(const struct mr_op *op, const double *sum, double *h, double *cell) {
    (void)op, (void)cell;
    *h = tanh(*sum);
}

static void float_relu(const struct mr_op *op, const double *sum, double *h, double *cell) {
    (void)op, (void)cell;
    *h = fmax(*sum, 0);
}

static void integer_tanh(const struct mr_op *op, const int64_t *sum, int32_t *h, int32_t *cell) {
    (void)op, (void)cell;
    *h = (int32_t)mr_table_tanh(*sum);
}

static void integer_relu(const struct mr_op *op, const int64_t *sum, int32_t *h, int32_t *cell) {
    (void)op, (void)cell;
    *h = *sum > 0 ? (int32_t)mr_clamp(*sum, 16) : 0;
}

static struct mr_op_limit limit(const struct mr_network *network, const struct mr_op *op) {
    const int frac = network->streams[op->output].frac[0];

    return (struct mr_op_limit){ldexp(1, 15 - frac), ldexp(1, -frac)};
}

static uint32_t latency_tanh(int lc) {
    return (uint32_t)rnn_tanh_LATENCY(lc);
}

static uint32_t latency_relu(int lc) {
    return (uint32_t)rnn_relu_LATENCY(lc);
}

static const int frac_tanh[rnn_tanh_GATES] = {MR_TANH_FRAC};
static const int frac_relu[rnn_relu_GATES] = {0};

const struct mr_cell mr_op_rnn_tanh = {
    .kind = {.name = "rnn_tanh", .process = "rnn", MR_RECURRENT, MR_KIND_OF(rnn_tanh)},
    .header = "rnn.h",
    MR_CELL_OF(rnn_tanh),
    .squashes = true,
    .argument_frac = frac_tanh,
    .latency = latency_tanh,
    .multipliers = 1, // the interpolation
    .tables = 1,
    .h_reads = 2,
    .float_unit = float_tanh,
    .integer_unit = integer_tanh,
};

const struct mr_cell mr_op_rnn_relu = {
    .kind =
        {.name = "rnn_relu", .process = "rnn", MR_RECURRENT, MR_KIND_OF(rnn_relu), .limit = limit},
    .header = "rnn.h",
    MR_CELL_OF(rnn_relu),
    .ranged = true,
    .argument_frac = frac_relu,
    .latency = latency_relu,
    .h_reads = 2,
    .float_unit = float_relu,
    .integer_unit = integer_relu,
};
