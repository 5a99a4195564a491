// SPDX-License-Identifier: Apache-2.0
// The nodes of a description as operators of ONNX, each with the name of its place in the text.
// Values are [sequences, steps, features], or [sequences, features].
#include "json_parts.h"

#include "onnx_build.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The values that a node gives; a cell has its states beside.
struct given {
    const char *value, *h, *c;
};

struct making {
    struct desc *net;
    struct onnx_build b;
    struct given *given; // [node_count]
    const char *input;   // as [sequences, steps, features]
};

static const char *value_of(const struct making *m, int node) {
    return node == DESC_X ? m->input : m->given[node].value;
}

static int no_memory(const struct making *m, const struct desc_node *node) {
    return desc_fail(m->net, node->path, "needs more memory than there is");
}

// ---- the input

// From the axes of the layout, those that it does not have added, to NTF.
static const char *arrange(struct onnx_build *b, const char *value, const char *layout) {
    char axes[8];
    int64_t added[3], order[3];
    size_t count = 0;

    snprintf(axes, sizeof axes, "%s", layout);
    for (const char *letter = "NTF"; *letter; letter++)
        if (!strchr(axes, *letter)) {
            added[count++] = (int64_t)strlen(axes);
            snprintf(axes + strlen(axes), sizeof axes - strlen(axes), "%c", *letter);
        }
    if (count > 0)
        value = onnx_build_pair(b, "Unsqueeze", value, onnx_build_wholes(b, count, added));
    if (strcmp(axes, "NTF") == 0)
        return value;
    for (int i = 0; i < 3; i++)
        order[i] = strchr(axes, "NTF"[i]) - axes;
    const char *output = onnx_build_value(b);
    onnx_build_ints(b, onnx_build_node(b, "Transpose", (const char *const[]){value, NULL}, output),
                    "perm", 3, order);
    return output;
}

static void put_input(struct making *m) {
    const struct desc *net = m->net;
    int64_t dims[MR_LAYOUT] = {0};

    for (size_t i = 0; net->layout[i]; i++)
        dims[i] = net->layout[i] == 'T' ? net->steps : net->layout[i] == 'F' ? net->features : 0;
    m->b.path = "inputs";
    onnx_build_input(&m->b, net->input_name,
                     net->tokens ? ONNX__TENSOR_PROTO__DATA_TYPE__INT64
                                 : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
                     net->layout, dims);
    m->input = net->tokens ? net->input_name : arrange(&m->b, net->input_name, net->layout);
}

// ---- cells

// Where the sequences start, [rows, directions, hidden], from a number for all, one for each unit,
// or one for each sequence of a batch.
static int put_start(struct making *m, const struct desc_node *node, const char *key,
                     const json_t *value, const char **name) {
    const size_t hidden = (size_t)(*key == 'h' ? desc_h(node) : node->hidden);
    const size_t directions = node->bidirectional ? 2 : 1;
    const size_t all = directions * (size_t)node->levels;
    struct desc_numbers n;
    char place[DESC_PATH], within[DESC_PATH];

    *name = "";
    if (!value)
        return 0;
    desc_place(within, node->path, "start");
    desc_place(place, within, key);
    if (desc_load(m->net, place, value, &n) != 0)
        return -1;
    const size_t rows = n.rank == 3 ? n.shape[1] : 1;
    const bool good = n.rank == 0 || (n.rank == 1 && all == 1 && n.shape[0] == hidden) ||
                      (n.rank > 1 && n.rank <= 3 && n.shape[0] == all &&
                       n.shape[n.rank - 1] == hidden && rows <= MR_MAX_STARTS);
    if (!good) {
        free(n.data);
        return desc_fail(m->net, place,
                         "has another shape than a number, [%zu] of one layer and direction, [%zu, "
                         "%zu], and [%zu, SEQUENCES, %zu]",
                         hidden, all, hidden, all, hidden);
    }
    double *start = malloc(rows * directions * hidden * sizeof *start);
    for (size_t row = 0; start && row < rows; row++)
        for (size_t d = 0; d < directions; d++)
            for (size_t j = 0; j < hidden; j++) {
                const size_t plane = (size_t)node->level * directions + d;
                start[(row * directions + d) * hidden + j] =
                    n.data[n.rank == 0 ? 0 : (plane * rows + row) * hidden + j];
            }
    free(n.data);
    *name = onnx_build_constant(
        &m->b, 3, (int64_t[]){(int64_t)rows, (int64_t)directions, (int64_t)hidden}, start);
    return start ? 0 : no_memory(m, node);
}

