// SPDX-License-Identifier: Apache-2.0
// How far numbers are from what they should be.
#ifndef MR_ACCURACY_H
#define MR_ACCURACY_H

#include <stddef.h>

struct mr_accuracy {
    size_t count;     // numbers compared, 0 when it was not measured
    double rms_error; // in their unit
    double max_error;
    double snr_db; // 10 log10 (sum expected^2 / sum error^2), at most 999
};

// Compares `count` numbers, each so many behind the one before.
struct mr_accuracy mr_accuracy_measure(const float *expected, const float *got, size_t count,
                                       size_t stride);

#endif
