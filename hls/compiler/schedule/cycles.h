// SPDX-License-Identifier: Apache-2.0
// Recurrences: operations whose results come back to them, in a later iteration, through a register
// or a memory.
#ifndef HLSC_CYCLES_H
#define HLSC_CYCLES_H

#include "ir.h"

enum { NO_CYCLE = -1 };

// The recurrence that each operation is on, a number, or NO_CYCLE. Two operations have the same
// number if each depends on the other. Of registers alone, or by memories too.
int *find_cycles(struct compiler *cc, const struct process *process, bool by_memories);

#endif
