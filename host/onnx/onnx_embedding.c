// SPDX-License-Identifier: Apache-2.0
// An embedding: rows of a constant table, looked up by the whole numbers that are the input.
#include "onnx_parts.h"

#include <math.h>

static int fill(struct onnx_reader *r, const struct onnx_layer *layer, struct mr_op *op) {
    for (size_t i = 0; i < layer->w->count; i++) {
        op->w_x[i] = (float)layer->w->real[i];
        if (!isfinite(op->w_x[i]))
            return onnx_fail(r->graph, "has a table whose number %zu is not finite", i);
    }
    return 0;
}

int onnx_embedding(struct onnx_reader *r) {
    const struct onnx_tensor *table = onnx_real_constant(r, 0);
    struct onnx_value *out = onnx_output(r, 0);
    int axis, index;

    if (!onnx_input(r, 1) || onnx_input(r, 1)->kind != ONNX_FLOW || !table || table->rank != 2)
        return onnx_fail(r->graph, "looks up the data in what is no constant table of two axes");
    struct onnx_value x = *onnx_input(r, 1);
    if (x.layer != ONNX_X || r->feature_axis >= 0)
        return onnx_fail(r->graph, "looks up what is not the input as it came, one number a step; "
                                   "this version has tables in front of the layers only");
    if (onnx_axis(r->graph, onnx_int(r->graph, "axis", 0), table->rank, &axis) != 0)
        return -1;
    if (axis != 0)
        return onnx_fail(r->graph, "looks up columns of its table; this version looks up rows");
    if (!x.cast.whole || x.cast.truth || x.rank == ONNX_RANK)
        return onnx_fail(r->graph, "looks up what are not whole numbers");
    const int64_t entries = table->dims[0], units = table->dims[1];
    if (entries < 1 || entries > MR_MAX_ENTRIES || units < 1 || units > MR_MAX_WIDTH)
        return onnx_fail(
            r->graph, "has a table of %lld rows of %lld numbers; 1 to %d of 1 to %d are possible",
            (long long)entries, (long long)units, MR_MAX_ENTRIES, MR_MAX_WIDTH);
    x.whole = false;
    const struct onnx_layer layer = {.kind = "embedding",
                                     .inputs = 1,
                                     .units = (int)units,
                                     .entries = (int)entries,
                                     .fill = fill,
                                     .w = table};
    if (onnx_add_layer(r, &x, layer, &index) != 0)
        return -1;
    r->feature_axis = AXIS_ONE; // the input has none
    *out = x;
    out->layer = index;
    out->cast = (struct mr_cast){0};
    out->axis[out->rank] = AXIS_FEATURE;
    out->dims[out->rank++] = (struct onnx_size){units, SYMBOL_NONE};
    return 0;
}
