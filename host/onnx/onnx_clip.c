// SPDX-License-Identifier: Apache-2.0
// Clip: of an output it is done outside of the pipeline, where values have 32 bits; what a layer
// reads is clipped by the layer in front of it (relu6, hardtanh).
#include "onnx_parts.h"

#include "op.h"
#include "places.h"

#include <float.h>
#include <math.h>
#include <string.h>

// A bound of the current node, a Clip: an input, in older files an attribute. -1 with a sentence.
static int find_bound(struct onnx_eval *e, const char *name, size_t input, double fallback,
                      double *bound) {
    const struct onnx_tensor *given = onnx_eval_input(e, input);

    *bound = fallback;
    if (onnx_input_index(e->graph, input) >= 0 &&
        (!given || !onnx_is_real(given->type) || given->count != 1 || isnan(given->real[0])))
        return onnx_fail(e->graph, "has a bound that is not one constant number");
    if (given)
        *bound = given->real[0];
    else if (onnx_attribute(e->graph, name))
        *bound = (double)onnx_float(e->graph, name, 0);
    *bound = fmin(fmax(*bound, -DBL_MAX), DBL_MAX);
    return 0;
}

// ---- Of what a layer reads

// Is the layer's activation one behind which a clip is the same as in front of it?
static bool takes_clip(const struct onnx_layer *layer, const struct mr_cast *cast) {
    return strcmp(layer->kind, "dense") == 0 && !layer->clipped &&
           (layer->activation == MR_ACTIVATION_LINEAR ||
            (layer->activation == MR_ACTIVATION_RELU && cast->high >= 0));
}

static double end_of(double bound) {
    return fabs(bound) < FLT_MAX ? bound : bound < 0 ? -INFINITY : INFINITY;
}

// The value, which a clip has changed, becomes what a layer that clips gives.
static int take_clip(struct onnx_reader *r, struct onnx_value *value) {
    const struct mr_cast cast = value->cast;
    struct onnx_value plain = *value;
    struct onnx_layer made = {0};

    plain.cast.clips = false;
    const bool ends = value->layer != ONNX_X && takes_clip(&r->layers[value->layer], &cast);
    if (ends)
        made = r->layers[value->layer];
    if (!ends || made.activation == MR_ACTIVATION_LINEAR)
        made.in[MR_PLACE_G] = (struct onnx_in_place){mr_place_plain(MR_ACTIVATION_LINEAR), 1, 0};
    struct mr_place *place = &made.in[MR_PLACE_G].place;
    place->low = end_of(cast.low);
    place->high = end_of(cast.high);
    place->frac = mr_place_frac(place, 0, 1); // until calibration
    made.clipped = true;
    if (!ends)
        return onnx_add_diagonal(r, &plain, &made, value);
    if (onnx_change_layer(r, &plain, made, &plain.layer) != 0)
        return -1;
    *value = plain;
    return 0;
}

// Two clips are one. The input can only be read.
int onnx_clip_value(struct onnx_reader *r, const struct onnx_value *x, double low, double high) {
    struct onnx_value *out = onnx_output(r, 0);
    struct mr_cast cast = x->cast;

    if (x->whole || cast.whole || cast.truth || cast.side)
        return onnx_fail(r->graph, "clips what is no output of a layer as it came; this version "
                                   "takes that only");
    if (low > high)
        return onnx_fail(r->graph, "clips to between %g and %g", low, high);
    cast.low = cast.clips ? fmin(fmax(cast.low, low), high) : low;
    cast.high = cast.clips ? fmin(fmax(cast.high, low), high) : high;
    cast.clips = true;
    *out = *x;
    out->cast = cast;
    return out->layer == ONNX_X ? take_clip(r, out) : 0;
}

int onnx_clip(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    double low, high;

    if (in->quantised) { // to fewer of its whole numbers
        *onnx_output(r, 0) = *in;
        return 0;
    }
    if (find_bound(&r->fold, "min", 1, -DBL_MAX, &low) != 0 ||
        find_bound(&r->fold, "max", 2, DBL_MAX, &high) != 0)
        return -1;
    return onnx_clip_value(r, in, low, high);
}

// The same of each of the layers of a stack.
static int take_clips(struct onnx_reader *r, struct onnx_value *value) {
    if (!onnx_is_stack(value))
        return take_clip(r, value);
    for (int i = 0; i < value->count; i++) {
        struct onnx_value one = onnx_layer_of(r, value, i);
        if (take_clip(r, &one) != 0)
            return -1;
        value->ints[i].k = one.layer;
    }
    value->layer = (int)value->ints[0].k;
    value->cast.clips = false;
    return 0;
}

int onnx_take_clips(struct onnx_reader *r) {
    static const char *const keep[] = {"Clip",           "Dropout", "Greater",
                                       "GreaterOrEqual", "Less",    "LessOrEqual"};
    bool moves = onnx_has(r->graph, ONNX_MOVES);

    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++)
        moves = moves || onnx_is(r->graph, keep[i]);
    for (size_t i = 0; i < r->graph->node->n_input && !moves; i++) {
        const int value = onnx_input_index(r->graph, i);
        if (value >= 0 && r->values[value].kind == ONNX_FLOW && r->values[value].cast.clips &&
            take_clips(r, &r->values[value]) != 0)
            return -1;
    }
    return 0;
}

// ---- Computing

int onnx_eval_clip(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const struct onnx_tensor *bound =
        onnx_eval_input(e, 1) ? onnx_eval_input(e, 1) : onnx_eval_input(e, 2);
    double low, high;

    if (e->wide && onnx_is_real(in->type) && bound && !onnx_is_real(bound->type)) {
        *out = onnx_tensor_share(in); // what was quantised without rounding
        return 0;
    }
    if (!onnx_is_real(in->type) && !onnx_eval_input(e, 2)) { // of lengths
        const struct onnx_tensor *least = onnx_eval_input(e, 1);
        if (!least || onnx_is_real(least->type) || least->count != 1)
            return onnx_eval_unsupported(e);
        if (onnx_eval_create(e, out, in->type, in->rank, in->dims) != 0)
            return -1;
        for (size_t i = 0; i < in->count; i++)
            out->whole[i] = in->whole[i] < least->whole[0] ? least->whole[0] : in->whole[i];
        return 0;
    }
    if (!onnx_is_real(in->type))
        return onnx_eval_unsupported(e);
    if (find_bound(e, "min", 1, -DBL_MAX, &low) != 0 ||
        find_bound(e, "max", 2, DBL_MAX, &high) != 0 ||
        onnx_eval_create(e, out, in->type, in->rank, in->dims) != 0)
        return -1;
    for (size_t i = 0; i < in->count; i++)
        out->real[i] = fmin(fmax(in->real[i], low), high);
    return 0;
}
