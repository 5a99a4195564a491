// SPDX-License-Identifier: Apache-2.0
// From an ONNX file to a model: where the ranges of the inputs come from, what is told of them, and
// the accuracy of each output.
#define _POSIX_C_SOURCE 200809L
#include "onnx_fixture.h"

#include "calibrate.h"
#include "millrace.h"
#include "model.h"
#include "npy.h"
#include "quantise.h"
#include "walk.h"

#include <math.h>

#define FOLDER "build/import-test"

enum { N = 20, T = 6 };

static char notes[8192];

static void keep(void *context, const char *text) {
    (void)context;
    ck_assert_uint_lt(strlen(notes) + strlen(text) + 2, sizeof notes);
    strcat(notes, text);
    strcat(notes, "\n");
}

static float *numbers_of(struct file *f, int tensor_index, size_t *count) {
    Onnx__TensorProto *t = &f->tensor[tensor_index];

    *count = t->has_raw_data ? t->raw_data.len / 4 : t->n_float_data;
    return t->has_raw_data ? (float *)(void *)t->raw_data.data : t->float_data;
}

// Numbers of a tensor of the fixture that are small enough for nothing to be saturated.
static void set(struct file *f, int tensor_index, float scale) {
    size_t count;
    float *list = numbers_of(f, tensor_index, &count);

    for (size_t i = 0; i < count; i++)
        list[i] = scale * (float)((int)(i * 7 + (size_t)tensor_index * 3) % 11 - 5) / 5;
}

// An LSTM with a head; head: of its two outputs, biases[2].
static struct file *make_net(const char *path, const float head[O * H], const float bias[O]) {
    struct file *f = malloc(sizeof *f);

    ck_assert_ptr_nonnull(f);
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    make_good(f, 0);
    gemm(f, "h", "y");
    for (int i = 0; i < 3; i++)
        set(f, i, 0.8f);
    for (int i = 0; i < O * H && head; i++)
        f->tensor[3].float_data[i] = head[i];
    for (int i = 0; i < O && bias; i++)
        ((float *)(void *)f->tensor[4].raw_data.data)[i] = bias[i];
    write_file(f, path);
    return f;
}

static double noise(int i) {
    return sin(i * 12.9898) * 43758.5453 - floor(sin(i * 12.9898) * 43758.5453) - 0.5;
}

// Typical inputs: feature 0 within ±0.45, feature 1 within ±2, feature 2 within ±0.1 about 7.
static struct mr_array make_x(const char *path) {
    const size_t shape[3] = {N, T, F};
    struct mr_array x;

    ck_assert_int_eq(mr_array_create(&x, 3, shape, error, sizeof error), 0);
    for (int i = 0; i < N * T; i++) {
        x.data[i * F] = (float)(0.9 * noise(i));
        x.data[i * F + 1] = (float)(4 * noise(1000 + i));
        x.data[i * F + 2] = (float)(7 + 0.2 * noise(2000 + i));
    }
    if (path)
        ck_assert_int_eq(mr_npy_write(path, &x, error, sizeof error), 0);
    return x;
}

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

    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
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

// ---- Accuracy

START_TEST(each_output_has_its_figure) {
    static const float head[O * H] = {1e-7f, -2e-7f, 3e3f, 1e3f}, bias[O] = {0, 0};
    struct mr_array x = make_x(FOLDER "/x.npy");
    struct mr_import_options o = {MR_IMPORT_OPTIONS_INIT, .calibration = FOLDER "/x.npy",
                                  .note = keep};
    struct mr_accuracy_info all, each[O];
    struct mr_error e;

    free(make_net(FOLDER "/net.onnx", head, bias));
    notes[0] = 0;
    ck_assert_msg(mr_import_with(FOLDER "/net.onnx", FOLDER "/m", &o, &e) == 0, "%s", e.text);
    struct mr_model *model = mr_model_open(FOLDER "/m", &e);
    ck_assert_msg(model != NULL, "%s", e.text);
    ck_assert_int_eq(mr_model_accuracy(model, MR_ALL, &all), 0);
    for (uint32_t i = 0; i < O; i++)
        ck_assert_int_eq(mr_model_accuracy(model, i, &each[i]), 0);
    ck_assert_int_ne(mr_model_accuracy(model, O, &all), 0);
    ck_assert_uint_eq(all.outputs, N * O);
    ck_assert_uint_eq(each[0].outputs, N);
    // Each has a format of its own, so the large one takes nothing from the small one.
    ck_assert_double_gt(all.snr_db, 60);
    ck_assert_double_gt(each[0].snr_db, 50);
    ck_assert_double_gt(each[1].snr_db, 60);
    ck_assert_double_lt(each[0].max_error, 1e-9);
    ck_assert_double_gt(each[1].max_error, 1e-3);
    ck_assert_double_eq_tol(all.max_error, each[1].max_error, 1e-9);
    ck_assert_str_eq(notes, "");
    mr_model_close(model);
    mr_array_free(&x);
}
END_TEST

