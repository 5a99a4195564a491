// SPDX-License-Identifier: Apache-2.0
// Shrink, which is odd: what is beyond +-lambd, less as much (a soft one) or as it is (a hard one).
// So it is made of one half, for numbers above 0, of x and of -x.
#include "onnx_parts.h"

#include <math.h>

static double lambd_of(const struct onnx_graph *graph) {
    return (double)onnx_float(graph, "lambd", 0.5f);
}

static double bias_of(const struct onnx_graph *graph) {
    return (double)onnx_float(graph, "bias", 0);
}

// What is above lambd of `sign` times x, which becomes the current node's output, and *half.
static int add_half(struct onnx_reader *r, const struct onnx_value *x, double sign,
                    struct onnx_value *half) {
    const bool soft = bias_of(r->graph) != 0;
    const double lambd = lambd_of(r->graph);
    struct onnx_activation above;

    onnx_named_activation(NULL, soft ? "Relu" : "ThresholdedRelu", NULL, NULL, &above);
    if (onnx_line(r, x, sign, soft ? -lambd : 0) != 0)
        return -1;
    if (!soft)
        above.alpha = lambd;
    *half = *onnx_output(r, 0);
    if (onnx_activate(r, half, &above) != 0)
        return -1;
    *half = *onnx_output(r, 0);
    if (sign < 0 && onnx_line(r, half, -1, 0) != 0)
        return -1;
    *half = *onnx_output(r, 0);
    return 0;
}

int onnx_shrink(struct onnx_reader *r) {
    const struct onnx_value x = *onnx_input(r, 0);
    const double lambd = lambd_of(r->graph), bias = bias_of(r->graph);
    struct onnx_value above, below;

    if (!(lambd >= 0) || !isfinite(lambd) || (bias != 0 && bias != lambd))
        return onnx_fail(r->graph,
                         "has lambd %g and bias %g; this version takes a lambd from 0 on, and the "
                         "bias 0 or the same",
                         lambd, bias);
    if (onnx_check_numbers(r, &x) != 0 || add_half(r, &x, 1, &above) != 0 ||
        add_half(r, &x, -1, &below) != 0)
        return -1;
    return onnx_join_rows(r, "add", &above, &below);
}

int onnx_eval_shrink(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    const double lambd = lambd_of(e->graph), bias = bias_of(e->graph);

    if (!onnx_is_real(in->type))
        return onnx_eval_unsupported(e);
    if (onnx_eval_create(e, out, in->type, in->rank, in->dims) != 0)
        return -1;
    for (size_t i = 0; i < in->count; i++) {
        const double v = in->real[i];
        out->real[i] = v > lambd ? v - bias : v < -lambd ? v + bias : 0;
    }
    return 0;
}
