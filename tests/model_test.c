// SPDX-License-Identifier: Apache-2.0
// Imports the sample networks, compares float and integer results with known ones, and writes and
// reads .millrace files of all versions, intact, damaged and hostile. The sample data are optional.
#define _POSIX_C_SOURCE 200809L
#include "array_file.h"
#include "file.h"
#include "model.h"
#include "network_fixture.h"
#include "safetensors.h"
#include "walk.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DATA "../shared/models/"
#define FOLDER "build/model_test"

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

// Runs a network both ways; *y (float) and *z (integer) are to be freed.
static void run_both(const struct mr_network *n, const float *x, size_t sequences, size_t steps,
                     float **y, float **z) {
    const size_t rows = sequences * steps, count = sequences * mr_network_numbers(n, steps);
    int16_t *x_q = malloc(rows * (size_t)n->streams[0].width * sizeof *x_q);
    int32_t *y_q = malloc(count * sizeof *y_q);
    size_t at = 0;

    *y = malloc(count * sizeof **y);
    *z = malloc(count * sizeof **z);
    ck_assert(x_q && y_q && *y && *z);
    ck_assert_int_eq(mr_quantise_input(n, x, rows, x_q, NULL, error, sizeof error), 0);
    ck_assert_int_eq(mr_float_run_cast(n, x, sequences, steps, *y), 0);
    ck_assert_int_eq(mr_integer_run(n, x_q, sequences, steps, y_q), 0);
    for (int o = 0; o < n->output_count; o++) {
        mr_quantised_output(n, o, y_q + at, sequences * mr_output_rows(n, o, steps), *z + at);
        at += sequences * mr_output_numbers(n, o, steps);
    }
    free(x_q);
    free(y_q);
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
    ck_assert_int_eq(m.network.output_count, 1);
    ck_assert_str_eq(mr_network_layer(&m.network, 1)->kind->name, samples[_i].cell);
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

// A small network with weights that are the same every time, quantised for the default range.
static struct mr_model_data make_model(enum mr_activation activation) {
    struct mr_model_data m = {0};
    struct mr_network *n = &m.network;
    static const int units[2] = {5, 4};
    uint64_t state = 7;

    net_chain(n, "lstm", 3, 2, units, 2, activation);
    net_weights(n, &state, 1);
    free(n->name);
    n->name = strdup("small \"net\" \xc3\xa9");
    n->ops[3].bias[0] = 1;
    n->ops[3].w_x[5] = 40; // another format than output 0
    ck_assert_msg(mr_quantise(n, NULL, NULL, error, sizeof error) == 0, "%s", error);
    return m;
}

static void check_same_rows(const struct mr_op *one, const struct mr_op *other) {
    const struct mr_rows *a = &one->rows, *b = &other->rows;

    ck_assert_int_eq(a->rows, b->rows);
    ck_assert_int_eq(a->columns, b->columns);
    ck_assert_int_eq(a->sums, b->sums);
    if (a->rows == 0)
        return;
    ck_assert_mem_eq(a->weight, b->weight, (size_t)a->rows * (size_t)a->columns * 2);
    ck_assert_mem_eq(a->bias, b->bias, (size_t)a->sums * 8);
    ck_assert_mem_eq(a->shift, b->shift, (size_t)a->sums * 4);
}

static void check_same(const struct mr_network *a, const struct mr_network *b) {
    ck_assert_str_eq(a->name, b->name);
    ck_assert_str_eq(a->input_name, b->input_name);
    ck_assert_int_eq(a->batch_first, b->batch_first);
    ck_assert_int_eq(a->steps, b->steps);
    ck_assert_mem_eq(&a->input_cast, &b->input_cast, sizeof a->input_cast);
    ck_assert_int_eq(a->op_count, b->op_count);
    ck_assert_int_eq(a->stream_count, b->stream_count);
    ck_assert_int_eq(a->output_count, b->output_count);
    for (int i = 0; i < a->op_count; i++) {
        const struct mr_op *one = &a->ops[i], *other = &b->ops[i];
        ck_assert_ptr_eq(one->kind, other->kind);
        ck_assert_str_eq(one->name, other->name);
        ck_assert_int_eq(one->layer, other->layer);
        ck_assert_int_eq(one->input, other->input);
        ck_assert_int_eq(one->units, other->units);
        ck_assert_int_eq(one->activation, other->activation);
        ck_assert_int_eq(one->exponent, other->exponent);
        ck_assert_int_eq(one->precision.weight_bits, other->precision.weight_bits);
        ck_assert_int_eq(one->precision.column_bits, other->precision.column_bits);
        check_same_rows(one, other);
    }
    for (int s = 0; s < a->stream_count; s++) {
        const struct mr_stream *one = &a->streams[s], *other = &b->streams[s];
        ck_assert_int_eq(one->width, other->width);
        ck_assert_int_eq(one->rate, other->rate);
        ck_assert_int_eq(one->bits, other->bits);
        ck_assert_int_eq(one->uniform, other->uniform);
        ck_assert_mem_eq(one->frac, other->frac, (size_t)one->width * sizeof *one->frac);
    }
    for (int o = 0; o < a->output_count; o++) {
        ck_assert_str_eq(a->outputs[o].name, b->outputs[o].name);
        ck_assert_int_eq(a->outputs[o].stream, b->outputs[o].stream);
        ck_assert_int_eq(a->outputs[o].cast.whole, b->outputs[o].cast.whole);
        ck_assert_int_eq(a->outputs[o].cast.truth, b->outputs[o].cast.truth);
    }
}

static struct mr_model_data load(const char *path) {
    struct mr_model_data back;

    ck_assert_msg(mr_model_data_load(path, &back, error, sizeof error) == 0, "%s", error);
    return back;
}

static void save(const struct mr_model_data *m, const char *path) {
    ck_assert_msg(mr_model_data_save(m, path, error, sizeof error) == 0, "%s", error);
}

// The results of both ways are the same.
static void check_same_results(const struct mr_network *a, const struct mr_network *b) {
    enum { SEQUENCES = 2, STEPS = 6 };
    const size_t numbers = SEQUENCES * mr_network_numbers(a, STEPS);
    const size_t inputs = (size_t)SEQUENCES * STEPS * (size_t)a->streams[0].width;
    float *x = calloc(inputs, sizeof *x), *y[2], *z[2];

    ck_assert_ptr_nonnull(x);
    for (size_t i = 0; i < inputs; i++)
        x[i] = 2 * (float)sin((double)i);
    run_both(a, x, SEQUENCES, STEPS, &y[0], &z[0]);
    run_both(b, x, SEQUENCES, STEPS, &y[1], &z[1]);
    ck_assert_mem_eq(y[0], y[1], numbers * sizeof **y);
    ck_assert_mem_eq(z[0], z[1], numbers * sizeof **z);
    for (int i = 0; i < 2; i++) {
        free(y[i]);
        free(z[i]);
    }
    free(x);
}

START_TEST(file_keeps_everything) {
    struct mr_model_data m = make_model((enum mr_activation)_i);

    m.accuracy = (struct mr_accuracy){100, 0.001, 0.25, 61.5};
    mkdir("build/fuzz", 0777);
    save(&m, "build/fuzz/small.millrace"); // the file stays as a seed for the fuzzers
    struct mr_model_data back = load("build/fuzz/small.millrace");
    ck_assert_uint_eq(back.accuracy.count, 100);
    ck_assert_double_eq(back.accuracy.snr_db, 61.5);
    check_same(&m.network, &back.network);
    check_same_results(&m.network, &back.network);
    mr_model_data_free(&m);
    mr_model_data_free(&back);
}
END_TEST

static void set_precision(struct mr_network *n, int op, const char *name) {
    ck_assert(mr_precision_parse(name, &n->ops[op].precision));
}

// Weights of 8 bits are bytes in the file; a layer of 16 bits has no word of it there, so that a
// network of such layers has the file and the identity that it had before there were others.
START_TEST(file_keeps_precisions) {
    unsigned char identity[2][MR_MODEL_IDENTITY];
    struct mr_model_data m = make_model(MR_ACTIVATION_LINEAR);
    struct mr_safetensors file;

    save(&m, FOLDER "/full.millrace");
    set_precision(&m.network, 0, "w8a8");
    set_precision(&m.network, 1, "w8a16");
    net_quantise(&m.network, NULL);
    m.network.ops[0].rows.weight[3] = -128; // is not made, but may be
    mkdir("build/fuzz", 0777);
    save(&m, "build/fuzz/small8.millrace"); // a seed, as above
    ck_assert_msg(!mr_safetensors_read("build/fuzz/small8.millrace", &file, error, sizeof error),
                  "%s", error);
    ck_assert_int_eq(mr_safetensors_find(&file, "lstm0.weight")->dtype, MR_I8);
    ck_assert_int_eq(mr_safetensors_find(&file, "lstm1.weight")->dtype, MR_I8);
    ck_assert_int_eq(mr_safetensors_find(&file, "head.weight")->dtype, MR_I16);
    ck_assert_ptr_nonnull(strstr(mr_safetensors_metadata(&file, "description"), "\"w8a16\""));
    mr_safetensors_free(&file);
    struct mr_model_data back = load("build/fuzz/small8.millrace");
    check_same(&m.network, &back.network);
    check_same_results(&m.network, &back.network);
    ck_assert_int_eq(mr_model_data_identity(&m, identity[0]), 0);
    ck_assert_int_eq(mr_model_data_identity(&back, identity[1]), 0);
    ck_assert_mem_eq(identity[0], identity[1], MR_MODEL_IDENTITY);
    mr_model_data_free(&m);
    mr_model_data_free(&back);
    ck_assert_msg(!mr_safetensors_read(FOLDER "/full.millrace", &file, error, sizeof error), "%s",
                  error);
    ck_assert_ptr_null(strstr(mr_safetensors_metadata(&file, "description"), "precision"));
    mr_safetensors_free(&file);
}
END_TEST

// Several outputs, at each step and at the last one, casts, all activations, exponents, precisions.
START_TEST(file_keeps_random_graphs) {
    const char *text = getenv("MILLRACE_SEED");
    uint64_t state = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);
    unsigned char identity[2][MR_MODEL_IDENTITY];
    static const char *const precisions[] = {"w16a16", "w8a16", "w8a8"};

    printf("model_test: MILLRACE_SEED=%llu\n", (unsigned long long)state);
    fflush(stdout);
    for (int round = 0; round < 60; round++) {
        struct mr_model_data m = {0};
        struct mr_network *n = &m.network;
        int32_t frac[9];
        net_random(n, random_bits(&state), 9);
        n->steps = random_between(&state, 0, 50);
        n->batch_first = random_bits(&state) & 1;
        n->input_cast = (struct mr_cast){random_bits(&state) & 1, random_bits(&state) & 1};
        for (int o = 0; o < n->output_count; o++)
            n->outputs[o].cast = (struct mr_cast){random_bits(&state) & 1, random_bits(&state) & 1};
        for (int k = 0; k < 9; k++)
            frac[k] = random_between(&state, 8, 12);
        for (int i = 0; i < n->op_count; i++) {
            n->ops[i].greatest = ldexp(1, random_between(&state, 0, 20));
            if (n->ops[i].kind->recurrent)
                set_precision(n, i, precisions[random_bits(&state) % 3]);
        }
        // Weights of 8 bits are refused where numbers of a wide range meet them.
        for (int i = 0; mr_quantise(n, frac, NULL, error, sizeof error) != 0; i++) {
            ck_assert_msg(i < n->op_count, "%s", error);
            n->ops[i].precision = MR_PRECISION_FULL;
        }
        m.accuracy = (struct mr_accuracy){12, 1, 2, 3};
        m.output_accuracy = calloc((size_t)mr_network_width(n), sizeof *m.output_accuracy);
        ck_assert_ptr_nonnull(m.output_accuracy);
        for (int o = 0; o < mr_network_width(n); o++)
            m.output_accuracy[o].snr_db = o;
        save(&m, FOLDER "/random.millrace");
        struct mr_model_data back = load(FOLDER "/random.millrace");
        check_same(n, &back.network);
        check_same_results(n, &back.network);
        for (int o = 0; o < mr_network_width(n); o++)
            ck_assert_double_eq(back.output_accuracy[o].snr_db, o);
        ck_assert_int_eq(mr_model_data_identity(&m, identity[0]), 0);
        ck_assert_int_eq(mr_model_data_identity(&back, identity[1]), 0);
        ck_assert_mem_eq(identity[0], identity[1], MR_MODEL_IDENTITY);
        mr_model_data_free(&m);
        mr_model_data_free(&back);
    }
}
END_TEST

