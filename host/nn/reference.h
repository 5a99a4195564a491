// SPDX-License-Identifier: Apache-2.0
// The network in floating point: what the integer pipeline's accuracy is measured against.
#ifndef MR_REFERENCE_H
#define MR_REFERENCE_H

#include "network.h"

#include <stddef.h>

// Runs `sequences` sequences of `steps` steps from a zero state.
// x: (sequences, steps, inputs of the first layer), y: (sequences, head.outputs).
// Sums and states are double. Returns -1 only when memory is short.
int mr_reference_run(const struct mr_network *network, const float *x, size_t sequences,
                     size_t steps, float *y);

// The same before the cast of the output.
int mr_reference_run_uncast(const struct mr_network *network, const float *x, size_t sequences,
                            size_t steps, double *y);

// The largest magnitude of each layer's cell states. greatest: [layer_count].
int mr_reference_cells(const struct mr_network *network, const float *x, size_t sequences,
                       size_t steps, double *greatest);

#endif
