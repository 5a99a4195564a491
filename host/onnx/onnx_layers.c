// SPDX-License-Identifier: Apache-2.0
// Operators of an ONNX graph that become layers of the network: LSTM, and the linear head with
// its optional sigmoid.
#include "onnx_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_WIDTH = MR_MAX_WIDTH, MAX_LAYERS = MR_MAX_LAYERS };

static int check_finite(struct onnx_reader *r, size_t input) {
    const struct onnx_tensor *tensor = onnx_constant(r, input);

    for (size_t i = 0; i < tensor->count; i++) {
        if (!isfinite((float)tensor->real[i]))
            return onnx_fail(r->graph,
                             "uses tensor '%.100s', whose element %zu is not a finite number",
                             onnx_name(r, onnx_input(r, input)), i);
    }
    return 0;
}

static const struct onnx_tensor *real_constant(const struct onnx_reader *r, size_t input) {
    const struct onnx_tensor *tensor = onnx_constant(r, input);

    return tensor && onnx_is_real(tensor->type) ? tensor : NULL;
}

// A constant tensor of exactly this shape.
static int check_tensor(struct onnx_reader *r, const char *what, size_t input, int rank,
                        const int64_t *shape) {
    const struct onnx_tensor *tensor = real_constant(r, input);

    if (!tensor)
        return onnx_fail(r->graph, "has a %s that is not a constant float tensor", what);
    bool good = tensor->rank == rank;
    for (int i = 0; good && i < rank; i++)
        good = tensor->dims[i] == shape[i];
    if (!good) {
        char text[80] = "";
        for (int i = 0, used = 0; i < rank; i++)
            used += snprintf(text + used, sizeof text - (size_t)used, "%s%lld", i > 0 ? ", " : "",
                             (long long)shape[i]);
        return onnx_fail(r->graph, "has a %s of another shape than [%s]", what, text);
    }
    return check_finite(r, input);
}

static bool same_name(const ProtobufCBinaryData *text, const char *name) {
    return text->len == strlen(name) && strncasecmp((const char *)text->data, name, text->len) == 0;
}

int onnx_check_lstm(struct onnx_graph *graph) {
    const Onnx__AttributeProto *a = onnx_attribute(graph, "direction");

    if (a && !(a->has_s && a->s.len == 7 && memcmp(a->s.data, "forward", 7) == 0))
        return onnx_fail(graph, "runs in direction '%.*s'; this version takes forward LSTMs only",
                         a->has_s && a->s.len < 40 ? (int)a->s.len : 0,
                         a->has_s && a->s.len > 0 ? (const char *)a->s.data : "");
    a = onnx_attribute(graph, "activations");
    if (a) {
        // Upper and lower case are the same in ONNX.
        static const char *const usual[3] = {"Sigmoid", "Tanh", "Tanh"};
        bool good = a->n_strings == 3;
        for (size_t i = 0; good && i < 3; i++)
            good = same_name(&a->strings[i], usual[i]);
        if (!good)
            return onnx_fail(graph,
                             "has its own activations; this version takes Sigmoid, Tanh, Tanh");
    }
    if (onnx_attribute(graph, "clip"))
        return onnx_fail(graph, "clips its cells, which this version does not support");
    if (onnx_int(graph, "input_forget", 0) != 0)
        return onnx_fail(graph,
                         "couples input and forget gate, which this version does not support");
    if (onnx_int(graph, "layout", 0) != 0)
        return onnx_fail(graph,
                         "has layout 1; this version takes layout 0 with a Transpose around it");
    if (onnx_input_index(graph, 4) >= 0)
        return onnx_fail(graph, "has sequence lengths; this version takes sequences of one length");
    if (onnx_input_index(graph, 7) >= 0)
        return onnx_fail(graph, "has peepholes, which this version does not support");
    return 0;
}

int onnx_check_dropout(struct onnx_graph *graph) {
    int mask = onnx_output_index(graph, 1), mode = onnx_input_index(graph, 2);

    if (mask >= 0 && graph->needed[mask])
        return onnx_fail(graph, "has a mask that is used, which this version does not support");
    if (mode >= 0 && !graph->constants[mode].type)
        return onnx_fail(graph, "has a training mode that is not a constant; export the model "
                                "after model.eval()");
    if (mode >= 0 && !onnx_all_zero(&graph->constants[mode]))
        return onnx_fail(graph, "is in training mode; export the model after model.eval()");
    return 0;
}

