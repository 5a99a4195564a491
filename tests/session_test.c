// SPDX-License-Identifier: Apache-2.0
// The library from the outside: sessions give the bits of the plain reference, in any cut of the
// sequence, on any device and thread, and say what is wrong with a call. `session_test --write
// MODEL X.npy` writes the random model of these tests and an input for it, --write-heads one of
// three outputs.
#define _GNU_SOURCE
#include "model.h"
#include "network_fixture.h"
#include "npy.h"
#include "paths.h"
#include "walk.h"

#include "millrace.h"

#include <check.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { INPUTS = 3, HIDDEN0 = 5, HIDDEN1 = 4, OUTPUTS = 2, SEQUENCES = 4, STEPS = 6 };
static const char model_path[] = "build/session-test/model.millrace";

static float noise(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)((int32_t)(*state >> 32) / 2147483648.0);
}

static void fill(float *data, size_t count, float scale, uint64_t *state) {
    for (size_t i = 0; i < count; i++)
        data[i] = scale * noise(state);
}

// A network of random weights, the same every time.
static void make_network(struct mr_network *network) {
    static const int units[] = {HIDDEN0, HIDDEN1};
    uint64_t state = 7;
    net_chain(network, "lstm", INPUTS, 2, units, OUTPUTS, MR_ACTIVATION_LINEAR);
    free(network->name);
    network->name = strdup("session-test");
    net_need(network->name != NULL, "not enough memory");
    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        const size_t rows = (size_t)op->kind->gates * (size_t)op->units;
        fill(op->w_x, rows * (size_t)op->inputs, 1.0f, &state);
        if (op->w_h)
            fill(op->w_h, rows * (size_t)op->units, 1.0f, &state);
        fill(op->bias, rows, 0.5f, &state);
    }
}

static void save_model(struct mr_network *network, const char *path) {
    char text[900];
    net_quantise(network, NULL);
    const struct mr_model_data data = {.network = *network};
    net_need(mr_model_data_save(&data, path, text, sizeof text) == 0, text);
}

// change: to one weight.
static void write_model(const char *path, float change) {
    struct mr_network network;
    make_network(&network);
    network.ops[1].w_h[3] += change;
    save_model(&network, path);
    mr_network_free(&network);
}

static void fill_input(float *x, size_t count) {
    uint64_t state = 11;
    fill(x, count, 2.0f, &state);
}

static bool have_compiler(void) {
    char path[PATH_MAX], text[900];
    if (mr_hlsc_path(path, sizeof path, text, sizeof text) == 0)
        return true;
    printf("skipped: %s\n", text);
    return false;
}

static struct mr_model *open_model_of(const char *path) {
    struct mr_error error = {0};
    struct mr_model *model = mr_model_open(path, &error);
    ck_assert_msg(model != NULL, "%s", error.text);
    return model;
}

static struct mr_model *open_model(void) {
    return open_model_of(model_path);
}

static struct mr_session *open_session(const struct mr_model *model, const char *uri,
                                       const struct mr_options *options) {
    struct mr_error error = {0};
    struct mr_session *session = mr_session_open(model, uri, options, &error);
    ck_assert_msg(session != NULL, "%s", error.text);
    return session;
}

