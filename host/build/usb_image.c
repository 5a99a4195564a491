// SPDX-License-Identifier: Apache-2.0
// What an emulated USB bus has behind a chip (usb_image.h).
#define _GNU_SOURCE
#include "usb_image.h"
#include "board_table.h"
#include "build.h"
#include "failure.h"
#include "folded/format.h"
#include "network_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct design {
    struct mr_usb_board board;
    const char *target; // of hlsc
    const char *device; // sim/usb/DEVICE.sv
};

static const struct design designs[] = {
    {{"icebreaker", "ft2232h"}, "up5k", "icebreaker_device"},
    {{"upduino", "ft232h"}, "up5k", "upduino_device"},
};
enum { DESIGNS = sizeof designs / sizeof *designs };

const char *const mr_usb_pipeline_chip = "ft601";
static const struct mr_usb_design pipeline = {"ft601_device", "usb/fifo_pins.cpp", 100000, NULL};

const struct mr_usb_board *mr_usb_board_find(const char *name, struct mr_error *error) {
    const struct mr_board *board = mr_board_find(name);
    for (size_t i = 0; board && i < DESIGNS; i++)
        if (!strcmp(designs[i].board.name, board->name))
            return &designs[i].board;
    char names[200];
    for (size_t i = 0, used = 0; i < DESIGNS && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "",
                                 designs[i].board.name);
    mr_failure(error, MR_ERROR_ARGUMENT,
               "'%.60s' is no board that is emulated; known are %s, and a model (MODEL.millrace) "
               "is its pipeline behind an FT601",
               name, names);
    return NULL;
}

static int build(struct mr_build *what, const struct mr_options *options, char *so_path,
                 size_t so_path_size, struct mr_error *error) {
    char text[900];
    what->notes = mr_notes_of(options);
    if (options && options->progress)
        options->progress(options->progress_context,
                          "building the emulated device unless it is in the cache (verilator)");
    return mr_build_usb(what, so_path, so_path_size, text, sizeof text)
               ? mr_failure(error, MR_ERROR_BUILD, "%s", text)
               : 0;
}

static int build_board(const struct design *design, struct mr_hls_places *places,
                       const struct mr_options *options, char *so_path, size_t so_path_size,
                       struct mr_error *error) {
    // As hw/board/build.sh writes it; the hash is that of no image.
    char gen_dir[PATH_MAX], image[200], source[80], text[900];
    const struct mr_board *table = mr_board_find(design->board.name);
    const int rows = table->rows;
    snprintf(image, sizeof image,
             "`define MR_IMAGE_HASH 128'h0\n`define MR_IMAGE_LIMITS 128'h%04x_%04x_%04x_%04x\n",
             rows == FOLDED_ROWS ? 0 : rows, FOLDED_SUMS, FOLDED_NUMBERS, FOLDED_WORDS);
    snprintf(source, sizeof source, "#define FOLDED_ROWS %d\n#include \"folded/folded.c\"\n", rows);
    const struct mr_hls_build hls = {.source = source,
                                     .top = "folded",
                                     .target = design->target,
                                     .places = places,
                                     .notes = mr_notes_of(options)};
    const int failed = mr_hls_find(places, text, sizeof text) ||
                       mr_hls_name(&hls, gen_dir, sizeof gen_dir, text, sizeof text) ||
                       mr_hls_compile(&hls, gen_dir, text, sizeof text);
    if (failed)
        return mr_failure(error, MR_ERROR_BUILD, "%s", text);
    const struct mr_usb_design rtl = {design->device, "usb/uart_pins.cpp", table->clock_mhz * 1000,
                                      image};
    struct mr_build what = {.data_dir = places->data_dir,
                            .gen_dir = gen_dir,
                            .top = "folded",
                            .cache_dir = places->cache_dir,
                            .usb = &rtl};
    return build(&what, options, so_path, so_path_size, error);
}

int mr_usb_board_build(const struct mr_usb_board *board, const struct mr_options *options,
                       char *so_path, size_t so_path_size, struct mr_error *error) {
    struct mr_hls_places *places = calloc(1, sizeof *places);
    if (!places)
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory to build a board");
    const int code = build_board((const struct design *)(const void *)board, places, options,
                                 so_path, so_path_size, error);
    free(places);
    return code;
}

int mr_usb_pipeline_build(const struct mr_compiled *compiled, const struct mr_options *options,
                          char *so_path, size_t so_path_size, struct mr_error *error) {
    const struct mr_card_design design = mr_network_design(compiled);
    char text[900];
    char *header = mr_card_shape_header(&design, text, sizeof text);
    if (!header)
        return mr_failure(error, MR_ERROR_BUILD, "%s", text);
    struct mr_build what = {.data_dir = compiled->places.data_dir,
                            .gen_dir = compiled->gen_dir,
                            .top = MR_NETWORK_TOP,
                            .cache_dir = compiled->places.cache_dir,
                            .merged = true,
                            .shape = header,
                            .usb = &pipeline};
    const int code = build(&what, options, so_path, so_path_size, error);
    free(header);
    return code;
}
