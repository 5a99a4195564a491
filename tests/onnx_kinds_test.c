// SPDX-License-Identifier: Apache-2.0
// The kinds of ONNX files that people bring beside plain stacks and heads: what they become, or the
// sentence. Each that is read is compared with what the file's operators compute.
#define _POSIX_C_SOURCE 200809L
#include "onnx_fixture.h"

// ---- Arithmetic with constants

// (x - mean) / deviation, folded into the layer behind it.
static void inputs_are_normalised(struct file *f) {
    begin(f, 0, 0);
    number_tensor(f, "mean", F, 0, 0, -0.5f, 0.25f);
    number_tensor(f, "deviation", 1, 1, F, 0.5f, 0.75f);
    node(f, "Sub", "x mean", "centred");
    node(f, "Div", "centred deviation", "normal");
    states(f, "normal");
    gemm(f, "h", "y");
}

// The same by single numbers, the data second.
static void inputs_are_normalised_alike(struct file *f) {
    begin(f, 0, 0);
    number_tensor(f, "most", 1, 0, 0, 2, 0);
    node(f, "Sub", "most x", "turned");
    node(f, "Mul", "most turned", "wide");
    node(f, "Neg", "wide", "normal");
    states(f, "normal");
    gemm(f, "h", "y");
}

static void two_layers_read_normalised_inputs(struct file *f) {
    begin(f, 0, 0);
    number_tensor(f, "mean", F, 0, 0, -0.5f, 0.25f);
    node(f, "Add", "mean x", "normal");
    states(f, "normal");
    lstm(f, "normal W R", "- hn2");
    gemm(f, "h", "y");
    f->outs[0]->name = "hn2";
    add_output(f, "y");
}

static void outputs_are_scaled_back(struct file *f) {
    begin(f, 0, 0);
    number_tensor(f, "deviation", O, 0, 0, 3, 40);
    number_tensor(f, "mean", 1, 0, 0, -7, 0);
    states(f, "x");
    gemm(f, "h", "z");
    node(f, "Mul", "z deviation", "wide");
    node(f, "Add", "wide mean", "y");
}

// Behind an activation there is no linear layer to take it.
static void squashed_outputs_are_scaled(struct file *f) {
    begin(f, 0, 0);
    number_tensor(f, "span", 1, 0, 0, 60, 0);
    number_tensor(f, "least", 1, 0, 0, -30, 0);
    states(f, "x");
    gemm(f, "h", "z");
    node(f, "Sigmoid", "z", "p");
    node(f, "Mul", "span p", "wide");
    node(f, "Add", "wide least", "y");
}

static void a_batch_norm(struct file *f, const char *input, int64_t width, const char *output) {
    char inputs[64];

    number_tensor(f, "gamma", width, 0, 0, 0.5f, 0.75f);
    number_tensor(f, "beta", width, 0, 0, -0.25f, 0.5f);
    number_tensor(f, "running_mean", width, 0, 0, 0.125f, -0.5f);
    number_tensor(f, "running_var", width, 0, 0, 0.25f, 0.5f);
    snprintf(inputs, sizeof inputs, "%s gamma beta running_mean running_var", input);
    node(f, "BatchNormalization", inputs, output);
}

// Linear, BatchNorm1d, ReLU: one layer.
static void batch_norm_behind_a_linear_layer(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    gemm(f, "h", "z");
    a_batch_norm(f, "z", O, "n");
    node(f, "Relu", "n", "y");
}

// On features that stand behind the batch, of [N, F, T].
static void batch_norm_of_the_input(struct file *f) {
    begin(f, 0, 0);
    node(f, "Transpose", "x", "turned");
    with_ints(f, "perm", 3, 0, 2, 1);
    a_batch_norm(f, "turned", F, "n");
    node(f, "Transpose", "n", "back");
    with_ints(f, "perm", 3, 0, 2, 1);
    states(f, "back");
    gemm(f, "h", "y");
}

static void batch_norm_of_states(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    a_batch_norm(f, "h", H, "n");
    gemm(f, "n", "y");
}

