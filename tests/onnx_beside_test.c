// SPDX-License-Identifier: Apache-2.0
// What ONNX files have beside their layers: single steps of x, clips in front of layers, products
// and extremes of rows.
#include "onnx_fixture.h"

#include "graph.h"
#include "places.h"
#include "walk.h"

#include <math.h>

// ---- Single steps of x

// Behind a layer, and in front of it: what is read first is not what stands first.
static void the_last_step_of_x(struct file *f) {
    begin(f, 0, 0);
    node(f, "Gather", "x last", "now");
    states(f, "x");
    node(f, "Concat", "h now", "both");
    with_int(f, "axis", 1);
    tensor(f, "N", 2, H + F, O, 0);
    node(f, "MatMul", "both N", "y");
}

static void the_first_step_of_x(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "Gather", "x zero", "first");
    node(f, "MatMul", "first P", "y");
    tensor(f, "P", 2, F, O, 0);
    add_output(f, "h");
}

static void a_mean_of_x(struct file *f) {
    begin(f, 0, 0);
    node(f, "ReduceMean", "x", "mean");
    with_ints(f, "axes", 1, 0, 0, 0);
    with_int(f, "keepdims", 0);
    states(f, "x");
    node(f, "Concat", "mean h", "y");
    with_int(f, "axis", 1);
}

// ---- Clips

static void a_layer_behind_a_clip(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    number_tensor(f, "most", 1, 0, 0, 6, 0);
    gemm(f, "h", "z");
    node(f, "Clip", "z - most", "l");
    gemm(f, "l", "y");
}

// Of a state, and of x: by layers of their own.
static void clips_without_a_layer(struct file *f) {
    begin(f, 0, 0);
    node(f, "Clip", "x", "near");
    with_float(f, "max", 1);
    states(f, "near");
    node(f, "Clip", "h", "l");
    with_float(f, "min", -0.25f);
    gemm(f, "l", "y");
}

// Behind a ReLU, and two of them.
static void a_clip_of_a_clip(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    gemm(f, "h", "z");
    node(f, "Relu", "z", "r");
    node(f, "Clip", "r", "a");
    with_float(f, "max", 2);
    node(f, "Clip", "a", "b");
    with_float(f, "min", 0.5f);
    with_float(f, "max", 4);
    gemm(f, "b", "y");
}

// ---- Rows of two

static void a_gate(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    dense(f, "s", "m");
    node(f, "Sigmoid", "m", "gate");
    node(f, "Mul", "gate s", "y");
}

static void the_greater_and_the_less(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    dense(f, "h", "a");
    gemm(f, "h", "b");
    number_tensor(f, "half", 1, 0, 0, 0.5f, 0);
    node(f, "Max", "a b h", "y");
    node(f, "Min", "half a b", "less");
    node(f, "Sum", "less a", "sum");
    add_output(f, "sum");
}

// One number of each row times all numbers of another.
static void a_weight_of_each_step(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    tensor(f, "N", 2, H, 1, 0);
    node(f, "MatMul", "s N", "w");
    node(f, "Mul", "w s", "y");
}

static const struct file_case good[] = {
    {the_last_step_of_x, "lstm<0 last<0 last<1 concat<3 dense<4; y=5"},
    {the_first_step_of_x, "lstm<0 first<0 dense<2 last<1; y=3 h=4"},
    {a_mean_of_x, "lstm<0 mean<0 last<1 concat<2; y=4"},
    {a_layer_behind_a_clip, "lstm<0 last<1 dense<2 dense<3; y=4"},
    {clips_without_a_layer, "dense<0 lstm<1 last<2 dense<3 dense<4; y=5"},
    {a_clip_of_a_clip, "lstm<0 last<1 dense<2 dense<3; y=4"},
    {a_gate, "lstm<0 dense<1 multiply<2; y=3"},
    {the_greater_and_the_less,
     "lstm<0 last<1 dense<2 dense<2 greater<3 greater<5 less<3 dense<7 add<8; y=6 sum=9"},
    {a_weight_of_each_step, "lstm<0 dense<1 dense<2 multiply<3; y=4"},
};

START_TEST(kind_is_read) {
    struct mr_network n;

    expect_network(&good[_i], &n);
    mr_network_free(&n);
}
END_TEST

// ---- What is refused

static void a_step_beside_all(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "Gather", "x last", "now");
    tensor(f, "P", 2, F, H, 0);
    node(f, "MatMul", "now P", "z");
    node(f, "Mul", "z s", "y");
}

static void a_middle_step_of_x(struct file *f) {
    begin(f, 7, 0);
    states(f, "x");
    node(f, "Gather", "x four", "now");
    tensor(f, "P", 2, F, H, 0);
    node(f, "MatMul", "now P", "y");
    add_output(f, "h");
}

static void bounds_of_each_number(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "Max", "h c", "y");
}

static const struct file_case bad[] = {
    {a_step_beside_all, "node 'y' (Mul) computes with two values that are not rows of layers"},
    {a_middle_step_of_x, "takes one step that is not the first or last"},
    {bounds_of_each_number, "node 'y' (Max) takes the greater or the less of a value and of what"},
};

START_TEST(kind_is_refused) {
    expect_refusal(&bad[_i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_beside");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, kind_is_read, 0, sizeof good / sizeof *good);
    tcase_add_loop_test(all, kind_is_refused, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
