// SPDX-License-Identifier: Apache-2.0
// What a file takes of the own steps of sequences that have lengths, as it is written behind
// pad_packed_sequence: the last one by its number, length - 1; the mean, a sum of steps behind
// which there are zeros by the length; the greatest of steps behind which there are very small
// numbers. The network runs each sequence for its own steps, so that these are its last, mean and
// max.
#include "onnx_parts.h"

#include <math.h>
#include <string.h>

enum { ANY_STEPS = -1 }; // of one sequence, which begins at 0

static bool is_lengths(const struct onnx_value *value) {
    return value && !value->sorted &&
           (value->kind == ONNX_INPUT || (value->kind == ONNX_MASK && value->mask.lengths));
}

static bool is_order(const struct onnx_value *value, enum onnx_order order) {
    return value && value->kind == ONNX_ORDER && value->order == order;
}

// The input of the current node that is lengths, or NULL.
static const struct onnx_value *lengths_among(const struct onnx_reader *r, size_t *place) {
    for (size_t i = 0; i < r->graph->node->n_input; i++)
        if (is_lengths(onnx_input(r, i))) {
            *place = i;
            return onnx_input(r, i);
        }
    return NULL;
}

bool onnx_reads_lengths(const struct onnx_reader *r) {
    static const char *const types[] = {"Sub", "Add",    "Clip",          "Max",
                                        "Div", "Expand", "GatherElements"};
    size_t place;

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (onnx_is(r->graph, types[i]))
            return lengths_among(r, &place);
    return onnx_is(r->graph, "Gather") && is_order(onnx_input(r, 1), ONNX_LAST_STEPS);
}

static int unsupported(struct onnx_reader *r) {
    size_t place;
    const struct onnx_value *lengths = lengths_among(r, &place);

    if (lengths && lengths->kind == ONNX_INPUT && !r->graph->of_lengths[lengths->layer])
        return onnx_refuse_input(r, lengths);
    return onnx_fail(r->graph, "computes with the lengths of the sequences; this version takes the "
                               "last of each sequence's steps by them, and the mean");
}

// Are these the lengths that the layers before have?
static bool are_own(const struct onnx_reader *r, const struct onnx_value *lengths) {
    if (lengths->kind == ONNX_INPUT)
        return r->of_input && r->lengths_input == lengths->layer;
    return r->mask.given && r->mask.relation == lengths->mask.of.relation &&
           r->mask.than == lengths->mask.of.than && r->mask.whole == lengths->mask.of.whole &&
           r->mask.only == lengths->mask.of.only;
}

static double number_of(const struct onnx_tensor *t) {
    return t && t->count == 1 ? onnx_number(t, 0) : NAN;
}

// ---- The last step

static int take_last(struct onnx_reader *r, const struct onnx_value *x,
                     const struct onnx_value *lengths, int axis) {
    if (x->kind != ONNX_FLOW || x->layer == ONNX_X || x->last || x->sorted || !lengths->minus ||
        !are_own(r, lengths) || !onnx_is_time(r, x, axis))
        return unsupported(r);
    struct onnx_value *out = onnx_output(r, 0);
    *out = *x;
    out->last = true;
    out->axis[axis] = AXIS_ONE;
    out->dims[axis] = (struct onnx_size){1, SYMBOL_NONE};
    return 0;
}

// y.gather(1, lengths - 1)
static int gather_elements(struct onnx_reader *r, const struct onnx_value *lengths) {
    const struct onnx_value *x = onnx_input(r, 0);
    int axis;

    if (x->kind != ONNX_FLOW || lengths != onnx_input(r, 1))
        return unsupported(r);
    return onnx_axis(r->graph, onnx_int(r->graph, "axis", 0), x->rank, &axis) != 0
               ? -1
               : take_last(r, x, lengths, axis);
}

// y[arange(N), lengths - 1]: of all steps of all sequences, one behind the other.
static int gather_flat(struct onnx_reader *r) {
    const struct onnx_value *flat = onnx_input(r, 0), *places = onnx_input(r, 1);

    if (flat->kind != ONNX_FLOW || !flat->flat || onnx_int(r->graph, "axis", 0) != 0 ||
        places->ints[0].symbol == SYMBOL_UNKNOWN ||
        (places->ints[0].k != ANY_STEPS &&
         (places->ints[0].symbol != flat->batch.symbol || places->ints[0].k != flat->batch.k)))
        return unsupported(r);
    struct onnx_value x = *flat, lengths = *places;
    lengths.kind = places->mask.lengths ? ONNX_MASK : ONNX_INPUT;
    x.flat = false;
    x.rank = 3;
    x.axis[2] = x.axis[1];
    x.dims[2] = x.dims[1];
    x.dims[0] = flat->ints[0];
    x.axis[1] = (enum onnx_axis)r->time_axis;
    if (take_last(r, &x, &lengths, 1) != 0)
        return -1;
    struct onnx_value *out = onnx_output(r, 0);
    out->rank = 2;
    out->axis[1] = out->axis[2];
    out->dims[1] = out->dims[2];
    return 0;
}

