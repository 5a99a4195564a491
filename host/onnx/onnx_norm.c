// SPDX-License-Identifier: Apache-2.0
// Layer normalisation: the operator, and the operators of which older exporters make it,
// (x - mean) / sqrt(mean of (x - mean)^2 + epsilon), recognised step by step. Factor and offset of
// each feature are arithmetic with constants behind it (onnx_affine.c).
#include "onnx_parts.h"

#include <math.h>
#include <string.h>

static bool is_flow(const struct onnx_value *value) {
    return value && value->kind == ONNX_FLOW;
}

static enum onnx_moment moment_of(const struct onnx_value *value) {
    return is_flow(value) ? value->moment : ONNX_MOMENT_NONE;
}

bool onnx_is_moment(const struct onnx_value *value) {
    return moment_of(value) != ONNX_MOMENT_NONE;
}

static int no_part(struct onnx_reader *r) {
    return onnx_fail(r->graph, "computes with the mean or the variance of the features in another "
                               "way than a layer normalisation does, which this version does not "
                               "support");
}

// Do both come from the same rows, laid out in the same way?
static bool same_rows(const struct onnx_value *a, const struct onnx_value *b) {
    return a->layer == b->layer && a->last == b->last && a->rank == b->rank &&
           memcmp(a->axis, b->axis, (size_t)a->rank * sizeof *a->axis) == 0;
}

// The current node gives a layer that normalises the rows that x is made of.
static int add_norm(struct onnx_reader *r, struct onnx_value x, double epsilon,
                    struct onnx_value *out) {
    struct onnx_layer layer = {.kind = "layer_norm", .fill = NULL, .epsilon = epsilon};
    int index;

    if (!(epsilon >= 0) || !isfinite(epsilon))
        return onnx_fail(r->graph, "has an epsilon of %g", epsilon);
    x.moment = ONNX_MOMENT_NONE;
    layer.inputs = layer.units = onnx_features(r, &x);
    if (onnx_add_layer(r, &x, layer, &index) != 0)
        return -1;
    x.layer = index;
    x.cast = (struct mr_cast){0};
    x.last = !r->layers[index].per_step;
    *out = x;
    return 0;
}

// ---- The operator

// X, Scale, B; its axis is that of the features, behind which there are none.
int onnx_layer_norm(struct onnx_reader *r) {
    const struct onnx_value *x = onnx_input(r, 0);
    int axis;

    if (onnx_check_numbers(r, x) != 0 ||
        onnx_axis(r->graph, onnx_int(r->graph, "axis", -1), x->rank, &axis) != 0)
        return -1;
    for (int i = axis; i < x->rank; i++)
        if (x->axis[i] != AXIS_ONE && onnx_claim_features(r, x, i) != 0)
            return -1;
    for (size_t i = 1; i < 3; i++)
        if (onnx_output(r, i))
            return onnx_fail(r->graph, "gives mean or deviation to others, which this version does "
                                       "not support");
    return onnx_normalise(r, x, (double)onnx_float(r->graph, "epsilon", 1e-5f), 1, 2);
}

int onnx_normalise(struct onnx_reader *r, const struct onnx_value *x, double epsilon, size_t factor,
                   size_t offset) {
    struct onnx_value normal;

    return add_norm(r, *x, epsilon, &normal) != 0 ? -1 : onnx_scale(r, &normal, factor, offset);
}

int onnx_eval_layer_norm(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0), *factor = onnx_eval_input(e, 1);
    const struct onnx_tensor *offset = onnx_eval_input(e, 2);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const double epsilon = (double)onnx_float(e->graph, "epsilon", 1e-5f);
    size_t count = 1;
    int axis;

    if (!out || !onnx_is_real(in->type) || !factor || !onnx_is_real(factor->type) ||
        (offset && !onnx_is_real(offset->type)))
        return onnx_eval_unsupported(e);
    if (onnx_axis(e->graph, onnx_int(e->graph, "axis", -1), in->rank, &axis) != 0)
        return -1;
    for (int i = axis; i < in->rank; i++)
        count *= (size_t)in->dims[i];
    if ((factor->count != 1 && factor->count != count) ||
        (offset && offset->count != 1 && offset->count != count))
        return onnx_fail(e->graph, "has a scale or bias for another number of features than %zu",
                         count);
    if (onnx_eval_create(e, out, in->type, in->rank, in->dims) != 0)
        return -1;
    for (size_t row = 0; row + count <= in->count && count > 0; row += count) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < count; i++)
            mean += in->real[row + i] / (double)count;
        for (size_t i = 0; i < count; i++)
            variance += (in->real[row + i] - mean) * (in->real[row + i] - mean) / (double)count;
        for (size_t i = 0; i < count; i++)
            out->real[row + i] = (in->real[row + i] - mean) / sqrt(variance + epsilon) *
                                     factor->real[factor->count == 1 ? 0 : i] +
                                 (offset ? offset->real[offset->count == 1 ? 0 : i] : 0);
    }
    return 0;
}

