// SPDX-License-Identifier: Apache-2.0
// Lengths of sequences that a file finds from x, as Keras' Masking, mask_zero of an embedding and
// (x != 0).any(-1).sum(1) are written: x is compared with a number, the answers of a step are made
// one, and those of a sequence are added. What comes out becomes the network's mask (graph.h);
// nothing of it is a part of the pipeline.
#include "onnx_parts.h"

#include <math.h>
#include <string.h>

static int unsupported(struct onnx_reader *r) {
    return onnx_fail(r->graph, "is applied to a mask of the steps in a way that this version does "
                               "not follow; give the lengths of the sequences as an input of the "
                               "file, or beside x when the network is run");
}

static const struct onnx_value *mask_among(const struct onnx_reader *r) {
    for (size_t i = 0; i < r->graph->node->n_input; i++)
        if (onnx_input(r, i) && onnx_input(r, i)->kind == ONNX_MASK)
            return onnx_input(r, i);
    return NULL;
}

bool onnx_reads_mask(const struct onnx_reader *r) {
    return mask_among(r) && !onnx_is(r->graph, "Shape");
}

// ---- From x

// One number, or the same again; NAN where they differ.
static double number_of(const struct onnx_tensor *t) {
    for (size_t i = 1; t && i < t->count; i++)
        if (onnx_number(t, i) != onnx_number(t, 0))
            return NAN;
    return t && t->count > 0 ? onnx_number(t, 0) : NAN;
}

// Where the relation does not hold, another one does, but for one that differs.
static void turn_relation(struct mr_mask *mask) {
    const bool above = mask->relation == MR_ABOVE;

    mask->relation = above ? MR_BELOW : MR_ABOVE;
    mask->than = nextafter(mask->than, above ? INFINITY : -INFINITY);
}

static int make_mask(struct onnx_reader *r, const struct onnx_value *x, enum mr_relation relation,
                     double than, bool truth, bool masked) {
    struct onnx_value *out = onnx_output(r, 0);

    if (x->layer != ONNX_X || x->cast.truth || x->cast.side || x->cast.clips || !isfinite(than))
        return onnx_fail(r->graph, "compares what is not the input as it came, or not with one "
                                   "constant number; this version takes that only");
    *out = *x;
    out->kind = ONNX_MASK;
    out->mask = (struct onnx_mask){.of = {true, relation, than, x->cast.whole, x->only},
                                   .steps = x->only != 0,
                                   .truth = truth,
                                   .masked = masked};
    return 0;
}

// x against a constant number, either of which may stand first.
int onnx_compare_input(struct onnx_reader *r) {
    const char *type = r->graph->node->op_type;
    const bool first = onnx_input(r, 0)->kind == ONNX_FLOW;
    const struct onnx_value *x = onnx_input(r, first ? 0 : 1);
    double than = number_of(onnx_constant(r, first ? 1 : 0));

    if (onnx_is(r->graph, "Equal"))
        return make_mask(r, x, MR_DIFFERS, than, true, true);
    const bool above = (type[0] == 'G') == first;
    if (strstr(type, "OrEqual") && isfinite(than))
        than = nextafter(than, above ? -INFINITY : INFINITY);
    return make_mask(r, x, above ? MR_ABOVE : MR_BELOW, than, true, false);
}

// Behind a layer it is an activation.
int onnx_magnitude(struct onnx_reader *r) {
    struct onnx_activation absolute;

    if (onnx_is(r->graph, "Abs") && onnx_input(r, 0)->layer != ONNX_X) {
        onnx_named_activation(r->graph, "LeakyRelu", NULL, NULL, &absolute);
        absolute.alpha = -1;
        return onnx_activate(r, onnx_input(r, 0), &absolute);
    }
    return onnx_is(r->graph, "Abs")
               ? make_mask(r, onnx_input(r, 0), MR_DIFFERS, 0, false, false)
               : onnx_fail(r->graph, "takes the sign of the data, which this version does in a "
                                     "mask of the steps only");
}

// ---- What is made of it

static void negate(struct onnx_mask *mask) {
    if ((mask->steps && !mask->of.only) || mask->of.relation == MR_DIFFERS)
        mask->masked = !mask->masked;
    else
        turn_relation(&mask->of);
}

// What the current comparison gives for a number.
static bool compares(const struct onnx_graph *graph, bool data_first, double number, double than) {
    const char *type = graph->node->op_type;
    const double a = data_first ? number : than, b = data_first ? than : number;

    return (a == b && (type[0] == 'E' || strstr(type, "OrEqual"))) || (type[0] == 'G' && a > b) ||
           (type[0] == 'L' && a < b);
}

