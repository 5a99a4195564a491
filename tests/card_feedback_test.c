// SPDX-License-Identifier: Apache-2.0
// Tokens that an emulated card feeds back: those of the processor, in the planned cycles, with the
// same counts of what was cut; where the card dies the fallback goes on without a gap.
#define _DEFAULT_SOURCE
#define FOLDER "build/card_feedback_test"
#include "card_fixture.h"
#include "feedback_fixture.h"
#include "model.h"

#include <jansson.h>

enum { SEED = 11, MOST = 300, LONG = 6000 };

static uint64_t seed;

// The cell states of one layer grow by 1 a step, up to the end of their format.
static void make_growing(struct mr_network *network) {
    char text[900];
    net_create(network, 1, "tokens");
    uint64_t state = SEED;
    int stream = net_table(network, 12, 5);
    stream = net_add(network, "gru", stream, 7, MR_ACTIVATION_LINEAR);
    stream = net_add(network, "lstm", stream, 6, MR_ACTIVATION_LINEAR);
    const int scores = net_add(network, "dense", stream, 11, MR_ACTIVATION_LINEAR);
    network->streams[scores].uniform = true;
    net_output(network, scores, "scores");
    net_output(network, net_add(network, "argmax", scores, 0, MR_ACTIVATION_LINEAR), "token");
    net_weights(network, &state, 1.5);
    const struct mr_op *layer = mr_network_layer(network, 1);
    for (int gate = 0; gate < layer->kind->gates; gate++)
        layer->bias[gate * layer->units] = 16;
    net_quantise(network, NULL);
    const struct mr_model_data data = {.network = *network};
    net_need(mr_model_data_save(&data, model_path, text, sizeof text) == 0, text);
}

static void build_tokens(void) {
    struct mr_network network;
    struct mr_error error = {0};
    mkdir(FOLDER, 0777);
    make_growing(&network);
    mr_network_free(&network);
    struct mr_model *model = mr_model_open(model_path, &error);
    if (!model || mr_build_image(model, "hw_emu", NULL, image_path, NULL, 0, &error)) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    mr_model_close(model);
}

static uint64_t generate(struct mr_session *session, int32_t first, int32_t stop, uint64_t most,
                         int32_t *tokens, struct mr_stats *stats) {
    uint64_t count = 0;
    ck_assert_msg(mr_session_generate(session, first, stop, most, tokens, &count, stats) == 0, "%s",
                  mr_session_error(session));
    return count;
}

static uint64_t token_cycles(const struct mr_model *model) {
    struct mr_error error;
    char *text = NULL;
    ck_assert_msg(!mr_plan(model, NULL, 1, 1, &text, NULL, &error), "%s", error.text);
    json_t *plan = json_loads(text, 0, NULL);
    const json_int_t cycles = json_integer_value(json_object_get(plan, "token_cycles"));
    json_decref(plan);
    free(text);
    return (uint64_t)cycles;
}

START_TEST(tokens_are_those_of_the_processor) {
    struct mr_model *model = open_model();
    struct mr_session *card = open_session(model, device, NULL),
                      *cpu = open_session(model, "cpu:", NULL);
    int32_t tokens[MOST], wanted[MOST];
    float x, y[12], z[12];
    struct mr_stats one, all, other;
    for (int i = 0; i < 12; i++) {
        const int32_t first = random_between(&seed, 0, 11), stop = random_between(&seed, -1, 10);
        const uint64_t most = (uint64_t)random_between(&seed, 1, i % 3 ? 4 : 60);
        if (random_bits(&seed) & 1) {
            mr_session_reset(card);
            mr_session_reset(cpu);
        }
        const uint64_t count = generate(card, first, stop, most, tokens, &one);
        ck_assert_uint_eq(count, generate(cpu, first, stop, most, wanted, &other));
        ck_assert_mem_eq(tokens, wanted, count * sizeof *tokens);
        ck_assert_uint_eq(one.cut_values, other.cut_values);
        x = (float)tokens[count - 1];
        ck_assert(!mr_session_step(card, &x, y, NULL) && !mr_session_step(cpu, &x, z, NULL));
        ck_assert_mem_eq(y, z, sizeof y);
    }
    generate(card, 1, -1, 1, tokens, &one);
    generate(cpu, 1, -1, 1, tokens, NULL);
    generate(card, 2, -1, MOST, tokens, &all);
    generate(cpu, 2, -1, MOST, wanted, &other);
    ck_assert_mem_eq(tokens, wanted, sizeof tokens);
    // The emulated memory takes its time by chance: for the first input, and never a cycle a token.
    const uint64_t measured = all.cycles - one.cycles, planned = (MOST - 1) * token_cycles(model);
    ck_assert_uint_lt(measured, planned + MOST / 2);
    ck_assert_uint_gt(measured, planned - MOST / 2);
    ck_assert_uint_gt(all.cut_values, 0);
    ck_assert_uint_eq(all.cut_values, other.cut_values);
    mr_session_close(card);
    mr_session_close(cpu);
    mr_model_close(model);
}
END_TEST

