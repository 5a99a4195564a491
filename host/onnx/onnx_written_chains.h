// SPDX-License-Identifier: Apache-2.0
// The recurrences of a file that is computed with symbols, as rows of matrices: each row holds the
// states of a sequence behind a step, and comes from the one before by a product with the matrix.
#ifndef MR_ONNX_WRITTEN_CHAINS_H
#define MR_ONNX_WRITTEN_CHAINS_H

#include "onnx_written.h"

// A row that a matrix multiplies.
struct onnx_use {
    int32_t matrix, row;
};

// The rows of a matrix, step by step: each holds states that come from the one before.
struct onnx_chains {
    int32_t matrix, *rows; // [count][length]
    int count, length;
    int32_t *places; // [units] of the states in a row
    int units;
    int32_t first; // a state that goes into the second row
    bool shifted;  // no product of the first step reads a state: the first row has that behind it
};

// Of each row how often products with a matrix follow each other up to it, and the last row of
// these.
struct onnx_measure {
    int32_t *row_depth, *row_source; // [rows], -1 before they are known
};

// All rows with their matrices, sorted, each once. NULL with a sentence.
struct onnx_use *onnx_list_uses(struct onnx_written *w, size_t *count);
// Sets depth and source of all symbols for a matrix.
void onnx_measure(struct onnx_written *w, struct onnx_measure *m, int32_t matrix);
// The chains of a matrix with these rows; their count stays 0 where its products do not feed each
// other. -1 with a sentence.
int onnx_find_chains(struct onnx_written *w, struct onnx_measure *m, const struct onnx_use *uses,
                     size_t count, struct onnx_chains *c);
// The same of a single step, whose states are inputs of the file.
int onnx_find_single(struct onnx_written *w, const struct onnx_use *uses, size_t count,
                     struct onnx_chains *c);
void onnx_free_chains(struct onnx_chains *c);

#endif
