// SPDX-License-Identifier: Apache-2.0
// Arithmetic of ONNX with constants, y = factor x + offset of each feature: a normalisation of
// inputs, of outputs, or in between. A linear layer in front takes it into its rows, a layer behind
// it into its columns (onnx_add_layer); where there is neither it becomes a linear layer of its
// own.
#include "onnx_parts.h"

#include "op.h"

#include <math.h>
#include <string.h>

// One number for all features, or one for each.
struct affine {
    struct onnx_tensor factor, offset;
};

static void free_affine(struct affine *a) {
    onnx_tensor_free(&a->factor);
    onnx_tensor_free(&a->offset);
}

static int create_affine(struct onnx_reader *r, struct affine *a, int64_t count) {
    memset(a, 0, sizeof *a);
    for (int i = 0; i < 2; i++)
        if (onnx_tensor_create(i ? &a->offset : &a->factor, ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE,
                               1, &count, &r->graph->budget) != 0)
            return onnx_fail(r->graph, "needs more memory than there is");
    return 0;
}

double onnx_each(const struct onnx_tensor *tensor, size_t index, double fallback) {
    if (!tensor->type)
        return fallback;
    return tensor->real[tensor->count == 1 ? 0 : index];
}

// ---- Layers

static int fill_diagonal(struct onnx_reader *r, const struct onnx_layer *layer, struct mr_op *op) {
    for (size_t u = 0; u < (size_t)layer->units; u++) {
        float *w = &op->w_x[u * (size_t)layer->inputs + (size_t)layer->skip + u];
        *w = (float)onnx_each(&layer->factor, u, 1);
        op->bias[u] = (float)onnx_each(&layer->bias, u, 0);
        if (!isfinite(*w) || !isfinite(op->bias[u]))
            return onnx_fail(r->graph, "has a factor or offset beyond float32");
    }
    return 0;
}

int onnx_features(const struct onnx_reader *r, const struct onnx_value *x) {
    if (x->layer != ONNX_X)
        return r->layers[x->layer].units;
    for (int i = 0; i < x->rank; i++)
        if (x->axis[i] == AXIS_FEATURE && x->dims[i].symbol == SYMBOL_NONE &&
            x->dims[i].k <= MR_MAX_WIDTH)
            return (int)x->dims[i].k;
    return 0;
}

int onnx_add_diagonal(struct onnx_reader *r, const struct onnx_value *x,
                      const struct onnx_layer *numbers, struct onnx_value *out) {
    struct onnx_layer layer = *numbers;
    struct onnx_value made = *x;
    int index;

    layer.kind = "dense";
    layer.diagonal = true;
    layer.fill = fill_diagonal;
    if (layer.units == 0)
        layer.units = onnx_features(r, x);
    layer.inputs = layer.units;
    if (onnx_add_layer(r, x, layer, &index) != 0)
        return -1;
    made.layer = index;
    made.cast = (struct mr_cast){0};
    made.last = !r->layers[index].per_step;
    *out = made;
    return 0;
}

// Numbers `from` on, `count`, of a tensor that has one for each, shared where it has one for all.
static int part_of(struct onnx_reader *r, const struct onnx_tensor *all, int64_t from,
                   int64_t count, struct onnx_tensor *part) {
    *part = *all;
    if (!all->type || all->count == 1)
        return 0;
    if (onnx_tensor_create(part, all->type, 1, &count, &r->graph->budget) != 0)
        return onnx_fail(r->graph, "needs more memory than there is");
    memcpy(part->real, all->real + from, (size_t)count * sizeof *part->real);
    return 0;
}

