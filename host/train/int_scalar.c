// SPDX-License-Identifier: Apache-2.0
// Training in whole numbers, one unit after the other, as docs/training.md has it: what the other
// engines are compared with, and what runs where their instructions are not there.
#include "int_model.h"
#include "train/dropout.h"
#include "train/fixed_point.h"
#include "train/gru.h"
#include "train/gru_reset_first.h"
#include "train/loss.h"
#include "train/lstm.h"
#include "train/rnn.h"

#include <stdlib.h>
#include <string.h>

// What the backward function of any cell needs.
union kept {
    lstm_kept_t lstm;
    gru_kept_t gru;
    gru_reset_first_kept_t first;
    int16_t h; // RNN
};

struct layer {
    int16_t *x;          // (steps, sequences, inputs)
    int16_t *h;          // (steps + 1, sequences, units); before the first step 0
    int16_t *reset;      // (steps, sequences, units): r h, of the cell that has them as columns
    int16_t *cell;       // (steps + 1, sequences, units), LSTM
    union kept *kept;    // (steps, sequences, units)
    int32_t *from_above; // (steps, sequences, units): dh
    int16_t *w_x, *w_h;  // as they are multiplied
};

struct engine {
    int layers;
    struct layer *at;
    int16_t *w;               // of the head
    int32_t *errors, *behind; // of a row; dh of the step behind, by the weights
    int32_t *before;          // and dc, or dh on the direct way
    train_back_t *back;       // of the units of a step
    int64_t *columns;         // sums over rows
};

static bool works(void) {
    return true;
}

static void engine_close(void *opened) {
    struct engine *engine = opened;

    if (!engine)
        return;
    for (int i = 0; engine->at && i < engine->layers; i++) {
        struct layer *at = &engine->at[i];
        free(at->x);
        free(at->h);
        free(at->reset);
        free(at->cell);
        free(at->kept);
        free(at->from_above);
        free(at->w_x);
        free(at->w_h);
    }
    free(engine->at);
    free(engine->w);
    free(engine->errors);
    free(engine->behind);
    free(engine->before);
    free(engine->back);
    free(engine->columns);
    free(engine);
}

static bool make_layer(struct layer *at, const struct mr_int_layer *layer, size_t sequences,
                       size_t steps) {
    const size_t units = (size_t)layer->units, all = steps * sequences * units;

    at->x = calloc(steps * sequences * (size_t)layer->inputs, sizeof *at->x);
    at->h = calloc(all + sequences * units, sizeof *at->h);
    at->reset = calloc(all, sizeof *at->reset);
    at->cell = calloc(all + sequences * units, sizeof *at->cell);
    at->kept = calloc(all, sizeof *at->kept);
    at->from_above = calloc(all, sizeof *at->from_above);
    at->w_x = calloc(layer->x.count, sizeof *at->w_x);
    at->w_h = calloc(layer->h.count, sizeof *at->w_h);
    return at->x && at->h && at->reset && at->cell && at->kept && at->from_above && at->w_x &&
           at->w_h;
}

static void *engine_open(const struct mr_int_model *model) {
    struct engine *engine = calloc(1, sizeof *engine);
    size_t widest = (size_t)model->outputs;
    bool good = engine != NULL;

    if (!engine)
        return NULL;
    engine->layers = model->layer_count;
    engine->at = calloc((size_t)engine->layers, sizeof *engine->at);
    for (int i = 0; i < model->layer_count; i++) {
        const struct mr_int_layer *layer = &model->layers[i];
        const size_t most = (size_t)(layer->inputs > layer->units ? layer->inputs : layer->units);
        widest = most > widest ? most : widest;
        good = good && engine->at &&
               make_layer(&engine->at[i], layer, model->options.batch, model->options.steps);
    }
    engine->w = calloc(model->w.count, sizeof *engine->w);
    engine->errors = calloc(widest, sizeof *engine->errors);
    engine->behind = calloc(widest, sizeof *engine->behind);
    engine->before = calloc(widest, sizeof *engine->before);
    engine->back = calloc(widest, sizeof *engine->back);
    engine->columns = calloc(widest, sizeof *engine->columns);
    if (!good || !engine->w || !engine->errors || !engine->behind || !engine->before ||
        !engine->back || !engine->columns) {
        engine_close(engine);
        return NULL;
    }
    return engine;
}

static int64_t product(const int16_t *w, const int16_t *v, int count) {
    int64_t sum = 0;

    for (int k = 0; k < count; k++)
        sum += w[k] * v[k];
    return sum;
}

// Where a step of a sequence lies in arrays (steps, sequences, width).
static size_t place(const struct mr_int_batch *batch, size_t t, size_t b, int width) {
    return (t * batch->sequences + b) * (size_t)width;
}

