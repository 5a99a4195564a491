// SPDX-License-Identifier: Apache-2.0
// Symbols: numbers that only a run of the file knows, as expressions of the numbers that go in. A
// tensor of type ONNX_SYMBOLS has the numbers of symbols as elements, so that operators that move
// elements move them as they are. The same expression is the same symbol.
#ifndef MR_ONNX_SYMBOLS_H
#define MR_ONNX_SYMBOLS_H

#include "onnx_eval.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// So many at most, of some 40 bytes each.
enum { ONNX_MOST_SYMBOLS = 1 << 22 };

enum onnx_symbol_kind {
    SYMBOL_CONSTANT, // value
    SYMBOL_ATOM,     // element b of base a
    SYMBOL_LINEAR,   // row a times column c of matrix b
    SYMBOL_SUM,      // a + b
    SYMBOL_PRODUCT,  // a b
    SYMBOL_FUNCTION, // function c of a
};

// FUNCTION(symbol, name as an activation of ONNX, or NULL)
#define ONNX_FUNCTIONS(X)                                                                          \
    X(SIGMOID, "Sigmoid")                                                                          \
    X(HARD, "HardSigmoid") /* max(0, min(1, x)) */                                                 \
    X(TANH, "Tanh")                                                                                \
    X(RELU, "Relu")                                                                                \
    X(SOFTSIGN, "Softsign")                                                                        \
    X(SOFTPLUS, "Softplus")                                                                        \
    X(EXP, NULL)                                                                                   \
    X(RECIPROCAL, NULL)

enum onnx_function {
#define FUNCTION(symbol, name) FUNCTION_##symbol,
    ONNX_FUNCTIONS(FUNCTION)
#undef FUNCTION
        FUNCTIONS
};

struct onnx_symbol {
    uint8_t kind;
    bool known; // its value is; also of expressions of constants
    int32_t a, b, c;
    double value;
    const Onnx__NodeProto *node; // that made it, for messages
};

// A row of symbols that is multiplied with a matrix.
struct onnx_row {
    int32_t first, count; // of the pool
};

struct onnx_matrix {
    struct onnx_tensor tensor; // shared; its element (k, j) is at offset + k * down + j * right
    size_t inner, columns, offset, down, right;
    uint64_t hash;
    bool starts; // it multiplies a row of known numbers: what a recurrence starts from
};

// The product of two matrices.
struct onnx_composed {
    int32_t first, second, made;
};

// A value of the file that is not looked into: an input, or what an operator gives that symbols do
// not follow.
struct onnx_base {
    int value; // of the file's graph
    bool whole;
    int rank;
    int64_t dims[ONNX_RANK];
};

// A hash table of indices.
struct onnx_table {
    int32_t *slots;
    size_t size, used;
};

struct onnx_symbols {
    struct onnx_graph *graph; // for messages
    struct onnx_symbol *list;
    size_t count, limit;
    struct onnx_row *rows;
    size_t row_count, row_limit;
    int32_t *pool;
    size_t pool_count, pool_limit;
    struct onnx_matrix *matrices;
    size_t matrix_count, matrix_limit;
    struct onnx_composed *composed;
    size_t composed_count, composed_limit;
    struct onnx_base *bases;
    size_t base_count, base_limit;
    struct onnx_table symbol_table, row_table;
    bool failed; // memory is short, or they are too many
    // Sizes that open axes of an input should have for what the file takes of it; 0: any.
    int64_t wanted[ONNX_RANK];
};

void onnx_symbols_free(struct onnx_symbols *s);

// Each gives the number of a symbol. When `failed` is set it is 0.
int32_t onnx_symbol_constant(struct onnx_symbols *s, double value);
int32_t onnx_symbol_atom(struct onnx_symbols *s, size_t base, size_t element);
int32_t onnx_symbol_linear(struct onnx_symbols *s, int32_t row, int32_t matrix, size_t column);
int32_t onnx_symbol_sum(struct onnx_symbols *s, int32_t a, int32_t b);
int32_t onnx_symbol_product(struct onnx_symbols *s, int32_t a, int32_t b);
int32_t onnx_symbol_scaled(struct onnx_symbols *s, int32_t a, double factor);
int32_t onnx_symbol_function(struct onnx_symbols *s, enum onnx_function function, int32_t a);

// `stride` between the symbols of the row.
int32_t onnx_symbol_row(struct onnx_symbols *s, const int64_t *symbols, size_t count,
                        size_t stride);
// A matrix of known numbers.
int32_t onnx_symbol_matrix(struct onnx_symbols *s, const struct onnx_matrix *matrix);
double onnx_matrix_at(const struct onnx_matrix *m, size_t k, size_t column);
// The product of two matrices, made once. When memory is short `failed` is set.
int32_t onnx_symbol_composed(struct onnx_symbols *s, size_t *budget, int32_t first, int32_t second);
// A base with symbols for its elements as *out. -1 with a sentence.
int onnx_symbol_base(struct onnx_symbols *s, size_t *budget, int value, bool whole, int rank,
                     const int64_t *dims, struct onnx_tensor *out);

static inline const struct onnx_symbol *onnx_symbol(const struct onnx_symbols *s, int32_t symbol) {
    return &s->list[symbol];
}

static inline const int32_t *onnx_row_of(const struct onnx_symbols *s, int32_t row) {
    return s->pool + s->rows[row].first;
}

const char *onnx_function_name(int function); // NULL where it is no activation of ONNX
double onnx_function_value(int function, double x);

// ---- onnx_symbolic.c: the current node, of which inputs are symbols

bool onnx_reads_symbols(const struct onnx_eval *e);
int onnx_symbolic(struct onnx_eval *e);
// Each returns 1, with no output made, for what symbols do not follow.
int onnx_symbolic_gemm(struct onnx_eval *e);
int onnx_symbolic_matmul(struct onnx_eval *e);
int onnx_symbolic_recurrent(struct onnx_eval *e);

#endif
