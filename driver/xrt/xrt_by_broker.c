// SPDX-License-Identifier: Apache-2.0
// A card that a broker's process drives (xrt_way.h, broker.h): requests, and what goes through the
// common memory for them.
#define _GNU_SOURCE
#include "broker_start.h"
#include "failure.h"

#include <stdlib.h>
#include <string.h>

// Of what a job points to, in the common memory; each begins at a page, which XRT can take as it
// is.
struct places {
    uint64_t x_size, y_size, activity_size, probes_size, before_size, cycles_size, counts_size;
    uint64_t begin, end;
};

// A job that the broker has.
_Static_assert(MR_JOBS_AHEAD == 2, "one beside another");
struct sent {
    struct mr_job *job;
    struct mr_broker_run asked;
    struct places places;
};

struct remote {
    struct mr_broker broker;
    struct mr_protocol_shape shape;
    struct sent sent[MR_JOBS_AHEAD]; // a ring
    unsigned oldest, under_way;      // of these
};

static uint64_t whole_pages(uint64_t size) {
    return (size + MR_BROKER_PAGE - 1) / MR_BROKER_PAGE * MR_BROKER_PAGE;
}

static void close_remote(void *card) {
    struct remote *remote = card;
    mr_broker_end(&remote->broker);
    free(remote);
}

static void drop_remote(void *card) {
    struct remote *remote = card;
    mr_broker_forget(&remote->broker);
    free(remote);
}

static void *open_remote(const struct mr_xrt_place *place, struct mr_protocol_shape *shape,
                         struct mr_error *error) {
    struct mr_broker_request request = {.call = MR_BROKER_OPEN};
    struct mr_broker_reply reply;
    struct remote *remote = calloc(1, sizeof *remote);
    char *file = realpath(place->path, NULL); // the broker works in another folder
    if (!remote || !file) {
        mr_failure(error, MR_ERROR_DEVICE, "%s: cannot be opened for the emulated card",
                   place->path);
    } else if (!mr_broker_start(&remote->broker, place->limit_ms, error)) {
        struct mr_xrt_place *there = (void *)(remote->broker.memory + MR_BROKER_DATA);
        *there = *place;
        const size_t length = strlen(file);
        if (length < sizeof there->file)
            memcpy(there->file, file, length + 1);
        if (!mr_broker_ask(&remote->broker, &request, &reply, error)) {
            free(file);
            *shape = remote->shape = reply.shape;
            return remote;
        }
        mr_broker_end(&remote->broker);
    }
    free(file);
    free(remote);
    return NULL;
}

// A request that takes beats there, or brings them.
static int move_beats(struct remote *remote, enum mr_broker_call call, const void *from, void *to,
                      uint64_t count, struct mr_error *error) {
    struct mr_broker_request request = {.call = call, .count = count};
    struct mr_broker_reply reply;
    const size_t size = (size_t)count * MR_BEAT_BYTES;
    int code = mr_broker_reserve(&remote->broker, MR_BROKER_DATA + (uint64_t)size, error);
    if (!code && from)
        memcpy(remote->broker.memory + MR_BROKER_DATA, from, size);
    if (!code)
        code = mr_broker_ask(&remote->broker, &request, &reply, error);
    if (!code && to)
        memcpy(to, remote->broker.memory + MR_BROKER_DATA, size);
    return code;
}

static int load_weights(void *card, const void *beats, uint64_t count, struct mr_error *error) {
    return move_beats(card, MR_BROKER_LOAD, beats, NULL, count, error);
}

static int read_state(void *card, void *beats, uint64_t count, struct mr_error *error) {
    return move_beats(card, MR_BROKER_READ_STATE, NULL, beats, count, error);
}

static int write_state(void *card, const void *beats, uint64_t count, struct mr_error *error) {
    return move_beats(card, MR_BROKER_WRITE_STATE, beats, NULL, count, error);
}

// ---- A job -------------------------------------------------------------------------------------

static uint64_t place(uint64_t *end, uint64_t size) {
    const uint64_t begin = *end;
    *end += whole_pages(size);
    return begin;
}

static void lay_out(const struct remote *remote, const struct mr_job *job, uint64_t begin,
                    struct mr_broker_run *run, struct places *places) {
    const uint64_t processes = remote->shape.process_count;
    *places =
        (struct places){.x_size = job->in->count * mr_element_bytes(remote->shape.x_bits),
                        .y_size = job->out->count * mr_element_bytes(remote->shape.y_bits),
                        .activity_size = processes * sizeof *job->activity,
                        .probes_size = remote->shape.probe_count * sizeof *job->probes,
                        .before_size = processes * sizeof(struct mr_counts),
                        .cycles_size = MR_TIMELINE_SAMPLES * sizeof(uint64_t),
                        .counts_size = MR_TIMELINE_SAMPLES * processes * sizeof(struct mr_counts),
                        .begin = begin,
                        .end = begin};
    *run = (struct mr_broker_run){.job = *job};
    run->x = place(&places->end, places->x_size);
    run->y = place(&places->end, places->y_size);
    if (job->activity)
        run->activity = place(&places->end, places->activity_size);
    if (job->probes)
        run->probes = place(&places->end, places->probes_size);
    if (job->timeline) {
        run->timeline = *job->timeline;
        run->before = place(&places->end, places->before_size);
        run->cycles = place(&places->end, places->cycles_size);
        run->counts = place(&places->end, places->counts_size);
    }
}

