// SPDX-License-Identifier: Apache-2.0
// Which memories the weights of the recurrent operators lie in, and how many ports read them.
#ifndef MR_PLAN_MEMORY_H
#define MR_PLAN_MEMORY_H

#include "plan.h"

enum {
    MR_PLAN_PASSES = 64,            // at most
    MR_PLAN_LUT_MEMORY_PERCENT = 45 // of the LUTs can serve as memory
};

// What the operators of a network take of a device, by layout: each is asked once.
struct mr_plan_memories;

// NULL: not enough memory. slots: of all layouts that it is asked about.
struct mr_plan_memories *mr_plan_memories_make(const struct mr_network *network,
                                               const struct mr_target *target, int slots);
void mr_plan_memories_free(struct mr_plan_memories *memories);

// The share that a recurrent operator takes of the kind of memory of which it takes most, where it
// lies best: in one kind, or where it may be parted, in two.
double mr_plan_memory_share(struct mr_plan_memories *memories, int layer,
                            const struct mr_op_layout *layout, bool parted);

// Sets slots, ports and memories of each layout whose ports nobody says (0). parted: the lanes of
// an operator may lie in two kinds of memory. Returns the share of the kind of which all take most.
double mr_plan_memories_choose(struct mr_plan_memories *memories, bool parted,
                               struct mr_op_layout layouts[MR_MAX_LAYERS]);

#endif
