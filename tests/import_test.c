// SPDX-License-Identifier: Apache-2.0
// From an ONNX file to a model: where the ranges of the inputs come from, and what is told of them.
// import_accuracy_test has what comes out.
#define _POSIX_C_SOURCE 200809L
#define FOLDER "build/import-test"
#include "import_fixture.h"

#include "calibrate.h"

static void write_text(const char *path, const char *text) {
    const struct mr_piece piece = {text, strlen(text)};

    ck_assert_int_eq(mr_file_write(path, &piece, 1, error, sizeof error), 0);
}

// The fraction bits that the import chooses for the features.
static int formats(struct mr_import_options *options, const struct mr_array *x, int32_t *frac) {
    struct mr_model_data model;

    notes[0] = 0;
    options->note = keep;
    int result = mr_import_onnx(FOLDER "/net.onnx", x, options, &model, error, sizeof error);
    for (int k = 0; k < F && result == 0; k++)
        frac[k] = model.network.streams[0].frac[k];
    mr_model_data_free(&model);
    return result;
}

static void expect(const int32_t *frac, int a, int b, int c) {
    ck_assert_msg(frac[0] == a && frac[1] == b && frac[2] == c, "%d, %d, %d", (int)frac[0],
                  (int)frac[1], (int)frac[2]);
}

START_TEST(ranges_by_hand_and_from_data) {
    struct mr_array x = make_x(NULL);
    struct mr_import_options o = {0};
    struct mr_range ranges[3] = {{MR_ALL, -3, 1}, {1, 0, 100}, {1, -1, 0.5}};
    int32_t frac[F];

    free(make_net(FOLDER "/net.onnx", NULL, NULL));
    ck_assert_msg(formats(&o, NULL, frac) == 0, "%s", error);
    expect(frac, 12, 12, 12);
    ck_assert_msg(formats(&o, &x, frac) == 0, "%s", error);
    expect(frac, 15, 13, 15); // with a bit of head-room: ±1, ±4, 7 ± 1
    ck_assert_str_eq(notes, "");
    o.ranges = ranges;
    o.range_count = 2;
    ck_assert_msg(formats(&o, NULL, frac) == 0, "%s", error);
    expect(frac, 13, 8, 13); // without: ±3, ±100
    ck_assert_msg(formats(&o, &x, frac) == 0, "%s", error);
    expect(frac, 13, 8, 13);
    ck_assert_msg(strstr(notes, "feature 2: 120 of 120 calibration values are beyond its format") !=
                      NULL,
                  "%s", notes);
    o.range_count = 3; // the last one holds
    ck_assert_msg(formats(&o, NULL, frac) == 0, "%s", error);
    expect(frac, 13, 14, 13);
    ranges[2].feature = F;
    ck_assert_int_ne(formats(&o, NULL, frac), 0);
    ck_assert_msg(strstr(error, "a range is given for feature 3; the network has 3") != NULL, "%s",
                  error);
    ranges[2] = (struct mr_range){0, 2, 1};
    ck_assert_int_ne(formats(&o, NULL, frac), 0);
    ranges[2] = (struct mr_range){0, 0, NAN};
    ck_assert_int_ne(formats(&o, NULL, frac), 0);
    ranges[2] = (struct mr_range){0, 0, 1e12};
    ck_assert_int_ne(formats(&o, NULL, frac), 0);
    ck_assert_msg(strstr(error, "feature 0 reaches 1e+12, which is beyond") != NULL, "%s", error);
    mr_array_free(&x);
}
END_TEST

START_TEST(what_is_in_range_is_not_cut) {
    static const double ends[] = {1, 4, 32767.0 / 4096, 8, 1e-9, 0, 3.0517578125e-05};
    struct mr_feature feature = {MR_RANGE_GIVEN, -ends[_i] / 2, ends[_i]};
    int32_t frac;

    ck_assert_int_eq(mr_feature_formats(&feature, 1, &frac, error, sizeof error), 0);
    ck_assert_double_le(floor(ldexp(ends[_i], frac) + 0.5), 32767);
    if (frac < 15)
        ck_assert_double_gt(ldexp(ends[_i], frac + 1), 32767);
}
END_TEST

