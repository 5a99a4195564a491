// SPDX-License-Identifier: Apache-2.0
// What the tests of model files share: a small model, files of it, and whether two networks are the
// same in what they hold and in what they calculate.
#ifndef MODEL_FIXTURE_H
#define MODEL_FIXTURE_H

#include "model.h"
#include "network_fixture.h"
#include "walk.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static char error[1024];

// Runs a network both ways; *y (float) and *z (integer) are to be freed.
static inline void run_both(const struct mr_network *n, const float *x, size_t sequences,
                            size_t steps, float **y, float **z) {
    const size_t rows = sequences * steps, count = sequences * mr_network_numbers(n, steps);
    int16_t *x_q = malloc(rows * (size_t)n->streams[0].width * sizeof *x_q);
    int32_t *y_q = malloc(count * sizeof *y_q);
    size_t at = 0;

    *y = malloc(count * sizeof **y);
    *z = malloc(count * sizeof **z);
    ck_assert(x_q && y_q && *y && *z);
    ck_assert_int_eq(mr_quantise_input(n, x, rows, x_q, NULL, error, sizeof error), 0);
    ck_assert_int_eq(mr_float_run_cast(n, x, sequences, steps, *y), 0);
    ck_assert_int_eq(mr_integer_run(n, x_q, sequences, steps, y_q), 0);
    for (int o = 0; o < n->output_count; o++) {
        mr_quantised_output(n, o, y_q + at, sequences * mr_output_rows(n, o, steps), *z + at);
        at += sequences * mr_output_numbers(n, o, steps);
    }
    free(x_q);
    free(y_q);
}

// A small network with weights that are the same every time, quantised for the default range.
static inline struct mr_model_data make_model(enum mr_activation activation) {
    struct mr_model_data m = {0};
    struct mr_network *n = &m.network;
    static const int units[2] = {5, 4};
    uint64_t state = 7;

    net_chain(n, "lstm", 3, 2, units, 2, activation);
    net_weights(n, &state, 1);
    free(n->name);
    n->name = strdup("small \"net\" \xc3\xa9");
    n->ops[3].bias[0] = 1;
    n->ops[3].w_x[5] = 40; // another format than output 0
    ck_assert_msg(mr_quantise(n, NULL, NULL, error, sizeof error) == 0, "%s", error);
    return m;
}

static inline void check_same_rows(const struct mr_op *one, const struct mr_op *other) {
    const struct mr_rows *a = &one->rows, *b = &other->rows;

    ck_assert_int_eq(a->rows, b->rows);
    ck_assert_int_eq(a->columns, b->columns);
    ck_assert_int_eq(a->sums, b->sums);
    if (a->rows == 0)
        return;
    ck_assert_mem_eq(a->weight, b->weight, (size_t)a->rows * (size_t)a->columns * 2);
    ck_assert_mem_eq(a->bias, b->bias, (size_t)a->sums * 8);
    ck_assert_mem_eq(a->shift, b->shift, (size_t)a->sums * 4);
}

