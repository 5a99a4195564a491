// SPDX-License-Identifier: Apache-2.0
// The control of a process beside its pipelines. A run goes through the steps: conditions stand in
// registers, the first step that wants to run is picked, a loop runs and drains.
#ifndef HLSC_CONTROL_H
#define HLSC_CONTROL_H

#include "schedule.h"

// Cycles of a run, which starts in cycle 0.
enum { FIRST_PICK = 1, FIRST_ISSUE = 2 };

// The condition of a step; NULL: it is always taken.
const struct op *step_condition(const struct process *p, int step);
// The region of a step, or NULL: it is a jump.
const struct region *step_region(const struct process *p, int step);
bool level_may_be_empty(const struct level *level);
// Such a region is done as it is picked: it has no round, or enters only.
bool is_never_run(const struct region *r);
// Is it known at run time only whether a region has a round?
bool may_be_empty(const struct region *r);
// Is that decoded from the ports as a run starts? It hangs on scalars alone, and fits the cycle.
bool is_told_empty(const struct process *p, const struct region *r);
// ns behind a limit: from how far on the next index is the last one; whether there is a round.
double behind_limit(const struct target *target, const struct level *level);
double behind_empty(const struct target *target, const struct region *r);

// Sets picks_late.
void plan_picks(struct process *p);
// Cycle of a process's first issue at the earliest.
int first_issue(const struct process *p);

// The slowest path of the control of a process: from registers through what decides to registers.
struct control_path {
    const char *kind; // "pick", "issue", "loop end", "credit", ...
    double ns;
    struct location loc;
};
struct control_path slowest_control(const struct network *net, const struct process *p);

// Says so if that is longer than the period.
void warn_of_control(struct compiler *cc, const struct network *net, const struct process *p);

#endif
