// SPDX-License-Identifier: Apache-2.0
// Computes an ONNX graph node by node (onnx_eval.h).
#include "onnx_eval.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *type;
    int (*run)(struct onnx_eval *e);
} operators[] = {
    {"Add", onnx_eval_arithmetic},
    {"Cast", onnx_eval_cast},
    {"CastLike", onnx_eval_cast},
    {"Concat", onnx_eval_concat},
    {"Constant", onnx_eval_constant},
    {"ConstantOfShape", onnx_eval_constant_of_shape},
    {"DequantizeLinear", onnx_eval_dequantize},
    {"Div", onnx_eval_arithmetic},
    {"Dropout", onnx_eval_identity},
    {"Equal", onnx_eval_compare},
    {"Expand", onnx_eval_expand},
    {"Flatten", onnx_eval_flatten},
    {"Gather", onnx_eval_gather},
    {"Gemm", onnx_eval_gemm},
    {"Greater", onnx_eval_compare},
    {"Identity", onnx_eval_identity},
    {"LSTM", onnx_eval_lstm},
    {"Less", onnx_eval_compare},
    {"MatMul", onnx_eval_matmul},
    {"Mul", onnx_eval_arithmetic},
    {"Neg", onnx_eval_negate},
    {"Range", onnx_eval_range},
    {"Reshape", onnx_eval_reshape},
    {"Shape", onnx_eval_shape},
    {"Sigmoid", onnx_eval_sigmoid},
    {"Slice", onnx_eval_slice},
    {"Split", onnx_eval_split},
    {"Squeeze", onnx_eval_squeeze},
    {"Sub", onnx_eval_arithmetic},
    {"Transpose", onnx_eval_transpose},
    {"Unsqueeze", onnx_eval_unsqueeze},
    {"Where", onnx_eval_where},
};

static int find_operator(const struct onnx_graph *graph) {
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (onnx_is(graph, operators[i].type))
            return (int)i;
    }
    return -1;
}

bool onnx_eval_knows(const struct onnx_graph *graph) {
    return find_operator(graph) >= 0;
}

bool onnx_eval_folds(const struct onnx_graph *graph) {
    return onnx_eval_knows(graph) && !onnx_is(graph, "LSTM") && !onnx_is(graph, "Gemm") &&
           !onnx_is(graph, "MatMul");
}

const struct onnx_tensor *onnx_eval_input(const struct onnx_eval *e, size_t index) {
    int value = onnx_input_index(e->graph, index);

    if (value < 0)
        return NULL;
    if (e->values[value].type)
        return &e->values[value];
    return e->graph->constants[value].type ? &e->graph->constants[value] : NULL;
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

bool onnx_has_parts(const struct onnx_graph *graph) {
    return onnx_is(graph, "LSTM") || onnx_is(graph, "Split");
}

int onnx_eval_node(struct onnx_eval *e) {
    int found = find_operator(e->graph);

    if (found < 0)
        return onnx_eval_unsupported(e);
    if (!onnx_eval_input(e, 0) && !onnx_is(e->graph, "Constant"))
        return onnx_fail(e->graph, "has no first input");
    if (!onnx_eval_output(e, 0) && !onnx_has_parts(e->graph))
        return onnx_fail(e->graph, "has no first output that is used");
    if (operators[found].run(e) != 0)
        return -1;
    // Small floats keep what fits them; the others keep double precision.
    for (size_t i = 0; i < e->graph->node->n_output; i++) {
        struct onnx_tensor *out = onnx_eval_output(e, i);
        if (!out || !out->type || !onnx_is_real(out->type) ||
            out->type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
            continue;
        for (size_t k = 0; out->buffer->uses == 1 && k < out->count; k++)
            out->real[k] = onnx_round(out->type, out->real[k]);
    }
    return 0;
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
    }
    last[graph->output] = SIZE_MAX;
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
        for (size_t j = 0; j < graph->node->n_input; j++) {
            int in = onnx_input_index(graph, j);
            if (in >= 0 && last[in] == i)
                onnx_tensor_free(&e->values[in]);
        }
    }
    return 0;
}

int onnx_eval_graph(struct onnx_graph *graph, const struct onnx_tensor *x, struct onnx_tensor *y,
                    size_t *budget) {
    struct onnx_eval e = {.graph = graph, .budget = budget};
    size_t *last = calloc(graph->value_count, sizeof *last);
    int result = -1;

    memset(y, 0, sizeof *y);
    e.values = calloc(graph->value_count, sizeof *e.values);
    if (!last || !e.values) {
        onnx_fail_file(graph, "not enough memory to compute the network in floating point");
    } else {
        find_last_uses(graph, last);
        e.values[graph->input] = onnx_tensor_share(x);
        result = run(&e, last);
        if (result == 0 && !e.values[graph->output].type)
            result = onnx_fail_file(graph, "the output does not depend on the input");
    }
    if (result == 0)
        *y = onnx_tensor_share(&e.values[graph->output]);
    for (size_t i = 0; e.values && i < graph->value_count; i++)
        onnx_tensor_free(&e.values[i]);
    free(e.values);
    free(last);
    return result;
}