static void layer_norm(struct file *f, const char *x, int64_t width, const char *output) {
    char inputs[64];

    number_tensor(f, "gamma", width, 0, 0, 0.5f, 0.75f);
    number_tensor(f, "beta", width, 0, 0, -0.25f, 0.5f);
    snprintf(inputs, sizeof inputs, "%s gamma beta", x);
    node(f, "LayerNormalization", inputs, output);
    with_float(f, "epsilon", 1e-3f);
}

static void layer_norm_of_states(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    layer_norm(f, "s", H, "n");
    dense(f, "n", "y");
}

// Of the input, and as an output.
static void layer_norm_at_the_ends(struct file *f) {
    begin(f, 0, 0);
    layer_norm(f, "x", F, "n");
    states(f, "n");
    node(f, "LayerNormalization", "h alone", "y");
    number_tensor(f, "alone", H, 0, 0, 0.5f, 0.75f);
}

// As exporters before version 17 write it.
static void layer_norm_in_parts(struct file *f) {
    begin(f, 0, 0);
    number_tensor(f, "two", 1, 0, 0, 2, 0);
    number_tensor(f, "epsilon", 1, 0, 0, 1e-3f, 0);
    number_tensor(f, "gamma", H, 0, 0, 0.5f, 0.75f);
    number_tensor(f, "beta", H, 0, 0, -0.25f, 0.5f);
    states(f, "x");
    node(f, "ReduceMean", "s", "mean");
    with_ints(f, "axes", 1, -1, 0, 0);
    node(f, "Sub", "s mean", "centred");
    node(f, "Pow", "centred two", "squares");
    node(f, "ReduceMean", "squares", "variance");
    with_ints(f, "axes", 1, -1, 0, 0);
    node(f, "Add", "variance epsilon", "sum");
    node(f, "Sqrt", "sum", "deviation");
    node(f, "Div", "centred deviation", "normal");
    node(f, "Mul", "normal gamma", "wide");
    node(f, "Add", "wide beta", "n");
    dense(f, "n", "y");
}

// With a layer normalisation of the sum, as transformers have it.
static void links_past_layers(struct file *f) {
    begin(f, 0, 0);
    tensor(f, "W2", 3, 1, 4 * H, H);
    states(f, "x");
    lstm(f, "s W2 R B", "Y2");
    node(f, "Squeeze", "Y2 one", "s2");
    node(f, "Add", "s s2", "sum");
    node(f, "LayerNormalization", "sum alone", "n");
    number_tensor(f, "alone", H, 0, 0, 1, 0);
    node(f, "Add", "n sum", "z");
    dense(f, "z", "y");
}

static void an_activation_of_a_state(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "Relu", "h", "r");
    gemm(f, "r", "y");
}

static void two_activations(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    gemm(f, "h", "z");
    node(f, "Relu", "z", "r");
    node(f, "Tanh", "r", "y");
}

static void softmax_of_a_state(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "Softmax", "h", "y");
    with_int(f, "axis", -1);
}

static void the_forget_gate_is_coupled(struct file *f) {
    begin(f, 0, 0);
    lstm(f, "x W R B", "- hn");
    with_int(f, "input_forget", 1);
    node(f, "Gather", "hn zero", "h");
    gemm(f, "h", "y");
}

// ---- States, lengths and peepholes

// As PyTorch writes two layers: states are parts of the inputs, and come out stacked.
static void states_in_and_out(struct file *f) {
    begin(f, 0, 0);
    add_input(f, "h0");
    tensor(f, "W2", 3, 1, 4 * H, H);
    index_tensor(f, "from", 1, 0);
    node(f, "Slice", "h0 from one from", "h00");
    node(f, "Slice", "h0 one end from", "h01");
    lstm(f, "x W R B - h00 -", "Y1 hn1 cn1");
    node(f, "Squeeze", "Y1 one", "s1");
    lstm(f, "s1 W2 R B - h01 -", "Y2 hn2 cn2");
    node(f, "Concat", "hn1 hn2", "hn");
    with_int(f, "axis", 0);
    node(f, "Concat", "cn1 cn2", "cn");
    with_int(f, "axis", 0);
    node(f, "Squeeze", "hn2", "h");
    with_ints(f, "axes", 1, 0, 0, 0);
    gemm(f, "h", "y");
    f->outs[0]->name = "hn";
    add_output(f, "cn");
    add_output(f, "y");
}

