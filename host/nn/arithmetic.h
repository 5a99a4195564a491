// SPDX-License-Identifier: Apache-2.0
// Arithmetic that operators share: in double, and in whole numbers as the kernels do it
// (hls/kernels/), written independently of them so that each tests the other.
#ifndef MR_ARITHMETIC_H
#define MR_ARITHMETIC_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A cell state has units of 2^(exponent - MR_CELL_FRAC).
enum { MR_CELL_BITS = 24, MR_CELL_FRAC = 16, MR_EXPONENT_MAX = 16 };

double mr_sigmoid_float(double x);

// The logarithm of a sum of exponentials, of which one after the other is added; it starts as
// MR_LOG_SUM_ZERO.
struct mr_log_sum {
    double top, sum; // the greatest exponent, and the sum divided by its exponential
};
#define MR_LOG_SUM_ZERO ((struct mr_log_sum){-INFINITY, 0})
void mr_log_sum_add(struct mr_log_sum *of, double exponent);
double mr_log_sum(struct mr_log_sum of);

// Four partial sums, so that the additions need not wait for one another.
double mr_dot(const float *w, const double *v, size_t count);

// Cut to so many bits, signed.
int64_t mr_clamp(int64_t v, int bits);

// Values of an operator that were cut to their formats, and by how much in all, in the units of its
// limit (op.h).
struct mr_cuts {
    uint64_t count, past;
};
// The same, counted but not how far; cuts may be NULL.
int64_t mr_clamp_counted(int64_t v, int bits, struct mr_cuts *cuts);
// The same; how far it was beyond is added to *past, at most 2^28 - 1 as the kernels add it.
int64_t mr_clamp_past(int64_t v, int bits, int64_t *past);
// So many units of `from` fraction bits in units of `to`, rounded up, at most 2^28 - 1.
int64_t mr_past_units(int64_t past, int from, int to);

// A 16-bit number rounded to its upper 8 bits: what a lane with columns of 8 bits takes.
static inline int32_t mr_column8(int32_t v) {
    const int32_t rounded = (v + 128) >> 8;

    return rounded < -128 ? -128 : rounded > 127 ? 127 : rounded;
}

// Sum of products; columns of 8 bits count at the scale of v, as 256 times what they are.
int64_t mr_integer_dot(const int16_t *w, const int32_t *v, int count);
int64_t mr_integer_dot8(const int16_t *w, const int32_t *v, int count);

// By table; the argument is cut to 20 bits (Q15 of a sigmoid, Q16 of a tanh), the result is Q15.
int64_t mr_table_sigmoid(int64_t argument);
int64_t mr_table_tanh(int64_t argument);

// The kernels' reciprocal (hls/kernels/reciprocal.h): 1 / sum is the result / 2^(30 + shift).
// sum: Q40, 1 at least.
uint64_t mr_reciprocal_near(uint64_t sum, int *shift);

// The most fraction bits, from least to most, with which a 16-bit number holds so large a
// magnitude; `least` where none does.
int mr_frac_of(double greatest, int least, int most);

// A second state field's range, +-2^(7 + exponent), and its exponent where so large a magnitude was
// seen: as much head-room again, but never less than +-128, for more precision does not show in h.
double mr_exponent_limit(int exponent);
int mr_exponent_of(double greatest);

#endif
