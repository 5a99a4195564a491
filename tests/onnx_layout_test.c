// SPDX-License-Identifier: Apache-2.0
// The axes of a file's input, in any order and not all of them: which is which.
#define _POSIX_C_SOURCE 200809L
#include "onnx_fixture.h"

// [N, F, T], as convolutions have it.
static void features_before_steps(struct file *f) {
    begin(f, 0, F);
    f->dim[2].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    f->dim[2].dim_param = "t";
    node(f, "Transpose", "x", "turned");
    with_ints(f, "perm", 3, 2, 0, 1);
    states(f, "turned");
    gemm(f, "h", "y");
}

// [F, N, T], normalised before it is turned.
static void features_first(struct file *f) {
    begin(f, F, 0);
    f->dim[2].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    f->dim[2].dim_param = "t";
    number_tensor(f, "mean", F, 1, 1, -0.5f, 0.25f);
    node(f, "Sub", "x mean", "normal");
    node(f, "Transpose", "normal", "turned");
    with_ints(f, "perm", 3, 2, 1, 0);
    states(f, "turned");
    gemm(f, "h", "y");
}

// [T, F], one sequence without a batch.
static void one_sequence(struct file *f) {
    two_axes(f, 0, F);
    node(f, "Unsqueeze", "x one", "turned");
    states(f, "turned");
    node(f, "Squeeze", "s one", "rows");
    dense(f, "rows", "y");
}

// [N, T] of one feature.
static void one_feature(struct file *f) {
    two_axes(f, 0, 0);
    number_tensor(f, "W1", 1, 8, 1, -0.5f, 0.25f);
    index_tensor(f, "two", 1, 2);
    node(f, "Transpose", "x", "turned");
    node(f, "Unsqueeze", "turned two", "wide");
    lstm(f, "wide W1 R", "- hn");
    node(f, "Gather", "hn zero", "h");
    gemm(f, "h", "y");
}

// The same, normalised by single numbers while it has two axes.
static void one_normalised_feature(struct file *f) {
    two_axes(f, 0, 0);
    number_tensor(f, "W1", 1, 8, 1, -0.5f, 0.25f);
    number_tensor(f, "mean", 1, 0, 0, 0.5f, 0);
    index_tensor(f, "two", 1, 2);
    node(f, "Sub", "x mean", "normal");
    node(f, "Unsqueeze", "normal two", "wide");
    lstm(f, "wide W1 R", "- hn");
    node(f, "Gather", "hn zero", "h");
    gemm(f, "h", "y");
}

// [N, F]: a step alone, as policies have it.
static void one_step(struct file *f) {
    two_axes(f, 0, F);
    index_tensor(f, "first", 1, 0);
    node(f, "Unsqueeze", "x first", "step");
    states(f, "step");
    gemm(f, "h", "y");
}

// [N, T] of whole numbers, each the row of a table.
static void tokens(struct file *f) {
    two_axes(f, 0, 0);
    f->type_tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
    number_tensor(f, "table", 2, F, 0, -0.5f, 0.25f);
    node(f, "Gather", "table x", "rows");
    node(f, "Transpose", "rows", "turned");
    with_ints(f, "perm", 3, 1, 0, 2);
    states(f, "turned");
    gemm(f, "h", "y");
}

// [T, N] of float, as Keras has it, scaled behind the table.
static void tokens_of_float(struct file *f) {
    two_axes(f, 0, 0);
    number_tensor(f, "table", 2, F, 0, -0.5f, 0.25f);
    number_tensor(f, "factor", 1, 0, 0, 1.5f, 0);
    node(f, "Cast", "x", "whole");
    with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__INT32);
    node(f, "Gather", "table whole", "rows");
    node(f, "Mul", "rows factor", "scaled");
    states(f, "scaled");
    gemm(f, "h", "y");
}

static const struct {
    void (*make)(struct file *f);
    const char *layout;
} layouts[] = {
    {tokens, "NT"},          {tokens_of_float, "TN"},        {features_before_steps, "NFT"},
    {features_first, "FNT"}, {one_sequence, "TF"},           {one_feature, "NT"},
    {one_step, "NF"},        {one_normalised_feature, "TN"},
};

START_TEST(layout_is_found) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    layouts[_i].make(f);
    ck_assert_msg(parse(f, &n) == 0, "layout %s: %s", layouts[_i].layout, error);
    ck_assert_str_eq(n.layout, layouts[_i].layout);
    mr_network_free(&n);
    free(f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_layout");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, layout_is_found, 0, sizeof layouts / sizeof *layouts);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
