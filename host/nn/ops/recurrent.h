// SPDX-License-Identifier: Apache-2.0
// What all recurrent operators share, as all their kernels share hls/kernels/frame/: weights of
// gates over x and h, sums, state, cost. A cell adds what happens to the sums of one unit.
#ifndef MR_RECURRENT_H
#define MR_RECURRENT_H

#include "op.h"

enum { MR_SUMS_MAX = 8 }; // with constants

struct mr_cell {
    struct mr_op_kind kind; // first; most of it is MR_RECURRENT
    const char *header;     // in hls/kernels/, and the cell's name in it
    const char *cell;
    const char *text; // of a user's own cell: the file's text, and `header` is its name; else NULL
    bool ranged;      // h has a format that calibration chooses, else Q15
    bool squashes;    // its sums go to sigmoids and tanhs only, but for split ones
    const int *argument_frac;    // [sums] fraction bits of the sums, or 0: those of the output
    int late;                    // the last gates take gated(h) for h, once the others are known
    uint32_t (*latency)(int lc); // D: from a step's last column to its first h
    uint32_t (*late_latency)(int lc); // the same to the first gated(h); NULL without late gates
    int multipliers, tables;          // of one unit per cycle
    int sigmoids;                     // of these; op->hard leaves them out
    int h_reads;                      // of places in the kernel that read h, with READ_STATE
    // One unit: from its sums [sums] (gates first, then the sums over h of split gates), behind
    // them its constants, and its state to the new state.
    void (*float_unit)(const struct mr_op *op, const double *sum, double *h, double *cell);
    double (*float_gated)(const struct mr_op *op, const double *sum, double h);
    // sum: shifted to argument_frac, not cut yet
    void (*integer_unit)(const struct mr_op *op, const int64_t *sum, int32_t *h, int32_t *cell);
    int32_t (*integer_gated)(const struct mr_op *op, const int64_t *sum, int32_t h);
};

static inline const struct mr_cell *mr_cell_of(const struct mr_op *op) {
    return (const struct mr_cell *)op->kind;
}

// With hard gates a sigmoid's table and its interpolation are not there.
static inline int mr_cell_multipliers(const struct mr_op *op) {
    return mr_cell_of(op)->multipliers - (op->hard ? mr_cell_of(op)->sigmoids : 0);
}

static inline int mr_cell_tables(const struct mr_op *op) {
    return mr_cell_of(op)->tables - (op->hard ? mr_cell_of(op)->sigmoids : 0);
}

// What the kernel's header says of a cell (hls/kernels/frame/layer.h): of its kind, and of itself.
#define MR_KIND_OF(cell)                                                                           \
    .gates = cell##_GATES, .sums = cell##_GATES + cell##_SPLIT, .second_field = cell##_HAS_CELL,   \
    .one_pass = cell##_SECOND > 0
#define MR_CELL_OF(name) .cell = #name, .late = name##_SECOND

// The kind's functions.
#define MR_RECURRENT                                                                               \
    .recurrent = true, .lag = 1, .start = mr_recurrent_start, .take = mr_recurrent_take,           \
    .describe = mr_recurrent_describe, .float_row = mr_recurrent_float,                            \
    .quantise = mr_recurrent_quantise, .check = mr_recurrent_check,                                \
    .integer_row = mr_recurrent_integer, .cost = mr_recurrent_cost, .emit = mr_recurrent_emit,     \
    .scalars = "command, steps, total, flags"

void mr_recurrent_describe(const struct mr_network *network, struct mr_op *op,
                           struct mr_stream *out);
void mr_recurrent_float(const struct mr_op *op, const double *in, double *state, double *out);
int mr_recurrent_quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac,
                          int *column, char *error, size_t error_size);
int mr_recurrent_check(const struct mr_network *network, const struct mr_op *op, char *error,
                       size_t error_size);
void mr_recurrent_integer(const struct mr_network *network, const struct mr_op *op,
                          const int32_t *in, int32_t *state, int32_t *out);
void mr_recurrent_start(const struct mr_network *network, const struct mr_op *op, size_t sequence,
                        int unit, int32_t *h, int32_t *second);
void mr_recurrent_take(const struct mr_network *network, const struct mr_op *op,
                       const int32_t *given_h, const int32_t *given_second, int unit, int32_t *h,
                       int32_t *second);
// Of the lanes: one for each product.
uint64_t mr_lane_multipliers(const struct mr_op *op, const struct mr_op_layout *layout);
// Adds the memories.
void mr_recurrent_memory(const struct mr_op *op, const struct mr_op_layout *layout,
                         struct mr_memory_use *use);
void mr_recurrent_cost(const struct mr_op *op, const struct mr_op_layout *layout,
                       struct mr_op_cost *cost);
void mr_recurrent_emit(const struct mr_network *network, const struct mr_op *op,
                       const struct mr_op_layout *layout, struct mr_text *text);

#endif
