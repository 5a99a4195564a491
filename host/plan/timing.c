// SPDX-License-Identifier: Apache-2.0
// The exact cycle model. Every process runs ahead on its own clock as far as the times are known at
// which its inputs are visible and its credits come back; only iterations that read or write are
// looked at one by one, and of what repeats itself one repetition (timing_skip.c).
#include "timing_parts.h"

#include "file.h"
#include "mr_command.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 1 << 24, LENGTH_MAX = 1 << 24 };

// ---- running

// The cycle in which the iteration can be issued, `cycle` at the earliest; false: it waits for a
// time that is not known yet.
static bool find_issue(const struct event *event, uint64_t cycle, uint64_t *issue) {
    *issue = cycle;
    for (uint32_t i = 0; i < event->in_count; i++) {
        const struct channel *in = event->in[i];
        if (in->read == in->written)
            return false;
        const uint64_t visible = in->visible[in->read & in->mask];
        *issue = visible > *issue ? visible : *issue;
    }
    for (uint32_t i = 0; i < event->out_count; i++) {
        const struct channel *out = event->out[i];
        if (out->written < out->depth)
            continue;
        const uint64_t before = out->written - out->depth;
        if (before >= out->read)
            return false;
        const uint64_t credit = out->taken[before & out->mask] + 1 + out->crossing;
        *issue = credit > *issue ? credit : *issue;
    }
    return true;
}

static void issue_event(struct model *model, const struct event *event, uint64_t issue) {
    for (uint32_t i = 0; i < event->in_count; i++)
        event->in[i]->taken[event->in[i]->read++ & event->in[i]->mask] = issue;
    for (uint32_t i = 0; i < event->out_count; i++) {
        struct channel *out = event->out[i];
        const uint64_t visible = issue + out->write_stage + 1 + out->crossing;
        out->visible[out->written++ & out->mask] = visible;
        if (out->to)
            continue;
        out->taken[out->read++ & out->mask] = visible;
        model->first_output = visible < model->first_output ? visible : model->first_output;
        model->last_output = visible > model->last_output ? visible : model->last_output;
    }
}

static void note_start(struct process *process) {
    if (process->row == (process->measured - 1) / 2)
        process->middle_start = process->row_start;
    if (process->row == process->measured - 1)
        process->last_start = process->row_start;
}

// Issues what is left of the row; false: it waits for a time that is not known yet.
static bool finish_row(struct model *model, struct process *process, const struct pattern *pattern,
                       bool *moved) {
    for (; process->event < pattern->event_count; process->event++) {
        const struct event *event = &pattern->events[process->event];
        for (; process->done < event->count; process->done++) {
            const uint64_t offset = (uint64_t)event->at + process->done;
            uint64_t issue;
            if (!find_issue(event, process->row_start + offset, &issue))
                return false;
            issue_event(model, event, issue);
            // Whatever held this iteration up moves the rest of the row.
            process->row_start = issue - offset;
            if (process->event == 0 && process->done == 0)
                note_start(process);
            if (!process->issued)
                process->first_issue = process->row_start;
            process->issued = *moved = true;
        }
        process->done = 0;
    }
    return true;
}

// Runs until the process is done or waits for a time that is not known yet. True when it got
// anywhere.
static bool advance(struct model *model, struct process *process) {
    bool moved = false;
    while (process->row < process->rows) {
        const struct pattern *pattern = mr_timing_pattern(process);
        if (!pattern->event_count)
            note_start(process);
        if (!finish_row(model, process, pattern, &moved))
            return moved;
        process->last_issue = process->row_start + pattern->length - 1;
        process->iterations += pattern->length;
        process->row_start += pattern->length;
        process->event = 0;
        process->row++;
        moved = true;
    }
    return moved;
}

