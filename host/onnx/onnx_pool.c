// SPDX-License-Identifier: Apache-2.0
// Operators of ONNX that make one row of all steps: the greatest or the least of each number, the
// mean or the sum.
#include "onnx_parts.h"

#include <math.h>
#include <string.h>

static bool is_greatest(const struct onnx_graph *graph) {
    return onnx_is(graph, "ReduceMax") || onnx_is(graph, "GlobalMaxPool") ||
           onnx_is(graph, "MaxPool");
}

static bool is_mean(const struct onnx_graph *graph) {
    return onnx_is(graph, "ReduceMean") || onnx_is(graph, "GlobalAveragePool") ||
           onnx_is(graph, "AveragePool");
}

// Goes along all axes behind the second one?
static bool is_global(const struct onnx_graph *graph) {
    return strncmp(graph->node->op_type, "Reduce", 6) != 0;
}

// MaxPool and AveragePool over windows that are all of each axis, as they are written where the
// number of steps is fixed. dims: -1 where it is not known.
static int check_window(struct onnx_graph *graph, const int64_t *dims, int rank) {
    const Onnx__AttributeProto *window = onnx_attribute(graph, "kernel_shape");
    const Onnx__AttributeProto *pads = onnx_attribute(graph, "pads");
    bool whole = window && rank > 2 && window->n_ints == (size_t)rank - 2;

    if (!onnx_is(graph, "MaxPool") && !onnx_is(graph, "AveragePool"))
        return 0;
    for (int i = 2; whole && i < rank; i++)
        whole = window->ints[i - 2] == dims[i];
    for (size_t i = 0; whole && pads && i < pads->n_ints; i++)
        whole = pads->ints[i] == 0;
    return whole ? 0
                 : onnx_fail(graph, "pools over windows of steps; this version takes windows that "
                                    "are all of the steps, whose number is then fixed in the file");
}

int onnx_reduced_axes(struct onnx_eval *e, int rank, bool *gone, bool *keep) {
    int64_t axes[ONNX_INTS];
    int count, axis;

    memset(gone, 0, ONNX_RANK * sizeof *gone);
    *keep = true;
    if (is_global(e->graph)) {
        for (int i = 2; i < rank; i++)
            gone[i] = true;
        return 0;
    }
    *keep = onnx_int(e->graph, "keepdims", 1) != 0;
    if (onnx_eval_list(e, "axes", 1, axes, &count) != 0)
        return -1;
    for (int i = 0; i < count; i++) {
        if (onnx_axis(e->graph, axes[i], rank, &axis) != 0)
            return -1;
        gone[axis] = true;
    }
    for (int i = 0; i < rank && count <= 0 && !onnx_int(e->graph, "noop_with_empty_axes", 0); i++)
        gone[i] = true;
    return 0;
}

static int add_pool(struct onnx_reader *r, const struct onnx_value *x, struct onnx_value *out) {
    const bool of_x = x->layer == ONNX_X;
    const int width = of_x ? onnx_width_of_x(r) : r->layers[x->layer].units;
    const bool sums = onnx_is(r->graph, "ReduceSum");
    const struct onnx_layer layer = {.kind = is_greatest(r->graph) ? "max"
                                             : is_mean(r->graph)   ? "mean"
                                             : sums                ? "sum"
                                                                   : "min",
                                     .inputs = width,
                                     .units = width};
    int index;

    if (sums && (r->has_lengths || x->blank))
        return onnx_add_steps(r, x, out);
    struct onnx_value plain = *x;
    if (is_greatest(r->graph) && x->blank == ONNX_LEAST) // its own steps are the greatest
        plain.blank = out->blank = ONNX_NO_BLANK;
    else if (onnx_check_padding(r, "makes one row of all steps") != 0)
        return -1;
    if (onnx_add_layer(r, &plain, layer, &index) != 0)
        return -1;
    r->layers[index].per_step = false;
    out->layer = index;
    out->last = true;
    if (of_x)
        out->cast = (struct mr_cast){0};
    return 0;
}

