// SPDX-License-Identifier: Apache-2.0
// Products of symbols with matrices, and recurrent operators of single steps, as loops have them.
#include "onnx_symbols.h"

#include "onnx_cell.h"

#include <string.h>

static bool is_symbols(const struct onnx_tensor *t) {
    return t->type == ONNX_SYMBOLS;
}

// Symbols whose values are known, as numbers; false where one is not. The result is to be freed.
static bool settle(struct onnx_eval *e, const struct onnx_tensor *t, struct onnx_tensor *numbers) {
    if (onnx_is_real(t->type)) {
        *numbers = onnx_tensor_share(t);
        return true;
    }
    for (size_t i = 0; i < t->count; i++)
        if (!is_symbols(t) || !onnx_symbol(e->symbols, (int32_t)t->whole[i])->known)
            return false;
    if (!is_symbols(t) || onnx_tensor_create(numbers, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, t->rank,
                                             t->dims, e->budget) != 0)
        return false;
    for (size_t i = 0; i < t->count; i++)
        numbers->real[i] = onnx_symbol(e->symbols, (int32_t)t->whole[i])->value;
    return true;
}

static bool is_known(const struct onnx_symbols *s, int32_t row) {
    const int32_t *list = onnx_row_of(s, row);

    for (int32_t k = 0; k < s->rows[row].count; k++)
        if (!onnx_symbol(s, list[k])->known)
            return false;
    return true;
}

// Is the row what a projection gives: all columns, in order, of a matrix times a row of products
// (o tanh(c) of an LSTM; onnx_projection.c)?
static bool is_projected(const struct onnx_symbols *s, int32_t row, struct onnx_symbol *of) {
    const int32_t *list = onnx_row_of(s, row), count = s->rows[row].count;

    if (count == 0)
        return false;
    *of = *onnx_symbol(s, list[0]);
    if (of->kind != SYMBOL_LINEAR || s->matrices[of->b].columns != (size_t)count)
        return false;
    for (int32_t k = 0; k < count; k++) {
        const struct onnx_symbol *x = onnx_symbol(s, list[k]);
        if (x->kind != SYMBOL_LINEAR || x->a != of->a || x->b != of->b || x->c != k)
            return false;
    }
    const int32_t *units = onnx_row_of(s, of->a);
    for (int32_t j = 0; j < s->rows[of->a].count; j++)
        if (onnx_symbol(s, units[j])->kind != SYMBOL_PRODUCT)
            return false;
    return true;
}

// Rows of symbols of a, so many, at `row_stride` from each other and their symbols at `stride`,
// times a matrix; element (i, j) of the result is put at out[i * down + j * right]. Where
// the matrix of a recurrence takes what a projection gives, the row before that meets both
// matrices.
static void products(struct onnx_eval *e, const int64_t *a, size_t rows, size_t row_stride,
                     size_t stride, const struct onnx_matrix *m, int64_t *out, size_t down,
                     size_t right) {
    struct onnx_symbols *s = e->symbols;
    const int32_t own = onnx_symbol_matrix(s, m);

    for (size_t i = 0; i < rows && !s->failed; i++) {
        int32_t row = onnx_symbol_row(s, a + i * row_stride, m->inner, stride), matrix = own;
        struct onnx_symbol of;
        if (!s->failed && is_known(s, row))
            s->matrices[own].starts = true;
        if (!s->failed && s->matrices[own].starts && is_projected(s, row, &of)) {
            matrix = onnx_symbol_composed(s, e->budget, of.b, own);
            row = of.a;
        }
        for (size_t j = 0; j < m->columns && !s->failed; j++)
            out[i * down + j * right] = onnx_symbol_linear(s, row, matrix, j);
    }
}

// The features of the input are open, and this product says how many they are.
static void want_features(struct onnx_eval *e, const struct onnx_tensor *a, int64_t inner) {
    struct onnx_symbols *s = e->symbols;

    if (!is_symbols(a) || a->count == 0 || a->dims[a->rank - 1] == inner)
        return;
    const struct onnx_symbol *x = onnx_symbol(s, (int32_t)a->whole[0]);
    if (x->kind == SYMBOL_ATOM && s->bases[x->a].value == s->graph->input)
        s->wanted[s->bases[x->a].rank - 1] = inner;
}

