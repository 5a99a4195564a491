// SPDX-License-Identifier: Apache-2.0
// Builds small ONNX files in the ways in which PyTorch and others write recurrent networks.
#ifndef ONNX_FIXTURE_H
#define ONNX_FIXTURE_H

#include "file.h"
#include "onnx.h"
#include "onnx.pb-c.h"
#include "op.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { F = 3, H = 2, O = 2, MAX = 48 };

static char error[1024];

// A file being built. All parts live in it, so nothing is to be freed.
struct file {
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__NodeProto node[MAX], *nodes[MAX];
    Onnx__AttributeProto attribute[MAX * 2], *attributes[MAX * 2];
    Onnx__TensorProto tensor[MAX], *tensors[MAX];
    Onnx__ValueInfoProto in, out, other, more[MR_MAX_OUTPUTS], *ins[2], *outs[MR_MAX_OUTPUTS + 1];
    Onnx__TypeProto type;
    Onnx__TypeProto__Tensor type_tensor;
    Onnx__TensorShapeProto shape;
    Onnx__TensorShapeProto__Dimension dim[3], *dims[3];
    int attribute_count;
    int64_t numbers[MAX * 3][3];
    int number_count;
    char *names[MAX][16];
    float floats[MAX][8];
    int float_count;
};

