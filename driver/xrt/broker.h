// SPDX-License-Identifier: Apache-2.0
// The process that holds XRT for an emulated card (driver/xrt/broker/), and what it and the library
// say to each other. XRT's emulation calls exit, aborts, redirects standard output, runs shells and
// ends process groups; in the broker that harms nobody, and what is left of it can be removed.
//
// A socket of whole messages (SOCK_SEQPACKET) carries one request, then one reply. What is long
// lies in memory that both have mapped. The broker ends when the library's end of the socket is
// closed, or when the process that opened the card is no more.
#ifndef MR_BROKER_H
#define MR_BROKER_H

#include "timeline.h"
#include "xrt_way.h"

#include <stdatomic.h>

// The broker finds both as descriptors.
enum { MR_BROKER_SOCKET = 3, MR_BROKER_MEMORY = 4 };

// The broker's first message; of the same form in all versions.
struct mr_broker_hello {
    int64_t process;
    char error[1000]; // "": it is ready
};

enum mr_broker_call {
    MR_BROKER_OPEN, // struct mr_xrt_place in memory
    MR_BROKER_LOAD, // `count` beats in memory
    MR_BROKER_RUN,
    MR_BROKER_SUBMIT,     // the job at `count` of those in memory
    MR_BROKER_COLLECT,    // the oldest one
    MR_BROKER_READ_STATE, // `count` beats
    MR_BROKER_WRITE_STATE,
    MR_BROKER_CLOSE // after its reply the broker ends
};

// A job; what it points to lies in memory at these places.
struct mr_broker_run {
    struct mr_job job; // its counts of what is done are right while it runs
    struct mr_timeline timeline;
    uint64_t x, y, activity, probes; // activity, probes 0: not wanted
    uint64_t before, cycles, counts; // of the timeline; counts 0: there is none
};

// The begin of the common memory; what is long follows at MR_BROKER_DATA.
struct mr_broker_memory {
    atomic_uint_fast64_t beats; // grows while the broker lives, each MR_BROKER_BEAT_MS
    struct mr_broker_run runs[MR_JOBS_AHEAD]; // that of MR_BROKER_RUN is the first one
};
enum { MR_BROKER_PAGE = 4096, MR_BROKER_DATA = MR_BROKER_PAGE, MR_BROKER_BEAT_MS = 100 };
_Static_assert(sizeof(struct mr_broker_memory) <= MR_BROKER_DATA, "must fit before the data");

struct mr_broker_request {
    enum mr_broker_call call;
    uint64_t size;  // of the memory
    uint64_t count; // of beats, or a job's place
};

struct mr_broker_reply {
    struct mr_error error;          // of code 0: it is done
    struct mr_protocol_shape shape; // of MR_BROKER_OPEN
};

// Library and broker must be of one build: the broker's argument.
void mr_broker_version(char *text, size_t size);

#endif
