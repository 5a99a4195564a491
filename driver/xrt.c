// SPDX-License-Identifier: Apache-2.0
// `xrt:N` runs the network on an Alveo card, by XRT: the same calls drive a real card and an
// emulated one. Here is their opening and closing; xrt_run.c has the rest.
#define _GNU_SOURCE
#include "file.h"
#include "mr_registers.h"
#include "xrt_device.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LIMIT_MS = 10000,      // without a sign of life
    LOAD_EXTRA_MS = 50000, // for loading an image, which programs the card
    PORTION = 4 << 20      // bytes of input
};

// XRT is loaded once, for real cards or for emulation. A program that ends with a card open crashes
// or hangs in it, so cards that are still open are closed then.
static struct {
    pthread_mutex_t lock;
    bool loaded, emulated, watched;
    struct mr_xrt_api api;
    struct mr_xrt *open_cards;
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

static int load_image_alone(struct mr_xrt *xrt) {
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

static int load_image(struct mr_xrt *xrt) {
    pthread_mutex_lock(&loading);
    const int result = load_image_alone(xrt);
    pthread_mutex_unlock(&loading);
    return result;
}

static int read_identity(struct mr_xrt *xrt) {
    struct mr_xrt_card *card = &xrt->card;
    uint32_t magic, version, hash[MR_SHAPE_HASH / 4];
    if (mr_xrt_card_read(card, MR_CARD_MAGIC, &magic) ||
        mr_xrt_card_read(card, MR_CARD_VERSION, &version) ||
        mr_xrt_card_read(card, MR_CARD_X_BITS, &xrt->x_bits) ||
        mr_xrt_card_read(card, MR_CARD_Y_BITS, &xrt->y_bits) ||
        mr_xrt_card_read(card, MR_CARD_PROCESS_COUNT, &xrt->process_count) ||
        mr_xrt_card_read(card, MR_CARD_PROBE_COUNT, &xrt->probe_count))
        return -1;
    for (int i = 0; i < MR_SHAPE_HASH / 4; i++)
        if (mr_xrt_card_read(card, MR_CARD_SHAPE_HASH + 4 * (uint32_t)i, &hash[i]))
            return -1;
    char *error = card->error;
    if (magic == UINT32_MAX && version == UINT32_MAX)
        return mr_xrt_card_lose(card, mr_xrt_fell_off);
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
    struct mr_xrt *xrt = context;
    xuid_t uuid;
    // XRT opens emulated cards of any number.
    if (!xrt->image.emulation || xrt->index < MR_EMULATION_CARDS)
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
    struct mr_xrt *xrt = context;
    if (card->kernel)
        (void)mr_xrt_stream_end(xrt);
    mr_xrt_release_buffers(xrt);
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

static void close_xrt(void *device) {
    struct mr_xrt *xrt = device;
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
    free(xrt->probes);
    free(xrt->looks);
    free(xrt);
}

static void close_all(void) {
    while (runtime.open_cards)
        close_xrt(runtime.open_cards);
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

static int parse(struct mr_xrt *xrt, const char *rest, const struct mr_image *image, char *error,
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

static int check_image(struct mr_xrt *xrt, const struct mr_image *image, char *error,
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

static int keep_names(struct mr_xrt *xrt, const struct mr_image *image, char *error,
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

static int keep_probes(struct mr_xrt *xrt, const struct mr_image *image, char *error,
                       size_t error_size) {
    enum { NAME = 64 };
    const uint32_t count = xrt->probe_count;
    const struct mr_probe *named = image ? image->probes : NULL;
    if (named && image->probe_count != count)
        return mr_fail(error, error_size,
                       "%s: its kernel has %u probes and the network has %u; build the image again",
                       xrt->path, count, image->probe_count);
    xrt->probes = calloc(1, ((size_t)count + 1) * (sizeof *xrt->probes + 2 * NAME));
    if (!xrt->probes)
        return mr_fail(error, error_size, "not enough memory to open the card");
    char *text = (char *)(xrt->probes + count + 1);
    for (uint32_t i = 0; i < count; i++, text += 2 * NAME) {
        if (named) {
            xrt->probes[i] = named[i];
            snprintf(text, NAME, "%s", named[i].process);
            snprintf(text + NAME, NAME, "%s", named[i].name);
        } else {
            snprintf(text + NAME, NAME, "probe%u", i);
        }
        xrt->probes[i].process = text;
        xrt->probes[i].name = text + NAME;
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
    struct mr_xrt *xrt = calloc(1, sizeof *xrt);
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
        keep_names(xrt, image, error, error_size) || keep_probes(xrt, image, error, error_size)) {
        close_xrt(xrt);
        return NULL;
    }
    remember(xrt);
    return xrt;
}

static void info(const void *device, struct mr_device_info *info) {
    const struct mr_xrt *xrt = device;
    *info = (struct mr_device_info){.weights_bits = 8 * MR_XRT_BEAT,
                                    .x_bits = xrt->x_bits,
                                    .y_bits = xrt->y_bits,
                                    .process_count = xrt->process_count,
                                    .processes = xrt->names,
                                    .probe_count = xrt->probe_count,
                                    .probes = xrt->probes,
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
                                          .load_weights = mr_xrt_load_weights,
                                          .run = mr_xrt_run,
                                          .read_state = mr_xrt_read_state,
                                          .write_state = mr_xrt_write_state,
                                          .close = close_xrt};
