// SPDX-License-Identifier: Apache-2.0
// Values that hold the rows of several layers: stacked along an axis of their own, as the states of
// all layers or the halves of a bidirectional one are, or joined to one row. The network joins rows
// only; a stack exists while the file is read.
#include "onnx_parts.h"

#include "op.h"

#include <math.h>
#include <string.h>

void onnx_stack(struct onnx_value *value, int axis, const int *layers, int count) {
    value->layer = layers[0];
    value->count = count > 1 ? count : 0;
    for (int i = 0; i < count && count > 1; i++)
        value->ints[i] = (struct onnx_size){layers[i], SYMBOL_NONE};
    value->axis[axis] = count > 1 ? AXIS_STACK : AXIS_ONE;
    value->dims[axis] = (struct onnx_size){count, SYMBOL_NONE};
}

static int axis_of(const struct onnx_value *value, enum onnx_axis kind) {
    int axis = value->rank;

    while (axis-- > 0 && value->axis[axis] != kind)
        ;
    return axis;
}

bool onnx_is_stack(const struct onnx_value *value) {
    return axis_of(value, AXIS_STACK) >= 0;
}

// Of the layers along one of the axes of a stack, `from` up to before `end`.
int onnx_unstack(struct onnx_reader *r, struct onnx_value *value, int axis, int64_t from,
                 int64_t end) {
    const bool inner = value->axis[axis] == AXIS_SUBSTACK;
    const int sub = axis_of(value, AXIS_SUBSTACK), outer = axis_of(value, AXIS_STACK);
    const int inner_size = sub < 0 ? 1 : (int)value->dims[sub].k;
    const int size = (int)value->dims[axis].k;
    int layers[ONNX_INTS], count = 0;

    if (from < 0 || end > size || from >= end)
        return onnx_fail(r->graph, "takes a layer that does not exist");
    for (int i = 0; i < value->count; i++) {
        const int place = inner ? i % inner_size : i / inner_size;
        if (place >= from && place < end)
            layers[count++] = (int)value->ints[i].k;
    }
    value->dims[axis] = (struct onnx_size){end - from, SYMBOL_NONE};
    if (sub < 0) {
        onnx_stack(value, axis, layers, count);
        return 0;
    }
    if (end - from > 1) { // both axes stay
        for (int i = 0; i < count; i++)
            value->ints[i].k = layers[i];
        value->count = count;
        value->layer = layers[0];
        return 0;
    }
    value->axis[axis] = AXIS_ONE;
    onnx_stack(value, inner ? outer : sub, layers, count);
    return 0;
}

void onnx_split_stack(struct onnx_value *value, int axis, struct onnx_size outer,
                      struct onnx_size inner) {
    value->axis[axis] = outer.k == 1 ? AXIS_ONE : AXIS_STACK;
    value->axis[axis + 1] = inner.k == 1 ? AXIS_ONE : outer.k == 1 ? AXIS_STACK : AXIS_SUBSTACK;
    value->dims[axis] = outer;
    value->dims[axis + 1] = inner;
}

static int width_of(const struct onnx_reader *r, int layer, const struct onnx_size *width) {
    return layer == ONNX_X ? width->symbol == SYMBOL_NONE ? (int)width->k : 0
                           : r->layers[layer].units;
}

// A layer of the kind that reads two others, and gives so many numbers. a_width, b_width: theirs.
static int add_joint(struct onnx_reader *r, const char *kind, int a, int b, int a_width,
                     int b_width, int units, int *index) {
    const bool a_steps = a == ONNX_X || r->layers[a].per_step;
    const bool b_steps = b == ONNX_X || r->layers[b].per_step;
    const int a_depth = a == ONNX_X ? 0 : r->layers[a].depth;
    const int b_depth = b == ONNX_X ? 0 : r->layers[b].depth;

    if (a_steps != b_steps)
        return onnx_fail(r->graph, "joins a row of every step with one of the sequence");
    if (a_width < 1 || b_width < 1 || a_width + b_width > MR_MAX_WIDTH)
        return onnx_fail(r->graph, "joins rows of %d and %d numbers; together 2 to %d are possible",
                         a_width, b_width, MR_MAX_WIDTH);
    const struct onnx_layer layer = {.kind = kind,
                                     .input = a,
                                     .joins = true,
                                     .other = b,
                                     .inputs = a_width,
                                     .units = units,
                                     .per_step = a_steps,
                                     .scaled = -1,
                                     .depth = 1 + (a_depth > b_depth ? a_depth : b_depth)};
    return onnx_append_layer(r, layer, index);
}

