// SPDX-License-Identifier: Apache-2.0
// What the protocol of a card's kernel (kernel_protocol.h) stands on: the way to one open device's
// registers and memory. A backend for another bus is these functions and its struct mr_backend
// (driver.h).
//
// Functions that return int give 0, or another number with code and sentence in the protocol's
// `error`. All may block; calls on one device are never concurrent.
#ifndef MR_TRANSPORT_H
#define MR_TRANSPORT_H

#include "mr_registers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Indices of the kernel's arguments.
enum mr_argument {
#define MR_ARGUMENT_INDEX(name, offset, size, memory) MR_ARGUMENT_##name,
    MR_CARD_ARGUMENTS(MR_ARGUMENT_INDEX)
#undef MR_ARGUMENT_INDEX
        MR_ARGUMENT_memory // the kernel's first memory; its others follow
};

// A part of the device's memory, and what stands for it on the host. All zero: there is none.
struct mr_buffer {
    void *handle;     // the transport's
    uint64_t address; // as the kernel takes it
    size_t size;
    unsigned char *data; // [size] on the host
};

struct mr_transport {
    // Registers, 32 bits at `offset` bytes. A device that is gone reads as ones.
    int (*read)(void *link, uint32_t offset, uint32_t *value);
    int (*write)(void *link, uint32_t offset, uint32_t value);
    // A buffer of at least `size` bytes in the memory of the kernel's argument.
    int (*allocate)(void *link, struct mr_buffer *buffer, uint64_t size, enum mr_argument argument);
    // The caller's memory as a buffer, so that nothing is copied on the host. False: it cannot be,
    // copy.
    bool (*borrow)(void *link, struct mr_buffer *buffer, const void *data, uint64_t size,
                   enum mr_argument argument);
    void (*release)(void *link, struct mr_buffer *buffer); // of either; none is legal
    // Moves a part of the buffer from the host to the device, and back.
    int (*send)(void *link, const struct mr_buffer *buffer, uint64_t offset, uint64_t size);
    int (*fetch)(void *link, const struct mr_buffer *buffer, uint64_t offset, uint64_t size);
    // Until the device may have something to tell: its notice, or a time that grows with the number
    // of looks before.
    void (*rest)(void *link, unsigned looks);
    int (*check)(void *link);                    // fails when the device is known to be lost
    int (*lose)(void *link, const char *reason); // a clause; it is lost from here on. Fails.
};

#endif
