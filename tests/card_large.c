// SPDX-License-Identifier: Apache-2.0
// 64 MiB of input through an emulated card by XRT, of a network with wide inputs: the bits of cpu:.
// Takes minutes, so `make test-long` runs it. Writes below build/card_large.
#define _GNU_SOURCE
#define FOLDER "build/card_large"
#include "card_fixture.h"
#include "model.h"
#include "quantise.h"

enum { INPUTS = 2048, HIDDEN = 16, OUTPUTS = 2, SEQUENCES = 64, STEPS = 256 };
_Static_assert((size_t)SEQUENCES *STEPS *INPUTS * sizeof(int16_t) == 64 << 20, "64 MiB");
static const uint32_t lanes[] = {HIDDEN};
static const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN, .lanes = lanes,
                                          .lane_count = 1};

// `scale` keeps the sums of so many inputs in the gates' range.
static float *weights(size_t count, float scale, uint64_t seed) {
    float *w = numbers(count, seed);
    for (size_t i = 0; i < count; i++)
        w[i] *= scale;
    return w;
}

static void build(void) {
    struct mr_model_data data = {.network = {.layer_count = 1, .batch_first = true}};
    struct mr_error error = {0};
    char text[900];
    mkdir(FOLDER, 0777);
    data.network.layers = calloc(1, sizeof *data.network.layers);
    data.network.name = strdup("card-large");
    ck_assert(data.network.layers && data.network.name);
    data.network.layers[0] = (struct mr_lstm){.inputs = INPUTS,
                                              .hidden = HIDDEN,
                                              .w_ih = weights(4 * HIDDEN * INPUTS, 0.02f, 1),
                                              .w_hh = weights(4 * HIDDEN * HIDDEN, 0.2f, 2),
                                              .bias = weights(4 * HIDDEN, 0.2f, 3)};
    data.network.head = (struct mr_dense){.inputs = HIDDEN,
                                          .outputs = OUTPUTS,
                                          .w = weights(OUTPUTS * HIDDEN, 0.5f, 4),
                                          .bias = weights(OUTPUTS, 0.5f, 5)};
    ck_assert_msg(!mr_quantise(&data.network, NULL, &data.quantised, NULL, text, sizeof text), "%s",
                  text);
    ck_assert_msg(!mr_model_data_save(&data, model_path, text, sizeof text), "%s", text);
    mr_model_data_free(&data);
    struct mr_model *model = open_model();
    ck_assert_msg(!mr_build_image(model, "hw_emu", &options, image_path, NULL, 0, &error), "%s",
                  error.text);
    mr_model_close(model);
}

START_TEST(large_input) {
    build();
    struct mr_model *model = open_model();
    const size_t count = (size_t)SEQUENCES * STEPS * INPUTS;
    float *x = numbers(count, 7), y[SEQUENCES * OUTPUTS], wanted[SEQUENCES * OUTPUTS];
    struct mr_session *card = open_session(model, device, &options),
                      *cpu = open_session(model, "cpu:", &options);
    struct mr_stats stats;
    ck_assert_msg(!mr_session_run(card, x, SEQUENCES, STEPS, 0, y, &stats), "%s",
                  mr_session_error(card));
    ck_assert(!mr_session_run(cpu, x, SEQUENCES, STEPS, 0, wanted, NULL));
    ck_assert_mem_eq(y, wanted, sizeof y);
    printf("64 MiB of input in %llu cycles, %.2f bytes a cycle\n", (unsigned long long)stats.cycles,
           (double)(64 << 20) / (double)stats.cycles);
    mr_session_close(card);
    mr_session_close(cpu);
    free(x);
    mr_model_close(model);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("card_large");
    TCase *cases = tcase_create("large");
    tcase_set_timeout(cases, 1200);
    tcase_add_test(cases, large_input);
    suite_add_tcase(suite, cases);
    return card_run(suite);
}
