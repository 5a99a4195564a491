// SPDX-License-Identifier: Apache-2.0
// The two ends of a training: the network that a file describes, and what was trained as an ONNX
// file and as a model.
#define _GNU_SOURCE
#include "clock.h"
#include "failure.h"
#include "file.h"
#include "file_kind.h"
#include "json.h"
#include "model.h"
#include "network_build.h"
#include "onnx.h"
#include "onnx_export.h"
#include "options.h"
#include "train_build.h"
#include "train_weights.h"
#include "training.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Sequences of the training data that formats are chosen from: so many, spread over all.
enum { CALIBRATION = 256 };

// ---- reading

static int read_graph(struct mr_onnx *onnx, const char *path, struct mr_network *network,
                      struct mr_error *error) {
    char text[900];

    if (mr_onnx_network(onnx, network, text, sizeof text) != 0) {
        const bool named = strncmp(text, path, strlen(path)) == 0;
        return mr_failure(error, MR_ERROR_MODEL, "%.300s%s%s", named ? "" : path, named ? "" : ": ",
                          text);
    }
    return 0;
}

static int read_network(const char *path, const struct mr_train_options *options,
                        struct mr_network *network, struct mr_error *error) {
    char text[900];
    unsigned char *data;
    size_t size;
    bool blank = false;

    if (mr_file_read(path, mr_onnx_max_file, &data, &size, text, sizeof text) != 0)
        return mr_failure(error, MR_ERROR_FILE, "%s", text);
    if (mr_is_model(data, size)) {
        struct mr_model_data model;
        const int code = mr_model_data_parse(data, size, path, &model, text, sizeof text);
        free(data);
        if (code != 0)
            return mr_failure(error, MR_ERROR_MODEL, "%s", text);
        *network = model.network;
        memset(&model.network, 0, sizeof model.network);
        mr_model_data_free(&model);
        return 0;
    }
    struct mr_onnx *onnx = NULL;
    if (mr_check_network_file(data, size, size, path, text, sizeof text) == 0)
        onnx = mr_is_json(data, size)
                   ? mr_json_open_blank(data, size, path, &blank, text, sizeof text)
                   : mr_onnx_open_read(data, size, path, text, sizeof text);
    free(data);
    if (!onnx)
        return mr_failure(error, MR_ERROR_MODEL, "%s", text);
    int code = read_graph(onnx, path, network, error);
    mr_onnx_close(onnx);
    struct mr_train_chain chain;
    if (code == 0 && blank)
        code = mr_train_chain_of(network, options->loss, &chain, error);
    if (code == 0 && blank)
        mr_train_draw_weights(network, &chain, options->seed);
    return code;
}

struct mr_training *mr_train_open(const char *path, const struct mr_train_options *given,
                                  struct mr_error *error) {
    struct mr_train_options options;
    struct mr_network network = {0};

    if (mr_train_options_take(given, &options, error) != 0)
        return NULL;
    if (!path) {
        mr_failure(error, MR_ERROR_ARGUMENT, "mr_train_open: the path of the network is NULL");
        return NULL;
    }
    if (read_network(path, &options, &network, error) != 0) {
        mr_network_free(&network);
        return NULL;
    }
    return mr_training_create(&network, &options, error);
}

// ---- planning and building engines

// The fastest engine of a network.
static int engine_shape(const char *path, const struct mr_train_options *options, uint32_t steps,
                        struct mr_train_shape *shape, struct mr_error *error) {
    struct mr_network network = {0};
    struct mr_train_chain chain;

    if (!path || steps == 0 || steps > 1 << 20 || options->batch > 1 << 20 ||
        options->multipliers > 1 << 20)
        return mr_failure(
            error, MR_ERROR_ARGUMENT,
            "a training engine: an argument is NULL or 0, or beyond what is possible");
    int code = read_network(path, options, &network, error);
    if (code == 0)
        code = mr_train_chain_of(&network, options->loss, &chain, error);
    const struct mr_trainer_options wanted = {.loss = options->loss,
                                              .clip = options->clip,
                                              .dropout = options->dropout,
                                              .batch = options->batch ? options->batch : 64,
                                              .steps = steps,
                                              .target = options->target};
    if (code == 0)
        code = mr_train_shape_of(&chain, &wanted, (int)options->multipliers, shape, error);
    mr_network_free(&network);
    return code;
}

int mr_train_plan(const char *path, const struct mr_train_options *given, uint32_t steps,
                  struct mr_train_engine *engine, struct mr_error *error) {
    struct mr_train_options options;
    struct mr_train_shape shape;
    const struct mr_target *target = NULL;

    if (mr_train_options_take(given, &options, error) != 0)
        return MR_ERROR_ARGUMENT;
    if (!engine)
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_train_plan: the engine is NULL");
    int code = mr_card_target(options.target, &target, error);
    if (code == 0)
        code = engine_shape(path, &options, steps, &shape, error);
    if (code == 0) {
        const struct mr_train_memory memory = mr_train_memory(&shape);
        const uint64_t cycles = mr_train_cycles(&shape, shape.steps, true);
        *engine = (struct mr_train_engine){
            .multipliers = (uint32_t)mr_train_lanes(&shape),
            .columns = (uint32_t)shape.lc,
            .together = (uint32_t)shape.nb,
            .batch = (uint32_t)shape.batch,
            .steps = (uint32_t)shape.steps,
            .cycles = cycles,
            .utilisation =
                (double)mr_train_products(&shape, (size_t)shape.batch, (size_t)shape.steps, true) /
                ((double)mr_train_lanes(&shape) * (double)cycles),
            .predict_cycles = mr_train_cycles(&shape, shape.steps, false),
            .clock_mhz = MR_CLOCK_MHZ,
            .ramb36 = (memory.use.bram18 + 1) / 2,
            .urams = memory.use.uram,
            .luts = memory.use.lut,
            .device_ramb36 = (uint64_t)target->bram36,
            .device_urams = (uint64_t)target->uram,
            .device_luts = mr_train_card_luts(target),
            .gradient_bits = memory.gradients,
            .stash_bits = memory.stash,
            .parameter_bits = memory.parameters,
            .outside_bytes = memory.outside,
            .passed_bytes = memory.passed,
            .outside_ports = mr_train_ports(&shape),
            .target = target->name,
        };
    }
    return code;
}

