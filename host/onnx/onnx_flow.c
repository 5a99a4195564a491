// SPDX-License-Identifier: Apache-2.0
// Operators of an ONNX graph that only move or drop axes: the flow's axes are followed by name,
// so that the layout of the input and the selection of the last step are understood.
#include "onnx_parts.h"

#include <math.h>
#include <string.h>

static const struct onnx_size one = {1, SYMBOL_NONE};

static bool is_one(struct onnx_size size) {
    return size.symbol == SYMBOL_NONE && size.k == 1;
}

static bool is_zero(struct onnx_size size) {
    return size.symbol == SYMBOL_NONE && size.k == 0;
}

bool onnx_is_time(const struct onnx_reader *r, const struct onnx_value *flow, int axis) {
    return r->time_axis >= 0 && flow->layer != ONNX_X && r->time_axis != AXIS_ONE &&
           (int)flow->axis[axis] == r->time_axis;
}

bool onnx_is_steps(const struct onnx_reader *r, const struct onnx_value *flow, int axis) {
    return r->time_axis >= 0 && r->time_axis != AXIS_ONE && !flow->only &&
           (int)flow->axis[axis] == r->time_axis;
}

int onnx_claim_features(struct onnx_reader *r, const struct onnx_value *x, int axis) {
    const enum onnx_axis own = x->axis[axis];

    if (own == AXIS_FEATURE)
        return 0;
    if (r->feature_axis >= 0 || own > AXIS_INPUT_2)
        return onnx_fail(
            r->graph, "works along axis %d of the data, which is not that of the features", axis);
    r->feature_axis = (int)own;
    for (size_t i = 0; i < r->graph->value_count; i++)
        for (int k = 0; (r->values[i].kind == ONNX_FLOW || r->values[i].kind == ONNX_MASK) &&
                        k < r->values[i].rank;
             k++)
            if (r->values[i].axis[k] == own)
                r->values[i].axis[k] = AXIS_FEATURE;
    return 0;
}

bool onnx_is_features(const struct onnx_reader *r, const struct onnx_value *x, int axis) {
    return x->axis[axis] == AXIS_FEATURE ||
           (x->layer == ONNX_X && r->feature_axis < 0 && x->rank == INPUT_RANK &&
            axis == INPUT_RANK - 1 && x->axis[axis] <= AXIS_INPUT_2);
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
    const bool of_x = flow->layer == ONNX_X;

    if (onnx_is_steps(r, flow, axis)) {
        const bool first = is_zero(index) && !is_one(flow->dims[axis]) && !flow->tail;
        if (!first && !is_end(index, flow->dims[axis]))
            return onnx_fail(r->graph,
                             "takes one step that is not the first or last; this version needs one "
                             "of them, as in y[:, -1]");
        if (!first && !is_one(flow->dims[axis]) &&
            onnx_check_padding(r, "takes the last step") != 0)
            return -1;
        flow->tail = false; // the last step of some of the last ones is that of all
        if (of_x ? onnx_row_of_x(r, flow, first) != 0
                 : first && onnx_first_row(r, flow->layer, &flow->layer) != 0)
            return -1;
        flow->last = true;
    } else if (flow->axis[axis] == AXIS_STACK || flow->axis[axis] == AXIS_SUBSTACK) {
        const int64_t k = index.k < 0 ? index.k + flow->dims[axis].k : index.k;
        if (index.symbol != SYMBOL_NONE || k >= flow->dims[axis].k)
            return onnx_fail(r->graph, "takes a layer that does not exist");
        return onnx_unstack(r, flow, axis, k, k + 1);
    } else if (flow->layer == ONNX_X && !flow->only && index.symbol == SYMBOL_NONE &&
               (flow->axis[axis] == AXIS_FEATURE ||
                (flow->axis[axis] == AXIS_INPUT_2 && r->feature_axis < 0)) &&
               index.k < MR_MAX_WIDTH && index.k + flow->dims[axis].k >= 0) { // for a mask
        if (index.k < 0 && flow->dims[axis].symbol != SYMBOL_NONE)
            return onnx_fail(r->graph, "takes a feature from an end that the file leaves open");
        if (onnx_claim_features(r, flow, axis) != 0)
            return -1;
        flow->only = 1 + (int)(index.k < 0 ? index.k + flow->dims[axis].k : index.k);
    } else if (flow->layer != ONNX_X && flow->axis[axis] != AXIS_ONE &&
               (int)flow->axis[axis] == r->batch_axis) {
        return onnx_fail(r->graph,
                         "takes one sequence of the batch, for axis %d is the batch and not the "
                         "steps; check batch_first of the layer in front of it",
                         axis);
    } else if (flow->axis[axis] != AXIS_ONE ||
               !(index.symbol == SYMBOL_NONE && (index.k == 0 || index.k == -1))) {
        return flow->layer == ONNX_X
                   ? onnx_fail(r->graph,
                               "takes one element of axis %d of the input in front of the layers "
                               "that read all of it; do this with x before it is given to the "
                               "network",
                               axis)
                   : onnx_fail(r->graph,
                               "takes single elements of axis %d; this version takes the first "
                               "or the last step",
                               axis);
    }
    flow->axis[axis] = AXIS_ONE;
    flow->dims[axis] = one;
    return 0;
}

