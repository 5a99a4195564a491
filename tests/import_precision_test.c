// SPDX-License-Identifier: Apache-2.0
// The precision of the layers at an import: one for all, one for each, or the cheapest within a
// tolerance; and the formats of the features that follow.
#define _POSIX_C_SOURCE 200809L
#include "calibrate.h"
#include "millrace.h"
#include "model.h"
#include "npy.h"
#include "op.h"
#include "random.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NET "tests/data/turbofan_lstm2x25_rul.onnx"
#define FOLDER "build/import-precision-test"
#define X FOLDER "/x.npy"

enum { SEQUENCES = 16, STEPS = 30, FEATURES = 25, MOST = 8 };

static char error[1024];

// Features within +-0.9, but for a single value, which is barely beyond 1.
static struct mr_array make_x(void) {
    const size_t shape[3] = {SEQUENCES, STEPS, FEATURES};
    struct mr_array x;
    uint64_t state = 11;

    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    ck_assert_int_eq(mr_array_create(&x, 3, shape, error, sizeof error), 0);
    random_numbers(&state, x.data, x.count, 0.9);
    x.data[100 * FEATURES + 3] = 1.02f;
    ck_assert_int_eq(mr_npy_write(X, &x, error, sizeof error), 0);
    return x;
}

// What an import told.
static struct {
    int count;
    char precision[MOST][32], refused[MOST][300];
    int within[MOST];
    double error[MOST]; // the largest relative one
    struct mr_accuracy_info accuracy[MOST];
} trials;

static void keep(void *context, const struct mr_trial *trial) {
    const int i = trials.count++;

    (void)context;
    ck_assert_int_lt(i, MOST);
    ck_assert_uint_eq(trial->outputs, trial->refused ? 0 : 1);
    snprintf(trials.precision[i], sizeof trials.precision[i], "%s", trial->precision);
    snprintf(trials.refused[i], sizeof trials.refused[i], "%s",
             trial->refused ? trial->refused : "");
    trials.within[i] = trial->within;
    if (trial->refused)
        return;
    ck_assert_str_eq(trial->each[0].name, "y");
    trials.error[i] = trial->each[0].relative_error;
    trials.accuracy[i] = trial->each[0].accuracy;
}

static int import(struct mr_import_options *options) {
    struct mr_error e = {0};

    options->size = sizeof *options;
    options->trial = keep;
    memset(&trials, 0, sizeof trials);
    const int code = mr_import_with(NET, FOLDER "/m", options, &e);
    snprintf(error, sizeof error, "%s", e.text);
    return code;
}

static struct mr_model_data loaded(void) {
    struct mr_model_data m;

    ck_assert_msg(!mr_model_data_load(FOLDER "/m", &m, error, sizeof error), "%s", error);
    return m;
}

// The model that was written has these precisions, and the accuracy of trial `i`, if not -1.
static void check_model(const char *first, const char *second, int i) {
    struct mr_model_data m = loaded();
    char name[MR_PRECISION_NAME];

    ck_assert_str_eq(mr_precision_name(m.network.ops[0].precision, name), first);
    ck_assert_str_eq(mr_precision_name(m.network.ops[1].precision, name), second);
    ck_assert_str_eq(mr_precision_name(m.network.ops[3].precision, name), "w16a16"); // the head
    if (i >= 0) // written with nine digits
        ck_assert_double_eq_tol(m.output_accuracy[0].rms_error, trials.accuracy[i].rms_error, 1e-9);
    mr_model_data_free(&m);
}

START_TEST(layers_have_the_precision_that_is_given) {
    static const struct {
        const char *text, *first, *second;
    } cases[] = {{NULL, "w16a16", "w16a16"},        {"w16a16", "w16a16", "w16a16"},
                 {"w8a16", "w8a16", "w8a16"},       {"w8a8", "w8a8", "w8a8"},
                 {"w8a8,w16a16", "w8a8", "w16a16"}, {"w16a16,w8a16", "w16a16", "w8a16"}};
    struct mr_array x = make_x();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mr_import_options o = {.precision = cases[i].text, .calibration = i % 2 ? X : NULL};
        ck_assert_msg(import(&o) == 0, "%s", error);
        check_model(cases[i].first, cases[i].second, -1);
        ck_assert_int_eq(trials.count, 0);
        struct mr_model *model = mr_model_open(FOLDER "/m", NULL);
        struct mr_operator_info info;
        ck_assert_int_eq(mr_model_operator(model, 0, &info), 0);
        ck_assert_uint_eq(info.weight_bits, strstr(cases[i].first, "w8") ? 8 : 16);
        ck_assert_uint_eq(info.column_bits, strstr(cases[i].first, "a8") ? 8 : 16);
        mr_model_close(model);
    }
    mr_array_free(&x);
}
END_TEST

