// SPDX-License-Identifier: Apache-2.0
// Decoders that start from the states of an encoder in the same run: random networks of layers of
// all kinds, precisions and layouts, of which cpu:, hls: and sim: give the bits of the plain
// reference, in the planned cycles and with late inputs, and count the same cuts; what the float
// walker gives is what a decoder of its own gives from these states; the model file keeps all of
// it; and what cannot be is refused. Usage: follow_test [SEED [COUNT]]: all simulated where they
// are given, else the first ones.
#define _GNU_SOURCE
#include "plan.h"
#include "session_fixture.h"

#include <math.h>
#include <sys/stat.h>

#define FOLDER "build/follow_test"

enum { MOST = 9, MOST_STEPS = 6, RUNS = 6 };

static uint64_t first_seed = 1;
static int networks = 3, simulated = 1; // the first ones

struct made {
    uint64_t seed;
    struct mr_network network;
    uint32_t lanes[MR_MAX_LAYERS], passes[MR_MAX_LAYERS], h_first[MR_MAX_LAYERS], layers;
    char model[80];
};

// ---- making

static int last_of(struct mr_network *network, int stream) {
    return net_add(network, "last", stream, 0, MR_ACTIVATION_LINEAR);
}

static int repeat_of(struct mr_network *network, int stream, int steps) {
    const int repeated = net_add(network, "repeat", stream, 0, 0);
    network->streams[repeated].steps = steps;
    network->ops[network->op_count - 1].most_steps = MOST_STEPS;
    return repeated;
}

static void give(struct mr_network *network, int stream, int field, int state) {
    char error[300] = "";
    struct mr_op *op = &network->ops[network->streams[stream].writer];
    net_need(mr_network_give(network, op, field, state, error, sizeof error) == 0, error);
    op->most_steps = MOST_STEPS;
}

// A row per sequence of so many numbers: the last or the first of a layer, those of two directions
// side by side, or a layer's mean, or its last row through a dense operator.
static int state_of(struct mr_network *network, uint64_t *random, const char *cell, int below,
                    int units) {
    const int way = random_between(random, 0, 5);
    if (way == 0 && units > 1) {
        const int half = units / 2;
        const int forward = net_add(network, cell, below, half, 0);
        const int back = net_add(network, cell, net_reverse(network, below), units - half, 0);
        network->ops[network->op_count - 2].most_steps = MOST_STEPS;
        return net_join(network, last_of(network, forward), last_of(network, back));
    }
    if (way == 1) {
        const int layer = net_add(network, cell, below, random_between(random, 1, MOST), 0);
        return net_add(network, "dense", last_of(network, layer), units,
                       random_bits(random) & 1 ? MR_ACTIVATION_TANH : MR_ACTIVATION_LINEAR);
    }
    const int layer = net_add(network, cell, below, units, 0);
    return way == 2   ? net_add(network, "mean", layer, 0, 0)
           : way == 3 ? net_add(network, "first", layer, 0, 0)
                      : last_of(network, layer);
}

static void make_network_of(struct mr_network *network, uint64_t seed) {
    uint64_t random = seed;
    const int layers = random_between(&random, 1, 2), inputs = random_between(&random, 1, 5);
    const int way = random_between(&random, 0, 3), own = random_between(&random, 1, 5);
    const char *cells[2] = {net_cell(&random), net_cell(&random)};
    int h[2] = {-1, -1}, second[2] = {-1, -1}, units[2], below = 0;
    net_create(network, inputs, "following");
    if (random_bits(&random) % 3 == 0)
        below = net_add(network, net_cell(&random), below, random_between(&random, 1, MOST), 0);
    for (int l = 0; l < layers; l++) {
        units[l] = random_between(&random, 1, MOST);
        const bool has_second = mr_op_kind_find(cells[l])->second_field;
        // Now and then one field, or a layer, starts from 0.
        if (l == 0 || random_bits(&random) % 4)
            h[l] = state_of(network, &random, net_cell(&random), below, units[l]);
        if (has_second && random_bits(&random) % 4)
            second[l] = state_of(network, &random, random_bits(&random) & 1 ? "lstm_cell" : "gru",
                                 below, units[l]);
        if (l == 0 && second[l] >= 0 && random_bits(&random) % 4 == 0) {
            h[l] = -1;
        }
    }
    // What the decoder reads: x, a row as often as x has steps or so often, or both.
    const int row = last_of(network, net_add(network, net_cell(&random), below, 3, 0));
    int stream = way == 0   ? below
                 : way == 1 ? repeat_of(network, row, 0)
                 : way == 2 ? repeat_of(network, row, own)
                            : net_join(network, repeat_of(network, row, 0), below);
    if (way == 0)
        net_output(network, row, "row");
    for (int l = 0; l < layers; l++) {
        stream = net_add(network, cells[l], stream, units[l], MR_ACTIVATION_LINEAR);
        if (h[l] >= 0)
            give(network, stream, 0, h[l]);
        if (second[l] >= 0)
            give(network, stream, 1, second[l]);
    }
    for (int i = 0, count = network->op_count; i < count; i++)
        if (mr_network_readers(network, network->ops[i].output) == 0 &&
            network->ops[i].output != stream) {
            char name[16];
            snprintf(name, sizeof name, "more%d", i);
            net_output(network, network->ops[i].output, name);
        }
    net_output(network, net_add(network, "dense", stream, 2, MR_ACTIVATION_LINEAR), "y");
    if (random_bits(&random) & 1)
        net_output(network, last_of(network, stream), "end");
    net_weights(network, &random, 1.0);
    net_precisions(network, &random);
}

