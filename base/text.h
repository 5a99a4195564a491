// SPDX-License-Identifier: Apache-2.0
// Text that grows, and names that were meant.
#ifndef MR_TEXT_H
#define MR_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// All zero is empty. `failed` once memory ran out; what is added then is dropped.
struct mr_text {
    char *data; // to be freed; NULL when nothing was added
    size_t size, capacity;
    bool failed;
};

void mr_text_add(struct mr_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// The one of the names that is but a slip of the finger away, or NULL.
const char *mr_nearest(const char *text, const char *const *names, size_t count);

// What makes the plural of a noun behind its number: "%u step%s".
static inline const char *mr_plural(uint64_t count) {
    return count == 1 ? "" : "s";
}

#endif
