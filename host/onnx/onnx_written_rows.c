// SPDX-License-Identifier: Apache-2.0
// What the steps of a recurrence read, as rows of the new graph (onnx_written.h): those of an
// input, of a state, or of linear layers that the file writes out for each step.
#include "onnx_written.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_NESTED = 160 };

// Where a symbol stands: source, a base or behind them a state; step, sequence, column.
struct spot {
    int source, t, n, k;
};

static int no_memory(struct onnx_written *w) {
    return onnx_fail_file(w->graph, "needs more memory than there is");
}

void onnx_rows_free(struct onnx_rows *rows) {
    free(rows->column);
    free(rows->constant);
    rows->column = NULL;
    rows->constant = NULL;
}

static int32_t at(const struct onnx_family *f, int p, int t, int c) {
    return f->symbol[((size_t)p * (size_t)f->steps + (size_t)t) * (size_t)f->chains + (size_t)c];
}

static void coordinates(const struct onnx_base *base, int32_t element, int64_t *to) {
    for (int i = base->rank; i-- > 0; element = (int32_t)(element / base->dims[i]))
        to[i] = element % base->dims[i];
}

static struct onnx_written_cell *cell_of(const struct onnx_written *w, int source) {
    return w->cells[(source - (int)w->s.base_count) / 2];
}

static bool is_cell_state(const struct onnx_written *w, int source) {
    return source >= (int)w->s.base_count && (source - (int)w->s.base_count) % 2 == 1;
}

// False where it is no element of a source whose axes are known.
static bool find_spot(const struct onnx_written *w, int32_t symbol, struct spot *spot) {
    const struct onnx_symbol *n = onnx_symbol(&w->s, symbol);
    int64_t where[ONNX_RANK];

    if (w->owner[symbol] >= 0) {
        const struct onnx_written_cell *cell = w->cells[w->owner[symbol] / 2];
        const int place = w->place[symbol], t = place / cell->units % cell->steps;
        spot->source = (int)w->s.base_count + w->owner[symbol];
        spot->t = cell->reversed ? cell->steps - 1 - t : t;
        spot->n = place / cell->units / cell->steps;
        spot->k = place % cell->units;
        return cell->rows != NULL;
    }
    if (n->kind != SYMBOL_ATOM || !w->roles[n->a].known)
        return false;
    const struct onnx_role *role = &w->roles[n->a];
    coordinates(&w->s.bases[n->a], n->b, where);
    spot->source = n->a;
    spot->t = role->time < 0 ? 0 : (int)where[role->time];
    spot->n = role->batch < 0 ? 0 : (int)where[role->batch];
    spot->k = role->feature < 0 ? 0 : (int)where[role->feature];
    return true;
}

// ---- Axes of a base, from what the steps of a cell read of it

static int moved_axis(const struct onnx_base *base, int32_t from, int32_t to) {
    int64_t a[ONNX_RANK], b[ONNX_RANK];
    int axis = -1;

    coordinates(base, from, a);
    coordinates(base, to, b);
    for (int i = 0; i < base->rank; i++)
        if (a[i] != b[i])
            axis = axis < 0 ? i : ONNX_RANK; // several
    return axis;
}

static int fail_input(struct onnx_written *w, int32_t symbol) {
    return onnx_fail_symbol(w, symbol,
                            "is read as the input of a step of a recurrence, and that of its first "
                            "step stands elsewhere; each step must read its own step of one "
                            "sequence, and not what the step before has given");
}

