// SPDX-License-Identifier: Apache-2.0
// Operators of an ONNX graph that only move or drop axes: the flow's axes are followed by name,
// so that the layout of the input and the selection of the last step are understood.
#include "onnx_parts.h"

#include <string.h>

static const struct onnx_size one = {1, SYMBOL_NONE};

static bool is_flow(struct onnx_reader *r) {
    return onnx_input(r, 0)->kind == ONNX_FLOW;
}

static bool is_one(struct onnx_size size) {
    return size.symbol == SYMBOL_NONE && size.k == 1;
}

static bool is_time(const struct onnx_reader *r, const struct onnx_value *flow, int axis) {
    return r->time_axis >= 0 && flow->layer >= 0 && (int)flow->axis[axis] == r->time_axis;
}

static void remove_axis(struct onnx_value *flow, int axis) {
    flow->rank--;
    for (int i = axis; i < flow->rank; i++) {
        flow->dims[i] = flow->dims[i + 1];
        flow->axis[i] = flow->axis[i + 1];
    }
}

// Is index the last one of an axis of that size?
static bool is_end(struct onnx_size index, struct onnx_size size) {
    if (index.symbol == SYMBOL_NONE && index.k == -1)
        return true;
    return index.symbol != SYMBOL_UNKNOWN && index.symbol == size.symbol && index.k == size.k - 1;
}

// Takes one element of an axis; the axis stays, with size 1.
static int take(struct onnx_reader *r, struct onnx_value *flow, int axis, struct onnx_size index) {
    if (is_time(r, flow, axis)) {
        if (!is_end(index, flow->dims[axis]))
            return onnx_fail(r, "takes one step that is not the last; this version needs the last "
                                "step, as in y[:, -1]");
        flow->last = true;
    } else if (flow->axis[axis] == AXIS_STACK) {
        int64_t k = index.k < 0 ? index.k + flow->count : index.k;
        if (index.symbol != SYMBOL_NONE || k < 0 || k >= flow->count)
            return onnx_fail(r, "takes a layer that does not exist");
        flow->layer = (int)flow->ints[k].k;
        flow->count = 0;
    } else if (flow->axis[axis] != AXIS_ONE ||
               !(index.symbol == SYMBOL_NONE && (index.k == 0 || index.k == -1))) {
        return onnx_fail(r,
                         "takes single elements of axis %d; this version follows only the "
                         "selection of the last step",
                         axis);
    }
    flow->axis[axis] = AXIS_ONE;
    flow->dims[axis] = one;
    return 0;
}

int onnx_gather(struct onnx_reader *r) {
    const struct onnx_value *index = onnx_input(r, 1);
    struct onnx_value *out = onnx_output(r, 0);
    int axis;

    if (!is_flow(r))
        return onnx_fold_gather(r);
    onnx_copy(out, onnx_input(r, 0));
    if (!index || index->kind != ONNX_VECTOR || index->count != 1)
        return onnx_fail(r, "has an index that is not one constant");
    if (onnx_axis(r, onnx_int(r, "axis", 0), out->rank, &axis) != 0 ||
        take(r, out, axis, index->ints[0]) != 0)
        return -1;
    if (index->rank == 0)
        remove_axis(out, axis);
    return 0;
}

int onnx_concat(struct onnx_reader *r) {
    struct onnx_value *out = onnx_output(r, 0);
    const struct onnx_value *first = onnx_input(r, 0);
    bool any = false;
    int axis;

    for (size_t i = 0; i < r->node->n_input; i++)
        any = any || (onnx_input(r, i) && onnx_input(r, i)->kind == ONNX_FLOW);
    if (!any)
        return onnx_fold_concat(r);
    if (onnx_axis(r, onnx_int(r, "axis", 0), first->rank, &axis) != 0)
        return -1;
    onnx_copy(out, first);
    if (r->node->n_input == 1)
        return 0;
    if (r->node->n_input > ONNX_INTS)
        return onnx_fail(r, "joins more than %d values", ONNX_INTS);
    for (size_t i = 0; i < r->node->n_input; i++) {
        const struct onnx_value *in = onnx_input(r, i);
        if (!in || in->kind != ONNX_FLOW || in->rank != first->rank || !in->last || in->dense ||
            in->axis[axis] != AXIS_ONE || memcmp(in->axis, first->axis, sizeof in->axis) != 0)
            return onnx_fail(r, "joins values other than the last states of the LSTM layers");
        out->ints[i] = (struct onnx_size){in->layer, SYMBOL_NONE};
    }
    out->axis[axis] = AXIS_STACK;
    out->count = (int)r->node->n_input;
    out->dims[axis] = (struct onnx_size){out->count, SYMBOL_NONE};
    return 0;
}

