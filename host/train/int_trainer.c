// SPDX-License-Identifier: Apache-2.0
// The trainer "int" of the CPU: mini-batches from float to whole numbers, and their losses. The
// bits are those of a card.
#include "int_trainer.h"

#include "failure.h"
#include "train_draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct trainer {
    struct mr_int_model *model;
    const struct mr_int_engine *with;
    void *engine;
    int16_t *x;
    int32_t *targets, *outputs;
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
    mr_int_close(trainer->model);
    free(trainer->x);
    free(trainer->targets);
    free(trainer->outputs);
    free(trainer);
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
    const size_t numbers =
        mr_int_rows(model, options->batch, options->steps) * (size_t)model->outputs;
    trainer->model = model;
    trainer->x = malloc(steps * (size_t)model->chain.inputs * sizeof *trainer->x);
    trainer->targets = malloc(numbers * sizeof *trainer->targets);
    trainer->outputs = malloc(numbers * sizeof *trainer->outputs);
    if (!trainer->x || !trainer->targets || !trainer->outputs || mr_int_use(trainer, NULL) != 0) {
        mr_failure(error, MR_ERROR_MEMORY, "no memory for a mini-batch of a training");
        trainer_close(trainer);
        return NULL;
    }
    return trainer;
}

// The greatest magnitude; infinite where a number is none.
static double greatest(const float *x, size_t count) {
    double most = 0;

    for (size_t k = 0; k < count; k++)
        most = isfinite(x[k]) ? fmax(most, fabs((double)x[k])) : INFINITY;
    return most;
}

// x 2^bits, to nearest, ties up, within +-most.
static int32_t whole(float x, int bits, int32_t most) {
    return (int32_t)fmin(fmax(floor(ldexp((double)x, bits) + 0.5), -most), most);
}

// x: (sequences, steps, inputs), to (steps, sequences, inputs).
static void take_x(struct trainer *trainer, const float *x, size_t sequences, size_t steps) {
    const size_t inputs = (size_t)trainer->model->chain.inputs;
    const int bits = 15 - trainer->model->layers[0].x_unit;

    for (size_t b = 0; b < sequences; b++)
        for (size_t t = 0; t < steps; t++)
            for (size_t k = 0; k < inputs; k++)
                trainer->x[(t * sequences + b) * inputs + k] =
                    (int16_t)whole(x[(b * steps + t) * inputs + k], bits, 32767);
}

static int take_targets(struct trainer *trainer, const float *y, size_t rows,
                        struct mr_error *error) {
    const struct mr_int_model *model = trainer->model;
    const size_t count = rows * (size_t)mr_train_targets(&model->chain, model->options.loss);

    for (size_t k = 0; k < count; k++) {
        if (model->options.loss == MR_TRAIN_CE) {
            if (!(y[k] >= 0 && y[k] < (float)model->outputs && y[k] == floorf(y[k])))
                return mr_failure(error, MR_ERROR_INPUT,
                                  "the target %g is no class: they are whole numbers from 0 to %d",
                                  (double)y[k], model->outputs - 1);
            trainer->targets[k] = (int32_t)y[k];
        } else {
            trainer->targets[k] = whole(y[k], 20 - model->y_unit, (1 << 23) - 1);
        }
    }
    return 0;
}

