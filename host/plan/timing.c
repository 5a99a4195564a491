// SPDX-License-Identifier: Apache-2.0
// The exact cycle model. Every process runs ahead on its own clock as far as the times are known at
// which its inputs are visible and its credits come back; only iterations that read or write are
// looked at one by one, and of what repeats itself one repetition (timing_skip.c).
#include "timing_parts.h"

#include "file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- the rows of each kernel

static int new_pattern(struct pattern *pattern, uint32_t length) {
    pattern->length = length;
    pattern->event_count = 0;
    pattern->events = calloc(length, sizeof *pattern->events);
    return pattern->events ? 0 : -1;
}

static void add_event(struct pattern *pattern, uint32_t offset, bool reads, bool writes) {
    if (reads || writes)
        pattern->events[pattern->event_count++] = (struct event){offset, reads, writes};
}

// A: step 0 has no h to give; B; C: after the last step, only h is given.
static int recurrent_rows(struct process *process, const struct mr_op *op,
                          const struct mr_plan_op *planned) {
    const uint32_t x_words = (uint32_t)mr_plan_words(op->inputs, planned->lc);
    const uint32_t h_words = (uint32_t)mr_plan_words(op->units, planned->lc);
    for (int row = ROW_A; row <= ROW_C; row++) {
        struct pattern *pattern = &process->patterns[row];
        if (new_pattern(pattern, row == ROW_C ? h_words : planned->cost.row_cycles))
            return -1;
        for (uint32_t k = 0; k < pattern->length; k++)
            add_event(pattern, k, k < x_words && row != ROW_C, k < h_words && row != ROW_A);
    }
    return 0;
}

// All rows are B. Follows glue/resize.h.
static int resize_rows(struct process *process, uint32_t count, uint32_t from, uint32_t to) {
    struct pattern *pattern = &process->patterns[ROW_B];
    const uint32_t in_words = (count + from - 1) / from;
    const uint32_t out_words = (count + to - 1) / to;
    uint32_t left = 0;
    if (from >= to) {
        uint32_t taken = 0;
        if (new_pattern(pattern, out_words))
            return -1;
        for (uint32_t k = 0; k < out_words; k++) {
            const bool take = left < to && taken < in_words;
            add_event(pattern, k, take, true);
            left = (take ? left + from : left) - to;
            taken += take;
        }
        return 0;
    }
    const bool flush = in_words * from / to < out_words;
    const bool extra = flush && in_words * from / to > (in_words - 1) * from / to;
    const uint32_t length = in_words + extra;
    if (new_pattern(pattern, length))
        return -1;
    for (uint32_t k = 0; k < length; k++) {
        const uint32_t ready = left + from;
        const bool give = ready >= to || (flush && k == length - 1);
        add_event(pattern, k, k < in_words, give);
        left = give ? ready - to : ready;
    }
    return 0;
}

// B: a step that is dropped; C: the last of its sequence, passed on.
static int last_rows(struct process *process, uint32_t words) {
    for (int row = ROW_B; row <= ROW_C; row++) {
        if (new_pattern(&process->patterns[row], words))
            return -1;
        for (uint32_t k = 0; k < words; k++)
            add_event(&process->patterns[row], k, true, row == ROW_C);
    }
    return 0;
}

static int head_rows(struct process *process, uint32_t x_words, uint32_t outputs) {
    if (new_pattern(&process->patterns[ROW_B], x_words + outputs))
        return -1;
    for (uint32_t k = 0; k < x_words + outputs; k++)
        add_event(&process->patterns[ROW_B], k, k < x_words, k >= x_words);
    return 0;
}

const struct pattern *mr_timing_pattern(const struct process *process, uint64_t steps) {
    switch (process->kind) {
    case KIND_LSTM:
        return &process->patterns[process->row == 0                   ? ROW_A
                                  : process->row == process->rows - 1 ? ROW_C
                                                                      : ROW_B];
    case KIND_LAST:
        return &process->patterns[process->row % steps == steps - 1 ? ROW_C : ROW_B];
    case KIND_RESIZE:
    case KIND_HEAD:
        break;
    }
    return &process->patterns[ROW_B];
}

// ---- running

