// SPDX-License-Identifier: Apache-2.0
// The row of a sequence at every step of a decoder, of as many steps as the sequence has or of a
// number of its own: what a decoder gives is what it gives for that row at each step, cpu:, hls:
// and sim: give the bits of the plain reference in the planned cycles, with slots too, and what
// cannot be is said.
#define _GNU_SOURCE
#include "network_build.h"
#include "session_fixture.h"

#include <math.h>
#include <sys/stat.h>

#define FOLDER "build/repeat-test"

enum { CODE = 3, OWN = 7, FIRST_OWN = 2 };

static int repeat(struct mr_network *network, int stream, int steps) {
    const int repeated = net_add(network, "repeat", stream, 0, 0);
    network->streams[repeated].steps = steps;
    network->ops[network->op_count - 1].most_steps = STEPS;
    return repeated;
}

static int last(struct mr_network *network, int stream) {
    return net_add(network, "last", stream, 0, 0);
}

// An autoencoder: a code of each sequence, and as many steps as that has, or so many.
static void make_plain(struct mr_network *network, int steps) {
    net_create(network, INPUTS, "plain");
    const int layer = net_add(network, "lstm", 0, HIDDEN0, 0);
    const int code = net_add(network, "dense", last(network, layer), CODE, MR_ACTIVATION_TANH);
    const int decoder = net_add(network, "gru", repeat(network, code, steps), HIDDEN1, 0);
    net_output(network, net_add(network, "dense", decoder, INPUTS, MR_ACTIVATION_LINEAR), "y");
}

static void make_as_long(struct mr_network *network) {
    make_plain(network, 0);
}

static void make_own_steps(struct mr_network *network) {
    make_plain(network, OWN);
}

// The code is an output too, and a row of as many numbers as a vector of the layer has.
static void make_with_code(struct mr_network *network) {
    net_create(network, INPUTS, "with-code");
    const int layer = net_add(network, "rnn_tanh", 0, HIDDEN0, 0), code = last(network, layer);
    const int mean = repeat(network, net_add(network, "mean", layer, 0, 0), OWN);
    const int both = net_join(network, repeat(network, code, OWN), mean);
    net_output(network, net_add(network, "dense", code, 2, MR_ACTIVATION_LINEAR), "code");
    net_output(network, net_add(network, "lstm", both, HIDDEN1, 0), "y");
}

// What x and a layer gave meets what comes after the whole sequence.
static void make_beside(struct mr_network *network) {
    net_create(network, INPUTS, "beside");
    const int layer = net_add(network, "lstm", 0, HIDDEN0, 0);
    const int both = net_join(network, repeat(network, last(network, layer), 0), 0);
    const int decoder = net_add(network, "rnn_relu", both, HIDDEN1, 0);
    net_output(network, layer, "states");
    net_output(network, net_join(network, decoder, layer), "y");
    net_output(network, last(network, decoder), "last");
}

// Twice, with other numbers of steps, and once as many as the first time.
static void make_twice(struct mr_network *network) {
    net_create(network, INPUTS, "twice");
    int stream = net_add(network, "lstm", 0, HIDDEN0, 0);
    stream = net_add(network, "gru", repeat(network, last(network, stream), 3), HIDDEN1, 0);
    stream = net_add(network, "lstm", repeat(network, last(network, stream), 5), CODE, 0);
    net_output(network, stream, "y");
}

// A decoder reads from both ends.
static void make_both_ways(struct mr_network *network) {
    net_create(network, INPUTS, "both-ways");
    const int layer = net_add(network, "lstm", 0, HIDDEN0, 0);
    const int row = repeat(network, last(network, layer), 0);
    const int forward = net_add(network, "gru", row, CODE, 0);
    const int back = net_add(network, "gru", net_reverse(network, row), CODE, 0);
    net_output(network, net_join(network, forward, net_reverse(network, back)), "y");
}

static void (*const makers[])(struct mr_network *network) = {
    make_as_long, make_own_steps, make_with_code, make_beside, make_twice, make_both_ways};
enum { MAKERS = sizeof makers / sizeof *makers };

static void make(struct mr_network *network, int index) {
    uint64_t state = (uint64_t)index + 5;
    makers[index](network);
    net_weights(network, &state, 0.8);
}

