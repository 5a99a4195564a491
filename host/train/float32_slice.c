// SPDX-License-Identifier: Apache-2.0
// A slice of 16 sequences on its way forward, with all that is kept of it, and backward through
// time (Werbos 1990), to the gradient of every weight.
#include "float32_parts.h"
#include "train_draw.h"
#include "train_loss.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- memory

// Takes so many rows from the block; with NULL counts them only.
static float *take(float **block, size_t *used, size_t rows) {
    float *at = *block ? *block + *used * MR_SLICE : NULL;

    *used += rows;
    return at;
}

// Rows from a step to the next where each has so many: an odd number, for what lies powers of two
// apart has the same few places in a cache; and floats.
static size_t apart(size_t rows) {
    return rows | 1;
}

static size_t stride(size_t rows) {
    return apart(rows) * MR_SLICE;
}

static size_t out_rows(const struct mr_float32_net *net, size_t steps) {
    return net->chain.per_step ? steps : 1;
}

static size_t lay_out(struct mr_slice *slice, const struct mr_float32_net *net, size_t steps,
                      float *block) {
    size_t used = 0, widest = 1;

    slice->x = take(&block, &used, steps * apart((size_t)net->chain.inputs));
    for (int l = 0; l < net->chain.layer_count; l++) {
        const struct mr_train_layer *shape = &net->layers[l].shape;
        struct mr_slice_layer *layer = &slice->layers[l];
        const size_t units = (size_t)shape->units;
        widest = units > widest ? units : widest;
        const size_t each = steps * apart(units);
        layer->sums = take(&block, &used, steps * apart(units * (size_t)shape->sums));
        layer->h = take(&block, &used, each);
        layer->up = take(&block, &used, each);
        if (shape->cell == MR_TRAIN_LSTM) {
            layer->c = take(&block, &used, each);
            layer->tanh_c = take(&block, &used, each);
        }
        if (shape->cell == MR_TRAIN_GRU_RESET_FIRST)
            layer->gated = take(&block, &used, each);
        layer->in = l == 0 ? slice->x : slice->layers[l - 1].h;
        if (l > 0 && net->dropout > 0)
            layer->in = take(&block, &used, steps * apart((size_t)shape->inputs));
    }
    slice->out = take(&block, &used, out_rows(net, steps) * (size_t)net->chain.outputs);
    slice->dh = take(&block, &used, widest);
    slice->dc = take(&block, &used, widest);
    slice->zero = take(&block, &used, widest);
    return used;
}

int mr_slice_reserve(struct mr_slice *slice, const struct mr_float32_net *net, size_t steps) {
    if (steps <= slice->steps)
        return 0;
    const size_t rows = lay_out(slice, net, steps, NULL);
    mr_slice_free(slice);
    void *memory = aligned_alloc(MR_SLICE * sizeof(float), rows * MR_SLICE * sizeof(float));
    if (!memory)
        return -1;
    memset(memory, 0, rows * MR_SLICE * sizeof(float));
    slice->memory = memory;
    slice->steps = steps;
    lay_out(slice, net, steps, memory);
    return 0;
}

void mr_slice_free(struct mr_slice *slice) {
    free(slice->memory);
    memset(slice, 0, sizeof *slice);
}

// ---- forward

// Sequences that are not there have 0.
static void take_x(const struct mr_float32_net *net, struct mr_slice *slice,
                   const struct mr_slice_work *work) {
    const size_t inputs = (size_t)net->chain.inputs;

    for (size_t t = 0; t < work->steps; t++)
        for (size_t i = 0; i < inputs; i++)
            for (size_t n = 0; n < MR_SLICE; n++)
                slice->x[t * stride(inputs) + i * MR_SLICE + n] =
                    n < work->sequences ? work->x[(n * work->steps + t) * inputs + i] : 0;
}

static struct mr_cell_rows rows_at(const struct mr_slice *slice, int l,
                                   const struct mr_train_layer *shape, size_t t) {
    const struct mr_slice_layer *layer = &slice->layers[l];
    const size_t units = (size_t)shape->units, row = stride(units), at = t * row;

    return (struct mr_cell_rows){
        .units = shape->units,
        .sums = layer->sums + t * stride(units * (size_t)shape->sums),
        .c = layer->c ? layer->c + at : NULL,
        .tanh_c = layer->tanh_c ? layer->tanh_c + at : NULL,
        .c_last = layer->c && t > 0 ? layer->c + at - row : slice->zero,
        .h = layer->h + at,
        .h_last = t > 0 ? layer->h + at - row : slice->zero,
        .gated = layer->gated ? layer->gated + at : NULL,
        .dh = slice->dh,
        .dc = slice->dc,
    };
}

