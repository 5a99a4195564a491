// SPDX-License-Identifier: Apache-2.0
// How many cycles a recurrent layer takes, which its kernel (layer.h) and the planner must count
// alike.
#ifndef MR_PACE_H
#define MR_PACE_H

#include "frame/words.h"

// Cycles that a lane's sum over LC columns adds to its latency.
#define MR_SUM_LATENCY(LC) ((LC) == 1 ? 0 : (LC) <= 4 ? (LC) : (LC) <= 8 ? 5 : (LC) <= 16 ? 6 : 7)

// And one over a single column of 8 bits: two rows share a multiplier then, and a sum grows
// outside.
#define MR_PAIRED_LATENCY(LC, column_bits) ((LC) == 1 && (column_bits) == 8 ? 1 : 0)

// And so many lanes of a gate: a register that leads to more than 64 tiles has copies in the next
// cycle.
#define MR_BROADCAST_LATENCY(lanes) ((lanes) > 512 ? 1 : 0)
// The same for lanes in several dies, with so many registers on the way to them (0: in one die).
#define MR_WAY_LATENCY(lanes, crossing) ((crossing) ? (crossing) : MR_BROADCAST_LATENCY(lanes))

// From the first column of x to the first one of h, in each pass. The new h is due `gap` cycles
// after the last column that it takes, of which the columns of x, and the turns of the other slots,
// take their part; h_phases: cycles from the first column of h to the next pass.
#define MR_X_PHASE(x_words, gap, h_phases, slots, passes)                                          \
    MR_MAX(x_words, MR_CEIL_DIV(MR_MAX((gap) - ((slots)-1) * (passes) * (h_phases), 0),            \
                                ((slots)-1) * (passes) + 1))

// Where the columns of h come first: a pass over those of x, and one over those of h is as long
// where there are several; and what the layer waits behind the last one, in whole passes then.
#define MR_H_FIRST_PASS(x_words, h_words, passes)                                                  \
    ((passes) == 1 ? (x_words) : MR_MAX(x_words, h_words))
#define MR_H_FIRST_WAIT(gap, pass, passes)                                                         \
    ((passes) == 1 ? MR_MAX(gap, 0) : MR_CEIL_DIV(MR_MAX(gap, 0), pass) * (pass))

// Turns from a step of a sequence to its next one, at least.
#define MR_TURNS(gap, x_phase, h_phases, passes)                                                   \
    (1 + MR_CEIL_DIV(MR_MAX((gap) - (x_phase), 0), (passes) * ((x_phase) + (h_phases))))

#endif
