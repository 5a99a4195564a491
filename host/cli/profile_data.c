// SPDX-License-Identifier: Apache-2.0
// The measurements of `millrace profile`, and what follows from them (profile.h).
#include "profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// From the samples between which the process was busy first and last.
static void find_busy(struct profile_process *process, uint32_t count) {
    uint64_t before = 0, cycle = 0;
    bool found = false;
    for (uint32_t i = 0; i < count; i++) {
        const struct mr_sample *sample = &process->samples[i];
        if (sample->busy > before) {
            if (!found)
                process->first_busy = cycle;
            found = true;
            process->last_busy = sample->cycle - 1;
        }
        before = sample->busy;
        cycle = sample->cycle;
    }
    process->about = true;
}

static int take_process(struct profile *profile, const struct mr_session *session, uint32_t index) {
    struct profile_process *process = &profile->processes[index];
    struct mr_process_info info;
    if (mr_session_process(session, index, &info))
        return -1;
    process->name = info.name;
    process->samples = calloc(profile->sample_count, sizeof *process->samples);
    if (!process->samples)
        return -1;
    mr_session_timeline(session, index, process->samples, profile->sample_count);
    process->end = process->samples[profile->sample_count - 1];
    // A card does not count when. The cycles of the last device run are those of the call when
    // there was one only.
    process->dated = info.last_busy && process->end.busy;
    if (profile->stats.device_runs == 1) {
        process->first_busy = info.first_busy;
        process->last_busy = info.last_busy;
        process->cycles_per_step = info.cycles_per_step;
    } else if (process->dated) {
        find_busy(process, profile->sample_count);
    }
    return 0;
}

int profile_take(struct profile *profile, const struct mr_session *session) {
    profile->process_count = mr_session_process_count(session);
    profile->sample_count = mr_session_timeline(session, 0, NULL, 0);
    profile->cycles = 0;
    profile->processes = calloc(profile->process_count + 1, sizeof *profile->processes);
    if (!profile->processes)
        return -1;
    for (uint32_t i = 0; profile->sample_count && i < profile->process_count; i++)
        if (take_process(profile, session, i))
            return -1;
    if (profile->sample_count && profile->process_count)
        profile->cycles = profile->processes[0].end.cycle;
    return 0;
}

void profile_free(struct profile *profile) {
    for (uint32_t i = 0; profile->processes && i < profile->process_count; i++)
        free(profile->processes[i].samples);
    free(profile->processes);
    profile->processes = NULL;
}

double profile_microseconds(const struct profile *profile, double cycles) {
    return profile->stats.clock_mhz > 0 ? cycles / profile->stats.clock_mhz : 0;
}

struct counts {
    double busy, starved, blocked;
};

// The counters after so many cycles, on straight lines between the samples.
static struct counts counts_at(const struct profile *profile, uint32_t process, double cycle) {
    const struct mr_sample *samples = profile->processes[process].samples;
    uint32_t low = 0, high = profile->sample_count - 1; // the first sample at or after the cycle
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if ((double)samples[middle].cycle < cycle)
            low = middle + 1;
        else
            high = middle;
    }
    const struct mr_sample none = {0}, *after = &samples[low], *before = low ? after - 1 : &none;
    const double length = (double)(after->cycle - before->cycle);
    double part = length > 0 ? (cycle - (double)before->cycle) / length : 1;
    part = part < 0 ? 0 : part > 1 ? 1 : part;
    return (struct counts){
        (double)before->busy + part * (double)(after->busy - before->busy),
        (double)before->starved + part * (double)(after->starved - before->starved),
        (double)before->blocked + part * (double)(after->blocked - before->blocked)};
}

struct profile_share profile_between(const struct profile *profile, uint32_t process, double from,
                                     double to) {
    const struct counts a = counts_at(profile, process, from), b = counts_at(profile, process, to);
    double length = to - from;
    const double counted = b.busy - a.busy + b.starved - a.starved + b.blocked - a.blocked;
    if (counted > length) // of a card: its samples are interpolated
        length = counted;
    if (length <= 0)
        return (struct profile_share){.idle = 1};
    return (struct profile_share){.busy = (b.busy - a.busy) / length,
                                  .starved = (b.starved - a.starved) / length,
                                  .blocked = (b.blocked - a.blocked) / length,
                                  .idle = 1 - counted / length};
}

const char *profile_state(const struct profile_share *share) {
    const char *state = "busy";
    double most = share->busy;
    if (share->starved > most) {
        state = "starved";
        most = share->starved;
    }
    if (share->blocked > most) {
        state = "blocked";
        most = share->blocked;
    }
    return share->idle > most ? "idle" : state;
}
