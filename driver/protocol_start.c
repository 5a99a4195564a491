// SPDX-License-Identifier: Apache-2.0
// Registers, buffers, and single starts of a kernel by the protocol (kernel_protocol.h).
#include "failure.h"
#include "protocol_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_WIDTH(name, mode, data_width, address_width)                                         \
    _Static_assert((data_width) == MR_BEAT_BITS, "a memory port moves a beat");
MR_CARD_MEMORIES(CHECK_WIDTH)
#undef CHECK_WIDTH

// ---- Registers and buffers ---------------------------------------------------------------------

int mr_protocol_read(struct mr_protocol *protocol, uint32_t offset, uint32_t *value) {
    return protocol->transport->read(protocol->link, offset, value);
}

// The halves of a counter that runs: read until the upper one stands.
int mr_protocol_read64(struct mr_protocol *protocol, uint32_t offset, uint64_t *value) {
    uint32_t low, high, again;
    *value = 0;
    if (mr_protocol_read(protocol, offset + 4, &again))
        return -1;
    do {
        high = again;
        if (mr_protocol_read(protocol, offset, &low) ||
            mr_protocol_read(protocol, offset + 4, &again))
            return -1;
    } while (again != high);
    *value = (uint64_t)high << 32 | low;
    return 0;
}

int mr_protocol_write(struct mr_protocol *protocol, uint32_t offset, uint32_t value) {
    return protocol->transport->write(protocol->link, offset, value);
}

static int write64(struct mr_protocol *protocol, uint32_t offset, uint64_t value) {
    return mr_protocol_write(protocol, offset, (uint32_t)value)
               ? -1
               : mr_protocol_write(protocol, offset + 4, (uint32_t)(value >> 32));
}

int mr_protocol_reserve(struct mr_protocol *protocol, struct mr_buffer *buffer, uint64_t size,
                        enum mr_argument argument) {
    if (buffer->handle && buffer->size >= size)
        return 0;
    protocol->transport->release(protocol->link, buffer);
    return protocol->transport->allocate(protocol->link, buffer, size, argument);
}

int mr_protocol_send(struct mr_protocol *protocol, const struct mr_buffer *buffer, uint64_t offset,
                     uint64_t size) {
    return protocol->transport->send(protocol->link, buffer, offset, size);
}

int mr_protocol_fetch(struct mr_protocol *protocol, const struct mr_buffer *buffer, uint64_t offset,
                      uint64_t size) {
    return protocol->transport->fetch(protocol->link, buffer, offset, size);
}

void mr_protocol_end(struct mr_protocol *protocol) {
    struct mr_buffer *const buffers[] = {&protocol->weights, &protocol->state_in,
                                         &protocol->state_out, &protocol->stream.in,
                                         &protocol->stream.out};
    mr_protocol_drop(protocol);
    (void)mr_protocol_stream_end(protocol);
    for (unsigned i = 0; i < MR_JOBS_AHEAD; i++) {
        protocol->transport->release(protocol->link, &protocol->jobs[i].own_x);
        protocol->transport->release(protocol->link, &protocol->jobs[i].own_y);
    }
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        protocol->transport->release(protocol->link, buffers[i]);
    for (int i = 0; i < MR_PROTOCOL_MEMORIES; i++)
        protocol->transport->release(protocol->link, &protocol->memories[i]);
}

void mr_protocol_free(struct mr_protocol *protocol) {
    free(protocol->probes);
    free(protocol->looks);
}

// ---- Identity ----------------------------------------------------------------------------------

static int read_shape(struct mr_protocol *protocol) {
    struct mr_protocol_shape *shape = &protocol->shape;
    return mr_protocol_read(protocol, MR_CARD_X_BITS, &shape->x_bits) ||
           mr_protocol_read(protocol, MR_CARD_Y_BITS, &shape->y_bits) ||
           mr_protocol_read(protocol, MR_CARD_PROCESS_COUNT, &shape->process_count) ||
           mr_protocol_read(protocol, MR_CARD_PROBE_COUNT, &shape->probe_count);
}

