// SPDX-License-Identifier: Apache-2.0
// What a recurrent operator can be like: columns per cycle and passes, of which only those are of
// interest that no other beats in both cycles and multipliers.
#ifndef MR_PLAN_OPTIONS_H
#define MR_PLAN_OPTIONS_H

#include "plan.h"

enum { MR_PLAN_PASSES = 64 }; // at most

// Cycles per step of the slowest among the operator and those that take its vectors as they come;
// multipliers of the operator.
struct mr_plan_option {
    struct mr_op_layout layout;
    uint32_t cycles;
    uint64_t multipliers;
};

// By recurrent operator: fewer cycles and more multipliers first.
struct mr_plan_options {
    int layers, slots;
    int count[MR_MAX_LAYERS];
    struct mr_plan_option *of[MR_MAX_LAYERS];
};

// passes: at most; 1 where there are several slots. 0, or -1 with a sentence in error; free in
// either case.
int mr_plan_options_make(const struct mr_network *network, int passes, int slots,
                         struct mr_plan_options *options, char *error, size_t error_size);
void mr_plan_options_free(struct mr_plan_options *options);

#endif