// The sums have what the layer's input gives.
static void forward_step(const struct mr_float32_net *net, const struct mr_slice *slice, int l,
                         size_t t) {
    const struct mr_float32_kernels *k = net->kernels;
    const struct mr_float32_layer *layer = &net->layers[l];
    const struct mr_train_layer *shape = &layer->shape;
    const struct mr_cell_rows rows = rows_at(slice, l, shape, t);
    const size_t units = (size_t)shape->units;
    struct mr_product product = {&layer->h[0], 0, shape->units, rows.h_last};

    if (t > 0) // at first h is 0
        k->multiply(&product, 1, NULL, rows.sums);
    product.panel = &layer->h[1];
    switch (shape->cell) {
    case MR_TRAIN_LSTM:
        k->lstm_forward(&rows);
        break;
    case MR_TRAIN_GRU:
        product.count = t > 0 ? shape->units : 0;
        k->multiply(&product, 1, net->w + layer->at.bias + 3 * units,
                    rows.sums + 3 * units * MR_SLICE);
        k->gru_forward(&rows);
        break;
    case MR_TRAIN_GRU_RESET_FIRST:
        k->reset_gates(&rows);
        product.v = rows.gated;
        if (t > 0)
            k->multiply(&product, 1, NULL, rows.sums + 2 * units * MR_SLICE);
        k->reset_forward(&rows);
        break;
    case MR_TRAIN_RNN_TANH:
        k->tanh_forward(&rows);
        break;
    case MR_TRAIN_RNN_RELU:
        k->relu_forward(&rows);
        break;
    }
}

// What of a layer's input is dropped: the numbers drawn, and how many of 2^32 are.
static uint32_t drop_key(const struct mr_float32_net *net, const struct mr_slice_work *work,
                         int l) {
    uint64_t counter = net->seed ^ (work->step * MR_MAX_LAYERS + (uint64_t)l) << 32 ^
                       (uint64_t)(work->first / MR_SLICE);

    return (uint32_t)mr_draw_next(&counter);
}

static void drop(const struct mr_float32_net *net, const struct mr_slice_work *work, int l,
                 const float *in, float *out) {
    const int rows = (int)(work->steps * apart((size_t)net->layers[l].shape.inputs));

    net->kernels->drop(in, out, rows, drop_key(net, work, l), 0, (uint32_t)ldexp(net->dropout, 32),
                       (float)(1 / (1 - net->dropout)));
}

static bool drops(const struct mr_float32_net *net, const struct mr_slice_work *work, int l) {
    return l > 0 && net->dropout > 0 && work->gradient;
}

static void forward(const struct mr_float32_net *net, struct mr_slice *slice,
                    const struct mr_slice_work *work) {
    for (int l = 0; l < net->chain.layer_count; l++) {
        if (l > 0 && net->dropout > 0) {
            if (work->gradient)
                drop(net, work, l, slice->layers[l - 1].h, slice->layers[l].in);
            else
                memcpy(slice->layers[l].in, slice->layers[l - 1].h,
                       work->steps * stride((size_t)net->layers[l].shape.inputs) * sizeof(float));
        }
        const struct mr_float32_layer *layer = &net->layers[l];
        net->kernels->multiply_steps(
            &layer->x, slice->layers[l].in, stride((size_t)layer->shape.inputs),
            net->w + layer->at.bias, slice->layers[l].sums,
            stride((size_t)layer->shape.units * (size_t)layer->shape.sums), work->steps);
        for (size_t t = 0; t < work->steps; t++)
            forward_step(net, slice, l, t);
    }
}

// ---- the head

// The h of the last layer that row `row` of the outputs is of, and its step.
static size_t head_step(const struct mr_float32_net *net, const struct mr_slice_work *work,
                        size_t row) {
    return net->chain.per_step ? row : work->steps - 1;
}

// Classes are side by side with their sequences: (outputs, 16).
static void softmax(const struct mr_float32_net *net, float *out) {
    const size_t outputs = (size_t)net->chain.outputs;

    for (size_t n = 0; n < MR_SLICE; n++) {
        float top = out[n], sum = 0;
        for (size_t o = 1; o < outputs; o++)
            top = fmaxf(top, out[o * MR_SLICE + n]);
        for (size_t o = 0; o < outputs; o++) {
            out[o * MR_SLICE + n] = expf(out[o * MR_SLICE + n] - top);
            sum += out[o * MR_SLICE + n];
        }
        for (size_t o = 0; o < outputs; o++)
            out[o * MR_SLICE + n] /= sum;
    }
}

