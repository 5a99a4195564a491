// SPDX-License-Identifier: Apache-2.0
// Values of the file in the new graph (onnx_written.h): by the node that makes them, or, where they
// are states or put together from the steps of a recurrence, from the rows of its operator.
#include "onnx_written.h"

#include "file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIME = 'T', SEQUENCE = 'N', FEATURE = 'F', STACK = 'S', ONE = '1' };

static int no_memory(struct onnx_written *w) {
    return onnx_fail_file(w->graph, "needs more memory than there is");
}

// What each axis of a value is.
struct shape {
    const struct onnx_tensor *t;
    char axis[ONNX_RANK];
    int64_t stride[ONNX_RANK];
    bool backwards; // its steps
    int features;   // axes that are neither steps nor sequences
};

static int fail_value(struct onnx_written *w, const char *why) {
    w->graph->node = w->from;
    return onnx_fail(w->graph, "%s", why);
}

static int find_shape(struct onnx_written *w, const struct onnx_tensor *t, struct shape *s) {
    const int32_t first = (int32_t)t->whole[0];
    int64_t step = 1;

    memset(s, 0, sizeof *s);
    s->t = t;
    for (int i = t->rank; i-- > 0; step *= t->dims[i])
        s->stride[i] = step;
    for (int i = 0; i < t->rank; i++) {
        s->axis[i] = ONE;
        if (t->dims[i] < 2)
            continue;
        const int32_t other = (int32_t)t->whole[s->stride[i]];
        const bool moves_t = w->site_t[other] != w->site_t[first];
        const bool moves_n = w->site_n[other] != w->site_n[first];
        if (moves_t && moves_n)
            return fail_value(w, "mixes the steps with the sequences of the batch");
        s->axis[i] = (char)(moves_t ? TIME : moves_n ? SEQUENCE : FEATURE);
        s->features += s->axis[i] == FEATURE;
        if (moves_t)
            s->backwards = w->site_t[other] < w->site_t[first];
    }
    return 0;
}

// Axes of size 1 stand for what has no axis yet.
static void name_ones(struct shape *s, bool timed, bool sequences, bool features) {
    bool has[128] = {false};

    for (int i = 0; i < s->t->rank; i++)
        has[(int)s->axis[i]] = true;
    for (int i = s->t->rank; i-- > 0 && features && !has[FEATURE];)
        if (s->axis[i] == ONE && i == s->t->rank - 1) {
            s->axis[i] = FEATURE;
            has[FEATURE] = true;
        }
    for (int i = 0; i < s->t->rank; i++)
        if (s->axis[i] == ONE && sequences && !has[SEQUENCE]) {
            s->axis[i] = SEQUENCE;
            has[SEQUENCE] = true;
        } else if (s->axis[i] == ONE && timed && !has[TIME]) {
            s->axis[i] = TIME;
            has[TIME] = true;
        }
}

// The rows, [T, N, F] or [N, F], with the axes of the value, as its name.
static int lay_out(struct onnx_written *w, const struct shape *s, const char *rows, bool timed,
                   const char *name) {
    const char order[4] = {TIME, SEQUENCE, FEATURE, 0}, *from = timed ? order : order + 1;
    int64_t perm[3], added[ONNX_RANK], dropped[3];
    size_t kept = 0, adds = 0, drops = 0;
    bool moved = false;
    char left[4] = "";

    for (int k = 0, at = 0; from[k]; k++) {
        const char *found = memchr(s->axis, from[k], (size_t)s->t->rank);
        if (!found)
            dropped[drops++] = k;
        else
            left[at++] = from[k];
    }
    for (int i = 0; i < s->t->rank; i++) {
        const char *place = s->axis[i] == ONE ? NULL : strchr(left, s->axis[i]);
        if (!place) {
            added[adds++] = i;
            continue;
        }
        moved = moved || place - left != (int)kept;
        perm[kept++] = place - left;
    }
    if (drops > 0)
        rows = onnx_emit_simple(w, "Squeeze", rows, NULL, NULL, "axes", dropped, drops);
    if (moved && rows)
        rows = onnx_emit_simple(w, "Transpose", rows, NULL, NULL, "perm", perm, kept);
    if (adds > 0 && rows)
        rows = onnx_emit_simple(w, "Unsqueeze", rows, NULL, NULL, "axes", added, adds);
    if (s->backwards && rows) { // as torch.flip has it
        const int64_t axis = (const char *)memchr(s->axis, TIME, (size_t)s->t->rank) - s->axis;
        const int64_t start = -1, end = INT64_MIN + 1, step = -1;
        const char *const output = onnx_new_name(w);
        Onnx__NodeProto *node = output ? onnx_emit_node(w, "Slice", &rows, 1, &output, 1) : NULL;
        if (onnx_emit_ints(w, node, "starts", &start, 1) != 0 ||
            onnx_emit_ints(w, node, "ends", &end, 1) != 0 ||
            onnx_emit_ints(w, node, "axes", &axis, 1) != 0 ||
            onnx_emit_ints(w, node, "steps", &step, 1) != 0)
            return -1;
        rows = output;
    }
    return rows && onnx_emit_simple(w, "Identity", rows, NULL, name, NULL, NULL, 0) ? 0 : -1;
}

