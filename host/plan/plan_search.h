// SPDX-License-Identifier: Apache-2.0
// Searches of the planner: among what each recurrent operator can be like (plan_options.h), within
// what a plan may use of a device.
#ifndef MR_PLAN_SEARCH_H
#define MR_PLAN_SEARCH_H

#include "plan_options.h"

// What a plan may use.
struct mr_plan_room {
    const struct mr_target *target;
    uint64_t percent, dsps;
};

struct mr_plan_need {
    const char *what;
    uint64_t needed, budget;
};
enum { MR_PLAN_NEEDS = 4 };

void mr_plan_needs(const struct mr_plan *plan, const struct mr_plan_room *room,
                   struct mr_plan_need need[MR_PLAN_NEEDS]);
bool mr_plan_fits(const struct mr_plan *plan, const struct mr_plan_room *room);

struct mr_plan_search {
    const struct mr_network *network;
    const struct mr_plan_room *room;
    struct mr_plan_memories *memories;
    const struct mr_plan_options *options;
};

// The plan of these lanes, whose weights lie where the device has most room for them; in two kinds
// of memory only where it does not fit otherwise. 0, or -1 with a sentence in error.
int mr_plan_lay_out(const struct mr_plan_search *search,
                    const struct mr_op_layout layouts[MR_MAX_LAYERS], struct mr_plan *plan,
                    char *error, size_t error_size);

// The fewest lanes of the options with which all take at most `cycles`. False when one cannot.
bool mr_plan_keep_up(const struct mr_plan_options *options, uint32_t cycles,
                     struct mr_op_layout layouts[MR_MAX_LAYERS]);

// A column per cycle, or the fewest.
void mr_plan_fewest_columns(const struct mr_network *network, int slots,
                            struct mr_op_layout layouts[MR_MAX_LAYERS]);

// The fastest that fits; balanced: the fastest of those whose product of interval and multipliers
// is the least or nearly so. False when none fits.
bool mr_plan_find_pace(const struct mr_plan_search *search, bool balanced, struct mr_plan *plan);

// The way of one step through the recurrent operators, about.
uint32_t mr_plan_passage(const struct mr_plan *plan);

// Spends what is left of the device on a shorter way, at the same pace or, `alone`, at any.
void mr_plan_shorten(const struct mr_plan_search *search, bool alone, struct mr_plan *plan);

// The smallest that takes a sequence of so many steps in so many cycles, about. False: none does,
// and *least, UINT64_MAX before, is at most the fewest cycles that one takes.
bool mr_plan_find_within(const struct mr_plan_search *search, uint64_t cycles, uint32_t steps,
                         struct mr_plan *plan, uint64_t *least);

// The shortest way that fits, beginning with a plan that does.
void mr_plan_find_way(const struct mr_plan_search *search, struct mr_plan *plan);

#endif
