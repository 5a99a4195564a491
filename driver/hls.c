// SPDX-License-Identifier: Apache-2.0
// `hls:` runs the C that the hardware is made of, compiled for this processor: what the others are
// compared with. It counts no cycles.
#include "kernel_device.h"
#include <stdio.h>

static size_t list(struct mr_device_found *entries, size_t capacity) {
    if (capacity) {
        snprintf(entries->uri, sizeof entries->uri, "hls:");
        snprintf(entries->text, sizeof entries->text, "the hardware's C, compiled");
    }
    return 1;
}

static void *open_hls(const char *rest, const char *path, const struct mr_image *image,
                      const struct mr_device_options *options, struct mr_error *error) {
    (void)rest, (void)image;
    return mr_kernel_device_open(path, "model", options, error);
}

const struct mr_backend mr_backend_hls = {.scheme = "hls",
                                          .uris = "hls:",
                                          .usual = "hls:",
                                          .form = MR_FORM_MODEL,
                                          .list = list,
                                          .open = open_hls,
                                          .info = mr_kernel_device_info,
                                          .load_weights = mr_kernel_device_load,
                                          .run = mr_kernel_device_run,
                                          .read_state = mr_kernel_device_read_state,
                                          .write_state = mr_kernel_device_write_state,
                                          .close = mr_kernel_device_close};
