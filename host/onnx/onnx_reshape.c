// SPDX-License-Identifier: Apache-2.0
// Reshape and Flatten, as far as what they do to the axes of the data can be followed: those of
// size 1 come and go, those of layers split or are joined with the features, sequences and steps
// become rows and these sequences and steps again, and an output may have its features along
// several axes.
#include "onnx_parts.h"

static const struct onnx_size one = {1, SYMBOL_NONE};

static bool is_one(struct onnx_size size) {
    return size.symbol == SYMBOL_NONE && size.k == 1;
}

static bool is_zero(struct onnx_size size) {
    return size.symbol == SYMBOL_NONE && size.k == 0;
}

// A reshape as far as it has been followed: axes of the input that are not of size 1, and of the
// target those that may not be.
struct reshape {
    const struct onnx_value *in;
    int kept[ONNX_RANK], count, next;
    const struct onnx_size *target;
    int rank;
};

static bool is_any(struct onnx_size size) {
    return size.symbol == SYMBOL_NONE && size.k == -1;
}

static bool is_same(struct onnx_size a, struct onnx_size b) {
    return a.symbol != SYMBOL_UNKNOWN && a.symbol == b.symbol && a.k == b.k;
}

// Axes of the target from `from` on that are not of size 1 for sure.
static int wanted(const struct reshape *s, int from) {
    int count = 0;

    for (int i = from; i < s->rank; i++)
        count += !is_one(s->target[i]);
    return count;
}

// How many axes of layers are next: two only where all are.
static int stack_axes(const struct reshape *s) {
    const bool first = s->next < s->count && s->in->axis[s->kept[s->next]] == AXIS_STACK;
    const bool second =
        first && s->next + 1 < s->count && s->in->axis[s->kept[s->next + 1]] == AXIS_SUBSTACK;

    return first + second;
}

// Do the next two become one?
static bool fuses_stack(const struct reshape *s, int place) {
    return stack_axes(s) == 2 &&
           (is_same(s->target[place], (struct onnx_size){s->in->count, SYMBOL_NONE}) ||
            (is_any(s->target[place]) && wanted(s, place) == s->count - s->next - 1));
}

// Do the next axes, of layers and of features, become one of this size?
static bool joins_stack(const struct reshape *s, int place, struct onnx_size want) {
    const int axes = stack_axes(s);
    if (axes == 0 || s->in->merged || s->next + axes >= s->count ||
        s->in->axis[s->kept[s->next + axes]] != AXIS_FEATURE)
        return false;
    const struct onnx_size width = s->in->dims[s->kept[s->next + axes]];
    if (is_any(want))
        return wanted(s, place) == s->count - s->next - axes;
    return width.symbol == SYMBOL_NONE &&
           is_same(want, (struct onnx_size){width.k * s->in->count, SYMBOL_NONE});
}

// Does the next axis, of layers, become two?
static bool splits_stack(const struct reshape *s, int place) {
    const struct onnx_size *want = s->target + place;

    return place + 1 < s->rank && s->next < s->count &&
           s->in->axis[s->kept[s->next]] == AXIS_STACK && !s->in->merged &&
           want[0].symbol == SYMBOL_NONE && want[1].symbol == SYMBOL_NONE && want[0].k > 0 &&
           want[1].k > 0 && want[0].k <= ONNX_INTS && want[1].k <= ONNX_INTS &&
           want[0].k * want[1].k == s->in->count && want[1].k > 1;
}

// Do the next numbers, of rows that were joined, become layers and the numbers of each?
static bool splits_joined(const struct onnx_reader *r, const struct reshape *s, int place) {
    const struct onnx_size *want = s->target + place;

    if (place + 1 >= s->rank || s->next >= s->count || onnx_is_stack(s->in) ||
        s->in->axis[s->kept[s->next]] != AXIS_FEATURE || want[0].symbol != SYMBOL_NONE ||
        want[1].symbol != SYMBOL_NONE || is_one(want[0]))
        return false;
    const int64_t width = s->in->dims[s->kept[s->next]].k;
    const int64_t outer = is_any(want[0]) && want[1].k > 0 ? width / want[1].k : want[0].k;
    const int64_t inner = is_any(want[1]) && outer > 0 ? width / outer : want[1].k;
    return onnx_splits_joined(r, s->in, outer, inner);
}

