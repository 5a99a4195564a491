// SPDX-License-Identifier: Apache-2.0
// Sums of products and linear forms of symbols (onnx_terms.h).
#include "onnx_terms.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool onnx_near(double a, double b) {
    return fabs(a - b) <= 1e-6 * fmax(1, fmax(fabs(a), fabs(b)));
}

static bool add_term(struct onnx_terms *t, const struct onnx_term *term) {
    for (int i = 0; i < t->count; i++) {
        struct onnx_term *own = &t->term[i];
        if (own->count != term->count ||
            memcmp(own->factor, term->factor, (size_t)term->count * sizeof *term->factor) != 0)
            continue;
        own->number += term->number;
        if (own->number == 0)
            *own = t->term[--t->count];
        return true;
    }
    if (term->number == 0)
        return true;
    if (t->count == ONNX_TERMS)
        return false;
    t->term[t->count++] = *term;
    return true;
}

static bool multiply(const struct onnx_term *a, const struct onnx_term *b,
                     struct onnx_term *product) {
    int i = 0, k = 0;

    if (a->count + b->count > ONNX_FACTORS)
        return false;
    product->number = a->number * b->number;
    product->count = a->count + b->count;
    for (int n = 0; n < product->count; n++)
        product->factor[n] = k == b->count || (i < a->count && a->factor[i] <= b->factor[k])
                                 ? a->factor[i++]
                                 : b->factor[k++];
    return true;
}

// visits: that are left.
static bool expand(const struct onnx_symbols *s, const uint8_t *stops, int32_t symbol,
                   struct onnx_terms *terms, int *visits) {
    const struct onnx_symbol *n = onnx_symbol(s, symbol);
    struct onnx_terms a, b;

    terms->count = 0;
    if (--*visits < 0)
        return false;
    if (n->kind == SYMBOL_CONSTANT)
        return add_term(terms, &(struct onnx_term){.number = n->value});
    if ((n->kind != SYMBOL_SUM && n->kind != SYMBOL_PRODUCT) || (stops && stops[symbol]))
        return add_term(terms, &(struct onnx_term){1, 1, {symbol}});
    if (!expand(s, stops, n->a, &a, visits) || !expand(s, stops, n->b, &b, visits))
        return false;
    for (int i = 0; i < a.count; i++) {
        struct onnx_term product;
        if (n->kind == SYMBOL_SUM) {
            if (!add_term(terms, &a.term[i]))
                return false;
            continue;
        }
        for (int k = 0; k < b.count; k++)
            if (!multiply(&a.term[i], &b.term[k], &product) || !add_term(terms, &product))
                return false;
    }
    for (int k = 0; n->kind == SYMBOL_SUM && k < b.count; k++)
        if (!add_term(terms, &b.term[k]))
            return false;
    return true;
}

bool onnx_expand(const struct onnx_symbols *s, const uint8_t *stops, int32_t symbol,
                 struct onnx_terms *terms) {
    int visits = 64;

    return expand(s, stops, symbol, terms, &visits);
}

// ---- Linear forms

// Is it what a matrix makes of a start of 0 that is made with a projection at the other steps?
static bool is_zero_start(const struct onnx_symbols *s, const struct onnx_symbol *n) {
    if (n->kind != SYMBOL_LINEAR || !n->known || n->value != 0)
        return false;
    for (size_t i = 0; i < s->composed_count; i++)
        if (s->composed[i].second == n->b)
            return true;
    return false;
}

static bool before(const struct onnx_piece *a, const struct onnx_piece *b) {
    if (a->matrix != b->matrix)
        return a->matrix < b->matrix;
    return a->column != b->column ? a->column < b->column : a->of < b->of;
}

bool onnx_form(const struct onnx_symbols *s, const struct onnx_terms *terms,
               struct onnx_form *form) {
    form->constant = 0;
    form->count = 0;
    for (int i = 0; i < terms->count; i++) {
        const struct onnx_term *t = &terms->term[i];
        if (t->count == 0) {
            form->constant += t->number;
            continue;
        }
        if (t->count > 1 || form->count == ONNX_PIECES)
            return false;
        const struct onnx_symbol *n = onnx_symbol(s, t->factor[0]);
        if (is_zero_start(s, n))
            continue;
        struct onnx_piece piece = {t->number, -1, 0, t->factor[0]};
        if (n->kind == SYMBOL_LINEAR)
            piece = (struct onnx_piece){t->number, n->b, n->c, n->a};
        int at = form->count++;
        for (; at > 0 && before(&piece, &form->piece[at - 1]); at--)
            form->piece[at] = form->piece[at - 1];
        form->piece[at] = piece;
    }
    return true;
}

void onnx_form_scale(struct onnx_form *form, double factor) {
    form->constant *= factor;
    for (int i = 0; i < form->count; i++)
        form->piece[i].number *= factor;
}

// ---- Lines

static int no_memory(struct onnx_symbols *s) {
    return onnx_fail_file(s->graph, "needs more memory than there is");
}

int onnx_lines_create(struct onnx_symbols *s, struct onnx_lines *lines, int count, int sites,
                      int reference) {
    *lines = (struct onnx_lines){.count = count, .sites = sites, .reference = reference};
    lines->form = calloc((size_t)count + 1, sizeof *lines->form);
    lines->slot = calloc((size_t)count * ONNX_PIECES + 1, sizeof *lines->slot);
    lines->given = calloc((size_t)count + 1, sizeof *lines->given);
    return lines->form && lines->slot && lines->given ? 0 : no_memory(s);
}

