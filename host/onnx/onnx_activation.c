// SPDX-License-Identifier: Apache-2.0
// The functions of a recurrent operator of ONNX at the places of its cell: their names, numbers and
// clip, computed in double precision and as the network has them.
#include "onnx_cell.h"
#include "onnx_graph.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static double affine(const struct onnx_activation *a, double x) {
    return a->alpha * x + a->beta;
}

static double relu(const struct onnx_activation *a, double x) {
    (void)a;
    return x < 0 ? 0 : x;
}

static double leaky_relu(const struct onnx_activation *a, double x) {
    return x < 0 ? a->alpha * x : x;
}

static double thresholded_relu(const struct onnx_activation *a, double x) {
    return x > a->alpha ? x : 0;
}

static double hyperbolic(const struct onnx_activation *a, double x) {
    (void)a;
    return tanh(x);
}

static double scaled_tanh(const struct onnx_activation *a, double x) {
    return a->alpha * tanh(a->beta * x);
}

static double sigmoid(const struct onnx_activation *a, double x) {
    (void)a;
    return 1 / (1 + exp(-x));
}

static double hard_sigmoid(const struct onnx_activation *a, double x) {
    return fmin(fmax(a->alpha * x + a->beta, 0), 1);
}

static double elu(const struct onnx_activation *a, double x) {
    return x < 0 ? a->alpha * (exp(x) - 1) : x;
}

static double softsign(const struct onnx_activation *a, double x) {
    (void)a;
    return x / (1 + fabs(x));
}

static double softplus(const struct onnx_activation *a, double x) {
    (void)a;
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double swish(const struct onnx_activation *a, double x) {
    (void)a;
    return x / (1 + exp(-x));
}

static double gelu(const struct onnx_activation *a, double x) {
    (void)a;
    return x / 2 * (1 + erf(x / sqrt(2)));
}

static double gelu_by_tanh(const struct onnx_activation *a, double x) {
    (void)a;
    return x / 2 * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * pow(x, 3))));
}

static double hard_swish(const struct onnx_activation *a, double x) {
    (void)a;
    return x * fmin(fmax(x / 6 + 0.5, 0), 1);
}

static double mish(const struct onnx_activation *a, double x) {
    return x * tanh(softplus(a, x));
}

