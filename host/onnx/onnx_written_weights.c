// SPDX-License-Identifier: Apache-2.0
// The weights of a cell that a file writes out (onnx_written.h): the gates of each unit are linear
// forms of what it reads and of the state before, the same ones at each step of each sequence.
#include "onnx_written.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int onnx_fail_symbol(struct onnx_written *w, int32_t symbol, const char *format, ...) {
    const Onnx__NodeProto *const kept = w->graph->node;
    const Onnx__NodeProto *node = onnx_symbol(&w->s, symbol)->node;
    char text[600];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (onnx_symbol(&w->s, symbol)->kind == SYMBOL_ATOM)
        return onnx_fail_file(w->graph, "'%.100s' %s",
                              w->graph->names[w->s.bases[onnx_symbol(&w->s, symbol)->a].value],
                              text);
    if (!node)
        return onnx_fail_file(w->graph, "a value %s", text);
    w->graph->node = node;
    onnx_fail(w->graph, "%s", text);
    w->graph->node = kept;
    return -1;
}

void onnx_cell_free(struct onnx_written_cell *cell) {
    if (!cell)
        return;
    free(cell->h);
    free(cell->c);
    free(cell->unit);
    free(cell->before);
    free(cell->x);
    free(cell->w);
    free(cell->r);
    free(cell->b);
    free(cell->p);
    for (int k = 0; k < 2; k++) {
        free(cell->start[k]);
        free(cell->start_symbol[k]);
    }
    free(cell);
}

// While weights are read.
struct reading {
    struct onnx_written *w;
    struct onnx_written_cell *cell;
    struct onnx_lines lines;
    int gates, t, c; // of which step and sequence
};

static size_t at(const struct onnx_written_cell *cell, int c, int t, int k) {
    return ((size_t)c * (size_t)cell->steps + (size_t)t) * (size_t)cell->units + (size_t)k;
}

static int32_t last_symbol(const struct reading *r, int k) {
    return r->cell->h[at(r->cell, r->c, r->t, k)];
}

static int differs(struct reading *r, int k) {
    return onnx_fail_symbol(r->w, last_symbol(r, k),
                            "gives a state of step %d that is not made as that of the other steps; "
                            "all steps must be the same cell with the same weights, each reading "
                            "its step of the input and the state before it",
                            r->t);
}

static int no_memory(struct onnx_written *w) {
    return onnx_fail_file(w->graph, "needs more memory than there is");
}

// Marks the states before the step, or takes the marks away.
static void mark(struct reading *r, bool set) {
    const struct onnx_written_cell *cell = r->cell;
    const struct onnx_written *w = r->w;

    for (int k = 0; k < cell->units; k++) {
        const size_t own = at(cell, r->c, r->t, k);
        if (cell->c)
            w->stops[cell->c[own]] = set;
        const int32_t h =
            r->t > 0 ? cell->h[at(cell, r->c, r->t - 1, k)] : cell->before[r->c * cell->units + k];
        if (h >= 0 && onnx_symbol(&w->s, h)->kind != SYMBOL_CONSTANT) {
            w->stops[h] = set || w->owner[h] >= 0;
            w->unit_of[h] = set ? k : -1;
        }
        if (cell->c && r->t > 0)
            w->stops[cell->c[at(cell, r->c, r->t - 1, k)]] = set;
    }
}

// ---- Forms

static bool is_gate(const struct onnx_symbols *s, int32_t symbol) {
    const struct onnx_symbol *n = onnx_symbol(s, symbol);

    return n->kind == SYMBOL_FUNCTION && (n->c == FUNCTION_SIGMOID || n->c == FUNCTION_HARD);
}

// Takes the terms with a gate out of others; *gate: -1 for none. False where there are two gates.
static bool take_gated(const struct onnx_symbols *s, struct onnx_terms *terms,
                       struct onnx_terms *gated, int32_t *gate) {
    int kept = 0;

    gated->count = 0;
    *gate = -1;
    for (int i = 0; i < terms->count; i++) {
        struct onnx_term t = terms->term[i];
        int k = 0;
        while (k < t.count && !is_gate(s, t.factor[k]))
            k++;
        if (k == t.count) {
            terms->term[kept++] = t;
            continue;
        }
        if (*gate >= 0 && *gate != t.factor[k])
            return false;
        *gate = t.factor[k];
        memmove(t.factor + k, t.factor + k + 1, (size_t)(--t.count - k) * sizeof *t.factor);
        gated->term[gated->count++] = t;
    }
    terms->count = kept;
    return true;
}

