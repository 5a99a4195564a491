// SPDX-License-Identifier: Apache-2.0
// Random networks of an encoder and a decoder: cpu:, hls: and sim: give the bits of the plain
// reference, sequence after sequence, whole runs and step by step, with the token fed back, and
// with late inputs; cycles of both parts are those of the plan; states are cut and counted where
// they do not fit; and the model file keeps all of it. With THOROUGH emulated cards too. Usage:
// encoder_test [SEED [COUNT]]: all simulated where they are given, else the first of three
#define _GNU_SOURCE
#include "mr_command.h"
#include "plan.h"
#include "session_fixture.h"

#include <math.h>
#include <sys/stat.h>

#define FOLDER "build/encoder_test"

enum { MOST = 9, TOKENS = 7, ENCODED = 5, DECODED = 4, CALLS = 3 };

static uint64_t first_seed = 1;
static int networks = 3, simulated = 1; // the first ones

struct made {
    uint64_t seed;
    struct mr_network network;
    uint32_t lanes[MR_MAX_LAYERS], passes[MR_MAX_LAYERS], h_first[MR_MAX_LAYERS], layers;
    char model[80];
};

// ---- making

static int table_of(struct mr_network *network, int stream, int entries, int units) {
    char error[300] = "";
    struct mr_op *op = mr_network_add_bare(network, mr_op_kind_find("embedding"), stream, -1, units,
                                           MR_ACTIVATION_LINEAR, error, sizeof error);
    net_need(op != NULL, error);
    op->entries = entries;
    net_need(mr_op_weights(op) == 0, "not enough memory");
    return op->output;
}

static int last_of(struct mr_network *network, int stream) {
    return net_add(network, "last", stream, 0, MR_ACTIVATION_LINEAR);
}

// A row per sequence of so many numbers, of what layers of the encoder read: states of a layer, as
// they are, those of two directions side by side, or through a dense operator.
static int state_of(struct mr_network *network, uint64_t *random, const char *cell, int below,
                    int units) {
    const int way = random_between(random, 0, 3);
    if (way == 0 && units > 1) {
        const int half = units / 2;
        const int forward = net_add(network, cell, below, half, 0);
        const int back = net_add(network, cell, net_reverse(network, below), units - half, 0);
        return net_join(network, last_of(network, forward), last_of(network, back));
    }
    if (way == 1) {
        const int layer = net_add(network, cell, below, random_between(random, 1, MOST), 0);
        return net_add(network, "dense", last_of(network, layer), units,
                       random_bits(random) & 1 ? MR_ACTIVATION_TANH : MR_ACTIVATION_LINEAR);
    }
    return last_of(network, net_add(network, cell, below, units, 0));
}

static void give(struct mr_network *network, int stream, int field, int state) {
    char error[300] = "";
    struct mr_op *op = &network->ops[network->streams[stream].writer];
    net_need(mr_network_give(network, op, field, state, error, sizeof error) == 0, error);
}

static void make_encoder_decoder(struct mr_network *network, uint64_t seed) {
    uint64_t random = seed;
    const bool tokens = random_bits(&random) & 1;
    const int layers = random_between(&random, 1, 2);
    const char *cells[2] = {net_cell(&random), net_cell(&random)};
    int units[2], h[2] = {-1, -1}, second[2] = {-1, -1};
    net_create(network, 1, "encoder-decoder");
    mr_network_encode(network, tokens ? 1 : random_between(&random, 1, 5));
    network->encoder_name = strdup("source");
    int below = network->encoder;
    if (tokens)
        below = table_of(network, below, TOKENS, random_between(&random, 1, MOST));
    if (random_bits(&random) % 3 == 0)
        below = net_add(network, net_cell(&random), below, random_between(&random, 1, MOST), 0);
    for (int l = 0; l < layers; l++) {
        units[l] = random_between(&random, 1, MOST);
        // Now and then a state of the second layer starts from 0.
        if (l == 0 || random_bits(&random) % 4)
            h[l] = state_of(network, &random, net_cell(&random), below, units[l]);
        if (mr_op_kind_find(cells[l])->second_field && random_bits(&random) % 4)
            second[l] = state_of(network, &random, random_bits(&random) & 1 ? "lstm_cell" : "gru",
                                 below, units[l]);
    }
    int stream = table_of(network, 0, TOKENS, random_between(&random, 1, MOST));
    for (int l = 0; l < layers; l++) {
        stream = net_add(network, cells[l], stream, units[l], MR_ACTIVATION_LINEAR);
        if (h[l] >= 0)
            give(network, stream, 0, h[l]);
        if (second[l] >= 0)
            give(network, stream, 1, second[l]);
    }
    const int scores = net_add(network, "dense", stream, TOKENS, MR_ACTIVATION_LINEAR);
    net_output(network, net_add(network, "argmax", scores, 0, 0), "token");
    if (random_bits(&random) & 1)
        net_output(network, scores, "scores");
    net_weights(network, &random, 1.0);
    net_precisions(network, &random);
}

