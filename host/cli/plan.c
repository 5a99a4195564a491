// SPDX-License-Identifier: Apache-2.0
// `millrace plan` and `millrace build`: what a model takes, and making it.
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include "device_uri.h"
#include "json_append.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DEVICE, PLATFORM, OUTPUT, SEQUENCES, STEPS };

static const struct cli_option plan_options[] = {
    {SEQUENCES, 0, "sequences", "N", "of one run (default 1)"},
    {STEPS, 0, "steps", "T", "of each sequence (default: as the model was exported, else 100)"},
    {0},
};

static int plan_command(struct cli *cli, int argc, char **argv) {
    uint64_t sequences = 1, steps = 0;
    for (int option; (option = cli_next(cli, argc, argv)) != CLI_END;) {
        if (option == CLI_STOP)
            return cli->code;
        const bool first = option == SEQUENCES;
        if (!cli_number(cli, first ? "--sequences" : "--steps", optarg, UINT32_MAX,
                        first ? &sequences : &steps))
            return CLI_USAGE;
    }
    const char *path = cli_argument(cli, argc, argv, "the model file");
    if (!path)
        return CLI_USAGE;
    struct mr_error error;
    struct mr_model *model = cli_open_model(cli, path, &error);
    struct mr_model_info info;
    if (!model)
        return cli_fail(cli, "%s", error.text);
    mr_model_info(model, &info);
    if (steps == 0)
        steps = info.steps ? info.steps : 100;
    char *text = NULL;
    const int failed = mr_plan(model, &cli->options, sequences, steps, cli->json ? &text : NULL,
                               cli->json ? NULL : &text, &error);
    mr_model_close(model);
    if (failed)
        return cli_fail(cli, "%s", error.text);
    cli_end_progress(cli);
    const size_t length = strlen(text);
    fputs(text, stdout);
    if (length && text[length - 1] != '\n')
        putchar('\n');
    free(text);
    return CLI_OK;
}

const struct cli_command cli_plan = {
    .name = "plan",
    .summary = "lanes, exact cycles and resources on a target",
    .usage = "MODEL [options]",
    .about =
        "Says what the network takes on a target: columns per cycle of each layer, exact cycles,\n"
        "multipliers and memories. Nothing is simulated or synthesised.",
    .options = plan_options,
    .models = true,
    .plans = true,
    .run = plan_command,
};

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static const struct cli_option build_options[] = {
    {DEVICE, 0, "device", "URI", "for this device (default: sim:)"},
    {PLATFORM, 0, "platform", "NAME",
     "hw_emu: the image of an emulated card; hw: a folder with what Vitis needs\n"
     "to link the image of a card; board: the image of a board (--target icebreaker)"},
    {OUTPUT, 'o', "output", "PLACE",
     "of that image or folder (default: in the folder of --bitstreams)"},
    {0},
};

static int build_command(struct cli *cli, int argc, char **argv) {
    const char *device = "sim:", *platform = NULL, *output = NULL;
    bool is_named = false;
    for (int option; (option = cli_next(cli, argc, argv)) != CLI_END;) {
        switch (option) {
        case DEVICE:
            device = mr_device_uri(optarg);
            is_named = true;
            break;
        case PLATFORM:
            platform = optarg;
            break;
        case OUTPUT:
            output = optarg;
            break;
        default:
            return cli->code;
        }
    }
    const char *path = cli_argument(cli, argc, argv, "the model file");
    if (!path)
        return CLI_USAGE;
    if (is_named && platform)
        return cli_usage(cli, "--device and --platform exclude each other");
    const char *what = platform ? platform : device;
    if (output && !platform)
        return cli_usage(cli, "-o is for the image of a card or board: --platform hw_emu");
    struct mr_error error;
    struct mr_model *model = cli_open_model(cli, path, &error);
    if (!model)
        return cli_fail(cli, "%s", error.text);
    char place[PATH_MAX];
    const double start = seconds_now();
    const int failed =
        platform
            ? mr_build_image(model, platform, &cli->options, output, place, sizeof place, &error)
            : mr_build(model, device, &cli->options, place, sizeof place, &error);
    const double seconds = seconds_now() - start;
    mr_model_close(model);
    if (failed)
        return cli_fail(cli, "%s", error.text);
    cli_end_progress(cli);
    if (cli->json)
        return cli_print_json(
            cli, json_pack("{s:{s:{s:s, s:f}}}", "built", what, "path", place, "seconds", seconds));
    printf("%-5s %s (%.2f s)\n", what, *place ? place : "needs nothing built", seconds);
    return CLI_OK;
}

const struct cli_command cli_build = {
    .name = "build",
    .summary = "compile the network and its simulator into the cache",
    .usage = "MODEL [options]",
    .about =
        "Builds what the devices need into the cache, so that the first run starts at once, or\n"
        "the image of a card or board.",
    .options = build_options,
    .cards = true,
    .models = true,
    .plans = true,
    .run = build_command,
};
