// SPDX-License-Identifier: Apache-2.0
// Opens an ONNX file: names, which values the output needs, and its constants.
#include "onnx_graph.h"

#include "file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int onnx_fail_file(struct onnx_graph *graph, const char *format, ...) {
    char text[800];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return mr_fail(graph->error, graph->error_size, "%s: %s", graph->file, text);
}

const char *onnx_node_name(const struct onnx_graph *graph, char *text, size_t size) {
    const Onnx__NodeProto *node = graph->node;

    if (node->name && node->name[0])
        return node->name;
    for (size_t i = 0; i < node->n_output; i++) {
        if (node->output[i][0])
            return node->output[i];
    }
    snprintf(text, size, "number %zu", graph->node_index);
    return text;
}

int onnx_fail(struct onnx_graph *graph, const char *format, ...) {
    char text[640], number[32];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return onnx_fail_file(graph, "node '%.100s' (%.40s) %s",
                          onnx_node_name(graph, number, sizeof number),
                          graph->node->op_type ? graph->node->op_type : "no operator", text);
}

void onnx_note(struct onnx_graph *graph, const char *format, ...) {
    const size_t used = strlen(graph->notes), size = sizeof graph->notes;
    va_list arguments;

    va_start(arguments, format);
    const int length = vsnprintf(graph->notes + used, size - used, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length + 2 > size - used)
        graph->notes[used] = '\0'; // no half of one
    else
        strcat(graph->notes, "\n");
}

// The slot of a name: where it is, or where it would be put.
static size_t find_slot(const struct onnx_graph *graph, const char *name) {
    uint64_t hash = 14695981039346656037u;

    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    size_t slot = (size_t)(hash ^ hash >> 29) & (graph->slot_count - 1);
    while (graph->slots[slot] >= 0 && strcmp(graph->names[graph->slots[slot]], name) != 0)
        slot = (slot + 1) & (graph->slot_count - 1);
    return slot;
}

int onnx_find(const struct onnx_graph *graph, const char *name) {
    return name && name[0] ? graph->slots[find_slot(graph, name)] : -1;
}

// Adds a name; false when it is there already.
static bool add(struct onnx_graph *graph, const char *name) {
    size_t slot = find_slot(graph, name);

    if (graph->slots[slot] >= 0 || graph->value_count == graph->value_limit)
        return false;
    graph->slots[slot] = (int32_t)graph->value_count;
    graph->names[graph->value_count++] = name;
    return true;
}

int onnx_input_index(const struct onnx_graph *graph, size_t index) {
    return index < graph->node->n_input ? onnx_find(graph, graph->node->input[index]) : -1;
}

int onnx_output_index(const struct onnx_graph *graph, size_t index) {
    return index < graph->node->n_output ? onnx_find(graph, graph->node->output[index]) : -1;
}

static bool is_of_onnx(const Onnx__NodeProto *node) {
    return !node->domain || !node->domain[0] || strcmp(node->domain, "ai.onnx") == 0;
}

// What ONNX Runtime makes of operators where it quantises or optimises a file.
static bool is_of_runtime(const Onnx__NodeProto *node) {
    return node->op_type && node->domain && strcmp(node->domain, "com.microsoft") == 0;
}

bool onnx_is_own(const Onnx__NodeProto *node) {
    return node->op_type && node->domain && strcmp(node->domain, "millrace") == 0 &&
           strcmp(node->op_type, "LSTM") == 0;
}

const struct mr_own_cell *onnx_own_cell(const struct onnx_graph *graph) {
    const Onnx__NodeProto *node = graph->node;

    return node->op_type && node->domain && strcmp(node->domain, "millrace") == 0
               ? mr_own_cell_find(graph->own, node->op_type)
               : NULL;
}

bool onnx_select(struct onnx_graph *graph, size_t node) {
    const Onnx__NodeProto *n = graph->g->node[node];

    graph->node = n;
    graph->node_index = node;
    graph->row = onnx_own_cell(graph)                              ? &onnx_own_operator
                 : n->op_type && (is_of_onnx(n) || onnx_is_own(n)) ? onnx_operator_find(n->op_type)
                 : is_of_runtime(n)                                ? onnx_runtime_find(n->op_type)
                                                                   : NULL;
    for (size_t i = 0; i < graph->node->n_output; i++) {
        int out = onnx_output_index(graph, i);
        if (out >= 0 && graph->needed[out])
            return true;
    }
    return false;
}

bool onnx_is(const struct onnx_graph *graph, const char *operator_type) {
    const Onnx__NodeProto *node = graph->node;

    return node->op_type && strcmp(node->op_type, operator_type) == 0 &&
           (is_of_onnx(node) || is_of_runtime(node) || onnx_is_own(node));
}

bool onnx_has(const struct onnx_graph *graph, enum onnx_trait trait) {
    return graph->row && graph->row->traits & trait;
}

