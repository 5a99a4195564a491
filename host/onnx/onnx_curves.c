// SPDX-License-Identifier: Apache-2.0
// Activations that a file writes out by elementary operators: x times a sigmoid, with Erf, Exp or
// Tanh, by Where and Max. What makes one value of another one, number by number, is computed at
// some points, and what looks like an activation at many more; where it is one that the network
// has, the reader sees that in its place. What the file computes is still compared with the network
// later.
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
    POINTS = 95,
    MOST_NUMBERS = 128, // constants of an activation that are looked at more closely
    EVEN = 640,         // of many points: in steps of 1/64 up from 0,
    RISING = 120,       // from 1 by 20 in a decade down, and so many up, to 1e6,
    BESIDE = 3,         // and at a constant and on both sides of it; all of these below 0 too
    MOST_POINTS = 2 * (EVEN + 2 * RISING + 1 + BESIDE * MOST_NUMBERS)
};

struct cone {
    const int *maker;             // [values of the graph] node that makes a value, or -1
    struct onnx_tensor *values;   // [values of the graph] constants, and what is made of x now
    double numbers[MOST_NUMBERS]; // [number_count] its constants and attributes, once evaluated
    int number_count;
    int nodes[MOST_NODES]; // [count]
    int count;
    int read[2 * MOST_NODES]; // [read_count] values that they read and no constants
    int read_count;
    bool bends; // one of them is no line
};

// The last operator of one; those that only bend are read as they are.
static const char *const ends[] = {"Add", "Div", "Log",        "Max", "Min",
                                   "Mul", "Neg", "Reciprocal", "Sub", "Where"};
static const char *const lines[] = {"Add", "Cast", "Constant", "Div", "Identity",
                                    "Mul", "Neg",  "Sub",      "Sum"};
