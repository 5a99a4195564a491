// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime beside the engine of `cpu:`: the same network, with the same float weights, as a
// file of its operators.
#ifndef BENCH_ONNXRUNTIME_H
#define BENCH_ONNXRUNTIME_H

#include "op.h"

struct ort_net;

// NULL: it is not there. Its own threads are as many as that, with the caller's.
struct ort_net *ort_net_make(const struct mr_network *network, int steps, int batch,
                             bool keeps_state, int threads);
void ort_net_free(struct ort_net *net); // NULL is legal
// x: [batch][steps][inputs], put in place once.
void ort_net_input(struct ort_net *net, const float *x);
void ort_net_run(struct ort_net *net);
// The h of the last step: [batch][units].
void ort_net_output(const struct ort_net *net, float *h);
bool ort_is_there(void);

#endif