// Runs until the process is done or waits for a time that is not known yet. True when it got
// anywhere.
static bool advance(struct model *model, struct process *process) {
    struct channel *in = process->in;
    struct channel *out = process->out;
    const bool to_top = process == &model->processes[model->count - 1];
    bool moved = false;
    while (process->row < process->rows) {
        const struct pattern *pattern = mr_timing_pattern(process, model->steps);
        for (; process->event < pattern->event_count; process->event++) {
            const struct event event = pattern->events[process->event];
            uint64_t issue = process->row_start + event.offset;
            if (event.reads && in) {
                if (in->read == in->written)
                    return moved;
                const uint64_t visible = in->visible[in->read & in->mask];
                issue = visible > issue ? visible : issue;
            }
            if (event.writes && out->written >= out->depth) {
                const uint64_t before = out->written - out->depth;
                if (before >= out->read)
                    return moved;
                const uint64_t credit = out->taken[before & out->mask] + 1 + out->crossing;
                issue = credit > issue ? credit : issue;
            }
            if (event.reads && in)
                in->taken[in->read++ & in->mask] = issue;
            if (event.writes) {
                const uint64_t visible = issue + out->write_stage + 1 + out->crossing;
                out->visible[out->written & out->mask] = visible;
                if (to_top) {
                    if (out->written == 0)
                        model->first_output = visible;
                    model->last_output = visible;
                    out->taken[out->read++ & out->mask] = visible;
                }
                out->written++;
            }
            // Whatever held this iteration up moves the rest of the row.
            process->row_start = issue - event.offset;
            if (event.offset == 0 && process->row == (process->steps - 1) / 2)
                process->middle_start = issue;
            if (event.offset == 0 && process->row == process->steps - 1)
                process->last_start = issue;
            if (!process->issued)
                process->first_issue = process->row_start;
            process->issued = true;
            moved = true;
        }
        process->last_issue = process->row_start + pattern->length - 1;
        process->iterations += pattern->length;
        process->row_start += pattern->length;
        process->event = 0;
        process->row++;
        moved = true;
    }
    return moved;
}

static int run(struct model *model, bool skips, char *error, size_t error_size) {
    struct skipper *skipper = skips ? mr_skipper_new(model) : NULL;
    if (skips && !skipper)
        return mr_fail(error, error_size, "out of memory for the cycle model");
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < model->count; i++)
            moved |= advance(model, &model->processes[i]);
        if (skips && moved)
            mr_skip(model, skipper);
    }
    mr_skipper_free(skipper);
    for (int i = 0; i < model->count; i++) {
        const struct process *process = &model->processes[i];
        if (process->row < process->rows)
            return mr_fail(error, error_size,
                           "the network stands still: process %s waits for ever in row %" PRIu64
                           " of %" PRIu64,
                           process->name, process->row, process->rows);
    }
    return 0;
}

// ---- building the model

static struct process *new_process(struct model *model, enum kind kind, int layer, const char *name,
                                   uint64_t rows) {
    struct process *process = &model->processes[model->count];
    process->kind = kind;
    process->layer = kind == KIND_LSTM ? layer : -1;
    process->rows = rows;
    process->steps = kind == KIND_LSTM ? rows - 1 : rows;
    process->in = model->count ? &model->channels[model->count - 1] : NULL;
    process->out = &model->channels[model->count];
    snprintf(process->name, sizeof process->name, "%s", name);
    model->count++;
    return process;
}

// A chain of recurrent operators, the last step and one operator behind it.
static int build(struct model *model, const struct mr_plan *plan, uint64_t sequences,
                 uint64_t steps) {
    const uint64_t total = sequences * steps;
    int failed = 0;
    model->steps = steps;
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op *op = &plan->network->ops[i];
        const int lc = plan->ops[i].lc, from = mr_plan_stream_lc(plan, op->input);
        const uint32_t words = (uint32_t)mr_plan_words(op->inputs, lc);
        if (mr_plan_has_resize(plan, i)) {
            char name[MR_NAME];
            snprintf(name, sizeof name, "resize%d", op->layer);
            failed |= resize_rows(new_process(model, KIND_RESIZE, 0, name, total),
                                  (uint32_t)op->inputs, (uint32_t)from, (uint32_t)lc);
        }
        if (op->kind->recurrent)
            failed |= recurrent_rows(new_process(model, KIND_LSTM, op->layer, op->name, total + 1),
                                     op, &plan->ops[i]);
        else if (mr_plan_per_step(plan, i))
            failed |= last_rows(new_process(model, KIND_LAST, 0, op->name, total), words);
        else
            failed |= head_rows(new_process(model, KIND_HEAD, 0, op->name, sequences), words,
                                (uint32_t)op->units);
    }
    return failed;
}

static const char *output_name(enum kind kind) {
    return kind == KIND_LSTM ? "h_out" : kind == KIND_HEAD ? "y" : "out";
}

