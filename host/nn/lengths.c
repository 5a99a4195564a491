// SPDX-License-Identifier: Apache-2.0
// Lengths that a network gives the sequences of a run: a list of the file, or found from x, whose
// last steps may be masked.
#include "file.h"
#include "graph.h"

#include <math.h>
#include <stdlib.h>

const char *const mr_relation_words[MR_RELATIONS] = {"differs", "above", "below"};

int mr_network_lengths(struct mr_network *network, int count) {
    free(network->lengths);
    network->lengths = calloc((size_t)count, sizeof *network->lengths);
    network->length_count = network->lengths ? count : 0;
    return network->lengths ? 0 : -1;
}

bool mr_network_has_lengths(const struct mr_network *network) {
    return network->lengths || network->mask.given;
}

// Is the step, a row of x, none of the mask's?
static bool counts(const struct mr_mask *mask, const float *row, size_t inputs) {
    for (size_t k = 0; k < inputs; k++) {
        if (mask->only && k + 1 != (size_t)mask->only)
            continue;
        const double v = mask->whole ? trunc((double)row[k]) : (double)row[k];
        if (mask->relation == MR_ABOVE   ? v > mask->than
            : mask->relation == MR_BELOW ? v < mask->than
                                         : v != mask->than)
            return true;
    }
    return false;
}

size_t mr_network_length(const struct mr_network *network, const float *x, size_t sequence,
                         size_t steps) {
    const size_t inputs = (size_t)network->streams[0].width;

    if (network->mask.given && x) {
        const float *own = x + sequence * steps * inputs;
        while (steps > 0 && !counts(&network->mask, own + (steps - 1) * inputs, inputs))
            steps--;
        return steps;
    }
    if (!network->lengths)
        return steps;
    const size_t own = (size_t)network->lengths[sequence % (size_t)network->length_count];
    return own < steps ? own : steps;
}

int mr_network_check_mask(const struct mr_network *network, const float *x, size_t sequences,
                          size_t steps, char *error, size_t error_size) {
    const size_t inputs = (size_t)network->streams[0].width;

    for (size_t n = 0; n < sequences && network->mask.given; n++) {
        const float *own = x + n * steps * inputs;
        const size_t length = mr_network_length(network, own, 0, steps);
        if (length == 0)
            return mr_fail(error, error_size,
                           "all steps of sequence %zu are masked (the network's mask is %g); give "
                           "each sequence a step at least",
                           n, network->mask.than);
        for (size_t t = 0; t < length; t++)
            if (!counts(&network->mask, own + t * inputs, inputs))
                return mr_fail(error, error_size,
                               "step %zu of sequence %zu (counted from 0) is masked (the network's "
                               "mask is %g), and steps behind it are not; only the last steps of a "
                               "sequence can be",
                               t, n, network->mask.than);
    }
    return 0;
}
