// SPDX-License-Identifier: Apache-2.0
// Makes an ONNX graph (onnx_build.h).
#include "onnx_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODE_ATTRIBUTES = 12, NODE_INPUTS = 10, NODE_OUTPUTS = 3, OPSET = 17, IR = 8 };

struct onnx_build_block {
    struct onnx_build_block *next;
    void *data;
};

// Takes over memory.
static void *adopt(struct onnx_build *b, void *data) {
    struct onnx_build_block *block = data ? malloc(sizeof *block) : NULL;

    if (!block) {
        free(data);
        b->failed = true;
        return NULL;
    }
    *block = (struct onnx_build_block){b->blocks, data};
    b->blocks = block;
    return data;
}

static void *room(struct onnx_build *b, size_t size) {
    return adopt(b, calloc(1, size ? size : 1));
}

static char *copy(struct onnx_build *b, const char *text) {
    char *made = room(b, strlen(text) + 1);

    return made ? strcpy(made, text) : NULL;
}

// A list of pointers with room for one more, in the place of one of `count`.
static void *grown(struct onnx_build *b, void *list, size_t count, size_t *limit) {
    if (count < *limit)
        return list;
    *limit = *limit ? 2 * *limit : 64;
    void *made = room(b, *limit * sizeof(void *));
    if (made && count > 0)
        memcpy(made, list, count * sizeof(void *));
    return made;
}

void onnx_build_start(struct onnx_build *b, const char *name) {
    memset(b, 0, sizeof *b);
    onnx__graph_proto__init(&b->graph);
    b->graph.name = copy(b, name);
    b->path = "";
    b->own_domain = copy(b, "millrace");
}

void onnx_build_free(struct onnx_build *b) {
    while (b->blocks) {
        struct onnx_build_block *next = b->blocks->next;
        free(b->blocks->data);
        free(b->blocks);
        b->blocks = next;
    }
}

unsigned char *onnx_build_pack(struct onnx_build *b, size_t *size) {
    Onnx__OperatorSetIdProto sets[2], *list[2] = {&sets[0], &sets[1]};
    static char none[] = "";
    Onnx__ModelProto model;

    if (b->failed)
        return NULL;
    onnx__model_proto__init(&model);
    for (int i = 0; i < 2; i++) {
        onnx__operator_set_id_proto__init(&sets[i]);
        sets[i].has_version = 1;
        sets[i].version = i == 0 ? OPSET : 1;
        sets[i].domain = i == 0 ? none : b->own_domain;
    }
    model.has_ir_version = 1;
    model.ir_version = IR;
    model.opset_import = list;
    model.n_opset_import = 2;
    model.graph = &b->graph;
    *size = onnx__model_proto__get_packed_size(&model);
    unsigned char *data = malloc(*size);
    if (data)
        onnx__model_proto__pack(&model, data);
    return data;
}

const char *onnx_build_value(struct onnx_build *b) {
    char text[160];

    snprintf(text, sizeof text, "%s:%zu", b->path, b->values++);
    const char *name = copy(b, text);
    return name ? name : "";
}

// ---- inputs and outputs

