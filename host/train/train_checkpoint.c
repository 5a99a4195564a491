// SPDX-License-Identifier: Apache-2.0
// Checkpoints: a safetensors file with the trainer's state, the best weights and what the epochs
// gave. Its metadata says of which training it is, so that it goes on with no other.
#define _POSIX_C_SOURCE 200809L
#include "training.h"

#include "failure.h"
#include "op.h"
#include "safetensors.h"
#include "train_weights.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEYS = 24, VALUE = 512, COLUMNS = 9 };

static int path_of(const struct mr_training *own, const char *name, char *path, size_t size,
                   struct mr_error *error) {
    if (snprintf(path, size, "%s/%s", own->options.checkpoint, name) < (int)size)
        return 0;
    return mr_failure(error, MR_ERROR_FILE, "%.200s: the name of the folder is too long",
                      own->options.checkpoint);
}

int mr_checkpoint_prepare(const struct mr_training *own, struct mr_error *error) {
    char path[PATH_MAX], text[900];
    const char *folder = own->options.checkpoint;

    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return mr_failure(error, MR_ERROR_FILE, "the folder %.500s cannot be made: %s", folder,
                          strerror(errno));
    if (path_of(own, "last.checkpoint", path, sizeof path, error) != 0)
        return MR_ERROR_FILE;
    if (!own->options.resume && access(path, F_OK) == 0)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "%.500s is there already; resume goes on from it, or choose another "
                          "folder",
                          path);
    return mr_file_check_output(path, text, sizeof text)
               ? mr_failure(error, MR_ERROR_FILE, "%s", text)
               : 0;
}

// ---- of which training it is

struct keys {
    size_t count;
    struct mr_pair pairs[KEYS];
    char values[KEYS][VALUE];
};

__attribute__((format(printf, 3, 4))) static void add(struct keys *keys, const char *key,
                                                      const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(keys->values[keys->count], VALUE, format, arguments);
    va_end(arguments);
    keys->pairs[keys->count] = (struct mr_pair){key, keys->values[keys->count]};
    keys->count++;
}

static void describe(const struct mr_training *own, struct keys *keys) {
    const struct mr_train_options *o = &own->options;
    char layers[VALUE] = "";

    for (int l = 0; l < own->chain.layer_count; l++) {
        const struct mr_train_layer *layer = &own->chain.layers[l];
        const size_t used = strlen(layers);
        snprintf(layers + used, sizeof layers - used, "%s%s %d", l ? ", " : "",
                 own->network.ops[layer->op].kind->name, layer->units);
    }
    keys->count = 0;
    add(keys, "format", "millrace training 1");
    add(keys, "arithmetic", "%s", o->arithmetic);
    add(keys, "layers", "%d inputs, %s", own->chain.inputs, layers);
    add(keys, "outputs", "%d", own->chain.outputs);
    add(keys, "loss", "%d", (int)o->loss);
    add(keys, "optimiser", "%d", (int)o->optimiser);
    add(keys, "rate", "%.17g", o->rate);
    add(keys, "schedule", "%d", (int)o->schedule);
    add(keys, "rate_factor", "%.17g", o->rate_factor);
    add(keys, "rate_epochs", "%u", o->rate_epochs);
    add(keys, "momentum", "%.17g", o->momentum);
    add(keys, "clip", "%.17g", o->clip);
    add(keys, "l2", "%.17g", o->l2);
    add(keys, "dropout", "%.17g", o->dropout);
    add(keys, "batch", "%u", o->batch);
    add(keys, "seed", "%" PRIu64, o->seed);
    add(keys, "validate", "%.17g", o->validate);
    add(keys, "data", "%016" PRIx64, mr_train_set_hash(&own->data));
    add(keys, "validation_data", "%016" PRIx64, mr_train_set_hash(&own->apart));
    // Half a cosine is as long as the training.
    add(keys, "cosine_epochs", "%u", o->schedule == MR_TRAIN_COSINE ? o->epochs : 0);
}

static int compare(const struct mr_training *own, const char *path,
                   const struct mr_safetensors *file, struct mr_error *error) {
    struct keys keys;

    describe(own, &keys);
    for (size_t i = 0; i < keys.count; i++) {
        const char *found = mr_safetensors_metadata(file, keys.pairs[i].key);
        if (!found || strcmp(found, keys.pairs[i].value) != 0)
            return mr_failure(error, MR_ERROR_ARGUMENT,
                              "%.300s is of another training: its %s is %.200s, and not %.200s",
                              path, keys.pairs[i].key, found ? found : "not said",
                              keys.pairs[i].value);
    }
    return 0;
}

// ---- what it holds

