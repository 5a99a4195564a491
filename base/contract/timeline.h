// SPDX-License-Identifier: Apache-2.0
// What every process did over time: samples of its counters while runs go on. No length need be
// known before: when there is no room for another sample, every second one is dropped and the
// interval between samples doubles, so a timeline of any length has about the same detail. Several
// runs follow one another in one timeline.
//
// The functions of a run are inline, as a built kernel (harness.cpp) has them too.
#ifndef MR_TIMELINE_H
#define MR_TIMELINE_H

#include "kernel.h"

// Room for so many samples; even.
#define MR_TIMELINE_SAMPLES 512u

// Cycles since the timeline's start in which a process was busy, starved, blocked.
struct mr_counts {
    uint64_t busy, starved, blocked;
};

struct mr_timeline {
    uint32_t process_count;
    uint32_t count;           // samples
    uint64_t interval;        // cycles between two samples, at least; a power of two
    uint64_t due;             // the cycle from which on there shall be another sample
    bool early;               // the last sample came before it was due: the end of a run
    uint64_t past;            // cycles of the runs that have ended,
    struct mr_counts *before; // [process_count] and what was counted in them
    uint64_t *cycles;         // [MR_TIMELINE_SAMPLES], rising
    struct mr_counts *counts; // [MR_TIMELINE_SAMPLES][process_count]
};

// Whether there shall be a sample after so many cycles of the present run.
static inline bool mr_timeline_due(const struct mr_timeline *timeline, uint64_t cycle) {
    return timeline->past + cycle >= timeline->due;
}

static inline void mr_timeline_halve(struct mr_timeline *timeline) {
    const uint32_t processes = timeline->process_count;
    for (uint32_t i = 0; 2 * i + 1 < timeline->count; i++) {
        timeline->cycles[i] = timeline->cycles[2 * i + 1];
        for (uint32_t p = 0; p < processes; p++)
            timeline->counts[i * processes + p] = timeline->counts[(2 * i + 1) * processes + p];
    }
    timeline->count /= 2;
    timeline->interval *= 2;
}

// A sample after so many cycles of the present run. activity: [process_count], of this run.
static inline void mr_timeline_add(struct mr_timeline *timeline, uint64_t cycle,
                                   const struct mr_activity *activity) {
    const uint64_t now = timeline->past + cycle;
    const bool again = timeline->count && timeline->cycles[timeline->count - 1] == now;
    if (again || timeline->early) // it takes the place of the last one
        timeline->count--;
    struct mr_counts *counts = timeline->counts + timeline->count * timeline->process_count;
    for (uint32_t p = 0; p < timeline->process_count; p++) {
        counts[p].busy = timeline->before[p].busy + activity[p].busy;
        counts[p].starved = timeline->before[p].starved + activity[p].starved;
        counts[p].blocked = timeline->before[p].blocked + activity[p].blocked;
    }
    timeline->cycles[timeline->count++] = now;
    if (again)
        return;
    timeline->early = now < timeline->due;
    if (timeline->early)
        return;
    if (timeline->count == MR_TIMELINE_SAMPLES)
        mr_timeline_halve(timeline);
    timeline->due = now + timeline->interval;
}

// An empty timeline; NULL when there is no memory for one. Free with mr_timeline_close.
struct mr_timeline *mr_timeline_open(uint32_t process_count);
void mr_timeline_close(struct mr_timeline *timeline); // NULL is legal
// It starts anew.
void mr_timeline_clear(struct mr_timeline *timeline);
// A run has ended after so many cycles, with these counters: the last sample has them.
void mr_timeline_end_run(struct mr_timeline *timeline, uint64_t cycles,
                         const struct mr_activity *activity);

#endif