// A number that moves less than a hundredth of what another one of its output does counts as if it
// moved so much.
static struct { double rms[O], relative[O]; } trial;

static void keep_trial(void *context, const struct mr_trial *told) {
    (void)context;
    if (strcmp(told->precision, "w8a16") != 0)
        return;
    ck_assert_uint_eq(told->outputs, O);
    ck_assert_str_eq(told->each[1].name, "y[1]");
    for (int o = 0; o < O; o++) {
        trial.rms[o] = told->each[o].accuracy.rms_error;
        trial.relative[o] = told->each[o].relative_error;
    }
}

START_TEST(errors_are_relative_to_what_moves) {
    struct mr_import_options o = {MR_IMPORT_OPTIONS_INIT, .calibration = FOLDER "/x.npy",
                                  .precision = "auto", .tolerance = 10, .trial = keep_trial};
    struct mr_array x = make_x(NULL);
    struct mr_error e;

    for (int i = 0; i < N * T; i++) // such that it gets no offset, with which nothing is off
        x.data[i * F + 2] = (float)(7 + 8 * noise(2000 + i));
    ck_assert_int_eq(mr_npy_write(FOLDER "/x.npy", &x, error, sizeof error), 0);
    for (int small = 0; small < 2; small++) {
        const float w = small ? 1e-3f : 0.5f;
        const float head[O * H] = {w, -2 * w, 1, -2};
        free(make_net(FOLDER "/net.onnx", head, NULL));
        ck_assert_msg(mr_import_with(FOLDER "/net.onnx", FOLDER "/m", &o, &e) == 0, "%s", e.text);
        // Both numbers move alike but for the factor.
        const double deviation = trial.rms[1] / trial.relative[1];
        ck_assert_double_eq_tol(trial.rms[0] / trial.relative[0],
                                small ? deviation / 100 : 0.5 * deviation, 1e-3 * deviation);
    }
    mr_array_free(&x);
}
END_TEST

// ---- Values without end

// A ReLU whose state is multiplied at each step, so that it leaves float's range within the data.
START_TEST(values_without_end_are_refused) {
    static ProtobufCBinaryData relu = {4, (uint8_t *)(uintptr_t) "Relu"};
    const size_t shape[3] = {60, 2, F};
    struct mr_import_options o = {MR_IMPORT_OPTIONS_INIT, .calibration = FOLDER "/up.npy",
                                  .force = _i};
    struct file *f = malloc(sizeof *f);
    struct mr_array x;
    struct mr_error e;

    ck_assert_ptr_nonnull(f);
    begin(f, 0, 0);
    tensor(f, "W1", 3, 1, H, F);
    tensor(f, "R1", 3, 1, H, H);
    node(f, "RNN", "x W1 R1", "y");
    Onnx__AttributeProto *a = attribute(f, "activations");
    a->n_strings = 1;
    a->strings = &relu;
    for (int k = 0; k < H * F; k++)
        numbers_of(f, 11, &(size_t){0})[k] = 0.5f;
    for (int k = 0; k < H * H; k++)
        numbers_of(f, 12, &(size_t){0})[k] = 4;
    write_file(f, FOLDER "/up.onnx");
    free(f);
    ck_assert_int_eq(mr_array_create(&x, 3, shape, error, sizeof error), 0);
    for (size_t i = 0; i < x.count; i++)
        x.data[i] = i / F % 2 ? 1 : 0; // sequence 0 stays at zero
    ck_assert_int_eq(mr_npy_write(o.calibration, &x, error, sizeof error), 0);
    mr_array_free(&x);
    ck_assert_int_eq(mr_import_with(FOLDER "/up.onnx", FOLDER "/up", &o, &e), MR_ERROR_MODEL);
    ck_assert_msg(strstr(e.text, FOLDER "/up.onnx: output y is infinite in sequence 1 of the "
                                        "calibration data") != NULL,
                  "%s", e.text);
    ck_assert_ptr_null(fopen(FOLDER "/up", "r"));
}
END_TEST

// ---- Cell states

// Gates that are open (ONNX has them in the order i, o, f, c), so unit 0 counts feature 0 up and
// down, and unit 1 a thirtieth of it.
static void make_counting_net(const char *path) {
    struct file *f = make_net(path, (const float[]){1, 0, 0, 1}, (const float[]){0, 0});
    float *list;
    size_t count;

    for (int tensor = 0; tensor < 3; tensor++) {
        list = numbers_of(f, tensor, &count);
        for (size_t i = 0; i < count; i++)
            list[i] = tensor == 2 && i < 6 ? 20 : 0;
    }
    list = numbers_of(f, 0, &count);
    list[6 * F] = 12;
    list[7 * F] = 1.0f / 30;
    write_file(f, path);
    free(f);
}

