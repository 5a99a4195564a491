// SPDX-License-Identifier: Apache-2.0
// The kinds of ONNX files that people bring beside plain stacks and heads: what they become, or the
// sentence. Each that is read is compared with what the file's operators compute.
#define _POSIX_C_SOURCE 200809L
#include "onnx_fixture.h"
#include "walk.h"

#include <math.h>

// Steps "s", [T, N, H], and the last state "h", [N, H].
static void states(struct file *f, const char *input) {
    char inputs[32];

    snprintf(inputs, sizeof inputs, "%s W R B", input);
    lstm(f, inputs, "Y hn");
    node(f, "Squeeze", "Y one", "s");
    node(f, "Squeeze", "hn", "h");
    with_ints(f, "axes", 1, 0, 0, 0);
}

static void dense(struct file *f, const char *input, const char *output) {
    char inputs[64];

    snprintf(inputs, sizeof inputs, "%s M", input);
    node(f, "MatMul", inputs, output);
}

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

// ---- What is done to outputs outside of the pipeline

static void logarithms_of_a_softmax(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    gemm(f, "h", "z");
    node(f, "LogSoftmax", "z", "y");
    with_int(f, "axis", -1);
    node(f, "ArgMax", "y", "best");
    with_int(f, "axis", -1);
    add_output(f, "best");
}

static void outputs_are_compared(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    number_tensor(f, "half", 1, 0, 0, 0.5f, 0);
    number_tensor(f, "none", 1, 0, 0, 0, 0);
    gemm(f, "h", "z");
    node(f, "Sigmoid", "z", "p");
    node(f, "Greater", "p half", "above");
    node(f, "Cast", "above", "y");
    with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    node(f, "GreaterOrEqual", "none z", "below");
    node(f, "LessOrEqual", "s none", "each");
    add_output(f, "below");
    add_output(f, "each");
}

// By an input and without an upper end, and by attributes.
static void outputs_are_clipped(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    number_tensor(f, "none", 1, 0, 0, 0, 0);
    gemm(f, "h", "z");
    node(f, "Clip", "z none", "y");
    node(f, "Clip", "s", "each");
    with_float(f, "min", -0.25f);
    with_float(f, "max", 0.125f);
    add_output(f, "each");
}

START_TEST(rows_of_outputs_are_finished) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;
    const float x[2][F] = {{0.5f, -1, 2}, {1, 0.25f, -0.5f}};
    double y[2 * (O + 1)];

    logarithms_of_a_softmax(f);
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    ck_assert(n.outputs[0].log_softmax && !n.outputs[1].log_softmax);
    ck_assert_int_eq(mr_float_run(&n, x[0], 2, 1, y), 0);
    for (int i = 0; i < 2; i++) // exponentials of a row are its softmax
        ck_assert_double_eq_tol(exp(y[i * O]) + exp(y[i * O + 1]), 1, 1e-12);
    mr_network_free(&n);
    outputs_are_compared(f);
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    ck_assert_int_eq(n.outputs[0].cast.side, 1);
    ck_assert_double_eq(n.outputs[0].cast.than, 0.5);
    // 0 >= z is z below the next number above 0
    ck_assert_int_eq(n.outputs[1].cast.side, -1);
    ck_assert_double_eq(mr_cast(n.outputs[1].cast, 0), 1);
    ck_assert_double_eq(mr_cast(n.outputs[1].cast, 1e-30), 0);
    ck_assert_double_eq(mr_cast(n.outputs[2].cast, -3), 1);
    mr_network_free(&n);
    outputs_are_clipped(f);
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    ck_assert_double_eq(mr_cast(n.outputs[0].cast, -3), 0);
    ck_assert_double_eq(mr_cast(n.outputs[0].cast, 1e9), 1e9);
    ck_assert_double_eq(mr_cast(n.outputs[1].cast, 3), 0.125);
    ck_assert_double_eq(mr_cast(n.outputs[1].cast, -3), -0.25);
    mr_network_free(&n);
    free(f);
}
END_TEST

// ---- What ONNX Runtime makes of a file where it quantises it