// ---- Its parts

int onnx_feature_mean(struct onnx_reader *r, const struct onnx_value *x, bool keep) {
    struct onnx_value *out = onnx_output(r, 0);

    if (!keep)
        return onnx_fail(r->graph, "takes the mean of the features and drops their axis, which "
                                   "this version does not support");
    if (x->moment != ONNX_MOMENT_NONE && x->moment != ONNX_MOMENT_SQUARES)
        return no_part(r);
    *out = *x;
    out->moment = x->moment == ONNX_MOMENT_NONE ? ONNX_MOMENT_MEAN : ONNX_MOMENT_VARIANCE;
    return 0;
}

// A value raised to a power; -1 with a sentence.
static int raise(struct onnx_reader *r, const struct onnx_value *x, double power) {
    static const struct {
        enum onnx_moment from;
        double power;
        enum onnx_moment to;
    } steps[] = {
        {ONNX_MOMENT_CENTRED, 2, ONNX_MOMENT_SQUARES},
        {ONNX_MOMENT_VARIANCE, 0.5, ONNX_MOMENT_DEVIATION},
        {ONNX_MOMENT_VARIANCE, -0.5, ONNX_MOMENT_INVERSE},
        {ONNX_MOMENT_DEVIATION, -1, ONNX_MOMENT_INVERSE},
    };

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (x->moment != steps[i].from || power != steps[i].power)
            continue;
        *onnx_output(r, 0) = *x;
        onnx_output(r, 0)->moment = steps[i].to;
        return 0;
    }
    return no_part(r);
}

// Pow, Sqrt, Reciprocal.
static bool power_of(const struct onnx_graph *graph, const struct onnx_tensor *given,
                     double *power) {
    *power = onnx_is(graph, "Sqrt") ? 0.5 : -1;
    if (onnx_is(graph, "Pow") && given && given->count == 1)
        *power = onnx_number(given, 0);
    return !onnx_is(graph, "Pow") || (given && given->count == 1);
}

int onnx_power(struct onnx_reader *r) {
    double power;

    if (!power_of(r->graph, onnx_constant(r, 1), &power))
        return onnx_fail(r->graph, "has an exponent that is not one constant number");
    return raise(r, onnx_input(r, 0), power);
}

int onnx_eval_power(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    double power;

    if (!onnx_is_real(in->type) || !power_of(e->graph, onnx_eval_input(e, 1), &power))
        return onnx_eval_unsupported(e);
    if (onnx_eval_create(e, out, in->type, in->rank, in->dims) != 0)
        return -1;
    for (size_t i = 0; i < in->count; i++)
        out->real[i] = power == 0.5 ? sqrt(in->real[i]) : pow(in->real[i], power);
    return 0;
}

// Two values of the data, of which one at least is a part of a normalisation or is to become one.
static int combine(struct onnx_reader *r, const struct onnx_value *a, const struct onnx_value *b) {
    const char op = r->graph->node->op_type[0];
    struct onnx_value *out = onnx_output(r, 0);

    if (!same_rows(a, b))
        return no_part(r);
    if (op == 'S' && a->moment == ONNX_MOMENT_NONE && b->moment == ONNX_MOMENT_MEAN) {
        *out = *a;
        out->moment = ONNX_MOMENT_CENTRED;
        return 0;
    }
    if (op == 'M' && a->moment == ONNX_MOMENT_CENTRED && b->moment == ONNX_MOMENT_CENTRED)
        return raise(r, a, 2);
    if (op == 'D' && a->moment == ONNX_MOMENT_CENTRED && b->moment == ONNX_MOMENT_DEVIATION)
        return add_norm(r, *a, b->epsilon, out);
    if (op == 'M' && a->moment == ONNX_MOMENT_CENTRED && b->moment == ONNX_MOMENT_INVERSE)
        return add_norm(r, *a, b->epsilon, out);
    if (op == 'M' && b->moment == ONNX_MOMENT_CENTRED && a->moment == ONNX_MOMENT_INVERSE)
        return add_norm(r, *b, a->epsilon, out);
    return no_part(r);
}

int onnx_moment_arithmetic(struct onnx_reader *r) {
    const struct onnx_value *a = onnx_input(r, 0), *b = onnx_input(r, 1);
    const char op = r->graph->node->op_type[0];

    if (is_flow(a) && is_flow(b))
        return combine(r, a, b);
    const struct onnx_value *x = is_flow(a) ? a : b;
    const struct onnx_tensor *number = onnx_real_constant(r, is_flow(a) ? 1 : 0);
    if (!number || number->count != 1)
        return no_part(r);
    if (op == 'A' && x->moment == ONNX_MOMENT_VARIANCE) {
        *onnx_output(r, 0) = *x;
        onnx_output(r, 0)->epsilon += number->real[0];
        return 0;
    }
    return op == 'D' && x == b && number->real[0] == 1 ? raise(r, x, -1) : no_part(r);
}
