// SPDX-License-Identifier: Apache-2.0
// Recurrent operators as programs of the folded kernel: what all of them share. A cell adds its
// vectors.
#include "recurrent_fold.h"
#include "recurrent.h"

#include <stdlib.h>

void mr_fold_rows(struct mr_fold *fold, const struct mr_op *op, const struct mr_fold_row *of_unit,
                  int count, int x, int h, unsigned cut) {
    const size_t all = (size_t)op->units * (size_t)count;
    struct mr_fold_row *rows = calloc(all, sizeof *rows);

    if (!rows) {
        mr_fold_refuse(fold, "there is not enough memory for its rows");
        return;
    }
    for (size_t i = 0; i < all; i++) {
        rows[i] = of_unit[i % (size_t)count];
        rows[i].row += rows[i].row < 0 ? 0 : (int)(i / (size_t)count);
        rows[i].sum += (int)(i / (size_t)count);
    }
    mr_fold_matrix(fold, op, rows, (int)all, x, h, cut);
    free(rows);
}

void mr_fold_table(struct mr_fold *fold, const struct mr_op *op, bool tanh, int from, bool apart,
                   int to) {
    mr_fold_vector(fold, (struct mr_fold_vector){.elements = op->units,
                                                 .activates = true,
                                                 .tanh = tanh ? 15 : 0,
                                                 .sum = {from, apart},
                                                 .into = FOLDED_INTO_ACTIVE,
                                                 .to = {to, true}});
}

void mr_recurrent_fold(struct mr_fold *fold, const struct mr_op *op) {
    const struct mr_cell *cell = mr_cell_of(op);

    if (!cell->fold || op->kind->gives_second || op->kind->constants > 0)
        mr_fold_refuse(fold, "layer %d is of the kind %s, which it does not have", op->layer,
                       op->kind->name);
    else if (mr_op_has_places(op) && !mr_cell_is_plain(op))
        mr_fold_refuse(fold, "layer %d has other activations than its cell has by itself",
                       op->layer);
    else if (op->exponent != 0)
        mr_fold_refuse(fold, "the cell states of layer %d go beyond +-%g", op->layer,
                       mr_exponent_limit(0));
    else
        cell->fold(fold, op);
}
