// SPDX-License-Identifier: Apache-2.0
// Text that grows (text.h).
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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
