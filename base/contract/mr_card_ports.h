// SPDX-License-Identifier: Apache-2.0
// The memory ports of an Alveo card's kernel: for its RTL (hw/make_registers.c), and for plans,
// which count the FIFOs that follow.
#ifndef MR_CARD_PORTS_H
#define MR_CARD_PORTS_H

enum {
    MR_BURST_BEATS = 64, // of the longest burst
    MR_BURSTS = 8        // under way at a time, in each direction
};

#endif