int onnx_slice(struct onnx_reader *r) {
    struct onnx_value *out = onnx_output(r, 0);
    int64_t start[ONNX_INTS], end[ONNX_INTS], axes[ONNX_INTS], step[ONNX_INTS];
    int starts, ends, named, steps;

    if (!is_flow(r))
        return onnx_fold_slice(r);
    onnx_copy(out, onnx_input(r, 0));
    if (onnx_list(r, "starts", 1, start, &starts) != 0 ||
        onnx_list(r, "ends", 2, end, &ends) != 0 || onnx_list(r, "axes", 3, axes, &named) != 0 ||
        onnx_list(r, "steps", 4, step, &steps) != 0)
        return -1;
    if (starts < 1 || ends != starts || (named >= 0 && named != starts) ||
        (steps >= 0 && steps != starts))
        return onnx_fail(r, "has lists of starts, ends, axes and steps of different lengths");
    for (int i = 0; i < starts; i++) {
        int axis;
        if (onnx_axis(r, named >= 0 ? axes[i] : i, out->rank, &axis) != 0)
            return -1;
        if (steps >= 0 && step[i] != 1)
            return onnx_fail(r, "goes in steps other than 1");
        struct onnx_size size = out->dims[axis], from = {start[i], SYMBOL_NONE};
        bool to_end =
            end[i] >= INT32_MAX || (size.symbol == SYMBOL_NONE && size.k > 0 && end[i] >= size.k);
        if (start[i] == 0 && to_end)
            continue;
        // A slice of one element is a selection; -1 as its end would leave the last one out.
        bool single = (is_end(from, size) && to_end) ||
                      (start[i] != -1 && start[i] < INT64_MAX && end[i] == start[i] + 1);
        if (!single)
            return onnx_fail(r,
                             "takes a part of axis %d; this version follows only the selection "
                             "of the last step",
                             axis);
        if (take(r, out, axis, from) != 0)
            return -1;
    }
    return 0;
}

// May the axis vanish? Only when it has one element for sure.
static int drop_axis(struct onnx_reader *r, struct onnx_value *flow, int axis) {
    if (!is_one(flow->dims[axis]) || (flow->axis[axis] != AXIS_ONE && flow->layer < 0))
        return onnx_fail(r, "removes axis %d, which is not of size 1", axis);
    if (is_time(r, flow, axis))
        flow->last = true;
    if (flow->axis[axis] == AXIS_STACK)
        flow->layer = (int)flow->ints[0].k;
    remove_axis(flow, axis);
    return 0;
}

int onnx_squeeze(struct onnx_reader *r) {
    struct onnx_value *out = onnx_output(r, 0);
    int64_t axes[ONNX_INTS];
    bool drop[ONNX_RANK] = {false};
    int count;

    if (!is_flow(r))
        return onnx_fold_squeeze(r);
    onnx_copy(out, onnx_input(r, 0));
    if (onnx_list(r, "axes", 1, axes, &count) != 0)
        return -1;
    for (int i = 0; i < count; i++) {
        int axis;
        if (onnx_axis(r, axes[i], out->rank, &axis) != 0)
            return -1;
        drop[axis] = true;
    }
    for (int i = 0; count < 0 && i < out->rank; i++)
        drop[i] = is_one(out->dims[i]);
    for (int i = out->rank - 1; i >= 0; i--) {
        if (drop[i] && drop_axis(r, out, i) != 0)
            return -1;
    }
    return 0;
}

