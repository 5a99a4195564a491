// SPDX-License-Identifier: Apache-2.0
// Tokens that a device feeds back: random networks give, on every device and however the call is
// cut, the tokens of a loop over single steps in whole numbers, end where the stop token comes, and
// leave the state behind the last token that they took; sim: in the planned cycles.
//     feedback_test [NETWORKS [SEED]]
#define _POSIX_C_SOURCE 200809L
#include "feedback_fixture.h"
#include "session_fixture.h"

#define MODEL "build/feedback_test.millrace"
#define OTHER "build/feedback_test_other.millrace" // refused

enum { MOST = 40, NETWORKS = 2 };

static uint64_t first_seed;

// The tokens after `first`, by the plain reference of all of them as one sequence.
static void expect_tokens(const struct mr_network *network, int32_t first, int32_t *tokens) {
    float x[MOST] = {0};
    const size_t numbers = mr_network_numbers(network, 1);
    float *y = malloc(MOST * numbers * sizeof *y);
    char text[300];
    const int output = mr_network_token(network, text, sizeof text);
    ck_assert_msg(output >= 0, "%s", text);
    ck_assert_ptr_nonnull(y);
    x[0] = (float)first;
    for (size_t t = 0; t < MOST; t++) {
        size_t at = 0;
        expect_of(network, x, 1, t + 1, y);
        for (int o = 0; o < output; o++)
            at += mr_output_numbers(network, o, t + 1);
        tokens[t] = (int32_t)y[at + mr_output_rows(network, output, t + 1) - 1];
        if (t + 1 < MOST)
            x[t + 1] = (float)tokens[t];
    }
    free(y);
}

// How many of the tokens come with this stop token.
static uint64_t length_of(const int32_t *tokens, int32_t stop, uint64_t most) {
    for (uint64_t n = 0; n < most; n++)
        if (tokens[n] == stop)
            return n + 1;
    return most;
}

static uint64_t generate(struct mr_session *session, int32_t first, int32_t stop, uint64_t most,
                         int32_t *tokens, struct mr_stats *stats) {
    uint64_t count = 0;
    ck_assert_msg(mr_session_generate(session, first, stop, most, tokens, &count, stats) == 0, "%s",
                  mr_session_error(session));
    return count;
}

// A call, from the zero state.
static void check_call(struct mr_session *session, const int32_t *wanted, int32_t first,
                       int32_t stop, uint64_t most) {
    int32_t tokens[MOST];
    mr_session_reset(session);
    const uint64_t count = generate(session, first, stop, most, tokens, NULL);
    ck_assert_uint_eq(count, length_of(wanted, stop, most));
    ck_assert_mem_eq(tokens, wanted, count * sizeof *tokens);
}

// All tokens at once, in calls that go on from one another, after single steps, and by every stop
// token.
static void check_session(struct mr_session *session, const struct mr_network *network,
                          const int32_t *wanted, int32_t first, uint64_t *state) {
    char text[300];
    const int output = mr_network_token(network, text, sizeof text);
    const int choice = mr_output_op(network, output)->inputs;
    int32_t tokens[MOST];
    check_call(session, wanted, first, -1, MOST);
    check_call(session, wanted, first, -1, 1);
    check_call(session, wanted, first, wanted[0], MOST);
    check_call(session, wanted, first, wanted[0], 1);
    check_call(session, wanted, first, wanted[MOST - 1], MOST);
    check_call(session, wanted, first, random_between(state, 0, choice - 1), MOST);
    mr_session_reset(session);
    for (uint64_t done = 0; done < MOST;) {
        const int32_t from = done ? wanted[done - 1] : first;
        uint64_t count = (uint64_t)random_between(state, 1, 9);
        count = count < MOST - done ? count : MOST - done;
        if (random_bits(state) & 1) {
            const size_t numbers = mr_network_numbers(network, 1);
            const float x = (float)from;
            float *y = malloc(numbers * sizeof *y);
            size_t at = 0;
            ck_assert_int_eq(mr_session_step(session, &x, y, NULL), 0);
            for (int o = 0; o < output; o++)
                at += mr_output_numbers(network, o, 1);
            tokens[done++] = (int32_t)y[at];
            free(y);
        } else {
            done += generate(session, from, -1, count, tokens + done, NULL);
        }
    }
    ck_assert_mem_eq(tokens, wanted, sizeof tokens);
}

