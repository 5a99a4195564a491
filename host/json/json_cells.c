// SPDX-License-Identifier: Apache-2.0
// Recurrent cells of a description, and their gates in ONNX's order from weights in any order and
// layout.
#include "json_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct desc_cell cells[] = {
    {"lstm", "LSTM", 4, "ifgo", "ifgo", "iofg", 3},
    {"gru", "GRU", 3, "rzn", "zrn", "zrn", 2},
    {"rnn", "RNN", 1, "n", "n", "n", 1},
};
enum { CELLS = sizeof cells / sizeof *cells };

const struct desc_cell *desc_find_cell(const char *name) {
    for (int i = 0; i < CELLS; i++)
        if (strcmp(cells[i].name, name) == 0)
            return &cells[i];
    return NULL;
}

void desc_cell_names(const struct desc *net, const char **names, size_t *count, size_t most) {
    *count = 0;
    for (int i = 0; i < CELLS; i++)
        names[(*count)++] = cells[i].name;
    for (size_t i = 0; net->own && i < net->own->count && *count < most; i++)
        names[(*count)++] = net->own->list[i].kind->name;
}

int desc_gate_count(const struct desc_node *node) {
    return node->own ? node->own->kind->gates : node->cell->gates;
}

// Where the gate of ONNX's place `gate` stands in the file.
static size_t place_of(const struct desc_node *node, int gate) {
    if (node->own)
        return (size_t)gate;
    const char *order = node->gates                ? node->gates
                        : node->form->letters == 0 ? node->cell->torch
                        : node->form->letters == 1 ? node->cell->keras
                                                   : node->cell->order;
    const char letter = node->cell->order[gate];
    const char *at = strchr(order, letter);
    if (!at) // the candidate by another of its names
        at = strpbrk(order, "cghn");
    return at ? (size_t)(at - order) : 0;
}

// A matrix (gates * hidden, columns) from one that may be transposed, or one of two directions.
static int load_matrix(struct desc *net, const struct desc_node *node, enum desc_part part,
                       bool backward, size_t columns, double **to) {
    const size_t hidden = (size_t)node->hidden, gates = (size_t)desc_gate_count(node);
    const size_t rows = gates * hidden, directions = node->bidirectional ? 2 : 1;
    const struct desc_form *form = node->form;
    const size_t shapes[3][3] = {{rows, columns}, {columns, rows}, {directions, rows, columns}};
    struct desc_numbers numbers;
    char what[120];

    snprintf(what, sizeof what, "%zu gate%s of %d units over %zu numbers", gates, mr_plural(gates),
             node->hidden, columns);
    if (desc_need_part(net, node, part, backward, form->directed ? 3 : 2,
                       shapes[form->directed       ? 2
                              : form->inputs_first ? 1
                                                   : 0],
                       what, &numbers) != 0)
        return -1;
    *to = malloc(rows * columns * sizeof **to);
    for (size_t g = 0; *to && g < gates; g++)
        for (size_t j = 0; j < hidden; j++)
            for (size_t k = 0; k < columns; k++) {
                const size_t row = place_of(node, (int)g) * hidden + j;
                const size_t from = form->inputs_first ? k * rows + row : row * columns + k;
                (*to)[(g * hidden + j) * columns + k] =
                    numbers.data[(form->directed && backward ? rows * columns : 0) + from];
            }
    free(numbers.data);
    return *to ? 0 : desc_fail(net, node->path, "needs more memory than there is");
}

// A list of one number for each row, to to, which is (gates * hidden).
static void put_bias(const struct desc_node *node, const double *from, double *to) {
    const size_t hidden = (size_t)node->hidden;

    for (int g = 0; g < desc_gate_count(node); g++)
        memcpy(to + (size_t)g * hidden, from + place_of(node, g) * hidden, hidden * sizeof *to);
}

