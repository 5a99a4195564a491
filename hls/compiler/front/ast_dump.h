// SPDX-License-Identifier: Apache-2.0
// The typed tree as compact s-expressions, for tests and `hlsc --dump-ast`.
#ifndef HLSC_AST_DUMP_H
#define HLSC_AST_DUMP_H

#include "ast.h"
#include <stdio.h>

void ast_dump(FILE *out, const struct program *program);

#endif
