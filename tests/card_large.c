// SPDX-License-Identifier: Apache-2.0
// 64 MiB of input through an emulated card by XRT, of a network with wide inputs: the bits of cpu:.
// Takes minutes, so `make test-long` runs it. Writes below build/card_large.
#define _GNU_SOURCE
#define FOLDER "build/card_large"
#include "card_fixture.h"
#include "model.h"
#include "network_fixture.h"

enum { INPUTS = 2048, HIDDEN = 16, OUTPUTS = 2, SEQUENCES = 64, STEPS = 256 };
_Static_assert((size_t)SEQUENCES *STEPS *INPUTS * sizeof(int16_t) == 64 << 20, "64 MiB");
static const uint32_t lanes[] = {HIDDEN};
static const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN, .lanes = lanes,
                                          .lane_count = 1};

// Sums of so many inputs stay in the gates' range.
static void build(void) {
    static const int units[] = {HIDDEN};
    struct mr_model_data data = {0};
    struct mr_error error = {0};
    uint64_t state = 1;
    char text[900];
    mkdir(FOLDER, 0777);
    net_chain(&data.network, "lstm", INPUTS, 1, units, OUTPUTS, MR_ACTIVATION_LINEAR);
    net_weights(&data.network, &state, 0.4);
    random_numbers(&state, data.network.ops[0].w_x, (size_t)4 * HIDDEN * INPUTS, 0.04);
    net_quantise(&data.network, NULL);
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
