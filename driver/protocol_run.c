// SPDX-License-Identifier: Apache-2.0
// What is asked of a device by the protocol (kernel_protocol.h): weights, state, runs.
#include "failure.h"
#include "feedback.h"
#include "protocol_parts.h"

#include <string.h>

static int command_weights(struct mr_protocol *protocol) {
    const struct mr_protocol_command command = {
        .command = MR_COMMAND_LOAD,
        .weights_beats = protocol->weights_beats,
        .weights = protocol->weights.address,
    };
    protocol->stale = false;
    return mr_protocol_perform(protocol, &command);
}

int mr_protocol_load_weights(struct mr_protocol *protocol, const void *beats, uint64_t count) {
    const uint64_t size = count * MR_BEAT_BYTES;
    if (protocol->transport->check(protocol->link) || mr_protocol_stream_end(protocol) ||
        mr_protocol_reserve(protocol, &protocol->weights, size, MR_ARGUMENT_weights))
        return -1;
    memcpy(protocol->weights.data, beats, (size_t)size);
    protocol->weights_beats = count;
    return mr_protocol_send(protocol, &protocol->weights, 0, size) ? -1 : command_weights(protocol);
}

// A run after an error begins with the weights, which it took.
static int restore_weights(struct mr_protocol *protocol) {
    return protocol->stale && protocol->weights_beats ? command_weights(protocol) : 0;
}

// ---- The recurrent state -----------------------------------------------------------------------

static int check_state(struct mr_protocol *protocol) {
    uint32_t features;
    if (protocol->transport->check(protocol->link) ||
        mr_protocol_read(protocol, MR_CARD_FEATURES, &features))
        return -1;
    if (!(features & MR_CARD_FEATURES_STATE))
        return mr_failure(protocol->error, MR_ERROR_DEVICE,
                          "%s: its kernel cannot give or take the recurrent state; build the image "
                          "again",
                          protocol->image);
    return mr_protocol_stream_end(protocol);
}

int mr_protocol_read_state(struct mr_protocol *protocol, void *beats, uint64_t count) {
    const uint64_t size = count * MR_BEAT_BYTES;
    if (check_state(protocol))
        return -1;
    if (protocol->stale)
        return mr_failure(protocol->error, MR_ERROR_DEVICE,
                          "the card lost its recurrent state by the error before");
    if (mr_protocol_reserve(protocol, &protocol->state_out, size, MR_ARGUMENT_state_out))
        return -1;
    const struct mr_protocol_command command = {
        .command = MR_COMMAND_READ_STATE,
        .state_beats = (uint32_t)count,
        .state_out = protocol->state_out.address,
    };
    if (mr_protocol_perform(protocol, &command) ||
        mr_protocol_fetch(protocol, &protocol->state_out, 0, size))
        return -1;
    memcpy(beats, protocol->state_out.data, (size_t)size);
    return 0;
}

int mr_protocol_write_state(struct mr_protocol *protocol, const void *beats, uint64_t count) {
    const uint64_t size = count * MR_BEAT_BYTES;
    if (check_state(protocol) || restore_weights(protocol) ||
        mr_protocol_reserve(protocol, &protocol->state_in, size, MR_ARGUMENT_state_in))
        return -1;
    memcpy(protocol->state_in.data, beats, (size_t)size);
    if (mr_protocol_send(protocol, &protocol->state_in, 0, size))
        return -1;
    const struct mr_protocol_command command = {
        .command = MR_COMMAND_WRITE_STATE,
        .state_beats = (uint32_t)count,
        .state_in = protocol->state_in.address,
    };
    return mr_protocol_perform(protocol, &command);
}

// ---- Jobs: portions of sequences, the next one on its way to the device while one is computed ---

static struct mr_protocol_job *job_at(struct mr_protocol *protocol, unsigned place) {
    return &protocol->jobs[(protocol->oldest + place) % MR_JOBS_AHEAD];
}

// Portions must begin at whole beats.
static uint32_t portion_of(const struct mr_protocol *protocol, const struct mr_protocol_job *run) {
    const uint64_t sequences = run->job->sequences,
                   fit = protocol->portion / run->x_bytes / MR_BEAT_BYTES * MR_BEAT_BYTES;
    const uint64_t portion = fit ? fit : MR_BEAT_BYTES;
    return (uint32_t)(portion < sequences ? portion : sequences);
}

