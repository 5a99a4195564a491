// SPDX-License-Identifier: Apache-2.0
// The arrays of a model's outputs, and the files that they go to.
#include "cli.h"
#include "file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

int cli_make_outputs(struct cli *cli, const struct mr_model *model, size_t sequences, size_t steps,
                     bool every_step, struct cli_outputs *outputs) {
    struct mr_model_info info;
    char text[600];
    mr_model_info(model, &info);
    *outputs = (struct cli_outputs){.count = info.output_count};
    outputs->info = calloc(info.output_count, sizeof *outputs->info);
    outputs->arrays = calloc(info.output_count, sizeof *outputs->arrays);
    outputs->list = calloc(info.output_count, sizeof *outputs->list);
    if (!outputs->info || !outputs->arrays || !outputs->list)
        return cli_fail(cli, "not enough memory for the outputs");
    for (uint32_t o = 0; o < info.output_count; o++) {
        struct mr_output_info *of = &outputs->info[o];
        mr_model_output(model, o, of);
        const bool each = of->per_step || every_step;
        const size_t shape[3] = {sequences, each ? steps : of->width, of->width};
        if (mr_array_create(&outputs->arrays[o], each ? 3 : 2, shape, text, sizeof text))
            return cli_fail(cli, "%s", text);
        outputs->list[o] = (struct mr_output){
            .name = of->name, .data = outputs->arrays[o].data, .count = outputs->arrays[o].count};
    }
    return CLI_OK;
}

void cli_free_outputs(struct cli_outputs *outputs) {
    for (uint32_t o = 0; outputs->arrays && o < outputs->count; o++)
        mr_array_free(&outputs->arrays[o]);
    free(outputs->info);
    free(outputs->arrays);
    free(outputs->list);
}

// "y.npy" and "rul": "y.rul.npy".
static int name_file(struct cli *cli, const char *path, const char *name, char *to, size_t size) {
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    const size_t stem = dot && (!slash || dot > slash) ? (size_t)(dot - path) : strlen(path);
    if (snprintf(to, size, "%.*s.%s%s", (int)stem, path, name, path + stem) >= (int)size)
        return cli_fail(cli, "%s: the name is too long with that of output %s", path, name);
    for (char *at = to + stem + 1; *at && at < to + stem + 1 + strlen(name); at++)
        if (*at == '/')
            *at = '_';
    return CLI_OK;
}

int cli_check_outputs(struct cli *cli, const char *path, const struct cli_outputs *outputs,
                      const struct cli_file *files) {
    int code = CLI_OK;
    if (outputs->count == 1 || !path)
        return CLI_OK;
    if (mr_file_is_stdout(path))
        return cli_fail(cli, "the network has %u outputs, and standard output is one; name a file",
                        outputs->count);
    for (uint32_t o = 0; o < outputs->count && !code; o++) {
        char name[PATH_MAX], before[PATH_MAX];
        const struct cli_file out = {"--output", name, true};
        code = name_file(cli, path, outputs->info[o].name, name, sizeof name);
        if (!code)
            code = cli_check_file(cli, files, &out);
        for (uint32_t i = 0; i < o && !code; i++) {
            code = name_file(cli, path, outputs->info[i].name, before, sizeof before);
            if (!code && strcmp(name, before) == 0)
                code = cli_fail(cli,
                                "outputs '%s' and '%s' would both be written to %s; run it "
                                "through the library",
                                outputs->info[i].name, outputs->info[o].name, name);
        }
    }
    return code;
}

int cli_write_outputs(struct cli *cli, const char *path, const struct cli_outputs *outputs) {
    int code = CLI_OK;
    if (outputs->count == 1)
        return cli_write_output(cli, path, &outputs->arrays[0]);
    for (uint32_t o = 0; o < outputs->count && !code; o++) {
        char name[PATH_MAX];
        if (!path) {
            cli_end_progress(cli);
            printf("%s:\n", outputs->info[o].name);
            fflush(stdout);
            code = cli_write_output(cli, NULL, &outputs->arrays[o]);
        } else {
            code = name_file(cli, path, outputs->info[o].name, name, sizeof name);
            if (!code)
                code = cli_write_output(cli, name, &outputs->arrays[o]);
        }
    }
    return code;
}
