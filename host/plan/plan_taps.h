// SPDX-License-Identifier: Apache-2.0
// Taps: the channels that give a stream to each of its readers. Where streams part and meet again,
// as the two halves of a bidirectional layer do, the earlier one waits in the channels of its taps
// for as many sequences as the other takes more before it gives its first row; with slots, groups
// of them (hls/kernels/frame/slots.h).
#ifndef MR_PLAN_TAPS_H
#define MR_PLAN_TAPS_H

#include "graph.h"

enum { MR_TAPS = MR_OP_READS * MR_MAX_OPS + MR_MAX_OUTPUTS };

struct mr_plan_taps {
    // Of a stream, the first of its taps: those of operators in their order (mr_op_read), then
    // of outputs.
    int first[MR_MAX_STREAMS];
    int hold[MR_TAPS]; // sequences that wait
};

void mr_plan_taps(const struct mr_network *network, struct mr_plan_taps *taps);

#endif
