// SPDX-License-Identifier: Apache-2.0
// From an ONNX file to a model: the accuracy of each output, the range of cell states, and casts.
#define _POSIX_C_SOURCE 200809L
#define FOLDER "build/import-accuracy-test"
#include "import_fixture.h"

#include "quantise.h"
#include "walk.h"

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

int main(void) {
    Suite *suite = suite_create("import_accuracy");
    TCase *all = tcase_create("all");

    make_folder();
    tcase_set_timeout(all, 60);
    tcase_add_test(all, each_output_has_its_figure);
    tcase_add_test(all, errors_are_relative_to_what_moves);
    tcase_add_loop_test(all, values_without_end_are_refused, 0, 2);
    tcase_add_loop_test(all, cell_states_get_the_range_that_they_need, 0, 5);
    tcase_add_test(all, more_error_than_signal_is_refused);
    tcase_add_test(all, casts_are_kept_and_done);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
