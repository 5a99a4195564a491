// SPDX-License-Identifier: Apache-2.0
// Layers of every cell, run as the C that they are, against the host's operators, which are written
// after the formulas (host/nn/ops), bit for bit: states that are kept, reset, saved, written back
// and written anew; rows and units that fill no vector; more and fewer inputs than a step has time
// for.
#define _POSIX_C_SOURCE 200809L
#include "arithmetic.h"
#include "cells_layers.h"
#include "network_fixture.h"
#include "recurrent.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- the reference

// A unit's cell state or h as it was before it was cut, which the operators do not tell.
typedef int64_t uncut_of(const struct mr_op *op, int unit, const int32_t *columns, int64_t cell);

struct layer {
    const char *name, *kind;
    void (*call)(struct ports *, uint32_t, uint32_t, uint32_t, uint32_t);
    int inputs, hidden, lc, exponent;
    struct mr_precision precision;
    uncut_of *uncut;               // NULL: nothing is counted
    const struct mr_place *places; // [MR_PLACES], or NULL: its own
};

enum { MOST_UNITS = 18, MOST_COLUMNS = 96, SEQUENCE = 12 };

struct reference {
    const struct layer *layer;
    struct mr_network network;
    struct mr_op *op;
    int32_t state[3 * MOST_UNITS]; // h of all units, the second field of all, and room for a row
    uint64_t cut, past;
};

static int32_t *cells_of(struct reference *r) {
    return r->state + r->op->units;
}

static int64_t sum_of(const struct mr_op *op, int gate, int unit, const int32_t *columns) {
    const int row = gate * op->units + unit, count = op->rows.columns;
    const int16_t *w = op->rows.weight + row * count;
    const int64_t sum = op->precision.column_bits == 8 ? mr_integer_dot8(w, columns, count)
                                                       : mr_integer_dot(w, columns, count);
    return (op->rows.bias[row] + sum) >> op->rows.shift[row];
}

static int64_t lstm_uncut(const struct mr_op *op, int u, const int32_t *columns, int64_t cell) {
    const int64_t i = mr_table_sigmoid(sum_of(op, 0, u, columns));
    const int64_t f = mr_table_sigmoid(sum_of(op, 1, u, columns));
    const int64_t g = mr_table_tanh(sum_of(op, 2, u, columns)), scale = (int64_t)1 << op->exponent;
    return (f * cell * scale + 2 * i * g + (scale << 14)) >> (15 + op->exponent);
}

static int64_t seeing(const struct mr_op *op, int gate, int u, const int32_t *columns, int constant,
                      int64_t cell) {
    const int64_t product = cell * op->rows.constant[constant * op->units + u];
    const int64_t twice = (product >> op->rows.constant_frac) + 1; // in halves of a unit of the sum
    return mr_table_sigmoid(sum_of(op, gate, u, columns) + (twice >> 1));
}

static int64_t lstm_peephole_uncut(const struct mr_op *op, int u, const int32_t *columns,
                                   int64_t cell) {
    const int64_t i = seeing(op, 0, u, columns, 0, cell), f = seeing(op, 1, u, columns, 1, cell);
    const int64_t g = mr_table_tanh(sum_of(op, 2, u, columns)), scale = (int64_t)1 << op->exponent;
    return (f * cell * scale + 2 * i * g + (scale << 14)) >> (15 + op->exponent);
}

static int64_t rnn_relu_uncut(const struct mr_op *op, int u, const int32_t *columns, int64_t cell) {
    const int64_t sum = sum_of(op, 0, u, columns);
    (void)cell;
    return sum < 0 ? 0 : mr_clamp(sum, 32);
}

// With relus: what h or the cell state is, and how far all values were beyond their ends. Each is
// told up to 2^28, a sum above 27 bits too.
static const struct mr_place lstm_relu[MR_PLACES] = {{.kind = MR_ACTIVATION_SIGMOID,
                                                      .scale = 1,
                                                      .low = -INFINITY,
                                                      .high = INFINITY,
                                                      .factor = 1,
                                                      .frac = 15},
                                                     {.kind = MR_ACTIVATION_RELU,
                                                      .scale = 1,
                                                      .low = -INFINITY,
                                                      .high = INFINITY,
                                                      .factor = 1,
                                                      .frac = 12},
                                                     {.kind = MR_ACTIVATION_RELU,
                                                      .scale = 1,
                                                      .low = -INFINITY,
                                                      .high = INFINITY,
                                                      .factor = 1,
                                                      .frac = 9}};
