// SPDX-License-Identifier: Apache-2.0
// ONNX operators that make, move, and convert numbers without computing with them.
#include "onnx_eval.h"

#include <math.h>
#include <string.h>

enum { INT64 = ONNX__TENSOR_PROTO__DATA_TYPE__INT64, BOOL = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL };

static int fail_shape(struct onnx_eval *e) {
    return onnx_fail(e->graph, "asks for a shape that does not fit what it reads");
}

// Fills out, whose shape is set, from in: the element of index i[] is at offset + sum stride * i.
static void copy_strided(struct onnx_tensor *out, const struct onnx_tensor *in, int64_t offset,
                         const int64_t *stride) {
    int64_t index[ONNX_RANK] = {0};

    for (size_t i = 0; i < out->count; i++) {
        out->whole[i] = in->whole[offset];
        for (int axis = out->rank; axis-- > 0;) {
            offset += stride[axis];
            if (++index[axis] < out->dims[axis])
                break;
            offset -= stride[axis] * out->dims[axis];
            index[axis] = 0;
        }
    }
}

static void strides_of(const struct onnx_tensor *t, int64_t *stride) {
    int64_t step = 1;

    for (int axis = t->rank; axis-- > 0;) {
        stride[axis] = step;
        step *= t->dims[axis];
    }
}

// The same numbers with another shape.
static int set_shape(struct onnx_eval *e, const struct onnx_tensor *in, int rank,
                     const int64_t *dims) {
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    size_t count;

    if (!onnx_shape_count(rank, dims, &count) || count != in->count)
        return fail_shape(e);
    *out = onnx_tensor_share(in);
    out->rank = rank;
    memset(out->dims, 0, sizeof out->dims);
    for (int i = 0; i < rank; i++)
        out->dims[i] = dims[i];
    return 0;
}

// Also Dropout, which must drop nothing.
int onnx_eval_identity(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);

    if (onnx_is(e->graph, "Dropout") && onnx_check_dropout(e->graph) != 0)
        return -1;
    return set_shape(e, in, in->rank, in->dims);
}

int onnx_eval_constant(struct onnx_eval *e) {
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const Onnx__AttributeProto *a = onnx_attribute(e->graph, "value");
    const int real = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    int64_t count = 1;

    if (a && a->t)
        return onnx_decode(e->graph, a->t, out);
    if ((a = onnx_attribute(e->graph, "value_int")) != NULL) {
        if (onnx_eval_create(e, out, INT64, 0, NULL) != 0)
            return -1;
        out->whole[0] = a->i;
    } else if ((a = onnx_attribute(e->graph, "value_float")) != NULL) {
        if (onnx_eval_create(e, out, real, 0, NULL) != 0)
            return -1;
        out->real[0] = a->f;
    } else if ((a = onnx_attribute(e->graph, "value_ints")) != NULL) {
        count = (int64_t)a->n_ints;
        if (onnx_eval_create(e, out, INT64, 1, &count) != 0)
            return -1;
        for (size_t i = 0; i < a->n_ints; i++)
            out->whole[i] = a->ints[i];
    } else if ((a = onnx_attribute(e->graph, "value_floats")) != NULL) {
        count = (int64_t)a->n_floats;
        if (onnx_eval_create(e, out, real, 1, &count) != 0)
            return -1;
        for (size_t i = 0; i < a->n_floats; i++)
            out->real[i] = a->floats[i];
    } else {
        return onnx_fail(e->graph, "has no value of a kind this version reads");
    }
    return 0;
}

int onnx_eval_constant_of_shape(struct onnx_eval *e) {
    struct onnx_tensor *out = onnx_eval_output(e, 0), element = {0};
    const Onnx__AttributeProto *a = onnx_attribute(e->graph, "value");
    int64_t dims[ONNX_INTS];
    int rank;

    if (onnx_eval_list(e, "a shape", 0, dims, &rank) != 0)
        return -1;
    if (rank > ONNX_RANK)
        return onnx_eval_unsupported(e);
    if (a && a->t && onnx_decode(e->graph, a->t, &element) != 0)
        return -1;
    if (element.type && element.count != 1) {
        onnx_tensor_free(&element);
        return onnx_fail(e->graph, "has a value that is not one number");
    }
    int result = onnx_eval_create(
        e, out, element.type ? element.type : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, rank, dims);
    // A zero has the same bits in both kinds.
    for (size_t i = 0; result == 0 && i < out->count; i++)
        out->whole[i] = element.type ? element.whole[0] : 0;
    onnx_tensor_free(&element);
    return result;
}