// Number i is i - 20.
static void whole_tensor(struct file *f, const char *name, int rank, int64_t a, int64_t b,
                         int64_t c) {
    static int8_t numbers[64];
    Onnx__TensorProto *t = tensor(f, name, rank, a, b, c);

    for (int i = 0; i < 64; i++)
        numbers[i] = (int8_t)(i - 20);
    t->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT8;
    t->n_float_data = 0;
    t->has_raw_data = 1;
    t->raw_data = (ProtobufCBinaryData){(size_t)(a * b * (rank > 2 ? c : 1)), (uint8_t *)numbers};
}

static void zero_points(struct file *f, const char *name, int64_t count) {
    whole_tensor(f, name, 1, count, 1, 1);
}

// An LSTM with a scale for each of its rows, and a linear layer.
static void a_quantised_file(struct file *f) {
    begin(f, 0, 0);
    whole_tensor(f, "Wq", 3, 1, F, 4 * H);
    whole_tensor(f, "Rq", 3, 1, H, 4 * H);
    whole_tensor(f, "Mq", 2, H, O, 1);
    number_tensor(f, "W_scale", 4 * H, 0, 0, 0.0625f, 0.03125f);
    number_tensor(f, "R_scale", 1, 0, 0, 0.125f, 0);
    number_tensor(f, "M_scale", 1, 0, 0, 0.25f, 0);
    zero_points(f, "W_zero", 4 * H);
    zero_points(f, "M_zero", 1);
    node(f, "DynamicQuantizeLSTM", "x Wq Rq B - - - - W_scale W_zero R_scale -", "- hn");
    with_int(f, "hidden_size", H);
    f->node[0].domain = "com.microsoft";
    node(f, "Squeeze", "hn", "h");
    with_ints(f, "axes", 1, 0, 0, 0);
    node(f, "DynamicQuantizeLinear", "h", "hq h_scale h_zero");
    node(f, "MatMulInteger", "hq Mq h_zero M_zero", "whole");
    node(f, "Cast", "whole", "real");
    with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    node(f, "Mul", "h_scale M_scale", "scale");
    node(f, "Mul", "real scale", "product");
    node(f, "Add", "product c", "y");
}

START_TEST(quantised_weights_are_what_they_stand_for) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;
    static const int gates[4] = {0, 2, 3, 1}; // of ONNX, in the network's order

    a_quantised_file(f);
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    for (int row = 0; row < 4 * H; row++) {
        const int from = gates[row / H] * H + row % H;
        for (int k = 0; k < F; k++) // (Wq - zero) scale; element (k, from) of Wq
            ck_assert_float_eq(n.ops[0].w_x[row * F + k], (float)(k * 4 * H + from - from) *
                                                              (0.0625f + 0.03125f * (float)from));
        for (int k = 0; k < H; k++)
            ck_assert_float_eq(n.ops[0].w_h[row * H + k], (float)(k * 4 * H + from - 20) * 0.125f);
    }
    for (int o = 0; o < O; o++)
        for (int k = 0; k < H; k++) // its zero point is -20
            ck_assert_float_eq(n.ops[2].w_x[o * H + k], (float)(k * O + o) * 0.25f);
    mr_network_free(&n);
    free(f);
}
END_TEST

// ---- Functions

// Of the file, and what it calls: y = fc(act(h)), with a bias of its own and an attribute that is
// handed in. Values in them have the names of others outside.
static Onnx__FunctionProto functions[2], *function_list[2];
static Onnx__NodeProto inner[4], *inner_list[4];
static Onnx__AttributeProto handed, *handed_list[1];

static void inner_node(int i, const char *type, char **inputs, size_t input_count, char **output) {
    onnx__node_proto__init(&inner[i]);
    inner_list[i] = &inner[i];
    inner[i].op_type = (char *)(uintptr_t)type;
    inner[i].input = inputs;
    inner[i].n_input = input_count;
    inner[i].output = output;
    inner[i].n_output = 1;
}

static void function(int i, const char *name, char **inputs, size_t input_count, char **output,
                     int first, size_t nodes) {
    onnx__function_proto__init(&functions[i]);
    function_list[i] = &functions[i];
    functions[i].name = (char *)(uintptr_t)name;
    functions[i].domain = "pkg.test";
    functions[i].input = inputs;
    functions[i].n_input = input_count;
    functions[i].output = output;
    functions[i].n_output = 1;
    functions[i].node = &inner_list[first];
    functions[i].n_node = nodes;
}

