// SPDX-License-Identifier: Apache-2.0
// The weight image: what a network takes from its stream `weights` on MR_COMMAND_LOAD, in beats of
// 32 int16: operator after operator. A part has the lane words in the order of load_lanes.h, then
// one beat per unit (of a recurrent operator padded to whole vectors) with bias and shift of its
// sums.
#ifndef MR_WEIGHTS_IMAGE_H
#define MR_WEIGHTS_IMAGE_H

#include "millrace_error.h"
#include "mr_command.h"
#include "plan.h"

enum { MR_IMAGE_BEAT = MR_BEAT_BYTES / 2 }; // int16 in a beat

// Beats of one operator; 0 where it has no weights.
uint64_t mr_weights_beats(const struct mr_plan *plan, int op);

// Beats of the whole image.
uint64_t mr_weights_total_beats(const struct mr_plan *plan);

// The image of the plan's network, mr_weights_total_beats() * MR_IMAGE_BEAT numbers in host byte
// order (little endian is what the devices take), to be freed by the caller; *beats is set. NULL
// with a sentence in error.
int16_t *mr_weights_image(const struct mr_plan *plan, uint64_t *beats, struct mr_error *error);

#endif