static bool is_bool(int type) {
    return type == BOOL;
}

static bool is_small(int type) {
    return type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 ||
           type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16;
}

// Real to whole truncates toward zero; what does not fit is not defined by ONNX, and refused.
static int convert(struct onnx_eval *e, const struct onnx_tensor *in, struct onnx_tensor *out) {
    for (size_t i = 0; i < in->count; i++) {
        double v = onnx_number(in, i);
        if (onnx_is_real(out->type))
            out->real[i] = e->wide && is_small(out->type) ? v : onnx_round(out->type, v);
        else if (is_bool(out->type))
            out->whole[i] = v != 0;
        else if (onnx_is_real(in->type) && !(fabs(v) < 9e18))
            return onnx_fail(e->graph, "turns %g into a whole number", v);
        else
            out->whole[i] = onnx_is_real(in->type) ? (int64_t)trunc(v) : in->whole[i];
    }
    return 0;
}

int onnx_eval_cast(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const struct onnx_tensor *like = onnx_is(e->graph, "CastLike") ? onnx_eval_input(e, 1) : NULL;
    int64_t to = like ? like->type : onnx_int(e->graph, "to", 0);

    if (to < 1 || to > 64 || !onnx_type_name((int)to))
        return onnx_fail(e->graph, "casts to element type %lld, which this version does not know",
                         (long long)to);
    if (onnx_eval_create(e, out, (int)to, in->rank, in->dims) != 0)
        return -1;
    return convert(e, in, out);
}

int onnx_eval_shape(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    int start, end;

    onnx_shape_part(e->graph, in->rank, &start, &end);
    int64_t count = end - start;
    if (onnx_eval_create(e, out, INT64, 1, &count) != 0)
        return -1;
    for (int i = start; i < end; i++)
        out->whole[i - start] = in->dims[i];
    return 0;
}

bool onnx_broadcast(const int64_t *a, int a_rank, const int64_t *b, int b_rank, int64_t *dims,
                    int *rank) {
    *rank = a_rank > b_rank ? a_rank : b_rank;
    for (int i = 0; i < *rank; i++) {
        int from_a = i - (*rank - a_rank), from_b = i - (*rank - b_rank);
        int64_t x = from_a >= 0 ? a[from_a] : 1, y = from_b >= 0 ? b[from_b] : 1;
        if (x != y && x != 1 && y != 1)
            return false;
        dims[i] = x == 1 ? y : x;
    }
    return true;
}

void onnx_stretch(const struct onnx_tensor *in, int rank, const int64_t *dims, int64_t *stride) {
    int64_t own[ONNX_RANK];

    strides_of(in, own);
    for (int i = 0; i < rank; i++) {
        int from = i - (rank - in->rank);
        stride[i] = from >= 0 && (in->dims[from] != 1 || dims[i] == 1) ? own[from] : 0;
    }
}

// Files of an open batch often hold the zero state of the batch that they were made with, and
// spread it: one number for all has any shape.
static int spread_number(struct onnx_eval *e, const struct onnx_tensor *in, const int64_t *shape,
                         int count) {
    struct onnx_tensor *out = onnx_eval_output(e, 0);

    for (size_t i = 1; i < in->count; i++)
        if (in->whole[i] != in->whole[0])
            return fail_shape(e);
    if (!e->wide || in->count < 1 || in->rank != count)
        return fail_shape(e);
    if (onnx_eval_create(e, out, in->type, count, shape) != 0)
        return -1;
    for (size_t i = 0; i < out->count; i++)
        out->whole[i] = in->whole[0];
    return 0;
}

int onnx_eval_spread(struct onnx_eval *e, const int64_t *shape, int count) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    int64_t dims[ONNX_RANK], stride[ONNX_RANK];
    int rank;

    if (count < 0 || count > ONNX_RANK)
        return fail_shape(e);
    if (!onnx_broadcast(in->dims, in->rank, shape, count, dims, &rank))
        return spread_number(e, in, shape, count);
    if (onnx_eval_create(e, out, in->type, rank, dims) != 0)
        return -1;
    onnx_stretch(in, rank, dims, stride);
    copy_strided(out, in, 0, stride);
    return 0;
}

int onnx_eval_expand(struct onnx_eval *e) {
    int64_t shape[ONNX_INTS];
    int count;

    return onnx_eval_list(e, "a shape", 1, shape, &count) != 0 ? -1
                                                               : onnx_eval_spread(e, shape, count);
}