static int run_model(struct model *model, bool skips, char *error, size_t error_size) {
    struct skipper *skipper = skips ? mr_skipper_new(model) : NULL;
    if (skips && !skipper)
        return mr_fail(error, error_size, "out of memory for the cycle model");
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < model->process_count; i++)
            moved |= advance(model, &model->processes[i]);
        if (skips && moved)
            mr_skip(model, skipper);
    }
    mr_skipper_free(skipper);
    for (int i = 0; i < model->process_count; i++) {
        const struct process *process = &model->processes[i];
        if (process->row < process->rows)
            return mr_fail(error, error_size,
                           "the network stands still: process %s waits for ever in row %" PRIu64
                           " of %" PRIu64,
                           process->report->name, process->row, process->rows);
    }
    return 0;
}

// ---- building the model

static int out_of_memory(char *error, size_t error_size) {
    return mr_fail(error, error_size, "out of memory for the cycle model");
}

// Does the process have such rows in a sample of the command?
static bool has_pattern(const struct mr_report *report, uint32_t command,
                        const struct mr_report_process *process, size_t pattern) {
    for (size_t i = 0; i < process->row_count; i++)
        for (size_t k = 0; k < process->rows[i].order_count; k++)
            if (process->rows[i].order[k].pattern == pattern && mr_timing_is_of(report, i, command))
                return true;
    return false;
}

// Does it use the stream in one?
static bool is_used(const struct mr_report *report, uint32_t command,
                    const struct mr_report_process *process, size_t stream) {
    for (size_t i = 0; i < process->pattern_count; i++)
        for (size_t k = 0; k < process->patterns[i].event_count; k++)
            for (size_t n = 0; n < process->patterns[i].events[k].stream_count; n++)
                if (process->patterns[i].events[k].streams[n] == stream &&
                    has_pattern(report, command, process, i))
                    return true;
    return false;
}

static bool takes_part(const struct mr_report *report, uint32_t command,
                       const struct mr_report_process *process) {
    for (size_t i = 0; i < process->stream_count; i++)
        if (is_used(report, command, process, i))
            return true;
    return false;
}

static int check_process(const struct mr_report_process *process, char *error, size_t error_size) {
    if (process->data_dependent)
        return mr_fail(error, error_size,
                       "process '%s' reads and writes as its data says (%s); its cycles cannot be "
                       "planned",
                       process->name, process->data_dependent);
    if (process->untold)
        return mr_fail(error, error_size, "process '%s': %s; its cycles cannot be planned",
                       process->name, process->untold);
    if (process->row_count == 0)
        return mr_fail(error, error_size,
                       "the report has no sample runs of process '%s'; build the network again",
                       process->name);
    for (size_t i = 0; i < process->pattern_count; i++)
        if (process->patterns[i].length > LENGTH_MAX)
            return mr_fail(error, error_size,
                           "process '%s' has a row of %u cycles; at most 2^24 are taken",
                           process->name, process->patterns[i].length);
    return 0;
}

static int make_channel(struct model *model, const struct mr_report_process *process,
                        const struct mr_report_stream *stream, char *error, size_t error_size) {
    struct channel *channel = &model->channels[model->channel_count++];
    if (stream->depth > DEPTH_MAX)
        return mr_fail(error, error_size,
                       "the report's stream '%s' of process '%s' has depth %u; at most 2^24 is "
                       "taken",
                       stream->name, process->name, stream->depth);
    *channel = (struct channel){
        .depth = stream->depth, .write_stage = stream->write_stage, .crossing = stream->crossing};
    uint64_t size = 1;
    while (size < stream->depth)
        size *= 2;
    channel->mask = size - 1;
    channel->visible = calloc(size, sizeof *channel->visible);
    channel->taken = calloc(size, sizeof *channel->taken);
    return channel->visible && channel->taken ? 0 : out_of_memory(error, error_size);
}

// The channel at each stream of each process, NULL: the top's input, or not used.
struct wiring {
    size_t *first; // stream of a process among all streams
    struct channel **at;
    struct process **process; // NULL: takes no part
};