static Onnx__ValueInfoProto *value_info(struct onnx_build *b, const char *name, int type,
                                        const char *letters, const int64_t *dims) {
    Onnx__ValueInfoProto *info = room(b, sizeof *info);
    Onnx__TypeProto *of = room(b, sizeof *of);
    Onnx__TypeProto__Tensor *tensor = room(b, sizeof *tensor);
    Onnx__TensorShapeProto *shape = room(b, sizeof *shape);
    const size_t rank = strlen(letters);
    Onnx__TensorShapeProto__Dimension **list = room(b, rank * sizeof *list);

    if (!info || !of || !tensor || !shape || !list)
        return NULL;
    onnx__value_info_proto__init(info);
    onnx__type_proto__init(of);
    onnx__type_proto__tensor__init(tensor);
    onnx__tensor_shape_proto__init(shape);
    info->name = copy(b, name);
    info->type = of;
    of->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    of->tensor_type = tensor;
    tensor->has_elem_type = 1;
    tensor->elem_type = type;
    tensor->shape = shape;
    shape->dim = list;
    for (size_t i = 0; i < rank; i++) {
        const char letter[2] = {letters[i], 0};
        if (!(list[i] = room(b, sizeof **list)))
            return NULL;
        onnx__tensor_shape_proto__dimension__init(list[i]);
        shape->n_dim = i + 1;
        if (dims[i] > 0) {
            list[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            list[i]->dim_value = dims[i];
        } else {
            list[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            list[i]->dim_param = copy(b, letter);
        }
    }
    return info;
}

void onnx_build_input(struct onnx_build *b, const char *name, int type, const char *letters,
                      const int64_t *dims) {
    size_t limit = b->graph.n_input; // as of outputs
    Onnx__ValueInfoProto **list = grown(b, b->graph.input, b->graph.n_input, &limit);
    Onnx__ValueInfoProto *info = value_info(b, name, type, letters, dims);

    if (!list || !info)
        return;
    list[b->graph.n_input++] = info;
    b->graph.input = list;
}

void onnx_build_output(struct onnx_build *b, const char *name, const char *letters,
                       const int64_t *dims) {
    size_t limit = b->graph.n_output; // one list after the other, as there are few
    Onnx__ValueInfoProto **list = grown(b, b->graph.output, b->graph.n_output, &limit);
    Onnx__ValueInfoProto *info =
        value_info(b, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, letters, dims);

    if (!list || !info)
        return;
    if (!*letters)
        info->type->tensor_type->shape = NULL;
    list[b->graph.n_output++] = info;
    b->graph.output = list;
}

// ---- nodes

Onnx__NodeProto *onnx_build_node(struct onnx_build *b, const char *type, const char *const *inputs,
                                 const char *output) {
    Onnx__NodeProto *node = room(b, sizeof *node);
    Onnx__NodeProto **list = grown(b, b->graph.node, b->graph.n_node, &b->node_room);

    if (!node || !list)
        return NULL;
    onnx__node_proto__init(node);
    node->name = copy(b, b->path);
    node->op_type = copy(b, type);
    node->input = room(b, NODE_INPUTS * sizeof *node->input);
    node->output = room(b, NODE_OUTPUTS * sizeof *node->output);
    node->attribute = room(b, NODE_ATTRIBUTES * sizeof *node->attribute);
    for (size_t i = 0; i < NODE_INPUTS && inputs[i] && node->input; i++)
        if ((node->input[i] = copy(b, inputs[i])))
            node->n_input = i + 1;
    b->graph.node = list;
    list[b->graph.n_node] = node;
    if (!node->name || !node->op_type || !node->input || !node->output || !node->attribute ||
        b->failed)
        return NULL;
    b->graph.n_node++;
    onnx_build_more(b, node, output);
    return node;
}

void onnx_build_more(struct onnx_build *b, Onnx__NodeProto *node, const char *output) {
    char *name = node && output ? copy(b, output) : NULL;

    if (name && node->n_output < NODE_OUTPUTS)
        node->output[node->n_output++] = name;
    else
        b->failed = true;
}

const char *onnx_build_pair(struct onnx_build *b, const char *type, const char *first,
                            const char *second) {
    const char *output = onnx_build_value(b);

    onnx_build_node(b, type, (const char *const[]){first, second, NULL}, output);
    return output;
}

static Onnx__AttributeProto *attribute(struct onnx_build *b, Onnx__NodeProto *node,
                                       const char *name, int type) {
    Onnx__AttributeProto *a = node ? room(b, sizeof *a) : NULL;

    if (!a || node->n_attribute == NODE_ATTRIBUTES) {
        b->failed = true;
        return NULL;
    }
    onnx__attribute_proto__init(a);
    a->name = copy(b, name);
    a->has_type = 1;
    a->type = (Onnx__AttributeProto__AttributeType)type;
    node->attribute[node->n_attribute++] = a;
    return a;
}

void onnx_build_int(struct onnx_build *b, Onnx__NodeProto *node, const char *name, int64_t value) {
    Onnx__AttributeProto *a = attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

    if (a) {
        a->has_i = 1;
        a->i = value;
    }
}

void onnx_build_float(struct onnx_build *b, Onnx__NodeProto *node, const char *name, double value) {
    Onnx__AttributeProto *a =
        attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);

    if (a) {
        a->has_f = 1;
        a->f = (float)value;
    }
}

void onnx_build_ints(struct onnx_build *b, Onnx__NodeProto *node, const char *name, size_t count,
                     const int64_t *values) {
    Onnx__AttributeProto *a = attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);

    if (a && (a->ints = room(b, count * sizeof *a->ints))) {
        memcpy(a->ints, values, count * sizeof *values);
        a->n_ints = count;
    }
}