// One bias of the text or file, which may hold both.
static int load_bias(struct desc *net, const struct desc_node *node, enum desc_part part,
                     bool backward, double *b, bool *found) {
    const struct desc_form *form = node->form;
    const size_t rows = (size_t)desc_gate_count(node) * (size_t)node->hidden;
    const size_t directed[2] = {node->bidirectional ? 2 : 1, 2 * rows}, both[2] = {2, rows};
    struct desc_numbers numbers;
    int result;

    if (desc_load_part(net, node, part, backward, &numbers) != 0)
        return -1;
    if (!numbers.data)
        return 0;
    *found = true;
    const bool split = form->split_bias && numbers.rank == 2;
    if (form->directed)
        result = desc_check_shape(net, node->path, &numbers, 2, directed,
                                  "the biases over x and over h of each direction");
    else
        result = desc_check_shape(net, node->path, &numbers, split ? 2 : 1, split ? both : &rows,
                                  "a number for each unit of each gate");
    const double *from = numbers.data + (form->directed && backward ? 2 * rows : 0);
    if (result == 0)
        put_bias(node, from, b + (part == DESC_BIAS_H ? rows : 0));
    if (result == 0 && (form->directed || split))
        put_bias(node, from + rows, b + rows);
    free(numbers.data);
    return result;
}

static int load_biases(struct desc *net, const struct desc_node *node, bool backward, double **b) {
    const size_t rows = (size_t)desc_gate_count(node) * (size_t)node->hidden;
    bool found = false;

    *b = calloc(2 * rows, sizeof **b);
    if (!*b)
        return desc_fail(net, node->path, "needs more memory than there is");
    if (load_bias(net, node, DESC_BIAS, backward, *b, &found) != 0 ||
        load_bias(net, node, DESC_BIAS_H, backward, *b, &found) != 0 ||
        desc_check_bias(net, node, found) != 0)
        return -1;
    if (!found) {
        free(*b);
        *b = NULL;
    }
    return 0;
}

static int load_peepholes(struct desc *net, const struct desc_node *node, bool backward,
                          double **p) {
    const size_t count = 3 * (size_t)node->hidden;
    const size_t shape[2] = {node->bidirectional ? 2 : 1, count};
    struct desc_numbers numbers;

    if (desc_load_part(net, node, DESC_PEEPHOLE, backward, &numbers) != 0)
        return -1;
    if (!numbers.data)
        return 0;
    int result = desc_check_shape(net, node->path, &numbers, 2, shape,
                                  "peepholes of three gates of each direction");
    *p = result == 0 ? malloc(count * sizeof **p) : NULL;
    if (*p)
        memcpy(*p, numbers.data + (backward ? count : 0), count * sizeof **p);
    else if (result == 0)
        result = desc_fail(net, node->path, "needs more memory than there is");
    free(numbers.data);
    return result;
}

static int load_projection(struct desc *net, const struct desc_node *node, bool backward,
                           double **to) {
    const size_t shape[2] = {(size_t)node->projection, (size_t)node->hidden};
    struct desc_numbers numbers;

    if (node->projection && !node->form->roles[DESC_PROJECTION])
        return desc_fail(net, node->path,
                         "has a proj_size, and its weights are named as of a "
                         "program that has none");
    if (node->projection &&
        desc_need_part(net, node, DESC_PROJECTION, backward, 2, shape,
                       "a row of the hidden units for each number of h", &numbers) != 0)
        return -1;
    if (!node->projection && desc_load_part(net, node, DESC_PROJECTION, backward, &numbers) != 0)
        return -1;
    if (!node->projection && numbers.data) {
        free(numbers.data);
        return desc_fail(net, node->path, "has a projection in its weights; say its proj_size");
    }
    *to = numbers.data;
    return 0;
}

int desc_load_gates(struct desc *net, const struct desc_node *node, bool backward,
                    struct desc_gates *gates) {
    memset(gates, 0, sizeof *gates);
    if (load_projection(net, node, backward, &gates->projection) == 0 &&
        load_matrix(net, node, DESC_WEIGHT, backward, (size_t)node->inputs, &gates->w) == 0 &&
        load_matrix(net, node, DESC_RECURRENT, backward, (size_t)desc_h(node), &gates->r) == 0 &&
        load_biases(net, node, backward, &gates->b) == 0 &&
        load_peepholes(net, node, backward, &gates->p) == 0)
        return 0;
    desc_free_gates(gates);
    return -1;
}

void desc_free_gates(struct desc_gates *gates) {
    free(gates->w);
    free(gates->r);
    free(gates->b);
    free(gates->p);
    free(gates->projection);
    memset(gates, 0, sizeof *gates);
}
