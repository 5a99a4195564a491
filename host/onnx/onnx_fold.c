// SPDX-License-Identifier: Apache-2.0
// Folding of the parts of an ONNX graph that depend on the size of the input: shapes, and states
// that are zero in a shape made from them.
#include "onnx_parts.h"

#include <math.h>
#include <string.h>

static const struct onnx_size unknown = {0, SYMBOL_UNKNOWN};

static int unsupported(struct onnx_reader *r) {
    return onnx_fail(r->graph, "is applied to sizes of the input, or to values made from them, in "
                               "a way this version does not fold");
}

static bool is_known(struct onnx_size size) {
    return size.symbol == SYMBOL_NONE;
}

// Sizes that turn out to be numbers are a constant.
static int put_sizes(struct onnx_reader *r, const struct onnx_value *sizes) {
    struct onnx_value *out = onnx_output(r, 0);
    bool known = true;

    for (int i = 0; i < sizes->count; i++)
        known = known && is_known(sizes->ints[i]);
    *out = *sizes;
    out->kind = known ? ONNX_CONSTANT : ONNX_SIZES;
    if (!known)
        return 0;
    struct onnx_tensor *constant = onnx_eval_output(&r->fold, 0);
    int64_t count = sizes->count;
    if (onnx_eval_create(&r->fold, constant, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, sizes->rank,
                         &count) != 0)
        return -1;
    for (int i = 0; i < sizes->count; i++)
        constant->whole[i] = sizes->ints[i].k;
    return 0;
}

// shape: sizes, or NULL where it is not followed.
static void put_fill(struct onnx_reader *r, double fill, const struct onnx_value *shape) {
    struct onnx_value *out = onnx_output(r, 0);

    *out = (struct onnx_value){.kind = ONNX_FILL, .rank = RANK_UNKNOWN, .fill = fill};
    if (!shape || shape->count > ONNX_RANK)
        return;
    out->rank = shape->count;
    for (int i = 0; i < out->rank; i++)
        out->dims[i] = shape->ints[i];
}

// What every element of an input is; NAN where they differ.
static double fill_of(const struct onnx_reader *r, size_t index) {
    const struct onnx_tensor *t = onnx_constant(r, index);

    if (!t)
        return onnx_input(r, index)->kind == ONNX_FILL ? onnx_input(r, index)->fill : NAN;
    for (size_t i = 1; i < t->count; i++) {
        if (onnx_number(t, i) != onnx_number(t, 0))
            return NAN;
    }
    return t->count > 0 ? onnx_number(t, 0) : 0;
}

void onnx_shape_part(const struct onnx_graph *graph, int rank, int *start, int *end) {
    int64_t from = onnx_int(graph, "start", 0), to = onnx_int(graph, "end", rank);

    from = from < -rank ? 0 : from < 0 ? from + rank : from > rank ? rank : from;
    to = to < -rank ? 0 : to < 0 ? to + rank : to > rank ? rank : to;
    *start = (int)from;
    *end = (int)(to > from ? to : from);
}

int onnx_fold_shape(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    struct onnx_value out = {.rank = 1};
    int start, end;

    if (in->kind == ONNX_SIZES)
        out.ints[out.count++] = (struct onnx_size){in->count, SYMBOL_NONE};
    else if (in->rank == RANK_UNKNOWN)
        return unsupported(r);
    onnx_shape_part(r->graph, in->rank, &start, &end);
    if (in->kind == ONNX_SIZES)
        out.count = end - start;
    for (int i = start; in->kind != ONNX_SIZES && i < end; i++)
        out.ints[out.count++] = in->dims[i];
    return put_sizes(r, &out);
}

int onnx_fold_gather(struct onnx_reader *r) {
    const struct onnx_tensor *index = onnx_constant(r, 1);
    struct onnx_value in, out = {.kind = ONNX_SIZES};

    if (!onnx_sizes(r, 0, &in) || in.rank != 1 || !index || onnx_is_real(index->type) ||
        index->rank > 1 || index->count > ONNX_INTS)
        return unsupported(r);
    out.rank = index->rank;
    out.count = (int)index->count;
    for (int i = 0; i < out.count; i++) {
        int64_t k = index->whole[i];
        if (k >= in.count || k < -in.count)
            return onnx_fail(r->graph, "has an index outside of the list it reads");
        out.ints[i] = in.ints[k < 0 ? k + in.count : k];
    }
    return put_sizes(r, &out);
}

