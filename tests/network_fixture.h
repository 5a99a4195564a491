// SPDX-License-Identifier: Apache-2.0
// For tests that run networks: networks with float weights, by hand or random by a seed. For use
// outside of a running test too, so without Check.
#ifndef NETWORK_FIXTURE_H
#define NETWORK_FIXTURE_H

#include "op.h"
#include "places.h"
#include "quantise.h"
#include "random.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void net_need(bool good, const char *what) {
    if (good)
        return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static inline void net_create(struct mr_network *network, int inputs, const char *name) {
    net_need(mr_network_create(network, inputs) == 0, "not enough memory");
    network->name = strdup(name);
    network->input_name = strdup("x");
    net_need(network->name && network->input_name, "not enough memory");
}

// Adds an operator by its kind's name and returns the stream that it gives.
static inline int net_add(struct mr_network *network, const char *kind, int stream, int units,
                          enum mr_activation activation) {
    char error[300] = "";
    const struct mr_op_kind *known = mr_op_kind_find(kind);
    net_need(known != NULL, kind);
    const struct mr_op *op =
        mr_network_add(network, known, stream, units, activation, error, sizeof error);
    net_need(op != NULL, error);
    if (known->has_epsilon)
        // Rows that hardly differ stay small; a float32, as all numbers that an ONNX file keeps.
        network->ops[network->op_count - 1].epsilon = (double)0.1f;
    return op->output;
}

// Adds a table that the network's input is looked up in, and returns the stream that it gives.
static inline int net_table(struct mr_network *network, int entries, int units) {
    char error[300] = "";
    struct mr_op *op = mr_network_add_bare(network, mr_op_kind_find("embedding"), 0, -1, units,
                                           MR_ACTIVATION_LINEAR, error, sizeof error);
    net_need(op != NULL, error);
    op->entries = entries;
    net_need(mr_op_weights(op) == 0, "not enough memory");
    return op->output;
}

static inline void net_output(struct mr_network *network, int stream, const char *name) {
    char error[300] = "";
    net_need(mr_network_output(network, stream, name, error, sizeof error) == 0, error);
}

static inline void net_quantise(struct mr_network *network, const int32_t *frac) {
    char error[600] = "";
    net_need(mr_quantise(network, frac, NULL, error, sizeof error) == 0, error);
}

// Is a network with weights within 0.9 rightly refused by this sentence, for numbers so wide that a
// weight beside them has more than 16 bits? As a whole number it is w 2^(16 + 1 - frac) at least,
// with 16 fraction bits of the sum's argument at most and the least shift of 1. With 2 fraction
// bits, of numbers within 2^13, it fits.
static inline bool net_is_too_wide(const char *error) {
    const char *within = strstr(error, "for inputs within ");
    return within && strstr(error, "too large for 16-bit weights") &&
           strtod(within + strlen("for inputs within "), NULL) > 0x1p13;
}

// Is such a network quantised, and not rightly refused?
static inline bool net_is_quantised(struct mr_network *network, const int32_t *frac) {
    char error[600] = "";
    if (mr_quantise(network, frac, NULL, error, sizeof error) == 0)
        return true;
    net_need(net_is_too_wide(error), error);
    return false;
}

// Columns of an operator's rows.
static inline int net_columns(const struct mr_op *op) {
    return mr_op_columns(op);
}

// Random weights and biases for all operators.
static inline void net_weights(struct mr_network *network, uint64_t *state, double range) {
    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        const size_t rows = (size_t)mr_op_rows(op), columns = (size_t)mr_op_columns(op);
        if (rows == 0)
            continue;
        random_numbers(state, op->w_x, rows * (columns - (op->w_h ? (size_t)op->units : 0)), range);
        if (op->w_h)
            random_numbers(state, op->w_h, rows * (size_t)op->units, range);
        random_numbers(state, op->bias, (size_t)mr_op_sums(op), range);
    }
    // From a state of their own, so that the rest is what it is without them.
    uint64_t own = *state;
    for (int i = 0; i < network->op_count; i++)
        random_numbers(&own, network->ops[i].constants, (size_t)mr_op_constants(&network->ops[i]),
                       range);
}

// A random precision for each recurrent operator.
static inline void net_precisions(struct mr_network *network, uint64_t *state) {
    static const struct mr_precision precisions[] = {{16, 16}, {8, 16}, {8, 8}};
    for (int i = 0; i < network->op_count; i++)
        if (network->ops[i].kind->recurrent)
            network->ops[i].precision = precisions[random_between(state, 0, 2)];
}

