// SPDX-License-Identifier: Apache-2.0
// What a network takes of a folded kernel (docs/folded.md): its cycles, which are exact, and its
// memories. The kernel itself is the same for every network.
#ifndef MR_FOLDED_PLAN_H
#define MR_FOLDED_PLAN_H

#include "board_table.h"
#include "fold.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct mr_folded_plan {
    const struct mr_network *network;
    const struct mr_board *board;
    // Of the three programs, without their command.
    uint64_t begin_cycles, step_cycles, end_cycles;
    bool ends;                      // something is given behind the last step
    uint64_t op_cycles[MR_MAX_OPS]; // of a row
    uint32_t op_words[MR_MAX_OPS];
    uint64_t products;                    // of a step
    uint32_t words, numbers, sums;        // memory words, numbers and sums that are taken
    uint32_t step_in, step_out, last_out; // 16-bit words that a step takes and gives, and the end
};

// 0, or a code with a sentence in error where the kernel cannot run the network.
int mr_folded_plan_make(const struct mr_network *network, const struct mr_board *board,
                        struct mr_folded_plan *plan, struct mr_error *error);

// Of a job of sequences that begin anew, where words never have to be waited for: the cycles of all
// its commands. Loading the program is none of them, nor is writing states to start from.
uint64_t mr_folded_cycles(const struct mr_folded_plan *plan, uint64_t sequences, uint64_t steps);
uint64_t mr_folded_load_cycles(const struct mr_folded_plan *plan);

// `image`: what the kernel takes of the chip, or NULL where no image is at hand.
// The table, to be freed by the caller, and an object with cycles, step_cycles, load_cycles,
// clock_mhz, microseconds, utilisation, target, sequences, steps, memory_words, numbers, sums, each
// of these with its limit, layers, and an object `image` with logic_cells, block_rams, large_rams
// and multipliers with their limits. NULL when memory is short.
char *mr_folded_plan_text(const struct mr_folded_plan *plan, const struct mr_board_cells *image,
                          uint64_t sequences, uint64_t steps);
json_t *mr_folded_plan_json(const struct mr_folded_plan *plan, const struct mr_board_cells *image,
                            uint64_t sequences, uint64_t steps);

#endif
