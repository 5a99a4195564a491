// SPDX-License-Identifier: Apache-2.0
// What lies beyond the formats: values of x and cell states that are cut are counted, exactly and
// alike on every device, however the steps are cut into calls; calibration gives cell states the
// range that they need. `saturation_test --write MODEL` writes the growing network of these tests,
// which has the shape of session_test's.
#define _GNU_SOURCE
#include "cells/lstm.h"
#include "model.h"
#include "paths.h"
#include "quantise.h"
#include "reference.h"

#include "millrace.h"

#include <check.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER "build/saturation-test"
enum { LAYERS = 2, INPUTS = 3, HIDDEN0 = 5, HIDDEN1 = 4, OUTPUTS = 2, SEQUENCES = 3, STEPS = 200 };
static const int sizes[LAYERS + 1] = {INPUTS, HIDDEN0, HIDDEN1};

// Gates that are open, so a cell state follows the sum of what comes in: unit u of a layer takes
// input u (modulo their number), of rising or falling sign. The last unit of each forgets all.
static void make_network(struct mr_network *network) {
    *network = (struct mr_network){.layer_count = LAYERS, .batch_first = true};
    network->layers = calloc(LAYERS, sizeof *network->layers);
    network->name = strdup("growing");
    for (int l = 0; l < LAYERS; l++) {
        const int inputs = sizes[l], hidden = sizes[l + 1];
        struct mr_lstm *layer = &network->layers[l];
        *layer = (struct mr_lstm){
            .inputs = inputs,
            .hidden = hidden,
            .w_ih = calloc((size_t)(4 * hidden * inputs), sizeof(float)),
            .w_hh = calloc((size_t)(4 * hidden * hidden), sizeof(float)),
            .bias = calloc((size_t)(4 * hidden), sizeof(float)),
        };
        for (int u = 0; u < hidden; u++) {
            for (int gate = 0; gate < MR_GATES; gate++)
                layer->bias[gate * hidden + u] = gate == 2 ? 0.0f : 20.0f;
            if (u == hidden - 1)
                layer->bias[hidden + u] = -20.0f;
            layer->w_ih[(2 * hidden + u) * inputs + u % inputs] = u & 1 ? -12.0f : 12.0f;
            layer->w_hh[(2 * hidden + u) * hidden + u] = 0.25f;
        }
    }
    network->head = (struct mr_dense){.inputs = HIDDEN1,
                                      .outputs = OUTPUTS,
                                      .w = calloc((size_t)OUTPUTS * HIDDEN1, sizeof(float)),
                                      .bias = calloc(OUTPUTS, sizeof(float))};
    for (int k = 0; k < OUTPUTS * HIDDEN1; k++)
        network->head.w[k] = 0.3f * (float)(k % 5 - 2);
}

// exponent: of both layers' cell states.
static void quantise(struct mr_model_data *data, int exponent) {
    char text[900];
    memset(data, 0, sizeof *data);
    make_network(&data->network);
    if (mr_quantise(&data->network, NULL, &data->quantised, NULL, text, sizeof text)) {
        fprintf(stderr, "%s\n", text);
        exit(1);
    }
    for (int l = 0; l < LAYERS; l++)
        data->quantised.layers[l].cell_exponent = exponent;
}

static void write_model(const char *path, int exponent) {
    struct mr_model_data data;
    char text[900];
    quantise(&data, exponent);
    if (mr_model_data_save(&data, path, text, sizeof text)) {
        fprintf(stderr, "%s\n", text);
        exit(1);
    }
    mr_model_data_free(&data);
}

// Feature 0 is 1, so units that follow it grow in every step; feature 1 changes its sign from
// sequence to sequence; feature 2 comes and goes. Some are beyond -8 to 8.
static void fill_input(float *x) {
    for (int n = 0; n < SEQUENCES; n++)
        for (int t = 0; t < STEPS; t++) {
            float *row = x + (n * STEPS + t) * INPUTS;
            row[0] = 1;
            row[1] = n & 1 ? -0.9f : 0.9f;
            row[2] = t & 16 ? -0.5f : 0.5f;
            if (t % 50 == 7)
                row[1] = 7.9999f; // rounds to beyond the last number of the format, 8 - 2^-12
            if (t == 90)
                row[2] = -40.5f - (float)n;
        }
}

struct counts {
    uint64_t inputs, cells;
    uint64_t cut[LAYERS];
    double past[LAYERS];
};

