// SPDX-License-Identifier: Apache-2.0
// A network as what an image carries of it for a folded kernel (driver/folded_program.h), laid out
// as a plan says: vectors of x and y, and beats of states.
#ifndef MR_FOLDED_IMAGE_H
#define MR_FOLDED_IMAGE_H

#include "fold.h"
#include "folded_program.h"
#include "plan.h"

struct mr_folded_image {
    struct mr_fold fold;
    struct mr_folded_unit *units;
    struct mr_folded_program program; // of both
};

// For a kernel that multiplies so many rows at a time (4, 8 or 16). 0, or a code with a sentence in
// error where the kernel cannot run the plan's network. Free in either case.
int mr_folded_image_make(const struct mr_plan *plan, uint32_t rows, struct mr_folded_image *image,
                         struct mr_error *error);
void mr_folded_image_free(struct mr_folded_image *image); // all zero is legal

#endif
