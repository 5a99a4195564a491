// SPDX-License-Identifier: Apache-2.0
// Builds a training engine and gives it its commands (int_device.h).
#include "int_device.h"

#include "build.h"
#include "failure.h"
#include "hls_build.h"
#include "loader.h"
#include "train_engine/shape.h"
#include "train_stages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOP "training_engine"

// Of the kernel, in the order of its ports.
enum scalar {
    COMMAND,
    STEPS,
    SEQUENCES,
    BATCHES,
    X_UNIT,
    Y_UNIT,
    CLIP,
    KEEP,
    FACTOR,
    DROP_UNIT,
    SCALARS
};
enum input { X, TARGET, RULES, KEYS, PARAMS_IN, INPUTS };
enum output { PARAMS_OUT, Y, OUTPUTS };

struct mr_int_device {
    struct mr_train_shape shape;
    struct mr_loaded *loaded;
    void *instance;
    struct mr_train_run_stages stages; // of RTL
    struct mr_train_cycles cycles;
};

// ---- opening

static int build(const struct mr_train_shape *shape, const struct mr_int_device_options *options,
                 bool rtl, struct mr_train_run_stages *stages, char *so_path, size_t so_size,
                 struct mr_error *error) {
    struct mr_hls_places places;
    char source[1200], gen_dir[PATH_MAX], report[PATH_MAX + 16], text[900];

    mr_train_source(shape, TOP, source, sizeof source);
    if (mr_hls_find(&places, text, sizeof text) != 0)
        return mr_failure(error, MR_ERROR_BUILD, "%s", text);
    const struct mr_hls_build compiled = {.source = source,
                                          .top = TOP,
                                          .places = &places,
                                          .sample = mr_train_sample,
                                          .notes = options->notes};
    const struct mr_build built = {.data_dir = places.data_dir,
                                   .gen_dir = gen_dir,
                                   .top = TOP,
                                   .cache_dir = places.cache_dir,
                                   .assertions = options->assertions,
                                   .merged = true,
                                   .notes = options->notes};
    if (mr_hls_name(&compiled, gen_dir, sizeof gen_dir, text, sizeof text) != 0 ||
        mr_hls_compile(&compiled, gen_dir, text, sizeof text) != 0 ||
        (rtl ? mr_build_rtl : mr_build_model)(&built, so_path, so_size, text, sizeof text) != 0)
        return mr_failure(error, MR_ERROR_BUILD, "%s", text);
    snprintf(report, sizeof report, "%s/report.json", gen_dir);
    return rtl ? mr_train_stages_of(shape, report, stages, error) : 0;
}

// That the kernel is the one whose ports are numbered above.
static bool has_ports(const struct mr_kernel *kernel) {
    static const char *const names[][SCALARS] = {
        [MR_PORT_SCALAR] = {[COMMAND] = "command",
                            [STEPS] = "steps",
                            [SEQUENCES] = "sequences",
                            [BATCHES] = "batches",
                            [X_UNIT] = "x_unit",
                            [Y_UNIT] = "y_unit",
                            [CLIP] = "clip",
                            [KEEP] = "keep",
                            [FACTOR] = "factor",
                            [DROP_UNIT] = "drop_unit"},
        [MR_PORT_IN] = {[X] = "x",
                        [TARGET] = "target",
                        [RULES] = "rules",
                        [KEYS] = "keys",
                        [PARAMS_IN] = "params_in"},
        [MR_PORT_OUT] = {[PARAMS_OUT] = "params_out", [Y] = "y"},
    };
    int next[] = {[MR_PORT_SCALAR] = 0, [MR_PORT_IN] = 0, [MR_PORT_OUT] = 0};

    for (uint32_t i = 0; i < kernel->port_count; i++) {
        const enum mr_port_kind kind = kernel->ports[i].kind;
        const char *name = next[kind] < SCALARS ? names[kind][next[kind]] : NULL;
        if (!name || strcmp(kernel->ports[i].name, name) != 0)
            return false;
        next[kind]++;
    }
    return kernel->port_count == INPUTS + OUTPUTS + SCALARS;
}