// What the plain reference says of a network, as float.
static void expect_of(const struct mr_network *network, const float *x, size_t sequences,
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

static void expect(const float *x, size_t sequences, size_t steps, float *y) {
    struct mr_network network;
    make_network(&network);
    net_quantise(&network, NULL);
    expect_of(&network, x, sequences, steps, y);
    mr_network_free(&network);
}

static void check_run(const struct mr_model *model, const char *uri,
                      const struct mr_options *options) {
    float x[SEQUENCES * STEPS * INPUTS], y[SEQUENCES * OUTPUTS], wanted[SEQUENCES * OUTPUTS];
    fill_input(x, SEQUENCES * STEPS * INPUTS);
    expect(x, SEQUENCES, STEPS, wanted);
    struct mr_session *session = open_session(model, uri, options);
    struct mr_stats stats;
    ck_assert_msg(mr_session_run(session, x, SEQUENCES, STEPS, 0, y, &stats) == 0, "%s",
                  mr_session_error(session));
    ck_assert_mem_eq(y, wanted, sizeof y);
    ck_assert_uint_eq(stats.device_runs, 1);

    // In parts, with the state kept: every part's output is that of the sequence so far.
    float part[OUTPUTS], so_far[OUTPUTS];
    ck_assert_int_eq(mr_session_run(session, x, 1, 2, 0, part, NULL), 0);
    ck_assert_int_eq(
        mr_session_run(session, x + 2 * INPUTS, 1, STEPS - 2, MR_RUN_CONTINUE, part, NULL), 0);
    ck_assert_mem_eq(part, wanted, sizeof part);
    mr_session_reset(session);
    for (size_t t = 0; t < STEPS; t++) {
        ck_assert_int_eq(mr_session_step(session, x + t * INPUTS, part, NULL), 0);
        expect(x, 1, t + 1, so_far);
        ck_assert_mem_eq(part, so_far, sizeof part);
    }
    mr_session_close(session);
}

static void go_on(struct mr_session *session, const float *x, size_t from, size_t to, float *y) {
    for (size_t t = from; t < to; t++)
        ck_assert_msg(!mr_session_step(session, x + t * INPUTS, y, NULL), "%s",
                      mr_session_error(session));
}

// A state goes to where it came from, and to another session, whatever its lanes.
static void check_state(struct mr_session *from, struct mr_session *to) {
    float x[STEPS * INPUTS], half[OUTPUTS], whole[OUTPUTS], y[OUTPUTS];
    unsigned char state[200], again[200], zero[200];
    const size_t size = mr_session_state_size(from);
    ck_assert_uint_eq(size, 8 + 16 + 4 + 2 * 4 + (HIDDEN0 + HIDDEN1) * 6);
    fill_input(x, STEPS * INPUTS);
    expect(x, 1, 3, half);
    expect(x, 1, STEPS, whole);
    mr_session_reset(from);
    ck_assert_int_eq(mr_session_save(from, zero, sizeof zero), 0);
    go_on(from, x, 0, 3, y);
    ck_assert_mem_eq(y, half, sizeof y);
    ck_assert_int_eq(mr_session_save(from, state, size), 0);
    go_on(from, x, 3, STEPS, y);
    ck_assert_mem_eq(y, whole, sizeof y);
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(mr_session_restore(to, state, size), 0);
        ck_assert_int_eq(mr_session_save(to, again, size), 0);
        ck_assert_mem_eq(state, again, size);
        go_on(to, x, 3, STEPS, y);
        ck_assert_mem_eq(y, whole, sizeof y);
    }
    ck_assert_int_eq(mr_session_restore(to, zero, size), 0);
    go_on(to, x, 0, 3, y);
    ck_assert_mem_eq(y, half, sizeof y);
    // What is no state changes none.
    static const struct {
        int place;
        unsigned char value;
        const char *words;
    } bad[] = {{0, 'X', "no state"},           {7, 2, "older version"},
               {7, 4, "newer version"},        {24, 3, "3 recurrent layers"},
               {28, 6, "layer 0 has 6 units"}, {41, 1, "cell state of unit 0 of lstm0"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memcpy(again, state, size);
        again[bad[i].place] = bad[i].value;
        ck_assert_int_eq(mr_session_restore(to, again, size), MR_ERROR_ARGUMENT);
        ck_assert_msg(strstr(mr_session_error(to), bad[i].words), "%s", mr_session_error(to));
    }
    for (int place = 8; place < 24; place++) {
        memcpy(again, state, size);
        again[place] ^= 0x10;
        ck_assert_int_eq(mr_session_restore(to, again, size), MR_ERROR_ARGUMENT);
        ck_assert_ptr_nonnull(
            strstr(mr_session_error(to), "another model with layers of the same sizes"));
    }
    for (size_t cut = 0; cut < size; cut++)
        ck_assert_int_eq(mr_session_restore(to, state, cut), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_restore(to, NULL, size), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_save(to, again, size - 1), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_save(to, NULL, size), MR_ERROR_ARGUMENT);
    go_on(to, x, 3, STEPS, y);
    ck_assert_mem_eq(y, whole, sizeof y);
}

START_TEST(a_state_fits_every_session_of_the_model) {
    static const uint32_t lanes[] = {3, 2};
    if (!have_compiler())
        return;
    struct mr_model *model = open_model();
    const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN, .lanes = lanes,
                                       .lane_count = 2};
    struct mr_session *one = open_session(model, "cpu:", NULL),
                      *other = open_session(model, "cpu:", &options);
    check_state(one, one);
    check_state(one, other);
    check_state(other, one);
    // Not one of a retrained network, which has the same shape.
    write_model("build/session-test/retrained.millrace", 0.25f);
    struct mr_error error = {0};
    struct mr_model *retrained = mr_model_open("build/session-test/retrained.millrace", &error);
    ck_assert_msg(retrained != NULL, "%s", error.text);
    struct mr_session *third = open_session(retrained, "cpu:", NULL);
    unsigned char state[200];
    ck_assert_int_eq(mr_session_save(one, state, sizeof state), 0);
    ck_assert_int_eq(mr_session_restore(third, state, mr_session_state_size(one)),
                     MR_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(third), "another model"));
    mr_session_close(third);
    mr_model_close(retrained);
    mr_session_close(one);
    mr_session_close(other);
    ck_assert_uint_eq(mr_session_state_size(NULL), 0);
    ck_assert_int_eq(mr_session_save(NULL, NULL, 0), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_restore(NULL, NULL, 0), MR_ERROR_ARGUMENT);
    mr_model_close(model);
}
END_TEST