static void make(struct made *m, uint64_t seed) {
    char error[600] = "";
    uint64_t random = seed ^ UINT64_C(0x666f6c);
    m->seed = seed;
    make_network_of(&m->network, seed);
    const size_t inputs = (size_t)m->network.streams[0].width;
    float *x = calloc(8 * MOST_STEPS * inputs, sizeof *x);
    ck_assert_ptr_nonnull(x);
    random_numbers(&random, x, 8 * MOST_STEPS * inputs, 2);
    ck_assert_msg(mr_network_check(&m->network, error, sizeof error) == 0, "%s", error);
    ck_assert_int_eq(mr_float_observe(&m->network, x, 8, MOST_STEPS, NULL), 0);
    // A network whose numbers are too wide for layers of 8 bits has them of 16, as is said.
    if (mr_quantise(&m->network, NULL, NULL, error, sizeof error) != 0) {
        ck_assert_msg(strstr(error, "give the layer weights of 16 bits") != NULL, "%s", error);
        for (int i = 0; i < m->network.op_count; i++)
            m->network.ops[i].precision = MR_PRECISION_FULL;
        net_quantise(&m->network, NULL);
    }
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
    free(x);
}

// ---- running

// The bits of a run, whose cycles no plan knows.
static void bits_of(const struct made *m, struct mr_session *session, size_t sequences,
                    size_t steps) {
    const size_t numbers = sequences * mr_network_numbers(&m->network, steps);
    const size_t inputs = sequences * steps * (size_t)m->network.streams[0].width;
    float *x = calloc(inputs, sizeof *x), *y = calloc(numbers, sizeof *y);
    float *wanted = calloc(numbers, sizeof *wanted);
    ck_assert(x && y && wanted);
    fill_input(x, inputs);
    expect_of(&m->network, x, sequences, steps, wanted);
    ck_assert_msg(mr_session_run(session, x, sequences, steps, 0, y, NULL) == 0, "%s",
                  mr_session_error(session));
    ck_assert_mem_eq(y, wanted, numbers * sizeof *y);
    free(x);
    free(y);
    free(wanted);
}

// The values that were cut. planned: its cycles are those of the plan.
static uint64_t run_on(const struct made *m, const struct mr_model *model, const char *uri,
                       const struct mr_options *options, bool planned) {
    static const size_t runs[RUNS][2] = {{1, 1},          {1, MOST_STEPS}, {4, 1},
                                         {4, MOST_STEPS}, {3, 2},          {7, 3}};
    struct mr_session *session = open_session(model, uri, options);
    uint64_t cut = 0;
    for (size_t i = 0; i < RUNS; i++)
        if (planned)
            check_bits(&m->network, model, session, options, runs[i][0], runs[i][1]);
        else
            bits_of(m, session, runs[i][0], runs[i][1]);
    for (uint32_t i = 0; i < (uint32_t)m->network.op_count; i++) {
        struct mr_operator_saturation of;
        ck_assert_int_eq(mr_session_operator_saturation(session, i, &of), 0);
        cut += of.cut;
    }
    mr_session_close(session);
    return cut;
}

