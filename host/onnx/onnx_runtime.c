// SPDX-License-Identifier: Apache-2.0
// Operators that ONNX Runtime writes where it quantises or optimises a file (the domain
// com.microsoft, and QLinearMatMul), as far as they are linear layers and what stands around them.
// What is quantised is taken as what it stands for (onnx_quantised.c).
#include "onnx_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// Where a product has its operands; inputs that it does not have are 0.
struct layout {
    const char *type;
    size_t weights, bias;
    size_t x_scale, x_zero; // of the first input, where a QuantizeLinear gives it
    size_t scale, zero;     // of the weights
    size_t y_scale, y_zero; // of the output
    bool fused;             // alpha and transB; of a Gemm beta and an activation too
};

static const struct layout layouts[] = {
    {"QLinearMatMul", 3, 0, 1, 2, 4, 5, 6, 7, false},
    {"QGemm", 3, 6, 1, 2, 4, 5, 7, 8, true},
    {"DynamicQuantizeMatMul", 1, 4, 0, 0, 2, 3, 0, 0, false},
    {"MatMulIntegerToFloat", 1, 6, 0, 0, 3, 5, 0, 0, false},
    {"FusedMatMul", 1, 0, 0, 0, 0, 0, 0, 0, true},
    {"FusedGemm", 1, 2, 0, 0, 0, 0, 0, 0, true},
};

static const struct layout *layout_of(const struct onnx_graph *graph) {
    const struct layout *l = layouts;

    while (!onnx_is(graph, l->type)) // it has a row below
        l++;
    return l;
}

// The one that a FusedGemm ends with; *has: there is one. -1 with a sentence.
static int find_activation(struct onnx_graph *graph, bool *has,
                           struct onnx_activation *activation) {
    const Onnx__AttributeProto *a = onnx_attribute(graph, "activation");
    char name[40];

    *has = a && a->has_s && a->s.len > 0;
    if (!*has)
        return 0;
    snprintf(name, sizeof name, "%.*s", a->s.len < sizeof name ? (int)a->s.len : 0,
             (const char *)a->s.data);
    if (onnx_named_activation(graph, name, "activation_alpha", "activation_beta", activation))
        return 0;
    return onnx_fail(graph, "has the activation '%s', which this version does not have", name);
}

static int check_turns(struct onnx_graph *graph) {
    return onnx_int(graph, "transA", 0) || onnx_int(graph, "transBatchA", 0) ||
                   onnx_int(graph, "transBatchB", 0)
               ? onnx_fail(graph, "transposes its input, which this version does not support")
               : 0;
}

static struct onnx_product product_of(const struct onnx_graph *graph, const struct layout *l) {
    const double alpha = l->fused ? (double)onnx_float(graph, "alpha", 1) : 1;

    return (struct onnx_product){
        .weights = l->weights,
        .bias = l->bias,
        .outputs_first = l->fused && onnx_int(graph, "transB", 0) != 0,
        .scale = alpha,
        .bias_scale = onnx_is(graph, "FusedGemm") ? (double)onnx_float(graph, "beta", 1) : 1};
}

// The bias of a QGemm counts in steps of both scales, which are one number, or the weights' one for
// each output.
static int take_bias(struct onnx_reader *r, const struct layout *l, double alpha) {
    const struct onnx_tensor *x_scale = onnx_real_constant(r, l->x_scale);

    if (!onnx_is(r->graph, "QGemm") || !onnx_input(r, l->bias))
        return 0;
    if (!x_scale || x_scale->count != 1)
        return onnx_fail(r->graph, "has no one constant scale of its input");
    return onnx_take_quantised(r, l->bias, l->scale, 0, false, alpha * x_scale->real[0]);
}

static int read_product(struct onnx_reader *r) {
    const struct layout *l = layout_of(r->graph);
    const struct onnx_product product = product_of(r->graph, l);
    const struct onnx_value *x = onnx_input(r, 0);
    struct onnx_activation activation;
    bool activates;

    if (check_turns(r->graph) != 0 || find_activation(r->graph, &activates, &activation) != 0 ||
        (l->x_scale && onnx_check_quantised(r, 0, l->x_scale, l->x_zero) != 0) ||
        (l->scale &&
         onnx_take_quantised(r, l->weights, l->scale, l->zero, product.outputs_first, 1) != 0) ||
        take_bias(r, l, product.scale) != 0)
        return -1;
    if (!l->x_scale && x->quantised)
        return onnx_fail(r->graph,
                         "reads what a QuantizeLinear gives; this version takes that of a "
                         "DynamicQuantizeLinear there");
    if (onnx_add_product(r, &product) != 0)
        return -1;
    struct onnx_value *out = onnx_output(r, 0);
    out->quantised = false;
    if (activates) {
        const struct onnx_value sums = *out;
        if (onnx_activate(r, &sums, &activation) != 0)
            return -1;
    }
    return l->y_scale && onnx_input(r, l->y_scale) ? onnx_requantise(r, l->y_scale, l->y_zero) : 0;
}

