// SPDX-License-Identifier: Apache-2.0
// What the parts of the protocol (kernel_protocol.h) share.
#ifndef MR_PROTOCOL_PARTS_H
#define MR_PROTOCOL_PARTS_H

#include "kernel_protocol.h"
#include "quiet.h"

// A start of the kernel: its arguments; addresses are the device's.
struct mr_protocol_command {
    uint32_t command, flags, sequences, steps, ring, state_beats;
    uint64_t weights_beats, x_count, y_count;
    uint64_t weights, x, y, state_in, state_out;
};

// What tells a kernel that stands still from one that works.
struct mr_protocol_watch {
    unsigned looks;
    uint32_t progress;
    struct mr_quiet quiet;
};

// The clause for a device whose registers read as ones.
extern const char mr_protocol_fell_off[];

// Registers by the transport.
int mr_protocol_read(struct mr_protocol *protocol, uint32_t offset, uint32_t *value);
int mr_protocol_read64(struct mr_protocol *protocol, uint32_t offset, uint64_t *value);
int mr_protocol_write(struct mr_protocol *protocol, uint32_t offset, uint32_t value);

// Makes the buffer one of at least `size` bytes in the memory of the kernel's argument; kept for
// the next run.
int mr_protocol_reserve(struct mr_protocol *protocol, struct mr_buffer *buffer, uint64_t size,
                        enum mr_argument argument);
int mr_protocol_send(struct mr_protocol *protocol, const struct mr_buffer *buffer, uint64_t offset,
                     uint64_t size);
int mr_protocol_fetch(struct mr_protocol *protocol, const struct mr_buffer *buffer, uint64_t offset,
                      uint64_t size);

// Starts the kernel. Waits for its end; job: whose timeline gets samples meanwhile, or NULL. Takes
// what the run left in the registers, adding to activity (NULL: not wanted), and acknowledges its
// end; fails with the meaning of a status that is not 0.
int mr_protocol_start(struct mr_protocol *protocol, const struct mr_protocol_command *command);
int mr_protocol_wait(struct mr_protocol *protocol, const struct mr_job *job);
int mr_protocol_results(struct mr_protocol *protocol, uint64_t *cycles, uint64_t *last_output,
                        struct mr_activity *activity);
// The three in a row, for a run of which nothing but its end is of interest.
int mr_protocol_perform(struct mr_protocol *protocol, const struct mr_protocol_command *command);
// The network's probes, into protocol->probes.
int mr_protocol_read_probes(struct mr_protocol *protocol);
// A kernel that makes no progress for limit_ms is lost: call with looks 0 first, then each time.
int mr_protocol_look(struct mr_protocol *protocol, struct mr_protocol_watch *watch);

// Waits for the job that the device computes, and has none under way.
void mr_protocol_drop(struct mr_protocol *protocol);

// A row of a job by the rings, without a start of the kernel where it streams such rows already.
int mr_protocol_stream_row(struct mr_protocol *protocol, struct mr_job *job);
// True for a job that is one row of the rings.
bool mr_protocol_streams(const struct mr_protocol *protocol, const struct mr_job *job);
// Bytes of a slot of the output ring, for rows of so many.
uint64_t mr_protocol_out_slot(uint64_t row);
// A job with feedback, of a kernel that is not started and has MR_CARD_FEATURES_FEEDBACK.
int mr_protocol_feedback(struct mr_protocol *protocol, struct mr_job *job);
// Ends a STREAM run that goes on, so that the kernel can be started for something else.
int mr_protocol_stream_end(struct mr_protocol *protocol);

// For a job with a timeline. Begin comes before each start of the kernel; a sample, while it runs,
// is taken when one is due.
int mr_protocol_timeline_begin(struct mr_protocol *protocol);
int mr_protocol_timeline_look(struct mr_protocol *protocol, const struct mr_job *job);

#endif
