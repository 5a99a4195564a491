// SPDX-License-Identifier: Apache-2.0
// The way to a folded kernel (hls/kernels/folded/folded.h): words of 16 bits in, words of 16 bits
// out. Behind it are packets over a cable, the Verilated kernel, or its C.
//
// Functions return 0, or a code of MR_ERROR_MAP with code and sentence in error. Calls on one pipe
// are never concurrent; all may block until the words have moved, or the way is known to be lost.
#ifndef MR_WORD_PIPE_H
#define MR_WORD_PIPE_H

#include "millrace_error.h"

#include <stddef.h>
#include <stdint.h>

// What the kernel behind a pipe was built with (docs/folded.md).
struct mr_folded_limits {
    uint32_t rows;    // that are multiplied at a time; 0: FOLDED_ROWS
    uint32_t words;   // of program and weights, of 16 bits for each row
    uint32_t numbers; // of x, states and what is between
    uint32_t sums;    // of a layer at a time
};

struct mr_word_pipe {
    void *self;
    struct mr_folded_limits limits;
    // Words of answers that find room on the way while nobody reads them. The caller never writes
    // so much that more would be due: a kernel that cannot give stops taking.
    uint32_t room;
    // All words are on their way to the kernel, in order, each exactly once.
    int (*write)(void *self, const uint16_t *words, size_t count, struct mr_error *error);
    // Waits for so many words that are due.
    int (*read)(void *self, uint16_t *words, size_t count, struct mr_error *error);
    // Cycles in which the kernel was at work since it was reset, without those in which it waited
    // for a command. NULL: nobody counts.
    int (*cycles)(void *self, uint64_t *cycles, struct mr_error *error);
    void (*close)(void *self); // of the pipe's owner; NULL: nothing to do
};

#endif
