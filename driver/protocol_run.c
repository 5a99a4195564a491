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

// ---- A job: portions of sequences, the next on its way to the device while one is computed -----

struct job {
    struct mr_protocol *protocol;
    struct mr_job *job;
    struct mr_buffer x, y; // what the device sees: the caller's memory or the protocol's buffers
    bool x_borrowed, y_borrowed;
    uint64_t x_bytes, y_bytes;       // of one sequence
    uint64_t x_elements, y_elements; // of one sequence
    uint32_t portion;                // sequences
};

// Portions must begin at whole beats.
static uint32_t portion_of(const struct job *run) {
    const uint64_t sequences = run->job->sequences,
                   fit = run->protocol->portion / run->x_bytes / MR_BEAT_BYTES * MR_BEAT_BYTES;
    const uint64_t portion = fit ? fit : MR_BEAT_BYTES;
    return (uint32_t)(portion < sequences ? portion : sequences);
}

static uint32_t length_at(const struct job *run, uint32_t first) {
    const uint32_t left = run->job->sequences - first;
    return left < run->portion ? left : run->portion;
}

static int send_portion(struct job *run, uint32_t first) {
    const uint64_t offset = first * run->x_bytes, size = length_at(run, first) * run->x_bytes;
    if (!run->x_borrowed)
        memcpy(run->x.data + offset, (const char *)run->job->in->data + offset, (size_t)size);
    return mr_protocol_send(run->protocol, &run->x, offset, size);
}

static int fetch_portion(struct job *run, uint32_t first) {
    const uint64_t offset = first * run->y_bytes, size = length_at(run, first) * run->y_bytes;
    if (mr_protocol_fetch(run->protocol, &run->y, offset, size))
        return -1;
    if (!run->y_borrowed)
        memcpy((char *)run->job->out->data + offset, run->y.data + offset, (size_t)size);
    return 0;
}

static int start_portion(struct job *run, uint32_t first) {
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
    if (run->job->timeline && mr_protocol_timeline_begin(run->protocol))
        return -1;
    return mr_protocol_start(run->protocol, &command);
}

static int end_portion(struct job *run) {
    uint64_t cycles = 0, last_output = 0;
    if (mr_protocol_wait(run->protocol, run->job) || mr_protocol_read_probes(run->protocol) ||
        mr_protocol_results(run->protocol, &cycles, &last_output, run->job->activity))
        return -1;
    run->job->last_output_cycle = run->job->cycles + last_output;
    run->job->cycles += cycles;
    return 0;
}

static void add_probes(struct job *run) {
    for (uint32_t i = 0; run->job->probes && i < run->protocol->shape.probe_count; i++)
        run->job->probes[i] += run->protocol->probes[i];
}

static int run_portions(struct job *run) {
    if (send_portion(run, 0) || start_portion(run, 0))
        return -1;
    for (uint32_t first = 0; first < run->job->sequences;) {
        const uint32_t next = first + length_at(run, first);
        const bool more = next < run->job->sequences;
        if ((more && send_portion(run, next)) || end_portion(run) ||
            (more && start_portion(run, next)) || fetch_portion(run, first))
            return -1;
        run->job->done = first = next;
        add_probes(run);
    }
    return 0;
}

static bool borrow(struct job *run, struct mr_buffer *buffer, const void *data, uint64_t size,
                   enum mr_argument argument) {
    struct mr_protocol *protocol = run->protocol;
    return protocol->transport->borrow(protocol->link, buffer, data, size, argument);
}

static int prepare_buffers(struct job *run) {
    struct mr_protocol *protocol = run->protocol;
    const uint64_t x_size = run->job->sequences * run->x_bytes,
                   y_size = run->job->sequences * run->y_bytes;
    run->x_borrowed = borrow(run, &run->x, run->job->in->data, x_size, MR_ARGUMENT_x);
    run->y_borrowed = borrow(run, &run->y, run->job->out->data, y_size, MR_ARGUMENT_y);
    if ((!run->x_borrowed && mr_protocol_reserve(protocol, &protocol->x, x_size, MR_ARGUMENT_x)) ||
        (!run->y_borrowed && mr_protocol_reserve(protocol, &protocol->y, y_size, MR_ARGUMENT_y)))
        return -1;
    if (!run->x_borrowed)
        run->x = protocol->x;
    if (!run->y_borrowed)
        run->y = protocol->y;
    return 0;
}

static int run_job(struct job *run) {
    struct mr_protocol *protocol = run->protocol;
    if (protocol->transport->check(protocol->link) || restore_weights(protocol))
        return -1;
    if (mr_protocol_streams(protocol, run->job)) {
        if (mr_protocol_stream_row(protocol, run->job) || mr_protocol_read_probes(protocol))
            return -1;
        add_probes(run);
        return 0;
    }
    if (mr_protocol_stream_end(protocol))
        return -1;
    int result = prepare_buffers(run);
    if (!result)
        result = run_portions(run);
    if (run->x_borrowed)
        protocol->transport->release(protocol->link, &run->x);
    if (run->y_borrowed)
        protocol->transport->release(protocol->link, &run->y);
    return result;
}

static int run_portioned(struct mr_protocol *protocol, struct mr_job *job) {
    struct job run = {.protocol = protocol,
                      .job = job,
                      .x_elements = job->in->count / job->sequences,
                      .y_elements = job->out->count / job->sequences};
    run.x_bytes = run.x_elements * mr_element_bytes(protocol->shape.x_bits);
    run.y_bytes = run.y_elements * mr_element_bytes(protocol->shape.y_bits);
    run.portion = portion_of(&run);
    job->cycles = job->last_output_cycle = 0;
    return run_job(&run);
}

static int run_step(void *protocol, struct mr_job *job, struct mr_error *error) {
    (void)error; // the protocol has it
    return run_portioned(protocol, job);
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
    return job->feedback.most ? run_feedback(protocol, job) : run_portioned(protocol, job);
}
