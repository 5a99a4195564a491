// SPDX-License-Identifier: Apache-2.0
// What ONNX files with other cells, heads and outputs become: the operators and their order, or the
// sentence. Each that is read is compared with what the file's operators compute.
#define _POSIX_C_SOURCE 200809L
#include "onnx_fixture.h"

// A value of three axes [T, N, H] from the LSTM, and its last state "hn".
static void every_step(struct file *f) {
    begin(f, 0, 0);
    lstm(f, "x W R B", "Y hn");
    node(f, "Squeeze", "Y one", "s");
}

static void softmax(struct file *f, const char *input, const char *output, int64_t axis) {
    node(f, "Softmax", input, output);
    with_int(f, "axis", axis);
}

// ---- What is read

static void all_steps_are_the_output(struct file *f) {
    every_step(f);
    f->out.name = "s";
}

static void with_its_axis_of_directions(struct file *f) {
    every_step(f);
    f->out.name = "Y";
}

static void a_head_on_every_step(struct file *f) {
    every_step(f);
    dense(f, "s", "m");
    node(f, "Add", "m c", "a");
    node(f, "Relu", "a", "y");
}

static void the_last_state_and_all_steps(struct file *f) {
    every_step(f);
    f->out.name = "hn";
    add_output(f, "s");
}

static void heads_share_the_last_step(struct file *f) {
    every_step(f);
    node(f, "Gather", "s last", "h");
    node(f, "Gather", "hn zero", "h2");
    gemm(f, "h", "a");
    node(f, "Sigmoid", "a", "y");
    gemm(f, "h2", "b");
    node(f, "Tanh", "b", "z");
    add_output(f, "z");
}

// Selected behind the head, which need not see the other steps.
static void the_last_step_of_a_head(struct file *f) {
    every_step(f);
    dense(f, "s", "m");
    node(f, "Tanh", "m", "t");
    dense(f, "t", "m2");
    node(f, "Gather", "m2 last", "y");
}

static void that_and_all_steps(struct file *f) {
    the_last_step_of_a_head(f);
    add_output(f, "t");
}

static void logits_and_their_sigmoid(struct file *f) {
    every_step(f);
    node(f, "Squeeze", "hn", "h");
    with_ints(f, "axes", 1, 0, 0, 0);
    dense(f, "h", "m");
    node(f, "Add", "m c", "y");
    node(f, "Sigmoid", "y", "p");
    add_output(f, "p");
    add_output(f, "m");
}

static void layers_without_activation(struct file *f) {
    every_step(f);
    node(f, "Gather", "hn zero", "h");
    gemm(f, "h", "a");
    gemm(f, "a", "y");
}

static void a_projection_before(struct file *f) {
    begin(f, 0, 0);
    tensor(f, "P", 2, F, H, 1);
    tensor(f, "W2", 3, 1, 4 * H, H);
    node(f, "MatMul", "x P", "p");
    node(f, "Tanh", "p", "t");
    lstm(f, "t W2 R B", "y");
}

static void a_layer_between(struct file *f) {
    every_step(f);
    tensor(f, "W2", 3, 1, 4 * H, H);
    dense(f, "s", "m");
    node(f, "Relu", "m", "t");
    lstm(f, "t W2 R", "- y");
}

static void two_layers_of_one_input(struct file *f) {
    every_step(f);
    lstm(f, "x W R", "- hn2");
    f->out.name = "hn2";
    add_output(f, "hn");
}

static void an_unused_branch(struct file *f) {
    every_step(f);
    lstm(f, "s W R", "unused");
    f->out.name = "hn";
}

// [N, T, F] without a Transpose.
static void batch_first_layout(struct file *f) {
    begin(f, 0, 7);
    lstm(f, "x W R B", "Y hn");
    with_int(f, "layout", 1);
    node(f, "Squeeze", "Y", "s");
    with_ints(f, "axes", 1, 2, 0, 0);
    node(f, "Gather", "s last", "h");
    with_int(f, "axis", 1);
    gemm(f, "h", "y");
    add_output(f, "hn");
    add_output(f, "s");
}

static void a_cast_of_the_state(struct file *f) {
    every_step(f);
    node(f, "Cast", "hn", "y");
    with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__BOOL);
}

