// SPDX-License-Identifier: Apache-2.0
// Training by oneDNN beside the trainers of `cpu:`: the same network from the same weights, the
// same mean squared error and the same Adam (mr_float32_kernels), the layers by oneDNN's
// primitives.
#ifndef BENCH_TRAIN_DNNL_H
#define BENCH_TRAIN_DNNL_H

#include "op.h"

enum dnnl_training_kind { DNNL_TRAIN_F32, DNNL_TRAIN_BF16 };

struct dnnl_training;

// network: layers, "last", and a dense head of one output. NULL: oneDNN does not have it, or is not
// there.
struct dnnl_training *dnnl_training_make(const struct mr_network *network,
                                         enum dnnl_training_kind kind, int steps, int batch);
void dnnl_training_free(struct dnnl_training *training);
// A mini-batch. x: [batch][steps][inputs], y: [batch]. Gives the loss before it.
double dnnl_training_step(struct dnnl_training *training, const float *x, const float *y,
                          double rate);

#endif