static int find_roles(struct onnx_written *w, const struct onnx_family *f, int p) {
    const int32_t first = at(f, p, 0, 0);
    const int b = onnx_symbol(&w->s, first)->a;
    const struct onnx_base *base = &w->s.bases[b];
    struct onnx_role role = {true, -1, -1, -1, NULL};
    int axis[3] = {-1, -1, -1};
    int32_t others[3] = {first, first, first};

    if (base->rank > 3)
        return onnx_fail_symbol(w, first, "gives rows with more than 3 axes to a recurrence");
    if (f->steps > 1)
        others[0] = at(f, p, 1, 0);
    if (f->chains > 1)
        others[1] = at(f, p, 0, 1);
    for (int q = 0; q < f->width; q++) { // another feature of the same step
        const struct onnx_symbol *n = onnx_symbol(&w->s, at(f, q, 0, 0));
        if (n->kind == SYMBOL_ATOM && n->a == b && n->b != onnx_symbol(&w->s, first)->b)
            others[2] = at(f, q, 0, 0);
    }
    for (int i = 0; i < 3; i++) {
        const struct onnx_symbol *n = onnx_symbol(&w->s, others[i]);
        if (n->kind == SYMBOL_ATOM && n->a == b)
            axis[i] = moved_axis(base, onnx_symbol(&w->s, first)->b, n->b);
        if (n->kind != SYMBOL_ATOM || n->a != b || axis[i] == ONNX_RANK)
            return fail_input(w, others[i]);
    }
    // The others: of the features, else of size 1.
    for (int i = base->rank; i-- > 0;) {
        if (i == axis[0] || i == axis[1] || i == axis[2])
            continue;
        if (axis[2] < 0 && (base->dims[i] > 1 || i == base->rank - 1))
            axis[2] = i;
        else if (axis[0] < 0 && f->steps == 1 && base->dims[i] == 1 && base->rank == 3)
            axis[0] = i;
        else if (axis[1] < 0 && base->dims[i] == 1)
            axis[1] = i;
        else
            return onnx_fail_symbol(w, first,
                                    "is read by a recurrence that takes a part of axis %d of the "
                                    "input only",
                                    i);
    }
    if ((axis[0] >= 0 && axis[0] == axis[1]) || (axis[0] >= 0 && axis[0] == axis[2]) ||
        (axis[1] >= 0 && axis[1] == axis[2]))
        return onnx_fail_symbol(w, first,
                                "is read by a recurrence that goes along the same axis "
                                "for its steps and its features");
    role.time = axis[0];
    role.batch = axis[1];
    role.feature = axis[2];
    w->roles[b] = role;
    return 0;
}

// The base's rows as [T, N, F].
static const char *base_rows(struct onnx_written *w, int b) {
    const struct onnx_base *base = &w->s.bases[b];
    struct onnx_role *role = &w->roles[b];
    const int axes[3] = {role->time, role->batch, role->feature};
    int64_t perm[3], added[3];
    size_t kept = 0, missing = 0;
    bool moved = false;

    if (role->rows)
        return role->rows;
    if (onnx_take_value(w, base->value) != 0)
        return NULL;
    const char *name = w->graph->names[base->value];
    for (int i = 0; i < 3; i++) {
        if (axes[i] < 0) {
            added[missing++] = i;
            continue;
        }
        moved = moved || axes[i] != (int)kept;
        perm[kept++] = axes[i];
    }
    if (moved)
        name = onnx_emit_simple(w, "Transpose", name, NULL, NULL, "perm", perm, kept);
    if (missing > 0 && name)
        name = onnx_emit_simple(w, "Unsqueeze", name, NULL, NULL, "axes", added, missing);
    return role->rows = name;
}

// ---- Pieces of rows, one behind the other

struct pieces {
    const char **name;
    int count, width;
    bool reversed, known; // the order of the steps
};

static int add_piece(struct onnx_written *w, struct pieces *pieces, const char *name, int width,
                     bool reversed) {
    const char **grown = realloc(pieces->name, ((size_t)pieces->count + 1) * sizeof(const char *));

    if (!grown)
        return no_memory(w);
    pieces->name = grown;
    if (!name)
        return -1;
    if (pieces->known && pieces->reversed != reversed)
        return onnx_fail_file(w->graph, "a recurrence reads one sequence forward and another one "
                                        "from its end at the same step, which this version does "
                                        "not support");
    pieces->known = true;
    pieces->reversed = reversed;
    pieces->name[pieces->count++] = name;
    pieces->width += width;
    return 0;
}

