// SPDX-License-Identifier: Apache-2.0
// Inside of the cycle model (timing.h): its processes and channels.
#ifndef MR_TIMING_PARTS_H
#define MR_TIMING_PARTS_H

#include "timing.h"

#include <stdbool.h>

// An iteration that reads or writes, by its place in the row.
struct event {
    uint32_t offset;
    bool reads, writes;
};

// One row of a process: its iterations, of which the events matter.
struct pattern {
    uint32_t length, event_count;
    struct event *events;
};

// The first row, those between, and the last, or rows of different meaning (see mr_timing_pattern).
enum { ROW_A, ROW_B, ROW_C, ROW_KINDS };

enum kind { KIND_LSTM, KIND_RESIZE, KIND_LAST, KIND_HEAD };

// A channel. visible[n] is the cycle from which element n can be taken, taken[n] the cycle in which
// it was.
struct channel {
    uint64_t *visible, *taken; // rings of mask + 1, at least depth
    uint64_t written, read;
    uint64_t mask, depth;
    uint32_t write_stage, crossing;
};

struct process {
    enum kind kind;
    char name[32];
    int layer;
    struct pattern patterns[ROW_KINDS];
    struct channel *in;  // NULL: the top's input, always there
    struct channel *out; // NULL never; the last one is the top's output, taken at once
    uint64_t rows, row;
    uint32_t event;     // the next of the row
    uint64_t row_start; // cycle in which the row's first iteration issues if nothing holds it up
    uint64_t earliest;  // cycle of the next event if nothing holds it up
    uint64_t first_issue, last_issue;
    bool issued;
    uint64_t iterations;
    uint64_t steps; // rows that are whole steps (or sequences, for the head)
    uint64_t middle_start,
        last_start; // cycles in which the row in the middle and the last one started
};

struct model {
    int count;
    uint64_t steps; // per sequence
    struct process processes[MR_TIMING_PROCESSES];
    struct channel channels[MR_TIMING_PROCESSES]; // processes[i].out
    uint64_t first_output, last_output;
};

// ---- timing.c

// Of the row that the process is in.
const struct pattern *mr_timing_pattern(const struct process *process, uint64_t steps);

// ---- timing_skip.c

struct skipper;

// Watches a model, which is between two rounds over its processes. NULL when memory is short.
struct skipper *mr_skipper_new(const struct model *model);
void mr_skipper_free(struct skipper *skipper);
// Where what follows will repeat what was, moves the model on by as many repetitions as change no
// row that is special.
void mr_skip(struct model *model, struct skipper *skipper);

#endif