// Layers of one kind in a row, the last step and a dense head as output "y"; weights are 0.
static inline void net_chain(struct mr_network *network, const char *kind, int inputs, int layers,
                             const int *units, int outputs, enum mr_activation activation) {
    net_create(network, inputs, "chain");
    int stream = 0;
    for (int l = 0; l < layers; l++)
        stream = net_add(network, kind, stream, units[l], MR_ACTIVATION_LINEAR);
    stream = net_add(network, "last", stream, 0, MR_ACTIVATION_LINEAR);
    net_output(network, net_add(network, "dense", stream, outputs, activation), "y");
}

// The name of one of the recurrent operators that there are.
static inline const char *net_cell(uint64_t *state) {
    const struct mr_op_kind *cells[32];
    int count = 0;
    for (size_t i = 0; mr_op_kind_at(i) && count < 32; i++)
        if (mr_op_kind_at(i)->recurrent && !mr_op_kind_at(i)->gives_second)
            cells[count++] = mr_op_kind_at(i);
    return cells[random_between(state, 0, count - 1)]->name;
}

static inline enum mr_activation net_activation(uint64_t *state) {
    return (enum mr_activation)random_between(state, MR_ACTIVATION_LINEAR, MR_ACTIVATION_RELU);
}

// An operator that reads single numbers and ends a network: softmax and others that there are.
static inline int net_end(struct mr_network *network, uint64_t *state, int stream) {
    const struct mr_op_kind *ends[32];
    int count = 0;
    for (size_t i = 0; mr_op_kind_at(i) && count < 32; i++)
        if (mr_op_kind_at(i)->reads_numbers)
            ends[count++] = mr_op_kind_at(i);
    return net_add(network, ends[random_between(state, 0, count - 1)]->name, stream, 0,
                   MR_ACTIVATION_LINEAR);
}

// A recurrent layer or a dense one, and the link past it, or a gate or another way to make one row
// of two.
static inline int net_link(struct mr_network *network, uint64_t *state, int stream) {
    const int width = network->streams[stream].width;
    const bool dense = network->op_count > 40 || (random_bits(state) & 1);
    const int layer = net_add(network, dense ? "dense" : net_cell(state), stream, width,
                              dense ? net_activation(state) : MR_ACTIVATION_LINEAR);
    static const char *const kinds[] = {"add", "add", "add", "multiply", "greater", "less"};
    const char *kind = kinds[random_between(state, 0, 5)];
    char error[300] = "";
    const struct mr_op *op =
        mr_network_join(network, mr_op_kind_find(kind), layer, stream, error, sizeof error);
    net_need(op != NULL, error);
    return op->output;
}

// The last step; arranged: now and then another row of all of them, drawn from a state of its own,
// so that the rest is what it is without.
static inline int net_row(struct mr_network *network, const uint64_t *state, int stream,
                          bool arranged) {
    static const char *const kinds[] = {"first", "max", "min", "mean", "sum", "last", "last"};
    uint64_t own = *state ^ UINT64_C(0x706f6f6c);
    const char *kind = arranged ? kinds[random_between(&own, 0, 6)] : "last";
    return net_add(network, kind, stream, 0, MR_ACTIVATION_LINEAR);
}

// A head of one or two dense operators and perhaps what ends a network, at every step or on one row
// of each sequence.
static inline int net_head(struct mr_network *network, uint64_t *state, int stream, int most,
                           bool arranged) {
    if (random_bits(state) & 1)
        stream = net_row(network, state, stream, arranged);
    if (random_bits(state) % 6 == 0)
        stream = net_add(network, "layer_norm", stream, 0, MR_ACTIVATION_LINEAR);
    if (random_bits(state) % 3 == 0)
        stream = net_add(network, "dense", stream, random_between(state, 1, most),
                         net_activation(state));
    stream = net_add(network, "dense", stream, random_between(state, 1, 4), net_activation(state));
    return random_bits(state) % 3 ? stream : net_end(network, state, stream);
}

static inline int net_join(struct mr_network *network, int a, int b) {
    char error[300] = "";
    const struct mr_op *op =
        mr_network_join(network, mr_op_kind_find("concat"), a, b, error, sizeof error);
    net_need(op != NULL, error);
    return op->output;
}

enum { NET_MOST_STEPS = 12 }; // of networks that turn sequences round

static inline int net_reverse(struct mr_network *network, int stream) {
    const int turned = net_add(network, "reverse", stream, 0, MR_ACTIVATION_LINEAR);
    network->ops[network->op_count - 1].most_steps = NET_MOST_STEPS;
    return turned;
}

