// SPDX-License-Identifier: Apache-2.0
// One row of all steps of a sequence: first, greatest and mean give the bits of the plain reference
// on cpu:, hls: and sim:, in the planned cycles, with slots too, and are what their names say; what
// they cannot do is said.
#define _GNU_SOURCE
#include "plan.h"
#include "session_fixture.h"

#include <math.h>
#include <sys/stat.h>

#define MODEL "build/pool-test/pool.millrace"
enum { ROWS = SEQUENCES * STEPS };

// Four of them behind one layer and one behind a head on every step, beside the last step.
static void make_pools(struct mr_network *network) {
    static const char *const kinds[] = {"first", "max", "min", "sum", "mean", "last"};
    uint64_t state = 5;
    net_create(network, INPUTS, "pools");
    const int below = net_add(network, "lstm", 0, HIDDEN0, MR_ACTIVATION_LINEAR);
    const int above = net_add(network, "rnn_relu", below, HIDDEN1, MR_ACTIVATION_LINEAR);
    for (int i = 0; i < 6; i++)
        net_output(network, net_add(network, kinds[i], i == 5 ? below : above, 0, 0), kinds[i]);
    const int each = net_add(network, "dense", below, 3, MR_ACTIVATION_LINEAR);
    const int mean = net_add(network, "mean", each, 0, MR_ACTIVATION_LINEAR);
    net_output(network, net_add(network, "dense", mean, 2, MR_ACTIVATION_TANH), "head");
    net_weights(network, &state, 0.6);
}

// In double, from the states of every step.
START_TEST(rows_are_what_their_names_say) {
    struct mr_network network;
    float x[ROWS * INPUTS];
    double y[SEQUENCES * (STEPS + 5) * HIDDEN1];

    net_create(&network, INPUTS, "names");
    const int layer = net_add(&network, "lstm", 0, HIDDEN1, MR_ACTIVATION_LINEAR);
    uint64_t state = 9;
    net_output(&network, layer, "all");
    net_output(&network, net_add(&network, "first", layer, 0, 0), "first");
    net_output(&network, net_add(&network, "max", layer, 0, 0), "max");
    net_output(&network, net_add(&network, "mean", layer, 0, 0), "mean");
    net_output(&network, net_add(&network, "min", layer, 0, 0), "min");
    net_output(&network, net_add(&network, "sum", layer, 0, 0), "sum");
    net_weights(&network, &state, 1.0);
    fill_input(x, ROWS * INPUTS);
    ck_assert_int_eq(mr_float_run(&network, x, SEQUENCES, STEPS, y), 0);
    const double *pooled = y + ROWS * HIDDEN1;
    for (int i = 0; i < SEQUENCES * HIDDEN1; i++) {
        const double *of = y + i / HIDDEN1 * STEPS * HIDDEN1 + i % HIDDEN1;
        double most = -INFINITY, least = INFINITY, sum = 0;
        for (int t = 0; t < STEPS; t++) {
            most = fmax(most, of[(ptrdiff_t)t * HIDDEN1]);
            least = fmin(least, of[(ptrdiff_t)t * HIDDEN1]);
            sum += of[(ptrdiff_t)t * HIDDEN1];
        }
        ck_assert_double_eq(pooled[i], of[0]);
        ck_assert_double_eq(pooled[SEQUENCES * HIDDEN1 + i], most);
        ck_assert_double_eq_tol(pooled[2 * SEQUENCES * HIDDEN1 + i], sum / STEPS, 1e-12);
        ck_assert_double_eq(pooled[3 * SEQUENCES * HIDDEN1 + i], least);
        ck_assert_double_eq_tol(pooled[4 * SEQUENCES * HIDDEN1 + i], sum, 1e-12);
    }
    mr_network_free(&network);
}
END_TEST

// A mean in whole numbers is off by less than a unit, also of long sequences and at the ends.
START_TEST(means_are_rounded_well) {
    static const size_t lengths[] = {1, 2, 3, 7, 100, 1000, 65537};
    const size_t steps = lengths[_i];
    struct mr_network network;
    uint64_t state = 21;
    int16_t *x = malloc(steps * 4 * sizeof *x);
    int64_t sum[4] = {0};
    int32_t y[4];

    ck_assert_ptr_nonnull(x);
    net_create(&network, 4, "mean");
    net_output(&network, net_add(&network, "mean", 0, 0, 0), "mean");
    net_output(&network, net_add(&network, "lstm", 0, 1, 0), "state");
    net_quantise(&network, NULL);
    network.output_count = 1;
    for (size_t i = 0; i < steps * 4; i++) {
        x[i] = i % 4 == 0 ? INT16_MAX : i % 4 == 1 ? INT16_MIN : (int16_t)random_bits(&state);
        sum[i % 4] += x[i];
    }
    ck_assert_int_eq(mr_integer_run(&network, x, 1, steps, y), 0);
    for (int k = 0; k < 4; k++)
        ck_assert_msg(fabs(y[k] - (double)sum[k] / (double)steps) <= 1.01, "%zu steps: %d, not %g",
                      steps, (int)y[k], (double)sum[k] / (double)steps);
    network.output_count = 2;
    mr_network_free(&network);
    free(x);
}
END_TEST

