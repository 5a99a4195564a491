// SPDX-License-Identifier: Apache-2.0
// A device that is a built kernel in this process (kernel.h): what `cpu:` and `sim:` have in
// common.
#ifndef MR_KERNEL_DEVICE_H
#define MR_KERNEL_DEVICE_H

#include "driver.h"

struct mr_kernel_device;

// Loads a private copy of so_path, which must be of this flavour and have the ports of a network.
struct mr_kernel_device *mr_kernel_device_open(const char *so_path, const char *flavour,
                                               const struct mr_device_options *options,
                                               struct mr_error *error);
// The rest are functions of struct mr_backend.
void mr_kernel_device_info(const void *device, struct mr_device_info *info);
int mr_kernel_device_load(void *device, const void *beats, uint64_t count, struct mr_error *error);
int mr_kernel_device_run(void *device, struct mr_job *job, struct mr_error *error);
int mr_kernel_device_read_state(void *device, void *beats, uint64_t count, struct mr_error *error);
int mr_kernel_device_write_state(void *device, const void *beats, uint64_t count,
                                 struct mr_error *error);
void mr_kernel_device_close(void *device);

#endif