START_TEST(cpu_gives_the_bits_of_the_reference) {
    static const uint32_t lanes[][2] = {{1, 1}, {2, 1}, {1, 3}, {3, 2}};
    if (!have_compiler())
        return;
    struct mr_model *model = open_model();
    check_run(model, "cpu:", NULL);
    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++) {
        const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN,
                                           .lanes = lanes[i], .lane_count = 2};
        check_run(model, "cpu:", &options);
    }
    mr_model_close(model);
}
END_TEST

// The last sample is the sum of the run; samples rise, and no cycle is counted twice.
static void check_timeline(const struct mr_session *session) {
    static struct mr_sample samples[512];
    const uint32_t count = mr_session_timeline(session, 0, NULL, 0);
    ck_assert_uint_gt(count, 100);
    ck_assert_uint_le(count, 512);
    for (uint32_t p = 0; p < mr_session_process_count(session); p++) {
        struct mr_process_info info;
        struct mr_sample before = {0};
        ck_assert_int_eq(mr_session_process(session, p, &info), 0);
        ck_assert_uint_eq(mr_session_timeline(session, p, samples, 512), count);
        for (uint32_t i = 0; i < count; i++) {
            const struct mr_sample *now = &samples[i];
            ck_assert_uint_gt(now->cycle, before.cycle);
            ck_assert(now->busy >= before.busy && now->starved >= before.starved &&
                      now->blocked >= before.blocked);
            ck_assert_uint_le(now->busy - before.busy + now->starved - before.starved +
                                  now->blocked - before.blocked,
                              now->cycle - before.cycle);
            ck_assert(now->busy == 0 || now->cycle > info.first_busy);
            ck_assert(now->cycle <= info.last_busy || now->busy == info.busy);
            before = *now;
        }
        ck_assert_uint_eq(before.busy, info.busy);
        ck_assert_uint_eq(before.starved, info.starved);
        ck_assert_uint_eq(before.blocked, info.blocked);
    }
    // Room for two: the rest stays as it was.
    memset(samples, 0, sizeof samples);
    ck_assert_uint_eq(mr_session_timeline(session, 1, samples, 2), count);
    ck_assert_uint_gt(samples[1].cycle, 0);
    ck_assert_uint_eq(samples[2].cycle, 0);
    ck_assert_uint_eq(mr_session_timeline(session, mr_session_process_count(session), samples, 512),
                      0);
}

static void timeline_of_a_session(const struct mr_model *model, struct mr_options options) {
    float x[SEQUENCES * STEPS * INPUTS], y[SEQUENCES * OUTPUTS];
    struct mr_stats stats, again;
    fill_input(x, SEQUENCES * STEPS * INPUTS);
    options.timeline = 1;
    struct mr_session *session = open_session(model, "sim:", &options);
    ck_assert_uint_eq(mr_session_timeline(session, 0, NULL, 0), 0);
    ck_assert_int_eq(mr_session_run(session, x, SEQUENCES, STEPS, 0, y, &stats), 0);
    check_timeline(session);
    const uint32_t count = mr_session_timeline(session, 0, NULL, 0);
    // Each call has its own.
    ck_assert_int_eq(mr_session_run(session, x, SEQUENCES, STEPS, 0, y, &again), 0);
    check_timeline(session);
    ck_assert_uint_eq(mr_session_timeline(session, 0, NULL, 0), count);
    ck_assert_uint_eq(stats.cycles, again.cycles);
    mr_session_close(session);
    struct mr_error error = {0};
    ck_assert_ptr_null(mr_session_open(model, "cpu:", &options, &error));
    ck_assert_ptr_nonnull(strstr(error.text, "cpu: is not a device that records timelines"));
}