void onnx_lines_free(struct onnx_lines *lines) {
    free(lines->form);
    free(lines->slot);
    free(lines->given);
    free(lines->is_row);
    free(lines->first);
    free(lines->read);
    free(lines->element);
    memset(lines, 0, sizeof *lines);
}

static bool widen(struct onnx_lines *lines) {
    const int limit = 2 * lines->slot_limit + 16;
    bool *rows = realloc(lines->is_row, (size_t)limit * sizeof *rows);

    if (rows)
        lines->is_row = rows;
    int32_t *first = realloc(lines->first, (size_t)limit * sizeof *first);
    if (first)
        lines->first = first;
    if (rows && first)
        lines->slot_limit = limit;
    return rows && first;
}

int onnx_lines_set(struct onnx_symbols *s, struct onnx_lines *lines, int line,
                   const struct onnx_form *form) {
    lines->form[line] = *form;
    lines->given[line] = true;
    for (int i = 0; i < form->count; i++) {
        const struct onnx_piece *p = &form->piece[i];
        int slot = lines->slots;
        // Single symbols are many, and each line's own: the last ones are looked at first.
        while (slot-- > 0 &&
               (lines->first[slot] != p->of || lines->is_row[slot] != (p->matrix >= 0)))
            ;
        if (slot < 0) {
            if (lines->slots == lines->slot_limit && !widen(lines))
                return no_memory(s);
            slot = lines->slots++;
            lines->first[slot] = p->of;
            lines->is_row[slot] = p->matrix >= 0;
        }
        lines->slot[line * ONNX_PIECES + i] = slot;
    }
    return 0;
}

// Room for what the sites read.
static bool start_sites(struct onnx_lines *lines) {
    const size_t count = (size_t)lines->sites * (size_t)(lines->slots + 1);

    if (lines->read)
        return true;
    lines->read = malloc(count * sizeof *lines->read);
    if (!lines->read)
        return false;
    for (size_t i = 0; i < count; i++)
        lines->read[i] = -1;
    for (int k = 0; k < lines->slots; k++)
        lines->read[(size_t)lines->reference * (size_t)lines->slots + (size_t)k] = lines->first[k];
    return true;
}

bool onnx_lines_fit(struct onnx_lines *lines, int line, int site, const struct onnx_form *form,
                    bool partly) {
    const struct onnx_form *own = &lines->form[line];
    int at = 0;

    if (!start_sites(lines))
        return false;
    int32_t *read = lines->read + (size_t)site * (size_t)lines->slots;
    for (int i = 0; i < own->count; i++) {
        const struct onnx_piece *p = &own->piece[i], *q = &form->piece[at];
        const bool same = at < form->count && q->matrix == p->matrix &&
                          (p->matrix < 0 || q->column == p->column) &&
                          onnx_near(q->number, p->number);
        if (!same && partly)
            continue;
        int32_t *to = &read[lines->slot[line * ONNX_PIECES + i]];
        if (!same || (*to >= 0 && *to != q->of))
            return false;
        *to = q->of;
        at++;
    }
    return at == form->count && onnx_near(own->constant, form->constant);
}

int onnx_lines_end(struct onnx_symbols *s, struct onnx_lines *lines) {
    size_t count = 0;

    if (!start_sites(lines))
        return no_memory(s);
    for (int k = 0; k < lines->slots; k++)
        count += lines->is_row[k] ? (size_t)s->rows[lines->first[k]].count : 1;
    if (count > INT32_MAX)
        return no_memory(s);
    free(lines->element);
    lines->elements = 0;
    lines->element = malloc((count + 1) * sizeof *lines->element);
    if (!lines->element)
        return no_memory(s);
    for (int k = 0; k < lines->slots; k++) {
        const int own = lines->is_row[k] ? s->rows[lines->first[k]].count : 1;
        for (int i = 0; i < own; i++)
            lines->element[lines->elements++] = (struct onnx_element){k, i};
    }
    return 0;
}

int32_t onnx_lines_at(const struct onnx_symbols *s, const struct onnx_lines *lines, int element,
                      int site) {
    const struct onnx_element *e = &lines->element[element];
    const int32_t of = lines->read[(size_t)site * (size_t)lines->slots + (size_t)e->slot];

    if (of < 0 || !lines->is_row[e->slot])
        return of;
    return e->place < s->rows[of].count ? onnx_row_of(s, of)[e->place] : -1;
}

double onnx_lines_weight(const struct onnx_symbols *s, const struct onnx_lines *lines, int line,
                         int element) {
    const struct onnx_form *form = &lines->form[line];
    const struct onnx_element *e = &lines->element[element];
    double sum = 0;

    for (int i = 0; i < form->count; i++) {
        const struct onnx_piece *p = &form->piece[i];
        if (lines->slot[line * ONNX_PIECES + i] == e->slot)
            sum +=
                p->number * (p->matrix < 0 ? 1
                                           : onnx_matrix_at(&s->matrices[p->matrix],
                                                            (size_t)e->place, (size_t)p->column));
    }
    return sum;
}
