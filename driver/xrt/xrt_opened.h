// SPDX-License-Identifier: Apache-2.0
// An open `xrt:` device of this process: what its opening (xrt_here.c) and its runs (xrt_run.c)
// share.
#ifndef MR_XRT_OPENED_H
#define MR_XRT_OPENED_H

#include "xrt_card.h"
#include "xrt_way.h"

// A buffer in the card's memory, kept for the next run.
struct mr_xrt_buffer {
    xrtBufferHandle handle;
    size_t size;
    unsigned char *data; // its memory on the host
};

// Indices of the kernel's arguments.
enum mr_xrt_argument {
#define MR_XRT_INDEX(name, offset, size, memory) MR_XRT_ARGUMENT_##name,
    MR_CARD_ARGUMENTS(MR_XRT_INDEX)
#undef MR_XRT_INDEX
};

// A start of the kernel: its arguments; addresses are the card's.
struct mr_xrt_command {
    uint32_t command, flags, sequences, steps, ring, state_beats;
    uint64_t weights_beats, x_count, y_count;
    uint64_t weights, x, y, state_in, state_out;
};

// What tells a card that stands still from one that works.
struct mr_xrt_watch {
    unsigned looks;
    uint32_t progress;
    struct mr_xrt_quiet quiet;
};

// A STREAM run that goes on; `running` false: none does.
struct mr_xrt_stream {
    bool running;
    uint32_t steps, flags;        // of a row
    uint64_t x_count, y_count;    // elements of a row
    uint32_t rows;                // handed over so far
    uint64_t cycles;              // of the network, up to the last row
    struct mr_xrt_buffer in, out; // its rings
};

struct mr_xrt {
    struct mr_xrt_card card;
    struct mr_xrt *next; // of `open_cards`
    struct mr_xrt_place place;
    struct mr_xrt_shape shape;
    struct mr_xrt_buffer weights, x, y, state_in, state_out; // each in the memory of its port
    struct mr_xrt_stream stream;                             // xrt_stream.c
    uint64_t weights_beats;                                  // on the card
    bool stale;                 // an error reset the network: it has no weights
    struct mr_xrt_looks *looks; // xrt_timeline.c; NULL until a run has a timeline
};

// Functions of struct mr_xrt_way.
int mr_xrt_load_weights(void *device, const void *beats, uint64_t count, struct mr_error *error);
int mr_xrt_run(void *device, struct mr_job *job, struct mr_error *error);

int mr_xrt_read_state(void *device, void *beats, uint64_t count, struct mr_error *error);
int mr_xrt_write_state(void *device, const void *beats, uint64_t count, struct mr_error *error);

// Of the card's thread (xrt_card.h); they return 0, or another number with code and
// sentence in card.error.

// Makes the buffer one of at least `size` bytes in the memory of the kernel's argument.
int mr_xrt_reserve(struct mr_xrt *xrt, struct mr_xrt_buffer *buffer, uint64_t size,
                   enum mr_xrt_argument argument);
// The caller's memory as the card's buffer, when its pages allow it: the card's DMA takes it from
// there. False: copy. To be released after use.
bool mr_xrt_borrow(struct mr_xrt *xrt, struct mr_xrt_buffer *buffer, const void *data,
                   uint64_t size, enum mr_xrt_argument argument);
void mr_xrt_release(struct mr_xrt *xrt, struct mr_xrt_buffer *buffer);
void mr_xrt_release_buffers(struct mr_xrt *xrt); // all of them
int mr_xrt_move(struct mr_xrt *xrt, const struct mr_xrt_buffer *buffer,
                enum xclBOSyncDirection direction, uint64_t offset, uint64_t size);

// Starts the kernel. Waits for its end; job: whose timeline gets samples meanwhile, or NULL. Takes
// what the run left in the registers, adding to activity (NULL: not wanted), and acknowledges its
// end; fails with the meaning of a status that is not 0.
int mr_xrt_start(struct mr_xrt *xrt, const struct mr_xrt_command *command);
int mr_xrt_wait(struct mr_xrt *xrt, const struct mr_job *job);
int mr_xrt_results(struct mr_xrt *xrt, uint64_t *cycles, uint64_t *last_output,
                   struct mr_activity *activity);
// The network's probes, [probe_count].
int mr_xrt_read_probes(struct mr_xrt *xrt, uint64_t *probes);
// The three in a row, for a run of which nothing but its end is of interest.
int mr_xrt_perform(struct mr_xrt *xrt, const struct mr_xrt_command *command);
// A card that makes no progress for limit_ms is lost: call with looks 0 first, then each time.
int mr_xrt_watch(struct mr_xrt *xrt, struct mr_xrt_watch *watch);

// A row of a job by the rings, without a start of the kernel where it streams such rows already.
int mr_xrt_stream_row(struct mr_xrt *xrt, struct mr_job *job);
// True for a job that is one row of the rings.
bool mr_xrt_streams(const struct mr_xrt *xrt, const struct mr_job *job);
// Ends a STREAM run that goes on, so that the kernel can be started for something else.
int mr_xrt_stream_end(struct mr_xrt *xrt);

// For a job with a timeline. Begin comes before each start of the kernel; a look, while it runs,
// adds a sample when one is due.
int mr_xrt_looks_begin(struct mr_xrt *xrt);
int mr_xrt_look(struct mr_xrt *xrt, const struct mr_job *job);
// The clause for a card whose registers read as ones.
extern const char mr_xrt_fell_off[];

#endif
