// SPDX-License-Identifier: Apache-2.0
// Messages of all commands (cli.h).
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include "json_append.h"
#include "model_handle.h"

#include <stdarg.h>
#include <stdlib.h>

void cli_end_progress(struct cli *cli) {
    if (cli->progress_shown)
        fputs("\r\033[K", stderr);
    cli->progress_shown = false;
}

// The object that --json promises where there is no result.
static void print_error(struct cli *cli, const char *text) {
    if (!cli->json)
        return;
    json_t *object = json_pack("{s:s}", "error", text);
    if (!object) // a name that is no UTF-8
        object = json_pack("{s:s}", "error", "see stderr");
    cli_print_json(cli, object);
}

// Names come from files, and may hold what moves a terminal's cursor or ends the line.
static void make_printable(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

static void say(struct cli *cli, const char *prefix, char *text) {
    cli_end_progress(cli);
    make_printable(text);
    fprintf(stderr, "millrace: %s%s\n", prefix, text);
}

void cli_say(const char *format, ...) {
    char text[1200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    make_printable(text);
    fprintf(stderr, "millrace: %s\n", text);
}

int cli_fail(struct cli *cli, const char *format, ...) {
    char text[1200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say(cli, "", text);
    cli->told = true;
    print_error(cli, text);
    return CLI_FAILED;
}

int cli_usage(struct cli *cli, const char *format, ...) {
    char text[1200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cli_end_progress(cli);
    make_printable(text);
    fprintf(stderr, "millrace: %s; see millrace %s --help\n", text, cli->command->name);
    cli->told = true;
    print_error(cli, text);
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

FILE *cli_report(struct cli *cli) {
    cli_end_progress(cli);
    return cli->stdout_taken ? stderr : stdout;
}

void cli_warn(struct cli *cli, const char *format, ...) {
    char text[1200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say(cli, "warning: ", text);
}

int cli_print_json(struct cli *cli, json_t *object) {
    cli_end_progress(cli);
    char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
    json_decref(object);
    if (!text) {
        cli_say("the JSON output cannot be made: memory is short, or a name is no UTF-8");
        cli->told = true;
        return CLI_FAILED;
    }
    const bool printed = puts(text) >= 0;
    free(text);
    return printed ? CLI_OK : CLI_FAILED;
}

void cli_print_number(struct cli *cli, const struct mr_model *model, uint32_t number,
                      const struct mr_accuracy_info *accuracy) {
    struct mr_model_info info;
    char name[80];
    mr_model_info(model, &info);
    if (number < CLI_NUMBERS)
        fprintf(cli_report(cli), "  %-9s  rms error %.3g, largest %.3g, signal to error %.1f dB\n",
                mr_network_number(mr_model_network(model), (int)number, name, sizeof name),
                accuracy->rms_error, accuracy->max_error, accuracy->snr_db);
    else if (number == CLI_NUMBERS)
        fprintf(cli_report(cli), "  and %u more, all told by --json\n",
                (unsigned)(info.outputs - CLI_NUMBERS));
}

json_t *cli_number_json(const struct mr_model *model, uint32_t number,
                        const struct mr_accuracy_info *accuracy) {
    char name[600];
    json_t *object = cli_accuracy_json(accuracy);
    mr_network_number(mr_model_network(model), (int)number, name, sizeof name);
    mr_json_put(&object, "name", json_string(name));
    return object;
}

json_t *cli_accuracy_json(const struct mr_accuracy_info *accuracy) {
    return json_pack("{s:f, s:f, s:f}", "rms_error", accuracy->rms_error, "max_error",
                     accuracy->max_error, "snr_db", accuracy->snr_db);
}