static int make_processes(struct model *model, const struct mr_report *report, uint32_t command,
                          struct wiring *wiring, char *error, size_t error_size) {
    size_t streams = 0;
    for (size_t i = 0; i < report->process_count; i++) {
        const struct mr_report_process *known = &report->processes[i];
        wiring->first[i] = streams;
        streams += known->stream_count;
        if (check_process(known, error, error_size))
            return -1;
        if (!takes_part(report, command, known))
            continue;
        if (model->process_count == MR_TIMING_PROCESSES)
            return mr_fail(error, error_size,
                           "more than %d processes take part in a run; the cycle model has no room",
                           MR_TIMING_PROCESSES);
        struct process *process = &model->processes[model->process_count++];
        process->report = known;
        wiring->process[i] = process;
    }
    wiring->at = calloc(streams + 1, sizeof *wiring->at);
    model->channels = calloc(streams + report->channel_count + 1, sizeof *model->channels);
    return wiring->at && model->channels ? 0 : out_of_memory(error, error_size);
}

static int connect(struct model *model, const struct mr_report *report, uint32_t command,
                   struct wiring *wiring, char *error, size_t error_size) {
    for (size_t i = 0; i < report->channel_count; i++) {
        const struct mr_report_channel *c = &report->channels[i];
        const struct mr_report_process *from = &report->processes[c->from];
        struct channel **writer = &wiring->at[wiring->first[c->from] + c->from_stream];
        struct channel **reader = &wiring->at[wiring->first[c->to] + c->to_stream];
        const bool written = is_used(report, command, from, c->from_stream);
        if (written != is_used(report, command, &report->processes[c->to], c->to_stream) ||
            *writer || *reader)
            return mr_fail(error, error_size,
                           "channel '%s' of the report has not one writer and one reader in a run",
                           c->name);
        if (!written)
            continue;
        if (make_channel(model, from, &from->streams[c->from_stream], error, error_size))
            return -1;
        *writer = *reader = &model->channels[model->channel_count - 1];
        (*writer)->from = wiring->process[c->from];
        (*writer)->to = wiring->process[c->to];
    }
    for (size_t i = 0; i < report->process_count; i++) {
        const struct mr_report_process *process = &report->processes[i];
        for (size_t k = 0; k < process->stream_count; k++) {
            struct channel **writer = &wiring->at[wiring->first[i] + k];
            if (!process->streams[k].out || *writer || !is_used(report, command, process, k))
                continue;
            if (make_channel(model, process, &process->streams[k], error, error_size))
                return -1;
            *writer = &model->channels[model->channel_count - 1];
            (*writer)->from = wiring->process[i];
        }
    }
    return 0;
}

static int make_event(struct event *event, const struct mr_report_process *process,
                      const struct mr_report_event *known, struct channel **at) {
    *event = (struct event){.at = known->at, .count = known->count};
    event->in = calloc(known->stream_count + 1, sizeof(struct channel *));
    event->out = calloc(known->stream_count + 1, sizeof(struct channel *));
    if (!event->in || !event->out)
        return -1;
    for (size_t i = 0; i < known->stream_count; i++) {
        const uint32_t stream = known->streams[i];
        if (process->streams[stream].out)
            event->out[event->out_count++] = at[stream];
        else if (at[stream])
            event->in[event->in_count++] = at[stream];
    }
    return 0;
}

static int make_patterns(struct process *process, struct channel **at) {
    const struct mr_report_process *known = process->report;
    process->patterns = calloc(known->pattern_count + 1, sizeof *process->patterns);
    if (!process->patterns)
        return -1;
    for (size_t i = 0; i < known->pattern_count; i++) {
        struct pattern *pattern = &process->patterns[i];
        pattern->length = known->patterns[i].length;
        pattern->events = calloc(known->patterns[i].event_count + 1, sizeof *pattern->events);
        if (!pattern->events)
            return -1;
        for (size_t k = 0; k < known->patterns[i].event_count; k++) {
            pattern->event_count++;
            if (make_event(&pattern->events[k], known, &known->patterns[i].events[k], at))
                return -1;
        }
    }
    return 0;
}

