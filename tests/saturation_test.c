// SPDX-License-Identifier: Apache-2.0
// What lies beyond the formats: values of x, cell states and what operators give to others are cut
// and counted, exactly and alike on every device, however the steps are cut into calls; calibration
// gives cell states the range that they need. `saturation_test --write MODEL` writes the growing
// network of these tests, which has the shape of session_test's.
#define _GNU_SOURCE
#include "cells/lstm.h"
#include "model.h"
#include "network_fixture.h"
#include "paths.h"
#include "walk.h"

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
enum { GATE_F = 1, GATE_G = 2, GATES = lstm_GATES };
enum { HEAD = LAYERS + 1 }; // the place of the dense operator
static const int sizes[LAYERS + 1] = {INPUTS, HIDDEN0, HIDDEN1};

// Gates that are open, so a cell state follows the sum of what comes in: unit u of a layer takes
// input u (modulo their number), of rising or falling sign. The last unit of each forgets all.
static void make_network(struct mr_network *network) {
    net_chain(network, "lstm", INPUTS, LAYERS, sizes + 1, OUTPUTS, MR_ACTIVATION_LINEAR);
    for (int l = 0; l < LAYERS; l++) {
        const struct mr_op *layer = &network->ops[l];
        const int inputs = layer->inputs, hidden = layer->units;
        for (int u = 0; u < hidden; u++) {
            for (int gate = 0; gate < GATES; gate++)
                layer->bias[gate * hidden + u] = gate == GATE_G ? 0.0f : 20.0f;
            if (u == hidden - 1)
                layer->bias[GATE_F * hidden + u] = -20.0f;
            layer->w_x[(GATE_G * hidden + u) * inputs + u % inputs] = u & 1 ? -12.0f : 12.0f;
            layer->w_h[(GATE_G * hidden + u) * hidden + u] = 0.25f;
        }
    }
    const struct mr_op *head = &network->ops[HEAD];
    for (int k = 0; k < OUTPUTS * HIDDEN1; k++)
        head->w_x[k] = 0.3f * (float)(k % 5 - 2);
}

// exponent: of both layers' cell states.
static void quantise(struct mr_model_data *data, int exponent) {
    memset(data, 0, sizeof *data);
    make_network(&data->network);
    net_quantise(&data->network, NULL);
    for (int l = 0; l < LAYERS; l++)
        data->network.ops[l].exponent = exponent;
}

static void save(const struct mr_model_data *data, const char *path) {
    char text[900] = "";
    net_need(mr_model_data_save(data, path, text, sizeof text) == 0, text);
}

static void write_model(const char *path, int exponent) {
    struct mr_model_data data;
    quantise(&data, exponent);
    save(&data, path);
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
    uint64_t inputs, values;
    uint64_t cut[LAYERS];
    double past[LAYERS];
};

