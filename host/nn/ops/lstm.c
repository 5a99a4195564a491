// SPDX-License-Identifier: Apache-2.0
// LSTM: c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c')
// (Hochreiter and Schmidhuber 1997 with the forget gate of Gers 2000, as torch.nn.LSTM has it.)
// With peepholes i and f see c, and o sees c' (Gers and Schmidhuber 2000).
#include "cells/lstm.h"
#include "arithmetic.h"
#include "cells/lstm_peephole.h"
#include "recurrent.h"

#include <math.h>

enum { I, F, G, O, P_I, P_F, P_O };

static void float_unit(const struct mr_op *op, const double *sum, double *h, double *cell) {
    *cell =
        mr_gate_float(op->hard, sum[F]) * *cell + mr_gate_float(op->hard, sum[I]) * tanh(sum[G]);
    *h = mr_gate_float(op->hard, sum[O]) * tanh(*cell);
}

static void float_peephole_unit(const struct mr_op *op, const double *sum, double *h,
                                double *cell) {
    const double i = mr_gate_float(op->hard, sum[I] + sum[P_I] * *cell);
    const double f = mr_gate_float(op->hard, sum[F] + sum[P_F] * *cell);

    *cell = f * *cell + i * tanh(sum[G]);
    *h = mr_gate_float(op->hard, sum[O] + sum[P_O] * *cell) * tanh(*cell);
}

// c', not cut yet.
static int64_t next_cell(const struct mr_op *op, int64_t i, int64_t f, int64_t g, int32_t cell) {
    return (f * cell + ((2 * i * g) >> op->exponent) + (1 << 14)) >> 15;
}

static int32_t next_h(const struct mr_op *op, int64_t o, int64_t c) {
    // A tanh has reached its end at +-8, the end of its argument.
    const int64_t squashed = mr_table_tanh(mr_clamp(c, 20 - op->exponent) * (1 << op->exponent));

    return (int32_t)((o * squashed + (1 << 14)) >> 15);
}

static void integer_unit(const struct mr_op *op, const int64_t *sum, int32_t *h, int32_t *cell) {
    const int64_t i = mr_gate_fixed(op->hard, sum[I]), f = mr_gate_fixed(op->hard, sum[F]);
    const int64_t c = next_cell(op, i, f, mr_table_tanh(sum[G]), *cell);

    *cell = (int32_t)mr_clamp(c, MR_CELL_BITS);
    *h = next_h(op, mr_gate_fixed(op->hard, sum[O]), c);
}

// A gate that sees a cell state: p times it in units of Q15, rounded. The exponent is in p.
static int64_t seeing_gate(const struct mr_op *op, int64_t sum, int64_t p, int64_t cell) {
    const int shift = op->rows.constant_frac + 1;

    return mr_gate_fixed(op->hard, sum + ((p * cell + (INT64_C(1) << (shift - 1))) >> shift));
}

static void integer_peephole_unit(const struct mr_op *op, const int64_t *sum, int32_t *h,
                                  int32_t *cell) {
    const int64_t i = seeing_gate(op, sum[I], sum[P_I], *cell);
    const int64_t f = seeing_gate(op, sum[F], sum[P_F], *cell);
    const int64_t c = next_cell(op, i, f, mr_table_tanh(sum[G]), *cell);

    *cell = (int32_t)mr_clamp(c, MR_CELL_BITS);
    *h = next_h(op, seeing_gate(op, sum[O], sum[P_O], *cell), c);
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

static uint32_t peephole_latency(int lc) {
    return (uint32_t)lstm_peephole_LATENCY(lc);
}

static const char *const names[lstm_GATES] = {"i", "f", "g", "o"};
static const int frac[lstm_GATES] = {MR_SIGMOID_FRAC, MR_SIGMOID_FRAC, MR_TANH_FRAC,
                                     MR_SIGMOID_FRAC};

// With and without peepholes
#define OF_LSTM .process = "lstm", MR_RECURRENT, .has_hard = true, .gate_names = names
// Multipliers: five interpolations, f * c, i * g, o * tanh(c).
#define LSTM                                                                                       \
    .header = "lstm.h", MR_CELL_OF(lstm), .squashes = true, .argument_frac = frac,                 \
    .latency = latency, .multipliers = 8, .tables = 5, .sigmoids = 3, .h_reads = 2,                \
    .float_unit = float_unit, .integer_unit = integer_unit
// And those of three peepholes, which add to the sums of gates.
#define PEEPHOLE                                                                                   \
    .header = "lstm_peephole.h", MR_CELL_OF(lstm_peephole), .argument_frac = frac,                 \
    .latency = peephole_latency, .multipliers = 11, .tables = 5, .sigmoids = 3, .h_reads = 2,      \
    .float_unit = float_peephole_unit, .integer_unit = integer_peephole_unit

const struct mr_cell mr_op_lstm = {
    .kind = {.name = "lstm", OF_LSTM, MR_KIND_OF(lstm), .limit = limit},
    LSTM,
};

const struct mr_cell mr_op_lstm_peephole = {
    .kind = {.name = "lstm_peephole",
             OF_LSTM,
             MR_KIND_OF(lstm_peephole),
             .constants = lstm_peephole_CONSTANTS,
             .limit = limit},
    PEEPHOLE,
};

// The same, of which what follows reads the cell states.
const struct mr_cell mr_op_lstm_cell = {
    .kind = {.name = "lstm_cell",
             OF_LSTM,
             MR_KIND_OF(lstm),
             .gives_second = true,
             .limit = limit_given},
    LSTM,
};

const struct mr_cell mr_op_lstm_peephole_cell = {
    .kind = {.name = "lstm_peephole_cell",
             OF_LSTM,
             MR_KIND_OF(lstm_peephole),
             .constants = lstm_peephole_CONSTANTS,
             .gives_second = true,
             .limit = limit_given},
    PEEPHOLE,
};
