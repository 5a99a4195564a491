// SPDX-License-Identifier: Apache-2.0
// What the commands of `millrace` share: options, messages, and input and output files.
#ifndef MR_CLI_H
#define MR_CLI_H

#include "millrace.h"
#include "npy.h"

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 }; // exit codes
enum { CLI_LANES = 16 };

struct cli {
    const char *command; // its name
    const char *help;    // its help text
    bool json;           // one JSON object on stdout and nothing else
    bool show_progress;  // stderr is a terminal
    bool progress_shown; // a progress line stands on the terminal
    bool modes;          // --lanes, --latency or --area was given
    struct mr_options options;
    uint32_t lanes[CLI_LANES];
};

// A command of main.c: argv[0] is its name. Returns the exit code.
typedef int cli_command(struct cli *cli, int argc, char **argv);
cli_command cli_import, cli_plan, cli_build, cli_run, cli_compare, cli_profile, cli_devices,
    cli_emulate;
extern const char cli_import_help[], cli_plan_help[], cli_build_help[], cli_run_help[],
    cli_compare_help[], cli_profile_help[], cli_devices_help[], cli_emulate_help[];

// Print "millrace: <sentence>" on stderr (and {"error": …} on stdout with --json) and return the
// exit code.
int cli_fail(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
int cli_usage(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
// A remark on stderr.
void cli_note(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Takes the progress line off the terminal.
void cli_end_progress(struct cli *cli);
// Prints the object on stdout and frees it. The exit code.
int cli_print_json(struct cli *cli, json_t *object);

// Options that several commands take. A command gives getopt_long a table made of
// CLI_COMMON_OPTIONS (and CLI_PLAN_OPTIONS) and its own, whose values are below CLI_FIRST.
enum { CLI_FIRST = 256, CLI_HELP, CLI_JSON, CLI_TARGET, CLI_GIVEN_LANES, CLI_LATENCY, CLI_AREA };
#define CLI_COMMON_OPTIONS                                                                         \
    {"help", no_argument, NULL, CLI_HELP}, {                                                       \
        "json", no_argument, NULL, CLI_JSON                                                        \
    }
#define CLI_PLAN_OPTIONS                                                                           \
    {"target", required_argument, NULL, CLI_TARGET},                                               \
        {"lanes", required_argument, NULL, CLI_GIVEN_LANES},                                       \
        {"latency", no_argument, NULL, CLI_LATENCY}, {                                             \
        "area", no_argument, NULL, CLI_AREA                                                        \
    }
#define CLI_PLAN_HELP                                                                              \
    "  --target NAME     the device whose size limits the network (default u55c)\n"                \
    "  --lanes N[,N...]  columns per cycle, for all layers or one number for each\n"               \
    "  --latency         the shortest time for a sequence that fits\n"                             \
    "  --area            the smallest network\n"                                                   \
    "                    (default: the fastest at which the multipliers are kept busy)\n"

// Handles a shared option or getopt's complaint. -1: go on; else the exit code.
int cli_option(struct cli *cli, int option, char **argv);
// Checks that exactly one argument is left and returns it; NULL after a message.
const char *cli_argument(struct cli *cli, int argc, char **argv, const char *what);
// A whole number of 1 to max; false after a message.
bool cli_number(struct cli *cli, const char *name, const char *text, uint64_t max,
                uint64_t *number);

struct cli_input {
    float *x; // [sequences][steps][F]
    size_t sequences, steps;
    struct mr_array array; // owns x
};
// Reads .npy or .csv and puts it into the library's order. 0, or the exit code after a message.
int cli_read_input(struct cli *cli, const char *path, const struct mr_model_info *info,
                   struct cli_input *input);
// Tries whether the file can be written, without leaving a trace. 0, or the exit code after a
// message.
int cli_check_output(struct cli *cli, const char *path);
// Writes .csv by that ending, else .npy. 0, or the exit code after a message.
int cli_write_output(struct cli *cli, const char *path, const struct mr_array *array);

#endif
