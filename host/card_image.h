// SPDX-License-Identifier: Apache-2.0
// Images of cards for a network's shape: building the one of an emulated card, and finding what is
// there (bitstreams/).
#ifndef MR_CARD_IMAGE_H
#define MR_CARD_IMAGE_H

#include "network_build.h"

// The images that hold this shape, for its target; "" where there is none.
struct mr_card_images {
    char hardware[PATH_MAX], emulation[PATH_MAX];
};

// Looks through $MILLRACE_BITSTREAMS, or else ./bitstreams and that of the project.
void mr_card_images_find(const struct mr_compiled *compiled, struct mr_card_images *images);

// Builds the image of an emulated card, and its manifest beside it (the same name, .json); or
// writes a folder with what Vitis needs for the image of a card.
//   platform: "hw_emu" or "hw".
//   output: a folder, made where it is missing; or a file that ends in .xclbin; NULL: the first of
//   the folders above.
//   path: gets the place of the image.
// 0, or a code with a sentence in error.
int mr_card_image_build(const struct mr_compiled *compiled, const char *platform,
                        const char *output, const struct mr_options *options, char *path,
                        size_t path_size, struct mr_error *error);

#endif
