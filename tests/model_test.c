// SPDX-License-Identifier: Apache-2.0
// Imports the sample networks, compares float and integer results with known ones, and writes and
// reads .millrace files, intact and damaged. The sample data are optional.
#define _POSIX_C_SOURCE 200809L
#include "array_file.h"
#include "file.h"
#include "model.h"
#include "reference.h"
#include "safetensors.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA "../shared/models/"

static char error[1024];

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

// Runs the network both ways on the test data; *y (float) and *z (integer) are to be freed.
static void run_both(const struct mr_model_data *m, const struct mr_array *x, float **y,
                     float **z) {
    size_t n = x->shape[0], t = x->shape[1], outputs = (size_t)m->network.head.outputs;
    int16_t *x_q = malloc(x->count * sizeof *x_q);
    int32_t *y_q = malloc(n * outputs * sizeof *y_q);

    *y = malloc(n * outputs * sizeof **y);
    *z = malloc(n * outputs * sizeof **z);
    ck_assert(x_q && y_q && *y && *z);
    ck_assert_int_eq(
        mr_quantise_input(&m->quantised, x->data, n * t, x_q, NULL, error, sizeof error), 0);
    ck_assert_int_eq(mr_reference_run(&m->network, x->data, n, t, *y), 0);
    ck_assert_int_eq(mr_quantised_run(&m->quantised, x_q, n, t, y_q), 0);
    mr_quantised_output(&m->quantised, y_q, n, *z);
    free(x_q);
    free(y_q);
}

static const struct {
    const char *name;
    bool classes;  // else remaining cycles, capped at 125
    double figure; // of the network in float: accuracy or root mean square error
} samples[] = {
    {"turbofan_lstm2x25_rul", false, 13.0437},
    {"turbofan_lstm4x64_rul", false, 13.6135},
    {"turbofan_lstm2x25_fail30", true, 0.98},
    {"turbofan_lstm4x64_fail30", true, 0.98},
};

