// SPDX-License-Identifier: Apache-2.0
// The trainer "int", of the CPU and of training engines: mini-batches from float to whole numbers,
// and their losses. The bits are the same.
#include "int_trainer.h"

#include "clock.h"
#include "failure.h"
#include "int_device.h"
#include "int_numbers.h"
#include "int_take.h"
#include "train_draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Where the model's numbers are as they are now.
enum where { BOTH, HERE, THERE };

// A mini-batch's targets and outputs, kept until its loss is known; made when they are needed.
struct kept {
    size_t rows;
    int32_t *targets, *outputs;
};

struct trainer {
    struct mr_int_model *model;
    // What calculates: an engine of the CPU, or a device.
    const struct mr_int_engine *with;
    void *engine;
    struct mr_int_device *device;
    struct mr_workers *workers; // of a device: they take and pack mini-batches
    struct mr_train_cycles dry; // of those of the device that learned scales alone
    enum where where;           // of a device
    uint64_t x_numbers, x_cut;  // of mini-batches: beyond the range of x
    bool finished, told_ends;   // an epoch; of weights at the end of their range
    int16_t *x;
    // A ring: those that wait for their outputs, then the next one's.
    struct kept *kept;
    size_t kept_count, oldest, waiting;
    uint64_t keys[MR_MAX_LAYERS];
};

// The first one that works is taken.
static const struct mr_int_engine *const engines[] = {
#ifdef __x86_64__
    &mr_int_fast,
#endif
    &mr_int_scalar,
};
enum { ENGINES = sizeof engines / sizeof *engines };

struct mr_int_model *mr_int_model_of(void *trainer) {
    return ((struct trainer *)trainer)->model;
}

int mr_int_use(void *opened, const char *engine) {
    struct trainer *trainer = opened;

    for (int i = 0; i < ENGINES; i++) {
        if ((engine && strcmp(engines[i]->name, engine) != 0) || !engines[i]->works())
            continue;
        void *fresh = engines[i]->open(trainer->model);
        if (!fresh)
            return -1;
        if (trainer->with)
            trainer->with->close(trainer->engine);
        trainer->with = engines[i];
        trainer->engine = fresh;
        return 0;
    }
    return -1;
}

static void trainer_close(void *opened) {
    struct trainer *trainer = opened;

    if (!trainer)
        return;
    if (trainer->with)
        trainer->with->close(trainer->engine);
    mr_int_device_close(trainer->device);
    mr_workers_free(trainer->workers);
    mr_int_close(trainer->model);
    free(trainer->x);
    for (size_t i = 0; trainer->kept && i < trainer->kept_count; i++) {
        free(trainer->kept[i].targets);
        free(trainer->kept[i].outputs);
    }
    free(trainer->kept);
    free(trainer);
}

static void note(const struct trainer *trainer, const char *text) {
    const struct mr_trainer_options *options = &trainer->model->options;

    if (options->note)
        options->note(options->context, text);
}

static int no_memory(struct mr_error *error) {
    return mr_failure(error, MR_ERROR_MEMORY, "no memory for a mini-batch of a training");
}

static int open_device(struct trainer *trainer, const struct mr_trainer_options *options,
                       struct mr_error *error) {
    trainer->workers = mr_workers_create(options->threads, MR_INT_TAKERS);
    if (!trainer->workers)
        return no_memory(error);
    const struct mr_int_device_options wanted = {.device = options->device,
                                                 .workers = trainer->workers,
                                                 .notes = {options->note, options->context},
                                                 .bitstreams = options->bitstreams,
                                                 .build_image = options->build_image,
                                                 .target = options->target};
    struct mr_train_shape shape;
    char text[300];

    if (mr_train_shape_of(&trainer->model->chain, options, options->multipliers, &shape, error) !=
        0)
        return -1;
    const uint64_t cycles = mr_train_cycles(&shape, shape.steps, true);
    snprintf(text, sizeof text,
             "the training engine has %d multipliers in its lanes and takes %llu cycles for a "
             "mini-batch beside its stages, %.4g ms at %d MHz",
             mr_train_lanes(&shape), (unsigned long long)cycles,
             (double)cycles / (MR_CLOCK_MHZ * 1e3), MR_CLOCK_MHZ);
    note(trainer, text);
    trainer->where = HERE;
    trainer->device = mr_int_device_open(&shape, &wanted, error);
    return trainer->device ? 0 : -1;
}