// The kernel's own cell over the model's integers, one sequence at a time.
static void count_cells(const struct mr_network *network, const int16_t *x_q, int sequences,
                        int steps, struct counts *counts) {
    memset(counts, 0, sizeof *counts);
    for (int n = 0; n < sequences; n++) {
        unit_state_t unit[LAYERS][2][HIDDEN0] = {{{{0}}}};
        for (int t = 0; t < steps; t++, x_q += INPUTS)
            for (int l = 0; l < LAYERS; l++) {
                const struct mr_op *op = &network->ops[l];
                const unit_state_t *back = unit[l][~t & 1];
                for (int u = 0; u < op->units; u++) {
                    int64_t sum[GATES];
                    uint32_t past;
                    for (int gate = 0; gate < GATES; gate++) {
                        const int row = gate * op->units + u;
                        const int16_t *w = op->rows.weight + row * op->rows.columns;
                        sum[gate] = op->rows.bias[row];
                        for (int k = 0; k < op->inputs; k++)
                            sum[gate] += w[k] * (l ? unit[l - 1][t & 1][k].h : x_q[k]);
                        for (int k = 0; k < op->units; k++)
                            sum[gate] += w[op->inputs + k] * back[k].h;
                        sum[gate] >>= op->rows.shift[row];
                    }
                    unit[l][t & 1][u] = lstm_unit(sum, back[u], op->exponent, &past);
                    counts->cut[l] += past > 0;
                    counts->past[l] += ldexp(past, op->exponent - 16);
                    counts->values += past > 0;
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
    ck_assert_int_eq(mr_quantise_input(&data.network, x, (size_t)(sequences * steps), x_q, cuts,
                                       text, sizeof text),
                     0);
    count_cells(&data.network, x_q, sequences, steps, counts);
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
    struct mr_operator_saturation cell;
    struct mr_input_saturation input;
    uint64_t inputs = 0;
    for (uint32_t l = 0; l < LAYERS; l++) {
        ck_assert_int_eq(mr_session_operator_saturation(session, l, &cell), 0);
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
    for (uint32_t i = LAYERS; i <= HEAD; i++) { // has nothing that could be cut
        ck_assert_int_eq(mr_session_operator_saturation(session, i, &cell), 0);
        ck_assert(cell.cut == 0 && cell.total == 0 && cell.limit == 0 && cell.past == 0);
    }
    ck_assert_int_eq(mr_session_operator_saturation(session, HEAD + 1, &cell), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_operator_saturation(session, 0, NULL), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_operator_saturation(NULL, 0, &cell), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_input_saturation(session, INPUTS, &input), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_input_saturation(NULL, 0, &input), MR_ERROR_ARGUMENT);
}

static void check_stats(const struct mr_stats *stats, const struct counts *wanted) {
    ck_assert_uint_eq(stats->cut_inputs, wanted->inputs);
    ck_assert_uint_eq(stats->cut_values, wanted->values);
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
        sum.cut_values += stats.cut_values;
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
    check_device(model, "hls:", NULL, 0);
    // Units that do not fill the last vector.
    for (int i = 0; i < 2; i++) {
        const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN,
                                           .lanes = lanes[i], .lane_count = 2};
        check_device(model, "hls:", &options, 0);
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
        check_device(model, "hls:", NULL, exponent);
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
    ck_assert_uint_eq(counts.values, 0); // 200 steps are within 256
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
        ck_assert_int_eq(mr_quantise_input(&data.network, x, 1, x_q, cuts, text, sizeof text), 0);
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
    data.network.ops[1].greatest = 1;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        data.network.ops[0].greatest = cases[i].greatest;
        net_quantise(&data.network, NULL);
        ck_assert_msg(data.network.ops[0].exponent == cases[i].exponent, "%g: %d",
                      cases[i].greatest, data.network.ops[0].exponent);
        ck_assert_int_eq(data.network.ops[1].exponent, 0);
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
    double error[2] = {0};
    struct mr_model_data data;
    char text[900];
    ck_assert(x && x_q);
    for (int t = 0; t < LENGTH; t++)
        x[t * INPUTS] = x[t * INPUTS + 1] = t < UP ? 0.05f : -0.05f;
    quantise(&data, 0);
    ck_assert_int_eq(mr_float_run_cast(&data.network, x, 1, LENGTH, float_y), 0);
    ck_assert_int_eq(mr_quantise_input(&data.network, x, LENGTH, x_q, NULL, text, sizeof text), 0);
    for (int wide = 0; wide < 2; wide++) {
        int32_t y_q[OUTPUTS];
        if (wide) {
            ck_assert_int_eq(mr_float_observe(&data.network, x, 1, LENGTH, NULL), 0);
            ck_assert_double_gt(data.network.ops[0].greatest, 300);
            ck_assert_double_lt(data.network.ops[0].greatest, 900);
            net_quantise(&data.network, NULL);
        }
        ck_assert_int_eq(mr_integer_run(&data.network, x_q, 1, LENGTH, y_q), 0);
        mr_quantised_output(&data.network, 0, y_q, 1, y);
        for (int k = 0; k < OUTPUTS; k++)
            error[wide] = fmax(error[wide], fabs((double)y[k] - float_y[k]));
    }
    ck_assert_int_ge(data.network.ops[0].exponent, 3);
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
        data.network.ops[1].exponent = exponent;
        ck_assert_int_eq(mr_model_data_save(&data, path, text, sizeof text), 0);
        const int failed = mr_model_data_load(path, &back, text, sizeof text);
        ck_assert_msg((failed != 0) == (exponent > 16), "%d: %s", exponent, text);
        if (failed) {
            ck_assert_msg(strstr(text, "cell exponent") != NULL, "%s", text);
        } else {
            ck_assert_int_eq(back.network.ops[0].exponent, 0);
            ck_assert_int_eq(back.network.ops[1].exponent, exponent);
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
    struct mr_rows *rows = &data.network.ops[HEAD].rows;
    ck_assert_int_eq(mr_quantised_check(&data.network, "m", text, sizeof text), 0);
    rows->shift[1] = 1;
    for (int k = 0; k < HIDDEN1; k++)
        rows->weight[HIDDEN1 + k] = 32767; // 4 * 32767 * 32768 / 2 is just below 2^31
    rows->bias[1] = 0;
    ck_assert_msg(!mr_quantised_check(&data.network, "m", text, sizeof text), "%s", text);
    rows->bias[1] = -300000;
    ck_assert_int_ne(mr_quantised_check(&data.network, "m", text, sizeof text), 0);
    ck_assert_msg(strstr(text, "output 1 of the head may reach beyond the 32 bits") != NULL, "%s",
                  text);
    mr_model_data_free(&data);
}
END_TEST

// What a dense operator gives to another one is cut at its format's ends, and counted; what goes to
// the host is not.
static void make_inner(struct mr_network *network) {
    net_create(network, INPUTS, "inner");
    const int inner = net_add(network, "dense", 0, HIDDEN0, MR_ACTIVATION_RELU);
    const int below = net_add(network, "lstm", inner, HIDDEN1, MR_ACTIVATION_LINEAR);
    const int last = net_add(network, "last", below, 0, MR_ACTIVATION_LINEAR);
    const int outer = net_add(network, "dense", last, 3, MR_ACTIVATION_LINEAR);
    net_output(network, net_add(network, "dense", outer, OUTPUTS, MR_ACTIVATION_LINEAR), "y");
    uint64_t state = 9;
    net_weights(network, &state, 1);
    network->streams[inner].greatest[0] = 0.49; // as if calibration had seen no more: +-1
    network->streams[outer].greatest[0] = 0.01;
    net_quantise(network, NULL);
}

// Of operator 0, by its sums.
static void count_inner(const struct mr_network *network, const int16_t *x_q, int rows,
                        uint64_t *cut) {
    const struct mr_op *op = &network->ops[0];
    *cut = 0;
    for (int n = 0; n < rows; n++)
        for (int u = 0; u < op->units; u++) {
            int64_t sum = op->rows.bias[u];
            for (int k = 0; k < INPUTS; k++)
                sum += op->rows.weight[u * INPUTS + k] * x_q[n * INPUTS + k];
            *cut += sum >> op->rows.shift[u] > INT16_MAX;
        }
}

START_TEST(inner_outputs_are_counted) {
    if (!have_compiler())
        return;
    static float x[SEQUENCES * STEPS * INPUTS];
    static int16_t x_q[SEQUENCES * STEPS * INPUTS];
    float y[SEQUENCES * OUTPUTS];
    struct mr_model_data data = {0};
    struct mr_stats stats;
    struct mr_operator_saturation value[5];
    uint64_t wanted;
    char text[900];
    make_inner(&data.network);
    save(&data, FOLDER "/inner.millrace");
    fill_input(x);
    ck_assert_int_eq(
        mr_quantise_input(&data.network, x, SEQUENCES * STEPS, x_q, NULL, text, sizeof text), 0);
    count_inner(&data.network, x_q, SEQUENCES * STEPS, &wanted);
    ck_assert_uint_gt(wanted, 0);
    struct mr_model *model = open_model(FOLDER "/inner.millrace");
    struct mr_session *session = open_session(model, "cpu:", NULL);
    for (unsigned times = 1; times <= 2; times++) {
        ck_assert_int_eq(mr_session_run(session, x, SEQUENCES, STEPS, 0, y, &stats), 0);
        for (uint32_t i = 0; i < 5; i++)
            ck_assert_int_eq(mr_session_operator_saturation(session, i, &value[i]), 0);
        ck_assert_uint_eq(value[0].cut, times * wanted);
        ck_assert_uint_eq(value[0].total, (uint64_t)times * SEQUENCES * STEPS * HIDDEN0);
        ck_assert_double_eq(value[0].limit, 1);
        ck_assert_uint_gt(value[3].cut, 0);
        ck_assert_uint_le(value[3].cut, value[3].total);
        ck_assert_uint_eq(value[3].total, (uint64_t)times * SEQUENCES * 3);
        ck_assert_double_lt(value[3].limit, 0.05);
        ck_assert_uint_eq(value[4].total, 0);
        ck_assert_uint_eq(times * stats.cut_values, value[0].cut + value[1].cut + value[3].cut);
    }
    mr_session_close(session);
    mr_model_close(model);
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
    tcase_set_timeout(cases, 1200);
    tcase_add_test(cases, counts_are_those_of_the_growth);
    tcase_add_test(cases, devices_count_alike);
    tcase_add_test(cases, inputs_are_named);
    tcase_add_test(cases, ends_of_the_input);
    tcase_add_test(cases, calibration_gives_the_range);
    tcase_add_test(cases, a_wider_range_is_right);
    tcase_add_test(cases, a_model_file_keeps_it);
    tcase_add_test(cases, outputs_are_never_cut);
    tcase_add_test(cases, inner_outputs_are_counted);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