static void a_file_with_functions(struct file *f) {
    static char *in[] = {"x", "w", "b"}, *hidden[] = {"h"}, *out[] = {"y"},
                *gemm_in[] = {"h", "w", "b"};
    static char *act_in[] = {"v"}, *act_mid[] = {"h"};

    begin(f, 0, 0);
    states(f, "x");
    // head(x, w, b, turned) = Gemm(act(x), w, b), act(v) = Tanh(Relu(v))
    inner_node(0, "act", in, 1, hidden);
    inner[0].domain = "pkg.test";
    inner_node(1, "Gemm", gemm_in, 3, out);
    onnx__attribute_proto__init(&handed);
    handed.name = "transB";
    handed.ref_attr_name = "turned";
    handed_list[0] = &handed;
    inner[1].attribute = handed_list;
    inner[1].n_attribute = 1;
    inner_node(2, "Relu", act_in, 1, act_mid);
    inner_node(3, "Tanh", act_mid, 1, out);
    function(0, "head", in, 3, out, 0, 2);
    function(1, "act", act_in, 1, out, 2, 2);
    f->model.functions = function_list;
    f->model.n_functions = 2;
    for (int i = 0; i < 2; i++) { // the second one reads what the first one gives
        node(f, "head", i ? "first M c" : "h M c", i ? "y" : "first");
        f->node[f->graph.n_node - 1].domain = "pkg.test";
        with_int(f, "turned", 1);
    }
}

