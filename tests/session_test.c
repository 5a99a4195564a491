// SPDX-License-Identifier: Apache-2.0
// The library from the outside: sessions give the bits of the plain reference, in any cut of the
// sequence, on any device and thread, and say what is wrong with a call. `session_test --write
// MODEL X.npy` writes the random model of these tests and an input for it, --write-heads one of
// three outputs.
#define _GNU_SOURCE
#include "npy.h"
#include "session_fixture.h"

#include <math.h>
#include <pthread.h>
#include <sys/stat.h>

static const char model_path[] = "build/session-test/model.millrace";

// change: to one weight.
static void write_model(const char *path, float change) {
    struct mr_network network;
    make_network(&network);
    network.ops[1].w_h[3] += change;
    save_model(&network, path);
    mr_network_free(&network);
}

static struct mr_model *open_model(void) {
    return open_model_of(model_path);
}

static void expect(const float *x, size_t sequences, size_t steps, float *y) {
    struct mr_network network;
    make_network(&network);
    net_quantise(&network, NULL);
    expect_of(&network, x, sequences, steps, y);
    mr_network_free(&network);
}

static void check_model_run(const struct mr_model *model, const char *uri,
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

// More sequences than slots, of which each leaves its state in its slot.
START_TEST(slots_keep_the_state_after_their_last_sequence) {
    enum { SLOTS = 4, MANY = 2 * SLOTS + 1 };
    static float x[MANY * STEPS * INPUTS], more[SLOTS * INPUTS], both[(STEPS + 1) * INPUTS];
    if (!have_compiler())
        return;
    struct mr_model *model = open_model();
    const struct mr_options options = {MR_OPTIONS_INIT, .slots = SLOTS};
    struct mr_session *session = open_session(model, "cpu:", &options);
    float y[MANY * OUTPUTS], wanted[MANY * OUTPUTS];
    unsigned char state[200];
    check_model_run(model, "cpu:", &options);
    fill_input(x, MANY * STEPS * INPUTS);
    fill_input(more, SLOTS * INPUTS);
    expect(x, MANY, STEPS, wanted);
    ck_assert_uint_eq(mr_session_slots(session), SLOTS);
    ck_assert_int_eq(mr_session_run(session, x, MANY, STEPS, 0, y, NULL), 0);
    ck_assert_mem_eq(y, wanted, sizeof y);
    ck_assert_int_eq(mr_session_run(session, more, SLOTS, 1, MR_RUN_CONTINUE, y, NULL), 0);
    for (size_t slot = 0; slot < SLOTS; slot++) {
        const size_t last = slot == 0 ? MANY - 1 : SLOTS + slot; // 8, 5, 6, 7
        memcpy(both, x + last * STEPS * INPUTS, STEPS * INPUTS * sizeof *both);
        memcpy(both + STEPS * INPUTS, more + slot * INPUTS, INPUTS * sizeof *both);
        expect(both, 1, STEPS + 1, wanted);
        ck_assert_mem_eq(y + slot * OUTPUTS, wanted, OUTPUTS * sizeof *y);
    }
    ck_assert_int_eq(mr_session_run(session, x, SLOTS + 1, 1, MR_RUN_CONTINUE, y, NULL),
                     MR_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(session), "takes 4 sequences at most and 5"));
    ck_assert_int_eq(mr_session_save_slot(session, SLOTS, state, sizeof state), MR_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(session), "there is no slot 4"));
    ck_assert_int_eq(mr_session_restore_slot(session, SLOTS, state, sizeof state),
                     MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_reset_slot(session, SLOTS), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_run(session, x, SLOTS, UINT32_MAX / 2, 0, y, NULL),
                     MR_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(session), "turns at most"));
    mr_session_close(session);
    // Slots that there are not, and with the columns of h first.
    static const uint32_t one = 1;
    const struct mr_options bad[] = {{MR_OPTIONS_INIT, .slots = 3},
                                     {MR_OPTIONS_INIT, .slots = 32},
                                     {MR_OPTIONS_INIT, .slots = UINT32_MAX},
                                     {MR_OPTIONS_INIT, .threads = 65},
                                     {MR_OPTIONS_INIT, .threads = UINT32_MAX},
                                     {MR_OPTIONS_INIT, .slots = 2, .choice = MR_LANES_GIVEN,
                                      .lanes = &one, .lane_count = 1, .h_first = &one}};
    static const char *const words[] = {"3 slots",
                                        "32 slots",
                                        "4294967295 slots",
                                        "65 threads are asked for; a run takes 1 to 64",
                                        "4294967295 threads",
                                        "columns of h first"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mr_error error = {0};
        ck_assert_ptr_null(mr_session_open(model, "cpu:", &bad[i], &error));
        ck_assert_msg(strstr(error.text, words[i]) != NULL, "%s", error.text);
    }
    ck_assert_uint_eq(mr_session_slots(NULL), 0);
    ck_assert_int_eq(mr_session_reset_slot(NULL, 0), MR_ERROR_ARGUMENT);
    mr_model_close(model);
}
END_TEST

