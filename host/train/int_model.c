// SPDX-License-Identifier: Apache-2.0
// Weights, units and scales of a training in whole numbers (int_model.h).
#include "int_model.h"

#include "failure.h"
#include "op.h"
#include "train/fixed_point.h"
#include "train/gru.h"
#include "train/gru_reset_first.h"
#include "train/loss.h"
#include "train/lstm.h"
#include "train/rnn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WEIGHT_MOST = (1 << 23) - 1 };

static const struct mr_int_cell cells[] = {
    [MR_TRAIN_LSTM] = {lstm_TRAIN_GATES, lstm_TRAIN_SUMS, {0, 1, 2, 3}, {0, 1, 2, 3}, -1},
    [MR_TRAIN_GRU] = {gru_TRAIN_GATES, gru_TRAIN_SUMS, {0, 1, 2, -1}, {0, 1, -1, 2}, -1},
    [MR_TRAIN_GRU_RESET_FIRST] =
        {gru_reset_first_TRAIN_GATES, gru_reset_first_TRAIN_SUMS, {0, 1, 2}, {0, 1, 2}, 2},
    [MR_TRAIN_RNN_TANH] = {rnn_TRAIN_GATES, rnn_TRAIN_SUMS, {0}, {0}, -1},
};

// ---- memory

static bool make_tensor(struct mr_int_tensor *tensor, size_t count) {
    tensor->count = count;
    tensor->w = calloc(count, sizeof *tensor->w);
    tensor->m = calloc(count, sizeof *tensor->m);
    tensor->v = calloc(count, sizeof *tensor->v);
    tensor->sum = calloc(count, sizeof *tensor->sum);
    return tensor->w && tensor->m && tensor->v && tensor->sum;
}

static void free_tensor(struct mr_int_tensor *tensor) {
    free(tensor->w);
    free(tensor->m);
    free(tensor->v);
    free(tensor->sum);
}

// All tensors, in the order of their state: a layer's three, then the head's two.
static int tensor_count(const struct mr_int_model *model) {
    return 3 * model->layer_count + 2;
}

static struct mr_int_tensor *tensor_at(const struct mr_int_model *model, int i) {
    if (i >= 3 * model->layer_count)
        return (struct mr_int_tensor *)(i % 3 ? &model->bias : &model->w);
    struct mr_int_layer *layer = &model->layers[i / 3];
    return i % 3 == 0 ? &layer->x : i % 3 == 1 ? &layer->h : &layer->bias;
}

void mr_int_close(struct mr_int_model *model) {
    if (!model)
        return;
    for (int i = 0; model->layers && i < tensor_count(model); i++)
        free_tensor(tensor_at(model, i));
    free(model->layers);
    free(model->start);
    free(model);
}

// ---- opening

// The float weights of tensor i.
static float *floats_at(const struct mr_int_model *model, const struct mr_network *network, int i) {
    const int layer = i / 3;
    const struct mr_op *op =
        &network
             ->ops[layer < model->layer_count ? model->chain.layers[layer].op : model->chain.head];

    if (layer == model->layer_count)
        return i % 3 ? op->bias : op->w_x;
    return i % 3 == 0 ? op->w_x : i % 3 == 1 ? op->w_h : op->bias;
}

static int check(const struct mr_int_model *model, const struct mr_network *network,
                 struct mr_error *error) {
    const struct mr_train_chain *chain = &model->chain;
    const struct mr_trainer_options *options = &model->options;

    for (int i = 0; i < chain->layer_count; i++)
        if (chain->layers[i].cell == MR_TRAIN_RNN_RELU)
            return mr_failure(
                error, MR_ERROR_MODEL,
                "the layer %s has ReLU, whose values have no bound; in whole numbers "
                "RNN with tanh can be trained, or this one with the arithmetic float32",
                network->ops[chain->layers[i].op].name);
    if (options->loss == MR_TRAIN_MSE && chain->activation != MR_ACTIVATION_LINEAR)
        return mr_failure(error, MR_ERROR_MODEL,
                          "the head %s is not linear; with mean squared error in whole numbers it "
                          "must be, or the arithmetic is float32",
                          network->ops[chain->head].name);
    if (options->batch == 0 || options->steps == 0 ||
        options->batch > MR_INT_MOST_STEPS / options->steps)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "a mini-batch of %zu sequences of %zu steps is too large for whole "
                          "numbers: %d steps in all at most",
                          options->batch, options->steps, MR_INT_MOST_STEPS);
    return 0;
}

