// SPDX-License-Identifier: Apache-2.0
// Computes an ONNX graph node by node (onnx_eval.h).
#include "onnx_symbols.h"

#include <stdlib.h>
#include <string.h>

const struct onnx_tensor *onnx_eval_find(const struct onnx_eval *e, const char *name) {
    for (; e; e = e->outer) {
        const int value = onnx_find(e->graph, name);
        if (value >= 0 && e->values[value].type)
            return &e->values[value];
        if (value >= 0)
            return e->graph->constants[value].type ? &e->graph->constants[value] : NULL;
    }
    return NULL;
}

const struct onnx_tensor *onnx_eval_input(const struct onnx_eval *e, size_t index) {
    const Onnx__NodeProto *node = e->graph->node;

    if (e->lifted && index < node->n_input && e->lifted[index].type)
        return &e->lifted[index];
    return index < node->n_input ? onnx_eval_find(e, node->input[index]) : NULL;
}

struct onnx_tensor *onnx_eval_output(const struct onnx_eval *e, size_t index) {
    int value = onnx_output_index(e->graph, index);

    return value >= 0 && e->graph->needed[value] ? &e->values[value] : NULL;
}

int onnx_eval_create(struct onnx_eval *e, struct onnx_tensor *out, int type, int rank,
                     const int64_t *dims) {
    if (onnx_tensor_create(out, type, rank, dims, e->budget) != 0)
        return onnx_fail(e->graph, "makes a value that needs more memory than there is");
    return 0;
}

int onnx_eval_list(const struct onnx_eval *e, const char *name, size_t input, int64_t *list,
                   int *count) {
    const Onnx__AttributeProto *a = onnx_attribute(e->graph, name);
    const struct onnx_tensor *in = onnx_eval_input(e, input);

    *count = -1;
    if ((in && (onnx_is_real(in->type) || in->rank > 1)) || (a && !in && a->n_ints > ONNX_INTS) ||
        (in && in->count > ONNX_INTS))
        return onnx_fail(e->graph, "has %s that are no list of at most %d whole numbers", name,
                         ONNX_INTS);
    if (in || a)
        *count = (int)(in ? in->count : a->n_ints);
    for (int i = 0; i < *count; i++)
        list[i] = in ? in->whole[i] : a->ints[i];
    return 0;
}

int onnx_eval_unsupported(const struct onnx_eval *e) {
    return onnx_fail(e->graph, "is applied to values or shapes for which this version does not "
                               "compute it");
}

