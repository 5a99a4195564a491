// SPDX-License-Identifier: Apache-2.0
// A card's buffers, and single starts of its kernel (xrt_device.h). The kernel is started and
// watched through its registers, so its counters and errors come along.
#define _GNU_SOURCE
#include "failure.h"
#include "mr_registers.h"
#include "xrt_opened.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAGE = 4096 };

// ---- Buffers -----------------------------------------------------------------------------------

void mr_xrt_release(struct mr_xrt *xrt, struct mr_xrt_buffer *buffer) {
    if (buffer->handle)
        xrt->card.api->xrtBOFree(buffer->handle);
    *buffer = (struct mr_xrt_buffer){0};
}

void mr_xrt_release_buffers(struct mr_xrt *xrt) {
    struct mr_xrt_buffer *const buffers[] = {&xrt->weights,   &xrt->x,         &xrt->y,
                                             &xrt->state_in,  &xrt->state_out, &xrt->stream.in,
                                             &xrt->stream.out};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        mr_xrt_release(xrt, buffers[i]);
}

static size_t pages(uint64_t size) {
    return (size_t)((size + PAGE - 1) / PAGE * PAGE);
}

int mr_xrt_reserve(struct mr_xrt *xrt, struct mr_xrt_buffer *buffer, uint64_t size,
                   enum mr_xrt_argument argument) {
    const struct mr_xrt_api *api = xrt->card.api;
    if (buffer->handle && buffer->size >= size)
        return 0;
    mr_xrt_release(xrt, buffer);
    const int group = api->xrtKernelArgGroupId(xrt->card.kernel, (int)argument);
    buffer->handle =
        group < 0 ? NULL
                  : api->xrtBOAlloc(xrt->card.device, pages(size + 1), 0, (xrtMemoryGroup)group);
    buffer->data = buffer->handle ? api->xrtBOMap(buffer->handle) : NULL;
    if (!buffer->data) {
        mr_xrt_release(xrt, buffer);
        return mr_failure(
            &xrt->card.error, MR_ERROR_MEMORY,
            "the card has no %llu bytes of memory left; run fewer sequences at a time",
            (unsigned long long)size);
    }
    buffer->size = pages(size + 1);
    return mr_xrt_card_touch(&xrt->card);
}

bool mr_xrt_borrow(struct mr_xrt *xrt, struct mr_xrt_buffer *buffer, const void *data,
                   uint64_t size, enum mr_xrt_argument argument) {
    const struct mr_xrt_api *api = xrt->card.api;
    if ((uintptr_t)data % PAGE || size < PAGE)
        return false;
    const int group = api->xrtKernelArgGroupId(xrt->card.kernel, (int)argument);
    buffer->handle = group < 0 ? NULL
                               : api->xrtBOAllocUserPtr(xrt->card.device, (void *)(uintptr_t)data,
                                                        (size_t)size, 0, (xrtMemoryGroup)group);
    buffer->data = (void *)(uintptr_t)data;
    buffer->size = (size_t)size;
    return buffer->handle != NULL;
}

int mr_xrt_move(struct mr_xrt *xrt, const struct mr_xrt_buffer *buffer,
                enum xclBOSyncDirection direction, uint64_t offset, uint64_t size) {
    if (size && xrt->card.api->xrtBOSync(buffer->handle, direction, (size_t)size, (size_t)offset))
        return mr_failure(&xrt->card.error, MR_ERROR_DEVICE,
                          "XRT cannot move %llu bytes %s the card", (unsigned long long)size,
                          direction == XCL_BO_SYNC_BO_TO_DEVICE ? "to" : "from");
    return mr_xrt_card_touch(&xrt->card);
}

// ---- Runs of the kernel ------------------------------------------------------------------------

int mr_xrt_start(struct mr_xrt *xrt, const struct mr_xrt_command *command) {
    struct mr_xrt_card *card = &xrt->card;
    return mr_xrt_card_write(card, MR_CARD_ARG_COMMAND, command->command) ||
                   mr_xrt_card_write(card, MR_CARD_ARG_FLAGS, command->flags) ||
                   mr_xrt_card_write(card, MR_CARD_ARG_SEQUENCES, command->sequences) ||
                   mr_xrt_card_write(card, MR_CARD_ARG_STEPS, command->steps) ||
                   mr_xrt_card_write(card, MR_CARD_ARG_RING, command->ring) ||
                   mr_xrt_card_write(card, MR_CARD_ARG_STATE_BEATS, command->state_beats) ||
                   mr_xrt_card_write64(card, MR_CARD_ARG_WEIGHTS_BEATS, command->weights_beats) ||
                   mr_xrt_card_write64(card, MR_CARD_ARG_X_COUNT, command->x_count) ||
                   mr_xrt_card_write64(card, MR_CARD_ARG_Y_COUNT, command->y_count) ||
                   mr_xrt_card_write64(card, MR_CARD_ARG_WEIGHTS, command->weights) ||
                   mr_xrt_card_write64(card, MR_CARD_ARG_X, command->x) ||
                   mr_xrt_card_write64(card, MR_CARD_ARG_STATE_IN, command->state_in) ||
                   mr_xrt_card_write64(card, MR_CARD_ARG_Y, command->y) ||
                   mr_xrt_card_write64(card, MR_CARD_ARG_STATE_OUT, command->state_out) ||
                   mr_xrt_card_write(card, MR_CARD_CONTROL, MR_CARD_CONTROL_START)
               ? -1
               : 0;
}

