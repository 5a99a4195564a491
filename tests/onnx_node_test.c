// SPDX-License-Identifier: Apache-2.0
// The recurrent operators' own test cases of ONNX (Debian: libonnx-testdata): each gives what the
// standard says, in floating point and in whole numbers, or is refused by a sentence that is true.
// Prints the table of all cases.
#define _POSIX_C_SOURCE 200809L
#include "file.h"
#include "model.h"
#include "onnx.pb-c.h"
#include "quantise.h"
#include "walk.h"

#include <check.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER "build/onnx-node"

// In floating point only the additions' order differs. In whole numbers h has 15 fraction bits, and
// the tables of sigmoid and tanh are within 2^-14.
static const double float_bound = 1e-5, whole_bound = 4e-4;

static char error[1024];

static const struct {
    const char *name, *said; // said: a part of the sentence; NULL for a case that runs
} cases[] = {
    {"test_gru_batchwise", NULL},
    {"test_gru_defaults", NULL},
    {"test_gru_seq_length", NULL}, // has none, for all its name
    {"test_gru_with_initial_bias", NULL},
    {"test_lstm_batchwise", NULL},
    {"test_lstm_defaults", NULL},
    {"test_lstm_with_initial_bias", NULL},
    {"test_lstm_with_peepholes", NULL},
    {"test_rnn_seq_length", NULL},
    {"test_simple_rnn_batchwise", NULL},
    {"test_simple_rnn_defaults", NULL},
    {"test_simple_rnn_with_initial_bias", NULL},
};

static const char *data_folder(void) {
    const char *given = getenv("ONNX_TESTDATA");

    return given ? given : "/usr/share/libonnx-testdata/data";
}

static unsigned char *read_case(const char *name, const char *file, size_t *size) {
    char path[400];
    unsigned char *data;

    snprintf(path, sizeof path, "%s/node/%s/%s", data_folder(), name, file);
    ck_assert_msg(mr_file_read(path, 1 << 24, &data, size, error, sizeof error) == 0,
                  "%s (make deps installs the package libonnx-testdata)", error);
    return data;
}

static Onnx__ModelProto *read_model(const char *name) {
    size_t size;
    unsigned char *data = read_case(name, "model.onnx", &size);
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, data);

    free(data);
    ck_assert_ptr_nonnull(model);
    return model;
}

// kind: "input" or "output".
static Onnx__TensorProto *read_tensor(const char *name, const char *kind, size_t index) {
    char file[64];
    size_t size;

    snprintf(file, sizeof file, "test_data_set_0/%s_%zu.pb", kind, index);
    unsigned char *data = read_case(name, file, &size);
    Onnx__TensorProto *tensor = onnx__tensor_proto__unpack(NULL, size, data);
    free(data);
    ck_assert_ptr_nonnull(tensor);
    return tensor;
}

static size_t floats(const Onnx__TensorProto *tensor, float **data) {
    ck_assert_int_eq(tensor->data_type, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    ck_assert(tensor->has_raw_data && tensor->raw_data.len % sizeof(float) == 0);
    *data = malloc(tensor->raw_data.len + 1);
    ck_assert_ptr_nonnull(*data);
    memcpy(*data, tensor->raw_data.data, tensor->raw_data.len);
    return tensor->raw_data.len / sizeof(float);
}

// Writes the model with all inputs but the first as initialisers.
static void write_model(const char *name, const char *path) {
    Onnx__ModelProto *model = read_model(name);
    Onnx__GraphProto *g = model->graph;
    const size_t inputs = g->n_input;
    Onnx__TensorProto *values[16], **own = g->initializer;
    const size_t own_count = g->n_initializer;

    ck_assert_uint_le(inputs, 16);
    ck_assert_uint_eq(own_count, 0);
    for (size_t i = 1; i < inputs; i++) {
        values[i - 1] = read_tensor(name, "input", i);
        free(values[i - 1]->name);
        values[i - 1]->name = strdup(g->input[i]->name);
    }
    g->initializer = values;
    g->n_initializer = inputs - 1;
    g->n_input = 1;
    const size_t size = onnx__model_proto__get_packed_size(model);
    unsigned char *data = malloc(size);
    ck_assert_ptr_nonnull(data);
    onnx__model_proto__pack(model, data);
    const struct mr_piece piece = {data, size};
    ck_assert_msg(mr_file_write(path, &piece, 1, error, sizeof error) == 0, "%s", error);
    for (size_t i = 1; i < inputs; i++)
        onnx__tensor_proto__free_unpacked(values[i - 1], NULL);
    g->initializer = own;
    g->n_initializer = own_count;
    g->n_input = inputs;
    onnx__model_proto__free_unpacked(model, NULL);
    free(data);
}

static double farthest(const float *expected, const double *got, size_t count) {
    double most = 0;

    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs(expected[i] - got[i]));
    return most;
}