// One sequence that goes up for so many steps and three quarters of the way down again. Where the
// way up was cut it ends below zero. (A forget gate is at most 1 - 2^-15, so long counts fade.)
static void write_counting_x(const char *path, size_t up) {
    const size_t shape[3] = {1, up + up * 3 / 4, F};
    struct mr_array x;

    ck_assert_int_eq(mr_array_create(&x, 3, shape, error, sizeof error), 0);
    memset(x.data, 0, x.count * sizeof *x.data);
    for (size_t t = 0; t < shape[1]; t++)
        x.data[t * F] = t < up ? 1 : -1;
    ck_assert_int_eq(mr_npy_write(path, &x, error, sizeof error), 0);
    mr_array_free(&x);
}

START_TEST(cell_states_get_the_range_that_they_need) {
    static const struct {
        size_t up;
        double limit;
    } cases[] = {{5, 128}, {60, 128}, {100, 256}, {300, 1024}, {3000, 8192}};
    struct mr_import_options o = {MR_IMPORT_OPTIONS_INIT, .calibration = FOLDER "/count.npy",
                                  .note = keep};
    struct mr_accuracy_info all;
    struct mr_operator_info layer;
    struct mr_error e;

    make_counting_net(FOLDER "/count.onnx");
    write_counting_x(FOLDER "/count.npy", cases[_i].up);
    ck_assert_msg(mr_import_with(FOLDER "/count.onnx", FOLDER "/m", &o, &e) == 0, "%s", e.text);
    struct mr_model *model = mr_model_open(FOLDER "/m", &e);
    ck_assert_msg(model != NULL, "%s", e.text);
    ck_assert_int_eq(mr_model_operator(model, 0, &layer), 0);
    ck_assert_double_eq(layer.limit, cases[_i].limit);
    ck_assert_int_eq(mr_model_accuracy(model, MR_ALL, &all), 0);
    ck_assert_msg(all.snr_db > 40, "%g dB, largest %g", all.snr_db, all.max_error);
    mr_model_close(model);
}
END_TEST

// An output that is nearly zero because its bias takes away what a range by hand then cuts.
START_TEST(more_error_than_signal_is_refused) {
    float head[O * H] = {3, 2, 1, 1}, bias[O] = {0, 0};
    struct mr_array x = make_x(NULL);
    const struct mr_range range = {MR_ALL, -0.01, 0.01};
    struct mr_import_options o = {MR_IMPORT_OPTIONS_INIT, .calibration = FOLDER "/x.npy",
                                  .note = keep};
    struct mr_error e;
    float y[N * O];

    for (int i = 0; i < N * T; i++)
        memcpy(x.data + i * F, (float[]){2, 1, -2}, F * sizeof(float));
    ck_assert_int_eq(mr_npy_write(o.calibration, &x, error, sizeof error), 0);
    free(make_net(FOLDER "/net.onnx", head, bias));
    ck_assert_msg(mr_import_with(FOLDER "/net.onnx", FOLDER "/m", &o, &e) == 0, "%s", e.text);
    struct mr_model *model = mr_model_open(FOLDER "/m", &e);
    ck_assert_int_eq(mr_model_reference(model, x.data, N, T, y, &e), 0);
    mr_model_close(model);
    remove(FOLDER "/m");
    // Cut inputs: an output of little accuracy is told.
    o.ranges = &range;
    o.range_count = 1;
    notes[0] = 0;
    for (float size = 8; size > 0.01f && !strstr(notes, "signal to error"); size /= 2) {
        bias[0] = size - y[0];
        free(make_net(FOLDER "/net.onnx", head, bias));
        notes[0] = 0;
        ck_assert_msg(mr_import_with(FOLDER "/net.onnx", FOLDER "/m", &o, &e) == 0, "%s", e.text);
    }
    ck_assert_msg(strstr(notes, "output y[0] has a signal to error of only 1") != NULL, "%s",
                  notes);
    remove(FOLDER "/m");
    ck_assert_int_eq(
        mr_import_with(FOLDER "/net.onnx", FOLDER "/m", &(struct mr_import_options){0}, &e),
        MR_ERROR_ARGUMENT);
    ck_assert_msg(strstr(e.text, "struct mr_import_options: its size is given as 0") != NULL, "%s",
                  e.text);
    struct mr_import_options absent = {MR_IMPORT_OPTIONS_INIT, .range_count = 2};
    ck_assert_int_eq(mr_import_with(FOLDER "/net.onnx", FOLDER "/m", &absent, &e),
                     MR_ERROR_ARGUMENT);
    bias[0] = 0.001f - y[0];
    free(make_net(FOLDER "/net.onnx", head, bias));
    ck_assert_int_eq(mr_import_with(FOLDER "/net.onnx", FOLDER "/m", &o, &e), MR_ERROR_MODEL);
    ck_assert_msg(strstr(e.text, "output y[0] would be off by more than its size") &&
                      strstr(e.text, "--force"),
                  "%s", e.text);
    ck_assert_ptr_null(fopen(FOLDER "/m", "r"));
    notes[0] = 0;
    o.force = 1;
    ck_assert_msg(mr_import_with(FOLDER "/net.onnx", FOLDER "/m", &o, &e) == 0, "%s", e.text);
    ck_assert_msg(strstr(notes, "output y[0] has a signal to error of only -") != NULL, "%s",
                  notes);
    mr_array_free(&x);
}
END_TEST

