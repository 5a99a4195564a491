// SPDX-License-Identifier: Apache-2.0
// Steps that the card feeds from one another (docs/card.md, Feedback): one start of the kernel for
// all of them. Their rows come by the output ring, which has a slot for each.
#include "failure.h"
#include "protocol_parts.h"

#include <string.h>

static int start(struct mr_protocol *protocol, const struct mr_job *job, uint64_t count) {
    struct mr_protocol_stream *stream = &protocol->stream;
    const struct mr_protocol_command command = {
        .command = MR_COMMAND_FEEDBACK,
        .flags = job->flags & MR_FLAG_RESET ? MR_FLAG_RESET_FIRST : 0,
        .sequences = job->feedback.most,
        .steps = 1,
        .ring = job->feedback.most,
        .x_count = 1,
        .y_count = count,
        .x = stream->in.address,
        .y = stream->out.address,
    };
    return mr_protocol_write(protocol, MR_CARD_FEEDBACK_PLACE, job->feedback.place) ||
                   mr_protocol_write(protocol, MR_CARD_FEEDBACK_STOP, job->feedback.stop)
               ? -1
               : mr_protocol_start(protocol, &command);
}

static int finish(struct mr_protocol *protocol, struct mr_job *job) {
    struct mr_feedback *feedback = &job->feedback;
    if (mr_protocol_wait(protocol, NULL) || mr_protocol_read_probes(protocol) ||
        mr_protocol_read(protocol, MR_CARD_STREAM_DONE, &feedback->steps) ||
        mr_protocol_results(protocol, &job->cycles, &job->last_output_cycle, job->activity))
        return -1;
    if (feedback->steps >= 1 && feedback->steps <= feedback->most)
        return 0;
    return mr_failure(protocol->error, MR_ERROR_DEVICE,
                      "the card's kernel did %u steps where 1 to %u were asked for",
                      (unsigned)feedback->steps, (unsigned)feedback->most);
}

int mr_protocol_feedback(struct mr_protocol *protocol, struct mr_job *job) {
    struct mr_protocol_stream *stream = &protocol->stream;
    const struct mr_protocol_shape *shape = &protocol->shape;
    const uint64_t most = job->feedback.most, count = job->out->count / most,
                   row = count * mr_element_bytes(shape->y_bits), slot = mr_protocol_out_slot(row);
    if (mr_protocol_reserve(protocol, &stream->in, MR_BEAT_BYTES, MR_ARGUMENT_x) ||
        mr_protocol_reserve(protocol, &stream->out, most * slot, MR_ARGUMENT_y))
        return -1;
    memcpy(stream->in.data, job->in->data, mr_element_bytes(shape->x_bits));
    if (mr_protocol_send(protocol, &stream->in, 0, MR_BEAT_BYTES) || start(protocol, job, count) ||
        finish(protocol, job) ||
        mr_protocol_fetch(protocol, &stream->out, 0, job->feedback.steps * slot))
        return -1;
    for (uint64_t i = 0; i < job->feedback.steps; i++)
        memcpy((char *)job->out->data + i * row, (const char *)stream->out.data + i * slot,
               (size_t)row);
    for (uint32_t i = 0; job->probes && i < shape->probe_count; i++)
        job->probes[i] += protocol->probes[i];
    return 0;
}
