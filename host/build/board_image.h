// SPDX-License-Identifier: Apache-2.0
// Images of boards: made of the folded kernel by hw/board/build.sh, found in bitstreams/. One image
// of a board runs every network that fits the kernel.
#ifndef MR_BOARD_IMAGE_H
#define MR_BOARD_IMAGE_H

#include "board_table.h"
#include "millrace.h"

#include <stdbool.h>
#include <stddef.h>

// Makes BOARD.bin and its manifest BOARD.json in the folder `output` (NULL: where images are looked
// for), which takes minutes unless an image of the same sources is there. path: gets the place of
// the image. 0, or a code with a sentence in error.
int mr_board_image_build(const struct mr_board *board, const char *output,
                         const struct mr_options *options, char *path, size_t path_size,
                         struct mr_error *error);

// The image of a board in `folder` (NULL: where images are looked for), which must have the
// checksum of its manifest. 0, or a code with a sentence in error.
int mr_board_image_find(const struct mr_board *board, const char *folder, char *path,
                        size_t path_size, struct mr_error *error);

// Is an image that a board tells the hash of one of the folder's (NULL: where images are looked
// for)? One of all zeros is that of an emulated board, made of the kernel at hand, and where the
// folder has no image of a board nothing can be said. device: "usb:", for the sentence. 0, or a
// code with the sentence.
int mr_board_image_check(const unsigned char *hash, const char *folder, const char *device,
                         struct mr_error *error);

// What the image of a board in the folder takes of the chip, by its manifest. False: there is no
// such manifest.
bool mr_board_image_cells(const struct mr_board *board, const char *folder,
                          struct mr_board_cells *cells);

#endif
