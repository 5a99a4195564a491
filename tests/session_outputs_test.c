// SPDX-License-Identifier: Apache-2.0
// Networks of several outputs from the outside: of every form they have the numbers of the plain
// reference, for whole sequences and step by step; they are asked for by name, and what is wrong
// with such a call is said.
#define _GNU_SOURCE
#include "session_fixture.h"

#include <math.h>
#include <sys/stat.h>
#include <time.h>

#define HEADS "build/session-outputs-test/heads.millrace"
enum { ROWS = SEQUENCES * STEPS };

// All numbers of all outputs of a run, and those of each step on its own, are the reference's.
static void check_outputs(const struct mr_network *network, struct mr_session *session,
                          const char *what) {
    const size_t inputs = (size_t)network->streams[0].width;
    const size_t count = SEQUENCES * mr_network_numbers(network, STEPS);
    uint64_t state = 13;
    float *x = calloc(ROWS * inputs, sizeof *x), *y = calloc(count, sizeof *y),
          *wanted = calloc(count, sizeof *wanted);
    ck_assert(x && y && wanted);
    random_numbers(&state, x, ROWS * inputs, 2);
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
    printf("session_outputs_test: MILLRACE_SEED=%llu\n", (unsigned long long)state);
    fflush(stdout);
    for (int round = 0; round < (getenv("MR_TEST_NO_SIM") ? 2 : 5);) {
        struct mr_network network;
        char what[40] = "heads";
        if (round == 0) {
            make_heads(&network);
        } else {
            const uint64_t seed = random_bits(&state);
            snprintf(what, sizeof what, "seed %llu", (unsigned long long)seed);
            net_random(&network, seed, 7);
            if (!net_is_quantised(&network, NULL)) {
                mr_network_free(&network);
                continue;
            }
        }
        round++;
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

// The network of heads on the processor, its input, and what it should give.
static struct mr_network heads;
static struct mr_model *model;
static struct mr_session *session;
static float x[ROWS * INPUTS], wanted[SEQUENCES * (STEPS * (STEP_WIDTH + HIDDEN1) + LAST_WIDTH)];
static float each[ROWS * STEP_WIDTH], last[SEQUENCES * LAST_WIDTH], states[ROWS * HIDDEN1];
static const struct mr_input input = {"x", x, ROWS *INPUTS};

static void open_heads(void) {
    make_heads(&heads);
    save_model(&heads, HEADS);
    fill_input(x, ROWS * INPUTS);
    expect_of(&heads, x, SEQUENCES, STEPS, wanted);
    model = open_model_of(HEADS);
    session = open_session(model, "cpu:", NULL);
}

static void close_heads(void) {
    mr_session_close(session);
    mr_model_close(model);
    mr_network_free(&heads);
}

static int run_named(const struct mr_input *inputs, uint32_t input_count,
                     const struct mr_output *outputs, uint32_t output_count) {
    return mr_session_run_named(session, inputs, input_count, outputs, output_count, SEQUENCES,
                                STEPS, 0, NULL);
}

START_TEST(outputs_are_named) {
    if (!have_compiler())
        return;
    open_heads();
    struct mr_output_info info;
    ck_assert_int_eq(mr_model_output(model, 2, &info), 0);
    ck_assert_str_eq(info.name, "states");
    ck_assert_uint_eq(info.width, HIDDEN1);
    ck_assert_int_ne(info.per_step, 0);
    ck_assert_uint_eq(mr_model_numbers(model, STEPS) * SEQUENCES, sizeof wanted / sizeof *wanted);

    const struct mr_output outputs[] = {{"states", states, ROWS * HIDDEN1},
                                        {"last", last, SEQUENCES * LAST_WIDTH},
                                        {"each", each, ROWS * STEP_WIDTH}};
    struct mr_stats stats;
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
        ck_assert_int_eq(run_named(&input, 1, &one, 1), 0);
        ck_assert_mem_eq(again, outputs[i].data, outputs[i].count * sizeof *again);
        free(again);
    }
    close_heads();
}
END_TEST

START_TEST(a_sequence_in_two_parts) {
    if (!have_compiler())
        return;
    open_heads();
    const struct mr_input parts[] = {{"x", x, 2 * INPUTS},
                                     {"x", x + 2 * INPUTS, (STEPS - 2) * INPUTS}};
    const struct mr_output halves[] = {{"each", each, 2 * STEP_WIDTH},
                                       {"each", each + 2 * STEP_WIDTH, (STEPS - 2) * STEP_WIDTH}};
    ck_assert_int_eq(mr_session_run_named(session, &parts[0], 1, &halves[0], 1, 1, 2, 0, NULL), 0);
    ck_assert_int_eq(mr_session_run_named(session, &parts[1], 1, &halves[1], 1, 1, STEPS - 2,
                                          MR_RUN_CONTINUE, NULL),
                     0);
    ck_assert_mem_eq(each, wanted, STEPS * STEP_WIDTH * sizeof *each);
    close_heads();
}
END_TEST

static void refuse(const struct mr_input *inputs, uint32_t input_count,
                   const struct mr_output *outputs, uint32_t output_count, const char *words) {
    ck_assert_int_eq(run_named(inputs, input_count, outputs, output_count), MR_ERROR_ARGUMENT);
    ck_assert_msg(strstr(mr_session_error(session), words) != NULL, "%s instead of %s",
                  mr_session_error(session), words);
}

START_TEST(bad_inputs_are_refused) {
    if (!have_compiler())
        return;
    open_heads();
    const struct mr_output output = {"last", last, SEQUENCES * LAST_WIDTH};
    const struct mr_input two[] = {input, input};
    static const char one_input[] = "the model takes one input, 'x'";
    refuse(&(struct mr_input){"z", x, ROWS * INPUTS}, 1, &output, 1, one_input);
    refuse(&(struct mr_input){NULL, x, ROWS * INPUTS}, 1, &output, 1, one_input);
    refuse(NULL, 1, &output, 1, one_input);
    refuse(two, 2, &output, 1, one_input);
    refuse(&input, 0, &output, 1, one_input);
    refuse(&(struct mr_input){"x", NULL, ROWS * INPUTS}, 1, &output, 1,
           "the data of input 'x' is NULL");
    refuse(&(struct mr_input){"x", x, ROWS * INPUTS - 1}, 1, &output, 1,
           "input 'x' has 71 numbers; 72 are needed for 4 sequences of 6 steps");
    refuse(&(struct mr_input){"x", x, 0}, 1, &output, 1, "input 'x' has 0 numbers");
    // The memory is read no further than its count says.
    float *little = malloc(sizeof *little);
    ck_assert_ptr_nonnull(little);
    *little = 1;
    refuse(&(struct mr_input){"x", little, 1}, 1, &output, 1, "input 'x' has 1 numbers");
    free(little);
    x[7] = NAN;
    ck_assert_int_eq(run_named(&input, 1, &output, 1), MR_ERROR_INPUT);
    close_heads();
}
END_TEST

START_TEST(bad_outputs_are_refused) {
    if (!have_compiler())
        return;
    open_heads();
    const struct mr_output good = {"each", each, ROWS * STEP_WIDTH};
    const uint64_t count = SEQUENCES * LAST_WIDTH;
    static const struct {
        const char *name;
        float *data;
        int more;
        const char *words;
    } bad[] = {
        {"last", last, 1,
         "output 'last' has room for 9 numbers; 8 are needed for 4 sequences of 6 steps"},
        {"each", each, ROWS * STEP_WIDTH - SEQUENCES * LAST_WIDTH, "output 'each' is named twice"},
        {"lost", last, 0, "no output 'lost'; its first one of 3 is 'each'"},
        {NULL, last, 0, "name or data of output 1 is NULL"},
        {"last", NULL, 0, "name or data of output 1 is NULL"},
    };
    refuse(&input, 1, NULL, 3, "no output is wanted");
    refuse(&input, 1, &good, 0, "no output is wanted");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct mr_output outputs[] = {
            good, {bad[i].name, bad[i].data, count + (uint64_t)bad[i].more}};
        refuse(&input, 1, outputs, 2, bad[i].words);
    }
    ck_assert_int_eq(mr_session_run_named(NULL, &input, 1, &good, 1, 1, 1, 0, NULL),
                     MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_run_named(session, &input, 1, &good, 1, 0, STEPS, 0, NULL),
                     MR_ERROR_ARGUMENT);
    ck_assert_int_eq(
        mr_session_run_named(session, &input, 1, &good, 1, SEQUENCES, STEPS, MR_RUN_CONTINUE, NULL),
        MR_ERROR_ARGUMENT);
    close_heads();
}
END_TEST

int main(void) {
    mkdir("build", 0777);
    mkdir("build/session-outputs-test", 0777);
    setenv("MILLRACE_CACHE", "build/session-outputs-test/cache", 0);
    Suite *suite = suite_create("session_outputs");
    TCase *cases = tcase_create("outputs");
    tcase_set_timeout(cases, 600);
    tcase_add_test(cases, outputs_of_every_form_are_those_of_the_reference);
    tcase_add_test(cases, outputs_are_named);
    tcase_add_test(cases, a_sequence_in_two_parts);
    tcase_add_test(cases, bad_inputs_are_refused);
    tcase_add_test(cases, bad_outputs_are_refused);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