// Rows of an input.
static float *rows_of(const struct mr_network *network, int input, uint64_t *random, size_t rows) {
    const size_t width = (size_t)network->streams[input].width;
    const int entries = mr_input_entries(network, input);
    float *x = calloc(rows * width, sizeof *x);
    net_need(x != NULL, "not enough memory");
    for (size_t i = 0; i < rows * width; i++)
        x[i] = entries ? (float)random_between(random, 0, entries - 1) : random_number(random, 2);
    return x;
}

static void make(struct made *m, uint64_t seed) {
    char error[600] = "";
    uint64_t random = seed ^ UINT64_C(0x656e63);
    m->seed = seed;
    make_encoder_decoder(&m->network, seed);
    float *source = rows_of(&m->network, m->network.encoder, &random, 8 * ENCODED);
    float *x = rows_of(&m->network, 0, &random, 8 * DECODED);
    const struct mr_encoded encoded = {.x = source, .steps = ENCODED};
    ck_assert_int_eq(mr_float_observe_encoded(&m->network, &encoded, x, 8, DECODED, NULL), 0);
    ck_assert_msg(mr_quantise(&m->network, NULL, NULL, error, sizeof error) == 0, "%s", error);
    m->layers = (uint32_t)mr_network_layers(&m->network);
    for (uint32_t l = 0; l < m->layers; l++) {
        const struct mr_op *op = mr_network_layer(&m->network, (int)l);
        m->lanes[l] = (uint32_t)random_between(&random, 1, op->units < 4 ? op->units : 4);
        m->passes[l] =
            (uint32_t)mr_plan_passes(op, (int)m->lanes[l], random_between(&random, 1, 3));
        m->h_first[l] = random_bits(&random) & 1;
    }
    snprintf(m->model, sizeof m->model, FOLDER "/%llu.millrace", (unsigned long long)seed);
    const struct mr_model_data data = {.network = m->network};
    ck_assert_msg(mr_model_data_save(&data, m->model, error, sizeof error) == 0, "%s", error);
    free(source);
    free(x);
}

static struct mr_options options_of(const struct made *m) {
    return (struct mr_options){MR_OPTIONS_INIT,       .choice = MR_LANES_GIVEN,
                               .lanes = m->lanes,     .passes = m->passes,
                               .h_first = m->h_first, .lane_count = m->layers};
}

// ---- what the plain reference says

// Of the rows of several sequences, whole numbers as the outputs give them.
static void expect(const struct mr_network *network, const float *source, const float *x,
                   size_t sequences, float *y) {
    const size_t width = (size_t)network->streams[network->encoder].width;
    char text[600];
    int16_t *source_q = calloc(sequences * ENCODED * width, sizeof *source_q);
    int16_t *x_q = calloc(sequences * DECODED, sizeof *x_q);
    int32_t *y_q = calloc(sequences * mr_network_numbers(network, DECODED), sizeof *y_q);
    ck_assert(source_q && x_q && y_q);
    ck_assert_int_eq(mr_quantise_stream(network, network->encoder, source, sequences * ENCODED,
                                        source_q, NULL, text, sizeof text),
                     0);
    ck_assert_int_eq(
        mr_quantise_input(network, x, sequences * DECODED, x_q, NULL, text, sizeof text), 0);
    const struct mr_encoded encoded = {.x = source_q, .steps = ENCODED};
    ck_assert_int_eq(mr_integer_run_encoded(network, &encoded, x_q, sequences, DECODED, y_q), 0);
    for (int o = 0, at = 0; o < network->output_count; o++) {
        const size_t rows = sequences * mr_output_rows(network, o, DECODED);
        mr_quantised_output(network, o, y_q + at, rows, y + at);
        at += (int)rows * network->streams[network->outputs[o].stream].width;
    }
    free(source_q);
    free(x_q);
    free(y_q);
}

