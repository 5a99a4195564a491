// SPDX-License-Identifier: Apache-2.0
// How far numbers are from what they should be (accuracy.h).
#include "accuracy.h"

#include <math.h>

struct mr_accuracy mr_accuracy_measure(const float *expected, const float *got, size_t count,
                                       size_t stride) {
    struct mr_accuracy accuracy = {.count = count};
    double signal = 0, noise = 0;

    for (size_t i = 0; i < count; i++) {
        const double wanted = expected[i * stride], error = (double)got[i * stride] - wanted;
        signal += wanted * wanted;
        noise += error * error;
        accuracy.max_error = fmax(accuracy.max_error, fabs(error));
    }
    accuracy.rms_error = count > 0 ? sqrt(noise / (double)count) : 0;
    accuracy.snr_db = noise > 0 && signal > 0 ? fmin(10 * log10(signal / noise), 999) : 999;
    if (signal == 0 && noise > 0)
        accuracy.snr_db = 0;
    return accuracy;
}
