// SPDX-License-Identifier: Apache-2.0
// `cpu:` is an engine (driver.h): whoever knows the network calculates on this processor, with the
// bits of the hardware and no cycles.
#include "driver.h"
#include "failure.h"

#include <stdio.h>
#include <stdlib.h>

static size_t list(struct mr_device_found *entries, size_t capacity) {
    if (capacity) {
        snprintf(entries->uri, sizeof entries->uri, "cpu:");
        snprintf(entries->text, sizeof entries->text, "this processor, bit-exact");
    }
    return 1;
}

static void *open_cpu(const char *rest, const char *path, const struct mr_image *image,
                      const struct mr_device_options *options, struct mr_error *error) {
    (void)rest, (void)path, (void)options;
    struct mr_engine *engine = malloc(sizeof *engine);
    if (engine)
        *engine = *image->engine;
    else
        mr_failure(error, MR_ERROR_MEMORY, "cpu:: not enough memory to open it");
    return engine;
}

static void info(const void *device, struct mr_device_info *info) {
    const struct mr_engine *engine = device;
    engine->info(engine->self, info);
}

static int load_weights(void *device, const void *beats, uint64_t count, struct mr_error *error) {
    (void)device, (void)beats, (void)count;
    return mr_failure(error, MR_ERROR_DEVICE, "cpu: takes no weights, its engine has them");
}

static int run(void *device, struct mr_job *job, struct mr_error *error) {
    const struct mr_engine *engine = device;
    return engine->run(engine->self, job, error);
}

static int read_state(void *device, void *beats, uint64_t count, struct mr_error *error) {
    const struct mr_engine *engine = device;
    return engine->read_state(engine->self, beats, count, error);
}

static int write_state(void *device, const void *beats, uint64_t count, struct mr_error *error) {
    const struct mr_engine *engine = device;
    return engine->write_state(engine->self, beats, count, error);
}

static void close_cpu(void *device) {
    struct mr_engine *engine = device;
    if (engine)
        engine->close(engine->self);
    free(engine);
}

const struct mr_backend mr_backend_cpu = {.scheme = "cpu",
                                          .uris = "cpu:",
                                          .usual = "cpu:",
                                          .form = MR_FORM_ENGINE,
                                          .list = list,
                                          .open = open_cpu,
                                          .info = info,
                                          .load_weights = load_weights,
                                          .run = run,
                                          .read_state = read_state,
                                          .write_state = write_state,
                                          .close = close_cpu};