// The network against the case's outputs. x is (N, T, F) or (T, N, F) with T or N = 1 or as here.
static void check_outputs(const char *name, const struct mr_network *network,
                          const struct mr_array *x) {
    struct mr_array sorted = *x;
    sorted.data = malloc(x->count * sizeof *sorted.data);
    ck_assert_ptr_nonnull(sorted.data);
    memcpy(sorted.data, x->data, x->count * sizeof *sorted.data);
    ck_assert_int_eq(mr_array_arrange(&sorted, network->layout), 0);
    const size_t n = sorted.shape[0], t = sorted.shape[1];
    const size_t count = n * mr_network_numbers(network, t);
    float *ordered = sorted.data, *whole = malloc(count * sizeof *whole);
    double *y = malloc(count * sizeof *y), worst[2] = {0, 0};
    int16_t *x_q = malloc(x->count * sizeof *x_q);
    int32_t *y_q = malloc(count * sizeof *y_q);

    ck_assert(whole && y && x_q && y_q);
    ck_assert_int_eq(mr_float_run(network, ordered, n, t, y), 0);
    ck_assert_int_eq(mr_quantise_input(network, ordered, n * t, x_q, NULL, error, sizeof error), 0);
    ck_assert_int_eq(mr_integer_run(network, x_q, n, t, y_q), 0);
    size_t at = 0;
    for (int o = 0; o < network->output_count; o++) {
        const size_t rows = n * mr_output_rows(network, o, t);
        const size_t numbers = n * mr_output_numbers(network, o, t);
        Onnx__TensorProto *tensor = read_tensor(name, "output", (size_t)o);
        float *expected;
        ck_assert_uint_eq(floats(tensor, &expected), numbers);
        mr_quantised_output(network, o, y_q + at, rows, whole + at);
        worst[0] = fmax(worst[0], farthest(expected, y + at, numbers));
        for (size_t i = 0; i < numbers; i++)
            y[at + i] = whole[at + i];
        worst[1] = fmax(worst[1], farthest(expected, y + at, numbers));
        at += numbers;
        free(expected);
        onnx__tensor_proto__free_unpacked(tensor, NULL);
    }
    printf("  %-36s %zu x %zu x %zu, %zu numbers: float within %.1e, whole numbers within %.1e\n",
           name, n, t, sorted.shape[2], count, worst[0], worst[1]);
    ck_assert_msg(worst[0] < float_bound, "%s: float is off by %g", name, worst[0]);
    ck_assert_msg(worst[1] < whole_bound, "%s: whole numbers are off by %g", name, worst[1]);
    free(ordered);
    free(whole);
    free(y);
    free(x_q);
    free(y_q);
}

START_TEST(case_gives_what_the_standard_says) {
    const char *name = cases[_i].name, *said = cases[_i].said;
    struct mr_model_data model;
    struct mr_array x = {0};
    char path[128];

    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    snprintf(path, sizeof path, FOLDER "/%s.onnx", name);
    write_model(name, path);
    Onnx__TensorProto *input = read_tensor(name, "input", 0);
    ck_assert_uint_eq(input->n_dims, 3);
    x.rank = 3;
    for (int i = 0; i < 3; i++)
        x.shape[i] = (size_t)input->dims[i];
    x.count = floats(input, &x.data);
    onnx__tensor_proto__free_unpacked(input, NULL);
    int result = mr_import_onnx(path, &x, NULL, &model, error, sizeof error);
    if (said) {
        printf("  %-36s refused: %s\n", name, result ? strstr(error, "node '") : "no");
        ck_assert_msg(result != 0, "%s is imported", name);
        ck_assert_msg(strstr(error, said) != NULL, "%s", error);
    } else {
        ck_assert_msg(result == 0, "%s", error);
        check_outputs(name, &model.network, &x);
        mr_model_data_free(&model);
    }
    free(x.data);
}
END_TEST

// Of all cases of the package none is forgotten.
START_TEST(cases_are_all) {
    static const char *const recurrent[] = {"LSTM", "GRU", "RNN"};
    char folder[300];
    size_t found = 0;

    snprintf(folder, sizeof folder, "%s/node", data_folder());
    DIR *all = opendir(folder);
    ck_assert_msg(all != NULL, "%s is missing: make deps installs the package libonnx-testdata",
                  folder);
    for (struct dirent *entry; (entry = readdir(all));) {
        if (strncmp(entry->d_name, "test_", 5) != 0)
            continue;
        Onnx__ModelProto *model = read_model(entry->d_name);
        bool is = false, known = false;
        for (size_t i = 0; i < model->graph->n_node; i++)
            for (size_t k = 0; k < 3; k++)
                is = is || strcmp(model->graph->node[i]->op_type, recurrent[k]) == 0;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            known = known || strcmp(cases[i].name, entry->d_name) == 0;
        ck_assert_msg(!is || known, "%s is not in the list", entry->d_name);
        found += is;
        onnx__model_proto__free_unpacked(model, NULL);
    }
    closedir(all);
    ck_assert_uint_eq(found, sizeof cases / sizeof *cases);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_node");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, case_gives_what_the_standard_says, 0, sizeof cases / sizeof *cases);
    tcase_add_test(all, cases_are_all);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
