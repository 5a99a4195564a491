// SPDX-License-Identifier: Apache-2.0
// Tokens of preprocessed C. Names and punctuators are interned: equal text is the same pointer.
#ifndef HLSC_LEX_H
#define HLSC_LEX_H

#include "compiler.h"

enum token_kind {
    TOK_END,
    TOK_NAME, // identifiers and keywords
    TOK_PUNCT,
    TOK_NUMBER, // integer and character constants
    TOK_FLOAT,
    TOK_STRING,
    TOK_PRAGMA // text: what follows `HLS`
};

struct token {
    enum token_kind kind;
    bool is_system; // in a header of the C library or the compiler
    bool is_unsigned, is_long, is_decimal;
    const char *text;
    uint64_t value;
    struct location loc;
};

struct name_table {
    const char **slots;
    size_t size, used; // size is 0 or a power of two
};

const char *intern(struct compiler *cc, struct name_table *names, const char *text, size_t length);

// Turns `text` into tokens that end with one TOK_END. `start` is the location of the first line.
struct token *lex_text(struct compiler *cc, struct name_table *names, struct location start,
                       const char *text, int *count);

#endif
