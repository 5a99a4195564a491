// SPDX-License-Identifier: Apache-2.0
// Input and output files of the commands (cli.h).
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include "csv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_csv(const char *path) {
    const size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, ".csv") == 0;
}

static const char *shape_text(const struct mr_array *array, char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < array->rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%zu", i ? ", " : "", array->shape[i]);
    if (used < size)
        snprintf(text + used, size - used, "]");
    return text;
}

// [T, N, F] to [N, T, F].
static int transpose(struct cli *cli, const char *path, struct mr_array *array) {
    const size_t steps = array->shape[0], sequences = array->shape[1], features = array->shape[2];
    if (sequences > 1) {
        float *ordered = malloc(array->count * sizeof *ordered);
        if (!ordered)
            return cli_fail(cli, "%s: not enough memory for it", path);
        for (size_t t = 0; t < steps; t++)
            for (size_t n = 0; n < sequences; n++)
                memcpy(ordered + (n * steps + t) * features,
                       array->data + (t * sequences + n) * features, features * sizeof *ordered);
        free(array->data);
        array->data = ordered;
    }
    array->shape[0] = sequences;
    array->shape[1] = steps;
    return 0;
}

int cli_read_input(struct cli *cli, const char *path, const struct mr_model_info *info,
                   struct cli_input *input) {
    struct mr_array *array = &input->array;
    char text[900], shape[300];
    const int failed = is_csv(path) ? mr_csv_read(path, array, text, sizeof text)
                                    : mr_npy_read(path, array, text, sizeof text);
    if (failed)
        return cli_fail(cli, "%s", text);
    const bool good = (array->rank == 2 || array->rank == 3) && array->count > 0 &&
                      array->shape[array->rank - 1] == info->inputs;
    if (!good) {
        shape_text(array, shape, sizeof shape);
        mr_array_free(array);
        return cli_fail(cli,
                        "%s has the shape %s, and model %s takes %s or [T, F] with F = %u features "
                        "(N sequences of T steps)",
                        path, shape, info->name, info->batch_first ? "[N, T, F]" : "[T, N, F]",
                        info->inputs);
    }
    if (array->rank == 2) {
        array->shape[2] = array->shape[1];
        array->shape[1] = array->shape[0];
        array->shape[0] = 1;
        array->rank = 3;
    } else if (!info->batch_first) {
        const int code = transpose(cli, path, array);
        if (code) {
            mr_array_free(array);
            return code;
        }
    }
    input->x = array->data;
    input->sequences = array->shape[0];
    input->steps = array->shape[1];
    if (info->steps && input->steps != info->steps)
        cli_note(cli, "%s has %zu steps per sequence, and model %s was exported with %u", path,
                 input->steps, info->name, info->steps);
    return 0;
}

int cli_check_output(struct cli *cli, const char *path) {
    struct stat status;
    const bool exists = stat(path, &status) == 0;
    if (exists && S_ISDIR(status.st_mode))
        return cli_fail(cli, "%s cannot be written: it is a folder", path);
    if (exists && access(path, W_OK))
        return cli_fail(cli, "%s cannot be written: %s", path, strerror(errno));
    if (exists && !S_ISREG(status.st_mode))
        return 0; // a pipe or device is written directly
    // The result will be written beside the file and renamed, so its folder must take a new file.
    const size_t size = strlen(path) + 40;
    char *probe = malloc(size);
    if (!probe)
        return cli_fail(cli, "%s: not enough memory", path);
    snprintf(probe, size, "%s.%ld.probe", path, (long)getpid());
    const int fd = open(probe, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    const int reason = errno;
    if (fd >= 0) {
        close(fd);
        unlink(probe);
    }
    free(probe);
    return fd >= 0 ? 0 : cli_fail(cli, "%s cannot be written: %s", path, strerror(reason));
}

int cli_write_output(struct cli *cli, const char *path, const struct mr_array *array) {
    char text[900];
    const int failed = is_csv(path) ? mr_csv_write(path, array, text, sizeof text)
                                    : mr_npy_write(path, array, text, sizeof text);
    return failed ? cli_fail(cli, "%s", text) : 0;
}
