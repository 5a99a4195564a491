// SPDX-License-Identifier: Apache-2.0
// From the rows of sample runs to those of any run: how many there are is a * turns + b * sequences
// + c, and what a row does hangs on its place alone. Turns are the steps of all sequences, and
// where a group of them has less than a process needs, those without a row. A process that is a
// sequence behind has the steps of one sequence more.
#include "timing_parts.h"

#include "file.h"
#include "mr_command.h"

#include <inttypes.h>
#include <string.h>

enum { RATE_MAX = 8 }; // rows per step

// One row of each process; sequences in which a step is first, last or in the middle, and sequences
// of one step, in groups that fill the slots and in one that does not. The others check what these
// say. Then groups of all sizes: the last turn of one may be without a row, behind the last of
// those that have one.
bool mr_timing_sample(int slots, int index, struct mr_timing_sample *sample) {
    static const struct {
        int groups, more, steps; // whole groups, and more sequences
    } all[] = {{0, 1, 1}, {2, 1, 4}, {2, 1, 1}, {1, 1, 3}, {1, 0, 2}};
    const int count = (int)(sizeof all / sizeof *all), size = index - count + 2;
    if (index < count)
        *sample = (struct mr_timing_sample){all[index].groups * slots + all[index].more,
                                            all[index].steps};
    else
        *sample = (struct mr_timing_sample){size, 1};
    return index < count || size < slots;
}

struct counts { // of rows
    uint64_t per_step, per_sequence, more;
    uint64_t turns; // of a step, at least
    bool behind;    // by a group, which is always of all slots then
};

static uint64_t scalar_of(const struct mr_report_sample *sample, const char *name) {
    for (size_t i = 0; i < sample->scalar_count; i++)
        if (strcmp(sample->scalars[i].name, name) == 0)
            return sample->scalars[i].value < 0 || sample->scalars[i].value > INT32_MAX
                       ? 0
                       : (uint64_t)sample->scalars[i].value;
    return 0;
}

bool mr_timing_is_of(const struct mr_report *report, size_t sample, uint32_t command) {
    const uint64_t given = scalar_of(&report->samples[sample], "command");
    return (given ? given : MR_COMMAND_RUN) == command;
}

// The first sample of a command, of which there are some.
static size_t first_of(const struct mr_report *report, uint32_t command) {
    size_t i = 0;
    while (!mr_timing_is_of(report, i, command))
        i++;
    return i;
}

static struct run run_of(const struct mr_report_sample *sample, uint64_t slots) {
    return (struct run){slots, scalar_of(sample, "sequences"), scalar_of(sample, "steps"), 0};
}

static uint64_t sample_rows(const struct mr_report_rows *rows) {
    uint64_t count = 0;
    for (size_t i = 0; i < rows->order_count; i++)
        count += rows->order[i].count;
    return count;
}

// The turns of a step in a group of so many sequences.
static uint64_t turns_of(struct counts counts, uint64_t sequences) {
    return sequences < counts.turns ? counts.turns : sequences;
}

// Of a sequence, and of a turn of each of its steps.
static uint64_t rows_of_sequence(struct counts counts, struct run run) {
    return counts.per_step * run.steps + counts.per_sequence;
}

// Rows that are steps or sequences.
static uint64_t regular_rows(struct counts counts, struct run run) {
    const uint64_t rest = run.sequences % run.slots;
    const uint64_t turns = run.sequences + (rest ? turns_of(counts, rest) - rest : 0);
    return rows_of_sequence(counts, run) * turns;
}

static uint64_t rows_of(struct counts counts, struct run run) {
    return regular_rows(counts, run) + (counts.behind ? run.slots * run.steps : 0) + counts.more;
}

static bool explains(struct counts counts, const struct process *process,
                     const struct mr_report *report, struct run of) {
    for (size_t i = 0; i < report->sample_count; i++)
        if (mr_timing_is_of(report, i, of.command) &&
            rows_of(counts, run_of(&report->samples[i], of.slots)) !=
                sample_rows(&process->report->rows[i]))
            return false;
    return true;
}

// With slots, a process has a row for each step or so many for each sequence, which are its own
// steps.
static bool is_possible(struct counts counts, uint64_t slots) {
    if (counts.behind)
        return counts.turns == slots && counts.per_step == 1 && !counts.per_sequence;
    return slots == 1 || (counts.per_step == 1 && !counts.per_sequence) ||
           (counts.per_step == 0 && (counts.per_sequence || counts.turns == 1));
}