// activations, activation_alpha and activation_beta, of all directions, where one is not the
// cell's own.
static void put_functions(struct making *m, const struct desc_node *node, Onnx__NodeProto *made) {
    static const char *const own[DESC_FUNCTIONS] = {"Sigmoid", "Tanh", "Tanh"};
    const char *names[2 * DESC_FUNCTIONS];
    double alpha[2 * DESC_FUNCTIONS], beta[2 * DESC_FUNCTIONS];
    const int each = node->cell->functions, directions = node->bidirectional ? 2 : 1;
    size_t count = 0, alphas = 0, betas = 0;
    bool other = false;

    for (int i = 0; i < each * directions; i++) {
        const struct desc_function *f = &node->functions[i % each];
        const bool affine = f->row && strcmp(f->row->onnx, "Affine") == 0;
        names[count++] = f->row ? f->row->onnx : own[each == 1 ? 1 : i % each];
        other = other || f->row;
        if (f->row && (f->row->has_alpha || affine))
            alpha[alphas++] = f->alpha;
        if (f->row && (f->row->has_beta || affine))
            beta[betas++] = f->beta;
    }
    if (!other)
        return;
    onnx_build_texts(&m->b, made, "activations", count, names);
    if (alphas > 0)
        onnx_build_floats(&m->b, made, "activation_alpha", alphas, alpha);
    if (betas > 0)
        onnx_build_floats(&m->b, made, "activation_beta", betas, beta);
}

enum { GATE_PARTS = 5 };

// Puts the weights of all directions behind each other. Each name is "" where there is none.
static int put_gates(struct making *m, const struct desc_node *node,
                     const char *names[GATE_PARTS]) {
    const int64_t directions = node->bidirectional ? 2 : 1;
    const int64_t rows = (int64_t)desc_gate_count(node) * node->hidden;
    const int64_t shapes[GATE_PARTS][3] = {{directions, rows, node->inputs},
                                           {directions, rows, desc_h(node)},
                                           {directions, 2 * rows, 1},
                                           {directions, 3 * (int64_t)node->hidden, 1},
                                           {directions, desc_h(node), node->hidden}};
    double *all[GATE_PARTS] = {NULL};
    int result = 0;

    for (int64_t d = 0; result == 0 && d < directions; d++) {
        struct desc_gates g;
        result = desc_load_gates(m->net, node, d == 1, &g);
        double *const parts[GATE_PARTS] = {g.w, g.r, g.b, g.p, g.projection};
        for (int i = 0; result == 0 && i < GATE_PARTS; i++) {
            const size_t count = (size_t)(shapes[i][1] * shapes[i][2]);
            if (parts[i] && !all[i] && !(all[i] = calloc((size_t)directions * count, sizeof **all)))
                result = no_memory(m, node);
            else if (parts[i])
                memcpy(all[i] + (size_t)d * count, parts[i], count * sizeof **all);
        }
        desc_free_gates(&g);
    }
    for (int i = 0; i < GATE_PARTS; i++) {
        names[i] = "";
        if (result == 0 && all[i])
            names[i] = onnx_build_constant(&m->b, i == 2 || i == 3 ? 2 : 3, shapes[i], all[i]);
        else
            free(all[i]);
    }
    return result;
}

