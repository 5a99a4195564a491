// SPDX-License-Identifier: Apache-2.0
// Lists of tensors, in which scripted loops collect their steps.
#include "onnx_eval.h"

#include <string.h>

// A list with room for so many; items are to be filled.
static int create(struct onnx_eval *e, struct onnx_tensor *out, size_t count) {
    const size_t each = (sizeof *out + 7) / 8;
    const int64_t words = (int64_t)(count * each);

    if (count > ONNX_VALUES)
        return onnx_fail(e->graph, "makes a list of more than %d values", ONNX_VALUES);
    if (onnx_eval_create(e, out, ONNX_SEQUENCE, 1, &words) != 0)
        return -1;
    memset(out->items, 0, (size_t)words * 8);
    out->count = count;
    out->dims[0] = (int64_t)count;
    return 0;
}

static const struct onnx_tensor *list_of(const struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);

    return in && in->type == ONNX_SEQUENCE ? in : NULL;
}

// A place in the list; `end`: where the input is left out. -1 with a sentence.
static int place_of(struct onnx_eval *e, size_t input, size_t count, size_t end, size_t *place) {
    const struct onnx_tensor *t = onnx_eval_input(e, input);

    *place = end;
    if (!t)
        return 0;
    if (t->type >= ONNX_SYMBOLS || onnx_is_real(t->type) || t->count != 1)
        return onnx_eval_unsupported(e);
    const int64_t size = (int64_t)count, at = t->whole[0] < 0 ? t->whole[0] + size : t->whole[0];
    if (at < 0 || at > (int64_t)end)
        return onnx_fail(e->graph, "takes element %lld of a list of %lld", (long long)t->whole[0],
                         (long long)size);
    *place = (size_t)at;
    return 0;
}

// SequenceEmpty and SequenceConstruct
int onnx_eval_sequence(struct onnx_eval *e) {
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const size_t count = e->graph->node->n_input;

    if (create(e, out, count) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct onnx_tensor *in = onnx_eval_input(e, i);
        if (!in || in->type == ONNX_SEQUENCE)
            return onnx_eval_unsupported(e);
        out->items[i] = onnx_tensor_share(in);
    }
    return 0;
}

// The list without item `gone`, and with `added` in the place `at`.
static int copy_list(struct onnx_eval *e, const struct onnx_tensor *in, size_t gone, size_t at,
                     const struct onnx_tensor *added) {
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const size_t count = in->count + (added != NULL) - (gone < in->count);

    if (create(e, out, count) != 0)
        return -1;
    for (size_t i = 0, from = 0; i < count; i++) {
        from += from == gone;
        out->items[i] = onnx_tensor_share(added && i == at ? added : &in->items[from++]);
    }
    return 0;
}

int onnx_eval_sequence_insert(struct onnx_eval *e) {
    const struct onnx_tensor *in = list_of(e), *added = onnx_eval_input(e, 1);
    size_t at;

    if (!in || !added || added->type == ONNX_SEQUENCE)
        return onnx_eval_unsupported(e);
    return place_of(e, 2, in->count, in->count, &at) != 0 ? -1
                                                          : copy_list(e, in, in->count, at, added);
}

int onnx_eval_sequence_erase(struct onnx_eval *e) {
    const struct onnx_tensor *in = list_of(e);
    size_t at;

    if (!in || in->count == 0)
        return onnx_eval_unsupported(e);
    return place_of(e, 1, in->count, in->count - 1, &at) != 0 ? -1 : copy_list(e, in, at, 0, NULL);
}

int onnx_eval_sequence_at(struct onnx_eval *e) {
    const struct onnx_tensor *in = list_of(e);
    size_t at;

    if (!in || in->count == 0 || !onnx_eval_input(e, 1))
        return onnx_eval_unsupported(e);
    if (place_of(e, 1, in->count, in->count - 1, &at) != 0)
        return -1;
    *onnx_eval_output(e, 0) = onnx_tensor_share(&in->items[at]);
    return 0;
}

int onnx_eval_sequence_length(struct onnx_eval *e) {
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const struct onnx_tensor *in = list_of(e);

    if (!in)
        return onnx_eval_unsupported(e);
    if (onnx_eval_create(e, out, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 0, NULL) != 0)
        return -1;
    out->whole[0] = (int64_t)in->count;
    return 0;
}

