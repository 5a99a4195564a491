// SPDX-License-Identifier: Apache-2.0
// Hashes of designs (design_hash.h).
#include "design_hash.h"
#include "file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mr_hash_text(const unsigned char *hash, char text[MR_HASH_TEXT]) {
    for (int i = 0; i < MR_SHAPE_HASH; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
}

bool mr_hash_parse(const char *text, unsigned char *hash) {
    if (!text || strlen(text) != MR_HASH_TEXT - 1)
        return false;
    for (int i = 0; i < MR_SHAPE_HASH; i++, text += 2) {
        if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]))
            return false;
        const char byte[] = {text[0], text[1], '\0'};
        hash[i] = (unsigned char)strtoul(byte, NULL, 16);
    }
    return true;
}

enum mr_design_fit mr_design_compare(const char *path, const struct mr_design_hash *found,
                                     const struct mr_design_hash *wanted, char *error,
                                     size_t error_size) {
    char found_text[MR_HASH_TEXT], wanted_text[MR_HASH_TEXT];
    if (memcmp(found->shape, wanted->shape, MR_SHAPE_HASH) == 0)
        return MR_DESIGN_FITS;
    mr_hash_text(found->shape, found_text);
    mr_hash_text(wanted->shape, wanted_text);
    if (memcmp(found->source, wanted->source, MR_SHAPE_HASH) == 0) {
        mr_fail(error, error_size,
                "%s: holds this network, made of other kernels (%s) than this version of Millrace "
                "has (%s), so it may give other bits; build its image again",
                path, found_text, wanted_text);
        return MR_DESIGN_OTHER_KERNELS;
    }
    mr_fail(error, error_size,
            "%s: holds a network of another shape (%s) than the model with these lanes (%s); build "
            "its image",
            path, found_text, wanted_text);
    return MR_DESIGN_OTHER_NETWORK;
}