int onnx_pool(struct onnx_reader *r) {
    const struct onnx_value *x = onnx_input(r, 0);
    const struct onnx_value *axes = onnx_input(r, 1);
    struct onnx_value *out = onnx_output(r, 0);
    bool gone[ONNX_RANK], keep;
    int64_t sizes[ONNX_RANK];
    int rank = 0;

    if (axes && axes->kind != ONNX_CONSTANT)
        return onnx_fail(r->graph, "has axes that are not constant");
    for (int i = 0; i < x->rank; i++)
        sizes[i] = x->dims[i].symbol == SYMBOL_NONE ? x->dims[i].k : -1;
    if (onnx_reduced_axes(&r->fold, x->rank, gone, &keep) != 0 ||
        check_window(r->graph, sizes, x->rank) != 0)
        return -1;
    for (int i = 0; i < x->rank && onnx_is(r->graph, "ReduceMean"); i++) {
        bool alone = gone[i] && !onnx_is_time(r, x, i) &&
                     (x->axis[i] == AXIS_FEATURE || (r->feature_axis < 0 && i == x->rank - 1));
        for (int k = 0; alone && k < x->rank; k++)
            alone = k == i || !gone[k] || x->axis[k] == AXIS_ONE;
        if (alone && onnx_claim_features(r, x, i) == 0)
            return onnx_feature_mean(r, x, keep);
    }
    if (onnx_is_moment(x))
        return onnx_check_numbers(r, x);
    *out = *x;
    for (int i = 0; i < x->rank; i++) {
        const bool steps = onnx_is_steps(r, x, i);
        if (gone[i] && steps && add_pool(r, x, out) != 0)
            return -1;
        if (gone[i] && !steps && x->axis[i] != AXIS_ONE)
            return onnx_fail(r->graph,
                             "goes along axis %d, which is neither that of the steps nor one of "
                             "stacked layers",
                             i);
        if (gone[i] && !keep)
            continue;
        out->axis[rank] = gone[i] ? AXIS_ONE : x->axis[i];
        out->dims[rank++] = gone[i] ? (struct onnx_size){1, SYMBOL_NONE} : x->dims[i];
    }
    out->rank = rank;
    return 0;
}

// Takes a number in: to a sum, or to the least or greatest so far.
static void add(double *to, double number, bool sums, bool least) {
    *to = sums ? *to + number : least ? fmin(*to, number) : fmax(*to, number);
}

int onnx_eval_pool(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const bool least = onnx_is(e->graph, "ReduceMin"), sum = onnx_is(e->graph, "ReduceSum");
    const bool product = onnx_is(e->graph, "ReduceProd"), mean = is_mean(e->graph);
    int64_t dims[ONNX_RANK], step[ONNX_RANK], index[ONNX_RANK] = {0}, next = 1;
    bool gone[ONNX_RANK], keep;
    int rank = 0;

    const bool real = onnx_is_real(in->type);
    if ((!real && mean) || (real && product) || in->count == 0)
        return onnx_eval_unsupported(e);
    if (onnx_reduced_axes(e, in->rank, gone, &keep) != 0 ||
        check_window(e->graph, in->dims, in->rank) != 0)
        return -1;
    for (int i = in->rank; i-- > 0;) {
        step[i] = gone[i] ? 0 : next;
        next *= gone[i] ? 1 : in->dims[i];
    }
    for (int i = 0; i < in->rank; i++)
        if (keep || !gone[i])
            dims[rank++] = gone[i] ? 1 : in->dims[i];
    if (onnx_eval_create(e, out, in->type, rank, dims) != 0)
        return -1;
    const size_t each = in->count / out->count;
    const double rows = mean ? (double)each : 1;
    for (size_t i = 0; i < out->count; i++) {
        if (real)
            out->real[i] = mean || sum ? 0 : least ? INFINITY : -INFINITY;
        else
            out->whole[i] = sum ? 0 : product ? 1 : least ? INT64_MAX : INT64_MIN;
    }
    for (size_t i = 0; i < in->count; i++) {
        int64_t at = 0;
        for (int k = 0; k < in->rank; k++)
            at += index[k] * step[k];
        if (real)
            add(&out->real[at], in->real[i] / rows, mean || sum, least);
        else if (sum)
            out->whole[at] = (int64_t)((uint64_t)out->whole[at] + (uint64_t)in->whole[i]);
        else if (product)
            out->whole[at] = (int64_t)((uint64_t)out->whole[at] * (uint64_t)in->whole[i]);
        else if (least ? in->whole[i] < out->whole[at] : in->whole[i] > out->whole[at])
            out->whole[at] = in->whole[i];
        for (int k = in->rank; k-- > 0 && ++index[k] == in->dims[k];)
            index[k] = 0;
    }
    return 0;
}
