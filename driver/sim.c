// SPDX-License-Identifier: Apache-2.0
// `sim:` runs the network's RTL in Verilator, in this process: exact bits and exact cycles.
#include "kernel_device.h"
#include <stdio.h>

static size_t list(struct mr_device_entry *entries, size_t capacity) {
    if (capacity) {
        snprintf(entries->uri, sizeof entries->uri, "sim:");
        snprintf(entries->text, sizeof entries->text, "RTL in Verilator, cycle-exact");
    }
    return 1;
}

static void *open_sim(const char *rest, const struct mr_image *image,
                      const struct mr_device_options *options, char *error, size_t error_size) {
    if (*rest) {
        snprintf(error, error_size, "sim:%s: nothing follows the colon; write sim:", rest);
        return NULL;
    }
    if (!image || !image->rtl_so) {
        snprintf(error, error_size, "sim: needs the network's simulator; build it first");
        return NULL;
    }
    return mr_kernel_device_open(image->rtl_so, "rtl", options, error, error_size);
}

const struct mr_backend mr_backend_sim = {.scheme = "sim",
                                          .form = "sim:",
                                          .list = list,
                                          .open = open_sim,
                                          .info = mr_kernel_device_info,
                                          .load_weights = mr_kernel_device_load,
                                          .run = mr_kernel_device_run,
                                          .read_state = mr_kernel_device_read_state,
                                          .write_state = mr_kernel_device_write_state,
                                          .close = mr_kernel_device_close};
