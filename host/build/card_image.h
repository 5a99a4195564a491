// SPDX-License-Identifier: Apache-2.0
// Images of cards for a network: building the one of an emulated card, and finding what is
// there (bitstreams/).
#ifndef MR_CARD_IMAGE_H
#define MR_CARD_IMAGE_H

#include "network_build.h"

#include <jansson.h>

// The images that hold this shape, for its target; "" where there is none.
struct mr_card_images {
    char hardware[PATH_MAX], emulation[PATH_MAX];
    char problem[900]; // with one that would hold it, or ""
};

// Looks in `folder`, where it is not NULL, else in $MILLRACE_BITSTREAMS, else in the project's
// bitstreams; never in the current folder, as an image holds a program (docs/card.md). Images are
// taken with their manifest only, whose checksum they must have.
void mr_card_images_find(const struct mr_compiled *compiled, const char *folder,
                         struct mr_card_images *images);

// Where images are looked for and written: `given`, where it is not NULL; else
// $MILLRACE_BITSTREAMS; else bitstreams/ beside the project's sources. 0, or -1 with a sentence:
// nobody gives it, and there are no sources.
int mr_images_folder(const char *given, char *folder, size_t size, char *error, size_t error_size);

// The manifest's path: that of the image with another ending, and its own of a manifest. 0, or -1
// where it is too long.
int mr_manifest_path(const char *image, char *path, size_t size);
// The manifest itself. NULL with a sentence in error.
json_t *mr_manifest_read(const char *image, char *error, size_t error_size);

// Compares an image that a user named with its manifest, where one is beside it. 0, or -1 with a
// sentence in error.
int mr_card_image_check(const char *image, char *error, size_t error_size);

// The text of mr_network.svh, which gives the RTL kernel its shape (docs/card.md); to be freed.
// NULL when memory ran out.
char *mr_card_shape_header(const struct mr_compiled *compiled);

// Builds the image of an emulated card, and its manifest beside it (the same name, .json); or
// writes a folder with what Vitis needs for the image of a card.
//   platform: "hw_emu" or "hw".
//   output: a folder, made where it is missing; or a file that ends in .xclbin; NULL: the folder
//   above.
//   path: gets the place of the image.
// 0, or a code with a sentence in error.
int mr_card_image_build(const struct mr_compiled *compiled, const char *platform,
                        const char *output, const struct mr_options *options, char *path,
                        size_t path_size, struct mr_error *error);

#endif
