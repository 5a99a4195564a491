// SPDX-License-Identifier: Apache-2.0
// Activations that a file writes out by elementary operators: x times a sigmoid, with Erf, Exp or
// Tanh, by Where and Max. What makes one value of another one, number by number, is computed at
// some points; where it is an activation that the network has, the reader sees that in its place.
// What the file computes is still compared with the network later.
#include "onnx_curves.h"

#include "onnx_cell.h"
#include "onnx_eval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_NODES = 24,    // of an activation
    MOST_GRAPH = 20000, // beyond this there are steps that are written out
    HALF = 40,          // points in steps down to -8.75, and so many up
    POINTS = 95
};

struct cone {
    const int *maker;      // [value_count] node that makes a value, or -1
    int nodes[MOST_NODES]; // [count]
    int count;
    int values[2 * MOST_NODES]; // [value_count] that they read and no constants
    int value_count;
    bool bends; // one of them is no line
};

// The last operator of one; those that only bend are read as they are.
static const char *const ends[] = {"Add", "Div", "Log",        "Max", "Min",
                                   "Mul", "Neg", "Reciprocal", "Sub", "Where"};
static const char *const lines[] = {"Add", "Cast", "Constant", "Div", "Identity",
                                    "Mul", "Neg",  "Sub",      "Sum"};
static const char *const bends[] = {
    "Abs",         "Clip",       "Elu",  "Erf",         "Exp",      "Greater", "GreaterOrEqual",
    "HardSigmoid", "LeakyRelu",  "Less", "LessOrEqual", "Log",      "Max",     "Min",
    "Pow",         "Reciprocal", "Relu", "Sigmoid",     "Softplus", "Sqrt",    "Tanh",
    "Where"};

static bool is_among(const struct onnx_graph *graph, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (onnx_is(graph, names[i]))
            return true;
    return false;
}
#define IS_AMONG(graph, names) is_among(graph, names, sizeof(names) / sizeof *(names))

// ---- From one value to another

// Adds a node and all that it needs, but for the value x (-1: all values are wanted, as far as
// there is room). False where that is not all elementary, or reads other values.
static bool add_node(struct onnx_graph *graph, struct cone *cone, int node, int x) {
    for (int i = 0; i < cone->count; i++)
        if (cone->nodes[i] == node)
            return true;
    onnx_select(graph, (size_t)node);
    const bool bent = IS_AMONG(graph, bends);
    if (cone->count == MOST_NODES || (!bent && !IS_AMONG(graph, lines)) ||
        graph->node->n_output != 1 || graph->node->n_input > 3)
        return false;
    cone->nodes[cone->count++] = node;
    cone->bends = cone->bends || bent;
    const size_t inputs = graph->node->n_input;
    for (size_t i = 0; i < inputs; i++) {
        onnx_select(graph, (size_t)node);
        const int value = onnx_input_index(graph, i);
        if (value < 0 || value == x)
            continue;
        if (graph->constants[value].type) {
            if (graph->constants[value].count != 1 || graph->constants[value].rank > 1)
                return false;
            continue;
        }
        if (cone->value_count < 2 * MOST_NODES)
            cone->values[cone->value_count++] = value;
        const int maker = cone->maker[value];
        const bool good = maker >= 0 && maker < node && add_node(graph, cone, maker, x);
        if (!good && x >= 0)
            return false;
    }
    return true;
}

