// SPDX-License-Identifier: Apache-2.0
// From rows of float weights to whole numbers (rows.h): for each sum a scale at which its weights
// fit their bits, the sum fits 39 bits and its shift fits the hardware.
#include "rows.h"

#include "file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mr_rows_create(struct mr_rows *rows, int row_count, int column_count, int sum_count) {
    rows->rows = row_count;
    rows->columns = column_count;
    rows->sums = sum_count;
    rows->weight = calloc((size_t)row_count * (size_t)column_count, sizeof *rows->weight);
    rows->bias = calloc((size_t)sum_count + 1, sizeof *rows->bias); // there may be none
    rows->shift = calloc((size_t)sum_count + 1, sizeof *rows->shift);
    return rows->weight && rows->bias && rows->shift ? 0 : -1;
}

int mr_rows_constants(struct mr_rows *rows, int count) {
    rows->constant = calloc((size_t)count, sizeof *rows->constant);
    return rows->constant ? 0 : -1;
}

void mr_rows_free(struct mr_rows *rows) {
    free(rows->weight);
    free(rows->bias);
    free(rows->shift);
    free(rows->constant);
    memset(rows, 0, sizeof *rows);
}

static double round_up(double v) {
    return floor(v + 0.5);
}

// What a weight is at a scale, not rounded yet.
static double scaled_weight(const struct mr_float_row *row, int run, int k, int scale) {
    const int frac = row->frac[run] ? row->frac[run][k] : MR_HIDDEN_FRAC;

    return ldexp(row->w[run][k], scale - frac);
}

// The ends of weights of so many bits; 8 bits have the same on both sides.
static double lowest(int bits) {
    return bits == 8 ? -127 : INT16_MIN;
}

static double highest(int bits) {
    return bits == 8 ? 127 : INT16_MAX;
}

static double quantised_weight(const struct mr_float_row *row, int bits, int run, int k,
                               int scale) {
    return fmin(fmax(round_up(scaled_weight(row, run, k, scale)), lowest(bits)), highest(bits));
}

// Is the row's sum within its bits at this scale?
static bool sum_fits(const struct mr_float_row *row, int bits, int scale, int64_t half) {
    double sum = 0;

    for (int run = 0; run < 2; run++)
        for (int k = 0; k < row->columns[run]; k++)
            sum += fabs(quantised_weight(row, bits, run, k, scale));
    return sum * 32768 + fabs(round_up(ldexp(row->bias, scale)) + (double)half) <
           ldexp(1, MR_SUM_BITS);
}

// Does the row fit at this scale as it is? If not, *column is the weight to blame, or -1 for bias
// and sum.
static bool fits(const struct mr_float_row *row, int bits, int scale, int64_t half, int *column) {
    int at = 0;

    for (int run = 0; run < 2; run++) {
        for (int k = 0; k < row->columns[run]; k++, at++) {
            const double w = round_up(scaled_weight(row, run, k, scale));
            if (!(w >= lowest(bits) && w <= highest(bits))) {
                *column = at;
                return false;
            }
        }
    }
    *column = -1;
    return sum_fits(row, bits, scale, half);
}

// What rounding and cutting do to the row's sum, squared, columns being of equal size and
// independent of each other.
static double squared_error(const struct mr_float_row *row, int bits, int scale) {
    double error = 0;

    for (int run = 0; run < 2; run++)
        for (int k = 0; k < row->columns[run]; k++) {
            const double off =
                quantised_weight(row, bits, run, k, scale) - scaled_weight(row, run, k, scale);
            error += off * off;
        }
    return ldexp(error, -2 * scale);
}

// Where a row's numbers go.
struct place {
    struct mr_rows *rows;
    int index, column, sum;
};

static void fill(const struct mr_float_row *row, int bits, int scale, int shift,
                 const struct place *to) {
    int16_t *weight =
        to->rows->weight + (size_t)to->index * (size_t)to->rows->columns + (size_t)to->column;

    for (int run = 0; run < 2; run++) {
        for (int k = 0; k < row->columns[run]; k++)
            *weight++ = (int16_t)quantised_weight(row, bits, run, k, scale);
    }
    to->rows->bias[to->sum] =
        (int64_t)round_up(ldexp(row->bias, scale)) + ((int64_t)1 << (shift - 1));
    to->rows->shift[to->sum] = shift;
}