// Do the next two axes, of layers and of sequences, become one? The rest is as it was.
static bool merges_stack(const struct onnx_reader *r, const struct reshape *s, int place,
                         struct onnx_size want) {
    if (s->next + 1 >= s->count || s->in->merged || s->in->axis[s->kept[s->next]] != AXIS_STACK ||
        (int)s->in->axis[s->kept[s->next + 1]] != r->batch_axis)
        return false;
    const struct onnx_size batch = s->in->dims[s->kept[s->next + 1]];
    if (is_any(want))
        return wanted(s, place) == s->count - s->next - 1;
    return batch.symbol == SYMBOL_NONE &&
           is_same(want, (struct onnx_size){batch.k * s->in->count, SYMBOL_NONE});
}

// Does the next axis, of layers and sequences, become one of each again?
static bool parts_stack(const struct reshape *s, int place) {
    const struct onnx_size *want = s->target + place;

    return place + 1 < s->rank && s->next < s->count && s->in->merged &&
           s->in->axis[s->kept[s->next]] == AXIS_STACK && want[0].symbol == SYMBOL_NONE &&
           want[0].k == s->in->count && (is_any(want[1]) || is_same(want[1], s->in->batch));
}

// Do the features, the last axis, become several? Their sizes are known, but for one at most.
static bool splits_features(const struct reshape *s, int place) {
    int64_t count = 1;
    int open = 0;

    if (place + 1 >= s->rank || s->next + 1 != s->count || onnx_is_stack(s->in) ||
        s->in->axis[s->kept[s->next]] != AXIS_FEATURE || s->in->layer == ONNX_X ||
        is_any(s->target[place]))
        return false;
    const int64_t width = s->in->dims[s->kept[s->next]].k;
    for (int i = place; i < s->rank; i++) {
        const struct onnx_size want = s->target[i];
        if (want.symbol != SYMBOL_NONE || (!is_any(want) && (want.k < 1 || want.k > width)) ||
            (i == place && want.k == width))
            return false;
        open += is_any(want);
        count *= is_any(want) ? 1 : want.k;
        if (count > width)
            return false;
    }
    return open == 0 ? count == width : open == 1 && count > 1 && width % count == 0;
}

// ---- Rows of all sequences and steps, one behind the other, as a linear layer on every step is
// often given them

// Is it what size stands for, as far as it is known?
static bool may_be(struct onnx_size want, struct onnx_size size) {
    return is_any(want) || want.symbol == SYMBOL_UNKNOWN || is_same(want, size);
}

// Do the first two axes become one, and the features stay?
static bool joins_rows(const struct onnx_reader *r, const struct onnx_value *in,
                       const struct onnx_size *target, int rank) {
    if (in->kind != ONNX_FLOW || in->rank != 3 || rank != 2 || in->last || in->tail ||
        in->axis[0] > AXIS_INPUT_2 || in->axis[1] > AXIS_INPUT_2 || is_one(in->dims[0]) ||
        is_one(in->dims[1]) ||
        !(in->axis[2] == AXIS_FEATURE ||
          (in->layer == ONNX_X && r->feature_axis < 0 && in->axis[2] <= AXIS_INPUT_2)))
        return false;
    const bool fixed = in->dims[0].symbol == SYMBOL_NONE && in->dims[1].symbol == SYMBOL_NONE &&
                       in->dims[0].k < INT32_MAX && in->dims[1].k < INT32_MAX;
    const struct onnx_size all = {fixed ? in->dims[0].k * in->dims[1].k : 0,
                                  fixed ? SYMBOL_NONE : SYMBOL_UNKNOWN};
    return may_be(target[0], all) &&
           (is_same(target[1], in->dims[2]) || (is_any(target[1]) && !is_any(target[0])));
}

static int join_rows(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    struct onnx_value *out = onnx_output(r, 0);

    if (onnx_claim_features(r, in, 2) != 0)
        return -1;
    *out = *in;
    out->rank = 2;
    for (int i = 0; i < 2; i++) {
        out->row_axis[i] = in->axis[i];
        out->row_dims[i] = in->dims[i];
    }
    out->axis[0] = AXIS_ROWS;
    out->dims[0] = (struct onnx_size){0, SYMBOL_UNKNOWN};
    out->axis[1] = AXIS_FEATURE;
    out->dims[1] = in->dims[2];
    return 0;
}

// Do rows become sequences and steps again? What is behind them stays, or is one number that is
// left out.
static bool parts_rows(const struct onnx_value *in, const struct onnx_size *target, int rank) {
    int open = 0;

    if (in->rank < 1 || in->axis[0] != AXIS_ROWS || rank < 2 ||
        (rank != in->rank + 1 && !(rank == 2 && in->rank == 2 && is_one(in->dims[1]))))
        return false;
    for (int i = 0; i < rank; i++) {
        if (!may_be(target[i], i < 2 ? in->row_dims[i] : in->dims[i - 1]))
            return false;
        open += is_any(target[i]);
    }
    return open <= 1;
}

