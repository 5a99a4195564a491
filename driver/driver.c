// SPDX-License-Identifier: Apache-2.0
// Finds the backend of a URI and checks what every backend would have to check.
#define _POSIX_C_SOURCE 200809L
#include "driver.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct mr_backend *const backends[] = {&mr_backend_cpu, &mr_backend_sim,
                                                    &mr_backend_xrt};
enum { BACKEND_COUNT = sizeof backends / sizeof *backends };

struct mr_device {
    const struct mr_backend *backend;
    void *state;
};

static const struct mr_backend *find_backend(const char *uri, char *error, size_t error_size) {
    const char *colon = strchr(uri, ':');
    const size_t length = colon ? (size_t)(colon - uri) : 0;
    for (size_t i = 0; i < BACKEND_COUNT; i++)
        if (colon && strlen(backends[i]->scheme) == length &&
            !strncmp(uri, backends[i]->scheme, length))
            return backends[i];
    char known[200] = "";
    const char *meant = NULL;
    const size_t word = strcspn(uri, ":");
    for (size_t i = 0; i < BACKEND_COUNT; i++)
        if (strlen(backends[i]->scheme) == word && !strncasecmp(uri, backends[i]->scheme, word))
            meant = backends[i]->form;
    for (size_t i = 0, used = 0; i < BACKEND_COUNT && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                 backends[i]->form);
    snprintf(error, error_size, "%s: %s; known are %s%s%s%s", uri,
             colon ? "there is no device of this kind" : "a device is named as kind:rest", known,
             meant ? " (did you mean " : "", meant ? meant : "", meant ? "?)" : "");
    return NULL;
}

struct mr_device *mr_device_open(const char *uri, const struct mr_image *image,
                                 const struct mr_device_options *options, char *error,
                                 size_t error_size) {
    static const struct mr_device_options none = {0};
    const struct mr_backend *backend = find_backend(uri, error, error_size);
    if (!backend)
        return NULL;
    struct mr_device *device = calloc(1, sizeof *device);
    if (!device) {
        snprintf(error, error_size, "%s: not enough memory to open it", uri);
        return NULL;
    }
    device->backend = backend;
    device->state =
        backend->open(strchr(uri, ':') + 1, image, options ? options : &none, error, error_size);
    if (!device->state) {
        free(device);
        return NULL;
    }
    return device;
}

void mr_device_close(struct mr_device *device) {
    if (!device)
        return;
    device->backend->close(device->state);
    free(device);
}

void mr_device_get_info(const struct mr_device *device, struct mr_device_info *info) {
    device->backend->info(device->state, info);
}

int mr_device_load_weights(struct mr_device *device, const void *beats, uint64_t count, char *error,
                           size_t error_size) {
    return device->backend->load_weights(device->state, beats, count, error, error_size);
}

int mr_device_run(struct mr_device *device, struct mr_job *job, char *error, size_t error_size) {
    const uint64_t total = (uint64_t)job->sequences * job->steps;
    if (!total || total > UINT32_MAX) {
        snprintf(error, error_size,
                 "%u sequences of %u steps are %llu steps in all and a run takes 1 to %u; split it",
                 job->sequences, job->steps, (unsigned long long)total, UINT32_MAX);
        return -1;
    }
    if (job->flags & ~(uint32_t)MR_FLAG_RESET) {
        snprintf(error, error_size, "run flags 0x%x have bits that have no meaning; known is 0x%x",
                 job->flags, (unsigned)MR_FLAG_RESET);
        return -1;
    }
    job->done = 0;
    if (device->backend->run(device->state, job, error, error_size))
        return -1;
    job->done = job->sequences;
    if (job->timeline && job->cycles)
        mr_timeline_end_run(job->timeline, job->cycles, job->activity);
    return 0;
}

int mr_device_read_state(struct mr_device *device, void *beats, uint64_t count, char *error,
                         size_t error_size) {
    return device->backend->read_state(device->state, beats, count, error, error_size);
}

int mr_device_write_state(struct mr_device *device, const void *beats, uint64_t count, char *error,
                          size_t error_size) {
    return device->backend->write_state(device->state, beats, count, error, error_size);
}

size_t mr_device_list(struct mr_device_entry *entries, size_t capacity) {
    size_t count = 0;
    for (size_t i = 0; i < BACKEND_COUNT; i++) {
        const size_t used = count < capacity ? count : capacity;
        count += backends[i]->list(capacity ? entries + used : NULL, capacity - used);
    }
    return count;
}
