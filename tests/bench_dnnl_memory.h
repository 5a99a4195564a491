// SPDX-License-Identifier: Apache-2.0
// What both benchmarks beside oneDNN need of its interface in C: memories, numbers from one layout
// to another, and a network's weights as it has them.
#ifndef BENCH_DNNL_MEMORY_H
#define BENCH_DNNL_MEMORY_H

#include "op.h"

#include <oneapi/dnnl/dnnl.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void dnnl_need(dnnl_status_t status, const char *what) {
    if (status != dnnl_success) {
        fprintf(stderr, "oneDNN, %s: status %d\n", what, (int)status);
        exit(1);
    }
}
#define NEED(call) dnnl_need(call, #call)

static inline dnnl_memory_desc_t describe(int count, const dnnl_dims_t dims, dnnl_data_type_t type,
                                          dnnl_format_tag_t tag) {
    dnnl_memory_desc_t described;
    NEED(dnnl_memory_desc_init_by_tag(&described, count, dims, type, tag));
    return described;
}

static inline void *data_of(dnnl_memory_t memory) {
    void *data;
    NEED(dnnl_memory_get_data_handle(memory, &data));
    return data;
}

// All 0.
static inline dnnl_memory_t memory_of(dnnl_engine_t engine, const dnnl_memory_desc_t *described) {
    dnnl_memory_t memory;
    NEED(dnnl_memory_create(&memory, described, engine, DNNL_MEMORY_ALLOCATE));
    memset(data_of(memory), 0, dnnl_memory_desc_get_size(described));
    return memory;
}

// The primitive that copies from one memory's layout and type to another's.
static inline dnnl_primitive_t reorder_of(dnnl_engine_t engine, dnnl_memory_t from,
                                          dnnl_memory_t to,
                                          const_dnnl_primitive_attr_t attributes) {
    const dnnl_memory_desc_t *a, *b;
    dnnl_primitive_desc_t described;
    dnnl_primitive_t reorder;
    NEED(dnnl_memory_get_memory_desc(from, &a));
    NEED(dnnl_memory_get_memory_desc(to, &b));
    NEED(dnnl_reorder_primitive_desc_create(&described, a, engine, b, engine, attributes));
    NEED(dnnl_primitive_create(&reorder, described));
    dnnl_primitive_desc_destroy(described);
    return reorder;
}

static inline void reorder(dnnl_stream_t stream, dnnl_primitive_t primitive, dnnl_memory_t from,
                           dnnl_memory_t to) {
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    NEED(dnnl_primitive_execute(primitive, stream, 2, arguments));
}

// Weights over the input, over h, or biases.
enum { DNNL_OVER_X, DNNL_OVER_H, DNNL_BIAS, DNNL_TENSORS };

// Those of layers of one size in oneDNN's plain layout, (layers, columns, gates, units); biases
// have one column. Ours are (gates, units, columns), and r and z of a GRU change places.
static inline void plain_weights(const struct mr_op *const *ops, int layers, int which, float *to) {
    const struct mr_op_kind *kind = ops[0]->kind;
    const int units = ops[0]->units, gates = which == DNNL_BIAS ? kind->sums : kind->gates;
    const int columns = which == DNNL_OVER_X ? ops[0]->inputs : which == DNNL_OVER_H ? units : 1;
    for (int l = 0; l < layers; l++) {
        const float *from = which == DNNL_OVER_X   ? ops[l]->w_x
                            : which == DNNL_OVER_H ? ops[l]->w_h
                                                   : ops[l]->bias;
        for (int k = 0; k < columns; k++)
            for (int g = 0; g < gates; g++) {
                const int ours = kind->second_field || g > 1 ? g : 1 - g; // an LSTM has a second
                for (int u = 0; u < units; u++)
                    *to++ = from[(ours * units + u) * columns + k];
            }
    }
}

static inline float of_bfloat16(const void *data, size_t at) {
    const uint32_t bits = (uint32_t)((const uint16_t *)data)[at] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