void onnx_build_floats(struct onnx_build *b, Onnx__NodeProto *node, const char *name, size_t count,
                       const double *values) {
    Onnx__AttributeProto *a =
        attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);

    if (a && (a->floats = room(b, count * sizeof *a->floats))) {
        for (size_t i = 0; i < count; i++)
            a->floats[i] = (float)values[i];
        a->n_floats = count;
    }
}

static ProtobufCBinaryData bytes_of(struct onnx_build *b, const char *text) {
    char *made = copy(b, text);

    return (ProtobufCBinaryData){made ? strlen(text) : 0, (uint8_t *)made};
}

void onnx_build_text(struct onnx_build *b, Onnx__NodeProto *node, const char *name,
                     const char *value) {
    Onnx__AttributeProto *a =
        attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);

    if (a) {
        a->has_s = 1;
        a->s = bytes_of(b, value);
    }
}

void onnx_build_texts(struct onnx_build *b, Onnx__NodeProto *node, const char *name, size_t count,
                      const char *const *values) {
    Onnx__AttributeProto *a =
        attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS);

    if (a && (a->strings = room(b, count * sizeof *a->strings))) {
        for (size_t i = 0; i < count; i++)
            a->strings[i] = bytes_of(b, values[i]);
        a->n_strings = count;
    }
}

// ---- constants

static const char *constant(struct onnx_build *b, int type, int rank, const int64_t *dims,
                            void *data) {
    const char *name = onnx_build_value(b);
    Onnx__TensorProto *t = room(b, sizeof *t);
    Onnx__TensorProto **list =
        grown(b, b->graph.initializer, b->graph.n_initializer, &b->constant_room);
    size_t count = 1;

    if (!adopt(b, data) || !t || !list)
        return "";
    onnx__tensor_proto__init(t);
    t->name = copy(b, name);
    t->has_data_type = 1;
    t->data_type = type;
    t->dims = room(b, (size_t)rank * sizeof *t->dims);
    for (int i = 0; t->dims && i < rank; i++) {
        t->dims[i] = dims[i];
        t->n_dims = (size_t)i + 1;
        count *= (size_t)dims[i];
    }
    t->has_raw_data = 1;
    t->raw_data = (ProtobufCBinaryData){
        count * (type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ? sizeof(float) : sizeof(double)),
        data};
    b->graph.initializer = list;
    list[b->graph.n_initializer++] = t;
    return name;
}

const char *onnx_build_constant(struct onnx_build *b, int rank, const int64_t *dims, double *data) {
    return constant(b, ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, rank, dims, data);
}

const char *onnx_build_tensor(struct onnx_build *b, int rank, const int64_t *dims,
                              const float *data) {
    size_t count = 1;

    for (int i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    float *copied = malloc((count ? count : 1) * sizeof *copied);
    if (copied)
        memcpy(copied, data, count * sizeof *copied);
    return constant(b, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, rank, dims, copied);
}

const char *onnx_build_wholes(struct onnx_build *b, size_t count, const int64_t *values) {
    int64_t *data = malloc((count ? count : 1) * sizeof *data);

    if (data)
        memcpy(data, values, count * sizeof *values);
    return constant(b, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1, (int64_t[]){(int64_t)count}, data);
}

const char *onnx_build_whole(struct onnx_build *b, int64_t value) {
    int64_t *data = malloc(sizeof *data);

    if (data)
        *data = value;
    return constant(b, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 0, NULL, data);
}

const char *onnx_build_real(struct onnx_build *b, double value) {
    double *data = malloc(sizeof *data);

    if (data)
        *data = value;
    return onnx_build_constant(b, 0, NULL, data);
}