int onnx_gather(struct onnx_reader *r) {
    struct onnx_value *out = onnx_output(r, 0), index;
    int axis;

    if (onnx_input(r, 0)->kind != ONNX_FLOW)
        return onnx_embedding(r);
    *out = *onnx_input(r, 0);
    if (!onnx_input(r, 1) || !onnx_sizes(r, 1, &index) || index.count != 1)
        return onnx_fail(r->graph, "has an index that is not one constant");
    if (onnx_axis(r->graph, onnx_int(r->graph, "axis", 0), out->rank, &axis) != 0 ||
        take(r, out, axis, index.ints[0]) != 0)
        return -1;
    if (index.rank == 0)
        remove_axis(out, axis);
    return 0;
}

int onnx_slice(struct onnx_reader *r) {
    struct onnx_value *out = onnx_output(r, 0);
    int64_t start[ONNX_INTS], end[ONNX_INTS], axes[ONNX_INTS], step[ONNX_INTS];
    int starts, ends, named, steps;

    *out = *onnx_input(r, 0);
    if (onnx_list(r, "starts", 1, start, &starts) != 0 ||
        onnx_list(r, "ends", 2, end, &ends) != 0 || onnx_list(r, "axes", 3, axes, &named) != 0 ||
        onnx_list(r, "steps", 4, step, &steps) != 0)
        return -1;
    if (starts < 1 || ends != starts || (named >= 0 && named != starts) ||
        (steps >= 0 && steps != starts))
        return onnx_fail(r->graph,
                         "has lists of starts, ends, axes and steps of different lengths");
    for (int i = 0; i < starts; i++) {
        int axis;
        if (onnx_axis(r->graph, named >= 0 ? axes[i] : i, out->rank, &axis) != 0)
            return -1;
        struct onnx_size size = out->dims[axis], from = {start[i], SYMBOL_NONE};
        const bool known = size.symbol == SYMBOL_NONE;
        if (steps >= 0 && step[i] == -1 && // torch.flip
            (start[i] == -1 || start[i] >= INT32_MAX || (known && start[i] >= size.k - 1)) &&
            (end[i] <= -INT32_MAX || (known && end[i] <= -size.k - 1))) {
            if (onnx_turn(r, out, axis) != 0)
                return -1;
            if (!r->flipped)
                r->flipped = r->graph->node_index + 1;
            continue;
        }
        if (steps >= 0 && step[i] != 1)
            return onnx_fail(r->graph, "goes in steps other than 1, or from the end to another "
                                       "place than the begin");
        bool to_end =
            end[i] >= INT32_MAX || (size.symbol == SYMBOL_NONE && size.k > 0 && end[i] >= size.k);
        if (start[i] == 0 && to_end)
            continue;
        const enum onnx_axis along = out->axis[axis];
        // One feature of the input is for a mask.
        const bool of_input = out->layer == ONNX_X && end[i] != start[i] + 1 &&
                              !(is_end(from, size) && to_end) && onnx_is_features(r, out, axis);
        if (of_input && onnx_claim_features(r, out, axis) != 0)
            return -1;
        if (size.symbol == SYMBOL_NONE &&
            (of_input || (out->layer != ONNX_X && (along == AXIS_STACK || along == AXIS_SUBSTACK ||
                                                   along == AXIS_FEATURE)))) {
            const int64_t first = start[i] < 0 ? start[i] + size.k : start[i];
            const int64_t to = to_end ? size.k : end[i] < 0 ? end[i] + size.k : end[i];
            if (along == AXIS_FEATURE && onnx_is_stack(out))
                return onnx_fail(r->graph, "takes a part of the numbers of several layers");
            if ((of_input || along == AXIS_FEATURE ? onnx_take_joined
                                                   : onnx_unstack)(r, out, axis, first, to) != 0)
                return -1;
            continue;
        }
        int64_t count = 0; // of steps at the end, where that is known
        if (start[i] < 0 && start[i] >= -MR_MAX_WIDTH)
            count = -start[i];
        else if (start[i] >= 0 && known)
            count = size.k - start[i];
        if (onnx_is_time(r, out, axis) && !out->last && to_end && count > 1 &&
            count <= MR_MAX_WIDTH && (!known || count <= size.k)) {
            if (onnx_check_padding(r, "takes the last steps") != 0)
                return -1;
            out->tail = true;
            out->dims[axis] = (struct onnx_size){count, SYMBOL_NONE};
            continue;
        }
        // A slice of one element is a selection; -1 as its end would leave the last one out.
        bool single = (is_end(from, size) && to_end) ||
                      (start[i] != -1 && start[i] < INT64_MAX && end[i] == start[i] + 1);
        if (!single)
            return onnx_fail(r->graph,
                             "takes a part of axis %d; this version takes the first or the last "
                             "step alone, so cut sequences before they are given to the network",
                             axis);
        if (take(r, out, axis, from) != 0)
            return -1;
    }
    return 0;
}

