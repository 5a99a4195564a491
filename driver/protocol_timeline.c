// SPDX-License-Identifier: Apache-2.0
// Timelines of a card (timeline.h). The kernel runs on while its counters are read one after the
// other, so those of one look are of different cycles. The readings lie evenly between two
// readings of the cycle counter; a sample is what each counter was, between its last two
// readings, when the look began.
#include "failure.h"
#include "protocol_parts.h"

#include <stdlib.h>
#include <string.h>

enum { COUNTERS = 3 }; // of a process

struct reading {
    uint64_t cycle, value;
};

struct mr_protocol_looks {
    uint64_t cycle;          // when the last look ended
    struct reading *last;    // [process_count * COUNTERS], of this run
    struct mr_activity *now; // [process_count], the next sample
    uint64_t values[];       // [process_count * COUNTERS], as they are read
};

int mr_protocol_timeline_begin(struct mr_protocol *protocol) {
    const size_t processes = protocol->shape.process_count, readings = processes * COUNTERS;
    if (!protocol->looks) {
        struct mr_protocol_looks *looks =
            malloc(sizeof *looks + readings * (sizeof *looks->values + sizeof *looks->last) +
                   processes * sizeof *looks->now);
        if (!looks)
            return mr_failure(protocol->error, MR_ERROR_MEMORY,
                              "not enough memory for a timeline of the card");
        looks->last = (struct reading *)(looks->values + readings);
        looks->now = (struct mr_activity *)(looks->last + readings);
        protocol->looks = looks;
    }
    protocol->looks->cycle = 0;
    memset(protocol->looks->last, 0, readings * sizeof *protocol->looks->last);
    return 0;
}

// A counter by its lower half; it was `before` at the last reading, less than 2^32 ago.
static int read_counter(struct mr_protocol *protocol, uint32_t offset, uint64_t before,
                        uint64_t *value) {
    uint32_t low;
    if (mr_protocol_read(protocol, offset, &low))
        return -1;
    *value = before + (uint32_t)(low - (uint32_t)before);
    return 0;
}

static uint64_t value_at(uint64_t cycle, struct reading before, struct reading after) {
    if (after.cycle <= before.cycle)
        return after.value;
    const double part = (double)(cycle - before.cycle) / (double)(after.cycle - before.cycle);
    return before.value + (uint64_t)((double)(after.value - before.value) * part);
}

int mr_protocol_timeline_look(struct mr_protocol *protocol, const struct mr_job *job) {
    static const uint32_t offsets[COUNTERS] = {MR_CARD_BUSY, MR_CARD_STARVED, MR_CARD_BLOCKED};
    struct mr_protocol_looks *looks = protocol->looks;
    const uint32_t count = protocol->shape.process_count * COUNTERS;
    uint64_t begin, end;
    if (read_counter(protocol, MR_CARD_CYCLES, looks->cycle, &begin))
        return -1;
    if (!mr_timeline_due(job->timeline, job->cycles + begin))
        return 0;
    for (uint32_t i = 0; i < count; i++)
        if (read_counter(protocol, offsets[i % COUNTERS] + i / COUNTERS * MR_CARD_BUSY_STRIDE,
                         looks->last[i].value, &looks->values[i]))
            return -1;
    if (read_counter(protocol, MR_CARD_CYCLES, begin, &end))
        return -1;
    memcpy(looks->now, job->activity, protocol->shape.process_count * sizeof *looks->now);
    for (uint32_t i = 0; i < count; i++) {
        struct mr_activity *now = &looks->now[i / COUNTERS];
        uint64_t *const places[COUNTERS] = {&now->busy, &now->starved, &now->blocked};
        const struct reading reading = {begin + (end - begin) * (i + 1) / (count + 1),
                                        looks->values[i]};
        *places[i % COUNTERS] += value_at(begin, looks->last[i], reading);
        looks->last[i] = reading;
    }
    looks->cycle = end;
    mr_timeline_add(job->timeline, job->cycles + begin, looks->now);
    return 0;
}
