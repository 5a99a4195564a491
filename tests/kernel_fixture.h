// SPDX-License-Identifier: Apache-2.0
// For tests that include kernels and run them as C.
#ifndef KERNEL_FIXTURE_H
#define KERNEL_FIXTURE_H

#include "hls.h"

#include <check.h>

#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wunused-label"

// A stream of which all was read, and not more.
#define ck_assert_empty(stream)                                                                    \
    ck_assert(!(stream).fifo.failed && (stream).fifo.head == (stream).fifo.tail)

// xorshift64*
static inline uint32_t draw(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * UINT64_C(2685821657736338717) >> 32);
}

#endif
