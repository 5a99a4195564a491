// SPDX-License-Identifier: Apache-2.0
// `millrace program`: an image onto a board.
#include "board_program.h"
#include "cli.h"

#include <limits.h>
#include <stdio.h>

enum { SERIAL };

static const struct cli_option options[] = {
    {SERIAL, 0, "serial", "NUMBER", "of the board's USB chip, where several are plugged in"},
    {0},
};

static int program_command(struct cli *cli, int argc, char **argv) {
    const char *serial = NULL;
    for (int option; (option = cli_next(cli, argc, argv)) != CLI_END;) {
        if (option != SERIAL)
            return cli->code;
        serial = optarg;
    }
    char path[PATH_MAX], program[64], boards[200];
    if (argc - optind < 1 || argc - optind > 2)
        return cli_usage(cli,
                         "give the board (%s), and an image where it is not the one in the folder "
                         "of --bitstreams",
                         mr_programmed_boards(boards, sizeof boards));
    const char *board = argv[optind], *image = argv[optind + 1];
    struct mr_error error;
    if (cli->options.progress)
        cli->options.progress(cli, "programming");
    if (mr_board_program(board, image, cli->options.bitstreams, serial, path, sizeof path, program,
                         sizeof program, &error))
        return cli_fail(cli, "%s", error.text);
    cli_end_progress(cli);
    if (cli->json)
        return cli_print_json(cli, json_pack("{s:{s:s, s:s, s:s}}", "programmed", "board", board,
                                             "image", path, "by", program));
    printf("%s has %s, by %s\n", board, path, program);
    return CLI_OK;
}

const struct cli_command cli_program = {
    .name = "program",
    .summary = "put an image onto a board",
    .usage = "BOARD [IMAGE.bin] [options]",
    .about =
        "Writes the image of a board into its flash, by iceprog or openFPGALoader. One image runs\n"
        "all networks that fit (millrace plan MODEL --target icebreaker).",
    .options = options,
    .cards = true,
    .run = program_command,
};
