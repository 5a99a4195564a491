// SPDX-License-Identifier: Apache-2.0
// An image onto a board (board_program.h).
#define _GNU_SOURCE
#include "board_program.h"
#include "board_image.h"
#include "card_image.h"
#include "failure.h"
#include "process.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Programs that write the flash of a board with an iCE40 behind an FT2232H.
static const struct programmer {
    const char *name;
    const char *options[2]; // NULL where there are fewer
    const char *serial;     // the option for it, with a place for the number
    bool joined;            // the number is part of that word
} programmers[] = {
    {"iceprog", {NULL, NULL}, "-ds:0x0403:0x6010:%s", true},
    {"openFPGALoader", {"-b", "ice40_generic"}, "--ftdi-serial", false},
};
enum { PROGRAMMERS = sizeof programmers / sizeof *programmers };

static bool is_installed(const char *name) {
    const char *folder = getenv("PATH");
    char path[4096];
    while (folder && *folder) {
        const size_t length = strcspn(folder, ":");
        if (snprintf(path, sizeof path, "%.*s/%s", (int)length, folder, name) < (int)sizeof path &&
            access(path, X_OK) == 0)
            return true;
        folder += length + (folder[length] == ':');
    }
    return false;
}

// Does it begin as what icepack writes, with the synchronisation word of an iCE40?
static bool is_image(const char *path) {
    unsigned char head[512];
    FILE *file = fopen(path, "rb");
    const size_t size = file ? fread(head, 1, sizeof head, file) : 0;
    if (file)
        fclose(file);
    return memmem(head, size, "\x7e\xaa\x99\x7e", 4) != NULL;
}

static void add_serial(struct mr_words *words, const struct programmer *with, const char *serial) {
    if (with->joined) {
        char *word = strdup(with->serial), *place = word ? strstr(word, "%s") : NULL;
        if (place)
            *place = 0;
        mr_words_add(words, "%s%s", word ? word : "", serial);
        free(word);
        return;
    }
    mr_words_add(words, "%s", with->serial);
    mr_words_add(words, "%s", serial);
}

// What a programmer says of its failure: its last line but iceprog's "ABORT.".
static void last_words(FILE *log, char *line, size_t size) {
    char next[500];
    *line = 0;
    rewind(log);
    while (fgets(next, sizeof next, log)) {
        next[strcspn(next, "\r\n")] = 0;
        if (*next && strcmp(next, "ABORT.") != 0)
            snprintf(line, size, "%s", next);
    }
}

static int run(const struct programmer *with, const char *image, const char *serial,
               struct mr_error *error) {
    struct mr_words words = {0};
    char log[] = "/tmp/millrace-program-XXXXXX", reason[300], line[500];
    const int file = mkstemp(log);
    if (file < 0)
        return mr_failure(error, MR_ERROR_FILE, "%s: cannot be made", log);
    mr_words_add(&words, "%s", with->name);
    for (int i = 0; i < 2 && with->options[i]; i++)
        mr_words_add(&words, "%s", with->options[i]);
    if (serial)
        add_serial(&words, with, serial);
    mr_words_add(&words, "%s", image);
    const int failed = mr_process_run(&words, ".", log, file, "", false, reason, sizeof reason);
    FILE *said = fdopen(file, "r");
    *line = 0;
    if (said) {
        last_words(said, line, sizeof line);
        fclose(said);
    } else {
        close(file);
    }
    unlink(log);
    mr_words_free(&words);
    return failed ? mr_failure(error, MR_ERROR_DEVICE,
                               "%s did not program the board (%s); is it plugged in, and may you "
                               "use it (docs/board.md has the udev rule)?",
                               with->name, *line ? line : reason)
                  : 0;
}

int mr_board_program(const char *name, const char *image, const char *folder, const char *serial,
                     char *path, size_t path_size, char *program, size_t program_size,
                     struct mr_error *error) {
    const struct mr_board *board = mr_board_find(name);
    const struct programmer *with = NULL;
    char text[900];
    if (!board)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "'%.60s' is no board; known is icebreaker (--target)", name);
    if (!image) {
        const int code = mr_board_image_find(board, folder, path, path_size, error);
        if (code)
            return code;
    } else if (snprintf(path, path_size, "%s", image) >= (int)path_size || !is_image(image)) {
        return mr_failure(error, MR_ERROR_FILE,
                          "%.500s: is no image of an iCE40 that can be read (BOARD.bin, as make "
                          "bitstream writes it)",
                          image);
    } else if (mr_card_image_check(image, text, sizeof text)) {
        return mr_failure(error, MR_ERROR_FILE, "%s", text);
    }
    for (int i = 0; i < PROGRAMMERS && !with; i++)
        if (is_installed(programmers[i].name))
            with = &programmers[i];
    if (!with)
        return mr_failure(
            error, MR_ERROR_DEVICE,
            "neither iceprog nor openFPGALoader is installed, which write an image "
            "to a board; install one (apt install fpga-icestorm, or make deps-board)");
    snprintf(program, program_size, "%s", with->name);
    return run(with, path, serial, error);
}
