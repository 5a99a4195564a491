// SPDX-License-Identifier: Apache-2.0
// Folding of the constant parts of an ONNX graph: shapes, zero states, transposed weights.
#include "onnx_parts.h"

#include <string.h>

static const struct onnx_size unknown = {0, SYMBOL_UNKNOWN};

// What a constant that needs no content becomes: the same element everywhere, or opaque.
static void set_opaque(struct onnx_value *out) {
    out->kind = ONNX_OPAQUE;
    out->rank = 0;
}

static void set_fill(struct onnx_value *out, double fill, const struct onnx_value *shape) {
    out->kind = ONNX_FILL;
    out->fill = fill;
    out->rank = shape->count <= ONNX_RANK ? shape->count : ONNX_RANK;
    for (int i = 0; i < out->rank; i++)
        out->dims[i] = shape->ints[i];
}

static int unsupported(struct onnx_reader *r) {
    return onnx_fail(r, "is applied to a constant in a way this version does not fold");
}

int onnx_constant(struct onnx_reader *r) {
    struct onnx_value *out = onnx_output(r, 0);
    const Onnx__AttributeProto *a = onnx_attribute(r, "value");

    if (a && a->t)
        return onnx_decode(r, a->t, out);
    if ((a = onnx_attribute(r, "value_int")) != NULL) {
        out->kind = ONNX_VECTOR;
        out->count = 1;
        out->ints[0] = (struct onnx_size){a->i, SYMBOL_NONE};
        return 0;
    }
    if ((a = onnx_attribute(r, "value_ints")) != NULL && a->n_ints <= ONNX_INTS) {
        out->kind = ONNX_VECTOR;
        out->rank = 1;
        out->count = (int)a->n_ints;
        for (size_t i = 0; i < a->n_ints; i++)
            out->ints[i] = (struct onnx_size){a->ints[i], SYMBOL_NONE};
        return 0;
    }
    if ((a = onnx_attribute(r, "value_float")) != NULL) {
        out->kind = ONNX_FILL;
        out->fill = a->f;
        return 0;
    }
    return onnx_fail(r, "has no value of a kind this version reads");
}

int onnx_shape(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    struct onnx_value *out = onnx_output(r, 0);

    if (onnx_attribute(r, "start") || onnx_attribute(r, "end"))
        return onnx_fail(r, "takes a part of a shape; this version takes whole shapes");
    if (in->kind == ONNX_OPAQUE)
        return unsupported(r);
    out->kind = ONNX_VECTOR;
    out->rank = 1;
    if (in->kind == ONNX_VECTOR) {
        out->count = in->rank;
        out->ints[0] = (struct onnx_size){in->count, SYMBOL_NONE};
        return 0;
    }
    out->count = in->rank;
    for (int i = 0; i < in->rank; i++)
        out->ints[i] = in->dims[i];
    return 0;
}

int onnx_constant_of_shape(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    const Onnx__AttributeProto *a = onnx_attribute(r, "value");
    struct onnx_value element = {0};
    double fill = 0;

    if (in->kind != ONNX_VECTOR)
        return unsupported(r);
    if (a && a->t) {
        if (onnx_decode(r, a->t, &element) != 0)
            return -1;
        if (element.kind == ONNX_VECTOR && element.count == 1)
            fill = (double)element.ints[0].k;
        else if (element.kind == ONNX_TENSOR && onnx_count(&element) == 1)
            fill = element.data[0];
        else
            return onnx_fail(r, "has a value that is not one number");
    }
    set_fill(onnx_output(r, 0), fill, in);
    return 0;
}

int onnx_expand(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0), *shape = onnx_input(r, 1);
    struct onnx_value *out = onnx_output(r, 0);

    if (in->kind == ONNX_FLOW || in->kind == ONNX_VECTOR || !shape || shape->kind != ONNX_VECTOR)
        return unsupported(r);
    if (in->kind == ONNX_FILL || onnx_all_zero(in))
        set_fill(out, in->kind == ONNX_FILL ? in->fill : 0, shape);
    else
        set_opaque(out);
    return 0;
}

int onnx_fold_gather(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0), *index = onnx_input(r, 1);
    struct onnx_value *out = onnx_output(r, 0);

    if (in->kind != ONNX_VECTOR) {
        if (onnx_all_zero(in)) {
            out->kind = ONNX_FILL;
            out->rank = in->rank > 0 ? in->rank - 1 : 0;
            for (int i = 0; i < out->rank; i++)
                out->dims[i] = unknown;
        } else {
            set_opaque(out);
        }
        return 0;
    }
    if (!index || index->kind != ONNX_VECTOR || in->rank != 1)
        return unsupported(r);
    out->kind = ONNX_VECTOR;
    out->rank = index->rank;
    out->count = index->count;
    for (int i = 0; i < index->count; i++) {
        int64_t k = index->ints[i].k;
        if (index->ints[i].symbol != SYMBOL_NONE || k >= in->count || k < -in->count)
            return onnx_fail(r, "has an index outside of the list it reads");
        out->ints[i] = in->ints[k < 0 ? k + in->count : k];
    }
    return 0;
}

