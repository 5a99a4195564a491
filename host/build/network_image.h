// SPDX-License-Identifier: Apache-2.0
// Images of cards for a network's pipeline (card_image.h).
#ifndef MR_NETWORK_IMAGE_H
#define MR_NETWORK_IMAGE_H

#include "card_image.h"
#include "network_build.h"

// What an image of the network would be of, without its name and what is described: enough to look
// for one, and where it was compiled for its shape. The network must stay while it is used.
struct mr_card_design mr_network_design(const struct mr_compiled *compiled);

// mr_card_platform_build of the network.
int mr_network_image_build(const struct mr_compiled *compiled, const char *platform,
                           const char *output, const struct mr_options *options, char *path,
                           size_t path_size, struct mr_error *error);

#endif
