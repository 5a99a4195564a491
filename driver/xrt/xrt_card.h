// SPDX-License-Identifier: Apache-2.0
// One open card under a time limit: all calls of XRT are made on a thread of the card's own, and
// whoever asked waits for signs of life. A card that gives none is lost: of an emulated one the
// process is ended, which lets XRT return (emulation.h); a real one is abandoned with its thread.
#ifndef MR_XRT_CARD_H
#define MR_XRT_CARD_H

#include "emulation.h"
#include "millrace_error.h"
#include "quiet.h"
#include "transport.h"
#include "xrt_api.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct mr_xrt_card {
    const struct mr_xrt_api *api;
    xrtDeviceHandle device;
    xrtKernelHandle kernel;
    struct mr_emulation *emulation; // NULL: a real card
    struct mr_error error;          // of the work that failed
    // The thread and what it is to do.
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int (*work)(struct mr_xrt_card *card, void *context); // NULL: nothing
    void *context;
    int result;
    bool stop, killed, abandoned;
    atomic_uint_fast64_t signs; // of life, so far
    uint_fast64_t seen;         // of them
    struct mr_quiet quiet;
    pthread_mutex_t losing; // of the card becoming lost
    atomic_bool lost;
    char lost_reason[500]; // once lost; a clause
};

// Starts the thread. 0, or -1 when there is no memory for one.
int mr_xrt_card_start(struct mr_xrt_card *card);
// Ends the thread. False when it is stuck for good: then the card must not be freed.
bool mr_xrt_card_stop(struct mr_xrt_card *card);

// Has the card's thread do the work and waits for it, as long as there is a sign of life within
// every limit_ms. 0, or a code with a sentence in error. When the card was abandoned the work may
// still go on with its context, which must then stay.
int mr_xrt_card_perform(struct mr_xrt_card *card,
                        int (*work)(struct mr_xrt_card *card, void *context), void *context,
                        unsigned limit_ms, struct mr_error *error);

// ---- For work, on the card's thread ----

// A sign of life. Not 0 when the card was lost meanwhile, with code and sentence in card->error.
int mr_xrt_card_touch(struct mr_xrt_card *card);
// For work that finds the card dead itself; the reason is a clause. Never 0; code and sentence are
// in card->error.
int mr_xrt_card_lose(struct mr_xrt_card *card, const char *reason);
// The card as the protocol's transport; link is a struct mr_xrt_card.
extern const struct mr_transport mr_xrt_transport;

#endif
