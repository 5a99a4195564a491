// SPDX-License-Identifier: Apache-2.0
// What ends an output outside of the pipeline, and files whose nodes stand for others: quantised
// ones, and such with functions. Each that is read is compared with what the file's operators
// compute.
#define _POSIX_C_SOURCE 200809L
#include "onnx_fixture.h"
#include "places.h"
#include "walk.h"

#include <math.h>

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

// ---- Activations of linear layers

static const struct {
    const char *type, *name; // of an attribute, or NULL
    float value;
    enum mr_activation kind;
    double at, gives; // of the network, for the sum of the layer
} activations[] = {
    {"Elu", NULL, 0, MR_ACTIVATION_ELU, -1, -0.63212055882855767},
    {"Elu", "alpha", 0.25f, MR_ACTIVATION_ELU, -1, -0.15803013970713942},
    {"LeakyRelu", NULL, 0, MR_ACTIVATION_LEAKY, -2, -0.02},
    {"LeakyRelu", "alpha", 0.5f, MR_ACTIVATION_LEAKY, -2, -1},
    {"ThresholdedRelu", "alpha", 0.125f, MR_ACTIVATION_THRESHOLDED, 0.1, 0},
    {"Softsign", NULL, 0, MR_ACTIVATION_SOFTSIGN, -3, -0.75},
    {"Softplus", NULL, 0, MR_ACTIVATION_SOFTPLUS, 0, 0.69314718055994531},
    {"HardSigmoid", "alpha", 0.5f, MR_ACTIVATION_HARD, 0.75, 0.75}, // in its weights
    {"Celu", "alpha", 0.5f, MR_ACTIVATION_ELU, -1, -0.63212055882855767},
    {"Swish", NULL, 0, MR_ACTIVATION_SWISH, -1, -0.26894142136999512},
    {"Gelu", NULL, 0, MR_ACTIVATION_GELU, -1, -0.15865525393145705},
    {"HardSwish", NULL, 0, MR_ACTIVATION_HARD_SWISH, -1, -0.33333333333333333},
    {"Mish", NULL, 0, MR_ACTIVATION_MISH, -1, -0.30340146137410893},
    {"Selu", NULL, 0, MR_ACTIVATION_ELU, -1, -1.057704064106067},
};

// On every step, in front of another layer, and as an output.
static void a_function(struct file *f, int i) {
    begin(f, 0, 0);
    states(f, "x");
    for (int end = 0; end < 2; end++) {
        gemm(f, "h", end ? "z" : "v");
        node(f, activations[i].type, end ? "z" : "v", end ? "y" : "r");
        if (activations[i].name)
            with_float(f, activations[i].name, activations[i].value);
    }
    number_tensor(f, "N", O, O, 0, 0.5f, -0.25f);
    node(f, "MatMul", "r N", "behind");
    add_output(f, "behind");
}

START_TEST(functions_are_activations) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;
    int found = 0;

    ck_assert_ptr_nonnull(f);
    a_function(f, _i);
    ck_assert_msg(parse(f, &n) == 0, "%s: %s", activations[_i].type, error);
    for (int i = 0; i < n.op_count; i++) {
        const struct mr_op *op = &n.ops[i];
        if (!op->kind->has_activation || op->places[MR_PLACE_G].kind == MR_ACTIVATION_LINEAR)
            continue;
        ck_assert_int_eq(op->places[MR_PLACE_G].kind, activations[_i].kind);
        ck_assert_double_eq_tol(mr_place_float(&op->places[MR_PLACE_G], activations[_i].at),
                                activations[_i].gives, 1e-7);
        found++;
    }
    ck_assert_int_eq(found, 2);
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

static const struct file_case good[] = {
    {logarithms_of_a_softmax, "lstm<0 last<1 dense<2 argmax<3; y=3 best=4"},
    {outputs_are_compared, "lstm<0 last<1 dense<2 dense<2; y=4 below=3 each=1"},
    {outputs_are_clipped, "lstm<0 last<1 dense<2; y=3 each=1"},
    {a_quantised_file, "lstm<0 last<1 dense<2; y=3"},
    {a_file_with_functions, "lstm<0 last<1 dense<2 dense<3 dense<4 dense<5 dense<6; y=7"},
};

START_TEST(kind_is_read) {
    struct mr_network n;

    expect_network(&good[_i], &n);
    mr_network_free(&n);
}
END_TEST

// ---- What is refused

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

static void a_comparison_of_the_input(struct file *f) {
    begin(f, 0, 0);
    number_tensor(f, "half", 1, 0, 0, 0.5f, 0);
    node(f, "Less", "x half", "b");
    states(f, "b");
    f->outs[0]->name = "h";
}

static void the_same_output_twice(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    gemm(f, "h", "y");
    add_output(f, "y");
}

static const struct file_case bad[] = {
    {the_same_output_twice, "two outputs are named 'y'; give each a name"},
    {a_product_of_whole_numbers, "reads data whose zero point is not that of a Dynamic"},
    {a_layer_behind_logarithms, "reads what a LogSoftmax gives; this version takes that as an out"},
    {a_layer_behind_a_comparison,
     "node 'y' (Gemm) reads numbers that a cast has made whole or bool"},
    {a_comparison_of_the_input, "reads what a comparison of the input gives"},
    {a_function_that_calls_itself, "function 'act' calls itself, or too many others"},
};

START_TEST(kind_is_refused) {
    expect_refusal(&bad[_i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_ends");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, kind_is_read, 0, sizeof good / sizeof *good);
    tcase_add_test(all, rows_of_outputs_are_finished);
    tcase_add_loop_test(all, functions_are_activations, 0,
                        sizeof activations / sizeof *activations);
    tcase_add_test(all, quantised_weights_are_what_they_stand_for);
    tcase_add_loop_test(all, kind_is_refused, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
