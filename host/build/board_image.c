// SPDX-License-Identifier: Apache-2.0
// Images of boards (board_image.h): hw/board/build.sh behind the build cache.
#define _GNU_SOURCE
#include "board_image.h"
#include "cache.h"
#include "cache_key.h"
#include "card_image.h"
#include "design_hash.h"
#include "failure.h"
#include "file.h"
#include "hls_build.h"
#include "network_build.h"
#include "process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IMAGE_LIMIT = 1 << 24 };

struct work {
    const struct mr_board *board;
    struct mr_hls_places places;
    char have[PATH_MAX]; // a folder in which the image may be
};

// BOARD.ending from one folder to another.
static int copy(const char *source, const char *folder, const struct mr_board *board,
                const char *ending, char *to, size_t to_size, char *error, size_t error_size) {
    char from[PATH_MAX + 64];
    unsigned char *data = NULL;
    size_t size = 0;
    snprintf(from, sizeof from, "%s/%s%s", source, board->name, ending);
    if (snprintf(to, to_size, "%s/%s%s", folder, board->name, ending) >= (int)to_size)
        return mr_fail(error, error_size, "%s: the path is too long", folder);
    if (mr_file_read(from, IMAGE_LIMIT, &data, &size, error, error_size))
        return -1;
    const struct mr_piece piece = {data, size};
    const int failed = mr_file_write(to, &piece, 1, error, error_size);
    free(data);
    return failed;
}

static int run(void *context, const struct mr_entry *entry, char *error, size_t error_size) {
    const struct work *work = context;
    struct mr_words words = {0};
    char log[PATH_MAX + 32], reason[300], line[500], setting[PATH_MAX + 8];
    snprintf(log, sizeof log, "%s/build.log", entry->place);
    snprintf(setting, sizeof setting, "HLSC=%s", work->places.hlsc);
    mr_words_add(&words, "%s/hw/board/build.sh", work->places.data_dir);
    mr_words_add(&words, "--have");
    mr_words_add(&words, "%s", work->have);
    mr_words_add(&words, "%s", work->board->name);
    mr_words_add(&words, "work"); // with all that an entry has no use for
    const int failed = mr_process_run(&words, entry->place, log, entry->lock, setting, false,
                                      reason, sizeof reason);
    mr_words_free(&words);
    char from[PATH_MAX + 16], to[PATH_MAX + 64];
    snprintf(from, sizeof from, "%s/work", entry->place);
    if (!failed)
        return copy(from, entry->out, work->board, ".bin", to, sizeof to, error, error_size) ||
                       copy(from, entry->out, work->board, ".json", to, sizeof to, error,
                            error_size)
                   ? -1
                   : 0;
    mr_log_first_error(log, line, sizeof line);
    const bool moved = rename(log, entry->kept) == 0;
    return mr_fail(error, error_size, "building the image of %s: %s%s%s", work->board->name,
                   *line ? line : reason, moved ? "; see " : "", moved ? entry->kept : "");
}

// <cache>/board-NAME-<key> over all that the image is made of, and the tools.
static int name_entry(const struct work *work, char *path, size_t size, char *error,
                      size_t error_size) {
    static const struct {
        const char *folder, *suffix;
    } trees[] = {{"hls/include", ".h"},
                 {"hls/kernels", ".h"},
                 {"hls/kernels/folded", ".c"},
                 {"hw/rtl", ".sv"},
                 {"hw/usb", ".sv"},
                 {"hw/include", ".svh"},
                 {"hw/board", ""},
                 {"base/contract", "boards.def"}};
    static const char *const tools[] = {"yosys", "nextpnr-ice40", "icepack", "icetime"};
    struct mr_cache_key *key = mr_key_new();
    char folder[PATH_MAX + 32], hex[33];
    if (!key)
        return mr_fail(error, error_size, "not enough memory to name an image");
    int failed = mr_key_file(key, "hlsc", work->places.hlsc, error, error_size);
    for (size_t i = 0; i < sizeof trees / sizeof *trees && !failed; i++) {
        snprintf(folder, sizeof folder, "%s/%s", work->places.data_dir, trees[i].folder);
        failed = mr_key_tree(key, trees[i].folder, folder, trees[i].suffix, error, error_size);
    }
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        mr_key_program(key, tools[i]); // one that is not there is told by build.sh
    if (!failed && mr_key_finish(key, hex))
        failed = mr_fail(error, error_size, "not enough memory to name an image");
    mr_key_free(key);
    if (!failed && snprintf(path, size, "%s/board-%s-%s", work->places.cache_dir, work->board->name,
                            hex) >= (int)size)
        failed = mr_fail(error, error_size, "%s: the path of the build cache is too long",
                         work->places.cache_dir);
    return failed;
}