static int open_engine(struct trainer *trainer, const struct mr_trainer_options *options,
                       struct mr_error *error) {
    if (strncmp(options->device, "cpu:", 4) != 0)
        return open_device(trainer, options, error);
    return mr_int_use(trainer, NULL) == 0 ? 0 : no_memory(error);
}

static void *trainer_open(const struct mr_network *network,
                          const struct mr_trainer_options *options, struct mr_error *error) {
    struct mr_int_model *model = mr_int_open(network, options, error);
    struct trainer *trainer = calloc(1, sizeof *trainer);

    if (!model || !trainer) {
        if (model)
            mr_failure(error, MR_ERROR_MEMORY, "no memory for a training");
        mr_int_close(model);
        free(trainer);
        return NULL;
    }
    const size_t steps = options->batch * options->steps;
    trainer->model = model;
    trainer->x = malloc(steps * (size_t)model->chain.inputs * sizeof *trainer->x);
    const bool good =
        trainer->x ? open_engine(trainer, options, error) == 0 : no_memory(error) == 0;
    trainer->kept_count = 1 + (trainer->device ? mr_int_device_most_waiting(trainer->device) : 0);
    trainer->kept = calloc(trainer->kept_count, sizeof *trainer->kept);
    if (!good || (!trainer->kept && no_memory(error) != 0)) {
        trainer_close(trainer);
        return NULL;
    }
    return trainer;
}

// ---- what calculates

// The model's numbers are on the device.
static int send(struct trainer *trainer, struct mr_error *error) {
    const int code =
        trainer->where == HERE ? mr_int_device_load(trainer->device, trainer->model, error) : 0;
    if (code == 0 && trainer->where == HERE)
        trainer->where = BOTH;
    return code;
}

static int fetch(struct trainer *trainer, struct mr_error *error) {
    const int code =
        trainer->where == THERE ? mr_int_device_read(trainer->device, trainer->model, error) : 0;
    if (code == 0 && trainer->where == THERE)
        trainer->where = BOTH;
    return code;
}

static int predict(struct trainer *trainer, const struct mr_int_batch *batch,
                   struct mr_error *error) {
    if (!trainer->device) {
        trainer->with->run(trainer->engine, trainer->model, batch);
        return 0;
    }
    const int code = send(trainer, error);
    return code ? code : mr_int_device_put(trainer->device, batch, NULL, error);
}

// A mini-batch and its update, and scales for the next one.
static int learn(struct trainer *trainer, const struct mr_int_batch *batch, train_rule_t rule,
                 struct mr_error *error) {
    if (!trainer->device) {
        trainer->with->run(trainer->engine, trainer->model, batch);
        mr_int_update(trainer->model, trainer->with, trainer->engine, rule);
        mr_int_rescale(trainer->model);
        return 0;
    }
    int code = send(trainer, error);
    if (code == 0)
        code = mr_int_device_put(trainer->device, batch, &rule, error);
    trainer->where = THERE;
    return code;
}

// A mini-batch without an update: scales alone. *changed: one has.
static int learn_scales(struct trainer *trainer, const struct mr_int_batch *batch, bool *changed,
                        struct mr_error *error) {
    struct mr_int_model *model = trainer->model;

    if (!trainer->device) {
        trainer->with->run(trainer->engine, model, batch);
        *changed = mr_int_rescale(model);
        return 0;
    }
    int32_t old[2 * MR_MAX_LAYERS];
    for (int i = 0; i < model->layer_count; i++) {
        old[2 * i] = model->layers[i].state_scale;
        old[2 * i + 1] = model->layers[i].delta_scale;
    }
    const struct mr_train_cycles before = mr_int_device_cycles(trainer->device, true);
    int code = learn(trainer, batch, mr_int_no_rule(model), error);
    if (code == 0)
        code = mr_int_device_flush(trainer->device, error);
    if (code == 0)
        code = fetch(trainer, error);
    const struct mr_train_cycles now = mr_int_device_cycles(trainer->device, true);
    trainer->dry.counted += now.counted - before.counted;
    trainer->dry.planned += now.planned - before.planned;
    trainer->dry.busy += now.busy - before.busy;
    *changed = false;
    for (int i = 0; code == 0 && i < model->layer_count; i++)
        *changed = *changed || old[2 * i] != model->layers[i].state_scale ||
                   old[2 * i + 1] != model->layers[i].delta_scale;
    return code;
}