// Rows of one vector and of several: in one slot, and in two, which some numbers of sequences fill.
static const struct layout { uint32_t lanes[2], slots; } layouts[] = {{{3, 4}, 1}, {{1, 4}, 2}};

static void check_device(const struct mr_network *network, const struct mr_model *model,
                         const char *uri, const struct layout *layout) {
    const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN,
                                       .lanes = layout->lanes, .lane_count = 2,
                                       .slots = layout->slots};
    struct mr_session *session = open_session(model, uri, &options);
    float x[ROWS * INPUTS];
    const size_t count = SEQUENCES * mr_network_numbers(network, STEPS);
    float *y = calloc(count, sizeof *y), *wanted = calloc(count, sizeof *wanted);
    ck_assert(y && wanted);
    fill_input(x, ROWS * INPUTS);
    for (size_t run = 0; run < (size_t)SEQUENCES * STEPS; run++) {
        struct mr_stats stats;
        const size_t steps = run / SEQUENCES + 1, sequences = run % SEQUENCES + 1;
        const size_t now = sequences * mr_network_numbers(network, steps);
        expect_of(network, x, sequences, steps, wanted);
        ck_assert_msg(mr_session_run(session, x, sequences, steps, 0, y, &stats) == 0, "%s",
                      mr_session_error(session));
        ck_assert_msg(memcmp(y, wanted, now * sizeof *y) == 0, "%s, %zu sequences of %zu steps",
                      uri, sequences, steps);
        if (strcmp(uri, "sim:") == 0)
            ck_assert_uint_eq(stats.cycles, planned_cycles(model, &options, sequences, steps));
    }
    ck_assert_int_eq(mr_session_step(session, x, y, NULL), MR_ERROR_ARGUMENT);
    ck_assert_msg(strstr(mr_session_error(session), "'pool' needs all steps of a sequence") != NULL,
                  "%s", mr_session_error(session));
    mr_session_close(session);
    free(y);
    free(wanted);
}

START_TEST(devices_give_the_bits_of_the_reference) {
    if (!have_compiler())
        return;
    struct mr_network network;
    mkdir("build", 0777);
    mkdir("build/pool-test", 0777);
    make_pools(&network);
    save_model(&network, MODEL);
    struct mr_model *model = open_model_of(MODEL);
    check_device(&network, model, "cpu:", &layouts[_i]);
    check_device(&network, model, "hls:", &layouts[_i]);
    if (!getenv("MR_TEST_NO_SIM"))
        check_device(&network, model, "sim:", &layouts[_i]);
    mr_model_close(model);
    mr_network_free(&network);
}
END_TEST

// What takes sequences one after the other has none; nor have rows for which no memory is.
START_TEST(slots_are_refused) {
    static const struct {
        const char *kind;
        int inputs, units;
        const char *due;
    } cases[] = {{"window", 2, 4, "'window' takes sequences one after the other"},
                 {"max", MR_MAX_WIDTH, 0, "'pool' would keep 32768 vectors, and at most 16384"}};
    const struct mr_op_layout of_layer = {.lc = 1, .passes = 1};
    struct mr_network network;
    struct mr_plan plan;
    char error[300];
    net_create(&network, cases[_i].inputs, "refused");
    net_output(&network, net_add(&network, cases[_i].kind, 0, cases[_i].units, 0), "row");
    net_output(&network, net_add(&network, "rnn_tanh", 0, 1, 0), "state");
    ck_assert_int_eq(mr_plan_evaluate(&network, &of_layer, 1, &plan, error, sizeof error), 0);
    ck_assert_int_ne(mr_plan_evaluate(&network, &of_layer, 2, &plan, error, sizeof error), 0);
    ck_assert_msg(strstr(error, cases[_i].due) != NULL, "%s", error);
    mr_network_free(&network);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("pool");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 600);
    tcase_add_test(all, rows_are_what_their_names_say);
    tcase_add_loop_test(all, means_are_rounded_well, 0, 7);
    tcase_add_loop_test(all, devices_give_the_bits_of_the_reference, 0, 2);
    tcase_add_loop_test(all, slots_are_refused, 0, 2);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