static int check_state(struct onnx_reader *r, const char *what, size_t input) {
    const struct onnx_value *state = onnx_input(r, input);
    const struct onnx_tensor *constant = onnx_constant(r, input);

    if (!state || (constant && onnx_all_zero(constant)) ||
        (state->kind == ONNX_FILL && state->fill == 0))
        return 0;
    if (state->kind == ONNX_INPUT)
        return onnx_fail(r->graph,
                         "takes its %s from the input '%.100s'; this version starts every sequence "
                         "from zero and keeps the state itself from step to step, so export the "
                         "model without state inputs",
                         what, onnx_name(r, state));
    return onnx_fail(r->graph,
                     "has an %s ('%.100s') that is not a constant zero; this version starts every "
                     "sequence from zero",
                     what, onnx_name(r, state));
}

// The flow that goes in must be the whole sequence of the layer before.
static int check_sequence(struct onnx_reader *r, const struct onnx_value *x) {
    if (!x || x->kind != ONNX_FLOW)
        return onnx_fail(r->graph, "does not read the graph's input");
    if (x->dense || r->network->head.w)
        return onnx_fail(r->graph,
                         "comes after the linear head, which must be the end of the network");
    if (x->last)
        return onnx_fail(r->graph,
                         "reads only the last step of the layer before; it must read all steps");
    if (x->layer != r->network->layer_count - 1)
        return onnx_fail(r->graph,
                         "does not continue the chain of layers; branches are not supported");
    if (x->whole)
        return onnx_fail(r->graph, "reads whole numbers; cast them back to float before it");
    if (x->rank != 3 || x->axis[2] != AXIS_FEATURE || x->axis[0] > AXIS_INPUT_1 ||
        x->axis[1] > AXIS_INPUT_1 || x->axis[0] == x->axis[1] ||
        (r->time_axis >= 0 && (int)x->axis[0] != r->time_axis))
        return onnx_fail(r->graph,
                         "reads a sequence whose axes are not time, batch and features "
                         "in the order in which they came; transpose the input in your program");
    return 0;
}

// ONNX keeps the gates in the order i, o, f, c; the network has i, f, g (which is c), o.
static int fill_layer(struct mr_lstm *layer, const double *w, const double *h, const double *b) {
    static const int onnx_gate[MR_GATES] = {0, 2, 3, 1};
    size_t inputs = (size_t)layer->inputs, hidden = (size_t)layer->hidden;

    layer->w_ih = malloc(MR_GATES * hidden * inputs * sizeof(float));
    layer->w_hh = malloc(MR_GATES * hidden * hidden * sizeof(float));
    layer->bias = malloc(MR_GATES * hidden * sizeof(float));
    if (!layer->w_ih || !layer->w_hh || !layer->bias)
        return -1;
    for (size_t gate = 0; gate < MR_GATES; gate++) {
        size_t to = gate * hidden, from = (size_t)onnx_gate[gate] * hidden;
        for (size_t i = 0; i < hidden * inputs; i++)
            layer->w_ih[to * inputs + i] = (float)w[from * inputs + i];
        for (size_t i = 0; i < hidden * hidden; i++)
            layer->w_hh[to * hidden + i] = (float)h[from * hidden + i];
        for (size_t j = 0; j < hidden; j++)
            layer->bias[to + j] = b ? (float)(b[from + j] + b[MR_GATES * hidden + from + j]) : 0.0f;
    }
    return 0;
}

static void set_outputs(struct onnx_reader *r, const struct onnx_value *x, int64_t hidden) {
    struct onnx_value *y = onnx_output(r, 0), *state = onnx_output(r, 1), *cell = onnx_output(r, 2);
    int layer = r->network->layer_count - 1;
    struct onnx_size one = {1, SYMBOL_NONE}, width = {hidden, SYMBOL_NONE};

    if (y) // [steps, 1, batch, hidden]
        *y = (struct onnx_value){
            .kind = ONNX_FLOW,
            .rank = 4,
            .layer = layer,
            .dims = {x->dims[0], one, x->dims[1], width},
            .axis = {x->axis[0], AXIS_ONE, x->axis[1], AXIS_FEATURE},
        };
    if (state) // [1, batch, hidden]
        *state = (struct onnx_value){
            .kind = ONNX_FLOW,
            .rank = 3,
            .layer = layer,
            .last = true,
            .dims = {one, x->dims[1], width},
            .axis = {AXIS_ONE, x->axis[1], AXIS_FEATURE},
        };
    if (cell)
        cell->kind = ONNX_CELL;
}