static const struct mr_place gru_relu[MR_PLACES] = {{.kind = MR_ACTIVATION_RELU,
                                                     .scale = 1,
                                                     .low = -INFINITY,
                                                     .high = INFINITY,
                                                     .factor = 1,
                                                     .frac = 13},
                                                    {.kind = MR_ACTIVATION_RELU,
                                                     .scale = 1,
                                                     .low = -INFINITY,
                                                     .high = INFINITY,
                                                     .factor = 1,
                                                     .frac = 11}};

static int64_t cut_to(int64_t v, int bits, int64_t *past) {
    const int64_t kept = mr_clamp(v, bits), off = llabs(v - kept);
    *past += off < (1 << 28) - 1 ? off : (1 << 28) - 1;
    return kept;
}

static int64_t relu_of(int64_t sum, int64_t *past) {
    int64_t below = 0; // where it is 0 anyway
    const int64_t v = cut_to(sum, 27, sum < 0 ? &below : past);
    return cut_to(v < 0 ? 0 : v, 16, past);
}

static int64_t lstm_relu_uncut(const struct mr_op *op, int u, const int32_t *columns,
                               int64_t cell) {
    int64_t past = 0, past_g = 0, past_h = 0;
    const int64_t i = mr_table_sigmoid(sum_of(op, 0, u, columns));
    const int64_t f = mr_table_sigmoid(sum_of(op, 1, u, columns));
    const int64_t g = relu_of(sum_of(op, 2, u, columns), &past_g);
    const int64_t o = mr_table_sigmoid(sum_of(op, 3, u, columns));
    // Of c 14 fraction bits: f c has 29, i g 27.
    const int64_t c = (f * cell + 4 * i * g + (1 << 14)) >> 15, cut = cut_to(c, 24, &past);
    cut_to((o * (cut < 0 ? 0 : cut) + (1 << 19)) >> 20, 16, &past_h); // of h 9
    const int64_t most = (1 << 28) - 1;
    past_g = 4 * past_g < most ? 4 * past_g : most;
    past_h = 32 * past_h < most ? 32 * past_h : most;
    return cut + past + past_g + past_h;
}

static int64_t gru_relu_uncut(const struct mr_op *op, int u, const int32_t *columns, int64_t cell) {
    const int row = 2 * op->units + u, inputs = op->inputs, apart = 3 * op->units + u;
    const int16_t *w = op->rows.weight + row * op->rows.columns;
    int64_t past = 0, past_gate = 0;
    const int64_t r = relu_of(sum_of(op, 0, u, columns), &past_gate);
    const int64_t z = relu_of(sum_of(op, 1, u, columns), &past_gate);
    const int64_t x =
        (op->rows.bias[row] + mr_integer_dot(w, columns, inputs)) >> op->rows.shift[row];
    const int64_t of_h =
        (op->rows.bias[apart] + mr_integer_dot(w + inputs, columns + inputs, op->units)) >>
        op->rows.shift[apart];
    const int64_t of_x = cut_to(x, 27, &past), weighed = r * cut_to(of_h, 27, &past);
    const int64_t n = relu_of(((of_x << 13) + weighed + (1 << 12)) >> 13, &past);
    const int64_t h = columns[inputs + u];
    const int64_t kept = cut_to((n * 8192 + z * (h - n) + (1 << 12)) >> 13, 16, &past);
    (void)cell;
    return kept + past + (past_gate + 3) / 4; // of the gates 13 fraction bits, of h 11
}

static void step(struct reference *r, const int16_t *x) {
    const int units = r->op->units, inputs = r->op->inputs;
    int32_t columns[MOST_COLUMNS], h[MOST_UNITS];
    int64_t uncut[MOST_UNITS];
    for (int k = 0; k < inputs; k++)
        columns[k] = x[k];
    memcpy(columns + inputs, r->state, (size_t)units * sizeof *columns);
    for (int u = 0; r->layer->uncut && u < units; u++)
        uncut[u] = r->layer->uncut(r->op, u, columns, cells_of(r)[u]);
    struct mr_cuts cuts = {0};
    uint64_t cut = 0, beyond = 0;
    r->op->kind->integer_row(&r->network, r->op, columns, r->state, h, &cuts);
    for (int u = 0; r->layer->uncut && u < units; u++) {
        const int64_t past = uncut[u] - (r->op->kind->second_field ? cells_of(r)[u] : h[u]);
        cut += past != 0;
        beyond += (uint64_t)llabs(past);
    }
    if (r->layer->uncut) {
        ck_assert_uint_eq(cuts.count, cut);
        ck_assert_uint_eq(cuts.past, beyond);
    }
    r->cut += cut;
    r->past += beyond;
}

