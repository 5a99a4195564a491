// SPDX-License-Identifier: Apache-2.0
// Tensors that an ONNX file keeps in another file. Such a file may come from anywhere, so what it
// names is read only inside the model's own folder.
#define _GNU_SOURCE
#include "onnx_graph.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t max_external = (size_t)1 << 31;

static const char *entry(const Onnx__TensorProto *t, const char *key) {
    for (size_t i = 0; i < t->n_external_data; i++) {
        const Onnx__StringStringEntryProto *e = t->external_data[i];
        if (e->key && e->value && strcmp(e->key, key) == 0)
            return e->value;
    }
    return NULL;
}

// A whole number of an entry; 0 when it is absent.
static bool number(const char *text, uint64_t *value) {
    char *end;

    *value = 0;
    if (!text)
        return true;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *value <= INT64_MAX;
}

static bool climbs(const char *location) {
    for (const char *at = location; *at;) {
        size_t length = strcspn(at, "/");
        if (length == 2 && memcmp(at, "..", 2) == 0)
            return true;
        at += length;
        at += *at == '/';
    }
    return false;
}

// The file with all links followed, when it is still inside of the folder. free() it.
static char *resolve(const char *folder, const char *location, bool *outside) {
    char joined[PATH_MAX];
    char *root = realpath(folder, NULL), *file = NULL;

    *outside = false;
    if (root && strlen(root) + strlen(location) + 2 <= sizeof joined) {
        size_t length = strlen(root);
        memcpy(joined, root, length);
        joined[length] = '/';
        strcpy(joined + length + 1, location);
        file = realpath(joined, NULL);
        if (file && length > 1 && (strncmp(file, root, length) != 0 || file[length] != '/')) {
            *outside = true;
            free(file);
            file = NULL;
        }
    }
    free(root);
    return file;
}

static int bad(struct onnx_graph *graph, const Onnx__TensorProto *t, const char *location,
               const char *what) {
    return onnx_fail_file(graph, "tensor '%.100s' is kept in '%.200s', %s", t->name ? t->name : "",
                          location, what);
}

static int read_part(int fd, unsigned char *data, size_t bytes, off_t offset) {
    for (size_t done = 0; done < bytes;) {
        ssize_t got = pread(fd, data + done, bytes - done, offset + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        done += (size_t)got;
    }
    return 0;
}

bool onnx_keep_file(struct onnx_graph *graph, char *path) {
    for (size_t i = 0; i < graph->file_count; i++) {
        if (strcmp(graph->files[i], path) == 0) {
            free(path);
            return true;
        }
    }
    char **grown = realloc(graph->files, (graph->file_count + 1) * sizeof *grown);
    if (!grown) {
        free(path);
        return false;
    }
    graph->files = grown;
    grown[graph->file_count++] = path;
    return true;
}

int onnx_external(struct onnx_graph *graph, const Onnx__TensorProto *t, size_t bytes,
                  unsigned char **data) {
    const char *location = entry(t, "location");
    uint64_t offset, length;
    struct stat status;
    bool outside;

    *data = NULL;
    if (!location || !location[0])
        return onnx_fail_file(graph, "tensor '%.100s' is kept in another file that is not named",
                              t->name ? t->name : "");
    if (!number(entry(t, "offset"), &offset) || !number(entry(t, "length"), &length))
        return bad(graph, t, location, "and its offset or length is no number");
    if (!graph->folder)
        return bad(graph, t, location, "and there is no folder to look for it");
    if (location[0] == '/' || climbs(location))
        return bad(graph, t, location,
                   "and only files in the folder of the model are read; put it there and export "
                   "again, or export the model into one file");
    char *path = resolve(graph->folder, location, &outside);
    if (!path)
        return bad(graph, t, location,
                   outside
                       ? "which is a link out of the folder of the model; put the file itself "
                         "there"
                       : "which is not in the folder of the model; put it beside the ONNX file");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (!onnx_keep_file(graph, path) || fd < 0 || fstat(fd, &status) != 0 ||
        !S_ISREG(status.st_mode)) {
        if (fd >= 0)
            close(fd);
        return bad(graph, t, location, "which is not a file that can be read");
    }
    int result = 0;
    if ((entry(t, "length") && length != bytes) || offset > (uint64_t)status.st_size ||
        bytes > (uint64_t)status.st_size - offset)
        result = onnx_fail_file(
            graph,
            "tensor '%.100s' needs %zu bytes by its shape from byte %llu of '%.200s', which holds "
            "%lld; the file is cut off or of another model",
            t->name ? t->name : "", bytes, (unsigned long long)offset, location,
            (long long)status.st_size);
    else if (bytes > max_external - graph->external)
        result = bad(graph, t, location, "and more than 2 GiB are kept outside of the model");
    else if (!(*data = malloc(bytes + 1)))
        result = bad(graph, t, location, "and there is not enough memory for it");
    else if (read_part(fd, *data, bytes, (off_t)offset) != 0)
        result = bad(graph, t, location, "which cannot be read");
    close(fd);
    if (result != 0) {
        free(*data);
        *data = NULL;
        return -1;
    }
    graph->external += bytes;
    graph->budget += 16 * bytes;
    return 0;
}