START_TEST(a_spike_is_named) {
    struct mr_array x = make_x(NULL);
    struct mr_import_options o = {0};
    int32_t frac[F];

    free(make_net(FOLDER "/net.onnx", NULL, NULL));
    x.data[(3 * T + 4) * F + 1] = -2e5f;
    ck_assert_int_ne(formats(&o, &x, frac), 0);
    ck_assert_msg(strstr(error, "feature 1 reaches -200000 in the calibration data (sequence 3, "
                                "step 4), while all but 1 of its values are within ±1.9") &&
                      strstr(error, "percentile=99.9"),
                  "%s", error);
    o.percentile = 99.9;
    ck_assert_msg(formats(&o, &x, frac) == 0, "%s", error);
    expect(frac, 15, 13, 15);
    ck_assert_msg(strstr(notes, "feature 1: 1 of 120 calibration values are beyond its format, "
                                "which ends at ±4") != NULL,
                  "%s", notes);
    // One that fits, but costs six bits.
    o.percentile = 0;
    x.data[(3 * T + 4) * F + 1] = 100;
    ck_assert_msg(formats(&o, &x, frac) == 0, "%s", error);
    expect(frac, 15, 7, 15);
    ck_assert_msg(strstr(notes, "feature 1 reaches 100 in the calibration data") != NULL, "%s",
                  notes);
    for (int i = 0; i < 4; i++) {
        static const double bad[4] = {-1, 100.5, NAN, INFINITY};
        o.percentile = bad[i];
        ck_assert_int_ne(formats(&o, &x, frac), 0);
        ck_assert_msg(strstr(error, "percentile") != NULL, "%s", error);
    }
    mr_array_free(&x);
}
END_TEST

// The sentence has values as they were given, and not less the feature's offset.
START_TEST(a_spike_beside_an_offset_is_named_as_it_is) {
    const size_t shape[3] = {200, T, F};
    struct mr_array x;
    struct mr_import_options o = {0};
    int32_t frac[F];

    free(make_net(FOLDER "/net.onnx", NULL, NULL));
    ck_assert_int_eq(mr_array_create(&x, 3, shape, error, sizeof error), 0);
    for (size_t i = 0; i < shape[0] * T * F; i++)
        x.data[i] = (float)((i % F == 1 ? 640 : 0) + 0.01 * noise((int)i));
    x.data[(3 * T + 4) * F + 1] = 680;
    x.data[(4 * T + 1) * F + 1] = 600;
    ck_assert_msg(formats(&o, &x, frac) == 0, "%s", error);
    ck_assert_msg(strstr(notes, "feature 1 reaches 680 in the calibration data (sequence 3, step "
                                "4)") &&
                      strstr(notes, "within 640 ± 0.0") && strstr(notes, "--range 1=639.9"),
                  "%s", notes);
    mr_array_free(&x);
}
END_TEST

// Small inputs with large weights: the format goes below what is usual only where it must.
START_TEST(small_inputs_with_large_weights_fit) {
    struct mr_array x = make_x(NULL);
    struct mr_import_options o = {0};
    struct file *f = make_net(FOLDER "/net.onnx", NULL, NULL);
    float *w = (float *)(void *)f->tensor[0].raw_data.data;
    struct mr_model_data model;
    int32_t frac[F];

    for (int i = 0; i < N * T; i++) {
        x.data[i * F] *= 1e-5f;
        x.data[i * F + 1] *= 1e-3f;
    }
    for (int row = 0; row < 4 * H; row++)
        w[row * F] *= 1e5f;
    write_file(f, FOLDER "/net.onnx");
    ck_assert_msg(formats(&o, &x, frac) == 0, "%s", error);
    expect(frac, 31, 15, 15);
    o.note = NULL;
    ck_assert_int_eq(mr_import_onnx(FOLDER "/net.onnx", &x, &o, &model, error, sizeof error), 0);
    ck_assert_double_gt(model.accuracy.snr_db, 50);
    mr_model_data_free(&model);
    // Without a range nothing is known of it.
    ck_assert_int_ne(formats(&o, NULL, frac), 0);
    ck_assert_msg(strstr(error, "the weight of column 0 is") && strstr(error, "within 8"), "%s",
                  error);
    mr_array_free(&x);
    free(f);
}
END_TEST

