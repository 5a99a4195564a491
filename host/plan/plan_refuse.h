// SPDX-License-Identifier: Apache-2.0
// What the planner says where nothing fits.
#ifndef MR_PLAN_REFUSE_H
#define MR_PLAN_REFUSE_H

#include "plan_search.h"

// Of a network, and what may be used of a device.
struct mr_plan_room mr_plan_room_of(const struct mr_target *target,
                                    const struct mr_plan_request *request);

// Writes a sentence on what is short, by how much, and the nearest that would do. smallest: the
// plan that takes least, or NULL where `plan` is that. error NULL: nothing is written, or looked
// for. -1.
int mr_plan_refuse(const struct mr_plan *plan, const struct mr_plan_room *room,
                   const struct mr_plan_request *request, const struct mr_plan *smallest,
                   char *error, size_t error_size);

#endif