START_TEST(cpu_gives_the_bits_of_the_reference) {
    static const uint32_t lanes[][2] = {{1, 1}, {2, 1}, {1, 3}, {3, 2}};
    if (!have_compiler())
        return;
    struct mr_model *model = open_model();
    check_model_run(model, "cpu:", NULL);
    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++) {
        const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN,
                                           .lanes = lanes[i], .lane_count = 2};
        check_model_run(model, "cpu:", &options);
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
    check_model_run(model, "sim:", &options);

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
    check_model_run(model, "sim:", &options);
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

// A device run takes 2^28 bytes of x; the plan of a longer call is that of several runs.
START_TEST(a_plan_is_of_the_runs_of_a_call) {
    struct mr_model *model = open_model();
    struct mr_error error;
    const uint64_t most = (1 << 28) / (STEPS * INPUTS * sizeof(int16_t));
    const uint32_t lanes = 1;
    const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN, .lanes = &lanes,
                                       .lane_count = 1};
    const uint64_t one = planned_cycles(model, &options, 1, STEPS);
    const uint64_t all = planned_cycles(model, &options, most, STEPS);
    ck_assert_uint_lt(all, planned_cycles(model, &options, most - 1, STEPS) + one);
    ck_assert_uint_eq(planned_cycles(model, &options, most + 1, STEPS), all + one);
    ck_assert_uint_eq(planned_cycles(model, &options, 2 * most, STEPS), 2 * all);
    ck_assert_int_eq(mr_plan(model, NULL, UINT64_MAX, 1, NULL, NULL, &error), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_plan(model, NULL, 1, UINT64_C(1) << 63, NULL, NULL, &error),
                     MR_ERROR_ARGUMENT);
    mr_model_close(model);
}
END_TEST

static void refuse_sizes(struct mr_session *session) {
    static const struct {
        uint64_t sequences, steps;
        const char *words;
    } sizes[] = {{0, 1, "0 sequences of 1 step; both must be at least 1"},
                 {1, 0, "1 sequence of 0 steps; both must be at least 1"},
                 {UINT64_MAX, 1, "18446744073709551615 sequences of 1 step cannot be one call"},
                 {1, UINT32_MAX,
                  "1 sequence of 4294967295 steps cannot be one call; a sequence may have "
                  "4293918719 steps"}};
    float x[INPUTS] = {0}, y[OUTPUTS];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ck_assert_int_eq(mr_session_run(session, x, sizes[i].sequences, sizes[i].steps, 0, y, NULL),
                         MR_ERROR_ARGUMENT);
        ck_assert_msg(strstr(mr_session_error(session), sizes[i].words) != NULL, "%s",
                      mr_session_error(session));
    }
}

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
        ck_assert_int_eq(mr_session_run(session, x, 1, 1, 2, y, NULL), MR_ERROR_ARGUMENT);
        refuse_sizes(session);
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
        {"lstm0", "lstm", INPUTS, HIDDEN0, 1, 128, 16, 16},
        {"lstm1", "lstm", HIDDEN0, HIDDEN1, 1, 128, 16, 16},
        {"last", "last", HIDDEN1, HIDDEN1, 0, 0, 16, 16},
        {"head", "dense", HIDDEN1, OUTPUTS, 0, 0, 16, 16},
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
    ck_assert_str_eq(mr_model_layout(model), "NTF");
    for (uint32_t i = 0; i < info.operators; i++) {
        ck_assert_int_eq(mr_model_operator(model, i, &op), 0);
        ck_assert_str_eq(op.name, wanted[i].name);
        ck_assert_str_eq(op.type, wanted[i].type);
        ck_assert_uint_eq(op.inputs, wanted[i].inputs);
        ck_assert_uint_eq(op.units, wanted[i].units);
        ck_assert_int_eq(op.recurrent, wanted[i].recurrent);
        ck_assert_double_eq(op.limit, wanted[i].limit);
        ck_assert_uint_eq(op.weight_bits, wanted[i].weight_bits);
        ck_assert_uint_eq(op.column_bits, wanted[i].column_bits);
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
    tcase_add_test(cases, slots_keep_the_state_after_their_last_sequence);
    tcase_add_test(cases, sim_gives_the_same_bits_and_the_planned_cycles);
    tcase_add_test(cases, sessions_of_several_threads_do_not_meet);
    tcase_add_test(cases, bad_numbers_are_named);
    tcase_add_test(cases, bad_calls_are_refused);
    tcase_add_test(cases, a_plan_is_of_the_runs_of_a_call);
    tcase_add_test(cases, a_model_tells_its_shape);
    tcase_add_test(cases, the_float_reference_is_near);
    tcase_add_test(cases, every_code_has_a_text);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
