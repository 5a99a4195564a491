// SPDX-License-Identifier: Apache-2.0
// The lexer: preprocessed C to tokens. Line markers become locations, HLS pragmas become tokens,
// other pragmas vanish.
#include "lex.h"
#include <ctype.h>
#include <limits.h>
#include <string.h>

struct lexer {
    struct compiler *cc;
    struct name_table *names;
    const char *at;
    struct location loc;
    bool is_system;
    struct token *tokens;
    int count, capacity;
};

static uint32_t hash_text(const char *text, size_t length) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < length; i++)
        h = (h ^ (unsigned char)text[i]) * 16777619u;
    return h;
}

const char *intern(struct compiler *cc, struct name_table *names, const char *text, size_t length) {
    if (names->used * 2 >= names->size) {
        struct name_table grown = {NULL, names->size ? names->size * 2 : 1024, names->used};
        grown.slots = arena_alloc(cc, grown.size * sizeof *grown.slots);
        for (size_t i = 0; i < names->size; i++) {
            if (!names->slots[i])
                continue;
            size_t k = hash_text(names->slots[i], strlen(names->slots[i])) & (grown.size - 1);
            while (grown.slots[k])
                k = (k + 1) & (grown.size - 1);
            grown.slots[k] = names->slots[i];
        }
        *names = grown;
    }
    size_t k = hash_text(text, length) & (names->size - 1);
    while (names->slots[k]) {
        if (strncmp(names->slots[k], text, length) == 0 && !names->slots[k][length])
            return names->slots[k];
        k = (k + 1) & (names->size - 1);
    }
    char *copy = arena_alloc(cc, length + 1);
    memcpy(copy, text, length);
    names->slots[k] = copy;
    names->used++;
    return copy;
}

static struct token *add(struct lexer *l, enum token_kind kind, const char *text) {
    if (l->count == l->capacity) {
        if (l->capacity > INT_MAX / 4)
            fail(l->cc, l->loc, "the file is too long; split the kernel");
        int capacity = l->capacity ? l->capacity * 2 : 256;
        l->tokens = arena_grow(l->cc, l->tokens, (size_t)l->count * sizeof *l->tokens,
                               (size_t)capacity * sizeof *l->tokens);
        l->capacity = capacity;
    }
    struct token *t = &l->tokens[l->count++];
    *t = (struct token){.kind = kind, .is_system = l->is_system, .text = text, .loc = l->loc};
    return t;
}

static bool is_name_char(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '$';
}

// One character of a literal, with escapes; l->at is behind it afterwards.
static int literal_char(struct lexer *l) {
    char c = *l->at++;
    if (c != '\\')
        return (signed char)c;
    c = *l->at;
    if (!c)
        fail(l->cc, l->loc, "the file ends inside a literal; close it with a quote");
    l->at++;
    static const char from[] = "abfnrtv\\'\"?", to[] = "\a\b\f\n\r\t\v\\'\"?";
    const char *known = strchr(from, c);
    if (known)
        return to[known - from];
    if (c >= '0' && c <= '7') {
        int value = c - '0';
        for (int i = 0; i < 2 && *l->at >= '0' && *l->at <= '7'; i++)
            value = value * 8 + (*l->at++ - '0');
        return (signed char)(unsigned char)value;
    }
    if (c == 'x' && isxdigit((unsigned char)*l->at)) {
        unsigned value = 0;
        while (isxdigit((unsigned char)*l->at)) {
            char d = *l->at++;
            value = value * 16 + (unsigned)(d <= '9' ? d - '0' : (d | 32) - 'a' + 10);
            if (value > 255)
                fail(l->cc, l->loc,
                     "the escape \\x of a literal does not fit in a char; use two digits");
        }
        return (signed char)(unsigned char)value;
    }
    fail(l->cc, l->loc, "unknown escape \\%c in a literal; write the number of the character", c);
}

