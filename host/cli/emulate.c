// SPDX-License-Identifier: Apache-2.0
// `millrace emulate`: any XRT or USB program, unchanged, against emulated devices. The command is
// to the program what a shell is: the program has a process group of its own, for XRT's handlers of
// fatal signals end all of theirs, and what comes here is passed on to it.
#define _GNU_SOURCE
#include "cli.h"
#include "usb_emulation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LAST_MS = 2000, MOMENT_MS = 20 }; // for cards whose program has ended

// Passed on, beside what a stop takes.
static const int passed_on[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};
enum { PASSED_ON = sizeof passed_on / sizeof *passed_on };

struct emulated {
    pid_t program; // and its group
    bool terminal; // is the program's
    bool asked;    // by a signal, to end
};

static void wait_a_moment(void) {
    nanosleep(&(struct timespec){.tv_nsec = MOMENT_MS * 1000000}, NULL);
}

static bool in_foreground(void) {
    return isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

// ---- Processes ---------------------------------------------------------------------------------

static pid_t start_program(char **argv, bool terminal, const sigset_t *mask) {
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        if (terminal)
            tcsetpgrp(STDIN_FILENO, getpid()); // keys and their signals go to the program
        signal(SIGTTOU, SIG_DFL);
        sigprocmask(SIG_SETMASK, mask, NULL);
        execvp(argv[0], argv);
        fprintf(stderr, "millrace: %s: cannot be started (%s)\n", argv[0], strerror(errno));
        _exit(127);
    }
    if (child > 0)
        setpgid(child, child);
    return child;
}

// A process that ends the program and its cards when this one was killed: the pipe then closes
// without a byte. Returns the end that this process keeps; -1 when there is none.
static int start_guard(pid_t program) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return -1;
    const pid_t child = fork();
    if (child == 0) {
        char byte;
        ssize_t got;
        setsid();
        dup2(ends[0], 0);
        for (int fd = 1; fd < 1024; fd++)
            close(fd);
        while ((got = read(0, &byte, 1)) < 0 && errno == EINTR)
            ;
        if (got == 0) {
            kill(-program, SIGKILL);
            for (int ms = 0; ms < LAST_MS && !kill(-program, 0); ms += MOMENT_MS)
                wait_a_moment();
            mr_emulation_leave();
        }
        _exit(0);
    }
    close(ends[0]);
    if (child > 0)
        return ends[1];
    close(ends[1]);
    return -1;
}

// ---- What happens meanwhile --------------------------------------------------------------------

// The program was stopped, by a key perhaps: so is this command, until its shell wakes it.
static void stop_too(struct emulated *emulated) {
    if (emulated->terminal)
        tcsetpgrp(STDIN_FILENO, getpgrp());
    raise(SIGSTOP);
    emulated->terminal = in_foreground();
    if (emulated->terminal)
        tcsetpgrp(STDIN_FILENO, emulated->program);
    kill(-emulated->program, SIGCONT);
}

// True when it has ended, with its status.
static bool has_ended(struct emulated *emulated, int *status) {
    const pid_t found = waitpid(emulated->program, status, WNOHANG | WUNTRACED);
    if (found == emulated->program && WIFSTOPPED(*status)) {
        stop_too(emulated);
        return false;
    }
    return found == emulated->program || (found < 0 && errno != EINTR);
}

static int wait_for_end(struct emulated *emulated, const sigset_t *mask) {
    int status = 0;
    while (!has_ended(emulated, &status)) {
        siginfo_t info;
        const int number = sigwaitinfo(mask, &info);
        if (number <= 0 || number == SIGCHLD)
            continue;
        kill(-emulated->program, number);
        emulated->asked |= number == SIGTERM || number == SIGINT || number == SIGHUP;
    }
    // Its cards see their connections closed, and their end is told here.
    for (int ms = 0; ms < LAST_MS && !kill(-emulated->program, 0); ms += MOMENT_MS) {
        while (waitpid(-emulated->program, NULL, WNOHANG) > 0)
            ;
        wait_a_moment();
    }
    if (emulated->asked)
        kill(-emulated->program, SIGKILL);
    return status;
}

