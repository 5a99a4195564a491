// SPDX-License-Identifier: Apache-2.0
// For tests that include kernels and run them as C.
#ifndef KERNEL_FIXTURE_H
#define KERNEL_FIXTURE_H

#include "hls.h"
#include "random.h"

#include <check.h>

#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wunused-label"

// A stream of which all was read, and not more.
#define ck_assert_empty(stream)                                                                    \
    ck_assert(!(stream).fifo.failed && (stream).fifo.head == (stream).fifo.tail)

#endif