static int too_large(struct mr_float_row *row, int bits, int column, char *error,
                     size_t error_size) {
    char where[120] = "bias or sum of weights is";

    row->blame = column;
    if (column >= 0) {
        const int run = column >= row->columns[0], k = run ? column - row->columns[0] : column;
        const int32_t *frac = row->frac[run];
        const int used = snprintf(where, sizeof where, "weight of column %d is %.4g", column,
                                  (double)row->w[run][k]);
        if (frac && used > 0 && (size_t)used < sizeof where)
            snprintf(where + used, sizeof where - (size_t)used, " for inputs within %.4g, which is",
                     ldexp(1, 15 - frac[k]));
        else if (used > 0 && (size_t)used < sizeof where)
            snprintf(where + used, sizeof where - (size_t)used, ", which is");
    }
    return mr_fail(error, error_size,
                   "%s: the %s too large for %d-bit weights; %srescale the inputs of the model or "
                   "retrain it with weight decay",
                   row->label, where, bits, bits == 8 ? "give the layer weights of 16 bits, " : "");
}

// Of weights of 8 bits: the shift, from one at which nothing is cut, up to which the error falls.
static int least_error(const struct mr_float_row *row, int argument_frac, int shift) {
    double least = squared_error(row, 8, shift + argument_frac);

    while (shift < MR_SHIFT_MAX) {
        const int scale = shift + 1 + argument_frac;
        const double error = squared_error(row, 8, scale);
        if (!(error < least) || !sum_fits(row, 8, scale, (int64_t)1 << shift))
            break;
        least = error;
        shift++;
    }
    return shift;
}

// May weights be cut at this scale, and does the sum fit then? They must stand alone, far above the
// others: where all are too large, it is the columns' range. *cut: how many.
static bool can_cut(const struct mr_float_row *row, int scale, int64_t half, int *cut) {
    enum { TIMES = 16, APART = 64 };
    double least_cut = INFINITY, most_kept = 0;

    *cut = 0;
    for (int run = 0; run < 2; run++)
        for (int k = 0; k < row->columns[run]; k++) {
            const double w = scaled_weight(row, run, k, scale), size = fabs((double)row->w[run][k]);
            const bool is_cut = round_up(w) != quantised_weight(row, 16, run, k, scale);
            if (!(fabs(w) <= TIMES * highest(16)))
                return false;
            *cut += is_cut;
            if (is_cut)
                least_cut = fmin(least_cut, size);
            else
                most_kept = fmax(most_kept, size);
        }
    return row->ends && least_cut >= APART * most_kept && sum_fits(row, 16, scale, half);
}

int mr_row_fixed(struct mr_float_row *row, int weight_bits, int argument_frac, struct mr_rows *out,
                 int index, int column, int sum, char *error, size_t error_size) {
    const struct place to = {out, index, column, sum};
    int blame = -1, shift = MR_SHIFT_MAX;

    while (shift >= MR_SHIFT_MIN &&
           !fits(row, weight_bits, shift + argument_frac, (int64_t)1 << (shift - 1), &blame))
        shift--;
    if (shift < MR_SHIFT_MIN) {
        const int64_t half = (int64_t)1 << (MR_SHIFT_MIN - 1);
        int cut;
        if (weight_bits == 8 || !can_cut(row, MR_SHIFT_MIN + argument_frac, half, &cut))
            return too_large(row, weight_bits, blame, error, error_size);
        shift = MR_SHIFT_MIN;
        out->cut += cut;
    }
    if (weight_bits == 8)
        shift = least_error(row, argument_frac, shift);
    fill(row, weight_bits, shift + argument_frac, shift, &to);
    return 0;
}

double mr_row_bound(const struct mr_float_row *row) {
    double bound = fabs(row->bias);

    for (int run = 0; run < 2; run++)
        for (int k = 0; k < row->columns[run]; k++) {
            const int frac = row->frac[run] ? row->frac[run][k] : MR_HIDDEN_FRAC;
            bound += ldexp(fabs((double)row->w[run][k]), 15 - frac);
        }
    return bound;
}

