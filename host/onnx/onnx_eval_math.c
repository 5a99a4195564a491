// SPDX-License-Identifier: Apache-2.0
// ONNX operators that compute: arithmetic and products.
#include "onnx_eval.h"

#include <math.h>
#include <string.h>

// Two values stretched to one shape, visited element by element.
struct pair {
    const struct onnx_tensor *in[2];
    int64_t dims[ONNX_RANK], stride[2][ONNX_RANK], index[ONNX_RANK], at[2];
    int rank;
};

static int start_pair(struct onnx_eval *e, struct pair *p, size_t first) {
    memset(p, 0, sizeof *p);
    for (size_t i = 0; i < 2; i++) {
        p->in[i] = onnx_eval_input(e, first + i);
        if (!p->in[i])
            return onnx_fail(e->graph, "lacks an input");
    }
    if (!onnx_broadcast(p->in[0]->dims, p->in[0]->rank, p->in[1]->dims, p->in[1]->rank, p->dims,
                        &p->rank))
        return onnx_fail(e->graph, "reads values whose shapes do not fit each other");
    if (onnx_is_real(p->in[0]->type) != onnx_is_real(p->in[1]->type))
        return onnx_fail(e->graph, "reads values of different types");
    for (int i = 0; i < 2; i++)
        onnx_stretch(p->in[i], p->rank, p->dims, p->stride[i]);
    return 0;
}

static void next_pair(struct pair *p) {
    for (int axis = p->rank; axis-- > 0;) {
        bool more = ++p->index[axis] < p->dims[axis];
        for (int i = 0; i < 2; i++)
            p->at[i] += more ? p->stride[i][axis] : -p->stride[i][axis] * (p->dims[axis] - 1);
        if (more)
            break;
        p->index[axis] = 0;
    }
}

static double real_result(char op, double a, double b) {
    return op == 'A' ? a + b : op == 'S' ? a - b : op == 'M' ? a * b : a / b;
}

static bool whole_result(char op, int64_t a, int64_t b, int64_t *result) {
    if (op == 'A')
        return !__builtin_add_overflow(a, b, result);
    if (op == 'S')
        return !__builtin_sub_overflow(a, b, result);
    if (op == 'M')
        return !__builtin_mul_overflow(a, b, result);
    if (b == 0 || (b == -1 && a == INT64_MIN))
        return false;
    *result = a / b;
    return true;
}

int onnx_eval_arithmetic(struct onnx_eval *e) {
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const char op = e->graph->node->op_type[0];
    struct pair p;

    if (start_pair(e, &p, 0) != 0 || onnx_eval_create(e, out, p.in[0]->type, p.rank, p.dims) != 0)
        return -1;
    for (size_t i = 0; i < out->count; i++, next_pair(&p)) {
        if (onnx_is_real(out->type))
            out->real[i] = real_result(op, p.in[0]->real[p.at[0]], p.in[1]->real[p.at[1]]);
        else if (!whole_result(op, p.in[0]->whole[p.at[0]], p.in[1]->whole[p.at[1]],
                               &out->whole[i]))
            return onnx_fail(e->graph, "gives a number that does not fit 64 bits");
    }
    return 0;
}

int onnx_eval_negate(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);

    if (onnx_eval_create(e, out, in->type, in->rank, in->dims) != 0)
        return -1;
    for (size_t i = 0; i < in->count; i++) {
        if (onnx_is_real(in->type))
            out->real[i] = -in->real[i];
        else if (!whole_result('S', 0, in->whole[i], &out->whole[i]))
            return onnx_fail(e->graph, "gives a number that does not fit 64 bits");
    }
    return 0;
}

int onnx_eval_compare(struct onnx_eval *e) {
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const char op = e->graph->node->op_type[0];
    const bool equal = strstr(e->graph->node->op_type, "OrEqual") != NULL;
    struct pair p;

    if (start_pair(e, &p, 0) != 0 ||
        onnx_eval_create(e, out, ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, p.rank, p.dims) != 0)
        return -1;
    for (size_t i = 0; i < out->count; i++, next_pair(&p)) {
        double a = onnx_number(p.in[0], (size_t)p.at[0]), b = onnx_number(p.in[1], (size_t)p.at[1]);
        out->whole[i] = (equal && a == b) || (op == 'E' ? a == b : op == 'G' ? a > b : a < b);
    }
    return 0;
}

int onnx_eval_where(struct onnx_eval *e) {
    const struct onnx_tensor *which = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    int64_t dims[ONNX_RANK];
    struct pair p;
    int rank;

    if (start_pair(e, &p, 1) != 0)
        return -1;
    if (!onnx_broadcast(which->dims, which->rank, p.dims, p.rank, dims, &rank) ||
        onnx_is_real(which->type))
        return onnx_eval_unsupported(e);
    for (int i = 0; i < 2; i++)
        onnx_stretch(p.in[i], rank, dims, p.stride[i]);
    p.rank = rank;
    memcpy(p.dims, dims, sizeof p.dims);
    if (onnx_eval_create(e, out, p.in[0]->type, rank, dims) != 0)
        return -1;
    struct pair asked = {.in = {which, which}, .rank = rank}; // walks along with p
    memcpy(asked.dims, dims, sizeof asked.dims);
    onnx_stretch(which, rank, dims, asked.stride[0]);
    for (size_t i = 0; i < out->count; i++, next_pair(&p), next_pair(&asked)) {
        const int first = which->whole[asked.at[0]] != 0 ? 0 : 1;
        out->whole[i] = p.in[first]->whole[p.at[first]];
    }
    return 0;
}

