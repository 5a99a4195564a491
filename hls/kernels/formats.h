// SPDX-License-Identifier: Apache-2.0
// What the heads and the host agree on: the activations of a dense layer, the format of
// probabilities, and how many steps are pooled.
#ifndef MR_FORMATS_H
#define MR_FORMATS_H

// DENSE_ACTIVATION of dense.h. Macros, for the kernels ask by #if.
#define MR_LINEAR 0
#define MR_SIGMOID 1
#define MR_TANH 2
#define MR_RELU 3

// Fraction bits of a probability (softmax.h): 1.0 is 2^24, so every one is a float without
// rounding.
#define MR_SOFTMAX_FRAC 24

// Bits of the number of steps of which pool.h makes one row.
#define MR_POOL_BITS 24

#endif
