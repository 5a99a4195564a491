// SPDX-License-Identifier: Apache-2.0
// Operators of an ONNX graph that become layers of the network: LSTM, and the linear head with
// its optional sigmoid.
#include "onnx_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WIDTH = MR_MAX_WIDTH, MAX_LAYERS = MR_MAX_LAYERS };

static int check_finite(struct onnx_reader *r, const struct onnx_value *tensor) {
    for (size_t i = 0, count = onnx_count(tensor); i < count; i++) {
        if (!isfinite(tensor->data[i]))
            return onnx_fail(r, "uses tensor '%.100s', whose element %zu is not a finite number",
                             tensor->name, i);
    }
    return 0;
}

// A constant tensor of exactly this shape.
static int check_tensor(struct onnx_reader *r, const char *what, const struct onnx_value *tensor,
                        int rank, const int64_t *shape) {
    if (!tensor || tensor->kind != ONNX_TENSOR)
        return onnx_fail(r, "has a %s that is not a constant float tensor", what);
    bool good = tensor->rank == rank;
    for (int i = 0; good && i < rank; i++)
        good = tensor->dims[i].k == shape[i];
    if (!good) {
        char text[80] = "";
        for (int i = 0, used = 0; i < rank; i++)
            used += snprintf(text + used, sizeof text - (size_t)used, "%s%lld", i > 0 ? ", " : "",
                             (long long)shape[i]);
        return onnx_fail(r, "has a %s of another shape than [%s]", what, text);
    }
    return check_finite(r, tensor);
}

static int check_attributes(struct onnx_reader *r) {
    const Onnx__AttributeProto *a = onnx_attribute(r, "direction");

    if (a && !(a->has_s && a->s.len == 7 && memcmp(a->s.data, "forward", 7) == 0))
        return onnx_fail(r, "runs in direction '%.*s'; this version takes forward LSTMs only",
                         a->has_s && a->s.len < 40 ? (int)a->s.len : 0,
                         a->has_s && a->s.len > 0 ? (const char *)a->s.data : "");
    a = onnx_attribute(r, "activations");
    if (a) {
        static const char *const usual[3] = {"Sigmoid", "Tanh", "Tanh"};
        bool good = a->n_strings == 3;
        for (size_t i = 0; good && i < 3; i++)
            good = a->strings[i].len == strlen(usual[i]) &&
                   memcmp(a->strings[i].data, usual[i], a->strings[i].len) == 0;
        if (!good)
            return onnx_fail(r, "has its own activations; this version takes Sigmoid, Tanh, Tanh");
    }
    if (onnx_attribute(r, "clip"))
        return onnx_fail(r, "clips its cells, which this version does not support");
    if (onnx_int(r, "input_forget", 0) != 0)
        return onnx_fail(r, "couples input and forget gate, which this version does not support");
    if (onnx_int(r, "layout", 0) != 0)
        return onnx_fail(r, "has layout 1; this version takes layout 0 with a Transpose around it");
    return 0;
}

static int check_state(struct onnx_reader *r, const char *what, const struct onnx_value *state) {
    if (state && !onnx_all_zero(state))
        return onnx_fail(r,
                         "has an %s ('%.100s') that is not a constant zero; this version starts "
                         "every sequence from zero",
                         what, state->name);
    return 0;
}

// The flow that goes in must be the whole sequence of the layer before.
static int check_sequence(struct onnx_reader *r, const struct onnx_value *x) {
    if (!x || x->kind != ONNX_FLOW)
        return onnx_fail(r, "does not read the graph's input");
    if (x->dense || r->network->head.w)
        return onnx_fail(r, "comes after the linear head, which must be the end of the network");
    if (x->last)
        return onnx_fail(r, "reads only the last step of the layer before; it must read all steps");
    if (x->layer != r->network->layer_count - 1)
        return onnx_fail(r, "does not continue the chain of layers; branches are not supported");
    if (x->rank != 3 || x->axis[2] != AXIS_FEATURE || x->axis[0] > AXIS_INPUT_1 ||
        x->axis[1] > AXIS_INPUT_1 || x->axis[0] == x->axis[1] ||
        (r->time_axis >= 0 && (int)x->axis[0] != r->time_axis))
        return onnx_fail(r, "reads a sequence whose axes are not time, batch and features");
    return 0;
}