static void to_row(const struct mr_train_epoch *e, double *row) {
    const double list[COLUMNS] = {
        e->epoch,           (double)e->step,      e->rate,    e->loss, e->metric,
        e->validation_loss, e->validation_metric, e->seconds, e->best};

    memcpy(row, list, sizeof list);
}

static struct mr_train_epoch from_row(const double *row) {
    return (struct mr_train_epoch){.epoch = (uint32_t)row[0],
                                   .step = (uint64_t)row[1],
                                   .rate = row[2],
                                   .loss = row[3],
                                   .metric = row[4],
                                   .validation_loss = row[5],
                                   .validation_metric = row[6],
                                   .seconds = row[7],
                                   .best = row[8] != 0};
}

int mr_checkpoint_write(struct mr_training *own, struct mr_error *error) {
    const size_t size = own->kind->state_size(own->trainer);
    const size_t count = mr_train_weight_count(&own->chain);
    double *rows = calloc(own->epochs, COLUMNS * sizeof *rows);
    float *best = calloc(count, sizeof *best);
    char path[PATH_MAX], text[900];
    struct keys keys;
    int code = rows && best
                   ? 0
                   : mr_failure(error, MR_ERROR_MEMORY, "not enough memory to write a checkpoint");

    for (uint32_t i = 0; code == 0 && i < own->epochs; i++)
        to_row(&own->history[i], rows + (size_t)i * COLUMNS);
    if (code == 0) {
        mr_train_read_weights(&own->network, &own->chain, best);
        describe(own, &keys);
    }
    const struct mr_tensor tensors[] = {
        {"epochs", MR_F64, 2, {own->epochs, COLUMNS}, (size_t)own->epochs * COLUMNS, rows},
        {"best", MR_F32, 1, {count}, count, best},
        {"state", MR_U8, 1, {size}, size, own->state}};
    const char *const names[] = {"last.checkpoint", "best.checkpoint"};
    for (int i = 0; code == 0 && i < 1 + own->history[own->epochs - 1].best; i++) {
        code = path_of(own, names[i], path, sizeof path, error);
        if (code == 0 &&
            mr_safetensors_write(path, tensors, 3, keys.pairs, keys.count, text, sizeof text) != 0)
            code = mr_failure(error, MR_ERROR_FILE, "%s", text);
    }
    free(rows);
    free(best);
    return code;
}

static int take(struct mr_training *own, const char *path, const struct mr_safetensors *file,
                struct mr_error *error) {
    const struct mr_tensor *epochs = mr_safetensors_find(file, "epochs");
    const struct mr_tensor *best = mr_safetensors_find(file, "best");
    const struct mr_tensor *state = mr_safetensors_find(file, "state");
    const size_t count = mr_train_weight_count(&own->chain);

    if (!epochs || !best || !state || epochs->dtype != MR_F64 || epochs->rank != 2 ||
        epochs->shape[1] != COLUMNS || epochs->shape[0] == 0 || best->dtype != MR_F32 ||
        best->count != count || state->dtype != MR_U8)
        return mr_failure(error, MR_ERROR_FILE, "%.500s is no checkpoint of this network", path);
    const size_t done = epochs->shape[0],
                 room = done > own->options.epochs ? done : own->options.epochs;
    struct mr_train_epoch *history = calloc(room, sizeof *history);
    float *weights = malloc(count * sizeof *weights);
    if (!history || !weights) {
        free(history);
        free(weights);
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory to read a checkpoint");
    }
    free(own->history);
    own->history = history;
    own->epochs = (uint32_t)done;
    for (size_t i = 0; i < done; i++) {
        double row[COLUMNS];
        memcpy(row, (const unsigned char *)epochs->data + i * sizeof row, sizeof row);
        history[i] = from_row(row);
        own->since_best = history[i].best ? 0 : own->since_best + 1;
        if (history[i].best)
            own->best = own->validate_count ? history[i].validation_loss : history[i].loss;
    }
    memcpy(weights, best->data, count * sizeof *weights);
    mr_train_write_weights(&own->network, &own->chain, weights);
    free(weights);
    return own->kind->write_state(own->trainer, state->data, state->count, error);
}

int mr_checkpoint_read(struct mr_training *own, struct mr_error *error) {
    struct mr_safetensors file;
    char path[PATH_MAX], text[900];

    if (path_of(own, "last.checkpoint", path, sizeof path, error) != 0)
        return MR_ERROR_FILE;
    if (mr_safetensors_read(path, NULL, &file, text, sizeof text) != 0)
        return mr_failure(error, MR_ERROR_FILE, "%s", text);
    int code = compare(own, path, &file, error);
    if (code == 0)
        code = take(own, path, &file, error);
    mr_safetensors_free(&file);
    return code;
}
