// SPDX-License-Identifier: Apache-2.0
// The formats of the input features at an import: ranges by hand, of the training data or of the
// calibration data, and what is told of them.
#include "model_import.h"

#include "quantise.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int set_range(struct mr_importing *in, const struct mr_range *range) {
    uint32_t inputs = (uint32_t)mr_import_inputs(in);
    bool all = range->feature == MR_ALL;

    if (!all && range->feature >= inputs)
        return mr_import_fail(in,
                              "a range is given for feature %u; the network has %u, counted from 0",
                              (unsigned)range->feature, (unsigned)inputs);
    if (!isfinite(range->low) || !isfinite(range->high) || range->low > range->high)
        return mr_import_fail(in, "the range from %g to %g is none", range->low, range->high);
    for (uint32_t k = all ? 0 : range->feature; k < (all ? inputs : range->feature + 1); k++)
        in->features[k] = (struct mr_feature){MR_RANGE_GIVEN, range->low, range->high};
    return 0;
}

// What is taken from a feature whose values are far from zero and near to each other, so that its
// format need not hold their distance from zero: the middle of what is known of it, where that is
// four times as far as they are apart, or more. *least: what its format holds in any case, as the
// calibration data may be of a part of the use.
static double offset_of(const struct mr_importing *in, int k, double *least) {
    const int inputs = mr_import_inputs(in);
    struct mr_feature feature = in->features[k];

    *least = 0;
    if (feature.source == MR_RANGE_UNKNOWN) {
        if (!in->cast)
            return 0;
        const struct mr_feature_data data =
            mr_feature_look(in->cast, in->sequences * in->steps, inputs, k);
        feature.low = data.low;
        feature.high = data.high;
    }
    const double middle = (float)((feature.low + feature.high) / 2);
    const double half = (feature.high - feature.low) / 2;
    if (feature.source != MR_RANGE_GIVEN)
        *least = fabs(middle) / 32;
    return half > 0 && fmax(half, *least) * 4 <= fabs(middle) ? middle : 0;
}

// Takes the offsets from the calibration data and from the ranges that are known.
static int take_offsets(struct mr_importing *in, double *least) {
    struct mr_network *network = &in->model->network;
    const int inputs = mr_import_inputs(in);

    for (int k = 0; k < inputs && mr_network_takes_offsets(network); k++) {
        const double offset = offset_of(in, k, &least[k]);
        if (offset == 0)
            continue;
        if (!network->offset)
            network->offset = calloc((size_t)inputs, sizeof *network->offset);
        if (!network->offset)
            return mr_import_fail(in, "not enough memory to quantise the network");
        network->offset[k] = (float)offset;
        in->features[k].low -= offset;
        in->features[k].high -= offset;
        for (size_t i = 0; in->cast && i < in->sequences * in->steps; i++)
            in->cast[i * (size_t)inputs + (size_t)k] -= (float)offset;
    }
    return 0;
}

// What has been taken from a feature.
static double taken_from(const struct mr_importing *in, int k) {
    return in->model->network.offset ? (double)in->model->network.offset[k] : 0;
}

// The ranges of the calibration data, and what formats hold in any case.
static int find_ranges(struct mr_importing *in, double percentile, const double *least) {
    const int inputs = mr_import_inputs(in);

    if (in->cast && mr_feature_ranges(in->cast, in->sequences * in->steps, inputs, percentile,
                                      in->features) != 0)
        return mr_import_fail(in, "not enough memory for the calibration data");
    for (int k = 0; k < inputs; k++) {
        struct mr_feature *feature = &in->features[k];
        if (taken_from(in, k) == 0 || feature->source == MR_RANGE_GIVEN)
            continue;
        feature->low = fmin(feature->low, -least[k]);
        feature->high = fmax(feature->high, least[k]);
    }
    return 0;
}