const Onnx__ValueInfoProto *onnx_input_info(const struct onnx_graph *graph) {
    for (size_t i = 0; graph->input >= 0 && i < graph->g->n_input; i++) {
        if (onnx_find(graph, graph->g->input[i]->name) == graph->input)
            return graph->g->input[i];
    }
    return NULL;
}

int64_t onnx_fixed_size(const Onnx__TensorShapeProto__Dimension *d) {
    return d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && d->dim_value > 0
               ? d->dim_value
               : 0;
}

const Onnx__AttributeProto *onnx_attribute(const struct onnx_graph *graph, const char *name) {
    for (size_t i = 0; i < graph->node->n_attribute; i++) {
        if (graph->node->attribute[i]->name && strcmp(graph->node->attribute[i]->name, name) == 0)
            return graph->node->attribute[i];
    }
    return NULL;
}

int64_t onnx_int(const struct onnx_graph *graph, const char *name, int64_t fallback) {
    const Onnx__AttributeProto *a = onnx_attribute(graph, name);

    return a && a->has_i ? a->i : fallback;
}

float onnx_float(const struct onnx_graph *graph, const char *name, float fallback) {
    const Onnx__AttributeProto *a = onnx_attribute(graph, name);

    return a && a->has_f ? a->f : fallback;
}

int onnx_axis(struct onnx_graph *graph, int64_t axis, int rank, int *result) {
    if (axis < -rank || axis >= rank)
        return onnx_fail(graph, "names axis %lld of a value that has %d", (long long)axis, rank);
    *result = (int)(axis < 0 ? axis + rank : axis);
    return 0;
}

// Names of everything: constants first, as older files list them among the inputs too.
static int add_names(struct onnx_graph *graph) {
    const Onnx__GraphProto *g = graph->g;

    for (size_t i = 0; i < g->n_initializer; i++) {
        const char *name = g->initializer[i]->name;
        if (!name || !name[0] || !add(graph, name))
            return onnx_fail_file(graph, "initializer %zu has no name or is defined twice", i);
    }
    for (size_t i = 0; i < g->n_input; i++) {
        const char *name = g->input[i]->name;
        if (!name || !name[0])
            return onnx_fail_file(graph, "input %zu has no name", i);
        int known = onnx_find(graph, name);
        if ((known < 0 || (size_t)known >= g->n_initializer) && !add(graph, name))
            return onnx_fail_file(graph, "input '%.100s' is defined twice", name);
    }
    graph->input_end = graph->value_count;
    for (size_t i = 0; i < g->n_node; i++) {
        for (size_t j = 0; j < g->node[i]->n_output; j++) {
            const char *name = g->node[i]->output[j];
            if (name[0] && !add(graph, name))
                return onnx_fail_file(graph, "value '%.100s' is defined twice", name);
        }
    }
    return 0;
}

static int find_outputs(struct onnx_graph *graph) {
    const Onnx__GraphProto *g = graph->g;

    if (!graph->outer && (g->n_output < 1 || g->n_output > MR_MAX_OUTPUTS))
        return onnx_fail_file(graph,
                              "the graph has %zu outputs; this version takes 1 to %d, so export "
                              "the model with those that you use",
                              g->n_output, MR_MAX_OUTPUTS);
    for (size_t i = 0; i < g->n_output; i++) {
        const char *name = g->output[i]->name ? g->output[i]->name : "";
        const int value = onnx_find(graph, name);
        if (graph->outer) // which may have a value of that name
            continue;
        if (value < 0)
            return onnx_fail_file(graph, "nothing makes the output '%.100s'", name);
        graph->outputs[i] = value;
    }
    graph->output_count = graph->outer ? 0 : (int)g->n_output;
    return 0;
}

static void mark(struct onnx_graph *graph, int value, void *data) {
    (void)data;
    graph->needed[value] = true;
}

void onnx_mark_needed(struct onnx_graph *graph) {
    const Onnx__GraphProto *g = graph->g;

    for (size_t i = 0; i < g->n_output; i++) {
        const int value = onnx_find(graph, g->output[i]->name ? g->output[i]->name : "");
        if (value >= 0)
            graph->needed[value] = true;
    }
    // Nodes stand in the order of execution, so one pass backwards finds all that is needed.
    for (size_t i = g->n_node; i-- > 0;) {
        if (!onnx_select(graph, i))
            continue;
        for (size_t j = 0; j < graph->node->n_input; j++) {
            int in = onnx_input_index(graph, j);
            if (in >= 0)
                graph->needed[in] = true;
        }
        onnx_body_uses(graph, graph->node, mark, NULL);
    }
}

static int find_needed(struct onnx_graph *graph) {
    const Onnx__GraphProto *g = graph->g;

    if (find_outputs(graph) != 0)
        return -1;
    onnx_mark_needed(graph);
    for (size_t i = 0; i < g->n_initializer; i++) {
        int value = onnx_find(graph, g->initializer[i]->name);
        if (graph->needed[value] &&
            onnx_decode(graph, g->initializer[i], &graph->constants[value]) != 0)
            return -1;
    }
    return 0;
}

