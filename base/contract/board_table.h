// SPDX-License-Identifier: Apache-2.0
// The boards a network's program can be planned for, from boards.def.
#ifndef MR_BOARD_TABLE_H
#define MR_BOARD_TABLE_H

#include <stddef.h>
#include <stdint.h>

// What a chip has, or an image takes of it.
struct mr_board_cells {
    uint32_t logic, block_rams, large_rams, multipliers;
};

struct mr_board {
    const char *name; // "icebreaker"
    const char *chip;
    uint32_t clock_mhz;
    uint16_t product; // of USB, of its FTDI chip
    int rows;         // that its kernel multiplies at a time
    struct mr_board_cells cells;
};

// The index-th board, NULL past the end.
const struct mr_board *mr_board_at(size_t index);
// By name, in either case; NULL when there is none.
const struct mr_board *mr_board_find(const char *name);
// "icebreaker, upduino", in text.
const char *mr_board_names(char *text, size_t size);

#endif
