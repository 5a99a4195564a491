// SPDX-License-Identifier: Apache-2.0
// Layers that give their cell states: the bits of the plain reference on cpu:, hls: and sim:, whole
// and step by step, in the planned cycles; what is beyond 16 bits is cut and counted alike.
#define _GNU_SOURCE
#include "session_fixture.h"

#include <math.h>
#include <sys/stat.h>

#define MODEL "build/cell-state-test/cells.millrace"
enum { ROWS = SEQUENCES * STEPS };

// Of the first layer the cell states of every step go on to a layer and to an output, of a second
// one those of the last step to a head. fraction: bits that the first one is given, or -1.
static void make_cells(struct mr_network *network, int fraction) {
    uint64_t state = 17;
    net_create(network, INPUTS, "cells");
    const int below = net_add(network, "lstm_cell", 0, HIDDEN0, MR_ACTIVATION_LINEAR);
    const int above = net_add(network, "lstm", below, HIDDEN1, MR_ACTIVATION_LINEAR);
    const int beside = net_add(network, "lstm_cell", 0, HIDDEN1, MR_ACTIVATION_LINEAR);
    const int last = net_add(network, "last", beside, 0, MR_ACTIVATION_LINEAR);
    net_output(network, below, "cells");
    net_output(network, net_add(network, "last", above, 0, MR_ACTIVATION_LINEAR), "states");
    net_output(network, net_add(network, "dense", last, 2, MR_ACTIVATION_LINEAR), "head");
    net_weights(network, &state, 1.5);
    for (int u = 0; u < HIDDEN0; u++)
        network->ops[0].bias[HIDDEN0 + u] += 3; // the forget gates stay open: states grow
    for (int p = 0; fraction >= 0 && p < MR_PRECISIONS; p++)
        network->streams[below].greatest[p] = ldexp(1, 14 - fraction);
}

START_TEST(cell_states_are_those_of_the_layer) {
    struct mr_network network;
    float x[ROWS * INPUTS];
    double y[ROWS * 2 * HIDDEN0], most = 0;

    make_cells(&network, -1);
    fill_input(x, ROWS * INPUTS);
    double *all = calloc(SEQUENCES * mr_network_numbers(&network, STEPS), sizeof *all);
    ck_assert_ptr_nonnull(all);
    ck_assert_int_eq(mr_float_run(&network, x, SEQUENCES, STEPS, all), 0);
    memcpy(y, all, ROWS * HIDDEN0 * sizeof *y);
    for (int i = 0; i < ROWS * HIDDEN0; i++)
        most = fmax(most, fabs(y[i]));
    ck_assert_double_gt(most, 1.5); // no hidden state is
    free(all);
    mr_network_free(&network);
}
END_TEST

// Returns how many values were cut.
static uint64_t check_device(const struct mr_network *network, const struct mr_model *model,
                             const char *uri) {
    static const uint32_t lanes[3] = {2, 1, 4};
    const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN, .lanes = lanes,
                                       .lane_count = 3};
    struct mr_session *session = open_session(model, uri, &options);
    const size_t count = SEQUENCES * mr_network_numbers(network, STEPS);
    float x[ROWS * INPUTS], *y = calloc(count, sizeof *y), *wanted = calloc(count, sizeof *wanted);
    struct mr_stats stats;
    ck_assert(y && wanted);
    fill_input(x, ROWS * INPUTS);
    expect_of(network, x, SEQUENCES, STEPS, wanted);
    ck_assert_msg(mr_session_run(session, x, SEQUENCES, STEPS, 0, y, &stats) == 0, "%s",
                  mr_session_error(session));
    ck_assert_msg(memcmp(y, wanted, count * sizeof *y) == 0, "%s", uri);
    if (strcmp(uri, "sim:") == 0)
        ck_assert_uint_eq(stats.cycles, planned_cycles(model, &options, SEQUENCES, STEPS));
    // Step by step the state stays on the device: the first output of the last step.
    mr_session_reset(session);
    for (int t = 0; t < STEPS; t++)
        ck_assert_int_eq(mr_session_step(session, x + (ptrdiff_t)t * INPUTS, y, NULL), 0);
    ck_assert_mem_eq(y, wanted + (STEPS - 1) * HIDDEN0, HIDDEN0 * sizeof *y);
    mr_session_close(session);
    free(y);
    free(wanted);
    return stats.cut_values;
}

// The second time with a format that is too narrow for what comes.
START_TEST(devices_give_the_bits_of_the_reference) {
    if (!have_compiler())
        return;
    struct mr_network network;
    mkdir("build", 0777);
    mkdir("build/cell-state-test", 0777);
    make_cells(&network, _i ? 15 : -1);
    save_model(&network, MODEL);
    struct mr_model *model = open_model_of(MODEL);
    const uint64_t cut = check_device(&network, model, "cpu:");
    ck_assert(_i ? cut > 0 : cut == 0);
    ck_assert_uint_eq(check_device(&network, model, "hls:"), cut);
    if (!getenv("MR_TEST_NO_SIM"))
        ck_assert_uint_eq(check_device(&network, model, "sim:"), cut);
    mr_model_close(model);
    mr_network_free(&network);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cell_state");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 600);
    tcase_add_test(all, cell_states_are_those_of_the_layer);
    tcase_add_loop_test(all, devices_give_the_bits_of_the_reference, 0, 2);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