// ONNX keeps the gates in the order i, o, f, c; the network has i, f, g (which is c), o.
static int fill_layer(struct mr_lstm *layer, const float *w, const float *h, const float *b) {
    static const int onnx_gate[MR_GATES] = {0, 2, 3, 1};
    size_t inputs = (size_t)layer->inputs, hidden = (size_t)layer->hidden;

    layer->w_ih = malloc(MR_GATES * hidden * inputs * sizeof(float));
    layer->w_hh = malloc(MR_GATES * hidden * hidden * sizeof(float));
    layer->bias = malloc(MR_GATES * hidden * sizeof(float));
    if (!layer->w_ih || !layer->w_hh || !layer->bias)
        return -1;
    for (size_t gate = 0; gate < MR_GATES; gate++) {
        size_t to = gate * hidden, from = (size_t)onnx_gate[gate] * hidden;
        memcpy(layer->w_ih + to * inputs, w + from * inputs, hidden * inputs * sizeof(float));
        memcpy(layer->w_hh + to * hidden, h + from * hidden, hidden * hidden * sizeof(float));
        for (size_t j = 0; j < hidden; j++)
            layer->bias[to + j] =
                b ? (float)((double)b[from + j] + b[MR_GATES * hidden + from + j]) : 0.0f;
    }
    return 0;
}

static void set_outputs(struct onnx_reader *r, const struct onnx_value *x, int64_t hidden) {
    struct onnx_value *y = onnx_output(r, 0), *state = onnx_output(r, 1), *cell = onnx_output(r, 2);
    int layer = r->network->layer_count - 1;
    struct onnx_size one = {1, SYMBOL_NONE}, width = {hidden, SYMBOL_NONE};

    if (y) { // [steps, 1, batch, hidden]
        *y = (struct onnx_value){
            .name = y->name,
            .needed = y->needed,
            .kind = ONNX_FLOW,
            .rank = 4,
            .layer = layer,
            .dims = {x->dims[0], one, x->dims[1], width},
            .axis = {x->axis[0], AXIS_ONE, x->axis[1], AXIS_FEATURE},
        };
    }
    if (state) { // [1, batch, hidden]
        *state = (struct onnx_value){
            .name = state->name,
            .needed = state->needed,
            .kind = ONNX_FLOW,
            .rank = 3,
            .layer = layer,
            .last = true,
            .dims = {one, x->dims[1], width},
            .axis = {AXIS_ONE, x->axis[1], AXIS_FEATURE},
        };
    }
    if (cell)
        cell->kind = ONNX_OPAQUE;
}