static int put_cell(struct making *m, const struct desc_node *node, struct given *given) {
    struct onnx_build *b = &m->b;
    const char *gates[GATE_PARTS], *h, *c;

    if (put_gates(m, node, gates) != 0 || put_start(m, node, "h", node->start_h, &h) != 0 ||
        put_start(m, node, "c", node->start_c, &c) != 0)
        return -1;
    const char *inputs[] = {
        value_of(m, node->input), gates[0], gates[1], gates[2], "", h, c, gates[3], gates[4], NULL};
    for (size_t i = 9; i-- > 3 && !*inputs[i];) // those at the end may be left out
        inputs[i] = NULL;
    const char *rows = onnx_build_value(b);
    Onnx__NodeProto *made =
        onnx_build_node(b, node->own ? node->own->kind->name : node->cell->onnx, inputs, rows);
    onnx_build_int(b, made, "hidden_size", node->hidden);
    onnx_build_int(b, made, "layout", 1);
    onnx_build_text(b, made, "direction",
                    node->bidirectional ? "bidirectional"
                    : node->reverse     ? "reverse"
                                        : "forward");
    if (node->clip > 0)
        onnx_build_float(b, made, "clip", node->clip);
    if (node->coupled)
        onnx_build_int(b, made, "input_forget", 1);
    if (node->cell && strcmp(node->cell->onnx, "GRU") == 0)
        onnx_build_int(b, made, "linear_before_reset", !node->reset_first);
    if (node->cell)
        put_functions(m, node, made);
    if (made && (node->own || node->projection))
        made->domain = b->own_domain;
    // Outputs that nobody reads ask for nothing, but the cell state of an LSTM does.
    for (int i = 0; i < m->net->node_count; i++) {
        const struct desc_node *reader = &m->net->nodes[i];
        if (reader->kind != DESC_SELECT || reader->select < DESC_STATE ||
            &m->net->nodes[reader->input] != node)
            continue;
        if (!given->h)
            onnx_build_more(b, made, given->h = onnx_build_value(b));
        if (reader->select == DESC_CELL_STATE && !given->c)
            onnx_build_more(b, made, given->c = onnx_build_value(b));
    }
    // [sequences, steps, directions, hidden]
    given->value =
        onnx_build_pair(b, "Reshape", rows, onnx_build_wholes(b, 3, (const int64_t[]){0, 0, -1}));
    return 0;
}

// ---- other layers

static int put_dense(struct making *m, const struct desc_node *node, struct given *given) {
    const size_t in = (size_t)node->inputs, out = (size_t)node->units;
    const bool turned = node->form->inputs_first;
    const size_t shape[2] = {turned ? in : out, turned ? out : in};
    struct desc_numbers w, bias;
    char what[80];

    snprintf(what, sizeof what, "%zu outputs of %zu inputs", out, in);
    if (desc_need_part(m->net, node, DESC_WEIGHT, false, 2, shape, what, &w) != 0)
        return -1;
    double *matrix = malloc(in * out * sizeof *matrix); // (inputs, outputs)
    for (size_t k = 0; matrix && k < in; k++)
        for (size_t u = 0; u < out; u++)
            matrix[k * out + u] = w.data[turned ? k * out + u : u * in + k];
    free(w.data);
    given->value = onnx_build_pair(
        &m->b, "MatMul", value_of(m, node->input),
        onnx_build_constant(&m->b, 2, (const int64_t[]){(int64_t)in, (int64_t)out}, matrix));
    if (!matrix)
        return no_memory(m, node);
    if (desc_load_part(m->net, node, DESC_BIAS, false, &bias) != 0)
        return -1;
    if (desc_check_bias(m->net, node, bias.data != NULL) != 0 ||
        (bias.data &&
         desc_check_shape(m->net, node->path, &bias, 1, &out, "a bias for each output") != 0)) {
        free(bias.data);
        return -1;
    }
    if (bias.data)
        given->value = onnx_build_pair(
            &m->b, "Add", given->value,
            onnx_build_constant(&m->b, 1, (const int64_t[]){(int64_t)out}, bias.data));
    return 0;
}