static void lex_char(struct lexer *l) {
    l->at++;
    if (*l->at == '\'' || *l->at == '\n' || !*l->at)
        fail(l->cc, l->loc, "empty character literal; put one character between the quotes");
    int value = literal_char(l);
    if (*l->at != '\'')
        fail(l->cc, l->loc, "a character literal of several characters; write one character");
    l->at++;
    struct token *t = add(l, TOK_NUMBER, "a character");
    t->value = (uint64_t)(int64_t)value;
    t->is_decimal = true;
}

// The contents of a string literal, escapes resolved for the two that _Pragma needs.
static const char *lex_string_text(struct lexer *l) {
    const char *start = ++l->at;
    while (*l->at && *l->at != '"' && *l->at != '\n')
        l->at += l->at[0] == '\\' && l->at[1] && l->at[1] != '\n' ? 2 : 1;
    if (*l->at != '"')
        fail(l->cc, l->loc, "a string literal is not closed on its line; add the quote");
    char *text = arena_alloc(l->cc, (size_t)(l->at - start) + 1);
    char *out = text;
    for (const char *s = start; s < l->at; s++) {
        if (*s == '\\' && (s[1] == '"' || s[1] == '\\'))
            s++;
        *out++ = *s;
    }
    l->at++;
    return text;
}

static void lex_number(struct lexer *l) {
    const char *start = l->at;
    while (is_name_char(*l->at) || *l->at == '.' ||
           ((*l->at == '+' || *l->at == '-') && strchr("eEpP", l->at[-1]) &&
            !(start[0] == '0' && (start[1] | 32) == 'x' && (l->at[-1] | 32) == 'e')))
        l->at++;
    const char *text = intern(l->cc, l->names, start, (size_t)(l->at - start));
    bool is_hex = text[0] == '0' && (text[1] | 32) == 'x';
    bool is_binary = text[0] == '0' && (text[1] | 32) == 'b';
    if (strchr(text, '.') || strpbrk(text, is_hex ? "pP" : is_binary ? "." : "eE")) {
        add(l, TOK_FLOAT, text);
        return;
    }
    unsigned base = is_hex ? 16 : is_binary ? 2 : text[0] == '0' ? 8 : 10;
    const char *digit = text + (is_hex || is_binary ? 2 : 0);
    const char *first = digit;
    uint64_t value = 0;
    for (; isxdigit((unsigned char)*digit); digit++) {
        unsigned d = (unsigned)(*digit <= '9' ? *digit - '0' : (*digit | 32) - 'a' + 10);
        if (d >= base)
            break;
        if (value > (UINT64_MAX - d) / base)
            fail(l->cc, l->loc, "the number %s does not fit in 64 bits; use a smaller one", text);
        value = value * base + d;
    }
    struct token *t = add(l, TOK_NUMBER, text);
    t->value = value;
    t->is_decimal = base == 10;
    const char *suffix = digit;
    if ((*suffix | 32) == 'u') {
        t->is_unsigned = true;
        suffix++;
    }
    if ((*suffix | 32) == 'l') {
        t->is_long = true;
        suffix += suffix[1] == suffix[0] ? 2 : 1;
    }
    if ((*suffix | 32) == 'u' && !t->is_unsigned) {
        t->is_unsigned = true;
        suffix++;
    }
    if (*suffix || digit == first)
        fail(l->cc, l->loc, "\"%s\" is not a number of C; check its digits and its suffix", text);
}

static const char *skip_blanks(const char *s) {
    while (*s == ' ' || *s == '\t' || *s == '\f' || *s == '\v' || *s == '\r')
        s++;
    return s;
}

static void add_pragma(struct lexer *l, const char *text) {
    text = skip_blanks(text);
    if ((strncmp(text, "HLS", 3) == 0 || strncmp(text, "hls", 3) == 0) && !is_name_char(text[3]))
        add(l, TOK_PRAGMA, skip_blanks(text + 3));
}

