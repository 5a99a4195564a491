// SPDX-License-Identifier: Apache-2.0
// Matrices whose products feed each other (onnx_written_chains.h).
#include "onnx_written_chains.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(struct onnx_written *w) {
    return onnx_fail_file(w->graph, "needs more memory than there is");
}

static int by_matrix(const void *a, const void *b) {
    const struct onnx_use *x = a, *y = b;

    return x->matrix != y->matrix ? (x->matrix < y->matrix ? -1 : 1)
                                  : (x->row > y->row) - (x->row < y->row);
}

// All of them, sorted, each once. NULL with a sentence.
struct onnx_use *onnx_list_uses(struct onnx_written *w, size_t *count) {
    size_t limit = 64;
    struct onnx_use *list = malloc(limit * sizeof *list);

    *count = 0;
    for (size_t i = 0; list && i < w->s.count; i++) {
        const struct onnx_symbol *n = &w->s.list[i];
        if (n->kind != SYMBOL_LINEAR ||
            (*count > 0 && list[*count - 1].row == n->a && list[*count - 1].matrix == n->b))
            continue;
        if (*count == limit) {
            struct onnx_use *grown = realloc(list, 2 * limit * sizeof *grown);
            if (!grown)
                free(list);
            list = grown;
            limit *= 2;
        }
        if (list)
            list[(*count)++] = (struct onnx_use){n->b, n->a};
    }
    if (!list) {
        no_memory(w);
        return NULL;
    }
    qsort(list, *count, sizeof *list, by_matrix);
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (kept == 0 || by_matrix(&list[kept - 1], &list[i]) != 0)
            list[kept++] = list[i];
    *count = kept;
    return list;
}

// ---- How often products with a matrix feed each other

enum { NO_SOURCE = -1, MIXED = -2, UNKNOWN = -3 };

static void join(int32_t *depth, int32_t *source, int32_t other, int32_t other_source) {
    if (other > *depth) {
        *depth = other;
        *source = other_source;
    } else if (other == *depth && other > 0 && other_source != *source) {
        *source = MIXED;
    }
}

static void measure_row(struct onnx_written *w, struct onnx_measure *m, int32_t row) {
    const int32_t *list = onnx_row_of(&w->s, row);
    int32_t depth = 0, source = NO_SOURCE;

    for (int32_t k = 0; m->row_depth[row] < 0 && k < w->s.rows[row].count; k++)
        join(&depth, &source, w->depth[list[k]], w->source[list[k]]);
    if (m->row_depth[row] >= 0)
        return;
    m->row_depth[row] = depth;
    m->row_source[row] = source;
}

// For each symbol, how many products with the matrix follow each other up to it, and the row of the
// last one. What a symbol is made of stands before it.
void onnx_measure(struct onnx_written *w, struct onnx_measure *m, int32_t matrix) {
    for (size_t i = 0; i < w->s.row_count; i++)
        m->row_depth[i] = -1;
    for (size_t i = 0; i < w->s.count; i++) {
        const struct onnx_symbol *n = &w->s.list[i];
        int32_t *depth = &w->depth[i], *source = &w->source[i];
        *depth = 0;
        *source = NO_SOURCE;
        if (n->kind == SYMBOL_LINEAR) {
            measure_row(w, m, n->a);
            *depth = m->row_depth[n->a] + (n->b == matrix);
            *source = n->b == matrix ? n->a : m->row_source[n->a];
        } else if (n->kind == SYMBOL_FUNCTION) {
            *depth = w->depth[n->a];
            *source = w->source[n->a];
        } else if (n->kind == SYMBOL_SUM || n->kind == SYMBOL_PRODUCT) {
            join(depth, source, w->depth[n->a], w->source[n->a]);
            join(depth, source, w->depth[n->b], w->source[n->b]);
        }
    }
}

void onnx_free_chains(struct onnx_chains *c) {
    free(c->rows);
    free(c->places);
    memset(c, 0, sizeof *c);
}

static int fail_matrix(struct onnx_written *w, int32_t row, int32_t matrix, const char *why) {
    for (size_t i = 0; i < w->s.count; i++) {
        const struct onnx_symbol *n = &w->s.list[i];
        if (n->kind == SYMBOL_LINEAR && n->a == row && n->b == matrix)
            return onnx_fail_symbol(w, (int32_t)i, "%s", why);
    }
    return onnx_fail_file(w->graph, "a product %s", why);
}

