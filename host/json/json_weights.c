// SPDX-License-Identifier: Apache-2.0
// The files with the weights, and the numbers of a tensor or of the text.
#define _POSIX_C_SOURCE 200809L
#include "json_parts.h"

#include "file.h"
#include "file_kind.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILES = 256 };

static const int64_t per_file = (int64_t)1 << 40; // in the index: file * per_file + tensor

// ---- files

static char *path_of(const struct desc *net, const char *name) {
    const size_t size = strlen(net->folder) + strlen(name) + 2;
    char *path = malloc(size);

    if (path)
        snprintf(path, size, "%s%s%s", name[0] == '/' ? "" : net->folder,
                 name[0] == '/' || !*net->folder ? "" : "/", name);
    return path;
}

static int open_file(struct desc *net, const char *name) {
    struct desc_file *file = &net->files[net->file_count];
    char text[700];

    file->path = net->folder ? path_of(net, name) : strdup(name);
    if (!file->path)
        return desc_fail_file(net, "not enough memory");
    net->file_count++;
    const int result = net->folder ? mr_safetensors_read(file->path, mr_check_weights_file,
                                                         &file->tensors, text, sizeof text)
                                   : mr_safetensors_parse(net->memory, net->memory_size, file->path,
                                                          &file->tensors, text, sizeof text);
    if (result != 0)
        return desc_fail_file(net, "its weights cannot be read: %s", text);
    file->used = calloc(file->tensors.tensor_count + 1, sizeof *file->used);
    if (!file->used)
        return desc_fail_file(net, "not enough memory");
    for (size_t i = 0; i < file->tensors.tensor_count; i++) {
        const char *tensor = file->tensors.tensors[i].name;
        if (json_object_get(net->index, tensor))
            return desc_fail_file(net, "the tensor '%.100s' is in %s and in a file before it",
                                  tensor, file->path);
        if (json_object_set_new(
                net->index, tensor,
                json_integer((int64_t)(net->file_count - 1) * per_file + (int64_t)i)) != 0)
            return desc_fail_file(net, "not enough memory");
    }
    return 0;
}

int desc_open_files(struct desc *net) {
    const json_t *weights = json_object_get(net->root, "weights");
    const size_t count = json_is_array(weights) ? json_array_size(weights) : weights ? 1 : 0;

    if (count > MAX_FILES || (weights && count == 0))
        return desc_fail(net, "weights", "names %zu files; 1 to %d are possible", count, MAX_FILES);
    net->index = json_object();
    net->files = calloc(count + 1, sizeof *net->files);
    if (!net->index || !net->files)
        return desc_fail_file(net, "not enough memory");
    for (size_t i = 0; i < count; i++) {
        const json_t *name = json_is_array(weights) ? json_array_get(weights, i) : weights;
        if (!json_is_string(name) || json_string_length(name) == 0)
            return desc_fail(net, "weights",
                             "is no name of a safetensors file, nor a list of "
                             "such names");
        if (open_file(net, json_string_value(name)) != 0)
            return -1;
    }
    return 0;
}

static const struct mr_tensor *find(const struct desc *net, const char *name,
                                    struct desc_file **file) {
    const json_t *place = json_object_get(net->index, name);

    if (!place)
        return NULL;
    const size_t at = (size_t)(json_integer_value(place) % per_file);
    *file = &net->files[json_integer_value(place) / per_file];
    return &(*file)->tensors.tensors[at];
}

const struct mr_tensor *desc_find_tensor(const struct desc *net, const char *name) {
    struct desc_file *file;

    return find(net, name, &file);
}

enum { NAMES = 512 };

void desc_suggest_tensor(const struct desc *net, const char *name, char *text, size_t size) {
    const char *names[NAMES], *key;
    const json_t *value;
    size_t count = 0;

    json_object_foreach(net->index, key, value) {
        if (count < NAMES)
            names[count++] = key;
    }
    *text = '\0';
    const char *near = mr_nearest(name, names, count);
    if (near)
        snprintf(text, size, "; did you mean '%.100s'?", near);
    else if (count > 0)
        desc_suggest(text, size, "", names, count < 6 ? count : 6);
    if (!near && count > 6 && strlen(text) + 20 < size)
        snprintf(text + strlen(text), size - strlen(text), " and more");
}

void desc_note_unused(struct desc *net) {
    char text[300] = "";
    size_t count = 0;

    for (size_t f = 0; f < net->file_count; f++) {
        const struct desc_file *file = &net->files[f];
        for (size_t i = 0; i < file->tensors.tensor_count; i++) {
            const struct mr_tensor *t = &file->tensors.tensors[i];
            if (file->used[i] || !mr_dtype_is_weight(t->dtype)) // counters
                continue;
            if (count++ < 3)
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s'%.60s'",
                         *text ? ", " : "", t->name);
        }
    }
    if (count > 0)
        mr_text_add(&net->notes, "%zu tensor%s of the weights %s taken by no layer: %s%s\n", count,
                    mr_plural(count), count == 1 ? "is" : "are", text, count > 3 ? ", ..." : "");
}

// ---- numbers

