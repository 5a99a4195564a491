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

// ---- Files that are quantised for fixed ranges

// A scale and zero point: constants, one for all or one for each of a channel.
struct quantisation {
    const struct onnx_tensor *scale, *zero;
    double least, most; // of the whole numbers
};

static bool find_type(const struct onnx_graph *graph, const struct onnx_tensor *zero, double *least,
                      double *most) {
    const int64_t given = onnx_int(graph, "output_dtype", 0);
    const int64_t type = zero ? zero->type : given ? given : ONNX__TENSOR_PROTO__DATA_TYPE__UINT8;

    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
        *least = 0, *most = UINT8_MAX;
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
        *least = INT8_MIN, *most = INT8_MAX;
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16:
        *least = 0, *most = UINT16_MAX;
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
        *least = INT16_MIN, *most = INT16_MAX;
        return true;
    default:
        return false;
    }
}

// Of the current node. -1 with a sentence.
static int find_quantisation(struct onnx_eval *e, size_t scale, size_t zero,
                             struct quantisation *q) {
    q->scale = onnx_eval_input(e, scale);
    q->zero = onnx_eval_input(e, zero);
    if (onnx_int(e->graph, "block_size", 0) != 0 || (q->scale && q->scale->rank > 1))
        return onnx_fail(e->graph, "has a scale for each block of an axis (block_size), which this "
                                   "version does not read; quantise the file by tensor or channel");
    bool good = q->scale && onnx_is_real(q->scale->type) && q->scale->count >= 1 &&
                (!q->zero || (!onnx_is_real(q->zero->type) && q->zero->count == q->scale->count));
    for (size_t i = 0; good && i < q->scale->count; i++)
        good = q->scale->real[i] > 0 && isfinite(q->scale->real[i]);
    if (!good)
        return onnx_fail(e->graph, "has a scale or zero point that is no constant of its kind");
    return find_type(e->graph, q->zero, &q->least, &q->most)
               ? 0
               : onnx_fail(e->graph,
                           "quantises to another type than int8, uint8, int16 and uint16, "
                           "which this version reads");
}

// The range of all: from *low to *high.
static void find_range(const struct quantisation *q, double *low, double *high) {
    *low = *high = 0;
    for (size_t i = 0; i < q->scale->count; i++) {
        const double zero = q->zero ? (double)q->zero->whole[i] : 0;
        *low = fmin(*low, (q->least - zero) * q->scale->real[i]);
        *high = fmax(*high, (q->most - zero) * q->scale->real[i]);
    }
}

static bool same_numbers(const struct onnx_tensor *a, const struct onnx_tensor *b) {
    const size_t count = a ? a->count : b ? b->count : 0;

    if (a && b && a->count != b->count)
        return false;
    for (size_t i = 0; i < count; i++)
        if ((a ? onnx_number(a, i) : 0) != (b ? onnx_number(b, i) : 0))
            return false;
    return true;
}

static bool is_positive(const struct onnx_reader *r, const struct onnx_value *x) {
    const struct onnx_layer *layer = x->layer == ONNX_X ? NULL : &r->layers[x->layer];

    return layer &&
           ((layer->clipped && layer->in[MR_PLACE_G].place.low >= 0) ||
            layer->activation == MR_ACTIVATION_RELU || layer->activation == MR_ACTIVATION_SIGMOID ||
            strcmp(layer->kind, "softmax") == 0);
}

// Values behind a layer are the same whether they are quantised or not, but for their rounding; a
// range that begins with 0 is what is left of a ReLU.
static int quantise_value(struct onnx_reader *r, const struct onnx_value *x, size_t scale,
                          size_t zero) {
    struct onnx_value *out = onnx_output(r, 0);
    struct quantisation q;
    double low, high;

    if (find_quantisation(&r->fold, scale, zero, &q) != 0 || onnx_check_numbers(r, x) != 0)
        return -1;
    find_range(&q, &low, &high);
    if (high <= 0)
        return onnx_fail(r->graph, "has a range without numbers above 0, which this version does "
                                   "not read");
    if (!r->told_static)
        onnx_note(r->graph, "the file quantises values between its layers; they are not rounded as "
                            "it does it, and its scales are their ranges where there is no "
                            "calibration data");
    r->told_static = true;
    if (low >= 0 && x->layer == ONNX_X && r->input_range == 0)
        onnx_note(r->graph, "the file cuts the numbers of its input at 0, as it quantises them; "
                            "here those below are taken as they are");
    if (low < 0 || x->layer == ONNX_X || is_positive(r, x)) {
        r->graph->uncut[onnx_output_index(r->graph, 0)] = true;
        *out = *x;
    } else if (onnx_activate_plain(r, x, "Relu") != 0) {
        return -1;
    }
    out->quantised = true;
    out->scale = q.scale;
    out->zero = q.zero;
    double *range = out->layer == ONNX_X ? &r->input_range : &r->layers[out->layer].range;
    *range = fmax(*range, fmax(-low, high));
    return 0;
}

int onnx_quantise(struct onnx_reader *r) {
    return quantise_value(r, onnx_input(r, 0), 1, 2);
}

