// SPDX-License-Identifier: Apache-2.0
// What is built of a design for a card: the image of an emulated one, or what Vitis needs to make
// the image of a real one: RTL, kernel.xml, and how it is linked and placed. hw/vitis/build.sh
// takes it from there.
#ifndef MR_CARD_PROJECT_H
#define MR_CARD_PROJECT_H

#include "card_image.h"
#include "pipeline.h"

// Is it one that the function below knows? 0, or a code with a sentence that names them.
int mr_card_platform_check(const char *platform, struct mr_error *error);

// Builds the image of an emulated card, and its manifest beside it (the same name, .json); or
// writes a folder with what Vitis needs: network.sv, mr_network.svh, kernel.xml, manifest.json,
// link.cfg, place.tcl.
//   pipeline: the dies of its processes and channels; NULL: the placer chooses them.
//   platform: "hw_emu" or "hw".
//   output: a folder, made where it is missing; or a file that ends in .xclbin; NULL: that of the
//   options.
//   path: gets the place of the image or folder.
// 0, or a code with a sentence in error.
int mr_card_platform_build(const struct mr_card_design *design, const struct mr_pipeline *pipeline,
                           const char *platform, const char *output,
                           const struct mr_options *options, char *path, size_t path_size,
                           struct mr_error *error);

#endif
