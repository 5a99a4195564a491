// SPDX-License-Identifier: Apache-2.0
// Packets to bytes and back (packet.h).
#include "packet.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { CHECKED = MR_PACKET_AT_VERSION }; // the CRC's first byte

static uint32_t check_of(const uint8_t *bytes, uint32_t length) {
    return (uint32_t)crc32(0, bytes + CHECKED, (uInt)(MR_PACKET_HEADER - CHECKED + length));
}

void mr_packet_write(uint8_t *bytes, const struct mr_packet *packet) {
    if (packet->length)
        memmove(bytes + MR_PACKET_HEADER, packet->payload, packet->length);
    bytes[MR_PACKET_AT_SYNC] = MR_PACKET_SYNC_0;
    bytes[MR_PACKET_AT_SYNC + 1] = MR_PACKET_SYNC_1;
    bytes[MR_PACKET_AT_VERSION] = packet->version;
    bytes[MR_PACKET_AT_SEQUENCE] = packet->sequence;
    bytes[MR_PACKET_AT_COMMAND] = packet->command;
    bytes[MR_PACKET_AT_STATUS] = packet->status;
    mr_packet_put(bytes + MR_PACKET_AT_LENGTH, packet->length, 2);
    mr_packet_put(bytes + MR_PACKET_HEADER + packet->length, check_of(bytes, packet->length),
                  MR_PACKET_CHECK);
}

bool mr_packet_finder_make(struct mr_packet_finder *finder, uint32_t payload) {
    *finder = (struct mr_packet_finder){.size = mr_packet_size(payload)};
    finder->bytes = malloc(finder->size);
    return finder->bytes != NULL;
}

void mr_packet_finder_free(struct mr_packet_finder *finder) {
    free(finder->bytes);
    *finder = (struct mr_packet_finder){0};
}

uint8_t *mr_packet_finder_room(struct mr_packet_finder *finder, size_t *room) {
    // What is kept after a search is less than the greatest packet, so there is room.
    if (finder->begin) {
        memmove(finder->bytes, finder->bytes + finder->begin, finder->end - finder->begin);
        finder->end -= finder->begin;
        finder->begin = 0;
    }
    *room = finder->size - finder->end;
    return finder->bytes + finder->end;
}

void mr_packet_finder_add(struct mr_packet_finder *finder, size_t count) {
    finder->end += count;
}

size_t mr_packet_finder_missing(const struct mr_packet_finder *finder) {
    const size_t there = finder->end - finder->begin;
    const uint32_t length =
        there < MR_PACKET_HEADER
            ? 0
            : mr_packet_get(finder->bytes + finder->begin + MR_PACKET_AT_LENGTH, 2);
    return mr_packet_size(length) - there;
}

bool mr_packet_find(struct mr_packet_finder *finder, struct mr_packet *packet) {
    for (; finder->begin < finder->end; finder->begin++) {
        const uint8_t *bytes = finder->bytes + finder->begin;
        const size_t there = finder->end - finder->begin;
        if (bytes[0] != MR_PACKET_SYNC_0 || (there > 1 && bytes[1] != MR_PACKET_SYNC_1))
            continue;
        if (there < MR_PACKET_HEADER)
            return false;
        const uint32_t length = mr_packet_get(bytes + MR_PACKET_AT_LENGTH, 2);
        if (length % 2 || mr_packet_size(length) > finder->size)
            continue;
        if (there < mr_packet_size(length))
            return false;
        if (mr_packet_get(bytes + MR_PACKET_HEADER + length, MR_PACKET_CHECK) !=
            check_of(bytes, length))
            continue;
        *packet = (struct mr_packet){.version = bytes[MR_PACKET_AT_VERSION],
                                     .sequence = bytes[MR_PACKET_AT_SEQUENCE],
                                     .command = bytes[MR_PACKET_AT_COMMAND],
                                     .status = bytes[MR_PACKET_AT_STATUS],
                                     .length = length,
                                     .payload = bytes + MR_PACKET_HEADER};
        finder->begin += mr_packet_size(length);
        return true;
    }
    return false;
}

bool mr_packet_find_other(struct mr_packet_finder *finder, struct mr_packet *packet) {
    while (finder->begin < finder->end) {
        finder->begin++;
        if (mr_packet_find(finder, packet))
            return true;
    }
    return false;
}