// ---- forwards

// Sum s of unit u over the columns of x and of h, or of one of them.
static int64_t sum_of(const struct mr_int_layer *layer, const struct layer *at, int s, int u,
                      const int16_t *x, const int16_t *h) {
    const int x_row = layer->cell->x_row[s], h_row = layer->cell->h_row[s];
    int64_t sum = 0;

    if (x_row >= 0)
        sum += product(at->w_x + (size_t)(x_row * layer->units + u) * (size_t)layer->inputs, x,
                       layer->inputs);
    if (h_row >= 0)
        sum += product(at->w_h + (size_t)(h_row * layer->units + u) * (size_t)layer->units, h,
                       layer->units);
    return sum;
}

static void forward_step(const struct mr_int_layer *layer, struct layer *at,
                         const struct mr_int_batch *batch, size_t t, size_t b) {
    const int units = layer->units;
    const int16_t *x = at->x + place(batch, t, b, layer->inputs);
    const int16_t *h = at->h + place(batch, t, b, units);
    const size_t here = place(batch, t, b, units), next = place(batch, t + 1, b, units);
    int16_t *reset = at->reset + here;

    for (int u = 0; u < units; u++) {
        union kept *kept = &at->kept[here + (size_t)u];
        int64_t sum[MR_INT_SUMS] = {0};
        int32_t bias[MR_INT_SUMS] = {0};

        for (int s = 0; s < layer->cell->sums; s++) {
            bias[s] = layer->bias.w[s * units + u];
            if (s != layer->cell->second)
                sum[s] = sum_of(layer, at, s, u, x, h);
        }
        switch (layer->kind) {
        case MR_TRAIN_LSTM:
            kept->lstm = lstm_train_forward(sum, bias, at->cell[here + (size_t)u],
                                            &at->cell[next + (size_t)u], &at->h[next + (size_t)u]);
            break;
        case MR_TRAIN_GRU:
            kept->gru = gru_train_forward(sum, bias, h[u], &at->h[next + (size_t)u]);
            break;
        case MR_TRAIN_GRU_RESET_FIRST:
            reset[u] = gru_reset_first_train_gates(sum, bias, h[u], &kept->first);
            break;
        default:
            at->h[next + (size_t)u] = kept->h = rnn_train_forward(sum[0], bias[0]);
        }
    }
    const int second = layer->cell->second;
    for (int u = 0; second >= 0 && u < units; u++)
        at->h[next + (size_t)u] = gru_reset_first_train_forward(
            sum_of(layer, at, second, u, x, reset), layer->bias.w[second * units + u],
            &at->kept[here + (size_t)u].first);
}

static bool keeps(const struct mr_int_model *model, const struct mr_int_batch *batch, int layer,
                  size_t place_of) {
    return model->keep == 65536 ||
           mr_train_keeps((uint32_t)place_of, batch->keys[layer], model->keep);
}

// The columns of x: the input, or h of the layer below.
static void take_columns(const struct mr_int_model *model, struct engine *engine,
                         const struct mr_int_batch *batch, int i) {
    const struct mr_int_layer *layer = &model->layers[i];
    struct layer *at = &engine->at[i];
    const size_t count = batch->steps * batch->sequences * (size_t)layer->inputs;

    if (i == 0) {
        memcpy(at->x, batch->x, count * sizeof *at->x);
        return;
    }
    const int16_t *h = engine->at[i - 1].h + batch->sequences * (size_t)layer->inputs;
    const int half = layer->x_unit ? 1 << (layer->x_unit - 1) : 0;
    for (size_t k = 0; k < count; k++)
        at->x[k] = (int16_t)(batch->learns && model->keep < 65536
                                 ? mr_train_dropped(h[k], keeps(model, batch, i, k), layer->factor)
                                 : (h[k] + half) >> layer->x_unit);
}

static void forward_layer(const struct mr_int_model *model, struct engine *engine,
                          const struct mr_int_batch *batch, int i) {
    const struct mr_int_layer *layer = &model->layers[i];
    struct layer *at = &engine->at[i];

    for (size_t k = 0; k < layer->x.count; k++)
        at->w_x[k] = mr_train_weight(layer->x.w[k]);
    for (size_t k = 0; k < layer->h.count; k++)
        at->w_h[k] = mr_train_weight(layer->h.w[k]);
    take_columns(model, engine, batch, i);
    memset(at->h, 0, batch->sequences * (size_t)layer->units * sizeof *at->h);
    memset(at->cell, 0, batch->sequences * (size_t)layer->units * sizeof *at->cell);
    for (size_t t = 0; t < batch->steps; t++)
        for (size_t b = 0; b < batch->sequences; b++)
            forward_step(layer, at, batch, t, b);
}

