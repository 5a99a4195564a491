// SPDX-License-Identifier: Apache-2.0
// Cards driven by XRT in this process (xrt_way.h): the same calls drive a real card and, in the
// broker's process, an emulated one. Here are their opening and closing, and the requests that
// their threads do.
#define _GNU_SOURCE
#include "failure.h"
#include "xrt_card.h"
#include "xrt_way.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CLOSE_MS = 10000,     // more than the limit
    LOAD_EXTRA_MS = 50000 // for loading an image, which programs the card
};

struct mr_xrt {
    struct mr_xrt_card card;
    struct mr_xrt *next; // of `open_cards`
    struct mr_xrt_place place;
    struct mr_protocol protocol;
};

// XRT is loaded once, for real cards or for emulation. A program that ends with a card open crashes
// or hangs in it, so cards that are still open are closed then.
static struct {
    pthread_mutex_t lock;
    bool loaded, watched;
    pid_t owner;
    struct mr_xrt_api api;
    struct mr_xrt *open_cards;
} runtime = {.lock = PTHREAD_MUTEX_INITIALIZER};

// XRT throws, which ends the process, where it does not find the rest of itself by XILINX_XRT.
static int check_libraries(struct mr_error *error) {
    char path[PATH_MAX + 64];
    const char *mode = getenv("XCL_EMULATION_MODE"), *home = getenv("XILINX_XRT");
    if (mode && *mode)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "XCL_EMULATION_MODE is %s, so XRT would not go to the card; unset it",
                          mode);
    snprintf(path, sizeof path, "%s/lib/libxrt_core.so.2", home ? home : "");
    return home && access(path, R_OK) == 0
               ? 0
               : mr_failure(
                     error, MR_ERROR_DEVICE,
                     "XRT looks for its library %s and it is not there; set XILINX_XRT to the "
                     "folder of XRT (source its setup.sh), whose lib leads to that library",
                     home ? path : "in $XILINX_XRT/lib");
}

static int load_runtime(bool emulated, struct mr_error *error) {
    char text[900];
    if (!emulated && check_libraries(error))
        return MR_ERROR_DEVICE;
    if ((emulated && mr_emulation_prepare(false, text, sizeof text)) ||
        mr_xrt_load(&runtime.api, text, sizeof text) ||
        (emulated && mr_emulation_set_libraries(runtime.api.folder, text, sizeof text)))
        return mr_failure(error, MR_ERROR_DEVICE, "%s", text);
    runtime.owner = getpid();
    runtime.loaded = true;
    return 0;
}

static int use_runtime(bool emulated, struct mr_error *error) {
    pthread_mutex_lock(&runtime.lock);
    int result = runtime.loaded ? 0 : load_runtime(emulated, error);
    if (!result && runtime.owner != getpid())
        result =
            mr_failure(error, MR_ERROR_DEVICE,
                       "the process that made this one by fork had started XRT, which cannot go "
                       "on here; open cards before fork or start a program of its own");
    pthread_mutex_unlock(&runtime.lock);
    return result;
}

// ---- Opening and closing -----------------------------------------------------------------------

// Emulation installs handlers that end the whole process group; a crash shall be one.
static const int signals[] = {SIGSEGV, SIGFPE, SIGABRT};
enum { SIGNALS = sizeof signals / sizeof *signals };

static int load_image(struct mr_xrt *xrt) {
    struct mr_xrt_card *card = &xrt->card;
    struct sigaction kept[SIGNALS];
    if (xrt->place.image.emulation) {
        char text[900];
        struct mr_emulation *emulation = mr_emulation_open(xrt->place.file, text, sizeof text);
        if (!emulation)
            return mr_failure(&card->error, MR_ERROR_DEVICE, "%s", text);
        pthread_mutex_lock(&card->lock);
        card->emulation = emulation;
        pthread_mutex_unlock(&card->lock);
    }
    for (int i = 0; i < SIGNALS; i++)
        sigaction(signals[i], NULL, &kept[i]);
    const int failed = card->api->xrtDeviceLoadXclbinFile(card->device, xrt->place.file);
    for (int i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &kept[i], NULL);
    if (mr_xrt_card_touch(card))
        return -1;
    return failed ? mr_failure(&card->error, MR_ERROR_DEVICE, "XRT cannot load %s", xrt->place.path)
                  : 0;
}