// A recurrent layer; arranged: now and then one from the end, two side by side, one that starts
// from a state, or one with its own input beside its rows.
static inline int net_layer(struct mr_network *network, uint64_t *state, int stream, int most,
                            bool arranged) {
    const char *cell = net_cell(state);
    const int units = random_between(state, 1, most);
    const int way = arranged ? random_between(state, 0, 9) : 9;
    const int from = way == 0 ? net_reverse(network, stream) : stream;
    int layer = net_add(network, cell, from, units, MR_ACTIVATION_LINEAR);
    struct mr_op *op = &network->ops[network->op_count - 1];
    if (way == 2 || way == 3) {
        net_need(mr_op_starts(op, 1) == 0, "not enough memory");
        random_numbers(state, op->start, (size_t)mr_op_start_columns(op), 0.9);
    }
    if (way == 0)
        return net_reverse(network, layer);
    if (way == 1) {
        const int back = net_add(network, cell, net_reverse(network, stream), units, 0);
        return net_join(network, layer, net_reverse(network, back));
    }
    if (way == 4 && stream > 0)
        layer = net_join(network, layer, stream);
    return layer;
}

// Heads, states and branches behind and beside a trunk, as outputs; the number of them with those
// that are there.
static inline int net_heads(struct mr_network *network, uint64_t *state, int stream,
                            const int *trunk, int layers, int most, bool arranged, int *outputs,
                            int count) {
    for (int heads = random_between(state, 1, 3); heads > 0; heads--)
        outputs[count++] = net_head(network, state, stream, most, arranged);
    // What a softmax reads, beside what it gives.
    const struct mr_op *head = &network->ops[network->op_count - 1];
    if (head->kind->reads_numbers && random_bits(state) & 1)
        outputs[count++] = head->input;
    else if (random_bits(state) % 4 == 0)
        outputs[count++] = stream;
    if (random_bits(state) % 4 == 0)
        outputs[count++] = net_row(network, state, stream, arranged);
    if (random_bits(state) % 4 == 0 && count < MR_MAX_OUTPUTS)
        outputs[count++] = net_end(network, state, stream);
    // Branches beside the trunk, from the input or from a layer, with and without a layer of their
    // own.
    for (int beside = random_between(state, 0, 2); beside > 0 && count < MR_MAX_OUTPUTS; beside--) {
        int from = trunk[random_between(state, 0, layers - 1)];
        if (random_bits(state) % 3 == 0)
            from = net_add(network, net_cell(state), from, random_between(state, 1, most),
                           MR_ACTIVATION_LINEAR);
        outputs[count++] = net_head(network, state, from, most, arranged);
    }
    return count;
}

// A layer that reads the last row of a stream at each step of the sequence, and now and then what
// came there, and a head on its steps.
static inline int net_decoder(struct mr_network *network, uint64_t *state, int stream, int most) {
    const int last = net_add(network, "last", stream, 0, MR_ACTIVATION_LINEAR);
    int row = net_add(network, "repeat", last, 0, MR_ACTIVATION_LINEAR);
    network->ops[network->op_count - 1].most_steps = NET_MOST_STEPS;
    if (random_bits(state) & 1)
        row = net_join(network, row, stream);
    row = net_add(network, net_cell(state), row, random_between(state, 1, most), 0);
    return net_add(network, "dense", row, random_between(state, 1, 4), net_activation(state));
}

// Some activation for a place of a cell; of the gates, two of three are from 0 to 1.
static inline struct mr_place net_place(uint64_t *state, enum mr_place_of_cell where) {
    static const enum mr_activation gates[] = {MR_ACTIVATION_SIGMOID, MR_ACTIVATION_HARD};
    const bool gate = where == MR_PLACE_GATE && random_between(state, 0, 2) > 0;
    struct mr_place place =
        mr_place_plain(gate ? gates[random_between(state, 0, 1)]
                            : (enum mr_activation)random_between(state, 0, MR_ACTIVATIONS - 1));
    switch (place.kind) {
    case MR_ACTIVATION_LEAKY:
    case MR_ACTIVATION_THRESHOLDED:
    case MR_ACTIVATION_ELU:
        place.alpha = random_between(state, 0, 1) ? 0.25 : random_number(state, 0.9);
        break;
    case MR_ACTIVATION_TANH:
        if (random_between(state, 0, 1))
            place.scale =
                0.2 + fabs((double)random_number(state, where == MR_PLACE_GATE ? 0.8 : 1.5));
        break;
    default:
        break;
    }
    if (where == MR_PLACE_H && !MR_IS_OPEN(place.kind) && random_between(state, 0, 1)) {
        place.factor = 0.1 + fabs((double)random_number(state, 1));
        place.offset = random_number(state, 1);
    }
    // Gates beyond 1 would let states grow with every step.
    const bool grows = where == MR_PLACE_GATE && MR_IS_OPEN(place.kind);
    if (grows || random_between(state, 0, 3) == 0) {
        const double clip = 0.2 + fabs((double)random_number(state, grows ? 0.8 : 2));
        if (place.kind == MR_ACTIVATION_THRESHOLDED)
            place.alpha /= 5; // something is left
        place.low = place.offset - place.factor * clip;
        place.high = place.offset + place.factor * clip;
        // Something is left of a hard sigmoid, too: clipped outside of 0 to 1 it is a constant,
        // and hlsc leaves out what the plan counts.
        if (place.kind == MR_ACTIVATION_HARD && (place.high <= 0 || place.low >= 1))
            place.low = -INFINITY, place.high = INFINITY;
    }
    double *const numbers[] = {&place.alpha,  &place.scale, &place.factor,
                               &place.offset, &place.low,   &place.high};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = (double)(float)*numbers[i]; // as all numbers that an ONNX file keeps
    return place;
}