// Places of a row where a state of that depth stands; how many they are. places: NULL, or to
// compare with: false in *same.
static int list_places(const struct onnx_written *w, int32_t row, int32_t depth, int32_t *places,
                       bool compare, bool *same) {
    const int32_t *list = onnx_row_of(&w->s, row);
    int count = 0;

    for (int32_t k = 0; k < w->s.rows[row].count; k++) {
        if (w->depth[list[k]] != depth)
            continue;
        if (compare)
            *same = *same && places[count] == k;
        else
            places[count] = k;
        count++;
    }
    return count;
}

// The chains of a matrix; count stays 0 where its products do not feed each other. -1 with a
// sentence.
int onnx_find_chains(struct onnx_written *w, struct onnx_measure *m, const struct onnx_use *uses,
                     size_t count, struct onnx_chains *c) {
    int32_t deepest = 0;

    memset(c, 0, sizeof *c);
    c->matrix = uses->matrix;
    onnx_measure(w, m, c->matrix);
    for (size_t i = 0; i < count; i++)
        deepest = deepest > m->row_depth[uses[i].row] ? deepest : m->row_depth[uses[i].row];
    if (deepest == 0)
        return 0;
    w->found = true;
    c->length = deepest + 1;
    if (deepest >= ONNX_MOST_STEPS)
        return fail_matrix(w, uses->row, c->matrix,
                           "is written out for more steps than this version follows; export fewer "
                           "of them, which do not limit the model");
    int chains = 0;
    for (size_t i = 0; i < count; i++)
        chains += m->row_depth[uses[i].row] == deepest;
    c->rows = malloc((size_t)chains * (size_t)c->length * sizeof *c->rows);
    c->places = malloc(((size_t)w->s.rows[uses->row].count + 1) * sizeof *c->places);
    if (!c->rows || !c->places)
        return no_memory(w);
    for (size_t i = 0; i < count; i++) {
        if (m->row_depth[uses[i].row] != deepest)
            continue;
        int32_t *rows = c->rows + c->count++ * c->length, row = uses[i].row;
        for (int d = deepest; d >= 0; d--) {
            rows[d] = row;
            if (d > 0 && m->row_source[row] < 0)
                return fail_matrix(w, row, c->matrix,
                                   "multiplies a state that comes from several states before it; "
                                   "this version takes recurrences in which each sequence has its "
                                   "own");
            if (d > 0)
                row = m->row_source[row];
        }
    }
    c->units = list_places(w, c->rows[deepest], deepest, c->places, false, NULL);
    for (int k = 0; k < c->count; k++)
        for (int d = 1; d <= deepest; d++) {
            bool same = true;
            if (list_places(w, c->rows[k * c->length + d], d, c->places, true, &same) != c->units ||
                !same)
                return fail_matrix(w, c->rows[k * c->length + d], c->matrix,
                                   "does not multiply the same part of a state in all steps");
        }
    c->first = onnx_row_of(&w->s, c->rows[1])[c->places[0]];
    return 0;
}

// ---- Files of a single step, whose states are inputs

// Is it an element of an input that is not the sequence?
static bool is_state_input(const struct onnx_written *w, int32_t symbol) {
    const struct onnx_symbol *n = onnx_symbol(&w->s, symbol);

    return n->kind == SYMBOL_ATOM && w->s.bases[n->a].value != w->graph->input &&
           (size_t)w->s.bases[n->a].value < w->graph->input_end && !w->s.bases[n->a].whole;
}

// Each row of a matrix that reads a state is one of a sequence.
int onnx_find_single(struct onnx_written *w, const struct onnx_use *uses, size_t count,
                     struct onnx_chains *c) {
    memset(c, 0, sizeof *c);
    c->matrix = uses->matrix;
    c->length = 1;
    c->rows = malloc(count * sizeof *c->rows);
    c->places = malloc(((size_t)w->s.rows[uses->row].count + 1) * sizeof *c->places);
    if (!c->rows || !c->places)
        return no_memory(w);
    for (int32_t k = 0; k < w->s.rows[uses->row].count; k++)
        if (is_state_input(w, onnx_row_of(&w->s, uses->row)[k]))
            c->places[c->units++] = k;
    for (size_t i = 0; c->units > 0 && i < count; i++) {
        for (int k = 0; k < c->units; k++)
            if (!is_state_input(w, onnx_row_of(&w->s, uses[i].row)[c->places[k]]))
                return 0;
        c->rows[c->count++] = uses[i].row;
    }
    return 0;
}
