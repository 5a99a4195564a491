// SPDX-License-Identifier: Apache-2.0
// What the kernel of an image is known by: what it was made from, as hashes.
#ifndef MR_DESIGN_HASH_H
#define MR_DESIGN_HASH_H

#include "kernel.h"

#include <stdbool.h>
#include <stddef.h>

struct mr_design_hash {
    // Of the C that was generated, alone: the network with its lanes, or the training engine.
    unsigned char source[MR_SHAPE_HASH];
    // Of that and of the kernels that it includes (host/build/kernel_hash.h). This one stands in
    // the kernel's registers (shape_hash): equal ones give equal bits.
    unsigned char shape[MR_SHAPE_HASH];
};

// As manifests and sentences have a hash: 32 hexadecimal digits, byte 0 first.
enum { MR_HASH_TEXT = 2 * MR_SHAPE_HASH + 1 };
void mr_hash_text(const unsigned char *hash, char text[MR_HASH_TEXT]);
// False: the text, which may be NULL, is none.
bool mr_hash_parse(const char *text, unsigned char *hash);

enum mr_design_fit { MR_DESIGN_FITS, MR_DESIGN_OTHER_KERNELS, MR_DESIGN_OTHER_NETWORK };
// Is an image the one that is wanted? If it is not, error has the sentence, which names its file.
enum mr_design_fit mr_design_compare(const char *path, const struct mr_design_hash *found,
                                     const struct mr_design_hash *wanted, char *error,
                                     size_t error_size);

#endif
