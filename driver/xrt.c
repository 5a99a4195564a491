// SPDX-License-Identifier: Apache-2.0
// `xrt:N` runs the network on an Alveo card, by XRT: the same calls drive a real card and an
// emulated one. Registers, commands and memory layout are those of docs/card.md. The kernel is
// started and watched through its registers, so its counters and errors come along.
#define _GNU_SOURCE
#include "driver.h"
#include "file.h"
#include "mr_registers.h"
#include "xclbin.h"
#include "xrt_card.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LIMIT_MS = 10000,      // without a sign of life
    LOAD_EXTRA_MS = 50000, // for loading an image, which programs the card
    PAGE = 4096,
    BEAT = 64,
    PORTION = 4 << 20 // bytes of input that move to the card while the portion before is computed
};

// A buffer in the card's memory, kept for the next run.
struct buffer {
    xrtBufferHandle handle;
    size_t size;
    unsigned char *data; // its memory on the host
};

struct xrt {
    struct mr_xrt_card card;
    struct xrt *next; // of `open_cards`
    unsigned index;
    unsigned limit_ms;
    uint32_t portion; // bytes
    char path[PATH_MAX];
    struct mr_xclbin_info image;
    uint32_t x_bits, y_bits, process_count;
    const char **names; // [process_count]
    char *name_text;
    char text[160];
    struct buffer weights, x, y;
    uint64_t weights_beats; // on the card
    bool stale;             // an error reset the network: it has no weights
};

// XRT is loaded once, for real cards or for emulation. A program that ends with a card open crashes
// or hangs in it, so cards that are still open are closed then.
static struct {
    pthread_mutex_t lock;
    bool loaded, emulated, watched;
    struct mr_xrt_api api;
    struct xrt *open_cards;
} runtime = {.lock = PTHREAD_MUTEX_INITIALIZER};

// One image is loaded at a time: emulation hands over its socket's name in the environment.
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static int load_runtime(bool emulated, char *error, size_t error_size) {
    if ((emulated && mr_emulation_prepare(false, error, error_size)) ||
        mr_xrt_load(&runtime.api, error, error_size) ||
        (emulated && mr_emulation_set_libraries(runtime.api.folder, error, error_size)))
        return -1;
    runtime.emulated = emulated;
    runtime.loaded = true;
    return 0;
}

static int use_runtime(bool emulated, char *error, size_t error_size) {
    pthread_mutex_lock(&runtime.lock);
    int result = runtime.loaded ? 0 : load_runtime(emulated, error, error_size);
    if (!result && runtime.emulated != emulated)
        result = mr_fail(error, error_size,
                         "XRT drives %s cards in this process and cannot change over; open the "
                         "other kind in another process",
                         emulated ? "real" : "emulated");
    pthread_mutex_unlock(&runtime.lock);
    return result;
}

// ---- Buffers -----------------------------------------------------------------------------------

static void release(struct xrt *xrt, struct buffer *buffer) {
    if (buffer->handle)
        xrt->card.api->xrtBOFree(buffer->handle);
    *buffer = (struct buffer){0};
}

static size_t pages(uint64_t size) {
    return (size_t)((size + PAGE - 1) / PAGE * PAGE);
}