// A step begins as soon as the one before is done.
static void check_cycles(struct mr_session *session, const struct mr_model *model,
                         const struct mr_options *options, int32_t first) {
    const uint64_t token = planned_number(model, options, 1, 1, "token_cycles"),
                   alone = planned_cycles(model, options, 1, 1);
    int32_t tokens[MOST];
    struct mr_stats stats;
    ck_assert_uint_gt(token, alone);
    generate(session, first, -1, 1, tokens, &stats);
    ck_assert_uint_eq(stats.cycles, alone);
    generate(session, first, -1, MOST, tokens, &stats);
    ck_assert_uint_eq(stats.cycles, (MOST - 1) * token + alone);
    ck_assert_uint_eq(stats.device_runs, 1);
}

static int kinds_of(const int32_t *tokens) {
    int kinds = 0;
    for (int n = 0; n < MOST; n++) {
        int before = 0;
        while (before < n && tokens[before] != tokens[n])
            before++;
        kinds += before == n;
    }
    return kinds;
}

// The next random network that does not say one and the same for ever, and what it says.
static void make_lively(struct mr_network *network, uint64_t *state, int32_t *first,
                        int32_t *wanted) {
    for (int kinds = 0; kinds < 3;) {
        make_token_network(network, random_bits(state));
        net_quantise(network, NULL);
        *first = random_between(state, 0, mr_network_entries(network) - 1);
        expect_tokens(network, *first, wanted);
        kinds = kinds_of(wanted);
        if (kinds < 3)
            mr_network_free(network);
    }
}

static void check_network(uint64_t seed, const char *uri) {
    struct mr_network network;
    uint64_t state = seed * 7;
    int32_t first, wanted[MOST];
    make_lively(&network, &state, &first, wanted);
    save_model(&network, MODEL);
    struct mr_model *model = open_model_of(MODEL);
    static const enum mr_lanes_choice choices[] = {MR_LANES_BALANCED, MR_LANES_LATENCY,
                                                   MR_LANES_AREA, MR_LANES_STEP};
    struct mr_options options = {MR_OPTIONS_INIT, .choice = choices[random_between(&state, 0, 3)],
                                 .slots = random_bits(&state) % 3 ? 1 : 4};
    const bool stalls = random_bits(&state) & 1;
    if (options.slots > 1 && options.choice == MR_LANES_STEP)
        options.choice = MR_LANES_LATENCY;
    if (strcmp(uri, "sim:") == 0 && stalls) {
        options.idle_chance = options.stall_chance = 90;
        options.seed = random_bits(&state);
    }
    struct mr_session *session = open_session(model, uri, &options);
    check_session(session, &network, wanted, first, &state);
    if (strcmp(uri, "sim:") == 0 && !options.idle_chance)
        check_cycles(session, model, &options, first);
    mr_session_close(session);
    mr_model_close(model);
    mr_network_free(&network);
}

START_TEST(tokens_are_those_of_single_steps) {
    const uint64_t seed = first_seed + (uint64_t)_i;
    if (!have_compiler())
        return;
    printf("seed %llu\n", (unsigned long long)seed);
    check_network(seed, "cpu:");
    check_network(seed, "hls:");
    if (!getenv("MR_TEST_NO_SIM"))
        check_network(seed, "sim:");
}
END_TEST

// A network that gives no token that it could take.
static void check_refused(struct mr_network *network, const char *sentence) {
    int32_t tokens[2];
    uint64_t count = 9;
    save_model(network, OTHER);
    struct mr_model *model = open_model_of(OTHER);
    struct mr_session *session = open_session(model, "cpu:", NULL);
    ck_assert_int_eq(mr_session_generate(session, 0, -1, 2, tokens, &count, NULL),
                     MR_ERROR_ARGUMENT);
    ck_assert_msg(strstr(mr_session_error(session), sentence) != NULL, "%s",
                  mr_session_error(session));
    ck_assert_uint_eq(count, 0);
    mr_session_close(session);
    mr_model_close(model);
    mr_network_free(network);
}

