// SPDX-License-Identifier: Apache-2.0
// A network in whole numbers, exactly as the pipeline computes it.
//
// Formats: a number of a stream is its integer * 2^-frac. Input features have a frac each; hidden
// values are Q15 (frac 15); a second state field has 24 bits in units of 2^(exponent - 16); weights
// are 16 bits, or 8 in layers of such a precision (rows.h, precision.h).
#ifndef MR_QUANTISE_H
#define MR_QUANTISE_H

#include "graph.h"

enum {
    MR_FRAC_MIN = -16,
    MR_FRAC_USUAL = 15,   // values within +-1
    MR_FRAC_MAX = 40,     // where small inputs meet weights that are too large otherwise
    MR_FRAC_DEFAULT = 12, // without calibration: values within +-8
};

// Quantises a network; what mr_float_observe noted gives the ranges inside. frac: fraction bits of
// each input feature, NULL for the default range. feature: may be NULL; when it fails, the input
// feature whose weight is to blame, or -1. May be called again.
int mr_quantise(struct mr_network *network, const int32_t *frac, int *feature, char *error,
                size_t error_size);

// Checks all that the kernels rely on: shifts, the bounds of sums, formats. name: for messages.
int mr_quantised_check(const struct mr_network *network, const char *name, char *error,
                       size_t error_size);

// Where an input, by its stream, is the number of a row of a table: is each of x (sequences, steps)
// one of them? 0, or -1 with a sentence.
int mr_check_entries(const struct mr_network *network, int stream, const float *x, size_t sequences,
                     size_t steps, char *error, size_t error_size);

// Values of one feature that were cut to the ends of its format.
struct mr_input_cuts {
    uint64_t count;
    float farthest; // of them
};

// Turns inputs (steps, inputs) into whole numbers, rounded and clamped. A value that is not finite
// is an error. cuts: [inputs], what is clamped is added; or NULL.
int mr_quantise_input(const struct mr_network *network, const float *x, size_t steps, int16_t *x_q,
                      struct mr_input_cuts *cuts, char *error, size_t error_size);
// The same of the encoder's input too, by its stream.
int mr_quantise_stream(const struct mr_network *network, int stream, const float *x, size_t steps,
                       int16_t *x_q, struct mr_input_cuts *cuts, char *error, size_t error_size);

// Rows (rows, width) of an output as numbers.
void mr_quantised_output(const struct mr_network *network, int output, const int32_t *y_q,
                         size_t rows, float *y);

#endif
