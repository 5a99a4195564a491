// SPDX-License-Identifier: Apache-2.0
// Ranges and the formats that hold them (calibrate.h).
#include "calibrate.h"

#include "arithmetic.h"
#include "file.h"
#include "quantise.h"

#include <math.h>
#include <stdlib.h>

static int by_size(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

// The magnitudes of every `stride`th number in rising order; NULL when memory is short.
static float *sorted_magnitudes(const float *x, size_t count, size_t stride) {
    float *list = malloc(count * sizeof *list);

    if (!list)
        return NULL;
    for (size_t i = 0; i < count; i++)
        list[i] = fabsf(x[i * stride]);
    qsort(list, count, sizeof *list, by_size);
    return list;
}

double mr_magnitude_at(const float *x, size_t count, size_t stride, double percentile) {
    float *list = sorted_magnitudes(x, count, stride);
    size_t rank = (size_t)(percentile / 100 * (double)count);

    if (!list)
        return -1;
    rank = rank < 1 ? 1 : rank > count ? count : rank;
    const double magnitude = list[rank - 1];
    free(list);
    return magnitude;
}

// ---- the least error

int mr_calibration_bits(const struct mr_calibration *how, int precision) {
    const int bits = mr_precision_at(precision).column_bits;

    switch (how->method) {
    case MR_CALIBRATION_MSE:
        return bits;
    case MR_CALIBRATION_DEFAULT:
        return precision > 0 && how->percentile == 0 ? bits : 0;
    default:
        return 0;
    }
}

static double squared_error(const float *x, size_t count, size_t stride, int bits, int frac) {
    const double scale = ldexp(1, frac), unit = ldexp(1, -frac);
    double error = 0;

    for (size_t i = 0; i < count; i++) {
        const double v = x[i * stride], rounded = floor(v * scale + 0.5);
        const int32_t whole = (int32_t)fmin(fmax(rounded, INT16_MIN), INT16_MAX);
        const double off = (bits == 8 ? 256 * mr_column8(whole) : whole) * unit - v;
        error += off * off;
    }
    return error;
}

bool mr_least_error_frac(const float *x, size_t count, size_t stride, int bits, int32_t *frac) {
    enum { MORE = 12 }; // at which all is cut to less than a thousandth
    double largest = 0, least = INFINITY;
    bool same = true;

    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)x[i * stride]));
        same = same && x[i * stride] == x[0];
    }
    if (same)
        return false;
    // Where nothing is cut is a good one; a coarser one is not better but for what rounding does at
    // its very end.
    const int first = mr_frac_of(largest, MR_FRAC_MIN, MR_FRAC_MAX);
    for (int f = first > MR_FRAC_MIN ? first - 1 : first; f <= MR_FRAC_MAX && f < first + MORE;
         f++) {
        const double error = squared_error(x, count, stride, bits, f);
        if (error <= least) {
            least = error;
            *frac = f;
        }
    }
    return true;
}

int mr_calibrate_stream(struct mr_stream *stream, const struct mr_calibration *how, double largest,
                        const float *numbers, size_t count) {
    const double percentile = how->percentile != 0 ? how->percentile : 100;

    for (int i = 0; i < MR_PRECISIONS; i++) {
        const int bits = mr_calibration_bits(how, i);
        int32_t frac;
        stream->greatest[i] = largest;
        if (bits != 0 && count > 0 && mr_least_error_frac(numbers, count, 1, bits, &frac))
            stream->greatest[i] = ldexp(INT16_MAX, -frac) / 2;
        else if (bits == 0 && count > 0 && percentile < 100)
            stream->greatest[i] = mr_magnitude_at(numbers, count, 1, percentile);
        if (stream->greatest[i] < 0)
            return -1;
    }
    return 0;
}

// ---- features

struct mr_feature_data mr_feature_look(const float *x, size_t count, int inputs, int k) {
    struct mr_feature_data data = {.low = x[k], .high = x[k]};
    float *list = sorted_magnitudes(x + k, count, (size_t)inputs);
    double largest = -1;

    for (size_t i = 0; i < count; i++) {
        const double v = x[i * (size_t)inputs + (size_t)k];
        data.low = fmin(data.low, v);
        data.high = fmax(data.high, v);
        if (fabs(v) > largest) {
            largest = fabs(v);
            data.at = i;
        }
    }
    if (list && count > 1) {
        data.rest = count / 1000 + 1;
        data.most = list[count - 1 - data.rest];
    }
    free(list);
    return data;
}

bool mr_feature_has_spike(const struct mr_feature_data *data) {
    return data->rest > 0 && data->most > 0 &&
           fmax(fabs(data->low), fabs(data->high)) > 16 * data->most;
}

int mr_feature_ranges(const float *x, size_t count, int inputs, double percentile,
                      struct mr_feature *features) {
    for (int k = 0; k < inputs; k++) {
        if (features[k].source != MR_RANGE_UNKNOWN)
            continue;
        const double end = mr_magnitude_at(x + k, count, (size_t)inputs, percentile);
        if (end < 0)
            return -1;
        features[k] = (struct mr_feature){MR_RANGE_DATA, -end, end};
    }
    return 0;
}

int mr_feature_format(const struct mr_feature *feature, int most) {
    const double largest = fmax(fabs(feature->low), fabs(feature->high));
    const double wanted = feature->source == MR_RANGE_GIVEN ? largest : 2 * largest;

    return feature->source == MR_RANGE_UNKNOWN ? MR_FRAC_DEFAULT
                                               : mr_frac_of(wanted, MR_FRAC_MIN, most);
}

int mr_feature_formats(const struct mr_feature *features, int inputs, int32_t *frac, char *error,
                       size_t error_size) {
    for (int k = 0; k < inputs; k++) {
        const double largest = fmax(fabs(features[k].low), fabs(features[k].high));
        frac[k] = mr_feature_format(&features[k], MR_FRAC_USUAL);
        if (ldexp(largest, frac[k]) > 32767.0)
            return mr_fail(error, error_size,
                           "feature %d reaches %g, which is beyond the formats; normalise the "
                           "inputs",
                           k, largest);
    }
    return 0;
}