int mr_protocol_identify(struct mr_protocol *protocol, const unsigned char *shape_hash) {
    uint32_t magic, version, hash[MR_SHAPE_HASH / 4];
    char found[MR_HASH_TEXT], wanted[MR_HASH_TEXT];
    if (mr_protocol_read(protocol, MR_CARD_MAGIC, &magic) ||
        mr_protocol_read(protocol, MR_CARD_VERSION, &version) || read_shape(protocol))
        return -1;
    for (int i = 0; i < MR_SHAPE_HASH / 4; i++)
        if (mr_protocol_read(protocol, MR_CARD_SHAPE_HASH + 4 * (uint32_t)i, &hash[i]))
            return -1;
    if (magic == UINT32_MAX && version == UINT32_MAX)
        return protocol->transport->lose(protocol->link, mr_protocol_fell_off);
    if (magic != MR_CARD_MAGIC_VALUE)
        return mr_failure(protocol->error, MR_ERROR_DEVICE,
                          "%s: its kernel is not Millrace's (magic 0x%08x, not 0x%08x)",
                          protocol->image, magic, MR_CARD_MAGIC_VALUE);
    if (version >> 16 != MR_CARD_VERSION_VALUE >> 16)
        return mr_failure(protocol->error, MR_ERROR_DEVICE,
                          "%s: its kernel has register map %u and this program knows %u; build the "
                          "image again",
                          protocol->image, version >> 16, MR_CARD_VERSION_VALUE >> 16);
    mr_hash_text((const unsigned char *)hash, found);
    mr_hash_text(shape_hash, wanted);
    if (strcmp(found, wanted) != 0)
        return mr_failure(
            protocol->error, MR_ERROR_DEVICE,
            "%s: its kernel is made from another network or from other kernels (%s) than "
            "what was asked for (%s); build the image again",
            protocol->image, found, wanted);
    protocol->probes = calloc((size_t)protocol->shape.probe_count + 1, sizeof *protocol->probes);
    return protocol->probes ? 0
                            : mr_failure(protocol->error, MR_ERROR_MEMORY,
                                         "%s: not enough memory to open it", protocol->image);
}

// ---- The network's memories ---------------------------------------------------------------------

static int place_memory(struct mr_protocol *protocol, uint32_t memory) {
    enum { PORTION = 4 << 20 }; // bytes that are sent at a time, each a sign of life
    const uint32_t group = memory * MR_CARD_MEMORY_ADDRESS_STRIDE;
    struct mr_buffer *buffer = &protocol->memories[memory];
    uint32_t bits, words;
    if (mr_protocol_read(protocol, MR_CARD_MEMORY_BITS + group, &bits) ||
        mr_protocol_read(protocol, MR_CARD_MEMORY_NEEDS + group, &words))
        return -1;
    if (bits > MR_BEAT_BITS)
        return mr_failure(protocol->error, MR_ERROR_DEVICE,
                          "%s: words of its kernel's memory %u have %u bits and this program knows "
                          "%d at most; install a newer one",
                          protocol->image, memory, bits, MR_BEAT_BITS);
    const uint64_t size = (uint64_t)words * MR_BEAT_BYTES;
    if (protocol->transport->allocate(protocol->link, buffer, size,
                                      (enum mr_argument)(MR_ARGUMENT_memory + memory)))
        return mr_failure(protocol->error, protocol->error->code,
                          "%s: its kernel needs %llu bytes of the card's memory for memory %u of "
                          "its network, and they cannot be had",
                          protocol->image, (unsigned long long)size, memory);
    memset(buffer->data, 0, (size_t)size);
    for (uint64_t at = 0; at < size; at += PORTION)
        if (mr_protocol_send(protocol, buffer, at, size - at < PORTION ? size - at : PORTION))
            return -1;
    return write64(protocol, MR_CARD_MEMORY_ADDRESS + group, buffer->address) ||
                   mr_protocol_write(protocol, MR_CARD_MEMORY_WORDS + group, words)
               ? -1
               : 0;
}

int mr_protocol_place_memories(struct mr_protocol *protocol) {
    uint32_t count;
    if (mr_protocol_read(protocol, MR_CARD_MEMORY_COUNT, &count))
        return -1;
    if (count > MR_PROTOCOL_MEMORIES)
        return mr_failure(protocol->error, MR_ERROR_DEVICE,
                          "%s: its kernel has %u memories and this program gives %d at most; "
                          "install a newer one",
                          protocol->image, count, MR_PROTOCOL_MEMORIES);
    for (uint32_t i = 0; i < count; i++)
        if (place_memory(protocol, i))
            return -1;
    return 0;
}

// ---- Runs of the kernel ------------------------------------------------------------------------

int mr_protocol_start(struct mr_protocol *protocol, const struct mr_protocol_command *command) {
    return mr_protocol_write(protocol, MR_CARD_ARG_COMMAND, command->command) ||
                   mr_protocol_write(protocol, MR_CARD_ARG_FLAGS, command->flags) ||
                   mr_protocol_write(protocol, MR_CARD_ARG_SEQUENCES, command->sequences) ||
                   mr_protocol_write(protocol, MR_CARD_ARG_STEPS, command->steps) ||
                   mr_protocol_write(protocol, MR_CARD_ARG_RING, command->ring) ||
                   mr_protocol_write(protocol, MR_CARD_ARG_STATE_BEATS, command->state_beats) ||
                   write64(protocol, MR_CARD_ARG_WEIGHTS_BEATS, command->weights_beats) ||
                   write64(protocol, MR_CARD_ARG_X_COUNT, command->x_count) ||
                   write64(protocol, MR_CARD_ARG_Y_COUNT, command->y_count) ||
                   write64(protocol, MR_CARD_ARG_WEIGHTS, command->weights) ||
                   write64(protocol, MR_CARD_ARG_X, command->x) ||
                   write64(protocol, MR_CARD_ARG_STATE_IN, command->state_in) ||
                   write64(protocol, MR_CARD_ARG_Y, command->y) ||
                   write64(protocol, MR_CARD_ARG_STATE_OUT, command->state_out) ||
                   mr_protocol_write(protocol, MR_CARD_CONTROL, MR_CARD_CONTROL_START)
               ? -1
               : 0;
}