// Mean over the numbers, or of classes over the rows, of the outputs before the step.
static double loss_of(const struct trainer *trainer, size_t rows) {
    const struct mr_int_model *model = trainer->model;
    const size_t outputs = (size_t)model->outputs;
    const double unit = ldexp(1, model->y_unit - 20);
    double sum = 0;

    for (size_t r = 0; r < rows; r++) {
        const int32_t *a = trainer->outputs + r * outputs;
        double greatest_a = -INFINITY, terms = 0;

        for (size_t k = 0; k < outputs; k++)
            greatest_a = fmax(greatest_a, a[k] * unit);
        for (size_t k = 0; k < outputs; k++) {
            const double value = a[k] * unit;
            if (model->options.loss == MR_TRAIN_CE) {
                terms += exp(value - greatest_a);
                continue;
            }
            const double target = trainer->targets[r * outputs + k] * unit;
            sum += model->options.loss == MR_TRAIN_MSE
                       ? (value - target) * (value - target)
                       : fmax(value, 0) - value * target + log1p(exp(-fabs(value)));
        }
        if (model->options.loss == MR_TRAIN_CE)
            sum += greatest_a + log(terms) - a[trainer->targets[r]] * unit;
    }
    return sum / (double)(model->options.loss == MR_TRAIN_CE ? rows : rows * outputs);
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
                        size_t steps, double rate, double *loss, struct mr_error *error) {
    struct trainer *trainer = opened;
    struct mr_int_model *model = trainer->model;
    int code = check_size(trainer, sequences, steps, error);

    if (code != 0)
        return code;
    const size_t rows = mr_int_rows(model, sequences, steps);
    const double x_most = greatest(x, sequences * steps * (size_t)model->chain.inputs);
    const double y_most =
        greatest(y, rows * (size_t)mr_train_targets(&model->chain, model->options.loss));
    if (isinf(x_most) || isinf(y_most))
        return mr_failure(error, MR_ERROR_INPUT,
                          "step %llu: a number of the mini-batch is not finite",
                          (unsigned long long)model->steps + 1);
    if (!model->settled)
        mr_int_settle(model, x_most, y_most);
    take_x(trainer, x, sequences, steps);
    code = take_targets(trainer, y, rows, error);
    if (code != 0)
        return code;
    uint64_t draws = model->options.seed + model->steps;
    draws = mr_draw_next(&draws);
    for (int i = 0; i < model->layer_count; i++)
        trainer->keys[i] = mr_draw_next(&draws);
    const struct mr_int_batch batch = {.sequences = sequences,
                                       .steps = steps,
                                       .x = trainer->x,
                                       .targets = trainer->targets,
                                       .outputs = trainer->outputs,
                                       .learns = true,
                                       .keys = trainer->keys};
    // The first mini-batch finds its own scales.
    for (int dry = 0; model->steps == 0 && dry < MR_INT_DRY_RUNS; dry++) {
        trainer->with->run(trainer->engine, model, &batch);
        if (!mr_int_rescale(model))
            break;
    }
    trainer->with->run(trainer->engine, model, &batch);
    *loss = loss_of(trainer, rows);
    mr_int_update(model, trainer->with, trainer->engine, sequences, steps, rate);
    mr_int_rescale(model);
    return 0;
}

static int trainer_predict(void *opened, const float *x, size_t sequences, size_t steps, float *y,
                           struct mr_error *error) {
    struct trainer *trainer = opened;
    struct mr_int_model *model = trainer->model;
    const size_t row = steps * (size_t)model->chain.inputs;
    const int code = check_size(trainer, 1, steps, error);

    if (code != 0)
        return code;
    const double x_most = greatest(x, sequences * row);
    if (isinf(x_most))
        return mr_failure(error, MR_ERROR_INPUT, "a number to predict from is not finite");
    if (!model->settled) {
        mr_int_settle(model, x_most, 4);
        model->settled = false;
    }
    for (size_t first = 0; first < sequences; first += model->options.batch) {
        const size_t left = sequences - first;
        const size_t some = left < model->options.batch ? left : model->options.batch;
        const size_t rows = mr_int_rows(model, some, steps);
        const struct mr_int_batch batch = {
            .sequences = some, .steps = steps, .x = trainer->x, .outputs = trainer->outputs};

        take_x(trainer, x + first * row, some, steps);
        trainer->with->run(trainer->engine, model, &batch);
        for (size_t r = 0; r < rows; r++)
            mr_int_values(model, trainer->outputs + r * (size_t)model->outputs,
                          y + (mr_int_rows(model, first, steps) + r) * (size_t)model->outputs);
    }
    return 0;
}

static size_t trainer_state_size(const void *opened) {
    return mr_int_state_size(((const struct trainer *)opened)->model);
}

static void trainer_read_state(const void *opened, void *bytes) {
    mr_int_read_state(((const struct trainer *)opened)->model, bytes);
}

static int trainer_write_state(void *opened, const void *bytes, size_t size,
                               struct mr_error *error) {
    return mr_int_write_state(((struct trainer *)opened)->model, bytes, size, error);
}

static void trainer_weights(const void *opened, struct mr_network *network) {
    mr_int_weights(((const struct trainer *)opened)->model, network);
}

const struct mr_trainer_kind mr_trainer_int = {
    .name = "int",
    .device = "cpu:",
    .open = trainer_open,
    .step = trainer_step,
    .predict = trainer_predict,
    .state_size = trainer_state_size,
    .read_state = trainer_read_state,
    .write_state = trainer_write_state,
    .weights = trainer_weights,
    .close = trainer_close,
};
