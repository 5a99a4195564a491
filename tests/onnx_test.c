// SPDX-License-Identifier: Apache-2.0
// Small ONNX files in the ways PyTorch writes LSTM networks, and in the ways this version refuses:
// the imported weights, or the sentence.
#define _POSIX_C_SOURCE 200809L
#include "onnx_fixture.h"

#include <math.h>

static void check_lstm(const struct mr_network *n) {
    static const int onnx_gate[4] = {0, 2, 3, 1};
    const struct mr_op *l = mr_network_layer(n, 0);

    ck_assert_ptr_nonnull(l);
    ck_assert_int_eq(l->inputs, F);
    ck_assert_int_eq(l->units, H);
    for (int gate = 0; gate < 4; gate++) {
        for (int j = 0; j < H; j++) {
            int row = gate * H + j, from = onnx_gate[gate] * H + j;
            for (int k = 0; k < F; k++)
                ck_assert_float_eq(l->w_x[row * F + k], value_at(0, from * F + k));
            for (int k = 0; k < H; k++)
                ck_assert_float_eq(l->w_h[row * H + k], value_at(1, from * H + k));
            ck_assert_float_eq(l->bias[row], value_at(2, from) + value_at(2, 4 * H + from));
        }
    }
}

static void check_head(const struct mr_network *n, bool transposed, float alpha, float beta,
                       bool sigmoid) {
    const struct mr_op *head = find_op(n, "dense");

    ck_assert_ptr_nonnull(head);
    ck_assert_int_eq(head->inputs, H);
    ck_assert_int_eq(head->units, O);
    ck_assert_int_eq(head->places[MR_PLACE_G].kind,
                     sigmoid ? MR_ACTIVATION_SIGMOID : MR_ACTIVATION_LINEAR);
    for (int o = 0; o < O; o++) {
        for (int k = 0; k < H; k++)
            ck_assert_float_eq(head->w_x[o * H + k],
                               alpha * value_at(3, transposed ? k * O + o : o * H + k));
        ck_assert_float_eq(head->bias[o], beta * value_at(4, o));
    }
}

START_TEST(last_step_is_found) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;
    static const bool is_batch_first[7] = {1, 1, 1, 0, 0, 0, 1};
    static const int steps[7] = {0, 5, 0, 5, 0, 0, 0};

    make_good(f, _i);
    gemm(f, "h", "y");
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    ck_assert_int_eq(mr_network_layers(&n), 1);
    ck_assert_int_eq(n.op_count, 3);
    ck_assert_str_eq(n.input_name, "x");
    ck_assert_str_eq(n.outputs[0].name, "y");
    ck_assert_str_eq(n.layout, is_batch_first[_i] ? "NTF" : "TNF");
    ck_assert_int_eq(n.steps, steps[_i]);
    ck_assert_str_eq(n.name, "net");
    check_lstm(&n);
    check_head(&n, false, 1, 1, false);
    mr_network_free(&n);
    free(f);
}
END_TEST

START_TEST(head_is_read) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    make_good(f, 4);
    switch (_i) {
    case 0:
        node(f, "Gemm", "h M c", "y");
        with_float(f, "alpha", 0.5f);
        with_float(f, "beta", 2.0f);
        break;
    case 1:
        node(f, "MatMul", "h M", "m");
        node(f, "Add", "c m", "a");
        node(f, "Sigmoid", "a", "y");
        break;
    case 2:
        node(f, "Transpose", "M", "Mt");
        with_ints(f, "perm", 2, 1, 0, 0);
        node(f, "MatMul", "h Mt", "m");
        node(f, "Add", "m c", "a");
        node(f, "Flatten", "a", "y");
        break;
    default:
        gemm(f, "h", "g");
        node(f, "Sigmoid", "g", "s");
        node(f, "Unsqueeze", "s one", "u");
        node(f, "Squeeze", "u one", "y");
    }
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    check_head(&n, _i < 2, _i == 0 ? 0.5f : 1, _i == 0 ? 2 : 1, _i == 1 || _i == 3);
    mr_network_free(&n);
    free(f);
}
END_TEST

