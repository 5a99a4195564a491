// SPDX-License-Identifier: Apache-2.0
// Numbers of a mini-batch: how great they are, and the same as whole numbers.
#ifndef MR_INT_NUMBERS_H
#define MR_INT_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

// The greatest magnitude; infinite where a number is none or infinite. 0 of none.
double mr_int_greatest(const float *x, size_t count);

// x 2^bits, to nearest, ties up, within +-most. x is finite.
int32_t mr_int_whole(float x, int bits, int32_t most);

// A row of the same within +-32767. scale: 2^bits, bits from -120 to 100.
void mr_int_whole_row(const float *x, size_t count, float scale, int16_t *to);

// How many magnitudes are beyond `most`.
uint64_t mr_int_count_beyond(const float *x, size_t count, float most);

#endif
