// SPDX-License-Identifier: Apache-2.0
// What a recurrent operator can be like: columns per cycle and passes, of which only those are of
// interest that no other beats in both cycles and what it takes.
#ifndef MR_PLAN_OPTIONS_H
#define MR_PLAN_OPTIONS_H

#include "plan.h"

enum {
    MR_PLAN_PASSES = 64,            // at most
    MR_PLAN_LUT_MEMORY_PERCENT = 45 // of the LUTs can serve as memory
};

// What an operator takes: multipliers, or a share of what the device has least of.
enum mr_plan_measure { MR_PLAN_MULTIPLIERS, MR_PLAN_SHARE };

// Cycles per step of the slowest among the operator and those that take its vectors as they come,
// or those of a step's way through the operator (struct mr_op_cost).
struct mr_plan_option {
    struct mr_op_layout layout;
    uint32_t cycles;
    double takes;
};

// By recurrent operator: those of fewer cycles, which take more, first.
struct mr_plan_options {
    int layers, slots;
    int count[MR_MAX_LAYERS];
    struct mr_plan_option *of[MR_MAX_LAYERS];
};

// passes: at most; 1 where there are several slots. ways: cycles are those of a step's way. 0, or
// -1 with a sentence in error; free in either case.
int mr_plan_options_make(const struct mr_network *network, const struct mr_target *target,
                         int passes, int slots, enum mr_plan_measure measure, bool ways,
                         struct mr_plan_options *options, char *error, size_t error_size);
void mr_plan_options_free(struct mr_plan_options *options);

// The share of a device's memories of the kind of which an operator takes most, in the memories
// that suit it best.
double mr_plan_memory_share(const struct mr_op *op, const struct mr_target *target,
                            const struct mr_op_layout *layout);

// Sets ports and memory of each layout for a device, where nobody says (ports 0).
void mr_plan_choose_memories(const struct mr_network *network, const struct mr_target *target,
                             int slots, struct mr_op_layout layouts[MR_MAX_LAYERS]);

#endif
