// SPDX-License-Identifier: Apache-2.0
// Many sequences on one device, each with a state that the caller keeps: interleaved, in any order
// and on several devices they give the bits of one after the other.
// 10,000 of them on cpu:, and with `session_states_test long` on sim: too.
#define _POSIX_C_SOURCE 200809L
#include "session_fixture.h"

#include <sys/stat.h>
#include <time.h>

enum { FEW = 400, MANY = 10000, SLOTS = 8, MOST_CALL = 50 };

static const char model_path[] = "build/session-states-test/heads.millrace";
static bool all;
static int many;
static uint64_t seed;

static struct mr_model *open_heads(struct mr_network *network) {
    make_heads(network);
    save_model(network, model_path);
    return open_model_of(model_path);
}

// A sequence: its steps, how far it is, its state, and what it gave so far.
struct stream {
    float x[STEPS * INPUTS];
    int done;
};

// What a call of `count` sequences of `steps` steps gave, y, is what the whole sequences give,
// `wanted`: "each" [steps][STEP_WIDTH], "last" [LAST_WIDTH], "states" [steps][HIDDEN1].
static void check_part(const struct mr_model *model, const struct stream *streams,
                       const int *chosen, int count, int steps, const float *y, const float *wanted,
                       size_t numbers) {
    struct mr_output_info info;

    for (uint32_t o = 0; mr_model_output(model, o, &info) == 0; o++) {
        const size_t rows = info.per_step ? (size_t)steps : 1, width = info.width;
        for (int i = 0; i < count; i++) {
            const struct stream *s = &streams[chosen[i]];
            const float *whole = wanted + (size_t)chosen[i] * numbers;
            const bool ends = s->done + steps == STEPS;
            for (uint32_t before = 0; before < o; before++) {
                struct mr_output_info other;
                mr_model_output(model, before, &other);
                whole += (other.per_step ? STEPS : 1) * other.width;
            }
            if (info.per_step)
                ck_assert_mem_eq(y, whole + (size_t)s->done * width, rows * width * sizeof *y);
            else if (ends)
                ck_assert_mem_eq(y, whole, width * sizeof *y);
            y += rows * width;
        }
    }
}

// Calls with some of the sequences, in an order of chance, until all are at their end. A call is
// on any of the sessions.
static void run_interleaved(const struct mr_model *model, struct mr_session **sessions,
                            int session_count, struct stream *streams, const float *wanted,
                            size_t numbers) {
    const size_t size = mr_session_state_size(sessions[0]);
    unsigned char *states = calloc((size_t)many, size);
    unsigned char *part = malloc(MOST_CALL * size);
    float *x = malloc(MOST_CALL * STEPS * INPUTS * sizeof *x);
    float *y = malloc(MOST_CALL * numbers * sizeof *y);
    int *open = malloc((size_t)many * sizeof *open), left = many;

    ck_assert(states && part && x && y && open);
    for (int i = 0; i < many; i++)
        open[i] = i;
    while (left > 0) {
        int chosen[MOST_CALL], count = 0, steps = random_between(&seed, 1, 3);
        const int wish = random_between(&seed, 1, MOST_CALL);
        for (int tries = 0; tries < wish && tries < left; tries++) { // to the front
            const int at = random_between(&seed, tries, left - 1), other = open[tries];
            open[tries] = open[at];
            open[at] = other;
            if (STEPS - streams[open[tries]].done >= steps)
                chosen[count++] = open[tries];
        }
        for (int i = 0; i < count; i++) {
            const struct stream *s = &streams[chosen[i]];
            memcpy(x + (size_t)i * (size_t)steps * INPUTS, s->x + s->done * INPUTS,
                   (size_t)steps * INPUTS * sizeof *x);
            memcpy(part + (size_t)i * size, states + (size_t)chosen[i] * size, size);
        }
        struct mr_session *session = sessions[random_between(&seed, 0, session_count - 1)];
        if (count > 0)
            ck_assert_msg(mr_session_run_states(session, x, (uint64_t)count, (uint64_t)steps, part,
                                                y, NULL) == 0,
                          "%s", mr_session_error(session));
        check_part(model, streams, chosen, count, steps, y, wanted, numbers);
        for (int i = 0; i < count; i++) {
            memcpy(states + (size_t)chosen[i] * size, part + (size_t)i * size, size);
            streams[chosen[i]].done += steps;
        }
        for (int i = 0; i < left;)
            if (streams[open[i]].done == STEPS)
                open[i] = open[--left];
            else
                i++;
    }
    free(states);
    free(part);
    free(x);
    free(y);
    free(open);
}