static int part_rows(struct onnx_reader *r, int rank) {
    const struct onnx_value *in = onnx_input(r, 0);
    struct onnx_value *out = onnx_output(r, 0);

    *out = *in;
    out->rank = rank;
    for (int i = 0; i < rank; i++) {
        out->axis[i] = i < 2 ? in->row_axis[i] : in->axis[i - 1];
        out->dims[i] = i < 2 ? in->row_dims[i] : in->dims[i - 1];
    }
    return 0;
}

bool onnx_same_rows(const struct onnx_value *a, const struct onnx_value *b) {
    return a->rank < 1 || b->rank < 1 || a->axis[0] != AXIS_ROWS || b->axis[0] != AXIS_ROWS ||
           (a->row_axis[0] == b->row_axis[0] && a->row_axis[1] == b->row_axis[1]);
}

// ---- Steps side by side, as one row

// Do the last two axes, of a number of steps that the file says and of the features, become one?
static bool joins_steps(const struct onnx_reader *r, const struct onnx_value *in,
                        const struct onnx_size *target, int rank) {
    if (in->kind != ONNX_FLOW || in->layer == ONNX_X || in->rank != 3 || rank != 2 || in->last ||
        !onnx_is_time(r, in, 1) || in->axis[2] != AXIS_FEATURE ||
        in->dims[1].symbol != SYMBOL_NONE || in->dims[2].symbol != SYMBOL_NONE ||
        in->dims[1].k < 2 || in->dims[1].k > MR_MAX_WIDTH)
        return false;
    const struct onnx_size all = {in->dims[1].k * in->dims[2].k, SYMBOL_NONE};
    return (is_any(target[1]) || is_same(target[1], all)) &&
           (is_zero(target[0]) || may_be(target[0], in->dims[0]));
}

static int join_steps(struct onnx_reader *r) {
    struct onnx_value in = *onnx_input(r, 0), *out = onnx_output(r, 0);
    const int64_t all = in.dims[1].k * in.dims[2].k;
    struct onnx_layer layer = {.kind = "window", .inputs = (int)in.dims[2].k, .units = (int)all};
    int index;

    if (all > MR_MAX_WIDTH)
        return onnx_fail(r->graph,
                         "puts %lld numbers of several steps side by side; %d are possible",
                         (long long)all, MR_MAX_WIDTH);
    if (onnx_check_padding(r, "puts all steps side by side") != 0)
        return -1;
    in.tail = false;
    if (!r->layers[in.layer].per_step)
        return onnx_fail(r->graph, "puts steps side by side of which each has the same row");
    if (onnx_add_layer(r, &in, layer, &index) != 0)
        return -1;
    r->layers[index].per_step = false;
    *out = in;
    out->layer = index;
    out->last = true;
    out->rank = 2;
    out->axis[1] = AXIS_FEATURE;
    out->dims[1] = (struct onnx_size){all, SYMBOL_NONE};
    return 0;
}

// ---- All others

