// SPDX-License-Identifier: Apache-2.0
// The devices a network can be planned for, from devices.def.
#ifndef MR_DEVICE_TABLE_H
#define MR_DEVICE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct mr_target {
    const char *name; // "u55c"
    const char *part; // as Vivado calls it
    uint32_t lut, ff, dsp, bram36, uram;
    uint32_t slrs; // dies
};

// The index-th device, NULL past the end.
const struct mr_target *mr_target_at(size_t index);

// By name, in either case; NULL when there is none.
const struct mr_target *mr_target_find(const char *name);

// "u50, u55c, ..." into text, cut short where it does not fit. Returns text.
char *mr_target_names(char *text, size_t size);

#endif
