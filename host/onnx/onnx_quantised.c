// SPDX-License-Identifier: Apache-2.0
// Files that ONNX Runtime has quantised for dynamic ranges: weights are whole numbers with a scale,
// and what they are multiplied with is quantised when the file is run. The weights are taken as
// what they stand for; the data is read as it was before it was quantised.
#include "onnx_parts.h"

#include <math.h>
#include <string.h>

enum { FLOAT = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT };

// The scale or zero point of a column: one for all, or one for each.
static double of_column(const struct onnx_tensor *list, size_t column, double fallback) {
    return list ? onnx_number(list, list->count == 1 ? 0 : column) : fallback;
}

// Puts what a constant of whole numbers, rows of `columns`, stands for in its place; turned: its
// last two axes change places. -1 with a sentence.
static int take_weights(struct onnx_reader *r, size_t input, const struct onnx_tensor *scale,
                        const struct onnx_tensor *zero, bool turned) {
    const int value = onnx_input_index(r->graph, input);
    const struct onnx_tensor *whole = onnx_constant(r, input);
    struct onnx_tensor real;
    int64_t dims[ONNX_RANK];

    if (!whole || whole->rank < 2 || (scale && !onnx_is_real(scale->type)) ||
        (zero && onnx_is_real(zero->type)))
        return onnx_fail(r->graph, "has weights, scales or zero points that are not constants of "
                                   "their kinds");
    if (onnx_is_real(whole->type)) // another node has read it
        return 0;
    const size_t columns = (size_t)whole->dims[whole->rank - 1];
    const size_t rows = (size_t)whole->dims[whole->rank - 2];
    if ((scale && scale->count != 1 && scale->count != columns) ||
        (zero && zero->count != 1 && zero->count != columns) || columns == 0 || rows == 0 ||
        (turned && (whole->rank != 3 || whole->dims[0] != 1)))
        return onnx_fail(r->graph, "has scales or zero points that do not fit its weights");
    memcpy(dims, whole->dims, sizeof dims);
    if (turned) {
        dims[whole->rank - 1] = (int64_t)rows;
        dims[whole->rank - 2] = (int64_t)columns;
    }
    if (onnx_tensor_create(&real, FLOAT, whole->rank, dims, &r->graph->budget) != 0)
        return onnx_fail(r->graph, "needs more memory than there is");
    for (size_t i = 0; i < whole->count; i++) {
        const size_t column = i % columns, row = i / columns;
        const double number =
            ((double)whole->whole[i] - of_column(zero, column, 0)) * of_column(scale, column, 1);
        real.real[turned ? column * rows + row : i] = number;
    }
    onnx_tensor_free(&r->graph->constants[value]);
    r->graph->constants[value] = real;
    return 0;
}

static void tell(struct onnx_reader *r) {
    if (!r->told_quantised)
        onnx_note(r->graph, "the file quantises values when it is run; they are read as they were "
                            "before, and only its weights as they are quantised");
    r->told_quantised = true;
}

// Behind the inputs of an LSTM: W_scale, W_zero_point, R_scale, R_zero_point. Weights are
// (1, columns, rows).
int onnx_quantised_lstm(struct onnx_reader *r) {
    tell(r);
    return take_weights(r, 1, onnx_constant(r, 8), onnx_constant(r, 9), true) != 0 ||
                   take_weights(r, 2, onnx_constant(r, 10), onnx_constant(r, 11), true) != 0
               ? -1
               : 0;
}

static int put_constant(struct onnx_eval *e, size_t output, double number) {
    struct onnx_tensor *out = onnx_eval_output(e, output);

    if (!out)
        return 0;
    if (onnx_eval_create(e, out, FLOAT, 0, NULL) != 0)
        return -1;
    out->real[0] = number;
    return 0;
}

// The data as it is, with a scale of 1.
int onnx_dynamic_quantise(struct onnx_reader *r) {
    struct onnx_value *out = onnx_output(r, 0);

    tell(r);
    if (out)
        *out = *onnx_input(r, 0);
    for (size_t i = 1; i < 3; i++) {
        if (put_constant(&r->fold, i, i == 1) != 0)
            return -1;
        if (onnx_output(r, i))
            *onnx_output(r, i) = (struct onnx_value){.kind = ONNX_CONSTANT};
    }
    return 0;
}

int onnx_eval_dynamic_quantise(struct onnx_eval *e) {
    struct onnx_tensor *out = onnx_eval_output(e, 0);

    if (out)
        *out = onnx_tensor_share(onnx_eval_input(e, 0));
    return put_constant(e, 1, 1) != 0 || put_constant(e, 2, 0) != 0 ? -1 : 0;
}

// A, B and their zero points; A's is 0, as above.
int onnx_matmul_integer(struct onnx_reader *r) {
    const struct onnx_tensor *zero = onnx_constant(r, 2);

    if (onnx_input(r, 2) && !(zero && onnx_all_zero(zero)))
        return onnx_fail(r->graph, "reads data whose zero point is not that of a "
                                   "DynamicQuantizeLinear in front of it");
    tell(r);
    return take_weights(r, 1, NULL, onnx_constant(r, 3), false);
}