// The kernel's own cell over the model's integers, one sequence at a time.
static void count_cells(const struct mr_quantised *q, const int16_t *x_q, int sequences, int steps,
                        struct counts *counts) {
    memset(counts, 0, sizeof *counts);
    for (int n = 0; n < sequences; n++) {
        int32_t c[LAYERS][HIDDEN0] = {{0}};
        int16_t h[LAYERS][2][HIDDEN0] = {{{0}}};
        for (int t = 0; t < steps; t++, x_q += INPUTS)
            for (int l = 0; l < LAYERS; l++) {
                const struct mr_quantised_layer *layer = &q->layers[l];
                const int16_t *in = l ? h[l - 1][t & 1] : x_q, *back = h[l][~t & 1];
                for (int u = 0; u < layer->hidden; u++) {
                    int64_t sums[MR_GATES];
                    uint32_t past;
                    for (int gate = 0; gate < MR_GATES; gate++) {
                        const int row = gate * layer->hidden + u;
                        const int16_t *w =
                            layer->gates.weight + row * (layer->inputs + layer->hidden);
                        int64_t sum = 0;
                        for (int k = 0; k < layer->inputs; k++)
                            sum += w[k] * in[k];
                        for (int k = 0; k < layer->hidden; k++)
                            sum += w[layer->inputs + k] * back[k];
                        sums[gate] = (sum + layer->gates.bias[row]) >> layer->gates.shift[row];
                    }
                    const unit_state_t old = {back[u], c[l][u]};
                    const unit_state_t unit = lstm_unit(sums, old, layer->cell_exponent, &past);
                    c[l][u] = unit.cell;
                    h[l][t & 1][u] = unit.h;
                    counts->cut[l] += past > 0;
                    counts->past[l] += ldexp(past, layer->cell_exponent - 16);
                    counts->cells += past > 0;
                }
            }
    }
}

static void expect_counts(const float *x, int exponent, int sequences, int steps,
                          struct counts *counts) {
    struct mr_model_data data;
    struct mr_input_cuts cuts[INPUTS] = {{0}};
    char text[900];
    int16_t *x_q = calloc((size_t)(sequences * steps * INPUTS), sizeof *x_q);
    ck_assert_ptr_nonnull(x_q);
    quantise(&data, exponent);
    ck_assert_int_eq(mr_quantise_input(&data.quantised, x, (size_t)(sequences * steps), x_q, cuts,
                                       text, sizeof text),
                     0);
    count_cells(&data.quantised, x_q, sequences, steps, counts);
    for (int k = 0; k < INPUTS; k++)
        counts->inputs += cuts[k].count;
    mr_model_data_free(&data);
    free(x_q);
}

static bool have_compiler(void) {
    char path[PATH_MAX], text[900];
    if (mr_hlsc_path(path, sizeof path, text, sizeof text) == 0)
        return true;
    printf("skipped: %s\n", text);
    return false;
}

static struct mr_session *open_session(const struct mr_model *model, const char *uri,
                                       const struct mr_options *options) {
    struct mr_error error = {0};
    struct mr_session *session = mr_session_open(model, uri, options, &error);
    ck_assert_msg(session != NULL, "%s: %s", uri, error.text);
    return session;
}

static struct mr_model *open_model(const char *path) {
    struct mr_error error = {0};
    struct mr_model *model = mr_model_open(path, &error);
    ck_assert_msg(model != NULL, "%s", error.text);
    return model;
}

// What the session counted in all is so many times what is expected.
static void check_session(const struct mr_session *session, const struct counts *wanted,
                          unsigned times, uint64_t steps, double limit) {
    struct mr_cell_saturation cell;
    struct mr_input_saturation input;
    uint64_t inputs = 0;
    for (uint32_t l = 0; l < LAYERS; l++) {
        ck_assert_int_eq(mr_session_cell_saturation(session, l, &cell), 0);
        ck_assert_uint_eq(cell.cut, times * wanted->cut[l]);
        ck_assert_double_eq(cell.past, times * wanted->past[l]);
        ck_assert_uint_eq(cell.total, steps * (uint64_t)sizes[l + 1]);
        ck_assert_double_eq(cell.limit, limit);
    }
    for (uint32_t k = 0; k < INPUTS; k++) {
        ck_assert_int_eq(mr_session_input_saturation(session, k, &input), 0);
        ck_assert_uint_eq(input.total, steps);
        inputs += input.cut;
    }
    ck_assert_uint_eq(inputs, times * wanted->inputs);
    ck_assert_int_eq(mr_session_cell_saturation(session, LAYERS, &cell), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_input_saturation(session, INPUTS, &input), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_input_saturation(NULL, 0, &input), MR_ERROR_ARGUMENT);
}

