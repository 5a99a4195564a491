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

// Programs that write the flash of a board with an iCE40 behind an FTDI chip.
struct programmer {
    const char *name;
    // Its options. False: it does not write this board.
    bool (*add)(struct mr_words *words, const struct mr_board *board, const char *serial);
};

static bool add_iceprog(struct mr_words *words, const struct mr_board *board, const char *serial) {
    mr_words_add(words, "-d");
    mr_words_add(words, "%c:0x0403:0x%04x%s%s", serial ? 's' : 'i', (unsigned)board->product,
                 serial ? ":" : "", serial ? serial : "");
    return true;
}

static bool add_openfpgaloader(struct mr_words *words, const struct mr_board *board,
                               const char *serial) {
    enum { FT2232H = 0x6010 }; // its generic board has no other
    mr_words_add(words, "-b");
    mr_words_add(words, "ice40_generic");
    if (serial) {
        mr_words_add(words, "--ftdi-serial");
        mr_words_add(words, "%s", serial);
    }
    return board->product == FT2232H;
}

static const struct programmer programmers[] = {{"iceprog", add_iceprog},
                                                {"openFPGALoader", add_openfpgaloader}};
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

// `words`: the programmer's name and options.
static int run(const char *name, struct mr_words *words, const char *image,
               struct mr_error *error) {
    char log[] = "/tmp/millrace-program-XXXXXX", reason[300], line[500];
    const int file = mkstemp(log);
    if (file < 0)
        return mr_failure(error, MR_ERROR_FILE, "%s: cannot be made", log);
    mr_words_add(words, "%s", image);
    const int failed = mr_process_run(words, ".", log, file, "", false, reason, sizeof reason);
    FILE *said = fdopen(file, "r");
    *line = 0;
    if (said) {
        last_words(said, line, sizeof line);
        fclose(said);
    } else {
        close(file);
    }
    unlink(log);
    return failed ? mr_failure(error, MR_ERROR_DEVICE,
                               "%s did not program the board (%s); is it plugged in, and may you "
                               "use it (docs/board.md has the udev rule)?",
                               name, *line ? line : reason)
                  : 0;
}

const char *mr_programmed_boards(char *text, size_t size) {
    return mr_board_names(text, size);
}

int mr_board_program(const char *name, const char *image, const char *folder, const char *serial,
                     char *path, size_t path_size, char *program, size_t program_size,
                     struct mr_error *error) {
    const struct mr_board *board = mr_board_find(name);
    char text[900];
    if (!board)
        return mr_failure(error, MR_ERROR_ARGUMENT, "'%.60s' is no board; known are %s", name,
                          mr_board_names(text, sizeof text));
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
    const char *found = NULL;
    int code = 0;
    for (int i = 0; i < PROGRAMMERS && !found; i++) {
        struct mr_words words = {0};
        if (!is_installed(programmers[i].name))
            continue;
        mr_words_add(&words, "%s", programmers[i].name);
        if (programmers[i].add(&words, board, serial)) {
            found = programmers[i].name;
            snprintf(program, program_size, "%s", found);
            code = run(found, &words, path, error);
        }
        mr_words_free(&words);
    }
    return found ? code
                 : mr_failure(error, MR_ERROR_DEVICE,
                              "neither iceprog nor openFPGALoader is installed, which write an "
                              "image to a board (openFPGALoader to one with an FT2232H); install "
                              "one (apt install fpga-icestorm, or make deps-board)");
}
