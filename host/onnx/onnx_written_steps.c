// SPDX-License-Identifier: Apache-2.0
// Finds the recurrences of a file that is computed with symbols (onnx_written.h): matrices whose
// products feed each other, the states in their rows, and the cells that make these.
#include "onnx_written.h"

#include <stdlib.h>
#include <string.h>

// A row that a matrix multiplies.
struct use {
    int32_t matrix, row;
};

// The rows of a matrix, step by step: each holds states that come from the one before.
struct chains {
    int32_t matrix, *rows; // [count][length]
    int count, length;
    int32_t *places; // [units] of the states in a row
    int units;
    int32_t first; // a state that goes into the second row
    bool shifted;  // no product of the first step reads a state: the first row has that behind it
};

static int no_memory(struct onnx_written *w) {
    return onnx_fail_file(w->graph, "needs more memory than there is");
}

static int by_matrix(const void *a, const void *b) {
    const struct use *x = a, *y = b;

    return x->matrix != y->matrix ? (x->matrix < y->matrix ? -1 : 1)
                                  : (x->row > y->row) - (x->row < y->row);
}

// All of them, sorted, each once. NULL with a sentence.
static struct use *list_uses(struct onnx_written *w, size_t *count) {
    size_t limit = 64;
    struct use *list = malloc(limit * sizeof *list);