// The rows of two layers as one; b_width: of the input, where one is that.
static int join(struct onnx_reader *r, int a, int b, int a_width, int b_width, int *index) {
    return add_joint(r, "concat", a, b, a_width, b_width, a_width + b_width, index);
}

// The number of each row of a layer as a row of so many, all alike.
static int fill_spread(struct onnx_reader *r, const struct onnx_layer *layer, struct mr_op *op) {
    for (int u = 0; u < layer->units; u++) {
        op->w_x[u] = (float)onnx_each(&layer->factor, (size_t)u, 1);
        op->bias[u] = (float)onnx_each(&layer->bias, (size_t)u, 0);
        if (!isfinite(op->w_x[u]) || !isfinite(op->bias[u]))
            return onnx_fail(r->graph, "has a factor or offset beyond float32");
    }
    return 0;
}

static int spread(struct onnx_reader *r, int units, int *index) {
    struct onnx_layer layer = {
        .kind = "dense", .inputs = 1, .units = units, .fill = fill_spread, .scaled = -1};

    layer.input = *index;
    layer.depth = 1 + (*index == ONNX_X ? 0 : r->layers[*index].depth);
    layer.per_step = *index == ONNX_X || r->layers[*index].per_step;
    return onnx_append_layer(r, layer, index);
}

int onnx_join_rows(struct onnx_reader *r, const char *kind, const struct onnx_value *a,
                   const struct onnx_value *b) {
    struct onnx_value *out = onnx_output(r, 0), one;
    const int feature = axis_of(axis_of(a, AXIS_FEATURE) < 0 ? b : a, AXIS_FEATURE);
    int from[2], index;

    for (int i = 0; i < 2 && feature >= 0; i++) { // rows of one number, whose axis was dropped
        const struct onnx_value **side = i ? &b : &a;
        if (feature < (*side)->rank && (*side)->axis[feature] == AXIS_ONE &&
            axis_of(*side, AXIS_FEATURE) < 0 && onnx_features(r, *side) == 1) {
            one = **side;
            one.axis[feature] = AXIS_FEATURE;
            *side = &one;
        }
    }
    if (feature < 0 || b->rank != a->rank || b->last != a->last || b->sorted != a->sorted ||
        !onnx_same_rows(a, b) || memcmp(a->axis, b->axis, (size_t)a->rank * sizeof *a->axis) != 0)
        return onnx_fail(r->graph, "computes with two values that are not rows of layers, with the "
                                   "same axes and all of every step or all of one");
    if (onnx_check_numbers(r, a) != 0 || onnx_source(r, a, &from[0]) != 0 ||
        onnx_check_numbers(r, b) != 0 || onnx_source(r, b, &from[1]) != 0)
        return -1;
    const int widths[] = {width_of(r, from[0], &a->dims[feature]),
                          width_of(r, from[1], &b->dims[feature])};
    const int width = widths[0] > widths[1] ? widths[0] : widths[1];
    for (int i = 0; i < 2; i++) {
        if (widths[i] != width && widths[i] != 1)
            return onnx_fail(r->graph, "computes with rows of %d and %d numbers", widths[0],
                             widths[1]);
        if (widths[i] != width && spread(r, width, &from[i]) != 0)
            return -1;
    }
    if (add_joint(r, kind, from[0], from[1], width, width, width, &index) != 0)
        return -1;
    *out = *a;
    out->dims[feature] = (struct onnx_size){width, SYMBOL_NONE};
    out->layer = index;
    out->cast = (struct mr_cast){0};
    out->last = !r->layers[index].per_step;
    return 0;
}

// The values' rows behind each other, of which each is a layer's.
static int join_values(struct onnx_reader *r, const struct onnx_value *values, int count,
                       int feature, struct onnx_value *out) {
    int joined = 0, width = 0;

    for (int i = 0; i < count; i++) {
        int layer;
        if (onnx_check_numbers(r, &values[i]) != 0 || onnx_source(r, &values[i], &layer) != 0)
            return -1;
        const int own = width_of(r, layer, &values[i].dims[feature]);
        if (i > 0 && join(r, joined, layer, width, own, &layer) != 0)
            return -1;
        joined = layer;
        width += own;
    }
    out->layer = joined;
    out->count = 0;
    out->last = joined != ONNX_X && !r->layers[joined].per_step;
    out->dims[feature] = (struct onnx_size){width, SYMBOL_NONE};
    return 0;
}

