// SPDX-License-Identifier: Apache-2.0
// The ways to the card of an `xrt:` device: XRT in this process, for a real card's latency, or in a
// process of its own (broker.h), for XRT's emulation does to its process what no library may.
#ifndef MR_XRT_WAY_H
#define MR_XRT_WAY_H

#include "kernel_protocol.h"
#include "xclbin.h"

#include <limits.h>

// What is to be opened.
struct mr_xrt_place {
    unsigned index;      // of the card
    char path[PATH_MAX]; // of the image, as the user wrote it
    char file[PATH_MAX]; // the same file for XRT
    struct mr_xclbin_info image;
    unsigned limit_ms;
    uint32_t portion; // bytes
};

// All of it as in struct mr_backend. Jobs have x as in[0] and y as out[0], and no other streams.
struct mr_xrt_way {
    void *(*open)(const struct mr_xrt_place *place, struct mr_protocol_shape *shape,
                  struct mr_error *error);
    int (*load_weights)(void *card, const void *beats, uint64_t count, struct mr_error *error);
    int (*run)(void *card, struct mr_job *job, struct mr_error *error);
    int (*submit)(void *card, struct mr_job *job, struct mr_error *error);
    int (*collect)(void *card, struct mr_error *error);
    int (*read_state)(void *card, void *beats, uint64_t count, struct mr_error *error);
    int (*write_state)(void *card, const void *beats, uint64_t count, struct mr_error *error);
    void (*close)(void *card);
    // Instead of close, in a child of the process that opened it: what must not disturb the parent.
    void (*drop)(void *card);
};

extern const struct mr_xrt_way mr_xrt_here, mr_xrt_by_broker;

#endif