static int build(struct model *model, const struct mr_report *report, struct wiring *wiring,
                 struct run run, char *error, size_t error_size) {
    const size_t count = report->process_count + 1;
    model->processes = calloc(count, sizeof *model->processes);
    wiring->first = calloc(count, sizeof *wiring->first);
    wiring->process = calloc(count, sizeof(struct process *));
    if (!model->processes || !wiring->first || !wiring->process)
        return out_of_memory(error, error_size);
    if (make_processes(model, report, run.command, wiring, error, error_size) ||
        connect(model, report, run.command, wiring, error, error_size))
        return -1;
    for (size_t i = 0; i < report->process_count; i++) {
        if (!wiring->process[i])
            continue;
        if (make_patterns(wiring->process[i], wiring->at + wiring->first[i]))
            return out_of_memory(error, error_size);
        if (mr_timing_rows(wiring->process[i], report, run, error, error_size))
            return -1;
    }
    if (!model->process_count)
        return mr_fail(error, error_size, "no process of '%s' takes part in the report's samples",
                       report->top);
    return 0;
}

static void release(struct model *model) {
    for (int i = 0; i < model->process_count; i++) {
        const struct process *process = &model->processes[i];
        for (size_t k = 0; process->patterns && k < process->report->pattern_count; k++) {
            for (uint32_t n = 0; n < process->patterns[k].event_count; n++) {
                free(process->patterns[k].events[n].in);
                free(process->patterns[k].events[n].out);
            }
            free(process->patterns[k].events);
        }
        free(process->patterns);
    }
    for (int i = 0; i < model->channel_count; i++) {
        free(model->channels[i].visible);
        free(model->channels[i].taken);
    }
    free(model->processes);
    free(model->channels);
}

// The cycle of the process's end; rest: of all samples of the command, as they differ by what
// stands behind the last row.
static uint64_t end_of(const struct process *process, const struct mr_report *report,
                       uint32_t command) {
    uint32_t rest = 0;
    for (size_t i = 0; i < process->report->row_count; i++)
        if (mr_timing_is_of(report, i, command) && process->report->rows[i].rest > rest)
            rest = process->report->rows[i].rest;
    return process->row_start + rest;
}

// The cycle behind the end of all.
static uint64_t next_start(const struct model *model, const struct mr_report *report,
                           uint32_t command) {
    uint64_t last = 0;
    for (int i = 0; i < model->process_count; i++) {
        const uint64_t end = end_of(&model->processes[i], report, command);
        last = end > last ? end : last;
    }
    for (int i = 0; i < model->channel_count; i++) {
        const struct channel *channel = &model->channels[i];
        if (!channel->read)
            continue;
        const uint64_t back =
            channel->taken[(channel->read - 1) & channel->mask] + 1 + channel->crossing;
        last = back > last ? back : last;
    }
    return last + 1;
}

static void collect(struct model *model, const struct mr_report *report, uint32_t command,
                    struct mr_timing_result *result) {
    result->next = next_start(model, report, command);
    // Without an output, up to the end.
    result->cycles = command == MR_COMMAND_ENCODE ? result->next : model->last_output + 1;
    result->first_output = model->first_output;
    result->process_count = model->process_count;
    for (int i = 0; i < model->process_count; i++) {
        struct process *process = &model->processes[i];
        struct mr_timing_process *out = &result->processes[i];
        snprintf(out->name, sizeof out->name, "%s", process->report->name);
        out->first_issue = process->first_issue;
        out->last_issue = process->last_issue;
        out->iterations = process->iterations;
        const uint64_t span = process->measured - 1 - (process->measured - 1) / 2;
        process->row = 0;
        out->cycles_per_step =
            (span ? (double)(process->last_start - process->middle_start) / (double)span
                  : (double)mr_timing_pattern(process)->length) *
            process->rows_of_step;
    }
}