// The last step of the input itself has the input's formats, which may lie below 0 and above 15.
START_TEST(file_keeps_formats_of_the_input) {
    static const int32_t frac[3] = {MR_FRAC_MIN, -2, MR_FRAC_MAX};
    struct mr_model_data m = {0};

    net_create(&m.network, 3, "inputs");
    net_output(&m.network, net_add(&m.network, "lstm", 0, 2, MR_ACTIVATION_LINEAR), "h");
    net_output(&m.network, net_add(&m.network, "last", 0, 0, MR_ACTIVATION_LINEAR), "x_last");
    net_quantise(&m.network, frac);
    save(&m, FOLDER "/inputs.millrace");
    struct mr_model_data back = load(FOLDER "/inputs.millrace");
    check_same(&m.network, &back.network);
    mr_model_data_free(&m);
    mr_model_data_free(&back);
}
END_TEST

// Whatever the results depend on is in the identity, and nothing else.
START_TEST(identity_is_of_the_numbers) {
    unsigned char first[MR_MODEL_IDENTITY], other[MR_MODEL_IDENTITY];
    struct mr_model_data m = make_model(MR_ACTIVATION_LINEAR);
    struct mr_network *n = &m.network;
    struct mr_rows *gates = &n->ops[1].rows, *head = &n->ops[3].rows;

    ck_assert_int_eq(mr_model_data_identity(&m, first), 0);
    free(n->name);
    n->name = strdup("another name");
    free(n->input_name);
    n->input_name = strdup("another input");
    free(n->outputs[0].name);
    n->outputs[0].name = strdup("another output");
    m.accuracy = (struct mr_accuracy){100, 0.001, 0.25, 61.5};
    n->steps = 12;
    n->batch_first = false;
    ck_assert_int_eq(mr_model_data_identity(&m, other), 0);
    ck_assert_mem_eq(first, other, sizeof first);
    void *const numbers[] = {
        &gates->weight[5],      &gates->bias[3],        &gates->shift[0],
        &head->weight[7],       &head->bias[1],         &head->shift[1],
        &n->streams[0].frac[2], &n->streams[4].frac[1], &n->ops[3].activation,
        &n->ops[1].exponent,    &n->input_cast.whole,   &n->ops[1].precision.column_bits};
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
    struct mr_model_data m = make_model(MR_ACTIVATION_LINEAR), back;
    struct mr_op *ops = m.network.ops;
    static const char *const said[] = {
        "shift 32", "2^39",    "fraction bits", "not a finite number", "2^39",
        "shift 0",  "formats", "fraction bits", "fraction bits",       "cell exponent"};

    switch (_i) {
    case 0:
        ops[1].rows.shift[3] = 32;
        break;
    case 1:
        ops[0].rows.bias[7] = (int64_t)1 << 39;
        break;
    case 2:
        m.network.streams[0].frac[1] = MR_FRAC_MAX + 1;
        break;
    case 3:
        ops[0].w_h[2] = INFINITY;
        break;
    case 4:
        ops[3].rows.bias[1] = INT64_MIN;
        break;
    case 5:
        ops[3].rows.shift[0] = 0;
        break;
    case 6:
        m.network.streams[4].frac[0] = 64; // beyond all formats
        break;
    case 7:
        m.network.streams[1].frac[1] = 14; // hidden values are Q15
        break;
    case 8:
        m.network.streams[3].frac[2] = 14; // the last step's are those of all
        break;
    default:
        ops[3].exponent = 3; // a dense operator has no cell
    }
    save(&m, FOLDER "/broken.millrace");
    ck_assert_int_ne(mr_model_data_load(FOLDER "/broken.millrace", &back, error, 1024), 0);
    ck_assert_msg(strstr(error, said[_i]) != NULL, "%s", error);
    mr_model_data_free(&m);
}
END_TEST

