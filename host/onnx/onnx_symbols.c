// SPDX-License-Identifier: Apache-2.0
// Expressions of which the same one stands once (onnx_symbols.h).
#include "onnx_symbols.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
#define NAME(symbol, name) name,
    ONNX_FUNCTIONS(NAME)
#undef NAME
};

const char *onnx_function_name(int function) {
    return names[function];
}

double onnx_function_value(int function, double x) {
    switch (function) {
    case FUNCTION_SIGMOID:
        return 1 / (1 + exp(-x));
    case FUNCTION_HARD:
        return fmin(fmax(x, 0), 1);
    case FUNCTION_TANH:
        return tanh(x);
    case FUNCTION_RELU:
        return x < 0 ? 0 : x;
    case FUNCTION_SOFTSIGN:
        return x / (1 + fabs(x));
    case FUNCTION_SOFTPLUS:
        return x > 30 ? x : log1p(exp(x));
    case FUNCTION_EXP:
        return exp(x);
    default:
        return 1 / x;
    }
}

// ---- Memory

// Room for so many elements.
static bool grow(struct onnx_symbols *s, void *list, size_t *limit, size_t wanted, size_t size) {
    void *old, *grown;
    size_t more = 2 * *limit + 64;

    if (wanted <= *limit)
        return true;
    more = more < wanted ? wanted : more;
    memcpy(&old, list, sizeof old);
    grown = realloc(old, more * size);
    if (!grown) {
        s->failed = true;
        return false;
    }
    memcpy(list, &grown, sizeof grown);
    *limit = more;
    return true;
}

void onnx_symbols_free(struct onnx_symbols *s) {
    for (size_t i = 0; i < s->matrix_count; i++)
        onnx_tensor_free(&s->matrices[i].tensor);
    free(s->list);
    free(s->rows);
    free(s->pool);
    free(s->matrices);
    free(s->composed);
    free(s->bases);
    free(s->symbol_table.slots);
    free(s->row_table.slots);
    memset(s, 0, sizeof *s);
}

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static uint64_t hash_symbol(const struct onnx_symbol *n) {
    uint64_t bits = 0;

    if (n->kind == SYMBOL_CONSTANT)
        memcpy(&bits, &n->value, sizeof bits);
    return mix(mix(mix(mix(n->kind, bits), (uint32_t)n->a), (uint32_t)n->b), (uint32_t)n->c);
}

static uint64_t hash_row(const struct onnx_symbols *s, int32_t row) {
    uint64_t hash = (uint64_t)s->rows[row].count;

    for (int32_t i = 0; i < s->rows[row].count; i++)
        hash = mix(hash, (uint32_t)onnx_row_of(s, row)[i]);
    return hash;
}

// Makes room for one more; hash_of gives that of an entry.
static bool widen(struct onnx_symbols *s, struct onnx_table *t, bool rows) {
    if (2 * t->used + 2 <= t->size)
        return true;
    const size_t size = t->size ? 2 * t->size : 1024;
    int32_t *slots = malloc(size * sizeof *slots);
    if (!slots) {
        s->failed = true;
        return false;
    }
    memset(slots, 0xff, size * sizeof *slots);
    for (size_t i = 0; i < t->size; i++) {
        if (t->slots[i] < 0)
            continue;
        size_t at = (size_t)(rows ? hash_row(s, t->slots[i]) : hash_symbol(&s->list[t->slots[i]]));
        for (at &= size - 1; slots[at] >= 0;)
            at = (at + 1) & (size - 1);
        slots[at] = t->slots[i];
    }
    free(t->slots);
    t->slots = slots;
    t->size = size;
    return true;
}

static bool same(const struct onnx_symbol *x, const struct onnx_symbol *y) {
    return x->kind == y->kind && x->a == y->a && x->b == y->b && x->c == y->c &&
           (x->kind != SYMBOL_CONSTANT || memcmp(&x->value, &y->value, sizeof x->value) == 0);
}