// The simulator of one shape takes a while to build, so there is one.
START_TEST(sim_gives_the_same_bits_and_the_planned_cycles) {
    float x[SEQUENCES * STEPS * INPUTS], y[SEQUENCES * OUTPUTS];
    const uint32_t lanes[] = {1, 2};
    struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN, .lanes = lanes,
                                 .lane_count = 2};
    if (!have_compiler())
        return;
    if (getenv("MR_TEST_NO_SIM")) {
        puts("skipped: MR_TEST_NO_SIM is set");
        return;
    }
    struct mr_model *model = open_model();
    check_run(model, "sim:", &options);

    fill_input(x, SEQUENCES * STEPS * INPUTS);
    struct mr_session *session = open_session(model, "sim:", &options);
    struct mr_stats stats;
    ck_assert_int_eq(mr_session_run(session, x, SEQUENCES, STEPS, 0, y, &stats), 0);
    ck_assert(stats.utilisation > 0 && stats.utilisation <= 1);
    ck_assert_uint_gt(mr_session_process_count(session), 0);
    ck_assert_uint_eq(mr_session_timeline(session, 0, NULL, 0), 0); // was not asked for
    mr_session_close(session);
    timeline_of_a_session(model, options);
    session = open_session(model, "sim:", &options);
    struct mr_session *cpu = open_session(model, "cpu:", NULL);
    check_state(session, session);
    check_state(session, cpu);
    check_state(cpu, session);
    mr_session_close(session);
    mr_session_close(cpu);

    char *json = NULL, planned[64];
    struct mr_error error;
    ck_assert_msg(mr_plan(model, &options, SEQUENCES, STEPS, &json, NULL, &error) == 0, "%s",
                  error.text);
    snprintf(planned, sizeof planned, "\"cycles\": %llu,", (unsigned long long)stats.cycles);
    ck_assert_msg(strstr(json, planned) != NULL, "simulated %s planned %s", planned, json);
    free(json);

    // Late inputs and stalled outputs change the time and nothing else.
    options.idle_chance = 100;
    options.stall_chance = 100;
    options.seed = 3;
    check_run(model, "sim:", &options);
    mr_model_close(model);
}
END_TEST

struct job {
    const struct mr_model *model;
    int bad;
};

static void *run_many(void *argument) {
    struct job *job = argument;
    float x[SEQUENCES * STEPS * INPUTS], y[SEQUENCES * OUTPUTS], first[SEQUENCES * OUTPUTS];
    fill_input(x, SEQUENCES * STEPS * INPUTS);
    for (int i = 0; i < 5 && !job->bad; i++) {
        struct mr_session *session = mr_session_open(job->model, "cpu:", NULL, NULL);
        job->bad = !session;
        for (int j = 0; j < 20 && !job->bad; j++) {
            job->bad = mr_session_run(session, x, SEQUENCES, STEPS, 0, y, NULL) != 0;
            if (i == 0 && j == 0)
                memcpy(first, y, sizeof y);
            job->bad = job->bad || memcmp(first, y, sizeof y) != 0;
        }
        mr_session_close(session);
    }
    return NULL;
}

