// SPDX-License-Identifier: Apache-2.0
// Training, epoch by epoch (training.h): order, rate, validation, the best weights, the end.
#define _POSIX_C_SOURCE 200809L
#include "training.h"

#include "failure.h"
#include "network_build.h"
#include "train_draw.h"
#include "train_loss.h"
#include "train_weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Sequences that are predicted at a time, and those of the training data whose metric is looked at.
enum { PORTION = 1024, LOOKED_AT = 4096 };

// ---- options

// Texts stay the caller's only during the call.
static int keep_texts(struct mr_training *own) {
    struct mr_train_options *o = &own->options;
    const char **const texts[] = {&o->x,          &o->y,      &o->validate_x, &o->validate_y,
                                  &o->arithmetic, &o->device, &o->checkpoint, &o->fallback,
                                  &o->bitstreams, &o->target};
    _Static_assert(sizeof texts / sizeof *texts == sizeof own->texts / sizeof *own->texts,
                   "a copy of each");

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!*texts[i])
            continue;
        own->texts[i] = strdup(*texts[i]);
        if (!own->texts[i])
            return -1;
        *texts[i] = own->texts[i];
    }
    return 0;
}

static void take_defaults(struct mr_train_options *o) {
    if (o->rate == 0)
        o->rate = 0.001;
    if (o->rate_factor == 0 && o->schedule == MR_TRAIN_STEPS)
        o->rate_factor = 0.1;
    o->epochs = o->epochs ? o->epochs : 10;
    o->batch = o->batch ? o->batch : 64;
    o->arithmetic = o->arithmetic ? o->arithmetic : "float32";
    o->device = o->device ? o->device : "cpu:";
}

static int check_options(const struct mr_train_options *o, struct mr_error *error) {
    const struct {
        const char *name;
        double value, low, high;
    } numbers[] = {{"rate", o->rate, 1e-12, 1e6},
                   {"factor of the rate", o->rate_factor, 0, 1},
                   {"momentum", o->momentum, 0, 1},
                   {"clip", o->clip, 0, 1e30},
                   {"L2", o->l2, 0, 1e6},
                   {"dropout", o->dropout, 0, 0.99},
                   {"share to validate with", o->validate, 0, 0.99}};

    if (!o->x || !o->y)
        return mr_failure(error, MR_ERROR_ARGUMENT, "a training needs files of x and y");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!(numbers[i].value >= numbers[i].low && numbers[i].value <= numbers[i].high))
            return mr_failure(error, MR_ERROR_ARGUMENT, "the %s is %g; %g to %g are possible",
                              numbers[i].name, numbers[i].value, numbers[i].low, numbers[i].high);
    if (!o->validate_x != !o->validate_y)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "of x and y to validate with one is given and not the other");
    if (o->validate_x && o->validate > 0)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "data to validate with, and a share of the training data to validate "
                          "with, are given; one is possible");
    if (o->schedule == MR_TRAIN_STEPS && o->rate_epochs == 0)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "the epochs after which the rate gets less are not given");
    if (o->resume && !o->checkpoint)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "a training is to go on, and no folder of checkpoints is given");
    if (o->patience && !o->validate_x && o->validate == 0)
        return mr_failure(error, MR_ERROR_ARGUMENT, "patience needs sequences to validate with");
    if (o->batch > 1 << 20)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "mini-batches of %u sequences are asked for; %d are possible", o->batch,
                          1 << 20);
    if (o->multipliers > 1 << 20)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "an engine of %u multipliers is asked for; %d are possible",
                          o->multipliers, 1 << 20);
    const struct mr_target *target;
    return mr_card_target(o->target, &target, error);
}

// ---- the beginning

static int read_data(struct mr_training *own, struct mr_error *error) {
    const struct mr_train_options *o = &own->options;
    int code =
        mr_train_read(o->x, o->y, &own->chain, o->loss, o->note, o->context, &own->data, error);

    if (code == 0 && o->validate_x)
        code = mr_train_read(o->validate_x, o->validate_y, &own->chain, o->loss, o->note,
                             o->context, &own->apart, error);
    return code;
}

// Deals the sequences out: to train with, and to validate with.
static int deal(struct mr_training *own, struct mr_error *error) {
    const size_t all = own->data.sequences, others = own->apart.sequences;
    const size_t share = (size_t)((double)all * own->options.validate);

    own->train = calloc(all, sizeof *own->train);
    own->validate = calloc(others + share + 1, sizeof *own->validate);
    if (!own->train || !own->validate)
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory for the data");
    for (size_t i = 0; i < all; i++)
        own->train[i] = (uint32_t)i;
    if (own->options.validate > 0) {
        if (share == 0 || share == all)
            return mr_failure(error, MR_ERROR_INPUT, "%.500s: a share of %g of %zu sequences is %s",
                              own->options.x, own->options.validate, all,
                              share ? "all of them" : "none");
        mr_train_shuffle(own->train, all, own->options.seed ^ 0x76616c6964617465U);
    }
    own->train_count = all - share;
    own->validate_count = others ? others : share;
    for (size_t i = 0; i < own->validate_count; i++)
        own->validate[i] = others ? (uint32_t)i : own->train[own->train_count + i];
    return 0;
}

