// SPDX-License-Identifier: Apache-2.0
// Functions of an ONNX file: a node that calls one is replaced by the function's own nodes, whose
// values get names of their own.
#include "onnx_graph.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// No exporter comes near; what is searched through again and again is short.
enum { MOST_DEPTH = 24, MOST_FUNCTIONS = 4096, MOST_NAMES = 1024 };

struct inliner {
    struct onnx_graph *graph;
    Onnx__NodeProto **nodes;
    size_t count, capacity;
    size_t *calls; // so far, also of functions without a node
};

static int expand(struct inliner *in, Onnx__NodeProto *node, int depth);

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
        Onnx__NodeProto **grown = onnx_allocate(in->graph, capacity * sizeof(Onnx__NodeProto *));
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
    char *text = onnx_allocate(in->graph, size);
    if (text)
        snprintf(text, size, "%s@%zu", name, number);
    return text;
}

static char **rename_values(struct inliner *in, const Onnx__FunctionProto *f,
                            const Onnx__NodeProto *call, size_t number, char **names,
                            size_t count) {
    char **renamed = onnx_allocate(in->graph, (count + 1) * sizeof *renamed);

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
        onnx_allocate(in->graph, (node->n_attribute + 1) * sizeof(Onnx__AttributeProto *));
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
        Onnx__AttributeProto *copy = onnx_allocate(in->graph, sizeof *copy);
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

// A node of a function; f NULL: of the graph.
static Onnx__NodeProto *copy_node(struct inliner *in, const Onnx__FunctionProto *f,
                                  const Onnx__NodeProto *call, size_t number,
                                  const Onnx__NodeProto *node) {
    Onnx__NodeProto *copy = onnx_allocate(in->graph, sizeof *copy);

    if (!copy)
        return NULL;
    *copy = *node;
    if (!f)
        return copy;
    copy->input = rename_values(in, f, call, number, copy->input, copy->n_input);
    copy->output = rename_values(in, f, call, number, copy->output, copy->n_output);
    return copy->input && copy->output && take_attributes(in, call, copy) == 0 ? copy : NULL;
}

static Onnx__ValueInfoProto **copy_infos(struct inliner *in, const Onnx__FunctionProto *f,
                                         const Onnx__NodeProto *call, size_t number,
                                         Onnx__ValueInfoProto *const *infos, size_t count) {
    Onnx__ValueInfoProto **list =
        onnx_allocate(in->graph, (count + 1) * sizeof(Onnx__ValueInfoProto *));

    for (size_t i = 0; list && i < count; i++) {
        list[i] = onnx_allocate(in->graph, sizeof **list);
        if (!list[i])
            return NULL;
        *list[i] = *infos[i];
        if (f && infos[i]->name)
            list[i]->name = rename_value(in, f, call, number, infos[i]->name);
        if (infos[i]->name && !list[i]->name)
            return NULL;
    }
    return list;
}

static int copy_bodies(struct inliner *in, const Onnx__FunctionProto *f,
                       const Onnx__NodeProto *call, size_t number, Onnx__NodeProto *node,
                       int depth);

// A body with the nodes of the functions that it calls. What it takes from around it has the name
// that it has there, and what is its own one of its own, for each call of the function.
static Onnx__GraphProto *copy_body(struct inliner *in, const Onnx__FunctionProto *f,
                                   const Onnx__NodeProto *call, size_t number,
                                   const Onnx__GraphProto *g, int depth) {
    Onnx__GraphProto *copy = onnx_allocate(in->graph, sizeof *copy);
    struct inliner own = {.graph = in->graph, .calls = in->calls};

    if (!copy)
        return NULL;
    *copy = *g;
    copy->input = copy_infos(in, f, call, number, g->input, g->n_input);
    copy->output = copy_infos(in, f, call, number, g->output, g->n_output);
    copy->initializer =
        onnx_allocate(in->graph, (g->n_initializer + 1) * sizeof(Onnx__TensorProto *));
    if (!copy->input || !copy->output || !copy->initializer)
        return NULL;
    for (size_t i = 0; i < g->n_initializer; i++) {
        Onnx__TensorProto *t = copy->initializer[i] = onnx_allocate(in->graph, sizeof *t);
        if (!t)
            return NULL;
        *t = *g->initializer[i];
        if (f && t->name && !(t->name = rename_value(in, f, call, number, t->name)))
            return NULL;
    }
    for (size_t i = 0; i < g->n_node; i++) {
        Onnx__NodeProto *node = copy_node(in, f, call, number, g->node[i]);
        if (!node || copy_bodies(in, f, call, number, node, depth) != 0 ||
            expand(&own, node, depth + 1) != 0)
            return NULL;
    }
    copy->node = own.nodes;
    copy->n_node = own.count;
    return copy;
}

static int copy_bodies(struct inliner *in, const Onnx__FunctionProto *f,
                       const Onnx__NodeProto *call, size_t number, Onnx__NodeProto *node,
                       int depth) {
    bool bodies = false;

    for (size_t i = 0; i < node->n_attribute; i++)
        bodies = bodies || node->attribute[i]->g;
    if (!bodies)
        return 0;
    if (depth >= MOST_DEPTH)
        return onnx_fail_file(in->graph, "has functions and bodies of nodes inside of each other, "
                                         "deeper than this version follows");
    Onnx__AttributeProto **list =
        onnx_allocate(in->graph, (node->n_attribute + 1) * sizeof(Onnx__AttributeProto *));
    for (size_t i = 0; list && i < node->n_attribute; i++) {
        list[i] = onnx_allocate(in->graph, sizeof **list);
        if (!list[i])
            return -1;
        *list[i] = *node->attribute[i];
        if (list[i]->g &&
            !(list[i]->g = copy_body(in, f, call, number, node->attribute[i]->g, depth + 1)))
            return -1;
    }
    node->attribute = list;
    return list ? 0 : -1;
}

static int expand(struct inliner *in, Onnx__NodeProto *node, int depth) {
    const Onnx__FunctionProto *f = find_function(in->graph, node);

    if (!f)
        return add(in, node);
    const size_t number = ++*in->calls;
    if (f->n_input > MOST_NAMES || f->n_output > MOST_NAMES || node->n_attribute > MOST_NAMES)
        return onnx_fail_file(in->graph, "function '%.100s' has more than %d arguments", f->name,
                              MOST_NAMES);
    if (depth == MOST_DEPTH || number > ONNX_VALUES)
        return onnx_fail_file(in->graph, "function '%.100s' calls itself, or too many others",
                              f->name);
    for (size_t i = 0; i < f->n_node; i++) {
        Onnx__NodeProto *copy = copy_node(in, f, node, number, f->node[i]);
        if (!copy || copy_bodies(in, f, node, number, copy, depth) != 0 ||
            expand(in, copy, depth + 1) != 0)
            return -1;
    }
    return 0;
}

int onnx_inline(struct onnx_graph *graph) {
    size_t calls = 0;
    struct inliner in = {.graph = graph, .calls = &calls};

    if (graph->model->n_functions == 0)
        return 0;
    if (graph->model->n_functions > MOST_FUNCTIONS)
        return onnx_fail_file(graph, "the file has more than %d functions", MOST_FUNCTIONS);
    for (size_t i = 0; i < graph->g->n_node; i++) {
        Onnx__NodeProto *node = copy_node(&in, NULL, NULL, 0, graph->g->node[i]);
        if (!node || copy_bodies(&in, NULL, NULL, 0, node, 0) != 0 || expand(&in, node, 0) != 0)
            return -1;
    }
    graph->inlined = *graph->g;
    graph->inlined.node = in.nodes;
    graph->inlined.n_node = in.count;
    graph->g = &graph->inlined;
    return 0;
}
