// SPDX-License-Identifier: Apache-2.0
// The arrays of a model's outputs, and the files that they go to.
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include "file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
        const size_t rows = of->per_step ? cli_output_rows(of, steps) : steps;
        const size_t shape[3] = {sequences, each ? rows : of->width, of->width};
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

// "y.npy" and "rul": "y.rul.npy". What no file's name should hold is written as '_'.
static char *join(const char *path, const char *name) {
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    const size_t stem = dot && (!slash || dot > slash) ? (size_t)(dot - path) : strlen(path);
    const size_t size = strlen(path) + strlen(name) + 2;
    char *joined = malloc(size);
    if (!joined)
        return NULL;
    snprintf(joined, size, "%.*s.%s%s", (int)stem, path, name, path + stem);
    for (char *at = joined + stem + 1; at < joined + stem + 1 + strlen(name); at++)
        if (*at == '/' || (unsigned char)*at < ' ' || *at == 0x7f)
            *at = '_';
    return joined;
}

char **cli_output_paths(struct cli *cli, const struct mr_model *model, const char *path) {
    struct mr_model_info info;
    struct mr_output_info of;
    struct stat is;
    mr_model_info(model, &info);
    const bool device = stat(path, &is) == 0 && S_ISCHR(is.st_mode);
    if (info.output_count > 1 && mr_file_is_stdout(path)) {
        cli_fail(cli, "the network has %u outputs, and standard output is one; name a file",
                 info.output_count);
        return NULL;
    }
    char **paths = calloc(info.output_count, sizeof *paths);
    bool short_of_memory = !paths;
    for (uint32_t o = 0; !short_of_memory && mr_model_output(model, o, &of) == 0; o++) {
        paths[o] = info.output_count == 1 || device ? strdup(path) : join(path, of.name);
        short_of_memory = !paths[o];
    }
    if (!short_of_memory)
        return paths;
    cli_free_paths(model, paths);
    cli_fail(cli, "not enough memory for the names of the outputs' files");
    return NULL;
}

void cli_free_paths(const struct mr_model *model, char **paths) {
    struct mr_model_info info = {0};
    mr_model_info(model, &info);
    for (uint32_t o = 0; paths && o < info.output_count; o++)
        free(paths[o]);
    free(paths);
}

int cli_write_outputs(struct cli *cli, char *const *paths, const struct cli_outputs *outputs) {
    int code = CLI_OK;
    for (uint32_t o = 0; o < outputs->count && !code; o++) {
        if (!paths && outputs->count > 1) {
            cli_end_progress(cli);
            printf("%s:\n", outputs->info[o].name);
            fflush(stdout);
        }
        code = cli_write_output(cli, paths ? paths[o] : NULL, &outputs->arrays[o]);
    }
    return code;
}
