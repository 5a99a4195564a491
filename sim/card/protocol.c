// SPDX-License-Identifier: Apache-2.0
// The card's side of XRT's emulation socket (protocol.h, emulation.proto).
#define _POSIX_C_SOURCE 200809L
#include "protocol.h"
#include "emulation.pb-c.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum call {
    CALL_CLOSE = MR_CARD_CALL_CLOSE,
    CALL_ALLOCATE = 4,
    CALL_FREE = 5,
    CALL_TO_CARD = 6,
    CALL_FROM_CARD = 7,
    CALL_WRITE_MEMORY = 8,
    CALL_WRITE_REGISTER = 9,
    CALL_READ_MEMORY = 10,
    CALL_READ_REGISTER = 11,
    CALL_TIMESTAMP = 17,
    CALL_MESSAGES = 19,
    CALL_ENVIRONMENT = 20
};

enum { CONTROL = 0, START = 1, IDLE = 4, REQUEST_HEADER = 14, REPLY_HEADER = 9 };

#define LARGEST_MESSAGE (UINT64_C(1) << 30)

bool mr_card_send(int fd, const void *data, size_t size) {
    for (const char *from = data; size;) {
        const ssize_t sent = send(fd, from, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        from += sent;
        size -= (size_t)sent;
    }
    return true;
}

bool mr_card_receive(int fd, void *data, size_t size) {
    for (char *to = data; size;) {
        const ssize_t got = recv(fd, to, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        size -= (size_t)got;
    }
    return true;
}

// Where the card's memory has these addresses; NULL when it has not.
static unsigned char *memory_at(const struct mr_card *card, uint64_t address, uint64_t size) {
    const struct mr_card_memory *memory = &card->memory;
    if (address < memory->base || size > memory->size ||
        address - memory->base > memory->size - size)
        return NULL;
    return memory->data + (address - memory->base);
}

static void stopped(struct mr_card *card, const char *error) {
    fprintf(stderr, "millrace card: %s\n", error);
    card->failed = true;
    card->awake = false;
}

void mr_card_advance(struct mr_card *card, uint32_t cycles) {
    enum { QUIET_LIMIT = 200000 }; // so long may a kernel be at work without moving data
    char error[900];
    bool active = false;
    if (card->failed)
        return;
    if (card->kernel->advance(card->instance, cycles, &active, error, sizeof error))
        stopped(card, error);
    card->quiet = active ? 0 : card->quiet + cycles;
    if (card->quiet >= QUIET_LIMIT)
        card->awake = false;
}

static void write_register(struct mr_card *card, uint32_t offset, uint32_t value) {
    char error[900];
    if (card->failed)
        return;
    if (card->kernel->write(card->instance, offset, value, error, sizeof error)) {
        stopped(card, error);
        return;
    }
    card->awake = true;
    card->quiet = 0;
}

static uint32_t read_register(struct mr_card *card, uint32_t offset) {
    char error[900];
    uint32_t value = UINT32_MAX;
    if (card->failed)
        return UINT32_MAX;
    if (card->kernel->read(card->instance, offset, &value, error, sizeof error)) {
        stopped(card, error);
        return UINT32_MAX;
    }
    if (offset == CONTROL && (value & IDLE) && !(value & START))
        card->awake = false;
    return value;
}

// Word 0 starts the kernel, so of a block it is written last.
static void write_registers(struct mr_card *card, uint64_t offset, const uint8_t *data,
                            size_t size) {
    uint32_t value;
    for (size_t at = 0; at + 4 <= size; at += 4)
        if (offset + at != CONTROL) {
            memcpy(&value, data + at, 4);
            write_register(card, (uint32_t)(offset + at), value);
        }
    if (offset == CONTROL && size >= 4) {
        memcpy(&value, data, 4);
        write_register(card, CONTROL, value);
    }
}

static bool reply(int fd, const ProtobufCMessage *message) {
    MrEmulation__Header header = MR_EMULATION__HEADER__INIT;
    header.size = protobuf_c_message_get_packed_size(message);
    // In one piece: whoever is killed has answered or has not.
    uint8_t *bytes = malloc(REPLY_HEADER + header.size);
    if (!bytes)
        return false;
    mr_emulation__header__pack(&header, bytes);
    protobuf_c_message_pack(message, bytes + REPLY_HEADER);
    const bool sent = mr_card_send(fd, bytes, REPLY_HEADER + header.size);
    free(bytes);
    return sent;
}

static bool reply_done(int fd) {
    MrEmulation__Done done = MR_EMULATION__DONE__INIT;
    done.done = true;
    return reply(fd, &done.base);
}

static bool reply_read(int fd, const void *data, size_t size) {
    MrEmulation__ReadReply answer = MR_EMULATION__READ_REPLY__INIT;
    answer.done = true;
    answer.has_data = true;
    answer.data = (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)data};
    return reply(fd, &answer.base);
}

// A card that is silent keeps the connection and never answers again.
static bool is_silent(struct mr_card *card, uint64_t size) {
    card->transferred += size;
    return card->transfer_limit && card->transferred > card->transfer_limit;
}

static bool to_card(struct mr_card *card, int fd, const MrEmulation__ToCard *call) {
    unsigned char *memory = memory_at(card, call->address + call->offset, call->size);
    if (is_silent(card, call->size))
        return true;
    if (memory && call->size <= call->data.len)
        memcpy(memory, call->data.data, call->size);
    else if (!card->failed)
        fprintf(stderr, "millrace card: no memory of %llu bytes at 0x%llx to write\n",
                (unsigned long long)call->size, (unsigned long long)(call->address + call->offset));
    MrEmulation__ToCardReply answer = MR_EMULATION__TO_CARD_REPLY__INIT;
    answer.size = call->size;
    return reply(fd, &answer.base);
}

static bool from_card(struct mr_card *card, int fd, const MrEmulation__FromCard *call) {
    unsigned char *memory = memory_at(card, call->address + call->offset, call->size), *ones = NULL;
    if (is_silent(card, call->size))
        return true;
    if (!memory && !card->failed)
        fprintf(stderr, "millrace card: no memory of %llu bytes at 0x%llx to read\n",
                (unsigned long long)call->size, (unsigned long long)(call->address + call->offset));
    if (!memory) {
        ones = call->size <= LARGEST_MESSAGE ? malloc(call->size + 1) : NULL;
        if (!ones)
            return false;
        memset(ones, 0xff, call->size);
    }
    MrEmulation__FromCardReply answer = MR_EMULATION__FROM_CARD_REPLY__INIT;
    answer.size = call->size;
    answer.data = (ProtobufCBinaryData){.len = call->size, .data = memory ? memory : ones};
    const bool sent = reply(fd, &answer.base);
    free(ones);
    return sent;
}

static bool write_words(struct mr_card *card, int fd, bool registers,
                        const MrEmulation__Write *call) {
    unsigned char *memory = registers ? NULL : memory_at(card, call->address, call->data.len);
    if (registers)
        write_registers(card, call->address - card->register_base, call->data.data, call->data.len);
    else if (memory)
        memcpy(memory, call->data.data, call->data.len);
    return reply_done(fd);
}

static bool read_words(struct mr_card *card, int fd, bool registers,
                       const MrEmulation__Read *call) {
    if (call->size > LARGEST_MESSAGE)
        return false;
    const unsigned char *memory = registers ? NULL : memory_at(card, call->address, call->size);
    if (memory)
        return reply_read(fd, memory, call->size);
    uint8_t *words = malloc(call->size + 4);
    if (!words)
        return false;
    memset(words, 0xff, call->size + 4);
    for (uint32_t at = 0; registers && at < call->size; at += 4) {
        const uint32_t value =
            read_register(card, (uint32_t)(call->address - card->register_base) + at);
        memcpy(words + at, &value, 4);
    }
    const bool sent = reply_read(fd, words, call->size);
    free(words);
    return sent;
}

void mr_card_say_goodbye(const struct mr_card *card) {
    static const uint8_t message[REQUEST_HEADER] = {[0] = 0x09, [9] = 0x15, [10] = CALL_CLOSE};
    if (card->event_fd >= 0)
        (void)mr_card_send(card->event_fd, message, sizeof message);
}

static bool timestamp(const struct mr_card *card, int fd) {
    MrEmulation__TimestampReply answer = MR_EMULATION__TIMESTAMP_REPLY__INIT;
    answer.cycles = card->kernel ? card->kernel->cycles(card->instance) : 0;
    return reply(fd, &answer.base);
}

// Unpacks a message of this type, hands it to the expression, and frees it.
#define WITH(type, expression)                                                                     \
    do {                                                                                           \
        type *call = (type *)protobuf_c_message_unpack(descriptor, NULL, size, body);              \
        ok = call && (expression);                                                                 \
        if (call)                                                                                  \
            protobuf_c_message_free_unpacked(&call->base, NULL);                                   \
    } while (0)

bool mr_card_answer(struct mr_card *card, int fd, uint32_t number, const uint8_t *body,
                    size_t size) {
    const ProtobufCMessageDescriptor *descriptor;
    bool ok;
    switch (number) {
    case CALL_TO_CARD:
        descriptor = &mr_emulation__to_card__descriptor;
        WITH(MrEmulation__ToCard, to_card(card, fd, call));
        return ok;
    case CALL_FROM_CARD:
        descriptor = &mr_emulation__from_card__descriptor;
        WITH(MrEmulation__FromCard, from_card(card, fd, call));
        return ok;
    case CALL_WRITE_MEMORY:
    case CALL_WRITE_REGISTER:
        descriptor = &mr_emulation__write__descriptor;
        WITH(MrEmulation__Write, write_words(card, fd, number == CALL_WRITE_REGISTER, call));
        return ok;
    case CALL_READ_MEMORY:
    case CALL_READ_REGISTER:
        descriptor = &mr_emulation__read__descriptor;
        WITH(MrEmulation__Read, read_words(card, fd, number == CALL_READ_REGISTER, call));
        return ok;
    case CALL_TIMESTAMP:
        return timestamp(card, fd);
    case CALL_MESSAGES: {
        MrEmulation__Header nothing = MR_EMULATION__HEADER__INIT;
        uint8_t bytes[REPLY_HEADER];
        mr_emulation__header__pack(&nothing, bytes);
        return mr_card_send(fd, bytes, sizeof bytes);
    }
    case CALL_CLOSE:
        card->closed = true;
        mr_card_say_goodbye(card);
        return reply_done(fd);
    case CALL_ALLOCATE: // the host keeps the books of the card's memory
    case CALL_FREE:
    case CALL_ENVIRONMENT:
        return reply_done(fd);
    default:
        fprintf(stderr, "millrace card: the host makes call %u, which this card does not know\n",
                number);
        return reply_done(fd);
    }
}

int mr_card_serve(struct mr_card *card, int fd) {
    uint8_t bytes[REQUEST_HEADER];
    if (!mr_card_receive(fd, bytes, sizeof bytes))
        return 1;
    MrEmulation__Header *header = mr_emulation__header__unpack(NULL, sizeof bytes, bytes);
    if (!header || header->size > LARGEST_MESSAGE) {
        fprintf(stderr, "millrace card: the host speaks another protocol\n");
        return -1;
    }
    const uint32_t number = header->call;
    const size_t size = (size_t)header->size;
    mr_emulation__header__free_unpacked(header, NULL);
    uint8_t *body = malloc(size + 1);
    if (!body) {
        fprintf(stderr, "millrace card: not enough memory for a message of %zu bytes\n", size);
        return -1;
    }
    const int result = !mr_card_receive(fd, body, size)                ? 1
                       : !mr_card_answer(card, fd, number, body, size) ? -1
                                                                       : 0;
    free(body);
    return result;
}