static json_t *plan_of(const struct mr_model *model, const struct mr_options *options,
                       uint64_t steps) {
    struct mr_error error = {0};
    char *text;
    ck_assert_msg(!mr_plan(model, options, 1, steps, &text, NULL, &error), "%s", error.text);
    json_t *plan = json_loads(text, 0, NULL);
    free(text);
    return plan;
}

static uint64_t cycles_in(const json_t *object) {
    return (uint64_t)json_integer_value(json_object_get(object, "cycles"));
}

// ---- running

// The values that were cut.
static uint64_t run_on(const struct made *m, const struct mr_model *model, const char *uri,
                       const struct mr_options *options, bool counts) {
    uint64_t cut = 0;
    const struct mr_network *network = &m->network;
    const size_t numbers = mr_network_numbers(network, DECODED);
    uint64_t random = m->seed + 77;
    struct mr_session *session = open_session(model, uri, options);
    json_t *of_encoder = plan_of(model, options, ENCODED), *plan = plan_of(model, options, DECODED);
    json_t *of_step = plan_of(model, options, 1);
    const uint64_t of_token =
        (uint64_t)json_integer_value(json_object_get(of_step, "token_cycles"));
    float *y = calloc(numbers, sizeof *y), *wanted = calloc(numbers, sizeof *wanted);
    float *row = calloc(numbers, sizeof *row);
    ck_assert(y && wanted && row);
    for (int call = 0; call < CALLS; call++) {
        float *source = rows_of(network, network->encoder, &random, ENCODED);
        float *x = rows_of(network, 0, &random, DECODED);
        struct mr_stats stats;
        expect(network, source, x, 1, wanted);
        ck_assert_msg(!mr_session_encode(session, source, ENCODED, &stats), "%s",
                      mr_session_error(session));
        cut += stats.cut_values;
        if (counts)
            ck_assert_uint_eq(stats.cycles, cycles_in(json_object_get(of_encoder, "encoder")));
        ck_assert_msg(!mr_session_run(session, x, 1, DECODED, MR_RUN_CONTINUE, y, &stats), "%s",
                      mr_session_error(session));
        cut += stats.cut_values;
        if (counts)
            ck_assert_uint_eq(stats.cycles, cycles_in(plan));
        for (size_t i = 0; i < numbers; i++)
            ck_assert_msg(y[i] == wanted[i], "%s, seed %llu, call %d, number %zu: %g and not %g",
                          uri, (unsigned long long)m->seed, call, i, (double)y[i],
                          (double)wanted[i]);
        // The token of each step is the next one's input.
        ck_assert_int_eq(mr_session_encode(session, source, ENCODED, NULL), 0);
        for (int t = 0; t < DECODED; t++) {
            ck_assert_int_eq(mr_session_step(session, &x[t], row, &stats), 0);
            if (counts)
                ck_assert_uint_eq(stats.cycles, cycles_in(of_step));
            if (t + 1 < DECODED)
                x[t + 1] = row[0];
            y[t] = row[0];
        }
        int32_t tokens[DECODED];
        uint64_t count;
        ck_assert_int_eq(mr_session_encode(session, source, ENCODED, NULL), 0);
        ck_assert_msg(
            !mr_session_generate(session, (int32_t)x[0], -1, DECODED, tokens, &count, &stats), "%s",
            mr_session_error(session));
        ck_assert_uint_eq(count, DECODED);
        if (counts)
            ck_assert_uint_eq(stats.cycles, cycles_in(of_step) + (DECODED - 1) * of_token);
        for (int t = 0; t < DECODED; t++)
            ck_assert(y[t] == (float)tokens[t]);
        expect(network, source, x, 1, wanted);
        for (int t = 0; t < DECODED; t++)
            ck_assert_msg(y[t] == wanted[t], "%s, seed %llu, call %d, token %d", uri,
                          (unsigned long long)m->seed, call, t);
        free(source);
        free(x);
    }
    json_decref(of_encoder);
    json_decref(plan);
    json_decref(of_step);
    free(y);
    free(wanted);
    free(row);
    mr_session_close(session);
    return cut;
}

