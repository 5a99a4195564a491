// SPDX-License-Identifier: Apache-2.0
// For tests of planner and cycle model: repeatable random numbers, random shapes, and a report as
// hlsc would write it.
#ifndef PLAN_FIXTURE_H
#define PLAN_FIXTURE_H

#include "plan.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// xorshift64*
static inline uint32_t fixture_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * UINT64_C(2685821657736338717) >> 32);
}

// From low to high, both included.
static inline int fixture_between(uint64_t *state, int low, int high) {
    return low + (int)(fixture_random(state) % (uint32_t)(high - low + 1));
}

static inline void fixture_shape(uint64_t *state, int most, struct mr_shape *shape,
                                 int lc[MR_MAX_LAYERS]) {
    memset(shape, 0, sizeof *shape);
    shape->layer_count = fixture_between(state, 1, 3);
    int inputs = fixture_between(state, 1, most);
    for (int l = 0; l < shape->layer_count; l++) {
        shape->layers[l].inputs = inputs;
        inputs = shape->layers[l].hidden = fixture_between(state, 1, most);
        lc[l] = fixture_between(state, 1, inputs < 12 ? inputs : 12);
    }
    shape->outputs = fixture_between(state, 1, 3);
    shape->sigmoid = fixture_random(state) & 1;
}

// Of a process's output, by the process's place in the pipeline. crossing: 0 is not in the report.
struct fixture_stream {
    uint32_t depth, write_stage, crossing;
};

static inline int fixture_process(char *text, size_t size, const char *name, const char *out,
                                  uint32_t first_issue, uint64_t multipliers,
                                  struct fixture_stream stream) {
    char crossing[32] = "";
    if (stream.crossing)
        snprintf(crossing, sizeof crossing, ",\"crossing\":%u", stream.crossing);
    return snprintf(
        text, size,
        "{\"name\":\"%s\",\"first_issue\":%u,\"multipliers\":%llu,\"loops\":[{\"name\":\"run_"
        "steps\","
        "\"file\":\"f.h\",\"line\":1,\"ii\":1,\"depth\":9}],\"streams\":[{\"name\":\"in\","
        "\"direction\":\"in\",\"bits\":16},{\"name\":\"%s\",\"direction\":\"out\","
        "\"bits\":16,\"depth\":%u,\"write_stage\":%u%s}],\"memories\":[{\"name\":\"w\","
        "\"words\":50,\"bits\":64,\"copies\":25,\"impl\":\"lutram\"},{\"name\":\"table\","
        "\"words\":1024,\"bits\":34,\"copies\":5,\"impl\":\"rom\"}],\"dependences\":[]}",
        name, first_issue, (unsigned long long)multipliers, out, stream.depth, stream.write_stage,
        crossing);
}

// A report of the plan's network; streams has one entry per process in the order of the data.
static inline char *fixture_report(const struct mr_plan *plan, uint32_t first_issue,
                                   const struct fixture_stream *streams) {
    const size_t size = 65536;
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    int used = snprintf(text, size,
                        "{\"top\":\"network\",\"clock_mhz\":300,\"processes\":["
                        "{\"name\":\"loader\",\"first_issue\":2,\"streams\":[]}");
    int at = 0;
    for (int l = 0; l <= plan->layer_count + 1; l++) {
        char name[24];
        if (mr_plan_has_resize(plan, l)) {
            snprintf(name, sizeof name, "resize%d", l);
            text[used++] = ',';
            used += fixture_process(text + used, size - (size_t)used, name, "out", first_issue, 0,
                                    streams[at++]);
        }
        snprintf(name, sizeof name,
                 l < plan->layer_count    ? "lstm%d"
                 : l == plan->layer_count ? "last"
                                          : "head",
                 l);
        text[used++] = ',';
        used += fixture_process(
            text + used, size - (size_t)used, name,
            l < plan->layer_count    ? "h_out"
            : l == plan->layer_count ? "out"
                                     : "y",
            first_issue, l < plan->layer_count ? plan->layers[l].multipliers : 1, streams[at++]);
    }
    snprintf(text + used, size - (size_t)used, "]}");
    return text;
}

#endif
