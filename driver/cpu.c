// SPDX-License-Identifier: Apache-2.0
// `cpu:` runs the network's HLS C, compiled for this processor: the same bits as the hardware, no
// cycles.
#include "kernel_device.h"
#include <stdio.h>

static size_t list(struct mr_device_entry *entries, size_t capacity) {
    if (capacity) {
        snprintf(entries->uri, sizeof entries->uri, "cpu:");
        snprintf(entries->text, sizeof entries->text, "this processor, bit-exact");
    }
    return 1;
}

static void *open_cpu(const char *rest, const struct mr_image *image,
                      const struct mr_device_options *options, char *error, size_t error_size) {
    if (*rest) {
        snprintf(error, error_size, "cpu:%s: nothing follows the colon; write cpu:", rest);
        return NULL;
    }
    if (!image || !image->model_so) {
        snprintf(error, error_size, "cpu: needs the network's compiled model; build it first");
        return NULL;
    }
    if (options->trace || options->idle_chance || options->stall_chance) {
        snprintf(error, error_size,
                 "cpu: has no clock, so no waveform, idle cycles or stalls; use sim: for them");
        return NULL;
    }
    return mr_kernel_device_open(image->model_so, "model", options, error, error_size);
}

const struct mr_backend mr_backend_cpu = {.scheme = "cpu",
                                          .form = "cpu:",
                                          .list = list,
                                          .open = open_cpu,
                                          .info = mr_kernel_device_info,
                                          .load_weights = mr_kernel_device_load,
                                          .run = mr_kernel_device_run,
                                          .read_state = mr_kernel_device_read_state,
                                          .write_state = mr_kernel_device_write_state,
                                          .close = mr_kernel_device_close};
