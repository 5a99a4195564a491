// SPDX-License-Identifier: Apache-2.0
// The operators of ONNX that are read: one row for each, in the file of its family or in
// onnx_ops.c.
#ifndef MR_ONNX_OPS_H
#define MR_ONNX_OPS_H

#include <stdbool.h>
#include <stddef.h>

struct onnx_reader;
struct onnx_eval;

enum onnx_trait {
    ONNX_RECURRENT = 1, // its reader tells itself what is wrong with its inputs
    ONNX_PARTS = 2,     // makes several values, of which the first may be left out
    ONNX_HEAVY = 4,     // takes time that grows faster than the file: not computed when it is read
    ONNX_MOVES = 8,     // keeps every element as it is
    ONNX_EITHER = 16,   // the data may be its second input
    ONNX_TAKES_QUANTISED = 32, // what a QuantizeLinear gives
    ONNX_SOURCE = 64,          // may be without a first input
    ONNX_CARRIES = 128,        // its data, several inputs, come out as they are
    ONNX_LISTS = 256,          // inputs may be lists of tensors
};

// Each of the functions takes the current node and returns 0, or -1 with a sentence.
struct onnx_operator {
    const char *type;
    int (*read)(struct onnx_reader *r); // follows the data through it; NULL: the data may not
    int (*fold)(struct onnx_reader *r); // on sizes of the input; NULL: not followed
    int (*eval)(struct onnx_eval *e);   // computes it in double precision
    int traits;
};

// The row of an operator of ONNX itself, or NULL.
const struct onnx_operator *onnx_operator_find(const char *type);

// The same of ONNX Runtime's own, of the domain com.microsoft.
const struct onnx_operator *onnx_runtime_find(const char *type);

// What becomes a part of the network, for messages: "recurrent layers (LSTM, …) and …".
void onnx_operator_list(char *text, size_t size);

// The families; each ends with a row without a type.
extern const struct onnx_operator onnx_recurrent_operators[]; // onnx_recurrent.c
extern const struct onnx_operator onnx_own_operator;          // the same, of a user's own cells
extern const struct onnx_operator onnx_head_operators[];      // onnx_heads.c
extern const struct onnx_operator onnx_runtime_operators[];   // onnx_runtime.c

#endif
