// SPDX-License-Identifier: Apache-2.0
// Rows of a card's rings (docs/card.md, Streaming): the kernel of a STREAM run waits for the next
// row, so a step costs no start. The run goes on until something else is asked of the card.
#include "failure.h"
#include "protocol_parts.h"

#include <string.h>

enum {
    RING = 1,            // row; the next one comes when the result of this one is there
    ROW_BYTES = 64 << 10 // of input, at most: a longer row is better off as a run
};

static uint64_t slot_bytes(uint64_t bytes) {
    return (bytes + MR_BEAT_BYTES - 1) / MR_BEAT_BYTES * MR_BEAT_BYTES;
}

static uint64_t in_slot(const struct mr_protocol *protocol) {
    return slot_bytes(protocol->stream.x_count * mr_element_bytes(protocol->shape.x_bits));
}

uint64_t mr_protocol_out_slot(uint64_t row) { // its number behind it
    return slot_bytes(row + 8);
}

static uint64_t out_slot(const struct mr_protocol *protocol) {
    return mr_protocol_out_slot(protocol->stream.y_count *
                                mr_element_bytes(protocol->shape.y_bits));
}

bool mr_protocol_streams(const struct mr_protocol *protocol, const struct mr_job *job) {
    return job->sequences == 1 && !job->timeline && !job->encodes &&
           !(job->flags >> MR_FLAGS_OWN) &&
           job->in->count * mr_element_bytes(protocol->shape.x_bits) <= ROW_BYTES;
}

// May this job be the next row of the run that goes on?
static bool fits(const struct mr_protocol_stream *stream, const struct mr_job *job) {
    const bool resets = (stream->flags & MR_FLAG_RESET) != 0, reset = (job->flags & MR_FLAG_RESET);
    return stream->running && stream->steps == job->steps && stream->x_count == job->in->count &&
           stream->y_count == job->out->count && resets == reset;
}

static int begin(struct mr_protocol *protocol, const struct mr_job *job) {
    struct mr_protocol_stream *stream = &protocol->stream;
    stream->steps = job->steps;
    stream->x_count = job->in->count;
    stream->y_count = job->out->count;
    stream->rows = 0;
    stream->cycles = 0;
    // Single steps go on from one another; whole sequences each begin anew.
    stream->flags = !(job->flags & MR_FLAG_RESET) ? 0
                    : job->steps == 1             ? MR_FLAG_RESET_FIRST
                                                  : MR_FLAG_RESET;
    if (mr_protocol_reserve(protocol, &stream->in, in_slot(protocol), MR_ARGUMENT_x) ||
        mr_protocol_reserve(protocol, &stream->out, out_slot(protocol), MR_ARGUMENT_y))
        return -1;
    const struct mr_protocol_command command = {
        .command = MR_COMMAND_STREAM,
        .flags = stream->flags,
        .sequences = 1,
        .steps = job->steps,
        .ring = RING,
        .x_count = job->in->count,
        .y_count = job->out->count,
        .x = stream->in.address,
        .y = stream->out.address,
    };
    // The slot's number stays from before: this host looks at stream_done.
    if (mr_protocol_write(protocol, MR_CARD_STREAM_ROWS, 0) ||
        mr_protocol_write(protocol, MR_CARD_STREAM_CONTROL, 0) ||
        mr_protocol_start(protocol, &command))
        return -1;
    stream->running = true;
    return 0;
}

// The end of a run that ended by itself, for an error.
static int ended(struct mr_protocol *protocol) {
    uint64_t cycles, last_output;
    protocol->stream.running = false;
    if (mr_protocol_results(protocol, &cycles, &last_output, NULL))
        return -1;
    return mr_failure(protocol->error, MR_ERROR_DEVICE,
                      "the card's kernel stopped streaming without an error");
}

static int wait_for_row(struct mr_protocol *protocol) {
    struct mr_protocol_watch watch = {0};
    uint32_t done, control;
    for (;;) {
        if (mr_protocol_read(protocol, MR_CARD_STREAM_DONE, &done))
            return -1;
        if (done == protocol->stream.rows)
            return 0;
        if (watch.looks % 16 == 15) {
            if (mr_protocol_read(protocol, MR_CARD_CONTROL, &control))
                return -1;
            if (control == UINT32_MAX)
                return protocol->transport->lose(protocol->link, mr_protocol_fell_off);
            if (control & MR_CARD_CONTROL_DONE)
                return ended(protocol);
        }
        if (mr_protocol_look(protocol, &watch))
            return -1;
    }
}

static int count_cycles(struct mr_protocol *protocol, struct mr_job *job) {
    uint64_t cycles;
    if (mr_protocol_read64(protocol, MR_CARD_NETWORK_CYCLES, &cycles))
        return -1;
    job->cycles = cycles - protocol->stream.cycles;
    job->last_output_cycle = job->cycles ? job->cycles - 1 : 0;
    protocol->stream.cycles = cycles;
    return 0;
}

int mr_protocol_stream_row(struct mr_protocol *protocol, struct mr_job *job) {
    struct mr_protocol_stream *stream = &protocol->stream;
    if (!fits(stream, job) && (mr_protocol_stream_end(protocol) || begin(protocol, job)))
        return -1;
    memcpy(stream->in.data, job->in->data,
           (size_t)(job->in->count * mr_element_bytes(protocol->shape.x_bits)));
    if (mr_protocol_send(protocol, &stream->in, 0, in_slot(protocol)) ||
        mr_protocol_write(protocol, MR_CARD_STREAM_ROWS, ++stream->rows) ||
        wait_for_row(protocol) || mr_protocol_fetch(protocol, &stream->out, 0, out_slot(protocol)))
        return -1;
    memcpy(job->out->data, stream->out.data,
           (size_t)(job->out->count * mr_element_bytes(protocol->shape.y_bits)));
    return count_cycles(protocol, job);
}

int mr_protocol_stream_end(struct mr_protocol *protocol) {
    uint64_t cycles, last_output;
    if (!protocol->stream.running)
        return 0;
    protocol->stream.running = false;
    return mr_protocol_write(protocol, MR_CARD_STREAM_CONTROL, MR_CARD_STREAM_CONTROL_STOP) ||
                   mr_protocol_wait(protocol, NULL) ||
                   mr_protocol_results(protocol, &cycles, &last_output, NULL)
               ? -1
               : 0;
}