static void head_row(const struct mr_float32_net *net, float *out) {
    if (net->chain.activation == MR_ACTIVATION_SIGMOID)
        net->kernels->sigmoid(out, net->chain.outputs);
    else if (net->chain.activation == MR_ACTIVATION_TANH)
        net->kernels->tanh(out, net->chain.outputs);
    else if (net->chain.softmax)
        softmax(net, out);
}

static void run_head(const struct mr_float32_net *net, const struct mr_slice *slice,
                     struct mr_slice_work *work) {
    const size_t outputs = (size_t)net->chain.outputs, rows = out_rows(net, work->steps);
    const size_t units = (size_t)net->head.columns;
    const float *h = slice->layers[net->chain.layer_count - 1].h;

    for (size_t row = 0; row < rows; row++) {
        float *out = slice->out + row * outputs * MR_SLICE;
        const struct mr_product product = {&net->head, 0, net->head.columns,
                                           h + head_step(net, work, row) * stride(units)};
        net->kernels->multiply(&product, 1, net->w + net->head_at.bias, out);
        if (!work->gradient)
            head_row(net, out);
        for (size_t n = 0; n < work->sequences && work->predicted; n++)
            for (size_t o = 0; o < outputs; o++)
                work->predicted[(n * rows + row) * outputs + o] = out[o * MR_SLICE + n];
    }
}

// The gradient of the head's sums in the place of what it gives; that of its weights, and of h.
static void head_backward(const struct mr_float32_net *net, const struct mr_slice *slice,
                          struct mr_slice_work *work) {
    const struct mr_float32_kernels *k = net->kernels;
    const size_t outputs = (size_t)net->chain.outputs, rows = out_rows(net, work->steps);
    const size_t units = (size_t)net->head.columns, step = stride(units);
    const size_t targets = (size_t)mr_train_targets(&net->chain, net->loss);
    const struct mr_slice_layer *top = &slice->layers[net->chain.layer_count - 1];

    for (size_t row = 0; row < rows; row++) {
        float *out = slice->out + row * outputs * MR_SLICE;
        for (size_t n = 0; n < MR_SLICE; n++)
            if (n < work->sequences)
                work->loss += mr_train_loss_row(&net->chain, net->loss, out + n, MR_SLICE,
                                                work->y + (n * rows + row) * targets, work->weight);
            else
                for (size_t o = 0; o < outputs; o++)
                    out[o * MR_SLICE + n] = 0;
        float *up = top->up + head_step(net, work, row) * step;
        memset(up, 0, units * MR_SLICE * sizeof *up);
        const struct mr_product product = {&net->head_back, 0, net->chain.outputs, out};
        k->multiply(&product, 1, NULL, up);
    }
    const float *h = top->h + head_step(net, work, 0) * step;
    k->outer(slice->out, outputs * MR_SLICE, net->chain.outputs, h, step, net->head.columns, rows,
             work->gradient + net->head_at.w_x, units);
    k->total(slice->out, outputs * MR_SLICE, net->chain.outputs, rows,
             work->gradient + net->head_at.bias);
}

// ---- backward

// What a step's gradients of the sums give to h of the step before, added to dh.
static void to_last_h(const struct mr_float32_net *net, const struct mr_float32_layer *layer,
                      const struct mr_cell_rows *rows) {
    const int units = layer->shape.units;
    struct mr_product products[2] = {{&layer->h_back, 0, layer->h_back.columns, rows->sums}};
    int count = 1;

    if (layer->shape.cell == MR_TRAIN_GRU) {
        products[0].count = 2 * units;
        products[1] = (struct mr_product){&layer->h_back, 2 * units, units,
                                          rows->sums + 3 * (size_t)units * MR_SLICE};
        count = 2;
    } else if (layer->shape.cell == MR_TRAIN_GRU_RESET_FIRST) {
        products[0].count = 2 * units;
    }
    net->kernels->multiply(products, count, NULL, rows->dh);
}