static inline void check_same(const struct mr_network *a, const struct mr_network *b) {
    ck_assert_str_eq(a->name, b->name);
    ck_assert_str_eq(a->input_name, b->input_name);
    ck_assert_str_eq(a->layout, b->layout);
    ck_assert_int_eq(a->steps, b->steps);
    ck_assert_int_eq(a->input_cast.whole, b->input_cast.whole);
    ck_assert_int_eq(a->input_cast.truth, b->input_cast.truth);
    ck_assert_int_eq(a->op_count, b->op_count);
    ck_assert_int_eq(a->stream_count, b->stream_count);
    ck_assert_int_eq(a->output_count, b->output_count);
    for (int i = 0; i < a->op_count; i++) {
        const struct mr_op *one = &a->ops[i], *other = &b->ops[i];
        ck_assert_ptr_eq(one->kind, other->kind);
        ck_assert_str_eq(one->name, other->name);
        ck_assert_int_eq(one->layer, other->layer);
        ck_assert_int_eq(one->input, other->input);
        ck_assert_int_eq(one->units, other->units);
        ck_assert_int_eq(one->places[MR_PLACE_G].kind, other->places[MR_PLACE_G].kind);
        ck_assert_int_eq(one->exponent, other->exponent);
        ck_assert_int_eq(one->precision.weight_bits, other->precision.weight_bits);
        ck_assert_int_eq(one->precision.column_bits, other->precision.column_bits);
        check_same_rows(one, other);
        if (one->kind->constants == 0)
            continue;
        const size_t constants = (size_t)mr_op_constants(one);
        ck_assert_int_eq(one->rows.constant_frac, other->rows.constant_frac);
        ck_assert_mem_eq(one->rows.constant, other->rows.constant, constants * sizeof(int32_t));
        ck_assert_mem_eq(one->constants, other->constants, constants * sizeof(float));
    }
    for (int s = 0; s < a->stream_count; s++) {
        const struct mr_stream *one = &a->streams[s], *other = &b->streams[s];
        ck_assert_int_eq(one->width, other->width);
        ck_assert_int_eq(one->rate, other->rate);
        ck_assert_int_eq(one->bits, other->bits);
        ck_assert_int_eq(one->uniform, other->uniform);
        ck_assert_mem_eq(one->frac, other->frac, (size_t)one->width * sizeof *one->frac);
    }
    for (int o = 0; o < a->output_count; o++) {
        ck_assert_str_eq(a->outputs[o].name, b->outputs[o].name);
        ck_assert_int_eq(a->outputs[o].stream, b->outputs[o].stream);
        ck_assert_int_eq(a->outputs[o].cast.whole, b->outputs[o].cast.whole);
        ck_assert_int_eq(a->outputs[o].cast.truth, b->outputs[o].cast.truth);
        ck_assert_int_eq(a->outputs[o].cast.clips, b->outputs[o].cast.clips);
        ck_assert(a->outputs[o].cast.low == b->outputs[o].cast.low);
        ck_assert(a->outputs[o].cast.high == b->outputs[o].cast.high);
        ck_assert_int_eq(a->outputs[o].cast.side, b->outputs[o].cast.side);
        ck_assert(a->outputs[o].cast.than == b->outputs[o].cast.than);
        ck_assert_int_eq(a->outputs[o].log_softmax, b->outputs[o].log_softmax);
    }
}

static inline struct mr_model_data load(const char *path) {
    struct mr_model_data back;

    ck_assert_msg(mr_model_data_load(path, &back, error, sizeof error) == 0, "%s", error);
    return back;
}

static inline void save(const struct mr_model_data *m, const char *path) {
    ck_assert_msg(mr_model_data_save(m, path, error, sizeof error) == 0, "%s", error);
}

// The results of both ways are the same.
static inline void check_same_results(const struct mr_network *a, const struct mr_network *b) {
    enum { SEQUENCES = 2, STEPS = 6 };
    const size_t numbers = SEQUENCES * mr_network_numbers(a, STEPS);
    const size_t inputs = (size_t)SEQUENCES * STEPS * (size_t)a->streams[0].width;
    float *x = calloc(inputs, sizeof *x), *y[2], *z[2];

    ck_assert_ptr_nonnull(x);
    for (size_t i = 0; i < inputs; i++)
        x[i] = 2 * (float)sin((double)i);
    run_both(a, x, SEQUENCES, STEPS, &y[0], &z[0]);
    run_both(b, x, SEQUENCES, STEPS, &y[1], &z[1]);
    ck_assert_mem_eq(y[0], y[1], numbers * sizeof **y);
    ck_assert_mem_eq(z[0], z[1], numbers * sizeof **z);
    for (int i = 0; i < 2; i++) {
        free(y[i]);
        free(z[i]);
    }
    free(x);
}

#endif