static int source_size(const struct onnx_written *w, int source, int *steps) {
    if (source >= (int)w->s.base_count) {
        *steps = cell_of(w, source)->steps;
        return cell_of(w, source)->units;
    }
    const struct onnx_role *role = &w->roles[source];
    *steps = role->time < 0 ? 1 : (int)w->s.bases[source].dims[role->time];
    return role->feature < 0 ? 1 : (int)w->s.bases[source].dims[role->feature];
}

// Are the steps and sequences of a column those of its source? *reversed: -1 while it is not known.
static int check_column(struct onnx_written *w, const struct onnx_family *f, int p, bool timed,
                        int *reversed) {
    struct spot first, own;
    int steps;

    find_spot(w, at(f, p, 0, 0), &first);
    source_size(w, first.source, &steps);
    if (timed && steps != f->steps && first.source < (int)w->s.base_count &&
        w->s.bases[first.source].value == w->graph->input) // where it is open, that many
        w->s.wanted[w->roles[first.source].time] = f->steps;
    if (timed && steps != f->steps)
        return onnx_fail_symbol(w, at(f, p, 0, 0),
                                "is read by a recurrence that takes %d of its %d steps; this "
                                "version takes all of them",
                                f->steps, steps);
    if (*reversed < 0)
        *reversed = timed && steps > 1 && first.t == steps - 1;
    for (int t = 0; t < f->steps; t++)
        for (int c = 0; c < f->chains; c++) {
            const int wanted = !timed ? first.t : *reversed ? steps - 1 - t : t;
            if (!find_spot(w, at(f, p, t, c), &own) || own.source != first.source ||
                own.k != first.k || own.n != c || own.t != wanted)
                return onnx_fail_symbol(w, at(f, p, t, c),
                                        "is read by step %d of a recurrence whose other steps read "
                                        "something else; each must read its own step of one "
                                        "sequence",
                                        t);
        }
    return 0;
}

// The rows of a source; of one step where they are not timed.
static const char *source_rows(struct onnx_written *w, int source, bool timed, int t) {
    const int64_t axis = 0;
    int steps;

    source_size(w, source, &steps);
    if (is_cell_state(w, source)) {
        const struct onnx_written_cell *cell = cell_of(w, source);
        if (timed || t != (cell->reversed ? 0 : steps - 1)) {
            w->graph->node = cell->node;
            onnx_fail(w->graph, "gives cell states of which others than the last one are used; "
                                "this version takes the cell state behind the last step");
            return NULL;
        }
        return cell->last_cell;
    }
    // Of a file of a single step its rows are those of every step; what a decoder gives is a state.
    if (w->as_state && !timed && source >= (int)w->s.base_count && steps == 1)
        return cell_of(w, source)->last;
    const char *rows =
        source >= (int)w->s.base_count ? cell_of(w, source)->rows : base_rows(w, source);
    if (timed || !rows)
        return rows;
    if (t != 0 && t != steps - 1) {
        w->graph->node = w->from;
        onnx_fail(w->graph,
                  "takes rows of step %d, counted from 0; this version takes those of "
                  "the last step, of the first one, or of every step",
                  t);
        return NULL;
    }
    const char *index = onnx_emit_index(w, t == steps - 1 ? -1 : t);
    return index ? onnx_emit_simple(w, "Gather", rows, index, NULL, "axis", &axis, 1) : NULL;
}

