// SPDX-License-Identifier: Apache-2.0
// The fast engine of training in whole numbers (int_fast.c): its memory, and what its files call of
// each other.
//
// Sequences of a mini-batch are parted among threads; a part is calculated four sequences at a
// time, 16 units side by side. Products are of pairs of columns, w v + w' v', added up in 32 bits.
// That is exact where the magnitudes of a row's weights make 65,536 at most, for no v is below
// -32767; sums whose rows have more are made in shorter pieces (`piece`), and so are weights'
// gradients, where the magnitudes of the deltas count. Sums are exact, so neither the order nor the
// parts matter.
#ifndef MR_INT_FAST_H
#define MR_INT_FAST_H

#include "int_model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MR_FAST_WIDE = 16, // numbers side by side
    MR_FAST_BLOCK = 4, // sequences, and rows of gradients
    MR_FAST_MOST = 65536,
    MR_FAST_KEPT = 6 * MR_FAST_WIDE, // of a step: six numbers of a unit at most (int_cells.h)
    // Weights' gradients take the deltas of so many steps together that pairs of sequences are
    // about so many: so much of the columns is in the nearest cache.
    MR_FAST_TOGETHER = 128
};

// What lies one behind the other, at lines of the cache. Without `at` it is counted alone.
struct mr_fast_memory {
    char *at;
    size_t used;
};

// Rows of weights as they are multiplied: (blocks of 16 columns of results, pairs, results of a
// block side by side, 16, 2).
struct mr_fast_weights {
    int16_t *w;
    size_t block;     // numbers of a block
    int piece;        // pairs that 32 bits hold for certain; 0: all
    int64_t greatest; // sum of a result's magnitudes at the most
};

struct mr_fast_layer {
    int units, inputs;           // of the layer
    int wide_units, wide_inputs; // rounded up to 16
    int unit_pairs, input_pairs;
    struct mr_fast_weights forward; // x and then h, of all gates or of those of the first phase
    struct mr_fast_weights second;  // x and then r h, of the second phase
    struct mr_fast_weights by_x, by_h, by_reset; // backwards
    int32_t *bias_low, *bias_high;               // (sums, wide units)
};

// Of a part. A row is of one sequence, a pair of rows has the numbers of two side by side.
struct mr_fast_run {
    int16_t *x, *x_pairs; // (steps, sequences, wide inputs); NULL: those of h of the layer below
    int16_t *h, *h_pairs; // (steps + 1, sequences, wide units)
    int16_t *reset, *reset_pairs; // (steps, sequences, wide units), r h
    int16_t *cell;                // pairs of (sequences, wide units)
    int16_t *kept;                // pairs of (steps, wide units / 16, sequences, MR_FAST_KEPT)
    int32_t *above;               // (steps, sequences, wide units): dh
    size_t above_from;            // dh of the steps before is 0, and is not there
    int32_t most_x, most_h;       // magnitudes of the columns, at the most
    int32_t *sum_x, *sum_h;       // (gates, wide units, wide columns): gradients since
    int64_t *all_x, *all_h;       // these were added here, if has_all; else it is 0
    bool has_all;
    int32_t *sum_bias; // (sums, wide units)
    uint32_t seen_state, seen_delta;
};

struct mr_fast_part {
    struct mr_fast *fast;
    int number;
    size_t first, count, sequences; // of the mini-batch; rounded up to a block
    struct mr_fast_run *layers;
    int16_t *delta; // (sequences, sums, wide units), of a step
    // Of steps that are taken together, the last of them at `slot`.
    size_t slots, slot;
    int32_t *delta_pairs;              // (sums, wide units / 16, slots, sequences / 2, 16)
    int32_t *magnitude;                // (slots, sums, wide units): sums of a step's magnitudes
    int32_t *since_x, *since_h;        // (sums, wide units): of the magnitudes in sum_x and sum_h
    int16_t largest[2 * MR_FAST_WIDE]; // magnitudes of the deltas of a step, at the most
    int32_t *behind, *before;          // (sequences, wide units)
    int32_t *errors;                   // of a row
    int64_t *head_w, *head_bias;       // sums
    int64_t *row;
};

struct mr_fast {
    struct mr_fast_memory memory;
    int layer_count, part_count;
    struct mr_fast_layer *layers;
    struct mr_fast_part *parts;
    struct lanes_curves *curves;
    int16_t *head; // (outputs, units)
    // What is being done.
    struct mr_int_model *model;
    const struct mr_int_batch *batch;
    const struct mr_int_job *jobs;
    int job_count;
};

// int_fast.c: room for so many, which are 0 at first.
void *mr_fast_take(struct mr_fast_memory *memory, size_t count, size_t size);

// int_fast_pack.c: activations, and weights as they are multiplied.
void mr_fast_make_curves(struct lanes_curves *curves);
void mr_fast_pack_layer(const struct mr_int_layer *layer, struct mr_fast_layer *to);
void mr_fast_lay_out_layer(const struct mr_int_layer *layer, struct mr_fast_layer *to,
                           struct mr_fast_memory *memory);
// to += sum and, where there is one, all: gradients of a row.
void mr_fast_add_row(int64_t *to, const int32_t *sum, const int64_t *all, size_t columns);
// Rows (sequences, wide) as pairs of sequences, and their greatest magnitude.
int32_t mr_fast_pair_rows(const int16_t *rows, int16_t *pairs, size_t sequences, size_t wide);

// int_fast_forward.c, int_fast_backward.c
void mr_fast_forward(struct mr_fast_part *part, int layer);
void mr_fast_backward(struct mr_fast_part *part, int layer);

// int_fast_update.c: parameters first to end of a job.
void mr_fast_update(const struct mr_int_job *job, size_t first, size_t end);

#endif