static int32_t find(struct onnx_symbols *s, struct onnx_symbol n) {
    if (s->failed || s->count == ONNX_MOST_SYMBOLS || !widen(s, &s->symbol_table, false) ||
        !grow(s, &s->list, &s->limit, s->count + 1, sizeof *s->list)) {
        s->failed = true;
        return 0;
    }
    struct onnx_table *t = &s->symbol_table;
    size_t at = (size_t)hash_symbol(&n) & (t->size - 1);
    for (; t->slots[at] >= 0; at = (at + 1) & (t->size - 1))
        if (same(&s->list[t->slots[at]], &n))
            return t->slots[at];
    n.node = s->graph->node;
    t->slots[at] = (int32_t)s->count;
    t->used++;
    s->list[s->count] = n;
    return (int32_t)s->count++;
}

// ---- Expressions

int32_t onnx_symbol_constant(struct onnx_symbols *s, double value) {
    return find(s, (struct onnx_symbol){
                       .kind = SYMBOL_CONSTANT, .known = true, .value = value == 0 ? 0 : value});
}

int32_t onnx_symbol_atom(struct onnx_symbols *s, size_t base, size_t element) {
    if (element > INT32_MAX || base > INT32_MAX)
        s->failed = true;
    return find(
        s, (struct onnx_symbol){.kind = SYMBOL_ATOM, .a = (int32_t)base, .b = (int32_t)element});
}

int32_t onnx_symbol_linear(struct onnx_symbols *s, int32_t row, int32_t matrix, size_t column) {
    struct onnx_symbol n = {
        .kind = SYMBOL_LINEAR, .known = true, .a = row, .b = matrix, .c = (int32_t)column};

    for (int32_t k = 0; !s->failed && k < s->rows[row].count; k++) {
        const struct onnx_symbol *x = &s->list[onnx_row_of(s, row)[k]];
        n.known = n.known && x->known;
        if (!n.known)
            break;
        n.value += x->value * onnx_matrix_at(&s->matrices[matrix], (size_t)k, column);
    }
    if (!n.known)
        n.value = 0;
    return find(s, n);
}

static bool is_constant(const struct onnx_symbols *s, int32_t symbol) {
    return s->list[symbol].kind == SYMBOL_CONSTANT;
}

static bool is_number(const struct onnx_symbols *s, int32_t symbol, double number) {
    return is_constant(s, symbol) && s->list[symbol].value == number;
}

// The other term of a sum with a constant of this value; -1 where it is none.
static int32_t beside(const struct onnx_symbols *s, int32_t sum, double number) {
    const struct onnx_symbol *n = &s->list[sum];

    if (n->kind != SYMBOL_SUM)
        return -1;
    return is_number(s, n->a, number) ? n->b : is_number(s, n->b, number) ? n->a : -1;
}

int32_t onnx_symbol_sum(struct onnx_symbols *s, int32_t a, int32_t b) {
    if (s->failed)
        return 0;
    const struct onnx_symbol x = s->list[a], y = s->list[b];
    if (is_constant(s, a) && is_constant(s, b))
        return onnx_symbol_constant(s, x.value + y.value);
    if (is_number(s, a, 0))
        return b;
    if (is_number(s, b, 0))
        return a;
    // 2 sigmoid(2 x) - 1
    const int32_t other = is_number(s, b, -1) ? a : is_number(s, a, -1) ? b : -1;
    if (other >= 0 && s->list[other].kind == SYMBOL_PRODUCT) {
        const struct onnx_symbol *p = &s->list[other];
        const int32_t f = is_number(s, p->a, 2) ? p->b : is_number(s, p->b, 2) ? p->a : -1;
        if (f >= 0 && s->list[f].kind == SYMBOL_FUNCTION && s->list[f].c == FUNCTION_SIGMOID)
            return onnx_symbol_function(s, FUNCTION_TANH, onnx_symbol_scaled(s, s->list[f].a, 0.5));
    }
    return find(s, (struct onnx_symbol){.kind = SYMBOL_SUM,
                                        .known = x.known && y.known,
                                        .a = a < b ? a : b,
                                        .b = a < b ? b : a,
                                        .value = x.known && y.known ? x.value + y.value : 0});
}