static int work_open(struct mr_xrt_card *card, void *context) {
    struct mr_xrt *xrt = context;
    xuid_t uuid;
    // XRT opens emulated cards of any number.
    if (!xrt->place.image.emulation || xrt->place.index < MR_EMULATION_CARDS)
        card->device = card->api->xrtDeviceOpen(xrt->place.index);
    if (!card->device)
        return mr_failure(&card->error, MR_ERROR_DEVICE,
                          "XRT cannot open card %u; millrace devices lists the cards",
                          xrt->place.index);
    if (load_image(xrt))
        return -1;
    if (!card->api->xrtDeviceGetXclbinUUID(card->device, uuid))
        card->kernel = card->api->xrtPLKernelOpenExclusive(card->device, uuid, "millrace");
    if (mr_xrt_card_touch(card))
        return -1;
    if (!card->kernel)
        return mr_failure(&card->error, MR_ERROR_DEVICE,
                          "%s: XRT cannot open its kernel millrace; another program may use it",
                          xrt->place.path);
    return mr_protocol_identify(&xrt->protocol, xrt->place.image.hash.shape) ||
                   mr_protocol_place_memories(&xrt->protocol)
               ? -1
               : 0;
}

static int work_close(struct mr_xrt_card *card, void *context) {
    struct mr_xrt *xrt = context;
    mr_protocol_end(&xrt->protocol);
    if (card->kernel)
        card->api->xrtKernelClose(card->kernel);
    if (card->device)
        card->api->xrtDeviceClose(card->device);
    card->kernel = card->device = NULL;
    return 0;
}

static void forget(struct mr_xrt *xrt) {
    pthread_mutex_lock(&runtime.lock);
    struct mr_xrt **place = &runtime.open_cards;
    while (*place && *place != xrt)
        place = &(*place)->next;
    if (*place)
        *place = xrt->next;
    pthread_mutex_unlock(&runtime.lock);
}

static void close_here(void *device) {
    struct mr_xrt *xrt = device;
    if (!xrt)
        return;
    forget(xrt);
    (void)mr_xrt_card_perform(&xrt->card, work_close, xrt, xrt->place.limit_ms + CLOSE_MS, NULL);
    if (!mr_xrt_card_stop(&xrt->card))
        return; // its thread still uses it
    mr_emulation_close(xrt->card.emulation);
    mr_protocol_free(&xrt->protocol);
    free(xrt);
}

static void close_all(void) {
    while (runtime.owner == getpid() && runtime.open_cards)
        close_here(runtime.open_cards);
}

// After XRT loaded all of itself, so that this happens before its own end.
static void remember(struct mr_xrt *xrt) {
    pthread_mutex_lock(&runtime.lock);
    if (!runtime.watched)
        runtime.watched = !atexit(close_all);
    xrt->next = runtime.open_cards;
    runtime.open_cards = xrt;
    pthread_mutex_unlock(&runtime.lock);
}