static void set_reset(const struct reading *r, int unit, int32_t gate, bool turned) {
    struct onnx_unit *u = &r->cell->unit[at(r->cell, r->c, r->t, unit)];
    const struct onnx_symbol *n = onnx_symbol(&r->w->s, gate);

    u->gate[1].known = true;
    u->gate[1].turned = turned;
    u->gate[1].argument = n->a;
    if (u->function[0] >= 0 && u->function[0] != n->c)
        u->function[0] = FUNCTIONS;
}

// An element that is the reset gate of a unit times its state: the unit; -1 for others.
static int reset_of(const struct reading *r, int32_t symbol, int32_t *gate, bool *turned) {
    const struct onnx_written *w = r->w;
    struct onnx_terms terms, gated;

    if (onnx_symbol(&w->s, symbol)->kind == SYMBOL_ATOM || w->unit_of[symbol] >= 0 ||
        !onnx_expand(&w->s, w->stops, symbol, &terms) || !take_gated(&w->s, &terms, &gated, gate) ||
        gated.count != 1 || gated.term[0].count != 1 || terms.count > 1)
        return -1;
    const int32_t state = gated.term[0].factor[0];
    *turned = terms.count == 1; // h - r h
    if (*turned ? terms.term[0].count != 1 || terms.term[0].factor[0] != state ||
                      !onnx_near(terms.term[0].number, 1) || !onnx_near(gated.term[0].number, -1)
                : !onnx_near(gated.term[0].number, 1))
        return -1;
    return w->unit_of[state];
}

// The reset gates of units whose states they weigh before a product.
static void find_resets(struct reading *r, const struct onnx_form *form) {
    const struct onnx_symbols *s = &r->w->s;

    for (int i = 0; i < form->count; i++) {
        const struct onnx_piece *p = &form->piece[i];
        for (int32_t k = 0; p->matrix >= 0 && k < s->rows[p->of].count; k++) {
            int32_t gate;
            bool turned;
            const int unit = reset_of(r, onnx_row_of(s, p->of)[k], &gate, &turned);
            if (unit >= 0)
                set_reset(r, unit, gate, turned);
        }
    }
}

// The candidate of a GRU: what the reset gate weighs goes to a line of its own.
static bool candidate(struct reading *r, int k, const struct onnx_unit *u, struct onnx_form *form,
                      struct onnx_form *gated_form) {
    const struct onnx_symbols *s = &r->w->s;
    struct onnx_terms terms, gated;
    int32_t gate;

    if (!onnx_expand(s, r->w->stops, u->gate[2].argument, &terms) ||
        !take_gated(s, &terms, &gated, &gate) || !onnx_form(s, &terms, form) ||
        !onnx_form(s, &gated, gated_form))
        return false;
    if (gate >= 0)
        set_reset(r, k, gate, false);
    else if (k == 0)
        find_resets(r, form);
    return true;
}

static bool form_of(struct reading *r, const struct onnx_unit *u, int gate,
                    struct onnx_form *form) {
    struct onnx_terms terms;

    if (!onnx_expand(&r->w->s, r->w->stops, u->gate[gate].argument, &terms) ||
        !onnx_form(&r->w->s, &terms, form))
        return false;
    if (u->gate[gate].turned) {
        onnx_form_scale(form, -1);
        form->constant += u->function[0] == FUNCTION_HARD;
    }
    return true;
}

static int put_line(struct reading *r, int line, int k, const struct onnx_form *form,
                    bool reference) {
    const int site = r->t * r->cell->chains + r->c;

    if (reference)
        return onnx_lines_set(&r->w->s, &r->lines, line, form);
    return onnx_lines_fit(&r->lines, line, site, form, r->t == 0) ? 0 : differs(r, k);
}