// Adam's factors as shares of 65536, so that what is kept and what is taken are 1 together.
static double decay(double beta) {
    return 1 - fmin(fmax(floor((1 - beta) * 65536 + 0.5), 1), 65536) / 65536;
}

static bool make_layers(struct mr_int_model *model) {
    const struct mr_train_chain *chain = &model->chain;
    const double kept = model->keep / 65536.0;
    int drop_unit = 0; // the least with 2^unit at least 1 / kept

    while (ldexp(kept, drop_unit) < 1)
        drop_unit++;
    model->layers = calloc((size_t)model->layer_count, sizeof *model->layers);
    if (!model->layers)
        return false;
    for (int i = 0; i < model->layer_count; i++) {
        const struct mr_train_layer *from = &chain->layers[i];
        struct mr_int_layer *layer = &model->layers[i];

        *layer =
            (struct mr_int_layer){.kind = from->cell,
                                  .cell = &cells[from->cell],
                                  .inputs = from->inputs,
                                  .units = from->units,
                                  .x_unit = i ? drop_unit : 0,
                                  .factor = (uint32_t)floor(ldexp(1 / kept, 16 - drop_unit) + 0.5),
                                  .state_scale = 26,
                                  .delta_scale = 20};
        const size_t rows = (size_t)layer->cell->gates * (size_t)layer->units;
        if (!make_tensor(&layer->x, rows * (size_t)layer->inputs) ||
            !make_tensor(&layer->h, rows * (size_t)layer->units) ||
            !make_tensor(&layer->bias, (size_t)(layer->cell->sums * layer->units)))
            return false;
    }
    const size_t width = (size_t)model->layers[model->layer_count - 1].units;
    return make_tensor(&model->w, (size_t)model->outputs * width) &&
           make_tensor(&model->bias, (size_t)model->outputs);
}

static size_t parameters(const struct mr_int_model *model) {
    size_t count = 0;

    for (int i = 0; i < tensor_count(model); i++)
        count += tensor_at(model, i)->count;
    return count;
}

static int make(struct mr_int_model *model, const struct mr_network *network,
                const struct mr_trainer_options *options, struct mr_error *error) {
    int code = mr_train_chain_of(network, options->loss, &model->chain, error);

    model->options = *options;
    model->options.device = NULL;
    if (code == 0)
        code = check(model, network, error);
    if (code != 0)
        return code;
    model->layer_count = model->chain.layer_count;
    model->outputs = model->chain.outputs;
    model->per_step = model->chain.per_step;
    model->keep = (uint32_t)fmax(floor((1 - options->dropout) * 65536 + 0.5), 1);
    model->beta1 = options->optimiser == MR_TRAIN_ADAM ? decay(options->beta1) : options->momentum;
    model->beta2 = decay(options->beta2);
    model->power1 = model->power2 = 1;
    if (make_layers(model))
        model->start = malloc(parameters(model) * sizeof *model->start);
    if (!model->start)
        return mr_failure(error, MR_ERROR_MEMORY, "no memory for the weights of a training");
    float *at = model->start;
    for (int i = 0; i < tensor_count(model); i++) {
        const size_t count = tensor_at(model, i)->count;
        memcpy(at, floats_at(model, network, i), count * sizeof *at);
        at += count;
    }
    mr_int_settle(model, 1, 0);
    model->settled = false;
    return 0;
}

struct mr_int_model *mr_int_open(const struct mr_network *network,
                                 const struct mr_trainer_options *options, struct mr_error *error) {
    struct mr_int_model *model = calloc(1, sizeof *model);

    if (!model) {
        mr_failure(error, MR_ERROR_MEMORY, "no memory for a training");
    } else if (make(model, network, options, error) != 0) {
        mr_int_close(model);
        model = NULL;
    }
    return model;
}

// ---- units

