// SPDX-License-Identifier: Apache-2.0
// What the commands of `millrace` share: options, messages, and input and output files.
#ifndef MR_CLI_H
#define MR_CLI_H

#include "graph.h"
#include "millrace.h"
#include "npy.h"

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 }; // exit codes

// An option: its one description, from which it is parsed and told.
struct cli_option {
    int id;               // below CLI_FIRST; for the switch of its command
    char letter;          // of its short form, or 0
    const char *name;     // without the dashes; NULL ends a list
    const char *argument; // the name of its value, or NULL
    const char *text;
};

struct cli;

struct cli_command {
    const char *name, *summary;
    const char *usage;                // what follows the name
    const char *about;                // what it does
    const struct cli_option *options; // its own
    bool plans;                       // --target, --lanes, --latency and --area too
    bool cards;                       // --bitstreams too
    bool threads;                     // --threads too
    bool models;                      // --cell too
    bool program; // it runs one: options behind the first argument are that program's
    // argv[0] is the command's name. Returns the exit code.
    int (*run)(struct cli *cli, int argc, char **argv);
};
extern const struct cli_command cli_import, cli_plan, cli_build, cli_run, cli_compare, cli_profile,
    cli_devices, cli_emulate, cli_program, cli_train;

struct cli {
    const struct cli_command *command;
    int code;            // when cli_next has given CLI_STOP
    bool json;           // one JSON object on stdout and nothing else
    bool stdout_taken;   // an output file is standard output, so that reports go to stderr
    bool show_progress;  // stderr is a terminal
    bool progress_shown; // a progress line stands on the terminal
    bool told;           // a sentence said why the command failed
    bool modes;          // --lanes, --latency or --area was given
    struct mr_options options;
    uint32_t lanes[MR_MAX_LAYERS], passes[MR_MAX_LAYERS], h_first[MR_MAX_LAYERS];
    const char *cells[MR_MAX_LAYERS]; // [cell_count] files of the user's own
    uint32_t cell_count;
};

// ---- messages (shared.c)

// Print "millrace: <sentence>" on stderr (and {"error": …} on stdout with --json) and return the
// exit code.
int cli_fail(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
int cli_usage(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
// The same sentence alone, where there is no command.
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
// A remark on stderr.
void cli_note(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Something that makes the result worse than it could be, on stderr.
void cli_warn(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Takes the progress line off the terminal.
void cli_end_progress(struct cli *cli);
// Prints the object on stdout and frees it. The exit code.
int cli_print_json(struct cli *cli, json_t *object);
// Where a report for people goes.
FILE *cli_report(struct cli *cli);

// Lines of numbers of a row at most.
enum { CLI_NUMBERS = 64 };

// Rows of an output that a sequence of so many steps gives.
static inline size_t cli_output_rows(const struct mr_output_info *output, size_t steps) {
    return !output->per_step ? 1 : output->steps ? output->steps : steps;
}

// The accuracy of a number of the row that all outputs together are, as a line.
void cli_print_number(struct cli *cli, const struct mr_model *model, uint32_t number,
                      const struct mr_accuracy_info *accuracy);
// The same as an object, and without the number's name.
json_t *cli_number_json(const struct mr_model *model, uint32_t number,
                        const struct mr_accuracy_info *accuracy);
json_t *cli_accuracy_json(const struct mr_accuracy_info *accuracy);

// ---- the command line (options.c)

enum { CLI_FIRST = 256, CLI_END, CLI_STOP };

// The next option of the command: its id, with the value in optarg; CLI_END after the last one;
// CLI_STOP when the command is to return cli->code.
int cli_next(struct cli *cli, int argc, char **argv);
// The arguments that are no options: exactly one; NULL after a message.
const char *cli_argument(struct cli *cli, int argc, char **argv, const char *what);
// A model, and the input unless --input gave it; CLI_OK, or CLI_USAGE after a message.
int cli_model_and_input(struct cli *cli, int argc, char **argv, const char **model,
                        const char **input);
// A whole number of 1 to max; false after a message.
bool cli_number(struct cli *cli, const char *name, const char *text, uint64_t max,
                uint64_t *number);
void cli_print_help(const struct cli_command *command);

// ---- files (files.c)

// Opens a model with the cells of the command line; NULL with a sentence in error.
struct mr_model *cli_open_model(struct cli *cli, const char *path, struct mr_error *error);

struct cli_input {
    const char *name; // of the file, for messages
    float *x;         // [sequences][steps][F]
    size_t sequences, steps;
    struct mr_array array; // owns x
};
// Reads .npy or .csv and puts it into the library's order. 0, or the exit code after a message.
int cli_read_input(struct cli *cli, const char *path, const struct mr_model *model,
                   const struct mr_model_info *info, struct cli_input *input);
// The same of what runs a model as it is: one with an encoder is refused.
int cli_read_sequences(struct cli *cli, const char *path, const struct mr_model *model,
                       const struct mr_model_info *info, struct cli_input *input);
// The message for a run that gave this code: cli_fail, with the input's name where it is at fault.
int cli_fail_run(struct cli *cli, int code, const struct mr_session *session,
                 const struct cli_input *input);
// Reads .npy or .csv, and tells of a header. 0, or the exit code after a message.
int cli_read_array(struct cli *cli, const char *path, struct mr_array *array);

// A file that a command reads or writes, by the option that named it.
struct cli_file {
    const char *option; // NULL ends a list
    const char *path;   // NULL: not given
    bool output;
};
// Tries whether each output can be written, without leaving a trace, and is neither one of the
// inputs nor another output. 0, or the exit code after a message.
int cli_check_files(struct cli *cli, const struct cli_file *files);
// Writes .csv by that ending, else .npy; NULL is a table on standard output. 0, or the exit code
// after a message.
int cli_write_output(struct cli *cli, const char *path, const struct mr_array *array);

// ---- outputs.c

// Arrays for all outputs of a model.
struct cli_outputs {
    uint32_t count;
    struct mr_output_info *info; // [count]
    struct mr_array *arrays;     // [count]
    struct mr_output *list;      // [count], for mr_session_run_named
};
// Each is [sequences, width], or [sequences, steps, width] where it has a row per step or
// every_step is set. 0, or the exit code after a message. Free in either case.
int cli_make_outputs(struct cli *cli, const struct mr_model *model, size_t sequences, size_t steps,
                     bool every_step, struct cli_outputs *outputs);
void cli_free_outputs(struct cli_outputs *outputs);
// The files of a model's outputs where `path` is given for them: of a single output the path
// itself; of several the path with each one's name before the ending ("y.rul.npy"), or a character
// device
// (/dev/null) for all. [output_count]; NULL after a message. Free with cli_free_paths.
char **cli_output_paths(struct cli *cli, const struct mr_model *model, const char *path);
void cli_free_paths(const struct mr_model *model, char **paths);
// Writes them to their files, or for NULL as tables on standard output. 0, or the exit code.
int cli_write_outputs(struct cli *cli, char *const *paths, const struct cli_outputs *outputs);

// ---- saturation.c

// Warns of what the session cut, in a sentence for the input and one for values inside.
void cli_warn_saturation(struct cli *cli, const struct mr_session *session,
                         const struct mr_model *model);
// Adds to the object what the session cut: cut_inputs and cut_values, and as `saturation` an array
// of the features and operators where something was. The object, or NULL when there is no memory.
json_t *cli_add_saturation(json_t *object, const struct mr_session *session,
                           const struct mr_model *model);

#endif
