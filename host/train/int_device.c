// SPDX-License-Identifier: Apache-2.0
// Opens a training engine as a device of the driver's, and gives it its commands (int_device.h).
#include "int_device.h"

#include "clock.h"
#include "failure.h"
#include "train_build.h"

#include <stdlib.h>
#include <string.h>

// Of the time of a run, in which the host packs and moves the next one, what it does between two
// (50 to 100 us) shall be a few hundredths; and no run takes more memory than that.
enum { RUN_US = 5000, RUN_BYTES = 16 << 20, RUN_MOST = 1024 };

// Mini-batches that go to the engine together.
struct run {
    struct mr_job job;
    bool learns;
    size_t count;
    struct mr_int_batch *batches; // what they are, and where their outputs go
    int16_t *x;
    int32_t *y;
    size_t of_x, of_y;                 // numbers of a mini-batch
    size_t batch_room, x_room, y_room; // of the lists
};

struct mr_int_device {
    struct mr_train_shape shape;
    struct mr_device *device;
    struct mr_workers *workers; // or NULL
    struct mr_train_run_stages stages;
    // A ring: those under way, then the one that is packed.
    struct run runs[MR_JOBS_AHEAD];
    unsigned oldest, under_way;
    size_t most, limit;               // mini-batches of a run, and of the next one that is sent
    struct mr_train_cycles cycles[2]; // of runs that predicted, and that learned
};

// ---- opening

static size_t most_of(const struct mr_train_shape *s) {
    const uint64_t cycles = mr_train_cycles(s, s->steps, true);
    const size_t bytes =
        mr_train_elements(s, (size_t)s->steps, true) * mr_train_element_numbers(s) * 2;
    const size_t by_time = (size_t)(RUN_US * (uint64_t)MR_CLOCK_MHZ / cycles) + 1;
    const size_t by_memory = RUN_BYTES / bytes + 1;
    const size_t most = by_time < by_memory ? by_time : by_memory;

    return most < RUN_MOST ? most : RUN_MOST;
}

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
    device->most = options->run ? options->run : most_of(shape);
    device->limit = 1;
    device->workers = options->workers;
    return device;
}

void mr_int_device_close(struct mr_int_device *device) {
    if (!device)
        return;
    mr_device_close(device->device);
    for (unsigned i = 0; i < MR_JOBS_AHEAD; i++) {
        free(device->runs[i].batches);
        free(device->runs[i].x);
        free(device->runs[i].y);
    }
    free(device);
}

struct mr_train_cycles mr_int_device_cycles(const struct mr_int_device *device, bool learned) {
    return device->cycles[learned];
}

size_t mr_int_device_waiting(const struct mr_int_device *device) {
    size_t count = 0;

    for (unsigned i = 0; i < MR_JOBS_AHEAD; i++)
        count += device->runs[i].count;
    return count;
}

