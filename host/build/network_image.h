// SPDX-License-Identifier: Apache-2.0
// Images of cards for a network's pipeline (card_image.h).
#ifndef MR_NETWORK_IMAGE_H
#define MR_NETWORK_IMAGE_H

#include "card_image.h"
#include "network_build.h"

// What an image of the network would be of, without its name and what is described: enough to look
// for one, and where it was compiled for its shape. The network must stay while it is used.
struct mr_card_design mr_network_design(const struct mr_compiled *compiled);

// Builds the image of an emulated card, and its manifest beside it (the same name, .json); or
// writes a folder with what Vitis needs for the image of a card.
//   platform: "hw_emu" or "hw".
//   output: a folder, made where it is missing; or a file that ends in .xclbin; NULL: that of the
//   options.
//   path: gets the place of the image.
// 0, or a code with a sentence in error.
int mr_network_image_build(const struct mr_compiled *compiled, const char *platform,
                           const char *output, const struct mr_options *options, char *path,
                           size_t path_size, struct mr_error *error);

#endif