static int put_embedding(struct making *m, const struct desc_node *node, struct given *given) {
    const size_t shape[2] = {(size_t)m->net->tokens, (size_t)node->units};
    const int64_t dims[2] = {m->net->tokens, node->units};
    struct desc_numbers table;
    char axes[8];

    if (desc_need_part(m->net, node, DESC_WEIGHT, false, 2, shape,
                       "a row of its width for each token", &table) != 0)
        return -1;
    const char *rows = onnx_build_pair(
        &m->b, "Gather", onnx_build_constant(&m->b, 2, dims, table.data), value_of(m, node->input));
    snprintf(axes, sizeof axes, "%sF", m->net->layout);
    given->value = arrange(&m->b, rows, axes);
    return 0;
}

// A part that is a number for each feature, or `fallback` where it is not there.
static int load_each(struct making *m, const struct desc_node *node, enum desc_part part,
                     bool needed, double fallback, double **to) {
    const size_t count = (size_t)node->inputs;
    struct desc_numbers n;

    if (needed ? desc_need_part(m->net, node, part, false, 1, &count, "a number for each feature",
                                &n) != 0
               : desc_load_part(m->net, node, part, false, &n) != 0)
        return -1;
    if (n.data &&
        desc_check_shape(m->net, node->path, &n, 1, &count, "a number for each feature") != 0) {
        free(n.data);
        return -1;
    }
    *to = n.data ? n.data : malloc(count * sizeof **to);
    for (size_t i = 0; !n.data && *to && i < count; i++)
        (*to)[i] = fallback;
    return *to ? 0 : no_memory(m, node);
}

static int put_layer_norm(struct making *m, const struct desc_node *node, struct given *given) {
    const int64_t dims[1] = {node->inputs};
    double *factor = NULL, *offset = NULL;

    if (!node->affine) {
        factor = malloc((size_t)node->inputs * sizeof *factor);
        for (int i = 0; factor && i < node->inputs; i++)
            factor[i] = 1;
    } else if (load_each(m, node, DESC_WEIGHT, true, 1, &factor) != 0 ||
               load_each(m, node, DESC_BIAS, false, 0, &offset) != 0) {
        free(factor);
        return -1;
    }
    const char *inputs[4] = {value_of(m, node->input), onnx_build_constant(&m->b, 1, dims, factor)};
    if (offset)
        inputs[2] = onnx_build_constant(&m->b, 1, dims, offset);
    given->value = onnx_build_value(&m->b);
    Onnx__NodeProto *made = onnx_build_node(&m->b, "LayerNormalization", inputs, given->value);
    onnx_build_int(&m->b, made, "axis", -1);
    onnx_build_float(&m->b, made, "epsilon", node->epsilon);
    return 0;
}

// With the statistics of the training it is a factor and an offset.
static int put_batch_norm(struct making *m, const struct desc_node *node, struct given *given) {
    const int64_t dims[1] = {node->inputs};
    const double epsilon = (double)(float)node->epsilon;
    double *part[4] = {NULL}; // factor, offset, mean, variance
    int result = 0;

    if (node->affine)
        result = load_each(m, node, DESC_WEIGHT, false, 1, &part[0]) != 0 ||
                 load_each(m, node, DESC_BIAS, false, 0, &part[1]) != 0;
    for (int i = 0; result == 0 && i < 2 && !node->affine; i++) {
        part[i] = malloc((size_t)node->inputs * sizeof **part);
        for (int k = 0; part[i] && k < node->inputs; k++)
            part[i][k] = i == 0;
        result = part[i] ? 0 : no_memory(m, node);
    }
    if (result == 0)
        result = load_each(m, node, DESC_MEAN_PART, true, 0, &part[2]) != 0 ||
                 load_each(m, node, DESC_VARIANCE, true, 0, &part[3]) != 0;
    for (int k = 0; result == 0 && k < node->inputs; k++) {
        const double factor = part[0][k] / sqrt(part[3][k] + epsilon);
        part[0][k] = factor;
        part[1][k] -= part[2][k] * factor;
        if (!isfinite((float)factor) || !isfinite((float)part[1][k]))
            result = desc_fail(m->net, node->path, "gives no finite number for feature %d", k);
    }
    free(part[2]);
    free(part[3]);
    if (result != 0) {
        free(part[0]);
        free(part[1]);
        return -1;
    }
    const char *scaled = onnx_build_pair(&m->b, "Mul", value_of(m, node->input),
                                         onnx_build_constant(&m->b, 1, dims, part[0]));
    given->value =
        onnx_build_pair(&m->b, "Add", scaled, onnx_build_constant(&m->b, 1, dims, part[1]));
    return 0;
}