const char mr_protocol_fell_off[] = "the card's registers read as ones; it fell off its bus";

int mr_protocol_look(struct mr_protocol *protocol, struct mr_protocol_watch *watch) {
    const unsigned look = watch->looks++;
    uint32_t progress;
    protocol->transport->rest(protocol->link, look);
    if (look % 64)
        return 0;
    if (mr_protocol_read(protocol, MR_CARD_PROGRESS, &progress))
        return -1;
    const bool moved = progress != watch->progress;
    watch->progress = progress;
    if (!mr_too_quiet(&watch->quiet, moved, protocol->limit_ms))
        return 0;
    char reason[100];
    snprintf(reason, sizeof reason, "its kernel made no progress for %.1f s",
             protocol->limit_ms / 1000.0);
    return protocol->transport->lose(protocol->link, reason);
}

int mr_protocol_wait(struct mr_protocol *protocol, const struct mr_job *job) {
    struct mr_protocol_watch watch = {0};
    uint32_t control;
    for (;;) {
        if (mr_protocol_read(protocol, MR_CARD_CONTROL, &control))
            return -1;
        if (control == UINT32_MAX)
            return protocol->transport->lose(protocol->link, mr_protocol_fell_off);
        if (control & MR_CARD_CONTROL_DONE)
            return 0;
        // Until the run has begun the counters are those of the last one.
        if (job && job->timeline && !(control & MR_CARD_CONTROL_START) &&
            mr_protocol_timeline_look(protocol, job))
            return -1;
        if (mr_protocol_look(protocol, &watch))
            return -1;
    }
}

static int explain_status(struct mr_protocol *protocol, uint32_t status) {
    static const struct {
        unsigned bit;
        const char *text;
    } meanings[] = {
#define MEANING(name, bit, text) {bit, text},
        MR_CARD_STATUSES(MEANING)
#undef MEANING
    };
    char text[600] = "";
    for (size_t i = 0, used = 0; i < sizeof meanings / sizeof *meanings && used < sizeof text; i++)
        if (status >> meanings[i].bit & 1)
            used += (size_t)snprintf(text + used, sizeof text - used, " %s", meanings[i].text);
    return mr_failure(protocol->error, MR_ERROR_DEVICE,
                      "the card's kernel ended with status 0x%x:%s", status, text);
}

int mr_protocol_results(struct mr_protocol *protocol, uint64_t *cycles, uint64_t *last_output,
                        struct mr_activity *activity) {
    uint64_t value;
    uint32_t status;
    if (mr_protocol_read(protocol, MR_CARD_STATUS, &status) ||
        mr_protocol_read64(protocol, MR_CARD_CYCLES, cycles) ||
        mr_protocol_read64(protocol, MR_CARD_LAST_OUTPUT, last_output))
        return -1;
    for (uint32_t i = 0; activity && i < protocol->shape.process_count; i++) {
        if (mr_protocol_read64(protocol, MR_CARD_BUSY + i * MR_CARD_BUSY_STRIDE, &value))
            return -1;
        activity[i].busy += value;
        if (mr_protocol_read64(protocol, MR_CARD_STARVED + i * MR_CARD_STARVED_STRIDE, &value))
            return -1;
        activity[i].starved += value;
        if (mr_protocol_read64(protocol, MR_CARD_BLOCKED + i * MR_CARD_BLOCKED_STRIDE, &value))
            return -1;
        activity[i].blocked += value;
    }
    if (mr_protocol_write(protocol, MR_CARD_CONTROL, MR_CARD_CONTROL_CONTINUE))
        return -1;
    protocol->stale = protocol->stale || status;
    return status ? explain_status(protocol, status) : 0;
}

int mr_protocol_read_probes(struct mr_protocol *protocol) {
    uint64_t *probes = protocol->probes;
    uint32_t any = 0;
    memset(probes, 0, protocol->shape.probe_count * sizeof *probes);
    if (protocol->shape.probe_count && mr_protocol_read(protocol, MR_CARD_PROBES_ANY, &any))
        return -1;
    for (uint32_t i = 0; any && i < protocol->shape.probe_count; i++)
        if (mr_protocol_read64(protocol, MR_CARD_PROBE + i * MR_CARD_PROBE_STRIDE, &probes[i]))
            return -1;
    return 0;
}

int mr_protocol_perform(struct mr_protocol *protocol, const struct mr_protocol_command *command) {
    uint64_t cycles, last_output;
    return mr_protocol_start(protocol, command) || mr_protocol_wait(protocol, NULL) ||
                   mr_protocol_results(protocol, &cycles, &last_output, NULL)
               ? -1
               : 0;
}