// Two layers; h_n of both are joined and one is taken: of the first, the second is no part.
START_TEST(layers_are_chained) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    begin(f, 0, 0);
    tensor(f, "W2", 3, 1, 4 * H, H);
    lstm(f, "x W R B", "Y hn");
    node(f, "Squeeze", "Y one", "s");
    lstm(f, "s W2 R -", "- hn2");
    node(f, "Concat", "hn hn2", "both");
    with_int(f, "axis", 0);
    node(f, "Gather", _i == 0 ? "both last" : "both zero", "h");
    gemm(f, "h", "y");
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    ck_assert_int_eq(mr_network_layers(&n), _i == 0 ? 2 : 1);
    if (_i == 0)
        ck_assert_float_eq(mr_network_layer(&n, 1)->bias[0], 0);
    else
        check_lstm(&n);
    mr_network_free(&n);
    free(f);
}
END_TEST

// A flag of one byte, as Dropout takes it.
static void flag_tensor(struct file *f, const char *name, bool value) {
    static uint8_t bytes[2] = {0, 1};
    Onnx__TensorProto *t = tensor(f, name, 0, 1, 1, 1);

    t->n_dims = 0;
    t->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
    t->n_float_data = 0;
    t->has_raw_data = 1;
    t->raw_data = (ProtobufCBinaryData){1, bytes + value};
}

// What does not change the network.
START_TEST(what_does_no_harm_is_read) {
    static ProtobufCBinaryData names[3] = {{7, (uint8_t *)(uintptr_t) "sigmoid"},
                                           {4, (uint8_t *)(uintptr_t) "tanh"},
                                           {4, (uint8_t *)(uintptr_t) "TANH"}};
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    begin(f, 0, 0);
    lstm(f, "x W R B", "- hn");
    switch (_i) {
    case 0: // a mask that nobody reads, before x
        add_input(f, "mask");
        break;
    case 1: // constants among the inputs, as older files have them
        add_input(f, "W");
        break;
    case 2: // any case of letters
        attribute(f, "activations")->n_strings = 3;
        f->attribute[f->attribute_count - 1].strings = names;
        break;
    case 3:
        f->type_tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE;
        break;
    case 5: // reshaped as newer exporters write it
        list_tensor(f, "all", 2, -1, H, 0);
        break;
    case 6: // whole numbers come in
        f->type_tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT32;
        f->node[0].input[0] = "xf";
        node(f, "Identity", "zero", "unused");
        f->nodes[1] = f->nodes[0];
        f->nodes[0] = &f->node[1];
        f->node[1].op_type = "Cast";
        f->node[1].input[0] = "x";
        f->node[1].output[0] = "xf";
        with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
        break;
    default:
        flag_tensor(f, "mode", false);
    }
    node(f, "Gather", "hn zero", "last0");
    node(f, "Dropout", _i == 4 ? "last0 one mode" : "last0", _i == 5 ? "d" : "h mask_of_h");
    if (_i == 5) {
        node(f, "Reshape", "d all", "h");
        with_int(f, "allowzero", 1);
    }
    gemm(f, "h", "y");
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    ck_assert_int_eq(n.input_cast.whole, _i == 6);
    check_lstm(&n);
    check_head(&n, false, 1, 1, false);
    mr_network_free(&n);
    free(f);
}
END_TEST