static void a_function_that_calls_itself(struct file *f) {
    a_file_with_functions(f);
    inner[2].op_type = "act";
    inner[2].domain = "pkg.test";
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

// ---- Layouts of the input

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

static void two_axes(struct file *f, int64_t a, int64_t b) {
    begin(f, a, b);
    f->shape.n_dim = 2;
    if (b)
        f->dim[1].dim_value = b;
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

static const struct {
    void (*make)(struct file *f);
    const char *layout;
} layouts[] = {
    {features_before_steps, "NFT"},
    {features_first, "FNT"},
    {one_sequence, "TF"},
    {one_feature, "NT"},
    {one_step, "NF"},
    {one_normalised_feature, "TN"},
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

static const struct {
    void (*make)(struct file *f);
    const char *becomes; // operators and what they read, outputs and what they are
} good[] = {
    {inputs_are_normalised, "lstm<0 last<1 dense<2; y=3"},
    {inputs_are_normalised_alike, "lstm<0 last<1 dense<2; y=3"},
    {two_layers_read_normalised_inputs, "lstm<0 lstm<0 last<1 dense<3 last<2; hn2=5 y=4"},
    {outputs_are_scaled_back, "lstm<0 last<1 dense<2; y=3"},
    {squashed_outputs_are_scaled, "lstm<0 last<1 dense<2 dense<3; y=4"},
    {batch_norm_behind_a_linear_layer, "lstm<0 last<1 dense<2; y=3"},
    {batch_norm_of_the_input, "lstm<0 last<1 dense<2; y=3"},
    {batch_norm_of_states, "lstm<0 last<1 dense<2; y=3"},
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
    {the_mean_of_all_steps, "lstm<0 mean<1 dense<2; y=3"},
    {the_greatest_of_all_steps, "lstm<0 max<1 dense<2; y=3"},
    {a_global_pool, "lstm<0 mean<1 max<1 dense<2; y=4 g=3"},
    {the_mean_of_a_head, "lstm<0 dense<1 mean<2; y=3"},
    {a_quantised_file, "lstm<0 last<1 dense<2; y=3"},
    {a_file_with_functions, "lstm<0 last<1 dense<2 dense<3 dense<4 dense<5 dense<6; y=7"},
    {logarithms_of_a_softmax, "lstm<0 last<1 dense<2 argmax<3; y=3 best=4"},
    {outputs_are_clipped, "lstm<0 last<1 dense<2; y=3 each=1"},
    {outputs_are_compared, "lstm<0 last<1 dense<2 dense<2; y=4 below=3 each=1"},
    {softmax_of_a_state, "lstm<0 last<1 dense<2 softmax<3; y=4"},
};

START_TEST(kind_is_read) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;
    char text[400];

    good[_i].make(f);
    ck_assert_msg(parse(f, &n) == 0, "kind %d: %s", _i, error);
    describe(&n, text, sizeof text);
    ck_assert_str_eq(text, good[_i].becomes);
    mr_network_free(&n);
    free(f);
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

static void a_middle_step(struct file *f) {
    begin(f, 7, 0);
    states(f, "x");
    node(f, "Gather", "s four", "y");
}

static void a_product_of_whole_numbers(struct file *f) {
    a_quantised_file(f);
    f->node[3].input[2] = "M_zero";
}

static void a_layer_behind_logarithms(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "LogSoftmax", "h", "l");
    gemm(f, "l", "y");
}

static void a_layer_behind_a_comparison(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    number_tensor(f, "half", 1, 0, 0, 0.5f, 0);
    node(f, "Less", "h half", "b");
    node(f, "Cast", "b", "l");
    with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    gemm(f, "l", "y");
}

static void a_layer_behind_a_clip(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    number_tensor(f, "most", 1, 0, 0, 6, 0);
    node(f, "Clip", "h - most", "l");
    gemm(f, "l", "y");
}

static void a_comparison_of_the_input(struct file *f) {
    begin(f, 0, 0);
    number_tensor(f, "half", 1, 0, 0, 0.5f, 0);
    node(f, "Less", "x half", "b");
    states(f, "b");
    f->outs[0]->name = "h";
}

static void lengths_that_differ(struct file *f) {
    begin(f, 7, 0);
    list_tensor(f, "lengths", 3, 7, 4, 7);
    lstm(f, "x W R B lengths", "y");
}

static void lengths_of_a_part(struct file *f) {
    begin(f, 7, 0);
    list_tensor(f, "lengths", 3, 4, 4, 4);
    lstm(f, "x W R B lengths", "y");
}

static void lengths_from_an_input(struct file *f) {
    begin(f, 0, 0);
    add_input(f, "lengths");
    lstm(f, "x W R B lengths", "y");
}

static void a_state_that_is_computed_with(struct file *f) {
    begin(f, 0, 0);
    add_input(f, "h0");
    node(f, "Tanh", "h0", "start");
    lstm(f, "x W R B - start", "y");
}

static const struct {
    void (*make)(struct file *f);
    const char *said;
} bad[] = {
    {the_mean_of_the_features, "node 'y' (ReduceMean) goes along axis 2, which is not that of"},
    {a_middle_step, "takes one step that is not the first or last"},
    {a_product_of_whole_numbers, "reads data whose zero point is not that of a Dynamic"},
    {a_function_that_calls_itself, "function 'act' calls itself, or too many others"},
    {a_layer_behind_logarithms, "reads what a LogSoftmax gives; this version takes that as an out"},
    {a_layer_behind_a_comparison,
     "node 'y' (Gemm) reads numbers that a cast has made whole or bool"},
    {a_layer_behind_a_clip, "node 'y' (Gemm) reads what a Clip gives"},
    {a_comparison_of_the_input, "compares what is no output of a layer as it came"},
    {lengths_that_differ, "node 'y' (LSTM) has sequence lengths that differ"},
    {lengths_of_a_part, "has a sequence length of 4 where the input has 7 steps"},
    {lengths_from_an_input, "has sequence lengths ('lengths') that are no constants from 1 on"},
    {a_state_that_is_computed_with, "node 'start' (Tanh) reads the input 'h0'"},
    {arithmetic_along_the_steps, "node 'y' (Mul) works along axis 0 of the data"},
    {a_batch_norm_of_the_wrong_axis, "(BatchNormalization) works along axis 1 of the data"},
    {a_batch_norm_in_training, "is in training mode; export the model after model.eval()"},
    {a_division_by_zero, "computes with 0 as number 0 of its constant"},
};

START_TEST(kind_is_refused) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    bad[_i].make(f);
    ck_assert_int_ne(parse(f, &n), 0);
    ck_assert_msg(strstr(error, bad[_i].said) != NULL, "%s", error);
    ck_assert_ptr_null(n.ops);
    free(f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_kinds");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, kind_is_read, 0, sizeof good / sizeof *good);
    tcase_add_test(all, rows_of_outputs_are_finished);
    tcase_add_test(all, quantised_weights_are_what_they_stand_for);
    tcase_add_test(all, states_that_are_left_out_are_told);
    tcase_add_loop_test(all, layout_is_found, 0, sizeof layouts / sizeof *layouts);
    tcase_add_loop_test(all, kind_is_refused, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
