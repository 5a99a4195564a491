// SPDX-License-Identifier: Apache-2.0
// `xrt:N` runs the network on an Alveo card, or on an emulated one, by XRT. Here is what an image
// must be before a card is touched, and the choice of the way (xrt_way.h).
#define _POSIX_C_SOURCE 200809L
#include "failure.h"
#include "xrt_way.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LIMIT_MS = 10000, // without a sign of life
    PORTION = 4 << 20 // bytes of input
};

struct xrt {
    const struct mr_xrt_way *way;
    void *card;  // of the way
    pid_t owner; // the process that opened it
    struct mr_xrt_place place;
    struct mr_protocol_names names;
    char text[160];
};

static int check(const char *rest, struct mr_error *error) {
    char *end;
    const unsigned long index = strtoul(rest, &end, 10);
    return *rest >= '0' && *rest <= '9' && index <= 255 && (!*end || (*end == ',' && end[1]))
               ? 0
               : mr_failure(error, MR_ERROR_DEVICE,
                            "device xrt:%s: write xrt:N or xrt:N,IMAGE.xclbin, N the number of the "
                            "card",
                            rest);
}

static int check_image(struct xrt *xrt, const struct mr_image *image, struct mr_error *error) {
    char text[900];
    if (mr_xclbin_read(xrt->place.path, &xrt->place.image, text, sizeof text))
        return mr_failure(error, MR_ERROR_DEVICE, "%s", text);
    if (image && image->hash &&
        mr_design_compare(xrt->place.path, &xrt->place.image.hash, image->hash, text,
                          sizeof text) != MR_DESIGN_FITS)
        return mr_failure(error, MR_ERROR_DEVICE, "%s", text);
    if (image && image->target && *xrt->place.image.target &&
        strcmp(image->target, xrt->place.image.target) != 0)
        return mr_failure(error, MR_ERROR_DEVICE, "%s: is built for %s and the target is %s",
                          xrt->place.path, xrt->place.image.target, image->target);
    return 0;
}

// A card goes on in the process that opened it; a child by fork has neither its threads nor its
// turn to speak.
static int check_owner(const struct xrt *xrt, struct mr_error *error) {
    return xrt->owner == getpid()
               ? 0
               : mr_failure(
                     error, MR_ERROR_DEVICE,
                     "the card was opened by process %ld and this is process %ld, made by fork; "
                     "open a session of its own here",
                     (long)xrt->owner, (long)getpid());
}

static void close_xrt(void *device) {
    struct xrt *xrt = device;
    if (!xrt)
        return;
    if (xrt->card)
        (xrt->owner == getpid() ? xrt->way->close : xrt->way->drop)(xrt->card);
    mr_protocol_names_free(&xrt->names);
    free(xrt);
}

// Cards are devices of the driver xocl; XRT counts them in this order. Nothing is opened for it.
static size_t list(struct mr_device_found *entries, size_t capacity) {
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

static int open_card(struct xrt *xrt, const char *rest, const char *path,
                     const struct mr_image *image, const struct mr_device_options *options,
                     struct mr_error *error) {
    xrt->owner = getpid();
    xrt->place.index = (unsigned)strtoul(rest, NULL, 10);
    xrt->place.limit_ms = options->limit_ms ? options->limit_ms : LIMIT_MS;
    xrt->place.portion = options->portion ? options->portion : PORTION;
    if (snprintf(xrt->place.path, sizeof xrt->place.path, "%s", path) >=
        (int)sizeof xrt->place.path)
        return mr_failure(error, MR_ERROR_DEVICE, "%s: the path is too long", path);
    if (check_image(xrt, image, error))
        return MR_ERROR_DEVICE;
    if (!xrt->place.image.emulation && xrt->place.index >= list(NULL, 0))
        return mr_failure(
            error, MR_ERROR_DEVICE,
            "%s is for a card and there is no card %u; millrace devices lists the cards",
            xrt->place.path, xrt->place.index);
    memcpy(xrt->place.file, xrt->place.path, sizeof xrt->place.file);
    snprintf(xrt->text, sizeof xrt->text, "%s %s",
             xrt->place.image.emulation ? "an emulated" : "the",
             *xrt->place.image.target ? xrt->place.image.target : xrt->place.image.platform);
    xrt->way = xrt->place.image.emulation ? &mr_xrt_by_broker : &mr_xrt_here;
    struct mr_protocol_shape shape;
    xrt->card = xrt->way->open(&xrt->place, &shape, error);
    return xrt->card ? mr_protocol_names_take(&xrt->names, &shape, image, path, error)
                     : MR_ERROR_DEVICE;
}

static void *open_xrt(const char *rest, const char *path, const struct mr_image *image,
                      const struct mr_device_options *options, struct mr_error *error) {
    struct xrt *xrt = calloc(1, sizeof *xrt);
    if (!xrt) {
        mr_failure(error, MR_ERROR_MEMORY, "xrt:%s: not enough memory to open it", rest);
        return NULL;
    }
    if (open_card(xrt, rest, path, image, options, error)) {
        close_xrt(xrt);
        return NULL;
    }
    return xrt;
}

static int load_weights(void *device, const void *beats, uint64_t count, struct mr_error *error) {
    struct xrt *xrt = device;
    return check_owner(xrt, error) ? MR_ERROR_DEVICE
                                   : xrt->way->load_weights(xrt->card, beats, count, error);
}

static int run(void *device, struct mr_job *job, struct mr_error *error) {
    struct xrt *xrt = device;
    const int code = mr_protocol_check_job(job, error);
    return code                      ? code
           : check_owner(xrt, error) ? MR_ERROR_DEVICE
                                     : xrt->way->run(xrt->card, job, error);
}

static int submit(void *device, struct mr_job *job, struct mr_error *error) {
    struct xrt *xrt = device;
    const int code = mr_protocol_check_job(job, error);
    return code                      ? code
           : check_owner(xrt, error) ? MR_ERROR_DEVICE
                                     : xrt->way->submit(xrt->card, job, error);
}

static int collect(void *device, struct mr_error *error) {
    struct xrt *xrt = device;
    return check_owner(xrt, error) ? MR_ERROR_DEVICE : xrt->way->collect(xrt->card, error);
}

static int read_state(void *device, void *beats, uint64_t count, struct mr_error *error) {
    struct xrt *xrt = device;
    return check_owner(xrt, error) ? MR_ERROR_DEVICE
                                   : xrt->way->read_state(xrt->card, beats, count, error);
}

static int write_state(void *device, const void *beats, uint64_t count, struct mr_error *error) {
    struct xrt *xrt = device;
    return check_owner(xrt, error) ? MR_ERROR_DEVICE
                                   : xrt->way->write_state(xrt->card, beats, count, error);
}

static void info(const void *device, struct mr_device_info *info) {
    const struct xrt *xrt = device;
    mr_protocol_names_info(&xrt->names, info);
    info->text = xrt->text;
    info->place = xrt->place.path;
}

const struct mr_backend mr_backend_xrt = {.scheme = "xrt",
                                          .uris = "xrt:N[,IMAGE.xclbin]",
                                          .usual = "xrt:0",
                                          .caps =
                                              MR_CAP_CYCLES | MR_CAP_TIMELINE | MR_CAP_NAMES_IMAGE,
                                          .form = MR_FORM_XCLBIN,
                                          .check = check,
                                          .list = list,
                                          .open = open_xrt,
                                          .info = info,
                                          .load_weights = load_weights,
                                          .run = run,
                                          .submit = submit,
                                          .collect = collect,
                                          .read_state = read_state,
                                          .write_state = write_state,
                                          .close = close_xrt};
