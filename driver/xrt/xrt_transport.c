// SPDX-License-Identifier: Apache-2.0
// The protocol's transport (transport.h) by XRT: registers and buffers of an open card. On the
// card's thread.
#define _GNU_SOURCE
#include "failure.h"
#include "xrt_card.h"

#include <time.h>

enum { PAGE = 4096 };

static int read_register(void *link, uint32_t offset, uint32_t *value) {
    struct mr_xrt_card *card = link;
    *value = UINT32_MAX;
    if (card->api->xrtKernelReadRegister(card->kernel, offset, value))
        return mr_failure(&card->error, MR_ERROR_DEVICE, "XRT cannot read register 0x%x", offset);
    return mr_xrt_card_touch(card);
}

static int write_register(void *link, uint32_t offset, uint32_t value) {
    struct mr_xrt_card *card = link;
    if (card->api->xrtKernelWriteRegister(card->kernel, offset, value))
        return mr_failure(&card->error, MR_ERROR_DEVICE, "XRT cannot write register 0x%x", offset);
    return mr_xrt_card_touch(card);
}

static size_t pages(uint64_t size) {
    return (size_t)((size + PAGE - 1) / PAGE * PAGE);
}

static void release(void *link, struct mr_buffer *buffer) {
    struct mr_xrt_card *card = link;
    if (buffer->handle)
        card->api->xrtBOFree(buffer->handle);
    *buffer = (struct mr_buffer){0};
}

static int allocate(void *link, struct mr_buffer *buffer, uint64_t size,
                    enum mr_argument argument) {
    struct mr_xrt_card *card = link;
    const struct mr_xrt_api *api = card->api;
    const int group = api->xrtKernelArgGroupId(card->kernel, (int)argument);
    buffer->handle =
        group < 0 ? NULL : api->xrtBOAlloc(card->device, pages(size + 1), 0, (xrtMemoryGroup)group);
    buffer->data = buffer->handle ? api->xrtBOMap(buffer->handle) : NULL;
    if (!buffer->data) {
        release(card, buffer);
        return mr_failure(
            &card->error, MR_ERROR_MEMORY,
            "the card has no %llu bytes of memory left; run fewer sequences at a time",
            (unsigned long long)size);
    }
    buffer->size = pages(size + 1);
    buffer->address = api->xrtBOAddress(buffer->handle);
    return mr_xrt_card_touch(card);
}

// The card's DMA takes whole pages from where they are.
static bool borrow(void *link, struct mr_buffer *buffer, const void *data, uint64_t size,
                   enum mr_argument argument) {
    struct mr_xrt_card *card = link;
    const struct mr_xrt_api *api = card->api;
    if ((uintptr_t)data % PAGE || size < PAGE)
        return false;
    const int group = api->xrtKernelArgGroupId(card->kernel, (int)argument);
    buffer->handle = group < 0 ? NULL
                               : api->xrtBOAllocUserPtr(card->device, (void *)(uintptr_t)data,
                                                        (size_t)size, 0, (xrtMemoryGroup)group);
    if (!buffer->handle)
        return false;
    buffer->data = (void *)(uintptr_t)data;
    buffer->size = (size_t)size;
    buffer->address = api->xrtBOAddress(buffer->handle);
    return true;
}

static int move(struct mr_xrt_card *card, const struct mr_buffer *buffer,
                enum xclBOSyncDirection direction, uint64_t offset, uint64_t size) {
    if (size && card->api->xrtBOSync(buffer->handle, direction, (size_t)size, (size_t)offset))
        return mr_failure(&card->error, MR_ERROR_DEVICE, "XRT cannot move %llu bytes %s the card",
                          (unsigned long long)size,
                          direction == XCL_BO_SYNC_BO_TO_DEVICE ? "to" : "from");
    return mr_xrt_card_touch(card);
}

static int send(void *link, const struct mr_buffer *buffer, uint64_t offset, uint64_t size) {
    return move(link, buffer, XCL_BO_SYNC_BO_TO_DEVICE, offset, size);
}

static int fetch(void *link, const struct mr_buffer *buffer, uint64_t offset, uint64_t size) {
    return move(link, buffer, XCL_BO_SYNC_BO_FROM_DEVICE, offset, size);
}

// Short runs end at once; a long one shall not keep this processor busy.
static void rest(void *link, unsigned looks) {
    (void)link;
    if (looks > 200)
        nanosleep(&(struct timespec){.tv_nsec = looks > 1000 ? 1000000 : 50000}, NULL);
}

static int check(void *link) {
    return mr_xrt_card_touch(link);
}

static int lose(void *link, const char *reason) {
    return mr_xrt_card_lose(link, reason);
}

const struct mr_transport mr_xrt_transport = {.read = read_register,
                                              .write = write_register,
                                              .allocate = allocate,
                                              .borrow = borrow,
                                              .release = release,
                                              .send = send,
                                              .fetch = fetch,
                                              .rest = rest,
                                              .check = check,
                                              .lose = lose};
