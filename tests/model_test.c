// SPDX-License-Identifier: Apache-2.0
// Writes and reads .millrace files, intact, cut and with numbers that break a promise.
#define _POSIX_C_SOURCE 200809L
#include "file.h"
#include "model_fixture.h"
#include "safetensors.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define FOLDER "build/model_test"

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
    ck_assert_msg(
        !mr_safetensors_read("build/fuzz/small8.millrace", NULL, &file, error, sizeof error), "%s",
        error);
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
    ck_assert_msg(!mr_safetensors_read(FOLDER "/full.millrace", NULL, &file, error, sizeof error),
                  "%s", error);
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
    for (int kept = 0; kept < 60;) {
        struct mr_model_data m = {0};
        struct mr_network *n = &m.network;
        int32_t frac[9];
        net_random(n, random_bits(&state), 9);
        n->steps = random_between(&state, 0, 50);
        static const char *const layouts[] = {"NTF", "TNF", "NFT", "TF", "NT", "T"};
        memcpy(n->layout, layouts[random_between(&state, 0, 5)], 4);
        n->input_cast =
            (struct mr_cast){.whole = random_bits(&state) & 1, .truth = random_bits(&state) & 1};
        for (int o = 0; o < n->output_count; o++) {
            const int side = random_between(&state, -1, 1);
            n->outputs[o].cast = (struct mr_cast){.whole = random_bits(&state) & 1,
                                                  .truth = random_bits(&state) & 1,
                                                  .side = side,
                                                  .than = side * random_number(&state, 3)};
            n->outputs[o].cast.clips = random_bits(&state) & 1;
            if (n->outputs[o].cast.clips) {
                n->outputs[o].cast.low = random_number(&state, 1) - 1;
                n->outputs[o].cast.high = random_number(&state, 1) + 1;
            }
            n->outputs[o].log_softmax = random_bits(&state) & 1;
        }
        for (int k = 0; k < 9; k++)
            frac[k] = random_between(&state, 8, 12);
        for (int i = 0; i < n->op_count; i++) {
            n->ops[i].greatest = ldexp(1, random_between(&state, 0, 20));
            if (n->ops[i].kind->recurrent)
                set_precision(n, i, precisions[random_bits(&state) % 3]);
        }
        // Weights of 8 bits are refused where numbers of a wide range meet them.
        for (int i = 0; i < n->op_count && mr_quantise(n, frac, NULL, error, sizeof error); i++)
            n->ops[i].precision = MR_PRECISION_FULL;
        // So are those of 16 behind a product, whose format holds all products without calibration.
        if (!net_is_quantised(n, frac)) {
            mr_model_data_free(&m);
            continue;
        }
        kept++;
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
    memcpy(n->layout, "NFT", 4);
    ck_assert_int_eq(mr_model_data_identity(&m, other), 0);
    ck_assert_mem_eq(first, other, sizeof first);
    void *const numbers[] = {
        &gates->weight[5],      &gates->bias[3],        &gates->shift[0],
        &head->weight[7],       &head->bias[1],         &head->shift[1],
        &n->streams[0].frac[2], &n->streams[4].frac[1], &n->ops[3].places[MR_PLACE_G].kind,
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

int main(void) {
    Suite *suite = suite_create("model");
    TCase *all = tcase_create("all");

    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, identity_is_of_the_numbers);
    tcase_add_loop_test(all, file_keeps_everything, 0, 4);
    tcase_add_test(all, file_keeps_precisions);
    tcase_add_test(all, file_keeps_random_graphs);
    tcase_add_test(all, file_keeps_formats_of_the_input);
    tcase_add_loop_test(all, broken_promise_is_refused, 0, 10);
    tcase_add_test(all, one_format_where_it_matters);
    tcase_add_test(all, cut_file_is_refused);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
