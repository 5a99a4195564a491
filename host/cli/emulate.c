// SPDX-License-Identifier: Apache-2.0
// `millrace emulate`: any XRT program, unchanged, against emulated cards.
#define _GNU_SOURCE
#include "cli.h"
#include "emulation.h"
#include "xrt_api.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// XRT's handlers of fatal signals end the whole process group, so it gets one of its own.
static pid_t start(char **argv) {
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        if (isatty(STDIN_FILENO))
            tcsetpgrp(STDIN_FILENO, getpid()); // keys and their signals go to the program
        signal(SIGTTOU, SIG_DFL);
        execvp(argv[0], argv);
        fprintf(stderr, "millrace: %s: cannot be started (%s)\n", argv[0], strerror(errno));
        _exit(127);
    }
    return child;
}

static int emulate_command(struct cli *cli, int argc, char **argv) {
    struct mr_xrt_api api;
    char text[900];
    int status = 0;
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        cli_print_help(cli->command);
        return CLI_OK;
    }
    if (argc < 2)
        return cli_usage(cli, "the program is missing");
    if (*argv[1] == '-')
        return cli_usage(cli, "option %s is not known", argv[1]);
    if (mr_emulation_prepare(true, text, sizeof text) || mr_xrt_load(&api, text, sizeof text) ||
        mr_emulation_set_libraries(api.folder, text, sizeof text))
        return cli_fail(cli, "%s", text);
    signal(SIGTTOU, SIG_IGN);
    const pid_t child = start(argv + 1);
    if (child < 0)
        return cli_fail(cli, "no process for %s (%s)", argv[1], strerror(errno));
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (isatty(STDIN_FILENO))
        tcsetpgrp(STDIN_FILENO, getpgrp());
    mr_emulation_sweep((long)child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

const struct cli_command cli_emulate = {
    .name = "emulate",
    .summary = "run an XRT program against emulated cards",
    .usage = "PROGRAM [ARGUMENT...]",
    .about =
        "Runs an XRT program in the environment in which XRT's hardware emulation works, so that "
        "it\n"
        "finds emulated cards 0 to 15 and may load images that millrace build --platform hw_emu "
        "made.\n"
        "(millrace run --device xrt:N does so by itself.) XRT sleeps 10 s when it loads an "
        "image.\n"
        "Exit code: that of the program.",
    .run = emulate_command,
};