// Along an axis that is there, or along a new one.
int onnx_eval_sequence_concat(struct onnx_eval *e) {
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const struct onnx_tensor *in = list_of(e);
    const bool added = onnx_int(e->graph, "new_axis", 0) != 0;
    int64_t dims[ONNX_RANK], along = 0;
    size_t after = 1, at = 0;
    int axis;

    if (!in || in->count == 0 || in->items[0].rank + added > ONNX_RANK)
        return onnx_eval_unsupported(e);
    const struct onnx_tensor *first = &in->items[0];
    if (onnx_axis(e->graph, onnx_int(e->graph, "axis", 0), first->rank + added, &axis) != 0)
        return -1;
    bool symbols = false;
    for (size_t i = 0; i < in->count; i++) {
        const struct onnx_tensor *t = &in->items[i];
        bool fits = t->rank == first->rank && (t->type == first->type || t->type == ONNX_SYMBOLS ||
                                               first->type == ONNX_SYMBOLS);
        for (int k = 0; fits && k < t->rank; k++)
            fits = (!added && k == axis) || t->dims[k] == first->dims[k];
        symbols = symbols || t->type == ONNX_SYMBOLS;
        if (!fits || __builtin_add_overflow(along, added ? 1 : t->dims[axis], &along))
            return onnx_fail(e->graph, "joins values of different shapes or types");
    }
    for (int i = 0; i < first->rank + added; i++)
        dims[i] = i == axis ? along : first->dims[added && i > axis ? i - 1 : i];
    for (int i = axis + 1; i < first->rank + added; i++)
        after *= (size_t)dims[i];
    if (onnx_eval_create(e, out, symbols ? ONNX_SYMBOLS : first->type, first->rank + added, dims) !=
        0)
        return -1;
    for (size_t i = 0; i < in->count; i++) {
        const size_t own = (added ? 1 : (size_t)in->items[i].dims[axis]) * after;
        struct onnx_tensor item;
        if (onnx_eval_lift(e, &in->items[i], symbols, &item) != 0)
            return -1;
        for (size_t k = 0; k < item.count; k++)
            out->whole[k / own * (size_t)along * after + at + k % own] = item.whole[k];
        onnx_tensor_free(&item);
        at += own;
    }
    return 0;
}

// Into parts of one size, or of the sizes of a list; without it into single ones.
int onnx_eval_sequence_split(struct onnx_eval *e) {
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const struct onnx_tensor *in = onnx_eval_input(e, 0), *split = onnx_eval_input(e, 1);
    const bool keep = split || onnx_int(e->graph, "keepdims", 1) != 0;
    int64_t dims[ONNX_RANK], from = 0;
    size_t after = 1;
    int axis;

    if (in->type == ONNX_SEQUENCE || (split && (split->type >= ONNX_SYMBOLS || split->count == 0 ||
                                                onnx_is_real(split->type) || split->rank > 1)))
        return onnx_eval_unsupported(e);
    if (onnx_axis(e->graph, onnx_int(e->graph, "axis", 0), in->rank, &axis) != 0)
        return -1;
    const int64_t size = in->dims[axis], each = !split ? 1 : split->whole[0];
    const bool listed = split && split->rank == 1;
    for (size_t i = 0; i < (listed ? split->count : 1); i++)
        if ((split ? split->whole[i] : 1) < 1 || (listed && split->whole[i] > size))
            return onnx_fail(e->graph, "splits an axis of %lld into other parts", (long long)size);
    const size_t count = listed ? split->count : (size_t)(size / each + (size % each != 0));
    for (int i = axis + 1; i < in->rank; i++)
        after *= (size_t)in->dims[i];
    if (create(e, out, count) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const int64_t left = size - from, part = listed ? split->whole[i] : each;
        const int64_t own = listed || part < left ? part : left;
        struct onnx_tensor *item = &out->items[i];
        if (own > left || (i + 1 == count && own != left))
            return onnx_fail(e->graph, "splits an axis of %lld into other parts", (long long)size);
        memcpy(dims, in->dims, sizeof dims);
        dims[axis] = own;
        if (onnx_eval_create(e, item, in->type, in->rank, dims) != 0)
            return -1;
        const size_t block = (size_t)own * after;
        for (size_t k = 0; k < item->count; k++)
            item->whole[k] =
                in->whole[(k / block * (size_t)size + (size_t)from) * after + k % block];
        for (int k = axis; !keep && k + 1 < item->rank; k++)
            item->dims[k] = item->dims[k + 1];
        item->rank -= !keep;
        from += own;
    }
    return 0;
}
