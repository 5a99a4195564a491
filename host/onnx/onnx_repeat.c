// SPDX-License-Identifier: Apache-2.0
// Expand and Tile where they repeat the one row of each sequence at each step of a decoder: as many
// as the input has, or a number of its own. Where they leave a value as it is, it goes on.
#include "onnx_parts.h"

static bool is_one(struct onnx_size size) {
    return size.symbol == SYMBOL_NONE && size.k == 1;
}

static bool is_same(struct onnx_size a, struct onnx_size b) {
    return a.symbol != SYMBOL_UNKNOWN && a.symbol == b.symbol && a.k == b.k;
}

// Puts axes of size 1 in front, so that there are so many.
static void add_axes(struct onnx_value *value, int rank) {
    const int more = rank - value->rank;

    for (int i = rank; more > 0 && i-- > 0;) {
        value->axis[i] = i < more ? AXIS_ONE : value->axis[i - more];
        value->dims[i] = i < more ? (struct onnx_size){1, SYMBOL_NONE} : value->dims[i - more];
    }
    value->rank = more > 0 ? rank : value->rank;
}

int onnx_repeat_row(struct onnx_reader *r, struct onnx_value *value, int axis,
                    struct onnx_size steps) {
    struct onnx_layer layer = {.kind = "repeat"};
    int index;

    if (value->axis[axis] != AXIS_ONE || value->layer == ONNX_X || r->time_axis < 0 ||
        r->time_axis == AXIS_ONE)
        return onnx_fail(r->graph,
                         "repeats axis %d of what it reads; this version repeats the row of a "
                         "sequence, what a layer gives last or a head of it, at each step",
                         axis);
    if (!value->last && r->layers[value->layer].per_step)
        return onnx_fail(r->graph, "repeats rows that come at every step; this version repeats the "
                                   "one row of a sequence");
    const bool as_long = is_same(steps, r->steps);
    if (!as_long && (steps.symbol != SYMBOL_NONE || steps.k < 1 || steps.k > MR_MOST_OWN_STEPS))
        return onnx_fail(r->graph,
                         "repeats a row a number of times that is neither constant, up to %d, nor "
                         "that of the steps of the input",
                         MR_MOST_OWN_STEPS);
    layer.steps = as_long ? 0 : (int)steps.k;
    if (onnx_source(r, value, &index) != 0)
        return -1;
    layer.inputs = layer.units = r->layers[index].units;
    if (onnx_add_layer(r, value, layer, &index) != 0)
        return -1;
    r->layers[index].per_step = true;
    value->layer = index;
    value->last = false;
    value->axis[axis] = (enum onnx_axis)r->time_axis;
    value->dims[axis] = steps;
    return 0;
}

int onnx_repeat(struct onnx_reader *r) {
    const bool tiles = onnx_is(r->graph, "Tile");
    struct onnx_value sizes, value = *onnx_input(r, 0);
    int along = -1;

    if (!onnx_input(r, 1) || !onnx_sizes(r, 1, &sizes) || sizes.count > ONNX_RANK ||
        (tiles && sizes.count != value.rank))
        return onnx_fail(r->graph, "has a shape that is not constant, nor one of the input's");
    add_axes(&value, sizes.count);
    const int first = value.rank - sizes.count; // axis of the first size
    for (int i = first; i < value.rank; i++) {
        const struct onnx_size want = sizes.ints[i - first], own = value.dims[i];
        if (is_one(want) || (!tiles && (is_same(want, own) || (want.symbol && !is_one(own)))))
            continue;
        if (along >= 0 || !is_one(own))
            return onnx_fail(r->graph,
                             "repeats what it reads along axis %d; this version repeats "
                             "one row along one axis",
                             i);
        along = i;
    }
    if (along >= 0 && onnx_repeat_row(r, &value, along, sizes.ints[along - first]) != 0)
        return -1;
    *onnx_output(r, 0) = value;
    return 0;
}