// Numbers that are compared, and those that are cut at one limit, have one format.
START_TEST(one_format_where_it_matters) {
    struct mr_model_data m = {0}, back;

    net_create(&m.network, 3, "inner");
    const int inner = net_add(&m.network, "dense", 0, 2, MR_ACTIVATION_RELU);
    net_output(&m.network, net_add(&m.network, "lstm", inner, 3, MR_ACTIVATION_LINEAR), "h");
    net_quantise(&m.network, NULL);
    save(&m, FOLDER "/inner.millrace");
    mr_model_data_free(&m);
    m = load(FOLDER "/inner.millrace");
    m.network.streams[inner].frac[1]--;
    save(&m, FOLDER "/inner.millrace");
    ck_assert_int_ne(mr_model_data_load(FOLDER "/inner.millrace", &back, error, 1024), 0);
    ck_assert_msg(strstr(error, "outputs 0 and 1 of the head have different formats") != NULL, "%s",
                  error);
    mr_model_data_free(&m);
}
END_TEST

START_TEST(cut_file_is_refused) {
    struct mr_model_data m = make_model(MR_ACTIVATION_LINEAR), back;
    unsigned char *data;
    size_t size;

    save(&m, FOLDER "/cut.millrace");
    ck_assert_int_eq(mr_file_read(FOLDER "/cut.millrace", 1 << 20, &data, &size, error, 1024), 0);
    for (size_t cut = 0; cut < size; cut++) {
        ck_assert_int_ne(mr_model_data_parse(data, cut, "cut", &back, error, 1024), 0);
        ck_assert_int_eq(strncmp(error, "cut", 3), 0);
    }
    free(data);
    mr_model_data_free(&m);
}
END_TEST