// With the numbers that they have where the file gives none, as ONNX Runtime has them; NAN: the
// function takes no such number.
static const struct function {
    const char *name;
    double alpha, beta;
    double (*of)(const struct onnx_activation *a, double x);
    enum mr_activation kind;
} functions[] = {
    {"Relu", NAN, NAN, relu, MR_ACTIVATION_RELU},
    {"Tanh", NAN, NAN, hyperbolic, MR_ACTIVATION_TANH},
    {"Sigmoid", NAN, NAN, sigmoid, MR_ACTIVATION_SIGMOID},
    {"HardSigmoid", 0.2f, 0.5f, hard_sigmoid, MR_ACTIVATION_HARD},
    {"Affine", 1, 0, affine, MR_ACTIVATION_LINEAR},
    {"LeakyRelu", 0.01f, NAN, leaky_relu, MR_ACTIVATION_LEAKY},
    {"ThresholdedRelu", 1, NAN, thresholded_relu, MR_ACTIVATION_THRESHOLDED},
    {"ScaledTanh", 1, 1, scaled_tanh, MR_ACTIVATION_TANH},
    {"Softsign", NAN, NAN, softsign, MR_ACTIVATION_SOFTSIGN},
    {"Softplus", NAN, NAN, softplus, MR_ACTIVATION_SOFTPLUS},
    {"Elu", 1, NAN, elu, MR_ACTIVATION_ELU},
    {"Swish", NAN, NAN, swish, MR_ACTIVATION_SWISH},
    {"Gelu", NAN, NAN, gelu, MR_ACTIVATION_GELU},
    {"GeluTanh", NAN, NAN, gelu_by_tanh, MR_ACTIVATION_GELU_TANH},
    {"HardSwish", NAN, NAN, hard_swish, MR_ACTIVATION_HARD_SWISH},
    {"Mish", NAN, NAN, mish, MR_ACTIVATION_MISH},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

const char *onnx_function_of(const struct mr_place *place, double *alpha, double *beta) {
    const bool scales = place->kind == MR_ACTIVATION_TANH && place->scale != 1;
    size_t i = 0;

    if ((place->scale != 1 && !scales) || place->offset != 0 || place->factor != 1)
        return NULL;
    while (functions[i].kind != place->kind || (functions[i].of == scaled_tanh) != scales)
        if (++i == FUNCTIONS)
            return NULL;
    // Of a hard sigmoid and a line the weights have what they do.
    const bool is_line = place->kind == MR_ACTIVATION_HARD || place->kind == MR_ACTIVATION_LINEAR;
    *alpha = isnan(functions[i].alpha) ? NAN : is_line ? 1 : scales ? place->scale : place->alpha;
    *beta = isnan(functions[i].beta) ? NAN : is_line ? 0 : 1;
    return functions[i].name;
}

// Upper and lower case are the same in ONNX.
static const struct function *find(const char *name, size_t length) {
    for (size_t i = 0; i < FUNCTIONS; i++)
        if (strlen(functions[i].name) == length &&
            strncasecmp(functions[i].name, name, length) == 0)
            return &functions[i];
    return NULL;
}

static size_t count_of(const struct onnx_cell *cell) {
    size_t count = 0;

    while (count < MR_PLACES && cell->activations[count])
        count++;
    return count;
}

static int unknown(struct onnx_graph *graph, const ProtobufCBinaryData *name) {
    char known[200] = "";

    for (size_t i = 0, used = 0; i < FUNCTIONS && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                 functions[i].name);
    return onnx_fail(graph, "has the activation '%.*s', which is none of %s",
                     (int)(name->len < 40 ? name->len : 40), (const char *)name->data, known);
}

// The next number of a list, of which each function that takes one has its own.
static double number(const struct onnx_graph *graph, const char *name, size_t *index,
                     double usual) {
    const Onnx__AttributeProto *a = onnx_attribute(graph, name);

    if (isnan(usual))
        return 0;
    return a && *index < a->n_floats ? (double)a->floats[(*index)++] : usual;
}

int onnx_activations(struct onnx_graph *graph, const struct onnx_cell *cell, size_t directions,
                     struct onnx_activation (*of)[MR_PLACES]) {
    const Onnx__AttributeProto *given = onnx_attribute(graph, "activations");
    const double clip = onnx_float(graph, "clip", INFINITY);
    const size_t count = count_of(cell);
    size_t alpha = 0, beta = 0;

    if (given && given->n_strings != count * directions)
        return onnx_fail(graph, "has %zu activations; it is a cell of %zu in %zu direction%s",
                         given->n_strings, count, directions, directions == 1 ? "" : "s");
    if (!(clip > 0))
        return onnx_fail(graph, "clips to %g, which is not above 0", clip);
    for (size_t i = 0; i < count * directions; i++) {
        struct onnx_activation *a = &of[i / count][i % count];
        const char *own = cell->activations[i % count];
        const struct function *f =
            given ? find((const char *)given->strings[i].data, given->strings[i].len)
                  : find(own, strlen(own));
        if (!f)
            return unknown(graph, &given->strings[i]);
        *a = (struct onnx_activation){.function = f, .clip = clip};
        a->alpha = number(graph, "activation_alpha", &alpha, f->alpha);
        a->beta = number(graph, "activation_beta", &beta, f->beta);
        if (!isfinite(a->alpha) || !isfinite(a->beta))
            return onnx_fail(graph, "has the activation %s with a number that is not finite",
                             f->name);
    }
    return 0;
}

bool onnx_named_activation(const struct onnx_graph *graph, const char *name, const char *alpha,
                           const char *beta, struct onnx_activation *a) {
    const struct function *f = find(name, strlen(name));

    if (!f)
        return false;
    *a = (struct onnx_activation){.function = f, .clip = INFINITY};
    if (!isnan(f->alpha) && alpha)
        a->alpha = (double)onnx_float(graph, alpha, (float)f->alpha);
    if (!isnan(f->beta) && beta)
        a->beta = (double)onnx_float(graph, beta, (float)f->beta);
    return true;
}

void onnx_hard_numbers(const struct onnx_graph *graph, double *alpha, double *beta) {
    const struct function *f = find("HardSigmoid", strlen("HardSigmoid"));

    *alpha = number(graph, "activation_alpha", &(size_t){0}, f->alpha);
    *beta = number(graph, "activation_beta", &(size_t){0}, f->beta);
}

double onnx_function(const struct onnx_activation *a, double x) {
    return a->function->of(a, isnan(x) ? x : fmin(fmax(x, -a->clip), a->clip));
}

bool onnx_is_plain_relu(const struct onnx_activation *a) {
    return a->function->kind == MR_ACTIVATION_RELU && isinf(a->clip);
}

// Of one minus it, which a forget gate that is coupled is: of sigmoids and lines, whose argument it
// turns round; where a clip does not keep it from this.
static bool can_turn(const struct onnx_activation *a, const struct mr_place *place) {
    const bool line = place->kind == MR_ACTIVATION_HARD || place->kind == MR_ACTIVATION_LINEAR;

    return place->kind == MR_ACTIVATION_SIGMOID ||
           (line && (isinf(a->clip) || place->low + place->high == 1));
}

int onnx_place(struct onnx_graph *graph, const struct onnx_activation *a,
               enum mr_place_of_cell where, bool coupled, struct onnx_in_place *in) {
    const enum mr_activation kind = a->function->kind;
    const bool is_line = a->function->of == affine, is_hard = kind == MR_ACTIVATION_HARD;
    const bool is_scaled = a->function->of == scaled_tanh;
    const double factor = is_line || is_hard ? a->alpha : is_scaled ? a->beta : 1;
    const double offset = is_line || is_hard ? a->beta : 0;
    struct mr_place *place = &in->place;

    *in = (struct onnx_in_place){mr_place_plain(kind), 1, 0};
    if (!is_line && !is_hard && !is_scaled)
        place->alpha = a->alpha;
    if (is_scaled)
        place->scale = a->alpha;
    place->frac = mr_place_frac(place, 0, 1); // until calibration
    if (where != MR_PLACE_H)
        in->factor = factor, in->offset = offset;
    else
        place->factor = factor, place->offset = offset;
    if (isfinite(a->clip)) {
        place->low = offset - fabs(factor) * a->clip;
        place->high = offset + fabs(factor) * a->clip;
    }
    if (where == MR_PLACE_H && is_line && (factor != 1 || offset != 0))
        return onnx_fail(graph,
                         "has Affine with alpha %g and beta %g as the activation of its cell "
                         "state, of which this version takes alpha 1 and beta 0",
                         factor, offset);
    if (place->scale == 0 || !mr_place_is_possible(place, where))
        return onnx_fail(graph,
                         "has %s with alpha %g and beta %g; this version takes numbers up to 256, "
                         "and no tanh times 0",
                         a->function->name, a->alpha, a->beta);
    if (isfinite(place->low) && where != MR_PLACE_H &&
        mr_place_float(place, place->low) == mr_place_float(place, place->high))
        return onnx_fail(graph, "has %s, which is %g for all that a clip to %g leaves",
                         a->function->name, mr_place_float(place, place->low), a->clip);
    if (coupled && where == MR_PLACE_GATE && !can_turn(a, place))
        return onnx_fail(graph,
                         "couples its input and forget gates (input_forget) with %s%s, of which "
                         "one minus it is no activation that this version has",
                         a->function->name, isfinite(a->clip) ? " and a clip" : "");
    return 0;
}