// A linear layer has only the rows of these; behind another one there is one that takes them.
int onnx_take_units(struct onnx_reader *r, const struct onnx_value *x, int from, int end,
                    int *index) {
    const struct onnx_layer *layer = x->layer == ONNX_X ? NULL : &r->layers[x->layer];
    struct onnx_layer made = {.kind = "dense",
                              .diagonal = true,
                              .fill = fill_diagonal,
                              .inputs = onnx_features(r, x),
                              .units = end - from,
                              .skip = from};
    struct onnx_tensor factor = {0}, bias = {0};
    bool own_factor = false, own_bias = false; // parts of one number are copies too

    if (made.inputs == 0)
        return onnx_fail(r->graph, "takes some of the features, whose number the file leaves open");
    if (!layer || strcmp(layer->kind, "dense") != 0 || layer->diagonal)
        return onnx_add_layer(r, x, made, index);
    made = *layer;
    int result = part_of(r, &layer->factor, from, end - from, &factor);
    own_factor = result == 0 && layer->factor.type && layer->factor.count != 1;
    if (result == 0) {
        result = part_of(r, &layer->bias, from, end - from, &bias);
        own_bias = result == 0 && layer->bias.type && layer->bias.count != 1;
    }
    made.factor = factor;
    made.bias = bias;
    made.units = end - from;
    made.skip += from;
    made.first = made.last = -1;
    if (result == 0)
        result = onnx_change_layer(r, x, made, index);
    if (own_factor)
        onnx_tensor_free(&factor);
    if (own_bias)
        onnx_tensor_free(&bias);
    return result;
}

const struct onnx_layer *onnx_open_layer(const struct onnx_reader *r,
                                         const struct onnx_value *value) {
    struct onnx_value plain = value ? *value : (struct onnx_value){0};

    plain.quantised = false; // but for its rounding it is the same
    if (!onnx_is_plain(&plain) || plain.layer == ONNX_X)
        return NULL;
    const struct onnx_layer *layer = &r->layers[value->layer];
    return strcmp(layer->kind, "dense") == 0 && onnx_is_linear(layer) ? layer : NULL;
}

// Behind a layer that is linear: in its own rows.
static int change(struct onnx_reader *r, const struct onnx_value *x, const struct affine *a) {
    struct onnx_layer made = *onnx_open_layer(r, x);
    const int64_t greatest = made.units > 0 ? made.units : (int64_t)a->factor.count;
    const bool single = a->factor.count == 1 && made.factor.count <= 1 && made.bias.count <= 1;
    const int64_t count = single ? 1 : greatest;
    struct affine sum;
    int index;

    if (create_affine(r, &sum, count) != 0) {
        free_affine(&sum);
        return -1;
    }
    for (size_t i = 0; i < (size_t)count; i++) {
        const double factor = onnx_each(&a->factor, i, 1);
        sum.factor.real[i] = factor * onnx_each(&made.factor, i, 1);
        sum.offset.real[i] = factor * onnx_each(&made.bias, i, 0) + onnx_each(&a->offset, i, 0);
    }
    made.factor = sum.factor;
    made.bias = sum.offset;
    if (made.units == 0 && count > 1)
        made.units = made.inputs = (int)count;
    const int result = onnx_change_layer(r, x, made, &index);
    free_affine(&sum);
    if (result != 0)
        return -1;
    *onnx_output(r, 0) = *x;
    onnx_output(r, 0)->layer = index;
    return 0;
}

static int apply(struct onnx_reader *r, const struct onnx_value *x, const struct affine *a) {
    const struct onnx_layer *open = onnx_open_layer(r, x);
    const int64_t count = (int64_t)a->factor.count;
    const int64_t width = onnx_features(r, x);

    if (width > 0 && count > 1 && count != width)
        return onnx_fail(r->graph, "has %lld numbers for %lld features", (long long)count,
                         (long long)width);
    if (count > MR_MAX_WIDTH)
        return onnx_fail(r->graph, "has numbers for %lld features; %d are possible",
                         (long long)count, MR_MAX_WIDTH);
    if (open)
        return change(r, x, a);
    const struct onnx_layer numbers = {
        .units = count > 1 ? (int)count : 0, .factor = a->factor, .bias = a->offset};
    return onnx_add_diagonal(r, x, &numbers, onnx_output(r, 0));
}

// ---- Operators

// How many numbers a constant has for the features: one for all, or one for each. -1 with a
// sentence where it differs along another axis.
static int count_of(struct onnx_reader *r, const struct onnx_value *x,
                    const struct onnx_tensor *constant, int64_t *count) {
    const int offset = x->rank - constant->rank;

    *count = 1;
    for (int i = 0; i < constant->rank; i++) {
        if (i + offset < 0 && constant->dims[i] != 1)
            return onnx_fail(r->graph, "computes with a constant of more axes than the data has");
        if (constant->dims[i] == 1)
            continue;
        if (onnx_claim_features(r, x, i + offset) != 0)
            return -1;
        *count = constant->dims[i];
    }
    return 0;
}

