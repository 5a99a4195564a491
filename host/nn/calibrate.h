// SPDX-License-Identifier: Apache-2.0
// The ranges of the input features, and the formats that hold them.
#ifndef MR_CALIBRATE_H
#define MR_CALIBRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mr_range_source {
    MR_RANGE_UNKNOWN,    // the default format
    MR_RANGE_DATA,       // seen in calibration data
    MR_RANGE_STATISTICS, // of the training data
    MR_RANGE_GIVEN,      // by hand: no head-room is added
};

struct mr_feature {
    enum mr_range_source source;
    double low, high; // what its format is to hold
};

// The calibration data of one feature.
struct mr_feature_data {
    double low, high;
    double most; // of all but the largest thousandth (one value at least), the largest magnitude
    size_t rest; // how many were left out for that
    size_t at;   // where the largest magnitude is
};

// Looks at feature k of x: (count, inputs). most and rest are 0 when memory is short.
struct mr_feature_data mr_feature_look(const float *x, size_t count, int inputs, int k);

// Is the largest value so far from all others that it may be a fault?
bool mr_feature_has_spike(const struct mr_feature_data *data);

// Sets the ranges that are not known yet so that they hold `percentile` (above 0, at most 100) of
// the magnitudes of each feature of x. -1 when memory is short.
int mr_feature_ranges(const float *x, size_t count, int inputs, double percentile,
                      struct mr_feature *features);

// The fraction bits of a feature: the most, up to `most`, at which its range fits, with a bit of
// head-room above ranges that were seen.
int mr_feature_format(const struct mr_feature *feature, int most);

// The same of each, up to MR_FRAC_USUAL; a range that no format holds is an error.
int mr_feature_formats(const struct mr_feature *features, int inputs, int32_t *frac, char *error,
                       size_t error_size);

// Reads training statistics: one range for each feature. JSON or CSV that names min and max, or
// mean and std (the range is then four deviations to either side), or .npy of shape [2, inputs],
// minima then maxima.
int mr_statistics_read(const char *path, int inputs, struct mr_feature *features, char *error,
                       size_t error_size);

#endif
