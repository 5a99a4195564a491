// SPDX-License-Identifier: Apache-2.0
// Sequences in the order of their lengths, as pack_padded_sequence(enforce_sorted=False) is
// exported: TopK of the lengths gives their order, Gather puts the sequences in it, ScatterElements
// turns the order round and Gather puts what comes out back. The network has them as they come.
#include "onnx_parts.h"

#include <stdlib.h>
#include <string.h>

static int unsupported(struct onnx_reader *r) {
    return onnx_fail(r->graph, "changes the order of the sequences in a way that this version does "
                               "not follow; it takes that of their lengths, and back");
}

static bool is_order(const struct onnx_value *value, enum onnx_order order) {
    return value && value->kind == ONNX_ORDER && value->order == order;
}

bool onnx_reads_order(const struct onnx_reader *r) {
    for (size_t i = 0; i < r->graph->node->n_input; i++)
        if (onnx_input(r, i) && onnx_input(r, i)->kind == ONNX_ORDER)
            return !onnx_is(r->graph, "Shape");
    return onnx_is(r->graph, "TopK");
}

// Of lengths, all of them from the greatest on.
static int sort(struct onnx_reader *r) {
    const struct onnx_value lengths = *onnx_input(r, 0);
    struct onnx_value *values = onnx_output(r, 0), *order = onnx_output(r, 1);
    const bool good = lengths.kind == ONNX_INPUT ||
                      (lengths.kind == ONNX_MASK && lengths.mask.lengths && lengths.rank == 1);

    if (!good || lengths.sorted || onnx_int(r->graph, "largest", 1) != 1 ||
        onnx_int(r->graph, "sorted", 1) != 1)
        return unsupported(r);
    if (lengths.kind == ONNX_INPUT)
        r->graph->of_lengths[lengths.layer] = true;
    if (values) {
        *values = lengths;
        values->sorted = true;
    }
    if (order) {
        *order = (struct onnx_value){.kind = ONNX_ORDER, .rank = 1, .order = ONNX_BY_LENGTH};
        order->dims[0] =
            lengths.kind == ONNX_MASK ? lengths.dims[0] : (struct onnx_size){0, SYMBOL_UNKNOWN};
    }
    return 0;
}

// Numbers from 0 on.
static bool counts_up(const struct onnx_value *value, const struct onnx_tensor *t) {
    for (size_t i = 0; t && i < t->count; i++)
        if (onnx_is_real(t->type) || t->whole[i] != (int64_t)i)
            return false;
    return t || is_order(value, ONNX_AS_IS);
}

static int turn(struct onnx_reader *r) {
    if (onnx_int(r->graph, "axis", 0) != 0 || !is_order(onnx_input(r, 1), ONNX_BY_LENGTH) ||
        !onnx_input(r, 2) || !counts_up(onnx_input(r, 2), onnx_constant(r, 2)))
        return unsupported(r);
    *onnx_output(r, 0) = *onnx_input(r, 1);
    onnx_output(r, 0)->order = ONNX_FROM_LENGTH;
    return 0;
}

static int gather(struct onnx_reader *r) {
    const struct onnx_value *data = onnx_input(r, 0), *order = onnx_input(r, 1);
    struct onnx_value *out = onnx_output(r, 0);
    const bool back = is_order(order, ONNX_FROM_LENGTH);
    int axis;

    if (!order || !(back || is_order(order, ONNX_BY_LENGTH)) ||
        (data->kind != ONNX_FLOW && data->kind != ONNX_MASK && data->kind != ONNX_INPUT &&
         data->kind != ONNX_FILL))
        return unsupported(r);
    const bool has_axes = data->kind == ONNX_FLOW || data->kind == ONNX_MASK;
    if (has_axes) {
        if (onnx_axis(r->graph, onnx_int(r->graph, "axis", 0), data->rank, &axis) != 0)
            return -1;
        const enum onnx_axis along = data->axis[axis];
        if (data->sorted != back || along > AXIS_INPUT_2 ||
            (r->batch_axis >= 0 && (int)along != r->batch_axis) ||
            (r->sorted_axis >= 0 && (int)along != r->sorted_axis))
            return unsupported(r);
        r->sorted_axis = (int)along;
    }
    *out = *data;
    out->sorted = has_axes && !back;
    return 0;
}

int onnx_order(struct onnx_reader *r) {
    if (onnx_is(r->graph, "TopK"))
        return sort(r);
    if (onnx_is(r->graph, "ScatterElements") || onnx_is(r->graph, "Scatter"))
        return turn(r);
    if (onnx_is(r->graph, "Gather"))
        return gather(r);
    const struct onnx_tensor *number = onnx_constant(r, 1);
    const bool same = number && number->count == 1 &&
                      ((onnx_is(r->graph, "Mul") && onnx_number(number, 0) == 1) ||
                       (onnx_is(r->graph, "Add") && onnx_number(number, 0) == 0));
    if (onnx_is(r->graph, "Mul") && !same)
        return onnx_begin_steps(r) == 0 ? 0 : unsupported(r);
    if (!(onnx_has(r->graph, ONNX_MOVES) || same) || onnx_input(r, 0)->kind != ONNX_ORDER)
        return unsupported(r);
    *onnx_output(r, 0) = *onnx_input(r, 0);
    return 0;
}

