// SPDX-License-Identifier: Apache-2.0
// Operators of ONNX that are a function of single numbers: behind a linear layer its activation,
// with what the function multiplies its argument by, and adds to it, in the layer's rows. The
// functions are those at the places of cells (onnx_activation.c), or made of one.
#include "onnx_parts.h"

#include <math.h>
#include <string.h>

// Those that are made of another one.
enum { CELU, PRELU, SELU, SWISH, GELU, LOG_SIGMOID, MADE };
static const char *const made_functions[MADE] = {"Celu",  "PRelu", "Selu",
                                                 "Swish", "Gelu",  "LogSigmoid"};

static int find_made(const struct onnx_graph *graph) {
    int i = 0;

    while (i < MADE && !onnx_is(graph, made_functions[i]))
        i++;
    return i;
}

// The slope of a PRelu, NAN where it is not one number for all.
static double slope_of(const struct onnx_eval *e) {
    const struct onnx_tensor *slope = onnx_eval_input(e, 1);

    if (!slope || !onnx_is_real(slope->type) || slope->count < 1)
        return NAN;
    for (size_t i = 1; i < slope->count; i++)
        if (slope->real[i] != slope->real[0])
            return NAN;
    return slope->real[0];
}

// Which of its two forms a Gelu has.
static const char *gelu_of(const struct onnx_graph *graph) {
    const Onnx__AttributeProto *form = onnx_attribute(graph, "approximate");

    return form && form->s.len == 4 && memcmp(form->s.data, "tanh", 4) == 0 ? "GeluTanh" : "Gelu";
}

// The numbers of one that is made. -1 with a sentence.
static int find_numbers(struct onnx_eval *e, int which, double *alpha, double *gamma) {
    *alpha = which == PRELU  ? slope_of(e)
             : which == SELU ? (double)onnx_float(e->graph, "alpha", 1.67326319217681884765625f)
                             : (double)onnx_float(e->graph, "alpha", 1);
    *gamma = which == SELU ? (double)onnx_float(e->graph, "gamma", 1.05070102214813232421875f) : 1;
    if (which == PRELU && isnan(*alpha))
        return onnx_fail(e->graph, "has a slope that is not one constant number for all features");
    if (!isfinite(*alpha) || !isfinite(*gamma))
        return onnx_fail(e->graph, "has a number that is not finite");
    if ((which == CELU || which == SWISH) && *alpha == 0)
        return onnx_fail(e->graph, "has alpha 0, by which it divides");
    return 0;
}

// ---- Reading

// value: also the current node's output
static int add_line(struct onnx_reader *r, struct onnx_value *value, double factor, double offset) {
    if (factor == 1 && offset == 0)
        return 0;
    const struct onnx_value x = *value;
    if (onnx_line(r, &x, factor, offset) != 0)
        return -1;
    *value = *onnx_output(r, 0);
    return 0;
}

int onnx_activate(struct onnx_reader *r, const struct onnx_value *given,
                  const struct onnx_activation *activation) {
    struct onnx_value x = *given, *out = onnx_output(r, 0);
    struct onnx_layer made = {0};
    struct onnx_in_place in;
    int index;

    if (onnx_check_numbers(r, &x) != 0 ||
        onnx_place(r->graph, activation, MR_PLACE_G, false, &in) != 0 ||
        add_line(r, &x, in.factor, in.offset) != 0)
        return -1;
    const struct onnx_layer *layer = onnx_open_layer(r, &x);
    if (layer)
        made = *layer;
    made.activation = in.place.kind;
    made.in[MR_PLACE_G] = in;
    if (!layer)
        return onnx_add_diagonal(r, &x, &made, out);
    if (onnx_change_layer(r, &x, made, &index) != 0)
        return -1;
    *out = x;
    out->layer = index;
    return 0;
}

int onnx_activate_plain(struct onnx_reader *r, const struct onnx_value *x, const char *name) {
    struct onnx_activation activation;

    onnx_named_activation(r->graph, name, "", "", &activation);
    return onnx_activate(r, x, &activation);
}

int onnx_read_function(struct onnx_reader *r) {
    struct onnx_value x = *onnx_input(r, 0);
    const int which = find_made(r->graph);
    struct onnx_activation f;
    double alpha = 1, gamma = 1;

    if (onnx_check_numbers(r, &x) != 0)
        return -1;
    if (which == MADE) {
        onnx_named_activation(r->graph, r->graph->node->op_type, "alpha", "beta", &f);
        return onnx_activate(r, &x, &f);
    }
    if (find_numbers(&r->fold, which, &alpha, &gamma) != 0)
        return -1;
    const char *const of[MADE] = {"Elu",   "LeakyRelu",       "Elu",
                                  "Swish", gelu_of(r->graph), "Softplus"};
    onnx_named_activation(r->graph, of[which], NULL, NULL, &f);
    double factor = 1; // of the argument
    if (which == CELU) // alpha elu(x / alpha)
        factor = 1 / alpha, gamma = alpha;
    else if (which == SWISH) // swish(alpha x) / alpha
        factor = alpha, gamma = 1 / alpha;
    else if (which == LOG_SIGMOID) // -softplus(-x)
        factor = gamma = -1;
    else if (which != GELU)
        f.alpha = alpha;
    if (which == CELU)
        f.alpha = 1;
    if (add_line(r, &x, factor, 0) != 0)
        return -1;
    if (onnx_activate(r, &x, &f) != 0)
        return -1;
    x = *onnx_output(r, 0);
    return add_line(r, &x, gamma, 0);
}

// ---- Computing

static double compute(int which, double alpha, double gamma, double x) {
    if (which == SWISH)
        return x / (1 + exp(-alpha * x));
    if (which == LOG_SIGMOID)
        return fmin(x, 0) - log1p(exp(-fabs(x)));
    if (which == PRELU)
        return x < 0 ? alpha * x : x;
    if (which == SELU)
        return gamma * (x < 0 ? alpha * (exp(x) - 1) : x);
    return fmax(x, 0) + fmin(0, alpha * (exp(x / alpha) - 1));
}

int onnx_eval_function(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    double (*const plain)(double) = onnx_is(e->graph, "Exp")   ? exp
                                    : onnx_is(e->graph, "Log") ? log
                                    : onnx_is(e->graph, "Erf") ? erf
                                                               : NULL;
    const int which = find_made(e->graph);
    const bool named = which == MADE || which == GELU;
    struct onnx_activation f;
    double alpha = 1, gamma = 1;

    if (!onnx_is_real(in->type))
        return onnx_eval_unsupported(e);
    if (!plain && named)
        onnx_named_activation(e->graph, which == GELU ? gelu_of(e->graph) : e->graph->node->op_type,
                              "alpha", "beta", &f);
    else if (!plain && find_numbers(e, which, &alpha, &gamma) != 0)
        return -1;
    if (onnx_eval_create(e, out, in->type, in->rank, in->dims) != 0)
        return -1;
    for (size_t i = 0; i < in->count; i++)
        out->real[i] = plain   ? plain(in->real[i])
                       : named ? onnx_function(&f, in->real[i])
                               : compute(which, alpha, gamma, in->real[i]);
    return 0;
}
