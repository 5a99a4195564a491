// SPDX-License-Identifier: Apache-2.0
// Time without a sign of life, as far as this process looked for one.
#ifndef MR_QUIET_H
#define MR_QUIET_H

#include <stdbool.h>
#include <stdint.h>

struct mr_quiet {
    uint64_t looked, ms; // 0: not yet
};

// A look. True when there was no sign for more than limit_ms; a long gap between two looks, in
// which this process was stopped perhaps, is half of that at most.
bool mr_too_quiet(struct mr_quiet *quiet, bool sign, unsigned limit_ms);

#endif