int onnx_unsqueeze(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    struct onnx_value *out = onnx_output(r, 0);
    int64_t axes[ONNX_INTS];
    bool added[ONNX_RANK] = {false};
    int count;

    if (!is_flow(r))
        return onnx_fold_unsqueeze(r);
    if (onnx_list(r, "axes", 1, axes, &count) != 0)
        return -1;
    if (count < 0 || in->rank + count > ONNX_RANK)
        return onnx_fail(r, "has no usable list of axes");
    for (int i = 0; i < count; i++) {
        int axis;
        if (onnx_axis(r, axes[i], in->rank + count, &axis) != 0)
            return -1;
        if (added[axis])
            return onnx_fail(r, "names an axis twice");
        added[axis] = true;
    }
    onnx_copy(out, in);
    out->rank = in->rank + count;
    for (int i = 0, from = 0; i < out->rank; i++) {
        out->dims[i] = added[i] ? one : in->dims[from];
        out->axis[i] = added[i] ? AXIS_ONE : in->axis[from++];
    }
    return 0;
}

// Axes of size 1 may come and go; the others keep their order and sizes.
static int reshape_to(struct onnx_reader *r, const struct onnx_size *target, int rank) {
    const struct onnx_value *in = onnx_input(r, 0);
    struct onnx_value *out = onnx_output(r, 0);
    int kept[ONNX_RANK], count = 0, next = 0, open = 0;

    onnx_copy(out, in);
    for (int i = 0; i < in->rank; i++) {
        if (in->axis[i] != AXIS_ONE)
            kept[count++] = i;
    }
    out->rank = rank;
    for (int i = 0; i < rank; i++) {
        struct onnx_size want = target[i];
        if (want.symbol == SYMBOL_NONE && want.k == 0 && i < in->rank)
            want = in->dims[i];
        bool any = want.symbol == SYMBOL_NONE && want.k == -1;
        open += any;
        const struct onnx_size *size = next < count ? &in->dims[kept[next]] : NULL;
        if (size && (any || (want.symbol != SYMBOL_UNKNOWN && want.symbol == size->symbol &&
                             want.k == size->k))) {
            out->axis[i] = in->axis[kept[next]];
            out->dims[i] = *size;
            next++;
        } else if (is_one(want) || (any && !size)) {
            out->axis[i] = AXIS_ONE;
            out->dims[i] = one;
        } else {
            return onnx_fail(r, "mixes or splits axes; this version follows only added or removed "
                                "axes of size 1");
        }
    }
    for (; next < count; next++) {
        if (!in->dense || !is_one(in->dims[kept[next]]))
            return onnx_fail(r, "joins axes; this version follows only added or removed axes of "
                                "size 1");
    }
    if (open > 1)
        return onnx_fail(r, "leaves more than one size open");
    return 0;
}

int onnx_reshape(struct onnx_reader *r) {
    const struct onnx_value *shape = onnx_input(r, 1);

    if (!is_flow(r))
        return onnx_fold_reshape(r);
    if (!shape || shape->kind != ONNX_VECTOR || shape->count > ONNX_RANK ||
        onnx_int(r, "allowzero", 0) != 0)
        return onnx_fail(r, "has a shape that is not constant");
    return reshape_to(r, shape->ints, shape->count);
}

int onnx_flatten(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    int64_t at = onnx_int(r, "axis", 1);
    struct onnx_size target[2] = {one, one};
    int used[2] = {0, 0};

    if (!is_flow(r))
        return onnx_fail(r, "is applied to a constant, which this version does not fold");
    if (at < 0)
        at += in->rank;
    for (int i = 0; i < in->rank; i++) {
        if (in->axis[i] == AXIS_ONE)
            continue;
        target[i >= at] = in->dims[i];
        if (used[i >= at]++ > 0)
            return onnx_fail(r, "joins axes; take the last step of the LSTM before it");
    }
    return reshape_to(r, target, 2);
}

int onnx_transpose(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    struct onnx_value *out = onnx_output(r, 0);
    const Onnx__AttributeProto *perm = onnx_attribute(r, "perm");
    bool seen[ONNX_RANK] = {false};

    if (!is_flow(r))
        return onnx_fold_transpose(r);
    onnx_copy(out, in);
    if (perm && perm->n_ints != (size_t)in->rank)
        return onnx_fail(r, "has a perm of another length than the value has axes");
    for (int i = 0; i < in->rank; i++) {
        int64_t from = perm ? perm->ints[i] : in->rank - 1 - i;
        if (from < 0 || from >= in->rank || seen[from])
            return onnx_fail(r, "has a perm that is no order of the axes");
        seen[from] = true;
        out->dims[i] = in->dims[from];
        out->axis[i] = in->axis[from];
    }
    return 0;
}
