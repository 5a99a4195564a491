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
    struct mr_xrt_shape shape;
    struct mr_port ports[3];
    const char **names; // [process_count]
    char *name_text;
    struct mr_probe *probes; // [probe_count], the texts behind them
    char text[160];
};

static int check(const char *rest, struct mr_error *error) {
    char *end;
    const unsigned long index = strtoul(rest, &end, 10);
    return *rest >= '0' && *rest <= '9' && index <= 255 && (!*end || (*end == ',' && end[1]))
               ? 0
               : mr_failure(error, MR_ERROR_DEVICE,
                            "xrt:%s: write xrt:N or xrt:N,IMAGE.xclbin, N the number of the card",
                            rest);
}

static void hash_text(const unsigned char *hash, char *text) {
    for (int i = 0; i < MR_SHAPE_HASH; i++)
        sprintf(text + 2 * i, "%02x", hash[i]);
}

static int check_image(struct xrt *xrt, const struct mr_image *image, struct mr_error *error) {
    char wanted[2 * MR_SHAPE_HASH + 1], found[2 * MR_SHAPE_HASH + 1], text[900];
    if (mr_xclbin_read(xrt->place.path, &xrt->place.image, text, sizeof text))
        return mr_failure(error, MR_ERROR_DEVICE, "%s", text);
    if (image && image->shape_hash &&
        memcmp(image->shape_hash, xrt->place.image.shape_hash, MR_SHAPE_HASH) != 0) {
        hash_text(image->shape_hash, wanted);
        hash_text(xrt->place.image.shape_hash, found);
        return mr_failure(
            error, MR_ERROR_DEVICE,
            "%s: holds a network of another shape (%s) than the model with these lanes "
            "(%s); build its image",
            xrt->place.path, found, wanted);
    }
    if (image && image->target && *xrt->place.image.target &&
        strcmp(image->target, xrt->place.image.target) != 0)
        return mr_failure(error, MR_ERROR_DEVICE, "%s: is built for %s and the target is %s",
                          xrt->place.path, xrt->place.image.target, image->target);
    return 0;
}

static int keep_names(struct xrt *xrt, const struct mr_image *image, struct mr_error *error) {
    const uint32_t count = xrt->shape.process_count;
    const bool named = image && image->process_count == count;
    if (image && image->processes && !named)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "%s: its kernel has %u processes and the network has %u; build the image "
                          "again",
                          xrt->place.path, count, image->process_count);
    xrt->names = calloc(count + 1, sizeof *xrt->names);
    xrt->name_text = calloc(count + 1, 64);
    if (!xrt->names || !xrt->name_text)
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory to open the card");
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

static int keep_probes(struct xrt *xrt, const struct mr_image *image, struct mr_error *error) {
    enum { NAME = 64 };
    const uint32_t count = xrt->shape.probe_count;
    const struct mr_probe *named = image ? image->probes : NULL;
    if (named && image->probe_count != count)
        return mr_failure(
            error, MR_ERROR_DEVICE,
            "%s: its kernel has %u probes and the network has %u; build the image again",
            xrt->place.path, count, image->probe_count);
    xrt->probes = calloc(1, ((size_t)count + 1) * (sizeof *xrt->probes + 2 * NAME));
    if (!xrt->probes)
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory to open the card");
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
    free(xrt->names);
    free(xrt->name_text);
    free(xrt->probes);
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
    xrt->card = xrt->way->open(&xrt->place, &xrt->shape, error);
    xrt->ports[0] = (struct mr_port){"weights", MR_PORT_IN, 8 * MR_XRT_BEAT};
    xrt->ports[1] = (struct mr_port){"x", MR_PORT_IN, xrt->shape.x_bits};
    xrt->ports[2] = (struct mr_port){"y", MR_PORT_OUT, xrt->shape.y_bits};
    return xrt->card && !keep_names(xrt, image, error) ? keep_probes(xrt, image, error)
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

// The card's kernel has one stream each way.
static int check_streams(const struct mr_job *job, struct mr_error *error) {
    const struct mr_job_in *in = job->in;
    const struct mr_job_out *out = job->out;
    bool well = in->name && !strcmp(in->name, "x") && out->name && !strcmp(out->name, "y");
    for (int i = 1; i < MR_JOB_STREAMS; i++)
        well = well && !in[i].name && !out[i].name;
    if (!well)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "the card's kernel has the streams x and y, and the job names others");
    if (!in->count || in->count % job->sequences || out->count % job->sequences)
        return mr_failure(
            error, MR_ERROR_ARGUMENT,
            "%llu elements of x and %llu of y are not the same for each of %u sequences",
            (unsigned long long)in->count, (unsigned long long)out->count, job->sequences);
    return 0;
}

static int run(void *device, struct mr_job *job, struct mr_error *error) {
    struct xrt *xrt = device;
    const int code = check_streams(job, error);
    return code                      ? code
           : check_owner(xrt, error) ? MR_ERROR_DEVICE
                                     : xrt->way->run(xrt->card, job, error);
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
    *info = (struct mr_device_info){.port_count = sizeof xrt->ports / sizeof *xrt->ports,
                                    .ports = xrt->ports,
                                    .process_count = xrt->shape.process_count,
                                    .processes = xrt->names,
                                    .probe_count = xrt->shape.probe_count,
                                    .probes = xrt->probes,
                                    .text = xrt->text,
                                    .place = xrt->place.path};
}

const struct mr_backend mr_backend_xrt = {.scheme = "xrt",
                                          .uris = "xrt:N[,IMAGE.xclbin]",
                                          .caps =
                                              MR_CAP_CYCLES | MR_CAP_TIMELINE | MR_CAP_NAMES_IMAGE,
                                          .form = MR_FORM_XCLBIN,
                                          .check = check,
                                          .list = list,
                                          .open = open_xrt,
                                          .info = info,
                                          .load_weights = load_weights,
                                          .run = run,
                                          .read_state = read_state,
                                          .write_state = write_state,
                                          .close = close_xrt};