static int add_layer(struct onnx_reader *r, const struct onnx_value *x, int64_t inputs,
                     int64_t hidden) {
    struct mr_network *network = r->network;
    const struct onnx_tensor *bias = onnx_constant(r, 3);

    if (network->layer_count == MAX_LAYERS)
        return onnx_fail(r->graph, "is one layer more than the %d that are supported", MAX_LAYERS);
    if (network->layer_count == 0) {
        r->time_axis = (int)x->axis[0];
        network->batch_first = r->time_axis == AXIS_INPUT_1;
        network->input_cast = x->cast;
        if (x->dims[0].symbol == SYMBOL_NONE && x->dims[0].k > 0 && x->dims[0].k <= INT32_MAX)
            network->steps = (int)x->dims[0].k;
    }
    struct mr_lstm *grown =
        realloc(network->layers, ((size_t)network->layer_count + 1) * sizeof *grown);
    if (!grown)
        return onnx_fail(r->graph, "needs more memory than there is");
    network->layers = grown;
    struct mr_lstm *layer = &grown[network->layer_count++];
    *layer = (struct mr_lstm){.inputs = (int)inputs, .hidden = (int)hidden};
    if (fill_layer(layer, onnx_constant(r, 1)->real, onnx_constant(r, 2)->real,
                   bias ? bias->real : NULL) != 0)
        return onnx_fail(r->graph, "needs more memory than there is");
    for (int i = 0; i < MR_GATES * layer->hidden; i++) {
        if (!isfinite(layer->bias[i]))
            return onnx_fail(r->graph, "has biases whose sum is beyond float32");
    }
    return 0;
}

int onnx_lstm(struct onnx_reader *r) {
    const struct onnx_value *x = onnx_input(r, 0);
    const struct onnx_tensor *w = real_constant(r, 1), *h = real_constant(r, 2);

    if (check_sequence(r, x) != 0 || onnx_check_lstm(r->graph) != 0)
        return -1;
    if (check_state(r, "initial_h", 5) != 0 || check_state(r, "initial_c", 6) != 0)
        return -1;
    int64_t hidden = h && h->rank == 3 ? h->dims[2] : 0,
            inputs = w && w->rank == 3 ? w->dims[2] : 0;
    if (hidden < 1 || hidden > MAX_WIDTH || inputs < 1 || inputs > MAX_WIDTH)
        return onnx_fail(r->graph,
                         "has weights that are not constant, or not of 1 to %d inputs and units",
                         MAX_WIDTH);
    if (onnx_int(r->graph, "hidden_size", hidden) != hidden)
        return onnx_fail(r->graph, "has a hidden_size that is not the size of its weights");
    if (check_tensor(r, "W", 1, 3, (int64_t[]){1, 4 * hidden, inputs}) != 0 ||
        check_tensor(r, "R", 2, 3, (int64_t[]){1, 4 * hidden, hidden}) != 0 ||
        (onnx_input(r, 3) && check_tensor(r, "B", 3, 2, (int64_t[]){1, 8 * hidden}) != 0))
        return -1;
    if (x->dims[2].symbol == SYMBOL_NONE && x->dims[2].k != inputs)
        return onnx_fail(r->graph, "has weights for %lld inputs and reads %lld", (long long)inputs,
                         (long long)x->dims[2].k);
    if (add_layer(r, x, inputs, hidden) != 0)
        return -1;
    set_outputs(r, x, hidden);
    return 0;
}

