// SPDX-License-Identifier: Apache-2.0
// The bits of the two operands of a lane's multiplier. Streams and states have 16 bits whatever the
// precision: a lane with columns of 8 bits rounds them when it takes them, so a state that moves by
// less than such a column is not lost.
#ifndef MR_PRECISION_H
#define MR_PRECISION_H

#include <stdbool.h>

struct mr_precision {
    int weight_bits; // 16, or 8: half of the memory
    int column_bits; // 16, or 8 with weights of 8 bits: two products in one DSP
};

#define MR_PRECISION_FULL ((struct mr_precision){16, 16})

enum { MR_PRECISION_NAME = 28 };

// "w16a16", "w8a16" or "w8a8". Gives text.
const char *mr_precision_name(struct mr_precision precision, char text[MR_PRECISION_NAME]);
// False where the name is none of the three.
bool mr_precision_parse(const char *name, struct mr_precision *precision);

#endif
