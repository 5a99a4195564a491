// SPDX-License-Identifier: Apache-2.0
// Opens a training engine as a device of the driver's, and gives it its commands (int_device.h).
#include "int_device.h"

#include "failure.h"
#include "train_build.h"

#include <stdlib.h>
#include <string.h>

struct mr_int_device {
    struct mr_train_shape shape;
    struct mr_device *device;
    struct mr_train_run_stages stages;
    struct mr_train_cycles cycles;
};

// ---- opening

struct mr_int_device *mr_int_device_open(const struct mr_train_shape *shape,
                                         const struct mr_int_device_options *options,
                                         struct mr_error *error) {
    const struct mr_device_options wanted = {.idle_chance = options->idle_chance,
                                             .stall_chance = options->stall_chance,
                                             .seed = options->seed};
    struct mr_int_device *device = calloc(1, sizeof *device);
    struct mr_train_built built;
    struct mr_image image;

    if (!device) {
        mr_failure(error, MR_ERROR_MEMORY, "no memory for a training engine");
        return NULL;
    }
    device->shape = *shape;
    if (mr_train_build(shape, options, &built, &image, error) == 0)
        device->device = mr_device_open(options->device, &image, &wanted, error);
    if (!device->device) {
        free(device);
        return NULL;
    }
    device->stages = built.stages;
    return device;
}

void mr_int_device_close(struct mr_int_device *device) {
    if (!device)
        return;
    mr_device_close(device->device);
    free(device);
}

struct mr_train_cycles mr_int_device_cycles(const struct mr_int_device *device) {
    return device->cycles;
}

// ---- parameters

// Where a number of the engine's parameters is in the model; no tensor: padding.
struct spot {
    const struct mr_int_tensor *tensor;
    size_t at;
};

static struct spot spot_of(const struct mr_train_shape *s, const struct mr_int_model *m,
                           size_t number) {
    const struct mr_train_place at = mr_train_place_of(s, number);
    const struct mr_int_layer *layer = &m->layers[at.part <= MR_TRAIN_BIAS ? at.layer : 0];
    const size_t row = (size_t)(at.gate * layer->units + at.unit), column = (size_t)at.column;

    switch (at.part) {
    case MR_TRAIN_OVER_X:
        return (struct spot){&layer->x, row * (size_t)layer->inputs + column};
    case MR_TRAIN_OVER_H:
        return (struct spot){&layer->h, row * (size_t)layer->units + column};
    case MR_TRAIN_BIAS:
        return (struct spot){&layer->bias, row};
    case MR_TRAIN_HEAD:
        return (struct spot){&m->w, (size_t)(at.unit * s->width[s->layers]) + column};
    case MR_TRAIN_HEAD_BIAS:
        return (struct spot){&m->bias, (size_t)at.unit};
    default:
        return (struct spot){0};
    }
}

// The engine's words: LC weights, then as many m, then v, to the end of a beat. Behind those of the
// parameters a word of the scales of each layer.
struct words {
    uint32_t *numbers;
    size_t of_word, lc, parameters; // numbers of a word, parameters of it, and all
    size_t beats;
};

static int make_words(const struct mr_train_shape *s, struct words *words, struct mr_error *error) {
    const size_t count = mr_train_param_words(s), beats = mr_train_param_beats(s);

    *words = (struct words){.of_word = beats * (MR_BEAT_BYTES / sizeof *words->numbers),
                            .lc = (size_t)s->lc,
                            .parameters = count * (size_t)s->lc,
                            .beats = (count + (size_t)s->layers) * beats};
    words->numbers = calloc(words->beats, MR_BEAT_BYTES);
    return words->numbers ? 0
                          : mr_failure(error, MR_ERROR_MEMORY,
                                       "no memory for the weights of a training engine");
}

// Of number i of the parameters its weight; m is LC further on, and v behind that.
static uint32_t *place_of(const struct words *words, size_t i) {
    return words->numbers + i / words->lc * words->of_word + i % words->lc;
}

static uint32_t *scales_of(const struct words *words, int layer) {
    return place_of(words, words->parameters + (size_t)layer * words->lc);
}

// As the engine takes them (engine.h).
static int load_settings(struct mr_int_device *device, const struct mr_int_model *model,
                         struct mr_error *error) {
    const uint32_t numbers[] = {mr_int_number(model->options.clip), model->keep,
                                model->layers[0].factor};
    uint16_t beat[MR_BEAT_BYTES / 2] = {(uint16_t)model->layers[0].x_unit, (uint16_t)model->y_unit,
                                        (uint16_t)model->layers[model->layer_count - 1].x_unit};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        beat[4 + 2 * i] = (uint16_t)numbers[i];
        beat[5 + 2 * i] = (uint16_t)(numbers[i] >> 16);
    }
    return mr_device_load_weights(device->device, beat, 1, error);
}