static void check_stats(const struct mr_stats *stats, const struct counts *wanted) {
    ck_assert_uint_eq(stats->cut_inputs, wanted->inputs);
    ck_assert_uint_eq(stats->cut_cells, wanted->cells);
}

// In one call, sequence by sequence, and by steps.
static void check_device(const struct mr_model *model, const char *uri,
                         const struct mr_options *options, int exponent) {
    static float x[SEQUENCES * STEPS * INPUTS];
    const double limit = ldexp(1, 7 + exponent);
    struct counts all, one;
    struct mr_stats stats, sum = {0};
    float y[SEQUENCES * OUTPUTS];
    fill_input(x);
    expect_counts(x, exponent, SEQUENCES, STEPS, &all);
    struct mr_session *session = open_session(model, uri, options);
    check_session(session, &all, 0, 0, limit);
    ck_assert_int_eq(mr_session_run(session, x, SEQUENCES, STEPS, 0, y, &stats), 0);
    check_stats(&stats, &all);
    check_session(session, &all, 1, SEQUENCES * STEPS, limit);
    for (int n = 0; n < SEQUENCES; n++) {
        const float *from = x + n * STEPS * INPUTS;
        expect_counts(from, exponent, 1, STEPS, &one);
        ck_assert_int_eq(mr_session_run(session, from, 1, STEPS, 0, y, &stats), 0);
        check_stats(&stats, &one);
    }
    check_session(session, &all, 2, 2 * SEQUENCES * STEPS, limit);
    // By steps; a call that fails counts nothing.
    mr_session_reset(session);
    expect_counts(x, exponent, 1, STEPS, &one);
    float bad[INPUTS] = {100, 0, NAN};
    for (int t = 0; t < STEPS; t++) {
        ck_assert_int_eq(mr_session_step(session, bad, y, &stats), MR_ERROR_INPUT);
        ck_assert_int_eq(mr_session_step(session, x + t * INPUTS, y, &stats), 0);
        sum.cut_inputs += stats.cut_inputs;
        sum.cut_cells += stats.cut_cells;
    }
    check_stats(&sum, &one);
    mr_session_close(session);
}

START_TEST(devices_count_alike) {
    static const uint32_t lanes[][2] = {{2, 3}, {5, 4}};
    if (!have_compiler())
        return;
    struct mr_model *model = open_model(FOLDER "/growing.millrace");
    check_device(model, "cpu:", NULL, 0);
    // Units that do not fill the last vector.
    for (int i = 0; i < 2; i++) {
        const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN,
                                           .lanes = lanes[i], .lane_count = 2};
        check_device(model, "cpu:", &options, 0);
    }
    const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN, .lanes = lanes[0],
                                       .lane_count = 2};
    check_device(model, "sim:", &options, 0);
    mr_model_close(model);
    // Another range: another network.
    for (int exponent = 1; exponent <= 16; exponent += 5) {
        write_model(FOLDER "/wider.millrace", exponent);
        model = open_model(FOLDER "/wider.millrace");
        check_device(model, "cpu:", NULL, exponent);
        mr_model_close(model);
    }
}
END_TEST

// The count is right by other means: a cell that is 1 further in each step is cut from where it
// reaches the end on, by what comes in.
START_TEST(counts_are_those_of_the_growth) {
    float x[SEQUENCES * STEPS * INPUTS];
    struct counts counts;
    fill_input(x);
    expect_counts(x, 0, 1, STEPS, &counts);
    // Of layer 0, units 0 and 3 follow feature 0, units 1 and 4 feature 1, of which 4 forgets. In
    // layer 1, units 0 and 1 follow units 0 and 1, and unit 2 follows unit 2, which comes and goes.
    ck_assert_uint_ge(counts.cut[0], 3 * (STEPS - 129));
    ck_assert_uint_le(counts.cut[0], 3 * (STEPS - 127));
    ck_assert_double_ge(counts.past[0], 0.98 * 3 * (STEPS - 129));
    ck_assert_double_le(counts.past[0], 1.0 * 3 * (STEPS - 127));
    ck_assert_uint_gt(counts.cut[1], 0);
    ck_assert_uint_eq(counts.inputs, 4 + 1);
    expect_counts(x, 1, 1, STEPS, &counts);
    ck_assert_uint_eq(counts.cells, 0); // 200 steps are within 256
}
END_TEST