static int add_source(struct onnx_written *w, const struct onnx_family *f, int p, bool timed,
                      struct pieces *pieces, struct onnx_rows *rows) {
    struct spot first, own;
    int steps, reversed = pieces->known ? pieces->reversed : -1;

    find_spot(w, at(f, p, 0, 0), &first);
    const int width = source_size(w, first.source, &steps), before = pieces->width;
    if (steps == 1 || !timed)
        reversed = 0;
    for (int q = p; q < f->width; q++) {
        if (rows->column[q] != -2 || !find_spot(w, at(f, q, 0, 0), &own) ||
            own.source != first.source || (!timed && own.t != first.t))
            continue;
        if (check_column(w, f, q, timed, &reversed) != 0)
            return -1;
        rows->column[q] = before + own.k;
    }
    return add_piece(w, pieces, source_rows(w, first.source, timed, first.t), width, reversed > 0);
}

// ---- Linear layers of each step

static int function_of(const struct onnx_written *w, int32_t symbol) {
    const struct onnx_symbol *n = onnx_symbol(&w->s, symbol);

    return n->kind == SYMBOL_FUNCTION && onnx_function_name(n->c) && w->owner[symbol] < 0 ? n->c
                                                                                          : -1;
}

static bool form_of(const struct onnx_written *w, int32_t symbol, int function,
                    struct onnx_form *form) {
    struct onnx_terms terms;

    if (function >= 0)
        symbol = onnx_symbol(&w->s, symbol)->a;
    return onnx_expand(&w->s, w->stops, symbol, &terms) && onnx_form(&w->s, &terms, form);
}

// The columns of a family that end with the function, listed in `of`.
static int read_lines(struct onnx_written *w, const struct onnx_family *f, const int *of, int count,
                      int function, struct onnx_lines *lines) {
    struct onnx_form form;

    for (int site = 0; site < f->steps * f->chains; site++)
        for (int i = 0; i < count; i++) {
            const int32_t symbol = at(f, of[i], site / f->chains, site % f->chains);
            if (function_of(w, symbol) != function || !form_of(w, symbol, function, &form) ||
                (site > 0 && !onnx_lines_fit(lines, i, site, &form, false)))
                return onnx_fail_symbol(w, symbol,
                                        "gives what is no linear layer with a function behind it, "
                                        "or not the same one at all steps; this version takes such "
                                        "layers between and behind recurrences that are written "
                                        "out");
            if (site == 0 && onnx_lines_set(&w->s, lines, i, &form) != 0)
                return -1;
        }
    return onnx_lines_end(&w->s, lines);
}

// What the lines read, as a family; constants among it are left in the lines.
static int read_family(struct onnx_written *w, const struct onnx_family *f,
                       const struct onnx_lines *lines, struct onnx_family *in) {
    const size_t sites = (size_t)f->steps * (size_t)f->chains;

    *in = (struct onnx_family){lines->elements, f->steps, f->chains, NULL};
    in->symbol = malloc(((size_t)lines->elements * sites + 1) * sizeof *in->symbol);
    if (!in->symbol)
        return no_memory(w);
    for (int e = 0; e < lines->elements; e++)
        for (size_t site = 0; site < sites; site++)
            in->symbol[(size_t)e * sites + site] = onnx_lines_at(&w->s, lines, e, (int)site);
    for (size_t i = 0; i < (size_t)lines->elements * sites; i++)
        if (in->symbol[i] < 0)
            return onnx_fail_file(w->graph, "a layer that is written out for each step differs "
                                            "from step to step");
    return 0;
}

// As factors and offsets where each line reads its own column; false for others.
static bool is_diagonal(const struct onnx_rows *in, int count, const double *weights) {
    bool good = in->width == count;

    for (int k = 0; good && k < in->width; k++)
        for (int i = 0; good && i < count; i++)
            good = i == k || weights[k * count + i] == 0;
    return good;
}

