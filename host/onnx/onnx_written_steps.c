// SPDX-License-Identifier: Apache-2.0
// The cells of a file that is computed with symbols (onnx_written.h): what makes the states in the
// rows of its recurrences.
#include "onnx_written_chains.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(struct onnx_written *w) {
    return onnx_fail_file(w->graph, "needs more memory than there is");
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

static int match_steps(struct onnx_written *w, const struct onnx_chains *chains,
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
static void search(struct onnx_written *w, const struct onnx_chains *chains,
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

static int find_last(struct onnx_written *w, const struct onnx_chains *chains,
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
    const struct onnx_chains *x = a, *y = b;

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
static bool is_shifted(struct onnx_written *w, const struct onnx_chains *chains) {
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

static int take_chains(struct onnx_written *w, struct onnx_measure *m, struct onnx_chains *chains) {
    if (w->explained[chains->matrix] || w->owner[chains->first] >= 0)
        return 0;
    chains->shifted = is_shifted(w, chains);
    struct onnx_written_cell *cell =
        create_cell(w, chains->units, chains->count, chains->length + chains->shifted);
    if (!cell)
        return -1;
    onnx_measure(w, m, chains->matrix);
    if (match_steps(w, chains, cell) != 0 || find_last(w, chains, cell) != 0) {
        onnx_cell_free(cell);
        return -1;
    }
    return add_cell(w, cell);
}

// ---- Files of a single step, whose states are inputs

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

static int take_single(struct onnx_written *w, const struct onnx_chains *chains) {
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
static int find_singles(struct onnx_written *w, const struct onnx_use *uses, size_t count) {
    int result = 0;

    for (size_t i = 0, end; result == 0 && i < count; i = end) {
        struct onnx_chains chains = {0};
        for (end = i; end < count && uses[end].matrix == uses[i].matrix;)
            end++;
        if (!w->explained[uses[i].matrix])
            result = onnx_find_single(w, uses + i, end - i, &chains);
        if (result == 0 && chains.count > 0)
            result = take_single(w, &chains);
        onnx_free_chains(&chains);
    }
    return result;
}

int onnx_find_cells(struct onnx_written *w) {
    struct onnx_measure m = {malloc((w->s.row_count + 1) * sizeof *m.row_depth),
                             malloc((w->s.row_count + 1) * sizeof *m.row_source)};
    struct onnx_chains *chains = NULL;
    size_t count = 0, used = 0;
    struct onnx_use *uses = onnx_list_uses(w, &count);
    int result = uses && m.row_depth && m.row_source ? 0 : no_memory(w);

    if (result == 0 && !(chains = calloc(w->s.matrix_count + 1, sizeof *chains)))
        result = no_memory(w);
    for (size_t i = 0, end; result == 0 && i < count; i = end) {
        for (end = i; end < count && uses[end].matrix == uses[i].matrix;)
            end++;
        if (end - i < 2)
            continue;
        result = onnx_find_chains(w, &m, uses + i, end - i, &chains[used]);
        if (chains[used].count > 0)
            used++;
        else
            onnx_free_chains(&chains[used]);
    }
    if (used > 0)
        qsort(chains, used, sizeof *chains, by_first);
    for (size_t i = 0; result == 0 && i < used; i++)
        result = take_chains(w, &m, &chains[i]);
    if (result == 0 && used == 0)
        result = find_singles(w, uses, count);
    for (size_t i = 0; chains && i <= w->s.matrix_count; i++)
        onnx_free_chains(&chains[i]);
    free(chains);
    free(uses);
    free(m.row_depth);
    free(m.row_source);
    return result;
}