// All lines at a step of a sequence.
static int read_site(struct reading *r, bool reference) {
    struct onnx_written_cell *cell = r->cell;
    const bool gru = cell->kind == WRITTEN_GRU;
    const int n = cell->units;

    for (int k = 0; gru && k < n; k++) { // which finds the reset gates too
        const struct onnx_unit *u = &cell->unit[at(cell, r->c, r->t, k)];
        struct onnx_form form, gated;
        if (!candidate(r, k, u, &form, &gated))
            return differs(r, k);
        if (reference && k == 0)
            cell->linear_before_reset = gated.count > 0 || gated.constant != 0;
        if (put_line(r, 2 * n + k, k, &form, reference) != 0 ||
            ((cell->linear_before_reset || gated.count > 0) &&
             put_line(r, 3 * n + k, k, &gated, reference) != 0))
            return -1;
    }
    for (int k = 0; k < n; k++) {
        const struct onnx_unit *u = &cell->unit[at(cell, r->c, r->t, k)];
        if (u->kind != cell->kind)
            return differs(r, k);
        for (int g = 0; g < r->gates; g++) {
            struct onnx_form form;
            if ((gru && g == 2) || (!u->gate[g].known && r->t == 0 && !reference))
                continue;
            if (!u->gate[g].known)
                return onnx_fail_symbol(r->w, last_symbol(r, k),
                                        "gives a unit of a GRU without a reset gate; this version "
                                        "takes the cells LSTM, GRU and RNN");
            if (!form_of(r, u, g, &form))
                return differs(r, k);
            if (put_line(r, g * n + k, k, &form, reference) != 0)
                return -1;
        }
        for (int i = 0; i < 3; i++) {
            if (u->function[i] == FUNCTIONS)
                return onnx_fail_symbol(r->w, last_symbol(r, k),
                                        "gives a state whose gates have different functions");
            if (reference && k == 0)
                cell->function[i] = u->function[i];
            if (u->function[i] >= 0 && cell->function[i] >= 0 &&
                u->function[i] != cell->function[i])
                return differs(r, k);
        }
    }
    return 0;
}

static int read_sites(struct reading *r) {
    const int reference = r->cell->steps > 1 ? 1 : 0;

    for (int i = -1; i < r->cell->steps * r->cell->chains; i++) {
        r->t = i < 0 ? reference : i / r->cell->chains;
        r->c = i < 0 ? 0 : i % r->cell->chains;
        if (i >= 0 && r->t == reference && r->c == 0)
            continue;
        mark(r, true);
        int result = read_site(r, i < 0);
        mark(r, false);
        if (result != 0)
            return -1;
    }
    return 0;
}

// ---- Elements

// What an element is at the reference.
struct element {
    enum { CONSTANT, STATE, RESET, PEEPHOLE, INPUT } what;
    int index; // unit, or input
};

// An element is the same at all sites: what one reads in the place of another.
static int check_input(struct reading *r, int e, int32_t symbol, int *index) {
    struct onnx_written_cell *cell = r->cell;
    const int sites = cell->steps * cell->chains;
    const bool added = r->w->x_of[symbol] < 0;

    if (added)
        r->w->x_of[symbol] = cell->inputs++;
    *index = r->w->x_of[symbol];
    for (int site = 0; site < sites; site++) {
        const int32_t own = onnx_lines_at(&r->w->s, &r->lines, e, site);
        int32_t *to = &cell->x[(size_t)*index * (size_t)sites + (size_t)site];
        if (added)
            *to = own;
        if (own < 0 || *to != own) {
            r->t = site / cell->chains;
            r->c = site % cell->chains;
            return differs(r, 0);
        }
    }
    return 0;
}

