// SPDX-License-Identifier: Apache-2.0
// What files do with rows: parts of them, of layers and of the input; their difference; the rows of
// all sequences and steps one behind the other, as a linear layer on every step is often given
// them; the last steps side by side; one row at each of several steps; and outputs whose numbers
// stand along several axes. Each that is read is compared with what the file's operators compute.
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

// ---- Several steps as one row

// Steps of "s" from one on, as "some", [N, steps, H].
static void steps_from(struct file *f, int64_t first) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "Transpose", "s", "turned");
    with_ints(f, "perm", 3, 1, 0, 2);
    part(f, "turned", "some", 1, (int)first, INT64_MAX);
    f->tensor[f->graph.n_initializer - 3].int64_data[0] = first;
}

static void the_last_two_steps(struct file *f) {
    steps_from(f, -2);
    list_tensor(f, "flat", 2, -1, 2 * H, 0);
    tensor(f, "V", 2, 2 * H, O, 1);
    node(f, "Reshape", "some flat", "row");
    node(f, "MatMul", "row V", "y");
}

// Of a fixed number, all but the first.
static void all_steps_but_one(struct file *f) {
    steps_from(f, 1);
    f->dim[0].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    f->dim[0].dim_value = 4;
    tensor(f, "V", 2, 3 * H, O, 1);
    node(f, "Flatten", "some", "row");
    node(f, "MatMul", "row V", "y");
}

static void the_last_of_some(struct file *f) {
    steps_from(f, -3);
    node(f, "Gather", "some last", "row");
    with_int(f, "axis", 1);
    gemm(f, "row", "y");
}

static void the_sum_of_steps(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "ReduceSum", "s zero1", "row");
    index_tensor(f, "zero1", 1, 0);
    with_int(f, "keepdims", 0);
    gemm(f, "row", "y");
}

// ---- A row at each of several steps

static void a_row_repeated(struct file *f, const char *type, int64_t steps, int64_t sequences) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "Unsqueeze", "h zero1", "row");
    index_tensor(f, "zero1", 1, 0);
    list_tensor(f, "sizes", 3, steps, sequences, 1);
    node(f, type, "row sizes", "rows");
    dense(f, "rows", "y");
}

static void a_row_expanded(struct file *f) {
    a_row_repeated(f, "Expand", 5, 1);
}

static void a_row_tiled(struct file *f) {
    a_row_repeated(f, "Tile", MR_MOST_OWN_STEPS, 1);
}

static void a_row_as_it_is(struct file *f) {
    a_row_repeated(f, "Tile", 1, 1);
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
    {the_last_two_steps, "lstm<0 window<1 dense<2; y=3"},
    {all_steps_but_one, "lstm<0 window<1 dense<2; y=3"},
    {the_last_of_some, "lstm<0 last<1 dense<2; y=3"},
    {the_sum_of_steps, "lstm<0 sum<1 dense<2; y=3"},
    {a_row_expanded, "lstm<0 last<1 repeat<2 dense<3; y=4"},
    {a_row_tiled, "lstm<0 last<1 repeat<2 dense<3; y=4"},
    {a_row_as_it_is, "lstm<0 last<1 dense<2; y=3"},
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

static void steps_from_the_farthest(struct file *f) {
    steps_from(f, INT64_MIN);
    dense(f, "some", "y");
}

static void more_steps_than_there_are(struct file *f) {
    all_steps_but_one(f);
    f->tensor[f->graph.n_initializer - 4].int64_data[0] = -5; // of 4
}

static void a_layer_on_some_steps(struct file *f) {
    steps_from(f, -2);
    dense(f, "some", "y");
}

static void the_mean_of_some_steps(struct file *f) {
    steps_from(f, -2);
    node(f, "ReduceMean", "some", "y");
    with_ints(f, "axes", 1, 1, 0, 0);
}

static void some_steps_as_output(struct file *f) {
    steps_from(f, -2);
    f->out.name = "some";
}

static void too_many_steps_side_by_side(struct file *f) {
    steps_from(f, -MR_MAX_WIDTH / H - 1);
    node(f, "Flatten", "some", "y");
}

static void a_row_repeated_too_often(struct file *f) {
    a_row_repeated(f, "Expand", MR_MOST_OWN_STEPS + 1, 1);
}

static void a_row_repeated_never(struct file *f) {
    a_row_repeated(f, "Tile", 0, 1);
}

static void sequences_repeated(struct file *f) {
    a_row_repeated(f, "Tile", 1, 2);
}

static const struct file_case bad[] = {
    {steps_from_the_farthest, "(Slice) takes a part of axis 1"},
    {more_steps_than_there_are, "(Slice) takes a part of axis 1"},
    {a_layer_on_some_steps, "(MatMul) reads some of the last steps"},
    {the_mean_of_some_steps, "(ReduceMean) reads some of the last steps"},
    {some_steps_as_output, "the output 'some' has some of the last steps"},
    {too_many_steps_side_by_side, "(Flatten) puts 16386 numbers of several steps side by side; 16"},
    {a_row_repeated_too_often, "repeats a row a number of times that is neither constant, up to "},
    {a_row_repeated_never, "repeats a row a number of times that is neither constant, up to "},
    {sequences_repeated, "(Tile) repeats what it reads along axis 1; this version repeats one row"},
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