int onnx_fold_concat(struct onnx_reader *r) {
    struct onnx_value out = {.rank = 1}, in;
    const size_t inputs = r->graph->node->n_input;
    bool sizes = true;

    for (size_t i = 0; i < inputs; i++) {
        if (!onnx_input(r, i))
            return onnx_fail(r->graph, "lacks an input");
        sizes = sizes && onnx_sizes(r, i, &in) && in.rank == 1;
    }
    if (!sizes) {
        double fill = fill_of(r, 0);
        for (size_t i = 1; i < inputs; i++)
            fill = fill_of(r, i) == fill ? fill : NAN;
        put_fill(r, fill, NULL);
        return 0;
    }
    for (size_t i = 0; i < inputs; i++) {
        onnx_sizes(r, i, &in);
        if (in.count > ONNX_INTS - out.count)
            return onnx_fail(r->graph, "makes a list of more than %d numbers", ONNX_INTS);
        memcpy(out.ints + out.count, in.ints, (size_t)in.count * sizeof *in.ints);
        out.count += in.count;
    }
    return put_sizes(r, &out);
}

int onnx_fold_slice(struct onnx_reader *r) {
    struct onnx_value in, out = {.rank = 1};
    int64_t start[ONNX_INTS], end[ONNX_INTS], step[ONNX_INTS];
    int starts, ends, steps;

    if (onnx_list(r, "starts", 1, start, &starts) != 0 ||
        onnx_list(r, "ends", 2, end, &ends) != 0 || onnx_list(r, "steps", 4, step, &steps) != 0)
        return -1;
    if (!onnx_sizes(r, 0, &in) || in.rank != 1 || starts != 1 || ends != 1 ||
        (steps > 0 && step[0] != 1))
        return unsupported(r);
    int64_t from = start[0] < -in.count ? 0 : start[0] < 0 ? start[0] + in.count : start[0];
    int64_t to = end[0] < 0 ? end[0] + in.count : end[0] > in.count ? in.count : end[0];
    for (int64_t i = from; i < to; i++)
        out.ints[out.count++] = in.ints[i];
    return put_sizes(r, &out);
}

// Between a number and a list of one, or a list to itself.
static int fold_rank(struct onnx_reader *r, int rank) {
    struct onnx_value in;

    if (!onnx_sizes(r, 0, &in) || rank > 1 || (rank == 0 && in.count != 1))
        return unsupported(r);
    in.rank = rank;
    return put_sizes(r, &in);
}

int onnx_fold_reshape(struct onnx_reader *r) {
    const struct onnx_tensor *shape = onnx_constant(r, 1);

    if (!shape || onnx_is_real(shape->type) || shape->count > 1 ||
        (shape->count == 1 && shape->whole[0] != -1 && shape->whole[0] != onnx_input(r, 0)->count))
        return unsupported(r);
    return fold_rank(r, (int)shape->count);
}

int onnx_fold_cast(struct onnx_reader *r) {
    int64_t to = onnx_int(r->graph, "to", 0);

    if (to != ONNX__TENSOR_PROTO__DATA_TYPE__INT64 && to != ONNX__TENSOR_PROTO__DATA_TYPE__INT32)
        return unsupported(r);
    return fold_rank(r, onnx_input(r, 0)->rank);
}

int onnx_fold_constant_of_shape(struct onnx_reader *r) {
    const Onnx__AttributeProto *a = onnx_attribute(r->graph, "value");
    struct onnx_value shape;
    struct onnx_tensor element = {0};
    double fill = 0;

    if (!onnx_sizes(r, 0, &shape))
        return unsupported(r);
    if (a && a->t) {
        if (onnx_decode(r->graph, a->t, &element) != 0)
            return -1;
        fill = element.count == 1 ? onnx_number(&element, 0) : NAN;
        onnx_tensor_free(&element);
    }
    put_fill(r, fill, &shape);
    return 0;
}

