// SPDX-License-Identifier: Apache-2.0
// From an ONNX file to a model: quantisation on calibration data, and the accuracy on it.
#include "file.h"
#include "model.h"
#include "onnx.h"
#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The calibration data as [sequences][steps][inputs].
struct sample {
    size_t sequences, steps;
    float *x;
};

static int take_sample(const struct mr_network *network, const struct mr_array *calibration,
                       struct sample *sample, char *error, size_t error_size) {
    size_t inputs = (size_t)network->layers[0].inputs;
    const size_t *shape = calibration->shape;
    int rank = calibration->rank;

    if ((rank != 2 && rank != 3) || shape[rank - 1] != inputs || calibration->count == 0)
        return mr_fail(error, error_size,
                       "the calibration data is not of the shape that the network takes: %s, with "
                       "%zu features, and not empty",
                       network->batch_first ? "[sequences, steps, features]"
                                            : "[steps, sequences, features]",
                       inputs);
    if (mr_array_check_finite(calibration, "the calibration data", error, error_size) != 0)
        return -1;
    bool swap = rank == 3 && !network->batch_first;
    sample->sequences = rank == 2 ? 1 : shape[swap];
    sample->steps = rank == 2 ? shape[0] : shape[!swap];
    sample->x = malloc(calibration->count * sizeof *sample->x);
    if (!sample->x)
        return mr_fail(error, error_size, "not enough memory for the calibration data");
    for (size_t n = 0; n < sample->sequences; n++) {
        for (size_t t = 0; t < sample->steps; t++) {
            size_t from = swap ? t * sample->sequences + n : n * sample->steps + t;
            memcpy(sample->x + (n * sample->steps + t) * inputs, calibration->data + from * inputs,
                   inputs * sizeof *sample->x);
        }
    }
    return 0;
}

static void compare(const float *expected, const float *got, size_t count,
                    struct mr_accuracy *accuracy) {
    double signal = 0, noise = 0, largest = 0;

    for (size_t i = 0; i < count; i++) {
        double error = (double)got[i] - expected[i];
        signal += (double)expected[i] * expected[i];
        noise += error * error;
        largest = fmax(largest, fabs(error));
    }
    accuracy->outputs = count;
    accuracy->rms_error = sqrt(noise / (double)count);
    accuracy->max_error = largest;
    accuracy->snr_db = noise > 0 && signal > 0 ? fmin(10 * log10(signal / noise), 999) : 999;
    if (signal == 0 && noise > 0)
        accuracy->snr_db = 0;
}

static int measure(struct mr_model_data *model, const struct sample *sample, char *error,
                   size_t error_size) {
    size_t steps = sample->sequences * sample->steps;
    size_t count = sample->sequences * (size_t)model->network.head.outputs;
    int16_t *x_q = malloc(steps * (size_t)model->network.layers[0].inputs * sizeof *x_q);
    int32_t *y_q = malloc(count * sizeof *y_q);
    float *y = malloc(2 * count * sizeof *y);
    int result = 0;

    if (!x_q || !y_q || !y) {
        result = mr_fail(error, error_size, "not enough memory to measure the accuracy");
    } else {
        result = mr_quantise_input(&model->quantised, sample->x, steps, x_q, error, error_size);
        if (result == 0 &&
            (mr_reference_run(&model->network, sample->x, sample->sequences, sample->steps, y) !=
                 0 ||
             mr_quantised_run(&model->quantised, x_q, sample->sequences, sample->steps, y_q) != 0))
            result = mr_fail(error, error_size, "not enough memory to measure the accuracy");
        if (result == 0) {
            mr_quantised_output(&model->quantised, y_q, sample->sequences, y + count);
            compare(y, y + count, count, &model->accuracy);
        }
    }
    free(x_q);
    free(y_q);
    free(y);
    return result;
}

int mr_import_onnx(const char *path, const struct mr_array *calibration,
                   struct mr_model_data *model, char *error, size_t error_size) {
    struct sample sample = {0};
    int result = 0;

    memset(model, 0, sizeof *model);
    if (mr_onnx_read(path, &model->network, error, error_size) != 0)
        return -1;
    if (calibration)
        result = take_sample(&model->network, calibration, &sample, error, error_size);
    if (result == 0)
        result = mr_quantise(&model->network, sample.x, sample.sequences * sample.steps,
                             &model->quantised, error, error_size);
    if (result == 0 && calibration)
        result = measure(model, &sample, error, error_size);
    free(sample.x);
    if (result != 0)
        mr_model_data_free(model);
    return result;
}