START_TEST(what_cannot_be_is_refused) {
    static const struct {
        struct mr_import_options options;
        int code;
        const char *said;
    } cases[] = {
        {{.precision = "w4a4"}, MR_ERROR_ARGUMENT, "precision w4a4 is none"},
        {{.precision = ""}, MR_ERROR_ARGUMENT, "is none"},
        {{.precision = "auto,w8a8", .calibration = X}, MR_ERROR_ARGUMENT, "is none"},
        {{.precision = "w8a8,w8a8,w8a8"},
         MR_ERROR_MODEL,
         NET ": 3 precisions are given; the network has 2 recurrent layers"},
        {{.precision = "auto", .tolerance = 0.1}, MR_ERROR_ARGUMENT, "needs calibration data"},
        {{.precision = "auto", .calibration = X}, MR_ERROR_ARGUMENT, "needs a tolerance above 0"},
        {{.precision = "auto", .calibration = X, .tolerance = -1},
         MR_ERROR_ARGUMENT,
         "above 0, and it is -1"},
        {{.precision = "auto", .calibration = X, .tolerance = NAN}, MR_ERROR_ARGUMENT, "above 0"},
        {{.precision = "auto", .calibration = X, .tolerance = INFINITY},
         MR_ERROR_ARGUMENT,
         "above 0"},
        {{.tolerance = 0.1},
         MR_ERROR_ARGUMENT,
         "a tolerance of 0.1 is given, and no precision auto"},
        {{.precision = "w8a8", .tolerance = NAN}, MR_ERROR_ARGUMENT, "and no precision auto"},
        {{.calibration_method = (enum mr_calibration_method)4}, MR_ERROR_ARGUMENT, "method 4"},
        {{.calibration = X, .calibration_method = MR_CALIBRATION_PERCENTILE},
         MR_ERROR_ARGUMENT,
         "needs a percentile"},
        {{.calibration = X, .calibration_method = MR_CALIBRATION_MSE, .percentile = 99},
         MR_ERROR_ARGUMENT,
         "is given, and a percentile, which is another"},
        {{.calibration = X, .calibration_method = MR_CALIBRATION_PERCENTILE, .percentile = NAN},
         MR_ERROR_MODEL,
         "a percentile of nan is not possible"},
    };
    struct mr_array x = make_x();
    struct mr_import_options o = cases[_i].options;

    remove(FOLDER "/m");
    ck_assert_int_eq(import(&o), cases[_i].code);
    ck_assert_msg(strstr(error, cases[_i].said) != NULL, "%s", error);
    ck_assert_ptr_null(fopen(FOLDER "/m", "r"));
    mr_array_free(&x);
}
END_TEST

// How far the output's numbers are from their mean on x, as RMS, by the float network.
static double deviation(const struct mr_array *x) {
    struct mr_model *model = mr_model_open(FOLDER "/m", NULL);
    float y[SEQUENCES];
    double mean = 0, squares = 0;

    ck_assert_int_eq(mr_model_reference(model, x->data, SEQUENCES, STEPS, y, NULL), 0);
    mr_model_close(model);
    for (int i = 0; i < SEQUENCES; i++)
        mean += (double)y[i] / SEQUENCES;
    for (int i = 0; i < SEQUENCES; i++)
        squares += pow(y[i] - mean, 2);
    ck_assert_double_gt(fabs(mean), sqrt(squares / SEQUENCES)); // so that it matters
    return sqrt(squares / SEQUENCES);
}

START_TEST(the_cheapest_within_the_tolerance) {
    struct mr_array x = make_x();
    struct mr_import_options o = {.precision = "auto", .calibration = X, .tolerance = 1};

    ck_assert_msg(import(&o) == 0, "%s", error);
    ck_assert_int_eq(trials.count, 3); // all three are told, whatever is taken
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(trials.precision[i], i == 0 ? "w8a8" : i == 1 ? "w8a16" : "w16a16");
        ck_assert_int_eq(trials.within[i], 1);
        ck_assert_double_gt(trials.error[i], 0);
        ck_assert_double_eq_tol(trials.error[i] * deviation(&x), trials.accuracy[i].rms_error,
                                1e-6 * trials.accuracy[i].rms_error);
    }
    check_model("w8a8", "w8a8", 0);
    const double narrow = trials.error[0], weights = trials.error[1], full = trials.error[2];
    ck_assert_double_lt(full, weights);
    ck_assert_double_lt(weights, narrow);

    // Just as much as an error is, is within; less is not.
    o.tolerance = narrow * (1 + 1e-9);
    ck_assert_msg(import(&o) == 0, "%s", error);
    check_model("w8a8", "w8a8", 0);
    o.tolerance = narrow * (1 - 1e-9);
    ck_assert_msg(import(&o) == 0, "%s", error);
    ck_assert_int_eq(trials.within[0], 0);
    ck_assert_int_eq(trials.within[1], 1);
    ck_assert_int_eq(trials.count, 4); // single layers are cheaper than w8a16
    ck_assert_str_eq(trials.precision[3], "w8a8,w8a16");
    ck_assert_int_eq(trials.within[3], 1);
    ck_assert_double_le(trials.error[3], o.tolerance);
    check_model("w8a8", "w8a16", 3);

    o.tolerance = full * (1 + 1e-9);
    ck_assert_msg(import(&o) == 0, "%s", error);
    ck_assert_int_eq(trials.count, 3);
    check_model("w16a16", "w16a16", 2);
    o.tolerance = full * (1 - 1e-9);
    ck_assert_int_eq(import(&o), MR_ERROR_MODEL);
    ck_assert_int_eq(trials.count, 3);
    ck_assert_msg(strstr(error, NET ": no precision is within the tolerance of ") &&
                      strstr(error, "times the deviation of output y;"),
                  "%s", error);
    mr_array_free(&x);
}
END_TEST