static int64_t size_of(const struct shape *s, char axis) {
    for (int i = 0; i < s->t->rank; i++)
        if (s->axis[i] == axis)
            return s->t->dims[i];
    return 1;
}

static int64_t stride_of(const struct shape *s, char axis) {
    for (int i = 0; i < s->t->rank; i++)
        if (s->axis[i] == axis)
            return s->stride[i];
    return 0;
}

static int take_family(struct onnx_written *w, struct shape *s, const char *name) {
    const int64_t steps = size_of(s, TIME), chains = size_of(s, SEQUENCE);
    const int64_t width = size_of(s, FEATURE);
    const bool timed = memchr(s->axis, TIME, (size_t)s->t->rank) != NULL;
    struct onnx_family f = {(int)width, (int)steps, (int)chains, NULL};
    bool reversed;

    f.symbol = malloc((size_t)(width * steps * chains) * sizeof *f.symbol);
    if (!f.symbol)
        return no_memory(w);
    for (int64_t i = 0; i < width * steps * chains; i++) {
        const int64_t c = i % chains, t = i / chains % steps, p = i / chains / steps;
        const int64_t own = s->backwards ? steps - 1 - t : t;
        f.symbol[i] = (int32_t)s->t->whole[p * stride_of(s, FEATURE) + own * stride_of(s, TIME) +
                                           c * stride_of(s, SEQUENCE)];
    }
    const char *rows = onnx_exact_rows(w, &f, timed, &reversed);
    free(f.symbol);
    if (rows && reversed) // which the order of the sites rules out
        return fail_value(w, "has its steps in an order that this version does not follow");
    name_ones(s, timed, true, true);
    return rows ? lay_out(w, s, rows, timed, name) : -1;
}

static int take_parts(struct onnx_written *w, const struct onnx_tensor *t, const char *name,
                      int depth);

// Layers along an axis of their own, one by one.
static int take_stack(struct onnx_written *w, const struct shape *s, const char *name, int depth) {
    const char *parts[ONNX_INTS];
    int64_t along = 0;
    int result = 0;

    while (s->axis[along] != FEATURE)
        along++;
    const size_t count = (size_t)s->t->dims[along];
    if (count > ONNX_INTS)
        return fail_value(w, "has numbers of more than 16 states, or mixes the features of one");
    for (size_t i = 0; result == 0 && i < count; i++) {
        struct onnx_tensor part;
        int64_t dims[ONNX_RANK];
        memcpy(dims, s->t->dims, sizeof dims);
        dims[along] = 1;
        parts[i] = onnx_new_name(w);
        if (!parts[i] ||
            onnx_tensor_create(&part, ONNX_SYMBOLS, s->t->rank, dims, &w->graph->budget) != 0)
            return no_memory(w);
        const size_t block = (size_t)s->stride[along];
        for (size_t k = 0; k < part.count; k++)
            part.whole[k] = s->t->whole[(k / block * count + i) * block + k % block];
        result = take_parts(w, &part, parts[i], depth + 1);
        onnx_tensor_free(&part);
    }
    if (result != 0)
        return -1;
    Onnx__NodeProto *node = onnx_emit_node(w, "Concat", parts, count, &name, 1);
    return onnx_emit_int(w, node, "axis", along);
}

