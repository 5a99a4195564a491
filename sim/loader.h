// SPDX-License-Identifier: Apache-2.0
// Loads built kernels (kernel.h). Every load is a private copy of the shared object, so the statics
// of two loaded models are never the same memory.
#ifndef MR_LOADER_H
#define MR_LOADER_H

#include "kernel.h"

struct mr_loaded {
    const struct mr_kernel *kernel; // valid until mr_kernel_unload
    void *handle;
    int fd; // keeps the copy's name unique while it is loaded
};

// NULL on failure, with a sentence in error. Free with mr_kernel_unload.
struct mr_loaded *mr_kernel_load(const char *so_path, char *error, size_t error_size);
// NULL is legal. Every instance opened from the kernel must be closed before.
void mr_kernel_unload(struct mr_loaded *loaded);

#endif