// All sequences, interleaved over the sessions of these devices.
static void check_interleaved(const char *const *uris, int count, const uint32_t *slots) {
    struct mr_network network;
    struct mr_model *model = open_heads(&network);
    struct mr_session *sessions[4];
    const size_t numbers = mr_model_numbers(model, STEPS);
    struct stream *streams = calloc((size_t)many, sizeof *streams);
    float *wanted = malloc((size_t)many * numbers * sizeof *wanted);

    ck_assert(streams && wanted);
    for (int i = 0; i < many; i++) {
        random_numbers(&seed, streams[i].x, STEPS * INPUTS, 2);
        expect_of(&network, streams[i].x, 1, STEPS, wanted + (size_t)i * numbers);
    }
    for (int d = 0; d < count; d++) {
        const struct mr_options options = {MR_OPTIONS_INIT, .slots = slots[d]};
        sessions[d] = open_session(model, uris[d], &options);
    }
    run_interleaved(model, sessions, count, streams, wanted, numbers);
    for (int d = 0; d < count; d++)
        mr_session_close(sessions[d]);
    free(streams);
    free(wanted);
    mr_model_close(model);
    mr_network_free(&network);
}

START_TEST(interleaved_sequences_give_their_own_bits) {
    many = MANY;
    if (have_compiler())
        check_interleaved((const char *const[]){"cpu:", "cpu:"}, 2, (const uint32_t[]){SLOTS, 1});
}
END_TEST

// Each call is on cpu: or on sim:, so most sequences are moved in their middle.
START_TEST(sequences_are_moved_between_devices) {
    many = all ? MANY : FEW;
    if (have_compiler() && !getenv("MR_TEST_NO_SIM"))
        check_interleaved((const char *const[]){"cpu:", "sim:"}, 2, (const uint32_t[]){1, SLOTS});
}
END_TEST

START_TEST(wrong_states_are_refused) {
    struct mr_network network, other;
    if (!have_compiler())
        return;
    struct mr_model *model = open_heads(&network);
    make_heads(&other);
    other.ops[0].bias[0] += 0.5f; // retrained: of the same shape
    save_model(&other, "build/session-states-test/other.millrace");
    struct mr_model *retrained = open_model_of("build/session-states-test/other.millrace");
    struct mr_session *one = open_session(model, "cpu:", NULL);
    struct mr_session *two = open_session(retrained, "cpu:", NULL);
    const size_t size = mr_session_state_size(one);
    unsigned char *states = calloc(3, size), *kept = malloc(3 * size);
    float x[3 * INPUTS], y[3 * (STEP_WIDTH + LAST_WIDTH + HIDDEN1)];
    struct mr_stats stats;

    ck_assert(states && kept);
    fill_input(x, 3 * INPUTS);
    ck_assert_int_eq(mr_session_run_states(one, x, 3, 1, states, y, &stats), 0);
    ck_assert_uint_eq(stats.device_runs, 3);
    // What a session saves is what is kept here.
    ck_assert_int_eq(mr_session_run(one, x + INPUTS, 1, 1, 0, y, NULL), 0);
    ck_assert_int_eq(mr_session_save(one, kept, size), 0);
    ck_assert_mem_eq(states + size, kept, size);
    // Of another model of the same shape, and damaged: nothing has run.
    memcpy(kept, states, 3 * size);
    ck_assert_int_eq(mr_session_run_states(two, x, 3, 1, states, y, NULL), MR_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(two), "state 0 (from 0)"));
    ck_assert_ptr_nonnull(strstr(mr_session_error(two), "another model"));
    states[2 * size] ^= 1;
    ck_assert_int_eq(mr_session_run_states(one, x, 3, 1, states, y, NULL), MR_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(one), "state 2 (from 0)"));
    states[2 * size] ^= 1;
    ck_assert_mem_eq(states, kept, 3 * size);
    x[2 * INPUTS] = NAN;
    ck_assert_int_eq(mr_session_run_states(one, x, 3, 1, states, y, NULL), MR_ERROR_INPUT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(one), "sequence 2"));
    ck_assert_mem_eq(states, kept, 3 * size);
    ck_assert_int_eq(mr_session_run_states(one, x, 0, 1, states, y, NULL), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_run_states(one, x, 1, 0, states, y, NULL), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_run_states(one, x, 1, 1, NULL, y, NULL), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_run_states(NULL, x, 1, 1, states, y, NULL), MR_ERROR_ARGUMENT);
    free(states);
    free(kept);
    mr_session_close(one);
    mr_session_close(two);
    mr_model_close(model);
    mr_model_close(retrained);
    mr_network_free(&network);
    mr_network_free(&other);
}
END_TEST

int main(int argc, char **argv) {
    const char *given = getenv("MR_SEED");
    seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    all = argc > 1 && strcmp(argv[1], "long") == 0;
    printf("seed %llu (MR_SEED=)\n", (unsigned long long)seed);
    mkdir("build", 0777);
    mkdir("build/session-states-test", 0777);
    setenv("MILLRACE_CACHE", "build/session-states-test/cache", 0);
    Suite *suite = suite_create("session_states");
    TCase *cases = tcase_create("states");
    tcase_set_timeout(cases, 1800);
    tcase_add_test(cases, interleaved_sequences_give_their_own_bits);
    tcase_add_test(cases, sequences_are_moved_between_devices);
    tcase_add_test(cases, wrong_states_are_refused);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
