// SPDX-License-Identifier: Apache-2.0
// What files do with rows: parts of them, of layers and of the input; their difference; the rows of
// all sequences and steps one behind the other, as a linear layer on every step is often given
// them; and outputs whose numbers stand along several axes. Each that is read is compared with what
// the file's operators compute.
#define _POSIX_C_SOURCE 200809L
#include "onnx_fixture.h"

static void part(struct file *f, const char *from, const char *to, int axis, int begin,
                 int64_t end) {
    static char names[3][16]; // one in a file
    const int64_t values[3] = {begin, end, axis};
    char inputs[80];

    for (int i = 0; i < 3; i++) {
        snprintf(names[i], sizeof names[i], "%s_%d", to, i);
        index_tensor(f, names[i], 1, values[i]);
    }
    snprintf(inputs, sizeof inputs, "%s %s %s %s", from, names[0], names[1], names[2]);
    node(f, "Slice", inputs, to);
}

static void wide(struct file *f, const char *from, const char *to) {
    char inputs[32];

    tensor(f, "wide", 2, H, 5, 1);
    number_tensor(f, "off", 5, 0, 0, -0.25f, 0.125f);
    snprintf(inputs, sizeof inputs, "%s wide", from);
    node(f, "MatMul", inputs, "sums");
    node(f, "Add", "sums off", to);
}

// ---- Parts

// Of a linear layer, with an activation behind, as those of a mixture of densities have them.
static void parts_of_a_layer(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    wide(f, "s", "d");
    list_tensor(f, "sizes", 3, 1, 3, 1);
    node(f, "Split", "d sizes", "a b e");
    with_int(f, "axis", -1);
    node(f, "Softmax", "b", "y");
    with_int(f, "axis", -1);
    node(f, "Softplus", "e", "width");
    add_output(f, "width");
    node(f, "Mul", "a off2", "mean");
    number_tensor(f, "off2", 1, 0, 0, 2, 0);
    add_output(f, "mean");
}

static void a_part_behind_an_activation(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    wide(f, "h", "d");
    node(f, "Tanh", "d", "t");
    part(f, "t", "two", 1, 1, 3);
    gemm(f, "two", "y");
}

// The last one, of units of an LSTM: once in front of a layer, in whose weights it is, and as it
// is.
static void a_part_of_states(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    part(f, "h", "unit", 1, -1, INT64_MAX);
    number_tensor(f, "narrow", 1, 2, 0, 0.5f, 0.25f);
    node(f, "MatMul", "unit narrow", "y");
    add_output(f, "unit");
}

// Of one half of the rows and of the other.
static void a_part_of_joined_rows(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    wide(f, "s", "d");
    node(f, "Concat", "s d", "both");
    with_int(f, "axis", -1);
    part(f, "both", "some", 2, 1, 4);
    number_tensor(f, "three", 3, 2, 0, 0.5f, -0.25f);
    node(f, "MatMul", "some three", "y");
}

static void a_part_of_the_input(struct file *f) {
    begin(f, 0, 0);
    part(f, "x", "two", 2, 1, INT64_MAX);
    tensor(f, "W2", 3, 1, 4 * H, 2);
    lstm(f, "two W2 R B", "- h1");
    lstm(f, "x W R B", "- h2");
    node(f, "Add", "h1 h2", "sum");
    node(f, "Squeeze", "sum zero1", "h");
    index_tensor(f, "zero1", 1, 0);
    gemm(f, "h", "y");
}

// ---- Differences

static void a_difference(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "Gather", "s zero", "first");
    node(f, "Sub", "h first", "moved");
    gemm(f, "moved", "y");
    dense(f, "s", "m");
    node(f, "Sub", "m s", "each");
    add_output(f, "each");
}

// ---- Rows of all steps

static void a_layer_on_rows(struct file *f, int64_t first, int64_t second, bool flatten) {
    begin(f, 0, 0);
    states(f, "x");
    list_tensor(f, "rows", 2, first, H, 0);
    list_tensor(f, "apart", 3, second, -1, O);
    if (flatten) {
        node(f, "Flatten", "s", "flat");
        with_int(f, "axis", 2);
    } else {
        node(f, "Reshape", "s rows", "flat");
    }
    gemm(f, "flat", "z");
    node(f, "Sigmoid", "z", second ? "a" : "y");
}