START_TEST(inputs_are_named) {
    if (!have_compiler())
        return;
    static float x[SEQUENCES * STEPS * INPUTS];
    float y[SEQUENCES * OUTPUTS];
    struct mr_input_saturation input;
    struct mr_model *model = open_model(FOLDER "/growing.millrace");
    struct mr_session *session = open_session(model, "cpu:", NULL);
    fill_input(x);
    ck_assert_int_eq(mr_session_run(session, x, SEQUENCES, STEPS, 0, y, NULL), 0);
    ck_assert_int_eq(mr_session_input_saturation(session, 0, &input), 0);
    ck_assert_uint_eq(input.cut, 0);
    ck_assert_double_eq(input.farthest, 0);
    ck_assert_double_eq(input.low, -8);
    ck_assert_double_eq(input.high, 8 - 1.0 / 4096);
    ck_assert_int_eq(mr_session_input_saturation(session, 1, &input), 0);
    ck_assert_uint_eq(input.cut, 4 * SEQUENCES);
    ck_assert_double_eq(input.farthest, 7.9999f);
    ck_assert_int_eq(mr_session_input_saturation(session, 2, &input), 0);
    ck_assert_uint_eq(input.cut, SEQUENCES);
    ck_assert_double_eq(input.farthest, -42.5f);
    mr_session_close(session);
    mr_model_close(model);
}
END_TEST

// The ends of the format: what rounds to them is held.
START_TEST(ends_of_the_input) {
    static const struct {
        float x;
        bool cut;
    } cases[] = {{7.99975586f, false}, {7.9998f, false},  {7.99989f, true}, {8, true},
                 {-8, false},          {-8.0001f, false}, {-8.0002f, true}, {0, false}};
    struct mr_model_data data;
    char text[900];
    quantise(&data, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const float x[INPUTS] = {0, cases[i].x, 0};
        int16_t x_q[INPUTS];
        struct mr_input_cuts cuts[INPUTS] = {{0}};
        ck_assert_int_eq(mr_quantise_input(&data.quantised, x, 1, x_q, cuts, text, sizeof text), 0);
        ck_assert_msg((cuts[1].count == 1) == cases[i].cut, "%g", (double)cases[i].x);
    }
    mr_model_data_free(&data);
}
END_TEST

START_TEST(calibration_gives_the_range) {
    static const struct {
        double greatest;
        int exponent;
    } cases[] = {{0, 0},    {5, 0},        {64, 0},       {64.001, 1},   {128, 1}, {129, 2},
                 {1000, 4}, {2097152, 15}, {2097153, 16}, {4194304, 16}, {1e9, 16}};
    struct mr_model_data data;
    quantise(&data, 7);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double greatest[LAYERS] = {cases[i].greatest, 1};
        mr_quantise_cells(&data.quantised, greatest);
        ck_assert_msg(data.quantised.layers[0].cell_exponent == cases[i].exponent, "%g: %d",
                      cases[i].greatest, data.quantised.layers[0].cell_exponent);
        ck_assert_int_eq(data.quantised.layers[1].cell_exponent, 0);
    }
    mr_model_data_free(&data);
}
END_TEST