// The state before is, at all steps, what stands there; before the first step it is the start.
static int check_state(struct reading *r, int e, int unit) {
    struct onnx_written_cell *cell = r->cell;

    for (int site = 0; site < cell->steps * cell->chains; site++) {
        const int32_t symbol = onnx_lines_at(&r->w->s, &r->lines, e, site);
        r->t = site / cell->chains;
        r->c = site % cell->chains;
        if (r->t > 0 && symbol != cell->h[at(cell, r->c, r->t - 1, unit)])
            return differs(r, unit);
        if (r->t > 0 || symbol < 0)
            continue;
        const size_t to = (size_t)r->c * (size_t)cell->units + (size_t)unit;
        const struct onnx_symbol *n = onnx_symbol(&r->w->s, symbol);
        if (n->known)
            cell->start[0][to] = n->value;
        else
            cell->start_symbol[0][to] = symbol;
    }
    return 0;
}

static int check_constant(struct reading *r, int e, int32_t symbol) {
    struct onnx_written_cell *cell = r->cell;

    for (int site = 0; site < cell->steps * cell->chains; site++) {
        r->t = site / cell->chains;
        r->c = site % cell->chains;
        const int32_t own = onnx_lines_at(&r->w->s, &r->lines, e, site);
        if (own != symbol && !(own < 0 && r->t == 0))
            return differs(r, 0);
    }
    return 0;
}

static int sort_element(struct reading *r, int e, struct element *to) {
    struct onnx_written_cell *cell = r->cell;
    const int32_t symbol = onnx_lines_at(&r->w->s, &r->lines, e, r->lines.reference);
    const int t = r->t;
    int32_t gate;
    bool turned;
    int result;

    to->index = -1;
    if (onnx_symbol(&r->w->s, symbol)->kind == SYMBOL_CONSTANT) {
        to->what = CONSTANT;
        result = check_constant(r, e, symbol);
    } else if ((to->index = r->w->unit_of[symbol]) >= 0) {
        to->what = STATE;
        result = check_state(r, e, to->index);
    } else if (cell->kind == WRITTEN_GRU && !cell->linear_before_reset &&
               (to->index = reset_of(r, symbol, &gate, &turned)) >= 0) {
        to->what = RESET;
        return 0;
    } else {
        for (int k = 0; cell->c && k < cell->units; k++)
            if (symbol == cell->c[at(cell, 0, t, k)] ||
                (t > 0 && symbol == cell->c[at(cell, 0, t - 1, k)]))
                to->index = k;
        to->what = to->index >= 0 ? PEEPHOLE : INPUT;
        result = to->index >= 0 ? 0 : check_input(r, e, symbol, &to->index);
    }
    r->t = t;
    r->c = 0;
    return result;
}

// Puts the number with which a line takes an element where it belongs; false where it has no place.
static bool put_weight(struct reading *r, int line, const struct element *e, int32_t symbol,
                       double number) {
    struct onnx_written_cell *cell = r->cell;
    const size_t n = (size_t)cell->units, k = (size_t)line % n, rows = (size_t)r->gates * n;
    const bool gru = cell->kind == WRITTEN_GRU, of_h = (size_t)line >= rows;
    const size_t row = of_h ? 2 * n + k : (size_t)line;
    const bool made = gru && row >= 2 * n; // the candidate

    switch (e->what) {
    case CONSTANT:
        cell->b[row + (of_h ? rows : 0)] += number * onnx_symbol(&r->w->s, symbol)->value;
        return true;
    case INPUT:
        cell->w[row * (size_t)cell->inputs + (size_t)e->index] += of_h ? 0 : number;
        return !of_h;
    case PEEPHOLE:
        cell->p[row] += number;
        cell->peepholes = true;
        return (size_t)e->index == k && row < 3 * n;
    default:
        cell->r[row * n + (size_t)e->index] += number;
        return made ? (e->what == RESET ? !cell->linear_before_reset : of_h) : e->what == STATE;
    }
}

