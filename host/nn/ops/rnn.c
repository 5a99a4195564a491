// SPDX-License-Identifier: Apache-2.0
// The simple recurrent cell: h' = tanh(W x + R h + b) (Elman 1990, as torch.nn.RNN has it), or with
// another activation in tanh's place; and a cell of its own with ReLU.
#include "cells/rnn.h"
#include "arithmetic.h"
#include "recurrent.h"
#include "recurrent_fold.h"

#include <math.h>

static void float_tanh(const struct mr_op *op, const double *sum, double *h, double *cell,
                       double *reach) {
    (void)cell;
    *h = mr_reach(reach, MR_PLACE_G, mr_place_float(&op->places[MR_PLACE_G], *sum));
}

static void float_relu(const struct mr_op *op, const double *sum, double *h, double *cell,
                       double *reach) {
    (void)op, (void)cell, (void)reach;
    *h = fmax(*sum, 0);
}

static int64_t integer_tanh(const struct mr_op *op, const mr_place_t *at, const int64_t *sum,
                            int32_t *h, int32_t *cell) {
    int64_t past = 0;

    (void)op, (void)cell;
    *h = (int32_t)mr_place_fixed(&at[MR_PLACE_G], *sum, &past);
    return past;
}

static int64_t integer_relu(const struct mr_op *op, const mr_place_t *at, const int64_t *sum,
                            int32_t *h, int32_t *cell) {
    (void)op, (void)at, (void)cell;
    const int64_t seen = mr_clamp(*sum, 32); // what the kernel counts
    *h = *sum > 0 ? (int32_t)mr_clamp(*sum, 16) : 0;
    return seen > *h && seen > 0 ? seen - *h : 0;
}

static int fold_sum(struct mr_fold *to, const struct mr_op *op) {
    const int h = to->h[op - to->network->ops];
    const struct mr_fold_row row = {0, 0, true, true};

    mr_fold_rows(to, op, &row, 1, to->place[op->input], h, FOLDED_CUT_32);
    return h;
}

static void fold_tanh(struct mr_fold *to, const struct mr_op *op) {
    const int h = fold_sum(to, op);

    mr_fold_vector(to, (struct mr_fold_vector){
                           .elements = op->units, .activates = true, .tanh = 15, .to = {h, false}});
}

static void fold_relu(struct mr_fold *to, const struct mr_op *op) {
    const int h = fold_sum(to, op);

    mr_fold_vector(to, (struct mr_fold_vector){.elements = op->units,
                                               .addend = FOLDED_ADD_SUM,
                                               .cut = FOLDED_CUT_16,
                                               .relu = true,
                                               .to = {h, false}});
}

static struct mr_op_limit limit(const struct mr_network *network, const struct mr_op *op) {
    const int frac = network->streams[op->output].frac[0];

    return (struct mr_op_limit){ldexp(1, 15 - frac), ldexp(1, -frac)};
}

static bool reaches(const struct mr_op *op) {
    return mr_cell_goes_far(op, MR_PLACE_G);
}

static struct mr_op_limit limit_tanh(const struct mr_network *network, const struct mr_op *op) {
    const bool has_end = !MR_IS_OPEN(op->places[MR_PLACE_G].kind);

    return has_end ? (struct mr_op_limit){0} : limit(network, op);
}

static uint32_t latency_tanh(const struct mr_op *op, int lc) {
    return (uint32_t)rnn_tanh_LATENCY_OF(mr_cell_cycles(op, MR_PLACE_G), lc);
}

static uint32_t latency_relu(const struct mr_op *op, int lc) {
    (void)op;
    return (uint32_t)rnn_relu_LATENCY(lc);
}

static const enum mr_place_of_cell places[rnn_tanh_GATES] = {MR_PLACE_G};
static const int frac_relu[rnn_relu_GATES] = {0};

const struct mr_cell mr_op_rnn_tanh = {
    .kind = {.name = "rnn_tanh",
             .process = "rnn",
             MR_RECURRENT,
             MR_KIND_OF(rnn_tanh),
             .places = {0, 1, 0},
             .limit = limit_tanh},
    .header = "rnn.h",
    MR_CELL_OF(rnn_tanh),
    .place_of = places,
    .h_place = MR_PLACE_G,
    .reaches = reaches,
    .latency = latency_tanh,
    .h_reads = 2,
    .float_unit = float_tanh,
    .integer_unit = integer_tanh,
    .fold = fold_tanh,
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
    .fold = fold_relu,
};