static const char *emit_linear(struct onnx_written *w, const struct onnx_rows *in, int count,
                               const double *weights, const double *bias, int function) {
    const int64_t dims[2] = {in->width, count}, list = count;
    const char *rows = in->name;
    bool plain = true, one = true;

    if (is_diagonal(in, count, weights)) {
        double *factor = malloc((size_t)count * sizeof *factor);
        if (!factor) {
            no_memory(w);
            return NULL;
        }
        for (int i = 0; i < count; i++) {
            factor[i] = weights[i * count + i];
            one = one && factor[i] == 1;
        }
        const char *name = one ? NULL : onnx_emit_tensor(w, 1, &list, factor);
        free(factor);
        if (!one)
            rows = name ? onnx_emit_simple(w, "Mul", rows, name, NULL, NULL, NULL, 0) : NULL;
    } else {
        const char *name = onnx_emit_tensor(w, 2, dims, weights);
        rows = name ? onnx_emit_simple(w, "MatMul", rows, name, NULL, NULL, NULL, 0) : NULL;
    }
    for (int i = 0; i < count; i++)
        plain = plain && bias[i] == 0;
    if (!plain && rows) {
        const char *name = onnx_emit_tensor(w, 1, &list, bias);
        rows = name ? onnx_emit_simple(w, "Add", rows, name, NULL, NULL, NULL, 0) : NULL;
    }
    if (function == FUNCTION_HARD) {
        w->graph->node = w->from ? w->from : w->graph->node;
        onnx_fail_file(w->graph, "a hard sigmoid stands outside of the gates of a cell, which this "
                                 "version does not support");
        return NULL;
    }
    if (function >= 0 && rows)
        rows = onnx_emit_simple(w, onnx_function_name(function), rows, NULL, NULL, NULL, NULL, 0);
    return rows;
}

static int emit_lines(struct onnx_written *w, const struct onnx_lines *lines,
                      const struct onnx_rows *in, int function, const char **name) {
    const size_t count = (size_t)lines->count;
    double *weights = calloc((size_t)in->width * count + 1, sizeof *weights);
    double *bias = calloc(count + 1, sizeof *bias);

    *name = NULL;
    for (int i = 0; weights && bias && i < lines->count; i++) {
        bias[i] = lines->form[i].constant;
        for (int e = 0; e < lines->elements; e++) {
            const double number = onnx_lines_weight(&w->s, lines, i, e);
            if (in->column[e] >= 0)
                weights[(size_t)in->column[e] * count + (size_t)i] += number;
            else
                bias[i] += number * in->constant[e];
        }
    }
    if (weights && bias)
        *name = emit_linear(w, in, lines->count, weights, bias, function);
    else
        no_memory(w);
    free(weights);
    free(bias);
    return *name ? 0 : -1;
}

// Columns that are no elements of a source: all that end with the same function.
static int add_layer(struct onnx_written *w, const struct onnx_family *f, int p, bool timed,
                     struct pieces *pieces, struct onnx_rows *rows) {
    const int function = function_of(w, at(f, p, 0, 0));
    struct onnx_lines lines = {0};
    struct onnx_family read = {0};
    struct onnx_rows in = {0};
    const char *name = NULL;
    struct spot spot;
    int count = 0, result = -1;
    int *of = malloc((size_t)f->width * sizeof *of);

    if (!of)
        return no_memory(w);
    for (int q = p; q < f->width; q++)
        if (rows->column[q] == -2 && !find_spot(w, at(f, q, 0, 0), &spot) &&
            onnx_symbol(&w->s, at(f, q, 0, 0))->kind != SYMBOL_CONSTANT &&
            function_of(w, at(f, q, 0, 0)) == function) {
            rows->column[q] = pieces->width + count;
            of[count++] = q;
        }
    if (++w->nested > MOST_NESTED)
        onnx_fail_symbol(w, at(f, p, 0, 0), "stands behind more layers than this version follows");
    else if (onnx_lines_create(&w->s, &lines, count, f->steps * f->chains, 0) == 0 &&
             read_lines(w, f, of, count, function, &lines) == 0 &&
             read_family(w, f, &lines, &read) == 0 && onnx_find_rows(w, &read, timed, &in) == 0 &&
             emit_lines(w, &lines, &in, function, &name) == 0)
        result = add_piece(w, pieces, name, count, in.reversed);
    w->nested--;
    onnx_lines_free(&lines);
    onnx_rows_free(&in);
    free(read.symbol);
    free(of);
    return result;
}