// Adds a node; inputs and outputs are separated by blanks, "-" is an input left out.
static inline void node(struct file *f, const char *type, const char *inputs, const char *outputs) {
    size_t index = f->graph.n_node++;
    Onnx__NodeProto *n = &f->node[index];
    static char pool[65536];
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

static inline Onnx__AttributeProto *attribute(struct file *f, const char *name) {
    Onnx__AttributeProto *a = &f->attribute[f->attribute_count];

    onnx__attribute_proto__init(a);
    f->attributes[f->attribute_count++] = a;
    f->node[f->graph.n_node - 1].n_attribute++;
    a->name = (char *)(uintptr_t)name;
    return a;
}

static inline void with_int(struct file *f, const char *name, int64_t value) {
    Onnx__AttributeProto *a = attribute(f, name);

    a->has_i = 1;
    a->i = value;
}

static inline void with_float(struct file *f, const char *name, float value) {
    Onnx__AttributeProto *a = attribute(f, name);

    a->has_f = 1;
    a->f = value;
}

static inline void with_ints(struct file *f, const char *name, int count, int64_t a, int64_t b,
                             int64_t c) {
    Onnx__AttributeProto *attr = attribute(f, name);
    int64_t *list = f->numbers[f->number_count++];

    list[0] = a;
    list[1] = b;
    list[2] = c;
    attr->n_ints = (size_t)count;
    attr->ints = list;
}

static inline void with_tensor(struct file *f, const char *name, Onnx__TensorProto *value) {
    attribute(f, name)->t = value;
}

static inline float value_at(int tensor, int i) {
    return (float)(tensor * 100 + i) / 64.0f;
}

static inline Onnx__TensorProto *tensor(struct file *f, const char *name, int rank, int64_t a,
                                        int64_t b, int64_t c) {
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

static inline void index_tensor(struct file *f, const char *name, int rank, int64_t value) {
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

// A list of whole numbers.
static inline Onnx__TensorProto *list_tensor(struct file *f, const char *name, int count, int64_t a,
                                             int64_t b, int64_t c) {
    Onnx__TensorProto *t = tensor(f, name, 1, count, 1, 1);
    int64_t *list = f->numbers[f->number_count++];

    list[0] = a;
    list[1] = b;
    list[2] = c;
    t->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
    t->has_raw_data = 0;
    t->n_float_data = 0;
    t->n_int64_data = (size_t)count;
    t->int64_data = list;
    return t;
}

// A constant of small numbers: (a), or (a, b) or (a, b, c) where they are not 0.
static inline Onnx__TensorProto *number_tensor(struct file *f, const char *name, int64_t a,
                                               int64_t b, int64_t c, float first, float step) {
    Onnx__TensorProto *t = tensor(f, name, c ? 3 : b ? 2 : 1, a, b, c);
    float *list = f->floats[f->float_count++];

    t->has_raw_data = 0;
    t->n_float_data = (size_t)(a * (b ? b : 1) * (c ? c : 1));
    ck_assert_uint_le(t->n_float_data, 8);
    t->float_data = list;
    for (size_t i = 0; i < t->n_float_data; i++)
        list[i] = first + (float)i * step;
    return t;
}

// Input "x" of [a, b, F] (0: open), output "y", weights W R B (tensors 0 to 2), M [O, H], c [O].
static inline void begin(struct file *f, int64_t a, int64_t b) {
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

// The same of an input of two axes.
static inline void two_axes(struct file *f, int64_t a, int64_t b) {
    begin(f, a, b);
    f->shape.n_dim = 2;
    if (b)
        f->dim[1].dim_value = b;
}

// Reads the network, and checks that it is what the graph computes.
static inline int read_bytes(const void *data, size_t size, const char *name,
                             struct mr_network *network) {
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

static inline uint8_t *pack(const struct file *f, size_t *size) {
    *size = onnx__model_proto__get_packed_size(&f->model);
    uint8_t *data = malloc(*size);

    ck_assert_ptr_nonnull(data);
    onnx__model_proto__pack(&f->model, data);
    return data;
}

// Writes the file; its folder must be there.
static inline void write_file(const struct file *f, const char *path) {
    size_t size;
    uint8_t *data = pack(f, &size);
    const struct mr_piece piece = {data, size};

    ck_assert_msg(mr_file_write(path, &piece, 1, error, sizeof error) == 0, "%s", error);
    free(data);
}

static inline int parse(struct file *f, struct mr_network *network) {
    size_t size;
    uint8_t *data = pack(f, &size);
    int result = read_bytes(data, size, "dir/net.onnx", network);
    const struct mr_piece piece = {data, size};
    if (result == 0) { // no cut of a good file crashes the reader
        char path[64], kept[sizeof error];
        snprintf(path, sizeof path, "build/fuzz/lstm%zu_%zu.onnx", f->graph.n_node, size);
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

// Makes a value another output of the file.
static inline void add_output(struct file *f, const char *name) {
    Onnx__ValueInfoProto *out = &f->more[f->graph.n_output - 1];

    onnx__value_info_proto__init(out);
    out->name = (char *)(uintptr_t)name;
    f->outs[f->graph.n_output++] = out;
}

// The last operator of a kind, or NULL.
static inline const struct mr_op *find_op(const struct mr_network *n, const char *kind) {
    const struct mr_op *found = NULL;

    for (int i = 0; i < n->op_count; i++)
        if (strcmp(n->ops[i].kind->name, kind) == 0)
            found = &n->ops[i];
    return found;
}

// The operators in their order, with what each reads: "lstm<0 last<1 dense<2".
static inline void describe(const struct mr_network *n, char *text, size_t size) {
    size_t used = 0;

    text[0] = 0;
    for (int i = 0; i < n->op_count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s<%d", i > 0 ? " " : "",
                                 n->ops[i].kind->name, n->ops[i].input);
    for (int i = 0; i < n->output_count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s=%d", i > 0 ? " " : "; ",
                                 n->outputs[i].name, n->outputs[i].stream);
}

// A file, and what it becomes (describe), or a part of the sentence that refuses it.
struct file_case {
    void (*make)(struct file *f);
    const char *expected;
};

// The network is the caller's.
static inline void expect_network(const struct file_case *given, struct mr_network *n) {
    struct file *f = malloc(sizeof *f);
    char text[400];

    ck_assert_ptr_nonnull(f);
    given->make(f);
    ck_assert_msg(parse(f, n) == 0, "%s: %s", given->expected, error);
    describe(n, text, sizeof text);
    ck_assert_str_eq(text, given->expected);
    free(f);
}

static inline void expect_refusal(const struct file_case *given) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    ck_assert_ptr_nonnull(f);
    given->make(f);
    ck_assert_int_ne(parse(f, &n), 0);
    ck_assert_msg(strstr(error, given->expected) != NULL, "%s", error);
    ck_assert_ptr_null(n.ops);
    free(f);
}

// Lists an input without a use, or again a tensor of that name, before x.
static inline void add_input(struct file *f, const char *name) {
    onnx__value_info_proto__init(&f->other);
    f->other.name = (char *)(uintptr_t)name;
    f->other.type = &f->type;
    f->graph.n_input = 2;
    f->ins[0] = &f->other;
    f->ins[1] = &f->in;
}

static inline void lstm(struct file *f, const char *inputs, const char *outputs) {
    node(f, "LSTM", inputs, outputs);
    with_int(f, "hidden_size", H);
}

static inline void gemm(struct file *f, const char *input, const char *output) {
    char inputs[64];

    snprintf(inputs, sizeof inputs, "%s M c", input);
    node(f, "Gemm", inputs, output);
    with_int(f, "transB", 1);
}

// A linear layer without bias, of any number of axes.
static inline void dense(struct file *f, const char *input, const char *output) {
    char inputs[64];

    snprintf(inputs, sizeof inputs, "%s M", input);
    node(f, "MatMul", inputs, output);
}

// Steps "s", [T, N, H], and the last state "h", [N, H].
static inline void states(struct file *f, const char *input) {
    char inputs[32];

    snprintf(inputs, sizeof inputs, "%s W R B", input);
    lstm(f, inputs, "Y hn");
    node(f, "Squeeze", "Y one", "s");
    node(f, "Squeeze", "hn", "h");
    with_ints(f, "axes", 1, 0, 0, 0);
}

// [batch, time, features] with a Transpose before, and back after.
static inline void batch_first(struct file *f, int64_t steps) {
    begin(f, 0, steps);
    node(f, "Transpose", "x", "xt");
    with_ints(f, "perm", 3, 1, 0, 2);
    lstm(f, "xt W R B", "Y");
    node(f, "Squeeze", "Y one", "s");
    node(f, "Transpose", "s", "st");
    with_ints(f, "perm", 3, 1, 0, 2);
}

static int64_t four_axes[4] = {2, 0, 1, 3};

static inline void make_good(struct file *f, int kind) {
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

#endif