static uint32_t length_at(const struct mr_protocol_job *run, uint32_t first) {
    const uint32_t left = run->job->sequences - first;
    return left < run->portion ? left : run->portion;
}

static int send_portion(struct mr_protocol *protocol, struct mr_protocol_job *run, uint32_t first) {
    const uint64_t offset = first * run->x_bytes, size = length_at(run, first) * run->x_bytes;
    if (run->x.handle == run->own_x.handle)
        memcpy(run->x.data + offset, (const char *)run->job->in->data + offset, (size_t)size);
    return mr_protocol_send(protocol, &run->x, offset, size);
}

static int fetch_portion(struct mr_protocol *protocol, struct mr_protocol_job *run,
                         uint32_t first) {
    const uint64_t offset = first * run->y_bytes, size = length_at(run, first) * run->y_bytes;
    if (mr_protocol_fetch(protocol, &run->y, offset, size))
        return -1;
    if (run->y.handle == run->own_y.handle)
        memcpy((char *)run->job->out->data + offset, run->y.data + offset, (size_t)size);
    return 0;
}

static int start_portion(struct mr_protocol *protocol, struct mr_protocol_job *run,
                         uint32_t first) {
    const uint32_t length = length_at(run, first);
    const struct mr_protocol_command command = {
        .command = run->job->encodes ? MR_COMMAND_ENCODE : MR_COMMAND_RUN,
        .flags = run->job->flags,
        .sequences = length,
        .steps = run->job->steps,
        .x_count = length * run->x_elements,
        .y_count = length * run->y_elements,
        .x = run->x.address + first * run->x_bytes,
        .y = run->y.address + first * run->y_bytes,
    };
    if ((run->job->timeline && mr_protocol_timeline_begin(protocol)) ||
        mr_protocol_start(protocol, &command))
        return -1;
    run->first = first;
    run->started = true;
    return 0;
}

static int end_portion(struct mr_protocol *protocol, struct mr_protocol_job *run) {
    struct mr_job *job = run->job;
    uint64_t cycles = 0, last_output = 0;
    if (mr_protocol_wait(protocol, job) || mr_protocol_read_probes(protocol))
        return -1;
    run->started = false;
    if (mr_protocol_results(protocol, &cycles, &last_output, job->activity))
        return -1;
    job->last_output_cycle = job->cycles + last_output;
    job->cycles += cycles;
    return 0;
}

static void add_probes(const struct mr_protocol *protocol, struct mr_job *job) {
    for (uint32_t i = 0; job->probes && i < protocol->shape.probe_count; i++)
        job->probes[i] += protocol->probes[i];
}

static int borrow_or_reserve(struct mr_protocol *protocol, struct mr_buffer *buffer,
                             struct mr_buffer *own, const void *data, uint64_t size,
                             enum mr_argument argument) {
    if (protocol->transport->borrow(protocol->link, buffer, data, size, argument))
        return 0;
    const int code = mr_protocol_reserve(protocol, own, size, argument);
    *buffer = *own;
    return code;
}

// Gives back what was borrowed.
static void release(struct mr_protocol *protocol, struct mr_protocol_job *run) {
    if (run->x.handle != run->own_x.handle)
        protocol->transport->release(protocol->link, &run->x);
    if (run->y.handle != run->own_y.handle)
        protocol->transport->release(protocol->link, &run->y);
    run->x = run->y = (struct mr_buffer){0};
}

void mr_protocol_drop(struct mr_protocol *protocol) {
    uint64_t cycles, last_output;
    for (unsigned i = 0; i < MR_JOBS_AHEAD; i++) {
        struct mr_protocol_job *run = job_at(protocol, i);
        if (run->started && !mr_protocol_wait(protocol, NULL))
            (void)mr_protocol_results(protocol, &cycles, &last_output, NULL);
        run->started = false;
        release(protocol, run);
    }
    protocol->under_way = 0;
}

// After a failure, whose sentence stays.
static int give_up(struct mr_protocol *protocol) {
    const struct mr_error why = *protocol->error;
    mr_protocol_drop(protocol);
    *protocol->error = why;
    return -1;
}