struct mr_int_device *mr_int_device_open(const struct mr_train_shape *shape,
                                         const struct mr_int_device_options *options,
                                         struct mr_error *error) {
    const bool rtl = strncmp(options->device, "sim:", 4) == 0;
    const struct mr_open_options open = {.idle_chance = options->idle_chance,
                                         .stall_chance = options->stall_chance,
                                         .seed = options->seed};
    char so_path[PATH_MAX], text[900];

    struct mr_train_run_stages stages = {0};
    if (build(shape, options, rtl, &stages, so_path, sizeof so_path, error) != 0)
        return NULL;
    struct mr_int_device *device = calloc(1, sizeof *device);
    if (!device) {
        mr_failure(error, MR_ERROR_MEMORY, "no memory for a training engine");
        return NULL;
    }
    device->shape = *shape;
    device->stages = stages;
    device->loaded = mr_kernel_load(so_path, text, sizeof text);
    const struct mr_kernel *kernel = device->loaded ? device->loaded->kernel : NULL;
    if (kernel && has_ports(kernel))
        device->instance = kernel->open(&open, text, sizeof text);
    else if (kernel)
        snprintf(text, sizeof text, "%.500s: these are not the ports of a training engine",
                 so_path);
    if (!device->instance) {
        mr_failure(error, MR_ERROR_DEVICE, "%s", text);
        mr_int_device_close(device);
        return NULL;
    }
    return device;
}

void mr_int_device_close(struct mr_int_device *device) {
    if (!device)
        return;
    if (device->instance)
        device->loaded->kernel->close(device->instance);
    mr_kernel_unload(device->loaded);
    free(device);
}

struct mr_train_cycles mr_int_device_cycles(const struct mr_int_device *device) {
    return device->cycles;
}

// ---- commands

struct call {
    uint64_t scalars[SCALARS];
    struct mr_stream_in in[INPUTS];
    struct mr_stream_out out[OUTPUTS];
    uint64_t cycles;
};

static int start(struct mr_int_device *device, const struct mr_int_model *model, struct call *call,
                 struct mr_error *error) {
    const struct mr_kernel *kernel = device->loaded->kernel;
    struct mr_run run = {.scalars = call->scalars, .in = call->in, .out = call->out};
    bool whole = true;
    char text[900];

    call->scalars[X_UNIT] = (uint64_t)model->layers[0].x_unit;
    call->scalars[Y_UNIT] = (uint64_t)model->y_unit;
    call->scalars[CLIP] = mr_int_number(model->options.clip);
    call->scalars[KEEP] = model->keep;
    call->scalars[FACTOR] = model->layers[0].factor;
    call->scalars[DROP_UNIT] = (uint64_t)model->layers[model->layer_count - 1].x_unit;
    if (kernel->run(device->instance, &run, text, sizeof text) != 0)
        return mr_failure(error, MR_ERROR_DEVICE, "the training engine failed: %s", text);
    for (int i = 0; i < INPUTS; i++)
        whole = whole && call->in[i].taken == call->in[i].count;
    for (int i = 0; i < OUTPUTS; i++)
        whole = whole && call->out[i].count == call->out[i].capacity;
    call->cycles = run.cycles;
    return whole ? 0
                 : mr_failure(error, MR_ERROR_DEVICE,
                              "the training engine did not take or give all of a run");
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

// The engine's words: LC weights, then as many m, then v. Behind those of the parameters a word of
// the scales of each layer.
static size_t words_of(const struct mr_train_shape *s) {
    return mr_train_param_words(s) + (size_t)s->layers;
}

static uint32_t *make_words(const struct mr_train_shape *s, struct mr_error *error) {
    uint32_t *words = calloc(words_of(s) * (size_t)s->lc * 3, sizeof *words);

    if (!words)
        mr_failure(error, MR_ERROR_MEMORY, "no memory for the weights of a training engine");
    return words;
}

// Of number i of the parameters its weight; m is LC further on, and v behind that.
static uint32_t *place_of(const struct mr_train_shape *s, uint32_t *words, size_t i) {
    const size_t lc = (size_t)s->lc;

    return words + i / lc * lc * 3 + i % lc;
}

int mr_int_device_load(struct mr_int_device *device, const struct mr_int_model *model,
                       struct mr_error *error) {
    const struct mr_train_shape *s = &device->shape;
    const size_t count = mr_train_param_words(s) * (size_t)s->lc, lc = (size_t)s->lc;
    uint32_t *words = make_words(s, error);

    if (!words)
        return MR_ERROR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const struct spot spot = spot_of(s, model, i);
        uint32_t *to = place_of(s, words, i);
        if (!spot.tensor)
            continue;
        to[0] = (uint32_t)spot.tensor->w[spot.at];
        to[lc] = spot.tensor->m[spot.at];
        to[lc * 2] = spot.tensor->v[spot.at];
    }
    for (int l = 0; l < s->layers; l++) {
        uint32_t *to = place_of(s, words, count + (size_t)l * lc);
        to[0] = (uint32_t)model->layers[l].state_scale;
        to[lc] = (uint32_t)model->layers[l].delta_scale;
    }
    struct call call = {.scalars = {[COMMAND] = TRAIN_LOAD, [STEPS] = 1, [BATCHES] = 1},
                        .in[PARAMS_IN] = {.data = words, .count = words_of(s)}};
    const int code = start(device, model, &call, error);
    free(words);
    return code;
}