START_TEST(a_file_of_another_length_is_told) {
    struct mr_array x = make_x(NULL);
    struct mr_import_options o = {0};
    struct file *f = malloc(sizeof *f);
    int32_t frac[F];

    make_good(f, 1);
    gemm(f, "h", "y");
    write_file(f, FOLDER "/net.onnx");
    ck_assert_msg(formats(&o, &x, frac) == 0, "%s", error);
    ck_assert_msg(strstr(notes, "exported for sequences of 5 steps and the calibration data has 6"),
                  "%s", notes);
    mr_array_free(&x);
    free(f);
}
END_TEST

START_TEST(constant_features_are_named) {
    struct mr_array x = make_x(NULL);
    struct mr_import_options o = {0};
    int32_t frac[F];

    free(make_net(FOLDER "/net.onnx", NULL, NULL));
    for (int i = 0; i < N * T; i++)
        x.data[i * F] = 0;
    ck_assert_msg(formats(&o, &x, frac) == 0, "%s", error);
    ck_assert_msg(strstr(notes, "feature 0 is 0 in all of the calibration data, so its range is a "
                                "guess: values beyond ±1 are cut") &&
                      strstr(notes, "--range 0=LOW:HIGH"),
                  "%s", notes);
    for (int i = 0; i < N * T; i++)
        x.data[i * F + 2] = 3;
    ck_assert_msg(formats(&o, &x, frac) == 0, "%s", error);
    ck_assert_msg(strstr(notes, "2 features do not change in the calibration data, so their ranges "
                                "are guesses: 0, 2;") != NULL,
                  "%s", notes);
    const struct mr_range ranges[2] = {{0, -5, 5}, {2, 0, 9}};
    o.ranges = ranges;
    o.range_count = 2;
    ck_assert_msg(formats(&o, &x, frac) == 0, "%s", error);
    ck_assert_str_eq(notes, "");
    mr_array_free(&x);
}
END_TEST

static const struct {
    const char *name, *text, *said; // said: NULL when it is read; the ranges are ±1, ±10, 2 to 6
} statistics[] = {
    {"a.json", "{\"min\": [-1, -10, 2], \"max\": [0.5, 10, 6], \"count\": 9}", NULL},
    {"a.json", " {\"mean\": [0, 0, 4], \"std\": [0.25, 2.5, 0.5]}", NULL},
    {"a.csv", "min,max\n-1,0\n-10,10\n2,6\n", NULL},
    {"a.csv", "feature;Min;MAX\r\nspeed;-1;0\r\n\"a;b\";-10;10\r\nc;2;6", NULL},
    {"a.csv", ",s0,s1,s2\ncount,5,5,5\nmean,0,0,4\nstd,.25,2.5,.5\nmin,-9,-9,-9\n50%,0,0,0\n",
     NULL},
    {"a.txt", "\xef\xbb\xbfmax\t1\t10\t6\nmin\t0\t-10\t2\n", NULL},
    {"a.json", "{\"min\": [-1, -10], \"max\": [0.5, 10]}",
     "min is given for 2 features; the network"},
    {"a.json", "{\"min\": [-1, -10, 2]}", "min and max, or mean and std"},
    {"a.json", "{\"min\": [-1, -10, \"2\"], \"max\": [0.5, 10, 6]}", "feature 2 has no usable min"},
    {"a.json", "{\"min\": [-1, 11, 2], \"max\": [0.5, 10, 6]}", "feature 1 has no usable min"},
    {"a.json", "{\"mean\": [0, 0, 4], \"std\": [0.25, -2.5, 0.5]}", "feature 1 has no usable mean"},
    {"a.json", "{\"min\": 3, \"max\": 4}", "min is given for 0 features"},
    {"a.json", "{\"min\": [", "is not JSON at line 1"},
    {"a.json", "[1, 2]", "min and max, or mean and std"},
    {"a.csv", "min,max\n-1,0\n-10,10\n", "a row is given for 2 features"},
    {"a.csv", "min,max\n-1,0\n-10,10\n2,6\n2,6\n", "a row is given for 4 features"},
    {"a.csv", "min,max\n-1,0\n-10,x\n2,6\n", "feature 1 has no usable min and max"},
    {"a.csv", "low,high\n-1,0\n-10,10\n2,6\n", "min and max, or mean and std"},
    {"a.csv", "min,1,2\nmax,1,2\n", "min is given for 2 features"},
    {"a.csv", "", "min and max, or mean and std"},
    {"a.csv", "\n\n", "min and max, or mean and std"},
};

