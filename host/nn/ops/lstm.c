// SPDX-License-Identifier: Apache-2.0
// LSTM: c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c')
// (Hochreiter and Schmidhuber 1997 with the forget gate of Gers 2000, as torch.nn.LSTM has it.)
#include "cells/lstm.h"
#include "arithmetic.h"
#include "recurrent.h"

#include <math.h>

enum { I, F, G, O };

static void float_unit(const struct mr_op *op, const double *sum, double *h, double *cell) {
    *cell =
        mr_gate_float(op->hard, sum[F]) * *cell + mr_gate_float(op->hard, sum[I]) * tanh(sum[G]);
    *h = mr_gate_float(op->hard, sum[O]) * tanh(*cell);
}

static void integer_unit(const struct mr_op *op, const int64_t *sum, int32_t *h, int32_t *cell) {
    const int64_t i = mr_gate_fixed(op->hard, sum[I]), f = mr_gate_fixed(op->hard, sum[F]);
    const int64_t g = mr_table_tanh(sum[G]), o = mr_gate_fixed(op->hard, sum[O]);
    const int64_t c = (f * *cell + ((2 * i * g) >> op->exponent) + (1 << 14)) >> 15;
    // A tanh has reached its end at +-8, the end of its argument.
    const int64_t squashed = mr_table_tanh(mr_clamp(c, 20 - op->exponent) * (1 << op->exponent));

    *cell = (int32_t)mr_clamp(c, MR_CELL_BITS);
    *h = (int32_t)((o * squashed + (1 << 14)) >> 15);
}

static struct mr_op_limit limit(const struct mr_network *network, const struct mr_op *op) {
    (void)network;
    return (struct mr_op_limit){mr_exponent_limit(op->exponent), ldexp(1, op->exponent - 16)};
}

// Of what is given in 16 bits.
static struct mr_op_limit limit_given(const struct mr_network *network, const struct mr_op *op) {
    const double own = mr_exponent_limit(op->exponent);
    const double given = ldexp(1, 15 - network->streams[op->output].frac[0]);

    return (struct mr_op_limit){given < own ? given : own, ldexp(1, op->exponent - 16)};
}

static uint32_t latency(int lc) {
    return (uint32_t)lstm_LATENCY(lc);
}

static const char *const names[lstm_GATES] = {"i", "f", "g", "o"};
static const int frac[lstm_GATES] = {MR_SIGMOID_FRAC, MR_SIGMOID_FRAC, MR_TANH_FRAC,
                                     MR_SIGMOID_FRAC};

#define LSTM                                                                                       \
    .header = "lstm.h", MR_CELL_OF(lstm), .squashes = true, .argument_frac = frac,                 \
    .latency = latency, .multipliers = 8, /* five interpolations, f * c, i * g, o * tanh(c) */     \
        .tables = 5, .sigmoids = 3, .h_reads = 2, .float_unit = float_unit,                        \
    .integer_unit = integer_unit

const struct mr_cell mr_op_lstm = {
    .kind = {.name = "lstm",
             .process = "lstm",
             MR_RECURRENT,
             MR_KIND_OF(lstm),
             .has_hard = true,
             .gate_names = names,
             .limit = limit},
    LSTM,
};

// The same, of which what follows reads the cell states.
const struct mr_cell mr_op_lstm_cell = {
    .kind = {.name = "lstm_cell",
             .process = "lstm",
             MR_RECURRENT,
             MR_KIND_OF(lstm),
             .has_hard = true,
             .gives_second = true,
             .gate_names = names,
             .limit = limit_given},
    LSTM,
};