static int emulate(struct cli *cli, char **argv) {
    struct emulated emulated = {.terminal = in_foreground()};
    sigset_t mask, before;
    sigemptyset(&mask);
    for (int i = 0; i < PASSED_ON; i++)
        sigaddset(&mask, passed_on[i]);
    sigaddset(&mask, SIGTSTP);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, &before);
    signal(SIGCHLD, SIG_DFL); // where it is ignored, children leave no status
    signal(SIGTTOU, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    emulated.program = start_program(argv, emulated.terminal, &before);
    if (emulated.program < 0)
        return cli_fail(cli, "no process for %s (%s)", argv[0], strerror(errno));
    const int guard = start_guard(emulated.program);
    const int status = wait_for_end(&emulated, &mask);
    if (emulated.terminal)
        tcsetpgrp(STDIN_FILENO, getpgrp());
    mr_emulation_leave();
    if (guard >= 0 && write(guard, "", 1) == 1)
        close(guard);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// ---- USB ---------------------------------------------------------------------------------------

enum { USB, USB_DEVICES = 8, WORD = 2 * PATH_MAX };

// What stands before the program, which is a program of its own: the bus and its devices.
struct bus {
    char program[PATH_MAX], devices[USB_DEVICES][WORD];
    unsigned count;
};

// BOARD or MODEL.millrace, then :SERIAL and :FAULTS; or a device in that program's own words, whose
// first one is a chip (ft...). 0, or the exit code after a message.
static int add_device(struct cli *cli, struct bus *bus, const char *text) {
    static const char ending[] = ".millrace";
    struct mr_error error;
    char name[PATH_MAX], serial[40];
    char *word = bus->devices[bus->count];
    if (bus->count == USB_DEVICES)
        return cli_usage(cli, "--usb: there are at most %d devices", USB_DEVICES);
    const size_t length = strcspn(text, ":");
    const char *given = text[length] ? text + length + 1 : "";
    const size_t serial_length = strcspn(given, ":");
    const char *faults = given[serial_length] ? given + serial_length + 1 : "";
    if (length >= sizeof name || serial_length >= sizeof serial || strlen(text) >= WORD)
        return cli_usage(cli, "--usb: '%.100s' is too long", text);
    snprintf(name, sizeof name, "%.*s", (int)length, text);
    snprintf(serial, sizeof serial, "MR%u", bus->count + 1);
    if (serial_length)
        snprintf(serial, sizeof serial, "%.*s", (int)serial_length, given);
    const bool is_model =
        length >= sizeof ending && !strcmp(name + length + 1 - sizeof ending, ending);
    if (!is_model && !strncmp(name, "ft", 2)) {
        snprintf(word, WORD, "%s", text);
        bus->count++;
        return 0;
    }
    struct mr_model *model = is_model ? cli_open_model(cli, name, &error) : NULL;
    if (is_model && !model)
        return cli_fail(cli, "%s", error.text);
    const int code = mr_usb_emulation_device(is_model ? NULL : name, model, &cli->options, serial,
                                             faults, word, WORD, &error);
    mr_model_close(model);
    cli_end_progress(cli);
    if (code)
        return cli_fail(cli, "%s", error.text);
    bus->count++;
    return 0;
}

static int emulate_usb(struct cli *cli, struct bus *bus, int argc, char **argv) {
    struct mr_error error;
    if (mr_usb_emulation_program(bus->program, sizeof bus->program, &error))
        return cli_fail(cli, "%s", error.text);
    char **words = calloc((size_t)argc + USB_DEVICES + 3, sizeof *words);
    if (!words)
        return cli_fail(cli, "not enough memory");
    size_t count = 0;
    words[count++] = bus->program;
    for (unsigned i = 0; i < bus->count; i++)
        words[count++] = bus->devices[i];
    words[count++] = (char[]){"--"};
    memcpy(words + count, argv, (size_t)argc * sizeof *argv);
    const int code = emulate(cli, words);
    free(words);
    return code;
}

static int emulate_command(struct cli *cli, int argc, char **argv) {
    static struct bus bus;
    struct mr_error error;
    int id, code;
    while ((id = cli_next(cli, argc, argv)) == USB)
        if ((code = add_device(cli, &bus, optarg)))
            return code;
    if (id != CLI_END)
        return cli->code;
    if (optind >= argc)
        return cli_usage(cli, "the program is missing");
    if (bus.count)
        return emulate_usb(cli, &bus, argc - optind, argv + optind);
    if (mr_emulation_enter(&error))
        return cli_fail(cli, "%s", error.text);
    return emulate(cli, argv + optind);
}

static const struct cli_option options[] = {
    {USB, 0, "usb", "DEVICE",
     "an emulated USB device: a board, as icebreaker, or MODEL.millrace for its pipeline\n"
     "behind an FT601. :SERIAL gives it a serial number, and :FAULTS behind that what\n"
     "goes wrong with it (docs/usb-emulation.md). May be given several times"},
    {0},
};

const struct cli_command cli_emulate = {
    .name = "emulate",
    .summary = "run an XRT or USB program against emulated devices",
    .usage = "[--usb DEVICE]... PROGRAM [ARGUMENT...]",
    .options = options,
    .about =
        "Runs an XRT program in the environment in which XRT's hardware emulation works, so that\n"
        "it finds emulated cards 0 to 15 and may load images that millrace build --platform "
        "hw_emu\n"
        "made. (millrace run --device xrt:N does so by itself.) XRT sleeps 10 s when it loads an\n"
        "image. Its sockets lie in /tmp/$USER, so for the program USER names a private folder.\n"
        "With --usb instead on a machine whose only USB devices are emulated ones: what is behind\n"
        "their chips is RTL in Verilator, and libusb and libftdi are those of this machine.\n"
        "Signals to this command go to the program; what belongs to it ends with this command.\n"
        "Exit code: that of the program; 128 and the number of the signal that ended it.",
    .program = true,
    .run = emulate_command,
};