// Of 0 and 1, or of 0 and what is above.
static int compare_mask(struct onnx_reader *r, const struct onnx_value *in) {
    struct onnx_value *out = onnx_output(r, 0);
    const bool first = in == onnx_input(r, 0);
    const double than = number_of(onnx_constant(r, first ? 1 : 0));
    const bool zero = compares(r->graph, first, 0, than);
    const bool one = compares(r->graph, first, in->mask.truth ? 1 : 1e-300, than);

    if (isnan(than) || in->mask.lengths || zero == one ||
        (!in->mask.truth && one != compares(r->graph, first, HUGE_VAL, than)))
        return unsupported(r);
    *out = *in;
    out->mask.truth = true;
    if (zero)
        negate(&out->mask);
    return 0;
}

// Along the features: of a step one answer.
static bool reduce_features(const struct onnx_graph *graph, struct onnx_mask *mask) {
    const bool all = onnx_is(graph, "ReduceMin");

    if (mask->steps || mask->lengths)
        return false;
    if (all && mask->truth && !mask->masked && mask->of.relation != MR_DIFFERS) {
        turn_relation(&mask->of);
        mask->masked = true;
    }
    if (all ? !mask->masked || !mask->truth : mask->masked)
        return false;
    mask->truth = mask->truth && !onnx_is(graph, "ReduceSum");
    mask->steps = true;
    return true;
}

// Is it the axis of the features? Of an input of three axes the first along which the answers for
// single numbers are taken together is.
static int is_of_features(struct onnx_reader *r, const struct onnx_value *in, int axis,
                          bool *features) {
    *features = in->axis[axis] == AXIS_FEATURE;
    if (*features || in->mask.steps || r->feature_axis >= 0)
        return 0;
    *features = r->input_rank == INPUT_RANK || !onnx_is(r->graph, "ReduceSum");
    return *features ? onnx_claim_features(r, in, axis) : 0;
}

static int reduce(struct onnx_reader *r, const struct onnx_value *in) {
    struct onnx_value *out = onnx_output(r, 0);
    bool gone[ONNX_RANK], keep;
    int rank = 0;

    if (onnx_input(r, 1) && onnx_input(r, 1)->kind != ONNX_CONSTANT)
        return onnx_fail(r->graph, "has axes that are not constant");
    if (onnx_reduced_axes(&r->fold, in->rank, gone, &keep) != 0)
        return -1;
    struct onnx_mask mask = in->mask;
    *out = *in;
    for (int i = in->rank; i-- > 0;) { // the features stand last in most files
        bool features;
        if (!gone[i] || in->axis[i] == AXIS_ONE)
            continue;
        if (is_of_features(r, in, i, &features) != 0)
            return -1;
        bool good = features && reduce_features(r->graph, &mask);
        if (!features && onnx_is(r->graph, "ReduceSum") && mask.truth && !mask.masked &&
            !mask.lengths) {
            mask.time = (int)in->axis[i];
            mask.lengths = good = true;
        }
        if (!good)
            return unsupported(r);
    }
    for (int i = 0; i < in->rank; i++) {
        if (mask.lengths && !gone[i] && in->axis[i] == AXIS_FEATURE)
            return unsupported(r);
        if (gone[i] && !keep)
            continue;
        out->axis[rank] = gone[i] ? AXIS_ONE : in->axis[i];
        out->dims[rank++] = gone[i] ? (struct onnx_size){1, SYMBOL_NONE} : in->dims[i];
    }
    out->rank = rank;
    out->mask = mask;
    return 0;
}

// ---- Where it meets the data

// Is there an answer for each step, and are the axes those of the data?
static bool fits(const struct onnx_reader *r, const struct onnx_value *mask,
                 const struct onnx_value *data) {
    const int before = data->rank - mask->rank;
    const bool steps = mask->mask.steps || r->feature_axis == AXIS_ONE; // of one number
    bool good = before >= 0 && steps && mask->mask.truth && !mask->mask.lengths;

    for (int i = 0; good && i < mask->rank; i++)
        good = mask->axis[i] == AXIS_ONE || mask->axis[i] == data->axis[before + i];
    return good;
}

