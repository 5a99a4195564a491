// SPDX-License-Identifier: Apache-2.0
// Emulated USB devices for `millrace emulate` (usb_emulation.h).
#define _GNU_SOURCE
#include "usb_emulation.h"
#include "failure.h"
#include "model_handle.h"
#include "options.h"
#include "paths.h"
#include "usb_image.h"

#include <stdio.h>
#include <string.h>

int mr_usb_emulation_device(const char *name, const struct mr_model *model,
                            const struct mr_options *given, const char *serial, const char *faults,
                            char *word, size_t word_size, struct mr_error *error) {
    char so_path[PATH_MAX];
    struct mr_options options;
    struct mr_compiled compiled = {0};
    const struct mr_usb_board *board = name ? mr_usb_board_find(name, error) : NULL;
    if (name && !board)
        return MR_ERROR_ARGUMENT;
    int code = mr_options_take(given, &options, error);
    if (!code && board)
        code = mr_usb_board_build(board, &options, so_path, sizeof so_path, error);
    if (!code && !board)
        code = mr_compile_network(mr_model_network(model), &options, &compiled, error);
    if (!code && !board)
        code = mr_usb_pipeline_build(&compiled, &options, so_path, sizeof so_path, error);
    mr_compiled_free(&compiled);
    if (!code && strchr(so_path, ':'))
        code = mr_failure(error, MR_ERROR_FILE,
                          "%.500s: the emulator takes no path with a colon; set MILLRACE_CACHE to "
                          "another folder",
                          so_path);
    if (!code &&
        snprintf(word, word_size, "%s:%s:%s%s%s", board ? board->chip : mr_usb_pipeline_chip,
                 serial, so_path, *faults ? ":" : "", faults) >= (int)word_size)
        code = mr_failure(error, MR_ERROR_ARGUMENT, "the path %.500s is too long", so_path);
    return code;
}

int mr_usb_emulation_program(char *path, size_t path_size, struct mr_error *error) {
    char text[900];
    return mr_usb_program_path(path, path_size, text, sizeof text)
               ? mr_failure(error, MR_ERROR_DEVICE, "%s", text)
               : 0;
}