// One layer's last state is an output as others.
static void the_last_state_goes_out(struct file *f) {
    begin(f, 0, 0);
    add_input(f, "h0");
    lstm(f, "x W R B - h0 h0", "- hn cn");
    node(f, "Gather", "hn zero", "h");
    gemm(f, "h", "y");
    add_output(f, "hn");
    add_output(f, "cn");
}

// A head on it, and it alone as the output.
static void a_head_on_the_cell_state(struct file *f) {
    begin(f, 0, 0);
    lstm(f, "x W R B", "Y hn cn");
    node(f, "Gather", "cn last", "h");
    gemm(f, "h", "y");
}

static void the_cell_state(struct file *f) {
    begin(f, 0, 0);
    lstm(f, "x W R B", "- - y");
}

static void lengths_of_all_steps(struct file *f) {
    begin(f, 7, 0);
    list_tensor(f, "lengths", 3, 7, 7, 7);
    lstm(f, "x W R B lengths", "- hn");
    node(f, "Gather", "hn zero", "h");
    gemm(f, "h", "y");
}

// The file does not say how many steps there are, the lengths do.
static void lengths_say_the_steps(struct file *f) {
    lengths_of_all_steps(f);
    f->dim[0].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    f->dim[0].dim_param = "t";
}

static void peepholes_of_zero(struct file *f) {
    begin(f, 0, 0);
    number_tensor(f, "P", 1, 3 * H, 0, 0, 0);
    lstm(f, "x W R B - - - P", "- hn");
    node(f, "Gather", "hn zero", "h");
    gemm(f, "h", "y");
}

static void a_graph_of_float16(struct file *f) {
    begin(f, 0, 0);
    f->type_tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16;
    node(f, "Cast", "x", "wide");
    with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    states(f, "wide");
    gemm(f, "h", "z");
    node(f, "Cast", "z", "y");
    with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16);
}

START_TEST(states_that_are_left_out_are_told) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;
    size_t size;

    states_in_and_out(f);
    uint8_t *data = pack(f, &size);
    struct mr_onnx *onnx = mr_onnx_open_memory(data, size, "net", error, sizeof error);
    ck_assert_ptr_nonnull(onnx);
    ck_assert_int_eq(mr_onnx_network(onnx, &n, error, sizeof error), 0);
    static const char *const told[] = {"the input 'h0', a state, is left out: ",
                                       "the output 'hn', the state of all layers together, is ",
                                       "the output 'cn', the state of the cells, is left out"};
    const char *notes = mr_onnx_notes(onnx);
    for (size_t i = 0; i < 3; i++)
        ck_assert_msg(strstr(notes, told[i]) != NULL, "%s", notes);
    ck_assert_ptr_null(strstr(strstr(notes, "'h0'") + 4, "'h0'"));
    mr_network_free(&n);
    mr_onnx_close(onnx);
    free(data);
    free(f);
}
END_TEST

// ---- One row of all steps

static void the_first_step_of_a_head(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    dense(f, "s", "m");
    node(f, "Relu", "m", "r");
    node(f, "Gather", "r zero", "y");
    node(f, "Slice", "s from one from", "z");
    index_tensor(f, "from", 1, 0);
    add_output(f, "z");
}

static void the_mean_of_all_steps(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "ReduceMean", "s", "m");
    with_ints(f, "axes", 1, 0, 0, 0);
    with_int(f, "keepdims", 0);
    gemm(f, "m", "y");
}

// By a list, as of version 18 on, with an axis of size 1 beside it, which stays.
static void the_greatest_of_all_steps(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    list_tensor(f, "axes", 2, 0, -3, 0);
    node(f, "ReduceMax", "Y axes", "m");
    node(f, "Reshape", "m shape", "h2");
    list_tensor(f, "shape", 2, -1, H, 0);
    gemm(f, "h2", "y");
}