int onnx_join_stack(struct onnx_reader *r, struct onnx_value *value, int feature) {
    struct onnx_value parts[ONNX_INTS];
    const int count = value->count;

    for (int i = 0; i < value->rank; i++)
        if (value->axis[i] == AXIS_STACK || value->axis[i] == AXIS_SUBSTACK)
            value->axis[i] = AXIS_ONE;
    for (int i = 0; i < count; i++) {
        parts[i] = *value;
        parts[i].layer = (int)value->ints[i].k;
    }
    return join_values(r, parts, count, feature, value);
}

// Values beside each other whose axes are the same but along `axis`.
static int check_parts(struct onnx_reader *r, int axis) {
    const struct onnx_value *first = onnx_input(r, 0);

    for (size_t i = 0; i < r->graph->node->n_input; i++) {
        const struct onnx_value *in = onnx_input(r, i);
        bool good = in && in->kind == ONNX_FLOW && in->rank == first->rank && onnx_is_plain(in) &&
                    in->last == first->last && in->sorted == first->sorted &&
                    onnx_same_rows(in, first);
        for (int k = 0; good && k < in->rank; k++)
            good = in->axis[k] == first->axis[k] ||
                   (k == axis && (in->axis[k] == AXIS_ONE || in->axis[k] == AXIS_STACK) &&
                    (first->axis[k] == AXIS_ONE || first->axis[k] == AXIS_STACK));
        if (!good)
            return onnx_fail(r->graph, "joins values that are not rows of layers, with the same "
                                       "axes and all of every step or all of one");
    }
    return 0;
}

// Along the features rows are joined, along an axis of size 1 they are stacked.
int onnx_concat(struct onnx_reader *r) {
    struct onnx_value *out = onnx_output(r, 0);
    const struct onnx_value *first = onnx_input(r, 0);
    const size_t inputs = r->graph->node->n_input;
    struct onnx_value parts[ONNX_INTS];
    int layers[ONNX_INTS], count = 0, axis;

    if (onnx_axis(r->graph, onnx_int(r->graph, "axis", 0), first->rank, &axis) != 0)
        return -1;
    *out = *first;
    if (inputs == 1)
        return 0;
    if (inputs > ONNX_INTS)
        return onnx_fail(r->graph, "joins more than %d values", ONNX_INTS);
    if (check_parts(r, axis) != 0)
        return -1;
    for (size_t i = 0; i < inputs; i++) {
        const struct onnx_value *in = onnx_input(r, i);
        parts[i] = *in;
        for (int k = 0; k < (in->axis[axis] == AXIS_STACK ? in->count : 1); k++) {
            if (count == ONNX_INTS)
                return onnx_fail(r->graph, "joins more than %d rows", ONNX_INTS);
            layers[count++] = in->axis[axis] == AXIS_STACK ? (int)in->ints[k].k : in->layer;
        }
    }
    if (first->axis[axis] == AXIS_FEATURE && !onnx_is_stack(first))
        return join_values(r, parts, (int)inputs, axis, out);
    if ((first->axis[axis] != AXIS_ONE && first->axis[axis] != AXIS_STACK) ||
        axis_of(first, AXIS_SUBSTACK) >= 0 ||
        (onnx_is_stack(first) && first->axis[axis] != AXIS_STACK))
        return onnx_fail(r->graph, "joins values along axis %d, which is not that of the features",
                         axis);
    onnx_stack(out, axis, layers, count);
    return 0;
}

// The rows of layers that were joined, in their order, as far as there is room; how many they are.
static int list_joined(const struct onnx_reader *r, int layer, int layers[ONNX_INTS], int count) {
    if (layer != ONNX_X && strcmp(r->layers[layer].kind, "concat") == 0) {
        count = list_joined(r, r->layers[layer].input, layers, count);
        return list_joined(r, r->layers[layer].other, layers, count);
    }
    if (count < ONNX_INTS)
        layers[count] = layer;
    return count + 1;
}