// The head's product: scale * weights, weights being (outputs, inputs) or transposed.
static int add_head(struct onnx_reader *r, bool outputs_first, double scale) {
    const struct onnx_value *x = onnx_input(r, 0);
    const struct onnx_tensor *weights = real_constant(r, 1);
    struct mr_dense *head = &r->network->head;
    struct onnx_value *out = onnx_output(r, 0);

    if (!x || x->kind != ONNX_FLOW)
        return onnx_fail(r->graph, "does not read the output of the LSTM");
    if (x->dense || head->w)
        return onnx_fail(r->graph, "is a second linear layer; this version takes one, and "
                                   "two without an activation between them can be merged into it");
    if (x->layer < 0)
        return onnx_fail(r->graph,
                         "comes before the LSTM; this version takes a linear layer after it");
    if (!x->last)
        return onnx_fail(r->graph,
                         "is applied to every step; this version takes the last step only, as "
                         "in fc(y[:, -1])");
    if (x->layer != r->network->layer_count - 1)
        return onnx_fail(r->graph, "reads a layer that is not the last");
    if (x->rank < 1 || x->axis[x->rank - 1] != AXIS_FEATURE)
        return onnx_fail(r->graph, "reads a value whose last axis is not the hidden state");
    if (!weights || weights->rank != 2)
        return onnx_fail(r->graph, "has weights that are not a constant float matrix");
    int64_t inputs = weights->dims[outputs_first], outputs = weights->dims[!outputs_first];
    if (inputs != r->network->layers[x->layer].hidden || outputs < 1 || outputs > MAX_WIDTH)
        return onnx_fail(
            r->graph, "has weights for %lld inputs and %lld outputs after an LSTM of %d units",
            (long long)inputs, (long long)outputs, r->network->layers[x->layer].hidden);
    if (check_finite(r, 1) != 0)
        return -1;
    head->inputs = (int)inputs;
    head->outputs = (int)outputs;
    head->w = malloc((size_t)inputs * (size_t)outputs * sizeof *head->w);
    head->bias = calloc((size_t)outputs, sizeof *head->bias);
    if (!head->w || !head->bias)
        return onnx_fail(r->graph, "needs more memory than there is");
    for (int64_t o = 0; o < outputs; o++) {
        for (int64_t k = 0; k < inputs; k++) {
            double w = weights->real[outputs_first ? o * inputs + k : k * outputs + o];
            head->w[o * inputs + k] = (float)(scale * w);
        }
    }
    *out = *x;
    out->dense = true;
    out->dims[out->rank - 1] = (struct onnx_size){outputs, SYMBOL_NONE};
    return 0;
}

static int add_bias(struct onnx_reader *r, size_t input, double scale) {
    struct mr_dense *head = &r->network->head;
    const struct onnx_tensor *bias = real_constant(r, input);

    // One number for all outputs, or one for each along the last axis.
    bool single = bias && bias->count == 1;
    if (!bias || (!single && (bias->count != (size_t)head->outputs || bias->rank < 1 ||
                              bias->dims[bias->rank - 1] != head->outputs)))
        return onnx_fail(r->graph, "adds a bias that is not a constant of %d numbers",
                         head->outputs);
    if (check_finite(r, input) != 0)
        return -1;
    for (int o = 0; o < head->outputs; o++)
        head->bias[o] = (float)(head->bias[o] + scale * bias->real[single ? 0 : o]);
    return 0;
}

int onnx_gemm(struct onnx_reader *r) {
    const struct onnx_value *x = onnx_input(r, 0);

    if (onnx_int(r->graph, "transA", 0) != 0)
        return onnx_fail(r->graph, "transposes its input, which this version does not support");
    if (x->kind == ONNX_FLOW && x->rank != 2)
        return onnx_fail(r->graph, "reads a value of %d axes; it should be batch and features",
                         x->rank);
    if (add_head(r, onnx_int(r->graph, "transB", 0) != 0, onnx_float(r->graph, "alpha", 1.0f)) != 0)
        return -1;
    return onnx_input(r, 2) ? add_bias(r, 2, onnx_float(r->graph, "beta", 1.0f)) : 0;
}

int onnx_matmul(struct onnx_reader *r) {
    return add_head(r, false, 1.0);
}

int onnx_add(struct onnx_reader *r) {
    size_t from = onnx_input(r, 0)->kind == ONNX_FLOW ? 0 : 1;
    const struct onnx_value *a = onnx_input(r, from);

    if (!a || !a->dense || a->squash || a->whole || a->cast.whole || a->cast.truth ||
        a->axis[a->rank > 0 ? a->rank - 1 : 0] != AXIS_FEATURE || !onnx_input(r, 1 - from))
        return onnx_fail(r->graph, "adds to a value other than the linear head's product, which "
                                   "this version does not support");
    *onnx_output(r, 0) = *a;
    return add_bias(r, 1 - from, 1.0);
}

int onnx_sigmoid(struct onnx_reader *r) {
    const struct onnx_value *x = onnx_input(r, 0);

    if (!x->dense || x->squash || x->whole || x->cast.whole || x->cast.truth)
        return onnx_fail(r->graph, "is not the end of the linear head; this version takes a "
                                   "sigmoid only there");
    *onnx_output(r, 0) = *x;
    onnx_output(r, 0)->squash = true;
    r->network->head.sigmoid = true;
    return 0;
}