// [N, C, T], as AdaptiveAvgPool1d(1) has it.
static void a_global_pool(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "Transpose", "s", "turned");
    with_ints(f, "perm", 3, 1, 2, 0);
    node(f, "GlobalAveragePool", "turned", "m");
    node(f, "GlobalMaxPool", "turned", "g");
    node(f, "Flatten", "m", "h2");
    gemm(f, "h2", "y");
    add_output(f, "g");
}

static void the_mean_of_a_head(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    dense(f, "s", "m");
    node(f, "Sigmoid", "m", "p");
    node(f, "ReduceMean", "p", "y");
    with_ints(f, "axes", 1, 0, 0, 0);
}

// The first step, and the last one, of the sum of a table's rows and a layer on them: no layer has
// read what the table looks up.
static void ends_of_a_link_past_the_first_layer(struct file *f) {
    two_axes(f, 0, 0);
    f->type_tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
    number_tensor(f, "table", 3, H, 0, -0.5f, 0.25f);
    tensor(f, "W2", 3, 1, 4 * H, H);
    node(f, "Gather", "table x", "rows");
    lstm(f, "rows W2 R B", "Y");
    node(f, "Squeeze", "Y one", "s");
    node(f, "Add", "rows s", "sum");
    node(f, "Gather", "sum zero", "h");
    gemm(f, "h", "y");
    node(f, "Gather", "sum last", "z");
    add_output(f, "z");
}

static const struct file_case good[] = {
    {inputs_are_normalised, "lstm<0 last<1 dense<2; y=3"},
    {inputs_are_normalised_alike, "lstm<0 last<1 dense<2; y=3"},
    {two_layers_read_normalised_inputs, "lstm<0 lstm<0 last<1 dense<3 last<2; hn2=5 y=4"},
    {outputs_are_scaled_back, "lstm<0 last<1 dense<2; y=3"},
    {squashed_outputs_are_scaled, "lstm<0 last<1 dense<2 dense<3; y=4"},
    {batch_norm_behind_a_linear_layer, "lstm<0 last<1 dense<2; y=3"},
    {batch_norm_of_the_input, "lstm<0 last<1 dense<2; y=3"},
    {batch_norm_of_states, "lstm<0 last<1 dense<2; y=3"},
    {layer_norm_of_states, "lstm<0 layer_norm<1 dense<2; y=3"},
    {layer_norm_at_the_ends, "layer_norm<0 lstm<1 last<2 layer_norm<3 dense<4; y=5"},
    {layer_norm_in_parts, "lstm<0 layer_norm<1 dense<2; y=3"},
    {links_past_layers, "lstm<0 lstm<1 add<1 layer_norm<3 dense<4 add<5 dense<6; y=7"},
    {an_activation_of_a_state, "lstm<0 last<1 dense<2 dense<3; y=4"},
    {two_activations, "lstm<0 last<1 dense<2 dense<3; y=4"},
    {the_forget_gate_is_coupled, "lstm<0 last<1 dense<2; y=3"},
    {states_in_and_out, "lstm<0 lstm<1 last<2 dense<3; y=4"},
    {the_last_state_goes_out, "lstm<0 last<1 dense<2; y=3 hn=2"},
    {a_head_on_the_cell_state, "lstm_cell<0 last<1 dense<2; y=3"},
    {the_cell_state, "lstm_cell<0 last<1; y=2"},
    {lengths_of_all_steps, "lstm<0 last<1 dense<2; y=3"},
    {lengths_say_the_steps, "lstm<0 last<1 dense<2; y=3"},
    {peepholes_of_zero, "lstm<0 last<1 dense<2; y=3"},
    {a_graph_of_float16, "lstm<0 last<1 dense<2; y=3"},
    {the_first_step_of_a_head, "lstm<0 first<1 dense<2; y=3 z=2"},
    {ends_of_a_link_past_the_first_layer,
     "embedding<0 lstm<1 first<1 first<2 add<3 dense<5 last<1 last<2 add<7; y=6 z=9"},
    {the_mean_of_all_steps, "lstm<0 mean<1 dense<2; y=3"},
    {the_greatest_of_all_steps, "lstm<0 max<1 dense<2; y=3"},
    {a_global_pool, "lstm<0 mean<1 max<1 dense<2; y=4 g=3"},
    {the_mean_of_a_head, "lstm<0 dense<1 mean<2; y=3"},
    {softmax_of_a_state, "lstm<0 last<1 dense<2 softmax<3; y=4"},
};