static int compare_nodes(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

// The points, at which -40, -1 and 1 are found by their places. Those far out tell what is cut
// there: a ReLU from one that ends at 20. An Exp of twice the farthest is finite.
enum { FAR_BELOW, AT_MINUS_ONE, AT_ONE, OTHERS = 15 };

static double point(int i) {
    static const double first[OTHERS] = {-40, -1, 1,   12,  -12,  20,  -20, 30,
                                         -30, 60, -60, 100, -100, 250, -250};

    return i < OTHERS ? first[i] : (i - OTHERS - HALF) * 0.21875;
}

// What the nodes give for x, of that type, at the points. False where they do not.
static bool evaluate_as(struct onnx_graph *graph, struct cone *cone, int x, int type, double *y) {
    struct onnx_eval e = {.graph = graph, .budget = &graph->budget, .wide = true};
    const int64_t points = POINTS;
    bool good = true;
    int made = 0;

    e.values = calloc(graph->value_count + 1, sizeof *e.values);
    if (!e.values)
        return false;
    memcpy(e.values, graph->constants, graph->value_count * sizeof *e.values);
    qsort(cone->nodes, (size_t)cone->count, sizeof *cone->nodes, compare_nodes);
    good = onnx_tensor_create(&e.values[x], type, 1, &points, &graph->budget) == 0;
    for (int i = 0; good && i < POINTS; i++)
        e.values[x].real[i] = point(i);
    for (; good && made < cone->count; made++) {
        onnx_select(graph, (size_t)cone->nodes[made]);
        good = onnx_eval_node(&e) == 0;
    }
    const int last = onnx_output_index(graph, 0);
    good = good && last >= 0 && e.values[last].count == POINTS && onnx_is_real(e.values[last].type);
    for (int i = 0; good && i < POINTS; i++)
        y[i] = e.values[last].real[i];
    for (int i = 0; i < made; i++) {
        onnx_select(graph, (size_t)cone->nodes[i]);
        const int output = onnx_output_index(graph, 0);
        if (output >= 0)
            onnx_tensor_free(&e.values[output]);
    }
    onnx_tensor_free(&e.values[x]);
    free(e.values);
    graph->error[0] = '\0'; // it is no error that this is something else
    return good;
}

static bool evaluate(struct onnx_graph *graph, struct cone *cone, int x, double *y) {
    return evaluate_as(graph, cone, x, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, y) ||
           evaluate_as(graph, cone, x, ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, y);
}

// ---- Which activation it is

static double log_sigmoid(double x) {
    return -log1p(exp(-x));
}

// The number that an activation has, from what was found.
static double no_number(const double *y) {
    (void)y;
    return 1;
}

static double of_swish(const double *y) {
    return log(y[AT_ONE] / (1 - y[AT_ONE]));
}

static double of_leaky(const double *y) {
    return -y[AT_MINUS_ONE];
}

static double of_elu(const double *y) {
    return -y[FAR_BELOW];
}

static const struct curve {
    const char *type, *function; // as an operator, and in onnx_activation.c
    double (*number)(const double *y);
} curves[] = {
    {"Relu", "Relu", no_number},
    {"Sigmoid", "Sigmoid", no_number},
    {"Tanh", "Tanh", no_number},
    {"Softsign", "Softsign", no_number},
    {"Softplus", "Softplus", no_number},
    {"Gelu", "Gelu", no_number},
    {"GeluTanh", "GeluTanh", no_number},
    {"HardSwish", "HardSwish", no_number},
    {"Mish", "Mish", no_number},
    {"LogSigmoid", NULL, no_number},
    {"Swish", "Swish", of_swish},
    {"LeakyRelu", "LeakyRelu", of_leaky},
    {"Elu", "Elu", of_elu},
};

static double value_of(const struct curve *curve, double number, double x) {
    struct onnx_activation f;

    if (!curve->function)
        return log_sigmoid(x);
    if (curve->number == of_swish) // x sigmoid(number x)
        return x / (1 + exp(-number * x));
    onnx_named_activation(NULL, curve->function, NULL, NULL, &f);
    f.alpha = number;
    return onnx_function(&f, x);
}

static const struct curve *find_curve(const double *y, double *number) {
    for (size_t c = 0; c < sizeof curves / sizeof *curves; c++) {
        *number = curves[c].number(y);
        bool same = isfinite(*number) && fabs(*number) <= 256;
        for (int i = 0; same && i < POINTS; i++) {
            const double wanted = value_of(&curves[c], *number, point(i));
            same = fabs(y[i] - wanted) <= 2e-6 * (1 + fabs(wanted));
        }
        if (same)
            return &curves[c];
    }
    return NULL;
}

// ---- The graph

// A node that gives what `end` gives, of the value x. NULL with a sentence.
static Onnx__NodeProto *new_node(struct onnx_graph *graph, const Onnx__NodeProto *end, int x,
                                 const struct curve *curve, double number) {
    Onnx__NodeProto *node = onnx_allocate(graph, sizeof *node);
    char **input = onnx_allocate(graph, sizeof *input);
    Onnx__AttributeProto *alpha = onnx_allocate(graph, sizeof *alpha);
    Onnx__AttributeProto **list = onnx_allocate(graph, sizeof(Onnx__AttributeProto *));

    if (!node || !input || !alpha || !list)
        return NULL;
    onnx__node_proto__init(node);
    onnx__attribute_proto__init(alpha);
    alpha->name = "alpha";
    alpha->has_f = 1;
    alpha->f = (float)number;
    alpha->has_type = 1;
    alpha->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
    list[0] = alpha;
    input[0] = (char *)(uintptr_t)graph->names[x];
    node->op_type = (char *)(uintptr_t)curve->type;
    node->name = end->name;
    node->n_input = node->n_output = 1;
    node->input = input;
    node->output = end->output;
    if (curve->number != no_number) {
        node->n_attribute = 1;
        node->attribute = list;
    }
    return node;
}

// The activation that a node ends, as a node; NULL: it ends none.
static Onnx__NodeProto *find(struct onnx_graph *graph, const int *maker, int end, int *failed) {
    struct cone all = {.maker = maker};
    double y[POINTS], number;

    if (!onnx_select(graph, (size_t)end) || !IS_AMONG(graph, ends))
        return NULL;
    add_node(graph, &all, end, -1);
    for (int i = 0; i < all.value_count; i++) { // the nearest first
        struct cone cone = {.maker = maker};
        const int x = all.values[i];
        if (!add_node(graph, &cone, end, x) || !cone.bends || !evaluate(graph, &cone, x, y))
            continue;
        const struct curve *curve = find_curve(y, &number);
        if (!curve)
            continue;
        Onnx__NodeProto *node = new_node(graph, graph->g->node[end], x, curve, number);
        *failed = node ? 0 : -1;
        return node;
    }
    return NULL;
}

int onnx_curves_find(struct onnx_graph *graph, struct onnx_curves *found) {
    const size_t count = graph->g->n_node;
    int *maker = malloc((graph->value_count + 1) * sizeof *maker), result = 0;
    Onnx__NodeProto **nodes = NULL;

    found->g = graph->g;
    found->needed = graph->needed;
    if (!maker)
        return onnx_fail_file(graph, "not enough memory");
    for (size_t i = 0; i < graph->value_count; i++)
        maker[i] = -1;
    for (size_t i = 0; i < count && count <= MOST_GRAPH; i++) {
        onnx_select(graph, i);
        for (size_t k = 0; k < graph->node->n_output; k++)
            if (onnx_output_index(graph, k) >= 0)
                maker[onnx_output_index(graph, k)] = (int)i;
    }
    for (size_t i = 0; result == 0 && i < count && count <= MOST_GRAPH; i++) {
        Onnx__NodeProto *node = find(graph, maker, (int)i, &result);
        if (!node)
            continue;
        if (!nodes && (nodes = onnx_allocate(graph, count * sizeof(Onnx__NodeProto *))))
            memcpy(nodes, graph->g->node, count * sizeof(Onnx__NodeProto *));
        if (nodes)
            nodes[i] = node;
        result = nodes ? 0 : -1;
    }
    free(maker);
    if (result != 0 || !nodes)
        return result;
    found->seen = *graph->g;
    found->seen.node = nodes;
    bool *needed = calloc(graph->value_count + 1, sizeof *needed);
    if (!needed)
        return onnx_fail_file(graph, "not enough memory");
    graph->g = &found->seen;
    graph->needed = needed;
    onnx_mark_needed(graph);
    return 0;
}

void onnx_curves_free(struct onnx_graph *graph, struct onnx_curves *found) {
    if (graph->needed != found->needed)
        free(graph->needed);
    graph->g = found->g;
    graph->needed = found->needed;
}
