// SPDX-License-Identifier: Apache-2.0
// An operator with packed weights (packed.h) as an engine runs it: its states, and the sums of a
// block of rows.
#ifndef MR_ENGINE_LAYER_H
#define MR_ENGINE_LAYER_H

#include "packed.h"
#include "workers.h"

struct mr_layer;

// NULL: memory is short. lanes: that it has states for.
struct mr_layer *mr_layer_make(const struct mr_packed *packed, const struct mr_tables *tables,
                               int lanes);
void mr_layer_free(struct mr_layer *layer); // NULL is legal
// Room for blocks of so many rows. -1: memory is short.
int mr_layer_room(struct mr_layer *layer, size_t rows);
// Bytes of a row of a block, beside streams.
size_t mr_layer_row_bytes(const struct mr_layer *layer);
// All rows of a block of so many steps of so many lanes, step by step. in, out: rows of 16 bits, of
// a dense layer out may have 32 (wide). Streams have room up to mr_row_numbers in a row. Threads
// with a share each call it alike, but for cuts; it returns when all of it is done.
void mr_layer_run(struct mr_layer *layer, const int16_t *in, size_t in_stride, void *out,
                  size_t out_stride, bool wide, uint32_t lanes, uint32_t steps,
                  const struct mr_share *share, struct mr_cuts *cuts);
// States, of a recurrent layer.
void mr_layer_get(const struct mr_layer *layer, uint32_t lane, int unit, int32_t *h,
                  int32_t *second);
void mr_layer_set(struct mr_layer *layer, uint32_t lane, int unit, int32_t h, int32_t second);
void mr_layer_clear(struct mr_layer *layer, uint32_t lanes); // the first ones
void mr_layer_move(struct mr_layer *layer, uint32_t from, uint32_t to);

#endif