static void probabilities(struct file *f) {
    every_step(f);
    dense(f, "s", "m");
    softmax(f, "m", "y", -1);
}

static void probabilities_in_older_files(struct file *f) {
    static Onnx__OperatorSetIdProto set, *sets[1] = {&set};

    probabilities(f);
    onnx__operator_set_id_proto__init(&set);
    set.has_version = 1;
    set.version = 11;
    f->model.n_opset_import = 1;
    f->model.opset_import = sets;
    f->attribute[f->attribute_count - 1].i = 2; // the last one: axes are flattened from there on
}

static void argmax(struct file *f, const char *input, int64_t axis, bool keep) {
    node(f, "ArgMax", input, "y");
    with_int(f, "axis", axis);
    if (!keep)
        with_int(f, "keepdims", 0);
}

static void the_largest(struct file *f) {
    every_step(f);
    dense(f, "s", "m");
    argmax(f, "m", -1, true);
}

static void the_largest_without_its_axis(struct file *f) {
    every_step(f);
    dense(f, "hn", "m");
    argmax(f, "m", 2, false);
    node(f, "Squeeze", "y", "z");
    with_ints(f, "axes", 1, 0, 0, 0);
    node(f, "Cast", "z", "real");
    with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    f->out.name = "real";
}

static void the_largest_of_a_softmax(struct file *f) {
    every_step(f);
    dense(f, "s", "m");
    softmax(f, "m", "p", -1);
    node(f, "Gather", "p last", "q");
    argmax(f, "q", 1, false);
    add_output(f, "p");
}

// An LSTM of this program's own domain: one number of h from its H units, Q [1, 1, H].
static void projected(struct file *f, const char *inputs) {
    begin(f, 0, 0);
    tensor(f, "R1", 3, 1, 4 * H, 1); // tensors 11 to 14
    number_tensor(f, "Q", 1, 1, H, 0.5f, 0.25f);
    number_tensor(f, "Q2", 1, 2, H, 0.5f, 0.25f);
    number_tensor(f, "h0", 1, 1, 1, 0.5f, 0);
    number_tensor(f, "far", 1, 1, 1, 2, 0);
    node(f, "LSTM", inputs, "- y cs");
    f->node[f->graph.n_node - 1].domain = "millrace";
    with_int(f, "hidden_size", H);
}

static void a_projection(struct file *f) {
    projected(f, "x W R1 B - h0 - - Q");
}

static void a_projection_of_the_cell(struct file *f) {
    projected(f, "x W R1 B - - - - Q");
    f->out.name = "cs";
}

static void no_projection(struct file *f) {
    projected(f, "x W R1 B");
}

static void a_projection_that_depends(struct file *f) {
    projected(f, "x W R1 B - - - - x");
}

static void a_wider_projection(struct file *f) {
    projected(f, "x W R1 B - - - - Q2");
}

static void a_projection_beside_r(struct file *f) {
    projected(f, "x W R B - - - - Q");
}

static void a_state_beyond_the_projection(struct file *f) {
    projected(f, "x W R1 B - far - - Q");
}

