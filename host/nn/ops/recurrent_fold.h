// SPDX-License-Identifier: Apache-2.0
// What cells write their programs of the folded kernel with.
#ifndef MR_RECURRENT_FOLD_H
#define MR_RECURRENT_FOLD_H

#include "fold.h"
#include "op.h"

// Sums of `count` rows for each unit, unit after unit. of_unit: [count] those of the first one.
void mr_fold_rows(struct mr_fold *fold, const struct mr_op *op, const struct mr_fold_row *of_unit,
                  int count, int x, int h, unsigned cut);
// Activations of all units, four apart from `to` on: a sigmoid or tanh of the sums from `from` on.
void mr_fold_table(struct mr_fold *fold, const struct mr_op *op, bool tanh, int from, bool apart,
                   int to);

#endif