#define OF(name, cell, I, H, LC, exponent, weight_bits, column_bits, uncut)                        \
    { #name, #cell, name##_call, I, H, LC, exponent, {weight_bits, column_bits }, uncut, NULL }
static const struct layer layers[] = {
    OF(lstm_14x9_2, lstm, 14, 9, 2, 2, 16, 16, lstm_uncut),
    OF(lstm_30x5_1, lstm, 30, 5, 1, 16, 16, 16, lstm_uncut),
    OF(gru_3x9_2, gru, 3, 9, 2, 0, 16, 16, NULL),
    OF(gru_30x7_1, gru, 30, 7, 1, 0, 16, 16, NULL),
    OF(gru_14x13_5, gru, 14, 13, 5, 0, 16, 16, NULL),
    OF(gru_1x1_1, gru, 1, 1, 1, 0, 16, 16, NULL),
    OF(gru_reset_first_3x9_2, gru_reset_first, 3, 9, 2, 0, 16, 16, NULL),
    OF(gru_reset_first_40x7_1, gru_reset_first, 40, 7, 1, 0, 16, 16, NULL),
    OF(gru_reset_first_14x13_5, gru_reset_first, 14, 13, 5, 0, 16, 16, NULL),
    OF(gru_reset_first_16x15_3, gru_reset_first, 16, 15, 3, 0, 16, 16, NULL),
    OF(rnn_tanh_14x9_2, rnn_tanh, 14, 9, 2, 0, 16, 16, NULL),
    OF(rnn_tanh_3x5_5, rnn_tanh, 3, 5, 5, 0, 16, 16, NULL),
    OF(rnn_relu_14x9_2, rnn_relu, 14, 9, 2, 0, 16, 16, rnn_relu_uncut),
    OF(rnn_relu_30x7_1, rnn_relu, 30, 7, 1, 0, 16, 16, rnn_relu_uncut),
    OF(lstm_14x9_2_w8a8, lstm, 14, 9, 2, 1, 8, 8, lstm_uncut),
    OF(lstm_9x18_17_w8a8, lstm, 9, 18, 17, 2, 8, 8, lstm_uncut),
    OF(lstm_30x5_1_w8a16, lstm, 30, 5, 1, 0, 8, 16, lstm_uncut),
    OF(gru_3x9_2_w8a8, gru, 3, 9, 2, 0, 8, 8, NULL),
    OF(gru_14x13_5_w8a16, gru, 14, 13, 5, 0, 8, 16, NULL),
    OF(gru_reset_first_3x9_2_w8a8, gru_reset_first, 3, 9, 2, 0, 8, 8, NULL),
    OF(gru_reset_first_16x15_3_w8a16, gru_reset_first, 16, 15, 3, 0, 8, 16, NULL),
    OF(gru_reset_first_14x13_5_w8a8, gru_reset_first, 14, 13, 5, 0, 8, 8, NULL),
    OF(rnn_tanh_3x5_5_w8a8, rnn_tanh, 3, 5, 5, 0, 8, 8, NULL),
    OF(rnn_relu_14x9_2_w8a8, rnn_relu, 14, 9, 2, 0, 8, 8, rnn_relu_uncut),
    OF(lstm_peephole_14x9_2, lstm_peephole, 14, 9, 2, 2, 16, 16, lstm_peephole_uncut),
    OF(lstm_peephole_30x5_1_w8a16, lstm_peephole, 30, 5, 1, 16, 8, 16, lstm_peephole_uncut),
    OF(lstm_peephole_9x18_17_h_w8a8, lstm_peephole, 9, 18, 17, 0, 8, 8, lstm_peephole_uncut),
    OF(lstm_14x9_2_h, lstm, 14, 9, 2, 2, 16, 16, lstm_uncut),
    OF(lstm_2x18_1_h_w8a8, lstm, 2, 18, 1, 1, 8, 8, lstm_uncut),
    OF(gru_14x13_5_h, gru, 14, 13, 5, 0, 16, 16, NULL),
    OF(gru_30x7_1_h_w8a8, gru, 30, 7, 1, 0, 8, 8, NULL),
    OF(gru_reset_first_16x15_3_h, gru_reset_first, 16, 15, 3, 0, 16, 16, NULL),
    OF(rnn_relu_14x9_2_h_w8a8, rnn_relu, 14, 9, 2, 0, 8, 8, rnn_relu_uncut),
    {"lstm_relu_14x9_2",
     "lstm",
     lstm_relu_14x9_2_call,
     14,
     9,
     2,
     2,
     {16, 16},
     lstm_relu_uncut,
     lstm_relu},
    {"gru_relu_14x9_2",
     "gru",
     gru_relu_14x9_2_call,
     14,
     9,
     2,
     0,
     {16, 16},
     gru_relu_uncut,
     gru_relu},
};

// ---- the kernel's streams

static int words_of(int count, int lc) {
    return (count + lc - 1) / lc;
}

static void push_beat(struct hls_fifo *fifo, const int16_t *v, int count) {
    int16_t beat[MR_BEAT] = {0};
    memcpy(beat, v, (size_t)count * sizeof *v);
    hls_fifo_push(fifo, beat, sizeof beat);
}

static void push_weights(const struct reference *r, struct hls_fifo *fifo) {
    const struct layer *l = r->layer;
    const struct mr_op *op = r->op;
    const int x_words = words_of(l->inputs, l->lc), h_words = words_of(l->hidden, l->lc);
    const int bytes = l->precision.weight_bits / 8, beat = 2 * MR_BEAT;
    const int size = op->kind->gates * l->lc;
    const int shared = size * bytes <= beat ? beat / (size * bytes) : 1;
    unsigned char beats[8 * MR_BEAT] = {0};
    int taken = 0;
    for (int u = 0; u < l->hidden; u++)
        for (int word = 0; word < x_words + h_words; word++) {
            for (int e = 0; e < size; e++) {
                const int row = e / l->lc * l->hidden + u, c = e % l->lc;
                const int k = word < x_words ? word * l->lc + c : (word - x_words) * l->lc + c;
                const bool there = k < (word < x_words ? l->inputs : l->hidden);
                const int column = word < x_words ? k : l->inputs + k;
                if (there)
                    memcpy(beats + (taken * size + e) * bytes,
                           &op->rows.weight[row * op->rows.columns + column], (size_t)bytes);
            }
            const bool end = u == l->hidden - 1 && word == x_words + h_words - 1;
            if (++taken == shared || end) {
                for (int at = 0; at < taken * size * bytes; at += beat)
                    hls_fifo_push(fifo, beats + at, (size_t)beat);
                memset(beats, 0, sizeof beats);
                taken = 0;
            }
        }
    for (int u = 0; u < h_words * l->lc; u++) {
        int16_t v[MR_BEAT] = {0};
        for (int s = 0; u < l->hidden && s < op->kind->sums; s++) {
            for (int p = 0; p < 3; p++)
                v[4 * s + p] = (int16_t)(op->rows.bias[s * l->hidden + u] >> (16 * p));
            v[4 * s + 3] = (int16_t)op->rows.shift[s * l->hidden + u];
        }
        for (int n = 0; u < l->hidden && n < op->kind->constants; n++)
            for (int p = 0; p < 2; p++)
                v[4 * op->kind->sums + 2 * n + p] =
                    (int16_t)(op->rows.constant[n * l->hidden + u] >> (16 * p));
        push_beat(fifo, v, MR_BEAT);
    }
}

static void open_reference(struct reference *r, const struct layer *l) {
    memset(r, 0, sizeof *r);
    r->layer = l;
    net_create(&r->network, l->inputs, l->name);
    net_add(&r->network, l->kind, 0, l->hidden, MR_ACTIVATION_LINEAR);
    r->op = &r->network.ops[0];
    r->op->exponent = l->exponent;
    r->op->precision = l->precision;
    if (l->places)
        memcpy(r->op->places, l->places, sizeof r->op->places);
    ck_assert_int_eq(mr_rows_create(&r->op->rows, r->op->kind->gates * l->hidden,
                                    l->inputs + l->hidden, r->op->kind->sums * l->hidden),
                     0);
    if (r->op->kind->constants)
        ck_assert_int_eq(mr_rows_constants(&r->op->rows, mr_op_constants(r->op)), 0);
    // As its text has it.
    r->op->rows.constant_frac = l->exponent == 2 ? 12 : l->exponent ? 0 : 30;
}

// The ends of so many bits, or a number smaller by at most so many.
static int16_t some_number(uint64_t *state, int bits, int smaller) {
    const int most = (1 << (bits - 1)) - 1, what = random_between(state, 0, 15);
    if (what < 2)
        return (int16_t)(what ? most : -most - 1);
    return (int16_t)(random_between(state, -most - 1, most) >> random_between(state, 0, smaller));
}

static void random_layer(struct reference *r, uint64_t *state) {
    struct mr_rows *rows = &r->op->rows;
    const int bits = r->layer->precision.weight_bits;
    for (int i = 0; i < rows->rows * rows->columns; i++)
        rows->weight[i] = some_number(state, bits, 4);
    // From sums that stay small to those that are cut.
    for (int s = 0; s < rows->sums; s++) {
        const bool far = random_between(state, 0, 1);
        const int64_t reach = (int64_t)1 << (far ? 40 : random_between(state, 0, 36));
        rows->shift[s] = random_between(state, 3, far ? 10 : 20);
        rows->bias[s] = random_wide(state, -reach, reach);
    }
    for (int n = 0; n < mr_op_constants(r->op); n++) {
        const int most = (1 << (MR_CONSTANT_BITS - 1)) - 1, what = random_between(state, 0, 15);
        rows->constant[n] =
            what < 2 ? (what ? most : -most - 1)
                     : random_between(state, -most - 1, most) >> random_between(state, 0, 17);
    }
}

static void run(const struct layer *l, struct ports *p, uint32_t command, int steps, int total,
                uint32_t flags) {
    l->call(p, command, (uint32_t)steps, (uint32_t)total, flags);
    ck_assert_msg(!p->weights.failed && !p->x.failed, "%s reads more than there is", l->name);
    ck_assert_msg(p->weights.head == p->weights.tail && p->x.head == p->x.tail,
                  "%s leaves something", l->name);
}

static void push_x(const struct layer *l, struct ports *p, const int16_t *x, int total) {
    const int padded = words_of(l->inputs, l->lc) * l->lc;
    for (int t = 0; t < total; t++)
        for (int k = 0; k < padded; k++) {
            const int16_t v = k < l->inputs ? x[t * l->inputs + k] : 0;
            hls_fifo_push(&p->x, &v, sizeof v);
        }
}

// Runs both on the same rows and compares all that the layer gives.
static void check_run(struct reference *r, struct ports *p, const int16_t *x, int steps, int total,
                      bool reset) {
    const struct layer *l = r->layer;
    const int padded = words_of(l->hidden, l->lc) * l->lc;
    push_x(l, p, x, total);
    run(l, p, MR_COMMAND_RUN, steps, total, reset ? MR_FLAG_RESET : 0);
    r->cut = r->past = 0;
    for (int t = 0; t < total; t++) {
        if (reset && t % steps == 0)
            memset(r->state, 0, sizeof r->state);
        step(r, x + t * l->inputs);
        for (int u = 0; u < padded; u++) {
            int16_t given;
            hls_fifo_pop(&p->h, &given, sizeof given);
            const int32_t wanted = u < l->hidden ? r->state[u] : 0;
            ck_assert_msg(given == wanted, "%s, step %d, unit %d: %d, not %d", l->name, t, u, given,
                          (int)wanted);
        }
    }
    ck_assert_msg(!p->h.failed && p->h.head == p->h.tail, "%s gives another count", l->name);
    if (l->uncut) {
        ck_assert_uint_eq(*probe_cut, r->cut);
        ck_assert_uint_eq(*probe_past, r->past);
    }
}

static void check_state(struct reference *r, struct ports *p) {
    const struct layer *l = r->layer;
    run(l, p, MR_COMMAND_READ_STATE, 0, 0, 0);
    for (int u = 0; u < words_of(l->hidden, l->lc) * l->lc; u++) {
        unit_state_t unit;
        hls_fifo_pop(&p->state, &unit, sizeof unit);
        ck_assert_int_eq(unit.h, u < l->hidden ? r->state[u] : 0);
        ck_assert_int_eq(unit.cell, u < l->hidden ? cells_of(r)[u] : 0);
    }
    ck_assert(!p->state.failed && p->state.head == p->state.tail);
}

static void write_state(struct reference *r, struct ports *p) {
    const struct layer *l = r->layer;
    for (int u = 0; u < words_of(l->hidden, l->lc) * l->lc; u++) {
        const int32_t c = u < l->hidden ? cells_of(r)[u] : 0;
        const int16_t v[3] = {(int16_t)(u < l->hidden ? r->state[u] : 0), (int16_t)(c & 65535),
                              (int16_t)(c >> 16)};
        push_beat(&p->weights, v, 3);
    }
    run(l, p, MR_COMMAND_WRITE_STATE, 0, 0, 0);
}

START_TEST(layer_computes_the_reference) {
    static struct reference r;
    int32_t saved[3 * MOST_UNITS];
    struct ports p;
    int16_t x[SEQUENCE * MOST_COLUMNS];
    uint64_t state = 4711 + (uint64_t)_i;
    memset(&p, 0, sizeof p);
    open_reference(&r, &layers[_i]);
    printf("cells_test: %s, seed %llu\n", r.layer->name, (unsigned long long)state);
    for (int round = 0; round < 6; round++) {
        random_layer(&r, &state);
        push_weights(&r, &p.weights);
        run(r.layer, &p, MR_COMMAND_LOAD, 0, 0, 0);
        for (int i = 0; i < SEQUENCE * MOST_COLUMNS; i++)
            x[i] = some_number(&state, 16, 8);
        check_run(&r, &p, x, 4, SEQUENCE, true); // three sequences
        check_state(&r, &p);
        memcpy(saved, r.state, sizeof saved);
        check_run(&r, &p, x, 3, 7, false); // on from there
        check_state(&r, &p);
        memcpy(r.state, saved, sizeof saved); // and once more, back from where it was saved
        write_state(&r, &p);
        check_run(&r, &p, x, 1, 1, false);
        check_run(&r, &p, x + r.layer->inputs, 6, 6, false);
        for (int u = 0; u < r.op->units; u++) { // any state
            r.state[u] = u % 3                          ? random_between(&state, -32768, 32767)
                         : random_between(&state, 0, 1) ? -32768
                                                        : 32767;
            if (r.op->kind->second_field)
                cells_of(&r)[u] = random_between(&state, -(1 << 23), (1 << 23) - 1);
        }
        write_state(&r, &p);
        check_state(&r, &p);
        check_run(&r, &p, x, 5, 5, false);
        check_run(&r, &p, x, 2, 0, true); // nothing
        check_state(&r, &p);
        check_run(&r, &p, x, 1, 3, true); // a sequence a step
    }
    mr_network_free(&r.network);
    hls_fifo_free(&p.weights);
    hls_fifo_free(&p.x);
    hls_fifo_free(&p.h);
    hls_fifo_free(&p.state);
}
END_TEST

// r h of a gate without an end is cut to 16 bits where it is 1: both ends of h and of r.
extern const struct mr_cell mr_op_gru_reset_first;

START_TEST(a_weighed_state_is_cut) {
    static const int32_t ends[] = {-32768, 32767};
    struct mr_place place = mr_place_plain(MR_ACTIVATION_LINEAR);
    mr_place_t at[MR_PLACES];

    for (int p = 0; p < MR_PLACES; p++)
        at[p] = mr_place_constants(&place, -1);
    for (int i = 0; i < 4; i++) {
        const int64_t sum[gru_reset_first_GATES] = {(int64_t)ends[i / 2] << 10};
        const unit_state_t old = {.h = (int16_t)ends[i % 2]};
        ck_assert_int_eq(gru_reset_first_columns_of(at[MR_PLACE_GATE], sum, old),
                         mr_op_gru_reset_first.integer_gated(NULL, at, sum, old.h));
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cells");
    TCase *tests = tcase_create("cells");
    tcase_add_test(tests, a_weighed_state_is_cut);
    tcase_add_loop_test(tests, layer_computes_the_reference, 0,
                        (int)(sizeof layers / sizeof *layers));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