int onnx_eval_repeat(struct onnx_eval *e, const int64_t *repeats, int count) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    int64_t dims[ONNX_RANK], index[ONNX_RANK] = {0};

    if (count != in->rank)
        return fail_shape(e);
    for (int i = 0; i < count; i++)
        if (repeats[i] < 0 || __builtin_mul_overflow(in->dims[i], repeats[i], &dims[i]))
            return fail_shape(e);
    if (onnx_eval_create(e, out, in->type, in->rank, dims) != 0)
        return -1;
    for (size_t at = 0; at < out->count; at++) {
        int64_t from = 0;
        for (int i = 0; i < in->rank; i++)
            from = from * in->dims[i] + index[i] % in->dims[i];
        if (onnx_is_real(in->type))
            out->real[at] = in->real[from];
        else
            out->whole[at] = in->whole[from];
        for (int i = in->rank; i-- > 0 && ++index[i] == dims[i];)
            index[i] = 0;
    }
    return 0;
}

int onnx_eval_tile(struct onnx_eval *e) {
    int64_t repeats[ONNX_INTS];
    int count;

    return onnx_eval_list(e, "repeats", 1, repeats, &count) != 0
               ? -1
               : onnx_eval_repeat(e, repeats, count);
}

int onnx_eval_transpose(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    int64_t own[ONNX_RANK], dims[ONNX_RANK], stride[ONNX_RANK];
    int perm[ONNX_RANK];

    if (onnx_perm(e->graph, in->rank, perm) != 0)
        return -1;
    strides_of(in, own);
    for (int i = 0; i < in->rank; i++) {
        dims[i] = in->dims[perm[i]];
        stride[i] = own[perm[i]];
    }
    if (onnx_eval_create(e, out, in->type, in->rank, dims) != 0)
        return -1;
    copy_strided(out, in, 0, stride);
    return 0;
}

// Start and length of what a slice takes of an axis, as ONNX clamps it.
static void slice_bounds(int64_t start, int64_t end, int64_t step, int64_t size, int64_t *from,
                         int64_t *count) {
    const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;

    start = start < 0 ? (start < -size ? low : start + size) : start;
    end = end < 0 ? (end < -size ? low : end + size) : end;
    start = start < 0 ? low : start > high ? high : start;
    end = end < low ? low : end > high + (step < 0) ? high + (step < 0) : end;
    *from = start;
    *count = step > 0    ? (end > start ? (end - start - 1) / step + 1 : 0)
             : -step > 0 ? (start > end ? (start - end - 1) / -step + 1 : 0)
                         : (start > end); // the step is the least number there is
}

int onnx_eval_slice(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    int64_t start[ONNX_INTS], end[ONNX_INTS], axes[ONNX_INTS], step[ONNX_INTS];
    int64_t dims[ONNX_RANK], stride[ONNX_RANK], offset = 0;
    int starts, ends, named, steps;
    bool seen[ONNX_RANK] = {false};

    if (onnx_eval_list(e, "starts", 1, start, &starts) != 0 ||
        onnx_eval_list(e, "ends", 2, end, &ends) != 0 ||
        onnx_eval_list(e, "axes", 3, axes, &named) != 0 ||
        onnx_eval_list(e, "steps", 4, step, &steps) != 0)
        return -1;
    if (starts < 1 || ends != starts || (named >= 0 && named != starts) ||
        (steps >= 0 && steps != starts))
        return onnx_fail(e->graph, "has lists of starts, ends, axes and steps of different "
                                   "lengths");
    strides_of(in, stride);
    memcpy(dims, in->dims, sizeof dims);
    for (int i = 0; i < starts; i++) {
        int axis;
        int64_t by = steps >= 0 ? step[i] : 1, from;
        if (onnx_axis(e->graph, named >= 0 ? axes[i] : i, in->rank, &axis) != 0)
            return -1;
        if (by == 0 || seen[axis])
            return onnx_fail(e->graph, "has a step of 0 or names an axis twice");
        seen[axis] = true;
        slice_bounds(start[i], end[i], by, in->dims[axis], &from, &dims[axis]);
        offset += dims[axis] > 0 ? from * stride[axis] : 0;
        stride[axis] *= dims[axis] > 1 ? by : 0;
    }
    if (onnx_eval_create(e, out, in->type, in->rank, dims) != 0)
        return -1;
    copy_strided(out, in, offset, stride);
    return 0;
}