// (x - zero point) * scale, with one pair for all, or one for each along an axis.
int onnx_eval_dequantize(struct onnx_eval *e) {
    const struct onnx_tensor *x = onnx_eval_input(e, 0), *scale = onnx_eval_input(e, 1);
    const struct onnx_tensor *zero = onnx_eval_input(e, 2);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    size_t after = 1, along = 1;
    int axis;

    if (e->wide && onnx_is_real(x->type)) { // what was quantised without rounding
        *out = onnx_tensor_share(x);
        return 0;
    }
    if (onnx_int(e->graph, "block_size", 0) != 0 || (scale && scale->rank > 1))
        return onnx_fail(e->graph, "has a scale for each block of an axis (block_size), which this "
                                   "version does not read; quantise the file by tensor or channel");
    if (!scale || !onnx_is_real(scale->type) || onnx_is_real(x->type) || scale->rank > 1 ||
        scale->count < 1 || (zero && (onnx_is_real(zero->type) || zero->count != scale->count)))
        return onnx_eval_unsupported(e);
    if (scale->count > 1) {
        if (onnx_axis(e->graph, onnx_int(e->graph, "axis", 1), x->rank, &axis) != 0)
            return -1;
        along = scale->count;
        if (x->dims[axis] != (int64_t)along)
            return onnx_fail(e->graph, "has %zu scales for an axis of %lld", along,
                             (long long)x->dims[axis]);
        for (int i = axis + 1; i < x->rank; i++)
            after *= (size_t)x->dims[i];
    }
    if (onnx_eval_create(e, out, scale->type, x->rank, x->dims) != 0)
        return -1;
    for (size_t i = 0; i < x->count; i++) {
        size_t k = along > 1 ? i / after % along : 0;
        out->real[i] = (double)(x->whole[i] - (zero ? zero->whole[k] : 0)) * scale->real[k];
    }
    return 0;
}

// out (rows, columns) = a (rows, inner) times b, whose element (k, j) is at k * down + j * right.
static void multiply(const double *a, const double *b, size_t down, size_t right, size_t rows,
                     size_t inner, size_t columns, double *out) {
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            double sum = 0;
            for (size_t k = 0; k < inner; k++)
                sum += a[i * inner + k] * b[k * down + j * right];
            *out++ = sum;
        }
    }
}

int onnx_eval_linear(struct onnx_eval *e, const struct onnx_tensor *a, const struct onnx_tensor *b,
                     bool turned, double alpha, const struct onnx_tensor *c, double beta) {
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    int64_t dims[ONNX_RANK];

    if (!b || b->rank != 2 || a->rank < 1 || !onnx_is_real(a->type) || !onnx_is_real(b->type) ||
        (c && !onnx_is_real(c->type)))
        return onnx_eval_unsupported(e);
    const int64_t inner = a->dims[a->rank - 1];
    const size_t columns = (size_t)b->dims[turned ? 0 : 1];
    if (b->dims[turned ? 1 : 0] != inner)
        return onnx_fail(e->graph, "multiplies rows of %lld by columns of %lld", (long long)inner,
                         (long long)b->dims[turned ? 1 : 0]);
    if (c && c->count != 1 && c->count != columns)
        return onnx_fail(e->graph, "adds a value whose shape does not fit");
    memcpy(dims, a->dims, sizeof dims);
    dims[a->rank - 1] = (int64_t)columns;
    if (onnx_eval_create(e, out, a->type, a->rank, dims) != 0)
        return -1;
    if (out->count > 0)
        multiply(a->real, b->real, turned ? 1 : columns, turned ? (size_t)inner : 1,
                 out->count / columns, (size_t)inner, columns, out->real);
    for (size_t i = 0; i < out->count; i++)
        out->real[i] =
            alpha * out->real[i] + (c ? beta * c->real[c->count == 1 ? 0 : i % columns] : 0);
    return 0;
}

