// SPDX-License-Identifier: Apache-2.0
// The command `millrace`: finds the subcommand.
#define _POSIX_C_SOURCE 200809L
#include "cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    cli_command *run;
    const char *help, *summary;
} commands[] = {
    {"import", cli_import, cli_import_help, "turn an ONNX file into a .millrace model"},
    {"plan", cli_plan, cli_plan_help, "lanes, exact cycles and resources on a target"},
    {"build", cli_build, cli_build_help, "compile the network and its simulator into the cache"},
    {"run", cli_run, cli_run_help, "run sequences on a device"},
    {"compare", cli_compare, cli_compare_help, "run on several devices and against float"},
    {"profile", cli_profile, cli_profile_help,
     "what each process does over time, and which sets the pace"},
    {"emulate", cli_emulate, cli_emulate_help, "run an XRT program against emulated cards"},
    {"devices", cli_devices, cli_devices_help, "list the devices and what they need"},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void print_help(FILE *stream) {
    fputs("Usage: millrace COMMAND ...\n"
          "Maps a trained LSTM network onto an FPGA, and runs it, with or without a card.\n\n",
          stream);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(stream, "  %-9s %s\n", commands[i].name, commands[i].summary);
    fputs("\nmillrace COMMAND --help tells more. Every command takes --json: one JSON object on\n"
          "stdout. Exit code: 0 well, 1 failed, 2 wrong usage. Built networks are kept in\n"
          "$MILLRACE_CACHE, else $XDG_CACHE_HOME/millrace, else ~/.cache/millrace.\n\n"
          "  millrace import rul.onnx --calibrate x.npy\n"
          "  millrace plan rul.millrace --target u55c\n"
          "  millrace run rul.millrace --device sim: --input x.npy -o y.npy\n",
          stream);
}

// At most a few edits away, so that a slip of the finger is understood.
static unsigned distance(const char *a, const char *b) {
    unsigned row[32];
    const size_t length = strlen(b);
    if (length >= sizeof row / sizeof *row)
        return 99;
    for (size_t j = 0; j <= length; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; a[i]; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 1; j <= length; j++) {
            const unsigned above = row[j], change = diagonal + (a[i] != b[j - 1]);
            unsigned best = above < row[j - 1] ? above : row[j - 1];
            best++;
            row[j] = change < best ? change : best;
            diagonal = above;
        }
    }
    return row[length];
}

static int unknown_command(const char *name) {
    fprintf(stderr, "millrace: there is no command %s; known are", name);
    const char *near = NULL;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(stderr, "%s %s", i ? "," : "", commands[i].name);
        if (strlen(name) < 30 && distance(name, commands[i].name) <= 2 && !near)
            near = commands[i].name;
    }
    if (near)
        fprintf(stderr, " (did you mean %s?)", near);
    fputc('\n', stderr);
    return CLI_USAGE;
}

static void show_progress(void *context, const char *text) {
    struct cli *cli = context;
    if (!cli->show_progress)
        return;
    fprintf(stderr, "\r\033[Kmillrace: %s ...", text);
    fflush(stderr);
    cli->progress_shown = true;
}

int main(int argc, char **argv) {
    // A reader that goes away shows as a failed write.
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        fputs("millrace: a command is missing; see millrace --help\n", stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("millrace %s\n", mr_version());
        return CLI_OK;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        struct cli cli = {.command = commands[i].name,
                          .help = commands[i].help,
                          .show_progress = isatty(STDERR_FILENO) == 1,
                          .options = {.progress = show_progress}};
        cli.options.progress_context = &cli;
        opterr = 0;
        int code = commands[i].run(&cli, argc - 1, argv + 1);
        cli_end_progress(&cli);
        if (fflush(stdout) != 0 || ferror(stdout)) {
            fputs("millrace: the output cannot be written\n", stderr);
            if (code == CLI_OK)
                code = CLI_FAILED;
        }
        return code;
    }
    return unknown_command(argv[1]);
}