static int make_room(struct mr_training *own, struct mr_error *error) {
    const struct mr_train_set *wide = mr_training_validation(own);
    const size_t steps = wide->steps > own->data.steps ? wide->steps : own->data.steps;
    const size_t rows = own->chain.per_step ? steps : 1;
    const size_t batch =
        own->options.batch < own->train_count ? own->options.batch : own->train_count;

    own->room = batch > PORTION ? batch : PORTION;
    own->x = calloc(own->room * steps * (size_t)own->chain.inputs, sizeof *own->x);
    own->y = calloc(own->room * rows * (size_t)own->chain.outputs, sizeof *own->y);
    own->given = calloc(own->room * rows * (size_t)own->chain.outputs, sizeof *own->given);
    own->history = calloc(own->options.epochs, sizeof *own->history);
    return own->x && own->y && own->given && own->history
               ? 0
               : mr_failure(error, MR_ERROR_MEMORY, "not enough memory to train with");
}

static int open_trainer(struct mr_training *own, const char *device, struct mr_error *error) {
    const struct mr_train_options *o = &own->options;
    const size_t steps = mr_training_validation(own)->steps;
    const struct mr_trainer_options options = {
        .loss = o->loss,
        .optimiser = o->optimiser,
        .momentum = o->momentum,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-8,
        .clip = o->clip,
        .l2 = o->l2,
        .dropout = o->dropout,
        .seed = o->seed,
        .batch = o->batch < own->train_count ? o->batch : own->train_count,
        .steps = steps > own->data.steps ? steps : own->data.steps,
        .device = device,
        .bitstreams = o->bitstreams,
        .build_image = o->build_image != 0,
        .target = o->target,
        .multipliers = (int)o->multipliers,
        .threads = o->threads,
        .note = o->note,
        .context = o->context,
    };

    const struct mr_trainer_kind *kind = mr_trainer_kind_find(o->arithmetic, device, error);
    void *trainer = kind ? kind->open(&own->network, &options, error) : NULL;
    if (!trainer)
        return error->code;
    if (own->kind)
        own->kind->close(own->trainer);
    own->kind = kind;
    own->trainer = trainer;
    if (!own->state)
        own->state = malloc(kind->state_size(trainer));
    return own->state ? 0 : mr_failure(error, MR_ERROR_MEMORY, "not enough memory to train with");
}

// Where the device failed the other one takes its place, as it was behind the last epoch. Gives
// the code of the failure where that is of another kind, or there is no other device.
static int fall_back(struct mr_training *own, int code, struct mr_error *error) {
    const struct mr_train_options *o = &own->options;
    char text[1200];

    if ((code != MR_ERROR_DEVICE && code != MR_ERROR_BUILD) || !o->fallback || own->fell_back)
        return code;
    own->fell_back = true;
    snprintf(text, sizeof text, "%s; the training goes on %s on %s", error->text,
             own->epochs ? "from the last epoch" : "from its beginning", o->fallback);
    if (o->note)
        o->note(o->context, text);
    code = open_trainer(own, o->fallback, error);
    return code || own->epochs == 0
               ? code
               : own->kind->write_state(own->trainer, own->state,
                                        own->kind->state_size(own->trainer), error);
}

static int begin(struct mr_training *own, struct mr_error *error) {
    if (keep_texts(own) != 0)
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory to train with");
    take_defaults(&own->options);
    own->best = INFINITY;
    int code = check_options(&own->options, error);
    if (code == 0)
        code = mr_train_chain_of(&own->network, own->options.loss, &own->chain, error);
    if (code == 0 && !mr_trainer_kind_find(own->options.arithmetic, own->options.device, error))
        code = MR_ERROR_ARGUMENT;
    if (code == 0 && own->options.fallback &&
        !mr_trainer_kind_find(own->options.arithmetic, own->options.fallback, error))
        code = MR_ERROR_ARGUMENT;
    if (code || (code = read_data(own, error)) != 0 || (code = deal(own, error)) != 0 ||
        (code = make_room(own, error)) != 0)
        return code;
    if (own->options.checkpoint && (code = mr_checkpoint_prepare(own, error)) != 0)
        return code;
    if ((code = open_trainer(own, own->options.device, error)) != 0 &&
        (code = fall_back(own, code, error)) != 0)
        return code;
    if (own->options.resume)
        code = mr_checkpoint_read(own, error);
    if (code == 0)
        own->kind->read_state(own->trainer, own->state);
    return code;
}