static bool set_numbers(struct affine *a, size_t i, char op, bool data_first, double number) {
    double *factor = &a->factor.real[i], *offset = &a->offset.real[i];

    *factor = op == 'M' ? number : op == 'D' ? 1 / number : op == 'S' && !data_first ? -1 : 1;
    *offset = op == 'A' || (op == 'S' && !data_first) ? number : op == 'S' ? -number : 0;
    return isfinite((float)*factor) && isfinite((float)*offset);
}

static int subtract(struct onnx_reader *r, const struct onnx_value *from,
                    const struct onnx_value *value) {
    const struct onnx_value first = *from;

    if (onnx_line(r, value, -1, 0) != 0)
        return -1;
    const struct onnx_value negative = *onnx_output(r, 0);
    return onnx_join_rows(r, "add", &first, &negative);
}

static int of_two(struct onnx_reader *r, char op, const struct onnx_value *a,
                  const struct onnx_value *b) {
    if (op == 'S')
        return subtract(r, a, b);
    if (op == 'D')
        return onnx_fail(r->graph, "divides one value that depends on the input by another; this "
                                   "version adds, subtracts and multiplies them, and takes the "
                                   "greater or the less of both");
    return onnx_join_rows(r, op == 'A' ? "add" : "multiply", a, b);
}

int onnx_arithmetic(struct onnx_reader *r) {
    const char op = r->graph->node->op_type[0];
    const struct onnx_value *first = onnx_input(r, 0);
    const bool data_first = first->kind == ONNX_FLOW;
    const struct onnx_value *x = onnx_input(r, data_first ? 0 : 1);
    const struct onnx_value *other = onnx_input(r, data_first ? 1 : 0);
    const size_t input = data_first ? 1 : 0;

    if (onnx_is_moment(x) || onnx_is_moment(other))
        return onnx_moment_arithmetic(r);
    if (other && other->kind == ONNX_FLOW)
        return of_two(r, op, x, other);
    if (!onnx_real_constant(r, input))
        return onnx_fail(r->graph, "computes with a value that is not a constant of real numbers");
    if (op == 'D' && !data_first)
        return onnx_fail(r->graph, "divides by what depends on the input, which this version does "
                                   "not support");
    return onnx_compute(r, op, x, input, data_first);
}

int onnx_compute(struct onnx_reader *r, char op, const struct onnx_value *x, size_t input,
                 bool data_first) {
    const struct onnx_tensor *constant = onnx_real_constant(r, input);
    struct affine a;
    int64_t count;

    if (!constant)
        return onnx_fail(r->graph, "computes with a value that is not a constant of real numbers");
    if (onnx_check_numbers(r, x) != 0 || count_of(r, x, constant, &count) != 0)
        return -1;
    int result = create_affine(r, &a, count);
    for (size_t i = 0; result == 0 && i < (size_t)count; i++)
        if (!set_numbers(&a, i, op, data_first, constant->real[i]))
            result = onnx_fail(r->graph,
                               "computes with %g as number %zu of its constant, which "
                               "gives no finite number",
                               constant->real[i], i);
    if (result == 0)
        result = apply(r, x, &a);
    free_affine(&a);
    return result;
}

int onnx_negative(struct onnx_reader *r) {
    return onnx_check_numbers(r, onnx_input(r, 0)) != 0 ? -1
                                                        : onnx_line(r, onnx_input(r, 0), -1, 0);
}

int onnx_line(struct onnx_reader *r, const struct onnx_value *x, double factor, double offset) {
    struct affine a;
    int result = create_affine(r, &a, 1);

    if (result == 0) {
        a.factor.real[0] = factor;
        a.offset.real[0] = offset;
        result = apply(r, x, &a);
    }
    free_affine(&a);
    return result;
}

