// SPDX-License-Identifier: Apache-2.0
// The JSON of `millrace profile`: one object, and the trace file (profile.h).
#include "json_append.h"
#include "profile.h"

#include <string.h>

enum { PID = 1000 }; // the network is the trace's process, its processes are threads

static double percent(double share) {
    return (double)(long long)(share * 1000 + 0.5) / 10;
}

static json_t *date_or_null(const struct profile_process *process, uint64_t cycle) {
    return process->dated && !process->about ? json_integer((json_int_t)cycle) : json_null();
}

json_t *profile_json(const struct profile *profile, const char *trace) {
    char text[600];
    profile_verdict(profile, text, sizeof text);
    json_t *processes = json_array(), *limits = json_array();
    for (uint32_t i = 0; i < profile->process_count; i++) {
        const struct profile_process *process = &profile->processes[i];
        mr_json_append(&processes,
                       json_pack("{s:s, s:I, s:I, s:I, s:o, s:o}", "name", process->name, "busy",
                                 (json_int_t)process->end.busy, "starved",
                                 (json_int_t)process->end.starved, "blocked",
                                 (json_int_t)process->end.blocked, "first_busy",
                                 date_or_null(process, process->first_busy), "last_busy",
                                 date_or_null(process, process->last_busy)));
        if (profile_limits(profile, i))
            mr_json_append(&limits, json_string(process->name));
    }
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:I, s:o, s:o, s:s, s:o}", "model",
                     profile->model, "device", profile->device, "sequences",
                     (json_int_t)profile->sequences, "steps", (json_int_t)profile->steps, "cycles",
                     (json_int_t)profile->cycles, "clock_mhz", profile->stats.clock_mhz,
                     "microseconds", profile_microseconds(profile, (double)profile->cycles),
                     "samples", (json_int_t)profile->sample_count, "processes", processes,
                     "limited_by", limits, "verdict", text, "trace",
                     trace ? json_string(trace) : json_null());
}

// A name for the trace's process, or for its thread tid.
static json_t *name_event(const char *what, uint32_t tid, const char *name) {
    return json_pack("{s:s, s:s, s:i, s:i, s:{s:s}}", "ph", "M", "name", what, "pid", PID, "tid",
                     (int)tid, "args", "name", name);
}

static json_t *order_event(uint32_t tid) {
    return json_pack("{s:s, s:s, s:i, s:i, s:{s:i}}", "ph", "M", "name", "thread_sort_index", "pid",
                     PID, "tid", (int)tid, "args", "sort_index", (int)tid);
}

// The time between two cycles in which the state of a process was the same.
static json_t *slice_event(const struct profile *profile, uint32_t index, const char *state,
                           uint64_t from, uint64_t to) {
    const struct profile_share share = profile_between(profile, index, (double)from, (double)to);
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:f, s:f, s:{s:I, s:I, s:f, s:f, s:f}}", "ph", "X",
                     "name", state, "cat", "state", "pid", PID, "tid", (int)index + 1, "ts",
                     profile_microseconds(profile, (double)from), "dur",
                     profile_microseconds(profile, (double)(to - from)), "args", "first cycle",
                     (json_int_t)from, "cycles", (json_int_t)(to - from), "busy %",
                     percent(share.busy), "starved %", percent(share.starved), "blocked %",
                     percent(share.blocked));
}

// Each value holds until the next event.
static json_t *counter_event(const struct profile *profile, uint32_t index, uint64_t cycle,
                             const struct profile_share *share) {
    return json_pack("{s:s, s:s, s:i, s:f, s:{s:f, s:f, s:f}}", "ph", "C", "name",
                     profile->processes[index].name, "pid", PID, "ts",
                     profile_microseconds(profile, (double)cycle), "args", "busy %",
                     percent(share->busy), "starved %", percent(share->starved), "blocked %",
                     percent(share->blocked));
}

static void trace_process(const struct profile *profile, uint32_t index, json_t **events) {
    const struct mr_sample *samples = profile->processes[index].samples;
    const char *state = NULL; // of the slice that is being made
    uint64_t begin = 0, from = 0;
    mr_json_append(events, name_event("thread_name", index + 1, profile->processes[index].name));
    mr_json_append(events, order_event(index + 1));
    for (uint32_t i = 0; i < profile->sample_count; i++) {
        const uint64_t to = samples[i].cycle;
        const struct profile_share share =
            profile_between(profile, index, (double)from, (double)to);
        const char *now = profile_state(&share);
        mr_json_append(events, counter_event(profile, index, from, &share));
        if (state && strcmp(state, now) != 0) {
            mr_json_append(events, slice_event(profile, index, state, begin, from));
            begin = from;
        }
        state = now;
        from = to;
    }
    const struct profile_share nothing = {0};
    mr_json_append(events, slice_event(profile, index, state, begin, from));
    mr_json_append(events, counter_event(profile, index, from, &nothing));
}

json_t *profile_trace(const struct profile *profile) {
    json_t *events = json_array();
    char name[600];
    snprintf(name, sizeof name, "%s on %s", profile->model, profile->device);
    mr_json_append(&events, name_event("process_name", 0, name));
    for (uint32_t i = 0; i < profile->process_count; i++)
        trace_process(profile, i, &events);
    return json_pack("{s:o, s:s, s:{s:I, s:f, s:I, s:I}}", "traceEvents", events, "displayTimeUnit",
                     "ns", "otherData", "cycles", (json_int_t)profile->cycles, "clock_mhz",
                     profile->stats.clock_mhz, "sequences", (json_int_t)profile->sequences, "steps",
                     (json_int_t)profile->steps);
}
