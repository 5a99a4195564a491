// SPDX-License-Identifier: Apache-2.0
// Images of cards for a kernel that was compiled, with the ports of a network: building the one of
// an emulated card, and finding what is there (bitstreams/).
#ifndef MR_CARD_IMAGE_H
#define MR_CARD_IMAGE_H

#include "design_hash.h"
#include "device_table.h"
#include "hls_report.h"
#include "millrace.h"
#include "mr_registers.h"

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>

enum { MR_CARD_MEMORIES_MOST = MR_CARD_MEMORY_ADDRESS_MOST };

// What an image is of. Nothing of it is its own.
struct mr_card_design {
    const struct mr_design_hash *hash; // what it is known by
    const struct mr_target *target;
    // Of one that is built.
    const char *name; // what that of its file begins with
    const char *data_dir, *gen_dir, *cache_dir;
    const struct mr_report *report;
    double clock_mhz;
    uint32_t x_bits, y_bits;
    uint32_t memory_words[MR_CARD_MEMORIES_MOST]; // that each external memory of the report needs
    bool feeds_back;                              // a number that it gives can be its input
    json_t *described;                            // members of its manifest beside those of all
};

// The images that hold this shape, for its target; "" where there is none.
struct mr_card_images {
    char hardware[PATH_MAX], emulation[PATH_MAX];
    char problem[900]; // with one that would hold it, of other kernels too; or ""
};

// Looks in `folder`, where it is not NULL, else in $MILLRACE_BITSTREAMS, else in the project's
// bitstreams; never in the current folder, as an image holds a program (docs/card.md). Images are
// taken with their manifest only, whose checksum they must have.
void mr_card_images_find(const struct mr_card_design *design, const char *folder,
                         struct mr_card_images *images);

// The image for the device xrt:, of a card where one is there, else of an emulated one. `how`: what
// builds one of the latter. path: [PATH_MAX]. 0, or a code with a sentence in error.
int mr_card_image_choose(const struct mr_card_design *design, const char *folder, const char *how,
                         char *path, struct mr_error *error);

// Where images are looked for and written: `given`, where it is not NULL; else
// $MILLRACE_BITSTREAMS; else bitstreams/ beside the project's sources. 0, or -1 with a sentence:
// nobody gives it, and there are no sources.
int mr_images_folder(const char *given, char *folder, size_t size, char *error, size_t error_size);

// The manifest's path: that of the image with another ending, and its own of a manifest. 0, or -1
// where it is too long.
int mr_manifest_path(const char *image, char *path, size_t size);
// The manifest itself. NULL with a sentence in error.
json_t *mr_manifest_read(const char *image, char *error, size_t error_size);

// The manifests in a folder (NULL: where images are looked for), in the order of their names, until
// `look` says that it has what it wants. False: it never did.
typedef bool mr_manifest_look(const json_t *manifest, void *context);
bool mr_manifests_search(const char *folder, mr_manifest_look *look, void *context);

// Compares an image that a user named with its manifest, where one is beside it. 0, or -1 with a
// sentence in error.
int mr_card_image_check(const char *image, char *error, size_t error_size);

// The card's memories that the network's external ones lie in, one for each beat of their words; it
// has MR_CARD_MEMORIES_MOST at most.
unsigned mr_card_memories(const struct mr_report *report);

// The text of mr_network.svh, which gives the RTL kernel its shape and its hash (docs/card.md); to
// be freed. NULL with a sentence in error: the kernels that it was made of are others than those of
// the hash, or memory is short.
char *mr_card_shape_header(const struct mr_card_design *design, char *error, size_t error_size);

// The manifest of an image for a platform, without what tells of its file. NULL when memory ran
// out.
json_t *mr_card_manifest(const struct mr_card_design *design, const char *platform);

// Where an image is written, or the folder of what Vitis needs for one (platform "hw"); folders are
// made.
//   output: a folder; or a file that ends in .xclbin; NULL: that of the options.
// 0, or -1 with a sentence in error.
int mr_card_image_place(const struct mr_card_design *design, const char *platform,
                        const char *output, const struct mr_options *options, char *path,
                        size_t path_size, char *error, size_t error_size);

// Builds the image of an emulated card, and its manifest beside it (the same name, .json).
//   output: as above; path: gets the place of the image.
// 0, or a code with a sentence in error.
int mr_card_emulation_build(const struct mr_card_design *design, const char *output,
                            const struct mr_options *options, char *path, size_t path_size,
                            struct mr_error *error);

#endif