// May the axis vanish? Only when it has one element for sure.
static int drop_axis(struct onnx_reader *r, struct onnx_value *flow, int axis) {
    bool kept = flow->axis[axis] != AXIS_ONE && (flow->layer == ONNX_X || r->time_axis < 0);

    if (!is_one(flow->dims[axis]) || kept)
        return onnx_fail(r->graph, "removes axis %d, which is not of size 1", axis);
    if (onnx_is_time(r, flow, axis))
        flow->last = true;
    remove_axis(flow, axis);
    return 0;
}

int onnx_squeeze(struct onnx_reader *r) {
    struct onnx_value *out = onnx_output(r, 0);
    int64_t axes[ONNX_INTS];
    bool drop[ONNX_RANK] = {false};
    int count;

    *out = *onnx_input(r, 0);
    if (onnx_list(r, "axes", 1, axes, &count) != 0)
        return -1;
    for (int i = 0; i < count; i++) {
        int axis;
        if (onnx_axis(r->graph, axes[i], out->rank, &axis) != 0)
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

int onnx_added_axes(struct onnx_graph *graph, const int64_t *axes, int count, int rank,
                    bool *added) {
    if (count < 0 || rank + count > ONNX_RANK)
        return onnx_fail(graph, "has no usable list of axes");
    memset(added, 0, ONNX_RANK * sizeof *added);
    for (int i = 0; i < count; i++) {
        int axis;
        if (onnx_axis(graph, axes[i], rank + count, &axis) != 0)
            return -1;
        if (added[axis])
            return onnx_fail(graph, "names an axis twice");
        added[axis] = true;
    }
    return 0;
}

int onnx_unsqueeze(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    struct onnx_value *out = onnx_output(r, 0);
    int64_t axes[ONNX_INTS];
    bool added[ONNX_RANK];
    int count;

    if (onnx_list(r, "axes", 1, axes, &count) != 0)
        return -1;
    if (onnx_added_axes(r->graph, axes, count, in->rank, added) != 0)
        return -1;
    *out = *in;
    out->rank = in->rank + count;
    for (int i = 0, from = 0; i < out->rank; i++) {
        out->dims[i] = added[i] ? one : in->dims[from];
        out->axis[i] = added[i] ? AXIS_ONE : in->axis[from++];
    }
    return 0;
}

int onnx_perm(struct onnx_graph *graph, int rank, int *perm) {
    const Onnx__AttributeProto *given = onnx_attribute(graph, "perm");
    bool seen[ONNX_RANK] = {false};

    if (given && given->n_ints != (size_t)rank)
        return onnx_fail(graph, "has a perm of another length than the value has axes");
    for (int i = 0; i < rank; i++) {
        int64_t from = given ? given->ints[i] : rank - 1 - i;
        if (from < 0 || from >= rank || seen[from])
            return onnx_fail(graph, "has a perm that is no order of the axes");
        seen[from] = true;
        perm[i] = (int)from;
    }
    return 0;
}

int onnx_transpose(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    struct onnx_value *out = onnx_output(r, 0);
    int perm[ONNX_RANK];

    if (onnx_perm(r->graph, in->rank, perm) != 0)
        return -1;
    *out = *in;
    for (int i = 0; i < in->rank; i++) {
        out->dims[i] = in->dims[perm[i]];
        out->axis[i] = in->axis[perm[i]];
    }
    return 0;
}

int onnx_check_dropout(struct onnx_graph *graph) {
    int mask = onnx_output_index(graph, 1), mode = onnx_input_index(graph, 2);

    if (mask >= 0 && graph->needed[mask])
        return onnx_fail(graph, "has a mask that is used, which this version does not support");
    if (mode >= 0 && !graph->constants[mode].type)
        return onnx_fail(graph, "has a training mode that is not a constant; export the model "
                                "after model.eval()");
    if (mode >= 0 && !onnx_all_zero(&graph->constants[mode]))
        return onnx_fail(graph, "is in training mode; export the model after model.eval()");
    return 0;
}

// Also Dropout, which drops nothing when the network is run.
int onnx_identity(struct onnx_reader *r) {
    if (onnx_is(r->graph, "Dropout") && onnx_check_dropout(r->graph) != 0)
        return -1;
    *onnx_output(r, 0) = *onnx_input(r, 0);
    return 0;
}

// A comparison of an output with one number, which is done outside of the pipeline.
int onnx_compare(struct onnx_reader *r) {
    const struct onnx_value *first = onnx_input(r, 0);
    const bool data_first = first->kind == ONNX_FLOW;
    const struct onnx_value *in = data_first ? first : onnx_input(r, 1);
    const struct onnx_tensor *number = onnx_real_constant(r, data_first ? 1 : 0);
    const char *type = r->graph->node->op_type;
    const bool above = (type[0] == 'G') == data_first;
    struct onnx_value *out = onnx_output(r, 0);

    if (in->kind == ONNX_FLOW && in->layer == ONNX_X)
        return onnx_compare_input(r);
    if (!number || number->count != 1 || !isfinite(number->real[0]))
        return onnx_fail(r->graph, "compares with what is not one constant number");
    if (in->whole || in->cast.whole || in->cast.truth || in->cast.side)
        return onnx_fail(r->graph, "compares what is no output of a layer as it came; this version "
                                   "takes that only");
    *out = *in;
    out->whole = true;
    out->cast.side = above ? 1 : -1;
    out->cast.than = number->real[0];
    if (strstr(type, "OrEqual"))
        out->cast.than = nextafter(out->cast.than, above ? -INFINITY : INFINITY);
    return 0;
}

// Casts of the input and of an output are done outside of the pipeline; inside there is no place
// for them, and who reads such numbers says so. Another float changes nothing: the network is what
// the file means, not how its type rounds.
int onnx_cast(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    struct onnx_value *out = onnx_output(r, 0);
    const char *name = NULL;
    int64_t to = onnx_int(r->graph, "to", 0);

    if (to > 0 && to <= 64)
        name = onnx_type_name((int)to);
    *out = *in;
    switch (to) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
        out->whole = false;
        return 0;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
        break;
    default:
        return onnx_fail(r->graph,
                         "turns the data into %s, which the pipeline does not; export the model in "
                         "float32, as after model.float()",
                         name ? name : "a type that is not known");
    }
    // What is whole, or 0 or 1, stays so.
    if (to == ONNX__TENSOR_PROTO__DATA_TYPE__BOOL)
        out->cast.truth = true;
    else if (!out->cast.truth && !out->cast.side && !out->whole)
        out->cast.whole = true;
    out->whole = true;
    return 0;
}