// ---- descriptions by hand

// Writes the tensors of a file again with other metadata.
static void describe_again(const char *path, const char *version, const char *description,
                           const char *to) {
    struct mr_safetensors file;
    const struct mr_pair metadata[] = {
        {"format", "millrace"}, {"version", version}, {"description", description}};

    ck_assert_msg(!mr_safetensors_read(path, &file, error, sizeof error), "%s", error);
    ck_assert_msg(!mr_safetensors_write(to, file.tensors, file.tensor_count, metadata, 3, error,
                                        sizeof error),
                  "%s", error);
    mr_safetensors_free(&file);
}

#define OLD_LAYERS                                                                                 \
    "\"layers\":[{\"type\":\"lstm\",\"inputs\":3,\"hidden\":5},"                                   \
    "{\"type\":\"lstm\",\"inputs\":5,\"hidden\":4"
#define OLD_START "{\"name\":\"old\",\"batch_first\":true,\"steps\":0," OLD_LAYERS
#define OLD_HEAD "\"head\":{\"type\":\"dense\",\"inputs\":4,\"outputs\":2,\"activation\":"

// What versions 0.1 to 0.3 of the program wrote, whose tensors had the same names.
START_TEST(old_versions_are_read) {
    static const struct {
        const char *version, *description;
        enum mr_activation activation;
        int exponent; // of layer 1
        bool casts, accuracy;
    } old[] = {
        {"1", OLD_START "}]," OLD_HEAD "\"sigmoid\",\"frac_bits\":15}}", MR_ACTIVATION_SIGMOID, 0,
         false, false},
        {"1",
         OLD_START "}]," OLD_HEAD "\"sigmoid\",\"frac_bits\":15},\"accuracy\":{\"outputs\":100,"
                   "\"rms_error\":0.001,\"max_error\":0.25,\"snr_db\":61.5}}",
         MR_ACTIVATION_SIGMOID, 0, false, true},
        {"2",
         OLD_START ",\"cell_exponent\":3}]," OLD_HEAD
                   "\"linear\",\"frac_bits\":[%d,%d]},\"input_cast\":\"int\",\"output_cast\":"
                   "\"int bool\",\"accuracy\":{\"outputs\":100,\"rms_error\":0.001,\"max_error\":"
                   "0.25,\"snr_db\":61.5,\"each\":[[1,2,3],[4,5,6]]}}",
         MR_ACTIVATION_LINEAR, 3, true, true},
    };
    struct mr_model_data m = make_model(old[_i].activation);
    struct mr_network *n = &m.network;
    const int32_t *frac = n->streams[4].frac;
    char text[1000];

    save(&m, FOLDER "/new.millrace");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, old[_i].description, (int)frac[0], (int)frac[1]);