// No turn may have a number of more than 32 bits (layer.h).
static int check_turns(const struct model *model, char *error, size_t error_size) {
    for (int i = 0; i < model->process_count; i++)
        if (model->processes[i].has_empty_turns &&
            model->processes[i].rows > (uint64_t)MR_STEPS_MAX + 1)
            return mr_fail(error, error_size,
                           "process '%s' has %" PRIu64 " turns in this run and can have %u; run "
                           "fewer steps, or sequences that fill its slots",
                           model->processes[i].report->name, model->processes[i].rows - 1,
                           MR_STEPS_MAX);
    return 0;
}

static int time_run(const struct mr_report *report, bool skips, struct run run,
                    struct mr_timing_result *result, char *error, size_t error_size) {
    memset(result, 0, sizeof *result);
    if (run.sequences < 1 || run.steps < 1 || run.sequences > MR_STEPS_MAX / run.steps)
        return mr_fail(error, error_size,
                       "%" PRIu64 " sequence%s of %" PRIu64
                       " steps cannot be one run; it takes 1 to %u steps in all",
                       run.sequences, mr_plural(run.sequences), run.steps, MR_STEPS_MAX);
    struct model model = {.first_output = UINT64_MAX};
    bool known = false;
    for (size_t i = 0; i < report->sample_count; i++)
        known = known || mr_timing_is_of(report, i, run.command);
    if (!known && (report->sample_count > 0 || run.command == MR_COMMAND_ENCODE))
        return mr_fail(error, error_size, "the report tells no %s of '%s'",
                       run.command == MR_COMMAND_ENCODE ? "runs of an encoder" : "runs",
                       report->top);
    struct wiring wiring = {0};
    int status = build(&model, report, &wiring, run, error, error_size);
    if (status == 0)
        status = check_turns(&model, error, error_size);
    if (status == 0)
        status = run_model(&model, skips, error, error_size);
    if (status == 0 && model.first_output == UINT64_MAX && run.command == MR_COMMAND_RUN)
        status = mr_fail(error, error_size, "'%s' gives no output in a run", report->top);
    if (status == 0) {
        collect(&model, report, run.command, result);
        result->sequences = run.sequences;
        result->encodes = run.command == MR_COMMAND_ENCODE;
        result->steps = run.steps;
    }
    release(&model);
    free(wiring.first);
    free(wiring.at);
    free(wiring.process);
    return status;
}

int mr_timing_run(const struct mr_report *report, int slots, uint64_t sequences, uint64_t steps,
                  struct mr_timing_result *result, char *error, size_t error_size) {
    const struct run run = {(uint64_t)slots, sequences, steps, MR_COMMAND_RUN};
    return time_run(report, true, run, result, error, error_size);
}

int mr_timing_run_all(const struct mr_report *report, int slots, uint64_t sequences, uint64_t steps,
                      struct mr_timing_result *result, char *error, size_t error_size) {
    const struct run run = {(uint64_t)slots, sequences, steps, MR_COMMAND_RUN};
    return time_run(report, false, run, result, error, error_size);
}

int mr_timing_encode(const struct mr_report *report, uint64_t steps,
                     struct mr_timing_result *result, char *error, size_t error_size) {
    const struct run run = {1, 1, steps, MR_COMMAND_ENCODE};
    return time_run(report, true, run, result, error, error_size);
}

const struct mr_timing_process *mr_timing_process(const struct mr_timing_result *result,
                                                  const char *name) {
    for (int i = 0; i < result->process_count; i++)
        if (strcmp(result->processes[i].name, name) == 0)
            return &result->processes[i];
    return NULL;
}