bool onnx_matmul_shape(const struct onnx_tensor *a, const struct onnx_tensor *b,
                       struct onnx_blocks *p) {
    const int a_rank = a->rank < 2 ? 2 : a->rank, b_rank = b->rank < 2 ? 2 : b->rank;
    int64_t a_dims[ONNX_RANK] = {1}, b_dims[ONNX_RANK] = {0, 1};

    memset(p, 0, sizeof *p);
    if (a->rank < 1 || b->rank < 1)
        return false;
    memcpy(a_dims + (a->rank < 2), a->dims, (size_t)a->rank * sizeof *a_dims);
    memcpy(b_dims, b->dims, (size_t)b->rank * sizeof *b_dims);
    p->rows = (size_t)a_dims[a_rank - 2];
    p->inner = (size_t)a_dims[a_rank - 1];
    p->columns = (size_t)b_dims[b_rank - 1];
    if (b_dims[b_rank - 2] != (int64_t)p->inner ||
        !onnx_broadcast(a_dims, a_rank - 2, b_dims, b_rank - 2, p->dims, &p->rank))
        return false;
    p->blocks = 1;
    for (int i = 0; i < p->rank; i++)
        p->blocks *= (size_t)p->dims[i];
    p->batch_rank = p->rank;
    for (int i = p->rank, k = 0; i-- > 0; k++) {
        p->a_dims[i] = k < a_rank - 2 ? a_dims[a_rank - 3 - k] : 1;
        p->b_dims[i] = k < b_rank - 2 ? b_dims[b_rank - 3 - k] : 1;
    }
    if (a->rank > 1)
        p->dims[p->rank++] = (int64_t)p->rows;
    if (b->rank > 1)
        p->dims[p->rank++] = (int64_t)p->columns;
    return true;
}

void onnx_matmul_block(const struct onnx_blocks *p, size_t block, size_t *a, size_t *b) {
    size_t stride_a = 1, stride_b = 1;

    *a = *b = 0;
    for (int i = p->batch_rank; i-- > 0;) {
        const size_t at = block % (size_t)p->dims[i];
        block /= (size_t)p->dims[i];
        *a += p->a_dims[i] > 1 ? at * stride_a : 0;
        *b += p->b_dims[i] > 1 ? at * stride_b : 0;
        stride_a *= (size_t)p->a_dims[i];
        stride_b *= (size_t)p->b_dims[i];
    }
}

int onnx_eval_matmul(struct onnx_eval *e) {
    const struct onnx_tensor *a = onnx_eval_input(e, 0), *b = onnx_eval_input(e, 1);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    struct onnx_blocks p;

    if (!b || !onnx_is_real(a->type) || !onnx_is_real(b->type))
        return onnx_eval_unsupported(e);
    if (!onnx_matmul_shape(a, b, &p))
        return onnx_fail(e->graph, "multiplies values of shapes that do not fit each other");
    if (onnx_eval_create(e, out, a->type, p.rank, p.dims) != 0)
        return -1;
    for (size_t i = 0; out->count > 0 && i < p.blocks; i++) {
        size_t from_a, from_b;
        onnx_matmul_block(&p, i, &from_a, &from_b);
        multiply(a->real + from_a * p.rows * p.inner, b->real + from_b * p.inner * p.columns,
                 p.columns, 1, p.rows, p.inner, p.columns, out->real + i * p.rows * p.columns);
    }
    return 0;
}

int onnx_eval_gemm(struct onnx_eval *e) {
    const struct onnx_tensor *a = onnx_eval_input(e, 0), *b = onnx_eval_input(e, 1);
    const struct onnx_tensor *c = onnx_eval_input(e, 2);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    bool turned = onnx_int(e->graph, "transB", 0) != 0;
    double alpha = onnx_float(e->graph, "alpha", 1), beta = onnx_float(e->graph, "beta", 1);

    if (!b || a->rank != 2 || b->rank != 2 || !onnx_is_real(a->type) || !onnx_is_real(b->type) ||
        (c && (!onnx_is_real(c->type) || c->rank > 2)) || onnx_int(e->graph, "transA", 0) != 0)
        return onnx_eval_unsupported(e);
    int64_t inner = a->dims[1], dims[2] = {a->dims[0], b->dims[turned ? 0 : 1]}, fit[ONNX_RANK];
    int rank;
    if (b->dims[turned ? 1 : 0] != inner)
        return onnx_fail(e->graph, "multiplies rows of %lld by columns of %lld", (long long)inner,
                         (long long)b->dims[turned ? 1 : 0]);
    if (c && (!onnx_broadcast(c->dims, c->rank, dims, 2, fit, &rank) || fit[0] != dims[0] ||
              fit[1] != dims[1]))
        return onnx_fail(e->graph, "adds a value whose shape does not fit");
    if (onnx_eval_create(e, out, a->type, 2, dims) != 0)
        return -1;
    size_t columns = (size_t)dims[1];
    multiply(a->real, b->real, turned ? 1 : columns, turned ? (size_t)inner : 1, (size_t)dims[0],
             (size_t)inner, columns, out->real);
    int64_t stride[2] = {0, 0};
    if (c)
        onnx_stretch(c, 2, dims, stride);
    for (size_t i = 0; i < out->count; i++) {
        out->real[i] *= alpha;
        if (c)
            out->real[i] +=
                beta *
                c->real[(int64_t)(i / columns) * stride[0] + (int64_t)(i % columns) * stride[1]];
    }
    return 0;
}
