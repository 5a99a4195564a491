// SPDX-License-Identifier: Apache-2.0
// Operators on values that hold the rows of several layers, stacked along axes of their own
// (onnx_stack.c): what computes with rows is applied to those of each layer, and a sum, mean,
// greatest or least along the layers makes one row of them.
#include "onnx_parts.h"

#include <string.h>

// An input that is a stack, as it was.
struct stack_input {
    int value;
    struct onnx_value whole;
};

static bool is_of_stack(enum onnx_axis axis) {
    return axis == AXIS_STACK || axis == AXIS_SUBSTACK;
}

static bool is_reduction(const struct onnx_graph *graph) {
    return strncmp(graph->node->op_type, "Reduce", 6) == 0;
}

bool onnx_reads_stack(const struct onnx_reader *r) {
    const bool moves = onnx_has(r->graph, ONNX_MOVES) || onnx_is(r->graph, "Split") ||
                       onnx_is(r->graph, "Dropout");

    if (onnx_is(r->graph, "Concat")) { // along the features
        const struct onnx_value *first = onnx_input(r, 0);
        const int64_t given = onnx_int(r->graph, "axis", 0), rank = first->rank;
        const int64_t axis = given < 0 ? given + rank : given;
        return onnx_is_stack(first) && axis >= 0 && axis < rank &&
               first->axis[axis] == AXIS_FEATURE;
    }
    for (size_t i = 0; i < r->graph->node->n_input && !moves; i++) {
        const struct onnx_value *in = onnx_input(r, i);
        if (in && in->kind == ONNX_FLOW && onnx_is_stack(in))
            return true;
    }
    return false;
}

// The place of layer k of a stack along one of its axes.
static int place_along(const struct onnx_value *value, enum onnx_axis axis, int k) {
    int inner = 1;

    for (int i = 0; i < value->rank; i++)
        if (value->axis[i] == AXIS_SUBSTACK)
            inner = (int)value->dims[i].k;
    return axis == AXIS_SUBSTACK ? k % inner : k / inner;
}

struct onnx_value onnx_layer_of(const struct onnx_reader *r, const struct onnx_value *stack,
                                int k) {
    struct onnx_value one = *stack;

    for (int i = 0; i < one.rank; i++)
        if (is_of_stack(one.axis[i])) {
            one.axis[i] = stack->merged ? (enum onnx_axis)r->batch_axis : AXIS_ONE;
            one.dims[i] = stack->merged ? stack->batch : (struct onnx_size){1, SYMBOL_NONE};
        }
    one.merged = false;
    one.layer = (int)stack->ints[k].k;
    one.count = 0;
    return one;
}

// ---- Constants with numbers for each layer

// The part of a constant that belongs to layer k of a stack; type 0 where it is the same for all.
// -1 with a sentence.
static int part_of(struct onnx_reader *r, const struct onnx_value *stack,
                   const struct onnx_tensor *constant, int k, struct onnx_tensor *part) {
    const int offset = stack->rank - constant->rank;
    int64_t dims[ONNX_RANK], from[ONNX_RANK] = {0}, index[ONNX_RANK] = {0};
    bool differs = false;

    *part = (struct onnx_tensor){0};
    memcpy(dims, constant->dims, sizeof dims);
    for (int i = 0; i < constant->rank; i++) {
        if (i + offset < 0 || !is_of_stack(stack->axis[i + offset]) || dims[i] == 1)
            continue;
        from[i] = place_along(stack, stack->axis[i + offset], k);
        if (stack->merged || dims[i] != stack->dims[i + offset].k)
            return onnx_fail(r->graph, "has numbers for %lld layers, and reads the rows of %d",
                             (long long)dims[i], stack->count);
        dims[i] = 1;
        differs = true;
    }
    if (!differs)
        return 0;
    if (onnx_tensor_create(part, constant->type, constant->rank, dims, &r->graph->budget) != 0)
        return onnx_fail(r->graph, "needs more memory than there is");
    for (size_t i = 0; i < part->count; i++) {
        int64_t at = 0;
        for (int a = 0; a < constant->rank; a++)
            at = at * constant->dims[a] + from[a] + index[a];
        part->whole[i] = constant->whole[at];
        for (int a = constant->rank; a-- > 0 && ++index[a] == dims[a];)
            index[a] = 0;
    }
    return 0;
}

