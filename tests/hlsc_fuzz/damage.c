// SPDX-License-Identifier: Apache-2.0
// Damaged programs: words and lines of a program go, come twice, change places or become others.
// Most of what is left is still C, and hlsc has to take it or say in a sentence why not.
#define _POSIX_C_SOURCE 200809L // open_memstream
#include "generate.h"
#include "run.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 40000 };

struct text {
    char *word[MAX_WORDS]; // with what stands between them, too
    int count;
    char *block; // that the words lie in
};

static size_t length_of(const char *from, bool by_lines) {
    if (by_lines)
        return strcspn(from, "\n") + (from[strcspn(from, "\n")] != 0);
    size_t length = 1;
    if (isalnum((unsigned char)*from) || *from == '_')
        while (isalnum((unsigned char)from[length]) || from[length] == '_')
            length++;
    return length;
}

// `from` in words, or in lines. What is more than MAX_WORDS is the last one.
static void cut(struct text *t, const char *from, bool by_lines) {
    t->block = malloc(2 * strlen(from) + 1);
    t->count = 0;
    if (!t->block) {
        fputs("hlsc_fuzz: out of memory\n", stderr);
        exit(2);
    }
    char *at = t->block;
    while (*from) {
        const size_t length = t->count == MAX_WORDS - 1 ? strlen(from) : length_of(from, by_lines);
        t->word[t->count++] = at;
        memcpy(at, from, length);
        at[length] = 0;
        at += length + 1;
        from += length;
    }
}

static char *joined(struct text *t) {
    char *out = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&out, &size);
    for (int i = 0; file && i < t->count; i++)
        fputs(t->word[i], file);
    free(t->block);
    if (!file || fclose(file) != 0 || !out) {
        fputs("hlsc_fuzz: out of memory\n", stderr);
        exit(2);
    }
    return out;
}

// A word or line of the program's own part.
static int any(struct generator *g, const struct text *t) {
    int at = between(g, t->count / 8, t->count - 1);
    while (at > 0 && isspace((unsigned char)t->word[at][0]))
        at--;
    return at;
}

static char *damage(struct generator *g, char *from) {
    static char numbers[][24] = {"0", "1",  "2",    "7",          "8",          "64",         "65",
                                 "n", "-1", "1024", "4294967295", "2147483648", "99999999999"};
    static char empty[] = "";
    static struct text text;
    struct text *const t = &text;
    const bool by_lines = chance(g, 30);
    cut(t, from, by_lines);
    free(from);
    const int a = any(g, t), b = any(g, t), kind = below(g, 5);
    char *const old = t->word[a];
    if (kind == 0)
        t->word[a] = empty;
    else if (kind == 1 || (kind == 2 && by_lines)) // comes twice: in another's place
        t->word[b] = old;
    else if (kind == 2)
        t->word[a] = numbers[below(g, sizeof numbers / sizeof *numbers)];
    else
        t->word[a] = t->word[b];
    if (kind == 4)
        t->word[b] = old;
    return joined(t);
}

enum verdict compile_damaged(const struct settings *with, struct program *program, uint64_t seed,
                             const char *name, char *reason, size_t reason_size) {
    struct generator g = {.random = ~seed};
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file)
        print_programs(file, &program, 1, "fuzz");
    if (!file || fclose(file) != 0 || !text) {
        fputs("hlsc_fuzz: out of memory\n", stderr);
        exit(2);
    }
    for (int times = between(&g, 1, 3); times > 0; times--)
        text = damage(&g, text);
    const enum verdict verdict = compile_text(with, text, name, reason, reason_size);
    free(text);
    return verdict;
}
