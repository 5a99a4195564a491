// SPDX-License-Identifier: Apache-2.0
// Runs a network on this processor, operator by operator: in floating point, what the accuracy of
// whole numbers is measured against, and in whole numbers, what every device has to give bit for
// bit.
//
// x: (sequences, steps, inputs). y: the outputs one after the other, each (sequences, steps, width)
// or, where it comes once per sequence, (sequences, width). Every sequence starts from its state
// of op->start, else from zero.
#ifndef MR_WALK_H
#define MR_WALK_H

#include "calibrate.h"
#include "graph.h"

//
// Where a network has an encoder's part, each sequence may have rows for that: the decoder goes on
// from what it gives, and without them from zero.
struct mr_encoded {
    const void *x; // (sequences, steps, inputs of the encoder): float, or int16_t in whole numbers
    size_t steps;
    // Of mr_float_run_encoded and mr_float_observe_encoded alone: the decoder's inputs from the
    // second step on are what the output `token` gave at the step before, and are written to this
    // array, which is the caller's x. NULL: they are in x.
    float *fed;
    int token;
};

// Before the casts of the outputs. Sums and states are double. -1 only when memory is short.
int mr_float_run(const struct mr_network *network, const float *x, size_t sequences, size_t steps,
                 double *y);

// The same with rows for the encoder; encoded may be NULL.
int mr_float_run_encoded(const struct mr_network *network, const struct mr_encoded *encoded,
                         const float *x, size_t sequences, size_t steps, double *y);

// The same; reach: [stream_count] gets the largest magnitude of each stream's numbers.
int mr_float_run_reach(const struct mr_network *network, const float *x, size_t sequences,
                       size_t steps, double *y, double *reach);

// The same with the casts done.
int mr_float_run_cast(const struct mr_network *network, const float *x, size_t sequences,
                      size_t steps, float *y);

// Notes the ranges of streams and states, for mr_quantise. how: NULL for what is usual. -1 when
// memory is short.
int mr_float_observe(struct mr_network *network, const float *x, size_t sequences, size_t steps,
                     const struct mr_calibration *how);

// The same with rows for the encoder; encoded may be NULL.
int mr_float_observe_encoded(struct mr_network *network, const struct mr_encoded *encoded,
                             const float *x, size_t sequences, size_t steps,
                             const struct mr_calibration *how);

// -1 only when memory is short. A mask, which is of x as it is given, is of no effect.
int mr_integer_run(const struct mr_network *network, const int16_t *x, size_t sequences,
                   size_t steps, int32_t *y);

// The same of sequences of so many steps each; lengths: [sequences], 1 to `steps`.
int mr_integer_run_lengths(const struct mr_network *network, const int16_t *x, size_t sequences,
                           size_t steps, const size_t *lengths, int32_t *y);

// The same with rows for the encoder; encoded may be NULL.
int mr_integer_run_encoded(const struct mr_network *network, const struct mr_encoded *encoded,
                           const int16_t *x, size_t sequences, size_t steps, int32_t *y);

// What the outputs give at a step behind the end of a sequence, where hidden states are 0: a row of
// each output, one behind the other; those of outputs per sequence are 0. x: that step's. -1 when
// memory is short.
int mr_integer_padding(const struct mr_network *network, const int16_t *x, int32_t *rows);

#endif