    *count = 0;
    for (size_t i = 0; list && i < w->s.count; i++) {
        const struct onnx_symbol *n = &w->s.list[i];
        if (n->kind != SYMBOL_LINEAR ||
            (*count > 0 && list[*count - 1].row == n->a && list[*count - 1].matrix == n->b))
            continue;
        if (*count == limit) {
            struct use *grown = realloc(list, 2 * limit * sizeof *grown);
            if (!grown)
                free(list);
            list = grown;
            limit *= 2;
        }
        if (list)
            list[(*count)++] = (struct use){n->b, n->a};
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

struct measure {
    int32_t *row_depth, *row_source; // [rows], -2 before they are known
};

enum { NO_SOURCE = -1, MIXED = -2, UNKNOWN = -3 };

static void join(int32_t *depth, int32_t *source, int32_t other, int32_t other_source) {
    if (other > *depth) {
        *depth = other;
        *source = other_source;
    } else if (other == *depth && other > 0 && other_source != *source) {
        *source = MIXED;
    }
}

static void measure_row(struct onnx_written *w, struct measure *m, int32_t row) {
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
static void measure(struct onnx_written *w, struct measure *m, int32_t matrix) {
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

static void free_chains(struct chains *c) {
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
static int find_chains(struct onnx_written *w, struct measure *m, const struct use *uses,
                       size_t count, struct chains *c) {
    int32_t deepest = 0;

    memset(c, 0, sizeof *c);
    c->matrix = uses->matrix;
    measure(w, m, c->matrix);
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

// ---- Cells

static struct onnx_written_cell *create_cell(struct onnx_written *w, int units, int chains,
                                             int steps) {
    struct onnx_written_cell *cell = calloc(1, sizeof *cell);
    const size_t count = (size_t)units * (size_t)chains * (size_t)steps;

    if (!cell) {
        no_memory(w);
        return NULL;
    }
    *cell = (struct onnx_written_cell){.units = units, .chains = chains, .steps = steps};
    cell->h = malloc(count * sizeof *cell->h);
    cell->c = malloc(count * sizeof *cell->c);
    cell->unit = calloc(count, sizeof *cell->unit);
    cell->before = malloc((size_t)units * (size_t)chains * sizeof *cell->before);
    if (!cell->h || !cell->c || !cell->unit || !cell->before) {
        onnx_cell_free(cell);
        no_memory(w);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        cell->h[i] = cell->c[i] = -1;
    return cell;
}

static size_t at(const struct onnx_written_cell *cell, int c, int t, int k) {
    return ((size_t)c * (size_t)cell->steps + (size_t)t) * (size_t)cell->units + (size_t)k;
}

static int32_t before(const struct onnx_written_cell *cell, int c, int t, int k) {
    return t > 0 ? cell->h[at(cell, c, t - 1, k)] : cell->before[c * cell->units + k];
}

static void mark(struct onnx_written *w, const struct onnx_written_cell *cell, int c, int t,
                 bool set) {
    for (int k = 0; k < cell->units; k++) {
        const int32_t h = before(cell, c, t, k);
        if (h >= 0)
            w->stops[h] = set || w->owner[h] >= 0;
        if (t > 0 && cell->c[at(cell, c, t - 1, k)] >= 0)
            w->stops[cell->c[at(cell, c, t - 1, k)]] = set;
    }
}

// Is a symbol unit k behind step t? The states before it are marked.
static bool match(struct onnx_written *w, struct onnx_written_cell *cell, int c, int t, int k,
                  int32_t symbol) {
    const size_t to = at(cell, c, t, k);
    struct onnx_unit unit;

    if (!onnx_match_unit(&w->s, w->stops, symbol, before(cell, c, t, k),
                         t > 0 ? cell->c[at(cell, c, t - 1, k)] : -1, &unit) ||
        (t > 0 && unit.kind != cell->unit[at(cell, c, t - 1, k)].kind))
        return false;
    cell->unit[to] = unit;
    cell->h[to] = symbol;
    cell->c[to] = unit.cell;
    return true;
}

static int fail_state(struct onnx_written *w, int32_t symbol) {
    return onnx_fail_symbol(w, symbol,
                            "gives a state that goes from step to step and is no unit of an LSTM "
                            "(h = o tanh(c), c = f c + i g), GRU (h = z h + (1 - z) n) or RNN (h = "
                            "f(W x + R h + b)); use one of these, or a cell of your own (--cell)");
}

static int fail_step(struct onnx_written *w, int32_t symbol) {
    return onnx_fail_symbol(w, symbol,
                            "gives a state that does not come from the one before it as in the "
                            "steps before; all steps must be the same LSTM, GRU or RNN with the "
                            "same weights");
}

static int match_steps(struct onnx_written *w, const struct chains *chains,
                       struct onnx_written_cell *cell) {
    for (int c = 0; c < cell->chains; c++) {
        const int32_t *rows = chains->rows + c * chains->length;
        for (int k = 0; k < cell->units; k++)
            cell->before[c * cell->units + k] =
                chains->shifted ? -1 : onnx_row_of(&w->s, rows[0])[chains->places[k]];
        for (int t = 0; t + 1 < cell->steps; t++) {
            int32_t failed = -1;
            mark(w, cell, c, t, true);
            for (int k = 0; failed < 0 && k < cell->units; k++) {
                const int32_t symbol =
                    onnx_row_of(&w->s, rows[t + !chains->shifted])[chains->places[k]];
                if (!match(w, cell, c, t, k, symbol))
                    failed = symbol;
            }
            mark(w, cell, c, t, false);
            if (failed >= 0)
                return t == 0 ? fail_state(w, failed) : fail_step(w, failed);
        }
    }
    return 0;
}

// ---- The last step, whose states no product with the matrix reads

// Of a column of a matrix the unit whose gate it is; [matrices] of [columns], NULL where none is.
struct keys {
    int32_t **unit;
};

static void free_keys(struct onnx_written *w, struct keys *keys) {
    for (size_t i = 0; keys->unit && i < w->s.matrix_count; i++)
        free(keys->unit[i]);
    free(keys->unit);
}

static int set_key(struct onnx_written *w, struct keys *keys, const struct onnx_symbol *n, int k) {
    int32_t **list = &keys->unit[n->b];
    const size_t columns = w->s.matrices[n->b].columns;

    if (!*list) {
        *list = malloc((columns + 1) * sizeof **list);
        for (size_t j = 0; *list && j < columns; j++)
            (*list)[j] = -1;
    }
    if (!*list)
        return no_memory(w);
    (*list)[n->c] = k;
    return 0;
}

// The columns that the argument of a gate reads, and that of a gate inside of it.
static int set_argument(struct onnx_written *w, struct keys *keys, int32_t argument, int k,
                        bool inside) {
    struct onnx_terms terms;

    if (!onnx_expand(&w->s, w->stops, argument, &terms))
        return 0;
    for (int i = 0; i < terms.count; i++)
        for (int f = 0; f < terms.term[i].count; f++) {
            const struct onnx_symbol *n = onnx_symbol(&w->s, terms.term[i].factor[f]);
            if ((n->kind == SYMBOL_LINEAR && set_key(w, keys, n, k) != 0) ||
                (n->kind == SYMBOL_FUNCTION && !inside &&
                 set_argument(w, keys, n->a, k, true) != 0))
                return -1;
        }
    return 0;
}

static int set_keys(struct onnx_written *w, const struct onnx_written_cell *cell, int t,
                    struct keys *keys) {
    keys->unit = calloc(w->s.matrix_count + 1, sizeof *keys->unit);
    if (!keys->unit)
        return no_memory(w);
    for (int k = 0; k < cell->units; k++) {
        const struct onnx_unit *u = &cell->unit[at(cell, 0, t, k)];
        for (int g = 0; g < ONNX_WRITTEN_GATES; g++)
            if (u->gate[g].known && set_argument(w, keys, u->gate[g].argument, k, false) != 0)
                return -1;
    }
    return 0;
}

enum { NO_UNIT = -1, SEVERAL = -2 };

static int32_t unit_of_both(const struct onnx_written *w, const struct onnx_symbol *n,
                            int32_t depth) {
    const int32_t a = w->depth[n->a] == depth ? w->unit_of[n->a] : NO_UNIT;
    const int32_t b = w->depth[n->b] == depth ? w->unit_of[n->b] : NO_UNIT;

    return a == NO_UNIT ? b : b == NO_UNIT || a == b ? a : SEVERAL;
}

// Units of the symbols of the last step, from the columns of the matrices on; each that is made as
// the state of the step before is, is tried.
static void search(struct onnx_written *w, const struct chains *chains,
                   struct onnx_written_cell *cell, const struct keys *keys) {
    const int t = cell->steps - 1;

    for (size_t i = 0; i < w->s.count; i++) {
        const struct onnx_symbol *n = &w->s.list[i];
        int32_t unit = NO_UNIT;
        int c = 0;
        if (w->depth[i] != chains->length)
            continue;
        if (n->kind == SYMBOL_LINEAR) // of a gate that the first step does not have: none
            unit = keys->unit[n->b] && keys->unit[n->b][n->c] >= 0 ? keys->unit[n->b][n->c]
                   : n->b == chains->matrix                        ? NO_UNIT
                                                                   : SEVERAL;
        else
            unit =
                n->kind == SYMBOL_FUNCTION ? w->unit_of[n->a] : unit_of_both(w, n, chains->length);
        w->unit_of[i] = unit;
        while (c < cell->chains && chains->rows[(c + 1) * chains->length - 1] != w->source[i])
            c++;
        if (unit < 0 || c == cell->chains || cell->h[at(cell, c, t, unit)] >= 0)
            continue;
        const struct onnx_symbol *last = onnx_symbol(&w->s, cell->h[at(cell, c, t - 1, unit)]);
        // Behind the first step a state may lack what is multiplied with its start.
        if (t == 1 || (last->kind == n->kind && (n->kind != SYMBOL_FUNCTION || last->c == n->c)))
            match(w, cell, c, t, unit, (int32_t)i);
    }
    for (size_t i = 0; i < w->s.count; i++)
        w->unit_of[i] = -1;
}

static int find_last(struct onnx_written *w, const struct chains *chains,
                     struct onnx_written_cell *cell) {
    const int t = cell->steps - 1;
    struct keys keys = {NULL};

    mark(w, cell, 0, t - 1, true);
    int result = set_keys(w, cell, t - 1, &keys);
    mark(w, cell, 0, t - 1, false);
    for (int c = 0; c < cell->chains; c++)
        mark(w, cell, c, t, true);
    if (result == 0)
        search(w, chains, cell, &keys);
    for (int c = 0; c < cell->chains; c++)
        mark(w, cell, c, t, false);
    free_keys(w, &keys);
    for (int i = 0; result == 0 && i < cell->chains * cell->units; i++)
        if (cell->h[at(cell, i / cell->units, t, i % cell->units)] < 0)
            result = onnx_fail_symbol(
                w, cell->h[at(cell, i / cell->units, t - 1, i % cell->units)],
                "gives a state of which the last step is not made as the others are; all steps "
                "must be the same cell with the same weights");
    return result;
}

// ---- All of them

static int by_first(const void *a, const void *b) {
    const struct chains *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

static int add_cell(struct onnx_written *w, struct onnx_written_cell *cell) {
    struct onnx_written_cell **grown =
        realloc(w->cells, ((size_t)w->cell_count + 1) * sizeof(struct onnx_written_cell *));

    if (!grown) {
        onnx_cell_free(cell);
        return no_memory(w);
    }
    w->cells = grown;
    w->cells[w->cell_count++] = cell;
    if (cell->unit[0].kind != WRITTEN_LSTM) {
        free(cell->c);
        cell->c = NULL;
    }
    cell->kind = cell->unit[0].kind;
    if (onnx_read_weights(w, cell) != 0)
        return -1;
    const size_t count = (size_t)cell->chains * (size_t)cell->steps * (size_t)cell->units;
    for (size_t i = 0; i < 2 * count; i++) {
        const int32_t *list = i < count ? cell->h : cell->c;
        if (!list || w->owner[list[i % count]] >= 0)
            continue;
        w->owner[list[i % count]] = 2 * (w->cell_count - 1) + (i >= count);
        w->stops[list[i % count]] = 1;
        w->place[list[i % count]] = (int32_t)(i % count);
    }
    free(cell->unit);
    cell->unit = NULL;
    return 0;
}

// Does the first row hold units of a cell, that has read a state of zeros?
static bool is_shifted(struct onnx_written *w, const struct chains *chains) {
    const int32_t *list = onnx_row_of(&w->s, chains->rows[0]);
    struct onnx_unit unit;

    for (int k = 0; k < chains->units; k++) {
        const struct onnx_symbol *n = onnx_symbol(&w->s, list[chains->places[k]]);
        if (n->known || n->kind == SYMBOL_ATOM || w->owner[list[chains->places[k]]] >= 0 ||
            !onnx_match_unit(&w->s, w->stops, list[chains->places[k]], -1, -1, &unit))
            return false;
    }
    return true;
}

static int take_chains(struct onnx_written *w, struct measure *m, struct chains *chains) {
    if (w->explained[chains->matrix] || w->owner[chains->first] >= 0)
        return 0;
    chains->shifted = is_shifted(w, chains);
    struct onnx_written_cell *cell =
        create_cell(w, chains->units, chains->count, chains->length + chains->shifted);
    if (!cell)
        return -1;
    measure(w, m, chains->matrix);
    if (match_steps(w, chains, cell) != 0 || find_last(w, chains, cell) != 0) {
        onnx_cell_free(cell);
        return -1;
    }
    return add_cell(w, cell);
}

// ---- Files of a single step, whose states are inputs

// Is it an element of an input that is not the sequence?
static bool is_state_input(const struct onnx_written *w, int32_t symbol) {
    const struct onnx_symbol *n = onnx_symbol(&w->s, symbol);

    return n->kind == SYMBOL_ATOM && w->s.bases[n->a].value != w->graph->input &&
           (size_t)w->s.bases[n->a].value < w->graph->input_end && !w->s.bases[n->a].whole;
}

// Each row of a matrix that reads a state is one of a sequence.
static int find_single(struct onnx_written *w, const struct use *uses, size_t count,
                       struct chains *c) {
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

// Are the numbers of a value, one row for each sequence, the state behind the step?
static bool match_value(struct onnx_written *w, struct onnx_written_cell *cell,
                        const struct onnx_tensor *t, enum onnx_written_kind kind) {
    bool good = t->type == ONNX_SYMBOLS && t->count == (size_t)cell->chains * (size_t)cell->units;

    for (int i = 0; good && i < cell->chains * cell->units; i++)
        good = w->owner[t->whole[i]] < 0 &&
               match(w, cell, i / cell->units, 0, i % cell->units, (int32_t)t->whole[i]) &&
               cell->unit[i].kind == kind;
    return good;
}

static int take_single(struct onnx_written *w, const struct chains *chains) {
    struct onnx_written_cell *cell = create_cell(w, chains->units, chains->count, 1);
    bool found = false;

    if (!cell)
        return -1;
    for (int i = 0; i < cell->chains * cell->units; i++)
        cell->before[i] =
            onnx_row_of(&w->s, chains->rows[i / cell->units])[chains->places[i % cell->units]];
    for (int c = 0; c < cell->chains; c++)
        mark(w, cell, c, 0, true);
    // A gate of another cell looks like an RNN, so that comes last.
    for (int kind = WRITTEN_LSTM; kind <= WRITTEN_RNN && !found; kind++)
        for (size_t v = w->graph->input_end; v < w->graph->value_count && !found; v++)
            found = match_value(w, cell, &w->values[v], (enum onnx_written_kind)kind);
    for (int c = 0; c < cell->chains; c++)
        mark(w, cell, c, 0, false);
    if (found)
        return add_cell(w, cell);
    onnx_cell_free(cell);
    return 0;
}

// -1 with a sentence.
static int find_singles(struct onnx_written *w, const struct use *uses, size_t count) {
    int result = 0;

    for (size_t i = 0, end; result == 0 && i < count; i = end) {
        struct chains chains = {0};
        for (end = i; end < count && uses[end].matrix == uses[i].matrix;)
            end++;
        if (!w->explained[uses[i].matrix])
            result = find_single(w, uses + i, end - i, &chains);
        if (result == 0 && chains.count > 0)
            result = take_single(w, &chains);
        free_chains(&chains);
    }
    return result;
}

int onnx_find_cells(struct onnx_written *w) {
    struct measure m = {malloc((w->s.row_count + 1) * sizeof *m.row_depth),
                        malloc((w->s.row_count + 1) * sizeof *m.row_source)};
    struct chains *chains = NULL;
    size_t count = 0, used = 0;
    struct use *uses = list_uses(w, &count);
    int result = uses && m.row_depth && m.row_source ? 0 : no_memory(w);

    if (result == 0 && !(chains = calloc(w->s.matrix_count + 1, sizeof *chains)))
        result = no_memory(w);
    for (size_t i = 0, end; result == 0 && i < count; i = end) {
        for (end = i; end < count && uses[end].matrix == uses[i].matrix;)
            end++;
        if (end - i < 2)
            continue;
        result = find_chains(w, &m, uses + i, end - i, &chains[used]);
        if (chains[used].count > 0)
            used++;
        else
            free_chains(&chains[used]);
    }
    if (used > 0)
        qsort(chains, used, sizeof *chains, by_first);
    for (size_t i = 0; result == 0 && i < used; i++)
        result = take_chains(w, &m, &chains[i]);
    if (result == 0 && used == 0)
        result = find_singles(w, uses, count);
    for (size_t i = 0; chains && i <= w->s.matrix_count; i++)
        free_chains(&chains[i]);
    free(chains);
    free(uses);
    free(m.row_depth);
    free(m.row_source);
    return result;
}
