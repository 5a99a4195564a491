// SPDX-License-Identifier: Apache-2.0
// What the tests of sessions share: two random networks, the same every time, and what the plain
// reference says of them.
#ifndef SESSION_FIXTURE_H
#define SESSION_FIXTURE_H

#include "model.h"
#include "network_fixture.h"
#include "paths.h"
#include "walk.h"

#include "millrace.h"

#include <check.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUTS = 3, HIDDEN0 = 5, HIDDEN1 = 4, OUTPUTS = 2, SEQUENCES = 4, STEPS = 6 };

// A network of random weights, the same every time.
static inline void make_network(struct mr_network *network) {
    static const int units[] = {HIDDEN0, HIDDEN1};
    uint64_t state = 7;
    net_chain(network, "lstm", INPUTS, 2, units, OUTPUTS, MR_ACTIVATION_LINEAR);
    free(network->name);
    network->name = strdup("session-test");
    net_need(network->name != NULL, "not enough memory");
    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        const size_t rows = (size_t)op->kind->gates * (size_t)op->units;
        random_numbers(&state, op->w_x, rows * (size_t)op->inputs, 1.0);
        if (op->w_h)
            random_numbers(&state, op->w_h, rows * (size_t)op->units, 1.0);
        random_numbers(&state, op->bias, rows, 0.5);
    }
}

static inline void save_model(struct mr_network *network, const char *path) {
    char text[900];
    net_quantise(network, NULL);
    const struct mr_model_data data = {.network = *network};
    net_need(mr_model_data_save(&data, path, text, sizeof text) == 0, text);
}

static inline void fill_input(float *x, size_t count) {
    uint64_t state = 11;
    random_numbers(&state, x, count, 2);
}

static inline bool have_compiler(void) {
    char path[PATH_MAX], text[900];
    if (mr_hlsc_path(path, sizeof path, text, sizeof text) == 0)
        return true;
    printf("skipped: %s\n", text);
    return false;
}

static inline struct mr_model *open_model_of(const char *path) {
    struct mr_error error = {0};
    struct mr_model *model = mr_model_open(path, &error);
    ck_assert_msg(model != NULL, "%s", error.text);
    return model;
}

static inline struct mr_session *open_session(const struct mr_model *model, const char *uri,
                                              const struct mr_options *options) {
    struct mr_error error = {0};
    struct mr_session *session = mr_session_open(model, uri, options, &error);
    ck_assert_msg(session != NULL, "%s", error.text);
    return session;
}

enum { STEP_WIDTH = 3, LAST_WIDTH = 2 };

// Two layers; of the first one a head at each step, of the second one the states and a head on the
// last step.
static inline void make_heads(struct mr_network *network) {
    uint64_t state = 3;
    net_create(network, INPUTS, "heads");
    const int below = net_add(network, "lstm", 0, HIDDEN0, MR_ACTIVATION_LINEAR);
    const int each = net_add(network, "dense", below, STEP_WIDTH, MR_ACTIVATION_TANH);
    const int above = net_add(network, "lstm", below, HIDDEN1, MR_ACTIVATION_LINEAR);
    const int last = net_add(network, "last", above, 0, MR_ACTIVATION_LINEAR);
    net_output(network, each, "each");
    net_output(network, net_add(network, "dense", last, LAST_WIDTH, MR_ACTIVATION_LINEAR), "last");
    net_output(network, above, "states");
    network->outputs[1].cast.whole = true;
    net_weights(network, &state, 1.0);
}

// What the plain reference says of a network, as float.
static inline void expect_of(const struct mr_network *network, const float *x, size_t sequences,
                             size_t steps, float *y) {
    const size_t inputs = (size_t)network->streams[0].width;
    char text[900];
    int16_t *x_q = calloc(sequences * steps * inputs, sizeof *x_q);
    int32_t *y_q = calloc(sequences * mr_network_numbers(network, steps), sizeof *y_q);
    size_t at = 0;
    ck_assert(x_q && y_q);
    ck_assert_msg(mr_quantise_input(network, x, sequences * steps, x_q, NULL, text, sizeof text) ==
                      0,
                  "%s", text);
    ck_assert_int_eq(mr_integer_run(network, x_q, sequences, steps, y_q), 0);
    for (int o = 0; o < network->output_count; o++) {
        mr_quantised_output(network, o, y_q + at, sequences * mr_output_rows(network, o, steps),
                            y + at);
        at += sequences * mr_output_numbers(network, o, steps);
    }
    free(x_q);
    free(y_q);
}

// A number of the plan of a run of this model.
static inline uint64_t planned_number(const struct mr_model *model,
                                      const struct mr_options *options, size_t sequences,
                                      size_t steps, const char *name) {
    struct mr_error error = {0};
    char *text;
    ck_assert_msg(!mr_plan(model, options, sequences, steps, &text, NULL, &error), "%s",
                  error.text);
    json_t *plan = json_loads(text, 0, NULL);
    const uint64_t cycles = (uint64_t)json_integer_value(json_object_get(plan, name));
    json_decref(plan);
    free(text);
    return cycles;
}

static inline uint64_t planned_cycles(const struct mr_model *model,
                                      const struct mr_options *options, size_t sequences,
                                      size_t steps) {
    return planned_number(model, options, sequences, steps, "cycles");
}

// A run gives the bits of the plain reference, in the planned cycles where there are such. Tokens
// are the first row of the table, and the last one.
static inline void check_bits(const struct mr_network *network, const struct mr_model *model,
                              struct mr_session *session, const struct mr_options *options,
                              size_t sequences, size_t steps) {
    const size_t rows = sequences * steps, inputs = (size_t)network->streams[0].width;
    const size_t count = sequences * mr_network_numbers(network, steps);
    float *x = calloc(rows * inputs, sizeof *x);
    float *y = calloc(count, sizeof *y), *wanted = calloc(count, sizeof *wanted);
    struct mr_stats stats;
    ck_assert(x && y && wanted);
    fill_input(x, rows * inputs);
    for (size_t i = 0; mr_network_entries(network) && i < rows; i++)
        x[i] = i % 2 ? -1 : 0;
    expect_of(network, x, sequences, steps, wanted);
    ck_assert_msg(mr_session_run(session, x, sequences, steps, 0, y, &stats) == 0, "%s",
                  mr_session_error(session));
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(memcmp(&y[i], &wanted[i], sizeof *y) == 0,
                      "%s, %zu x %zu steps: number %zu is %g, not %g", network->name, sequences,
                      steps, i, (double)y[i], (double)wanted[i]);
    if (stats.cycles)
        ck_assert_uint_eq(stats.cycles, planned_cycles(model, options, sequences, steps));
    free(x);
    free(y);
    free(wanted);
}

#endif