bool onnx_flattens_steps(const struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);

    return r->has_lengths && in->kind == ONNX_FLOW && in->layer != ONNX_X && in->rank == 3 &&
           !in->last && onnx_is_plain(in) && (int)in->axis[0] == r->batch_axis &&
           onnx_is_time(r, in, 1) && in->axis[2] == AXIS_FEATURE;
}

int onnx_flatten_steps(struct onnx_reader *r) {
    const struct onnx_value in = *onnx_input(r, 0);
    struct onnx_value *out = onnx_output(r, 0);

    *out = in;
    out->flat = true;
    out->batch = in.dims[1];
    out->ints[0] = in.dims[0];
    out->rank = 2;
    out->axis[1] = in.axis[2];
    out->dims[1] = in.dims[2];
    out->dims[0] = (struct onnx_size){0, SYMBOL_UNKNOWN};
    return 0;
}

// Numbers of sequences times the steps, where each begins among all steps.
int onnx_begin_steps(struct onnx_reader *r) {
    const bool first = is_order(onnx_input(r, 0), ONNX_AS_IS);
    const struct onnx_value *places = onnx_input(r, first ? 0 : 1);
    struct onnx_value steps;

    if (!is_order(places, ONNX_AS_IS) || !onnx_sizes(r, first ? 1 : 0, &steps) || steps.count != 1)
        return -1;
    struct onnx_value made = *places;
    made.order = ONNX_BY_STEPS;
    made.ints[0] = steps.ints[0];
    *onnx_output(r, 0) = made;
    return 0;
}

// ---- Lengths

// Is it a list of where each sequence begins among all steps, of a file of fixed sizes?
static bool begins_steps(const struct onnx_tensor *t, struct onnx_size *steps) {
    if (!t || onnx_is_real(t->type) || t->rank != 1 || t->count < 1)
        return false;
    *steps = (struct onnx_size){t->count > 1 ? t->whole[1] : ANY_STEPS, SYMBOL_NONE};
    for (size_t i = 0; i < t->count; i++)
        if (t->whole[i] < 0 || (i == 0 && t->whole[i] != 0) ||
            (i > 1 && t->whole[i] - t->whole[i - 1] != t->whole[1]))
            return false;
    return true;
}

static int compute(struct onnx_reader *r, const struct onnx_value *lengths, size_t place) {
    const struct onnx_tensor *list = onnx_constant(r, place ? 0 : 1);
    struct onnx_size fixed;
    const struct onnx_value *other = onnx_input(r, place ? 0 : 1);
    const double number = number_of(onnx_constant(r, place ? 0 : 1));
    struct onnx_value *out = onnx_output(r, 0);

    const bool open = is_order(other, ONNX_BY_STEPS) || is_order(other, ONNX_AS_IS);
    if (onnx_is(r->graph, "Add") && lengths->minus && (open || begins_steps(list, &fixed))) {
        // Numbers as they are begin sequences of one step.
        const struct onnx_size single = {1, SYMBOL_NONE}, sequences = other->dims[0];
        const struct onnx_size steps = !open                            ? fixed
                                       : is_order(other, ONNX_BY_STEPS) ? other->ints[0]
                                                                        : single;
        *out = *lengths;
        out->rank = 1;
        out->dims[0] = sequences;
        out->kind = ONNX_ORDER;
        out->order = ONNX_LAST_STEPS;
        out->ints[0] = steps;
        return 0;
    }
    const bool less = (onnx_is(r->graph, "Sub") && place == 0 && number == 1) ||
                      (onnx_is(r->graph, "Add") && number == -1);
    const bool least = onnx_is(r->graph, "Max") && number <= 1;
    if (!(less || least) || (less && lengths->minus))
        return unsupported(r);
    const struct onnx_value from = *lengths;
    *out = from;
    out->minus = from.minus || less;
    return 0;
}