int onnx_lstm(struct onnx_reader *r) {
    const struct onnx_value *x = onnx_input(r, 0), *w = onnx_input(r, 1), *h = onnx_input(r, 2);
    const struct onnx_value *b = onnx_input(r, 3);
    struct mr_network *network = r->network;

    if (check_sequence(r, x) != 0 || check_attributes(r) != 0)
        return -1;
    if (onnx_input(r, 4))
        return onnx_fail(r, "has sequence lengths; this version takes sequences of one length");
    if (onnx_input(r, 7))
        return onnx_fail(r, "has peepholes, which this version does not support");
    if (check_state(r, "initial_h", onnx_input(r, 5)) != 0 ||
        check_state(r, "initial_c", onnx_input(r, 6)) != 0)
        return -1;

    int64_t hidden = h && h->kind == ONNX_TENSOR && h->rank == 3 ? h->dims[2].k : 0;
    int64_t inputs = w && w->kind == ONNX_TENSOR && w->rank == 3 ? w->dims[2].k : 0;
    if (hidden < 1 || hidden > MAX_WIDTH || inputs < 1 || inputs > MAX_WIDTH)
        return onnx_fail(r, "has weights that are not constant, or not of 1 to %d inputs and units",
                         MAX_WIDTH);
    if (onnx_int(r, "hidden_size", hidden) != hidden)
        return onnx_fail(r, "has a hidden_size that is not the size of its weights");
    if (check_tensor(r, "W", w, 3, (int64_t[]){1, 4 * hidden, inputs}) != 0 ||
        check_tensor(r, "R", h, 3, (int64_t[]){1, 4 * hidden, hidden}) != 0 ||
        (b && check_tensor(r, "B", b, 2, (int64_t[]){1, 8 * hidden}) != 0))
        return -1;
    if (x->dims[2].symbol == SYMBOL_NONE && x->dims[2].k != inputs)
        return onnx_fail(r, "has weights for %lld inputs and reads %lld", (long long)inputs,
                         (long long)x->dims[2].k);
    if (network->layer_count == MAX_LAYERS)
        return onnx_fail(r, "is one layer more than the %d that are supported", MAX_LAYERS);

    if (network->layer_count == 0) {
        r->time_axis = (int)x->axis[0];
        network->batch_first = r->time_axis == AXIS_INPUT_1;
        if (x->dims[0].symbol == SYMBOL_NONE && x->dims[0].k > 0 && x->dims[0].k <= INT32_MAX)
            network->steps = (int)x->dims[0].k;
    }
    struct mr_lstm *grown =
        realloc(network->layers, ((size_t)network->layer_count + 1) * sizeof *grown);
    if (!grown)
        return onnx_fail(r, "needs more memory than there is");
    network->layers = grown;
    struct mr_lstm *layer = &grown[network->layer_count++];
    *layer = (struct mr_lstm){.inputs = (int)inputs, .hidden = (int)hidden};
    if (fill_layer(layer, w->data, h->data, b ? b->data : NULL) != 0)
        return onnx_fail(r, "needs more memory than there is");
    set_outputs(r, x, hidden);
    return 0;
}

// The head's product: scale * weights, weights being (outputs, inputs) or transposed.
static int add_head(struct onnx_reader *r, const struct onnx_value *weights, bool outputs_first,
                    double scale) {
    const struct onnx_value *x = onnx_input(r, 0);
    struct mr_dense *head = &r->network->head;
    struct onnx_value *out = onnx_output(r, 0);

    if (!x || x->kind != ONNX_FLOW)
        return onnx_fail(r, "does not read the output of the LSTM");
    if (x->dense || head->w)
        return onnx_fail(r, "is a second linear layer; this version takes one");
    if (x->layer < 0)
        return onnx_fail(r, "comes before the LSTM; this version takes a linear layer after it");
    if (!x->last)
        return onnx_fail(r, "is applied to every step; this version takes the last step only, as "
                            "in fc(y[:, -1])");
    if (x->layer != r->network->layer_count - 1)
        return onnx_fail(r, "reads a layer that is not the last");
    if (x->rank < 1 || x->axis[x->rank - 1] != AXIS_FEATURE)
        return onnx_fail(r, "reads a value whose last axis is not the hidden state");
    if (!weights || weights->kind != ONNX_TENSOR || weights->rank != 2)
        return onnx_fail(r, "has weights that are not a constant float matrix");
    int64_t inputs = weights->dims[outputs_first].k, outputs = weights->dims[!outputs_first].k;
    if (inputs != r->network->layers[x->layer].hidden || outputs < 1 || outputs > MAX_WIDTH)
        return onnx_fail(
            r, "has weights for %lld inputs and %lld outputs after an LSTM of %d units",
            (long long)inputs, (long long)outputs, r->network->layers[x->layer].hidden);
    if (check_finite(r, weights) != 0)
        return -1;
    head->inputs = (int)inputs;
    head->outputs = (int)outputs;
    head->w = malloc((size_t)inputs * (size_t)outputs * sizeof *head->w);
    head->bias = calloc((size_t)outputs, sizeof *head->bias);
    if (!head->w || !head->bias)
        return onnx_fail(r, "needs more memory than there is");
    for (int64_t o = 0; o < outputs; o++) {
        for (int64_t k = 0; k < inputs; k++) {
            double w = weights->data[outputs_first ? o * inputs + k : k * outputs + o];
            head->w[o * inputs + k] = (float)(scale * w);
        }
    }
    onnx_copy(out, x);
    out->dense = true;
    out->dims[out->rank - 1] = (struct onnx_size){outputs, SYMBOL_NONE};
    return 0;
}

