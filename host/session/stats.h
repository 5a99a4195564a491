// SPDX-License-Identifier: Apache-2.0
// Statistics of several runs as one.
#ifndef MR_STATS_H
#define MR_STATS_H

#include "millrace.h"

// Adds a run to those before, of which the statistics are to be those of all together.
void mr_stats_add(const struct mr_stats *one, struct mr_stats *all);

#endif
