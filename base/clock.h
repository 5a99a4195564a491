// SPDX-License-Identifier: Apache-2.0
// The clock that the compiler schedules for, and of which the planner counts cycles.
#ifndef MR_CLOCK_H
#define MR_CLOCK_H

enum { MR_CLOCK_MHZ = 300 };

#endif