int mr_int_device_load(struct mr_int_device *device, const struct mr_int_model *model,
                       struct mr_error *error) {
    const struct mr_train_shape *s = &device->shape;
    struct words words;
    int code = make_words(s, &words, error);

    if (code != 0)
        return code;
    for (size_t i = 0; i < words.parameters; i++) {
        const struct spot spot = spot_of(s, model, i);
        uint32_t *to = place_of(&words, i);
        if (!spot.tensor)
            continue;
        to[0] = (uint32_t)spot.tensor->w[spot.at];
        to[words.lc] = spot.tensor->m[spot.at];
        to[words.lc * 2] = spot.tensor->v[spot.at];
    }
    for (int l = 0; l < s->layers; l++) {
        uint32_t *to = scales_of(&words, l);
        to[0] = (uint32_t)model->layers[l].state_scale;
        to[words.lc] = (uint32_t)model->layers[l].delta_scale;
    }
    code = load_settings(device, model, error);
    if (code == 0)
        code = mr_device_write_state(device->device, words.numbers, words.beats, error);
    free(words.numbers);
    return code;
}

int mr_int_device_read(struct mr_int_device *device, struct mr_int_model *model,
                       struct mr_error *error) {
    const struct mr_train_shape *s = &device->shape;
    struct words words;
    int code = make_words(s, &words, error);

    if (code != 0)
        return code;
    code = mr_device_read_state(device->device, words.numbers, words.beats, error);
    for (size_t i = 0; code == 0 && i < words.parameters; i++) {
        const struct spot spot = spot_of(s, model, i);
        const uint32_t *from = place_of(&words, i);
        if (!spot.tensor)
            continue;
        spot.tensor->w[spot.at] = (int32_t)from[0];
        spot.tensor->m[spot.at] = from[words.lc];
        spot.tensor->v[spot.at] = from[words.lc * 2];
    }
    for (int l = 0; code == 0 && l < s->layers; l++) {
        const uint32_t *from = scales_of(&words, l);
        model->layers[l].state_scale = (int32_t)from[0];
        model->layers[l].delta_scale = (int32_t)from[words.lc];
    }
    free(words.numbers);
    return code;
}

// ---- mini-batches

// Where a row of a mini-batch is among those of an engine: rows of a mini-batch are sequence after
// sequence, those of an engine step after step, each of all its sequences.
static size_t row_of(const struct mr_train_shape *s, size_t sequence, size_t step) {
    return step * (size_t)s->batch + sequence;
}

static void take_targets(const struct mr_train_shape *s, const struct mr_int_batch *batch,
                         int16_t *elements) {
    const size_t numbers = s->loss == MR_TRAIN_CE ? 1 : (size_t)s->outputs;
    const size_t steps = s->per_step ? batch->steps : 1, width = mr_train_element_numbers(s);

    for (size_t b = 0; b < batch->sequences; b++)
        for (size_t t = 0; t < steps; t++)
            for (size_t k = 0; k < numbers; k++)
                mr_train_number(s, (uint32_t)batch->targets[(b * steps + t) * numbers + k],
                                elements + (row_of(s, b, t) * numbers + k) * width);
}

static void give_outputs(const struct mr_train_shape *s, const struct mr_int_batch *batch,
                         const int32_t *outputs) {
    const size_t numbers = (size_t)s->outputs, steps = s->per_step ? batch->steps : 1;

    for (size_t b = 0; b < batch->sequences; b++)
        for (size_t t = 0; t < steps; t++)
            memcpy(batch->outputs + (b * steps + t) * numbers, outputs + row_of(s, b, t) * numbers,
                   numbers * sizeof *outputs);
}

int mr_int_device_run(struct mr_int_device *device, const struct mr_int_batch *batches,
                      const train_rule_t *rules, size_t count, struct mr_error *error) {
    static const uint64_t no_keys[MR_ENGINE_LAYERS];
    const struct mr_train_shape *s = &device->shape;
    const size_t steps = batches->steps, sequences = batches->sequences;
    const size_t elements = mr_train_elements(s, steps, rules != NULL);
    const size_t numbers = elements * mr_train_element_numbers(s);
    const size_t outputs = (size_t)s->batch * (s->per_step ? steps : 1) * (size_t)s->outputs;
    int16_t *x = calloc(count * numbers, sizeof *x);
    int32_t *y = calloc(count * outputs, sizeof *y);
    int code =
        x && y ? 0
               : mr_failure(error, MR_ERROR_MEMORY, "no memory for the mini-batches of a training");

    for (size_t i = 0; code == 0 && i < count; i++) {
        int16_t *to = x + i * numbers;
        if (rules)
            to = mr_train_tell(s, &rules[i], s->drops ? batches[i].keys : no_keys, to);
        to = mr_train_columns(s, batches[i].x, sequences, steps, to);
        if (rules)
            take_targets(s, &batches[i], to);
    }
    // Of the driver's a mini-batch is a sequence.
    struct mr_job job = {.sequences = (uint32_t)count,
                         .steps = (uint32_t)steps,
                         .flags = rules ? (uint32_t)sequences << MR_FLAGS_OWN : 0,
                         .in[0] = {.name = "x", .data = x, .count = count * elements},
                         .out[0] = {.name = "y", .data = y, .count = count * outputs}};
    if (code == 0)
        code = mr_device_run(device->device, &job, error);
    for (size_t i = 0; code == 0 && i < count; i++)
        give_outputs(s, &batches[i], y + i * outputs);
    free(x);
    free(y);
    device->cycles = (struct mr_train_cycles){
        job.cycles,
        job.cycles ? mr_train_run_cycles(s, &device->stages, (int)steps, count, rules != NULL) : 0,
        job.cycles ? (double)count * (double)mr_train_products(s, sequences, steps, rules != NULL) /
                         mr_train_lanes(s)
                   : 0};
    return code;
}
