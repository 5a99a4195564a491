// SPDX-License-Identifier: Apache-2.0
// Nodes, constants and names of the graph that takes the place of a recurrence that is written out
// (onnx_written.h). All of it lives as long as that graph.
#include "onnx_written.h"

#include <stdio.h>
#include <string.h>

const char *onnx_new_name(struct onnx_written *w) {
    char *name = onnx_allocate(w->view, 32);

    do {
        if (!name)
            return NULL;
        snprintf(name, 32, "written %d", w->made++);
    } while (onnx_find(w->graph, name) >= 0);
    return name;
}

static char *plain(const char *text) {
    return (char *)(uintptr_t)text;
}

// Room for one more pointer in a list.
static int widen(struct onnx_written *w, void *list, size_t count, size_t *limit) {
    void **old, **grown;

    if (count < *limit)
        return 0;
    *limit = 2 * *limit + 64;
    memcpy(&old, list, sizeof old);
    grown = onnx_allocate(w->view, *limit * sizeof(void *));
    if (!grown)
        return -1;
    if (count > 0)
        memcpy(grown, old, count * sizeof(void *));
    memcpy(list, &grown, sizeof grown);
    return 0;
}

int onnx_emit_copy(struct onnx_written *w, Onnx__NodeProto *node) {
    if (w->g->n_node >= ONNX_VALUES)
        return onnx_fail_file(w->graph, "has more operators than this version follows");
    if (widen(w, &w->g->node, w->g->n_node, &w->node_limit) != 0)
        return -1;
    w->g->node[w->g->n_node++] = node;
    return 0;
}

Onnx__NodeProto *onnx_emit_node(struct onnx_written *w, const char *type, const char *const *inputs,
                                size_t input_count, const char *const *outputs,
                                size_t output_count) {
    Onnx__NodeProto *node = onnx_allocate(w->view, sizeof *node);
    char **names = onnx_allocate(w->view, (input_count + output_count + 1) * sizeof(char *));

    if (!node || !names)
        return NULL;
    onnx__node_proto__init(node);
    node->op_type = plain(type);
    if (w->from && w->from->name && w->from->name[0]) // which messages name
        node->name = w->from->name;
    for (size_t i = 0; i < input_count + output_count; i++) {
        const char *name = i < input_count ? inputs[i] : outputs[i - input_count];
        if (!name)
            return NULL;
        names[i] = plain(name);
    }
    node->n_input = input_count;
    node->input = names;
    node->n_output = output_count;
    node->output = names + input_count;
    return onnx_emit_copy(w, node) == 0 ? node : NULL;
}

static Onnx__AttributeProto *attribute(struct onnx_written *w, Onnx__NodeProto *node,
                                       const char *name) {
    Onnx__AttributeProto *a = onnx_allocate(w->view, sizeof *a);
    Onnx__AttributeProto **list =
        onnx_allocate(w->view, (node->n_attribute + 1) * sizeof(Onnx__AttributeProto *));

    if (!a || !list)
        return NULL;
    onnx__attribute_proto__init(a);
    a->name = plain(name);
    if (node->n_attribute > 0)
        memcpy(list, node->attribute, node->n_attribute * sizeof(Onnx__AttributeProto *));
    list[node->n_attribute++] = a;
    node->attribute = list;
    return a;
}

int onnx_emit_int(struct onnx_written *w, Onnx__NodeProto *node, const char *name, int64_t value) {
    Onnx__AttributeProto *a = node ? attribute(w, node, name) : NULL;

    if (!a)
        return -1;
    a->has_i = 1;
    a->i = value;
    return 0;
}

int onnx_emit_float(struct onnx_written *w, Onnx__NodeProto *node, const char *name, float value) {
    Onnx__AttributeProto *a = node ? attribute(w, node, name) : NULL;
    float *list = a ? onnx_allocate(w->view, sizeof *list) : NULL;

    if (!list)
        return -1;
    *list = value;
    a->n_floats = 1;
    a->floats = list;
    return 0;
}

