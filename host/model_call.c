// SPDX-License-Identifier: Apache-2.0
// Models as the library's users see them: import, open, what they are, and their float reference.
#include "failure.h"
#include "model.h"
#include "model_handle.h"
#include "reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mr_model {
    struct mr_model_data data;
    struct mr_shape shape;
    char name[64];
};

const struct mr_quantised *mr_model_quantised(const struct mr_model *model) {
    return &model->data.quantised;
}

const struct mr_shape *mr_model_shape(const struct mr_model *model) {
    return &model->shape;
}

int mr_import(const char *onnx_path, const char *calibration_path, const char *model_path,
              struct mr_accuracy_info *accuracy, struct mr_error *error) {
    char text[900];
    struct mr_array calibration = {0};
    struct mr_model_data data = {0};
    if (!onnx_path || !model_path)
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_import: the %s is NULL",
                          onnx_path ? "path of the model" : "path of the ONNX file");
    if (calibration_path && mr_npy_read(calibration_path, &calibration, text, sizeof text))
        return mr_failure(error, MR_ERROR_FILE, "%s", text);
    int code = 0;
    if (mr_array_check_finite(&calibration, calibration_path, text, sizeof text))
        code = mr_failure(error, MR_ERROR_INPUT, "%s", text);
    else if (mr_import_onnx(onnx_path, calibration_path ? &calibration : NULL, &data, text,
                            sizeof text))
        code = mr_failure(error, MR_ERROR_MODEL, "%s", text);
    else if (mr_model_data_save(&data, model_path, text, sizeof text))
        code = mr_failure(error, MR_ERROR_FILE, "%s", text);
    else if (accuracy)
        *accuracy = (struct mr_accuracy_info){.outputs = data.accuracy.outputs,
                                              .rms_error = data.accuracy.rms_error,
                                              .max_error = data.accuracy.max_error,
                                              .snr_db = data.accuracy.snr_db};
    mr_model_data_free(&data);
    mr_array_free(&calibration);
    return code;
}

struct mr_model *mr_model_open(const char *path, struct mr_error *error) {
    char text[900];
    if (!path) {
        mr_failure(error, MR_ERROR_ARGUMENT, "mr_model_open: the path is NULL");
        return NULL;
    }
    struct mr_model *model = calloc(1, sizeof *model);
    if (!model) {
        mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory to read it", path);
        return NULL;
    }
    if (mr_model_data_load(path, &model->data, text, sizeof text)) {
        mr_failure(error, MR_ERROR_MODEL, "%s", text);
        free(model);
        return NULL;
    }
    if (mr_shape_of_quantised(&model->data.quantised, &model->shape, text, sizeof text)) {
        mr_failure(error, MR_ERROR_MODEL, "%.300s: %s", path, text);
        mr_model_close(model);
        return NULL;
    }
    const char *name = model->data.network.name;
    snprintf(model->name, sizeof model->name, "%s", name && *name ? name : "(unnamed)");
    return model;
}

void mr_model_close(struct mr_model *model) {
    if (!model)
        return;
    mr_model_data_free(&model->data);
    free(model);
}

int mr_model_info(const struct mr_model *model, struct mr_model_info *info) {
    if (!model || !info)
        return MR_ERROR_ARGUMENT;
    const struct mr_shape *shape = &model->shape;
    *info = (struct mr_model_info){
        .name = model->name,
        .layers = (uint32_t)shape->layer_count,
        .inputs = (uint32_t)shape->layers[0].inputs,
        .outputs = (uint32_t)shape->outputs,
        .steps = (uint32_t)model->data.network.steps,
        .batch_first = model->data.network.batch_first,
    };
    for (int l = 0; l < shape->layer_count; l++) {
        const uint64_t inputs = (uint64_t)shape->layers[l].inputs,
                       hidden = (uint64_t)shape->layers[l].hidden;
        info->parameters += 4 * hidden * (inputs + hidden + 1);
    }
    const uint64_t last = (uint64_t)shape->layers[shape->layer_count - 1].hidden;
    info->parameters += (uint64_t)shape->outputs * (last + 1);
    return 0;
}

int mr_model_layer(const struct mr_model *model, uint32_t index, struct mr_layer_info *info) {
    if (!model || !info || index >= (uint32_t)model->shape.layer_count)
        return MR_ERROR_ARGUMENT;
    info->inputs = (uint32_t)model->shape.layers[index].inputs;
    info->hidden = (uint32_t)model->shape.layers[index].hidden;
    return 0;
}

int mr_model_reference(const struct mr_model *model, const float *x, uint64_t sequences,
                       uint64_t steps, float *y, struct mr_error *error) {
    if (!model || !x || !y)
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_model_reference: an argument is NULL");
    if (mr_reference_run(&model->data.network, x, sequences, steps, y))
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory for the float reference");
    return 0;
}