#pragma GCC diagnostic pop
    describe_again(FOLDER "/new.millrace", old[_i].version, text, FOLDER "/old.millrace");
    struct mr_model_data back = load(FOLDER "/old.millrace");
    n->ops[1].exponent = old[_i].exponent;
    n->input_cast.whole = n->outputs[0].cast.whole = n->outputs[0].cast.truth = old[_i].casts;
    free(n->name);
    n->name = strdup("old");
    check_same(n, &back.network);
    check_same_results(n, &back.network);
    ck_assert_uint_eq(back.accuracy.count, old[_i].accuracy ? 100 : 0);
    ck_assert_int_eq(back.output_accuracy != NULL, _i == 2);
    if (_i == 2) {
        ck_assert_double_eq(back.output_accuracy[1].rms_error, 4);
        ck_assert_uint_eq(back.output_accuracy[1].count, 50);
    }
    // Written again, it is a file of this version with the same identity.
    unsigned char identity[2][MR_MODEL_IDENTITY];
    save(&back, FOLDER "/old.millrace");
    ck_assert_int_eq(mr_model_data_identity(&back, identity[0]), 0);
    mr_model_data_free(&back);
    back = load(FOLDER "/old.millrace");
    check_same(n, &back.network);
    ck_assert_int_eq(mr_model_data_identity(&back, identity[1]), 0);
    ck_assert_mem_eq(identity[0], identity[1], MR_MODEL_IDENTITY);
    mr_model_data_free(&m);
    mr_model_data_free(&back);
}
END_TEST