static void rows_and_back(struct file *f) {
    a_layer_on_rows(f, -1, 7, false);
    f->dim[0].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    f->dim[0].dim_value = 7; // steps
    node(f, "Reshape", "a apart", "y");
}

static void rows_that_are_flattened(struct file *f) {
    a_layer_on_rows(f, -1, 7, true);
    f->dim[0].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    f->dim[0].dim_value = 7;
    node(f, "Reshape", "a apart", "y");
}

static void rows_as_output(struct file *f) {
    a_layer_on_rows(f, -1, 0, false);
}

// In front of the LSTM, on the input.
static void rows_of_the_input(struct file *f) {
    begin(f, 5, 0);
    list_tensor(f, "rows", 2, -1, F, 0);
    list_tensor(f, "apart", 3, 5, -1, F);
    tensor(f, "V", 2, F, F, 1);
    node(f, "Reshape", "x rows", "flat");
    node(f, "MatMul", "flat V", "v");
    node(f, "Tanh", "v", "t");
    node(f, "Reshape", "t apart", "u");
    lstm(f, "u W R B", "- hn");
    node(f, "Squeeze", "hn zero1", "h");
    index_tensor(f, "zero1", 1, 0);
    gemm(f, "h", "y");
}

// ---- Outputs of several axes

static void numbers_along_two_axes(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    tensor(f, "six", 2, H, 6, 1);
    list_tensor(f, "apart", 3, -1, 3, 2);
    node(f, "MatMul", "h six", "d");
    node(f, "Reshape", "d apart", "y");
}

static const struct file_case good[] = {
    {parts_of_a_layer, "lstm<0 dense<1 softmax<2 dense<1 dense<1; y=3 width=4 mean=5"},
    {a_part_behind_an_activation, "lstm<0 last<1 dense<2 dense<3; y=4"},
    {a_part_of_states, "lstm<0 last<1 dense<2 dense<2; y=4 unit=3"},
    {a_part_of_joined_rows, "lstm<0 dense<1 dense<1 concat<2 dense<4; y=5"},
    {a_part_of_the_input, "lstm<0 lstm<0 last<1 last<2 add<3 dense<5; y=6"},
    {a_difference, "lstm<0 first<1 dense<2 last<1 add<4 dense<5 dense<1 dense<1 add<7; y=6 each=9"},
    {rows_and_back, "lstm<0 dense<1; y=2"},
    {rows_that_are_flattened, "lstm<0 dense<1; y=2"},
    {rows_as_output, "lstm<0 dense<1; y=2"},
    {rows_of_the_input, "dense<0 lstm<1 last<2 dense<3; y=4"},
    {numbers_along_two_axes, "lstm<0 last<1 dense<2; y=3"},
};

START_TEST(rows_are_read) {
    struct mr_network n;

    expect_network(&good[_i], &n);
    mr_network_free(&n);
}
END_TEST

// ---- What is refused

static void rows_of_another_width(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    list_tensor(f, "rows", 2, -1, 2 * H, 0);
    node(f, "Reshape", "s rows", "y");
}

static void rows_parted_otherwise(struct file *f) {
    a_layer_on_rows(f, -1, 6, false); // 7 are the steps
    f->dim[0].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    f->dim[0].dim_value = 7;
    node(f, "Reshape", "a apart", "y");
}

static void a_layer_behind_two_axes(struct file *f) {
    numbers_along_two_axes(f);
    f->out.name = "z";
    dense(f, "y", "z");
}

static void a_part_that_is_not_there(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    part(f, "h", "y", 1, 2, 5);
}

static const struct file_case bad[] = {
    {rows_of_another_width, "(Reshape) mixes or splits axes"},
    {rows_parted_otherwise, "(Reshape) mixes or splits axes"},
    {a_layer_behind_two_axes, "reads numbers that a Reshape has put along several axes"},
    {a_part_that_is_not_there, "takes numbers 2 to 1 of a row of 2"},
};

START_TEST(rows_are_refused) {
    expect_refusal(&bad[_i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_rows");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, rows_are_read, 0, sizeof good / sizeof *good);
    tcase_add_loop_test(all, rows_are_refused, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
