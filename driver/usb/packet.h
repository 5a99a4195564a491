// SPDX-License-Identifier: Apache-2.0
// Packets (docs/usb.md) to bytes and back. No function here fails but by memory; what comes from a
// device may be any bytes.
#ifndef MR_USB_PACKET_H
#define MR_USB_PACKET_H

#include "mr_packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mr_packet {
    uint8_t version, sequence, command, status;
    uint32_t length; // of the payload; even
    const uint8_t *payload;
};

// Numbers in packets: `count` bytes, the lowest first.
static inline void mr_packet_put(uint8_t *bytes, uint32_t value, int count) {
    for (int i = 0; i < count; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}
static inline uint32_t mr_packet_get(const uint8_t *bytes, int count) {
    uint32_t value = 0;
    for (int i = 0; i < count; i++)
        value |= (uint32_t)bytes[i] << 8 * i;
    return value;
}

// Bytes of a packet with so many of payload.
static inline size_t mr_packet_size(size_t length) {
    return MR_PACKET_HEADER + length + MR_PACKET_CHECK;
}

// Writes mr_packet_size(packet->length) bytes. The payload may be where it goes to,
// bytes + MR_PACKET_HEADER.
void mr_packet_write(uint8_t *bytes, const struct mr_packet *packet);

// Finds packets in a stream of bytes. All zero is one that is empty and can be freed.
struct mr_packet_finder {
    uint8_t *bytes; // [size of the greatest packet]
    size_t size, begin, end;
};

// For payloads up to `payload` bytes. False: no memory.
bool mr_packet_finder_make(struct mr_packet_finder *finder, uint32_t payload);
void mr_packet_finder_free(struct mr_packet_finder *finder);
// Where the next bytes go: *room of them, at least one. Ends the life of the last packet's payload.
uint8_t *mr_packet_finder_room(struct mr_packet_finder *finder, size_t *room);
void mr_packet_finder_add(struct mr_packet_finder *finder, size_t count); // bytes put there
// After a search that found nothing: how many bytes must come before there can be a packet.
size_t mr_packet_finder_missing(const struct mr_packet_finder *finder);
// The next packet whose CRC is right, of any version, or false: more bytes are needed. Bytes before
// it are dropped.
bool mr_packet_find(struct mr_packet_finder *finder, struct mr_packet *packet);
// The rest of a packet that has begun will not come: looks for another one behind its first byte.
// False when there is none.
bool mr_packet_find_other(struct mr_packet_finder *finder, struct mr_packet *packet);

#endif