// ---- the head, with its gradients and dh of the last layer

static void clear(struct mr_int_tensor *tensor) {
    memset(tensor->sum, 0, tensor->count * sizeof *tensor->sum);
}

static void head_row(struct mr_int_model *model, struct engine *engine,
                     const struct mr_int_batch *batch, size_t row, size_t t, size_t b) {
    const struct mr_int_layer *last = &model->layers[model->layer_count - 1];
    const int units = last->units;
    const int16_t *h = engine->at[model->layer_count - 1].h + place(batch, t + 1, b, units);
    int32_t *outputs = batch->outputs + row * (size_t)model->outputs;

    for (int o = 0; o < model->outputs; o++)
        outputs[o] =
            mr_train_output(product(engine->w + (size_t)(o * units), h, units), model->bias.w[o]);
    if (!batch->learns)
        return;
    int32_t *dh = engine->at[model->layer_count - 1].from_above + place(batch, t, b, units);
    const size_t targets = model->options.loss == MR_TRAIN_CE ? 1 : (size_t)model->outputs;
    mr_int_errors(model, outputs, batch->targets + row * targets, engine->errors);
    for (int o = 0; o < model->outputs; o++) {
        model->bias.sum[o] += engine->errors[o];
        for (int u = 0; u < units; u++)
            model->w.sum[o * units + u] += (int64_t)engine->errors[o] * h[u];
    }
    for (int u = 0; u < units; u++) {
        int64_t sum = 0;
        for (int o = 0; o < model->outputs; o++)
            sum += (int64_t)engine->w[o * units + u] * engine->errors[o];
        dh[u] = mr_train_head_gradient(sum, last->state_scale);
    }
}

static void run_head(struct mr_int_model *model, struct engine *engine,
                     const struct mr_int_batch *batch) {
    const struct mr_int_layer *last = &model->layers[model->layer_count - 1];
    struct layer *at = &engine->at[model->layer_count - 1];

    for (size_t k = 0; k < model->w.count; k++)
        engine->w[k] = mr_train_weight(model->w.w[k]);
    clear(&model->w);
    clear(&model->bias);
    memset(at->from_above, 0,
           batch->steps * batch->sequences * (size_t)last->units * sizeof *at->from_above);
    for (size_t b = 0; b < batch->sequences; b++)
        for (size_t t = model->per_step ? 0 : batch->steps - 1; t < batch->steps; t++)
            head_row(model, engine, batch, model->per_step ? b * batch->steps + t : b, t, b);
}

// ---- backwards

// Derivatives by columns: the sum over the rows of all deltas that have them, but those of
// `without` or, with `only`, of one.
static void over_rows(const struct mr_int_layer *layer, const int16_t *w, const int *row_of,
                      int width, int only, int without, struct engine *engine) {
    memset(engine->columns, 0, (size_t)width * sizeof *engine->columns);
    for (int s = 0; s < layer->cell->sums; s++) {
        if (row_of[s] < 0 || s == without || (only >= 0 && s != only))
            continue;
        for (int u = 0; u < layer->units; u++) {
            const int16_t *row = w + (size_t)(row_of[s] * layer->units + u) * (size_t)width;
            for (int k = 0; k < width; k++)
                engine->columns[k] += row[k] * engine->back[u].delta[s];
        }
    }
}

static void add_sums(struct mr_int_layer *layer, const struct engine *engine, const int16_t *x,
                     const int16_t *h, const int16_t *reset) {
    for (int s = 0; s < layer->cell->sums; s++) {
        const int x_row = layer->cell->x_row[s], h_row = layer->cell->h_row[s];
        const int16_t *columns = s == layer->cell->second ? reset : h;

        for (int u = 0; u < layer->units; u++) {
            const int16_t delta = engine->back[u].delta[s];
            int64_t *to_x =
                layer->x.sum + (size_t)(x_row * layer->units + u) * (size_t)layer->inputs;
            int64_t *to_h =
                layer->h.sum + (size_t)(h_row * layer->units + u) * (size_t)layer->units;

            layer->bias.sum[s * layer->units + u] += delta;
            for (int k = 0; x_row >= 0 && k < layer->inputs; k++)
                to_x[k] += delta * x[k];
            for (int k = 0; h_row >= 0 && k < layer->units; k++)
                to_h[k] += delta * columns[k];
        }
    }
}

