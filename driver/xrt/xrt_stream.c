// SPDX-License-Identifier: Apache-2.0
// Rows of a card's rings (docs/card.md, Streaming): the kernel of a STREAM run waits for the next
// row, so a step costs no start. The run goes on until something else is asked of the card.
#define _POSIX_C_SOURCE 200809L // PATH_MAX
#include "failure.h"
#include "mr_registers.h"
#include "xrt_opened.h"

#include <string.h>

enum {
    RING = 1,            // row; the next one comes when the result of this one is there
    ROW_BYTES = 64 << 10 // of input, at most: a longer row is better off as a run
};

static uint64_t slot_bytes(uint64_t bytes) {
    return (bytes + MR_XRT_BEAT - 1) / MR_XRT_BEAT * MR_XRT_BEAT;
}

static uint64_t in_slot(const struct mr_xrt *xrt) {
    return slot_bytes(xrt->stream.x_count * mr_element_bytes(xrt->shape.x_bits));
}

static uint64_t out_slot(const struct mr_xrt *xrt) { // the row's number behind it
    return slot_bytes(xrt->stream.y_count * mr_element_bytes(xrt->shape.y_bits) + 8);
}

bool mr_xrt_streams(const struct mr_xrt *xrt, const struct mr_job *job) {
    return job->sequences == 1 && !job->timeline &&
           job->in->count * mr_element_bytes(xrt->shape.x_bits) <= ROW_BYTES;
}

// May this job be the next row of the run that goes on?
static bool fits(const struct mr_xrt_stream *stream, const struct mr_job *job) {
    const bool resets = (stream->flags & MR_FLAG_RESET) != 0, reset = (job->flags & MR_FLAG_RESET);
    return stream->running && stream->steps == job->steps && stream->x_count == job->in->count &&
           stream->y_count == job->out->count && resets == reset;
}

static int begin(struct mr_xrt *xrt, const struct mr_job *job) {
    struct mr_xrt_card *card = &xrt->card;
    struct mr_xrt_stream *stream = &xrt->stream;
    stream->steps = job->steps;
    stream->x_count = job->in->count;
    stream->y_count = job->out->count;
    stream->rows = 0;
    stream->cycles = 0;
    // Single steps go on from one another; whole sequences each begin anew.
    stream->flags = !(job->flags & MR_FLAG_RESET) ? 0
                    : job->steps == 1             ? MR_FLAG_RESET_FIRST
                                                  : MR_FLAG_RESET;
    if (mr_xrt_reserve(xrt, &stream->in, in_slot(xrt), MR_XRT_ARGUMENT_x) ||
        mr_xrt_reserve(xrt, &stream->out, out_slot(xrt), MR_XRT_ARGUMENT_y))
        return -1;
    const struct mr_xrt_command command = {
        .command = MR_COMMAND_STREAM,
        .flags = stream->flags,
        .sequences = 1,
        .steps = job->steps,
        .ring = RING,
        .x_count = job->in->count,
        .y_count = job->out->count,
        .x = card->api->xrtBOAddress(stream->in.handle),
        .y = card->api->xrtBOAddress(stream->out.handle),
    };
    // The slot's number stays from before: this host looks at stream_done.
    if (mr_xrt_card_write(card, MR_CARD_STREAM_ROWS, 0) ||
        mr_xrt_card_write(card, MR_CARD_STREAM_CONTROL, 0) || mr_xrt_start(xrt, &command))
        return -1;
    stream->running = true;
    return 0;
}

// The end of a run that ended by itself, for an error.
static int ended(struct mr_xrt *xrt) {
    uint64_t cycles, last_output;
    xrt->stream.running = false;
    if (mr_xrt_results(xrt, &cycles, &last_output, NULL))
        return -1;
    return mr_failure(&xrt->card.error, MR_ERROR_DEVICE,
                      "the card's kernel stopped streaming without an error");
}

static int wait_for_row(struct mr_xrt *xrt) {
    struct mr_xrt_watch watch = {0};
    uint32_t done, control;
    for (;;) {
        if (mr_xrt_card_read(&xrt->card, MR_CARD_STREAM_DONE, &done))
            return -1;
        if (done == xrt->stream.rows)
            return 0;
        if (watch.looks % 16 == 15) {
            if (mr_xrt_card_read(&xrt->card, MR_CARD_CONTROL, &control))
                return -1;
            if (control == UINT32_MAX)
                return mr_xrt_card_lose(&xrt->card, mr_xrt_fell_off);
            if (control & MR_CARD_CONTROL_DONE)
                return ended(xrt);
        }
        if (mr_xrt_watch(xrt, &watch))
            return -1;
    }
}

static int count_cycles(struct mr_xrt *xrt, struct mr_job *job) {
    uint64_t cycles;
    if (mr_xrt_card_read64(&xrt->card, MR_CARD_NETWORK_CYCLES, &cycles))
        return -1;
    job->cycles = cycles - xrt->stream.cycles;
    job->last_output_cycle = job->cycles ? job->cycles - 1 : 0;
    xrt->stream.cycles = cycles;
    return 0;
}

int mr_xrt_stream_row(struct mr_xrt *xrt, struct mr_job *job) {
    struct mr_xrt_stream *stream = &xrt->stream;
    if (!fits(stream, job) && (mr_xrt_stream_end(xrt) || begin(xrt, job)))
        return -1;
    memcpy(stream->in.data, job->in->data,
           (size_t)(job->in->count * mr_element_bytes(xrt->shape.x_bits)));
    if (mr_xrt_move(xrt, &stream->in, XCL_BO_SYNC_BO_TO_DEVICE, 0, in_slot(xrt)) ||
        mr_xrt_card_write(&xrt->card, MR_CARD_STREAM_ROWS, ++stream->rows) || wait_for_row(xrt) ||
        mr_xrt_move(xrt, &stream->out, XCL_BO_SYNC_BO_FROM_DEVICE, 0, out_slot(xrt)))
        return -1;
    memcpy(job->out->data, stream->out.data,
           (size_t)(job->out->count * mr_element_bytes(xrt->shape.y_bits)));
    return count_cycles(xrt, job);
}

int mr_xrt_stream_end(struct mr_xrt *xrt) {
    uint64_t cycles, last_output;
    if (!xrt->stream.running)
        return 0;
    xrt->stream.running = false;
    return mr_xrt_card_write(&xrt->card, MR_CARD_STREAM_CONTROL, MR_CARD_STREAM_CONTROL_STOP) ||
                   mr_xrt_wait(xrt, NULL) || mr_xrt_results(xrt, &cycles, &last_output, NULL)
               ? -1
               : 0;
}