START_TEST(test_random_networks) {
    struct made m = {0};
    if (!have_compiler())
        return;
    make(&m, first_seed + (uint64_t)_i);
    struct mr_model *model = open_model_of(m.model);
    struct mr_options options = options_of(&m);
    const uint64_t cut = run_on(&m, model, "cpu:", &options, false);
    ck_assert_uint_eq(run_on(&m, model, "hls:", &options, false), cut);
    if (_i < simulated) {
        ck_assert_uint_eq(run_on(&m, model, "sim:", &options, true), cut);
        options.idle_chance = options.stall_chance = 64;
        options.seed = m.seed;
        ck_assert_uint_eq(run_on(&m, model, "sim:", &options, false), cut);
    }
    if (_i < simulated && getenv("THOROUGH")) {
        struct mr_error error = {0};
        char uri[160], image[120];
        options = options_of(&m);
        snprintf(image, sizeof image, FOLDER "/%llu.xclbin", (unsigned long long)m.seed);
        snprintf(uri, sizeof uri, "xrt:0,%s", image);
        ck_assert_msg(!mr_build_image(model, "hw_emu", &options, image, NULL, 0, &error), "%s",
                      error.text);
        ck_assert_uint_eq(run_on(&m, model, uri, &options, false), cut);
    }
    mr_model_close(model);
    mr_network_free(&m.network);
}
END_TEST

// A state beyond +-1 is cut, and counted, by how much too.
START_TEST(test_cut_states) {
    struct mr_network network;
    char error[300];
    const float bias[] = {2, 0.5f, -3}, source = 0, x = 0;
    if (!have_compiler())
        return;
    net_create(&network, 1, "cut");
    mr_network_encode(&network, 1);
    network.encoder_name = strdup("source");
    const int last = last_of(&network, net_add(&network, "rnn_tanh", network.encoder, 2, 0));
    const int bridge = net_add(&network, "dense", last, 3, MR_ACTIVATION_LINEAR);
    memcpy(network.ops[network.op_count - 1].bias, bias, sizeof bias);
    const int layer = net_add(&network, "gru", table_of(&network, 0, TOKENS, 2), 3, 0);
    const uint32_t index = (uint32_t)network.op_count - 1;
    give(&network, layer, 0, bridge);
    net_output(&network, layer, "h");
    save_model(&network, FOLDER "/cut.millrace");
    struct mr_model *model = open_model_of(FOLDER "/cut.millrace");
    struct mr_session *session = open_session(model, "cpu:", NULL);
    struct mr_operator_saturation of;
    struct mr_stats stats;
    float y[3];
    for (int n = 1; n <= 2; n++) {
        ck_assert_int_eq(mr_session_encode(session, &source, 1, &stats), 0);
        ck_assert_uint_eq(stats.cut_values, 2);
        ck_assert_int_eq(mr_session_step(session, &x, y, &stats), 0);
        ck_assert_uint_eq(stats.cut_values, 0);
        ck_assert_int_eq(mr_session_operator_saturation(session, index, &of), 0);
        ck_assert_uint_eq(of.cut, 2 * (uint64_t)n);
        ck_assert_double_eq(of.limit, 1);
        ck_assert_double_eq_tol(of.past, 3 * n, 1e-4 * n);
    }
    // Weights of 0: a GRU's gates are halves, and its new h half of the old.
    ck_assert_float_eq_tol(y[0], 0.5f, 1e-3f);
    ck_assert_float_eq_tol(y[1], 0.25f, 1e-3f);
    ck_assert_float_eq_tol(y[2], -0.5f, 1e-3f);
    mr_session_close(session);
    mr_model_close(model);
    // What cannot be given.
    struct mr_op *op = &network.ops[index];
    ck_assert_int_ne(mr_network_give(&network, op, 1, bridge, error, sizeof error), 0);
    ck_assert_str_eq(error, "'gru1' has no such state that an encoder could give");
    ck_assert_int_ne(mr_network_give(&network, op, 0, last, error, sizeof error), 0);
    ck_assert_str_eq(error, "the encoder gives 'gru1' a state of 2 numbers, and it has 3 units");
    ck_assert_int_ne(mr_network_give(&network, op, 0, layer, error, sizeof error), 0);
    ck_assert_str_eq(error,
                     "the state of 'gru1' comes from what is no row per sequence of an encoder");
    ck_assert_int_ne(mr_network_output(&network, last, "z", error, sizeof error), 0);
    ck_assert_str_eq(error, "output 'z' is of the encoder, whose results are the decoder's states");
    op->given[0] = -1;
    ck_assert_int_ne(mr_network_check(&network, error, sizeof error), 0);
    mr_network_free(&network);
}
END_TEST

static void refused(struct mr_session *session, const float *x, uint64_t steps,
                    const char *sentence) {
    ck_assert_int_ne(mr_session_encode(session, x, steps, NULL), 0);
    ck_assert_str_eq(mr_session_error(session), sentence);
}