int onnx_qlinear_matmul(struct onnx_reader *r) {
    return read_product(r);
}

static int eval_product(struct onnx_eval *e) {
    const struct layout *l = layout_of(e->graph);
    const struct onnx_product product = product_of(e->graph, l);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    struct onnx_activation activation;
    bool activates;

    if (check_turns(e->graph) != 0 || find_activation(e->graph, &activates, &activation) != 0 ||
        onnx_eval_linear(e, onnx_eval_input(e, 0), onnx_eval_input(e, l->weights),
                         product.outputs_first, product.scale,
                         l->bias ? onnx_eval_input(e, l->bias) : NULL, product.bias_scale) != 0)
        return -1;
    for (size_t i = 0; i < out->count && activates; i++)
        out->real[i] = onnx_function(&activation, out->real[i]);
    if (l->y_scale && onnx_eval_input(e, l->y_scale))
        onnx_eval_cut(e, out, l->y_zero);
    return 0;
}

int onnx_eval_qlinear_matmul(struct onnx_eval *e) {
    return eval_product(e);
}

// ---- A, its scale and zero point, B and its own, and those of the sum

static int read_sum(struct onnx_reader *r) {
    const struct onnx_value *a = onnx_input(r, 0), *b = onnx_input(r, 3);
    struct onnx_value *out = onnx_output(r, 0);
    const bool both = b && b->kind == ONNX_FLOW && a->kind == ONNX_FLOW;
    const size_t data = a->kind == ONNX_FLOW ? 0 : 3, other = data ? 0 : 3;

    if (onnx_check_quantised(r, data, data + 1, data + 2) != 0 ||
        (both && onnx_check_quantised(r, 3, 4, 5) != 0))
        return -1;
    if (!both && onnx_take_quantised(r, other, other + 1, other + 2, false, 1) != 0)
        return -1;
    if ((both ? onnx_join_rows(r, "add", a, b)
              : onnx_compute(r, 'A', onnx_input(r, data), other, true)) != 0)
        return -1;
    out->quantised = false;
    return onnx_requantise(r, 6, 7);
}

static int eval_sum(struct onnx_eval *e) {
    const struct onnx_tensor *a = onnx_eval_input(e, 0), *b = onnx_eval_input(e, 3);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    int64_t dims[ONNX_RANK], stride[2][ONNX_RANK], index[ONNX_RANK] = {0};
    int rank;

    if (!b || !onnx_is_real(a->type) || !onnx_is_real(b->type) ||
        !onnx_broadcast(a->dims, a->rank, b->dims, b->rank, dims, &rank))
        return onnx_eval_unsupported(e);
    if (onnx_eval_create(e, out, a->type, rank, dims) != 0)
        return -1;
    onnx_stretch(a, rank, dims, stride[0]);
    onnx_stretch(b, rank, dims, stride[1]);
    for (size_t i = 0; i < out->count; i++) {
        int64_t at[2] = {0, 0};
        for (int k = 0; k < rank; k++) {
            at[0] += index[k] * stride[0][k];
            at[1] += index[k] * stride[1][k];
        }
        out->real[i] = a->real[at[0]] + b->real[at[1]];
        for (int k = rank; k-- > 0 && ++index[k] == dims[k];)
            index[k] = 0;
    }
    onnx_eval_cut(e, out, 7);
    return 0;
}

// ---- X with its scale and zero point, and those of what comes out

static int read_sigmoid(struct onnx_reader *r) {
    if (onnx_check_quantised(r, 0, 1, 2) != 0 ||
        onnx_activate_plain(r, onnx_input(r, 0), "Sigmoid") != 0)
        return -1;
    onnx_output(r, 0)->quantised = false;
    return onnx_requantise(r, 3, 4);
}

