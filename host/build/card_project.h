// SPDX-License-Identifier: Apache-2.0
// What Vitis needs to make the image of a card: RTL, kernel.xml, and how it is linked and placed.
// hw/vitis/build.sh takes it from there.
#ifndef MR_CARD_PROJECT_H
#define MR_CARD_PROJECT_H

#include "network_build.h"

#include <jansson.h>

// Into an existing folder: network.sv, mr_network.svh, kernel.xml, manifest.json, link.cfg,
// place.tcl. 0, or -1 with a sentence in error.
int mr_card_project_write(const struct mr_compiled *compiled, const char *header,
                          const json_t *manifest, const char *folder, char *error,
                          size_t error_size);

#endif