struct mr_training *mr_training_create(struct mr_network *network,
                                       const struct mr_train_options *options,
                                       struct mr_error *error) {
    struct mr_training *own = calloc(1, sizeof *own);
    struct mr_error unread;

    error = error ? error : &unread;
    if (!own) {
        mr_failure(error, MR_ERROR_MEMORY, "not enough memory to train with");
        mr_network_free(network);
        return NULL;
    }
    own->options = *options;
    own->network = *network;
    memset(network, 0, sizeof *network);
    if (begin(own, error) != 0) {
        mr_train_close(own);
        return NULL;
    }
    return own;
}

void mr_train_close(struct mr_training *own) {
    if (!own)
        return;
    if (own->kind)
        own->kind->close(own->trainer);
    mr_network_free(&own->network);
    mr_train_set_free(&own->data);
    mr_train_set_free(&own->apart);
    for (size_t i = 0; i < sizeof own->texts / sizeof *own->texts; i++)
        free(own->texts[i]);
    free(own->train);
    free(own->validate);
    free(own->x);
    free(own->y);
    free(own->given);
    free(own->history);
    free(own->state);
    free(own);
}

// ---- an epoch

static double rate_of(const struct mr_train_options *o, uint32_t epoch) {
    switch (o->schedule) {
    case MR_TRAIN_STEPS: {
        const uint32_t times = epoch / o->rate_epochs;
        return o->rate * pow(o->rate_factor, times);
    }
    case MR_TRAIN_COSINE: {
        const double way = o->epochs > 1 ? (double)epoch / (double)(o->epochs - 1) : 0;
        return o->rate * (o->rate_factor + (1 - o->rate_factor) * (1 + cos(acos(-1) * way)) / 2);
    }
    default:
        return o->rate;
    }
}

