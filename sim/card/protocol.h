// SPDX-License-Identifier: Apache-2.0
// The card's side of XRT's emulation socket: one request, one reply.
#ifndef MR_CARD_PROTOCOL_H
#define MR_CARD_PROTOCOL_H

#include "card_kernel.h"

struct mr_card {
    const struct mr_card_kernel *kernel;
    void *instance;
    struct mr_card_memory memory;
    uint64_t register_base;
    bool failed; // the kernel stopped, or there is none: everything reads as ones, as from a card
                 // that fell off its bus
    bool awake;  // the kernel may be at work, so time shall pass
    uint64_t quiet;                       // cycles without a sign of work
    bool closed;                          // the host is done with the card
    int event_fd;                         // the host's second socket; -1: none
    uint64_t transfer_limit, transferred; // bytes after which the card falls silent; 0: none
};

// The host's last call.
enum { MR_CARD_CALL_CLOSE = 1 };

// Reads a request and answers it. 0; 1 when the host is gone; -1 after a message on stderr.
int mr_card_serve(struct mr_card *card, int fd);
// Answers one request, whose header was `call`. False when the host is gone or talks nonsense.
bool mr_card_answer(struct mr_card *card, int fd, uint32_t call, const unsigned char *message,
                    size_t size);
// XRT's thread at the second socket never ends without it; comes before the reply to close.
void mr_card_say_goodbye(const struct mr_card *card);

// Lets `cycles` pass. Never fails: a kernel that stops is noted in card->failed.
void mr_card_advance(struct mr_card *card, uint32_t cycles);

// All of the bytes, whatever the socket takes at a time. False when the peer is gone.
bool mr_card_send(int fd, const void *data, size_t size);
bool mr_card_receive(int fd, void *data, size_t size);

#endif