static void mark_value(struct onnx_graph *graph, int value, void *data) {
    bool *wanted = data;

    (void)graph;
    wanted[value] = true;
}

int onnx_mark_leading(struct onnx_graph *graph, bool *leads) {
    const Onnx__GraphProto *g = graph->g;
    bool *wanted = calloc(graph->value_count + 1, sizeof *wanted);

    if (!wanted)
        return onnx_fail_file(graph, "not enough memory");
    for (size_t i = g->n_node; i-- > 0;) {
        if (!onnx_select(graph, i))
            continue;
        leads[i] = onnx_has(graph, ONNX_RECURRENT);
        for (size_t j = 0; j < graph->node->n_output && !leads[i]; j++) {
            const int out = onnx_output_index(graph, j);
            leads[i] = out >= 0 && wanted[out];
        }
        for (size_t j = 0; j < graph->node->n_input && leads[i]; j++) {
            const int in = onnx_input_index(graph, j);
            if (in >= 0)
                wanted[in] = true;
        }
        if (leads[i])
            onnx_body_uses(graph, graph->node, mark_value, wanted);
    }
    free(wanted);
    return 0;
}

void *onnx_allocate(struct onnx_graph *graph, size_t size) {
    struct onnx_memory *memory = NULL;

    if (size <= graph->budget)
        memory = calloc(1, sizeof *memory + size);
    if (!memory) {
        onnx_fail_file(graph, "its nodes need more memory than there is");
        return NULL;
    }
    graph->budget -= size;
    memory->next = graph->memory;
    graph->memory = memory;
    return memory->data;
}

int onnx_graph_open(struct onnx_graph *graph, const void *data, size_t size) {
    graph->budget = 16 * size + ((size_t)1 << 26);
    graph->model =
        onnx_wire_decode(&graph->wire, data, size, graph->file, graph->error, graph->error_size);
    if (!graph->model)
        return -1;
    graph->g = graph->model->graph;
    if (!graph->g)
        return mr_fail(graph->error, graph->error_size, "%s holds no graph", graph->file);
    if (onnx_inline(graph) != 0 || onnx_take_branches(graph) != 0)
        return -1;
    for (size_t i = 0; i < graph->model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *set = graph->model->opset_import[i];
        if (!set->domain || !set->domain[0] || strcmp(set->domain, "ai.onnx") == 0)
            graph->opset = set->version;
    }
    return onnx_graph_index(graph);
}

int onnx_graph_index(struct onnx_graph *graph) {
    const Onnx__GraphProto *g = graph->g;
    size_t names = g->n_initializer + g->n_input;

    graph->input = -1;
    for (size_t i = 0; i < g->n_node; i++)
        names += g->node[i]->n_output;
    if (names > ONNX_VALUES || g->n_node > ONNX_VALUES)
        return onnx_fail_file(graph, "the graph has more than %d values", ONNX_VALUES);
    graph->value_limit = names;
    for (graph->slot_count = 16; graph->slot_count < 2 * names + 2;)
        graph->slot_count *= 2;
    graph->names = calloc(names + 1, sizeof *graph->names);
    graph->needed = calloc(names + 1, sizeof *graph->needed);
    graph->of_lengths = calloc(names + 1, sizeof *graph->of_lengths);
    graph->uncut = calloc(names + 1, sizeof *graph->uncut);
    graph->constants = calloc(names + 1, sizeof *graph->constants);
    graph->slots = malloc(graph->slot_count * sizeof *graph->slots);
    if (!graph->names || !graph->needed || !graph->of_lengths || !graph->uncut ||
        !graph->constants || !graph->slots)
        return onnx_fail_file(graph, "not enough memory");
    memset(graph->slots, 0xff, graph->slot_count * sizeof *graph->slots);
    return add_names(graph) != 0 ? -1 : find_needed(graph);
}

void onnx_graph_close(struct onnx_graph *graph) {
    while (graph->bodies) {
        struct onnx_graph *body = graph->bodies;
        graph->bodies = body->next;
        onnx_graph_close(body);
        free(body);
    }
    for (size_t i = 0; graph->constants && i < graph->value_count; i++)
        onnx_tensor_free(&graph->constants[i]);
    for (size_t i = 0; i < graph->file_count; i++)
        free(graph->files[i]);
    free(graph->files);
    free(graph->names);
    free(graph->needed);
    free(graph->of_lengths);
    free(graph->uncut);
    free(graph->constants);
    free(graph->slots);
    free(graph->own_rows);
    while (graph->memory) {
        struct onnx_memory *memory = graph->memory;
        graph->memory = memory->next;
        free(memory);
    }
    if (graph->model)
        onnx_wire_free(&graph->wire, graph->model);
}
