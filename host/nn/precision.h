// SPDX-License-Identifier: Apache-2.0
// The bits of the two operands of a lane's multiplier. Streams and states have 16 bits whatever the
// precision: a lane with columns of 8 bits rounds them when it takes them, so a state that moves by
// less than such a column is not lost.
//
// A lane with columns of 8 bits takes c = mr_column8(v) (arithmetic.h) for each column v: of x, of
// h, and in a second phase of gated h. c stands for 256 c in the units of v, so the row's sum is
//     (256 * sum of w c + bias) >> shift
// where it is (sum of w v + bias) >> shift with columns of 16 bits: weights, bias and shift have
// the same units in both, and the sums the same bound. Without the factor the shift would have to
// be below 0: a row with weights up to 1 has a product of 2^-6 * 2^-7, and its argument 2^-15 or
// 2^-16. In hardware the factor is wiring, where the sum of 32 bits leaves the lane.
#ifndef MR_PRECISION_H
#define MR_PRECISION_H

#include <stdbool.h>

struct mr_precision {
    int weight_bits; // 16, or 8: half of the memory
    int column_bits; // 16, or 8 with weights of 8 bits: two products in one DSP
};

#define MR_PRECISION_FULL ((struct mr_precision){16, 16})

// There are so many, in order from the widest to the narrowest, which is the cheapest.
enum { MR_PRECISIONS = 3, MR_PRECISION_NAME = 28 };

struct mr_precision mr_precision_at(int index);
int mr_precision_index(struct mr_precision precision);

// "w16a16", "w8a16" or "w8a8". Gives text.
const char *mr_precision_name(struct mr_precision precision, char text[MR_PRECISION_NAME]);
// False where the name is none of the three.
bool mr_precision_parse(const char *name, struct mr_precision *precision);
// Names with commas between them. How many there are; 0 where one of them is none or there are more
// than `most`.
int mr_precision_list(const char *text, struct mr_precision *list, int most);

#endif