int32_t onnx_symbol_product(struct onnx_symbols *s, int32_t a, int32_t b) {
    if (s->failed)
        return 0;
    const struct onnx_symbol x = s->list[a], y = s->list[b];
    if (is_constant(s, a) && is_constant(s, b))
        return onnx_symbol_constant(s, x.value * y.value);
    if (is_number(s, a, 0) || is_number(s, b, 1))
        return a;
    if (is_number(s, b, 0) || is_number(s, a, 1))
        return b;
    return find(s, (struct onnx_symbol){.kind = SYMBOL_PRODUCT,
                                        .known = x.known && y.known,
                                        .a = a < b ? a : b,
                                        .b = a < b ? b : a,
                                        .value = x.known && y.known ? x.value * y.value : 0});
}

int32_t onnx_symbol_scaled(struct onnx_symbols *s, int32_t a, double factor) {
    const struct onnx_symbol *n = &s->list[a];

    // Of a multiple the factor changes, so that twice the half is the number itself.
    if (!s->failed && n->kind == SYMBOL_PRODUCT && (is_constant(s, n->a) || is_constant(s, n->b))) {
        const int32_t by = is_constant(s, n->a) ? n->a : n->b, rest = by == n->a ? n->b : n->a;
        return onnx_symbol_product(s, onnx_symbol_constant(s, s->list[by].value * factor), rest);
    }
    return onnx_symbol_product(s, onnx_symbol_constant(s, factor), a);
}

int32_t onnx_symbol_function(struct onnx_symbols *s, enum onnx_function function, int32_t a) {
    if (s->failed)
        return 0;
    const struct onnx_symbol x = s->list[a];
    if (is_constant(s, a))
        return onnx_symbol_constant(s, onnx_function_value(function, x.value));
    // 1 / (1 + exp(x))
    if (function == FUNCTION_RECIPROCAL) {
        const int32_t e = beside(s, a, 1);
        if (e >= 0 && s->list[e].kind == SYMBOL_FUNCTION && s->list[e].c == FUNCTION_EXP)
            return onnx_symbol_function(s, FUNCTION_SIGMOID,
                                        onnx_symbol_scaled(s, s->list[e].a, -1));
    }
    return find(
        s, (struct onnx_symbol){.kind = SYMBOL_FUNCTION,
                                .known = x.known,
                                .a = a,
                                .c = (int32_t)function,
                                .value = x.known ? onnx_function_value(function, x.value) : 0});
}

// ---- Rows, matrices, bases

int32_t onnx_symbol_row(struct onnx_symbols *s, const int64_t *symbols, size_t count,
                        size_t stride) {
    if (s->failed || count > INT32_MAX || s->pool_count + count > ((size_t)1 << 26) ||
        !widen(s, &s->row_table, true) ||
        !grow(s, &s->pool, &s->pool_limit, s->pool_count + count, sizeof *s->pool) ||
        !grow(s, &s->rows, &s->row_limit, s->row_count + 1, sizeof *s->rows)) {
        s->failed = true;
        return 0;
    }
    const int32_t made = (int32_t)s->row_count;
    s->rows[made] = (struct onnx_row){(int32_t)s->pool_count, (int32_t)count};
    for (size_t i = 0; i < count; i++)
        s->pool[s->pool_count + i] = (int32_t)symbols[i * stride];
    struct onnx_table *t = &s->row_table;
    size_t at = (size_t)hash_row(s, made) & (t->size - 1);
    for (; t->slots[at] >= 0; at = (at + 1) & (t->size - 1)) {
        const int32_t other = t->slots[at];
        if (s->rows[other].count == (int32_t)count &&
            memcmp(onnx_row_of(s, other), onnx_row_of(s, made), count * sizeof *s->pool) == 0)
            return other;
    }
    t->slots[at] = made;
    t->used++;
    s->pool_count += count;
    s->row_count++;
    return made;
}

double onnx_matrix_at(const struct onnx_matrix *m, size_t k, size_t column) {
    return m->tensor.real[m->offset + k * m->down + column * m->right];
}

static bool same_matrix(const struct onnx_matrix *x, const struct onnx_matrix *y) {
    if (x->inner != y->inner || x->columns != y->columns)
        return false;
    if (x->tensor.buffer == y->tensor.buffer && x->down == y->down && x->right == y->right &&
        x->offset == y->offset)
        return true;
    if (x->hash != y->hash)
        return false;
    for (size_t k = 0; k < x->inner; k++)
        for (size_t j = 0; j < x->columns; j++)
            if (onnx_matrix_at(x, k, j) != onnx_matrix_at(y, k, j))
                return false;
    return true;
}

