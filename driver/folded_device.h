// SPDX-License-Identifier: Apache-2.0
// A device that is a folded kernel behind a pipe of words (word_pipe.h): what backends of boards
// have in common.
#ifndef MR_FOLDED_DEVICE_H
#define MR_FOLDED_DEVICE_H

#include "driver.h"
#include "folded_program.h"
#include "word_pipe.h"

struct mr_folded_device;

// That the kernel multiplies at a time.
uint32_t mr_folded_rows(const struct mr_folded_limits *limits);
// Loads the program, of which a copy is kept. name: "usb:", for messages; it must stay. The device
// closes the pipe, also when this fails. NULL on failure.
struct mr_folded_device *mr_folded_open(const struct mr_word_pipe *pipe,
                                        const struct mr_folded_program *program, const char *name,
                                        struct mr_error *error);
// The rest are functions of struct mr_backend.
void mr_folded_info(const void *device, struct mr_device_info *info);
int mr_folded_load(void *device, const void *beats, uint64_t count, struct mr_error *error);
int mr_folded_run(void *device, struct mr_job *job, struct mr_error *error);
int mr_folded_read_state(void *device, void *beats, uint64_t count, struct mr_error *error);
int mr_folded_write_state(void *device, const void *beats, uint64_t count, struct mr_error *error);
void mr_folded_close(void *device);

#endif
