// SPDX-License-Identifier: Apache-2.0
// A user's own cells: kinds of recurrent operators that a network may have beside those of
// ops/ops.def. host/build/own_cell.h makes them of C files.
#ifndef MR_OWN_CELLS_H
#define MR_OWN_CELLS_H

#include "op.h"

#include <string.h>

struct mr_own_cell {
    const struct mr_op_kind *kind;
    int second; // the last gates take float_columns for h, once the others are known
    // The float twins, as in base/contract/cell_table.h.
    void (*float_unit)(const double *sum, double *h, double *cell);
    double (*float_columns)(const double *sum, double h);
};

// They must stay as long as a network that has them.
struct mr_own_cells {
    const struct mr_own_cell *list; // [count]
    size_t count;
};

// By name; NULL where there is none. own may be NULL.
static inline const struct mr_own_cell *mr_own_cell_find(const struct mr_own_cells *own,
                                                         const char *name) {
    for (size_t i = 0; own && i < own->count; i++)
        if (strcmp(own->list[i].kind->name, name) == 0)
            return &own->list[i];
    return NULL;
}

// The kind of that name, of the user's own and of this program's.
static inline const struct mr_op_kind *mr_kind_find(const struct mr_own_cells *own,
                                                    const char *name) {
    const struct mr_own_cell *cell = mr_own_cell_find(own, name);

    return cell ? cell->kind : mr_op_kind_find(name);
}

#endif