START_TEST(sessions_of_several_threads_do_not_meet) {
    if (!have_compiler())
        return;
    struct mr_model *model = open_model();
    struct job jobs[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        jobs[i] = (struct job){.model = model};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_many, &jobs[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(jobs[i].bad, 0);
    }
    mr_model_close(model);
}
END_TEST

START_TEST(bad_numbers_are_named) {
    float x[SEQUENCES * STEPS * INPUTS], y[SEQUENCES * OUTPUTS];
    if (!have_compiler())
        return;
    struct mr_model *model = open_model();
    struct mr_session *session = open_session(model, "cpu:", NULL);
    fill_input(x, SEQUENCES * STEPS * INPUTS);
    x[(2 * STEPS + 4) * INPUTS + 1] = NAN;
    ck_assert_int_eq(mr_session_run(session, x, SEQUENCES, STEPS, 0, y, NULL), MR_ERROR_INPUT);
    ck_assert_ptr_nonnull(
        strstr(mr_session_error(session), "NaN at sequence 2, step 4, feature 1"));
    x[(2 * STEPS + 4) * INPUTS + 1] = 0;
    x[INPUTS - 1] = -INFINITY;
    ck_assert_int_eq(mr_session_run(session, x, SEQUENCES, STEPS, 0, y, NULL), MR_ERROR_INPUT);
    ck_assert_ptr_nonnull(
        strstr(mr_session_error(session), "infinite at sequence 0, step 0, feature 2"));
    mr_session_close(session);
    mr_model_close(model);
}
END_TEST

START_TEST(bad_calls_are_refused) {
    float x[STEPS * INPUTS] = {0}, y[2 * OUTPUTS];
    struct mr_error error = {0};
    ck_assert_ptr_null(mr_model_open("build/session-test/none.millrace", &error));
    ck_assert_ptr_nonnull(strstr(error.text, "none.millrace"));
    ck_assert_ptr_null(mr_model_open("build/session-test/none.millrace", NULL));
    ck_assert_ptr_null(mr_session_open(NULL, "cpu:", NULL, &error));
    ck_assert_int_eq(error.code, MR_ERROR_ARGUMENT);
    struct mr_model *model = open_model();
    ck_assert_ptr_null(mr_session_open(model, "warp:9", NULL, &error));
    ck_assert_int_eq(error.code, MR_ERROR_DEVICE);
    ck_assert_ptr_nonnull(strstr(error.text, "sim:"));
    static const size_t sizes[] = {0, sizeof(struct mr_options) - 1, sizeof(struct mr_options) + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const struct mr_options sized = {.size = sizes[i]};
        char words[64];
        snprintf(words, sizeof words, "struct mr_options: its size is given as %zu", sizes[i]);
        ck_assert_ptr_null(mr_session_open(model, "cpu:", &sized, &error));
        ck_assert_int_eq(error.code, MR_ERROR_ARGUMENT);
        ck_assert_msg(strstr(error.text, words) != NULL, "%s", error.text);
        ck_assert_int_eq(mr_plan(model, &sized, 1, 1, NULL, NULL, &error), MR_ERROR_ARGUMENT);
        ck_assert_int_eq(mr_build(model, "cpu:", &sized, NULL, 0, &error), MR_ERROR_ARGUMENT);
        ck_assert_int_eq(mr_build_image(model, "hw", &sized, NULL, NULL, 0, &error),
                         MR_ERROR_ARGUMENT);
    }
    const struct mr_options target = {MR_OPTIONS_INIT, .target = "nothing"};
    ck_assert_ptr_null(mr_session_open(model, "cpu:", &target, &error));
    ck_assert_int_eq(error.code, MR_ERROR_PLAN);
    ck_assert_ptr_nonnull(strstr(error.text, "u55c"));
    const uint32_t lanes[] = {0};
    const struct mr_options none = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN, .lanes = lanes,
                                    .lane_count = 1};
    ck_assert_ptr_null(mr_session_open(model, "cpu:", &none, &error));
    ck_assert_int_eq(error.code, MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_plan(model, NULL, 0, 1, NULL, NULL, &error), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_run(NULL, x, 1, 1, 0, y, NULL), MR_ERROR_ARGUMENT);
    if (have_compiler()) {
        struct mr_session *session = open_session(model, "cpu:", NULL);
        ck_assert_str_eq(mr_session_error(session), "");
        ck_assert_int_eq(mr_session_run(session, NULL, 1, 1, 0, y, NULL), MR_ERROR_ARGUMENT);
        ck_assert_int_eq(mr_session_run(session, x, 0, 1, 0, y, NULL), MR_ERROR_ARGUMENT);
        ck_assert_int_eq(mr_session_run(session, x, 1, 0, 0, y, NULL), MR_ERROR_ARGUMENT);
        ck_assert_int_eq(mr_session_run(session, x, 1, 1, 2, y, NULL), MR_ERROR_ARGUMENT);
        ck_assert_int_eq(mr_session_run(session, x, UINT64_MAX, 1, 0, y, NULL), MR_ERROR_ARGUMENT);
        ck_assert_int_eq(mr_session_run(session, x, 1, UINT32_MAX, 0, y, NULL), MR_ERROR_ARGUMENT);
        ck_assert_msg(strstr(mr_session_error(session), "may have 4294967294 steps"), "%s",
                      mr_session_error(session));
        ck_assert_int_eq(mr_session_run(session, x, 2, 1, MR_RUN_CONTINUE, y, NULL),
                         MR_ERROR_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(mr_session_error(session), "one sequence"));
        // A refused call changes nothing.
        ck_assert_int_eq(mr_session_run(session, x, 1, STEPS, 0, y, NULL), 0);
        mr_session_close(session);
    }
    mr_model_close(model);
    mr_model_close(NULL);
    mr_session_close(NULL);
}
END_TEST

START_TEST(a_model_tells_its_shape) {
    static const struct mr_operator_info wanted[] = {
        {"lstm0", "lstm", INPUTS, HIDDEN0, 1, 128},
        {"lstm1", "lstm", HIDDEN0, HIDDEN1, 1, 128},
        {"last", "last", HIDDEN1, HIDDEN1, 0, 0},
        {"head", "dense", HIDDEN1, OUTPUTS, 0, 0},
    };
    struct mr_model *model = open_model();
    struct mr_model_info info;
    struct mr_operator_info op;
    struct mr_output_info output;
    ck_assert_int_eq(mr_model_info(model, &info), 0);
    ck_assert_str_eq(info.name, "session-test");
    ck_assert_str_eq(info.input_name, "x");
    ck_assert_uint_eq(info.operators, 4);
    ck_assert_uint_eq(info.layers, 2);
    ck_assert_uint_eq(info.inputs, INPUTS);
    ck_assert_uint_eq(info.outputs, OUTPUTS);
    ck_assert_uint_eq(info.output_count, 1);
    ck_assert_uint_eq(info.parameters, 4 * HIDDEN0 * (INPUTS + HIDDEN0 + 1) +
                                           4 * HIDDEN1 * (HIDDEN0 + HIDDEN1 + 1) +
                                           OUTPUTS * (HIDDEN1 + 1));
    ck_assert_int_ne(info.batch_first, 0);
    for (uint32_t i = 0; i < info.operators; i++) {
        ck_assert_int_eq(mr_model_operator(model, i, &op), 0);
        ck_assert_str_eq(op.name, wanted[i].name);
        ck_assert_str_eq(op.type, wanted[i].type);
        ck_assert_uint_eq(op.inputs, wanted[i].inputs);
        ck_assert_uint_eq(op.units, wanted[i].units);
        ck_assert_int_eq(op.recurrent, wanted[i].recurrent);
        ck_assert_double_eq(op.limit, wanted[i].limit);
    }
    ck_assert_int_eq(mr_model_operator(model, info.operators, &op), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_model_operator(model, 0, NULL), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_model_output(model, 0, &output), 0);
    ck_assert_str_eq(output.name, "y");
    ck_assert_uint_eq(output.width, OUTPUTS);
    ck_assert_int_eq(output.per_step, 0);
    ck_assert_int_eq(mr_model_output(model, 1, &output), MR_ERROR_ARGUMENT);
    ck_assert_uint_eq(mr_model_numbers(model, STEPS), OUTPUTS);
    mr_model_close(model);
}
END_TEST

