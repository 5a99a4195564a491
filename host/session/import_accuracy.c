// SPDX-License-Identifier: Apache-2.0
// The accuracy of an import: the integers against what the file's own operators compute of the
// calibration data.
#include "model_import.h"

#include "quantise.h"
#include "walk.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const double warning_db = 20; // an output of less is told of

// Sequences on which both readings of the graph are compared, and steps of them at most: a network
// may be chaotic, and what was rounded to float then grows with the steps.
enum { COMPARED = 16, COMPARED_STEPS = 256 };

// What the network should give: what the file's operators compute. A file that was exported for
// sequences of another length computes nothing else, so there the network as it was understood
// stands for it, which has been compared with the file by then.
static int expected_outputs(const struct mr_importing *in, float *y) {
    const struct mr_network *network = &in->model->network;
    const size_t numbers = mr_network_numbers(network, in->steps);
    const size_t count = in->sequences * numbers;
    const size_t few = in->steps > COMPARED_STEPS ? 0
                       : in->sequences < COMPARED ? in->sequences
                                                  : COMPARED;

    if (in->source) {
        // Both files were compared with the network that they became.
        const struct mr_encoded encoded = mr_import_encoded(in, in->source);
        double *wide = malloc((count + 1) * sizeof *wide);
        const bool good = wide && mr_float_run_encoded(network, &encoded, in->x, in->sequences,
                                                       in->steps, wide) == 0;
        for (size_t i = 0; good && i < count; i++)
            y[i] = (float)wide[i]; // tokens, which have no casts
        free(wide);
        return good ? 0 : mr_import_fail(in, "not enough memory to measure the accuracy");
    }
    if (network->steps > 0 && (size_t)network->steps != in->steps) {
        mr_import_note(
            in,
            "the file was exported for sequences of %d steps and the calibration data has %zu, so "
            "its accuracy is measured against the network as it was read",
            network->steps, in->steps);
        if (mr_float_run_cast(network, in->x, in->sequences, in->steps, y) != 0)
            return mr_import_fail(in, "not enough memory to measure the accuracy");
        return 0;
    }
    double *graph = malloc((count + few * numbers + 1) * sizeof *graph), *first = graph + count;
    if (!graph)
        return mr_import_fail(in, "not enough memory to measure the accuracy");
    int result = mr_onnx_run(in->onnx, network, in->x, in->sequences, in->steps, mr_import_memory,
                             graph, in->error, in->error_size);
    // The first few sequences of each output.
    size_t at = 0, to = 0;
    for (int o = 0; result == 0 && o < network->output_count; o++) {
        const size_t each = mr_output_numbers(network, o, in->steps);
        memcpy(first + to, graph + at, few * each * sizeof *first);
        to += few * each;
        at += in->sequences * each;
    }
    if (result == 0)
        result = mr_onnx_compare(in->onnx, network, in->x, few, in->steps, first, in->error,
                                 in->error_size);
    for (size_t i = 0; result == 0 && i < count; i++)
        y[i] = (float)graph[i];
    free(graph);
    return result;
}

// A ReLU whose state grows from step to step leaves float's range; what is not finite is no
// measure.
static int check_expected(const struct mr_importing *in, const float *y) {
    const struct mr_network *network = &in->model->network;

    for (int o = 0; o < network->output_count; o++) {
        const size_t each = mr_output_numbers(network, o, in->steps);
        for (size_t i = 0; i < in->sequences * each; i++, y++) {
            if (!isfinite(*y))
                return mr_import_fail(
                    in,
                    "output %s is %s in sequence %zu of the calibration data, counted from "
                    "0: the network's values grow without end; check its weights, or give "
                    "shorter sequences",
                    network->outputs[o].name, isnan(*y) ? "no number" : "infinite", i / each);
        }
    }
    return 0;
}

// How far one output's rows are from what they should be, number by number of a row.
static void measure_output(struct mr_importing *in, int output, size_t first, const float *expected,
                           const float *got) {
    const struct mr_network *network = &in->model->network;
    const size_t width = (size_t)network->streams[network->outputs[output].stream].width;
    const size_t rows = in->sequences * mr_output_rows(network, output, in->steps);

    for (size_t k = 0; k < width; k++)
        in->model->output_accuracy[first + k] =
            mr_accuracy_measure(expected + k, got + k, rows, width);
}

// How far the numbers of an output are from their means, as RMS. A number that hardly moves counts
// as if it moved a hundredth of the one that moves most, or the least error would be beyond all
// tolerance.
static void note_deviations(const struct mr_importing *in, int output, const float *expected,
                            double *deviation) {
    const struct mr_network *network = &in->model->network;
    const size_t width = (size_t)network->streams[network->outputs[output].stream].width;
    const size_t rows = in->sequences * mr_output_rows(network, output, in->steps);
    double most = 0;

    for (size_t k = 0; k < width; k++) {
        double mean = 0, squares = 0;
        for (size_t i = 0; i < rows; i++)
            mean += expected[i * width + k] / (double)rows;
        for (size_t i = 0; i < rows; i++)
            squares += pow(expected[i * width + k] - mean, 2);
        deviation[k] = sqrt(squares / (double)rows);
        most = fmax(most, deviation[k]);
    }
    for (size_t k = 0; k < width; k++)
        deviation[k] = fmax(deviation[k], most / 100);
}