int onnx_fold_concat(struct onnx_reader *r) {
    struct onnx_value *out = onnx_output(r, 0);
    bool vectors = true, zero = true;
    int rank = 0;

    for (size_t i = 0; i < r->node->n_input; i++) {
        const struct onnx_value *in = onnx_input(r, i);
        if (!in)
            return onnx_fail(r, "lacks an input");
        vectors = vectors && in->kind == ONNX_VECTOR && in->rank == 1;
        zero = zero && onnx_all_zero(in);
        rank = in->rank;
    }
    if (!vectors) {
        if (!zero) {
            set_opaque(out);
            return 0;
        }
        out->kind = ONNX_FILL;
        out->rank = rank;
        for (int i = 0; i < rank; i++)
            out->dims[i] = unknown;
        return 0;
    }
    out->kind = ONNX_VECTOR;
    out->rank = 1;
    for (size_t i = 0; i < r->node->n_input; i++) {
        const struct onnx_value *in = onnx_input(r, i);
        if (in->count > ONNX_INTS - out->count)
            return onnx_fail(r, "makes a list of more than %d numbers", ONNX_INTS);
        for (int j = 0; j < in->count; j++)
            out->ints[out->count++] = in->ints[j];
    }
    return 0;
}

int onnx_fold_slice(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    struct onnx_value *out = onnx_output(r, 0);
    int64_t start[ONNX_INTS], end[ONNX_INTS], step[ONNX_INTS];
    int starts, ends, steps;

    if (in->kind != ONNX_VECTOR) {
        if (onnx_all_zero(in)) {
            onnx_copy(out, in);
            out->kind = ONNX_FILL;
            out->fill = 0;
            for (int i = 0; i < out->rank; i++)
                out->dims[i] = unknown;
        } else {
            set_opaque(out);
        }
        return 0;
    }
    if (onnx_list(r, "starts", 1, start, &starts) != 0 ||
        onnx_list(r, "ends", 2, end, &ends) != 0 || onnx_list(r, "steps", 4, step, &steps) != 0)
        return -1;
    if (in->rank != 1 || starts != 1 || ends != 1 || (steps > 0 && step[0] != 1))
        return unsupported(r);
    int64_t from = start[0] < 0 ? start[0] + in->count : start[0];
    int64_t to = end[0] < 0 ? end[0] + in->count : end[0];
    if (from < 0)
        from = 0;
    if (to > in->count)
        to = in->count;
    out->kind = ONNX_VECTOR;
    out->rank = 1;
    for (int64_t i = from; i < to; i++)
        out->ints[out->count++] = in->ints[i];
    return 0;
}

int onnx_fold_squeeze(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    struct onnx_value *out = onnx_output(r, 0);
    int64_t axes[ONNX_INTS];
    bool drop[ONNX_RANK] = {false};
    int count;

    if (onnx_list(r, "axes", 1, axes, &count) != 0)
        return -1;
    if (in->kind == ONNX_VECTOR) {
        if (in->rank != 1 || in->count != 1)
            return unsupported(r);
        onnx_copy(out, in);
        out->rank = 0;
        return 0;
    }
    onnx_copy(out, in);
    if (in->kind == ONNX_OPAQUE)
        return 0;
    for (int i = 0; i < count; i++) {
        int axis;
        if (onnx_axis(r, axes[i], in->rank, &axis) != 0)
            return -1;
        drop[axis] = true;
    }
    out->rank = 0;
    for (int i = 0; i < in->rank; i++) {
        bool one = in->dims[i].symbol == SYMBOL_NONE && in->dims[i].k == 1;
        if (drop[i] && !one && in->kind == ONNX_TENSOR)
            return onnx_fail(r, "removes dimension %d, which is not of size 1", i);
        if (!drop[i] && !(count < 0 && one))
            out->dims[out->rank++] = in->dims[i];
    }
    return 0;
}

int onnx_fold_unsqueeze(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    struct onnx_value *out = onnx_output(r, 0);
    int64_t axes[ONNX_INTS];
    bool added[ONNX_RANK] = {false};
    int count;

    if (onnx_list(r, "axes", 1, axes, &count) != 0)
        return -1;
    onnx_copy(out, in);
    if (in->kind == ONNX_OPAQUE)
        return 0;
    if (count < 0 || in->rank + count > ONNX_RANK)
        return unsupported(r);
    if (in->kind == ONNX_VECTOR) {
        if (in->rank != 0 || count != 1)
            return unsupported(r);
        out->rank = 1;
        return 0;
    }
    for (int i = 0; i < count; i++) {
        int axis;
        if (onnx_axis(r, axes[i], in->rank + count, &axis) != 0)
            return -1;
        if (added[axis])
            return onnx_fail(r, "names an axis twice");
        added[axis] = true;
    }
    out->rank = in->rank + count;
    for (int i = 0, from = 0; i < out->rank; i++)
        out->dims[i] = added[i] ? (struct onnx_size){1, SYMBOL_NONE} : in->dims[from++];
    return 0;
}

