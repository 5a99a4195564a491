// SPDX-License-Identifier: Apache-2.0
// `usb:`: boards on a cable. Behind a serial line is a folded kernel, which takes the network's
// program; behind a FIFO a pipeline, which has a card's registers.
#include "cable.h"
#include "driver.h"
#include "failure.h"
#include "folded_device.h"
#include "kernel_protocol.h"
#include "link.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT_MS = 10000, PORTION = 256 * 1024, MOST_LISTED = 64 };

struct usb {
    char name[MR_CABLE_NAME], text[96], place[48];
    struct mr_link link;
    struct mr_link_words *words; // of a folded kernel
    struct mr_folded_device *folded;
    struct mr_link_memory memory; // of a pipeline
    struct mr_protocol protocol;
    struct mr_protocol_names names;
};

static int check_rest(const char *rest, struct mr_error *error) {
    for (const char *at = rest; *at; at++)
        if (!isgraph((unsigned char)*at))
            return mr_failure(error, MR_ERROR_DEVICE,
                              "device usb:%s: a serial number follows the colon, or nothing", rest);
    return strlen(rest) < MR_CABLE_SERIAL
               ? 0
               : mr_failure(error, MR_ERROR_DEVICE,
                            "device usb:%s: a serial number has at most %d letters", rest,
                            MR_CABLE_SERIAL - 1);
}

static size_t list(struct mr_device_found *entries, size_t capacity) {
    struct mr_cable cables[MOST_LISTED];
    const size_t there = mr_cable_list(cables, MOST_LISTED);
    size_t count = 0;
    for (size_t i = 0; i < there && i < MOST_LISTED; i++) {
        if (cables[i].denied)
            continue;
        if (count < capacity) {
            snprintf(entries[count].uri, sizeof entries[count].uri, "usb:%s", cables[i].serial);
            snprintf(entries[count].text, sizeof entries[count].text, "board with an %s, %s",
                     cables[i].chip->name,
                     cables[i].chip == &mr_cable_ft601 ? "a pipeline" : "a folded kernel");
        }
        count++;
    }
    return count;
}

// What is behind the chip, without opening it; what is plugged in changes.
static enum mr_form form_of(const char *rest) {
    struct mr_cable cables[MOST_LISTED];
    const size_t there = mr_cable_list(cables, MOST_LISTED);
    for (size_t i = 0; i < there && i < MOST_LISTED; i++)
        if (cables[i].chip == &mr_cable_ft601 && (!*rest || !strcmp(cables[i].serial, rest)))
            return MR_FORM_SHAPE;
    return MR_FORM_FOLDED;
}

static void close_usb(void *device) {
    struct usb *usb = device;
    if (!usb)
        return;
    mr_folded_close(usb->folded);
    mr_link_words_close(usb->words);
    if (usb->protocol.transport) {
        usb->protocol.error = usb->memory.error = NULL;
        mr_protocol_end(&usb->protocol);
        mr_protocol_free(&usb->protocol);
    }
    mr_protocol_names_free(&usb->names);
    mr_link_memory_free(&usb->memory);
    mr_link_close(&usb->link);
    free(usb);
}

// Errors of this call go there.
static struct usb *use(void *device, struct mr_error *error) {
    struct usb *usb = device;
    usb->protocol.error = usb->memory.error = error;
    return usb;
}

static int open_folded(struct usb *usb, const struct mr_image *image, struct mr_error *error) {
    struct mr_word_pipe pipe;
    const struct mr_folded_program *program;
    if (!image->folded)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "%s has a folded kernel behind its FIFO, where a pipeline was expected",
                          usb->name);
    usb->words = mr_link_words_open(&usb->link, error);
    if (!usb->words)
        return MR_ERROR_MEMORY;
    mr_link_words_pipe(usb->words, &pipe);
    const int code = image->folded->make(image->folded->self, mr_folded_rows(&pipe.limits),
                                         usb->link.identity.hash, &program, error);
    if (code)
        return code;
    usb->folded = mr_folded_open(&pipe, program, usb->name, error);
    return usb->folded ? 0 : MR_ERROR_DEVICE;
}

static int open_pipeline(struct usb *usb, const struct mr_image *image,
                         const struct mr_device_options *options, struct mr_error *error) {
    if (!image->hash)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "%s has a pipeline behind its serial line, where a folded kernel was "
                          "expected",
                          usb->name);
    usb->memory.link = &usb->link;
    usb->protocol =
        (struct mr_protocol){.transport = &mr_link_transport,
                             .link = &usb->memory,
                             .image = usb->name,
                             .limit_ms = options->limit_ms ? options->limit_ms : LIMIT_MS,
                             .portion = options->portion ? options->portion : PORTION};
    use(usb, error);
    const int code = mr_protocol_identify(&usb->protocol, image->hash->shape);
    return code
               ? code
               : mr_protocol_names_take(&usb->names, &usb->protocol.shape, image, usb->name, error);
}

