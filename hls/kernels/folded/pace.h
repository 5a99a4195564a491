// SPDX-License-Identifier: Apache-2.0
// Cycles of the folded kernel as hlsc schedules it for up5k, where words come and go without a
// wait: tests/folded_test.c compares them with the RTL.
#ifndef MR_FOLDED_PACE_H
#define MR_FOLDED_PACE_H

// A command from its start to its end, without its data.
#define FOLDED_LOAD_CYCLES 22
#define FOLDED_RUN_CYCLES 42  // of a program that runs once or more
#define FOLDED_MOVE_CYCLES 42 // READ and WRITE
// An instruction, without its elements, columns or words; one that takes words more.
#define FOLDED_INSTRUCTION_CYCLES 21
#define FOLDED_TAKE_CYCLES 4

#endif
