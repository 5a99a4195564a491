// SPDX-License-Identifier: Apache-2.0
// The names of a network's processes and probes, which a card only numbers: from the compiler's
// report, or from the manifest beside an image, where there is no compiler.
#ifndef MR_IMAGE_NAMES_H
#define MR_IMAGE_NAMES_H

#include "hls_report.h"
#include "kernel.h"

struct mr_image_names {
    uint32_t process_count, probe_count;
    char **processes;        // [process_count]
    struct mr_probe *probes; // [probe_count]; of a process's name those of `processes`
};

// 0, or -1 where memory is short.
int mr_image_names_of_report(const struct mr_report *report, struct mr_image_names *names);
// The same of the manifest beside `image`. 1: there is none, or it does not name them.
int mr_image_names_read(const char *image, struct mr_image_names *names);
// The same of any manifest of this shape [16] in `folder`, or where images are looked for
// (mr_images_folder). 1: there is none that names them.
int mr_image_names_find(const unsigned char *shape_hash, const char *folder,
                        struct mr_image_names *names);
// Frees what they hold; all zero is legal.
void mr_image_names_free(struct mr_image_names *names);

#endif
