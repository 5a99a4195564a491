// SPDX-License-Identifier: Apache-2.0
// Features that are far from zero: what is taken from them before they are rounded stands in the
// biases, so the network computes what it did, and more exactly; a model file keeps it.
#define _POSIX_C_SOURCE 200809L
#include "model.h"
#include "network_fixture.h"
#include "walk.h"

#include <check.h>
#include <math.h>

enum { FEATURES = 3, UNITS = 4, SEQ = 3, LENGTH = 6, NUMBERS = SEQ * LENGTH * FEATURES };

#define FILE_NAME "build/input_offset_test.millrace"

static const float middle[FEATURES] = {900, -40, 0};

static void make(struct mr_network *n, bool dense_first, float *x) {
    uint64_t state = 99;
    net_create(n, FEATURES, "offsets");
    int stream = 0;
    if (dense_first)
        stream = net_add(n, "dense", 0, 5, MR_ACTIVATION_TANH);
    stream = net_add(n, dense_first ? "lstm" : "gru", stream, UNITS, MR_ACTIVATION_LINEAR);
    net_output(n, net_add(n, "dense", stream, 2, MR_ACTIVATION_LINEAR), "y");
    net_weights(n, &state, 0.7);
    // The first operator's weights take the middle away, as those of a model of raw units do.
    struct mr_op *op = &n->ops[0];
    for (int row = 0; row < mr_op_rows(op); row++)
        for (int k = 0; k < FEATURES; k++)
            op->bias[row] -= op->w_x[row * FEATURES + k] * middle[k];
    for (int i = 0; i < NUMBERS; i++)
        x[i] = middle[i % FEATURES] + random_number(&state, 0.9);
}

static double farthest(const struct mr_network *n, const float *x) {
    static int16_t x_q[NUMBERS];
    static int32_t y_q[SEQ * LENGTH * 2];
    static float y[SEQ * LENGTH * 2];
    static double wanted[SEQ * LENGTH * 2];
    char text[300];
    double far = 0;
    ck_assert_int_eq(mr_quantise_input(n, x, SEQ * LENGTH, x_q, NULL, text, sizeof text), 0);
    ck_assert_int_eq(mr_integer_run(n, x_q, SEQ, LENGTH, y_q), 0);
    mr_quantised_output(n, 0, y_q, SEQ * LENGTH, y);
    ck_assert_int_eq(mr_float_run(n, x, SEQ, LENGTH, wanted), 0);
    for (int i = 0; i < SEQ * LENGTH * 2; i++)
        far = fmax(far, fabs((double)y[i] - wanted[i]));
    return far;
}

START_TEST(offsets_stand_in_the_biases) {
    static const int32_t far_frac[FEATURES] = {5, 9, 14}, near_frac[FEATURES] = {14, 14, 14};
    struct mr_network n;
    float x[NUMBERS];
    char text[600];
    make(&n, _i, x);
    net_quantise(&n, far_frac);
    const double without = farthest(&n, x);
    n.offset = calloc(FEATURES, sizeof *n.offset);
    ck_assert_ptr_nonnull(n.offset);
    memcpy(n.offset, middle, sizeof middle);
    net_quantise(&n, near_frac);
    const double with = farthest(&n, x);
    ck_assert_msg(with < 1e-3 && without > 30 * with, "off by %g, without offsets by %g", with,
                  without);

    const struct mr_model_data data = {.network = n};
    struct mr_model_data again;
    ck_assert_int_eq(mr_model_data_save(&data, FILE_NAME, text, sizeof text), 0);
    ck_assert_msg(mr_model_data_load(FILE_NAME, &again, text, sizeof text) == 0, "%s", text);
    ck_assert_mem_eq(again.network.offset, middle, sizeof middle);
    ck_assert(farthest(&again.network, x) == with);
    mr_model_data_free(&again);
    mr_network_free(&n);
}
END_TEST

START_TEST(what_compares_features_takes_no_offsets) {
    struct mr_network n;
    net_create(&n, FEATURES, "norm");
    ck_assert(mr_network_takes_offsets(&n));
    const int norm = net_add(&n, "layer_norm", 0, 0, MR_ACTIVATION_LINEAR);
    net_add(&n, "gru", norm, UNITS, MR_ACTIVATION_LINEAR);
    ck_assert(!mr_network_takes_offsets(&n));
    mr_network_free(&n);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("input_offset");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, offsets_stand_in_the_biases, 0, 2);
    tcase_add_test(all, what_compares_features_takes_no_offsets);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
