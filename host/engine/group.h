// SPDX-License-Identifier: Apache-2.0
// Sequences that run side by side: rows of x into an engine's streams, rows of y out of them, and
// what is between. Rows of x and elements of y are in the order in which the pipeline takes and
// gives them: sequence after sequence, or where there are slots group after group, in a group step
// after step, in a step a row of each sequence (hls/kernels/frame/slots.h). At a row come the
// elements of all outputs that have one then (host/plan/pipeline.h).
#ifndef MR_ENGINE_GROUP_H
#define MR_ENGINE_GROUP_H

#include "engine_parts.h"

struct mr_group {
    bool encodes;
    uint64_t first; // row of the job that is its first one
    uint32_t lanes, steps;
    uint32_t y_steps; // of a sequence, at which outputs per step have rows
    bool by_turns;    // each step has a row of each sequence, else sequence stands behind sequence
    const int16_t *x;
    size_t x_row; // numbers
    unsigned char *y;
    size_t step_words, last_words; // of every step, and more of a sequence's last one
};

// Fills step_words and last_words.
void mr_group_words(const struct mr_engine_state *engine, struct mr_group *group);
// Bytes of y of a sequence.
size_t mr_group_sequence_bytes(const struct mr_engine_state *engine, const struct mr_group *group);
// From the states that are there, in blocks of so many steps. together: all threads may take part.
// -1: memory is short.
int mr_group_run(struct mr_engine_state *engine, const struct mr_group *group, uint32_t block_steps,
                 bool together);

#endif