int mr_import_ranges(struct mr_importing *in) {
    const struct mr_import_options *o = in->options;
    const double percentile = o && o->percentile != 0 ? o->percentile : 100;

    in->features = calloc((size_t)mr_import_inputs(in), sizeof *in->features);
    if (!in->features)
        return mr_import_fail(in, "not enough memory to quantise the network");
    if (!(percentile > 0) || percentile > 100)
        return mr_import_fail(
            in, "a percentile of %g is not possible; give one above 0, at most 100", percentile);
    if (o && o->statistics &&
        mr_statistics_read(o->statistics, mr_import_inputs(in), in->features, in->error,
                           in->error_size) != 0)
        return -1;
    for (uint32_t i = 0; o && i < o->range_count; i++) {
        if (set_range(in, &o->ranges[i]) != 0)
            return -1;
    }
    const double told = in->model->network.streams[0].greatest[0];
    for (int k = 0; k < mr_import_inputs(in) && !in->cast && told > 0; k++)
        if (in->features[k].source == MR_RANGE_UNKNOWN) // as the file was quantised
            in->features[k] = (struct mr_feature){MR_RANGE_GIVEN, -told, told};
    double *least = calloc((size_t)mr_import_inputs(in), sizeof *least);
    if (!least)
        return mr_import_fail(in, "not enough memory to quantise the network");
    const int result = take_offsets(in, least) != 0 ? -1 : find_ranges(in, percentile, least);
    free(least);
    return result;
}

// "±4", or "642 ± 4": values of a feature, as they were given, that are so far from its offset.
static const char *around(const struct mr_importing *in, int k, double distance, char text[64]) {
    const double middle = taken_from(in, k);

    if (middle != 0)
        snprintf(text, 64, "%.6g ± %.4g", middle, distance);
    else
        snprintf(text, 64, "±%.4g", distance);
    return text;
}

// Says that the largest value of a feature stands alone.
static void describe_spike(const struct mr_importing *in, int k, const struct mr_feature_data *data,
                           char *text, size_t size) {
    const double middle = taken_from(in, k);
    const double end = fabs(data->low) > fabs(data->high) ? data->low : data->high;
    char rest[64];

    snprintf(text, size,
             "feature %d reaches %.6g in the calibration data (sequence %zu, step %zu), while all "
             "but %zu of its values are within %s; if that is a fault, leave it out, or choose "
             "the formats by --calibration-method percentile=99.9 or --range %d=%.8g:%.8g",
             k, middle + end, data->at / in->steps, data->at % in->steps, data->rest,
             around(in, k, data->most, rest), k, middle - 2 * data->most, middle + 2 * data->most);
}

static bool is_zero(const struct mr_feature *feature) {
    return feature->low == 0 && feature->high == 0;
}

// The bits of columns with which the features that were seen have formats of the least error, or 0.
static int least_error_bits(const struct mr_importing *in) {
    const int precision = mr_stream_precision(&in->model->network, 0);

    return in->cast ? mr_calibration_bits(&in->calibration, precision) : 0;
}

// The formats of least error take the place of those that hold a range.
static void least_error_formats(const struct mr_importing *in, int32_t *frac) {
    const int bits = least_error_bits(in), inputs = mr_import_inputs(in);

    for (int k = 0; bits != 0 && k < inputs; k++)
        if (in->features[k].source == MR_RANGE_DATA)
            mr_least_error_frac(in->cast + k, in->sequences * in->steps, (size_t)inputs, bits,
                                &frac[k]);
}

// Quantises with the formats that fit; *feature: after a failure the one to blame, or -1.
static int quantise(struct mr_importing *in, int32_t *frac, int *feature) {
    int result =
        mr_feature_formats(in->features, mr_import_inputs(in), frac, in->error, in->error_size);

    *feature = -1;
    if (result == 0)
        least_error_formats(in, frac);
    for (bool again = result == 0; again;) {
        result = mr_quantise(&in->model->network, frac, feature, in->error, in->error_size);
        // A feature of small values may take a finer format, at which its weights are smaller.
        const int finest = result != 0 && *feature >= 0 && !is_zero(&in->features[*feature])
                               ? mr_feature_format(&in->features[*feature], MR_FRAC_MAX)
                               : MR_FRAC_MIN;
        again = finest > MR_FRAC_USUAL && frac[*feature] < finest;
        if (again)
            frac[*feature] = finest;
    }
    return result;
}

static void note_cut_weights(const struct mr_importing *in) {
    const struct mr_network *network = &in->model->network;

    for (int i = 0; i < network->op_count; i++)
        if (network->ops[i].rows.cut > 0)
            mr_import_note(in,
                           "%s: %d weight%s too large for 16 bits and %s cut; the functions behind "
                           "reach their ends with what is left for all but the smallest inputs",
                           network->ops[i].name, network->ops[i].rows.cut,
                           network->ops[i].rows.cut == 1 ? " is" : "s are",
                           network->ops[i].rows.cut == 1 ? "is" : "are");
}