// In double: the code of each sequence by a network that ends there, and a decoder that reads it at
// each step.
START_TEST(decoders_read_the_row_at_each_step) {
    struct mr_network network, code, decoder;
    float x[SEQUENCES * STEPS * INPUTS], rows[SEQUENCES * OWN * CODE];
    double of_code[SEQUENCES * CODE], y[SEQUENCES * OWN * INPUTS], wanted[SEQUENCES * OWN * INPUTS];
    const size_t steps = _i == 0 ? STEPS : OWN;
    char error[300];

    make(&network, _i);
    net_create(&code, INPUTS, "code");
    net_create(&decoder, CODE, "decoder");
    int at_code[MR_MAX_STREAMS], at_decoder[MR_MAX_STREAMS];
    bool to_code[MR_MAX_STREAMS] = {false}, to_decoder[MR_MAX_STREAMS] = {false};
    for (int i = 0; i < 3; i++)
        to_code[network.ops[i].output] = true;
    for (int i = 4; i < 6; i++)
        to_decoder[network.ops[i].output] = true;
    at_code[0] = 0;
    ck_assert_int_eq(mr_network_move(&code, &network, to_code, at_code, error, sizeof error), 0);
    at_decoder[network.ops[3].output] = 0;
    ck_assert_int_eq(
        mr_network_move(&decoder, &network, to_decoder, at_decoder, error, sizeof error), 0);
    net_output(&code, 3, "code");
    net_output(&decoder, 2, "y");
    mr_network_free(&network);
    make(&network, _i);
    fill_input(x, SEQUENCES * STEPS * INPUTS);
    ck_assert_int_eq(mr_float_run(&code, x, SEQUENCES, STEPS, of_code), 0);
    for (size_t i = 0; i < SEQUENCES * steps * CODE; i++)
        rows[i] = (float)of_code[i / (steps * CODE) * CODE + i % CODE];
    ck_assert_int_eq(mr_float_run(&decoder, rows, SEQUENCES, steps, wanted), 0);
    ck_assert_int_eq(mr_float_run(&network, x, SEQUENCES, STEPS, y), 0);
    ck_assert_uint_eq(mr_output_rows(&network, 0, STEPS), steps);
    for (size_t i = 0; i < SEQUENCES * steps * INPUTS; i++)
        ck_assert_double_eq_tol(y[i], wanted[i], 1e-6);
    mr_network_free(&network);
    mr_network_free(&code);
    mr_network_free(&decoder);
}
END_TEST

static void check_device(const struct mr_network *network, const struct mr_model *model,
                         const char *uri, uint32_t lc, uint32_t slots) {
    const uint32_t lanes[] = {lc, lc, lc};
    const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN, .lanes = lanes,
                                       .lane_count = (uint32_t)mr_network_layers(network),
                                       .slots = slots};
    static const size_t runs[][2] = {{1, 1}, {1, STEPS}, {SEQUENCES, 1}, {SEQUENCES, STEPS},
                                     {3, 2}, {2, 3}};
    struct mr_session *session = open_session(model, uri, &options);
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
        check_bits(network, model, session, &options, runs[i][0], runs[i][1]);
    mr_session_close(session);
}

START_TEST(devices_give_the_bits_of_the_reference) {
    if (!have_compiler())
        return;
    struct mr_network network;
    char path[64];
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    make(&network, _i);
    snprintf(path, sizeof path, FOLDER "/%s%d.millrace", network.name, _i);
    save_model(&network, path);
    struct mr_model *model = open_model_of(path);
    const bool thorough = getenv("THOROUGH") != NULL;
    for (uint32_t lc = 1; lc <= CODE; lc += 2) {
        const uint32_t slots = lc > 1 ? 4 : _i == 4 ? 2 : 1;
        check_device(&network, model, "cpu:", lc, slots);
        if (lc == 1 || _i >= 3 || thorough)
            check_device(&network, model, "hls:", lc, slots);
        const bool simulated = lc > 1 ? _i == 3 : _i == 0 || _i == 4 || thorough;
        if (simulated && !getenv("MR_TEST_NO_SIM"))
            check_device(&network, model, "sim:", lc, slots);
    }
    mr_model_close(model);
    mr_network_free(&network);
}
END_TEST