// Short runs end at once; a long one shall not keep this processor busy.
static void rest(unsigned looks) {
    if (looks > 200)
        nanosleep(&(struct timespec){.tv_nsec = looks > 1000 ? 1000000 : 50000}, NULL);
}

const char mr_xrt_fell_off[] = "the card's registers read as ones; it fell off its bus";

int mr_xrt_watch(struct mr_xrt *xrt, struct mr_xrt_watch *watch) {
    const unsigned look = watch->looks++;
    uint32_t progress;
    rest(look);
    if (look % 64)
        return 0;
    if (mr_xrt_card_read(&xrt->card, MR_CARD_PROGRESS, &progress))
        return -1;
    const bool moved = progress != watch->progress;
    watch->progress = progress;
    if (!mr_xrt_too_quiet(&watch->quiet, moved, xrt->place.limit_ms))
        return 0;
    char reason[100];
    snprintf(reason, sizeof reason, "its kernel made no progress for %.1f s",
             xrt->place.limit_ms / 1000.0);
    return mr_xrt_card_lose(&xrt->card, reason);
}

int mr_xrt_wait(struct mr_xrt *xrt, const struct mr_job *job) {
    struct mr_xrt_card *card = &xrt->card;
    struct mr_xrt_watch watch = {0};
    uint32_t control;
    for (;;) {
        if (mr_xrt_card_read(card, MR_CARD_CONTROL, &control))
            return -1;
        if (control == UINT32_MAX)
            return mr_xrt_card_lose(card, mr_xrt_fell_off);
        if (control & MR_CARD_CONTROL_DONE)
            return 0;
        // Until the run has begun the counters are those of the last one.
        if (job && job->timeline && !(control & MR_CARD_CONTROL_START) && mr_xrt_look(xrt, job))
            return -1;
        if (mr_xrt_watch(xrt, &watch))
            return -1;
    }
}

static int explain_status(struct mr_xrt *xrt, uint32_t status) {
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
    return mr_failure(&xrt->card.error, MR_ERROR_DEVICE,
                      "the card's kernel ended with status 0x%x:%s", status, text);
}

int mr_xrt_results(struct mr_xrt *xrt, uint64_t *cycles, uint64_t *last_output,
                   struct mr_activity *activity) {
    struct mr_xrt_card *card = &xrt->card;
    uint64_t value;
    uint32_t status;
    if (mr_xrt_card_read(card, MR_CARD_STATUS, &status) ||
        mr_xrt_card_read64(card, MR_CARD_CYCLES, cycles) ||
        mr_xrt_card_read64(card, MR_CARD_LAST_OUTPUT, last_output))
        return -1;
    for (uint32_t i = 0; activity && i < xrt->shape.process_count; i++) {
        if (mr_xrt_card_read64(card, MR_CARD_BUSY + i * MR_CARD_BUSY_STRIDE, &value))
            return -1;
        activity[i].busy += value;
        if (mr_xrt_card_read64(card, MR_CARD_STARVED + i * MR_CARD_STARVED_STRIDE, &value))
            return -1;
        activity[i].starved += value;
        if (mr_xrt_card_read64(card, MR_CARD_BLOCKED + i * MR_CARD_BLOCKED_STRIDE, &value))
            return -1;
        activity[i].blocked += value;
    }
    if (mr_xrt_card_write(card, MR_CARD_CONTROL, MR_CARD_CONTROL_CONTINUE))
        return -1;
    xrt->stale = xrt->stale || status;
    return status ? explain_status(xrt, status) : 0;
}

int mr_xrt_read_probes(struct mr_xrt *xrt, uint64_t *probes) {
    struct mr_xrt_card *card = &xrt->card;
    uint32_t any = 0;
    memset(probes, 0, xrt->shape.probe_count * sizeof *probes);
    if (xrt->shape.probe_count && mr_xrt_card_read(card, MR_CARD_PROBES_ANY, &any))
        return -1;
    for (uint32_t i = 0; any && i < xrt->shape.probe_count; i++)
        if (mr_xrt_card_read64(card, MR_CARD_PROBE + i * MR_CARD_PROBE_STRIDE, &probes[i]))
            return -1;
    return 0;
}

int mr_xrt_perform(struct mr_xrt *xrt, const struct mr_xrt_command *command) {
    uint64_t cycles, last_output;
    return mr_xrt_start(xrt, command) || mr_xrt_wait(xrt, NULL) ||
                   mr_xrt_results(xrt, &cycles, &last_output, NULL)
               ? -1
               : 0;
}
