// SPDX-License-Identifier: Apache-2.0
// Models as the library's users see them: import, open, what they are, and their float reference.
#include "array_file.h"
#include "failure.h"
#include "file.h"
#include "model.h"
#include "model_handle.h"
#include "op.h"
#include "options.h"
#include "own_cell.h"
#include "walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mr_model {
    struct mr_own_cell_files own;
    struct mr_model_data data;
    unsigned char identity[MR_MODEL_IDENTITY];
    char name[64];
};

const struct mr_network *mr_model_network(const struct mr_model *model) {
    return &model->data.network;
}

const unsigned char *mr_model_identity(const struct mr_model *model) {
    return model->identity;
}

// What all models have, once their data is there. Takes the model away where it fails.
static struct mr_model *finish(struct mr_model *model, const char *path, struct mr_error *error) {
    if (mr_model_data_identity(&model->data, model->identity)) {
        mr_failure(error, MR_ERROR_MEMORY, "%.300s: not enough memory for its identity", path);
        mr_model_close(model);
        return NULL;
    }
    const char *name = model->data.network.name;
    snprintf(model->name, sizeof model->name, "%s", name && *name ? name : "(unnamed)");
    return model;
}

static struct mr_model *new_model(const char *path, struct mr_error *error) {
    struct mr_model *model = calloc(1, sizeof *model);
    if (!model)
        mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory to read it", path);
    return model;
}

static int read_calibration(const struct mr_import_options *options, struct mr_array *array,
                            struct mr_error *error) {
    char text[900], note[600];
    if (!options->calibration)
        return 0;
    if (mr_array_read(options->calibration, array, note, sizeof note, text, sizeof text))
        return mr_failure(error, MR_ERROR_FILE, "%s", text);
    if (*note && options->note)
        options->note(options->note_context, note);
    if (array->count == 0)
        return mr_failure(error, MR_ERROR_INPUT, "%.500s is empty: it holds no number",
                          options->calibration);
    if (mr_array_check_finite(array, options->calibration, text, sizeof text))
        return mr_failure(error, MR_ERROR_INPUT, "%s", text);
    return 0;
}

struct mr_model *mr_model_import(const char *onnx_path, const struct mr_import_options *options,
                                 struct mr_error *error) {
    char text[900];
    struct mr_array calibration = {0};
    if (mr_import_check(options, text, sizeof text)) {
        mr_failure(error, MR_ERROR_ARGUMENT, "mr_import: %s", text);
        return NULL;
    }
    struct mr_model *model = new_model(onnx_path, error);
    if (!model)
        return NULL;
    int code = mr_own_cells_open(options->cells, options->cell_count, &model->own, error);
    if (!code)
        code = read_calibration(options, &calibration, error);
    if (!code &&
        mr_import_onnx_own(onnx_path, &model->own.cells, options->calibration ? &calibration : NULL,
                           options, &model->data, text, sizeof text))
        code = mr_failure(error, MR_ERROR_MODEL, "%s", text);
    mr_array_free(&calibration);
    if (code) {
        mr_model_close(model);
        return NULL;
    }
    return finish(model, onnx_path, error);
}

int mr_model_save(const struct mr_model *model, const char *path, struct mr_error *error) {
    char text[900];
    for (size_t i = 0; i < model->data.source_count; i++) {
        if (mr_file_is_same(model->data.sources[i], path))
            return mr_failure(error, MR_ERROR_ARGUMENT,
                              "%s would be overwritten, which holds weights of the network; choose "
                              "another name",
                              path);
    }
    return mr_model_data_save(&model->data, path, text, sizeof text)
               ? mr_failure(error, MR_ERROR_FILE, "%s", text)
               : 0;
}

// Imports and, with accuracy, tells that of all outputs.
static int import(const char *onnx_path, const char *model_path,
                  const struct mr_import_options *options, struct mr_accuracy_info *accuracy,
                  struct mr_error *error) {
    struct mr_error reason = {0};
    if (!onnx_path || !model_path)
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_import: the %s is NULL",
                          onnx_path ? "path of the model" : "path of the network's file");
    if (options->range_count > 0 && !options->ranges)
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_import: the ranges are NULL");
    if (mr_file_is_same(onnx_path, model_path) ||
        (options->calibration && mr_file_is_same(options->calibration, model_path)) ||
        (options->statistics && mr_file_is_same(options->statistics, model_path)) ||
        (options->decoder && mr_file_is_same(options->decoder, model_path)))
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "%s would be overwritten, which the import reads; choose another name",
                          model_path);
    struct mr_model *model = mr_model_import(onnx_path, options, &reason);
    if (model && mr_model_save(model, model_path, &reason)) {
        mr_model_close(model);
        model = NULL;
    }
    if (!model)
        return mr_failure(error, reason.code, "%s", reason.text);
    if (accuracy)
        mr_model_accuracy(model, MR_ALL, accuracy);
    mr_model_close(model);
    return 0;
}

int mr_import_with(const char *onnx_path, const char *model_path,
                   const struct mr_import_options *options, struct mr_error *error) {
    struct mr_import_options own;
    const int code = mr_import_options_take(options, &own, error);
    return code ? code : import(onnx_path, model_path, &own, NULL, error);
}

int mr_import(const char *onnx_path, const char *calibration_path, const char *model_path,
              struct mr_accuracy_info *accuracy, struct mr_error *error) {
    const struct mr_import_options options = {.calibration = calibration_path};
    return import(onnx_path, model_path, &options, accuracy, error);
}

