// SPDX-License-Identifier: Apache-2.0
// The last steps of a sequence side by side, as one row: they are those steps, with zeros before
// the first; cpu:, hls: and sim: give the bits of the plain reference in the planned cycles, with
// vectors that a row fills and with others.
#define _GNU_SOURCE
#include "session_fixture.h"

#include <sys/stat.h>

#define FOLDER "build/window-test"

enum { WIDTH = 4, FEW = 3 };

// A window of a few steps and one of all, beside the states themselves.
static void make(struct mr_network *network) {
    uint64_t state = 15;
    net_create(network, INPUTS, "window");
    const int layer = net_add(network, "gru", 0, WIDTH, 0);
    const int few = net_add(network, "window", layer, FEW * WIDTH, 0);
    const int all = net_add(network, "window", layer, STEPS * WIDTH, 0);
    net_output(network, layer, "states");
    net_output(network, few, "few");
    net_output(network, net_add(network, "dense", all, OUTPUTS, MR_ACTIVATION_LINEAR), "y");
    net_weights(network, &state, 0.8);
}

START_TEST(rows_are_the_last_steps) {
    struct mr_network network;
    float x[SEQUENCES * STEPS * INPUTS];
    double y[SEQUENCES * (STEPS * WIDTH + FEW * WIDTH + OUTPUTS)];
    make(&network);
    fill_input(x, SEQUENCES * STEPS * INPUTS);
    for (int steps = 1; steps <= STEPS; steps++) {
        ck_assert_int_eq(mr_float_run(&network, x, SEQUENCES, (size_t)steps, y), 0);
        const double *few = y + SEQUENCES * steps * WIDTH;
        for (int i = 0; i < SEQUENCES * FEW * WIDTH; i++) {
            const int n = i / (FEW * WIDTH), t = steps - FEW + i / WIDTH % FEW;
            ck_assert_double_eq(few[i], t < 0 ? 0 : y[(n * steps + t) * WIDTH + i % WIDTH]);
        }
    }
    mr_network_free(&network);
}
END_TEST

static void check_device(const struct mr_network *network, const struct mr_model *model,
                         const char *uri, uint32_t lc) {
    const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN, .lanes = &lc,
                                       .lane_count = 1};
    struct mr_session *session = open_session(model, uri, &options);
    for (size_t steps = 1; steps <= STEPS; steps++)
        check_bits(network, model, session, &options, steps % 2 ? SEQUENCES : 1, steps);
    check_bits(network, model, session, &options, 2, 3 * STEPS);
    mr_session_close(session);
}

START_TEST(devices_give_the_bits_of_the_reference) {
    if (!have_compiler())
        return;
    struct mr_network network;
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    make(&network);
    save_model(&network, FOLDER "/window.millrace");
    struct mr_model *model = open_model_of(FOLDER "/window.millrace");
    for (uint32_t lc = 1; lc <= WIDTH; lc++) {
        check_device(&network, model, "cpu:", lc);
        check_device(&network, model, "hls:", lc);
        if (!getenv("MR_TEST_NO_SIM") && (lc == 2 || lc == 3))
            check_device(&network, model, "sim:", lc);
    }
    mr_model_close(model);
    mr_network_free(&network);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("window");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 600);
    tcase_add_test(all, rows_are_the_last_steps);
    tcase_add_test(all, devices_give_the_bits_of_the_reference);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
