// SPDX-License-Identifier: Apache-2.0
// The devices a network can be planned for, from devices.def.
#ifndef MR_DEVICE_TABLE_H
#define MR_DEVICE_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum { MR_DIES = 4 }; // at most, of a device

struct mr_target {
    const char *name; // "u55c"
    const char *part; // as Vivado calls it
    uint32_t lut, ff, dsp, bram36, uram;
    uint32_t slrs;              // dies
    const char *platform;       // AMD's, that an image is linked for
    const char *memory_in;      // the platform's memory of port gmem_in: "HBM[0:7]"
    const char *memory_out;     // and of gmem_out
    const char *memory_own;     // of the ports memory0 ...: "HBM[16:31]", or words
    uint32_t gib;               // of memory on the card
    uint8_t die_order[MR_DIES]; // [slrs]: as they are filled, from that of the memory ports
};

// The index-th device, NULL past the end.
const struct mr_target *mr_target_at(size_t index);

// By name, in either case; NULL when there is none.
const struct mr_target *mr_target_find(const char *name);

// Where nobody names one.
#define MR_TARGET_USUAL "u55c"

// Ports of external memories that a device serves at full rate: banks for them.
unsigned mr_target_memories(const struct mr_target *target);

// The bank, or banks, of the index-th port of `count` into text, cut short where it does not fit.
// Where there are more ports than banks they share them. Returns text.
char *mr_target_memory(const struct mr_target *target, unsigned index, unsigned count, char *text,
                       size_t size);

// "u50, u55c, ..." into text, cut short where it does not fit. Returns text.
char *mr_target_names(char *text, size_t size);

#endif
