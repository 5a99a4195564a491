// SPDX-License-Identifier: Apache-2.0
// What an emulated USB bus (sim/usb) has behind a chip: the Verilated RTL of a board, or of a
// network's pipeline.
#ifndef MR_USB_IMAGE_H
#define MR_USB_IMAGE_H

#include "network_build.h"

// A board of boards.def that can be emulated.
struct mr_usb_board {
    const char *name, *chip; // as the emulator knows it: "ft2232h"
};
// The board of this name (in either case), or NULL with a sentence.
const struct mr_usb_board *mr_usb_board_find(const char *name, struct mr_error *error);
// The chip in front of a network's pipeline.
extern const char *const mr_usb_pipeline_chip;

// Builds it unless the cache has it. 0, or a code with a sentence in error.
int mr_usb_board_build(const struct mr_usb_board *board, const struct mr_options *options,
                       char *so_path, size_t so_path_size, struct mr_error *error);
int mr_usb_pipeline_build(const struct mr_compiled *compiled, const struct mr_options *options,
                          char *so_path, size_t so_path_size, struct mr_error *error);

#endif
