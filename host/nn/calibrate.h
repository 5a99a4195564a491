// SPDX-License-Identifier: Apache-2.0
// The ranges of the input features and inside of the network, and the formats that hold them.
#ifndef MR_CALIBRATE_H
#define MR_CALIBRATE_H

#include "graph.h"
#include "millrace.h"

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

// How formats follow from what was seen.
struct mr_calibration {
    enum mr_calibration_method method;
    double percentile; // 0: 100
};

// The bits of a column for which the format of what lanes of a precision (its index) take is the
// one of the least squared error; 0: the format holds a range.
int mr_calibration_bits(const struct mr_calibration *how, int precision);

// The fraction bits with which columns of so many bits, 8 or 16, have the least squared error,
// values beyond them being cut; of those that are equal the most. Of x: every `stride`th of count
// numbers. False where the numbers are all the same, which says nothing.
bool mr_least_error_frac(const float *x, size_t count, size_t stride, int bits, int32_t *frac);

// The magnitude that so many percent of the numbers do not exceed; -1 when memory is short.
double mr_magnitude_at(const float *x, size_t count, size_t stride, double percentile);

// Sets the magnitudes that a stream's format is to hold, from its largest one and `count` of its
// numbers. -1 when memory is short.
int mr_calibrate_stream(struct mr_stream *stream, const struct mr_calibration *how, double largest,
                        const float *numbers, size_t count);

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
