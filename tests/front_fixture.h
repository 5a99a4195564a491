// SPDX-License-Identifier: Apache-2.0
// The front end on a text: its tree, or its message.
#ifndef FRONT_FIXTURE_H
#define FRONT_FIXTURE_H

#include "ast_dump.h"
#include "compiler.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

// What <stdint.h> gives, so that most tests need no preprocessor.
#define PRELUDE                                                                                    \
    "# 1 \"types.h\"\n"                                                                            \
    "typedef signed char int8_t; typedef short int int16_t; typedef int int32_t;\n"                \
    "typedef long int int64_t; typedef unsigned char uint8_t;\n"                                   \
    "typedef unsigned short int uint16_t; typedef unsigned int uint32_t;\n"                        \
    "typedef unsigned long int uint64_t;\n"                                                        \
    "typedef struct { int16_t v[4]; uint8_t last; } word_t;\n"                                     \
    "# 1 \"kernel.c\"\n"

// The dump of the program, or its error message. The caller frees it.
static char *front(const char *text) {
    struct compiler cc = {0};
    char *volatile dump = NULL;
    char *buffer = NULL;
    size_t size = 0;
    if (setjmp(cc.on_error) == 0) {
        struct program *program = parse_program(&cc, "kernel.c", text);
        FILE *out = open_memstream(&buffer, &size);
        ck_assert_ptr_nonnull(out);
        ast_dump(out, program);
        fclose(out);
        dump = buffer;
    } else {
        dump = strdup(cc.error);
    }
    compiler_free(&cc);
    ck_assert_ptr_nonnull(dump);
    return dump;
}

// White space of the dump becomes single blanks, so that expectations stay on one line.
static void squeeze(char *text) {
    char *out = text;
    for (char *in = text; *in; in++) {
        bool blank = *in == ' ' || *in == '\n';
        if (blank && (out == text || out[-1] == ' '))
            continue;
        *out++ = blank ? ' ' : *in;
    }
    *out = 0;
}

static void expect_dump(const char *source, const char *part) {
    char *text = malloc(strlen(PRELUDE) + strlen(source) + 1);
    ck_assert_ptr_nonnull(text);
    strcpy(text, PRELUDE);
    strcat(text, source);
    char *dump = front(text);
    squeeze(dump);
    ck_assert_msg(strstr(dump, part) != NULL, "source:\n%s\nexpected: %s\ngot: %s", source, part,
                  dump);
    free(dump);
    free(text);
}

struct pair {
    const char *source, *expected;
};

#endif
