// SPDX-License-Identifier: Apache-2.0
// What a recurrent operator can be like: columns per cycle and passes, of which only those are of
// interest that no other beats in both cycles and what it takes.
#ifndef MR_PLAN_OPTIONS_H
#define MR_PLAN_OPTIONS_H

#include "plan_memory.h"

enum { MR_PLAN_OPTIONS = 2 * MR_PLAN_LC * MR_PLAN_PASSES }; // of an operator, at most

// What an operator takes: multipliers, or a share of what the device has least of, where it lies in
// one kind of memory or in two.
enum mr_plan_measure { MR_PLAN_MULTIPLIERS, MR_PLAN_SHARE, MR_PLAN_PARTED_SHARE };

struct mr_plan_option {
    struct mr_op_layout layout;
    uint32_t pace; // cycles per step of the slowest among the operator and those that take its
                   // vectors as they come
    // Of a step (struct mr_op_cost): through the operator, with the columns of x of one that reads
    // the network's input; and the last cycles of that, in which h comes.
    uint32_t way, giving;
    uint64_t multipliers; // of all these
    double takes;
};

// By recurrent operator: those of fewer cycles (pace, or way where `ways`), which take more, first.
struct mr_plan_options {
    const struct mr_network *network;
    int layers, slots;
    bool ways;
    // The operators that take a recurrent one's vectors as they come, by its LC.
    struct mr_plan_followers {
        uint32_t pace;
        uint64_t multipliers;
    } followers[MR_MAX_LAYERS][MR_PLAN_LC + 1];
    int count[MR_MAX_LAYERS];
    struct mr_plan_option *of[MR_MAX_LAYERS];
    uint32_t *cycles; // [cycle_count] that any of them has, the fewest first
    int cycle_count;
};

static inline uint32_t mr_plan_option_cycles(const struct mr_plan_options *options,
                                             const struct mr_plan_option *option) {
    return options->ways ? option->way : option->pace;
}

// passes: at most. memories: for as many slots. ways: those with
// the columns of h first too. 0, or -1 with a sentence in error; free in either case.
int mr_plan_options_make(const struct mr_network *network, const struct mr_target *target,
                         struct mr_plan_memories *memories, int passes, int slots,
                         enum mr_plan_measure measured, bool ways, struct mr_plan_options *options,
                         char *error, size_t error_size);
void mr_plan_options_free(struct mr_plan_options *options);

// Are the columns of x there when a run begins?
bool mr_plan_reads_input(const struct mr_network *network, const struct mr_op *op);

// What a recurrent operator is with a layout, which need not be one of those.
struct mr_plan_option mr_plan_option_of(const struct mr_plan_options *options, int layer,
                                        const struct mr_op_layout *layout);

#endif
