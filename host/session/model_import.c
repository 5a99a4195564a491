// SPDX-License-Identifier: Apache-2.0
// From an ONNX file, or a description in JSON, to a model: the calibration data, and the steps of
// an import in their order.
#include "model_import.h"

#include "file.h"
#include "file_kind.h"
#include "json.h"
#include "onnx.h"
#include "quantise.h"
#include "walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mr_import_fail(const struct mr_importing *in, const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(in->error, in->error_size, format, arguments);
    va_end(arguments);
    return -1;
}

void mr_import_note(const struct mr_importing *in, const char *format, ...) {
    char text[600];
    va_list arguments;

    if (!in->options || !in->options->note)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    in->options->note(in->options->note_context, text);
}

static bool begins_with(const char *text, const char *name) {
    return name && strncmp(text, name, strlen(name)) == 0;
}

// Every error names its file: puts it in front of what does not.
static int of_file(const struct mr_importing *in, const char *file, int result) {
    char text[1024];

    if (result == 0 || begins_with(in->error, file) ||
        (in->options && (begins_with(in->error, in->options->calibration) ||
                         begins_with(in->error, in->options->statistics) ||
                         begins_with(in->error, in->options->decoder))))
        return result;
    snprintf(text, sizeof text, "%s", in->error);
    return mr_import_fail(in, "%s: %s", file, text);
}

int mr_import_inputs(const struct mr_importing *in) {
    return in->model->network.streams[0].width;
}

// Formats need not hold the numbers of masked steps: each is taken as the last one that counts.
static void fill_masked(struct mr_importing *in, size_t inputs) {
    const struct mr_network *network = &in->model->network;

    for (size_t n = 0; n < in->sequences && network->mask.given; n++) {
        float *own = in->cast + n * in->steps * inputs;
        const size_t length = mr_network_length(network, in->x, n, in->steps);
        for (size_t t = length; t < in->steps; t++)
            memcpy(own + t * inputs, own + (length - 1) * inputs, inputs * sizeof *own);
    }
}

int mr_import_arrange(struct mr_importing *in, const struct mr_array *calibration, size_t inputs,
                      float **x, size_t *sequences, size_t *steps) {
    const struct mr_network *network = &in->model->network;
    char text[32];

    if (calibration->count == 0)
        return mr_import_fail(in, "the calibration data is empty");
    const char *layout = mr_array_layout(calibration, network->layout, inputs);
    if (!layout)
        return mr_import_fail(in,
                              "the calibration data is not of the shape that the network takes: "
                              "%s, with %zu feature%s",
                              mr_layout_text(network->layout, text, sizeof text), inputs,
                              inputs == 1 ? "" : "s");
    if (mr_array_check_finite(calibration, "the calibration data", in->error, in->error_size) != 0)
        return -1;
    *x = malloc(calibration->count * sizeof **x);
    struct mr_array sorted = *calibration;
    if (*x)
        sorted.data = memcpy(*x, calibration->data, calibration->count * sizeof **x);
    const bool good = *x && mr_array_arrange(&sorted, layout) == 0;
    if (*x) // arranged, it may be another array
        *x = sorted.data;
    if (!good)
        return mr_import_fail(in, "not enough memory for the calibration data");
    *sequences = sorted.shape[0];
    *steps = sorted.shape[1];
    return 0;
}

static int take_sample(struct mr_importing *in, const struct mr_array *calibration) {
    const struct mr_network *network = &in->model->network;
    const size_t inputs = (size_t)network->streams[0].width;

    if (mr_import_arrange(in, calibration, inputs, &in->x, &in->sequences, &in->steps) != 0)
        return -1;
    in->cast = malloc(calibration->count * sizeof *in->cast);
    if (!in->cast)
        return mr_import_fail(in, "not enough memory for the calibration data");
    if (mr_check_entries(network, 0, in->x, in->sequences, in->steps, in->error, in->error_size) !=
            0 ||
        mr_network_check_mask(network, in->x, in->sequences, in->steps, in->error,
                              in->error_size) != 0)
        return -1;
    for (size_t i = 0; i < calibration->count; i++)
        in->cast[i] = (float)mr_cast(network->input_cast, in->x[i]);
    fill_masked(in, inputs);
    return 0;
}

// Where sequences are turned round there is room for so many steps.
static int set_steps(const struct mr_importing *in) {
    const uint32_t steps = in->options ? in->options->max_steps : 0;

    if (steps > MR_MOST_STEPS_LIMIT)
        return mr_import_fail(in, "sequences of %u steps are asked for; at most %d are possible",
                              (unsigned)steps, MR_MOST_STEPS_LIMIT);
    if (steps > 0)
        mr_network_set_most_steps(&in->model->network, (int)steps);
    return 0;
}