static void back_units(const struct mr_int_layer *layer, const struct layer *at,
                       const struct mr_int_batch *batch, size_t t, size_t b,
                       struct engine *engine) {
    const size_t here = place(batch, t, b, layer->units);
    const size_t next = place(batch, t + 1, b, layer->units);
    const uint32_t shift = mr_train_cell_shift(layer->state_scale, layer->delta_scale);

    for (int u = 0; u < layer->units; u++) {
        const union kept *kept = &at->kept[here + (size_t)u];
        const int32_t before = engine->before[u];
        const int32_t dh = at->from_above[here + (size_t)u] + engine->behind[u];
        train_back_t *back = &engine->back[u];

        switch (layer->kind) {
        case MR_TRAIN_LSTM:
            *back = lstm_train_backward(kept->lstm, lstm_train_squash(at->cell[next + (size_t)u]),
                                        dh, before, shift);
            break;
        case MR_TRAIN_GRU:
            *back = gru_train_backward(kept->gru, dh + before, shift);
            break;
        case MR_TRAIN_GRU_RESET_FIRST:
            *back = gru_reset_first_train_backward(kept->first, dh + before, shift);
            break;
        default:
            *back = rnn_train_backward(kept->h, dh, shift);
        }
    }
    if (layer->cell->second < 0)
        return;
    over_rows(layer, at->w_h, layer->cell->h_row, layer->units, layer->cell->second, -1, engine);
    for (int u = 0; u < layer->units; u++)
        engine->back[u] = gru_reset_first_train_reset(
            at->kept[here + (size_t)u].first, engine->back[u],
            mr_train_gradient(engine->columns[u],
                              mr_train_shift(layer->delta_scale, layer->state_scale)),
            shift);
}

static void back_step(struct mr_int_model *model, struct engine *engine,
                      const struct mr_int_batch *batch, int i, size_t t, size_t b) {
    struct mr_int_layer *layer = &model->layers[i];
    struct layer *at = &engine->at[i];

    back_units(layer, at, batch, t, b, engine);
    for (int u = 0; u < layer->units; u++) {
        layer->seen_state |= engine->back[u].seen_state;
        layer->seen_delta |= engine->back[u].seen_delta;
        engine->before[u] = engine->back[u].before;
    }
    add_sums(layer, engine, at->x + place(batch, t, b, layer->inputs),
             at->h + place(batch, t, b, layer->units),
             at->reset + place(batch, t, b, layer->units));
    over_rows(layer, at->w_h, layer->cell->h_row, layer->units, -1, layer->cell->second, engine);
    for (int u = 0; u < layer->units; u++)
        engine->behind[u] = mr_train_gradient(
            engine->columns[u], mr_train_shift(layer->delta_scale, layer->state_scale));
    if (i == 0)
        return;
    const size_t first = place(batch, t, b, layer->inputs);
    over_rows(layer, at->w_x, layer->cell->x_row, layer->inputs, -1, -1, engine);
    for (int k = 0; k < layer->inputs; k++) {
        const int32_t dx =
            mr_train_gradient(engine->columns[k],
                              mr_train_shift(layer->delta_scale, model->layers[i - 1].state_scale));
        engine->at[i - 1].from_above[first + (size_t)k] =
            model->keep < 65536 ? mr_train_dropped_back(
                                      dx, keeps(model, batch, i, first + (size_t)k), layer->factor)
                                : dx;
    }
}

static void back_layer(struct mr_int_model *model, struct engine *engine,
                       const struct mr_int_batch *batch, int i) {
    struct mr_int_layer *layer = &model->layers[i];

    clear(&layer->x);
    clear(&layer->h);
    clear(&layer->bias);
    layer->seen_state = layer->seen_delta = 0;
    for (size_t b = 0; b < batch->sequences; b++) {
        memset(engine->behind, 0, (size_t)layer->units * sizeof *engine->behind);
        memset(engine->before, 0, (size_t)layer->units * sizeof *engine->before);
        for (size_t t = batch->steps; t-- > 0;)
            back_step(model, engine, batch, i, t, b);
    }
}

static void run(void *opened, struct mr_int_model *model, const struct mr_int_batch *batch) {
    struct engine *engine = opened;

    for (int i = 0; i < model->layer_count; i++)
        forward_layer(model, engine, batch, i);
    run_head(model, engine, batch);
    for (int i = model->layer_count - 1; batch->learns && i >= 0; i--)
        back_layer(model, engine, batch, i);
}

static void update(void *opened, const struct mr_int_job *jobs, int count) {
    (void)opened;
    for (int i = 0; i < count; i++) {
        struct mr_int_tensor *tensor = jobs[i].tensor;
        for (size_t k = 0; k < tensor->count; k++)
            tensor->w[k] =
                mr_train_update(jobs[i].rule, tensor->sum[k], jobs[i].exponent, tensor->unit,
                                tensor->w[k], &tensor->m[k], &tensor->v[k]);
    }
}

const struct mr_int_engine mr_int_scalar = {"scalar", works,  engine_open,
                                            run,      update, engine_close};
