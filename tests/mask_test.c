// SPDX-License-Identifier: Apache-2.0
// Sequences of different lengths: lengths that a model finds from x, whose last steps are masked,
// and lengths of sequences that go on from states of their own. All give the bits of each sequence
// alone.
#define _POSIX_C_SOURCE 200809L
#include "session_fixture.h"

#include <sys/stat.h>
#include <time.h>

enum { N = 7, T = 6, SLOTS = 2 };

static const char model_path[] = "build/mask-test/mask.millrace";
static uint64_t seed;

static struct mr_model *open_masked(struct mr_network *network, struct mr_mask mask) {
    make_heads(network);
    network->mask = mask;
    save_model(network, model_path);
    return open_model_of(model_path);
}

// x of sequences of these lengths, masked behind them.
static void make_x(float *x, const uint64_t *lengths, double masked) {
    random_numbers(&seed, x, N * T * INPUTS, 2);
    for (int n = 0; n < N; n++)
        for (int i = (int)lengths[n] * INPUTS; i < T * INPUTS; i++)
            x[n * T * INPUTS + i] = (float)masked;
}

// Of `count` calls' sequences, what came (y) is what each gives alone.
static void check_alone(const struct mr_network *network, const float *x, const uint64_t *lengths,
                        const float *y) {
    const size_t numbers = mr_network_numbers(network, T);
    float *alone = calloc(numbers, sizeof *alone);

    ck_assert_ptr_nonnull(alone);
    for (int n = 0; n < N; n++) {
        const float *from = alone, *at = y;
        expect_of(network, x + n * T * INPUTS, 1, lengths[n], alone);
        for (int o = 0; o < network->output_count; o++) {
            const size_t rows = mr_output_rows(network, o, T);
            const size_t width = (size_t)network->streams[network->outputs[o].stream].width;
            const size_t own = rows > 1 ? lengths[n] : 1;
            ck_assert_mem_eq(at + (size_t)n * rows * width, from, own * width * sizeof *y);
            from += own * width;
            at += N * rows * width;
        }
    }
    free(alone);
}

static const struct {
    struct mr_mask mask;
    double masked; // a number of a step that is
} masks[] = {
    {{.given = true, .than = -9}, -9},
    {{.given = true, .relation = MR_ABOVE, .than = -3}, -3.5},
    {{.given = true, .relation = MR_BELOW, .than = 2.5}, 7},
    {{.given = true, .than = 5, .whole = true}, 5.75},
};

static void check_masked(const char *uri, int which) {
    static const uint64_t lengths[N] = {6, 1, 4, 6, 3, 2, 5};
    struct mr_network network;
    struct mr_model *model = open_masked(&network, masks[which].mask);
    struct mr_session *session = open_session(model, uri, NULL);
    float x[N * T * INPUTS], *y = calloc(N * mr_network_numbers(&network, T), sizeof *y);
    uint64_t mine[N];
    float reference[T * (STEP_WIDTH + HIDDEN1) + LAST_WIDTH];
    struct mr_error error;

    ck_assert_ptr_nonnull(y);
    make_x(x, lengths, masks[which].masked);
    ck_assert_msg(mr_session_run(session, x, N, T, 0, y, NULL) == 0, "%s",
                  mr_session_error(session));
    check_alone(&network, x, lengths, y);
    // A number of a step is enough for it to count.
    x[(1 * T + 3) * INPUTS + 1] = 0;
    ck_assert_int_eq(mr_session_run(session, x, N, T, 0, y, NULL), MR_ERROR_INPUT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(session), "step 1 of sequence 1"));
    ck_assert_int_eq(mr_model_reference(model, x + T * INPUTS, 1, T, reference, &error),
                     MR_ERROR_INPUT);
    for (int i = 0; i < T * INPUTS; i++)
        x[2 * T * INPUTS + i] = (float)masks[which].masked;
    x[(1 * T + 3) * INPUTS + 1] = (float)masks[which].masked;
    ck_assert_int_eq(mr_session_run(session, x, N, T, 0, y, NULL), MR_ERROR_INPUT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(session), "all steps of sequence 2 are masked"));
    // Lengths that are given leave the masked steps out.
    for (int n = 0; n < N; n++)
        mine[n] = lengths[n];
    make_x(x, lengths, masks[which].masked);
    ck_assert_int_eq(mr_session_run_lengths(session, x, N, T, mine, y, NULL), 0);
    check_alone(&network, x, lengths, y);
    mine[2]++;
    ck_assert_int_eq(mr_session_run_lengths(session, x, N, T, mine, y, NULL), MR_ERROR_INPUT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(session), "step 4 of sequence 2"));
    // Steps that go on cannot be masked.
    ck_assert_int_eq(mr_session_step(session, x, y, NULL), 0);
    ck_assert_int_eq(mr_session_step(session, x + (1 * T + 1) * INPUTS, y, NULL), MR_ERROR_INPUT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(session), "leave masked steps out"));
    free(y);
    mr_session_close(session);
    mr_model_close(model);
    mr_network_free(&network);
}

START_TEST(masked_steps_are_none) {
    check_masked("cpu:", _i);
    if (_i == 0 && have_compiler())
        check_masked("hls:", 0);
}
END_TEST

START_TEST(masked_steps_are_none_in_simulation) {
    if (have_compiler() && !getenv("MR_TEST_NO_SIM"))
        check_masked("sim:", 0);
}
END_TEST

