// SPDX-License-Identifier: Apache-2.0
// ONNX operators that cells and loops are written with beside plain arithmetic: sums and extremes
// of several inputs, and conditions.
#include "onnx_eval.h"

#include <math.h>
#include <string.h>

// ---- Of several inputs that are stretched to each other

static double sum_of(double a, double b) {
    return a + b;
}

static int64_t sum_whole(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t greater(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t both(int64_t a, int64_t b) {
    return a && b;
}

static int64_t either(int64_t a, int64_t b) {
    return a || b;
}

// real: NULL where the inputs must be whole.
static int reduce(struct onnx_eval *e, double (*real)(double, double),
                  int64_t (*whole)(int64_t, int64_t)) {
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const struct onnx_tensor *first = onnx_eval_input(e, 0);
    int64_t dims[ONNX_RANK], other[ONNX_RANK];
    int rank = 0, other_rank;

    for (size_t i = 0; i < e->graph->node->n_input; i++) {
        const struct onnx_tensor *in = onnx_eval_input(e, i);
        if (!in || in->type != first->type || in->type >= ONNX_SYMBOLS ||
            (!real && onnx_is_real(in->type)))
            return onnx_eval_unsupported(e);
        memcpy(other, dims, sizeof other);
        other_rank = rank;
        if (!onnx_broadcast(in->dims, in->rank, other, other_rank, dims, &rank))
            return onnx_fail(e->graph, "reads values whose shapes do not fit each other");
    }
    if (onnx_eval_create(e, out, first->type, rank, dims) != 0)
        return -1;
    for (size_t i = 0; i < e->graph->node->n_input; i++) {
        const struct onnx_tensor *in = onnx_eval_input(e, i);
        int64_t stride[ONNX_RANK];
        onnx_stretch(in, rank, dims, stride);
        for (size_t k = 0; k < out->count; k++) {
            int64_t at = 0, rest = (int64_t)k;
            for (int axis = rank; axis-- > 0; rest /= dims[axis])
                at += rest % dims[axis] * stride[axis];
            if (onnx_is_real(in->type))
                out->real[k] = i == 0 ? in->real[at] : real(out->real[k], in->real[at]);
            else
                out->whole[k] = i == 0 ? in->whole[at] : whole(out->whole[k], in->whole[at]);
        }
    }
    return 0;
}

int onnx_eval_sum(struct onnx_eval *e) {
    return reduce(e, sum_of, sum_whole);
}

int onnx_eval_extreme(struct onnx_eval *e) {
    return onnx_is(e->graph, "Max") ? reduce(e, fmax, greater) : reduce(e, fmin, smaller);
}

int onnx_eval_logic(struct onnx_eval *e) {
    return reduce(e, NULL, onnx_is(e->graph, "And") ? both : either);
}