// A network whose cell states grow with the length of a sequence is right with the range that its
// float has, and wrong without: unit by unit its cell state comes back.
START_TEST(a_wider_range_is_right) {
    enum { UP = 900, LENGTH = 2 * UP + 5 }; // it counts up, and down again
    float *x = calloc((size_t)LENGTH * INPUTS, sizeof *x), float_y[OUTPUTS], y[OUTPUTS];
    int16_t *x_q = calloc((size_t)LENGTH * INPUTS, sizeof *x_q);
    double greatest[LAYERS] = {0}, error[2] = {0};
    struct mr_model_data data;
    char text[900];
    ck_assert(x && x_q);
    for (int t = 0; t < LENGTH; t++)
        x[t * INPUTS] = x[t * INPUTS + 1] = t < UP ? 0.05f : -0.05f;
    quantise(&data, 0);
    ck_assert_int_eq(mr_reference_run(&data.network, x, 1, LENGTH, float_y), 0);
    ck_assert_int_eq(mr_reference_cells(&data.network, x, 1, LENGTH, greatest), 0);
    ck_assert_double_gt(greatest[0], 300);
    ck_assert_double_lt(greatest[0], 900);
    ck_assert_int_eq(mr_quantise_input(&data.quantised, x, LENGTH, x_q, NULL, text, sizeof text),
                     0);
    for (int wide = 0; wide < 2; wide++) {
        int32_t y_q[OUTPUTS];
        if (wide)
            mr_quantise_cells(&data.quantised, greatest);
        ck_assert_int_eq(mr_quantised_run(&data.quantised, x_q, 1, LENGTH, y_q), 0);
        mr_quantised_output(&data.quantised, y_q, 1, y);
        for (int k = 0; k < OUTPUTS; k++)
            error[wide] = fmax(error[wide], fabs((double)y[k] - float_y[k]));
    }
    ck_assert_int_ge(data.quantised.layers[0].cell_exponent, 3);
    ck_assert_msg(error[0] > 0.05 && error[1] < 0.005, "%g, then %g", error[0], error[1]);
    mr_model_data_free(&data);
    free(x);
    free(x_q);
}
END_TEST

// In the file where it is not the usual one.
START_TEST(a_model_file_keeps_it) {
    struct mr_model_data data, back;
    char text[900], command[300];
    for (int exponent = 0; exponent <= 17; exponent++) {
        const char path[] = FOLDER "/kept.millrace";
        quantise(&data, 0);
        data.quantised.layers[1].cell_exponent = exponent;
        ck_assert_int_eq(mr_model_data_save(&data, path, text, sizeof text), 0);
        const int failed = mr_model_data_load(path, &back, text, sizeof text);
        ck_assert_msg((failed != 0) == (exponent > 16), "%d: %s", exponent, text);
        if (failed) {
            ck_assert_msg(strstr(text, "cell exponent") != NULL, "%s", text);
        } else {
            ck_assert_int_eq(back.quantised.layers[0].cell_exponent, 0);
            ck_assert_int_eq(back.quantised.layers[1].cell_exponent, exponent);
            mr_model_data_free(&back);
        }
        snprintf(command, sizeof command, "grep -q cell_exponent %s", path);
        ck_assert_int_eq(system(command) == 0, exponent > 0);
        mr_model_data_free(&data);
    }
}
END_TEST

// A linear output fills its 32 bits and never leaves them.
START_TEST(outputs_are_never_cut) {
    struct mr_model_data data;
    char text[900];
    quantise(&data, 0);
    struct mr_rows *rows = &data.quantised.head.rows;
    ck_assert_int_eq(mr_quantised_check(&data.quantised, "m", text, sizeof text), 0);
    rows->shift[1] = 1;
    for (int k = 0; k < HIDDEN1; k++)
        rows->weight[HIDDEN1 + k] = 32767; // 4 * 32767 * 32768 / 2 is just below 2^31
    rows->bias[1] = 0;
    ck_assert_msg(!mr_quantised_check(&data.quantised, "m", text, sizeof text), "%s", text);
    rows->bias[1] = -300000;
    ck_assert_int_ne(mr_quantised_check(&data.quantised, "m", text, sizeof text), 0);
    ck_assert_msg(strstr(text, "output 1 may reach beyond the 32 bits") != NULL, "%s", text);
    mr_model_data_free(&data);
}
END_TEST

int main(int argc, char **argv) {
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        write_model(argv[2], 0);
        return 0;
    }
    setenv("MILLRACE_CACHE", FOLDER "/cache", 0);
    write_model(FOLDER "/growing.millrace", 0);
    Suite *suite = suite_create("saturation");
    TCase *cases = tcase_create("saturation");
    tcase_set_timeout(cases, 300);
    tcase_add_test(cases, counts_are_those_of_the_growth);
    tcase_add_test(cases, devices_count_alike);
    tcase_add_test(cases, inputs_are_named);
    tcase_add_test(cases, ends_of_the_input);
    tcase_add_test(cases, calibration_gives_the_range);
    tcase_add_test(cases, a_wider_range_is_right);
    tcase_add_test(cases, a_model_file_keeps_it);
    tcase_add_test(cases, outputs_are_never_cut);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