static const struct file_case good[] = {
    {all_steps_are_the_output, "lstm<0; s=1"},
    {with_its_axis_of_directions, "lstm<0; Y=1"},
    {a_head_on_every_step, "lstm<0 dense<1; y=2"},
    {the_last_state_and_all_steps, "lstm<0 last<1; hn=2 s=1"},
    {heads_share_the_last_step, "lstm<0 last<1 dense<2 dense<2; y=3 z=4"},
    {the_last_step_of_a_head, "lstm<0 last<1 dense<2 dense<3; y=4"},
    {that_and_all_steps, "lstm<0 dense<1 last<1 dense<3 dense<4; y=5 t=2"},
    {logits_and_their_sigmoid, "lstm<0 last<1 dense<2 dense<2 dense<2; y=4 p=5 m=3"},
    {layers_without_activation, "lstm<0 last<1 dense<2 dense<3; y=4"},
    {a_projection_before, "dense<0 lstm<1; y=2"},
    {a_layer_between, "lstm<0 dense<1 lstm<2 last<3; y=4"},
    {two_layers_of_one_input, "lstm<0 lstm<0 last<2 last<1; hn2=3 hn=4"},
    {an_unused_branch, "lstm<0 last<1; hn=2"},
    {batch_first_layout, "lstm<0 last<1 dense<2; y=3 hn=2 s=1"},
    {a_cast_of_the_state, "lstm<0 last<1; y=2"},
    {probabilities, "lstm<0 dense<1 softmax<2; y=3"},
    {probabilities_in_older_files, "lstm<0 dense<1 softmax<2; y=3"},
    {the_largest, "lstm<0 dense<1 argmax<2; y=3"},
    {the_largest_without_its_axis, "lstm<0 last<1 dense<2 argmax<3; real=4"},
    {a_projection, "lstm<0 last<1 dense<2; y=3"},
    {a_projection_of_the_cell, "lstm_cell<0 last<1; cs=2"},
    {the_largest_of_a_softmax, "lstm<0 dense<1 softmax<2 last<1 dense<4 argmax<5; y=6 p=3"},
};

START_TEST(network_is_read) {
    struct mr_network n;

    expect_network(&good[_i], &n);
    if (good[_i].make == batch_first_layout) {
        ck_assert_str_eq(n.layout, "NTF");
        ck_assert_int_eq(n.steps, 7);
    }
    if (good[_i].make == heads_share_the_last_step) {
        ck_assert_int_eq(n.ops[2].places[MR_PLACE_G].kind, MR_ACTIVATION_SIGMOID);
        ck_assert_int_eq(n.ops[3].places[MR_PLACE_G].kind, MR_ACTIVATION_TANH);
    }
    if (good[_i].make == logits_and_their_sigmoid) { // m, y = m + c, sigmoid(y)
        ck_assert_float_eq(n.ops[2].bias[1], 0);
        ck_assert_float_eq(n.ops[3].bias[1], value_at(4, 1));
        ck_assert_float_eq(n.ops[4].bias[1], value_at(4, 1));
        ck_assert_int_eq(n.ops[4].places[MR_PLACE_G].kind, MR_ACTIVATION_SIGMOID);
    }
    if (good[_i].make == a_cast_of_the_state)
        ck_assert(n.outputs[0].cast.truth);
    mr_network_free(&n);
}
END_TEST

// Gates z, r, h of ONNX are r, z, n here; where n keeps its sums apart there is a bias for each.
START_TEST(gates_of_a_gru_are_read) {
    static const int onnx_gate[3] = {1, 0, 2};
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    begin(f, 0, 0);
    tensor(f, "W3", 3, 1, 3 * H, F); // tensors 11 to 13
    tensor(f, "R3", 3, 1, 3 * H, H);
    tensor(f, "B3", 2, 1, 6 * H, 1);
    node(f, "GRU", "x W3 R3 B3", "y");
    with_int(f, "hidden_size", H);
    with_int(f, "linear_before_reset", _i);
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    const struct mr_op *op = mr_network_layer(&n, 0);
    ck_assert_str_eq(op->kind->name, _i ? "gru" : "gru_reset_first");
    const int apart = op->kind->sums - op->kind->gates;
    ck_assert_int_eq(op->kind->gates, 3);
    ck_assert(_i == 0 || apart == 1);
    for (int gate = 0; gate < 3; gate++) {
        for (int j = 0; j < H; j++) {
            const int row = gate * H + j, from = onnx_gate[gate] * H + j;
            const float of_x = value_at(13, from), of_h = value_at(13, 3 * H + from);
            for (int k = 0; k < F; k++)
                ck_assert_float_eq(op->w_x[row * F + k], value_at(11, from * F + k));
            for (int k = 0; k < H; k++)
                ck_assert_float_eq(op->w_h[row * H + k], value_at(12, from * H + k));
            const bool split = gate >= 3 - apart;
            ck_assert_float_eq(op->bias[row], split ? of_x : of_x + of_h);
            if (split)
                ck_assert_float_eq(op->bias[(gate + apart) * H + j], of_h);
        }
    }
    mr_network_free(&n);
    free(f);
}
END_TEST