int onnx_emit_ints(struct onnx_written *w, Onnx__NodeProto *node, const char *name,
                   const int64_t *list, size_t count) {
    Onnx__AttributeProto *a = node ? attribute(w, node, name) : NULL;
    int64_t *copy = a ? onnx_allocate(w->view, (count + 1) * sizeof *copy) : NULL;

    if (!copy)
        return -1;
    memcpy(copy, list, count * sizeof *copy);
    a->n_ints = count;
    a->ints = copy;
    return 0;
}

int onnx_emit_words(struct onnx_written *w, Onnx__NodeProto *node, const char *name,
                    const char *const *words, size_t count, bool list) {
    Onnx__AttributeProto *a = node ? attribute(w, node, name) : NULL;
    ProtobufCBinaryData *texts = a ? onnx_allocate(w->view, (count + 1) * sizeof *texts) : NULL;

    if (!texts)
        return -1;
    for (size_t i = 0; i < count; i++)
        texts[i] = (ProtobufCBinaryData){strlen(words[i]), (uint8_t *)plain(words[i])};
    if (list) {
        a->n_strings = count;
        a->strings = texts;
    } else {
        a->has_s = 1;
        a->s = texts[0];
    }
    return 0;
}

const char *onnx_emit_simple(struct onnx_written *w, const char *type, const char *input,
                             const char *other, const char *name, const char *attribute_name,
                             const int64_t *list, size_t count) {
    const char *const inputs[2] = {input, other};
    const char *output = name ? name : onnx_new_name(w);
    Onnx__NodeProto *node =
        input && output ? onnx_emit_node(w, type, inputs, other ? 2 : 1, &output, 1) : NULL;

    if (!node)
        return NULL;
    if (attribute_name && strcmp(attribute_name, "axis") == 0)
        return onnx_emit_int(w, node, attribute_name, list[0]) == 0 ? output : NULL;
    if (attribute_name && onnx_emit_ints(w, node, attribute_name, list, count) != 0)
        return NULL;
    return output;
}

// A constant without its numbers.
static Onnx__TensorProto *constant(struct onnx_written *w, int rank, const int64_t *dims,
                                   int type) {
    Onnx__TensorProto *t = onnx_allocate(w->view, sizeof *t);
    int64_t *copy = onnx_allocate(w->view, ((size_t)rank + 1) * sizeof *copy);
    const char *name = onnx_new_name(w);

    if (!t || !copy || !name ||
        widen(w, &w->g->initializer, w->g->n_initializer, &w->tensor_limit) != 0)
        return NULL;
    onnx__tensor_proto__init(t);
    t->name = plain(name);
    if (rank > 0)
        memcpy(copy, dims, (size_t)rank * sizeof *copy);
    t->n_dims = (size_t)rank;
    t->dims = copy;
    t->has_data_type = 1;
    t->data_type = type;
    w->g->initializer[w->g->n_initializer++] = t;
    return t;
}

const char *onnx_emit_tensor(struct onnx_written *w, int rank, const int64_t *dims,
                             const double *numbers) {
    size_t count = 1;

    for (int i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    Onnx__TensorProto *t = constant(w, rank, dims, ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE);
    double *copy = t ? onnx_allocate(w->view, (count + 1) * sizeof *copy) : NULL;
    if (!copy)
        return NULL;
    memcpy(copy, numbers, count * sizeof *copy);
    t->n_double_data = count;
    t->double_data = copy;
    return t->name;
}

const char *onnx_emit_index(struct onnx_written *w, int64_t index) {
    Onnx__TensorProto *t = constant(w, 0, NULL, ONNX__TENSOR_PROTO__DATA_TYPE__INT64);
    int64_t *copy = t ? onnx_allocate(w->view, sizeof *copy) : NULL;

    if (!copy)
        return NULL;
    *copy = index;
    t->n_int64_data = 1;
    t->int64_data = copy;
    return t->name;
}