// Wrong calls, which leave the state as it was; and a state that is kept, and given back.
START_TEST(test_calls) {
    struct mr_network network, plain;
    const float source[] = {1, 2, 3}, wrong[] = {1, NAN}, beyond[] = {TOKENS}, x = 2;
    float y[2][TOKENS];
    const char *name;
    if (!have_compiler())
        return;
    net_create(&network, 1, "calls");
    mr_network_encode(&network, 1);
    network.encoder_name = strdup("source");
    uint64_t random = 3;
    const int below = table_of(&network, network.encoder, TOKENS, 3);
    const int h = last_of(&network, net_add(&network, "lstm", below, 4, 0));
    const int layer = net_add(&network, "lstm", table_of(&network, 0, TOKENS, 2), 4, 0);
    give(&network, layer, 0, h);
    net_output(&network, net_add(&network, "dense", layer, TOKENS, 0), "scores");
    net_weights(&network, &random, 1);
    save_model(&network, FOLDER "/calls.millrace");
    make_network(&plain);
    save_model(&plain, FOLDER "/plain.millrace");
    struct mr_model *model = open_model_of(FOLDER "/calls.millrace");
    struct mr_model *other = open_model_of(FOLDER "/plain.millrace");
    ck_assert_uint_eq(mr_model_encoder(model, &name), 1);
    ck_assert_str_eq(name, "source");
    ck_assert_uint_eq(mr_model_encoder(other, &name), 0);
    ck_assert_ptr_null(name);
    struct mr_session *session = open_session(model, "cpu:", NULL);
    refused(session, NULL, 3, "mr_session_encode: x is NULL");
    char most[120];
    snprintf(most, sizeof most,
             "mr_session_encode: a sequence of 0 steps is not possible; give 1 to %u",
             MR_STEPS_MAX);
    refused(session, source, 0, most);
    refused(session, wrong, 2,
            "the input is NaN at sequence 0, step 1, feature 0 (counted from 0); every number must "
            "be finite");
    refused(session, beyond, 1,
            "the input is 7 at sequence 0, step 0 (counted from 0), and the table in which it is "
            "looked up has the rows 0 to 6");
    ck_assert_int_eq(mr_session_encode(NULL, source, 3, NULL), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_encode(session, source, 3, NULL), 0);
    const size_t size = mr_session_state_size(session);
    void *state = malloc(size);
    ck_assert_ptr_nonnull(state);
    ck_assert_int_eq(mr_session_save(session, state, size), 0);
    refused(session, NULL, 3, "mr_session_encode: x is NULL");
    ck_assert_int_eq(mr_session_step(session, &x, y[0], NULL), 0);
    ck_assert_int_eq(mr_session_encode(session, source, 1, NULL), 0);
    ck_assert_int_eq(mr_session_step(session, &x, y[1], NULL), 0);
    ck_assert_mem_ne(y[0], y[1], sizeof y[0]);
    ck_assert_int_eq(mr_session_restore(session, state, size), 0);
    ck_assert_int_eq(mr_session_step(session, &x, y[1], NULL), 0);
    ck_assert_mem_eq(y[0], y[1], sizeof y[0]);
    free(state);
    mr_session_close(session);
    struct mr_session *of_plain = open_session(other, "cpu:", NULL);
    refused(of_plain, source, 1,
            "mr_session_encode: the model has no encoder; run it with mr_session_run");
    mr_session_close(of_plain);
    const struct mr_options slots = {MR_OPTIONS_INIT, .slots = 2};
    struct mr_error error = {0};
    ck_assert_ptr_null(mr_session_open(model, "cpu:", &slots, &error));
    ck_assert_msg(strstr(error.text, "a network with an encoder has no slots") != NULL, "%s",
                  error.text);
    mr_model_close(model);
    mr_model_close(other);
    mr_network_free(&network);
    mr_network_free(&plain);
}
END_TEST

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    first_seed = argc > 1 ? strtoull(argv[1], NULL, 10) : first_seed;
    networks = argc > 2 ? atoi(argv[2]) : networks;
    simulated = argc > 1 ? networks : simulated;
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    printf("seeds %llu to %llu\n", (unsigned long long)first_seed,
           (unsigned long long)first_seed + (uint64_t)networks - 1);
    Suite *suite = suite_create("encoder");
    TCase *tc = tcase_create("encoder");
    tcase_set_timeout(tc, 1200);
    tcase_add_loop_test(tc, test_random_networks, 0, networks);
    tcase_add_test(tc, test_cut_states);
    tcase_add_test(tc, test_calls);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
