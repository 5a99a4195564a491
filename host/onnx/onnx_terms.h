// SPDX-License-Identifier: Apache-2.0
// Symbols multiplied out: sums of products, linear forms, and lines of linear forms that are the
// same for several sites, which are the steps and sequences for which a file has written them out.
#ifndef MR_ONNX_TERMS_H
#define MR_ONNX_TERMS_H

#include "onnx_symbols.h"

enum { ONNX_FACTORS = 3, ONNX_TERMS = 24, ONNX_PIECES = 12 };

// A coefficient times so many symbols, in ascending order.
struct onnx_term {
    double number;
    int count;
    int32_t factor[ONNX_FACTORS];
};

struct onnx_terms {
    int count;
    struct onnx_term term[ONNX_TERMS];
};

// Products of what is not looked into: atoms, products with matrices, functions, and symbols that
// are marked in stops, [symbols] or NULL. False where they are too many.
bool onnx_expand(const struct onnx_symbols *s, const uint8_t *stops, int32_t symbol,
                 struct onnx_terms *terms);
// Is it this number, but for how arithmetic rounds?
bool onnx_near(double a, double b);

// A constant and multiples of elements: of a row with a column of a matrix, or of a single symbol
// (matrix -1).
struct onnx_form {
    double constant;
    int count;
    struct onnx_piece {
        double number;
        int32_t matrix, column, of; // row, or symbol
    } piece[ONNX_PIECES];
};

// False where it is no linear form.
bool onnx_form(const struct onnx_symbols *s, const struct onnx_terms *terms,
               struct onnx_form *form);
void onnx_form_scale(struct onnx_form *form, double factor);

// Lines of forms, the same at all sites but for what they read.
struct onnx_lines {
    int count, sites;
    struct onnx_form *form; // [count] of the first site that was given
    int *slot;              // [count][ONNX_PIECES] what each piece reads
    bool *given;            // [count]
    int slots, slot_limit;
    bool *is_row;   // [slots]
    int32_t *first; // [slots] of the first site, rows or symbols
    int32_t *read;  // [sites][slot_limit], -1: not known
    int reference;  // the first site
    struct onnx_element {
        int slot, place; // in its row
    } * element;         // [elements]
    int elements;
};

int onnx_lines_create(struct onnx_symbols *s, struct onnx_lines *lines, int count, int sites,
                      int reference);
void onnx_lines_free(struct onnx_lines *lines);
// Gives a line of the reference.
int onnx_lines_set(struct onnx_symbols *s, struct onnx_lines *lines, int line,
                   const struct onnx_form *form);
// Is it the same line at another site? partly: pieces may be missing, whose numbers are 0.
bool onnx_lines_fit(struct onnx_lines *lines, int line, int site, const struct onnx_form *form,
                    bool partly);
// Lists the elements; call it when all lines are set.
int onnx_lines_end(struct onnx_symbols *s, struct onnx_lines *lines);
// What an element is at a site; -1 where it is not known.
int32_t onnx_lines_at(const struct onnx_symbols *s, const struct onnx_lines *lines, int element,
                      int site);
// With which number a line takes it.
double onnx_lines_weight(const struct onnx_symbols *s, const struct onnx_lines *lines, int line,
                         int element);

#endif