static int begin_network(struct mr_network *network, int entries) {
    net_create(network, entries ? 1 : 3, "other");
    return net_add(network, "gru", entries ? net_table(network, entries, 2) : 0, 3,
                   MR_ACTIVATION_LINEAR);
}

static int add_token(struct mr_network *network, int stream, int tokens) {
    stream = net_add(network, "dense", stream, tokens, MR_ACTIVATION_LINEAR);
    network->streams[stream].uniform = true;
    return net_add(network, "argmax", stream, 0, MR_ACTIVATION_LINEAR);
}

START_TEST(other_networks_are_refused) {
    struct mr_network network;
    uint64_t state = 3;
    if (!have_compiler())
        return;
    net_output(&network, add_token(&network, begin_network(&network, 0), 3), "token");
    net_weights(&network, &state, 1);
    check_refused(&network, "the input 'x' is no token but numbers of a step");
    const int h = begin_network(&network, 5);
    net_output(&network, net_add(&network, "dense", h, 5, MR_ACTIVATION_LINEAR), "scores");
    check_refused(&network, "no output is an arg-max");
    net_output(&network, add_token(&network, begin_network(&network, 5), 6), "token");
    check_refused(&network, "the argmax chooses among 6 tokens, and the table of the input has 5");
    net_output(&network, add_token(&network, begin_network(&network, 5), 5), "token");
    network.outputs[0].cast = (struct mr_cast){.side = 1, .than = 2};
    check_refused(&network, "no output is an arg-max");
}
END_TEST

START_TEST(other_arguments_are_refused) {
    struct mr_network network;
    int32_t tokens[2];
    uint64_t count;
    if (!have_compiler())
        return;
    net_output(&network, add_token(&network, begin_network(&network, 5), 4), "token");
    save_model(&network, OTHER);
    struct mr_model *model = open_model_of(OTHER);
    struct mr_session *session = open_session(model, "cpu:", NULL);
    const struct {
        int32_t first, stop;
        uint64_t most;
        const char *sentence;
        int code;
    } wrong[] = {
        {5, -1, 2, "the first token is 5, and the table has the rows 0 to 4", MR_ERROR_INPUT},
        {-1, -1, 2, "the first token is -1", MR_ERROR_INPUT},
        {0, 4, 2, "the stop token is 4, and the network gives 0 to 3", MR_ERROR_ARGUMENT},
        {0, -2, 2, "the stop token is -2", MR_ERROR_ARGUMENT},
        {0, -1, 0, "at most 0 tokens", MR_ERROR_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(mr_session_generate(session, wrong[i].first, wrong[i].stop, wrong[i].most,
                                             tokens, &count, NULL),
                         wrong[i].code);
        ck_assert_msg(strstr(mr_session_error(session), wrong[i].sentence) != NULL, "%s",
                      mr_session_error(session));
    }
    ck_assert_int_eq(mr_session_generate(session, 0, -1, 2, NULL, &count, NULL), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_generate(session, 0, -1, 2, tokens, NULL, NULL), MR_ERROR_ARGUMENT);
    ck_assert_int_eq(mr_session_generate(NULL, 0, -1, 2, tokens, &count, NULL), MR_ERROR_ARGUMENT);
    mr_session_close(session);
    mr_model_close(model);
    mr_network_free(&network);
}
END_TEST

int main(int argc, char **argv) {
    const int networks = argc > 1 ? atoi(argv[1]) : NETWORKS;
    first_seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    Suite *suite = suite_create("feedback");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 600);
    tcase_add_loop_test(all, tokens_are_those_of_single_steps, 0, networks);
    tcase_add_test(all, other_networks_are_refused);
    tcase_add_test(all, other_arguments_are_refused);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