int mr_import_expect(struct mr_importing *in) {
    const struct mr_network *network = &in->model->network;
    size_t at = 0, first = 0;

    in->expected =
        malloc(in->sequences * mr_network_numbers(network, in->steps) * sizeof *in->expected);
    in->deviation = malloc((size_t)mr_network_width(network) * sizeof *in->deviation);
    if (!in->expected || !in->deviation)
        return mr_import_fail(in, "not enough memory to measure the accuracy");
    if (expected_outputs(in, in->expected) != 0 || check_expected(in, in->expected) != 0)
        return -1;
    for (int o = 0; o < network->output_count; o++) {
        note_deviations(in, o, in->expected + at, in->deviation + first);
        at += in->sequences * mr_output_numbers(network, o, in->steps);
        first += (size_t)network->streams[network->outputs[o].stream].width;
    }
    return 0;
}

double mr_import_relative_error(const struct mr_importing *in, int number) {
    const double error = in->model->output_accuracy[number].rms_error;

    return error == 0 ? 0 : error / in->deviation[number]; // infinite of one that does not move
}

// The same behind an encoder.
static int run_encoded(const struct mr_importing *in, const int16_t *x_q, int32_t *y_q) {
    const struct mr_network *network = &in->model->network;
    const size_t rows = in->sequences * in->source_steps;
    const size_t inputs = (size_t)network->streams[network->encoder].width;
    int16_t *source = malloc(rows * inputs * sizeof *source);
    int result = -1;

    if (source && mr_quantise_stream(network, network->encoder, in->source, rows, source, NULL,
                                     in->error, in->error_size) == 0) {
        const struct mr_encoded encoded = mr_import_encoded(in, source);
        result = mr_integer_run_encoded(network, &encoded, x_q, in->sequences, in->steps, y_q);
    }
    free(source);
    return result;
}

// What the quantised network gives for x_q; -1 when memory is short.
static int run_integers(const struct mr_importing *in, const int16_t *x_q, int32_t *y_q) {
    const struct mr_network *network = &in->model->network;
    if (in->source)
        return run_encoded(in, x_q, y_q);
    size_t *lengths = malloc(in->sequences * sizeof *lengths);
    int result = lengths ? 0 : -1;

    for (size_t n = 0; lengths && n < in->sequences; n++)
        lengths[n] = mr_network_length(network, in->x, n, in->steps);
    if (result == 0)
        result = mr_integer_run_lengths(network, x_q, in->sequences, in->steps, lengths, y_q);
    free(lengths);
    return result;
}

int mr_import_measure(struct mr_importing *in) {
    struct mr_model_data *model = in->model;
    const struct mr_network *network = &model->network;
    const size_t steps = in->sequences * in->steps;
    const size_t count = in->sequences * mr_network_numbers(network, in->steps);
    int16_t *x_q = malloc(steps * (size_t)mr_import_inputs(in) * sizeof *x_q);
    int32_t *y_q = malloc(count * sizeof *y_q);
    float *y = malloc(count * sizeof *y);
    int result = 0;

    free(model->output_accuracy);
    model->output_accuracy =
        calloc((size_t)mr_network_width(network), sizeof *model->output_accuracy);
    if (!x_q || !y_q || !y || !model->output_accuracy)
        result = mr_import_fail(in, "not enough memory to measure the accuracy");
    if (result == 0)
        result = mr_quantise_input(network, in->x, steps, x_q, NULL, in->error, in->error_size);
    if (result == 0 && run_integers(in, x_q, y_q) != 0)
        result = mr_import_fail(in, "not enough memory to measure the accuracy");
    size_t at = 0, first = 0;
    for (int o = 0; result == 0 && o < network->output_count; o++) {
        const size_t rows = in->sequences * mr_output_rows(network, o, in->steps);
        mr_quantised_output(network, o, y_q + at, rows, y + at);
        measure_output(in, o, first, in->expected + at, y + at);
        at += in->sequences * mr_output_numbers(network, o, in->steps);
        first += (size_t)network->streams[network->outputs[o].stream].width;
    }
    if (result == 0)
        model->accuracy = mr_accuracy_measure(in->expected, y, count, 1);
    free(x_q);
    free(y_q);
    free(y);
    return result;
}

// Outputs that are not accurate: some by name, of the others how many.
int mr_import_judge(const struct mr_importing *in) {
    enum { NAMED = 8 };
    const struct mr_accuracy *each = in->model->output_accuracy;
    const bool force = in->options && in->options->force;
    char name[128];
    int low = 0;

    for (int o = 0; o < mr_network_width(&in->model->network); o++) {
        mr_network_number(&in->model->network, o, name, sizeof name);
        if (each[o].snr_db < 0 && !force)
            return mr_import_fail(
                in,
                "output %s would be off by more than its size: rms error %.3g on the "
                "calibration data, signal to error %.1f dB; normalise the inputs, give "
                "ranges that fit them, or import it all the same by --force",
                name, each[o].rms_error, each[o].snr_db);
        if (each[o].snr_db < warning_db && ++low <= NAMED)
            mr_import_note(
                in,
                "output %s has a signal to error of only %.1f dB (rms error %.3g, largest %.3g)",
                name, each[o].snr_db, each[o].rms_error, each[o].max_error);
    }
    if (low > NAMED)
        mr_import_note(in, "%d more outputs are below %g dB", low - NAMED, warning_db);
    return 0;
}
