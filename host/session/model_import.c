// SPDX-License-Identifier: Apache-2.0
// From an ONNX file to a model: the input formats, quantisation, and the accuracy on calibration
// data.
#include "calibrate.h"
#include "file.h"
#include "model.h"
#include "onnx.h"
#include "quantise.h"
#include "walk.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double warning_db = 20; // an output of less is told of

// Bytes that the file's own operators may take while they compute.
static const size_t reference_memory = (size_t)1 << 32;

// Sequences on which both readings of the graph are compared, and steps of them at most: a network
// may be chaotic, and what was rounded to float then grows with the steps.
enum { COMPARED = 16, COMPARED_STEPS = 256 };

struct import {
    const char *path;
    struct mr_onnx *onnx;
    const struct mr_import_options *options;
    struct mr_model_data *model;
    // The calibration data as [sequences][steps][inputs], and with its casts done, which is the
    // same memory where there are none; NULL: there is no such data.
    size_t sequences, steps;
    float *x, *cast;
    struct mr_feature *features;
    char *error;
    size_t error_size;
};

static int fail(const struct import *in, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void note(const struct import *in, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(const struct import *in, const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(in->error, in->error_size, format, arguments);
    va_end(arguments);
    return -1;
}

static void note(const struct import *in, const char *format, ...) {
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
static int of_file(const struct import *in, const char *file, int result) {
    char text[1024];

    if (result == 0 || begins_with(in->error, file) ||
        (in->options && (begins_with(in->error, in->options->calibration) ||
                         begins_with(in->error, in->options->statistics))))
        return result;
    snprintf(text, sizeof text, "%s", in->error);
    return fail(in, "%s: %s", file, text);
}

static int inputs_of(const struct import *in) {
    return in->model->network.streams[0].width;
}

static int take_sample(struct import *in, const struct mr_array *calibration) {
    const struct mr_network *network = &in->model->network;
    size_t inputs = (size_t)network->streams[0].width;
    const size_t *shape = calibration->shape;
    int rank = calibration->rank;

    if (calibration->count == 0)
        return fail(in, "the calibration data is empty");
    if ((rank != 2 && rank != 3) || shape[rank - 1] != inputs)
        return fail(in,
                    "the calibration data is not of the shape that the network takes: %s, with "
                    "%zu features",
                    network->batch_first ? "[sequences, steps, features]"
                                         : "[steps, sequences, features]",
                    inputs);
    if (mr_array_check_finite(calibration, "the calibration data", in->error, in->error_size) != 0)
        return -1;
    bool swap = rank == 3 && !network->batch_first;
    in->sequences = rank == 2 ? 1 : shape[swap];
    in->steps = rank == 2 ? shape[0] : shape[!swap];
    const bool casts = network->input_cast.whole || network->input_cast.truth;
    in->x = malloc(calibration->count * sizeof *in->x);
    in->cast = casts ? malloc(calibration->count * sizeof *in->cast) : in->x;
    if (!in->x || !in->cast)
        return fail(in, "not enough memory for the calibration data");
    for (size_t n = 0; n < in->sequences; n++) {
        for (size_t t = 0; t < in->steps; t++) {
            size_t from = swap ? t * in->sequences + n : n * in->steps + t;
            memcpy(in->x + (n * in->steps + t) * inputs, calibration->data + from * inputs,
                   inputs * sizeof *in->x);
        }
    }
    for (size_t i = 0; casts && i < calibration->count; i++)
        in->cast[i] = (float)mr_cast(network->input_cast, in->x[i]);
    return 0;
}

// ---- Input formats

static int set_range(struct import *in, const struct mr_range *range) {
    uint32_t inputs = (uint32_t)inputs_of(in);
    bool all = range->feature == MR_ALL;

    if (!all && range->feature >= inputs)
        return fail(in, "a range is given for feature %u; the network has %u, counted from 0",
                    (unsigned)range->feature, (unsigned)inputs);
    if (!isfinite(range->low) || !isfinite(range->high) || range->low > range->high)
        return fail(in, "the range from %g to %g is none", range->low, range->high);
    for (uint32_t k = all ? 0 : range->feature; k < (all ? inputs : range->feature + 1); k++)
        in->features[k] = (struct mr_feature){MR_RANGE_GIVEN, range->low, range->high};
    return 0;
}

static int choose_ranges(struct import *in) {
    const struct mr_import_options *o = in->options;
    const double percentile = o && o->percentile != 0 ? o->percentile : 100;

    in->features = calloc((size_t)inputs_of(in), sizeof *in->features);
    if (!in->features)
        return fail(in, "not enough memory to quantise the network");
    if (!(percentile > 0) || percentile > 100)
        return fail(in, "a percentile of %g is not possible; give one above 0, at most 100",
                    percentile);
    if (o && o->statistics &&
        mr_statistics_read(o->statistics, inputs_of(in), in->features, in->error, in->error_size) !=
            0)
        return -1;
    for (uint32_t i = 0; o && i < o->range_count; i++) {
        if (set_range(in, &o->ranges[i]) != 0)
            return -1;
    }
    if (in->cast && mr_feature_ranges(in->cast, in->sequences * in->steps, inputs_of(in),
                                      percentile, in->features) != 0)
        return fail(in, "not enough memory for the calibration data");
    return 0;
}

// Says that the largest value of a feature stands alone.
static void describe_spike(const struct import *in, int k, const struct mr_feature_data *data,
                           char *text, size_t size) {
    const double largest = fmax(fabs(data->low), fabs(data->high));

    snprintf(text, size,
             "feature %d reaches %.4g in the calibration data (sequence %zu, step %zu), while all "
             "but %zu of its values are within %.4g; if that is a fault, leave it out, or choose "
             "the formats by --percentile 99.9 or --range %d=%.4g:%.4g",
             k, largest, data->at / in->steps, data->at % in->steps, data->rest, data->most, k,
             -2 * data->most, 2 * data->most);
}

static bool is_zero(const struct mr_feature *feature) {
    return feature->low == 0 && feature->high == 0;
}

static int quantise(struct import *in) {
    const int inputs = inputs_of(in);
    int32_t *frac = malloc((size_t)inputs * sizeof *frac);
    int feature = -1, result;

    if (!frac)
        return fail(in, "not enough memory to quantise the network");
    result = mr_feature_formats(in->features, inputs, frac, in->error, in->error_size);
    for (bool again = result == 0; again;) {
        result = mr_quantise(&in->model->network, frac, &feature, in->error, in->error_size);
        // A feature of small values may take a finer format, at which its weights are smaller.
        const int finest = result != 0 && feature >= 0 && !is_zero(&in->features[feature])
                               ? mr_feature_format(&in->features[feature], MR_FRAC_MAX)
                               : MR_FRAC_MIN;
        again = finest > MR_FRAC_USUAL && frac[feature] < finest;
        if (again)
            frac[feature] = finest;
    }
    free(frac);
    if (result == 0 || feature < 0 || !in->cast || in->features[feature].source != MR_RANGE_DATA)
        return result;
    // Is it the weight that is too large, or is one value of the input?
    const size_t steps = in->sequences * in->steps;
    const struct mr_feature_data data = mr_feature_look(in->cast, steps, inputs, feature);
    if (mr_feature_has_spike(&data))
        describe_spike(in, feature, &data, in->error, in->error_size);
    return -1;
}

// How many calibration values a feature's format cuts off.
static void note_cut(const struct import *in, int k, const struct mr_feature_data *data) {
    const int frac = in->model->network.streams[0].frac[k];
    const size_t inputs = (size_t)inputs_of(in), steps = in->sequences * in->steps;
    size_t cut = 0;

    for (size_t i = 0; i < steps; i++) {
        const double v = floor(ldexp(in->cast[i * inputs + (size_t)k], frac) + 0.5);
        cut += v < INT16_MIN || v > INT16_MAX;
    }
    if (cut > 0)
        note(in,
             "feature %d: %zu of %zu calibration values are beyond its format, which ends at "
             "±%.4g, and are cut to it; they go from %.4g to %.4g",
             k, cut, steps, ldexp(1, 15 - frac), data->low, data->high);
}

// Constant features are told in one sentence, by their numbers as far as there is room.
static void note_constants(const struct import *in, const bool *constant) {
    const int inputs = inputs_of(in);
    char list[160] = "";
    size_t used = 0;
    int count = 0, left_out = 0, first = 0;

    for (int k = inputs - 1; k >= 0; k--) {
        if (constant[k]) {
            first = k;
            count++;
        }
    }
    for (int k = first; k < inputs && count > 0; k++) {
        if (!constant[k])
            continue;
        if (used + 24 < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%d", used ? ", " : "", k);
        else
            left_out++;
    }
    if (left_out > 0)
        snprintf(list + used, sizeof list - used, " and %d more", left_out);
    if (count == 1)
        note(in,
             "feature %s is %.4g in all of the calibration data, so its range is a guess: values "
             "beyond ±%.4g are cut; if it changes in use, give its range by --range %d=LOW:HIGH",
             list, in->cast[first], ldexp(1, 15 - in->model->network.streams[0].frac[first]),
             first);
    else if (count > 1)
        note(in,
             "%d features do not change in the calibration data, so their ranges are guesses: %s; "
             "if they change in use, give their ranges by --range %d=LOW:HIGH or --statistics",
             count, list, first);
}

static int note_features(const struct import *in) {
    const int inputs = inputs_of(in);
    bool *constant = calloc((size_t)inputs, sizeof *constant);

    if (!constant)
        return fail(in, "not enough memory to look at the features");
    for (int k = 0; in->cast && k < inputs; k++) {
        const struct mr_feature_data data =
            mr_feature_look(in->cast, in->sequences * in->steps, inputs, k);
        const double end = ldexp(1, 15 - in->model->network.streams[0].frac[k]);
        const bool seen = in->features[k].source == MR_RANGE_DATA;
        constant[k] = seen && data.low == data.high;
        if (seen && mr_feature_has_spike(&data) && fmax(fabs(data.low), fabs(data.high)) <= end) {
            char text[500];
            describe_spike(in, k, &data, text, sizeof text);
            note(in, "%s", text);
        }
        note_cut(in, k, &data);
    }
    note_constants(in, constant);
    free(constant);
    return 0;
}

// ---- Accuracy

// What the network should give: what the file's operators compute. A file that was exported for
// sequences of another length computes nothing else, so there the network as it was understood
// stands for it, which has been compared with the file by then.
static int expected_outputs(const struct import *in, float *y) {
    const struct mr_network *network = &in->model->network;
    const size_t numbers = mr_network_numbers(network, in->steps);
    const size_t count = in->sequences * numbers;
    const size_t few = in->steps > COMPARED_STEPS ? 0
                       : in->sequences < COMPARED ? in->sequences
                                                  : COMPARED;

    if (network->steps > 0 && (size_t)network->steps != in->steps) {
        note(in,
             "the file was exported for sequences of %d steps and the calibration data has %zu, so "
             "its accuracy is measured against the network as it was read",
             network->steps, in->steps);
        if (mr_float_run_cast(network, in->x, in->sequences, in->steps, y) != 0)
            return fail(in, "not enough memory to measure the accuracy");
        return 0;
    }
    double *graph = malloc((count + 2 * few * numbers + 1) * sizeof *graph);
    double *own = graph + count, *first = own + few * numbers;
    if (!graph)
        return fail(in, "not enough memory to measure the accuracy");
    int result = mr_onnx_run(in->onnx, network, in->x, in->sequences, in->steps, reference_memory,
                             graph, in->error, in->error_size);
    if (result == 0 && mr_float_run(network, in->x, few, in->steps, own) != 0)
        result = fail(in, "not enough memory to measure the accuracy");
    // The first few sequences of each output.
    size_t at = 0, to = 0;
    for (int o = 0; result == 0 && o < network->output_count; o++) {
        const size_t each = mr_output_numbers(network, o, in->steps);
        memcpy(first + to, graph + at, few * each * sizeof *first);
        to += few * each;
        at += in->sequences * each;
    }
    if (result == 0)
        result = mr_onnx_compare(in->onnx, network, own, first, few, in->steps, in->error,
                                 in->error_size);
    for (size_t i = 0; result == 0 && i < count; i++)
        y[i] = (float)graph[i];
    free(graph);
    return result;
}

// A ReLU whose state grows from step to step leaves float's range; what is not finite is no
// measure.
static int check_expected(const struct import *in, const float *y) {
    const struct mr_network *network = &in->model->network;

    for (int o = 0; o < network->output_count; o++) {
        const size_t each = mr_output_numbers(network, o, in->steps);
        for (size_t i = 0; i < in->sequences * each; i++, y++) {
            if (!isfinite(*y))
                return fail(in,
                            "output %s is %s in sequence %zu of the calibration data, counted from "
                            "0: the network's values grow without end; check its weights, or give "
                            "shorter sequences",
                            network->outputs[o].name, isnan(*y) ? "no number" : "infinite",
                            i / each);
        }
    }
    return 0;
}

// How far one output's rows are from what they should be, number by number of a row.
static void measure_output(struct import *in, int output, size_t first, const float *expected,
                           const float *got) {
    const struct mr_network *network = &in->model->network;
    const size_t width = (size_t)network->streams[network->outputs[output].stream].width;
    const size_t rows = in->sequences * mr_output_rows(network, output, in->steps);

    for (size_t k = 0; k < width; k++)
        in->model->output_accuracy[first + k] =
            mr_accuracy_measure(expected + k, got + k, rows, width);
}

static int measure(struct import *in) {
    struct mr_model_data *model = in->model;
    const struct mr_network *network = &model->network;
    const size_t steps = in->sequences * in->steps;
    const size_t count = in->sequences * mr_network_numbers(network, in->steps);
    int16_t *x_q = malloc(steps * (size_t)inputs_of(in) * sizeof *x_q);
    int32_t *y_q = malloc(count * sizeof *y_q);
    float *y = malloc(2 * count * sizeof *y);
    int result = 0;

    model->output_accuracy =
        calloc((size_t)mr_network_width(network), sizeof *model->output_accuracy);
    if (!x_q || !y_q || !y || !model->output_accuracy)
        result = fail(in, "not enough memory to measure the accuracy");
    if (result == 0)
        result = mr_quantise_input(network, in->x, steps, x_q, NULL, in->error, in->error_size);
    if (result == 0)
        result = expected_outputs(in, y) != 0 ? -1 : check_expected(in, y);
    if (result == 0 && mr_integer_run(network, x_q, in->sequences, in->steps, y_q) != 0)
        result = fail(in, "not enough memory to measure the accuracy");
    size_t at = 0, first = 0;
    for (int o = 0; result == 0 && o < network->output_count; o++) {
        const size_t rows = in->sequences * mr_output_rows(network, o, in->steps);
        mr_quantised_output(network, o, y_q + at, rows, y + count + at);
        measure_output(in, o, first, y + at, y + count + at);
        at += in->sequences * mr_output_numbers(network, o, in->steps);
        first += (size_t)network->streams[network->outputs[o].stream].width;
    }
    if (result == 0)
        model->accuracy = mr_accuracy_measure(y, y + count, count, 1);
    free(x_q);
    free(y_q);
    free(y);
    return result;
}

// Outputs that are not accurate: some by name, of the others how many.
static int judge(const struct import *in) {
    enum { NAMED = 8 };
    const struct mr_accuracy *each = in->model->output_accuracy;
    const bool force = in->options && in->options->force;
    char name[128];
    int low = 0;

    for (int o = 0; o < mr_network_width(&in->model->network); o++) {
        mr_network_number(&in->model->network, o, name, sizeof name);
        if (each[o].snr_db < 0 && !force)
            return fail(in,
                        "output %s would be off by more than its size: rms error %.3g on the "
                        "calibration data, signal to error %.1f dB; normalise the inputs, give "
                        "ranges that fit them, or import it all the same by --force",
                        name, each[o].rms_error, each[o].snr_db);
        if (each[o].snr_db < warning_db && ++low <= NAMED)
            note(in,
                 "output %s has a signal to error of only %.1f dB (rms error %.3g, largest %.3g)",
                 name, each[o].snr_db, each[o].rms_error, each[o].max_error);
    }
    if (low > NAMED)
        note(in, "%d more outputs are below %g dB", low - NAMED, warning_db);
    return 0;
}

static int run(struct import *in, const struct mr_array *calibration) {
    const char *sample = in->options ? in->options->calibration : NULL;
    struct mr_network *network = &in->model->network;

    if (mr_onnx_network(in->onnx, network, in->error, in->error_size) != 0 ||
        mr_onnx_verify(in->onnx, network, reference_memory, in->error, in->error_size) != 0 ||
        (calibration && of_file(in, sample ? sample : in->path, take_sample(in, calibration)) != 0))
        return -1;
    if (calibration && mr_float_observe(network, in->x, in->sequences, in->steps) != 0)
        return fail(in, "not enough memory to find the ranges inside of the network");
    if (choose_ranges(in) != 0 || quantise(in) != 0 || note_features(in) != 0)
        return -1;
    return calibration && (measure(in) != 0 || judge(in) != 0) ? -1 : 0;
}

int mr_import_onnx(const char *path, const struct mr_array *calibration,
                   const struct mr_import_options *options, struct mr_model_data *model,
                   char *error, size_t error_size) {
    struct import in = {
        .path = path, .options = options, .model = model, .error = error, .error_size = error_size};

    memset(model, 0, sizeof *model);
    in.onnx = mr_onnx_open(path, error, error_size);
    int result = in.onnx ? run(&in, calibration) : -1;
    result = of_file(&in, path, result);
    if (result == 0)
        model->sources = mr_onnx_take_files(in.onnx, &model->source_count);
    mr_onnx_close(in.onnx);
    if (in.cast != in.x)
        free(in.cast);
    free(in.x);
    free(in.features);
    if (result != 0)
        mr_model_data_free(model);
    return result;
}
