// SPDX-License-Identifier: Apache-2.0
// What several operators without lanes of their own do alike: rows that pass as they are, and rows
// of 16 bits in one format.
#ifndef MR_PLAIN_ROWS_H
#define MR_PLAIN_ROWS_H

#include "op.h"

// Gives rows of 16 bits, as wide as those that it reads.
void mr_same_describe(const struct mr_network *network, struct mr_op *op, struct mr_stream *out);

// Gives op->units numbers as they come in.
void mr_pass_float(const struct mr_op *op, const double *in, double *state, double *out);
void mr_pass_integer(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                     int32_t *state, int32_t *out, struct mr_cuts *cuts);
// In the formats of its input.
int mr_pass_quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac, int *column,
                     char *error, size_t error_size);
int mr_pass_check(const struct mr_network *network, const struct mr_op *op, char *error,
                  size_t error_size);
// Of one that passes whole sequences (mr_op_is_whole): has it room for a number of steps?
int mr_whole_check(const struct mr_network *network, const struct mr_op *op, char *error,
                   size_t error_size);
// Expects memory for a row of so many bits a number in each slot, as kernels ask for it.
void mr_pool_memory(const struct mr_op *op, const struct mr_op_layout *layout, uint64_t bits,
                    struct mr_op_cost *cost);
// Of number i of a row: is `due` its format? 0, or -1 with a sentence.
int mr_pass_check_at(const struct mr_network *network, const struct mr_op *op, int i, int32_t due,
                     char *error, size_t error_size);

// Gives one format, from least to most fraction bits, in all numbers.
void mr_one_format(const struct mr_op *op, int32_t shared, int32_t *frac);
int mr_one_format_check(const struct mr_network *network, const struct mr_op *op, int least,
                        int most, char *error, size_t error_size);
// Cut at the ends of it.
struct mr_op_limit mr_one_format_limit(const struct mr_network *network, const struct mr_op *op);

#endif