static int take_weights(struct reading *r, const struct element *list) {
    struct onnx_written_cell *cell = r->cell;
    const size_t n = (size_t)cell->units, rows = (size_t)r->gates * n;

    cell->w = calloc(rows * (size_t)cell->inputs + 1, sizeof *cell->w);
    cell->r = calloc(rows * n, sizeof *cell->r);
    cell->b = calloc(2 * rows, sizeof *cell->b);
    cell->p = calloc(rows, sizeof *cell->p);
    if (!cell->w || !cell->r || !cell->b || !cell->p)
        return no_memory(r->w);
    for (int line = 0; line < r->lines.count; line++) {
        const size_t of_h = (size_t)line >= rows;
        cell->b[of_h ? rows + 2 * n + (size_t)line % n : (size_t)line] +=
            r->lines.form[line].constant;
        for (int e = 0; e < r->lines.elements; e++) {
            const double number = onnx_lines_weight(&r->w->s, &r->lines, line, e);
            const int32_t symbol = onnx_lines_at(&r->w->s, &r->lines, e, r->lines.reference);
            if (number != 0 && !put_weight(r, line, &list[e], symbol, number))
                return onnx_fail_symbol(r->w, last_symbol(r, line % cell->units),
                                        "gives a unit whose gates read the states in another way "
                                        "than those of an LSTM, GRU or RNN");
        }
    }
    return 0;
}

// The matrices of its products are its own, not those of another recurrence.
static void explain(struct reading *r) {
    for (int line = 0; line < r->lines.count; line++)
        for (int i = 0; i < r->lines.form[line].count; i++)
            if (r->lines.form[line].piece[i].matrix >= 0)
                r->w->explained[r->lines.form[line].piece[i].matrix] = true;
}

static int read_elements(struct reading *r) {
    struct onnx_written_cell *cell = r->cell;
    const size_t sites = (size_t)cell->steps * (size_t)cell->chains;

    if (onnx_lines_end(&r->w->s, &r->lines) != 0)
        return -1;
    struct element *list = calloc((size_t)r->lines.elements + 1, sizeof *list);
    cell->x = calloc((size_t)r->lines.elements * sites + 1, sizeof *cell->x);
    int result = list && cell->x ? 0 : no_memory(r->w);
    r->t = cell->steps > 1 ? 1 : 0;
    r->c = 0;
    mark(r, true);
    for (int e = 0; result == 0 && e < r->lines.elements; e++)
        result = sort_element(r, e, &list[e]);
    if (result == 0)
        result = take_weights(r, list);
    r->t = cell->steps > 1 ? 1 : 0;
    r->c = 0;
    mark(r, false);
    for (int e = 0; e < r->lines.elements; e++)
        r->w->x_of[onnx_lines_at(&r->w->s, &r->lines, e, r->lines.reference)] = -1;
    free(list);
    return result;
}

// Of cell states, and of what h weighs where no product reads it.
static void read_starts(struct reading *r) {
    struct onnx_written_cell *cell = r->cell;

    for (int c = 0; c < cell->chains; c++)
        for (int k = 0; k < cell->units; k++) {
            const struct onnx_unit *u = &cell->unit[at(cell, c, 0, k)];
            const size_t to = (size_t)c * (size_t)cell->units + (size_t)k;
            const int which = cell->kind == WRITTEN_LSTM ? 1 : 0;
            if (u->before >= 0)
                cell->start_symbol[which][to] = u->before;
            else if (u->start != 0)
                cell->start[which][to] = u->start;
        }
}

int onnx_read_weights(struct onnx_written *w, struct onnx_written_cell *cell) {
    struct reading r = {.w = w, .cell = cell};
    const size_t starts = (size_t)cell->chains * (size_t)cell->units;

    r.gates = cell->kind == WRITTEN_LSTM ? 4 : cell->kind == WRITTEN_GRU ? 3 : 1;
    for (int k = 0; k < 2; k++) {
        cell->start[k] = calloc(starts, sizeof *cell->start[k]);
        cell->start_symbol[k] = malloc(starts * sizeof *cell->start_symbol[k]);
        if (!cell->start[k] || !cell->start_symbol[k])
            return no_memory(w);
        for (size_t i = 0; i < starts; i++)
            cell->start_symbol[k][i] = -1;
    }
    int result =
        onnx_lines_create(&w->s, &r.lines, (r.gates + (cell->kind == WRITTEN_GRU)) * cell->units,
                          cell->steps * cell->chains, cell->steps > 1 ? cell->chains : 0);
    if (result == 0)
        result = read_sites(&r);
    if (result == 0) {
        explain(&r);
        result = read_elements(&r);
    }
    if (result == 0)
        read_starts(&r);
    onnx_lines_free(&r.lines);
    return result;
}