START_TEST(damaged_old_descriptions_are_refused) {
    static const char head[] = OLD_HEAD "\"sigmoid\",\"frac_bits\":15}";
    static const char *const layers[] = {
        OLD_LAYERS "}]",
        "\"layers\":[{\"type\":\"lstm\",\"inputs\":3,\"hidden\":5},{\"type\":\"lstm\",\"inputs\":4,"
        "\"hidden\":4}]",
        "\"layers\":[{\"type\":\"dense\",\"inputs\":3,\"hidden\":5,\"activation\":\"linear\"},"
        "{\"type\":\"lstm\",\"inputs\":5,\"hidden\":4}]",
        "\"layers\":[3,{\"type\":\"lstm\",\"inputs\":5,\"hidden\":4}]",
        "\"layers\":[]",
        "\"layers\":7",
        "\"layers\":[null]",
        "\"operators\":[]",
    };
    static const char *const heads[] = {
        head,
        OLD_HEAD "\"sigmoid\"}",
        OLD_HEAD "\"softplus\",\"frac_bits\":15}",
        "\"head\":{\"type\":\"dense\",\"inputs\":5,\"outputs\":2,\"activation\":\"sigmoid\","
        "\"frac_bits\":15}",
        "\"head\":{\"type\":\"lstm\",\"inputs\":4,\"outputs\":2,\"frac_bits\":15}",
        "\"head\":4",
        "\"foot\":{}",
    };
    struct mr_model_data m = make_model(MR_ACTIVATION_SIGMOID), back;
    char text[1000];

    save(&m, FOLDER "/new.millrace");
    for (size_t l = 0; l < sizeof layers / sizeof *layers; l++)
        for (size_t h = 0; h < sizeof heads / sizeof *heads; h++) {
            snprintf(text, sizeof text, "{\"name\":\"old\",\"batch_first\":true,\"steps\":0,%s,%s}",
                     layers[l], heads[h]);
            describe_again(FOLDER "/new.millrace", "2", text, FOLDER "/bad.millrace");
            const int result = mr_model_data_load(FOLDER "/bad.millrace", &back, error, 1024);
            ck_assert_msg((result == 0) == (l == 0 && h == 0), "%s: %s", text, error);
            if (result == 0)
                mr_model_data_free(&back);
            else
                ck_assert_msg(strncmp(error, FOLDER "/bad.millrace: ", 10) == 0, "%s", error);
        }
    static const char *const roots[] = {"[]", "7", "null", "{}", "", "{", "\"layers\""};
    for (size_t i = 0; i < 2 * sizeof roots / sizeof *roots; i++) {
        describe_again(FOLDER "/new.millrace", i & 1 ? "2" : "3", roots[i / 2],
                       FOLDER "/bad.millrace");
        ck_assert_int_ne(mr_model_data_load(FOLDER "/bad.millrace", &back, error, 1024), 0);
    }
    describe_again(FOLDER "/new.millrace", "4", "{}", FOLDER "/bad.millrace");
    ck_assert_int_ne(mr_model_data_load(FOLDER "/bad.millrace", &back, error, 1024), 0);
    ck_assert_msg(strstr(error, "format version 4; this program reads versions 1 to 3") != NULL,
                  "%s", error);
    mr_model_data_free(&m);
}
END_TEST

#define OPERATOR(type, input, units, more)                                                         \
    "{\"type\":\"" type "\",\"input\":" #input ",\"units\":" #units ",\"frac_bits\":15" more "}"
#define GOOD_OPERATORS                                                                             \
    OPERATOR("lstm", 0, 5, "")                                                                     \
    "," OPERATOR("lstm", 1, 4, "") "," OPERATOR("last", 2, 4, "") "," OPERATOR(                    \
        "dense", 3, 2, ",\"activation\":\"sigmoid\"")
#define GOOD_OUTPUTS "{\"name\":\"y\",\"stream\":4}"
#define SIGMOID ",\"activation\":\"sigmoid\""