// P of ONNX is of i, o and f; its numbers here of i, f and o. _i: where the forget gate is one
// minus the input gate, they change sign.
START_TEST(peepholes_are_read) {
    static const int onnx_gate[2][3] = {{0, 2, 1}, {0, 0, 1}};
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    begin(f, 0, 0);
    tensor(f, "P", 2, 1, 3 * H, 1); // tensor 11
    node(f, "LSTM", "x W R B - - - P", "- y z");
    with_int(f, "hidden_size", H);
    with_int(f, "input_forget", _i);
    add_output(f, "z");
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    ck_assert_int_eq(mr_network_layers(&n), 2);
    for (int layer = 0; layer < 2; layer++) {
        const struct mr_op *op = mr_network_layer(&n, layer);
        ck_assert_str_eq(op->kind->name, layer ? "lstm_peephole_cell" : "lstm_peephole");
        for (int k = 0; k < 3; k++)
            for (int j = 0; j < H; j++) {
                const float p = value_at(11, onnx_gate[_i][k] * H + j);
                ck_assert_float_eq(op->constants[k * H + j], _i && k == 1 ? -p : p);
            }
    }
    mr_network_free(&n);
    free(f);
}
END_TEST

// R Q, and the least u of which Q makes h0.
START_TEST(projections_are_read) {
    static const float q[H] = {0.5f, 0.75f};
    struct file *f = malloc(sizeof *f);
    struct mr_network n;
    a_projection(f);
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    const struct mr_op *op = mr_network_layer(&n, 0);
    static const int onnx_gate[4] = {0, 2, 3, 1};
    for (int gate = 0; gate < 4; gate++)
        for (int j = 0; j < H; j++)
            for (int k = 0; k < H; k++)
                ck_assert_float_eq_tol(op->w_h[(gate * H + j) * H + k],
                                       value_at(11, onnx_gate[gate] * H + j) * q[k], 1e-5f);
    for (int k = 0; k < H; k++)
        ck_assert_float_eq_tol(op->start[k], 0.5f * q[k] / (q[0] * q[0] + q[1] * q[1]), 1e-6f);
    const struct mr_op *dense = &n.ops[n.op_count - 1];
    ck_assert_int_eq(dense->units, 1);
    ck_assert(dense->w_x[0] == q[0] && dense->w_x[1] == q[1]);
    mr_network_free(&n);
    free(f);
}
END_TEST

static void rnn(struct file *f, ProtobufCBinaryData *activation) {
    begin(f, 0, 0);
    tensor(f, "W1", 3, 1, H, F); // tensors 11 to 13
    tensor(f, "R1", 3, 1, H, H);
    tensor(f, "B1", 2, 1, 2 * H, 1);
    for (int t = 11; t < 14; t++) { // small ones, for relu has no end
        float *list = f->tensor[t].has_raw_data ? (float *)(void *)f->tensor[t].raw_data.data
                                                : f->tensor[t].float_data;
        for (int i = 0; i < H * F; i++)
            list[i] /= 64;
    }
    node(f, "RNN", "x W1 R1 B1", "y");
    if (activation) {
        Onnx__AttributeProto *a = attribute(f, "activations");
        a->n_strings = 1;
        a->strings = activation;
    }
}

START_TEST(rnns_are_read) {
    static ProtobufCBinaryData names[2] = {{4, (uint8_t *)(uintptr_t) "Tanh"},
                                           {4, (uint8_t *)(uintptr_t) "relu"}};
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    rnn(f, _i == 0 ? NULL : &names[_i - 1]);
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    const struct mr_op *op = mr_network_layer(&n, 0);
    ck_assert_str_eq(op->kind->name, _i < 2 ? "rnn_tanh" : "rnn_relu");
    for (int j = 0; j < H; j++)
        ck_assert_float_eq(op->bias[j], (value_at(13, j) + value_at(13, H + j)) / 64);
    mr_network_free(&n);
    free(f);
}
END_TEST

// ---- What is refused

static void a_quotient_of_states(struct file *f) {
    every_step(f);
    node(f, "Div", "s s", "y");
}

static void nine_outputs(struct file *f) {
    every_step(f);
    f->out.name = "s";
    for (int i = 0; i < MR_MAX_OUTPUTS; i++)
        add_output(f, "hn");
}

