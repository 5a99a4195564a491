// SPDX-License-Identifier: Apache-2.0
// Jobs with feedback (driver.h) for a device that does not feed back itself: a run for each step.
#ifndef MR_FEEDBACK_H
#define MR_FEEDBACK_H

#include "driver.h"

// run: of single steps, as in struct mr_backend. x_bits: of an element of x; process_count: of the
// job's activity.
int mr_feedback_run(int (*run)(void *device, struct mr_job *job, struct mr_error *error),
                    void *device, uint32_t x_bits, uint32_t process_count, struct mr_job *job,
                    struct mr_error *error);

// The element of x that is this number.
void mr_feedback_element(uint32_t number, unsigned char *element, uint32_t x_bits);

#endif