// The card dies in the middle of a call, or between two.
START_TEST(generation_goes_on) {
    static const struct mr_options falling = {MR_OPTIONS_INIT, .limit_ms = 2000,
                                              .fallback = "cpu:"};
    struct mr_model *model = open_model();
    struct mr_session *session = open_session(model, device, &falling),
                      *cpu = open_session(model, "cpu:", NULL);
    int32_t *tokens = calloc(2 * LONG, sizeof *tokens), *wanted = calloc(LONG, sizeof *wanted);
    struct shot shot = {.signal = SIGKILL, .card = find_card()};
    pthread_t thread;
    ck_assert(tokens && wanted);
    // Of so many at first the rows are kept, or the state is read.
    const uint64_t begun = _i & 1 ? 100 : 20;
    generate(session, 3, -1, begun, tokens, NULL);
    if (_i < 2)
        ck_assert_int_eq(kill(find_card(), SIGKILL), 0);
    else
        pthread_create(&thread, NULL, shoot, &shot);
    generate(session, tokens[begun - 1], -1, LONG - begun, tokens + begun, NULL);
    if (_i >= 2)
        pthread_join(thread, NULL);
    const char *text = mr_session_device(session);
    ck_assert_msg(strstr(text, "cpu:, in place of xrt:0") == text, "%s", text);
    generate(cpu, 3, -1, LONG, wanted, NULL);
    ck_assert_mem_eq(tokens, wanted, LONG * sizeof *tokens);
    mr_session_close(session);
    mr_session_close(cpu);
    free(tokens);
    free(wanted);
    mr_model_close(model);
}
END_TEST

START_TEST(a_dead_card_is_told) {
    struct mr_model *model = open_model();
    struct mr_session *session = open_session(model, device, NULL);
    int32_t *tokens = calloc(LONG, sizeof *tokens);
    uint64_t count = 0;
    struct shot shot = {.signal = SIGKILL, .card = find_card()};
    pthread_t thread;
    ck_assert(tokens != NULL);
    pthread_create(&thread, NULL, shoot, &shot);
    ck_assert_int_eq(mr_session_generate(session, 3, -1, LONG, tokens, &count, NULL),
                     MR_ERROR_DEVICE);
    ck_assert_msg(strstr(mr_session_error(session), "ended by signal 9") != NULL, "%s",
                  mr_session_error(session));
    ck_assert_uint_lt(count, LONG);
    pthread_join(thread, NULL);
    mr_session_close(session);
    free(tokens);
    mr_model_close(model);
}
END_TEST

int main(void) {
    seed = (uint64_t)time(NULL);
    printf("card_feedback_test: seed %llu\n", (unsigned long long)seed);
    build_tokens();
    Suite *suite = suite_create("card feedback");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 240);
    tcase_add_test(all, tokens_are_those_of_the_processor);
    tcase_add_loop_test(all, generation_goes_on, 0, 3);
    tcase_add_test(all, a_dead_card_is_told);
    suite_add_tcase(suite, all);
    return card_run(suite);
}