// Depths and write stages from the report.
static int connect(struct model *model, const struct mr_report *report, char *error,
                   size_t error_size) {
    if (strcmp(report->top, MR_NETWORK_TOP) != 0)
        return mr_fail(error, error_size, "the report is of '%s' and not of '%s'", report->top,
                       MR_NETWORK_TOP);
    for (int i = 0; i < model->count; i++) {
        struct process *process = &model->processes[i];
        struct channel *channel = &model->channels[i];
        const struct mr_report_process *known = mr_report_process(report, process->name);
        if (!known)
            return mr_fail(
                error, error_size,
                "the report has no process '%s' that the plan has; build the network again",
                process->name);
        const struct mr_report_stream *stream = mr_report_stream(known, output_name(process->kind));
        if (!stream || !stream->out)
            return mr_fail(error, error_size, "the report's process '%s' has no output stream '%s'",
                           process->name, output_name(process->kind));
        for (size_t k = 0; k < known->loop_count; k++)
            if (strncmp(known->loops[k].name, "run_", 4) == 0 && known->loops[k].ii != 1)
                return mr_fail(error, error_size,
                               "the report's loop '%s' of process '%s' has initiation interval %u; "
                               "the cycle model knows 1 only",
                               known->loops[k].name, process->name, known->loops[k].ii);
        if (stream->depth > 1u << 24)
            return mr_fail(error, error_size,
                           "the report's stream '%s' of process '%s' has depth %u; at most 2^24 is "
                           "taken",
                           stream->name, process->name, stream->depth);
        channel->depth = stream->depth;
        channel->write_stage = stream->write_stage;
        channel->crossing = stream->crossing;
        uint64_t size = 1;
        while (size < stream->depth)
            size *= 2;
        channel->mask = size - 1;
        channel->visible = calloc(size, sizeof *channel->visible);
        channel->taken = calloc(size, sizeof *channel->taken);
        if (!channel->visible || !channel->taken)
            return mr_fail(error, error_size, "out of memory for the cycle model");
        process->row_start = known->first_issue;
    }
    return 0;
}

static void release(struct model *model) {
    for (int i = 0; i < MR_TIMING_PROCESSES; i++) {
        for (int row = 0; row < ROW_KINDS; row++)
            free(model->processes[i].patterns[row].events);
        free(model->channels[i].visible);
        free(model->channels[i].taken);
    }
}

static void collect(const struct model *model, struct mr_timing_result *result) {
    result->cycles = model->last_output + 1;
    result->first_output = model->first_output;
    result->process_count = model->count;
    for (int i = 0; i < model->count; i++) {
        const struct process *process = &model->processes[i];
        struct mr_timing_process *out = &result->processes[i];
        memcpy(out->name, process->name, sizeof out->name);
        out->layer = process->layer;
        out->first_issue = process->first_issue;
        out->last_issue = process->last_issue;
        out->iterations = process->iterations;
        const uint64_t middle = (process->steps - 1) / 2;
        const uint64_t span = process->steps - 1 - middle;
        const int row = process->kind == KIND_LSTM ? ROW_A : ROW_B;
        out->cycles_per_step =
            span ? (double)(process->last_start - process->middle_start) / (double)span
                 : (double)process->patterns[row].length;
    }
}

static int time_run(const struct mr_plan *plan, const struct mr_report *report, bool skips,
                    uint64_t sequences, uint64_t steps, struct mr_timing_result *result,
                    char *error, size_t error_size) {
    memset(result, 0, sizeof *result);
    if (sequences < 1 || steps < 1 || sequences > UINT32_MAX || steps > UINT32_MAX ||
        sequences * steps > UINT32_MAX)
        return mr_fail(error, error_size,
                       "%" PRIu64 " sequences of %" PRIu64
                       " steps cannot be one run; it takes 1 to 2^32 - 1 steps in all",
                       sequences, steps);
    struct model *model = calloc(1, sizeof *model);
    if (!model)
        return mr_fail(error, error_size, "out of memory for the cycle model");
    int status = build(model, plan, sequences, steps)
                     ? mr_fail(error, error_size, "out of memory for the cycle model")
                     : connect(model, report, error, error_size);
    if (status == 0)
        status = run(model, skips, error, error_size);
    if (status == 0) {
        collect(model, result);
        result->sequences = sequences;
        result->steps = steps;
    }
    release(model);
    free(model);
    return status;
}

int mr_timing_run(const struct mr_plan *plan, const struct mr_report *report, uint64_t sequences,
                  uint64_t steps, struct mr_timing_result *result, char *error, size_t error_size) {
    return time_run(plan, report, true, sequences, steps, result, error, error_size);
}

int mr_timing_run_all(const struct mr_plan *plan, const struct mr_report *report,
                      uint64_t sequences, uint64_t steps, struct mr_timing_result *result,
                      char *error, size_t error_size) {
    return time_run(plan, report, false, sequences, steps, result, error, error_size);
}