// Features of so wide a range that their weights do not fit 8 bits.
START_TEST(what_is_not_possible_is_told) {
    const struct mr_range wide = {MR_ALL, -1000, 1000};
    struct mr_import_options o = {
        .precision = "w8a8", .calibration = X, .ranges = &wide, .range_count = 1};
    struct mr_array x = make_x();

    ck_assert_int_eq(import(&o), MR_ERROR_MODEL);
    ck_assert_msg(strstr(error, "too large for 8-bit weights; give the layer weights of 16 bits"),
                  "%s", error);
    o.precision = "auto";
    o.tolerance = 5;
    ck_assert_msg(import(&o) == 0, "%s", error);
    ck_assert_ptr_nonnull(strstr(trials.refused[0], "too large for 8-bit weights"));
    ck_assert_ptr_nonnull(strstr(trials.refused[1], "too large for 8-bit weights"));
    ck_assert_int_eq(trials.within[0] + trials.within[1], 0);
    ck_assert_str_eq(trials.precision[3], "w16a16,w8a8"); // the second layer reads Q15
    check_model("w16a16", "w8a8", 3);
    // Not possible with 16 bits either.
    const struct mr_range wider = {MR_ALL, -1000000, 1000000};
    o.ranges = &wider;
    ck_assert_int_eq(import(&o), MR_ERROR_MODEL);
    ck_assert_ptr_nonnull(strstr(error, "too large for 16-bit weights; rescale"));
    ck_assert_int_eq(trials.count, 3);
    mr_array_free(&x);
}
END_TEST

// Only what layers of 8 bits take has formats of the least error, unless that is asked for.
START_TEST(methods_choose_the_formats) {
    static const struct {
        const char *precision;
        enum mr_calibration_method method;
        double percentile;
        int frac, spiked; // of feature 0, and of feature 3, which has the value of 1.02
    } cases[] = {
        {"w16a16", MR_CALIBRATION_DEFAULT, 0, 14, 13},
        {"w16a16", MR_CALIBRATION_MAX, 0, 14, 13},
        {"w16a16", MR_CALIBRATION_MSE, 0, 15, 14},
        {"w16a16", MR_CALIBRATION_DEFAULT, 99.5, 14, 14},
        {"w8a16", MR_CALIBRATION_DEFAULT, 0, 15, 14},
        {"w8a8", MR_CALIBRATION_DEFAULT, 0, 15, 15},
        {"w8a8", MR_CALIBRATION_MSE, 0, 15, 15},
        {"w8a8", MR_CALIBRATION_MAX, 0, 14, 13},
        {"w8a8", MR_CALIBRATION_DEFAULT, 99.5, 14, 14},
        {"w8a8", MR_CALIBRATION_PERCENTILE, 99.5, 14, 14},
        {"w16a16,w8a8", MR_CALIBRATION_DEFAULT, 0, 14, 13}, // the second layer does not read them
    };
    struct mr_array x = make_x();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mr_import_options o = {.precision = cases[i].precision,
                                      .calibration = X,
                                      .calibration_method = cases[i].method,
                                      .percentile = cases[i].percentile};
        ck_assert_msg(import(&o) == 0, "%s", error);
        struct mr_model_data m = loaded();
        const int32_t *frac = m.network.streams[0].frac;
        ck_assert_msg(frac[0] == cases[i].frac && frac[3] == cases[i].spiked, "case %zu: %d, %d", i,
                      (int)frac[0], (int)frac[3]);
        mr_model_data_free(&m);
    }
    mr_array_free(&x);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("import_precision");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 120);
    tcase_add_test(all, layers_have_the_precision_that_is_given);
    tcase_add_loop_test(all, what_cannot_be_is_refused, 0, 15);
    tcase_add_test(all, the_cheapest_within_the_tolerance);
    tcase_add_test(all, what_is_not_possible_is_told);
    tcase_add_test(all, methods_choose_the_formats);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