static void *open_here(const struct mr_xrt_place *place, struct mr_protocol_shape *shape,
                       struct mr_error *error) {
    struct mr_xrt *xrt = calloc(1, sizeof *xrt);
    if (!xrt) {
        mr_failure(error, MR_ERROR_MEMORY, "xrt:%u: not enough memory to open it", place->index);
        return NULL;
    }
    struct mr_xrt_card *card = &xrt->card;
    card->api = &runtime.api;
    xrt->place = *place;
    xrt->protocol = (struct mr_protocol){.transport = &mr_xrt_transport,
                                         .link = card,
                                         .error = &card->error,
                                         .image = xrt->place.path,
                                         .limit_ms = place->limit_ms,
                                         .portion = place->portion};
    if (use_runtime(place->image.emulation, error)) {
        free(xrt);
        return NULL;
    }
    if (mr_xrt_card_start(card)) {
        mr_failure(error, MR_ERROR_DEVICE, "xrt:%u: no thread can be started for it", place->index);
        free(xrt);
        return NULL;
    }
    if (mr_xrt_card_perform(card, work_open, xrt, place->limit_ms + LOAD_EXTRA_MS, error)) {
        close_here(xrt);
        return NULL;
    }
    *shape = xrt->protocol.shape;
    remember(xrt);
    return xrt;
}

// Its threads are not in the child, and XRT has no use for a child.
static void drop_here(void *device) {
    (void)device;
}

// ---- Requests ----------------------------------------------------------------------------------

// What the card's thread is asked for; the rest is as the functions of the protocol have it.
struct request {
    struct mr_protocol *protocol;
    const void *from;
    void *to;
    uint64_t count;
    struct mr_job *job;
};

static int work_load(struct mr_xrt_card *card, void *context) {
    const struct request *request = context;
    (void)card;
    return mr_protocol_load_weights(request->protocol, request->from, request->count);
}

static int work_run(struct mr_xrt_card *card, void *context) {
    const struct request *request = context;
    (void)card;
    return mr_protocol_run(request->protocol, request->job);
}

static int work_submit(struct mr_xrt_card *card, void *context) {
    const struct request *request = context;
    (void)card;
    return mr_protocol_submit(request->protocol, request->job);
}

static int work_collect(struct mr_xrt_card *card, void *context) {
    const struct request *request = context;
    (void)card;
    return mr_protocol_collect(request->protocol);
}

static int work_read_state(struct mr_xrt_card *card, void *context) {
    const struct request *request = context;
    (void)card;
    return mr_protocol_read_state(request->protocol, request->to, request->count);
}

static int work_write_state(struct mr_xrt_card *card, void *context) {
    const struct request *request = context;
    (void)card;
    return mr_protocol_write_state(request->protocol, request->from, request->count);
}

static int perform(struct mr_xrt *xrt, int (*work)(struct mr_xrt_card *, void *),
                   struct request with, struct mr_error *error) {
    struct request *request = malloc(sizeof *request); // a card's thread that is given up keeps it
    if (!request)
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory for the card");
    *request = with;
    request->protocol = &xrt->protocol;
    const int code = mr_xrt_card_perform(&xrt->card, work, request, xrt->place.limit_ms, error);
    if (!xrt->card.abandoned)
        free(request);
    return code;
}

static int load_weights(void *card, const void *beats, uint64_t count, struct mr_error *error) {
    return perform(card, work_load, (struct request){.from = beats, .count = count}, error);
}

static int run(void *card, struct mr_job *job, struct mr_error *error) {
    return perform(card, work_run, (struct request){.job = job}, error);
}

static int submit(void *card, struct mr_job *job, struct mr_error *error) {
    return perform(card, work_submit, (struct request){.job = job}, error);
}

static int collect(void *card, struct mr_error *error) {
    return perform(card, work_collect, (struct request){0}, error);
}

static int read_state(void *card, void *beats, uint64_t count, struct mr_error *error) {
    return perform(card, work_read_state, (struct request){.to = beats, .count = count}, error);
}

static int write_state(void *card, const void *beats, uint64_t count, struct mr_error *error) {
    return perform(card, work_write_state, (struct request){.from = beats, .count = count}, error);
}

const struct mr_xrt_way mr_xrt_here = {.open = open_here,
                                       .load_weights = load_weights,
                                       .run = run,
                                       .submit = submit,
                                       .collect = collect,
                                       .read_state = read_state,
                                       .write_state = write_state,
                                       .close = close_here,
                                       .drop = drop_here};
