// SPDX-License-Identifier: Apache-2.0
// An axis that is dropped where its size is 1: where PyTorch does not know the size it writes an If
// on it, of a Squeeze and an Identity. Here the Squeeze takes the If's place, for what reads the
// data then relies on the axis to be gone; if its size is another one the Squeeze itself says so.
#include "onnx_graph.h"

#include <stdio.h>
#include <string.h>

static bool is_of(const Onnx__NodeProto *node, const char *type) {
    return node->op_type && strcmp(node->op_type, type) == 0 &&
           (!node->domain || !node->domain[0] || strcmp(node->domain, "ai.onnx") == 0);
}

static const Onnx__GraphProto *branch_of(const Onnx__NodeProto *node, const char *name) {
    for (size_t i = 0; i < node->n_attribute; i++)
        if (node->attribute[i]->name && strcmp(node->attribute[i]->name, name) == 0)
            return node->attribute[i]->g;
    return NULL;
}

// Does the last node of a branch make what it gives, one value, of the value `of`, or any (NULL)?
static const Onnx__NodeProto *end_of(const Onnx__GraphProto *branch, const char *type,
                                     const char *of) {
    if (!branch || branch->n_node < 1 || branch->n_output != 1 || branch->n_initializer > 0)
        return NULL;
    const Onnx__NodeProto *last = branch->node[branch->n_node - 1];
    const char *name = branch->output[0]->name;
    const bool good = is_of(last, type) && last->n_input > 0 && last->n_output == 1 && name &&
                      strcmp(last->output[0], name) == 0 &&
                      (!of || strcmp(last->input[0], of) == 0);
    return good ? last : NULL;
}

// Where in a branch a value is made, by a Constant; its number of nodes: nowhere.
static size_t constant_of(const Onnx__GraphProto *branch, const char *name) {
    size_t at = 0;

    while (at < branch->n_node &&
           (branch->node[at]->n_output != 1 || strcmp(branch->node[at]->output[0], name) != 0))
        at++;
    return at;
}

// The branch that squeezes: constants, and behind them the Squeeze. NULL where a node is no such
// If.
static const Onnx__GraphProto *squeezing(const Onnx__NodeProto *node) {
    const Onnx__GraphProto *branch = branch_of(node, "then_branch");
    const Onnx__GraphProto *other = branch_of(node, "else_branch");

    if (!is_of(node, "If") || node->n_output != 1 || !other || other->n_node != 1)
        return NULL;
    const Onnx__NodeProto *squeeze = end_of(branch, "Squeeze", NULL);
    if (!squeeze || !end_of(other, "Identity", squeeze->input[0]) ||
        constant_of(branch, squeeze->input[0]) < branch->n_node)
        return NULL;
    for (size_t i = 0; i + 1 < branch->n_node; i++)
        if (!is_of(branch->node[i], "Constant") || branch->node[i]->n_output != 1)
            return NULL;
    return branch;
}

// A value of a branch as a name of the graph. NULL with a sentence.
static char *name_of(struct onnx_graph *graph, const Onnx__GraphProto *branch, size_t number,
                     char *name) {
    if (constant_of(branch, name) == branch->n_node)
        return name;
    const size_t size = strlen(name) + 32;
    char *text = onnx_allocate(graph, size);
    if (text)
        snprintf(text, size, "%s@if%zu", name, number);
    return text;
}

// The nodes of a branch in the place of the If, node `number` of the graph. -1 with a sentence.
static int put_branch(struct onnx_graph *graph, const Onnx__GraphProto *branch, size_t number,
                      Onnx__NodeProto **to) {
    const Onnx__NodeProto *node = graph->g->node[number];

    for (size_t i = 0; i < branch->n_node; i++) {
        const Onnx__NodeProto *from = branch->node[i];
        to[i] = onnx_allocate(graph, sizeof **to);
        char **names = onnx_allocate(graph, (from->n_input + 1) * sizeof *names);
        if (!to[i] || !names)
            return -1;
        *to[i] = *from;
        to[i]->input = names;
        to[i]->output = names + from->n_input;
        for (size_t k = 0; k < from->n_input; k++)
            if (!(to[i]->input[k] = name_of(graph, branch, number, from->input[k])))
                return -1;
        to[i]->output[0] = i + 1 < branch->n_node ? name_of(graph, branch, number, from->output[0])
                                                  : node->output[0];
        if (!to[i]->output[0])
            return -1;
        if (i + 1 == branch->n_node)
            to[i]->name = node->name;
    }
    return 0;
}

int onnx_take_branches(struct onnx_graph *graph) {
    const Onnx__GraphProto *g = graph->g;
    size_t count = 0;
    bool any = false;

    for (size_t i = 0; i < g->n_node; i++) {
        const Onnx__GraphProto *branch = squeezing(g->node[i]);
        any = any || branch;
        count += branch ? branch->n_node : 1;
    }
    if (!any)
        return 0;
    Onnx__NodeProto **nodes = onnx_allocate(graph, count * sizeof(Onnx__NodeProto *));
    if (!nodes)
        return -1;
    count = 0;
    for (size_t i = 0; i < g->n_node; i++) {
        const Onnx__GraphProto *branch = squeezing(g->node[i]);
        if (branch && put_branch(graph, branch, i, nodes + count) != 0)
            return -1;
        if (!branch)
            nodes[count] = g->node[i];
        count += branch ? branch->n_node : 1;
    }
    graph->inlined = *g;
    graph->inlined.node = nodes;
    graph->inlined.n_node = count;
    graph->g = &graph->inlined;
    return 0;
}
