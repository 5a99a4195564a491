// SPDX-License-Identifier: Apache-2.0
// What a device whose kernel has the protocol tells of itself (kernel_protocol.h): the kernel knows
// numbers only, so the names are those of the image's network. And the jobs that it takes.
#include "failure.h"
#include "kernel_protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 64 };

static int check_counts(const struct mr_protocol_shape *shape, const struct mr_image *image,
                        const char *path, struct mr_error *error) {
    if (image && image->processes && image->process_count != shape->process_count)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "%s: its kernel has %u processes and the network has %u; build the image "
                          "again",
                          path, shape->process_count, image->process_count);
    if (image && image->probes && image->probe_count != shape->probe_count)
        return mr_failure(
            error, MR_ERROR_DEVICE,
            "%s: its kernel has %u probes and the network has %u; build the image again", path,
            shape->probe_count, image->probe_count);
    return 0;
}

static void name_probes(struct mr_protocol_names *names, const struct mr_image *image, char *text) {
    for (uint32_t i = 0; i < names->probe_count; i++, text += 2 * NAME) {
        struct mr_probe *probe = &names->probes[i];
        if (image && image->probes) {
            *probe = image->probes[i];
            snprintf(text, NAME, "%s", probe->process);
            snprintf(text + NAME, NAME, "%s", probe->name);
        } else {
            snprintf(text + NAME, NAME, "probe%u", i);
        }
        probe->process = text;
        probe->name = text + NAME;
    }
}

int mr_protocol_names_take(struct mr_protocol_names *names, const struct mr_protocol_shape *shape,
                           const struct mr_image *image, const char *path, struct mr_error *error) {
    const size_t processes = shape->process_count, probes = shape->probe_count;
    const int code = check_counts(shape, image, path, error);
    if (code)
        return code;
    *names = (struct mr_protocol_names){
        .process_count = shape->process_count,
        .probe_count = shape->probe_count,
        .processes = calloc(processes + 1, sizeof *names->processes),
        .probes = calloc(probes + 1, sizeof *names->probes),
        .text = calloc(processes + 2 * probes + 1, NAME),
        .ports = {{"weights", MR_PORT_IN, 8 * MR_BEAT_BYTES},
                  {"x", MR_PORT_IN, shape->x_bits},
                  {"y", MR_PORT_OUT, shape->y_bits}},
    };
    if (!names->processes || !names->probes || !names->text)
        return mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory to open it", path);
    for (size_t i = 0; i < processes; i++) {
        char *name = names->text + NAME * i;
        if (image && image->processes)
            snprintf(name, NAME, "%s", image->processes[i]);
        else
            snprintf(name, NAME, "process%zu", i);
        names->processes[i] = name;
    }
    name_probes(names, image, names->text + NAME * processes);
    return 0;
}

void mr_protocol_names_free(struct mr_protocol_names *names) {
    free(names->processes);
    free(names->probes);
    free(names->text);
}

void mr_protocol_names_info(const struct mr_protocol_names *names, struct mr_device_info *info) {
    *info = (struct mr_device_info){.port_count = sizeof names->ports / sizeof *names->ports,
                                    .ports = names->ports,
                                    .process_count = names->process_count,
                                    .processes = names->processes,
                                    .probe_count = names->probe_count,
                                    .probes = names->probes};
}

int mr_protocol_check_job(const struct mr_job *job, struct mr_error *error) {
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
