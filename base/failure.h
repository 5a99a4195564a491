// SPDX-License-Identifier: Apache-2.0
// Filling the library's struct mr_error.
#ifndef MR_FAILURE_H
#define MR_FAILURE_H

#include "millrace_error.h"

// Writes code and sentence to error, which may be NULL, and returns the code.
int mr_failure(struct mr_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