// ---- losses

// Mean over the numbers, or of classes over the rows, of the outputs before the step.
static double loss_of(const struct trainer *trainer, const struct kept *kept) {
    const struct mr_int_model *model = trainer->model;
    const size_t rows = kept->rows, outputs = (size_t)model->outputs;
    const double unit = ldexp(1, model->y_unit - 20);
    double sum = 0;

    for (size_t r = 0; r < rows; r++) {
        const int32_t *a = kept->outputs + r * outputs;
        double greatest_a = -INFINITY, terms = 0;

        for (size_t k = 0; k < outputs; k++)
            greatest_a = fmax(greatest_a, a[k] * unit);
        for (size_t k = 0; k < outputs; k++) {
            const double value = a[k] * unit;
            if (model->options.loss == MR_TRAIN_CE) {
                terms += exp(value - greatest_a);
                continue;
            }
            const double target = kept->targets[r * outputs + k] * unit;
            sum += model->options.loss == MR_TRAIN_MSE
                       ? (value - target) * (value - target)
                       : fmax(value, 0) - value * target + log1p(exp(-fabs(value)));
        }
        if (model->options.loss == MR_TRAIN_CE)
            sum += greatest_a + log(terms) - a[kept->targets[r]] * unit;
    }
    return sum / (double)(model->options.loss == MR_TRAIN_CE ? rows : rows * outputs);
}

// ---- mini-batches, whose outputs may be late

// For the next one's targets and outputs.
static struct kept *keep_next(struct trainer *trainer, size_t rows, struct mr_error *error) {
    const struct mr_int_model *model = trainer->model;
    const size_t most =
        mr_int_rows(model, model->options.batch, model->options.steps) * (size_t)model->outputs;
    struct kept *kept = &trainer->kept[(trainer->oldest + trainer->waiting) % trainer->kept_count];

    if (!kept->targets)
        kept->targets = malloc(most * sizeof *kept->targets);
    if (!kept->outputs)
        kept->outputs = malloc(most * sizeof *kept->outputs);
    kept->rows = rows;
    if (kept->targets && kept->outputs)
        return kept;
    (void)no_memory(error);
    return NULL;
}

// The oldest one whose outputs are there; NULL: there is none.
static const struct kept *next_done(struct trainer *trainer) {
    const struct kept *kept = &trainer->kept[trainer->oldest];

    if (trainer->waiting == (trainer->device ? mr_int_device_waiting(trainer->device) : 0))
        return NULL;
    trainer->oldest = (trainer->oldest + 1) % trainer->kept_count;
    trainer->waiting--;
    return kept;
}

// None waits any longer.
static void drop(struct trainer *trainer) {
    if (trainer->device)
        mr_int_device_drop(trainer->device);
    trainer->waiting = 0;
}

static int flush(struct trainer *trainer, struct mr_error *error) {
    const int code = trainer->device ? mr_int_device_flush(trainer->device, error) : 0;

    if (code != 0)
        drop(trainer);
    return code;
}

static void give_losses(struct trainer *trainer, struct mr_train_losses *losses) {
    for (const struct kept *done; (done = next_done(trainer)) != NULL;)
        losses->of[losses->count++] = loss_of(trainer, done);
}

// y: moved behind what is given.
static void give_values(struct trainer *trainer, float **y) {
    const struct mr_int_model *model = trainer->model;
    const size_t outputs = (size_t)model->outputs;

    for (const struct kept *done; (done = next_done(trainer)) != NULL;)
        for (size_t r = 0; r < done->rows; r++, *y += outputs)
            mr_int_values(model, done->outputs + r * outputs, *y);
}

