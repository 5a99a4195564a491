// SPDX-License-Identifier: Apache-2.0
// The ONNX files of ../shared/cases/import, made by several exporters: those that are imported give
// what the framework gave, the others are refused for the reason that is true. Skipped where they
// are not there.
#define _POSIX_C_SOURCE 200809L
#include "array_file.h"
#include "model.h"
#include "npy.h"
#include "quantise.h"
#include "walk.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CASES "../shared/cases/import/"

static char error[1024];

// said: a part of the sentence; NULL for a file that is imported.
static const struct {
    const char *name, *said;
} cases[] = {
    {"b_f1h2", NULL},
    {"b_o1000", NULL},
    {"d_torch29", NULL},
    {"d_torch29_2l", NULL},
    {"d_torch29_2l_nostart", NULL},
    {"d_torch29_ext", NULL},
    {"d_torch29_folded_noshape", NULL},
    {"d_torch29_folded_noshape_nostart", NULL},
    {"d_torch29_noshape", NULL},
    {"g_argmax", NULL},
    {"g_batchnorm", NULL},
    {"g_bidir", NULL},
    {"g_cell", NULL},
    {"g_denorm", NULL},
    {"g_embedding", NULL},
    {"g_every_step", NULL},
    {"g_first", NULL},
    {"g_gru", NULL},
    {"g_logsoftmax", NULL},
    {"g_layernorm", NULL},
    {"g_max", NULL},
    {"g_mean", NULL},
    {"g_nohead", NULL},
    {"g_nohead_all", NULL},
    {"g_norm", NULL},
    {"g_relu_hidden", NULL},
    {"g_perm", NULL},
    {"g_relu_out", NULL},
    {"g_rnn", NULL},
    {"g_softmax", NULL},
    {"g_state_in", NULL},
    {"g_state_out", NULL},
    {"g_tanh_out", NULL},
    {"g_two_linear", NULL},
    {"g_unbatched", NULL},
    {"g_unsqueeze_univ", NULL},
    {"g_view_tutorial", NULL},
    {"k_bf16_weights", NULL},
    {"k_cast_bool_out", NULL},
    {"k_double", NULL},
    {"k_dropout_eval", NULL},
    {"k_dropout_none", NULL},
    {"k_dropout_train", "node 'drop' (Dropout) is in training mode"},
    {"k_external", NULL},
    {"k_flatten", NULL},
    {"k_fp16", NULL},
    {"k_fp16_weights", NULL},
    {"k_gemm_ab", NULL},
    {"k_input_forget0", NULL},
    {"k_c0_only", NULL},
    {"k_h0_const", NULL},
    {"k_lower_act", NULL},
    {"k_mask_first", NULL},
    {"k_matlab", NULL},
    {"k_noname", NULL},
    {"k_ort_dynq", NULL},
    {"k_peephole0", NULL},
    {"k_qdq", NULL},
    {"k_relu_act", NULL},
    {"k_seqlens_const", NULL},
    {"k_squeeze_noaxes", NULL},
    {"k_tf2onnx_dense", NULL},
    {"k_two_adds", NULL},
    {"k_two_inputs", NULL},
    {"k_unsq_inside", NULL},
    {"n_big_output", NULL},
    {"n_long", NULL},
    {"n_mixed_output", NULL},
    {"n_small_output", NULL},
    {"n_spike", "feature 0 reaches 100000 in the calibration data"},
    {"n_tiny_input", NULL},
    {"n_zero_feature", NULL},
    {"s_bool_out", NULL},
    {"s_int_in", NULL},
    {"s_int_out", NULL},
    {"s_squeeze_all", NULL},
    {"s_train", "node '/Dropout' (Dropout) is in training mode"},
    {"s_wrong_batchdim", "takes one sequence of the batch, for axis 1 is the batch"},
    {"t_T1", NULL},
    {"t_float_cast", NULL},
    {"t_gather_T9", NULL},
    {"t_hn_last", NULL},
    {"t_hn_layer0", NULL},
    {"t_hn_view", NULL},
    {"t_hn_view_2l",
     "the output '171' has the rows of 2 layers, one layer behind the other for all"},
    {"t_init_as_inputs", NULL},
    {"t_nobias", NULL},
    {"t_opset17", NULL},
    {"t_opset9", NULL},
    {"t_plain_dynamic", NULL},
    {"t_scripted", NULL},
    {"t_sigmoid_squeeze", NULL},
    {"t_tfirst", NULL},
    {"t_univariate", NULL},
    {"t_zeros_b4_run5", NULL},
    {"t_zeros_dynamic", NULL},
};

