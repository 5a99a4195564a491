// SPDX-License-Identifier: Apache-2.0
// What the host asks of a network kernel: the values of its scalar ports `command` and `flags`.
// Kernels and drivers include this file, so the two cannot drift.
#ifndef MR_COMMAND_H
#define MR_COMMAND_H

enum {
    MR_COMMAND_LOAD = 1, // take the weights from stream `weights`; steps, total and flags are 0
    MR_COMMAND_RUN = 2 // take `total` steps from stream `x`, `steps` of them per sequence, give `y`
};

enum {
    MR_FLAG_RESET = 1 // clear the recurrent state at the start of every sequence
};

#endif
