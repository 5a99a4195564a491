// SPDX-License-Identifier: Apache-2.0
// A training engine as a device of the driver's needs it: its C compiled, its simulator, or the
// image of a card.
#ifndef MR_TRAIN_BUILD_H
#define MR_TRAIN_BUILD_H

#include "driver.h"
#include "int_device.h"
#include "train_stages.h"

#include <limits.h>

struct mr_train_built {
    char path[PATH_MAX];
    struct mr_design_hash hash; // by which an image is known
    // Zero where they are not known: of C, and of an image without a manifest.
    struct mr_train_run_stages stages;
};

// Builds what the device of options->device needs, unless the cache has it; of a card it looks for
// an image, and builds one of an emulated card only where the options say so. `image`: what is
// opened; it lies in *built. 0, or a code with a sentence in error.
int mr_train_build(const struct mr_train_shape *shape, const struct mr_int_device_options *options,
                   struct mr_train_built *built, struct mr_image *image, struct mr_error *error);

// Builds the image of an emulated card of that shape, platform "hw_emu", or a folder with what
// Vitis needs for a card's, "hw" (card_project.h); its place is built->path. output: where, or
// NULL. options: target, bitstreams and notes. 0, or a code with a sentence in error.
int mr_train_image_build(const struct mr_train_shape *shape, const char *platform,
                         const char *output, const struct mr_int_device_options *options,
                         struct mr_train_built *built, struct mr_error *error);

#endif
