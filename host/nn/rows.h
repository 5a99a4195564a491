// SPDX-License-Identifier: Apache-2.0
// Rows of weights in whole numbers. A row's products are summed at one scale, 2^-s, and shifted
// right to the units of its argument or result. The bias has the row's scale and holds half a unit
// of the shift, so the shift rounds to nearest. Columns are 16-bit numbers; where a lane rounds
// them to 8 bits (precision.h), units and bounds stay the same.
#ifndef MR_ROWS_H
#define MR_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MR_SHIFT_MIN = 1,
    MR_SHIFT_MAX = 31,
    MR_SUM_BITS = 39, // sum |w| * 32768 + |bias| of a row stays below 2^39
    MR_CONSTANT_BITS = 18,
    MR_CONSTANT_FRAC_MAX = 30,
    MR_SCALE_MAX = 46, // of a row whose result has a scale of its own
    MR_HIDDEN_FRAC = 15,
    MR_SIGMOID_FRAC = 15, // of a sigmoid's argument
    MR_TANH_FRAC = 16     // of a tanh's argument
};

// Weights as the lanes take them, and bias and shift of each sum (op.h).
struct mr_rows {
    int rows, columns, sums;
    int16_t *weight;   // (rows, columns), within -128 to 127 where the lanes take 8 bits
    int64_t *bias;     // (sums), with the half of the shift in it
    int32_t *shift;    // (sums)
    int32_t *constant; // (constants) of units, of MR_CONSTANT_BITS; NULL: none
    int constant_frac; // their fraction bits, as the cell has them
    int cut;           // weights of 16 bits that were cut, by mr_row_fixed
};

// One sum in float and what it may become.
struct mr_float_row {
    const float *w[2]; // two runs of columns: of x, of h; either may be empty
    int columns[2];
    const int32_t *frac[2]; // fraction bits of the columns; NULL: MR_HIDDEN_FRAC
    double bias;
    bool ends;      // weights may be cut: what takes the sum has its ends at +-16 or +-8
    int blame;      // after a failure: the column that is too large, or -1
    char label[96]; // for messages
};

// Allocates the arrays of rows; they are zero. -1 when memory is short.
int mr_rows_create(struct mr_rows *rows, int row_count, int column_count, int sum_count);
// Room for constants, which are zero. -1 when memory is short.
int mr_rows_constants(struct mr_rows *rows, int count);
void mr_rows_free(struct mr_rows *rows);

// Quantises a sum whose result has argument_frac fraction bits: weights go to row `index` from
// column `column` on, bias and shift to sum `sum`. Weights of 16 bits have the largest scale that
// fits; where none does and the sum's function has ends, weights far above the others and up to 16
// times too large are cut: what they are cut to reaches the ends for all but the smallest columns.
// Those of 8, within +-127, have the scale of the least squared error, which may cut some of them.
// 0, or -1 with a sentence.
int mr_row_fixed(struct mr_float_row *row, int weight_bits, int argument_frac, struct mr_rows *out,
                 int index, int column, int sum, char *error, size_t error_size);

// Quantises a whole row whose result is a number of 32 bits, with as many fraction bits as it can
// have, at most `most`, such that it fits whatever the vector; *frac gets them.
int mr_row_number(struct mr_float_row *row, int most, struct mr_rows *out, int index, int32_t *frac,
                  char *error, size_t error_size);

// The largest magnitude of a row's result, whatever the vector.
double mr_row_bound(const struct mr_float_row *row);

// Checks all that the kernels rely on: the bits of weights, shifts and the bounds of sums. The last
// rows have two sums where there are more sums than rows: over the first x_columns, and over the
// others.
int mr_rows_check(const struct mr_rows *rows, int weight_bits, int x_columns, const char *part,
                  char *error, size_t error_size);

// Does the row's result fit 32 bits whatever the vector?
bool mr_row_fits_number(const struct mr_rows *rows, int row);

// The largest magnitude of a sum over some columns of a row, at its scale, whatever the vector of
// 16-bit numbers.
int64_t mr_rows_bound(const struct mr_rows *rows, int row, int first_column, int columns, int sum);

#endif