// Casts are done by every device's input and output, and stay in the file.
START_TEST(casts_are_kept_and_done) {
    struct mr_array x = make_x(NULL), cut = make_x(NULL);
    struct mr_error e;
    float y[2][N * O], z[2][N * O];
    struct mr_model *models[2];

    for (int i = 0; i < N * T * F; i++) {
        x.data[i] *= 3;
        cut.data[i] = truncf(x.data[i]);
    }
    ck_assert_int_eq(mr_npy_write(FOLDER "/x.npy", &x, error, sizeof error), 0);
    ck_assert_int_eq(mr_npy_write(FOLDER "/cut.npy", &cut, error, sizeof error), 0);
    for (int with = 0; with < 2; with++) {
        struct file *f = make_net(FOLDER "/net.onnx", (float[]){30, 20, -10, 10}, NULL);
        const char *saved = with ? FOLDER "/with" : FOLDER "/without";
        if (with) {
            // The Transpose and the Gemm read casts; nodes need not stand in a certain order but
            // after what they read.
            f->node[0].input[0] = "x2";
            f->node[5].output[0] = "y0";
            size_t first = f->graph.n_node;
            node(f, "Cast", "x", "x1");
            with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__INT32);
            node(f, "Cast", "x1", "x2");
            with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
            Onnx__NodeProto *in[2] = {f->nodes[first], f->nodes[first + 1]};
            memmove(f->nodes + 2, f->nodes, first * sizeof *f->nodes);
            memcpy(f->nodes, in, sizeof in);
            node(f, "Cast", "y0", "y");
            with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__INT64);
            write_file(f, FOLDER "/net.onnx");
        }
        free(f);
        ck_assert_msg(mr_import(FOLDER "/net.onnx", with ? FOLDER "/x.npy" : FOLDER "/cut.npy",
                                saved, NULL, &e) == 0,
                      "%s", e.text);
        models[with] = mr_model_open(saved, &e);
        ck_assert_msg(models[with] != NULL, "%s", e.text);
        ck_assert_int_eq(
            mr_model_reference(models[with], with ? x.data : cut.data, N, T, y[with], &e), 0);
        struct mr_model_data data;
        int16_t x_q[N * T * F];
        int32_t y_q[N * O];
        ck_assert_int_eq(mr_model_data_load(saved, &data, error, sizeof error), 0);
        ck_assert_int_eq(mr_quantise_input(&data.network, with ? x.data : cut.data, N * T, x_q,
                                           NULL, error, sizeof error),
                         0);
        ck_assert_int_eq(mr_integer_run(&data.network, x_q, N, T, y_q), 0);
        mr_quantised_output(&data.network, 0, y_q, N, z[with]);
        mr_model_data_free(&data);
        mr_model_close(models[with]);
    }
    int whole = 0;
    for (int i = 0; i < N * O; i++) {
        ck_assert_float_eq(y[1][i], truncf(y[0][i]));
        ck_assert_float_eq(z[1][i], truncf(z[0][i]));
        whole += z[0][i] == z[1][i];
    }
    ck_assert_int_lt(whole, N);
    mr_array_free(&x);
    mr_array_free(&cut);
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
    tcase_add_test(all, each_output_has_its_figure);
    tcase_add_test(all, errors_are_relative_to_what_moves);
    tcase_add_loop_test(all, values_without_end_are_refused, 0, 2);
    tcase_add_loop_test(all, cell_states_get_the_range_that_they_need, 0, 5);
    tcase_add_test(all, more_error_than_signal_is_refused);
    tcase_add_test(all, casts_are_kept_and_done);
    tcase_add_loop_test(all, wrong_calibration_is_refused, 0, 2);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