static int make_room(const struct desc *net, const char *path, struct desc_numbers *numbers) {
    numbers->count = 1;
    for (int i = 0; i < numbers->rank; i++)
        if (!mr_multiply(numbers->count, numbers->shape[i], &numbers->count))
            return desc_fail(net, path, "has more numbers than are possible");
    if (numbers->count == 0)
        return desc_fail(net, path, "has no numbers: %s is empty", numbers->label);
    numbers->data = numbers->count < SIZE_MAX / sizeof *numbers->data
                        ? malloc(numbers->count * sizeof *numbers->data)
                        : NULL;
    return numbers->data ? 0 : desc_fail(net, path, "needs more memory than there is");
}

int desc_zeros(const struct desc *net, const char *path, int rank, const size_t *shape,
               struct desc_numbers *numbers) {
    memset(numbers, 0, sizeof *numbers);
    numbers->rank = rank;
    memcpy(numbers->shape, shape, (size_t)rank * sizeof *shape);
    if (make_room(net, path, numbers) != 0)
        return -1;
    memset(numbers->data, 0, numbers->count * sizeof *numbers->data);
    return 0;
}

static int check_finite(const struct desc *net, const char *path, struct desc_numbers *numbers) {
    for (size_t i = 0; i < numbers->count; i++) {
        if (isfinite((float)numbers->data[i]))
            continue;
        desc_fail(net, path, "has %g as number %zu of %s, which is no finite float32",
                  numbers->data[i], i, numbers->label);
        free(numbers->data);
        numbers->data = NULL;
        return -1;
    }
    return 0;
}

int desc_load_tensor(struct desc *net, const char *path, const char *name,
                     struct desc_numbers *numbers) {
    char text[400];
    struct desc_file *file;
    const struct mr_tensor *t = find(net, name, &file);

    memset(numbers, 0, sizeof *numbers);
    if (!t && net->file_count == 0)
        return desc_fail(net, path,
                         "names the tensor '%.100s', and there are no \"weights\", the "
                         "name of a safetensors file",
                         name);
    if (!t) {
        desc_suggest_tensor(net, name, text, sizeof text);
        return desc_fail(net, path, "needs the tensor '%.100s', which is not in %s%s", name,
                         net->file_count == 1 ? net->files[0].path : "the files of weights", text);
    }
    snprintf(numbers->label, sizeof numbers->label, "tensor '%.80s' of %.80s", name, file->path);
    if (!mr_dtype_is_weight(t->dtype))
        return desc_fail(net, path,
                         "takes %s for weights, which is %s; F32, F64, F16 and BF16 are "
                         "possible",
                         numbers->label, mr_dtype_name(t->dtype));
    numbers->rank = t->rank;
    memcpy(numbers->shape, t->shape, sizeof numbers->shape);
    if (make_room(net, path, numbers) != 0)
        return -1;
    for (size_t i = 0; i < numbers->count; i++)
        numbers->data[i] = mr_tensor_weight(t, i);
    file->used[t - file->tensors.tensors] = true;
    return check_finite(net, path, numbers);
}

// The numbers of lists in lists, which must be alike.
static bool fill(const json_t *value, int axis, const struct desc_numbers *numbers, double **to) {
    if (axis == numbers->rank) {
        if (json_is_number(value))
            *(*to)++ = json_number_value(value);
        return json_is_number(value);
    }
    if (json_array_size(value) != numbers->shape[axis])
        return false;
    for (size_t i = 0; i < numbers->shape[axis]; i++)
        if (!fill(json_array_get(value, i), axis + 1, numbers, to))
            return false;
    return true;
}

int desc_load(struct desc *net, const char *path, const json_t *value,
              struct desc_numbers *numbers) {
    double *to;

    if (json_is_string(value))
        return desc_load_tensor(net, path, json_string_value(value), numbers);
    memset(numbers, 0, sizeof *numbers);
    snprintf(numbers->label, sizeof numbers->label, "the list");
    for (const json_t *at = value; json_is_array(at); at = json_array_get(at, 0)) {
        if (numbers->rank == MR_TENSOR_RANK)
            return desc_fail(net, path, "has lists in more than %d lists", MR_TENSOR_RANK);
        numbers->shape[numbers->rank++] = json_array_size(at);
    }
    if (make_room(net, path, numbers) != 0)
        return -1;
    to = numbers->data;
    if (!fill(value, 0, numbers, &to)) {
        free(numbers->data);
        numbers->data = NULL;
        return desc_fail(net, path,
                         "is no number, no name of a tensor, and no list of numbers of "
                         "which each row is as long as the others");
    }
    return check_finite(net, path, numbers);
}

int desc_check_shape(const struct desc *net, const char *path, const struct desc_numbers *numbers,
                     int rank, const size_t *shape, const char *what) {
    char found[120], wanted[120];

    if (numbers->rank == rank &&
        (rank == 0 || memcmp(numbers->shape, shape, (size_t)rank * sizeof *shape) == 0))
        return 0;
    return desc_fail(net, path, "takes %s, of the shape %s; %s is expected, %s", numbers->label,
                     mr_shape_text(numbers->rank, numbers->shape, found, sizeof found),
                     mr_shape_text(rank, shape, wanted, sizeof wanted), what);
}