int onnx_fold_reshape(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0), *shape = onnx_input(r, 1);
    struct onnx_value *out = onnx_output(r, 0);
    int64_t rest = 1;
    int open = -1;

    if (!shape || shape->kind != ONNX_VECTOR || shape->count > ONNX_RANK)
        return unsupported(r);
    if (in->kind == ONNX_FILL) {
        set_fill(out, in->fill, shape);
        return 0;
    }
    if (in->kind == ONNX_VECTOR) {
        // Only between a number and a list of one, or a list to itself.
        onnx_copy(out, in);
        out->rank = shape->count;
        if (shape->count > 1 || (shape->count == 0 && in->count != 1) ||
            (shape->count == 1 && shape->ints[0].k != -1 && shape->ints[0].k != in->count))
            return unsupported(r);
        return 0;
    }
    onnx_copy(out, in);
    if (in->kind == ONNX_OPAQUE)
        return 0;
    int64_t count = (int64_t)onnx_count(in);
    out->rank = shape->count;
    for (int i = 0; i < shape->count; i++) {
        int64_t k = shape->ints[i].k;
        if (k == 0 && i < in->rank)
            k = in->dims[i].k;
        if (shape->ints[i].symbol != SYMBOL_NONE || k < -1 || (k == -1 && open >= 0) ||
            (k > 0 && rest > count / k))
            return onnx_fail(r, "asks for a shape that does not fit the constant");
        if (k == -1)
            open = i;
        else
            rest *= k;
        out->dims[i] = (struct onnx_size){k, SYMBOL_NONE};
    }
    if (open >= 0 && rest > 0)
        out->dims[open].k = count / rest;
    if ((open >= 0 && rest == 0) || (int64_t)onnx_count(out) != count)
        return onnx_fail(r, "asks for a shape that does not fit the constant");
    return 0;
}

int onnx_fold_transpose(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    struct onnx_value *out = onnx_output(r, 0);

    if (in->kind == ONNX_FILL || in->kind == ONNX_OPAQUE) {
        onnx_copy(out, in);
        for (int i = 0; i < out->rank; i++)
            out->dims[i] = unknown;
        return 0;
    }
    if (in->kind != ONNX_TENSOR || in->rank != 2)
        return unsupported(r);
    const Onnx__AttributeProto *perm = onnx_attribute(r, "perm");
    onnx_copy(out, in);
    if (perm && (perm->n_ints != 2 || perm->ints[0] != 1 || perm->ints[1] != 0))
        return perm->n_ints == 2 && perm->ints[0] == 0 && perm->ints[1] == 1
                   ? 0
                   : onnx_fail(r, "has a perm that is no order of two axes");
    size_t rows = (size_t)in->dims[0].k, columns = (size_t)in->dims[1].k;
    out->dims[0] = in->dims[1];
    out->dims[1] = in->dims[0];
    out->data = onnx_allocate(r, rows * columns, sizeof *out->data);
    if (!out->data)
        return onnx_fail(r, "needs more memory than there is");
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++)
            out->data[j * rows + i] = in->data[i * columns + j];
    }
    return 0;
}

// a op b; a symbol survives only where the result is still one size plus a number.
static bool combine(char op, struct onnx_size a, struct onnx_size b, struct onnx_size *result) {
    int64_t k;
    bool overflow;

    if (op == 'A')
        overflow = __builtin_add_overflow(a.k, b.k, &k);
    else if (op == 'S')
        overflow = __builtin_sub_overflow(a.k, b.k, &k);
    else
        overflow = __builtin_mul_overflow(a.k, b.k, &k);
    if (overflow)
        return false;
    result->k = k;
    if (a.symbol == SYMBOL_NONE && b.symbol == SYMBOL_NONE)
        result->symbol = SYMBOL_NONE;
    else if (op != 'M' && b.symbol == SYMBOL_NONE)
        result->symbol = a.symbol;
    else if (op == 'A' && a.symbol == SYMBOL_NONE)
        result->symbol = b.symbol;
    else
        *result = unknown;
    return true;
}

// Add, Sub and Mul of shapes and indices.
int onnx_arithmetic(struct onnx_reader *r) {
    const struct onnx_value *a = onnx_input(r, 0), *b = onnx_input(r, 1);
    struct onnx_value *out = onnx_output(r, 0);

    if (!b || a->kind != ONNX_VECTOR || b->kind != ONNX_VECTOR ||
        (a->count != b->count && a->count != 1 && b->count != 1) || a->count < 1 || b->count < 1)
        return onnx_fail(r, "computes with values; this version takes LSTM layers and one linear "
                            "head, so move such arithmetic out of the network");
    out->kind = ONNX_VECTOR;
    out->rank = a->rank > b->rank ? a->rank : b->rank;
    out->count = a->count > b->count ? a->count : b->count;
    for (int i = 0; i < out->count; i++) {
        if (!combine(r->node->op_type[0], a->ints[a->count > 1 ? i : 0],
                     b->ints[b->count > 1 ? i : 0], &out->ints[i]))
            return onnx_fail(r, "gives a number that does not fit 64 bits");
    }
    return 0;
}