static double seconds(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// Numbers of a row that are right.
static int right(const struct mr_training *own, const float *given, const float *y) {
    const int outputs = own->chain.outputs;
    // A linear head gives the argument of the sigmoid.
    const float half = own->chain.activation == MR_ACTIVATION_SIGMOID ? 0.5F : 0;
    int top = 0, count = 0;

    if (own->options.loss == MR_TRAIN_CE) {
        for (int o = 1; o < outputs; o++)
            top = given[o] > given[top] ? o : top;
        return top == (int)y[0];
    }
    for (int o = 0; o < outputs; o++)
        count += (given[o] >= half) == (y[o] >= 0.5F);
    return count;
}

// Loss and metric of sequences of a set.
static int measure(struct mr_training *own, const struct mr_train_set *set, const uint32_t *places,
                   size_t count, double *loss, double *metric, struct mr_error *error) {
    const size_t rows = own->chain.per_step ? set->steps : 1;
    const size_t outputs = (size_t)own->chain.outputs;
    const size_t targets = (size_t)mr_train_targets(&own->chain, own->options.loss);
    double sum = 0, good = 0;

    for (size_t first = 0; first < count; first += PORTION) {
        const size_t part = count - first < PORTION ? count - first : PORTION;
        mr_train_gather(set, places + first, part, own->x, own->y);
        const int code =
            own->kind->predict(own->trainer, own->x, part, set->steps, own->given, error);
        if (code)
            return code;
        for (size_t i = 0; i < part * rows; i++) {
            const float *given = own->given + i * outputs, *y = own->y + i * targets;
            sum += mr_train_loss_given(&own->chain, own->options.loss, given, y);
            good += right(own, given, y);
        }
    }
    *loss = sum / (double)(count * rows * targets);
    *metric =
        own->options.loss == MR_TRAIN_MSE ? sqrt(*loss) : good / (double)(count * rows * targets);
    return 0;
}

static size_t part_at(size_t first, size_t most, size_t count) {
    return count - first < most ? count - first : most;
}

static int train(struct mr_training *own, struct mr_train_epoch *epoch, struct mr_error *error) {
    const size_t batch = own->options.batch, count = own->train_count;
    const size_t batches = (count + batch - 1) / batch;
    uint32_t *order = malloc(count * sizeof *order);
    struct mr_train_losses losses = {.of = malloc(batches * sizeof *losses.of)};
    double sum = 0, taken = 0;
    size_t told = 0; // of the losses
    int code = order && losses.of
                   ? 0
                   : mr_failure(error, MR_ERROR_MEMORY, "not enough memory to train with");

    for (size_t i = 0; code == 0 && i < count; i++)
        order[i] = own->train[i];
    if (code == 0)
        mr_train_shuffle(order, count, own->options.seed + 0x9e3779b97f4a7c15U * epoch->epoch);
    // Behind the last mini-batch come the losses that are late.
    for (size_t i = 0; code == 0 && i <= batches; i++) {
        if (i < batches) {
            const size_t first = i * batch, part = part_at(first, batch, count);
            mr_train_gather(&own->data, order + first, part, own->x, own->y);
            code = own->kind->step(own->trainer, own->x, own->y, part, own->data.steps, epoch->rate,
                                   &losses, error);
        } else if (own->kind->flush) {
            code = own->kind->flush(own->trainer, &losses, error);
        }
        for (; code == 0 && told < losses.count; told++) {
            const double part = (double)part_at(told * batch, batch, count);
            sum += losses.of[told] * part;
            taken += part;
            epoch->step++;
            if (own->options.progress)
                own->options.progress(own->options.context,
                                      &(struct mr_train_progress){.epoch = epoch->epoch,
                                                                  .epochs = own->options.epochs,
                                                                  .batch = told + 1,
                                                                  .batches = batches,
                                                                  .loss = sum / taken});
        }
    }
    epoch->loss = sum / taken;
    free(losses.of);
    free(order);
    return code;
}

static int judge(struct mr_training *own, struct mr_train_epoch *epoch, struct mr_error *error) {
    const size_t looked_at = own->train_count < LOOKED_AT ? own->train_count : LOOKED_AT;
    double loss;
    int code = measure(own, &own->data, own->train, looked_at, &loss, &epoch->metric, error);

    epoch->validation_loss = epoch->validation_metric = NAN;
    if (code == 0 && own->validate_count > 0)
        code = measure(own, mr_training_validation(own), own->validate, own->validate_count,
                       &epoch->validation_loss, &epoch->validation_metric, error);
    return code;
}

static struct mr_train_cycles cycles_of(const struct mr_training *own) {
    return own->kind->cycles ? own->kind->cycles(own->trainer) : (struct mr_train_cycles){0};
}

static int do_epoch(struct mr_training *own, struct mr_train_epoch *epoch, struct mr_error *error) {
    const double start = seconds();
    const struct mr_train_cycles before = cycles_of(own);
    int code = train(own, epoch, error);

    epoch->seconds = seconds() - start;
    const struct mr_train_cycles now = cycles_of(own);
    epoch->cycles = now.counted - before.counted;
    epoch->planned_cycles = now.planned - before.planned;
    epoch->utilisation = epoch->cycles ? (now.busy - before.busy) / (double)epoch->cycles : 0;
    if (code == 0)
        code = judge(own, epoch, error);
    if (code == 0 && own->kind->finish)
        code = own->kind->finish(own->trainer, error);
    return code;
}

int mr_train_next(struct mr_training *own, struct mr_train_epoch *epoch, struct mr_error *error) {
    const struct mr_train_options *o = own ? &own->options : NULL;
    struct mr_error unread;

    error = error ? error : &unread;
    if (!own || !epoch)
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_train_next: an argument is NULL");
    if (own->epochs >= o->epochs || (o->patience && own->since_best >= o->patience))
        return 0;
    const struct mr_train_epoch *last = own->epochs ? &own->history[own->epochs - 1] : NULL;
    struct mr_train_epoch now = {
        .epoch = own->epochs + 1, .step = last ? last->step : 0, .rate = rate_of(o, own->epochs)};
    struct mr_train_epoch done = now;
    int code = do_epoch(own, &done, error);
    if (code && (code = fall_back(own, code, error)) == 0) {
        done = now;
        code = do_epoch(own, &done, error);
    }
    if (code) {
        // It can be tried again, as if it had not begun.
        struct mr_error unread_too;
        (void)own->kind->write_state(own->trainer, own->state, own->kind->state_size(own->trainer),
                                     &unread_too);
        return code;
    }
    now = done;
    const double loss = own->validate_count ? now.validation_loss : now.loss;
    now.best = loss < own->best;
    own->since_best = now.best ? 0 : own->since_best + 1;
    if (now.best)
        own->best = loss;
    if (now.best || own->validate_count == 0)
        own->kind->weights(own->trainer, &own->network);
    own->history[own->epochs++] = now;
    own->kind->read_state(own->trainer, own->state);
    if (o->checkpoint && (code = mr_checkpoint_write(own, error)) != 0)
        return code;
    *epoch = now;
    return 1;
}

uint32_t mr_train_epochs(const struct mr_training *training) {
    return training ? training->epochs : 0;
}

int mr_train_history(const struct mr_training *training, uint32_t index,
                     struct mr_train_epoch *epoch) {
    if (!training || !epoch || index >= training->epochs)
        return MR_ERROR_ARGUMENT;
    *epoch = training->history[index];
    return 0;
}