int32_t onnx_symbol_matrix(struct onnx_symbols *s, const struct onnx_matrix *matrix) {
    struct onnx_matrix m = *matrix;

    for (size_t i = 0; i < s->matrix_count; i++) {
        const struct onnx_matrix *x = &s->matrices[i];
        if (x->tensor.buffer == m.tensor.buffer && same_matrix(x, &m))
            return (int32_t)i;
    }
    m.hash = 0;
    for (size_t k = 0; k < m.inner; k++)
        for (size_t j = 0; j < m.columns; j++) {
            uint64_t bits;
            const double number = onnx_matrix_at(&m, k, j) + 0.0; // no -0
            memcpy(&bits, &number, sizeof bits);
            m.hash = mix(m.hash, bits);
        }
    for (size_t i = 0; i < s->matrix_count; i++)
        if (same_matrix(&s->matrices[i], &m))
            return (int32_t)i;
    if (s->failed || s->matrix_count == ONNX_VALUES ||
        !grow(s, &s->matrices, &s->matrix_limit, s->matrix_count + 1, sizeof m)) {
        s->failed = true;
        return 0;
    }
    m.tensor = onnx_tensor_share(&m.tensor);
    s->matrices[s->matrix_count] = m;
    return (int32_t)s->matrix_count++;
}

static bool multiply(const struct onnx_matrix *a, const struct onnx_matrix *b, size_t *budget,
                     struct onnx_matrix *made) {
    const int64_t dims[2] = {(int64_t)a->inner, (int64_t)b->columns};

    *made = (struct onnx_matrix){
        .inner = a->inner, .columns = b->columns, .down = b->columns, .right = 1};
    if (onnx_tensor_create(&made->tensor, ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, 2, dims, budget) !=
        0)
        return false;
    double *to = made->tensor.real;
    memset(to, 0, made->tensor.count * sizeof *to);
    for (size_t i = 0; i < a->inner; i++)
        for (size_t k = 0; k < b->inner; k++) {
            const double by = onnx_matrix_at(a, i, k);
            for (size_t j = 0; j < b->columns; j++)
                to[i * b->columns + j] += by * onnx_matrix_at(b, k, j);
        }
    return true;
}

int32_t onnx_symbol_composed(struct onnx_symbols *s, size_t *budget, int32_t first,
                             int32_t second) {
    struct onnx_matrix made;

    for (size_t i = 0; i < s->composed_count; i++)
        if (s->composed[i].first == first && s->composed[i].second == second)
            return s->composed[i].made;
    if (s->failed ||
        !grow(s, &s->composed, &s->composed_limit, s->composed_count + 1, sizeof *s->composed) ||
        !multiply(&s->matrices[first], &s->matrices[second], budget, &made)) {
        s->failed = true;
        return 0;
    }
    const int32_t matrix = onnx_symbol_matrix(s, &made);
    onnx_tensor_free(&made.tensor);
    s->composed[s->composed_count++] = (struct onnx_composed){first, second, matrix};
    return matrix;
}

int onnx_symbol_base(struct onnx_symbols *s, size_t *budget, int value, bool whole, int rank,
                     const int64_t *dims, struct onnx_tensor *out) {
    if (onnx_tensor_create(out, ONNX_SYMBOLS, rank, dims, budget) != 0)
        return onnx_fail_file(s->graph, "needs more memory than there is");
    for (size_t i = 0; i < out->count; i++)
        out->whole[i] = onnx_symbol_atom(s, s->base_count, i);
    if (!grow(s, &s->bases, &s->base_limit, s->base_count + 1, sizeof *s->bases) || s->failed) {
        onnx_tensor_free(out);
        return onnx_fail_file(s->graph, "has more numbers than this version follows");
    }
    struct onnx_base *base = &s->bases[s->base_count++];
    *base = (struct onnx_base){.value = value, .whole = whole, .rank = rank};
    for (int i = 0; i < rank; i++)
        base->dims[i] = dims[i];
    return 0;
}