int onnx_requantise(struct onnx_reader *r, size_t scale, size_t zero) {
    const struct onnx_value made = *onnx_output(r, 0);

    return quantise_value(r, &made, scale, zero);
}

int onnx_check_quantised(struct onnx_reader *r, size_t input, size_t scale, size_t zero) {
    const struct onnx_value *in = onnx_input(r, input);

    if (!in || in->kind != ONNX_FLOW || !in->quantised ||
        !same_numbers(in->scale, onnx_constant(r, scale)) ||
        !same_numbers(in->zero, onnx_constant(r, zero)))
        return onnx_fail(r->graph,
                         "reads what was not quantised with the scale and zero point that "
                         "it has for it");
    return 0;
}

int onnx_dequantise(struct onnx_reader *r) {
    struct onnx_value *out = onnx_output(r, 0);

    if (onnx_check_quantised(r, 0, 1, 2) != 0)
        return -1;
    *out = *onnx_input(r, 0);
    out->quantised = false;
    out->scale = out->zero = NULL;
    return 0;
}

int onnx_take_quantised(struct onnx_reader *r, size_t input, size_t scale, size_t zero, bool by_row,
                        double times) {
    const int value = onnx_input_index(r->graph, input);
    const struct onnx_tensor *whole = onnx_constant(r, input);
    const struct onnx_tensor *by = scale ? onnx_constant(r, scale) : NULL;
    const struct onnx_tensor *off = zero ? onnx_constant(r, zero) : NULL;
    struct onnx_tensor real;

    if (!whole || (scale && (!by || !onnx_is_real(by->type))) || (off && onnx_is_real(off->type)))
        return onnx_fail(r->graph, "has weights, scales or zero points that are not constants of "
                                   "their kinds");
    if (onnx_is_real(whole->type)) // another node has read it
        return 0;
    const size_t columns = whole->rank > 0 ? (size_t)whole->dims[whole->rank - 1] : 1;
    const size_t own = by_row && whole->rank == 2 ? (size_t)whole->dims[0] : columns;
    if ((by && by->count != 1 && by->count != own) ||
        (off && off->count != 1 && off->count != own) || columns == 0)
        return onnx_fail(r->graph, "has scales or zero points that do not fit its weights");
    if (onnx_tensor_create(&real, FLOAT, whole->rank, whole->dims, &r->graph->budget) != 0)
        return onnx_fail(r->graph, "needs more memory than there is");
    for (size_t i = 0; i < whole->count; i++) {
        const size_t k = by_row ? i / columns : i % columns;
        real.real[i] =
            ((double)whole->whole[i] - of_column(off, k, 0)) * of_column(by, k, 1) * times;
    }
    onnx_tensor_free(&r->graph->constants[value]);
    r->graph->constants[value] = real;
    return 0;
}

// ---- Computing

void onnx_eval_cut(struct onnx_eval *e, struct onnx_tensor *out, size_t zero) {
    const struct onnx_tensor *t = onnx_eval_input(e, zero);
    double least, most;

    if (e->graph->uncut[onnx_output_index(e->graph, 0)] || !find_type(e->graph, t, &least, &most) ||
        (t ? onnx_number(t, 0) : 0) != least)
        return;
    for (size_t i = 0; i < out->count; i++)
        out->real[i] = fmax(out->real[i], 0);
}

// Constants are rounded and cut as the file says it; values of the data are what they are before.
int onnx_eval_quantise(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    struct quantisation q;
    size_t after = 1;
    int axis = 0;

    if (!onnx_is_real(in->type) || find_quantisation(e, 1, 2, &q) != 0)
        return onnx_is_real(in->type) ? -1 : onnx_eval_unsupported(e);
    if (q.scale->count > 1) {
        if (onnx_axis(e->graph, onnx_int(e->graph, "axis", 1), in->rank, &axis) != 0)
            return -1;
        if (in->dims[axis] != (int64_t)q.scale->count)
            return onnx_fail(e->graph, "has %zu scales for an axis of %lld", q.scale->count,
                             (long long)in->dims[axis]);
        for (int i = axis + 1; i < in->rank; i++)
            after *= (size_t)in->dims[i];
    }
    const int type =
        e->wide  ? in->type
        : q.zero ? q.zero->type
                 : (int)onnx_int(e->graph, "output_dtype", ONNX__TENSOR_PROTO__DATA_TYPE__UINT8);
    if (onnx_eval_create(e, out, type, in->rank, in->dims) != 0)
        return -1;
    for (size_t i = 0; i < in->count; i++) {
        const size_t k = q.scale->count > 1 ? i / after % q.scale->count : 0;
        const double number =
            nearbyint(in->real[i] / q.scale->real[k]) + (q.zero ? (double)q.zero->whole[k] : 0);
        if (e->wide)
            out->real[i] = in->real[i];
        else if (isnan(number))
            return onnx_fail(e->graph, "quantises what is no number");
        else
            out->whole[i] = (int64_t)fmin(fmax(number, q.least), q.most);
    }
    if (e->wide)
        onnx_eval_cut(e, out, 2);
    return 0;
}