// ---- several outputs

#define HEADS "build/session-test/heads.millrace"
enum { STEP_WIDTH = 3, LAST_WIDTH = 2, ROWS = SEQUENCES * STEPS };

// Two layers; of the first one a head at each step, of the second one the states and a head on the
// last step.
static void make_heads(struct mr_network *network) {
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

// All numbers of all outputs of a run, and those of each step on its own, are the reference's.
static void check_outputs(const struct mr_network *network, struct mr_session *session,
                          const char *what) {
    const size_t inputs = (size_t)network->streams[0].width;
    const size_t count = SEQUENCES * mr_network_numbers(network, STEPS);
    uint64_t state = 13;
    float *x = calloc(ROWS * inputs, sizeof *x), *y = calloc(count, sizeof *y),
          *wanted = calloc(count, sizeof *wanted);
    ck_assert(x && y && wanted);
    fill(x, ROWS * inputs, 2.0f, &state);
    expect_of(network, x, SEQUENCES, STEPS, wanted);
    ck_assert_msg(mr_session_run(session, x, SEQUENCES, STEPS, 0, y, NULL) == 0, "%s: %s", what,
                  mr_session_error(session));
    ck_assert_msg(memcmp(y, wanted, count * sizeof *y) == 0, "%s", what);
    // By steps: each output as if the sequence ended there.
    mr_session_reset(session);
    for (size_t t = 0; t < STEPS; t++) {
        size_t at = 0, from = 0;
        ck_assert_int_eq(mr_session_step(session, x + t * inputs, y, NULL), 0);
        expect_of(network, x, 1, t + 1, wanted);
        for (int o = 0; o < network->output_count; o++) {
            const size_t numbers = mr_output_numbers(network, o, t + 1),
                         width = mr_output_numbers(network, o, 1);
            ck_assert_msg(memcmp(y + at, wanted + from + numbers - width, width * sizeof *y) == 0,
                          "%s: output %d, step %zu", what, o, t);
            at += width;
            from += numbers;
        }
    }
    free(x);
    free(y);
    free(wanted);
}

START_TEST(outputs_of_every_form_are_those_of_the_reference) {
    if (!have_compiler())
        return;
    const char *text = getenv("MILLRACE_SEED");
    uint64_t state = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);
    printf("session_test: MILLRACE_SEED=%llu\n", (unsigned long long)state);
    fflush(stdout);
    for (int round = 0; round < (getenv("MR_TEST_NO_SIM") ? 2 : 5); round++) {
        struct mr_network network;
        char what[40] = "heads";
        if (round == 0) {
            make_heads(&network);
        } else {
            const uint64_t seed = net_next(&state);
            snprintf(what, sizeof what, "seed %llu", (unsigned long long)seed);
            net_random(&network, seed, 7);
        }
        save_model(&network, HEADS);
        struct mr_model *model = open_model_of(HEADS);
        struct mr_session *session = open_session(model, "cpu:", NULL);
        check_outputs(&network, session, what);
        mr_session_close(session);
        mr_model_close(model);
        mr_network_free(&network);
    }
}
END_TEST

static void refuse(struct mr_session *session, const struct mr_input *input, uint32_t inputs,
                   const struct mr_output *outputs, uint32_t count, const char *words) {
    ck_assert_int_eq(
        mr_session_run_named(session, input, inputs, outputs, count, SEQUENCES, STEPS, 0, NULL),
        MR_ERROR_ARGUMENT);
    ck_assert_msg(strstr(mr_session_error(session), words) != NULL, "%s instead of %s",
                  mr_session_error(session), words);
}