static void set_units(struct mr_int_model *model) {
    const int y = model->y_unit;

    for (int i = 0; i < model->layer_count; i++) {
        struct mr_int_layer *layer = &model->layers[i];

        layer->x.unit = -layer->x_unit;
        layer->x.from = 2 * y + layer->x_unit - 15;
        layer->h.from = 2 * y - 15;
        layer->bias.from = 2 * y;
    }
    model->w.unit = model->bias.unit = y;
    model->w.from = y - 35;
    model->bias.from = y - 20;
}

// The least exponent, not below 0, with value <= most 2^exponent.
static int exponent_of(double value, double most) {
    int exponent = 0;

    while (exponent < 60 && value > ldexp(most, exponent))
        exponent++;
    return exponent;
}

void mr_int_settle(struct mr_int_model *model, double x, double y) {
    const float *from = model->start;

    model->layers[0].x_unit = exponent_of(x, 1);
    // Outputs reach to 8: half of that for the greatest target.
    model->y_unit = model->options.loss == MR_TRAIN_MSE ? exponent_of(y, 4) : 0;
    model->settled = true;
    set_units(model);
    for (int i = 0; i < tensor_count(model); i++) {
        struct mr_int_tensor *tensor = tensor_at(model, i);

        for (size_t k = 0; k < tensor->count; k++)
            tensor->w[k] = (int32_t)fmin(
                fmax(floor(ldexp((double)from[k], 20 - tensor->unit) + 0.5), -WEIGHT_MOST - 1),
                WEIGHT_MOST);
        from += tensor->count;
    }
}

bool mr_int_rescale(struct mr_int_model *model) {
    int32_t above = 31;
    bool changed = false;

    for (int i = model->layer_count - 1; i >= 0; i--) {
        struct mr_int_layer *layer = &model->layers[i];
        int32_t state = mr_next_state_scale(layer->state_scale, layer->seen_state, above);
        const int32_t delta = mr_next_delta_scale(layer->delta_scale, layer->seen_delta, &state);

        changed = changed || state != layer->state_scale || delta != layer->delta_scale;
        layer->state_scale = state;
        layer->delta_scale = delta;
        above = delta + 11;
    }
    return changed;
}

// ---- the head

// What all shares of a softmax have in common.
struct shares {
    int32_t greatest;
    reciprocal_t reciprocal; // of the terms' sum
};

static struct shares shares_of(int count, const int32_t *outputs) {
    struct shares all = {.greatest = outputs[0]};
    uint64_t sum = 0;

    for (int k = 1; k < count; k++)
        all.greatest = outputs[k] > all.greatest ? outputs[k] : all.greatest;
    for (int k = 0; k < count; k++)
        sum += mr_train_term_q40(mr_train_term(all.greatest, outputs[k]));
    all.reciprocal = mr_reciprocal_of(sum, 16);
    return all;
}

static int32_t share_of(struct shares all, int32_t output) {
    return mr_train_share(mr_train_term(all.greatest, output), all.reciprocal);
}

void mr_int_errors(const struct mr_int_model *model, const int32_t *outputs, const int32_t *target,
                   int32_t *errors) {
    if (model->options.loss == MR_TRAIN_CE) {
        const struct shares all = shares_of(model->outputs, outputs);
        for (int k = 0; k < model->outputs; k++)
            errors[k] = share_of(all, outputs[k]) - (k == *target ? 1 << 20 : 0);
        return;
    }
    for (int k = 0; k < model->outputs; k++)
        errors[k] = mr_train_error(
            model->options.loss == MR_TRAIN_BCE ? mr_train_probability(outputs[k]) : outputs[k],
            target[k]);
}

void mr_int_values(const struct mr_int_model *model, const int32_t *outputs, float *y) {
    const bool softmax = model->chain.softmax;
    const bool sigmoid = model->chain.activation == MR_ACTIVATION_SIGMOID;
    const struct shares all = shares_of(model->outputs, outputs);

    for (int k = 0; k < model->outputs; k++)
        y[k] = (float)ldexp(softmax   ? share_of(all, outputs[k])
                            : sigmoid ? mr_train_probability(outputs[k])
                                      : outputs[k],
                            model->y_unit - 20);
}

// ---- the update

uint32_t mr_int_number(double x) {
    int exponent;
    const double m = floor(frexp(fabs(x), &exponent) * 65536 + 0.5);
    number_t n = {x < 0, (int16_t)(exponent - 1), 0};

    if (m >= 65536) {
        n.mantissa = 0x8000;
        n.exponent++;
    } else {
        n.mantissa = (uint16_t)m;
    }
    return mr_number_pack(n);
}