static int check_size(const struct trainer *trainer, size_t sequences, size_t steps,
                      struct mr_error *error) {
    const struct mr_trainer_options *options = &trainer->model->options;

    if (sequences == 0 || steps == 0 || sequences > options->batch || steps > options->steps)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "a mini-batch of %zu sequences of %zu steps; the training was opened for "
                          "%zu of %zu at most",
                          sequences, steps, options->batch, options->steps);
    return 0;
}

static int trainer_step(void *opened, const float *x, const float *y, size_t sequences,
                        size_t steps, double rate, struct mr_train_losses *losses,
                        struct mr_error *error) {
    struct trainer *trainer = opened;
    struct mr_int_model *model = trainer->model;
    int code = check_size(trainer, sequences, steps, error);

    if (code != 0)
        return code;
    const size_t rows = mr_int_rows(model, sequences, steps);
    const double x_most = mr_int_greatest_x(model, x, sequences, steps, trainer->workers);
    const double y_most =
        mr_int_greatest(y, rows * (size_t)mr_train_targets(&model->chain, model->options.loss));
    if (isinf(x_most) || isinf(y_most))
        return mr_failure(error, MR_ERROR_INPUT,
                          "step %llu: a number of the mini-batch is not finite",
                          (unsigned long long)model->steps + 1);
    if (!model->settled) {
        mr_int_settle(model, x_most, y_most);
        trainer->where = HERE;
    }
    const size_t x_count = sequences * steps * (size_t)model->chain.inputs;
    const float x_end = ldexpf(1, model->layers[0].x_unit);
    mr_int_take_x(model, x, sequences, steps, trainer->x, trainer->workers);
    trainer->x_cut += x_most > (double)x_end ? mr_int_count_beyond(x, x_count, x_end) : 0;
    trainer->x_numbers += x_count;
    struct kept *kept = keep_next(trainer, rows, error);
    code = kept ? mr_int_take_targets(model, y, rows, kept->targets, error) : MR_ERROR_MEMORY;
    if (code != 0)
        return code;
    uint64_t draws = model->options.seed + model->steps;
    draws = mr_draw_next(&draws);
    for (int i = 0; i < model->layer_count; i++)
        trainer->keys[i] = mr_draw_next(&draws);
    const struct mr_int_batch batch = {.sequences = sequences,
                                       .steps = steps,
                                       .x = trainer->x,
                                       .targets = kept->targets,
                                       .outputs = kept->outputs,
                                       .learns = true,
                                       .keys = trainer->keys};
    // The first mini-batch finds its own scales.
    bool changed = model->steps == 0;
    for (int dry = 0; code == 0 && changed && dry < MR_INT_DRY_RUNS; dry++)
        code = learn_scales(trainer, &batch, &changed, error);
    if (code == 0)
        code = learn(trainer, &batch, mr_int_next_rule(model, sequences, steps, rate), error);
    if (code != 0) {
        drop(trainer);
        return code;
    }
    trainer->waiting++;
    give_losses(trainer, losses);
    return 0;
}

static int trainer_flush(void *opened, struct mr_train_losses *losses, struct mr_error *error) {
    struct trainer *trainer = opened;
    const int code = flush(trainer, error);

    if (code == 0)
        give_losses(trainer, losses);
    return code;
}