// Masked steps get another number: zero, or one that is less than all others. They are not run, so
// that the rest stays as it is, and what a recurrent layer gives behind the end is zero as well; of
// other rows a sum, or the greatest of all steps, is to follow.
static int blank(struct onnx_reader *r, const struct onnx_value *mask,
                 const struct onnx_value *data, bool masked, double number) {
    const bool input = data && data->kind == ONNX_FLOW && data->layer == ONNX_X;
    const bool rows =
        data && data->kind == ONNX_FLOW && !input && onnx_is_plain(data) && !data->last;
    const bool least = number <= -1000;

    if (!(input || rows) || !fits(r, mask, data) || mask->mask.masked != masked ||
        mask->sorted != data->sorted || (rows && number != 0 && !least))
        return unsupported(r);
    r->blanked = true;
    struct onnx_value out = *data;
    if (rows && (least || !onnx_ends_with_zeros(r, data->layer)))
        out.blank = least ? ONNX_LEAST : ONNX_ZERO;
    *onnx_output(r, 0) = out;
    return 0;
}

static int choose(struct onnx_reader *r) {
    const struct onnx_value *mask = onnx_input(r, 0);
    const bool masked = mask->kind == ONNX_MASK && mask->mask.masked;
    const struct onnx_value *data = onnx_input(r, masked ? 2 : 1);
    const double number = number_of(onnx_constant(r, masked ? 1 : 2));

    if (mask->kind != ONNX_MASK || isnan(number))
        return unsupported(r);
    return blank(r, mask, data, masked, number);
}

static int arithmetic(struct onnx_reader *r, const struct onnx_value *in) {
    const bool first = in == onnx_input(r, 0);
    const struct onnx_value *other = onnx_input(r, first ? 1 : 0);

    if (onnx_is(r->graph, "Mul") && other && other->kind == ONNX_FLOW)
        return blank(r, in, other, false, 0);
    if (!onnx_is(r->graph, "Sub") || first || !in->mask.truth || in->mask.lengths ||
        number_of(onnx_constant(r, 0)) != 1)
        return unsupported(r);
    *onnx_output(r, 0) = *in; // 1 - mask
    negate(&onnx_output(r, 0)->mask);
    return 0;
}

int onnx_mask(struct onnx_reader *r) {
    const struct onnx_value *in = mask_among(r);
    struct onnx_graph *graph = r->graph;
    struct onnx_value *out = onnx_output(r, 0);
    const char *type = graph->node->op_type;

    if (onnx_is(graph, "Where"))
        return choose(r);
    if (onnx_has(graph, ONNX_EITHER) && !onnx_has(graph, ONNX_MOVES) &&
        (type[0] == 'G' || type[0] == 'L'))
        return compare_mask(r, in);
    if (onnx_is(graph, "Equal"))
        return compare_mask(r, in);
    if (onnx_is(graph, "Mul") || onnx_is(graph, "Sub"))
        return arithmetic(r, in);
    if (strncmp(type, "Reduce", 6) == 0 && !onnx_is(graph, "ReduceMean"))
        return reduce(r, in);
    if (in != onnx_input(r, 0))
        return unsupported(r);
    if (onnx_is(graph, "Not") && in->mask.truth) {
        *out = *in;
        negate(&out->mask);
        return 0;
    }
    if (onnx_is(graph, "Cast") || onnx_is(graph, "CastLike") || onnx_is(graph, "Sign") ||
        onnx_is(graph, "Abs")) {
        *out = *in;
        const bool truth = onnx_int(graph, "to", 0) == ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
        if ((truth || onnx_is(graph, "Sign")) && in->mask.lengths)
            return unsupported(r);
        out->mask.truth = in->mask.truth || truth || onnx_is(graph, "Sign");
        return 0;
    }
    return onnx_has(graph, ONNX_MOVES) && graph->row->read ? graph->row->read(r) : unsupported(r);
}

// ---- Computing

int onnx_eval_not(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);

    if (onnx_is_real(in->type))
        return onnx_eval_unsupported(e);
    if (onnx_eval_create(e, out, ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, in->rank, in->dims) != 0)
        return -1;
    for (size_t i = 0; i < in->count; i++)
        out->whole[i] = !in->whole[i];
    return 0;
}

// Abs and Sign.
int onnx_eval_magnitude(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const bool sign = onnx_is(e->graph, "Sign");

    if (onnx_eval_create(e, out, in->type, in->rank, in->dims) != 0)
        return -1;
    for (size_t i = 0; i < in->count; i++) {
        if (onnx_is_real(in->type)) {
            const double v = in->real[i];
            out->real[i] = !sign ? fabs(v) : v > 0 ? 1 : v < 0 ? -1 : v;
        } else {
            const int64_t v = in->whole[i];
            out->whole[i] = sign ? (v > 0) - (v < 0) : v < 0 && v > INT64_MIN ? -v : v;
        }
    }
    return 0;
}
