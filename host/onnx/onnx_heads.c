// SPDX-License-Identifier: Apache-2.0
// Operators of ONNX that become linear layers and what ends them: a bias, softmax, the greatest.
// The table has the activations too (onnx_functions.c).
#include "onnx_parts.h"

#include "op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- Linear layers

static int fill_dense(struct onnx_reader *r, const struct onnx_layer *layer, struct mr_op *op) {
    const size_t inputs = (size_t)layer->inputs,
                 units = (size_t)layer->w->dims[!layer->outputs_first];
    const size_t columns = (size_t)layer->w->dims[layer->outputs_first];
    const struct onnx_layer *before = layer->scaled >= 0 ? &r->layers[layer->scaled] : NULL;
    const size_t first = before ? (size_t)before->skip : 0;

    for (size_t u = 0; u < (size_t)layer->units; u++) {
        float *own = op->w_x + u * inputs + first;
        const size_t row = (size_t)layer->skip + u;
        const double scale = layer->scale * onnx_each(&layer->factor, u, 1);
        double bias = onnx_each(&layer->bias, u, 0);
        bool good = true;
        for (size_t k = 0; k < columns; k++) {
            size_t from = layer->outputs_first ? row * columns + k : k * units + row;
            const double w = scale * layer->w->real[from];
            own[k] = (float)(before ? w * onnx_each(&before->factor, k, 1) : w);
            bias += before ? w * onnx_each(&before->bias, k, 0) : 0;
            good = good && isfinite(own[k]);
        }
        op->bias[u] = (float)bias;
        if (!good || !isfinite(op->bias[u]))
            return onnx_fail(r->graph, "has output %zu with weights beyond float32", u);
    }
    return 0;
}

// The sum of a layer's bias and scale times a constant input: one number for all units, or one for
// each along the last axis.
static int sum_bias(struct onnx_reader *r, const struct onnx_layer *layer, size_t input,
                    double scale, struct onnx_tensor *sum) {
    const struct onnx_tensor *bias = onnx_real_constant(r, input);
    const int64_t units = layer->units;
    const bool single = bias && bias->count == 1;

    if (!bias || (!single && (bias->count != (size_t)units || bias->rank < 1 ||
                              bias->dims[bias->rank - 1] != units)))
        return onnx_fail(r->graph, "adds a bias that is not a constant of %d numbers",
                         layer->units);
    if (onnx_check_finite(r, input) != 0)
        return -1;
    if (onnx_tensor_create(sum, ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, 1, &units,
                           &r->graph->budget) != 0)
        return onnx_fail(r->graph, "needs more memory than there is");
    for (int64_t u = 0; u < units; u++)
        sum->real[u] =
            (layer->bias.type ? layer->bias.real[u] : 0) + scale * bias->real[single ? 0 : u];
    return 0;
}

