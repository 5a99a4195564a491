// SPDX-License-Identifier: Apache-2.0
// Runs on a card (xrt_device.h). The kernel is started and watched through its registers, so its
// counters and errors come along. Registers, commands and memory layout are those of docs/card.md.
#define _GNU_SOURCE
#include "file.h"
#include "mr_registers.h"
#include "xrt_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAGE = 4096 };

// ---- Buffers -----------------------------------------------------------------------------------

static void release(struct mr_xrt *xrt, struct mr_xrt_buffer *buffer) {
    if (buffer->handle)
        xrt->card.api->xrtBOFree(buffer->handle);
    *buffer = (struct mr_xrt_buffer){0};
}

void mr_xrt_release_buffers(struct mr_xrt *xrt) {
    struct mr_xrt_buffer *const buffers[] = {&xrt->weights, &xrt->x, &xrt->y};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        release(xrt, buffers[i]);
}

static size_t pages(uint64_t size) {
    return (size_t)((size + PAGE - 1) / PAGE * PAGE);
}

static int reserve(struct mr_xrt *xrt, struct mr_xrt_buffer *buffer, uint64_t size, int argument) {
    const struct mr_xrt_api *api = xrt->card.api;
    if (buffer->handle && buffer->size >= size)
        return 0;
    release(xrt, buffer);
    const int group = api->xrtKernelArgGroupId(xrt->card.kernel, argument);
    buffer->handle =
        group < 0 ? NULL
                  : api->xrtBOAlloc(xrt->card.device, pages(size + 1), 0, (xrtMemoryGroup)group);
    buffer->data = buffer->handle ? api->xrtBOMap(buffer->handle) : NULL;
    if (!buffer->data) {
        release(xrt, buffer);
        return mr_fail(xrt->card.error, sizeof xrt->card.error,
                       "the card has no %llu bytes of memory left; run fewer sequences at a time",
                       (unsigned long long)size);
    }
    buffer->size = pages(size + 1);
    return mr_xrt_card_touch(&xrt->card);
}

// The caller's memory as the card's buffer, when its pages allow it: the card's DMA takes it from
// there. False: copy.
static bool borrow(struct mr_xrt *xrt, struct mr_xrt_buffer *buffer, const void *data,
                   uint64_t size, int argument) {
    const struct mr_xrt_api *api = xrt->card.api;
    if ((uintptr_t)data % PAGE || size < PAGE)
        return false;
    const int group = api->xrtKernelArgGroupId(xrt->card.kernel, argument);
    buffer->handle = group < 0 ? NULL
                               : api->xrtBOAllocUserPtr(xrt->card.device, (void *)(uintptr_t)data,
                                                        (size_t)size, 0, (xrtMemoryGroup)group);
    buffer->data = (void *)(uintptr_t)data;
    buffer->size = (size_t)size;
    return buffer->handle != NULL;
}

static int move(struct mr_xrt *xrt, const struct mr_xrt_buffer *buffer,
                enum xclBOSyncDirection direction, uint64_t offset, uint64_t size) {
    if (size && xrt->card.api->xrtBOSync(buffer->handle, direction, (size_t)size, (size_t)offset))
        return mr_fail(xrt->card.error, sizeof xrt->card.error,
                       "XRT cannot move %llu bytes %s the card", (unsigned long long)size,
                       direction == XCL_BO_SYNC_BO_TO_DEVICE ? "to" : "from");
    return mr_xrt_card_touch(&xrt->card);
}

// Indices of the kernel's arguments.
enum argument {
#define INDEX(name, offset, size, memory) ARGUMENT_##name,
    MR_CARD_ARGUMENTS(INDEX)
#undef INDEX
};

// ---- Runs of the kernel ------------------------------------------------------------------------

struct command {
    uint32_t command, flags, sequences, steps;
    uint64_t weights_beats, x_count, y_count;
    uint64_t weights, x, y; // addresses
};