int onnx_eval_node(struct onnx_eval *e) {
    struct onnx_graph *graph = e->graph;

    if (!graph->row || !graph->row->eval)
        return onnx_eval_unsupported(e);
    if (e->work && (*e->work)-- == 0) {
        *e->work = 0;
        return onnx_fail(graph, "is computed too often: there are more steps or operators than "
                                "this version follows");
    }
    if (!onnx_eval_input(e, 0) && !onnx_has(graph, ONNX_SOURCE))
        return onnx_fail(graph, "has no first input");
    if (!onnx_eval_output(e, 0) && !onnx_has(graph, ONNX_PARTS))
        return onnx_fail(graph, "has no first output that is used");
    for (size_t i = 0; i < graph->node->n_input && !onnx_has(graph, ONNX_LISTS); i++)
        if (onnx_eval_input(e, i) && onnx_eval_input(e, i)->type == ONNX_SEQUENCE)
            return onnx_fail(graph, "reads a list of values, which its operator does not take");
    if ((e->symbols && onnx_reads_symbols(e) ? onnx_symbolic(e) : graph->row->eval(e)) != 0)
        return -1;
    // Small floats keep what fits them; the others keep double precision.
    for (size_t i = 0; !e->wide && i < graph->node->n_output; i++) {
        struct onnx_tensor *out = onnx_eval_output(e, i);
        if (!out || !out->type || !onnx_is_real(out->type) ||
            out->type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
            continue;
        for (size_t k = 0; out->buffer->uses == 1 && k < out->count; k++)
            out->real[k] = onnx_round(out->type, out->real[k]);
    }
    return 0;
}

static void set_last_use(struct onnx_graph *graph, int value, void *last) {
    ((size_t *)last)[value] = graph->node_index;
}

// For each value the last node that reads it.
static void find_last_uses(struct onnx_graph *graph, size_t *last) {
    for (size_t i = 0; i < graph->g->n_node; i++) {
        if (!onnx_select(graph, i))
            continue;
        for (size_t j = 0; j < graph->node->n_input; j++) {
            int in = onnx_input_index(graph, j);
            if (in >= 0)
                last[in] = i;
        }
        onnx_body_uses(graph, graph->node, set_last_use, last);
    }
    for (int i = 0; i < graph->output_count; i++)
        last[graph->outputs[i]] = SIZE_MAX;
}

static bool is_computed(const struct onnx_eval *e) {
    for (size_t i = 0; i < e->graph->node->n_output; i++) {
        int out = onnx_output_index(e->graph, i);
        if (out >= 0 && e->graph->needed[out] && !e->graph->constants[out].type)
            return false;
    }
    return true;
}

static int run(struct onnx_eval *e, const size_t *last) {
    struct onnx_graph *graph = e->graph;

    for (size_t i = 0; i < graph->g->n_node; i++) {
        if (!onnx_select(graph, i) || is_computed(e))
            continue;
        if (onnx_eval_node(e) != 0)
            return -1;
        for (size_t j = 0; last && j < graph->node->n_input; j++) {
            int in = onnx_input_index(graph, j);
            if (in >= 0 && last[in] == i)
                onnx_tensor_free(&e->values[in]);
        }
    }
    return 0;
}

int onnx_eval_nodes(struct onnx_eval *e) {
    return run(e, NULL);
}

// The numbers of a state that a decoder is checked with, the same for all of the batch: its open
// axis, else that of [layers, sequences, units].
static void try_state(int value, const Onnx__TensorShapeProto *shape, struct onnx_tensor *made) {
    int batch = made->rank == 3 ? 1 : 0;
    size_t inner = 1;

    for (int k = 0; k < made->rank; k++)
        if (onnx_fixed_size(shape->dim[k]) == 0)
            batch = k;
    for (int k = batch + 1; k < made->rank; k++)
        inner *= (size_t)made->dims[k];
    const size_t each = made->rank ? (size_t)made->dims[batch] : 1;
    for (size_t k = 0; onnx_is_real(made->type) && k < made->count; k++)
        made->real[k] = onnx_trial_state(value, k / (inner * each) * inner + k % inner);
}

// The inputs beside x: zeros for states, whose open axis is the batch; and where lengths come from
// them, those of whole sequences, or a mask, of two axes, with nothing behind the end.
static int make_inputs(struct onnx_eval *e, int64_t batch, int64_t steps) {
    struct onnx_graph *graph = e->graph;

    for (size_t i = 0; i < graph->g->n_input; i++) {
        const Onnx__TypeProto *type = graph->g->input[i]->type;
        const int value = onnx_find(graph, graph->g->input[i]->name);
        int64_t dims[ONNX_RANK];
        if (value == graph->input || !graph->needed[value] || graph->constants[value].type ||
            !type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !type->tensor_type)
            continue;
        const Onnx__TensorShapeProto *shape = type->tensor_type->shape;
        if (!shape || shape->n_dim > ONNX_RANK || !onnx_type_name(type->tensor_type->elem_type))
            continue;
        const int rank = (int)shape->n_dim;
        const bool of_lengths = graph->of_lengths[value];
        for (int k = 0; k < rank; k++)
            dims[k] = onnx_fixed_size(shape->dim[k]) ? onnx_fixed_size(shape->dim[k])
                      : of_lengths && k == 1         ? steps
                                                     : batch;
        struct onnx_tensor *made = &e->values[value];
        if (onnx_eval_create(e, made, type->tensor_type->elem_type, rank, dims) != 0)
            return -1;
        for (size_t k = 0; k < made->count; k++) {
            const int64_t number = !of_lengths ? 0 : rank == 1 ? steps : 1;
            if (onnx_is_real(made->type))
                made->real[k] = (double)number;
            else
                made->whole[k] = number;
        }
        if (graph->tries_states && !of_lengths)
            try_state(value, shape, made);
    }
    return 0;
}

int onnx_eval_graph(struct onnx_graph *graph, const struct onnx_tensor *x, int64_t batch,
                    int64_t steps, struct onnx_tensor *y, size_t *budget) {
    size_t work = ONNX_WORK;
    struct onnx_eval e = {.graph = graph, .budget = budget, .work = &work, .wide = true};
    size_t *last = calloc(graph->value_count, sizeof *last);
    int result = -1;

    memset(y, 0, (size_t)graph->output_count * sizeof *y);
    e.values = calloc(graph->value_count, sizeof *e.values);
    if (!last || !e.values) {
        onnx_fail_file(graph, "not enough memory to compute the network in floating point");
    } else {
        find_last_uses(graph, last);
        e.values[graph->input] = onnx_tensor_share(x);
        result = make_inputs(&e, batch, steps) == 0 ? run(&e, last) : -1;
    }
    for (int i = 0; result == 0 && i < graph->output_count; i++) {
        const struct onnx_tensor *out = &e.values[graph->outputs[i]];
        if (out->type)
            y[i] = onnx_tensor_share(out);
        else
            result = onnx_fail_file(graph, "the output '%.100s' does not depend on the input",
                                    graph->names[graph->outputs[i]]);
    }
    for (size_t i = 0; e.values && i < graph->value_count; i++)
        onnx_tensor_free(&e.values[i]);
    free(e.values);
    free(last);
    return result;
}