int onnx_add_product(struct onnx_reader *r, const struct onnx_product *product) {
    const struct onnx_value *x = onnx_input(r, product->x);
    const struct onnx_tensor *weights = onnx_real_constant(r, product->weights);
    const bool outputs_first = product->outputs_first;
    struct onnx_value *out = onnx_output(r, 0);
    int index;

    if (x->kind != ONNX_FLOW)
        return onnx_fail(r->graph, "does not read what the network computes");
    const int axis = product->channels ? 1 : x->rank - 1;
    if (axis < 0 || axis >= x->rank)
        return onnx_fail(r->graph, "reads a value of %d axes", x->rank);
    if (onnx_claim_features(r, x, axis) != 0)
        return -1;
    const struct onnx_value *other = onnx_input(r, product->weights);
    if (other && other->kind == ONNX_FLOW)
        return onnx_fail(r->graph, "multiplies matrices that both depend on the input (attention), "
                                   "which this version does not have; it makes one row of all "
                                   "steps by their last, mean, greatest or least");
    if (!weights || weights->rank != (product->channels ? 3 : 2))
        return onnx_fail(r->graph, "has weights that are not a constant float matrix");
    const int64_t inputs = weights->dims[outputs_first], units = weights->dims[!outputs_first];
    const struct onnx_size width = x->dims[axis];
    if (inputs < 1 || inputs > MR_MAX_WIDTH || units < 1 || units > MR_MAX_WIDTH)
        return onnx_fail(r->graph,
                         "has weights for %lld inputs and %lld outputs; 1 to %d are possible",
                         (long long)inputs, (long long)units, MR_MAX_WIDTH);
    if (width.symbol == SYMBOL_NONE && width.k != inputs)
        return onnx_fail(r->graph, "has weights for %lld inputs and reads %lld", (long long)inputs,
                         (long long)width.k);
    if (onnx_check_finite(r, product->weights) != 0)
        return -1;
    struct onnx_layer layer = {.kind = "dense",
                               .inputs = (int)inputs,
                               .units = (int)units,
                               .fill = fill_dense,
                               .w = weights,
                               .outputs_first = outputs_first,
                               .scale = product->scale};
    if (product->bias && onnx_input(r, product->bias)) {
        struct onnx_tensor bias;
        if (sum_bias(r, &layer, product->bias, product->bias_scale, &bias) != 0)
            return -1;
        layer.bias = bias;
    }
    const int result = onnx_add_layer(r, x, layer, &index);
    onnx_tensor_free(&layer.bias);
    if (result != 0)
        return -1;
    *out = *x;
    out->layer = index;
    out->cast = (struct mr_cast){0};
    out->last = !r->layers[index].per_step;
    out->dims[axis] = (struct onnx_size){units, SYMBOL_NONE};
    return 0;
}

static int read_gemm(struct onnx_reader *r) {
    const struct onnx_value *x = onnx_input(r, 0);

    if (onnx_int(r->graph, "transA", 0) != 0)
        return onnx_fail(r->graph, "transposes its input, which this version does not support");
    if (x->kind == ONNX_FLOW && x->rank != 2)
        return onnx_fail(r->graph, "reads a value of %d axes; it should be batch and features",
                         x->rank);
    const struct onnx_product product = {.weights = 1,
                                         .bias = 2,
                                         .outputs_first = onnx_int(r->graph, "transB", 0) != 0,
                                         .scale = onnx_float(r->graph, "alpha", 1.0f),
                                         .bias_scale = onnx_float(r->graph, "beta", 1.0f)};
    return onnx_add_product(r, &product);
}

static int read_matmul(struct onnx_reader *r) {
    if (onnx_is(r->graph, "MatMulInteger") && onnx_matmul_integer(r) != 0)
        return -1;
    return onnx_add_product(r, &(struct onnx_product){.weights = 1, .scale = 1});
}

// ---- Ends that look at all features

// The axis of the features, which the current node must work along; older files name the first of
// the axes that are taken together. -1 with a sentence.
static int check_feature_axis(struct onnx_reader *r, int64_t given, bool together, int *axis) {
    const struct onnx_value *x = onnx_input(r, 0);
    int at, end;

    if (onnx_axis(r->graph, given, x->rank, &at) != 0)
        return -1;
    end = together ? x->rank - 1 : at;
    *axis = -1;
    for (; at <= end; at++) {
        if (x->axis[at] == AXIS_FEATURE)
            *axis = at;
        else if (x->axis[at] != AXIS_ONE)
            return onnx_fail(r->graph, "goes along another axis than the features (over the steps "
                                       "it is attention), which this version does not have; it "
                                       "makes one row of all steps by their last, mean, greatest "
                                       "or least");
    }
    return *axis >= 0 ? 0
                      : onnx_fail(r->graph, "does not go along the features, which this version "
                                            "does not support");
}

