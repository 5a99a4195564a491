// SPDX-License-Identifier: Apache-2.0
// Quantisation: scales are the largest that fit, bounds hold, the integer results stay close to
// the float ones, and a network that does not fit is refused in words.
#define _POSIX_C_SOURCE 200809L
#include "calibrate.h"
#include "quantise.h"
#include "reference.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char error[1024];

static uint64_t random_next(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static float random_float(uint64_t *state, double range) {
    return (float)(((double)(random_next(state) >> 11) / 4503599627370496.0 - 1.0) * range);
}

static float *random_list(uint64_t *state, int count, double range) {
    float *list = malloc((size_t)count * sizeof *list);

    ck_assert_ptr_nonnull(list);
    for (int i = 0; i < count; i++)
        list[i] = random_float(state, range);
    return list;
}

static struct mr_network make_network(uint64_t *state, int layers, const int *width, int outputs,
                                      bool sigmoid, double range) {
    struct mr_network n = {.layer_count = layers};

    n.layers = calloc((size_t)layers, sizeof *n.layers);
    ck_assert_ptr_nonnull(n.layers);
    for (int l = 0; l < layers; l++) {
        int rows = 4 * width[l + 1];
        n.layers[l] = (struct mr_lstm){
            width[l], width[l + 1], random_list(state, rows * width[l], range),
            random_list(state, rows * width[l + 1], range), random_list(state, rows, range)};
    }
    n.head = (struct mr_dense){width[layers], outputs, sigmoid,
                               random_list(state, outputs * width[layers], range),
                               random_list(state, outputs, range)};
    return n;
}

static uint64_t new_seed(void) {
    const char *text = getenv("MILLRACE_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);

    printf("quantise_test: MILLRACE_SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

// Would the row of a gate fit with a scale one larger?
static bool could_be_larger(const struct mr_network *n, const struct mr_quantised *q, int layer,
                            int row) {
    const struct mr_lstm *l = &n->layers[layer];
    int shift = q->layers[layer].gates.shift[row] + 1;
    int scale = shift + (row / l->hidden == 2 ? 16 : 15);
    double sum = 0;

    if (shift > MR_SHIFT_MAX)
        return false;
    for (int k = 0; k < l->inputs + l->hidden; k++) {
        double w =
            k < l->inputs ? l->w_ih[row * l->inputs + k] : l->w_hh[row * l->hidden + k - l->inputs];
        int frac = k < l->inputs && layer == 0 ? q->input_frac_bits[k] : 15;
        double v = floor(ldexp(w, scale - frac) + 0.5);
        if (v > 32767 || v < -32768)
            return false;
        sum += fabs(v);
    }
    double bias = floor(ldexp(l->bias[row], scale) + 0.5) + ldexp(1, shift - 1);
    return sum * 32768 + fabs(bias) < ldexp(1, 39);
}

START_TEST(random_networks_keep_their_promises) {
    uint64_t state = new_seed();

    for (int round = 0; round < 60; round++) {
        int width[4], layers = 1 + (int)(random_next(&state) % 3);
        int outputs = 1 + (int)(random_next(&state) % 3);
        for (int i = 0; i < 4; i++)
            width[i] = 1 + (int)(random_next(&state) % 9);
        double range = ldexp(1, (int)(random_next(&state) % 16) - 8);
        struct mr_network n =
            make_network(&state, layers, width, outputs, random_next(&state) & 1, range);
        float *x =
            random_list(&state, 50 * width[0], ldexp(1, (int)(random_next(&state) % 12) - 4));
        struct mr_quantised q;

        struct mr_feature feature[9] = {0};
        int32_t frac[9];
        ck_assert_int_eq(mr_feature_ranges(x, 50, width[0], 100, feature), 0);
        ck_assert_int_eq(mr_feature_formats(feature, width[0], frac, error, sizeof error), 0);
        // Large weights on features of small values may not fit; then the sentence says which.
        if (mr_quantise(&n, frac, &q, NULL, error, sizeof error) != 0) {
            ck_assert_msg(strstr(error, "too large for 16-bit weights") != NULL, "%s", error);
        } else {
            ck_assert_msg(mr_quantised_check(&q, "random", error, sizeof error) == 0, "%s", error);
            for (int l = 0; l < layers; l++) {
                for (int row = 0; row < 4 * width[l + 1]; row++)
                    ck_assert_msg(!could_be_larger(&n, &q, l, row), "layer %d, row %d", l, row);
            }
            for (int k = 0; k < width[0]; k++) {
                double largest = 0;
                for (int i = 0; i < 50; i++)
                    largest = fmax(largest, fabs(x[i * width[0] + k]));
                int s = q.input_frac_bits[k];
                ck_assert(ldexp(2 * largest, s) <= 32767);
                ck_assert(s == 15 || ldexp(2 * largest, s + 1) > 32767);
            }
            mr_quantised_free(&q);
        }
        free(x);
        mr_network_free(&n);
    }
}
END_TEST

START_TEST(integers_are_close_to_float) {
    uint64_t state = new_seed();
    static const int width[3] = {6, 16, 12};

    for (int sigmoid = 0; sigmoid < 2; sigmoid++) {
        struct mr_network n = make_network(&state, 2, width, 3, sigmoid, 0.4);
        float *x = random_list(&state, 8 * 30 * 6, 2.0), y[24], z[24];
        int16_t x_q[8 * 30 * 6];
        int32_t y_q[24];
        struct mr_quantised q;

        ck_assert_msg(mr_quantise(&n, NULL, &q, NULL, error, sizeof error) == 0, "%s", error);
        ck_assert_int_eq(q.input_frac_bits[5], MR_FRAC_DEFAULT);
        ck_assert_int_eq(mr_quantise_input(&q, x, 240, x_q, NULL, error, sizeof error), 0);
        ck_assert_int_eq(mr_reference_run(&n, x, 8, 30, y), 0);
        ck_assert_int_eq(mr_quantised_run(&q, x_q, 8, 30, y_q), 0);
        mr_quantised_output(&q, y_q, 8, z);
        for (int i = 0; i < 24; i++)
            ck_assert_float_eq_tol(y[i], z[i], 0.002f);
        free(x);
        mr_quantised_free(&q);
        mr_network_free(&n);
    }
}
END_TEST

START_TEST(extremes_saturate) {
    uint64_t state = 1;
    static const int width[2] = {4, 4};
    struct mr_network n = make_network(&state, 1, width, 1, false, 8.0);
    struct mr_quantised q;
    int16_t x_q[400 * 4];
    int32_t y[2];

    ck_assert_msg(mr_quantise(&n, NULL, &q, NULL, error, sizeof error) == 0, "%s", error);
    // Every gate wide open for a long time drives the state to its limit.
    for (int row = 0; row < 16; row++) {
        for (int k = 0; k < 8; k++)
            q.layers[0].gates.weight[row * 8 + k] = k < 4 ? 32767 : 0;
    }
    for (int i = 0; i < 1600; i++)
        x_q[i] = i < 800 ? 32767 : -32768;
    ck_assert_int_eq(mr_quantised_run(&q, x_q, 2, 200, y), 0);
    mr_quantised_free(&q);
    mr_network_free(&n);
}
END_TEST

START_TEST(inputs_are_rounded_and_clamped) {
    int32_t frac[3] = {12, 0, -2};
    struct mr_quantised_layer layer = {.inputs = 3};
    struct mr_quantised q = {.layers = &layer, .input_frac_bits = frac};
    const float x[] = {0.5f / 4096, 2.5f, 10, -0.5f / 4096, -2.5f, -10, 8, 1e9f, -1e9f};
    const int16_t expected[] = {1, 3, 3, 0, -2, -2, 32767, 32767, -32768};
    float bad[3] = {0, NAN, 0};
    int16_t x_q[9];

    ck_assert_int_eq(mr_quantise_input(&q, x, 3, x_q, NULL, error, sizeof error), 0);
    for (int i = 0; i < 9; i++)
        ck_assert_int_eq(x_q[i], expected[i]);
    ck_assert_int_ne(mr_quantise_input(&q, bad, 1, x_q, NULL, error, sizeof error), 0);
    ck_assert_ptr_nonnull(strstr(error, "step 0, feature 1"));
}
END_TEST

START_TEST(what_does_not_fit_is_named) {
    uint64_t state = 3;
    static const int width[2] = {3, 4};
    struct mr_network n = make_network(&state, 1, width, 2, _i == 2, 0.5);
    struct mr_quantised q;
    static const char *const said[] = {
        "layer 0, gate g, unit 2: the weight of column 1", "layer 0, gate f, unit 1: the bias",
        "head, output 1: the weight of column 3", "head, output 0: the weight of column 0",
        "layer 0, gate o, unit 0: the weight of column 4"};

    switch (_i) {
    case 0:
        n.layers[0].w_ih[(2 * 4 + 2) * 3 + 1] = 1e6f;
        break;
    case 1:
        n.layers[0].bias[4 + 1] = 1e8f;
        break;
    case 2:
        n.head.w[4 + 3] = -1e9f;
        break;
    case 3:
        n.head.w[0] = 1e30f;
        break;
    default:
        n.layers[0].w_hh[12 * 4 + 1] = 3e38f;
    }
    ck_assert_int_ne(mr_quantise(&n, NULL, &q, NULL, error, sizeof error), 0);
    ck_assert_msg(strncmp(error, said[_i], strlen(said[_i])) == 0, "%s", error);
    ck_assert_ptr_null(q.layers);
    mr_network_free(&n);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("quantise");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_test(all, random_networks_keep_their_promises);
    tcase_add_test(all, integers_are_close_to_float);
    tcase_add_test(all, extremes_saturate);
    tcase_add_test(all, inputs_are_rounded_and_clamped);
    tcase_add_loop_test(all, what_does_not_fit_is_named, 0, 5);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