int onnx_eval_gather(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0), *index = onnx_eval_input(e, 1);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    int64_t dims[2 * ONNX_RANK];
    size_t before = 1, after = 1;
    int axis, rank = 0;

    if (!index || onnx_is_real(index->type) || in->rank < 1)
        return onnx_fail(e->graph, "has no index of whole numbers");
    if (onnx_axis(e->graph, onnx_int(e->graph, "axis", 0), in->rank, &axis) != 0)
        return -1;
    for (int i = 0; i < axis; i++)
        before *= (size_t)(dims[rank++] = in->dims[i]);
    for (int i = 0; i < index->rank; i++)
        dims[rank++] = index->dims[i];
    for (int i = axis + 1; i < in->rank; i++)
        after *= (size_t)(dims[rank++] = in->dims[i]);
    if (rank > ONNX_RANK)
        return onnx_eval_unsupported(e);
    if (onnx_eval_create(e, out, in->type, rank, dims) != 0)
        return -1;
    int64_t *to = out->whole, size = in->dims[axis];
    for (size_t b = 0; out->count > 0 && b < before; b++) {
        for (size_t i = 0; i < index->count; i++) {
            int64_t k = index->whole[i] < 0 ? index->whole[i] + size : index->whole[i];
            if (k < 0 || k >= size)
                return onnx_fail(e->graph, "takes element %lld of an axis of %lld",
                                 (long long)index->whole[i], (long long)size);
            memcpy(to, in->whole + (b * (size_t)size + (size_t)k) * after, after * sizeof *to);
            to += after;
        }
    }
    return 0;
}

int onnx_eval_concat(struct onnx_eval *e) {
    const struct onnx_tensor *first = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    int64_t dims[ONNX_RANK];
    size_t before = 1, after = 1;
    int axis;

    if (onnx_axis(e->graph, onnx_int(e->graph, "axis", 0), first->rank, &axis) != 0)
        return -1;
    memcpy(dims, first->dims, sizeof dims);
    dims[axis] = 0;
    for (size_t i = 0; i < e->graph->node->n_input; i++) {
        const struct onnx_tensor *in = onnx_eval_input(e, i);
        bool fits = in && in->rank == first->rank && in->type == first->type;
        for (int k = 0; fits && k < in->rank; k++)
            fits = k == axis || in->dims[k] == first->dims[k];
        if (!fits || __builtin_add_overflow(dims[axis], in->dims[axis], &dims[axis]))
            return onnx_fail(e->graph, "joins values whose shapes or types do not fit each other");
    }
    for (int i = 0; i < axis; i++)
        before *= (size_t)dims[i];
    for (int i = axis + 1; i < first->rank; i++)
        after *= (size_t)dims[i];
    if (onnx_eval_create(e, out, first->type, first->rank, dims) != 0)
        return -1;
    int64_t *to = out->whole;
    for (size_t b = 0; out->count > 0 && b < before; b++) {
        for (size_t i = 0; i < e->graph->node->n_input; i++) {
            const struct onnx_tensor *in = onnx_eval_input(e, i);
            size_t run = (size_t)in->dims[axis] * after;
            memcpy(to, in->whole + b * run, run * sizeof *to);
            to += run;
        }
    }
    return 0;
}

// The sizes of the parts: as listed, or equal ones, of which the last may be smaller.
static int split_sizes(struct onnx_eval *e, int64_t size, int64_t *parts, int *count) {
    int64_t sum = 0;

    if (onnx_eval_list(e, "split", 1, parts, count) != 0)
        return -1;
    if (*count < 0) {
        int64_t wanted = onnx_int(e->graph, "num_outputs", (int64_t)e->graph->node->n_output);
        if (wanted < 1 || wanted > ONNX_INTS)
            return onnx_eval_unsupported(e);
        *count = (int)wanted;
        int64_t part = (size + wanted - 1) / wanted;
        for (int i = 0; i < *count; i++)
            parts[i] = part * i >= size ? 0 : part * (i + 1) > size ? size - part * i : part;
    }
    for (int i = 0; i < *count; i++) {
        if (parts[i] < 0 || __builtin_add_overflow(sum, parts[i], &sum))
            return fail_shape(e);
    }
    return sum == size && (size_t)*count >= e->graph->node->n_output ? 0 : fail_shape(e);
}