train_rule_t mr_int_next_rule(struct mr_int_model *model, size_t sequences, size_t steps,
                              double rate) {
    const struct mr_trainer_options *options = &model->options;
    const bool adam = options->optimiser == MR_TRAIN_ADAM;
    const double rows = (double)mr_int_rows(model, sequences, steps);
    const double numbers = rows * (options->loss == MR_TRAIN_CE ? 1 : (double)model->outputs);

    model->steps++;
    model->power1 *= model->beta1;
    model->power2 *= model->beta2;
    const double first = adam ? rate * sqrt(1 - model->power2) / (1 - model->power1) : rate;
    return (train_rule_t){
        .scale = mr_int_number((options->loss == MR_TRAIN_MSE ? 2 : 1) / numbers),
        .l2 = mr_int_number(options->l2),
        .keep_m = mr_int_number(model->beta1),
        .take_m = mr_int_number(adam ? 1 - model->beta1 : 1),
        .keep_v = mr_int_number(model->beta2),
        .take_v = mr_int_number(1 - model->beta2),
        .floor = mr_int_number(options->epsilon * options->epsilon * (1 - model->power2)),
        .rate = mr_int_number(first),
        .adam = adam,
    };
}

train_rule_t mr_int_no_rule(const struct mr_int_model *model) {
    const uint32_t one = mr_int_number(1);

    return (train_rule_t){.scale = one,
                          .keep_m = one,
                          .keep_v = one,
                          .floor = one,
                          .adam = model->options.optimiser == MR_TRAIN_ADAM};
}

// Of a tensor's sums.
static int32_t exponent_at(const struct mr_int_model *model, int i) {
    return tensor_at(model, i)->from -
           (i < 3 * model->layer_count ? model->layers[i / 3].delta_scale : 0);
}

static uint64_t squares(const struct mr_int_model *model, train_rule_t rule) {
    uint64_t sum = 0;

    for (int i = 0; i < tensor_count(model); i++) {
        const struct mr_int_tensor *tensor = tensor_at(model, i);
        for (size_t k = 0; k < tensor->count; k++) {
            sum += mr_train_square(rule, tensor->sum[k], exponent_at(model, i));
            sum = sum > TRAIN_MOST_SQUARES ? TRAIN_MOST_SQUARES : sum;
        }
    }
    return sum;
}

void mr_int_update(struct mr_int_model *model, const struct mr_int_engine *with, void *engine,
                   train_rule_t rule) {
    if (model->options.clip > 0)
        rule.scale =
            mr_train_clip(squares(model, rule), mr_int_number(model->options.clip), rule.scale);
    struct mr_int_job jobs[3 * MR_MAX_LAYERS + 2];
    for (int i = 0; i < tensor_count(model); i++) {
        struct mr_int_tensor *tensor = tensor_at(model, i);
        jobs[i] = (struct mr_int_job){tensor, rule, exponent_at(model, i)};
    }
    with->update(engine, jobs, tensor_count(model));
}

size_t mr_int_at_the_end(const struct mr_int_model *model) {
    size_t count = 0;

    for (int i = 0; i < tensor_count(model); i++)
        for (size_t k = 0; k < tensor_at(model, i)->count; k++) {
            const int32_t w = tensor_at(model, i)->w[k];
            count += w == WEIGHT_MOST || w == -WEIGHT_MOST - 1;
        }
    return count;
}

// ---- state

struct state_head {
    char name[8];
    uint64_t steps;
    double power1, power2;
    int32_t settled, x_unit, y_unit, layers;
};

static const char state_name[8] = "mr int1";

size_t mr_int_state_size(const struct mr_int_model *model) {
    return sizeof(struct state_head) + (size_t)model->layer_count * 2 * sizeof(int32_t) +
           parameters(model) * 3 * sizeof(int32_t);
}

static void take(void *to, const unsigned char **from, size_t size) {
    memcpy(to, *from, size);
    *from += size;
}

static void give(unsigned char **to, const void *from, size_t size) {
    memcpy(*to, from, size);
    *to += size;
}

