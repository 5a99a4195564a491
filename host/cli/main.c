// SPDX-License-Identifier: Apache-2.0
// The command `millrace`: finds the subcommand.
#define _POSIX_C_SOURCE 200809L
#include "cli.h"

#include "text.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct cli_command *const commands[] = {
    &cli_import,  &cli_plan,    &cli_build,   &cli_run,     &cli_compare,
    &cli_profile, &cli_emulate, &cli_program, &cli_devices, &cli_train};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void print_help(FILE *stream) {
    fputs("Usage: millrace COMMAND ...\n"
          "Maps a trained LSTM, GRU or RNN network onto an FPGA, and runs it, with or without a "
          "card.\n\n",
          stream);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(stream, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\nmillrace help COMMAND tells more. Every command takes --json: one JSON object on\n"
          "stdout. Exit code: 0 well, 1 failed, 2 wrong usage. Built networks are kept in\n"
          "$MILLRACE_CACHE, else $XDG_CACHE_HOME/millrace, else ~/.cache/millrace.\n\n"
          "  millrace import rul.onnx --calibrate x.npy\n"
          "  millrace plan rul.millrace --target u55c\n"
          "  millrace run rul.millrace x.npy --device sim: -o y.npy\n",
          stream);
}

static const struct cli_command *find_command(const char *name) {
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(name, commands[i]->name) == 0)
            return commands[i];
        names[i] = commands[i]->name;
    }
    char known[200];
    size_t used = 0;
    for (size_t i = 0; i < COMMAND_COUNT && used < sizeof known; i++)
        used +=
            (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", names[i]);
    const char *near = mr_nearest(name, names, COMMAND_COUNT);
    cli_say("there is no command %s; known are %s%s%s%s", name, known,
            near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    return NULL;
}

static void show_note(void *context, const char *text) {
    cli_note(context, "%s", text);
}

static bool is_help(const char *word) {
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static int help(const char *name) {
    const struct cli_command *command = name ? find_command(name) : NULL;
    if (command)
        cli_print_help(command);
    else if (!name)
        print_help(stdout);
    return command || !name ? CLI_OK : CLI_USAGE;
}

// True when --json stands among the command's options: then wrong usage is told in JSON too, before
// or after it.
static bool asks_for_json(const struct cli_command *command, int argc, char **argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            return true;
        if (command->program && argv[i][0] != '-')
            break;
    }
    return false;
}

static void show_progress(void *context, const char *text) {
    struct cli *cli = context;
    if (!cli->show_progress)
        return;
    fprintf(stderr, "\r\033[Kmillrace: %s ...", text);
    fflush(stderr);
    cli->progress_shown = true;
}

// The exit code, once all of the output is written. told: a sentence said why the command failed.
static int finish(int code, bool told) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    if (!told)
        cli_say("standard output cannot be written%s%s", errno ? ": " : "",
                errno ? strerror(errno) : "");
    return code == CLI_OK ? CLI_FAILED : code;
}

// `help`, `version` and their other forms take no more than `most` words behind them.
static bool has_more(int argc, char **argv, int most) {
    if (argc <= 2 + most)
        return false;
    cli_say("one argument too many: %s; see millrace --help", argv[2 + most]);
    return true;
}

int main(int argc, char **argv) {
    // A reader that goes away and a limit on files show as failed writes.
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (argc < 2) {
        cli_say("a command is missing; see millrace --help");
        return CLI_USAGE;
    }
    if (is_help(argv[1]))
        return has_more(argc, argv, 1) ? CLI_USAGE : finish(help(argv[2]), false);
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0 ||
        strcmp(argv[1], "version") == 0) {
        if (has_more(argc, argv, 0))
            return CLI_USAGE;
        printf("millrace %s\n", mr_version());
        return finish(CLI_OK, false);
    }
    if (argv[1][0] == '-') {
        cli_say("%s stands before the command; see millrace --help", argv[1]);
        return CLI_USAGE;
    }
    const struct cli_command *command = find_command(argv[1]);
    if (!command)
        return CLI_USAGE;
    struct cli cli = {.command = command,
                      .json = asks_for_json(command, argc - 2, argv + 2),
                      .show_progress = isatty(STDERR_FILENO) == 1,
                      .options = {MR_OPTIONS_INIT, .progress = show_progress, .note = show_note}};
    cli.options.progress_context = cli.options.note_context = &cli;
    opterr = 0;
    const int code = command->run(&cli, argc - 1, argv + 1);
    cli_end_progress(&cli);
    return finish(code, cli.told);
}
