// SPDX-License-Identifier: Apache-2.0
// What kernels and the host agree on: activations, the format of probabilities, and how many steps
// are pooled.
#ifndef MR_FORMATS_H
#define MR_FORMATS_H

#include <stdbool.h>
#include <stdint.h>

// Activations, of dense.h and of a cell's places (place.h). Macros, for the kernels ask by #if.
#define MR_LINEAR 0
#define MR_SIGMOID 1
#define MR_TANH 2
#define MR_RELU 3
#define MR_HARD_SIGMOID 4     // max(0, min(1, x)): factor and offset stand in front
#define MR_LEAKY_RELU 5       // alpha x below 0
#define MR_THRESHOLDED_RELU 6 // x above alpha, else 0
#define MR_SOFTSIGN 7         // x / (1 + |x|)
#define MR_SOFTPLUS 8         // log(1 + e^x)
#define MR_ELU 9              // alpha (e^x - 1) below 0
// Smooth ReLUs: x sigmoid(x), x Phi(x), the same by a tanh, x times a hard sigmoid, and
// x tanh(log(1 + e^x)).
#define MR_SWISH 10
#define MR_GELU 11
#define MR_GELU_TANH 12
#define MR_HARD_SWISH 13
#define MR_MISH 14
#define MR_IS_SMOOTH(kind) ((kind) >= MR_SWISH)
// Of these a table gives a part, finer than the sum.
#define MR_HAS_FINE_PART(kind) ((kind) == MR_SOFTPLUS || (kind) == MR_ELU || MR_IS_SMOOTH(kind))

// An activation at a place of a recurrent cell (place.h): all that a kernel has to know of it.
typedef struct {
    uint8_t kind; // as above
    // Fraction bits of what it gives: 15 where that is within +-1. In the place of the cell state
    // of what h has.
    uint8_t frac;
    bool clips; // its argument, to low and high, in the argument's units
    int32_t low, high;
    // Times factor 2^-shift: what a table gives (of elu below 0), or the argument of a leaky relu
    // below 0; shift 0: as it is.
    int32_t factor;
    uint8_t shift;
    int32_t than; // a thresholded relu gives what is above
    // In the place of the cell state, of a function that ends: its argument is the state times
    // in_factor, and in_offset, all times 2^-in_shift; in_shift 0: as it is.
    int32_t in_factor;
    int64_t in_offset;
    uint8_t in_shift;
} mr_place_t;

#define MR_IS_OPEN(kind)                                                                           \
    ((kind) == MR_LINEAR || (kind) == MR_RELU || (kind) == MR_LEAKY_RELU ||                        \
     (kind) == MR_THRESHOLDED_RELU || MR_HAS_FINE_PART(kind))

// Fraction bits of its argument, where it gives so many.
#define MR_ARGUMENT_FRAC(kind, frac)                                                               \
    ((kind) == MR_SIGMOID || (kind) == MR_HARD_SIGMOID                      ? 15                   \
     : (kind) == MR_TANH || (kind) == MR_SOFTSIGN || MR_HAS_FINE_PART(kind) ? 16                   \
                                                                            : (frac))

// Cycles from the argument to what it gives, at most: of a table as that of tanh, and of others.
// clips, scaled and in_scaled: whether an mr_place_t's fields say so.
#define MR_TABLE_CYCLES 5
#define MR_PLACE_CYCLES(kind, clips, scaled, in_scaled)                                            \
    (((kind) == MR_SIGMOID || (kind) == MR_TANH ? MR_TABLE_CYCLES                                  \
      : (kind) == MR_SOFTSIGN                   ? 8                                                \
      : MR_HAS_FINE_PART(kind)                  ? 9                                                \
      : (kind) == MR_THRESHOLDED_RELU           ? 3                                                \
      : (kind) == MR_HARD_SIGMOID               ? 1                                                \
                                                : 2) +                                                           \
     ((scaled) ? 3 : 0) + ((in_scaled) ? 4 : 0) + ((clips) ? 1 : 0))

// What pair.h makes of two rows, number by number.
#define MR_PAIR_SUM 0
#define MR_PAIR_PRODUCT 1
#define MR_PAIR_GREATER 2
#define MR_PAIR_LESS 3

// Fraction bits of a probability (softmax.h): 1.0 is 2^24, so every one is a float without
// rounding.
#define MR_SOFTMAX_FRAC 24

// Bits of the number of steps of which pool.h makes one row.
#define MR_POOL_BITS 24

#endif