int onnx_scale(struct onnx_reader *r, const struct onnx_value *x, size_t factor, size_t offset) {
    const struct onnx_tensor *by = onnx_real_constant(r, factor);
    const struct onnx_tensor *plus = onnx_real_constant(r, offset);
    struct affine a;

    if (!by || by->rank > 1 || (onnx_input(r, offset) && (!plus || plus->rank > 1)) ||
        (plus && plus->count != by->count))
        return onnx_fail(r->graph, "has a scale or bias that is no constant list of a number for "
                                   "each feature");
    int result = create_affine(r, &a, (int64_t)by->count);
    for (size_t i = 0; result == 0 && i < by->count; i++) {
        a.factor.real[i] = by->real[i];
        a.offset.real[i] = plus ? plus->real[i] : 0;
        if (!isfinite((float)a.factor.real[i]) || !isfinite((float)a.offset.real[i]))
            result = onnx_fail(r->graph, "gives no finite number for feature %zu", i);
    }
    if (result == 0)
        result = apply(r, x, &a);
    free_affine(&a);
    return result;
}

// ---- BatchNormalization, which uses the statistics of the training

enum { NORM_PARTS = 4 }; // scale, bias, mean, variance

// Its constants, all of one length. -1 with a sentence.
static int norm_parts(struct onnx_eval *e, const struct onnx_tensor **parts) {
    for (size_t i = 0; i < NORM_PARTS; i++) {
        parts[i] = onnx_eval_input(e, 1 + i);
        if (!parts[i] || !onnx_is_real(parts[i]->type) || parts[i]->rank != 1 ||
            parts[i]->count != parts[0]->count || parts[i]->count < 1)
            return onnx_fail(e->graph, "has a scale, bias, mean or variance that is no constant "
                                       "list of a number for each feature");
    }
    if (onnx_int(e->graph, "training_mode", 0) != 0 || onnx_output_index(e->graph, 1) >= 0)
        return onnx_fail(e->graph, "is in training mode; export the model after model.eval()");
    return 0;
}

static void norm_numbers(const struct onnx_eval *e, const struct onnx_tensor *const *parts,
                         size_t i, double *factor, double *offset) {
    *factor = parts[0]->real[i] /
              sqrt(parts[3]->real[i] + (double)onnx_float(e->graph, "epsilon", 1e-5f));
    *offset = parts[1]->real[i] - parts[2]->real[i] * *factor;
}

int onnx_batch_norm(struct onnx_reader *r) {
    const struct onnx_value *x = onnx_input(r, 0);
    const struct onnx_tensor *parts[NORM_PARTS];
    struct affine a;

    if (onnx_check_numbers(r, x) != 0 || norm_parts(&r->fold, parts) != 0)
        return -1;
    if (x->rank < 2)
        return onnx_fail(r->graph, "reads a value of less than 2 axes");
    if (onnx_claim_features(r, x, 1) != 0)
        return -1;
    int result = create_affine(r, &a, (int64_t)parts[0]->count);
    for (size_t i = 0; result == 0 && i < parts[0]->count; i++) {
        norm_numbers(&r->fold, parts, i, &a.factor.real[i], &a.offset.real[i]);
        if (!isfinite((float)a.factor.real[i]) || !isfinite((float)a.offset.real[i]))
            result = onnx_fail(r->graph, "gives no finite number for feature %zu", i);
    }
    if (result == 0)
        result = apply(r, x, &a);
    free_affine(&a);
    return result;
}

int onnx_eval_batch_norm(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0), *parts[NORM_PARTS];
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    size_t after = 1;

    if (norm_parts(e, parts) != 0)
        return -1;
    if (!onnx_is_real(in->type) || in->rank < 2 || in->dims[1] != (int64_t)parts[0]->count)
        return onnx_fail(e->graph, "has numbers for other features than it reads");
    for (int i = 2; i < in->rank; i++)
        after *= (size_t)in->dims[i];
    if (onnx_eval_create(e, out, in->type, in->rank, in->dims) != 0)
        return -1;
    for (size_t i = 0; i < in->count; i++) {
        double factor, offset;
        norm_numbers(e, parts, i / after % parts[0]->count, &factor, &offset);
        out->real[i] = in->real[i] * factor + offset;
    }
    return 0;
}
