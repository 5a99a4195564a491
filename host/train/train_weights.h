// SPDX-License-Identifier: Apache-2.0
// All weights of a chain as one list: of each layer w_x, w_h and bias, then those of the head, each
// laid out as in graph.h.
#ifndef MR_TRAIN_WEIGHTS_H
#define MR_TRAIN_WEIGHTS_H

#include "train_chain.h"

size_t mr_train_weight_count(const struct mr_train_chain *chain);
// list: [mr_train_weight_count]
void mr_train_read_weights(const struct mr_network *network, const struct mr_train_chain *chain,
                           float *list);
void mr_train_write_weights(struct mr_network *network, const struct mr_train_chain *chain,
                            const float *list);
// Draws weights as PyTorch does: uniform within 1 / sqrt(units) of a layer, within 1 / sqrt(inputs)
// of the head.
void mr_train_draw_weights(struct mr_network *network, const struct mr_train_chain *chain,
                           uint64_t seed);

#endif
