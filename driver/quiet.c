// SPDX-License-Identifier: Apache-2.0
// Time without a sign of life (quiet.h).
#define _POSIX_C_SOURCE 200809L
#include "quiet.h"

#include <time.h>

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool mr_too_quiet(struct mr_quiet *quiet, bool sign, unsigned limit_ms) {
    const uint64_t now = now_ms(), gap = now - quiet->looked;
    quiet->ms = sign || !quiet->looked ? 0 : quiet->ms + (gap < limit_ms / 2 ? gap : limit_ms / 2);
    quiet->looked = now;
    return quiet->ms > limit_ms;
}
