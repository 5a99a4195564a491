// SPDX-License-Identifier: Apache-2.0
// Messages and options of all commands (cli.h).
#define _POSIX_C_SOURCE 200809L
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cli_end_progress(struct cli *cli) {
    if (cli->progress_shown)
        fputs("\r\033[K", stderr);
    cli->progress_shown = false;
}

static void say(struct cli *cli, const char *prefix, const char *text) {
    cli_end_progress(cli);
    fprintf(stderr, "millrace: %s%s\n", prefix, text);
}

int cli_fail(struct cli *cli, const char *format, ...) {
    char text[1200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say(cli, "", text);
    if (cli->json) {
        json_t *object = json_pack("{s:s}", "error", text);
        if (!object) // a name that is no UTF-8
            object = json_pack("{s:s}", "error", "see stderr");
        cli_print_json(cli, object);
    }
    return CLI_FAILED;
}

int cli_usage(struct cli *cli, const char *format, ...) {
    char text[1200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cli_end_progress(cli);
    fprintf(stderr, "millrace: %s; see millrace %s --help\n", text, cli->command);
    return CLI_USAGE;
}

void cli_note(struct cli *cli, const char *format, ...) {
    char text[1200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say(cli, "note: ", text);
}

int cli_print_json(struct cli *cli, json_t *object) {
    cli_end_progress(cli);
    char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
    json_decref(object);
    if (!text) {
        say(cli, "", "not enough memory for the JSON output");
        return CLI_FAILED;
    }
    const bool printed = puts(text) >= 0;
    free(text);
    return printed ? CLI_OK : CLI_FAILED;
}

// One choice of lanes, not two.
static int set_choice(struct cli *cli, enum mr_lanes_choice choice) {
    if (cli->modes)
        return cli_usage(cli, "--lanes, --latency and --area exclude each other");
    cli->modes = true;
    cli->options.choice = choice;
    return -1;
}

static int set_lanes(struct cli *cli, const char *text) {
    uint32_t count = 0;
    for (const char *at = text;;) {
        char *end;
        errno = 0;
        const unsigned long value = *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : 0;
        if (value == 0 || errno || value > 1000000 || (*end != ',' && *end != '\0'))
            return cli_usage(cli, "--lanes %s: whole numbers from 1 with commas are expected",
                             text);
        if (count == CLI_LANES)
            return cli_usage(cli, "--lanes %s: more than %d numbers", text, CLI_LANES);
        cli->lanes[count++] = (uint32_t)value;
        if (*end == '\0')
            break;
        at = end + 1;
    }
    cli->options.lanes = cli->lanes;
    cli->options.lane_count = count;
    return set_choice(cli, MR_LANES_GIVEN);
}

int cli_option(struct cli *cli, int option, char **argv) {
    switch (option) {
    case CLI_HELP:
        fputs(cli->help, stdout);
        return CLI_OK;
    case CLI_JSON:
        cli->json = true;
        return -1;
    case CLI_TARGET:
        cli->options.target = optarg;
        return -1;
    case CLI_GIVEN_LANES:
        return set_lanes(cli, optarg);
    case CLI_LATENCY:
        return set_choice(cli, MR_LANES_LATENCY);
    case CLI_AREA:
        return set_choice(cli, MR_LANES_AREA);
    case ':':
        return cli_usage(cli, "option %s needs a value", argv[optind - 1]);
    default:
        // A long option is behind optind; of short ones in a cluster only the letter is known.
        if (optopt > 0 && optopt < CLI_FIRST)
            return cli_usage(cli, "option -%c is not known", optopt);
        return cli_usage(cli, "option %s is not known or takes no value", argv[optind - 1]);
    }
}

const char *cli_argument(struct cli *cli, int argc, char **argv, const char *what) {
    if (optind >= argc) {
        cli_usage(cli, "%s is missing", what);
        return NULL;
    }
    if (optind + 1 < argc) {
        cli_usage(cli, "one argument too many: %s", argv[optind + 1]);
        return NULL;
    }
    return argv[optind];
}

bool cli_number(struct cli *cli, const char *name, const char *text, uint64_t max,
                uint64_t *number) {
    char *end = NULL;
    errno = 0;
    const unsigned long long value = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    if (value == 0 || errno || *end || value > max) {
        cli_usage(cli, "%s %s: a whole number from 1 to %llu is expected", name, text,
                  (unsigned long long)max);
        return false;
    }
    *number = value;
    return true;
}