int mr_int_device_read(struct mr_int_device *device, struct mr_int_model *model,
                       struct mr_error *error) {
    const struct mr_train_shape *s = &device->shape;
    const size_t count = mr_train_param_words(s) * (size_t)s->lc, lc = (size_t)s->lc;
    uint32_t *words = make_words(s, error);

    if (!words)
        return MR_ERROR_MEMORY;
    struct call call = {.scalars = {[COMMAND] = TRAIN_READ, [STEPS] = 1, [BATCHES] = 1},
                        .out[PARAMS_OUT] = {.data = words, .capacity = words_of(s)}};
    const int code = start(device, model, &call, error);
    for (size_t i = 0; code == 0 && i < count; i++) {
        const struct spot spot = spot_of(s, model, i);
        const uint32_t *from = place_of(s, words, i);
        if (!spot.tensor)
            continue;
        spot.tensor->w[spot.at] = (int32_t)from[0];
        spot.tensor->m[spot.at] = from[lc];
        spot.tensor->v[spot.at] = from[lc * 2];
    }
    for (int l = 0; code == 0 && l < s->layers; l++) {
        const uint32_t *from = place_of(s, words, count + (size_t)l * lc);
        model->layers[l].state_scale = (int32_t)from[0];
        model->layers[l].delta_scale = (int32_t)from[lc];
    }
    free(words);
    return code;
}

// ---- mini-batches

// What the streams of a run have of a mini-batch.
struct sizes {
    size_t x;       // numbers
    size_t targets; // of a row
    size_t outputs, rows;
};

struct buffers {
    int16_t *x;
    int32_t *targets, *outputs;
    unsigned char *rules;
    uint64_t *keys; // MR_ENGINE_LAYERS of each
};

static struct sizes sizes_of(const struct mr_train_shape *s, size_t steps) {
    return (struct sizes){.x = mr_train_column_words(s, steps) * (size_t)(s->nb * s->lc),
                          .targets = s->loss == MR_TRAIN_CE ? 1 : (size_t)s->outputs,
                          .outputs = (size_t)s->outputs,
                          .rows = (size_t)s->batch * (s->per_step ? steps : 1)};
}

