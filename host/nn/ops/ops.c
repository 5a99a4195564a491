// SPDX-License-Identifier: Apache-2.0
// The table of operators.
#include "recurrent.h"

#include <string.h>

#define OP(symbol) extern const struct mr_op_kind symbol;
#define CELL(symbol) extern const struct mr_cell symbol;
#include "ops.def"
#undef OP
#undef CELL

#define OP(symbol) &symbol,
#define CELL(symbol) &symbol.kind,
static const struct mr_op_kind *const kinds[] = {
#include "ops.def"
};
#undef OP
#undef CELL

const struct mr_op_kind *mr_op_kind_at(size_t index) {
    return index < sizeof kinds / sizeof *kinds ? kinds[index] : NULL;
}

const struct mr_op_kind *mr_op_kind_find(const char *name) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}