static int eval_sigmoid(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);

    if (!onnx_is_real(in->type))
        return onnx_eval_unsupported(e);
    if (onnx_eval_create(e, out, in->type, in->rank, in->dims) != 0)
        return -1;
    for (size_t i = 0; i < in->count; i++)
        out->real[i] = 1 / (1 + exp(-in->real[i]));
    return 0;
}

// ---- Input, skip, gamma, beta, bias: the sum, normalised

static int read_skip_norm(struct onnx_reader *r) {
    const struct onnx_value *x = onnx_input(r, 0), *skip = onnx_input(r, 1);
    const double epsilon = (double)onnx_float(r->graph, "epsilon", 1e-12f);

    for (size_t i = 1; i < 4; i++)
        if (onnx_output(r, i))
            return onnx_fail(r->graph, "gives the sum, its mean or deviation to others, which this "
                                       "version does not support");
    if (!skip || skip->kind != ONNX_FLOW || onnx_join_rows(r, "add", x, skip) != 0)
        return skip && skip->kind == ONNX_FLOW
                   ? -1
                   : onnx_fail(r->graph, "adds what the network does not compute");
    struct onnx_value sum = *onnx_output(r, 0);
    if (onnx_input(r, 4)) {
        if (onnx_compute(r, 'A', &sum, 4, true) != 0)
            return -1;
        sum = *onnx_output(r, 0);
    }
    return onnx_normalise(r, &sum, epsilon, 2, 3);
}

static int eval_skip_norm(struct onnx_eval *e) {
    const struct onnx_tensor *in[5];
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const double epsilon = (double)onnx_float(e->graph, "epsilon", 1e-12f);

    for (size_t i = 0; i < 5; i++) {
        in[i] = onnx_eval_input(e, i);
        if (in[i] && !onnx_is_real(in[i]->type))
            return onnx_eval_unsupported(e);
    }
    if (!out || !in[1] || in[0]->rank < 1 || in[1]->count != in[0]->count)
        return onnx_eval_unsupported(e);
    const size_t count = (size_t)in[0]->dims[in[0]->rank - 1];
    for (size_t i = 2; i < 5; i++)
        if ((i == 2 && !in[i]) || (in[i] && in[i]->count != count))
            return onnx_fail(e->graph,
                             "has a scale or bias for another number of features than %zu", count);
    if (onnx_eval_create(e, out, in[0]->type, in[0]->rank, in[0]->dims) != 0)
        return -1;
    for (size_t row = 0; row + count <= out->count && count > 0; row += count) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < count; i++) {
            out->real[row + i] =
                in[0]->real[row + i] + in[1]->real[row + i] + (in[4] ? in[4]->real[i] : 0);
            mean += out->real[row + i] / (double)count;
        }
        for (size_t i = 0; i < count; i++)
            variance += pow(out->real[row + i] - mean, 2) / (double)count;
        for (size_t i = 0; i < count; i++)
            out->real[row + i] =
                (out->real[row + i] - mean) / sqrt(variance + epsilon) * in[2]->real[i] +
                (in[3] ? in[3]->real[i] : 0);
    }
    return 0;
}

const struct onnx_operator onnx_runtime_operators[] = {
    {"DequantizeLinear", onnx_dequantise, NULL, onnx_eval_dequantize, ONNX_TAKES_QUANTISED},
    {"DynamicQuantizeMatMul", read_product, NULL, eval_product, ONNX_HEAVY},
    {"FusedGemm", read_product, NULL, eval_product, ONNX_HEAVY},
    {"FusedMatMul", read_product, NULL, eval_product, ONNX_HEAVY},
    {"MatMulIntegerToFloat", read_product, NULL, eval_product, ONNX_HEAVY},
    {"QGemm", read_product, NULL, eval_product, ONNX_HEAVY | ONNX_TAKES_QUANTISED},
    {"QLinearAdd", read_sum, NULL, eval_sum, ONNX_EITHER | ONNX_TAKES_QUANTISED},
    {"QLinearSigmoid", read_sigmoid, NULL, eval_sigmoid, ONNX_TAKES_QUANTISED},
    {"QuantizeLinear", onnx_quantise, NULL, onnx_eval_quantise, 0},
    {"SkipLayerNormalization", read_skip_norm, NULL, eval_skip_norm, ONNX_PARTS},
    {0},
};