// Other activations at some places of a cell.
static inline void net_places(struct mr_op *op, uint64_t *state) {
    for (int p = 0; p < MR_PLACES; p++)
        if (op->kind->places[p] > 0 && random_between(state, 0, 2) > 0)
            do
                op->places[p] = net_place(state, (enum mr_place_of_cell)p);
            while (op->kind->constants > 0 && p == MR_PLACE_GATE &&
                   op->places[p].kind != MR_ACTIVATION_SIGMOID &&
                   op->places[p].kind != MR_ACTIVATION_HARD);
}

// A random network by seed, not quantised yet: 1 to 4 recurrent layers of all kinds, of at most
// `most` units; dense operators of all activations between them; behind them, and also behind the
// layers before, heads at every step and on the last one, and states themselves, as up to
// MR_MAX_OUTPUTS outputs y0, y1, ... tokens: its input is looked up in a table. arranged: as
// net_layer and net_row have it.
static inline void net_random_of(struct mr_network *network, uint64_t seed, int most, bool tokens,
                                 bool arranged) {
    uint64_t state = seed;
    int outputs[MR_MAX_OUTPUTS], count = 0;
    const int layers = random_between(&state, 1, 4);
    // Hidden states of one layer alone, whose vectors leave the network as they are.
    const bool states = random_bits(&state) % 5 == 0;
    net_create(network, tokens ? 1 : random_between(&state, 1, most), "random");
    const int table =
        tokens ? net_table(network, random_between(&state, 1, 40), random_between(&state, 1, most))
               : 0;
    int stream = random_bits(&state) % 4
                     ? table
                     : net_add(network, "dense", table, random_between(&state, 1, most),
                               net_activation(&state));
    int trunk[4] = {table};
    for (int l = 0; l < layers; l++) {
        stream = net_layer(network, &state, stream, most, arranged);
        if (l + 1 == layers)
            break;
        trunk[l + 1] = stream;
        if (!states && random_bits(&state) % 4 == 0)
            outputs[count++] = net_head(network, &state, stream, most, arranged);
        if (random_bits(&state) % 3 == 0)
            stream = net_add(network, "dense", stream, random_between(&state, 1, most),
                             net_activation(&state));
        if (random_bits(&state) % 4 == 0)
            stream = net_add(network, "layer_norm", stream, 0, MR_ACTIVATION_LINEAR);
        if (random_bits(&state) % 4 == 0)
            stream = net_link(network, &state, stream);
    }
    if (states && random_bits(&state) % 3)
        outputs[count++] = stream;
    if (states && (count == 0 || random_bits(&state) & 1))
        outputs[count++] = net_add(network, "last", stream, 0, MR_ACTIVATION_LINEAR);
    if (!states)
        count = net_heads(network, &state, stream, trunk, layers, most, arranged, outputs, count);
    uint64_t decoders = seed ^ UINT64_C(0x726570656174);
    if (arranged && !states && count < MR_MAX_OUTPUTS && random_bits(&decoders) % 3 == 0)
        outputs[count++] = net_decoder(network, &decoders, stream, most);
    for (int o = 0; o < count; o++) {
        char name[16];
        snprintf(name, sizeof name, "y%d", o);
        net_output(network, outputs[o], name);
    }
    for (int i = 0; i < network->op_count; i++)
        if (mr_op_has_places(&network->ops[i]) && random_bits(&state) % 3 == 0)
            net_places(&network->ops[i], &state);
    uint64_t others = ~seed; // so that the rest is what it was before dense layers had them
    for (int i = 0; i < network->op_count; i++)
        if (network->ops[i].kind->has_activation && random_bits(&others) % 3 == 0)
            network->ops[i].places[MR_PLACE_G] = net_place(&others, MR_PLACE_G);
    net_weights(network, &state, 0.7);
}

static inline void net_random(struct mr_network *network, uint64_t seed, int most) {
    net_random_of(network, seed, most, false, false);
}

// Of all kinds, with a precision for each layer.
static inline void net_random_mixed(struct mr_network *network, uint64_t seed, int most) {
    uint64_t state = seed ^ UINT64_C(0x77386138);
    const bool tokens = random_between(&state, 0, 4) == 0, arranged = random_bits(&state) & 1;
    net_random_of(network, seed, most, tokens, arranged);
    net_precisions(network, &state);
}

#endif
