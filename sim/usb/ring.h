// SPDX-License-Identifier: Apache-2.0
// The buffer of an emulated chip: bytes, first in, first out.
#ifndef MR_USB_RING_H
#define MR_USB_RING_H

#include <stddef.h>
#include <string.h>

enum { USB_RING = 4096 };

struct usb_ring {
    unsigned char bytes[USB_RING]; // those from 0 on
    size_t count;
};

// Those that found room.
static inline size_t usb_ring_put(struct usb_ring *ring, const unsigned char *data, size_t count) {
    const size_t room = USB_RING - ring->count;
    if (count > room)
        count = room;
    memcpy(ring->bytes + ring->count, data, count);
    ring->count += count;
    return count;
}

static inline void usb_ring_drop(struct usb_ring *ring, size_t count) {
    ring->count -= count;
    memmove(ring->bytes, ring->bytes + count, ring->count);
}

static inline void usb_ring_take(struct usb_ring *ring, unsigned char *data, size_t count) {
    memcpy(data, ring->bytes, count);
    usb_ring_drop(ring, count);
}

#endif
