// SPDX-License-Identifier: Apache-2.0
// An open `xrt:` device: what its opening (xrt.c) and its runs (xrt_run.c) share.
#ifndef MR_XRT_DEVICE_H
#define MR_XRT_DEVICE_H

#include "driver.h"
#include "xclbin.h"
#include "xrt_card.h"

#include <limits.h>

enum { MR_XRT_BEAT = 64 }; // bytes of a word of the card's memory

// A buffer in the card's memory, kept for the next run.
struct mr_xrt_buffer {
    xrtBufferHandle handle;
    size_t size;
    unsigned char *data; // its memory on the host
};

struct mr_xrt {
    struct mr_xrt_card card;
    struct mr_xrt *next; // of `open_cards`
    unsigned index;
    unsigned limit_ms;
    uint32_t portion; // bytes
    char path[PATH_MAX];
    struct mr_xclbin_info image;
    uint32_t x_bits, y_bits, process_count;
    const char **names; // [process_count]
    char *name_text;
    char text[160];
    struct mr_xrt_buffer weights, x, y;
    uint64_t weights_beats;     // on the card
    bool stale;                 // an error reset the network: it has no weights
    struct mr_xrt_looks *looks; // xrt_timeline.c; NULL until a run has a timeline
};

// Functions of struct mr_backend.
int mr_xrt_load_weights(void *device, const void *beats, uint64_t count, char *error,
                        size_t error_size);
int mr_xrt_run(void *device, struct mr_job *job, char *error, size_t error_size);

// Work of the card's thread: gives the buffers back.
void mr_xrt_release_buffers(struct mr_xrt *xrt);
// For a job with a timeline. Begin comes before each start of the kernel; a look, while it runs,
// adds a sample when one is due.
int mr_xrt_looks_begin(struct mr_xrt *xrt);
int mr_xrt_look(struct mr_xrt *xrt, const struct mr_job *job);
// The clause for a card whose registers read as ones.
extern const char mr_xrt_fell_off[];

#endif
