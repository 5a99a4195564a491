// SPDX-License-Identifier: Apache-2.0
// The weights of an operator that has rows of them, in panels for the kernels (kernels.h): of a
// recurrent layer, or a dense one. They are only read, so any number of layers (layer.h) may share
// them.
#ifndef MR_ENGINE_PACKED_H
#define MR_ENGINE_PACKED_H

#include "kernels.h"
#include "op.h"
#include "recurrent.h"

// One run of columns of the rows: over x, over h, or of late gates over what they take for h.
struct mr_part {
    int gates; // of a unit that have some
    struct mr_panel panel;
    void *weights, *tops, *bytes;
    int32_t *start;
    uint16_t *place;
    size_t stride; // of columns
};

struct mr_packed {
    const struct mr_network *network;
    const struct mr_op *op;
    const struct mr_cell *cell; // NULL: a dense layer
    const struct mr_kernels *kernels;
    enum mr_product product;
    int gates, sums;              // of a unit
    int vectors;                  // of units
    size_t padded;                // units, whole vectors of every kernel
    mr_unit_kernel *unit_kernel;  // NULL: unit by unit (op.h)
    mr_unit_kernel *gated_kernel; // likewise what late gates take for h
    mr_step_kernel *step_kernel;  // of several rows; NULL: products, and then cells
    mr_place_t at[MR_PLACES];
    enum mr_curve gate, g;
    const int32_t *seen[3]; // peepholes, [padded] each, in one piece
    int seen_shift;
    struct mr_part x, h, late;
    size_t places; // vectors of a row of sums, with one for padding behind the others
    int32_t *bias; // [places][2][width]
    int32_t *right, *left, *rest;
    int32_t *start; // of mr_step
    struct mr_scales scales;
};

// NULL with *why 0 where the kernels do not take this operator, and -1 where memory is short.
struct mr_packed *mr_packed_make(const struct mr_network *network, const struct mr_op *op,
                                 const struct mr_kernels *kernels, int *why);
void mr_packed_free(struct mr_packed *packed); // NULL is legal

// Numbers of a row of sums.
static inline size_t mr_packed_row(const struct mr_packed *packed) {
    return packed->places * 2 * (size_t)packed->kernels->width;
}

// Bytes of all weights.
size_t mr_packed_weight_bytes(const struct mr_packed *packed);

// Numbers of a row in memory: whole vectors of every kernel.
enum { MR_ROW_UNIT = 64 };
static inline size_t mr_row_numbers(int width) {
    return ((size_t)width + MR_ROW_UNIT - 1) / MR_ROW_UNIT * MR_ROW_UNIT;
}

// So many numbers of `size` bytes, all zero, where vectors may begin. NULL: memory is short.
void *mr_vectors(size_t count, size_t size);

#endif
