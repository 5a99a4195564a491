// SPDX-License-Identifier: Apache-2.0
// What a process reads and writes in which cycle of a sample run, row by row. A row is an iteration
// of the innermost loop of which the run tells how often it goes round (`for (t < total)` around
// `for (k < 50)`: t), or where loops are control steps, of the outermost of these. What a process
// does before the first row belongs to the first, what it does behind a row to that row. A process
// repeats few kinds of rows, so that the planner can say from some short runs what a long one
// takes.
#ifndef HLSC_ROWS_H
#define HLSC_ROWS_H

#include "sample.h"
#include "schedule.h"

struct row_event { // iterations in cycles one behind the other that use the same streams
    int64_t at;    // cycle of the first, from the row's first iteration on
    int64_t count;
    uint64_t uses; // bits: of process_rows.stream
};

struct row_pattern {
    int64_t length; // cycles to the first iteration of the next row where nothing holds it up
    struct row_event *events;
    int event_count;
};

struct row_order { // so many rows of a pattern
    int pattern;
    int64_t count;
};

struct sample_rows {
    int64_t first; // cycle of the run's first iteration at the earliest
    int64_t rest;  // cycles from behind the last one to the process's end
    struct row_order *order;
    int order_count;
};

struct process_rows {
    struct location decided_at; // file not NULL: a condition there depends on data
    bool lost;                  // that of a loop or a branch: nothing is told. Else it is that of a
                                // stream's use, and such streams are not among those below
    const char *untold;         // why else nothing is told, or NULL
    int *stream;                // that the samples use
    int stream_count;
    struct row_pattern *patterns; // of all samples
    int pattern_count;
    struct sample_rows *samples;
};

struct rows {
    const struct sample *samples;
    int sample_count;
    struct process_rows *processes;
};

// Follows the sample runs.
struct rows *find_rows(struct compiler *cc, const struct network *net, const struct sample *samples,
                       int sample_count);

#endif
