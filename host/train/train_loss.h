// SPDX-License-Identifier: Apache-2.0
// Losses of one row of outputs, in float, and their gradients by the sums of the head.
#ifndef MR_TRAIN_LOSS_H
#define MR_TRAIN_LOSS_H

#include "train_chain.h"

// out: [outputs], `pitch` floats apart: the sums of the head, in whose place come their gradients.
// y: the row as the loss takes it. Gives the loss; it and the gradients are multiplied by weight.
double mr_train_loss_row(const struct mr_train_chain *chain, enum mr_train_loss loss, float *out,
                         size_t pitch, const float *y, double weight);

// The loss of what the network gives, behind its last activation: [outputs]. Not weighted: the sum
// over the numbers of the row.
double mr_train_loss_given(const struct mr_train_chain *chain, enum mr_train_loss loss,
                           const float *out, const float *y);

#endif