// ---- Families

static int find_constant(struct onnx_written *w, const struct onnx_family *f, int p,
                         struct onnx_rows *rows) {
    for (int t = 0; t < f->steps; t++)
        for (int c = 0; c < f->chains; c++)
            if (at(f, p, t, c) != at(f, p, 0, 0))
                return fail_input(w, at(f, p, t, c));
    rows->column[p] = -1;
    rows->constant[p] = onnx_symbol(&w->s, at(f, p, 0, 0))->value;
    return 0;
}

int onnx_find_rows(struct onnx_written *w, const struct onnx_family *f, bool timed,
                   struct onnx_rows *rows) {
    struct pieces pieces = {0};
    const int64_t last = -1;
    struct spot spot;
    int result = 0;

    *rows = (struct onnx_rows){.column = malloc(((size_t)f->width + 1) * sizeof *rows->column),
                               .constant = calloc((size_t)f->width + 1, sizeof *rows->constant)};
    if (!rows->column || !rows->constant)
        return no_memory(w);
    for (int p = 0; p < f->width; p++)
        rows->column[p] = -2;
    for (int p = 0; result == 0 && p < f->width; p++) {
        const struct onnx_symbol *n = onnx_symbol(&w->s, at(f, p, 0, 0));
        if (rows->column[p] != -2)
            continue;
        const int owner = w->owner[at(f, p, 0, 0)];
        if (owner >= 0)
            result = onnx_emit_cell(w, w->cells[owner / 2]);
        else if (n->kind == SYMBOL_ATOM && !w->roles[n->a].known)
            result = find_roles(w, f, p);
        if (result != 0)
            break;
        if (n->kind == SYMBOL_CONSTANT)
            result = find_constant(w, f, p, rows);
        else if (find_spot(w, at(f, p, 0, 0), &spot))
            result = add_source(w, f, p, timed, &pieces, rows);
        else
            result = add_layer(w, f, p, timed, &pieces, rows);
    }
    if (result == 0 && pieces.count == 0)
        result = onnx_fail_file(w->graph, "a recurrence reads nothing but constants");
    if (result == 0) {
        const char *name = pieces.count == 1 ? NULL : onnx_new_name(w);
        rows->name = pieces.name[0];
        if (pieces.count > 1) {
            Onnx__NodeProto *node =
                onnx_emit_node(w, "Concat", pieces.name, (size_t)pieces.count, &name, 1);
            rows->name = name;
            result = onnx_emit_int(w, node, "axis", last);
        }
        rows->width = pieces.width;
        rows->reversed = pieces.reversed;
    }
    free(pieces.name);
    return result;
}

const char *onnx_exact_rows(struct onnx_written *w, const struct onnx_family *f, bool timed,
                            bool *reversed) {
    struct onnx_rows rows;
    const char *name = NULL;

    if (onnx_find_rows(w, f, timed, &rows) == 0) {
        bool exact = rows.width == f->width;
        *reversed = rows.reversed;
        name = rows.name;
        for (int p = 0; p < f->width; p++)
            exact = exact && rows.column[p] == p;
        if (!exact) { // a layer that chooses
            double *weights = calloc((size_t)rows.width * (size_t)f->width, sizeof *weights);
            for (int p = 0; weights && p < f->width; p++)
                if (rows.column[p] >= 0)
                    weights[(size_t)rows.column[p] * (size_t)f->width + (size_t)p] = 1;
            name = weights ? emit_linear(w, &rows, f->width, weights, rows.constant, -1) : NULL;
            if (!weights)
                no_memory(w);
            free(weights);
        }
    }
    onnx_rows_free(&rows);
    return name;
}
