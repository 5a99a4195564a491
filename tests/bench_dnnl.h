// SPDX-License-Identifier: Apache-2.0
// oneDNN beside the engine of `cpu:`: the same network, with the same float weights, as oneDNN's
// primitives, layers of one size in one of them.
#ifndef BENCH_DNNL_H
#define BENCH_DNNL_H

#include "op.h"

#if __has_include(<oneapi/dnnl/dnnl.h>) && !defined BENCH_ALONE
#    define HAS_DNNL 1
#else
#    define HAS_DNNL 0
#endif

enum dnnl_kind { DNNL_F32, DNNL_BF16, DNNL_U8, DNNL_KINDS };

struct dnnl_net;

// NULL: oneDNN does not have it (u8 of a GRU), or is not there.
struct dnnl_net *dnnl_net_make(const struct mr_network *network, enum dnnl_kind kind, int steps,
                               int batch, bool keeps_state);
void dnnl_net_free(struct dnnl_net *net);
// x: [batch][steps][inputs], within +-1, put in place once.
void dnnl_net_input(struct dnnl_net *net, const float *x);
void dnnl_net_run(struct dnnl_net *net);
// The h of the last step: [batch][units].
void dnnl_net_output(struct dnnl_net *net, float *h);

#endif