START_TEST(sample_is_accurate) {
    char path[256];
    struct mr_model_data m;
    float *y, *z;

    if (!have_data())
        return;
    struct mr_array calibration = read_array(DATA "turbofan_calib_x.npy");
    struct mr_array x = read_array(DATA "turbofan_test_x.npy");
    struct mr_array rul = read_array(DATA "turbofan_test_rul.npy");
    snprintf(path, sizeof path, DATA "%s.y.npy", samples[_i].name);
    struct mr_array expected = read_array(path);
    snprintf(path, sizeof path, DATA "%s.onnx", samples[_i].name);
    ck_assert_msg(mr_import_onnx(path, &calibration, NULL, &m, error, sizeof error) == 0, "%s",
                  error);
    ck_assert_str_eq(m.network.name, samples[_i].name);
    ck_assert(m.network.batch_first);
    run_both(&m, &x, &y, &z);

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
    if (samples[_i].classes)
        ck_assert_double_eq_tol(accuracy, samples[_i].figure, 0.0001);
    else
        ck_assert_double_eq_tol(rmse, samples[_i].figure, 0.1);
    printf("%s: float differs %.1e; integer %s %.4f; on the calibration data rms error %.2e, "
           "largest %.2e, SNR %.1f dB\n",
           samples[_i].name, worst, samples[_i].classes ? "accuracy" : "RMSE in cycles",
           samples[_i].classes ? accuracy : rmse, m.accuracy.rms_error, m.accuracy.max_error,
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

START_TEST(gru_is_refused_in_words) {
    struct mr_model_data m;

    if (!have_data())
        return;
    ck_assert_int_ne(mr_import_onnx(DATA "turbofan_gru2x64_rul.onnx", NULL, NULL, &m, error, 1024),
                     0);
    ck_assert_ptr_nonnull(strstr(error, "node '/rnn/GRU' has operator GRU; this version imports"));
}
END_TEST

// A small network with random weights, quantised for the default range.
static struct mr_model_data make_model(bool sigmoid) {
    struct mr_model_data m = {0};
    struct mr_network *n = &m.network;
    static const int width[3] = {3, 5, 4};
    unsigned seed = 7;

    n->layers = calloc(2, sizeof *n->layers);
    n->layer_count = 2;
    n->batch_first = true;
    n->name = strdup("small \"net\" \xc3\xa9");
    for (int l = 0; l < 2; l++) {
        struct mr_lstm *layer = &n->layers[l];
        layer->inputs = width[l];
        layer->hidden = width[l + 1];
        int rows = 4 * layer->hidden;
        layer->w_ih = malloc((size_t)(rows * layer->inputs) * sizeof(float));
        layer->w_hh = malloc((size_t)(rows * layer->hidden) * sizeof(float));
        layer->bias = malloc((size_t)rows * sizeof(float));
        for (int i = 0; i < rows * layer->inputs; i++)
            layer->w_ih[i] =
                (float)((int)((seed = seed * 1103515245u + 12345u) >> 16) - 32768) / 3e4f;
        for (int i = 0; i < rows * layer->hidden; i++)
            layer->w_hh[i] =
                (float)((int)((seed = seed * 1103515245u + 12345u) >> 16) - 32768) / 3e4f;
        for (int i = 0; i < rows; i++)
            layer->bias[i] = 0.01f * (float)i;
    }
    n->head =
        (struct mr_dense){4, 2, sigmoid, malloc(8 * sizeof(float)), malloc(2 * sizeof(float))};
    for (int i = 0; i < 8; i++)
        n->head.w[i] = 0.5f - 0.1f * (float)i;
    n->head.bias[0] = 1;
    n->head.bias[1] = -0.25f;
    ck_assert_msg(mr_quantise(n, NULL, &m.quantised, NULL, error, sizeof error) == 0, "%s", error);
    return m;
}

START_TEST(file_keeps_everything) {
    struct mr_model_data m = make_model(_i), back;

    m.accuracy = (struct mr_accuracy){100, 0.001, 0.25, 61.5};
    mkdir("build", 0777);
    mkdir("build/fuzz", 0777);
    ck_assert_msg(mr_model_data_save(&m, "build/fuzz/small.millrace", error, 1024) == 0, "%s",
                  error);
    ck_assert_msg(mr_model_data_load("build/fuzz/small.millrace", &back, error, 1024) == 0, "%s",
                  error);
    ck_assert_str_eq(back.network.name, m.network.name);
    ck_assert_int_eq(back.network.head.sigmoid, _i);
    for (int o = 0; o < 2; o++)
        ck_assert_int_eq(back.quantised.head.frac_bits[o], m.quantised.head.frac_bits[o]);
    ck_assert_uint_eq(back.accuracy.count, 100);
    ck_assert_double_eq(back.accuracy.snr_db, 61.5);
    for (int l = 0; l < 2; l++) {
        const struct mr_rows *a = &m.quantised.layers[l].gates;
        const struct mr_rows *b = &back.quantised.layers[l].gates;
        ck_assert_mem_eq(a->weight, b->weight, (size_t)(a->rows * a->columns) * 2);
        ck_assert_mem_eq(a->bias, b->bias, (size_t)a->rows * 8);
        ck_assert_mem_eq(a->shift, b->shift, (size_t)a->rows * 4);
    }
    float x[2 * 6 * 3], y[4], z[4];
    for (int i = 0; i < 36; i++)
        x[i] = (float)sin(i);
    ck_assert_int_eq(mr_reference_run(&m.network, x, 2, 6, y), 0);
    ck_assert_int_eq(mr_reference_run(&back.network, x, 2, 6, z), 0);
    ck_assert_mem_eq(y, z, sizeof y);
    mr_model_data_free(&m);
    mr_model_data_free(&back); // the file stays as a seed for the fuzzers
}
END_TEST

// Whatever the results depend on is in the identity, and nothing else.
START_TEST(identity_is_of_the_numbers) {
    unsigned char first[MR_MODEL_IDENTITY], other[MR_MODEL_IDENTITY];
    struct mr_model_data m = make_model(false);
    struct mr_rows *gates = &m.quantised.layers[1].gates, *head = &m.quantised.head.rows;

    ck_assert_int_eq(mr_model_data_identity(&m, first), 0);
    free(m.network.name);
    m.network.name = strdup("another name");
    m.accuracy = (struct mr_accuracy){100, 0.001, 0.25, 61.5};
    m.network.steps = 12;
    ck_assert_int_eq(mr_model_data_identity(&m, other), 0);
    ck_assert_mem_eq(first, other, sizeof first);
    void *const numbers[] = {&gates->weight[5],
                             &gates->bias[3],
                             &gates->shift[0],
                             &head->weight[7],
                             &head->bias[1],
                             &head->shift[1],
                             &m.quantised.input_frac_bits[2],
                             &m.quantised.head.frac_bits[1],
                             &m.network.head.sigmoid};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        *(unsigned char *)numbers[i] ^= 1;
        ck_assert_int_eq(mr_model_data_identity(&m, other), 0);
        ck_assert_msg(memcmp(first, other, sizeof first) != 0, "number %zu", i);
        *(unsigned char *)numbers[i] ^= 1;
    }
    ck_assert_int_eq(mr_model_data_identity(&m, other), 0);
    ck_assert_mem_eq(first, other, sizeof first);
    mr_model_data_free(&m);
}
END_TEST

// Each of these breaks a promise that the kernels rely on.
START_TEST(broken_promise_is_refused) {
    struct mr_model_data m = make_model(false), back;
    static const char *const said[] = {"shift 32", "2^39",   "fraction bits", "not a finite number",
                                       "2^39",     "shift 0"};

    switch (_i) {
    case 0:
        m.quantised.layers[1].gates.shift[3] = 32;
        break;
    case 1:
        m.quantised.layers[0].gates.bias[7] = (int64_t)1 << 39;
        break;
    case 2:
        m.quantised.input_frac_bits[1] = MR_FRAC_MAX + 1;
        break;
    case 3:
        m.network.layers[0].w_hh[2] = INFINITY;
        break;
    case 4:
        m.quantised.head.rows.bias[1] = INT64_MIN;
        break;
    default:
        m.quantised.head.rows.shift[0] = 0;
    }
    mkdir("build", 0777);
    ck_assert_int_eq(mr_model_data_save(&m, "build/model_test_broken.millrace", error, 1024), 0);
    ck_assert_int_ne(mr_model_data_load("build/model_test_broken.millrace", &back, error, 1024), 0);
    ck_assert_msg(strstr(error, said[_i]) != NULL, "%s", error);
    mr_model_data_free(&m);
    unlink("build/model_test_broken.millrace");
}
END_TEST

START_TEST(cut_file_is_refused) {
    struct mr_model_data m = make_model(false), back;
    unsigned char *data;
    size_t size;

    mkdir("build", 0777);
    ck_assert_int_eq(mr_model_data_save(&m, "build/model_test_cut.millrace", error, 1024), 0);
    ck_assert_int_eq(
        mr_file_read("build/model_test_cut.millrace", 1 << 20, &data, &size, error, 1024), 0);
    for (size_t cut = 0; cut < size; cut++) {
        ck_assert_int_ne(mr_model_data_parse(data, cut, "cut", &back, error, 1024), 0);
        ck_assert_int_eq(strncmp(error, "cut", 3), 0);
    }
    free(data);
    mr_model_data_free(&m);
    unlink("build/model_test_cut.millrace");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("model");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 120);
    tcase_add_loop_test(all, sample_is_accurate, 0, 4);
    tcase_add_test(all, gru_is_refused_in_words);
    tcase_add_test(all, identity_is_of_the_numbers);
    tcase_add_loop_test(all, file_keeps_everything, 0, 2);
    tcase_add_loop_test(all, broken_promise_is_refused, 0, 6);
    tcase_add_test(all, cut_file_is_refused);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