// From 0 in steps of 1, up to a size.
int onnx_fold_range(struct onnx_reader *r) {
    const struct onnx_tensor *start = onnx_constant(r, 0), *step = onnx_constant(r, 2);
    struct onnx_value end;

    if (!start || start->count != 1 || onnx_number(start, 0) != 0 || !step || step->count != 1 ||
        onnx_number(step, 0) != 1 || !onnx_input(r, 1) || !onnx_sizes(r, 1, &end) || end.count != 1)
        return unsupported(r);
    *onnx_output(r, 0) = (struct onnx_value){
        .kind = ONNX_ORDER, .rank = 1, .order = ONNX_AS_IS, .dims = {end.ints[0]}};
    return 0;
}

// The same as exporters before version 11 write it: the places of a list of ones.
int onnx_fold_places(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);

    if (in->kind != ONNX_FILL || in->rank != 1 || !(in->fill != 0))
        return unsupported(r);
    const struct onnx_size size = in->dims[0]; // of the list that is made of its one row
    *onnx_output(r, 0) =
        (struct onnx_value){.kind = ONNX_ORDER, .rank = 1, .order = ONNX_AS_IS, .dims = {size}};
    return 0;
}

// ---- Computing

// Of a list those that are not 0.
int onnx_eval_places(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    int64_t dims[2] = {1, 0};
    struct onnx_tensor *out = onnx_eval_output(e, 0);

    if (in->rank != 1)
        return onnx_eval_unsupported(e);
    for (size_t i = 0; i < in->count; i++)
        dims[1] += onnx_number(in, i) != 0;
    if (onnx_eval_create(e, out, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 2, dims) != 0)
        return -1;
    for (size_t i = 0, to = 0; i < in->count; i++)
        if (onnx_number(in, i) != 0)
            out->whole[to++] = (int64_t)i;
    return 0;
}

// Numbers and their places, the largest first, of equal ones the first.
struct place {
    double number;
    int64_t at;
};

static int compare_places(const void *a, const void *b) {
    const struct place *x = a, *y = b;

    if (x->number != y->number)
        return x->number < y->number ? 1 : -1;
    return (x->at > y->at) - (x->at < y->at);
}

// Of a list, all of it in order.
int onnx_eval_top(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0), *count = onnx_eval_input(e, 1);
    struct onnx_tensor *values = onnx_eval_output(e, 0), *order = onnx_eval_output(e, 1);

    if (in->rank != 1 || onnx_is_real(in->type) || !count || count->count != 1 ||
        onnx_number(count, 0) != (double)in->count || onnx_int(e->graph, "largest", 1) != 1)
        return onnx_eval_unsupported(e);
    if ((values && onnx_eval_create(e, values, in->type, 1, in->dims) != 0) ||
        (order &&
         onnx_eval_create(e, order, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1, in->dims) != 0))
        return -1;
    struct place *places = calloc(in->count + 1, sizeof *places);
    if (!places)
        return onnx_fail(e->graph, "makes a value that needs more memory than there is");
    for (size_t i = 0; i < in->count; i++)
        places[i] = (struct place){onnx_number(in, i), (int64_t)i};
    qsort(places, in->count, sizeof *places, compare_places);
    for (size_t i = 0; i < in->count; i++) {
        if (values)
            values->whole[i] = in->whole[places[i].at];
        if (order)
            order->whole[i] = places[i].at;
    }
    free(places);
    return 0;
}

// Of lists.
int onnx_eval_scatter(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0), *at = onnx_eval_input(e, 1);
    const struct onnx_tensor *from = onnx_eval_input(e, 2);
    struct onnx_tensor *out = onnx_eval_output(e, 0);

    if (in->rank != 1 || !at || onnx_is_real(at->type) || !from || from->type != in->type ||
        from->count != at->count || onnx_attribute(e->graph, "reduction"))
        return onnx_eval_unsupported(e);
    if (onnx_eval_create(e, out, in->type, 1, in->dims) != 0)
        return -1;
    memcpy(out->whole, in->whole, in->count * sizeof *out->whole);
    for (size_t i = 0; i < at->count; i++) {
        const int64_t size = (int64_t)in->count,
                      k = at->whole[i] < 0 ? at->whole[i] + size : at->whole[i];
        if (k < 0 || k >= size)
            return onnx_fail(e->graph, "puts element %lld of a list of %lld",
                             (long long)at->whole[i], (long long)size);
        out->whole[k] = from->whole[i];
    }
    return 0;
}