static int open_device(struct usb *usb, const char *rest, const struct mr_image *image,
                       const struct mr_device_options *options, struct mr_error *error) {
    struct mr_byte_pipe pipe;
    const struct mr_cable_chip *chip;
    int code = mr_cable_open(&pipe, rest, usb->name, &chip, error);
    if (!code)
        code = mr_link_open(&usb->link, &pipe, usb->name,
                            options->limit_ms ? options->limit_ms : LIMIT_MS, error);
    if (code)
        return code;
    const struct mr_link_identity *identity = &usb->link.identity;
    const bool folded = identity->kind == MR_PACKET_KIND_FOLDED;
    snprintf(usb->text, sizeof usb->text, "%s by an %s at %.1f MHz",
             folded ? "a folded kernel" : "a pipeline", chip->name, identity->clock_khz / 1000.0);
    snprintf(usb->place, sizeof usb->place, "image %02x%02x%02x%02x", identity->hash[0],
             identity->hash[1], identity->hash[2], identity->hash[3]);
    if (folded)
        return open_folded(usb, image, error);
    if (identity->kind == MR_PACKET_KIND_PIPELINE)
        return open_pipeline(usb, image, options, error);
    return mr_failure(
        error, MR_ERROR_DEVICE,
        "%s has a kernel of kind %u, which this driver does not know; use a newer one", usb->name,
        identity->kind);
}

static void *open_usb(const char *rest, const char *path, const struct mr_image *image,
                      const struct mr_device_options *options, struct mr_error *error) {
    (void)path;
    struct usb *usb = calloc(1, sizeof *usb);
    if (!usb) {
        mr_failure(error, MR_ERROR_MEMORY, "usb:%s: not enough memory to open it", rest);
        return NULL;
    }
    if (open_device(usb, rest, image, options, error)) {
        close_usb(usb);
        return NULL;
    }
    return usb;
}

static int load_weights(void *device, const void *beats, uint64_t count, struct mr_error *error) {
    struct usb *usb = use(device, error);
    return usb->folded ? mr_folded_load(usb->folded, beats, count, error)
                       : mr_protocol_load_weights(&usb->protocol, beats, count);
}

// A pipeline's memory is small: a long job goes in parts, of whole beats as the protocol has them,
// whose x and y take half of it at most.
static int run_parts(struct usb *usb, struct mr_job *job) {
    const uint64_t x_count = job->in->count / job->sequences,
                   y_count = job->out->count / job->sequences,
                   x_bytes = x_count * mr_element_bytes(usb->protocol.shape.x_bits),
                   y_bytes = y_count * mr_element_bytes(usb->protocol.shape.y_bits),
                   fit = usb->link.identity.memory / 2 / (x_bytes + y_bytes) / MR_BEAT_BYTES;
    const uint32_t most = (uint32_t)(fit ? fit : 1) * MR_BEAT_BYTES;
    if (job->feedback.most || job->sequences <= most)
        return mr_protocol_run(&usb->protocol, job);
    job->cycles = job->last_output_cycle = 0;
    while (job->done < job->sequences) {
        const uint32_t left = job->sequences - job->done;
        struct mr_job part = *job;
        part.sequences = left < most ? left : most;
        part.done = 0;
        part.in->count = part.sequences * x_count;
        part.in->data = (const char *)job->in->data + job->done * x_bytes;
        part.out->count = part.sequences * y_count;
        part.out->data = (char *)job->out->data + job->done * y_bytes;
        const int code = mr_protocol_run(&usb->protocol, &part);
        job->done += part.done;
        if (code)
            return code;
        job->last_output_cycle = job->cycles + part.last_output_cycle;
        job->cycles += part.cycles;
    }
    return 0;
}

static int run(void *device, struct mr_job *job, struct mr_error *error) {
    struct usb *usb = use(device, error);
    if (usb->folded)
        return mr_folded_run(usb->folded, job, error);
    const int code = mr_protocol_check_job(job, error);
    return code ? code : run_parts(usb, job);
}

static int read_state(void *device, void *beats, uint64_t count, struct mr_error *error) {
    struct usb *usb = use(device, error);
    return usb->folded ? mr_folded_read_state(usb->folded, beats, count, error)
                       : mr_protocol_read_state(&usb->protocol, beats, count);
}

static int write_state(void *device, const void *beats, uint64_t count, struct mr_error *error) {
    struct usb *usb = use(device, error);
    return usb->folded ? mr_folded_write_state(usb->folded, beats, count, error)
                       : mr_protocol_write_state(&usb->protocol, beats, count);
}

static void info(const void *device, struct mr_device_info *info) {
    const struct usb *usb = device;
    if (usb->folded)
        mr_folded_info(usb->folded, info);
    else
        mr_protocol_names_info(&usb->names, info);
    info->clock_khz = usb->link.identity.clock_khz;
    info->text = usb->text;
    info->place = usb->place;
}

const struct mr_backend mr_backend_usb = {.scheme = "usb",
                                          .uris = "usb:[SERIAL]",
                                          .usual = "usb:",
                                          .caps = MR_CAP_CYCLES,
                                          .form = MR_FORM_FOLDED,
                                          .form_of = form_of,
                                          .check = check_rest,
                                          .list = list,
                                          .open = open_usb,
                                          .info = info,
                                          .load_weights = load_weights,
                                          .run = run,
                                          .read_state = read_state,
                                          .write_state = write_state,
                                          .close = close_usb};
