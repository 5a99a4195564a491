// SPDX-License-Identifier: Apache-2.0
// The ranges of the input features, and the formats that hold them (calibrate.h).
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

// The magnitudes of a feature in rising order; NULL when memory is short.
static float *sorted_magnitudes(const float *x, size_t count, int inputs, int k) {
    float *list = malloc(count * sizeof *list);

    if (!list)
        return NULL;
    for (size_t i = 0; i < count; i++)
        list[i] = fabsf(x[i * (size_t)inputs + (size_t)k]);
    qsort(list, count, sizeof *list, by_size);
    return list;
}

struct mr_feature_data mr_feature_look(const float *x, size_t count, int inputs, int k) {
    struct mr_feature_data data = {.low = x[k], .high = x[k]};
    float *list = sorted_magnitudes(x, count, inputs, k);
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
    size_t rank = (size_t)(percentile / 100 * (double)count);

    rank = rank < 1 ? 1 : rank > count ? count : rank;
    for (int k = 0; k < inputs; k++) {
        if (features[k].source != MR_RANGE_UNKNOWN)
            continue;
        float *list = sorted_magnitudes(x, count, inputs, k);
        if (!list)
            return -1;
        features[k] = (struct mr_feature){MR_RANGE_DATA, -list[rank - 1], list[rank - 1]};
        free(list);
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
