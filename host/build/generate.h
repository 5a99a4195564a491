// SPDX-License-Identifier: Apache-2.0
// Writes the network's HLS C: one instance of a kernel per process, and the top function that
// connects them. The same plan gives the same bytes. They depend on the graph, the formats, LCs and
// dies, not on weights.
#ifndef MR_GENERATE_H
#define MR_GENERATE_H

#include "pipeline.h"

// The source text, ended by a zero byte, to be freed by the caller. NULL with a sentence in error.
char *mr_generate_network(const struct mr_plan *plan, const struct mr_pipeline *pipeline,
                          char *error, size_t error_size);

#endif