int64_t mr_rows_bound(const struct mr_rows *rows, int row, int first_column, int columns, int sum) {
    const int16_t *weight =
        rows->weight + (size_t)row * (size_t)rows->columns + (size_t)first_column;
    int64_t total = 0;

    for (int k = 0; k < columns; k++)
        total += abs(weight[k]);
    return total * 32768 + llabs(rows->bias[sum]);
}

// A number of 32 bits is never cut.
bool mr_row_fits_number(const struct mr_rows *rows, int row) {
    return mr_rows_bound(rows, row, 0, rows->columns, row) >> rows->shift[row] < INT32_MAX;
}

int mr_row_number(struct mr_float_row *row, int most, struct mr_rows *out, int index, int32_t *frac,
                  char *error, size_t error_size) {
    static const double greatest = 2147483000.0;
    const int64_t half = (int64_t)1 << (MR_SHIFT_MAX - 1);
    const struct place to = {out, index, 0, index};
    const double bound = mr_row_bound(row);
    int scale = MR_SCALE_MAX, column = -1, bits = MR_SCALE_MAX - MR_SHIFT_MIN;

    // The shift, and so its half, is not known yet: the sum fits with each if it does with both
    // ends.
    while (scale > 0 && !(fits(row, 16, scale, half, &column) && fits(row, 16, scale, 0, &column)))
        scale--;
    if (scale == 0 || fabs(row->bias) > greatest)
        return too_large(row, 16, column, error, error_size);
    while (bits > 0 && !(ldexp(bound, bits) < greatest))
        bits--;
    bits = bits < scale - MR_SHIFT_MIN ? bits : scale - MR_SHIFT_MIN;
    bits = bits < most ? bits : most;
    for (; bits >= 0; bits--) { // the weights' rounding may ask for one less
        const int shift = scale - bits < MR_SHIFT_MAX ? scale - bits : MR_SHIFT_MAX;
        fill(row, 16, bits + shift, shift, &to);
        if (mr_row_fits_number(out, index)) {
            *frac = bits;
            return 0;
        }
    }
    return too_large(row, 16, -1, error, error_size);
}

static int check_sum(const struct mr_rows *rows, int row, int first, int columns, int sum,
                     const char *part, char *error, size_t error_size) {
    const int64_t bound = (int64_t)1 << MR_SUM_BITS, bias = rows->bias[sum];

    if (rows->shift[sum] < MR_SHIFT_MIN || rows->shift[sum] > MR_SHIFT_MAX)
        return mr_fail(error, error_size, "%s, row %d has shift %d; %d to %d is possible", part,
                       row, (int)rows->shift[sum], MR_SHIFT_MIN, MR_SHIFT_MAX);
    if (bias <= -bound || bias >= bound || mr_rows_bound(rows, row, first, columns, sum) >= bound)
        return mr_fail(error, error_size,
                       "%s, row %d has weights and a bias whose sum may reach 2^%d", part, row,
                       MR_SUM_BITS);
    return 0;
}

static int check_weights(const struct mr_rows *rows, int row, const char *part, char *error,
                         size_t error_size) {
    const int16_t *weight = rows->weight + (size_t)row * (size_t)rows->columns;

    for (int k = 0; k < rows->columns; k++)
        if (weight[k] < INT8_MIN || weight[k] > INT8_MAX)
            return mr_fail(error, error_size,
                           "%s, row %d has the weight %d in column %d, which is more than 8 bits",
                           part, row, weight[k], k);
    return 0;
}

int mr_rows_check(const struct mr_rows *rows, int weight_bits, int x_columns, const char *part,
                  char *error, size_t error_size) {
    const int split = rows->sums - rows->rows, whole = rows->rows - split;

    for (int row = 0; row < rows->rows; row++) {
        if (weight_bits == 8 && check_weights(rows, row, part, error, error_size) != 0)
            return -1;
        const int columns = row < whole ? rows->columns : x_columns;
        if (check_sum(rows, row, 0, columns, row, part, error, error_size) != 0)
            return -1;
        if (row >= whole && check_sum(rows, row, x_columns, rows->columns - x_columns, row + split,
                                      part, error, error_size) != 0)
            return -1;
    }
    return 0;
}
