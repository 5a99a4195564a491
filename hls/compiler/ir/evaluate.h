// SPDX-License-Identifier: Apache-2.0
// The value of one operation where some of its operands are known: for the analyses that follow
// indices and scalars through guards and addresses.
#ifndef HLSC_EVALUATE_H
#define HLSC_EVALUATE_H

#include "ir.h"

enum { EVALUATE_OPERANDS = 3 }; // an operation of more is never known

// Computes op (IR_CAST to IR_SELECT, without lanes) from operands x[i] of which known[i] tells
// whether they are there. False: its value is not known.
bool evaluate_op(const struct op *op, const bool *known, const wide *x, wide *value);

#endif
