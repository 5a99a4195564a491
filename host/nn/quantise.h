// SPDX-License-Identifier: Apache-2.0
// The network in whole numbers, exactly as the pipeline computes it.
//
// Formats: input feature k has input_frac_bits[k] fraction bits; hidden values are Q15; the cell
// states of a layer have 24 bits in units of 2^(cell_exponent - 16); weights are 16 bits. A row's
// products are summed at one scale, 2^-s: shift = s - 15 makes a sigmoid's argument (Q15), shift =
// s - 16 that of a tanh (Q16). The bias has the row's scale and holds half a unit of the shift, so
// the shift rounds to nearest.
#ifndef MR_QUANTISE_H
#define MR_QUANTISE_H

#include "network.h"

#include <stddef.h>
#include <stdint.h>

enum {
    MR_SHIFT_MIN = 1,
    MR_SHIFT_MAX = 31,
    MR_SUM_BITS = 39, // sum |w| * 32768 + |bias| of a row stays below 2^39
    MR_FRAC_MIN = -16,
    MR_FRAC_USUAL = 15,   // values within ±1
    MR_FRAC_MAX = 40,     // where small inputs meet weights that are too large otherwise
    MR_FRAC_DEFAULT = 12, // without calibration: values within ±8
    MR_CELL_BITS = 24,
    MR_CELL_EXPONENT_MAX = 16, // units of 1
};

struct mr_rows {
    int rows, columns;
    int16_t *weight; // (rows, columns)
    int64_t *bias;   // (rows), with the half of the shift in it
    int32_t *shift;  // (rows)
};

struct mr_quantised_layer {
    int inputs, hidden;
    int cell_exponent;    // cell states are within ±2^(7 + exponent); 0 without calibration
    struct mr_rows gates; // (4*hidden, inputs + hidden), row = gate*hidden + unit, gates i,f,g,o
};

struct mr_quantised_head {
    int inputs, outputs;
    bool sigmoid;
    int32_t *frac_bits;  // (outputs), 15 with a sigmoid
    struct mr_rows rows; // (outputs, inputs)
};

struct mr_quantised {
    int layer_count;
    struct mr_quantised_layer *layers;
    struct mr_quantised_head head;
    int32_t *input_frac_bits;               // (layers[0].inputs)
    struct mr_cast input_cast, output_cast; // of every x and y, outside of the pipeline
};

// Quantises a network. frac: fraction bits of each input feature, NULL for the default range.
// feature: may be NULL; when it fails, the input feature whose weight is to blame, or -1.
int mr_quantise(const struct mr_network *network, const int32_t *frac,
                struct mr_quantised *quantised, int *feature, char *error, size_t error_size);

// Gives the cell states of each layer the range for `greatest` ([layer_count], the largest
// magnitudes that were seen) and as much head-room again, but never less than ±128: more would be
// precision of cell states that h does not show.
void mr_quantise_cells(struct mr_quantised *quantised, const double *greatest);

// The end of the range of a layer's cell states.
double mr_cell_limit(int cell_exponent);

// Everything zero is legal.
void mr_quantised_free(struct mr_quantised *quantised);

// Allocates the arrays of rows; they are zero.
int mr_rows_create(struct mr_rows *rows, int row_count, int column_count);

// Checks all that the kernels rely on: shifts, the bounds of sums, sizes that fit each other.
int mr_quantised_check(const struct mr_quantised *quantised, const char *name, char *error,
                       size_t error_size);

// Values of one feature that were cut to the ends of its format.
struct mr_input_cuts {
    uint64_t count;
    float farthest; // of them
};

// Turns inputs (steps, inputs) into whole numbers, rounded and clamped. A value that is not finite
// is an error. cuts: [inputs], what is clamped is added; or NULL.
int mr_quantise_input(const struct mr_quantised *quantised, const float *x, size_t steps,
                      int16_t *x_q, struct mr_input_cuts *cuts, char *error, size_t error_size);

// Outputs (count, outputs) as numbers.
void mr_quantised_output(const struct mr_quantised *quantised, const int32_t *y_q, size_t count,
                         float *y);

// The plain reference of the pipeline: x_q (sequences, steps, inputs), y_q (sequences, outputs).
// Every sequence starts from zero. Returns -1 only when memory is short.
int mr_quantised_run(const struct mr_quantised *quantised, const int16_t *x_q, size_t sequences,
                     size_t steps, int32_t *y_q);

#endif