bool onnx_splits_joined(const struct onnx_reader *r, const struct onnx_value *value, int64_t outer,
                        int64_t inner) {
    int layers[ONNX_INTS];
    const bool joined =
        value->layer != ONNX_X && strcmp(r->layers[value->layer].kind, "concat") == 0;
    const int count = joined ? list_joined(r, value->layer, layers, 0) : 0;

    if (count < 2 || count > ONNX_INTS || count != outer)
        return false;
    for (int i = 0; i < count; i++)
        if (layers[i] == ONNX_X || r->layers[layers[i]].units != inner)
            return false;
    return true;
}

void onnx_split_joined(const struct onnx_reader *r, struct onnx_value *value, int axis) {
    int layers[ONNX_INTS];
    const int count = list_joined(r, value->layer, layers, 0);

    onnx_stack(value, axis, layers, count);
    value->axis[axis + 1] = AXIS_FEATURE;
    value->dims[axis + 1] = (struct onnx_size){r->layers[layers[0]].units, SYMBOL_NONE};
    value->last = !r->layers[layers[0]].per_step;
}

int onnx_take_joined(struct onnx_reader *r, struct onnx_value *value, int axis, int64_t from,
                     int64_t end) {
    struct onnx_value parts[ONNX_INTS];
    int layers[ONNX_INTS], taken = 0;
    int64_t at = 0;

    if (value->sum || value->flat || value->blank || from < 0 || end > value->dims[axis].k ||
        from >= end)
        return onnx_fail(r->graph, "takes numbers %lld to %lld of a row of %lld", (long long)from,
                         (long long)end - 1, (long long)value->dims[axis].k);
    const int count = list_joined(r, value->layer, layers, 0);
    if (count > ONNX_INTS)
        return onnx_fail(r->graph, "takes a part of more than %d joined rows", ONNX_INTS);
    for (int i = 0; i < count; i++) {
        struct onnx_value part = *value;
        part.layer = layers[i];
        const int64_t width =
            layers[i] == ONNX_X && count == 1 ? value->dims[axis].k : onnx_features(r, &part);
        const int64_t first = from > at ? from - at : 0,
                      to = (end < at + width ? end : at + width) - at;
        int taken_layer = layers[i];
        at += width;
        if (width < 1)
            return onnx_fail(r->graph,
                             "takes some of the features, whose number the file leaves open");
        if (first >= to)
            continue;
        if (to - first < width && onnx_take_units(r, &part, (int)first, (int)to, &taken_layer) != 0)
            return -1;
        part.layer = taken_layer;
        part.dims[axis] = (struct onnx_size){to - first, SYMBOL_NONE};
        part.cast = taken_layer == layers[i] ? value->cast : (struct mr_cast){0};
        parts[taken++] = part;
    }
    return join_values(r, parts, taken, axis, value);
}

// Parts of a stack, or of rows that were joined.
int onnx_split(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    const size_t outputs = r->graph->node->n_output;
    int64_t sizes[ONNX_INTS], at = 0;
    int axis, count;

    if (onnx_axis(r->graph, onnx_int(r->graph, "axis", 0), in->rank, &axis) != 0 ||
        onnx_list(r, "split", 1, sizes, &count) != 0)
        return -1;
    const struct onnx_size size = in->dims[axis];
    if (size.symbol != SYMBOL_NONE || outputs > ONNX_INTS ||
        (count >= 0 && (size_t)count != outputs))
        return onnx_fail(r->graph, "splits an axis whose size is open, or into other parts than it "
                                   "has outputs");
    const int64_t each = (size.k + (int64_t)outputs - 1) / (int64_t)outputs;
    for (size_t i = 0; i < outputs; i++) {
        const int64_t part = count >= 0 ? sizes[i] : at + each < size.k ? each : size.k - at;
        struct onnx_value *out = onnx_output(r, i);
        if (part < 1 || part > size.k - at)
            return onnx_fail(r->graph, "splits an axis of %lld into other parts",
                             (long long)size.k);
        if (out) {
            *out = *in;
            if (in->axis[axis] == AXIS_STACK || in->axis[axis] == AXIS_SUBSTACK) {
                if (onnx_unstack(r, out, axis, at, at + part) != 0)
                    return -1;
            } else if (onnx_is_features(r, in, axis) && !onnx_is_stack(in)) {
                if (onnx_claim_features(r, out, axis) != 0 ||
                    onnx_take_joined(r, out, axis, at, at + part) != 0)
                    return -1;
            } else if (part != size.k) {
                return onnx_fail(r->graph,
                                 "splits axis %d, which is not that of the features or "
                                 "layers",
                                 axis);
            }
        }
        at += part;
    }
    return 0;
}
