// SPDX-License-Identifier: Apache-2.0
// A user's own cells: C files of the form of hls/kernels/cells/, each with its float twin, compiled
// for the host and loaded (docs/own-cell.md).
#ifndef MR_OWN_CELL_H
#define MR_OWN_CELL_H

#include "cache.h"
#include "millrace.h"
#include "own_cells.h"

// Opened files; all zero is none.
struct mr_own_cell_files {
    struct mr_own_cells cells;
    struct own_file **files; // [cells.count]
};

// Compiles the files, through the build cache, and loads what they hold: a file is run as code. A
// cell has the name of its file. 0, or a code with a sentence in error: what a cell must have and
// the file has not, with the line where there is one. Free with mr_own_cells_close in either case.
int mr_own_cells_open(const char *const *paths, size_t count, struct mr_own_cell_files *opened,
                      struct mr_error *error);
void mr_own_cells_close(struct mr_own_cell_files *opened);

#endif