// Adds a layer that reads all numbers of a linear layer, of one that passes them on where there is
// none, and gives so many, and makes it the current node's output.
static int add_end(struct onnx_reader *r, const struct onnx_value *x, const char *kind, int units) {
    struct onnx_value behind;
    int index;

    if (x->layer == ONNX_X || strcmp(r->layers[x->layer].kind, "dense") != 0) {
        if (onnx_add_diagonal(r, x, &(struct onnx_layer){0}, &behind) != 0)
            return -1;
        x = &behind;
    }
    const struct onnx_layer layer = {
        .kind = kind, .inputs = r->layers[x->layer].units, .units = units};
    if (onnx_add_layer(r, x, layer, &index) != 0)
        return -1;
    *onnx_output(r, 0) = *x;
    onnx_output(r, 0)->layer = index;
    onnx_output(r, 0)->last = !r->layers[index].per_step;
    return 0;
}

// Softmax before version 13 flattens all axes from its own on.
static bool softmax_is_flat(const struct onnx_graph *graph) {
    return graph->opset > 0 && graph->opset < 13;
}

static int64_t softmax_axis(const struct onnx_graph *graph) {
    return onnx_int(graph, "axis", softmax_is_flat(graph) ? 1 : -1);
}

static int read_softmax(struct onnx_reader *r) {
    const struct onnx_value *x = onnx_input(r, 0);
    int axis;

    if (check_feature_axis(r, softmax_axis(r->graph), softmax_is_flat(r->graph), &axis) != 0)
        return -1;
    if (onnx_is(r->graph, "LogSoftmax")) {
        if (onnx_check_numbers(r, x) != 0)
            return -1;
        *onnx_output(r, 0) = *x;
        onnx_output(r, 0)->log_softmax = true;
        return 0;
    }
    return add_end(r, x, "softmax", (int)x->dims[axis].k);
}

// An axis and what lies before and behind it.
struct line {
    size_t before, count, after;
};

static struct line line_of(const struct onnx_tensor *in, int axis, bool flat) {
    struct line line = {1, 1, 1};

    for (int i = 0; i < in->rank; i++)
        *(i < axis            ? &line.before
          : i == axis || flat ? &line.count
                              : &line.after) *= (size_t)in->dims[i];
    return line;
}

static int eval_softmax(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const bool logarithm = onnx_is(e->graph, "LogSoftmax");
    int axis;

    if (!onnx_is_real(in->type))
        return onnx_eval_unsupported(e);
    if (onnx_axis(e->graph, softmax_axis(e->graph), in->rank, &axis) != 0 ||
        onnx_eval_create(e, out, in->type, in->rank, in->dims) != 0)
        return -1;
    const struct line line = line_of(in, axis, softmax_is_flat(e->graph));
    for (size_t i = 0; in->count > 0 && i < line.before * line.after; i++) {
        const size_t first = i / line.after * line.count * line.after + i % line.after;
        double greatest = -INFINITY, sum = 0;
        for (size_t k = 0; k < line.count; k++)
            greatest = fmax(greatest, in->real[first + k * line.after]);
        for (size_t k = 0; k < line.count; k++)
            sum += exp(in->real[first + k * line.after] - greatest);
        for (size_t k = 0; k < line.count; k++) {
            const double above = in->real[first + k * line.after] - greatest;
            out->real[first + k * line.after] = logarithm ? above - log(sum) : exp(above) / sum;
        }
    }
    return 0;
}

// The first of the largest; of a softmax it is that of what the softmax reads.
static int read_argmax(struct onnx_reader *r) {
    struct onnx_value x = *onnx_input(r, 0), *out = onnx_output(r, 0);
    const bool keep = onnx_int(r->graph, "keepdims", 1) != 0;
    int axis;

    if (onnx_int(r->graph, "select_last_index", 0) != 0)
        return onnx_fail(r->graph, "takes the last of equal numbers; this version takes the first");
    if (check_feature_axis(r, onnx_int(r->graph, "axis", 0), false, &axis) != 0)
        return -1;
    x.log_softmax = false; // it keeps the order
    if (x.layer != ONNX_X && strcmp(r->layers[x.layer].kind, "softmax") == 0)
        x.layer = r->layers[x.layer].input;
    if (add_end(r, &x, "argmax", 1) != 0)
        return -1;
    out->whole = true;
    out->dims[axis] = (struct onnx_size){1, SYMBOL_NONE};
    out->rank -= !keep;
    for (int i = axis; !keep && i < out->rank; i++) {
        out->dims[i] = out->dims[i + 1];
        out->axis[i] = out->axis[i + 1];
    }
    return 0;
}