// The file of make_model with the description of another network, or of none.
static const struct {
    const char *operators, *outputs, *said; // NULL: is read
} descriptions[] = {
    {GOOD_OPERATORS, GOOD_OUTPUTS, NULL},
    // streams
    {OPERATOR("lstm", 1, 5, ""), GOOD_OUTPUTS, "an operator without its input"},
    {OPERATOR("lstm", -1, 5, ""), GOOD_OUTPUTS, "an operator without its input"},
    {OPERATOR("lstm", 99999999999999, 5, ""), GOOD_OUTPUTS, "an operator without its input"},
    {OPERATOR("lstm", "0", 5, ""), GOOD_OUTPUTS, "an operator without its input"},
    {OPERATOR("lstm", 0.0, 5, ""), GOOD_OUTPUTS, "an operator without its input"},
    {GOOD_OPERATORS, "{\"name\":\"y\",\"stream\":5}", "an output without its name or stream"},
    {GOOD_OPERATORS, "{\"name\":\"y\",\"stream\":0}", "an output without its name or stream"},
    {GOOD_OPERATORS, "{\"name\":\"y\",\"stream\":-1}", "an output without its name or stream"},
    {GOOD_OPERATORS, "{\"name\":7,\"stream\":4}", "an output without its name or stream"},
    {GOOD_OPERATORS, "7", "an output without its name or stream"},
    {GOOD_OPERATORS, "", "lists no operators or no outputs"},
    {"", GOOD_OUTPUTS, "lists no operators or no outputs"},
    {"7", GOOD_OUTPUTS, "an operator of type ''"},
    {GOOD_OPERATORS, "{\"name\":\"y\",\"stream\":3}", "nothing takes what 'head' gives"},
    {GOOD_OPERATORS, GOOD_OUTPUTS "," GOOD_OUTPUTS, "two outputs are named 'y'"},
    {GOOD_OPERATORS, "{\"name\":\"y\",\"stream\":4,\"cast\":\"float\"}",
     "a cast that is not known"},
    {GOOD_OPERATORS, "{\"name\":\"y\",\"stream\":4,\"cast\":7}", "a cast that is not known"},
    // operators
    {OPERATOR("transformer", 0, 5, ""), GOOD_OUTPUTS,
     "an operator of type 'transformer', which this version does not know"},
    {OPERATOR("lstm", 0, 0, ""), GOOD_OUTPUTS, "not of 1 to 16384 units"},
    {OPERATOR("lstm", 0, 16385, ""), GOOD_OUTPUTS, "not of 1 to 16384 units"},
    {OPERATOR("lstm", 0, -5, ""), GOOD_OUTPUTS, "not of 1 to 16384 units"},
    {OPERATOR("lstm", 0, 5, "") "," OPERATOR("last", 1, 4, ""), GOOD_OUTPUTS,
     "units do not follow from its input"},
    {OPERATOR("lstm", 0, 5, "") "," OPERATOR("last", 1, 5, "") "," OPERATOR("lstm", 2, 4, ""),
     GOOD_OUTPUTS, "a recurrent layer reads 'last', which gives one row per sequence"},
    {OPERATOR("dense", 0, 5, ""), GOOD_OUTPUTS, "activation is not known"},
    {OPERATOR("dense", 0, 5, ",\"activation\":7"), GOOD_OUTPUTS, "activation is not known"},
    {OPERATOR("dense", 0, 5, SIGMOID), "{\"name\":\"y\",\"stream\":1}", "no recurrent layer"},
    {OPERATOR("lstm", 0, 5, ",\"cell_exponent\":17"), GOOD_OUTPUTS, "cell exponent"},
    {OPERATOR("lstm", 0, 5, ",\"cell_exponent\":-1"), GOOD_OUTPUTS, "cell exponent"},
    {OPERATOR("lstm", 0, 5, ",\"precision\":\"w16a16\"") "," OPERATOR(
         "lstm", 1, 4, "") "," OPERATOR("last", 2, 4, "") "," OPERATOR("dense", 3, 2, SIGMOID),
     GOOD_OUTPUTS, NULL},
    {OPERATOR("lstm", 0, 5, ",\"precision\":\"w16a8\""), GOOD_OUTPUTS,
     "whose precision is none of"},
    {OPERATOR("lstm", 0, 5, ",\"precision\":\"\""), GOOD_OUTPUTS, "whose precision is none of"},
    {OPERATOR("lstm", 0, 5, ",\"precision\":8"), GOOD_OUTPUTS, "whose precision is none of"},
    {OPERATOR("lstm", 0, 5, ",\"precision\":null"), GOOD_OUTPUTS, "whose precision is none of"},
    {OPERATOR("lstm", 0, 5, "") "," OPERATOR("dense", 1, 2, SIGMOID ",\"precision\":\"w8a8\""),
     "{\"name\":\"y\",\"stream\":2}", "a precision to an operator that is not recurrent"},
    {OPERATOR("lstm", 0, 5, ",\"precision\":\"w8a8\"") "," OPERATOR("lstm", 1, 4, "") "," OPERATOR(
         "last", 2, 4, "") "," OPERATOR("dense", 3, 2, SIGMOID),
     GOOD_OUTPUTS, "tensor 'lstm0.weight' is not I8 of the shape"},
    {"{\"type\":\"lstm\",\"input\":0,\"units\":5}", GOOD_OUTPUTS, "formats"},
    {"{\"type\":\"lstm\",\"input\":0,\"units\":5,\"frac_bits\":[15,15,15,15]}", GOOD_OUTPUTS,
     "formats"},
    {"{\"type\":\"lstm\",\"input\":0,\"units\":5,\"frac_bits\":[15,15,15,15,15,15]}", GOOD_OUTPUTS,
     "formats for another number"},
    {"{\"type\":\"lstm\",\"input\":0,\"units\":5,\"frac_bits\":99999999999}", GOOD_OUTPUTS,
     "formats"},
    // tensors
    {OPERATOR("lstm", 0, 5, "") "," OPERATOR("last", 1, 5, "") "," OPERATOR("dense", 2, 2, SIGMOID),
     "{\"name\":\"y\",\"stream\":3}", "tensors; its description asks for"},
    {OPERATOR("lstm", 0, 5, "") "," OPERATOR("lstm", 0, 4, "") "," OPERATOR(
         "last", 2, 4, "") "," OPERATOR("dense", 3, 2, SIGMOID),
     GOOD_OUTPUTS ",{\"name\":\"z\",\"stream\":1}", "is not I16 of the shape"},
    {OPERATOR("lstm", 0, 5, "") "," OPERATOR("dense", 1, 4, SIGMOID) "," OPERATOR(
         "last", 2, 4, "") "," OPERATOR("dense", 3, 2, SIGMOID),
     GOOD_OUTPUTS, "holds 18 tensors; its description asks for 17"},
    {OPERATOR("lstm", 0, 16384, "") "," OPERATOR("lstm", 1, 16384, "") "," OPERATOR(
         "last", 2, 16384, "") "," OPERATOR("dense", 3, 16384, SIGMOID),
     GOOD_OUTPUTS, "of the shape"},
};

