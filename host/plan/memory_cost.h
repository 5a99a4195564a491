// SPDX-License-Identifier: Apache-2.0
// What a memory of a given kind takes of an UltraScale+ device.
#ifndef MR_MEMORY_COST_H
#define MR_MEMORY_COST_H

#include "plan.h"

// Adds one memory, times its copies, to *use:
//   bram, rom: RAMB18 in the cheapest of the shapes 512x36, 1024x18, 2048x9, 4096x4, 8192x2,
//   16384x1 uram:      ceil(bits / 72) * ceil(words / 4096) lutram:    8 LUTs per 32 x 14 or per 64
//   x 7 bits, whichever is less
// 0, or -1 (and nothing added) when impl is none of these.
int mr_memory_cost(const char *impl, uint64_t words, uint64_t bits, uint64_t copies,
                   struct mr_memory_use *use);

#endif
