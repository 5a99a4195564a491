// SPDX-License-Identifier: Apache-2.0
// Operators of ONNX that make one row of two or more, number by number: Sum, Max and Min; a Max or
// Min with a constant is a clip.
#include "onnx_parts.h"

#include <float.h>
#include <math.h>

// Of what the node has made so far and a constant of one number.
static int clip_at(struct onnx_reader *r, const struct onnx_value *x, size_t input) {
    const struct onnx_tensor *bound = onnx_real_constant(r, input);
    const bool least = onnx_is(r->graph, "Max");

    if (!bound || bound->count != 1 || isnan(bound->real[0]))
        return onnx_fail(r->graph,
                         "takes the greater or the less of a value and of what is neither "
                         "rows of a layer nor one constant number");
    const double number = fmin(fmax(bound->real[0], -DBL_MAX), DBL_MAX);
    return onnx_clip_value(r, x, least ? number : -DBL_MAX, least ? DBL_MAX : number);
}

int onnx_pairs(struct onnx_reader *r) {
    const char *kind = onnx_is(r->graph, "Sum")   ? "add"
                       : onnx_is(r->graph, "Max") ? "greater"
                                                  : "less";
    const size_t inputs = r->graph->node->n_input;
    struct onnx_value made = {0};
    bool any = false;

    for (size_t i = 0; i < inputs; i++) { // values first
        const struct onnx_value *in = onnx_input(r, i);
        if (!in || in->kind != ONNX_FLOW)
            continue;
        const struct onnx_value before = made, next = *in;
        if (any && onnx_join_rows(r, kind, &before, &next) != 0)
            return -1;
        made = any ? *onnx_output(r, 0) : next;
        any = true;
    }
    *onnx_output(r, 0) = made;
    for (size_t i = 0; i < inputs; i++) {
        const struct onnx_value *in = onnx_input(r, i);
        const struct onnx_value before = made;
        if (in && in->kind == ONNX_FLOW)
            continue;
        if (onnx_is(r->graph, "Sum") ? onnx_compute(r, 'A', &before, i, true) != 0
                                     : clip_at(r, &before, i) != 0)
            return -1;
        made = *onnx_output(r, 0);
    }
    return 0;
}