static void send_job(unsigned char *memory, const struct mr_job *job,
                     const struct mr_broker_run *run, const struct places *places) {
    memcpy(memory + run->x, job->in->data, places->x_size);
    if (job->activity)
        memcpy(memory + run->activity, job->activity, places->activity_size);
    if (job->probes)
        memcpy(memory + run->probes, job->probes, places->probes_size);
    if (job->timeline) {
        memcpy(memory + run->before, job->timeline->before, places->before_size);
        memcpy(memory + run->cycles, job->timeline->cycles, places->cycles_size);
        memcpy(memory + run->counts, job->timeline->counts, places->counts_size);
    }
}

// What the broker has counted and measured.
static void take_results(const unsigned char *memory, unsigned index, struct mr_job *job,
                         const struct mr_broker_run *asked, const struct places *places) {
    const struct mr_broker_run *run =
        &((const struct mr_broker_memory *)(const void *)memory)->runs[index];
    const struct mr_job wanted = *job;
    *job = run->job;
    job->sequences = wanted.sequences;
    *job->in = *wanted.in;
    *job->out = *wanted.out;
    job->activity = wanted.activity;
    job->probes = wanted.probes;
    job->timeline = wanted.timeline;
    if (job->activity)
        memcpy(job->activity, memory + asked->activity, places->activity_size);
    if (job->probes)
        memcpy(job->probes, memory + asked->probes, places->probes_size);
    if (job->timeline && run->timeline.count < MR_TIMELINE_SAMPLES) {
        const struct mr_timeline own = *job->timeline;
        *job->timeline = run->timeline;
        job->timeline->process_count = own.process_count;
        job->timeline->before = own.before;
        job->timeline->cycles = own.cycles;
        job->timeline->counts = own.counts;
        memcpy(own.before, memory + asked->before, places->before_size);
        memcpy(own.cycles, memory + asked->cycles, places->cycles_size);
        memcpy(own.counts, memory + asked->counts, places->counts_size);
    }
}

// Puts the job of sent[index] where the broker finds it, beside that of the other one.
static int place_job(struct remote *remote, unsigned index, struct mr_job *job,
                     struct mr_error *error) {
    struct sent *sent = &remote->sent[index];
    const struct places *other = &remote->sent[!index].places;
    sent->job = job;
    lay_out(remote, job, MR_BROKER_DATA, &sent->asked, &sent->places);
    if (remote->under_way && sent->places.end > other->begin)
        lay_out(remote, job, other->end, &sent->asked, &sent->places);
    const int code = mr_broker_reserve(&remote->broker, sent->places.end, error);
    if (code)
        return code;
    unsigned char *memory = remote->broker.memory;
    ((struct mr_broker_memory *)(void *)memory)->runs[index] = sent->asked;
    send_job(memory, job, &sent->asked, &sent->places);
    return 0;
}

// Also of a broker that was lost: what it had handed over counts.
static void end_job(struct remote *remote, unsigned index, int code) {
    struct sent *sent = &remote->sent[index];
    struct mr_job *job = sent->job;
    const unsigned char *memory = remote->broker.memory;
    take_results(memory, index, job, &sent->asked, &sent->places);
    if (job->done > job->sequences)
        job->done = 0;
    memcpy(job->out->data, memory + sent->asked.y,
           code ? sent->places.y_size / job->sequences * job->done : sent->places.y_size);
}

static int run(void *card, struct mr_job *job, struct mr_error *error) {
    struct remote *remote = card;
    struct mr_broker_request request = {.call = MR_BROKER_RUN};
    struct mr_broker_reply reply;
    int code = place_job(remote, 0, job, error);
    if (code)
        return code;
    code = mr_broker_ask(&remote->broker, &request, &reply, error);
    end_job(remote, 0, code);
    return code;
}

static int submit(void *card, struct mr_job *job, struct mr_error *error) {
    struct remote *remote = card;
    const unsigned index = (remote->oldest + remote->under_way) % MR_JOBS_AHEAD;
    struct mr_broker_request request = {.call = MR_BROKER_SUBMIT, .count = index};
    struct mr_broker_reply reply;
    int code = place_job(remote, index, job, error);
    if (!code)
        code = mr_broker_ask(&remote->broker, &request, &reply, error);
    remote->under_way = code ? 0 : remote->under_way + 1;
    return code;
}

static int collect(void *card, struct mr_error *error) {
    struct remote *remote = card;
    struct mr_broker_request request = {.call = MR_BROKER_COLLECT};
    struct mr_broker_reply reply;
    const int code = mr_broker_ask(&remote->broker, &request, &reply, error);
    end_job(remote, remote->oldest, code);
    remote->oldest = (remote->oldest + 1) % MR_JOBS_AHEAD;
    remote->under_way = code ? 0 : remote->under_way - 1;
    return code;
}

const struct mr_xrt_way mr_xrt_by_broker = {.open = open_remote,
                                            .load_weights = load_weights,
                                            .run = run,
                                            .submit = submit,
                                            .collect = collect,
                                            .read_state = read_state,
                                            .write_state = write_state,
                                            .close = close_remote,
                                            .drop = drop_remote};