int onnx_eval_split(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    int64_t parts[ONNX_INTS], dims[ONNX_RANK], stride[ONNX_RANK], from = 0;
    int axis, count;

    if (onnx_axis(e->graph, onnx_int(e->graph, "axis", 0), in->rank, &axis) != 0 ||
        split_sizes(e, in->dims[axis], parts, &count) != 0)
        return -1;
    strides_of(in, stride);
    memcpy(dims, in->dims, sizeof dims);
    for (int i = 0; i < count; from += parts[i++]) {
        struct onnx_tensor *out = onnx_eval_output(e, (size_t)i);
        dims[axis] = parts[i];
        if (!out)
            continue;
        if (onnx_eval_create(e, out, in->type, in->rank, dims) != 0)
            return -1;
        copy_strided(out, in, from * stride[axis], stride);
    }
    return 0;
}

int onnx_eval_squeeze(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    int64_t axes[ONNX_INTS], dims[ONNX_RANK];
    bool drop[ONNX_RANK] = {false};
    int count, rank = 0;

    if (onnx_eval_list(e, "axes", 1, axes, &count) != 0)
        return -1;
    for (int i = 0; i < count; i++) {
        int axis;
        if (onnx_axis(e->graph, axes[i], in->rank, &axis) != 0)
            return -1;
        if (in->dims[axis] != 1)
            return onnx_fail(e->graph, "removes axis %d, which is not of size 1", axis);
        drop[axis] = true;
    }
    for (int i = 0; i < in->rank; i++) {
        if (!drop[i] && !(count < 0 && in->dims[i] == 1))
            dims[rank++] = in->dims[i];
    }
    return set_shape(e, in, rank, dims);
}

int onnx_eval_unsqueeze(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    int64_t axes[ONNX_INTS], dims[ONNX_RANK];
    bool added[ONNX_RANK];
    int count;

    if (onnx_eval_list(e, "axes", 1, axes, &count) != 0 ||
        onnx_added_axes(e->graph, axes, count, in->rank, added) != 0)
        return -1;
    for (int i = 0, from = 0; i < in->rank + count; i++)
        dims[i] = added[i] ? 1 : in->dims[from++];
    return set_shape(e, in, in->rank + count, dims);
}

int onnx_eval_reshape(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    int64_t dims[ONNX_INTS], rest = 1;
    int rank, open = -1;

    if (onnx_eval_list(e, "shape", 1, dims, &rank) != 0)
        return -1;
    if (rank < 0 || rank > ONNX_RANK)
        return fail_shape(e);
    for (int i = 0; i < rank; i++) {
        if (dims[i] == 0 && i < in->rank && onnx_int(e->graph, "allowzero", 0) == 0)
            dims[i] = in->dims[i];
        if (dims[i] < -1 || (dims[i] == -1 && open >= 0))
            return fail_shape(e);
        if (dims[i] == -1)
            open = i;
        else if (__builtin_mul_overflow(rest, dims[i], &rest))
            return fail_shape(e);
    }
    if (open >= 0)
        dims[open] = rest > 0 ? (int64_t)in->count / rest : 0;
    return set_shape(e, in, rank, dims);
}

int onnx_eval_flatten(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    int64_t at = onnx_int(e->graph, "axis", 1), dims[2] = {1, 1};

    if (at < -in->rank || at > in->rank)
        return onnx_fail(e->graph, "names axis %lld of a value that has %d", (long long)at,
                         in->rank);
    at += at < 0 ? in->rank : 0;
    for (int i = 0; i < in->rank; i++)
        dims[i >= at] *= in->dims[i];
    return set_shape(e, in, 2, dims);
}

int onnx_eval_range(struct onnx_eval *e) {
    const struct onnx_tensor *in[3];
    struct onnx_tensor *out = onnx_eval_output(e, 0);

    for (size_t i = 0; i < 3; i++) {
        in[i] = onnx_eval_input(e, i);
        if (!in[i] || in[i]->count != 1 || in[i]->type != in[0]->type)
            return onnx_eval_unsupported(e);
    }
    double start = onnx_number(in[0], 0), step = onnx_number(in[2], 0);
    double steps = ceil((onnx_number(in[1], 0) - start) / step);
    if (!isfinite(steps) || steps > 1e9)
        return onnx_eval_unsupported(e);
    int64_t count = steps > 0 ? (int64_t)steps : 0;
    if (onnx_eval_create(e, out, in[0]->type, 1, &count) != 0)
        return -1;
    for (int64_t i = 0; i < count; i++) {
        if (onnx_is_real(out->type))
            out->real[i] = start + (double)i * step;
        else
            out->whole[i] = in[0]->whole[0] + i * in[2]->whole[0];
    }
    return 0;
}
