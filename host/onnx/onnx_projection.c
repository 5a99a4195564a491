// SPDX-License-Identifier: Apache-2.0
// Recurrent operators whose h is a product with a projection. ONNX has none, and PyTorch exports
// none; a description (host/json) writes an LSTM of the domain "millrace", with ONNX's inputs and
// behind them the projection [directions, width, units].
#include "onnx_parts.h"

#include "op.h"
#include "projection.h"

#include <stdlib.h>
#include <string.h>

enum { PROJECTION = 8 }; // its place among the inputs

const struct onnx_tensor *onnx_projection(const struct onnx_reader *r) {
    return onnx_is_own(r->graph->node) ? onnx_real_constant(r, PROJECTION) : NULL;
}

const struct onnx_tensor *onnx_eval_projection(struct onnx_eval *e) {
    return onnx_is_own(e->graph->node) ? onnx_eval_input(e, PROJECTION) : NULL;
}

int onnx_check_projection(struct onnx_reader *r, int directions) {
    const struct onnx_tensor *t = onnx_projection(r);

    if (!onnx_is_own(r->graph->node))
        return 0;
    if (!t || t->rank != 3 || t->dims[0] != directions || t->dims[1] < 1 || t->dims[2] < 1 ||
        t->dims[1] > MR_MAX_WIDTH || t->dims[2] > MR_MAX_WIDTH)
        return onnx_fail(r->graph,
                         "has no constant projection of [directions, width, units] up to %d",
                         MR_MAX_WIDTH);
    return onnx_check_finite(r, PROJECTION);
}

static float *floats(const double *from, size_t count) {
    float *to = malloc(count * sizeof *to);

    for (size_t i = 0; to && i < count; i++)
        to[i] = (float)from[i];
    return to;
}

// The layer's own one; its numbers are to be freed, NULL when memory is short.
static struct mr_projection projection_of(const struct onnx_layer *layer) {
    const struct onnx_tensor *t = layer->projection;
    const size_t count = (size_t)(t->dims[1] * t->dims[2]);

    return (struct mr_projection){(int)t->dims[1], (int)t->dims[2],
                                  floats(t->real + (size_t)layer->direction * count, count)};
}

int onnx_projected(struct onnx_reader *r, const struct onnx_layer *layer, size_t rows,
                   float **made) {
    const struct mr_projection p = projection_of(layer);
    const size_t width = (size_t)p.width, units = (size_t)p.units;
    float *from = floats(layer->h->real + (size_t)layer->direction * rows * width, rows * width);
    int result = 0;

    *made = malloc(rows * units * sizeof **made);
    if (!p.w || !from || !*made)
        result = onnx_fail(r->graph, "needs more memory than there is");
    else if (!mr_projected(&p, from, rows, *made))
        result = onnx_fail(r->graph, "has weights beyond float32 once its projection is in them");
    free(from);
    free((void *)(uintptr_t)p.w);
    return result;
}

int onnx_project_start(struct onnx_reader *r, const struct onnx_layer *layer, const float *h,
                       float *u) {
    const struct mr_projection p = projection_of(layer);
    char text[300];
    int result = 0;

    if (!p.w)
        result = onnx_fail(r->graph, "needs more memory than there is");
    else if (mr_projection_start(&p, h, u, text, sizeof text) != 0)
        result = onnx_fail(r->graph, "cannot start so: %s", text);
    free((void *)(uintptr_t)p.w);
    return result;
}

static int fill_projection(struct onnx_reader *r, const struct onnx_layer *layer,
                           struct mr_op *op) {
    const struct mr_projection p = projection_of(layer);

    if (!p.w)
        return onnx_fail(r->graph, "needs more memory than there is");
    memcpy(op->w_x, p.w, (size_t)p.width * (size_t)p.units * sizeof *op->w_x);
    op->projects = true;
    free((void *)(uintptr_t)p.w);
    return 0;
}

int onnx_add_projection(struct onnx_reader *r, const struct onnx_layer *layer, bool reverse,
                        struct onnx_directed *made) {
    const struct onnx_layer projection = {.kind = "dense",
                                          .input = made->last,
                                          .inputs = layer->units,
                                          .units = (int)layer->projection->dims[1],
                                          .per_step = true,
                                          .scaled = -1,
                                          .depth = r->layers[made->last].depth + 1,
                                          .fill = fill_projection,
                                          .projection = layer->projection,
                                          .direction = layer->direction};

    if (onnx_append_layer(r, projection, &made->last) != 0)
        return -1;
    made->steps = made->last;
    return reverse ? onnx_add_reversed(r, made->last, projection.units, &made->steps) : 0;
}