int mr_import_quantise(struct mr_importing *in) {
    const int inputs = mr_import_inputs(in);
    int32_t *frac = malloc((size_t)inputs * sizeof *frac);
    int feature;

    if (!frac)
        return mr_import_fail(in, "not enough memory to quantise the network");
    in->model->network.cuts_weights = false;
    int result = quantise(in, frac, &feature);
    // Is it the weight that is too large, or is one value of the input?
    bool spike = false;
    if (result != 0 && feature >= 0 && in->cast && in->features[feature].source == MR_RANGE_DATA) {
        const struct mr_feature_data data =
            mr_feature_look(in->cast, in->sequences * in->steps, inputs, feature);
        spike = mr_feature_has_spike(&data);
        if (spike)
            describe_spike(in, feature, &data, in->error, in->error_size);
    }
    if (result != 0 && !spike) {
        in->model->network.cuts_weights = true;
        result = quantise(in, frac, &feature);
        if (result == 0)
            note_cut_weights(in);
    }
    free(frac);
    return result;
}

// How many calibration values a feature's format cuts off.
static size_t count_cut(const struct mr_importing *in, int k) {
    const int frac = in->model->network.streams[0].frac[k];
    const size_t inputs = (size_t)mr_import_inputs(in), steps = in->sequences * in->steps;
    size_t cut = 0;

    for (size_t i = 0; i < steps; i++) {
        const double v = floor(ldexp(in->cast[i * inputs + (size_t)k], frac) + 0.5);
        cut += v < INT16_MIN || v > INT16_MAX;
    }
    return cut;
}

static void note_cut(const struct mr_importing *in, int k, size_t cut,
                     const struct mr_feature_data *data) {
    const double offset = taken_from(in, k);
    const double end = ldexp(1, 15 - in->model->network.streams[0].frac[k]);
    char text[64];

    mr_import_note(in,
                   "feature %d: %zu of %zu calibration values are beyond its format, which ends at "
                   "%s, and are cut to it; they go from %.4g to %.4g",
                   k, cut, in->sequences * in->steps, around(in, k, end, text), data->low + offset,
                   data->high + offset);
}

// Constant features are told in one sentence, by their numbers as far as there is room.
static void note_constants(const struct mr_importing *in, const bool *constant) {
    const int inputs = mr_import_inputs(in);
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
        mr_import_note(
            in,
            "feature %s is %.4g in all of the calibration data, so its range is a guess: values "
            "beyond ±%.4g are cut; if it changes in use, give its range by --range %d=LOW:HIGH",
            list, in->cast[first], ldexp(1, 15 - in->model->network.streams[0].frac[first]), first);
    else if (count > 1)
        mr_import_note(
            in,
            "%d features do not change in the calibration data, so their ranges are guesses: %s; "
            "if they change in use, give their ranges by --range %d=LOW:HIGH or --statistics",
            count, list, first);
}

int mr_import_note_features(const struct mr_importing *in) {
    const int inputs = mr_import_inputs(in), bits = least_error_bits(in);
    bool *constant = calloc((size_t)inputs, sizeof *constant);
    size_t cut_by_error = 0; // on purpose, so all are told at once

    if (!constant)
        return mr_import_fail(in, "not enough memory to look at the features");
    for (int k = 0; in->cast && k < inputs; k++) {
        const struct mr_feature_data data =
            mr_feature_look(in->cast, in->sequences * in->steps, inputs, k);
        const double end = ldexp(1, 15 - in->model->network.streams[0].frac[k]);
        const bool seen = in->features[k].source == MR_RANGE_DATA;
        constant[k] = seen && data.low == data.high;
        if (seen && mr_feature_has_spike(&data) && fmax(fabs(data.low), fabs(data.high)) <= end) {
            char text[500];
            describe_spike(in, k, &data, text, sizeof text);
            mr_import_note(in, "%s", text);
        }
        const size_t cut = count_cut(in, k);
        if (cut > 0 && bits != 0 && seen)
            cut_by_error += cut;
        else if (cut > 0)
            note_cut(in, k, cut, &data);
    }
    if (cut_by_error > 0)
        mr_import_note(in,
                       "%zu of %zu calibration values are cut, which leaves the features the least "
                       "error with %d bits; --calibration-method max cuts none",
                       cut_by_error, in->sequences * in->steps * (size_t)inputs, bits);
    note_constants(in, constant);
    free(constant);
    return 0;
}