static int reserve(struct xrt *xrt, struct buffer *buffer, uint64_t size, int argument) {
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
static bool borrow(struct xrt *xrt, struct buffer *buffer, const void *data, uint64_t size,
                   int argument) {
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

static int move(struct xrt *xrt, const struct buffer *buffer, enum xclBOSyncDirection direction,
                uint64_t offset, uint64_t size) {
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

static int start(struct xrt *xrt, const struct command *command) {
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

static const char fell_off[] = "the card's registers read as ones; it fell off its bus";

static int wait_for_end(struct xrt *xrt) {
    struct mr_xrt_card *card = &xrt->card;
    uint32_t control, progress, before = 0;
    uint64_t moved = mr_xrt_now();
    for (unsigned looks = 0;; looks++) {
        if (mr_xrt_card_read(card, MR_CARD_CONTROL, &control))
            return -1;
        if (control == UINT32_MAX)
            return mr_xrt_card_lose(card, fell_off);
        if (control & MR_CARD_CONTROL_DONE)
            return 0;
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

static int explain_status(struct xrt *xrt, uint32_t status) {
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
static int take_results(struct xrt *xrt, uint64_t *cycles, uint64_t *last_output,
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

static int command_weights(struct xrt *xrt) {
    uint64_t cycles, last_output;
    const struct command command = {
        .command = MR_COMMAND_LOAD,
        .weights_beats = xrt->weights_beats,
        .weights = xrt->card.api->xrtBOAddress(xrt->weights.handle),
    };
    xrt->stale = false;
    return start(xrt, &command) || wait_for_end(xrt) ||
                   take_results(xrt, &cycles, &last_output, NULL)
               ? -1
               : 0;
}

struct load {
    struct xrt *xrt;
    const void *beats;
    uint64_t count;
};

static int work_load(struct mr_xrt_card *card, void *context) {
    const struct load *load = context;
    struct xrt *xrt = load->xrt;
    if (mr_xrt_card_touch(card) ||
        reserve(xrt, &xrt->weights, load->count * BEAT, ARGUMENT_weights))
        return -1;
    memcpy(xrt->weights.data, load->beats, (size_t)load->count * BEAT);
    xrt->weights_beats = load->count;
    if (move(xrt, &xrt->weights, XCL_BO_SYNC_BO_TO_DEVICE, 0, load->count * BEAT))
        return -1;
    return command_weights(xrt);
}

// ---- A job: portions of sequences, the next on its way to the card while one is computed -------

struct job {
    struct xrt *xrt;
    struct mr_job *job;
    struct buffer x, y; // what the card sees: the caller's memory or the device's buffers
    bool x_borrowed, y_borrowed;
    uint64_t x_bytes, y_bytes;       // of one sequence
    uint64_t x_elements, y_elements; // of one sequence
    uint32_t portion;                // sequences
};

// Portions must begin at whole beats.
static uint32_t portion_of(const struct job *run) {
    const uint64_t sequences = run->job->sequences,
                   fit = run->xrt->portion / run->x_bytes / BEAT * BEAT;
    const uint64_t portion = fit ? fit : BEAT;
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
    return start(run->xrt, &command);
}

static int end_portion(struct job *run) {
    uint64_t cycles = 0, last_output = 0;
    if (wait_for_end(run->xrt) || take_results(run->xrt, &cycles, &last_output, run->job->activity))
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
    struct xrt *xrt = run->xrt;
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
    struct xrt *xrt = run->xrt;
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

static int run_xrt(void *device, struct mr_job *job, char *error, size_t error_size) {
    struct xrt *xrt = device;
    if (job->x_count % job->sequences || job->y_count % job->sequences || !job->x_count)
        return mr_fail(error, error_size,
                       "%llu elements of x and %llu of y are not the same for each of %u sequences",
                       (unsigned long long)job->x_count, (unsigned long long)job->y_count,
                       job->sequences);
    struct job run = {.xrt = xrt,
                      .job = job,
                      .x_elements = job->x_count / job->sequences,
                      .y_elements = job->y_count / job->sequences};
    run.x_bytes = run.x_elements * bytes_of(xrt->x_bits);
    run.y_bytes = run.y_elements * bytes_of(xrt->y_bits);
    run.portion = portion_of(&run);
    job->cycles = job->last_output_cycle = 0;
    return mr_xrt_card_perform(&xrt->card, work_run, &run, xrt->limit_ms, error, error_size);
}

static int load_xrt(void *device, const void *beats, uint64_t count, char *error,
                    size_t error_size) {
    struct xrt *xrt = device;
    struct load load = {.xrt = xrt, .beats = beats, .count = count};
    return mr_xrt_card_perform(&xrt->card, work_load, &load, xrt->limit_ms, error, error_size);
}

// ---- Opening and closing -----------------------------------------------------------------------

// Emulation installs handlers that end the whole process group; a library must not.
static const int signals[] = {SIGSEGV, SIGFPE, SIGABRT};
enum { SIGNALS = sizeof signals / sizeof *signals };

// Emulation talks on standard output, which is the program's; what it says goes to its log.
static int hush_output(void) {
    char path[PATH_MAX + 16];
    fflush(NULL); // emulation forks, and what is in buffers would be written twice
    if (!*mr_emulation_folder())
        return -1;
    snprintf(path, sizeof path, "%s/output.log", mr_emulation_folder());
    const int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const int output = log < 0 ? -1 : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (output >= 0)
        dup2(log, STDOUT_FILENO);
    if (log >= 0)
        close(log);
    return output;
}

static void restore_output(int output) {
    if (output < 0)
        return;
    fflush(stdout);
    dup2(output, STDOUT_FILENO);
    close(output);
}

static int load_image_alone(struct xrt *xrt) {
    struct mr_xrt_card *card = &xrt->card;
    struct sigaction kept[SIGNALS];
    if (xrt->image.emulation) {
        struct mr_emulation *emulation =
            mr_emulation_open(xrt->path, card->error, sizeof card->error);
        if (!emulation)
            return -1;
        pthread_mutex_lock(&card->lock);
        card->emulation = emulation;
        pthread_mutex_unlock(&card->lock);
    }
    const int output = hush_output();
    for (int i = 0; i < SIGNALS; i++)
        sigaction(signals[i], NULL, &kept[i]);
    const int failed = card->api->xrtDeviceLoadXclbinFile(card->device, xrt->path);
    for (int i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &kept[i], NULL);
    restore_output(output);
    if (mr_xrt_card_touch(card))
        return -1;
    return failed ? mr_fail(card->error, sizeof card->error, "XRT cannot load %s", xrt->path) : 0;
}

static int load_image(struct xrt *xrt) {
    pthread_mutex_lock(&loading);
    const int result = load_image_alone(xrt);
    pthread_mutex_unlock(&loading);
    return result;
}

static int read_identity(struct xrt *xrt) {
    struct mr_xrt_card *card = &xrt->card;
    uint32_t magic, version, hash[MR_SHAPE_HASH / 4];
    if (mr_xrt_card_read(card, MR_CARD_MAGIC, &magic) ||
        mr_xrt_card_read(card, MR_CARD_VERSION, &version) ||
        mr_xrt_card_read(card, MR_CARD_X_BITS, &xrt->x_bits) ||
        mr_xrt_card_read(card, MR_CARD_Y_BITS, &xrt->y_bits) ||
        mr_xrt_card_read(card, MR_CARD_PROCESS_COUNT, &xrt->process_count))
        return -1;
    for (int i = 0; i < MR_SHAPE_HASH / 4; i++)
        if (mr_xrt_card_read(card, MR_CARD_SHAPE_HASH + 4 * (uint32_t)i, &hash[i]))
            return -1;
    char *error = card->error;
    if (magic == UINT32_MAX && version == UINT32_MAX)
        return mr_xrt_card_lose(card, fell_off);
    if (magic != MR_CARD_MAGIC_VALUE)
        return mr_fail(error, sizeof card->error,
                       "%s: its kernel is not Millrace's (magic 0x%08x, not 0x%08x)", xrt->path,
                       magic, MR_CARD_MAGIC_VALUE);
    if (version >> 16 != MR_CARD_VERSION_VALUE >> 16)
        return mr_fail(error, sizeof card->error,
                       "%s: its kernel has register map %u and this program knows %u; build the "
                       "image again",
                       xrt->path, version >> 16, MR_CARD_VERSION_VALUE >> 16);
    if (memcmp(hash, xrt->image.shape_hash, MR_SHAPE_HASH) != 0)
        return mr_fail(error, sizeof card->error,
                       "%s: the kernel on the card has another shape than its image says; build "
                       "the image again",
                       xrt->path);
    return 0;
}

static int work_open(struct mr_xrt_card *card, void *context) {
    struct xrt *xrt = context;
    xuid_t uuid;
    card->device = card->api->xrtDeviceOpen(xrt->index);
    if (!card->device)
        return mr_fail(card->error, sizeof card->error,
                       "XRT cannot open card %u; millrace devices lists the cards", xrt->index);
    if (load_image(xrt))
        return -1;
    if (!card->api->xrtDeviceGetXclbinUUID(card->device, uuid))
        card->kernel = card->api->xrtPLKernelOpenExclusive(card->device, uuid, "millrace");
    if (mr_xrt_card_touch(card))
        return -1;
    if (!card->kernel)
        return mr_fail(card->error, sizeof card->error,
                       "%s: XRT cannot open its kernel millrace; another program may use it",
                       xrt->path);
    return read_identity(xrt);
}

static int work_close(struct mr_xrt_card *card, void *context) {
    struct xrt *xrt = context;
    struct buffer *const buffers[] = {&xrt->weights, &xrt->x, &xrt->y};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        release(xrt, buffers[i]);
    if (card->kernel)
        card->api->xrtKernelClose(card->kernel);
    if (card->device)
        card->api->xrtDeviceClose(card->device);
    card->kernel = card->device = NULL;
    return 0;
}

static void forget(struct xrt *xrt) {
    pthread_mutex_lock(&runtime.lock);
    struct xrt **place = &runtime.open_cards;
    while (*place && *place != xrt)
        place = &(*place)->next;
    if (*place)
        *place = xrt->next;
    pthread_mutex_unlock(&runtime.lock);
}

static void close_xrt(void *device) {
    struct xrt *xrt = device;
    char error[900];
    if (!xrt)
        return;
    forget(xrt);
    (void)mr_xrt_card_perform(&xrt->card, work_close, xrt, xrt->limit_ms + LIMIT_MS, error,
                              sizeof error);
    if (!mr_xrt_card_stop(&xrt->card))
        return; // its thread still uses it
    mr_emulation_close(xrt->card.emulation);
    free(xrt->names);
    free(xrt->name_text);
    free(xrt);
}

static void close_all(void) {
    while (runtime.open_cards)
        close_xrt(runtime.open_cards);
}

// After XRT loaded all of itself, so that this happens before its own end.
static void remember(struct xrt *xrt) {
    pthread_mutex_lock(&runtime.lock);
    if (!runtime.watched)
        runtime.watched = !atexit(close_all);
    xrt->next = runtime.open_cards;
    runtime.open_cards = xrt;
    pthread_mutex_unlock(&runtime.lock);
}

static int parse(struct xrt *xrt, const char *rest, const struct mr_image *image, char *error,
                 size_t error_size) {
    char *end;
    const unsigned long index = strtoul(rest, &end, 10);
    if (end == rest || index > 255 || (*end && *end != ',') || (*end && !end[1]))
        return mr_fail(error, error_size,
                       "xrt:%s: write xrt:N or xrt:N,IMAGE.xclbin, N the number of the card", rest);
    const char *path = *end ? end + 1 : image ? image->xclbin : NULL;
    if (!path)
        return mr_fail(error, error_size,
                       "xrt:%s: there is no image of this network; build one with millrace build "
                       "MODEL --platform hw_emu, or name it: xrt:%lu,IMAGE.xclbin",
                       rest, index);
    if (snprintf(xrt->path, sizeof xrt->path, "%s", path) >= (int)sizeof xrt->path)
        return mr_fail(error, error_size, "%s: the path is too long", path);
    xrt->index = (unsigned)index;
    return 0;
}

static void hash_text(const unsigned char *hash, char *text) {
    for (int i = 0; i < MR_SHAPE_HASH; i++)
        sprintf(text + 2 * i, "%02x", hash[i]);
}

static int check_image(struct xrt *xrt, const struct mr_image *image, char *error,
                       size_t error_size) {
    char wanted[2 * MR_SHAPE_HASH + 1], found[2 * MR_SHAPE_HASH + 1];
    if (mr_xclbin_read(xrt->path, &xrt->image, error, error_size))
        return -1;
    if (image && image->shape_hash &&
        memcmp(image->shape_hash, xrt->image.shape_hash, MR_SHAPE_HASH) != 0) {
        hash_text(image->shape_hash, wanted);
        hash_text(xrt->image.shape_hash, found);
        return mr_fail(error, error_size,
                       "%s: holds a network of another shape (%s) than the model with these lanes "
                       "(%s); build its image",
                       xrt->path, found, wanted);
    }
    if (image && image->target && *xrt->image.target &&
        strcmp(image->target, xrt->image.target) != 0)
        return mr_fail(error, error_size, "%s: is built for %s and the target is %s", xrt->path,
                       xrt->image.target, image->target);
    return 0;
}

static int keep_names(struct xrt *xrt, const struct mr_image *image, char *error,
                      size_t error_size) {
    const uint32_t count = xrt->process_count;
    const bool named = image && image->process_count == count;
    if (image && image->processes && !named)
        return mr_fail(error, error_size,
                       "%s: its kernel has %u processes and the network has %u; build the image "
                       "again",
                       xrt->path, count, image->process_count);
    xrt->names = calloc(count + 1, sizeof *xrt->names);
    xrt->name_text = calloc(count + 1, 64);
    if (!xrt->names || !xrt->name_text)
        return mr_fail(error, error_size, "not enough memory to open the card");
    for (uint32_t i = 0; i < count; i++) {
        char *name = xrt->name_text + 64 * (size_t)i;
        if (named && image->processes)
            snprintf(name, 64, "%s", image->processes[i]);
        else
            snprintf(name, 64, "process%u", i);
        xrt->names[i] = name;
    }
    return 0;
}

static void *open_xrt(const char *rest, const struct mr_image *image,
                      const struct mr_device_options *options, char *error, size_t error_size) {
    if (options->trace || options->idle_chance || options->stall_chance) {
        mr_fail(error, error_size,
                "xrt: takes no trace, idle cycles or stalls; use sim: for them, or the variables "
                "MILLRACE_CARD_* for an emulated card");
        return NULL;
    }
    struct xrt *xrt = calloc(1, sizeof *xrt);
    if (!xrt) {
        mr_fail(error, error_size, "xrt:%s: not enough memory to open it", rest);
        return NULL;
    }
    struct mr_xrt_card *card = &xrt->card;
    card->api = &runtime.api;
    xrt->limit_ms = options->limit_ms ? options->limit_ms : LIMIT_MS;
    xrt->portion = options->portion ? options->portion : PORTION;
    if (parse(xrt, rest, image, error, error_size) || check_image(xrt, image, error, error_size) ||
        use_runtime(xrt->image.emulation, error, error_size)) {
        free(xrt);
        return NULL;
    }
    snprintf(xrt->text, sizeof xrt->text, "%s %s", xrt->image.emulation ? "an emulated" : "the",
             *xrt->image.target ? xrt->image.target : xrt->image.platform);
    if (mr_xrt_card_start(card)) {
        mr_fail(error, error_size, "xrt:%s: no thread can be started for it", rest);
        free(xrt);
        return NULL;
    }
    if (mr_xrt_card_perform(card, work_open, xrt, xrt->limit_ms + LOAD_EXTRA_MS, error,
                            error_size) ||
        keep_names(xrt, image, error, error_size)) {
        close_xrt(xrt);
        return NULL;
    }
    remember(xrt);
    return xrt;
}

static void info(const void *device, struct mr_device_info *info) {
    const struct xrt *xrt = device;
    *info = (struct mr_device_info){.weights_bits = 8 * BEAT,
                                    .x_bits = xrt->x_bits,
                                    .y_bits = xrt->y_bits,
                                    .process_count = xrt->process_count,
                                    .processes = xrt->names,
                                    .text = xrt->text,
                                    .place = xrt->path};
}

// Cards are devices of the driver xocl; XRT counts them in this order. Nothing is opened for it.
static size_t list(struct mr_device_entry *entries, size_t capacity) {
    size_t count = 0;
    DIR *folder = opendir("/sys/bus/pci/drivers/xocl");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (strchr(entry->d_name, ':') == NULL)
            continue;
        if (count < capacity) {
            snprintf(entries[count].uri, sizeof entries[count].uri, "xrt:%zu", count);
            snprintf(entries[count].text, sizeof entries[count].text, "Alveo card at %.60s",
                     entry->d_name);
        }
        count++;
    }
    if (folder)
        closedir(folder);
    return count;
}

const struct mr_backend mr_backend_xrt = {.scheme = "xrt",
                                          .form = "xrt:N[,IMAGE.xclbin]",
                                          .list = list,
                                          .open = open_xrt,
                                          .info = info,
                                          .load_weights = load_xrt,
                                          .run = run_xrt,
                                          .close = close_xrt};