// Tries counts of which all but `more` are given.
static bool try_counts(struct counts with, const struct process *process,
                       const struct mr_report *report, struct run of, struct counts *counts) {
    const size_t first = first_of(report, of.command);
    const struct run run = run_of(&report->samples[first], of.slots);
    const uint64_t rows = sample_rows(&process->report->rows[first]);
    if (!is_possible(with, of.slots) || rows_of(with, run) > rows)
        return false;
    with.more = rows - rows_of(with, run);
    if (!explains(with, process, report, of))
        return false;
    *counts = with;
    return true;
}

static int find_counts(const struct process *process, const struct mr_report *report, struct run of,
                       struct counts *counts, char *error, size_t error_size) {
    // A decoder that has a number of steps of its own has as many rows per sequence.
    const uint64_t of_first = sample_rows(&process->report->rows[first_of(report, of.command)]);
    int found = 0;
    for (uint64_t a = 0; a <= RATE_MAX; a++)
        for (uint64_t b = 0; b <= of_first; b++)
            for (uint64_t turns = 1; turns <= of.slots; turns++)
                for (int behind = 0; behind < 2; behind++)
                    found += try_counts((struct counts){a, b, 0, turns, behind}, process, report,
                                        of, counts);
    if (found == 1)
        return 0;
    return mr_fail(error, error_size,
                   "the report's samples %s process '%s' has so many rows for each step, for each "
                   "sequence and beside them; its cycles cannot be planned",
                   found ? "leave it open whether" : "do not fit together:", process->report->name);
}

// The groups of a run.
static void find_groups(struct process *process, struct counts counts, struct run run) {
    const uint64_t slots = run.slots, rest = run.sequences % slots;
    const uint64_t rows = rows_of_sequence(counts, run);
    process->whole_groups = rows ? run.sequences / slots : 0;
    process->whole = (struct group){slots, slots * (rows ? rows : 1), slots};
    process->other = (struct group){0};
    if (rows && rest) {
        const uint64_t step = turns_of(counts, rest);
        process->other = (struct group){step, step * rows, rest};
    }
    process->has_empty_turns = counts.turns > 1;
    process->is_behind = counts.behind;
    process->rows = rows_of(counts, run);
    process->measured = regular_rows(counts, run) ? regular_rows(counts, run) : process->rows;
    process->rows_of_step =
        slots > 1 && counts.per_step
            ? (double)regular_rows(counts, run) / ((double)run.sequences * (double)run.steps)
            : 1;
}

// ---- the place of a row

// Of a process that is a group behind: that one is whole, but for the last one.
static unsigned class_behind(const struct process *process, uint64_t row) {
    const uint64_t bound = mr_timing_bound(process), end = bound + process->other.rows;
    const uint64_t first = bound ? process->whole.rows : process->other.rows;
    const struct group *group =
        row < bound || (row >= end && !process->other.rows) ? &process->whole : &process->other;
    const uint64_t turn = row < bound ? row % group->step : (row - bound) % group->step;
    return (row >= end    ? ROW_MORE
            : row < first ? ROW_OPENS
                          : 0u) |
           (turn < group->full ? ROW_IS_FULL : 0u);
}

static unsigned class_of(const struct process *process, uint64_t row) {
    const uint64_t bound = mr_timing_bound(process);
    const unsigned ends = (row == 0 ? ROW_FIRST : 0u) | (row == process->rows - 1 ? ROW_LAST : 0u);
    if (process->is_behind && process->has_empty_turns)
        return ends | class_behind(process, row);
    if (row >= bound + process->other.rows) {
        const bool full = process->other.full == process->other.step;
        return ends | ROW_MORE | (process->has_empty_turns && full ? ROW_WAS_FULL : 0u);
    }
    const struct group *group = row < bound ? &process->whole : &process->other;
    const uint64_t at = row < bound ? row % group->rows : row - bound;
    if (!process->has_empty_turns)
        return ends | (process->is_behind && row < group->rows ? ROW_OPENS : 0u) |
               (at < group->step ? ROW_BEGINS : 0u) |
               (at >= group->rows - group->step ? ROW_ENDS : 0u);
    const uint64_t turn = at % group->step;
    const uint64_t before = turn ? turn - 1 : group->step - 1;
    const bool was_full = at ? before < group->full : row > 0;
    return ends | (turn < group->full ? ROW_IS_FULL : 0u) | (was_full ? ROW_WAS_FULL : 0u);
}