// Reads the current node as it would be on layer k: its constants are those of the layer meanwhile.
static int read_layer(struct onnx_reader *r, const struct onnx_value *stack, int k) {
    const bool spreads = onnx_is(r->graph, "Add") || onnx_is(r->graph, "Sub") ||
                         onnx_is(r->graph, "Mul") || onnx_is(r->graph, "Div");
    struct onnx_tensor part = {0}, kept = {0};
    int value = -1;

    for (size_t i = 0; i < r->graph->node->n_input && spreads && value < 0; i++) {
        const struct onnx_tensor *constant = onnx_constant(r, i);
        if (!constant)
            continue;
        if (part_of(r, stack, constant, k, &part) != 0)
            return -1;
        value = part.type ? onnx_input_index(r->graph, i) : -1;
    }
    if (value >= 0) {
        kept = r->graph->constants[value];
        r->graph->constants[value] = part;
    }
    const int result = r->graph->row->read(r);
    if (value >= 0) {
        onnx_tensor_free(&r->graph->constants[value]);
        r->graph->constants[value] = kept;
    }
    return result;
}

// ---- Each layer

// Where an axis of the current node's input is in its output.
static int place_behind(struct onnx_reader *r, int rank, int axis) {
    const bool keep = onnx_int(r->graph, "keepdims", 1) != 0;
    bool gone[ONNX_RANK], kept;
    int before = 0, along;

    if (is_reduction(r->graph) && !keep) {
        if (onnx_reduced_axes(&r->fold, rank, gone, &kept) != 0)
            return -1;
        for (int i = 0; i < axis; i++)
            before += gone[i];
    } else if (onnx_is(r->graph, "ArgMax") && !keep) {
        if (onnx_axis(r->graph, onnx_int(r->graph, "axis", 0), rank, &along) != 0)
            return -1;
        before = along < axis;
    }
    return axis - before;
}

// What the current node gives of each layer, as a stack again.
static int put_stack(struct onnx_reader *r, const struct onnx_value *in,
                     const struct onnx_value *outs) {
    struct onnx_value *out = onnx_output(r, 0);

    *out = outs[0];
    for (int i = 0; i < in->count; i++) {
        if (outs[i].kind != ONNX_FLOW || outs[i].layer == ONNX_X)
            return onnx_fail(r->graph, "gives no rows of each of the layers that it reads");
        out->ints[i] = (struct onnx_size){outs[i].layer, SYMBOL_NONE};
    }
    for (int i = 0; i < in->rank; i++) {
        if (!is_of_stack(in->axis[i]))
            continue;
        const int to = place_behind(r, in->rank, i);
        if (to < 0)
            return -1;
        out->axis[to] = in->axis[i];
        out->dims[to] = in->dims[i];
    }
    out->count = in->count;
    out->merged = in->merged;
    out->batch = in->batch;
    return 0;
}

// Do both have the same layers along the same axes?
static bool same_stack(const struct onnx_value *a, const struct onnx_value *b) {
    bool same = a->count == b->count && a->rank == b->rank && a->merged == b->merged;

    for (int i = 0; same && i < a->rank; i++)
        same = is_of_stack(a->axis[i]) || is_of_stack(b->axis[i])
                   ? a->axis[i] == b->axis[i] && a->dims[i].k == b->dims[i].k
                   : true;
    return same;
}

static int apply_to_each(struct onnx_reader *r) {
    struct stack_input inputs[2] = {{0}};
    struct onnx_value outs[ONNX_INTS] = {{0}};
    const struct onnx_value *first = &inputs[0].whole;
    int count = 0, result = 0;

    for (size_t i = 0; i < r->graph->node->n_input; i++) {
        const int value = onnx_input_index(r->graph, i);
        if (value < 0 || r->values[value].kind != ONNX_FLOW)
            continue;
        if (count == 2 || !onnx_is_stack(&r->values[value]) ||
            (count == 1 && !same_stack(&inputs[0].whole, &r->values[value])))
            return onnx_fail(r->graph, "computes with rows of several layers or directions, "
                                       "stacked along an axis of their own, and with others");
        if (count == 1 && value == inputs[0].value)
            continue;
        inputs[count++] = (struct stack_input){value, r->values[value]};
    }
    for (int k = 0; k < first->count && result == 0; k++) {
        for (int i = 0; i < count; i++)
            r->values[inputs[i].value] = onnx_layer_of(r, &inputs[i].whole, k);
        result = read_layer(r, first, k);
        outs[k] = *onnx_output(r, 0);
    }
    for (int i = 0; i < count; i++)
        r->values[inputs[i].value] = inputs[i].whole;
    return result == 0 ? put_stack(r, first, outs) : -1;
}

