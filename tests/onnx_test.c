// SPDX-License-Identifier: Apache-2.0
// Builds small ONNX files in the ways PyTorch writes LSTM networks, and in the ways this version
// refuses, and checks the imported weights or the sentence.
#define _POSIX_C_SOURCE 200809L
#include "file.h"
#include "onnx.h"
#include "onnx.pb-c.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { F = 3, H = 2, O = 2, MAX = 24 };

static char error[1024];

// A file being built. All parts live in it, so nothing is to be freed.
struct file {
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__NodeProto node[MAX], *nodes[MAX];
    Onnx__AttributeProto attribute[MAX * 2], *attributes[MAX * 2];
    Onnx__TensorProto tensor[MAX], *tensors[MAX];
    Onnx__ValueInfoProto in, out, *ins[1], *outs[1];
    Onnx__TypeProto type;
    Onnx__TypeProto__Tensor type_tensor;
    Onnx__TensorShapeProto shape;
    Onnx__TensorShapeProto__Dimension dim[3], *dims[3];
    int attribute_count;
    int64_t numbers[MAX][3];
    int number_count;
    char *names[MAX][12];
};

// Adds a node; inputs and outputs are separated by blanks, "-" is an input left out.
static void node(struct file *f, const char *type, const char *inputs, const char *outputs) {
    size_t index = f->graph.n_node++;
    Onnx__NodeProto *n = &f->node[index];
    static char pool[16384];
    static size_t used;
    const char *lists[2] = {inputs, outputs};
    size_t count = 0;

    onnx__node_proto__init(n);
    f->nodes[index] = n;
    n->op_type = (char *)(uintptr_t)type;
    n->attribute = &f->attributes[f->attribute_count];
    n->input = f->names[index];
    for (int l = 0; l < 2; l++) {
        char *copy = pool + used;
        used += strlen(lists[l]) + 1;
        ck_assert_uint_lt(used, sizeof pool);
        strcpy(copy, lists[l]);
        if (l == 1) {
            n->n_input = count;
            n->output = f->names[index] + count;
        }
        for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
            if (strcmp(word, "-") == 0)
                word[0] = 0;
            f->names[index][count++] = word;
        }
    }
    n->n_output = count - n->n_input;
}

static Onnx__AttributeProto *attribute(struct file *f, const char *name) {
    Onnx__AttributeProto *a = &f->attribute[f->attribute_count];

    onnx__attribute_proto__init(a);
    f->attributes[f->attribute_count++] = a;
    f->node[f->graph.n_node - 1].n_attribute++;
    a->name = (char *)(uintptr_t)name;
    return a;
}

static void with_int(struct file *f, const char *name, int64_t value) {
    Onnx__AttributeProto *a = attribute(f, name);

    a->has_i = 1;
    a->i = value;
}

static void with_float(struct file *f, const char *name, float value) {
    Onnx__AttributeProto *a = attribute(f, name);

    a->has_f = 1;
    a->f = value;
}

static void with_ints(struct file *f, const char *name, int count, int64_t a, int64_t b,
                      int64_t c) {
    Onnx__AttributeProto *attr = attribute(f, name);
    int64_t *list = f->numbers[f->number_count++];

    list[0] = a;
    list[1] = b;
    list[2] = c;
    attr->n_ints = (size_t)count;
    attr->ints = list;
}

static float value_at(int tensor, int i) {
    return (float)(tensor * 100 + i) / 64.0f;
}

static Onnx__TensorProto *tensor(struct file *f, const char *name, int rank, int64_t a, int64_t b,
                                 int64_t c) {
    size_t index = f->graph.n_initializer++;
    Onnx__TensorProto *t = &f->tensor[index];
    int64_t *dims = f->numbers[f->number_count++];
    static float values[MAX][64];

    onnx__tensor_proto__init(t);
    f->tensors[index] = t;
    t->name = (char *)(uintptr_t)name;
    dims[0] = a;
    dims[1] = b;
    dims[2] = c;
    t->n_dims = (size_t)rank;
    t->dims = dims;
    t->has_data_type = 1;
    t->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    size_t count = (size_t)(a * (rank > 1 ? b : 1) * (rank > 2 ? c : 1));
    for (size_t i = 0; i < count; i++)
        values[index][i] = value_at((int)index, (int)i);
    if (index % 2 == 0) { // half of them as raw bytes
        t->has_raw_data = 1;
        t->raw_data = (ProtobufCBinaryData){count * 4, (uint8_t *)values[index]};
    } else {
        t->n_float_data = count;
        t->float_data = values[index];
    }
    return t;
}

