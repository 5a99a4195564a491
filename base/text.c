// SPDX-License-Identifier: Apache-2.0
// Text that grows (text.h).
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool make_room(struct mr_text *text, size_t more) {
    if (text->size + more <= text->capacity)
        return true;
    const size_t capacity = 2 * text->capacity + more + 1024;
    char *grown = realloc(text->data, capacity);
    if (!grown)
        return false;
    text->data = grown;
    text->capacity = capacity;
    return true;
}

void mr_text_add(struct mr_text *text, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, arguments);
    if (text->failed || length < 0 || !make_room(text, (size_t)length + 1))
        text->failed = true;
    else
        text->size += (size_t)vsnprintf(text->data + text->size, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
}

enum { NAME_MAX_LETTERS = 128 };

static unsigned distance(const char *a, const char *b) {
    unsigned row[NAME_MAX_LETTERS];
    const size_t length = strlen(b);
    if (length >= sizeof row / sizeof *row)
        return 99;
    for (size_t j = 0; j <= length; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; a[i]; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 1; j <= length; j++) {
            const unsigned above = row[j], change = diagonal + (a[i] != b[j - 1]);
            unsigned best = above < row[j - 1] ? above : row[j - 1];
            best++;
            row[j] = change < best ? change : best;
            diagonal = above;
        }
    }
    return row[length];
}

const char *mr_nearest(const char *text, const char *const *names, size_t count) {
    const char *nearest = NULL;
    unsigned least = 3;
    for (size_t i = 0; i < count && strlen(text) < NAME_MAX_LETTERS; i++) {
        const unsigned away = distance(text, names[i]);
        // A short name is not half another one.
        if (away < least && 2 * away < strlen(names[i])) {
            least = away;
            nearest = names[i];
        }
    }
    return nearest;
}
