// SPDX-License-Identifier: Apache-2.0
// Which die (SLR) of the card each process of a network goes to, and the registers of the channels
// that lead from die to die. Follows from the plan alone: the generated network has the registers
// in it, so the same RTL is simulated and built.
#ifndef MR_PLACEMENT_H
#define MR_PLACEMENT_H

#include "plan.h"

enum { MR_PLACED_MAX = 4 * MR_MAX_LAYERS + 4 }; // processes, and channels

struct mr_placement {
    int dies;  // that are used
    int first; // the die of the card's memory ports: loader, saver and head are there
    int process_count, crossing_count;
    struct mr_placed {
        char name[24];
        int die;
        bool spans; // too large for a die beside others: lies in two
    } processes[MR_PLACED_MAX];
    struct mr_crossing { // a channel from die to die
        char channel[24];
        int from, to;
    } crossings[MR_PLACED_MAX];
};

// Without a target all are in die 0.
void mr_place(const struct mr_plan *plan, struct mr_placement *placement);

// Registers each way of a channel from one die to another: at each border one on both sides, and
// one beside the logic at either end.
int mr_crossing_registers(const struct mr_crossing *crossing);

#endif
