// SPDX-License-Identifier: Apache-2.0
// Requests to a device over a pipe of bytes (docs/usb.md), each done once whatever the pipe loses
// or adds.
//
// Functions return 0, or a code of MR_ERROR_MAP with code and sentence in error. They block. Calls
// on one link are never concurrent.
#ifndef MR_USB_LINK_H
#define MR_USB_LINK_H

#include "byte_pipe.h"
#include "kernel.h"
#include "packet.h"
#include "transport.h"
#include "word_pipe.h"

enum { MR_LINK_LIMITS = 8 };

// What a device says of itself.
struct mr_link_identity {
    uint32_t kind;    // MR_PACKET_KIND_*
    uint32_t payload; // bytes of a packet's payload
    uint32_t clock_khz;
    uint32_t memory;             // bytes
    uint8_t hash[MR_SHAPE_HASH]; // of the image
    uint16_t limits[MR_LINK_LIMITS];
    uint32_t busy;               // cycles of the kernel, modulo 2^32
    uint16_t requests, rejected; // modulo 2^16
};

// What went over a link, for tests and reports.
struct mr_link_counts {
    uint64_t requests, repeats; // the bytes of a request sent again
    uint64_t strangers;         // answers to other requests
    uint64_t returns;           // devices that were plugged in again
};

struct mr_link {
    struct mr_byte_pipe pipe; // the link's; closed with it
    char name[64];            // for messages
    unsigned limit_ms;        // a device that does not answer for so long is lost
    struct mr_link_identity identity;
    struct mr_link_counts counts;
    struct mr_packet_finder finder;
    uint8_t *request; // [size of the greatest packet]
    uint8_t sequence;
};

// Takes the pipe, also on failure. Asks the device who it is and resets its kernel. limit_ms 0: 10
// s.
int mr_link_open(struct mr_link *link, const struct mr_byte_pipe *pipe, const char *name,
                 unsigned limit_ms, struct mr_error *error);
void mr_link_close(struct mr_link *link); // all zero is legal

// Asks the device anew who it is.
int mr_link_identify(struct mr_link *link, struct mr_error *error);

// Where the payload of the next request is to be written: identity.payload bytes.
uint8_t *mr_link_payload(struct mr_link *link);
// Sends a request whose payload stands there and waits for its answer. *answer is valid until the
// next call on the link. A status other than OK is a failure.
int mr_link_ask(struct mr_link *link, uint8_t command, uint32_t length, struct mr_packet *answer,
                struct mr_error *error);

// The words of a folded kernel behind the link; mr_words_close does not close the link.
struct mr_link_words;
struct mr_link_words *mr_link_words_open(struct mr_link *link, struct mr_error *error);
void mr_link_words_pipe(struct mr_link_words *words, struct mr_word_pipe *pipe);
void mr_link_words_close(struct mr_link_words *words); // NULL is legal

// Registers and memory of a pipeline behind the link; errors go to transport->error. A transport
// (transport.h) whose link is this.
struct mr_link_memory {
    struct mr_link *link;
    struct mr_error *error;
    struct mr_link_block *blocks; // of memory that are taken, by address
    char lost[256];               // a clause; empty: it is not
};
extern const struct mr_transport mr_link_transport;
void mr_link_memory_free(struct mr_link_memory *memory);

#endif
