// SPDX-License-Identifier: Apache-2.0
// Input and output files of the commands (cli.h).
#define _POSIX_C_SOURCE 200809L
#include "array_file.h"
#include "array_layout.h"
#include "cli.h"
#include "csv.h"
#include "file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct mr_model *cli_open_model(struct cli *cli, const char *path, struct mr_error *error) {
    const struct mr_model_options options = {MR_MODEL_OPTIONS_INIT, .cells = cli->cells,
                                             .cell_count = cli->cell_count};
    return mr_model_open_with(path, &options, error);
}

int cli_read_array(struct cli *cli, const char *path, struct mr_array *array) {
    char text[900], note[600];
    if (mr_array_read(path, array, note, sizeof note, text, sizeof text))
        return cli_fail(cli, "%s", text);
    if (*note)
        cli_note(cli, "%s", note);
    return 0;
}

// A table with one column too many, the first, which counts the rows from 0.
static bool has_index(const struct mr_array *array, uint32_t features) {
    const size_t columns = array->rank == 2 ? array->shape[1] : 0;
    bool counts = columns == (size_t)features + 1;
    for (size_t row = 0; counts && row < array->shape[0]; row++)
        counts = array->data[row * columns] == (float)row;
    return counts;
}

// The order of the array's axes; NULL with a sentence.
static const char *check_shape(struct cli *cli, const char *path, const struct mr_model *model,
                               const struct mr_model_info *info, const struct mr_array *array) {
    const char *own = mr_model_layout(model);
    const char *layout = array->count > 0 ? mr_array_layout(array, own, info->inputs) : NULL;
    char shape[300], takes[32];
    if (layout)
        return layout;
    mr_shape_text(array->rank, array->shape, shape, sizeof shape);
    if (array->count == 0)
        cli_fail(cli, "%s is empty: an array of the shape %s holds no number", path, shape);
    else
        cli_fail(cli,
                 "%s has the shape %s, and model %s takes %s%s with F = %u features "
                 "(N sequences of T steps)%s",
                 path, shape, info->name, mr_layout_text(own, takes, sizeof takes),
                 strcmp(own, "TF") ? " or [T, F]" : "", info->inputs,
                 has_index(array, info->inputs)
                     ? "; its first column counts the rows, as pandas writes it without "
                       "index=False"
                     : "");
    return NULL;
}

int cli_read_sequences(struct cli *cli, const char *path, const struct mr_model *model,
                       const struct mr_model_info *info, struct cli_input *input) {
    if (mr_model_encoder(model, NULL))
        return cli_fail(cli,
                        "%s has an encoder, which reads %s, and a decoder, which answers it: "
                        "millrace run MODEL X --generate N --first TOKEN",
                        info->name, mr_input_name(path));
    return cli_read_input(cli, path, model, info, input);
}

int cli_read_input(struct cli *cli, const char *path, const struct mr_model *model,
                   const struct mr_model_info *info, struct cli_input *input) {
    struct mr_array *array = &input->array;
    int code = cli_read_array(cli, path, array);
    input->name = mr_input_name(path);
    const char *layout = code ? NULL : check_shape(cli, input->name, model, info, array);
    if (!code && !layout)
        code = CLI_FAILED;
    else if (!code && mr_array_arrange(array, layout) != 0)
        code = cli_fail(cli, "%s: not enough memory for it", input->name);
    if (code) {
        mr_array_free(array);
        return code;
    }
    input->x = array->data;
    input->sequences = array->shape[0];
    input->steps = array->shape[1];
    if (info->steps && input->steps != info->steps)
        cli_note(cli, "%s has %zu steps per sequence, and model %s was exported with %u",
                 input->name, input->steps, info->name, info->steps);
    return 0;
}

int cli_fail_run(struct cli *cli, int code, const struct mr_session *session,
                 const struct cli_input *input) {
    const bool named = code == MR_ERROR_INPUT;
    return cli_fail(cli, "%s%s%s", named ? input->name : "", named ? ": " : "",
                    mr_session_error(session));
}

static int check_output(struct cli *cli, const struct cli_file *files, const struct cli_file *out) {
    char text[900];
    if (mr_file_check_output(out->path, text, sizeof text))
        return cli_fail(cli, "%s", text);
    if (mr_file_is_stdout(out->path)) {
        if (cli->json || cli->stdout_taken)
            return cli_usage(cli, "%s %s and %s both write to standard output; name a file",
                             out->option, out->path, cli->json ? "--json" : "another option");
        cli->stdout_taken = true;
    }
    for (const struct cli_file *other = files; other->option; other++) {
        // Of two outputs the second one is told.
        if (!other->path || other == out || (other->output && other > out))
            continue;
        const bool input = !other->output;
        const char *path = input && strcmp(other->path, "-") == 0 ? "/dev/stdin" : other->path;
        if (mr_file_is_same(out->path, path))
            return cli_fail(cli, "%s %s would overwrite %s, %s; choose another name", out->option,
                            out->path, other->path,
                            input ? "which this command reads" : "another of its outputs");
    }
    return 0;
}

int cli_check_files(struct cli *cli, const struct cli_file *files) {
    int code = 0;
    for (const struct cli_file *file = files; file->option && !code; file++)
        if (file->output && file->path)
            code = check_output(cli, files, file);
    return code;
}

int cli_write_output(struct cli *cli, const char *path, const struct mr_array *array) {
    char text[900];
    const bool table = !path || (mr_file_is_stdout(path) && isatty(STDOUT_FILENO));
    cli_end_progress(cli);
    if (table ? mr_csv_write(path ? path : "-", array, text, sizeof text)
              : mr_array_write(path, array, text, sizeof text))
        return cli_fail(cli, "%s", text);
    return 0;
}
