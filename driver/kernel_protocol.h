// SPDX-License-Identifier: Apache-2.0
// The protocol of a card's kernel (docs/card.md): its registers, commands and rings, over any
// transport. Starts are watched through the registers, so that counters and errors come along.
//
// Functions return 0, or another number with code and sentence in `error` of the protocol. They
// block, and know nothing of threads: a transport that may hang calls them where it can wait for
// them.
#ifndef MR_KERNEL_PROTOCOL_H
#define MR_KERNEL_PROTOCOL_H

#include "driver.h"
#include "transport.h"

// What the kernel says of itself.
struct mr_protocol_shape {
    uint32_t x_bits, y_bits, process_count, probe_count;
};

// A STREAM run that goes on; `running` false: none does.
struct mr_protocol_stream {
    bool running;
    uint32_t steps, flags;     // of a row
    uint64_t x_count, y_count; // elements of a row
    uint32_t rows;             // handed over so far
    uint64_t cycles;           // of the network, up to the last row
    struct mr_buffer in, out;  // its rings
};

// A job under way. What the device sees of it is the caller's memory, or the own buffers, which are
// kept for the next one.
struct mr_protocol_job {
    struct mr_job *job;
    bool started; // its portion at `first`
    struct mr_buffer x, y, own_x, own_y;
    uint64_t x_bytes, y_bytes;       // of one sequence
    uint64_t x_elements, y_elements; // of one sequence
    uint32_t first, portion;         // sequences
};

// The memories that a kernel has for its network beside its streams.
enum { MR_PROTOCOL_MEMORIES = MR_CARD_MEMORY_ADDRESS_MOST };

struct mr_protocol {
    // The backend's to set.
    const struct mr_transport *transport;
    void *link;
    struct mr_error *error;
    const char *image; // its name, for messages
    unsigned limit_ms; // a kernel without progress for so long is lost
    uint32_t portion;  // bytes of input that move while those before are computed
    // The protocol's own; zero at first.
    struct mr_protocol_shape shape;
    struct mr_buffer weights, state_in, state_out; // each in the memory of its port
    struct mr_protocol_job jobs[MR_JOBS_AHEAD];    // a ring
    unsigned oldest, under_way;                    // of these
    struct mr_buffer memories[MR_PROTOCOL_MEMORIES];
    struct mr_protocol_stream stream;
    uint64_t weights_beats;          // on the device
    bool stale;                      // an error reset the network: it has no weights
    uint64_t *probes;                // [probe_count], of the last start
    struct mr_protocol_looks *looks; // of a timeline; NULL until a run has one
};

// Reads the shape. Fails unless the kernel is one of Millrace's, with this hash, [MR_SHAPE_HASH].
int mr_protocol_identify(struct mr_protocol *protocol, const unsigned char *shape_hash);
// Gives the kernel the memories that it says it needs, of zeros, until mr_protocol_end.
int mr_protocol_place_memories(struct mr_protocol *protocol);
// As in struct mr_backend. x is in[0] of a job and y is out[0] (mr_protocol_check_job).
int mr_protocol_load_weights(struct mr_protocol *protocol, const void *beats, uint64_t count);
int mr_protocol_run(struct mr_protocol *protocol, struct mr_job *job);
int mr_protocol_submit(struct mr_protocol *protocol, struct mr_job *job);
int mr_protocol_collect(struct mr_protocol *protocol);
int mr_protocol_read_state(struct mr_protocol *protocol, void *beats, uint64_t count);
int mr_protocol_write_state(struct mr_protocol *protocol, const void *beats, uint64_t count);
// Ends a run that goes on and gives the device's memory back.
void mr_protocol_end(struct mr_protocol *protocol);
// Frees what is left on the host.
void mr_protocol_free(struct mr_protocol *protocol);

// ---- What a device with such a kernel tells of itself (protocol_names.c)

struct mr_protocol_names {
    uint32_t process_count, probe_count;
    const char **processes;  // [process_count]
    struct mr_probe *probes; // [probe_count], the texts behind them
    char *text;
    struct mr_port ports[3];
};

// The names of the image's network (NULL: numbers) for a kernel of this shape; `path` is for
// messages. 0, or a code with a sentence in error. Freed by mr_protocol_names_free in either case;
// all zero is legal there.
int mr_protocol_names_take(struct mr_protocol_names *names, const struct mr_protocol_shape *shape,
                           const struct mr_image *image, const char *path, struct mr_error *error);
void mr_protocol_names_free(struct mr_protocol_names *names);
void mr_protocol_names_info(const struct mr_protocol_names *names, struct mr_device_info *info);

// 0 for a job that has x as in[0] and y as out[0], the same for each sequence, and no other
// streams.
int mr_protocol_check_job(const struct mr_job *job, struct mr_error *error);

#endif