static int take_parts(struct onnx_written *w, const struct onnx_tensor *t, const char *name,
                      int depth) {
    struct shape s;

    if (t->count == 0 || t->count > INT32_MAX)
        return fail_value(w, "gives no numbers, or too many");
    for (size_t i = 0; i < t->count; i++)
        if (onnx_symbol(&w->s, (int32_t)t->whole[i])->kind != SYMBOL_CONSTANT &&
            w->site_n[t->whole[i]] < 0)
            return onnx_fail_symbol(w, (int32_t)t->whole[i],
                                    "belongs to no step and sequence that this version knows");
    if (find_shape(w, t, &s) != 0)
        return -1;
    if (s.features > 1 && depth > 1)
        return fail_value(w, "has states along more axes than this version follows");
    return s.features > 1 ? take_stack(w, &s, name, depth) : take_family(w, &s, name);
}

// ---- Values

// The node that makes a value; NULL for inputs and constants of the file.
static const Onnx__NodeProto *maker(const struct onnx_written *w, int value) {
    for (size_t i = 0; (size_t)value >= w->graph->input_end && i < w->graph->g->n_node; i++) {
        const Onnx__NodeProto *node = w->graph->g->node[i];
        for (size_t k = 0; k < node->n_output; k++)
            if (strcmp(node->output[k], w->graph->names[value]) == 0)
                return node;
    }
    return NULL;
}

static bool is_one_of(const char *type, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(type, list[i]) == 0)
            return true;
    return false;
}

// Do its numbers come from states, put together in a way that the reader of the new graph would not
// follow? *direct: they are states themselves.
static bool is_put_together(const struct onnx_written *w, const Onnx__NodeProto *node,
                            const struct onnx_tensor *t, bool *direct) {
    static const char *const types[] = {
        "Concat",  "ConcatFromSequence", "Expand", "Flatten", "Gather", "If",    "Loop",
        "Reshape", "ReverseSequence",    "Scan",   "Slice",   "Split",  "Where", "SequenceAt",
    };
    bool states = false;

    *direct = true;
    if (t->type != ONNX_SYMBOLS || t->count == 0)
        return false;
    for (size_t i = 0; i < t->count; i++) {
        states = states || w->of_states[t->whole[i]];
        *direct = *direct && w->owner[t->whole[i]] >= 0;
    }
    return states && (*direct || is_one_of(node->op_type, types, sizeof types / sizeof *types));
}

static int take_node(struct onnx_written *w, const Onnx__NodeProto *node) {
    for (size_t i = 0; i < node->n_input; i++) {
        const int value = onnx_find(w->graph, node->input[i]);
        if (node->input[i][0] && value < 0) {
            w->graph->node = node;
            return onnx_fail(w->graph, "reads '%.100s', which nothing before it makes",
                             node->input[i]);
        }
        if (value >= 0 && onnx_take_value(w, value) != 0)
            return -1;
    }
    for (size_t i = 0; i < node->n_output; i++) {
        const int value = onnx_find(w->graph, node->output[i]);
        if (value >= 0)
            w->there[value] = true;
    }
    return onnx_emit_copy(w, (Onnx__NodeProto *)(uintptr_t)node);
}

// Put together from rows; what is not, but moved by its node only, as that node says.
static int take_rows(struct onnx_written *w, const Onnx__NodeProto *node, int value, bool direct) {
    static const char *const types[] = {"Flatten", "Gather", "Reshape", "Slice", "Split"};
    struct onnx_graph *graph = w->graph;
    char own[1024] = "";

    for (size_t i = 0; direct && graph->takes_states && i < graph->g->n_output; i++)
        w->as_state = w->as_state || onnx_find(graph, graph->g->output[i]->name) == value;
    const int taken = take_parts(w, &w->values[value], graph->names[value], 0);
    w->as_state = false;
    if (taken == 0)
        return 0;
    if (direct || !is_one_of(node->op_type, types, sizeof types / sizeof *types))
        return -1;
    if (graph->error_size > 0)
        snprintf(own, sizeof own, "%s", graph->error);
    return take_node(w, node) == 0 ? 0 : mr_fail(graph->error, graph->error_size, "%s", own);
}

int onnx_take_value(struct onnx_written *w, int value) {
    const Onnx__NodeProto *const kept = w->from, *node = maker(w, value);
    bool direct;
    int result;

    if (w->there[value])
        return 0;
    if (++w->nested > 4096)
        return onnx_fail_file(w->graph, "has more operators in a row than this version follows");
    w->there[value] = true; // also so that no value is asked for by itself
    w->from = node;
    if (!node)
        result = 0;
    else if (is_put_together(w, node, &w->values[value], &direct))
        result = take_rows(w, node, value, direct);
    else
        result = take_node(w, node);
    w->from = kept;
    w->nested--;
    return result;
}