int mr_board_image_build(const struct mr_board *board, const char *output,
                         const struct mr_options *options, char *path, size_t path_size,
                         struct mr_error *error) {
    char entry[PATH_MAX], folder[PATH_MAX], other[PATH_MAX], text[1200];
    struct work *work = calloc(1, sizeof *work);
    if (!work)
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory to build an image");
    work->board = board;
    const struct mr_notes notes = mr_notes_of(options);
    int failed = mr_hls_find(&work->places, text, sizeof text) ||
                 mr_images_folder(options ? options->bitstreams : NULL, folder, sizeof folder, text,
                                  sizeof text);
    if (!failed) {
        if (!realpath(folder, work->have)) // not there: nor is an image
            snprintf(work->have, sizeof work->have, "%s", folder);
        if (output)
            snprintf(folder, sizeof folder, "%s", output);
        if (mkdir(folder, 0777) && errno != EEXIST)
            failed = mr_fail(text, sizeof text, "%s: cannot be made (%s)", folder, strerror(errno));
    }
    if (!failed && options && options->progress)
        options->progress(options->progress_context,
                          "building the image unless there is one of these sources (yosys, "
                          "nextpnr: minutes)");
    failed = failed || name_entry(work, entry, sizeof entry, text, sizeof text) ||
             mr_entry_get(entry, run, work, &notes, text, sizeof text) ||
             copy(entry, folder, board, ".json", other, sizeof other, text, sizeof text) ||
             copy(entry, folder, board, ".bin", path, path_size, text, sizeof text);
    free(work);
    return failed ? mr_failure(error, MR_ERROR_BUILD, "%s", text) : 0;
}

// Where the image of a board would be.
static int place_image(const struct mr_board *board, const char *folder, char *path,
                       size_t path_size, struct mr_error *error) {
    char place[PATH_MAX], text[900];
    if (mr_images_folder(folder, place, sizeof place, text, sizeof text))
        return mr_failure(error, MR_ERROR_FILE, "%s", text);
    return snprintf(path, path_size, "%s/%s.bin", place, board->name) < (int)path_size
               ? 0
               : mr_failure(error, MR_ERROR_ARGUMENT, "%s: the path is too long", place);
}

int mr_board_image_find(const struct mr_board *board, const char *folder, char *path,
                        size_t path_size, struct mr_error *error) {
    char manifest[PATH_MAX + 8], text[900];
    const int code = place_image(board, folder, path, path_size, error);
    if (code)
        return code;
    if (access(path, R_OK) || mr_manifest_path(path, manifest, sizeof manifest) ||
        access(manifest, R_OK))
        return mr_failure(error, MR_ERROR_FILE,
                          "%s: there is no image of %s with its manifest; build it (make bitstream "
                          "BOARD=%s, or millrace build MODEL --platform board --target %s)",
                          path, board->name, board->name, board->name);
    if (mr_card_image_check(path, text, sizeof text))
        return mr_failure(error, MR_ERROR_FILE, "%s", text);
    return 0;
}

struct search {
    const unsigned char *hash;
    char boards[200]; // those of which there are images
};

static bool is_of_hash(const json_t *manifest, void *context) {
    struct search *search = context;
    unsigned char hash[MR_SHAPE_HASH];
    const char *board = json_string_value(json_object_get(manifest, "target"));
    const char *text = json_string_value(json_object_get(manifest, "sources"));
    if (!board || !mr_hash_parse(text, hash))
        return false; // that of a card
    const size_t used = strlen(search->boards);
    snprintf(search->boards + used, sizeof search->boards - used, "%s%.20s %.8s", used ? ", " : "",
             board, text);
    return memcmp(hash, search->hash, sizeof hash) == 0;
}

int mr_board_image_check(const unsigned char *hash, const char *folder, const char *device,
                         struct mr_error *error) {
    static const unsigned char emulated[MR_SHAPE_HASH];
    struct search search = {hash, ""};
    char text[MR_HASH_TEXT];
    if (!memcmp(hash, emulated, sizeof emulated) ||
        mr_manifests_search(folder, is_of_hash, &search) || !*search.boards)
        return 0;
    mr_hash_text(hash, text);
    return mr_failure(error, MR_ERROR_DEVICE,
                      "%s has an image (%.8s) that is none of those here (%s): its kernel may be "
                      "another one, and give other bits; write one of these to the board (millrace "
                      "program BOARD), or name the folder with the manifest of its own "
                      "(--bitstreams)",
                      device, text, search.boards);
}

bool mr_board_image_cells(const struct mr_board *board, const char *folder,
                          struct mr_board_cells *cells) {
    char path[PATH_MAX], text[900];
    int lc, ram, spram, dsp;
    if (place_image(board, folder, path, sizeof path, NULL))
        return false;
    json_t *manifest = mr_manifest_read(path, text, sizeof text);
    const bool good = manifest &&
                      !json_unpack(manifest, "{s:{s:i, s:i, s:i, s:i}}", "resources", "lc", &lc,
                                   "ram", &ram, "spram", &spram, "dsp", &dsp) &&
                      lc >= 0 && ram >= 0 && spram >= 0 && dsp >= 0;
    json_decref(manifest);
    if (good)
        *cells =
            (struct mr_board_cells){(uint32_t)lc, (uint32_t)ram, (uint32_t)spram, (uint32_t)dsp};
    return good;
}