static int add_bias(struct onnx_reader *r, const struct onnx_value *bias, double scale) {
    struct mr_dense *head = &r->network->head;
    bool good = bias && (bias->kind == ONNX_FILL || bias->kind == ONNX_TENSOR);

    // One number for all outputs, or one for each along the last axis.
    if (good && bias->kind == ONNX_TENSOR) {
        size_t count = onnx_count(bias);
        good = count == 1 || (count == (size_t)head->outputs && bias->rank > 0 &&
                              bias->dims[bias->rank - 1].k == head->outputs);
        if (good && check_finite(r, bias) != 0)
            return -1;
    }
    if (!good)
        return onnx_fail(r, "adds a bias that is not a constant of %d numbers", head->outputs);
    for (int o = 0; o < head->outputs; o++) {
        double b = bias->kind == ONNX_FILL ? bias->fill : bias->data[onnx_count(bias) == 1 ? 0 : o];
        head->bias[o] = (float)(head->bias[o] + scale * b);
    }
    return 0;
}

int onnx_gemm(struct onnx_reader *r) {
    const struct onnx_value *x = onnx_input(r, 0);

    if (onnx_int(r, "transA", 0) != 0)
        return onnx_fail(r, "transposes its input, which this version does not support");
    if (x && x->kind == ONNX_FLOW && x->rank != 2)
        return onnx_fail(r, "reads a value of %d axes; it should be batch and features", x->rank);
    if (add_head(r, onnx_input(r, 1), onnx_int(r, "transB", 0) != 0,
                 onnx_float(r, "alpha", 1.0f)) != 0)
        return -1;
    return onnx_input(r, 2) ? add_bias(r, onnx_input(r, 2), onnx_float(r, "beta", 1.0f)) : 0;
}

int onnx_matmul(struct onnx_reader *r) {
    return add_head(r, onnx_input(r, 1), false, 1.0);
}

int onnx_add(struct onnx_reader *r) {
    const struct onnx_value *a = onnx_input(r, 0), *b = onnx_input(r, 1);

    if (b && b->kind == ONNX_FLOW) {
        const struct onnx_value *swap = a;
        a = b;
        b = swap;
    }
    if (a->kind != ONNX_FLOW)
        return onnx_arithmetic(r);
    if (!a->dense || a->squash || a->axis[a->rank > 0 ? a->rank - 1 : 0] != AXIS_FEATURE)
        return onnx_fail(r, "adds to a value other than the linear head's product, which this "
                            "version does not support");
    onnx_copy(onnx_output(r, 0), a);
    return add_bias(r, b, 1.0);
}

int onnx_sigmoid(struct onnx_reader *r) {
    const struct onnx_value *x = onnx_input(r, 0);

    if (x->kind != ONNX_FLOW || !x->dense || x->squash)
        return onnx_fail(r, "is not the end of the linear head; this version takes a sigmoid only "
                            "there");
    onnx_copy(onnx_output(r, 0), x);
    onnx_output(r, 0)->squash = true;
    r->network->head.sigmoid = true;
    return 0;
}