size_t mr_int_device_most_waiting(const struct mr_int_device *device) {
    return MR_JOBS_AHEAD * device->most;
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

// Does such a mini-batch go on in this run, whose flags tell the sequences that are learned of?
static bool is_like(const struct run *run, const struct mr_int_batch *batch, bool learns) {
    return run->learns == learns && run->batches->steps == batch->steps &&
           (!learns || run->batches->sequences == batch->sequences);
}

static void *grow(void *memory, size_t *room, size_t count, size_t size) {
    if (count <= *room)
        return memory;
    void *more = realloc(memory, 2 * count * size);
    if (more)
        *room = 2 * count;
    return more;
}

// Room for one more mini-batch, of as many numbers of x and y as those before.
static int make_room(struct run *run, size_t x, size_t y, struct mr_error *error) {
    const size_t count = run->count + 1;
    struct mr_int_batch *batches =
        grow(run->batches, &run->batch_room, count, sizeof *run->batches);

    run->batches = batches ? batches : run->batches;
    int16_t *more_x = grow(run->x, &run->x_room, count * x, sizeof *run->x);
    run->x = more_x ? more_x : run->x;
    int32_t *more_y = grow(run->y, &run->y_room, count * y, sizeof *run->y);
    run->y = more_y ? more_y : run->y;
    return batches && more_x && more_y
               ? 0
               : mr_failure(error, MR_ERROR_MEMORY, "no memory for the mini-batches of a training");
}

// The columns of a mini-batch, by parts of its steps.
struct packing {
    const struct mr_train_shape *shape;
    const struct mr_int_batch *batch;
    int16_t *to;
    size_t of_step, parts;
};

static void pack_part(void *context, size_t part, size_t worker) {
    const struct packing *p = context;
    const size_t steps = p->batch->steps, row = p->batch->sequences * (size_t)p->shape->width[0];
    const size_t first = steps * part / p->parts, next = steps * (part + 1) / p->parts;

    (void)worker;
    (void)mr_train_columns(p->shape, p->batch->x + first * row, p->batch->sequences, next - first,
                           p->to + first * p->of_step);
}

static int16_t *pack_columns(const struct mr_int_device *device, const struct mr_int_batch *batch,
                             int16_t *to) {
    const struct mr_train_shape *s = &device->shape;
    struct packing packing = {.shape = s,
                              .batch = batch,
                              .to = to,
                              .of_step =
                                  mr_train_elements(s, 1, false) * mr_train_element_numbers(s),
                              .parts = device->workers ? mr_workers_count(device->workers) : 1};

    if (device->workers)
        mr_workers_run(device->workers, packing.parts, pack_part, &packing);
    else
        pack_part(&packing, 0, 0);
    return to + batch->steps * packing.of_step;
}

static int pack(const struct mr_int_device *device, struct run *run,
                const struct mr_int_batch *batch, const train_rule_t *rule,
                struct mr_error *error) {
    static const uint64_t no_keys[MR_ENGINE_LAYERS];
    const struct mr_train_shape *s = &device->shape;
    const size_t x = mr_train_elements(s, batch->steps, rule != NULL) * mr_train_element_numbers(s);
    const size_t y = (size_t)s->batch * (s->per_step ? batch->steps : 1) * (size_t)s->outputs;

    if (make_room(run, x, y, error) != 0)
        return MR_ERROR_MEMORY;
    int16_t *to = run->x + run->count * x, *const end = to + x;
    if (rule)
        to = mr_train_tell(s, rule, s->drops ? batch->keys : no_keys, to);
    to = pack_columns(device, batch, to);
    memset(to, 0, (size_t)(end - to) * sizeof *to); // targets of sequences that are not there
    if (rule)
        take_targets(s, batch, to);
    run->batches[run->count++] = *batch;
    run->learns = rule != NULL;
    run->of_x = x;
    run->of_y = y;
    return 0;
}

static struct run *run_at(struct mr_int_device *device, unsigned place) {
    return &device->runs[(device->oldest + place) % MR_JOBS_AHEAD];
}

// After a failure, whose code it gives.
static int give_up(struct mr_int_device *device, int code) {
    for (unsigned i = 0; i < MR_JOBS_AHEAD; i++)
        device->runs[i].count = 0;
    device->under_way = 0;
    device->limit = 1;
    return code;
}

// Sends the run that is packed. The first ones are short, so that the engine begins soon.
static int send_run(struct mr_int_device *device, struct mr_error *error) {
    struct run *run = run_at(device, device->under_way);
    const size_t numbers = mr_train_element_numbers(&device->shape);

    // Of the driver's a mini-batch is a sequence.
    run->job = (struct mr_job){
        .sequences = (uint32_t)run->count,
        .steps = (uint32_t)run->batches->steps,
        .flags = run->learns ? (uint32_t)run->batches->sequences << MR_FLAGS_OWN : 0,
        .in[0] = {.name = "x", .data = run->x, .count = run->count * run->of_x / numbers},
        .out[0] = {.name = "y", .data = run->y, .count = run->count * run->of_y}};
    const int code = mr_device_submit(device->device, &run->job, error);
    if (code != 0)
        return give_up(device, code);
    device->under_way++;
    device->limit = 2 * device->limit < device->most ? 2 * device->limit : device->most;
    return 0;
}

static void add_cycles(struct mr_int_device *device, const struct run *run) {
    const struct mr_train_shape *s = &device->shape;
    const size_t steps = run->batches->steps;
    struct mr_train_cycles *cycles = &device->cycles[run->learns];

    cycles->counted += run->job.cycles;
    cycles->planned += mr_train_run_cycles(s, &device->stages, (int)steps, run->count, run->learns);
    for (size_t i = 0; i < run->count; i++)
        cycles->busy +=
            (double)mr_train_products(s, run->batches[i].sequences, steps, run->learns) /
            mr_train_lanes(s);
}

// Waits for the oldest run.
static int take_run(struct mr_int_device *device, struct mr_error *error) {
    struct run *run = run_at(device, 0);
    const int code = mr_device_collect(device->device, error);

    if (code != 0)
        return give_up(device, code);
    for (size_t i = 0; i < run->count; i++)
        give_outputs(&device->shape, &run->batches[i], run->y + i * run->of_y);
    if (run->job.cycles)
        add_cycles(device, run);
    device->oldest = (device->oldest + 1) % MR_JOBS_AHEAD;
    device->under_way--;
    run->count = 0;
    return 0;
}

int mr_int_device_put(struct mr_int_device *device, const struct mr_int_batch *batch,
                      const train_rule_t *rule, struct mr_error *error) {
    const struct run *packed =
        device->under_way < MR_JOBS_AHEAD ? run_at(device, device->under_way) : NULL;
    int code = 0;

    if (packed && packed->count > 0 && !is_like(packed, batch, rule != NULL))
        code = send_run(device, error);
    if (code == 0 && device->under_way == MR_JOBS_AHEAD)
        code = take_run(device, error);
    if (code != 0)
        return code;
    struct run *run = run_at(device, device->under_way);
    code = pack(device, run, batch, rule, error);
    if (code == 0 && run->count >= device->limit)
        code = send_run(device, error);
    return code;
}

int mr_int_device_flush(struct mr_int_device *device, struct mr_error *error) {
    int code = 0;

    if (device->under_way < MR_JOBS_AHEAD && run_at(device, device->under_way)->count > 0)
        code = send_run(device, error);
    while (code == 0 && device->under_way > 0)
        code = take_run(device, error);
    device->limit = 1;
    return code;
}

void mr_int_device_drop(struct mr_int_device *device) {
    struct mr_error unread;

    while (device->under_way > 0 && mr_device_collect(device->device, &unread) == 0)
        device->under_way--;
    (void)give_up(device, 0);
}