static void write_description(const char *operators, const char *outputs) {
    static char text[20000];

    snprintf(text, sizeof text,
             "{\"name\":\"n\",\"batch_first\":true,\"steps\":0,\"inputs\":3,\"input_name\":\"x\","
             "\"operators\":[%s],\"outputs\":[%s]}",
             operators, outputs);
    describe_again(FOLDER "/good.millrace", "3", text, FOLDER "/hostile.millrace");
}

START_TEST(hostile_descriptions_are_refused) {
    struct mr_model_data m = make_model(MR_ACTIVATION_SIGMOID), back;

    save(&m, FOLDER "/good.millrace");
    write_description(descriptions[_i].operators, descriptions[_i].outputs);
    const int result = mr_model_data_load(FOLDER "/hostile.millrace", &back, error, 1024);
    if (!descriptions[_i].said) {
        ck_assert_msg(result == 0, "%s", error);
        check_same_results(&m.network, &back.network);
        mr_model_data_free(&back);
    } else {
        ck_assert_int_ne(result, 0);
        ck_assert_msg(strstr(error, descriptions[_i].said) &&
                          strncmp(error, FOLDER "/hostile.millrace", 20) == 0,
                      "%s", error);
    }
    mr_model_data_free(&m);
}
END_TEST

// One more than there may be: of operators, recurrent layers, outputs.
START_TEST(limits_are_kept) {
    static const char *const said[] = {"more than 64 operators", "more than 16 recurrent layers",
                                       "more than 8 outputs"};
    struct mr_model_data m = make_model(MR_ACTIVATION_SIGMOID), back;
    char operators[9000] = GOOD_OPERATORS, outputs[1000] = GOOD_OUTPUTS;
    size_t used = strlen(operators);

    save(&m, FOLDER "/good.millrace");
    for (int i = 4; i < MR_MAX_OPS + 1 && _i == 0; i++)
        used += (size_t)snprintf(operators + used, sizeof operators - used, ",%s",
                                 OPERATOR("dense", 3, 2, SIGMOID));
    for (int i = 2; i < MR_MAX_LAYERS + 1 && _i == 1; i++)
        used += (size_t)snprintf(operators + used, sizeof operators - used, ",%s",
                                 OPERATOR("lstm", 0, 2, ""));
    used = strlen(outputs);
    for (int i = 1; i < MR_MAX_OUTPUTS + 1 && _i == 2; i++)
        used += (size_t)snprintf(outputs + used, sizeof outputs - used,
                                 ",{\"name\":\"y%d\",\"stream\":4}", i);
    write_description(operators, outputs);
    ck_assert_int_ne(mr_model_data_load(FOLDER "/hostile.millrace", &back, error, 1024), 0);
    ck_assert_msg(strstr(error, said[_i]) != NULL, "%s", error);
    mr_model_data_free(&m);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("model");
    TCase *all = tcase_create("all");

    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    tcase_set_timeout(all, 600);
    for (int i = 0; i < (int)(sizeof samples / sizeof *samples); i++)
        if (mr_op_kind_find(samples[i].cell))
            tcase_add_loop_test(all, sample_is_accurate, i, i + 1);
    tcase_add_test(all, identity_is_of_the_numbers);
    tcase_add_loop_test(all, file_keeps_everything, 0, 4);
    tcase_add_test(all, file_keeps_precisions);
    tcase_add_test(all, file_keeps_random_graphs);
    tcase_add_test(all, file_keeps_formats_of_the_input);
    tcase_add_loop_test(all, broken_promise_is_refused, 0, 10);
    tcase_add_test(all, one_format_where_it_matters);
    tcase_add_test(all, cut_file_is_refused);
    tcase_add_loop_test(all, old_versions_are_read, 0, 3);
    tcase_add_test(all, damaged_old_descriptions_are_refused);
    tcase_add_loop_test(all, hostile_descriptions_are_refused, 0,
                        (int)(sizeof descriptions / sizeof *descriptions));
    tcase_add_loop_test(all, limits_are_kept, 0, 3);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