// A constant that is spread over axes of open sizes stands for itself: these sizes count as 1.
static int spread(struct onnx_reader *r, const struct onnx_value *sizes,
                  int (*eval)(struct onnx_eval *, const int64_t *, int)) {
    struct onnx_value *out = onnx_output(r, 0);
    int64_t list[ONNX_INTS];

    for (int i = 0; i < sizes->count; i++)
        list[i] = is_known(sizes->ints[i]) ? sizes->ints[i].k : 1;
    if (eval(&r->fold, list, sizes->count) != 0)
        return -1;
    const struct onnx_tensor *made = onnx_eval_output(&r->fold, 0);
    *out = (struct onnx_value){.kind = ONNX_CONSTANT, .rank = made->rank};
    for (int k = 0; k < out->rank; k++)
        out->dims[k] = (struct onnx_size){made->dims[k], SYMBOL_NONE};
    return 0;
}

// Where one size is spread, each element is that.
static void fill_size(struct onnx_reader *r, const struct onnx_value *in) {
    if (in->kind != ONNX_SIZES || in->count != 1)
        return;
    onnx_output(r, 0)->fills_size = true;
    onnx_output(r, 0)->ints[0] = in->ints[0];
}

int onnx_fold_expand(struct onnx_reader *r) {
    const struct onnx_tensor *constant = onnx_constant(r, 0);
    struct onnx_value shape;
    bool single = constant && constant->count == 1;

    if (!onnx_input(r, 1) || !onnx_sizes(r, 1, &shape) || onnx_input(r, 0)->kind == ONNX_FLOW)
        return unsupported(r);
    if (constant && isnan(fill_of(r, 0)))
        return spread(r, &shape, onnx_eval_spread);
    const struct onnx_value in = *onnx_input(r, 0);
    put_fill(r, fill_of(r, 0), single && constant->rank <= shape.count ? &shape : NULL);
    fill_size(r, &in);
    return 0;
}

int onnx_fold_tile(struct onnx_reader *r) {
    const struct onnx_tensor *constant = onnx_constant(r, 0);
    struct onnx_value repeats;

    if (!onnx_input(r, 1) || !onnx_sizes(r, 1, &repeats))
        return unsupported(r);
    if (constant && isnan(fill_of(r, 0)))
        return spread(r, &repeats, onnx_eval_repeat);
    const struct onnx_value in = *onnx_input(r, 0);
    if (isnan(fill_of(r, 0)) && (in.kind != ONNX_SIZES || in.count != 1))
        return unsupported(r);
    put_fill(r, fill_of(r, 0), NULL);
    fill_size(r, &in);
    return 0;
}

// a op b; a symbol survives only where the result is still one size plus a number.
static bool combine(char op, struct onnx_size a, struct onnx_size b, struct onnx_size *result) {
    int64_t k = 0;
    bool overflow = false;

    if (op == 'A')
        overflow = __builtin_add_overflow(a.k, b.k, &k);
    else if (op == 'S')
        overflow = __builtin_sub_overflow(a.k, b.k, &k);
    else if (op == 'M')
        overflow = __builtin_mul_overflow(a.k, b.k, &k);
    else if (!is_known(b) || b.k == 0 || (b.k == -1 && a.k == INT64_MIN))
        return false;
    else
        k = a.k / b.k;
    if (overflow)
        return false;
    *result = (struct onnx_size){k, SYMBOL_NONE};
    if (is_known(a) && is_known(b))
        return true;
    bool same_a = op == 'A' || op == 'S' ? is_known(b) : is_known(b) && b.k == 1;
    bool same_b = op == 'A' ? is_known(a) : op == 'M' && is_known(a) && a.k == 1;
    if (same_a && a.symbol != SYMBOL_UNKNOWN)
        result->symbol = a.symbol;
    else if (same_b && b.symbol != SYMBOL_UNKNOWN)
        result->symbol = b.symbol;
    else
        *result = unknown;
    return true;
}

// Both inputs as lists of one length.
static bool pair_of(struct onnx_reader *r, size_t first, struct onnx_value *a,
                    struct onnx_value *b) {
    if (!onnx_input(r, first) || !onnx_input(r, first + 1) || !onnx_sizes(r, first, a) ||
        !onnx_sizes(r, first + 1, b) || a->count < 1 || b->count < 1 ||
        (a->count != b->count && a->count != 1 && b->count != 1))
        return false;
    int count = a->count > b->count ? a->count : b->count;
    for (int i = 1; i < count; i++) {
        if (a->count == 1)
            a->ints[i] = a->ints[0];
        if (b->count == 1)
            b->ints[i] = b->ints[0];
    }
    a->count = b->count = count;
    a->rank = b->rank = a->rank > b->rank ? a->rank : b->rank;
    return true;
}

