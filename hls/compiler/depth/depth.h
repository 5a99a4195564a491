// SPDX-License-Identifier: Apache-2.0
// Depths of FIFOs, and deadlock. Processes are Kahn processes with atomic iterations: one is issued
// when all words that it reads are there and all FIFOs that it writes have room. So the order of
// accesses alone decides whether a network stops for ever; the schedule tells how fast it goes.
#ifndef HLSC_DEPTH_H
#define HLSC_DEPTH_H

#include "sample.h"
#include "schedule.h"

// Finds the depths that channels between reconverging paths need, and those of FIFOs that lead back
// into their process: stream.needed, measured and why of the writer's end. Samples are runs that
// tell which values of scalars go together. Fails for a network that stops for ever, or whose need
// cannot be told or has no bound, unless stream pragmas say.
void find_depths(struct compiler *cc, struct network *net, const struct sample *samples,
                 int sample_count);

#endif
