// SPDX-License-Identifier: Apache-2.0
// Functions of an ONNX file: a node that calls one is replaced by the function's own nodes, whose
// values get names of their own.
#include "onnx_graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// No exporter comes near; what is searched through again and again is short.
enum { MOST_DEPTH = 24, MOST_FUNCTIONS = 4096, MOST_NAMES = 1024 };

struct inliner {
    struct onnx_graph *graph;
    Onnx__NodeProto **nodes;
    size_t count, capacity;
    size_t calls; // so far, also of functions without a node
};

// Memory that lives as long as the graph; NULL with a sentence.
static void *allocate(struct onnx_graph *graph, size_t size) {
    struct onnx_memory *memory = NULL;

    if (size <= graph->budget)
        memory = calloc(1, sizeof *memory + size);
    if (!memory) {
        onnx_fail_file(graph, "its functions need more memory than there is");
        return NULL;
    }
    graph->budget -= size;
    memory->next = graph->memory;
    graph->memory = memory;
    return memory->data;
}

static const char *text_of(const char *text) {
    return text && strcmp(text, "ai.onnx") != 0 ? text : "";
}

static const Onnx__FunctionProto *find_function(const struct onnx_graph *graph,
                                                const Onnx__NodeProto *node) {
    for (size_t i = 0; node->op_type && i < graph->model->n_functions; i++) {
        const Onnx__FunctionProto *f = graph->model->functions[i];
        if (f->name && strcmp(f->name, node->op_type) == 0 &&
            strcmp(text_of(f->domain), text_of(node->domain)) == 0)
            return f;
    }
    return NULL;
}

static int add(struct inliner *in, Onnx__NodeProto *node) {
    if (in->count == ONNX_VALUES)
        return onnx_fail_file(in->graph, "the graph has more than %d values", ONNX_VALUES);
    if (in->count == in->capacity) {
        const size_t capacity = 2 * in->capacity + 64;
        Onnx__NodeProto **grown = allocate(in->graph, capacity * sizeof(Onnx__NodeProto *));
        if (!grown)
            return -1;
        if (in->count > 0)
            memcpy(grown, in->nodes, in->count * sizeof *in->nodes);
        in->nodes = grown;
        in->capacity = capacity;
    }
    in->nodes[in->count++] = node;
    return 0;
}

// What a name inside of a function is outside of it: an argument, a result, or a name of its own.
static char *rename_value(struct inliner *in, const Onnx__FunctionProto *f,
                          const Onnx__NodeProto *call, size_t number, const char *name) {
    for (size_t i = 0; i < f->n_input; i++)
        if (strcmp(f->input[i], name) == 0)
            return i < call->n_input ? call->input[i] : (char *)(uintptr_t) "";
    for (size_t i = 0; i < f->n_output; i++)
        if (strcmp(f->output[i], name) == 0 && i < call->n_output && call->output[i][0])
            return call->output[i];
    if (!name[0])
        return (char *)(uintptr_t) "";
    const size_t size = strlen(name) + 32;
    char *text = allocate(in->graph, size);
    if (text)
        snprintf(text, size, "%s@%zu", name, number);
    return text;
}

static char **rename_values(struct inliner *in, const Onnx__FunctionProto *f,
                            const Onnx__NodeProto *call, size_t number, char **names,
                            size_t count) {
    char **renamed = allocate(in->graph, (count + 1) * sizeof *renamed);

    for (size_t i = 0; renamed && i < count; i++)
        if (!(renamed[i] = rename_value(in, f, call, number, names[i])))
            return NULL;
    return renamed;
}

static const Onnx__AttributeProto *find_attribute(const Onnx__NodeProto *node, const char *name) {
    for (size_t i = 0; i < node->n_attribute; i++)
        if (node->attribute[i]->name && strcmp(node->attribute[i]->name, name) == 0)
            return node->attribute[i];
    return NULL;
}

// Attributes that stand for those of the call; one that the call lacks is left out.
static int take_attributes(struct inliner *in, const Onnx__NodeProto *call, Onnx__NodeProto *node) {
    Onnx__AttributeProto **list =
        allocate(in->graph, (node->n_attribute + 1) * sizeof(Onnx__AttributeProto *));
    size_t count = 0;

    for (size_t i = 0; list && i < node->n_attribute; i++) {
        Onnx__AttributeProto *own = node->attribute[i];
        if (!own->ref_attr_name || !own->ref_attr_name[0]) {
            list[count++] = own;
            continue;
        }
        const Onnx__AttributeProto *given = find_attribute(call, own->ref_attr_name);
        if (!given)
            continue;
        Onnx__AttributeProto *copy = allocate(in->graph, sizeof *copy);
        if (!copy)
            return -1;
        *copy = *given;
        copy->name = own->name;
        list[count++] = copy;
    }
    node->attribute = list;
    node->n_attribute = count;
    return list ? 0 : -1;
}

static int expand(struct inliner *in, Onnx__NodeProto *node, int depth) {
    const Onnx__FunctionProto *f = find_function(in->graph, node);

    if (!f)
        return add(in, node);
    const size_t number = ++in->calls;
    if (f->n_input > MOST_NAMES || f->n_output > MOST_NAMES || node->n_attribute > MOST_NAMES)
        return onnx_fail_file(in->graph, "function '%.100s' has more than %d arguments", f->name,
                              MOST_NAMES);
    if (depth == MOST_DEPTH || number > ONNX_VALUES)
        return onnx_fail_file(in->graph, "function '%.100s' calls itself, or too many others",
                              f->name);
    for (size_t i = 0; i < f->n_node; i++) {
        Onnx__NodeProto *copy = allocate(in->graph, sizeof *copy);
        if (!copy)
            return -1;
        *copy = *f->node[i];
        copy->input = rename_values(in, f, node, number, copy->input, copy->n_input);
        copy->output = rename_values(in, f, node, number, copy->output, copy->n_output);
        if (!copy->input || !copy->output || take_attributes(in, node, copy) != 0 ||
            expand(in, copy, depth + 1) != 0)
            return -1;
    }
    return 0;
}

int onnx_inline(struct onnx_graph *graph) {
    struct inliner in = {.graph = graph};

    if (graph->model->n_functions == 0)
        return 0;
    if (graph->model->n_functions > MOST_FUNCTIONS)
        return onnx_fail_file(graph, "the file has more than %d functions", MOST_FUNCTIONS);
    for (size_t i = 0; i < graph->g->n_node; i++)
        if (expand(&in, graph->g->node[i], 0) != 0)
            return -1;
    graph->inlined = *graph->g;
    graph->inlined.node = in.nodes;
    graph->inlined.n_node = in.count;
    graph->g = &graph->inlined;
    return 0;
}

void onnx_inline_free(struct onnx_graph *graph) {
    while (graph->memory) {
        struct onnx_memory *next = graph->memory->next;
        free(graph->memory);
        graph->memory = next;
    }
}