static const char *make_bad(struct file *f, int kind) {
    static float nan_value[O] = {0, NAN};
    static Onnx__StringStringEntryProto entry, *entries[1] = {&entry};

    make_good(f, 0);
    gemm(f, "h", "y");
    Onnx__NodeProto *l = &f->node[1];
    static Onnx__AttributeProto extra, *list[1] = {&extra};
    onnx__attribute_proto__init(&extra);
    switch (kind) {
    case 0:
        l->op_type = "Scan";
        l->name = "/rnn/Scan";
        return "node '/rnn/Scan' has operator Scan; this version imports recurrent layers (LSTM, ";
    case 1:
    case 2:
    case 3:
    case 4: {
        static const char *const names[] = {"direction", "clip", "layout", "activations"};
        static const char *const said[] = {"direction 'all directions'", "clips", "layout 2",
                                           "has 0 activations; it is a cell of 3 in 1 direction"};
        extra.name = (char *)(uintptr_t)names[kind - 1];
        extra.has_i = 1;
        extra.i = kind == 3 ? 2 : 1;
        extra.has_f = 1;
        extra.f = -1;
        extra.has_s = 1;
        extra.s = (ProtobufCBinaryData){14, (uint8_t *)(uintptr_t) "all directions"};
        l->n_attribute = 1;
        l->attribute = list;
        return said[kind - 1];
    }
    case 5:
        f->node[5].output[0] = "z";
        node(f, "Div", "c z", "y");
        return "divides by what depends on the input";
    case 6:
        f->tensor[4].has_raw_data = 0;
        f->tensor[4].n_float_data = O;
        f->tensor[4].float_data = nan_value;
        return "uses tensor 'c', whose element 1 is not a finite number";
    case 7:
        onnx__string_string_entry_proto__init(&entry);
        f->tensor[0].n_external_data = 1;
        f->tensor[0].external_data = entries;
        return "tensor 'W' is kept in another file";
    case 8:
        f->tensor[1].n_float_data--;
        return "tensor 'R' should hold 16 numbers by its shape and holds 15";
    case 9:
        f->tensor[0].data_type = ONNX__TENSOR_PROTO__DATA_TYPE__STRING;
        return "tensor 'W' has element type 8";
    case 10:
        f->node[5].input[0] = "st";
        return "reads a value of 3 axes";
    case 11:
        lstm(f, "h W R B", "z");
        f->out.name = "z";
        return "reads only the last step of the layer before";
    case 12:
        f->node[4].input[1] = "four";
        return "takes one step that is not the first or last";
    case 13:
        f->graph.n_output = 0;
        return "has 0 outputs";
    case 14:
        f->out.name = "x";
        return "the output 'x' is not made by a layer of the network";
    case 15:
        f->node[5].output[0] = "z";
        node(f, "Div", "z h", "y");
        return "divides one value that depends on the input by another";
    case 16:
        f->node[5].output[0] = "z";
        node(f, "Sin", "z", "y");
        return "; leave it out of the export and apply it to the outputs";
    case 17:
        f->node[5].output[0] = "z";
        f->node[5].input[0] = "nowhere";
        f->out.name = "z";
        return "reads 'nowhere', which nothing before it makes";
    case 18:
        f->node[0].output[0] = "Y";
        return "defined twice";
    case 19:
        f->numbers[0][1] = INT64_MAX;
        return "no possible size";
    case 20:
        f->type_tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
        return "is not a float32 tensor";
    case 21:
        f->shape.n_dim = 0;
        return "has 0 axes";
    case 22: // a third output that the operator does not have
        begin(f, 0, 0);
        tensor(f, "W1", 3, 1, H, F);
        tensor(f, "R1", 3, 1, H, H);
        node(f, "RNN", "x W1 R1", "- - y");
        return "node 'y' (RNN) has a third output, which its operator does not have";
    case 23: // looked up, but not rows of a table
        begin(f, 0, 0);
        f->type_tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
        node(f, "Gather", "M x", "xt");
        with_int(f, "axis", 1);
        lstm(f, "xt W R B", "y");
        return "node 'xt' (Gather) looks up columns of its table; this version looks up rows";
    case 24: // no name, and the first output left out
        begin(f, 0, 0);
        lstm(f, "x W R B zero", "- state");
        node(f, "Identity", "state", "y");
        return "node 'state' (LSTM) has sequence lengths";
    case 25:
        f->node[5].output[0] = "z";
        node(f, "Transpose", "z", "y");
        return "has its numbers before the sequences";
    case 26:
    case 27:
        f->node[5].output[0] = "z";
        flag_tensor(f, "mode", true);
        node(f, "Dropout", kind == 26 ? "z one mode" : "z one x", "y");
        return kind == 26 ? "node 'y' (Dropout) is in training mode; export the model after"
                          : "has a training mode that is not a constant";
    case 28: // nothing by which it could be named
        f->node[5].output[0] = "z";
        f->node[5].n_input = 0;
        f->node[5].n_attribute = 0;
        f->node[5].op_type = "Sin";
        f->out.name = "z";
        f->node[5].name = "";
        return "node 'z' has operator Sin";
    case 29: // a state that comes at every step
        begin(f, 0, 0);
        lstm(f, "x W R B", "h");
        lstm(f, "x W R B - h", "y");
        return "has an initial_h ('h') that is not [directions, sequences, units] of 1 direction";
    default: // a second input
        add_input(f, "z");
        f->node[5].input[2] = "z";
        return "node 'y' (Gemm) reads the input 'z'; this version takes one input";
    }
}

