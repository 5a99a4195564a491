// SPDX-License-Identifier: Apache-2.0
// Reading of options (options.h).
#include "options.h"
#include "failure.h"

#include <string.h>

// A program that was compiled with an older millrace.h gives fewer bytes: down to `least`, those of
// the first release that the library still serves.
static int take(const void *from, size_t given, size_t least, void *to, size_t size,
                const char *name, struct mr_error *error) {
    memset(to, 0, size);
    if (from && (given < least || given > size))
        return mr_failure(
            error, MR_ERROR_ARGUMENT,
            "struct %s: its size is given as %zu bytes and this library (%s) takes %zu to %zu; "
            "set `size` to sizeof(struct %s), and compile the program with the library's "
            "millrace.h",
            name, given, MR_VERSION, least, size, name);
    if (from)
        memcpy(to, from, given);
    return 0;
}

int mr_options_take(const struct mr_options *from, struct mr_options *to, struct mr_error *error) {
    return take(from, from ? from->size : 0, sizeof *to, to, sizeof *to, "mr_options", error);
}

int mr_model_options_take(const struct mr_model_options *from, struct mr_model_options *to,
                          struct mr_error *error) {
    return take(from, from ? from->size : 0, sizeof *to, to, sizeof *to, "mr_model_options", error);
}

int mr_import_options_take(const struct mr_import_options *from, struct mr_import_options *to,
                           struct mr_error *error) {
    return take(from, from ? from->size : 0, sizeof *to, to, sizeof *to, "mr_import_options",
                error);
}

int mr_train_options_take(const struct mr_train_options *from, struct mr_train_options *to,
                          struct mr_error *error) {
    return take(from, from ? from->size : 0, sizeof *to, to, sizeof *to, "mr_train_options", error);
}