// A line that begins with '#': a line marker or a pragma. l->at is at its newline afterwards.
static void lex_directive(struct lexer *l) {
    const char *start = skip_blanks(l->at + 1);
    size_t length = strcspn(start, "\n");
    l->at = start + length;
    char *line = arena_alloc(l->cc, length + 1);
    memcpy(line, start, length);
    if (strncmp(line, "pragma", 6) == 0 && !is_name_char(line[6])) {
        add_pragma(l, line + 6);
        return;
    }
    char *s = line;
    if (strncmp(s, "line", 4) == 0)
        s = (char *)skip_blanks(s + 4);
    if (!isdigit((unsigned char)*s)) {
        if (!*s)
            return;
        fail(l->cc, l->loc,
             "the directive \"#%.40s\" is left in the text; preprocess the file first", line);
    }
    long number = 0;
    while (isdigit((unsigned char)*s)) {
        number = number * 10 + (*s++ - '0');
        if (number > 1 << 30)
            fail(l->cc, l->loc, "a line marker has a line number that is too large");
    }
    s = (char *)skip_blanks(s);
    if (*s == '"') {
        struct lexer sub = *l;
        sub.at = s;
        const char *file = lex_string_text(&sub);
        l->loc.file = intern(l->cc, l->names, file, strlen(file));
        // The dialect's header is read even where it is installed among the system's headers.
        l->is_system = strchr(sub.at, '3') != NULL && !is_dialect(l->loc.file);
    }
    l->loc.line = (int)number - 1; // the newline that follows adds one
}

static void lex_pragma_operator(struct lexer *l) {
    l->at += strlen("_Pragma");
    l->at = skip_blanks(l->at);
    if (*l->at != '(' || *(l->at = skip_blanks(l->at + 1)) != '"')
        fail(l->cc, l->loc, "_Pragma wants one string in parentheses");
    const char *text = lex_string_text(l);
    l->at = skip_blanks(l->at);
    if (*l->at != ')')
        fail(l->cc, l->loc, "_Pragma wants one string in parentheses");
    l->at++;
    add_pragma(l, text);
}

static void lex_punctuator(struct lexer *l) {
    static const char *const known[] = {"...", "<<=", ">>=", "->", "++", "--", "<<", ">>",
                                        "<=",  ">=",  "==",  "!=", "&&", "||", "+=", "-=",
                                        "*=",  "/=",  "%=",  "&=", "^=", "|="};
    size_t length = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known && !length; i++)
        if (strncmp(l->at, known[i], strlen(known[i])) == 0)
            length = strlen(known[i]);
    if (!length) {
        if (!strchr("[](){}.&*+-~!/%<>^|?:;=,", *l->at))
            fail(l->cc, l->loc, "the byte 0x%02x is not part of C here; remove it",
                 (unsigned)(unsigned char)*l->at);
        length = 1;
    }
    add(l, TOK_PUNCT, intern(l->cc, l->names, l->at, length));
    l->at += length;
}

struct token *lex_text(struct compiler *cc, struct name_table *names, struct location start,
                       const char *text, int *count) {
    struct lexer l = {.cc = cc, .names = names, .at = text, .loc = start};
    bool line_start = true;
    while (*l.at) {
        char c = *l.at;
        if (c == '\n') {
            if (l.loc.line < INT_MAX)
                l.loc.line++;
            l.at++;
            line_start = true;
            continue;
        }
        if (skip_blanks(l.at) != l.at) {
            l.at = skip_blanks(l.at);
            continue;
        }
        if (c == '#' && line_start) {
            lex_directive(&l);
            continue;
        }
        line_start = false;
        if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)l.at[1]))) {
            lex_number(&l);
        } else if (c == '\'') {
            lex_char(&l);
        } else if (c == '"') {
            const char *string = lex_string_text(&l);
            add(&l, TOK_STRING, string);
        } else if (is_name_char(c)) {
            size_t length = 1;
            while (is_name_char(l.at[length]))
                length++;
            if (length == 7 && strncmp(l.at, "_Pragma", 7) == 0) {
                lex_pragma_operator(&l);
                continue;
            }
            add(&l, TOK_NAME, intern(cc, names, l.at, length));
            l.at += length;
        } else {
            lex_punctuator(&l);
        }
    }
    add(&l, TOK_END, "the end of the file");
    *count = l.count;
    return l.tokens;
}