START_TEST(outputs_are_named) {
    if (!have_compiler())
        return;
    static float x[ROWS * INPUTS],
        wanted[SEQUENCES * (STEPS * (STEP_WIDTH + HIDDEN1) + LAST_WIDTH)];
    static float each[ROWS * STEP_WIDTH], last[SEQUENCES * LAST_WIDTH], states[ROWS * HIDDEN1];
    struct mr_network network;
    struct mr_stats stats;
    make_heads(&network);
    save_model(&network, HEADS);
    fill_input(x, ROWS * INPUTS);
    expect_of(&network, x, SEQUENCES, STEPS, wanted);
    struct mr_model *model = open_model_of(HEADS);
    struct mr_session *session = open_session(model, "cpu:", NULL);
    struct mr_output_info info;
    ck_assert_int_eq(mr_model_output(model, 2, &info), 0);
    ck_assert_str_eq(info.name, "states");
    ck_assert_uint_eq(info.width, HIDDEN1);
    ck_assert_int_ne(info.per_step, 0);
    ck_assert_uint_eq(mr_model_numbers(model, STEPS) * SEQUENCES, sizeof wanted / sizeof *wanted);

    const struct mr_input input = {"x", x, ROWS * INPUTS};
    struct mr_output outputs[] = {{"states", states, ROWS * HIDDEN1},
                                  {"last", last, SEQUENCES * LAST_WIDTH},
                                  {"each", each, ROWS * STEP_WIDTH}};
    ck_assert_msg(
        mr_session_run_named(session, &input, 1, outputs, 3, SEQUENCES, STEPS, 0, &stats) == 0,
        "%s", mr_session_error(session));
    ck_assert_mem_eq(each, wanted, sizeof each);
    ck_assert_mem_eq(last, wanted + ROWS * STEP_WIDTH, sizeof last);
    ck_assert_mem_eq(states, wanted + ROWS * STEP_WIDTH + SEQUENCES * LAST_WIDTH, sizeof states);
    for (int i = 0; i < SEQUENCES * LAST_WIDTH; i++)
        ck_assert(last[i] == truncf(last[i])); // its cast
    ck_assert_uint_eq(stats.device_runs, 1);
    // One alone.
    for (int i = 0; i < 3; i++) {
        float *again = calloc(outputs[i].count, sizeof *again);
        const struct mr_output one = {outputs[i].name, again, outputs[i].count};
        ck_assert_ptr_nonnull(again);
        ck_assert_int_eq(
            mr_session_run_named(session, &input, 1, &one, 1, SEQUENCES, STEPS, 0, NULL), 0);
        ck_assert_mem_eq(again, outputs[i].data, outputs[i].count * sizeof *again);
        free(again);
    }
    // In two parts.
    const struct mr_input parts[] = {{"x", x, 2 * INPUTS},
                                     {"x", x + 2 * INPUTS, (STEPS - 2) * INPUTS}};
    const struct mr_output halves[] = {{"each", each, 2 * STEP_WIDTH},
                                       {"each", each + 2 * STEP_WIDTH, (STEPS - 2) * STEP_WIDTH}};
    memset(each, 0, sizeof each);
    ck_assert_int_eq(mr_session_run_named(session, &parts[0], 1, &halves[0], 1, 1, 2, 0, NULL), 0);
    ck_assert_int_eq(mr_session_run_named(session, &parts[1], 1, &halves[1], 1, 1, STEPS - 2,
                                          MR_RUN_CONTINUE, NULL),
                     0);
    ck_assert_mem_eq(each, wanted, STEPS * STEP_WIDTH * sizeof *each);

    const struct mr_input bad_inputs[] = {{"z", x, ROWS * INPUTS},
                                          {NULL, x, ROWS * INPUTS},
                                          {"x", NULL, ROWS * INPUTS},
                                          {"x", x, ROWS * INPUTS - 1},
                                          {"x", x, 0}};
    refuse(session, &bad_inputs[0], 1, outputs, 3, "the model takes one input, 'x'");
    refuse(session, &bad_inputs[1], 1, outputs, 3, "the model takes one input, 'x'");
    refuse(session, NULL, 1, outputs, 3, "the model takes one input, 'x'");
    refuse(session, parts, 2, outputs, 3, "the model takes one input, 'x'");
    refuse(session, &input, 0, outputs, 3, "the model takes one input, 'x'");
    refuse(session, &bad_inputs[2], 1, outputs, 3, "the data of input 'x' is NULL");
    refuse(session, &bad_inputs[3], 1, outputs, 3,
           "input 'x' has 71 numbers; 4 sequences of 6 steps have 72");
    refuse(session, &bad_inputs[4], 1, outputs, 3, "input 'x' has 0 numbers");
    // The memory is read no further than its count says.
    float *little = malloc(sizeof *little);
    ck_assert_ptr_nonnull(little);
    *little = 1;
    refuse(session, &(struct mr_input){"x", little, 1}, 1, outputs, 3, "input 'x' has 1 numbers");
    free(little);
    refuse(session, &input, 1, NULL, 3, "no output is wanted");
    refuse(session, &input, 1, outputs, 0, "no output is wanted");
    outputs[1].count++;
    refuse(session, &input, 1, outputs, 3,
           "output 'last' has room for 9 numbers; 4 sequences of 6 steps give 8");
    outputs[1].count--;
    outputs[1].name = "states";
    refuse(session, &input, 1, outputs, 3, "output 'states' is named twice");
    outputs[1].name = "lost";
    refuse(session, &input, 1, outputs, 3, "no output 'lost'; its first one of 3 is 'each'");
    outputs[1].name = NULL;
    refuse(session, &input, 1, outputs, 3, "name or data of output 1 is NULL");
    outputs[1].name = "last";
    outputs[1].data = NULL;
    refuse(session, &input, 1, outputs, 3, "name or data of output 1 is NULL");
    ck_assert_int_eq(mr_session_run_named(NULL, &input, 1, outputs, 1, 1, 1, 0, NULL),
                     MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_run_named(session, &input, 1, outputs, 1, 0, STEPS, 0, NULL),
                     MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_run_named(session, &input, 1, outputs, 1, SEQUENCES, STEPS,
                                          MR_RUN_CONTINUE, NULL),
                     MR_ERROR_ARGUMENT);
    x[7] = NAN;
    ck_assert_int_eq(
        mr_session_run_named(session, &input, 1, outputs, 1, SEQUENCES, STEPS, 0, NULL),
        MR_ERROR_INPUT);
    mr_session_close(session);
    mr_model_close(model);
    mr_network_free(&network);
}
END_TEST