static const char *const bends[] = {"Abs",
                                    "Clip",
                                    "Elu",
                                    "Erf",
                                    "Exp",
                                    "Greater",
                                    "GreaterOrEqual",
                                    "HardSigmoid",
                                    "LeakyRelu",
                                    "Less",
                                    "LessOrEqual",
                                    "Log",
                                    "Max",
                                    "Min",
                                    "Or",
                                    "Pow",
                                    "Reciprocal",
                                    "Relu",
                                    "Sigmoid",
                                    "Softplus",
                                    "Sqrt",
                                    "Tanh",
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
        if (cone->read_count < 2 * MOST_NODES)
            cone->read[cone->read_count++] = value;
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

// The points, at which -40, -1, 1 and 12 are found by their places. Those far out tell what is cut
// there: a ReLU from one that ends at 20. An Exp of twice the farthest is finite.
enum { FAR_BELOW, AT_MINUS_ONE, AT_ONE, AT_TWELVE, OTHERS = 15 };

static double point(int i) {
    static const double first[OTHERS] = {-40, -1, 1,   12,  -12,  20,  -20, 30,
                                         -30, 60, -60, 100, -100, 250, -250};

    return i < OTHERS ? first[i] : (i - OTHERS - HALF) * 0.21875;
}

static void note_number(struct cone *cone, double number) {
    if (cone->number_count < MOST_NUMBERS)
        cone->numbers[cone->number_count++] = number;
}

// The constants that the current node reads, and its attributes: a function may bend there.
static void note_numbers(struct cone *cone, const struct onnx_eval *e) {
    const Onnx__NodeProto *node = e->graph->node;

    for (size_t i = 0; i < node->n_input; i++) {
        const struct onnx_tensor *in = onnx_eval_input(e, i);
        if (in && in->type && in->count == 1 && onnx_is_real(in->type))
            note_number(cone, in->real[0]);
    }
    for (size_t i = 0; i < node->n_attribute; i++)
        if (node->attribute[i]->has_f)
            note_number(cone, (double)node->attribute[i]->f);
}

// What the nodes give for x, of that type, at so many points. False where they do not.
static bool evaluate_as(struct onnx_graph *graph, struct cone *cone, int x, int type,
                        const double *points, int count, double *y) {
    struct onnx_eval e = {
        .graph = graph, .values = cone->values, .budget = &graph->budget, .wide = true};
    const struct onnx_tensor before = e.values[x];
    const int64_t dims = count;
    int made = 0;

    cone->number_count = 0;
    e.values[x] = (struct onnx_tensor){0};
    bool good = onnx_tensor_create(&e.values[x], type, 1, &dims, &graph->budget) == 0;
    if (good)
        memcpy(e.values[x].real, points, (size_t)count * sizeof *points);
    for (; good && made < cone->count; made++) {
        onnx_select(graph, (size_t)cone->nodes[made]);
        note_numbers(cone, &e);
        good = onnx_eval_node(&e) == 0;
    }
    const int last = onnx_output_index(graph, 0);
    good = good && last >= 0 && e.values[last].count == (size_t)count &&
           onnx_is_real(e.values[last].type);
    if (good)
        memcpy(y, e.values[last].real, (size_t)count * sizeof *y);
    for (int i = 0; i < made; i++) {
        onnx_select(graph, (size_t)cone->nodes[i]);
        const int output = onnx_output_index(graph, 0);
        if (output >= 0)
            onnx_tensor_free(&e.values[output]);
    }
    onnx_tensor_free(&e.values[x]);
    e.values[x] = before;
    graph->error[0] = '\0'; // it is no error that this is something else
    return good;
}

static bool evaluate(struct onnx_graph *graph, struct cone *cone, int x, const double *points,
                     int count, double *y) {
    static const int types[] = {ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
                                ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE};

    qsort(cone->nodes, (size_t)cone->count, sizeof *cone->nodes, compare_nodes);
    return evaluate_as(graph, cone, x, types[0], points, count, y) ||
           evaluate_as(graph, cone, x, types[1], points, count, y);
}

// ---- Which activation it is

static double log_sigmoid(double number, double x) {
    (void)number;
    return -log1p(exp(-x));
}

static double swish(double number, double x) {
    return x / (1 + exp(-number * x));
}

static double soft_shrink(double number, double x) {
    return x > number ? x - number : x < -number ? x + number : 0;
}

static double hard_shrink(double number, double x) {
    return fabs(x) > number ? x : 0;
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

static double of_soft_shrink(const double *y) {
    return 12 - y[AT_TWELVE];
}

static const struct curve {
    const char *type, *function; // as an operator, and in onnx_activation.c, or NULL:
    double (*of)(double number, double x);
    double (*number)(const double *y); // NULL: it is one of the file's constants
    const char *attributes[2];         // that are the number
} curves[] = {
    {"Relu", "Relu", NULL, no_number, {NULL}},
    {"Sigmoid", "Sigmoid", NULL, no_number, {NULL}},
    {"Tanh", "Tanh", NULL, no_number, {NULL}},
    {"Softsign", "Softsign", NULL, no_number, {NULL}},
    {"Softplus", "Softplus", NULL, no_number, {NULL}},
    {"Gelu", "Gelu", NULL, no_number, {NULL}},
    {"GeluTanh", "GeluTanh", NULL, no_number, {NULL}},
    {"HardSwish", "HardSwish", NULL, no_number, {NULL}},
    {"Mish", "Mish", NULL, no_number, {NULL}},
    {"LogSigmoid", NULL, log_sigmoid, no_number, {NULL}},
    {"Swish", NULL, swish, of_swish, {"alpha"}},
    {"LeakyRelu", "LeakyRelu", NULL, of_leaky, {"alpha"}},
    {"Elu", "Elu", NULL, of_elu, {"alpha"}},
    {"Shrink", NULL, soft_shrink, of_soft_shrink, {"lambd", "bias"}},
    {"Shrink", NULL, hard_shrink, NULL, {"lambd"}},
};

static double value_of(const struct curve *curve, double number, double x) {
    struct onnx_activation f;

    if (curve->of)
        return curve->of(number, x);
    onnx_named_activation(NULL, curve->function, NULL, NULL, &f);
    f.alpha = number;
    return onnx_function(&f, x);
}

// Is it the curve at these points? Far out a file may come to numbers that are not finite; then it
// gives nothing there.
static bool is_curve(const struct curve *curve, double number, const double *points, int count,
                     const double *y) {
    for (int i = 0; i < count; i++) {
        const double wanted = value_of(curve, number, points[i]);
        const bool nothing = !isfinite(y[i]) && fabs(points[i]) > 250;
        if (!nothing && !(fabs(y[i] - wanted) <= 2e-6 * (1 + fabs(wanted))))
            return false;
    }
    return true;
}

// Many points for a cone that was evaluated: dense, far out, and where it may jump or bend.
static int many_points(const struct cone *cone, double *points) {
    double *to = points;

    for (int i = 0; i < EVEN; i++)
        *to++ = i / 64.0;
    for (int i = -RISING; i <= RISING; i++)
        *to++ = pow(10, i / 20.0);
    for (int i = 0; i < cone->number_count; i++)
        for (int k = -1; k <= 1 && fabs(cone->numbers[i]) <= 1e6; k++)
            *to++ = cone->numbers[i] * (1 + k / 64.0);
    const int count = (int)(to - points);
    for (int i = 0; i < count; i++)
        *to++ = -points[i];
    return 2 * count;
}

// What the nodes give at some points, and once that looks like a curve at many.
struct look {
    double points[MOST_POINTS], y[MOST_POINTS];
    int count; // 0: not yet
};

static bool looks_like(struct onnx_graph *graph, struct cone *cone, int x,
                       const struct curve *curve, double number, const struct look *few,
                       struct look *many) {
    if (!isfinite(number) || fabs(number) > 256 || number == 0 ||
        !is_curve(curve, number, few->points, few->count, few->y))
        return false;
    if (!many->count) {
        many->count = many_points(cone, many->points);
        if (!evaluate(graph, cone, x, many->points, many->count, many->y))
            many->y[0] = NAN; // like no curve
    }
    return is_curve(curve, number, many->points, many->count, many->y);
}

// The activation that the cone makes of x, or NULL.
static const struct curve *recognise(struct onnx_graph *graph, struct cone *cone, int x,
                                     double *number) {
    struct look few = {.count = POINTS}, many = {.count = 0};

    for (int i = 0; i < POINTS; i++)
        few.points[i] = point(i);
    if (!evaluate(graph, cone, x, few.points, few.count, few.y))
        return NULL;
    for (size_t c = 0; c < sizeof curves / sizeof *curves; c++) {
        const bool chooses = !curves[c].number;
        const int choices = chooses ? cone->number_count : 1;
        for (int i = 0; i < choices; i++) {
            *number = chooses ? fabs(cone->numbers[i]) : curves[c].number(few.y);
            if (looks_like(graph, cone, x, &curves[c], *number, &few, &many))
                return &curves[c];
        }
    }
    return NULL;
}

// ---- The graph

// Gives a node a number as an attribute. False: memory is short.
static bool add_number(struct onnx_graph *graph, Onnx__NodeProto *node, const char *name,
                       double number) {
    Onnx__AttributeProto *made = onnx_allocate(graph, sizeof *made);

    if (!made)
        return false;
    onnx__attribute_proto__init(made);
    made->name = (char *)(uintptr_t)name;
    made->has_f = 1;
    made->f = (float)number;
    made->has_type = 1;
    made->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
    node->attribute[node->n_attribute++] = made;
    return true;
}

// A node that gives what `end` gives, of the value x. NULL with a sentence.
static Onnx__NodeProto *new_node(struct onnx_graph *graph, const Onnx__NodeProto *end, int x,
                                 const struct curve *curve, double number) {
    Onnx__NodeProto *node = onnx_allocate(graph, sizeof *node);
    char **input = onnx_allocate(graph, sizeof *input);

    if (!node || !input)
        return NULL;
    onnx__node_proto__init(node);
    node->attribute = onnx_allocate(graph, 2 * sizeof(Onnx__AttributeProto *));
    if (!node->attribute)
        return NULL;
    input[0] = (char *)(uintptr_t)graph->names[x];
    node->op_type = (char *)(uintptr_t)curve->type;
    node->name = end->name;
    node->n_input = node->n_output = 1;
    node->input = input;
    node->output = end->output;
    for (int i = 0; i < 2 && curve->attributes[i]; i++)
        if (!add_number(graph, node, curve->attributes[i], number))
            return NULL;
    return node;
}

// The activation that a node ends, as a node; NULL: it ends none. empty: a cone of no nodes.
static Onnx__NodeProto *find(struct onnx_graph *graph, const struct cone *empty, int end,
                             int *failed) {
    struct cone all = *empty;
    double number;

    if (!onnx_select(graph, (size_t)end) || !IS_AMONG(graph, ends))
        return NULL;
    add_node(graph, &all, end, -1);
    for (int i = 0; i < all.read_count; i++) { // the nearest first
        struct cone cone = *empty;
        const int x = all.read[i];
        if (!add_node(graph, &cone, end, x) || !cone.bends)
            continue;
        const struct curve *curve = recognise(graph, &cone, x, &number);
        if (!curve)
            continue;
        Onnx__NodeProto *node = new_node(graph, graph->g->node[end], x, curve, number);
        *failed = node ? 0 : -1;
        return node;
    }
    return NULL;
}

// Puts activations into nodes, a copy of the graph's that is made with the first one.
static int find_all(struct onnx_graph *graph, const struct cone *empty, Onnx__NodeProto ***nodes) {
    const size_t count = graph->g->n_node;
    int result = 0;

    for (size_t i = 0; result == 0 && i < count; i++) {
        Onnx__NodeProto *node = find(graph, empty, (int)i, &result);
        if (!node)
            continue;
        if (!*nodes && (*nodes = onnx_allocate(graph, count * sizeof(Onnx__NodeProto *))))
            memcpy(*nodes, graph->g->node, count * sizeof(Onnx__NodeProto *));
        if (*nodes)
            (*nodes)[i] = node;
        result = *nodes ? 0 : -1;
    }
    return result;
}

// [values of the graph] the node that makes each, or -1.
static void find_makers(struct onnx_graph *graph, int *maker) {
    for (size_t i = 0; i < graph->value_count; i++)
        maker[i] = -1;
    for (size_t i = 0; i < graph->g->n_node; i++) {
        onnx_select(graph, i);
        for (size_t k = 0; k < graph->node->n_output; k++)
            if (onnx_output_index(graph, k) >= 0)
                maker[onnx_output_index(graph, k)] = (int)i;
    }
}

int onnx_curves_find(struct onnx_graph *graph, struct onnx_curves *found) {
    const size_t count = graph->g->n_node;
    Onnx__NodeProto **nodes = NULL;

    found->g = graph->g;
    found->needed = graph->needed;
    if (count > MOST_GRAPH)
        return 0;
    int *maker = malloc((graph->value_count + 1) * sizeof *maker);
    struct onnx_tensor *values = calloc(graph->value_count + 1, sizeof *values);
    int result = maker && values ? 0 : onnx_fail_file(graph, "not enough memory");
    if (result == 0) {
        memcpy(values, graph->constants, graph->value_count * sizeof *values);
        find_makers(graph, maker);
        result = find_all(graph, &(struct cone){.maker = maker, .values = values}, &nodes);
    }
    free(values);
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
