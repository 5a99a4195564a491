// SPDX-License-Identifier: Apache-2.0
// What all recurrent operators share, as all their kernels share hls/kernels/frame/: weights of
// gates over x and h, sums, state, cost. A cell adds what happens to the sums of one unit.
#ifndef MR_RECURRENT_H
#define MR_RECURRENT_H

#include "op.h"
#include "places.h"

#include <math.h>

enum { MR_SUMS_MAX = 8 }; // with constants

struct mr_cell {
    struct mr_op_kind kind; // first; most of it is MR_RECURRENT
    const char *header;     // in hls/kernels/, and the cell's name in it
    const char *cell;
    const char *text; // of a user's own cell: the file's text, and `header` is its name; else NULL
    bool ranged;      // h has a format that calibration chooses, else Q15, but for its activations
    const enum mr_place_of_cell
        *place_of;            // [sums] the activation that takes the sum, or NULL, then
    const int *argument_frac; // [sums] fraction bits of the sums, or 0: those of the output
    int late;                 // the last gates take gated(h) for h, once the others are known
    // Which of its places gives h, as h has it. And whether h has a format of its own because of
    // them, beyond Q15; both of a cell with places.
    enum mr_place_of_cell h_place;
    bool (*reaches)(const struct mr_op *op);
    // D: from a step's last column to its first h; the same to the first gated(h), NULL without
    // late gates.
    uint32_t (*latency)(const struct mr_op *op, int lc);
    uint32_t (*late_latency)(const struct mr_op *op, int lc);
    // Bits of gated(h), where they may be fewer than 16.
    int (*gated_bits)(const struct mr_op *op);
    int multipliers, tables; // of one unit per cycle, beside those of its places
    // Whether a gate and its product are calculated twice, or NULL.
    bool (*repeats)(const struct mr_op *op);
    int h_reads; // of places in the kernel that read h, with READ_STATE
    // One unit: from its sums [sums] (gates first, then the sums over h of split gates), behind
    // them its constants, and its state to the new state. reach: [MR_PLACES] the largest magnitudes
    // at its places, which grow.
    void (*float_unit)(const struct mr_op *op, const double *sum, double *h, double *cell,
                       double *reach);
    double (*float_gated)(const struct mr_op *op, const double *sum, double h);
    // sum: shifted to its fraction bits, not cut yet; at: the constants of its places
    // Gives by how much a value was beyond its range, in the units of the limit, 0 where none was.
    int64_t (*integer_unit)(const struct mr_op *op, const mr_place_t *at, const int64_t *sum,
                            int32_t *h, int32_t *cell);
    int32_t (*integer_gated)(const struct mr_op *op, const mr_place_t *at, const int64_t *sum,
                             int32_t h);
    // Its sums and vectors for the folded kernel (recurrent_fold.h), with its own activations and
    // no exponent; NULL: it has none.
    void (*fold)(struct mr_fold *fold, const struct mr_op *op);
};

static inline const struct mr_cell *mr_cell_of(const struct mr_op *op) {
    return (const struct mr_cell *)op->kind;
}

// Of one unit per cycle, with those of its places.
int mr_cell_multipliers(const struct mr_op *op);
int mr_cell_tables(const struct mr_op *op);

// The constants of a place.
mr_place_t mr_cell_place(const struct mr_op *op, enum mr_place_of_cell place);
// Cycles of a place's activation.
static inline int mr_cell_cycles(const struct mr_op *op, enum mr_place_of_cell place) {
    const mr_place_t at = mr_cell_place(op, place);

    return mr_place_cycles(&at);
}
// A magnitude there, for calibration.
static inline double mr_reach(double *reach, enum mr_place_of_cell place, double value) {
    reach[place] = fmax(reach[place], fabs(value));
    return value;
}
// Does what a place gives go beyond +-1?
bool mr_cell_goes_far(const struct mr_op *op, enum mr_place_of_cell place);

// Fraction bits of h.
int mr_hidden_frac(const struct mr_network *network, const struct mr_op *op);

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
    .fold = mr_recurrent_fold, .scalars = "command, steps, total, flags"

void mr_recurrent_describe(const struct mr_network *network, struct mr_op *op,
                           struct mr_stream *out);
void mr_recurrent_float(const struct mr_op *op, const double *in, double *state, double *out);
int mr_recurrent_quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac,
                          int *column, char *error, size_t error_size);
int mr_recurrent_check(const struct mr_network *network, const struct mr_op *op, char *error,
                       size_t error_size);
void mr_recurrent_integer(const struct mr_network *network, const struct mr_op *op,
                          const int32_t *in, int32_t *state, int32_t *out, struct mr_cuts *cuts);
// One unit: from its sums, shifted, and its constants behind them, and its state to the new state.
// at: [MR_PLACES] the constants of its places. Gives the number that the operator gives.
int32_t mr_recurrent_unit(const struct mr_network *network, const struct mr_op *op,
                          const mr_place_t *at, const int64_t *sum, int32_t *h, int32_t *second,
                          struct mr_cuts *cuts);
// Is it the cell that its header (hls/kernels/cells/) has by itself, with no other activations?
bool mr_cell_is_plain(const struct mr_op *op);
void mr_recurrent_start(const struct mr_network *network, const struct mr_op *op, size_t sequence,
                        int unit, int32_t *h, int32_t *second);
void mr_recurrent_take(const struct mr_network *network, const struct mr_op *op,
                       const int32_t *given_h, const int32_t *given_second, int unit, int32_t *h,
                       int32_t *second, struct mr_cuts *cuts);
// Of the lanes: one for each product.
uint64_t mr_lane_multipliers(const struct mr_op *op, const struct mr_op_layout *layout);
// Adds the memories.
void mr_recurrent_memory(const struct mr_op *op, const struct mr_op_layout *layout,
                         struct mr_memory_use *use);
void mr_recurrent_cost(const struct mr_op *op, const struct mr_op_layout *layout,
                       struct mr_op_cost *cost);
void mr_recurrent_fold(struct mr_fold *fold, const struct mr_op *op);
void mr_recurrent_emit(const struct mr_network *network, const struct mr_op *op,
                       const struct mr_op_layout *layout, struct mr_text *text);

#endif
