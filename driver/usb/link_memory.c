// SPDX-License-Identifier: Apache-2.0
// The transport (transport.h) of a pipeline behind packets: its registers, and the device's memory,
// which is given out here.
#define _POSIX_C_SOURCE 200809L
#include "failure.h"
#include "link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WORD = 4, HEAD = 8, PIPE_PACKET = 1024 };

// A part of the memory that is taken.
struct mr_link_block {
    struct mr_link_block *next; // behind it
    uint64_t address, size;
};

static int check(void *self) {
    const struct mr_link_memory *memory = self;
    return *memory->lost ? mr_failure(memory->error, MR_ERROR_DEVICE, "%s: %s", memory->link->name,
                                      memory->lost)
                         : 0;
}

// A request of address and count or data; answers with other lengths than `wanted` are none.
static int ask(struct mr_link_memory *memory, uint8_t command, uint32_t length, uint32_t wanted,
               struct mr_packet *answer) {
    if (check(memory))
        return MR_ERROR_DEVICE;
    const int code = mr_link_ask(memory->link, command, length, answer, memory->error);
    if (code || answer->length == wanted)
        return code;
    return mr_failure(memory->error, MR_ERROR_DEVICE,
                      "%s answered with %u bytes where %u were asked for; its image is damaged",
                      memory->link->name, answer->length, wanted);
}

static int read_register(void *self, uint32_t offset, uint32_t *value) {
    struct mr_link_memory *memory = self;
    struct mr_packet answer;
    uint8_t *payload = mr_link_payload(memory->link);
    *value = UINT32_MAX;
    mr_packet_put(payload, offset, WORD);
    mr_packet_put(payload + WORD, 1, WORD);
    const int code = ask(memory, MR_PACKET_COMMAND_READ_REGISTERS, HEAD, WORD, &answer);
    if (!code)
        *value = mr_packet_get(answer.payload, WORD);
    return code;
}

static int write_register(void *self, uint32_t offset, uint32_t value) {
    struct mr_link_memory *memory = self;
    struct mr_packet answer;
    uint8_t *payload = mr_link_payload(memory->link);
    mr_packet_put(payload, offset, WORD);
    mr_packet_put(payload + WORD, value, WORD);
    return ask(memory, MR_PACKET_COMMAND_WRITE_REGISTERS, HEAD, 0, &answer);
}

// ---- Memory ------------------------------------------------------------------------------------

static uint64_t beats(uint64_t size) {
    return (size + MR_BEAT_BYTES) / MR_BEAT_BYTES * MR_BEAT_BYTES;
}

static void release(void *self, struct mr_buffer *buffer) {
    struct mr_link_memory *memory = self;
    struct mr_link_block **place = &memory->blocks;
    while (*place && *place != buffer->handle)
        place = &(*place)->next;
    if (*place)
        *place = (*place)->next;
    free(buffer->handle);
    free(buffer->data);
    *buffer = (struct mr_buffer){0};
}

// The first gap that is large enough.
static int allocate(void *self, struct mr_buffer *buffer, uint64_t size,
                    enum mr_argument argument) {
    struct mr_link_memory *memory = self;
    const uint64_t whole = beats(size), all = memory->link->identity.memory;
    struct mr_link_block **place = &memory->blocks;
    uint64_t address = 0;
    (void)argument; // all are in one memory
    while (*place && (*place)->address - address < whole) {
        address = (*place)->address + (*place)->size;
        place = &(*place)->next;
    }
    if (whole > all || address > all - whole)
        return mr_failure(memory->error, MR_ERROR_MEMORY,
                          "%s: its memory of %llu bytes has no %llu left; run fewer sequences at a "
                          "time",
                          memory->link->name, (unsigned long long)all, (unsigned long long)size);
    struct mr_link_block *block = calloc(1, sizeof *block);
    unsigned char *data = calloc(1, (size_t)whole);
    if (!block || !data) {
        free(block);
        free(data);
        return mr_failure(memory->error, MR_ERROR_MEMORY, "%s: not enough memory for its data",
                          memory->link->name);
    }
    *block = (struct mr_link_block){.next = *place, .address = address, .size = whole};
    *place = block;
    *buffer = (struct mr_buffer){
        .handle = block, .address = address, .size = (size_t)whole, .data = data};
    return 0;
}

static bool borrow(void *self, struct mr_buffer *buffer, const void *data, uint64_t size,
                   enum mr_argument argument) {
    (void)self;
    (void)buffer;
    (void)data;
    (void)size;
    (void)argument;
    return false;
}

// Bytes of the next request: whole words; no packet of which the cable's chip cannot tell the end,
// which it sees by a packet of its own that is not full.
static uint32_t part_of(const struct mr_link_memory *memory, uint64_t left) {
    const uint32_t most = memory->link->identity.payload - HEAD;
    const uint32_t part = left < most ? (uint32_t)left : most;
    return mr_packet_size(part) % PIPE_PACKET || part <= WORD ? part : part - WORD;
}

static int send(void *self, const struct mr_buffer *buffer, uint64_t offset, uint64_t size) {
    struct mr_link_memory *memory = self;
    const uint64_t begin = offset / WORD * WORD, end = (offset + size + WORD - 1) / WORD * WORD;
    for (uint64_t at = begin; at < end;) {
        struct mr_packet answer;
        const uint32_t part = part_of(memory, end - at);
        uint8_t *payload = mr_link_payload(memory->link);
        mr_packet_put(payload, (uint32_t)(buffer->address + at), WORD);
        memcpy(payload + WORD, buffer->data + at, part);
        const int code = ask(memory, MR_PACKET_COMMAND_WRITE_MEMORY, WORD + part, 0, &answer);
        if (code)
            return code;
        at += part;
    }
    return 0;
}

// Only the bytes asked for change on the host.
static int fetch(void *self, const struct mr_buffer *buffer, uint64_t offset, uint64_t size) {
    struct mr_link_memory *memory = self;
    const uint64_t begin = offset / WORD * WORD, end = (offset + size + WORD - 1) / WORD * WORD;
    for (uint64_t at = begin; at < end;) {
        struct mr_packet answer;
        const uint32_t part = part_of(memory, end - at);
        uint8_t *payload = mr_link_payload(memory->link);
        mr_packet_put(payload, (uint32_t)(buffer->address + at), WORD);
        mr_packet_put(payload + WORD, part / WORD, WORD);
        const int code = ask(memory, MR_PACKET_COMMAND_READ_MEMORY, HEAD, part, &answer);
        if (code)
            return code;
        const uint64_t from = at > offset ? at : offset,
                       to = at + part < offset + size ? at + part : offset + size;
        memcpy(buffer->data + from, answer.payload + (from - at), (size_t)(to - from));
        at += part;
    }
    return 0;
}

// A look is a request already; a long run shall not keep the cable busy.
static void rest(void *self, unsigned looks) {
    (void)self;
    if (looks > 50)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static int lose(void *self, const char *reason) {
    struct mr_link_memory *memory = self;
    if (!*memory->lost)
        snprintf(memory->lost, sizeof memory->lost, "%s", reason);
    return check(memory);
}

void mr_link_memory_free(struct mr_link_memory *memory) {
    while (memory->blocks) {
        struct mr_link_block *next = memory->blocks->next;
        free(memory->blocks);
        memory->blocks = next;
    }
}

const struct mr_transport mr_link_transport = {.read = read_register,
                                               .write = write_register,
                                               .allocate = allocate,
                                               .borrow = borrow,
                                               .release = release,
                                               .send = send,
                                               .fetch = fetch,
                                               .rest = rest,
                                               .check = check,
                                               .lose = lose};
