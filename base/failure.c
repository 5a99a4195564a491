// SPDX-License-Identifier: Apache-2.0
// Filling errors (failure.h).
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

int mr_failure(struct mr_error *error, int code, const char *format, ...) {
    if (error) {
        // The text may be an argument of its own format, so it is written beside and then copied.
        char text[sizeof error->text];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        snprintf(error->text, sizeof error->text, "%s", text);
        error->code = code;
    }
    return code;
}
