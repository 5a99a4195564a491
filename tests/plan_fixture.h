// SPDX-License-Identifier: Apache-2.0
// For tests of planner and cycle model: networks without float weights, by hand and random.
#ifndef PLAN_FIXTURE_H
#define PLAN_FIXTURE_H

#include "network_fixture.h"
#include "pipeline.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- networks

static inline void fixture_output(struct mr_network *network, int stream) {
    char name[16];
    snprintf(name, sizeof name, "y%d", network->output_count);
    net_output(network, stream, name);
}

// LSTM layers in a row, the last step and a dense head.
static inline void fixture_chain(struct mr_network *network, int inputs, int layers,
                                 const int *hidden, int outputs, enum mr_activation activation) {
    ck_assert_int_eq(mr_network_create(network, inputs), 0);
    int stream = 0;
    for (int l = 0; l < layers; l++)
        stream = net_add(network, "lstm", stream, hidden[l], MR_ACTIVATION_LINEAR);
    stream = net_add(network, "last", stream, 0, MR_ACTIVATION_LINEAR);
    fixture_output(network, net_add(network, "dense", stream, outputs, activation));
}

// Two LSTM layers of 25 units, and one number per sequence.
static inline struct mr_network fixture_turbofan(void) {
    static const int two_of_25[] = {25, 25};
    struct mr_network network;
    fixture_chain(&network, 25, 2, two_of_25, 1, MR_ACTIVATION_LINEAR);
    return network;
}

static inline void fixture_choose(const struct mr_network *network, const char *target,
                                  enum mr_plan_mode mode, struct mr_plan *plan) {
    const struct mr_plan_request request = {.mode = mode};
    char error[512] = "";
    ck_assert_msg(
        mr_plan_choose(network, mr_target_find(target), &request, plan, error, sizeof error) == 0,
        "%s", error);
    ck_assert_int_eq(plan->mode, mode);
    ck_assert_str_eq(plan->target->name, target);
}

// A plan of LCs, with a pass each.
static inline int fixture_evaluate(const struct mr_network *network, const int *lc,
                                   struct mr_plan *plan, char *error, size_t error_size) {
    struct mr_op_layout layouts[MR_MAX_LAYERS];
    for (int l = 0; l < mr_network_layers(network); l++)
        layouts[l] = (struct mr_op_layout){.lc = lc[l], .passes = 1};
    return mr_plan_evaluate(network, layouts, 1, plan, error, error_size);
}

// Lanes that lie in several dies of a card are late.
static inline void fixture_place_ways(const struct mr_target *target, const int *lc,
                                      struct mr_plan *plan) {
    const struct mr_network *network = plan->network;
    struct mr_op_layout layouts[MR_MAX_LAYERS];
    for (int l = 0; l < mr_network_layers(network); l++)
        layouts[l] = (struct mr_op_layout){.lc = lc[l], .passes = 1};
    if (mr_place_ways(plan, target, layouts))
        ck_assert_int_eq(mr_plan_evaluate(network, layouts, 1, plan, NULL, 0), 0);
}

// One LC for each recurrent operator.
static inline void fixture_lanes(uint64_t *state, const struct mr_network *network,
                                 int lc[MR_MAX_LAYERS]) {
    for (int l = 0; l < mr_network_layers(network); l++) {
        const int units = mr_network_layer(network, l)->units;
        lc[l] = random_between(state, 1, units < 12 ? units : 12);
    }
}

static inline void fixture_random_chain(uint64_t *state, int most, struct mr_network *network,
                                        int lc[MR_MAX_LAYERS]) {
    int hidden[3];
    const int layers = random_between(state, 1, 3), inputs = random_between(state, 1, most);
    for (int l = 0; l < layers; l++)
        hidden[l] = random_between(state, 1, most);
    fixture_chain(network, inputs, layers, hidden, random_between(state, 1, 3),
                  random_bits(state) & 1 ? MR_ACTIVATION_SIGMOID : MR_ACTIVATION_LINEAR);
    fixture_lanes(state, network, lc);
}