static void outputs_of_one_name(struct file *f) {
    every_step(f);
    f->out.name = "hn";
    add_output(f, "hn");
}

static void other_features(struct file *f) {
    every_step(f);
    dense(f, "x", "y");
}

static void softmax_over_the_steps(struct file *f) {
    every_step(f);
    dense(f, "s", "m");
    softmax(f, "m", "y", 0);
}

static void softmax_over_all_in_older_files(struct file *f) {
    probabilities_in_older_files(f);
    f->attribute[f->attribute_count - 1].i = 1;
}

static void another_cast_of_the_input(struct file *f) {
    every_step(f);
    node(f, "Cast", "x", "whole");
    with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__INT32);
    node(f, "Cast", "whole", "real");
    with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    lstm(f, "real W R", "- hn2");
    f->out.name = "hn2";
    add_output(f, "hn");
}

static void no_recurrent_layer(struct file *f) {
    begin(f, 0, 0);
    tensor(f, "P", 2, F, H, 1);
    node(f, "MatMul", "x P", "y");
}

static void an_rnn_of_sines(struct file *f) {
    static ProtobufCBinaryData name = {5, (uint8_t *)(uintptr_t) "Sines"};

    rnn(f, &name);
}

static void another_gru(struct file *f) {
    begin(f, 0, 0);
    tensor(f, "W3", 3, 1, 3 * H, F);
    tensor(f, "R3", 3, 1, 3 * H, H);
    node(f, "GRU", "x W3 R3", "y");
    static ProtobufCBinaryData name = {4, (uint8_t *)(uintptr_t) "Relu"};
    Onnx__AttributeProto *a = attribute(f, "activations");
    a->n_strings = 1;
    a->strings = &name;
}

static void the_last_of_the_largest(struct file *f) {
    the_largest(f);
    with_int(f, "select_last_index", 1);
}

static void the_step_of_the_largest(struct file *f) {
    every_step(f);
    dense(f, "s", "m");
    argmax(f, "m", 0, true);
}

static void a_layer_behind_the_largest(struct file *f) {
    the_largest(f);
    dense(f, "y", "z");
    f->out.name = "z";
}

static const struct file_case bad[] = {
    {no_projection, "has no constant projection of [directions, width, units]"},
    {a_projection_that_depends, "has no constant projection of [directions, width, units]"},
    {a_wider_projection, "has a projection to 2 numbers, and R is over 1"},
    {a_projection_beside_r, "has a projection to 1 numbers, and R is over 2"},
    {a_state_beyond_the_projection, "asks for 1.23077 in unit 0 before the projection"},
    {the_last_of_the_largest, "takes the last of equal numbers; this version takes the first"},
    {the_step_of_the_largest, "goes along another axis than the features"},
    {a_layer_behind_the_largest, "node 'z' (MatMul) has weights for 2 inputs and reads 1"},
    {a_quotient_of_states, "divides one value that depends on the input by another"},
    {nine_outputs, "the graph has 9 outputs; this version takes 1 to 8"},
    {outputs_of_one_name, "two outputs are named 'hn'"},
    {other_features, "has weights for 2 inputs and reads 3"},
    {softmax_over_the_steps, "goes along another axis than the features"},
    {softmax_over_all_in_older_files, "goes along another axis than the features"},
    {another_cast_of_the_input, "reads the input through another cast than others do"},
    {no_recurrent_layer, "the network has no recurrent layer"},
    {an_rnn_of_sines, "node 'y' (RNN) has the activation 'Sines', which is none of Relu, Tanh, "},
    {another_gru, "has 1 activations; it is a cell of 2 in 1 direction"},
};

START_TEST(network_is_refused) {
    expect_refusal(&bad[_i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_layers");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, network_is_read, 0, sizeof good / sizeof *good);
    tcase_add_loop_test(all, gates_of_a_gru_are_read, 0, 2);
    tcase_add_loop_test(all, peepholes_are_read, 0, 2);
    tcase_add_test(all, projections_are_read);
    tcase_add_loop_test(all, rnns_are_read, 0, 3);
    tcase_add_loop_test(all, network_is_refused, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