void mr_int_read_state(const struct mr_int_model *model, void *bytes) {
    unsigned char *to = bytes;
    struct state_head head = {.steps = model->steps,
                              .power1 = model->power1,
                              .power2 = model->power2,
                              .settled = model->settled,
                              .x_unit = model->layers[0].x_unit,
                              .y_unit = model->y_unit,
                              .layers = model->layer_count};

    memcpy(head.name, state_name, sizeof head.name);
    give(&to, &head, sizeof head);
    for (int i = 0; i < model->layer_count; i++) {
        give(&to, &model->layers[i].state_scale, sizeof(int32_t));
        give(&to, &model->layers[i].delta_scale, sizeof(int32_t));
    }
    for (int i = 0; i < tensor_count(model); i++) {
        const struct mr_int_tensor *tensor = tensor_at(model, i);
        give(&to, tensor->w, tensor->count * sizeof *tensor->w);
        give(&to, tensor->m, tensor->count * sizeof *tensor->m);
        give(&to, tensor->v, tensor->count * sizeof *tensor->v);
    }
}

static bool is_good(const struct mr_int_model *model, const unsigned char *bytes, size_t size) {
    struct state_head head;
    int32_t above = 31;

    if (size != mr_int_state_size(model))
        return false;
    take(&head, &bytes, sizeof head);
    if (memcmp(head.name, state_name, sizeof head.name) != 0 || head.layers != model->layer_count ||
        !(head.power1 >= 0 && head.power1 <= 1 && head.power2 >= 0 && head.power2 <= 1) ||
        head.x_unit < 0 || head.x_unit > 60 || head.y_unit < 0 || head.y_unit > 60)
        return false;
    int32_t scales[2 * MR_MAX_LAYERS];
    take(scales, &bytes, (size_t)model->layer_count * 2 * sizeof *scales);
    for (int i = model->layer_count - 1; i >= 0; i--) {
        const int32_t state = scales[2 * i], delta = scales[2 * i + 1];
        if (state < 0 || state > 60 || delta < -11 || delta > 60 || state > above ||
            delta > state + 14 || state > delta + 11)
            return false;
        above = delta + 11;
    }
    for (int i = 0; i < tensor_count(model); i++) {
        for (size_t part = 0; part < 3; part++) {
            for (size_t k = 0; k < tensor_at(model, i)->count; k++) {
                int32_t x;
                take(&x, &bytes, sizeof x);
                // m and v are 24 bits, v without a sign
                if (part == 0 ? x < -WEIGHT_MOST - 1 || x > WEIGHT_MOST
                              : x < 0 || x >> (part == 1 ? 24 : 23) != 0)
                    return false;
            }
        }
    }
    return true;
}

int mr_int_write_state(struct mr_int_model *model, const void *bytes, size_t size,
                       struct mr_error *error) {
    const unsigned char *from = bytes;
    struct state_head head;

    if (!is_good(model, from, size))
        return mr_failure(error, MR_ERROR_INPUT,
                          "the state of the training is not one of this network in whole numbers");
    take(&head, &from, sizeof head);
    model->steps = head.steps;
    model->power1 = head.power1;
    model->power2 = head.power2;
    model->settled = head.settled != 0;
    model->layers[0].x_unit = head.x_unit;
    model->y_unit = head.y_unit;
    for (int i = 0; i < model->layer_count; i++) {
        take(&model->layers[i].state_scale, &from, sizeof(int32_t));
        take(&model->layers[i].delta_scale, &from, sizeof(int32_t));
    }
    set_units(model);
    for (int i = 0; i < tensor_count(model); i++) {
        struct mr_int_tensor *tensor = tensor_at(model, i);
        take(tensor->w, &from, tensor->count * sizeof *tensor->w);
        take(tensor->m, &from, tensor->count * sizeof *tensor->m);
        take(tensor->v, &from, tensor->count * sizeof *tensor->v);
    }
    return 0;
}

void mr_int_weights(const struct mr_int_model *model, struct mr_network *network) {
    for (int i = 0; i < tensor_count(model); i++) {
        const struct mr_int_tensor *tensor = tensor_at(model, i);
        float *to = floats_at(model, network, i);

        for (size_t k = 0; k < tensor->count; k++)
            to[k] = (float)ldexp(tensor->w[k], tensor->unit - 20);
    }
}