START_TEST(bad_file_is_refused) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;
    const char *said = make_bad(f, _i);

    ck_assert_int_ne(parse(f, &n), 0);
    ck_assert_msg(strstr(error, said) != NULL, "%s", error);
    ck_assert_int_eq(strncmp(error, "dir/net.onnx", 12), 0);
    ck_assert_ptr_null(n.ops);
    free(f);
}
END_TEST

START_TEST(bad_lstm_input_is_refused) {
    static const char *const inputs[] = {"x W R B zero",    "x W R B - H", "x W R B - - H",
                                         "x W R B - - - H", "x W R2 B",    "x x R B",
                                         "M W R B",         "x W R M"};
    static const char *const said[] = {"sequence lengths",
                                       "an initial_h that is not [directions, sequences, units]",
                                       "an initial_c that is not [directions, sequences, units]",
                                       "a P of another shape than [1, 6]",
                                       "R of another shape than [1, 8, 2]",
                                       "weights that are not",
                                       "does not read the graph's input",
                                       "B of another shape than [1, 16]"};
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    begin(f, 0, 0);
    tensor(f, "H", 3, 1, 1, H + 1);
    tensor(f, "R2", 3, 1, 3 * H, H);
    lstm(f, inputs[_i], "- h0");
    node(f, "Gather", "h0 last", "h");
    gemm(f, "h", "y");
    ck_assert_int_ne(parse(f, &n), 0);
    ck_assert_msg(strstr(error, said[_i]) != NULL, "%s", error);
    free(f);
}
END_TEST

// Messages in messages, deeper than the stack could follow, and empty ones by the million.
START_TEST(hostile_nesting_is_refused) {
    static uint8_t data[3 << 20];
    struct mr_network n;
    size_t at = sizeof data;

    // graph (7) { node (1) { attribute (5) { g (6) { node (1) { … written from the inside out.
    static const uint8_t field[3] = {6 << 3 | 2, 5 << 3 | 2, 1 << 3 | 2};
    for (int level = 0; level < 300000 && at > 16; level++) {
        size_t length = sizeof data - at;
        uint8_t bytes[8];
        int count = 0;
        do {
            bytes[count++] = (uint8_t)((length & 127) | (length > 127 ? 128 : 0));
            length >>= 7;
        } while (length > 0);
        while (count > 0)
            data[--at] = bytes[--count];
        data[--at] = field[level % 3];
    }
    data[at] = 7 << 3 | 2;
    ck_assert_int_ne(read_bytes(data + at, sizeof data - at, "deep", &n), 0);

    // A graph of empty nodes: two bytes each in the file.
    data[0] = 7 << 3 | 2;
    data[1] = 0x80 | ((sizeof data - 5) & 127);
    data[2] = 0x80 | ((sizeof data - 5) >> 7 & 127);
    data[3] = 0x80 | ((sizeof data - 5) >> 14 & 127);
    data[4] = (sizeof data - 5) >> 21 & 127;
    for (size_t i = 5; i < sizeof data; i++)
        data[i] = i % 2 ? 1 << 3 | 2 : 0;
    ck_assert_int_ne(read_bytes(data, sizeof data - 1, "wide", &n), 0);
    ck_assert_int_ne(read_bytes(data, sizeof data, "wide", &n), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, last_step_is_found, 0, 7);
    tcase_add_loop_test(all, head_is_read, 0, 4);
    tcase_add_loop_test(all, what_does_no_harm_is_read, 0, 7);
    tcase_add_loop_test(all, layers_are_chained, 0, 2);
    tcase_add_loop_test(all, bad_file_is_refused, 0, 31);
    tcase_add_loop_test(all, bad_lstm_input_is_refused, 0, 8);
    tcase_add_test(all, hostile_nesting_is_refused);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
