// SPDX-License-Identifier: Apache-2.0
// What the heads calculate, row by row and in plain C: the integers of hls/kernels/heads.
#ifndef HEADS_REFERENCE_H
#define HEADS_REFERENCE_H

#include <stdint.h>

// A dense layer. weights: (outputs, inputs); bias: (outputs), 48 bits, holds the half that rounds
// the shift; shift: (outputs), 0 to 31; activation: MR_LINEAR and so on (formats.h); bits: 32 where
// it gives numbers, 16 where it gives activations.
struct dense_reference {
    int inputs, outputs, activation, bits;
    const int16_t *weights;
    const int64_t *bias;
    const uint8_t *shift;
};

// x: (inputs); y: (outputs). Returns how many outputs `bits` bits could not hold.
uint64_t dense_row(const struct dense_reference *dense, const int16_t *x, int32_t *y);

// x, y: (count). frac: fraction bits of x, -16 to 40; y has MR_SOFTMAX_FRAC of them.
void softmax_row(const int32_t *x, int count, int frac, int32_t *y);

// The place of the first greatest of x: (count).
int32_t argmax_row(const int32_t *x, int count);

#endif