// ---- Along the layers

// The sum, mean, greatest or least of those of the layers of x whose places along the axes that
// stay are these. made: the first of them before.
static int add_layers(struct onnx_reader *r, const struct onnx_value *x, const bool *gone, int k,
                      struct onnx_value *made) {
    const char *kind = onnx_is(r->graph, "ReduceMax")   ? "greater"
                       : onnx_is(r->graph, "ReduceMin") ? "less"
                                                        : "add";
    int added = 1;

    *made = onnx_layer_of(r, x, k);
    for (int other = k + 1; other < x->count; other++) {
        bool same = true;
        for (int i = 0; i < x->rank; i++)
            same = same && (!is_of_stack(x->axis[i]) || gone[i] ||
                            place_along(x, x->axis[i], k) == place_along(x, x->axis[i], other));
        if (!same)
            continue;
        const struct onnx_value a = *made, b = onnx_layer_of(r, x, other);
        if (onnx_join_rows(r, kind, &a, &b) != 0)
            return -1;
        *made = *onnx_output(r, 0);
        added++;
    }
    if (!onnx_is(r->graph, "ReduceMean") || added == 1)
        return 0;
    const struct onnx_value sum = *made;
    if (onnx_line(r, &sum, 1.0 / added, 0) != 0)
        return -1;
    *made = *onnx_output(r, 0);
    return 0;
}

static int reduce_layers(struct onnx_reader *r, const struct onnx_value *x, const bool *gone,
                         bool keep) {
    struct onnx_value made, out = *x;
    int layers[ONNX_INTS], count = 0, rank = 0, left = -1;

    for (int i = 0; i < x->rank; i++) {
        if (gone[i] && !is_of_stack(x->axis[i]) && x->axis[i] != AXIS_ONE)
            return onnx_fail(r->graph, "goes along the layers and along another axis at once");
        if (is_of_stack(x->axis[i]) && !gone[i])
            left = i;
    }
    if (x->merged)
        return onnx_fail(r->graph, "goes along the layers and the sequences at once");
    for (int k = 0; k < x->count; k++) {
        bool begins = true; // a group of layers that become one
        for (int i = 0; i < x->rank; i++)
            begins = begins &&
                     (!is_of_stack(x->axis[i]) || !gone[i] || place_along(x, x->axis[i], k) == 0);
        if (!begins)
            continue;
        if (add_layers(r, x, gone, k, &made) != 0)
            return -1;
        layers[count++] = made.layer;
    }
    out.last = made.last;
    for (int i = 0; i < x->rank; i++) {
        const bool ones = gone[i] || x->axis[i] == AXIS_ONE;
        if (gone[i] && !keep)
            continue;
        out.axis[rank] = ones ? AXIS_ONE : x->axis[i];
        out.dims[rank] = ones ? (struct onnx_size){1, SYMBOL_NONE} : x->dims[i];
        if (i == left)
            left = rank;
        rank++;
    }
    out.rank = rank;
    out.layer = layers[0];
    out.count = 0;
    if (count > 1)
        onnx_stack(&out, left, layers, count);
    *onnx_output(r, 0) = out;
    return 0;
}

int onnx_each_layer(struct onnx_reader *r) {
    const struct onnx_value *x = onnx_input(r, 0);
    bool gone[ONNX_RANK], keep, along = false;

    if (is_reduction(r->graph)) {
        if (onnx_input(r, 1) && onnx_input(r, 1)->kind != ONNX_CONSTANT)
            return onnx_fail(r->graph, "has axes that are not constant");
        if (onnx_reduced_axes(&r->fold, x->rank, gone, &keep) != 0)
            return -1;
        for (int i = 0; i < x->rank; i++)
            along = along || (gone[i] && is_of_stack(x->axis[i]));
    }
    if (!along)
        return apply_to_each(r);
    const struct onnx_value whole = *x;
    return reduce_layers(r, &whole, gone, keep);
}