int mr_train_image(const char *path, const char *platform, const struct mr_train_options *given,
                   uint32_t steps, const char *output, char *place, size_t place_size,
                   struct mr_error *error) {
    struct mr_train_options options;
    struct mr_train_shape shape;
    struct mr_train_built built;

    if (mr_train_options_take(given, &options, error) != 0)
        return MR_ERROR_ARGUMENT;
    if (!platform)
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_train_image: the platform is NULL");
    const struct mr_int_device_options wanted = {.notes = {options.note, options.context},
                                                 .bitstreams = options.bitstreams,
                                                 .target = options.target};
    int code = engine_shape(path, &options, steps, &shape, error);
    if (code == 0)
        code = mr_train_image_build(&shape, platform, output, &wanted, &built, error);
    if (code == 0 && place && snprintf(place, place_size, "%s", built.path) >= (int)place_size)
        code = mr_failure(error, MR_ERROR_ARGUMENT, "mr_train_image: the path %.500s is too long",
                          built.path);
    return code;
}

// ---- writing

static int write_onnx(const struct mr_training *training, const char *path,
                      struct mr_error *error) {
    char text[900];

    return mr_onnx_write(&training->network, path, text, sizeof text)
               ? mr_failure(error, MR_ERROR_FILE, "%s", text)
               : 0;
}

int mr_train_export(const struct mr_training *training, const char *path, struct mr_error *error) {
    if (!training || !path)
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_train_export: an argument is NULL");
    return write_onnx(training, path, error);
}

// Some of the training data, spread over all of it, as an import takes it.
static int calibration(const struct mr_training *training, struct mr_array *array, char *text,
                       size_t size) {
    const struct mr_train_set *set = &training->data;
    const size_t count = set->sequences < CALIBRATION ? set->sequences : CALIBRATION;
    const size_t shape[3] = {count, set->steps, (size_t)training->chain.inputs};

    if (mr_array_create(array, 3, shape, text, size) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        memcpy(array->data + i * set->x_numbers,
               set->x.data + i * set->sequences / count * set->x_numbers,
               set->x_numbers * sizeof *array->data);
    return 0;
}

// It has the name of the file that it was read from, which goes away.
static int rename_network(struct mr_network *network, const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');

    free(network->name);
    network->name = strndup(name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
    return network->name ? 0 : -1;
}

// Imports what was written to a file beside the model.
static int import(const struct mr_training *training, const char *onnx, const char *path,
                  struct mr_error *error) {
    const struct mr_import_options options = {.note = training->options.note,
                                              .note_context = training->options.context};
    struct mr_array x = {0};
    struct mr_model_data model = {0};
    char text[900];
    int code = 0;

    if (calibration(training, &x, text, sizeof text) != 0)
        code = mr_failure(error, MR_ERROR_MEMORY, "%s", text);
    else if (mr_import_onnx(onnx, &x, &options, &model, text, sizeof text) != 0)
        code = mr_failure(error, MR_ERROR_MODEL, "%s", text);
    else if (rename_network(&model.network, path) != 0)
        code = mr_failure(error, MR_ERROR_MEMORY, "not enough memory to write the model");
    else if (mr_model_data_save(&model, path, text, sizeof text) != 0)
        code = mr_failure(error, MR_ERROR_FILE, "%s", text);
    mr_model_data_free(&model);
    mr_array_free(&x);
    return code;
}

// What was trained and is no model stays as ONNX, in a file beside that one.
static int keep_onnx(char *onnx, const char *path, struct mr_error *error) {
    char text[sizeof error->text];
    const size_t named = strlen(onnx), size = strlen(path) + 16;
    char *kept = malloc(size);
    snprintf(text, sizeof text, "%s", error->text);
    const char *reason = strncmp(text, onnx, named) == 0 ? text + named : text;
    if (kept)
        snprintf(kept, size, "%s.onnx", path);
    if (kept && link(onnx, kept) == 0) // there was none
        unlink(onnx);
    else if (kept)
        snprintf(kept, size, "%s", onnx);
    const int code = mr_failure(error, error->code, "%s%s%s; what was trained is in %s", path,
                                reason == text ? ": " : "", reason, kept ? kept : onnx);
    free(kept);
    return code;
}

int mr_train_save(const struct mr_training *training, const char *path, struct mr_error *error) {
    if (!training || !path)
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_train_save: an argument is NULL");
    const size_t size = strlen(path) + 16;
    char *onnx = malloc(size);
    if (!onnx)
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory to write the model");
    snprintf(onnx, size, "%s.XXXXXX.onnx", path);
    const int descriptor = mkstemps(onnx, (int)strlen(".onnx"));
    int code = descriptor < 0
                   ? mr_failure(error, MR_ERROR_FILE, "a file beside %s cannot be written", path)
                   : 0;
    if (code == 0) {
        close(descriptor);
        code = write_onnx(training, onnx, error);
        if (code == 0)
            code = import(training, onnx, path, error);
        if (code == MR_ERROR_MODEL)
            code = keep_onnx(onnx, path, error);
        else
            unlink(onnx);
    }
    free(onnx);
    return code;
}