static int put_affine(struct making *m, const struct desc_node *node, struct given *given) {
    const struct {
        const char *key, *type;
        const json_t *value;
    } parts[] = {{"scale", "Mul", node->scale},
                 {"offset", "Add", node->offset},
                 {"mean", "Sub", node->mean},
                 {"std", "Div", node->deviation}};
    const size_t count = (size_t)node->inputs;

    given->value = value_of(m, node->input);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct desc_numbers n;
        char place[DESC_PATH];
        if (!parts[i].value)
            continue;
        desc_place(place, node->path, parts[i].key);
        if (desc_load(m->net, place, parts[i].value, &n) != 0)
            return -1;
        if (n.count > 1 && desc_check_shape(m->net, place, &n, 1, &count,
                                            "a number for each, or one for all") != 0) {
            free(n.data);
            return -1;
        }
        for (size_t k = 0; k < n.count && parts[i].value == node->deviation; k++)
            if (!isfinite((float)(1 / n.data[k]))) {
                free(n.data);
                return desc_fail(m->net, place,
                                 "has a number, the one at %zu, that cannot be "
                                 "divided by",
                                 k);
            }
        const int64_t dims[1] = {(int64_t)n.count};
        given->value =
            onnx_build_pair(&m->b, parts[i].type, given->value,
                            onnx_build_constant(&m->b, n.count > 1 ? 1 : 0, dims, n.data));
    }
    return 0;
}

static int put_activation(struct making *m, const struct desc_node *node, struct given *given) {
    const struct desc_function *f = &node->function;
    const char *type = f->row->onnx, *x = value_of(m, node->input);
    const bool scaled = strcmp(type, "ScaledTanh") == 0;

    given->value = x;
    if (strcmp(type, "Affine") == 0)
        return 0;
    if (scaled) // which is no operator
        x = onnx_build_pair(&m->b, "Mul", x, onnx_build_real(&m->b, f->beta));
    given->value = onnx_build_value(&m->b);
    Onnx__NodeProto *made = onnx_build_node(&m->b, scaled ? "Tanh" : type,
                                            (const char *const[]){x, NULL}, given->value);
    if (f->row->ends)
        onnx_build_int(&m->b, made, "axis", -1);
    if (f->row->has_alpha && !scaled)
        onnx_build_float(&m->b, made, "alpha", f->alpha);
    if (f->row->has_beta && !scaled)
        onnx_build_float(&m->b, made, "beta", f->beta);
    if (scaled)
        given->value =
            onnx_build_pair(&m->b, "Mul", given->value, onnx_build_real(&m->b, f->alpha));
    return 0;
}

static int put_joint(struct making *m, const struct desc_node *node, struct given *given) {
    const char *first = value_of(m, node->input), *second = value_of(m, node->other);

    if (node->kind == DESC_ADD) {
        given->value = onnx_build_pair(&m->b, node->joins_by, first, second);
        return 0;
    }
    given->value = onnx_build_value(&m->b);
    onnx_build_int(
        &m->b,
        onnx_build_node(&m->b, "Concat", (const char *const[]){first, second, NULL}, given->value),
        "axis", -1);
    return 0;
}

