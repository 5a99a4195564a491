// SPDX-License-Identifier: Apache-2.0
// A way for bytes to a device and back, which may lose some, add some or break. Packets (link.h)
// stand on it; a cable is these functions.
//
// Functions return 0, or a code of MR_ERROR_MAP with code and sentence in error: then the device is
// gone. Calls on one pipe are never concurrent.
#ifndef MR_BYTE_PIPE_H
#define MR_BYTE_PIPE_H

#include "millrace_error.h"

#include <stddef.h>
#include <stdint.h>

struct mr_byte_pipe {
    void *self;
    // All bytes, or as many as can be written within limit_ms: *written.
    int (*write)(void *self, const void *bytes, size_t size, unsigned limit_ms, size_t *written,
                 struct mr_error *error);
    // What has come, up to `size` bytes: waits for the first one, limit_ms at most. *count: 0 after
    // that.
    int (*read)(void *self, void *bytes, size_t size, unsigned limit_ms, size_t *count,
                struct mr_error *error);
    // Drops what is on its way.
    int (*reset)(void *self, struct mr_error *error);
    // After a failure: looks for the same device for a moment and goes on with it. Bytes that were
    // on their way are gone. NULL: cannot be.
    int (*reopen)(void *self, struct mr_error *error);
    // Milliseconds from some point, as this pipe counts time.
    uint64_t (*now)(void *self);
    void (*close)(void *self);
};

#endif
