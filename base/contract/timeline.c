// SPDX-License-Identifier: Apache-2.0
// Timelines (timeline.h): their memory, and the ends of runs.
#include "timeline.h"

#include <stdlib.h>
#include <string.h>

struct mr_timeline *mr_timeline_open(uint32_t process_count) {
    struct mr_timeline *timeline = calloc(1, sizeof *timeline);
    if (!timeline)
        return NULL;
    timeline->process_count = process_count;
    timeline->before = calloc(process_count + 1, sizeof *timeline->before);
    timeline->cycles = calloc(MR_TIMELINE_SAMPLES, sizeof *timeline->cycles);
    timeline->counts =
        calloc((size_t)MR_TIMELINE_SAMPLES * process_count + 1, sizeof *timeline->counts);
    if (!timeline->before || !timeline->cycles || !timeline->counts) {
        mr_timeline_close(timeline);
        return NULL;
    }
    mr_timeline_clear(timeline);
    return timeline;
}

void mr_timeline_close(struct mr_timeline *timeline) {
    if (!timeline)
        return;
    free(timeline->before);
    free(timeline->cycles);
    free(timeline->counts);
    free(timeline);
}

void mr_timeline_clear(struct mr_timeline *timeline) {
    timeline->count = 0;
    timeline->interval = timeline->due = 1;
    timeline->early = false;
    timeline->past = 0;
    memset(timeline->before, 0, timeline->process_count * sizeof *timeline->before);
}

void mr_timeline_end_run(struct mr_timeline *timeline, uint64_t cycles,
                         const struct mr_activity *activity) {
    mr_timeline_add(timeline, cycles, activity);
    timeline->past += cycles;
    memcpy(timeline->before,
           timeline->counts + (size_t)(timeline->count - 1) * timeline->process_count,
           timeline->process_count * sizeof *timeline->before);
}
