// SPDX-License-Identifier: Apache-2.0
// A mini-batch from float to whole numbers. Where a device calculates, this is what the host does
// meanwhile, by workers; without them (NULL) the caller does it. The bits are the same.
#ifndef MR_INT_TAKE_H
#define MR_INT_TAKE_H

#include "int_model.h"
#include "workers.h"

enum { MR_INT_TAKERS = 8 }; // workers at most

// The greatest magnitude of x, (sequences, steps, inputs); infinite where one is not finite.
double mr_int_greatest_x(const struct mr_int_model *model, const float *x, size_t sequences,
                         size_t steps, struct mr_workers *workers);
// x to (steps, sequences, inputs), in the model's unit.
void mr_int_take_x(const struct mr_int_model *model, const float *x, size_t sequences, size_t steps,
                   int16_t *to, struct mr_workers *workers);
// y: a row of mr_train_targets numbers for each. MR_ERROR_INPUT with a sentence: one is no class.
int mr_int_take_targets(const struct mr_int_model *model, const float *y, size_t rows, int32_t *to,
                        struct mr_error *error);

#endif
