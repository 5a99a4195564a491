// SPDX-License-Identifier: Apache-2.0
// Imports the sample networks at each precision, and compares float and integer results with known
// ones. The sample data are optional.
#define _POSIX_C_SOURCE 200809L
#include "array_file.h"
#include "model_fixture.h"

#include <stdio.h>
#include <unistd.h>

#define DATA "../shared/models/"

// False, with a sentence, when the sample data are not there.
static bool have_data(void) {
    if (access(DATA "turbofan_test_x.npy", R_OK) == 0)
        return true;
    puts("skipped: no sample networks in " DATA);
    return false;
}

static struct mr_array read_array(const char *path) {
    struct mr_array array;

    ck_assert_msg(mr_array_read(path, &array, NULL, 0, error, sizeof error) == 0, "%s", error);
    return array;
}

static const struct {
    const char *name;
    bool classes;  // else remaining cycles, capped at 125
    double figure; // of the network in float: accuracy or root mean square error
    const char *cell;
} samples[] = {
    {"turbofan_lstm2x25_rul", false, 13.0437, "lstm"},
    {"turbofan_lstm4x64_rul", false, 13.6135, "lstm"},
    {"turbofan_lstm2x25_fail30", true, 0.98, "lstm"},
    {"turbofan_lstm4x64_fail30", true, 0.98, "lstm"},
    {"turbofan_gru2x64_rul", false, 12.9004, "gru"},
};
enum { SAMPLES = sizeof samples / sizeof *samples };

// How much further from the truth than float the integers may be, and what they gain in decibels at
// least.
static const struct {
    const char *name;
    double cycles, accuracy, snr_db;
} precisions[MR_PRECISIONS] = {
    {"w16a16", 0.1, 0.0001, 70}, {"w8a16", 0.3, 0.0101, 35}, {"w8a8", 0.3, 0.0101, 35}};

START_TEST(sample_is_accurate) {
    char path[256];
    const int sample = _i % SAMPLES, precision = _i / SAMPLES;
    const struct mr_import_options options = {MR_IMPORT_OPTIONS_INIT,
                                              .precision = precisions[precision].name};
    struct mr_model_data m;
    float *y, *z;

    if (!have_data())
        return;
    struct mr_array calibration = read_array(DATA "turbofan_calib_x.npy");
    struct mr_array x = read_array(DATA "turbofan_test_x.npy");
    struct mr_array rul = read_array(DATA "turbofan_test_rul.npy");
    snprintf(path, sizeof path, DATA "%s.y.npy", samples[sample].name);
    struct mr_array expected = read_array(path);
    snprintf(path, sizeof path, DATA "%s.onnx", samples[sample].name);
    ck_assert_msg(mr_import_onnx(path, &calibration, &options, &m, error, sizeof error) == 0, "%s",
                  error);
    ck_assert_str_eq(m.network.name, samples[sample].name);
    ck_assert_str_eq(m.network.layout, "NTF");
    ck_assert_int_eq(m.network.output_count, 1);
    ck_assert_str_eq(mr_network_layer(&m.network, 1)->kind->name, samples[sample].cell);
    run_both(&m.network, x.data, x.shape[0], x.shape[1], &y, &z);

    double squares = 0, worst = 0;
    int right = 0;
    for (size_t i = 0; i < rul.count; i++) {
        double off = z[i] * 125.0 - rul.data[i];
        squares += off * off;
        right += (z[i] > 0.5) == (rul.data[i] <= 30);
        worst = fmax(worst, fabs((double)y[i] - expected.data[i]));
    }
    double rmse = sqrt(squares / (double)rul.count);
    double accuracy = right / (double)rul.count;
    ck_assert_msg(worst < 1e-5, "float results differ by %g from the framework's", worst);
    if (samples[sample].classes)
        ck_assert_double_eq_tol(accuracy, samples[sample].figure, precisions[precision].accuracy);
    else
        ck_assert_double_eq_tol(rmse, samples[sample].figure, precisions[precision].cycles);
    ck_assert_double_gt(m.accuracy.snr_db, precisions[precision].snr_db);
    printf("%s, %s: float differs %.1e; integer %s %.4f; on the calibration data rms error %.2e, "
           "largest %.2e, SNR %.1f dB\n",
           samples[sample].name, precisions[precision].name, worst,
           samples[sample].classes ? "accuracy" : "RMSE in cycles",
           samples[sample].classes ? accuracy : rmse, m.accuracy.rms_error, m.accuracy.max_error,
           m.accuracy.snr_db);
    free(y);
    free(z);
    mr_model_data_free(&m);
    mr_array_free(&calibration);
    mr_array_free(&x);
    mr_array_free(&rul);
    mr_array_free(&expected);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("accuracy");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 600);
    for (int i = 0; i < SAMPLES * MR_PRECISIONS; i++)
        if (mr_op_kind_find(samples[i % SAMPLES].cell))
            tcase_add_loop_test(all, sample_is_accurate, i, i + 1);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