START_TEST(random_networks) {
    struct made m = {0};
    if (!have_compiler())
        return;
    make(&m, first_seed + (uint64_t)_i);
    struct mr_model *model = open_model_of(m.model);
    struct mr_options options = {MR_OPTIONS_INIT,      .choice = MR_LANES_GIVEN,
                                 .lanes = m.lanes,     .passes = m.passes,
                                 .h_first = m.h_first, .lane_count = m.layers};
    const uint64_t cut = run_on(&m, model, "cpu:", &options, true);
    ck_assert_uint_eq(run_on(&m, model, "hls:", &options, true), cut);
    if (_i < simulated && !getenv("MR_TEST_NO_SIM")) {
        ck_assert_uint_eq(run_on(&m, model, "sim:", &options, true), cut);
        struct mr_options late = options; // inputs, and outputs that are stalled
        late.idle_chance = late.stall_chance = 64;
        late.seed = m.seed;
        ck_assert_uint_eq(run_on(&m, model, "sim:", &late, false), cut);
    }
    if (_i < simulated && getenv("THOROUGH")) {
        struct mr_error error = {0};
        char uri[160], image[120];
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

// ---- what is cut, and what is refused

// An encoder, and a decoder over the same steps that starts from three numbers.
static int make_cut(struct mr_network *network) {
    net_create(network, 1, "cut");
    const int last = last_of(network, net_add(network, "rnn_tanh", 0, 2, 0));
    const int bridge = net_add(network, "dense", last, 3, MR_ACTIVATION_LINEAR);
    const float bias[] = {2, 0.5f, -3};
    memcpy(network->ops[network->op_count - 1].bias, bias, sizeof bias);
    const int layer = net_add(network, "gru", 0, 3, 0);
    give(network, layer, 0, bridge);
    net_output(network, layer, "h");
    return layer;
}

// A state beyond +-1 is cut, and counted, by how much too: of each sequence; a sequence does not go
// on from the one before, nor a call from another one; and lengths of their own are those of calls.
START_TEST(states_are_taken_by_each_sequence) {
    struct mr_network network;
    const float x[6] = {0};
    float y[18], one[6], of_lengths[18];
    make_cut(&network);
    save_model(&network, FOLDER "/cut.millrace");
    struct mr_model *model = open_model_of(FOLDER "/cut.millrace");
    struct mr_session *session = open_session(model, "cpu:", NULL);
    struct mr_operator_saturation of;
    struct mr_stats stats;
    ck_assert_int_eq(mr_session_run(session, x, 3, 2, 0, y, &stats), 0);
    ck_assert_uint_eq(stats.cut_values, 6);
    ck_assert_int_eq(mr_session_operator_saturation(session, (uint32_t)network.op_count - 1, &of),
                     0);
    ck_assert_uint_eq(of.cut, 6);
    ck_assert_double_eq_tol(of.past, 3 * (1 + 2), 1e-3);
    for (int n = 0; n < 3; n++) {
        ck_assert_int_eq(mr_session_run(session, x, 1, 2, 0, one, NULL), 0);
        ck_assert_mem_eq(one, y + 6 * n, sizeof one);
    }
    ck_assert_int_eq(
        mr_session_run_lengths(session, x, 3, 2, (uint64_t[]){2, 1, 2}, of_lengths, NULL), 0);
    ck_assert_mem_eq(of_lengths, y, 9 * sizeof *y);
    ck_assert_mem_eq(of_lengths + 12, y, 6 * sizeof *y);
    ck_assert_int_eq(mr_session_step(session, x, y, NULL), MR_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(
        strstr(mr_session_error(session), "'gru1' needs all steps of a sequence"));
    float *many = calloc(MOST_STEPS + 1, sizeof *many), *of_many = calloc(60, sizeof *of_many);
    ck_assert_int_eq(mr_session_run(session, many, 1, MOST_STEPS, 0, of_many, NULL), 0);
    ck_assert_int_eq(mr_session_run(session, many, 1, MOST_STEPS + 1, 0, of_many, NULL),
                     MR_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(
        strstr(mr_session_error(session), "'gru1', which has room for 6 at most"));
    free(many);
    free(of_many);
    mr_session_close(session);
    const struct mr_options slots = {MR_OPTIONS_INIT, .slots = 2};
    struct mr_error error = {0};
    ck_assert_ptr_null(mr_session_open(model, "cpu:", &slots, &error));
    ck_assert_msg(strstr(error.text, "'gru1' takes sequences one after the other") != NULL, "%s",
                  error.text);
    mr_model_close(model);
    mr_network_free(&network);
}
END_TEST

START_TEST(networks_that_cannot_be_are_refused) {
    struct mr_network network, other;
    char error[300] = "";
    const int layer = make_cut(&network);
    struct mr_op *op = &network.ops[network.streams[layer].writer];
    const struct {
        struct mr_op *op;
        int field, stream;
        const char *said;
    } bad[] = {
        {op, 1, op->given[0], "has no such state"},
        {op, 0, network.ops[0].output, "comes from what is no row per sequence"},
        {op, 0, network.ops[1].output, "a state of 2 numbers, and it has 3 units"},
        {&network.ops[1], 0, op->given[0], "has no such state"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_ne(
            mr_network_give(&network, bad[i].op, bad[i].field, bad[i].stream, error, sizeof error),
            0);
        ck_assert_msg(strstr(error, bad[i].said) != NULL, "%s", error);
    }
    op->start_rows = 1;
    ck_assert_int_ne(mr_network_give(&network, op, 0, op->given[0], error, sizeof error), 0);
    ck_assert_msg(strstr(error, "from a constant and from a state") != NULL, "%s", error);
    op->start_rows = 0;
    bool needed[MR_MAX_STREAMS];
    int at[MR_MAX_STREAMS] = {0};
    memset(needed, true, sizeof needed);
    net_create(&other, 1, "other");
    ck_assert_int_ne(mr_network_move(&other, &network, needed, at, error, sizeof error), 0);
    ck_assert_msg(strstr(error, "'gru1' starts from a state of its own file") != NULL, "%s", error);
    mr_network_free(&network);
    mr_network_free(&other);
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
    Suite *suite = suite_create("follow");
    TCase *tc = tcase_create("follow");
    tcase_set_timeout(tc, 1200);
    tcase_add_loop_test(tc, random_networks, 0, networks);
    tcase_add_test(tc, states_are_taken_by_each_sequence);
    tcase_add_test(tc, networks_that_cannot_be_are_refused);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