START_TEST(kind_is_read) {
    struct mr_network n;

    expect_network(&good[_i], &n);
    mr_network_free(&n);
}
END_TEST

// ---- What is refused

static void arithmetic_along_the_steps(struct file *f) {
    begin(f, 4, 0);
    number_tensor(f, "each", 4, 1, 1, 1, 1);
    states(f, "x");
    node(f, "Mul", "s each", "y");
}

static void a_batch_norm_of_the_wrong_axis(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    a_batch_norm(f, "s", H, "y");
}

static void a_batch_norm_in_training(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    a_batch_norm(f, "h", H, "y");
    with_int(f, "training_mode", 1);
}

static void a_division_by_zero(struct file *f) {
    begin(f, 0, 0);
    number_tensor(f, "none", 1, 0, 0, 0, 0);
    states(f, "x");
    node(f, "Div", "s none", "y");
}

static void the_mean_of_the_features(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "ReduceMean", "s", "y");
    with_ints(f, "axes", 1, -1, 0, 0);
}

static void a_mean_that_is_used(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "ReduceMean", "s", "mean");
    with_ints(f, "axes", 1, -1, 0, 0);
    node(f, "Add", "s mean", "y");
}

static void a_mean_of_another(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    dense(f, "s", "m");
    node(f, "ReduceMean", "s", "mean");
    with_ints(f, "axes", 1, -1, 0, 0);
    node(f, "Sub", "m mean", "y");
}

static void a_look_up_of_what_is_computed(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "Cast", "s", "whole");
    with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__INT64);
    node(f, "Gather", "M whole", "y");
}

static void a_look_up_of_fractions(struct file *f) {
    two_axes(f, 0, 0);
    node(f, "Gather", "M x", "rows");
    states(f, "rows");
    gemm(f, "h", "y");
}

static void a_link_to_another_row(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "Add", "s h", "y");
}

static void a_quotient_of_two_layers(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    dense(f, "s", "m");
    node(f, "Div", "s m", "y");
}

static void a_middle_step(struct file *f) {
    begin(f, 7, 0);
    states(f, "x");
    node(f, "Gather", "s four", "y");
}

static void a_state_that_is_computed_with(struct file *f) {
    begin(f, 0, 0);
    add_input(f, "h0");
    node(f, "Tanh", "h0", "start");
    lstm(f, "x W R B - start", "y");
}

static const struct file_case bad[] = {
    {the_mean_of_the_features, "the output 'y' is a mean or a variance of the features, which"},
    {a_mean_that_is_used, "computes with the mean or the variance of the features in another way"},
    {a_mean_of_another, "computes with the mean or the variance of the features in another way"},
    {a_look_up_of_what_is_computed, "(Gather) looks up what is not the input as it came"},
    {a_look_up_of_fractions, "node 'rows' (Gather) looks up what are not whole numbers"},
    {a_link_to_another_row,
     "node 'y' (Add) computes with two values that are not rows of layers, with the same"},
    {a_quotient_of_two_layers, "this version adds, subtracts and multiplies them"},
    {a_middle_step, "takes one step that is not the first or last"},
    {a_state_that_is_computed_with, "node 'start' (Tanh) reads the input 'h0'"},
    {arithmetic_along_the_steps, "node 'y' (Mul) works along axis 0 of the data"},
    {a_batch_norm_of_the_wrong_axis, "(BatchNormalization) works along axis 1 of the data"},
    {a_batch_norm_in_training, "is in training mode; export the model after model.eval()"},
    {a_division_by_zero, "computes with 0 as number 0 of its constant"},
};

START_TEST(kind_is_refused) {
    expect_refusal(&bad[_i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_kinds");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, kind_is_read, 0, sizeof good / sizeof *good);
    tcase_add_test(all, states_that_are_left_out_are_told);
    tcase_add_loop_test(all, kind_is_refused, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