// A lower end that no length is below.
static int clip(struct onnx_reader *r, const struct onnx_value *lengths) {
    const Onnx__AttributeProto *low = onnx_attribute(r->graph, "min");
    const double bound = onnx_input(r, 1) ? number_of(onnx_constant(r, 1)) : low ? low->f : -1;

    if (lengths != onnx_input(r, 0) || onnx_input(r, 2) || onnx_attribute(r->graph, "max") ||
        !(bound <= 1) || lengths->minus)
        return unsupported(r);
    *onnx_output(r, 0) = *lengths;
    return 0;
}

static int divide(struct onnx_reader *r, const struct onnx_value *lengths, size_t place) {
    struct onnx_value x = *onnx_input(r, 0);
    struct onnx_layer layer = {.kind = "mean"};
    int index;

    if (place != 1 || x.kind != ONNX_FLOW || !x.sum || lengths->minus || !are_own(r, lengths))
        return unsupported(r);
    x.sum = false;
    layer.inputs = layer.units = r->layers[x.layer].units;
    if (onnx_add_layer(r, &x, layer, &index) != 0)
        return -1;
    r->layers[index].per_step = false;
    x.layer = index;
    x.last = true;
    *onnx_output(r, 0) = x;
    return 0;
}

int onnx_take_steps(struct onnx_reader *r) {
    size_t place = 0;
    const struct onnx_value *lengths = lengths_among(r, &place);

    if (onnx_is(r->graph, "Gather"))
        return gather_flat(r);
    if (onnx_is(r->graph, "GatherElements"))
        return gather_elements(r, lengths);
    if (onnx_is(r->graph, "Div"))
        return divide(r, lengths, place);
    if (onnx_is(r->graph, "Clip"))
        return clip(r, lengths);
    if (onnx_is(r->graph, "Expand")) { // to all features
        if (place != 0)
            return unsupported(r);
        *onnx_output(r, 0) = *lengths;
        return 0;
    }
    return r->graph->node->n_input == 2 ? compute(r, lengths, place) : unsupported(r);
}

// ---- Steps that are added

// Are the rows of a layer zero behind the end of a sequence?
bool onnx_ends_with_zeros(const struct onnx_reader *r, int layer) {
    if (layer == ONNX_X)
        return false;
    const struct onnx_layer *l = &r->layers[layer];
    if (l->recurrent)
        return true;
    if (strcmp(l->kind, "reverse") == 0)
        return onnx_ends_with_zeros(r, l->input);
    return l->joins && onnx_ends_with_zeros(r, l->input) && onnx_ends_with_zeros(r, l->other);
}

int onnx_add_steps(struct onnx_reader *r, const struct onnx_value *x, struct onnx_value *out) {
    struct onnx_value plain = *x;

    plain.blank = ONNX_NO_BLANK;
    if (!r->has_lengths || x->layer == ONNX_X || x->last || !onnx_is_plain(&plain) ||
        (x->blank != ONNX_ZERO &&
         !(x->blank == ONNX_NO_BLANK && onnx_ends_with_zeros(r, x->layer))))
        return onnx_fail(r->graph,
                         "adds the steps of sequences that have lengths, and what is behind their "
                         "ends is not zero; multiply the steps by the mask in front of it");
    out->blank = ONNX_NO_BLANK;
    out->sum = true;
    return 0;
}

// ---- Computing

int onnx_eval_gather_elements(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0), *at = onnx_eval_input(e, 1);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    int64_t index[ONNX_RANK] = {0}, stride[ONNX_RANK], step = 1;
    int axis;

    if (!at || onnx_is_real(at->type) || at->rank != in->rank)
        return onnx_eval_unsupported(e);
    if (onnx_axis(e->graph, onnx_int(e->graph, "axis", 0), in->rank, &axis) != 0)
        return -1;
    for (int i = in->rank; i-- > 0;) {
        stride[i] = step;
        step *= in->dims[i];
        if (i != axis && at->dims[i] > in->dims[i])
            return onnx_fail(e->graph, "has indices of another shape than what it reads");
    }
    if (onnx_eval_create(e, out, in->type, at->rank, at->dims) != 0)
        return -1;
    for (size_t i = 0; i < out->count; i++) {
        const int64_t size = in->dims[axis];
        const int64_t k = at->whole[i] < 0 ? at->whole[i] + size : at->whole[i];
        int64_t from = 0;
        if (k < 0 || k >= size)
            return onnx_fail(e->graph, "takes element %lld of an axis of %lld",
                             (long long)at->whole[i], (long long)size);
        for (int a = 0; a < in->rank; a++)
            from += (a == axis ? k : index[a]) * stride[a];
        out->whole[i] = in->whole[from];
        for (int a = at->rank; a-- > 0 && ++index[a] == at->dims[a];)
            index[a] = 0;
    }
    return 0;
}