void mr_import_note_file(const struct mr_importing *in, const struct mr_onnx *onnx) {
    for (const char *note = mr_onnx_notes(onnx); *note; note += strcspn(note, "\n") + 1)
        mr_import_note(in, "%.*s", (int)strcspn(note, "\n"), note);
}

// The network of the file, or of both.
static int read_network(struct mr_importing *in, const struct mr_own_cells *own) {
    const char *decoder = in->options ? in->options->decoder : NULL;
    struct mr_network *network = &in->model->network;

    if (decoder)
        mr_onnx_be_encoder(in->onnx);
    if (mr_onnx_network(in->onnx, network, in->error, in->error_size) != 0)
        return -1;
    mr_import_note_file(in, in->onnx);
    if (set_steps(in) != 0 ||
        mr_onnx_verify(in->onnx, network, mr_import_memory, in->error, in->error_size) != 0)
        return -1;
    return decoder ? mr_import_decoder(in, decoder, own) : 0;
}

static int run(struct mr_importing *in, const struct mr_own_cells *own,
               const struct mr_array *calibration) {
    const char *sample = in->options ? in->options->calibration : NULL;
    struct mr_network *network = &in->model->network;

    if (read_network(in, own) != 0)
        return -1;
    if (calibration && of_file(in, sample ? sample : in->path,
                               network->encoder ? mr_import_source(in, calibration)
                                                : take_sample(in, calibration)) != 0)
        return -1;
    if (mr_import_ranges(in) != 0)
        return -1;
    const struct mr_encoded encoded = mr_import_encoded(in, in->source);
    if (calibration && mr_float_observe_encoded(network, in->source ? &encoded : NULL, in->x,
                                                in->sequences, in->steps, &in->calibration) != 0)
        return mr_import_fail(in, "not enough memory to find the ranges inside of the network");
    if (mr_import_precision(in) != 0 || mr_import_note_features(in) != 0)
        return -1;
    return calibration ? mr_import_judge(in) : 0;
}

struct mr_onnx *mr_import_open(const char *path, const struct mr_own_cells *own, char *error,
                               size_t error_size) {
    unsigned char *data;
    size_t size;

    if (mr_check_network_folder(path, error, error_size) != 0 ||
        mr_file_read_checked(path, mr_onnx_max_file, mr_check_network_file, &data, &size, error,
                             error_size) != 0)
        return NULL;
    struct mr_onnx *onnx = mr_is_json(data, size)
                               ? mr_json_open(data, size, path, own, error, error_size)
                               : mr_onnx_open_read(data, size, path, error, error_size);
    free(data);
    if (onnx)
        mr_onnx_take_cells(onnx, own);
    return onnx;
}

int mr_import_add_files(struct mr_model_data *model, struct mr_onnx *onnx) {
    size_t count;
    char **files = mr_onnx_take_files(onnx, &count);
    char **all = realloc(model->sources, (model->source_count + count + 1) * sizeof *all);

    if (all)
        model->sources = all;
    for (size_t i = 0; i < count; i++) {
        if (all)
            all[model->source_count++] = files[i];
        else
            free(files[i]);
    }
    free(files);
    return all ? 0 : -1;
}

int mr_import_onnx(const char *path, const struct mr_array *calibration,
                   const struct mr_import_options *options, struct mr_model_data *model,
                   char *error, size_t error_size) {
    return mr_import_onnx_own(path, NULL, calibration, options, model, error, error_size);
}

int mr_import_onnx_own(const char *path, const struct mr_own_cells *own,
                       const struct mr_array *calibration, const struct mr_import_options *options,
                       struct mr_model_data *model, char *error, size_t error_size) {
    struct mr_importing in = {
        .path = path, .options = options, .model = model, .error = error, .error_size = error_size};

    if (options)
        in.calibration = (struct mr_calibration){options->calibration_method, options->percentile};
    memset(model, 0, sizeof *model);
    in.onnx = mr_import_open(path, own, error, error_size);
    int result = in.onnx ? run(&in, own, calibration) : -1;
    result = of_file(&in, path, result);
    if (result == 0 && mr_import_add_files(model, in.onnx) != 0)
        result = mr_import_fail(&in, "%s: not enough memory", path);
    mr_onnx_close(in.onnx);
    free(in.cast);
    free(in.x);
    free(in.source);
    free(in.features);
    free(in.expected);
    free(in.deviation);
    if (result != 0)
        mr_model_data_free(model);
    return result;
}