static int eval_argmax(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const bool keep = onnx_int(e->graph, "keepdims", 1) != 0;
    int64_t dims[ONNX_RANK];
    int axis, rank = 0;

    if (!onnx_is_real(in->type) || onnx_int(e->graph, "select_last_index", 0) != 0)
        return onnx_eval_unsupported(e);
    if (onnx_axis(e->graph, onnx_int(e->graph, "axis", 0), in->rank, &axis) != 0)
        return -1;
    for (int i = 0; i < in->rank; i++) {
        if (i != axis || keep)
            dims[rank++] = i == axis ? 1 : in->dims[i];
    }
    if (onnx_eval_create(e, out, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, rank, dims) != 0)
        return -1;
    const struct line line = line_of(in, axis, false);
    for (size_t i = 0; in->count > 0 && i < out->count; i++) {
        const double *at = in->real + i / line.after * line.count * line.after + i % line.after;
        size_t best = 0;
        for (size_t k = 0; k < line.count; k++) {
            if (!isfinite(at[k * line.after]))
                return onnx_fail(e->graph, "compares %g, which is no finite number",
                                 at[k * line.after]);
            if (at[k * line.after] > at[best * line.after])
                best = k;
        }
        out->whole[i] = (int64_t)best;
    }
    return 0;
}

const struct onnx_operator onnx_head_operators[] = {
    {"Gemm", read_gemm, NULL, onnx_eval_gemm, ONNX_HEAVY},
    {"MatMul", read_matmul, NULL, onnx_eval_matmul, ONNX_HEAVY},
    {"MatMulInteger", read_matmul, NULL, onnx_eval_matmul, ONNX_HEAVY},
    {"Add", onnx_arithmetic, onnx_fold_arithmetic, onnx_eval_arithmetic, ONNX_EITHER},
    {"BatchNormalization", onnx_batch_norm, NULL, onnx_eval_batch_norm, ONNX_PARTS},
    {"LayerNormalization", onnx_layer_norm, NULL, onnx_eval_layer_norm, ONNX_PARTS},
    {"Relu", onnx_read_function, NULL, onnx_eval_function, 0},
    {"Sigmoid", onnx_read_function, NULL, onnx_eval_function, 0},
    {"Tanh", onnx_read_function, NULL, onnx_eval_function, 0},
    {"Celu", onnx_read_function, NULL, onnx_eval_function, 0},
    {"Elu", onnx_read_function, NULL, onnx_eval_function, 0},
    {"Gelu", onnx_read_function, NULL, onnx_eval_function, 0},
    {"HardSigmoid", onnx_read_function, NULL, onnx_eval_function, 0},
    {"HardSwish", onnx_read_function, NULL, onnx_eval_function, 0},
    {"LeakyRelu", onnx_read_function, NULL, onnx_eval_function, 0},
    {"Mish", onnx_read_function, NULL, onnx_eval_function, 0},
    {"PRelu", onnx_read_function, NULL, onnx_eval_function, 0},
    {"Selu", onnx_read_function, NULL, onnx_eval_function, 0},
    {"Softplus", onnx_read_function, NULL, onnx_eval_function, 0},
    {"Softsign", onnx_read_function, NULL, onnx_eval_function, 0},
    {"Swish", onnx_read_function, NULL, onnx_eval_function, 0},
    {"ThresholdedRelu", onnx_read_function, NULL, onnx_eval_function, 0},
    {"Softmax", read_softmax, NULL, eval_softmax, 0},
    {"LogSoftmax", read_softmax, NULL, eval_softmax, 0},
    {"ArgMax", read_argmax, NULL, eval_argmax, 0},
    {0},
};