static int start(struct mr_xrt *xrt, const struct command *command) {
    struct mr_xrt_card *card = &xrt->card;
    return mr_xrt_card_write(card, MR_CARD_ARG_COMMAND, command->command) ||
                   mr_xrt_card_write(card, MR_CARD_ARG_FLAGS, command->flags) ||
                   mr_xrt_card_write(card, MR_CARD_ARG_SEQUENCES, command->sequences) ||
                   mr_xrt_card_write(card, MR_CARD_ARG_STEPS, command->steps) ||
                   mr_xrt_card_write64(card, MR_CARD_ARG_WEIGHTS_BEATS, command->weights_beats) ||
                   mr_xrt_card_write64(card, MR_CARD_ARG_X_COUNT, command->x_count) ||
                   mr_xrt_card_write64(card, MR_CARD_ARG_Y_COUNT, command->y_count) ||
                   mr_xrt_card_write64(card, MR_CARD_ARG_WEIGHTS, command->weights) ||
                   mr_xrt_card_write64(card, MR_CARD_ARG_X, command->x) ||
                   mr_xrt_card_write64(card, MR_CARD_ARG_Y, command->y) ||
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

// job: whose timeline gets samples meanwhile, or NULL.
static int wait_for_end(struct mr_xrt *xrt, const struct mr_job *job) {
    struct mr_xrt_card *card = &xrt->card;
    uint32_t control, progress, before = 0;
    uint64_t moved = mr_xrt_now();
    for (unsigned looks = 0;; looks++) {
        if (mr_xrt_card_read(card, MR_CARD_CONTROL, &control))
            return -1;
        if (control == UINT32_MAX)
            return mr_xrt_card_lose(card, mr_xrt_fell_off);
        if (control & MR_CARD_CONTROL_DONE)
            return 0;
        // Until the run has begun the counters are those of the last one.
        if (job && job->timeline && !(control & MR_CARD_CONTROL_START) && mr_xrt_look(xrt, job))
            return -1;
        rest(looks);
        if (looks % 64)
            continue;
        if (mr_xrt_card_read(card, MR_CARD_PROGRESS, &progress))
            return -1;
        if (progress != before || !looks)
            moved = mr_xrt_now();
        before = progress;
        if (mr_xrt_now() - moved > xrt->limit_ms) {
            char reason[100];
            snprintf(reason, sizeof reason, "its kernel made no progress for %.1f s",
                     xrt->limit_ms / 1000.0);
            return mr_xrt_card_lose(card, reason);
        }
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
    char *error = xrt->card.error;
    const size_t size = sizeof xrt->card.error;
    size_t used =
        (size_t)snprintf(error, size, "the card's kernel ended with status 0x%x:", status);
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings && used < size; i++)
        if (status >> meanings[i].bit & 1)
            used += (size_t)snprintf(error + used, size - used, " %s", meanings[i].text);
    return -1;
}

// What a run left in the kernel's registers, until its end is acknowledged.
static int take_results(struct mr_xrt *xrt, uint64_t *cycles, uint64_t *last_output,
                        struct mr_activity *activity) {
    struct mr_xrt_card *card = &xrt->card;
    uint64_t value;
    uint32_t status;
    if (mr_xrt_card_read(card, MR_CARD_STATUS, &status) ||
        mr_xrt_card_read64(card, MR_CARD_CYCLES, cycles) ||
        mr_xrt_card_read64(card, MR_CARD_LAST_OUTPUT, last_output))
        return -1;
    for (uint32_t i = 0; activity && i < xrt->process_count; i++) {
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

static int command_weights(struct mr_xrt *xrt) {
    uint64_t cycles, last_output;
    const struct command command = {
        .command = MR_COMMAND_LOAD,
        .weights_beats = xrt->weights_beats,
        .weights = xrt->card.api->xrtBOAddress(xrt->weights.handle),
    };
    xrt->stale = false;
    return start(xrt, &command) || wait_for_end(xrt, NULL) ||
                   take_results(xrt, &cycles, &last_output, NULL)
               ? -1
               : 0;
}

struct load {
    struct mr_xrt *xrt;
    const void *beats;
    uint64_t count;
};

static int work_load(struct mr_xrt_card *card, void *context) {
    const struct load *load = context;
    struct mr_xrt *xrt = load->xrt;
    if (mr_xrt_card_touch(card) ||
        reserve(xrt, &xrt->weights, load->count * MR_XRT_BEAT, ARGUMENT_weights))
        return -1;
    memcpy(xrt->weights.data, load->beats, (size_t)load->count * MR_XRT_BEAT);
    xrt->weights_beats = load->count;
    if (move(xrt, &xrt->weights, XCL_BO_SYNC_BO_TO_DEVICE, 0, load->count * MR_XRT_BEAT))
        return -1;
    return command_weights(xrt);
}

// ---- A job: portions of sequences, the next on its way to the card while one is computed -------

struct job {
    struct mr_xrt *xrt;
    struct mr_job *job;
    struct mr_xrt_buffer x, y; // what the card sees: the caller's memory or the device's buffers
    bool x_borrowed, y_borrowed;
    uint64_t x_bytes, y_bytes;       // of one sequence
    uint64_t x_elements, y_elements; // of one sequence
    uint32_t portion;                // sequences
};

// Portions must begin at whole beats.
static uint32_t portion_of(const struct job *run) {
    const uint64_t sequences = run->job->sequences,
                   fit = run->xrt->portion / run->x_bytes / MR_XRT_BEAT * MR_XRT_BEAT;
    const uint64_t portion = fit ? fit : MR_XRT_BEAT;
    return (uint32_t)(portion < sequences ? portion : sequences);
}

static uint32_t length_at(const struct job *run, uint32_t first) {
    const uint32_t left = run->job->sequences - first;
    return left < run->portion ? left : run->portion;
}

static int send_portion(struct job *run, uint32_t first) {
    const uint64_t offset = first * run->x_bytes, size = length_at(run, first) * run->x_bytes;
    if (!run->x_borrowed)
        memcpy(run->x.data + offset, (const char *)run->job->x + offset, (size_t)size);
    return move(run->xrt, &run->x, XCL_BO_SYNC_BO_TO_DEVICE, offset, size);
}

static int fetch_portion(struct job *run, uint32_t first) {
    const uint64_t offset = first * run->y_bytes, size = length_at(run, first) * run->y_bytes;
    if (move(run->xrt, &run->y, XCL_BO_SYNC_BO_FROM_DEVICE, offset, size))
        return -1;
    if (!run->y_borrowed)
        memcpy((char *)run->job->y + offset, run->y.data + offset, (size_t)size);
    return 0;
}

static int start_portion(struct job *run, uint32_t first) {
    const struct mr_xrt_api *api = run->xrt->card.api;
    const uint32_t length = length_at(run, first);
    const struct command command = {
        .command = MR_COMMAND_RUN,
        .flags = run->job->flags,
        .sequences = length,
        .steps = run->job->steps,
        .x_count = length * run->x_elements,
        .y_count = length * run->y_elements,
        .x = api->xrtBOAddress(run->x.handle) + first * run->x_bytes,
        .y = api->xrtBOAddress(run->y.handle) + first * run->y_bytes,
    };
    if (run->job->timeline && mr_xrt_looks_begin(run->xrt))
        return -1;
    return start(run->xrt, &command);
}

static int end_portion(struct job *run) {
    uint64_t cycles = 0, last_output = 0;
    if (wait_for_end(run->xrt, run->job) ||
        take_results(run->xrt, &cycles, &last_output, run->job->activity))
        return -1;
    run->job->last_output_cycle = run->job->cycles + last_output;
    run->job->cycles += cycles;
    return 0;
}

static int run_portions(struct job *run) {
    if (send_portion(run, 0) || start_portion(run, 0))
        return -1;
    for (uint32_t first = 0; first < run->job->sequences;) {
        const uint32_t next = first + length_at(run, first);
        const bool more = next < run->job->sequences;
        if ((more && send_portion(run, next)) || end_portion(run) ||
            (more && start_portion(run, next)) || fetch_portion(run, first))
            return -1;
        first = next;
    }
    return 0;
}

static int prepare_buffers(struct job *run) {
    struct mr_xrt *xrt = run->xrt;
    const uint64_t x_size = run->job->sequences * run->x_bytes,
                   y_size = run->job->sequences * run->y_bytes;
    run->x_borrowed = borrow(xrt, &run->x, run->job->x, x_size, ARGUMENT_x);
    run->y_borrowed = borrow(xrt, &run->y, run->job->y, y_size, ARGUMENT_y);
    if ((!run->x_borrowed && reserve(xrt, &xrt->x, x_size, ARGUMENT_x)) ||
        (!run->y_borrowed && reserve(xrt, &xrt->y, y_size, ARGUMENT_y)))
        return -1;
    if (!run->x_borrowed)
        run->x = xrt->x;
    if (!run->y_borrowed)
        run->y = xrt->y;
    return 0;
}

static int work_run(struct mr_xrt_card *card, void *context) {
    struct job *run = context;
    struct mr_xrt *xrt = run->xrt;
    if (mr_xrt_card_touch(card) || (xrt->stale && xrt->weights_beats && command_weights(xrt)))
        return -1;
    int result = prepare_buffers(run);
    if (!result)
        result = run_portions(run);
    if (run->x_borrowed)
        release(xrt, &run->x);
    if (run->y_borrowed)
        release(xrt, &run->y);
    return result;
}

static uint32_t bytes_of(uint32_t bits) {
    return (bits + 7) / 8;
}

int mr_xrt_run(void *device, struct mr_job *job, char *error, size_t error_size) {
    struct mr_xrt *xrt = device;
    if (job->x_count % job->sequences || job->y_count % job->sequences || !job->x_count)
        return mr_fail(error, error_size,
                       "%llu elements of x and %llu of y are not the same for each of %u sequences",
                       (unsigned long long)job->x_count, (unsigned long long)job->y_count,
                       job->sequences);
    struct job *run = calloc(1, sizeof *run);
    if (!run)
        return mr_fail(error, error_size, "not enough memory to run on the card");
    *run = (struct job){.xrt = xrt,
                        .job = job,
                        .x_elements = job->x_count / job->sequences,
                        .y_elements = job->y_count / job->sequences};
    run->x_bytes = run->x_elements * bytes_of(xrt->x_bits);
    run->y_bytes = run->y_elements * bytes_of(xrt->y_bits);
    run->portion = portion_of(run);
    job->cycles = job->last_output_cycle = 0;
    const int result =
        mr_xrt_card_perform(&xrt->card, work_run, run, xrt->limit_ms, error, error_size);
    if (!xrt->card.abandoned)
        free(run);
    return result;
}

int mr_xrt_load_weights(void *device, const void *beats, uint64_t count, char *error,
                        size_t error_size) {
    struct mr_xrt *xrt = device;
    struct load *load = calloc(1, sizeof *load);
    if (!load)
        return mr_fail(error, error_size, "not enough memory to load the card");
    *load = (struct load){.xrt = xrt, .beats = beats, .count = count};
    const int result =
        mr_xrt_card_perform(&xrt->card, work_load, load, xrt->limit_ms, error, error_size);
    if (!xrt->card.abandoned)
        free(load);
    return result;
}