static struct mr_session *session_of(struct mr_network *network, const char *path,
                                     struct mr_model **model) {
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    save_model(network, path);
    *model = open_model_of(path);
    return open_session(*model, "cpu:", &(struct mr_options){MR_OPTIONS_INIT});
}

START_TEST(calls_that_cannot_be_are_refused) {
    struct mr_network network;
    struct mr_model *model;
    float x[20 * INPUTS] = {0}, y[400];
    make(&network, 0);
    struct mr_session *session = session_of(&network, FOLDER "/refused.millrace", &model);
    ck_assert_int_eq(mr_session_step(session, x, y, NULL), MR_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(session), "'repeat' needs all steps"));
    ck_assert_int_eq(mr_session_run(session, x, 1, STEPS + 1, 0, y, NULL), MR_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(session), "'repeat', which has room for 6"));
    ck_assert_int_eq(mr_session_run_lengths(session, x, 2, 2, (uint64_t[]){2, 1}, y, NULL),
                     MR_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(session), "sequence 1 has length 1 and x has 2"));
    ck_assert_int_eq(mr_session_run_lengths(session, x, 2, 2, (uint64_t[]){2, 2}, y, NULL), 0);
    mr_session_close(session);
    mr_model_close(model);
    mr_network_free(&network);
}
END_TEST

START_TEST(networks_that_cannot_be_are_refused) {
    struct mr_network network;
    char error[300] = "";
    net_create(&network, INPUTS, "refused");
    const int layer = net_add(&network, "lstm", 0, HIDDEN0, 0), row = last(&network, layer);
    const struct mr_op_kind *kind = mr_op_kind_find("repeat");
    ck_assert_ptr_null(mr_network_add(&network, kind, layer, 0, 0, error, sizeof error));
    ck_assert_ptr_nonnull(strstr(error, "comes at every step as it is"));
    const int own = repeat(&network, row, OWN);
    ck_assert_ptr_null(
        mr_network_join(&network, mr_op_kind_find("add"), own, layer, error, sizeof error));
    ck_assert_ptr_nonnull(strstr(error, "other numbers of steps"));
    net_output(&network, own, "own");
    ck_assert_int_eq(mr_network_check(&network, error, sizeof error), 0);
    net_output(&network, layer, "layer");
    ck_assert_int_ne(mr_network_check(&network, error, sizeof error), 0);
    ck_assert_ptr_nonnull(strstr(error, "output 'layer' has another number of steps"));
    network.output_count = 1;
    network.mask.given = true;
    ck_assert_int_ne(mr_network_check(&network, error, sizeof error), 0);
    ck_assert_ptr_nonnull(strstr(error, "'repeat' repeats a row at each step, and sequences have"));
    free(network.outputs[1].name);
    mr_network_free(&network);
}
END_TEST

// A row that lanes take in one cycle, however wide: hlsc refused five numbers and more.
START_TEST(rows_of_one_vector_are_repeated) {
    static const int columns[] = {1, 4, 5, 32};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        const uint32_t lanes[] = {(uint32_t)columns[i], (uint32_t)columns[i]};
        const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN,
                                           .lanes = lanes, .lane_count = 2};
        struct mr_network network;
        struct mr_compiled compiled;
        struct mr_error error = {0};
        net_create(&network, INPUTS, "one_vector");
        const int layer = net_add(&network, "rnn_tanh", 0, columns[i], 0);
        const int row = repeat(&network, last(&network, layer), OWN);
        net_output(&network, net_add(&network, "rnn_tanh", row, columns[i], 0), "y");
        net_quantise(&network, NULL);
        ck_assert_msg(mr_compile_network(&network, &options, &compiled, &error) == 0,
                      "%d columns: %s", columns[i], error.text);
        mr_compiled_free(&compiled);
        mr_network_free(&network);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("repeat");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 600);
    tcase_add_loop_test(all, decoders_read_the_row_at_each_step, 0, FIRST_OWN);
    tcase_add_loop_test(all, devices_give_the_bits_of_the_reference, 0, MAKERS);
    tcase_add_test(all, calls_that_cannot_be_are_refused);
    tcase_add_test(all, networks_that_cannot_be_are_refused);
    tcase_add_test(all, rows_of_one_vector_are_repeated);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
