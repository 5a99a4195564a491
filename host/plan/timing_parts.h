// SPDX-License-Identifier: Apache-2.0
// Inside of the cycle model (timing.h): its processes and channels.
#ifndef MR_TIMING_PARTS_H
#define MR_TIMING_PARTS_H

#include "timing.h"

#include <stdbool.h>

struct process;

// A channel, or an output of the top. visible[n] is the cycle from which element n can be taken,
// taken[n] the cycle in which it was.
struct channel {
    uint64_t *visible, *taken; // rings of mask + 1, at least depth
    uint64_t written, read;
    uint64_t mask, depth;
    uint32_t write_stage, crossing;
    const struct process *from, *to; // to: NULL where it is the top's output, taken at once
};

// Iterations, in cycles one behind the other, that read and write the same channels. Inputs of the
// top are always there and stand in no list.
struct event {
    uint32_t at, count; // cycle of the first, from the row's start on
    uint32_t in_count, out_count;
    struct channel **in, **out;
};

struct pattern { // a row
    uint32_t length, event_count;
    struct event *events;
};

// The place of a row: the first and the last of the run; one of the first and of the last step of
// its sequences; of a process that has turns without a row, which count as rows here, is it one
// with a row, and was the one before; does it stand behind all steps and sequences; and of a
// process that is a group behind, is it one of the first group.
enum {
    ROW_FIRST = 1,
    ROW_LAST = 2,
    ROW_BEGINS = 4,
    ROW_ENDS = 8,
    ROW_IS_FULL = 16,
    ROW_WAS_FULL = 32,
    ROW_MORE = 64,
    ROW_OPENS = 128,
    ROW_CLASSES = 256
};

// A group of sequences that have their turns (hls/kernels/frame/slots.h), in rows.
struct group {
    uint64_t step; // of a step, and of the group
    uint64_t rows;
    uint64_t full; // of a step, those that are no turns without a row
};

struct process {
    const struct mr_report_process *report;
    struct pattern *patterns; // [report->pattern_count]
    // The rows of a run by place: of[ROW_...], NULL where no sample has such a row.
    const struct pattern *of[ROW_CLASSES];
    uint64_t rows;
    uint64_t whole_groups;     // of them, which come first; behind them one that is not whole, or
    struct group whole, other; // none
    uint64_t measured;         // rows that are steps or sequences, the first ones
    double rows_of_step;       // of a sequence, turns without a row included
    bool first_differs, begin_differs, end_differs; // such a row from one in the middle
    bool has_empty_turns;
    bool is_behind; // by a group: takes the first one alone, and gives the last one alone

    uint64_t row;
    uint32_t event, done; // the next of the row, and how many of its iterations were issued
    uint64_t row_start;   // cycle in which the row's first iteration issues if nothing holds it up
    uint64_t first_issue, last_issue;
    bool issued;
    uint64_t iterations;
    // Cycles in which the row in the middle and the last one of those measured started.
    uint64_t middle_start, last_start;
};

struct model {
    int process_count, channel_count;
    struct process *processes; // in the order of the data
    struct channel *channels;
    uint64_t first_output, last_output;
};

// ---- timing_rows.c

struct run {
    uint64_t slots, sequences, steps;
    uint32_t command; // MR_COMMAND_RUN or MR_COMMAND_ENCODE
};

// Is a sample of the report one of this command?
bool mr_timing_is_of(const struct mr_report *report, size_t sample, uint32_t command);

// Takes the rows of a process for a run from the report's samples; the process's patterns are
// there. 0, or -1 with a sentence in error.
int mr_timing_rows(struct process *process, const struct mr_report *report, struct run run,
                   char *error, size_t error_size);

// The first row of a process behind its whole groups.
static inline uint64_t mr_timing_bound(const struct process *process) {
    return process->whole_groups * process->whole.rows;
}

// Of the row that the process is in.
const struct pattern *mr_timing_pattern(const struct process *process);

// ---- timing_skip.c

struct skipper;

// Watches a model, which is between two rounds over its processes. NULL when memory is short.
struct skipper *mr_skipper_new(const struct model *model);
void mr_skipper_free(struct skipper *skipper);
// Where what follows will repeat what was, moves the model on by as many repetitions as change no
// row that is special.
void mr_skip(struct model *model, struct skipper *skipper);

#endif