START_TEST(training_statistics_are_read) {
    struct mr_import_options o = {MR_IMPORT_OPTIONS_INIT, .statistics = FOLDER "/statistics"};
    int32_t frac[F];

    free(make_net(FOLDER "/net.onnx", NULL, NULL));
    write_text(o.statistics, statistics[_i].text);
    int result = formats(&o, NULL, frac);
    if (statistics[_i].said) {
        ck_assert_int_ne(result, 0);
        ck_assert_msg(strstr(error, statistics[_i].said) && strstr(error, o.statistics), "%s",
                      error);
    } else {
        ck_assert_msg(result == 0, "%s", error);
        expect(frac, 13, 10, 11);
    }
}
END_TEST

START_TEST(statistics_in_an_array) {
    struct mr_import_options o = {MR_IMPORT_OPTIONS_INIT, .statistics = FOLDER "/statistics.npy"};
    const struct mr_range hand = {1, -0.5, 0.5};
    const size_t shape[2] = {2, F};
    struct mr_array a;
    int32_t frac[F];

    free(make_net(FOLDER "/net.onnx", NULL, NULL));
    ck_assert_int_eq(mr_array_create(&a, 2, shape, error, sizeof error), 0);
    memcpy(a.data, (float[]){-1, -10, 2, 0, 10, 6}, 6 * sizeof(float));
    ck_assert_int_eq(mr_npy_write(o.statistics, &a, error, sizeof error), 0);
    ck_assert_msg(formats(&o, NULL, frac) == 0, "%s", error);
    expect(frac, 13, 10, 11);
    o.ranges = &hand; // goes before
    o.range_count = 1;
    ck_assert_msg(formats(&o, NULL, frac) == 0, "%s", error);
    expect(frac, 13, 15, 11);
    a.shape[0] = F;
    a.shape[1] = 2;
    ck_assert_int_eq(mr_npy_write(o.statistics, &a, error, sizeof error), 0);
    ck_assert_int_ne(formats(&o, NULL, frac), 0);
    ck_assert_msg(strstr(error, ".npy of shape [2, 3]") != NULL, "%s", error);
    mr_array_free(&a);
}
END_TEST

START_TEST(wrong_calibration_is_refused) {
    const size_t empty[3] = {0, T, F}, wide[3] = {1, T, F + 1};
    struct mr_import_options o = {0};
    struct mr_array x;
    int32_t frac[F];

    free(make_net(FOLDER "/net.onnx", NULL, NULL));
    ck_assert_int_eq(mr_array_create(&x, 3, _i ? wide : empty, error, sizeof error), 0);
    ck_assert_int_ne(formats(&o, &x, frac), 0);
    ck_assert_msg(strstr(error, _i ? "takes: [N, T, F], with 3 features"
                                   : "the calibration data is empty") != NULL,
                  "%s", error);
    mr_array_free(&x);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("import");
    TCase *all = tcase_create("all");

    make_folder();
    tcase_set_timeout(all, 60);
    tcase_add_test(all, ranges_by_hand_and_from_data);
    tcase_add_loop_test(all, what_is_in_range_is_not_cut, 0, 7);
    tcase_add_test(all, a_spike_is_named);
    tcase_add_test(all, a_spike_beside_an_offset_is_named_as_it_is);
    tcase_add_test(all, small_inputs_with_large_weights_fit);
    tcase_add_test(all, a_file_of_another_length_is_told);
    tcase_add_test(all, constant_features_are_named);
    tcase_add_loop_test(all, training_statistics_are_read, 0,
                        sizeof statistics / sizeof *statistics);
    tcase_add_test(all, statistics_in_an_array);
    tcase_add_loop_test(all, wrong_calibration_is_refused, 0, 2);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