static int send_job(struct mr_protocol *protocol, struct mr_protocol_job *run, struct mr_job *job) {
    run->job = job;
    run->x_elements = job->in->count / job->sequences;
    run->y_elements = job->out->count / job->sequences;
    run->x_bytes = run->x_elements * mr_element_bytes(protocol->shape.x_bits);
    run->y_bytes = run->y_elements * mr_element_bytes(protocol->shape.y_bits);
    run->portion = portion_of(protocol, run);
    job->done = 0;
    job->cycles = job->last_output_cycle = 0;
    return borrow_or_reserve(protocol, &run->x, &run->own_x, job->in->data,
                             job->sequences * run->x_bytes, MR_ARGUMENT_x) ||
           borrow_or_reserve(protocol, &run->y, &run->own_y, job->out->data,
                             job->sequences * run->y_bytes, MR_ARGUMENT_y) ||
           send_portion(protocol, run, 0);
}

// The first job of a row is started at once, the others behind the one before.
int mr_protocol_submit(struct mr_protocol *protocol, struct mr_job *job) {
    struct mr_protocol_job *run = job_at(protocol, protocol->under_way);
    const bool alone = protocol->under_way == 0;
    if (protocol->transport->check(protocol->link) ||
        (alone && (restore_weights(protocol) || mr_protocol_stream_end(protocol))) ||
        send_job(protocol, run, job) || (alone && start_portion(protocol, run, 0)))
        return give_up(protocol);
    protocol->under_way++;
    return 0;
}

// To the end of the oldest job; behind its last portion the next job's first one is started.
static int end_job(struct mr_protocol *protocol, struct mr_protocol_job *run) {
    struct mr_protocol_job *behind = protocol->under_way > 1 ? job_at(protocol, 1) : NULL;
    while (run->job->done < run->job->sequences) {
        const uint32_t first = run->first, next = first + length_at(run, first);
        const bool more = next < run->job->sequences;
        if ((more && send_portion(protocol, run, next)) || end_portion(protocol, run))
            return -1;
        if ((more && start_portion(protocol, run, next)) ||
            (!more && behind && start_portion(protocol, behind, 0)) ||
            fetch_portion(protocol, run, first))
            return -1;
        run->job->done = next;
        add_probes(protocol, run->job);
    }
    return 0;
}

int mr_protocol_collect(struct mr_protocol *protocol) {
    struct mr_protocol_job *run = job_at(protocol, 0);
    if (end_job(protocol, run))
        return give_up(protocol);
    release(protocol, run);
    protocol->oldest = (protocol->oldest + 1) % MR_JOBS_AHEAD;
    protocol->under_way--;
    return 0;
}

static int run_row(struct mr_protocol *protocol, struct mr_job *job) {
    if (protocol->transport->check(protocol->link) || restore_weights(protocol) ||
        mr_protocol_stream_row(protocol, job) || mr_protocol_read_probes(protocol))
        return -1;
    add_probes(protocol, job);
    return 0;
}

static int run_job(struct mr_protocol *protocol, struct mr_job *job) {
    if (mr_protocol_streams(protocol, job))
        return run_row(protocol, job);
    return mr_protocol_submit(protocol, job) ? -1 : mr_protocol_collect(protocol);
}

static int run_step(void *protocol, struct mr_job *job, struct mr_error *error) {
    (void)error; // the protocol has it
    job->cycles = job->last_output_cycle = 0;
    return run_job(protocol, job);
}

// By the card, or where its kernel is from before that, step by step.
static int run_feedback(struct mr_protocol *protocol, struct mr_job *job) {
    uint32_t features;
    if (protocol->transport->check(protocol->link) || restore_weights(protocol) ||
        mr_protocol_read(protocol, MR_CARD_FEATURES, &features))
        return -1;
    if (!(features & MR_CARD_FEATURES_FEEDBACK))
        return mr_feedback_run(run_step, protocol, protocol->shape.x_bits,
                               protocol->shape.process_count, job, protocol->error);
    return mr_protocol_stream_end(protocol) ? -1 : mr_protocol_feedback(protocol, job);
}

int mr_protocol_run(struct mr_protocol *protocol, struct mr_job *job) {
    job->cycles = job->last_output_cycle = 0;
    return job->feedback.most ? run_feedback(protocol, job) : run_job(protocol, job);
}