static int put_select(struct making *m, const struct desc_node *node, struct given *given) {
    const char *x = value_of(m, node->input);
    const int64_t flat[2] = {0, -1}, steps[1] = {1};

    if (node->select >= DESC_STATE) { // [sequences, directions, hidden]
        const struct given *of = &m->given[node->input];
        given->value = onnx_build_pair(&m->b, "Reshape", node->select == DESC_STATE ? of->h : of->c,
                                       onnx_build_wholes(&m->b, 2, flat));
        return 0;
    }
    given->value = onnx_build_value(&m->b);
    if (node->select == DESC_LAST || node->select == DESC_FIRST) {
        const char *row = onnx_build_whole(&m->b, node->select == DESC_LAST ? -1 : 0);
        onnx_build_int(
            &m->b,
            onnx_build_node(&m->b, "Gather", (const char *const[]){x, row, NULL}, given->value),
            "axis", 1);
        return 0;
    }
    Onnx__NodeProto *made =
        onnx_build_node(&m->b, node->select == DESC_MEAN ? "ReduceMean" : "ReduceMax",
                        (const char *const[]){x, NULL}, given->value);
    onnx_build_ints(&m->b, made, "axes", 1, steps);
    onnx_build_int(&m->b, made, "keepdims", 0);
    return 0;
}

static int put_cast(struct making *m, const struct desc_node *node, struct given *given) {
    const char *x = value_of(m, node->input);

    if (node->kind == DESC_ABOVE) {
        given->value = onnx_build_pair(&m->b, "Greater", x, onnx_build_real(&m->b, node->low));
        return 0;
    }
    given->value = onnx_build_value(&m->b);
    onnx_build_node(&m->b, "Clip",
                    (const char *const[]){x, onnx_build_real(&m->b, node->low),
                                          onnx_build_real(&m->b, node->high), NULL},
                    given->value);
    return 0;
}

// ---- all of it

static int put_node(struct making *m, const struct desc_node *node, struct given *given) {
    m->b.path = node->path;
    switch (node->kind) {
    case DESC_CELL:
        return put_cell(m, node, given);
    case DESC_DENSE:
        return put_dense(m, node, given);
    case DESC_EMBEDDING:
        return put_embedding(m, node, given);
    case DESC_LAYER_NORM:
        return put_layer_norm(m, node, given);
    case DESC_BATCH_NORM:
        return put_batch_norm(m, node, given);
    case DESC_AFFINE:
        return put_affine(m, node, given);
    case DESC_ACTIVATION:
        return put_activation(m, node, given);
    case DESC_ADD:
    case DESC_CONCAT:
        return put_joint(m, node, given);
    case DESC_SELECT:
        return put_select(m, node, given);
    case DESC_CLIP:
    case DESC_ABOVE:
        return put_cast(m, node, given);
    }
    return 0;
}

unsigned char *desc_graph(struct desc *net, size_t *size) {
    struct making m = {.net = net, .given = calloc((size_t)net->node_count + 1, sizeof *m.given)};
    unsigned char *data = NULL;
    int result = m.given ? 0 : desc_fail_file(net, "not enough memory");

    onnx_build_start(&m.b, "description");
    if (result == 0)
        put_input(&m);
    for (int i = 0; result == 0 && i < net->node_count; i++)
        result = put_node(&m, &net->nodes[i], &m.given[i]);
    for (int i = 0; result == 0 && i < net->head_count; i++) {
        const char *value = value_of(&m, net->heads[i].node);
        m.b.path = net->heads[i].name;
        onnx_build_node(&m.b, "Identity", (const char *const[]){value, NULL}, net->heads[i].name);
        onnx_build_output(&m.b, net->heads[i].name, "", NULL);
    }
    if (result == 0 && !(data = onnx_build_pack(&m.b, size)))
        desc_fail_file(net, "not enough memory");
    onnx_build_free(&m.b);
    free(m.given);
    return data;
}
