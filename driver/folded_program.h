// SPDX-License-Identifier: Apache-2.0
// What an image carries of a network for a folded kernel (docs/folded.md): its programs with their
// weights, and where data and states of a job go. Made by who knows the network; the driver knows
// words and numbers.
#ifndef MR_FOLDED_PROGRAM_H
#define MR_FOLDED_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

enum { MR_FOLDED_OUTPUTS = 8 };

struct mr_folded_output {
    uint32_t width; // numbers of a row
    bool last;      // a row behind the last step of a sequence, else one behind each
};

// The state of a unit, by the kernel's numbers, from first_state on; -1: there is none.
struct mr_folded_unit {
    int32_t h, second;
};

struct mr_folded_program {
    uint32_t words, rows;      // rows: that the kernel multiplies at a time
    const uint16_t *parts;     // (words, rows)
    uint32_t begin, step, end; // the words at which the three programs begin
    uint32_t numbers;          // of the kernel that it takes
    // An element of x has 16-bit numbers, so many in a row; one of y has some, or is one of 32 bits
    // (y_bits 32, y_wide).
    uint32_t x_bits, x_width;
    uint32_t y_bits;
    bool y_wide;
    uint32_t output_count;
    struct mr_folded_output outputs[MR_FOLDED_OUTPUTS];
    uint32_t first_state, states;       // numbers that are states
    uint32_t beats;                     // of state_in and state_out
    const struct mr_folded_unit *units; // [beats]
};

#endif