int onnx_fold_arithmetic(struct onnx_reader *r) {
    struct onnx_value a, b;

    if (!pair_of(r, 0, &a, &b))
        return unsupported(r);
    for (int i = 0; i < a.count; i++) {
        if (!combine(r->graph->node->op_type[0], a.ints[i], b.ints[i], &a.ints[i]))
            return onnx_fail(r->graph, "gives a number that does not fit 64 bits");
    }
    return put_sizes(r, &a);
}

// Is a size equal to a number? Sizes are not negative, so a negative number is none.
int onnx_fold_equal(struct onnx_reader *r) {
    struct onnx_value a, b;

    if (!pair_of(r, 0, &a, &b))
        return unsupported(r);
    for (int i = 0; i < a.count; i++) {
        struct onnx_size x = a.ints[i], y = b.ints[i];
        if (is_known(x)) {
            x = b.ints[i];
            y = a.ints[i];
        }
        if (x.symbol == SYMBOL_UNKNOWN || (x.symbol != y.symbol && !(is_known(y) && y.k < x.k)))
            return unsupported(r);
        a.ints[i] = (struct onnx_size){x.symbol == y.symbol && x.k == y.k, SYMBOL_NONE};
    }
    return put_sizes(r, &a);
}

int onnx_fold_where(struct onnx_reader *r) {
    const struct onnx_tensor *which = onnx_constant(r, 0);
    struct onnx_value a, b;

    if (!which || onnx_is_real(which->type) || !pair_of(r, 1, &a, &b) ||
        (which->count != 1 && which->count != (size_t)a.count))
        return unsupported(r);
    for (int i = 0; i < a.count; i++) {
        if (!which->whole[which->count == 1 ? 0 : i])
            a.ints[i] = b.ints[i];
    }
    return put_sizes(r, &a);
}

int onnx_fold_identity(struct onnx_reader *r) {
    return fold_rank(r, onnx_input(r, 0)->rank);
}

// Of one size.
int onnx_fold_product(struct onnx_reader *r) {
    return onnx_input(r, 0)->count == 1 ? fold_rank(r, onnx_int(r->graph, "keepdims", 1) ? 1 : 0)
                                        : unsupported(r);
}

int onnx_fold_squeeze(struct onnx_reader *r) {
    return fold_rank(r, onnx_input(r, 0)->count == 1 ? 0 : 2);
}

int onnx_fold_unsqueeze(struct onnx_reader *r) {
    return fold_rank(r, onnx_input(r, 0)->rank == 0 ? 1 : 2);
}

// Of values that are all the same only.
int onnx_fold_split(struct onnx_reader *r) {
    const struct onnx_value in = *onnx_input(r, 0);

    if (in.kind != ONNX_FILL)
        return unsupported(r);
    for (size_t i = 0; i < r->graph->node->n_output; i++) {
        if (onnx_output(r, i))
            *onnx_output(r, i) =
                (struct onnx_value){.kind = ONNX_FILL, .rank = RANK_UNKNOWN, .fill = in.fill};
    }
    return 0;
}

int onnx_fold(struct onnx_reader *r) {
    const struct onnx_operator *row = r->graph->row;
    const struct onnx_value *in = onnx_input(r, 0);

    if (!in || (!onnx_output(r, 0) && !onnx_has(r->graph, ONNX_PARTS)))
        return onnx_fail(r->graph, "lacks its first input or output");
    if (in->kind == ONNX_FILL && onnx_is(r->graph, "Transpose") && in->rank != RANK_UNKNOWN)
        return onnx_transpose(r);
    if (in->kind == ONNX_FILL && onnx_has(r->graph, ONNX_MOVES)) {
        struct onnx_value shape;
        bool known = onnx_is(r->graph, "Reshape") && onnx_input(r, 1) && onnx_sizes(r, 1, &shape);
        for (int i = 0; known && i < shape.count; i++)
            known = shape.ints[i].symbol != SYMBOL_NONE || shape.ints[i].k > 0;
        const struct onnx_value from = *in;
        put_fill(r, in->fill, known ? &shape : NULL);
        onnx_output(r, 0)->fills_size = from.fills_size;
        onnx_output(r, 0)->ints[0] = from.ints[0];
        return 0;
    }
    return row->fold ? row->fold(r) : unsupported(r);
}