static void backward_step(const struct mr_float32_net *net, const struct mr_float32_layer *layer,
                          const struct mr_cell_rows *rows) {
    const struct mr_float32_kernels *k = net->kernels;
    const int units = layer->shape.units;

    switch (layer->shape.cell) {
    case MR_TRAIN_LSTM:
        k->lstm_backward(rows);
        break;
    case MR_TRAIN_GRU:
        k->gru_backward(rows);
        break;
    case MR_TRAIN_GRU_RESET_FIRST: {
        k->reset_backward(rows);
        // The gradient of r h lies where that of c does in an LSTM.
        struct mr_cell_rows of_gates = *rows;
        of_gates.gated = rows->dc;
        memset(rows->dc, 0, (size_t)units * MR_SLICE * sizeof(float));
        const struct mr_product product = {&layer->h_back, 2 * units, units,
                                           rows->sums + 2 * (size_t)units * MR_SLICE};
        k->multiply(&product, 1, NULL, rows->dc);
        k->reset_gates_backward(&of_gates);
        break;
    }
    case MR_TRAIN_RNN_TANH:
        k->tanh_backward(rows);
        break;
    case MR_TRAIN_RNN_RELU:
        k->relu_backward(rows);
        break;
    }
}

// Of all weights of a layer, once the gradients of its sums are there.
static void weight_gradient(const struct mr_float32_net *net, const struct mr_slice *slice, int l,
                            const struct mr_slice_work *work) {
    const struct mr_float32_kernels *k = net->kernels;
    const struct mr_float32_layer *layer = &net->layers[l];
    const struct mr_train_layer *shape = &layer->shape;
    const struct mr_slice_layer *kept = &slice->layers[l];
    const size_t inputs = (size_t)shape->inputs, units = (size_t)shape->units;
    const size_t step = stride(units), sums = stride(units * (size_t)shape->sums);
    const size_t in = stride(inputs), gate = units * MR_SLICE, steps = work->steps;
    const int all = shape->gates * shape->units;
    const bool split = layer->groups == 2;
    float *w_h = work->gradient + layer->at.w_h;

    k->outer(kept->sums, sums, all, kept->in, in, shape->inputs, steps,
             work->gradient + layer->at.w_x, inputs);
    // From the second step on, for h was 0 before.
    k->outer(kept->sums + sums, sums, split ? 2 * shape->units : all, kept->h, step, shape->units,
             steps - 1, w_h, units);
    if (shape->cell == MR_TRAIN_GRU)
        k->outer(kept->sums + sums + 3 * gate, sums, shape->units, kept->h, step, shape->units,
                 steps - 1, w_h + 2 * units * units, units);
    else if (split)
        k->outer(kept->sums + 2 * gate, sums, shape->units, kept->gated, step, shape->units, steps,
                 w_h + 2 * units * units, units);
    k->total(kept->sums, sums, shape->sums * shape->units, steps, work->gradient + layer->at.bias);
}

static void backward(const struct mr_float32_net *net, const struct mr_slice *slice, int l,
                     const struct mr_slice_work *work) {
    const struct mr_float32_layer *layer = &net->layers[l];
    const struct mr_train_layer *shape = &layer->shape;
    const size_t units = (size_t)shape->units;
    const bool has_up = l + 1 < net->chain.layer_count || net->chain.per_step;

    memset(slice->dh, 0, units * MR_SLICE * sizeof *slice->dh);
    memset(slice->dc, 0, units * MR_SLICE * sizeof *slice->dc);
    for (size_t t = work->steps; t-- > 0;) {
        struct mr_cell_rows rows = rows_at(slice, l, shape, t);
        if (has_up || t + 1 == work->steps)
            rows.up = slice->layers[l].up + t * stride(units);
        backward_step(net, layer, &rows);
        if (t > 0)
            to_last_h(net, layer, &rows);
    }
    if (l > 0)
        net->kernels->multiply_steps(
            &layer->x_back, slice->layers[l].sums, stride(units * (size_t)shape->sums), NULL,
            slice->layers[l - 1].up, stride((size_t)shape->inputs), work->steps);
    if (drops(net, work, l))
        drop(net, work, l, slice->layers[l - 1].up, slice->layers[l - 1].up);
    weight_gradient(net, slice, l, work);
}

void mr_slice_run(const struct mr_float32_net *net, struct mr_slice *slice,
                  struct mr_slice_work *work) {
    work->loss = 0;
    take_x(net, slice, work);
    forward(net, slice, work);
    run_head(net, slice, work);
    if (!work->gradient)
        return;
    head_backward(net, slice, work);
    for (int l = net->chain.layer_count; l-- > 0;)
        backward(net, slice, l, work);
}