struct mr_model *mr_model_open(const char *path, struct mr_error *error) {
    return mr_model_open_with(path, NULL, error);
}

struct mr_model *mr_model_open_with(const char *path, const struct mr_model_options *given,
                                    struct mr_error *error) {
    struct mr_model_options options;
    char text[900];
    if (mr_model_options_take(given, &options, error))
        return NULL;
    if (!path) {
        mr_failure(error, MR_ERROR_ARGUMENT, "mr_model_open: the path is NULL");
        return NULL;
    }
    struct mr_model *model = new_model(path, error);
    if (!model)
        return NULL;
    int code = mr_own_cells_open(options.cells, options.cell_count, &model->own, error);
    if (!code && mr_model_data_load_own(path, &model->own.cells, &model->data, text, sizeof text))
        code = mr_failure(error, MR_ERROR_MODEL, "%s", text);
    if (code) {
        mr_model_close(model);
        return NULL;
    }
    return finish(model, path, error);
}

void mr_model_close(struct mr_model *model) {
    if (!model)
        return;
    mr_model_data_free(&model->data);
    mr_own_cells_close(&model->own);
    free(model);
}

int mr_model_info(const struct mr_model *model, struct mr_model_info *info) {
    if (!model || !info)
        return MR_ERROR_ARGUMENT;
    const struct mr_network *network = &model->data.network;
    *info = (struct mr_model_info){
        .name = model->name,
        .input_name = network->input_name,
        .operators = (uint32_t)network->op_count,
        .layers = (uint32_t)mr_network_layers(network),
        .output_count = (uint32_t)network->output_count,
        .inputs = (uint32_t)network->streams[0].width,
        .outputs = (uint32_t)mr_network_width(network),
        .steps = (uint32_t)network->steps,
        .batch_first =
            mr_layout_place(network->layout, 'N') < mr_layout_place(network->layout, 'T'),
        .parameters = mr_network_parameters(network),
    };
    return 0;
}

uint32_t mr_model_encoder(const struct mr_model *model, const char **name) {
    const struct mr_network *network = model ? &model->data.network : NULL;
    const bool encodes = network && network->encoder;
    if (name)
        *name = encodes ? network->encoder_name : NULL;
    return encodes ? (uint32_t)network->streams[network->encoder].width : 0;
}

const char *mr_model_layout(const struct mr_model *model) {
    return model ? model->data.network.layout : NULL;
}

int mr_model_operator(const struct mr_model *model, uint32_t index, struct mr_operator_info *info) {
    if (!model || !info || index >= (uint32_t)model->data.network.op_count)
        return MR_ERROR_ARGUMENT;
    const struct mr_op *op = &model->data.network.ops[index];
    *info = (struct mr_operator_info){
        .name = op->name,
        .type = op->kind->name,
        .inputs = (uint32_t)op->inputs,
        .units = (uint32_t)op->units,
        .recurrent = op->kind->recurrent,
        .weight_bits = (uint32_t)op->precision.weight_bits,
        .column_bits = (uint32_t)op->precision.column_bits,
        .limit = mr_op_limit_of(&model->data.network, op).limit,
    };
    return 0;
}

int mr_model_output(const struct mr_model *model, uint32_t index, struct mr_output_info *info) {
    if (!model || !info || index >= (uint32_t)model->data.network.output_count)
        return MR_ERROR_ARGUMENT;
    const struct mr_sink *output = &model->data.network.outputs[index];
    const struct mr_stream *stream = &model->data.network.streams[output->stream];
    *info = (struct mr_output_info){.name = output->name,
                                    .width = (uint32_t)stream->width,
                                    .per_step = stream->rate == MR_PER_STEP,
                                    .steps = (uint32_t)stream->steps};
    return 0;
}

uint64_t mr_model_numbers(const struct mr_model *model, uint64_t steps) {
    return model ? mr_network_numbers(&model->data.network, steps) : 0;
}

struct mr_accuracy_info mr_accuracy_info_of(const struct mr_accuracy *accuracy) {
    return (struct mr_accuracy_info){.outputs = accuracy->count,
                                     .rms_error = accuracy->rms_error,
                                     .max_error = accuracy->max_error,
                                     .snr_db = accuracy->snr_db};
}

int mr_model_accuracy(const struct mr_model *model, uint32_t output,
                      struct mr_accuracy_info *accuracy) {
    static const struct mr_accuracy unknown = {0};
    if (!model || !accuracy ||
        (output != MR_ALL && output >= (uint32_t)mr_network_width(&model->data.network)))
        return MR_ERROR_ARGUMENT;
    const struct mr_accuracy *each = model->data.output_accuracy;
    *accuracy = mr_accuracy_info_of(output == MR_ALL ? &model->data.accuracy
                                    : each           ? &each[output]
                                                     : &unknown);
    return 0;
}

int mr_model_reference(const struct mr_model *model, const float *x, uint64_t sequences,
                       uint64_t steps, float *y, struct mr_error *error) {
    if (!model || !x || !y)
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_model_reference: an argument is NULL");
    char text[300];
    if (mr_network_check_mask(&model->data.network, x, sequences, steps, text, sizeof text))
        return mr_failure(error, MR_ERROR_INPUT, "%s", text);
    if (mr_float_run_cast(&model->data.network, x, sequences, steps, y))
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory for the float reference");
    return 0;
}
