// SPDX-License-Identifier: Apache-2.0
// `millrace plan` and `millrace build`: what a model takes, and making it.
#define _POSIX_C_SOURCE 200809L
#include "cli.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char cli_plan_help[] =
    "Usage: millrace plan MODEL [options]\n"
    "Says what the network takes on a target: columns per cycle of each layer, exact cycles,\n"
    "multipliers and memories. Nothing is simulated or synthesised.\n\n" CLI_PLAN_HELP
    "  --sequences N     of one run (default 1)\n"
    "  --steps T         of each sequence (default: as the model was exported, else 100)\n"
    "  --json            the figures as JSON\n";

const char cli_build_help[] =
    "Usage: millrace build MODEL [options]\n"
    "Builds what the devices need into the cache, so that the first run starts at once.\n\n"
    "  --device URI      only for this device (default: cpu: and sim:)\n" CLI_PLAN_HELP
    "  --json            places and seconds as JSON\n";

int cli_plan(struct cli *cli, int argc, char **argv) {
    static const struct option options[] = {CLI_COMMON_OPTIONS,
                                            CLI_PLAN_OPTIONS,
                                            {"sequences", required_argument, NULL, 'n'},
                                            {"steps", required_argument, NULL, 't'},
                                            {0}};
    uint64_t sequences = 1, steps = 0;
    for (int option; (option = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (option == 'n' || option == 't') {
            if (!cli_number(cli, option == 'n' ? "--sequences" : "--steps", optarg, UINT32_MAX,
                            option == 'n' ? &sequences : &steps))
                return CLI_USAGE;
        } else {
            const int code = cli_option(cli, option == 'h' ? CLI_HELP : option, argv);
            if (code >= 0)
                return code;
        }
    }
    const char *path = cli_argument(cli, argc, argv, "the model file");
    if (!path)
        return CLI_USAGE;
    struct mr_error error;
    struct mr_model *model = mr_model_open(path, &error);
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

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int cli_build(struct cli *cli, int argc, char **argv) {
    static const struct option options[] = {CLI_COMMON_OPTIONS,
                                            CLI_PLAN_OPTIONS,
                                            {"device", required_argument, NULL, 'd'},
                                            {"platform", required_argument, NULL, 'p'},
                                            {"output", required_argument, NULL, 'o'},
                                            {0}};
    const char *devices[2] = {"cpu:", "sim:"}, *platform = NULL, *output = NULL;
    size_t device_count = 2;
    for (int option; (option = getopt_long(argc, argv, ":ho:", options, NULL)) != -1;) {
        if (option == 'd') {
            devices[0] = optarg;
            device_count = 1;
        } else if (option == 'p') {
            platform = optarg;
            devices[0] = optarg;
            device_count = 1;
        } else if (option == 'o') {
            output = optarg;
        } else {
            const int code = cli_option(cli, option == 'h' ? CLI_HELP : option, argv);
            if (code >= 0)
                return code;
        }
    }
    const char *path = cli_argument(cli, argc, argv, "the model file");
    if (!path)
        return CLI_USAGE;
    if (output && !platform)
        return cli_usage(cli, "-o is for the image of a card: --platform hw_emu");
    struct mr_error error;
    struct mr_model *model = mr_model_open(path, &error);
    if (!model)
        return cli_fail(cli, "%s", error.text);
    json_t *built = json_object();
    int failed = 0;
    for (size_t i = 0; i < device_count && !failed; i++) {
        char place[PATH_MAX];
        const double start = seconds_now();
        failed = platform ? mr_build_image(model, platform, &cli->options, output, place,
                                           sizeof place, &error)
                          : mr_build(model, devices[i], &cli->options, place, sizeof place, &error);
        if (failed)
            break;
        const double seconds = seconds_now() - start;
        json_object_set_new(built, devices[i],
                            json_pack("{s:s, s:f}", "path", place, "seconds", seconds));
        cli_end_progress(cli);
        if (!cli->json)
            printf("%-5s %s (%.2f s)\n", devices[i], place, seconds);
    }
    mr_model_close(model);
    if (failed) {
        json_decref(built);
        return cli_fail(cli, "%s", error.text);
    }
    if (cli->json)
        return cli_print_json(cli, json_pack("{s:o}", "built", built));
    json_decref(built);
    return CLI_OK;
}