START_TEST(the_float_reference_is_near) {
    float x[SEQUENCES * STEPS * INPUTS], exact[SEQUENCES * OUTPUTS], wanted[SEQUENCES * OUTPUTS];
    struct mr_model *model = open_model();
    fill_input(x, SEQUENCES * STEPS * INPUTS);
    expect(x, SEQUENCES, STEPS, wanted);
    ck_assert_int_eq(mr_model_reference(model, x, SEQUENCES, STEPS, exact, NULL), 0);
    for (int i = 0; i < SEQUENCES * OUTPUTS; i++)
        ck_assert_double_eq_tol(exact[i], wanted[i], 0.005);
    mr_model_close(model);
}
END_TEST

START_TEST(every_code_has_a_text) {
    ck_assert_str_eq(mr_strerror(0), "success");
#define CHECK_TEXT(name, value, text) ck_assert_str_eq(mr_strerror(name), text);
    MR_ERROR_MAP(CHECK_TEXT)
#undef CHECK_TEXT
    ck_assert_str_eq(mr_strerror(-1000), "unknown error");
    ck_assert_str_eq(mr_version(), MR_VERSION);
}
END_TEST

int main(int argc, char **argv) {
    mkdir("build", 0777);
    mkdir("build/session-test", 0777);
    const bool heads = argc == 4 && strcmp(argv[1], "--write-heads") == 0;
    if (heads || (argc == 4 && strcmp(argv[1], "--write") == 0)) {
        const size_t shape[] = {SEQUENCES, STEPS, INPUTS};
        struct mr_array array;
        char text[900];
        struct mr_network network;
        if (heads)
            make_heads(&network);
        else
            make_network(&network);
        save_model(&network, argv[2]);
        mr_network_free(&network);
        if (mr_array_create(&array, 3, shape, text, sizeof text))
            return 1;
        fill_input(array.data, array.count);
        const int failed = mr_npy_write(argv[3], &array, text, sizeof text);
        mr_array_free(&array);
        return failed ? 1 : 0;
    }
    setenv("MILLRACE_CACHE", "build/session-test/cache", 0);
    write_model(model_path, 0);
    Suite *suite = suite_create("session");
    TCase *cases = tcase_create("session");
    tcase_set_timeout(cases, 600);
    tcase_add_test(cases, cpu_gives_the_bits_of_the_reference);
    tcase_add_test(cases, a_state_fits_every_session_of_the_model);
    tcase_add_test(cases, sim_gives_the_same_bits_and_the_planned_cycles);
    tcase_add_test(cases, sessions_of_several_threads_do_not_meet);
    tcase_add_test(cases, bad_numbers_are_named);
    tcase_add_test(cases, bad_calls_are_refused);
    tcase_add_test(cases, a_model_tells_its_shape);
    tcase_add_test(cases, outputs_of_every_form_are_those_of_the_reference);
    tcase_add_test(cases, outputs_are_named);
    tcase_add_test(cases, the_float_reference_is_near);
    tcase_add_test(cases, every_code_has_a_text);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
