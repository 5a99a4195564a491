// SPDX-License-Identifier: Apache-2.0
// Slots: S sequences that go through the network in turn, S a power of two up to 16. The rows of a
// run come group after group of S sequences, of which the last may have fewer; in a group step
// after step; in a step a row of each of its sequences. A layer that needs more turns from a step
// of a sequence to its next one has turns without a row behind those of the rows.
#ifndef MR_SLOTS_H
#define MR_SLOTS_H

#include "frame/words.h"

// Vectors that a process keeps of all slots, a row of each: up to so many in LUTs, and at most.
#define MR_KEPT_LUT_WORDS 1024
#define MR_KEPT_WORDS 16384

// The last slot of a step of the first group, or the second one, where so many sequences are to
// come; 0 where none are, for hlsc counts with any slot that it may say.
#define MR_LAST_SLOT(to_come, slots, group)                                                        \
    ((to_come) / ((group) * (slots)) > 0 ? (slots)-1 : MR_MAX((to_come) % (slots), 1) - 1)

// Turns without a row in a group of so many sequences, where a step has `least` turns.
static inline uint32_t mr_empty_turns(uint32_t rows, uint32_t steps, uint32_t least) {
    const uint32_t of_step = rows > 0 && rows < least ? least - rows : 0;
    const uint32_t two = ((of_step & 1) != 0 ? steps : 0) + ((of_step & 2) != 0 ? steps << 1 : 0);
    const uint32_t four =
        ((of_step & 4) != 0 ? steps << 2 : 0) + ((of_step & 8) != 0 ? steps << 3 : 0);
    return two + four;
}

#endif
