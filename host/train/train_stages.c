// SPDX-License-Identifier: Apache-2.0
// Cycles of the sample runs of a training engine, less those of its shape (train_stages.h).
#include "train_stages.h"

#include "failure.h"
#include "hls_report.h"
#include "mr_command.h"

#include <stdio.h>
#include <stdlib.h>

// One mini-batch and two, of a step, that learn and that predict.
static const struct sample {
    bool learns;
    int batches;
} samples[] = {{true, 1}, {true, 2}, {false, 1}, {false, 2}};
enum { SAMPLES = sizeof samples / sizeof *samples };

const char *mr_train_sample(size_t index, char *text, size_t size) {
    if (index >= SAMPLES)
        return NULL;
    snprintf(text, size, "command=%d,sequences=%d,steps=1,total=%d,flags=%u", MR_COMMAND_RUN,
             samples[index].batches, samples[index].batches,
             samples[index].learns ? 1u << MR_FLAGS_OWN : 0);
    return text;
}

// ---- a sample run

static bool uses(const struct mr_report_event *event, size_t stream) {
    for (size_t i = 0; i < event->stream_count; i++)
        if (event->streams[i] == stream)
            return true;
    return false;
}

// The cycle in which a process uses a stream first. Where the report does not tell of it: that in
// which it uses any; *told is false.
static uint64_t first_use(const struct mr_report_process *p, size_t sample, size_t stream,
                          bool *told) {
    const struct mr_report_rows *rows = &p->rows[sample];
    uint64_t at = rows->first, any = UINT64_MAX;

    *told = false;

    for (size_t i = 0; i < rows->order_count; i++) {
        const struct mr_report_pattern *pattern = &p->patterns[rows->order[i].pattern];
        for (size_t k = 0; k < pattern->event_count; k++) {
            const struct mr_report_event *event = &pattern->events[k];
            if (uses(event, stream)) {
                *told = true;
                return at + event->at;
            }
            any = any == UINT64_MAX ? at + event->at : any;
        }
        at += (uint64_t)pattern->length * rows->order[i].count;
    }
    return any == UINT64_MAX ? at : any;
}

// The cycle behind its end, where nothing holds it up.
static uint64_t end_of(const struct mr_report_process *p, size_t sample) {
    const struct mr_report_rows *rows = &p->rows[sample];
    uint64_t at = rows->first;

    for (size_t i = 0; i < rows->order_count; i++)
        at += (uint64_t)p->patterns[rows->order[i].pattern].length * rows->order[i].count;
    return at + rows->rest + 1;
}

// One that is wired to no other, as that which plans what is fetched from outside, runs ahead of
// all: its cycles are none of the run's.
static bool is_wired(const struct mr_report *report, size_t process) {
    for (size_t i = 0; i < report->channel_count; i++)
        if (report->channels[i].from == process || report->channels[i].to == process)
            return true;
    return false;
}

// Processes wait for the first word of each channel, which are in the order of their way; from then
// on words come as fast as the lanes take them. What is written, a report tells: a channel of which
// it tells nothing has no words in this run.
static uint64_t run_of(const struct mr_report *report, size_t sample, uint64_t *late) {
    uint64_t end = 0;

    for (size_t i = 0; i < report->process_count; i++)
        late[i] = 0;
    for (size_t i = 0; i < report->channel_count; i++) {
        const struct mr_report_channel *c = &report->channels[i];
        const struct mr_report_process *from = &report->processes[c->from];
        bool written, read;
        const uint64_t there = late[c->from] + first_use(from, sample, c->from_stream, &written) +
                               from->streams[c->from_stream].write_stage + 1;
        const uint64_t wanted = first_use(&report->processes[c->to], sample, c->to_stream, &read);
        if (written && there > wanted + late[c->to])
            late[c->to] = there - wanted;
    }
    for (size_t i = 0; i < report->process_count; i++) {
        const uint64_t behind =
            is_wired(report, i) ? end_of(&report->processes[i], sample) + late[i] : 0;
        end = behind > end ? behind : end;
    }
    return end;
}

// ---- a report

static int read_runs(const struct mr_report *report, uint64_t *runs, struct mr_error *error) {
    uint64_t *late = calloc(report->process_count + 1, sizeof *late);

    if (!late)
        return mr_failure(error, MR_ERROR_MEMORY, "no memory to plan a training engine");
    for (size_t i = 0; i < SAMPLES; i++)
        runs[i] = run_of(report, i, late);
    free(late);
    return 0;
}

static bool tells_runs(const struct mr_report *report) {
    for (size_t i = 0; i < report->process_count; i++)
        if (is_wired(report, i) && report->processes[i].row_count != SAMPLES)
            return false;
    return true;
}

int mr_train_stages_of(const struct mr_train_shape *shape, const char *path,
                       struct mr_train_run_stages *stages, struct mr_error *error) {
    char text[900];
    uint64_t runs[SAMPLES] = {0};
    struct mr_report *report = mr_report_read(path, text, sizeof text);
    int code = report ? 0 : mr_failure(error, MR_ERROR_BUILD, "%s", text);

    if (code == 0 && !tells_runs(report))
        code = mr_failure(error, MR_ERROR_BUILD,
                          "%.600s does not tell the runs that a training engine is planned by; "
                          "clear the build cache",
                          path);
    if (code == 0)
        code = read_runs(report, runs, error);
    mr_report_free(report);
    if (code)
        return code;
    const uint64_t learns = mr_train_cycles(shape, 1, true),
                   predicts = mr_train_cycles(shape, 1, false);
    *stages = (struct mr_train_run_stages){
        .learns = {runs[0] - learns, runs[1] - runs[0] - learns},
        .predicts = {runs[2] - predicts, runs[3] - runs[2] - predicts}};
    return 0;
}

uint64_t mr_train_run_cycles(const struct mr_train_shape *shape,
                             const struct mr_train_run_stages *stages, int steps, size_t batches,
                             bool learns) {
    const struct mr_train_stages *s = learns ? &stages->learns : &stages->predicts;

    return s->first + s->more * (batches - 1) + mr_train_cycles(shape, steps, learns) * batches;
}