static int trainer_predict(void *opened, const float *x, size_t sequences, size_t steps, float *y,
                           struct mr_error *error) {
    struct trainer *trainer = opened;
    struct mr_int_model *model = trainer->model;
    const size_t row = steps * (size_t)model->chain.inputs;
    int code = check_size(trainer, 1, steps, error);

    if (code != 0)
        return code;
    const double x_most = mr_int_greatest_x(model, x, sequences, steps, trainer->workers);
    if (isinf(x_most))
        return mr_failure(error, MR_ERROR_INPUT, "a number to predict from is not finite");
    if (!model->settled) {
        mr_int_settle(model, x_most, 4);
        model->settled = false;
        trainer->where = HERE;
    }
    for (size_t first = 0; code == 0 && first < sequences; first += model->options.batch) {
        const size_t left = sequences - first;
        const size_t some = left < model->options.batch ? left : model->options.batch;
        const struct kept *kept = keep_next(trainer, mr_int_rows(model, some, steps), error);
        if (!kept) {
            code = MR_ERROR_MEMORY;
            break;
        }
        const struct mr_int_batch batch = {
            .sequences = some, .steps = steps, .x = trainer->x, .outputs = kept->outputs};

        mr_int_take_x(model, x + first * row, some, steps, trainer->x, trainer->workers);
        code = predict(trainer, &batch, error);
        trainer->waiting += code == 0;
        if (code == 0)
            give_values(trainer, &y);
    }
    if (code == 0)
        code = flush(trainer, error);
    if (code == 0)
        give_values(trainer, &y);
    else
        drop(trainer);
    return code;
}

// What was cut is told of the first epoch, and of weights once.
static int trainer_finish(void *opened, struct mr_error *error) {
    struct trainer *trainer = opened;
    const int code = fetch(trainer, error);
    char text[300];

    if (code != 0)
        return code;
    if (!trainer->finished && trainer->x_cut > 0) {
        snprintf(text, sizeof text,
                 "%llu of the %llu numbers of x of this epoch are beyond +-%g and were cut there: "
                 "the first mini-batch chose the range; scale x",
                 (unsigned long long)trainer->x_cut, (unsigned long long)trainer->x_numbers,
                 ldexp(1, trainer->model->layers[0].x_unit));
        note(trainer, text);
    }
    trainer->finished = true;
    const size_t ends = mr_int_at_the_end(trainer->model);
    if (!trainer->told_ends && ends > 0) {
        snprintf(text, sizeof text,
                 "%zu weight%s at the end of the range of whole numbers, 8 units of the tensor; a "
                 "lower rate or more L2 keeps them within",
                 ends, ends == 1 ? " is" : "s are");
        note(trainer, text);
        trainer->told_ends = true;
    }
    return 0;
}

static struct mr_train_cycles trainer_cycles(const void *opened) {
    const struct trainer *trainer = opened;
    const struct mr_train_cycles all = mr_int_device_cycles(trainer->device, true);

    return (struct mr_train_cycles){all.counted - trainer->dry.counted,
                                    all.planned - trainer->dry.planned,
                                    all.busy - trainer->dry.busy};
}

static size_t trainer_state_size(const void *opened) {
    return mr_int_state_size(((const struct trainer *)opened)->model);
}

static void trainer_read_state(const void *opened, void *bytes) {
    mr_int_read_state(((const struct trainer *)opened)->model, bytes);
}

static int trainer_write_state(void *opened, const void *bytes, size_t size,
                               struct mr_error *error) {
    drop(opened);
    ((struct trainer *)opened)->where = HERE;
    return mr_int_write_state(((struct trainer *)opened)->model, bytes, size, error);
}

static void trainer_weights(const void *opened, struct mr_network *network) {
    mr_int_weights(((const struct trainer *)opened)->model, network);
}

#define OF_ALL                                                                                     \
    .name = "int", .open = trainer_open, .step = trainer_step, .flush = trainer_flush,             \
    .predict = trainer_predict, .finish = trainer_finish, .state_size = trainer_state_size,        \
    .read_state = trainer_read_state, .write_state = trainer_write_state,                          \
    .weights = trainer_weights, .close = trainer_close

const struct mr_trainer_kind mr_trainer_int = {OF_ALL, .device = "cpu:"};
const struct mr_trainer_kind mr_trainer_int_sim = {OF_ALL,
                                                   .device = "sim:", .cycles = trainer_cycles};
const struct mr_trainer_kind mr_trainer_int_hls = {OF_ALL, .device = "hls:"};
const struct mr_trainer_kind mr_trainer_int_xrt = {OF_ALL,
                                                   .device = "xrt:", .cycles = trainer_cycles};