// Each row of a sample tells what rows of its place do.
static int learn(struct process *process, struct run run, const struct mr_report_rows *sample,
                 char *error, size_t error_size) {
    uint64_t row = 0;
    for (size_t i = 0; i < sample->order_count; i++) {
        const struct pattern *pattern = &process->patterns[sample->order[i].pattern];
        for (uint32_t n = 0; n < sample->order[i].count; n++, row++) {
            const struct pattern **known = &process->of[class_of(process, row)];
            if (*known && *known != pattern)
                return mr_fail(error, error_size,
                               "process '%s': row %" PRIu64 " of %" PRIu64
                               " in the report's sample of %" PRIu64 " x %" PRIu64
                               " steps is unlike another one at this place of its run and sequence;"
                               " its cycles cannot be planned",
                               process->report->name, row, process->rows, run.sequences, run.steps);
            *known = pattern;
        }
    }
    return 0;
}

// Rows of all places that the run has must be known: those of one of these have one.
static int check_classes(const struct process *process, char *error, size_t error_size) {
    const uint64_t bound = mr_timing_bound(process), whole = process->whole.rows;
    const uint64_t step = process->other.step, full = process->other.full;
    const uint64_t rows[] = {0,
                             1,
                             process->whole.step,
                             whole - 1,
                             whole,
                             bound - 1,
                             bound,
                             bound + 1,
                             bound + full,
                             bound + full + 1,
                             bound + step,
                             bound + step + 1,
                             bound + process->other.rows - 1,
                             bound + process->other.rows,
                             bound + process->other.rows + full,
                             whole + 1,
                             whole + process->whole.step,
                             2 * whole - 1,
                             process->rows - 2,
                             process->rows - 1};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i] < process->rows && !process->of[class_of(process, rows[i])])
            return mr_fail(error, error_size,
                           "process '%s': the report has no sample of what row %" PRIu64
                           " of %" PRIu64 " does; its cycles cannot be planned",
                           process->report->name, rows[i], process->rows);
    return 0;
}

// Which places make a difference to a run that is long enough to repeat itself.
static void compare_classes(struct process *process) {
    const struct pattern *const *of = process->of;
    const uint64_t steps = process->whole.rows / process->whole.step;
    const unsigned first = class_of(process, 0) & ~(unsigned)ROW_LAST;
    process->first_differs =
        process->has_empty_turns || of[first] != of[first & ~(unsigned)ROW_FIRST];
    if (process->has_empty_turns)
        return;
    if (steps == 2)
        process->begin_differs = process->end_differs = of[ROW_BEGINS] != of[ROW_ENDS];
    if (steps > 2) {
        process->begin_differs = of[ROW_BEGINS] != of[0];
        process->end_differs = of[ROW_ENDS] != of[0];
    }
}

int mr_timing_rows(struct process *process, const struct mr_report *report, struct run run,
                   char *error, size_t error_size) {
    struct counts counts = {0};
    if (find_counts(process, report, run, &counts, error, error_size))
        return -1;
    const struct mr_report_rows *one = &process->report->rows[first_of(report, run.command)];
    for (size_t i = 0; i < report->sample_count; i++) {
        if (!mr_timing_is_of(report, i, run.command))
            continue;
        const struct mr_report_rows *sample = &process->report->rows[i];
        const struct run of_sample = run_of(&report->samples[i], run.slots);
        find_groups(process, counts, of_sample);
        if (learn(process, of_sample, sample, error, error_size))
            return -1;
        if (sample->first != one->first)
            return mr_fail(error, error_size,
                           "process '%s': its first iteration comes in cycle %u of one sample of "
                           "the report and %u of another; its cycles cannot be planned",
                           process->report->name, one->first, sample->first);
    }
    find_groups(process, counts, run);
    process->row_start = one->first;
    if (!process->rows)
        return mr_fail(error, error_size, "process '%s' has no rows in a run",
                       process->report->name);
    if (check_classes(process, error, error_size))
        return -1;
    compare_classes(process);
    return 0;
}

const struct pattern *mr_timing_pattern(const struct process *process) {
    return process->of[class_of(process, process->row)];
}