static void index_tensor(struct file *f, const char *name, int rank, int64_t value) {
    Onnx__TensorProto *t = tensor(f, name, 0, 1, 1, 1);
    int64_t *list = f->numbers[f->number_count++];

    list[0] = value;
    list[1] = 1;
    t->n_dims = (size_t)rank;
    t->dims = list + 1;
    t->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
    t->has_raw_data = 0;
    t->n_float_data = 0;
    t->n_int64_data = 1;
    t->int64_data = list;
}

// Input "x" of [a, b, F] (0: open), output "y", weights W R B (tensors 0 to 2), M [O, H], c [O].
static void begin(struct file *f, int64_t a, int64_t b) {
    static const int64_t none = 0;
    int64_t sizes[3] = {a, b, F};

    memset(f, 0, sizeof *f);
    onnx__model_proto__init(&f->model);
    onnx__graph_proto__init(&f->graph);
    onnx__value_info_proto__init(&f->in);
    onnx__value_info_proto__init(&f->out);
    onnx__type_proto__init(&f->type);
    onnx__type_proto__tensor__init(&f->type_tensor);
    onnx__tensor_shape_proto__init(&f->shape);
    f->model.graph = &f->graph;
    f->graph.node = f->nodes;
    f->graph.initializer = f->tensors;
    f->graph.n_input = f->graph.n_output = 1;
    f->graph.input = f->ins;
    f->graph.output = f->outs;
    f->ins[0] = &f->in;
    f->outs[0] = &f->out;
    f->in.name = "x";
    f->out.name = "y";
    f->in.type = &f->type;
    f->type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    f->type.tensor_type = &f->type_tensor;
    f->type_tensor.has_elem_type = 1;
    f->type_tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    f->type_tensor.shape = &f->shape;
    f->shape.n_dim = 3;
    f->shape.dim = f->dims;
    for (int i = 0; i < 3; i++) {
        onnx__tensor_shape_proto__dimension__init(&f->dim[i]);
        f->dims[i] = &f->dim[i];
        if (sizes[i] > none) {
            f->dim[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            f->dim[i].dim_value = sizes[i];
        } else {
            f->dim[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            f->dim[i].dim_param = "n";
        }
    }
    tensor(f, "W", 3, 1, 4 * H, F);
    tensor(f, "R", 3, 1, 4 * H, H);
    tensor(f, "B", 2, 1, 8 * H, 1);
    tensor(f, "M", 2, O, H, 1);
    tensor(f, "c", 1, O, 1, 1);
    index_tensor(f, "zero", 0, 0);
    index_tensor(f, "last", 0, -1);
    index_tensor(f, "one", 1, 1);
    index_tensor(f, "minus", 1, -1);
    index_tensor(f, "end", 1, INT64_MAX);
    index_tensor(f, "four", 0, 4);
}

// Reads the network, and checks that it is what the graph computes.
static int read_bytes(const void *data, size_t size, const char *name, struct mr_network *network) {
    struct mr_onnx *onnx = mr_onnx_open_memory(data, size, name, error, sizeof error);
    int result = -1;

    memset(network, 0, sizeof *network);
    if (onnx && mr_onnx_network(onnx, network, error, sizeof error) == 0) {
        result = mr_onnx_verify(onnx, network, 1 << 24, error, sizeof error);
        if (result != 0)
            mr_network_free(network);
    }
    mr_onnx_close(onnx);
    return result;
}

static int parse(struct file *f, struct mr_network *network) {
    size_t size = onnx__model_proto__get_packed_size(&f->model);
    uint8_t *data = malloc(size);

    ck_assert_ptr_nonnull(data);
    onnx__model_proto__pack(&f->model, data);
    int result = read_bytes(data, size, "dir/net.onnx", network);
    const struct mr_piece piece = {data, size};
    if (result == 0) { // no cut of a good file crashes the reader
        char path[64], kept[sizeof error];
        static int number;
        snprintf(path, sizeof path, "build/fuzz/lstm%zu_%d.onnx", f->graph.n_node, number++ % 4);
        mkdir("build", 0777); // for the fuzzer
        mkdir("build/fuzz", 0777);
        ck_assert_int_eq(mr_file_write(path, &piece, 1, error, sizeof error), 0);
        memcpy(kept, error, sizeof kept);
        for (size_t cut = 0; cut < size; cut += 7) {
            struct mr_network other;
            if (read_bytes(data, cut, "cut", &other) == 0)
                mr_network_free(&other);
        }
        memcpy(error, kept, sizeof kept);
    }
    free(data);
    return result;
}

static void check_lstm(const struct mr_network *n) {
    static const int onnx_gate[4] = {0, 2, 3, 1};
    const struct mr_lstm *l = &n->layers[0];

    ck_assert_int_eq(l->inputs, F);
    ck_assert_int_eq(l->hidden, H);
    for (int gate = 0; gate < 4; gate++) {
        for (int j = 0; j < H; j++) {
            int row = gate * H + j, from = onnx_gate[gate] * H + j;
            for (int k = 0; k < F; k++)
                ck_assert_float_eq(l->w_ih[row * F + k], value_at(0, from * F + k));
            for (int k = 0; k < H; k++)
                ck_assert_float_eq(l->w_hh[row * H + k], value_at(1, from * H + k));
            ck_assert_float_eq(l->bias[row], value_at(2, from) + value_at(2, 4 * H + from));
        }
    }
}

static void check_head(const struct mr_network *n, bool transposed, float alpha, float beta,
                       bool sigmoid) {
    ck_assert_int_eq(n->head.inputs, H);
    ck_assert_int_eq(n->head.outputs, O);
    ck_assert_int_eq(n->head.sigmoid, sigmoid);
    for (int o = 0; o < O; o++) {
        for (int k = 0; k < H; k++)
            ck_assert_float_eq(n->head.w[o * H + k],
                               alpha * value_at(3, transposed ? k * O + o : o * H + k));
        ck_assert_float_eq(n->head.bias[o], beta * value_at(4, o));
    }
}

static void lstm(struct file *f, const char *inputs, const char *outputs) {
    node(f, "LSTM", inputs, outputs);
    with_int(f, "hidden_size", H);
}

static void gemm(struct file *f, const char *input, const char *output) {
    char inputs[64];

    snprintf(inputs, sizeof inputs, "%s M c", input);
    node(f, "Gemm", inputs, output);
    with_int(f, "transB", 1);
}

// [batch, time, features] with a Transpose before, and back after.
static void batch_first(struct file *f, int64_t steps) {
    begin(f, 0, steps);
    node(f, "Transpose", "x", "xt");
    with_ints(f, "perm", 3, 1, 0, 2);
    lstm(f, "xt W R B", "Y");
    node(f, "Squeeze", "Y one", "s");
    node(f, "Transpose", "s", "st");
    with_ints(f, "perm", 3, 1, 0, 2);
}

static int64_t four_axes[4] = {2, 0, 1, 3};

static void make_good(struct file *f, int kind) {
    switch (kind) {
    case 0: // y[:, -1] of an open length
        batch_first(f, 0);
        node(f, "Gather", "st last", "h");
        with_int(f, "axis", 1);
        break;
    case 1: // y[:, 4] of length 5
        batch_first(f, 5);
        node(f, "Gather", "st four", "h");
        with_int(f, "axis", 1);
        break;
    case 2: // y[:, -1:].squeeze(1)
        batch_first(f, 0);
        node(f, "Slice", "st minus end one", "sl");
        node(f, "Squeeze", "sl one", "h");
        break;
    case 3: // time first, y[-1], old opset with axes as attributes, dropout in between
        begin(f, 5, 0);
        lstm(f, "x W R B", "Y");
        node(f, "Squeeze", "Y", "s");
        with_ints(f, "axes", 1, 1, 0, 0);
        node(f, "Dropout", "s", "d mask");
        node(f, "Gather", "d last", "h");
        with_int(f, "axis", 0);
        break;
    case 4: // h_n[-1] of one layer
        begin(f, 0, 0);
        lstm(f, "x W R B", "- hn cn");
        node(f, "Gather", "hn last", "h");
        break;
    case 5: // time first, explicit zero states made from the shape of x
        begin(f, 0, 0);
        node(f, "Shape", "x", "shape");
        node(f, "Gather", "shape one", "n");
        node(f, "Concat", "one n one", "zs");
        with_int(f, "axis", 0);
        node(f, "ConstantOfShape", "zs", "z");
        lstm(f, "x W R B - z z", "Y hn");
        node(f, "Squeeze", "hn", "h");
        with_ints(f, "axes", 1, 0, 0, 0);
        break;
    default: // index counted from the shape: y[:, x.shape[1] - 1]; reshape instead of squeeze
        begin(f, 0, 0);
        node(f, "Transpose", "x", "xt");
        with_ints(f, "perm", 3, 1, 0, 2);
        lstm(f, "xt W R B", "Y");
        node(f, "Transpose", "Y", "yt");
        attribute(f, "perm")->n_ints = 4;
        f->attribute[f->attribute_count - 1].ints = four_axes;
        node(f, "Shape", "x", "shape");
        node(f, "Gather", "shape one", "t");
        node(f, "Sub", "t one", "index1");
        node(f, "Squeeze", "index1", "index");
        node(f, "Squeeze", "yt", "s");
        with_ints(f, "axes", 1, 2, 0, 0);
        node(f, "Gather", "s index", "h");
        with_int(f, "axis", 1);
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
    ck_assert_int_eq(n.layer_count, 1);
    ck_assert_int_eq(n.batch_first, is_batch_first[_i]);
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

// Two layers; h_n of both are joined and the last is taken.
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
    int result = parse(f, &n);
    if (_i == 0) {
        ck_assert_msg(result == 0, "%s", error);
        ck_assert_int_eq(n.layer_count, 2);
        ck_assert_float_eq(n.layers[1].bias[0], 0);
        mr_network_free(&n);
    } else {
        ck_assert_int_ne(result, 0);
        ck_assert_msg(strstr(error, "reads a layer that is not the last") != NULL, "%s", error);
    }
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
        l->op_type = "GRU";
        l->name = "/rnn/GRU";
        return "node '/rnn/GRU' has operator GRU; this version imports LSTM";
    case 1:
    case 2:
    case 3:
    case 4:
    case 5: {
        static const char *const names[] = {"direction", "clip", "layout", "input_forget",
                                            "activations"};
        static const char *const said[] = {"direction 'bidirectional'", "clips", "layout 1",
                                           "couples", "own activations"};
        extra.name = (char *)(uintptr_t)names[kind - 1];
        extra.has_i = 1;
        extra.i = 1;
        extra.has_s = 1;
        extra.s = (ProtobufCBinaryData){13, (uint8_t *)(uintptr_t) "bidirectional"};
        l->n_attribute = 1;
        l->attribute = list;
        return said[kind - 1];
    }
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
        f->node[5].op_type = "MatMul";
        f->node[5].n_input = 2;
        f->node[5].input[0] = "st";
        f->node[5].n_attribute = 0;
        return "is applied to every step";
    case 12:
        f->node[4].input[1] = "zero";
        return "takes one step that is not the last";
    case 13:
        f->graph.n_output = 0;
        return "has 0 outputs";
    case 14:
        f->out.name = "h";
        return "is not that of a linear layer";
    case 15:
        f->node[5].output[0] = "z";
        node(f, "Gemm", "z M c", "y");
        return "is a second linear layer";
    case 16:
        f->node[5].output[0] = "z";
        node(f, "Relu", "z", "y");
        return "has operator Relu";
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
        f->type_tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
        return "is not a float32 tensor";
    default:
        f->shape.n_dim = 2;
        return "has 2 axes";
    }
}

START_TEST(bad_file_is_refused) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;
    const char *said = make_bad(f, _i);

    ck_assert_int_ne(parse(f, &n), 0);
    ck_assert_msg(strstr(error, said) != NULL, "%s", error);
    ck_assert_int_eq(strncmp(error, "dir/net.onnx", 12), 0);
    ck_assert_ptr_null(n.layers);
    free(f);
}
END_TEST

START_TEST(bad_lstm_input_is_refused) {
    static const char *const inputs[] = {"x W R B zero",    "x W R B - H", "x W R B - - H",
                                         "x W R B - - - P", "x W R2 B",    "x x R B",
                                         "M W R B",         "x W R M"};
    static const char *const said[] = {"sequence lengths",
                                       "initial_h ('H') that is not a constant zero",
                                       "initial_c ('H')",
                                       "peepholes",
                                       "R of another shape than [1, 8, 2]",
                                       "weights that are not",
                                       "does not read the graph's input",
                                       "B of another shape than [1, 16]"};
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    begin(f, 0, 0);
    tensor(f, "H", 3, 1, 1, H);
    tensor(f, "P", 2, 1, 3 * H, 1);
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
    tcase_add_loop_test(all, layers_are_chained, 0, 2);
    tcase_add_loop_test(all, bad_file_is_refused, 0, 22);
    tcase_add_loop_test(all, bad_lstm_input_is_refused, 0, 8);
    tcase_add_test(all, hostile_nesting_is_refused);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
