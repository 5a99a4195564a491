// SPDX-License-Identifier: Apache-2.0
// What `millrace profile` has measured, and its forms: a table and a verdict for people, JSON, and
// a trace file.
#ifndef MR_CLI_PROFILE_H
#define MR_CLI_PROFILE_H

#include "cli.h"

// How a process spent some cycles; idle is the rest: nothing to do, or its own latency.
struct profile_share {
    double busy, starved, blocked, idle; // of a part of the run: 0 to 1, together 1
};

struct profile_process {
    const char *name;
    struct mr_sample *samples; // [sample_count] of the profile
    struct mr_sample end;      // the last one
    // The first and the last cycle in which it was busy, when that is known. Of several device runs
    // (about) to the precision of the samples.
    bool dated, about;
    uint64_t first_busy, last_busy;
    double cycles_per_step; // of a layer; 0: not known
};

struct profile {
    const char *model, *device;
    size_t sequences, steps;
    struct mr_stats stats;
    uint32_t process_count, sample_count;
    struct profile_process *processes; // [process_count]
    uint64_t cycles;                   // of all device runs, to the last sample
};

// Takes it from a session that has run with a timeline. -1 when there is no memory. Free the
// processes with profile_free in any case.
int profile_take(struct profile *profile, const struct mr_session *session);
void profile_free(struct profile *profile);

double profile_microseconds(const struct profile *profile, double cycles);
// What a process did between two cycles.
struct profile_share profile_between(const struct profile *profile, uint32_t process, double from,
                                     double to);
// The largest share: "busy", "starved", "blocked" or "idle".
const char *profile_state(const struct profile_share *share);
// Whether it is one of those that limit the run.
bool profile_limits(const struct profile *profile, uint32_t process);
// Writes the sentence that says which process limits the run, and why.
void profile_verdict(const struct profile *profile, char *text, size_t size);

void profile_print(FILE *to, const struct profile *profile);
json_t *profile_json(const struct profile *profile, const char *trace);
// The trace in the JSON format that chrome://tracing introduced and ui.perfetto.dev opens.
json_t *profile_trace(const struct profile *profile);

#endif
