// SPDX-License-Identifier: Apache-2.0
// `sim:` runs the network's RTL in Verilator, in this process: exact bits and exact cycles.
#include "kernel_device.h"
#include <stdio.h>

static size_t list(struct mr_device_found *entries, size_t capacity) {
    if (capacity) {
        snprintf(entries->uri, sizeof entries->uri, "sim:");
        snprintf(entries->text, sizeof entries->text, "RTL in Verilator, cycle-exact");
    }
    return 1;
}

static void *open_sim(const char *rest, const char *path, const struct mr_image *image,
                      const struct mr_device_options *options, struct mr_error *error) {
    (void)rest, (void)image;
    return mr_kernel_device_open(path, "rtl", options, error);
}

const struct mr_backend mr_backend_sim = {.scheme = "sim",
                                          .uris = "sim:",
                                          .usual = "sim:",
                                          .caps = MR_CAP_CYCLES | MR_CAP_TIMELINE | MR_CAP_STALLS |
                                                  MR_CAP_TRACE,
                                          .form = MR_FORM_RTL,
                                          .list = list,
                                          .open = open_sim,
                                          .info = mr_kernel_device_info,
                                          .load_weights = mr_kernel_device_load,
                                          .run = mr_kernel_device_run,
                                          .read_state = mr_kernel_device_read_state,
                                          .write_state = mr_kernel_device_write_state,
                                          .close = mr_kernel_device_close};
