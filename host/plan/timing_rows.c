// SPDX-License-Identifier: Apache-2.0
// From the rows of sample runs to those of any run: how many there are is a * total + b * sequences
// + c, and what a row does hangs on its place alone.
#include "timing_parts.h"

#include "file.h"

#include <inttypes.h>
#include <string.h>

enum { RATE_MAX = 8 }; // rows per step, and per sequence

struct counts { // of rows
    uint64_t per_step, per_sequence, more;
};

struct run {
    uint64_t sequences, steps;
};

static uint64_t scalar_of(const struct mr_report_sample *sample, const char *name) {
    for (size_t i = 0; i < sample->scalar_count; i++)
        if (strcmp(sample->scalars[i].name, name) == 0)
            return sample->scalars[i].value < 0 || sample->scalars[i].value > INT32_MAX
                       ? 0
                       : (uint64_t)sample->scalars[i].value;
    return 0;
}

static struct run run_of(const struct mr_report_sample *sample) {
    return (struct run){scalar_of(sample, "sequences"), scalar_of(sample, "steps")};
}

static uint64_t sample_rows(const struct mr_report_rows *rows) {
    uint64_t count = 0;
    for (size_t i = 0; i < rows->order_count; i++)
        count += rows->order[i].count;
    return count;
}

static uint64_t rows_of(struct counts counts, struct run run) {
    return counts.per_step * run.sequences * run.steps + counts.per_sequence * run.sequences +
           counts.more;
}

static uint64_t period_of(struct counts counts, struct run run) {
    const uint64_t period = counts.per_step * run.steps + counts.per_sequence;
    return period ? period : 1;
}

static bool explains(struct counts counts, const struct process *process,
                     const struct mr_report *report) {
    for (size_t i = 0; i < report->sample_count; i++)
        if (rows_of(counts, run_of(&report->samples[i])) != sample_rows(&process->report->rows[i]))
            return false;
    return true;
}

static int find_counts(const struct process *process, const struct mr_report *report,
                       struct counts *counts, char *error, size_t error_size) {
    const struct run run = run_of(&report->samples[0]);
    const uint64_t rows = sample_rows(&process->report->rows[0]);
    int found = 0;
    for (uint64_t a = 0; a <= RATE_MAX; a++)
        for (uint64_t b = 0; b <= RATE_MAX; b++) {
            struct counts with = {a, b, 0};
            if (rows_of(with, run) > rows)
                continue;
            with.more = rows - rows_of(with, run);
            if (explains(with, process, report)) {
                *counts = with;
                found++;
            }
        }
    if (found == 1)
        return 0;
    return mr_fail(error, error_size,
                   "the report's samples %s process '%s' has so many rows for each step, for each "
                   "sequence and beside them; its cycles cannot be planned",
                   found ? "leave it open whether" : "do not fit together:", process->report->name);
}

static unsigned class_of(uint64_t row, uint64_t rows, uint64_t period) {
    return (row == 0 ? ROW_FIRST : 0u) | (row == rows - 1 ? ROW_LAST : 0u) |
           (row % period == 0 ? ROW_BEGINS : 0u) | (row % period == period - 1 ? ROW_ENDS : 0u);
}

// Each row of a sample tells what rows of its place do.
static int learn(struct process *process, struct counts counts, struct run run,
                 const struct mr_report_rows *sample, char *error, size_t error_size) {
    const uint64_t rows = rows_of(counts, run), period = period_of(counts, run);
    uint64_t row = 0;
    for (size_t i = 0; i < sample->order_count; i++) {
        const struct pattern *pattern = &process->patterns[sample->order[i].pattern];
        for (uint32_t n = 0; n < sample->order[i].count; n++, row++) {
            const struct pattern **known = &process->of[class_of(row, rows, period)];
            if (*known && *known != pattern)
                return mr_fail(error, error_size,
                               "process '%s': row %" PRIu64 " of %" PRIu64
                               " in the report's sample of %" PRIu64 " x %" PRIu64
                               " steps is unlike another one at this place of its run and sequence;"
                               " its cycles cannot be planned",
                               process->report->name, row, rows, run.sequences, run.steps);
            *known = pattern;
        }
    }
    return 0;
}

// Rows of all places that the run has must be known: those of one of these have one.
static int check_classes(const struct process *process, char *error, size_t error_size) {
    const uint64_t rows[] = {0, 1, process->period - 1, process->period, process->rows - 1};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i] < process->rows &&
            !process->of[class_of(rows[i], process->rows, process->period)])
            return mr_fail(error, error_size,
                           "process '%s': the report has no sample of what row %" PRIu64
                           " of %" PRIu64 " does; its cycles cannot be planned",
                           process->report->name, rows[i], process->rows);
    return 0;
}

// Which places make a difference to a run that is long enough to repeat itself.
static void compare_classes(struct process *process) {
    const struct pattern *const *of = process->of;
    const uint64_t period = process->period;
    const unsigned first = class_of(0, UINT64_MAX, period);
    process->first_differs = of[first] != of[first & ~(unsigned)ROW_FIRST];
    if (period == 2)
        process->begin_differs = process->end_differs = of[ROW_BEGINS] != of[ROW_ENDS];
    if (period > 2) {
        process->begin_differs = of[ROW_BEGINS] != of[0];
        process->end_differs = of[ROW_ENDS] != of[0];
    }
}

int mr_timing_rows(struct process *process, const struct mr_report *report, uint64_t sequences,
                   uint64_t steps, char *error, size_t error_size) {
    const struct run run = {sequences, steps};
    struct counts counts = {0, 0, 0};
    if (find_counts(process, report, &counts, error, error_size))
        return -1;
    for (size_t i = 0; i < report->sample_count; i++) {
        const struct mr_report_rows *sample = &process->report->rows[i];
        if (learn(process, counts, run_of(&report->samples[i]), sample, error, error_size))
            return -1;
        if (sample->first != process->report->rows[0].first)
            return mr_fail(error, error_size,
                           "process '%s': its first iteration comes in cycle %u of one sample of "
                           "the report and %u of another; its cycles cannot be planned",
                           process->report->name, process->report->rows[0].first, sample->first);
    }
    process->rows = rows_of(counts, run);
    process->period = period_of(counts, run);
    process->measured = process->rows - counts.more ? process->rows - counts.more : process->rows;
    process->row_start = process->report->rows[0].first;
    if (!process->rows)
        return mr_fail(error, error_size, "process '%s' has no rows in a run",
                       process->report->name);
    if (check_classes(process, error, error_size))
        return -1;
    compare_classes(process);
    return 0;
}

const struct pattern *mr_timing_pattern(const struct process *process) {
    return process->of[class_of(process->row, process->rows, process->period)];
}