// Of the outputs of a call the rows of its sequences, which become those of the whole ones.
static void put_rows(const struct mr_network *network, const uint64_t *before,
                     const uint64_t *lengths, uint64_t most, const float *y, float *whole) {
    for (int o = 0; o < network->output_count; o++) {
        const size_t width = (size_t)network->streams[network->outputs[o].stream].width;
        const bool each = mr_output_rows(network, o, 2) > 1;
        for (int n = 0; n < N; n++)
            memcpy(whole + ((size_t)n * (each ? T : 1) + (each ? before[n] : 0)) * width,
                   y + (size_t)n * (each ? most : 1) * width,
                   (each ? lengths[n] : 1) * width * sizeof *y);
        y += N * (each ? most : 1) * width;
        whole += N * (each ? T : 1) * width;
    }
}

// In two calls of different lengths, each sequence in a part of its own, the second one by the
// model's mask.
static void check_states(const char *uri) {
    static const uint64_t all[N] = {6, 2, 5, 4, 6, 3, 2};
    const struct mr_options options = {MR_OPTIONS_INIT, .slots = SLOTS};
    uint64_t first[N], rest[N];
    struct mr_network network;
    struct mr_model *model = open_masked(&network, masks[0].mask);
    struct mr_session *session = open_session(model, uri, &options);
    const size_t size = mr_session_state_size(session), numbers = mr_network_numbers(&network, T);
    unsigned char *states = calloc(N, size), *kept = malloc(N * size);
    float x[N * T * INPUTS], later[N * T * INPUTS];
    float *y = calloc(N * numbers, sizeof *y), *whole = calloc(N * numbers, sizeof *whole);
    const uint64_t none[N] = {0};
    struct mr_stats stats;

    ck_assert(states && kept && y && whole);
    make_x(x, all, 1);
    for (int n = 0; n < N; n++) {
        first[n] = (uint64_t)random_between(&seed, 1, (int)all[n] - 1);
        rest[n] = all[n] - first[n];
        const size_t from = (n * T + first[n]) * INPUTS;
        for (int i = 0; i < T * INPUTS; i++) // masked behind its end
            later[n * T * INPUTS + i] = (uint64_t)i < rest[n] * INPUTS ? x[from + i] : -9;
    }
    ck_assert_msg(mr_session_run_states_lengths(session, x, N, T, first, states, y, &stats) == 0,
                  "%s", mr_session_error(session));
    ck_assert_uint_ge(stats.device_runs, (N + SLOTS - 1) / SLOTS);
    put_rows(&network, none, first, T, y, whole);
    memcpy(kept, states, N * size);
    // What is wrong is seen before anything runs.
    states[5 * size] ^= 1;
    ck_assert_int_eq(mr_session_run_states_lengths(session, x, N, T, first, states, y, NULL),
                     MR_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(session), "state 5 (from 0)"));
    states[5 * size] ^= 1;
    ck_assert_mem_eq(states, kept, N * size);
    ck_assert_int_eq(mr_session_run_states_lengths(session, x, N, T, none, states, y, NULL),
                     MR_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(session), "sequence 0 has length 0; 1 to 6"));
    ck_assert_int_eq(mr_session_run_states_lengths(session, x, N, T, NULL, states, y, NULL),
                     MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_run_states_lengths(session, x, N, T, first, NULL, y, NULL),
                     MR_ERROR_ARGUMENT);
    ck_assert_mem_eq(states, kept, N * size);
    ck_assert_msg(mr_session_run_states(session, later, N, T, states, y, NULL) == 0, "%s",
                  mr_session_error(session));
    put_rows(&network, first, rest, T, y, whole);
    check_alone(&network, x, all, whole);
    // The states are those of the sequences alone.
    for (int n = 0; n < N; n++) {
        ck_assert_int_eq(mr_session_run(session, x + n * T * INPUTS, 1, all[n], 0, y, NULL), 0);
        ck_assert_int_eq(mr_session_save(session, kept, size), 0);
        ck_assert_mem_eq(kept, states + (size_t)n * size, size);
    }
    free(states);
    free(kept);
    free(y);
    free(whole);
    mr_session_close(session);
    mr_model_close(model);
    mr_network_free(&network);
}

START_TEST(states_go_on_with_lengths) {
    check_states("cpu:");
}
END_TEST

START_TEST(states_go_on_with_lengths_in_simulation) {
    if (have_compiler() && !getenv("MR_TEST_NO_SIM"))
        check_states("sim:");
}
END_TEST

// A model file says its mask, and what is no mask is refused.
START_TEST(masks_are_kept) {
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        struct mr_model_data data;
        struct mr_network network;
        char text[600];
        mr_model_close(open_masked(&network, masks[i].mask));
        ck_assert_int_eq(mr_model_data_load(model_path, &data, text, sizeof text), 0);
        ck_assert(data.network.mask.given);
        ck_assert_int_eq(data.network.mask.relation, masks[i].mask.relation);
        ck_assert_double_eq(data.network.mask.than, masks[i].mask.than);
        ck_assert_int_eq(data.network.mask.whole, masks[i].mask.whole);
        mr_model_data_free(&data);
        mr_network_free(&network);
    }
}
END_TEST

int main(void) {
    const char *given = getenv("MR_SEED");
    seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    printf("seed %llu (MR_SEED=)\n", (unsigned long long)seed);
    mkdir("build", 0777);
    mkdir("build/mask-test", 0777);
    setenv("MILLRACE_CACHE", "build/mask-test/cache", 0);
    Suite *suite = suite_create("mask");
    TCase *cases = tcase_create("mask");
    tcase_set_timeout(cases, 600);
    tcase_add_loop_test(cases, masked_steps_are_none, 0, sizeof masks / sizeof *masks);
    tcase_add_test(cases, masked_steps_are_none_in_simulation);
    tcase_add_test(cases, states_go_on_with_lengths);
    tcase_add_test(cases, states_go_on_with_lengths_in_simulation);
    tcase_add_test(cases, masks_are_kept);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