int onnx_symbolic_matmul(struct onnx_eval *e) {
    const struct onnx_tensor *a = onnx_eval_input(e, 0), *b = onnx_eval_input(e, 1);
    struct onnx_tensor *out = onnx_eval_output(e, 0), left = {0}, right = {0};
    struct onnx_blocks p;
    int result = 1;

    if (!b)
        return onnx_fail(e->graph, "lacks an input");
    if (!onnx_matmul_shape(a, b, &p)) {
        if (a->rank > 0 && b->rank == 2)
            want_features(e, a, b->dims[0]);
        return onnx_fail(e->graph, "multiplies values of shapes that do not fit each other");
    }
    if (settle(e, b, &right)) {
        if (!is_symbols(a) && !onnx_is_real(a->type))
            goto end;
        result = onnx_eval_lift(e, a, true, &left);
        if (result == 0)
            result = onnx_eval_create(e, out, ONNX_SYMBOLS, p.rank, p.dims);
        for (size_t i = 0; result == 0 && out->count > 0 && i < p.blocks; i++) {
            size_t from_a, from_b;
            onnx_matmul_block(&p, i, &from_a, &from_b);
            const struct onnx_matrix m = {.tensor = right,
                                          .inner = p.inner,
                                          .columns = p.columns,
                                          .offset = from_b * p.inner * p.columns,
                                          .down = p.columns,
                                          .right = 1};
            products(e, left.whole + from_a * p.rows * p.inner, p.rows, p.inner, 1, &m,
                     out->whole + i * p.rows * p.columns, p.columns, 1);
        }
    } else if (settle(e, a, &left) && is_symbols(b)) { // columns are what is multiplied
        result = onnx_eval_create(e, out, ONNX_SYMBOLS, p.rank, p.dims);
        for (size_t i = 0; result == 0 && out->count > 0 && i < p.blocks; i++) {
            size_t from_a, from_b;
            onnx_matmul_block(&p, i, &from_a, &from_b);
            const struct onnx_matrix m = {.tensor = left,
                                          .inner = p.inner,
                                          .columns = p.rows,
                                          .offset = from_a * p.rows * p.inner,
                                          .down = 1,
                                          .right = p.inner};
            products(e, b->whole + from_b * p.inner * p.columns, p.columns, 1, p.columns, &m,
                     out->whole + i * p.rows * p.columns, 1, p.columns);
        }
    }
end:
    onnx_tensor_free(&left);
    onnx_tensor_free(&right);
    return result;
}

int onnx_symbolic_gemm(struct onnx_eval *e) {
    const struct onnx_tensor *a = onnx_eval_input(e, 0), *b = onnx_eval_input(e, 1);
    const struct onnx_tensor *c = onnx_eval_input(e, 2);
    struct onnx_tensor *out = onnx_eval_output(e, 0), left = {0}, right = {0};
    const bool a_turned = onnx_int(e->graph, "transA", 0) != 0;
    const bool b_turned = onnx_int(e->graph, "transB", 0) != 0;
    const double alpha = (double)onnx_float(e->graph, "alpha", 1);
    const double beta = (double)onnx_float(e->graph, "beta", 1);
    int64_t fit[ONNX_RANK], stride[2] = {0, 0};
    int rank;

    if (!b || a->rank != 2 || b->rank != 2 || (!is_symbols(a) && !onnx_is_real(a->type)) ||
        (c && ((!is_symbols(c) && !onnx_is_real(c->type)) || c->rank > 2)))
        return 1;
    const int64_t rows = a->dims[a_turned], inner = a->dims[!a_turned];
    const int64_t columns = b->dims[!b_turned], dims[2] = {rows, columns};
    if (b->dims[b_turned] != inner) {
        want_features(e, a, b->dims[b_turned]);
        return onnx_fail(e->graph, "multiplies rows of %lld by columns of %lld", (long long)inner,
                         (long long)b->dims[b_turned]);
    }
    if (c && (!onnx_broadcast(c->dims, c->rank, dims, 2, fit, &rank) || fit[0] != rows ||
              fit[1] != columns))
        return onnx_fail(e->graph, "adds a value whose shape does not fit");
    if (!settle(e, b, &right))
        return 1;
    int result = onnx_eval_lift(e, a, true, &left);
    if (result == 0)
        result = onnx_eval_create(e, out, ONNX_SYMBOLS, 2, dims);
    if (result == 0) {
        const struct onnx_matrix m = {.tensor = right,
                                      .inner = (size_t)inner,
                                      .columns = (size_t)columns,
                                      .down = b_turned ? 1 : (size_t)columns,
                                      .right = b_turned ? (size_t)inner : 1};
        products(e, left.whole, (size_t)rows, a_turned ? 1 : (size_t)inner,
                 a_turned ? (size_t)rows : 1, &m, out->whole, (size_t)columns, 1);
        if (c)
            onnx_stretch(c, 2, dims, stride);
    }
    for (size_t i = 0; result == 0 && i < out->count && !e->symbols->failed; i++) {
        const size_t from =
            i / (size_t)columns * (size_t)stride[0] + i % (size_t)columns * (size_t)stride[1];
        int32_t sum = onnx_symbol_scaled(e->symbols, (int32_t)out->whole[i], alpha);
        if (c) {
            const int32_t own = is_symbols(c) ? (int32_t)c->whole[from]
                                              : onnx_symbol_constant(e->symbols, c->real[from]);
            sum = onnx_symbol_sum(e->symbols, sum, onnx_symbol_scaled(e->symbols, own, beta));
        }
        out->whole[i] = sum;
    }
    onnx_tensor_free(&left);
    onnx_tensor_free(&right);
    return result;
}
