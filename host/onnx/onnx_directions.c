// SPDX-License-Identifier: Apache-2.0
// Directions of recurrent operators. A layer that reads the sequence from its end is a layer like
// others between two that turn sequences round; a bidirectional operator is two layers side by
// side, stacked along an axis of their own until the file joins or chooses between them.
#include "onnx_parts.h"

#include <string.h>

static bool is_text(const Onnx__AttributeProto *a, const char *text) {
    return a->has_s && a->s.len == strlen(text) && memcmp(a->s.data, text, a->s.len) == 0;
}

int onnx_directions(struct onnx_graph *graph, bool reverse[ONNX_DIRECTIONS]) {
    const Onnx__AttributeProto *a = onnx_attribute(graph, "direction");

    reverse[0] = a && is_text(a, "reverse");
    reverse[1] = true;
    if (!a || is_text(a, "forward") || reverse[0])
        return 1;
    if (is_text(a, "bidirectional"))
        return 2;
    return onnx_fail(graph,
                     "runs in direction '%.*s', and there are forward, reverse and bidirectional",
                     a->has_s && a->s.len < 40 ? (int)a->s.len : 0,
                     a->has_s && a->s.len > 0 ? (const char *)a->s.data : "");
}

int onnx_add_reversed(struct onnx_reader *r, int layer, int units, int *index) {
    if (layer != ONNX_X && strcmp(r->layers[layer].kind, "reverse") == 0) { // what was turned round
        *index = r->layers[layer].input;
        return 0;
    }
    const struct onnx_layer reverse = {.kind = "reverse",
                                       .input = layer,
                                       .inputs = units,
                                       .units = units,
                                       .per_step = true,
                                       .scaled = -1,
                                       .depth = layer == ONNX_X ? 1 : r->layers[layer].depth + 1};

    return onnx_append_layer(r, reverse, index);
}

int onnx_turn(struct onnx_reader *r, struct onnx_value *value, int axis) {
    const bool input = value->layer == ONNX_X;
    int index;

    if (input ? value->axis[axis] > AXIS_INPUT_2 ||
                    (r->time_axis >= 0 && (int)value->axis[axis] != r->time_axis) ||
                    (r->turned_axis >= 0 && (int)value->axis[axis] != r->turned_axis)
              : !onnx_is_time(r, value, axis) || value->last || onnx_is_stack(value))
        return onnx_fail(r->graph, "turns axis %d round, which is not that of the steps", axis);
    if (input) // which is known to be that of the steps when a recurrent layer reads it
        r->turned_axis = (int)value->axis[axis];
    if (onnx_add_reversed(r, value->layer, input ? 0 : r->layers[value->layer].units, &index) != 0)
        return -1;
    if (input) {
        r->layers[index].cast = value->cast;
        value->cast = (struct mr_cast){0};
    }
    value->layer = index;
    return 0;
}

// Where its axes are; -1 with a sentence.
static int reverse_axes(struct onnx_graph *graph, int rank, int *time, int *batch) {
    if (onnx_axis(graph, onnx_int(graph, "time_axis", 0), rank, time) != 0 ||
        onnx_axis(graph, onnx_int(graph, "batch_axis", 1), rank, batch) != 0)
        return -1;
    return *time != *batch ? 0 : onnx_fail(graph, "has one axis for steps and sequences");
}

// The steps of each sequence, as many as its length, from the last to the first.
int onnx_reverse_sequence(struct onnx_reader *r) {
    const struct onnx_value *x = onnx_input(r, 0);
    struct onnx_value *out = onnx_output(r, 0);
    int time, batch;

    if (!x || x->kind != ONNX_FLOW || !onnx_input(r, 1) || !out)
        return onnx_fail(r->graph, "does not turn round what the network computes");
    if (reverse_axes(r->graph, x->rank, &time, &batch) != 0 ||
        onnx_read_lengths(r, 1, x->axis[time], &x->dims[time], &x->dims[batch]) != 0)
        return -1;
    *out = *x;
    return onnx_turn(r, out, time);
}

int onnx_eval_reverse_sequence(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0), *lengths = onnx_eval_input(e, 1);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    int64_t index[ONNX_RANK] = {0}, stride[ONNX_RANK], step = 1;
    int time, batch;

    if (!out || !lengths || onnx_is_real(lengths->type))
        return onnx_eval_unsupported(e);
    if (reverse_axes(e->graph, in->rank, &time, &batch) != 0)
        return -1;
    if (lengths->count != 1 && lengths->count != (size_t)in->dims[batch])
        return onnx_fail(e->graph, "has sequence lengths for %zu sequences, and there are %lld",
                         lengths->count, (long long)in->dims[batch]);
    for (size_t i = 0; i < lengths->count; i++)
        if (lengths->whole[i] < 0 || lengths->whole[i] > in->dims[time])
            return onnx_fail(e->graph, "has a sequence length of %lld for %lld steps",
                             (long long)lengths->whole[i], (long long)in->dims[time]);
    if (onnx_eval_create(e, out, in->type, in->rank, in->dims) != 0)
        return -1;
    for (int axis = in->rank; axis-- > 0;) {
        stride[axis] = step;
        step *= in->dims[axis];
    }
    for (size_t i = 0; i < out->count; i++) {
        const int64_t own = lengths->whole[lengths->count == 1 ? 0 : index[batch]], t = index[time];
        const int64_t from = t < own ? own - 1 - t : t;
        out->whole[i] = in->whole[(int64_t)i + (from - t) * stride[time]];
        for (int axis = in->rank; axis-- > 0 && ++index[axis] == in->dims[axis];)
            index[axis] = 0;
    }
    return 0;
}

// The layer as it would read x; then the turned sequence takes the place of what it reads.
static int add_backward(struct onnx_reader *r, const struct onnx_value *x,
                        const struct onnx_layer *layer, int *index) {
    int forward, turned;

    if (onnx_add_layer(r, x, *layer, &forward) != 0)
        return -1;
    struct onnx_layer made = r->layers[forward];
    if (onnx_add_reversed(r, made.input, made.inputs, &turned) != 0)
        return -1;
    if (turned != ONNX_X && made.input == ONNX_X) {
        r->layers[turned].cast = made.cast;
        made.cast = (struct mr_cast){0};
    }
    made.input = turned;
    made.depth++;
    return onnx_append_layer(r, made, index);
}

int onnx_add_directed(struct onnx_reader *r, const struct onnx_value *x,
                      const struct onnx_layer *layer, bool reverse, struct onnx_directed *made) {
    if (!reverse) {
        if (onnx_add_layer(r, x, *layer, &made->last) != 0)
            return -1;
        made->steps = made->last;
        return 0;
    }
    return add_backward(r, x, layer, &made->last) != 0 ||
                   onnx_add_reversed(r, made->last, layer->units, &made->steps) != 0
               ? -1
               : 0;
}