// Axes of size 1 may come and go, those of layers may split, or be joined with the features; the
// others keep their order and sizes.
static int reshape_to(struct onnx_reader *r, const struct onnx_size *target, int rank) {
    struct onnx_value *out = onnx_output(r, 0);
    struct reshape s = {.in = onnx_input(r, 0), .target = target, .rank = rank};
    int open = 0, joined = -1;

    if (joins_rows(r, s.in, target, rank))
        return join_rows(r);
    if (parts_rows(s.in, target, rank))
        return part_rows(r, rank);
    if (joins_steps(r, s.in, target, rank))
        return join_steps(r);
    *out = *s.in;
    for (int i = 0; i < s.in->rank; i++) {
        if (s.in->axis[i] != AXIS_ONE)
            s.kept[s.count++] = i;
    }
    out->rank = rank;
    for (int i = 0; i < rank; i++) {
        struct onnx_size want = target[i];
        if (is_zero(want) && i < s.in->rank)
            want = s.in->dims[i];
        const bool any = is_any(want);
        open += any;
        const struct onnx_size *size = s.next < s.count ? &s.in->dims[s.kept[s.next]] : NULL;
        if (joins_stack(&s, i, want)) {
            joined = i;
            out->axis[i] = AXIS_FEATURE;
            s.next += stack_axes(&s) + 1;
        } else if (fuses_stack(&s, i)) {
            out->axis[i] = AXIS_STACK;
            out->dims[i] = (struct onnx_size){s.in->count, SYMBOL_NONE};
            s.next += 2;
        } else if (merges_stack(r, &s, i, want)) {
            out->merged = true;
            out->batch = s.in->dims[s.kept[s.next + 1]];
            out->axis[i] = AXIS_STACK;
            out->dims[i] = (struct onnx_size){0, SYMBOL_UNKNOWN};
            s.next += 2;
        } else if (parts_stack(&s, i)) {
            out->merged = false;
            out->axis[i] = AXIS_STACK;
            out->dims[i] = target[i];
            out->axis[i + 1] = (enum onnx_axis)r->batch_axis;
            out->dims[i + 1] = s.in->batch;
            open += is_any(target[i + 1]);
            i++;
            s.next++;
        } else if (splits_joined(r, &s, i)) {
            onnx_split_joined(r, out, i);
            open += is_any(target[i + 1]);
            i++;
            s.next++;
        } else if (splits_stack(&s, i)) {
            onnx_split_stack(out, i, target[i], target[i + 1]);
            i++;
            s.next++;
        } else if (splits_features(&s, i)) { // which stand as they stood
            out->rank = i + 1;
            out->axis[i] = AXIS_FEATURE;
            out->dims[i] = *size;
            out->split = true;
            s.next++;
            for (i++; i < rank; i++)
                open += is_any(target[i]);
        } else if (size && (any || is_same(want, *size))) {
            out->axis[i] = s.in->axis[s.kept[s.next]];
            out->dims[i] = *size;
            s.next++;
        } else if (is_one(want) || (any && !size)) {
            out->axis[i] = AXIS_ONE;
            out->dims[i] = one;
        } else {
            return onnx_fail(r->graph,
                             "mixes or splits axes; this version follows only added or removed "
                             "axes of size 1");
        }
    }
    for (; s.next < s.count; s.next++) {
        if (s.in->axis[s.kept[s.next]] != AXIS_FEATURE || s.in->layer == ONNX_X ||
            !is_one(s.in->dims[s.kept[s.next]]))
            return onnx_fail(r->graph,
                             "joins axes; this version follows only added or removed axes of "
                             "size 1");
    }
    if (open > 1)
        return onnx_fail(r->graph, "leaves more than one size open");
    return joined >= 0 ? onnx_join_stack(r, out, joined) : 0;
}

int onnx_reshape(struct onnx_reader *r) {
    struct onnx_value shape;

    if (!onnx_input(r, 1) || !onnx_sizes(r, 1, &shape) || shape.count > ONNX_RANK)
        return onnx_fail(r->graph, "has a shape that is not constant");
    for (int i = 0; i < shape.count && onnx_int(r->graph, "allowzero", 0) != 0; i++) {
        if (is_zero(shape.ints[i]))
            return onnx_fail(r->graph, "asks for an axis of size 0");
    }
    return reshape_to(r, shape.ints, shape.count);
}

int onnx_flatten(struct onnx_reader *r) {
    const struct onnx_value *in = onnx_input(r, 0);
    int64_t at = onnx_int(r->graph, "axis", 1);
    struct onnx_size target[2] = {one, one};
    int used[2] = {0, 0};

    if (at < 0)
        at += in->rank;
    if (at == 2 && onnx_flattens_steps(r))
        return onnx_flatten_steps(r);
    if (at == 2 && in->rank == 3) {
        const struct onnx_size rows[2] = {{-1, SYMBOL_NONE}, in->dims[2]};
        if (joins_rows(r, in, rows, 2))
            return join_rows(r);
    }
    const struct onnx_size steps[2] = {in->dims[0], {-1, SYMBOL_NONE}};
    if (at == 1 && joins_steps(r, in, steps, 2))
        return join_steps(r);
    for (int i = 0; i < in->rank; i++) {
        if (in->axis[i] == AXIS_ONE)
            continue;
        const bool joined = used[i >= at] > 0 && in->axis[i] == AXIS_FEATURE &&
                            in->axis[i - 1] == AXIS_STACK &&
                            is_same(target[i >= at], in->dims[i - 1]);
        if (used[i >= at]++ > 0 && !joined)
            return onnx_fail(r->graph, "joins axes; take the last step before it");
        target[i >= at] = joined ? (struct onnx_size){-1, SYMBOL_NONE} : in->dims[i];
    }
    return reshape_to(r, target, 2);
}