// Rows of a mini-batch are sequence after sequence, those of an engine step after step, each of all
// its sequences. `numbers` of a row are copied to the engine's, or from them.
static void copy_rows(const struct mr_train_shape *s, const struct mr_int_batch *batch,
                      size_t numbers, int32_t *engine, int32_t *to, const int32_t *from) {
    const size_t steps = s->per_step ? batch->steps : 1;

    for (size_t b = 0; b < batch->sequences; b++)
        for (size_t t = 0; t < steps; t++) {
            const size_t here = (b * steps + t) * numbers;
            int32_t *there = engine + (t * (size_t)s->batch + b) * numbers;
            if (to)
                memcpy(to + here, there, numbers * sizeof *to);
            else
                memcpy(there, from + here, numbers * sizeof *from);
        }
}

static void free_buffers(struct buffers *b) {
    free(b->x);
    free(b->targets);
    free(b->outputs);
    free(b->rules);
    free(b->keys);
}

static int make_buffers(struct buffers *b, const struct sizes *of, size_t count,
                        struct mr_error *error) {
    *b = (struct buffers){.x = calloc(count * of->x, sizeof *b->x),
                          .targets = calloc(count * of->rows * of->targets, sizeof *b->targets),
                          .outputs = calloc(count * of->rows * of->outputs, sizeof *b->outputs),
                          .rules = calloc(count, MR_TRAIN_RULE_BYTES),
                          .keys = calloc(count * MR_ENGINE_LAYERS, sizeof *b->keys)};
    if (b->x && b->targets && b->outputs && b->rules && b->keys)
        return 0;
    free_buffers(b);
    return mr_failure(error, MR_ERROR_MEMORY, "no memory for the mini-batches of a training");
}

int mr_int_device_run(struct mr_int_device *device, const struct mr_int_model *model,
                      const struct mr_int_batch *batches, const train_rule_t *rules, size_t count,
                      struct mr_error *error) {
    const struct mr_train_shape *s = &device->shape;
    const size_t steps = batches->steps, sequences = batches->sequences;
    const struct sizes of = sizes_of(s, steps);
    struct buffers b;
    int code = make_buffers(&b, &of, count, error);

    if (code != 0)
        return code;
    for (size_t i = 0; i < count; i++) {
        mr_train_columns(s, batches[i].x, sequences, steps, b.x + i * of.x);
        if (!rules)
            continue;
        mr_train_rule(&rules[i], b.rules + i * MR_TRAIN_RULE_BYTES);
        for (int l = 0; s->drops && l < s->layers; l++)
            b.keys[i * MR_ENGINE_LAYERS + (size_t)l] = batches[i].keys[l];
        copy_rows(s, &batches[i], of.targets, b.targets + i * of.rows * of.targets, NULL,
                  batches[i].targets);
    }
    struct call call = {
        .scalars = {[COMMAND] = rules ? TRAIN_TRAIN : TRAIN_PREDICT,
                    [STEPS] = steps,
                    [SEQUENCES] = sequences,
                    [BATCHES] = count},
        .in = {[X] = {.data = b.x, .count = count * mr_train_column_words(s, steps)},
               [TARGET] = {.data = b.targets, .count = rules ? count * of.rows * of.targets : 0},
               [RULES] = {.data = b.rules, .count = rules ? count : 0},
               [KEYS] = {.data = b.keys, .count = rules ? count : 0}},
        .out[Y] = {.data = b.outputs, .capacity = count * of.rows * of.outputs}};
    code = start(device, model, &call, error);
    for (size_t i = 0; code == 0 && i < count; i++)
        copy_rows(s, &batches[i], of.outputs, b.outputs + i * of.rows * of.outputs,
                  batches[i].outputs, NULL);
    free_buffers(&b);
    device->cycles = (struct mr_train_cycles){
        call.cycles, call.cycles
                         ? mr_train_run_cycles(s, &device->stages, (int)steps, count, rules != NULL)
                         : 0};
    return code;
}
