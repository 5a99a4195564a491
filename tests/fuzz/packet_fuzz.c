// SPDX-License-Identifier: Apache-2.0
// Fuzzes what comes from a device on a pipe of bytes: the finder of packets, whose finds must not
// depend on how the bytes come in; and a link whose device answers with any statuses and payloads.
#include "fuzz.h"
#include "link.h"

#include <stdlib.h>
#include <string.h>

enum { PAYLOAD = 512 };

// Feeds the data in parts of `part` bytes at most; gives a sum of all packets found.
static uint64_t find_all(const uint8_t *data, size_t size, size_t part) {
    struct mr_packet_finder finder;
    struct mr_packet packet;
    uint64_t sum = 1;
    if (!mr_packet_finder_make(&finder, PAYLOAD))
        return 0;
    while (size) {
        size_t room;
        uint8_t *to = mr_packet_finder_room(&finder, &room);
        if (!room)
            abort();
        if (room > part)
            room = part;
        if (room > size)
            room = size;
        memcpy(to, data, room);
        mr_packet_finder_add(&finder, room);
        data += room;
        size -= room;
        while (mr_packet_find(&finder, &packet)) {
            sum = sum * 31 + packet.sequence + packet.command + packet.length;
            for (uint32_t i = 0; i < packet.length; i++)
                sum = sum * 31 + packet.payload[i];
        }
        const size_t missing = mr_packet_finder_missing(&finder);
        if (!missing || missing > mr_packet_size(PAYLOAD))
            abort();
    }
    while (mr_packet_find_other(&finder, &packet))
        ;
    mr_packet_finder_free(&finder);
    return sum;
}

// A device that answers each request with the next bytes of the data.
struct device {
    const uint8_t *data;
    size_t size;
    uint64_t now;
    uint8_t answer[MR_PACKET_HEADER + PAYLOAD + MR_PACKET_CHECK + 1];
    size_t begin, end;
};

static int answer(void *self, const void *bytes, size_t size, unsigned limit_ms, size_t *written,
                  struct mr_error *error) {
    struct device *device = self;
    const uint8_t *request = bytes;
    uint8_t payload[PAYLOAD] = {0};
    (void)limit_ms;
    (void)error;
    *written = size;
    device->begin = device->end = 0;
    if (device->size < 2)
        return 0;
    // The first two bytes: status or none, and how long the payload is.
    const uint8_t status = device->data[0] < 200 ? 0 : device->data[0] & 7;
    uint32_t length = device->data[1] * 2u, there = length;
    device->data += 2;
    device->size -= 2;
    if (there > device->size)
        there = (uint32_t)device->size;
    memcpy(payload, device->data, there);
    device->data += there;
    device->size -= there;
    // Identities are likelier to be used when they are nearly right.
    if (request[MR_PACKET_AT_COMMAND] == MR_PACKET_COMMAND_IDENTIFY && length >= 8) {
        payload[MR_IDENTITY_PAYLOAD] = 0;
        payload[MR_IDENTITY_PAYLOAD + 1] &= 3;
    }
    const struct mr_packet packet = {.version = MR_PACKET_VERSION,
                                     .sequence = request[MR_PACKET_AT_SEQUENCE],
                                     .command = request[MR_PACKET_AT_COMMAND] | MR_PACKET_ANSWER,
                                     .status = status,
                                     .length = length,
                                     .payload = payload};
    mr_packet_write(device->answer, &packet);
    device->end = mr_packet_size(length);
    return 0;
}

static int give(void *self, void *bytes, size_t size, unsigned limit_ms, size_t *count,
                struct mr_error *error) {
    struct device *device = self;
    (void)error;
    *count = device->end - device->begin < size ? device->end - device->begin : size;
    memcpy(bytes, device->answer + device->begin, *count);
    device->begin += *count;
    device->now += *count ? 1 : limit_ms;
    return 0;
}

static int reset(void *self, struct mr_error *error) {
    (void)self;
    (void)error;
    return 0;
}

static uint64_t now(void *self) {
    return ((struct device *)self)->now;
}

static void use_link(const uint8_t *data, size_t size) {
    struct device device = {.data = data, .size = size};
    const struct mr_byte_pipe pipe = {
        .self = &device, .write = answer, .read = give, .reset = reset, .now = now};
    struct mr_link link;
    struct mr_error error;
    struct mr_word_pipe words;
    uint16_t numbers[300] = {0};
    uint64_t cycles;
    if (mr_link_open(&link, &pipe, "fuzz", 1000, &error))
        return;
    struct mr_link_words *opened = mr_link_words_open(&link, &error);
    if (!opened)
        abort();
    mr_link_words_pipe(opened, &words);
    for (int i = 0; i < 4; i++)
        if (words.write(words.self, numbers, 300, &error) ||
            words.read(words.self, numbers, 200, &error) ||
            words.cycles(words.self, &cycles, &error))
            break;
    mr_link_words_close(opened);
    mr_link_close(&link);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint64_t whole = find_all(data, size, SIZE_MAX);
    if (find_all(data, size, 1) != whole || find_all(data, size, 7) != whole)
        abort();
    use_link(data, size);
    return 0;
}