static struct mr_array read_array(const char *name, const char *file) {
    char path[256];
    struct mr_array array;

    snprintf(path, sizeof path, CASES "%s/%s", name, file);
    ck_assert_msg(mr_array_read(path, &array, NULL, 0, error, sizeof error) == 0, "%s", error);
    return array;
}

// What the integer network gives, of each number of a row against what the framework gave.
static void check_outputs(const struct mr_model_data *model, struct mr_array *x,
                          const struct mr_array *expected) {
    const struct mr_network *network = &model->network;
    ck_assert_int_eq(mr_array_arrange(x, network->layout), 0);
    const size_t n = x->shape[0], t = x->shape[1];
    // The reference is of the first output.
    const size_t width = (size_t)network->streams[network->outputs[0].stream].width,
                 rows = n * mr_output_rows(network, 0, t);
    float *y = malloc(rows * width * sizeof *y);
    int16_t *x_q = malloc(x->count * sizeof *x_q);
    int32_t *y_q = malloc(n * mr_network_numbers(network, t) * sizeof *y_q);

    ck_assert(y && x_q && y_q);
    ck_assert_uint_eq(expected->count, rows * width);
    ck_assert_int_eq(mr_quantise_input(network, x->data, n * t, x_q, NULL, error, sizeof error), 0);
    ck_assert_int_eq(mr_integer_run(network, x_q, n, t, y_q), 0);
    mr_quantised_output(network, 0, y_q, rows, y);
    for (size_t o = 0; o < width; o++) {
        const struct mr_accuracy a = mr_accuracy_measure(expected->data + o, y + o, rows, width);
        // The figure of the import is the same as that against the framework.
        ck_assert_msg(a.snr_db > 25, "output %zu: %g dB", o, a.snr_db);
        ck_assert_double_eq_tol(a.snr_db, model->output_accuracy[o].snr_db, 1);
    }
    const struct mr_accuracy all = mr_accuracy_measure(expected->data, y, expected->count, 1);
    ck_assert_msg(all.snr_db > 60, "%g dB", all.snr_db);
    free(y);
    free(x_q);
    free(y_q);
}

START_TEST(case_is_right) {
    const char *name = cases[_i].name, *said = cases[_i].said;
    struct mr_model_data model;
    struct stat status;
    char path[256];

    snprintf(path, sizeof path, CASES "%s/net.onnx", name);
    if (stat(path, &status) != 0) {
        if (_i == 0)
            puts("skipped: no cases in " CASES);
        return;
    }
    struct mr_array x = read_array(name, "x.npy");
    int result = mr_import_onnx(path, &x, NULL, &model, error, sizeof error);
    if (said) {
        ck_assert_msg(result != 0, "%s is imported", name);
        ck_assert_msg(strstr(error, said) != NULL, "%s", error);
    } else {
        ck_assert_msg(result == 0, "%s", error);
        snprintf(path, sizeof path, CASES "%s/expect.npy", name);
        if (stat(path, &status) == 0) {
            struct mr_array expected = read_array(name, "expect.npy");
            check_outputs(&model, &x, &expected);
            mr_array_free(&expected);
        }
        mr_model_data_free(&model);
    }
    mr_array_free(&x);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("import_cases");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, case_is_right, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