// Cells and dense operators in a row or beside one another, at each step or at the last one; what
// nobody reads and some of the others are outputs.
static inline void fixture_random_graph(uint64_t *state, int most, struct mr_network *network,
                                        int lc[MR_MAX_LAYERS]) {
    static const enum mr_activation activations[] = {MR_ACTIVATION_LINEAR, MR_ACTIVATION_SIGMOID,
                                                     MR_ACTIVATION_TANH, MR_ACTIVATION_RELU};
    ck_assert_int_eq(mr_network_create(network, random_between(state, 1, most)), 0);
    const int count = random_between(state, 2, 6);
    for (int i = 0; i < count; i++) {
        int from = random_between(state, 0, i);
        if (random_bits(state) % 3)
            from = i; // rather a chain
        const bool steps = network->streams[from].rate == MR_PER_STEP;
        const int what = i == 0 || (steps && mr_network_layers(network) < 3)
                             ? random_between(state, 0, 4)
                             : random_between(state, 3, 4);
        const int units = random_between(state, 1, most);
        if (i == 0 || what < 3)
            net_add(network, net_cell(state), from, units, MR_ACTIVATION_LINEAR);
        else if (what == 3 && steps)
            net_add(network, "last", from, 0, MR_ACTIVATION_LINEAR);
        else
            net_add(network, "dense", from, units, activations[random_between(state, 0, 3)]);
    }
    for (int stream = 1; stream < network->stream_count; stream++)
        if (mr_network_readers(network, stream) == 0 ||
            (network->output_count < 3 && random_bits(state) % 4 == 0))
            fixture_output(network, stream);
    fixture_lanes(state, network, lc);
}

static inline void fixture_rows(uint64_t *state, struct mr_rows *rows, int weight_bits, int count,
                                int columns, int sums) {
    // A weight of 8 bits counts as much as one of 16 by a shift of less.
    const int low = weight_bits == 8 ? -128 : -3000, high = weight_bits == 8 ? 127 : 3000;
    const int less = weight_bits == 8 ? 5 : 0;
    ck_assert_int_eq(mr_rows_create(rows, count, columns, sums), 0);
    for (int i = 0; i < count * columns; i++)
        rows->weight[i] = (int16_t)random_between(state, low, high);
    for (int r = 0; r < sums; r++) {
        rows->bias[r] =
            ((int64_t)(int32_t)random_bits(state) * random_between(state, 1, 64) / 64) >> less;
        rows->shift[r] = random_between(state, 10, 16) - less;
    }
}

// Whole numbers for a network, as large as they come, and a precision of each layer.
static inline void fixture_weights(uint64_t *state, struct mr_network *network) {
    net_precisions(network, state);
    for (int i = 0; i < network->op_count; i++) {
        struct mr_op *op = &network->ops[i];
        if (op->kind->gates == 0)
            continue;
        fixture_rows(state, &op->rows, op->precision.weight_bits, op->kind->gates * op->units,
                     op->inputs + (op->kind->recurrent ? op->units : 0),
                     op->kind->sums * op->units);
        op->exponent = op->kind->second_field ? random_between(state, 0, 16) : 0;
        if (op->kind->constants == 0)
            continue;
        ck_assert_int_eq(mr_rows_constants(&op->rows, mr_op_constants(op)), 0);
        op->rows.constant_frac = random_between(state, 0, MR_CONSTANT_FRAC_MAX);
        for (int n = 0; n < mr_op_constants(op); n++)
            op->rows.constant[n] = random_between(state, -(1 << 17), (1 << 17) - 1);
    }
}

// ---- layouts

// Of a recurrent operator, with at most so many columns a cycle: passes, ports, weights in each
// kind of memory or in two, columns of x or of h first.
static inline struct mr_op_layout fixture_layout(uint64_t *state, const struct mr_op *op,
                                                 int most) {
    // The first two have ports for two reads.
    static const enum mr_storage storages[] = {MR_STORAGE_BRAM, MR_STORAGE_URAM, MR_STORAGE_LUTRAM};
    most = op->units < most ? op->units : most;
    struct mr_op_layout layout = {
        .slots = 1, .lc = random_between(state, 1, random_bits(state) & 1 ? most : 4)};
    layout.lc = layout.lc < most ? layout.lc : most;
    const int least = mr_plan_least_lc(op, 1);
    layout.lc = layout.lc > least ? layout.lc : least;
    layout.passes =
        mr_plan_passes(op, layout.lc, random_bits(state) & 1 ? 1 : random_between(state, 2, 6));
    layout.ports = random_between(state, 0, layout.lc > 1 ? 2 : 1); // 0: nobody says
    // More words of LUTs are too slow, which hlsc says.
    const int words =
        layout.passes * (mr_ceil_div(op->inputs, layout.lc) + mr_ceil_div(op->units, layout.lc));
    // Lanes in several dies.
    if (random_between(state, 0, 3) == 0 && mr_op_has_tiles(op, &layout))
        layout.crossing = 1 + 2 * random_between(state, 1, 3);
    const int kinds = layout.ports == 2 || words > 1024 ? 2 : 3;
    layout.memory = storages[random_between(state, 0, kinds - 1)];
    // Up to all but one of the lanes, so that tiles are of one kind, of the other and of both.
    const int lanes = mr_op_lane_units(op, &layout);
    if (layout.ports && lanes > 1 && random_bits(state) & 1) {
        layout.rest_from = random_between(state, 1, lanes - 1);
        do
            layout.rest = storages[random_between(state, 0, kinds - 1)];
        while (layout.rest == layout.memory);
    }
    layout.h_first = random_bits(state) & 1;
    return layout;
}

#endif
