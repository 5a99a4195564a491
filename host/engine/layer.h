// SPDX-License-Identifier: Apache-2.0
// An operator with rows of weights as an engine runs it: a recurrent layer, or a dense one. Weights
// are packed in panels for the kernels (kernels.h).
#ifndef MR_ENGINE_LAYER_H
#define MR_ENGINE_LAYER_H

#include "kernels.h"
#include "op.h"

struct mr_layer;

// NULL with *why 0 where the kernels do not take this operator, and -1 where memory is short.
// rows: of a block, at most, unless it is asked for more (mr_layer_room).
struct mr_layer *mr_layer_make(const struct mr_network *network, const struct mr_op *op,
                               const struct mr_kernels *kernels, const struct mr_tables *tables,
                               int lanes, int *why);
void mr_layer_free(struct mr_layer *layer); // NULL is legal
// Room for blocks of so many rows. -1: memory is short.
int mr_layer_room(struct mr_layer *layer, size_t rows);
// Bytes of a row of a block, beside streams.
size_t mr_layer_row_bytes(const struct mr_layer *layer);
// All rows of a block of so many steps of so many lanes, step by step. in, out: rows of 16 bits, of
// a dense layer out may have 32 (wide). Streams have room up to mr_layer_width numbers in a row.
void mr_layer_run(struct mr_layer *layer, const int16_t *in, size_t in_stride, void *out,
                  size_t out_stride, bool wide, uint32_t lanes, uint32_t steps,
                  struct mr_cuts *cuts);
// States, of a recurrent layer.
void mr_layer_get(const struct mr_layer *layer, uint32_t lane, int unit, int32_t *h,
                  int32_t *second);
void mr_layer_set(struct mr_layer *layer, uint32_t lane, int unit, int32_t h, int32_t second);
void mr_layer_clear(struct mr_layer *layer, uint32_t lanes); // the first ones
void mr_layer_move(struct mr_layer *layer, uint32_t from, uint32_t to);

// Numbers of a row in memory: whole vectors of every kernel.
enum { MR_ROW_UNIT = 64 };
static inline size_t mr_row_numbers(int width) {
    return ((size_t)width + MR_ROW_UNIT - 1) / MR_ROW_UNIT * MR_ROW_UNIT;
}

#endif
